# SPDX-License-Identifier: GPL-2.0-or-later
"""A PostgreSQL of our own: in a temporary folder, reached by a socket in it, gone afterwards."""

import csv
import io
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

SECONDS = 90
USER = "nobody"  # the server refuses to be root


class Postgres:
    def __init__(self) -> None:
        places = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda p: int(p.parts[4]))
        if not places:
            raise SystemExit("records: there is no PostgreSQL; ./bootstrap installs it")
        self.bin = places[-1].parent
        self.folder = Path(tempfile.mkdtemp(prefix="lifeboat-pg-"))
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def call(self, program: str, *args: str, text: str | None = None) -> str:
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.folder), "PGCLIENTENCODING": "UTF8"}
        # bytes, because a carriage return that a value has is no end of a line
        done = subprocess.run([*self.prefix, str(self.bin / program), *args], input=(text or "").encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS, check=False, env=env, cwd="/")
        if done.returncode:
            raise subprocess.SubprocessError(f"{program}: {(done.stderr or done.stdout).decode(errors='replace').strip()}")
        return done.stdout.decode()

    def __enter__(self) -> "Postgres":
        data = str(self.folder / "data")
        try:
            self.call("initdb", "-D", data, "-A", "trust", "-U", "lab", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8")
            self.call("pg_ctl", "-D", data, "-w", "-t", str(SECONDS // 2), "-l", str(self.folder / "log"), "-o",
                      f"-k {self.folder} -c listen_addresses= -c fsync=off -c shared_buffers=16MB -c max_connections=5",
                      "start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.call("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "-t", "20", "stop")
        except subprocess.SubprocessError:
            pass  # it never came up
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, command: str, text: str | None = None, *options: str) -> str:
        return self.call("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "lab", "-d", "postgres",
                         *options, "-c", command, text=text)

    def rows(self, query: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.run(query, None, "--csv", "-t"), newline="")))
