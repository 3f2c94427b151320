# SPDX-License-Identifier: GPL-2.0-or-later
"""A first look at a dump by drgn with debug information, as text: about what `lifeboat report` tells.

A program for /usr/bin/python3, which has drgn. Log, the stacks of the CPUs and of blocked tasks, tasks, memory, slab
caches, modules, command line.
"""

import sys
from collections.abc import Iterator
from typing import Any


def stacks(prog: Any) -> Iterator[str]:
    """What was on each CPU, the one that panicked first, and what blocked tasks wait for."""
    from drgn.helpers.linux.cpumask import for_each_online_cpu
    from drgn.helpers.linux.pid import for_each_task
    from drgn.helpers.linux.percpu import per_cpu
    from drgn.helpers.linux.sched import task_state_to_char

    yield str(prog.crashed_thread().stack_trace())
    for cpu in for_each_online_cpu(prog):
        yield str(prog.stack_trace(per_cpu(prog["runqueues"], cpu).curr))
    for task in for_each_task(prog):
        state = task_state_to_char(task)
        yield f"{task.pid.value_()} {state} {task.comm.string_().decode()}"
        if state == "D":
            yield str(prog.stack_trace(task))


def memory(prog: Any) -> Iterator[str]:
    """Counters, and the objects of each slab cache."""
    from drgn.helpers.linux.slab import for_each_slab_cache

    for name, counters in (("zone_stat_item", "vm_zone_stat"), ("node_stat_item", "vm_node_stat")):
        for item, value in prog.type(f"enum {name}").enumerators[:-1]:
            yield f"{item} {prog[counters][value].counter.value_()}"
    for cache in for_each_slab_cache(prog):
        total = sum(
            node.total_objects.counter.value_() for node in (cache.node[i] for i in range(1)) if node
        )
        yield f"{cache.name.string_().decode()} {total} {cache.size.value_()}"


def modules(prog: Any) -> Iterator[str]:
    """Names and taints."""
    from drgn.helpers.linux.list import list_for_each_entry

    for module in list_for_each_entry("struct module", prog["modules"].address_of_(), "list"):
        yield f"{module.name.string_().decode()} {module.taints.value_():#x}"


def look(prog: Any) -> Iterator[str]:
    """All of it."""
    from drgn.helpers.linux.printk import get_dmesg

    yield prog["init_uts_ns"].name.release.string_().decode()
    yield prog["saved_command_line"].string_().decode()
    yield get_dmesg(prog).decode("utf-8", "replace")
    yield from stacks(prog)
    yield from memory(prog)
    yield from modules(prog)


def main() -> None:
    """Open the dump and print what is in it."""
    import drgn

    dump, vmlinux = sys.argv[1:]
    prog = drgn.Program()
    prog.set_core_dump(dump)
    prog.load_debug_info([vmlinux])
    for text in look(prog):
        print(text)


if __name__ == "__main__":
    main()
