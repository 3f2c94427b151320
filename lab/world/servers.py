# SPDX-License-Identifier: GPL-2.0-or-later
"""The servers of a world: stock programs, each with a configuration of its own in its folder, and a log beside it.

What a server takes is in FOLDER/root, which the server itself knows as /srv/NAME.
"""

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import userns
from ..debs import LIBRARIES
from ..errors import LabError, Unavailable
from ..paths import program
from ..proc import environment, run, tail
from ..servers.faulty import Faulty, parse
from ..servers.web import Authority, ObjectStore, Pair
from .secrets import make_ssh_key

START_SECONDS = 20
NAP_SECONDS = 0.05


def system(name: str) -> str:
    """A program of this machine."""
    found = shutil.which(name, path=environment()["PATH"])
    if not found:
        raise Unavailable(f"{name} is not installed on this machine")
    return found


class Server:
    """One server; `facts` is what a configuration or recipe has to know of it."""

    port = 0

    def __init__(self, wanted: dict[str, Any], folder: Path) -> None:
        self.wanted = wanted
        self.name: str = wanted["name"]
        self.folder = folder
        self.root = folder / "root"  # as everybody knows it
        self.srv = Path("/srv", self.name)  # as the server knows it
        self.run = Path("/run", self.name)  # what is read under another user
        self.options: dict[str, Any] = wanted["options"]
        self.addresses: list[str] = wanted["addresses"]
        self.port = int(self.options.get("port", self.port))
        self.facts: dict[str, Any] = {"port": self.port, "addresses": self.addresses}
        self.processes: list[subprocess.Popen[bytes]] = []

    def prepare(self) -> None:
        """Folders, keys and configuration."""
        self.root.mkdir(parents=True)
        self.srv.mkdir()
        self.run.mkdir()
        if mib := self.wanted["mib"]:
            run(["mount", "-t", "tmpfs", "-o", f"size={mib}M,mode=755", "none", self.srv])
        else:
            run(["mount", "--bind", self.root, self.srv])
        for name in self.options.get("folders", []):
            (self.srv / name).mkdir(parents=True)

    def argv(self) -> Sequence[str | Path]:
        """What runs, in the foreground."""
        raise NotImplementedError

    def launch(self, argv: Sequence[str | Path], log: str = "log") -> None:
        """One process of it."""
        with open(self.folder / log, "ab") as out:
            words = [str(word) for word in argv]
            self.processes.append(
                subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 cwd=self.folder, env=environment(), start_new_session=True)
            )

    def start(self) -> None:
        """It runs, and answers."""
        self.go_on()
        if not self.processes:
            self.launch(self.argv())
        self.wait()

    def go_on(self) -> None:
        """If it was stopped."""
        for one in self.processes:
            os.killpg(one.pid, signal.SIGCONT)

    def log(self) -> str:
        """The end of what it said."""
        return tail((self.folder / "log").read_text(encoding="utf-8", errors="replace"))

    def answers(self) -> bool:
        """Does it take connections?"""
        for address in self.addresses:
            try:
                socket.create_connection((address, self.port), timeout=2).close()
            except OSError:
                return False
        return True

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + START_SECONDS
        while not self.answers():
            dead = any(one.poll() is not None for one in self.processes)
            if dead or time.monotonic() > end:
                why = "has ended" if dead else f"does not answer within {START_SECONDS} s"
                raise LabError(f"{self.name}: {self.wanted['kind']} {why}:\n{self.log()}")
            time.sleep(NAP_SECONDS)

    def signal(self, number: int) -> None:
        """To it and to all that it has started."""
        for one in self.processes:
            for pid in (one.pid, *descendants(one.pid)):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass

    def kill(self) -> None:
        """It is gone, and its connections with it."""
        self.signal(signal.SIGKILL)
        for one in self.processes:
            one.wait(10)
        self.processes.clear()

    def stop(self) -> None:
        """It does nothing any more; the kernel goes on to accept connections for it."""
        self.signal(signal.SIGSTOP)

    def revoke(self) -> None:
        """Its users' keys are worth nothing any more."""
        raise LabError(f"{self.wanted['kind']} knows no keys")

    def rekey(self) -> None:
        """It proves by another key who it is."""
        raise LabError(f"{self.wanted['kind']} has no key")

    def fetch(self) -> None:
        """Whatever else of its content is worth a look comes into its folder."""

    def end(self) -> None:
        """It has ended, and what it had in memory is in its folder."""
        self.kill()
        if self.wanted["mib"]:
            run(["cp", "-a", f"{self.srv}/.", self.root])


def descendants(pid: int) -> list[int]:
    """All processes that one has started, and theirs."""
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        for task in tasks:
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                for child in file.read().split():
                    found += [int(child), *descendants(int(child))]
    except OSError:
        pass
    return found


class Nfs(Server):
    """nfs-ganesha: NFS 3 and 4. Its file system is /srv/NAME, its name in version 4 /NAME."""

    port = 2049
    CONF = """\
NFS_CORE_PARAM {{
	Protocols = {protocols};
	NFS_Port = {port};
	MNT_Port = {mount_port};
	Bind_addr = ::;
	Enable_NLM = false;
	Enable_RQUOTA = false;
	Enable_UDP = false;
	Mount_Path_Pseudo = {mount_pseudo};
{plugins}}}
NFSv4 {{
	UseGetpwnam = true;
	Graceless = true;
	RecoveryBackend = fs;
	RecoveryRoot = "{folder}/recovery";
	Minor_Versions = 0, 1, 2;
}}
EXPORT {{
	Export_Id = 1;
	Path = {srv};
	Pseudo = {pseudo};
	Access_Type = RW;
	Squash = {squash};
	SecType = sys;
	FSAL {{
		Name = VFS;
	}}
}}
LOG {{
	Default_Log_Level = {level};
}}
"""

    def prepare(self) -> None:
        super().prepare()
        if why := userns.handle_error(self.srv):
            raise Unavailable(f"an NFS server takes root of this machine, to open files by handle: {why}")
        (self.folder / "recovery").mkdir()
        tree = os.environ.get("LIFEBOAT_TOOLS")  # see lab/tools.py
        plugins = Path(tree or "/") / LIBRARIES / "ganesha"
        text = self.CONF.format(
            plugins=f'\tPlugins_Dir = "{plugins}";\n' if tree and plugins.is_dir() else "",
            protocols=self.options.get("protocols", "3, 4"),
            port=self.port,
            mount_port=self.options.get("mount-port", 20048),
            folder=self.folder,
            srv=self.srv,
            pseudo=self.options.get("pseudo", self.srv),  # the export's name
            mount_pseudo=str("pseudo" in self.options).lower(),  # in version 3, too
            squash=self.options.get("squash", "No_Root_Squash"),
            level=self.options.get("log-level", "EVENT"),
        )
        (self.folder / "ganesha.conf").write_text(text, encoding="utf-8")
        self.facts["export"] = str(self.options.get("pseudo", self.srv))

    def start(self) -> None:
        if not self.processes and "3" in self.options.get("protocols", "3, 4"):
            self.launch([system("rpcbind"), "-f", "-w"], "rpcbind.log")
            time.sleep(0.3)
        if len(self.processes) < 2:
            self.launch(self.argv())
        self.go_on()
        self.wait()

    def argv(self) -> Sequence[str | Path]:
        conf, pid = self.folder / "ganesha.conf", self.folder / "ganesha.pid"
        return [system("ganesha.nfsd"), "-F", "-f", conf, "-L", self.folder / "log", "-p", pid]


class Ssh(Server):
    """OpenSSH: one user, with a shell or with nothing but SFTP; with lifeboat in its PATH or without."""

    port = 22
    CONF = """\
Port {port}
AddressFamily any
{listen}
HostKey {run}/host-key
AuthorizedKeysFile {run}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
LogLevel VERBOSE
UseDNS no
MaxStartups 100
SetEnv PATH={path}
Subsystem sftp internal-sftp
{force}
"""

    def prepare(self) -> None:
        super().prepare()
        if userns.has_all_users():
            for folder in (self.srv, *(self.srv / name for name in self.options.get("folders", []))):
                shutil.chown(folder, self.options["user"], self.options["user"])
        self.facts["host-key"] = make_ssh_key(self.run / "host-key")
        public = make_ssh_key(self.folder / "identity")
        if other := self.options.get("key-of"):  # which was made before: who has its key may come here, too
            public += "\n" + (self.folder.parent / other / "identity.pub").read_text(encoding="ascii").strip()
        (self.run / "authorized_keys").write_text(public + "\n", encoding="ascii")
        far = self.run / "bin"
        far.mkdir()
        if self.options.get("lifeboat"):
            shutil.copy2(program("lifeboat"), far)
        sftp = "ForceCommand internal-sftp\nPermitTTY no\nAllowTcpForwarding no"
        text = self.CONF.format(
            port=self.port,
            listen="\n".join(f"ListenAddress {address}" for address in self.addresses),
            run=self.run,
            path=f"{far}:/usr/bin:/bin",
            force=sftp if self.options.get("sftp-only") else "",
        )
        (self.folder / "sshd_config").write_text(text, encoding="utf-8")
        self.facts |= {"user": self.options["user"], "identity": str(self.folder / "identity")}

    def argv(self) -> Sequence[str | Path]:
        words = [system("sshd"), "-D", "-e", "-f", self.folder / "sshd_config"]
        if userns.has_all_users():
            return words
        # sshd as root changes to other users, which are not there; as an ordinary one it lets only that one in: here root is
        # that one, under a name of its own
        user = pwd.getpwnam(self.options["user"])
        return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", *words]

    def revoke(self) -> None:
        (self.run / "authorized_keys").write_text("", encoding="ascii")

    def rekey(self) -> None:
        self.kill()
        for path in self.run.glob("host-key*"):
            path.unlink()
        make_ssh_key(self.run / "host-key")
        self.start()


class Web(Server):
    """nginx with TLS that takes PUT; with a token that a request has to have, if one is wanted."""

    port = 443
    CONF = """\
daemon off;
user root;
worker_processes 1;
pid {run}/nginx.pid;
error_log stderr info;
events {{ }}
http {{
	access_log {folder}/access.log;
	client_max_body_size 0;
	client_body_temp_path {srv}/.part;
	proxy_temp_path {run}/proxy;
	fastcgi_temp_path {run}/fastcgi;
	uwsgi_temp_path {run}/uwsgi;
	scgi_temp_path {run}/scgi;
	server {{
{listen}
		ssl_certificate {pair.certificate};
		ssl_certificate_key {pair.key};
		location / {{
			root {srv};
			dav_methods PUT DELETE MKCOL MOVE;
			create_full_put_path on;
			dav_access user:rw;
			{allowed}
		}}
	}}
}}
"""

    def prepare(self) -> None:
        super().prepare()
        pair = certified(self)
        token = self.options.get("token", "")
        header = self.folder / "header"
        header.write_text(f"Authorization: Bearer {token}\n" if token else "", encoding="ascii")
        allowed = f'if ($http_authorization != "Bearer {token}") {{ return 403; }}' if token else ""
        listen = "".join(
            f"\t\tlisten {f'[{one}]' if ':' in one else one}:{self.port} ssl;\n" for one in self.addresses
        )
        text = self.CONF.format(
            run=self.run, folder=self.folder, srv=self.srv, listen=listen, allowed=allowed, pair=pair
        )
        (self.folder / "nginx.conf").write_text(text, encoding="utf-8")
        self.facts["credentials"] = str(header)

    def argv(self) -> Sequence[str | Path]:
        return [system("nginx"), "-e", "stderr", "-p", self.folder, "-c", self.folder / "nginx.conf"]

    def revoke(self) -> None:
        path = self.folder / "nginx.conf"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("root /srv", "return 403; root /srv", 1), encoding="utf-8")
        self.kill()
        self.start()

    def rekey(self) -> None:
        self.kill()
        pair = certified(self)  # by another authority
        path = self.folder / "nginx.conf"
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"(ssl_certificate) .*;", rf"\1 {pair.certificate};", text)
        text = re.sub(r"(ssl_certificate_key) .*;", rf"\1 {pair.key};", text)
        path.write_text(text, encoding="utf-8")
        self.start()


class S3(Server):
    """An object store, and before it a proxy that ends TLS and fails as told: `faults`, see lab/servers/faulty.py."""

    port = 443
    store: ObjectStore | None = None
    proxies: list[Faulty] = []

    def prepare(self) -> None:
        super().prepare()
        self.pair = certified(self)
        self.store = ObjectStore(self.folder, None, buckets=("dumps",),
                                 write_only=bool(self.options.get("write-only")))
        self.facts["credentials"] = str(self.store.credentials(self.folder / "credentials"))
        self.proxies = []
        self.failed: list[list[str]] = []  # requests that the proxy made fail

    def start(self) -> None:
        assert self.store
        if self.store.process:
            self.store.process.send_signal(signal.SIGCONT)
            return
        self.store.start()
        faults = [parse(text) for text in self.options.get("faults", [])]
        backend = ("127.0.0.1", self.store.port)
        for address in self.addresses:
            self.proxies.append(Faulty(backend, self.pair, faults, address, self.port))
            self.proxies[-1].__enter__()

    def stop(self) -> None:
        assert self.store and self.store.process
        self.store.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        for proxy in self.proxies:
            proxy.__exit__()
            self.failed += [[method, target] for method, target, fault in proxy.seen if fault]
        self.proxies = []
        if self.store and self.store.process:
            self.store.process.kill()
            self.store.process.wait(10)
            self.store.process = None

    def end(self) -> None:
        """The objects become files."""
        assert self.store
        self.kill()
        for key in self.store.keys():
            path = self.root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.store.content(key) or b"")
        told = {"unfinished": self.store.uploads(), "failed": self.failed}
        (self.folder / "told.json").write_text(json.dumps(told) + "\n", encoding="utf-8")


def certified(server: Server) -> Pair:
    """A certificate for a server's name, by an authority that did not exist before; its facts tell both."""
    host = str(server.options.get("host", f"{server.name}.test"))
    folder = server.folder / f"tls-{len(list(server.folder.glob('tls-*')))}"
    authority = Authority(folder)
    server.facts.setdefault("ca", str(authority.certificates))
    server.facts["host"] = host
    return authority.issue(host)


class Iscsi(Server):
    """tgt: one target with a unit for each of `mib-each`; its disks are files in root."""

    port = 3260

    def prepare(self) -> None:
        super().prepare()
        self.facts["target"] = self.target

    @property
    def target(self) -> str:
        """Its name."""
        return str(self.options.get("target", f"iqn.2026-01.test.lab:{self.name}"))

    def argv(self) -> Sequence[str | Path]:
        words: list[str | Path] = [system("tgtd"), "-f", "-C", str(self.control)]
        for address in self.addresses:
            host = f"[{address}]" if ":" in address else address
            words += ["--iscsi", f"portal={host}:{self.port}"]
        return words

    @property
    def control(self) -> int:
        """Which tgtd it is."""
        return int(self.options.get("control", 0))

    def admin(self, *words: str) -> None:
        """tgtadm's word for it."""
        run([system("tgtadm"), "-C", str(self.control), "--lld", "iscsi", *words], seconds=10)

    def start(self) -> None:
        begun = bool(self.processes)
        super().start()
        if begun:
            return
        self.admin("--op", "new", "--mode", "target", "--tid", "1", "-T", self.target)
        for number, mib in enumerate(self.options["mib-each"], 1):
            path = self.root / f"lun{number}"
            if not path.exists():
                with open(path, "wb") as file:
                    file.truncate(mib << 20)
            unit = ["--mode", "logicalunit", "--tid", "1", "--lun", str(number)]
            self.admin("--op", "new", *unit, "-b", str(self.srv / path.name))
        if user := self.options.get("chap-user"):
            self.admin("--op", "new", "--mode", "account", "--user", user, "--password",
                       str(self.options["chap-password"]))
            self.admin("--op", "bind", "--mode", "account", "--tid", "1", "--user", user)
        self.admin("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL")


class Dnsmasq(Server):
    """DHCP and DNS on one network."""

    port = 53

    def argv(self) -> Sequence[str | Path]:
        # the second of them is without a change of its user and groups
        foreground = "--keep-in-foreground" if userns.has_all_users() else "--no-daemon"
        words: list[str | Path] = [system("dnsmasq"), foreground, "--log-facility=-", "--conf-file=/dev/null",
                                   "--bind-interfaces", "--no-resolv", "--no-hosts", "--user=root", "--no-ping",
                                   "--log-dhcp", "--log-queries", "--pid-file", f"--dhcp-leasefile={self.folder}/leases"]
        words += [f"--listen-address={address}" for address in self.addresses]
        words += [f"--interface={self.wanted['network']}"]
        words += [f"--dhcp-range={one}" for one in self.options.get("ranges", [])]
        words += [f"--dhcp-option={one}" for one in self.options.get("dhcp-options", [])]
        words += [f"--host-record={one}" for one in self.options.get("records", [])]
        return words


class Silent(Server):
    """It accepts connections and never says a word."""

    port = 22

    def argv(self) -> Sequence[str | Path]:
        raise LabError("it is no process")

    def start(self) -> None:
        self.listening = [
            socket.create_server((one, self.port), family=socket.AF_INET6 if ":" in one else socket.AF_INET)
            for one in self.addresses
        ]

    def kill(self) -> None:
        for one in getattr(self, "listening", []):
            one.close()


KINDS: dict[str, type[Server]] = {
    "nfs": Nfs,
    "ssh": Ssh,
    "web": Web,
    "s3": S3,
    "iscsi": Iscsi,
    "dnsmasq": Dnsmasq,
    "silent": Silent,
}
