# SPDX-License-Identifier: GPL-2.0-or-later
"""A CPU and memory are plugged in: what is armed knows them within seconds, and the dump has them."""

import struct
import time
from collections.abc import Iterator
from typing import Any

from lab.checks import Checks
from lab.errors import LabError
from lab.kdump import Kdump, set_bits
from lab.live import Hardware, Live

from .machine import Say, afterwards, armed, crash, installed, machine, sound, status

HARDWARE = Hardware(memory_mib=1024, cpus=2, max_cpus=4, max_memory_mib=4096)
PLUGGED_BYTES = 1 << 30  # 8 blocks of 128 MiB, each of which is announced
PLUGGED_PFN = (4 << 30) >> 12  # QEMU puts it behind 4 GiB
FRESH_SECONDS = 60  # of a guest under TCG
PRSTATUS = 1  # NT_PRSTATUS, a CPU's registers
MAX_RELOADS = 3  # for 8 blocks and a CPU

ONLINE = """
cpu=/sys/devices/system/cpu/cpu2/online
for i in $(seq 50); do
	[ -e $cpu ] && break
	sleep 0.2
done
[ "$(cat $cpu)" = 1 ] || echo 1 >$cpu
"""
MORE = f"""
for i in $(seq 100); do
	kib=$(sed -n 's/^MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo)
	[ $kib -gt {(HARDWARE.memory_mib << 10) + (PLUGGED_BYTES >> 10) * 3 // 4} ] && exit 0
	sleep 0.2
done
exit 1
"""


def since(guest: Live) -> str:
    """When the panic kernel was loaded, and that its list of memory and CPUs is up to date; "" if not."""
    image: dict[str, Any] = status(guest)["image"] or {}
    return str(image.get("since", "")) if image.get("core_header") in ("fresh", "kept by the kernel") else ""


def wait_fresh(guest: Live, checks: Checks, name: str, before: str) -> str:
    """Until it was loaded again, for the new list; return when."""
    began = time.monotonic()
    while time.monotonic() < began + FRESH_SECONDS:
        now = since(guest)
        if now and now != before:
            checks.expect(name, True, measured=f"{time.monotonic() - began:.0f} s")
            return now
        time.sleep(1)
    checks.expect(name, False, f"not in {FRESH_SECONDS} s: {status(guest)['image']}")
    return before


def plug_cpu(guest: Live) -> None:
    """One more CPU, taken into use."""
    places = guest.execute("query-hotpluggable-cpus")
    free = next((one for one in reversed(places) if "qom-path" not in one), None)
    if not free:
        raise LabError("QEMU has no place for a CPU")
    guest.execute("device_add", driver=free["type"], id="cpu2", **free["props"])
    guest.must(ONLINE)


def plug_memory(guest: Live) -> None:
    """More memory, taken into use."""
    guest.must("echo online >/sys/devices/system/memory/auto_online_blocks")
    guest.execute("object-add", **{"qom-type": "memory-backend-ram", "id": "more", "size": PLUGGED_BYTES})
    guest.execute("device_add", driver="pc-dimm", id="dimm", memdev="more")
    guest.must(MORE)


def reloads(guest: Live) -> int:
    """How often the service has loaded the panic kernel again."""
    text = guest.must("journalctl -b -o cat --no-pager -u lifeboat-reload.service")
    return text.count("Starting ")


def note_kinds(notes: bytes) -> Iterator[int]:
    """The kinds of ELF notes; each has lengths of name and text, kind, and these two padded to four bytes."""
    at = 0
    while at + 12 <= len(notes):
        name, text, kind = struct.unpack_from("<III", notes, at)
        if not name:
            return
        yield kind
        at += 12 + (name + 3 & ~3) + (text + 3 & ~3)


def judge_dump(dump: Kdump, checks: Checks) -> None:
    """What was plugged in is in the dump."""
    present = sum(1 for pfn in set_bits(dump.present) if pfn >= PLUGGED_PFN)
    kept = sum(1 for pfn in set_bits(dump.dumped) if pfn >= PLUGGED_PFN)
    seen = f"{present} pages are known there, {kept} of them are in the dump"
    checks.expect("memory-in-the-dump", present == PLUGGED_BYTES >> 12 and kept > 0, seen, seen)
    cpus = sum(1 for kind in note_kinds(dump.notes()) if kind == PRSTATUS)
    checks.expect("cpu-in-the-dump", cpus == HARDWARE.cpus + 1, f"{cpus} CPUs' registers")


def judge(checks: Checks, say: Say) -> None:
    """Plug, wait, crash."""
    with machine("hotplug", installed(checks, say), HARDWARE) as guest:
        armed(guest, checks)
        before = since(guest)
        checks.expect("fresh-at-boot", bool(before))
        quiet = reloads(guest)
        checks.expect("no-reload-at-boot", quiet == 0, f"{quiet} reloads")
        plug_cpu(guest)
        now = wait_fresh(guest, checks, "cpu-known", before)
        plug_memory(guest)
        wait_fresh(guest, checks, "memory-known", now)
        time.sleep(5)  # for reloads too many
        count = reloads(guest)
        checks.expect("debounced", 0 < count <= MAX_RELOADS, f"{count} reloads", f"{count} reloads")
        crash(guest, checks)
        folder = afterwards(guest, checks)
        guest.power_off()
    judge_dump(sound("hotplug", folder, checks), checks)
