# SPDX-License-Identifier: GPL-2.0-or-later
"""Drills that never were, for what a page of one has to stand: an ordinary one, a matrix, texts of a hostile guest, nothing."""

import re
from dataclasses import replace
from typing import Any

from lab.drill.result import FAILED, PASSED, SKIPPED, Check, Drill, Result

MARKUP = "</script><img/src=x/onerror=pwned()>\"'>"
UNSEEN = "\x1b[2J\u202etxt\x00\ud800"
MIB = 1 << 20
RESULT = Result(
    id="sysrq", scenario="sysrq", about="a small guest dies of sysrq-c; its dump lies on its root disk",
    tags=["quick", "nightly"], arch="x86_64", kernel="6.1.0-56-cloud-amd64", kernel_source="Debian 6.1.192-2", target="", faults=[], crashkernel="96M",
    memory_mib=512, cpus=1, accelerator="tcg", verdict=PASSED, why="", seconds=17.2,
    checks=[Check("drill", PASSED), Check("fidelity-pages", PASSED, "18005 pages")],
    timeline={"up": 3.7, "loaded": 7.5, "panic": 7.9, "capture": 11.5, "first-byte": 12.1, "durable": 12.9, "end": 13.5},
    memory={"reserved": 96 * MIB, "available": 30 * MIB, "peak": 66 * MIB}, dump_bytes=22286336, image_bytes=1004577,
    title="sysrq", signature="19e0ca71105719b2c6656ddeeb333cdc39332773970621729ecf7bfa1ef531d0", folder="sysrq",
    console="sysrq/console.log", report="sysrq/report.html",
)
MACHINE = {"cpus": 2, "memory_mib": 24025, "qemu": "7.2.22", "kernel": "6.1.0-56-amd64"}
DRILL = Drill("2026-11-23T14:00:00Z", 612.4, "0.1.0", ["nightly", "--jobs=2"], MACHINE, [])


def of(name: str, **more: Any) -> Result:
    """One more run."""
    files = {"folder": name, "console": f"{name}/console.log", "report": f"{name}/report.html"}
    return replace(RESULT, id=name, scenario=name, **files, **more)


def failed() -> Result:
    """What a person looks for."""
    why = "fidelity-pages: 1 of 18005 pages differ from RAM: 0x1a2b3"
    console = "no line matches 'x'; the console ended with\n" + "    13.496 [    3.796598] lifeboat: final\n" * 25
    checks = [Check("fidelity-pages", FAILED, why.partition(": ")[2]), Check("console-1", FAILED, console),
              Check("crash-log", SKIPPED, "crash is older than the kernel")]
    return of("crasher-null-in-an-interrupt", verdict=FAILED, why=why, checks=checks, faults=["server-dead", "disk-slow"],
              target="nfs", timeline={"up": 4.1, "loaded": 8.0, "panic": 9.9, "capture": 14.0, "end": 24.0})


def plain() -> Drill:
    """What a nightly drill may look like."""
    nothing: dict[str, Any] = {"timeline": {}, "memory": {}, "checks": [], "dump_bytes": None, "image_bytes": None}
    skip = of("guest-64-gib", verdict=SKIPPED, why="it takes 65536 MiB of memory, and there are 24025", **nothing, title="",
              signature="", seconds=0.0)
    slow = of("crash-6-gib", seconds=260.0, timeline={"up": 40.0, "loaded": 80.0, "panic": 90.0, "durable": 220.0, "end": 250.0})
    others = [of(f"death-{number}", seconds=14.0 + number, kernel=f"6.{number}.0-described") for number in range(1, 9)]
    return replace(DRILL, results=[RESULT, failed(), skip, slow, *others])


def matrix() -> Drill:
    """Three scenarios × two kernels × three targets × two reservations; one place of it is empty."""
    found = []
    for scenario in ("sysrq", "capture-of-a-guest-with-a-long-name", "oops"):
        for kernel in ("6.1.0-56-cloud-amd64", "7.3.4+deb13-cloud-amd64"):
            for target in ("", "nfs", "ssh"):
                for size in ("96M", "256M"):
                    name = f"{scenario},{kernel},{target},{size}"
                    one = replace(of(name, kernel=kernel, target=target, crashkernel=size), scenario=scenario)
                    if (scenario, target, size) == ("oops", "ssh", "96M"):
                        one = replace(one, verdict=FAILED, why="drill: it did not end")
                    found.append(one)
    return replace(DRILL, results=found[1:])


def hostile() -> Drill:
    """Every text is what a guest, a file's name or another's results.json can put there."""
    text = f"{MARKUP}{UNSEEN}"
    checks = [Check(text, verdict, text) for verdict in (PASSED, FAILED, SKIPPED, text)]
    long = "w" * 3000
    names = "id scenario about kernel kernel_source target crashkernel arch accelerator why title signature folder console loaded_by"
    one = replace(RESULT, **dict.fromkeys(names.split(), text),
                  tags=[text], faults=[text], checks=checks, verdict=FAILED, report="javascript:pwned()", memory={text: 5})
    files = {"console": "../../etc/passwd", "report": "/etc/passwd", "folder": "https://example.org/"}
    wide = replace(one, id=long, scenario=long, kernel=long, why=long, target="", **files, timeline={"up": 9.0, "panic": 3.0, "end": 1e300})
    odd = replace(RESULT, id="odd", verdict=text, timeline={"up": -5.0, "end": float("inf"), "durable": float("nan")})
    machine = dict.fromkeys(("cpus", "memory_mib", "qemu", "kernel"), text)
    return replace(DRILL, started=text, lifeboat=text, command=[text, long], machine=machine, results=[one, wide, odd])


def empty() -> Drill:
    """Nothing was run."""
    return replace(DRILL, machine={})


PAGES = {"drill": plain, "drill-matrix": matrix, "drill-hostile": hostile, "drill-empty": empty}
WORDS = {
    "drill": ["1 of 12 runs failed", "1 of 18005 pages differ from RAM: 0x1a2b3", "crasher-null-in-an-interrupt", "server-dead"],
    "drill-matrix": ["2 of 35 runs failed", "scenario × kernel × target × crashkernel"],
    "drill-hostile": [MARKUP, r"\x1b[2J\u202etxt\x00\ud800"],
    "drill-empty": ["No run passed"],
}
LINK = re.compile(r"#run-[0-9a-f]{16}|[\w@+,.%-]+(/[\w@+,.%-]*)*")  # of this page, or a file below its folder
