# SPDX-License-Identifier: GPL-2.0-or-later
"""From the package to the dump: installed, memory reserved, armed at boot, crashed, captured, told of, verified."""

from lab.checks import Checks

from .alive import judge_live
from .guides import judge_guides
from .machine import Say, afterwards, armed, crash, crashes, installed, machine, sound, status


def judge(checks: Checks, say: Say) -> None:
    """The whole way."""
    base = installed(checks, say, anew=True)
    with machine("day", base) as guest:
        armed(guest, checks)
        told = status(guest)
        checks.expect("image-fresh", told["capture_image"]["state"] == "fresh", str(told))
        fits = [one["fits"] for one in told["targets"]]
        checks.expect("fits", fits == ["yes"], str(told["targets"]))
        checks.expect("nothing-yet", not crashes(guest))
        judge_live(guest, checks)
        say(f"armed ({guest.now():.0f} s)")
        crash(guest, checks)
        armed(guest, checks, "agree-after-the-crash")
        folder = afterwards(guest, checks)
        judge_guides(guest, checks)
        say(f"crashed, and up again ({guest.now():.0f} s)")
        guest.power_off()
    sound("day", folder, checks)
