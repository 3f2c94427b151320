#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole check: every stage, one line a test that failed, and the sum as the last line.

    tests/check.py [STAGE…]        stages: see STAGES; all of them without an argument

A stage is a program that prints `ok NAME`, `SKIP NAME: why` and `FAIL NAME: why` lines (or TAP, for
cmocka). A stage that ends badly without having said why counts as one failure; a stage that shows no
test does too.
"""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
JOBS = str(os.cpu_count() or 2)
WAITING = 3  # unit tests beside each other for each CPU: they take five times the CPU's time, waiting for deadlines and children
SANITIZERS = "address,undefined"
# Sanitized code takes twice as long to compile with -O2, and warnings that are errors are for the build that is shipped: with
# less optimization they see things that are not there.
QUICKLY = ("CFLAGS=-O1 -g", "W=")

# Unit tests that start threads, and which of their tests: the others would only take minutes.
THREADED = {
    "test_filter": ("all_codecs*", "progress", "lost_pages*", "every_failure*"),
    "test_flat": ("*",),
    "test_kdump": ("*",),
    "test_sink_elf": ("*",),
    "test_target_raw": ("several_threads*",),
}


class Tally:
    """Counts of one stage or of all of them."""

    def __init__(self) -> None:
        self.passed = 0
        self.skipped = 0
        self.failed: list[str] = []

    def feed(self, line: str) -> None:
        """Take one line of a stage's output; what is not a result is not counted."""
        if re.match(r"^(not )?ok \d+ .*# SKIP", line):  # cmocka says "not ok" of what it skips
            self.skipped += 1
        elif line.startswith("SKIP "):
            self.skipped += 1
        elif re.match(r"^ok (\d+ - )?\S", line):
            self.passed += 1
        elif match := re.match(r"^(?:not ok (?:\d+ - )?|FAIL )(.*)", line):
            self.failed.append(match.group(1))

    def add(self, other: "Tally") -> None:
        self.passed += other.passed
        self.skipped += other.skipped
        self.failed += other.failed


def stream(tally: Tally, argv: list[str], env: dict[str, str] | None = None,
           echo_all: bool = False) -> None:
    """Run a program that prints results; what it prints besides them shows if it failed."""
    name = " ".join(Path(a).name if a.startswith("/") else a for a in argv[:4])
    before = len(tally.failed), tally.passed
    lines: list[str] = []
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          env={**os.environ, **(env or {})}) as process:
        assert process.stdout
        for line in process.stdout:
            line = line.rstrip("\n")
            lines.append(line)
            tally.feed(line)
            if echo_all:
                print(f"  {line}", flush=True)
        status = process.wait()
    failed, passed = len(tally.failed) - before[0], tally.passed - before[1]
    if status and not failed:
        tally.failed.append(f"{name}: exit status {status}")
        failed = 1
    if not failed and not passed:
        tally.failed.append(f"{name}: ran no test")
        failed = 1
    if failed and not echo_all:
        print("\n".join(f"  | {line}" for line in lines[-60:]), flush=True)


def make(tally: Tally, *args: str) -> bool:
    """Build something; a failed build is a failed test with its last lines shown."""
    run = subprocess.run(["make", f"-j{JOBS}", "W=1", *args], cwd=ROOT, capture_output=True,
                         text=True, errors="replace")
    if run.returncode:
        print("\n".join((run.stdout + run.stderr).splitlines()[-40:]))
        tally.failed.append(f"make {' '.join(args)}")
        return False
    tally.passed += 1
    return True


def stage_build(tally: Tally) -> None:
    make(tally, "all")


def stage_lint(tally: Tally) -> None:
    stream(tally, [PYTHON, "tests/lint.py"])


def run_unit(program: Path, env: dict[str, str]) -> Tally:
    tally = Tally()
    stream(tally, [str(program)], env)
    return tally


def tools() -> dict[str, str]:
    """The variables with which programs find the servers that are unpacked and not installed."""
    run = subprocess.run([PYTHON, "-m", "lab.tools"], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        print(f"  {run.stderr.strip()}", flush=True)
    return dict(line.split("=", 1) for line in run.stdout.splitlines())


def run_units(tally: Tally, build: Path) -> None:
    env = {"CMOCKA_MESSAGE_OUTPUT": "TAP", "ASAN_OPTIONS": "detect_leaks=1",
           "UBSAN_OPTIONS": "print_stacktrace=1", **tools()}
    programs = sorted((build / "unit").iterdir())
    with ThreadPoolExecutor(WAITING * int(JOBS)) as pool:
        for one in pool.map(lambda program: run_unit(program, env), programs):
            tally.add(one)


def stage_unit(tally: Tally) -> None:
    if make(tally, "unit-build"):
        run_units(tally, ROOT / "build")


def stage_sanitizers(tally: Tally) -> None:
    """The same unit tests, the commands on described dumps, and plans, under ASan and UBSan."""
    if make(tally, f"SAN={SANITIZERS}", *QUICKLY, "unit-build", "all"):
        build = ROOT / f"build/san-{SANITIZERS.replace(',', '-')}"
        run_units(tally, build)
        stream(tally, [PYTHON, "tests/described/run.py", str(build / "lifeboat")])
        stream(tally, [PYTHON, "tests/plans/run.py", str(build / "lifeboat")])
        stream(tally, [PYTHON, "tests/imports/run.py", str(build / "lifeboat")])


def stage_threads(tally: Tally) -> None:
    """What starts threads, under ThreadSanitizer; tests/system then filters a real vmcore with it."""
    build = "build/san-thread"
    programs = [f"{build}/unit/{name}" for name in THREADED]
    if not make(tally, "SAN=thread", *QUICKLY, f"{build}/lifeboat", *programs):
        return
    env = {"CMOCKA_MESSAGE_OUTPUT": "TAP", "TSAN_OPTIONS": "halt_on_error=1"}
    for program, patterns in zip(programs, THREADED.values(), strict=True):
        for pattern in patterns:
            stream(tally, [str(ROOT / program)], {**env, "UNIT_ONLY": pattern})


def stage_described(tally: Tally) -> None:
    stream(tally, [PYTHON, "tests/described/run.py", "build/lifeboat"])


def stage_people(tally: Tally) -> None:
    """Completion in real shells, a terminal's colours, the manual pages."""
    stream(tally, [PYTHON, "-m", "tests.people"])


def stage_drill(tally: Tally) -> None:
    """`lifeboat drill` without a guest: what is selected, run, told and compared."""
    if make(tally, "all"):
        stream(tally, [PYTHON, "-m", "tests.drill"])


def stage_html(tally: Tally) -> None:
    """The report's page in a headless browser."""
    if make(tally, "all", "build/unit/test_report"):
        stream(tally, [PYTHON, "-m", "tests.html"])


def stage_plans(tally: Tally) -> None:
    stream(tally, [PYTHON, "tests/plans/run.py", "build/lifeboat"])
    stream(tally, [PYTHON, "tests/imports/run.py", "build/lifeboat"])


def stage_records(tally: Tally) -> None:
    """Crash records in a real database."""
    if make(tally, "build/records-make"):
        stream(tally, [PYTHON, "-m", "tests.records"])


def stage_web(tally: Tally) -> None:
    """lifeboat-send against real servers, and what they can do wrong."""
    stream(tally, [PYTHON, "-m", "tests.web"])


def stage_fuzz(tally: Tally) -> None:
    if make(tally, "fuzzers"):
        stream(tally, [PYTHON, "tests/fuzz/run.py"])


def stage_packages(tally: Tally) -> None:
    """What is installed, units and hooks, and the packages."""
    stream(tally, [PYTHON, "-m", "tests.packages"])


def stage_system(tally: Tally) -> None:
    if make(tally, "judge"):
        stream(tally, [PYTHON, "-m", "tests.drill.failing"])
        stream(tally, [PYTHON, "-m", "tests.system"], echo_all=True)


STAGES = {
    "build": stage_build,
    "lint": stage_lint,
    "unit": stage_unit,
    "described": stage_described,
    "plans": stage_plans,
    "people": stage_people,
    "records": stage_records,
    "drill": stage_drill,
    "html": stage_html,
    "web": stage_web,
    "sanitizers": stage_sanitizers,
    "threads": stage_threads,
    "fuzz": stage_fuzz,
    "packages": stage_packages,
    "system": stage_system,
}


def main() -> int:
    wanted = sys.argv[1:] or list(STAGES)
    for name in wanted:
        if name not in STAGES:
            raise SystemExit(f"check: no stage '{name}'; there are: {', '.join(STAGES)}")
    total = Tally()
    for name in wanted:
        tally = Tally()
        begin = time.monotonic()
        print(f"== {name}", flush=True)
        STAGES[name](tally)
        print(f"== {name}: {tally.passed} passed, {len(tally.failed)} failed in "
              f"{time.monotonic() - begin:.0f} s", flush=True)
        total.add(tally)
    for failure in total.failed:
        print(f"FAILED: {failure}")
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"{total.passed} passed, {len(total.failed)} failed{skipped}")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
