# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest with a crowd of tasks in known states that dies in one of many ways: lab/crowd.c is what runs in it.

Most are armed: when the panic kernel names the core header, the guest is frozen and its RAM is the vmcore, with the notes
that the crashed kernel made. Others have no panic kernel: they stand still after their panic, or where they are, while QEMU
tells all registers and writes the dump itself.
"""

import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import big, debs, disk, qemu
from .crash import Drill, Facts, Folder, Say
from .errors import LabError
from .paths import program
from .proc import run
from .scenario import load_scenario
from .truth import Truth, read_ram
from .vmcore import CORE_HEADER, Core, Ram, core_header_named

CROWD = "/usr/bin/lab-crowd"
COPY_SECONDS = 300
DUMP_SECONDS = 120
STILL = r"---\[ end Kernel panic|^lab: ready$"
ENDBR = bytes.fromhex("f30f1efa")
POKED = "__x64_sys_swapon"  # nobody has called it, so QEMU has not translated it either
POKE_ROOM = 5  # bytes at a function's entry, where its stack is as its caller left it


@dataclass(frozen=True)
class Death:
    """A way to die, and what a report has to say of it."""

    name: str
    way: str  # of lab/crowd.c
    about: str
    classes: tuple[str, ...]  # of crash/crash.h; more than one where kernels differ in their words
    comm: str | None = None  # of the task; None: whichever it hits
    cpu: int | None = None
    code: str = ""  # hexadecimal: what is poked into POKED
    armed: bool = True
    devices: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # of the kernel's command line


QMP = {
    "armed": False,
    "devices": ["-device", "vmcoreinfo"],
    "modules": ["qemu_fw_cfg"],
    "words": ["panic=0"],
}
DEATHS = {
    one.name: one
    for one in (
        Death("sysrq", "sysrq", "sysrq-c", ("sysrq",), "lab-crowd", 0),
        Death("init", "init", "PID 1 ends", ("init-killed", "init"), "lab-crowd", 0),
        Death("oom", "oom", "no memory is left, panic_on_oom", ("oom", "oom-panic")),
        Death("nmi", "nmi", "an NMI that nobody knows", ("nmi",)),
        Death("hung", "hung", "a task blocked for too long, hung_task_panic", ("hung-task",)),
        Death("null", "poke", "a null pointer", ("null-deref",), "lk-victim", 1, "31c08b00"),
        Death("fault", "poke", "a wild pointer", ("bad-page-fault",), "lk-victim", 1, "48f7d78b07"),
        Death("gpf", "poke", "a pointer that is no address", ("gpf",), "lk-victim", 1, "48d1ef8b07"),
        Death("bug", "poke", "an undefined instruction", ("bug",), "lk-victim", 1, "0f0b"),
        Death("divide", "poke", "a division by zero", ("divide",), "lk-victim", 1, "31c9f7f1"),
        Death("double", "poke", "no stack at all", ("double-fault",), "lk-victim", 1, "31e450"),
        Death("overflow", "poke", "recursion without end", ("stack-overflow",), "lk-victim", 1,
              "e8fbffffff"),
        Death("soft", "soft", "a loop in the kernel, softlockup_panic", ("soft-lockup",),
              "lk-victim", 1, "ebfe"),
        # without interrupts: a loop with them is no stall where the kernel can be preempted
        Death("rcu", "rcu", "a CPU that is silent, panic_on_rcu_stall", ("rcu-stall",), code="faebfe"),
        Death("still", "sysrq", "sysrq-c without a panic kernel", ("sysrq",), "lab-crowd", 0, **QMP),
        Death("alive", "not", "stopped by QEMU while it lives", ("unknown",), **QMP),
    )
}


class Crowd(Drill):
    """One guest with a crowd; its folder then has vmcore, truth and, of some, QEMU's registers."""

    def __init__(self, scenario: str, death: Death, folder: Folder, say: Say) -> None:
        found = load_scenario(scenario)
        guest = replace(
            found.guest,
            kernel_args=[*found.guest.kernel_args, f"lab.death={death.way}", *death.words],
            devices=[*found.guest.devices, *death.devices],
            first_modules=[*found.guest.first_modules, *death.modules],
        )
        super().__init__(replace(found, guest=guest), folder, say)
        self.death = death
        self.frozen = False
        self.core_header = 0  # its physical address, when the panic kernel has named it
        self.registers = folder.path / "registers.txt"
        self.truth = folder.path / "truth.txt"

    def finish_disk(self, tree: Path, conf: Mapping[str, str | int]) -> None:
        """The crowd takes PID 1 over."""
        shutil.copy2(program("lab-crowd"), tree / CROWD.lstrip("/"))
        if self.death.armed:
            words = ["/usr/bin/lifeboat", "load", "-p", f"--initrd={conf['initrd']}"]
            words += [f"--command-line={conf['command-line']}", str(conf["kernel"])]
            (tree / "crowd.arm").write_text("\n".join(words) + "\n", encoding="utf-8")
        super().finish_disk(tree, {**conf, "init": CROWD})

    def hear(self, machine: qemu.Machine, kernel: debs.Kernel, text: str) -> bool:
        """One line of the guest; true when it is to end."""
        super().hear(machine, kernel, text)
        if "lab: FAILED" in text:
            return True
        if not self.death.armed:
            if re.search(STILL, text):
                self.freeze(machine)
            return self.frozen
        # an oops may start the panic kernel without a line that says "panic"
        if found := re.search(CORE_HEADER, text):
            self.core_header = core_header_named(found.group(1))
            self.frozen = True
        return self.frozen

    def look(self, kernel: debs.Kernel, after: str) -> None:
        """The guest waits for what only the host can do to it."""
        assert self.machine
        if after == "slow":
            self.machine.hang("slow")
        elif after == "nmi":
            self.machine.execute("inject-nmi")
        elif after == "poke":
            self.poke(bytes.fromhex(self.death.code))
        self.step(f"{after}: done")

    def poke(self, code: bytes) -> None:
        """Other instructions at the entry of a system call."""
        truth = Truth(read_ram(self.folder.ram))
        found = re.search(r"^ *([0-9a-f]+)-[0-9a-f]+ : Kernel code$", truth.file("/proc/iomem"),
                          re.MULTILINE)
        if not found:
            raise LabError("/proc/iomem does not tell where the kernel's code is")
        at = int(found[1], 16) + truth.symbol(POKED) - truth.symbol("_text")
        ram = Ram(self.folder.ram, self.scenario.guest.memory_mib, writable=True)
        offset = ram.offset(at)
        if ram.map[offset : offset + len(ENDBR)] == ENDBR:
            offset += len(ENDBR)
        assert len(code) <= POKE_ROOM
        ram.map[offset : offset + len(code)] = code

    def freeze(self, machine: qemu.Machine) -> None:
        """Stop it; registers and memory as QEMU tells them."""
        time.sleep(1)  # the other CPUs come to rest, and so does the console
        machine.execute("stop")
        command = {"command-line": "info registers -a"}
        text = machine.execute("human-monitor-command", **command)
        self.registers.write_text(text.replace("\r", ""), encoding="ascii")
        new = self.folder.path / "vmcore.new"
        machine.execute("dump-guest-memory", paging=False, protocol=f"file:{new}", detach=True)
        end = time.monotonic() + DUMP_SECONDS
        while (state := machine.execute("query-dump")["status"]) == "active":
            if time.monotonic() > end:
                raise LabError(f"QEMU's dump is not whole after {DUMP_SECONDS} s")
            time.sleep(0.2)
        if state != "completed":
            raise LabError(f"QEMU's dump: {state}")
        new.rename(self.folder.vmcore)
        self.frozen = True
        self.step("frozen, registers and memory taken")

    def crash(self, kernel: debs.Kernel, first: Path) -> Facts:
        """Until it is frozen."""
        guest = self.scenario.guest
        machine, accelerator = self.make_machine(kernel, first)
        started = time.monotonic()
        self.machine = machine
        machine.run(guest.seconds, lambda text: self.hear(machine, kernel, text))
        self.machine = None
        if not self.frozen:
            why = f"{self.death.name}: not frozen within {guest.seconds} s"
            raise self.failure(self.folder.console(), why)
        seconds = time.monotonic() - started
        self.step("the guest is frozen")
        return Facts(self.scenario.name, kernel.version, guest.kernel or guest.suite, guest.memory_mib, 31,
                     accelerator, seconds)

    def collect(self) -> None:
        """The truth, and the vmcore, out of the RAM, which is then thrown away."""
        text = json.dumps({"name": self.death.name})
        (self.folder.path / "death.json").write_text(text + "\n", encoding="ascii")
        self.truth.write_text(read_ram(self.folder.ram), encoding="utf-8")
        if self.death.armed:
            run(["fallocate", "--dig-holes", self.folder.ram], seconds=COPY_SECONDS)
            ram = Ram(self.folder.ram, self.scenario.guest.memory_mib)
            core = Core(ram, self.core_header)
            core.write(self.folder.vmcore)
        else:
            run(["fallocate", "--dig-holes", self.folder.vmcore], seconds=COPY_SECONDS)
        for path in (self.folder.ram, self.folder.disk, self.folder.capture_image):
            path.unlink(missing_ok=True)
        for image in self.places.images:
            image.path.unlink(missing_ok=True)
        (self.folder.path / "first.img").unlink()
        self.step(f"vmcore of {big.disk_bytes(self.folder.vmcore) >> 20} MiB")


def die(scenario: str, death: str, path: Path, say: Say) -> Folder:
    """One guest from its boot to its vmcore."""
    folder = Folder(path)
    Crowd(scenario, DEATHS[death], folder, say).run()
    return folder


def main(argv: list[str]) -> int:
    """python3 -m lab.crowd SCENARIO DEATH FOLDER"""
    if len(argv) != 4 or argv[2] not in DEATHS:
        print(f"{main.__doc__}; DEATH is one of: {', '.join(DEATHS)}")
        return 2
    folder = die(argv[1], argv[2], Path(argv[3]), print)
    print(json.dumps(vars(folder.facts())))
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv))
