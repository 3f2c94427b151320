# SPDX-License-Identifier: GPL-2.0-or-later
"""A part of make bench: a dump that has to go through a slow pipe, and which codec is the best for it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from .errors import LabError
from .paths import program
from .proc import environment

NAME = "sixtyfour-pipe"
RATE = 100e6  # bytes a second
GOAL = 2.0
READER = f"""
import os, time
begun, n = time.monotonic(), 0
while piece := os.read(0, 65536):
    n += len(piece)
    ahead = n / {RATE} - (time.monotonic() - begun)
    if ahead > 0.002:
        time.sleep(ahead)
print(n)
"""


def commands() -> dict[str, list[str]]:
    """All of them write a flattened dump of level 31 to standard output."""
    ours = [str(program("lifeboat")), "filter", "-q", "-F", "--compress=auto", "-d", "31"]
    theirs = ["makedumpfile", "-F", "-d", "31"]
    return {
        "ours 1": [*ours, "--num-threads=1"],
        "ours 2": [*ours, "--num-threads=2"],
        "peer -l": [*theirs, "-l"],
        "peer -c": [*theirs, "-c"],
    }


def one_run(argv: list[str], source: Path) -> tuple[float, int]:
    """Seconds from the start until the reader has everything, and how much that was."""
    reader = subprocess.Popen(
        [sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    started = time.monotonic()
    writer = subprocess.run([*argv, source], stdout=reader.stdin, stderr=subprocess.DEVNULL,
                            env=environment(), timeout=300, check=False)
    size = int(reader.communicate(timeout=300)[0])
    if writer.returncode:
        raise LabError(f"{argv[0]} ended with {writer.returncode}")
    return time.monotonic() - started, size


def measure(source: Path, rounds: int, warm: Callable[[Path], None]) -> dict[str, dict[str, float]]:
    """Medians of all commands, in turns."""
    runs: dict[str, list[tuple[float, int]]] = {name: [] for name in commands()}
    for _ in range(rounds):
        for name, argv in commands().items():
            warm(source)
            runs[name].append(one_run(argv, source))
    return {
        name: {"seconds": median(run[0] for run in of), "size": median(run[1] for run in of)}
        for name, of in runs.items()
    }


def best_ratio(results: dict[str, dict[str, float]], threads: int) -> float:
    """The better one of the peer's over ours."""
    best = min(results[name]["seconds"] for name in ("peer -l", "peer -c"))
    return best / results[f"ours {threads}"]["seconds"]
