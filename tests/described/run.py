#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps that are described in text, made by mkdump.py, go through our commands.

    tests/described/run.py LIFEBOAT

For a description with `expect` lines: at every dump level the page frames that `lifeboat filter` keeps
are those that the classes imply, and every kept page has the bytes of the input; both are seen with
readers that share no code with ours. For the damaged ones: exit status and message of BROKEN.
"""

import sys
import tempfile
from pathlib import Path

import forms
import reports
from dumps import (CORRUPT, HERE, elf_memory, expectations, make, pages_of, run, unflatten,
                   wanted)
from lab import kdump  # dumps.py knows where the lab is

UNSUPPORTED, NOT_FOUND = 5, 6

# description → (command, exit status, what the message must contain)
BROKEN = {
    "elf-bad-root": (["filter", "-d", "31"], CORRUPT, "mem_section root 0 is 0xffff8880deadb000"),
    "elf-cut": (["filter"], CORRUPT, "reach past the end of the file"),
    "elf-no-vmcoreinfo": (["filter"], NOT_FOUND, "has no VMCOREINFO note"),
    "elf-overflow": (["info"], CORRUPT, "p_paddr 0xfffffffffffff000 + p_memsz 0x8000 overflows"),
    "elf-overlap": (["info"], CORRUPT, "PT_LOADs overlap"),
    "flat-bad-record": (["info"], CORRUPT, "0x0 bytes for offset 0x1000 are no part of a file"),
    "kcore-counters": (["filter"], UNSUPPORTED, "is the memory of the running machine"),
    "kcore": (["filter"], UNSUPPORTED, "is the memory of the running machine"),
    "kdump-bad-bitmap": (["info"], CORRUPT, "are not two bitmaps"),
}

LEVELS = range(32)
LAYOUT_LEVELS = (0, 2, 4, 8, 16, 31)  # one bit each: many dumps differ by their struct page only


def check_level(lifeboat: str, dump: Path, level: int, options: list[str],
                expected: dict[int, list[str]], memory: dict[int, bytes]) -> str | None:
    """None, or what is wrong with the output at this level."""
    out = dump.with_suffix(f".{level}")
    done = run(lifeboat, "filter", "-q", "-f", *options, "-d", str(level), str(dump), str(out))
    where = f"level {level} {' '.join(options)}"
    if done.returncode:
        return f"{where}: exit {done.returncode}: {done.stderr.strip()}"
    try:
        got = dict(pages_of(out, options))
    except ValueError as why:
        return f"{where}: {why}"
    odd = sorted((got.keys() & expected.keys()) ^ wanted(level, expected))[:5]
    if odd:
        return f"{where}: page frames {[hex(p) for p in odd]} differ"
    for pfn, data in got.items():
        if memory.get(pfn) != data:
            return f"{where}: page frame {pfn:#x} has other bytes than the input"
    out.unlink()
    return None


def check_filter(lifeboat: str, description: Path, folder: Path) -> str | None:
    dump = make(description, folder)
    expected = expectations(description)
    memory = elf_memory(unflatten(dump.read_bytes()))
    for level in LAYOUT_LEVELS if description.stem.startswith("layout-") else LEVELS:
        for options in [[], ["-c"], ["-l"], ["-p"], ["-z"]][level % 5], ["-E"]:
            why = check_level(lifeboat, dump, level, options, expected, memory)
            if why:
                return why
    return None


def check_broken(lifeboat: str, name: str, folder: Path) -> str | None:
    command, status, message = BROKEN[name]
    dump = make(HERE / f"{name}.desc", folder)
    out = folder / "out"
    args = [*command, str(dump)] + ([str(out)] if command[0] == "filter" else [])
    done = run(lifeboat, *args)
    if done.returncode != status or message not in done.stderr:
        return f"exit {done.returncode}, '{done.stderr.strip()}'"
    left = [p.name for p in folder.iterdir() if p.name.startswith("out")]
    return f"left {left} behind" if left else None


def check_makedumpfile(lifeboat: str, folder: Path) -> str | None:
    """Called by makedumpfile's name the program takes its command lines and refuses what it lacks."""
    dump = make(HERE / "x86_64-4level.desc", folder)
    name = folder / "makedumpfile"
    name.symlink_to(lifeboat)
    out = folder / "out"
    line = ["-l", "--message-level", "7", "-d", "31", str(dump), str(out)]
    done = run(str(name), *line)
    if done.returncode or kdump.Kdump(out).level != 31:
        return f"{' '.join(line[:-2])}: exit {done.returncode}: {done.stderr.strip()}"
    if run(str(name), *line).returncode == 0:
        return "replaced a file without -f"
    done = run(str(name), "--eppic", "-d", "31", str(dump), str(out))
    if done.returncode != UNSUPPORTED or "--eppic" not in done.stderr:
        return f"--eppic: exit {done.returncode}: {done.stderr.strip()}"
    return None


def check_opens(lifeboat: str, description: Path, folder: Path) -> str | None:
    """A dump that is neither Linux nor damaged where `info` looks; it knows whether one is incomplete."""
    done = run(lifeboat, "info", str(make(description, folder)))
    if done.returncode:
        return f"exit {done.returncode}: {done.stderr.strip()}"
    if description.stem.endswith("-incomplete") != ("says that it is incomplete" in done.stdout):
        return f"wrong about whether it is incomplete: {done.stdout}"
    return None


def report(name: str, why: str | None) -> bool:
    """One result line; True if it is a failure."""
    print(f"FAIL described {name}: {why}" if why else f"ok described {name}", flush=True)
    return why is not None


def main() -> int:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    lifeboat = str(Path(sys.argv[1]).resolve())
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for description in sorted(HERE.glob("*.desc")):
            name = description.stem
            if name in BROKEN:
                why = check_broken(lifeboat, name, folder)
            elif expectations(description):
                why = check_filter(lifeboat, description, folder)
            else:
                why = check_opens(lifeboat, description, folder)
            failed += report(name, why)
        failed += report("makedumpfile", check_makedumpfile(lifeboat, folder))
        for check in *forms.CHECKS, *reports.CHECKS:
            name = check.__name__.removeprefix("check_").replace("_", "-")
            failed += report(name, check(lifeboat, Path(tempfile.mkdtemp(dir=folder))))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
