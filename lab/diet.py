# SPDX-License-Identifier: GPL-2.0-or-later
"""How much the capture needs: time, memory and an image, beside what Debian's parts need for the same.

The peer is an image of busybox and makedumpfile, out of Debian's packages, that does nothing but write the dump to the
same file system. Both are loaded by the same loader into the same guest, and crash in turns: this machine's speed
changes by the minute.
"""

import gzip
import json
import re
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import debs, disk
from .console import PANIC, Console
from .crash import DISK_MODULES, Drill, Folder, Say
from .errors import LabError
from .kdump import STATUS_INCOMPLETE, Kdump
from .proc import environment, run
from .scenario import Scenario

GZIP_MAGIC = b"\x1f\x8b\x08"
OURS, PEER = "lifeboat", "makedumpfile"
ROUNDS = 3
BASE_WORDS = "console=ttyS0 panic=1"  # the rules, or kdump-tools, add theirs
# What kdump-tools 1.8.1 appends (/usr/sbin/kdump-config), less systemd's unit: there is no systemd here.
PEER_WORDS = f"{BASE_WORDS} reset_devices nr_cpus=1 irqpoll usbcore.nousb"
LADDER = ("72M", "68M", "64M", "60M", "58M", "56M", "54M", "52M")

PEER_INIT = """\
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
echo "lab: init" >/dev/kmsg
for module in $($b cat /modules); do $b insmod $module; done
until device=$($b findfs UUID=@ROOT@); do $b usleep 20000; done
$b mount -t ext4 $device /target
folder=/target/var/crash/$($b date -u +%Y-%m-%dT%H-%M-%SZ)
$b mkdir -p $folder
echo "lab: mounted" >/dev/kmsg
makedumpfile -l -d 31 /proc/vmcore $folder/vmcore >/dev/null &&
	echo "lab: written" >/dev/kmsg
$b sync
echo "lab: durable" >/dev/kmsg
$b umount /target
$b poweroff -f
"""

# Of the capture kernel: the first word of its init, and the dump's last byte on the disk.
MARKS = {
    OURS: (r"\] lifeboat: version", r"\] lifeboat: dump done"),
    PEER: (r"\] lab: init", r"\] lab: durable"),
}
# Why a capture failed; what it quotes of the crashed kernel's log is not that.
TELLING = re.compile(r"^(?!.*lifeboat: (\||crashed)).*(FAILED|Kernel panic|invoked oom|Out of memory)")
CLOCK = re.compile(r"^\[ *(\d+\.\d+)\]")


@dataclass(frozen=True)
class Sample:
    """One crash: seconds by the capture kernel's clock, but for the first."""

    panic_to_init: float  # by the host's clock, so with the kernel's unpacking
    start_to_init: float
    init_to_durable: float
    console_bytes: int  # that the capture kernel wrote
    phases: dict[str, int]  # milliseconds, as crash.json has them; none of the peer's
    dump_bytes: int


@dataclass(frozen=True)
class Image:
    """Sizes of an initramfs."""

    packed: int
    unpacked: int


def kernel_clock(console: Console, pattern: str) -> tuple[float, float]:
    """The host's and the kernel's time of the first line that matches."""
    line = console.find(pattern)
    found = CLOCK.match(line.text) if line else None
    if not line or not found:
        raise LabError(f"no line {pattern!r}; the console ended with\n{console.tail()}")
    return line.seconds, float(found.group(1))


@contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """An empty folder that goes away again."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def pack_cpio(tree: Path, image: Path) -> int:
    """A gzip'ed newc archive of the tree; returns its size before that."""
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    made = subprocess.run(
        ["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"],
        cwd=tree,
        env=environment(),
        input=names.encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    image.write_bytes(gzip.compress(made.stdout, 9, mtime=0))
    return len(made.stdout)


def copy_modules(kernel: debs.Kernel, wanted: list[str], tree: Path) -> None:
    """The modules with what they need, and their order in /modules, as modprobe has it."""
    names = []
    for module in wanted:
        argv: list[str | Path] = ["modprobe", "-d", kernel.root, "-S", kernel.version, "--show-depends", module]
        for line in run(argv).stdout.splitlines():
            kind, _, rest = line.partition(" ")
            source = Path(rest.split()[0]) if kind == "insmod" else None
            if source and source.name not in names:
                names.append(source.name)
                shutil.copy(source, tree / source.name)
    (tree / "modules").write_text("".join(f"/{name}\n" for name in names), encoding="ascii")


class Diet(Drill):
    """One crash, captured in one of the ways."""

    def __init__(self, scenario: Scenario, folder: Folder, say: Say, way: str) -> None:
        super().__init__(scenario, folder, say)
        self.way = way
        self.image = Image(0, 0)

    def step(self, text: str) -> None:
        """Many crashes: nobody wants to see each one's steps."""

    def initramfs(self, kernel: debs.Kernel, recipe: Path, init: str, image: Path) -> None:
        """As always, but for the peer's own."""
        if init == "lifeboat-init" and self.way == PEER:
            self.image = self.peer_image(kernel, image)
            return
        super().initramfs(kernel, recipe, init, image)
        if init == "lifeboat-init":
            packed = image.read_bytes()
            start = packed.index(GZIP_MAGIC)  # the image's inputs stand before it, as they are
            self.image = Image(len(packed), start + len(gzip.decompress(packed[start:])))

    def peer_image(self, kernel: debs.Kernel, image: Path) -> Image:
        """busybox, makedumpfile with its libraries, the modules, and a script."""
        busybox, _ = debs.package("busybox-static")
        makedumpfile, _ = debs.package("makedumpfile")
        with fresh(self.folder.path / "peer") as tree:
            for name in ("bin", "usr/bin", "proc", "sys", "dev", "target", "tmp"):
                (tree / name).mkdir(parents=True)
            shutil.copy2(next(busybox.glob("**/bin/busybox")), tree / "bin/busybox")
            found = makedumpfile / "usr/bin/makedumpfile"
            disk.copy_program(found, tree, "/usr/bin/makedumpfile")
            copy_modules(kernel, [*DISK_MODULES, "ext4"], tree)
            init = tree / "init"
            init.write_text(PEER_INIT.replace("@ROOT@", self.uuid), encoding="ascii")
            init.chmod(0o755)
            unpacked = pack_cpio(tree, image)
        return Image(image.stat().st_size, unpacked)

    def sample(self) -> Sample:
        """What the finished crash shows; an error unless its dump is whole."""
        console = self.folder.console()
        panic = console.find(PANIC)
        if not panic:
            raise self.failure(console, "no panic")
        second = console.after(PANIC)
        first, last = MARKS[self.way]
        host, init = kernel_clock(second, first)
        _, durable = kernel_clock(second, last)
        crash = self.folder.crash_folder()
        if Kdump(crash / "vmcore").status & STATUS_INCOMPLETE:
            raise LabError(f"{self.way}: the dump is not whole")
        own = second.after(r"\] Linux version").lines
        return Sample(
            host - panic.seconds,
            init,
            durable - init,
            sum(len(line.text) + 2 for line in own),
            self.phases_of(crash) if self.way == OURS else {},
            (crash / "vmcore").stat().st_size,
        )

    def phases_of(self, crash: Path) -> dict[str, int]:
        """crash.json's."""
        record = json.loads((crash / "crash.json").read_text(encoding="utf-8"))
        if record["capture"]["result"] != "complete":
            raise LabError(f"the capture's result is {record['capture']['result']}")
        return {one["name"]: one["took_ms"] for one in record["capture"]["phases"]}


@dataclass(frozen=True)
class Wanted:
    """What is measured."""

    scenario: Scenario
    append: list[str]  # more words for our capture kernel
    rounds: int

    def variant(self, way: str, crashkernel: str) -> Scenario:
        """The scenario without what takes time before the crash and says nothing about it."""
        words = PEER_WORDS.split() if way == PEER else [*BASE_WORDS.split(), *self.append]
        return replace(
            self.scenario,
            guest=replace(self.scenario.guest, crashkernel=crashkernel),
            load={**self.scenario.load, "mem-usage": 0},
            load_args=["--no-rules"] if way == PEER else [],
            command_line=words,
        )


def crash_once(scenario: Scenario, folder: Path, way: str) -> tuple[Image, Sample]:
    """One crash in a folder of its own, whose memory is not kept."""
    at = Folder(folder / way)
    drill = Diet(scenario, at, print, way)
    try:
        drill.run()
        return drill.image, drill.sample()
    finally:
        at.discard_memory()


def spread(values: list[float]) -> str:
    """The median, and from where to where they went."""
    return f"{statistics.median(values):7.3f} s ({min(values):.3f} to {max(values):.3f})"


def tell(samples: dict[str, list[Sample]], images: dict[str, Image], say: Say) -> None:
    """The table, ours against the peer's."""
    for way, image in images.items():
        say(f"{way:12} image {image.packed:9,} bytes packed, {image.unpacked:10,} unpacked")
    for name, title in (
        ("panic_to_init", "panic to init, host's clock"),
        ("start_to_init", "kernel start to init"),
        ("init_to_durable", "init to dump durable"),
    ):
        medians = {}
        for way, found in samples.items():
            values = [getattr(sample, name) for sample in found]
            medians[way] = statistics.median(values)
            say(f"{title:28} {way:12} {spread(values)}")
        if PEER in medians:
            ours, peer = medians[OURS], medians[PEER]
            say(f"{title:28} {100 * (1 - ours / peer):.0f} % less, {peer / ours:.2f} times as fast")
    for way, found in samples.items():
        say(f"{way:12} {found[0].console_bytes} bytes on the console, dump {found[0].dump_bytes}")
    for phase in samples[OURS][0].phases:
        values = [sample.phases[phase] for sample in samples[OURS]]
        say(f"  {statistics.median(values):6.0f} ms  {phase}")


def compare(wanted: Wanted, out: Path, say: Say) -> None:
    """Both ways in turns."""
    crashkernel = wanted.scenario.guest.crashkernel
    samples: dict[str, list[Sample]] = {OURS: [], PEER: []}
    images = {}
    for _ in range(wanted.rounds):
        for way, found in samples.items():
            images[way], sample = crash_once(wanted.variant(way, crashkernel), out, way)
            found.append(sample)
    say(f"crashkernel={crashkernel}, {wanted.rounds} crashes each; medians")
    tell(samples, images, say)


def ladder(wanted: Wanted, sizes: list[str], out: Path, say: Say) -> None:
    """Smaller and smaller reservations, until none of the crashes is captured."""
    for size in sizes:
        said = []
        for _ in range(wanted.rounds):
            try:
                _, sample = crash_once(wanted.variant(OURS, size), out, OURS)
                said.append(f"dump {sample.dump_bytes >> 20} MiB")
            except LabError as err:
                said.append(f"FAILED: {last_words(Folder(out / OURS), err)}")
        say(f"crashkernel={size}: " + "; ".join(said))
        if all(one.startswith("FAILED") for one in said):
            return


def last_words(folder: Folder, err: LabError) -> str:
    """Why a capture failed, on one line."""
    try:
        lines = folder.console().after(PANIC).lines
    except (OSError, LabError):
        lines = []
    telling = [line.text for line in lines if TELLING.search(line.text)]
    return telling[0] if telling else str(err).splitlines()[0]
