#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run every fuzzer for a bounded time on its seeds; one `ok` or `FAIL` line each.

    tests/fuzz/run.py [SECONDS [NAME…]]     per fuzzer, default 4; as many at a time as there are CPUs

Seeds are the committed files in tests/fuzz/seeds/NAME/ (regressions among them); what a run finds new
stays in build/fuzz/corpus/NAME, a crashing input in build/fuzz/.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/fuzz"


def run_one(program: Path, seconds: int) -> str | None:
    """None if nothing was found, else what was."""
    name = program.name.removeprefix("fuzz_")
    corpus = BUILD / "corpus" / name
    seeds = ROOT / "tests/fuzz/seeds" / name
    corpus.mkdir(parents=True, exist_ok=True)
    argv = [str(program), f"-max_total_time={seconds}", "-max_len=65536", "-timeout=10",
            "-rss_limit_mb=2048", f"-artifact_prefix={BUILD}/{name}-", "-print_final_stats=1",
            str(corpus)]
    if seeds.is_dir():
        argv.append(str(seeds))
    limit = seconds * 4 + 120
    try:
        run = subprocess.run(argv, cwd=BUILD, capture_output=True, text=True, errors="replace",
                             timeout=limit, env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1"})
    except subprocess.TimeoutExpired:
        return f"did not end within {limit} s"
    if run.returncode == 0:
        return None
    lines = [line for line in run.stderr.splitlines()
             if "ERROR" in line or "runtime error" in line or "Test unit written" in line]
    return "; ".join(lines[:3]) or f"exit status {run.returncode}"


def main() -> int:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    names = {f"fuzz_{name.removeprefix('fuzz_')}" for name in sys.argv[2:]}
    programs = sorted(p for p in BUILD.glob("fuzz_*") if os.access(p, os.X_OK))
    unknown = names - {p.name for p in programs}
    if unknown:
        raise SystemExit(f"fuzz: there is no {', '.join(sorted(unknown))}")
    programs = [p for p in programs if not names or p.name in names]
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, why in zip(programs, pool.map(lambda p: run_one(p, seconds), programs)):
            failed += why is not None
            print(f"FAIL {program.name}: {why}" if why else f"ok {program.name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
