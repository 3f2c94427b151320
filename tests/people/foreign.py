# SPDX-License-Identifier: GPL-2.0-or-later
"""Configurations of other programs that a guide shows: each is given to its program, and does what the guide says of it."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from lab.errors import LabError
from lab.scenario import load_scenario
from lab.servers.web import Authority, die_with_us
from tests.web.client import Answer, ask, send

SECONDS = 20
HOST = "dumps.example.org"  # of the guides
REFUSED, UNSUPPORTED = 9, 5
# sshd does not even look at a file without /run/sshd, which is its service's to make, and the user that its package makes
RUN = ["unshare", "-m", "sh", "-c", """mount -t tmpfs tmpfs /run && mkdir /run/sshd
grep -q ^sshd: /etc/passwd || {
	(cat /etc/passwd; echo sshd:x:65533:65534::/run/sshd:/bin/false) >/run/passwd
	mount --bind /run/passwd /etc/passwd
}
exec "$@"
""", "sh"]


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        raise ValueError(f"{name} is not installed; ./bootstrap check installs it")
    return found


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def check_json(text: str) -> None:
    """It is such a text."""
    try:
        json.loads(text)
    except ValueError as why:
        raise ValueError(f"this is no JSON: {why}") from why


def check_scenario(text: str) -> None:
    """It is a drill's scenario: all of its keys are known, and its base is there."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mine.toml")
        file.write_text(text, encoding="utf-8")
        try:
            load_scenario(str(file))
        except LabError as why:
            raise ValueError(str(why)) from why


def check_sshd(text: str) -> None:
    """What sshd makes of it for the account that it is about."""
    if not (user := re.search(r"^Match User (\S+)$", text, re.M)):
        raise ValueError("it is about no account")
    with tempfile.TemporaryDirectory() as folder:
        key, conf = Path(folder, "key"), Path(folder, "conf")
        subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=SECONDS)
        conf.write_text(text)
        who = f"user={user.group(1)},host=web7,addr=192.0.2.7"
        run = subprocess.run([*RUN, program("sshd"), "-T", "-f", conf, "-h", key, "-C", who], capture_output=True, text=True,
                             timeout=SECONDS)
    if run.returncode:
        raise ValueError(f"sshd: {run.stderr.strip()[-300:]}")
    for want in ("forcecommand internal-sftp", "chrootdirectory /srv/dumps", "allowtcpforwarding no"):
        if want not in run.stdout.splitlines():
            raise ValueError(f"sshd does not make '{want}' of it")


def wanted(what: str, good: bool, answer: Answer) -> None:
    if not good:
        raise ValueError(f"nginx: {what}: {answer}")


def check_nginx(text: str) -> None:
    """nginx takes what has the token, and gives nothing back."""
    token = re.search(r'"(Bearer \S+)"', text)
    if not token:
        raise ValueError("there is no token in it")
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        try:
            authority = Authority(folder)
            pair = authority.issue(HOST)
        except LabError as why:
            raise ValueError(str(why)) from why
        files = folder / "srv/dumps"
        files.mkdir(parents=True)
        for form, to in ((r"listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"), (r"(ssl_certificate) .*;", rf"\1 {pair.certificate};"),
                         (r"(ssl_certificate_key) .*;", rf"\1 {pair.key};"), (r"/srv/dumps", str(files))):
            text, n = re.subn(form, to, text)
            if not n:
                raise ValueError(f"there is no '{form}' in it")
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("proxy", "fastcgi", "scgi", "uwsgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        (folder / "conf").write_text(f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/errors;\nevents {{}}\n"
                                     f"http {{\naccess_log off;\n{temporary}{text}}}\n")
        process = subprocess.Popen([program("nginx"), "-e", folder / "errors", "-p", folder, "-c", folder / "conf"],
                                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_us)
        try:
            wait_for(process, folder)
            try_nginx(folder, files, token.group(1), {"kind": "https", "host": HOST, "port": port, "name": "in/web7/crash/vmcore.flat",
                                                      "url": f"https://{HOST}:{port}/", "ca": authority.certificates})
        finally:
            process.terminate()
            process.wait(SECONDS)


def wait_for(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + SECONDS
    while not (folder / "pid").exists():
        if process.poll() is not None or time.monotonic() > until:
            raise ValueError(f"nginx: {(folder / 'errors').read_text()[-300:]}")
        time.sleep(0.02)


def try_nginx(folder: Path, files: Path, token: str, job: dict) -> None:
    data = os.urandom(6 << 20)
    answer = ask(folder, "check", **job)
    wanted("who has no token is let in", answer.failed(REFUSED), answer)
    header = folder / "header"
    header.write_text(f"Authorization: {token}\n")
    header.chmod(0o600)
    job["credentials"] = header
    answer = ask(folder, "check", **job)
    wanted("who has the token is not", answer.ok, answer)
    answer = send(folder, data, **job)
    wanted("it does not take a file", answer.is_of(data), answer)
    there = b"".join(path.read_bytes() for path in sorted(files.rglob("vmcore.flat.part-*")))
    wanted("what is there differs", there == data, answer)
    answer = ask(folder, "get-digest", **job)
    wanted("it gives files away", answer.failed(UNSUPPORTED), answer)


CHECKS = {"json": check_json, "nginx": check_nginx, "sshd": check_sshd, "toml": check_scenario}
