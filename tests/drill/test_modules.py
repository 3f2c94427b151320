# SPDX-License-Identifier: GPL-2.0-or-later
"""lab/modules.py: where a module for a kernel is built, and with what; and the words of lab/crasher that scenarios use."""

import re
from pathlib import Path

from lab import debs, modules
from lab.errors import Unavailable
from lab.paths import SCENARIOS
from lab.scenario import load_scenario

# What Debian's packages say: of 6.1, of a backport to 12, of one to 13.
DEPENDS = {
    "linux-headers-6.1.0-56-common (= 6.1.192-2), linux-kbuild-6.1 (>= 6.1.192-2), linux-compiler-gcc-12-x86":
        ["linux-headers-6.1.0-56-common", "linux-kbuild-6.1"],
    "linux-base (>= 4.12~), linux-headers-6.12.95+deb12-common (= 1), linux-image-6.12.95+deb12-amd64 (= 1), linux-kbuild-6.12.95+deb12, gcc-12":
        ["linux-headers-6.12.95+deb12-common", "linux-kbuild-6.12.95+deb12"],
    "gcc-14-for-host, linux-base-7.3.4+deb13-amd64 (= 1), linux-headers-7.3.4+deb13-common (= 1), linux-kbuild-7.3.4+deb13":
        ["linux-headers-7.3.4+deb13-common", "linux-kbuild-7.3.4+deb13"],
}


def test_parts(folder: Path) -> None:
    """A package of headers needs the common ones, and the programs that build."""
    for depends, parts in DEPENDS.items():
        assert modules.parts_of(depends) == parts, (depends, modules.parts_of(depends))


def test_own_build(folder: Path) -> None:
    """A kernel that was built by hand is built against where that was; without it nothing is fetched for it."""
    kernel = debs.Kernel("6.9.0-mine", "", folder / "tree", "/x/bzImage")
    image, own = folder / "bzImage", folder / "own/lib/modules/6.9.0-mine"
    own.mkdir(parents=True)
    image.touch()
    (own / "modules.dep").touch()
    word = f"{image}:{folder / 'own'}"
    try:
        modules.build_folder(kernel, word, "")
        raise AssertionError("there are no headers")
    except Unavailable as err:
        assert "6.9.0-mine/build" in str(err), err
    (folder / "source").mkdir()
    (folder / "source/Makefile").touch()
    (own / "build").symlink_to(folder / "source")
    assert modules.build_folder(kernel, word, "") == ["-C", str((folder / "source").resolve())]


def test_settings(folder: Path) -> None:
    """What a newer compiler was asked for is not asked of one that lacks it; a kernel of clang's is left alone."""
    asked = "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT"
    assert (f"{asked}=" in modules.settings(f"{asked}=y\n")) != modules.takes(modules.ALIGNMENT)
    assert f"{asked}=" not in modules.settings("CONFIG_64BIT=y\n")
    assert modules.takes("-O2") and not modules.takes("-fno-such-thing")
    try:
        modules.settings("CONFIG_CC_IS_CLANG=y\n")
        raise AssertionError("clang's kernel was taken")
    except Unavailable:
        pass


def test_words(folder: Path) -> None:
    """Kinds, contexts and functions that scenarios name are in the module's sources: a misspelled one shows here."""
    kinds = (modules.SOURCES / "kinds.c").read_text(encoding="utf-8")
    contexts = (modules.SOURCES / "crasher.c").read_text(encoding="utf-8")
    found = 0
    for path in sorted(SCENARIOS.glob("*.toml")):
        death = load_scenario(path.stem).death
        if not death.crasher:
            continue
        found += 1
        _, kind, context, *cpu = death.way.split()
        assert re.search(rf'^\t\{{"{kind}", ', kinds, re.MULTILINE), f"{path.name}: kind {kind}"
        assert context == "init" or f'{{"{context}", crasher_in_' in contexts, f"{path.name}: context {context}"
        assert not death.function.startswith("crasher_") or f"{death.function}(" in kinds, f"{path.name}: {death.function}"
        noticed = kind == "loop"  # by another CPU, whichever looks first
        assert not cpu or noticed or int(cpu[0]) == death.cpu, f"{path.name}: the order is for CPU {cpu}, the report for {death.cpu}"
    assert found >= 30, found
