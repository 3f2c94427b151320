# SPDX-License-Identifier: GPL-2.0-or-later
"""The core header that our loader staged: is it the one that Debian's kexec-tools stages in the same guest?

The dump's own judges take the header for granted, so that what is missing in it would be missed nowhere.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..checks import Checks
from ..errors import LabError
from ..qemu import plugged_address
from ..scenario import Scenario
from ..vmcore import PT_LOAD, Segment
from .evidence import Evidence

IMAGE_BASE = 0xFFFFFFFF80000000  # __START_KERNEL_map: the kernel's own mapping begins there
LINEAR_BASES = (0xFFFF888000000000, 0xFF11000000000000)  # __PAGE_OFFSET_BASE_L4 and _L5
SHOWN = 6
MIB = 1 << 20

Mapping = tuple[int, int, int]  # physical start and end, and virtual minus physical address


@dataclass(frozen=True)
class Rule:
    """A difference to kexec-tools that is understood and wanted."""

    name: str
    why: str
    covers: Callable[[Mapping], bool]  # what only kexec-tools has


# Every rule must be right about each mapping that it covers; what has no rule is a failure.
EXPLAINED = (
    Rule(
        "first MiB",
        "kexec-tools lets its purgatory save the first 640 KiB for kernels that run there; since Linux 5.5 x86 "
        "reserves the whole first MiB at boot and leaves it out of the core header that it makes itself "
        "(arch/x86/kernel/crash.c, elf_header_exclude_ranges)",
        lambda mapping: mapping[1] <= MIB,
    ),
)


def text_of(mappings: set[Mapping]) -> str:
    """Some of them, for a message."""
    listed = [f"{start:#x}-{end:#x} at +{delta:#x}" for start, end, delta in sorted(mappings)]
    return ", ".join(listed[:SHOWN] + (["…"] if len(listed) > SHOWN else []))


def ram_of(segments: list[Segment]) -> set[Mapping]:
    """The RAM of a core header, with adjacent segments joined; how it is cut does not matter."""
    found: list[Mapping] = []
    loads = [s for s in segments if s.type == PT_LOAD and s.vaddr < IMAGE_BASE]
    for load in sorted(loads, key=lambda s: s.paddr):
        one = (load.paddr, load.paddr + load.memsz, load.vaddr - load.paddr)
        if found and found[-1][1:] == (one[0], one[2]):
            one = (found.pop()[0], *one[1:])
        found.append(one)
    return set(found)


def image_of(segments: list[Segment]) -> set[Mapping]:
    """The mapping of the kernel's own image."""
    loads = [s for s in segments if s.type == PT_LOAD and s.vaddr >= IMAGE_BASE]
    return {(s.paddr, s.paddr + s.memsz, s.vaddr - s.paddr) for s in loads}


def notes_of(segments: list[Segment]) -> set[Mapping]:
    """The notes of all CPUs, and VMCOREINFO."""
    return {(s.paddr, s.paddr + s.memsz, 0) for s in segments if s.type != PT_LOAD}


PARTS: dict[str, Callable[[list[Segment]], set[Mapping]]] = {
    "ram": ram_of,
    "image": image_of,
    "notes": notes_of,
}


def judge_peers(evidence: Evidence, scenario: Scenario, checks: Checks) -> None:
    """Part by part against each of the peers."""
    ours = evidence.core.segments
    used: set[Rule] = set()
    for peer in scenario.peers:
        theirs = evidence.staged.get(peer)
        if not theirs:
            raise LabError(f"nothing is known of what kexec-tools {peer} staged")
        for name, part in PARTS.items():
            have, want = part(ours), part(theirs)
            missing: set[Mapping] = set()
            for mapping in want - have:
                rules = [rule for rule in EXPLAINED if name == "ram" and rule.covers(mapping)]
                used.update(rules)
                missing.update(() if rules else (mapping,))
            why = f"only ours: {text_of(have - want)}; only theirs: {text_of(missing)}"
            good = bool(have) and not have - want and not missing
            checks.expect(f"{name}-as-kexec{peer}", good, why, text_of(have))
    for rule in used:
        print(f"   kexec-tools also has the {rule.name}: {rule.why}", flush=True)


def judge_loads(evidence: Evidence, checks: Checks) -> None:
    """All memory lies in the core as it lies in the machine, no address twice."""
    loads = [s for s in evidence.core.loads if s.vaddr < IMAGE_BASE]
    odd = [s for s in evidence.core.loads if s.offset != s.paddr or s.filesz != s.memsz or not s.memsz]
    checks.expect("loads-whole", not odd, f"{odd}")
    loads.sort(key=lambda s: s.paddr)
    twice = [b for a, b in zip(loads, loads[1:]) if a.paddr + a.memsz > b.paddr]
    checks.expect("loads-apart", not twice, f"{twice}", f"{len(loads)} ranges of RAM")


def judge_plugged(evidence: Evidence, checks: Checks) -> None:
    """What was plugged in while the kernel ran is in the core header, too: no other judge would miss it."""
    begin = plugged_address(evidence.facts.memory_mib)
    there = sum(s.memsz for s in evidence.core.loads if s.vaddr < IMAGE_BASE and s.paddr >= begin)
    wanted = evidence.facts.plugged_mib * MIB
    checks.expect("plugged", there == wanted, f"{there} bytes at {begin:#x} and above, {wanted} were plugged in", f"{there >> 20} MiB")


def judge_kaslr(evidence: Evidence, scenario: Scenario, checks: Checks) -> None:
    """The crashed kernel was where the scenario wants it: at its usual addresses, or elsewhere."""
    found = re.search(rb"^KERNELOFFSET=([0-9a-f]+)$", evidence.core.vmcoreinfo(), re.MULTILINE)
    if not found:
        raise LabError("VMCOREINFO has no KERNELOFFSET")
    offset = int(found.group(1), 16)
    linear = min(s.vaddr - s.paddr for s in evidence.core.loads if s.vaddr < IMAGE_BASE)
    moved = offset != 0 or linear not in LINEAR_BASES
    where = f"offset {offset:#x}, linear mapping at {linear:#x}"
    wanted = "nokaslr" not in scenario.guest.kernel_args
    checks.expect("kaslr" if wanted else "nokaslr", moved == wanted, where, where)


def judge(evidence: Evidence, scenario: Scenario, checks: Checks) -> None:
    """Everything about the loader that a capture leaves behind."""
    judge_kaslr(evidence, scenario, checks)
    judge_loads(evidence, checks)
    if evidence.facts.plugged_mib:
        judge_plugged(evidence, checks)
    judge_peers(evidence, scenario, checks)
