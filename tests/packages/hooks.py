# SPDX-License-Identifier: GPL-2.0-or-later
"""Hooks of kernels' installation, run with a program of ours that notes what it is called with."""

from pathlib import Path

from .report import ROOT, Report, make, run

HOOKS = ("hook-postinst", "hook-postrm", "kernel-install")
SCRIPTS = ("packaging/make-deb", "debian/postinst", "debian/postrm")

# hook, its arguments, what is to be called; and whether that is left undone where the machine is not the one that runs
CALLS = (
    ("hook-postinst", ["6.1.0-9-amd64", "/boot/vmlinuz-6.1.0-9-amd64"], "rebuild --kernel 6.1.0-9-amd64", True),
    ("hook-postinst", [], "", False),
    ("hook-postrm", ["6.1.0-9-amd64", "/boot/vmlinuz-6.1.0-9-amd64"], "rebuild --remove --kernel 6.1.0-9-amd64",
     False),
    ("hook-postrm", [], "", False),
    ("kernel-install", ["add", "6.12 x", "/boot/id/6.12", "/lib/modules/6.12/vmlinuz"], "rebuild --kernel 6.12 x",
     True),
    ("kernel-install", ["remove", "6.12", "/boot/id/6.12"], "rebuild --remove --kernel 6.12", False),
    ("kernel-install", ["inspect", "6.12"], "", False),
    ("kernel-install", [], "", False),
)


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Machine:
    """A folder for programs in front of PATH, in which our own is, and a note of its calls."""

    def __init__(self, place: Path) -> None:
        self.bin = place / "bin"
        self.bin.mkdir()
        self.note = place / "note"
        self.kernel = place / "build/kernel"
        make(f"BUILD={place / 'build'}", f"sbindir={self.bin}", *(f"{self.kernel}/{h}" for h in HOOKS))

    def behave(self, status: int, virtual: str) -> None:
        program(self.bin / "lifeboat", f'echo "$*" >> {self.note}\nexit {status}')
        program(self.bin / "systemd-detect-virt", f'[ "$2" = "--{virtual}" ]')

    def call(self, hook: str, args: list[str], **env: str) -> tuple[int, str, str]:
        self.note.write_text("")
        done = run("sh", self.kernel / hook, *args, PATH=f"{self.bin}:/usr/bin:/bin", **env)
        return done.returncode, done.stdout, self.note.read_text().strip()


def check_calls(machine: Machine) -> list[str]:
    problems = []
    for status in (0, 1):
        machine.behave(status, "none")
        for hook, args, want, _ in CALLS:
            got, said, called = machine.call(hook, args)
            if got or called != want:
                problems.append(f"{hook} {args}: status {got}, called '{called}'")
            if bool(said) != bool(status and want):
                problems.append(f"{hook} {args}, ours ends with {status}: said '{said}'")
    return problems


def check_upgrade(machine: Machine) -> list[str]:
    """A kernel that is upgraded in place lost its image between its postrm and its postinst, or for good if that failed."""
    machine.behave(0, "none")
    problems = []
    for params, removes in (("upgrade 6.1.90-1", False), ("'upgrade' '6.1.90-1'", False), ("remove", True),
                            ("'remove'", True), ("purge", False), ("", True)):
        _, _, called = machine.call("hook-postrm", ["6.1.0-9-amd64"], DEB_MAINT_PARAMS=params)
        if bool(called) != removes:
            problems.append(f"postrm {params}: called '{called}'")
    return problems


def check_elsewhere(machine: Machine) -> list[str]:
    """What is installed into a folder or container is for a machine that is not this one."""
    problems = []
    for virtual in ("chroot", "container"):
        machine.behave(0, virtual)
        for hook, args, want, only_here in CALLS:
            got, _, called = machine.call(hook, args)
            if got or called != ("" if only_here else want):
                problems.append(f"{hook} {args} in a {virtual}: status {got}, called '{called}'")
    return problems


def check_removed(machine: Machine) -> list[str]:
    """Hooks are conffiles: they outlive the package."""
    (machine.bin / "lifeboat").unlink()
    return [f"{hook}: status {status}, '{said}'" for hook, args, _, _ in CALLS
            for status, said, _ in [machine.call(hook, args)] if status or said]


def check_all(report: Report, place: Path) -> None:
    machine = Machine(place)
    done = run("shellcheck", *(machine.kernel / h for h in HOOKS), *(ROOT / s for s in SCRIPTS))
    report.check("hooks: shellcheck", done.stdout.strip())
    report.check("hooks: calls", check_calls(machine))
    report.check("hooks: a kernel's upgrade", check_upgrade(machine))
    report.check("hooks: not of this machine", check_elsewhere(machine))
    report.check("hooks: package removed", check_removed(machine))
