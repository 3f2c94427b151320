# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole Debian on a disk: installed by its own package tools, with systemd, GRUB and a kernel.

Made once for a state of the archive, then kept in the cache; guests write to copies. mmdebstrap's hooks do the work in a
chroot, which takes root, but mounts nothing and so works in a plain container; or a user namespace, where those are allowed.
The disk is as an installer leaves it: a partition table, GRUB in front of the first partition, ext4 in it. Added is an agent:
it runs the commands that come through a virtio port.
"""

import hashlib
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from . import debs
from .debs import Apt
from .errors import LabError
from .paths import ROOT, cache_dir
from .proc import run

PACKAGES = (
    *("systemd-sysv", "udev", "dbus", "kmod", "procps", "initramfs-tools", "zstd"),
    *("linux-image-cloud-amd64", "grub-pc"),
    # what ours depends on: guests have no network
    *("libjansson4", "liblzo2-2", "libsnappy1v5", "libdeflate0", "libkmod2", "zlib1g", "liblzma5",
      "libdw1", "libelf1", "libcurl4", "libsodium23"),
)
MIB = 1 << 20
DISK_MIB = 4096
PARTITION_AT = MIB
SECTOR = 512
BOOT_CODE = 440  # of the first sector; then the partition table
MAKE_SECONDS = 1200
PACKAGE_SECONDS = 900
# A parcel with the package of this tree is in the guest.
INSTALL = "mkdir -p /parcel && mount LABEL=parcel /parcel && dpkg -i /parcel/lifeboat_*.deb"
MADE_BY = (ROOT / "lab" / "whole.sh", Path(__file__))
FILE_SYSTEM = f"?offset={PARTITION_AT}"  # behind the disk's name, for e2fsprogs


def archives(apt: Apt) -> list[str]:
    """The machine's own sources of Debian's main archive, with those of updates and fixes."""
    return apt.retrying(apt.debian_sources)


def key_of(wanted: list[str], sources: list[str]) -> str:
    """What the disk is made of, in short."""
    parts = [*sorted(wanted), *sources, *(path.read_text(encoding="utf-8") for path in MADE_BY)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def fetch_disk(more: tuple[str, ...] = ()) -> Path:
    """The disk, with more packages if that is wanted; it is shared: to be copied, not written to."""
    apt = debs.system_apt()
    sources = archives(apt)
    packages = (*PACKAGES, *more)
    wanted = apt.retrying(lambda: apt.closure(packages))
    entry = cache_dir() / "debs" / f"whole_{key_of(wanted, sources)}"
    return debs.cached(entry, lambda tree: make(packages, sources, tree)) / "disk.img"


def make(packages: tuple[str, ...], sources: list[str], into: Path) -> None:
    """Install the packages, and make the disk of them."""
    disk = into / "disk.img"
    identity = str(uuid.uuid4())
    with open(disk, "wb") as file:
        file.truncate(DISK_MIB * MIB)
    run(
        ["sfdisk", "-q", disk],
        stdin=f"label: dos\nstart={PARTITION_AT // SECTOR}, type=83, bootable\n",
    )
    steps = ROOT / "lab" / "whole.sh"
    size = f"{DISK_MIB - 2 * PARTITION_AT // MIB}M"
    finish = f'sh "{steps}" finish "$1" {identity} "{disk}{FILE_SYSTEM}" {size} "{into}"'
    argv = [
        *("mmdebstrap", "--quiet", "--format=null", "--variant=apt"),
        # no mount, so that a container without that right is enough; and what keeps services from starting is ours
        "--skip=chroot/mount,chroot/policy-rc.d,chroot/start-stop-daemon,check/canmount",
        f"--include={','.join(packages)}",
        "--aptopt=Acquire::Languages none",
        "--aptopt=APT::Sandbox::User root",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
        f'--essential-hook=sh "{steps}" prepare "$1"',
        f"--customize-hook={finish}",
        *("", "-"),  # the suites stand in the sources
        *sources,
    ]
    run(argv, seconds=MAKE_SECONDS)
    install_grub(disk, into / "boot.img", into / "core.img")


def install_grub(disk: Path, boot: Path, core: Path) -> None:
    """GRUB's first sector looks for the rest in the one behind it, where grub-install would put it as well."""
    first, rest = boot.read_bytes(), core.read_bytes()
    if len(first) != SECTOR or not SECTOR < len(rest) <= PARTITION_AT - SECTOR:
        raise LabError(f"GRUB's images have {len(first)} and {len(rest)} bytes")
    with open(disk, "r+b") as file:
        file.write(first[:BOOT_CODE])
        file.seek(SECTOR)
        file.write(rest)
    boot.unlink()
    core.unlink()


def copy_disk(disk: Path, to: Path) -> None:
    """A disk to write to; holes stay holes, and blocks are shared where the file system can."""
    to.parent.mkdir(parents=True, exist_ok=True)
    run(["cp", "--sparse=always", "--reflink=auto", disk, to], seconds=300)


def parcel(folder: Path, files: Sequence[Path]) -> Path:
    """A disk in a folder that brings these files to a guest."""
    tree, disk = folder / "parcel", folder / "parcel.img"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for path in files:
        shutil.copy(path, tree)
    used = sum(path.stat().st_size for path in files)
    disk.unlink(missing_ok=True)
    with open(disk, "wb") as file:
        file.truncate(used * 5 // 4 + 16 * MIB)
    run(["mkfs.ext4", "-q", "-F", "-L", "parcel", "-E", "root_owner=0:0", "-d", tree, disk])
    shutil.rmtree(tree)
    return disk


def package() -> Path:
    """The .deb of this tree; made if there is none, or the tree has changed since."""
    sources = run(["git", "-C", ROOT, "ls-files"]).stdout.splitlines()
    parts = [ROOT / name for name in sources if not name.startswith(("lab/", "tests/"))]
    newest = max(path.stat().st_mtime for path in parts if path.is_file())
    found = made()
    if len(found) != 1 or found[0].stat().st_mtime < newest:
        run(["make", "-C", ROOT, "deb"], seconds=PACKAGE_SECONDS)
        found = made()
    if len(found) != 1:
        raise LabError(f"make deb has left {len(found)} packages")
    return found[0]


def made() -> list[Path]:
    """The packages that `make deb` has left."""
    return list((ROOT / "build" / "deb").glob("lifeboat_*.deb"))
