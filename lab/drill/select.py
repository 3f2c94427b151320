# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of the command line → runs: scenario × target × faults × kernel × size of the reservation."""

import difflib
import fnmatch
import itertools
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from .. import kernels, userconf
from ..errors import LabError, NotTogether
from ..overlays import OWN_FILE
from ..paths import SCENARIOS
from ..proc import environment
from ..scenario import Scenario, load_scenario, read_tables

QUICK = "quick"  # the scenario that is run when none is named
OWN = "own"  # in a list of targets, kernels …: what the scenario has itself
CROWD = "crowd"  # what a scenario needs that is not for us
TARGETS, FAULTS = "targets", "faults"
SHOWN = 12  # names that a message has at most
# As the kernel's parse_crashkernel() has it (kernel/crash_reserve.c of Linux 6.12): SIZE[@OFFSET], SIZE,high, or
# RANGE:SIZE[,RANGE:SIZE…][@OFFSET]
SIZE = r"\d+[KMGkmg]?"
CRASHKERNEL = re.compile(rf"{SIZE}(@{SIZE}|,high|,low)?|{SIZE}-({SIZE})?:{SIZE}(,{SIZE}-({SIZE})?:{SIZE})*(@{SIZE})?")
# Other programs read a run's folder as words of theirs: a comma ends a value of QEMU's, "@" is an address to crash, "+" an error to ganesha.
NOT_FOR_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
NAME_BYTES = 100


class UsageError(LabError):
    """The command line asks for what there is not."""


@dataclass(frozen=True)
class Run:
    """One scenario with what is laid over it."""

    id: str
    scenario: str
    overlays: tuple[str, ...] = ()  # "targets/nfs", "faults/server-dead"
    kernel: str = ""  # a word of lab/kernels.py; empty: the scenario's own
    crashkernel: str = ""  # the same
    config: str = ""  # a user's lifeboat.conf, which is the scenario

    @property
    def target(self) -> str:
        """The target that is laid over, without its folder."""
        return next((one.partition("/")[2] for one in self.overlays if one.startswith(TARGETS)), "")

    @property
    def faults(self) -> list[str]:
        """The faults, likewise."""
        return [one.partition("/")[2] for one in self.overlays if one.startswith(FAULTS)]

    @property
    def file_name(self) -> str:
        """A name for its folder: a kernel may be a path."""
        name = NOT_FOR_A_NAME.sub("_", self.id)[:NAME_BYTES]
        return name if name[0].isalnum() else f"_{name[1:]}"

    def load(self) -> Scenario:
        """The scenario as it is run."""
        scenario = userconf.load(Path(self.config)) if self.config else load_scenario(self.scenario, self.overlays)
        if self.crashkernel:
            scenario = replace(scenario, guest=replace(scenario.guest, crashkernel=self.crashkernel))
        return kernels.with_kernel(scenario, self.kernel) if self.kernel else scenario


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for; lists as they were given, commas and all."""

    words: Sequence[str] = ()  # scenarios, tags, patterns
    all: bool = False
    targets: Sequence[str] = ()
    faults: Sequence[str] = ()
    kernels: Sequence[str] = ()
    crashkernels: Sequence[str] = ()
    config: str = ""  # a file: the only scenario then


# ---- what there is


def names_in(folder: str = "") -> list[str]:
    """Scenarios, or overlays of one kind. Guests of lab/crowd.py are stopped and looked at: nothing captures them."""
    names = sorted(path.stem for path in (SCENARIOS / folder).glob("*.toml"))
    return names if folder else [name for name in names if tables_of(name).get("needs") != CROWD]


@cache
def tables_of(name: str) -> dict[str, Any]:
    """A scenario's tables, read once."""
    return read_tables(name)


def tags() -> dict[str, list[str]]:
    """The scenarios that have each tag."""
    found: dict[str, list[str]] = {}
    for name in names_in():
        for tag in tables_of(name).get("tags", []):
            found.setdefault(tag, []).append(name)
    return dict(sorted(found.items()))


# ---- from words to runs


def unknown(kind: str, word: str, known: Iterable[str]) -> UsageError:
    """A word that is nothing, and what is spelled nearly so."""
    known = list(known)
    near = difflib.get_close_matches(word, known, 3)
    if near:
        return UsageError(f"there is no {kind} {word!r}; did you mean {' or '.join(near)}?")
    if not known:
        return UsageError(f"there is no {kind} {word!r}, nor any other")
    more = ", …" if len(known) > SHOWN else ""
    return UsageError(f"there is no {kind} {word!r}; there are: {', '.join(known[:SHOWN])}{more}")


def scenarios(wanted: Wanted) -> list[str]:
    """The scenarios that the words stand for, each once, in the order of the words."""
    if wanted.config:
        if wanted.all or wanted.words or wanted.targets or wanted.faults:
            raise UsageError("--config is a scenario of its own, with its own targets: only --kernel and --crashkernel go with it")
        return [userconf.NAME]
    known, by_tag = names_in(), tags()
    if wanted.all:
        if wanted.words:
            raise UsageError(f"--all takes no names, and there is {wanted.words[0]!r}")
        return known
    found: list[str] = []
    for word in wanted.words or [QUICK]:
        if word in known:
            found.append(word)
        elif word.endswith(OWN_FILE):
            if not Path(word).is_file():
                raise UsageError(f"there is no file {word}")
            found.append(str(Path(word).absolute()))
        elif word in by_tag:
            found += by_tag[word]
        elif set(word) & set("*?[") and (matching := fnmatch.filter(known, word)):
            found += matching
        else:
            raise unknown("scenario or tag", word, [*known, *by_tag])
    return list(dict.fromkeys(found))


def split(values: Sequence[str]) -> list[str]:
    """An option's values, which are repeated or stand with commas between them."""
    found = [word for value in values for word in value.split(",")]
    if not all(found):
        raise UsageError(f"an empty word in {','.join(values)!r}")
    return list(dict.fromkeys(found))


def split_sizes(values: Sequence[str]) -> list[str]:
    """The same for reservations, which may have commas in themselves: "256M,high", "1G-4G:128M,4G-:256M"."""
    found = []
    for value in values:
        found += [value] if CRASHKERNEL.fullmatch(value) else re.split(r",(?!high|low)", value)
    if wrong := [size for size in found if size != OWN and not CRASHKERNEL.fullmatch(size)]:
        raise UsageError(f"{wrong[0]!r} is no size for crashkernel=, like 96M or 256M,high")
    return list(dict.fromkeys(found))


def overlays(kind: str, values: Sequence[str]) -> list[tuple[str, ...]]:
    """Each value as the overlays that it stands for; "a+b" are two of them."""
    known, found = names_in(kind), []
    for value in split(values):
        parts = [] if value == OWN else value.split("+")
        if kind == TARGETS and len(parts) > 1:
            raise UsageError(f"{value!r}: there is one target for a run; a comma stands between those of two runs")
        for part in parts:
            if part not in known:
                raise unknown(kind.rstrip("s"), part, known)
        found.append(tuple(f"{kind}/{part}" for part in parts))
    return found or [()]


def kernel_words(values: Sequence[str]) -> list[str]:
    """Words of lab/kernels.py, which are looked at before anything is run."""
    words = split(values)
    for word in words:
        try:
            kernels.check_word("" if word == OWN else word)
        except LabError as err:
            raise UsageError(str(err)) from err
    return words


def make_run(scenario: str, over: tuple[str, ...], size: str, kernel: str, config: str = "") -> Run:
    """A run and its name, of the parts that were asked for."""
    size, kernel = ("" if one == OWN else one for one in (size, kernel))
    marks = "".join(f"{'@' if one.startswith(TARGETS) else '+'}{one.partition('/')[2]}" for one in over)
    name = Path(scenario).stem if scenario.endswith(OWN_FILE) else scenario
    return Run(",".join(filter(None, (name + marks, size, kernel))), scenario, over, kernel, size, config)


def product_of(wanted: Wanted) -> list[Run]:
    """The product of everything that is asked for."""
    product = itertools.product(
        scenarios(wanted),
        overlays(TARGETS, wanted.targets),
        overlays(FAULTS, wanted.faults),
        split_sizes(wanted.crashkernels) or [OWN],
        kernel_words(wanted.kernels) or [OWN],
    )
    config = str(Path(wanted.config).absolute()) if wanted.config else ""
    return [make_run(name, target + faults, size, kernel, config) for name, target, faults, size, kernel in product]


def select(wanted: Wanted) -> tuple[list[Run], dict[str, str]]:
    """The runs, and those that were left out, with the reason: a target or fault may make no sense with a scenario."""
    runs: list[Run] = []
    left_out: dict[str, str] = {}
    for run in product_of(wanted):
        try:
            run.load()
        except NotTogether as err:
            left_out[run.id] = str(err)
        else:
            runs.append(run)
    if left_out and not runs:
        raise UsageError(next(iter(left_out.values())))
    return runs, left_out


# ---- what a machine has to have


def available_mib() -> int:
    """Memory that new programs can have, as the kernel estimates it."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) >> 10
    raise LabError("/proc/meminfo has no MemAvailable")


def memory_needed(scenario: Scenario) -> int | None:
    """The MiB that a scenario says it needs: less than its guest has, when that guest touches little of it."""
    for need in filter(None, scenario.needs.split(",")):
        what, _, value = need.strip().partition(" ")
        if what == "memory-mib":
            return int(value)
    return None


def lacking(scenario: Scenario, memory_mib: int) -> str:
    """Why it cannot be run on this machine, of which guests may have so much; empty: it can."""
    for need in filter(None, scenario.needs.split(",")):
        what, _, value = need.strip().partition(" ")
        if what == "memory-mib":
            if memory_mib < int(value):
                return f"it needs {value} MiB of memory, and {memory_mib} MiB are available"
        elif what == "cpus":
            if (cpus := os.cpu_count() or 1) < int(value):
                return f"it needs {value} CPUs, and there are {cpus}"
        elif what == "cpu-flag":
            # QEMU's own CPU has all of them
            if Path("/dev/kvm").exists() and value not in Path("/proc/cpuinfo").read_text(encoding="ascii").split():
                return f"it needs {value} in /proc/cpuinfo, which this machine's CPU has not"
        elif what == "program":
            if not shutil.which(value, path=environment()["PATH"]):
                return f"it needs the program {value}, which is not installed"
        elif what != "loadable":  # which only shows when the kernel is there: see kernels.unfit()
            raise LabError(f"scenario {scenario.name}: needs what is not known: {need!r}")
    return ""
