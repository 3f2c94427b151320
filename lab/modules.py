# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own kernel module, built for the kernel of a guest: lab/crasher.

Debian's headers come through apt as everything else does, are unpacked into one tree of the cache and used there: nothing is
installed. A kernel that has its headers with it (lib/modules/RELEASE/build) is built against those.
"""

import hashlib
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from . import debs, handover, kernels
from .errors import LabError, Unavailable
from .paths import ROOT, cache_dir
from .proc import run

SOURCES = ROOT / "lab" / "crasher"
NAME = "lab_crasher.ko"
DEBUG = f"{NAME}.debug"  # beside it, with debug information: for who looks at a dump
AT = "/lab_crasher.ko"  # on the guest's root disk: see lab/guest_crasher.c
BUILD_SECONDS = 300
ALIGNMENT = "-fmin-function-alignment=16"  # gcc 14 has it, and a kernel that was built by it asks for it
# What a module of ours can do without: type information, for which pahole is needed.
SETTINGS = ("CC=gcc", "CONFIG_DEBUG_INFO_BTF_MODULES=", "CONFIG_PAHOLE_VERSION=0")


def parts_of(depends: str) -> list[str]:
    """The packages that a package of headers cannot do without: the headers of all flavours, the programs that build."""
    return re.findall(r"\blinux-headers-[^ ,]+-common\b|\blinux-kbuild-[^ ,]+", depends)


def make_runnable(programs: Path) -> None:
    """Programs of a newer Debian than this machine's get the C library of one: a script takes the place of each."""
    for path in sorted(programs.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        with open(path, "rb") as file:
            if file.read(4) != b"\x7fELF" or not path.stat().st_mode & 0o100:
                continue
        if "' not found" not in run(["sh", "-c", 'ldd "$1" 2>&1 || true', "sh", path]).stdout:
            continue
        libc, _ = debs.package("libc6", suite=debs.JUDGES)
        path.rename(f"{path}.real")
        call = f'{libc / debs.LOADER} --library-path {libc / debs.LIBRARIES}:/{debs.LIBRARIES}'
        path.write_text(f'#!/bin/sh\nexec {call} "$0.real" "$@"\n', encoding="utf-8")
        path.chmod(0o755)


def fetch_headers(release: str, suite: str) -> Path:
    """A Debian kernel's headers, with what they need, in one tree."""
    name = f"linux-headers-{release}"
    apt = debs.apt_of(suite)
    try:
        depends = apt.retrying(lambda: apt.show(name, "Depends"))
        version = apt.show(name, "Version")
    except LabError as err:
        raise Unavailable(f"no module can be built for {release}: apt knows no {name}") from err

    def fill(tree: Path) -> None:
        """All of them."""
        for part in (name, *parts_of(depends)):
            folder = Path(tempfile.mkdtemp(prefix="part-", dir=tree.parent))
            debs.unpack_all(Path(apt.download(part, apt.show(part, "Version"), folder)), tree)
        for programs in (tree / "usr/lib").glob("linux-kbuild-*"):
            make_runnable(programs)

    return debs.cached(cache_dir() / "debs" / f"{name}_{version.replace(':', '-')}_whole", fill)


def own_headers(kernel: debs.Kernel, word: str) -> Path | None:
    """The folder in which a kernel that is no package of apt's is built, or its headers are."""
    places = [kernel.root / "lib/modules" / kernel.version]
    if ":" in word:
        places.append(kernels.modules_below(kernels.split_files(word)[1], kernel.version))
    elif word == kernels.RUNNING or kernels.RELEASE.fullmatch(word):
        places.append(Path("/lib/modules", kernel.version))
    found = (place / "build" for place in places)
    return next((one.resolve() for one in found if (one / "Makefile").is_file()), None)


def build_folder(kernel: debs.Kernel, word: str, suite: str) -> list[str]:
    """make's words for the place where modules of this kernel are built, the last one the folder with its configuration."""
    if own := own_headers(kernel, word):
        return ["-C", str(own)]
    if ":" in word or suite == handover.SUITE:
        raise Unavailable(f"no module can be built for {kernel.version}: lib/modules/{kernel.version}/build is not there")
    if found := kernels.PACKAGE.fullmatch(word):
        suite = found.group(2) or debs.OWN
    sources = fetch_headers(kernel.version, suite) / "usr/src"
    common = next(sources.glob("linux-headers-*-common"), None)
    if not common:
        raise LabError(f"{sources} has no linux-headers-*-common")
    # the flavour's Makefile names its place once installed; this says the same of where it is
    output = (sources / f"linux-headers-{kernel.version}").resolve()
    return ["-C", str(common.resolve()), f"O={output}"]


def takes(option: str) -> bool:
    """Whether the compiler knows an option."""
    try:
        run(["gcc", option, "-x", "c", "-c", "/dev/null", "-o", "/dev/null"])
    except LabError:
        return False
    return True


def settings(configuration: str) -> list[str]:
    """More words for make, by the kernel's configuration."""
    if "CONFIG_CC_IS_CLANG=y" in configuration:
        raise Unavailable("no module can be built for a kernel that clang has built")
    more = list(SETTINGS)
    if "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=y" in configuration and not takes(ALIGNMENT):
        more.append("CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=")  # then it is asked for in the old way
    return more


def digest_of(paths: list[Path]) -> str:
    """Of the contents of files."""
    found = hashlib.sha256()
    for path in paths:
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


@cache
def fetch_crasher(kernel: debs.Kernel, word: str = "", suite: str = debs.OWN) -> Path:
    """The crasher for this kernel, which is of a suite, or a user's by his word (see kernels.py), built if the cache has none
    of these sources and headers."""
    if lacking := [name for name in ("make", "gcc") if not shutil.which(name)]:
        raise Unavailable(f"no module can be built: {' and '.join(lacking)} not installed")
    words = build_folder(kernel, word, suite)
    output = Path(words[-1].removeprefix("O="))
    try:
        more = settings((output / ".config").read_text(encoding="utf-8", errors="replace"))
        digest = digest_of([Path(__file__), *sorted(SOURCES.iterdir()), output / ".config", output / "Module.symvers"])
    except FileNotFoundError as err:
        raise Unavailable(f"no module can be built for {kernel.version}: {output} has no {Path(err.filename).name}") from err

    def fill(tree: Path) -> None:
        """The build, beside the tree and thrown away with it."""
        sources = tree.parent / "source"
        shutil.copytree(SOURCES, sources)
        same = f"KCFLAGS=-ffile-prefix-map={sources}/="  # wherever it is built
        run(["make", *words, f"M={sources}", same, *more, "modules"], seconds=BUILD_SECONDS)
        shutil.copy2(sources / NAME, tree / DEBUG)
        run(["strip", "--strip-debug", sources / NAME])
        (sources / NAME).rename(tree / NAME)

    return debs.cached(cache_dir() / "crasher" / f"{kernel.version}-{digest}", fill) / NAME
