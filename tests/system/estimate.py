# SPDX-License-Identifier: GPL-2.0-or-later
"""Does --dry-run foretell the dump: its pages to the page, its size by a sample?"""

import json
from typing import Any

from lab.checks import Checks
from lab.proc import run

from .subject import FILTER_SECONDS, Subject

# Form, level. Of size by how much the estimate may be wrong; the sample's own error is a third of it.
CASES = (("lzo", 31), ("zstd", 31), ("lzo", 1), ("raw", 31), ("zlib", 17), ("elf", 31))
SIZE_OFF = 0.02


def statistics(subject: Subject, form: str, level: int, *options: str) -> Any:
    """What a run on one thread says in JSON."""
    argv = [*subject.filter_argv(form, level, 1), "--json", *options]
    argv.remove("-q")
    return json.loads(run(argv, seconds=FILTER_SECONDS).stdout)


def judge_case(subject: Subject, form: str, level: int) -> tuple[str, str]:
    """What is wrong, if anything is, and how good the estimate is."""
    out = subject.folder / "estimate.dump"
    out.unlink(missing_ok=True)
    told = statistics(subject, form, level, "--dry-run", str(subject.vmcore), str(out))
    if list(subject.folder.glob("estimate.dump*")):
        return "a dry run has made a file", ""
    real = statistics(subject, form, level, str(subject.vmcore), str(out))
    size = out.stat().st_size
    out.unlink()
    off = told["file_bytes"] / size - 1
    detail = f"size {off:+.2%}, write {told['write_ns'] / 1e9:.2f} of {real['write_ns'] / 1e9:.2f} s"
    kept = [sum(got[key] for key in ("written", "shared", "zero")) for got in (told, real)]
    if told["classes"] != real["classes"] or kept[0] != kept[1]:
        return f"other pages: {told} and {real}", detail
    return ("" if abs(off) < SIZE_OFF else "the size is not near"), detail


def judge(subject: Subject, checks: Checks) -> None:
    """Sizes in every format."""
    for form, level in CASES:
        why, detail = judge_case(subject, form, level)
        checks.expect(f"{form}-{level}", not why, f"{why}: {detail}", detail)
