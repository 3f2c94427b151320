# SPDX-License-Identifier: GPL-2.0-or-later
"""What we say of a dump without debug information, against the kernel's own words, crash, drgn, vmcore-dmesg and QEMU.

Looks at a folder of lab/crowd.py.
"""

import json
import re
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import debs
from ..checks import Checks
from ..crash import Folder
from ..crowd import DEATHS, Death
from ..paths import program
from ..proc import run
from ..truth import Truth
from . import ours, stacks, verdict
from .readers import crash_says, first_difference, unindented
from .witnesses import Seen, Symbols, Witness, by_key, from_crash, from_drgn

SHOWN = 5
# What is in /proc/kallsyms without being in a table of symbols: made while the kernel runs (kernel/kallsyms.c).
MADE = {"bpf", "__builtin__ftrace", "__builtin__kprobes"}
PAGE = 4096
# Pages that may have changed hands between the kernel's words and its death; it went on running for some milliseconds.
SINCE = 256
CLOCKS = 100e6  # ns, by which the clock of the scheduler may be behind that of /proc/uptime
COMMANDS = (["bt", "--all-tasks"], ["ps", "--threads"], ["sym"], ["mod"], ["mem"])


class Case:
    """One dead guest and our answers."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.facts = folder.facts()
        self.elf = folder.vmcore
        self.truth = Truth.of(folder.path)
        self.symbols = Symbols(self.truth)

    @cached_property
    def death(self) -> Death:
        """How it died."""
        way = json.loads((self.folder.path / "death.json").read_text(encoding="utf-8"))
        return DEATHS[way["name"]]

    @cached_property
    def kdump(self) -> Path:
        """The same without what a dump at level 31 leaves out."""
        path = self.folder.path / "vmcore.d31"
        path.unlink(missing_ok=True)
        run([program("lifeboat"), "filter", "-q", "-l", "-d", "31", self.elf, path])
        return path

    @cached_property
    def stacks(self) -> list[tuple[Seen, ours.Stack]]:
        """Ours, of all tasks."""
        return ours.stacks(self.elf, "--all-tasks")

    @cached_property
    def tasks(self) -> Witness:
        """Ours, each with its stack."""
        listed, _ = ours.tasks(self.elf)
        frames = by_key(seen for seen, _ in self.stacks)
        return by_key(Seen(**{**vars(one), "frames": frames[key].frames if key in frames else []})
                      for key, one in listed.items())

    @cached_property
    def moved(self) -> set[int]:
        """Who has got a CPU since the kernel told of its tasks: kernel threads, by when they ran last."""
        then = float(self.truth.file("tasks-begin").split()[0]) * 1e9 - CLOCKS
        known = self.truth.tasks
        kernels = (one for one in self.tasks.values() if one.pid in known and known[one.pid].ppid in (0, 2))
        return {one.pid for one in kernels if one.ran_ns > then}


def judge_symbols(case: Case, checks: Checks) -> None:
    """All of /proc/kallsyms: addresses, types, names, modules, each as often."""
    mine = Counter((a, t.lower() if m else t, n, m) for a, t, n, m in ours.symbols(case.elf))
    theirs: Counter[tuple[int, str, str, str]] = Counter()
    made = 0
    for one in case.truth.symbols:
        if one.module in MADE:
            made += 1
            continue
        # of a module's symbol the letter is a capital one if it is exported, whatever its table says
        kind = one.type.lower() if one.module else one.type
        theirs[one.address, kind, one.name, one.module] += 1
    less, more = theirs - mine, mine - theirs
    # Labels of the compiler's, by which the kernel itself calls no address (is_mapping_symbol() of
    # include/linux/module_symbol.h); and the padding before each function, which nothing runs.
    labels = Counter({key: n for key, n in less.items() if key[2].startswith((".L", "__pfx_"))})
    less -= labels
    text = f"{theirs.total()} symbols, of {len({key[3] for key in theirs}) - 1} modules, too"
    why = f"{less.total()} are missing {list(less)[:SHOWN]}, {more.total()} too many {list(more)[:SHOWN]}"
    checks.expect("symbols", not less and not more and theirs.total() > 50000, why,
                  f"{text}; {made} were made at run time, {labels.total()} are labels")


def judge_modules(case: Case, checks: Checks) -> None:
    """/proc/modules: names, sizes, users, states, addresses."""
    theirs = set()
    for line in case.truth.file("/proc/modules").splitlines():
        words = line.split()
        theirs.add((words[0], int(words[1]), int(words[2]), words[4].lower(), int(words[5], 16)))
    mine = {
        (one["name"], one["bytes"], one["users"], one["state"], int(one["text"], 16))
        for one in ours.ask("mod", case.elf)["modules"]
    }
    checks.expect("modules", mine == theirs and bool(theirs), f"{sorted(mine ^ theirs)}", f"{len(theirs)} modules")


def judge_iomem(case: Case, checks: Checks) -> None:
    """/proc/iomem, line by line."""
    theirs = []
    for line in case.truth.file("/proc/iomem").splitlines():
        found = re.fullmatch(r"( *)([0-9a-f]+)-([0-9a-f]+) : (.*)", line)
        if found:
            theirs.append((len(found[1]) // 2, int(found[2], 16), int(found[3], 16), found[4]))
    mine = [
        (one["depth"], int(one["start"], 16), int(one["end"], 16), one["name"])
        for one in ours.ask("report", case.elf)["machine"]["iomem"]
    ]
    odd = [pair for pair in zip(mine, theirs) if pair[0] != pair[1]]
    why = f"{len(mine)} against {len(theirs)}: {odd[:SHOWN]}"
    checks.expect("iomem", mine == theirs and bool(theirs), why, f"{len(theirs)} resources")


def threshold(truth: Truth) -> int:
    """Pages that CPUs may hold back from the kernel's counters: "vm stats threshold" of each CPU and zone."""
    found = re.findall(r"vm stats threshold: (\d+)", truth.file("/proc/zoneinfo"))
    return sum(map(int, found))


def judge_counters(case: Case, checks: Checks) -> None:
    """/proc/meminfo: the same but for what CPUs hold back, which the kernel leaves out and we count, and what was since."""
    theirs = case.truth.numbers("/proc/meminfo")
    mine = ours.ask("mem", case.elf)["counters"]
    allowed = (threshold(case.truth) + SINCE) * PAGE
    both = mine.keys() & theirs.keys()
    wrong = [f"{name}: {mine[name]} against {theirs[name]}" for name in sorted(both)
             if abs(mine[name] - theirs[name]) > allowed]
    exact = [name for name in both if mine[name] == theirs[name]]
    needed = {"MemTotal", "MemFree", "AnonPages", "Slab", "PageTables", "KernelStack", "Cached"}
    why = f"{wrong}; missing {needed - both}"
    checks.expect("counters", not wrong and needed <= both, why,
                  f"{len(both)} counters, {len(exact)} to the byte, the others within {allowed >> 10} KiB")


def judge_slabs(case: Case, checks: Checks) -> None:
    """/proc/slabinfo: all caches and the sizes of their objects; how many there are, but for a few slabs that came or went."""
    theirs = {}
    for line in case.truth.file("/proc/slabinfo").splitlines()[2:]:
        words = line.split()
        theirs[words[0]] = [int(word) for word in words[1:6]]
    mine = {one["name"]: one for one in ours.ask("mem", case.elf)["slabs"]}
    wrong = [f"only one has {name}" for name in sorted(mine.keys() ^ theirs.keys())]
    for name in mine.keys() & theirs.keys():
        _, objects, size, per_slab, pages = theirs[name]
        one = mine[name]
        off = abs(one["objects"] - objects)
        if one["place_bytes"] != size or off > max(4 * per_slab, objects // 50):
            wrong.append(f"{name}: {one} against {theirs[name]}")
        elif one["bytes"] != one["objects"] // per_slab * pages * PAGE:
            wrong.append(f"{name}: {one['bytes']} bytes for {one['objects']} objects")
    checks.expect("slabs", not wrong and len(theirs) > 50, f"{len(wrong)}: {wrong[:SHOWN]}", f"{len(theirs)} caches")


def other_log(case: Case) -> list[str]:
    """By vmcore-dmesg; of QEMU's own dumps, whose segments have no virtual addresses, by crash."""
    if case.death.armed:
        return unindented(run([debs.fetch_vmcore_dmesg(), case.elf]).stdout)
    script = case.folder.path / "crash.commands"
    return unindented(crash_says([case.elf], debs.fetch_vmlinux(), script, ["log"])["log"].strip("\n"))


def judge_log(case: Case, checks: Checks) -> None:
    """dmesg and log against another reader."""
    raw = other_log(case)
    for command in ("dmesg", "log"):
        # log is for people: what could steer a terminal, tabs among it, is made harmless
        theirs = raw if command == "dmesg" else [line.replace("\t", " ") for line in raw]
        text = run([program("lifeboat"), command, case.elf]).stdout
        why = first_difference(unindented(text), theirs)
        checks.expect(f"log-{command}", not why and len(theirs) > 100, why, f"{len(theirs)} lines")


def judge_tasks(case: Case, checks: Checks) -> None:
    """What /proc had of each task; a kernel worker's name there goes on with what it works for."""
    wrong = []
    mine = {one.pid: one for one in case.tasks.values() if one.pid}
    for pid, task in case.truth.tasks.items():
        seen = mine.get(pid)
        if not seen:
            wrong.append(f"we have no {task}")
            continue
        same = task.comm == seen.comm or (task.ppid in (0, 2) and task.comm.startswith(seen.comm))
        same = same and (task.tgid, task.ppid) == (seen.tgid, seen.ppid)
        if not same or (task.state != seen.state and pid not in case.moved and not seen.on_cpu):
            wrong.append(f"{task} against {seen}")
    wrong += [f"the kernel had no {mine[pid]}" for pid in mine.keys() - case.truth.tasks.keys()]
    checks.expect("tasks", not wrong and len(mine) >= stacks.ENOUGH, f"{len(wrong)}: {wrong[:SHOWN]}",
                  f"{len(mine)} tasks, {len(case.moved)} ran meanwhile")


def judge_stacks(case: Case, checks: Checks) -> None:
    """Ours alone, and against /proc/PID/stack."""
    few = len(case.moved) <= stacks.MOVED
    checks.expect("moved", few, f"{len(case.moved)} tasks ran since: {sorted(case.moved)}")
    stacks.judge_whole(case.stacks, checks)
    stacks.judge_names(case.tasks, case.symbols, checks)
    stacks.judge_kernel(case.tasks, case.truth, case.symbols, case.moved, checks)


def judge_drgn(case: Case, checks: Checks) -> Witness:
    """drgn on the dump at level 31."""
    theirs, said = from_drgn(case.kdump, debs.fetch_vmlinux())
    rules = [stacks.dead, stacks.in_module(case.symbols), stacks.in_interrupt]
    if not case.death.armed:
        rules.append(stacks.numbered(sum(not one.pid for one in case.tasks.values())))
    stacks.compare(case.tasks, theirs, rules).tell(checks, "stacks-drgn")
    stacks.judge_lists(case.tasks, theirs, "tasks-drgn", checks)
    mine = {(one["name"], one["object_bytes"], one["place_bytes"]) for one in ours.ask("mem", case.elf)["slabs"]}
    caches = {tuple(one) for one in said["slabs"]}
    checks.expect("slabs-drgn", mine == caches, f"{sorted(mine ^ caches)[:SHOWN]}", f"{len(caches)} caches")
    return theirs


def judge_debuggers(case: Case, checks: Checks) -> None:
    """crash on the vmcore and drgn on the dump of it, both with debug information."""
    by_drgn = None
    if case.facts.suite:
        print(f"   drgn is left out: Debian's is older than {case.facts.kernel}")
    else:
        by_drgn = judge_drgn(case, checks)
    vmlinux = debs.fetch_vmlinux(case.facts.suite)
    theirs = from_crash(case.elf, vmlinux, case.folder.path / "crash.commands")
    rules = [stacks.dead, stacks.stopped, stacks.crash_guesses, stacks.outvoted(by_drgn, case.symbols)]
    stacks.compare(case.tasks, theirs, rules).tell(checks, "stacks-crash")
    stacks.judge_lists(case.tasks, theirs, "tasks-crash", checks)


def without_names(said: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is another file's: its name, and the time that it took."""
    return {key: value for key, value in said.items() if key not in ("file", "incomplete", "gaps", "gaps_left_out")}


def judge_forms(case: Case, checks: Checks) -> None:
    """The dump at level 31 gives the same answers as all of memory."""
    for words in COMMANDS:
        whole, less = (without_names(ours.ask(*words, path)) for path in (case.elf, case.kdump))
        odd = [key for key in whole if whole[key] != less.get(key)]
        checks.expect(f"d31-{words[0]}", not odd and whole.keys() == less.keys(), f"{odd} differ")


PARTS = {
    "symbols": judge_symbols,
    "modules": judge_modules,
    "iomem": judge_iomem,
    "counters": judge_counters,
    "slabs": judge_slabs,
    "log": judge_log,
    "tasks": judge_tasks,
    "stacks": judge_stacks,
    "forms": judge_forms,
    "debuggers": judge_debuggers,
}


def judge(folder: Folder, checks: Checks, full: bool = True) -> None:
    """All of it; without `full` debug information of other suites' kernels is not fetched (1 GB)."""
    case = Case(folder)
    for name, part in PARTS.items():
        if name == "debuggers" and case.facts.suite and not full:
            print(f"   crash is left out: no debug information of {case.facts.kernel} without --full")
            continue
        with checks.guard(name):
            part(case, checks)
    judge_death(folder, checks)


def judge_death(folder: Folder, checks: Checks) -> None:
    """Only how it died: class, CPU, task, the stack that the log has, QEMU's registers."""
    case = Case(folder)
    with checks.guard("verdict"):
        verdict.judge_report(case.elf, case.death, checks)
    with checks.guard("trace"):
        verdict.judge_trace(case.elf, case.symbols, case.death, checks)
    if not case.death.armed:
        with checks.guard("registers"):
            verdict.judge_registers(case.elf, case.folder.path / "registers.txt", checks)


def main(argv: list[str]) -> int:
    """python3 -m lab.judges.postmortem FOLDER [PART…]"""
    from ..checks import Totals

    totals = Totals()
    checks, folder = Checks(totals, Path(argv[1]).name), Folder(Path(argv[1]))
    parts = [part for part in argv[2:] if part in PARTS]
    if not parts:
        judge(folder, checks)
    for part in parts:
        with checks.guard(part):
            PARTS[part](Case(folder), checks)
    print(totals.closing_line())
    return 1 if totals.failed else 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv))
