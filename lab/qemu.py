# SPDX-License-Identifier: GPL-2.0-or-later
"""One QEMU guest at a time: started, listened to, bounded, and always reaped."""

import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError
from .paths import cache_dir
from .proc import environment, run, tail

QEMU = "qemu-system-x86_64"
GUEST_UP = "lab: up"
PROBE_SECONDS = 20
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
    firmware: Path | None = None  # instead of QEMU's own BIOS


def file_offset(address: int, memory_mib: int) -> int:
    """Where a physical address of the guest lies in the file that backs its RAM."""
    if memory_mib << 20 < PC_RAM_UNCUT or address < PC_LOW_RAM:
        return address
    return address - 4 * GIB + PC_LOW_RAM


def accelerator_arguments(accelerator: str) -> list[str]:
    """QEMU's arguments for "kvm" or "tcg"."""
    if accelerator == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    # TCG of QEMU 7.2 gets cmpxchg16b wrong with several CPUs: kernels die at random in kmalloc.
    return ["-accel", "tcg,thread=multi", "-cpu", "max,cx16=off"]


class Machine:
    """A guest whose serial console is written to a log with the host's clock on each line."""

    def __init__(self, boot: Boot, accelerator: str, log: Path) -> None:
        self.log = log
        self.argv = ["setpriv", "--pdeathsig", "KILL", QEMU, "-nodefaults", "-display", "none"]
        self.argv += accelerator_arguments(accelerator)
        self.argv += ["-smp", str(boot.cpus), "-m", str(boot.memory_mib), "-no-reboot"]
        self.argv += ["-serial", "stdio", "-kernel", str(boot.kernel), "-initrd", str(boot.initrd)]
        self.argv += ["-append", boot.command_line]
        self.argv += ["-bios", str(boot.firmware)] if boot.firmware else []
        self.guest: subprocess.Popen[bytes] | None = None  # while it runs
        self.memory_mib = boot.memory_mib

    def back_memory(self, path: Path) -> None:
        """Keep the guest's RAM in a file, for judges to read when the guest is gone."""
        path.unlink(missing_ok=True)
        backend = f"memory-backend-file,id=m,size={self.memory_mib}M,mem-path={path},share=on"
        self.argv += ["-object", backend, "-machine", "pc,memory-backend=m"]

    def add_disk(self, image: Path) -> None:
        """A virtio disk; cache=unsafe because the host does not crash in our drills."""
        self.argv += ["-drive", f"file={image},if=virtio,format=raw,cache=unsafe"]

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

    def run(self, seconds: float, until: Callable[[str], bool] = lambda text: False) -> bool:
        """Run until the guest ends (True) or a line satisfies `until` or time is up (False)."""
        errors = self.log.with_suffix(".qemu")
        with open(self.log, "w", encoding="utf-8") as log, open(errors, "wb") as err:
            self.guest = guest = subprocess.Popen(
                self.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                env=environment(),
            )
            try:
                ended = listen(guest, log.write, seconds, until)
                if ended:  # the console is closed: the process itself is about to end
                    guest.wait(EXIT_SECONDS)
            finally:
                guest.kill()
                status = guest.wait()
                self.guest = None
        if ended and status != 0:
            words = tail(errors.read_text(errors="replace"))
            raise LabError(f"{QEMU} ended with status {status}:\n{words}")
        return ended


def listen(
    guest: subprocess.Popen[bytes],
    write: Callable[[str], object],
    seconds: float,
    until: Callable[[str], bool],
) -> bool:
    """Copy the guest's lines to `write`, stamped; return whether the guest closed its console."""
    assert guest.stdout is not None
    start = time.monotonic()
    partial = b""
    with selectors.DefaultSelector() as selector:
        selector.register(guest.stdout, selectors.EVENT_READ)
        while (left := start + seconds - time.monotonic()) > 0:
            if not selector.select(left):
                break
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
    answer_file = cache_dir() / f"accelerator-{boot.kernel.name}.json"
    try:
        remembered = json.loads(answer_file.read_text(encoding="utf-8"))
        if remembered["question"] == question:
            return str(remembered["answer"])
    except (OSError, ValueError, KeyError):
        pass  # never asked, or by another version of this program: ask
    answer = "kvm" if kvm_works(boot) else "tcg"
    temporary = answer_file.with_suffix(f".{os.getpid()}")
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

    log = cache_dir() / f"kvm-probe-{os.getpid()}.log"
    try:
        Machine(boot, "kvm", log).run(PROBE_SECONDS, until)
    except LabError:
        return False
    finally:
        log.unlink(missing_ok=True)
        log.with_suffix(".qemu").unlink(missing_ok=True)
    return bool(seen)
