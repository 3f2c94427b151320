# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration: one real crash, and what came of it, told on one screen."""

import json
from pathlib import Path
from typing import Any

from .console import PANIC, Console
from .crash import Drill, Folder, Say
from .errors import LabError
from .paths import program
from .proc import run
from .scenario import Scenario

NOT_TOLD = "--- What the log says"  # and what follows

# Console lines at which a phase ends, each looked for after the one before.
MILESTONES = (
    ("boot to user space", r"^lab: up$"),
    ("panic kernel loaded", r"^lab: armed$"),
    ("memory load, panic", PANIC),
    ("panic to the capture kernel", r"Linux version"),
    ("capture kernel to its init", r"Run /init as init process"),
)


def durations(console: Console, end: float) -> list[tuple[str, float]]:
    """How long each phase took by the host's clock, the capture as a whole last."""
    rows = []
    before = 0.0
    for name, pattern in MILESTONES:
        line = console.find(pattern)
        if not line:
            raise LabError(f"the console shows no end of {name!r}; it ended with\n{console.tail()}")
        rows.append((name, line.seconds - before))
        before = line.seconds
        console = console.after(pattern)
    rows.append(("capture: init to power-off", end - before))
    return rows


def tell_times(folder: Folder, record: dict[str, Any], say: Say) -> None:
    """Where the time went: the host's view, and the capture's own record of its phases."""
    console = folder.console()
    say("\nwhere the time went")
    for name, seconds in durations(console, console.lines[-1].seconds):
        say(f"  {seconds:7.2f} s  {name}")
    for phase in record["capture"]["phases"]:
        say(f"      {phase['took_ms'] / 1000:7.2f} s  {phase['name']}")


def tell_report(dump: Path, say: Say) -> None:
    """What it died of and where, from the dump alone; all of it is on the page."""
    page = dump.parent / "report.html"
    text = run([program("lifeboat"), "report", "--text", "--html", page, dump]).stdout
    head, _, _ = text.partition(NOT_TOLD)
    if "--- Panicking stack" not in head or not page.is_file():
        raise LabError(f"the report of {dump} has no stack:\n{text}")
    say(f"\nthe report, from the dump alone\n\n{head.rstrip()}\n\nall of it: {page}, or: lifeboat report {dump}")


def demo(scenario: Scenario, folder: Folder, say: Say) -> None:
    """Crash once and tell about it; anything missing is an error."""
    drill = Drill(scenario, folder, say)
    facts = drill.run()
    crash = folder.crash_folder()
    dump, record_file = crash / "vmcore", crash / "crash.json"
    for path in (dump, record_file, crash / "dmesg.txt"):
        if not path.is_file():
            raise drill.failure(folder.console(), f"the capture wrote no {path.name}")
    record = json.loads(record_file.read_text(encoding="utf-8"))
    result = record["capture"]["result"]
    if result != "complete":
        raise drill.failure(folder.console(), f"the capture's result is {result}")
    tell_times(folder, record, say)
    tell_report(dump, say)
    size = dump.stat().st_size / (1 << 20)
    percent = 100 * size / facts.memory_mib
    say(f"\nthe dump: {size:.1f} MiB of {facts.memory_mib} MiB of RAM ({percent:.1f} %)")
    say(f"the files: {crash}\nthe console: {folder.console_log}")
