# SPDX-License-Identifier: GPL-2.0-or-later
"""The C command: what it refuses itself, and which lab it hands over to."""

import argparse
import json
import os
import shutil
import subprocess
from pathlib import Path

from lab.drill import result as results
from lab.drill.__main__ import make_parser
from lab.paths import ROOT, build_dir

from . import fakes

LIFEBOAT = build_dir() / "lifeboat"
USAGE, CORRUPT, NOT_FOUND = 2, 4, 6
# Stands in for the lab: it says what it was given.
ECHO = "import json, os, sys\nprint(json.dumps({'words': sys.argv[1:], 'env': dict(os.environ), 'path': sys.path}))\n"


Done = subprocess.CompletedProcess[str]


def lifeboat(*words: str, program: Path = LIFEBOAT, cwd: Path | None = None, **more: str) -> Done:
    """One call of the command."""
    known = {name: value for name, value in os.environ.items() if name not in ("LIFEBOAT_LAB", "LIFEBOAT_BUILD", "PYTHONPATH")}
    return subprocess.run([program, "drill", *words], capture_output=True, text=True, timeout=60, check=False, cwd=cwd,
                          env={**known, **more})


def make_lab(folder: Path, text: str = ECHO) -> Path:
    """A folder with a lab in it."""
    (folder / "lab/drill").mkdir(parents=True)
    for name in ("lab/__init__.py", "lab/drill/__init__.py"):
        (folder / name).touch()
    (folder / "lab/drill/__main__.py").write_text(text)
    return folder


def test_same_options(folder: Path) -> None:
    """The two tables have the same options, with values or without."""
    said = subprocess.run([LIFEBOAT, "completion", "--json"], capture_output=True, text=True, timeout=60, check=True)
    (command,) = (one for one in json.loads(said.stdout)["commands"] if one["name"] == "drill")
    ours = {f"--{one['name']}": bool(one["value"]) for one in command["options"]}
    parser: argparse.ArgumentParser = make_parser()
    theirs = {one.option_strings[0]: one.nargs != 0 for one in parser._actions if one.option_strings}
    assert ours == theirs, (ours, theirs)


def test_words(folder: Path) -> None:
    """Everything arrives, short options by their long names, in an order that Python's parser takes."""
    lab = make_lab(folder)
    words = ["-av", "--list", "-t", "nfs", "--target=ssh", "-fa+b", "-k", "running", "-c", "96M", "-j", "3", "-o", "out dir",
             "--keep", "--json"]
    said = json.loads(lifeboat(*words, LIFEBOAT_LAB=str(lab)).stdout)
    parsed = make_parser().parse_args(said["words"])
    assert (parsed.all, parsed.list, parsed.json, parsed.keep, parsed.verbose) == (True,) * 5
    assert (parsed.target, parsed.fault, parsed.kernel, parsed.crashkernel) == (["nfs", "ssh"], ["a+b"], ["running"], ["96M"])
    assert parsed.jobs == 3 and parsed.out == Path("out dir") and parsed.words == []
    said = json.loads(lifeboat("--compare", "--threshold", "10", "--", "-a.json", "b c", LIFEBOAT_LAB=str(lab)).stdout)
    parsed = make_parser().parse_args(said["words"])
    assert parsed.compare and parsed.threshold == 10 and parsed.words == ["-a.json", "b c"], said["words"]


def test_refused(folder: Path) -> None:
    lab = str(make_lab(folder))
    wrong = (["--compare", "one"], ["--compare", "a", "b", "--all"], ["--compare", "a", "b", "--target", "nfs"],
             ["--threshold", "5"], ["--all", "quick"], ["--jobs", "0"], ["--jobs", "many"], ["--target", "--all"], ["--out", ""], ["--no-such"])
    for words in wrong:
        done = lifeboat(*words, LIFEBOAT_LAB=lab)
        assert done.returncode == USAGE and not done.stdout and done.stderr.startswith("lifeboat drill: "), (words, done)


def test_own_lab(folder: Path) -> None:
    """A build tree's program takes its own lab and programs, and nothing of where the caller is."""
    tree = make_lab(folder / "tree")
    build = tree / "build/san-thread"
    build.mkdir(parents=True)
    copy = shutil.copy(LIFEBOAT, build / "lifeboat")
    elsewhere = make_lab(folder / "elsewhere", "print('the wrong one')\n")
    for program in (Path(copy), Path(shutil.copy(LIFEBOAT, tree / "build/lifeboat"))):
        said = json.loads(lifeboat(program=program, cwd=elsewhere, PYTHONPATH=str(elsewhere)).stdout)
        assert os.path.samefile(said["env"]["PYTHONPATH"], tree)
        assert os.path.samefile(said["env"]["LIFEBOAT_BUILD"], program.parent)
        assert str(elsewhere) not in said["path"] and "" not in said["path"]


def test_real_lab(folder: Path) -> None:
    """The program that was built hands over to the lab of this tree."""
    done = lifeboat("--list", "--json", "quick", cwd=folder)
    found = json.loads(done.stdout)
    assert [run["id"] for run in found["runs"]] == ["quick"] and found["tool"].startswith("lifeboat "), done
    done = lifeboat("quikc", cwd=folder)
    told = "lifeboat drill: there is no scenario or tag 'quikc'; did you mean quick?\n"
    assert done.returncode == USAGE and done.stderr == told


def test_comparing(folder: Path) -> None:
    """The exit status tells what is worse from what cannot be read."""
    old, worse = folder / "old.json", folder / "worse.json"
    results.write(fakes.drill(fakes.result("a")), old)
    results.write(fakes.drill(fakes.failed("a", "x: y")), worse)
    (folder / "other").write_text("{}")
    for words, status in (([old, old], 0), ([worse, old], 0), ([old, worse], 1), ([old, folder / "other"], CORRUPT),
                          ([folder / "none", old], NOT_FOUND)):
        done = lifeboat("--compare", *map(str, words))
        assert done.returncode == status and "Traceback" not in done.stderr, (words, done)
        done = lifeboat("--compare", "--json", *map(str, words))
        assert done.returncode == status and (status > 1 or len(json.loads(done.stdout)["regressions"]) == status), done


def test_no_lab(folder: Path) -> None:
    """Without a lab or Python the message names the package."""
    done = lifeboat(LIFEBOAT_LAB=str(folder))
    assert done.returncode == NOT_FOUND and str(folder) in done.stderr
    alone = Path(shutil.copy(LIFEBOAT, folder / "lifeboat"))
    if not Path("/usr/share/lifeboat/lab").exists():
        done = lifeboat(program=alone)
        assert done.returncode == NOT_FOUND and "package lifeboat-drill" in done.stderr, done


def test_no_qemu(folder: Path) -> None:
    """What is missing is named with its package, before anything is begun."""
    tools = folder / "tools"
    tools.mkdir()
    os.symlink(shutil.which("python3") or "", tools / "python3")
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from lab.drill import __main__ as command
command.TOOLS = {{"no-such-qemu": "qemu-package"}}
sys.exit(command.main(["quick", "--out", {str(folder / 'out')!r}]))
"""
    done = subprocess.run(["python3", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    told = "no-such-qemu is not installed: it is in the package qemu-package"
    assert done.returncode == NOT_FOUND and told in done.stderr, done
    assert not (folder / "out").exists()
