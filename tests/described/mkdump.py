#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mkdump: a description in text becomes a dump file, corruptions included.

    mkdump.py DESCRIPTION OUTPUT        write the dump
    mkdump.py --expect DESCRIPTION      print "PFN CLASS" for every `expect` line

It shares no code with format/*.c: both were written from the documents of the formats, so each
checks the other.

A description is read line by line; `#` starts a comment.  Numbers are decimal or 0x…, with an
optional suffix K, M or G.  Ranges are START-END, END not included (page frames: END included).
ADDR is a physical address, or v:ADDR for a virtual one, which an earlier `map` must cover.

    include FILE                    read this first; FILE lies beside the description

What file
    format elf | kdump

What memory holds (all zero unless something is said)
    ram START-END [file=SIZE]       the machine's memory; file: only so many bytes are in the dump
    bytes ADDR de ad be ef          these bytes
    text ADDR "a string"            these and a NUL
    u64 ADDR VALUE…                 little-endian numbers; also u32
    fill ADDR SIZE PATTERN          noise (does not compress), count (does), or a byte like 0x41

A Linux kernel in it (x86_64)
    vmcoreinfo                      the lines up to `end`: the text of the note.  What follows
      KEY=VALUE                     (struct page, sections) takes its layout from here.  Several such
    end                             blocks make one text.
    paging root=ADDR levels=4 pool=START-END
                                    the top-level page table, and room for the others
    map VADDR -> ADDR SIZE [4K|2M|1G]
                                    enter it in the page tables; SIZE in all, pages of 4K unless said
    vmemmap VADDR                   where the struct page of page frame 0 is (or would be)
    sections roots=VADDR table=VADDR present=N,N… [offline=N,N…]
                                    mem_section: the array of roots, and a page of struct mem_section
                                    per root that is used, from `table` on; `offline` ones of the
                                    present have struct pages that are nobody's (ZONE_DEVICE, hot-added)
    page PFN[-PFN] FIELD=VALUE…     struct pages, each anew: zero, _mapcount -1.  Fields: flags
                                    (names as in NUMBER(PG_…), bitN, joined by +), refcount,
                                    mapcount (a number, or buddy, offline, …), mapping, private,
                                    lru, compound_head, compound_order, compound_dtor; kind=slab or
                                    hugetlb (of a compound page): as this kernel marks one
    compound PFN order=N [written=N] FIELD=VALUE…
                                    a head and its tails, as this kernel lays them out (by the keys of
                                    VMCOREINFO); the first N struct pages only
    poison PFN                      the flag, in a struct page that is there
    buddy PFN order=N               a free block
    counters node=VADDR table=VADDR [ORDER=N…]
                                    the page allocator's own count of the free blocks so far, in the
                                    one zone of the one node that `table` (node_data) has; or N
    uts KEY=VALUE…                  sysname nodename release version machine domainname
    uts_at ADDR                     struct new_utsname with these, in memory

ELF
    machine NUMBER                  e_machine (62)
    direct VADDR                    p_vaddr of `ram` segments = this + p_paddr
    alias START-END [vaddr=VADDR]   one more PT_LOAD with memory that `ram` has already
    pt_load START-END [file=SIZE]   a PT_LOAD just so, overlapping what it may
    virtual START-END               a PT_LOAD of virtual memory as in /proc/kcore: p_paddr is -1, p_offset
                                    far behind the end of the file
    note NAME TYPE "text" | xx xx   one more note; `prstatus N` for N of 336 zero bytes
    pt_notes one | many             all notes in one PT_NOTE (as /proc/vmcore), or one PT_NOTE each,
                                    padded with 64 zero bytes
    skew N                          page data starts N bytes behind a page boundary

kdump-compressed
    version N · block_size N · time N · cpus N · phys_base N · dump_level N · max_mapnr N
    status WORD…                    zlib lzo snappy zstd incomplete vmemmap, or a number
    store PFN[-PFN] HOW             a page with a descriptor: raw, zlib, lzo, snappy, zstd, zero (all
                                    share one copy), lost (offset 0).  Pages of `ram` without are
                                    filtered out.
    split START END                 one file of a set: descriptors of page frames from START on, up to
                                    END, which is not included; the bitmaps stay whole

Corruption, in this order, after everything was laid out
    set FIELD VALUE                 ehdr.e_phnum, phdr[2].p_offset, hdr.block_size, sub.size_note,
                                    desc[3].offset: index in the table, not page frame
    patch OFFSET xx xx              bytes of the file
    truncate SIZE                   a negative SIZE counts from the end
    append N                        so many bytes of noise
    flatten [order=forward|reverse|shuffled] [piece=SIZE]
                                    all of it so far as a flattened stream, in records of SIZE bytes
                                    (64K); records of zeros only are left out.  What follows damages
                                    the stream; `patch -16 …` counts from the end.

What a test should see
    expect PFN[-PFN] CLASS          what a page frame is used for: other, free, cache, cache-private,
                                    user, hwpoison, offline, unaccepted; then `zero` if its bytes are
"""

import ctypes
import os
import re
import shlex
import struct
import sys
import zlib

PAGE = 4096


class Mistake(Exception):
    """The description is wrong; the message says how."""


def number(text):
    match = re.fullmatch(r"(-?)(0x[0-9a-fA-F]+|[0-9]+)([KMG]?)", text)
    if not match:
        raise Mistake(f"'{text}' is not a number")
    value = int(match[2], 0) << {"": 0, "K": 10, "M": 20, "G": 30}[match[3]]
    return -value if match[1] else value


def span(text):
    start, dash, end = text.partition("-")
    if not dash:
        raise Mistake(f"'{text}' is not START-END")
    return number(start), number(end)


def frames(text):
    """PFN or PFN-PFN, the last one included."""
    start, dash, end = text.partition("-")
    return range(number(start), number(end if dash else start) + 1)


def options(words, known):
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in known:
            raise Mistake(f"'{word}' is none of {', '.join(k + '=' for k in known)}")
        found[key] = value
    return found


def noise(size, seed=1):
    out = bytearray()
    state = seed * 2654435761 & 0xFFFFFFFF or 1
    while len(out) < size:
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        out += struct.pack("<I", state)
    return bytes(out[:size])


def lzo(data):
    library = ctypes.CDLL("liblzo2.so.2")
    out = ctypes.create_string_buffer(len(data) + len(data) // 16 + 67)
    size = ctypes.c_size_t(0)
    work = ctypes.create_string_buffer(16384 * ctypes.sizeof(ctypes.c_void_p))
    if library.lzo1x_1_compress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(size), work):
        raise Mistake("lzo1x_1_compress failed")
    return out.raw[: size.value]


def snappy(data):
    library = ctypes.CDLL("libsnappy.so.1")
    size = ctypes.c_size_t(32 + len(data) + len(data) // 6)
    out = ctypes.create_string_buffer(size.value)
    if library.snappy_compress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(size)):
        raise Mistake("snappy_compress failed")
    return out.raw[: size.value]


def zstd(data):
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = ctypes.c_size_t
    room = 2 * len(data) + 64
    out = ctypes.create_string_buffer(room)
    size = library.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 1)
    if size > room:  # an error code: a small negative number
        raise Mistake("ZSTD_compress failed")
    return out.raw[:size]


# how a page is stored → page_desc.flags and what makes its data
CODECS = {
    "raw": (0, bytes),
    "zlib": (1, lambda page: zlib.compress(page, 1)),
    "lzo": (2, lzo),
    "snappy": (4, snappy),
    "zstd": (32, zstd),
}


class Memory:
    """Physical memory: a page exists once something was written to it."""

    def __init__(self):
        self.pages = {}

    def write(self, addr, data):
        done = 0
        while done < len(data):
            offset = (addr + done) % PAGE
            part = min(PAGE - offset, len(data) - done)
            page = self.pages.setdefault((addr + done) // PAGE, bytearray(PAGE))
            page[offset : offset + part] = data[done : done + part]
            done += part

    def read(self, addr, size):
        out = bytearray(size)
        done = 0
        while done < size:
            offset = (addr + done) % PAGE
            part = min(PAGE - offset, size - done)
            page = self.pages.get((addr + done) // PAGE)
            if page:
                out[done : done + part] = page[offset : offset + part]
            done += part
        return bytes(out)


class PageTables:
    """x86_64: tables of 512 entries, 9 bits of the address each, above 12 bits of page."""

    PRESENT, LARGE, NO_EXECUTE = 0x63, 0x80, 1 << 63

    def __init__(self, memory, root, levels, pool):
        if levels not in (4, 5):
            raise Mistake(f"paging: {levels} levels")
        self.memory, self.root, self.levels = memory, root, levels
        self.free, self.pool_end = pool

    def entry(self, table, vaddr, level):
        return table + (vaddr >> (12 + 9 * level) & 511) * 8

    def new_table(self):
        if self.free + PAGE > self.pool_end:
            raise Mistake("paging: the pool is used up")
        self.free += PAGE
        return self.free - PAGE

    def map(self, vaddr, paddr, size, page_size):
        leaf = {PAGE: 0, 2 << 20: 1, 1 << 30: 2}.get(page_size)
        if leaf is None or size % page_size or vaddr % page_size or paddr % page_size:
            raise Mistake(f"map: {size:#x} bytes are not aligned to pages of {page_size:#x}")
        for offset in range(0, size, page_size):
            table = self.root
            for level in range(self.levels - 1, leaf, -1):
                at = self.entry(table, vaddr + offset, level)
                value = int.from_bytes(self.memory.read(at, 8), "little")
                if not value:
                    value = self.new_table() | self.PRESENT
                    self.memory.write(at, struct.pack("<Q", value))
                table = value & 0x000FFFFFFFFFF000
            value = paddr + offset | self.PRESENT | self.NO_EXECUTE | (self.LARGE if leaf else 0)
            at = self.entry(table, vaddr + offset, leaf)
            self.memory.write(at, struct.pack("<Q", value))

    def translate(self, vaddr):
        table = self.root
        for level in range(self.levels - 1, -1, -1):
            value = int.from_bytes(self.memory.read(self.entry(table, vaddr, level), 8), "little")
            if not value & 1:
                raise Mistake(f"v:{vaddr:#x} is not mapped")
            table = value & 0x000FFFFFFFFFF000
            if level == 0 or value & self.LARGE:
                return table + (vaddr & ((1 << (12 + 9 * level)) - 1))
        raise AssertionError


UTS = ("sysname", "nodename", "release", "version", "machine", "domainname")

PAGE_FIELDS = {  # name on a `page` line: (member of struct page, format)
    "flags": ("flags", "<Q"),
    "refcount": ("_refcount", "<i"),
    "mapcount": ("_mapcount", "<i"),
    "mapping": ("mapping", "<Q"),
    "private": ("private", "<Q"),
    "lru": ("lru", "<Q"),
    "compound_head": ("compound_head", "<Q"),
    "compound_order": ("compound_order", "<B"),
    "compound_dtor": ("compound_dtor", "<B"),
}


class Description:
    def __init__(self, path):
        self.folder = os.path.dirname(path)
        self.memory = Memory()
        self.tables = None
        self.vmcoreinfo = ""
        self.info = {}
        self.vmemmap = None
        self.free_blocks = {}  # order: how many
        self.format = None
        self.ram = []  # (start, end, bytes in the file)
        self.virtual = []  # PT_LOADs without physical address: (start, end)
        self.loads = []  # further PT_LOADs: (start, end, bytes in the file, vaddr)
        self.direct = 0
        self.machine = 62
        self.notes = []  # (name, type, bytes)
        self.many_notes = False
        self.skew = 0
        self.uts = dict(sysname="Linux", nodename="described", release="6.1.0-described",
                        version="#1 SMP", machine="x86_64", domainname="(none)")
        self.header = dict(version=6, block_size=PAGE, time=0, cpus=1, phys_base=0, dump_level=0)
        self.status = 0
        self.max_mapnr = None
        self.stored = {}  # pfn: how
        self.split = None  # the page frames of this file
        self.corruptions = []
        self.expected = []
        self.read(path)
        if self.format not in ("elf", "kdump"):
            raise Mistake("no line `format elf` or `format kdump`")

    # ---- the language

    def read(self, path):
        with open(path, encoding="utf-8") as f:
            lines = enumerate(f.read().splitlines(), 1)
        for n, line in lines:
            try:
                words = shlex.split(line, comments=True)
                if not words:
                    continue
                if words == ["vmcoreinfo"]:
                    self.read_vmcoreinfo(lines)
                    continue
                handler = getattr(self, "do_" + words[0], None)
                if not handler:
                    raise Mistake(f"there is no directive '{words[0]}'")
                handler(*words[1:])
            except (Mistake, TypeError, ValueError, struct.error) as e:
                raise Mistake(f"{path}:{n}: {line.strip()}: {e}") from e

    def do_include(self, name):
        self.read(os.path.join(self.folder, name))

    def read_vmcoreinfo(self, lines):
        for _, line in lines:
            line = line.strip()
            if line == "end":
                return
            if not line or line.startswith("#"):
                continue
            self.vmcoreinfo += line + "\n"
            key, _, value = line.partition("=")
            self.info[key] = value
        raise Mistake("vmcoreinfo without `end`")

    def key(self, kind, name):
        try:
            return int(self.info[f"{kind}({name})"], 0)
        except KeyError:
            raise Mistake(f"VMCOREINFO has no {kind}({name})") from None

    def addr(self, text):
        if not text.startswith("v:"):
            return number(text)
        if not self.tables:
            raise Mistake(f"{text}: there is no `paging` yet")
        return self.tables.translate(number(text[2:]))

    def write_virtual(self, vaddr, data):
        for i in range(0, len(data), 8):
            self.memory.write(self.tables.translate(vaddr + i), data[i : i + 8])

    def write_bytes(self, vaddr, data):
        """Bytes within one page."""
        self.memory.write(self.tables.translate(vaddr), data)

    # ---- memory

    def do_format(self, name):
        self.format = name

    def do_ram(self, where, *more):
        start, end = span(where)
        size = options(more, ("file",)).get("file")
        self.ram.append((start, end, number(size) if size else end - start))

    def do_bytes(self, addr, *values):
        self.memory.write(self.addr(addr), bytes.fromhex("".join(values)))

    def do_text(self, addr, text):
        self.memory.write(self.addr(addr), text.encode() + b"\0")

    def do_u64(self, addr, *values):
        data = b"".join(struct.pack("<Q", number(v) & (1 << 64) - 1) for v in values)
        self.memory.write(self.addr(addr), data)

    def do_u32(self, addr, *values):
        data = b"".join(struct.pack("<I", number(v) & (1 << 32) - 1) for v in values)
        self.memory.write(self.addr(addr), data)

    def do_fill(self, addr, size, pattern):
        at, size = self.addr(addr), number(size)
        if pattern == "noise":
            data = noise(size, at // PAGE + 1)
        elif pattern == "count":
            data = bytes(i // 16 + at // PAGE & 255 for i in range(size))
        else:
            data = bytes([number(pattern)]) * size
        self.memory.write(at, data)

    # ---- a kernel

    def do_paging(self, *words):
        o = options(words, ("root", "levels", "pool"))
        self.tables = PageTables(self.memory, number(o["root"]), number(o["levels"]),
                                 span(o["pool"]))

    def do_map(self, vaddr, arrow, paddr, size, page_size="4K"):
        if arrow != "->" or not self.tables:
            raise Mistake("map VADDR -> ADDR SIZE, after `paging`")
        self.tables.map(number(vaddr), number(paddr), number(size), number(page_size))

    def do_vmemmap(self, vaddr):
        self.vmemmap = number(vaddr)

    def do_sections(self, *words):
        o = options(words, ("roots", "table", "present", "offline"))
        offline = [number(n) for n in o.get("offline", "").split(",") if n]
        size, offset = self.key("SIZE", "mem_section"), self.key("OFFSET", "mem_section.section_mem_map")
        per_root = PAGE // size
        tables = {}
        for nr in (number(n) for n in o["present"].split(",")):
            root = nr // per_root
            if root not in tables:
                tables[root] = number(o["table"]) + len(tables) * PAGE
                self.write_virtual(number(o["roots"]) + root * 8, struct.pack("<Q", tables[root]))
            # coded as the kernel does: minus the section's first page frame, plus flag bits
            self.write_virtual(tables[root] + nr % per_root * size + offset,
                               struct.pack("<Q", self.vmemmap | (0x13 if nr in offline else 0xF)))

    def flags(self, text):
        value = 0
        for word in text.split("+"):
            if word == "head":
                value |= self.key("NUMBER", "PG_head_mask")
            elif word.startswith("bit"):
                value |= 1 << number(word[3:])
            elif f"NUMBER(PG_{word})" in self.info:
                value |= 1 << self.key("NUMBER", "PG_" + word)
            else:
                value |= number(word)
        return value

    def field(self, name, text):
        if name == "flags":
            return self.flags(text)
        if name == "mapcount" and text.isalpha():
            return self.key("NUMBER", f"PAGE_{text.upper()}_MAPCOUNT_VALUE")
        return number(text)

    def page_addr(self, pfn):
        if self.vmemmap is None:
            raise Mistake("page: there is no `vmemmap` yet")
        return self.vmemmap + pfn * self.key("SIZE", "page")

    def write_page(self, pfn, fields):
        data = bytearray(self.key("SIZE", "page"))
        for name, value in {"mapcount": -1, **fields}.items():
            member, form = PAGE_FIELDS[name]
            if form == "<Q":
                value &= (1 << 64) - 1
            struct.pack_into(form, data, self.key("OFFSET", "page." + member), value)
        self.write_virtual(self.page_addr(pfn), bytes(data))

    def fields(self, words, also=()):
        """The fields of a `page` or `compound` line, and the words that are none."""
        o = options(words, ("kind", *also, *PAGE_FIELDS))
        rest = {k: number(o.pop(k)) for k in also if k in o}
        kind = o.pop("kind", None)
        fields = {k: self.field(k, v) for k, v in o.items()}
        if kind == "slab" and "NUMBER(PG_slab)" in self.info:  # until 6.9
            fields["flags"] = fields.get("flags", 0) | self.flags("slab")
        elif kind == "slab" or kind == "hugetlb" and self.hugetlb_form() == "type":
            fields["mapcount"] = self.field("mapcount", kind)
        elif kind not in (None, "hugetlb"):
            raise Mistake(f"there is no kind '{kind}'")
        return fields, rest, kind

    def do_page(self, where, *words):
        fields, _, kind = self.fields(words)
        if kind == "hugetlb":
            raise Mistake("a hugetlb page is a compound page")
        for pfn in frames(where):
            self.write_page(pfn, fields)

    def hugetlb_form(self):
        """Which of its ways this kernel has to mark a hugetlb page, and to say a compound's order."""
        if "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)" in self.info:  # since 6.9, and late 6.6 and 6.8
            return "type"
        if "NUMBER(PG_hugetlb)" in self.info:  # since 6.6
            return "flag"
        return "folio" if "OFFSET(folio._folio_order)" in self.info else "bytes"

    def second_page(self, order, hugetlb):
        """What the struct page behind a head says of the compound page: {offset: (format, value)}."""
        form = self.hugetlb_form()
        if form in ("type", "flag"):
            value = order | (self.flags("hugetlb") if hugetlb and form == "flag" else 0)
            return {self.key("OFFSET", "page.flags"): ("<Q", value)}
        dtor = self.key("NUMBER", "HUGETLB_PAGE_DTOR") if hugetlb else 1
        if form == "folio":
            base = self.key("SIZE", "page")
            names = ("folio._folio_order", "folio._folio_dtor")
        else:
            base, names = 0, ("page.compound_order", "page.compound_dtor")
        at = [self.key("OFFSET", name) - base for name in names]
        return {at[0]: ("<B", order), at[1]: ("<B", dtor)}

    def tail_info(self, head, order):
        """What marks a tail: where, and the head's address, or since 7.1 a mask for the tail's own."""
        if "OFFSET(page.compound_info)" in self.info:
            span_of_all = self.key("SIZE", "page") << order
            return self.key("OFFSET", "page.compound_info"), (1 << 64) - span_of_all | 1
        return self.key("OFFSET", "page.compound_head"), self.page_addr(head) | 1

    def do_compound(self, where, *words):
        fields, rest, kind = self.fields(words, ("order", "written"))
        head, order = number(where), rest["order"]
        fields["flags"] = fields.get("flags", 0) | self.key("NUMBER", "PG_head_mask")
        self.write_page(head, fields)
        info_at, info = self.tail_info(head, min(order, 30))
        for i in range(1, rest.get("written", 1 << order)):
            self.write_page(head + i, {})
            tail = {info_at: ("<Q", info)}
            if i == 1:
                tail |= self.second_page(order, kind == "hugetlb")
            for offset, (form, value) in tail.items():
                self.write_bytes(self.page_addr(head + i) + offset, struct.pack(form, value))

    def do_poison(self, where):
        at = self.page_addr(number(where)) + self.key("OFFSET", "page.flags")
        flags, = struct.unpack("<Q", self.memory.read(self.tables.translate(at), 8))
        self.write_bytes(at, struct.pack("<Q", flags | self.flags("hwpoison")))

    def do_buddy(self, where, order):
        order = number(options([order], ("order",))["order"])
        self.free_blocks[order] = self.free_blocks.get(order, 0) + 1
        self.write_page(number(where), {
            "mapcount": self.key("NUMBER", "PAGE_BUDDY_MAPCOUNT_VALUE"), "private": order})

    def do_counters(self, *words):
        orders = self.key("LENGTH", "zone.free_area")
        o = options(words, ("node", "table", *(str(order) for order in range(orders))))
        node, size = number(o["node"]), self.key("SIZE", "free_area")
        self.write_virtual(number(o["table"]), struct.pack("<Q", node))
        at = node + self.key("OFFSET", "pglist_data.nr_zones")
        self.write_bytes(at, struct.pack("<i", 1))
        at = node + self.key("OFFSET", "pglist_data.node_zones")
        at += self.key("OFFSET", "zone.free_area") + size - 8
        for order in range(orders):
            count = number(o.get(str(order), str(self.free_blocks.get(order, 0))))
            self.write_bytes(at + order * size, struct.pack("<Q", count))

    def do_uts(self, *words):
        self.uts.update(options(words, UTS))

    def uts_bytes(self):
        return b"".join(self.uts[k].encode()[:64].ljust(65, b"\0") for k in UTS)

    def do_uts_at(self, addr):
        self.memory.write(self.addr(addr), self.uts_bytes())

    # ---- ELF

    def do_machine(self, value):
        self.machine = number(value)

    def do_direct(self, vaddr):
        self.direct = number(vaddr)

    def do_alias(self, where, *words):
        start, end = span(where)
        vaddr = options(words, ("vaddr",)).get("vaddr", "0")
        self.loads.append((start, end, end - start, number(vaddr)))

    def do_pt_load(self, where, *words):
        start, end = span(where)
        size = options(words, ("file",)).get("file")
        self.loads.append((start, end, number(size) if size else end - start, 0))

    def do_virtual(self, where):
        self.virtual.append(span(where))

    def do_note(self, name, kind, *data):
        try:
            value = bytes.fromhex("".join(data))
        except ValueError:
            value = " ".join(data).encode()
        self.notes.append((name, number(kind), value))

    def do_prstatus(self, count):
        self.notes += [("CORE", 1, bytes(336))] * number(count)

    def do_pt_notes(self, how):
        self.many_notes = {"one": False, "many": True}[how]

    def do_skew(self, value):
        self.skew = number(value)

    # ---- kdump

    def do_version(self, value):
        self.header["version"] = number(value)

    def do_block_size(self, value):
        self.header["block_size"] = number(value)

    def do_time(self, value):
        self.header["time"] = number(value)

    def do_cpus(self, value):
        self.header["cpus"] = number(value)

    def do_phys_base(self, value):
        self.header["phys_base"] = number(value)

    def do_dump_level(self, value):
        self.header["dump_level"] = number(value)

    def do_max_mapnr(self, value):
        self.max_mapnr = number(value)

    def do_status(self, *words):
        names = dict(zlib=1, lzo=2, snappy=4, incomplete=8, vmemmap=16, zstd=32)
        for word in words:
            self.status |= names[word] if word in names else number(word)

    def do_store(self, where, how):
        if how not in (*CODECS, "zero", "lost"):
            raise Mistake(f"store: there is no '{how}'")
        self.stored.update((pfn, how) for pfn in frames(where))

    def do_split(self, start, end):
        self.split = range(number(start), number(end))

    # ---- corruption and expectations

    def do_set(self, field, value):
        self.corruptions.append(("set", field, number(value)))

    def do_patch(self, offset, *values):
        self.corruptions.append(("patch", number(offset), bytes.fromhex("".join(values))))

    def do_truncate(self, size):
        self.corruptions.append(("truncate", number(size), None))

    def do_append(self, size):
        self.corruptions.append(("append", number(size), None))

    def do_flatten(self, *words):
        o = options(words, ("order", "piece"))
        order = o.get("order", "forward")
        if order not in ("forward", "reverse", "shuffled"):
            raise Mistake(f"flatten: there is no order '{order}'")
        self.corruptions.append(("flatten", order, number(o.get("piece", "64K"))))

    def do_expect(self, where, *words):
        self.expected += [(pfn, " ".join(words)) for pfn in frames(where)]

    # ---- laying out

    def all_notes(self):
        """Each note, padded."""
        notes = list(self.notes)
        if self.vmcoreinfo:
            notes.append(("VMCOREINFO", 0, self.vmcoreinfo.encode()))
        for name, kind, data in notes:
            name = name.encode() + b"\0"
            yield (struct.pack("<III", len(name), len(data), kind) + name
                   + bytes(-len(name) % 4) + data + bytes(-len(data) % 4))

    def build(self):
        data, fields = build_elf(self) if self.format == "elf" else build_kdump(self)
        for what, a, b in self.corruptions:
            if what == "set":
                if a not in fields:
                    raise Mistake(f"set: there is no field {a}")
                offset, size = fields[a]
                data[offset : offset + size] = (b & (1 << size * 8) - 1).to_bytes(size, "little")
            elif what == "patch":
                a += len(data) if a < 0 else 0
                data[a : a + len(b)] = b
            elif what == "truncate":
                del data[a:]
            elif what == "flatten":
                data, fields = flatten(data, a, b), {}
            else:
                data += noise(a)
        return data


def flatten(data, order, piece):
    """makedumpfile's flattened format: a header of 4096 bytes, records, two times -1."""
    starts = list(range(0, len(data), piece))
    if order == "reverse":
        starts.reverse()
    elif order == "shuffled":
        starts.sort(key=lambda at: zlib.crc32(struct.pack("<Q", at)))
    out = bytearray(struct.pack(">16sqq", b"makedumpfile", 1, 1).ljust(4096, b"\0"))
    for at in starts:
        part = data[at : at + piece]
        if any(part) or at + piece >= len(data):
            out += struct.pack(">qq", at, len(part)) + part
    return out + struct.pack(">qq", -1, -1)


def add_fields(fields, prefix, base, table):
    for name, offset, size in table:
        fields[f"{prefix}.{name}"] = (base + offset, size)


EHDR = (("e_type", 16, 2), ("e_machine", 18, 2), ("e_version", 20, 4), ("e_phoff", 32, 8),
        ("e_shoff", 40, 8), ("e_phentsize", 54, 2), ("e_phnum", 56, 2))
PHDR = (("p_type", 0, 4), ("p_flags", 4, 4), ("p_offset", 8, 8), ("p_vaddr", 16, 8),
        ("p_paddr", 24, 8), ("p_filesz", 32, 8), ("p_memsz", 40, 8), ("p_align", 48, 8))


def build_elf(d):
    """As /proc/vmcore: headers, notes, then each PT_LOAD from a page boundary on."""
    notes = list(d.all_notes())
    pieces = [n + bytes(64) for n in notes] if d.many_notes else [b"".join(notes)]
    loads = d.loads + [(s, e, size, d.direct + s) for s, e, size in d.ram]
    phnum = len(pieces) + len(loads) + len(d.virtual)
    fields = {}

    data = bytearray(64 + 56 * phnum)
    data[0:16] = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    struct.pack_into("<HHIQQQIHHHHHH", data, 16, 4, d.machine, 1, 0, 64, 0, 0, 64, 56,
                     min(phnum, 0xFFFF), 0, 0, 0)
    add_fields(fields, "ehdr", 0, EHDR)

    def phdr(i, *values):
        struct.pack_into("<IIQQQQQQ", data, 64 + 56 * i, *values)
        add_fields(fields, f"phdr[{i}]", 64 + 56 * i, PHDR)

    for i, piece in enumerate(pieces):
        phdr(i, 4, 0, len(data), 0, 0, len(piece), len(piece), 0)
        data += piece
    for i, (start, end, size, vaddr) in enumerate(loads, len(pieces)):
        data += bytes(-len(data) % PAGE + d.skew + (0 if d.skew else start % PAGE))
        phdr(i, 1, 7, len(data), vaddr, start, size, end - start, 0)
        data += d.memory.read(start, size)
    for i, (start, end) in enumerate(d.virtual, len(pieces) + len(loads)):
        phdr(i, 1, 7, (start & (1 << 47) - 1) + 0x3000, start, (1 << 64) - 1, end - start,
             end - start, PAGE)
    return data, fields


HDR = (("version", 8, 4), ("tv_sec", 408, 8), ("tv_usec", 416, 8), ("status", 424, 4),
       ("block_size", 428, 4), ("sub_hdr_size", 432, 4), ("bitmap_blocks", 436, 4),
       ("max_mapnr", 440, 4), ("total_ram_blocks", 444, 4), ("device_blocks", 448, 4),
       ("written_blocks", 452, 4), ("current_cpu", 456, 4), ("nr_cpus", 460, 4))
SUB = (("phys_base", 0, 8), ("dump_level", 8, 4), ("split", 12, 4), ("start_pfn", 16, 8),
       ("end_pfn", 24, 8), ("offset_vmcoreinfo", 32, 8), ("size_vmcoreinfo", 40, 8),
       ("offset_note", 48, 8), ("size_note", 56, 8), ("offset_eraseinfo", 64, 8),
       ("size_eraseinfo", 72, 8), ("start_pfn_64", 80, 8), ("end_pfn_64", 88, 8),
       ("max_mapnr_64", 96, 8))
DESC = (("offset", 0, 8), ("size", 8, 4), ("flags", 12, 4), ("page_flags", 16, 8))


def bitmap(pfns, size):
    out = bytearray(size)
    for pfn in pfns:
        out[pfn >> 3] |= 1 << (pfn & 7)
    return out


def build_kdump(d):
    bs = d.header["block_size"]
    notes = b"".join(d.all_notes())
    ram = sorted(p for s, e, _ in d.ram for p in range(s // bs, -(-e // bs)))
    max_mapnr = d.max_mapnr if d.max_mapnr is not None else max(ram, default=0) + 1
    sub_blocks = -(-(104 + len(notes)) // bs)
    half = -(-(-(-max_mapnr // 8)) // bs)
    info = d.vmcoreinfo.encode()
    info_at = bs + 104 + notes.find(info) if info else 0
    fields = {}

    head = b"KDUMP   " + struct.pack("<i", d.header["version"]) + d.uts_bytes()
    head = head.ljust(408, b"\0") + struct.pack(
        "<qqIiiIIIIIIi", d.header["time"], 0, d.status, bs, sub_blocks, half * 2,
        min(max_mapnr, 0xFFFFFFFF), 0, 0, 0, 0, d.header["cpus"])
    mine = d.split if d.split is not None else range(0)
    sub = struct.pack("<QiiQQQQQQQQQQQ", d.header["phys_base"] & (1 << 64) - 1,
                      d.header["dump_level"], d.split is not None, mine.start, mine.stop, info_at,
                      len(info), bs + 104 if notes else 0, len(notes), 0, 0, mine.start, mine.stop,
                      max_mapnr)
    data = bytearray(head.ljust(bs, b"\0"))
    data += (sub + notes).ljust(sub_blocks * bs, b"\0")
    data += bitmap((p for p in ram if p < max_mapnr), half * bs)
    data += bitmap((p for p in d.stored if p < max_mapnr), half * bs)
    add_fields(fields, "hdr", 0, HDR)
    add_fields(fields, "sub", bs, SUB)

    at = len(data)
    described = sorted(p for p in d.stored if d.split is None or p in d.split)
    data += bytes(24 * len(described))
    zero = None
    for i, pfn in enumerate(described):
        how, page = d.stored[pfn], d.memory.read(pfn * bs, bs)
        flags, pack = CODECS.get(how, CODECS["raw"])
        packed = pack(bytes(page))
        if len(packed) >= bs:
            packed, flags = page, 0
        if how == "zero":
            if any(page):
                raise Mistake(f"store {pfn:#x} zero: the page is not")
            if zero is None:
                zero = len(data)
                data += page
            desc = (zero, bs, 0, 0)
        elif how == "lost":
            desc = (0, 0, 0, 0)
        else:
            desc = (len(data), len(packed), flags, 0)
            data += packed
        struct.pack_into("<QIIQ", data, at + 24 * i, *desc)
        add_fields(fields, f"desc[{i}]", at + 24 * i, DESC)
    return data, fields


def main(argv):
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if argv[1] == "--expect":
            for pfn, text in sorted(Description(argv[2]).expected):
                print(f"{pfn:#x} {text}")
            return 0
        data = Description(argv[1]).build()
        with open(argv[2], "wb") as f:
            f.write(data)
    except (Mistake, OSError) as e:
        print(f"mkdump: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
