#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the house rules say and a machine can see: one `ok NAME` or `FAIL NAME: why` line a rule.

Run from anywhere after `make`; the rules on symbols look at the object files in build/obj.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lint_manual

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ["base", "format", "arch", "image", "filter", "loader", "capture", "config", "initramfs",
             "service", "proof", "crash", "debuginfo", "report", "storage", "net", "crypt", "send"]
PROGRAMS = {"capture/init.c", "send/main.c"}  # a main() among libraries
MAX_FUNCTION_LINES = 100

# Who may include whom: room → rooms, or single headers of a room. A room may include itself.
MAY_INCLUDE = {
    "base": [],
    "format": ["base"],
    "arch": ["base", "format"],
    "image": ["base", "format", "arch"],
    "filter": ["base", "format", "arch", "image"],
    "loader": ["base", "format", "arch"],
    "crash": ["base"],
    "storage": ["base"],
    "net": ["base"],
    "crypt": ["base"],
    "send": ["base"],
    "debuginfo": ["base", "format", "arch", "image"],
    "report": ["base", "format", "arch", "image", "crash", "debuginfo"],
    "capture": ["base", "format", "image", "filter/filter.h", "crash", "storage", "net", "crypt",
                "send/job.h"],
    "config": ["base", "capture/recipe.h", "storage", "net", "crypt", "send/credentials.h",
               "send/url.h"],
    "initramfs": ["base", "capture/recipe.h"],
    "service": ["base", "format", "arch", "loader", "capture", "config", "initramfs", "crash",
                "storage", "net", "crypt"],
    "proof": ["base", "format", "loader", "capture", "config", "initramfs", "service", "storage",
              "net", "crypt"],
    "cmd": LIBRARIES,
    "lab": LIBRARIES,
    "tests": LIBRARIES,
}

# Prefixes that are not the name of a header in the symbol's own room.
EXTRA_PREFIXES = {
    "send": ["send"],
    "format": ["view", "compressor", "decompressor"],
    "arch": ["x86_64", "arm64", "arch", "segments"],
    "base": ["ranges"],
    "loader": ["facts"],
    "capture": ["crash"],
    "image": ["cpu", "iomem", "runqueues", "stacks"],
    "storage": ["storage", "layers"],
}


def tracked(*patterns: str) -> list[Path]:
    """Files of the project: what git tracks and what it does not ignore."""
    out = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(line) for line in out.splitlines() if (ROOT / line).is_file()]


def text_of(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def rule_includes() -> Iterator[str]:
    """Layers: no room includes what stands above or beside it."""
    for path in tracked("*.c", "*.h"):
        room = path.parts[0]
        if path.parent == Path("lab/crasher"):
            continue  # a kernel module: Kbuild finds its headers beside it
        allowed = MAY_INCLUDE.get(room)
        if allowed is None:
            yield f"{path}: room '{room}' has no include rule"
            continue
        for header in re.findall(r'^#include "([^"]+)"', text_of(path), re.M):
            target = header.split("/")[0]
            if target != room and target not in allowed and header not in allowed:
                yield f"{path}: includes {header}"


def rule_spdx() -> Iterator[str]:
    """Every source file names its licence in one of its first two lines."""
    for path in tracked("*.c", "*.h", "*.py", "*.sh", "bootstrap", ".ci/run", "Makefile",
                        "packaging/*", "service/units/*", "service/kernel/*", "debian/rules"):
        head = text_of(path).splitlines()[:2]
        if not any("SPDX-License-Identifier: GPL-2.0-or-later" in line for line in head):
            yield str(path)


def rule_function_length() -> Iterator[str]:
    """A function fits a screen; none is over the limit."""
    for path in tracked("*.c"):
        start = 0
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                if number - start > MAX_FUNCTION_LINES:
                    yield f"{path}:{start}: {number - start} lines"
                start = 0


def rule_format() -> Iterator[str]:
    """The layout is clang-format's business."""
    files = [str(p) for p in tracked("*.c", "*.h")]
    run = subprocess.run(["clang-format", "--dry-run", *files], cwd=ROOT, capture_output=True,
                         text=True)
    seen = {line.split(":")[0] for line in run.stderr.splitlines() if "warning" in line}
    yield from sorted(seen)


def rule_shell() -> Iterator[str]:
    """Shell scripts pass shellcheck."""
    files = [str(p) for p in tracked("bootstrap", ".ci/run", "*.sh", "packaging/make-deb")]
    run = subprocess.run(["shellcheck", *files], cwd=ROOT, capture_output=True, text=True)
    if run.returncode:
        yield run.stdout.strip() or run.stderr.strip()


def rule_libraries_are_silent() -> Iterator[str]:
    """Libraries neither print nor exit; base/log and base/opt write where they are told to."""
    forbidden = re.compile(r"(?<![>.])\b(printf|puts|perror|exit|abort|errx|warnx)\s*\(")
    for path in tracked(*(f"{room}/*.c" for room in LIBRARIES)):
        if str(path) in PROGRAMS:
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if forbidden.search(re.sub(r'"(\\.|[^"])*"', '""', line.split("//")[0])):
                if not line.lstrip().startswith("*"):
                    yield f"{path}:{number}: {line.strip()}"


def symbols(obj: Path) -> Iterator[tuple[str, str, str]]:
    """(binding letter, section, name) of an object's symbols."""
    out = subprocess.run(["objdump", "-t", str(obj)], check=True, capture_output=True,
                         text=True).stdout
    for line in out.splitlines():
        match = re.match(r"^[0-9a-f]+ (.{7}) (\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$", line)
        if match:
            yield match.group(1), match.group(2), match.group(3)


def library_objects() -> list[Path]:
    built = [ROOT / "build/obj" / p.with_suffix(".o")
             for p in tracked(*(f"{room}/*.c" for room in LIBRARIES)) if str(p) not in PROGRAMS]
    missing = [str(o.relative_to(ROOT)) for o in built if not o.is_file()]
    if missing:
        raise SystemExit(f"lint: build first, {missing[0]} is missing")
    return built


def rule_no_globals() -> Iterator[str]:
    """Libraries keep no mutable state outside their callers' objects."""
    for obj in library_objects():
        for flags, section, name in symbols(obj):
            if "O" in flags and re.match(r"\.(data|bss|tdata|tbss)(?!\.rel\.ro)", section):
                yield f"{obj.relative_to(ROOT)}: {name} in {section}"


def rule_prefixes() -> Iterator[str]:
    """An exported symbol begins with the name of a header of its room."""
    for obj in library_objects():
        room = obj.relative_to(ROOT / "build/obj").parts[0]
        stems = {h.stem for h in tracked(f"{room}/*.h")} | set(EXTRA_PREFIXES.get(room, []))
        for flags, section, name in symbols(obj):
            if flags[0] == "g" and section not in ("*UND*", ".group"):
                if not any(name == s or name.startswith(s + "_") for s in stems):
                    yield f"{obj.relative_to(ROOT)}: {name}"


def rule_configuration_and_manual() -> Iterator[str]:
    """Every key of the configuration stands in its manual page, and in the example unless it is refused."""
    table = text_of(Path("config/keys.c")).split("static const struct key keys[] = {")[1]
    rows = re.findall(r'(\w+)\("(\w+)"|\.name = "(\w+)"', table.split("\n};")[0])
    manual = re.sub(r"\\f[BIRP]|\\", " ", text_of(Path("docs/man/lifeboat.conf.5")))
    example = text_of(Path("docs/lifeboat.conf.example"))
    if len(rows) < 2:
        yield "config/keys.c: no table of keys is found"
    for macro, *names in rows:
        key = "".join(names)
        if not re.search(rf"\b{key}\b", manual):
            yield f"{key} is not in lifeboat.conf.5"
        if macro != "REFUSED" and not re.search(rf"\b{key}\b", example):
            yield f"{key} is not in lifeboat.conf.example"


def rule_no_machine_paths() -> Iterator[str]:
    """Nothing names the folder that this checkout happens to lie in."""
    # a short path ("/lifeboat") may stand in a file for another reason
    needles = [f"{place}/" for place in (ROOT, ROOT.parent) if len(place.parts) > 2]
    for path in tracked():
        try:
            text = text_of(path)
        except UnicodeDecodeError:
            continue  # a seed of a fuzzer
        if any(needle in text for needle in needles):
            yield str(path)


RULES = [rule_includes, rule_spdx, rule_function_length, rule_format, rule_shell,
         rule_libraries_are_silent, rule_no_globals, rule_prefixes,
         rule_configuration_and_manual, rule_no_machine_paths, *lint_manual.RULES]


def main() -> int:
    for tool in ("clang-format", "shellcheck", "objdump", "git"):
        if not shutil.which(tool):
            raise SystemExit(f"lint: {tool} is not installed; ./bootstrap check installs it")
    failed = 0
    for rule in RULES:
        name = rule.__name__.removeprefix("rule_")
        found = list(rule())
        failed += bool(found)
        print(f"FAIL lint {name}: {'; '.join(found[:8])}" if found else f"ok lint {name}",
              flush=True)
    print(f"{len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
