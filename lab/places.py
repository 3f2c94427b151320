# SPDX-License-Identifier: GPL-2.0-or-later
"""All that a guest may write to besides its root disk: made before, given to QEMU, looked at after.

What is on ext4 is read by the host; what is on other file systems the guest itself copies to its root
disk when it has booted once more, the disks then without their faults.
"""

import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from . import disk
from .disks import PRECIOUS, Image, digests, make_precious
from .errors import LabError
from .proc import run
from .qemu import Machine
from .scenario import Disk, Scenario

COPIES = "lab-after"  # on the root disk, a folder for each disk
PLACEHOLDER = re.compile(r"@(DISK|BYTES):([\w-]+)@")
KEPT = "kept"


@dataclass(frozen=True)
class Before:
    """What was there before the crash; in before.json."""

    precious: dict[str, str]  # file → digest
    guards: dict[str, dict[str, str]]  # partitioned disk → what is around the partition → digest
    intact: list[str]  # disks whose file system is not meant to be broken


class Places:
    """The disks and shares of one drill in its folder."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.folder = folder
        self.images = [Image(one, folder / f"{one.name}.img") for one in scenario.disks]
        self.precious = folder / PRECIOUS

    def make(self) -> None:
        """Every image and folder, and before.json."""
        make_precious(self.precious)
        for image in self.images:
            image.make(self.precious)
        for share in self.scenario.shares:
            shutil.copytree(self.precious, self.folder / share.name / PRECIOUS)
        guards = {one.wanted.name: one.guards() for one in self.images if one.wanted.partition}
        intact = [d.name for d in self.scenario.disks if d.fs != "none" and not d.corrupt]
        before = Before(digests(self.precious), guards, intact)
        text = json.dumps(vars(before), indent=1)
        (self.folder / "before.json").write_text(text + "\n", encoding="utf-8")

    def image(self, name: str) -> Image:
        """A disk by its name."""
        for image in self.images:
            if image.wanted.name == name:
                return image
        raise LabError(f"there is no disk {name}")

    def fill_in(self, text: str) -> str:
        """A text with @DISK:name@ for the disk's UUID and @BYTES:name@ for its partition's size."""

        def value(found: re.Match[str]) -> str:
            image = self.image(found.group(2))
            return image.uuid if found.group(1) == "DISK" else str(image.partition_bytes)

        return PLACEHOLDER.sub(value, text)

    def modules(self) -> list[str]:
        """What the first kernel needs to mount the disks, besides what its root disk takes."""
        found = {disk.fs for disk in self.scenario.disks} & {"xfs", "btrfs", "vfat"}
        return sorted(found | ({"nls_cp437", "nls_ascii"} if "vfat" in found else set()))

    def add_to(self, machine: Machine) -> None:
        """Put the disks and shares into a guest."""
        for image in self.images:
            machine.add_image(image)
        for share in self.scenario.shares:
            machine.add_share(share.name, share.kind, self.folder / share.name)

    def sound(self) -> list[Image]:
        """The disks that a guest which boots once more gets: none has faults or is missing."""
        return [replace_disk(one) for one in self.images if not one.wanted.corrupt]

    def conf(self) -> dict[str, str]:
        """What /lab.conf says about the disks."""
        guests = [one for one in self.scenario.disks if one.attached and not one.read_only]
        mounted = [d for d in guests if d.fs != "none" and not d.corrupt]
        write = [d for d in mounted if d.fs != "ext4" or d.mounted]
        copy = [d for d in self.scenario.disks if d.fs in ("xfs", "btrfs", "vfat")]

        def words(wanted: list[Disk]) -> str:
            """Name, file system, and whether it stays mounted."""
            return " ".join(f"{d.name}:{d.fs}:{int(d.mounted)}" for d in wanted)

        return {"mounts": words(write), "copies": words(copy)}

    def keep(self, name: str, root: Path) -> None:
        """Copy all disks as they are."""
        into = self.folder / KEPT / name
        into.mkdir(parents=True, exist_ok=True)
        for path in (root, *(image.path for image in self.images)):
            run(["cp", "--sparse=always", path, into / path.name])

    def collect(self, root: Path, into: Path) -> None:
        """The files of each disk and share in folders by their names."""
        copied = into / COPIES
        if self.scenario.boots_again:
            disk.extract(root, f"/{COPIES}", into)
        for image in self.images:
            name = image.wanted.name
            if image.wanted.fs == "ext4" and not image.wanted.corrupt:
                disk.extract_all(image.file_system(), into / name)
            elif (copied / name).is_dir():
                (copied / name).rename(into / name)
        for share in self.scenario.shares:
            (into / share.name).symlink_to(self.folder / share.name)


def replace_disk(image: Image) -> Image:
    """The same image and identity without faults, and there from the start."""
    sound = Image(replace(image.wanted, faults=[], attached=True, read_only=False), image.path)
    sound.uuid = image.uuid
    return sound


def read_before(folder: Path) -> Before:
    """What a drill has written into its folder."""
    try:
        return Before(**json.loads((folder / "before.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as err:
        raise LabError(f"{folder} does not tell what was there before: {err}") from err
