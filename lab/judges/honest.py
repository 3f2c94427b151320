# SPDX-License-Identifier: GPL-2.0-or-later
"""After every crash: nothing that existed before is damaged, and no file claims to be whole that is not.

Each crash folder that is found anywhere, and each entry of a raw partition, is one of

    complete    log, record and a whole dump
    dump        a whole dump without a log
    partial     an incomplete dump, labelled so
    log         the log without a dump
    record      only the record
    empty       nothing that counts

What a scenario expects of each disk is a list of these words, the earliest crash first; "log|partial" is either, "nothing"
stands for a crash that may as well not be there.
"""

import hashlib
import re
import struct
import zlib
from pathlib import Path

from .. import crashpart, disk
from ..checks import Checks
from ..crash import CRASH_ROOT, Folder
from ..disks import FOREIGN, GUARD_SECTORS, PRECIOUS, SECTOR, Image, digest_of, digests
from ..errors import LabError
from ..kdump import STATUS_INCOMPLETE, Kdump
from ..places import KEPT, Before, read_before
from ..scenario import ROOT_DISK, Scenario
from . import remote
from .record import read_record

PART_OF_NAME = ".incomplete"
NAMES = ("dmesg.txt", "crash.json", "vmcore", "SHA256SUMS", "pinned", ".reserve")
MANIFEST_LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)")
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def wrong_with_dump(path: Path) -> str:
    """Why a file that claims to be a whole dump is none."""
    try:
        dump = Kdump(path)
        if dump.status & STATUS_INCOMPLETE:
            return "its header says that it is incomplete"
        for _ in dump.pages():
            pass
    except (LabError, OSError, ValueError, struct.error, zlib.error) as err:
        return str(err)
    return ""


def claims_to_be_whole(path: Path) -> bool:
    """Does a file named as incomplete look like a whole dump to whoever opens it?"""
    try:
        return not Kdump(path).status & STATUS_INCOMPLETE
    except (LabError, OSError, ValueError, struct.error):
        return False  # it does not open: nobody will take it for a dump


def wrong_with_manifest(crash: Path) -> str:
    """A line of SHA256SUMS that is not true, or a dump that it leaves out."""
    named = set()
    for line in (crash / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        found = MANIFEST_LINE.fullmatch(line)
        if not found:
            return f"SHA256SUMS has a line {line!r}"
        path = crash / found.group(2)
        named.add(path.name)
        if not path.is_file() or digest_of(path) != found.group(1):
            return f"SHA256SUMS is not true of {path.name}"
    if (crash / "vmcore").exists() and "vmcore" not in named:
        return "SHA256SUMS leaves out vmcore"
    return ""


def wrong_with_record(crash: Path) -> str:
    """A record that promises more than there is."""
    record = read_record(crash / "crash.json")
    result = record["capture"]["result"]
    if record.get("sent"):  # the dump is elsewhere, where that server's folder shows it
        return "" if not (crash / "vmcore").exists() else "crash.json says that it was sent, and it is here"
    dump, log = crash / "vmcore", crash / "dmesg.txt"
    if result == "complete" and not (dump.exists() and log.exists()):
        return "crash.json says complete"
    if result == "log-only" and not log.exists():
        return "crash.json says log-only, and there is no log"
    said = record["dump"].get("bytes")
    if dump.exists() and said is not None and said != dump.stat().st_size:
        return f"crash.json says {said} bytes, vmcore has {dump.stat().st_size}"
    return ""


def wrong_with_names(crash: Path) -> str:
    """Files that a crash folder does not have, or one under both of its names."""
    names = {path.name for path in crash.iterdir()}
    odd = {name for name in names if name.removesuffix(PART_OF_NAME) not in NAMES}
    if odd:
        return f"it has {sorted(odd)}"
    return ""


def wrong_with_modes(crash: Path) -> str:
    """What is not for its owner alone."""
    for path in (crash, *crash.iterdir()):
        mode = path.stat().st_mode & 0o777
        if mode != (PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE):
            return f"{path.name} has mode {mode:o}"
    return ""


def kind_of(crash: Path) -> str:
    """The word for a crash folder."""
    have = {path.name for path in crash.iterdir() if path.stat().st_size}
    if "vmcore" in have:
        return "complete" if {"dmesg.txt", "crash.json"} <= have else "dump"
    if "vmcore" + PART_OF_NAME in have:
        return "partial"
    if "dmesg.txt" in have:
        return "log"
    return "record" if "crash.json" in have else "empty"


def wrong_with(crash: Path, with_modes: bool) -> str:
    """The first thing that a crash folder is not honest about."""
    dump, log = crash / "vmcore", crash / "dmesg.txt"
    partial = crash / f"vmcore{PART_OF_NAME}"
    wrong = wrong_with_names(crash)
    if not wrong and with_modes:
        wrong = wrong_with_modes(crash)
    if not wrong and dump.exists():
        wrong = wrong_with_dump(dump)
    if not wrong and partial.exists() and claims_to_be_whole(partial):
        wrong = f"{partial.name} does not say so in its header"
    if not wrong and (crash / "SHA256SUMS").exists():
        wrong = wrong_with_manifest(crash)
    if not wrong and (crash / "crash.json").exists():
        wrong = wrong_with_record(crash)
    if not wrong and log.exists() and not log.read_bytes().endswith(b"\n"):
        wrong = f"{log.name} does not end with a line"
    return f"{crash.name}: {wrong}" if wrong else ""


def judge_folders(name: str, crashes: list[Path], checks: Checks, with_modes: bool) -> list[str]:
    """All crash folders of one place; what they are."""
    wrong = [why for crash in crashes if (why := wrong_with(crash, with_modes))]
    kinds = [kind_of(crash) for crash in crashes]
    told = ", ".join(kinds) or "nothing there"
    checks.expect(f"honest-{name}", not wrong, "; ".join(wrong), told)
    return kinds


def judge_precious(name: str, top: Path, before: Before, checks: Checks) -> None:
    """The files that were there before."""
    now = digests(top / PRECIOUS)
    lost = [path for path, digest in before.precious.items() if now.get(path) != digest]
    checks.expect(f"unharmed-{name}", not lost, f"damaged or gone: {lost}", f"{len(now)} files")


def judge_guards(image: Image, before: Before, checks: Checks) -> None:
    """What is around a partition."""
    name = image.wanted.name
    now = image.guards()
    changed = [part for part, digest in before.guards[name].items() if now[part] != digest]
    checks.expect(f"around-{name}", not changed, f"of the disk {name} has changed: {', '.join(changed)}")


def judge_partition(image: Image, before: Before, checks: Checks) -> list[str]:
    """The entries of a raw partition, and what is around it."""
    name = image.wanted.name
    judge_guards(image, before, checks)
    start = 2 * GUARD_SECTORS * SECTOR
    kinds, wrong = [], []
    for entry in crashpart.entries(image.path, start, image.partition_bytes):
        names = {part.name for part in entry.parts}
        for part in entry.parts:
            digest = hashlib.sha256(crashpart.content(image.path, start, part)).digest()
            if entry.state != "writing" and any(part.sha256) and digest != part.sha256:
                wrong.append(f"the digest of {part.name} at {entry.offset:#x} does not match")
        whole = {"dmesg.txt", "crash.json", "vmcore"} <= names and not any(
            part.broken for part in entry.parts
        )
        if entry.state in ("whole", "collected") and not whole:
            wrong.append(f"entry at {entry.offset:#x} is {entry.state}, and has {sorted(names)}")
        kinds.append({"whole": "complete", "collected": "complete"}.get(entry.state, entry.state))
    checks.expect(f"honest-{name}", not wrong, "; ".join(wrong), ", ".join(kinds))
    return kinds


def judge_file_system(name: str, path: Path, fs: str, checks: Checks) -> None:
    """The file system's own checker finds nothing wrong."""
    wrong = disk.wrong_with(path, fs)
    checks.expect(f"sound-{name}", not wrong, f"{fs}:\n{wrong}", fs)


def judge_place(folder: Folder, image: Image, before: Before, checks: Checks) -> list[str]:
    """One disk; what it has."""
    wanted = image.wanted
    if wanted.partition and wanted.fs == "none":
        return judge_partition(image, before, checks)
    if wanted.partition:
        judge_guards(image, before, checks)
    if wanted.fs == "none" or wanted.corrupt:
        return []
    top = folder.places / wanted.name
    judge_precious(wanted.name, top, before, checks)
    judge_file_system(wanted.name, image.file_system(), wanted.fs, checks)
    crashes = folder.crash_folders(wanted.name)
    return judge_folders(wanted.name, crashes, checks, wanted.fs != "vfat")


def expect_kinds(name: str, kinds: list[str], wanted: list[str], checks: Checks) -> None:
    """The crashes of a place are what they should be."""
    kinds = [*kinds, *["nothing"] * (len(wanted) - len(kinds))]
    pairs = zip(kinds, wanted, strict=False)
    good = len(kinds) == len(wanted) and all(kind in words.split("|") for kind, words in pairs)
    checks.expect(name, good, f"{kinds}, not {wanted}", ", ".join(kinds) or "nothing")


def judge_kept(folder: Folder, scenario: Scenario, before: Before, checks: Checks) -> None:
    """What a power cut at each of these moments would have left on the root disk."""
    for kept in sorted((folder.path / KEPT).glob("*")):
        image, into = kept / folder.disk.name, kept / "files"
        judge_file_system(f"cut-{kept.name}", image, "ext4", checks)
        for path in (CRASH_ROOT, f"/{PRECIOUS}"):
            disk.extract(image, path, into)
        judge_precious(f"cut-{kept.name}", into, before, checks)
        crashes = sorted(path for path in (into / "crash").iterdir() if path.is_dir())
        kinds = judge_folders(f"cut-{kept.name}", crashes, checks, with_modes=True)
        expect_kinds(f"cut-{kept.name}", kinds, [scenario.expect.kept[kept.name]], checks)


def fs_of(scenario: Scenario, name: str) -> str:
    """The file system of a disk; empty for anything else."""
    return next((disk.fs for disk in scenario.disks if disk.name == name), "")


def judge(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """Every place that the guest could write to."""
    before = read_before(folder.path)
    found = {ROOT_DISK: judge_folders(ROOT_DISK, folder.crash_folders(), checks, True)}
    judge_precious(ROOT_DISK, folder.captured, before, checks)
    judge_file_system(ROOT_DISK, folder.disk, "ext4", checks)
    for wanted in scenario.disks:
        image = Image(wanted, folder.path / f"{wanted.name}.img")
        with checks.guard(f"honest-{wanted.name}"):
            found[wanted.name] = judge_place(folder, image, before, checks)
    for share in scenario.shares:
        judge_precious(share.name, folder.places / share.name, before, checks)
        crashes = folder.crash_folders(share.name)
        found[share.name] = judge_folders(share.name, crashes, checks, True)
    for server in scenario.servers:
        with checks.guard(f"as-arrived-{server.name}"):
            with_modes = server.kind in remote.STORES
            remote.judge(folder, server.name, with_modes, checks)
            if server.kind == "s3":
                remote.judge_faults(folder, server, checks)
            # a web server keeps folders of which every file was deleted again, as that of a check
            crashes = [path for path in folder.crash_folders(server.name) if server.kind != "web" or any(path.iterdir())]
            found[server.name] = judge_folders(server.name, crashes, checks, with_modes)
    for path in folder.opened.glob("*"):
        remote.judge(folder, path.name, fs_of(scenario, path.name) != "vfat", checks)
    for name, kinds in found.items() if scenario.expect.places else ():
        expect_kinds(f"place-{name}", kinds, scenario.expect.places.get(name, []), checks)
    if scenario.guest.old_crashes:
        foreign = folder.captured / "crash" / FOREIGN / "crash.json"
        checks.expect("foreign-folder", foreign.is_file(), "what is no crash is gone")
    judge_kept(folder, scenario, before, checks)
