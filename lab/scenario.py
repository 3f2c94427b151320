# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios: one crash or ordered restart each, told as data in lab/scenarios/NAME.toml.

A file may name another as its `base` and say only what differs, and lay targets and faults over it: see overlays.py. Unknown keys are errors, so that a
scenario never tests less than its author believes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from .errors import LabError
from .overlays import OWN_FILE, lay_chosen, read_tables, resolve


T = TypeVar(
    "T", "Guest", "Restart", "Death", "Disk", "Share", "Network", "Nic", "Server", "Action", "Configured", "Expect", "Scenario"
)

ROOT_DISK = "root"  # the name of the disk that each guest has
FILE_SYSTEMS = ("ext4", "xfs", "btrfs", "vfat", "none")
SHARES = ("9p", "virtiofs")
BUSES = ("virtio", "scsi", "sata", "nvme", "usb")
DAMAGES = ("superblock", "root")
FAULT = re.compile(r"(read|write|flush) fails after (\d+)")
LEVELS = re.compile(r"\d+(,\d+)*")


@dataclass(frozen=True)
class Guest:
    """The virtual machine and its limits."""

    memory_mib: int
    cpus: int
    crashkernel: str
    disk_mib: int
    seconds: int  # for both kernels together, counted by the host
    suite: str  # of Debian, whose newest cloud kernel it runs; empty: this machine's own
    firmware: str  # "ovmf", or empty: QEMU's own BIOS
    kernel_args: list[str]  # more words for the first kernel's command line
    flavour: str = "cloud"  # of Debian's kernel; empty: the one with everything, 9p too
    devices: list[str] = field(default_factory=list)  # more words for QEMU
    capture_args: list[str] = field(default_factory=list)  # more words for the capture kernel's
    crashes: int = 1  # the guest starts again after each; when it has crashed so often, it ends
    first_modules: list[str] = field(default_factory=list)  # more of them for the first kernel
    old_crashes: int = 0  # crash folders that are there already, logs only; the oldest is pinned
    kernel: str = ""  # a word of kernels.py, in place of suite and flavour: what a user has asked for
    nodes: list[int] = field(default_factory=list)  # MiB of each NUMA node, together memory_mib; the CPUs go round them
    plug_mib: int = 0  # added by virtio-mem before the panic kernel is loaded
    plug_later_mib: int = 0  # added after it
    balloon_mib: int = 0  # taken away by a balloon, after both

    @property
    def file_mib(self) -> int:
        """Of the file that is its RAM in the end."""
        return self.memory_mib + self.plug_mib + self.plug_later_mib


@dataclass(frozen=True)
class Death:
    """How the first kernel dies, and what a report of its dump has to say of that: see judges/death.py."""

    way: str = "sysrq"  # words for lab/guest_deaths.c: "sysrq", "crasher null irq", …
    sysctls: dict[str, int] = field(default_factory=dict)  # written before, like "kernel.panic_on_oops"
    panic: str = "sysrq triggered crash"  # a regular expression: in the log, and in crash.json's panic
    classes: list[str] = field(default_factory=lambda: ["sysrq"])  # of crash/crash.h; more than one where kernels differ
    function: str = "sysrq_handle_crash"  # on the stack of the CPU that panicked; empty: whichever it hit
    comm: str = "init"  # the task, a regular expression; empty: whichever it hit
    cpu: int | None = None  # that panicked; none: whichever it was

    @property
    def crasher(self) -> bool:
        """Whether it takes the lab's own module, built for the guest's kernel."""
        return self.way.split()[0] == "crasher"


@dataclass(frozen=True)
class Disk:
    """One more disk of the guest; `root` is there without saying so."""

    name: str
    mib: int
    fs: str  # one of FILE_SYSTEMS
    bus: str = "virtio"  # one of BUSES
    label: str = ""  # of its file system
    uuid: str = ""  # of its file system, or of its partition; empty: a new one
    partition: bool = False  # it has a GUID partition table, and is partition 2 of 3
    attached: bool = True  # when the guest starts; else an action attaches it
    read_only: bool = False
    mounted: bool = False  # by the first kernel, and written to when it panics
    corrupt: str = ""  # one of DAMAGES: found, but not to be mounted
    leave_kib: int = 0  # when not 0: all but this much is in use
    faults: list[str] = field(default_factory=list)  # "write fails after 40": of such requests
    paths: int = 1  # scsi: so many devices with one identity lead to it


@dataclass(frozen=True)
class Share:
    """A folder of the host that the guest can mount by its name."""

    name: str
    kind: str  # one of SHARES


@dataclass(frozen=True)
class Network:
    """A network that the guest's cards lead to, with servers in it: see lab/world."""

    name: str
    addresses: list[str]  # of the world itself in it, with their prefixes
    vlan: int = 0  # the tag that it has on the guest's cards; 0: none


@dataclass(frozen=True)
class Nic:
    """A network card of the guest."""

    name: str
    mac: str
    networks: list[str]  # those that it is a cable to
    driver: str = "virtio-net-pci"  # of QEMU


@dataclass(frozen=True)
class Server:
    """A server in one of the networks."""

    name: str
    kind: str  # of lab/world/servers.py
    network: str
    addresses: list[str]  # its own, without prefixes
    mib: int = 0  # it has room for no more; 0: as much as this machine
    absent: bool = False  # it does not run when the guest starts
    options: dict[str, Any] = field(default_factory=dict)  # what only this kind has


@dataclass(frozen=True)
class Action:
    """Something that happens to the guest after its first panic: see lab/action.py."""

    on: str  # a regular expression: the first line that matches, the one that tells of the death included; empty: that one
    do: str  # a word of lab/action.py, and the name of a disk
    after: float = 0  # seconds later


@dataclass(frozen=True)
class Restart:
    """A second kernel that is started in good order, in place of a crash."""

    by: str  # lifeboat, kexec (lifeboat by that name), systemd; empty: the scenario is a crash
    append: list[str]  # words that the second kernel's command line has more than the first one's
    boots: int  # how many kernels run
    suite: str  # the second kernel's, as in Guest
    guide: str  # with systemd: a Markdown file of this tree, whose blocks of commands are run
    first: list[str]  # its blocks for the first kernel
    second: list[str]  # its blocks for the second kernel
    finish: str  # a command of the lab's own behind those; the guide's other blocks stay unused


@dataclass(frozen=True)
class Configured:
    """What an operator has written, and runs in the guest: see lab/configured.py."""

    conf: str = ""  # /etc/lifeboat.conf; empty: this is no such scenario
    files: dict[str, str] = field(default_factory=dict)  # programs in the guest, by their paths
    programs: list[str] = field(default_factory=list)  # of this machine, to be there as well
    copies: list[str] = field(default_factory=list)  # files of this machine, to be there at the same paths with what they need
    root_path: str = "/var/crash"  # where dumps are on the root disk, if they go there
    # Programs of other suites, as "SUITE PACKAGE PATH": they come with libraries of their own, so no image can have them.
    newer: list[str] = field(default_factory=list)
    suite: str | None = None  # of another kernel that captures, as in Guest; else the same one does
    prepare: str = ""  # commands of the shell: what the scenario has of its own
    arm: str = ""  # then: from the configuration to a loaded panic kernel
    after: str = ""  # commands of the shell when the guest has booted again


@dataclass(frozen=True)
class Expect:
    """What must be true after the guest has ended."""

    seconds: int  # at most, from the panic (without one: the start) to the guest's end
    result: str  # of crash.json; empty: no crash.json can have been written
    console: list[str]  # regular expressions, each found on the console after the panic or restart
    never: list[str]  # regular expressions, none of them found there
    dmesg: list[str]  # regular expressions, each found in the crashed kernel's log
    present: list[str]  # files in the crash folder
    absent: list[str]
    image_kib: int  # the capture kernel's initramfs, at most: it lives in the reserved memory
    at: str = ROOT_DISK  # the disk or share that has the crash folder of which all this is true
    level: int | None = None  # of the dump, if it is not the first that the recipe names
    panics: int = 1  # lines of a kernel that panics
    after: list[str] = field(default_factory=list)  # as console, on that of the boot afterwards
    # as console, in the records of persistent storage that the machine has when it boots again
    pstore: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # of the record, what it cannot know here
    # What each disk and share has in the end: see judges/honest.py. Those not named: nothing.
    places: dict[str, list[str]] = field(default_factory=dict)
    # What the root disk may have at each action "keep"; also words of judges/honest.py.
    kept: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """One drill."""

    name: str
    about: str
    guest: Guest
    restart: Restart
    load: dict[str, int]  # the numbers of /lab.conf, see guest.c
    uki: bool  # our loader is given one unified kernel image instead of its three parts
    load_args: list[str]  # more words for `lifeboat load`
    peers: list[str]  # kexec-tools stages the same before us in each of these ways, like -c
    damage: str  # what the host damages after it was staged: kernel, initrd; or nothing
    judges: list[str]  # who looks at a complete dump: modules of lab/judges
    command_line: list[str]  # of the capture kernel
    recipe: dict[str, str | int | list[str]]  # its globals; a list is one key repeated
    targets: list[dict[str, str | int | list[str]]]  # of the recipe, in their order
    modules: list[str]
    expect: Expect
    links: list[dict[str, str | int | list[str]]] = field(default_factory=list)  # the same
    layers: list[dict[str, str | int | list[str]]] = field(default_factory=list)
    disks: list[Disk] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    networks: list[Network] = field(default_factory=list)
    nics: list[Nic] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)  # built ones, at / for the recipe to name
    tools: list[str] = field(default_factory=list)  # programs of this machine, at their paths, likewise
    # Files of this machine at paths that the recipe or configuration names: "@SERVER:identity@" is what a server made.
    files: dict[str, str] = field(default_factory=dict)
    after_run: list[list[str]] = field(default_factory=list)  # commands, when it has booted again
    configured: Configured = Configured()
    death: Death = Death()
    tags: list[str] = field(default_factory=list)  # its own, not those of its base: what `lifeboat drill TAG` selects
    needs: str = ""  # what a machine has to have for it, like "memory-mib 20480": see drill/
    changed: list[str] = field(default_factory=list)  # of a user's configuration, for the guest: see userconf.py
    left_out: list[str] = field(default_factory=list)  # of its targets
    overlays: list[str] = field(default_factory=list)  # what was chosen to lie over it: "targets/nfs", "faults/server-dead"
    laid: list[str] = field(default_factory=list)  # all of that, what its own file and those below it lay over it included

    @property
    def level(self) -> int:
        """The dump level that is expected: the one that is wanted first, or a leaner one."""
        if self.expect.level is not None:
            return self.expect.level
        return int(str(self.recipe.get("level", 31)).split(",")[0])

    @property
    def encrypted(self) -> bool:
        """Whether what it leaves is for who has the keys."""
        return "encrypt-to" in self.recipe or "\nencrypt_to " in self.configured.conf

    @property
    def boots_again(self) -> bool:
        """Whether only a kernel can read what is on some disk, or commands are to be run."""
        after = bool(self.after_run or self.configured.after or self.expect.pstore)
        return after or any(disk.fs in ("xfs", "btrfs", "vfat") for disk in self.disks)


def build(kind: type[T], where: str, table: Mapping[str, Any]) -> T:
    """Make a dataclass from a table whose keys are its fields, all but those with a default."""
    given = {key.replace("-", "_"): value for key, value in table.items()}
    known = {one.name for one in fields(kind)}
    needed = {
        one.name
        for one in fields(kind)
        if one.default is MISSING and one.default_factory is MISSING
    }
    wrong = sorted((given.keys() - known) | (needed - given.keys()))
    if wrong:
        raise LabError(f"scenario {where}: unknown or missing: {', '.join(wrong)}")
    return kind(**given)


def build_all(kind: type[T], where: str, tables: list[dict[str, Any]]) -> list[T]:
    """The same for a list of tables."""
    return [build(kind, f"{where} {number}", table) for number, table in enumerate(tables, 1)]


def wrong_with(disk: Disk) -> str:
    """Why a disk cannot be as it is described; most can."""
    if disk.fs not in FILE_SYSTEMS:
        return f"no file system {disk.fs}"
    if disk.bus not in BUSES:
        return f"no bus {disk.bus}"
    if disk.bus != "virtio" and (disk.mounted or not disk.attached or disk.fs not in ("ext4", "none")):
        return "only virtio disks are plugged in later, or written to by the guest itself"
    if disk.corrupt and (disk.corrupt not in DAMAGES or disk.fs != "ext4"):
        return f"corrupt is one of {DAMAGES}, for ext4"
    if disk.partition and (disk.fs not in ("none", "ext4") or disk.mounted or disk.corrupt):
        return "a partition has no file system here, or an ext4 that the scenario does not touch"
    if disk.paths > 1 and (disk.bus != "scsi" or not disk.attached):
        return "only a scsi disk that is attached at the start has several paths"
    if disk.label and (disk.fs == "none" or disk.partition and disk.fs != "ext4"):
        return "only file systems have labels"
    if disk.mounted and (disk.fs == "none" or disk.corrupt or disk.read_only):
        return "it cannot be mounted"
    if disk.fs in ("xfs", "btrfs", "vfat") and (disk.read_only or not disk.attached):
        return "only the guest writes to it, so it has to be attached at the start"
    if wrong := [fault for fault in disk.faults if not FAULT.fullmatch(fault)]:
        return f"no fault {wrong[0]!r}"
    if disk.faults and disk.attached:
        return "with faults it has to be attached after the panic"
    return ""


def wrong_with_guest(guest: Guest) -> str:
    """Why a guest cannot be as it is described; most can."""
    if guest.nodes and (sum(guest.nodes) != guest.memory_mib or guest.cpus < len(guest.nodes)):
        return "its nodes have other memory than it has, or too few CPUs"
    if guest.file_mib != guest.memory_mib and guest.memory_mib > 3 << 10 and guest.memory_mib % 1024:
        return "what is plugged in begins at a whole GiB, so that memory above 4 GiB has to end at one"
    return ""


def check(scenario: Scenario) -> None:
    """What the tables cannot say."""
    if not isinstance(scenario.tags, list) or not all(isinstance(one, str) for one in (*scenario.tags, scenario.about)):
        raise TypeError("tags are a list of texts, `about` is a text")
    if why := wrong_with_guest(scenario.guest):
        raise LabError(f"scenario {scenario.name}, guest: {why}")
    for disk in scenario.disks:
        if why := wrong_with(disk):
            raise LabError(f"scenario {scenario.name}, disk {disk.name}: {why}")
    names = [ROOT_DISK, *(disk.name for disk in scenario.disks)]
    names += [share.name for share in scenario.shares]
    names += [server.name for server in scenario.servers]
    if len(names) != len(set(names)):
        raise LabError(f"scenario {scenario.name}: a name twice: {names}")
    if wrong := {scenario.expect.at, *scenario.expect.places} - set(names):
        raise LabError(f"scenario {scenario.name}: [expect] names what is not there: {wrong}")
    if not LEVELS.fullmatch(str(scenario.recipe.get("level", 31))):
        raise LabError(f"scenario {scenario.name}: level {scenario.recipe['level']}")


def load_scenario(name: str, over: Sequence[str] = ()) -> Scenario:
    """Read and check one scenario, with what is laid over it: "targets/NAME" and "faults/NAME", files as the scenarios are.

    A name that ends in .toml is a user's own file, with no kind of mistake that could not be in it.
    """
    if not name.endswith(OWN_FILE):
        return read_scenario(name, over)
    try:
        return read_scenario(name, over)
    except RecursionError as err:
        raise LabError(f"{name}: its bases lead in a circle") from err
    except (TypeError, AttributeError, ValueError, KeyError) as err:
        raise LabError(f"{name}: a value is of another kind than it has to be: {err}") from err


def read_scenario(name: str, over: Sequence[str]) -> Scenario:
    """The same, of a file without such mistakes."""
    tables = lay_chosen(name, read_tables(name), over)
    tables = resolve(tables, tables.pop("offers", {}))
    tables.pop("fixed", None)
    return make_scenario(Path(name).stem if name.endswith(OWN_FILE) else name, {**tables, "overlays": list(over)})


def make_scenario(name: str, tables: dict[str, Any]) -> Scenario:
    """A scenario out of its tables, when all has been laid over them."""
    tables["death"] = build(Death, f"{name} [death]", tables.get("death", {}))
    tables["guest"] = build(Guest, f"{name} [guest]", tables.get("guest", {}))
    tables["restart"] = build(Restart, f"{name} [restart]", tables.get("restart", {}))
    tables["configured"] = build(Configured, f"{name} [configured]", tables.get("configured", {}))
    tables["expect"] = build(Expect, f"{name} [expect]", tables.get("expect", {}))
    kinds: dict[str, Any] = {"disks": Disk, "shares": Share, "networks": Network, "nics": Nic, "servers": Server}
    for key, kind in {**kinds, "actions": Action}.items():
        tables[key] = build_all(kind, f"{name} [[{key}]]", tables.get(key, []))
    scenario = build(Scenario, name, {**tables, "name": name})
    check(scenario)
    return scenario
