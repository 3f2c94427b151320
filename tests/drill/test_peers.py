# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/peers.md: all that it names is there, and what it says is drilled can be."""

import re
from collections.abc import Iterator
from pathlib import Path

from lab.errors import LabError
from lab.paths import ROOT
from lab.scenario import load_scenario

PAGE = ROOT / "docs" / "peers.md"
RUN = re.compile(r"([a-z0-9-]+)(?:@([a-z0-9-]+))?((?:\+[a-z0-9-]+)*)")
SPAN = re.compile(r"`([^`]+)`")
NOT_NAMES = ("lifeboat start", "--compare")
LEAST = {"kdump-utils: shellspec, tmt, kernel-tests": 15, "kola": 7, "kdump-test": 35, "LTP": 9, "LISA": 6, "op-test": 20,
         "openQA, Debian's autopkgtest, cockpit": 9, "What none of them has": 25}
REASON_CHARS = 20


def rows() -> Iterator[tuple[str, str, str]]:
    """Each row: the suite, their name, what is said of it."""
    suite = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            suite = line.removeprefix("## ")
        elif line.startswith("| ") and suite:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == 2, f"not two cells: {line}"
            if cells[0] not in ("theirs", "what"):
                yield suite, cells[0], cells[1]


def wrong_with(name: str) -> str:
    """Why a name in code stands for nothing."""
    if "/" in name:
        return "" if (ROOT / name).is_file() else "no such file"
    found = RUN.fullmatch(name)
    if not found:
        return "neither a file nor a run"
    over = [f"targets/{found[2]}"] if found[2] else []
    over += [f"faults/{fault}" for fault in found[3].split("+")[1:]]
    try:
        load_scenario(found[1], over)
    except LabError as err:
        return str(err)[:80]
    return ""


def test_what_is_named_is_there(_: Path) -> None:
    """Scenarios with what is laid over them, and files."""
    wrong = []
    for suite, theirs, ours in rows():
        names = [name for name in SPAN.findall(ours) if name not in NOT_NAMES]
        if not names and not ours.startswith("no: "):
            wrong.append(f"{suite}, {theirs}: neither a name nor a reason")
        wrong += [f"{suite}, {theirs}: {name}: {why}" for name in names if (why := wrong_with(name))]
    assert not wrong, "; ".join(wrong)


def test_reasons_are_told(_: Path) -> None:
    """Where it says no, it says why."""
    for suite, theirs, ours in rows():
        if "no: " in ours:
            assert len(ours.partition("no: ")[2]) >= REASON_CHARS, f"{suite}, {theirs}: no reason"


def test_no_suite_is_forgotten(_: Path) -> None:
    """Rows may become more, and each name stands once in its suite."""
    found: dict[str, list[str]] = {}
    for suite, theirs, _ours in rows():
        found.setdefault(suite, []).append(theirs)
    assert found.keys() == LEAST.keys(), f"{list(found)}"
    for suite, names in found.items():
        assert len(names) == len(set(names)), f"{suite}: a name twice"
        assert len(names) >= LEAST[suite], f"{suite}: {len(names)} rows"
