# SPDX-License-Identifier: GPL-2.0-or-later
"""What verbs answer a person who may not see everything, or is mistaken."""

import hashlib
import json
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.people import machine

NOBODY = 65534
REFUSED, USAGE, NOT_FOUND = 9, 2, 6


class Person:
    """Somebody without privileges in front of a machine."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.root = folder / "lifeboat", folder / "machine"
        shutil.copy(program, self.program)  # a build may lie where nobody else may go
        machine.make("armed", self.root, program, folder)
        folder.chmod(0o755)

    def says(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.program, *argv, "--root", self.root], capture_output=True, text=True, timeout=60,
                              cwd="/", user=None if os.geteuid() else NOBODY, extra_groups=None if os.geteuid() else [])

    def owner_says(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.program, *argv, "--root", self.root], capture_output=True, text=True, timeout=60)


def check_hidden_crash(person: Person) -> str | None:
    """A crash in a folder of mode 0700 had 0 bytes, and no dump."""
    folder = person.root / "var/crash" / machine.NEWEST
    folder.chmod(0)
    text, table = person.says("list"), json.loads(person.says("list", "--json").stdout)
    show = person.says("show")
    folder.chmod(0o755)
    line = next(line for line in text.stdout.splitlines() if machine.NEWEST in line)
    if line.split()[1:3] != ["?", "?"] or "Permission denied" not in line:
        return f"list: {line!r}"
    crash = table["crashes"][0]
    if crash["bytes"] is not None or crash["dump_bytes"] is not None or not crash["record_error"]:
        return f"list --json: {crash}"
    if show.returncode != REFUSED or show.stdout or "Permission denied" not in show.stderr:
        return f"show: {show.returncode}, {show.stdout + show.stderr!r}"
    return None


def check_hidden_folder(person: Person) -> str | None:
    """To a user who may not look into the folder there were no crashes."""
    folder = person.root / "var/crash"
    if not json.loads(person.says("list", "--json").stdout)["all_seen"]:
        return "not all is seen where all is"
    folder.chmod(0)
    text, table = person.says("list"), json.loads(person.says("list", "--json").stdout)
    show, prune = person.says("show"), person.says("prune", "--keep-count", "1")
    folder.chmod(0o755)
    if text.stdout != "no crashes where one could look\n" or "Permission denied" not in text.stderr:
        return f"list: {text.stdout + text.stderr!r}"
    if table["all_seen"] or table["crashes"]:
        return f"list --json: {table}"
    if show.returncode != NOT_FOUND or "not everything could be looked at" not in show.stderr:
        return f"show: {show.stderr!r}"
    if not prune.returncode or prune.stdout:
        return f"prune: {prune.stdout!r}"
    return None


def check_mistake(person: Person) -> str | None:
    """Whoever had a mistake in the configuration could not list the crash that it was about."""
    config = person.root / "etc/lifeboat.conf"
    good = config.read_text()
    config.write_text(good + "no_such_key 1\n")
    text, show, prune = (person.says(*argv) for argv in (["list"], ["show"], ["prune", "--keep-count", "1"]))
    config.write_text(good)
    for said in (text, show):
        if said.returncode or machine.NEWEST not in said.stdout or "no_such_key" not in said.stderr:
            return f"{said.stdout + said.stderr!r}"
    return None if prune.returncode == USAGE and not prune.stdout else f"prune: {prune.stdout + prune.stderr!r}"


def check_limits(person: Person) -> str | None:
    """A limit of the command line was said to be in line 1 of a file; what makes room was \"more than keep_free\"."""
    wrong = person.says("prune", "--keep-count", "x")
    if wrong.returncode != USAGE or wrong.stderr != "lifeboat prune: keep_count: 'x' is not a number\n":
        return f"{wrong.stderr!r}"
    said = person.says("prune", "--dry-run", "--keep-free", "8000T").stdout
    return None if f"{machine.OLDER}: " in said and "would go, for keep_free\n" in said else f"{said!r}"


def check_reservation(person: Person) -> str | None:
    """The size was at the end of the longest line of a diff, and the way back in the manual only."""
    dry, done = (person.owner_says("reset-crashkernel", "--size", "96M", *more).stdout.splitlines()
                 for more in (["--dry-run"], []))
    if dry[:2] != ["boot loader: GRUB", "next boot:   crashkernel=96M"] or done[:2] != dry[:2]:
        return f"{dry[:2]}, {done[:2]}"
    return None if "--undo" in done[-1] and "--undo" not in dry[-1] else f"{dry[-1]!r}, {done[-1]!r}"


def raw_crash(state: int) -> bytes:
    """A partition with one crash, of which there is only the log (lifeboat-raw-partition(5))."""
    log = b"[    1.000000] Kernel panic\n"
    head = struct.pack("<8sII16sQQQII", b"LIFEBOAT", 1, state, b"id", 1700000000, 0, 12288, 1, 0)
    head += struct.pack("<16sQQ32s", b"dmesg.txt", 8192, len(log), hashlib.sha256(log).digest())
    head = head.ljust(480, b"\0")
    return (head + hashlib.sha256(head).digest()).ljust(8192, b"\0") + log.ljust(65536 - 8192, b"\0")


def check_collect_json(person: Person) -> str | None:
    """What was collected could be told apart by reading sentences only."""
    argv = ["collect", "--keep", "/dev/raw"]
    (person.root / "dev/raw").write_bytes(raw_crash(3))
    words, said = person.owner_says(*argv), person.owner_says(*argv, "--json")
    want = {"device": "/dev/raw", "state": "partial", "whole_dump": False}
    if words.returncode or not words.stdout.endswith(": partial\n"):
        return f"{words.stdout + words.stderr!r}"
    if said.returncode or said.stdout.count("\n") != 1:
        return f"{said.stdout + said.stderr!r}"
    table = json.loads(said.stdout)
    if not table["kept"] or len(table["collected"]) != 1 or not want.items() <= table["collected"][0].items():
        return f"{table}"
    folder = Path(table["collected"][0]["folder"])
    return None if (folder / "dmesg.txt").exists() and person.root in folder.parents else f"{folder}"


def check_last_crash(person: Person) -> str | None:
    """A dump that was removed since was still said to be there, and not where."""
    person.owner_says("collect", "--boot")
    shutil.rmtree(person.root / "var/crash" / machine.NEWEST)
    said = person.owner_says("status").stdout
    return None if f"a whole dump was saved to /var/crash/{machine.NEWEST}: " in said else f"{said!r}"


def check_reservation_json(person: Person) -> str | None:
    """The object was printed before anything was written: nothing in it said how that went."""
    argv = [person.program, "reset-crashkernel", "--json", "--root", person.root]
    way = Path(person.root, "etc/default/grub.d/.lifeboat.cfg.lifeboat")
    answers = []
    for more in (["--size", "112M", "--dry-run"], ["--size", "112M"], ["--size", "128M"]):
        if more == ["--size", "128M"]:
            (way / "x").mkdir(parents=True)  # it is written under this name, and then renamed
        done = subprocess.run([*argv, *more], capture_output=True, text=True, timeout=60)
        told = json.loads(done.stdout)
        answers.append((done.returncode, [f["written"] for f in told["files"]], told["error"], told["commands_run"]))
    (way / "x").rmdir()
    way.rmdir()
    if answers[:2] != [(0, [False], None, 0), (0, [True], None, 0)]:
        return f"{answers[:2]}"
    code, written, error, _ = answers[2]
    return None if code and written == [False] and "0 of 1 files were written" in error else f"{answers[2]}"


def run(program: Path, result: Callable[[str, str | None], None]) -> None:
    with tempfile.TemporaryDirectory() as temp:
        person = Person(program, Path(temp))
        result("a crash that may not be seen", check_hidden_crash(person))
        result("a folder that may not be seen", check_hidden_folder(person))
        result("the next boot's reservation", check_reservation(person))
        result("a mistake in the configuration", check_mistake(person))
        result("the next boot's reservation, as JSON", check_reservation_json(person))
        result("limits of the command line", check_limits(person))
        result("what is collected, as JSON", check_collect_json(person))
        result("the last crash", check_last_crash(person))
