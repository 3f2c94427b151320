# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages unpacked into the cache, none of them installed.

Names and addresses come from the machine's own apt: its package lists when they are good, else
lists of our own fetched from the same sources. A cache entry appears by rename, whole or not at
all.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .errors import LabError
from .paths import cache_dir
from .proc import environment, run

KERNEL_META = "linux-image-cloud-amd64"
DOWNLOAD_SECONDS = 900


@dataclass(frozen=True)
class Kernel:
    """A kernel package unpacked under `root`, with boot/ and lib/modules/."""

    version: str
    package_version: str
    root: Path

    @property
    def vmlinuz(self) -> Path:
        """The bootable image."""
        return self.root / "boot" / f"vmlinuz-{self.version}"


class Apt:
    """apt's view of what exists; starts with the system's lists and can turn to private ones."""

    def __init__(self) -> None:
        self.options = ["-oAPT::Sandbox::User=root", "-oDebug::NoLocking=1"]
        self.private = False

    def use_private_lists(self) -> None:
        """Fetch package lists of our own: the system's are missing, stale or not ours to update."""
        state, cache = cache_dir() / "apt" / "state", cache_dir() / "apt" / "cache"
        (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        self.options += [f"-oDir::State={state}", f"-oDir::Cache={cache}"]
        self.options += ["-oDir::State::status=/var/lib/dpkg/status"]
        self.private = True
        run(["apt-get", *self.options, "-q", "update"], seconds=DOWNLOAD_SECONDS)

    def retrying(self, action: Callable[[], str]) -> str:
        """Do it with the system's lists, and once more with fresh private lists if that fails."""
        try:
            return action()
        except LabError:
            if self.private:
                raise
            self.use_private_lists()
            return action()

    def show(self, package: str, field: str) -> str:
        """One field of the newest version of a package."""
        text = run(["apt-cache", *self.options, "show", "--no-all-versions", package]).stdout
        found = re.search(rf"^{field}: (.*)$", text, re.MULTILINE)
        if not found:
            raise LabError(f"apt knows no {field} of {package}")
        return found.group(1)

    def download(self, package: str, version: str, folder: Path) -> str:
        """Fetch one package file; return its path."""
        argv = ["apt-get", *self.options, "-q", "download", f"{package}={version}"]
        run(argv, cwd=folder, seconds=DOWNLOAD_SECONDS)
        files = list(folder.glob("*.deb"))
        if len(files) != 1:
            raise LabError(f"apt-get download {package}={version} left {len(files)} files")
        return str(files[0])


def unpack_all(deb: Path, into: Path) -> None:
    """The whole package."""
    run(["dpkg", "-x", deb, into], seconds=300)


def unpack_vmlinux(deb: Path, into: Path) -> None:
    """Only the kernel's debug information: the package unpacked whole is several GB."""
    dpkg = subprocess.Popen(
        ["dpkg", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE, env=environment()
    )
    try:
        tar = ["tar", "x", "--wildcards", "./usr/lib/debug/boot/vmlinux*"]
        subprocess.run(tar, stdin=dpkg.stdout, cwd=into, check=True, timeout=600)
    except subprocess.SubprocessError as err:
        raise LabError(f"cannot take vmlinux out of {deb.name}: {err}") from err
    finally:
        dpkg.kill()
        dpkg.wait()


def unpack_kernel(deb: Path, into: Path) -> None:
    """A kernel, and the module index that its package would have made when installed."""
    unpack_all(deb, into)
    for modules in (into / "lib" / "modules").iterdir():
        run(["depmod", "-b", into, modules.name])


@cache
def system_apt() -> Apt:
    """One apt for the whole run: private lists, if needed, are fetched once."""
    return Apt()


def package(name: str, unpack: Callable[[Path, Path], None] = unpack_all) -> tuple[Path, str]:
    """A package's newest version, unpacked in the cache; return the folder and the version."""
    apt = system_apt()
    version = apt.retrying(lambda: apt.show(name, "Version"))
    entry = cache_dir() / "debs" / f"{name}_{version.replace(':', '-')}"
    if entry.is_dir():
        return entry, version
    entry.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=entry.parent))
    try:
        tree = temporary / "tree"
        tree.mkdir()
        deb = Path(apt.retrying(lambda: apt.download(name, version, temporary)))
        unpack(deb, tree)
        try:
            os.rename(tree, entry)
        except OSError:
            if not entry.is_dir():  # else another run was faster: its entry is as good
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return entry, version


def kernel_package() -> str:
    """The name of the newest cloud kernel's package, through the meta package."""
    apt = system_apt()
    depends = apt.retrying(lambda: apt.show(KERNEL_META, "Depends"))
    return depends.split(",")[0].split()[0]


@cache
def fetch_kernel() -> Kernel:
    """Debian's newest cloud kernel."""
    name = kernel_package()
    root, version = package(name, unpack_kernel)
    return Kernel(name.removeprefix("linux-image-"), version, root)


@cache
def fetch_vmlinux() -> Path:
    """The debug vmlinux of the kernel that fetch_kernel() gives."""
    name = kernel_package()
    root, _ = package(f"{name}-dbg", unpack_vmlinux)
    return root / "usr/lib/debug/boot" / f"vmlinux-{name.removeprefix('linux-image-')}"


@cache
def fetch_vmcore_dmesg() -> Path:
    """kexec-tools' vmcore-dmesg."""
    root, _ = package("kexec-tools")
    return root / "sbin" / "vmcore-dmesg"
