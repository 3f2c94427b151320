# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of the command line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.drill import select
from lab.drill.select import Run, UsageError, Wanted
from lab.errors import LabError
from lab.scenario import load_scenario


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """A lab with few scenarios, two targets and three faults."""
    files = {
        "quick": 'about = "q"', "die-null": 'tags = ["deaths", "oops"]', "die-bug": 'base = "die-null"\ntags = ["deaths"]',
        "die-child": 'base = "die-null"', "other": "", "targets/nfs": "", "targets/ssh": "", "faults/server-dead": "",
        "faults/slow": "", "faults/full": "",
    }
    for name, text in files.items():
        path = folder / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    was, select.SCENARIOS = select.SCENARIOS, folder
    read, select.read_tables = select.read_tables, lambda name: own_tables(folder, name)
    select.tables_of.cache_clear()
    try:
        yield
    finally:
        select.SCENARIOS, select.read_tables = was, read
        select.tables_of.cache_clear()


def own_tables(folder: Path, name: str) -> dict[str, object]:
    """As read_tables() has it: a tag is the file's own, not its base's."""
    import tomllib

    return tomllib.loads((folder / f"{name}.toml").read_text())


def ids(wanted: Wanted) -> list[str]:
    """Of all runs."""
    return [run.id for run in select.product_of(wanted)]


def refused(action: Callable[[], object], *words: str) -> None:
    """It is a usage error whose message has these words."""
    try:
        found = action()
    except UsageError as err:
        missing = [word for word in words if word not in str(err)]
        assert not missing, f"{err}: no {missing}"
        return
    raise AssertionError(f"not refused: {found}")


def test_words(folder: Path) -> None:
    with made(folder):
        assert ids(Wanted()) == ["quick"]
        assert ids(Wanted(["die-bug", "other"])) == ["die-bug", "other"]
        assert ids(Wanted(["oops"])) == ["die-null"]  # die-child has a base with tags, and none of its own
        assert ids(Wanted(["deaths", "die-null"])) == ["die-bug", "die-null"]  # each once
        assert ids(Wanted(["die-*"])) == ["die-bug", "die-child", "die-null"]
        assert ids(Wanted((), True)) == ["die-bug", "die-child", "die-null", "other", "quick"]


def test_unknown_words(folder: Path) -> None:
    with made(folder):
        refused(lambda: ids(Wanted(["die-nul"])), "'die-nul'", "did you mean die-null")
        refused(lambda: ids(Wanted(["death"])), "deaths")
        refused(lambda: ids(Wanted(["nothing-*"])), "'nothing-*'")
        refused(lambda: ids(Wanted(["zzzz"])), "there are: die-bug")
        refused(lambda: ids(Wanted(["quick"], True)), "--all")
        refused(lambda: ids(Wanted((), targets=["nfz"])), "no target 'nfz'", "nfs")
        refused(lambda: ids(Wanted((), faults=["full+slov"])), "no fault 'slov'", "slow")
        refused(lambda: ids(Wanted((), targets=["nfs+ssh"])), "one target")
        refused(lambda: ids(Wanted((), targets=["nfs,"])), "empty")


def test_matrix(folder: Path) -> None:
    with made(folder):
        runs = select.product_of(Wanted(["die-null"], False, ["nfs"], ["server-dead"], [], ["96M"]))
        assert runs == [Run("die-null@nfs+server-dead,96M", "die-null", ("targets/nfs", "faults/server-dead"), "", "96M")]
        assert runs[0].target == "nfs" and runs[0].faults == ["server-dead"]
        both = Wanted(["quick"], False, ["own,nfs", "ssh"], ["full+slow,slow"], ["backports"])
        assert ids(both) == [
            "quick+full+slow,backports", "quick+slow,backports", "quick@nfs+full+slow,backports", "quick@nfs+slow,backports",
            "quick@ssh+full+slow,backports", "quick@ssh+slow,backports",
        ]
        assert len(set(ids(both))) == 6


def test_sizes(folder: Path) -> None:
    assert select.split_sizes(["96M,128M", "own"]) == ["96M", "128M", "own"]
    assert select.split_sizes(["256M,high", "96M,256M,high"]) == ["256M,high", "96M", "256M,high"][:2]
    assert select.split_sizes(["1G-4G:128M,4G-:256M"]) == ["1G-4G:128M,4G-:256M"]
    assert select.split_sizes(["64M@16M"]) == ["64M@16M"]
    for wrong in ("96MB", "much", "-96M", "96M panic=0", "", "96M,,128M"):
        refused(lambda size=wrong: select.split_sizes([size]), "no size")


def test_kernels(folder: Path) -> None:
    """A word that is no kernel is a mistake of the command line, told before anything is run."""
    with made(folder):
        assert ids(Wanted((), kernels=["own,backports"])) == ["quick", "quick,backports"]
        refused(lambda: ids(Wanted((), kernels=["/no/such.deb"])), "/no/such.deb")
        refused(lambda: ids(Wanted((), kernels=["../x"])), "../x")


def test_folder_names(folder: Path) -> None:
    """A kernel that is a path makes no folders elsewhere, nor a name that is too long or hidden."""
    assert Run("quick@nfs+server-dead,96M", "quick").file_name == "quick_nfs_server-dead_96M"  # "+" ended ganesha, "@" misled crash
    for name in ("quick,/boot/vmlinuz:/lib/x", "../../etc", "..", "-x", "a" * 300 + "é"):
        made_name = Run(name, "quick").file_name
        assert made_name and "/" not in made_name and "," not in made_name and not made_name.startswith((".", "-")), made_name
        assert len(made_name.encode()) <= select.NAME_BYTES


def test_needs(folder: Path) -> None:
    from dataclasses import replace

    plain = load_scenario("quick")
    big = replace(plain, needs="memory-mib 20480")
    assert select.lacking(plain, 100) == "" and select.lacking(big, 20480) == ""
    assert select.lacking(big, 20479) == "it needs 20480 MiB of memory, and 20479 MiB are available"
    assert select.memory_needed(big) == 20480 and select.memory_needed(plain) is None
    assert "no-such-program" in select.lacking(replace(plain, needs="program no-such-program"), 0)
    assert "100000 CPUs" in select.lacking(replace(plain, needs="cpus 100000, memory-mib 1"), 10)
    try:
        select.lacking(replace(plain, needs="memory 5"), 0)
    except LabError as err:
        assert "memory 5" in str(err)
    else:
        raise AssertionError("a need that nobody knows is met")


def test_real_scenarios(folder: Path) -> None:
    """A tag that is a scenario's name, too, could not be asked for; the one that is run without a word is there."""
    assert not set(select.tags()) & set(select.names_in())
    assert select.QUICK in select.names_in()
    for name in select.names_in():
        select.lacking(load_scenario(name), 1 << 20)


def test_own_files(folder: Path) -> None:
    """A scenario in a file of a user's: its name is the file's, and no mistake in it is a traceback."""
    path = folder / "mine.toml"
    path.write_text('base = "quick"\nabout = "mine"\n[guest]\ncrashkernel = "72M"\n')
    (run,), _ = select.select(Wanted([str(path)], crashkernels=["own"]))
    assert (run.id, run.load().name, run.load().guest.crashkernel) == ("mine", "mine", "72M")
    for text, why in (("guest = 3", "another kind"), ("x = ", "mine.toml"), ('base = "none-such"', "none-such"), ('base = "quick"\ntags = 5', "kind"),
                      (f'base = "{path}"', "circle"), ('base = "quick"\n[guest]\nlots = 1', "lots")):
        path.write_text(f"{text}\n")
        try:
            select.select(Wanted([str(path)]))
        except LabError as err:
            assert why in str(err), (text, err)
        else:
            raise AssertionError(f"{text} was taken")
    try:
        select.select(Wanted([str(folder / "gone.toml")]))
    except UsageError as err:
        assert "gone.toml" in str(err)
        return
    raise AssertionError("a file that is not there was taken")
