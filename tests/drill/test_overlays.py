# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets and faults over scenarios: what they make of them, and what is refused."""

from collections.abc import Callable
from pathlib import Path

from lab import overlays
from lab.errors import LabError, NotTogether
from lab.overlays import FAULTS, OFFERS, TARGETS, known, overlay
from lab.paths import SCENARIOS
from lab.scenario import Scenario, load_scenario

BASES = ("capture", "crash")


def refused(kind: type[LabError], words: str, do: Callable[[], object]) -> None:
    """It fails with these words."""
    try:
        do()
    except kind as err:
        assert words in str(err), f"{words!r} is not in {err}"
        return
    raise AssertionError(f"not refused: {words}")


def runs_of(base: str) -> dict[tuple[str, ...], Scenario]:
    """Each target with each fault that makes sense over it, and the targets alone."""
    found = {}
    for target in known(TARGETS):
        found[target,] = load_scenario(base, [target])
        for fault in known(FAULTS):
            try:
                found[target, fault] = load_scenario(base, [target, fault])
            except NotTogether:
                pass
    return found


def test_operators(_: Path) -> None:
    """Lists are joined once, entries found by name, numbers at least so large."""
    tables = {"modules": ["a", "b"], "guest": {"crashkernel": "96M,high", "seconds": 5}, "disks": [{"name": "x", "mib": 1}],
              "conf": "old"}
    over = {"without": {"modules": ["b"]}, "append": {"modules": ["c", "a"], "guest": {"devices": ["d"]}},
            "prepend": {"conf": "new ", "disks": [{"name": "w"}]}, "change": {"disks": {"x": {"mib": 2}}},
            "least": {"guest": {"crashkernel": "112M", "seconds": 3, "cpus": 2}}, "more": {"guest": {"seconds": 4}}}
    made = overlay(tables, over)
    assert made["modules"] == ["a", "c"], made
    assert made["disks"] == [{"name": "w"}, {"name": "x", "mib": 2}], made
    assert made["conf"] == "new old", made
    assert made["guest"] == {"crashkernel": "112M,high", "seconds": 9, "devices": ["d"], "cpus": 2}, made
    assert tables["modules"] == ["a", "b"], "the tables that were there have changed"
    assert overlay({"size": "1G"}, {"least": {"size": "512M"}})["size"] == "1G"
    refused(LabError, "what is not there: y", lambda: overlay(tables, {"change": {"disks": {"y": {}}}}))
    refused(LabError, "which of auto", lambda: overlay({"size": "auto"}, {"least": {"size": "96M"}}))


def test_all_can_be_laid(_: Path) -> None:
    """Every target over a small and a large guest, every fault over some target; each tells what it is."""
    for base in BASES:
        runs = runs_of(base)
        unused = set(known(FAULTS)) - {fault for over in runs for fault in over[1:]}
        assert not unused, f"{base}: nothing takes {unused}"
        for over, scenario in runs.items():
            text = repr(scenario)
            left = [f"@{word.upper()}@" for word in OFFERS if f"@{word.upper()}@" in text]
            assert not left, f"{base}, {over}: {left} stands for nothing"
            assert scenario.overlays == list(over), over
    for one in (*known(TARGETS), *known(FAULTS)):
        told = overlays.chain_of(one)
        assert "about" in overlays.parse(one), f"{one} does not say what it is"
        assert told.get("wants", "target") in OFFERS, f"{one} wants {told['wants']}"
        assert told.get("offers", {}).keys() <= OFFERS.keys(), f"{one} offers what nobody can want"


def test_a_fault_moves_the_dump(_: Path) -> None:
    """What takes it when the first target cannot, is the root disk; what the first one has is said."""
    for over, scenario in runs_of("capture").items():
        if "parts/then-root" not in "".join(bases_of(over[-1])):
            continue
        assert scenario.expect.at == "root" and scenario.expect.places["root"] == ["complete"], over
        assert scenario.targets[-1]["device"] == overlays.ROOT_TARGET and len(scenario.targets) > 1, over
        assert "virtio_blk" in scenario.modules, over


def bases_of(name: str) -> list[str]:
    """What a target or fault is based on."""
    base = overlays.parse(name).get("base")
    return [base, *bases_of(base)] if base else []


def test_minimum(_: Path) -> None:
    """A target wants a reservation that is large enough, and leaves alone one that is larger."""
    assert load_scenario("capture", ["targets/https"]).guest.crashkernel == "112M"
    assert load_scenario("crash-newest", ["targets/nfs"]).guest.crashkernel == "96M"
    assert load_scenario("crash", ["targets/nfs"]).guest.memory_mib == 1024


def test_a_disk_is_brought(_: Path) -> None:
    """A fault of a disk needs one that is not the root's: over a local scenario it comes with it."""
    scenario = load_scenario("capture", ["faults/disk-hangs"])
    assert [disk.name for disk in scenario.disks] == ["dump"] and scenario.targets[0]["device"] == "UUID=@DISK:dump@"
    assert scenario.actions[0].do == "hang dump" and scenario.expect.places["dump"] == ["log|partial"]


def test_names(_: Path) -> None:
    """A fault takes hold of what the target calls its own."""
    assert load_scenario("capture", ["faults/server-dead", "targets/ssh"]).actions[0].do == "kill shell"
    assert load_scenario("capture", ["targets/s3", "faults/server-dead"]).actions[0].do == "kill store"
    assert load_scenario("capture", ["targets/xfs", "faults/disk-pulled"]).actions[0].do == "detach data"


def test_what_makes_no_sense(_: Path) -> None:
    """It is refused before anything is run, and the message says what to do."""
    cases = {
        ("capture", "faults/server-dead"): "it wants a server, and there is none; there is with targets/https",
        ("capture-xfs", "targets/nfs"): "capture-xfs says itself what goes where",
        ("capture-xfs", "faults/disk-hangs"): "capture-xfs says itself what goes where",
        ("exec-file", "targets/nfs"): "it restarts in good order",
        ("remote", "targets/ssh"): "its dump goes to targets/nfs already",
        ("no-device", "faults/log-gone"): "it does not end with a whole dump",
        ("no-module", "targets/nfs"): "is not to reach any target",
        ("capture-keep", "targets/nfs"): "capture-keep says itself",
        ("configured", "targets/nfs"): "configured says itself",
    }
    for (scenario, over), words in cases.items():
        refused(NotTogether, words, lambda: load_scenario(scenario, [over]))
    refused(NotTogether, "already", lambda: load_scenario("capture", ["targets/nfs", "targets/ssh"]))
    refused(LabError, "there is no fault nonsense", lambda: load_scenario("capture", ["faults/nonsense"]))
    refused(LabError, "is neither of", lambda: load_scenario("capture", ["crash"]))


def test_several_faults(_: Path) -> None:
    """The root disk is there once, however many faults lead to it; a fault that leaves no dump is the last one."""
    scenario = load_scenario("capture", ["targets/nfs", "faults/loss", "faults/server-dead", "faults/notes-damaged"])
    assert len(scenario.targets) == 2 and len(scenario.actions) == 3
    refused(NotTogether, "not end with a whole dump",
            lambda: load_scenario("capture", ["faults/power-cut", "faults/notes-damaged"]))


def test_scenarios_load(_: Path) -> None:
    """All that are there."""
    for path in sorted(SCENARIOS.glob("*.toml")):
        load_scenario(path.stem)
