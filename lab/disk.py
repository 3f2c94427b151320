# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's disk: an ext4 image made from a folder and read back without mounting it."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import LabError
from .proc import environment, run, tail

# debugfs ends with status 0 whatever happens, and says on stderr what went wrong. These lines of
# its stderr are no failures: its banner, and owners that only root could restore.
HARMLESS = re.compile(r"^debugfs \d|while changing ownership of|^$")


MKFS_SECONDS = 300

# Where the loader looks for libraries, whatever its cache says.
SYSTEM_LIBRARIES = "/usr/lib/x86_64-linux-gnu"


def unpacked_libraries() -> list[Path]:
    """Where those are that are not installed but unpacked: see lab/tools.py."""
    tree = os.environ.get("LIFEBOAT_TOOLS")
    words = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return [Path(word) for word in words if tree and word.startswith(tree)]


def copy_program(program: Path, tree: Path, at: str, folders: Sequence[Path] = ()) -> None:
    """Put a program at the path `at` of the tree, and its shared libraries where it looks.

    Libraries that are not installed here are taken from `folders`.
    """
    folders = [*folders, *unpacked_libraries()]
    target = tree / at.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy2(program, target)
    for library in libraries(program, folders):
        path = Path(library)
        there = f"{SYSTEM_LIBRARIES}/{path.name}" if path.parent in folders else library
        copied = tree / there.lstrip("/")
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.unlink(missing_ok=True)  # a link of the tree may lead out of it
        shutil.copy2(library, copied)


def libraries(program: Path, folders: Sequence[Path] = ()) -> list[str]:
    """The closure of a dynamic program's libraries, the loader included."""
    path = ":".join(str(folder) for folder in folders)
    text = run(["env", f"LD_LIBRARY_PATH={path}", "ldd", program]).stdout
    if "not found" in text:
        raise LabError(f"{program} lacks libraries:\n{text}")
    return re.findall(r"(?:=> )?(/\S+) \(0x", text)


def make_ext4(image: Path, tree: Path, uuid: str, mib: int, label: str = "") -> None:
    """A sparse ext4 image of `mib` MiB holding a copy of the tree."""
    image.unlink(missing_ok=True)
    with open(image, "wb") as file:
        file.truncate(mib << 20)
    options = ["-q", "-F", "-m", "0", "-U", uuid, "-L", label, "-E", "root_owner=0:0"]
    run(["mkfs.ext4", *options, "-d", tree, image], seconds=MKFS_SECONDS)
    if os.geteuid() != 0:
        own_by_root(image, tree)


def own_by_root(image: Path, tree: Path) -> None:
    """The tree's files belong to whoever made it, and to the guest's root in the image."""
    commands = ["sif / gid 0"]
    for top, folders, names in os.walk(tree):
        for name in (*folders, *names):
            path = "/" + os.path.relpath(os.path.join(top, name), tree)
            if '"' in path or "\n" in path:
                raise LabError(f"{path!r}: no such name in a guest's disk, please")
            commands += [f'sif "{path}" uid 0', f'sif "{path}" gid 0']
    done = run(["debugfs", "-w", "-f", "-", image], stdin="\n".join(commands) + "\n", seconds=MKFS_SECONDS)
    wrong = [line for line in done.stderr.splitlines() if not HARMLESS.search(line)]
    if wrong:
        raise LabError(f"debugfs, for the owners of files: {'; '.join(wrong[:5])}")


def replay_journal(image: Path) -> None:
    """What the next mount would do first; without it debugfs reads stale metadata."""
    run(["e2fsck", "-E", "journal_only", "-y", image])


def extract(image: Path, path: str, into: Path) -> None:
    """Copy a folder of the image, with all below it, into a folder of ours."""
    replay_journal(image)
    into.mkdir(parents=True, exist_ok=True)
    done = run(["debugfs", "-R", f'rdump "{path}" "{into}"', image], seconds=300)
    wrong = [line for line in done.stderr.splitlines() if not HARMLESS.search(line)]
    if wrong:
        raise LabError(f"debugfs rdump {path}: {'; '.join(wrong)}")


def ext4_layout(image: Path) -> tuple[int, int]:
    """An ext4 image's free bytes, and where its first inode table begins."""
    text = run(["dumpe2fs", image]).stdout
    free = re.search(r"^Free blocks:\s+(\d+)$", text, re.MULTILINE)
    size = re.search(r"^Block size:\s+(\d+)$", text, re.MULTILINE)
    table = re.search(r"Inode table at (\d+)-", text)
    if not free or not size or not table:
        raise LabError(f"dumpe2fs does not tell what is where on {image}")
    return int(free.group(1)) * int(size.group(1)), int(table.group(1)) * int(size.group(1))


def extract_all(image: Path, into: Path) -> None:
    """Copy all of the image's files into a new folder of ours."""
    replay_journal(image)
    into.mkdir(parents=True)
    listing = run(["debugfs", "-R", "ls -p /", image]).stdout
    for line in listing.splitlines():
        fields = line.split("/")  # "/inode/mode/owner/group/name/size/"
        if len(fields) > 5 and fields[5] not in (".", "..", "lost+found"):
            extract(image, f"/{fields[5]}", into)


CHECKERS: dict[str, list[str]] = {
    "ext4": ["e2fsck", "-f", "-n"],
    "xfs": ["xfs_repair", "-n"],
    "btrfs": ["btrfs", "check", "--readonly"],
    "vfat": ["fsck.vfat", "-n"],
}
CHECK_SECONDS = 60
VFAT_STATE = 65  # in the boot sector of FAT32: 1 while it is mounted


def wrong_with(image: Path, fs: str) -> str:
    """What the file system's own checker finds: nothing, if it is sound.

    It was in use when the machine crashed: ext4's journal is replayed before, and that vfat says "dirty" is no fault.
    """
    if fs == "ext4":
        replay_journal(image)
    elif fs == "vfat":
        image = Path(shutil.copy(image, image.with_suffix(".clean")))
        with open(image, "r+b") as file:
            file.seek(VFAT_STATE)
            file.write(b"\0")
    argv = [*CHECKERS[fs], str(image)]
    try:
        done = subprocess.run(
            argv,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=CHECK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise LabError(f"{argv[0]}: {err}") from err
    return tail(done.stdout + done.stderr) if done.returncode else ""
