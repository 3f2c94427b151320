# SPDX-License-Identifier: GPL-2.0-or-later
"""Every format × dump level × number of threads: the same page frames as makedumpfile keeps, and
every byte as in the source, seen by libkdumpfile.

`make fidelity` takes all levels of FULL_LEVELS; the check takes LEVELS.
"""

from pathlib import Path

from lab.checks import Checks
from lab.judges.pages import compare
from lab.proc import run

from .subject import FORMATS, Subject

LEVELS = (1, 31)
FULL_LEVELS = (0, 1, 2, 4, 8, 15, 16, 17, 23, 30, 31)
THREADS = (1, 2, 4)


def judge_one(subject: Subject, checks: Checks, form: str, level: int, threads: int, peer: Path) -> None:
    """One dump."""
    name = f"{form}-d{level}-t{threads}"
    with checks.guard(name):
        out = subject.filtered(form, level, threads, f"fidelity.{name}")
        try:
            reader = FORMATS[form][1]
            verdict = compare(f"{reader}:{out}", subject.source, f"kdumpfile:{peer}")
        finally:
            out.unlink()
        checks.expect(name, not verdict.wrong, verdict.wrong, f"{verdict.compared} pages")


def judge(subject: Subject, checks: Checks) -> None:
    """The whole matrix."""
    for level in FULL_LEVELS if subject.full else LEVELS:
        with checks.guard(f"makedumpfile-d{level}"):
            peer = subject.folder / f"fidelity.peer-d{level}"
            peer.unlink(missing_ok=True)
            run(["makedumpfile", "-l", "-d", str(level), subject.vmcore, peer], seconds=300)
            for form in FORMATS:
                for threads in THREADS:
                    judge_one(subject, checks, form, level, threads, peer)
            peer.unlink()
