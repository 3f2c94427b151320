# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the filter keep the pages that makedumpfile keeps, at every dump level?

Both filter the rebuilt vmcore on the host, and both bitmaps are compared bit by bit. The bitmap
does not depend on the codec, so makedumpfile always runs with its fastest.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checks import Checks
from ..errors import LabError
from ..kdump import Kdump, set_bits
from ..paths import program
from ..proc import run
from . import drgn_view
from .evidence import Evidence
from .fidelity import judge_pages, listed

LEVELS = range(32)
LZO_LEVELS = (0, 1, 31)
PAGE_DATA_LEVELS = (0, 31)
PAGES_DIAGNOSED = 16


@dataclass(frozen=True)
class Rule:
    """A difference to makedumpfile that is understood and wanted."""

    name: str
    why: str
    covers: Callable[[int, bool, dict[str, Any]], bool]  # level, is it kept by us, struct page


# Every rule must be right about each page that it covers; a page without a rule is a failure.
EXPLAINED: tuple[Rule, ...] = ()


def bits_that_differ(ours: bytes, theirs: bytes) -> list[int]:
    """The PFNs whose bits are not the same; a shorter bitmap goes on with zeros."""
    size = max(len(ours), len(theirs))
    pair = [int.from_bytes(bitmap.ljust(size, b"\0"), "little") for bitmap in (ours, theirs)]
    return list(set_bits((pair[0] ^ pair[1]).to_bytes(size, "little")))


def explain(evidence: Evidence, level: int, ours: Kdump, pfns: list[int]) -> str:
    """What is not covered by a rule, with the struct pages of the first few; empty: all is."""
    pages = drgn_view.ask("pages", evidence.vmcore, evidence.vmlinux, pfns)
    bare = []
    for pfn in pfns:
        kept = bool(ours.dumped[pfn >> 3] >> (pfn & 7) & 1)
        page = pages[str(pfn)]
        if not any(rule.covers(level, kept, page) for rule in EXPLAINED):
            bare.append((pfn, kept, page))
    shown = [
        f"\n    PFN {pfn:#x} {'kept' if kept else 'dropped'} by us: {page}"
        for pfn, kept, page in bare[:PAGES_DIAGNOSED]
    ]
    return f"{len(bare)} unexplained differences:{''.join(shown)}" if bare else ""


class Comparison:
    """One vmcore filtered by both programs at one level after another."""

    def __init__(self, evidence: Evidence, checks: Checks) -> None:
        self.evidence = evidence
        self.checks = checks
        self.seconds = {"lifeboat": 0.0, "makedumpfile": 0.0}

    def filtered(self, who: str, argv: list[str | Path], level: int) -> Kdump:
        """Run one filter; the file's name is gone when this returns, its map stays."""
        out = self.evidence.folder.path / f"filtered.{who}"
        out.unlink(missing_ok=True)
        started = time.monotonic()
        run([*argv, "-d", str(level), self.evidence.vmcore, out], seconds=300)
        self.seconds[who] += time.monotonic() - started
        try:
            return Kdump(out)
        finally:
            out.unlink()

    def level(self, level: int) -> None:
        """One level: both bitmaps for each codec, and for some levels the page data."""
        theirs = self.filtered("makedumpfile", ["makedumpfile", "-l"], level)
        for codec in ("-c", "-l") if level in LZO_LEVELS else ("-c",):
            name = f"bitmaps{codec}-d{level}"
            with self.checks.guard(name):
                ours = self.filtered("lifeboat", [program("lifeboat"), "filter", codec], level)
                self.compare(name, level, ours, theirs)
                if level in PAGE_DATA_LEVELS:
                    judge_pages(self.checks, f"pages{codec}-d{level}", ours, self.evidence.ram)

    def compare(self, name: str, level: int, ours: Kdump, theirs: Kdump) -> None:
        """Decide one pair of files."""
        missing = bits_that_differ(ours.present, theirs.present)
        why = f"first bitmap: {len(missing)} bits differ: {listed(missing)}"
        if not missing:
            differ = bits_that_differ(ours.dumped, theirs.dumped)
            why = explain(self.evidence, level, ours, differ) if differ else ""
        kept = int.from_bytes(ours.dumped, "little").bit_count()
        self.checks.expect(name, not why, why, f"{kept} pages")


def judge(evidence: Evidence, checks: Checks) -> None:
    """All levels, and the captured dump's own bitmap."""
    comparison = Comparison(evidence, checks)
    for level in LEVELS:
        with checks.guard(f"bitmaps-d{level}"):
            comparison.level(level)
    with checks.guard("bitmaps-captured"):
        level = evidence.facts.level
        theirs = comparison.filtered("makedumpfile", ["makedumpfile", "-l"], level)
        comparison.compare("bitmaps-captured", level, evidence.dump, theirs)
    times = ", ".join(f"{who} {spent:.1f} s" for who, spent in comparison.seconds.items())
    print(f"   all levels filtered in: {times}", flush=True)
    if not comparison.seconds["makedumpfile"]:
        raise LabError("makedumpfile was never run")
