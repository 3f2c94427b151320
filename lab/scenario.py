# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios: one crash or ordered restart each, told as data in lab/scenarios/NAME.toml.

A file may name another as its `base` and say only what differs. Unknown keys are errors, so that a
scenario never tests less than its author believes.
"""

import tomllib
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from .errors import LabError
from .paths import SCENARIOS


T = TypeVar("T", "Guest", "Restart", "Expect", "Scenario")


@dataclass(frozen=True)
class Guest:
    """The virtual machine and its limits."""

    memory_mib: int
    cpus: int
    crashkernel: str
    disk_mib: int
    seconds: int  # for both kernels together, counted by the host
    suite: str  # of Debian, whose newest cloud kernel it runs; empty: this machine's own
    firmware: str  # "ovmf", or empty: QEMU's own BIOS
    kernel_args: list[str]  # more words for the first kernel's command line


@dataclass(frozen=True)
class Restart:
    """A second kernel that is started in good order, in place of a crash."""

    by: str  # lifeboat, kexec (lifeboat by that name), systemd; empty: the scenario is a crash
    append: list[str]  # words that the second kernel's command line has more than the first one's
    boots: int  # how many kernels run
    suite: str  # the second kernel's, as in Guest
    guide: str  # with systemd: a Markdown file of this tree, whose blocks of commands are run
    first: list[str]  # its blocks for the first kernel
    second: list[str]  # its blocks for the second kernel
    finish: str  # a command of the lab's own behind those; the guide's other blocks stay unused


@dataclass(frozen=True)
class Expect:
    """What must be true after the guest has ended."""

    seconds: int  # at most, from the panic (without one: the start) to the guest's end
    result: str  # of crash.json; empty: no crash.json can have been written
    console: list[str]  # regular expressions, each found on the console after the panic or restart
    never: list[str]  # regular expressions, none of them found there
    dmesg: list[str]  # regular expressions, each found in the crashed kernel's log
    present: list[str]  # files in the crash folder
    absent: list[str]


@dataclass(frozen=True)
class Scenario:
    """One drill."""

    name: str
    about: str
    guest: Guest
    restart: Restart
    load: dict[str, int]  # the numbers of /lab.conf, see guest.c
    uki: bool  # our loader is given one unified kernel image instead of its three parts
    load_args: list[str]  # more words for `lifeboat load`
    peers: list[str]  # kexec-tools stages the same before us in each of these ways, like -c
    damage: str  # what the host damages after it was staged: kernel, initrd; or nothing
    judges: list[str]  # who looks at a complete dump: modules of lab/judges
    command_line: list[str]  # of the capture kernel
    recipe: dict[str, str | int]
    modules: list[str]
    expect: Expect


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """The base with the other's values: tables are merged, all else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            value = merge(base[key], value)
        merged[key] = value
    return merged


def read_tables(name: str) -> dict[str, Any]:
    """A scenario file with its bases merged in."""
    path = SCENARIOS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in SCENARIOS.glob("*.toml")))
        raise LabError(f"there is no scenario {name}; known: {known}")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as err:
        raise LabError(f"{path.name}: {err}") from err
    base = tables.pop("base", None)
    return merge(read_tables(base), tables) if base else tables


def build(kind: type[T], where: str, table: dict[str, Any]) -> T:
    """Make a dataclass from a table whose keys must be exactly its fields."""
    given = {key.replace("-", "_"): value for key, value in table.items()}
    wanted = {field.name for field in fields(kind)}
    wrong = sorted(given.keys() ^ wanted)
    if wrong:
        raise LabError(f"scenario {where}: unknown or missing: {', '.join(wrong)}")
    return kind(**given)


def load_scenario(name: str) -> Scenario:
    """Read and check one scenario."""
    tables = read_tables(name)
    tables["guest"] = build(Guest, f"{name} [guest]", tables.get("guest", {}))
    tables["restart"] = build(Restart, f"{name} [restart]", tables.get("restart", {}))
    tables["expect"] = build(Expect, f"{name} [expect]", tables.get("expect", {}))
    return build(Scenario, name, {**tables, "name": name})
