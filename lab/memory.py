# SPDX-License-Identifier: GPL-2.0-or-later
"""The crashed kernel's own data, read from the guest's RAM through its page tables and VMCOREINFO.

Written from the kernel's sources (x86_64), sharing no code with Lifeboat's C; it works for any
kernel, where crash and drgn need debug information and have to be as new as the kernel.
"""

import struct
from dataclasses import dataclass
from functools import cached_property

from .errors import LabError
from .vmcore import Core

PAGE_SHIFT = 12

ADDRESS = 0x000FFFFFFFFFF000  # of a page table entry
PRESENT, LARGE = 1, 1 << 7
KERNEL_TEXT = 0xFFFFFFFF80000000  # __START_KERNEL_map
SECTION_FLAGS = 0xFFF  # of section_mem_map: a mem_map begins on a page
TAIL = 1  # in page.compound_head and, since 7.1, page.compound_info


@dataclass(frozen=True)
class StructPage:
    """One struct page."""

    memory: "Memory"
    pfn: int
    vaddr: int
    raw: bytes

    def member(self, name: str, form: str = "<Q") -> int:
        """A member that VMCOREINFO knows."""
        at = self.memory.number("OFFSET", f"page.{name}")
        return int(struct.unpack_from(form, self.raw, at)[0])

    @property
    def offline(self) -> bool:
        """Whether it is logically offline: a balloon has it, or virtio-mem has not plugged it (PG_offline)."""
        if "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)" not in self.memory.info:
            return False
        value = self.memory.number("NUMBER", "PAGE_OFFLINE_MAPCOUNT_VALUE") & 0xFFFFFFFF
        found = self.member("_mapcount", "<I")
        # since 6.12 the type is in the highest byte, and the rest may hold anything: include/linux/page-flags.h
        return found == value or (not value & 0xFFFFFF and found >> 24 == value >> 24)

    def head_pfn(self) -> int:
        """The page frame of its compound page's head, by Linux 7.1's compound_info; else its own."""
        if "OFFSET(page.compound_info)" not in self.memory.info:
            return self.pfn
        info = self.member("compound_info")
        if not info & TAIL:
            return self.pfn
        # a mask, if only high bits are set in it, or else the head's address
        high = ~(info - TAIL) + 1 & (1 << 64) - 1
        head = self.vaddr & info if high.bit_count() == 1 else info - TAIL
        return self.pfn - (self.vaddr - head) // len(self.raw)

    def __str__(self) -> str:
        words = struct.unpack(f"<{len(self.raw) // 8}Q", self.raw)
        return " ".join(f"{word:016x}" for word in words)


class Memory:
    """Kernel virtual memory, and what VMCOREINFO says about the structures in it."""

    def __init__(self, core: Core) -> None:
        self.ram = core.ram
        lines = core.vmcoreinfo().decode("utf-8", "replace").splitlines()
        self.info = dict(line.split("=", 1) for line in lines if "=" in line)

    def number(self, kind: str, name: str) -> int:
        """One number of VMCOREINFO: a SYMBOL is hexadecimal."""
        text = self.info.get(f"{kind}({name})")
        if text is None:
            raise LabError(f"VMCOREINFO has no {kind}({name})")
        return int(text, 16 if kind == "SYMBOL" else 0)

    @cached_property
    def levels(self) -> int:
        """Of the page tables."""
        return 5 if self.number("NUMBER", "pgtable_l5_enabled") else 4

    def translate(self, vaddr: int) -> int:
        """The physical address behind a virtual one."""
        root = self.number("SYMBOL", "init_top_pgt") - KERNEL_TEXT
        table = root + self.number("NUMBER", "phys_base")
        for level in range(self.levels - 1, -1, -1):
            at = table + (vaddr >> 12 + 9 * level & 511) * 8
            (entry,) = struct.unpack("<Q", self.ram.read(at, 8))
            if not entry & PRESENT:
                raise LabError(f"{vaddr:#x} is not mapped")
            table = entry & ADDRESS
            if level == 0 or entry & LARGE:
                size = 1 << 12 + 9 * level
                return table & -size | vaddr & size - 1
        raise AssertionError

    def read(self, vaddr: int, size: int) -> bytes:
        """Virtual memory, page by page."""
        parts = []
        while size:
            step = min(size, 4096 - vaddr % 4096)
            parts.append(self.ram.read(self.translate(vaddr), step))
            vaddr, size = vaddr + step, size - step
        return b"".join(parts)

    def word(self, vaddr: int, form: str = "<Q") -> int:
        """One number in memory."""
        return int(struct.unpack(form, self.read(vaddr, struct.calcsize(form)))[0])

    def struct_page(self, pfn: int) -> StructPage:
        """The struct page of a page frame."""
        size, section_size = self.number("SIZE", "page"), self.number("SIZE", "mem_section")
        section = pfn >> self.number("NUMBER", "SECTION_SIZE_BITS") - PAGE_SHIFT
        per_root = (1 << PAGE_SHIFT) // section_size
        root = self.word(self.number("SYMBOL", "mem_section") + section // per_root * 8)
        entry = root + section % per_root * section_size
        coded = self.word(entry + self.number("OFFSET", "mem_section.section_mem_map"))
        vaddr = (coded & ~SECTION_FLAGS) + pfn * size
        return StructPage(self, pfn, vaddr, self.read(vaddr, size))

    def free_blocks(self) -> list[int]:
        """The page allocator's own count of its free blocks, by order, over all zones."""
        area_size = self.number("SIZE", "free_area")
        orders = self.number("LENGTH", "zone.free_area")
        count_at = self.number("LENGTH", "free_area.free_list") * self.number("SIZE", "list_head")
        blocks = [0] * orders
        for zone in self.zones():
            area = zone + self.number("OFFSET", "zone.free_area")
            for order in range(orders):
                blocks[order] += self.word(area + order * area_size + count_at)
        return blocks

    def zones(self) -> list[int]:
        """The addresses of all struct zone."""
        nodes = self.number("SYMBOL", "node_data")
        found = []
        for index in range(self.number("LENGTH", "node_data")):
            node = self.word(nodes + index * 8)
            if not node:
                continue
            count = self.word(node + self.number("OFFSET", "pglist_data.nr_zones"), "<i")
            first = node + self.number("OFFSET", "pglist_data.node_zones")
            found += [first + zone * self.number("SIZE", "zone") for zone in range(count)]
        return found
