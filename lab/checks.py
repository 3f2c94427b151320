# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting checks: each has a name, is printed when it is decided, and adds to the totals."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import LabError, Unavailable


class Totals:
    """How many checks passed, failed and were skipped, over all threads."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet  # only what fails is printed
        self.lock = threading.Lock()
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def count(self, good: bool, line: str) -> None:
        """Print the line of one decided check and count it."""
        with self.lock:
            self.passed += good
            self.failed += not good
            if not (good and self.quiet):
                print(line, flush=True)

    def count_skipped(self, line: str) -> None:
        """Print the line of one check that could not be made and count it."""
        with self.lock:
            self.skipped += 1
            print(line, flush=True)

    def closing_line(self) -> str:
        """The last line of a run."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


class Checks:
    """The checks of one crash; their names begin with the scenario's."""

    def __init__(self, totals: Totals, scenario: str) -> None:
        self.totals = totals
        self.scenario = scenario
        self.failed = False

    def expect(self, name: str, good: bool, why: str = "", measured: str = "") -> None:
        """Decide one check; `why` is shown when it fails, `measured` when it passes."""
        full = f"{self.scenario}/{name}"
        if good:
            line = f"ok {full}" + (f" ({measured})" if measured else "")
        else:
            line = f"FAIL {full}: {why or 'not as expected'}"
            self.failed = True
        self.totals.count(good, line)

    def skip(self, name: str, why: str) -> None:
        """One check that cannot be made here; it shows, and it counts as skipped."""
        self.totals.count_skipped(f"SKIP {self.scenario}/{name}: {why}")

    @contextmanager
    def guard(self, name: str) -> Iterator[None]:
        """What a judge cannot judge has failed, and the next judge goes on; one that lacks a program of somebody else's is skipped."""
        try:
            yield
        except Unavailable as err:
            self.skip(name, str(err))
        except LabError as err:
            self.expect(name, False, str(err))
