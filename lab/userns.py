# SPDX-License-Identifier: GPL-2.0-or-later
"""Root where an ordinary user runs a drill: in a user namespace, over what is the drill's own, if the kernel lets us make one.

There are two kinds. With a range of subordinate users of the user's own (/etc/subuid, newuidmap) it has all users; else it has
root alone, and what changes its user cannot run in it.
"""

import ctypes
import os
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .errors import Unavailable
from .proc import environment, tail

ROOT_ALONE = ("unshare", "--user", "--map-root-user")
ALL_USERS = (*ROOT_ALONE, "--map-auto")
PROBE_SECONDS = 10
HANDLE_BYTES = 128  # MAX_HANDLE_SZ of fcntl.h
PDEATHSIG = ("setpriv", "--pdeathsig", "KILL")


def why_not(argv: Sequence[str]) -> str:
    """Why a program cannot be run to a good end: nothing, if it can."""
    try:
        done = subprocess.run([*argv, "true"], env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as err:
        return str(err)
    return done.stderr.strip() or f"status {done.returncode}" if done.returncode else ""


@cache
def as_root(*more: str) -> tuple[str, ...]:
    """The words before a program that takes root; with `more`, options of unshare(1) for further namespaces. In them the
    program, or what forked it, ends with us. Unavailable if this machine gives us no such thing."""
    unshare: tuple[str, ...] = ("unshare", *more)
    if os.geteuid() == 0:
        if not more:
            return PDEATHSIG
        if why := why_not(unshare):
            raise Unavailable(f"it takes namespaces, which root may not make here: {tail(why, 3).strip()}")
        return (*PDEATHSIG, *unshare)
    for users in (ALL_USERS, ROOT_ALONE):
        if not (why := why_not((*users, *more))):
            # the signal comes last: a process that gets capabilities may lose it (prctl(2), PR_SET_PDEATHSIG)
            return (*users, *(PDEATHSIG if not more else ()), *more_first(more))
    raise Unavailable(f"it takes root, or user namespaces, which are not to be had here: {tail(why, 3).strip()}")


def as_root_with_run() -> tuple[str, ...]:
    """The same for a program that has files in /run, whose owner we may not be."""
    if os.geteuid() == 0:
        return as_root()
    return (*as_root("--mount"), "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh")


def more_first(more: Sequence[str]) -> tuple[str, ...]:
    """The further namespaces, made by a process that ends with us."""
    return (*PDEATHSIG, "unshare", *more) if more else ()


def has_all_users() -> bool:
    """Whether this process, in a namespace or not, can be other users than root."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return sum(int(line.split()[2]) for line in file) > 1
    except (OSError, ValueError, IndexError):
        return False


def handle_error(folder: Path) -> str:
    """Why a file of a folder cannot be opened by its handle: in a user namespace the kernel lets nobody do that
    (Linux 6.12, fs/fhandle.c, may_decode_fh: folders at most). Nothing, if it can be."""
    libc = ctypes.CDLL(None, use_errno=True)
    mount = ctypes.c_int()
    handle = ctypes.create_string_buffer(struct.pack("Ii", HANDLE_BYTES, 0) + bytes(HANDLE_BYTES))
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not libc.name_to_handle_at(top, os.path.basename(file.name).encode(), handle, ctypes.byref(mount), 0):
                opened = libc.open_by_handle_at(top, handle, os.O_RDONLY | os.O_CLOEXEC)
                if opened >= 0:
                    os.close(opened)
                    return ""
            return os.strerror(ctypes.get_errno())
        finally:
            os.close(top)
