# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's console as recorded by the host: lines, each with the host's clock."""

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

# As a kernel prints it itself; the capture quotes the line with words of its own before it.
PANIC = r"^\[ *\d+\.\d+\] Kernel panic - not syncing"


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
        for raw in path.read_text(encoding="utf-8", errors="replace").splitlines():
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
