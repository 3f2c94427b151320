# SPDX-License-Identifier: GPL-2.0-or-later
"""A dump that is cut on purpose: by -L SIZE, by --time-budget SECONDS, by SIGINT and SIGTERM, by a
full disk. What there was room and time for is kept, says that it is incomplete, and crash opens it.

Options that the build does not have are skipped.
"""

import random
import signal
import time
from collections import Counter
from pathlib import Path

from lab.checks import Checks
from lab.judges.readers import crash_lacks, crash_says, panic_view
from lab.scenario import Death

from . import remains
from .remains import Remains, State
from .subject import Subject, run_to_end
from .torn import LEVEL, SEED, THREADS, Room, run_and_kill, told

SIZE_LIMIT = "-L"
TIME_LIMIT = "--time-budget"
SHARES = (20, 50, 90)  # percent of the whole dump
CRASH_SHARES = (50, 75)
CRASH_LEVEL = 1
SLOW = ("zlib", 0, 1)  # format, level and threads of a run that takes seconds
BUDGET = 1
BUDGET_SLACK = 2.0  # seconds from the end of the budget to the end of the program
SIGNAL_SLACK = 2.0
BLOCKS = 1 << 16  # what a file system may add to what was written, in parts of blocks
USAGE = 2  # the exit status of what the program refuses to do
SIGNALS = 3  # runs for each signal
FORMS = ("lzo", "zstd", "elf")


def on_disk(path: Path) -> int:
    """The bytes that were written; the holes of an ELF file were not."""
    return path.stat().st_blocks * 512


def not_kept(found: Remains) -> str:
    """Why this is not a dump that was cut and kept; empty if it is one."""
    if found.wrong:
        return found.wrong
    if found.state != State.CUT:
        return f"{found.state.value} is there, not an incomplete dump"
    return "" if found.pages else "it has no page"


def judge_size(subject: Subject, checks: Checks, form: str, whole: Path) -> None:
    """-L, below the dump's size and above it."""
    out = subject.folder / "cut.size"
    size = on_disk(whole)
    for percent in (*SHARES, 110):
        remains.clear(out)
        limit = size * percent // 100
        argv = [*subject.filter_argv(form, LEVEL, THREADS), SIZE_LIMIT, str(limit)]
        ended = run_to_end([*argv, subject.vmcore, out])
        if ended.status == USAGE:
            checks.skip(f"size-{form}", ended.words)
            return
        found = remains.find(out, subject.vmcore, whole, ended.status)
        large = on_disk(found.path) if found.path else 0
        why = not_kept(found)
        if percent > 100:
            why = "" if ended.status == 0 else f"exit status {ended.status}: {ended.words}"
        elif not why and large > limit + BLOCKS:
            why = f"{large} bytes, the limit is {limit}"
        elif not why and ended.status < 0:
            why = f"ended by signal {-ended.status}"
        checks.expect(f"size-{form}-{percent}", not why, why, f"{found.pages} pages")
        remains.clear(out)


def judge_budget(subject: Subject, checks: Checks, whole: Path) -> None:
    """--time-budget, shorter than the run is long."""
    out = subject.folder / "cut.time"
    remains.clear(out)
    argv = [*subject.filter_argv(*SLOW), TIME_LIMIT, str(BUDGET)]
    started = time.monotonic()
    ended = run_to_end([*argv, subject.vmcore, out])
    seconds = time.monotonic() - started
    found = remains.find(out, subject.vmcore, whole, ended.status)
    why = not_kept(found)
    if not why and seconds > BUDGET + BUDGET_SLACK:
        why = f"it took {seconds:.1f} s, not {BUDGET}"
    checks.expect("time", not why, why, f"{found.pages} pages in {seconds:.1f} s")
    remains.clear(out)


def judge_signals(subject: Subject, checks: Checks, whole: Path, seconds: float) -> None:
    """SIGINT and SIGTERM while pages are written."""
    dice = random.Random(SEED)
    out = subject.folder / "cut.signal"
    for sig in (signal.SIGINT, signal.SIGTERM):
        states: Counter[State] = Counter()
        wrong = []
        for _ in range(SIGNALS):
            remains.clear(out)
            after = dice.uniform(0.2, 0.7) * seconds
            started = time.monotonic()
            ended = run_and_kill(subject, subject.filter_argv(*SLOW), out, after, sig)
            late = time.monotonic() - started - after
            found = remains.find(out, subject.vmcore, whole, ended.status)
            states[found.state] += 1
            why = not_kept(found)
            if not why and late > SIGNAL_SLACK:
                why = f"it ended {late:.1f} s after the signal"
            wrong += [f"after {after:.2f} s: {why}"] if why else []
        checks.expect(f"signal-{sig.name}", not wrong, "; ".join(wrong), told(states))
    remains.clear(out)


def judge_crash(subject: Subject, checks: Checks) -> None:
    """crash(8) on a dump that found room for a half and for three quarters of itself.

    Of a level that keeps user memory and caches: crash needs all of the kernel's memory, and nothing else
    is in a dump of level 31.
    """
    whole = subject.filtered("lzo", CRASH_LEVEL, THREADS, "cut.whole-crash")
    room = Room(subject.folder / "cut.room")
    size = on_disk(whole)
    for percent in CRASH_SHARES:
        out = room.folder / "dump"
        with room.of(size * percent // 100):
            argv = [*subject.filter_argv("lzo", CRASH_LEVEL, THREADS), str(subject.vmcore),
                    str(out)]
            ended = room.run(argv, size * percent // 100)
            room.widen()
            found = remains.find(out, subject.vmcore, whole, ended.status)
            why = not_kept(found)
            checks.expect(f"full-disk-{percent}", not why, why, f"{found.pages} pages")
            with checks.guard(f"crash-{percent}"):
                if found.path:
                    script = subject.folder / "cut.crash"
                    wanted = panic_view(Death())
                    said = crash_says([found.path], subject.vmlinux, script, list(wanted))
                    for name, lack in crash_lacks(said, wanted).items():
                        checks.expect(f"crash-{percent}-{name}", not lack, lack)
            remains.clear(out)
    whole.unlink()


def judge(subject: Subject, checks: Checks) -> None:
    """All of it, as far as the options exist."""
    names = {"size": SIZE_LIMIT, "time": TIME_LIMIT, "signals": TIME_LIMIT, "crash": SIZE_LIMIT}
    for name, option in names.items():
        if not subject.has_option(option):
            checks.skip(name, f"lifeboat filter has no {option}")
    if subject.has_option(SIZE_LIMIT):
        for form in FORMS:
            whole = subject.filtered(form, LEVEL, THREADS, f"cut.whole-{form}")
            judge_size(subject, checks, form, whole)
            whole.unlink()
        judge_crash(subject, checks)
    if subject.has_option(TIME_LIMIT):
        started = time.monotonic()
        whole = subject.filtered(*SLOW, "cut.whole-slow")
        seconds = time.monotonic() - started
        judge_budget(subject, checks, whole)
        judge_signals(subject, checks, whole, seconds)
        whole.unlink()
