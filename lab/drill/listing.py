# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be drilled: scenarios with their tags, targets, faults."""

import json
from typing import Any

from . import engine, select, text
from .select import FAULTS, TARGETS, Run, Wanted

SCHEMA = "lifeboat-drill-list-1"


def is_narrow(wanted: Wanted) -> bool:
    """Whether only some runs are asked for, and not all that there is."""
    return bool(wanted.words or wanted.targets or wanted.faults or wanted.kernels or wanted.crashkernels)


def runs_of(wanted: Wanted) -> list[Run]:
    """The runs that are asked for; all scenarios if nothing is."""
    return select.select(wanted if wanted.words else Wanted((), True, *lists_of(wanted)))[0]


def lists_of(wanted: Wanted) -> tuple[Any, ...]:
    """What makes the matrix."""
    return wanted.targets, wanted.faults, wanted.kernels, wanted.crashkernels


def row(run: Run, times: dict[str, float]) -> dict[str, Any]:
    """One run, for programs."""
    scenario = run.load()
    return {
        "id": run.id,
        "scenario": run.scenario,
        "about": "; ".join([scenario.about, *(about_overlay(one) for one in run.overlays)]),
        "tags": scenario.tags,
        "memory_mib": scenario.guest.memory_mib,
        "cpus": scenario.guest.cpus,
        "needs": scenario.needs,
        "seconds": times.get(run.id),  # that it took last; null: it was never made here
    }


def about_overlay(name: str) -> str:
    """What a target or fault is."""
    return str(select.tables_of(name).get("about", ""))


def overlays_of(kind: str) -> dict[str, str]:
    """Targets or faults, and what each is."""
    return {name: about_overlay(f"{kind}/{name}") for name in select.names_in(kind)}


def as_json(wanted: Wanted) -> str:
    """For programs."""
    times = engine.known_times()
    found = {
        "schema": SCHEMA,
        "tool": f"lifeboat {engine.version()}",
        "runs": [row(run, times) for run in runs_of(wanted)],
        "tags": select.tags(),
        "targets": overlays_of(TARGETS),
        "faults": overlays_of(FAULTS),
    }
    return json.dumps(found, indent=1)


def columns(pairs: list[tuple[str, str]]) -> list[str]:
    """Names and what they are."""
    width = max((len(name) for name, _ in pairs), default=0)
    return [f"  {name.ljust(width)}  {what}".rstrip() for name, what in pairs]


def tell(wanted: Wanted) -> str:
    """For a person: the runs, and without any word the overlays and tags."""
    times = engine.known_times()
    rows = [row(run, times) for run in runs_of(wanted)]
    pairs = [(one["id"], one["about"] + (f"  [{', '.join(one['tags'])}]" if one["tags"] else "")) for one in rows]
    lines = [f"{len(rows)} runs:" if is_narrow(wanted) else "scenarios, and their [tags]:", *columns(pairs)]
    if is_narrow(wanted):
        known = [one["seconds"] for one in rows if one["seconds"]]
        if len(known) == len(rows):
            lines += ["", f"one after another they took {text.span(sum(known))}"]
        return "\n".join(lines)
    lines += ["", "tags:", *columns([(tag, f"{len(names)} scenarios") for tag, names in select.tags().items()])]
    for kind in (TARGETS, FAULTS):
        lines += ["", f"{kind} (--{kind.rstrip('s')}):", *columns(list(overlays_of(kind).items()))]
    return "\n".join(lines)
