# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual's pages against what they describe: option tables, summaries, keys, records. Rules of tests/lint.py."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAN = ROOT / "docs/man"
PROGRAMS = {"lifeboat-init"}  # pages of section 8 that are about no command


def commands() -> dict[str, dict]:
    """The tables as the program itself parses by them."""
    out = subprocess.run([ROOT / "build/lifeboat", "completion", "--json"], check=True, capture_output=True,
                         text=True)
    return {command["name"]: command for command in json.loads(out.stdout)["commands"]}


def section(page: str, name: str) -> str:
    match = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", page, re.M | re.S)
    return match.group(1) if match else ""


def items(page: str) -> list[str]:
    return re.findall(r"^\.It (.*Fl .*)", page, re.M)


def options_of(command: dict) -> dict[str, str | None]:
    """Each form of an option as the page writes it, and what its value is called."""
    forms: dict[str, str | None] = {}
    for option in command["options"]:
        if option["refused"]:
            continue
        value = re.split(r"[\[,]", option["value"])[0] if option["value"] else None
        if option["letter"]:
            forms[option["letter"]] = value
        if option["name"]:
            forms[f"-{option['name']}"] = value
    return forms


def described(page: str) -> dict[str, str | None]:
    """The same of the page. In `Fl o , Fl -output Ns = Ns Ar IMG` the value is of both forms."""
    forms: dict[str, str | None] = {}
    for item in items(page):
        names: list[str] = []
        for part in item.split(" , "):
            form = re.match(r'Fl "?(\S+?)"?(?= |$)(.*)', part)
            if not form:
                continue
            names.append(form.group(1))
            value = re.search(r"Ar (\S+)", form.group(2))
            forms[form.group(1)] = value.group(1) if value else None
            if value and form.group(1).startswith("-") and len(names) > 1 and len(names[-2]) == 1:
                forms[names[-2]] = forms[names[-2]] or value.group(1)
    return forms


def plain(line: str) -> str:
    """A line of macros as it is shown: `.Op Ar FILE Op Ar OUT ...` is [FILE [OUT...]]."""
    text, brackets, dash = "", 0, ""
    for word in line[1:].split():
        if word in ("Ar", "Cm"):
            continue
        if word == "Fl":
            dash = "-"
        elif word in ("|", "..."):
            text += word
        else:
            gap = "" if not text or text[-1] in "[|" else " "
            text += gap + ("[" if word == "Op" else dash + word)
            brackets += word == "Op"
            dash = ""
    return text + "]" * brackets


def synopsis(page: str, name: str) -> str:
    """The operands of all forms, as the usage line has them."""
    forms = []
    for block in section(page, "SYNOPSIS").split(f".Nm lifeboat {name}\n")[1:]:
        words = [plain(line) for line in block.splitlines()]
        if words[:1] != ["[OPTION...]"]:
            forms.append("(without [OPTION...])")
        forms.append(" ".join(words[1:]))
    return " | ".join(forms)


def rule_commands_and_manual() -> Iterator[str]:
    """A page for each command, with its summary, operands and options; nothing that is not there."""
    tables = commands()
    pages = {path.stem.removeprefix("lifeboat-"): path for path in MAN.glob("lifeboat-*.8")
             if path.stem not in PROGRAMS}
    for name in sorted(pages.keys() - tables.keys()):
        yield f"{pages[name].name}: there is no such command"
    overview = (MAN / "lifeboat.8").read_text()
    for name, command in tables.items():
        if name not in pages:
            yield f"command {name} has no page"
            continue
        page, where = pages[name].read_text(), pages[name].name
        if f".Nd {command['summary']}\n" not in page:
            yield f"{where}: the summary is '{command['summary']}'"
        if f".It Xr lifeboat-{name} 8\n{command['summary']}\n" not in overview:
            yield f"lifeboat.8 has no {name}, or with another summary"
        if synopsis(page, name) != command["operands"]:
            yield f"{where}: SYNOPSIS has '{synopsis(page, name)}', --help '{command['operands']}'"
        known, told = options_of(command), described(page)
        for form in sorted(known.keys() - told.keys()):
            yield f"{where}: -{form} is missing"
        for form in sorted(told.keys() - known.keys()):
            yield f"{where}: there is no -{form}"
        for form in sorted(known.keys() & told.keys()):
            if known[form] != told[form]:
                yield f"{where}: the value of -{form} is {known[form]}, not {told[form]}"


def rule_references() -> Iterator[str]:
    """A page that another one names is there; so is a section."""
    ours = {(path.stem, path.suffix[1:]) for path in MAN.iterdir()}
    for path in sorted(MAN.iterdir()):
        page = path.read_text()
        for name, number in re.findall(r"^\.(?:It )?Xr (lifeboat\S*) (\d)", page, re.M):
            if (name, number) not in ours:
                yield f"{path.name} refers to {name}({number})"
        for name in re.findall(r"^\.Sx ([A-Z ]+[A-Z])", page, re.M):
            if f"\n.Sh {name}\n" not in page and ".Sx " + name + "\nof\n" not in page:
                yield f"{path.name} refers to its section {name}"


def rule_examples() -> Iterator[str]:
    """The commands in literal blocks are there and take the options that stand behind them."""
    tables = commands()
    for path in sorted(MAN.iterdir()):
        for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", path.read_text(), re.M | re.S):
            text = re.sub(r"\$\([^)]*\)", "VALUE", block.replace("\\e\n", " ").replace("\\-", "-"))
            for line in text.splitlines():
                for call in re.findall(r"\blifeboat ([a-z][a-z-]*)((?: [^|]*)?)", line):
                    yield from wrong_call(path.name, tables, *call)


def wrong_call(where: str, tables: dict[str, dict], name: str, rest: str) -> Iterator[str]:
    if name not in tables:
        yield f"{where}: example of {name}, which is no command"
        return
    known = options_of(tables[name])
    for word in rest.split():
        long = re.match(r"-(-[a-z][a-z-]*)", word)
        if long and long.group(1) not in known:
            yield f"{where}: lifeboat {name} has no -{long.group(1)}"
        elif not long and re.match(r"-[A-Za-z]", word) and word[1] not in known:
            yield f"{where}: lifeboat {name} has no {word[:2]}"


def rule_records_and_manual() -> Iterator[str]:
    """Fields of crash.json as docs/crash-record.md has them, keys of the recipe, fields of the history."""
    record = (MAN / "lifeboat-crash-record.5").read_text()
    prefix = ""
    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / "docs/crash-record.md").read_text(), re.M)
    for field in re.findall(r"`([^`]+)`", " ".join(rows)):
        field = prefix + field if field.startswith(".") else field
        prefix = field.rpartition(".")[0]
        if not re.search(rf"Va {re.escape(field)}(?= |$)", record, re.M):
            yield f"lifeboat-crash-record.5 has no {field}"
    recipe = (MAN / "lifeboat-recipe.5").read_text()
    table = (ROOT / "capture/recipe.c").read_text().split("static const struct key keys[] = {")[1]
    rows = re.findall(r'^\t(?:\{\.name = |(LIST|KEEP|DEADLINE)\()"([a-z-]+)"', table.split("\n};")[0], re.M)
    if len(rows) < 20:
        yield "capture/recipe.c: no table of keys is found"
    keys = [("" if macro in ("", "LIST") else macro.lower() + "-") + name for macro, name in rows]
    for key in ["target", *keys]:
        if not re.search(rf"^\.It .*Cm {key}(?= |$)", recipe, re.M):
            yield f"lifeboat-recipe.5 has no {key}"
    history = (MAN / "lifeboat-history.5").read_text()
    line = (ROOT / "service/history.c").read_text().split("static void put_line")[1].split("\n}")[0]
    for field in re.findall(r'json_\w+\(j, "(\w+)"', line):
        if f"Va {field}" not in history:
            yield f"lifeboat-history.5 has no {field}"


RULES = [rule_commands_and_manual, rule_references, rule_examples, rule_records_and_manual]
