# SPDX-License-Identifier: GPL-2.0-or-later
"""Side by side: a crash of the same guest, captured by lifeboat and by Debian's kdump-tools, which take turns.

Both write to copies of one disk, have the same kernel, reservation and target, and are timed from the panic's line on the
console, by things that no side says of itself:

- log, dump: the file stands in the disk's image. Before the crash QEMU is told to put all that is written from now on into
  a file of its own; the host looks into that for what the log ends with and for the file's final name in an entry of a
  folder. Each of both gives a file that name when all of it was written (and ours has synced it; theirs syncs both next).
- restart: QEMU says that the machine was reset. (It is started anew then: lab/live.py says why.)
- login: the prompt on the console of the system that came up then.

Afterwards the files are taken out of the guest and read by our own tool on the host: a dump that it cannot read, or a log
without the panic, is none.
"""

import json
import mmap
import os
import re
import shutil
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from . import sides, whole
from .errors import LabError
from .live import Hardware, Live
from .paths import program
from .proc import run
from .qemu import QEMU
from .sides import SIDES, Side

MEMORY_MIB = 2048
ROUNDS = 2
MINUTES = 60
POLL_SECONDS = 0.1
CRASH_SECONDS = 420  # until the restart; theirs takes 100 to 150 on a free machine
LOGIN_SECONDS = 240
QUIET_SECONDS = 5  # before the crash
PANIC = "Kernel panic - not syncing: sysrq triggered crash"
LOG_ENDS = (PANIC.encode(), b" </TASK>")  # not all of these are in the crash record's headline
PARCEL_MIB = 512  # for a dump that leaves the guest
LOGIN = r" login: $"
PHASES = ("log", "dump", "restart", "login")
Say = Callable[[str], None]


@dataclass
class Crash:
    """One crash, seconds from the panic."""

    side: str
    crashkernel: str
    load: float  # of the host, when it began
    seconds: dict[str, float] = field(default_factory=dict)
    log_bytes: int = 0
    dump_bytes: int = 0
    written_bytes: int = 0  # to the disk, from the panic to the restart
    written_after_dump: int = 0
    dump_info: str = ""  # what our own tool says of it
    steps: list[tuple[float, str]] = field(default_factory=list)  # lines of the capture kernel's console
    why: str = ""  # it did not work

    @property
    def works(self) -> bool:
        """The log and the dump are there, and the machine is."""
        return not self.why


class Watch(threading.Thread):
    """Looks at the disk's image and at QEMU's counters, by the clock of the guest's console."""

    def __init__(self, live: Live, side: Side, overlay: Path) -> None:
        super().__init__(daemon=True)
        self.live = live
        self.overlay = overlay
        entry = {kind: side.directory_entry(kind) for kind in ("log", "dump")}
        self.marks = {"log": (*LOG_ENDS, entry["log"]), "dump": (entry["dump"],)}
        self.seen: dict[str, float] = {}
        self.written: list[tuple[float, int]] = []  # bytes so far
        self.stopping = threading.Event()
        self.why = ""

    def run(self) -> None:
        """Until stopped, or until this QEMU ends."""
        try:
            while not self.stopping.wait(POLL_SECONDS):
                self.look()
        except (LabError, OSError) as err:
            self.why = str(err)

    def look(self) -> None:
        """Once."""
        now = self.live.now()
        stats = self.live.execute("query-blockstats")[0]["stats"]
        self.written.append((now, stats["wr_bytes"]))
        missing = [name for name in self.marks if name not in self.seen]
        if not missing or not self.overlay.stat().st_size:
            return
        with open(self.overlay, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as image:
            for name in missing:
                if all(image.find(mark) >= 0 for mark in self.marks[name]):
                    self.seen[name] = now

    def since(self, begun: float) -> int:
        """Bytes written from then on."""
        later = [written for seconds, written in self.written if seconds >= begun]
        return later[-1] - later[0] if later else 0

    def stop(self) -> None:
        """No more looking."""
        self.stopping.set()
        self.join(60)


def write_to(live: Live, overlay: Path) -> None:
    """All that the guest writes to its first disk from now on is in this file, for the next QEMU as well."""
    overlay.unlink(missing_ok=True)
    file = {"snapshot-file": str(overlay), "format": "qcow2"}
    live.execute("blockdev-snapshot-sync", device="virtio0", **file)
    first = live.argv.index("-drive") + 1
    live.argv[first] = f"file={overlay},if=virtio,format=qcow2,cache=unsafe"


def crash(live: Live, side: Side, result: Crash, overlay: Path) -> None:
    """Have an armed guest panic; how it went is in the result, as far as it went."""
    live.must(f"mkdir -p /var/crash; rm -rf /var/crash/2*; sync; sleep {QUIET_SECONDS}")
    write_to(live, overlay)
    begun, resets = live.now(), len(live.resets)
    result.load = round(os.getloadavg()[0], 1)
    watch = Watch(live, side, overlay)
    watch.start()
    live.begin("echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger")
    panic = live.wait_line(rf"^\[ *\d+\.\d+\] {PANIC}", 60, begun).seconds
    try:
        live.wait("no restart", lambda: len(live.resets) > resets, CRASH_SECONDS)
        watch.seen["restart"] = live.resets[-1]
        watch.seen["login"] = live.wait_line(LOGIN, LOGIN_SECONDS, live.resets[-1]).seconds
    finally:
        watch.stop()
        result.seconds = {name: round(at - panic, 1) for name, at in watch.seen.items()}
        end = watch.seen.get("restart", live.now())
        lines = [line for line in live.lines if panic < line.seconds <= end and line.text]
        result.steps = [(round(line.seconds - panic, 1), line.text) for line in lines]
        result.written_bytes = watch.since(begun)
        result.written_after_dump = watch.since(watch.seen.get("dump", end))


def take(live: Live, path: str, disk: Path, to: Path) -> int:
    """A file of the guest's, through a disk that is only for that; return its size."""
    size = int(live.must(f"stat -c %s {path} && cat {path} >/dev/vdb && sync /dev/vdb").split()[0])
    with open(disk, "rb") as source, open(to, "wb") as target:
        shutil.copyfileobj(source, target)
        target.truncate(size)
    return size


def look_at(live: Live, side: Side, result: Crash, disk: Path, folder: Path) -> None:
    """Are the log and the dump what they should be?"""
    found = live.must("cd /var/crash && find . -type f").split()
    files = {}
    for kind, pattern in (("log", side.log), ("dump", side.dump)):
        names = [name for name in found if re.fullmatch(pattern, name.rsplit("/", 1)[-1])]
        if len(names) != 1:
            raise LabError(f"/var/crash has {found}")
        files[kind] = folder / kind
        size = take(live, f"/var/crash/{names[0]}", disk, files[kind])
        setattr(result, f"{kind}_bytes", size)
    if PANIC not in files["log"].read_text(encoding="utf-8", errors="replace"):
        raise LabError("the log does not have the panic")
    if PANIC not in run([program("lifeboat"), "dmesg", files["dump"]]).stdout:
        raise LabError("the log in the dump does not have the panic")
    result.dump_info = run([program("lifeboat"), "info", files["dump"]]).stdout
    files["dump"].unlink()


def machine() -> dict[str, Any]:
    """What the guests run on."""
    qemu = run([QEMU, "--version"]).stdout.splitlines()[0]
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {"cpus": os.cpu_count(), "cpu": model.group(1) if model else "", "qemu": qemu}


class Comparison:
    """The whole of it, in a folder."""

    def __init__(self, out: Path, say: Say) -> None:
        self.out = out
        self.say = say
        self.crashes: list[Crash] = []
        self.persons: dict[str, dict[str, int]] = {}
        self.smallest: dict[str, str] = {}
        self.export = out / "export.img"
        self.machine = machine()

    def disk(self, side: Side) -> Path:
        """The disk on which it is installed and armed."""
        return self.out / f"{side.name}.img"

    def guest(self, name: str, disks: list[Path]) -> Live:
        """One with these disks."""
        return Live(self.out / name, disks, Hardware(MEMORY_MIB))

    def prepare(self, side: Side) -> None:
        """Install it, as a person would."""
        disks = [self.disk(side)]
        if side.disk_of:
            whole.copy_disk(self.out / f"{side.disk_of}.img", disks[0])
        else:
            whole.copy_disk(whole.fetch_disk(), disks[0])
            disks.append(sides.parcel(side, self.out / f"{side.name}-packages"))
        with self.guest(f"{side.name}-install", disks) as live:
            live.wait_boot(1)
            self.persons[side.name] = sides.prepare(live, side)
            live.power_off()
        self.say(f"{side.name}: installed and armed")

    def once(self, side: Side, crashkernel: str, name: str) -> Crash:
        """A crash in a fresh copy; one that does not work is a result as well."""
        disk, overlay = self.out / "run.img", self.out / "run.qcow2"
        whole.copy_disk(self.disk(side), disk)
        with open(self.export, "wb") as file:
            file.truncate(PARCEL_MIB * whole.MIB)
        result = Crash(side.name, crashkernel, os.getloadavg()[0])
        try:
            with self.guest(name, [disk, self.export]) as live:
                live.wait_boot(1)
                if crashkernel != sides.CRASHKERNEL:
                    sides.reserve(live, crashkernel)
                live.must(side.armed)
                boots = len(live.boots)
                crash(live, side, result, overlay)
                live.wait_boot(boots + 1)
                look_at(live, side, result, self.export, self.out / name)
        except LabError as err:
            result.why = str(err)
        for path in (disk, overlay):
            path.unlink(missing_ok=True)
        self.crashes.append(result)
        self.write()
        self.say(line_of(result))
        return result

    def climb(self, side: Side, end: float) -> None:
        """Smaller and smaller, until it does not work or there is no more time."""
        for crashkernel in side.ladder:
            if time.monotonic() > end:
                self.say(f"{side.name}: no time for {crashkernel} and less")
                return
            if not self.once(side, crashkernel, f"{side.name}-{crashkernel}").works:
                return
            self.smallest[side.name] = crashkernel
            self.write()

    def write(self) -> None:
        """All that is known so far."""
        whole_truth = {
            "machine": self.machine,
            "memory_mib": MEMORY_MIB,
            "crashkernel": sides.CRASHKERNEL,
            "level": sides.LEVEL,
            "persons": self.persons,
            "steps": {side.name: [asdict(step) for step in side.steps] for side in SIDES},
            "smallest": self.smallest,
            "crashes": [asdict(one) | {"works": one.works} for one in self.crashes],
        }
        path = self.out / "compare.json"
        path.write_text(json.dumps(whole_truth, indent=1) + "\n", encoding="utf-8")


def line_of(one: Crash) -> str:
    """For the user, while it goes on."""
    times = " ".join(f"{name} {one.seconds[name]:.1f}" for name in PHASES if name in one.seconds)
    end = one.why.splitlines()[0] if one.why else f"{one.dump_bytes / 1e6:.1f} MB"
    return f"{one.side} {one.crashkernel} (load {one.load:.1f}): {times or 'nothing'}: {end}"


def table(comparison: Comparison) -> list[str]:
    """All sides, and how many times as much the second is of the first."""
    full = [one for one in comparison.crashes if one.works and one.crashkernel == sides.CRASHKERNEL]
    groups = {side.name: [one for one in full if one.side == side.name] for side in SIDES}
    missing = [name for name, crashes in groups.items() if not crashes]
    if missing:
        return [f"{name}: no crash was captured" for name in missing]
    rows: list[tuple[str, Callable[[Crash], float]]] = [
        *((f"panic to {name}, s", partial(seconds_of, name)) for name in PHASES),
        ("log, kB", lambda one: one.log_bytes / 1e3),
        ("dump, MB", lambda one: one.dump_bytes / 1e6),
        ("written to the disk, MB", lambda one: one.written_bytes / 1e6),
    ]
    lines = [row("medians", list(groups), f"{SIDES[1].name} / {SIDES[0].name}")]
    lines.append(row("---", ["---:"] * len(groups), "---:"))
    for name, value in rows:
        values = [statistics.median(map(value, crashes)) for crashes in groups.values()]
        lines.append(row(name, [f"{one:.1f}" for one in values], f"{values[1] / values[0]:.1f}"))
    smallest = [comparison.smallest.get(name, "") for name in groups]
    lines.append(row("smallest crashkernel that worked", smallest, ""))
    for key, name in (("commands", "commands typed"), ("lines", "lines edited")):
        counts = [str(comparison.persons.get(side.name, {}).get(key, "")) for side in SIDES]
        lines.append(row(name, ["" if side.disk_of else count for side, count in zip(SIDES, counts)], ""))
    return lines


def seconds_of(name: str, one: Crash) -> float:
    """Until a phase's end."""
    return one.seconds[name]


def row(name: str, values: list[str], ratio: str) -> str:
    """Of a table of Markdown."""
    return f"| {name:<32} |" + "".join(f" {value:>11} |" for value in values) + f" {ratio:>22} |"


def compare(out: Path, rounds: int, minutes: float, say: Say) -> bool:
    """Measure; true if every crash at the full reservation was captured."""
    end = time.monotonic() + minutes * 60
    out.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(out.resolve(), say)
    for side in SIDES:
        comparison.prepare(side)
    for number in range(1, rounds + 1):
        for side in SIDES:
            comparison.once(side, sides.CRASHKERNEL, f"{side.name}-{number}")
    whole_rounds = list(comparison.crashes)
    for side in SIDES:
        comparison.climb(side, end)
    for line in table(comparison):
        say(line)
    say(f"results in {out / 'compare.json'}")
    return all(one.works for one in whole_rounds)
