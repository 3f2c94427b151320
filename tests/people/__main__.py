# SPDX-License-Identifier: GPL-2.0-or-later
"""What people meet: completion in real shells, colours on a real terminal, what verbs answer, manual pages, guides.

    python3 -m tests.people [PROGRAM]       default: build/lifeboat

One `ok NAME` or `FAIL NAME: why` line a test.
"""

import sys
from pathlib import Path

from lab import tools
from tests.people import answers, completion, guides, manual, terminal

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> int:
    program = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build/lifeboat"
    failed = 0
    tools.fetch()

    def result(name: str, why: str | None) -> None:
        nonlocal failed
        failed += why is not None
        print(f"ok people {name}" if why is None else f"FAIL people {name}: {why}", flush=True)

    tables = completion.tables_of(program)
    completion.run(program, tables, result)
    terminal.run(program, [command["name"] for command in tables], result)
    answers.run(program, result)
    manual.run(result)
    guides.run(program, result)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
