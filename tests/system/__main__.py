# SPDX-License-Identifier: GPL-2.0-or-later
"""The VM test: /usr/bin/python3 -m tests.system [--full], from the top of the tree.

Crashes real kernels with lab/scenarios, or restarts them in good order, and prints one line per check, the totals last. The plain
crash and its judges run beside the fault scenarios: two guests at a time on two cores. Then the
crashed kernel's vmcore is filtered on the host in every way that tests/system/host.py knows.

    python3 -m tests.system host [--full] [--vmcore FILE] [GROUP…]

makes only those last checks: without --vmcore, on the vmcore that `make bench` keeps.
`remote [--full] [NAME…]` and `stacks [--full] [NAME…]` crash guests whose targets are servers, and stacks of storage: without
--full those that belong to the check. `crash SCENARIO…` makes only those crashes, `purgatory`, `bare` and `proof` only that part, `btf [SUITE…]` the types of
other suites' kernels, too: `btf trixie-backports`.
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
from lab.crash import Folder, fetch_packages
from lab.errors import LabError, Unavailable
from lab.judges import judge_all
from lab.judges.evidence import Evidence
from lab.paths import build_dir
from lab.restart import drill
from lab.scenario import load_scenario

from . import bare, btf, host, postmortem, proof, purgatory, service
from .subject import Subject

CONSOLE_LINES = 60  # that are shown of a guest whose judges did not agree
CRASH = "crash"  # the scenario whose vmcore the host's checks take
SERVICE = "service-"  # and the name of a part
POSTMORTEM = "postmortem-"  # the same
LANES = (
    (
        *(CRASH, "loader-file", "loader-uki", "loader-reuse", "loader-load", "loader-load-backports"),
        *("loader-damaged-kernel", "loader-damaged-initrd", "exec-file"),
        *("capture-xfs", "capture-raw", "capture-virtiofs", "capture-write-errors", "capture-hang", "capture-gone"),
        *("capture-leaner", "configured", "configured-hooks", "remote", "remote-chain", "stack"),
        "postmortem-crowd",
    ),
    (
        *("crash-backports", "no-device", "loader-high", "loader-load-six-gib", "loader-load-efi"),
        *("loader-two-awake", "exec-load", "boot-once"),
        *("capture", "capture-cut", "capture-killed", "capture-twice", "capture-keep", "capture-child-killed"),
        *("capture-no-memory", "capture-panic", "capture-hook-hangs", "capture-watchdog", "capture-bad-log"),
        *("capture-pstore", "remote-ssh", "stack-md", "postmortem-crowd-backports", "service-day"),
    ),
)
# What differs from one of these in little, or is covered by unit tests as well: with --full.
MORE = (
    (
        *("loader-nokaslr", "loader-load-nokaslr", "loader-load-uki", "loader-four-cpus", "loader-six-gib", "loader-efi"),
        *("loader-load-high", "loader-load-four-cpus", "no-module", "disk-full", "capture-small"),
    ),
    (
        *("capture-btrfs", "capture-vfat", "capture-9p", "capture-late", "capture-log-only", "capture-no-log"),
        *("capture-cut-vmcoreinfo", "capture-bad-notes", "capture-pstore-load", "configured-raw"),
    ),
)

# Targets that are servers, and stacks of storage: what of each belongs to the check, and what is run with --full only.
GROUPS = {
    "remote": (
        ("remote", "remote-ssh", "remote-chain"),
        ("remote-killed", "remote-loss", "remote-loss-later", "remote-1970", "remote-nfs3", "remote-ssh-bare", "remote-sftp", "remote-https",
         "remote-s3", "remote-gone", "remote-stack", "remote-dhcp", "remote-after", "remote-full", "remote-silent",
         "remote-configured", "remote-guide", "remote-spool"),
    ),
    "stacks": (
        ("stack", "stack-md"),
        ("stack-luks", "stack-iscsi", "stack-luks-keys", "stack-changed", "stack-multipath", "stack-deep"),
    ),
}


def say(text: str) -> None:
    """A line for the user, at once."""
    print(f"   {text}", flush=True)


def folder_of(name: str) -> Folder:
    """Where a scenario leaves its results."""
    return Folder(build_dir() / "system" / name)


def run_scenario(name: str, totals: Totals) -> bool:
    """One scenario: the drill, then its judges. A drill that fails is a failed check."""
    checks = Checks(totals, name)
    scenario = load_scenario(name)
    folder = folder_of(name)
    started = time.monotonic()
    with checks.guard("drill"):
        try:
            drill(scenario, folder, lambda text: say(f"{name}: {text}")).run()
        except Unavailable as err:
            checks.skip("drill", str(err))
            return True
        checks.expect("drill", True)
        judge_all(folder, scenario, checks)
    say(f"{name}: {time.monotonic() - started:.0f} s with its judges")
    if checks.failed:
        show_console(folder)
    elif name != CRASH:
        folder.discard_memory()
    return not checks.failed


def show_console(folder: Folder) -> None:
    """Of a guest that did not do as it should, what it said last: on another machine nobody can look at its log."""
    with contextlib.suppress(OSError, LabError):
        say(f"the end of {folder.console_log.name}:\n{folder.console().tail(CONSOLE_LINES)}")


def run_lane(names: tuple[str, ...], totals: Totals) -> bool:
    """Scenarios one after another."""
    return all([run_one(name, totals) for name in names])


def run_one(name: str, totals: Totals) -> bool:
    """A scenario, or a part of the service's day or of the post-mortem."""
    if name.startswith(SERVICE):
        return service.run_part(name.removeprefix(SERVICE), totals, say)
    if name.startswith(POSTMORTEM):
        return postmortem.run_part(name.removeprefix(POSTMORTEM), totals, say)
    return run_scenario(name, totals)


def run_host(totals: Totals) -> bool:
    """The host's checks on the plain crash."""
    checks = Checks(totals, "host")
    good = False
    with checks.guard("vmcore"):
        folder = folder_of(CRASH)
        subject = Subject(Evidence(folder).vmcore, folder.path / "host")
        good = host.run_groups(list(host.GROUPS), subject, totals)
    return good


def run_group(options: argparse.Namespace, totals: Totals) -> None:
    """Scenarios of a group by their names, with or without the group's own."""
    short, full = GROUPS[options.command]
    known = {name.partition("-")[2] or name: name for name in (*short, *full)}
    unknown = [name for name in options.name if name not in known and name not in known.values()]
    if unknown:
        raise LabError(f"no scenario {unknown[0]}; there are: {', '.join(known)}")
    names = tuple(known.get(name, name) for name in options.name) or (*short, *(full if options.full else ()))
    lanes = (names[::2], names[1::2]) if options.two else (names,)
    run_lanes(tuple(lane for lane in lanes if lane), totals)


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


def run_lanes(lanes: tuple[tuple[str, ...], ...], totals: Totals) -> bool:
    """Lanes beside each other."""
    parts = (SERVICE, POSTMORTEM)
    scenarios = {name for names in lanes for name in names if not name.startswith(parts)}
    scenarios |= {name.removeprefix(POSTMORTEM) for names in lanes for name in names if name.startswith(POSTMORTEM)}
    for name in scenarios:
        fetch_packages(load_scenario(name))  # once, before the lanes would do it twice
    with ThreadPoolExecutor(len(lanes)) as pool:
        results = [pool.submit(run_lane, names, totals) for names in lanes]
        return all([result.result() for result in results])


def run_all(full: bool, totals: Totals) -> None:
    """All that belongs to the check, and with `full` everything."""
    run_purgatory(totals)
    run_bare(totals)
    run_proof(totals)
    run_btf(btf.SUITES, totals)
    good = run_lanes(LANES, totals)
    if full:
        more = [name for _, others in GROUPS.values() for name in others]
        run_lanes((MORE[0] + tuple(more[::2]), MORE[1] + tuple(more[1::2])), totals)
    if run_host(totals) and good:
        folder_of(CRASH).discard_memory()


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
    run_lane(tuple(f"{SERVICE}{name}" for name in parts or service.PARTS), totals)


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
    parser.add_argument("--full", action="store_true", help="what the check leaves out for its time, too")
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
    for name, (short, full) in GROUPS.items():
        what = "with servers" if name == "remote" else "with stacks of storage"
        one = commands.add_parser(name, help=f"only crashes {what}")
        one.add_argument("name", nargs="*", help=f"one of: {', '.join((*short, *full))}")
        one.add_argument("--full", action="store_true", help="those that the check leaves out, too")
        one.add_argument("--two", action="store_true", help="two guests at a time")
    one = commands.add_parser("crash", help="only these scenarios, one after another")
    one.add_argument("scenario", nargs="+")
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
        elif options.command in GROUPS:
            run_group(options, totals)
        elif options.command == "crash":
            run_lanes((tuple(options.scenario),), totals)
        else:
            run_all(options.full, totals)
    except LabError as err:
        print(f"FAIL tests.system: {err}")
        return 1
    say(f"{time.monotonic() - started:.0f} s in all")
    print(totals.closing_line())
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
