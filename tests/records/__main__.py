# SPDX-License-Identifier: GPL-2.0-or-later
"""Records of many machines in a folder, as in a bucket, read and counted by a real database and by jq.

    python3 -m tests.records        after `make all build/records-make`

The records are written by the capture's own code, of the logs of tests/crashes/. How often each fault is there is known from
those logs by `lifeboat signature`; the engines have to find the same, with every value of its type.
"""

import collections
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.records.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]
LIFEBOAT = ROOT / "build/lifeboat"
MAKE = ROOT / "build/records-make"
FIRST_CRASH = 1795391999  # 2026-11-22T23:59:59Z: the next one is on another day
# Nobody can get out of the folder, out of a string or out of a row by the name of a machine.
HOSTS = ["alpha", "beta.example.org", "../../../evil", "x'; drop table crashes; --", 'q"uo\\te\tä\x01\x7f$$\r\n',
         '{"a":', "(none)", ""]


def logs() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "tests/crashes").glob("*.txt")):
        parts = re.split(r"^== (.*)\n", path.read_text(), flags=re.M)[1:]
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            yield f"{path.stem}/{name}", body.split("\n--\n", 1)[1] if not body.startswith("--\n") else body[3:]


def run(*argv: str | Path, text: str | None = None, timeout: int = 30) -> str:
    return subprocess.run([str(a) for a in argv], input=text, capture_output=True, text=True, timeout=timeout,
                          check=True).stdout


def signature_of(log: str) -> tuple[str, str] | None:
    """Hash and title by the command; None: there is no crash in it."""
    told = subprocess.run([str(LIFEBOAT), "signature", "-"], input=log, capture_output=True, text=True, timeout=30,
                          check=False)
    if told.returncode:
        return None
    func, title = told.stdout.rstrip("\n").split("  ", 1)
    return func, title


class Fleet:
    """What lies in the folder, and what there must be of each fault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: collections.Counter[str | None] = collections.Counter()
        self.hosts: dict[str | None, set[str]] = collections.defaultdict(set)
        self.titles: dict[str, str] = {}
        self.lines: list[str] = []
        for i, (_, log) in enumerate(logs()):
            signature = signature_of(log)
            for k in range(1 + i % 4):
                self.add(log, HOSTS[(i + k) % len(HOSTS)], FIRST_CRASH + 1800 * len(self.lines),
                         signature)

    def add(self, log: str, host: str, time: int, signature: tuple[str, str] | None) -> None:
        path, line = run(MAKE, host, str(time), text=log).split("\n", 1)
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise AssertionError(f"{path} is there already")
        target.write_text(line)
        self.lines.append(line)
        key = signature[0] if signature else None
        self.counts[key] += 1
        self.hosts[key].add(host)
        if signature:
            self.titles[signature[0]] = signature[1]

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("crash/v1/dt=*/host=*/*.json"))


# ---- the folder itself


def check_layout(fleet: Fleet) -> Iterator[str]:
    everything = [p for p in fleet.folder.rglob("*") if p.is_file()]
    if len(everything) != len(fleet.lines) or set(everything) != set(fleet.files()):
        yield f"{len(everything)} files for {len(fleet.lines)} records"
    for path in fleet.files():
        text = path.read_text()
        record = json.loads(text)
        if text.count("\n") != 1 or not text.endswith("}\n"):
            yield f"{path.name} is no line"
        if record["uuid"] != path.stem:
            yield f"{path.name} has uuid {record['uuid']}"
        if f"dt={record['crash']['time'][:10]}" != path.parts[-3]:
            yield f"{path} is of {record['crash']['time']}"
        host = record["host"] or "__HIVE_DEFAULT_PARTITION__"
        if f"host={host}" != path.parts[-2]:
            yield f"{path} is of host {host}"


def check_signature_of_record(fleet: Fleet) -> Iterator[str]:
    """The command says of a record what it said of the log, and where the record belongs."""
    for path in fleet.files()[::7]:
        record = json.loads(path.read_text())
        if not record["signature"]["func"]:
            continue
        told = json.loads(run(LIFEBOAT, "signature", "--json", path))["files"][0]
        if told["func"] != record["signature"]["func"] or told["title"] != record["signature"]["title"]:
            yield f"{path.name}: {told['title']}"
        if not str(path).endswith("/" + told["object"]):
            yield f"{path} belongs to {told['object']}"
        if told["title"] != fleet.titles[told["func"]]:
            yield f"{path.name} is '{told['title']}' to the record, '{fleet.titles[told['func']]}' to the log"


# ---- PostgreSQL

LOAD = r"\copy crashes from stdin with (format csv, quote e'\x01', delimiter e'\x02')"
COUNT = """select r->'signature'->>'func', count(*), count(distinct coalesce(r->>'host', '')),
                  min(r->'signature'->>'title')
             from crashes group by 1"""
# Each member of each record has one type, or is null.
TYPES = """with recursive member(path, value) as (
             select '$', r from crashes
             union all
             select m.path || k.key, k.value from member m, lateral (
               select '.' || key as key, value from jsonb_each(case jsonb_typeof(m.value) when 'object' then m.value else '{}' end)
               union all
               select '[]', value from jsonb_array_elements(case jsonb_typeof(m.value) when 'array' then m.value else '[]' end)
             ) k)
           select path, string_agg(distinct jsonb_typeof(value), ' ' order by jsonb_typeof(value)) from member
            where jsonb_typeof(value) <> 'null' group by path"""


def check_counts(fleet: Fleet, db: Postgres) -> Iterator[str]:
    found = {func or None: (int(n), int(hosts), title) for func, n, hosts, title in db.rows(COUNT)}
    if {k: v[0] for k, v in found.items()} != dict(fleet.counts):
        yield f"counts differ: {len(found)} faults, not {len(fleet.counts)}"
    for func, (_, hosts, title) in found.items():
        if hosts != len(fleet.hosts[func]):
            yield f"{title}: {hosts} hosts, not {len(fleet.hosts[func])}"
        if func and title != fleet.titles[func]:
            yield f"{title} is '{fleet.titles[func]}'"
    if len(found) < 30 or max(fleet.counts.values()) < 5:
        yield "there is too little to count"


def check_types(fleet: Fleet, db: Postgres) -> Iterator[str]:
    found = {row[0]: row[1] for row in db.rows(TYPES)}
    yield from (f"{path}: {types}" for path, types in found.items() if " " in types)
    for path, want in {"$.crash.cpu": "number", "$.crash.fault_address": "string", "$.frames[].offset": "number",
                       "$.frames[].reliable": "boolean", "$.taints[]": "string", "$.modules[].name": "string",
                       "$.crash.memory_bytes": "number", "$.capture.phases": "array"}.items():
        if found.get(path) != want:
            yield f"{path} is {found.get(path)}, not {want}"
    bad = db.rows("select count(*) from crashes where r->'crash'->>'fault_address' !~ '^0x[0-9a-f]{1,16}$'")
    if bad != [["0"]]:
        yield f"{bad} addresses are none"


def check_times(fleet: Fleet, db: Postgres) -> Iterator[str]:
    days = collections.Counter(
        datetime.fromtimestamp(FIRST_CRASH + 1800 * i, UTC).strftime("%Y-%m-%d") for i in range(len(fleet.lines)))
    found = db.rows("""select to_char((r->'crash'->>'time')::timestamptz at time zone 'UTC', 'YYYY-MM-DD'), count(*)
                         from crashes group by 1""")
    if {day: int(n) for day, n in found} != dict(days) or len(days) < 2:
        yield f"days: {found}, not {dict(days)}"


def check_hosts(fleet: Fleet, db: Postgres) -> Iterator[str]:
    """Names come back as they were."""
    found = {row[0] for row in db.rows("select distinct coalesce(r->'kernel'->>'node', '(null)') from crashes")}
    want = {host or "(null)" for host in HOSTS}
    if found != want:
        yield f"hosts: {sorted(found ^ want)}"


def check_uuids(fleet: Fleet, db: Postgres) -> Iterator[str]:
    n = len(fleet.lines)
    found = db.rows("select count(distinct (r->>'uuid')::uuid), count(*) from crashes")
    if found != [[str(n), str(n)]]:
        yield f"{found[0]} of {n}"


# ---- jq


def check_jq(fleet: Fleet) -> Iterator[str]:
    """As docs/crash-record.md has it."""
    out = subprocess.run(
        "find crash -name '*.json' -exec cat {} + | jq -r .signature.title | sort | uniq -c | sort -rn", shell=True,
        cwd=fleet.folder, capture_output=True, text=True, timeout=60, check=True).stdout
    found = {(match := line.split(None, 1))[1]: int(match[0]) for line in out.splitlines()}
    want: collections.Counter[str] = collections.Counter()
    for func, n in fleet.counts.items():
        want[fleet.titles[func] if func else "null"] += n
    if found != dict(want):
        yield f"{len(found)} titles, not {len(want)}"


def report(name: str, check: Callable[..., Iterator[str]], *args: object) -> bool:
    try:
        wrong = list(check(*args))
    except (subprocess.SubprocessError, OSError, AssertionError, ValueError, KeyError) as e:
        wrong = [f"{type(e).__name__}: {e} {getattr(e, 'stderr', '') or ''}".replace("\n", " ")]
    print(f"FAIL records {name}: {'; '.join(wrong[:5])}" if wrong else f"ok records {name}", flush=True)
    return not wrong


def main() -> int:
    good = True
    with tempfile.TemporaryDirectory(prefix="lifeboat-records-") as temp:
        fleet = Fleet(Path(temp))
        good &= report("layout", check_layout, fleet)
        good &= report("signature of a record", check_signature_of_record, fleet)
        good &= report("jq", check_jq, fleet)
        with Postgres() as db:
            db.run("create table crashes (r jsonb not null)")
            db.run(LOAD, text="".join(p.read_text() for p in fleet.files()))
            for name, check in (("postgres counts", check_counts), ("postgres types", check_types),
                                ("postgres times", check_times), ("postgres hosts", check_hosts),
                                ("postgres uuids", check_uuids)):
                good &= report(name, check, fleet, db)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
