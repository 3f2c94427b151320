# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks that need no virtual machine, most of them a vmcore; all of them or some by name."""

import time
from concurrent.futures import ThreadPoolExecutor

from lab.checks import Checks, Totals

from . import cut, disks, dumps, encrypted, estimate, fidelity, foreign, looks, memory, threads, torn
from .subject import Subject

# The slow ones first, so that the last ones to end are short.
GROUPS = {
    "fidelity": fidelity.judge,
    "torn": torn.judge,
    "cut": cut.judge,
    "foreign": foreign.judge,
    "memory": memory.judge,
    "threads": threads.judge,
    "estimate": estimate.judge,
    "encrypted": encrypted.judge,
    "disks": disks.judge,
    "dumps": dumps.judge,
    "looks": looks.judge,
}


def run_group(name: str, subject: Subject, totals: Totals) -> bool:
    """One group; false if something failed."""
    started = time.monotonic()
    checks = Checks(totals, name)
    with checks.guard(name):
        GROUPS[name](subject, checks)
    print(f"   {name}: {time.monotonic() - started:.0f} s", flush=True)
    return not checks.failed


def run_groups(names: list[str], subject: Subject, totals: Totals) -> bool:
    """Two groups at a time; false if something failed."""
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(run_group, name, subject, totals) for name in names]
        return all([result.result() for result in results])
