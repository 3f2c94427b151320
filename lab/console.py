# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's console as recorded by the host: lines, each with the host's clock."""

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

# The line that dates a death, as a kernel prints it itself; the capture quotes it with words of its own before it. An oops that
# starts the panic kernel does so before anything says "panic" (oops_end() of arch/x86/kernel/dumpstack.c): then it is what die()
# numbers, like "Oops: 0002 [#1] PREEMPT SMP".
PANIC = r"^\[ *\d+\.\d+\] (?!lifeboat: )(Kernel panic - not syncing|.*: [0-9a-f]{4,16} \[#\d+\])"

# The first sign of a death. A panic in an NMI does not reach the console before the panic kernel starts (printk() leaves it to an
# interrupt that never comes), so that this one's own command line is the first that tells.
DIED = PANIC + r"|^\[ *0\.0+\] (Kernel command|Command) line: .*\belfcorehdr="


@dataclass(frozen=True)
class Line:
    """One line and the seconds since the guest was started."""

    seconds: float
    text: str


class Console:
    """A console log, read whole."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    @classmethod
    def read(cls, path: Path) -> "Console":
        """Read a log written by qemu.Machine."""
        lines = []
        log = path.read_text(encoding="utf-8", errors="replace")
        for raw in filter(None, log.split("\n")):  # splitlines() also splits at what a guest may print, like a form feed
            seconds, _, text = raw.strip().partition(" ")
            try:
                lines.append(Line(float(seconds), text))
            except ValueError as err:
                raise LabError(f"{path}: no time stamp in {raw!r}") from err
        return cls(lines)

    def find(self, pattern: str) -> Line | None:
        """The first line that matches."""
        return next((line for line in self.lines if re.search(pattern, line.text)), None)

    def after(self, pattern: str) -> "Console":
        """What was printed after the first matching line; nothing if none matches."""
        for index, line in enumerate(self.lines):
            if re.search(pattern, line.text):
                return Console(self.lines[index + 1 :])
        return Console([])

    def tail(self, lines: int = 25) -> str:
        """The last lines, indented for an error message."""
        return "\n".join(f"    {line.seconds:8.3f} {line.text}" for line in self.lines[-lines:])
