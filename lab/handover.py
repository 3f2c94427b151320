# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that hands the keys of encrypted disks to its capture kernel (CONFIG_CRASH_DM_CRYPT, since Linux 6.16).

Debian has it in none of its kernels yet, so one is built from Debian's source package, with lab/handover.config. That takes
some ten minutes and the packages in TOOLS, so scenarios with it are run by hand only. It stays in the cache.
"""

import hashlib
import re
import shutil
from pathlib import Path

from . import debs
from .errors import LabError
from .paths import cache_dir
from .proc import run

SUITE = "handover"  # the name that scenarios give it
SOURCE_SUITE = "trixie-backports"
CONFIG = Path(__file__).with_name("handover.config")
TOOLS = {"flex": "flex", "bison": "bison", "bc": "bc"}  # program: package; libelf-dev and libssl-dev, too
BUILD_SECONDS = 3600


def source_package() -> str:
    """The name of the source of the suite's newest kernel."""
    apt = debs.apt_of(SOURCE_SUITE)
    found = re.search(r"\blinux-source-[0-9][^ ,]*", apt.retrying(lambda: apt.show("linux-source", "Depends")))
    if not found:
        raise LabError("linux-source depends on no source")
    return found.group()


def unpack_source(deb: Path, into: Path) -> None:
    """The source tree as `tree`'s only folder."""
    package = deb.parent / "package"
    package.mkdir()
    run(["dpkg", "-x", deb, package], seconds=600)
    run(["tar", "xf", next(package.glob("usr/src/*.tar.xz")), "-C", into], seconds=600)


def build(source: Path, into: Path) -> None:
    """Configure and build; `into` becomes as a kernel package unpacked."""
    lacking = [package for program, package in TOOLS.items() if not shutil.which(program)]
    if lacking:
        raise LabError(f"to build a kernel, install {' '.join(lacking)} libelf-dev libssl-dev")
    run(["make", "-C", source, "tinyconfig"], seconds=300)
    with open(source / ".config", "a", encoding="utf-8") as config:
        config.write(CONFIG.read_text(encoding="utf-8"))
    run(["make", "-C", source, "olddefconfig"], seconds=300)
    configured = (source / ".config").read_text(encoding="utf-8")
    if "CONFIG_CRASH_DM_CRYPT=y" not in configured:
        raise LabError(f"{source.name} has no CRASH_DM_CRYPT: it was taken away, or depends on more than {CONFIG.name} says")
    run(["make", "-C", source, "-j2", "bzImage", "modules"], seconds=BUILD_SECONDS)
    run(["make", "-C", source, "modules_install", f"INSTALL_MOD_PATH={into}"], seconds=300)
    version = run(["make", "-s", "-C", source, "kernelrelease"]).stdout.strip()
    for link in ("build", "source"):  # into a tree that is thrown away
        (into / "lib/modules" / version / link).unlink(missing_ok=True)
    (into / "boot").mkdir(exist_ok=True)
    shutil.copy2(source / "arch/x86/boot/bzImage", into / "boot" / f"vmlinuz-{version}")
    shutil.copy2(source / ".config", into / "boot" / f"config-{version}")
    shutil.copy2(source / "System.map", into / "boot" / f"System.map-{version}")


def fetch_kernel() -> debs.Kernel:
    """The kernel, built if the cache has none of this source and configuration."""
    apt = debs.apt_of(SOURCE_SUITE)
    name = source_package()
    version = apt.retrying(lambda: apt.show(name, "Version"))
    digest = hashlib.sha256(CONFIG.read_bytes()).hexdigest()[:12]
    entry = cache_dir() / "kernels" / f"{name}_{version.replace(':', '-')}_{digest}"

    def fill(tree: Path) -> None:
        """The build, beside the tree and thrown away with it."""
        source = tree.parent / "source"
        source.mkdir()
        unpack_source(Path(apt.download(name, version, tree.parent)), source)
        build(next(source.iterdir()), tree)

    root = debs.cached(entry, fill)
    found = next((root / "boot").glob("vmlinuz-*"))
    return debs.Kernel(found.name.removeprefix("vmlinuz-"), version, root)
