# SPDX-License-Identifier: GPL-2.0-or-later
"""The RPM spec: built by Debian's rpmbuild, with the macros that Fedora's systemd-rpm-macros would have defined."""

from pathlib import Path

from .deb import plain
from .install import PRIVATE, expected
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


def build(place: Path) -> tuple[Path | None, str]:
    """The package. Its code is compiled in a hurry: what is judged is what the spec says."""
    defines = [f"--define=_topdir {place}", *(f"--define={k} {v}" for k, v in MACROS.items())]
    # what Debian's rpmbuild lacks of a distribution's: nothing is installed by rpm here
    done = run("rpmbuild", "-bb", "--nodeps", *defines, ROOT / "packaging/lifeboat.spec", limit=300,
               CFLAGS="-O1 -w", MAKEFLAGS="", MFLAGS="", MAKELEVEL="")
    made = sorted(place.glob("RPMS/*/lifeboat-[0-9]*.rpm"))
    return (made[0] if made and not done.returncode else None), done.stdout[-1500:]


def check_all(report: Report, place: Path) -> None:
    source(place)
    made, said = build(place)
    if not made:
        report.check("rpm: rpmbuild", said)
        return
    report.check("rpm: rpmbuild", None)
    rows = [line.split(None, 8) for line in run("rpm", "-qplv", made).stdout.splitlines()]
    files = [plain(row[8].split(" -> ")[0].lstrip("/")) for row in rows if not row[0].startswith("d")]
    # /usr/libexec there; kernel-install has a plugin; and rpm's own links
    want = [name.replace("usr/lib/lifeboat/", "usr/libexec/lifeboat/") for name in expected()
            if not name.startswith("etc/kernel/")]
    report.equal("rpm: files", (f for f in files if "/.build-id" not in f), [*want, LICENSE])
    report.equal("rpm: folders for root only", (row[8].lstrip("/") for row in rows if row[0] == "drwx------"),
                 PRIVATE)
    configuration = run("rpm", "-qp", "--configfiles", made).stdout.split()
    report.equal("rpm: configuration", configuration, ["/etc/lifeboat.conf"])
