# SPDX-License-Identifier: GPL-2.0-or-later
"""A drill for a person: a line for each run, what failed, and the sum."""

from collections.abc import Sequence

from .result import FAILED, PASSED, SKIPPED, Drill, Result

MIB = 1 << 20
WORDS = {PASSED: "passed", FAILED: "FAILED", SKIPPED: "skipped"}
HEADS = ("verdict", "run", "took", "dump safe", "memory", "dump")
OF_A_CONFIG = ("changed-", "left-out-")  # what is said of a user's file: see lab/userconf.py
SHOWN_BYTES = 300  # of a reason
FEW = 3  # runs that are told of at length
COURSE = (  # moments, and what they are for people
    ("capture", "until the capture kernel is up"),
    ("first-byte", "until it writes"),
    ("durable", "until the dump is safe"),
    ("end", "until the machine restarts"),
)


def plain(text: str) -> str:
    """Without what a terminal would obey: guests have a say in these texts."""
    return "".join(one if one.isprintable() else "�" for one in text)


def plain_lines(text: str) -> str:
    """The same of several lines."""
    return "\n".join(map(plain, text.splitlines()))


def first_line(text: str) -> str:
    """What of a reason is enough for a table; a console that follows is in the other results."""
    lines = text.strip().splitlines()
    return lines[0] if lines else ""


def short(text: str) -> str:
    """The first line, harmless and not endless."""
    text = plain(first_line(text))
    return text if len(text) <= SHOWN_BYTES else text[: SHOWN_BYTES - 1] + "…"


def span(seconds: float) -> str:
    """A time for people: 40 s, 3 min, 2 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def mib(count: int | None) -> str:
    """Bytes as MiB."""
    return "-" if count is None else f"{count / MIB:.1f} MiB"


def between(result: Result, first: str, last: str) -> float | None:
    """Seconds from one moment to another, if there were both."""
    if first not in result.timeline or last not in result.timeline:
        return None
    return result.timeline[last] - result.timeline[first]


def row(result: Result) -> tuple[str, ...]:
    """One run's columns, like HEADS."""
    safe = between(result, "panic", "durable")
    took = "-" if result.verdict == SKIPPED else f"{result.seconds:.0f} s"
    numbers = (took, "-" if safe is None else f"{safe:.1f} s", mib(result.memory.get("peak")), mib(result.dump_bytes))
    return (WORDS[result.verdict], result.id, *numbers)


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns below their heads; numbers end at the right."""
    widths = [max(len(one[column]) for one in rows) for column in range(len(HEADS))]
    lines = []
    for one in rows:
        cells = [cell.ljust(width) if at < 2 else cell.rjust(width) for at, (cell, width) in enumerate(zip(one, widths))]
        lines.append("  ".join(cells).rstrip())
    return lines


def reasons(drill: Drill) -> list[str]:
    """Why runs failed or were skipped: each thing that failed, for it names the page, the frame or the file."""
    lines = []
    for one in drill.results:
        if one.verdict == SKIPPED:
            lines.append(f"skipped {plain(one.id)}: {short(one.why)}")
        elif one.verdict == FAILED:
            wrong = [check for check in one.checks if check.verdict == FAILED]
            lines.append(f"FAILED {plain(one.id)}: {short(one.why)}")
            lines += [f"    {plain(check.name)}: {short(check.text)}" for check in wrong[1:]]
            if one.console:
                lines.append(f"    console: {plain(one.console)}")
    return lines


def closing_line(drill: Drill) -> str:
    """The last line."""
    return f"{drill.count(PASSED)} passed, {drill.count(FAILED)} failed, {drill.count(SKIPPED)} skipped"


def course(result: Result) -> str:
    """What happened when, from the panic on."""
    found = [(words, between(result, "panic", name)) for name, words in COURSE]
    return ", ".join(f"{seconds:.1f} s {words}" for words, seconds in found if seconds is not None)


def details(result: Result, folder: str) -> list[str]:
    """One run, for somebody who has made only a few."""
    lines = [f"{plain(result.id)}: {plain(result.about)}"]
    lines.append(f"    kernel {plain(result.kernel)} ({plain(result.kernel_source)}), {result.accelerator or 'not run'}, "
                 f"{result.memory_mib} MiB, {result.cpus} CPU, crashkernel={plain(result.crashkernel)}")
    told = [check.text for check in result.checks if check.name.startswith(OF_A_CONFIG)]
    lines += [f"    {short(text)}" for text in told]
    if times := course(result):
        lines.append(f"    after the panic: {times}")
    if "peak" in result.memory and "reserved" in result.memory:
        lines.append(f"    the capture used {mib(result.memory['peak'])} of {mib(result.memory['reserved'])}")
    if result.title:
        lines.append(f"    the dump's report: {short(result.title)}")
    if result.report:
        lines.append(f"    {plain(folder)}/{plain(result.report)}")
    return lines


def tell(drill: Drill, folder: str = "") -> str:
    """All of it; `folder` is where its files are.

    `dump safe`: seconds from the panic until the dump was durable; `memory`: the most that the capture had in use.
    """
    lines = table([HEADS, *(tuple(map(plain, row(one))) for one in drill.results)]) if drill.results else []
    for one in drill.results if len(drill.results) <= FEW else []:
        if one.verdict != SKIPPED:
            lines += ["", *details(one, folder)]
    if told := reasons(drill):
        lines += ["", *told]
    return "\n".join([*lines, "", f"{span(drill.seconds)} in all", closing_line(drill)])
