# SPDX-License-Identifier: GPL-2.0-or-later
"""The RPM spec: built by Debian's rpmbuild, with the macros that Fedora's systemd-rpm-macros would have defined."""

from pathlib import Path

from .deb import plain
from .install import PRIVATE, expected, expected_of_drill
from .report import ROOT, Report, run, version

MACROS = {
    "_unitdir": "/usr/lib/systemd/system",
    "_systemdgeneratordir": "/usr/lib/systemd/system-generators",
    "_udevrulesdir": "/usr/lib/udev/rules.d",
    "_tmpfilesdir": "/usr/lib/tmpfiles.d",
    "_pkgdocdir": "/usr/share/doc/lifeboat",
    "systemd_post()": ":",
    "systemd_preun()": ":",
    "systemd_postun()": ":",
}
LICENSE = f"usr/share/licenses/lifeboat-{version()}/LICENSE"


def source(place: Path) -> None:
    """What git knows or would take, as the archive that the spec names."""
    name = f"lifeboat-{version()}"
    (place / "SOURCES").mkdir()
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    listing = place / "names"
    listing.write_text("".join(f"{n}\n" for n in names if (ROOT / n).is_file()))
    done = run("tar", "-czf", place / f"SOURCES/{name}.tar.gz", f"--transform=s,^,{name}/,", "-T", listing)
    if done.returncode:
        raise SystemExit(f"packages: tar: {done.stdout}")


def build(place: Path) -> tuple[list[Path], str]:
    """The packages: lifeboat and lifeboat-drill. Its code is compiled in a hurry: what is judged is what the spec says."""
    defines = [f"--define=_topdir {place}", *(f"--define={k} {v}" for k, v in MACROS.items())]
    # what Debian's rpmbuild lacks of a distribution's: nothing is installed by rpm here
    done = run("rpmbuild", "-bb", "--nodeps", *defines, ROOT / "packaging/lifeboat.spec", limit=300,
               CFLAGS="-O1 -w", MAKEFLAGS="", MFLAGS="", MAKELEVEL="")
    made = [path for name in ("lifeboat", "lifeboat-drill") for path in sorted(place.glob(f"RPMS/*/{name}-[0-9]*.rpm"))]
    return ([] if done.returncode else made), done.stdout[-1500:]


def rows_of(package: Path) -> list[list[str]]:
    """What is in it, as ls -l."""
    return [line.split(None, 8) for line in run("rpm", "-qplv", package).stdout.splitlines()]


def files_of(rows: list[list[str]]) -> list[str]:
    """Files, but for the links that rpm makes itself."""
    files = [plain(row[8].split(" -> ")[0].lstrip("/")) for row in rows if not row[0].startswith("d")]
    return [name for name in files if "/.build-id" not in name]


def in_rpm(names: list[str]) -> list[str]:
    """/usr/libexec there; and kernel-install has a plugin."""
    return [name.replace("usr/lib/lifeboat/", "usr/libexec/lifeboat/") for name in names if not name.startswith("etc/kernel/")]


def check_all(report: Report, place: Path) -> None:
    source(place)
    made, said = build(place)
    if len(made) != 2:
        report.check("rpm: rpmbuild", said)
        return
    report.check("rpm: rpmbuild", None)
    main, drill = made
    rows = rows_of(main)
    report.equal("rpm: files", files_of(rows), [*in_rpm(expected()), LICENSE])
    report.equal("rpm: files of lifeboat-drill", files_of(rows_of(drill)), in_rpm(expected_of_drill()))
    report.equal("rpm: folders for root only", (row[8].lstrip("/") for row in rows if row[0] == "drwx------"),
                 PRIVATE)
    configuration = run("rpm", "-qp", "--configfiles", main).stdout.split()
    report.equal("rpm: configuration", configuration, ["/etc/lifeboat.conf"])
    requires = run("rpm", "-qp", "--requires", drill).stdout
    lacks = [one for one in (f"lifeboat(x86-64) = {version()}", "python3", "qemu-system-x86-core") if one not in requires]
    report.check("rpm: what lifeboat-drill requires", [f"no {one}: {requires}" for one in lacks])
