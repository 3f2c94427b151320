# SPDX-License-Identifier: GPL-2.0-or-later
"""What our first-look commands and the report say of a dump: their JSON, in the form of witnesses.py."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import LabError
from ..paths import program
from ..proc import run
from .witnesses import Frame, Seen, Witness, by_key

SECONDS = 60


def ask(*words: str | Path) -> dict[str, Any]:
    """One command with --json."""
    text = run([program("lifeboat"), *words, "--json"], seconds=SECONDS).stdout
    try:
        said = json.loads(text)
    except ValueError as err:
        raise LabError(f"{' '.join(map(str, words))}: no JSON: {err}: {text[:300]!r}") from err
    assert isinstance(said, dict)
    return said


@dataclass(frozen=True)
class Stack:
    """What goes with the frames of a stack."""

    error: str
    whole: bool
    user: bool
    panicked: bool
    registers: dict[str, int]  # at its beginning; none: not told


def frame_of(said: dict[str, Any]) -> Frame:
    """One frame."""
    pc, name = int(said["pc"], 16), said["function"] or ""
    return Frame(pc, name, said["interrupted"], said["reliable"], int(said["sp"], 16))


def stacks(dump: Path, *words: str) -> list[tuple[Seen, Stack]]:
    """bt in one of its forms: idle tasks, too."""
    found = []
    for one in ask("bt", *words, "--registers", dump)["stacks"]:
        frames = [frame_of(frame) for frame in one["frames"]]
        first = one["frames"][0].get("registers", {}) if frames else {}
        registers = {name: int(value, 16) for name, value in first.items()}
        cpu = one["cpu"] if one["cpu"] is not None else -1
        if one["pid"] is None:
            raise LabError(f"bt: a stack of CPU {cpu} without a task")
        task = int(one["task"], 16)
        seen = Seen(one["pid"], one["comm"], task, one["state"], one["tgid"], cpu=cpu,
                    on_cpu=one["on_cpu"], frames=frames)
        found.append((seen, Stack(one["error"] or "", one["whole"], one["user"], one["panicked"],
                                  registers)))
    return found


def tasks(dump: Path) -> tuple[Witness, int]:
    """ps with threads; and when the machine died, on the clock of `ran_ns`."""
    said = ask("ps", "--threads", dump)
    found = [
        Seen(one["pid"], one["comm"], int(one["task"], 16), one["state"], one["tgid"], one["ppid"],
             one["cpu"] if one["cpu"] is not None else -1, one["on_cpu"],
             ran_ns=one["ran_ns"] or 0)
        for one in said["tasks"]
    ]
    if said["cut"]:
        raise LabError(f"ps: the list was cut: {said}")
    return by_key(found), said["now_ns"] or 0


def symbols(dump: Path) -> list[tuple[int, str, str, str]]:
    """All of them: address, type, name, module."""
    return [
        (int(one["address"], 16), one["type"], one["name"], one["module"] or "")
        for one in ask("sym", dump)["symbols"]
    ]


def log(dump: Path, words: Sequence[str] = ()) -> str:
    """The kernel's log as text."""
    return run([program("lifeboat"), "dmesg", *words, dump], seconds=SECONDS).stdout
