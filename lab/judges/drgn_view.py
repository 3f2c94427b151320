# SPDX-License-Identifier: GPL-2.0-or-later
"""drgn's view of a dump, as JSON; a program of its own so that it can be bounded in time.

Only Debian's /usr/bin/python3 has drgn.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ..errors import LabError
from ..paths import ROOT
from ..proc import run

PYTHON = "/usr/bin/python3"


def ask(dump: Path, vmlinux: Path) -> dict[str, Any]:
    """Run this file on a dump and return what it saw."""
    argv: list[str | Path] = [PYTHON, "-m", __name__, dump, vmlinux]
    done = run(argv, cwd=ROOT, seconds=180)
    try:
        said = json.loads(done.stdout)
    except ValueError as err:
        raise LabError(f"drgn printed no JSON: {done.stdout!r} {done.stderr!r}") from err
    assert isinstance(said, dict)
    return said


def view(prog: Any) -> dict[str, Any]:
    """The kernel's release and the names of its tasks."""
    from drgn.helpers.linux.pid import for_each_task

    return {
        "release": prog["init_uts_ns"].name.release.string_().decode(),
        "tasks": [task.comm.string_().decode() for task in for_each_task(prog)],
    }


def main() -> None:
    """Open the dump and print what is in it."""
    import drgn

    dump, vmlinux = sys.argv[1:]
    prog = drgn.Program()
    prog.set_core_dump(dump)
    prog.load_debug_info([vmlinux])
    print(json.dumps(view(prog)))


if __name__ == "__main__":
    main()
