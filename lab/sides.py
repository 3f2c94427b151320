# SPDX-License-Identifier: GPL-2.0-or-later
"""The two sides of lab/compare.py: how each is installed and set up in a guest, and how its files are called.

What a person has to do is a list of steps; the same list is done in the guest and counted for the report.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from . import debs, whole
from .live import Live

CRASHKERNEL = "256M"
LEVEL = 31
CONFIG_FILE = "/etc/lifeboat.conf"
PEER_FILE = "/etc/default/grub.d/kdump-tools.cfg"
INSTALL_SECONDS = 1800  # a minute or two of CPU time, if the machine is free


@dataclass(frozen=True)
class Step:
    """What a person does: types a command, or edits lines of a file, which here takes a command as well."""

    command: str
    edits: int = 0  # lines; 0: the command is typed
    defaults: bool = True  # needed as well if the program's own defaults will do


@dataclass(frozen=True)
class Side:
    """A program that captures crashes, as a package of Debian's."""

    name: str
    packages: tuple[str, ...]  # of the archive; none: ours
    steps: tuple[Step, ...]
    armed: str  # a command of the guest: would a crash be captured now?
    log: str  # a regular expression of its file, below /var/crash
    dump: str
    ladder: tuple[str, ...] = ()  # reservations to be tried, the largest first
    disk_of: str = ""  # it is another side's installation, with only the steps that follow

    def directory_entry(self, kind: str) -> bytes:
        """How the file's name begins in a folder of ext4: its length, its type, itself."""
        pattern = {"log": self.log, "dump": self.dump}[kind]
        fixed, digits = re.fullmatch(r"([a-z.]+)(?:\\d\{(\d+)\})?", pattern.replace("\\.", ".")).groups()
        return bytes([len(fixed) + int(digits or 0), 1]) + fixed.encode()


OURS = Side(
    name="lifeboat",
    packages=(),
    steps=(
        Step("apt-get install -y /parcel/*.deb"),
        Step(f"lifeboat reset-crashkernel --size {CRASHKERNEL}"),
        Step(f"echo 'core_collector makedumpfile -l -d {LEVEL}' >{CONFIG_FILE}", 1, defaults=False),
        Step("systemctl reboot"),
    ),
    armed="lifeboat status",
    log=r"dmesg\.txt",
    dump=r"vmcore",
    ladder=("96M", "80M", "64M", "60M", "56M"),
)

# What of the difference comes from how the pages are packed? kdump-tools has them packed by zlib.
OURS_ZLIB = replace(
    OURS,
    name="lifeboat-zlib",
    steps=(
        Step(f"echo 'core_collector makedumpfile -c -d {LEVEL}' >{CONFIG_FILE}", 1),
        Step("systemctl reload lifeboat"),
    ),
    ladder=(),
    disk_of=OURS.name,
)

PEER = Side(
    name="kdump-tools",
    packages=("kdump-tools", "makedumpfile"),  # the second is recommended by the first, so apt takes it
    steps=(
        Step("DEBIAN_FRONTEND=noninteractive apt-get install -y /parcel/*.deb"),
        Step(f"sed -i 's/crashkernel=[^\" ]*/crashkernel={CRASHKERNEL}/' {PEER_FILE}", 1, defaults=False),
        Step("update-grub", defaults=False),
        Step("systemctl reboot"),
    ),
    armed="test $(cat /sys/kernel/kexec_crash_loaded) = 1",
    log=r"dmesg\.\d{12}",
    dump=r"dump\.\d{12}",
    ladder=("160M", "128M", "112M", "96M", "80M"),
)

SIDES = (OURS, PEER, OURS_ZLIB)


def parcel(side: Side, folder: Path) -> Path:
    """A disk with its packages, and with what the guest does not have yet of what they need."""
    if not side.packages:
        return whole.parcel(folder, [whole.package()])
    apt = debs.system_apt()
    there = set(apt.retrying(lambda: apt.closure(whole.PACKAGES)))
    wanted = apt.retrying(lambda: apt.closure((*whole.PACKAGES, *side.packages)))
    fetched = folder / "fetched"
    fetched.mkdir(parents=True, exist_ok=True)
    for old in fetched.iterdir():
        old.unlink()
    return whole.parcel(folder, apt.download_all([one for one in wanted if one not in there], fetched))


def prepare(live: Live, side: Side) -> dict[str, int]:
    """Do what a person does, and see that it is armed; count."""
    if not side.disk_of:
        live.must("mkdir -p /parcel && mount -o ro /dev/vdb /parcel")
    for step in side.steps:
        if step.command == "systemctl reboot":
            live.reboot(INSTALL_SECONDS)  # theirs makes its image now
        else:
            live.must(step.command, INSTALL_SECONDS)
    live.must(side.armed)
    typed = [step for step in side.steps if not step.edits]
    return {
        "commands": len(typed),
        "lines": sum(step.edits for step in side.steps),
        "commands_with_defaults": sum(step.defaults for step in typed),
        "lines_with_defaults": sum(step.edits for step in side.steps if step.defaults),
    }


def reserve(live: Live, crashkernel: str) -> None:
    """Another reservation, in the same way for both: in the boot loader's own file."""
    live.must(f"sed -i 's/crashkernel=[^ ]*/crashkernel={crashkernel}/' /boot/grub/grub.cfg")
    live.reboot()
