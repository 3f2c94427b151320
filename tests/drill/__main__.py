# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m tests.drill [WORD…]: each function test_… of each module test_….py beside this one; all whose names have a WORD.

A test fails by an exception, and prints nothing itself.
"""

import importlib
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent


def tests() -> Iterator[tuple[str, Callable[[Path], None]]]:
    """All of them: each takes a folder of its own."""
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.drill.{path.stem}")
        for name, function in vars(module).items():
            if name.startswith("test_") and callable(function):
                yield f"{path.stem.removeprefix('test_')}/{name.removeprefix('test_')}", function


def run_one(name: str, function: Callable[[Path], None]) -> bool:
    """One test, in a folder that is gone afterwards."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="drill-test-") as folder:
        try:
            function(Path(folder))
        except Exception as err:  # pylint: disable=broad-exception-caught
            place = traceback.extract_tb(err.__traceback__)[-1]
            text = str(err) or place.line
            print(f"FAIL {name}: {type(err).__name__}: {text} ({Path(place.filename).name}:{place.lineno})", flush=True)
            return False
    print(f"ok {name} ({time.monotonic() - began:.2f} s)", flush=True)
    return True


def main(words: list[str]) -> int:
    """The exit status says whether all passed."""
    wanted = [(name, function) for name, function in tests() if not words or any(word in name for word in words)]
    good = [run_one(name, function) for name, function in wanted]
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
