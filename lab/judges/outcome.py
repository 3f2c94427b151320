# SPDX-License-Identifier: GPL-2.0-or-later
"""Did the capture end as the scenario says: files, crash.json, and words on the console?"""

import json
import re
from pathlib import Path
from typing import Any

from ..checks import Checks
from ..console import PANIC
from ..crash import Folder
from ..errors import LabError
from ..scenario import Scenario

SCHEMA = "lifeboat-crash-1"
FOLDER_NAME = re.compile(r"(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\dZ)")
IMAGE_LIMIT = 1_500_000
PANIC_LINE = "sysrq triggered crash"


def read_record(path: Path) -> dict[str, Any]:
    """crash.json."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise LabError(f"{path.name}: {err}") from err
    if not isinstance(record, dict):
        raise LabError(f"{path.name} holds no object")
    return record


def judge_console(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The guest ends in time, and the operator can read the reason of a failure."""
    console = folder.console()
    panic, end = console.find(PANIC), console.lines[-1].seconds
    seconds = end - panic.seconds if panic else end
    why = f"{seconds:.0f} s from the panic to the end, expected {scenario.expect.seconds} at most"
    in_time = seconds <= scenario.expect.seconds
    checks.expect("ended-in-time", in_time, why, f"{seconds:.1f} s after the panic")
    console = console.after(PANIC)
    for number, pattern in enumerate(scenario.expect.console, start=1):
        why = f"no line matches {pattern!r}; the console ended with\n{console.tail()}"
        checks.expect(f"console-{number}", console.find(pattern) is not None, why)
    for number, pattern in enumerate(scenario.expect.never, start=1):
        line = console.find(pattern)
        checks.expect(f"never-{number}", line is None, line.text if line else "")
    again = console.find(PANIC)
    checks.expect("no-second-panic", again is None, again.text if again else "")


def judge_files(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """What the capture left on the disk, and what it must not have left."""
    if not scenario.expect.present:
        left = [str(path.relative_to(folder.captured)) for path in folder.crash_folders()]
        checks.expect("nothing-written", not left, f"found {left}")
        return
    crash = folder.crash_folder()
    checks.expect("folder-name", bool(FOLDER_NAME.fullmatch(crash.name)), crash.name)
    for name in scenario.expect.present:
        path = crash / name
        size = path.stat().st_size if path.is_file() else 0
        checks.expect(f"file-{name}", size > 0, "missing or empty", f"{size} bytes")
    for name in scenario.expect.absent:
        checks.expect(f"no-file-{name}", not (crash / name).exists(), "is there")


def judge_log(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """What the crashed kernel said about its machine: that it was the one that the scenario wants."""
    log = (folder.crash_folder() / "dmesg.txt").read_text(encoding="utf-8", errors="replace")
    for number, pattern in enumerate(scenario.expect.dmesg, start=1):
        found = re.search(pattern, log, re.MULTILINE)
        checks.expect(f"log-{number}", bool(found), f"no match for {pattern!r}",
                      found.group() if found else "")


def judge_image(folder: Folder, checks: Checks) -> None:
    """The capture kernel's image stays small: it lives in the reserved memory."""
    size = folder.capture_image.stat().st_size
    why = f"{size} bytes, {IMAGE_LIMIT} at most"
    checks.expect("image-size", size <= IMAGE_LIMIT, why, f"{size} bytes")


def judge_record(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """crash.json: says what happened, and agrees with the files beside it."""
    crash = folder.crash_folder()
    record = read_record(crash / "crash.json")
    try:
        said = {
            "schema": record["schema"],
            "result": record["capture"]["result"],
            "kernel": record["kernel"]["release"],
            "panic": PANIC_LINE if PANIC_LINE in record["crash"]["panic"] else "",
            "time": record["crash"]["time"],
            "log-bytes": record["log"]["bytes"],
            "dump-bytes": record["dump"].get("bytes"),
        }
        phases = [(p["name"], p["start_ms"], p["took_ms"]) for p in record["capture"]["phases"]]
    except (KeyError, TypeError, AttributeError) as err:
        raise LabError(f"crash.json lacks a field: {err!r}; {record}") from err
    dump = crash / "vmcore"
    true = {
        "schema": SCHEMA,
        "result": scenario.expect.result,
        "kernel": folder.facts().kernel,
        "panic": PANIC_LINE,
        "time": FOLDER_NAME.sub(r"\1\2:\3:\4", crash.name),
        "log-bytes": (crash / "dmesg.txt").stat().st_size,
        "dump-bytes": dump.stat().st_size if dump.exists() else None,
    }
    for name, value in true.items():
        checks.expect(f"record-{name}", said[name] == value, f"{said[name]!r}, not {value!r}")
    judge_phases(phases, folder.facts().seconds, checks)


def judge_phases(phases: list[tuple[str, int, int]], limit: float, checks: Checks) -> None:
    """Phases one after another, and together no longer than the guest lived."""
    names = [name for name, _, _ in phases]
    good = bool(phases) and all(took >= 0 for _, _, took in phases)
    for (_, start, took), (_, following, _) in zip(phases, phases[1:]):
        good = good and following >= start + took
    good = good and phases[-1][1] + phases[-1][2] < limit * 1000
    checks.expect("record-phases", good, f"{phases}, guest lived {limit:.1f} s", ", ".join(names))


def judge(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The whole outcome."""
    with checks.guard("console"):
        judge_console(folder, scenario, checks)
    judge_image(folder, checks)
    with checks.guard("files"):
        judge_files(folder, scenario, checks)
    if scenario.expect.dmesg:
        with checks.guard("log"):
            judge_log(folder, scenario, checks)
    if "crash.json" in scenario.expect.present:
        with checks.guard("record"):
            judge_record(folder, scenario, checks)
