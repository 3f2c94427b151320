# SPDX-License-Identifier: GPL-2.0-or-later
"""Command lines of `lifeboat load` and of the program called kexec that end before any system call is made."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

USAGE, UNSUPPORTED, NOT_FOUND = 2, 5, 6
KERNEL = ("--command-line", "x", "vmlinuz")

# of `lifeboat`: words, exit status, what is said
LIFEBOAT = (
    (("load", "--help"), 0, "--rehearse"),
    (("load", *KERNEL), USAGE, "one of -p"),
    (("load", "-p", "-l", *KERNEL), USAGE, "one of -p"),
    (("load", "-p"), USAGE, "KERNEL"),
    (("load", "-p", *KERNEL, "vmlinuz"), USAGE, "too many operands"),
    (("load", "-p", "--json", *KERNEL), USAGE, "--json goes with --plan"),
    (("load", "-p", "--plan", "--rehearse", *KERNEL), USAGE, "not both"),
    (("load", "-p", "--cpus", "0", *KERNEL), USAGE, "--cpus"),
    (("load", "-p", "--root", "no-such-machine", *KERNEL), NOT_FOUND, "no-such-machine"),
    (("load", "-p", "--root", "ready", "--plan", *KERNEL[:2], "nothing"), NOT_FOUND, "nothing"),
    (("load", "-p", "--root", "ready", "--plan", "vmlinuz"), USAGE, "--reuse-cmdline"),
    (("load", "-p", "--root", "ready", "-c", *KERNEL), 0, "nothing was loaded"),
    (("load", "-p", "--root", "ready", "--rehearse", *KERNEL), 0, "nothing was loaded"),
    (("load", "-l", "--root", "no-reservation", *KERNEL), 0, "nothing was loaded"),
    (("load", "-p", "--root", "no-reservation", *KERNEL), NOT_FOUND, "add crashkernel="),
    (("load", "-l", "--config", "lifeboat.conf", *KERNEL), USAGE, "--config"),
    (("load", "-p", "--config", "bad.conf", *KERNEL), USAGE, "bad.conf: line 2: there is no key"),
    (("load", "-p", "--config", "nothing", *KERNEL), NOT_FOUND, "nothing"),
    # what the command line says goes before the configuration
    (("load", "-p", "--root", "ready", "--plan", "-c", "--config", "lifeboat.conf", "--cpus", "4",
      *KERNEL), 0, "+ nr_cpus=4"),
    (("load", "-p", "--root", "ready", "--plan", "-c", "--config", "lifeboat.conf", "--no-rule",
      "irqpoll", *KERNEL), 0, "+ cma=0"),
    (("load", "-l", "--root", "ready", "--plan", "-c", "--no-rule", "quiet", "--reuse-cmdline",
      "vmlinuz"), 0, "left out at the user's wish (quiet)"),
    (("recipe", "--help"), 0, "--config"),
    (("recipe", "--root", "ready"), NOT_FOUND, "ready/proc/self/mountinfo"),
    (("recipe", "--config", "bad.conf"), USAGE, "bad.conf: line 2: there is no key 'paht'"),
    (("recipe", "--root", "ready", "--config", "lifeboat.conf", "--kernel", "6.9"), NOT_FOUND,
     "ready/proc/self/mountinfo"),
    (("recipe", "--root", "configured"), 0, "\ntarget = share\ndevice = crashes\n"),
    (("recipe", "--root", "configured", "extra"), USAGE, "too many operands"),
    (("initramfs", "--kernel", "6.9", "-o", "x", "--recipe", "a", "--config", "b"), USAGE,
     "--recipe and --config"),
    (("initramfs", "--kernel", "6.9", "-o", "x", "--init", "vmlinuz", "--config", "bad.conf"),
     USAGE, "bad.conf: line 2"),
    (("initramfs", "--kernel", "6.9", "-o", "x", "--init", "vmlinuz", "--root", "ready"),
     NOT_FOUND, "ready/proc/self/mountinfo"),
    (("kexec", "--help"), 0, "kexec(8)"),
)

# of kexec; none of them loads, starts or unloads anything
KEXEC = (
    (("--help",), 0, "kexec(8)"),
    ((), USAGE, "one of -l, -p"),
    (("vmlinuz",), USAGE, "systemctl kexec"),
    (("-p", "-e", "vmlinuz"), USAGE, "-p and -e"),
    (("-l",), USAGE, "no kernel is named"),
    (("-p", "--initrd=initrd.img"), USAGE, "no kernel is named"),
    (("-l", "vmlinuz", "vmlinuz"), USAGE, "too many operands"),
    (("--no-such-word",), USAGE, "no-such-word"),
    (("-l", "-t", "bzImage", "vmlinuz"), UNSUPPORTED, "recognised"),
    (("-l", "-i", "vmlinuz"), UNSUPPORTED, "the checks stay"),
    (("-l", "--mem-min=1", "vmlinuz"), UNSUPPORTED, "--plan"),
    (("-l", "--reuseinitrd", "vmlinuz"), UNSUPPORTED, "name the initramfs"),
)


def loaded(*names: str) -> int:
    """What kexec -S answers on this machine: 255 if nobody can tell."""
    files = [path for path in (Path("/sys/kernel") / name for name in names) if path.exists()]
    return int(files[0].read_text(encoding="ascii")) if files else 255


def one(program: list[str], words: tuple[str, ...], status: int, says: str,
        folder: Path) -> Iterator[str]:
    done = subprocess.run([*program, *words], cwd=folder, capture_output=True, text=True,
                          timeout=60, check=False)
    said = done.stderr if done.returncode else done.stdout
    name = " ".join([Path(program[0]).name, *words])
    if done.returncode != status:
        yield f"{name}: exit status {done.returncode}, not {status}: {said.strip()[:200]}"
    elif says not in said:
        yield f"{name}: '{said.strip()[:200]}' lacks '{says}'"


def check(lifeboat: str, folder: Path) -> Iterator[str]:
    """What is wrong; `folder` has the files and the machines."""
    (folder / "kexec").symlink_to(lifeboat)
    kexec = [str(folder / "kexec")]
    for words, status, says in LIFEBOAT:
        yield from one([lifeboat], words, status, says, folder)
    for words, status, says in KEXEC:
        yield from one(kexec, words, status, says, folder)
    panic = loaded("kexec/crash_loaded", "kexec_crash_loaded")
    ordinary = loaded("kexec/loaded", "kexec_loaded")
    for words, status in ((("-S",), panic), (("-S", "-p"), panic), (("-S", "-l"), ordinary),
                          (("-S", "-u"), panic)):
        yield from one(kexec, words, status, "", folder)
