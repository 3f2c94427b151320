# SPDX-License-Identifier: GPL-2.0-or-later
"""What must be in a plan, worked out from the text of /proc/iomem: sets of ranges, and nothing of the loader's.

A range is [start, end). Where lines contradict each other RAM wins: that is what the loader promises.
"""

import re
from typing import Any

LINE = re.compile(r"( *)([0-9a-f]+)-([0-9a-f]+) : (.*)")
PAGE = 4096
MIB = 1 << 20
TEXT = 0xffffffff80000000  # __START_KERNEL_map of x86_64

Range = tuple[int, int]
Json = dict[str, Any]

# the loader's kinds → lines of iomem, as kernel/resource.c and arch/x86/kernel/e820.c name them
KINDS = {
    "reserved": ("Reserved",),
    "ACPI tables": ("ACPI Tables",),
    "ACPI NVS": ("ACPI Non-volatile Storage",),
    "persistent": ("Persistent Memory",),
    "persistent (legacy)": ("Persistent Memory (legacy)",),
    "soft reserved": ("Soft Reserved",),
}


def union(ranges: list[Range]) -> list[Range]:
    """Sorted, disjoint, merged."""
    merged: list[Range] = []
    for start, end in sorted(r for r in ranges if r[0] < r[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def minus(ranges: list[Range], holes: list[Range]) -> list[Range]:
    """What is in `ranges` and in none of `holes`."""
    left = union(ranges)
    for first, last in union(holes):
        left = [piece for start, end in left
                for piece in ((start, min(end, first)), (max(start, last), end))
                if piece[0] < piece[1]]
    return left


def inside(ranges: list[Range], window: Range) -> list[Range]:
    return minus(ranges, [(0, window[0]), (window[1], 1 << 64)])


def lines_of(iomem: str, accept: Any) -> list[Range]:
    """Ranges of all lines, at any depth, whose name is accepted."""
    found = [LINE.fullmatch(line) for line in iomem.splitlines()]
    return union([(int(m[2], 16), int(m[3], 16) + 1) for m in found if m and accept(m[4])])


def is_ram(name: str) -> bool:
    """All that is dumped; what has a driver's name behind it is neither loaded into nor handed over."""
    return name.startswith("System RAM")


def of(things: list[Json]) -> list[Range]:
    """JSON's ranges: the last byte belongs to them."""
    return [(int(t["start"], 16), int(t["end"], 16) + 1) for t in things]


def show(ranges: list[Range]) -> str:
    return ", ".join(f"{start:#x}-{end - 1:#x}" for start, end in ranges[:4]) or "nothing"


def differ(what: str, got: list[Range], want: list[Range]) -> list[str]:
    """What is too much and what is missing, or nothing."""
    more, less = minus(got, want), minus(want, got)
    if not more and not less:
        return []
    return [f"{what}: {show(more)} too much, {show(less)} missing"]


def disjoint(what: str, ranges: list[Range]) -> list[str]:
    for before, after in zip(ranges, ranges[1:]):
        if after[0] < before[1]:
            return [f"{what}: {show([before])} and {show([after])}: out of order or overlapping"]
    return []


def judge_segments(plan: Json, room: list[Range], init_size: int, initrd: int) -> list[str]:
    """Whole pages, disjoint, in `room`; the kernel with all of its memory, the initramfs with its bytes."""
    segments = plan["segments"]
    places = [(int(s["start"], 16), int(s["start"], 16) + s["memory_bytes"]) for s in segments]
    wrong = disjoint("segments", places)
    wrong += [f"segment {show([p])} is not on pages" for p in places if p[0] % PAGE or p[1] % PAGE]
    wrong += [f"segment {show([p])} is outside" for p in places if minus([p], room)]
    wrong += [f"{s['name']} is larger than its memory" for s in segments
              if s["bytes"] > s["memory_bytes"]]
    named = {s["name"]: s for s in segments}
    if named["kernel"]["memory_bytes"] < init_size or int(named["kernel"]["start"], 16) % 0x200000:
        wrong.append("the kernel has not enough memory, or is not aligned")
    if named["initramfs"]["bytes"] != initrd:
        wrong.append("the initramfs is not whole")
    entry = int(plan["entry"], 16)
    purgatory = places[[s["name"] for s in segments].index("purgatory")]
    if not purgatory[0] <= entry < purgatory[1]:
        wrong.append(f"the entry {entry:#x} is not in the purgatory")
    # the kernel writes to its header (hotplug) and the purgatory keeps its own digest
    loose = {s["name"] for s in segments if not s["digested"]} - {"purgatory"}
    if loose - {"core header"}:
        wrong.append(f"not digested: {loose}")
    return wrong


def judge_map(plan: Json, iomem: str, ram: list[Range]) -> list[str]:
    """Sorted and disjoint; RAM as it must be; of the rest everything that is not RAM of the running kernel."""
    places = of(plan["memory_map"])
    wrong = disjoint("memory map", places)
    by_kind: dict[str, list[Range]] = {}
    for place, area in zip(places, plan["memory_map"]):
        by_kind.setdefault(area["kind"], []).append(place)
    wrong += differ("RAM in the map", by_kind.pop("RAM", []), ram)
    all_ram = lines_of(iomem, is_ram)
    rest = [r for ranges in by_kind.values() for r in ranges]
    kinds = set(KINDS) - ({"soft reserved"} if plan["panic"] else set())  # RAM of the crashed system
    special = lines_of(iomem, lambda name: any(name in KINDS[kind] for kind in kinds))
    wrong += differ("what is not RAM in the map", rest, minus(special, all_ram))
    for kind, ranges in by_kind.items():
        own = lines_of(iomem, lambda name, kind=kind: name in KINDS.get(kind, ()))
        if minus(ranges, own):
            wrong.append(f"{kind} in the map: {show(minus(ranges, own))} is something else")
    return wrong


def judge_header(plan: Json, iomem: str, crash: list[Range]) -> list[str]:
    """All RAM in one linear map, but the first MiB and the reservation; the kernel's text besides."""
    loads = [h for h in plan["core_header"] if h["type"] == "PT_LOAD"]
    text = [h for h in loads if int(h["vaddr"], 16) >= TEXT]
    linear = [h for h in loads if int(h["vaddr"], 16) < TEXT]
    places = [(int(h["paddr"], 16), int(h["paddr"], 16) + int(h["size"], 16)) for h in linear]
    ram = lines_of(iomem, is_ram)
    want = minus(ram, [(0, MIB), *crash])
    wrong = disjoint("PT_LOADs", places)
    wrong += differ("PT_LOADs", places, want)
    offsets = {int(h["vaddr"], 16) - int(h["paddr"], 16) for h in linear}
    if len(offsets) != 1:
        wrong.append(f"the linear map begins at {sorted(map(hex, offsets))}")
    code = lines_of(iomem, lambda name: name.startswith("Kernel "))
    span = [(int(h["paddr"], 16), int(h["paddr"], 16) + int(h["size"], 16)) for h in text]
    if len(span) != 1 or minus(code, span):
        wrong.append(f"the kernel's text is {show(span)}, not around {show(code)}")
    return wrong


def judge(plan: Json, iomem: str, init_size: int, initrd: int) -> list[str]:
    """What is wrong with a plan that has segments."""
    ram = lines_of(iomem, lambda name: name == "System RAM")
    crash = lines_of(iomem, lambda name: name == "Crash kernel")
    if not plan["panic"]:
        wrong = judge_segments(plan, minus(ram, [(0, MIB), *crash]), init_size, initrd)
        return wrong + judge_map(plan, iomem, ram)
    wrong = differ("regions", of(plan["regions"]), crash)
    wrong += judge_segments(plan, crash[-1:], init_size, initrd)
    header = [(int(s["start"], 16), int(s["start"], 16) + s["memory_bytes"])
              for s in plan["segments"] if s["name"] == "core header"]
    if len(header) != 1:
        return [*wrong, "not one core header"]
    visible = minus(inside(ram, (0, MIB)) + crash, header)
    return wrong + judge_map(plan, iomem, visible) + judge_header(plan, iomem, crash)
