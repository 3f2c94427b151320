# SPDX-License-Identifier: GPL-2.0-or-later
"""One run in a process of its own: python3 -m lab.drill.one RUN FOLDER, as lab/drill/engine.py starts it.

RUN is a Run as JSON. Standard output gets events, a JSON object a line: {"phase": TEXT}, {"check": …}, {"begun": SECONDS} when
the guest is about to be made, which may take so long, and at last {"result": …}. A process can be ended, whatever it does at
that moment, and its guest ends with it; a thread cannot.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..checks import Checks, Totals
from ..crash import AFTER_SECONDS, Folder, fetch_packages
from ..debs import Kernel
from ..errors import LabError, Unavailable
from ..judges import judge_all
from ..paths import cache_dir
from ..restart import drill
from ..scenario import Scenario
from . import timeline
from .result import FAILED, PASSED, SKIPPED, Check, Result
from .select import Run

ARCH = "x86_64"  # of QEMU's machine, see lab/qemu.py
JUDGING_SECONDS = 600  # for images, disks and judges
Tell = Callable[[dict[str, Any]], None]


class Recorder(Checks):
    """Checks that are kept and told, and not printed."""

    def __init__(self, scenario: str, tell: Tell) -> None:
        super().__init__(Totals(), scenario)
        self.tell = tell
        self.found: list[Check] = []

    def add(self, check: Check) -> None:
        """One more."""
        self.found.append(check)
        self.tell({"check": asdict(check)})

    def expect(self, name: str, good: bool, why: str = "", measured: str = "") -> None:
        """Decide one check."""
        self.failed = self.failed or not good
        self.add(Check(name, PASSED, measured) if good else Check(name, FAILED, why or "not as expected"))

    def skip(self, name: str, why: str) -> None:
        """One check that cannot be made here."""
        self.add(Check(name, SKIPPED, why))

    def verdict(self) -> tuple[str, str]:
        """Of the whole run, and why: what failed first, or kept it from being run."""
        for verdict in (FAILED, SKIPPED):
            for check in self.found:
                if check.verdict == verdict and (verdict == FAILED or check.name == "drill"):
                    return verdict, f"{check.name}: {check.text}" if verdict == FAILED else check.text
        return PASSED, ""


@contextlib.contextmanager
def fetching() -> Iterator[None]:
    """One run at a time looks for packages: the others then find them in the cache."""
    with open(cache_dir() / "drill.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch(scenario: Scenario, tell: Tell) -> Kernel:
    """Whatever it needs, the kernel too."""
    tell({"phase": "kernel and packages"})
    with fetching():
        return fetch_packages(scenario)


def life_of(scenario: Scenario) -> float:
    """Seconds that all of a run may take when everything is fetched."""
    return scenario.guest.seconds + AFTER_SECONDS + JUDGING_SECONDS


def run_and_judge(scenario: Scenario, folder: Folder, checks: Recorder, tell: Tell) -> Kernel | None:
    """The run itself; whatever goes wrong is a check that failed."""
    kernel = None
    with checks.guard("drill"):
        try:
            kernel = fetch(scenario, tell)
            tell({"begun": life_of(scenario)})
            drill(scenario, folder, lambda text: tell({"phase": text})).run()
        except Unavailable as err:
            checks.skip("drill", str(err))
            return kernel
        checks.expect("drill", True)
        tell({"phase": "judges"})
        judge_all(folder, scenario, checks)
    return kernel


def empty_result(run: Run, scenario: Scenario) -> Result:
    """What is known of a run before it is made."""
    guest = scenario.guest
    return Result(
        id=run.id,
        scenario=scenario.name,
        about=scenario.about,
        tags=scenario.tags,
        arch=ARCH,
        kernel="",
        kernel_source=run.kernel,
        target=run.target,
        faults=run.faults,
        crashkernel=guest.crashkernel,
        memory_mib=guest.memory_mib,
        cpus=guest.cpus,
        accelerator="",
        verdict=SKIPPED,
        why="",
        seconds=0,
    )


def booted_with(folder: Folder) -> str:
    """The accelerator; empty: it ended before it had booted."""
    try:
        return folder.facts().accelerator
    except LabError:
        return ""


def run_one(run: Run, path: Path, tell: Tell) -> Result:
    """A run's result; its folder has what it left."""
    started = time.monotonic()
    scenario, folder = run.load(), Folder(path)
    result = empty_result(run, scenario)
    checks = Recorder(scenario.name, tell)
    try:
        kernel = run_and_judge(scenario, folder, checks, tell)
        if kernel:
            result = replace(result, kernel=kernel.version, kernel_source=kernel.source)
        if accelerator := booted_with(folder):
            result = replace(result, accelerator=accelerator)
        if path.is_dir():
            result = replace(result, **timeline.facts_of(folder, scenario))
    except Exception as err:  # pylint: disable=broad-exception-caught
        traceback.print_exc()  # a mistake of ours: the other runs go on
        checks.expect("drill", False, f"{type(err).__name__}: {err}")
    verdict, why = checks.verdict()
    seconds = round(time.monotonic() - started, 1)
    return replace(result, verdict=verdict, why=why, seconds=seconds, checks=checks.found)


def main() -> int:
    """Events go where standard output was; what else is printed is for whoever looks for a mistake."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `finally` runs
    words: dict[str, Any] = json.loads(sys.argv[1])
    run = Run(overlays=tuple(words.pop("overlays")), **words)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)

        def tell(event: dict[str, Any]) -> None:
            print(json.dumps(event), file=out, flush=True)

        tell({"result": asdict(run_one(run, Path(sys.argv[2]), tell))})
    return 0


if __name__ == "__main__":
    sys.exit(main())
