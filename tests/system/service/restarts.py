# SPDX-License-Identifier: GPL-2.0-or-later
"""Stopped and started a hundred times, and restarted as often: nothing is left behind, and a restart leaves the machine unarmed
for no longer than the system call that swaps the panic kernels."""

import re
from statistics import median

from lab.checks import Checks
from lab.errors import LabError
from lab.live import Live

from .machine import Say, afterwards, agree, armed, crash, installed, machine, parsed, sound

ROUNDS = 100
AT_ONCE = 5  # of them in one command
ROUND_SECONDS = 60
SLAB_KIB = 4096  # that caches may differ by
FILES_OPEN = 64
SLACK_SECONDS = 0.25  # the guest's CPUs share those of a busy machine

# The unit may be started as often as anybody wants.
LIMIT = """
mkdir -p /run/systemd/system/lifeboat.service.d
printf '[Unit]\\nStartLimitIntervalSec=0\\n' >/run/systemd/system/lifeboat.service.d/limit.conf
systemctl daemon-reload
"""
# Looks at the kernel's own flag all the time. Prints the number of looks, and the longest time that it was 0, in microseconds.
WATCH = """
cat >/run/watch.sh <<'END'
looks=0 longest=0 since=
while [ ! -e /run/watch-end ]; do
	read -r flag </sys/kernel/kexec_crash_loaded
	now=${EPOCHREALTIME/./} looks=$((looks + 1))
	if [ "$flag" = 0 ]; then
		since=${since:-$now}
	elif [ "$since" ]; then
		[ $((now - since)) -gt $longest ] && longest=$((now - since))
		since=
	fi
done
echo "$looks $longest" >/run/watched
END
systemd-run --quiet bash /run/watch.sh
trace=/sys/kernel/tracing
echo 4096 >$trace/buffer_size_kb
for one in enter exit; do
	echo 1 >$trace/events/syscalls/sys_${one}_kexec_file_load/enable
done
"""
WATCHED = """
touch /run/watch-end
for i in $(seq 100); do
	[ -s /run/watched ] && break
	sleep 0.2
done
cat /run/watched
"""
CALL = re.compile(r"(\d+\.\d+): sys_kexec_file_load(\(| ->)", re.MULTILINE)
LEFT = """
sync
echo 3 >/proc/sys/vm/drop_caches
sleep 1
kib() {
	sed -n "s/^$1: *\\([0-9]*\\).*/\\1/p" /proc/meminfo
}
cat <<END
{"run": $(find /run/lifeboat | wc -l), "lib": $(find /var/lib/lifeboat | wc -l), "tmp": $(find /tmp /var/tmp | wc -l),
"mounts": $(wc -l </proc/self/mountinfo), "slab": $(kib SUnreclaim), "open": $(cut -f1 /proc/sys/fs/file-nr),
"processes": $(ls -d /proc/[0-9]*/exe | while read -r exe; do readlink "$exe" || :; done | wc -l)}
END
"""


def left(guest: Live) -> dict[str, int]:
    """Files of ours, mounts, memory of the kernel, processes."""
    return {name: int(value) for name, value in parsed(guest.must(LEFT)).items()}


def loop(guest: Live, rounds: int, command: str) -> str:
    """The command so many times; what was said if one failed."""
    text = f"set -e; for i in $(seq {AT_ONCE}); do {command}; done"
    for _ in range(0, rounds, AT_ONCE):
        done = guest.run(text, AT_ONCE * ROUND_SECONDS)
        if done.status:
            return f"status {done.status}: {done.output}"
    return ""


def swaps(guest: Live) -> list[float]:
    """How long each system call took, by the kernel's trace of it."""
    text = guest.must("cat /sys/kernel/tracing/trace")
    begun, took = 0.0, []
    for stamp, kind in CALL.findall(text):
        if kind == "(":
            begun = float(stamp)
        else:
            took.append(float(stamp) - begun)
    if not took:
        raise LabError("the kernel has traced no kexec_file_load")
    return took


def judge_swaps(guest: Live, checks: Checks) -> None:
    """Restart it under observation."""
    guest.must(WATCH)
    wrong = loop(guest, ROUNDS, "lifeboat restart >/dev/null")
    checks.expect("restart", not wrong, wrong, f"{ROUNDS} times")
    looks, longest = map(int, guest.must(WATCHED).split())
    took = swaps(guest)
    unarmed = longest / 1e6
    calls = f"{len(took)} calls of {median(took):.3f} s, {max(took):.3f} s at most"
    seen = f"at most {unarmed:.3f} s in {looks} looks; {calls}"
    good = len(took) == ROUNDS and looks > 10 * ROUNDS and unarmed <= max(took) + SLACK_SECONDS
    checks.expect("unarmed-for-the-swap-only", good, seen, seen)


def judge(checks: Checks, say: Say) -> None:
    """Both loops, what is left after them, and a crash in the end."""
    with machine("restarts", installed(checks, say)) as guest:
        armed(guest, checks)
        guest.must(LIMIT)
        unit = "lifeboat.service"
        stop_start = f"systemctl stop {unit}; ! lifeboat status >/dev/null; systemctl start {unit}"
        loop(guest, AT_ONCE, stop_start)  # what the first ones leave in caches
        before = left(guest)
        wrong = loop(guest, ROUNDS, stop_start)
        checks.expect("stop-start", not wrong, wrong, f"{ROUNDS} times")
        say(f"stopped and started {ROUNDS} times ({guest.now():.0f} s)")
        agree(guest, checks, "agree-then")
        judge_swaps(guest, checks)
        say(f"restarted {ROUNDS} times ({guest.now():.0f} s)")
        grown = {name: value - before[name] for name, value in left(guest).items()}
        same = all(grown[name] <= 0 for name in ("run", "lib", "tmp", "mounts"))
        checks.expect("nothing-left-behind", same and grown["processes"] <= 1, str(grown), str(grown))
        good = grown["slab"] < SLAB_KIB and grown["open"] < FILES_OPEN
        checks.expect("no-leak", good, str(grown))
        crash(guest, checks)
        folder = afterwards(guest, checks)
        guest.power_off()
    sound("restarts", folder, checks)
