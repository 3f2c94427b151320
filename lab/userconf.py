# SPDX-License-Identifier: GPL-2.0-or-later
"""`lifeboat drill --config FILE`: a user's own lifeboat.conf becomes a scenario, whose guest does with it what an operator does.

What the file says stays as it is, but for what a guest cannot have. A device becomes a disk of the guest with the same file
system, UUID or label; a server becomes one of lab/world with the same name, addresses, port, export and user, and keys of its
own. A target for which there is nothing of the kind is left out. All that was changed is told: Scenario.changed and left_out.
Programs that the file names are taken from this machine.
"""

import ipaddress
import re
import shlex
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .disks import LABEL_BYTES
from .errors import LabError
from .proc import run
from .overlays import merge
from .scenario import Scenario, make_scenario, read_tables

NAME = "my-config"
BASE = "configured"
MAX_BYTES = 65536  # CONFIG_MAX_SIZE of config/config.h
DISKS = ("ext4", "xfs", "btrfs", "vfat")
NOT_MADE = ("ext2", "ext3", "exfat", "f2fs", "jfs", "minix")  # targets of which the lab makes no disk
SHARES = ("virtiofs", "9p")
SHELLS = ("ssh", "sftp")
SERVERS = ("nfs", "nfs4", *SHELLS)
STORES = ("https", "s3")
TARGETS = (*DISKS, *NOT_MADE, *SHARES, "raw", *SERVERS, *STORES)
# Keys of the target above them, which go with it; the second kind is for all targets of its sort that have none yet.
OF_TARGET = ("path", "mount_options")
OF_SORT = {"sshkey": SHELLS, "ssh_port": SHELLS, "ssh_known_hosts": SHELLS, "https_header": ("https",), "s3_endpoint": ("s3",),
           "s3_region": ("s3",), "s3_credentials": ("s3",), "s3_path_style": ("s3",), "tls_ca": STORES}
DROPPED = {
    "luks_key_file": "the guest's disks are not encrypted",
    "iscsi_secret_file": "the guest's disks are its own",
    "capture_kernel": "the kernel that dies captures, too: --kernel names another",
}
SSH_KEY, KNOWN_HOSTS = "/root/.ssh/kdump_id_rsa", "/etc/lifeboat/ssh/known_hosts"  # of config/resolve_remote.c
GUEST = "192.0.2.100"  # RFC 5737: of no network that anybody has
NAMES_SERVER, NAMES_FROM = "192.0.2.2", 10
CARD = "52:54:00:12:34:01"
DUMP_MIB, ROOT_MIB, MAX_MIB = 768, 2048, 1 << 17
SECONDS, MAX_SECONDS = 300, 3600
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
TIMES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

ARM = """\
K=@KERNEL@ IMG=/var/lib/lifeboat.img
step check
fails 0 lifeboat check
step recipe
lifeboat recipe --kernel $K >/var/lib/lifeboat.recipe
cat /var/lib/lifeboat.recipe
step initramfs
lifeboat initramfs --kernel $K -o $IMG
step start
fails 0 lifeboat start
fails 0 lifeboat status
"""
COLLECT = """\
step collect
fails 0 lifeboat collect --into /var/crash
"""


@dataclass
class Line:
    """One line of the file that says something; changed where the guest's has to."""

    number: int
    key: str
    value: str
    keep: bool = True

    def __str__(self) -> str:
        return f"{self.key} {self.value}"


@dataclass
class Target:
    """A target's line, and those that are its own."""

    line: Line
    kind: str
    log_only: bool
    own: dict[str, Line] = field(default_factory=dict)
    place: str = ""  # the disk, share or server of the guest; empty: left out

    def leave_out(self) -> None:
        """It is none of the guest's."""
        for line in (self.line, *self.own.values()):
            line.keep = False


def read_lines(path: Path) -> list[Line]:
    """The file as config/config.c reads it: a '#' anywhere begins a comment, a blank parts key and value."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as err:
        raise LabError(f"{path}: {err.strerror}") from err
    if len(data) > MAX_BYTES or b"\0" in data:
        raise LabError(f"{path} is no configuration: {'more than 64 KiB' if len(data) > MAX_BYTES else 'a byte of it is 0'}")
    lines = []
    for number, text in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = text.partition("#")[0].strip().split(None, 1)
        if words:
            value = words[1].strip() if len(words) > 1 else ""
            lines.append(Line(number, words[0], value.strip('"') if value[:1] == '"' == value[-1:] else value))
    return lines


def size_of(text: str) -> int:
    """Bytes of "4G"; 0 if it is no size, which lifeboat will say."""
    found = re.fullmatch(r"(\d{1,12})([KMGT]?)", text)
    return int(found.group(1)) * UNITS[found.group(2)] if found else 0


def seconds_of(text: str) -> int:
    """Seconds of "5m"; 0 likewise."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    return int(found.group(1)) * TIMES[found.group(2)] if found else 0


def is_address(text: str) -> bool:
    """Whether it is one, of either kind."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class Mapper:
    """What the guest has in place of what the file names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = read_lines(path)
        self.disks: dict[str, dict[str, Any]] = {}  # by the device's words
        self.shares: list[dict[str, Any]] = []
        self.servers: list[dict[str, Any]] = []
        self.records: list[str] = []
        self.networks = ["192.0.2.1/24"]
        self.guest = [f"{GUEST}/24"]
        self.files: dict[str, str] = {}  # of the guest: text
        self.secret: dict[str, str] = {}  # of the guest: file here
        self.keys: dict[str, str] = {}  # the guest's file of a key: the server that made it
        self.changed: list[str] = []
        self.left_out: list[str] = []
        self.targets = self.find_targets()

    # ---- the file

    def find_targets(self) -> list[Target]:
        """Targets with the lines that are theirs."""
        targets: list[Target] = []
        for line in self.lines:
            kind, log_only = line.key, line.key == "log_only"
            if log_only:
                kind = line.value.partition(" ")[0]
            if kind in TARGETS:
                targets.append(Target(line, kind, log_only))
            elif line.key in OF_TARGET and targets:
                targets[-1].own[line.key] = line
            elif line.key in OF_SORT:
                self.give(line, targets)
        return targets

    @staticmethod
    def give(line: Line, targets: list[Target]) -> None:
        """A line for all targets of its sort above it that have none yet; the others find theirs in value_of()."""
        for target in targets:
            if target.kind in OF_SORT[line.key] and line.key not in target.own:
                target.own[line.key] = line

    def value_of(self, target: Target, key: str, usual: str) -> str:
        """What is said for a target: by a line of its own, or by one above all of its sort."""
        if key in target.own:
            return target.own[key].value
        sort = OF_SORT.get(key, ())
        first = next((one.line.number for one in self.targets if one.kind in sort), 0)
        return next((line.value for line in self.lines if line.key == key and line.number < first), usual)

    def last(self, key: str, usual: str = "") -> str:
        """A key's value."""
        return next((line.value for line in reversed(self.lines) if line.key == key), usual)

    def tell(self, line: Line, text: str) -> None:
        """Something that is not as the file says."""
        self.changed.append(f"line {line.number}, {line}: {text}")

    def change(self, line: Line, value: str, text: str) -> None:
        """Another value in the guest."""
        self.tell(line, text)
        line.value = value

    # ---- targets

    def map_all(self) -> None:
        """Everything; what is left out is told."""
        for target in self.targets:
            device = target.line.value.partition(" ")[2].strip() if target.log_only else target.line.value
            try:
                self.map_one(target, device)
            except LabError as err:
                self.left_out.append(f"line {target.line.number}, {target.line}: left out: {err}")
                target.leave_out()
        for line in self.lines:
            self.map_other(line)
        self.drop_unused()

    def map_one(self, target: Target, device: str) -> None:
        """One target's place."""
        if target.kind in (*DISKS, "raw"):
            self.map_disk(target, device)
        elif target.kind in SHARES:
            if not re.fullmatch(r"[A-Za-z0-9][\w-]{0,35}", device):
                raise LabError(f"a share of the guest cannot have the tag {device!r}")
            target.place = self.share(target.kind, device)
        elif target.kind in ("nfs", "nfs4"):
            self.map_nfs(target, device)
        elif target.kind in SHELLS:
            self.map_shell(target, device)
        else:
            raise LabError(f"the lab makes no {target.kind} for a configuration")

    def share(self, kind: str, tag: str) -> str:
        """A folder of the drill's."""
        if not any(one["name"] == tag for one in self.shares):
            self.shares.append({"name": tag, "kind": kind})
        return tag

    def map_disk(self, target: Target, device: str) -> None:
        """A disk of the guest, with the name that the file has for it if it can have that."""
        device = device.strip('"')
        fs = "none" if target.kind == "raw" else target.kind
        if device not in self.disks:
            self.disks[device] = self.make_disk(device, fs, f"disk{len(self.disks) + 1}")
        disk = self.disks[device]
        if disk["fs"] != fs:
            raise LabError(f"{device} has another file system in another line")
        target.place = disk["name"]
        if not disk.pop("named", False):
            tag = "PARTUUID" if disk["partition"] else "UUID"
            new = f"{tag}={disk['uuid']}"
            front = f"{target.kind} " if target.log_only else ""
            self.change(target.line, front + new, f"the guest has no {device}; a disk of its own takes its place, {new}")

    def make_disk(self, device: str, fs: str, name: str) -> dict[str, Any]:
        """The disk; "named" if the file's name for it holds in the guest."""
        tag, _, value = device.partition("=")
        value = value.strip('"')
        partition = fs == "none" or tag in ("PARTUUID", "PARTLABEL")
        disk = {"name": name, "mib": DUMP_MIB, "fs": fs, "partition": partition, "uuid": self.new_uuid(device, fs, partition)}
        if partition and fs not in ("none", "ext4"):
            raise LabError(f"the lab makes no partitions with {fs}")
        if tag == ("PARTUUID" if partition else "UUID") and self.is_uuid(value, fs, partition):
            return {**disk, "uuid": value, "named": True}
        if tag == "LABEL" and not partition and re.fullmatch(rf"[\w .+:@-]{{1,{LABEL_BYTES[fs]}}}", value, re.ASCII):
            return {**disk, "label": value, "named": True}
        return disk

    @staticmethod
    def new_uuid(device: str, fs: str, partition: bool) -> str:
        """One that nobody else has, and the same each time."""
        new = str(uuid.uuid5(uuid.NAMESPACE_URL, device))
        return f"{new[:4]}-{new[4:8]}".upper() if fs == "vfat" and not partition else new

    @staticmethod
    def is_uuid(text: str, fs: str, partition: bool) -> bool:
        """Whether a file system or a partition can be made with it."""
        if fs == "vfat" and not partition:
            return bool(re.fullmatch(r"[0-9A-F]{4}-[0-9A-F]{4}", text))
        return bool(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text))

    # ---- servers

    def server(self, kind: str, host: str, options: dict[str, Any]) -> dict[str, Any]:
        """A server at its own address, or at one that its name leads to."""
        name = f"server{len(self.servers) + 1}"
        address = host.strip("[]")
        if is_address(address):
            self.reach(address)
        else:
            if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})", host):
                raise LabError(f"{host!r} is no name of a host")
            known = next((one.rpartition(",")[2] for one in self.records if one.startswith(f"{host},")), "")
            address = known or f"192.0.2.{NAMES_FROM + len(self.servers)}"
            if not known:
                self.records.append(f"{host},{address}")
        wanted = {"name": name, "kind": kind, "network": "lan", "addresses": [address], "options": options}
        if any(one["addresses"] == [address] and one["options"].get("port") == options.get("port") and one["kind"] == kind
               for one in self.servers):
            raise LabError("the lab makes one server of a kind at an address and port")
        self.servers.append(wanted)
        return wanted

    def reach(self, address: str) -> None:
        """The guest and the world are in the address's network."""
        prefix = 64 if ":" in address else 24
        network = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
        if network.is_loopback or network.is_multicast or network.is_link_local:
            raise LabError(f"{address} is no address of another machine")
        if any(ipaddress.ip_interface(one).ip in network for one in self.guest):
            return
        taken = int(ipaddress.ip_address(address)) - int(network.network_address)
        world, guest = [number for number in (1, 100, 101) if number != taken][:2]
        self.networks.append(f"{network.network_address + world}/{prefix}")
        self.guest.append(f"{network.network_address + guest}/{prefix}")

    def map_nfs(self, target: Target, device: str) -> None:
        """HOST:/EXPORT."""
        found = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:/\[\]]+):(/[\w./-]{0,200})", device)
        if not found:
            raise LabError("it is not HOST:/EXPORT")
        target.place = self.server("nfs", found.group(1), {"pseudo": found.group(2)})["name"]

    def map_shell(self, target: Target, device: str) -> None:
        """USER@HOST."""
        user, _, host = device.rpartition("@")
        if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,30}", user) or user == "root":
            raise LabError("the lab's servers have ordinary users only")
        port = self.value_of(target, "ssh_port", "22")
        if not re.fullmatch(r"[1-9]\d{0,4}", port) or int(port) > 65535:
            raise LabError(f"{port} is no port")
        options: dict[str, Any] = {"user": user, "port": int(port)}
        key = self.value_of(target, "sshkey", SSH_KEY)
        if key in self.keys:
            options["key-of"] = self.keys[key]
        if target.kind == "sftp":
            options["sftp-only"] = True
        server = self.server("ssh", host, options)
        name = target.place = server["name"]
        if key not in self.keys:
            self.keys[key] = name
            self.secret[key] = f"@{name}:identity@"
        known = self.value_of(target, "ssh_known_hosts", KNOWN_HOSTS)
        plain = host.strip("[]")
        who = plain if options["port"] == 22 else f"[{plain}]:{options['port']}"
        self.files[known] = self.files.get(known, "") + f"{who} @{name}:host-key@\n"
        self.map_far_path(target)

    def map_far_path(self, target: Target) -> None:
        """A server has its folders below /srv/NAME, and no others are ours to make."""
        path = target.own.get("path")
        if not path:
            far = next((line.value for line in self.lines if line.key == "path" and line.number < target.line.number
                        and not any(line in one.own.values() for one in self.targets)), "/var/crash")
            path = Line(target.line.number, "path", far)
            target.own["path"] = path
            self.lines.insert(self.lines.index(target.line) + 1, path)
        below = f"/srv/{target.place}/{path.value.lstrip('/')}"
        self.change(path, below, f"on the lab's server it is {below}")

    # ---- the rest

    def map_other(self, line: Line) -> None:
        """Settings that a guest cannot have as they are."""
        if line.key in DROPPED:
            self.tell(line, f"without effect here: {DROPPED[line.key]}")
            line.keep = False
        elif line.key == "dracut_args" and "--mount" in line.value:
            self.left_out.append(f"line {line.number}, {line}: left out: a mount of dracut's as a target")
            line.keep = False
        elif line.key == "final_action" and line.value in ("halt", "shell"):
            self.change(line, "poweroff", "a guest has to end: it powers off")
        elif line.key == "core_collector" and (re.search(r"\s-E\b", line.value) or not line.value.startswith("makedumpfile")):
            raise LabError(f"{self.path}: line {line.number}: {line}: the judges read no ELF dumps")

    def drop_unused(self) -> None:
        """Keys of a sort of targets of which none is left; a pathless rest is for the root file system."""
        there = {target.kind for target in self.targets if target.place}
        for line in self.lines:
            if line.key in OF_SORT and not there.intersection(OF_SORT[line.key]):
                line.keep = False

    def programs(self) -> list[str]:
        """Files of this machine that go into the guest."""
        found = []
        for line in self.lines:
            if line.key in ("kdump_pre", "kdump_post", "extra_bins"):
                for word in shlex.split(line.value):
                    if not Path(word).is_file():
                        raise LabError(f"{self.path}: line {line.number}: {line.key} {word}: there is no such file on this machine")
                    found.append(word)
        return list(dict.fromkeys(found))

    def conf(self) -> str:
        """The file for the guest; what is encrypted is encrypted to the judges, too."""
        text, number = "", 1
        for line in self.lines:  # in their places: lifeboat tells of lines by their numbers
            text += "\n" * (line.number - number) + (f"{line}\n" if line.keep else "\n")
            number = line.number + 1
        if any(line.key == "encrypt_to" for line in self.lines):
            text += "encrypt_to @AGE@\n"
        return text or "\n"

    def root_path(self) -> str:
        """Where dumps are on the root file system."""
        first = min((target.line.number for target in self.targets), default=1 << 30)
        return next((line.value for line in self.lines if line.key == "path" and (line.number < first or len(self.targets) == 1)),
                    "/var/crash")

    def level(self) -> int:
        """The dump level that is wanted first."""
        collector = self.last("core_collector")
        found = re.search(r"(?:\s-d\s*|--dump-level[= ])(\d+)", collector)
        return int(found.group(1)) if found else 0 if collector else 31

    def network_words(self) -> str:
        """The shell's words for the guest's network."""
        if not self.servers:
            return ""
        text = "ip link set lo up\nmodprobe -a virtio_net ipv6 nfsv4 nfsv3\nip link set eth0 up\n"
        for address in self.guest:
            text += f"ip addr add {address} dev eth0{' nodad' if ':' in address else ''}\n"
        return text + "sleep 1\n"

    def tables(self) -> dict[str, Any]:
        """What is laid over the scenario `configured`."""
        first = next((target for target in self.targets if target.place and not target.log_only), None)
        raw = first is not None and first.kind == "raw"
        mib = max(ROOT_MIB, 2 * max(size_of(self.last("keep_free")), size_of(self.last("spool"))) >> 20)
        seconds = min(MAX_SECONDS, SECONDS + (seconds_of(self.last("deadline_total")) or SECONDS))
        shells = [one for one in self.servers if one["kind"] == "ssh"]
        guest = {"crashkernel": "192M", "memory-mib": 1024, "disk-mib": min(MAX_MIB, mib), "seconds": seconds}
        guest |= {"flavour": ""} if any(one["kind"] == "9p" for one in self.shares) else {}
        configured: dict[str, Any] = {
            "conf": self.conf(), "prepare": self.network_words(), "arm": ARM, "after": COLLECT if raw else "",
            "files": self.files, "programs": ["ip"] if self.servers else [], "copies": self.programs(),
            "root-path": self.root_path() if not first else "/var/crash",
        }
        tables: dict[str, Any] = {
            "about": f"{self.path.name}: {' then '.join(str(one.line) for one in self.targets if one.place) or 'the root disk'}",
            "guest": guest, "load": {"deadline": 240}, "configured": configured, "shares": self.shares,
            "disks": list(self.disks.values()), "judges": ["fidelity"], "files": self.secret,
            "tools": ["/usr/bin/ssh"] if shells else [],
            "expect": {"at": "root" if raw or not first else first.place, "image-kib": 1 << 16, "seconds": seconds,
                       "level": self.level()},
            "changed": self.changed, "left-out": self.left_out,
        }
        if self.servers:
            tables["networks"] = [{"name": "lan", "addresses": self.networks}]
            tables["nics"] = [{"name": "card", "mac": CARD, "networks": ["lan"]}]
            tables["servers"] = list(self.servers)
            if self.records:
                tables["servers"].append({"name": "names", "kind": "dnsmasq", "network": "lan", "addresses": [NAMES_SERVER],
                                          "options": {"records": self.records}})
                configured["files"]["/etc/resolv.conf"] = f"nameserver {NAMES_SERVER}\n"
        return tables


def load(path: Path) -> Scenario:
    """The scenario of a user's configuration."""
    mapper = Mapper(path)
    mapper.map_all()
    if mapper.targets and not any(target.place for target in mapper.targets):
        raise LabError(f"{path}: a guest can have none of its targets:\n" + "\n".join(mapper.left_out))
    tables = read_tables(BASE)
    for key in ("offers", "tags"):
        tables.pop(key, None)
    tables.pop("fixed", None)
    return make_scenario(NAME, merge(tables, mapper.tables()))


def interpreter_of(path: Path) -> str:
    """The program that a script names, or nothing."""
    with open(path, "rb") as file:
        head = file.read(256)
    words = head.partition(b"\n")[0][2:].split() if head[:2] == b"#!" else []
    return words[0].decode("utf-8", "replace") if words else ""


def is_dynamic(path: Path) -> bool:
    """Whether a program has libraries."""
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return False
    return "not a dynamic" not in run(["sh", "-c", 'ldd "$1" 2>&1 || true', "sh", path]).stdout
