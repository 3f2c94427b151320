# SPDX-License-Identifier: GPL-2.0-or-later
"""The crashed kernel's memory, rebuilt from the guest's RAM file into what /proc/vmcore showed.

The capture kernel lives in the crashkernel region and in the first MiB, and the core header that
the first kernel prepared names neither: all other memory in the file is as it was at the panic.
Layout of the result as in fs/proc/vmcore.c (Linux 6.1): ELF headers, one merged PT_NOTE, and the
PT_LOADs one after another, each part beginning on a page.
"""

import mmap
import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path

from .console import DIED, Console
from .errors import LabError
from .proc import copy_extents
from .qemu import file_offset

PAGE = 4096
EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")
NHDR = struct.Struct("<III")
PT_LOAD = 1
PT_NOTE = 4
EHDR_PHNUM = 10
CORE_HEADER = r"elfcorehdr=(0x[0-9a-f]+|[0-9]+K)"


def page_down(value: int) -> int:
    """The page that holds a byte."""
    return value & -PAGE


def page_up(value: int) -> int:
    """The end of the page that holds the byte before."""
    return -(-value // PAGE) * PAGE


@dataclass(frozen=True)
class Segment:
    """An ELF program header, fields in the file's order."""

    type: int
    flags: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    align: int

    def pack(self) -> bytes:
        """The header's bytes."""
        return PHDR.pack(*(getattr(self, name) for name in self.__dataclass_fields__))

    def pfns(self) -> range:
        """The page frames that it covers."""
        return range(self.paddr // PAGE, page_up(self.paddr + self.memsz) // PAGE)


class Ram:
    """The guest's physical memory as it is in the file."""

    def __init__(self, path: Path, memory_mib: int, writable: bool = False, plugged_mib: int = 0) -> None:
        self.path = path
        self.memory_mib = memory_mib
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        with open(path, "r+b" if writable else "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=access)
        if len(self.map) != memory_mib + plugged_mib << 20:
            raise LabError(f"{path} is {len(self.map)} bytes, not {memory_mib + plugged_mib} MiB")

    def offset(self, address: int) -> int:
        """Where a physical address lies in the file."""
        return file_offset(address, self.memory_mib)

    def read(self, address: int, size: int) -> bytes:
        """Physical memory; never across the PCI hole, where no RAM is."""
        at = self.offset(address)
        if at + size > len(self.map):
            raise LabError(f"physical {address:#x}+{size:#x} is beyond the guest's RAM")
        return self.map[at : at + size]


def elfcorehdr_address(console: Console) -> int:
    """The core header's physical address, from the capture kernel's command line."""
    line = console.after(DIED).find(CORE_HEADER)
    if not line:
        raise LabError("the capture kernel printed no command line with elfcorehdr=")
    found = re.search(CORE_HEADER, line.text)
    assert found
    return core_header_named(found.group(1))


def core_header_named(text: str) -> int:
    """The value of elfcorehdr=, which kexec-tools writes in units of 1024 bytes."""
    return int(text[:-1]) << 10 if text.endswith("K") else int(text, 16)


class Core:
    """The core header in the crashed kernel's memory, with what it refers to."""

    def __init__(self, ram: Ram, address: int) -> None:
        self.ram = ram
        self.ehdr = EHDR.unpack(ram.read(address, EHDR.size))
        if self.ehdr[0][:4] != b"\x7fELF":
            raise LabError(f"no ELF header at physical {address:#x}: {self.ehdr[0]!r}")
        table = ram.read(address + EHDR.size, self.ehdr[EHDR_PHNUM] * PHDR.size)
        self.segments = [Segment(*fields) for fields in PHDR.iter_unpack(table)]
        self.loads = [segment for segment in self.segments if segment.type == PT_LOAD]
        self.notes = b"".join(self.note(s) for s in self.segments if s.type == PT_NOTE)

    def note(self, segment: Segment) -> bytes:
        """The notes of one PT_NOTE, up to the empty note that ends them."""
        area = self.ram.read(segment.offset, segment.memsz)
        at = 0
        while at + NHDR.size <= len(area):
            namesz, descsz, _ = NHDR.unpack_from(area, at)
            size = NHDR.size + (namesz + 3 & ~3) + (descsz + 3 & ~3)
            if namesz == 0 or at + size > len(area):
                break
            at += size
        return area[:at]

    def vmcoreinfo(self) -> bytes:
        """The text of the VMCOREINFO note."""
        at = 0
        while at < len(self.notes):
            namesz, descsz, _ = NHDR.unpack_from(self.notes, at)
            desc = at + NHDR.size + (namesz + 3 & ~3)
            if self.notes[at + NHDR.size :].startswith(b"VMCOREINFO\0"):
                return self.notes[desc : desc + descsz]
            at = desc + (descsz + 3 & ~3)
        raise LabError("the core header names no VMCOREINFO note")

    def pfns(self) -> set[int]:
        """Every page frame of the crashed kernel's memory."""
        return {pfn for segment in self.loads for pfn in segment.pfns()}

    def write(self, path: Path) -> None:
        """Write the whole vmcore; holes of the RAM file stay holes."""
        headers_end = page_up(EHDR.size + (1 + len(self.loads)) * PHDR.size)
        size = len(self.notes)
        table = [Segment(PT_NOTE, 0, headers_end, 0, 0, size, size, 0)]
        at = headers_end + page_up(size)
        copies = []
        for load in self.loads:
            start, end = page_down(load.paddr), page_up(load.paddr + load.memsz)
            copies.append((start, at, end - start))
            table.append(replace(load, offset=at + load.paddr - start))
            at += end - start
        ehdr = list(self.ehdr)
        ehdr[EHDR_PHNUM] = len(table)
        with open(path, "wb") as out:
            out.write(EHDR.pack(*ehdr) + b"".join(segment.pack() for segment in table))
            out.seek(headers_end)
            out.write(self.notes)
            out.truncate(at)
            with open(self.ram.path, "rb") as ram:
                for start, offset, length in copies:
                    source = self.ram.offset(start)
                    copy_extents(ram.fileno(), source, out.fileno(), offset, length)
