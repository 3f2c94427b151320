# SPDX-License-Identifier: GPL-2.0-or-later
"""What commands report of described dumps, in JSON (docs/json.md) and as text."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from dumps import CORRUPT, HERE, PAGE, expectations, make, run, unflatten, wanted
from lab import kdump

USAGE, PARTIAL = 2, 11  # exit statuses

BLOCK = 4096  # page data begins at one, once for each thread


def count_classes(expected: dict[int, list[str]], pages: int) -> dict[str, int]:
    """JSON's name of a class → how many page frames are of it; what nothing is said of is other."""
    counts = {"other": pages - len(expected)}
    for words in expected.values():
        key = words[0].replace("-", "_")
        counts[key] = counts.get(key, 0) + 1
    return counts


def in_dump(got: Any) -> int:
    """Pages that the dump has, with data or without."""
    return int(got["written"] + got["shared"] + got["zero"])


def check_filter_json(lifeboat: str, folder: Path) -> str | None:
    """The statistics say what the description says; JSON and text say the same."""
    description = HERE / "x86_64-4level.desc"
    dump, expected = make(description, folder), expectations(description)
    line = ["filter", "-f", "-z", "-d", "17", "--num-threads", "2", str(dump), str(folder / "o")]
    done = run(lifeboat, *line, "--json")
    size = (folder / "o").stat().st_size  # the next run's may differ by the ends of blocks
    got, text = json.loads(done.stdout), run(lifeboat, *line).stdout
    classes = got["classes"]
    pages = {key: value["pages"] for key, value in classes.items() if value["pages"]}
    true = count_classes(expected, 2048)
    if pages != true or got["pages"] != 2048:
        return f"classes {pages}, {got['pages']} in all, not {true}"
    kept, want = in_dump(got), 2048 - len(expected) + len(wanted(17, expected))
    if kept != want or got["lost"] or got["incomplete"] or got["cut"] or got["vmemmap"]:
        return f"{kept} pages kept, not {want}; {done.stdout}"
    if not 511 <= got["shared"] < 520:  # of the hugetlb page all but one
        return f"{got['shared']} pages share the data of others"
    if sum(value["dropped"] for value in classes.values()) + kept != got["pages"]:
        return f"kept and dropped pages are not all: {done.stdout}"
    said = [got[key] for key in ("format", "codec", "level", "threads", "page_size",
                                 "exclude_vmemmap", "flattened", "inputs")]
    if said != ["kdump", "zstd", 17, 2, PAGE, False, False, [str(dump)]]:
        return f"said {said} of the job"
    if got["file_bytes"] != size or got["outputs"] != [str(folder / "o")]:
        return f"the file is not as large as {done.stdout}"
    absent = [n for n in (*pages.values(), got["pages"], got["written"], got["shared"], got["zero"])
              if not re.search(rf" {n}\b", text)]
    return f"the text lacks {absent}: {text}" if absent else None


def check_filter_json_of_a_cut_dump(lifeboat: str, folder: Path) -> str | None:
    """What is in a dump that was cut off, and what is not: all that was to be kept."""
    dump, out = make(HERE / "x86_64-4level.desc", folder), folder / "o"
    line = ["filter", "-f", "-d", "16", "-L", "600K", "--num-threads", "1", str(dump), str(out)]
    done, text = run(lifeboat, *line, "--json"), run(lifeboat, *line).stdout
    got = json.loads(done.stdout)
    left = folder / "o.incomplete"
    if done.returncode != PARTIAL or got["cut"] != "limit" or not got["incomplete"]:
        return f"exit {done.returncode}, {done.stdout}"
    if in_dump(got) + got["cut_off"] + sum(c["dropped"] for c in got["classes"].values()) != 2048:
        return f"the numbers do not add up: {done.stdout}"
    if got["file_bytes"] != left.stat().st_size or not 0 < got["file_bytes"] <= 600 << 10:
        return f"the file is not as large as {done.stdout}"
    if not re.search(rf"CUT OFF +{got['cut_off']}\b", text):
        return f"the text does not say that it was cut off: {text}"
    return None


def check_filter_json_of_an_incomplete_dump(lifeboat: str, folder: Path) -> str | None:
    """What is made of a dump that was cut off is as incomplete."""
    dump, cut = make(HERE / "x86_64-4level.desc", folder), folder / "cut.incomplete"
    run(lifeboat, "filter", "-d", "16", "-L", "600K", "--num-threads", "1", str(dump),
        str(folder / "cut"))
    line = ["filter", "-f", "-d", "31", str(cut), str(folder / "o")]
    done, text = run(lifeboat, *line, "--json"), run(lifeboat, *line).stdout
    if done.returncode or not json.loads(done.stdout)["incomplete"] or "INCOMPLETE" not in text:
        return f"exit {done.returncode}: {done.stdout}, {done.stderr}, {text}"
    return None


def check_filter_json_of_a_stream(lifeboat: str, folder: Path) -> str | None:
    """With -F standard output has the dump and nothing else."""
    dump, out = make(HERE / "x86_64-4level.desc", folder), folder / "o"
    done = subprocess.run([lifeboat, "filter", "-F", "--json", "-e", "-d", "31", str(dump)],
                          capture_output=True, timeout=60, check=True)
    got = json.loads(done.stderr)
    out.write_bytes(unflatten(done.stdout))
    if not got["flattened"] or got["outputs"] or not got["exclude_vmemmap"]:
        return f"{got}"
    if in_dump(got) != len(list(kdump.Kdump(out).pages())):
        return f"{in_dump(got)} pages in the dump: {got}"
    refused = run(lifeboat, "filter", "-R", "--json", str(out))
    return None if refused.returncode == USAGE else f"-R --json: exit {refused.returncode}"


def check_dry_run(lifeboat: str, folder: Path) -> str | None:
    """So few pages are all looked at: the estimate is the size, but for the ends of last blocks."""
    dump, out = make(HERE / "x86_64-4level.desc", folder), folder / "o"
    same = ("pages", "vmemmap", "written", "shared", "zero", "classes", "level")
    for options in ["-z", "-d", "1"], ["-l", "-d", "31,1", "-e"], ["-E", "-d", "17"]:
        told = json.loads(run(lifeboat, "filter", "--json", "--dry-run", *options,
                              str(dump)).stdout)
        named = run(lifeboat, "filter", "--json", "--dry-run", *options, str(dump), str(out))
        if out.exists() or json.loads(named.stdout)["outputs"] != [str(out)]:
            return f"{options}: {named.stdout}, or it wrote something"
        real = json.loads(run(lifeboat, "filter", "--json", *options, str(dump), str(out)).stdout)
        out.unlink()
        close = abs(told["file_bytes"] - real["file_bytes"]) <= BLOCK * (real["threads"] + 1)
        if [told[key] for key in same] != [real[key] for key in same] or not (
                close and told["dry_run"]):
            return f"{options}: {told}, not {real}"
    for options in ["-L", "1M"], ["--time-budget", "5"], ["--reassemble"]:
        done = run(lifeboat, "filter", "--dry-run", *options, str(dump), str(out))
        if done.returncode != USAGE:
            return f"{options}: exit {done.returncode}"
    name = folder / "makedumpfile"
    name.symlink_to(lifeboat)
    theirs = run(str(name), "--dry-run", "-l", "-d", "31", str(dump), str(out))
    if theirs.returncode or "estimates" not in theirs.stdout or "saved" in theirs.stdout:
        return f"as makedumpfile: {theirs}"
    return f"{out} is there" if out.exists() else None


def check_info_json(lifeboat: str, folder: Path) -> str | None:
    dump = make(HERE / "x86_64-4level.desc", folder)
    got = json.loads(run(lifeboat, "info", "--json", "--vmcoreinfo", str(dump)).stdout)
    said = (got["memory_bytes"], got["dump_bytes"], got["ranges"], got["kdump"],
            got["kernel"]["release"], got["kernel"]["node"], got["kernel"]["crash_time"],
            [n["name"] for n in got["notes"]], "PAGESIZE=4096\n" in got["vmcoreinfo"])
    true = (8 << 20, 8 << 20, [{"start": "0x0", "end": "0x7fffff"}], None, "6.1.0-described",
            "four", "2023-11-14T22:13:20Z", ["CORE", "CORE", "VMCOREINFO"], True)
    if said != true:
        return f"{said}"
    got = json.loads(run(lifeboat, "info", "--json",
                         str(make(HERE / "kdump-incomplete.desc", folder))).stdout)
    if not got["incomplete"] or got["kernel"] is not None or not got["kernel_unknown"]:
        return f"{got}"
    return None


def check_verify_json(lifeboat: str, folder: Path) -> str | None:
    for name, bad in ("x86_64-4level", False), ("kdump-bad-desc", True):
        done = run(lifeboat, "verify", "--json", str(make(HERE / f"{name}.desc", folder)))
        got = json.loads(done.stdout)
        if done.returncode != (CORRUPT if bad else 0) or bool(got["problems"]) != bad:
            return f"{name}: exit {done.returncode}, {done.stdout}"
        if len(got["first_problems"]) != min(got["problems"], 20):
            return f"{name}: {done.stdout}"
        if not bad and got["good"] != 2048:
            return f"{name}: {done.stdout}"
    return None


IOMEM = """00000000-00000fff : Reserved
00001000-007fffff : System RAM
  00700000-007fffff : Crash kernel
"""


def usage(lifeboat: str, dump: Path, *options: str) -> Any:
    return json.loads(run(lifeboat, "mem-usage", "--json", *options, str(dump)).stdout)


def check_mem_usage(lifeboat: str, folder: Path) -> str | None:
    """The classes are those of the description, and each level foretells what the filter keeps."""
    description = HERE / "x86_64-4level.desc"
    dump, expected = make(description, folder), expectations(description)
    got = usage(lifeboat, dump)
    pages = {key: value["pages"] for key, value in got["classes"].items() if value["pages"]}
    if pages != count_classes(expected, 2048) or got["live"] or got["reserved_bytes"]:
        return f"{got}"
    for entry in got["levels"]:
        level = entry["level"]
        done = run(lifeboat, "filter", "--json", "-f", "-d", str(level), str(dump),
                   str(folder / "o"))
        kept = json.loads(done.stdout)
        if in_dump(kept) != entry["pages"]:
            return f"level {level}: {entry}, but {done.stdout}"
        size = kept["file_bytes"] + kept["shared"] * PAGE
        if not level & 1 and not 0 <= size - entry["bytes"] < 16 * PAGE:
            return f"level {level}: {entry}, but the file has {kept['file_bytes']} bytes"
    return None


def check_mem_usage_live(lifeboat: str, folder: Path) -> str | None:
    """Of a running machine the capture kernel's memory does not count."""
    dump = make(HERE / "kcore.desc", folder)
    before = usage(lifeboat, make(HERE / "x86_64-4level.desc", folder))
    (folder / "root/proc").mkdir(parents=True)
    iomem = folder / "root/proc/iomem"
    iomem.write_text(IOMEM, encoding="utf-8")
    root = ["--root", str(folder / "root")]
    got = usage(lifeboat, dump, *root)
    if not got["live"] or got["reserved_bytes"] != 1 << 20 or got["pages"] != 2048 - 256:
        return f"{got}"
    if got["classes"]["free"]["pages"] != before["classes"]["free"]["pages"] - 256:
        return f"free pages {got['classes']}, without the capture kernel's {before['classes']}"
    iomem.write_text(re.sub(r"[0-9a-f]{8}-[0-9a-f]{8}", "00000000-00000000", IOMEM),
                     encoding="utf-8")
    got = usage(lifeboat, dump, *root)
    text = run(lifeboat, "mem-usage", *root, str(dump)).stdout
    if got["reserved_bytes"] is not None or got["pages"] != 2048 or "unknown" not in text:
        return f"hidden addresses: {got}, {text}"
    name = folder / "makedumpfile"
    name.symlink_to(lifeboat)
    theirs, ours = run(str(name), "--mem-usage", str(dump)), run(lifeboat, "mem-usage", str(dump))
    return None if theirs.stdout == ours.stdout != "" else f"as makedumpfile: {theirs}"


def check_mem_usage_live_counters(lifeboat: str, folder: Path) -> str | None:
    """Counters that disagree make a dump's free memory doubtful; of a running machine they do anyway."""
    got = [usage(lifeboat, make(HERE / f"{name}.desc", folder), "--root", str(folder))
           for name in ("layout-misread-free", "kcore-counters")]
    if [(bool(g["warning"]), g["classes"]["free"]["pages"] > 0) for g in got] != [
            (True, False), (False, True)]:
        return f"{got}"
    return None


CHECKS = [check_filter_json, check_filter_json_of_a_cut_dump, check_filter_json_of_a_stream,
          check_filter_json_of_an_incomplete_dump, check_dry_run,
          check_info_json, check_verify_json, check_mem_usage, check_mem_usage_live,
          check_mem_usage_live_counters]
