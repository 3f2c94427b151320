# SPDX-License-Identifier: GPL-2.0-or-later
"""Do the tools that people use read the dump: crash, drgn, makedumpfile and vmcore-dmesg?"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import debs
from ..checks import Checks
from ..errors import LabError
from ..paths import program
from ..proc import run
from ..scenario import Death
from . import drgn_view, ours
from .evidence import Evidence

SLEEPER = "lab-sleeper-1"

# `list` beside `ps`: crash 8.0.2 cannot follow struct pid since its `numbers` is a flexible array
# (Linux 6.5, and late 6.1), so its `ps` shows only the tasks on a CPU, even with all of memory.
CRASH_COMMANDS = {
    "sys": "sys",
    "log": "log",
    "bt": "bt",
    "ps": "ps",
    "tasks": "list task_struct.tasks -s task_struct.comm -h init_task",
}


def panic_view(death: Death) -> dict[str, list[str]]:
    """What a post-mortem begins with, on the panic task: regular expressions for each command's output."""
    comm, cpu = death.comm or r"[^\"]*", r"\d+" if death.cpu is None else str(death.cpu)
    return {
        "sys": [r"PANIC: \"\S"],
        "log": [r"Linux version", death.panic],
        "bt": [rf"PID: \d+ .*CPU: {cpu} .*COMMAND: \"(?:{comm})\"", re.escape(death.function)],
    }


def crash_says(dumps: Sequence[Path], vmlinux: Path, script: Path,
               names: Sequence[str] = ()) -> dict[str, str]:
    """The output of these of CRASH_COMMANDS (all of them) on a dump, which is one file, or the files of a
    set; `script` is a file to write."""
    lines = []
    for name in names or CRASH_COMMANDS:
        lines += [f"!echo @@{name}", CRASH_COMMANDS[name]]
    script.write_text("\n".join([*lines, "quit"]) + "\n", encoding="ascii")
    # crash takes what is behind an "@" for the address of a dump of RAM; a folder is called so when a target was laid over
    names_here = [os.path.relpath(dump, script.parent) for dump in dumps]
    argv: list[str | Path] = ["crash", "-s", "-i", script.name, vmlinux.resolve(), *names_here]
    text = run(argv, seconds=240, cwd=script.parent).stdout
    parts = re.split(r"^@@(\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def crash_lacks(said: Mapping[str, str], wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """For each command what is not in its output; empty texts if all is there."""
    lacks = {}
    for name, patterns in wanted.items():
        text = said.get(name, "")
        missing = [p for p in patterns if not re.search(p, text, re.MULTILINE)]
        lacks[name] = f"no match for {missing} in {text[-400:]!r}" if missing else ""
    return lacks


def our_victim(evidence: Evidence) -> tuple[dict[str, Any], bool]:
    """The task that panicked, and its CPU, as we know them; and whether what it ran at last was a function."""
    found = [one for one in ours.ask("bt", evidence.dump_path)["stacks"] if one["panicked"]]
    if len(found) != 1 or found[0]["pid"] is None:
        raise LabError(f"of the tasks that bt knows {len(found)} panicked: {found}")
    victim = found[0]
    in_code = bool(victim["frames"] and victim["frames"][0]["function"])
    return {"pid": victim["pid"], "comm": victim["comm"], "cpu": victim["cpu"]}, in_code


def judge_crash(evidence: Evidence, checks: Checks) -> None:
    """crash(8) with Debian's debug vmlinux."""
    view, (victim, _) = panic_view(evidence.death), our_victim(evidence)
    wanted = {
        **view,
        "sys": [*view["sys"], rf"RELEASE: {re.escape(evidence.facts.kernel)}"],
        "ps": [rf"^>\s+{victim['pid']}\s.*{re.escape(victim['comm'])}"],
        "tasks": [SLEEPER, r"kthreadd"],
    }
    script = evidence.folder.path / "crash.commands"
    said = crash_says([evidence.dump_path], evidence.vmlinux, script)
    for name, why in crash_lacks(said, wanted).items():
        lines = len(said.get(name, "").splitlines())
        checks.expect(f"crash-{name}", not why, why, f"{lines} lines")
    found = re.search(r'PID: (\d+) .*CPU: (\d+) .*COMMAND: "(.*)"', said["bt"])
    theirs = {"pid": int(found[1]), "comm": found[3], "cpu": int(found[2])} if found else None
    checks.expect("crash-agrees", theirs == victim, f"{theirs} by crash, {victim} by us", str(victim))


def judge_drgn(evidence: Evidence, checks: Checks) -> None:
    """drgn, through libkdumpfile."""
    view = drgn_view.ask(evidence.dump_path, evidence.debug_files)
    release = view["release"]
    checks.expect("drgn-release", release == evidence.facts.kernel, f"release is {release}")
    tasks = view["tasks"]
    why = f"no {SLEEPER} in {tasks}"
    checks.expect("drgn-tasks", SLEEPER in tasks, why, f"{len(tasks)} tasks")
    frames, (victim, in_code) = view["victim"].pop("frames"), our_victim(evidence)
    checks.expect("drgn-agrees", view["victim"] == victim, f"{view['victim']} by drgn, {victim} by us", str(victim))
    function = evidence.death.function
    if not in_code:
        checks.skip("drgn-stack", "drgn 0.0.22 does not go on from an address that is no function's")
        return
    if function not in frames and len(frames) > 1 and not frames[-1]:
        checks.skip("drgn-stack", f"drgn does not get behind {frames[-2]}")
        return
    checks.expect("drgn-stack", not function or function in frames, f"no {function} in {frames}", f"{len(frames)} frames")


def unindented(log: str) -> list[str]:
    """The lines without the 15 columns by which makedumpfile indents a message's further lines."""
    return [line if line.startswith("[") else line.strip() for line in log.splitlines()]


def first_difference(ours: list[str], theirs: list[str]) -> str:
    """Where two logs part, or nothing."""
    for number, pair in enumerate(zip(ours, theirs), start=1):
        if pair[0] != pair[1]:
            return f"line {number}: {pair[0]!r} against {pair[1]!r}"
    if len(ours) != len(theirs):
        return f"{len(ours)} lines against {len(theirs)}"
    return ""


def makedumpfile_log(evidence: Evidence) -> str:
    """The kernel log as makedumpfile reads it from the rebuilt vmcore."""
    out = evidence.folder.path / "dmesg.makedumpfile"
    out.unlink(missing_ok=True)
    run(["makedumpfile", "--dump-dmesg", evidence.vmcore, out])
    return read_log(out)


def read_log(path: Path) -> str:
    """A log file; surrogates keep bytes that are no UTF-8."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def judge_logs(evidence: Evidence, checks: Checks) -> None:
    """Every reader of the kernel log says the same."""
    theirs = makedumpfile_log(evidence)
    lines = theirs.splitlines()
    lifeboat = program("lifeboat")
    for name, path in (("dump", evidence.dump_path), ("vmcore", evidence.vmcore)):
        ours = run([lifeboat, "dmesg", path]).stdout
        why = first_difference(ours.splitlines(), lines) or "line ends differ"
        checks.expect(f"dmesg-of-{name}", ours == theirs, why, f"{len(lines)} lines")
    captured = read_log(evidence.folder.crash_folder() / "dmesg.txt")
    why = first_difference(captured.splitlines(), lines) or "line ends differ"
    checks.expect("dmesg-captured", captured == theirs, why)
    other = run([debs.fetch_vmcore_dmesg(), evidence.vmcore]).stdout
    why = first_difference(unindented(theirs), unindented(other))
    checks.expect("dmesg-vmcore-dmesg", not why, why)


def judge(evidence: Evidence, checks: Checks) -> None:
    """All readers."""
    parts = [("dmesg", judge_logs)]
    if evidence.has_debuggers:
        parts += [("crash", judge_crash), ("drgn", judge_drgn)]
    else:
        print(f"   crash and drgn are left out: Debian's are older than {evidence.facts.kernel}")
    for name, part in parts:
        with checks.guard(name):
            part(evidence, checks)
