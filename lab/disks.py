# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's further disks: their images, their place in QEMU, and the faults that they get there.

What stood on a disk before the crash is a tree of files of random content, `precious`. ext4 gets it
when it is made; other file systems from the guest, which alone can write to them.
"""

import hashlib
import json
import os
import random
import shutil
import uuid
from pathlib import Path
from typing import Any

from . import disk
from .errors import LabError
from .proc import run
from .scenario import FAULT, Disk

PRECIOUS = "precious"
FOREIGN = "2001-02-03"  # beside the crashes, and nearly named as one
SECTOR = 512
GUARD_SECTORS = 2048  # partitions 1 and 3, and where the first one begins
EXT4_MOUNT_TIME = 1024 + 0x2C  # in the superblock, whose checksum covers it
SCRIBBLED = 4096
CHUNK = 1 << 16
WWN = 0x5000C500A1B2C3D4  # of a disk with several paths
EIO = 5
CONTROLLERS = {
    "virtio": "",
    "scsi": "virtio-scsi-pci",
    "sata": "ich9-ahci",
    "nvme": "",
    "usb": "qemu-xhci",
}
DRIVERS = {
    "virtio": "virtio-blk-pci",
    "scsi": "scsi-hd",
    "sata": "ide-hd",
    "nvme": "nvme",
    "usb": "usb-storage",
}
LABEL_BYTES = {"ext4": 16, "xfs": 12, "btrfs": 255, "vfat": 11}
EVENTS = {"read": "read_aio", "write": "write_aio", "flush": "flush_to_disk"}


def make_precious(folder: Path) -> None:
    """Files that existed before: some small, one large, one in a folder, one empty."""
    generator = random.Random(20)  # the same at each run
    (folder / "below" / "deep").mkdir(parents=True)
    for name, size in (("small", 100), ("large", 300_001), ("below/deep/one", 5000), ("empty", 0)):
        (folder / name).write_bytes(generator.randbytes(size))


def make_old_crashes(folder: Path, count: int) -> None:
    """What earlier captures left, one in each year; the first is pinned. And a folder that is none of theirs."""
    record = {"schema": "lifeboat-crash-1", "capture": {"result": "log-only"}, "dump": {}}
    files = {"dmesg.txt": "[    1.0] an old log\n", "crash.json": json.dumps(record) + "\n"}
    for year in range(2001, 2001 + count):
        crash = folder / f"{year}-02-03T04-05-06Z"
        crash.mkdir(mode=0o700)
        for name, text in files.items():
            (crash / name).write_text(text, encoding="utf-8")
            (crash / name).chmod(0o600)
    if count:
        (folder / "2001-02-03T04-05-06Z" / "pinned").touch(0o600)
        (folder / FOREIGN).mkdir()
        (folder / FOREIGN / "crash.json").write_text("{}\n", encoding="utf-8")


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """Each file below a folder with its digest."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): digest_of(path) for path in files}


class Image:
    """A disk with its image and the identity that it has for the guest."""

    def __init__(self, wanted: Disk, path: Path) -> None:
        self.wanted = wanted
        self.path = path
        self.uuid = wanted.uuid or str(uuid.uuid4())  # of its file system, or of its partition
        if wanted.fs == "vfat" and not wanted.uuid:
            self.uuid = f"{self.uuid[:4]}-{self.uuid[4:8]}".upper()

    @property
    def partition_bytes(self) -> int:
        """The size of partition 2."""
        whole = (self.wanted.mib << 20) // SECTOR
        return (whole - 4 * GUARD_SECTORS) * SECTOR

    def make(self, precious: Path) -> None:
        """The image, anew."""
        with open(self.path, "wb") as file:
            file.truncate(self.wanted.mib << 20)
        if self.wanted.partition:
            self.make_partitions()
            if self.wanted.fs == "ext4":
                self.fill_partition(precious)
        elif self.wanted.fs == "ext4":
            self.make_ext4(self.path, self.wanted.mib, precious)
        elif self.wanted.fs == "xfs":
            run(["mkfs.xfs", "-q", "-f", "-m", f"uuid={self.uuid}", *self.labelled("-L"), self.path])
        elif self.wanted.fs == "btrfs":
            run(["mkfs.btrfs", "-q", "-U", self.uuid, *self.labelled("-L"), self.path])
        elif self.wanted.fs == "vfat":
            run(["mkfs.vfat", "-F", "32", "-i", self.uuid.replace("-", ""), *self.labelled("-n"), self.path])
        if self.wanted.corrupt:
            self.scribble()

    def labelled(self, option: str) -> list[str]:
        """The words for a label."""
        return [option, self.wanted.label] if self.wanted.label else []

    def make_partitions(self) -> None:
        """Three partitions: the outer ones are full of what must stay as it is."""
        second = 2 * GUARD_SECTORS
        size = self.partition_bytes // SECTOR
        lines = [
            "label: gpt",
            f"start={GUARD_SECTORS}, size={GUARD_SECTORS}",
            f"start={second}, size={size}, uuid={self.uuid.upper()}",
            f"start={second + size}, size={GUARD_SECTORS}",
        ]
        run(["sfdisk", "-q", self.path], stdin="\n".join(lines) + "\n")
        guard = random.Random(21).randbytes(GUARD_SECTORS * SECTOR)
        with open(self.path, "r+b") as file:
            for sector in (GUARD_SECTORS, second + size):
                file.seek(sector * SECTOR)
                file.write(guard)

    def guards(self) -> dict[str, str]:
        """Digests of all that is not partition 2."""
        start, end = 2 * GUARD_SECTORS * SECTOR, 2 * GUARD_SECTORS * SECTOR + self.partition_bytes
        found = {}
        with open(self.path, "rb") as file:
            found["the partition table"] = hashlib.sha256(file.read(GUARD_SECTORS * SECTOR)).hexdigest()
            found["partition 1"] = hashlib.sha256(file.read(start - GUARD_SECTORS * SECTOR)).hexdigest()
            file.seek(end)
            found["partition 3, or the table behind it"] = hashlib.sha256(file.read()).hexdigest()
        return found

    def fill_partition(self, precious: Path) -> None:
        """Partition 2 becomes an ext4."""
        part = self.path.with_suffix(".part")
        self.make_ext4(part, self.partition_bytes >> 20, precious)
        run(["dd", f"if={part}", f"of={self.path}", *self.place_in("seek"), "conv=notrunc,sparse"])
        part.unlink()

    @staticmethod
    def place_in(word: str) -> list[str]:
        """Where partition 2 is, for dd."""
        return ["bs=1M", f"{word}={2 * GUARD_SECTORS * SECTOR >> 20}"]

    def file_system(self) -> Path:
        """A file that holds the file system only: the image, or a copy of partition 2."""
        if not self.wanted.partition:
            return self.path
        part = self.path.with_suffix(".part")
        count = f"count={self.partition_bytes >> 20}"
        run(["dd", f"if={self.path}", f"of={part}", *self.place_in("skip"), count, "conv=sparse"])
        return part

    def make_ext4(self, image: Path, mib: int, precious: Path) -> None:
        """A file system with the precious files, filled up if that is wanted."""
        tree = self.path.with_suffix(".tree")
        shutil.copytree(precious, tree / PRECIOUS)
        disk.make_ext4(image, tree, self.uuid, mib, self.wanted.label)
        if self.wanted.leave_kib:
            used = disk.ext4_layout(image)[0] - (self.wanted.leave_kib << 10)
            with open(tree / "filler", "wb") as file:
                for _ in range(used // CHUNK):
                    file.write(os.urandom(CHUNK))
            disk.make_ext4(image, tree, self.uuid, mib, self.wanted.label)
        shutil.rmtree(tree)

    def scribble(self) -> None:
        """Its UUID is still there, but what a mount needs is not: checksums do not match."""
        if self.wanted.corrupt == "superblock":
            at, size = EXT4_MOUNT_TIME, 4
        else:
            at, size = disk.ext4_layout(self.path)[1], SCRIBBLED
        with open(self.path, "r+b") as file:
            file.seek(at)
            file.write(b"\xa5" * size)

    def node(self) -> dict[str, Any]:
        """QEMU's words for what is behind the device: -blockdev's or blockdev-add's.

        The host does not crash in our drills, so that it need not sync.
        """
        name, read_only = self.wanted.name, self.wanted.read_only
        file: dict[str, Any] = {"driver": "file", "filename": str(self.path)}
        file["cache"] = {"direct": False, "no-flush": True}
        if self.wanted.faults:
            file = {"driver": "blkdebug", "image": file, **self.rules()}
        raw = {"driver": "raw", "file": file, "read-only": read_only}
        node = {"driver": "throttle", "throttle-group": f"group-{name}", "file": raw}
        return {**node, "node-name": f"node-{name}", "read-only": read_only}

    def rules(self) -> dict[str, Any]:
        """blkdebug's words (docs/devel/blkdebug.txt of QEMU 7.2): count requests, then fail.

        It has one state, and so only one kind of request can be counted.
        """
        fail, count = [], []
        for fault in self.wanted.faults:
            kind, after = self.parse(fault)
            rule: dict[str, Any] = {"event": "none", "iotype": kind, "errno": EIO}
            if after:
                rule |= {"event": EVENTS[kind], "state": after + 1}
            fail.append(rule)
            steps = range(1, after + 1)
            count += [{"event": EVENTS[kind], "state": n, "new_state": n + 1} for n in steps]
        if count and len(fail) > 1:
            raise LabError(f"disk {self.wanted.name}: one fault after a number, or several at once")
        return {"inject-error": fail, **({"set-state": count} if count else {})}

    @staticmethod
    def parse(fault: str) -> tuple[str, int]:
        """The kind of request that fails, and how many succeed."""
        found = FAULT.fullmatch(fault)
        if not found:
            raise LabError(f"no fault {fault!r}")
        return found.group(1), int(found.group(2))

    def controller(self) -> list[str]:
        """QEMU's words for what the device hangs on, if it takes one: its own."""
        driver = CONTROLLERS[self.wanted.bus]
        return ["-device", f"{driver},id=bus-{self.wanted.name}"] if driver else []

    def device(self) -> dict[str, Any]:
        """QEMU's words for the device: -device's or device_add's."""
        name = self.wanted.name
        words: dict[str, Any] = {"driver": DRIVERS[self.wanted.bus], "id": name, "serial": name}
        words["drive"] = f"node-{name}"
        if self.controller():
            words["bus"] = f"bus-{name}.0"
        if self.wanted.paths > 1:
            words |= {"share-rw": True, "wwn": WWN}
        errors = {} if self.wanted.bus == "nvme" else {"werror": "report", "rerror": "report"}
        return {**words, **errors}

    def more_paths(self) -> list[str]:
        """QEMU's words for further devices of the same identity, each on a controller of its own."""
        argv: list[str] = []
        for number in range(2, self.wanted.paths + 1):
            bus = f"bus-{self.wanted.name}-{number}"
            device = {**self.device(), "id": f"{self.wanted.name}-{number}", "bus": f"{bus}.0"}
            argv += ["-device", f"{CONTROLLERS[self.wanted.bus]},id={bus}", "-device", json.dumps(device)]
        return argv

    def throttle(self) -> dict[str, Any]:
        """QEMU's words for the group through which its requests go: no limit until it is set."""
        return {"qom-type": "throttle-group", "id": f"group-{self.wanted.name}"}
