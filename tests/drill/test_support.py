# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/support-matrix.md: of results alone, and of nothing that was written by hand."""

import json
import re
import subprocess
import sys
from pathlib import Path

from lab.drill import result as results
from lab.drill import support
from lab.paths import ROOT

from .fakes import drill, failed, result, skipped

JSON, MARKDOWN = ROOT / "docs/support-matrix.json", ROOT / "docs/support-matrix.md"


def test_as_it_is_made(folder: Path) -> None:
    """The file in the tree is what comes of the results in the tree."""
    made = support.matrix(support.read_any(JSON))
    assert MARKDOWN.read_text(encoding="utf-8") == made, "docs/support-matrix.md is not what docs/support-matrix.json makes"
    assert support.as_json(support.newest(support.read_any(JSON))) == JSON.read_text(encoding="utf-8"), "docs/support-matrix.json"


def cells(page: str, name: str) -> list[str]:
    """The places of a row."""
    line = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
    return [word.strip() for word in line.strip("| ").split(" | ")]


def test_places(folder: Path) -> None:
    """A run is in its kernel's column, one that failed says by what, and one that was not made is no success."""
    other = "6.12.95+deb12-cloud-amd64"
    runs = [result("sysrq", loaded_by="kexec_load"), result("sysrq,new", kernel=other, scenario="sysrq"),
            failed("oops", "fidelity-pages: page 0x12 differs\nmore"), skipped("huge", "it needs 65536 MiB of memory"),
            result("sysrq@nfs", target="nfs", loaded_by="kexec_file_load"), failed("sysrq@ssh", "drill: it did not end", target="ssh"),
            result("sysrq+dead", faults=["dead"])]
    page = support.matrix([support.keep(drill(*runs))])
    assert cells(page, "sysrq")[2:] == ["passes: `sysrq`", "passes: `sysrq,new`"], page
    assert cells(page, "oops")[2] == "**fails** `oops` (fidelity-pages)" and "0x12" not in page
    assert cells(page, "nfs")[2] == "passes: `sysrq@nfs`" and cells(page, "ssh")[2].startswith("**fails**")
    assert cells(page, "dead")[2] == "passes: `sysrq+dead`"
    kernel = cells(page, "6.1.0-56-cloud-amd64")
    assert kernel[3].startswith("**fails** 2 of 5:") and kernel[4:] == ["passes: `sysrq`", "passes: `sysrq@nfs`"], kernel
    assert "not run" in cells(page, "huge")[2] if len(cells(page, "huge")) > 2 else "| `huge` | it needs 65536 MiB of memory |" in page


def test_later_drills(folder: Path) -> None:
    """A later run of the same name and kernel counts, whatever the order of the files; others stay."""
    old = support.keep(drill(result("a"), failed("b", "x: y")))
    new = support.Kept("2026-12-01T00:00:00Z", "0.2.0", {}, support.keep(drill(failed("a", "z: y"))).runs)
    for drills in ([old, new], [new, old]):
        page = support.matrix(drills)
        assert "**fails** `a` (z)" in page and "**fails** `b` (x)" in page and "passes: `a`" not in page, page


def test_hostile(folder: Path) -> None:
    """No text leaves its place in a table, and no path of a user's gets into it."""
    text = "a|b`c\n# d\x1b[31m<img src=x>\u202e[x](y)"
    page = support.matrix([support.keep(drill(result(text, about=text, scenario=text, kernel_source="/home/joe/vmlinux"),
                                              skipped(text + "2", text)))])
    for part in page.split("\n\n"):
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in part.splitlines() if line.startswith("|")}
        assert len(bars) <= 1, part
    outside = re.sub(r"`[^`]*`", "", re.sub(r"\\.", "", page))
    assert not re.search(r"[<\[]", outside), outside
    assert "\x1b" not in page and "\u202e" not in page and "\n# d" not in page and "joe" not in page


def test_program(folder: Path) -> None:
    """What it keeps makes the same page again; what is neither kind of file is refused."""
    results.write(drill(result("a"), result("b@nfs", target="nfs")), folder / "results.json")
    argv = [sys.executable, "-m", "lab.drill.support"]
    made = subprocess.run([*argv, "--keep", folder / "kept.json", folder / "results.json"], cwd=ROOT, capture_output=True, text=True,
                          timeout=60, check=True).stdout
    again = subprocess.run([*argv, folder / "kept.json"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert made == again and "`b@nfs`" in made
    (folder / "other.json").write_text(json.dumps({"schema": "other"}), encoding="utf-8")
    wrong = subprocess.run([*argv, folder / "other.json"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert wrong.returncode == 1 and not wrong.stdout and "other.json: its schema is 'other'" in wrong.stderr
