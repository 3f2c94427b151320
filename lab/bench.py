# SPDX-License-Identifier: GPL-2.0-or-later
"""make bench: the filter against makedumpfile, on vmcores of guests that really crashed.

All commands of a case take turns, round after round; medians are compared. The input's data is
read before each run, so that it is in the page cache; the output is a new file on the same file
system, deleted afterwards. We sync, they do not: both are also measured the other way (ours with
fsync() made a no-op, theirs followed by one).
"""

import json
import os
import platform
import re
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median
from typing import Any

from . import big, pipe, synthetic
from .crash import Say
from .errors import LabError
from .paths import build_dir, cache_dir, program
from .proc import environment, run

RUN_SECONDS = 900
ROUNDS = 5
LONG_SECONDS = 15  # a case whose first round takes longer has LONG_ROUNDS
LONG_ROUNDS = 3
PEER_TRIES = 3
PATIENCE = 6  # the peer's two threads are stopped after so many times what its one took
SAMPLE_SECONDS = 0.002
STRUCT_PAGE = 64
THREADS = (1, 2)
CODECS = {"l": "lzo", "c": "zlib", "p": "snappy", "z": "zstd"}
PIPE = "pipe"  # what would be the codec in a case that has a pipe for its output
MIB = 1 << 20


@dataclass(frozen=True)
class Case:
    """One filtering job on one input."""

    input: str
    codec: str
    level: int
    lean: bool = False  # without struct pages of excluded pages

    @property
    def name(self) -> str:
        """As the command line and results.json call it."""
        if self.codec == PIPE:
            return pipe.NAME
        return f"{self.input}-{self.codec}-d{self.level}" + ("-e" if self.lean else "")

    def matches(self, word: str) -> bool:
        """Whether a word of the command line means it: a part of its name, or a pattern."""
        return word in self.name.split("-") or fnmatchcase(self.name, word)

    def options(self) -> list[str]:
        """What both programs are given."""
        return [f"-{self.codec}", "-d", str(self.level), *(["-e"] if self.lean else [])]


@dataclass(frozen=True)
class Goal:
    """At least `ratio` times as fast as the peer with so many threads."""

    case: str
    threads: int
    peer_threads: int
    ratio: float


GOALS = (
    Goal("sixtyfour-l-d31", 1, 1, 1.5),
    Goal("sixtyfour-l-d31", 2, 1, 3.0),
    Goal("sixtyfour-l-d31", 2, 2, 8.0),
    Goal("sixtyfour-l-d31-e", 1, 1, 8.0),
    Goal("six-l-d1", 1, 1, 1.3),
    Goal("six-l-d1", 2, 1, 2.3),
    Goal("six-l-d1", 2, 2, 5.0),
    Goal("six-c-d1", 1, 1, 2.0),
    Goal("six-c-d1", 2, 1, 4.0),
)
SCAN_GOAL = "sixteen-l-d31"
SIZE_GOALS = {"sixtyfour-l-d31": 1.0, "sixtyfour-l-d31-e": 1 / 8}  # of the peer's
ANON_GOAL = ("sixtyfour-l-d31", {1: 16.0, 2: 20.0})  # MiB by threads

# A machine that nobody has here (lab/synthetic.py), without a peer: it would take hours.
HUGE = "huge"
HUGE_TIB = 24
HUGE_THREADS = 16
HUGE_ANON = 96.0  # MiB at most
HUGE_SECONDS = 60.0


def all_cases() -> list[Case]:
    """Every case that there is, the quick ones first; codecs that we lack are left out."""
    words = run([program("lifeboat"), "filter", "--help"]).stdout
    ours = [codec for codec in CODECS if re.search(rf"^  -{codec}\b", words, re.MULTILINE)]
    cases = [Case("small", codec, level) for level in (31, 1) for codec in ours]
    cases += [Case("sixteen", "l", 31)]
    cases += [Case("sixtyfour", codec, 31) for codec in ours]
    cases += [Case("sixtyfour", "l", 31, True)]
    cases += [Case("six", codec, level) for level in (31, 1) for codec in ours]
    return [*cases, Case(HUGE, "l", 31), Case("sixtyfour", PIPE, 31)]


# ---- one run


@dataclass(frozen=True)
class Command:
    """One program with its options; the input and the output come after them."""

    name: str
    argv: tuple[str, ...]
    preload: str = ""

    def environment(self) -> dict[str, str]:
        """Where it runs."""
        return {**environment(), **({"LD_PRELOAD": self.preload} if self.preload else {})}


@dataclass(frozen=True)
class Sample:
    """What one run took."""

    seconds: float
    synced: float  # the same with an fsync of the output
    cpu: float  # user and system seconds
    others: float  # CPU seconds that others used meanwhile
    rss: float  # MiB at most, pages of mapped files included
    size: int
    steps: dict[str, float]  # seconds of the steps that the program tells
    ended: bool = True  # else it was stopped when it had taken so long


def busy_seconds() -> float:
    """CPU seconds that the whole machine has worked since it was started."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def steps_of(text: str) -> dict[str, float]:
    """The seconds of each step: our JSON, or the peer's STEP lines added up."""
    steps: dict[str, float] = {}
    for name, ns in re.findall(r'"(scan|write)_ns":(\d+)', text):
        steps[name] = int(ns) / 1e9
    for name, seconds in re.findall(r"STEP \[(\w+) [^]]*\] : ([\d.]+) s", text):
        steps[name] = steps.get(name, 0.0) + float(seconds)
        steps.setdefault(f"{name} once", float(seconds))
    pages = re.search(r'"pages":(\d+)', text)
    if pages:
        steps["pages"] = float(pages.group(1))
    return steps


def fsync(path: Path) -> float:
    """Make a file durable; return the seconds that it took."""
    started = time.monotonic()
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    return time.monotonic() - started


def finish(process: subprocess.Popen[bytes], limit: float = RUN_SECONDS) -> resource.struct_rusage:
    """Wait for a program, for `limit` seconds at most; return what it used."""
    killer = threading.Timer(limit, process.kill)
    killer.daemon = True  # a second signal may interrupt what follows: never wait for the timer
    killer.start()
    usage: resource.struct_rusage
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:
        process.kill()
        raise
    finally:
        killer.cancel()
    return usage


def start(command: Command, source: Path, out: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start one run, its words in `log`."""
    argv = ["setpriv", "--pdeathsig", "KILL", *command.argv, str(source), str(out)]
    with open(log, "wb") as words:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=words, stderr=words, env=command.environment()
        )


def check_end(command: Command, process: subprocess.Popen[bytes], log: Path) -> str:
    """What a program said; an error if it failed."""
    text = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n")
    if process.returncode != 0:
        raise LabError(f"{command.name} ended with {process.returncode}:\n{text[-2000:]}")
    return text


def measure(command: Command, source: Path, folder: Path, limit: float | None) -> Sample:
    """One run; its output is gone afterwards. Past `limit` it is stopped, which is no error."""
    out, log = folder / "out", folder / "log"
    big.read_once(source)  # again: whoever else works on the machine may have pushed it out
    busy, started = busy_seconds(), time.monotonic()
    process = start(command, source, out, log)
    usage = finish(process, limit or RUN_SECONDS)
    seconds = time.monotonic() - started
    cpu = usage.ru_utime + usage.ru_stime
    others = max(busy_seconds() - busy - cpu, 0.0)
    peak = usage.ru_maxrss / 1024
    try:
        if limit and process.returncode == -signal.SIGKILL and seconds >= limit:
            return Sample(seconds, seconds, cpu, others, peak, 0, {}, False)
        steps = steps_of(check_end(command, process, log))
        synced = seconds + fsync(out)
        size = out.stat().st_size
    finally:
        out.unlink(missing_ok=True)
    return Sample(seconds, synced, cpu, others, peak, size, steps)


def measure_stubbornly(
    command: Command, source: Path, folder: Path, limit: float | None, say: Say
) -> Sample:
    """As measure(). The peer's threads sometimes abort it at its end: such a run is done again."""
    for _ in range(PEER_TRIES - 1):
        try:
            return measure(command, source, folder, limit)
        except LabError as error:
            if not command.name.startswith("peer"):
                raise
            say(f"done again: {error}")
    return measure(command, source, folder, limit)


def anonymous_peak(command: Command, source: Path, folder: Path) -> float:
    """The most anonymous memory that one run had, in MiB; sampled, in a run that is not timed."""
    out, log = folder / "out", folder / "log"
    process = start(command, source, out, log)
    done = threading.Thread(target=finish, args=(process,), daemon=True)
    done.start()
    peak = 0
    while done.is_alive():
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        except OSError:
            break  # it has ended
        found = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
        peak = max(peak, int(found.group(1)) if found else 0)
        time.sleep(SAMPLE_SECONDS)
    done.join()
    out.unlink(missing_ok=True)
    check_end(command, process, log)
    return peak / 1024


# ---- one case


@dataclass
class Measured:
    """The samples of one command."""

    samples: list[Sample] = field(default_factory=list)
    anon: float = 0.0

    def middle(self, name: str) -> float:
        """The median of one field."""
        return float(median(getattr(sample, name) for sample in self.samples))

    def step(self, name: str) -> float:
        """The median of one step; 0 if the program did not tell it."""
        return float(median(sample.steps.get(name, 0.0) for sample in self.samples))

    def summary(self) -> dict[str, Any]:
        """For results.json: medians, and the seconds of every run."""
        names = ("seconds", "synced", "cpu", "others", "rss", "size")
        steps = {name: self.step(name) for name in self.samples[0].steps}
        runs = [round(sample.seconds, 4) for sample in self.samples]
        medians = {name: self.middle(name) for name in names}
        ended = all(sample.ended for sample in self.samples)
        return {**medians, "anon": self.anon, "steps": steps, "runs": runs, "ended": ended}


def commands_of(case: Case) -> list[Command]:
    """Ours and theirs with 1 and 2 threads, and ours without the syncs."""
    ours = [str(program("lifeboat")), "filter", "--json", *case.options()]
    if case.input == HUGE:
        return [Command(f"ours {HUGE_THREADS}", (*ours, f"--num-threads={HUGE_THREADS}"))]
    # 7 is makedumpfile's default, 16 adds the time of each step
    theirs = ["makedumpfile", "--message-level", "23", *case.options()]
    if case.lean:  # which wants a place for a bitmap
        theirs += ["--work-dir", str(cache_dir() / "bench")]
    preload = str(program("bench/nosync.so"))
    commands = []
    for n in THREADS:
        argv = (*ours, f"--num-threads={n}")
        commands += [Command(f"ours {n}", argv), Command(f"ours {n} unsynced", argv, preload)]
        more = ("--num-threads", str(n)) if n > 1 else ()
        slow = more and case.codec == "c" and case.input != "small"  # minutes, and no goal
        if case.codec in "lc" and not slow:  # Debian's is built without the others
            commands.append(Command(f"peer {n}", (*theirs, *more)))
    return commands


def run_case(case: Case, source: Path, rounds: int, say: Say) -> dict[str, Measured]:
    """All commands of a case, in turns."""
    commands = commands_of(case)
    results = {command.name: Measured() for command in commands}
    with tempfile.TemporaryDirectory(prefix="run-", dir=cache_dir() / "bench") as name:
        folder = Path(name)
        for command in commands:
            if command.name in ("ours 1", "ours 2", "peer 1", f"ours {HUGE_THREADS}"):
                results[command.name].anon = anonymous_peak(command, source, folder)
        started = time.monotonic()
        for number in range(rounds):
            for command in commands:
                limit = None
                if command.name == "peer 2":
                    limit = max(PATIENCE * results["peer 1"].samples[-1].seconds, LONG_SECONDS)
                sample = measure_stubbornly(command, source, folder, limit, say)
                results[command.name].samples.append(sample)
            long = time.monotonic() - started > LONG_SECONDS * (number + 1)
            if long and number + 1 >= LONG_ROUNDS:
                break
    say(f"{case.name}: {number + 1} rounds in {time.monotonic() - started:.0f} s")
    return results


def read_speed(source: Path, size: float) -> float:
    """Seconds that plain reading of so many bytes of a mapped file takes: the median."""
    mib = max(int(size) // MIB, 1)
    times = []
    for _ in range(ROUNDS):
        big.read_once(source)
        text = run([program("bench/read_bench"), source, str(mib)]).stdout
        found = re.match(r"(\d+) MiB in ([\d.]+) s", text)
        if not found or not int(found.group(1)):
            raise LabError(f"read_bench said {text!r}")
        times.append(float(found.group(2)) * mib / int(found.group(1)))
    return float(median(times))


# ---- tables


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned; the first is text, the others are figures."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    dashes = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.insert(1, dashes)
    text = ""
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        text += "| " + " | ".join(cells) + " |\n"
    return text


Medians = dict[str, dict[str, Any]]  # of one case, by command; as results.json has them


def seconds_of(case: Medians, command: str, name: str = "seconds") -> str:
    """A cell with a time; "> " if some run was stopped."""
    if command not in case:
        return "–"
    return ("" if case[command]["ended"] else "> ") + f"{case[command][name]:.2f}"


def ratio(over: float, under: float) -> str:
    """A cell with a ratio; 0 stands for what was not measured."""
    return f"{over / under:.2f}" if over and under else "–"


def times_table(results: dict[str, Medians]) -> str:
    """One row per case and number of threads; the last two columns are about CPU time.

    "CPU" is the peer's (1 thread) over ours, "others' CPU" what everybody else used meanwhile, in
    percent of one CPU.
    """
    header = ["case, threads", "ours", "unsynced", "peer 1t", "and fsync", "peer 2t"]
    header += ["peer/ours", "unsynced", "both synced", "peer 2t/ours", "CPU", "others' CPU"]
    rows = []
    for name, case in results.items():
        for n in THREADS:
            ours, bare = case[f"ours {n}"], case[f"ours {n} unsynced"]
            row = [f"{name} {n}t", seconds_of(case, f"ours {n}")]
            row += [seconds_of(case, f"ours {n} unsynced"), seconds_of(case, "peer 1")]
            row += [seconds_of(case, "peer 1", "synced"), seconds_of(case, "peer 2")]
            if "peer 1" in case:
                peer, threaded = case["peer 1"], case.get("peer 2", {"seconds": 0.0, "ended": True})
                row += [ratio(peer["seconds"], ours["seconds"])]
                row += [ratio(peer["seconds"], bare["seconds"])]
                row += [ratio(peer["synced"], ours["seconds"])]
                least = "" if threaded["ended"] else "> "
                row += [least + ratio(threaded["seconds"], ours["seconds"])]
                row += [ratio(peer["cpu"], ours["cpu"])]
            else:
                row += ["–"] * 5
            rows.append([*row, f"{100 * ours['others'] / ours['seconds']:.0f} %"])
    return table(header, rows)


def sizes_table(results: dict[str, Medians]) -> str:
    """Output sizes and peak memory."""
    header = ["case", "ours MB", "peer MB", "ours/peer", "anon 1t MiB", "anon 2t", "peer 1t"]
    rows = []
    for name, case in results.items():
        ours, peer = case["ours 1"], case.get("peer 1")
        row = [name, f"{ours['size'] / 1e6:.1f}"]
        row += [f"{peer['size'] / 1e6:.1f}" if peer else "–"]
        row += [f"{ours['size'] / peer['size']:.3f}" if peer else "–"]
        row += [f"{case[f'ours {n}']['anon']:.1f}" for n in THREADS]
        rows.append([*row, f"{peer['anon']:.1f}" if peer else "–"])
    return table(header, rows)


def scan_rows(results: dict[str, Medians]) -> list[tuple[str, float, float, float, float]]:
    """Name, our scan, the peer's first Excluding step, all of them, plain reading: level 31."""
    rows = []
    for name, case in results.items():
        if not name.endswith("-l-d31"):
            continue
        ours, peer = case["ours 1"]["steps"], case["peer 1"]["steps"]
        first, total = peer["Excluding once"], peer["Excluding"]
        rows.append((name, ours["scan"], first, total, case["ours 1"]["read"]))
    return rows


def scan_table(results: dict[str, Medians]) -> str:
    """The scan of struct pages; theirs runs twice for one dump."""
    header = ["case, 1 thread", "ours", "peer, first", "peer, all", "first/ours", "all/ours"]
    header += ["plain read", "read/ours"]
    rows = []
    for name, ours, first, total, read in scan_rows(results):
        row = [name, f"{ours:.4g}" if ours else "< 0.01", f"{first:.4f}", f"{total:.4f}"]
        row += [ratio(first, ours), ratio(total, ours)]
        rows.append([*row, f"{read:.4f}", ratio(read, ours)])
    return table(header, rows)


def verdict(met: bool) -> str:
    """A cell of the table of goals."""
    return "met" if met else "**not met**"


def goal_rows(results: dict[str, Medians]) -> list[list[str]]:
    """Goals about time, each by the programs as they are and with neither syncing."""
    rows = []
    for goal in GOALS:
        case = results.get(goal.case)
        if not case:
            continue
        peer = case[f"peer {goal.peer_threads}"]["seconds"]
        ours = peer / case[f"ours {goal.threads}"]["seconds"]
        bare = peer / case[f"ours {goal.threads} unsynced"]["seconds"]
        what = f"{goal.case}, {goal.threads}t against {goal.peer_threads}t"
        least = "" if case[f"peer {goal.peer_threads}"]["ended"] else "> "
        row = [what, f"≥ {goal.ratio:g}", f"{least}{ours:.2f}", verdict(ours >= goal.ratio)]
        rows.append([*row, f"{least}{bare:.2f}", verdict(bare >= goal.ratio)])
    return rows


def other_goal_rows(results: dict[str, Medians]) -> list[list[str]]:
    """Goals about size, memory and the scan."""
    rows = []
    for name in filter(results.get, SIZE_GOALS):
        size, most = (results[name][who]["size"] for who in ("ours 1", "peer 1"))
        row = [f"{name}, size ours/peer", f"≤ {SIZE_GOALS[name]:g}", f"{size / most:.4f}"]
        rows.append([*row, verdict(size / most <= SIZE_GOALS[name]), "", ""])
    name, limits = ANON_GOAL
    for n, limit in limits.items():
        if name in results:
            anon = results[name][f"ours {n}"]["anon"]
            row = [f"{name}, {n}t, RssAnon in MiB", f"≤ {limit:g}", f"{anon:.1f}"]
            rows.append([*row, verdict(anon <= limit), "", ""])
    for name, ours, first, _, read in scan_rows(results):
        if name != SCAN_GOAL or not ours:
            continue
        for what, other, least in (("Excluding", first, 5.0), ("plain read", read, 2 / 3)):
            row = [f"{name}, scan against {what}", f"≥ {least:.2g}", f"{other / ours:.2f}"]
            rows.append([*row, verdict(other / ours >= least), "", ""])
    return rows


def goals_table(results: dict[str, Medians]) -> str:
    """What was to be reached."""
    header = ["goal", "wanted", "as they are", "verdict", "neither syncs", "verdict"]
    compared = {name: case for name, case in results.items() if "ours 1 unsynced" in case}
    rows = [*goal_rows(compared), *other_goal_rows(compared), *huge_goal_rows(results)]
    rows += pipe_goal_rows(results)
    return table(header, rows)


def huge_cases(results: dict[str, Medians]) -> Iterable[tuple[str, dict[str, Any]]]:
    """The machine of HUGE_TIB: name and what was measured."""
    for name, case in results.items():
        if f"ours {HUGE_THREADS}" in case:
            yield name, case[f"ours {HUGE_THREADS}"]


def huge_table(results: dict[str, Medians]) -> str:
    """The same figures of ours for the machine of HUGE_TIB."""
    header = ["case, threads", "seconds", "scan", "write", "CPU s", "MB", "anon MiB"]
    rows = []
    for name, ours in huge_cases(results):
        steps = ours["steps"]
        row = [f"{name} {HUGE_THREADS}t", f"{ours['seconds']:.1f}"]
        row += [f"{steps.get(step, 0.0):.1f}" for step in ("scan", "write")]
        rows.append([*row, f"{ours['cpu']:.1f}", f"{ours['size'] / 1e6:.0f}", f"{ours['anon']:.1f}"])
    return table(header, rows)


def huge_goal_rows(results: dict[str, Medians]) -> list[list[str]]:
    """What the machine of HUGE_TIB may take."""
    rows = []
    for name, ours in huge_cases(results):
        what = f"{name}, {HUGE_TIB} TiB, {HUGE_THREADS}t"
        anon, seconds = ours["anon"], ours["seconds"]
        row = [f"{what}, RssAnon in MiB", f"≤ {HUGE_ANON:g}", f"{anon:.1f}"]
        rows.append([*row, verdict(anon <= HUGE_ANON), "", ""])
        row = [f"{what}, seconds", f"≤ {HUGE_SECONDS:g}", f"{seconds:.1f}"]
        rows.append([*row, verdict(seconds <= HUGE_SECONDS), "", ""])
    return rows


def pipe_table(results: dict[str, Medians]) -> str:
    """Through a pipe of 100 MB/s."""
    case = results.get(pipe.NAME, {})
    rows = [[name, f"{got['seconds']:.2f}", f"{got['size'] / 1e6:.1f}"]
            for name, got in case.items()]
    return table(["level 31, to a pipe", "seconds", "MB"], rows)


def pipe_goal_rows(results: dict[str, Medians]) -> list[list[str]]:
    """--compress=auto against the best of theirs."""
    case = results.get(pipe.NAME)
    rows = []
    for n in THREADS if case else ():
        got = pipe.best_ratio(case or {}, n)
        what = f"{pipe.NAME}, auto, {n}t against the best of -l and -c"
        rows.append([what, f"≥ {pipe.GOAL:g}", f"{got:.2f}", verdict(got >= pipe.GOAL), "", ""])
    return rows


def report(results: dict[str, Medians]) -> str:
    """Everything measured."""
    compared = {name: case for name, case in results.items() if "ours 1 unsynced" in case}
    parts = (
        ("Seconds, medians", times_table, compared),
        ("Sizes, and peak anonymous memory", sizes_table, compared),
        ("Scan of struct pages, seconds", scan_table, compared),
        (f"A machine of {HUGE_TIB} TiB", huge_table, results),
        ("Through a pipe of 100 MB/s", pipe_table, results),
        ("Goals", goals_table, results),
    )
    tables = ((title, make(of)) for title, make, of in parts)
    return "\n".join(f"{title}\n\n{text}" for title, text in tables if text.count("\n") > 2)


# ---- the whole


def machine() -> dict[str, Any]:
    """Where and with what it was measured."""
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.M)
    peer = run(["makedumpfile", "-v"])
    return {
        "date": date.today().isoformat(),
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "cpus": os.cpu_count(),
        "memory MiB": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB,
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "peer": (peer.stdout + peer.stderr).split("(")[0].strip(),
    }


def results_file() -> Path:
    """Where results are kept; cases that are not measured again stay in it."""
    path = build_dir() / "bench" / "results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def load_results() -> dict[str, Medians]:
    """Results of earlier runs, by case."""
    try:
        cases = json.loads(results_file().read_text(encoding="utf-8"))["cases"]
    except (OSError, ValueError, KeyError):
        return {}
    return dict(cases)


def save_results(results: dict[str, Medians]) -> None:
    """All results, and the machine of the last run."""
    text = json.dumps({"machine": machine(), "cases": results}, indent=1)
    results_file().write_text(text + "\n", encoding="utf-8")


def chosen_cases(words: Sequence[str]) -> list[Case]:
    """The cases that the words of the command line mean; all without words."""
    cases = all_cases()
    for word in words:
        if not any(case.matches(word) for case in cases):
            raise LabError(f"no case {word}; there are: {' '.join(c.name for c in cases)}")
    return [c for c in cases if not words or any(c.matches(word) for word in words)]


def tell_kept(say: Say) -> None:
    """Print the results of all earlier runs, in the order of the cases."""
    results = load_results()
    say(report({case.name: results[case.name] for case in all_cases() if case.name in results}))


def bench(words: Sequence[str], rounds: int, say: Say) -> None:
    """Measure, print, and keep the results."""
    cases = chosen_cases(words)
    inputs = big.inputs()
    results = load_results()
    say(json.dumps(machine()))
    for name in dict.fromkeys(case.input for case in cases):
        if name == HUGE:
            source = cache_dir() / "bench" / HUGE / "vmcore"
            synthetic.vmcore_of(HUGE_TIB, source)
        else:
            source = big.vmcore_of(inputs[name], say)
        os.sync()  # what is still to be written does not disturb
        for case in (case for case in cases if case.input == name):
            if case.codec == PIPE:
                results[case.name] = pipe.measure(source, rounds, big.read_once)
                save_results(results)
                continue
            measured = run_case(case, source, rounds, say)
            entry = {command: result.summary() for command, result in measured.items()}
            if name != HUGE:
                pages = measured["ours 1"].step("pages")
                entry["ours 1"]["read"] = read_speed(source, pages * STRUCT_PAGE)
            results[case.name] = entry
            save_results(results)
    say(report({case.name: results[case.name] for case in cases}))
    say(f"kept in {results_file()}")
