# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the filter keep the pages that makedumpfile keeps, at every dump level?

Both filter the rebuilt vmcore on the host, and both bitmaps are compared bit by bit. The bitmap
does not depend on the codec, so makedumpfile always runs with its fastest.
"""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..checks import Checks
from ..errors import LabError
from ..kdump import Kdump, set_bits
from ..memory import StructPage
from ..paths import program
from ..proc import environment, run
from .evidence import Evidence
from .fidelity import judge_pages, listed

LEVELS = range(32)
LZO_LEVELS = (0, 1, 31)
LEVEL_CACHE, LEVEL_USER, LEVEL_FREE = 2, 8, 16
PAGE_DATA_LEVELS = (0, 31)
PAGES_DIAGNOSED = 8


@dataclass(frozen=True)
class Difference:
    """A page frame that only one of the two keeps."""

    level: int
    ours: Kdump
    page: StructPage

    def is_kept(self, pfn: int) -> bool:
        """Whether our dump has a page."""
        return bool(self.ours.dumped[pfn >> 3] >> (pfn & 7) & 1)

    def __str__(self) -> str:
        kept = "kept" if self.is_kept(self.page.pfn) else "dropped"
        return f"PFN {self.page.pfn:#x} {kept} by us: {self.page}"


@dataclass(frozen=True)
class Rule:
    """A difference to makedumpfile that is understood and wanted."""

    name: str
    why: str
    covers: Callable[[Difference], bool]


def is_tail_of_kept(difference: Difference) -> bool:
    """A tail that only level 8 makes a difference for, and whose head is kept as well."""
    head = difference.page.head_pfn()
    is_user = bool(difference.level & LEVEL_USER)
    return is_user and head != difference.page.pfn and difference.is_kept(head)


def is_offline(difference: Difference) -> bool:
    """A page that is offline, where makedumpfile looks at no struct page."""
    return difference.level < LEVEL_CACHE and difference.page.offline and not difference.is_kept(difference.page.pfn)


# Every rule must be right about each page that it covers; a page without a rule is a failure.
EXPLAINED = (
    Rule(
        "tail by compound_info",
        "makedumpfile up to 1.7.8 does not know page.compound_info, by which Linux 7.1 and newer "
        "mark tail pages, and takes what lies in a tail's mapping for a user page's",
        is_tail_of_kept,
    ),
    Rule(
        "offline pages",
        "a balloon or virtio-mem has them: there is no memory behind them. We leave them out at every level, makedumpfile "
        "from level 2 on, where it begins to look at struct pages",
        is_offline,
    ),
)


def bits_that_differ(ours: bytes, theirs: bytes) -> list[int]:
    """The PFNs whose bits are not the same; a shorter bitmap goes on with zeros."""
    size = max(len(ours), len(theirs))
    pair = [int.from_bytes(bitmap.ljust(size, b"\0"), "little") for bitmap in (ours, theirs)]
    return list(set_bits((pair[0] ^ pair[1]).to_bytes(size, "little")))


def explain(evidence: Evidence, level: int, ours: Kdump, pfns: list[int]) -> str:
    """What is not covered by a rule, with the struct pages of the first few; empty: all is."""
    found = [Difference(level, ours, evidence.memory.struct_page(pfn)) for pfn in pfns]
    bare = [one for one in found if not any(rule.covers(one) for rule in EXPLAINED)]
    shown = "".join(f"\n    {one}" for one in bare[:PAGES_DIAGNOSED])
    return f"{len(bare)} unexplained differences:{shown}" if bare else ""


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
        """One level: both bitmaps for each codec, and for some levels the page data.

        The codecs do not depend on the kernel, so one of another suite is filtered with the fastest.
        """
        theirs = self.filtered("makedumpfile", [*self.evidence.makedumpfile, "-l"], level)
        codecs = ("-c", "-l") if level in LZO_LEVELS else ("-c",)
        for codec in ("-l",) if self.evidence.facts.suite else codecs:
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


def judge_free(comparison: Comparison) -> None:
    """The free pages that we leave out against the page allocator's own counters."""
    evidence = comparison.evidence
    argv = [program("lifeboat"), "filter", "-l"]
    ours = comparison.filtered("lifeboat", argv, LEVEL_FREE)
    present, kept = (int.from_bytes(bits, "little") for bits in (ours.present, ours.dumped))
    dropped = (present & ~kept).bit_count()
    blocks = evidence.memory.free_blocks()
    free = sum(count << order for order, count in enumerate(blocks))
    # A CPU may have been stopped with one block in its hands.
    allowed, offline = 1 << len(blocks), 0
    if abs(dropped - free) >= allowed:
        offline = sum(evidence.memory.struct_page(pfn).offline for pfn in set_bits((present & ~kept).to_bytes(len(ours.present), "little")))
    near = abs(dropped - offline - free) < allowed
    why = f"{dropped} pages are left out as free, {offline} of them offline, and the kernel has counted {free}"
    comparison.checks.expect("free-pages", near, why, f"{dropped}, {offline} of them offline, by the kernel {free}")


def judge_captured(comparison: Comparison) -> None:
    """The pages that the captured dump has left out are those that makedumpfile leaves out of the same vmcore."""
    evidence, level = comparison.evidence, comparison.evidence.facts.level
    theirs = comparison.filtered("makedumpfile", [*evidence.makedumpfile, "-l"], level)
    comparison.compare("kept", level, evidence.dump, theirs)


def judge_kept(evidence: Evidence, checks: Checks) -> None:
    """The captured dump's own pages alone: what every scenario can afford."""
    if not shutil.which(evidence.makedumpfile[0], path=environment()["PATH"]):
        checks.skip("kept", "makedumpfile is not installed")
        return
    with checks.guard("kept"):
        judge_captured(Comparison(evidence, checks))


def judge_some(evidence: Evidence, checks: Checks) -> None:
    """Only the levels that differ most: where the guest's shape matters, not what one of the classes of pages is."""
    judge(evidence, checks, PAGE_DATA_LEVELS + (LEVEL_USER, LEVEL_FREE))


def judge(evidence: Evidence, checks: Checks, levels: Iterable[int] = LEVELS) -> None:
    """All levels, and the captured dump's own bitmap."""
    comparison = Comparison(evidence, checks)
    for level in levels:
        with checks.guard(f"bitmaps-d{level}"):
            comparison.level(level)
    with checks.guard("free-pages"):
        judge_free(comparison)
    with checks.guard("kept"):
        judge_captured(comparison)
    times = ", ".join(f"{who} {spent:.1f} s" for who, spent in comparison.seconds.items())
    print(f"   all levels filtered in: {times}", flush=True)
    if not comparison.seconds["makedumpfile"]:
        raise LabError("makedumpfile was never run")
