# SPDX-License-Identifier: GPL-2.0-or-later
"""Types: what image/btf.h says of the BTF of Debian's kernels and of their modules, against bpftool.

lab-btf prints all of it in the form of `bpftool btf dump … format raw`; the two are compared line by line.
"""

import lzma
import struct
import subprocess
from itertools import zip_longest
from pathlib import Path

from lab import debs
from lab.checks import Checks
from lab.errors import LabError
from lab.paths import build_dir, program
from lab.proc import environment, run

SUITES = (debs.OWN, debs.BACKPORTS)
EVERY = 40  # of a kernel's modules, of which there are a thousand, one in so many is looked at
# Documentation/arch/x86/boot.rst: where the compressed kernel is in its image
SETUP_SECTORS, PAYLOAD = 0x1F1, 0x248
SECTOR = 512
XZ, ZSTD = b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"


def unpack_vmlinuz(vmlinuz: Path, to: Path) -> None:
    """The ELF file that is inside of a bzImage."""
    image = vmlinuz.read_bytes()
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    start = (image[SETUP_SECTORS] + 1) * SECTOR + offset
    payload = image[start : start + length]
    if payload.startswith(XZ):
        to.write_bytes(lzma.LZMADecompressor().decompress(payload))
    elif payload.startswith(ZSTD):
        # behind it is its length, which zstd takes for damage once it has written all
        with to.open("wb") as out:
            subprocess.run(
                ["zstd", "-dcq"],
                input=payload,
                stdout=out,
                stderr=subprocess.DEVNULL,
                env=environment(),
                timeout=120,
                check=False,
            )
    else:
        raise LabError(f"{vmlinuz} is compressed by something else than xz or zstd")


def take_section(elf: Path, to: Path) -> bool:
    """Copy a file's section .BTF; False: it has none."""
    to.unlink(missing_ok=True)
    copy = to.with_suffix(".elf")
    run(["objcopy", "--dump-section", f".BTF={to}", elf, copy])
    copy.unlink()
    return to.exists()


def unpack_module(module: Path, to: Path) -> None:
    """A module as an ELF file."""
    data = module.read_bytes()
    to.write_bytes(lzma.decompress(data) if module.suffix == ".xz" else data)


def first_difference(ours: str, theirs: str) -> str:
    """Both sides of the first line that differs; "": none does."""
    pairs = zip_longest(ours.splitlines(), theirs.splitlines(), fillvalue="(nothing)")
    for number, (our, their) in enumerate(pairs, 1):
        if our != their:
            return f"line {number}: {our!r}, bpftool: {their!r}"
    return ""


def compare(btf: Path, base: Path | None) -> tuple[str, int]:
    """What differs first, and how many lines bpftool has."""
    theirs = run(
        ["bpftool", *(["-B", base] if base else []), "btf", "dump", "file", btf, "format", "raw"]
    ).stdout
    ours = run([program("lab-btf"), btf, *([base] if base else [])]).stdout
    return first_difference(ours, theirs), len(theirs.splitlines())


def judge_modules(checks: Checks, kernel: debs.Kernel, base: Path, folder: Path) -> None:
    """One module in so many."""
    found = sorted((kernel.root / "lib/modules" / kernel.version).rglob("*.ko*"))
    elf, btf = folder / "module.ko", folder / "module.btf"
    lines, wrong, looked = 0, [], 0
    for module in found[::EVERY]:
        unpack_module(module, elf)
        if not take_section(elf, btf):
            continue
        difference, count = compare(btf, base)
        looked += 1
        lines += count
        if difference:
            wrong.append(f"{module.name}: {difference}")
    checks.expect("modules-there", looked > 0, f"none of {len(found)} modules has BTF")
    checks.expect("modules", not wrong, "; ".join(wrong[:3]), f"{looked} modules, {lines} lines")


def judge(checks: Checks, suite: str) -> None:
    """A suite's newest kernel."""
    folder = build_dir() / "system" / f"btf-{suite or 'own'}"
    folder.mkdir(parents=True, exist_ok=True)
    kernel = debs.fetch_kernel(suite)
    vmlinux, btf = folder / "vmlinux", folder / "vmlinux.btf"
    if suite == debs.OWN:
        vmlinux = debs.fetch_vmlinux()  # its vmlinuz is compressed by lz4
    else:
        unpack_vmlinuz(kernel.vmlinuz, vmlinux)
    if not take_section(vmlinux, btf):
        raise LabError(f"{vmlinux} has no section .BTF")
    difference, lines = compare(btf, None)
    checks.expect("vmlinux-there", lines > 100_000, f"bpftool has {lines} lines only")
    checks.expect("vmlinux", not difference, difference, f"{kernel.version}: {lines} lines")
    judge_modules(checks, kernel, btf, folder)
