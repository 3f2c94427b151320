# SPDX-License-Identifier: GPL-2.0-or-later
"""What the checks on the host work with: one vmcore, and a folder for their files."""

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lab import debs
from lab.errors import LabError
from lab.paths import program
from lab.proc import environment, run

# How the command line calls each format, and the reader of lab-judge for it.
FORMATS = {
    "zlib": (["-c"], "kdumpfile"),
    "lzo": (["-l"], "kdumpfile"),
    "snappy": (["-p"], "kdumpfile"),
    "zstd": (["-z"], "kdumpfile"),
    "raw": ([], "kdumpfile"),
    "elf": (["-E"], "elf"),
}
FILTER_SECONDS = 120


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit status, or minus the signal; what it wrote to stderr."""

    status: int
    words: str


def run_to_end(argv: Sequence[str | Path], before: Callable[[], None] | None = None) -> Ended:
    """A run that may fail, but not last; `before` is called in the child."""
    try:
        done = subprocess.run(
            argv,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=FILTER_SECONDS,
            check=False,
            preexec_fn=before,
        )
    except subprocess.TimeoutExpired as err:
        command = " ".join(str(word) for word in argv)
        raise LabError(f"{command} did not end within {FILTER_SECONDS} s") from err
    return Ended(done.returncode, done.stderr.decode("utf-8", "replace").strip())


class Subject:
    """The vmcore of a kernel that crashed. `full`: take the time that a thorough look needs."""

    def __init__(self, vmcore: Path, folder: Path, full: bool = False) -> None:
        self.vmcore = vmcore
        self.folder = folder
        self.full = full
        self.source = f"elf:{vmcore}"
        folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def help(self) -> str:
        """The options of `lifeboat filter`."""
        return run([program("lifeboat"), "filter", "--help"]).stdout

    def has_option(self, option: str) -> bool:
        """Does `lifeboat filter` have it?"""
        return bool(re.search(rf"^ .*(?<!\S){re.escape(option)}(?![\w-])", self.help, re.MULTILINE))

    @property
    def keeps_cut(self) -> bool:
        """Does the filter keep a dump that was cut? It came together with the size limit."""
        return self.has_option("-L")

    @cached_property
    def vmlinux(self) -> Path:
        """The debug information of the crashed kernel."""
        return debs.fetch_vmlinux()

    def filter_argv(self, form: str, level: int, threads: int) -> list[str]:
        """The command line up to the operands."""
        argv = [str(program("lifeboat")), "filter", "-q", *FORMATS[form][0], "-d", str(level)]
        return [*argv, f"--num-threads={threads}"]

    def filtered(self, form: str, level: int, threads: int, name: str) -> Path:
        """A whole dump; whoever asks for it deletes it."""
        out = self.folder / name
        out.unlink(missing_ok=True)
        run([*self.filter_argv(form, level, threads), self.vmcore, out], seconds=FILTER_SECONDS)
        return out
