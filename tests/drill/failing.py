# SPDX-License-Identifier: GPL-2.0-or-later
"""Drills that have to fail: one real crash, damaged in one way at a time, and judged. Each judge names what is wrong.

    /usr/bin/python3 -m tests.drill.failing [--keep] [WORD…]      from the top of the tree; those whose names have a WORD

--keep keeps the crash that all damage is done to, and takes one that was kept. Prints `ok NAME` and `FAIL NAME: why`.
"""

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from lab.checks import Checks, Totals
from lab.crash import Drill, Folder
from lab.errors import LabError
from lab.judges import judge_all
from lab.paths import build_dir
from lab.scenario import Disk, Scenario, load_scenario

from .surgery import Surgery, frame_address, symbol

NEIGHBOUR, RAW = "neighbour", "raw"
PRECIOUS = "precious/below/deep/one"
ENDLESS_SECONDS = 12
Say = Callable[[str], None]
# Of a check that has to fail: a regular expression for what it says.
Wanted = dict[str, str]


class Kept(Checks):
    """Checks whose failures are kept, and none of which is printed."""

    def __init__(self, name: str) -> None:
        super().__init__(Totals(quiet=True), name)
        self.failures: dict[str, str] = {}
        self.made = 0

    def expect(self, name: str, good: bool, why: str = "", measured: str = "") -> None:
        """Decide one check."""
        self.made += 1
        if not good:
            self.failures[name] = why

    def skip(self, name: str, why: str) -> None:
        """None may be left out here."""
        self.failures[name] = f"skipped: {why}"


def scenario() -> Scenario:
    """A small crash beside disks that have nothing to do with it."""
    disks = [Disk(NEIGHBOUR, 32, "ext4"), Disk(RAW, 32, "none", partition=True)]
    return replace(load_scenario("capture"), name="failing", disks=disks)


def crash(folder: Folder, say: Say) -> None:
    """The crash that all damage is done to."""
    Drill(scenario(), folder, say).run()


def judged(folder: Folder, wanted: Scenario) -> Kept:
    """What the judges say."""
    checks = Kept(wanted.name)
    judge_all(folder, wanted, checks)
    return checks


def link(source: str, target: str) -> None:
    """The same file under another name: who damages it has to make it anew."""
    os.link(source, target)


def copy_of(source: Folder, into: Path) -> Folder:
    """The folder again, with the same files."""
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(source.path, into, symlinks=True, copy_function=link)
    return Folder(into)


def change(path: Path, how: Callable[[bytearray], None]) -> None:
    """A file with other content, and the same mode."""
    data, mode = bytearray(path.read_bytes()), path.stat().st_mode & 0o777
    how(data)
    path.unlink()
    path.write_bytes(data)
    path.chmod(mode)


def flip(at: int) -> Callable[[bytearray], None]:
    """One bit of one byte."""
    def how(data: bytearray) -> None:
        data[at] ^= 0x10

    return how


# ---- damage to the dump


def dump_in(folder: Folder) -> Path:
    """The captured dump."""
    return folder.crash_folder() / "vmcore"


def wrong_byte(folder: Folder) -> Wanted:
    """A page that unpacks well and has one other bit."""
    surgery = Surgery(dump_in(folder))
    pfn = surgery.packed()
    content = bytearray(surgery.page(pfn))
    content[1234] ^= 1
    surgery.set_page(pfn, bytes(content))
    surgery.write()
    return {"fidelity-pages": rf"^1 of \d+ pages differ from RAM: {pfn:#x}$", "honest-root": "not true of vmcore"}


def wrong_packed_byte(folder: Folder) -> Wanted:
    """The same in its packed data: it may not even unpack."""
    surgery = Surgery(dump_in(folder))
    pfn = surgery.packed()
    desc = surgery.desc(pfn)
    surgery.data[desc.offset + desc.size // 2] ^= 0x55
    surgery.write()
    return {"fidelity-pages": rf"(PFN|1 of \d+ pages differ from RAM:) {pfn:#x}", "honest-root": "vmcore|PFN"}


def lost_page(folder: Folder) -> Wanted:
    """The file is whole in itself, and has one page less than it should."""
    surgery = Surgery(dump_in(folder))
    pfn = surgery.packed()
    surgery.lose(pfn)
    surgery.write()
    return {"kept": rf"^1 unexplained differences:\n +PFN {pfn:#x} dropped by us"}


def lost_bit(folder: Folder) -> Wanted:
    """The bitmap lacks a page that there is a descriptor of: all pages behind it have the data of others."""
    surgery = Surgery(dump_in(folder))
    pfn = surgery.packed()
    following = surgery.pfns[surgery.pfns.index(pfn) + 1]
    surgery.clear_bit(pfn)
    surgery.write()
    return {"fidelity-pages": rf"pages differ from RAM: {following:#x}, ", "kept": rf"PFN {pfn:#x} dropped by us"}


def cut_dump(folder: Folder) -> Wanted:
    """The end of the file is gone."""
    change(dump_in(folder), lambda data: data.__delitem__(slice(len(data) // 2, None)))
    return {"fidelity-pages": r"^PFN 0x[0-9a-f]+, .*not within the file", "honest-root": "PFN 0x", "record-dump-bytes": r"\d+"}


def wrong_frame(folder: Folder) -> Wanted:
    """The stack leads through another function than that which died."""
    dump = dump_in(folder)
    old, new = frame_address(dump, "sysrq_handle_crash"), symbol(dump, "vfs_fsync") + 5
    surgery = Surgery(dump)
    if not surgery.replace_pointer(old, new):
        raise LabError(f"{old:#x} is nowhere in the dump")
    surgery.write()
    return {"death-function": r"^sysrq_handle_crash is not on the stack that panicked: .*\bvfs_fsync\b", "fidelity-pages": "differ"}


# ---- damage to other files


def missing_file(folder: Folder) -> Wanted:
    """The log is gone."""
    (folder.crash_folder() / "dmesg.txt").unlink()
    return {"file-dmesg.txt": "missing", "honest-root": "dmesg.txt", "record-log-bytes": r"not 0$"}


def missing_record(folder: Folder) -> Wanted:
    """The record is gone."""
    (folder.crash_folder() / "crash.json").unlink()
    return {"file-crash.json": "missing", "record": "crash.json", "honest-root": "crash.json"}


def untrue_record(folder: Folder) -> Wanted:
    """The record tells of another kernel."""
    def how(data: bytearray) -> None:
        data[:] = data.replace(b'"release":"6.', b'"release":"9.')

    change(folder.crash_folder() / "crash.json", how)
    return {"record-kernel": r"'9\.\S+', not '6\.", "honest-root": "not true of crash.json"}


def open_to_all(folder: Folder) -> Wanted:
    """Whoever has a login can read the memory of a kernel."""
    change(dump_in(folder), lambda data: None)
    dump_in(folder).chmod(0o644)
    return {"honest-root": "vmcore has mode 644"}


def neighbour_file(folder: Folder) -> Wanted:
    """A file of a disk that the capture had no business with."""
    change(folder.places / NEIGHBOUR / PRECIOUS, flip(100))
    return {f"unharmed-{NEIGHBOUR}": re.escape(PRECIOUS.partition("/")[2])}


def own_file(folder: Folder) -> Wanted:
    """A file beside the crash."""
    (folder.captured / "precious/large").unlink()
    return {"unharmed-root": r"\blarge\b"}


def neighbour_partition(folder: Folder) -> Wanted:
    """A sector of the partition behind ours."""
    change(folder.path / f"{RAW}.img", flip(-2048 * 512))
    return {f"around-{RAW}": f"the disk {RAW} .*partition 3"}


def neighbour_disk(folder: Folder) -> Wanted:
    """A file system whose structures are wrong."""
    def how(data: bytearray) -> None:
        data[4096 : 4096 + 64] = bytes(64)  # its group descriptors

    change(folder.path / f"{NEIGHBOUR}.img", how)
    return {f"sound-{NEIGHBOUR}": "ext4"}


# ---- wrong expectations


def expecting(wanted: Wanted, **death: object) -> tuple[Callable[[Scenario], Scenario], Wanted]:
    """Another death than it died."""
    return lambda given: replace(given, death=replace(given.death, **death)), wanted  # type: ignore[arg-type]


EXPECTATIONS: dict[str, tuple[Callable[[Scenario], Scenario], Wanted]] = {
    "wrong-function": expecting({"death-function": r"^crasher_die is not on the stack.*\bsysrq_handle_crash\b"}, function="crasher_die"),
    "wrong-class": expecting({"death-class": r"class sysrq.*wanted \['oom'\]"}, classes=["oom"]),
    "wrong-task": expecting({"death-task": r"\binit: .*wanted kworker/0:1"}, comm="kworker/0:1"),
    "wrong-cpu": expecting({"death-cpu": r"CPU 0.*wanted 3"}, cpu=3),
    "wrong-words": (
        lambda given: replace(given, expect=replace(given.expect, console=["dump FAILED"], never=["log done"], dmesg=["Oops: 0002"])),
        {"console-1": "no line matches 'dump FAILED'", "never-1": "lifeboat: log done", "log-1": "no match for 'Oops: 0002'"},
    ),
    "wrong-result": (
        lambda given: replace(given, expect=replace(given.expect, result="partial")), {"record-result": "'complete', not 'partial'"}),
    "wrong-place": (
        lambda given: replace(given, expect=replace(given.expect, places={NEIGHBOUR: ["complete"]})),
        {f"place-{NEIGHBOUR}": r"\['nothing'\], not \['complete'\]", "place-root": r"\['complete'\], not \[\]"},
    ),
    "too-slow": (lambda given: replace(given, expect=replace(given.expect, seconds=1)), {"ended-in-time": "expected 1 at most"}),
    "too-large": (lambda given: replace(given, expect=replace(given.expect, image_kib=100)), {"image-size": "102400 at most"}),
    "wrong-level": (
        lambda given: given,
        {"fidelity-level": "level 31 in the header, 1 in the recipe", "kept": "PFN 0x[0-9a-f]+ dropped by us"},
    ),
}
DAMAGE: list[Callable[[Folder], Wanted]] = [
    wrong_byte, wrong_packed_byte, lost_page, lost_bit, cut_dump, wrong_frame, missing_file, missing_record, untrue_record,
    open_to_all, neighbour_file, own_file, neighbour_partition, neighbour_disk,
]


def compared(checks: Kept, wanted: Wanted) -> str:
    """What is not as it has to be: each of these has to fail, and to say why."""
    for name, pattern in wanted.items():
        if name not in checks.failures:
            return f"{name} passes; what fails: {sorted(checks.failures)}"
        if not re.search(pattern, checks.failures[name]):
            return f"{name} does not say {pattern!r} but {checks.failures[name]!r}"
    return ""


def one_damage(source: Folder, damage: Callable[[Folder], Wanted]) -> str:
    """A copy, damaged and judged."""
    folder = copy_of(source, source.path.with_name("damaged"))
    try:
        wanted = damage(folder)
        return compared(judged(folder, scenario()), wanted)
    finally:
        shutil.rmtree(folder.path)


def one_expectation(source: Folder, name: str) -> str:
    """The sound crash, and a scenario that is not what was run."""
    wrong, wanted = EXPECTATIONS[name]
    folder = copy_of(source, source.path.with_name("damaged"))
    try:
        if name == "wrong-level":
            change(folder.facts_file, lambda data: data.__setitem__(slice(None), data.replace(b'"level": 31', b'"level": 1')))
        return compared(judged(folder, wrong(scenario())), wanted)
    finally:
        shutil.rmtree(folder.path)


def endless(into: Path, say: Say) -> str:
    """A guest that panics with nothing to start, and is told to stand still: it has to be ended, in time, and be gone."""
    given = load_scenario("capture")
    guest = replace(given.guest, seconds=ENDLESS_SECONDS, kernel_args=["panic=0", "rdinit=/none", "root=none"])
    folder, steps = Folder(into), [time.monotonic()]

    def hear(text: str) -> None:
        say(text)
        steps.append(time.monotonic())  # the last one is when it boots

    drill = Drill(replace(given, name="endless", guest=guest), folder, hear)
    try:
        drill.run()
    except LabError as err:
        took = time.monotonic() - steps[-1]
        if not str(err).startswith(f"the guest did not end within {ENDLESS_SECONDS} s; the console ended with\n"):
            return f"it says {err}"
        if took > 2 * ENDLESS_SECONDS:
            return f"it was ended after {took:.0f} s"
        left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(folder.ram).encode() in read_quietly(path)]
        return f"QEMU still runs: {left}" if left else ""
    finally:
        shutil.rmtree(into, ignore_errors=True)
    return "the drill says that the guest has ended"


def read_quietly(path: Path) -> bytes:
    """A file that may be gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def undamaged(source: Folder) -> str:
    """The one that must not fail: else all others could fail for its reason."""
    sound = judged(source, scenario())
    return "" if not sound.failures and sound.made > 30 else f"{sound.made} checks, of which fail: {sound.failures}"


def all_of(source: Folder) -> dict[str, Callable[[], str]]:
    """Every test by its name; each tells what is wrong."""
    found: dict[str, Callable[[], str]] = {"undamaged": partial(undamaged, source)}
    found |= {damage.__name__.replace("_", "-"): partial(one_damage, source, damage) for damage in DAMAGE}
    found |= {name: partial(one_expectation, source, name) for name in EXPECTATIONS}
    return found | {"endless": partial(endless, source.path.with_name("endless"), say)}


def say(text: str) -> None:
    """What is going on."""
    print(f"   {text}", flush=True)


def run_one(name: str, test: Callable[[], str]) -> bool:
    """One test, and its line."""
    try:
        why = test()
    except LabError as err:
        why = str(err)
    print(f"FAIL failing/{name}: {why}" if why else f"ok failing/{name}", flush=True)
    return not why


def main() -> int:
    """The exit status says whether all failed that has to."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.drill.failing")
    parser.add_argument("--keep", action="store_true", help="keep the crash, and take one that was kept")
    parser.add_argument("word", nargs="*", help="run those whose names have it")
    options = parser.parse_args()
    folder = Folder(build_dir() / "drill-tests/crash")
    try:
        if not (options.keep and folder.facts_file.exists() and folder.ram.exists()):
            crash(folder, say)
        tests = {name: test for name, test in all_of(folder).items() if not options.word or any(w in name for w in options.word)}
        good = [run_one(name, test) for name, test in tests.items()]
    except LabError as err:
        print(f"FAIL failing: {err}")
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(folder.path.parent, ignore_errors=True)
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
