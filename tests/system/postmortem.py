# SPDX-License-Identifier: GPL-2.0-or-later
"""What we say of dead kernels without debug information: guests of lab/crowd.py, judged by lab/judges/postmortem.py.

Belongs to the check: sysrq-c on the two kernels that Debian has for this release. By hand, with --full: the newest and an old
kernel, QEMU's own dumps with the registers that it tells, and every way to die.
"""

import time
from collections.abc import Callable

from lab import crowd
from lab.checks import Checks, Totals
from lab.crash import Folder
from lab.judges import postmortem
from lab.paths import build_dir

Say = Callable[[str], None]

# What is in the check: a scenario each, that dies by sysrq-c.
PARTS = ("crowd", "crowd-backports")
# By hand: more kernels; those that are judged in all ways; and how they die.
KERNELS = ("crowd-newest", "crowd-old")
WHOLE = ("still", "alive")


def names() -> list[str]:
    """All parts: SCENARIO, or the name of a death."""
    return [*PARTS, *KERNELS, *(name for name in crowd.DEATHS if name != "sysrq")]


def run_part(name: str, totals: Totals, say: Say, full: bool = False) -> bool:
    """One guest and its judges; `full`: crash as well, where debug information has to be fetched for it."""
    checks = Checks(totals, f"postmortem-{name}")
    scenario, death = (PARTS[0], name) if name in crowd.DEATHS else (name, "sysrq")
    folder = Folder(build_dir() / "system" / f"postmortem-{name}")
    started = time.monotonic()
    with checks.guard("drill"):
        crowd.die(scenario, death, folder.path, lambda text: say(f"{name}: {text}"))
        checks.expect("drill", True)
        if name in crowd.DEATHS and name not in WHOLE:
            postmortem.judge_death(folder, checks)
        else:
            postmortem.judge(folder, checks, full)
    say(f"{name}: {time.monotonic() - started:.0f} s with its judges")
    if not checks.failed:
        folder.discard_memory()
    return not checks.failed
