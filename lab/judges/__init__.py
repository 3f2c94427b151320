# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges: each looks at one finished crash with code or tools that are not Lifeboat's."""

from ..checks import Checks
from ..crash import Folder
from ..scenario import Scenario
from . import bitmaps, fidelity, forms, outcome, readers, usage
from .evidence import Evidence


def judge_all(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """Every judge that a scenario calls for: a crash that left no dump has only its outcome."""
    outcome.judge(folder, scenario, checks)
    if scenario.expect.result != "complete":
        return
    evidence = Evidence(folder)
    judges = [fidelity.judge, readers.judge, bitmaps.judge, forms.judge]
    if scenario.load["mem-usage"]:
        judges.append(usage.judge)
    for judge in judges:
        with checks.guard(judge.__module__.rpartition(".")[2]):
            judge(evidence, checks)
