# SPDX-License-Identifier: GPL-2.0-or-later
"""Changing a dump where it hurts: one page's data, one page's bit, an address on a stack."""

from collections import Counter
from pathlib import Path

from lab.judges import ours
from lab.kdump import PAGE_DESC, Kdump, PageDesc, set_bits

POINTER = 8


class Surgery:
    """A kdump-compressed file in its folder; write() puts the changed one in its place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dump = Kdump(path)
        self.pfns = list(set_bits(self.dump.dumped))
        self.data = bytearray(path.read_bytes())

    def write(self) -> None:
        """A file of its own: what was there may have other names."""
        mode = self.path.stat().st_mode & 0o777
        self.path.unlink()
        self.path.write_bytes(self.data)
        self.path.chmod(mode)

    def desc_at(self, pfn: int) -> int:
        """Where a page's descriptor is."""
        return self.dump.descs_at + self.pfns.index(pfn) * PAGE_DESC.size

    def desc(self, pfn: int) -> PageDesc:
        """A page's descriptor."""
        return PageDesc(*PAGE_DESC.unpack_from(self.data, self.desc_at(pfn)))

    def page(self, pfn: int) -> bytes:
        """A page's content."""
        return self.dump.unpack(self.desc(pfn))

    def packed(self) -> int:
        """A page with packed data that is its own, from the middle of the file."""
        table = self.data[self.dump.descs_at : self.dump.descs_at + len(self.pfns) * PAGE_DESC.size]
        descs = [PageDesc(*fields) for fields in PAGE_DESC.iter_unpack(table)]
        used = Counter(desc.offset for desc in descs)
        middle = len(descs) // 2
        return next(pfn for pfn, desc in zip(self.pfns[middle:], descs[middle:]) if desc.flags and used[desc.offset] == 1)

    def set_page(self, pfn: int, content: bytes) -> None:
        """Another content, unpacked and behind all others."""
        old = self.desc(pfn)
        new = PageDesc(len(self.data), len(content), 0, old.page_flags)
        PAGE_DESC.pack_into(self.data, self.desc_at(pfn), new.offset, new.size, new.flags, new.page_flags)
        self.data += content

    def clear_bit(self, pfn: int) -> None:
        """The page is not in the second bitmap any more; descriptors stay."""
        at = self.dump.descs_at - len(self.dump.dumped) + (pfn >> 3)
        assert self.data[at] >> (pfn & 7) & 1
        self.data[at] &= ~(1 << (pfn & 7)) & 0xFF

    def lose(self, pfn: int) -> None:
        """The page was never there: the file is whole, and has one page less."""
        at, end = self.desc_at(pfn), self.dump.descs_at + len(self.pfns) * PAGE_DESC.size
        self.data[at : end - PAGE_DESC.size] = self.data[at + PAGE_DESC.size : end]
        self.clear_bit(pfn)

    def replace_pointer(self, old: int, new: int) -> int:
        """Everywhere in the memory; how often."""
        word, count = old.to_bytes(POINTER, "little"), 0
        for pfn, content in self.dump.pages():
            if word in content:
                count += content.count(word)
                self.set_page(pfn, content.replace(word, new.to_bytes(POINTER, "little")))
        return count


def frame_address(dump: Path, function: str) -> int:
    """The return address into a function, on the stack that panicked."""
    frames = [frame for seen, stack in ours.stacks(dump) if stack.panicked for frame in seen.frames]
    return next(frame.pc for frame in frames if frame.name == function)


def symbol(dump: Path, name: str) -> int:
    """A function's address."""
    return next(address for address, _, known, _ in ours.symbols(dump) if known == name)
