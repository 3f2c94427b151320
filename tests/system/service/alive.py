# SPDX-License-Identifier: GPL-2.0-or-later
"""The running machine, read through /proc/kcore: it is what /proc says of it."""

import re

from lab.checks import Checks
from lab.live import Live

from .machine import parsed

SYMBOLS = ("panic", "init_task", "vfs_read", "linux_banner")
# What a dump of Debian's kernel can tell, by the names of `lifeboat doctor`.
READABLE = {"vmcoreinfo", "log", "registers", "symbols", "symbol tables", "variables", "types", "modules", "module types",
            "tasks", "stacks", "memory"}
DOCTOR_OK = {0, 11}
SECONDS = 240
# The kernel leaves the scheduler's own functions out of /proc/PID/stack, and pid 1 may wake between two looks.
STACK = """
for i in 1 2 3 4 5; do
	before=$(cat /proc/1/stack)
	ours=$(lifeboat bt --live 1 | sed -n 's/^ *[0-9]* \\[[0-9a-f]*\\] //p')
	[ "$before" = "$(cat /proc/1/stack)" ] && break
done
echo "$before" | sed 's/.*<0>\\] //'
echo ==
echo "$ours"
"""


def functions(text: str) -> list[str]:
    """Names and offsets of a stack's lines."""
    return re.findall(r"^(\S+\+0x[0-9a-f]+/0x[0-9a-f]+)", text, re.MULTILINE)


def judge_doctor(guest: Live, checks: Checks) -> None:
    """Nothing that matters is missing, and it was tried."""
    done = guest.run("lifeboat doctor --json 2>/dev/null", SECONDS)
    told = parsed(done.output)
    there = {rung["name"] for rung in told["readable"] if rung["there"]}
    checks.expect("doctor-status", done.status in DOCTOR_OK and told["armed"], f"{done.status}: {done.output}")
    checks.expect("doctor-tried", told["tried"], str(told.get("not_tried")))
    checks.expect("doctor-readable", READABLE <= there, f"missing: {sorted(READABLE - there)} of {told['readable']}")
    counted = told["dump"]["not_counted"] is None and told["dump"]["file_bytes"] > 0
    checks.expect("doctor-size", counted, str(told["dump"]))


def judge_live(guest: Live, checks: Checks) -> None:
    """Symbols, tasks, modules, a stack and a whole report."""
    judge_doctor(guest, checks)
    ours = guest.must(f"lifeboat sym --live {' '.join(SYMBOLS)}").split("\n")
    wanted = {line.split()[2]: line.split()[0] for line in
              guest.must(f"grep -E ' ({'|'.join(SYMBOLS)})$' /proc/kallsyms").split("\n") if line}
    got = {line.split()[2].partition("+")[0]: line.split()[0] for line in ours if line}
    checks.expect("live-symbols", got == wanted and len(got) == len(SYMBOLS), f"{got} instead of {wanted}")
    names = {module["name"] for module in parsed(guest.must("lifeboat mod --live --json"))["modules"]}
    loaded = set(guest.must("cut -d' ' -f1 /proc/modules").split())
    checks.expect("live-modules", names == loaded, str(names ^ loaded))
    before = set(map(int, guest.must("ls /proc | grep '^[0-9]'").split()))
    tasks = {task["pid"] for task in parsed(guest.must("lifeboat ps --live --json"))["tasks"]}
    after = set(map(int, guest.must("ls /proc | grep '^[0-9]'").split()))
    checks.expect("live-tasks", before & after <= tasks, str(sorted((before & after) - tasks)))
    theirs, _, mine = guest.must(STACK).partition("==")
    stack, full = functions(theirs), functions(mine)
    checks.expect("live-stack", bool(stack) and full[-len(stack):] == stack, f"{full} instead of {stack}")
    done = guest.run("lifeboat report --live", SECONDS)
    checks.expect("live-report", done.status == 0 and "--- Memory" in done.output, done.output)
