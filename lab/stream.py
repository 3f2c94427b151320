# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m lab stream: a dump that leaves the machine as it is made, and what it costs to encrypt it.

Streams go to real ends on this machine: a pipe to `cat`, which throws it away or makes a file of it, and the same through
ssh, to an sshd of our own on a port of 127.0.0.1. The peer's way is what kdump's scripts do: `makedumpfile -F | dd bs=512`.
Encryption is measured with files: our own time with it against without. All take turns; the vmcore is in the page cache.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from . import bench, big
from .errors import LabError
from .paths import build_dir, cache_dir, program
from .proc import environment, run, tail

Say = Callable[[str], None]

CASES = ("small-l-d31", "six-l-d31", "sixtyfour-l-d31")
ROUNDS = 3
SECONDS = 300  # for one run
COST_GOAL = 1.15  # with encryption, of the time without
START_SECONDS = 10.0


@dataclass(frozen=True)
class Writer:
    """What makes the stream, and the program that takes it at the other end: {} is the file that it writes."""

    name: str
    argv: tuple[str, ...]
    far: str


@dataclass(frozen=True)
class End:
    """Where a stream goes: through these words of ssh, or a shell here; to a file or nowhere."""

    name: str
    way: tuple[str, ...]
    file: bool


def recipient(folder: Path) -> str:
    """A public key of age's, whose secret one is in the folder."""
    run(["age-keygen", "-o", folder / "key"])
    return run(["age-keygen", "-y", folder / "key"]).stdout.strip()


def writers(case: bench.Case, key: str) -> list[Writer]:
    """All of them."""
    ours = (str(program("lifeboat")), "filter", "-q", "-F", *case.options())
    theirs = ("makedumpfile", "-F", *case.options())
    return [
        Writer("ours 1", (*ours, "--num-threads=1"), "cat >{}"),
        Writer("ours 2", (*ours, "--num-threads=2"), "cat >{}"),
        Writer("ours 2, encrypted", (*ours, "--num-threads=2", f"--encrypt-to={key}"), "cat >{}"),
        Writer("peer, to cat", theirs, "cat >{}"),
        Writer("peer, to dd bs=512", theirs, "dd bs=512 status=none of={}"),
    ]


# ---- an sshd of our own

SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise LabError(f"sshd does not answer:\n{tail(log.read_text(encoding='utf-8', errors='replace'))}")


@contextmanager
def sshd(folder: Path) -> Iterator[tuple[str, ...]]:
    """The words that run a command through it. Its keys and configuration are in the folder, and nowhere else."""
    for name in ("host", "user"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name])
    port = free_port()
    (folder / "sshd_config").write_text(SSHD.format(port=port, folder=folder), encoding="ascii")
    public = (folder / "host.pub").read_text(encoding="ascii")
    (folder / "known").write_text(f"[127.0.0.1]:{port} {public}", encoding="ascii")
    # root's wants a folder below /run, which is another one for it
    found = shutil.which("sshd", path=environment()["PATH"])
    if not found:
        raise LabError("there is no sshd")
    start = f"exec {shlex.quote(found)} -D -e -f {shlex.quote(str(folder))}/sshd_config"
    argv = ["sh", "-c", start]
    if os.geteuid() == 0:
        argv = ["unshare", "-m", "sh", "-c", f"mount -t tmpfs tmpfs /run && mkdir /run/sshd && {start}"]
    log = folder / "sshd.log"
    with open(log, "wb") as words:
        server = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *argv], env=environment(),
                                  stdin=subprocess.DEVNULL, stdout=words, stderr=words)
    try:
        wait_for(port, server, log)
        options = ("BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={folder}/known")
        known = [word for option in options for word in ("-o", option)]
        yield ("ssh", "-F", "none", "-i", str(folder / "user"), *known, "-p", str(port), "127.0.0.1")
    finally:
        server.terminate()
        server.wait(START_SECONDS)


# ---- one run


@dataclass(frozen=True)
class Took:
    """One stream: seconds until the far end had it, and its size where there is a file of it."""

    seconds: float
    size: int


def send(writer: Writer, end: End, source: Path, folder: Path) -> Took:
    """One run; what it left is gone afterwards."""
    out = folder / "arrived" if end.file else Path("/dev/null")
    far = writer.far.format(shlex.quote(str(out)))
    big.read_once(source)
    started = time.monotonic()
    reader = subprocess.Popen([*end.way, far], stdin=subprocess.PIPE, env=environment())
    done = subprocess.run([*writer.argv, source], stdout=reader.stdin, stderr=subprocess.DEVNULL,
                          env=environment(), timeout=SECONDS, check=False)
    assert reader.stdin
    reader.stdin.close()
    status = reader.wait(SECONDS)
    seconds = time.monotonic() - started
    size = out.stat().st_size if end.file else 0
    if end.file:
        out.unlink()
    if done.returncode or status:
        raise LabError(f"{writer.name} to {end.name}: ended with {done.returncode} and {status}")
    return Took(seconds, size)


@dataclass(frozen=True)
class Bench:
    """What a case is measured with."""

    case: bench.Case
    source: Path
    key: str
    ssh: tuple[str, ...]
    folder: Path
    rounds: int


def streams(b: Bench) -> dict[str, Any]:
    """Medians of all writers to all ends, in turns."""
    ends = [
        End("a pipe", ("sh", "-c"), False),
        End("a file", ("sh", "-c"), True),
        End("ssh", b.ssh, False),
        End("ssh, a file", b.ssh, True),
    ]
    taken: dict[tuple[str, str], list[Took]] = {}
    for _ in range(b.rounds):
        for end in ends:
            for writer in writers(b.case, b.key):
                took = send(writer, end, b.source, b.folder)
                taken.setdefault((end.name, writer.name), []).append(took)
    results: dict[str, Any] = {}
    for (end_name, name), of in taken.items():
        got = {"seconds": median(one.seconds for one in of), "size": median(one.size for one in of)}
        results.setdefault(end_name, {})[name] = got
    return results


def costs(b: Bench, say: Say) -> dict[str, Any]:
    """Our own time to a file, without encryption and with it, as the programs are and with fsync() a no-op."""
    preload = str(program("bench/nosync.so"))
    commands = []
    for n in bench.THREADS:
        argv = (str(program("lifeboat")), "filter", "-q", *b.case.options(), f"--num-threads={n}")
        for name, more in (("plain", ()), ("encrypted", (f"--encrypt-to={b.key}",))):
            commands.append(bench.Command(f"{name} {n}", (*argv, *more)))
            commands.append(bench.Command(f"{name} {n} unsynced", (*argv, *more), preload))
    results = {command.name: bench.Measured() for command in commands}
    for _ in range(b.rounds):
        for command in commands:
            sample = bench.measure_stubbornly(command, b.source, b.folder, None, say)
            results[command.name].samples.append(sample)
    return {name: result.summary() for name, result in results.items()}


# ---- tables


def stream_table(results: dict[str, Any]) -> str:
    """One row for each writer, one column for each end: seconds."""
    header = ["seconds until it is there", "a pipe", "a file", "ssh", "ssh, a file", "MB"]
    rows = []
    for name, case in results.items():
        for writer in case["streams"]["a pipe"]:
            got = {end: case["streams"][end][writer] for end in header[1:5]}
            row = [f"{name}, {writer}", *(f"{got[end]['seconds']:.2f}" for end in header[1:5])]
            rows.append([*row, f"{got['a file']['size'] / 1e6:.1f}"])
    return bench.table(header, rows)


def ratio_table(results: dict[str, Any]) -> str:
    """How many times as fast as the peer's way ours is, with all threads."""
    header = ["peer, to dd bs=512 / ours", "a pipe", "a file", "ssh", "ssh, a file"]
    rows = []
    for name, case in results.items():
        for writer in ("ours 1", "ours 2", "ours 2, encrypted"):
            row = [f"{name}, {writer}"]
            for end in header[1:]:
                of = case["streams"][end]
                row.append(bench.ratio(of["peer, to dd bs=512"]["seconds"], of[writer]["seconds"]))
            rows.append(row)
    return bench.table(header, rows)


def cost_table(results: dict[str, Any]) -> str:
    """What encryption adds to a run that writes a file."""
    header = ["encrypted, to a file", "plain s", "encrypted s", "ratio", "unsynced", "CPU", "others' CPU", "goal"]
    rows = []
    for name, case in results.items():
        for n in bench.THREADS:
            plain, ours = case["costs"][f"plain {n}"], case["costs"][f"encrypted {n}"]
            bare, bare_ours = (case["costs"][f"{kind} {n} unsynced"] for kind in ("plain", "encrypted"))
            row = [f"{name} {n}t", f"{plain['seconds']:.3f}", f"{ours['seconds']:.3f}"]
            row += [bench.ratio(ours["seconds"], plain["seconds"])]
            row += [bench.ratio(bare_ours["seconds"], bare["seconds"])]
            row += [bench.ratio(ours["cpu"], plain["cpu"])]
            row += [f"{100 * ours['others'] / ours['seconds']:.0f} %"]
            rows.append([*row, bench.verdict(ours["seconds"] <= COST_GOAL * plain["seconds"])])
    return bench.table(header, rows)


def measure_all(names: Sequence[str], rounds: int, say: Say) -> None:
    """Measure, print, and keep the results."""
    inputs = big.inputs()
    cases = {case.name: case for case in bench.all_cases() if case.input in inputs and case.codec != bench.PIPE}
    unknown = set(names) - set(cases)
    if unknown:
        raise LabError(f"no case {', '.join(unknown)}; there are: {', '.join(cases)}")
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="stream-", dir=cache_dir() / "bench") as name:
        folder = Path(name)
        key = recipient(folder)
        with sshd(folder) as ssh:
            for one in names or CASES:
                source = big.vmcore_of(inputs[cases[one].input], say)
                of = Bench(cases[one], source, key, ssh, folder, rounds)
                results[one] = {"streams": streams(of), "costs": costs(of, say)}
                say(f"{one}: measured, load {os.getloadavg()[0]:.1f}")
    path = build_dir() / "bench" / "stream.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": bench.machine(), "rounds": rounds, "cases": results}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    say(stream_table(results))
    say(ratio_table(results))
    say(f"A goal is {COST_GOAL:g}\n\n{cost_table(results)}")
