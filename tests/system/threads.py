# SPDX-License-Identifier: GPL-2.0-or-later
"""A real vmcore filtered by four threads under ThreadSanitizer, in every format.

The check's stage `threads` builds that program; without it these checks are skipped.
"""

import os
import re

from lab.checks import Checks
from lab.paths import build_dir

from .subject import FORMATS, Subject, run_to_end

LEVELS = (1, 31)
FULL_LEVELS = (0, 1, 31)
THREADS = 4


def judge(subject: Subject, checks: Checks) -> None:
    """All formats."""
    program = build_dir() / "san-thread" / "lifeboat"
    if not os.access(program, os.X_OK):
        checks.skip("filter", "no ThreadSanitizer build; make threads, or SAN=thread, makes one")
        return
    out = subject.folder / "threads.dump"
    for level in FULL_LEVELS if subject.full else LEVELS:
        for form, (options, _) in FORMATS.items():
            out.unlink(missing_ok=True)
            argv = [program, "filter", "-q", *options, "-d", str(level), f"--num-threads={THREADS}"]
            ended = run_to_end([*argv, subject.vmcore, out])
            races = re.findall(r"^SUMMARY: ThreadSanitizer: (.*)$", ended.words, re.MULTILINE)
            why = "; ".join(races) or f"exit status {ended.status}: {ended.words[-400:]}"
            checks.expect(f"{form}-d{level}", ended.status == 0 and not races, why)
    out.unlink(missing_ok=True)
