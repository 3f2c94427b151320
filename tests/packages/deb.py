# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian packages: built, and looked at from outside."""

import re
from pathlib import Path

from .install import PRIVATE, expected, expected_of_drill
from .report import ROOT, Report, make, run, version

OUT = ROOT / "build/deb"
CONFFILES = ["/etc/lifeboat.conf", "/etc/kernel/postinst.d/zz-lifeboat", "/etc/kernel/postrm.d/zz-lifeboat"]
OF_DEBIAN = ["usr/share/doc/lifeboat/changelog", "usr/share/doc/lifeboat/copyright", "usr/share/lintian/overrides/lifeboat"]


def find(name: str) -> Path:
    found = sorted(OUT.glob(f"{name}_{version()}_*.deb"))
    if len(found) != 1:
        raise SystemExit(f"packages: make deb made {[p.name for p in found]} of {name}_{version()}_*.deb")
    return found[0]


def plain(name: str) -> str:
    """As make install has it: unpacked, and systemd's folders (Debian 12: /lib) below /usr; zsh's has a name of Debian's."""
    name = re.sub(r"^\./", "", name).removesuffix(".gz")
    name = name.replace("zsh/vendor-completions/", "zsh/site-functions/")
    return f"usr/{name}" if name.startswith("lib/") else name


def contents(deb: Path) -> list[list[str]]:
    return [line.split(None, 5) for line in run("dpkg-deb", "-c", deb).stdout.splitlines()]


def field(deb: Path, name: str) -> str:
    return run("dpkg-deb", "-f", deb, name).stdout.strip()


def check_files(report: Report, deb: Path) -> None:
    rows = contents(deb)
    files = [plain(row[5].split(" -> ")[0]) for row in rows if not row[0].startswith("d")]
    report.equal("deb: files", files, [*expected(), *OF_DEBIAN])
    private = [row[5].strip("./") for row in rows if row[0] == "drwx------"]
    report.equal("deb: folders for root only", private, PRIVATE)
    report.check("deb: owners", [row[5] for row in rows if row[1] != "root/root"])


OF_DEBIAN_DRILL = ["usr/share/doc/lifeboat-drill/changelog", "usr/share/doc/lifeboat-drill/copyright",
                   "usr/share/lintian/overrides/lifeboat-drill"]


def check_drill(report: Report, deb: Path) -> None:
    """The package of drills: its files, and that it comes with the same version of the other one."""
    rows = contents(deb)
    files = [plain(row[5].split(" -> ")[0]) for row in rows if not row[0].startswith("d")]
    report.equal("deb: files of lifeboat-drill", files, [*expected_of_drill(), *OF_DEBIAN_DRILL])
    report.check("deb: owners of lifeboat-drill", [row[5] for row in rows if row[1] != "root/root"])
    depends = field(deb, "Depends")
    lacks = [one for one in (f"lifeboat (= {version()}", "python3", "qemu-system-x86", "e2fsprogs", "fdisk", "kmod")
             if one not in depends]
    report.check("deb: control of lifeboat-drill", [f"Depends: {depends}"] if lacks else None)


def check_control(deb: Path, folder: Path) -> list[str]:
    problems = []
    if "kdump-tools" not in field(deb, "Conflicts"):
        problems.append("it does not conflict with kdump-tools")
    if "kexec-tools" in field(deb, "Conflicts"):
        problems.append("it conflicts with kexec-tools")
    if not re.search(r"\blibc6 ", field(deb, "Depends")):
        problems.append(f"Depends: {field(deb, 'Depends')}")
    if not re.search(r"\bglibc \(=", field(deb, "Built-Using")):
        problems.append("Built-Using does not have what lifeboat-init is linked of")
    run("dpkg-deb", "-e", deb, folder)
    conffiles = (folder / "conffiles").read_text().split()
    if sorted(conffiles) != sorted(CONFFILES):
        problems.append(f"conffiles: {conffiles}")
    scripts = {name: (folder / name).read_text() for name in ("postinst", "prerm", "postrm")}
    if re.search(r"invoke restart|invoke stop.*\n.*upgrade", scripts["postinst"] + scripts["prerm"]):
        problems.append("an upgrade stops or restarts the service")
    if "/var/crash" in re.sub(r"(?m)^\s*#.*$", "", "".join(scripts.values())):
        problems.append("a script touches /var/crash")
    return problems


def sections(program: Path) -> str:
    return run("readelf", "-SWld", program).stdout


def check_programs(deb: Path, folder: Path) -> list[str]:
    """Hardened as Debian wants it, stripped, and the debug information of both in the other package."""
    problems = []
    run("dpkg-deb", "-x", deb, folder)
    host, init = sections(folder / "usr/sbin/lifeboat"), sections(folder / "usr/lib/lifeboat/lifeboat-init")
    for name, text in (("lifeboat", host), ("lifeboat-init", init)):
        if ".debug_info" in text or ".symtab" in text:
            problems.append(f"{name} is not stripped")
        if "GNU_RELRO" not in text:
            problems.append(f"{name} has no RELRO")
    if "BIND_NOW" not in host or "DYN (Position-Independent" not in run("readelf", "-h", folder / "usr/sbin/lifeboat").stdout:
        problems.append("lifeboat is not PIE with BIND_NOW")
    if "INTERP" in init or "NEEDED" in init:
        problems.append("lifeboat-init is not static")
    debug = [row[5] for row in contents(find("lifeboat-dbgsym")) if "/.build-id/" in row[5]
             and row[5].endswith(".debug")]
    for name in ("usr/sbin/lifeboat", "usr/lib/lifeboat/lifeboat-init"):
        note = run("readelf", "-n", folder / name).stdout
        match = re.search(r"Build ID: ([0-9a-f]{2})([0-9a-f]+)", note)
        if not match or not any(f"{match.group(1)}/{match.group(2)}.debug" in path for path in debug):
            problems.append(f"lifeboat-dbgsym has nothing of {name}")
    return problems


def check_lintian() -> str | None:
    done = run("lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", "--no-cfg", find_changes())
    said = [line for line in done.stdout.splitlines() if not line.startswith(("N:", "running with root"))]
    return "\n".join(said) if done.returncode or any(line[:1] in "EW" for line in said) else None


def find_changes() -> Path:
    return next(OUT.glob("*.changes"))


def check_versions() -> list[str]:
    """Makefile, debian/changelog and the spec tell the same."""
    want = version()
    changelog = (ROOT / "debian/changelog").read_text().splitlines()[0]
    spec = (ROOT / "packaging/lifeboat.spec").read_text()
    problems = [] if changelog.startswith(f"lifeboat ({want})") else [f"debian/changelog: {changelog}"]
    if not re.search(rf"^Version: +{re.escape(want)}$", spec, re.M) or f"> - {want}-" not in spec:
        problems.append(f"packaging/lifeboat.spec is not of {want}")
    return problems


def tree() -> list[tuple[str, int, int]]:
    """The sources, to see whether one is touched."""
    names = run("git", "ls-files").stdout.splitlines()
    return [(n, s.st_size, s.st_mtime_ns) for n in names if (ROOT / n).is_file() for s in [(ROOT / n).stat()]]


def check_all(report: Report, place: Path) -> None:
    report.check("versions", check_versions())
    before = tree()
    make("deb")
    report.equal("deb: the tree stays as it is", map(str, tree()), map(str, before))
    deb = find("lifeboat")
    check_files(report, deb)
    check_drill(report, find("lifeboat-drill"))
    report.check("deb: control", check_control(deb, place / "control"))
    report.check("deb: programs", check_programs(deb, place / "files"))
    report.check("deb: lintian", check_lintian())
