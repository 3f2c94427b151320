# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual's pages are clean for both programs that show manuals: mandoc, and groff behind man-db."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

MAN = Path(__file__).resolve().parent.parent.parent / "docs/man"
# Debian's own hints for manual pages: what is wrong is said, and lines are as wide as a terminal
ENV = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANROFFSEQ": ""}


def mandoc(page: Path) -> str:
    run = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True,
                         timeout=20)
    return run.stdout + run.stderr + ("" if run.returncode in (0, 1) else f"status {run.returncode}")


def man(page: Path) -> str:
    run = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True,
                         text=True, timeout=60, env=ENV)
    return run.stderr + ("" if run.returncode == 0 else f"status {run.returncode}")


def run(result: Callable[[str, str | None], None]) -> None:
    for name, show in (("mandoc", mandoc), ("man", man)):
        if not shutil.which(name):
            result(f"manual {name}", f"{name} is not installed; ./bootstrap check installs it")
            continue
        pages = sorted(MAN.iterdir())
        wrong = [text for page in pages if (text := show(page).strip())]
        result(f"manual {name}", "; ".join(wrong)[:600] if wrong else None if pages else "there are no pages")
