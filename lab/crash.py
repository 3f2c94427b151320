# SPDX-License-Identifier: GPL-2.0-or-later
"""Running one scenario: build the guest, boot it, let it crash, and collect what was captured."""

import json
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from . import debian, debs, disk, qemu, staged, uki
from .console import PANIC, Console
from .errors import LabError
from .paths import program
from .proc import environment, run
from .scenario import Scenario
from .vmcore import Segment

Say = Callable[[str], None]
CRASH_ROOT = "/var/crash"
WAITING = re.compile(r"^lab: waiting after (\S+)$")

# Console lines, each awaited after the one before, and what they tell the user.
PHASES: tuple[tuple[str, str], ...] = (
    (r"^lab: up$", "first kernel is up"),
    (r"^lab: armed$", "panic kernel loaded"),
    (PANIC, "panic"),
    (r"Run /init as init process", "capture kernel is up"),
)


@dataclass(frozen=True)
class Facts:
    """What a judge has to know about a finished crash; kept as facts.json beside its files."""

    scenario: str
    kernel: str
    suite: str  # of Debian, whose kernel it is; empty: this machine's own
    memory_mib: int
    level: int
    accelerator: str
    seconds: float


class Folder:
    """The output folder of one crash, and the names of what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / "capture.recipe"
        self.ram = path / "ram"
        self.disk = path / "disk.img"
        self.console_log = path / "console.log"
        self.capture_image = path / "capture.img"
        self.captured = path / "captured"
        self.vmcore = path / "vmcore.rebuilt"
        self.staged = path / "staged.json"
        self.facts_file = path / "facts.json"

    def make_anew(self) -> None:
        """An empty folder; what is in it goes away only if a drill has put it there."""
        if self.path.is_dir() and any(self.path.iterdir()):
            if not self.recipe.exists():
                raise LabError(f"{self.path} exists and was not made by the lab")
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)

    def console(self) -> Console:
        """The console of both kernels."""
        return Console.read(self.console_log)

    def facts(self) -> Facts:
        """The facts of the crash that is in this folder."""
        try:
            return Facts(**json.loads(self.facts_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as err:
            raise LabError(f"{self.path} holds no finished crash: {err}") from err

    def discard_memory(self) -> None:
        """Delete the copies of the guest's memory: gigabytes that nobody reads after the judges."""
        for path in (self.ram, self.vmcore):
            path.unlink(missing_ok=True)

    def crash_folders(self) -> list[Path]:
        """The folders that captures made on the guest's disk."""
        return sorted(path for path in self.captured.glob("crash/*") if path.is_dir())

    def crash_folder(self) -> Path:
        """The one folder that the capture made."""
        folders = self.crash_folders()
        if len(folders) != 1:
            raise LabError(f"{len(folders)} folders in {self.captured / 'crash'}, expected one")
        return folders[0]


def system_program(name: str) -> Path:
    """A program of this machine."""
    found = shutil.which(name, path=environment()["PATH"])
    if not found:
        raise LabError(f"{name} is not installed on this machine")
    return Path(found)


def fetch_packages(scenario: Scenario) -> debs.Kernel:
    """Whatever a scenario needs from Debian; return its kernel."""
    if scenario.peers:
        debs.fetch_kexec()
    if scenario.guest.firmware:
        debs.fetch_firmware(scenario.guest.firmware)
    if scenario.uki:
        debs.fetch_uki_stub()
    if scenario.restart.by == "systemd":
        debian.fetch_system()
    if scenario.restart.by:
        debs.fetch_kernel(scenario.restart.suite)
    return debs.fetch_kernel(scenario.guest.suite)


class Drill:
    """One run of one scenario into one folder."""

    told = PHASES

    def __init__(self, scenario: Scenario, folder: Folder, say: Say) -> None:
        self.scenario = scenario
        self.folder = folder
        self.say = say
        self.uuid = str(uuid.uuid4())
        self.phases = list(self.told)
        self.started = time.monotonic()
        self.regions: list[tuple[int, int]] = []  # reserved for the panic kernel
        self.staged: dict[str, list[Segment]] = {}  # by kexec-tools

    def step(self, text: str) -> None:
        """One line per phase, with the time since the start."""
        self.say(f"{time.monotonic() - self.started:6.1f} s  {text}")

    def run(self) -> Facts:
        """The whole drill; the folder then holds everything that the judges need."""
        self.folder.make_anew()
        kernel = fetch_packages(self.scenario)
        self.step(f"kernel {kernel.version} (Debian {kernel.package_version})")
        first, capture = self.images(kernel)
        self.make_disk(kernel, capture)
        self.step(f"images and guest disk made; capture image {capture.stat().st_size >> 10} KiB")
        facts = self.crash(kernel, first)
        self.collect()
        staged.keep_headers(self.folder.staged, self.staged)
        text = json.dumps(asdict(facts), indent=1)
        self.folder.facts_file.write_text(text + "\n", encoding="utf-8")
        return facts

    def images(self, kernel: debs.Kernel) -> tuple[Path, Path]:
        """The first kernel's initramfs and the capture kernel's, from the same builder."""
        capture = self.folder.capture_image
        self.write_recipe(self.folder.recipe, self.scenario.modules)
        self.initramfs(kernel, self.folder.recipe, "lifeboat-init", capture)
        return self.first_image(kernel), capture

    def first_image(self, kernel: debs.Kernel) -> Path:
        """The initramfs with the lab's own PID 1."""
        first = self.folder.path / "first.img"
        # The first kernel needs its disk in every scenario, whatever the capture kernel lacks.
        recipe = self.folder.path / "first.recipe"
        self.write_recipe(recipe, ["virtio_pci", "virtio_blk"])
        self.initramfs(kernel, recipe, "lab-guest", first)
        return first

    def write_recipe(self, path: Path, modules: list[str]) -> None:
        """The scenario's recipe, with @ROOT@ standing for the guest disk's UUID."""
        lines = [f"{key} = {value}" for key, value in self.scenario.recipe.items()]
        lines += [f"module = {name}" for name in modules]
        text = "\n".join(lines).replace("@ROOT@", self.uuid)
        path.write_text(text + "\n", encoding="utf-8")

    def initramfs(self, kernel: debs.Kernel, recipe: Path, init: str, image: Path) -> None:
        """One image by our own builder, with one of the built programs as its init."""
        source = ["--root", str(kernel.root), "--kernel", kernel.version]
        content = ["--recipe", str(recipe), "--init", str(program(init))]
        run([program("lifeboat"), "initramfs", *source, *content, "-o", image])

    def make_disk(self, kernel: debs.Kernel, capture: Path) -> None:
        """The guest's root disk: lifeboat, its libraries, the panic kernel and lab.conf."""
        tree = self.folder.path / "tree"
        for name in ("proc", "sys", "dev", "run", "tmp", "boot", CRASH_ROOT.lstrip("/")):
            (tree / name).mkdir(parents=True)
        disk.copy_program(program("lifeboat"), tree, "/usr/bin/lifeboat")
        if self.scenario.load.get("mem-usage"):
            disk.copy_program(system_program("makedumpfile"), tree, "/usr/bin/makedumpfile")
        if self.scenario.peers:
            kexec, folders = debs.fetch_kexec()
            disk.copy_program(kexec, tree, "/usr/sbin/kexec", folders)
        shutil.copy(kernel.vmlinuz, tree / "boot")
        shutil.copy(capture, tree / "boot/capture.img")
        if self.scenario.uki:
            command_line = " ".join(self.scenario.command_line)
            uki.make(kernel.vmlinuz, capture, command_line, tree / "boot/panic.efi")
        conf: dict[str, str | int] = {
            "kernel": f"/boot/{kernel.vmlinuz.name}",
            "initrd": "/boot/capture.img",
            "command-line": " ".join(self.scenario.command_line),
            "uki": "/boot/panic.efi" if self.scenario.uki else "",
            "load-args": " ".join(self.scenario.load_args),
            "peers": " ".join(self.scenario.peers),
            "wait": int(bool(self.scenario.damage)),
            **self.scenario.load,
        }
        self.finish_disk(tree, conf)

    def finish_disk(self, tree: Path, conf: Mapping[str, str | int]) -> None:
        """The tree becomes the disk, with /lab.conf in it."""
        lines = "".join(f"{key} = {value}\n" for key, value in conf.items())
        (tree / "lab.conf").write_text(lines, encoding="utf-8")
        disk.make_ext4(self.folder.disk, tree, self.uuid, self.scenario.guest.disk_mib)
        shutil.rmtree(tree)

    def make_machine(self, kernel: debs.Kernel, first: Path) -> tuple[qemu.Machine, str]:
        """The guest as the scenario wants it, and its accelerator."""
        guest = self.scenario.guest
        words = ["console=ttyS0", "panic=1", f"crashkernel={guest.crashkernel}"]
        command_line = " ".join([*words, f"lab.root={self.uuid}", *guest.kernel_args])
        firmware = debs.fetch_firmware(guest.firmware) if guest.firmware else None
        memory, cpus = guest.memory_mib, guest.cpus
        boot = qemu.Boot(kernel.vmlinuz, first, command_line, memory, cpus, firmware)
        accelerator = qemu.accelerator(boot)
        machine = qemu.Machine(boot, accelerator, self.folder.console_log)
        machine.back_memory(self.folder.ram)
        machine.add_disk(self.folder.disk)
        self.step(f"booting with {accelerator}, {memory} MiB, {guest.crashkernel} kept")
        return machine, accelerator

    def crash(self, kernel: debs.Kernel, first: Path) -> Facts:
        """Boot, crash and capture; ends when the guest has powered off."""
        facts = self.live(kernel, first)
        console = self.folder.console()
        if not console.find(PANIC):
            raise self.failure(console, "the first kernel ended without a panic")
        return facts

    def live(self, kernel: debs.Kernel, first: Path) -> Facts:
        """The guest's whole life."""
        guest = self.scenario.guest
        machine, accelerator = self.make_machine(kernel, first)
        started = time.monotonic()
        ended = machine.run(guest.seconds, lambda text: self.hear(machine, kernel, text))
        if not ended:
            why = f"the guest did not end within {guest.seconds} s"
            raise self.failure(self.folder.console(), why)
        seconds = time.monotonic() - started
        self.step("the guest has ended")
        level = int(self.scenario.recipe["level"])
        name = self.scenario.name
        return Facts(
            name, kernel.version, guest.suite, guest.memory_mib, level, accelerator, seconds
        )

    def hear(self, machine: qemu.Machine, kernel: debs.Kernel, text: str) -> bool:
        """One line of the guest, which may be waiting for us; never ends the guest."""
        self.announce(text)
        self.regions += staged.regions_in(text)
        if waiting := WAITING.match(text):
            self.look(kernel, waiting.group(1))
            machine.answer("go on")
        return False

    def look(self, kernel: debs.Kernel, after: str) -> None:
        """The guest waits, and something is staged: look at what a peer did, damage what we did."""
        memory = self.scenario.guest.memory_mib
        reserved = staged.Reserved(self.folder.ram, memory, self.regions)
        if after in self.scenario.peers:
            self.staged[after] = reserved.take_core_header()
            self.step(f"core header of kexec-tools {after} taken")
        elif self.scenario.damage:
            files = {"kernel": kernel.vmlinuz, "initrd": self.folder.capture_image}
            address = reserved.damage(files[self.scenario.damage])
            self.step(f"{self.scenario.damage} damaged at {address:#x}")

    def announce(self, text: str) -> bool:
        """Tell the user about the phases that console lines begin; never ends the guest."""
        if self.phases and re.search(self.phases[0][0], text):
            self.step(self.phases.pop(0)[1])
        return False

    def failure(self, console: Console, why: str) -> LabError:
        """An error that shows the end of the console."""
        return LabError(f"{why}; the console ended with\n{console.tail()}")

    def collect(self) -> None:
        """Take the capture's folder out of the disk image."""
        disk.extract(self.folder.disk, CRASH_ROOT, self.folder.captured)
