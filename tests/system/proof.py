# SPDX-License-Identifier: GPL-2.0-or-later
"""`lifeboat test --proof`: a real kernel and image captures a forged crash in the virtual machine that our program starts.

The machine whose kernel is armed is a recorded one (tests/roots), to which what arming leaves is added; what comes out on the
scratch disks is judged from outside.
"""

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import crashpart, debs, disk
from lab.checks import Checks
from lab.paths import ROOT, build_dir, program
from lab.proc import environment, run

SECONDS = 60
RESERVED = 192 << 20
TABLE_START = 1 << 20  # of the partition on a scratch disk with a table
CMDLINE = 'root=/dev/vda1 note="mem=1M is quoted" reset_devices nr_cpus=1 memmap=1M$2G elfcorehdr=1K'
SAYS = b"No kernel has crashed"
FAILED, UNSUPPORTED, NOT_LOADED = 1, 5, 3
RECIPE = "schema = lifeboat-recipe-3\nwatchdog = 0\ndeadline-device = 8\n"


@dataclass(frozen=True)
class Case:
    """One armed machine."""

    root: str  # of tests/roots
    target: str  # lines of the recipe
    modules: tuple[str, ...]

    def recipe(self) -> str:
        """The whole recipe."""
        return RECIPE + "".join(f"module = {name}\n" for name in self.modules) + self.target


EXT4 = "target = fs\ndevice = UUID=0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8\nfstype = ext4\n"
RAW = "target = raw\ndevice = PARTUUID=aabbccdd-0011-4233-8455-66778899aabb\nsize = 100663296\n"
XFS = "target = fs\ndevice = @XFS@\nfstype = xfs\npath = /crash\n"
PATH = "target = fs\ndevice = /dev/vda1\nfstype = ext4\n"
VIRTIO = ("virtio_pci", "virtio_blk")
CASES = {
    "ext4": Case("disk-virtio", EXT4, (*VIRTIO, "ext4")),
    "raw": Case("disk-virtio", RAW, VIRTIO),
    "xfs-nvme": Case("disk-nvme", XFS, ("nvme", "xfs")),
    # an image that lacks what the target needs must not pass
    "no-module": Case("disk-virtio", EXT4, ()),
    "by-path": Case("disk-virtio", PATH, (*VIRTIO, "ext4")),
}


def xfs_uuid(root: Path) -> str:
    """Of the recorded machine's NVMe partition."""
    raw = (root / "dev/nvme0n1p3").read_bytes()[32:48].hex()
    parts = (raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:])
    return "UUID=" + "-".join(parts)


def arm(case: Case, folder: Path, kernel: debs.Kernel) -> Path:
    """A recorded machine with that armed."""
    root = folder / "root"
    shutil.copytree(ROOT / "tests" / "roots" / case.root, root, symlinks=True)
    recipe = folder / "recipe"
    recipe.write_text(case.recipe().replace("@XFS@", xfs_uuid(root) if "@XFS@" in case.target else ""))
    image = folder / "image"
    source = ["--root", str(kernel.root), "--kernel", kernel.version]
    content = ["--recipe", str(recipe), "--init", str(program("lifeboat-init"))]
    run([program("lifeboat"), "initramfs", *source, *content, "-o", image])
    lines = ["method=kexec_file_load", f"kernel=/boot/{kernel.vmlinuz.name}"]
    lines += [f"release={kernel.version}", f"cmdline={CMDLINE}", "time=1700000000"]
    copies = root / "var/lib/lifeboat"
    copies.mkdir(parents=True)
    for name, path in {"kernel": kernel.vmlinuz, "initrd": image}.items():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        shutil.copyfile(path, copies / f"{name}-{digest[:16]}")
        lines.append(f"{name}-sha256={digest}")
    files = {
        "run/lifeboat/panic-kernel": "\n".join(lines) + "\n",
        "sys/kernel/kexec_crash_loaded": "1\n",
        "sys/kernel/kexec_crash_size": f"{RESERVED}\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    return root


def prove(root: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    """The exit status, the JSON object, and the messages."""
    argv = [str(program("lifeboat")), "test", "--root", str(root), "--json", *options]
    done = subprocess.run(
        argv,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS + 30,
        check=False,
    )
    said = json.loads(done.stdout) if done.stdout else {}
    return done.returncode, said, done.stderr


def files_on(name: str, kept: Path) -> dict[str, bytes]:
    """The crash's files on the scratch disk, read without our code."""
    image = kept / "target1"
    if name == "raw":
        size = 100663296
        found = crashpart.entries(image, TABLE_START, size)
        if len(found) != 1 or found[0].state != "whole":
            return {}
        return {p.name: crashpart.content(image, TABLE_START, p) for p in found[0].parts}
    if name == "xfs-nvme":
        return {}  # nothing here reads xfs without mounting it
    into = kept / "taken"
    disk.extract(image, "/var/crash", into)
    return {path.name: path.read_bytes() for path in into.rglob("*") if path.is_file()}


def judge_files(checks: Checks, name: str, said: dict[str, Any], kept: Path) -> None:
    """The dump is really there."""
    files = files_on(name, kept)
    wanted = {"dmesg.txt", "crash.json", "vmcore", "SHA256SUMS"}
    checks.expect(f"{name}-files", set(files) == wanted, f"there are {sorted(files)}")
    if set(files) != wanted:
        return
    checks.expect(f"{name}-log", SAYS in files["dmesg.txt"], "it does not say that it is a test")
    record = json.loads(files["crash.json"])
    whole = record["capture"]["result"] == "complete" and said["id"] in record["crash"]["panic"]
    checks.expect(f"{name}-record", whole, f"{record['capture']['result']}, {record['crash']}")
    # of 8192 pages a quarter is a program's and a quarter cache, and the level leaves these out
    kinds = [record["dump"][key] for key in ("pages", "pages_left_out", "unfiltered")]
    checks.expect(f"{name}-filtered", kinds == [8192, 4096, None], f"{kinds}")
    for line in files["SHA256SUMS"].decode().splitlines():
        digest, file = line.split("  ")
        same = hashlib.sha256(files[file]).hexdigest() == digest
        checks.expect(f"{name}-sum-{file}", same, "it differs from SHA256SUMS")
    dump = kept / "dump"
    dump.write_bytes(files["vmcore"])
    text = run([program("lifeboat"), "dmesg", dump]).stdout
    checks.expect(f"{name}-dump", SAYS.decode() in text, "its log is not the forged one")


def judge_history(checks: Checks, name: str, said: dict[str, Any], root: Path) -> None:
    """The test is on record, and `--result` finds it."""
    status, last, _ = prove(root, "--result")
    same = last.get("id") == said["id"] and last["level"] == "proof" and last["passed"]
    checks.expect(f"{name}-result", status == 0 and same, f"status {status}: {last}")
    memory = last["peak_bytes"] == said["peak_bytes"] and last["reserved_bytes"] == RESERVED
    checks.expect(f"{name}-memory", memory and 0 < last["peak_bytes"] < RESERVED, f"{last}")


def judge_good(checks: Checks, name: str, folder: Path, kernel: debs.Kernel) -> None:
    """A proof that has to be passed."""
    root = arm(CASES[name], folder, kernel)
    kept = folder / "kept"
    status, said, words = prove(root, "--proof", "--accel=tcg", f"--timeout={SECONDS}", f"--keep={kept}")
    passed = status == 0 and said.get("verdict") == "passed"
    checks.expect(f"{name}-passed", passed, f"status {status}: {words or said}")
    if not passed:
        return
    target = said["targets"][0]
    driver = "nvme" if name == "xfs-nvme" else "virtio_blk"
    checks.expect(f"{name}-bus", target["stand_in"] == driver and not target["not_proved"], f"{target}")
    checked = "files" if name == "raw" else "console"  # nothing is mounted for a recorded machine
    checks.expect(f"{name}-checked", target["checked"] == checked, f"{target}")
    if name != "xfs-nvme":
        judge_files(checks, name, said, kept)
    judge_history(checks, name, said, root)


def judge_bad(checks: Checks, name: str, folder: Path, kernel: debs.Kernel, wanted: int) -> None:
    """One that must not be, and leaves nothing behind."""
    root = arm(CASES[name], folder, kernel)
    status, said, words = prove(root, "--proof", "--accel=tcg", f"--timeout={SECONDS}")
    verdict = "failed" if wanted == FAILED else "inconclusive"
    good = status == wanted and said.get("verdict") == verdict and bool(said["error"])
    checks.expect(f"{name}-{verdict}", good, f"status {status}: {words} {said}")


def judge(checks: Checks) -> None:
    """All machines, and one where nothing is armed."""
    folder = build_dir() / "system" / "proof"
    shutil.rmtree(folder, ignore_errors=True)
    kernel = debs.fetch_kernel()
    for name in CASES:
        (folder / name).mkdir(parents=True)
    for name in ("ext4", "raw", "xfs-nvme"):
        judge_good(checks, name, folder / name, kernel)
    judge_bad(checks, "no-module", folder / "no-module", kernel, FAILED)
    judge_bad(checks, "by-path", folder / "by-path", kernel, UNSUPPORTED)
    status, _, words = prove(ROOT / "tests/roots/ready", "--proof")
    checks.expect("not-armed", status == NOT_LOADED, f"status {status}: {words}")
    shutil.rmtree(folder)
