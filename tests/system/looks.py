# SPDX-License-Identifier: GPL-2.0-or-later
"""First looks into a real dump: each command in each form of the dump, its lines against addr2line, and what it says of
what is not there. What it shows is judged against other programs in lab/judges."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lab.checks import Checks
from lab.errors import LabError
from lab.paths import ROOT, program
from lab.proc import environment, run
from tests.people import completion, guides
from tests.records.postgres import Postgres

from .subject import FILTER_SECONDS, Subject

SECONDS = 60
NOT_FOUND = 6
USAGE = 2
UNSUPPORTED = 5
# What each is asked, and how many things are in the answer at least.
ASKED = {
    "bt": (["-a", "-r"], "stacks", 2),
    "bt-tasks": (["--all-tasks"], "stacks", 30),
    "ps": (["-t"], "tasks", 30),
    "log": (["-T"], "records", 200),
    "mod": ([], "modules", 4),
    "mem": ([], "counters", 20),
    "sym": ([], "symbols", 50000),
    "struct": (["task_struct", "init_task"], "value", 100),
    "rd": (["linux_banner", "16"], "values", 16),
}
LINES_OF = ("panic", "do_exit", "schedule", "vfs_read", "kmem_cache_alloc", "__alloc_pages",
            "fork_init", "do_syscall_64")
# How a command may end on a dump that is damaged: said, not by a signal.
STATUSES = {0, 1, 4, 5, 6, 11}
HOLE = 65536  # bytes of zeros in the middle
PAGE = 4096


def argv_of(name: str, dump: Path, *options: str) -> list[str | Path]:
    """DUMP is the first operand; what is asked follows."""
    return [program("lifeboat"), name.split("-")[0], *options, dump, *ASKED[name][0]]


def ask(name: str, dump: Path) -> dict[str, Any]:
    """What one says in JSON."""
    said = json.loads(run(argv_of(name, dump, "--json"), seconds=SECONDS).stdout)
    assert isinstance(said, dict)
    return said


def status(*words: str | Path) -> tuple[int, str]:
    """How a command ends that may fail, and what it says."""
    done = subprocess.run([program("lifeboat"), *words], env=environment(), capture_output=True,
                          check=False, stdin=subprocess.DEVNULL, timeout=SECONDS)
    return done.returncode, done.stderr.decode("utf-8", "replace").strip()


def make_forms(subject: Subject) -> dict[str, Path]:
    """The same crash as a kdump file without user pages, as a stream of one, and in a crash's folder."""
    kdump = subject.filtered("lzo", 31, 1, "looks.kdump")
    flat = subject.folder / "looks.flat"
    with flat.open("wb") as out:
        subprocess.run([*subject.filter_argv("lzo", 31, 1), "-F", subject.vmcore],
                       env=environment(), stdout=out, stderr=subprocess.DEVNULL,
                       timeout=FILTER_SECONDS, check=True)
    crash = subject.folder / "looks" / "2026-01-01T00-00-00Z"
    shutil.rmtree(crash.parent, ignore_errors=True)
    crash.mkdir(parents=True)
    (crash / "vmcore").hardlink_to(kdump)
    return {"kdump": kdump, "flat": flat, "folder": crash}


def judge_forms(subject: Subject, forms: dict[str, Path], checks: Checks) -> None:
    """Every command says the same of every form, as text as well."""
    for name, (_, key, least) in ASKED.items():
        said = ask(name, subject.vmcore)
        text = run(argv_of(name, subject.vmcore), seconds=SECONDS).stdout
        good = len(said[key]) >= least and bool(text.strip()) and not said.get("gaps")
        detail = f"{len(said[key])} {key}"
        checks.expect(f"{name}-says", good, f"{detail}, gaps {said.get('gaps')}, text {text[:200]!r}",
                      detail)
        other = []
        for form, dump in forms.items():
            again = ask(name, dump)
            again["file"] = said["file"]
            if again != said:
                other.append(form)
        checks.expect(f"{name}-forms", not other, f"another answer from {other}")


def lines_by(subject: Subject, address: int) -> list[tuple[str, str, int]]:
    """What addr2line says: functions, innermost first, with file and line."""
    text = run(["addr2line", "-i", "-f", "-e", subject.vmlinux, hex(address)], seconds=SECONDS).stdout
    rows = text.splitlines()
    found = []
    for function, place in zip(rows[0::2], rows[1::2], strict=True):
        path, _, line = place.partition(" ")[0].rpartition(":")
        found.append((function, path, int(line) if line.isdigit() else 0))
    return found


def judge_lines(subject: Subject, checks: Checks) -> None:
    """Files, lines and inlined functions, with KASLR taken off."""
    wrong, n, inlined = [], 0, 0
    rows = [row.split() for row in run(["nm", subject.vmlinux], seconds=SECONDS).stdout.splitlines()]
    base = {row[2]: int(row[0], 16) for row in rows if len(row) == 3}
    asked = [f"{name}+{at:#x}" for name in LINES_OF if name in base for at in range(0, 0x60, 0x10)]
    text = run([program("lifeboat"), "sym", "--json", "-l", f"--vmlinux={subject.vmlinux}",
                subject.vmcore, *asked], seconds=SECONDS).stdout
    for one in json.loads(text)["symbols"]:
        name, _, offset = one["query"].partition("+")
        if one["name"] != name:
            continue  # past the end of a short one
        want = lines_by(subject, base[name] + int(offset, 16))
        got = [(line["function"], line["file"], line["line"]) for line in one["lines"]]
        n += 1
        inlined += len(got) > 1
        if [(a, Path(b).name, c) for a, b, c in want] != [(a, Path(b).name, c) for a, b, c in got]:
            wrong.append(f"{one['query']}: {got}, addr2line has {want}")
    checks.expect("lines", not wrong and n >= 20 and inlined >= 5,
                  f"{n} asked, {inlined} inlined: {wrong[:3]}",
                  f"{n} addresses, {inlined} with inlined functions")


def judge_absent(subject: Subject, checks: Checks) -> None:
    """What is not there is said, with the status that stands for it."""
    dump = subject.vmcore
    cases = {
        "symbol": (("sym", dump, "no_such_symbol"), NOT_FOUND, "no_such_symbol"),
        "address": (("rd", dump, "0"), NOT_FOUND, "not mapped"),
        "task": (("bt", dump, "4000000"), NOT_FOUND, "4000000"),
        "no-task": (("bt", dump, "linux_banner"), NOT_FOUND, "is no task"),
        "no-name": (("bt", dump, "bash"), NOT_FOUND, "lifeboat ps"),
        "state": (("bt", "-s", "Q", dump), USAGE, "'Q'"),
        "ps-state": (("ps", "-s", "running", dump), USAGE, "'r'"),
        "end": (("rd", dump, "ffffffffffffffff"), NOT_FOUND, "lies there"),
        "per-cpu": (("struct", dump, "rq", "runqueues"), USAGE, "--cpu"),
        "symbols": (("sym", dump, "no_such_symbol", "nor_this"), NOT_FOUND, "1 more"),
        "modules": (("mod", dump, "no_such_module", "nor_this"), NOT_FOUND, "nor_this"),
        "log": (("report", __file__), UNSUPPORTED, "lifeboat signature"),
        "folder": (("report", Path(__file__).parent), NOT_FOUND, "lifeboat signature"),
        "empty": (("report", ""), USAGE, "empty"),
        "module": (("mod", dump, "no_such_module"), NOT_FOUND, "no_such_module"),
        "type": (("struct", dump, "no_such_type"), NOT_FOUND, "no_such_type"),
        "process": (("ps", dump, "no_such_process"), NOT_FOUND, "no_such_process"),
        "dump": (("ps",), USAGE, "no DUMP"),
        "operand": (("mem", dump, "more"), USAGE, "more"),
        "crash": (("bt", "no-such-crash", "--root", subject.folder), NOT_FOUND, "no-such-crash"),
        "vmlinux": (("open", "--print", dump), NOT_FOUND, "-dbg, version"),
        "wrong-vmlinux": (("open", "--print", "--vmlinux", program("lifeboat"), dump), NOT_FOUND,
                          "build id"),
    }
    for name, (words, want, part) in cases.items():
        got, said = status(*words)
        checks.expect(f"absent-{name}", got == want and part in said, f"status {got}: {said}")


def read_words(dump: Path, address: int, count: int) -> dict[str, Any]:
    """Physical memory, 8 bytes each; a value is None where a page is missing, and the status says so."""
    words = ("rd", "-p", "-w", "64", "--json", dump, f"{address:#x}", str(count))
    done = subprocess.run([program("lifeboat"), *words], env=environment(), capture_output=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=SECONDS)
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def judge_hole(dump: Path, checks: Checks) -> None:
    """A read that begins at an odd address once took the page before a missing one for missing as well."""
    values = read_words(dump, 0x100000, 2048 * PAGE // 8)["values"]
    holes = [int(here["address"], 16) for before, here in zip(values, values[1:])
             if before["value"] is not None and here["value"] is None]
    checks.expect("hole-found", bool(holes), "no page of those that were read is followed by one that is left out")
    for hole in holes[:1]:
        told = read_words(dump, hole - 20, 5)
        known = [value["value"] is not None for value in told["values"]]
        good = known == [True, True, False, False] and told["missing_bytes"] == 24
        checks.expect("hole-odd-address", good, str(told))


def judge_open(subject: Subject, checks: Checks) -> None:
    """The command line for crash and drgn."""
    for tool, last in (("crash", str(subject.vmcore)), ("drgn", "-q")):
        words = ["open", "--json", "--with", tool, f"--vmlinux={subject.vmlinux}", subject.vmcore]
        got, said = status(*words)
        if got == NOT_FOUND and "not installed" in said:
            checks.skip(f"open-{tool}", said)
            continue
        text = run([program("lifeboat"), *words, "--", "-q"], seconds=SECONDS).stdout
        command = json.loads(text)["command"]
        good = {str(subject.vmlinux), str(subject.vmcore), "-q"} <= set(command)
        checks.expect(f"open-{tool}", good and command[-1] == last, f"{command}")


def judge_doctor(subject: Subject, checks: Checks) -> None:
    """A machine whose memory is this vmcore: everything that is read of the dump could be."""
    root = subject.folder / "looks.root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "proc").mkdir(parents=True)
    (root / "proc/kcore").hardlink_to(subject.vmcore)
    done = subprocess.run([program("lifeboat"), "doctor", "--json", f"--root={root}"],
                          env=environment(), capture_output=True, check=False, timeout=SECONDS)
    said = json.loads(done.stdout)
    lacking = {one["name"] for one in said["readable"] if not one["there"]} - {"vmlinux"}
    checks.expect("doctor-tries", said["tried"] and not lacking, f"{said['not_tried']}: {lacking}")
    size = subject.filtered("lzo", 31, 1, "looks.size")
    real = size.stat().st_size
    size.unlink()
    off = said["dump"]["file_bytes"] / real - 1
    checks.expect("doctor-size", abs(off) < 0.25, f"{said['dump']['file_bytes']} told, {real} is it",
                  f"{off:+.0%} of lzo's")
    shutil.rmtree(root)


def judge_root(subject: Subject, dump: Path, checks: Checks) -> None:
    """A crash of a recorded machine by its name, which once was looked for on this one."""
    root = subject.folder / "looks.root"
    crash = root / "var/crash/2026-01-01T00-00-00Z"
    shutil.rmtree(root, ignore_errors=True)
    crash.mkdir(parents=True)
    (crash / "vmcore").hardlink_to(dump)
    for which in (crash.name, "latest"):
        got, said = status("bt", f"--root={root}", which)
        checks.expect(f"root-{which}", got == 0, f"status {got}: {said}")
    shutil.rmtree(root)


def judge_guide(dump: Path, checks: Checks) -> None:
    """The guides' commands on a machine whose newest crash has this dump, and the answers that they show."""
    without = {name for name in ("jq", "psql") if not shutil.which(name)}
    ours = program("lifeboat").resolve()
    tables = {command["name"]: command for command in completion.tables_of(ours)}
    with (nullcontext() if "psql" in without else Postgres() as server,
          tempfile.TemporaryDirectory() as scratch):
        there = {"PGHOST": str(server.folder), "PGUSER": "lab", "PGDATABASE": "postgres"} if server else {}
        real = guides.Dump(dump.resolve(), {**os.environ, **there}, without)
        for guide in (page for page in guides.pages() if guides.wants_dump(page)):
            why = guides.check_guide(guide, ours, tables, Path(scratch), set(), real)
            checks.expect(f"guide-{guide.stem}", not why, str(why))
    if without:
        checks.skip("guide-fleet", f"not installed: {', '.join(sorted(without))}")


def judge_damaged(forms: dict[str, Path], folder: Path, checks: Checks) -> None:
    """A dump that ends early, or has other bytes in the middle: said, not died of."""
    whole = forms["kdump"].read_bytes()
    damaged = folder / "looks.damaged"
    bad = []
    for n in range(1, 8):
        cut = len(whole) * n // 8
        other = whole[: cut - HOLE] + bytes(HOLE) + whole[cut:]
        for kind, data in (("cut", whole[:cut]), ("other", other)):
            damaged.write_bytes(data)
            for name in ("bt", "bt-tasks", "ps", "mod", "mem", "struct", "log"):
                got, said = status(*argv_of(name, damaged)[1:])
                if got not in STATUSES or (got and not re.search(r"\w", said)):
                    bad.append(f"{name}, {kind} {n}/8: {got} {said[-200:]}")
    damaged.unlink()
    checks.expect("damaged", not bad, "\n".join(bad[:5]))


def judge(subject: Subject, checks: Checks) -> None:
    """All of it."""
    if not subject.vmcore.is_file():
        raise LabError(f"{subject.vmcore}: there is none")
    forms = make_forms(subject)
    judge_forms(subject, forms, checks)
    judge_lines(subject, checks)
    judge_absent(subject, checks)
    judge_root(subject, forms["kdump"], checks)
    judge_hole(forms["kdump"], checks)
    judge_open(subject, checks)
    judge_doctor(subject, checks)
    judge_guide(forms["kdump"], checks)
    judge_damaged(forms, subject.folder, checks)
    for path in (forms["kdump"], forms["flat"]):
        path.unlink()
    shutil.rmtree(forms["folder"].parent)
