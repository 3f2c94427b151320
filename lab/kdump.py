# SPDX-License-Identifier: GPL-2.0-or-later
"""A reader of kdump-compressed files, written from the format's description alone.

It shares no code with Lifeboat's C, so that each can find the other's mistakes.
"""

import ctypes
import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .errors import LabError

SIGNATURE = b"KDUMP   "
VERSION = 6
STATUS_INCOMPLETE = 8
ZLIB, LZO, SNAPPY, ZSTD = 1, 2, 4, 32
PAGE_DESC = struct.Struct("<QIIQ")

# Offsets within the header (block 0) and the sub header (block 1), 64-bit layout.
AT_VERSION, AT_STATUS, AT_BLOCK_SIZE, AT_SUB_SIZE, AT_BITMAP_BLOCKS = 8, 424, 428, 432, 436
AT_DUMP_LEVEL, AT_VMCOREINFO, AT_NOTE, AT_MAX_MAPNR = 8, 32, 48, 96

BITS_OF_BYTE = [[bit for bit in range(8) if byte >> bit & 1] for byte in range(256)]


def set_bits(bitmap: bytes) -> Iterator[int]:
    """The numbers of the set bits, ascending."""
    for index, byte in enumerate(bitmap):
        if byte:
            for bit in BITS_OF_BYTE[byte]:
                yield index * 8 + bit


@lru_cache
def library(name: str) -> ctypes.CDLL:
    """One of the compression libraries; makedumpfile brings them along."""
    try:
        return ctypes.CDLL(name)
    except OSError as err:
        raise LabError(f"{name} is not installed on this machine") from err


def zlib_decompress(data: bytes, size: int) -> bytes:
    """One zlib stream; nothing behind it."""
    unpacker = zlib.decompressobj()
    out = unpacker.decompress(data, size + 1)
    if not unpacker.eof or unpacker.unused_data:
        raise LabError("the zlib stream does not end where its data does")
    return out


def lzo_decompress(data: bytes, size: int) -> bytes:
    """One LZO1X block."""
    out = ctypes.create_string_buffer(size)
    length = ctypes.c_size_t(size)
    status = library("liblzo2.so.2").lzo1x_decompress_safe(
        data, ctypes.c_size_t(len(data)), out, ctypes.byref(length), None
    )
    if status != 0:
        raise LabError(f"lzo1x_decompress_safe: {status}")
    return out.raw[: length.value]


def snappy_decompress(data: bytes, size: int) -> bytes:
    """One snappy block, whose length comes first."""
    out = ctypes.create_string_buffer(size)
    length = ctypes.c_size_t(size)
    status = library("libsnappy.so.1").snappy_uncompress(
        data, ctypes.c_size_t(len(data)), out, ctypes.byref(length)
    )
    if status != 0:
        raise LabError(f"snappy_uncompress: {status}")
    return out.raw[: length.value]


def zstd_decompress(data: bytes, size: int) -> bytes:
    """One zstd frame, which has to say how much is in it."""
    zstd = library("libzstd.so.1")
    zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    zstd.ZSTD_decompress.restype = ctypes.c_size_t
    content = zstd.ZSTD_getFrameContentSize(data, ctypes.c_size_t(len(data)))
    if content != size:
        raise LabError(f"a zstd frame with a content size of {content:#x}")
    out = ctypes.create_string_buffer(size)
    length = int(
        zstd.ZSTD_decompress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)))
    )
    if length > size:
        raise LabError(f"ZSTD_decompress: {length - (1 << 64)}")
    return out.raw[:length]


DECOMPRESS = {
    ZLIB: zlib_decompress,
    LZO: lzo_decompress,
    SNAPPY: snappy_decompress,
    ZSTD: zstd_decompress,
}


@dataclass(frozen=True)
class PageDesc:
    """Where a page's data is in the file, and how it is packed."""

    offset: int
    size: int
    flags: int
    page_flags: int


class Kdump:
    """An opened kdump-compressed file."""

    def __init__(self, path: Path) -> None:
        with open(path, "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self.map[:8] != SIGNATURE or self.i32(AT_VERSION) != VERSION:
            raise LabError(f"{path} is no kdump-compressed file of version {VERSION}")
        self.status = self.i32(AT_STATUS)
        self.block = self.i32(AT_BLOCK_SIZE)
        bitmaps = self.block * (1 + self.i32(AT_SUB_SIZE))
        half = self.block * self.i32(AT_BITMAP_BLOCKS) // 2
        self.level = self.i32(self.block + AT_DUMP_LEVEL)
        self.max_mapnr = self.u64(self.block + AT_MAX_MAPNR)
        if self.max_mapnr > half * 8:
            raise LabError(f"{path}: bitmap of {half} bytes for {self.max_mapnr} pages")
        self.present = self.map[bitmaps : bitmaps + half]
        self.dumped = self.map[bitmaps + half : bitmaps + 2 * half]
        self.descs_at = bitmaps + 2 * half

    def i32(self, at: int) -> int:
        """A signed 32-bit field."""
        return int(struct.unpack_from("<i", self.map, at)[0])

    def u64(self, at: int) -> int:
        """An unsigned 64-bit field."""
        return int(struct.unpack_from("<Q", self.map, at)[0])

    def area(self, at: int) -> bytes:
        """What an {offset, size} pair of the sub header points to."""
        offset, size = self.u64(self.block + at), self.u64(self.block + at + 8)
        return self.map[offset : offset + size]

    def notes(self) -> bytes:
        """The ELF notes."""
        return self.area(AT_NOTE)

    def vmcoreinfo(self) -> bytes:
        """The VMCOREINFO text."""
        return self.area(AT_VMCOREINFO)

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Every page with its PFN, unpacked; data shared by several pages is unpacked once."""
        shared: tuple[PageDesc, bytes] | None = None
        at = self.descs_at
        for pfn in set_bits(self.dumped):
            desc = PageDesc(*PAGE_DESC.unpack_from(self.map, at))
            at += PAGE_DESC.size
            if not shared or shared[0] != desc:
                try:
                    shared = (desc, self.unpack(desc))
                except (LabError, zlib.error) as err:
                    raise LabError(f"PFN {pfn:#x}, {desc}: {err}") from err
            yield pfn, shared[1]

    def unpack(self, desc: PageDesc) -> bytes:
        """One page's bytes."""
        if desc.offset == 0 or desc.offset + desc.size > len(self.map):
            raise LabError("the data is not within the file")
        data = self.map[desc.offset : desc.offset + desc.size]
        if desc.flags in DECOMPRESS:
            data = DECOMPRESS[desc.flags](data, self.block)
        elif desc.flags != 0:
            raise LabError(f"unknown codec {desc.flags:#x}")
        if len(data) != self.block:
            raise LabError(f"{len(data)} bytes when unpacked")
        return data
