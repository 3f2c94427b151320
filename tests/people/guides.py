# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of the guides and of README.md are run, and what a guide shows is what comes of them.

A block of code is one of

    sh      commands. Ours are run on a machine of tests/people/machine.py, by --root; those of READERS and WRITERS in its folders. What
            needs a machine of its own is in ELSEWHERE or NOT_HERE, which name what runs it; then options are looked at only
    conf    a configuration: it is resolved for a machine, which may lack the devices
    text    what the command before it prints. Numbers and spaces may differ, lines may be left out, … is anything
    nginx   a server's configuration; this and the next ones are tried by tests/people/foreign.py
    sshd    a piece of sshd_config
    json    a text of that form
    toml    a scenario of `lifeboat drill`

and nothing else. A comment in front of a block says which machine, if it is not the one that is armed, or another exit status:

    <!-- guide: machine=no-reservation status=6 -->

Besides: commands within the text, links, and manual pages that are named.
"""

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.people import foreign, machine

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import lint_manual  # noqa: E402  (a module of a script beside this folder)

SECONDS = 60
NOT_FOUND = 6
HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJ8w0OBHkPxRC0CsR+OB+hGZWmgcvKUpz/IulyILT4wr"
LAB_BLOCK = "# boot-once: "  # lab/restart.py runs these blocks as they are
CRASHED = "crashed"  # a machine that has a real dump: only the system stage has one
DUMPS = ("tests/system/looks.py", "judge_guide(")  # who runs blocks of that machine
SERVICE = "tests/system/service/guides.py"  # runs the forms that it has in a whole Debian
MACHINE = "tests/system/service/machine.py"  # what is done to that Debian

# Commands for reading what there is; less is for a terminal.
READERS = {"cat": ["cat"], "less": ["cat"], "ls": ["ls"], "grep": ["grep"], "touch": ["touch"],
           "sha256sum": ["sha256sum"], "python3 -m json.tool": [sys.executable, "-m", "json.tool"],
           "find": ["find"], "head": ["head"], "jq": ["jq"], "psql": ["psql"], "sort": ["sort"], "uniq": ["uniq"],
           "age-keygen": ["age-keygen"], "age ": ["age"], "ssh-keygen": ["ssh-keygen"], "mkdir": ["mkdir"], "chmod": ["chmod"],
           "openssl rand": ["openssl", "rand"],
           # there is no such server: the key is nobody's
           "ssh-keyscan -t ed25519": [sys.executable, "-c", f"import sys; print(sys.argv[1], 'ssh-ed25519', '{HOST_KEY}')"]}
# These destroy: they are run on files of the machine that are there, and on nothing else.
WRITERS = {"wipefs", "dd"}

# Commands of ours that want a running machine: without --root, or about a kernel that is loaded. Who runs them:
NOT_HERE = [
    (r"stop", "tests/unit/test_arm.c", "arm_stop("),
    (r"reload", "tests/unit/test_arm.c", "arm_reload("),
    (r"load (?!.*--plan).*", "lab/scenarios/loader-reuse.toml", ""),
    (r"unload.*", "tests/unit/test_loader_load.c", "load_unload("),
    (r"exec.*", "lab/scenarios/boot-once.toml", ""),
    (r"dmesg .*", "lab/judges/readers.py", '"dmesg"'),
    (r"mem-usage .*", "lab/guest.c", '"mem-usage"'),
    (r"propagate .*", "tests/unit/test_propagate.c", "propagate_key("),
    (r"test", "tests/unit/test_preflight.c", "preflight_run("),
    (r"test --proof", "tests/system/proof.py", '"--proof"'),
    (r"drill --config .*", "tests/drill/test_userconf.py", "userconf.load("),
    (r"drill .*--kernel[ =].*", "tests/drill/test_kernels.py", "kernels.find("),
    (r"drill --compare .*", "tests/drill/test_compare.py", "compare import compare"),
    (r"drill \./mine\.toml", "tests/drill/test_select.py", "def test_own_files("),
    (r"drill( deaths)?", "tests/system/__main__.py", "make_drill("),
    (r"test --crash-now --yes-crash-this-machine", "tests/unit/test_crash_now.c", "crash_now("),
]

# What a machine is needed for: the form of the command, the file that runs it, and a piece of that file.
ELSEWHERE = [
    (r"systemctl reload lifeboat", SERVICE, r'r"systemctl reload lifeboat"'),
    (r"systemctl status lifeboat-collect", SERVICE, r'r"systemctl status lifeboat-collect"'),
    (r"systemctl reboot", "docs/guides/boot-once.md", "# boot-once: go-back\nsystemctl reboot"),
    (r"systemctl enable( --now)? lifeboat lifeboat-collect", SERVICE, "lifeboat lifeboat-collect"),
    (r"apt-get install \./build/deb/lifeboat_0\.1\.0_amd64\.deb", "lab/whole.py", "lifeboat_*.deb"),
    (r"apt-get update", "lab/debs.py", '"-q", "update"'),
    (r"apt-get install --no-install-recommends \./lifeboat_0\.1\.0_amd64\.deb \./lifeboat-drill_0\.1\.0_amd64\.deb",
     "tests/packages/deb.py", 'find("lifeboat-drill")'),
    (r"journalctl .*", SERVICE, r'r"journalctl .*"'),
    (r"crash vmlinux vmcore.incomplete", "tests/system/cut.py", "judge_crash("),
    (r"sync", SERVICE, r'r"sync"'),
    (r"echo 1 > /proc/sys/kernel/sysrq", MACHINE, "/proc/sys/kernel/sysrq"),
    (r"echo c > /proc/sysrq-trigger", MACHINE, "echo c > /proc/sysrq-trigger"),
]


@dataclass
class Block:
    """A block of code."""

    where: str  # guide and line
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)


FENCE = re.compile(r"^ {0,3}```(\S*)$")
MARK = re.compile(r"^ *<!-- guide: (.*) -->$")


def blocks(guide: Path) -> Iterator[Block]:
    """All of a guide's; one of no known language, and one that is only indented, is an error."""
    block: Block | None = None
    marks: dict[str, str] = {}
    blank = True
    for number, line in enumerate(guide.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{guide.relative_to(ROOT)}:{number}"
        fence = FENCE.match(line)
        if block and fence:
            yield block
            block = None
        elif block:
            block.text += line.strip() + "\n" if block.language == "sh" else line + "\n"
        elif fence:
            if fence.group(1) not in ("sh", "conf", "text", *foreign.CHECKS):
                raise ValueError(f"{where}: a block is sh, conf, text, {', '.join(foreign.CHECKS)}, not '{fence.group(1)}'")
            block, marks = Block(where, fence.group(1), "", marks), {}
        elif match := MARK.match(line):
            marks = dict(word.split("=", 1) for word in match.group(1).split())
        elif blank and line.startswith("    ") and line.strip():
            raise ValueError(f"{where}: code without a fence is not tested")
        blank = not line.strip()
    if block:
        raise ValueError(f"{block.where}: the block has no end")


@dataclass
class Command:
    """A simple command of a line."""

    words: list[str]
    into: str | None = None  # the file behind ">"
    piped: bool = False  # it reads what the one before it prints
    may_fail: bool = False  # "||" follows

    @property
    def text(self) -> str:
        return " ".join(self.words) + (f" > {self.into}" if self.into else "")


def split(line: str) -> list[Command]:
    """The simple commands of a line of the shell; only what guides need."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    found = [Command([])]
    tokens = iter(lexer)
    for token in tokens:
        if token in ("|", "||", "&&", ";"):
            found[-1].may_fail = token == "||"
            found.append(Command([], piped=token == "|"))
        elif token == ">":
            found[-1].into = next(tokens)
        elif token and set(token) <= set("|&;<>"):
            raise ValueError(f"'{token}' in '{line}' is not understood")
        else:
            found[-1].words.append(token)
    return found


@dataclass
class Dump:
    """What a machine that has crashed for real needs."""

    file: Path
    env: dict[str, str]  # of all that is started
    without: set[str]  # programs that are not installed: what they print is not looked at


class Session:
    """A person at a machine, who follows one guide."""

    def __init__(self, program: Path, tables: dict[str, dict], folder: Path,
                 sources: set[tuple[str, str, str]], dump: "Dump | None" = None) -> None:
        self.program, self.tables, self.folder = program, tables, folder
        self.dump = dump
        self.far = False  # the block is run by others
        self.sources = sources  # commands that are not run here: which, what file runs them, a piece of that file
        self.variables: dict[str, str] = {}
        self.machines: dict[str, Path] = {}
        self.root = self.cwd = self.machine("armed")
        self.output = ""  # of the last command
        self.piped = b""  # the same as its bytes, without its messages
        self.status = 0
        self.known = True  # the last command was run here

    def machine(self, kind: str) -> Path:
        if kind not in machine.MACHINES and kind != CRASHED:
            raise ValueError(f"there is no machine '{kind}'")
        if kind not in self.machines:
            self.machines[kind] = self.folder / f"{len(list(self.folder.iterdir()))}-{kind}"
            machine.make("armed" if kind == CRASHED else kind, self.machines[kind], self.program, self.folder.parent)
            if kind == CRASHED and self.dump:
                machine.put_dump(self.machines[kind], self.dump.file)
        return self.machines[kind]

    def expand(self, line: str) -> str:
        line = line.replace("$(uname -r)", machine.RELEASE)
        line = re.sub(r"\$\(cat ([^)]+)\)", lambda m: self.below(m.group(1)).read_text().strip(), line)

        def value(match: re.Match[str]) -> str:
            if match.group(1) not in self.variables:
                raise ValueError(f"${match.group(1)} is not set")
            return self.variables[match.group(1)]

        return re.sub(r"\$(\w+)", value, line)

    def run_block(self, block: Block) -> None:
        root = self.machine(block.marks.get("machine", "armed"))
        if root != self.root:
            self.root = self.cwd = root
        self.in_lab = block.text.startswith(LAB_BLOCK)
        self.far = block.marks.get("machine") == CRASHED and not self.dump
        if self.far:
            self.sources.add((block.text.splitlines()[0], *DUMPS))
        text = block.text.replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        for line in lines:
            self.run_line(line)
            want = int(block.marks.get("status", 0)) if line is lines[-1] else 0
            if self.known and self.status != want:
                raise ValueError(f"`{line}`: exit status {self.status}, not {want}, with: {self.output.strip()[-300:]}")

    def run_line(self, line: str) -> None:
        self.output, self.status, self.known = "", 0, True
        for command in split(self.expand(line)):
            if command.words and command.words[0] == "sudo":
                del command.words[0]
            if command.words and (match := re.fullmatch(r"(\w+)=(.*)", command.words[0])):
                self.variables[match.group(1)] = match.group(2)
                del command.words[0]
            if command.words:
                command.words[0] = command.words[0].removeprefix("build/")  # of a checkout, before anything is installed
                self.run(command)
            if command.may_fail:
                self.status = 0

    def run(self, command: Command) -> None:
        if self.in_lab or self.far:
            self.known = False
            if command.words[0] == "lifeboat":
                self.look_at(command)
        elif command.words[0] == "cd":
            self.cwd = self.below(command.words[1])
            if not self.cwd.is_dir():
                raise ValueError(f"{command.words[1]}: there is no such folder")
        elif command.words[0] == "lifeboat":
            self.look_at(command)
            self.run_ours(command)
        elif self.dump and command.words[0] in self.dump.without:
            self.known, self.far = False, True
        elif reader := next((r for r in READERS if command.text.startswith(r)), None):
            args = [self.place(w) for w in command.words[len(reader.split()):]]
            self.start([*READERS[reader], *args], command)
        elif command.words[0] in WRITERS:
            self.start([command.words[0], *(self.scratch(w) for w in command.words[1:])], command)
        else:
            self.known = False
            check_elsewhere(command, self.sources)

    def scratch(self, word: str) -> str:
        """A word for a program that destroys: no path in it is one of this machine's own, but for a source of zeros."""
        if word.startswith("if="):
            if word != "if=/dev/zero":
                raise ValueError(f"{word} is not read from here")
            return word
        head, equals, path = word.rpartition("=")
        if "/" not in path:
            return word
        file = self.below(path).resolve()
        if not path.startswith("/") or "/" in head or not file.is_file() or self.root.resolve() not in file.parents:
            raise ValueError(f"{word} is no file of the machine")
        return f"{head}{equals}{file}"

    def below(self, path: str) -> Path:
        return self.root / path.lstrip("/") if path.startswith("/") else self.cwd / path

    def place(self, word: str) -> str:
        """Files of the machine are below its folder."""
        head, equals, path = word.partition("=")
        if equals and head.startswith("--") and path.startswith("/"):
            return f"{head}={self.below(path)}"
        return str(self.below(word)) if word.startswith("/") else word

    def look_at(self, command: Command) -> None:
        """Command and options are there, and as many operands as it takes."""
        verb = command.words[1] if len(command.words) > 1 else ""
        if verb in ("--help", "--version"):
            return
        wrong = list(lint_manual.wrong_call("", self.tables, verb, " " + " ".join(command.words[2:])))
        if wrong:
            raise ValueError(wrong[0].lstrip(": "))

    def run_ours(self, command: Command) -> None:
        verb, args = (command.words + [""])[1], command.words[2:]
        takes_root = any(o["name"] == "root" for o in self.tables.get(verb, {"options": []})["options"])
        for form, *source in NOT_HERE:
            if re.fullmatch(form, " ".join(command.words[1:])):
                self.known = False
                self.sources.add((command.text, *source))
                return
        root = ["--root", str(self.root)] if takes_root else []
        # with --root, an operand is looked for below it by the command itself, but for files that it reads or writes
        operands = takes_root and verb != "load"
        placed = [a if operands and not a.startswith("-") and not self.is_value(verb, args, i) else self.place(a)
                  for i, a in enumerate(args)]
        self.start([str(self.program), verb, *root, *placed], command)

    def is_value(self, verb: str, args: list[str], i: int) -> bool:
        """Does a word belong to the option before it?"""
        before = args[i - 1] if i else ""
        return any(o["value"] and before in (f"--{o['name']}", f"-{o['letter']}")
                   for o in self.tables[verb]["options"])

    def start(self, argv: list[str], command: Command) -> None:
        run = subprocess.run(argv, cwd=self.cwd, input=self.piped if command.piped else b"",
                             capture_output=True, timeout=SECONDS, env=self.dump.env if self.dump else None)
        self.status, self.piped = run.returncode, run.stdout
        self.output = (run.stdout + run.stderr).decode(errors="replace").replace(str(self.root), "")
        if command.into:
            self.below(command.into).write_bytes(run.stdout)

    def check_output(self, block: Block) -> None:
        """What the guide shows came, in that order."""
        if self.far:
            return
        if not self.known:
            raise ValueError("it is the output of a command that is not run here")
        lines = iter(self.output.splitlines())
        for shown in block.text.splitlines():
            if shown.strip() in ("", "…"):
                continue
            if not any(matches(shown, line) for line in lines):
                raise ValueError(f"'{shown.strip()}' is not (or not there) in what came: {self.output.strip()[:1500]}")

    def resolve(self, block: Block) -> None:
        """A configuration that is taken; devices may be missing."""
        file = self.folder / "lifeboat.conf"
        file.write_text(block.text)
        root = self.machine(block.marks.get("machine", "armed"))
        run = subprocess.run([self.program, "recipe", "--config", file, "--root", root], capture_output=True,
                             text=True, timeout=SECONDS)
        if run.returncode not in (0, NOT_FOUND):
            raise ValueError(run.stderr.strip()[-300:])


def matches(shown: str, line: str) -> bool:
    parts = [re.escape(re.sub(r"\d+", "#", " ".join(part.split()))) for part in shown.split("…")]
    return re.fullmatch(r".*".join(parts) if len(parts) > 1 else parts[0],
                        re.sub(r"\d+", "#", " ".join(line.split()))) is not None


# ---- what is run elsewhere


def text_of_source(name: str) -> str | None:
    """Of a file of the tree."""
    return (ROOT / name).read_text(encoding="utf-8") if (ROOT / name).is_file() else None


def lacking(sources: set[tuple[str, str, str]]) -> Iterator[str]:
    """What was said to be run by a file, and is not."""
    for name in sorted({name for _, name, _ in sources}):
        text = text_of_source(name)
        mine = sorted((what, piece) for what, file, piece in sources if file == name)
        if text is None:
            yield f"there is no {name}, which is to run {', '.join(f'`{what}`' for what, _ in mine)}"
        yield from (f"{name} has no {piece!r} for `{what}`" for what, piece in mine if text and piece not in text)


def check_elsewhere(command: Command, sources: set[tuple[str, str, str]]) -> None:
    words = command.words
    if words[0] in ("make", "./bootstrap"):
        targets = re.findall(r"^([a-z][a-z -]*):(?!=)", (ROOT / "Makefile").read_text(), re.M)
        known = {target for names in targets for target in names.split()}
        if missing := [w for w in words[1:] if "=" not in w and w not in known]:
            raise ValueError(f"there is no target {missing[0]}")
        return
    for form, file, piece in ELSEWHERE:
        if re.fullmatch(form, command.text):
            sources.add((command.text, file, piece))
            return
    raise ValueError(f"nobody runs `{command.text}`")


# ---- the guides


def check_guide(guide: Path, program: Path, tables: dict[str, dict], scratch: Path, sources: set[tuple[str, str, str]],
                dump: Dump | None = None) -> str | None:
    """Why its commands do not do what it says, or None."""
    count = 0
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        session = Session(program, tables, Path(folder), sources, dump)
        try:
            for block in blocks(guide):
                count += block.language != "text"
                try:
                    if check := foreign.CHECKS.get(block.language):
                        check(block.text)
                    else:
                        {"sh": session.run_block, "conf": session.resolve, "text": session.check_output}[block.language](block)
                except ValueError as why:
                    return f"{block.where}: {why}"
        except ValueError as why:
            return str(why)
    return None if count else f"{guide.name} has no commands"


def check_words(guide: Path, tables: dict[str, dict]) -> Iterator[str]:
    """Commands, links and manual pages within the text."""
    where, text = str(guide.relative_to(ROOT)), guide.read_text(encoding="utf-8")
    text = re.sub(r"^ {0,3}```.*?^ {0,3}```$", "", text, flags=re.M | re.S)
    for code in re.findall(r"`([^`]+)`", text):
        match = re.match(r"lifeboat\s+([a-z][a-z-]*)(\s.*)?$", code, re.S)
        if match:
            yield from lint_manual.wrong_call(where, tables, match.group(1), " ".join((match.group(2) or "").split()))
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not (guide.parent / target).exists():
            yield f"{where}: there is no {target}"
    for page, number in re.findall(r"\b(lifeboat[a-z.-]*)\(([58])\)", text):
        if not (ROOT / f"docs/man/{page}.{number}").exists():
            yield f"{where}: there is no {page}({number})"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs/guides").glob("*.md"))]


def wants_dump(guide: Path) -> bool:
    return any(block.marks.get("machine") == CRASHED for block in blocks(guide))


def run(program: Path, result: Callable[[str, str | None], None]) -> None:
    tables = lint_manual.commands()
    guides = pages()
    sources: set[tuple[str, str, str]] = set()
    with tempfile.TemporaryDirectory() as scratch:
        for guide in guides:
            result(f"guide {guide.stem}", check_guide(guide, program, tables, Path(scratch), sources))
    result("what others run of the guides", "; ".join(lacking(sources)) or None)
    texts = [*guides, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
             *sorted((ROOT / "docs/decisions").glob("*.md"))]
    wrong = [why for text in texts for why in check_words(text, tables)]
    result("commands, links and pages in texts", "; ".join(wrong[:8]) or None)
