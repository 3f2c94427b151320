# SPDX-License-Identifier: GPL-2.0-or-later
"""Two drills: what has become slower, larger or wrong. Runs are matched by their ids."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from .result import FAILED, PASSED, Drill, Result
from .text import between, first_line, plain, short

SCHEMA = "lifeboat-drill-compare-1"
THRESHOLD = 25.0  # percent that a value may grow
MIB = 1 << 20
# What is measured from the panic on, by what it is called; a machine that is busy is slower than that by chance.
SPANS = ("capture", "first-byte", "durable", "end")
NOISE_SECONDS = 2.0
# Sizes, and what they differ by from one run to the next.
NOISE_BYTES = {"memory peak": MIB, "dump": MIB, "image": 16 << 10}


@dataclass(frozen=True)
class Change:
    """One value that is another one now."""

    id: str
    what: str  # "verdict", "panic to durable", "memory peak" …
    old: str | float | None
    new: str | float | None
    unit: str = ""  # "s", "bytes"; empty: words
    why: str = ""  # the run's own words


@dataclass
class Comparison:
    """What two drills differ in."""

    compared: int = 0
    threshold: float = THRESHOLD
    regressions: list[Change] = field(default_factory=list)
    better: list[Change] = field(default_factory=list)
    added: list[str] = field(default_factory=list)  # runs that only the newer one has
    gone: list[str] = field(default_factory=list)  # only the older one
    notes: list[str] = field(default_factory=list)  # why some values could not be compared


def values(result: Result) -> dict[str, tuple[float | None, str, float]]:
    """What is measured of a run: its value, unit and noise."""
    found: dict[str, tuple[float | None, str, float]] = {}
    for name in SPANS:
        found[f"panic to {name}"] = (between(result, "panic", name), "s", NOISE_SECONDS)
    sizes = {"memory peak": result.memory.get("peak"), "dump": result.dump_bytes, "image": result.image_bytes}
    return found | {name: (size, "bytes", NOISE_BYTES[name]) for name, size in sizes.items()}


def changes(old: Result, new: Result, threshold: float) -> Iterator[tuple[bool, Change]]:
    """Whether each change is for the worse, and the change. All values are better when they are smaller."""
    before, now = values(old), values(new)
    for name, (was, unit, noise) in before.items():
        is_now = now[name][0]
        if unit == "s" and old.accelerator != new.accelerator:
            continue
        if was is None:
            continue
        if is_now is None:
            yield True, Change(new.id, name, was, None, unit)
        elif abs(is_now - was) > max(noise, was * threshold / 100):
            yield is_now > was, Change(new.id, name, round(was, 3), round(is_now, 3), unit)


def compare_runs(old: Result, new: Result, found: Comparison) -> None:
    """One run in both drills."""
    found.compared += 1
    if old.verdict != new.verdict:
        change = Change(new.id, "verdict", old.verdict, new.verdict, why=first_line(new.why))
        if new.verdict == PASSED:
            found.better.append(change)
        elif PASSED in (old.verdict, new.verdict) or new.verdict == FAILED:
            found.regressions.append(change)  # what is skipped is not shown to work any more
        else:
            found.notes.append(f"{new.id}: failed, is skipped now: {first_line(new.why)}")
    elif new.verdict == FAILED and first_line(old.why) != first_line(new.why):
        found.notes.append(f"{new.id}: fails, as it did, but for another reason: {first_line(new.why)}")
    if PASSED != old.verdict or PASSED != new.verdict:
        return  # of a run that failed somewhere times and sizes mean little
    if old.accelerator != new.accelerator:
        found.notes.append(f"{new.id}: {old.accelerator} then, {new.accelerator} now: times are not compared")
    if old.kernel != new.kernel:
        found.notes.append(f"{new.id}: kernel {old.kernel} then, {new.kernel} now")
    for worse, change in changes(old, new, found.threshold):
        (found.regressions if worse else found.better).append(change)


def compare(old: Drill, new: Drill, threshold: float = THRESHOLD) -> Comparison:
    """All of both."""
    found = Comparison(threshold=threshold)
    before = {one.id: one for one in old.results}
    now = {one.id: one for one in new.results}
    found.added = [name for name in now if name not in before]
    found.gone = [name for name in before if name not in now]
    for name, result in now.items():
        if name in before:
            compare_runs(before[name], result, found)
    if old.machine != new.machine:
        found.notes.append("the two were made on different machines, or under another kernel or QEMU")
    return found


def as_json(found: Comparison, tool: str, old: str, new: str) -> dict[str, Any]:
    """For programs; `tool` is the program and its version."""
    return {"schema": SCHEMA, "tool": tool, "old": old, "new": new, **asdict(found)}


def value(change: Change, one: str | float | None) -> str:
    """One of a change's two values."""
    if one is None:
        return "nothing"
    if change.unit == "s":
        return f"{one:.1f} s"
    return f"{one / MIB:.2f} MiB" if isinstance(one, (int, float)) else one


def line(change: Change) -> str:
    """A change, for a person."""
    text = f"{change.id}: {change.what}: {value(change, change.old)} -> {value(change, change.new)}"
    if isinstance(change.old, (int, float)) and isinstance(change.new, (int, float)) and change.old:
        text += f" ({100 * (change.new - change.old) / change.old:+.0f} %)"
    return plain(text) + (f": {short(change.why)}" if change.why else "")


def tell(found: Comparison) -> str:
    """For a person; the last line is the sum."""
    lines = [f"WORSE  {line(change)}" for change in found.regressions]
    lines += [f"better {line(change)}" for change in found.better]
    lines += [f"new    {plain(name)}" for name in found.added]
    lines += [f"gone   {plain(name)}" for name in found.gone]
    lines += [f"note   {plain(note)}" for note in found.notes]
    counts = f"{len(found.regressions)} worse, {len(found.better)} better, {len(found.added)} new, {len(found.gone)} gone"
    return "\n".join([*lines, f"{found.compared} runs compared: {counts}"])
