# SPDX-License-Identifier: GPL-2.0-or-later
"""Damage to the crashed kernel's memory, done by the host in the file that is the guest's RAM.

It is done after the panic and before the capture looks, so that only the capture has to live with it.
"""

import random
import struct
from collections.abc import Callable

from .errors import LabError
from .memory import Memory
from .vmcore import NHDR, PT_NOTE, Core, Ram

NAME = b"VMCOREINFO\0"
RECORDS, EVERY = 192, 3  # of the first ones: the panic is told by the last ones


class Damage:
    """What can be damaged; `console` has the line of the capture kernel that names the core header."""

    def __init__(self, ram: Ram, core_header: int) -> None:
        self.ram = ram
        self.core = Core(ram, core_header)
        self.random = random.Random(22)
        self.kinds: dict[str, Callable[[], int]] = {
            "records": self.log_records,
            "ring": self.log_ring,
            "vmcoreinfo": self.vmcoreinfo,
            "notes": self.cpu_notes,
        }

    def do(self, kind: str) -> int:
        """Do one kind; return how many places were written to."""
        if kind not in self.kinds:
            raise LabError(f"no damage {kind}; there is: {', '.join(self.kinds)}")
        return self.kinds[kind]()

    def write(self, physical: int, content: bytes) -> None:
        """Overwrite memory."""
        at = self.ram.offset(physical)
        self.ram.map[at : at + len(content)] = content

    def log_records(self) -> int:
        """Some records of the log's beginning get random places and absurd lengths."""
        memory = Memory(self.core)
        ring = memory.word(memory.number("SYMBOL", "prb"))  # which is a pointer
        ring += memory.number("OFFSET", "printk_ringbuffer.desc_ring")
        descs = memory.word(ring + memory.number("OFFSET", "prb_desc_ring.descs"))
        infos = memory.word(ring + memory.number("OFFSET", "prb_desc_ring.infos"))
        desc, info = memory.number("SIZE", "prb_desc"), memory.number("SIZE", "printk_info")
        length = memory.number("OFFSET", "printk_info.text_len")
        places = memory.number("OFFSET", "prb_desc.text_blk_lpos")
        for index in range(0, RECORDS, EVERY):
            at = memory.translate(descs + index * desc + places)
            self.write(at, self.random.randbytes(16))
            self.write(memory.translate(infos + index * info + length), b"\xff\xff")
        return RECORDS // EVERY

    def log_ring(self) -> int:
        """The ring's own numbers become absurd: nothing of the log can be found."""
        memory = Memory(self.core)
        ring = memory.word(memory.number("SYMBOL", "prb"))  # which is a pointer
        ring += memory.number("OFFSET", "printk_ringbuffer.desc_ring")
        bits = memory.translate(ring + memory.number("OFFSET", "prb_desc_ring.count_bits"))
        self.write(bits, struct.pack("<I", 0x7FFFFFFF))
        head = memory.translate(ring + memory.number("OFFSET", "prb_desc_ring.head_id"))
        self.write(head, self.random.randbytes(8))
        return 2

    def vmcoreinfo(self) -> int:
        """The text of VMCOREINFO ends in its middle."""
        for segment in self.core.segments:
            if segment.type != PT_NOTE or segment.memsz < NHDR.size + len(NAME):
                continue
            area = self.ram.read(segment.paddr, segment.memsz)
            _, size, kind = NHDR.unpack_from(area)
            if area[NHDR.size : NHDR.size + len(NAME)] == NAME:
                half = size // 2 & ~3
                self.write(segment.paddr, NHDR.pack(len(NAME), half, kind))
                end = NHDR.size + (len(NAME) + 3 & ~3) + half
                self.write(segment.paddr + end, bytes(NHDR.size))
                return 1
        raise LabError("the core header names no VMCOREINFO note")

    def cpu_notes(self) -> int:
        """The CPUs' notes claim to be longer than there is room for them."""
        hit = 0
        for segment in self.core.segments:
            if segment.type == PT_NOTE and NAME not in self.ram.read(segment.paddr, 64):
                self.write(segment.paddr + 4, struct.pack("<I", 0x7FFFFFF0))
                hit += 1
        return hit
