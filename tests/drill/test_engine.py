# SPDX-License-Identifier: GPL-2.0-or-later
"""How runs are made beside each other, and ended: with processes that make no guest."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from io import StringIO
from pathlib import Path

from lab.drill import engine, one, progress
from lab.drill.engine import Engine, Job, Options
from lab.drill.result import FAILED, PASSED, SKIPPED, Check, Result
from lab.drill.select import Run, UsageError
from lab.errors import LabError
from lab.scenario import load_scenario

from .fakes import result

# Says what a run says, by its name: "sleep-N" takes N tenths of a second, "dies" ends without a result, "hangs" does not end and
# has a process of its own that does not end either, "fails" leaves a large file.
PROGRAM = """
import json, os, subprocess, sys, time
name, folder, result = sys.argv[1:]
os.mkdir(folder)
def say(**event):
    print(json.dumps(event), flush=True)
say(phase="begins")
if name.startswith("hangs"):
    child = subprocess.Popen(["sleep", "60"])
    open(os.path.join(folder, "child.txt"), "w").write(str(child.pid))
    say(begun=0.5)
    time.sleep(60)
if name.startswith("dies"):
    print("its last words", file=sys.stderr)
    sys.exit(7)
if name.startswith("sleep-"):
    time.sleep(int(name.split("-")[1]) / 10)
open(os.path.join(folder, "ram"), "wb").write(b"x" * (2 << 20))
open(os.path.join(folder, "console.log"), "wb").write(b"x" * (2 << 20))
os.mkdir(os.path.join(folder, "captured"))
open(os.path.join(folder, "captured", "vmcore"), "wb").write(b"x" * (2 << 20))
found = json.loads(result)
if name.startswith("fails"):
    found |= {"verdict": "failed", "why": "x: y"}
say(check={"name": "drill", "verdict": "passed", "text": ""})
say(result=found)
"""


class Fake(Engine):
    """Runs that are only told of."""

    def __init__(self, options: Options, to: StringIO | None = None) -> None:
        super().__init__(options, progress.Progress(to or StringIO()))
        self.together: list[set[str]] = []
        self.order: list[str] = []

    def argv(self, job: Job, folder: Path) -> list[str]:
        said = asdict(result(job.run.id, checks=[Check("drill", PASSED)]))
        return [sys.executable, "-c", PROGRAM, job.run.id, str(folder), json.dumps(said)]

    def start(self, job: Job) -> None:
        super().start(job)
        self.order.append(job.run.id)
        self.together.append({running.job.run.id for running in self.running})


def options(folder: Path, **over: object) -> Options:
    """Into a folder that is there."""
    (folder / "out").mkdir()
    os.environ["LIFEBOAT_CACHE"] = str(folder / "cache")
    return Options(folder / "out", **over)  # type: ignore[arg-type]


def runs(*names: str) -> list[Run]:
    """Of the quick scenario, under other names."""
    return [Run(name, "quick") for name in names]


def by_id(results: list[Result]) -> dict[str, Result]:
    """Results by their runs."""
    return {one.id: one for one in results}


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


def is_gone(pid: int) -> bool:
    """Whether it ends soon: it was killed, and that takes a moment."""
    end = time.monotonic() + 5
    while time.monotonic() < end and is_alive(pid):
        time.sleep(0.05)
    return not is_alive(pid)


def test_results(folder: Path) -> None:
    """In the order of the command line, each with its folder; images go, what was captured and logs stay."""
    made = Fake(options(folder, jobs=2)).make(runs("b", "a", "sleep-3"))
    assert [one.id for one in made] == ["b", "a", "sleep-3"] and all(one.verdict == PASSED for one in made)
    assert made[0].folder == "b" and made[0].console == "b/console.log"
    left = sorted(path.name for path in (folder / "out/b").rglob("*"))
    assert left == ["captured", "console.log", "vmcore"], left
    assert not list((folder / "out").glob("*.errors"))


def test_keep(folder: Path) -> None:
    Fake(options(folder, keep=True)).make(runs("a"))
    assert (folder / "out/a/ram").exists()


def test_failed_are_kept(folder: Path) -> None:
    """Of those that fail the images stay, until they are too many."""
    was, engine.SPENT_KIB = engine.SPENT_KIB, 10 << 10
    try:
        made = Fake(options(folder, jobs=1)).make(runs("fails-1", "fails-2"))
    finally:
        engine.SPENT_KIB = was
    assert [one.verdict for one in made] == [FAILED, FAILED]
    assert sorted(path.parent.name for path in (folder / "out").glob("*/ram")) == ["fails-1"]


def test_jobs(folder: Path) -> None:
    fake = Fake(options(folder, jobs=2))
    fake.make(runs("sleep-2", "sleep-3", "sleep-4", "sleep-1"))
    assert max(map(len, fake.together)) == 2, fake.together


def test_longest_first(folder: Path) -> None:
    """By what earlier runs took, which is remembered; the time of a failed one is not."""
    how = options(folder, jobs=1)
    engine.remember_times({"a": 5, "b": 50, "c": 20})
    fake = Fake(how)
    fake.make(runs("a", "b", "c", "fails"))
    assert [name for name in fake.order if name != "fails"] == ["b", "c", "a"]
    assert engine.known_times()["a"] == 30 and "fails" not in engine.known_times()
    engine.times_file().write_text('{"a": "much"')
    assert engine.known_times() == {}


def test_memory(folder: Path) -> None:
    """Guests are not run beside each other when there is no room, nor at all when there never is."""
    fake = Fake(options(folder, jobs=4))
    fake.room.memory_mib = 2 * (512 + engine.OVERHEAD_MIB)
    fake.make(runs("sleep-3", "sleep-2", "sleep-1"))
    assert max(map(len, fake.together)) == 2
    small = Fake(Options(folder / "out"))
    small.room.memory_mib = 700
    (skipped,) = small.make(runs("a"))
    assert skipped.verdict == SKIPPED and skipped.why == "it needs 896 MiB of memory, and 700 MiB are available", skipped.why
    assert not small.order


def test_process_that_dies(folder: Path) -> None:
    """It fails with its last words, the others go on."""
    made = by_id(Fake(options(folder)).make(runs("dies", "a")))
    assert made["a"].verdict == PASSED and made["dies"].verdict == FAILED
    assert "status 7" in made["dies"].why and "its last words" in made["dies"].why
    assert "its last words" in (folder / "out/dies/errors.log").read_text()
    assert made["dies"].checks[-1].verdict == FAILED


def test_bounded(folder: Path) -> None:
    """What hangs is ended, with all that it has started."""
    began = time.monotonic()
    made = by_id(Fake(options(folder, jobs=2)).make(runs("hangs", "a")))
    assert made["a"].verdict == PASSED and made["hangs"].verdict == FAILED
    assert "did not end within" in made["hangs"].why and "begins" in made["hangs"].why
    assert time.monotonic() - began < 10
    assert is_gone(int((folder / "out/hangs/child.txt").read_text()))


def interrupted(folder: Path, number: int) -> None:
    """A signal ends everything, and what was found out by then is there."""
    fake = Fake(options(folder, jobs=2))
    child = folder / "out/hangs/child.txt"

    def send() -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and not (child.exists() and child.read_text()):
            time.sleep(0.02)
        (folder / "out/hangs/ram").write_bytes(b"x" * (2 << 20))
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    fake.make(runs("hangs", "a", "sleep-50"))
    sender.join()
    assert fake.signal == number
    assert is_gone(int(child.read_text()))
    assert sorted(one.id for one in fake.results) == ["a", "hangs", "sleep-50"]
    assert not (folder / "out/hangs/ram").exists() and not list((folder / "out").glob("*.errors"))
    assert by_id(fake.results)["hangs"].verdict == SKIPPED and "interrupted" in by_id(fake.results)["hangs"].why


def test_ctrl_c(folder: Path) -> None:
    interrupted(folder, signal.SIGINT)


def test_sigterm(folder: Path) -> None:
    interrupted(folder, signal.SIGTERM)


def test_killed_parent(folder: Path) -> None:
    """Killed outright it cannot end anything: its runs do that themselves."""
    options(folder)
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.drill.test_engine import Fake, Options, runs
import lab.drill.engine as engine
Fake(Options(Path({str(folder / 'out')!r}))).make(runs("sleep-300"))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        end = time.monotonic() + 20
        while time.monotonic() < end and not (folder / "out/sleep-300").is_dir():
            time.sleep(0.05)
        found = subprocess.run(["pgrep", "-f", f"{folder}/out/sleep-300 "], capture_output=True, text=True, check=False)
        parent.kill()
    (pid,) = map(int, found.stdout.split())
    assert is_gone(pid)


def test_folders(folder: Path) -> None:
    """What is not a drill's is not touched; an earlier drill's results are kept for a comparison, once."""
    foreign = folder / "foreign"
    foreign.mkdir()
    (foreign / "mine").write_text("precious")
    (folder / "file").write_text("precious")
    for path in (foreign, folder / "file"):
        try:
            engine.take_folder(path)
        except UsageError as err:
            assert str(path) in str(err)
        else:
            raise AssertionError("taken")
    assert (foreign / "mine").read_text() == "precious"
    out = folder / "new/out"
    with engine.take_folder(out):
        (out / "results.json").write_text("old")
        (out / "run").mkdir()
        (out / "run/ram").write_text("x")
        (out / "link").symlink_to(foreign)
        try:
            engine.take_folder(out)
        except LabError as err:
            assert "another drill" in str(err)
        else:
            raise AssertionError("taken twice")
    with engine.take_folder(out):
        assert sorted(path.name for path in out.iterdir()) == [engine.MARK, engine.PREVIOUS]
        assert (out / engine.PREVIOUS).read_text() == "old" and (foreign / "mine").exists()


def test_checks(folder: Path) -> None:
    """What a judge says is kept and told at once; a run's reason is what failed first."""
    told: list[dict[str, object]] = []
    checks = one.Recorder("quick", told.append)
    assert checks.verdict() == (PASSED, "")
    checks.expect("drill", True, measured="12 s")
    checks.skip("readers", "crash is not installed")
    assert checks.verdict() == (PASSED, "") and not checks.failed
    with checks.guard("fidelity"):
        raise LabError("page 0x12 of the dump differs")
    checks.expect("later", False)
    assert checks.failed and checks.verdict() == (FAILED, "fidelity: page 0x12 of the dump differs")
    assert [event["check"]["verdict"] for event in told] == [PASSED, SKIPPED, FAILED, FAILED]  # type: ignore[index]
    unable = one.Recorder("quick", told.append)
    unable.skip("drill", "no /dev/net/tun")
    assert unable.verdict() == (SKIPPED, "no /dev/net/tun")


def test_scenario_that_breaks(folder: Path) -> None:
    """A mistake of ours in one run is that run's failure."""
    was = one.fetch_packages
    one.fetch_packages = lambda scenario: {}["missing"]
    stderr, sys.stderr = sys.stderr, StringIO()
    os.environ["LIFEBOAT_CACHE"] = str(folder)
    try:
        found = one.run_one(Run("quick", "quick"), folder / "run", lambda event: None)
    finally:
        one.fetch_packages, sys.stderr = was, stderr
    assert found.verdict == FAILED and "KeyError" in found.why
    assert found.about == load_scenario("quick").about and found.memory_mib == 512


def test_lines(folder: Path) -> None:
    """Without a terminal each phase is a line, and so is each run's end."""
    out = StringIO()
    Fake(options(folder), out).make(runs("a", "fails"))
    lines = out.getvalue().splitlines()
    assert "   a: begins" in lines and "ok a (30 s, 1 checks)" in lines and "FAIL fails: x: y" in lines, lines


def test_terminal(folder: Path) -> None:
    """On a terminal lines are drawn anew, and nothing of a guest's gets there that a terminal would obey."""
    out = StringIO()
    out.fileno = lambda: 99  # type: ignore[method-assign]
    shown = progress.Terminal(out)
    shown.begin(3)
    shown.ended(result("a", verdict=FAILED, why="x: \x1b[31mred\nmore"))
    job = Job(Run("b", "quick"), load_scenario("quick"), "b", 10, 512, 1)
    phase = "   2.5 s  \x1b]0;title\x07 boots"
    running = engine.Running(job, None, None, time.monotonic() - 5, 0, phase)  # type: ignore[arg-type]
    for _ in range(2):
        shown.last = 0
        shown.tick([running], 100)
    shown.end()
    text = out.getvalue()
    assert "FAIL a: x: \ufffd[31mred\n" in text and "more" not in text
    assert "5 s  \ufffd]0;title\ufffd boots" in text and "1 of 3 done, 1 failed, about 2 min left" in text
    assert text.count("\x1b[2F\x1b[J") == 2 and text.endswith("\x1b[2F\x1b[J") and "\x07" not in text
    assert max(map(len, text.splitlines())) < 80
