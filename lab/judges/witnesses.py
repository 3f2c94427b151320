# SPDX-License-Identifier: GPL-2.0-or-later
"""What others say of a dump's tasks, in one form: crash and drgn with debug information, and the kernel itself before it died.

Stacks are compared by the addresses on them: a place may have several names.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import debs
from ..errors import LabError
from ..proc import run
from ..truth import Task, Truth
from . import drgn_stacks

KERNEL = 1 << 63  # addresses from here on are not user space's
CRASH_SECONDS = 300

CRASH_TASK = re.compile(
    r"^PID: (\d+) +TASK: ([0-9a-f]+) +CPU: (\d+) +COMMAND: \"(.*)\"$", re.MULTILINE
)
CRASH_FRAME = re.compile(r"^ *#\d+ \[([0-9a-f]+)\] (\S+)(?: \(via .*\))? at ([0-9a-f]+)")
CRASH_STOP = re.compile(r"^ *\[exception RIP: (.*?)(?:\+(?:0x)?[0-9a-f]+)?\]")
CRASH_RIP = re.compile(r"^ *RIP: ([0-9a-f]{16})")
CRASH_PS = re.compile(
    r"^([> ]) +(\d+) +(\d+) +(\d+) +([0-9a-f]{16}) +(\S\S) +[\d.]+ +\d+ +\d+ +(.*)$", re.MULTILINE
)


@dataclass(frozen=True)
class Frame:
    """One place on a stack."""

    pc: int
    name: str
    interrupted: bool = False  # not a return address: the instruction is the next one
    reliable: bool = True
    sp: int = 0  # 0: not told

    def __str__(self) -> str:
        return self.name or f"{self.pc:#x}"


@dataclass(frozen=True)
class Seen:
    """One thread."""

    pid: int
    comm: str
    task: int  # the address of its task_struct; 0: not told
    state: str = ""
    tgid: int = 0
    ppid: int = 0
    cpu: int = -1
    on_cpu: bool = False
    runs: int = -1
    ran_ns: int = 0
    frames: list[Frame] = field(default_factory=list)

    @property
    def key(self) -> tuple[int, int]:
        """Idle tasks all have the pid 0."""
        return self.pid, 0 if self.pid else self.cpu

    @property
    def pcs(self) -> list[int]:
        """The addresses on its stack."""
        return [frame.pc for frame in self.frames]

    def words(self) -> str:
        """Its stack in a line."""
        return " ".join(map(str, self.frames))


Witness = dict[tuple[int, int], Seen]


def by_key(tasks: Iterable[Seen]) -> Witness:
    """All of them; none twice."""
    found: Witness = {}
    for one in tasks:
        if one.key in found:
            raise LabError(f"PID {one.pid} twice: {found[one.key].comm} and {one.comm}")
        found[one.key] = one
    return found


# ---- drgn


def from_drgn(dump: Path, vmlinux: Path) -> tuple[Witness, dict[str, Any]]:
    """Its tasks, and all else that it says."""
    said = drgn_stacks.ask(dump, vmlinux)
    tasks = []
    for one in said["tasks"]:
        # behind the kernel's last frame it has one of user space, whose memory is not in the dump
        frames = [Frame(*frame) for frame in one.pop("frames") if frame[0] >= KERNEL]
        one.pop("stack")
        tasks.append(Seen(**one, frames=frames))
    return by_key(tasks), said


# ---- crash


def crash_frames(text: str) -> list[Frame]:
    """The frames of one `bt`."""
    found: list[Frame] = []
    stop = None
    for line in text.splitlines():
        if match := CRASH_FRAME.match(line):
            found.append(Frame(int(match[3], 16), match[2], sp=int(match[1], 16)))
        elif match := CRASH_STOP.match(line):
            stop = match[1]
        elif (match := CRASH_RIP.match(line)) and stop is not None:
            found.append(Frame(int(match[1], 16), stop, True))
            stop = None
    return found


def from_crash(dump: Path, vmlinux: Path, script: Path) -> Witness:
    """Its tasks: `ps` and `foreach bt`, with a crash that knows the kernel."""
    script.write_text("!echo @@ps\nps\n!echo @@bt\nforeach bt\nquit\n", encoding="ascii")
    argv = [*debs.fetch_crash(), "-s", "-i", script, vmlinux, dump]
    text = run(argv, seconds=CRASH_SECONDS).stdout
    head, _, stacks = text.partition("@@bt\n")
    listed = {int(m[5], 16): m for m in CRASH_PS.finditer(head.partition("@@ps\n")[2])}
    tasks = []
    parts = CRASH_TASK.split(stacks)
    for pid, task, cpu, comm, body in zip(*(parts[i::5] for i in range(1, 6))):
        line = listed.get(int(task, 16))
        state = line[6] if line else ""
        ppid, on_cpu = (int(line[3]), line[1] == ">") if line else (0, False)
        tasks.append(Seen(int(pid), comm, int(task, 16), state, 0, ppid, int(cpu), on_cpu,
                          frames=crash_frames(body)))
    if len(listed) != len(tasks):
        raise LabError(f"crash: ps has {len(listed)} tasks, foreach bt {len(tasks)}: {text[-500:]}")
    return by_key(tasks)


# ---- the kernel itself


class Symbols:
    """The kernel's own symbols, as /proc/kallsyms had them."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    @cached_property
    def by_name(self) -> dict[tuple[str, str], list[int]]:
        """Addresses of (name, module)."""
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for one in self.truth.symbols:
            found[one.name, one.module].append(one.address)
        return found

    @cached_property
    def by_address(self) -> dict[int, set[str]]:
        """Names of an address, of what lies in the kernel's text and modules."""
        found: dict[int, set[str]] = defaultdict(set)
        for one in self.truth.symbols:
            if one.address >= KERNEL and one.type in "tTwW":
                found[one.address].add(one.name)
        return found

    @cached_property
    def addresses(self) -> list[int]:
        """All of these addresses in order."""
        return sorted(self.by_address)

    @cached_property
    def modules(self) -> list[tuple[int, int, str]]:
        """Where the code of modules is, by their symbols: first address, last one, name."""
        found: dict[str, list[int]] = defaultdict(list)
        for one in self.truth.symbols:
            if one.module and one.type in "tTwW":
                found[one.module].append(one.address)
        return [(min(of), max(of), name) for name, of in found.items()]

    def module_at(self, pc: int) -> str:
        """The module that a place on a stack belongs to; nothing for the kernel itself."""
        names = (name for first, last, name in self.modules if first <= pc <= last + 4096)
        return next(names, "")

    def names_at(self, frame: Frame) -> set[str]:
        """What the code of a frame may be called: a call may be its function's last instruction."""
        pc = frame.pc if frame.interrupted else frame.pc - 1
        at = bisect_right(self.addresses, pc)
        return self.by_address[self.addresses[at - 1]] if at else set()

    @cached_property
    def scheduler(self) -> range:
        """Functions that /proc/PID/stack leaves out: in_sched_functions() of kernel/sched/core.c."""
        start, end = (self.truth.symbol(f"__sched_text_{name}") for name in ("start", "end"))
        return range(start, end)

    def pcs_of(self, task: Task) -> list[set[int]]:
        """Of each frame of /proc/PID/stack, where it may be: a name may be several functions'."""
        return [
            {address + frame.offset for address in self.by_name[frame.function, frame.module]}
            for frame in task.stack
        ]

    def fits(self, frames: Sequence[Frame], task: Task) -> bool:
        """Whether a stack is the one of /proc/PID/stack."""
        seen = [frame.pc for frame in frames if frame.pc not in self.scheduler]
        wanted = self.pcs_of(task)
        return len(seen) == len(wanted) and all(pc in of for pc, of in zip(seen, wanted))
