# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that stays up and does what it is told: lab/whole.py's disk in QEMU, with an agent for commands.

It may restart as often as it likes: the console's clock goes on. QEMU is started anew for each boot, as TCG becomes two to four
times slower once a guest was reset. Everything waits for a limited time, and the guest ends with the program that started it.
"""

import base64
import os
import re
import selectors
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import debs, qemu
from .console import Line
from .errors import LabError
from .paths import program
from .proc import environment, run, tail
from .qemu import QEMU, accelerator_arguments
from .qmp import Monitor, connected

BOOT_SECONDS = 240
COMMAND_SECONDS = 120
ANSWER_SECONDS = 20  # more than a command may take: the agent ends it
GREETING = "up"
RESETS = ("guest-reset", "host-qmp-system-reset")
PROBE_RECIPE = """schema = lifeboat-recipe-3
target = fs
device = UUID=11111111-2222-3333-4444-555555555555
fstype = ext4
"""
# A prompt ends no line; it is one as soon as it is there.
PROMPT = re.compile(rb" login: $")


@dataclass(frozen=True)
class Done:
    """How a command in the guest ended; its two outputs are one text."""

    command: str
    status: int
    output: str


@dataclass(frozen=True)
class Hardware:
    """What the guest is; `more` are further arguments of QEMU."""

    memory_mib: int = 1024
    cpus: int = 2
    max_cpus: int = 2
    max_memory_mib: int = 0  # more than memory_mib: memory can be plugged in
    more: list[str] = field(default_factory=list)

    def arguments(self) -> list[str]:
        """For QEMU."""
        memory = str(self.memory_mib)
        if self.max_memory_mib > self.memory_mib:
            memory += f",slots=4,maxmem={self.max_memory_mib}M"
        return ["-smp", f"{self.cpus},maxcpus={self.max_cpus}", "-m", memory, *self.more]


class Live:
    """The guest; to be used in a `with`."""

    def __init__(
        self, folder: Path, disks: list[Path], hardware: Hardware, accelerator: str = "tcg"
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.console_log = folder / "console.log"
        self.sockets = {name: folder / f"{name}.sock" for name in ("agent", "qmp")}
        self.argv = ["setpriv", "--pdeathsig", "KILL", QEMU, "-nodefaults", "-display", "none"]
        self.argv += [*accelerator_arguments(accelerator), *hardware.arguments(), "-no-reboot"]
        self.argv += ["-serial", "stdio", "-device", "virtio-serial-pci"]
        # a socket's path is short (unix(7)), a folder's may not be
        self.argv += ["-chardev", "socket,id=agent,path=agent.sock,server=on,wait=off"]
        self.argv += ["-device", "virtserialport,chardev=agent,name=lab"]
        self.argv += ["-qmp", "unix:qmp.sock,server=on,wait=off"]
        for disk in disks:
            self.argv += ["-drive", f"file={disk},if=virtio,format=raw,cache=unsafe"]
        self.boots: list[str] = []  # ids of the boots in which the agent has come up
        self.lines: list[Line] = []  # of the console
        self.answers: dict[str, tuple[int, str]] = {}
        self.changed = threading.Condition()
        self.resets: list[float] = []  # when it was reset, on the console's clock
        self.ended = False  # and does not come up again
        self.stopping = False
        self.why = "it was switched off"
        self.commands = 0
        self.guest: subprocess.Popen[bytes] | None = None
        self.port: socket.socket | None = None
        self.monitor: Monitor | None = None
        self.started = time.monotonic()
        self.life = threading.Thread(target=self.live, daemon=True)

    def __enter__(self) -> "Live":
        self.started = time.monotonic()
        self.life.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Switch it off the hard way."""
        self.stopping = True
        with self.changed:
            if self.guest:
                self.guest.kill()
        self.life.join(30)

    def now(self) -> float:
        """Seconds since the start, as the console's lines have them."""
        return time.monotonic() - self.started

    def live(self) -> None:
        """One QEMU after the other, for as long as the guest restarts."""
        try:
            with open(self.console_log, "w", encoding="utf-8", buffering=1) as self.log:
                while not self.stopping and self.one_boot():
                    pass
        except (LabError, OSError) as err:
            self.why = str(err)
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def one_boot(self) -> bool:
        """QEMU from its start to its end; whether the guest wants to be started again."""
        for path in self.sockets.values():
            path.unlink(missing_ok=True)
        with open(self.folder / "qemu.log", "ab") as err:
            guest = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
                env=environment(),
                cwd=self.folder,
            )
        try:
            with self.changed:
                self.guest = guest
            port, monitor = connected(self.sockets["agent"]), Monitor(self.sockets["qmp"])
            with self.changed:
                self.port, self.monitor = port, monitor
            self.read(guest, port)
            return not self.stopping and self.restarts(monitor)
        except LabError as err:
            words = tail((self.folder / "qemu.log").read_text(errors="replace"))
            raise LabError(f"{err}\n{words}") from err
        finally:
            guest.kill()
            guest.wait()
            self.hang_up()

    def hang_up(self) -> None:
        """This QEMU has gone."""
        with self.changed:
            for one in (self.port, self.monitor):
                if one:
                    one.close()
            self.guest = self.port = self.monitor = None

    def restarts(self, monitor: Monitor) -> bool:
        """Whether the guest was reset, and not switched off: what QEMU, which has ended, said last."""
        event = monitor.last("SHUTDOWN")
        if not event or event["data"]["reason"] not in RESETS:
            return False
        at = event["timestamp"]["seconds"] + event["timestamp"]["microseconds"] / 1e6
        with self.changed:
            self.resets.append(self.now() - (time.time() - at))
            self.changed.notify_all()
        return True

    def read(self, guest: subprocess.Popen[bytes], port: socket.socket) -> None:
        """Until QEMU has ended: the console's lines, and what the agent says."""
        assert guest.stdout
        console = guest.stdout.fileno()
        take = {console: self.console, port.fileno(): self.heard}
        partial = dict.fromkeys(take, b"")
        with selectors.DefaultSelector() as selector:
            for source in take:
                selector.register(source, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(1):
                    try:
                        chunk = os.read(key.fd, 65536)
                    except OSError:
                        chunk = b""
                    if chunk:
                        partial[key.fd] = self.split(partial[key.fd] + chunk, take[key.fd])
                    elif key.fd == console:
                        return
                    else:
                        selector.unregister(key.fd)

    def split(self, data: bytes, take: Callable[[str], None]) -> bytes:
        """Give the whole lines away; return the rest."""
        *lines, rest = data.split(b"\n")
        if PROMPT.search(rest):
            lines, rest = [*lines, rest], b""
        with self.changed:
            for line in lines:
                take(line.decode("utf-8", "replace").replace("\r", ""))
            self.changed.notify_all()
        return rest

    def console(self, text: str) -> None:
        """A line of the console."""
        line = Line(self.now(), text)
        self.lines.append(line)
        self.log.write(f"{line.seconds:9.3f} {line.text}\n")

    def heard(self, text: str) -> None:
        """A line of the agent's; after a crash half of one may stand in front of its greeting."""
        words = text.split()
        if len(words) != 3:
            return
        if words[0].endswith(GREETING):
            self.boots.append(words[1])
        else:
            try:
                output = base64.b64decode(words[2][1:]).decode("utf-8", "replace")
                self.answers[words[0]] = int(words[1]), output
            except ValueError:
                pass  # torn by a crash: nobody gets this answer

    def wait(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Until something is so."""
        with self.changed:
            self.changed.wait_for(lambda: ready() or self.ended, seconds)
            if ready():
                return
        why = f"the guest has ended: {self.why}" if self.ended else f"not in {seconds:.0f} s"
        raise LabError(f"{what}: {why}; the console ended with\n{self.tail()}")

    def tail(self, lines: int = 25) -> str:
        """The console's last lines."""
        return "\n".join(f"    {line.seconds:8.3f} {line.text}" for line in self.lines[-lines:])

    def wait_line(self, pattern: str, seconds: float, since: float = 0) -> Line:
        """The first line of the console not before `since` that matches."""
        found: list[Line] = []
        seen = 0

        def ready() -> bool:
            nonlocal seen
            for line in self.lines[seen:]:
                if line.seconds >= since and re.search(pattern, line.text):
                    found.append(line)
                    return True
            seen = len(self.lines)
            return False

        self.wait(f"no line {pattern!r}", lambda: bool(found) or ready(), seconds)
        return found[0]

    def wait_boot(self, number: int, seconds: float = BOOT_SECONDS) -> None:
        """Until the agent has come up for the number-th time, and systemd has done all that it wants at boot."""
        boots = self.boots
        self.wait(f"boot {number}", lambda: len(boots) >= number, seconds)
        done = self.run("systemctl is-system-running --wait", seconds)
        if done.output.strip() not in ("running", "degraded"):
            raise LabError(f"systemd: {done.output.strip()}")

    def run(self, command: str, seconds: float = COMMAND_SECONDS) -> Done:
        """A command of the shell, as root, to its end."""
        self.commands += 1
        name = f"c{self.commands}"
        text = base64.b64encode(command.encode()).decode()
        self.tell(f"{name} {seconds:.0f} {text}\n")
        self.wait(f"no answer to {command!r}", lambda: name in self.answers, seconds + ANSWER_SECONDS)
        return Done(command, *self.answers.pop(name))

    def must(self, command: str, seconds: float = COMMAND_SECONDS) -> str:
        """The output of a command that cannot fail."""
        done = self.run(command, seconds)
        if done.status:
            raise LabError(f"in the guest: {command}\n  ended with {done.status}:\n{tail(done.output)}")
        return done.output

    def tell(self, line: str) -> None:
        """A line for the agent."""
        with self.changed:
            if not self.port:
                raise LabError("there is no guest to be told anything")
            try:
                self.port.sendall(line.encode())
            except OSError as err:
                raise LabError(f"the agent's port takes nothing: {err}") from err

    def begin(self, command: str) -> None:
        """A command that takes the guest down: no answer is expected."""
        self.commands += 1
        text = base64.b64encode(command.encode()).decode()
        self.tell(f"c{self.commands} 60 {text}\n")

    def reboot(self, seconds: float = BOOT_SECONDS) -> None:
        """In good order, and until it is up again."""
        number = len(self.boots) + 1
        self.begin("systemctl reboot")
        self.wait_boot(number, seconds)

    def power_off(self, seconds: float = 60) -> None:
        """In good order: what stands on its disk is whole."""
        self.begin("systemctl poweroff")
        self.wait("power-off", lambda: self.ended, seconds)

    def execute(self, command: str, **arguments: Any) -> Any:
        """Have its QEMU do something."""
        if not self.monitor:
            raise LabError(f"there is no guest for {command}")
        return self.monitor.execute(command, **arguments)


def accelerator() -> str:
    """As qemu.accelerator(), which asks with a guest that does nothing else."""
    kernel = debs.fetch_kernel()
    with tempfile.TemporaryDirectory(prefix="lifeboat-") as folder:
        recipe, image = Path(folder) / "recipe", Path(folder) / "image"
        recipe.write_text(PROBE_RECIPE, encoding="ascii")
        source = ["--root", str(kernel.root), "--kernel", kernel.version]
        content = ["--recipe", str(recipe), "--init", str(program("lab-guest"))]
        run([program("lifeboat"), "initramfs", *source, *content, "-o", image])
        return qemu.accelerator(qemu.Boot(kernel.vmlinuz, image, "console=ttyS0", 256, 1))
