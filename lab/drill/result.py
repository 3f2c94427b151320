# SPDX-License-Identifier: GPL-2.0-or-later
"""What a drill has found out: plain data, written as results.json and read again by whoever tells or compares it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import LabError

SCHEMA = "lifeboat-drill-1"
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

# The moments of a run, in their order; seconds since the guest was started. One that did not come is not there.
MOMENTS = (
    "up",          # the first kernel has come to user space
    "loaded",      # the panic kernel is staged
    "panic",       # the line that dates the death
    "capture",     # the capture kernel starts its first process
    "first-byte",  # the capture has begun to write to the target that took the dump
    "durable",     # the dump has its name there
    "end",         # the machine was reset or switched off
)


@dataclass(frozen=True)
class Check:
    """One judge's verdict."""

    name: str  # without the scenario's
    verdict: str  # PASSED, FAILED or SKIPPED
    text: str = ""  # why it failed or was skipped; else what was measured


@dataclass(frozen=True)
class Result:
    """One run. Sizes in bytes, times in seconds; what is not known is None."""

    id: str  # of the run: unique within a drill, and the same in another drill of the same run
    scenario: str
    about: str
    tags: list[str]
    arch: str
    kernel: str  # its release
    kernel_source: str  # where it is from: "Debian 6.1.192-2", a path
    target: str  # of targets/; empty: the scenario's own
    faults: list[str]  # of faults/
    crashkernel: str
    memory_mib: int
    cpus: int
    accelerator: str
    verdict: str
    why: str  # it failed or was skipped; the first line is enough for a table
    seconds: float  # the whole run with its judges
    checks: list[Check] = field(default_factory=list)
    timeline: dict[str, float] = field(default_factory=dict)  # of MOMENTS
    # what the capture says: "peak" of what it took, "available" at its least, "reserved"
    memory: dict[str, int] = field(default_factory=dict)
    dump_bytes: int | None = None
    image_bytes: int | None = None  # the capture kernel's initramfs
    title: str = ""  # of the crash, by the report
    signature: str = ""
    loaded_by: str = ""  # the system call that the panic kernel, or the second one, was loaded by, as our loader said
    folder: str = ""  # below the drill's own
    console: str = ""  # files, below the drill's own folder; empty: there is none
    report: str = ""

    @property
    def good(self) -> bool:
        """Nothing failed."""
        return self.verdict != FAILED


@dataclass(frozen=True)
class Drill:
    """All runs that one command made."""

    started: str  # UTC, as 2026-11-23T14:00:00Z
    seconds: float
    lifeboat: str  # its version
    command: list[str]
    machine: dict[str, Any]  # "cpus", "memory_mib", "qemu", "kernel"
    results: list[Result]

    def count(self, verdict: str) -> int:
        """Runs with this verdict."""
        return sum(result.verdict == verdict for result in self.results)


def write(drill: Drill, path: Path) -> None:
    """As JSON, whole or not at all."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"schema": SCHEMA, **asdict(drill)}, indent=1) + "\n", encoding="utf-8")
    new.rename(path)


def read(path: Path) -> Drill:
    """What write() has written."""
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))
        if (schema := tables.pop("schema")) != SCHEMA:
            raise LabError(f"{path}: its schema is {schema!r}, not {SCHEMA}")
        for one in tables["results"]:
            one["checks"] = [Check(**check) for check in one["checks"]]
        tables["results"] = [Result(**one) for one in tables["results"]]
        return Drill(**tables)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise LabError(f"{path} holds no results of a drill: {err}") from err
