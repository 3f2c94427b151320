# SPDX-License-Identifier: GPL-2.0-or-later
"""The VM test: /usr/bin/python3 -m tests.system [SCENARIO...], from the top of the tree.

Crashes real kernels with lab/scenarios and prints one line per check, the totals last. The plain
crash and its judges run beside the fault scenarios: two guests at a time on two cores.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from lab import debs
from lab.checks import Checks, Totals
from lab.crash import Drill, Folder
from lab.errors import LabError
from lab.judges import judge_all
from lab.paths import build_dir
from lab.scenario import load_scenario

LANES = (("crash",), ("crash-backports", "no-device", "no-module", "disk-full"))


def run_scenario(name: str, totals: Totals) -> None:
    """One scenario: the drill, then its judges. A drill that fails is a failed check."""
    checks = Checks(totals, name)
    scenario = load_scenario(name)
    folder = Folder(build_dir() / "system" / name)
    with checks.guard("drill"):
        Drill(scenario, folder, lambda text: print(f"   {name}: {text}", flush=True)).run()
        checks.expect("drill", True)
        judge_all(folder, scenario, checks)
    if not checks.failed:
        folder.discard_memory()


def run_lane(names: tuple[str, ...], totals: Totals) -> None:
    """Scenarios one after another."""
    for name in names:
        run_scenario(name, totals)


def main() -> int:
    """Run all lanes, or the named scenarios; the exit status says whether every check passed."""
    started = time.monotonic()
    totals = Totals()
    lanes = (tuple(sys.argv[1:]),) if sys.argv[1:] else LANES
    try:
        for suite in {load_scenario(name).guest.suite for names in lanes for name in names}:
            debs.fetch_kernel(suite)  # once, before the lanes would do it twice
    except LabError as err:
        print(f"FAIL packages: {err}")
        return 1
    with ThreadPoolExecutor(len(lanes)) as pool:
        for done in [pool.submit(run_lane, names, totals) for names in lanes]:
            done.result()
    print(f"   {time.monotonic() - started:.0f} s in all")
    print(totals.closing_line())
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
