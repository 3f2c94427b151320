# SPDX-License-Identifier: GPL-2.0-or-later
"""A reader of raw partitions with crashes, written from the description in format/crashpart.h alone."""

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

BLOCK, HEADER, DIGEST = 4096, 480, 32
HEAD = struct.Struct("<8sII16sQQQII")
PART = struct.Struct("<16sQQ32s")
MAGIC = b"LIFEBOAT"
STATES = {1: "writing", 2: "whole", 3: "partial", 4: "collected"}
MAX_ENTRIES = 4096


@dataclass(frozen=True)
class Part:
    """One file of a crash."""

    name: str
    offset: int
    size: int
    sha256: bytes
    broken: bool


@dataclass(frozen=True)
class Entry:
    """One crash."""

    state: str
    offset: int
    end: int
    parts: list[Part]


def parse(block: bytes, at: int, size: int) -> Entry | None:
    """The entry whose header this is, if it is one."""
    magic, version, state, _, _, offset, end, count, broken = HEAD.unpack_from(block)
    sound = hashlib.sha256(block[:HEADER]).digest() == block[HEADER : HEADER + DIGEST]
    if magic != MAGIC or version != 1 or not sound or offset != at or state not in STATES:
        return None
    if not at < end <= size or count > 4:
        return None
    parts = []
    for index in range(count):
        name, start, length, digest = PART.unpack_from(block, HEAD.size + index * PART.size)
        text = name.rstrip(b"\0").decode("ascii")
        if length:  # else it is not there
            parts.append(Part(text, start, length, digest, bool(broken >> index & 1)))
    return Entry(STATES[state], at, end, parts)


def entries(image: Path, start: int, size: int) -> list[Entry]:
    """The entries of the partition at `start` of an image, in their order."""
    found: list[Entry] = []
    at = 0
    with open(image, "rb") as file:
        while at + BLOCK <= size and len(found) < MAX_ENTRIES:
            file.seek(start + at)
            entry = parse(file.read(BLOCK), at, size)
            if not entry:
                break
            found.append(entry)
            at = entry.end
    return found


def content(image: Path, start: int, part: Part) -> bytes:
    """A part's bytes."""
    with open(image, "rb") as file:
        file.seek(start + part.offset)
        return file.read(part.size)
