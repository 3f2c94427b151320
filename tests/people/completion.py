# SPDX-License-Identifier: GPL-2.0-or-later
"""Real shells complete by the scripts that the program prints: what the tables have, and nothing else.

A case is a line as it was typed so far; each shell gets all of them in one run and says what it would offer.
"""

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SECONDS = 60  # for all cases of a shell
CRASHES = ["2026-11-22T15-06-54Z", "2026-11-22T15-06-54Z-2", "$(touch stolen)", "`touch stolen`"]
KERNELS = ["6.1.0-56-amd64", "6.12.9+custom"]


class Case:
    """
    A line, and what is offered for its last word: all of `offered`, and nothing else. Where that is nothing, zsh goes on to
    the options, `instead`.
    """

    def __init__(self, line: str, offered: set[str], instead: set[str] | None = None) -> None:
        self.line = line
        self.offered = offered
        self.instead = instead or set()


def value_cases(command: str, option: dict, names: list[str]) -> Iterator[Case]:
    """What an option's value is completed to, in the forms that there are."""
    forms = [f"--{option['name']} "] if option["name"] else []
    forms += [f"-{option['letter']} "] if option["letter"] else []
    offered = {
        "word": set(option["words"]), "any": set(), "file": {"alpha.img", "folder/"},
        "folder": {"folder/"}, "kernel": set(KERNELS), "crash": set(CRASHES),
        "command": set(names),
    }
    for form in forms:
        if option["takes"] in offered:
            yield Case(f"lifeboat {command} {form}", offered[option["takes"]])
    if option["takes"] in ("word", "kernel") and option["name"]:
        yield Case(f"lifeboat {command} --{option['name']}=", offered[option["takes"]])


def operand_case(command: dict, names: list[str], options: set[str]) -> Iterator[Case]:
    offered: set[str] = set()
    for kind in command["operand_kinds"]:
        if kind["takes"] == "device":
            return  # whatever this machine has below /dev
        offered |= {"word": set(kind["words"]), "file": {"alpha.img", "folder/"},
                    "folder": {"folder/"}, "kernel": set(KERNELS), "crash": set(CRASHES),
                    "command": set(names)}[kind["takes"]]
    yield Case(f"lifeboat {command['name']} ", offered, options)
    if "alpha.img" in offered:
        yield Case(f"lifeboat {command['name']} al", {"alpha.img"})


def all_cases(tables: list[dict]) -> Iterator[Case]:
    names = [command["name"] for command in tables]
    yield Case("lifeboat ", set(names))
    yield Case("lifeboat --", {"--help", "--version"})
    yield Case("lifeboat load --pl", {"--plan"})
    yield Case("lifeboat status --js", {"--json"})
    for command in tables:
        options = [o for o in command["options"] if not o["refused"]]
        long = {f"--{o['name']}" for o in options if o["name"]} | {"--help"}
        short = {f"-{o['letter']}" for o in options if o["letter"]}
        yield Case(f"lifeboat {command['name']} --", long)
        yield Case(f"lifeboat {command['name']} -", long | short)
        yield from operand_case(command, names, long | short)
        for option in options:
            if option["value"]:
                yield from value_cases(command["name"], option, names)


# ---- the shells: each takes the lines and gives back what is offered for each


def run_bash(script: Path, lines: list[str], where: Path, env: dict[str, str]) -> list[set[str]]:
    program = [f"source {shlex.quote(str(script))}"]
    for line in lines:
        words = re.findall(r"=|[^\s=]+", line)  # as COMP_WORDBREAKS has it
        if line.endswith(" "):
            words.append("")
        quoted = " ".join(shlex.quote(w) for w in words)
        program.append(f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMPREPLY=(); _lifeboat")
        # names of others come as a shell would have to read them
        program.append('echo CASE; printf "%s\\n" "${COMPREPLY[@]}"')
    out = subprocess.run(["bash", "--norc", "-c", "\n".join(program)], cwd=where, env=env, check=True,
                         capture_output=True, text=True, timeout=SECONDS)
    if out.stderr:
        raise RuntimeError(f"bash says: {out.stderr.strip()}")
    return [{" ".join(shlex.split(word)).removesuffix("=") for word in part.splitlines() if word}
            for part in out.stdout.split("CASE\n")[1:]]


def run_fish(script: Path, lines: list[str], where: Path, env: dict[str, str]) -> list[set[str]]:
    program = [f"source {shlex.quote(str(script))}"]
    for line in lines:
        program.append(f"echo CASE; complete -C {shlex.quote(line)}")
    out = subprocess.run(["fish", "--no-config", "-c", "\n".join(program)], cwd=where, env=env, check=True,
                         capture_output=True, text=True, timeout=SECONDS)
    if out.stderr:
        raise RuntimeError(f"fish says: {out.stderr.strip()}")
    found = []
    for line, part in zip(lines, out.stdout.split("CASE\n")[1:], strict=True):
        prefix = line.split(" ")[-1]
        # a value behind "=" is offered with the option in front of it
        front = prefix if prefix.endswith("=") else ""
        found.append({word.split("\t")[0].removeprefix(front).removesuffix("=").replace("\\", "")
                      for word in part.splitlines() if word})
    return found


# zsh completes in its line editor only, so it gets a terminal. What it would offer goes through the builtin compadd,
# for which a function stands in that writes the matches down (zshcompwid(1): -A gives them, -O, -A and -D add none).
ZSH = r"""
fpath=({folder} $fpath)
autoload -Uz compinit
compinit -u -D
zstyle ':completion:*' insert-tab false
compadd() {{
    if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\ * ]]; then
        builtin compadd "$@"
        return $?
    fi
    local -a offered
    builtin compadd -A offered "$@"
    (( $#offered )) && print -rl -- $offered >> {out}
    builtin compadd "$@"
}}
capture() {{
    local line
    while IFS= read -r line; do
        print CASE >> {out}
        BUFFER=$line
        CURSOR=$#BUFFER
        zle list-choices
    done < {cases}
    BUFFER=
    print END >> {out}
}}
zle -N capture
bindkey '^X' capture
print READY >> {out}
"""


def run_zsh(script: Path, lines: list[str], where: Path, env: dict[str, str]) -> list[set[str]]:
    home = where.parent / "zsh"
    home.mkdir()
    out, cases = home / "out", home / "cases"
    shutil.copy(script, home / "_lifeboat")
    cases.write_text("".join(f"{line}\n" for line in lines))
    (home / ".zshrc").write_text(ZSH.format(folder=home, out=out, cases=cases))
    out.touch()
    master, slave = pty.openpty()
    with subprocess.Popen(["zsh", "-d", "-i"], cwd=where, env={**env, "ZDOTDIR": str(home), "TERM": "xterm"},
                          stdin=slave, stdout=slave, stderr=slave, start_new_session=True) as shell:
        os.close(slave)
        os.set_blocking(master, False)
        try:
            wait_for(out, master, "READY\n")
            os.write(master, b"\x18")
            wait_for(out, master, "END\n")
        finally:
            shell.kill()
    os.close(master)
    parts = out.read_text().split("CASE\n")[1:]
    # names of others come quoted where that is needed
    return [{" ".join(shlex.split(word)).removesuffix("=")
             for word in part.removesuffix("END\n").splitlines() if word} for part in parts]


def wait_for(out: Path, master: int, text: str) -> None:
    """Until the shell has written it down; meanwhile it must not block on what it draws."""
    end = time.monotonic() + SECONDS
    while text not in out.read_text():
        try:
            while os.read(master, 65536):
                pass
        except BlockingIOError:
            pass
        if time.monotonic() > end:
            raise RuntimeError(f"zsh did not come to {text.strip()}; so far: {out.read_text()[-300:]}")
        time.sleep(0.02)


def differences(shell: str, lines: list[Case], found: list[set[str]]) -> Iterator[str]:
    for case, offered in zip(lines, found, strict=True):
        # zsh and fish offer a folder with or without the slash, or with a description
        got = {word.rstrip("/") for word in offered}
        want = {word.rstrip("/") for word in case.offered}
        if shell == "zsh" and not want:
            want = case.instead
        if got != want:
            yield (f"'{case.line}' misses {sorted(want - got)} and offers {sorted(got - want)} "
                   "besides what it should")


def check_shell(shell: str, run: Callable, program: Path, cases: list[Case]) -> str | None:
    """Why it does not complete as it should, or None."""
    with tempfile.TemporaryDirectory() as temp:
        place = Path(temp)
        where, modules, programs = place / "here", place / "modules", place / "bin"
        for folder in (where / "folder", programs, *(modules / k for k in KERNELS)):
            folder.mkdir(parents=True)
        (where / "alpha.img").touch()
        asked = programs / "lifeboat"  # a program that knows the names of crashes
        asked.write_text("#!/bin/sh\n[ \"$*\" = 'list --names' ] || exit 2\ncat <<'EOF'\n"
                         + "\n".join(CRASHES) + "\nEOF\n")
        asked.chmod(0o755)
        text = subprocess.run([program, "completion", shell], check=True, capture_output=True,
                              text=True).stdout
        script = place / f"lifeboat.{shell}"
        script.write_text(text.replace("/lib/modules", str(modules)))
        env = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(place), "LC_ALL": "C.UTF-8"}
        found = run(script, [c.line for c in cases], where, env)
        if (where / "stolen").exists():
            return "a name of a crash was run as a command"
        wrong = list(differences(shell, cases, found))
        return f"{len(wrong)} of {len(cases)}: {'; '.join(wrong[:3])}" if wrong else None


def tables_of(program: Path) -> list[dict]:
    out = subprocess.run([program, "completion", "--json"], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)["commands"]


def run(program: Path, tables: list[dict], result: Callable[[str, str | None], None]) -> None:
    cases = list(all_cases(tables))
    for shell, how in (("bash", run_bash), ("zsh", run_zsh), ("fish", run_fish)):
        if not shutil.which(shell):
            result(f"completion {shell}", f"{shell} is not installed; ./bootstrap check installs it")
            continue
        try:
            result(f"completion {shell}", check_shell(shell, how, program, cases))
        except (RuntimeError, subprocess.SubprocessError, ValueError) as error:
            result(f"completion {shell}", str(error))
