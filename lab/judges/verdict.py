# SPDX-License-Identifier: GPL-2.0-or-later
"""How a machine died, by our report: against how the lab made it die, the log's own trace, and QEMU's registers."""

import re
from pathlib import Path

from ..checks import Checks
from ..crowd import Death
from ..errors import LabError
from . import ours
from .witnesses import Symbols

STAMP = r"^(?:\[ *[\d.]+\](?:\[[^]]*\])? )?"
PLACE = r"([\w.]+)\+0x([0-9a-f]+)/0x[0-9a-f]+(?: \[(\w+)[^]]*\])?$"
TRACE = re.compile(rf"{STAMP} *(\?? ?){PLACE}")
STOPPED = re.compile(rf"{STAMP}RIP: 0010:{PLACE}")
BEGIN = re.compile(r"Call Trace:$")
# Of a trace that panic() prints, what it has done until then.
REPORTERS = {"dump_stack_lvl", "dump_stack", "vpanic", "panic", "nmi_panic", "show_stack"}
REGISTER = re.compile(r"\b(R[A-Z0-9]{1,2}|RFL) ?=([0-9a-f]{16}|[0-9a-f]{8})\b")
STACK_MAX_FRAMES = 128  # of image/stack.h
CPU = re.compile(r"^CPU#(\d+)$", re.MULTILINE)
NAMES = {"R8": "R08", "R9": "R09", "RFL": "EFLAGS"}  # of QEMU's, those that we call otherwise
REGISTERS = 18  # of each CPU: 16 general ones, where it is, flags


def judge_report(dump: Path, death: Death, checks: Checks) -> None:
    """Class, CPU and task."""
    said = ours.ask("report", dump)["verdict"]
    told = f"class {said['class']}, CPU {said['cpu']}, {said['comm']}: {said['title']}"
    if death.name == "alive":
        checks.expect("class", said["class"] is None, told, "nothing has crashed")
        return
    checks.expect("class", said["class"] in death.classes, f"{told}; wanted {death.classes}", told)
    if death.comm is not None:
        checks.expect("task", said["comm"] == death.comm, f"{told}; wanted {death.comm}")
    if death.cpu is not None:
        checks.expect("cpu", said["cpu"] == death.cpu, f"{told}; wanted {death.cpu}")
    checks.expect("agreement", said["agreement"] in ("agree", "log-only"), f"{said['agreement']}: {said}",
                  said["agreement"])


Place = tuple[str, int, str]  # function, offset, module


def traces(log: str) -> list[list[Place]]:
    """The frames of each trace in a log, those that the kernel trusts; the first is where it was stopped, if that is told. The
    others of that kind stand where they are on the stack."""
    found: list[list[Place]] = []
    stopped: Place | None = None
    for line in log.splitlines():
        if BEGIN.search(line):
            found.append([stopped] if stopped else [])
            stopped = None
        elif (match := STOPPED.match(line)):
            stopped = match[1], int(match[2], 16), match[3] or ""
        elif found and (match := TRACE.match(line)) and "?" not in match[1]:
            if stopped:
                found[-1].append(stopped)
                stopped = None
            found[-1].append((match[2], int(match[3], 16), match[4] or ""))
    return found


def judge_trace(dump: Path, symbols: Symbols, death: Death, checks: Checks) -> None:
    """The last trace in the log is on the panicking stack, without a gap, by the addresses that function and offset mean."""
    logged = traces(ours.log(dump))
    if death.name == "alive":
        checks.expect("trace", not logged, f"{logged}")
        return
    if not logged:
        raise LabError("the log has no trace")
    last = logged[-1]
    start = max((i + 1 for i, frame in enumerate(last) if frame[0] in REPORTERS), default=0)
    wanted = [{address + offset for address in symbols.by_name[name, module]} for name, offset, module in last[start:]]
    panicked = [seen for seen, stack in ours.stacks(dump) if stack.panicked]
    if len(panicked) != 1:
        raise LabError(f"{len(panicked)} stacks of the CPU that panicked")
    pcs = panicked[0].pcs
    first = next((i for i, pc in enumerate(pcs) if wanted and pc in wanted[0]), len(pcs))
    pairs = list(zip(pcs[first:], wanted))
    # a stack that is too long is cut, ours after so many frames
    whole = len(pairs) == len(wanted) or len(pcs) == STACK_MAX_FRAMES
    same = bool(pairs) and whole and all(pc in of for pc, of in pairs)
    words = " ".join(frame[0] for frame in last[start:])
    checks.expect("trace", same, f"log <{words[:2000]}> ours <{panicked[0].words()[:2000]}>", f"{len(pairs)} frames")


def qemu_registers(text: str) -> dict[int, dict[str, int]]:
    """`info registers -a`: of each CPU what a stack begins with, by our names."""
    parts = CPU.split(text)
    return {
        int(cpu): {NAMES.get(name, name): int(value, 16) for name, value in REGISTER.findall(body)}
        for cpu, body in zip(parts[1::2], parts[2::2])
    }


def judge_registers(dump: Path, told: Path, checks: Checks) -> None:
    """All general registers of all CPUs."""
    theirs = qemu_registers(told.read_text(encoding="ascii"))
    mine = {seen.cpu: stack.registers for seen, stack in ours.stacks(dump, "--all-cpus")}
    good = mine.keys() == theirs.keys() and bool(theirs)
    checks.expect("registers-cpus", good, f"ours of {sorted(mine)}, QEMU's of {sorted(theirs)}")
    for cpu in mine.keys() & theirs.keys():
        wrong = [
            f"{name} {value:#x}, not {mine[cpu].get(name, 0):#x}"
            for name, value in theirs[cpu].items()
            if mine[cpu].get(name) != value
        ]
        good = len(theirs[cpu]) == REGISTERS and not wrong
        why = f"{wrong} of {len(theirs[cpu])}"
        checks.expect(f"registers-{cpu}", good, why, f"{len(theirs[cpu])} registers")
