# SPDX-License-Identifier: GPL-2.0-or-later
"""Killed at random moments, and with room for every percent of the dump: what is left is honest.

What "honest" means stands in remains.py.
"""

import os
import random
import resource
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.checks import Checks
from lab.errors import LabError
from lab.proc import environment, run

from . import remains
from .remains import OLD, State
from .subject import FORMATS, Ended, Subject, run_to_end

SEED = 20261122
KILLS = 20
FULL_KILLS = 60
LEVEL = 31
THREADS = 2
WIDE = 4 << 30
END_SECONDS = 30  # after a signal
LATE = 1.1  # the last kills come after the end


def told(states: Counter[State]) -> str:
    """How often each state was found."""
    return ", ".join(f"{count} × {state.value}" for state, count in states.items())


# ---- killed


def run_and_kill(subject: Subject, argv: list[str], out: Path, seconds: float, sig: int) -> Ended:
    """Start a filter and send it a signal after so many seconds."""
    process = subprocess.Popen(
        [*argv, str(subject.vmcore), str(out)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        time.sleep(seconds)
        process.send_signal(sig)
        _, words = process.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired as err:
        why = f"{' '.join(argv)} did not end within {END_SECONDS} s after signal {int(sig)}"
        raise LabError(why) from err
    finally:
        process.kill()
        process.wait()
    return Ended(process.returncode, words.decode("utf-8", "replace").strip())


def timed(subject: Subject, form: str, name: str) -> tuple[Path, float]:
    """A whole dump, and the seconds that the faster of two runs took."""
    times = []
    for _ in range(2):
        started = time.monotonic()
        whole = subject.filtered(form, LEVEL, THREADS, name)
        times.append(time.monotonic() - started)
    return whole, min(times)


def judge_kills(subject: Subject, checks: Checks) -> None:
    """kill -9; every second time there was a dump of that name before."""
    dice = random.Random(SEED)
    number = FULL_KILLS if subject.full else KILLS
    out = subject.folder / "torn.killed"
    for index, form in enumerate(FORMATS):
        whole, seconds = timed(subject, form, f"torn.whole-{form}")
        states: Counter[State] = Counter()
        wrong = []
        turns = range(index, number, len(FORMATS))
        for turn in turns:
            remains.clear(out)
            if turn % 2:
                out.write_bytes(OLD)
            # a random moment of each part of the run
            after = (turns.index(turn) + dice.random()) / len(turns) * seconds * LATE
            argv = [*subject.filter_argv(form, LEVEL, THREADS), "-f"]
            ended = run_and_kill(subject, argv, out, after, signal.SIGKILL)
            found = remains.find(out, subject.vmcore, whole, ended.status)
            states[found.state] += 1
            if found.wrong:
                wrong.append(f"killed after {after:.3f} of {seconds:.3f} s: {found.wrong}")
        remains.clear(out)
        whole.unlink()
        checks.expect(f"killed-{form}", not wrong, "; ".join(wrong), told(states))


# ---- no room


class Room:
    """A place with room for so many bytes: a tmpfs, or a limit of the file size without root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(exist_ok=True)
        self.mounts = os.geteuid() == 0
        if self.mounts:
            try:
                with self.of(1 << 20):
                    pass
            except LabError:
                self.mounts = False

    @contextmanager
    def of(self, size: int) -> Iterator[None]:
        """While this lasts, the folder has so much room."""
        if not self.mounts:
            yield
            return
        run(["mount", "-t", "tmpfs", "-o", f"size={max(size, 4096)}", "none", self.folder])
        try:
            yield
        finally:
            run(["umount", self.folder])

    def widen(self) -> None:
        """Room again: on a full tmpfs even reading a hole through a mapping fails, with SIGBUS."""
        if self.mounts:
            run(["mount", "-o", f"remount,size={WIDE}", self.folder])

    def run(self, argv: list[str], size: int) -> Ended:
        """Run a filter that finds so much room."""

        def limit() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        return run_to_end(argv, None if self.mounts else limit)


def judge_room(subject: Subject, room: Room, form: str, whole: Path, size: int) -> remains.Remains:
    """One run that finds room for `size` bytes."""
    out = room.folder / "dump"
    with room.of(size):
        argv = [*subject.filter_argv(form, LEVEL, THREADS), str(subject.vmcore), str(out)]
        ended = room.run(argv, size)
        room.widen()
        found = remains.find(out, subject.vmcore, whole, ended.status)
        remains.clear(out)
    if not found.wrong and ended.status != 0 and not ended.words:
        return remains.Remains(found.state, wrong=f"exit status {ended.status} without a word")
    if not found.wrong and ended.status < 0:
        return remains.Remains(found.state, wrong=f"ended by signal {-ended.status}")
    return found


def judge_no_room(subject: Subject, checks: Checks) -> None:
    """Every percent; in the check the formats take turns, in full each sees every percent."""
    room = Room(subject.folder / "room")
    for index, form in enumerate(FORMATS):
        whole = subject.filtered(form, LEVEL, THREADS, f"torn.whole-{form}")
        size = whole.stat().st_blocks * 512  # holes take no room
        states: Counter[State] = Counter()
        wrong = []
        for percent in range(0, 100) if subject.full else range(index, 100, len(FORMATS)):
            found = judge_room(subject, room, form, whole, size * percent // 100)
            states[found.state] += 1
            if found.wrong:
                wrong.append(f"room for {percent} %: {found.wrong}")
            elif subject.keeps_cut and percent >= 20 and found.state == State.NOTHING:
                wrong.append(f"room for {percent} %: nothing was kept")
        whole.unlink()
        checks.expect(f"no-room-{form}", not wrong, "; ".join(wrong[:4]), told(states))


def judge(subject: Subject, checks: Checks) -> None:
    """All of it."""
    judge_kills(subject, checks)
    judge_no_room(subject, checks)
