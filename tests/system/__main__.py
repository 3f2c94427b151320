# SPDX-License-Identifier: GPL-2.0-or-later
"""The VM test: /usr/bin/python3 -m tests.system [PART], from the top of the tree.

The drills that are tagged "check" (`lifeboat drill check`), each with its judges, and beside them what is not a drill: the
post-mortem of a crowd, a day of the service on a whole Debian, the code between the kernels. Then the plain crash's vmcore is
filtered on the host in every way that tests/system/host.py knows. One line per check, the totals last.

    python3 -m tests.system host [--full] [--vmcore FILE] [GROUP…]

makes only those last checks: without --vmcore, on the vmcore that `make bench` keeps. `purgatory`, `bare` and `proof` are only
that part, `btf [SUITE…]` the types of other suites' kernels, too: `btf trixie-backports`. All other drills: `make drills`.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import big
from lab.checks import Checks, Totals
from lab.console import Console
from lab.crash import Folder
from lab.drill.engine import Options, make_drill
from lab.drill.progress import Progress
from lab.drill.result import FAILED, PASSED, SKIPPED, Check, Result
from lab.drill.select import Wanted, select
from lab.errors import LabError
from lab.judges.evidence import Evidence
from lab.paths import build_dir

from . import bare, btf, host, postmortem, proof, purgatory, service
from .subject import Subject

CONSOLE_LINES = 60  # that are shown of a guest whose judges did not agree
CRASH = "crash"  # the scenario whose vmcore the host's checks take
TAG = "check"
MISSING = "is not installed"  # of a program: for a user a reason to skip, but ./bootstrap installs all that the check takes
PARTS = ("purgatory", "bare", "proof", "btf", "postmortem-crowd", "postmortem-crowd-backports", "service-day")


def say(text: str) -> None:
    """A line for the user, at once."""
    print(f"   {text}", flush=True)


def drills_folder() -> Path:
    """Where the drills leave what they did."""
    return build_dir() / "system/drills"


class Lines(Progress):
    """What happens in the drills, as lines among those of everything else."""

    def __init__(self, totals: Totals) -> None:
        super().__init__(sys.stdout)
        self.totals = totals
        self.told: set[str] = set()  # runs that have a check which failed

    def say(self, text: str) -> None:
        """A line that stays."""
        say(text.strip())

    def check(self, name: str, check: Check) -> None:
        """A judge has decided."""
        if check.verdict == FAILED:
            self.told.add(name)
        if check.verdict == SKIPPED and MISSING not in check.text:
            Checks(self.totals, name).skip(check.name, check.text)
        else:
            Checks(self.totals, name).expect(check.name, check.verdict == PASSED, check.text, check.text)

    def ended(self, result: Result) -> None:
        """A run has ended. Of one that failed the console's end: on another machine nobody can look at its log."""
        say(f"{result.id}: {result.verdict} in {result.seconds:.0f} s")
        if result.verdict == FAILED and result.id not in self.told:  # nobody judged
            Checks(self.totals, result.id).expect("run", False, result.why)
        if result.verdict != PASSED and result.console:
            with contextlib.suppress(LabError):
                console = Console.read(drills_folder() / result.console)
                say(f"the end of its console:\n{console.tail(CONSOLE_LINES)}")


def run_drills(totals: Totals) -> bool:
    """The drills of the check beside everything else; both CPUs are theirs when all that has ended."""
    runs, _ = select(Wanted([TAG]))
    options = Options(drills_folder(), jobs=1, keep_of=frozenset({CRASH}), command=["check"])
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(run_parts, totals, options)
        drill, signalled = make_drill(runs, options, Lines(totals))
        others.result()
    if signalled:
        raise LabError(f"ended by signal {signalled}")
    say(f"drills: {drill.seconds:.0f} s")
    return not drill.count(FAILED)


def run_parts(totals: Totals, options: Options) -> None:
    """All that is no drill, one after another."""
    try:
        for name in PARTS:
            started = time.monotonic()
            run_part(name, totals)
            say(f"{name}: {time.monotonic() - started:.0f} s")
    finally:
        options.jobs = 2


def run_part(name: str, totals: Totals) -> None:
    """One of PARTS."""
    kind, _, what = name.partition("-")
    if kind == "service":
        service.run_part(what, totals, say)
    elif kind == "postmortem":
        postmortem.run_part(what, totals, say)
    elif kind == "btf":
        run_btf(btf.SUITES, totals)
    else:
        {"purgatory": run_purgatory, "bare": run_bare, "proof": run_proof}[kind](totals)


def run_host(totals: Totals) -> bool:
    """The host's checks on the plain crash."""
    checks = Checks(totals, "host")
    good = False
    with checks.guard("vmcore"):
        folder = Folder(drills_folder() / CRASH)
        subject = Subject(Evidence(folder).vmcore, folder.path / "host")
        good = host.run_groups(list(host.GROUPS), subject, totals)
    return good


def run_purgatory(totals: Totals) -> bool:
    """The code between the kernels, in machines of its own."""
    checks = Checks(totals, "purgatory")
    with checks.guard("purgatory"):
        purgatory.judge(checks)
    return not checks.failed


def run_bare(totals: Totals) -> bool:
    """The capture's first process where nothing has crashed."""
    checks = Checks(totals, "bare")
    with checks.guard("bare"):
        bare.judge(checks)
    return not checks.failed


def run_proof(totals: Totals) -> bool:
    """A forged crash in the machine that our program starts."""
    checks = Checks(totals, "proof")
    with checks.guard("proof"):
        proof.judge(checks)
    return not checks.failed


def run_btf(suites: Iterable[str], totals: Totals) -> None:
    """The types of these suites' newest kernels."""
    for suite in suites:
        checks = Checks(totals, f"btf-{suite or 'own'}")
        with checks.guard("btf"):
            btf.judge(checks, suite)


def run_all(totals: Totals) -> None:
    """All that belongs to the check."""
    good = run_drills(totals)
    if run_host(totals) and good:
        Folder(drills_folder() / CRASH).discard_memory()


def run_host_only(options: argparse.Namespace, totals: Totals) -> None:
    """The host's checks that the command line names."""
    unknown = [name for name in options.group if name not in host.GROUPS]
    if unknown:
        raise LabError(f"no group {unknown[0]}; there are: {', '.join(host.GROUPS)}")
    vmcore = options.vmcore or big.vmcore_of(big.inputs()["small"], say)
    subject = Subject(vmcore, build_dir() / "host", options.full)
    host.run_groups(options.group or list(host.GROUPS), subject, totals)


def run_service(parts: list[str], totals: Totals) -> None:
    """Parts of the service's day, one after another."""
    unknown = [name for name in parts if name not in service.PARTS]
    if unknown:
        raise LabError(f"no part {unknown[0]}; there are: {', '.join(service.PARTS)}")
    for name in parts or service.PARTS:
        service.run_part(name, totals, say)


def run_postmortem(options: argparse.Namespace, totals: Totals) -> None:
    """Guests for the post-mortem, one after another."""
    unknown = [name for name in options.part if name not in postmortem.names()]
    if unknown:
        raise LabError(f"no part {unknown[0]}; there are: {', '.join(postmortem.names())}")
    parts = options.part or (postmortem.names() if options.full else postmortem.PARTS)
    for name in parts:
        postmortem.run_part(name, totals, say, options.full)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.system")
    commands = parser.add_subparsers(dest="command")
    one = commands.add_parser("host", help="only the checks that need no virtual machine")
    one.add_argument("group", nargs="*", help=f"one of: {', '.join(host.GROUPS)}; default: all")
    one.add_argument("--vmcore", type=Path, metavar="FILE", help="default: one of 1 GiB")
    one.add_argument("--full", action="store_true", help="take the time for a thorough look")
    commands.add_parser("purgatory", help="only the code between the kernels")
    commands.add_parser("bare", help="only the capture's image where nothing has crashed")
    commands.add_parser("proof", help="only `lifeboat test --proof`")
    one = commands.add_parser("btf", help="only the types, against bpftool")
    one.add_argument("suite", nargs="*", help="Debian suites; default: the machine's and backports")
    one = commands.add_parser("service", help="only the service on a whole Debian")
    one.add_argument("part", nargs="*", help=f"one of: {', '.join(service.PARTS)}; default: all")
    one = commands.add_parser("postmortem", help="only what is said of dead kernels")
    one.add_argument("part", nargs="*", help=f"one of: {', '.join(postmortem.names())}")
    one.add_argument("--full", action="store_true", help="every kernel, and every way to die")
    return parser.parse_args()


def main() -> int:
    """The exit status says whether every check passed."""
    options = parse()
    started = time.monotonic()
    totals = Totals()
    try:
        if options.command == "host":
            run_host_only(options, totals)
        elif options.command == "purgatory":
            run_purgatory(totals)
        elif options.command == "bare":
            run_bare(totals)
        elif options.command == "proof":
            run_proof(totals)
        elif options.command == "btf":
            run_btf(options.suite or btf.SUITES, totals)
        elif options.command == "service":
            run_service(options.part, totals)
        elif options.command == "postmortem":
            run_postmortem(options, totals)
        else:
            run_all(totals)
    except LabError as err:
        print(f"FAIL tests.system: {err}")
        return 1
    say(f"{time.monotonic() - started:.0f} s in all")
    print(totals.closing_line())
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
