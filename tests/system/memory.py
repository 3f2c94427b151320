# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine of 1 TiB (lab/synthetic.py), filtered by one thread: little memory, little time, and
exactly the pages that have to be kept.
"""

import json
import time

from lab import synthetic
from lab.bench import Command, anonymous_peak
from lab.checks import Checks
from lab.paths import program
from lab.proc import run

from .subject import Subject

TEBIBYTES = 1
ANON_MIB = 16.0
SECONDS = 10.0


def judge(subject: Subject, checks: Checks) -> None:
    """Two runs: in one the memory is sampled, the other one is timed."""
    vmcore, out = subject.folder / "memory.vmcore", subject.folder / "memory.dump"
    machine = synthetic.vmcore_of(TEBIBYTES, vmcore)
    argv = (str(program("lifeboat")), "filter", "-l", "-d", "31", "--num-threads=1")
    peak = anonymous_peak(Command("lifeboat", argv), vmcore, subject.folder)
    why = f"{peak:.1f} MiB of anonymous memory, {ANON_MIB:g} at most"
    checks.expect("anonymous", peak <= ANON_MIB, why, f"{peak:.1f} MiB")

    out.unlink(missing_ok=True)
    started = time.monotonic()
    words = run([*argv, "--json", vmcore, out], seconds=120).stdout
    seconds = time.monotonic() - started
    checks.expect("seconds", seconds < SECONDS, f"{seconds:.1f} s", f"{seconds:.1f} s")
    got = json.loads(words)
    kept = got["written"] + got["shared"] + got["zero"]
    why = f"{kept} pages kept, there are {machine.kept} to keep; it said\n{words}"
    checks.expect("kept", kept == machine.kept, why, f"{kept} pages")
    out.unlink()
    vmcore.unlink()
