# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a scenario in which nothing is prepared but a configuration file: the guest does what an operator does.

The guest is a small Debian with the kernel's modules on its disk, and lifeboat where `make install` puts it. A shell runs the
scenario's commands, which end with a loaded panic kernel; the image and the recipe are made in the guest.
"""

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

from . import debian, debs, disk, kernels, userconf
from .console import Console
from .crash import CRASH_ROOT, Drill, Facts, link_or_copy, system_program
from .disks import PRECIOUS
from .errors import LabError
from .paths import program

IMAGE = "/var/lib/lifeboat.img"
RECIPE = "/var/lib/lifeboat.recipe"
CONF = "/etc/lifeboat.conf"
FAILED = "lab: FAILED: "
ARM, AFTER = "/lab-arm", "/lab-after-boot"
PROGRAMS = ("find", "grep", "modprobe", "sed")  # of this machine

# `node NAME` is the virtio disk NAME of the scenario, whatever the kernel calls it today.
SHELL = """\
set -eu
export PATH=/usr/sbin:/usr/bin
step() {
	echo "lab: step $*"
}
node() {
	for serial in /sys/block/*/serial; do
		if [ "$(cat "$serial")" = "$1" ]; then
			serial=${serial%/serial}
			echo "/dev/${serial##*/}"
			return
		fi
	done
	echo "lab: no disk $1" >&2
	return 1
}
fails() {
	wanted=$1 status=0
	shift
	"$@" >/tmp/said 2>&1 || status=$?
	cat /tmp/said
	[ "$status" = "$wanted" ] || { echo "lab: status $status, not $wanted: $*"; return 1; }
}
says() {
	grep -E "$1" /tmp/said >/dev/null || { echo "lab: no match for $1"; return 1; }
}
"""


def put_newer(tree: Path, suite: str, package: str, path: str) -> None:
    """A program of another suite in a folder of its own, with all that it needs, and at its path what calls it there."""
    folder = Path("/opt") / package
    shutil.copytree(debs.fetch_closure(package, suite), tree / folder.relative_to("/"), symlinks=True)
    argv = (folder / debs.LOADER, "--library-path", folder / debs.LIBRARIES, folder / path.lstrip("/"))
    wrapper = tree / path.lstrip("/")
    wrapper.unlink(missing_ok=True)
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(map(str, argv))} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)


def copy_own(path: Path, tree: Path) -> None:
    """A program of this machine at its own path, with its libraries; of a script, what runs it."""
    at = str(path.absolute())
    if userconf.is_dynamic(path):
        disk.copy_program(path, tree, at)
        return
    target = tree / at.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target)
    interpreter = userconf.interpreter_of(path)
    if interpreter and not (tree / interpreter.lstrip("/")).exists():
        disk.copy_program(system_program(interpreter), tree, interpreter)


class ConfiguredDrill(Drill):
    """One run of one scenario with a configuration."""

    capture_kernel = ""

    def run_in_world(self) -> Facts:
        """The whole drill; the folder then holds everything that the judges need."""
        kernel = self.fetch()
        # its place says that the folder is ours; the guest's recipe comes there in the end
        self.folder.recipe.write_text(self.scenario.configured.conf, encoding="utf-8")
        first = self.first_image(kernel)
        self.places.make()
        self.make_system(kernel)
        self.step("guest disk made")
        facts = self.crash(kernel, first)
        if self.scenario.boots_again:
            self.boot_again(kernel, first)
        self.world.end()
        self.collect()
        self.take_out(IMAGE, self.folder.capture_image)
        self.take_out(RECIPE, self.folder.recipe)
        text = json.dumps(asdict(facts), indent=1)
        self.folder.facts_file.write_text(text + "\n", encoding="utf-8")
        return facts

    def make_system(self, kernel: debs.Kernel) -> None:
        """The guest's root disk."""
        wanted = self.scenario.configured
        tree = self.folder.path / "tree"
        shutil.copytree(debian.fetch_system(), tree, symlinks=True)
        for name in ("proc", "sys", "dev", "run", "tmp", "boot", CRASH_ROOT.lstrip("/")):
            (tree / name).mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.folder.path / PRECIOUS, tree / PRECIOUS)
        capture = kernel if wanted.suite is None else kernels.fetch_kernel(wanted.suite)
        self.capture_kernel = capture.version
        for version, root in {kernel.version: kernel.root, capture.version: capture.root}.items():
            modules = tree / "usr/lib/modules" / version
            links = shutil.ignore_patterns("build", "source")  # to where modules are built
            shutil.copytree(root / "lib/modules" / version, modules, ignore=links, copy_function=link_or_copy)
            for path in (root / "boot").iterdir():
                shutil.copy2(path, tree / "boot")
        disk.copy_program(program("lifeboat"), tree, "/usr/sbin/lifeboat")
        (tree / "usr/lib/lifeboat").mkdir()
        shutil.copy2(program("lifeboat-init"), tree / "usr/lib/lifeboat")
        for name in (*PROGRAMS, *wanted.programs):
            disk.copy_program(system_program(name), tree, f"/usr/sbin/{name}")
        for name in wanted.copies:
            copy_own(Path(name), tree)
        for words in wanted.newer:
            put_newer(tree, *words.split())
        self.add_crasher(kernel, tree)
        self.add_files(tree)
        files = {
            ARM: SHELL + wanted.prepare + wanted.arm,
            AFTER: SHELL + wanted.after,
            CONF: wanted.conf,
            **wanted.files,
        }
        for name, text in files.items():
            path = tree / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.fill_in(text), encoding="utf-8")
            path.chmod(0o644 if path.suffix == ".conf" else 0o755)
        conf: dict[str, str | int] = {
            "kernel": f"/boot/{kernel.vmlinuz.name}",
            "initrd": IMAGE,
            "script": ARM,
            **self.death_conf(),
            "after-run": f"/bin/sh {AFTER}",
            **self.places.conf(),
            **self.scenario.load,
        }
        self.finish_disk(tree, conf)

    def failure(self, console: Console, why: str) -> LabError:
        """What went wrong in the guest's shell comes first."""
        said = [line.text for line in console.lines]
        if ended := [number for number, line in enumerate(said) if line.startswith(FAILED)]:
            since = max((n for n, line in enumerate(said[: ended[0]]) if line.startswith("lab: step ")), default=0)
            ours = [line for line in said[since : ended[0]] if re.match(r"lifeboat( \S+)?: |lab: (status|no) ", line)]
            why = "; ".join([said[since].removeprefix("lab: "), *ours[:3]]) if ours else why
        return super().failure(console, why)

    def fill_in(self, text: str) -> str:
        """The same, and @KERNEL@ is the version of the capture kernel."""
        return super().fill_in(text.replace("@KERNEL@", self.capture_kernel))

    def take_out(self, path: str, to: Path) -> None:
        """One file of the guest's disk."""
        folder = self.folder.path / "taken"
        disk.extract(self.folder.disk, path, folder)
        (folder / Path(path).name).replace(to)
        folder.rmdir()
