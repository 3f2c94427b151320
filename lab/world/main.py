# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that is a world: python3 -m lab.world.main FOLDER, in namespaces of its own.

It takes lines from standard input, a JSON list each, and answers each by a line {"ok": …} or {"error": …}:

    kill SERVER          it is gone, its port closed
    stop SERVER          it is there and does nothing any more: connections are accepted, nothing is answered
    start SERVER         it is there again
    vanish SERVER        its addresses are gone, nothing answers for them
    revoke SERVER        its users' keys are not taken any more
    rekey SERVER         it has another host key or certificate
    lose CARD PERCENT    of the frames, in both directions
    drop CARD            no frame passes; "join" ends it
    fetch SERVER         what only the server itself can tell of what it has, is put into its folder
    frames               how many there were
    end                  all servers end
"""

import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..errors import LabError, Unavailable
from .servers import KINDS, Server
from .switch import Card, Net, Switch, bound_socket

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000


def ip(*words: str) -> None:
    """iproute2's word for it."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=10, check=False)
    if done.returncode:
        raise LabError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def make_tap(name: str) -> int:
    """A network card of this namespace, whose cable is the descriptor."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def private_mounts(servers: list[dict[str, Any]]) -> None:
    """Places of the file system that servers insist on, as this process alone sees them."""
    def mount(*words: str) -> None:
        subprocess.run(["mount", *words], check=True, timeout=10)

    mount("--make-rprivate", "/")
    for path in ("/run", "/srv"):
        mount("-t", "tmpfs", "-o", "mode=755", "none", path)
    for path in ("/run/sshd", "/run/etc", "/run/lock", "/run/far", "/run/rpcbind"):
        os.mkdir(path)
    if any(one["options"].get("bare") for one in servers):
        mount("--bind", "/dev/null", shutil.which("makedumpfile") or "/usr/bin/makedumpfile")
    users = {one["options"]["user"]: one["name"] for one in servers if "user" in one["options"]}
    known = Path("/etc/passwd").read_text(encoding="utf-8")
    for own, home in (("sshd", "sshd"), ("_rpc", "rpcbind")):  # users that the servers' packages make: they are not installed
        if f"\n{own}:" not in known:
            users[own] = home
    for name, line in (("passwd", "{0}:x:{1}:{1}::/srv/{2}:/bin/sh\n"), ("group", "{0}:x:{1}:\n"),
                       ("shadow", "{0}:*:19000:0:99999:7:::\n")):
        try:
            text = Path("/etc", name).read_text(encoding="utf-8")
        except PermissionError:  # shadow, when root here is an ordinary user outside
            text = "root:*:19000:0:99999:7:::\n"
        for number, (user, server) in enumerate(users.items(), 5001):
            text += line.format(user, number, server)
        Path("/run/etc", name).write_text(text, encoding="utf-8")
        mount("--bind", f"/run/etc/{name}", f"/etc/{name}")


class Place:
    """All of it."""

    def __init__(self, folder: Path) -> None:
        wanted = json.loads((folder / "world.json").read_text(encoding="utf-8"))
        self.folder = folder
        self.switch = Switch()
        private_mounts(wanted["servers"])
        queue = Path("/proc/sys/net/unix/max_dgram_qlen")
        # in a user namespace's network there is none (net/unix/sysctl_net_unix.c of Linux 6.12, unix_sysctl_register): the
        # switch has a queue of its own before that one
        if queue.exists():
            queue.write_text("512\n", encoding="ascii")
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0\n", encoding="ascii")
        ip("link", "set", "lo", "up")
        for network in wanted["networks"]:
            self.make_network(network)
        tags = {network["name"]: network["vlan"] for network in wanted["networks"]}
        os.chdir(folder.parent)  # a socket's path is short (unix(7)), a folder's may not be
        for nic in wanted["nics"]:
            name = nic["name"]
            networks = {tags[network]: network for network in nic["networks"]}
            card = Card(name, bound_socket(Path(f"{name}.switch")), f"{name}.guest", networks)
            self.switch.cards[name] = card
        self.servers: dict[str, Server] = {}
        for server in wanted["servers"]:
            self.servers[server["name"]] = KINDS[server["kind"]](server, folder / server["name"])
            self.place(server, "add")
        self.switch.start()

    def make_network(self, network: dict[str, Any]) -> None:
        """A network with the world's own address in it."""
        name = network["name"]
        self.switch.nets[name] = Net(name, make_tap(name))
        Path(f"/proc/sys/net/ipv6/conf/{name}/accept_dad").write_text("0\n", encoding="ascii")
        ip("link", "set", name, "up")
        for address in network["addresses"]:
            ip("address", "add", address, "dev", name)

    def place(self, server: dict[str, Any], how: str) -> None:
        """A server's addresses come or go."""
        for address in server["addresses"]:
            ip("address", how, address + ("/128" if ":" in address else "/32"), "dev", server["network"])

    def start(self) -> dict[str, Any]:
        """All that shall run from the start does; return what is known of each."""
        for server in self.servers.values():
            server.prepare()
            if not server.wanted["absent"]:
                server.start()
        return {name: server.facts for name, server in self.servers.items()}

    def server(self, name: str) -> Server:
        """One by its name."""
        if name not in self.servers:
            raise LabError(f"there is no server {name}")
        return self.servers[name]

    def obey(self, what: str, words: list[str]) -> Any:
        """One line's command."""
        if what in ("kill", "stop", "start", "revoke", "rekey", "fetch"):
            return getattr(self.server(words[0]), what)()
        if what == "vanish":
            return self.place(self.server(words[0]).wanted, "del")
        if what in ("drop", "join"):
            self.switch.cards[words[0]].up = what == "join"
            return None
        if what == "lose":
            self.switch.cards[words[0]].loss = int(words[1]) / 100
            return None
        if what == "frames":
            return self.switch.frames
        if what == "end":
            for server in self.servers.values():
                server.end()
            return self.switch.frames
        raise LabError(f"the world knows no {what}")


def say(**words: Any) -> None:
    """A line for the drill."""
    print(json.dumps(words), flush=True)


def main() -> None:
    """Until standard input ends."""
    try:
        place = Place(Path(sys.argv[1]))
        say(ok=place.start())
    except Unavailable as err:
        say(unavailable=str(err))
        raise
    except (LabError, OSError, subprocess.SubprocessError, KeyError) as err:
        say(error=f"{type(err).__name__}: {err}")
        raise
    for line in sys.stdin:
        what, *words = json.loads(line)
        try:
            say(ok=place.obey(what, words))
        except (LabError, OSError, subprocess.SubprocessError, KeyError) as err:
            say(error=f"{what} {' '.join(words)}: {type(err).__name__}: {err}")


if __name__ == "__main__":
    main()
