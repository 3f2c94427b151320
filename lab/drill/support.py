# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/support-matrix.md out of drills: what was seen to work, on which kernel, when, and the run that shows it.

    python3 -m lab.drill.support [--keep FILE] FILE… > docs/support-matrix.md

FILE is a results.json, or what --keep has written: the part of one or more of them that the matrix is made of. A later drill's
run replaces an earlier one's of the same name on the same kernel. Nothing is said that no run shows.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import LabError
from .result import FAILED, PASSED, SCHEMA, SKIPPED, Drill, read

KEPT_SCHEMA = "lifeboat-support-1"
MAKE = "make support-matrix RESULTS=FILE"
SETS = ("nightly", "check", "quick")  # tags that say when a scenario is run, not what it is about
# What a scenario is about, by its tags, or else by what its name begins with.
AREAS = {"deaths": "Ways to die", "shapes": "Machines", "loader": "Loading", "targets": "Targets", "faults": "Faults",
         "capture": "Captures", "configured": "Configured by an operator", "remote": "Servers", "stacks": "Stacks of storage",
         "exec": "Restarts in good order"}
BEGINNINGS = {"die": "deaths", "shape": "shapes", "stack": "stacks", "boot": "exec", "crash": "deaths"}
OTHERS = "Other scenarios"
LONGEST = 200
CALLS = ("kexec_load", "kexec_file_load")


@dataclass(frozen=True)
class Run:
    """What is kept of a run."""

    id: str
    scenario: str
    about: str
    tags: list[str]
    arch: str
    kernel: str
    kernel_source: str
    target: str
    faults: list[str]
    crashkernel: str
    memory_mib: int
    cpus: int
    accelerator: str
    loaded_by: str
    verdict: str
    why: str  # of one that failed: the check; of one that was left out: all of it


@dataclass(frozen=True)
class Kept:
    """What is kept of a drill."""

    started: str
    lifeboat: str
    machine: dict[str, Any]
    runs: list[Run] = field(default_factory=list)


def keep(drill: Drill) -> Kept:
    """A drill without what differs each time, and without what a guest has said."""
    runs = []
    for one in drill.results:
        tables = {name: getattr(one, name) for name in Run.__dataclass_fields__}
        if one.verdict == FAILED:
            tables["why"] = one.why.partition(":")[0]
        source = one.kernel_source if one.kernel_source.startswith("Debian ") else "a kernel of its user's"
        tables |= {"kernel_source": source if one.kernel else "", "why": tables["why"].partition("\n")[0][:LONGEST]}
        runs.append(Run(**tables))
    machine = {name: drill.machine[name] for name in ("cpus", "memory_mib", "qemu") if name in drill.machine}
    return Kept(drill.started, drill.lifeboat, machine, runs)


def read_any(path: Path) -> list[Kept]:
    """The drills of a file of either kind."""
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))
        if tables.get("schema") == SCHEMA:
            return [keep(read(path))]
        if tables.get("schema") != KEPT_SCHEMA:
            raise LabError(f"{path}: its schema is {tables.get('schema')!r}")
        return [Kept(**{**one, "runs": [Run(**run) for run in one["runs"]]}) for one in tables["drills"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise LabError(f"{path} holds no results of a drill: {err}") from err


def newest(drills: Iterable[Kept]) -> list[Kept]:
    """The drills, the earliest first, each without runs that a later one has made again, and without what was left empty."""
    seen: set[tuple[str, str, str]] = set()
    found = []
    for drill in sorted(drills, key=lambda one: one.started, reverse=True):
        runs = [one for one in drill.runs if (one.id, one.kernel, one.accelerator) not in seen]
        # one that ended before it booted has no accelerator: any that came later takes its place
        seen |= {(one.id, one.kernel, how) for one in runs for how in (one.accelerator, "")}
        if runs:
            found.append(Kept(drill.started, drill.lifeboat, drill.machine, runs))
    return found[::-1]


def as_json(drills: list[Kept]) -> str:
    """What --keep writes."""
    return json.dumps({"schema": KEPT_SCHEMA, "drills": [asdict(one) for one in drills]}, indent=1) + "\n"


# ---- as Markdown


def text(said: object) -> str:
    """As one line of plain text in a table."""
    seen = "".join(c if c.isprintable() else " " for c in str(said))[:LONGEST]
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", seen)


def code(said: object) -> str:
    """A name, as it is typed."""
    plain = "".join(c if c.isprintable() and c not in "`|" else "?" for c in str(said))[:LONGEST]
    return f"`{plain}`"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Rows of texts that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def cell(runs: list[Run]) -> str:
    """What the runs at one place have shown, and one of them that did."""
    made = [one for one in runs if one.verdict != SKIPPED]
    if not made:
        return "not run" if runs else ""
    bad = [one for one in made if one.verdict != PASSED]
    shown = (bad or made)[0]
    count = f" {len(bad)} of {len(made)}:" if bad and len(made) > 1 else ""
    more = f" and {len(made) - 1} more" if not bad and len(made) > 1 else ""
    return f"**fails**{count} {code(shown.id)} ({text(shown.why)})" if bad else f"passes: {code(shown.id)}{more}"


def kernels(runs: list[Run]) -> list[str]:
    """All that booted, the oldest first."""
    def key(name: str) -> tuple[list[int], str]:
        return [int(part) for part in re.findall(r"\d+", name)[:6]], name

    return sorted({one.kernel for one in runs if one.kernel}, key=key)


def by_kernel(title: str, rows: dict[str, list[Run]], columns: list[str], about: Callable[[list[Run]], str]) -> str:
    """A section: what is in a row, on each kernel."""
    if not rows:
        return ""
    used = [name for name in columns if any(one.kernel == name for runs in rows.values() for one in runs)]
    head = ["", "", *map(code, used)]
    lines = ([code(name), about(runs), *(cell([one for one in runs if one.kernel == kernel]) for kernel in used)]
             for name, runs in rows.items())
    return f"## {title}\n\n{table(head, lines)}"


def group(runs: Iterable[Run], names: Callable[[Run], Iterable[str]]) -> dict[str, list[Run]]:
    """Runs by each of their names."""
    found: dict[str, list[Run]] = {}
    for one in runs:
        for name in names(one):
            found.setdefault(name, []).append(one)
    return dict(sorted(found.items()))


def area(run: Run) -> str:
    """What a scenario is about."""
    first = run.scenario.partition("-")[0]
    words = [*(tag for tag in run.tags if tag not in SETS), BEGINNINGS.get(first, first)]
    return next((AREAS[word] for word in words if word in AREAS), OTHERS)


def drills_section(drills: list[Kept]) -> str:
    """Where all this is from."""
    def line(one: Kept) -> list[str]:
        machine = f"{one.machine.get('cpus', '?')} CPUs, {one.machine.get('memory_mib', '?')} MiB"
        accelerators = ", ".join(sorted({run.accelerator for run in one.runs if run.accelerator}))
        how = f"{one.machine.get('qemu', '?')}, {accelerators or 'not run'}"
        counts = [str(sum(run.verdict == verdict for run in one.runs)) for verdict in (PASSED, FAILED, SKIPPED)]
        return [text(one.started), text(one.lifeboat), text(machine), text(how), *counts]

    head = ["drill of", "Lifeboat", "machine", "QEMU", "passed", "failed", "not run"]
    return f"## Drills\n\n{table(head, map(line, drills))}"


def kernels_section(runs: list[Run], columns: list[str]) -> str:
    """Each kernel, and by which system call it was loaded."""
    def line(kernel: str) -> list[str]:
        here = [one for one in runs if one.kernel == kernel]
        good = [one for one in here if one.verdict == PASSED]
        calls = [cell([one for one in good if one.loaded_by == call]) for call in CALLS]
        sources = sorted({one.kernel_source for one in here if one.kernel_source})
        return [code(kernel), text(", ".join(sources)), text(", ".join(sorted({one.arch for one in here}))), cell(here), *calls]

    head = ["kernel", "from", "machine", "all runs", *map(code, CALLS)]
    return f"## Kernels\n\n{table(head, map(line, columns))}"


def not_run(runs: list[Run]) -> str:
    """What could not be made where the drill was, with the reason."""
    left = [one for one in runs if one.verdict == SKIPPED]
    return f"## Not run\n\n{table(['run', 'why'], ([code(one.id), text(one.why)] for one in left))}" if left else ""


def matrix(drills: list[Kept]) -> str:
    """The whole page."""
    drills = newest(drills)
    runs = [one for drill in drills for one in drill.runs]
    columns = kernels(runs)
    plain = [one for one in runs if not one.target and not one.faults]
    about = lambda found: text(found[0].about)
    none = lambda found: text(f"with {', '.join(sorted({one.scenario for one in found}))}")
    parts = [
        "# Support matrix\n\n",
        f"Made by `{MAKE}` (lab/drill/support.py) of drills' results, of which\n"
        "docs/support-matrix.json keeps what it takes. Nothing in it is written by hand: `make drill` compares it with what\n"
        "comes of that file. Each place names a run that shows it; `lifeboat drill NAME` makes one again.\n\n",
        drills_section(drills),
        kernels_section(runs, columns),
        by_kernel("Capture targets", group((one for one in runs if one.target), lambda one: [one.target]), columns, none),
        by_kernel("Faults, laid over scenarios", group(runs, lambda one: one.faults), columns, none),
    ]
    areas = group(plain, lambda one: [area(one)])
    for name in (*AREAS.values(), OTHERS):
        parts.append(by_kernel(name, group(areas.get(name, []), lambda one: [one.scenario]), columns, about))
    return "".join([*parts, not_run(runs)]).rstrip("\n") + "\n"


def main() -> int:
    """The matrix on standard output."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.drill.support", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write what the matrix is made of")
    parser.add_argument("file", type=Path, nargs="+", help="results of drills")
    options = parser.parse_args()
    try:
        drills = newest([drill for path in options.file for drill in read_any(path)])
        if options.keep:
            options.keep.write_text(as_json(drills), encoding="utf-8")
        sys.stdout.write(matrix(drills))
    except (LabError, OSError) as err:
        print(f"lab.drill.support: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
