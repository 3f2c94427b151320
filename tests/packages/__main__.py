# SPDX-License-Identifier: GPL-2.0-or-later
"""What is installed, and the packages that are made of it: /usr/bin/python3 -m tests.packages [GROUP…], after `make`.

One `ok packages NAME`, `SKIP …` or `FAIL …` line each. Groups: install, units, hooks, deb, rpm.
"""

import sys
import tempfile
from pathlib import Path

from . import deb, hooks, install, rpm, units
from .report import Report

GROUPS = {"install": install.check_all, "units": units.check_all, "hooks": hooks.check_all, "deb": deb.check_all, "rpm": rpm.check_all}


def main() -> int:
    wanted = sys.argv[1:] or list(GROUPS)
    for name in wanted:
        if name not in GROUPS:
            raise SystemExit(f"packages: no group '{name}'; there are: {', '.join(GROUPS)}")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="lifeboat-packages-") as folder:
        for name in wanted:
            place = Path(folder) / name
            place.mkdir()
            GROUPS[name](report, place)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
