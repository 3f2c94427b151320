# SPDX-License-Identifier: GPL-2.0-or-later
"""What a loader has staged in the memory reserved for the panic kernel.

Seen from the host, in the file that is the guest's RAM, while the guest waits: no tool's own word is
taken for it. The core header is the one that the staged command line names.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from .errors import LabError
from .vmcore import CORE_HEADER, Core, Ram, Segment, core_header_named

RESERVED = re.compile(r"^lab: reserved ([0-9a-f]+)-([0-9a-f]+) ")
NAMED = re.compile(CORE_HEADER.encode())
SAMPLE = 256  # bytes of a packed file: they are nowhere else


class Reserved:
    """The reserved memory of a guest that is alive."""

    def __init__(self, ram: Path, memory_mib: int, regions: list[tuple[int, int]]) -> None:
        if not regions:
            raise LabError("the guest named no memory that is reserved for a panic kernel")
        self.ram = Ram(ram, memory_mib, writable=True)
        self.regions = regions

    def spans(self) -> Iterator[tuple[int, int]]:
        """Where the regions lie in the file."""
        for start, end in self.regions:
            at = self.ram.offset(start)
            yield at, at + end - start

    def take_core_header(self) -> list[Segment]:
        """The program headers of the core header that is staged.

        The text that names it is wiped: the next loader may leave it where it is, and what is wiped can
        no longer start by mistake.
        """
        found = {}
        for begin, end in self.spans():
            for match in NAMED.finditer(self.ram.map, begin, end):
                found[match.start()] = match.group(1).decode()
        named = set(found.values())
        if len(named) != 1:
            raise LabError(f"the staged command lines name {len(named)} core headers: {named}")
        core = Core(self.ram, core_header_named(named.pop()))
        for at in found:
            self.ram.map[at : at + len("elfcorehdr")] = b"x" * len("elfcorehdr")
        return core.segments

    def damage(self, file: Path) -> int:
        """Flip one bit in the middle of a file that is staged; return its physical address."""
        content = file.read_bytes()
        middle = len(content) // 2
        sample = content[middle : middle + SAMPLE]
        for (start, _), (begin, end) in zip(self.regions, self.spans(), strict=True):
            at = self.ram.map.find(sample, begin, end)
            if at >= 0:
                self.ram.map[at] = self.ram.map[at] ^ 1
                return start + at - begin
        raise LabError(f"{file.name} is not staged as it is on the disk")


def regions_in(line: str) -> list[tuple[int, int]]:
    """The region that a line of the guest names, its end exclusive; most lines name none."""
    found = RESERVED.match(line)
    return [(int(found.group(1), 16), int(found.group(2), 16) + 1)] if found else []


def keep_headers(path: Path, headers: dict[str, list[Segment]]) -> None:
    """Write what each of the peers staged."""
    table = {peer: [list(vars(s).values()) for s in found] for peer, found in headers.items()}
    path.write_text(json.dumps(table) + "\n", encoding="utf-8")


def kept_headers(path: Path) -> dict[str, list[Segment]]:
    """Read it again."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return {peer: [Segment(*fields) for fields in found] for peer, found in table.items()}
    except (OSError, ValueError, TypeError) as err:
        raise LabError(f"{path.name} does not tell what kexec-tools staged: {err}") from err
