# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys for a drill, made anew by the stock tools."""

from pathlib import Path

from ..proc import run


def make_ssh_key(path: Path) -> str:
    """A key pair without a password; return the public one, "ssh-ed25519 AAAA…"."""
    path.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", path])
    words = path.with_name(f"{path.name}.pub").read_text(encoding="ascii").split()
    return " ".join(words[:2])


def make_age_key(path: Path) -> str:
    """An age identity; return its recipient."""
    path.unlink(missing_ok=True)
    run(["age-keygen", "-o", path])
    return run(["age-keygen", "-y", path]).stdout.strip()
