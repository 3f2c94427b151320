# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the report say what the scenario did: the class of the crash, its function, CPU and task?"""

import re
from typing import Any

from ..checks import Checks
from ..scenario import Scenario
from . import ours
from .evidence import Evidence
from .record import read_record


def judge(evidence: Evidence, scenario: Scenario, checks: Checks) -> None:
    """The report of the captured dump against [death]."""
    death = scenario.death
    verdict = ours.ask("report", evidence.dump_path)["verdict"]
    told = f"class {verdict['class']}, CPU {verdict['cpu']}, {verdict['comm']}: {verdict['title']}"
    checks.expect("death-class", verdict["class"] in death.classes, f"{told}; wanted {death.classes}", told)
    if death.comm:
        checks.expect("death-task", bool(re.fullmatch(death.comm, verdict["comm"] or "")), f"{told}; wanted {death.comm}")
    if death.cpu is not None:
        checks.expect("death-cpu", verdict["cpu"] == death.cpu, f"{told}; wanted {death.cpu}")
    if death.function:
        # a kernel without type information has stacks of CPUs whose task nobody knows; and the compiler puts unlikely parts of a
        # function elsewhere: panic() is called in "do_exit.cold"
        stacks = ours.ask("bt", evidence.dump_path)["stacks"]
        functions = [frame["function"] or "?" for stack in stacks if stack["panicked"] for frame in stack["frames"]]
        names = [name.partition(".")[0] for name in functions]
        why = f"{death.function} is not on the stack that panicked: {', '.join(names) or 'there is none'}"
        checks.expect("death-function", death.function in names, why, f"{len(names)} frames")
    if "crash.json" in scenario.expect.present:
        judge_record(read_record(evidence.folder.crash_folder() / "crash.json"), verdict, checks)
    good = verdict["agreement"] in ("agree", "log-only")
    checks.expect("death-agreement", good, f"log and stack: {verdict['agreement']}: {told}", verdict["agreement"])


def judge_record(record: dict[str, Any], verdict: dict[str, Any], checks: Checks) -> None:
    """What the capture has written of the death, out of the log alone, is what the report says."""
    crash = record["crash"]
    for key in ("class", "title", "cpu", "pid", "comm"):
        same = crash[key] == verdict[key]
        checks.expect(f"record-{key}", same, f"crash.json has {crash[key]!r}, the report {verdict[key]!r}", str(crash[key]))
    ours, theirs = record["signature"], verdict["signature"]
    checks.expect("record-signature", ours == theirs, f"crash.json has {ours}, the report {theirs}", ours["title"])
