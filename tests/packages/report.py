# SPDX-License-Identifier: GPL-2.0-or-later
"""Results, and how programs are run."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Report:
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, name: str, problems: Iterable[str] | str | None) -> None:
        """No problem is a success; each one is told."""
        found = [problems] if problems and isinstance(problems, str) else list(problems or [])
        if found:
            self.failed += 1
            print(f"FAIL packages {name}: {'; '.join(found[:12])}".replace("\n", " | "), flush=True)
        else:
            self.passed += 1
            print(f"ok packages {name}", flush=True)

    def equal(self, name: str, got: Iterable[str], want: Iterable[str]) -> None:
        """Two sets of lines."""
        got, want = set(got), set(want)
        self.check(name, [f"lacks {x}" for x in sorted(want - got)] +
                   [f"has {x}" for x in sorted(got - want)])

    def skip(self, name: str, why: str) -> None:
        print(f"SKIP packages {name}: {why}", flush=True)


def run(*argv: str | Path, limit: int = 60, cwd: Path = ROOT,
        **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in English, its output together."""
    return subprocess.run([str(a) for a in argv], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=limit,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **environment})


def make(*args: str, limit: int = 300) -> str:
    """What make printed; it has to succeed. The outer make's variables are none of its own."""
    outer = {name: "" for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    done = run("make", f"-j{os.cpu_count() or 2}", "W=1", *args, limit=limit, **outer)
    if done.returncode:
        raise SystemExit(f"packages: make {' '.join(args)}:\n{done.stdout[-4000:]}")
    return done.stdout


def version() -> str:
    """Of the Makefile."""
    for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION :="):
            return line.split(":=")[1].strip()
    raise SystemExit("packages: the Makefile has no VERSION")


def files_below(folder: Path) -> list[Path]:
    """Everything that is no folder, relative, sorted."""
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
