# SPDX-License-Identifier: GPL-2.0-or-later
"""One QEMU guest at a time: started, listened to, bounded, and always reaped."""

import fcntl
import hashlib
import json
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import userns
from .disks import Image
from .errors import LabError, Unavailable
from .paths import cache_dir
from .proc import copy_extents, environment, run, tail
from .qmp import Monitor
from .scenario import Nic

QEMU = "qemu-system-x86_64"
GUEST_UP = "lab: up"
VIRTIOFSD = ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd")  # its newer place first
SOCKET = "--socket-path="
PROBE_SECONDS = 20
TICK_SECONDS = 0.1
EXIT_SECONDS = 10
GIB = 1 << 30

# QEMU's "pc" machine: RAM of 3.5 GiB or more is cut at 3 GiB, and the rest begins at 4 GiB.
PC_RAM_UNCUT = 0xE0000000
PC_LOW_RAM = 0xC0000000


@dataclass(frozen=True)
class Boot:
    """What a guest boots and on which machine."""

    kernel: Path
    initrd: Path
    command_line: str
    memory_mib: int
    cpus: int
    firmware: Path | None = None  # instead of QEMU's own BIOS; its variables are written into it


def file_offset(address: int, memory_mib: int) -> int:
    """Where a physical address of the guest lies in the file that backs its RAM; what was plugged in is at the file's end."""
    low = memory_mib << 20 if memory_mib << 20 < PC_RAM_UNCUT else PC_LOW_RAM
    return address if address < 4 * GIB else address - 4 * GIB + low


def plugged_address(memory_mib: int) -> int:
    """Where QEMU's pc machine has room for memory that is plugged in: at the first whole GiB above 4 GiB and RAM."""
    above = max(0, (memory_mib << 20) - PC_LOW_RAM) if memory_mib << 20 >= PC_RAM_UNCUT else 0
    return 4 * GIB + -(-above // GIB) * GIB


def accelerator_arguments(accelerator: str) -> list[str]:
    """QEMU's arguments for "kvm" or "tcg"."""
    if accelerator == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    # TCG of QEMU 7.2 gets cmpxchg16b wrong with several CPUs: kernels die at random in kmalloc.
    return ["-accel", "tcg,thread=multi", "-cpu", "max,cx16=off"]


def word(path: Path) -> str:
    """A path within an option of QEMU's, which ends at a comma that is not there twice."""
    return str(path).replace(",", ",,")


class Machine:
    """A guest whose serial console is written to a log with the host's clock on each line."""

    def __init__(self, boot: Boot, accelerator: str, log: Path) -> None:
        self.log = log
        self.argv = ["setpriv", "--pdeathsig", "KILL", QEMU, "-nodefaults", "-display", "none"]
        self.argv += accelerator_arguments(accelerator)
        self.argv += ["-smp", str(boot.cpus), "-m", str(boot.memory_mib), "-no-reboot"]
        self.argv += ["-serial", "stdio", "-kernel", str(boot.kernel), "-initrd", str(boot.initrd)]
        self.argv += ["-append", boot.command_line]
        # what QEMU tells of a triple fault: on the console such a guest ends without a word
        self.argv += ["-d", "cpu_reset", "-D", log.with_suffix(".resets").name]
        if boot.firmware:
            self.argv += ["-drive", f"if=pflash,format=raw,file={word(boot.firmware)}"]
        self.guest: subprocess.Popen[bytes] | None = None  # while it runs
        self.memory_mib = boot.memory_mib
        self.cpus = boot.cpus
        self.pieces: list[Path] = []  # of RAM that is in more than one file while it runs
        self.socket = log.with_suffix(".qmp")
        self.monitor: Monitor | None = None
        self.helpers: list[list[str]] = []  # programs that run beside it
        self.was_cut = False

    def back_memory(self, path: Path) -> None:
        """Keep the guest's RAM in a file, for judges to read when the guest is gone."""
        path.unlink(missing_ok=True)
        self.add_backend("m", self.memory_mib, path)
        self.argv += ["-machine", "pc,memory-backend=m"]

    def add_backend(self, name: str, mib: int, path: Path) -> None:
        """Memory of the guest that is a file."""
        self.argv += ["-object", f"memory-backend-file,id={name},size={mib}M,mem-path={word(path)},share=on"]

    def back_nodes(self, path: Path, nodes: list[int]) -> None:
        """The same for NUMA nodes of so many MiB: each has a file of its own while the guest lives."""
        path.unlink(missing_ok=True)
        self.argv += ["-machine", "pc"]
        for node, mib in enumerate(nodes):
            piece = self.add_piece(path, f"node-{node}")
            self.add_backend(f"node-{node}", mib, piece)
            self.argv += ["-numa", f"node,nodeid={node},memdev=node-{node}"]
        for cpu in range(self.cpus):
            self.argv += ["-numa", f"cpu,node-id={cpu % len(nodes)},socket-id={cpu}"]
        at = self.argv.index("-smp")
        self.argv[at + 1] = f"{self.cpus},sockets={self.cpus},cores=1,threads=1"

    def add_piece(self, path: Path, name: str) -> Path:
        """A part of the guest's memory, which join_memory() puts behind those before it."""
        piece = path.with_name(f"{path.name}.{name}")
        piece.unlink(missing_ok=True)
        self.pieces.append(piece)
        return piece

    def add_pluggable(self, path: Path, mib: int) -> None:
        """So much memory that plug() gives to the guest."""
        self.argv[self.argv.index("-m") + 1] = f"{self.memory_mib}M,maxmem={self.memory_mib + 2 * mib + 1024}M"
        self.add_backend("pluggable", mib, self.add_piece(path, "pluggable"))
        where = f"memaddr={plugged_address(self.memory_mib)}"
        self.argv += ["-device", f"virtio-mem-pci,id=plugged,memdev=pluggable,{where},requested-size=0"]

    def plug(self, mib: int) -> None:
        """The guest is asked to use so much of it in all."""
        self.execute("qom-set", path="/machine/peripheral/plugged", property="requested-size", value=mib << 20)

    def inflate(self, mib: int) -> None:
        """The guest's balloon takes so much of its memory."""
        self.execute("balloon", value=self.memory_mib - mib << 20)

    def join_memory(self, path: Path) -> None:
        """The guest has ended: its memory becomes one file again."""
        for piece in self.pieces:
            size = piece.stat().st_size
            if not path.exists():
                piece.rename(path)
                continue
            with open(path, "r+b") as out, open(piece, "rb") as source:
                at = out.seek(0, os.SEEK_END)
                out.truncate(at + size)
                copy_extents(source.fileno(), 0, out.fileno(), at, size)
            piece.unlink()

    def add_disk(self, image: Path) -> None:
        """A virtio disk; cache=unsafe because the host does not crash in our drills."""
        self.argv += ["-drive", f"file={word(image)},if=virtio,format=raw,cache=unsafe"]

    def add_monitor(self) -> None:
        """Let the guest be talked to by execute() while it runs."""
        # a socket's path is short (unix(7)), a folder's may not be
        self.argv += ["-qmp", f"unix:{self.socket.name},server=on,wait=off"]

    def add_image(self, image: Image) -> None:
        """A further disk, in reach of faults; attached if it is there from the start."""
        self.argv += ["-object", json.dumps(image.throttle())]
        if image.wanted.attached:
            self.argv += image.controller()
            self.argv += ["-blockdev", json.dumps(image.node())]
            self.argv += ["-device", json.dumps(image.device()), *image.more_paths()]

    def add_share(self, name: str, kind: str, folder: Path) -> None:
        """A folder of the host as a file system without a block device."""
        if kind == "9p":
            self.argv += ["-virtfs", f"local,path={word(folder)},mount_tag={name},security_model=none"]
            return
        socket = f"{name}.virtiofs"
        self.argv += ["-chardev", f"socket,id=chardev-{name},path={socket}"]
        self.argv += ["-device", f"vhost-user-fs-pci,chardev=chardev-{name},tag={name}"]
        words = ["-o", f"source={folder}", "-o", "sandbox=chroot"]
        self.helpers.append([*userns.as_root_with_run(), virtiofsd(), f"{SOCKET}{socket}", *words])

    def add_nic(self, nic: Nic) -> None:
        """A network card, whose cable ends in the switch of lab/world."""
        near, far = f"local.type=unix,local.path={nic.name}.guest", f"{nic.name}.switch"
        self.argv += ["-netdev", f"dgram,id=cable-{nic.name},{near},remote.type=unix,remote.path={far}"]
        device = {"driver": nic.driver, "id": nic.name, "netdev": f"cable-{nic.name}", "mac": nic.mac}
        self.argv += ["-device", json.dumps(device)]

    def set_link(self, name: str, up: bool) -> None:
        """A network card gets a carrier, or loses it."""
        self.execute("set_link", name=name, up=up)

    def execute(self, command: str, **arguments: Any) -> Any:
        """Have the running guest's QEMU do something."""
        if not self.monitor:
            self.monitor = Monitor(self.socket)
        return self.monitor.execute(command, **arguments)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """The guest is stopped; one that has ended meanwhile stands still by itself."""
        try:
            self.execute("stop")
        except LabError:
            if not self.ended_by_itself():
                raise
            yield
            return
        yield
        self.execute("cont")

    def ended_by_itself(self) -> bool:
        """Whether QEMU is gone, or about to be."""
        assert self.guest
        try:
            self.guest.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return self.guest.returncode == 0

    def attach(self, image: Image) -> None:
        """Plug a disk into the running guest."""
        self.execute("blockdev-add", **image.node())
        self.execute("device_add", **image.device())

    def hang(self, name: str) -> None:
        """From now on requests to a disk take for ever."""
        limits = {"bps-total": 1}
        self.execute("qom-set", path=f"/objects/group-{name}", property="limits", value=limits)

    def cut_power(self) -> None:
        """End the guest at once."""
        assert self.guest
        self.was_cut = True
        self.guest.kill()

    def let_reboot(self) -> None:
        """A reset boots the guest again instead of ending it."""
        self.argv.remove("-no-reboot")

    def answer(self, text: str) -> None:
        """Type a line on the console of the running guest."""
        assert self.guest and self.guest.stdin
        try:
            self.guest.stdin.write(text.encode() + b"\n")
            self.guest.stdin.flush()
        except BrokenPipeError as err:
            raise LabError(f"{QEMU} has ended while the guest waited for an answer") from err

    def run(
        self,
        seconds: float,
        until: Callable[[str], bool] = lambda text: False,
        tick: Callable[[], None] = lambda: None,
    ) -> bool:
        """Run until the guest ends (True) or a line satisfies `until` or time is up (False).

        `tick` is called several times a second.
        """
        errors = self.log.with_suffix(".qemu")
        self.was_cut = False
        with (
            open(self.log, "w", encoding="utf-8", buffering=1) as log,
            open(errors, "wb") as err,
            self.beside(errors.with_suffix(".helpers")),
        ):
            self.guest = guest = subprocess.Popen(
                self.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                env=environment(),
                cwd=self.log.parent,
            )
            try:
                ended = listen(guest, log.write, seconds, until, tick)
                if ended:  # the console is closed: the process itself is about to end
                    guest.wait(EXIT_SECONDS)
            finally:
                guest.kill()
                status = guest.wait()
                self.guest = None
                self.hang_up()
        if ended and status != 0 and not self.was_cut:
            words = tail(errors.read_text(errors="replace"))
            raise LabError(f"{QEMU} ended with status {status}:\n{words}")
        return ended

    def hang_up(self) -> None:
        """The guest has ended."""
        if self.monitor:
            self.monitor.close()
            self.monitor = None
        self.socket.unlink(missing_ok=True)

    @contextmanager
    def beside(self, log: Path) -> Iterator[None]:
        """The helpers run, and end with the guest."""
        running = []
        try:
            for argv in self.helpers:
                with open(log, "ab") as out:
                    running.append(subprocess.Popen(argv, cwd=log.parent, stdout=out, stderr=out))
            # each makes its socket, which the guest's QEMU has to find
            for word in [word for argv in self.helpers for word in argv if word.startswith(SOCKET)]:
                wait_for(self.log.parent / word.removeprefix(SOCKET), log)
            yield
        finally:
            for process in running:
                process.kill()
                process.wait()


def virtiofsd() -> str:
    """The program that serves a folder by virtiofs."""
    found = next((path for path in VIRTIOFSD if os.access(path, os.X_OK)), None)
    if not found:
        raise Unavailable(f"there is no {' or '.join(VIRTIOFSD)}")
    return found


def wait_for(socket: Path, log: Path) -> None:
    """Until a helper has made its socket."""
    end = time.monotonic() + EXIT_SECONDS
    while not socket.is_socket():
        if time.monotonic() > end:
            words = tail(log.read_text(errors="replace"))
            # a container may not let it change its root
            raise Unavailable(f"no {socket.name} within {EXIT_SECONDS} s:\n{words}")
        time.sleep(TICK_SECONDS)


def listen(
    guest: subprocess.Popen[bytes],
    write: Callable[[str], object],
    seconds: float,
    until: Callable[[str], bool],
    tick: Callable[[], None],
) -> bool:
    """Copy the guest's lines to `write`, stamped; return whether the guest closed its console."""
    assert guest.stdout is not None
    start = time.monotonic()
    partial = b""
    with selectors.DefaultSelector() as selector:
        selector.register(guest.stdout, selectors.EVENT_READ)
        while (left := start + seconds - time.monotonic()) > 0:
            ready = selector.select(min(left, TICK_SECONDS))
            tick()
            if not ready:
                continue
            chunk = os.read(guest.stdout.fileno(), 65536)
            stamp = time.monotonic() - start
            *lines, partial = (partial + chunk).split(b"\n")
            if not chunk:
                lines = [partial]
            for line in lines:
                text = line.decode("utf-8", "replace").replace("\r", "")
                write(f"{stamp:9.3f} {text}\n")
                if until(text):
                    return False
            if not chunk:
                return True
    return False


def accelerator(boot: Boot) -> str:
    """ "kvm" if a guest was seen to reach user space with it, else "tcg"; asked once per boot.

    /dev/kvm may exist and still hang a stock kernel, so its existence decides nothing.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    version = run([QEMU, "--version"]).stdout.splitlines()[0]
    question = {"boot": boot_id, "qemu": version, "kernel": str(boot.kernel)}
    which = hashlib.sha256(str(boot.kernel).encode()).hexdigest()[:12]
    answer_file = cache_dir() / f"accelerator-{which}.json"
    with open(answer_file.with_suffix(".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several runs one asks, and the others wait for its answer
        try:
            remembered = json.loads(answer_file.read_text(encoding="utf-8"))
            if remembered["question"] == question:
                return str(remembered["answer"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # never asked, or by another version of this program: ask
        answer = "kvm" if kvm_works(boot) else "tcg"
        temporary = answer_file.with_suffix(".new")
        temporary.write_text(json.dumps({"question": question, "answer": answer}), encoding="utf-8")
        temporary.rename(answer_file)
        return answer


def kvm_works(boot: Boot) -> bool:
    """Boot the guest with KVM and see whether its init speaks within some seconds."""
    seen = []

    def until(text: str) -> bool:
        if text.startswith(GUEST_UP):
            seen.append(text)
        return bool(seen)

    with tempfile.TemporaryDirectory(prefix="kvm-probe-", dir=cache_dir()) as folder:
        try:
            Machine(boot, "kvm", Path(folder, "console.log")).run(PROBE_SECONDS, until)
        except LabError:
            return False
    return bool(seen)
