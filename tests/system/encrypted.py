# SPDX-License-Identifier: GPL-2.0-or-later
"""Encrypted dumps: stock age opens them, and what is in them is what an open one has; what our commands say of them without a key."""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.checks import Checks
from lab.paths import program
from lab.proc import run

from .subject import Subject

SECONDS = 120
OPTIONS = ("-q", "-l", "-d", "31", "--num-threads=2")


class Keys:
    """Two recipients: one of age, one of ssh."""

    def __init__(self, folder: Path) -> None:
        self.age, self.ssh = folder / "age.key", folder / "ssh.key"
        for key in (self.age, self.ssh):
            key.unlink(missing_ok=True)
        run(["age-keygen", "-o", self.age])
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.ssh])
        public = run(["age-keygen", "-y", self.age]).stdout.strip()
        self.public = [public, self.ssh.with_suffix(".key.pub").read_text(encoding="ascii").strip()]

    def options(self) -> list[str]:
        """For `lifeboat filter`."""
        return [word for one in self.public for word in ("--encrypt-to", one)]


def ours(*words: str | Path, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """One of our commands; it may fail."""
    return subprocess.run([program("lifeboat"), *words], input=data, capture_output=True,
                          timeout=SECONDS, check=False)


def opened(key: Path, file: Path) -> subprocess.CompletedProcess[bytes]:
    """What stock age makes of it."""
    return subprocess.run(["age", "-d", "-i", key, file], capture_output=True, timeout=SECONDS, check=False)


def run_age(keys: Keys, data: bytes) -> bytes:
    """What stock age encrypts."""
    argv = ["age", "-r", keys.public[0]]
    return subprocess.run(argv, input=data, capture_output=True, timeout=SECONDS, check=True).stdout


def pages(verify: Sequence[str | Path], data: bytes | None = None) -> str:
    """How many pages a dump has, how many of them can be read, and of which kernel."""
    done = ours("verify", "--json", *verify, data=data)
    told = json.loads(done.stdout or b"{}")
    return f"{done.returncode} {told.get('pages')} {told.get('good')} {told.get('release')}"


def judge_dump(subject: Subject, keys: Keys, checks: Checks) -> Path:
    """A dump for two recipients, to a file and through a pipe."""
    plain, dump = subject.folder / "plain", subject.folder / "vmcore.flat.age"
    nobody: list[str] = []
    for out, more in ((plain, nobody), (dump, keys.options())):
        run([program("lifeboat"), "filter", "-f", *OPTIONS, *more, subject.vmcore, out])
    want = pages([plain])
    for key in (keys.age, keys.ssh):
        got = opened(key, dump)
        checks.expect(f"stock age opens it with the key {key.stem}", got.returncode == 0, got.stderr.decode())
        seen = pages(["-"], got.stdout)
        checks.expect(f"with the key {key.stem} it has the same pages", seen == want, f"{seen}, not {want}")
    piped = ours("filter", "-F", *OPTIONS, *keys.options(), subject.vmcore)
    through = subject.folder / "through.age"
    through.write_bytes(piped.stdout)
    seen = pages(["-"], opened(keys.age, through).stdout)
    checks.expect("through a pipe it has the same pages", seen == want, f"{seen}, not {want}")
    text = dump.read_bytes()
    leaks = [word for word in (b"makedumpfile", b"KDUMP", b"OSRELEASE=", b"Linux version") if word in text]
    checks.expect("nothing of it can be read without a key", not leaks, repr(leaks))
    through.write_bytes(run_age(keys, plain.read_bytes()))
    seen = pages(["-"], opened(keys.age, through).stdout)
    checks.expect("one that was not flattened can be read from a pipe, too", seen == want, f"{seen}, not {want}")
    done = ours("report", "-", data=dump.read_bytes())
    right = done.returncode == 5 and "it is encrypted" in done.stderr.decode()
    checks.expect("one from a pipe that is still encrypted is told", right, done.stderr.decode())
    plain.unlink()
    through.unlink()
    return dump


def judge_words(dump: Path, checks: Checks) -> None:
    """What is said of it without a key."""
    done = ours("verify", dump)
    told = done.stdout.decode()
    checks.expect("verify finds nothing wrong", done.returncode == 0, told + done.stderr.decode())
    checks.expect("verify tells the recipients", "to 2 recipients (X25519, ssh-ed25519)" in told, told)
    checks.expect("verify tells what only the key knows", f"age -d -i KEY {dump}" in told, told)
    for verb in ("report", "info", "dmesg", "bt", "ps", "log", "signature", "filter"):
        words = [verb, str(dump), *([str(dump) + ".out"] if verb == "filter" else [])]
        done = ours(*words)
        said = done.stderr.decode()
        right = done.returncode == 5 and "it is encrypted, to 2 recipients" in said and "age -d -i KEY" in said
        checks.expect(f"{verb} says that it is encrypted, and what opens it", right, f"{done.returncode} {said}")


def judge_damage(dump: Path, checks: Checks) -> None:
    """What can be told of a file that is not whole."""
    text = dump.read_bytes()
    header = text.index(b"\n--- ") + 48
    cut = dump.with_name("cut.age")
    cases = {
        "in its header": text[: header - 60],
        "before its first chunk": text[: header + 10],
        "behind the beginning of a chunk": text[: header + 1 + 16 + 65552 * 2 + 7],
        "with a line of its header changed": text.replace(b"-> X25519 ", b"-> X25519  ", 1),
    }
    for name, data in cases.items():
        cut.write_bytes(data)
        done = ours("verify", cut)
        said = done.stderr.decode()
        checks.expect(f"verify refuses one that is cut or damaged {name}", done.returncode == 4, said)
    left = dump.with_name("vmcore.flat.age.incomplete")
    left.write_bytes(text)
    done = ours("verify", left)
    checks.expect("verify says that one is incomplete by its name", done.returncode == 11, done.stderr.decode())
    cut.unlink()
    left.unlink()


def judge_folder(dump: Path, keys: Keys, checks: Checks) -> None:
    """A crash's folder with an encrypted log and dump."""
    folder = dump.parent / "2026-01-02T03-04-05Z"
    folder.mkdir(exist_ok=True)
    log, inside = folder / "dmesg.txt.age", folder / dump.name
    text = b"[    1.0] Kernel panic - not syncing: sysrq triggered crash\n"
    log.write_bytes(run_age(keys, text))
    dump.rename(inside)
    sums = "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n" for f in (log, inside))
    (folder / "SHA256SUMS").write_text(sums, encoding="ascii")
    done = ours("verify", folder)
    told = done.stdout.decode() + done.stderr.decode()
    checks.expect("verify takes the folder", done.returncode == 0, told)
    checks.expect("verify tells of its log, too", f"age -d -i KEY {log} | less" in told, told)
    done = ours("report", folder)
    right = done.returncode == 5 and f"age -d -i KEY {inside} | lifeboat report -" in done.stderr.decode()
    checks.expect("report of the folder says what opens the dump", right, done.stderr.decode())
    changed = bytearray(inside.read_bytes())
    changed[5000] ^= 1
    inside.write_bytes(changed)
    done = ours("verify", folder)
    told = done.stdout.decode() + done.stderr.decode()
    checks.expect("verify sees a changed byte by the digest", done.returncode == 4 and "digest" in told, told)
    half = len(changed) // 2
    for number, data in ((1, changed[:half]), (2, changed[half:])):
        inside.with_name(f"{inside.name}.part-0000{number}").write_bytes(data)
    inside.unlink()
    done = ours("report", folder)
    right = done.returncode == 5 and "in 2 parts; `cat vmcore.flat.age.part-* >vmcore.flat.age`" in done.stderr.decode()
    checks.expect("report of parts says how to join them", right, done.stderr.decode())
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def judge_refusals(subject: Subject, keys: Keys, checks: Checks) -> None:
    """What cannot be asked for."""
    secret = keys.age.read_text(encoding="ascii").splitlines()[-1]
    out = subject.folder / "refused"
    cases = {
        "a secret key": (["--encrypt-to", secret], "it is a secret key"),
        "an rsa key": (["--encrypt-to", "ssh-rsa AAAA"], "its kind is not known"),
        "a key with a wrong letter": (["--encrypt-to", keys.public[0][:-1] + "q"], "checksum"),
        "--dry-run": ([*keys.options(), "--dry-run"], "no -R"),
    }
    for name, (words, why) in cases.items():
        done = ours("filter", *OPTIONS, *words, subject.vmcore, out)
        said = done.stderr.decode()
        right = done.returncode == 2 and why in said and secret[16:] not in said and not out.exists()
        checks.expect(f"{name} is refused", right, said)


def judge(subject: Subject, checks: Checks) -> None:
    """All of it."""
    keys = Keys(subject.folder)
    dump = judge_dump(subject, keys, checks)
    judge_words(dump, checks)
    judge_damage(dump, checks)
    judge_refusals(subject, keys, checks)
    judge_folder(dump, keys, checks)
