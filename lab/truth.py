# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel said of itself right before it died, found in its memory: see lab/crowd.c.

The text is in pages that begin with a magic word and their number. They belong to a process, so no dump at level 31
has them; the guest's RAM file has.
"""

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .errors import LabError

MAGIC = b"lab-crowd-truth\n"
PAGE = 4096
HEAD = struct.Struct("<16sQQ")
END = "\n@end\n"
FRAME = re.compile(r"\[<[0-9a-f]+>\] (\S+?)\+0x([0-9a-f]+)/0x([0-9a-f]+)(?: \[(\S+)\])?$")


@dataclass(frozen=True)
class Symbol:
    """A line of /proc/kallsyms."""

    address: int
    type: str
    name: str
    module: str  # "": the kernel's own


@dataclass(frozen=True)
class Frame:
    """A line of /proc/PID/stack: the kernel's own unwinder, without frames that it does not trust."""

    function: str
    offset: int
    module: str


@dataclass(frozen=True)
class Task:
    """One thread, as the kernel told of it."""

    tgid: int
    pid: int
    comm: str  # of a kernel worker with what it works for, longer than in its task_struct
    state: str  # of /proc/PID/stat
    ppid: int
    flags: int
    cpu: int
    runs: int  # how often it has got a CPU
    stack: list[Frame] = field(default_factory=list)


def pages(path: Path) -> dict[int, bytes]:
    """The data of each page of the text, by its number."""
    found: dict[int, bytes] = {}
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as ram:
        at = ram.find(MAGIC)
        while at >= 0:
            if at % PAGE == 0:
                _, number, used = HEAD.unpack_from(ram, at)
                if used <= PAGE - HEAD.size:
                    found[number] = ram[at + HEAD.size : at + HEAD.size + used]
            at = ram.find(MAGIC, at + 16)
    return found


def read_ram(path: Path) -> str:
    """The whole text."""
    found = pages(path)
    if sorted(found) != list(range(len(found))):
        raise LabError(f"{path}: of the truth's {len(found)} pages some are missing")
    text = b"".join(found[number] for number in range(len(found))).decode("utf-8", "replace")
    if not text.endswith(END):
        raise LabError(f"{path}: the truth of {len(text)} characters has no end")
    return text


class Truth:
    """The same, taken apart."""

    def __init__(self, text: str) -> None:
        parts = re.split(r"\n@(file|none|task) (.*)\n", text.removesuffix(END))
        self.files: dict[str, str] = {}
        self.task_texts: list[tuple[str, str]] = []
        for kind, name, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            if kind == "file":
                self.files[name] = body
            elif kind == "task":
                self.task_texts.append((name, body))

    @classmethod
    def of(cls, folder: Path) -> "Truth":
        """As a drill has kept it."""
        return cls((folder / "truth.txt").read_text(encoding="utf-8"))

    def file(self, name: str) -> str:
        """A file's text."""
        if name not in self.files:
            raise LabError(f"the guest had no {name}")
        return self.files[name]

    @cached_property
    def symbols(self) -> list[Symbol]:
        """All of /proc/kallsyms."""
        found = []
        for line in self.file("/proc/kallsyms").splitlines():
            words = line.replace("\t", " ").split(" ")
            module = words[3][1:-1] if len(words) > 3 else ""
            found.append(Symbol(int(words[0], 16), words[1], words[2], module))
        return found

    def symbol(self, name: str) -> int:
        """The address of one of the kernel's own."""
        for one in self.symbols:
            if one.name == name and not one.module:
                return one.address
        raise LabError(f"/proc/kallsyms has no {name}")

    @cached_property
    def tasks(self) -> dict[int, Task]:
        """By thread id."""
        return {one.pid: one for one in self.each_task()}

    def each_task(self) -> Iterator[Task]:
        """Those that did not end while they were looked at."""
        for name, body in self.task_texts:
            tgid, pid = map(int, name.split())
            parts = re.split(r"^#(comm|stat|stack|schedstat)\n", body, flags=re.MULTILINE)
            texts = dict(zip(parts[1::2], parts[2::2]))
            if not {"comm", "stat", "schedstat"} <= texts.keys():
                continue
            after = texts["stat"][texts["stat"].rindex(")") + 2 :].split()
            yield Task(
                tgid, pid, texts["comm"].removesuffix("\n"), after[0], int(after[1]),
                int(after[6]), int(after[36]), int(texts["schedstat"].split()[2]),
                frames(texts.get("stack", "")),
            )

    def numbers(self, name: str, scale: int = 1) -> dict[str, int]:
        """/proc/meminfo or /proc/vmstat."""
        found = re.findall(r"^(\S+?):?\s+(-?\d+)( kB)?$", self.file(name), re.MULTILINE)
        return {key: int(value) * (1024 if unit else scale) for key, value, unit in found}


def frames(text: str) -> list[Frame]:
    """/proc/PID/stack."""
    found = []
    for line in text.splitlines():
        match = FRAME.match(line)
        if not match:
            raise LabError(f"no line of a stack: {line!r}")
        found.append(Frame(match[1], int(match[2], 16), match[4] or ""))
    return found
