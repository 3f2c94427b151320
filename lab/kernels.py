# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels for guests, by a word: what `lifeboat drill --kernel` takes.

    debian                        the newest one of this machine's own Debian suite; an empty word is the same
    backports, trixie-backports…  of another suite; "handover" is one that the lab builds itself
    running, 6.1.0-56-amd64       one that is installed: /boot/vmlinuz-RELEASE and /lib/modules/RELEASE
    VMLINUZ:FOLDER                files of an own build: the image, and a folder with its modules
    linux-image-…[/SUITE]         a package of Debian, or one that stands for the newest
    path/to/linux-image-….deb     a file; what newer packages have put into -modules- and -base- packages is looked for beside it

Each becomes a tree with boot/vmlinuz-RELEASE and lib/modules/RELEASE: nothing is installed, nothing needs root.
"""

import hashlib
import os
import re
import shutil
import stat
import struct
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from . import debs, handover
from .errors import LabError
from .paths import cache_dir
from .proc import run
from .scenario import Guest, Scenario

SUITE = re.compile(r"[a-z]+(-[a-z]+)*")
RELEASE = re.compile(r"[0-9]+\.[0-9][\w.+~-]{0,120}")
PACKAGE = re.compile(r"(linux-image-[a-z0-9.+~-]{1,120})(?:/([a-z][a-z-]{0,40}))?")
OWN_WORDS = ("", "debian")
RUNNING = "running"
NOT_COPIED = ("build", "source")  # links of lib/modules/RELEASE into trees that nobody boots
CONFIGS = ("boot/config-{0}", "lib/modules/{0}/config")
CONFIG_BYTES = 4 << 20
IMAGE_BYTES = 1 << 30
KEEP_SECONDS = 86400  # a copy of an own build's last state, which a drill may be using

# The header of a bootable image: Documentation/arch/x86/boot.rst of Linux 6.12, "The Real-Mode Kernel Header".
HEADER_MAGIC_AT, HEADER_MAGIC = 0x202, b"HdrS"
HEADER_VERSION_AT = 0x20E  # of the text's place, from 0x200 on
HEADER_TEXT_FROM = 0x200
TEXT_BYTES = 256


def fetch_kernel(suite: str = debs.OWN, flavour: str = debs.CLOUD) -> debs.Kernel:
    """The newest kernel of a suite, or the lab's own."""
    return handover.fetch_kernel() if suite == handover.SUITE else debs.fetch_kernel(suite, flavour)


def of_guest(guest: Guest) -> debs.Kernel:
    """The kernel that a guest runs."""
    return find(guest.kernel) if guest.kernel else of_suite(guest.suite, guest.flavour)


def of_suite(suite: str, flavour: str) -> debs.Kernel:
    """The same, with a word on which suite it is when apt has no such thing."""
    try:
        return fetch_kernel(suite, flavour)
    except LabError as err:
        which = f"the Debian suite {suite}" if suite else "this machine’s Debian suite"
        raise LabError(f"no kernel of {which}; --kernel running takes the one that runs here, and there are others:\n{err}") from err


def second_of(scenario: Scenario) -> debs.Kernel:
    """The kernel that a restart is made into: the guest's own word, where the scenario has both of one suite."""
    same = scenario.restart.suite == scenario.guest.suite
    return of_guest(scenario.guest) if same and scenario.guest.kernel else fetch_kernel(scenario.restart.suite)


def with_kernel(scenario: Scenario, word: str) -> Scenario:
    """The scenario on another kernel. A suite's is of the flavour that the scenario wants; any other is as it is."""
    check_word(word)
    if not is_suite(word):
        return replace(scenario, guest=replace(scenario.guest, kernel=absolute(word)))
    suite = debs.OWN if word in OWN_WORDS else word
    guest, restart = scenario.guest, scenario.restart
    if restart.suite == guest.suite:
        restart = replace(restart, suite=suite)
    return replace(scenario, guest=replace(guest, suite=suite, kernel=""), restart=restart)


def is_suite(word: str) -> bool:
    """Whether the word stands for a suite's newest kernel."""
    other = word == RUNNING or word.startswith("linux-")
    return word in OWN_WORDS or not other and bool(SUITE.fullmatch(word))


def absolute(word: str) -> str:
    """A word that means the same whatever the working folder is."""
    if word.endswith(".deb"):
        return str(Path(word).absolute())
    image, colon, folder = word.rpartition(":")
    return f"{Path(image).absolute()}:{Path(folder).absolute()}" if colon else word


def check_word(word: str) -> None:
    """An error if it can be none of them, before anything is fetched."""
    known = is_suite(word) or word == RUNNING or PACKAGE.fullmatch(word) or RELEASE.fullmatch(word)
    if word.endswith(".deb"):
        if not Path(word).is_file():
            raise LabError(f"kernel {word}: there is no such file")
    elif ":" in word:
        split_files(word)
    elif not known:
        hint = "; for a build of your own, name its modules too: VMLINUZ:FOLDER" if os.path.isfile(word) else ""
        raise LabError(
            f"kernel {word}: neither a Debian suite, nor an installed release, nor VMLINUZ:FOLDER, "
            f"nor a package linux-image-…, nor a .deb file{hint}"
        )


def find(word: str) -> debs.Kernel:
    """The kernel that a word stands for, ready to boot."""
    check_word(word)
    if is_suite(word):
        return of_suite(debs.OWN if word in OWN_WORDS else word, debs.CLOUD)
    if word.endswith(".deb"):
        return from_deb(Path(word).resolve())
    if ":" in word:
        return from_files(*split_files(word))
    if found := PACKAGE.fullmatch(word):
        return from_package(found.group(1), found.group(2) or debs.OWN)
    return installed(os.uname().release if word == RUNNING else word)


# ---- what a file says of itself


def release_of(image: Path) -> str:
    """The release that a bootable x86 image says it is."""
    try:
        with open(image, "rb") as file:
            head = file.read(HEADER_VERSION_AT + 2)
            if head[HEADER_MAGIC_AT : HEADER_MAGIC_AT + 4] != HEADER_MAGIC or len(head) < HEADER_VERSION_AT + 2:
                raise LabError(f"{image} is no bootable kernel: a vmlinuz or bzImage for x86 begins with another header")
            file.seek(HEADER_TEXT_FROM + struct.unpack_from("<H", head, HEADER_VERSION_AT)[0])
            text = file.read(TEXT_BYTES)
    except PermissionError as err:
        raise LabError(f"{image} cannot be read: run as a user who may, or let yours: {err.strerror}") from err
    except OSError as err:
        raise LabError(f"{image}: {err.strerror}") from err
    word = text.partition(b"\0")[0].partition(b" ")[0].decode("ascii", "replace")
    if not RELEASE.fullmatch(word):
        raise LabError(f"{image} does not tell which kernel it is: {word[:40]!r}")
    return word


def vermagic(modules: Path) -> str:
    """The release that the first module of a folder was built for; empty: there is none."""
    for top, folders, names in os.walk(modules):
        folders[:] = sorted(set(folders) - set(NOT_COPIED))
        for name in sorted(names):
            if re.search(r"\.ko(\.(xz|gz|zst))?$", name):
                text = run(["modinfo", "-F", "vermagic", Path(top, name)]).stdout
                return text.partition(" ")[0].strip()
    return ""


def modules_below(folder: Path, release: str) -> Path:
    """The folder with modules.dep, from any place that leads to it."""
    tried = [folder, folder / release, folder / "lib/modules" / release, folder / "usr/lib/modules" / release]
    for one in tried:
        if (one / "modules.dep").is_file():
            return one
    if any((one / "modules.order").is_file() for one in tried):
        raise LabError(f"{folder} has no modules.dep: run `depmod -b TOP {release}`, TOP being the folder with lib/modules")
    raise LabError(
        f"{folder} has no modules of {release} (no modules.dep there, nor below {release} or lib/modules/{release}): "
        f"`make modules_install INSTALL_MOD_PATH={folder}` puts them there"
    )


def config_of(kernel: debs.Kernel) -> str:
    """The text of a kernel's configuration, if it came with one."""
    for place in CONFIGS:
        path = kernel.root / place.format(kernel.version)
        if path.is_file():
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read(CONFIG_BYTES)
    return ""


# ---- where kernels come from


def installed(release: str) -> debs.Kernel:
    """A kernel of this machine. Its image may be in its modules' folder: so Fedora has it, and Debian since Linux 6.19."""
    images = [Path(f"/boot/vmlinuz-{release}"), Path(f"/lib/modules/{release}/vmlinuz")]
    image = next((one for one in images if os.path.exists(one)), None)
    if not image:
        there = sorted(one.name.removeprefix("vmlinuz-") for one in Path("/boot").glob("vmlinuz-[0-9]*"))
        raise LabError(f"kernel {release} is not installed; there are: {', '.join(there) or 'none'}")
    modules = Path("/lib/modules", release)
    return copied(image, modules_below(modules, release), [Path(f"/boot/config-{release}"), modules / "config"])


def split_files(word: str) -> tuple[Path, Path]:
    """VMLINUZ:FOLDER."""
    image, _, folder = word.rpartition(":")
    if not os.path.isfile(image):
        raise LabError(f"kernel {word}: there is no file {image or '(nothing)'}")
    if not os.path.isdir(folder):
        raise LabError(f"kernel {word}: there is no folder {folder or '(nothing)'}")
    return Path(image).resolve(), Path(folder).resolve()


def from_files(image: Path, folder: Path) -> debs.Kernel:
    """An own build. Its configuration is beside the image, or where the image was built: arch/x86/boot/bzImage."""
    release = release_of(image)
    modules = modules_below(folder, release)
    theirs = modules.name if RELEASE.fullmatch(modules.name) else vermagic(modules)
    if theirs and theirs != release:
        raise LabError(f"{image} is {release}, but the modules in {modules} are for {theirs}")
    configs = [image.parent / f"config-{release}", image.parent / "config", modules / "config"]
    if image.match("arch/*/boot/*"):
        configs.append(image.parents[3] / ".config")
    return copied(image, modules, configs)


def copied(image: Path, modules: Path, configs: Iterable[Path]) -> debs.Kernel:
    """A copy in the cache of a kernel that is somewhere on this machine: what is there may change while guests run."""
    release = release_of(image)
    config = next((one for one in configs if os.access(one, os.R_OK)), None)
    parts = [one for one in (image, modules / "modules.dep", config) if one]
    place = hashlib.sha256(f"{image}\0{modules}".encode()).hexdigest()[:12]
    state = hashlib.sha256("\0".join(f"{one.stat().st_mtime_ns} {one.stat().st_size}" for one in parts).encode())
    entry = cache_dir() / "kernels" / f"local-{place}-{state.hexdigest()[:12]}"

    def fill(tree: Path) -> None:
        """The tree with copies."""
        (tree / "boot").mkdir()
        copy_file(image, tree / "boot" / f"vmlinuz-{release}")
        if config:
            copy_file(config, tree / "boot" / f"config-{release}")
        copy_modules(modules, tree / "lib/modules" / release)
        if build := build_folder(image, modules):
            (tree / "lib/modules" / release / "build").symlink_to(build)  # for lab/modules.py, where it is

    root = debs.cached(entry, fill)
    os.utime(root)
    forget_older(entry, f"local-{place}-*")
    return checked(debs.Kernel(release, "", root, str(image)))


def build_folder(image: Path, modules: Path) -> Path | None:
    """Where modules for a kernel of this machine are built: its headers, or the tree that it was built in."""
    found = [modules / "build", *([image.parents[3]] if image.match("arch/*/boot/*") else [])]
    return next((one.resolve() for one in found if (one / "Makefile").is_file()), None)


def copy_file(source: Path, to: Path) -> None:
    """A file's content: no link, no owner."""
    try:
        if not stat.S_ISREG(source.stat().st_mode) or source.stat().st_size > IMAGE_BYTES:
            raise LabError(f"{source} is no file, or larger than {IMAGE_BYTES >> 30} GiB")
        shutil.copyfile(source, to)
    except OSError as err:
        raise LabError(f"{source}: {err.strerror}") from err


def copy_modules(source: Path, to: Path) -> None:
    """Modules and their index: files and folders as they are, and what links within it lead to."""
    real = source.resolve()
    for top, folders, names in os.walk(source):
        folders[:] = [one for one in folders if one not in NOT_COPIED]
        into = to / Path(top).relative_to(source)
        into.mkdir(parents=True)
        for name in names:
            path = Path(top, name)
            if name in NOT_COPIED or not path.is_file() or not path.resolve().is_relative_to(real):
                continue
            copy_file(path, into / name)


def forget_older(entry: Path, pattern: str) -> None:
    """Copies of the same build's earlier states, when nobody can be using them any more."""
    for other in entry.parent.glob(pattern):
        if other != entry and other.stat().st_mtime < time.time() - KEEP_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def from_package(name: str, suite: str) -> debs.Kernel:
    """A package of Debian by its name; one that stands for the newest leads to that."""
    apt = debs.apt_of(suite)
    try:
        depends = apt.retrying(lambda: apt.show(name, "Depends"))
    except LabError as err:
        raise LabError(f"apt knows no package {name} in {suite or 'this machine’s suite'}; see `apt-cache search ^linux-image`") from err
    found = re.search(r"\blinux-image-[0-9][^ ,]*", depends)
    if not re.match(r"linux-image-(unsigned-)?[0-9]", name) and not found:
        raise LabError(f"package {name} is no kernel, and depends on none: {depends[:200]}")
    package = found.group() if found else name
    return checked(debs.fetch_kernel_package(package, suite))


def deb_fields(deb: Path) -> dict[str, str]:
    """What a package file says of itself."""
    names = ("Package", "Version", "Depends", "Architecture")
    try:
        text = run(["dpkg-deb", "-f", deb, *names]).stdout
    except LabError as err:
        raise LabError(f"{deb} is no Debian package:\n{err}") from err
    fields = dict(re.findall(r"^(\w+): (.*)$", text, re.MULTILINE))
    if "Package" not in fields or "Version" not in fields:
        raise LabError(f"{deb} is a package without a name or a version")
    return {name: fields.get(name, "") for name in names}


def from_deb(deb: Path) -> debs.Kernel:
    """A package file, with those parts of it that are beside it."""
    fields = deb_fields(deb)
    if fields["Architecture"] not in ("amd64", "all"):
        raise LabError(f"{deb} is for {fields['Architecture']}, guests are amd64")
    files = [deb, *(part_beside(deb, name, fields["Version"]) for name in parts_of(fields))]
    state = "\0".join(f"{one} {one.stat().st_mtime_ns} {one.stat().st_size}" for one in files)
    entry = cache_dir() / "kernels" / f"deb-{hashlib.sha256(state.encode()).hexdigest()[:24]}"

    def fill(tree: Path) -> None:
        """All of them in one tree."""
        for one in files:
            unpack_kernel(one, tree)
        if not list(tree.glob("boot/vmlinuz-*")) and not list(tree.glob("*/modules/*/vmlinuz")):
            raise LabError(f"{deb} holds no kernel: no boot/vmlinuz-RELEASE, and none in lib/modules")
        if not any(one.is_dir() for one in tree.glob("lib/modules/*")):
            raise LabError(f"{deb} holds a kernel without modules, and no part of it beside the file does")
        debs.finish_kernel(tree)

    root = debs.cached(entry, fill)
    image, *more = sorted((root / "boot").glob("vmlinuz-*"))
    if more:
        raise LabError(f"{deb} holds more than one kernel: {image.name}, {more[0].name}")
    release = image.name.removeprefix("vmlinuz-")
    if (said := release_of(image)) != release:
        raise LabError(f"{deb}: {image.name} says that it is {said}")
    modules_below(root / "lib/modules" / release, release)
    return checked(debs.Kernel(release, fields["Version"], root, str(deb)))


def parts_of(fields: dict[str, str]) -> list[str]:
    """The packages that a kernel's package depends on for its own files."""
    release = re.sub(r"^linux-image-(unsigned-)?", "", fields["Package"])
    found = re.findall(rf"\b(linux-(?!image)[a-z]+-{re.escape(release)})(?![\w.+~-])", fields["Depends"])
    return sorted(set(found))


def part_beside(deb: Path, name: str, version: str) -> Path:
    """The file of a part, of the same version."""
    for path in sorted(deb.parent.glob(f"{name}_*.deb")):
        fields = deb_fields(path)
        if (fields["Package"], fields["Version"]) == (name, version):
            return path
    raise LabError(f"{deb.name} is a kernel in parts: {name} {version} has to be beside it, in {deb.parent}")


def unpack_kernel(deb: Path, tree: Path) -> None:
    """What a package has in /boot and as modules. Nothing of it but files stays: a link could lead anywhere."""
    into = tree.parent / f"unpacked-{deb.name}"
    run(["prlimit", f"--fsize={IMAGE_BYTES}", "dpkg-deb", "-x", deb, into], seconds=300)
    for top in ("boot", "lib/modules", "usr/lib/modules"):
        source = into / top
        if source.is_dir() and source.resolve() == source.absolute():
            copy_modules_over(source, tree / top.removeprefix("usr/"))
    shutil.rmtree(into, ignore_errors=True)


def copy_modules_over(source: Path, to: Path) -> None:
    """Move a tree's files to where other parts have theirs."""
    for top, folders, names in os.walk(source):
        folders[:] = [one for one in folders if not Path(top, one).is_symlink() and one not in NOT_COPIED]
        into = to / Path(top).relative_to(source)
        into.mkdir(parents=True, exist_ok=True)
        for name in names:
            if stat.S_ISREG(os.lstat(Path(top, name)).st_mode):
                os.rename(Path(top, name), into / name)


# ---- what a guest needs of its kernel

# Options that have to be =y, or of a row with several, one of them; with what they are for.
BUILT_IN: tuple[tuple[tuple[str, ...], str], ...] = (
    (("X86_64",), "guests are 64 bit machines"),
    (("BLK_DEV_INITRD",), "initramfs images"),
    (("BINFMT_ELF",), "programs"),
    (("PRINTK",), "the kernel's log"),
    (("SERIAL_8250_CONSOLE",), "the console that is listened to"),
    (("PCI",), "the guest's devices"),
    (("DEVTMPFS",), "/dev"),
    (("PROC_FS",), "/proc"),
    (("SYSFS",), "/sys"),
    (("TMPFS",), "the guest's memory load"),
    (("RELOCATABLE",), "to run where crashkernel= has reserved memory"),
    (("CRASH_DUMP",), "crashkernel="),
    (("PROC_VMCORE",), "/proc/vmcore"),
    (("KEXEC", "KEXEC_FILE"), "a panic kernel"),
)
# Drivers, built in or as modules: option, the module's name, what for.
DRIVERS = (
    ("VIRTIO_PCI", "virtio_pci", "the guest's devices"),
    ("VIRTIO_BLK", "virtio_blk", "the guest's disks"),
    ("EXT4_FS", "ext4", "the guest's root file system"),
)


def checked(kernel: debs.Kernel) -> debs.Kernel:
    """The kernel, if a guest can run on it; else an error that names the options that it lacks."""
    lacks = []
    if config := config_of(kernel):
        yes = set(re.findall(r"^CONFIG_(\w+)=y$", config, re.MULTILINE))
        for options, what in BUILT_IN:
            if not yes.intersection(options):
                lacks.append(f"CONFIG_{' or CONFIG_'.join(options)}=y ({what})")
    for option, name, what in DRIVERS:
        if not has_module(kernel, name) and f"CONFIG_{option}=y" not in config.splitlines():
            lacks.append(f"CONFIG_{option}=y or =m ({what})")
    if lacks:
        raise LabError(f"kernel {kernel.version} ({kernel.source}) cannot be drilled, it lacks:\n    " + "\n    ".join(lacks))
    return kernel


def index(kernel: debs.Kernel, name: str) -> str:
    """One of depmod's files."""
    path = kernel.root / "lib/modules" / kernel.version / name
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def module_names(text: str) -> set[str]:
    """The modules of modules.dep or modules.builtin, by the names that modprobe knows."""
    paths = (line.partition(":")[0] for line in text.splitlines())
    return {Path(path).name.partition(".ko")[0].replace("-", "_") for path in paths if path}


def loadable(kernel: debs.Kernel) -> set[str]:
    """Modules that are files."""
    return module_names(index(kernel, "modules.dep"))


def has_module(kernel: debs.Kernel, name: str) -> bool:
    """Whether modprobe would find it: as a file, built in, or by an alias."""
    plain = name.replace("-", "_")
    if plain in loadable(kernel) or plain in module_names(index(kernel, "modules.builtin")):
        return True
    aliases = index(kernel, "modules.alias")
    return any(f"alias {one} " in aliases for one in (name, plain))


def root_modules(kernel: debs.Kernel) -> list[str]:
    """What a guest has to load to mount its root disk, besides the drivers of its devices."""
    return ["ext4"] if "ext4" in loadable(kernel) else []


def unfit(kernel: debs.Kernel, names: Iterable[str], needs: str) -> str:
    """Why a scenario cannot be run with it: it lacks a module, or has built in what the scenario wants to be without."""
    if lacking := [name for name in names if not has_module(kernel, name)]:
        return f"has no module {', '.join(lacking)}"
    what, _, name = needs.partition(" ")
    if what == "loadable" and name.replace("-", "_") not in loadable(kernel):
        return f"has {name} built in"
    return ""
