# SPDX-License-Identifier: GPL-2.0-or-later
"""How small a reservation may be: one scenario at smaller and smaller ones, until it fails."""

import re
from dataclasses import dataclass, replace
from typing import Any

from .checks import Checks, Totals
from .console import PANIC
from .crash import Folder, Say
from .errors import LabError
from .judges import outcome
from .judges.record import read_record
from .paths import build_dir
from .restart import drill
from .scenario import Scenario

LAST_WORDS = re.compile(r"Out of memory|Kernel panic|deadlocked|FAILED|lifeboat load: ")
COLUMNS = "{:>11}  {:<11}  {:>10}  {:>12}  {:>9}  {}"
TITLES = ("crashkernel", "result", "seconds", "MiB for dump", "dump MiB", "last words")


@dataclass(frozen=True)
class Step:
    """One reservation and what came of it."""

    mib: int
    good: bool
    cells: tuple[str, ...]

    def line(self) -> str:
        """A line of the table."""
        return COLUMNS.format(f"{self.mib}M", *self.cells).rstrip()


def mebibytes(record: dict[str, Any], *path: str) -> str:
    """A number of bytes of the record, or a dash where it has none."""
    value: Any = record
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return f"{value / (1 << 20):.1f}" if isinstance(value, int) else "-"


def last_words(folder: Folder) -> str:
    """What the guest said that may be the reason of a failure."""
    if not folder.console_log.exists():
        return ""
    lines = [line.text for line in folder.console().lines if LAST_WORDS.search(line.text)]
    return next((text for text in reversed(lines) if not re.search(PANIC, text)), "")


def climb(scenario: Scenario, mib: int, say: Say) -> Step:
    """One reservation: the drill, and whether its outcome is as the scenario expects."""
    guest = replace(scenario.guest, crashkernel=f"{mib}M")
    folder = Folder(build_dir() / "ladder" / f"{scenario.name}-{mib}M")
    checks = Checks(Totals(quiet=True), f"{scenario.name}-{mib}M")
    try:
        drill(replace(scenario, guest=guest), folder, lambda text: None).run()
        outcome.judge(folder, scenario, checks)
        record = read_record(folder.crash_folder() / "crash.json")
    except LabError as err:
        return Step(mib, False, ("-", "-", "-", "-", last_words(folder) or str(err).splitlines()[0]))
    finally:
        folder.discard_memory()
    console = folder.console()
    panic = console.find(PANIC)
    seconds = console.lines[-1].seconds - (panic.seconds if panic else 0)
    words = last_words(folder) if checks.failed else ""
    say(f"   {mib}M: {'fails' if checks.failed else 'passes'}")
    cells = (str(record["capture"]["result"]), f"{seconds:.1f}")
    sizes = (mebibytes(record, "capture", "memory_available"), mebibytes(record, "dump", "bytes"))
    return Step(mib, not checks.failed, (*cells, *sizes, words))


def ladder(scenario: Scenario, top: int, bottom: int, step: int, say: Say) -> int:
    """The table; returns the smallest reservation that is enough, 0 if none is."""
    steps: list[Step] = []
    for mib in range(top, bottom - 1, -step):
        steps.append(climb(scenario, mib, say))
        if not steps[-1].good:
            break
    say(COLUMNS.format(*TITLES))
    for one in steps:
        say(one.line())
    return min((one.mib for one in steps if one.good), default=0)
