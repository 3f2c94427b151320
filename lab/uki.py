# SPDX-License-Identifier: GPL-2.0-or-later
"""A unified kernel image: an EFI program with a kernel, its initramfs and its command line as sections."""

from pathlib import Path

from . import debs
from .proc import run

# Where the sections lie when loaded: apart, and behind the stub's own, which end below 128 KiB.
CMDLINE_AT, LINUX_AT = 0x30000, 0x2000000
MIB = 1 << 20


def make(kernel: Path, initrd: Path, command_line: str, image: Path) -> None:
    """Write one from its parts."""
    text = image.with_suffix(".cmdline")
    text.write_text(command_line, encoding="ascii")
    initrd_at = LINUX_AT + -(-kernel.stat().st_size // MIB) * MIB
    argv: list[str | Path] = ["objcopy"]
    for name, file, at in (
        (".cmdline", text, CMDLINE_AT),
        (".linux", kernel, LINUX_AT),
        (".initrd", initrd, initrd_at),
    ):
        argv += ["--add-section", f"{name}={file}", "--change-section-vma", f"{name}={at:#x}"]
    run([*argv, debs.fetch_uki_stub(), image])
    text.unlink()
