# SPDX-License-Identifier: GPL-2.0-or-later
"""What a filter that did not come to its end has left, and whether that is honest.

It may leave nothing. A file that it leaves is either whole, or it says that it is incomplete, opens
in our reader, and has all notes and only right pages. Nothing else: a file that cannot be opened is
forgiven only to a filter that was killed while it wrote the headers, and only under the name
OUT.incomplete.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from lab.errors import LabError
from lab.judges.pages import compare
from lab.kdump import AT_BITMAP_BLOCKS, AT_BLOCK_SIZE, AT_SUB_SIZE, PAGE_DESC, SIGNATURE
from lab.kdump import Kdump, PageDesc, set_bits

OLD = b"a dump of yesterday\n"


class State(Enum):
    """What is there."""

    NOTHING = "nothing"
    CUT = "an incomplete dump"
    UNREADABLE = "a file that is no dump yet"
    WHOLE = "a whole dump"


@dataclass(frozen=True)
class Remains:
    """One finding; `wrong` is empty if it is honest."""

    state: State
    path: Path | None = None
    pages: int = 0  # with data
    wrong: str = ""


def incomplete_name(out: Path) -> Path:
    """The name while it is not whole."""
    return out.with_name(out.name + ".incomplete")


def clear(out: Path) -> None:
    """Take both names away."""
    out.unlink(missing_ok=True)
    incomplete_name(out).unlink(missing_ok=True)


def headers_are_whole(path: Path) -> bool:
    """Does the file reach to where its header says that the descriptors begin?"""
    with open(path, "rb") as file:
        head = file.read(4096)
    if not head.startswith(SIGNATURE) or len(head) < 4096:
        return False
    fields = [int.from_bytes(head[at : at + 4], "little") for at in (AT_SUB_SIZE, AT_BITMAP_BLOCKS)]
    block = int.from_bytes(head[AT_BLOCK_SIZE : AT_BLOCK_SIZE + 4], "little")
    return path.stat().st_size >= block * (1 + sum(fields))


def half_written(path: Path) -> list[int]:
    """Pages whose descriptor has an offset and no size: crash shows another page's bytes for them."""
    dump = Kdump(path)
    found = []
    at = dump.descs_at
    for pfn in set_bits(dump.dumped):
        if at + PAGE_DESC.size > len(dump.map):
            break
        desc = PageDesc(*PAGE_DESC.unpack_from(dump.map, at))
        if desc.offset and not desc.size:
            found.append(pfn)
        at += PAGE_DESC.size
    return found


def look_at(path: Path, source: Path, whole: Path, killed: bool) -> Remains:
    """One file."""
    try:
        verdict = compare(f"lifeboat:{path}", f"lifeboat:{source}", f"lifeboat:{whole}")
    except LabError as err:
        early = killed and path.name.endswith(".incomplete") and not headers_are_whole(path)
        why = "" if early else f"{path.name}, {path.stat().st_size} bytes, does not open: {err}"
        return Remains(State.UNREADABLE, path, 0, why)
    wrong = [verdict.wrong_bytes, verdict.extra]
    wrong.append("" if verdict.same_notes else "its notes are not the source's")
    if verdict.incomplete:
        state = State.CUT
        # who is killed in the middle of a write cannot help it
        if not killed and headers_are_whole(path) and (half := half_written(path)):
            wrong.append(f"half of a page descriptor was left for page frame {half[0]:#x}")
    else:
        state = State.WHOLE
        wrong.append(verdict.missing)
    told = "; ".join(part for part in wrong if part)
    says = "says that it is incomplete" if verdict.incomplete else "claims to be whole"
    why = f"{path.name} {says}, but {told}" if told else ""
    return Remains(state, path, verdict.compared, why)


def find(out: Path, source: Path, whole: Path, status: int) -> Remains:
    """Judge what a run with this exit status (minus the signal) has left in place of `out`."""
    partial = incomplete_name(out)
    there = [path for path in (out, partial) if path.exists()]
    if out in there and out.read_bytes()[: len(OLD) + 1] == OLD:
        there.remove(out)  # the old file, which stays until the new one is whole
    if len(there) == 2:
        return Remains(State.NOTHING, wrong=f"both {out.name} and {partial.name} are there")
    if there:
        found = look_at(there[0], source, whole, killed=status == -9)
    else:
        found = Remains(State.NOTHING)
    if status == 0 and not found.wrong and (found.state != State.WHOLE or found.path != out):
        where = f"{found.state.value} in {found.path and found.path.name}"
        return Remains(found.state, found.path, wrong=f"the exit status is 0, but there is {where}")
    return found
