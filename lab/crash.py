# SPDX-License-Identifier: GPL-2.0-or-later
"""Running one scenario: build the guest, boot it, let it crash, and collect what was captured."""

import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from . import arrived, debian, debs, disk, kernels, modules, qemu, staged, tools, uki
from .action import WORLD_WORDS, Actions
from .console import DIED, Console
from .damage import Damage
from .disks import PRECIOUS, make_old_crashes
from .errors import LabError, Unavailable
from .paths import build_dir, program
from .places import Places
from .proc import environment, run
from .scenario import ROOT_DISK, Scenario
from .vmcore import Ram, Segment, elfcorehdr_address
from .world import World
from .world.client import FOLDER

Say = Callable[[str], None]
CRASH_ROOT = "/var/crash"
WAITING = re.compile(r"^lab: waiting after (\S+)$")
CRASH_FOLDER = re.compile(r"(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\dZ)(-[0-9a-f]{8}|-\d+)?")
DISK_MODULES = ["virtio_pci", "virtio_blk"]
AFTER_SECONDS = 60
# A guest stands still when this machine has other things to do. A kernel panics if its timer does so at boot ("IO-APIC + timer
# does not work"); under KVM it does not look either (paravirt_ops_setup() of arch/x86/kernel/kvm.c). And one of a single CPU
# believes a time stamp counter that it has measured meanwhile: its clock was fifty times too fast, and deadlines passed at once.
PATIENCE = "no_timer_check tsc=unstable"
# Of CPU 0, bank 1: uncorrected, the context is corrupt, an address is there (IA32_MCi_STATUS); IA32_MCG_STATUS says that it is
# being handled and that nothing can go on.
MACHINE_CHECK = "mce 0 1 0xbe00000000000005 0x4 0x1000 0x0"

# Console lines, each awaited after the one before, and what they tell the user.
PHASES: tuple[tuple[str, str], ...] = (
    (r"^lab: up$", "first kernel is up"),
    (r"^lab: armed$", "panic kernel loaded"),
    (DIED, "panic"),
    (r"Run /init as init process", "capture kernel is up"),
)


@dataclass(frozen=True)
class Facts:
    """What a judge has to know about a finished crash; kept as facts.json beside its files."""

    scenario: str
    kernel: str
    suite: str  # of Debian, whose kernel it is, or the user's word for another; empty: this machine's own
    memory_mib: int
    level: int
    accelerator: str
    seconds: float
    at: str = ROOT_DISK  # the disk or share with the crash folder that most judges look at
    plugged_mib: int = 0  # memory that it got while it ran
    overlays: list[str] = field(default_factory=list)  # what was laid over the scenario


class Folder:
    """The output folder of one crash, and the names of what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path = path.resolve()  # QEMU has another working folder
        self.recipe = path / "capture.recipe"
        self.ram = path / "ram"
        self.disk = path / "disk.img"
        self.firmware = path / "firmware.fd"
        self.console_log = path / "console.log"
        self.capture_image = path / "capture.img"
        self.captured = path / "captured"
        self.places = path / "places"  # the files of the other disks and shares, by their names
        self.opened = path / "opened"  # places as they were before what is encrypted was opened
        self.after_log = path / "after.log"
        self.vmcore = path / "vmcore.rebuilt"
        self.staged = path / "staged.json"
        self.facts_file = path / "facts.json"

    def raw(self, at: str) -> Path:
        """A place as the guest left it: with files that are encrypted, or streams."""
        server = self.path / FOLDER / at / "root"
        return server if server.is_dir() else self.opened / at

    def make_anew(self) -> None:
        """An empty folder; what is in it goes away only if a drill has put it there."""
        if self.path.is_dir() and any(self.path.iterdir()):
            if not self.recipe.exists():
                raise LabError(f"{self.path} exists and was not made by the lab")
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.recipe.touch()

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

    def crash_folders(self, at: str = ROOT_DISK) -> list[Path]:
        """The folders that captures made on a disk or share, the earliest first."""
        top = self.captured if at == ROOT_DISK else self.places / at
        found = (path for path in top.rglob("*") if CRASH_FOLDER.fullmatch(path.name))
        return sorted(path for path in found if path.is_dir())

    def crash_folder(self) -> Path:
        """The folder that the judges look at: the latest."""
        at = self.facts().at
        folders = self.crash_folders(at)
        if not folders:
            raise LabError(f"no crash folder on {at}")
        return folders[-1]


def system_program(name: str) -> Path:
    """A program of this machine."""
    found = shutil.which(name, path=environment()["PATH"])
    if not found:
        raise Unavailable(f"{name} is not installed on this machine")
    return Path(found)


def fetch_packages(scenario: Scenario) -> debs.Kernel:
    """Whatever a scenario needs from Debian; return its kernel."""
    if scenario.peers:
        debs.fetch_kexec()
    if scenario.guest.firmware:
        debs.fetch_firmware(scenario.guest.firmware)
    if scenario.uki:
        debs.fetch_uki_stub()
    if scenario.networks or scenario.configured.conf:
        tools.fetch()
    if scenario.restart.by == "systemd" or scenario.configured.conf:
        debian.fetch_system()
    if scenario.restart.by:
        kernels.second_of(scenario)
    kernel = kernels.of_guest(scenario.guest)
    if scenario.death.crasher:
        modules.fetch_crasher(kernel, scenario.guest.kernel, scenario.guest.suite)
    return kernel


def link_or_copy(source: str, target: str) -> None:
    """The same file at another place, without its bytes where that can be."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


class Drill:
    """One run of one scenario into one folder."""

    told = PHASES

    def __init__(self, scenario: Scenario, folder: Folder, say: Say) -> None:
        self.scenario = scenario
        self.folder = folder
        self.say = say
        self.uuid = str(uuid.uuid4())
        self.places = Places(scenario, folder.path)
        self.world = World(scenario, folder.path)
        self.actions = Actions(scenario.actions, self.act)
        self.machine: qemu.Machine | None = None  # while it lives
        self.phases = list(self.told)
        self.root_modules: list[str] = []  # that the guest's kernel has not built in
        self.started = time.monotonic()
        self.regions: list[tuple[int, int]] = []  # reserved for the panic kernel
        self.staged: dict[str, list[Segment]] = {}  # by kexec-tools

    def step(self, text: str) -> None:
        """One line per phase, with the time since the start."""
        self.say(f"{time.monotonic() - self.started:6.1f} s  {text}")

    def run(self) -> Facts:
        """The whole drill; the folder then holds everything that the judges need."""
        self.folder.make_anew()
        with self.world:
            return self.run_in_world()

    def run_in_world(self) -> Facts:
        """The same, with the servers there."""
        kernel = self.fetch()
        first, capture = self.images(kernel)
        self.places.make()
        self.make_disk(kernel, capture)
        self.step(f"images and guest disk made; capture image {capture.stat().st_size >> 10} KiB")
        facts = self.crash(kernel, first)
        if self.scenario.boots_again:
            self.boot_again(kernel, first)
        self.world.end()
        self.collect()
        staged.keep_headers(self.folder.staged, self.staged)
        text = json.dumps(asdict(facts), indent=1)
        self.folder.facts_file.write_text(text + "\n", encoding="utf-8")
        return facts

    def fetch(self) -> debs.Kernel:
        """The kernel, with whatever else is to be fetched. One that a user has named may lack what the scenario is about."""
        kernel = fetch_packages(self.scenario)
        self.step(f"kernel {kernel.version} ({kernel.source})")
        if self.scenario.guest.kernel:
            wanted = [*self.scenario.modules, *self.scenario.guest.first_modules, *self.places.modules()]
            if why := kernels.unfit(kernel, wanted, self.scenario.needs):
                raise Unavailable(f"kernel {kernel.version} {why}")
        self.root_modules = kernels.root_modules(kernel)
        return kernel

    def images(self, kernel: debs.Kernel) -> tuple[Path, Path]:
        """The first kernel's initramfs and the capture kernel's, from the same builder."""
        capture = self.folder.capture_image
        self.write_recipe(self.folder.recipe)
        with self.root_with_programs(kernel) as root:
            self.initramfs(replace(kernel, root=root), self.folder.recipe, "lifeboat-init", capture)
        return self.first_image(kernel), capture

    @contextmanager
    def root_with_programs(self, kernel: debs.Kernel) -> Iterator[Path]:
        """The kernel's tree, and in it the programs that the recipe names."""
        wanted = self.scenario
        if not (wanted.programs or wanted.tools or wanted.files):
            yield kernel.root
            return
        root = self.folder.path / "root"
        shutil.copytree(kernel.root, root, symlinks=True, copy_function=link_or_copy)
        for name in wanted.programs:
            shutil.copy2(program(name), root / name)
        self.add_files(root)
        yield root
        shutil.rmtree(root)

    def add_files(self, root: Path) -> None:
        """The scenario's tools and files."""
        for name in self.scenario.tools:
            built = build_dir() / Path(name).name
            disk.copy_program(built if built.exists() else system_program(Path(name).name), root, name)
        for name, source in self.scenario.files.items():
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.fill_in(source), path)
            path.chmod(0o600)

    def fill_in(self, text: str) -> str:
        """@ROOT@ is the root disk's UUID, @NOW@ the time, @AGE@ and @AGE-SSH@ are recipients; see also places and world."""
        text = text.replace("@ROOT@", self.uuid).replace("@NOW@", str(int(time.time())))
        for word, make, key in arrived.RECIPIENTS:
            if word in text:
                text = text.replace(word, make(self.folder.path / key))
        return self.world.fill_in(self.places.fill_in(text))

    def first_image(self, kernel: debs.Kernel) -> Path:
        """The initramfs with the lab's own PID 1."""
        first = self.folder.path / "first.img"
        # The first kernel needs its disks in every scenario, whatever the capture kernel lacks.
        recipe = self.folder.path / "first.recipe"
        names = [*DISK_MODULES, *kernels.root_modules(kernel), *self.places.modules(), *self.scenario.guest.first_modules]
        names += ["virtio_mem"] if self.scenario.guest.file_mib != self.scenario.guest.memory_mib else []
        names += ["virtio_balloon"] if self.scenario.guest.balloon_mib else []
        lines = ["schema = lifeboat-recipe-3"]
        lines += [f"module = {name}" for name in names]
        lines += ["target = fs", f"device = UUID={self.uuid}", "fstype = ext4"]
        recipe.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.initramfs(kernel, recipe, "lab-guest", first)
        return first

    def write_recipe(self, path: Path) -> None:
        """The scenario's recipe: what it has for all, its links and layers, then its targets."""
        pairs = [*self.scenario.recipe.items(), ("module", self.capture_modules())]
        for target in (*self.scenario.links, *self.scenario.layers, *self.scenario.targets):
            pairs += target.items()
        lines = []
        for key, value in pairs:
            values: list[str] = value if isinstance(value, list) else [str(value)]
            lines += [f"{key} = {one}" for one in values]
        path.write_text(self.fill_in("\n".join(lines)) + "\n", encoding="utf-8")

    def capture_modules(self) -> list[str]:
        """The scenario's, and the root disk's file system where a target is on such a one."""
        there = any(target.get("fstype") == "ext4" for target in self.scenario.targets)
        return list(dict.fromkeys([*self.scenario.modules, *(self.root_modules if there else [])]))

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
        shutil.copytree(self.folder.path / PRECIOUS, tree / PRECIOUS)
        make_old_crashes(tree / CRASH_ROOT.lstrip("/"), self.scenario.guest.old_crashes)
        disk.copy_program(program("lifeboat"), tree, "/usr/bin/lifeboat")
        if self.scenario.load.get("mem-usage"):
            disk.copy_program(system_program("makedumpfile"), tree, "/usr/bin/makedumpfile")
        if self.scenario.peers:
            kexec, folders = debs.fetch_kexec()
            disk.copy_program(kexec, tree, "/usr/sbin/kexec", folders)
        self.add_crasher(kernel, tree)
        shutil.copy(kernel.vmlinuz, tree / "boot")
        shutil.copy(capture, tree / "boot/capture.img")
        if self.scenario.uki:
            command_line = " ".join(self.capture_line())
            uki.make(kernel.vmlinuz, capture, command_line, tree / "boot/panic.efi")
        conf: dict[str, str | int] = {
            "kernel": f"/boot/{kernel.vmlinuz.name}",
            "initrd": "/boot/capture.img",
            "command-line": " ".join(self.capture_line()),
            "uki": "/boot/panic.efi" if self.scenario.uki else "",
            "load-args": " ".join(self.scenario.load_args),
            "peers": " ".join(self.scenario.peers),
            "wait": int(bool(self.scenario.damage)),
            "plug-mib": self.scenario.guest.plug_mib,
            "plug-later-mib": self.scenario.guest.plug_later_mib,
            "balloon-mib": self.scenario.guest.balloon_mib,
            **self.death_conf(),
            "after-run": "; ".join(" ".join(words) for words in self.after_run()),
            **self.places.conf(),
            **self.scenario.load,
        }
        self.finish_disk(tree, conf)

    def add_crasher(self, kernel: debs.Kernel, tree: Path) -> None:
        """The module that the guest dies by, if it does."""
        if self.scenario.death.crasher:
            guest = self.scenario.guest
            module = modules.fetch_crasher(kernel, guest.kernel, guest.suite)
            shutil.copy(module, tree / modules.AT.lstrip("/"))
            shutil.copy(module.with_name(modules.DEBUG), self.folder.path)

    def death_conf(self) -> dict[str, str | int]:
        """What /lab.conf says about how the guest dies."""
        guest, death = self.scenario.guest, self.scenario.death
        sysctls = " ".join(f"{name}={value}" for name, value in death.sysctls.items())
        return {"crashes": guest.crashes, "death": death.way, "sysctls": sysctls}

    def capture_line(self) -> list[str]:
        """The words of the capture kernel's command line."""
        return [*self.scenario.command_line, PATIENCE, *self.scenario.guest.capture_args]

    def after_run(self) -> list[list[str]]:
        """The commands for the time after the crash, with what they name."""
        return [[self.fill_in(word) for word in words] for words in self.scenario.after_run]

    def finish_disk(self, tree: Path, conf: Mapping[str, str | int]) -> None:
        """The tree becomes the disk, with /lab.conf in it."""
        lines = "".join(f"{key} = {value}\n" for key, value in conf.items())
        (tree / "lab.conf").write_text(lines, encoding="utf-8")
        disk.make_ext4(self.folder.disk, tree, self.uuid, self.scenario.guest.disk_mib)
        shutil.rmtree(tree)

    def boot(self, kernel: debs.Kernel, first: Path, more: list[str]) -> qemu.Boot:
        """What the guest boots, with more words on its command line."""
        guest = self.scenario.guest
        words = ["console=ttyS0", "panic=1", PATIENCE, f"crashkernel={guest.crashkernel}"]
        command_line = " ".join([*words, f"lab.root={self.uuid}", *guest.kernel_args, *more])
        memory, cpus = guest.memory_mib, guest.cpus
        return qemu.Boot(kernel.vmlinuz, first, command_line, memory, cpus, self.firmware())

    def firmware(self) -> Path | None:
        """The guest's own copy of its firmware: variables that it sets are there when it boots again."""
        if not self.scenario.guest.firmware:
            return None
        if not self.folder.firmware.exists():
            shutil.copyfile(debs.fetch_firmware(self.scenario.guest.firmware), self.folder.firmware)
        return self.folder.firmware

    def make_machine(self, kernel: debs.Kernel, first: Path) -> tuple[qemu.Machine, str]:
        """The guest as the scenario wants it, and its accelerator."""
        guest = self.scenario.guest
        boot = self.boot(kernel, first, [])
        accelerator = qemu.accelerator(boot)
        machine = qemu.Machine(boot, accelerator, self.folder.console_log)
        if guest.nodes:
            machine.back_nodes(self.folder.ram, guest.nodes)
        else:
            machine.back_memory(self.folder.ram)
        if plugged := guest.file_mib - guest.memory_mib:
            machine.add_pluggable(self.folder.ram, plugged)
        if guest.balloon_mib:
            machine.argv += ["-device", "virtio-balloon-pci"]
        machine.add_disk(self.folder.disk)
        machine.add_monitor()
        self.places.add_to(machine)
        for nic in self.scenario.nics:
            machine.add_nic(nic)
        machine.argv += guest.devices
        if guest.crashes > 1:
            machine.let_reboot()
        self.step(f"booting with {accelerator}, {guest.memory_mib} MiB, {guest.crashkernel} kept")
        return machine, accelerator

    def boot_again(self, kernel: debs.Kernel, first: Path) -> None:
        """The guest once more, with sound disks: it copies to its root disk what only a kernel can read."""
        boot = self.boot(kernel, first, ["lab.after"])
        machine = qemu.Machine(boot, qemu.accelerator(boot), self.folder.after_log)
        machine.add_disk(self.folder.disk)
        for image in self.places.sound():
            machine.add_image(image)
        for nic in self.scenario.nics:
            machine.add_nic(nic)
        ended = machine.run(AFTER_SECONDS)
        console = Console.read(self.folder.after_log)
        if not ended or not console.find(r"^lab: after: done$"):
            raise self.failure(console, "the guest did not come to its end when booted once more")
        self.step("booted once more")

    def crash(self, kernel: debs.Kernel, first: Path) -> Facts:
        """Boot, crash and capture; ends when the guest has powered off."""
        facts = self.live(kernel, first)
        console = self.folder.console()
        if not console.find(DIED):
            raise self.failure(console, "the first kernel ended without a panic")
        return facts

    def live(self, kernel: debs.Kernel, first: Path) -> Facts:
        """The guest's whole life."""
        guest = self.scenario.guest
        machine, accelerator = self.make_machine(kernel, first)
        started = time.monotonic()
        self.machine = machine
        hear = lambda text: self.hear(machine, kernel, text)
        ended = machine.run(guest.seconds, hear, self.actions.tick)
        self.machine = None
        machine.join_memory(self.folder.ram)
        if not ended:
            why = f"the guest did not end within {guest.seconds} s"
            raise self.failure(self.folder.console(), why)
        seconds = time.monotonic() - started
        self.step("the guest has ended")
        name, level, memory = self.scenario.name, self.scenario.level, guest.memory_mib
        at = self.scenario.expect.at
        suite, plugged, over = guest.kernel or guest.suite, guest.file_mib - memory, self.scenario.overlays
        return Facts(name, kernel.version, suite, memory, level, accelerator, seconds, at, plugged, over)

    def hear(self, machine: qemu.Machine, kernel: debs.Kernel, text: str) -> bool:
        """One line of the guest, which may be waiting for us; never ends the guest."""
        self.announce(text)
        self.actions.hear(text)
        self.regions += staged.regions_in(text)
        if waiting := WAITING.match(text):
            if not self.do_to_machine(machine, waiting.group(1)):
                self.look(kernel, waiting.group(1))
            machine.answer("go on")
        return False

    def do_to_machine(self, machine: qemu.Machine, what: str) -> bool:
        """The guest waits for what only the host can do: memory comes or goes, or it dies of that."""
        guest = self.scenario.guest
        if what == "plug":
            machine.plug(guest.plug_mib)
        elif what == "plug-later":
            machine.plug(guest.plug_mib + guest.plug_later_mib)
        elif what == "balloon":
            machine.inflate(guest.balloon_mib)
        elif what == "nmi":
            machine.execute("inject-nmi")
        elif what == "mce":
            machine.execute("human-monitor-command", **{"command-line": MACHINE_CHECK})
        elif what == "break":
            machine.execute("chardev-send-break", id="serial0")
            machine.answer("c")
        else:
            return False
        self.step(f"{what}: done")
        return True

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

    def act(self, words: list[str]) -> None:
        """Do one of the scenario's actions to the guest."""
        assert self.machine
        what, name = words[0], words[-1]
        if what == "attach":
            self.machine.attach(self.places.image(name))
        elif what == "detach":
            self.machine.execute("device_del", id=name)
        elif what == "hang":
            self.machine.hang(name)
        elif what == "damage":
            ram = Ram(self.folder.ram, self.scenario.guest.memory_mib, writable=True)
            Damage(ram, elfcorehdr_address(self.folder.console())).do(name)
        elif what == "keep":
            with self.machine.standing_still():
                self.places.keep(name, self.folder.disk)
        elif what == "cut":
            self.machine.cut_power()
        elif what == "nmi":
            self.machine.execute("inject-nmi")
        elif what in ("plug", "unplug"):
            self.machine.set_link(name, what == "plug")
        elif what in WORLD_WORDS:
            self.world.ask(*words)
        self.step(" ".join(words))

    def announce(self, text: str) -> bool:
        """Tell the user about the phases that console lines begin; never ends the guest."""
        if self.phases and re.search(self.phases[0][0], text):
            self.step(self.phases.pop(0)[1])
        return False

    def failure(self, console: Console, why: str) -> LabError:
        """An error that shows the end of the console."""
        return LabError(f"{why}; the console ended with\n{console.tail()}")

    def collect_other(self) -> None:
        """Crashes that are elsewhere on the root disk."""
        path = self.scenario.configured.root_path.rstrip("/")
        if path and path != CRASH_ROOT and not path.startswith(f"{CRASH_ROOT}/"):
            disk.extract(self.folder.disk, path, self.folder.captured / "other")

    def collect(self) -> None:
        """Take the capture's folder out of the disk image, and what is on the others."""
        if left := self.actions.left():
            why = f"no line of the console was the sign to {', '.join(left)}"
            raise self.failure(self.folder.console(), why)
        disk.extract(self.folder.disk, CRASH_ROOT, self.folder.captured)
        self.collect_other()
        disk.extract(self.folder.disk, f"/{PRECIOUS}", self.folder.captured)
        self.folder.places.mkdir()
        self.places.collect(self.folder.disk, self.folder.places)
        for server in self.scenario.servers:
            arrived.put_in_order(self.world.folder_of(server.name), self.folder.places / server.name, self.folder.path)
        if self.scenario.encrypted:
            for top in (self.folder.captured / "crash", *self.folder.places.iterdir()):
                arrived.put_in_order_here(top, self.folder.raw(top.name), self.folder.path)
