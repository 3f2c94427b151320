# SPDX-License-Identifier: GPL-2.0-or-later
"""Did the capture end as the scenario says: files, crash.json, and words on the console?"""

import re

from ..checks import Checks
from ..console import DIED, PANIC, Console
from ..crash import CRASH_FOLDER, Folder
from ..errors import LabError
from ..places import COPIES
from ..scenario import Scenario
from .record import read_record

SCHEMA = "lifeboat-crash-1"
# What the kernel puts above each: why it wrote it, in the words of Linux before 5.8 and since (kmsg_dump_reason_str()).
RESTART_RECORD = re.compile(r"(Restart|Shutdown)#\d+ Part\d+\n")


def judge_console(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The guest ends in time, and the operator can read the reason of a failure."""
    console = folder.console()
    panic, end = console.find(DIED), console.lines[-1].seconds
    seconds = end - panic.seconds if panic else end
    why = f"{seconds:.0f} s from the panic to the end, expected {scenario.expect.seconds} at most"
    in_time = seconds <= scenario.expect.seconds
    checks.expect("ended-in-time", in_time, why, f"{seconds:.1f} s after the panic")
    console = console.after(DIED)
    for number, pattern in enumerate(scenario.expect.console, start=1):
        why = f"no line matches {pattern!r}; the console ended with\n{console.tail()}"
        checks.expect(f"console-{number}", console.find(pattern) is not None, why)
    for number, pattern in enumerate(scenario.expect.never, start=1):
        line = console.find(pattern)
        checks.expect(f"never-{number}", line is None, line.text if line else "")
    if scenario.expect.after:
        after = Console.read(folder.after_log)
        for number, pattern in enumerate(scenario.expect.after, start=1):
            why = f"no line matches {pattern!r}; the console ended with\n{after.tail()}"
            checks.expect(f"after-{number}", after.find(pattern) is not None, why)
    panics = [line.text for line in console.lines if re.search(PANIC, line.text)]
    good = 1 + len(panics) == scenario.expect.panics
    checks.expect("panics", good, f"{panics} after the first one, {scenario.expect.panics} in all")


def judge_files(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """What the capture left on the disk, and what it must not have left."""
    if not scenario.expect.present:
        left = [path.name for path in folder.crash_folders(scenario.expect.at)]
        checks.expect("nothing-written", not left or bool(scenario.expect.places), f"found {left}")
        return
    crash = folder.crash_folder()
    number = len(folder.crash_folders(scenario.expect.at))
    good = number == 1 or bool(scenario.expect.places)  # which says how many
    checks.expect("one-folder", good, f"{number} crash folders")
    checks.expect("folder-name", bool(CRASH_FOLDER.fullmatch(crash.name)), crash.name)
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


def judge_image(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The capture kernel's image stays small: it lives in the reserved memory."""
    size, limit = folder.capture_image.stat().st_size, scenario.expect.image_kib << 10
    if scenario.guest.kernel:
        checks.skip("image-size", f"{size} bytes; {limit} were allowed with the drivers of Debian's kernel for clouds")
        return
    checks.expect("image-size", size <= limit, f"{size} bytes, {limit} at most", f"{size} bytes")


def judge_record(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """crash.json: says what happened, and agrees with the files beside it."""
    crash = folder.crash_folder()
    record = read_record(crash / "crash.json")
    try:
        said = {
            "schema": record["schema"],
            "result": record["capture"]["result"],
            "kernel": record["kernel"]["release"],
            "panic": bool(re.search(scenario.death.panic, record["crash"]["panic"] or "")),
            "time": record["crash"]["time"],
            "log-bytes": record["log"]["bytes"],
            "dump-bytes": record["dump"].get("bytes"),
        }
        phases = [(p["name"], p["start_ms"], p["took_ms"]) for p in record["capture"]["phases"]]
    except (KeyError, TypeError, AttributeError) as err:
        raise LabError(f"crash.json lacks a field: {err!r}; {record}") from err
    dump, log = crash / "vmcore", crash / "dmesg.txt"
    true = {
        "schema": SCHEMA,
        "result": scenario.expect.result,
        "kernel": folder.facts().kernel,
        "panic": log.exists(),
        "time": CRASH_FOLDER.sub(r"\1\2:\3:\4", crash.name),
        "log-bytes": log.stat().st_size if log.exists() else 0,
        "dump-bytes": dump.stat().st_size if dump.exists() else None,
    }
    true |= {name: None for name in scenario.expect.unknown}
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


def judge_pstore(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The capture kernel's own log in firmware variables, which it wrote when it restarted."""
    records = sorted((folder.places / COPIES / "pstore").glob("dmesg-*"))
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in records]
    others = [p.name for p, text in zip(records, texts) if not RESTART_RECORD.match(text)]
    told = f"{len(records)} records, {sum(map(len, texts))} bytes"
    checks.expect("pstore", bool(records) and not others, f"{told}; of no restart: {others}", told)
    for number, pattern in enumerate(scenario.expect.pstore, start=1):
        found = any(re.search(pattern, text, re.MULTILINE) for text in texts)
        checks.expect(f"pstore-{number}", found, f"{told}: no line matches {pattern!r}")


def judge(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The whole outcome."""
    with checks.guard("console"):
        judge_console(folder, scenario, checks)
    judge_image(folder, scenario, checks)
    with checks.guard("files"):
        judge_files(folder, scenario, checks)
    if scenario.expect.pstore:
        with checks.guard("pstore"):
            judge_pstore(folder, scenario, checks)
    if scenario.expect.dmesg:
        with checks.guard("log"):
            judge_log(folder, scenario, checks)
    if "crash.json" in scenario.expect.present:
        with checks.guard("record"):
            judge_record(folder, scenario, checks)
