# SPDX-License-Identifier: GPL-2.0-or-later
"""drgn's view of a dump, as JSON; a program of its own so that it can be bounded in time.

Only Debian's /usr/bin/python3 has drgn.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import LabError, Unavailable
from ..paths import ROOT
from ..proc import run

PYTHON = "/usr/bin/python3"


def ask(dump: Path, debug: list[Path]) -> dict[str, Any]:
    """Run this file on a dump, with debug information, and return what it saw."""
    argv: list[str | Path] = [PYTHON, "-m", __name__, dump, *debug]
    done = run_drgn(argv, 180)
    try:
        said = json.loads(done.stdout)
    except ValueError as err:
        raise LabError(f"drgn printed no JSON: {done.stdout!r} {done.stderr!r}") from err
    assert isinstance(said, dict)
    return said


def run_drgn(argv: Sequence[str | Path], seconds: float) -> subprocess.CompletedProcess[str]:
    """A program that imports drgn."""
    try:
        return run(argv, cwd=ROOT, seconds=seconds)
    except LabError as err:
        if "No module named 'drgn'" in str(err):
            raise Unavailable(f"{PYTHON} has no drgn") from err
        raise


def victim(prog: Any) -> dict[str, Any]:
    """The task that was on the CPU that panicked, and its stack."""
    from drgn.helpers.linux.sched import task_cpu

    task = prog.crashed_thread().object
    frames = []
    for frame in prog.stack_trace(task):
        try:
            frames.append(frame.symbol().name)
        except LookupError:
            frames.append("")  # of a module without debug information, or it has lost its way
    return {"pid": task.pid.value_(), "comm": task.comm.string_().decode(), "cpu": task_cpu(task), "frames": frames}


def view(prog: Any) -> dict[str, Any]:
    """The kernel's release and the names of its tasks."""
    from drgn.helpers.linux.pid import for_each_task

    return {
        "release": prog["init_uts_ns"].name.release.string_().decode(),
        "tasks": [task.comm.string_().decode() for task in for_each_task(prog)],
        "victim": victim(prog),
    }


def main() -> None:
    """Open the dump and print what is in it."""
    import drgn

    dump, *debug = sys.argv[1:]
    prog = drgn.Program()
    prog.set_core_dump(dump)
    prog.load_debug_info(debug)
    print(json.dumps(view(prog)))


if __name__ == "__main__":
    main()
