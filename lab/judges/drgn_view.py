# SPDX-License-Identifier: GPL-2.0-or-later
"""drgn's view of a dump, as JSON; a program of its own so that it can be bounded in time.

Only Debian's /usr/bin/python3 has drgn.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import LabError
from ..paths import ROOT
from ..proc import run

PYTHON = "/usr/bin/python3"
PAGE_SIZE = 4096


def ask(what: str, dump: Path, vmlinux: Path, numbers: Sequence[int] = ()) -> dict[str, Any]:
    """Run this file on a dump and return what it saw."""
    argv: list[str | Path] = [PYTHON, "-m", __name__, what, dump, vmlinux]
    done = run(argv, cwd=ROOT, seconds=180, stdin=json.dumps(list(numbers)))
    try:
        view = json.loads(done.stdout)
    except ValueError as err:
        raise LabError(f"drgn printed no JSON: {done.stdout!r} {done.stderr!r}") from err
    assert isinstance(view, dict)
    return view


def view_tasks(prog: Any) -> dict[str, Any]:
    """The kernel's release and the names of its tasks."""
    from drgn.helpers.linux.pid import for_each_task

    return {
        "release": prog["init_uts_ns"].name.release.string_().decode(),
        "tasks": [task.comm.string_().decode() for task in for_each_task(prog)],
    }


def view_pages(prog: Any) -> dict[str, Any]:
    """The struct pages of the PFNs given on stdin: what a filter has to decide by."""
    from drgn.helpers.linux.mm import decode_page_flags, pfn_to_page

    view = {}
    for pfn in json.load(sys.stdin):
        page = pfn_to_page(prog, pfn)
        words = prog.read(page.value_(), page.type_.type.size)
        view[str(pfn)] = {
            "flags": hex(page.flags.value_()),
            "names": decode_page_flags(page),
            "mapping": hex(page.mapping.value_()),
            "compound_head": hex(page.compound_head.value_()),
            "private": hex(page.private.value_()),
            "mapcount": page._mapcount.counter.value_(),
            "refcount": page._refcount.counter.value_(),
            "raw": words.hex(),
        }
    return view


def main() -> None:
    """Open the dump and print what was asked for."""
    import drgn

    what, dump, vmlinux = sys.argv[1:]
    prog = drgn.Program()
    prog.set_core_dump(dump)
    prog.load_debug_info([vmlinux])
    print(json.dumps({"tasks": view_tasks, "pages": view_pages}[what](prog)))


if __name__ == "__main__":
    main()
