# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts of recorded machines that have disks: superblocks, a partition table, the tree of /sys, a kernel's modules.

A device's node is a plain file as long as its superblock needs; sysfs is as the kernel shows it, links included, and
cut to what is read.
"""

import os
import struct
import zlib
from pathlib import Path

KERNEL = "6.1.0-test"


def write(path: Path, data: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def link(path: Path, target: Path) -> None:
    """A relative link, as sysfs has them, made anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))


def crc32c(data: bytes) -> int:
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def uuid_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


# ---- superblocks

def ext4(uuid: str, label: str = "", recover: bool = False) -> bytes:
    """Of 64 blocks of 1 KiB; `recover`: the journal is not empty."""
    sb = bytearray(1024)
    struct.pack_into("<II", sb, 0, 16, 64)
    struct.pack_into("<I", sb, 0x20, 8192)
    struct.pack_into("<I", sb, 0x28, 16)
    struct.pack_into("<HH", sb, 0x38, 0xef53, 1)
    struct.pack_into("<III", sb, 0x5c, 0x4, 0x46 if recover else 0x42, 0x401)
    sb[0x68:0x78] = uuid_bytes(uuid)
    sb[0x78:0x78 + len(label)] = label.encode()
    sb[0x175] = 1
    struct.pack_into("<I", sb, 0x3fc, crc32c(bytes(sb[:0x3fc])) ^ 0xffffffff)
    return bytes(1024) + bytes(sb) + bytes(65536 - 2048)


def xfs(uuid: str, label: str = "") -> bytes:
    sb = bytearray(512)
    struct.pack_into(">4sIQ", sb, 0, b"XFSB", 4096, 16)
    sb[32:48] = uuid_bytes(uuid)
    struct.pack_into(">II", sb, 84, 16, 1)
    struct.pack_into(">HHH", sb, 100, 0xb4a5, 512, 512)
    sb[108:108 + len(label)] = label.encode()
    sb[120:123] = bytes((12, 9, 9))
    struct.pack_into("<I", sb, 224, crc32c(bytes(sb)))
    return bytes(sb) + bytes(65536 - 512)


def btrfs(uuid: str, devices: int = 1) -> bytes:
    sb = bytearray(4096)
    sb[0x20:0x30] = uuid_bytes(uuid)
    struct.pack_into("<Q", sb, 0x30, 65536)
    sb[0x40:0x48] = b"_BHRfS_M"
    struct.pack_into("<Q", sb, 0x88, devices)
    struct.pack_into("<II", sb, 0x90, 4096, 16384)
    struct.pack_into("<Q", sb, 0xc9 + 8, 69632)
    sb[0xc9 + 82:0xc9 + 98] = sb[0x20:0x30]
    struct.pack_into("<I", sb, 0, crc32c(bytes(sb[32:])))
    return bytes(65536) + bytes(sb)


def vfat(serial: int) -> bytes:
    """FAT16 of 128 sectors, one a cluster."""
    boot = bytearray(512)
    boot[0:3] = b"\xeb\x3c\x90"
    struct.pack_into("<HBHBHHBH", boot, 11, 512, 1, 1, 1, 512, 128, 0xf8, 1)
    boot[38] = 0x29
    struct.pack_into("<I", boot, 39, serial)
    boot[510:512] = b"\x55\xaa"
    return bytes(boot) + bytes(65536 - 512)


def luks(uuid: str) -> bytes:
    """As far as LUKS2's header names itself."""
    head = bytearray(4096)
    head[0:8] = b"LUKS\xba\xbe\x00\x02"
    struct.pack_into(">Q", head, 8, 16384)
    head[168:168 + 36] = uuid.encode()
    return bytes(head) + bytes(65536 - 4096)


def gpt(partitions: list[tuple[int, str, str]], sectors: int = 128) -> bytes:
    """A disk with (first sector, PARTUUID, label) each, of 8 sectors; the copy at the end is there, too."""
    entries = bytearray(8 * 128)
    for n, (first, guid, label) in enumerate(partitions):
        raw = uuid_bytes(guid)
        at = n * 128
        entries[at] = 1  # some type
        entries[at + 16:at + 32] = raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]
        struct.pack_into("<QQ", entries, at + 32, first, first + 7)
        name = label.encode("utf-16-le")
        entries[at + 56:at + 56 + len(name)] = name

    def header(at: int, other: int, table: int) -> bytes:
        h = bytearray(struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, at, other,
                                  6, sectors - 6, bytes(16), table, 8, 128,
                                  zlib.crc32(bytes(entries))))
        struct.pack_into("<I", h, 16, zlib.crc32(bytes(h)))
        return bytes(h)

    disk = bytearray(sectors * 512)
    disk[446 + 4] = 0xee
    struct.pack_into("<II", disk, 446 + 8, 1, sectors - 1)
    disk[510:512] = b"\x55\xaa"
    disk[512:512 + 92] = header(1, sectors - 1, 2)
    disk[1024:1024 + len(entries)] = entries
    disk[(sectors - 3) * 512:(sectors - 3) * 512 + len(entries)] = entries
    disk[(sectors - 1) * 512:(sectors - 1) * 512 + 92] = header(sectors - 1, 1, sectors - 3)
    return bytes(disk)


# ---- the machine

class Machine:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.mounts: list[str] = []
        write(root / "proc/sys/kernel/osrelease", KERNEL + "\n")
        write(root / "proc/meminfo", "MemTotal:        4026532 kB\nMemFree:         3000000 kB\n")

    # sysfs

    def device(self, path: str, *, bus: str = "", driver: str = "", module: str = "",
               modalias: str = "", **attributes: str) -> None:
        """A node of /sys/devices; `module` is that of its driver if it was loaded."""
        node = self.root / "sys/devices" / path
        write(node / "uevent", "")
        for name, value in attributes.items():
            write(node / name, value + "\n")
        if modalias:
            write(node / "modalias", modalias + "\n")
        if not driver:
            return
        where = self.root / "sys/bus" / bus / "drivers" / driver
        write(where / "bind", "")
        link(node / "driver", where)
        if module:
            self.module(module)
            link(where / "module", self.root / "sys/module" / module)

    def module(self, name: str) -> None:
        write(self.root / "sys/module" / name / "initstate", "live\n")

    def block(self, path: str, number: str, content: bytes | None = None, **attributes: str) -> None:
        """A disk or a partition below a device; `content` of its node."""
        node = self.root / "sys/devices" / path
        self.device(path, dev=number, size="2097152", ro="0", **attributes)
        link(self.root / "sys/class/block" / node.name, node)
        link(self.root / "sys/dev/block" / number, node)
        if content is not None:
            write(self.root / "dev" / node.name, content)

    def partition(self, disk: str, name: str, number: str, index: int, start: int,
                  content: bytes) -> None:
        self.block(f"{disk}/{name}", number, content, partition=str(index), start=str(start))

    # the rest

    def mount(self, number: str, at: str, kind: str, source: str, options: str, *, root: str = "/",
              flags: str = "rw,relatime", on: int = 0) -> None:
        """`on`: which of the mounts before it is its parent."""
        n = len(self.mounts)
        parent = 30 + on if n else 1
        self.mounts.append(f"{30 + n} {parent} {number} {root} {at} {flags} shared:{n + 1} - {kind} "
                           f"{source} {options}\n")

    def modules(self, files: list[str], aliases: list[tuple[str, str]], builtin: list[str],
                builtin_aliases: list[tuple[str, str]] = []) -> None:
        folder = self.root / "lib/modules" / KERNEL
        write(folder / "modules.dep", "".join(f"kernel/{f}:\n" for f in files))
        write(folder / "modules.alias", "# Aliases extracted from modules themselves.\n" +
              "".join(f"alias {a} {m}\n" for a, m in aliases))
        write(folder / "modules.builtin", "".join(f"kernel/{f}\n" for f in builtin))
        write(folder / "modules.builtin.modinfo",
              b"".join(f"{m}.alias={a}\0".encode() for a, m in builtin_aliases))

    def done(self) -> None:
        write(self.root / "proc/self/mountinfo", "".join(self.mounts))


# ---- kernels

STORAGE = ["drivers/virtio/virtio.ko.xz", "drivers/virtio/virtio_ring.ko.xz",
           "drivers/virtio/virtio_pci.ko.xz", "drivers/block/virtio_blk.ko.xz",
           "drivers/scsi/virtio_scsi.ko.xz", "drivers/scsi/sd_mod.ko.xz",
           "drivers/nvme/host/nvme.ko.xz", "drivers/nvme/host/nvme-core.ko.xz",
           "drivers/ata/ahci.ko.xz", "drivers/usb/storage/usb-storage.ko.xz",
           "drivers/usb/host/xhci-pci.ko.xz", "drivers/watchdog/iTCO_wdt.ko.xz",
           "drivers/watchdog/i6300esb.ko.xz", "drivers/pci/hotplug/shpchp.ko.xz",
           "fs/xfs/xfs.ko.xz", "fs/btrfs/btrfs.ko.xz", "fs/fat/vfat.ko.xz",
           "fs/nls/nls_cp437.ko.xz", "fs/nls/nls_ascii.ko.xz", "fs/nls/nls_iso8859-1.ko.xz",
           "fs/fuse/virtiofs.ko.xz", "fs/9p/9p.ko.xz", "net/9p/9pnet_virtio.ko.xz",
           "fs/pstore/ramoops.ko.xz", "drivers/firmware/efi/efi-pstore.ko.xz"]
ALIASES = [("virtio:d00000002v*", "virtio_blk"), ("virtio:d00000008v*", "virtio_scsi"),
           ("virtio:d0000001Av*", "virtiofs"), ("virtio:d00000009v*", "9pnet_virtio"),
           ("pci:v00001AF4d*sv*sd*bc*sc*i*", "virtio_pci"), ("scsi:t-0x00*", "sd_mod"),
           ("pci:v*d*sv*sd*bc01sc08i02*", "nvme"), ("pci:v*d*sv*sd*bc01sc06i01*", "ahci"),
           ("pci:v*d*sv*sd*bc06sc04i00*", "shpchp"), ("pci:v*d*sv*sd*bc0Csc03i30*", "xhci_pci"),
           ("fs-xfs", "xfs"), ("fs-btrfs", "btrfs"), ("fs-vfat", "vfat"),
           ("fs-virtiofs", "virtiofs"), ("fs-9p", "9p")]
BUILTIN = ["fs/ext4/ext4.ko", "drivers/pci/pcie/pcieportdrv.ko"]
BUILTIN_ALIASES = [("fs-ext4", "ext4"), ("fs-ext3", "ext4"), ("fs-ext2", "ext4")]


def debian_like(m: Machine) -> None:
    """All as modules but ext4; vfat with Debian's character sets."""
    m.modules(STORAGE, ALIASES, BUILTIN, BUILTIN_ALIASES)
    write(m.root / f"boot/config-{KERNEL}", "CONFIG_FAT_DEFAULT_CODEPAGE=437\n"
          'CONFIG_FAT_DEFAULT_IOCHARSET="ascii"\n')


def virtio_device(m: Machine, slot: str, number: int, kind: int, driver: str, module: str) -> str:
    """A virtio device behind PCI; its path."""
    pci = f"pci0000:00/0000:00:{slot}.0"
    m.device("pci0000:00")
    m.device(pci, bus="pci", driver="virtio-pci", module="virtio_pci",
             modalias="pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00")
    path = f"{pci}/virtio{number}"
    m.device(path, bus="virtio", driver=driver, module=module, device=f"0x{kind:04x}",
             modalias=f"virtio:d{kind:08X}v00001AF4")
    link(m.root / f"sys/bus/virtio/devices/virtio{number}", m.root / "sys/devices" / path)
    return path


def scsi_disk(m: Machine, host: str, address: str) -> str:
    """The nodes between a host adapter and the disk; the path for its block device."""
    number = address.split(":")[0]
    path = f"{host}/host{number}/target{address[:-2]}/{address}"
    m.device(f"{host}/host{number}")
    m.device(f"{host}/host{number}/target{address[:-2]}")
    m.device(path, bus="scsi", driver="sd", module="sd_mod", modalias="scsi:t-0x00")
    return f"{path}/block"


# ---- machines

ROOT_UUID = "0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8"
VAR_UUID = "5ad0e1f2-0314-4526-9748-59607a8b9cad"
DATA_UUID = "c0ffee00-1111-4222-8333-444455556666"
RAW_GUID = "aabbccdd-0011-4233-8455-66778899aabb"
ESP_GUID = "11223344-5566-4778-899a-abbccddeeff0"


def virtio(root: Path) -> None:
    """Root on ext4, an ESP, an empty partition for `raw`, one that is not clean, /srv bind-mounted; a watchdog, ramoops."""
    m = Machine(root)
    debian_like(m)
    disk = virtio_device(m, "04", 1, 2, "virtio_blk", "virtio_blk") + "/block/vda"
    m.block(disk, "254:0", gpt([(8, ESP_GUID, "root"), (24, ESP_GUID[:-1] + "1", "esp"),
                                (40, RAW_GUID, "crash"), (56, ESP_GUID[:-1] + "2", "old")]),
            removable="0")
    m.partition(disk, "vda1", "254:1", 1, 8, ext4(ROOT_UUID, "root"))
    m.partition(disk, "vda2", "254:2", 2, 24, vfat(0x1234abcd))
    m.partition(disk, "vda3", "254:3", 3, 40, bytes(65536))
    m.partition(disk, "vda4", "254:4", 4, 56, ext4(DATA_UUID, "old", recover=True))
    twin = virtio_device(m, "05", 2, 2, "virtio_blk", "virtio_blk") + "/block/vdb"
    m.block(twin, "254:16", xfs(VAR_UUID, "twin"), removable="0")
    other = virtio_device(m, "06", 3, 2, "virtio_blk", "virtio_blk") + "/block/vdc"
    m.block(other, "254:32", xfs(VAR_UUID, "twin"), removable="0")
    m.mount("254:1", "/", "ext4", "/dev/vda1", "rw,discard,errors=panic,data=ordered")
    m.mount("0:22", "/proc", "proc", "proc", "rw", flags="rw,nosuid,nodev,noexec,relatime")
    m.mount("254:2", "/boot/efi", "vfat", "/dev/vda2", "rw,fmask=0022,dmask=0022,codepage=437,"
            "iocharset=iso8859-1,shortname=mixed,errors=remount-ro")
    m.mount("254:1", "/srv/my\\040data", "ext4", "/dev/vda1",
            "rw,discard,errors=panic,data=ordered", root="/export/data")
    m.mount("0:30", "/tmp", "tmpfs", "tmpfs", "rw,size=2013264k")
    m.mount("0:31", "/mnt/net", "nfs4", "server:/export", "rw,vers=4.2,hard")
    m.mount("0:32", "/var/lib/containers/merged", "overlay", "overlay", "rw,lowerdir=/a,upperdir=/b")
    watchdog = "pci0000:00/0000:00:07.0"
    m.device(watchdog, bus="pci", driver="i6300ESB timer", module="i6300esb",
             modalias="pci:v00008086d000025AB")
    m.device(watchdog + "/watchdog/watchdog0", identity="i6300ESB timer")
    link(root / "sys/class/watchdog/watchdog0", root / "sys/devices" / watchdog / "watchdog/watchdog0")
    write(root / "sys/module/pstore/parameters/backend", "ramoops\n")
    write(root / "etc/lifeboat.conf", "# two places for a dump, and one for the log alone\n"
          f"ext4 UUID={ROOT_UUID}\npath /var/crash\nraw PARTUUID={RAW_GUID}\n"
          "log_only vfat UUID=1234-ABCD\npath /lifeboat\n")
    m.done()


def nvme(root: Path) -> None:
    """NVMe behind a bridge with /var on xfs of its own, another NVMe with several paths, an AHCI disk and one behind USB."""
    m = Machine(root)
    debian_like(m)
    bridge = "pci0000:00/0000:00:1d.0"
    m.device("pci0000:00")
    # a bridge without a driver: what its modalias would have is not needed
    m.device(bridge, modalias="pci:v00008086d0000A330sv00008086sd00007270bc06sc04i00")
    control = f"{bridge}/0000:03:00.0"
    m.device(control, bus="pci", driver="nvme", module="nvme",
             modalias="pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02")
    m.device(f"{control}/nvme/nvme0", transport="pcie")
    disk = f"{control}/nvme/nvme0/nvme0n1"
    m.block(disk, "259:0", bytes(4096), removable="0")
    m.partition(disk, "nvme0n1p2", "259:2", 2, 24, ext4(ROOT_UUID))
    m.partition(disk, "nvme0n1p3", "259:3", 3, 40, xfs(VAR_UUID))
    # one that has a subsystem: the disk hangs on that, and the controllers are links in it
    second = "pci0000:00/0000:00:1b.0"
    m.device(second, bus="pci", driver="nvme", module="nvme",
             modalias="pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02")
    m.device(f"{second}/nvme/nvme1", transport="pcie")
    subsystem = "virtual/nvme-subsystem/nvme-subsys1"
    link(root / "sys/devices" / subsystem / "nvme1", root / "sys/devices" / second / "nvme/nvme1")
    m.block(f"{subsystem}/nvme1n1", "259:4", ext4(DATA_UUID), removable="0")
    remote = "virtual/nvme-fabrics/ctl/nvme2"
    m.device(remote, transport="tcp")
    link(root / "sys/devices/virtual/nvme-subsystem/nvme-subsys2/nvme2",
         root / "sys/devices" / remote)
    m.block("virtual/nvme-subsystem/nvme-subsys2/nvme2n1", "259:5",
            ext4(DATA_UUID[:-1] + "7"), removable="0")
    ahci = "pci0000:00/0000:00:17.0"
    m.device(ahci, bus="pci", driver="ahci", module="ahci",
             modalias="pci:v00008086d0000A352sv00008086sd00007270bc01sc06i01")
    m.device(f"{ahci}/ata1")
    sda = scsi_disk(m, f"{ahci}/ata1", "0:0:0:0") + "/sda"
    m.block(sda, "8:0", ext4(DATA_UUID[:-1] + "8"), removable="0")
    xhci = "pci0000:00/0000:00:14.0"
    m.device(xhci, bus="pci", driver="xhci_hcd", module="xhci_pci",
             modalias="pci:v00008086d0000A36Dsv00008086sd00007270bc0Csc03i30")
    m.device(f"{xhci}/usb2", bus="usb", driver="usb")
    m.device(f"{xhci}/usb2/2-1", bus="usb", driver="usb")
    stick = f"{xhci}/usb2/2-1/2-1:1.0"
    m.device(stick, bus="usb", driver="usb-storage", module="usb_storage",
             modalias="usb:v0781p5581d0100dc00dsc00dp00ic08isc06ip50in00")
    sdb = scsi_disk(m, stick, "6:0:0:0") + "/sdb"
    m.block(sdb, "8:16", vfat(0x5678ef01), removable="1")
    session = "platform/host7/session1/target7:0:0/7:0:0:0"
    m.device(session, bus="scsi", driver="sd", module="sd_mod", modalias="scsi:t-0x00")
    m.block(f"{session}/block/sdc", "8:32", ext4(DATA_UUID[:-1] + "9"), removable="0")
    m.mount("259:2", "/", "ext4", "/dev/nvme0n1p2", "rw")
    m.mount("259:3", "/var", "xfs", "/dev/nvme0n1p3",
            "rw,attr2,inode64,logbufs=8,logbsize=32k,usrquota")
    write(root / "sys/module/pstore/parameters/backend", "efi_pstore\n")
    m.done()


def subvolumes(root: Path) -> None:
    """btrfs with subvolumes for / and /var on a virtio-scsi disk."""
    m = Machine(root)
    debian_like(m)
    host = virtio_device(m, "03", 0, 8, "virtio_scsi", "virtio_scsi")
    disk = scsi_disk(m, host, "2:0:0:1") + "/sda"
    m.block(disk, "8:0", bytes(4096), removable="0")
    m.partition(disk, "sda2", "8:2", 2, 24, btrfs(ROOT_UUID))
    m.partition(disk, "sda3", "8:3", 3, 40, btrfs(VAR_UUID, devices=2))
    options = "rw,ssd,space_cache=v2,subvolid={},subvol={}"
    m.mount("0:25", "/", "btrfs", "/dev/sda2", options.format(256, "/@"), root="/@")
    m.mount("0:25", "/var", "btrfs", "/dev/sda2", options.format(258, "/@var"), root="/@var")
    m.mount("0:25", "/var/crash", "btrfs", "/dev/sda2", options.format(258, "/@var"),
            root="/@var/lib/crash", on=1)
    write(root / "sys/module/pstore/parameters/backend", "efi\n")
    m.done()


def layered(root: Path) -> None:
    """Root on LVM on LUKS, /srv on software RAID, a loop device, a multipath disk."""
    m = Machine(root)
    debian_like(m)
    disk = virtio_device(m, "04", 1, 2, "virtio_blk", "virtio_blk") + "/block/vda"
    m.block(disk, "254:0", bytes(4096), removable="0")
    m.partition(disk, "vda3", "254:3", 3, 40, luks(DATA_UUID))

    def mapped(name: str, number: int, uuid: str, shown: str, below: list[str],
               content: bytes) -> None:
        m.block(f"virtual/block/{name}", f"253:{number}", content, removable="0")
        folder = root / "sys/devices/virtual/block" / name
        write(folder / "dm/uuid", uuid + "\n")
        write(folder / "dm/name", shown + "\n")
        for slave in below:
            target = (root / "sys/class/block" / slave).resolve()
            link(folder / "slaves" / slave, target)
            link(target / "holders" / name, folder)

    mapped("dm-0", 0, "CRYPT-LUKS2-c0ffee0011114222833344445555666" "6-luks-vda3", "luks-vda3",
           ["vda3"], bytes(65536))
    mapped("dm-1", 1, "LVM-abcdefABCDEF", "vg0-root", ["dm-0"], ext4(ROOT_UUID))
    mapped("dm-2", 2, "part1-mpath-3600a0b800", "mpatha1", [], ext4(DATA_UUID[:-1] + "a"))
    link(root / "dev/mapper/vg0-root", root / "dev/dm-1")
    m.block("virtual/block/md0", "9:0", xfs(VAR_UUID), removable="0")
    m.block("virtual/block/loop0", "7:0", ext4(DATA_UUID[:-1] + "b"), removable="0")
    write(root / "sys/devices/virtual/block/loop0/loop/backing_file", "/srv/image\n")
    m.mount("253:1", "/", "ext4", "/dev/mapper/vg0-root", "rw")
    m.mount("9:0", "/srv", "xfs", "/dev/md0", "rw,inode64")
    m.done()


def shares(root: Path) -> None:
    """A guest whose root is a virtiofs share, and a 9p share; no disk."""
    m = Machine(root)
    debian_like(m)
    first = virtio_device(m, "02", 0, 26, "virtiofs", "virtiofs")
    link(root / "sys/fs/virtiofs/0/device", root / "sys/devices" / first)
    write(root / "sys/fs/virtiofs/0/tag", "guestroot\n")
    second = virtio_device(m, "03", 1, 9, "9pnet_virtio", "9pnet_virtio")
    write(root / "sys/devices" / second / "mount_tag", b"crashes\0")
    m.mount("0:20", "/", "virtiofs", "guestroot", "rw")
    m.done()


MACHINES = {"disk-virtio": virtio, "disk-nvme": nvme, "disk-btrfs": subvolumes,
            "disk-layers": layered, "shares": shares}
