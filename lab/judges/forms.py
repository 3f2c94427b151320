# SPDX-License-Identifier: GPL-2.0-or-later
"""The dump as a stream and as a split set: do crash and makedumpfile take ours, and we theirs?"""

import subprocess
from pathlib import Path

from ..checks import Checks
from ..errors import LabError
from ..kdump import Kdump
from ..paths import program
from ..proc import run
from .evidence import Evidence
from .readers import crash_lacks, crash_says, panic_view


def judge_crash_on(evidence: Evidence, checks: Checks, name: str, dumps: list[Path]) -> None:
    """crash opens these files as one dump, if it is not older than the kernel."""
    if not evidence.has_debuggers:
        return
    script = evidence.folder.path / "crash.commands"
    wanted = panic_view(evidence.death)
    said = crash_says(dumps, evidence.vmlinux, script, list(wanted))
    lacks = [why for why in crash_lacks(said, wanted).values() if why]
    checks.expect(f"crash-{name}", not lacks, "; ".join(lacks))


def expect_same_pages(checks: Checks, name: str, got: Path, want: Path) -> None:
    """Both files have the same pages, unpacked by the lab's own reader."""
    have, needed = dict(Kdump(got).pages()), dict(Kdump(want).pages())
    odd = [hex(p) for p in have.keys() | needed.keys() if have.get(p) != needed.get(p)]
    checks.expect(name, not odd and bool(needed), f"page frames {odd[:5]} differ",
                  f"{len(needed)} pages")


def flatten(dump: Path, out: Path) -> None:
    """filter -F at a level that leaves out nothing of a filtered dump."""
    argv = [program("lifeboat"), "filter", "-q", "-F", "-l", "-d", "1", dump]
    with open(out, "wb") as file:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=file,
                              stderr=subprocess.PIPE, timeout=120, check=False)
    if done.returncode:
        raise LabError(f"filter -F: {done.stderr.decode(errors='replace')}")


def rearrange(argv: list[str | Path], stream: Path) -> None:
    """Run a -R with the stream on standard input."""
    with open(stream, "rb") as file:
        done = subprocess.run(argv, stdin=file, capture_output=True, timeout=120, check=False)
    if done.returncode:
        raise LabError(f"{argv}: {done.stderr.decode(errors='replace')}")


def judge_stream(evidence: Evidence, checks: Checks) -> None:
    """-F and -R."""
    folder = evidence.folder.path
    stream, theirs, ours = folder / "stream", folder / "stream.theirs", folder / "stream.ours"
    flatten(evidence.dump_path, stream)
    judge_crash_on(evidence, checks, "flattened", [stream])
    rearrange(["makedumpfile", "-f", "-R", theirs], stream)
    rearrange([program("lifeboat"), "filter", "-f", "-R", ours], stream)
    expect_same_pages(checks, "makedumpfile-rearranges", theirs, evidence.dump_path)
    checks.expect("rearranged-alike", theirs.read_bytes() == ours.read_bytes())


def judge_split(evidence: Evidence, checks: Checks) -> None:
    """--split and --reassemble, ours and makedumpfile's crosswise."""
    folder, lifeboat = evidence.folder.path, program("lifeboat")
    files = [folder / f"split.{part}" for part in range(3)]
    joined = folder / "split.joined"
    run([lifeboat, "filter", "-q", "-f", "--split", "-l", "-d", "1", evidence.dump_path, *files])
    judge_crash_on(evidence, checks, "split", files)
    run([lifeboat, "verify", *files])
    run(["makedumpfile", "-f", "--reassemble", *files, joined])
    expect_same_pages(checks, "makedumpfile-reassembles", joined, evidence.dump_path)
    if b"compound_info" in evidence.dump.vmcoreinfo():
        print("   makedumpfile's own split is left out: it does not know Linux 7.1 and newer")
        return
    # level 0 of the dump itself: which pages of the memory it keeps is no matter here
    split = [*evidence.makedumpfile, "-f", "--split", "--splitblock-size", "1024", "-l", "-d", "0"]
    run([*split, evidence.dump_path, *files])
    run([lifeboat, "filter", "-q", "-f", "--reassemble", *reversed(files), joined])
    expect_same_pages(checks, "reassembles-makedumpfiles", joined, evidence.dump_path)


def judge(evidence: Evidence, checks: Checks) -> None:
    """Both forms."""
    for name, part in (("stream", judge_stream), ("split", judge_split)):
        with checks.guard(name):
            part(evidence, checks)
