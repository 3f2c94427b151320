# SPDX-License-Identifier: GPL-2.0-or-later
"""Did `mem-usage` on /proc/kcore of the running guest say what its dump says some seconds later?

And what makedumpfile said of the same guest then. Between the counts the guest wrote two small files,
ran two programs and panicked.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checks import Checks
from ..errors import LabError
from ..paths import program
from ..proc import run
from .evidence import Evidence

# Of all pages; 4 MiB of a guest with 1 GiB. Each class may differ by so many.
TOLERANCE = 1 / 256
FIRST_MIB = 256  # pages that x86's /proc/vmcore leaves out and /proc/kcore has

# makedumpfile's name of a class → ours; what it calls zeros and data are all the others.
THEIRS = {
    "NON_PRI_CACHE": "cache",
    "PRI_CACHE": "cache_private",
    "USER": "user",
    "FREE": "free",
}


def read_json(path: Path) -> Any:
    """What mem-usage printed in the guest."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise LabError(f"{path.name}: {err}") from err


def classes_of(report: Any) -> dict[str, int]:
    """Pages by class of one of our JSON objects."""
    return {name: entry["pages"] for name, entry in report["classes"].items()}


def theirs(path: Path) -> dict[str, int]:
    """The lines of makedumpfile's table that mean one of our classes."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^(\w+)\s+(\d+)\s+(?:yes|no)\b", text, re.MULTILINE)
    counts = {THEIRS[name]: int(pages) for name, pages in found if name in THEIRS}
    if counts.keys() != set(THEIRS.values()):
        raise LabError(f"makedumpfile's table lacks lines:\n{text}")
    return counts


def filtered(evidence: Evidence) -> Any:
    """The statistics of filtering the vmcore of the panic."""
    out = evidence.folder.path / "filtered.usage"
    line: list[str | Path] = [program("lifeboat"), "filter", "--json", "-f", "-l", "-d", "31"]
    done = run([*line, evidence.vmcore, out], seconds=300)
    out.unlink()
    return json.loads(done.stdout)


def compare(
    checks: Checks, name: str, live: Mapping[str, int], other: Mapping[str, int], allowed: int
) -> None:
    """Each class of `other` within the tolerance."""
    off = {key: live[key] - pages for key, pages in other.items()}
    worst = max(off, key=lambda key: abs(off[key]))
    why = f"{off} pages off, {allowed} allowed; live: {dict(live)}"
    measured = f"at most {off[worst]:+} pages ({worst}), {allowed} allowed"
    checks.expect(name, abs(off[worst]) <= allowed, why, measured)


def judge(evidence: Evidence, checks: Checks) -> None:
    """The live counts against the dump and against makedumpfile."""
    folder = evidence.folder.captured / "crash"
    report, after = read_json(folder / "mem-usage.json"), filtered(evidence)
    live, pages = classes_of(report), report["pages"]
    allowed = round(pages * TOLERANCE)
    checks.expect("usage-live", report["live"] is True, f"{report}")
    checks.expect("usage-sum", sum(live.values()) == pages, f"{live} are not {pages}")
    extra = pages - after["pages"]
    why = f"{pages} pages, {after['pages']} in the vmcore"
    checks.expect("usage-pages", 0 <= extra <= FIRST_MIB, why, f"{extra} more than in the vmcore")
    compare(checks, "usage-classes", live, classes_of(after), allowed)
    if evidence.facts.suite:  # the guest has this machine's, which knows no newer kernels
        checks.skip("usage-makedumpfile", f"it does not know {report['release']}")
    else:
        compare(checks, "usage-makedumpfile", live, theirs(folder / "makedumpfile.txt"), allowed)
    level = next(one for one in report["levels"] if one["level"] == evidence.facts.level)
    kept = int.from_bytes(evidence.dump.dumped, "little").bit_count()
    why = f"{level['pages']} pages foretold, {kept} in the dump"
    checks.expect("usage-level", abs(level["pages"] - kept) <= allowed, why, why)
    size = evidence.dump_path.stat().st_size
    checks.expect("usage-size", size < level["bytes"], f"{size} bytes, at most {level['bytes']}")
