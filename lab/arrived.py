# SPDX-License-Identifier: GPL-2.0-or-later
"""What servers have got, made readable by stock tools: `age` opens what is encrypted, `makedumpfile -R` puts streams in order.

Names tell what a file is: NAME[.flat][.age][.part-NNNNN][.incomplete], and of one in parts NAME.parts lists them. The result has plain names, so that it can be looked at like
any other crash. What says in itself that it is not whole (a stream without its end mark, an encrypted file without its last
chunk) becomes NAME.incomplete here, whatever the server calls it.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from .disks import digest_of
from .errors import LabError
from .proc import environment
from .world.secrets import make_age_key, make_ssh_key

# In the drill's folder, what stock age opens our files with: how a recipient's placeholder is made, and its secret's file.
RECIPIENTS: tuple[tuple[str, Callable[[Path], str], str], ...] = (
    ("@AGE@", make_age_key, "age.key"),
    ("@AGE-SSH@", make_ssh_key, "age-ssh.key"),
)
PART = re.compile(r"(.+)\.part-(\d{5})")
INCOMPLETE, FLAT, AGE = ".incomplete", ".flat", ".age"
SECONDS = 120
FLAT_SIGNATURE = b"makedumpfile"


def ran(argv: list[str | Path], stdin: Path, stdout: Path | None = None) -> bool:
    """Does a stock tool like it?"""
    with open(stdin, "rb") as source, open(stdout or "/dev/null", "wb") as to:
        try:
            done = subprocess.run([str(one) for one in argv], stdin=source, stdout=to, stderr=subprocess.DEVNULL,
                                  env=environment(), timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as err:
            raise LabError(f"{argv[0]}: {err}") from err
    return done.returncode == 0


def opened(path: Path, drill: Path) -> bool:
    """Decrypt a file in its place, by each of the keys; what cannot be opened to its end stays as far as it could be."""
    plain = path.with_name(f"{path.name}.plain")
    keys = [drill / key for _, _, key in RECIPIENTS if (drill / key).exists()]
    good = all([ran(["age", "-d", "-i", key], path, plain) for key in keys]) and bool(keys)
    plain.chmod(path.stat().st_mode & 0o777)
    plain.replace(path)
    return good


def unflattened(path: Path) -> bool:
    """Put a stream in order, in its place; one without an end mark stays as it is."""
    flat = path.with_name(f"{path.name}.stream")
    path.rename(flat)
    good = ran(["makedumpfile", "-R", path], flat)
    if good:
        path.chmod(flat.stat().st_mode & 0o777)
        flat.unlink()
    else:
        flat.replace(path)
    return good


def is_listed(whole: Path, parts: list[Path], listing: Path) -> bool:
    """Does a list of parts tell of all of these, and of no others? Its first line has size and digest of the whole."""
    if not listing.exists():
        return False
    lines = listing.read_text(encoding="ascii").splitlines()
    told = [line.split() for line in lines if not line.startswith("#")]
    same = told == [[digest_of(part), part.name] for part in parts]
    return same and lines[0].split()[2:] == [str(whole.stat().st_size), digest_of(whole)]


def joined(folder: Path) -> None:
    """Parts of one file become it: whole, if they are those that the list tells of."""
    parts: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.iterdir()):
        if found := PART.fullmatch(path.name):
            parts.setdefault(found.group(1), {})[int(found.group(2))] = path
    for name, numbered in parts.items():
        paths, whole, listing = [path for _, path in sorted(numbered.items())], folder / name, folder / f"{name}.parts"
        with open(whole, "wb") as to:
            for path in paths:
                with open(path, "rb") as part:
                    shutil.copyfileobj(part, to)
        whole.chmod(0o600)
        if not is_listed(whole, paths, listing):
            whole.rename(folder / (name + INCOMPLETE))
        for path in (*paths, listing, listing.with_name(listing.name + INCOMPLETE)):
            path.unlink(missing_ok=True)


def make_plain(path: Path, drill: Path) -> None:
    """One file gets its plain name and content."""
    name, whole = path.name, True
    if name.endswith(INCOMPLETE):
        name, whole = name.removesuffix(INCOMPLETE), False
    if name.endswith(AGE):
        name = name.removesuffix(AGE)
        whole = opened(path, drill) and whole
    if name.endswith(FLAT):
        name = name.removesuffix(FLAT)
        # makedumpfile 1.7.2 reads for ever what was cut off at some places, and nobody wants a part in order
        whole = whole and unflattened(path)
    path.rename(path.with_name(name if whole else name + INCOMPLETE))


def put_in_order(raw: Path, into: Path, drill: Path) -> None:
    """A copy of a server's folder, with everything plain."""
    if not raw.is_dir():
        into.mkdir(parents=True)
        return
    shutil.copytree(raw, into, symlinks=True, ignore=lambda _, names: [n for n in names if n.startswith("lun")])
    for folder in [into, *(path for path in into.rglob("*") if path.is_dir())]:
        joined(folder)
        for marker in sorted(folder.glob(f"*{INCOMPLETE}")):  # a store that cannot rename has one beside what was left there
            if (left := folder / marker.name.removesuffix(INCOMPLETE)).is_file():
                left.replace(marker)
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name != "SHA256SUMS":  # which is of what the server has
                make_plain(path, drill)
            elif path.is_file():
                path.unlink()


def put_in_order_here(top: Path, raw: Path, drill: Path) -> None:
    """The same for what the drill took out of a disk: as it was it goes elsewhere."""
    if raw.is_dir() or not top.is_dir():
        return  # a server's, whose own folder it is
    raw.parent.mkdir(exist_ok=True)
    top.resolve().rename(raw)
    if top.is_symlink():  # a share
        top.unlink()
    put_in_order(raw, top, drill)
