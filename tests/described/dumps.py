# SPDX-License-Identifier: GPL-2.0-or-later
"""Described dumps for the tests beside: making them, and reading ours without our code."""

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from lab import kdump  # noqa: E402  (the reader lives in the lab)

PAGE = 4096
PT_LOAD = 1
CORRUPT = 4  # exit status

# The level's bits, and what each leaves out. Poison and offline go at every level.
DROPS = {
    2: {"cache"},
    4: {"cache", "cache-private"},
    8: {"user"},
    16: {"free", "unaccepted"},
}
ALWAYS = {"hwpoison", "offline"}


def make(description: Path, folder: Path) -> Path:
    dump = folder / f"{description.stem}.dump"
    subprocess.run([sys.executable, str(HERE / "mkdump.py"), str(description), str(dump)],
                   check=True)
    return dump


def expectations(description: Path) -> dict[int, list[str]]:
    """Page frame → the words after it."""
    out = subprocess.run([sys.executable, str(HERE / "mkdump.py"), "--expect", str(description)],
                         check=True, capture_output=True, text=True).stdout
    table: dict[int, list[str]] = {}
    for line in out.splitlines():
        pfn, *words = line.split()
        table[int(pfn, 0)] = words
    return table


def wanted(level: int, expected: dict[int, list[str]]) -> set[int]:
    """The page frames that this level keeps."""
    dropped = set(ALWAYS)
    for bit, classes in DROPS.items():
        dropped |= classes if level & bit else set()
    return {pfn for pfn, words in expected.items() if words[0] not in dropped}


def elf_memory(dump: bytes) -> dict[int, bytes]:
    """The pages of an ELF vmcore by page frame; where the file has only a part, zeros are the rest."""
    pages: dict[int, bytearray] = {}
    table, = struct.unpack_from("<Q", dump, 32)
    size, count = struct.unpack_from("<HH", dump, 54)
    for index in range(count):
        kind, _, offset, _, paddr, in_file, _, _ = struct.unpack_from(
            "<IIQQQQQQ", dump, table + index * size)
        if kind != PT_LOAD:
            continue
        for at in range(paddr // PAGE * PAGE, paddr + in_file, PAGE):
            start, end = max(at, paddr), min(at + PAGE, paddr + in_file)
            page = pages.setdefault(at // PAGE, bytearray(PAGE))
            page[start - at:end - at] = dump[offset + start - paddr:offset + end - paddr]
    return {pfn: bytes(page) for pfn, page in pages.items()}


def unflatten(dump: bytes) -> bytes:
    """What a flattened stream carries; other files as they are."""
    if not dump.startswith(b"makedumpfile\0"):
        return dump
    out, at = bytearray(), 4096
    while (record := struct.unpack_from(">qq", dump, at)) != (-1, -1):
        offset, size = record
        out += bytes(max(0, offset + size - len(out)))
        out[offset:offset + size] = dump[at + 16:at + 16 + size]
        at += 16 + size
    return bytes(out)


def run(lifeboat: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([lifeboat, *args], capture_output=True, text=True, errors="replace",
                          timeout=60, check=False)


def pages_of(out: Path, options: list[str]) -> Iterator[tuple[int, bytes]]:
    """The pages of our output, in either format."""
    if "-E" in options:
        yield from elf_memory(out.read_bytes()).items()
        return
    got = kdump.Kdump(out)
    if got.status & kdump.STATUS_INCOMPLETE:
        raise ValueError("says that it is incomplete")
    yield from got.pages()
