# SPDX-License-Identifier: GPL-2.0-or-later
"""Running other programs: always bounded in time, and their words kept when they fail."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import LabError, Unavailable

TAIL_LINES = 15


def environment() -> dict[str, str]:
    """The caller's environment, with the system tools in PATH and messages in English."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {**os.environ, "PATH": f"{path}:/usr/sbin:/sbin", "LC_ALL": "C"}


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """The last lines of a text, indented for an error message."""
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-lines:])


def run(
    argv: Sequence[str | Path],
    *,
    seconds: float = 120,
    cwd: Path | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its successful end; anything else is a LabError with its last words."""
    name = Path(argv[0]).name
    try:
        done = subprocess.run(
            [str(arg) for arg in argv],
            cwd=cwd,
            env=environment(),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as err:
        if cwd and not cwd.is_dir():
            raise LabError(f"{name}: there is no folder {cwd}") from err
        raise Unavailable(f"{name} is not installed on this machine") from err
    except subprocess.TimeoutExpired as err:
        raise LabError(f"{name} did not end within {seconds:.0f} s") from err
    if done.returncode != 0:
        command = " ".join(str(arg) for arg in argv)
        words = tail(done.stdout + done.stderr)
        raise LabError(f"{command}\n  ended with status {done.returncode}:\n{words}")
    return done


def copy_extents(source: int, at: int, out: int, offset: int, length: int) -> None:
    """Copy `length` bytes between files by the source's data extents; its holes stay holes."""
    end = at + length
    position = at
    while position < end:
        try:
            data = os.lseek(source, position, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        hole = min(os.lseek(source, data, os.SEEK_HOLE), end)
        while data < hole:
            data += os.copy_file_range(source, out, hole - data, data, offset + data - at)
        position = hole
