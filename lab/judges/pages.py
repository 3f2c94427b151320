# SPDX-License-Identifier: GPL-2.0-or-later
"""Page data and sets of page frames, judged by lab-judge (lab/judge.c): libkdumpfile's view."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import LabError
from ..paths import program
from ..proc import run

JUDGE_SECONDS = 120


@dataclass(frozen=True)
class Verdict:
    """What lab-judge said about one dump; a text is empty if nothing is wrong."""

    pages: int  # that the dump says it has
    compared: int
    lost: int  # named and not there, in a dump that says it is incomplete
    incomplete: bool
    same_notes: bool | None  # None if an operand has a reader that does not tell
    wrong_bytes: str
    missing: str  # page frames that the peer has
    extra: str

    @property
    def wrong(self) -> str:
        """Everything that is wrong with a dump that has to be whole."""
        parts = [self.wrong_bytes, self.missing, self.extra]
        parts.append(f"{self.lost} pages are lost" if self.lost else "")
        parts.append("it says that it is incomplete" if self.incomplete else "")
        return "; ".join(part for part in parts if part)


def counted(said: dict[str, Any], name: str, meaning: str) -> str:
    """How many pages are so, and the first page frames; empty if none is."""
    count, first = said[name]["count"], said[name]["first"]
    listed = ", ".join(f"{pfn:#x}" for pfn in first) + (", …" if count > len(first) else "")
    return f"{count} of {said['pages']} pages {meaning}: {listed}" if count else ""


def compare(dump: str, source: str, peer: str = "") -> Verdict:
    """Judge a dump; operands are READER:FILE. Its page frames have to be the peer's."""
    operands = [dump, source, *([peer] if peer else [])]
    done = run([program("lab-judge"), *operands], seconds=JUDGE_SECONDS)
    try:
        said = json.loads(done.stdout)
        wrong = [counted(said, "different", "differ from the source")]
        wrong.append(counted(said, "unreadable", f"cannot be read ({said['why']})"))
        if not said["compared"] and not said["incomplete"]:
            wrong.append("no page could be compared")
        return Verdict(
            pages=said["pages"],
            compared=said["compared"],
            lost=said["lost"],
            incomplete=said["incomplete"],
            same_notes=said.get("same_notes"),
            wrong_bytes="; ".join(part for part in wrong if part),
            missing=counted(said, "missing", f"fewer than {Path(peer or source).name} has"),
            extra=counted(said, "extra", f"more than {Path(peer or source).name} has"),
        )
    except (ValueError, KeyError) as err:
        raise LabError(f"lab-judge said {done.stdout!r}: {err!r}") from err
