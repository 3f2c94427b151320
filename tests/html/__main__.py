# SPDX-License-Identifier: GPL-2.0-or-later
"""The report's page and a drill's in a browser: what a person would see of them, and that no dump can run or fetch anything.

    python3 -m tests.html [PROGRAM [DUMP…]]     default: build/lifeboat, described dumps and made-up reports

Reports filled in by hand (tests/unit/test_report.c writes them: an ordinary one, a hostile one, one in which nothing is known),
of a described dump, of one whose host has markup for a name, and of each DUMP, at the width of a phone and of a screen, light and
dark; drills that never were (drills.py), the same way. One `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` line a test;
screenshots go to build/html/.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lab.drill import page as drill_page
from tests.html import devtools, drills

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WIDTHS = (375, 1280)
PARTS = {"verdict", "stack", "block", "registers", "cpus", "blocked", "tasks", "memory", "modules", "log", "machine",
         "map", "dump", "capture", "analysis"}
TAGS = set("html head meta title style body header main nav footer section div p span h1 h2 h3 a ul ol li dl dt dd code "
           "b i small table tbody tr td th details summary svg rect line".split())
HOSTILE_NAME = "<img/src=x/onerror=pwned()>"
DRILL_TAGS = TAGS - set("nav h3 line".split()) | set("article button dd input label option pre script select thead".split())
# what a foreign text would have to call, and what a page must not use
BEFORE = """window.hit = 0; window.pwned = () => { window.hit++; };
window.alert = window.confirm = window.prompt = window.pwned;"""


def make_pages(program: Path, dumps: list[Path], folder: Path) -> list[tuple[str, Path]]:
    """(name, page) of each; the reports of dumps as well."""
    subprocess.run([ROOT / "build/unit/test_report"], check=True, env={**os.environ, "REPORT_PAGES": str(folder)},
                   timeout=60)
    pages = [(name, folder / f"{name}.html") for name in ("plain", "hostile", "empty")]
    for dump in [*described(folder), *dumps]:
        page = folder / f"{dump.stem}.html"
        subprocess.run([program, "report", dump, "--html", page], check=True, timeout=60)
        pages.append((dump.stem, page))
    return pages


def described(folder: Path) -> list[Path]:
    """A described machine, and the same with a name that is markup."""
    source = ROOT / "tests/described/x86_64-4level.desc"
    text = source.read_text(encoding="utf-8")
    assert "nodename=four" in text
    dumps = []
    for name, words in (("described", text), ("named", text.replace("nodename=four", f"nodename={HOSTILE_NAME}"))):
        description = folder / f"{name}.desc"
        description.write_text(words, encoding="utf-8")
        for part in source.parent.glob("*.inc"):
            (folder / part.name).write_bytes(part.read_bytes())
        dump = folder / f"{name}.dump"
        subprocess.run([sys.executable, ROOT / "tests/described/mkdump.py", description, dump], check=True, timeout=60)
        dumps.append(dump)
    return dumps


def judge_outputs(program: Path, folder: Path) -> str | None:
    """All outputs of one look, in their places, with the same signature; and what cannot be had at once."""
    dump, page = folder / "described.dump", folder / "at-once.html"
    run = subprocess.run([program, "report", dump, "--record", "--html", page, "--record-to", folder / "bucket"],
                         capture_output=True, text=True, timeout=60)
    record = json.loads(run.stdout)
    found = [path for path in (folder / "bucket").rglob("*") if path.is_file()]
    if run.returncode or not page.is_file() or len(found) != 1:
        return f"status {run.returncode}, files {found}: {run.stderr}"
    place = str(found[0].relative_to(folder / "bucket"))
    if found[0].read_text(encoding="utf-8") != run.stdout or record["schema"] != "lifeboat-crash-1":
        return "the record below the folder is not the one that was printed"
    if place != f"crash/v1/dt=2023-11-14/host={record['host']}/{record['uuid']}.json":
        return f"the record lies in {place}"
    report = json.loads(subprocess.run([program, "report", dump, "--json"], check=True, capture_output=True, text=True,
                                       timeout=60).stdout)
    if report["schema"] != "lifeboat-report-1" or report["kernel"]["release"] != record["kernel"]["release"]:
        return "the JSON object is of something else"
    text = subprocess.run([program, "report", dump], check=True, capture_output=True, text=True, timeout=60).stdout
    if wide := [line for line in text.splitlines() if len(line) > 80 or not line.isprintable()]:
        return f"a line of the text is too wide, or has a control character: {wide[0]!r}"
    both = subprocess.run([program, "report", dump, "--json", "--text"], capture_output=True, text=True, timeout=60)
    if both.returncode != 2 or both.stdout:
        return f"--json and --text at once: status {both.returncode}"
    return None


def judge_run(page: devtools.Page, path: Path, seen: dict[str, Any], tags: set[str] = TAGS) -> str | None:
    """Did anything run or get fetched, and does the browser complain?"""
    fetched = [e["request"]["url"] for e in page.events("Network.requestWillBeSent")]
    if fetched != [path.as_uri()]:
        return f"it fetches {fetched}"
    if seen["hit"] or page.events("Page.javascriptDialogOpening"):
        return "a text of the dump ran as a script"
    for event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
        if found := page.events(event):
            return f"the browser complains: {found[:2]}"
    if foreign := set(seen["tags"]) - tags:
        return f"tags that are none of ours: {foreign}"
    if seen["handlers"] or (seen["references"] and tags is TAGS):
        return f"handlers {seen['handlers'][:5]}, references {seen['references'][:5]}"
    return None


def judge_look(seen: dict[str, Any], parts: set[str]) -> str | None:
    """Is everything there, in its place and readable?"""
    if seen["scroll"] > 0 or seen["outside"]:
        return f"{seen['scroll']} pixels are beyond the right edge: {seen['outside'][:5]}"
    if seen["cut"]:
        return f"text is cut or scrolls sideways in {seen['cut'][:5]}"
    if lacking := parts - set(seen["parts"]):
        return f"parts that are not there, or empty: {sorted(lacking)}"
    if seen["dangling"] or seen["twice"]:
        return f"links to nothing {seen['dangling']}, ids that are there twice {seen['twice']}"
    if unseen := [p["label"] for p in seen["pictures"] if not p["shown"] or not p["label"]]:
        return f"pictures that are not seen: {unseen}"
    if seen["pale"]:
        return f"less than 4.5 to 1 between text and ground: {sorted(set(seen['pale']))[:6]}"
    if seen["small"]:
        return f"text of less than 9 pixels: {sorted(set(seen['small']))[:5]}"
    return None


def judge_words(name: str, seen: dict[str, Any]) -> str | None:
    """Does the page say what it ought to, as text?"""
    words = {
        "plain": ["null-deref in acme:acme_read", "interrupted here", "drivers/acme/acme.c:117", "Model <7> & Sons"],
        "hostile": ["<script>pwned()</script>", '"><img src=x onerror=pwned()>', "\\xe2\\x80\\xae", "\\x1b[2J"],
        "empty": ["<b>the dump</b> has no VMCOREINFO"],
        "described": ["6.1.0-described", "four"],
        "named": [HOSTILE_NAME],
    }
    pictures = {p["label"] for p in seen["pictures"] if p["shapes"]}
    if name in ("plain", "hostile"):
        wanted = {"when", "states of the tasks", "use of memory", "physical memory: what of it is in the dump"}
        if lacking := wanted - pictures:
            return f"pictures that are empty or not there: {lacking}"
    return next((f"it does not say {word!r}" for word in words.get(name, []) if word not in seen["text"]), None)


def look(browser: devtools.Browser, name: str, path: Path, width: int, dark: bool) -> str | None:
    script = (HERE / "look.js").read_text(encoding="utf-8")
    with devtools.Page(browser, path, width, dark, BEFORE) as page:
        opened = "document.querySelectorAll('details').forEach(d => { d.open = true; })"
        page.evaluate(opened)  # what is folded in is to hold as well
        seen = page.evaluate(script)
        why = judge_run(page, path, seen) or judge_look(seen, PARTS) or judge_words(name, seen)
        if not why and (seen["ground"] < 0.2) != dark:
            why = f"the ground's brightness is {seen['ground']:.2f}"
        page.evaluate(opened.replace("true", "false"))
        page.screenshot(ROOT / f"build/html/{name}-{width}{'-dark' if dark else ''}.png")
        return why


def judge_script(page: devtools.Page, runs: int) -> str | None:
    """Does it sort and filter?"""
    said = page.evaluate((HERE / "sort.js").read_text(encoding="utf-8"))
    if said["sorted"] != sorted(said["sorted"], reverse=True) or len(said["sorted"]) != runs:
        return f"sorted by time: {said['sorted']}"
    if said["found"] != 1 or said["none"] or said["failed"] != said["all_failed"] or said["back"] != runs:
        return f"filtered: {said}"
    return None


def look_at_drill(browser: devtools.Browser, name: str, path: Path, width: int, dark: bool) -> str | None:
    """As look(), for a drill's page, which has a script and links to files."""
    drill = drills.PAGES[name]()
    with devtools.Page(browser, path, width, dark, BEFORE) as page:
        page.screenshot(ROOT / f"build/html/{name}-{width}{'-dark' if dark else ''}.png")
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        seen = page.evaluate((HERE / "look.js").read_text(encoding="utf-8"))
        parts = {"summary", "all", *(["runs"] if drill.results else []), *(["matrix"] if name == "drill-matrix" else [])}
        why = judge_run(page, path, seen, DRILL_TAGS) or judge_look(seen, parts)
        if not why and (wrong := [one for one in seen["references"] if not drills.LINK.fullmatch(one)]):
            why = f"links that lead elsewhere: {wrong[:5]}"
        if not why and (lacking := [word for word in drills.WORDS[name] if word not in seen["text"]]):
            why = f"it does not say {lacking}"
        if not why and len(seen["pictures"]) != len(drill.results):
            why = f"{len(seen['pictures'])} timelines for {len(drill.results)} runs"
        if not why and (seen["ground"] < 0.2) != dark:
            why = f"the ground's brightness is {seen['ground']:.2f}"
        if not why and name == "drill":
            why = judge_script(page, len(drill.results))
        return why


def judge_drills(browser: devtools.Browser, folder: Path) -> int:
    """The pages of drills; how many are not as they should be."""
    failed = 0
    for name, make in drills.PAGES.items():
        path = folder / f"{name}.html"
        drill_page.write(make(), path)
        for width in WIDTHS:
            for dark in (False, True):
                why = look_at_drill(browser, name, path, width, dark)
                failed += why is not None
                test = f"html {name} {width} px {'dark' if dark else 'light'}"
                print(f"FAIL {test}: {why}" if why else f"ok {test}", flush=True)
    return failed


def main() -> int:
    program = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build/lifeboat"
    chromium = devtools.find()
    failed = 0
    (ROOT / "build/html").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lifeboat-html-") as folder:
        pages = make_pages(program, [Path(d).resolve() for d in sys.argv[2:]], Path(folder))
        print(f"ok html: {len(pages)} pages are written", flush=True)
        why = judge_outputs(program, Path(folder))
        failed += why is not None
        print(f"FAIL html outputs: {why}" if why else "ok html outputs", flush=True)
        if not chromium:
            print("SKIP html in a browser: no Chromium is installed (package chromium)")
            return 1 if failed else 0
        with devtools.Browser(chromium) as browser:
            failed += judge_drills(browser, Path(folder))
            for name, path in pages:
                for width in WIDTHS:
                    for dark in (False, True):
                        why = look(browser, name, path, width, dark)
                        failed += why is not None
                        test = f"html {name} {width} px {'dark' if dark else 'light'}"
                        print(f"FAIL {test}: {why}" if why else f"ok {test}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
