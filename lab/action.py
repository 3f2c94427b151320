# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to a guest while its capture kernel runs, at lines of its console.

    attach DISK     it is plugged in, with the faults that it has
    detach DISK     it is pulled out
    hang DISK       its requests take for ever from now on
    damage KIND     of the crashed kernel's memory: see damage.py
    keep NAME       the disks as they are now, which is what a power cut would leave, are kept for the judges
    cut             the guest ends here, as by a power cut
    nmi             another interrupt that cannot be masked, and that nobody has asked for
    unplug CARD     a network card's cable is pulled: it has no carrier; "plug" ends it

and to what is in its network, as lab/world/main.py says it: kill, stop, start, vanish, revoke, rekey SERVER; drop, join CARD;
lose CARD PERCENT
"""

import re
import time
from collections.abc import Callable

from .console import DIED
from .errors import LabError
from .scenario import Action

WORDS = {"attach": 2, "detach": 2, "hang": 2, "damage": 2, "keep": 2, "cut": 1, "nmi": 1, "plug": 2, "unplug": 2}
WORLD_WORDS = {"kill": 2, "stop": 2, "start": 2, "vanish": 2, "revoke": 2, "rekey": 2, "drop": 2, "join": 2, "lose": 3}


class Actions:
    """The actions of a scenario; `do` gets the words of each, once, when its time has come."""

    def __init__(self, wanted: list[Action], do: Callable[[list[str]], None]) -> None:
        for action in wanted:
            words = action.do.split()
            known = WORDS | WORLD_WORDS
            if not words or known.get(words[0]) != len(words):
                raise LabError(f"no action {action.do!r}; there is: {', '.join(known)}")
        self.waiting = list(wanted)
        self.due: list[tuple[float, Action]] = []
        self.do = do
        self.panicked = False

    def hear(self, text: str) -> None:
        """One line of the console."""
        self.panicked = self.panicked or bool(re.search(DIED, text))
        if not self.panicked:
            return
        now = time.monotonic()
        for action in [one for one in self.waiting if re.search(one.on, text)]:
            self.waiting.remove(action)
            self.due.append((now + action.after, action))
        self.tick()

    def tick(self) -> None:
        """Do what is due, in the order in which it became so."""
        now = time.monotonic()
        for entry in sorted(self.due, key=lambda entry: entry[0]):
            if entry[0] <= now:
                self.due.remove(entry)
                self.do(entry[1].do.split())

    def left(self) -> list[str]:
        """The actions for which nothing on the console was the sign."""
        return [action.do for action in self.waiting] + [action.do for _, action in self.due]
