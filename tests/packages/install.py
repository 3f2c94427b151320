# SPDX-License-Identifier: GPL-2.0-or-later
"""make install and make uninstall."""

import re
import stat
import sys
from pathlib import Path

from .report import ROOT, Report, files_below, make, run

PROGRAMS = ["usr/sbin/lifeboat", "usr/lib/lifeboat/lifeboat-init", "usr/lib/lifeboat/lifeboat-send",
            "usr/lib/kernel/install.d/95-lifeboat.install",
            "etc/kernel/postinst.d/zz-lifeboat", "etc/kernel/postrm.d/zz-lifeboat"]
GENERATOR = "usr/lib/systemd/system-generators/lifeboat-generator"
DATA = ["etc/lifeboat.conf",
        "usr/lib/systemd/system/lifeboat.service", "usr/lib/systemd/system/lifeboat-collect.service",
        "usr/lib/systemd/system/lifeboat-send.service", "usr/lib/systemd/system/lifeboat-send.path",
        "usr/lib/systemd/system/lifeboat-reload.path", "usr/lib/systemd/system/lifeboat-reload.service",
        "usr/lib/systemd/catalog/lifeboat.catalog", "usr/lib/tmpfiles.d/lifeboat.conf",
        "usr/lib/udev/rules.d/98-lifeboat.rules",
        "usr/share/bash-completion/completions/lifeboat", "usr/share/zsh/site-functions/_lifeboat",
        "usr/share/fish/vendor_completions.d/lifeboat.fish",
        "usr/share/doc/lifeboat/README.md", "usr/share/doc/lifeboat/CHANGELOG.md",
        "usr/share/doc/lifeboat/lifeboat.conf.example"]
DRILL_PROGRAMS = ["usr/lib/lifeboat/drill/lab-guest", "usr/lib/lifeboat/drill/lab-saboteur"]
DRILL_LINKS = {"usr/lib/lifeboat/drill/lifeboat": "usr/sbin/lifeboat",
               "usr/lib/lifeboat/drill/lifeboat-init": "usr/lib/lifeboat/lifeboat-init",
               "usr/lib/lifeboat/drill/lifeboat-send": "usr/lib/lifeboat/lifeboat-send"}
SHARE = "usr/share/lifeboat"
# What only tests and benchmarks of the checkout run.
LAB_OF_TESTS = {f"lab/{name}.py" for name in (
    *("__main__", "bench", "big", "compare", "crowd", "demo", "diet", "drgn_look", "live", "looks", "pipe", "sides"),
    *("stream", "synthetic", "whole", "judges/pages", "judges/postmortem", "judges/stacks", "judges/verdict"))}
PRIVATE = ["var/crash", "var/lib/lifeboat"]


def manuals() -> list[str]:
    return [f"usr/share/man/man{p.suffix[1:]}/{p.name}" for p in (ROOT / "docs/man").iterdir()]


def guides() -> list[str]:
    docs = ROOT / "docs"
    return [f"usr/share/doc/lifeboat/{p.relative_to(docs)}"
            for p in [*docs.glob("*.md"), *docs.glob("guides/*.md")] if p.name != "ARCHITECTURE.md"]


def expected() -> list[str]:
    """All of the package lifeboat, below the root."""
    return [*PROGRAMS, GENERATOR, *DATA, *manuals(), *guides()]


def drill_data() -> list[str]:
    """The lab, but for C of its guests' programs, scripts of tests and what only tests import."""
    names = [str(p.relative_to(ROOT)) for p in (ROOT / "lab").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    kept = [n for n in names if n not in LAB_OF_TESTS and
            ("/" in n.removeprefix("lab/") or n.endswith((".py", ".config")))]
    return [f"{SHARE}/{name}" for name in (*kept, "docs/guides/boot-once.md")]


def expected_of_drill() -> list[str]:
    """All of the package lifeboat-drill."""
    return [*DRILL_PROGRAMS, *DRILL_LINKS, *drill_data()]


def check_modes(folder: Path) -> list[str]:
    problems = []
    wanted = {**dict.fromkeys([*DATA, *manuals(), *guides(), *drill_data()], 0o644),
              **dict.fromkeys([*PROGRAMS, *DRILL_PROGRAMS], 0o755),
              **dict.fromkeys(PRIVATE, 0o700)}
    for name, mode in wanted.items():
        path = folder / name
        if not path.exists():
            problems.append(f"{name} is missing")
        elif stat.S_IMODE(path.stat().st_mode) != mode:
            problems.append(f"{name} has mode {stat.S_IMODE(path.stat().st_mode):o}")
    return problems


def check_generator(folder: Path) -> str | None:
    link = folder / GENERATOR
    if not link.is_symlink() or link.resolve() != (folder / PROGRAMS[0]).resolve():
        return "it is no link to the program"
    return None


def check_lab(folder: Path) -> list[str]:
    """The lab that was installed finds its programs, and no module imports one that was left in the checkout."""
    problems = [f"{link} does not lead to {to}" for link, to in DRILL_LINKS.items()
                if (folder / link).resolve() != (folder / to).resolve()]
    top = folder / SHARE
    modules = [".".join(p.relative_to(top).with_suffix("").parts) for p in sorted(top.rglob("*.py"))]
    wanted = [name.removesuffix(".__init__") for name in modules if not name.endswith("__main__")]
    script = f"import importlib; [importlib.import_module(name) for name in {wanted}]"
    variables = {"PYTHONPATH": str(top), "PYTHONDONTWRITEBYTECODE": "1"}
    if (done := run(sys.executable, "-c", script, cwd=folder, **variables)).returncode:
        problems.append(done.stdout[-600:])
    variables |= {"LIFEBOAT_LAB": str(top), "LIFEBOAT_BUILD": str(folder / "usr/lib/lifeboat/drill")}
    if "quick" not in (said := run(folder / PROGRAMS[0], "drill", "--list", cwd=folder, **variables).stdout):
        problems.append(f"lifeboat drill --list: {said[-600:]}")
    return problems


def check_prefix(place: Path) -> list[str]:
    """Another prefix stands in everything that names the program. Nothing is compiled for it."""
    build = place / "other"
    args = [f"BUILD={build}", "prefix=/opt/boat"]
    made = [build / "units/lifeboat.service", build / "kernel/hook-postinst"]
    make(*args, *map(str, made))
    problems = [f"{p.name} does not name /opt/boat/sbin/lifeboat" for p in made
                if "/opt/boat/sbin/lifeboat" not in p.read_text(encoding="utf-8")]
    problems += [f"{p.name} has {left}" for p in made
                 for left in re.findall("@[a-z]+@", p.read_text(encoding="utf-8"))]
    for name in ("prefix", "PREFIX"):
        shown = make("-n", "V=1", f"BUILD={build}", f"{name}=/opt/boat", f"{build}/obj/cmd/initramfs.o")
        if '"/opt/boat/lib/lifeboat"' not in shown:
            problems.append(f"{name}= does not become LIFEBOAT_LIBEXEC")
    return problems


def check_rebuilt(place: Path) -> list[str]:
    """A unit made for one prefix is made anew for the next."""
    build = place / "again"
    unit = build / "units/lifeboat.service"
    for prefix in ("/usr", "/usr/local"):
        make(f"BUILD={build}", f"prefix={prefix}", str(unit))
        if f"ExecStart={prefix}/sbin/lifeboat start" not in unit.read_text(encoding="utf-8"):
            return [f"prefix={prefix}: the unit is another one's"]
    return []


def check_configuration(place: Path) -> list[str]:
    """An operator's own file is neither overwritten nor removed."""
    folder = place / "kept"
    own = folder / "etc/lifeboat.conf"
    own.parent.mkdir(parents=True)
    own.write_text("path /mine\n")
    make("install", f"DESTDIR={folder}")
    if own.read_text() != "path /mine\n":
        return ["make install overwrote it"]
    make("uninstall", f"DESTDIR={folder}")
    left = [str(p) for p in files_below(folder)]
    return [] if left == ["etc/lifeboat.conf"] else [f"left after make uninstall: {left}"]


def check_example() -> list[str]:
    """The default configuration says nothing: all of it is comment, so that dumps go to /var/crash."""
    text = (ROOT / "docs/lifeboat.conf.example").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def run_installed(folder: Path) -> str | None:
    shown = run(folder / PROGRAMS[0], "--version").stdout
    return None if shown.startswith("lifeboat ") else shown


def check_all(report: Report, place: Path) -> None:
    folder = place / "dest"
    make("install", f"DESTDIR={folder}")
    report.equal("make install: files", map(str, files_below(folder)), [*expected(), *expected_of_drill()])
    report.check("make install: modes", check_modes(folder))
    report.check("make install: generator", check_generator(folder))
    report.check("make install: program", run_installed(folder))
    report.check("make install: lab", check_lab(folder))
    make("install", f"DESTDIR={folder}")
    report.equal("make install twice", map(str, files_below(folder)), [*expected(), *expected_of_drill()])
    make("uninstall", f"DESTDIR={folder}")
    report.equal("make uninstall", map(str, files_below(folder)), [])
    report.equal("make uninstall: folders", (p for p in [*PRIVATE, "usr/share/doc/lifeboat", "usr/lib/lifeboat", SHARE]
                                            if (folder / p).exists()), [])
    report.check("make install: configuration", check_configuration(place))
    report.check("make install: default configuration", check_example())
    report.check("make install: prefix", check_prefix(place))
    report.check("make install: another prefix", check_rebuilt(place))
