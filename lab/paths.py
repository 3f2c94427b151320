# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the lab finds things: all of it relative to this checkout or to the user's cache."""

import os
from pathlib import Path

from .errors import LabError

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "lab" / "scenarios"


def is_installed() -> bool:
    """Whether this is what `make install` has put somewhere, and no checkout: nothing is written there."""
    return not (ROOT / "Makefile").is_file()


def build_dir() -> Path:
    """The folder with the built programs; LIFEBOAT_BUILD names another build of the same tree, or where they are installed."""
    return Path(os.environ.get("LIFEBOAT_BUILD", ROOT / "build")).resolve()


def cache_dir() -> Path:
    """Downloads and remembered answers: costly to make, safe to delete."""
    if "LIFEBOAT_CACHE" in os.environ:
        path = Path(os.environ["LIFEBOAT_CACHE"])
    else:
        path = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lifeboat"
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def program(name: str) -> Path:
    """A built program, or an error that says how to build it."""
    path = build_dir() / name
    if not os.access(path, os.X_OK):
        raise LabError(f"{path} does not exist: {'is lifeboat-drill installed whole?' if is_installed() else 'run make first'}")
    return path
