# SPDX-License-Identifier: GPL-2.0-or-later
"""A drill as one page for a browser: index.html, beside the folders of the runs that it links to.

It fetches nothing, runs its own script only (by a policy with that one's digest), and can be read without it: the script sorts
and filters. Whatever comes from a guest is escaped, with all that would not be seen as what it is.
"""

import base64
import hashlib
import html
from collections.abc import Callable, Iterable
from math import inf, isfinite
from pathlib import Path
from urllib.parse import quote

from .result import FAILED, MOMENTS, PASSED, SKIPPED, Check, Drill, Result

LONGEST = 4000  # characters of one text
WIDE = 1000  # of a bar, in its own units; the page stretches it
COLUMNS = 5  # of a matrix, beside the rows' names: a screen has no room for more
OUTLIER = 2  # a bar that is so much longer than nine of ten is cut off, or the others could not be told apart
MIB = 1 << 20

# What is going on until a moment comes.
PARTS = {
    "up": "first kernel boots",
    "loaded": "panic kernel is loaded",
    "panic": "until the panic",
    "capture": "capture kernel boots",
    "first-byte": "devices and target are made ready",
    "durable": "log and dump are written",
    "end": "read back, finished, reset",
}
assert tuple(PARTS) == MOMENTS
MARKS = {PASSED: "✓", FAILED: "✗", SKIPPED: "–"}

STYLE = """\
:root{color-scheme:light dark;--bg:#f4f5f7;--card:#fff;--ink:#1b1f24;--dim:#5c6672;--line:#dfe3e8;--soft:#eef1f4;
--bad:#c4281c;--badbg:#fdecea;--good:#146b3d;--goodbg:#e3f5ea;--warn:#8a5a00;--warnbg:#fff4d6;--link:#0b5cad;--hole:#e6eaee;
--up:#4c6a92;--loaded:#93a1b1;--panic:#cfd6de;--capture:#8a63d2;--first:#35a7b5;--durable:#d9822b;--end:#6b8e23}
@media (prefers-color-scheme:dark){:root{--bg:#0f1317;--card:#181d23;--ink:#e4e8ec;--dim:#98a3af;--line:#2c343d;--soft:#222932;
--bad:#ff7b6b;--badbg:#3a1b19;--good:#6fd69c;--goodbg:#14301f;--warn:#f0c05a;--warnbg:#35290f;--link:#7db8ff;--hole:#2a323a;
--up:#7d9bc4;--loaded:#76838f;--panic:#414b56;--capture:#a78be6;--first:#4fc0cd;--durable:#e69a4c;--end:#97b84a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;
overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:.87em}
header,main,footer{max-width:1440px;margin:0 auto;padding:0 20px}
header{padding-top:24px}
h1{font-size:clamp(1.35rem,4.2vw,2.1rem);line-height:1.2;margin:0 0 .3em}
h2{font-size:1.08rem;margin:0 0 .7em}h2 small{color:var(--dim);font-weight:400;font-size:.85rem;margin-left:.4em}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px 18px;margin:0 0 16px;min-width:0}
a{color:var(--link)}
.badges{display:flex;flex-wrap:wrap;gap:6px;margin:0 0 .8em;padding:0;list-style:none}
.badge{border-radius:99px;padding:2px 11px;font-size:.82rem;font-weight:600;background:var(--soft);color:var(--dim);
white-space:nowrap}
.passed .badge,.badge.passed{background:var(--goodbg);color:var(--good)}
.failed .badge,.badge.failed{background:var(--bad);color:var(--card)}
.skipped .badge,.badge.skipped{background:var(--warnbg);color:var(--warn)}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr));gap:4px 26px;margin:0 0 1em}
.facts div{display:flex;gap:10px;min-width:0;padding:3px 0;border-top:1px solid var(--line)}
.facts dt{color:var(--dim);flex:0 0 7rem}.facts dd{margin:0;min-width:0}
.facts .wide{grid-column:1/-1}
.dim{color:var(--dim)}
svg{display:block;width:100%;height:18px;background:var(--hole);border-radius:5px}
.legend{display:flex;flex-wrap:wrap;gap:3px 18px;list-style:none;padding:0;margin:0 0 .8em;font-size:.88rem}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:3px;margin-right:.45em;vertical-align:-.05em}
.up{fill:var(--up);background:var(--up)}.loaded{fill:var(--loaded);background:var(--loaded)}
.panic{fill:var(--panic);background:var(--panic)}.capture{fill:var(--capture);background:var(--capture)}
.first-byte{fill:var(--first);background:var(--first)}.durable{fill:var(--durable);background:var(--durable)}
.end{fill:var(--end);background:var(--end)}.more{fill:var(--bad)}
.tools{display:flex;flex-wrap:wrap;gap:8px;margin:0 0 .8em}
.tools input{flex:1 1 14rem;min-width:0}
input,select,button{max-width:100%;font:inherit;color:var(--ink);background:var(--soft);border:1px solid var(--line);
border-radius:8px;padding:4px 10px}
button{cursor:pointer}button[aria-pressed=true]{border-color:var(--link);color:var(--link)}
#runs{list-style:none;margin:0;padding:0}
#runs>li{border-top:1px solid var(--line)}
summary{cursor:pointer;padding:7px 0;list-style:none}
summary::-webkit-details-marker{display:none}
summary:hover{background:var(--soft)}
.row{display:grid;gap:2px 14px;align-items:center;
grid-template-columns:5.4rem minmax(0,17rem) minmax(0,12rem) minmax(0,1fr) 4.6rem 4.6rem 5.2rem 5.2rem}
.head{color:var(--dim);font-size:.82rem;border-top:1px solid var(--line);padding:4px 0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.name b{font-weight:600}.name span,.kernel span{display:block;color:var(--dim);font-size:.82rem}
.more-of{padding:2px 0 14px}
.more-of p{margin:.3em 0}
.why{background:var(--badbg);border-radius:8px;padding:.5em .8em;margin:.4em 0;color:var(--ink)}
.skipped .why{background:var(--warnbg)}
pre{white-space:pre-wrap;margin:.2em 0 0}
.checks{margin:.5em 0;padding:0;list-style:none;font-size:.88rem}
.checks li{padding:3px 0;border-top:1px solid var(--line)}
.checks b{font-weight:600}.checks .failed b{color:var(--bad)}.checks .skipped b{color:var(--warn)}
.moments{display:flex;flex-wrap:wrap;gap:2px 20px;margin:.5em 0;font-size:.88rem}
.moments div{display:flex;gap:.4em}.moments dt{color:var(--dim)}.moments dd{margin:0;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-size:.9rem;table-layout:fixed;margin:0 0 1em}
th{text-align:left;color:var(--dim);font-weight:500}td,th{padding:4px 10px 4px 0;vertical-align:top;
border-bottom:1px solid var(--line)}
td a,td span{display:inline-block;border-radius:6px;padding:0 8px;text-decoration:none;font-weight:600}
td .passed{background:var(--goodbg);color:var(--good)}td .failed{background:var(--bad);color:var(--card)}
td .skipped{background:var(--warnbg);color:var(--warn)}
footer{color:var(--dim);font-size:.82rem;padding-bottom:26px}
li[hidden]{display:none}
@media (max-width:1000px){.row{grid-template-columns:5.4rem minmax(0,1fr) minmax(0,1fr)}.row .bar{grid-column:1/-1;order:9}
.head{display:none}.row .n{text-align:left;font-size:.82rem}.row .n:empty{display:none}
.row .n::before{content:attr(data-is) " ";color:var(--dim)}}
@media (max-width:640px){header,main,footer{padding-left:12px;padding-right:12px}section{padding:13px 12px}
.row{grid-template-columns:5.4rem minmax(0,1fr)}.row .kernel{grid-column:2}
.row .n{grid-column:2}.facts dt{flex-basis:5.6rem}
table,tbody,tr,td,th{display:block}thead{display:none}td{border:0;padding:1px 0 1px 12px}td:empty{display:none}
td::before{content:attr(data-is) " ";color:var(--dim)}th{border:0;padding:8px 0 2px;color:var(--ink);font-weight:600}}
@media print{body{background:none}.tools{display:none}#runs>li,tr{break-inside:avoid}section{border:0;padding:0}
svg,.badge,i,td *{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

SCRIPT = """\
(() => {
	const list = document.getElementById("runs"), runs = [...list.children], tools = document.createElement("div");
	const make = (tag, into, of) => into.appendChild(Object.assign(document.createElement(tag), of));
	tools.className = "tools";
	const words = make("input", tools, {type: "search", placeholder: "Only runs with these words"});
	words.setAttribute("aria-label", "Only runs with these words");
	const verdict = make("select", tools, {});
	verdict.setAttribute("aria-label", "Only runs that");
	for (const one of ["all", ...new Set(runs.map(r => r.dataset.verdict))])
		make("option", verdict, {textContent: one, value: one});
	const shown = make("span", tools, {className: "dim"});
	const filter = () => {
		const wanted = words.value.toLowerCase().split(/\\s+/);
		for (const run of runs)
			run.hidden = !(verdict.value === "all" || run.dataset.verdict === verdict.value)
				|| !wanted.every(word => run.dataset.words.includes(word));
		shown.textContent = runs.filter(run => !run.hidden).length + " of " + runs.length;
	};
	const buttons = [];
	const keys = {at: "In order", name: "By name", total: "By time", took: "By capture time", peak: "By memory", dump: "By size"};
	for (const [key, name] of Object.entries(keys)) {
		const button = make("button", tools, {type: "button", textContent: name});
		button.setAttribute("aria-pressed", key === "at");
		buttons.push(button);
		button.addEventListener("click", () => {
			buttons.forEach(b => b.setAttribute("aria-pressed", b === button));
			const compare = key === "name" ? (a, b) => a.dataset.name < b.dataset.name ? -1 : 1
				: key === "at" ? (a, b) => a.dataset.at - b.dataset.at
				: (a, b) => b.dataset[key] - a.dataset[key];
			list.append(...[...runs].sort(compare));
		});
	}
	words.addEventListener("input", filter);
	verdict.addEventListener("input", filter);
	filter();
	document.querySelector("#all .legend").before(tools);
	const show = () => {
		const wanted = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
		if (wanted && wanted.firstElementChild?.tagName === "DETAILS")
			wanted.firstElementChild.open = true;
	};
	window.addEventListener("hashchange", show);
	show();
})();
"""


# ---- words


def text(said: object) -> str:
    """As text of the page: escaped, and what is not to be seen shown as what it is."""
    plain = str(said)
    if len(plain) > LONGEST:
        plain = f"{plain[: LONGEST - 1]}…"
    seen = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in plain)
    return html.escape(seen)


def in_mib(number: int | None) -> str:
    """A size; empty if it is not known."""
    return "" if number is None else f"{number / MIB:.1f} MiB"


def in_seconds(number: float | None) -> str:
    """A time; empty if it is not known."""
    return "" if number is None else f"{number:.1f} s"


def captured_in(result: Result) -> float | None:
    """From the panic until the dump was safe."""
    times = dict(moments_of(result))
    return times["durable"] - times["panic"] if {"durable", "panic"} <= times.keys() else None


def variant(result: Result) -> str:
    """What was laid over a scenario."""
    return " + ".join(word for word in (result.target, *result.faults) if word)


def anchor(result: Result) -> str:
    """The id of a run's place on the page: a browser unquotes what follows '#' before it looks for it."""
    return f"run-{hashlib.sha256(result.id.encode(errors='replace')).hexdigest()[:16]}"


def link(path: str, words: str) -> str:
    """To a file below the drill's own folder; a path that leads elsewhere becomes no link."""
    if not path or path.startswith("/") or ".." in path.split("/"):
        return ""
    return f'<a href="{text(quote(path, errors="replace"))}">{text(words)}</a>'


def known_verdict(one: Result | Check) -> str:
    """What is none has failed."""
    return one.verdict if one.verdict in MARKS else FAILED


def badge(verdict: str, words: str = "") -> str:
    """A verdict."""
    return f'<span class="badge {verdict}">{MARKS[verdict]} {text(words or verdict)}</span>'


# ---- the timeline


def moments_of(result: Result) -> list[tuple[str, float]]:
    """Those that came, in their order."""
    return [(name, result.timeline[name]) for name in MOMENTS if isfinite(result.timeline.get(name, inf))]


def scale_of(results: Iterable[Result]) -> float:
    """Seconds that all bars are as wide as."""
    ends = sorted(max(at for _, at in came) for one in results if (came := moments_of(one)))
    if not ends:
        return 1.0
    usual = ends[(len(ends) * 9 - 1) // 10]
    return max(1.0, usual * 1.1 if ends[-1] > OUTLIER * usual else ends[-1])


def rect(name: str, x: float, width: float, words: str) -> str:
    """A part of a bar."""
    return f'<rect class="{name}" x="{x:.1f}" width="{width:.1f}" height="10"><title>{words}</title></rect>'


def bar(result: Result, scale: float) -> str:
    """One run's timeline: a part of the bar ends with each moment that came."""
    came = moments_of(result)
    told = ", ".join(f"{name} {at:.1f} s" for name, at in came) or "no moment is known"
    parts, since = [], 0.0
    for name, at in came:
        left, right = (min(max(one, 0.0), scale) * WIDE / scale for one in (since, at))
        words = f"{PARTS[name]}: {max(at - since, 0.0):.1f} s"
        if right > left:
            parts.append(rect(name, left, right - left, words))
        since = max(since, at)
    if since > scale:
        parts.append(rect("more", WIDE - 6, 6, f"it goes on until {since:.1f} s"))
    box = f'viewBox="0 0 {WIDE} 10" preserveAspectRatio="none"'
    return f'<svg {box} role="img" aria-label="{told}">{"".join(parts)}</svg>'


def legend(scale: float) -> str:
    """What the parts of a bar are."""
    parts = "".join(f'<li><i class="{name}"></i>{words}</li>' for name, words in PARTS.items())
    return f'<ul class="legend">{parts}<li class="dim">a bar is {scale:.0f} s wide</li></ul>\n'


# ---- the matrix

AXES: dict[str, Callable[[Result], str]] = {
    "kernel": lambda one: one.kernel or one.kernel_source,
    "target": lambda one: one.target or "its own",
    "crashkernel": lambda one: one.crashkernel,
    "faults": lambda one: " + ".join(one.faults) or "none",
}


def names_of(results: Iterable[Result], axis: str) -> list[str]:
    """What there is on an axis, in the order of the runs."""
    return list(dict.fromkeys(AXES[axis](one) for one in results))


def cells(results: list[Result], of_column: str) -> str:
    """The runs at one place of the matrix."""
    marks = [f'<a class="{known_verdict(one)}" href="#{anchor(one)}">{cell_words(one)}</a>' for one in results]
    return f'<td data-is="{text(of_column)}">{" ".join(marks)}</td>'


def cell_words(result: Result) -> str:
    """A run in few words."""
    known, took = known_verdict(result), captured_in(result)
    return f"{MARKS[known]} {known if took is None or known != PASSED else in_seconds(took)}"


def table(runs: dict[str, list[Result]], axis: str, columns: list[str], others: list[str]) -> str:
    """One table: its columns are of one axis, its rows scenarios and what is on the others."""
    head = "".join(f"<th>{text(name)}</th>" for name in columns)
    rows = []
    for scenario, results in runs.items():
        places: dict[tuple[str, ...], list[Result]] = {}
        for one in results:
            places.setdefault(tuple(AXES[other](one) for other in others), []).append(one)
        for place, here in places.items():
            name = " · ".join((scenario, *place))
            row = "".join(cells([one for one in here if AXES[axis](one) == column], column) for column in columns)
            rows.append(f"<tr><th>{text(name)}</th>{row}</tr>\n")
    return f"<table><thead><tr><th>{text(axis)}</th>{head}</tr></thead><tbody>\n{''.join(rows)}</tbody></table>\n"


def matrix(results: list[Result]) -> str:
    """Scenarios that were run in more than one way, by what differed; empty if none was."""
    runs: dict[str, list[Result]] = {}
    for one in results:
        runs.setdefault(one.scenario, []).append(one)
    runs = {name: ways for name, ways in runs.items() if len(ways) > 1}
    inside = [one for ways in runs.values() for one in ways]
    axes = [axis for axis in AXES if any(len(names_of(ways, axis)) > 1 for ways in runs.values())]
    if not axes:
        return ""
    axis = min(axes, key=lambda one: len(names_of(inside, one)))
    columns, others = names_of(inside, axis), [other for other in axes if other != axis]
    tables = [table(runs, axis, columns[at : at + COLUMNS], others) for at in range(0, len(columns), COLUMNS)]
    note = f"{len(inside)} runs: scenario × {' × '.join(axes)}; the time is that from the panic until the dump was safe"
    return f'<section id="matrix"><h2>Matrix <small>{note}</small></h2>\n{"".join(tables)}</section>\n'


# ---- runs


def check_line(check: Check) -> str:
    """One verdict of a judge."""
    words = f"<pre>{text(check.text)}</pre>" if check.text and check.verdict != PASSED else f" {text(check.text)}"
    known = known_verdict(check)
    return f'<li class="{known}"><b>{MARKS[known]} {text(check.name)}</b>{words}</li>'


def check_lists(result: Result) -> str:
    """What did not pass, and behind a click what did."""
    bad = [one for one in result.checks if one.verdict != PASSED]
    good = [one for one in result.checks if one.verdict == PASSED]
    lists = f'<ul class="checks">{"".join(map(check_line, bad))}</ul>' if bad else ""
    if good:
        lists += f'<details><summary><span class="dim">{len(good)} checks passed</span></summary>'
        lists += f'<ul class="checks">{"".join(map(check_line, good))}</ul></details>'
    return lists


def details(result: Result) -> str:
    """What is below a run's line."""
    parts = [f"<p>{text(result.about)}</p>" if result.about else ""]
    if result.why:
        parts.append(f'<div class="why"><pre>{text(result.why)}</pre></div>')
    if result.title:
        parts.append(f'<p>The crash: <b>{text(result.title)}</b> <code class="dim">{text(result.signature[:16])}</code></p>')
    measured = {name: f"{at:.2f} s" for name, at in moments_of(result)}
    measured |= {f"memory {name}": in_mib(size) for name, size in result.memory.items()}
    measured |= {"image": in_mib(result.image_bytes)} if result.image_bytes is not None else {}
    if measured:
        came = "".join(f"<div><dt>{text(name)}</dt><dd>{value}</dd></div>" for name, value in measured.items())
        parts.append(f'<dl class="moments">{came}</dl>')
    shape = f"{result.arch}, {result.cpus} CPUs, {result.memory_mib} MiB, {result.accelerator}"
    tags = f"; tags {' '.join(result.tags)}" if result.tags else ""
    more = f"{shape}; kernel from {result.kernel_source}{tags}"
    parts.append(f'<p class="dim"><code>{text(result.id)}</code>: {text(more)}</p>')
    links = [link(result.report, "the dump's report"), link(result.console, "console log"), link(result.folder, "all files")]
    parts.append(f"<p>{' · '.join(one for one in links if one)}</p>")
    return f'<div class="more-of">{"".join(parts)}{check_lists(result)}</div>'


def number(value: float | None) -> str:
    """For sorting: what is not known comes last."""
    return "-1" if value is None else f"{value:.3f}"


def row(at: int, result: Result, scale: float) -> str:
    """One run."""
    peak, reserved = result.memory.get("peak"), result.memory.get("reserved")
    words = " ".join([result.id, result.scenario, result.kernel, result.verdict, variant(result), result.title, *result.tags])
    known = known_verdict(result)
    data = {"at": str(at), "verdict": known, "name": result.id, "words": words.lower(), "total": number(result.seconds),
            "took": number(captured_in(result)), "peak": number(peak), "dump": number(result.dump_bytes)}
    attributes = " ".join(f'data-{name}="{text(value)}"' for name, value in data.items())
    kept = f"of {in_mib(reserved)} for the capture kernel" if reserved else ""
    summary = (
        f"<div>{badge(known)}</div>"
        f'<div class="name"><b>{text(result.scenario)}</b><span>{text(variant(result))}</span></div>'
        f'<div class="kernel">{text(result.kernel)}<span>crashkernel={text(result.crashkernel)}</span></div>'
        f'<div class="bar">{bar(result, scale)}</div>'
        f'<div class="n" data-is="whole run">{in_seconds(result.seconds or None)}</div>'
        f'<div class="n" data-is="panic to safe">{in_seconds(captured_in(result))}</div>'
        f'<div class="n" data-is="peak memory" title="{text(kept)}">{in_mib(peak)}</div>'
        f'<div class="n" data-is="dump">{in_mib(result.dump_bytes)}</div>'
    )
    is_open = " open" if known == FAILED else ""
    return (f'<li id="{anchor(result)}" class="{known}" {attributes}><details{is_open}><summary class="row">{summary}</summary>'
            f"{details(result)}</details></li>\n")


HEAD = "".join(f"<div{' class=n' if at > 3 else ''}>{name}</div>" for at, name in enumerate(
    ("", "scenario, target + faults", "kernel, reservation", "when", "whole run", "panic to safe", "peak memory", "dump")))


def runs_section(results: list[Result]) -> str:
    """All runs."""
    scale = scale_of(results)
    rows = "".join(row(at, one, scale) for at, one in enumerate(results))
    note = "by the host's clock; memory: what the capture kernel had in use at its worst moment, from its first process on"
    head = f'<div class="row head" aria-hidden="true">{HEAD}</div>'
    title = f"<h2>Runs <small>{note}</small></h2>\n"
    return f'<section id="all">{title}{legend(scale)}{head}\n<ul id="runs">\n{rows}</ul></section>\n'


# ---- the page


def headline(drill: Drill) -> str:
    """The one thing that has to be known."""
    failed, passed, runs = drill.count(FAILED), drill.count(PASSED), len(drill.results)
    if failed:
        return f"{failed} of {runs} runs failed"
    return f"{passed} of {runs} runs passed" if passed else "No run passed"


def failures(drill: Drill) -> str:
    """Where they are."""
    links = [f'<a href="#{anchor(one)}">{text(one.id)}</a>' for one in drill.results if known_verdict(one) == FAILED]
    return f'<p id="failed">Failed: {" · ".join(links)}</p>\n' if links else ""


def facts(drill: Drill) -> str:
    """When, where and how."""
    machine = drill.machine
    hardware = f"{machine.get('cpus', '?')} CPUs, {machine.get('memory_mib', '?')} MiB"
    accelerators = ", ".join(sorted({one.accelerator for one in drill.results if one.accelerator}))
    lines = {"started": drill.started, "took": f"{drill.seconds / 60:.1f} min", "Lifeboat": drill.lifeboat, "machine": hardware,
             "its kernel": machine.get("kernel", ""), "QEMU": f"{machine.get('qemu', '?')}, {accelerators or 'not run'}"}
    found = "".join(f"<div><dt>{name}</dt><dd>{text(value)}</dd></div>" for name, value in lines.items() if value)
    command = f'<div class="wide"><dt>command</dt><dd><code>{text(" ".join(drill.command))}</code></dd></div>'
    return f'<dl class="facts">{found}{command}</dl>\n'


def page(drill: Drill) -> str:
    """The whole page."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    counts = "".join(f"<li>{badge(one, f'{drill.count(one)} {one}')}</li>" for one in MARKS if drill.count(one))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{text(headline(drill))}: drill of {text(drill.started)}</title>\n<style>\n{STYLE}</style></head>\n<body>\n"
        f'<header id="summary"><h1>{text(headline(drill))}</h1>\n<ul class="badges">{counts}</ul>\n'
        f"{failures(drill)}{facts(drill)}</header>\n"
        f"<main>\n{matrix(drill.results)}{runs_section(drill.results)}</main>\n"
        f"<footer>lifeboat {text(drill.lifeboat)}</footer>\n<script>{SCRIPT}</script>\n</body></html>\n"
    )


def write(drill: Drill, path: Path) -> None:
    """The page as a file, whole or not at all."""
    new = path.with_suffix(".new")
    new.write_text(page(drill), encoding="utf-8")
    new.rename(path)
