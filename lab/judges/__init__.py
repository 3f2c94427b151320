# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges: each looks at one finished crash with code or tools that are not Lifeboat's."""

from ..checks import Checks
from ..crash import Folder
from ..errors import LabError
from ..scenario import Scenario
from . import bitmaps, death, fidelity, forms, honest, loader, outcome, readers, restart, usage
from .evidence import Evidence


JUDGES = {
    "fidelity": fidelity.judge,
    "readers": readers.judge,
    "bitmaps": bitmaps.judge,
    "bitmaps-some": bitmaps.judge_some,
    "kept": bitmaps.judge_kept,
    "forms": forms.judge,
    "usage": usage.judge,
}


def judge_all(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The outcome, and the judges that the scenario calls for; without a dump they cannot judge."""
    unknown = [name for name in scenario.judges if name not in JUDGES]
    if unknown:
        raise LabError(f"no judge {unknown[0]}; there are: {', '.join(JUDGES)}")
    if scenario.restart.by:
        restart.judge(folder, scenario, checks)
        return
    for number, text in enumerate(scenario.changed, 1):
        checks.expect(f"changed-{number}", True, "", text)
    for number, text in enumerate(scenario.left_out, 1):
        checks.skip(f"left-out-{number}", text)
    outcome.judge(folder, scenario, checks)
    with checks.guard("honest"):
        honest.judge(folder, scenario, checks)
    if scenario.expect.result != "complete":
        return
    evidence = Evidence(folder, scenario.death)
    if scenario.guest.crashes > 1:
        return  # the memory has been used again
    with checks.guard("loader"):
        loader.judge(evidence, scenario, checks)
    with checks.guard("death"):
        death.judge(evidence, scenario, checks)
    for name in scenario.judges:
        with checks.guard(name):
            JUDGES[name](evidence, checks)
