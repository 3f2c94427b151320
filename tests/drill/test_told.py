# SPDX-License-Identifier: GPL-2.0-or-later
"""A drill as text and as JUnit XML."""

import xml.etree.ElementTree as xml
from dataclasses import replace
from pathlib import Path

from lab.drill import junit, text
from lab.drill.result import FAILED, Check

from .fakes import drill, failed, result, skipped

HOSTILE = "]]><x>&\x00\x1b[31m\x07\ud800\ufffe\u202eé\n"


def test_table(folder: Path) -> None:
    told = text.tell(drill(result("a"), failed("b@nfs", "fidelity-pages: page 0x1f2 differs", console="b/console.log"),
                           skipped("c", "it needs 20480 MiB of memory")))
    lines = told.splitlines()
    assert lines[0].split() == ["verdict", "run", "took", "dump", "safe", "memory", "dump"], lines[0]
    assert lines[1].split() == ["passed", "a", "30", "s", "7.0", "s", "55.0", "MiB", "22.0", "MiB"], lines[1]
    assert lines[3].split() == ["skipped", "c", "-", "-", "-", "-"]
    assert "FAILED b@nfs: fidelity-pages: page 0x1f2 differs" in lines and "    console: b/console.log" in lines
    assert "skipped c: it needs 20480 MiB of memory" in lines
    assert lines[-1] == "1 passed, 1 failed, 1 skipped"


def test_all_that_failed(folder: Path) -> None:
    """Not only what failed first is told, and each only by its first line."""
    checks = [Check("x", FAILED, "one\n   console"), Check("y", FAILED, "two")]
    told = text.tell(drill(replace(failed("a", "x: one\n   console"), checks=checks)))
    assert "FAILED a: x: one" in told and "    y: two" in told and "   console" not in told


def test_few(folder: Path) -> None:
    """Of few runs all is told, of many a line each."""
    one = result("a", title="Kernel panic", report="a/report.html")
    told = text.tell(drill(one), "/out").splitlines()
    assert "    /out/a/report.html" in told and "    the dump's report: Kernel panic" in told
    assert "    the capture used 55.0 MiB of 80.0 MiB" in told
    (course,) = (line for line in told if "after the panic" in line)
    assert course.split(": ")[1] == ("4.0 s until the capture kernel is up, 5.0 s until it writes, 7.0 s until the dump is safe, "
                                     "8.0 s until the machine restarts")
    assert len(text.tell(drill(*[replace(one, id=str(number)) for number in range(9)])).splitlines()) == 13


def test_nothing(folder: Path) -> None:
    assert text.tell(drill()).splitlines()[-1] == "0 passed, 0 failed, 0 skipped"


def test_hostile_text(folder: Path) -> None:
    told = text.tell(drill(failed("a", f"log: {HOSTILE * 200}")))
    assert not {"\x00", "\x1b", "\x07", "\u202e"} & set(told) and len(told) < 2000
    told.encode("utf-8")  # what cannot be printed would end the command


def test_spans(folder: Path) -> None:
    assert [text.span(seconds) for seconds in (5, 89, 170, 7500)] == ["5 s", "89 s", "3 min", "2 h 05 min"]


def test_junit(folder: Path) -> None:
    (folder / "b").mkdir()
    (folder / "b/console.log").write_text("first\n" + "x" * junit.CONSOLE_BYTES + "\nlast words\n")
    tagged = result("a", tags=["deaths", "oops"])
    wrong = failed("die-b", "fidelity-pages: page 0x1f2 differs\nmore of it", tags=["deaths"], console="b/console.log")
    top = xml.fromstring(junit.tell(drill(tagged, wrong, skipped("remote-c", "no memory")), folder))
    assert top.tag == "testsuites" and top.attrib["tests"] == "3" and top.attrib["failures"] == "1"
    assert [(suite.attrib["name"], suite.attrib["tests"]) for suite in top] == [("deaths", "2"), ("remote", "1")]
    good, bad, none = top.iter("testcase")
    assert good.find("failure") is None and good.attrib["time"] == "30.000"
    assert bad.find("failure").attrib["message"] == "fidelity-pages: page 0x1f2 differs"
    assert "more of it" in bad.find("failure").text
    assert bad.find("system-out").text.endswith("last words\n") and "first" not in bad.find("system-out").text
    assert none.find("skipped").attrib["message"] == "no memory"
    values = {one.attrib["name"]: one.attrib["value"] for one in good.iter("property")}
    assert values["seconds_durable"] == "20.0" and values["memory_peak"] == str(55 << 20) and values["kernel"]


def test_junit_hostile(folder: Path) -> None:
    """What guests print does not break the XML, nor end a test case."""
    (folder / "console.log").write_bytes(HOSTILE.encode("utf-8", "surrogatepass") + b"\xff\xfe]]>")
    hostile = failed("a" + HOSTILE, "x: " + HOSTILE, tags=[HOSTILE], title=HOSTILE, console="console.log")
    top = xml.fromstring(junit.tell(drill(hostile), folder).encode("utf-8"))
    (case,) = top.iter("testcase")
    assert "]]><x>&" in case.find("failure").text and "\x1b" not in case.find("system-out").text
    assert not list(top.iter("x"))


def test_junit_without_console(folder: Path) -> None:
    top = xml.fromstring(junit.tell(drill(result("a", console="gone/console.log")), folder))
    assert top.find(".//system-out") is None
