# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m lab.drill: what `lifeboat drill` runs. Its options are those of cmd/drill.c, which says what they are for."""

import argparse
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from ..errors import LabError
from ..paths import ROOT, build_dir
from . import compare, engine, junit, listing, page, select, text
from .engine import Options
from .progress import of_output
from .result import FAILED, PASSED, SCHEMA, Drill, read

# Exit codes, of base/err.h
SYSTEM, USAGE, CORRUPT, UNSUPPORTED, NOT_FOUND = 1, 2, 4, 5, 6
SIGNALLED = 128
PAGE = "index.html"
TOOLS = {"qemu-system-x86_64": "qemu-system-x86 (Debian, Ubuntu) or qemu-system-x86-core (Fedora, RHEL)"}
TOOLS |= {"setpriv": "util-linux", "mkfs.ext4": "e2fsprogs", "debugfs": "e2fsprogs"}


def say_missing() -> bool:
    """Whether programs are missing that every drill takes; say which package has them."""
    missing = [name for name in TOOLS if not shutil.which(name, path=engine.environment()["PATH"])]
    for name in missing:
        complain(f"{name} is not installed: it is in the package {TOOLS[name]}")
    return bool(missing)


def complain(message: str) -> None:
    """An error, as the other commands have them."""
    print(f"lifeboat drill: {text.plain_lines(message)}", file=sys.stderr, flush=True)


def default_out() -> Path:
    """Where results go: in a checkout to its build, else here."""
    return build_dir() / "drill" if (ROOT / "Makefile").is_file() else Path("drill-results")


def report_of(drill: Drill, out: Path) -> None:
    """Results for CI servers and browsers, beside those for programs."""
    (out / "results.xml").write_text(junit.tell(drill, out), encoding="utf-8")
    page.write(drill, out / PAGE)


def run_drill(options: argparse.Namespace, runs: list[select.Run]) -> int:
    """Make the runs and tell of them."""
    if say_missing():
        return NOT_FOUND
    out = (options.out or default_out()).absolute()
    how = Options(out, options.jobs, options.keep, command=sys.argv[1:])
    drill, signal = engine.make_drill(runs, how, of_output(options.json, options.verbose))
    report_of(drill, out)
    if options.json:
        print(json.dumps({"schema": SCHEMA, **asdict(drill)}, indent=1))
    else:
        print(f"\n{text.tell(drill, str(out))}\nall of it: {text.plain(str(out / PAGE))}")
    if signal:
        return SIGNALLED + signal
    if drill.count(FAILED):
        return SYSTEM
    return 0 if drill.count(PASSED) else UNSUPPORTED


def run_compare(options: argparse.Namespace) -> int:
    """Two drills against each other."""
    if len(options.words) != 2:
        raise select.UsageError("--compare takes two files: results.json of an older drill and of a newer one")
    if missing := [word for word in options.words if not Path(word).is_file()]:
        complain(f"there is no file {missing[0]}")
        return NOT_FOUND
    try:
        old, new = (read(Path(word)) for word in options.words)
    except LabError as err:
        complain(str(err))
        return CORRUPT  # what is worse has another status
    found = compare.compare(old, new, options.threshold)
    if options.json:
        print(json.dumps(compare.as_json(found, f"lifeboat {engine.version()}", *options.words), indent=1))
    else:
        print(compare.tell(found))
    return SYSTEM if found.regressions else 0


def make_parser() -> argparse.ArgumentParser:
    """The command line, which `lifeboat drill` has looked at already."""
    parser = argparse.ArgumentParser(prog="lifeboat drill", add_help=False, allow_abbrev=False)
    for name in ("--all", "--list", "--json", "--keep", "--verbose", "--compare"):
        parser.add_argument(name, action="store_true")
    for name in ("--target", "--fault", "--kernel", "--crashkernel"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("--config", default="")
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threshold", type=float, default=compare.THRESHOLD)
    parser.add_argument("words", nargs="*")
    return parser


def main(argv: list[str]) -> int:
    """The exit status is one of base/err.h."""
    options = make_parser().parse_args(argv)
    try:
        if options.compare:
            return run_compare(options)
        lists = (options.target, options.fault, options.kernel, options.crashkernel)
        wanted = select.Wanted(options.words, options.all, *lists, config=options.config)
        if options.list:
            print(listing.as_json(wanted) if options.json else listing.tell(wanted))
            return 0
        runs, left_out = select.select(wanted)
        if left_out:
            first = next(iter(left_out.values()))
            complain(f"{len(left_out)} of {len(runs) + len(left_out)} runs make no sense and are left out, like: {first}")
        return run_drill(options, runs)
    except select.UsageError as err:
        complain(str(err))
        return USAGE
    except LabError as err:
        complain(str(err))
        return SYSTEM
    except BrokenPipeError:  # whoever was to read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SYSTEM


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
