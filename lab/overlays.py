# SPDX-License-Identifier: GPL-2.0-or-later
"""What is laid over a scenario: a target (where the dump goes) or a fault (what is broken), files below lab/scenarios.

Its tables are merged into the scenario's: tables key by key, all else replaces what was there. Beside those it has

    [append] [prepend]   lists and texts that are joined to those there; an entry that is there already stays the only one
    [without]            entries that are taken out of lists
    [change.LIST.NAME]   what is different in the entry of that name: of a disk, a server, a link
    [least]              numbers, and sizes like "96M", that are not to be smaller than that
    [more]               what is added to numbers
    [offers]             names that others may use: "@SERVER@" stands for what `server` is here, wherever it is written
    wants = "server"     a fault: it cannot be laid where this is not offered
    brings = "targets/…" a fault: what is laid before it where the scenario's target is its root disk, which offers too little

A scenario file has all of these but the last two, too, and `overlays`, which are laid over its base before the file itself.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from .errors import LabError, NotTogether
from .paths import SCENARIOS

TARGETS, FAULTS = "targets/", "faults/"
OWN_FILE = ".toml"  # how the name of a scenario ends that is a user's own file
SIZE = re.compile(r"(\d+)([MG])(.*)")
ROOT_TARGET = "UUID=@ROOT@"
KEYS = ("name", "link", "layer", "target")  # what an entry of a list is called by
OFFERS = {  # what a fault may want, for a message
    "target": "a target",
    "disk": "a disk of its own for the dump, which is not collected from at the next boot",
    "ext4": "a disk of its own for the dump, with an ext4 that the host makes",
    "member": "more disks, or ways to one, than are needed",
    "server": "a server",
    "nfs": "an NFS server",
    "small": "a server that can be of any size",
    "keys": "a server that proves itself, and to whom we do, by keys",
    "store": "an object store",
    "card": "only one network card",
    "port": "more network cards than are needed",
    "link": "a network link with an address of its own",
    "recipe": "a recipe that is made here, not in the guest",
    "writer": "a process of the capture kernel that writes a file",
    "files": "a target whose files can be seen while they grow",
}
ABOUT_IT = ("base", "about", "tags", "wants", "brings", "overlays")  # what tells of a file and is not laid

Tables = dict[str, Any]


def known(kind: str) -> list[str]:
    """The names of all that can be laid: of kind "targets/" or "faults/"."""
    return sorted(kind + path.stem for path in (SCENARIOS / kind).glob("*.toml"))


@cache
def parsed(path: Path, _mtime: int) -> Tables:
    """A file's tables, which nobody changes; a matrix reads them again and again."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as err:
        raise LabError(f"{path.name}: {err}") from err


def parse(name: str) -> Tables:
    """One file's own tables."""
    path = Path(name) if name.endswith(OWN_FILE) else SCENARIOS / f"{name}.toml"
    if not path.is_file():
        kind = name[: name.rfind("/") + 1]
        word = {TARGETS: "target", FAULTS: "fault"}.get(kind, "scenario")
        there = ", ".join(one.removeprefix(kind) for one in known(kind))
        raise LabError(f"there is no {word} {name.removeprefix(kind)}; known: {there}")
    return parsed(path, path.stat().st_mtime_ns)


def merge(base: Tables, over: Mapping[str, Any]) -> Tables:
    """The base with the other's values: tables are merged, all else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            value = merge(base[key], value)
        merged[key] = value
    return merged


def joined(first: Any, second: Any) -> Any:
    """Two texts, or two lists of which the second has nothing that the first has."""
    if isinstance(first, str) and isinstance(second, str):
        return first + second
    return first + [one for one in second if one not in first]


def at_least(there: Any, least: Any) -> Any:
    """A number or a size, or what it has to be; what follows a size, like ",high", stays."""
    if not isinstance(least, str):
        return max(there, least)
    sizes = [SIZE.fullmatch(str(text)) for text in (there, least)]
    if not all(sizes):
        raise LabError(f"which of {there} and {least} is more?")
    mib = [int(size[1]) << (10 if size[2] == "G" else 0) for size in sizes if size]
    assert sizes[0]
    return there if mib[0] >= mib[1] else least + sizes[0][3]


def all_keys(tables: Tables, wanted: Mapping[str, Any], do: Any) -> Tables:
    """The tables, where `do` has made a new value of each that is wanted, from the one that is there, if there is one."""
    changed = dict(tables)
    for key, value in wanted.items():
        if isinstance(value, dict):
            changed[key] = all_keys(tables.get(key, {}), value, do)
        elif key in tables:
            changed[key] = do(tables[key], value)
        else:
            changed[key] = do(type(value)(), value) if isinstance(value, (list, str, int)) else value
    return changed


def change(tables: Tables, wanted: Mapping[str, Mapping[str, Any]]) -> Tables:
    """The tables, with entries of lists changed that are found by their names."""
    changed = dict(tables)
    for key, entries in wanted.items():
        rest = resolve(dict(entries), tables.get("offers", {}))
        changed[key] = []
        for entry in tables.get(key, []):
            names = [entry[word] for word in KEYS if word in entry]
            over = rest.pop(names[0], {}) if names else {}
            changed[key].append(merge(entry, over))
        if rest:
            raise LabError(f"[change.{key}] names what is not there: {', '.join(rest)}")
    return changed


def least_of(there: Any, least: Any) -> Any:
    """As at_least(), for a value that is not there, too."""
    return at_least(there, least) if there else least


def overlay(tables: Tables, over: Mapping[str, Any]) -> Tables:
    """A file's tables over others."""
    rest = dict(over)
    words = {word: rest.pop(word, {}) for word in ("without", "change", "prepend", "append", "least", "more")}
    tables = merge(tables, rest)
    tables = all_keys(tables, words["without"], lambda there, out: [one for one in there if one not in out])
    tables = change(tables, words["change"])
    tables = all_keys(tables, words["prepend"], lambda there, new: joined(new, there))
    tables = all_keys(tables, words["append"], joined)
    tables = all_keys(tables, words["least"], least_of)
    return all_keys(tables, words["more"], lambda there, more: there + more)


def resolve(value: Any, offers: Mapping[str, str]) -> Any:
    """Tables, lists and texts with the names that are offered in the place of their words; keys as well."""
    if isinstance(value, str):
        for word, name in offers.items():
            value = value.replace(f"@{word.upper()}@", name)
        return value
    if isinstance(value, list):
        return [resolve(one, offers) for one in value]
    if isinstance(value, dict):
        return {resolve(key, offers): resolve(one, offers) for key, one in value.items()}
    return value


def lay(tables: Tables, name: str) -> Tables:
    """One target or fault over a scenario's tables, its own base first."""
    over = parse(name)
    if base := over.get("base"):
        tables = lay(tables, base)
    laid = overlay(tables, {key: value for key, value in over.items() if key not in ABOUT_IT})
    return laid


def places_things(own: Tables) -> bool:
    """Whether a scenario's file says itself where dumps go, or what is left where: then no target can be put in its place."""
    lists = [own, own.get("append", {}), own.get("prepend", {})]
    expect = own.get("expect", {})
    named = [place for place in expect.get("places", {}) if not place.startswith("@")]
    conf = any("conf" in one.get("configured", {}) for one in lists)
    return conf or any(one.get("targets") for one in lists) or bool(named or expect.get("kept"))


def read_tables(name: str) -> Tables:
    """A scenario file over its base and what it lays over that; `laid` and `fixed` tell what it has come from.

    What can be laid over one stands for nothing alone: of that there is what it says, which is good for its `about`.
    """
    if "/" in name and not name.endswith(OWN_FILE):
        return chain_of(name)
    own = parse(name)
    base = own.get("base")
    tables = read_tables(base) if base else {}
    for one in own.get("overlays", []):
        tables = lay(tables, one)
    tables["laid"] = [*tables.get("laid", []), *own.get("overlays", [])]
    if base and places_things(own):
        tables["fixed"] = name
    tables = overlay(tables, {key: value for key, value in own.items() if key not in ABOUT_IT})
    return {**tables, "about": own.get("about", tables.get("about")), "tags": own.get("tags", [])}


def is_local(tables: Tables) -> bool:
    """Whether the dump goes where it does in most scenarios: to the root disk, by our own recipe."""
    targets = tables.get("targets", [])
    return "fixed" not in tables and len(targets) == 1 and targets[0].get("device") == ROOT_TARGET and bool(
        tables.get("offers", {}).get("recipe")
    )


def why_no_target(name: str, over: Tables, tables: Tables) -> str:
    """Why a target cannot be laid over a scenario."""
    if tables.get("restart", {}).get("by"):
        return "it restarts in good order, and there is no dump"
    if "fixed" in tables:
        return f"{tables['fixed']} says itself what goes where"
    if not tables["expect"].get("result"):
        return "its dump is not to reach any target"
    moves = "targets" in over or "conf" in over.get("configured", {})
    if moves and not is_local(tables):
        there = [one for one in tables["laid"] if one.startswith(TARGETS)]
        return f"its dump goes to {', '.join(there) or 'a target of its own'} already"
    return ""


def why_no_fault(name: str, over: Tables, tables: Tables) -> str:
    """Why a fault cannot be laid over a scenario and its target."""
    if tables.get("restart", {}).get("by"):
        return "it restarts in good order, and nothing is captured"
    if tables["expect"].get("result") != "complete":
        return "it does not end with a whole dump as it is, so nobody could say what this changes"
    wanted = over.get("wants", "")
    if not wanted:
        return ""
    if "fixed" in tables:
        return f"{tables['fixed']} says itself what goes where"
    if not tables.get("offers", {}).get(wanted):
        there = [one for one in known(TARGETS) if chain_of(one).get("offers", {}).get(wanted)]
        hint = f"; there is with {', '.join(there)}" if there else ""
        return f"it wants {OFFERS[wanted]}, and there is none{hint}"
    return ""


def chain_of(name: str) -> Tables:
    """What a target or fault says itself and by its base, operators apart."""
    own = parse(name)
    return merge(chain_of(own["base"]), own) if "base" in own else own


def lay_chosen(name: str, tables: Tables, over: Sequence[str]) -> Tables:
    """What somebody has chosen for a scenario, targets before faults; what makes no sense is refused."""
    for one in sorted(over, key=lambda one: not one.startswith(TARGETS)):
        if not one.startswith((TARGETS, FAULTS)):
            raise LabError(f"{one} is neither of {TARGETS} nor of {FAULTS}")
        told = chain_of(one)
        wanted, brings = told.get("wants"), told.get("brings")
        if brings and not tables.get("offers", {}).get(wanted) and is_local(tables):
            tables = lay({**tables, "laid": [*tables["laid"], brings]}, brings)
        why = (why_no_target if one.startswith(TARGETS) else why_no_fault)(one, told, tables)
        if why:
            raise NotTogether(f"{one} cannot be laid over {name}: {why}")
        tables = lay({**tables, "laid": [*tables["laid"], one]}, one)
    return tables
