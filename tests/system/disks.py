# SPDX-License-Identifier: GPL-2.0-or-later
"""Is what real tools put on a disk named as others name it: blkid the content, sfdisk partitions?"""

import json
import re
import struct
from pathlib import Path
from typing import Any

from lab.checks import Checks
from lab.paths import program
from lab.proc import run

from .subject import Subject

MIB = 1 << 20
MD_MAGIC = 0xA92B4EFC
UUID = bytes(range(16, 32))
LUKS = (
    "cryptsetup luksFormat -q --key-file=/dev/zero --keyfile-size=16"
    " --pbkdf=pbkdf2 --pbkdf-force-iterations=1000"
)


# Name → MiB, and the command that fills it; ~ stands for a blank.
MADE = {
    "ext2": (8, "mkfs.ext2 -qF -L two"),
    "ext3": (8, "mkfs.ext3 -qF -L three"),
    "ext4": (16, "mkfs.ext4 -qF -L four~four"),
    "ext4-plain": (16, "mkfs.ext4 -qF -O ^metadata_csum,^64bit"),
    "ext4-no-journal": (16, "mkfs.ext4 -qF -O ^has_journal"),
    "ext4-1k-blocks": (8, "mkfs.ext4 -qF -b 1024"),
    "xfs": (300, "mkfs.xfs -q -L exfs"),
    "xfs-v4": (300, "mkfs.xfs -q -m crc=0"),
    "xfs-4k-sectors": (300, "mkfs.xfs -q -s size=4096"),
    "btrfs-crc32c": (120, "mkfs.btrfs -q --csum crc32c -L bt~bt"),
    "btrfs-xxhash": (120, "mkfs.btrfs -q --csum xxhash"),
    "btrfs-sha256": (120, "mkfs.btrfs -q --csum sha256"),
    "btrfs-blake2": (120, "mkfs.btrfs -q --csum blake2"),
    "vfat-12": (2, "mkfs.vfat -F 12 -n TWELVE"),
    "vfat-16": (20, "mkfs.vfat -F 16 -n SIX~TEEN"),
    "vfat-32": (300, "mkfs.vfat -F 32 -n THIRTY"),
    "vfat-no-name": (20, "mkfs.vfat"),
    "vfat-4k-sectors": (300, "mkfs.vfat -F 32 -S 4096 -n BIG"),
    "swap": (1, "mkswap -q -L swapped"),
    "swap-64k-pages": (1, "mkswap -q -p 65536"),
}


def make(path: Path, mib: int, command: str) -> None:
    """A new image of that size, mostly holes, and the tool's work in it."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(mib * MIB)
    run([*(word.replace("~", " ") for word in command.split()), path])


def ours(*words: str | Path) -> dict[str, Any]:
    """What capture/ says."""
    answer: dict[str, Any] = json.loads(run([program("lab-disk"), *words]).stdout)
    return answer


def by_blkid(path: Path) -> dict[str, str]:
    """Type, UUID and label; what is not there is empty."""
    lines = run(["blkid", "-p", "-o", "export", path]).stdout.splitlines()
    got = dict(re.sub(r"\\(.)", r"\1", line).split("=", 1) for line in lines)
    return {key: got.get(key.upper(), "") for key in ("type", "uuid", "label")}


def expect_same(checks: Checks, name: str, path: Path) -> None:
    """Both name the content alike, and it is clean."""
    told, want = ours("content", path), by_blkid(path)
    got = {key: told[key] for key in want}
    clean = not told["dirty"] and not told["read_only"] and told["devices"] == 1
    short = f"{want['type']} {want['uuid']}"
    checks.expect(name, got == want and clean, f"{told}, blkid: {want}", short)


# ---- members of arrays and volume groups: their tools want block devices, so they are made here


def folded(words: list[int]) -> int:
    """MD's checksum."""
    total = sum(words)
    return ((total & 0xFFFFFFFF) + (total >> 32)) & 0xFFFFFFFF


def md1(offset: int) -> bytes:
    """A superblock of version 1 for that place."""
    block = bytearray(256)
    struct.pack_into("<II8x16s32s", block, 0, MD_MAGIC, 1, UUID, b"host:7")
    struct.pack_into("<Q", block, 144, offset // 512)
    struct.pack_into("<I", block, 216, folded(list(struct.unpack("<64I", block))))
    return bytes(block)


def md0() -> bytes:
    """A superblock of version 0.90."""
    words = [0] * 1024
    words[0], words[2] = MD_MAGIC, 90
    words[5], words[13], words[14], words[15] = struct.unpack("<4I", UUID)
    words[38] = folded(words)
    return struct.pack("<1024I", *words)


def lvm(sector: int) -> bytes:
    """A label of LVM2; its CRC has a start of its own."""
    block = bytearray(512)
    uuid = b"abcdefGHIJ0123KLMN4567OPQR89stuv"
    struct.pack_into("<8sQ4xI8s32s", block, 0, b"LABELONE", sector, 32, b"LVM2 001", uuid)
    crc = 0xF597A6CF
    for byte in block[20:]:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    struct.pack_into("<I", block, 16, crc)
    return bytes(block)


def judge_members(subject: Subject, checks: Checks) -> None:
    """Each on top of a whole file system, which must not be taken for the content."""
    size = 16 * MIB
    cases = {
        "md-0.90": (size - 65536, md0()),
        "md-1.0": (size - 8192, md1(size - 8192)),
        "md-1.1": (0, md1(0)),
        "md-1.2": (4096, md1(4096)),
        "lvm": (512, lvm(1)),
    }
    path = subject.folder / "member"
    for name, (offset, block) in cases.items():
        make(path, size // MIB, "mkfs.ext4 -qF")
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(block)
        expect_same(checks, name, path)
    for kind in ("luks1", "luks2 --label secret"):
        make(path, 32, f"{LUKS} --type {kind}")
        expect_same(checks, kind.split()[0], path)
    path.unlink()


# ---- partition tables

TABLES = {
    "gpt": 'label: gpt\nsize=1MiB,name=boot\nsize=2MiB,name="Größe 😀"\nsize=1MiB\n',
    "dos": "label: dos\nlabel-id: 0x1234abcd\nsize=1MiB\nsize=4MiB,type=5\nsize=1MiB\nsize=1MiB\n",
}


def by_sfdisk(table: Any, entry: Any, number: int) -> dict[str, str]:
    """A partition's names; sfdisk has none for DOS, where they are the disk's and the number."""
    if "uuid" in entry:
        return {"uuid": entry["uuid"].lower(), "label": entry.get("name", "")}
    return {"uuid": f"{int(table['id'], 16):08x}-{number:02x}", "label": ""}


def judge_table(subject: Subject, checks: Checks, name: str, damage: int | None = None) -> None:
    """All partitions of a table, perhaps one with a damaged byte."""
    path = subject.folder / "table"
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(16 * MIB)
    run(["sfdisk", "-q", path], stdin=TABLES[name.split("-", maxsplit=1)[0]])
    table = json.loads(run(["sfdisk", "-J", path]).stdout)["partitiontable"]
    if damage is not None:
        with path.open("r+b") as file:
            file.seek(damage)
            file.write(b"\xff")
    wrong = []
    for entry in table["partitions"]:
        number = int(re.sub(r".*\D", "", entry["node"]))
        want = by_sfdisk(table, entry, number)
        got = ours("partition", path, "512", str(number), str(entry["start"]))
        if got != want:
            wrong.append(f"{got}, sfdisk: {want}")
    path.unlink()
    checks.expect(name, not wrong, "; ".join(wrong), f"{len(table['partitions'])} partitions")


def judge(subject: Subject, checks: Checks) -> None:
    """Contents, members and tables. The vmcore has no part in it."""
    subject.folder.mkdir(parents=True, exist_ok=True)
    path = subject.folder / "content"
    for name, (mib, command) in MADE.items():
        make(path, mib, command)
        expect_same(checks, name, path)
    path.unlink()
    judge_members(subject, checks)
    judge_table(subject, checks, "gpt")
    judge_table(subject, checks, "gpt-bad-header", 512 + 60)
    judge_table(subject, checks, "gpt-bad-entry", 1024 + 130)
    judge_table(subject, checks, "dos")
