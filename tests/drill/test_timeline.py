# SPDX-License-Identifier: GPL-2.0-or-later
"""What consoles of all kinds of runs tell: each moment by its own line, and none that did not come."""

from pathlib import Path

from lab.console import Console
from lab.drill import timeline

BOOT = ["[    0.000000] Linux version 6.1.0", "lab: up", "panic kernel 6.1.0 is loaded by kexec_load: takes 51.5 MB to start", "lab: armed"]
PANIC = "[    6.5] Kernel panic - not syncing: sysrq triggered crash"
KERNEL = ["[    0.000000] Linux version 6.1.0", "[    1.8] Run /init as init process", "[    1.9] lifeboat: version 0.1.0"]
FS, RAW, SSH = "ext4 UUID=1 /var/crash", "raw PARTUUID=1", "ssh kdump@shell.test /srv"
MEMORY = "[    3.7] lifeboat: memory: 1000 of 5000 bytes were free at the worst moment"
END = ["[    3.8] reboot: Power down", ""]


def said(*words: str) -> list[str]:
    """Lines of our first process."""
    return [f"[    2.0] lifeboat: {one}" for one in words]


def target(number: int, what: str, *steps: str) -> list[str]:
    """What is said while it is a target's turn."""
    return said(f"target {number} of 2: {what}", "find done in 37 ms", "attach done in 48 ms", *steps)


GOOD = ("begin done in 36 ms", "log done in 31 ms", "note done in 16 ms", "dump done in 704 ms", "record done in 13 ms",
        "manifest done in 534 ms", "seal done in 2 ms", "detach done in 41 ms")


def outcome(number: int, result: str, dump: str = "21.3 MB") -> list[str]:
    """What is said of a target in the end."""
    return said(f"result: {result}, log 25488 bytes, dump {dump}, in 2026-11-23T14-21-21Z of target {number}")


def told(folder: Path, *lines: str, restarts: bool = False, has_dump: bool = True) -> dict[str, str]:
    """The line that each moment is the time of: line N comes at second N."""
    console = Console.read(written(folder, lines))
    found = timeline.moments(console, restarts, has_dump)
    return {name: console.lines[int(at)].text.removeprefix("[    2.0] lifeboat: ") for name, at in found.items()}


def written(folder: Path, lines: tuple[str, ...]) -> Path:
    """A console's log."""
    path = folder / "console.log"
    path.write_text("".join(f"{second:9.3f} {line}\n" for second, line in enumerate(lines)), encoding="utf-8")
    return path


BEFORE = {"up": "lab: up", "loaded": "lab: armed", "panic": PANIC, "capture": KERNEL[1]}


def test_disk(folder: Path) -> None:
    seen = told(folder, *BOOT, PANIC, *KERNEL, *target(1, FS, *GOOD), *outcome(1, "complete"), MEMORY, *END)
    assert seen == {**BEFORE, "first-byte": GOOD[0], "durable": "dump done in 704 ms", "end": ""}, seen


def test_raw(folder: Path) -> None:
    """An entry counts when it is sealed."""
    seen = told(folder, *BOOT, PANIC, *KERNEL, *target(1, RAW, *GOOD), *outcome(1, "complete"), MEMORY, *END)
    assert seen["durable"] == "seal done in 2 ms", seen


def test_second_target(folder: Path) -> None:
    """The times are those of the target that has the dump, not of one that was tried before."""
    first = target(1, FS, "begin done in 1 ms", "log done in 1 ms", "dump FAILED after 9 ms: no more room", "seal done in 2 ms")
    seen = told(folder, *BOOT, PANIC, *KERNEL, *first, *target(2, SSH, *GOOD), *outcome(1, "log-only", "none"), *outcome(2, "complete"), *END)
    assert (seen["first-byte"], seen["durable"]) == (GOOD[0], "dump done in 704 ms"), seen
    seen = told(folder, *BOOT, PANIC, *KERNEL, *first, *outcome(1, "log-only", "none"), *END)
    assert seen["first-byte"] == "begin done in 1 ms" and "durable" not in seen, seen


def test_second_try(folder: Path) -> None:
    """A dump that was killed and made again."""
    steps = ("begin done in 1 ms", "log done in 1 ms", "dump FAILED after 9 ms: killed by signal 9", "dump again done in 7 ms")
    seen = told(folder, *BOOT, PANIC, *KERNEL, *target(1, FS, *steps), *outcome(1, "complete"), *END)
    assert seen["durable"] == "dump again done in 7 ms", seen


def test_cut_dump(folder: Path) -> None:
    """The step is done, and the dump has not got its name."""
    seen = told(folder, *BOOT, PANIC, *KERNEL, *target(1, FS, *GOOD), *outcome(1, "partial", "none"), *END)
    assert "durable" not in seen and seen["first-byte"] == GOOD[0], seen


def test_power_cut(folder: Path) -> None:
    """A capture that could not tell the end: what is on the disk decides."""
    lines = (*BOOT, PANIC, *KERNEL, *target(1, FS, *GOOD[:4]), "")
    assert told(folder, *lines)["durable"] == "dump done in 704 ms"
    seen = told(folder, *lines, has_dump=False)
    assert "durable" not in seen and seen["first-byte"] == GOOD[0] and seen["end"] == "", seen


def test_no_target(folder: Path) -> None:
    seen = told(folder, *BOOT, PANIC, *KERNEL, *said("target 1 of 1: ext4 UUID=1", "find FAILED after 10000 ms: no device"),
                *said("result: failed, log 0 bytes, dump none, in nothing of target 1"), *END)
    assert seen == {**BEFORE, "end": ""}, seen


def test_never_ended(folder: Path) -> None:
    """QEMU was killed: the console was not closed."""
    assert "end" not in told(folder, *BOOT, PANIC, "[    0.000000] Linux version 6.1.0")
    assert told(folder, *BOOT[:2]) == {"up": "lab: up"}
    assert told(folder) == {}


def test_restart(folder: Path) -> None:
    """No crash: what the second kernel says is no capture."""
    seen = told(folder, *BOOT[:2], "[    0.000000] Linux version 6.12.0", "[    1.8] Run /init as init process", "lab: up", "", restarts=True)
    assert seen == {"up": "lab: up", "end": ""}, seen


def test_two_crashes(folder: Path) -> None:
    """Of a guest that starts again and crashes again, the first one."""
    one = (*BOOT, PANIC, *KERNEL, *target(1, FS, *GOOD), *outcome(1, "complete"), "[    3.8] reboot: Restarting system")
    seen = told(folder, *one, *one, "")
    assert seen["end"] == "[    3.8] reboot: Restarting system", seen
    console = Console.read(folder / "console.log")
    assert timeline.moments(console, False, True)["end"] == len(one) - 1
    assert timeline.moments(console, False, True)["durable"] < len(one)


def test_quoted(folder: Path) -> None:
    """The capture shows the crashed kernel's log: what that says is no moment of ours."""
    quoted = said(f"| {PANIC}", "| lifeboat: target 1 of 1: raw x", "| lifeboat: begin done in 1 ms", "| [ 1.0] lifeboat: dump done in 1 ms")
    seen = told(folder, *BOOT, PANIC, *KERNEL, *quoted, *END)
    assert seen == {**BEFORE, "end": ""}, seen


def test_quiet(folder: Path) -> None:
    """A capture kernel that says nothing itself."""
    seen = told(folder, *BOOT, PANIC, KERNEL[2], *target(1, FS, *GOOD), *outcome(1, "complete"), *END)
    assert seen["capture"] == KERNEL[2].removeprefix("[    2.0] lifeboat: "), seen


def test_oops(folder: Path) -> None:
    """An oops that starts the panic kernel says no panic before it does."""
    line = "[    7.1] Oops: 0002 [#1] PREEMPT SMP NOPTI"
    assert told(folder, *BOOT, line, *KERNEL, *END)["panic"] == line


def test_strange_characters(folder: Path) -> None:
    """A form feed and other ends of lines in what a guest prints: splitlines() made lines without a time of them."""
    seen = told(folder, "a\x0cb\x1c c\x85d\u2028e", *BOOT, PANIC, *END)
    assert seen["panic"] == PANIC, seen


def test_memory(folder: Path) -> None:
    """The capture's last word counts, else its record's, unless that was written too early to know."""
    whole = Console.read(written(folder, (*BOOT, PANIC, *KERNEL, MEMORY, *END)))
    cut = Console.read(written(folder, (*BOOT, PANIC, *KERNEL, "")))
    record = {"capture": {"memory_ram": 9000, "memory_lowest": 4000, "result": "complete"}}
    assert timeline.memory(whole, record) == {"reserved": 5000, "available": 1000, "peak": 4000}
    assert timeline.memory(cut, record) == {"reserved": 9000, "available": 4000, "peak": 5000}
    assert timeline.memory(cut, {"capture": {**record["capture"], "result": "in-progress"}}) == {}
    assert timeline.memory(cut, {}) == {}
    for wrong in (-1, 1 << 70, "9", None, True, 0, 3000):
        assert timeline.memory(cut, {"capture": {**record["capture"], "memory_ram": wrong}}) == {}, wrong


def test_loaded_by(folder: Path) -> None:
    again = "panic kernel 6.1.0 is loaded by kexec_file_load: takes 51.5 MB to start"
    assert timeline.loaded_by(Console.read(written(folder, (*BOOT, PANIC, again)))) == "kexec_load"
    assert timeline.loaded_by(Console.read(written(folder, (*BOOT, again, PANIC)))) == "kexec_file_load"
    assert timeline.loaded_by(Console.read(written(folder, (PANIC,)))) == ""
