# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of QEMU's machine protocol: commands to a guest that runs, over a Unix socket.

docs/interop/qmp-spec.txt of QEMU 7.2: one JSON object a line; a greeting first, then each command is
answered by "return" or "error", with events in between.
"""

import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

from .errors import LabError

CONNECT_SECONDS = 10
ANSWER_SECONDS = 30
NAP_SECONDS = 0.05


class Monitor:
    """One connection."""

    def __init__(self, path: Path) -> None:
        self.partial = b""
        self.events: list[dict[str, Any]] = []  # those seen so far
        self.lock = threading.Lock()  # of a command with its answer
        self.socket = connected(path)
        self.receive()  # the greeting
        self.execute("qmp_capabilities")

    def close(self) -> None:
        """Give it up."""
        self.socket.close()

    def receive(self) -> dict[str, Any]:
        """The next object."""
        while b"\n" not in self.partial:
            try:
                chunk = self.socket.recv(65536)
            except OSError as err:
                raise LabError(f"QEMU's monitor does not answer: {err}") from err
            if not chunk:
                raise LabError("QEMU has closed its monitor")
            self.partial += chunk
        line, _, self.partial = self.partial.partition(b"\n")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise LabError(f"QEMU's monitor says {line!r}")
        return answer

    def execute(self, command: str, **arguments: Any) -> Any:
        """Have a command done; return what it gives."""
        request = {"execute": command, "arguments": arguments}
        with self.lock:
            try:
                self.socket.sendall(json.dumps(request).encode() + b"\n")
            except OSError as err:
                raise LabError(f"QEMU's monitor takes no {command}: {err}") from err
            while True:
                answer = self.receive()
                if "error" in answer:
                    raise LabError(f"QEMU refuses {command} {arguments}: {answer['error']['desc']}")
                if "return" in answer:
                    return answer["return"]
                self.events.append(answer)

    def last(self, event: str) -> dict[str, Any] | None:
        """Of a QEMU that has ended: the last such event, whoever was listening then."""
        with self.lock:
            try:
                while True:
                    self.events.append(self.receive())
            except (LabError, ValueError):
                pass
        found = [one for one in self.events if one.get("event") == event]
        return found[-1] if found else None


def connected(path: Path) -> socket.socket:
    """A connection; QEMU makes its socket some moments after it was started."""
    end = time.monotonic() + CONNECT_SECONDS
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(ANSWER_SECONDS)
    folder = os.open(path.parent, os.O_PATH)  # whose own name may be too long for unix(7)
    try:
        while True:
            try:
                one.connect(f"/proc/self/fd/{folder}/{path.name}")
                return one
            except OSError as err:
                if time.monotonic() > end:
                    one.close()
                    raise LabError(f"cannot connect to QEMU's monitor {path}: {err}") from err
            time.sleep(NAP_SECONDS)
    finally:
        os.close(folder)
