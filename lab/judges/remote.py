# SPDX-License-Identifier: GPL-2.0-or-later
"""What lies on a server, as it lies there: names, modes, and whether SHA256SUMS is true of it.

That the content is whole or says that it is not, honest.py looks at, in the copy that lab/arrived.py has made.
"""

import json
import re
from pathlib import Path

from ..arrived import PART
from ..checks import Checks
from ..crash import CRASH_FOLDER, Folder
from ..disks import digest_of
from ..scenario import Server

NAMES = re.compile(r"(dmesg\.txt(\.age)?|crash\.json|vmcore(\.flat)?(\.age)?|SHA256SUMS)(\.parts|\.part-\d{5})?(\.incomplete)?|pinned|\.reserve")
LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)")
STORES = ("nfs", "ssh")  # servers whose files have a mode
FILES = 0o600
FOLDERS = 0o700


def wrong_with_sums(crash: Path) -> str:
    """A line of SHA256SUMS that is not true."""
    sums = crash / "SHA256SUMS"
    if not sums.exists():
        return ""
    for line in sums.read_text(encoding="utf-8").splitlines():
        found = LINE.fullmatch(line)
        if not found:
            return f"SHA256SUMS has a line {line!r}"
        path = crash / found.group(2)
        parts = sorted(one for one in crash.iterdir() if (p := PART.fullmatch(one.name)) and p.group(1) == path.name)
        if not path.is_file() and not parts:
            return f"SHA256SUMS names {path.name}, which is not there"
        if path.is_file() and digest_of(path) != found.group(1):
            return f"SHA256SUMS is not true of {path.name}"
    return ""


def wrong_with(crash: Path, with_modes: bool) -> str:
    """The first thing that is wrong with one crash's folder."""
    for path in crash.iterdir():
        if not NAMES.fullmatch(path.name):
            return f"it has {path.name}"
        mode = path.stat().st_mode & 0o777
        if with_modes and mode != FILES:
            return f"{path.name} has mode {mode:o}"
    mode = crash.stat().st_mode & 0o777
    if with_modes and mode != FOLDERS:
        return f"the folder has mode {mode:o}"
    return wrong_with_sums(crash)


def judge_faults(folder: Folder, server: Server, checks: Checks) -> None:
    """An object store failed as often as it was to, and no upload was left half done."""
    told = json.loads((folder.path / "world" / server.name / "told.json").read_text(encoding="utf-8"))
    for number, text in enumerate(server.options.get("faults", []), 1):
        match, times = re.search(r"match=([^,]+)", text), re.search(r"times=(\d+)", text)
        hits = [one for one in told["failed"] if match and match.group(1) in one[1]]
        good = len(hits) == int(times.group(1)) if times else bool(hits)
        checks.expect(f"fault-{server.name}-{number}", good, f"{text}: {len(hits)} times", f"{len(hits)} times")
    checks.expect(f"uploads-{server.name}", not told["unfinished"], f"left: {told['unfinished']}")


def judge(folder: Folder, name: str, with_modes: bool, checks: Checks) -> None:
    """All crashes of one server, or on a disk of what is encrypted."""
    top = folder.raw(name)
    crashes = [path for path in sorted(top.rglob("*")) if CRASH_FOLDER.fullmatch(path.name)]
    wrong = [f"{crash.name}: {why}" for crash in crashes if (why := wrong_with(crash, with_modes))]
    told = ", ".join(sorted({path.name for crash in crashes for path in crash.iterdir()}))
    checks.expect(f"as-arrived-{name}", not wrong, "; ".join(wrong), told or "nothing there")
