#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `lifeboat import` makes of the settings of other kdumps, as machines have them.

    tests/imports/run.py LIFEBOAT [--write]

Each folder here is a machine's /etc; NAME.conf is the text that comes of it, NAME.list what is said of each setting.
--write makes both anew, to be read before they are committed. Comments of the settings are our own.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECRETS = ("hunter2", "dontsay")  # all passwords that are in the inputs
PARTIAL = 11


def run(program: Path, *args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), "import", *map(str, args)], capture_output=True, text=True,
                          timeout=20, check=False)


def inputs(machine: Path) -> str:
    return "\n".join(p.read_text() for p in sorted((machine / "etc").rglob("*")) if p.is_file())


def check_secrets(texts: list[str]) -> Iterator[str]:
    for secret in SECRETS:
        if any(secret in text for text in texts):
            yield f"'{secret}' is told"


def check_machine(program: Path, machine: Path, write: bool) -> Iterator[str]:
    """Text and list are as they were, all ways of asking agree, and the status says whether something was lost."""
    plain = run(program, "--root", machine)
    told = run(program, "--root", machine, "--dry-run")
    if write:
        machine.with_suffix(".conf").write_text(plain.stdout)
        machine.with_suffix(".list").write_text(told.stdout)
    if plain.stdout != machine.with_suffix(".conf").read_text():
        yield "the text is another one"
    if told.stdout != machine.with_suffix(".list").read_text():
        yield "the list is another one"
    if told.stdout not in plain.stderr:
        yield "without -o the list is not on standard error"
    found = json.loads(run(program, "--root", machine, "--json").stdout)
    lost = [s for s in found["settings"] if s["outcome"] == "lost"]
    if found["text"] != plain.stdout or len(lost) != found["lost"]:
        yield "--json says something else"
    if {plain.returncode, told.returncode} != {PARTIAL if lost else 0}:
        yield f"status {plain.returncode} with {len(lost)} lost"
    if plain.stdout.count("\n# lost: ") != len(lost):
        yield "what is lost is not all in the text"
    yield from check_secrets([plain.stdout, plain.stderr, told.stdout, json.dumps(found)])
    # every setting is somewhere in the list: by its name
    for name in re.findall(r"^(\w+)=[\"']?[^\s\"']", inputs(machine), re.M):
        if name not in told.stdout and not name.startswith("KDUMP_SYSCTL"):
            yield f"{name} is not in the list"


def test_out(program: Path) -> Iterator[str]:
    """A file that is there is not overwritten, unless it is to be."""
    machine = HERE / "debian-shipped"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lifeboat.conf"
        first = run(program, "--root", machine, "-o", out)
        text = out.read_text() if out.exists() else ""
        if first.returncode or text != (HERE / "debian-shipped.conf").read_text():
            yield f"-o: {first.returncode} {first.stderr}"
        if first.stdout != (HERE / "debian-shipped.list").read_text():
            yield "-o: the list is not on standard output"
        out.write_text("mine")
        again = run(program, "--root", machine, "-o", out)
        if again.returncode != 2 or out.read_text() != "mine" or "--force" not in again.stderr:
            yield f"it was overwritten: {again.returncode} {again.stderr}"
        forced = run(program, "--root", machine, "-o", out, "--force")
        if forced.returncode or out.read_text() != text:
            yield f"--force: {forced.returncode} {forced.stderr}"
        out.unlink()
        out.symlink_to(Path(folder) / "elsewhere")
        if run(program, "--root", machine, "-o", out).returncode != 2:
            yield "a dangling link is taken for no file"


def test_families(program: Path) -> Iterator[str]:
    """Which settings are there decides; where that is not clear somebody has to say."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        none = run(program, "--root", root)
        if none.returncode != 6 or "say --from" not in none.stderr:
            yield f"nothing there: {none.returncode} {none.stderr}"
        for path, text in (("etc/kdump.conf", "path /a\n"),
                           ("etc/default/kdump-tools", "KDUMP_COREDIR=/b\n")):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        both = run(program, "--root", root)
        if both.returncode != 2 or "--from" not in both.stderr:
            yield f"two families: {both.returncode} {both.stderr}"
        for family, want in (("kdump", "path /a"), ("debian", "path /b")):
            one = run(program, "--root", root, "--from", family)
            if one.returncode or f"\n{want}\n" not in one.stdout:
                yield f"--from {family}: {one.returncode} {one.stdout}"
        file = root / "settings"
        file.write_text("KDUMP_SAVEDIR=/c\n")
        if run(program, file).returncode != 2:
            yield "a file of any name is taken for something"
        named = run(program, "--from", "suse", file)
        if named.returncode or "\npath /c\n" not in named.stdout:
            yield f"a named file: {named.returncode} {named.stderr}"
        guessed = run(program, root / "etc/kdump.conf", file)
        if guessed.returncode != PARTIAL or "KDUMP_SAVEDIR" not in guessed.stderr:
            yield f"two files: {guessed.returncode} {guessed.stderr}"


def main() -> int:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    program, write = Path(sys.argv[1]).resolve(), "--write" in sys.argv
    results = {machine.name: list(check_machine(program, machine, write))
               for machine in sorted(HERE.iterdir()) if (machine / "etc").is_dir()}
    results["out"] = list(test_out(program))
    results["families"] = list(test_families(program))
    for name, found in results.items():
        print(f"FAIL import {name}: {'; '.join(found)}" if found else f"ok import {name}")
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
