# SPDX-License-Identifier: GPL-2.0-or-later
"""All tasks of a dump as drgn sees them with the kernel's debug information, as JSON: names, states, stacks, slabs.

A program of its own, as drgn_view. Frames are those that exist on the stack, not functions that were inlined, by the symbols
that the kernel's ELF file has for them.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ..errors import LabError
from .drgn_view import PYTHON, run_drgn

SECONDS = 240
SYMBOL_TYPES = {"NOTYPE", "OBJECT", "FUNC"}


def ask(dump: Path, vmlinux: Path) -> dict[str, Any]:
    """Run this file on a dump and return what it saw."""
    done = run_drgn([PYTHON, "-m", __name__, dump, vmlinux], SECONDS)
    try:
        said = json.loads(done.stdout)
    except ValueError as err:
        raise LabError(f"drgn printed no JSON: {done.stdout[:500]!r} {done.stderr!r}") from err
    assert isinstance(said, dict)
    return said


def frames_of(prog: Any, task: Any) -> list[list[Any]]:
    """Address, symbol and whether it was interrupted there, of each frame on the stack."""
    found = []
    try:
        trace = prog.stack_trace(task)
    except (LookupError, ValueError) as err:
        return [[0, str(err), False]]
    for frame in trace:
        if frame.is_inline:
            continue
        try:
            pc = frame.pc
        except LookupError:
            break  # it has lost its way
        try:
            name = frame.symbol().name
        except LookupError:
            name = ""
        found.append([pc, name, frame.interrupted])
    return found


def task_of(prog: Any, task: Any) -> dict[str, Any]:
    """One thread."""
    from drgn.helpers.linux.sched import task_cpu, task_state_to_char

    return {
        "pid": task.pid.value_(),
        "tgid": task.tgid.value_(),
        "ppid": task.real_parent.tgid.value_(),
        "task": task.value_(),
        "comm": task.comm.string_().decode("utf-8", "replace"),
        "state": task_state_to_char(task),
        "cpu": task_cpu(task),
        "on_cpu": bool(task.on_cpu.value_()),
        "runs": task.sched_info.pcount.value_(),
        "stack": task.stack.value_(),
        "frames": frames_of(prog, task),
    }


def view(prog: Any) -> dict[str, Any]:
    """All that is compared."""
    from drgn.helpers.linux.cpumask import for_each_possible_cpu
    from drgn.helpers.linux.pid import for_each_task
    from drgn.helpers.linux.sched import idle_task
    from drgn.helpers.linux.slab import for_each_slab_cache

    idle = [idle_task(prog, cpu) for cpu in for_each_possible_cpu(prog)]
    caches = [
        [c.name.string_().decode(), c.object_size.value_(), c.size.value_()]
        for c in for_each_slab_cache(prog)
    ]
    return {
        "tasks": [task_of(prog, task) for task in [*idle, *for_each_task(prog)]],
        "panic_cpu": prog["panic_cpu"].counter.value_(),
        "slabs": caches,
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
