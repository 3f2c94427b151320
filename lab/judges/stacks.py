# SPDX-License-Identifier: GPL-2.0-or-later
"""Are our stacks those of crash, of drgn and of the kernel itself, task by task, address by address?

Nothing is left out in silence: a stack that is not the same has a rule that explains it, which is counted and printed, or the
check fails. What each rule allows stands in its function.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from ..checks import Checks
from ..truth import Truth
from .ours import Stack
from .witnesses import KERNEL, Frame, Seen, Symbols, Witness

Rule = Callable[[Seen, Seen], str]

ENOUGH = 200  # tasks that have to be compared with each witness
SHOWN = 5
MOVED = 40  # tasks that may have got a CPU between the kernel's words and its death: kernel threads
ENTRY = "asm_sysvec_"  # what the entries of interrupts are called: arch/x86/include/asm/idtentry.h
ZOMBIES = "ZX"

# What stops a CPU, and is deeper on its stack than the registers that it leaves.
STOPPERS = {
    "machine_kexec", "crash_nmi_callback", "default_do_nmi", "do_nmi", "exc_nmi", "end_repeat_nmi", "asm_exc_nmi", "nmi",
    "nmi_handle", "relocate_kernel", "crash_setup_regs", "kdump_nmi_callback", "kdump_nmi_shootdown_cpus",
}


@dataclass
class Verdict:
    """What became of a comparison with one witness."""

    equal: int = 0
    explained: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)

    def tell(self, checks: Checks, name: str, enough: int = ENOUGH) -> None:
        """One check, and the explained differences as lines above it."""
        for rule, tasks in self.explained.items():
            print(f"   {checks.scenario}/{name}: {len(tasks)} {rule}: {', '.join(tasks[:12])}"
                  + (" …" if len(tasks) > 12 else ""))
        explained = sum(map(len, self.explained.values()))
        why = "; ".join(self.wrong[:SHOWN])
        if not why and self.equal < enough:
            why = f"only {self.equal} were compared"
        good = not self.wrong and self.equal >= enough
        text = f"{self.equal} equal, {explained} explained, {len(self.wrong)} not"
        checks.expect(name, good, f"{text}: {why}", text)


def title(one: Seen) -> str:
    """How a task is called in messages."""
    return f"{one.comm}[{one.pid}]"


def differ(ours: Seen, theirs: Seen) -> str:
    """Both stacks, for a message."""
    return f"{title(ours)}: ours <{ours.words()}> theirs <{theirs.words()}>"


def reliable(seen: Seen) -> Seen:
    """The kernel's part of it, without what was only found lying on the stack."""
    frames = [frame for frame in seen.frames if frame.reliable and frame.pc >= KERNEL]
    return Seen(**{**vars(seen), "frames": frames})


# ---- rules: each says why a stack may differ, or nothing


def dead(ours: Seen, theirs: Seen) -> str:
    """Who has ended has given its stack back: whatever others find there is not its own."""
    if ours.state in ZOMBIES and not ours.frames:
        return "ended, and have no stack"
    return ""


def stopped(ours: Seen, theirs: Seen) -> str:
    """crash begins with what stopped the CPU, we with the registers that were saved before: in the same function, if it was
    that function which saved them. It shows a place that was interrupted twice, or, in QEMU's dumps, not at all."""
    frames: list[Frame] = []
    for frame in theirs.frames:
        if not frames or frames[-1].pc != frame.pc:
            frames.append(frame)
    more = len(frames) - len(ours.frames)
    if not ours.on_cpu or more < -1 or not {frame.name for frame in frames[: max(more, 0)]} <= STOPPERS:
        return ""
    if more == -1:
        return "without where it was stopped" if [frame.pc for frame in frames] == ours.pcs[1:] else ""
    same = not ours.frames or frames[more].name == ours.frames[0].name
    same = same and [frame.pc for frame in frames[more + 1 :]] == ours.pcs[1:]
    return "with what stopped the CPU" if same else ""


def crash_guesses(ours: Seen, theirs: Seen) -> str:
    """Of what runs, crash finds further frames by guessing the size of each function's own: all of ours are among its frames,
    in this order."""
    rest = iter(theirs.pcs)
    return "with guesses of crash among the frames" if ours.on_cpu and all(pc in rest for pc in ours.pcs) else ""


def outvoted(others: Witness | None, symbols: Symbols) -> Rule:
    """Behind an exception, too, crash may take what lies on the stack for a frame: the kernel itself had the same as we, and so
    has drgn, where it knows the kernel."""

    def rule(ours: Seen, theirs: Seen) -> str:
        task = symbols.truth.tasks.get(ours.pid)
        if ours.on_cpu or not task or not symbols.fits(ours.frames, task):
            return ""
        if others is not None and (ours.key not in others or others[ours.key].pcs != ours.pcs):
            return ""
        return "where all others agree with us"

    return rule


def numbered(cpus: int) -> Rule:
    """QEMU's notes have a CPU's number, counted from one, where a kernel's have a PID, and drgn takes it for one: it gives the
    registers to the tasks of those PIDs, and none to what runs."""

    def rule(ours: Seen, theirs: Seen) -> str:
        return "whose registers drgn confuses" if ours.on_cpu or 1 <= ours.pid <= cpus else ""

    return rule


def in_module(symbols: Symbols) -> Rule:
    """drgn has no tables of modules without their debug information: it ends at the first address of one, or with what it
    takes for its caller's."""

    def rule(ours: Seen, theirs: Seen) -> str:
        modules = [i for i, frame in enumerate(ours.frames) if symbols.module_at(frame.pc)]
        if not modules:
            return ""
        known = modules[0] + 1
        same = theirs.pcs[:known] == ours.pcs[:known]
        return "that drgn follows only up to a module" if same else ""

    return rule


def in_interrupt(ours: Seen, theirs: Seen) -> str:
    """Where an interrupt came in while the softirqs of another one ran, drgn 0.0.22 ends before the entry of the second: all that
    it has is ours, which goes on with that entry, and comes to the first one's."""
    known = len(theirs.pcs)
    behind = [frame.name for frame in ours.frames[known:]]
    entries = [name for name in behind if name.startswith(ENTRY)]
    if not known or ours.pcs[:known] != theirs.pcs or len(entries) < 2 or behind[0] != entries[0]:
        return ""
    return "that drgn follows only up to the entry of an interrupt in an interrupt"


# ---- witnesses


def compare(mine: Witness, theirs: Witness, rules: list[Rule]) -> Verdict:
    """Every task of ours with the other's, by the addresses on its stack."""
    verdict = Verdict()
    for key in sorted(mine.keys() | theirs.keys()):
        if key not in mine or key not in theirs:
            verdict.wrong.append(f"only one has PID {key[0]}")
            continue
        ours, other = reliable(mine[key]), theirs[key]
        if ours.pcs == other.pcs:
            verdict.equal += 1
        elif why := next(filter(None, (rule(ours, other) for rule in rules)), ""):
            verdict.explained[why].append(title(ours))
        else:
            verdict.wrong.append(differ(ours, other))
    return verdict


def judge_names(mine: Witness, symbols: Symbols, checks: Checks) -> None:
    """Each frame has a name that /proc/kallsyms had for that place."""
    frames = [frame for one in mine.values() for frame in one.frames if frame.pc >= KERNEL]
    wrong = [f"{frame.pc:#x} {frame.name}" for frame in frames if frame.name not in symbols.names_at(frame)]
    checks.expect("stacks-names", bool(frames) and not wrong, f"{len(wrong)}: {wrong[:SHOWN]}",
                  f"{len(frames)} frames")


def judge_kernel(mine: Witness, truth: Truth, symbols: Symbols, moved: set[int], checks: Checks) -> None:
    """/proc/PID/stack of all tasks: without the scheduler's own functions, as the kernel leaves them out. Who could run may
    have run since, and may have run then."""
    verdict = Verdict()
    for pid, task in sorted(truth.tasks.items()):
        ours = mine.get((pid, 0))
        if not ours:
            verdict.wrong.append(f"we have no {task.comm}[{pid}]")
        elif ours.on_cpu:
            verdict.explained["that ran when the machine died"].append(title(ours))
        elif symbols.fits(reliable(ours).frames, task):
            verdict.equal += 1
        elif pid in moved or "R" in (task.state, ours.state):
            verdict.explained["that had got a CPU since"].append(title(ours))
        else:
            words = " ".join(frame.function for frame in task.stack)
            verdict.wrong.append(f"{title(ours)}: ours <{ours.words()}> theirs <{words}>")
    verdict.tell(checks, "stacks-kernel")


def judge_whole(stacks: list[tuple[Seen, Stack]], checks: Checks) -> None:
    """Each ends where a stack ends, none with a guess; those that have ended say so."""
    wrong = []
    for seen, stack in stacks:
        if seen.state in ZOMBIES:
            if seen.frames or not stack.error:
                wrong.append(f"{title(seen)} has ended, and has a stack")
        elif not stack.whole or stack.error or not all(frame.reliable for frame in seen.frames):
            wrong.append(f"{title(seen)}: {stack.error} {seen.words()}")
    checks.expect("stacks-whole", not wrong, f"{len(wrong)}: {wrong[:SHOWN]}", f"{len(stacks)} stacks")


def judge_lists(mine: Witness, theirs: Witness, name: str, checks: Checks) -> None:
    """The same tasks, by address, name and parent."""
    wrong = []
    for key in sorted(mine.keys() | theirs.keys()):
        ours, other = mine.get(key), theirs.get(key)
        if not ours or not other:
            wrong.append(f"only one has PID {key[0]}")
            continue
        same = (ours.comm, ours.task, ours.cpu) == (other.comm, other.task, other.cpu)
        same = same and (ours.ppid == other.ppid or not ours.pid)  # of an idle task crash says 0
        if not same or state(ours.state) != state(other.state):
            wrong.append(f"{ours} against {other}")
    good = not wrong and len(mine) >= ENOUGH
    checks.expect(name, good, f"{len(wrong)}: {wrong[:SHOWN]}", f"{len(mine)} tasks")


# What crash calls the states of ps(1).
CRASH_STATES = {"RU": "R", "IN": "S", "UN": "D", "ST": "T", "TR": "t", "ZO": "Z", "DE": "X", "ID": "I", "PA": "P"}


def state(word: str) -> str:
    """As ps(1) has it."""
    return CRASH_STATES.get(word, word)
