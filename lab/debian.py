# SPDX-License-Identifier: GPL-2.0-or-later
"""A small Debian with systemd for guests: packages unpacked into one tree, none of them installed.

Nothing needs root, and no maintainer script runs: what is needed of their work is done here.
"""

import hashlib
import shutil
from functools import cache
from pathlib import Path

from . import debs
from .paths import cache_dir

PACKAGES = ("systemd-sysv", "bash", "dash", "coreutils", "mount", "base-files", "base-passwd")
MERGED = ("bin", "sbin", "lib", "lib64")  # of / and /usr, which are one
UNUSED = ("doc", "locale", "man", "i18n", "info", "lintian", "zoneinfo")
# They need D-Bus, udev or a user, which are not there.
MASKED = ("getty.target", "systemd-logind.service", "systemd-networkd.service")


def merge_usr(tree: Path) -> None:
    """What usrmerge does: /bin and its like become links into /usr."""
    for name in MERGED:
        if (tree / name).is_dir():
            shutil.copytree(tree / name, tree / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(tree / name)
        (tree / name).symlink_to(f"usr/{name}")


def configure(tree: Path) -> None:
    """What the packages' scripts and an installer write."""
    for name in ("passwd", "group"):
        shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
    (tree / "etc/machine-id").write_text("1".zfill(32) + "\n", encoding="ascii")
    units = tree / "etc/systemd/system"
    for name in MASKED:
        (units / name).symlink_to("/dev/null")
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")


def fill(packages: list[str], tree: Path) -> None:
    """Unpack the packages into the tree and make a system of it."""
    for deb in debs.system_apt().download_all(packages, tree.parent):
        debs.unpack_all(deb, tree)
    merge_usr(tree)
    configure(tree)
    for name in UNUSED:
        shutil.rmtree(tree / "usr/share" / name, ignore_errors=True)


@cache
def fetch_system() -> Path:
    """The tree, which is shared: to be copied, not changed."""
    apt = debs.system_apt()

    def newest() -> Path:
        packages = apt.closure(PACKAGES)
        digest = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:16]
        entry = cache_dir() / "debs" / f"system_{digest}"
        return debs.cached(entry, lambda tree: fill(packages, tree))

    return apt.retrying(newest)
