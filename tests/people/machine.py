# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines for the commands of the guides, made of the recorded ones: with disks, a kernel, GRUB, and crashes that lie there."""

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
DISKS = TESTS / "roots/disk-virtio"
RELEASE = "6.1.0-56-cloud-amd64"
DISKS_RELEASE = "6.1.0-test"  # of the recorded disks' modules
NEWEST, OLDER = "2026-11-22T15-06-54Z", "2026-11-20T02-11-09Z"
SECONDS = 60
ARMED_AT = 1795000000  # seconds since 1970
TESTED = "2026-11-18T11:09:12Z"

# What each is called in a guide's comment, and whose /proc and /sys/kernel it has.
MACHINES = {"armed": "armed", "ready": "ready", "no-reservation": "no-reservation",
            "failed-reservation": "failed-reservation", "debian": "no-reservation"}
IMPORT = "debian"  # this one has settings of another kdump besides

PANIC = "Kernel panic - not syncing: sysrq triggered crash"
GRUB = """GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX=""
"""


def described_dump(folder: Path) -> Path:
    """An ELF vmcore that a text describes."""
    dump = folder / "described.elf"
    if not dump.exists():
        subprocess.run([sys.executable, TESTS / "described/mkdump.py",
                        TESTS / "described/x86_64-4level.desc", dump], check=True, timeout=SECONDS)
    return dump


def record(name: str, result: str, dump: str | None, **more: object) -> dict:
    stamp = name[:11] + name[11:].replace("-", ":")
    return {
        "schema": "lifeboat-crash-1", "tool": "lifeboat 0.1.0",
        "kernel": {"release": RELEASE, "version": "#1 SMP Debian", "machine": "x86_64", "node": "host"},
        "crash": {"time": stamp, "panic": PANIC, "memory_bytes": 4 << 30},
        "log": {"file": "dmesg.txt", "bytes": 61012},
        "dump": {"file": dump, "format": "kdump-compressed", "codec": "lzo", "level": 31,
                 "level_wanted": 31, "unfiltered": None, "cut": None, "warning": None, **more},
        "capture": {"result": result, "device": "/dev/vda1", "target": 1, "kernel": RELEASE,
                    "targets": [{"target": "ext4 UUID=0f2a /var/crash", "result": result,
                                 "device": "/dev/vda1", "name": name, "error": None}],
                    "memory_available": 90000000, "memory_ram": 134217728,
                    "memory_total": 120000000, "memory_lowest": 60000000, "threads": 1, "phases": []},
    }


def add_crash(root: Path, name: str, what: dict, files: dict[str, bytes], summed: bool) -> None:
    folder = root / "var/crash" / name
    folder.mkdir(parents=True)
    files = {"crash.json": json.dumps(what).encode() + b"\n",
             "dmesg.txt": f"[    0.000000] Linux version {RELEASE}\n[   63.000000] {PANIC}\n".encode(), **files}
    for file, data in files.items():
        (folder / file).write_bytes(data)
    if summed:
        (folder / "SHA256SUMS").write_text("".join(
            f"{hashlib.sha256(data).hexdigest()}  {file}\n" for file, data in sorted(files.items())))


def add_crashes(root: Path, program: Path, scratch: Path) -> None:
    """The newest is whole, the older one was cut off."""
    vmcore, cut, elf = scratch / "vmcore", scratch / "cut", described_dump(scratch)
    if not vmcore.exists():
        argv = [program, "filter", "-q", "-l", "-d", "31"]
        subprocess.run([*argv, elf, vmcore], check=True, timeout=SECONDS)
        subprocess.run([*argv, "-L", "150K", elf, cut], capture_output=True, timeout=SECONDS)
    data = vmcore.read_bytes()
    add_crash(root, OLDER, record(OLDER, "partial", "vmcore.incomplete", cut="no more room"),
              {"vmcore.incomplete": cut.with_name("cut.incomplete").read_bytes()}, summed=False)
    time.sleep(0.01)  # newer by its time as well
    add_crash(root, NEWEST, record(NEWEST, "complete", "vmcore", bytes=len(data)), {"vmcore": data}, summed=True)


def put_dump(root: Path, dump: Path) -> None:
    """A real one in the place of the newest crash's, of which only the digests said what it was."""
    folder = root / "var/crash" / NEWEST
    (folder / "vmcore").unlink()
    shutil.copyfile(dump, folder / "vmcore")
    (folder / "SHA256SUMS").unlink()


def module(*facts: str) -> bytes:
    """A relocatable ELF file with nothing but what modinfo(8) reads."""
    info = b"".join(fact.encode() + b"\0" for fact in (*facts, "license=GPL"))
    names = b"\0.modinfo\0.shstrtab\0"
    table = (64 + len(info) + len(names) + 7) & ~7
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    sections = bytes(64)
    for name, kind, at, size in ((1, 1, 64, len(info)), (10, 3, 64 + len(info), len(names))):
        sections += struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, at, size, 0, 0, 1, 0)
    return (head + info + names).ljust(table, b"\0") + sections


def fill_modules(root: Path) -> None:
    """Files for the modules that the recorded lists name, and the lists as programs read them."""
    folder = root / "lib/modules" / RELEASE
    aliases: dict[str, list[str]] = {}
    for line in (folder / "modules.alias").read_text().splitlines():
        if line.startswith("alias "):
            aliases.setdefault(line.split()[2], []).append(f"alias={line.split()[1]}")
    for line in (folder / "modules.dep").read_text().splitlines():
        path = folder / line.split(":")[0].removesuffix(".xz")
        path.parent.mkdir(parents=True, exist_ok=True)
        name = path.stem.replace("-", "_")
        path.write_bytes(module(f"name={name}", *aliases.get(name, []), "depends="))
    (folder / "modules.order").touch()
    subprocess.run(["depmod", "-b", root, RELEASE], check=True, timeout=SECONDS, capture_output=True)


def arm(root: Path, program: Path) -> None:
    """What arming leaves: the image, copies, and the record of the load."""
    image = root / f"var/lib/lifeboat/initramfs-{RELEASE}.img"
    subprocess.run([program, "initramfs", "--root", root, "--kernel", RELEASE, "--config",
                    root / "etc/lifeboat.conf", "-o", image], check=True, timeout=SECONDS, capture_output=True)
    digests = {}
    for name, file in (("kernel", root / "boot" / f"vmlinuz-{RELEASE}"), ("initrd", image)):
        digests[name] = hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copyfile(file, root / f"var/lib/lifeboat/{name}-{digests[name][:16]}")
    (root / "run/lifeboat/panic-kernel").write_text(
        f"method=kexec_file_load\nkernel=/boot/vmlinuz-{RELEASE}\nrelease={RELEASE}\n"
        f"cmdline=root=/dev/vda1 nr_cpus=1 panic=10\nkernel-sha256={digests['kernel']}\n"
        f"initrd-sha256={digests['initrd']}\ntime={ARMED_AT}\n")
    (root / "var/lib/lifeboat/history.ndjson").write_text(json.dumps({
        "schema": "lifeboat-history-1", "kind": "proof", "time": TESTED, "id": "proof-1", "pending": False,
        "good": True, "result": "complete", "text": "", "kernel": RELEASE, "where": "ext4 UUID=0f2a /var/crash",
        "image_sha256": digests["initrd"], "reserved_bytes": 128 << 20, "peak_bytes": 60 << 20}) + "\n")


def add_kernel_state(root: Path, recorded: Path) -> None:
    """/proc and /sys/kernel of another recorded machine, but the version is its own."""
    for path in sorted(recorded.rglob("*")):
        where = root / path.relative_to(recorded)
        if path.is_dir() or path.name == "osrelease" or recorded / "boot" in path.parents:
            continue
        where.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, where)


def make(kind: str, root: Path, program: Path, scratch: Path) -> None:
    """The machine `kind` below `root`, which is not there yet."""
    shutil.copytree(DISKS, root, symlinks=True)
    add_kernel_state(root, TESTS / "roots" / MACHINES[kind])
    (root / "lib/modules" / DISKS_RELEASE).rename(root / "lib/modules" / RELEASE)
    shutil.copyfile(TESTS / "roots/ready/boot" / f"config-{RELEASE}", root / "boot" / f"config-{RELEASE}")
    (root / "proc/sys/kernel/osrelease").write_text(f"{RELEASE}\n")
    (root / "boot" / f"vmlinuz-{RELEASE}").write_bytes(bzimage())
    shutil.copyfile(TESTS.parent / "docs/lifeboat.conf.example", root / "etc/lifeboat.conf")  # as packages do
    if kind == IMPORT:
        shutil.copytree(TESTS / "imports/debian-edited/etc", root / "etc", dirs_exist_ok=True)
    (root / "etc/default").mkdir(exist_ok=True)
    (root / "etc/default/grub").write_text(GRUB)
    (root / "usr/sbin").mkdir(parents=True)
    for name in ("update-grub", "grub-mkconfig"):  # as Debian's, which reads /etc/default/grub.d
        (root / "usr/sbin" / name).write_text("#!/bin/sh\n# for x in /etc/default/grub.d/*.cfg\n")
        (root / "usr/sbin" / name).chmod(0o755)
    (root / "boot/grub").mkdir()
    (root / "boot/grub/grub.cfg").write_text("# made by update-grub\n")
    for folder in ("root", "run/lifeboat", "var/lib/lifeboat", "var/tmp", "sys/fs/pstore", "var/lib/systemd/pstore"):
        (root / folder).mkdir(parents=True)
    fill_modules(root)
    if kind == "armed":
        arm(root, program)
    add_crashes(root, program, scratch)


def bzimage() -> bytes:
    """As arch/x86/boot/header.S lays it out, protocol 2.15: as much as is read of it."""
    image = bytearray(5 * 512 + 256 * 16)
    for offset, data in {
        0x1f1: b"\4", 0x1f4: (256).to_bytes(4, "little"), 0x1fe: b"\x55\xaa", 0x202: b"HdrS",
        0x206: b"\x0f\x02", 0x20e: b"\0\2", 0x211: b"\1", 0x230: (0x200000).to_bytes(4, "little"),
        0x236: b"\x7f", 0x238: (2047).to_bytes(4, "little"), 0x258: (0x1000000).to_bytes(8, "little"),
        0x260: (50 << 20).to_bytes(4, "little"), 0x400: f"{RELEASE} (debian) #1".encode(),
    }.items():
        image[offset:offset + len(data)] = data
    return bytes(image)
