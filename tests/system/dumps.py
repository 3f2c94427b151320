# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person sees of captured crashes: list, show, prune of a made machine; its next boot."""

import json
import os
import pty
import shlex
import socket
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab.checks import Checks
from lab.paths import program

from .subject import Subject

NAMES = ("2025-11-22T15-06-39Z", "2025-11-23T15-06-39Z", "2025-11-24T15-06-39Z")
PANIC = "Kernel panic - not syncing: \x1b]0;title\x07 " + "long " * 30
SECONDS = 20


def make(root: Path) -> Path:
    """A machine with three crashes: a whole one, a log, and one whose record is none."""
    folder = root / "var/crash"
    for name, result, dump in zip(NAMES, ("complete", "log-only", None), (True, False, False)):
        crash = folder / name
        crash.mkdir(parents=True)
        record = {
            "schema": "lifeboat-crash-1",
            "kernel": {"release": "6.1.0-56-cloud-amd64"},
            "crash": {"time": name[:13] + ":" + name[14:16] + ":" + name[17:], "panic": PANIC},
            "capture": {"result": result},
        }
        text = json.dumps(record, separators=(",", ":")) if result else "\x1b[2J{"
        (crash / "crash.json").write_text(text + "\n")
        (crash / "dmesg.txt").write_text("[    1.0] one\n[    2.0] \x1b[31mtwo\n")
        if dump:
            (crash / "vmcore").write_bytes(b"KDUMP")
    return folder


def ours(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command on that machine."""
    return subprocess.run(
        [program("lifeboat"), words[0], "--root", root, *words[1:]],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )


def on_terminal(root: Path, *words: str) -> str:
    """The same, with a terminal of 80 columns and without colours for its output."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [program("lifeboat"), words[0], "--root", root, *words[1:]],
        stdout=slave, stderr=slave, env={**os.environ, "TERM": "dumb"},
    ) as child:
        os.close(slave)
        out = b""
        try:
            while piece := os.read(master, 65536):
                out += piece
        except OSError:  # the other end is closed
            pass
        child.wait(SECONDS)
    os.close(master)
    return out.decode().replace("\r\n", "\n")


def is_plain(text: str) -> bool:
    """No control character but ends of lines."""
    return all(char == "\n" or char.isprintable() for char in text)


def judge_list(root: Path, checks: Checks) -> None:
    """The table fits its terminal and is the same crashes as the JSON."""
    table = on_terminal(root, "list")
    lines = table.splitlines()
    widest = max(map(len, lines))
    checks.expect("table", len(lines) == 4 and widest <= 80, f"{widest} columns: {table}")
    checks.expect("table-newest-first", lines[1].strip().startswith(NAMES[2]), table)
    piped = ours(root, "list").stdout
    checks.expect("plain", is_plain(table) and is_plain(piped) and "long long" in piped, piped)
    told: Any = json.loads(ours(root, "list", "--json").stdout)
    found = [(one["name"], one["result"]) for one in told["crashes"]]
    want = list(zip(reversed(NAMES), (None, "log-only", "complete")))
    checks.expect("json", found == want and told["crashes"][2]["panic"] == PANIC, str(found))


def judge_show(root: Path, checks: Checks) -> None:
    """All of one crash, as text without a control character, and as JSON with what there is."""
    text = ours(root, "show", NAMES[0]).stdout
    wanted = ("crash VMLINUX /var/crash/", "complete: log and dump are whole", "\\x1b[31mtwo")
    checks.expect("show", is_plain(text) and all(part in text for part in wanted), text)
    told: Any = json.loads(ours(root, "show", "latest", "--json").stdout)
    checks.expect("show-json", told["name"] == NAMES[2] and bool(told["record_error"]), str(told))
    lost = ours(root, "show", "2020-01-01T00-00-00Z")
    checks.expect("show-none", lost.returncode == 6 and "lifeboat list" in lost.stderr, lost.stderr)


def judge_pasting(root: Path, folder: Path, checks: Checks) -> None:
    """A folder that a user named ran what he liked when a line of `show` was pasted into root's shell."""
    name = "x;touch $(echo pasted)'\"`id`"
    crash = folder / name
    crash.mkdir()
    (crash / "crash.json").write_text('{"schema":"lifeboat-crash-1"}\n')
    text = ours(root, "show", f"/var/crash/{name}").stdout
    lines = [line for line in text.splitlines() if line.startswith("  lifeboat verify ")]
    words = shlex.split(lines[0]) if lines else []
    checks.expect("show-pasted", words == ["lifeboat", "verify", f"/var/crash/{name}"], text)
    (crash / "crash.json").unlink()
    crash.rmdir()


def judge_boot(root: Path, checks: Checks) -> None:
    """Each crash is told to the journal once."""
    (root / "run/systemd/journal").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(root / "run/systemd/journal/socket"))
        journal.settimeout(1)
        first, second = ours(root, "collect", "--boot"), ours(root, "collect", "--boot")
        entries = []
        try:
            while True:
                entries.append(journal.recv(65536).decode())
        except TimeoutError:
            pass
    good = first.returncode == second.returncode == 0 and not first.stderr + second.stderr
    checks.expect("boot", good and len(entries) == 3, f"{entries} {first} {second}")
    named = all(name in text for name, text in zip(NAMES, entries))
    checks.expect("boot-entries", named and all(is_plain(text) for text in entries), str(entries))


def judge_prune(root: Path, folder: Path, checks: Checks) -> None:
    """Nothing goes without a limit or in a dry run; then the log-only crash is what may."""
    none = ours(root, "prune")
    checks.expect("prune-no-limit", none.returncode == 2 and "keep_count" in none.stderr)
    dry = ours(root, "prune", "-n", "--keep-count", "1").stdout
    there = len(list(folder.iterdir())) == len(NAMES)
    checks.expect("prune-dry", there and f"{NAMES[1]}: " in dry and "1 would go" in dry, dry)
    old = folder / "2025-11-21T00-00-00Z"
    old.mkdir()
    (old / "crash.json").write_text('{"schema":"lifeboat-crash-1"}\n')
    told: Any = json.loads(ours(root, "prune", "--keep-count", "2", "--json").stdout)
    left = sorted(one.name for one in folder.iterdir())
    checks.expect("prune", left == sorted(NAMES) and told["removed"] == 1, f"{left} {told}")


def judge(_subject: Subject, checks: Checks) -> None:
    """All of it; needs no dump."""
    with TemporaryDirectory() as name:
        root = Path(name)
        folder = make(root)
        judge_list(root, checks)
        judge_show(root, checks)
        judge_pasting(root, folder, checks)
        judge_boot(root, checks)
        judge_prune(root, folder, checks)
