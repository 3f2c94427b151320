# SPDX-License-Identifier: GPL-2.0-or-later
"""The drill's end of a world: it starts it, asks it to do things, and ends it."""

import json
import os
import re
import selectors
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import userns
from ..errors import LabError, Unavailable
from ..paths import ROOT
from ..proc import environment, tail
from ..scenario import Scenario
from ..servers.web import install_store

READY_SECONDS = 60
ANSWER_SECONDS = 30
FOLDER = "world"
FACT = re.compile(r"@([\w-]+):([\w-]+)@")


class World:
    """A process that has the servers and the switch in it; a context manager."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.folder = folder / FOLDER
        self.process: subprocess.Popen[str] | None = None
        self.lock = threading.Lock()
        self.facts: dict[str, Any] = {}  # what is known of each server only when it has started

    def __enter__(self) -> "World":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """All servers that are to be there from the start are, when this returns."""
        if not self.scenario.networks:
            return
        self.folder.mkdir()
        if any(one.kind == "s3" for one in self.scenario.servers):
            install_store()  # which the namespace without a way out could not
        wanted = {
            "networks": [asdict(one) for one in self.scenario.networks],
            "nics": [asdict(one) for one in self.scenario.nics],
            "servers": [asdict(one) for one in self.scenario.servers],
        }
        (self.folder / "world.json").write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            raise Unavailable("a network world takes /dev/net/tun, which is not here, or not for this user")
        words = [*userns.as_root("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"), sys.executable]
        words += ["-m", "lab.world.main", str(self.folder)]
        with open(self.folder / "world.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(),
                cwd=ROOT,
                encoding="utf-8",
            )
        self.facts = self.answer(READY_SECONDS)

    def words(self) -> str:
        """What it said, for a message."""
        return tail((self.folder / "world.log").read_text(encoding="utf-8", errors="replace"))

    def answer(self, seconds: float) -> Any:
        """The next line that it says."""
        assert self.process and self.process.stdout
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(max(0, end - time.monotonic())):
                raise LabError(f"the network world does not answer within {seconds} s:\n{self.words()}")
        line = self.process.stdout.readline()
        if not line:
            raise LabError(f"the network world has ended:\n{self.words()}")
        said = json.loads(line)
        if "unavailable" in said:
            raise Unavailable(f"the network world: {said['unavailable']}")
        if "error" in said:
            raise LabError(f"the network world: {said['error']}")
        return said["ok"]

    def ask(self, what: str, *words: str) -> Any:
        """Have something done there: see main.py."""
        if not self.process:
            raise LabError(f"{what}: this scenario has no network")
        with self.lock:
            assert self.process.stdin
            try:
                self.process.stdin.write(json.dumps([what, *words]) + "\n")
                self.process.stdin.flush()
            except OSError as err:
                raise LabError(f"the network world has ended: {err}\n{self.words()}") from err
            return self.answer(ANSWER_SECONDS)

    def end(self) -> None:
        """Servers are ended, and what they had in memory is put into their folders."""
        if not self.process:
            return
        try:
            if self.process.poll() is None:
                frames = json.dumps(self.ask("end"))
                (self.folder / "frames.json").write_text(frames + "\n", encoding="utf-8")
        finally:
            self.process.kill()  # unshare, and with it the first process of the PID namespace
            self.process.wait()
            self.process = None

    def fill_in(self, text: str) -> str:
        """A text with @NAME:FACT@ for what is known of a server."""

        def value(found: re.Match[str]) -> str:
            facts = self.facts.get(found.group(1))
            if facts is None or found.group(2) not in facts:
                raise LabError(f"{found.group()}: no such server, or it does not tell that")
            return str(facts[found.group(2)])

        return FACT.sub(value, text)

    def folder_of(self, server: str) -> Path:
        """What a server has got."""
        return self.folder / server / "root"
