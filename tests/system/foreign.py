# SPDX-License-Identifier: GPL-2.0-or-later
"""Other programs' dumps, read by us: every page equal to the source, and all of its page frames.

makedumpfile's: compressed, ELF, flattened, and the parts of a split dump. QEMU's: compressed, which is
flattened, too.
"""

import json
import subprocess
from pathlib import Path

from lab.checks import Checks
from lab.judges.pages import compare
from lab.proc import environment, run

from .subject import Subject

LEVELS = (1, 31)
FULL_LEVELS = (0, 1, 16, 31)
PARTS = 3
SECONDS = 300


def flatten(subject: Subject, level: int, out: Path) -> None:
    """makedumpfile -F writes to stdout."""
    argv = ["makedumpfile", "-l", "-F", "-d", str(level), str(subject.vmcore)]
    with open(out, "wb") as file:
        subprocess.run(
            argv,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
        )


def expect_equal(subject: Subject, checks: Checks, name: str, dump: Path, peer: str) -> None:
    """Our reader's view of one file."""
    with checks.guard(name):
        verdict = compare(f"lifeboat:{dump}", subject.source, peer)
        checks.expect(name, not verdict.wrong, verdict.wrong, f"{verdict.compared} pages")


def judge_level(subject: Subject, checks: Checks, level: int) -> None:
    """All formats that are one file; their page frames are judged by libkdumpfile's view of -l."""
    lzo = subject.folder / f"foreign.lzo-d{level}"
    peer = f"kdumpfile:{lzo}"
    for name, option in (("lzo", "-l"), ("zlib", "-c"), ("elf", "-E"), ("flat", "-F")):
        out = lzo.with_name(f"foreign.{name}-d{level}")
        out.unlink(missing_ok=True)
        with checks.guard(f"{name}-d{level}"):
            if name == "flat":
                flatten(subject, level, out)
            else:
                argv: list[str | Path] = ["makedumpfile", option, "-d", str(level)]
                run([*argv, subject.vmcore, out], seconds=SECONDS)
            # its ELF files have no zero pages: libkdumpfile's view of the file itself
            own = f"elf:{out}" if name == "elf" else peer
            expect_equal(subject, checks, f"{name}-d{level}", out, own)
        if out != lzo:
            out.unlink(missing_ok=True)
    lzo.unlink(missing_ok=True)


def judge_split(subject: Subject, checks: Checks) -> None:
    """The parts of a set together, and the dump that makedumpfile makes of them again."""
    parts = [subject.folder / f"foreign.part{number}" for number in range(PARTS)]
    whole = subject.folder / "foreign.reassembled"
    lzo = subject.folder / "foreign.split-peer"
    for path in (*parts, whole, lzo):
        path.unlink(missing_ok=True)
    run(["makedumpfile", "-l", "-d", "31", subject.vmcore, lzo], seconds=SECONDS)
    run(["makedumpfile", "-l", "-d", "31", "--split", subject.vmcore, *parts], seconds=SECONDS)
    run(["makedumpfile", "--reassemble", *parts, whole], seconds=SECONDS)
    expect_equal(subject, checks, "reassembled", whole, f"kdumpfile:{lzo}")
    with checks.guard("split"):
        verdict = compare("lifeboat:" + ",".join(map(str, parts)), subject.source, f"kdumpfile:{lzo}")
        checks.expect("split", not verdict.wrong, verdict.wrong, f"{verdict.compared} pages")
    for path in (*parts, whole, lzo):
        path.unlink()


def judge_qemu(subject: Subject, checks: Checks) -> None:
    """Two dumps of a machine that stands still behind its firmware's first instructions."""
    dumps = {form: subject.folder / f"foreign.qemu-{form}" for form in ("elf", "kdump-zlib")}
    requests = [{"execute": "qmp_capabilities"}]
    for form, out in dumps.items():
        out.unlink(missing_ok=True)
        arguments = {"paging": False, "protocol": f"file:{out}", "format": form}
        requests.append({"execute": "dump-guest-memory", "arguments": arguments})
    requests.append({"execute": "quit"})
    argv = ["qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-S", "-display", "none"]
    run([*argv, "-nodefaults", "-qmp", "stdio"], seconds=60,
        stdin="".join(json.dumps(request) + "\n" for request in requests))
    verdict = compare(f"lifeboat:{dumps['kdump-zlib']}", f"elf:{dumps['elf']}")
    checks.expect("qemu", not verdict.wrong, verdict.wrong, f"{verdict.compared} pages")
    for out in dumps.values():
        out.unlink()


def judge(subject: Subject, checks: Checks) -> None:
    """All of it."""
    for level in FULL_LEVELS if subject.full else LEVELS:
        judge_level(subject, checks, level)
    with checks.guard("split"):
        judge_split(subject, checks)
    with checks.guard("qemu"):
        judge_qemu(subject, checks)
