# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a scenario in which a second kernel is started in good order, by an ordinary kexec.

The guest is the lab's own PID 1 twice, or a small Debian whose systemd runs a guide's commands.
"""

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

from . import debian, debs, disk, kernels, qemu
from .configured import ConfiguredDrill
from .crash import Drill, Facts, Folder, Say
from .errors import LabError
from .paths import ROOT, program
from .scenario import Restart, Scenario

SYSTEMD = "systemd"
NAMES = "names"  # the block of a guide that sets variables; the lab sets the same ones otherwise
BLOCK = re.compile(r"^```sh\n# boot-once: (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"^(\w+)=", re.MULTILINE)

STARTED = r"\] Linux version "  # by each kernel, on the console
PHASES = (
    (STARTED, "the first kernel starts"),
    (STARTED, "the second kernel starts"),
    (STARTED, "the first kernel starts again"),
)

UNIT = """[Unit]
Description=The commands of a guide
[Service]
ExecStart=/bin/sh /lab-steps
"""

# Run at each boot. All blocks of one boot run in one shell, as they are.
STEPS = """\
exec >/dev/console 2>&1
boot=$(($(cat /lab-boots 2>/dev/null || echo 0) + 1))
echo $boot >/lab-boots
sync
ended() {{
	[ $1 -eq 0 ] && return
	echo "lab: FAILED: step $step ended with $1"
	systemctl poweroff -f -f
}}
after() {{
	echo "lab: after $1: kexec_loaded $(cat /sys/kernel/kexec_loaded)"
}}
trap 'ended $?' EXIT
set -e
case $boot in
1)
{first}
;;
2)
echo "lab: second kernel: $(cat /proc/cmdline)"
{second}
;;
*)
echo "lab: back in $(uname -r)"
systemctl poweroff
;;
esac
"""


def blocks(guide: str) -> dict[str, str]:
    """The commands of a guide, by the names that its blocks begin with."""
    found: dict[str, str] = {}
    for name, commands in BLOCK.findall((ROOT / guide).read_text(encoding="utf-8")):
        if name in found:
            raise LabError(f"{guide} has two blocks {name}")
        found[name] = commands
    return found


def names(restart: Restart, values: dict[str, str]) -> str:
    """The guide's variables, set to what the guest has."""
    wanted = VARIABLE.findall(blocks(restart.guide)[NAMES])
    if sorted(wanted) != sorted(values):
        raise LabError(f"{restart.guide} sets {wanted}, the lab knows {sorted(values)}")
    return "".join(f"{name}={value}\n" for name, value in values.items())


def steps(restart: Restart, values: dict[str, str]) -> str:
    """The script of the guest."""
    known = blocks(restart.guide)
    unused = known.keys() - {NAMES, *restart.first, *restart.second}
    missing = {*restart.first, *restart.second} - known.keys()
    if missing or (unused and not restart.finish):
        raise LabError(f"{restart.guide}: not tested: {unused}, not there: {missing}")

    def script(wanted: list[str]) -> str:
        return "".join(f"step={name}\n{known[name]}after {name}\n" for name in wanted)

    first = names(restart, values) + script(restart.first)
    return STEPS.format(first=first, second=script(restart.second) + restart.finish)


class RestartDrill(Drill):
    """One run of one scenario without a crash."""

    told = PHASES

    def run(self) -> Facts:
        """The whole drill; the folder then holds the console."""
        self.folder.make_anew()
        kernel = self.fetch()
        second = kernels.second_of(self.scenario)
        self.step(f"kernel {kernel.version}, then {second.version}")
        self.write_recipe(self.folder.recipe)
        first = self.first_image(kernel)
        self.make_restart_disk(second)
        self.step("images and guest disk made")
        facts = self.live(kernel, first)
        text = json.dumps(asdict(facts), indent=1)
        self.folder.facts_file.write_text(text + "\n", encoding="utf-8")
        return facts

    def make_machine(self, kernel: debs.Kernel, first: Path) -> tuple[qemu.Machine, str]:
        """As for a crash; where the first kernel comes back it does so by a reset."""
        machine, accelerator = super().make_machine(kernel, first)
        if self.scenario.restart.boots > 2:
            machine.let_reboot()
        return machine, accelerator

    def make_restart_disk(self, second: debs.Kernel) -> None:
        """The guest's root disk with the second kernel in it."""
        restart = self.scenario.restart
        tree = self.folder.path / "tree"
        if restart.by == SYSTEMD:
            shutil.copytree(debian.fetch_system(), tree, symlinks=True)
        for name in ("proc", "sys", "dev", "run", "tmp", "boot", "usr/sbin"):
            (tree / name).mkdir(parents=True, exist_ok=True)
        disk.copy_program(program("lifeboat"), tree, "/usr/bin/lifeboat")
        (tree / "usr/sbin/kexec").symlink_to("/usr/bin/lifeboat")
        image = tree / f"boot/initrd.img-{second.version}"
        shutil.copy(second.vmlinuz, tree / "boot")
        self.initramfs(second, self.folder.path / "first.recipe", "lab-guest", image)
        conf: dict[str, str | int] = {
            "kernel": f"/boot/{second.vmlinuz.name}",
            "initrd": f"/boot/{image.name}",
            "load-args": " ".join(self.scenario.load_args),
            "append": " ".join(restart.append),
            "deadline": self.scenario.load["deadline"],
        }
        if restart.by == SYSTEMD:
            conf["init"] = "/sbin/init"
            values = {name: str(conf[name]) for name in ("kernel", "initrd")}
            self.add_steps(tree, steps(restart, values))
        else:
            conf["start"] = restart.by
        self.finish_disk(tree, conf)

    @staticmethod
    def add_steps(tree: Path, script: str) -> None:
        """A unit that runs the script at each boot."""
        (tree / "lab-steps").write_text(script, encoding="utf-8")
        units = tree / "etc/systemd/system"
        (units / "lab-steps.service").write_text(UNIT, encoding="utf-8")
        wants = units / "multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / "lab-steps.service").symlink_to("../lab-steps.service")


def drill(scenario: Scenario, folder: Folder, say: Say) -> Drill:
    """The drill that a scenario describes."""
    kind = RestartDrill if scenario.restart.by else Drill
    if scenario.configured.conf:
        kind = ConfiguredDrill
    return kind(scenario, folder, say)
