# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers and tools of Debian that are not installed for the lab's sake.

To install a server is to start it, and to install lvm2 or multipath-tools is to have it look at the machine's disks: what is
lacking is unpacked into the cache, with the libraries that are lacking too, and found through PATH and LD_LIBRARY_PATH by
whoever is started from here on.
"""

import hashlib
import os
import re
from functools import cache
from pathlib import Path

from . import debs
from .debian import merge_usr
from .errors import LabError
from .paths import cache_dir
from .proc import run

PACKAGES = (
    *("age", "openssh-server", "openssh-client", "openssl"),
    *("nfs-ganesha", "nfs-ganesha-vfs", "rpcbind", "nginx-light", "dnsmasq-base", "tgt", "iproute2"),
    *("lvm2", "thin-provisioning-tools", "dmsetup", "mdadm", "cryptsetup-bin", "multipath-tools", "open-iscsi"),
)
PROGRAMS = ("usr/sbin", "usr/bin")
LIBRARIES = (debs.LIBRARIES, "usr/lib", "usr/lib/ganesha")


def lacking() -> list[str]:
    """NAME=VERSION of the packages that are not installed, and of what they need that is not either."""
    apt = debs.system_apt()
    argv = ["apt-get", *apt.options, "--no-install-recommends", "-s", "install", *PACKAGES]
    text = apt.retrying(lambda: run(argv).stdout)
    return [f"{name}={version}" for name, version in re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", text, re.MULTILINE)]


def unpack(packages: list[str], tree: Path) -> None:
    """All of them into one tree."""
    for deb in debs.system_apt().download_all(packages, tree.parent):
        debs.unpack_all(deb, tree)
    for name in ("bin", "sbin", "lib", "usr"):
        (tree / name).mkdir(exist_ok=True)
    merge_usr(tree)


@cache
def fetch() -> Path | None:
    """The tree with what is lacking, or None if nothing is. Programs started from now on find it."""
    packages = lacking()
    if not packages:
        return None
    digest = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:16]
    tree = debs.cached(cache_dir() / "debs" / f"tools_{digest}", lambda new: unpack(packages, new))
    for name, folders in (("PATH", [tree / one for one in PROGRAMS]), ("LD_LIBRARY_PATH", library_folders(tree))):
        words = [*map(str, folders), *filter(None, [os.environ.get(name)])]
        os.environ[name] = ":".join(words)
    os.environ["LIFEBOAT_TOOLS"] = str(tree)  # for those who look for plugins
    return tree


def library_folders(tree: Path | None) -> list[Path]:
    """Where the tree's libraries are."""
    found = [tree / one for one in LIBRARIES] if tree else []
    return [folder for folder in found if folder.is_dir()]


def tell() -> None:
    """The variables that a program's environment needs to find it, a line each: for those who are not started from here."""
    if fetch():
        for name in ("PATH", "LD_LIBRARY_PATH", "LIFEBOAT_TOOLS"):
            print(f"{name}={os.environ[name]}")


if __name__ == "__main__":
    try:
        tell()
    except LabError as err:
        raise SystemExit(f"tools: {err}") from err
