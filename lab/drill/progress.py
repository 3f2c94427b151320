# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person sees of a drill while it is made: on a terminal a few lines that change, else a line for each phase."""

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from .result import FAILED, PASSED, SKIPPED, Check, Result
from .text import short, span

if TYPE_CHECKING:
    from .engine import Running

WORDS = {PASSED: "ok", FAILED: "FAIL", SKIPPED: "SKIP"}
REDRAW_SECONDS = 0.5
WIDTH = 80
MOST_LINES = 12  # that are redrawn


def line_of(result: Result) -> str:
    """One run that has ended."""
    line = f"{WORDS[result.verdict]} {result.id}"
    if result.verdict == PASSED:
        return f"{line} ({result.seconds:.0f} s, {len(result.checks)} checks)"
    return f"{line}: {short(result.why)}"


class Progress:
    """A line for each phase, for logs and pipes."""

    def __init__(self, to: TextIO, verbose: bool = False) -> None:
        self.to = to
        self.verbose = verbose  # each check, too
        self.total = 0
        self.done: list[Result] = []

    def say(self, text: str) -> None:
        """A line that stays."""
        print(text, file=self.to, flush=True)

    def begin(self, total: int) -> None:
        """So many runs will be made."""
        self.total = total

    def started(self, name: str) -> None:
        """A run begins."""

    def phase(self, name: str, text: str) -> None:
        """It has come so far."""
        self.say(f"   {name}: {short(text)}")

    def check(self, name: str, check: Check) -> None:
        """A judge has decided."""
        if self.verbose:
            told = f" ({short(check.text)})" if check.verdict == PASSED and check.text else ""
            why = f": {short(check.text)}" if check.verdict != PASSED else ""
            self.say(f"{WORDS[check.verdict]} {name}/{check.name}{told}{why}")

    def ended(self, result: Result) -> None:
        """A run has ended."""
        self.done.append(result)
        self.say(line_of(result))

    def tick(self, running: Sequence["Running"], left: float) -> None:
        """Some time has gone by."""

    def end(self) -> None:
        """All have ended."""


class Terminal(Progress):
    """Lines at the bottom that are drawn anew; what has ended stays above them."""

    def __init__(self, to: TextIO, verbose: bool = False) -> None:
        super().__init__(to, verbose)
        self.drawn = 0
        self.last = 0.0

    def erase(self) -> None:
        """The lines that change go away."""
        if self.drawn:
            self.to.write(f"\x1b[{self.drawn}F\x1b[J")
            self.drawn = 0

    def say(self, text: str) -> None:
        self.erase()
        super().say(text)
        self.last = 0

    def phase(self, name: str, text: str) -> None:
        """It shows at the next tick."""

    def tick(self, running: Sequence["Running"], left: float) -> None:
        now = time.monotonic()
        if now < self.last + REDRAW_SECONDS:
            return
        self.last = now
        lines = [self.line(one, now) for one in running[:MOST_LINES]]
        if len(running) > MOST_LINES:
            lines.append(f"   and {len(running) - MOST_LINES} more")
        failed = sum(one.verdict == FAILED for one in self.done)
        lines.append(f"   {len(self.done)} of {self.total} done, {failed} failed, about {span(left)} left")
        try:
            width = os.get_terminal_size(self.to.fileno()).columns or WIDTH  # a serial line does not know
        except OSError:
            width = WIDTH
        self.erase()
        self.to.write("".join(f"{line[: width - 1]}\n" for line in lines))
        self.to.flush()
        self.drawn = len(lines)

    @staticmethod
    def line(one: "Running", now: float) -> str:
        """A run that is being made. A phase begins with its time, which the line has already."""
        phase = short(one.phase)
        clock, _, rest = phase.strip().partition(" s  ")
        if rest and clock.replace(".", "").isdigit():
            phase = rest
        return f"   {one.job.run.id:<28} {now - one.started:4.0f} s  {phase}"

    def end(self) -> None:
        self.erase()
        self.to.flush()


def progress_for(to: TextIO, verbose: bool) -> Progress:
    """What is right for where it goes to."""
    fit = to.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Terminal(to, verbose) if fit else Progress(to, verbose)


def of_output(json: bool, verbose: bool) -> Progress:
    """On standard output, but for when that is for JSON."""
    return progress_for(sys.stderr if json else sys.stdout, verbose)
