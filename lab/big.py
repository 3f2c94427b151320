# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's inputs: vmcores of guests that really crashed, made once and kept in the cache.

A guest is killed when its capture kernel names the core header: from the panic on nothing writes
to the crashed kernel's memory, so its RAM file is what /proc/vmcore would show. Everything is
sparse, and a guest may have more RAM than the host.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from . import debs, qemu
from .console import PANIC
from .crash import Drill, Facts, Folder, Say
from .errors import LabError
from .paths import cache_dir
from .proc import run
from .scenario import Guest, load_scenario
from .vmcore import CORE_HEADER, Core, Ram, elfcorehdr_address

COPY_SECONDS = 900
GUEST_SOURCE = Path(__file__).parent / "guest.c"


@dataclass(frozen=True)
class Input:
    """One guest and what its memory is filled with; see guest.c for the keys of `load`."""

    name: str
    about: str
    guest: Guest
    load: Mapping[str, int]


def inputs() -> dict[str, Input]:
    """All of them by name; whatever they do not say is as in the scenario "crash"."""
    crash = load_scenario("crash")
    load = {key: value for key, value in crash.load.items() if key not in ("mem-usage", "rehearse")}
    light = {**load, "deadline": 600}
    six = {**light, "anon-mib": 384, "cache-mib": 256, "tmpfs-mib": 64, "files": 20000}
    six |= {"heap-mib": 2560, "data-mib": 560, "sleepers": 30}
    guest = replace(crash.guest, seconds=900, disk_mib=1536)
    made = (
        Input("small", "1 GiB, the guest of scenario crash", crash.guest, load),
        Input(
            "six",
            "6 GiB, page cache and anonymous memory in use",
            replace(guest, memory_mib=6 << 10),
            six,
        ),
        Input(
            "sixteen",
            "16 GiB, full of page cache",
            replace(guest, memory_mib=16 << 10),
            {**light, "hole-mib": 14 << 10},
        ),
        Input(
            "sixtyfour",
            "64 GiB, nearly all of it free",
            replace(guest, memory_mib=64 << 10, crashkernel="128M"),
            {**light, "settle": 1},
        ),
    )
    return {one.name: one for one in made}


class Frozen(Drill):
    """A drill that ends as soon as the capture kernel has told where the core header is."""

    def __init__(self, wanted: Input, folder: Folder, say: Say) -> None:
        scenario = replace(load_scenario("crash"), guest=wanted.guest, load=dict(wanted.load))
        super().__init__(scenario, folder, say)
        self.panicked = False
        self.frozen = False

    def make_disk(self, kernel: debs.Kernel, capture: Path) -> None:
        """The usual disk, and on it the debug vmlinux as a file with real content."""
        super().make_disk(kernel, capture)
        if self.scenario.load.get("data-mib"):
            command = f'write "{debs.fetch_vmlinux()}" lab-data'
            run(["debugfs", "-w", "-R", command, self.folder.disk], seconds=300)

    def announce(self, text: str) -> bool:
        """Tell about the phases; true when the core header has been named."""
        super().announce(text)
        self.panicked = self.panicked or bool(re.search(PANIC, text))
        self.frozen = self.panicked and bool(re.search(CORE_HEADER, text))
        return self.frozen

    def crash(self, kernel: debs.Kernel, first: Path) -> Facts:
        """Boot, fill the memory and crash; the guest is killed in its capture kernel."""
        guest = self.scenario.guest
        machine, accelerator = self.make_machine(kernel, first)
        started = time.monotonic()
        machine.run(guest.seconds, self.announce)
        if not self.frozen:
            why = f"no capture kernel within {guest.seconds} s"
            raise self.failure(self.folder.console(), why)
        seconds = time.monotonic() - started
        version, memory = kernel.version, guest.memory_mib
        return Facts("bench", version, guest.suite, memory, 0, accelerator, seconds)

    def collect(self) -> None:
        """Nothing has been captured: replace the RAM by the vmcore, with holes for zeros."""
        run(["fallocate", "--dig-holes", self.folder.ram], seconds=COPY_SECONDS)
        ram = Ram(self.folder.ram, self.scenario.guest.memory_mib)
        core = Core(ram, elfcorehdr_address(self.folder.console()))
        new = self.folder.path / "vmcore.new"
        core.write(new)
        new.rename(self.folder.vmcore)
        for path in (self.folder.ram, self.folder.disk, self.folder.capture_image):
            path.unlink()
        (self.folder.path / "first.img").unlink()
        self.step("vmcore written")


def recipe_of(wanted: Input) -> str:
    """What an input is made of: another recipe, another input."""
    program = hashlib.sha256(GUEST_SOURCE.read_bytes()).hexdigest()
    kernel = debs.fetch_kernel(wanted.guest.suite).version
    return json.dumps({**asdict(wanted), "kernel": kernel, "guest.c": program}, indent=1) + "\n"


def disk_bytes(path: Path) -> int:
    """What a file occupies, its holes not counted."""
    return path.stat().st_blocks * 512


def vmcore_of(wanted: Input, say: Say) -> Path:
    """The input's vmcore: from the cache, or made now and put there."""
    folder = Folder(cache_dir() / "bench" / wanted.name)
    made = folder.path / "made.json"
    recipe = recipe_of(wanted)
    if not (made.exists() and folder.vmcore.exists() and made.read_text("utf-8") == recipe):
        say(f"making {wanted.name}: {wanted.about}")
        Frozen(wanted, folder, say).run()
        made.write_text(recipe, encoding="utf-8")
    size, disk = folder.vmcore.stat().st_size / qemu.GIB, disk_bytes(folder.vmcore) / qemu.GIB
    say(f"{wanted.name}: {wanted.about}; {size:.1f} GiB, {disk:.2f} GiB of them on disk")
    return folder.vmcore


def read_once(path: Path) -> int:
    """Bring a file's data, not its holes, into the page cache; return the number of bytes."""
    total = 0
    with open(path, "rb", buffering=0) as file:
        end = os.fstat(file.fileno()).st_size
        hole = 0
        while hole < end:
            try:
                data = os.lseek(file.fileno(), hole, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                break
            hole = os.lseek(file.fileno(), data, os.SEEK_HOLE)
            os.lseek(file.fileno(), data, os.SEEK_SET)
            while data < hole:
                done = len(file.read(min(hole - data, 4 << 20)))
                if not done:
                    raise LabError(f"{path} ended early")
                data += done
                total += done
    return total
