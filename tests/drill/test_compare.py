# SPDX-License-Identifier: GPL-2.0-or-later
"""Two drills."""

from dataclasses import replace
from pathlib import Path

from lab.drill import result as results
from lab.drill.compare import compare, tell
from lab.errors import LabError

from .fakes import TIMELINE, drill, failed, result, skipped

MIB = 1 << 20


def worse(old: results.Result, new: results.Result, threshold: float = 25) -> list[str]:
    """What has become worse of one run."""
    return [change.what for change in compare(drill(old), drill(new), threshold).regressions]


def later(**moments: float) -> dict[str, float]:
    """The timeline with some moments so much later."""
    return {name: seconds + moments.get(name.replace("-", "_"), 0) for name, seconds in TIMELINE.items()}


def test_same(folder: Path) -> None:
    same = compare(drill(result("a"), failed("b", "x: y")), drill(result("a"), failed("b", "x: y")))
    assert not same.regressions and not same.better and same.compared == 2 and not same.notes
    assert tell(same) == "2 runs compared: 0 worse, 0 better, 0 new, 0 gone"


def test_verdicts(folder: Path) -> None:
    wrong = failed("a", "fidelity-pages: page 0x1234 differs")
    assert worse(result("a"), wrong) == ["verdict"]
    assert worse(result("a"), skipped("a", "no memory")) == ["verdict"]
    assert worse(skipped("a", "no memory"), wrong) == ["verdict"]
    mended = compare(drill(wrong), drill(result("a")))
    assert not mended.regressions and [change.what for change in mended.better] == ["verdict"]
    text = tell(compare(drill(result("a")), drill(wrong)))
    assert "WORSE  a: verdict: passed -> failed: fidelity-pages: page 0x1234 differs" in text, text
    other = compare(drill(wrong), drill(failed("a", "record-time: no")))
    assert not other.regressions and "another reason" in other.notes[0]


def test_times(folder: Path) -> None:
    """Each moment is told by itself, and what a busy machine does is no regression."""
    assert worse(result("a"), result("a", timeline=later(capture=1.9, first_byte=1.9, durable=1.9, end=1.9))) == []
    assert worse(result("a"), result("a", timeline=later(durable=2.5, end=2.5))) == ["panic to durable", "panic to end"]
    assert worse(result("a"), result("a", timeline=later(capture=3))) == ["panic to capture"]
    assert worse(result("a"), result("a", timeline=later(first_byte=3))) == ["panic to first-byte"]
    # 30 s more of 200 are less than a quarter
    slow = {**TIMELINE, "end": 213.0}
    assert worse(result("a", timeline=slow), result("a", timeline={**slow, "end": 243.0})) == []
    assert worse(result("a", timeline=slow), result("a", timeline={**slow, "end": 243.0}), 10) == ["panic to end"]
    # the boot before the panic is not what is measured
    assert worse(result("a"), result("a", timeline={name: 50 + seconds for name, seconds in TIMELINE.items()})) == []


def test_better(folder: Path) -> None:
    found = compare(drill(result("a")), drill(result("a", timeline=later(end=-5), dump_bytes=10 * MIB)))
    assert not found.regressions and [change.what for change in found.better] == ["panic to end", "dump"]


def test_moment_gone(folder: Path) -> None:
    gone = {name: seconds for name, seconds in TIMELINE.items() if name != "durable"}
    found = compare(drill(result("a")), drill(result("a", timeline=gone)))
    assert [(change.what, change.old, change.new) for change in found.regressions] == [("panic to durable", 7.0, None)]
    assert "7.0 s -> nothing" in tell(found)
    assert worse(result("a", timeline=gone), result("a")) == []  # it is measured now


def test_memory_and_sizes(folder: Path) -> None:
    assert worse(result("a"), result("a", memory={"peak": 70 * MIB})) == ["memory peak"]
    assert worse(result("a"), result("a", memory={"peak": 60 * MIB})) == []
    assert worse(result("a"), result("a", memory={"peak": 60 * MIB}), 5) == ["memory peak"]
    assert worse(result("a"), result("a", memory={})) == ["memory peak"]
    assert worse(result("a"), result("a", dump_bytes=40 * MIB)) == ["dump"]
    assert worse(result("a"), result("a", image_bytes=1400 << 10)) == ["image"]


def test_accelerators(folder: Path) -> None:
    """KVM and TCG are not to be compared by the clock; memory is."""
    slow = result("a", accelerator="tcg", timeline=later(end=100), memory={"peak": 90 * MIB})
    found = compare(drill(result("a", accelerator="kvm")), drill(slow))
    assert [change.what for change in found.regressions] == ["memory peak"] and "times are not compared" in found.notes[0]


def test_of_failed_runs(folder: Path) -> None:
    """A run that failed ended where it failed: that it was quick then is nothing better."""
    found = compare(drill(failed("a", "x: y")), drill(failed("a", "x: y", timeline=later(end=100))))
    assert not found.regressions and not found.better


def test_new_and_gone(folder: Path) -> None:
    found = compare(drill(result("a"), result("b")), drill(result("b"), result("c")))
    assert (found.added, found.gone, found.compared) == (["c"], ["a"], 1) and not found.regressions
    assert tell(found).splitlines()[:2] == ["new    c", "gone   a"]


def test_hostile_text(folder: Path) -> None:
    """A guest's words do not move the cursor."""
    text = tell(compare(drill(result("a")), drill(failed("a", "log: \x1b[2J\u202e gone\nmore"))))
    assert "\x1b" not in text and "\u202e" not in text and "more" not in text


def test_files(folder: Path) -> None:
    """What is written is read again; what is something else is said to be that."""
    path = folder / "results.json"
    one = drill(failed("a", "x: y"), result("b"), skipped("c", "why"))
    results.write(one, path)
    assert results.read(path) == one
    for text in ("", "{}", "[]", '{"schema": "other-1"}', path.read_text()[:-20], "null", '"x"'):
        path.write_text(text)
        try:
            results.read(path)
        except LabError as err:
            assert str(path) in str(err)
        else:
            raise AssertionError(f"read: {text[:40]!r}")


def test_machines(folder: Path) -> None:
    other = replace(drill(result("a")), machine={"cpus": 64})
    assert "different machines" in compare(drill(result("a")), other).notes[0]
