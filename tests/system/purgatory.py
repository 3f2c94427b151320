# SPDX-License-Identifier: GPL-2.0-or-later
"""The purgatory in a virtual machine: it starts what is whole, and restarts the machine otherwise.

The image is put together here, from the binary that is built into `lifeboat` and from
purgatory_stub.S; the parameters and both digests are made here too, by Python's SHA-256.
"""

import hashlib
import json
import random
import re
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.checks import Checks
from lab.errors import LabError
from lab.paths import build_dir
from lab.proc import environment
from lab.qemu import QEMU

BINARY = "purgatory-x86_64.bin"
STUB = "purgatory-stub.bin"

# Physical addresses. The first two are also in purgatory_stub.S.
LOAD = 0x100000
PURGATORY = 0x400000
KERNEL = 0x500000
INITRD = 0x600000
INITRD_SIZE = 0x100123

PARAMS = 64  # arch/x86_64/purgatory/purgatory.h
SEGMENTS = 16
MAGIC = 0x544F4F424546494C
PAYLOAD = 0x1000  # and these in purgatory_stub.S
BOOT_PARAMS = 0x12345678
SCREEN_START = 560
GOOD_STATUS = 0x63

SCREEN = 0xB8000
COLUMNS = 80
ALARM = 0x4F
BAD_REGIONS = "lifeboat: the staged kernel is damaged (SHA-256 does not match), restarting"
BAD_PARAMS = "lifeboat: the staged kernel's list of parts is damaged, restarting"

NO_TIMER = "pit=off"

SECONDS = 60
LEAST_WAIT = 8  # somebody has to read it


@dataclass(frozen=True)
class Case:
    """What is done to the image, the machine, and what has to come of it."""

    name: str
    flip: int = 0  # physical address of a byte to damage
    machine: str = "pc"
    serial: bool = True
    says: str = ""  # nothing: the payload is started


CASES = (
    Case("good"),
    Case("first-byte", KERNEL, says=BAD_REGIONS),
    Case("last-byte", INITRD + INITRD_SIZE - 1, says=BAD_REGIONS),
    Case("behind-the-last-byte", INITRD + INITRD_SIZE),
    Case("entry", PURGATORY + PARAMS + 8 + 2, says=BAD_PARAMS),
    Case("digest", PURGATORY + PARAMS + 32 + 16 * SEGMENTS, says=BAD_PARAMS),
    Case("no-serial-line", INITRD, serial=False, says=BAD_REGIONS),
    # no reset by the chipset, then neither by the keyboard controller; and no timer
    Case("keyboard", INITRD, "isapc", says=BAD_REGIONS),
    Case("bare", INITRD, f"isapc,i8042=off,{NO_TIMER}", says=BAD_REGIONS),
)


@dataclass
class Outcome:
    """What was seen of a guest."""

    status: int
    console: str
    screen: str
    attributes: set[int]
    reset: bool
    seconds: float  # from the message to the end


def parameters(kernel: bytes, initrd: bytes) -> bytes:
    """struct purgatory_params."""
    regions = [(KERNEL, len(kernel)), (INITRD, len(initrd))]
    regions += [(0, 0)] * (SEGMENTS - len(regions))
    params = struct.pack("<QQQHHI", MAGIC, KERNEL, BOOT_PARAMS, 0x3F8, 0, 2)
    params += b"".join(struct.pack("<QQ", *region) for region in regions)
    params += hashlib.sha256(kernel + initrd).digest()
    return params + hashlib.sha256(params).digest()


def image(flip: int) -> bytes:
    """Memory from LOAD on."""
    stub = (build_dir() / STUB).read_bytes()
    binary = (build_dir() / BINARY).read_bytes()
    kernel = stub[PAYLOAD:]
    initrd = random.Random(1).randbytes(INITRD_SIZE)
    params = parameters(kernel, initrd)
    memory = bytearray(INITRD + INITRD_SIZE + 4096 - LOAD)
    for address, data in (
        (LOAD, stub[:PAYLOAD]),
        (PURGATORY, binary),
        (PURGATORY + PARAMS, params),
        (KERNEL, kernel),
        (INITRD, initrd),
    ):
        memory[address - LOAD : address - LOAD + len(data)] = data
    if flip:
        memory[flip - LOAD] ^= 0x04
    return bytes(memory)


class Guest:
    """QEMU with its monitor on standard input and output."""

    def __init__(self, case: Case, folder: Path) -> None:
        kernel = folder / f"{case.name}.bin"
        kernel.write_bytes(image(case.flip))
        self.log = folder / f"{case.name}.log"
        argv = ["setpriv", "--pdeathsig", "KILL", QEMU, "-nodefaults", "-display", "none"]
        argv += ["-accel", "tcg", "-cpu", "max", "-m", "64", "-machine", case.machine]
        argv += ["-device", "VGA" if case.machine == "pc" else "isa-vga", "-no-reboot"]
        argv += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-kernel", str(kernel)]
        argv += ["-serial", f"file:{self.log}"] if case.serial else []
        self.events: list[dict[str, object]] = []
        self.process = subprocess.Popen(
            ["timeout", "-k1", str(SECONDS), *argv, "-qmp", "stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def ask(self, command: str, **arguments: object) -> object:
        """One command of the monitor; None if the guest has ended."""
        assert self.process.stdin and self.process.stdout
        try:
            question = json.dumps({"execute": command, "arguments": arguments})
            print(question, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return None
        for line in self.process.stdout:
            answer = json.loads(line)
            if "event" in answer:
                self.events.append(answer)
            elif "return" in answer:
                return answer["return"]
            elif "error" in answer:
                raise LabError(f"{QEMU}: {answer['error']}")
        return None

    def top_line(self) -> tuple[str, set[int]] | None:
        """The first visible line of the text screen and its colours."""
        line = f"xp /{2 * COLUMNS}xb {SCREEN + 2 * SCREEN_START:#x}"
        text = self.ask("human-monitor-command", **{"command-line": line})
        if not isinstance(text, str):
            return None
        cells = [int(byte, 16) for byte in re.findall(r" (0x[0-9a-f]{2})\b", text)]
        return bytes(cells[0::2]).decode("latin-1").rstrip(), set(cells[1::2])

    def watch(self) -> Outcome:
        """To the end, which is never later than SECONDS."""
        try:
            return self.listen()
        finally:
            self.process.kill()

    def listen(self) -> Outcome:
        """The screen is looked at until it has a message; then the guest may end."""
        self.ask("qmp_capabilities")
        screen: tuple[str, set[int]] = ("", set())
        shown = time.monotonic()
        while (line := self.top_line()) is not None:
            shown = time.monotonic()
            screen = line
            if line[0].startswith("lifeboat"):
                break
            time.sleep(0.2)
        assert self.process.stdin and self.process.stdout
        for text in self.process.stdout:
            self.events.append(json.loads(text))
        status = self.process.wait()
        console = self.log.read_text("latin-1") if self.log.exists() else ""
        reset = any(
            event.get("event") == "SHUTDOWN" and "guest-reset" in json.dumps(event)
            for event in self.events
        )
        return Outcome(status, console, *screen, reset, time.monotonic() - shown)


def check(case: Case, outcome: Outcome, checks: Checks) -> None:
    """What was seen against what has to come of it."""
    if not case.says:
        good = outcome.status == GOOD_STATUS and outcome.console == "payload: good\n"
        checks.expect(case.name, good, f"{outcome}")
        return
    took = f"restarted after {outcome.seconds:.1f} s"
    if case.serial:
        words = outcome.console.strip("\r\n")
        checks.expect(f"{case.name}-serial", words == case.says, f"{outcome}")
    timed = NO_TIMER not in case.machine  # an emulator's ports are too fast to look at the screen
    if timed:
        on_screen = outcome.screen == case.says and outcome.attributes == {ALARM}
        checks.expect(f"{case.name}-screen", on_screen, f"{outcome}")
    in_time = outcome.seconds >= LEAST_WAIT or not timed
    restarted = outcome.status == 0 and outcome.reset and in_time
    checks.expect(f"{case.name}-restart", restarted, f"{outcome}", took)


def judge(checks: Checks) -> None:
    """All cases, two at a time: they mostly wait."""
    for name in (BINARY, STUB):
        if not (build_dir() / name).exists():
            checks.skip("machine", f"no {build_dir() / name}; make judge, on or for x86_64, makes it")
            return
    folder = build_dir() / "system" / "purgatory"
    folder.mkdir(parents=True, exist_ok=True)

    def run(case: Case) -> tuple[Case, Outcome]:
        (folder / f"{case.name}.log").unlink(missing_ok=True)
        return case, Guest(case, folder).watch()

    with ThreadPoolExecutor(2) as pool:
        for case, outcome in pool.map(run, CASES):
            check(case, outcome, checks)
