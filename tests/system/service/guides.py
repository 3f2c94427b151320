# SPDX-License-Identifier: GPL-2.0-or-later
"""The guides' commands that want systemd, run as they stand there; tests/people/guides.py runs the others.

What makes a machine crash, restart or get the package is done by the parts themselves, in the words of the guides (machine.py).
"""

import re
from collections.abc import Iterator

from lab.checks import Checks
from lab.live import Live
from lab.paths import ROOT

# The forms that are run, and the exit statuses that are good: 3 is systemctl's for what has done its work and ended.
FORMS = {
    r"systemctl reload lifeboat": (0,),
    r"systemctl status lifeboat-collect": (0, 3),
    r"systemctl enable( --now)? lifeboat lifeboat-collect": (0,),
    r"journalctl .*": (0,),
    r"sync": (0,),
}


def commands() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each command of these forms once, in README and in the guides."""
    seen = set()
    for guide in [ROOT / "README.md", *sorted((ROOT / "docs/guides").glob("*.md"))]:
        for line in guide.read_text(encoding="utf-8").splitlines():
            command = re.sub(r"\s+#.*", "", line.strip())
            for form, good in FORMS.items():
                if re.fullmatch(form, command) and command not in seen:
                    seen.add(command)
                    yield command, good


def judge_guides(guest: Live, checks: Checks) -> None:
    """In a machine that has crashed before, and is armed."""
    told = {}
    for command, good in commands():
        quiet = f"SYSTEMD_PAGER=cat SYSTEMD_COLORS=0 {command}"
        done = guest.run(quiet)
        told[command] = done.output
        checks.expect(f"guide: {command}", done.status in good, f"{done.status}: {done.output}")
    names = " ".join(told)
    checks.expect("guide commands", all(word in names for word in ("reload", "status", "journalctl")), names)
