# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of runs that were never made."""

from dataclasses import replace
from typing import Any

from lab.drill.result import FAILED, PASSED, SKIPPED, Check, Drill, Result

HOST = {"cpus": 2, "memory_mib": 24000, "qemu": "QEMU emulator version 7.2.19", "kernel": "6.1.0"}
TIMELINE = {"up": 8.0, "loaded": 12.0, "panic": 13.0, "capture": 17.0, "first-byte": 18.0, "durable": 20.0, "end": 21.0}


def result(name: str, **over: Any) -> Result:
    """A run that passed."""
    passed = Result(
        id=name, scenario=name.partition("@")[0], about="a crash", tags=[], arch="x86_64", kernel="6.1.0-56-cloud-amd64",
        kernel_source="Debian 6.1.192-2", target="", faults=[], crashkernel="80M", memory_mib=512, cpus=1, accelerator="tcg",
        verdict=PASSED, why="", seconds=30.0, checks=[Check("drill", PASSED)], timeline=dict(TIMELINE),
        memory={"reserved": 80 << 20, "available": 25 << 20, "peak": 55 << 20}, dump_bytes=22 << 20, image_bytes=1000 << 10,
    )
    return replace(passed, **over)


def failed(name: str, why: str, **over: Any) -> Result:
    """One that failed: the check's name stands before its reason."""
    check, _, text = why.partition(": ")
    return result(name, verdict=FAILED, why=why, checks=[Check("drill", PASSED), Check(check, FAILED, text)], **over)


def skipped(name: str, why: str) -> Result:
    """One that was not made."""
    nothing: dict[str, Any] = {"checks": [], "timeline": {}, "memory": {}, "dump_bytes": None, "image_bytes": None}
    return result(name, verdict=SKIPPED, why=why, seconds=0, **nothing)


def drill(*results: Result) -> Drill:
    """A drill with these."""
    return Drill("2026-11-23T14:00:00Z", 60.0, "0.1.0", ["--all"], dict(HOST), list(results))
