# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m lab: crash a virtual machine and look at what was captured.

LIFEBOAT_CACHE names the folder for downloads (default: lifeboat in the user's cache folder),
LIFEBOAT_BUILD the folder with the built programs (default: build/ of this checkout).
"""

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path

from . import diet, looks, stream
from .bench import ROUNDS, bench, tell_kept
from .checks import Checks, Totals
from .compare import MINUTES, compare
from .compare import ROUNDS as COMPARE_ROUNDS
from .crash import Folder
from .demo import demo
from .errors import LabError
from .judges import judge_all
from .paths import SCENARIOS, build_dir
from .restart import drill
from .scenario import Scenario, load_scenario


def say(text: str) -> None:
    """A line for the user, at once."""
    print(text, flush=True)


def chosen_scenario(options: argparse.Namespace) -> Scenario:
    """The scenario, with another reservation if the user wants one."""
    scenario = load_scenario(options.scenario, getattr(options, "over", ()))
    if not options.crashkernel:
        return scenario
    return replace(scenario, guest=replace(scenario.guest, crashkernel=options.crashkernel))


def command_demo(options: argparse.Namespace) -> int:
    """Crash once and tell about it."""
    demo(chosen_scenario(options), Folder(options.out or build_dir() / "demo"), say)
    return 0


def command_crash(options: argparse.Namespace) -> int:
    """Run one scenario."""
    scenario = chosen_scenario(options)
    folder = Folder(options.out or build_dir() / "lab" / scenario.name)
    drill(scenario, folder, say).run()
    say(f"results in {folder.path}")
    return 0


def command_judge(options: argparse.Namespace) -> int:
    """Judge a finished crash."""
    folder = Folder(options.folder.resolve())
    facts = folder.facts()
    scenario = load_scenario(facts.scenario, facts.overlays)
    totals = Totals()
    judge_all(folder, scenario, Checks(totals, scenario.name))
    say(totals.closing_line())
    return 1 if totals.failed else 0


def command_bench(options: argparse.Namespace) -> int:
    """Measure the filter."""
    if options.kept:
        tell_kept(say)
    else:
        bench(options.case, options.rounds, say)
    return 0


def command_diet(options: argparse.Namespace) -> int:
    """Measure the capture kernel."""
    scenario = chosen_scenario(options)
    flavour = "" if options.full else scenario.guest.flavour
    guest = replace(scenario.guest, flavour=flavour, suite=options.suite)
    wanted = diet.Wanted(replace(scenario, guest=guest), options.append.split(), options.rounds)
    out = options.out or build_dir() / "lab" / "diet"
    if options.ladder is None:
        diet.compare(wanted, out, say)
    else:
        diet.ladder(wanted, options.ladder or list(diet.LADDER), out, say)
    return 0


def command_compare(options: argparse.Namespace) -> int:
    """Crash beside Debian's kdump-tools."""
    out = options.out or build_dir() / "lab" / "compare"
    return 0 if compare(out, options.rounds, options.minutes, say) else 1


def command_look(options: argparse.Namespace) -> int:
    """Measure first looks at dumps."""
    looks.measure_all(options.input, options.rounds, say)
    return 0


def command_stream(options: argparse.Namespace) -> int:
    """Measure streams and encryption."""
    stream.measure_all(options.case, options.rounds, say)
    return 0


def parse() -> argparse.Namespace:
    """The command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python3 -m lab", description=__doc__, formatter_class=raw
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    known = ", ".join(sorted(path.stem for path in SCENARIOS.glob("*.toml")))

    drill = argparse.ArgumentParser(add_help=False)
    drill.add_argument("--crashkernel", metavar="SIZE", help="reserve this instead, like 96M")

    one = commands.add_parser("demo", parents=[drill], help="crash once and show what came of it")
    one.add_argument("--out", type=Path, metavar="DIR", help="default: build/demo")
    one.set_defaults(command=command_demo, scenario="crash")

    one = commands.add_parser("crash", parents=[drill], help="run one scenario")
    one.add_argument("scenario", help=f"one of: {known}")
    one.add_argument("--over", action="append", default=[], metavar="KIND/NAME",
                     help="a target or fault to lay over it, like targets/nfs or faults/server-dead; any number of them")
    one.add_argument("--out", type=Path, metavar="DIR", help="default: build/lab/SCENARIO")
    one.set_defaults(command=command_crash)

    one = commands.add_parser("judge", help="judge the crash that is in a folder")
    one.add_argument("folder", type=Path, help="what demo or crash has written")
    one.set_defaults(command=command_judge)

    one = commands.add_parser("bench", help="measure the filter against makedumpfile")
    one.add_argument("case", nargs="*", help="like six, d31 or six-l-d1; default: all")
    one.add_argument("--rounds", type=int, default=ROUNDS, help=f"at most; default: {ROUNDS}")
    one.add_argument("--kept", action="store_true", help="only print the results there are")
    one.set_defaults(command=command_bench)

    one = commands.add_parser("look", help="measure first looks: our report, drgn and crash")
    text = f"a vmcore, or a dump of the benchmark's; default: {' '.join(looks.INPUTS)}"
    one.add_argument("input", nargs="*", help=text)
    one.add_argument("--rounds", type=int, default=looks.ROUNDS, help=f"default: {looks.ROUNDS}")
    one.set_defaults(command=command_look)

    one = commands.add_parser("stream", help="measure streams through pipes and ssh, and encryption")
    text = f"of the benchmark; default: {' '.join(stream.CASES)}"
    one.add_argument("case", nargs="*", help=text)
    one.add_argument("--rounds", type=int, default=stream.ROUNDS, help=f"default: {stream.ROUNDS}")
    one.set_defaults(command=command_stream)

    one = commands.add_parser("diet", parents=[drill], help="measure what the capture needs")
    one.add_argument("--rounds", type=int, default=diet.ROUNDS, help=f"default: {diet.ROUNDS}")
    one.add_argument("--full", action="store_true", help="Debian's kernel for all machines")
    one.add_argument("--suite", default="", help="of Debian: backports; default: this machine's")
    one.add_argument("--append", default="", help="more words for the capture kernel")
    one.add_argument("--ladder", nargs="*", metavar="SIZE", help="the smallest reservation instead")
    one.add_argument("--out", type=Path, metavar="DIR", help="default: build/lab/diet")
    one.set_defaults(command=command_diet, scenario="crash")

    one = commands.add_parser("compare", help="the same crash for lifeboat and for kdump-tools")
    one.add_argument("--rounds", type=int, default=COMPARE_ROUNDS, help=f"default: {COMPARE_ROUNDS}")
    text = f"after so many no smaller reservation is tried; default: {MINUTES}"
    one.add_argument("--minutes", type=int, default=MINUTES, help=text)
    one.add_argument("--out", type=Path, metavar="DIR", help="default: build/lab/compare")
    one.set_defaults(command=command_compare)
    return parser.parse_args()


def main() -> int:
    """Run the command; a LabError is a message, not a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `finally` runs
    options = parse()
    try:
        return int(options.command(options))
    except LabError as err:
        print(f"lab: {err}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
