# SPDX-License-Identifier: GPL-2.0-or-later
"""lifeboat-send as its parent sees it: a job, frames, an answer."""

import hashlib
import os
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lab.paths import program

DATA, COMMIT, ABORT, LEAVE = 1, 2, 3, 4
FRAME = 1 << 20


@dataclass
class Answer:
    line: str
    status: int
    seconds: float
    cpu_seconds: float
    stderr: str = ""

    @property
    def ok(self) -> bool:
        return self.line.startswith("ok ") and self.status == 0

    def is_of(self, data: bytes, parts: int | None = None) -> bool:
        words = self.line.split()
        return (self.ok and int(words[1]) == len(data)
                and words[2] == hashlib.sha256(data).hexdigest()
                and (parts is None or int(words[3]) == parts))

    def failed(self, code: int, *texts: str) -> bool:
        return (self.line.startswith(f"error {code} ") and self.status == code
                and all(text in self.line for text in texts))


def write_job(folder: Path, **keys: object) -> Path:
    job = {"retry-seconds": 20, "connect-seconds": 3, "stall-seconds": 4,
           "address": "127.0.0.1"}
    job |= {key.replace("_", "-"): value for key, value in keys.items()}
    path = folder / "job"
    path.write_text("".join(f"{key} = {value}\n" for key, value in job.items()))
    path.chmod(0o600)
    return path


class Sender:
    def __init__(self, folder: Path, *wrapper: str, **keys: object) -> None:
        keys.setdefault("what", "put")
        environment = {"PATH": os.environ["PATH"], "https_proxy": "http://127.0.0.1:1",
                       "ALL_PROXY": "http://127.0.0.1:1"}
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [*wrapper, str(program("lifeboat-send")), str(write_job(folder, **keys))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment)

    def frame(self, kind: int, data: bytes = b"") -> bool:
        """False: it has ended."""
        assert self.process.stdin
        try:
            self.process.stdin.write(struct.pack("=II", kind, len(data)) + data)
            self.process.stdin.flush()
            return True
        except BrokenPipeError:
            return False

    def data(self, data: bytes) -> None:
        for at in range(0, len(data), FRAME):
            if not self.frame(DATA, data[at:at + FRAME]):
                break

    def answer(self, seconds: float = 90) -> Answer:
        timer = time.monotonic() + seconds
        assert self.process.stdout and self.process.stderr and self.process.stdin
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        while (line := self.process.stdout.readline().decode().rstrip("\n")).startswith("at "):
            pass
        took = time.monotonic() - self.begun
        while True:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > timer:
                self.process.kill()
                raise RuntimeError(f"lifeboat-send did not end; it said {line!r}")
            time.sleep(0.01)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return Answer(line, self.process.returncode, took, usage.ru_utime + usage.ru_stime,
                      self.process.stderr.read().decode())


def send(folder: Path, data: bytes, end: int | None = COMMIT, **keys: object) -> Answer:
    sender = Sender(folder, **keys)
    sender.data(data)
    if end is not None:
        sender.frame(end)
    return sender.answer()


def ask(folder: Path, what: str, **keys: object) -> Answer:
    return Sender(folder, what=what, **keys).answer()
