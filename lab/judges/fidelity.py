# SPDX-License-Identifier: GPL-2.0-or-later
"""Is every page of the dump what the crashed kernel's memory held, byte for byte?"""

from ..checks import Checks
from ..errors import LabError
from ..kdump import STATUS_INCOMPLETE, Kdump
from ..vmcore import PAGE, Ram
from .evidence import Evidence


def different_pages(dump: Kdump, ram: Ram) -> tuple[int, list[int]]:
    """How many pages the dump holds, and the PFNs of those that differ from RAM."""
    count = 0
    wrong = []
    for pfn, data in dump.pages():
        count += 1
        at = ram.offset(pfn * PAGE)
        if ram.map[at : at + PAGE] != data:
            wrong.append(pfn)
    return count, wrong


def listed(pfns: list[int], limit: int = 8) -> str:
    """The first of many PFNs."""
    more = ", …" if len(pfns) > limit else ""
    return ", ".join(f"{pfn:#x}" for pfn in pfns[:limit]) + more


def judge_pages(checks: Checks, name: str, dump: Kdump, ram: Ram) -> None:
    """One dump's page data."""
    with checks.guard(name):
        count, wrong = different_pages(dump, ram)
        if count == 0:
            raise LabError("the dump holds no page")
        why = f"{len(wrong)} of {count} pages differ from RAM: {listed(wrong)}"
        checks.expect(name, not wrong, why, f"{count} pages")


def judge(evidence: Evidence, checks: Checks) -> None:
    """The captured dump against the RAM file."""
    with checks.guard("fidelity"):
        dump, core = evidence.dump, evidence.core
        judge_pages(checks, "fidelity-pages", dump, evidence.ram)
        incomplete = bool(dump.status & STATUS_INCOMPLETE)
        checks.expect("fidelity-complete", not incomplete, "the header says INCOMPLETE")
        same = dump.vmcoreinfo() == core.vmcoreinfo()
        checks.expect("fidelity-vmcoreinfo", same, "VMCOREINFO is not the crashed kernel's")
        checks.expect("fidelity-notes", dump.notes() == core.notes, "the ELF notes differ")
        level = evidence.facts.level
        why = f"level {dump.level} in the header, {level} in the recipe"
        checks.expect("fidelity-level", dump.level == level, why)
