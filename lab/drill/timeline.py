# SPDX-License-Identifier: GPL-2.0-or-later
"""What one run tells of itself, out of its folder: when what happened, memory, sizes, the crash's name, the dump's report.

The moments are lines of the console, by the host's clock, for nothing else there has one clock for both kernels. Which line
stands for which:

    up          "lab: up", by the lab's first process; a restart has none, and its second kernel's does not count
    loaded      "lab: armed"
    panic       the kernel's own line, see console.PANIC
    capture     the kernel that starts our first process, or that one's first words: with "quiet" the kernel says nothing
    first-byte  "begin done": the crash's folder or entry is there, and the next thing that is done is to write the log into it
    durable     "dump done": the step ends when the file was synced and has got its name (base/out.h). An entry of a raw
                partition counts only when it is sealed (capture/target.h), so there it is "seal done"
    end         the console's last line, written when it is closed; of a guest that crashes again, the last before it boots again

The last two of the capture are of one target: that which got the dump first, else that which got most. What a guest says can be
anything, and so none of this is for a judge.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import crashpart
from ..console import PANIC, Line
from ..crash import Console, Folder
from ..disks import GUARD_SECTORS, SECTOR, Image
from ..errors import LabError
from ..judges.record import read_record
from ..paths import program
from ..proc import run
from ..scenario import ROOT_DISK, Scenario

REPORT = "report.html"
REPORT_SECONDS = 120
TAKEN = "raw.vmcore"
UP, LOADED = r"^lab: up$", r"^lab: armed$"
STARTED = r"\] Linux version "  # by each kernel
SAID = r"^\[ *\d+\.\d+\] lifeboat: "  # our first process; what it quotes has a bar behind that
LOADED_BY = re.compile(r"^(?:panic )?kernel \S+ is loaded by (kexec_load|kexec_file_load)\b")
CAPTURE = rf"Run /init as init process|{SAID}version "
TARGET = re.compile(rf"{SAID}target (\d+) of \d+: (\S+)")
BEGUN = re.compile(rf"{SAID}begin done ")
DUMPED = re.compile(rf"{SAID}dump( again)? done ")
SEALED = re.compile(rf"{SAID}seal done ")
RESULT = re.compile(rf"{SAID}result: ([a-z-]+), log \d+ bytes, dump (.+), in (.+) of target (\d+)$")
MEMORY = re.compile(rf"{SAID}memory: (\d+) of (\d+) bytes were free at the worst moment$")
RANKS = ("not-tried", "failed", "in-progress", "log-only", "partial", "complete")  # capture.result, from bad to good
DUMP, CUT = "vmcore", "vmcore.incomplete"


def find(lines: list[Line], pattern: str | re.Pattern[str]) -> int | None:
    """The number of the first line that matches."""
    return next((number for number, line in enumerate(lines) if re.search(pattern, line.text)), None)


def first_capture(lines: list[Line]) -> list[Line]:
    """What follows the first panic, up to the boot after the capture if the guest boots again."""
    panic = find(lines, PANIC)
    if panic is None:
        return []
    rest = lines[panic + 1 :]
    again = find(rest, UP)
    if again is None:
        return rest
    started = [number for number, line in enumerate(rest[:again]) if re.search(STARTED, line.text)]
    return rest[: started[-1] if started else again]


def sections(lines: list[Line]) -> dict[int, tuple[str, list[Line]]]:
    """Of each target that was tried, its number: the kind, and what was said while it was its turn."""
    found: dict[int, tuple[str, list[Line]]] = {}
    now: list[Line] = []
    for line in lines:
        if target := TARGET.search(line.text):
            now = []
            found[int(target.group(1))] = (target.group(2), now)
        now.append(line)
    return found


def results(lines: list[Line]) -> dict[int, tuple[bool, str]]:
    """What the capture says in the end of each target that it tried: whether it has a whole dump, and the result."""
    found = {}
    for line in lines:
        if said := RESULT.search(line.text):
            found[int(said.group(4))] = (said.group(2) != "none", said.group(1))
    return found


def rank(result: str) -> int:
    """How good a result is."""
    return RANKS.index(result) if result in RANKS else -1


def chosen_target(lines: list[Line]) -> tuple[int, bool | None]:
    """The target whose times are told, and whether the dump is there: None, the capture did not live to tell. 0: no target."""
    tried, said = sections(lines), results(lines)
    if not tried:
        return 0, None
    if not said:
        return max(tried), None
    best = max(said, key=lambda number: (said[number][0], rank(said[number][1]), -number))
    return best, said[best][0]


def target_moments(lines: list[Line], has_dump: bool) -> dict[str, float]:
    """first-byte and durable; `has_dump`: a whole dump was found, for captures that were cut off before they could tell."""
    number, told = chosen_target(lines)
    if not number:
        return {}
    kind, section = sections(lines).get(number, ("", []))
    found = {}
    if (begun := find(section, BEGUN)) is not None:
        found["first-byte"] = section[begun].seconds
    sign = SEALED if kind == "raw" else DUMPED
    done = [line.seconds for line in section if sign.search(line.text)]
    if done and (has_dump if told is None else told):
        found["durable"] = done[-1]
    return found


def moments(console: Console, restarts: bool, has_dump: bool) -> dict[str, float]:
    """Those of result.MOMENTS that came. `restarts`: the scenario is no crash."""
    lines = console.lines
    panic = find(lines, PANIC)
    first = lines if panic is None else lines[: panic + 1]
    found: dict[str, float] = {}
    for name, pattern in (("up", UP), ("loaded", LOADED), ("panic", PANIC)):
        if (at := find(first, pattern)) is not None:
            found[name] = first[at].seconds
    after = first_capture(lines)
    if not restarts and (at := find(after, CAPTURE)) is not None:
        found["capture"] = after[at].seconds
        found |= target_moments(after[at:], has_dump)
    if after and len(after) < len(lines) - (panic or 0) - 1:
        found["end"] = after[-1].seconds
    elif lines and not lines[-1].text:  # qemu.listen() writes what is left when the guest has closed its console
        found["end"] = lines[-1].seconds
    return found


def loaded_by(console: Console) -> str:
    """The system call that loaded what was started: the last one before the panic."""
    panic = find(console.lines, PANIC)
    said = [found.group(1) for line in console.lines[:panic] if (found := LOADED_BY.search(line.text))]
    return said[-1] if said else ""


# ---- what it left


def crashes(folder: Folder, scenario: Scenario) -> list[Path]:
    """All crash folders, those first that the judges look at; of one place the latest first."""
    places = [scenario.expect.at, ROOT_DISK, *(one.name for one in (*scenario.disks, *scenario.shares, *scenario.servers))]
    return [crash for at in dict.fromkeys(places) for crash in reversed(folder.crash_folders(at))]


def raw_parts(folder: Folder, scenario: Scenario) -> Iterator[tuple[Path, int, crashpart.Part]]:
    """What raw partitions have, with the image and where in it the partition begins."""
    start = 2 * GUARD_SECTORS * SECTOR
    for wanted in scenario.disks:
        image = Image(wanted, folder.path / f"{wanted.name}.img")
        if wanted.partition and wanted.fs == "none" and image.path.exists():
            for entry in crashpart.entries(image.path, start, image.partition_bytes):
                yield from ((image.path, start, part) for part in entry.parts if entry.state != "writing" and not part.broken)


def record_of(folder: Folder, scenario: Scenario) -> dict[str, Any]:
    """The best record that the capture left; empty if there is none."""
    found: list[dict[str, Any]] = []
    for crash in crashes(folder, scenario):
        try:
            found.append(read_record(crash / "crash.json"))
        except LabError:
            continue  # a capture that was cut off may have none; what has to be there is for judges
    for image, start, part in raw_parts(folder, scenario):
        if part.name == "crash.json":
            try:
                found.append(json.loads(crashpart.content(image, start, part)))
            except ValueError:
                continue
    found = [record for record in found if isinstance(record.get("capture"), dict)]
    return max(found, key=lambda record: rank(str(record["capture"].get("result"))), default={})


def dump_of(folder: Folder, scenario: Scenario) -> Path | None:
    """A dump that a report can be made of: a whole one if there is one. One of a raw partition is taken out of it."""
    folders = crashes(folder, scenario)
    for name in (DUMP, CUT):
        for crash in folders:
            if (path := crash / name).is_file() and path.stat().st_size:
                return path
        for image, start, part in raw_parts(folder, scenario):
            if part.name == name:
                taken = folder.path / TAKEN
                taken.write_bytes(crashpart.content(image, start, part))
                return taken
    return None


def number_in(table: Any, key: str) -> int | None:
    """A count that a guest's file says."""
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63 else None


def memory(console: Console, record: dict[str, Any]) -> dict[str, int]:
    """Of the capture: what it was given, the least that was left, and what it had in use then.

    It says so when all is done; one that did not live so long has said in its record what it had seen so far, which counts when
    the dump was written by then.
    """
    capture = record.get("capture")
    given, least = number_in(capture, "memory_ram"), number_in(capture, "memory_lowest")
    if record and rank(str(record["capture"].get("result"))) < RANKS.index("partial"):
        given = None
    for line in first_capture(console.lines):
        if said := MEMORY.search(line.text[:200]):
            least, given = int(said.group(1)), int(said.group(2))
    if not given or not least or least > given:  # 0: it was not known
        return {}
    return {"reserved": given, "available": least, "peak": given - least}


def text_in(table: Any, *keys: str) -> str:
    """A text that a guest's file says, somewhere within."""
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, str) else ""


def report(dump: Path, page: Path) -> dict[str, Any]:
    """What our report says of a dump, which it also writes as a page; empty if it can say nothing."""
    new = page.with_suffix(".new")
    new.unlink(missing_ok=True)
    try:
        said = json.loads(run([program("lifeboat"), "report", "--json", "--html", new, dump], seconds=REPORT_SECONDS).stdout)
    except (LabError, ValueError):
        return {}  # of a dump that was cut off; of a whole one judges/death.py finds out
    finally:
        if new.exists():
            new.chmod(0o644)  # whoever may read the drill's page may read this
            new.replace(page)
    return said if isinstance(said, dict) else {}


def facts_of(folder: Folder, scenario: Scenario) -> dict[str, Any]:
    """Fields of result.Result by their names, as far as the run got; files are named within the run's own folder."""
    console = folder.console() if folder.console_log.exists() else Console([])
    try:
        record, dump = record_of(folder, scenario), dump_of(folder, scenario)
    except (LabError, OSError, ValueError):
        record, dump = {}, None  # places that cannot even be listed
    said = report(dump, folder.path / REPORT) if dump else {}
    whole = dump is not None and dump.name != CUT
    size = number_in(record.get("dump"), "bytes") if whole else None
    verdict = said.get("verdict")
    facts = {
        "timeline": moments(console, bool(scenario.restart.by), whole),
        "memory": memory(console, record),
        "dump_bytes": dump.stat().st_size if whole and dump and size is None else size,
        "image_bytes": folder.capture_image.stat().st_size if folder.capture_image.exists() else None,
        "title": text_in(verdict, "signature", "title") or text_in(record, "signature", "title"),
        "signature": text_in(verdict, "signature", "func") or text_in(record, "signature", "func"),
        "loaded_by": loaded_by(console),
        "console": folder.console_log.name if folder.console_log.exists() else "",
        "report": REPORT if (folder.path / REPORT).exists() else "",
    }
    (folder.path / TAKEN).unlink(missing_ok=True)
    return facts
