# SPDX-License-Identifier: GPL-2.0-or-later
"""The forms in which a dump comes and goes: streams and split sets. makedumpfile judges, where it is installed.

A check returns None, or what is wrong.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from dumps import HERE, elf_memory, make, unflatten
from lab import kdump

USAGE, CORRUPT, UNSUPPORTED, NOT_FOUND, CUT = 2, 4, 5, 6, 11
SECONDS = 60


class Wrong(Exception):
    """Why a check failed."""


def command(argv: list[str | Path], stdin: bytes = b"", status: int = 0) -> tuple[bytes, str]:
    """Standard output and standard error of a command that must end with this status."""
    done = subprocess.run([str(arg) for arg in argv], input=stdin, capture_output=True,
                          timeout=SECONDS, check=False)
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode != status:
        raise Wrong(f"{' '.join(map(str, argv))}: exit {done.returncode}: {said}")
    return done.stdout, said


def kernel_dump(folder: Path) -> Path:
    return make(HERE / "x86_64-4level.desc", folder)


def pages(path: Path) -> dict[int, bytes]:
    """The pages of a kdump file or of an ELF vmcore."""
    data = path.read_bytes()
    if data.startswith(b"\177ELF"):
        return elf_memory(data)
    return dict(kdump.Kdump(path).pages())


def expect_same_pages(got: Path, want: Path) -> None:
    have, needed = pages(got), pages(want)
    odd = sorted(pfn for pfn in have.keys() | needed.keys() if have.get(pfn) != needed.get(pfn))
    if odd or not needed:
        raise Wrong(f"{got.name} and {want.name}: page frames {[hex(p) for p in odd[:5]]} differ")


def flatten_as(lifeboat: str, options: list[str], dump: Path, folder: Path) -> None:
    """-F: nothing but the stream on standard output, in it what a file would have been."""
    plain, carried = folder / "plain", folder / "carried"
    command([lifeboat, "filter", "-q", "-f", "-d", "31", *options, dump, plain])
    stream, said = command([lifeboat, "filter", "-F", "-d", "31", *options, dump])
    if "kept with data" not in said:
        raise Wrong(f"the statistics are not on standard error: {said}")
    carried.write_bytes(unflatten(stream))
    expect_same_pages(carried, plain)
    ours = folder / "ours"
    command([lifeboat, "filter", "-q", "-f", "-R", ours], stdin=stream)
    if ours.read_bytes() != carried.read_bytes():
        raise Wrong(f"{options}: -R and the records disagree")
    if theirs := shutil.which("makedumpfile"):
        command([theirs, "-f", "-R", folder / "theirs"], stdin=stream)
        if (folder / "theirs").read_bytes() != ours.read_bytes():
            raise Wrong(f"{options}: makedumpfile -R gives another file")


def check_flatten(lifeboat: str, folder: Path) -> str | None:
    dump = kernel_dump(folder)
    try:
        for options in ["-l"], ["-E"], []:
            flatten_as(lifeboat, options, dump, folder)
        command([lifeboat, "filter", "-F", "-d", "31,1", dump], status=USAGE)
    except Wrong as why:
        return str(why)
    return None


def check_flattened_input(lifeboat: str, folder: Path) -> str | None:
    """A stream on standard input is as good as the file; what is cut or no dump is refused."""
    dump = kernel_dump(folder)
    try:
        command([lifeboat, "filter", "-q", "-d", "31", dump, folder / "plain"])
        stream, _ = command([lifeboat, "filter", "-q", "-F", dump])
        command([lifeboat, "filter", "-q", "-d", "31", "-", folder / "piped"], stdin=stream)
        expect_same_pages(folder / "piped", folder / "plain")
        # and so is a dump as it is, which an encrypted one may be, too
        command([lifeboat, "filter", "-q", "-f", "-d", "31", "-", folder / "piped"], stdin=dump.read_bytes())
        expect_same_pages(folder / "piped", folder / "plain")
        for name in "info", "verify":
            out, _ = command([lifeboat, name, "-"], stdin=stream)
            if b"kdump-compressed" not in out:
                raise Wrong(f"{name} -: {out!r}")
        command([lifeboat, "filter", "-", folder / "out"], stdin=stream[:-16], status=CORRUPT)
        command([lifeboat, "filter", "-", folder / "out"], stdin=b"no dump" * 10, status=UNSUPPORTED)
        command([lifeboat, "filter", "-R", folder / "out"], stdin=b"no", status=UNSUPPORTED)
        if list(folder.glob("out*")):
            raise Wrong("something is left behind")
        # what came of a stream that was cut is all that there is of the dump
        command([lifeboat, "filter", "-R", folder / "out"], stdin=stream[:-16], status=CORRUPT)
        if [p.name for p in folder.glob("out*")] != ["out.incomplete"]:
            raise Wrong("what came of a stream that was cut is not in out.incomplete")
        command([lifeboat, "filter", "-q", dump, folder / "all"])
        expect_same_pages(folder / "out.incomplete", folder / "all")
    except Wrong as why:
        return str(why)
    return None


def check_flatten_by_makedumpfiles_name(lifeboat: str, folder: Path) -> str | None:
    dump = kernel_dump(folder)
    name = folder / "makedumpfile"
    name.symlink_to(lifeboat)
    try:
        stream, said = command([name, "-F", "-l", "--message-level", "7", "-d", "31", dump])
        if "saved to STDOUT" not in said:
            raise Wrong(f"-F said {said}")
        out, _ = command([name, "-R", folder / "out"], stdin=stream)
        if b"saved to" not in out or kdump.Kdump(folder / "out").level != 31:
            raise Wrong(f"-R said {out!r}")
    except Wrong as why:
        return str(why)
    return None


def make_set(folder: Path, *bounds: int) -> list[Path]:
    """kdump-small.desc as a set, a file from each bound to the next; the last one is flattened."""
    files = []
    for index, (start, end) in enumerate(zip(bounds, bounds[1:])):
        description = folder / f"part{index}.desc"
        description.write_text(f"include {HERE}/kdump-small.desc\nsplit {start:#x} {end:#x}\n"
                               + ("flatten piece=8K\n" if index == len(bounds) - 2 else ""))
        files.append(make(description, folder))
    return files


def join_by_makedumpfile(files: list[Path], out: Path) -> bool:
    """False if it is not installed. It wants to seek in every file."""
    theirs = shutil.which("makedumpfile")
    if not theirs:
        return False
    plain = []
    for file in files:
        plain.append(file.with_suffix(".plain"))
        plain[-1].write_bytes(unflatten(file.read_bytes()))
    command([theirs, "--reassemble", *plain, out])
    return True


def check_set(lifeboat: str, folder: Path) -> str | None:
    """Page frames on both sides of a word, inside one, none at all; pages that share their data."""
    try:
        whole = make(HERE / "kdump-small.desc", folder)
        files = make_set(folder, 0, 0x21, 0x40, 0x40, 0x68)
        command([lifeboat, "filter", "--reassemble", *reversed(files), folder / "joined"])
        expect_same_pages(folder / "joined", whole)
        if kdump.Kdump(folder / "joined").notes() != kdump.Kdump(whole).notes():
            raise Wrong("other notes")
        # it takes no file without page frames in between
        if join_by_makedumpfile(files[:2] + files[3:], folder / "theirs"):
            expect_same_pages(folder / "theirs", folder / "joined")
        out, _ = command([lifeboat, "info", *files])
        if "in the dump      139264 bytes" not in out.decode():
            raise Wrong(f"info: {out!r}")
    except Wrong as why:
        return str(why)
    return None


def check_set_with_a_file_missing(lifeboat: str, folder: Path) -> str | None:
    try:
        files = make_set(folder, 0, 0x21, 0x40, 0x68)
        left = [files[2], files[0]]
        _, said = command([lifeboat, "info", *left], status=NOT_FOUND)
        if "16 pages of the dump" not in said or "page frames 0x21-0x2f" not in said:
            raise Wrong(f"info: {said}")
        out, _ = command([lifeboat, "info", "--allow-missing", *left])
        if b"incomplete" not in out:
            raise Wrong(f"info --allow-missing: {out!r}")
        command([lifeboat, "filter", "--reassemble", *left, folder / "out"], status=NOT_FOUND)
        command([lifeboat, "filter", "--reassemble", "--allow-missing", *left, folder / "part"])
        if not kdump.Kdump(folder / "part").status & kdump.STATUS_INCOMPLETE:
            raise Wrong("what lacks pages does not say that it is incomplete")
        command([lifeboat, "info", *files, files[0]], status=CORRUPT)
        command([lifeboat, "info", files[0]], status=UNSUPPORTED)
        whole = make(HERE / "kdump-small.desc", folder)
        command([lifeboat, "info", *files, whole], status=UNSUPPORTED)
        command([lifeboat, "filter", "--reassemble", whole, folder / "out"], status=UNSUPPORTED)
        command([lifeboat, "filter", "--reassemble", "-l", *files, folder / "out"], status=USAGE)
        if list(folder.glob("out*")):
            raise Wrong("something is left behind")
    except Wrong as why:
        return str(why)
    return None


def split(lifeboat: str, dump: Path, folder: Path, count: int, *options: str) -> list[Path]:
    files = [folder / f"split{index}" for index in range(count)]
    command([lifeboat, "filter", "-q", "-f", "--split", *options, dump, *files])
    return files


def check_split(lifeboat: str, folder: Path) -> str | None:
    """What --split writes is one dump for us and, where it is installed, for makedumpfile."""
    dump, joined, plain = kernel_dump(folder), folder / "joined", folder / "plain"
    try:
        for count, options in (2, ("-l", "-d", "31")), (5, ("-d", "1")), (40, ("-z", "-d", "16")):
            command([lifeboat, "filter", "-q", "-f", *options, dump, plain])
            files = split(lifeboat, dump, folder, count, *options)
            command([lifeboat, "verify", *files])
            command([lifeboat, "filter", "-q", "-f", "--reassemble", *files, joined])
            expect_same_pages(joined, plain)
            command([lifeboat, "filter", "-q", "-f", "-c", *options[-2:], *files, joined])
            expect_same_pages(joined, plain)
            if join_by_makedumpfile(files, folder / "theirs"):
                expect_same_pages(folder / "theirs", plain)
                (folder / "theirs").unlink()
        command([lifeboat, "filter", "--split", dump, folder / "a", folder / "a"], status=USAGE)
        command([lifeboat, "filter", "--split", "-E", dump, folder / "a", folder / "b"],
                status=USAGE)
        command([lifeboat, "filter", "--split", dump, folder / "a", plain], status=USAGE)
        if list(folder.glob("a*")):
            raise Wrong("something is left behind")
    except Wrong as why:
        return str(why)
    return None


def check_levels_with_a_limit(lifeboat: str, folder: Path) -> str | None:
    """A limit that a leaner level keeps within is no reason to cut the first one."""
    dump, out = make(HERE / "layout-6.12.desc", folder), folder / "out"
    try:
        size = {}
        for level in "0", "31":
            command([lifeboat, "filter", "-q", "-d", level, dump, folder / level])
            size[level] = (folder / level).stat().st_size
        limit = str((size["0"] + size["31"]) // 2)
        command([lifeboat, "filter", "-q", "-d", "0,31", "-L", limit, dump, out])
        expect_same_pages(out, folder / "31")
        command([lifeboat, "filter", "-q", "-f", "-d", "31,0", "-L", limit, dump, out])
        expect_same_pages(out, folder / "31")
        limit = str(size["31"] - 1)
        command([lifeboat, "filter", "-q", "-f", "-d", "0,31", "-L", limit, dump, out], status=CUT)
    except Wrong as why:
        return str(why)
    return None


def check_fifos_are_not_waited_for(lifeboat: str, folder: Path) -> str | None:
    """A crash's folder that somebody else made up: neither its manifest nor its dump blocks."""
    dump = kernel_dump(folder)
    one, two = folder / "one", folder / "two"
    one.mkdir()
    two.mkdir()
    os.mkfifo(one / "SHA256SUMS")
    os.mkfifo(one / "vmcore")
    os.mkfifo(two / "SHA256SUMS")
    shutil.copy(dump, two / "vmcore")
    try:
        for path in one, two / "vmcore":
            if "is not a regular file" not in command([lifeboat, "verify", path], status=CORRUPT)[1]:
                raise Wrong(f"verify {path}: another error")
        log = b"log\n"
        (one / "dmesg.txt").write_bytes(log)
        (one / "SHA256SUMS").unlink()
        (one / "SHA256SUMS").write_text(f"{hashlib.sha256(log).hexdigest()}  dmesg.txt\n")
        command([lifeboat, "verify", one], status=CUT)
    except (Wrong, subprocess.TimeoutExpired) as why:
        return str(why)
    return None


def check_a_dump_that_was_sent(lifeboat: str, folder: Path) -> str | None:
    """Whoever asks for a dump that left the machine is told where it is, and no escape sequence of that name is."""
    crash = folder / "sent/2026-11-23T12-26-41Z"
    crash.mkdir(parents=True)
    sent = {"time": "2026-11-23T12:33:02Z", "target": "ssh u@far\x1b[2J /in", "name": "its-name",
            "verified": True, "dump": True}
    record = {"schema": "lifeboat-crash-1", "crash": {"time": "2026-11-23T12:26:41Z"}, "sent": sent}
    (crash / "dmesg.txt").write_text("log\n", encoding="ascii")
    (crash / "crash.json").write_text(json.dumps(record), encoding="ascii")
    try:
        for name in "report", "bt":
            said = command([lifeboat, name, crash], status=NOT_FOUND)[1]
            if r"its dump was sent to ssh u@far\x1b[2J /in, where it is its-name" not in said:
                raise Wrong(f"{name}: {said}")
        shown = command([lifeboat, "show", crash])[0].decode()
        if "not here any more: where it was sent" not in shown:
            raise Wrong(f"show: {shown}")
    except Wrong as why:
        return str(why)
    return None


CHECKS = [check_fifos_are_not_waited_for, check_flatten, check_flattened_input,
          check_flatten_by_makedumpfiles_name, check_set, check_set_with_a_file_missing, check_split,
          check_levels_with_a_limit, check_a_dump_that_was_sent]
