# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages unpacked into the cache, none of them installed.

Names and addresses come from the machine's own apt: its package lists when they are good, else
lists of our own fetched from the same sources. Packages of another Debian suite come through lists
of our own too, from the mirror that the machine's sources name. A cache entry appears by rename,
whole or not at all.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from .errors import LabError
from .paths import cache_dir
from .proc import environment, run

CLOUD = "cloud"  # the flavour of kernel that is for virtual machines; "": the one with everything
DOWNLOAD_SECONDS = 900
LIBRARY = ("lib", "zlib")  # how the names of packages of libraries begin
LIBRARIES = Path("usr/lib/x86_64-linux-gnu")
LOADER = LIBRARIES / "ld-linux-x86-64.so.2"
OWN = ""  # the suite that the machine has itself
BACKPORTS = "backports"  # to that one: a newer kernel
# makedumpfile 1.7.2 takes slab pages for user pages from Linux 6.10 on, and trixie's 1.7.6 finds no
# free page in 6.12 (its issue #16); this suite has 1.7.8.
JUDGES = "forky"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


T = TypeVar("T")


@dataclass(frozen=True)
class Kernel:
    """A kernel under `root`, with boot/ and lib/modules/."""

    version: str
    package_version: str  # empty: it is from no package
    root: Path
    path: str = ""  # the file of this machine that it was taken from; empty: apt's

    @property
    def source(self) -> str:
        """Where it is from, for people."""
        return self.path or f"Debian {self.package_version}"

    @property
    def vmlinuz(self) -> Path:
        """The bootable image."""
        return self.root / "boot" / f"vmlinuz-{self.version}"


class Apt:
    """apt's view of what exists in a suite.

    For the machine's own suite it starts with the system's lists and can turn to private ones.
    """

    def __init__(self, suite: str = OWN) -> None:
        self.options = ["-oAPT::Sandbox::User=root", "-oDebug::NoLocking=1"]
        self.suite = suite
        self.private = False
        self.texts: dict[str, str] = {}  # what the lists say of packages that were asked for
        if suite:
            self.be_private()

    def be_private(self) -> None:
        """Look at lists of our own, whatever there is in them yet."""
        base = cache_dir() / "apt" / self.suite
        state, cache_folder = base / "state", base / "cache"
        (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (cache_folder / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        self.options += [f"-oDir::State={state}", f"-oDir::Cache={cache_folder}"]
        # What is installed here is of no interest in another suite, where it would hide what exists.
        status = "/dev/null" if self.suite else "/var/lib/dpkg/status"
        self.options += [f"-oDir::State::status={status}"]
        if self.suite:
            self.options += [f"-oDir::Etc::sourcelist={base / 'sources.list'}"]
            self.options += ["-oDir::Etc::sourceparts=/dev/null"]
        self.private = True

    def update(self) -> None:
        """Fetch the lists: there are none, or they are stale and the system's not ours to update."""
        if self.suite:
            mirror, codename = system_apt().debian()
            name = f"{codename}-backports" if self.suite == BACKPORTS else self.suite
            signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
            line = f"deb {signed}{mirror} {name} main\n"
            sources = cache_dir() / "apt" / self.suite / "sources.list"
            sources.write_text(line, encoding="utf-8")
        elif not self.private:
            self.be_private()
        self.texts.clear()
        run(["apt-get", *self.options, "-q", "update"], seconds=DOWNLOAD_SECONDS)

    def debian(self) -> tuple[str, str]:
        """The address of the machine's Debian mirror, and the code name of what it runs."""
        return self.retrying(self.first_debian)

    def first_debian(self) -> tuple[str, str]:
        """The same, by the lists that are there: only they say what is Debian's."""
        fields = "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN) $(LABEL)"
        argv = ["apt-get", *self.options, "indextargets", "--format", fields]
        for line in run([*argv, "Created-By: Packages"]).stdout.splitlines():
            words = line.split()
            if words[2:] == ["main", "Debian", "Debian"] and "-" not in words[1]:
                return words[0], words[1]
        raise LabError("apt has no source of Debian's main archive")

    def retrying(self, action: Callable[[], T]) -> T:
        """Do it with the lists there are, and once more with fresh ones if that fails."""
        try:
            return action()
        except LabError:
            self.update()
            return action()

    def debian_sources(self) -> list[str]:
        """Lines of a sources.list for all that the machine takes from Debian's main archive, updates and fixes included."""
        fields = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)"
        argv = ["apt-get", *self.options, "indextargets", "--format", fields]
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        lines = []
        for line in run([*argv, "Created-By: Packages"]).stdout.splitlines():
            words = line.split()
            if words[2:] == ["main", "Debian"]:
                lines.append(f"deb {signed}{words[0]} {words[1]} main")
        if not lines:
            raise LabError("apt has no source of Debian's main archive")
        return lines

    def show(self, package: str, field: str) -> str:
        """One field of the newest version of a package."""
        self.ask([package])
        found = re.search(rf"^{field}: (.*)$", self.texts.get(package, ""), re.MULTILINE)
        if not found:
            raise LabError(f"apt knows no {field} of {package}")
        return found.group(1)

    def ask(self, packages: Iterable[str]) -> None:
        """Ask once about all of them: half a second, be it for one or for many."""
        unknown = [package for package in packages if package not in self.texts]
        if not unknown:
            return
        text = run(["apt-cache", *self.options, "show", "--no-all-versions", *unknown]).stdout
        for one in text.split("\n\n"):
            if found := re.search(r"^Package: (.*)$", one, re.MULTILINE):
                self.texts[found.group(1)] = one

    def download(self, package: str, version: str, folder: Path) -> str:
        """Fetch one package file; return its path."""
        argv = ["apt-get", *self.options, "-q", "download", f"{package}={version}"]
        run(argv, cwd=folder, seconds=DOWNLOAD_SECONDS)
        files = list(folder.glob("*.deb"))
        if len(files) != 1:
            raise LabError(f"apt-get download {package}={version} left {len(files)} files")
        return str(files[0])

    def closure(self, packages: Iterable[str]) -> list[str]:
        """NAME=VERSION of the packages and of all that they need, as if nothing was installed."""
        options = [*self.options, "-oDir::State::status=/dev/null", "--no-install-recommends"]
        text = run(["apt-get", *options, "-s", "install", *packages]).stdout
        found = re.findall(r"^Inst (\S+) \((\S+)", text, re.MULTILINE)
        return [f"{name}={version}" for name, version in found]

    def download_all(self, packages: Iterable[str], folder: Path) -> list[Path]:
        """Fetch the files of several NAME=VERSION."""
        argv = ["apt-get", *self.options, "-q", "download", *packages]
        run(argv, cwd=folder, seconds=DOWNLOAD_SECONDS)
        return sorted(folder.glob("*.deb"))


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


def finish_kernel(tree: Path) -> None:
    """What installing a kernel's packages does: the module index; and the places as up to 6.18."""
    if not (tree / "lib").exists():
        (tree / "lib").symlink_to("usr/lib")
    for modules in (tree / "lib" / "modules").iterdir():
        if (modules / "vmlinuz").exists():
            (tree / "boot").mkdir(exist_ok=True)
            (modules / "vmlinuz").rename(tree / "boot" / f"vmlinuz-{modules.name}")
        run(["depmod", "-b", tree, modules.name])


@cache
def apt_of(suite: str) -> Apt:
    """One apt per suite for the whole run: private lists, if needed, are fetched once."""
    return Apt(suite)


def system_apt() -> Apt:
    """The machine's own."""
    return apt_of(OWN)


Unpack = Callable[[Path, Path], None]


def package(name: str, unpack: Unpack = unpack_all, suite: str = OWN) -> tuple[Path, str]:
    """A package's newest version, unpacked in the cache; return the folder and the version."""
    apt = apt_of(suite)
    return apt.retrying(lambda: newest(apt, name, unpack))


def newest(apt: Apt, name: str, unpack: Unpack) -> tuple[Path, str]:
    """The newest version that the lists know, from the cache or through it."""
    version = apt.show(name, "Version")
    entry = cache_dir() / "debs" / f"{name}_{version.replace(':', '-')}"

    def fill(tree: Path) -> None:
        """The package, fetched beside the tree."""
        unpack(Path(apt.download(name, version, tree.parent)), tree)

    return cached(entry, fill), version


def cached(entry: Path, fill: Callable[[Path], None]) -> Path:
    """A folder of the cache, filled if it is not there yet; files beside it are thrown away."""
    if entry.is_dir():
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=entry.parent))
    try:
        tree = temporary / "tree"
        tree.mkdir()
        fill(tree)
        try:
            os.rename(tree, entry)
        except OSError:
            if not entry.is_dir():  # else another run was faster: its entry is as good
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return entry


def kernel_parts(name: str, suite: str) -> list[str]:
    """The packages that a kernel's package depends on for its own files, split since 6.19."""
    apt = apt_of(suite)
    depends = apt.retrying(lambda: apt.show(name, "Depends"))
    version = name.removeprefix("linux-image-")
    return re.findall(rf"linux-\w+-{re.escape(version)}", depends)


def kernel_package(suite: str, flavour: str = CLOUD) -> str:
    """The name of the package of a suite's newest kernel, through the meta package."""
    apt = apt_of(suite)
    meta = "-".join(part for part in ("linux-image", flavour, "amd64") if part)
    depends = apt.retrying(lambda: apt.show(meta, "Depends"))
    found = re.search(r"\blinux-image-[0-9][^ ,]*", depends)
    if not found:
        raise LabError(f"{meta} depends on no kernel: {depends}")
    return found.group()


@cache
def fetch_kernel(suite: str = OWN, flavour: str = CLOUD) -> Kernel:
    """A suite's newest kernel of a flavour."""
    return fetch_kernel_package(kernel_package(suite, flavour), suite)


@cache
def fetch_kernel_package(name: str, suite: str = OWN) -> Kernel:
    """A suite's kernel by its package's name."""
    apt = apt_of(suite)

    def unpack(deb: Path, into: Path) -> None:
        """The package with its parts in one tree."""
        unpack_all(deb, into)
        for part in kernel_parts(name, suite):
            folder = Path(tempfile.mkdtemp(prefix="part-", dir=deb.parent))
            unpack_all(Path(apt.download(part, apt.show(part, "Version"), folder)), into)
        finish_kernel(into)

    root, version = package(name, unpack, suite)
    return Kernel(re.sub(r"^linux-image-(unsigned-)?", "", name), version, root)


@cache
def fetch_vmlinux(suite: str = OWN) -> Path:
    """The debug vmlinux of the kernel that fetch_kernel() gives."""
    name = kernel_package(suite)
    root, _ = package(f"{name}-dbg", unpack_vmlinux, suite)
    return root / "usr/lib/debug/boot" / f"vmlinux-{name.removeprefix('linux-image-')}"


@cache
def fetch_vmcore_dmesg() -> Path:
    """kexec-tools' vmcore-dmesg."""
    root, _ = package("kexec-tools")
    return root / "sbin" / "vmcore-dmesg"


@cache
def fetch_kexec() -> tuple[Path, tuple[Path, ...]]:
    """kexec-tools' kexec, and the folders with those of its libraries that nobody else uses: Xen's."""
    root, _ = package("kexec-tools")
    libraries: set[str] = set()
    found = depends_on({"kexec-tools"}, "libxen")
    while found:
        libraries |= found
        found = depends_on(found, "libxen") - libraries
    roots = [package(name)[0] for name in sorted(libraries)]
    return root / "sbin" / "kexec", tuple(tree / LIBRARIES for tree in roots)


def depends_on(names: set[str], prefix: str) -> set[str]:
    """Those of the packages' dependencies whose names begin so."""
    apt = system_apt()
    apt.retrying(lambda: apt.ask(names))
    fields = [apt.show(name, "Depends") for name in names]
    words = {word.split()[0] for field in fields for word in field.split(",")}
    return {word for word in words if word.startswith(prefix)}


@cache
def fetch_uki_stub() -> Path:
    """systemd's EFI program that starts the parts of a unified kernel image."""
    root, _ = package("systemd-boot-efi")
    return root / "usr/lib/systemd/boot/efi/linuxx64.efi.stub"


@cache
def fetch_firmware(name: str) -> Path:
    """A firmware for guests, by the name that scenarios give it."""
    if name != "ovmf":
        raise LabError(f"no firmware {name}; there is: ovmf")
    return package("ovmf")[0] / "usr/share/ovmf/OVMF.fd"


@cache
def fetch_crash() -> tuple[str, ...]:
    """A crash that knows newer kernels than the machine's own one, which finds no tasks but those on a CPU since struct pid
    has a flexible array (Linux 6.5, and late 6.1): how to call it. It is not installed; its libraries come along."""
    apt = apt_of(JUDGES)
    root, _ = package("crash", suite=JUDGES)
    found = [one.partition("=")[0] for one in apt.retrying(lambda: apt.closure(["crash"]))]
    roots = [package(name, suite=JUDGES)[0] for name in found if name.startswith("lib")]
    folders = [str(tree / LIBRARIES) for tree in roots if (tree / LIBRARIES).is_dir()]
    loader = next(tree / LOADER for tree in roots if (tree / LOADER).exists())
    return str(loader), "--library-path", ":".join(folders), str(root / "usr/bin/crash")


@cache
def fetch_closure(name: str, suite: str) -> Path:
    """A package of another suite and the libraries that it needs, unpacked into one tree."""
    apt = apt_of(suite)
    found = apt.retrying(lambda: apt.closure([name]))
    packages = [one for one in found if one.startswith((f"{name}=", *LIBRARY))]
    digest = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:16]

    def fill(tree: Path) -> None:
        """All of them; what nobody runs is left out."""
        for deb in apt.download_all(packages, tree.parent):
            unpack_all(deb, tree)
        shutil.rmtree(tree / "usr/share", ignore_errors=True)

    return cached(cache_dir() / "debs" / f"{name}_{suite}_{digest}", fill)


@cache
def fetch_makedumpfile() -> tuple[str, ...]:
    """A makedumpfile that knows newer kernels than the machine's own one: how to call it.

    It is not installed, and brings its libraries and their loader along.
    """
    root, _ = package("makedumpfile", suite=JUDGES)
    name = "makedumpfile"
    found = apt_of(JUDGES).retrying(lambda: apt_of(JUDGES).show(name, "Depends"))
    needed = [word.split()[0] for word in found.split(",") if word.split()[0].startswith(LIBRARY)]
    roots = [package(library, suite=JUDGES)[0] for library in needed]
    folders = [str(tree / LIBRARIES) for tree in roots]
    loader = next(tree / LOADER for tree in roots if (tree / LOADER).exists())
    return str(loader), "--library-path", ":".join(folders), str(root / "usr/bin" / name)
