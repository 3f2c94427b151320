# SPDX-License-Identifier: GPL-2.0-or-later
"""Colours are for terminals: `lifeboat check` of a recorded machine on a real one, on a dumb one, in a pipe."""

import json
import os
import pty
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MACHINE = "tests/roots/no-kexec"  # its kernel lacks enough for every kind of row
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
WIDTH = 80


def on_terminal(argv: list[str], env: dict[str, str]) -> str:
    """What a program writes to a terminal, with the terminal's carriage returns taken off."""
    master, slave = pty.openpty()
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    with subprocess.Popen(argv, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, env={**clean, **env}) as process:
        os.close(slave)
        text = b""
        try:
            while piece := os.read(master, 65536):
                text += piece
        except OSError:
            pass  # EIO: the other end is closed
        process.wait(timeout=20)
    os.close(master)
    return text.decode().replace("\r\n", "\n")


def check_colours(program: Path) -> str | None:
    argv = [str(program), "check", "--all", "--root", MACHINE]
    plain = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=20,
                           env={**os.environ, "TERM": "xterm"})
    piped = plain.stdout + plain.stderr
    coloured = on_terminal(argv, {"TERM": "xterm"})
    if ESCAPE.search(piped):
        return "a pipe gets escape sequences"
    for style in ("\x1b[1;31mFATAL", "\x1b[33mwarning", "\x1b[32mgood"):
        if style not in coloured:
            return f"a terminal does not get {style!r}"
    if ESCAPE.sub("", coloured) != piped:
        return "a terminal gets other words or columns than a pipe"
    for env in ({"TERM": "dumb"}, {}, {"TERM": "xterm", "NO_COLOR": "1"}):
        if on_terminal(argv, env) != piped:
            return f"with {env} there are escape sequences"
    if on_terminal(argv, {"TERM": "xterm", "NO_COLOR": ""}) != coloured:
        return "an empty NO_COLOR counts"
    return None


def check_hostile_text(program: Path) -> str | None:
    """The name of a command is the one text of others that every version echoes."""
    bad = b"\x1b[2Jx\x07\n\x9b1m\xc2\x9b\xe2\x80\xae\xc3\xa9\xed\xa0\x80"
    out = subprocess.run([program, bad], capture_output=True, timeout=20).stderr
    shown = rb"'\x1b[2Jx\x07\x0a\x9b1m\xc2\x9b\xe2\x80\xae" + "é".encode() + rb"\xed\xa0\x80'"
    if shown not in out:
        return f"it echoes {out!r}"
    return None


def check_hostile_messages(program: Path) -> str | None:
    """What messages and diffs quote went to the terminal as it was, or without its C0 controls only."""
    bad = b"\x1b[2J\xc2\x9b31m\xe2\x80\xae"
    shown = rb"\x1b[2J\xc2\x9b31m\xe2\x80\xae"
    said = subprocess.run([program, b"list", b"--config", b"/nowhere/" + bad], capture_output=True, timeout=20).stderr
    if shown not in said:
        return f"a message: {said!r}"
    with tempfile.TemporaryDirectory() as temp:
        conf = Path(temp) / "kdump.conf"
        conf.write_bytes(b"extra_bins " + bad[4:] + b"\n")  # a C0 control is refused anyway
        said = subprocess.run([program, "import", "--dry-run", conf], capture_output=True, timeout=20).stdout
        if rb"\xc2\x9b31m" not in said or b"\xc2\x9b" in said:
            return f"what import lists: {said!r}"
        line = b'GRUB_CMDLINE_LINUX_DEFAULT="crashkernel=1 ' + bad + b'"\n'
        for path, text in (("etc/default/grub", line), ("usr/sbin/grub-mkconfig", b"")):
            (Path(temp) / path).parent.mkdir(parents=True)
            (Path(temp) / path).write_bytes(text)
        argv = [str(program), "reset-crashkernel", "--remove", "--dry-run", "--root", temp]
        seen = on_terminal(argv, {"TERM": "xterm"})
        piped = subprocess.run(argv, capture_output=True, timeout=20).stdout
    if shown.decode() not in seen or "\x1b" in seen or "\n+GRUB" not in seen:
        return f"a diff on a terminal: {seen!r}"
    return None if b"+GRUB_CMDLINE_LINUX_DEFAULT=\"" + bad in piped else f"a diff for patch(1): {piped!r}"


def check_help(program: Path, commands: list[str]) -> str | None:
    for argv in ([], *([name] for name in commands)):
        text = subprocess.run([program, *argv, "--help"], capture_output=True, text=True, check=True,
                              timeout=20).stdout
        wide = [line for line in text.splitlines() if len(line) > WIDTH and not line.startswith("usage:")]
        if wide:
            return f"`lifeboat {' '.join([*argv, '--help'])}`: {wide[0]}"
        if argv and subprocess.run([program, "help", *argv], capture_output=True, text=True, check=True,
                                   timeout=20).stdout != text:
            return f"`lifeboat help {argv[0]}` says something else than --help"
    return None


def check_near(program: Path) -> str | None:
    for typed, meant in (("laod", "load"), ("statsu", "status"), ("initram", "initramfs"),
                         ("memusage", "mem-usage"), ("chek", "check")):
        run = subprocess.run([program, typed], capture_output=True, text=True, timeout=20)
        suggested = re.search(r"did you mean: (.*)\?", run.stderr)
        if run.returncode != 2 or not suggested or meant not in suggested.group(1).split(", "):
            return f"'{typed}' gives {run.returncode} and {run.stderr!r}"
    far = subprocess.run([program, "xyzzy"], capture_output=True, text=True, timeout=20)
    return f"xyzzy gives {far.stderr!r}" if "did you mean" in far.stderr or far.returncode != 2 else None


def check_list(program: Path) -> str | None:
    """Results by colour, and bare names for completion."""
    results = {"2026-11-22T15-06-54Z": "complete", "2026-11-22T15-06-53Z": "partial",
               "2026-11-22T15-06-52Z": "failed"}
    with tempfile.TemporaryDirectory() as temp:
        for name, result in results.items():
            folder = Path(temp) / name
            folder.mkdir()
            (folder / "crash.json").write_text(json.dumps({
                "schema": "lifeboat-crash-1", "crash": {"time": f"{name[:10]}T{name[11:19].replace('-', ':')}Z", "panic": "\x1b[31mBUG: made up"},
                "capture": {"result": result}}) + "\n")
        argv = [str(program), "list", temp]
        names = subprocess.run([*argv, "--names"], capture_output=True, text=True, timeout=20).stdout
        coloured = on_terminal(argv, {"TERM": "xterm"})
        plain = subprocess.run(argv, capture_output=True, text=True, timeout=20).stdout
    if names.splitlines() != list(results):
        return f"--names prints {names!r}"
    for style in ("\x1b[32mcomplete", "\x1b[33mpartial", "\x1b[1;31mfailed"):
        if style not in coloured:
            return f"{style!r} is not in {coloured!r}"
    if "\x1b" in plain or "\x1b[31mBUG" in coloured:
        return f"an escape sequence of a crash comes through: {coloured!r}"
    return None


def run(program: Path, commands: list[str], result: Callable[[str, str | None], None]) -> None:
    result("colours on a terminal only", check_colours(program))
    result("text of others cannot steer the terminal", check_hostile_text(program))
    result("nor what messages and diffs quote", check_hostile_messages(program))
    result("results of crashes are coloured", check_list(program))
    result("help fits 80 columns", check_help(program, commands))
    result("a wrong command suggests near ones", check_near(program))
