# SPDX-License-Identifier: GPL-2.0-or-later
"""A certificate authority of our own, nginx that takes PUT, and an object store that checks signatures.

    authority = Authority(folder)
    with Nginx(folder, authority.issue("dumps.lab.test")) as nginx:          # nginx.port, nginx.files
    with ObjectStore(folder, authority.issue("s3.lab.test")) as store:       # store.port, store.content(key)

Each can listen at any address ("10.0.0.1" of a namespace). They are ended with their `with`.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from ..errors import LabError, Unavailable
from ..paths import ROOT, cache_dir, is_installed

S3_SOURCE = ROOT / "lab/servers/s3"
S3_MODULES = cache_dir() / "s3" if is_installed() else ROOT / "build/servers/s3"
KEY_ID, SECRET, TOKEN = "ASIALABLABLABLABLABL", "la/b+secret/of/no/worth", "lab/token+of=a/session"
START_SECONDS = 20
NO_STORE = "LIFEBOAT_NO_STORE"  # set once it is known to be so: not every test shall try


def run(*argv: str, cwd: Path | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise LabError(f"{' '.join(argv[:4])} …: {done.stderr.strip()[-600:]}")
    return done.stdout


@dataclass
class Pair:
    """A certificate (with what signed it) and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; `certificates` is the file that a client is to trust."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "authority"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key, self.certificates = self.folder / "ca.key", self.folder / "ca.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "3650", "-subj", "/CN=lab authority", "-keyout", str(self.key),
            "-out", str(self.certificates))
        (self.folder / "index").write_text("")
        (self.folder / "ca.conf").write_text(
            "[ca]\ndefault_ca = own\n[own]\ndatabase = index\nnew_certs_dir = .\nserial = serial\n"
            "default_md = sha256\npolicy = any\ncopy_extensions = copy\nunique_subject = no\n"
            "[any]\ncommonName = supplied\n")

    def issue(self, *names: str, start: str = "20240101000000Z",
              end: str = "20451231235959Z") -> Pair:
        """For the first name and all the others; times as YYYYMMDDHHMMSSZ."""
        stem = f"{names[0].replace('*', 'any')}-{start}-{end}"
        key, request = self.folder / f"{stem}.key", self.folder / f"{stem}.csr"
        certificate = self.folder / f"{stem}.pem"
        alternatives = ",".join(f"DNS:{name}" for name in names)
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}",
            "-keyout", str(key), "-out", str(request))
        run("openssl", "ca", "-batch", "-notext", "-rand_serial", "-config", "ca.conf",
            "-cert", self.certificates.name, "-keyfile", self.key.name, "-startdate", start,
            "-enddate", end, "-in", request.name, "-out", certificate.name, cwd=self.folder)
        return Pair(certificate, key)


def die_with_us() -> None:
    """However we end; between fork and exec."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG of linux/prctl.h


class Server:
    """A process that lives as long as its `with`."""

    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()


NGINX = """
daemon off;
master_process off;
error_log {folder}/error.log info;
pid {folder}/nginx.pid;
{user}
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/temporary;
    proxy_temp_path {folder}/unused-1;
    fastcgi_temp_path {folder}/unused-2;
    scgi_temp_path {folder}/unused-3;
    uwsgi_temp_path {folder}/unused-4;
    client_max_body_size 0;
    server {{
        listen {address}:{port} {tls};
        {certificates}
        root {files};
        location / {{
            {check}
            dav_methods {methods};
            create_full_put_path on;
            dav_access user:rw;
        }}
        location /moved/ {{
            return 307 /here$request_uri;
        }}
        location /elsewhere/ {{
            return 307 https://another.lab.test$request_uri;
        }}
    }}
}}
"""


@dataclass
class Nginx(Server):
    """Web-DAV's PUT and DELETE, nothing else of it. `header` is what each request must have ("Authorization: …")."""

    folder: Path
    pair: Pair | None
    address: str = "127.0.0.1"
    port: int = 8443
    header: tuple[str, str] | None = None
    methods: str = "PUT DELETE"
    files: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.folder / "nginx"
        self.files = self.folder / "files"

    def start(self) -> None:
        self.files.mkdir(parents=True, exist_ok=True)
        (self.folder / "temporary").mkdir(exist_ok=True)
        check = ""
        if self.header:
            variable = "$http_" + self.header[0].lower().replace("-", "_")
            check = f'if ({variable} != "{self.header[1]}") {{ return 403; }}'
        conf = self.folder / "nginx.conf"
        conf.write_text(NGINX.format(
            folder=self.folder, address=self.address, port=self.port, files=self.files,
            tls="ssl" if self.pair else "", check=check, methods=self.methods,
            user="user root;" if os.geteuid() == 0 else "",
            certificates=(f"ssl_certificate {self.pair.certificate};\n"
                          f"        ssl_certificate_key {self.pair.key};\n"
                          "        ssl_protocols TLSv1.2 TLSv1.3;") if self.pair else ""))
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if not program:
            raise LabError("there is no nginx")
        (self.folder / "nginx.pid").unlink(missing_ok=True)
        self.process = subprocess.Popen([program, "-c", str(conf), "-p", str(self.folder)],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=die_with_us)
        until = time.monotonic() + START_SECONDS
        while not (self.folder / "nginx.pid").exists():
            if self.process.poll() is not None or time.monotonic() > until:
                raise LabError(f"nginx: {(self.folder / 'error.log').read_text()[-500:]}")
            time.sleep(0.02)


def install_store() -> Path:
    """The object store's packages, exactly those of the lock file; once."""
    lock = (S3_SOURCE / "package-lock.json").read_bytes()
    there = S3_MODULES / "package-lock.json"
    if not (there.exists() and there.read_bytes() == lock
            and (S3_MODULES / "node_modules").is_dir()):
        S3_MODULES.mkdir(parents=True, exist_ok=True)
        shutil.copy(S3_SOURCE / "package.json", S3_MODULES)
        there.unlink(missing_ok=True)
        (S3_MODULES / "npm-shrinkwrap.json").write_bytes(lock)
        if why := os.environ.get(NO_STORE):
            raise Unavailable(why)
        try:
            run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=S3_MODULES)
        except (LabError, OSError, subprocess.TimeoutExpired) as why:
            os.environ[NO_STORE] = f"the object store's packages cannot be had from npm's registry: {why}"
            raise Unavailable(os.environ[NO_STORE]) from why
        there.write_bytes(lock)
    return S3_MODULES / "node_modules"


@dataclass
class ObjectStore(Server):
    """S3 by s3rver, with what S3 checks beyond it: lab/servers/s3/server.js."""

    folder: Path
    pair: Pair | None
    address: str = "127.0.0.1"
    port: int = 0
    buckets: tuple[str, ...] = ("dumps",)
    write_only: bool = False
    clock: int = 0  # seconds that it is ahead
    token: str | None = TOKEN
    key_id: str = KEY_ID

    def __post_init__(self) -> None:
        self.folder = self.folder / "s3"
        self.log = self.folder / "requests"

    def credentials(self, path: Path, **more: str) -> Path:
        lines = {"aws_access_key_id": self.key_id, "aws_secret_access_key": SECRET}
        if self.token:
            lines["aws_session_token"] = self.token
        text = "".join(f"{key} = {value}\n" for key, value in (lines | more).items())
        path.write_text("[default]\n" + text)
        path.chmod(0o600)
        return path

    def start(self) -> None:
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        self.log.write_text("")
        options = {
            "modules": str(install_store()), "directory": str(data), "address": self.address,
            "port": self.port, "buckets": self.buckets, "writeOnly": self.write_only,
            "clock": self.clock, "log": str(self.log),
            "accounts": [{"id": self.key_id, "secret": SECRET, "token": self.token}],
        }
        if self.pair:
            options |= {"key": str(self.pair.key), "cert": str(self.pair.certificate)}
        path = self.folder / "options.json"
        path.write_text(json.dumps(options))
        self.process = subprocess.Popen(
            ["node", str(S3_SOURCE / "server.js"), str(path)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=(self.folder / "errors").open("wb"),
            preexec_fn=die_with_us)
        assert self.process.stdout
        line = self.process.stdout.readline().decode().split()
        if line[:1] != ["ready"]:
            raise LabError(f"the object store: {(self.folder / 'errors').read_text()[-500:]}")
        self.port = int(line[1])

    def content(self, key: str, bucket: str = "dumps") -> bytes | None:
        """An object as it lies there; None: there is none."""
        path = self.folder / "data" / bucket / f"{key}._S3rver_object"
        return path.read_bytes() if path.exists() else None

    def keys(self, bucket: str = "dumps") -> list[str]:
        top = self.folder / "data" / bucket
        return sorted(str(p.relative_to(top)).removesuffix("._S3rver_object")
                      for p in top.rglob("*._S3rver_object"))

    def uploads(self, bucket: str = "dumps") -> list[str]:
        """Multipart uploads that were neither completed nor aborted."""
        top = self.folder / "data" / bucket / "._S3rver_uploads"
        return sorted(p.name for p in top.iterdir()) if top.exists() else []

    def requests(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]
