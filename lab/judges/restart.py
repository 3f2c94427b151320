# SPDX-License-Identifier: GPL-2.0-or-later
"""Did the second kernel start as it should, and does it have the first one's command line?"""

import re

from .. import kernels
from ..checks import Checks
from ..console import Console
from ..crash import Folder
from ..scenario import Scenario

STARTED = re.compile(r"\] Linux version (\S+)")
COMMAND_LINE = re.compile(r"\] Command line: (.*)")  # as each kernel prints it first of all
SECOND = re.compile(r"^lab: second kernel: (.*)")  # its /proc/cmdline
LOADED = re.compile(r" is loaded by (kexec\w*)")
METHODS = {"-s": {"kexec_file_load"}, "-c": {"kexec_load"}}
NOT_REUSED = ("BOOT_IMAGE=", "initrd=")  # true of the running kernel only


def said(console: Console, pattern: re.Pattern[str]) -> list[str]:
    """What the pattern's group is in each line that matches."""
    found = (pattern.search(line.text) for line in console.lines)
    return [match.group(1) for match in found if match]


def judge_kernels(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """First, second, and perhaps the first again."""
    first, second = folder.facts().kernel, kernels.second_of(scenario).version
    wanted = [first, second, first][: scenario.restart.boots]
    have = said(folder.console(), STARTED)
    checks.expect("kernels", have == wanted, f"{have}, not {wanted}", ", ".join(have))
    if "verify" in scenario.restart.second:
        told = folder.console().after(SECOND.pattern).find(rf"^{re.escape(second)}$")
        checks.expect("verify", told is not None, f"no line says {second}", second)


def judge_command_line(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The second kernel's is the first one's, without what was true of that one alone."""
    console = folder.console()
    lines = [line.split() for line in said(console, COMMAND_LINE)]
    reused = [word for word in lines[0] if not word.startswith(NOT_REUSED)] if lines else []
    wanted = reused + scenario.restart.append
    dropped = [word for line in lines[:1] for word in line if word not in reused]
    proc = [line.split() for line in said(console, SECOND)]
    checks.expect("proc-cmdline", bool(lines) and proc == [wanted], f"{proc}, not {wanted}",
                  f"{' '.join(wanted)}; without {' '.join(dropped)}")
    checks.expect("second-command-line", lines[1:2] == [wanted], f"{lines[1:2]}, not {wanted}")
    again = lines[2] if len(lines) > 2 else None
    if scenario.restart.boots > 2:
        checks.expect("same-again", again == lines[0], f"{again}, not {lines[0]}")


def judge_load(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The system call that the scenario wants, and that unloading was seen to unload."""
    console = folder.console()
    methods = set(said(console, LOADED))
    for arg in scenario.load_args:
        if arg in METHODS:
            checks.expect(f"method{arg}", methods == METHODS[arg], f"{methods}", ", ".join(methods))
    unloaded = console.find(r"^lab: (unloaded|after back-out: kexec_loaded 0)$")
    checks.expect("unloaded", unloaded is not None, console.tail())


def judge_words(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The guest's end, and words that the second kernel has to say or nobody may say.

    What the lab itself says, "lab: …", counts from the first kernel on.
    """
    console = folder.console()
    seconds = console.lines[-1].seconds
    wanted = scenario.expect.seconds
    why = f"{seconds:.0f} s, expected {wanted} at most"
    checks.expect("ended-in-time", seconds <= wanted, why, f"{seconds:.1f} s")
    last = console.find(r"reboot: Power down")
    checks.expect("powered-off", last is not None, console.tail())
    later = console.after(STARTED.pattern).after(STARTED.pattern)
    for number, pattern in enumerate(scenario.expect.console, start=1):
        where = console if pattern.startswith("^lab: ") else later
        line = where.find(pattern)
        checks.expect(f"console-{number}", line is not None, f"no line matches {pattern!r}",
                      line.text if line else "")
    for number, pattern in enumerate(scenario.expect.never, start=1):
        line = console.find(pattern)
        checks.expect(f"never-{number}", line is None, line.text if line else "")


def judge(folder: Folder, scenario: Scenario, checks: Checks) -> None:
    """The whole restart."""
    with checks.guard("kernels"):
        judge_kernels(folder, scenario, checks)
    judge_command_line(folder, scenario, checks)
    judge_load(folder, scenario, checks)
    judge_words(folder, scenario, checks)
