# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m lab look: how long a first look at a dump takes, and how much memory: our report, drgn and crash.

They have debug information, which is on the disk already; we have none. The dump is in the page cache, and all take turns.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from . import bench, big, debs
from .errors import LabError
from .paths import ROOT, build_dir, program
from .proc import environment, run, tail

Say = Callable[[str], None]

INPUTS = ("small", "sixtyfour")
ROUNDS = 3
SECONDS = 300  # for one look
OURS = "lifeboat report"
GOAL_SECONDS, GOAL_MIB = 1.0, 64.0
LEAST_LINES = 100  # what says less has failed without telling

# About what our report tells.
CRASH_COMMANDS = (
    *("sys", "log", "bt", "bt -a", "ps", "foreach UN bt", "runq", "kmem -i", "kmem -s", "mod", "quit"),
)


@dataclass(frozen=True)
class Look:
    """One way to look at a dump; its file comes last."""

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Took:
    """One run."""

    seconds: float
    cpu: float
    mib: float


def looks(folder: Path) -> list[Look]:
    """All of them."""
    vmlinux = str(debs.fetch_vmlinux())
    script = folder / "crash.commands"
    script.write_text("\n".join(CRASH_COMMANDS) + "\n", encoding="ascii")
    lifeboat = str(program("lifeboat"))
    return [
        Look(OURS, (lifeboat, "report")),
        Look(f"{OURS} --html", (lifeboat, "report", "--html", str(folder / "report.html"))),
        Look("drgn", ("/usr/bin/python3", "-m", "lab.drgn_look")),
        Look("crash", (*debs.fetch_crash(), "-s", "-i", str(script), vmlinux)),
    ]


def measure(look: Look, dump: Path, folder: Path) -> Took:
    """One run of one of them."""
    out = folder / "out"
    words = [*look.argv, str(dump)]
    if look.name == "drgn":
        words.append(str(debs.fetch_vmlinux()))
    (folder / "report.html").unlink(missing_ok=True)
    big.read_once(dump)
    with open(out, "wb") as file:
        started = time.monotonic()
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words], cwd=ROOT, env=environment(),
                                   stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        usage = bench.finish(process, SECONDS)
        seconds = time.monotonic() - started
    text = out.read_text(encoding="utf-8", errors="replace")
    if "--html" in look.name and (folder / "report.html").exists():
        text += (folder / "report.html").read_text(encoding="utf-8", errors="replace").replace("><", ">\n<")
    if process.returncode or len(text.splitlines()) < LEAST_LINES:
        raise LabError(f"{look.name}: ended with {process.returncode}:\n{tail(text)}")
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(dump: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """All of them, in turns; medians."""
    ways = looks(folder)
    taken: dict[str, list[Took]] = {look.name: [] for look in ways}
    for _ in range(rounds):
        for look in ways:
            taken[look.name].append(measure(look, dump, folder))
    return {
        name: {what: median(getattr(one, what) for one in runs) for what in ("seconds", "cpu", "mib")}
        for name, runs in taken.items()
    }


def table(results: dict[str, Any]) -> str:
    """One row for each dump and way."""
    rows = []
    for dump, case in results.items():
        ours = case[OURS]
        for name, got in case.items():
            met = ""
            if name.startswith(OURS):
                met = bench.verdict(got["seconds"] < GOAL_SECONDS and got["mib"] < GOAL_MIB)
            row = [dump, name, f"{got['seconds']:.2f}", f"{got['cpu']:.2f}", f"{got['mib']:.0f}"]
            rows.append([*row, f"{got['seconds'] / ours['seconds']:.1f}", f"{got['mib'] / ours['mib']:.1f}", met])
    header = ["dump", "look", "seconds", "CPU s", "MiB", "times ours", "MiB/ours", "goal"]
    return bench.table(header, rows)


def measure_all(names: Sequence[str], rounds: int, say: Say) -> None:
    """Measure, print, and keep the results."""
    inputs = big.inputs()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="look-") as name:
        folder = Path(name)
        for one in names or INPUTS:
            if one in inputs:
                vmcore, called = big.vmcore_of(inputs[one], say), one
            elif Path(one).is_file():
                vmcore = Path(one).resolve()
                called = f"{vmcore.parent.name}/{vmcore.name}"
            else:
                raise LabError(f"no file {one}, nor a dump of that name; there are: {', '.join(inputs)}")
            less = folder / "d31"
            run([program("lifeboat"), "filter", "-q", "-l", "-d", "31", vmcore, less], seconds=SECONDS)
            for title, dump in ((f"{called}, whole", vmcore), (f"{called}, -l -d 31", less)):
                results[title] = compare(dump, folder, rounds)
                say(f"{title}: measured")
            less.unlink()
    path = build_dir() / "bench" / "looks.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": bench.machine(), "rounds": rounds, "looks": results}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    say(f"load {os.getloadavg()[0]:.1f}; a goal is {GOAL_SECONDS:g} s and {GOAL_MIB:g} MiB\n\n{table(results)}")
