# SPDX-License-Identifier: GPL-2.0-or-later
"""lifeboat-init as PID 1 where it has no crash to capture: the machine restarts, whatever it finds.

A kernel that is started with the capture's image by hand, or by a boot loader, has no /proc/vmcore.
"""

from lab import debs
from lab.checks import Checks
from lab.console import PANIC, Console
from lab.paths import build_dir, program
from lab.proc import run
from lab.qemu import Boot, Machine

SECONDS = 60
SAID = r"lifeboat: /proc/vmcore: .*this is not a capture kernel started after a crash"
RECIPE = """schema = lifeboat-recipe-3
target = fs
device = UUID=11111111-2222-3333-4444-555555555555
fstype = ext4
"""


def judge(checks: Checks) -> None:
    """Boot the image like any other, and see it end."""
    folder = build_dir() / "system" / "bare"
    folder.mkdir(parents=True, exist_ok=True)
    kernel = debs.fetch_kernel()
    recipe, image = folder / "recipe", folder / "image"
    recipe.write_text(RECIPE, encoding="utf-8")
    source = ["--root", str(kernel.root), "--kernel", kernel.version]
    content = ["--recipe", str(recipe), "--init", str(program("lifeboat-init"))]
    run([program("lifeboat"), "initramfs", *source, *content, "-o", image])
    machine = Machine(
        Boot(kernel.vmlinuz, image, "console=ttyS0 panic=1", 256, 1), "tcg", folder / "console.log"
    )
    ended = machine.run(SECONDS)
    console = Console.read(folder / "console.log")
    checks.expect("ends", ended, f"it still ran after {SECONDS} s")
    checks.expect("says-why", bool(console.find(SAID)), f"no {SAID!r}")
    final = bool(console.find("lifeboat: final action: reboot"))
    checks.expect("final-action", final, "there was none")
    checks.expect("no-panic", not console.find(PANIC), "the kernel panicked")
