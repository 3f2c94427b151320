# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, spoken to by the DevTools protocol over a pair of pipes: no port, no library."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
TIMEOUT = 60

Message = dict[str, Any]


def find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """Use it in a `with`; each page() is a tab of its own."""

    def __init__(self, program: str) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="lifeboat-html-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        argv = [program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                "--disable-background-networking", "--hide-scrollbars", f"--user-data-dir={self.home.name}/profile",
                "about:blank"]
        # Chromium reads commands from descriptor 3 and writes to 4
        shell = f'exec 8<&{theirs_in} 9>&{theirs_out}; exec "$@" 3<&8 4>&9'
        self.process = subprocess.Popen(["bash", "-c", shell, "chromium", *argv], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        pass_fds=(theirs_in, theirs_out), env={**os.environ, "HOME": self.home.name})
        os.close(theirs_in)
        os.close(theirs_out)
        self.read_fd, self.write_fd = ours_in, ours_out
        self.buffer = b""
        self.next_id = 0
        self.events: list[Message] = []

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.write_fd)  # it ends when nobody speaks to it any more
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read_fd)
        for _ in range(20):  # its children may still write to the profile
            try:
                self.home.cleanup()
                break
            except OSError:
                time.sleep(0.1)

    def receive(self, deadline: float) -> Message:
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.read_fd], [], [], left)[0]:
                raise TimeoutError(f"Chromium said nothing for {TIMEOUT} s")
            piece = os.read(self.read_fd, 1 << 20)
            if not piece:
                raise RuntimeError(f"Chromium ended, with status {self.process.wait(timeout=10)}")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\0", 1)
        message: Message = json.loads(line)
        return message

    def call(self, method: str, session: str | None = None, **params: Any) -> Message:
        """A command and its result; events on the way are kept."""
        self.next_id += 1
        message: Message = {"id": self.next_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write_fd, data):]
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self.receive(deadline)
            if answer.get("id") != self.next_id:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error'].get('message')}")
            else:
                result: Message = answer["result"]
                return result

    def wait_for(self, method: str, session: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not any(e.get("method") == method and e.get("sessionId") == session for e in self.events):
            self.events.append(self.receive(deadline))


class Page:
    """A file, shown at a width. `events`: all that happened since it was asked for."""

    def __init__(self, browser: Browser, path: Path, width: int, dark: bool, before: str) -> None:
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        browser.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        browser.wait_for("Page.loadEventFired", self.session)

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.call("Target.closeTarget", targetId=self.target)

    def call(self, method: str, **params: Any) -> Message:
        return self.browser.call(method, self.session, **params)

    def evaluate(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"the test's own script: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def events(self, method: str) -> list[Message]:
        return [e["params"] for e in self.browser.events
                if e.get("method") == method and e.get("sessionId") == self.session]

    def screenshot(self, path: Path) -> None:
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12000), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        path.write_bytes(base64.b64decode(data))
