# SPDX-License-Identifier: GPL-2.0-or-later
"""A drill as JUnit XML, for CI servers: a testsuite for each tag, a testcase for each run, the console's end as its output."""

import re
import xml.etree.ElementTree as xml
from collections.abc import Iterable
from pathlib import Path

from .result import FAILED, SKIPPED, Drill, Result

CONSOLE_BYTES = 16 << 10
# What XML 1.0 has no way to say ("Characters", 2.2), and what would change how a text looks: guests print anything.
NOT_XML = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def harmless(text: str) -> str:
    """Text that any XML parser takes; its markup is escaped when it is written."""
    return NOT_XML.sub("\ufffd", text)


def end_of_console(result: Result, out: Path) -> str:
    """What the guest said last."""
    if not result.console:
        return ""
    try:
        with open(out / result.console, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - CONSOLE_BYTES))
            text = file.read(CONSOLE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    return text if size <= CONSOLE_BYTES else text.partition("\n")[2]


def group(result: Result) -> str:
    """The suite of a run: its first tag, or its scenario's family."""
    return result.tags[0] if result.tags else result.scenario.partition("-")[0]


def properties(result: Result) -> dict[str, str]:
    """What a run was, and what it measured."""
    found = {
        "scenario": result.scenario,
        "target": result.target,
        "faults": "+".join(result.faults),
        "kernel": result.kernel,
        "kernel_source": result.kernel_source,
        "crashkernel": result.crashkernel,
        "accelerator": result.accelerator,
        "title": result.title,
        "dump_bytes": "" if result.dump_bytes is None else str(result.dump_bytes),
    }
    found |= {f"seconds_{name}": str(seconds) for name, seconds in result.timeline.items()}
    found |= {f"memory_{name}": str(size) for name, size in result.memory.items()}
    return {name: value for name, value in found.items() if value}


def add_case(suite: xml.Element, result: Result, out: Path) -> None:
    """One run."""
    name = {"name": harmless(result.id), "classname": f"lifeboat.{harmless(group(result))}", "time": f"{result.seconds:.3f}"}
    case = xml.SubElement(suite, "testcase", name)
    table = xml.SubElement(case, "properties")
    for key, value in properties(result).items():
        xml.SubElement(table, "property", {"name": key, "value": harmless(value)})
    first = harmless(result.why.strip().partition("\n")[0])
    if result.verdict == SKIPPED:
        xml.SubElement(case, "skipped", {"message": first})
    elif result.verdict == FAILED:
        wrong = [f"{check.name}: {check.text}" for check in result.checks if check.verdict == FAILED] or [result.why]
        failure = xml.SubElement(case, "failure", {"message": first, "type": wrong[0].partition(":")[0]})
        failure.text = harmless("\n".join(wrong))
    if text := end_of_console(result, out):
        xml.SubElement(case, "system-out").text = harmless(text)


def counts(several: Iterable[Result]) -> dict[str, str]:
    """The attributes that sum up."""
    several = list(several)
    failed, skipped = (sum(one.verdict == verdict for one in several) for verdict in (FAILED, SKIPPED))
    seconds = sum(one.seconds for one in several)
    return {"tests": str(len(several)), "failures": str(failed), "errors": "0", "skipped": str(skipped), "time": f"{seconds:.3f}"}


def tell(drill: Drill, out: Path) -> str:
    """All of it; `out` is where the drill's files are."""
    top = xml.Element("testsuites", {"name": "lifeboat drill", **counts(drill.results)})
    groups: dict[str, list[Result]] = {}
    for one in drill.results:
        groups.setdefault(group(one), []).append(one)
    for name, several in groups.items():
        attributes = {"name": harmless(name), "timestamp": harmless(drill.started.rstrip("Z")), **counts(several)}
        suite = xml.SubElement(top, "testsuite", attributes)
        for one in several:
            add_case(suite, one, out)
    xml.indent(top, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(top, encoding="unicode") + "\n"
