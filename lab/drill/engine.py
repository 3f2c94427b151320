# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs → results: as many at a time as CPUs and memory allow, the longest first, each in a process of its own that is bounded."""

import contextlib
import fcntl
import json
import os
import platform
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from ..errors import LabError
from ..paths import ROOT, cache_dir, program
from ..proc import environment, run, tail
from ..qemu import QEMU
from ..scenario import Scenario
from . import result as results
from .one import empty_result
from .progress import Progress
from .result import FAILED, Check, Drill, Result
from .select import Run, UsageError, available_mib, lacking, memory_needed

MARK = ".lifeboat-drill"  # a folder with it is ours, and may be made anew
RESULTS, PREVIOUS = "results.json", "previous.json"
FETCH_SECONDS = 1800  # until a guest can be made: the first run downloads its kernel
TICK_SECONDS = 0.25
WAIT_SECONDS = 0.02
END_SECONDS = 20  # for a run that is told to end
OVERHEAD_MIB = 384  # of a guest: QEMU itself, and the judges when it has ended
SPARE_MIB = 512  # that stay for everybody else
GUESSED = 0.4  # of the time that a guest may take at most: what it takes, until it is known
SPENT_KIB = 4 << 20  # that images of failed runs may occupy together
LARGE = 1 << 20  # files of a run that are larger go, but for what the capture left and logs
RESULTS_OF_A_RUN = ("captured", "places")
LOGS = (".log", ".json", ".html", ".txt")
INTERRUPTED = "the drill was interrupted"
REMEMBERED = 4000  # runs whose times are


@dataclass
class Options:
    """How runs are made."""

    out: Path
    jobs: int = 0  # 0: as many as CPUs allow; may change while they are made
    keep: bool = False  # images of memory and disks stay
    keep_of: frozenset[str] = frozenset()  # the same for these runs, by their ids
    command: list[str] = field(default_factory=list)  # for results.json


@dataclass
class Job:
    """One run that is to be made."""

    run: Run
    scenario: Scenario
    folder: str  # below the drill's own
    seconds: float  # that it will take, as far as one can know
    memory_mib: int
    weight: int  # of its CPUs: those that are not idle most of the time


@dataclass
class Running:
    """One that is being made."""

    job: Job
    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    started: float
    deadline: float
    phase: str = "starting"
    partial: bytes = b""
    result: Result | None = None
    checks: list[Check] = field(default_factory=list)


# ---- the folder of a drill


def take_folder(out: Path) -> IO[str]:
    """An empty folder for results, locked; what an earlier drill left goes away, but for its results."""
    if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and was not made by a drill: --out names another folder")
    out.mkdir(parents=True, exist_ok=True)
    lock = open(out / MARK, "a", encoding="utf-8")  # pylint: disable=consider-using-with
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        lock.close()
        raise LabError(f"another drill is using {out}: --out names another folder") from err
    if (out / RESULTS).exists():
        (out / RESULTS).replace(out / PREVIOUS)
    for path in out.iterdir():
        if path.name in (MARK, PREVIOUS):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return lock


def discard(folder: Path) -> None:
    """The images of memory and disks of a run, and whatever else is large; what the capture left stays, and all logs."""
    for top, _, names in os.walk(folder):
        if Path(top).relative_to(folder).parts[:1] and Path(top).relative_to(folder).parts[0] in RESULTS_OF_A_RUN:
            continue
        for path in (Path(top, name) for name in names):
            if path.is_symlink() or path.suffix in LOGS:
                continue
            if path.stat().st_size > LARGE:
                path.unlink()


def occupied_kib(folder: Path) -> int:
    """What a run's files take of the disk; they have holes."""
    return sum(Path(top, name).lstat().st_blocks for top, _, names in os.walk(folder) for name in names) // 2


# ---- how long runs take


def times_file() -> Path:
    """Seconds that runs have taken on this machine, by their ids."""
    return cache_dir() / "drill-times.json"


def known_times() -> dict[str, float]:
    """What is known of them."""
    try:
        found = json.loads(times_file().read_text(encoding="utf-8"))
        return {str(name): float(seconds) for name, seconds in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def remember_times(new: dict[str, float]) -> None:
    """Add what was seen now."""
    times = known_times()
    for name, seconds in new.items():
        times.pop(name, None)
        times[name] = seconds  # the newest last
    kept = dict(list(times.items())[-REMEMBERED:])
    path = times_file()
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(kept, indent=0) + "\n", encoding="utf-8")
    temporary.rename(path)


# ---- what is run when


def plan(runs: Sequence[Run], memory_mib: int) -> tuple[list[Job], list[Result]]:
    """Jobs, the longest first, and the results of runs that cannot be made here."""
    times = known_times()
    jobs: list[Job] = []
    skipped: list[Result] = []
    folders: set[str] = set()
    for one in runs:
        scenario = one.load()
        why = lacking(scenario, memory_mib)
        needed = memory_needed(scenario) or scenario.guest.file_mib + OVERHEAD_MIB
        if not why and needed > memory_mib:
            why = f"it needs {needed} MiB of memory, and {memory_mib} MiB are available"
        if why:
            skipped.append(replace(empty_result(one, scenario), why=why))
            continue
        folder = one.file_name
        while folder in folders:
            folder += "_"
        folders.add(folder)
        seconds = times.get(one.id) or times.get(one.scenario) or GUESSED * scenario.guest.seconds
        jobs.append(Job(one, scenario, folder, seconds, needed, max(1, scenario.guest.cpus // 2)))
    return sorted(jobs, key=lambda job: -job.seconds), skipped


class Room:
    """What guests may take of this machine together."""

    def __init__(self, options: Options) -> None:
        self.cpus = os.cpu_count() or 1
        self.options = options
        self.memory_mib = max(0, available_mib() - SPARE_MIB)

    def takes(self, job: Job, beside: Sequence[Job]) -> bool:
        """Whether a run can begin while others are made. A guest is idle at times: two of its CPUs are one of ours."""
        if not beside:
            return True  # what is too large for the machine is not planned
        if sum(one.memory_mib for one in beside) + job.memory_mib > self.memory_mib:
            return False
        if self.options.jobs:
            return len(beside) < self.options.jobs
        return sum(one.weight for one in beside) + job.weight <= self.cpus


class Engine:
    """The runs of one drill."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self.options = options
        self.progress = progress
        self.room = Room(options)
        self.waiting: list[Job] = []
        self.running: list[Running] = []
        self.results: list[Result] = []
        self.spent_kib = 0
        self.signal = 0  # that ended it
        self.selector = selectors.DefaultSelector()

    def make(self, runs: Sequence[Run]) -> list[Result]:
        """All of them; in the order in which they were asked for."""
        self.waiting, skipped = plan(runs, self.room.memory_mib)
        self.progress.begin(len(runs))
        for one in skipped:
            self.add(one)
        caught = catch_signals()
        try:
            while (self.waiting or self.running) and not caught:
                self.start_some()
                self.listen()
                self.end_overdue()
                self.progress.tick(self.running, self.seconds_left())
        finally:
            stop(self.running)
            self.progress.end()
            self.put_away(INTERRUPTED)
            self.selector.close()
            release_signals()
        self.results += [replace(empty_result(job.run, job.scenario), why=INTERRUPTED) for job in self.waiting]
        order = {one.id: number for number, one in enumerate(runs)}
        remember_times({one.id: one.seconds for one in self.results if one.verdict == results.PASSED})
        self.results.sort(key=lambda one: order[one.id])
        self.signal = caught[0] if caught else 0
        return self.results

    def start_some(self) -> None:
        """The longest that there is room for; shorter ones go before one that has to wait."""
        for job in list(self.waiting):
            if self.room.takes(job, [one.job for one in self.running]):
                self.waiting.remove(job)
                self.start(job)

    def argv(self, job: Job, folder: Path) -> list[str]:
        """What makes a run."""
        words = {**asdict(job.run), "overlays": list(job.run.overlays)}
        return [sys.executable, "-m", "lab.drill.one", json.dumps(words), str(folder)]

    def start(self, job: Job) -> None:
        """One run's process."""
        folder = self.options.out / job.folder
        errors = open(folder.with_name(folder.name + ".errors"), "wb")  # pylint: disable=consider-using-with
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["setpriv", "--pdeathsig", "TERM", *self.argv(job, folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**environment(), "PYTHONPATH": str(ROOT)},
            start_new_session=True,  # a terminal's Ctrl-C is for us: we end it in good order
        )
        now = time.monotonic()
        one = Running(job, process, errors, now, now + FETCH_SECONDS)
        assert process.stdout
        self.selector.register(process.stdout, selectors.EVENT_READ, one)
        self.running.append(one)
        self.progress.started(job.run.id)

    def listen(self) -> None:
        """Events of all processes that run, for a moment."""
        for key, _ in self.selector.select(TICK_SECONDS):
            one = key.data
            chunk = os.read(key.fd, 1 << 16)
            *lines, one.partial = (one.partial + chunk).split(b"\n")
            for line in lines:
                self.hear(one, json.loads(line))
            if not chunk:
                self.finish(one)

    def hear(self, one: Running, event: dict[str, Any]) -> None:
        """One event."""
        if "phase" in event:
            one.phase = event["phase"]
            self.progress.phase(one.job.run.id, one.phase)
        elif "begun" in event:
            one.deadline = time.monotonic() + float(event["begun"])
        elif "check" in event:
            one.checks.append(Check(**event["check"]))
            self.progress.check(one.job.run.id, one.checks[-1])
        elif "result" in event:
            found = event["result"]
            found["checks"] = [Check(**check) for check in found["checks"]]
            one.result = Result(**found)

    def end_overdue(self) -> None:
        """Whatever takes too long has failed."""
        for one in [one for one in self.running if time.monotonic() > one.deadline]:
            seconds = time.monotonic() - one.started
            stop([one])
            one.result = None
            self.finish(one, f"it did not end within {seconds:.0f} s, while it was at: {one.phase}")

    def finish(self, one: Running, why: str = "") -> None:
        """A process has ended, or was ended: its result, and its folder put in order."""
        assert one.process.stdout
        self.selector.unregister(one.process.stdout)
        one.process.stdout.close()
        stop([one], END_SECONDS)
        one.errors.close()
        self.running.remove(one)
        folder = self.options.out / one.job.folder
        errors = folder.with_name(folder.name + ".errors")
        said = errors.read_text(encoding="utf-8", errors="replace")
        found = one.result
        if not found:
            why = why or f"its process ended with status {one.process.returncode}:\n{tail(said)}"
            found = replace(
                empty_result(one.job.run, one.job.scenario),
                verdict=FAILED,
                why=f"drill: {why}",
                seconds=round(time.monotonic() - one.started, 1),
                checks=[*one.checks, Check("drill", FAILED, why)],
            )
        self.put_errors_away(one)
        self.add(self.with_files(found, one.job))

    def put_errors_away(self, one: Running) -> None:
        """What its process said of mistakes goes to its folder, if it said anything."""
        folder = self.options.out / one.job.folder
        folder.mkdir(exist_ok=True)
        errors = folder.with_name(folder.name + ".errors")
        if errors.stat().st_size:
            errors.rename(folder / "errors.log")
        else:
            errors.unlink()

    def put_away(self, why: str) -> None:
        """What was still running is left as it is, but for its images."""
        for one in self.running:
            one.errors.close()
            self.put_errors_away(one)
            found = replace(empty_result(one.job.run, one.job.scenario), why=why)
            self.results.append(self.with_files(found, one.job))

    def with_files(self, found: Result, job: Job) -> Result:
        """The result with what is in its folder; images go away."""
        folder = self.options.out / job.folder
        if not found.console and (folder / "console.log").is_file():  # its process was ended before it could say so
            found = replace(found, console="console.log")
        named = {name: f"{job.folder}/{value}" for name in ("console", "report") if (value := getattr(found, name))}
        found = replace(found, folder=job.folder, **named)
        if self.options.keep or job.run.id in self.options.keep_of:
            return found
        size = occupied_kib(folder)
        if found.verdict == FAILED and self.spent_kib + size <= SPENT_KIB:
            self.spent_kib += size  # of what failed the first ones are kept for whoever has to find out why
        else:
            discard(folder)
        return found

    def add(self, found: Result) -> None:
        """One more result."""
        self.results.append(found)
        self.progress.ended(found)

    def seconds_left(self) -> float:
        """A guess: what is left of each, by as many as run beside each other."""
        now = time.monotonic()
        left = [max(5.0, one.job.seconds - (now - one.started)) for one in self.running]
        total = sum(left) + sum(job.seconds for job in self.waiting)
        return max([*left, total / max(1, len(self.running))], default=0)


# ---- processes and signals

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def catch_signals() -> list[int]:
    """From now on signals that would end us are put into this list: whatever is being done is done first."""
    caught: list[int] = []
    for number in SIGNALS:
        signal.signal(number, lambda number, _frame: caught.append(number))
    return caught


def release_signals() -> None:
    """As they were when we began."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has, without taking its status: until that is done no other process, nor group, can have its number."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def wait_for(several: Sequence[Running], seconds: float) -> None:
    """Until all have ended, but no longer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not all(has_ended(one.process) for one in several):
        time.sleep(WAIT_SECONDS)


def stop(several: Sequence[Running], seconds: float = 0) -> None:
    """Have processes end, at once or in so much time, and see that they do; their guests end with them (see lab/qemu.py)."""
    wait_for(several, seconds)
    for one in several:
        if not has_ended(one.process):
            one.process.terminate()
    wait_for(several, END_SECONDS)
    for one in several:
        if one.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


# ---- a whole drill


def version() -> str:
    """Lifeboat's."""
    return run([program("lifeboat"), "--version"]).stdout.split()[-1]


def machine() -> dict[str, Any]:
    """This machine, for whoever compares."""
    qemu = run([QEMU, "--version"]).stdout.splitlines()[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return {"cpus": os.cpu_count() or 1, "memory_mib": memory, "qemu": qemu, "kernel": platform.release()}


def make_drill(runs: Sequence[Run], options: Options, progress: Progress) -> tuple[Drill, int]:
    """Runs into a folder with their results; the number is of the signal that ended it, or 0."""
    ours, on = version(), machine()
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.monotonic()
    with take_folder(options.out):
        engine = Engine(options, progress)
        engine.make(runs)
        seconds = round(time.monotonic() - clock, 1)
        drill = Drill(started, seconds, ours, options.command, on, engine.results)
        results.write(drill, options.out / RESULTS)
    return drill, engine.signal
