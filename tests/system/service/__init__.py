# SPDX-License-Identifier: GPL-2.0-or-later
"""The service on a whole Debian with systemd: an operator's day, and what goes wrong in it.

    python3 -m tests.system service [PART…]

`day` is part of the check; the others take their time. Without a name: all of them.
"""

from collections.abc import Callable

from lab.checks import Checks, Totals

from . import day, full, hotplug, restarts, target, upgrade
from .machine import Say, discard

PARTS: dict[str, Callable[[Checks, Say], None]] = {
    "day": day.judge,
    "restarts": restarts.judge,
    "hotplug": hotplug.judge,
    "target": target.judge,
    "full": full.judge,
    "upgrade": upgrade.judge,
}


def run_part(name: str, totals: Totals, say: Say) -> bool:
    """One of them, to its end."""
    checks = Checks(totals, f"service-{name}")
    with checks.guard("guest"):
        PARTS[name](checks, lambda text: say(f"service-{name}: {text}"))
    if not checks.failed:
        discard(name)
    return not checks.failed
