# SPDX-License-Identifier: GPL-2.0-or-later
"""The vmcore of a machine that nobody has here: as many TiB of memory as one likes, in a small file.

To the filter it is an x86_64 machine with Linux 6.1: 4-level page tables, SPARSEMEM_EXTREME, struct
pages of 64 bytes in a vmemmap mapped by 2 MiB pages. One such page has the struct pages of one section
(128 MiB of memory), and the page tables point every section of a kind to the same one: 24 TiB are
described by six of them. Likewise the PT_LOADs, one for each 4 GiB, all point to the same hole of the
file, which fits into the page cache. What the filter sees at virtual and physical addresses is all there and all different; only the
bytes repeat.

Memory is mostly free blocks of order 10; some sections are full of page cache, some of transparent
huge pages, and every sixteenth is a mixture with a kernel page in it here and there. The first pages of
each TiB are the kernel's, with contents.
"""

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .vmcore import EHDR, NHDR, PAGE, PHDR, PT_LOAD, PT_NOTE, Segment, page_up

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
PIECE = 4 * GIB  # of memory in one PT_LOAD
SECTION = 128 * MIB
SECTION_PAGES = SECTION // PAGE
STRUCT_PAGE = 64
HUGE = 2 * MIB  # what one entry of a PMD maps: the struct pages of a section
assert SECTION_PAGES * STRUCT_PAGE == HUGE

# Physical memory: the kernel's things are in the first 2 GiB; devices are below 4 GiB.
LOW_END = 2 * GIB
HIGH = 4 * GIB
KERNEL = 16 * MIB
KERNEL_PAGES = 64 * MIB // PAGE  # of the first section, all in use
UTS = KERNEL + 4 * PAGE
ROOTS = KERNEL + 8 * PAGE
TABLES = KERNEL + 64 * PAGE
TEMPLATES = KERNEL + 24 * MIB

# Virtual addresses of Documentation/x86/x86_64/mm.rst, 4 levels.
IMAGE_MAP = 0xFFFFFFFF80000000
DIRECT_MAP = 0xFFFF888000000000
VMEMMAP = 0xFFFFEA0000000000
PHYSMEM_BITS = 46
PRESENT, PSE = 0x63, 0x80  # present, writable, accessed, dirty; a page instead of a table
SECTION_FLAGS = 0xF  # present, has a mem_map, online, early
SECTION_STRUCT = 16
SECTIONS_PER_ROOT = PAGE // SECTION_STRUCT

# Flags of struct page in Linux 6.1, as VMCOREINFO tells them below.
LRU, SLAB, SWAPBACKED, HEAD = 1 << 4, 1 << 9, 1 << 19, 1 << 16
BUDDY = -129
FILE_MAPPING, ANON_MAPPING = 0xFFFF888000020000, 0xFFFF888000030001
# flags, compound_head, (of page[1]: order and destructor), mapping, private, _mapcount, _refcount
PAGE_STRUCT = struct.Struct("<QQBB6xQ8xQiiQ")
assert PAGE_STRUCT.size == STRUCT_PAGE

BIG_ORDER, HUGE_ORDER = 10, 9
FILLED = 2048  # pages of the kernel with contents at the start of each TiB
SPRINKLED = 512  # in a mixed section every so manieth page is the kernel's

VMCOREINFO = """OSRELEASE=6.1.0-synthetic
PAGESIZE=4096
CRASHTIME=1700000000
SYMBOL(init_uts_ns)={uts:x}
OFFSET(uts_namespace.name)=0
SYMBOL(swapper_pg_dir)={top:x}
SYMBOL(init_top_pgt)={top:x}
SYMBOL(_stext)={stext:x}
SYMBOL(mem_section)={roots:x}
LENGTH(mem_section)={n_roots}
SIZE(mem_section)=16
OFFSET(mem_section.section_mem_map)=0
NUMBER(SECTION_SIZE_BITS)=27
NUMBER(MAX_PHYSMEM_BITS)=46
NUMBER(phys_base)=0
NUMBER(pgtable_l5_enabled)=0
NUMBER(KERNEL_IMAGE_SIZE)=1073741824
NUMBER(sme_mask)=0
KERNELOFFSET=0
SIZE(page)=64
OFFSET(page.flags)=0
OFFSET(page._refcount)=52
OFFSET(page.mapping)=24
OFFSET(page.lru)=8
OFFSET(page._mapcount)=48
OFFSET(page.private)=40
OFFSET(page.compound_dtor)=16
OFFSET(page.compound_order)=17
OFFSET(page.compound_head)=8
SIZE(list_head)=16
OFFSET(list_head.next)=0
OFFSET(list_head.prev)=8
SIZE(zone)=1536
SIZE(free_area)=88
OFFSET(zone.free_area)=256
OFFSET(zone.vm_stat)=1344
OFFSET(zone.spanned_pages)=144
OFFSET(free_area.free_list)=0
LENGTH(zone.free_area)=11
LENGTH(free_area.free_list)=5
SIZE(pglist_data)=174208
SIZE(nodemask_t)=128
NUMBER(NR_FREE_PAGES)=0
NUMBER(PG_lru)=4
NUMBER(PG_private)=13
NUMBER(PG_swapcache)=10
NUMBER(PG_swapbacked)=19
NUMBER(PG_slab)=9
NUMBER(PG_hwpoison)=22
NUMBER(PG_head_mask)=65536
NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129
NUMBER(HUGETLB_PAGE_DTOR)=2
NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257
"""


# ---- struct pages


def struct_page(
    flags: int = 0,
    *,
    head: int = 0,
    order: int = 0,
    mapping: int = 0,
    private: int = 0,
    mapcount: int = -1,
    refcount: int = 1,
) -> bytes:
    """One struct page; `head` marks a tail, `order` stands in the first tail."""
    dtor = 1 if order else 0
    return PAGE_STRUCT.pack(flags, head, dtor, order, mapping, private, mapcount, refcount, 0)


KERNEL_PAGE = struct_page()
SLAB_PAGE = struct_page(SLAB, mapping=0xFFFF888000000100)
CACHE_PAGE = struct_page(LRU, mapping=FILE_MAPPING, refcount=2)
ANON_PAGE = struct_page(LRU | SWAPBACKED, mapping=ANON_MAPPING, mapcount=0)
TAIL_PAGE = struct_page(head=VMEMMAP | 1, refcount=0)


def free_block(order: int) -> bytes:
    """A block of the buddy allocator."""
    first = struct_page(private=order, mapcount=BUDDY, refcount=0)
    return first + struct_page(refcount=0) * ((1 << order) - 1)


def huge_page() -> bytes:
    """A transparent huge page."""
    first = struct_page(LRU | SWAPBACKED | HEAD, mapping=ANON_MAPPING)
    second = struct_page(head=VMEMMAP | 1, order=HUGE_ORDER, refcount=0)
    return first + second + TAIL_PAGE * ((1 << HUGE_ORDER) - 2)


def mixed_pieces() -> Iterator[bytes]:
    """Runs of SPRINKLED pages: one of the kernel, then page cache, processes and free blocks."""
    dice = random.Random(SECTION_PAGES)
    for _ in range(SECTION_PAGES // SPRINKLED):
        run = [SLAB_PAGE]
        at = 1
        while at < SPRINKLED:
            order = dice.choice([n for n in range(5) if at % (1 << n) == 0])  # blocks are aligned
            count = 1 << order
            run.append(dice.choice([free_block(order), CACHE_PAGE * count, ANON_PAGE * count]))
            at += count
        yield b"".join(run)


def used_then_free(used: int) -> bytes:
    """So many pages of the kernel, the rest free."""
    rest = (SECTION_PAGES - used) >> BIG_ORDER
    return KERNEL_PAGE * used + free_block(BIG_ORDER) * rest


@dataclass(frozen=True)
class Kind:
    """The struct pages of a section, and how many of them say that the page is kept at level 31."""

    pages: bytes
    kept: int


def make_kinds() -> dict[str, Kind]:
    """The sections that there are."""
    huge = huge_page() * (SECTION_PAGES >> HUGE_ORDER)
    return {
        "first": Kind(used_then_free(KERNEL_PAGES), KERNEL_PAGES),
        "filled": Kind(used_then_free(FILLED), FILLED),
        "free": Kind(used_then_free(0), 0),
        "cache": Kind(CACHE_PAGE * SECTION_PAGES, 0),
        "user": Kind(huge, 0),
        "mixed": Kind(b"".join(mixed_pieces()), SECTION_PAGES // SPRINKLED),
    }


def kind_of(section: int) -> str:
    """What is in a section: of each 16, one mixed, one of page cache, two of huge pages."""
    if section == 0:
        return "first"
    if section >= HIGH // SECTION and (section - HIGH // SECTION) % (TIB // SECTION) == 0:
        return "filled"
    return {3: "mixed", 5: "cache", 10: "user", 11: "user"}.get(section % 16, "free")


# ---- the machine


class Machine:
    """So many TiB; `kept` is how many pages a filter at level 31 has to keep."""

    def __init__(self, tebibytes: int) -> None:
        self.tebibytes = tebibytes
        self.kinds = make_kinds()
        self.sections = [*range(LOW_END // SECTION)]
        self.sections += range(HIGH // SECTION, (HIGH + tebibytes * TIB) // SECTION)
        self.kept = sum(self.kinds[kind_of(section)].kept for section in self.sections)
        self.tables = TABLES

    def write(self, path: Path) -> None:
        """The vmcore, nearly all of it a hole."""
        notes = self.notes()
        pieces = self.tebibytes * TIB // PIECE
        notes_at = EHDR.size + (2 + pieces) * PHDR.size
        low_at = page_up(notes_at + len(notes))
        high_at = low_at + LOW_END
        table = [Segment(PT_NOTE, 0, notes_at, 0, 0, len(notes), len(notes), 0)]
        table.append(Segment(PT_LOAD, 7, low_at, DIRECT_MAP, 0, LOW_END, LOW_END, 0))
        for number in range(pieces):
            phys = HIGH + number * PIECE
            table.append(Segment(PT_LOAD, 7, high_at, DIRECT_MAP + phys, phys, PIECE, PIECE, 0))
        ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
        ehdr = EHDR.pack(ident, 4, 62, 1, 0, EHDR.size, 0, 0, EHDR.size, PHDR.size, len(table), 0, 0, 0)
        with open(path, "wb") as file:
            file.truncate(high_at + PIECE)
            file.write(ehdr + b"".join(segment.pack() for segment in table) + notes)
            for phys, data in self.memory():
                file.seek(low_at + phys if phys < LOW_END else high_at + phys - HIGH)
                file.write(data)

    def notes(self) -> bytes:
        """The registers of 448 CPUs, and VMCOREINFO."""
        info = VMCOREINFO.format(
            uts=IMAGE_MAP + UTS,
            top=IMAGE_MAP + KERNEL,
            stext=IMAGE_MAP + KERNEL,
            roots=DIRECT_MAP + ROOTS,
            n_roots=(1 << PHYSMEM_BITS) // SECTION // SECTIONS_PER_ROOT,
        ).encode()
        prstatus = NHDR.pack(5, 336, 1) + b"CORE\0\0\0\0" + bytes(336)
        name = b"VMCOREINFO\0\0"
        return prstatus * 448 + NHDR.pack(11, len(info), 0) + name + info + bytes(-len(info) % 4)

    def memory(self) -> Iterator[tuple[int, bytes]]:
        """Physical addresses and what is there."""
        words = ("Linux", "synthetic", "6.1.0-synthetic", "#1 SMP", "x86_64", "(none)")
        yield UTS, b"".join(word.encode().ljust(65, b"\0") for word in words)
        templates = {}
        for number, (name, kind) in enumerate(self.kinds.items()):
            templates[name] = TEMPLATES + number * HUGE
            assert len(kind.pages) == HUGE
            yield templates[name], kind.pages
        yield from self.section_table()
        yield from self.page_tables(templates)
        yield HIGH, self.contents()

    def contents(self) -> bytes:
        """The filled pages: they compress about as well as a kernel's."""
        dice = random.Random(FILLED)
        pages = (dice.randbytes(1024) + bytes(512) + b"lifeboat" * 320 for _ in range(FILLED))
        return b"".join(pages)

    def new_table(self, count: int = 1) -> int:
        """Room for page tables or roots of mem_section."""
        at = self.tables
        self.tables += count * PAGE
        assert self.tables <= TEMPLATES
        return at

    def section_table(self) -> Iterator[tuple[int, bytes]]:
        """mem_section: an array of pointers to roots, and the roots."""
        # coded as the kernel does: minus the section's first page frame, plus flag bits
        entry = struct.pack("<QQ", VMEMMAP | SECTION_FLAGS, 0)
        present = set(self.sections)
        for root in range(max(present) // SECTIONS_PER_ROOT + 1):
            at = self.new_table()
            numbers = range(root * SECTIONS_PER_ROOT, (root + 1) * SECTIONS_PER_ROOT)
            yield at, b"".join(entry if nr in present else bytes(SECTION_STRUCT) for nr in numbers)
            yield ROOTS + root * 8, struct.pack("<Q", DIRECT_MAP + at)

    def page_tables(self, templates: dict[str, int]) -> Iterator[tuple[int, bytes]]:
        """Four levels: the image, the low memory, and the vmemmap."""
        top: dict[int, int] = {}
        leaves = {DIRECT_MAP + at: at for at in range(0, LOW_END, HUGE)}
        leaves |= {IMAGE_MAP + at: at for at in range(0, GIB, HUGE)}
        leaves |= {VMEMMAP + nr * HUGE: templates[kind_of(nr)] for nr in self.sections}
        middle: dict[int, dict[int, int]] = {}
        low: dict[int, dict[int, int]] = {}
        for vaddr, phys in leaves.items():
            low.setdefault(vaddr >> 30, {})[vaddr >> 21 & 511] = phys | PRESENT | PSE
        for number, entries in low.items():
            at = self.new_table()
            yield at, table_of(entries)
            middle.setdefault(number >> 9, {})[number & 511] = at | PRESENT
        for number, entries in middle.items():
            at = self.new_table()
            yield at, table_of(entries)
            top[number & 511] = at | PRESENT
        yield KERNEL, table_of(top)


def table_of(entries: dict[int, int]) -> bytes:
    """A page table's page."""
    return struct.pack("<512Q", *(entries.get(index, 0) for index in range(512)))


def vmcore_of(tebibytes: int, path: Path) -> Machine:
    """The machine, its vmcore written anew."""
    machine = Machine(tebibytes)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    machine.write(path)
    return machine


def main(argv: Sequence[str]) -> int:
    """python3 -m lab.synthetic TEBIBYTES FILE"""
    if len(argv) != 3:
        print(main.__doc__)
        return 2
    machine = vmcore_of(int(argv[1]), Path(argv[2]))
    print(f"{argv[2]}: {argv[1]} TiB, {machine.kept} pages are to be kept at level 31")
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv))
