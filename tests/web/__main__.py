# SPDX-License-Identifier: GPL-2.0-or-later
"""lifeboat-send against nginx and an object store, directly and behind a proxy that fails.

    python3 -m tests.web [PATTERN…]       one `ok NAME` or `FAIL NAME: why` line each

Run from the top folder after `make`. Whatever arrived is compared byte by byte with what was sent.
"""

import fnmatch
import hashlib
import os
import random
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from lab import tools
from lab.errors import LabError, Unavailable
from lab.paths import program
from lab.servers.faulty import ERROR_BODY, Fault, Faulty
from lab.servers.web import SECRET, TOKEN, Authority, Nginx, ObjectStore, Pair, install_store

from .client import ABORT, COMMIT, DATA, LEAVE, Answer, Sender, ask, send

JOBS = 4
SKIPPED = "skipped: "
MIB = 1 << 20
PART = 5 * MIB
DATA_23 = random.Random(8).randbytes(23 * MIB + 7)
WEB, STORE = "dumps.lab.test", "s3.lab.test"
NAME = "in/host x/2026-11-23T10-00-00Z-1/vmcore.flat"
SYSTEM, USAGE, CORRUPT, UNSUPPORTED, NOT_FOUND = 1, 2, 4, 5, 6
NO_SPACE, REFUSED, TIMEOUT = 7, 9, 10


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World:
    """Servers for one test, each in a folder of its own."""

    authority: Authority
    pair: Pair

    def __init__(self, top: Path) -> None:
        self.top = top

    @contextmanager
    def web(self, *faults: Fault, **keys) -> Iterator[tuple[Nginx, Faulty | None, dict]]:
        folder = Path(tempfile.mkdtemp(dir=self.top))
        pair = keys.pop("pair", self.pair)
        with Nginx(folder, None if faults else pair, port=free_port(), **keys) as nginx:
            job = {"kind": "https", "host": WEB, "name": NAME, "ca": self.authority.certificates}
            if not faults:
                job |= {"url": f"https://{WEB}:{nginx.port}/", "port": nginx.port}
                yield nginx, None, job
                return
            with Faulty(("127.0.0.1", nginx.port), pair, list(faults)) as proxy:
                job |= {"url": f"https://{WEB}:{proxy.port}/", "port": proxy.port}
                yield nginx, proxy, job

    @contextmanager
    def store(self, *faults: Fault, **keys) -> Iterator[tuple[ObjectStore, Faulty | None, dict]]:
        folder = Path(tempfile.mkdtemp(dir=self.top))
        with ObjectStore(folder, None if faults else self.pair, **keys) as store:
            job = {"kind": "s3", "host": STORE, "name": NAME, "bucket": "dumps",
                   "region": "us-east-1", "ca": self.authority.certificates,
                   "credentials": store.credentials(folder / "credentials")}
            if not faults:
                job |= {"url": f"https://{STORE}:{store.port}", "port": store.port}
                yield store, None, job
                return
            with Faulty(("127.0.0.1", store.port), self.pair, list(faults)) as proxy:
                job |= {"url": f"https://{STORE}:{proxy.port}", "port": proxy.port}
                yield store, proxy, job


def check(condition: object, what: str, *shown: object) -> None:
    if not condition:
        raise AssertionError(what + "".join(f"; {one}" for one in shown))


def web_file(nginx: Nginx, suffix: str = "") -> bytes | None:
    path = nginx.files / (NAME + suffix)
    return path.read_bytes() if path.is_file() else None


def web_parts(nginx: Nginx) -> bytes:
    folder = (nginx.files / NAME).parent
    return b"".join(p.read_bytes() for p in sorted(folder.glob("vmcore.flat.part-*")))


# ---- all is well


def web_sizes(world: World) -> None:
    """A small file is one object; a larger one is parts that sha256sum and cat understand."""
    with world.web() as (nginx, _, job):
        folder = (nginx.files / NAME).parent
        for size, parts in ((0, 0), (1, 0), (PART, 0), (PART + 1, 2), (len(DATA_23), 5)):
            shutil.rmtree(folder, ignore_errors=True)
            data = DATA_23[:size]
            answer = send(world.top, data, **job)
            check(answer.is_of(data, parts), f"{size} bytes", answer)
            if not parts:
                check(web_file(nginx) == data and len(list(folder.iterdir())) == 1,
                      f"{size} bytes are not there as one", list(folder.iterdir()))
            else:
                check(web_parts(nginx) == data and web_file(nginx) is None, f"{size} bytes differ")
                done = subprocess.run(["sha256sum", "--strict", "-c", "vmcore.flat.parts"],
                                      cwd=folder, capture_output=True, text=True)
                check(done.returncode == 0 and done.stdout.count(": OK") == parts,
                      "sha256sum does not take the list", done)
            again = ask(world.top, "get-digest", **job)
            check(again.is_of(data, parts), f"{size} bytes are not read back", again)


def web_damaged_there(world: World) -> None:
    """What is damaged or missing at the far end is seen when it is read back."""
    with world.web() as (nginx, _, job):
        check(ask(world.top, "get-digest", **job).failed(NOT_FOUND), "nothing is there")
        check(send(world.top, DATA_23, **job).ok, "not sent")
        part = nginx.files / (NAME + ".part-00002")
        whole = part.read_bytes()
        part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        check(ask(world.top, "get-digest", **job).failed(CORRUPT, "part 2"), "a bit that flipped")
        part.write_bytes(whole + b"x")
        check(ask(world.top, "get-digest", **job).failed(CORRUPT), "one byte too many")
        part.unlink()
        check(ask(world.top, "get-digest", **job).failed(NOT_FOUND), "a part is gone")
        part.write_bytes(whole)
        (nginx.files / (NAME + ".parts")).write_text("nonsense\n" * 3)
        check(ask(world.top, "get-digest", **job).failed(CORRUPT), "a list that is none")
        (nginx.files / NAME).write_bytes(DATA_23[:1000])
        check(ask(world.top, "get-digest", bytes=999, **job).failed(CORRUPT), "longer than it is")


def web_header_and_query(world: World) -> None:
    """The header's lines and the URL's query go with every request, and into no message."""
    secret = "Bearer dumps-only-and-secret"
    with world.web(header=("Authorization", secret)) as (nginx, _, job):
        path = world.top / "header"
        path.write_text(f"# for dumps\nAuthorization: {secret}\n")
        path.chmod(0o600)
        answer = send(world.top, b"x" * 100, **job)
        check(answer.failed(REFUSED, "403"), "no header, but it was taken", answer)
        check(send(world.top, DATA_23, credentials=path, **job).is_of(DATA_23), "with the header")
        path.chmod(0o644)
        check(send(world.top, b"x", credentials=path, **job).failed(REFUSED, "chmod 600"),
              "others can read the credentials")
        job["url"] += "?sig=verysecret"
        answer = send(world.top, b"x", **job)
        check("verysecret" not in answer.line + answer.stderr and answer.failed(REFUSED),
              "the query is in the message", answer)
        log = (nginx.folder / "access.log").read_text()
        check("vmcore.flat?sig=verysecret" in log, "the query is not behind the name", log[-300:])


def web_check(world: World) -> None:
    with world.web() as (nginx, _, job):
        answer = ask(world.top, "check", **(job | {"name": "in/.lifeboat-check-1"}))
        check(answer.ok, "it may be written to", answer)
        check(not [p for p in nginx.files.rglob("*") if p.is_file()], "something stayed")
    with world.web(methods="off") as (nginx, _, job):
        answer = ask(world.top, "check", **job)
        check(answer.failed(UNSUPPORTED, "405"), "a server without PUT", answer)
    with world.web(methods="PUT") as (nginx, _, job):
        answer = ask(world.top, "check", **(job | {"name": "in/.lifeboat-check-1"}))
        check(answer.ok, "a server without DELETE will do", answer)


def web_remove(world: World) -> None:
    with world.web() as (nginx, _, job):
        check(send(world.top, b"text", **job).ok and web_file(nginx) == b"text", "not sent")
        check(ask(world.top, "remove", **job).ok and web_file(nginx) is None, "not removed")
    with world.web(methods="PUT") as (nginx, _, job):
        check(send(world.top, b"text", **job).ok, "not sent")
        check(ask(world.top, "remove", **job).failed(UNSUPPORTED), "no DELETE there")


def web_leave(world: World) -> None:
    """What is cut off is there under a name that says so, and under no other."""
    with world.web() as (nginx, _, job):
        answer = send(world.top, DATA_23[:1000], LEAVE, **job)
        check(answer.is_of(DATA_23[:1000], 0), "a small one", answer)
        check(web_file(nginx) is None and web_file(nginx, ".incomplete") == DATA_23[:1000],
              "a small one that is not as it should be")
    with world.web() as (nginx, _, job):
        answer = send(world.top, DATA_23, LEAVE, **job)
        check(answer.is_of(DATA_23, 5), "a large one", answer)
        check(web_parts(nginx) == DATA_23 and web_file(nginx, ".parts") is None
              and web_file(nginx, ".parts.incomplete"), "a large one that is not as it should be")


def web_abort(world: World) -> None:
    for end in (ABORT, None):
        with world.web() as (nginx, _, job):
            answer = send(world.top, DATA_23, end, **job)
            check(answer.ok, "an end without a word", answer)
            check(not [p for p in nginx.files.rglob("*") if p.is_file()], "something stayed",
                  list(nginx.files.rglob("*")))


def web_redirects(world: World) -> None:
    """To the same server, with the same method; to nobody else, and not for ever."""
    with world.web() as (nginx, _, job):
        to_here = job | {"url": job["url"] + "moved/"}
        check(send(world.top, DATA_23, **to_here).is_of(DATA_23, 5), "moved within the server")
        check((nginx.files / "here/moved" / (NAME + ".part-00005")).exists(), "it is elsewhere")
        elsewhere = job | {"url": job["url"] + "elsewhere/"}
        answer = send(world.top, b"x", **elsewhere)
        check(answer.failed(REFUSED, "another.lab.test"), "to another server", answer)
    loop = Fault("status", status=307, header={"Location": "/in/again"})
    with world.web(loop) as (_, proxy, job):
        answer = send(world.top, b"x", **job)
        check(answer.failed(REFUSED, "on and on") and len(proxy.seen) == 4, "for ever", answer)
    with world.web(Fault("status", status=302, header={"Location": "/x"})) as (_, proxy, job):
        check(send(world.top, b"x", **job).failed(SYSTEM, "302"), "a redirect that loses the body")


def store_sizes(world: World) -> None:
    with world.store() as (store, _, job):
        for size in (0, 1, PART, PART + 1, len(DATA_23)):
            data = DATA_23[:size]
            answer = send(world.top, data, **job)
            check(answer.is_of(data, 0) and store.content(NAME) == data, f"{size} bytes", answer)
            again = ask(world.top, "get-digest", **job)
            check(again.is_of(data, 0), f"{size} bytes are not read back", again)
        check(store.uploads() == [], "uploads that nobody ended", store.uploads())
        check(all(r["status"] < 300 for r in store.requests()), "not all was signed well",
              [r for r in store.requests() if r["status"] >= 300])


def store_virtual_host(world: World) -> None:
    with world.store() as (store, _, job):
        job |= {"path-style": "no", "host": f"dumps.{STORE}"}
        answer = send(world.top, DATA_23, **job)
        check(answer.ok and store.content(NAME) == DATA_23, "not there", answer, store.keys())
        check(not store.requests()[0]["url"].startswith("/dumps/dumps"), "the bucket is there twice")


def store_odd_names(world: World) -> None:
    """Signed as they are sent, whatever is in them."""
    with world.store() as (store, _, job):
        for name in ("a b/ü+&=?%41.flat", "d/e!f*g'(h)/~i", "x/y:z,;@$"):
            answer = send(world.top, name.encode(), **(job | {"name": name}))
            check(answer.ok and store.content(name) == name.encode(), name, answer)


def store_credentials(world: World) -> None:
    with world.store() as (store, _, job):
        path = Path(str(job["credentials"]))
        good = path.read_text()
        for was, becomes, texts in (
                (SECRET, SECRET[:-1] + "x", ("SignatureDoesNotMatch",)),
                (TOKEN, TOKEN + "x", ("InvalidToken",)),
                (store.key_id, "ASIASOMEBODYELSE", ("InvalidAccessKeyId",)),
                ("aws_session_token", "; ", ("aws_session_token", "dumps_only"))):
            path.write_text(good.replace(was, becomes))
            answer = send(world.top, b"x", **job)
            check(answer.failed(REFUSED, *texts), f"another {was[:12]}", answer)
            check(SECRET not in answer.line and TOKEN not in answer.line, "a secret was told")
        check(store.keys() == [], "something was written", store.keys())
    with world.store(token=None, key_id="AKIADUMPS") as (store, _, job):
        path = store.credentials(world.top / "lasting", dumps_only="yes")
        check(send(world.top, b"x", **(job | {"credentials": path})).ok, "a key for dumps only")


def store_write_only(world: World) -> None:
    """Rights to put, and to give an upload up, are all that it takes."""
    with world.store(write_only=True) as (store, _, job):
        check(ask(world.top, "check", **job).ok, "the check")
        check(store.keys() == [] and store.uploads() == [], "the check left something")
        check(send(world.top, DATA_23, **job).ok and store.content(NAME) == DATA_23, "the upload")
        check(send(world.top, DATA_23, ABORT, **job).ok and store.uploads() == [], "the abort")
        check(ask(world.top, "get-digest", **job).failed(UNSUPPORTED, "AccessDenied"),
              "it cannot be read back")
        check(ask(world.top, "remove", **job).failed(REFUSED), "nor removed")


def store_leave_and_abort(world: World) -> None:
    with world.store() as (store, _, job):
        check(send(world.top, b"small", LEAVE, **job).ok, "a small one")
        check(store.keys() == [NAME + ".incomplete"], "not labelled", store.keys())
        check(send(world.top, DATA_23, LEAVE, **job).is_of(DATA_23), "a large one")
        label = store.content(NAME + ".incomplete").decode()
        check(store.content(NAME) == DATA_23 and hashlib.sha256(DATA_23).hexdigest() in label
              and "not whole" in label, "not labelled", label)
        asked = [r["url"] for r in store.requests() if "uploadId" in r["url"] or "inc" in r["url"]]
        check(asked[-1].split("?")[0].endswith("vmcore.flat") and asked[-2].endswith("incomplete"),
              "the label has to come first", asked[-2:])
    with world.store() as (store, _, job):
        for end in (ABORT, None):
            check(send(world.top, DATA_23, end, **job).ok, "abort")
            check(store.keys() == [] and store.uploads() == [], "something stayed")


def store_clock(world: World) -> None:
    """Our clock is days behind the server's, or ahead: it is corrected, once, by the server's."""
    for clock in (86400 * 3, -86400):
        with world.store(clock=clock) as (store, _, job):
            answer = send(world.top, DATA_23, **job)
            check(answer.ok and store.content(NAME) == DATA_23, f"{clock} s off", answer)
            failed = [r for r in store.requests() if r["status"] != 200]
            check(len(failed) == 1, "it was corrected more than once", failed)
    skewed = Fault("status", status=403, body=ERROR_BODY.format(
        code="RequestTimeTooSkewed", message="far off"), header={
            "Date": "Sun, 06 Nov 1994 08:49:37 GMT"})
    with world.store(skewed) as (_, proxy, job):
        answer = send(world.top, b"x", **job)
        check(answer.failed(REFUSED, "RequestTimeTooSkewed") and len(proxy.seen) == 2,
              "corrected for ever", answer, proxy.seen)


# ---- certificates


def tls_wrong(world: World) -> None:
    stranger = Authority(world.top / "stranger")
    for pair, ca, texts in (
            (stranger.issue(WEB), None, ("do not trust",)),
            (world.authority.issue("another.lab.test"), None, ("do not trust", WEB)),
            (world.authority.issue(WEB, start="20400101000000Z"), None,
             ("not yet valid", "clock")),
            (world.authority.issue(WEB, end="20250101000000Z"), None, ("expired",)),
            (world.pair, "/nonexistent/ca", ())):
        with world.web(pair=pair) as (nginx, _, job):
            if ca:
                job["ca"] = ca
            answer = send(world.top, b"x", **job)
            check(answer.failed(USAGE if ca else REFUSED, *texts), "trusted", answer)
            check(answer.seconds < 5, "it was tried again", answer)
            check(web_file(nginx) is None, "it was sent all the same")


def tls_old(world: World) -> None:
    """TLS 1.1 is refused; 1.2 will do."""
    for version, good in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
        with world.web(Fault("slow", seconds=0)) as (nginx, proxy, job):
            context = proxy.server.socket.context
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = version
            answer = send(world.top, b"x", **(job | {"retry_seconds": 1}))
            check(answer.ok == good, f"{version.name}", answer)


# ---- faults


def part_three_fails_twice(world: World, kind: str) -> None:
    match = "part-00003" if kind == "web" else "partNumber=3"
    make = world.web if kind == "web" else world.store
    for fault in (Fault("status", match=match, times=2, status=500),
                  Fault("status", match=match, times=2, status=503, header={"Retry-After": "1"}),
                  Fault("status", match=match, times=2, status=429),
                  Fault("status", match=match, times=2, status=408),
                  Fault("reset", match=match, times=2),
                  Fault("garbage", match=match, times=1),
                  Fault("stall", match=match, times=1),
                  Fault("deaf", match=match, times=1),
                  Fault("after", match=match, times=2),
                  Fault("slow", match=match, times=1, seconds=1)):
        with make(fault) as (server, proxy, job):
            answer = send(world.top, DATA_23, **(job | {"stall_seconds": 2}))
            there = web_parts(server) if kind == "web" else server.content(NAME)
            check(answer.is_of(DATA_23) and there == DATA_23, f"{kind} {fault.kind}", answer)
            times = sum(1 for seen in proxy.seen if match in seen[1])
            check(times == {"slow": 1, "stall": 2, "deaf": 2, "garbage": 2}.get(fault.kind, 3),
                  f"{kind} {fault.kind}: {times} tries", proxy.seen)
            others = [seen for seen in proxy.seen if match not in seen[1]]
            check(len({seen[:2] for seen in others}) == len(others),
                  f"{kind} {fault.kind}: other parts were sent again", others)


def web_part_three(world: World) -> None:
    part_three_fails_twice(world, "web")


def store_part_three(world: World) -> None:
    part_three_fails_twice(world, "store")


def no_is_no(world: World) -> None:
    """What the server refuses is not asked again."""
    for status, code in ((400, SYSTEM), (401, REFUSED), (403, REFUSED), (404, NOT_FOUND),
                         (405, UNSUPPORTED), (413, NO_SPACE), (507, NO_SPACE)):
        with world.web(Fault("status", match="part-00002", status=status)) as (_, proxy, job):
            answer = send(world.top, DATA_23, LEAVE, **job)
            check(answer.failed(code, str(status), "part 2") and answer.seconds < 5, "web", answer)
            tries = [s for s in proxy.seen if "part-00002" in s[1] and s[0] == "PUT"]
            check(len(tries) == 1, "asked again", proxy.seen)
        body = ERROR_BODY.format(code="SomeReason", message="as told")
        with world.store(Fault("status", match="partNumber=2", status=status, body=body)) as (
                store, _p, job):
            answer = send(world.top, DATA_23, ABORT, **job)
            check(answer.failed(code, str(status)) and answer.seconds < 5, "store", answer)
            check(store.uploads() == [] and store.keys() == [], "something stayed")


def error_in_a_small_part(world: World) -> None:
    """What still comes is thrown away, once into a part's buffer that was smaller than it."""
    port = free_port()
    job = {"kind": "https", "host": WEB, "url": f"https://{WEB}:{port}/", "port": port, "part": 1,
           "name": NAME, "ca": world.authority.certificates, "retry_seconds": 1}
    answer = send(world.top, DATA_23[:400000], ABORT, **job)
    check(answer.failed(SYSTEM, "127.0.0.1", "refused"), "nobody listens", answer, answer.stderr)


def error_then_leave(world: World) -> None:
    """It fails in the middle: what had arrived is kept, and labelled."""
    with world.web(Fault("status", match="part-00004", status=403)) as (nginx, _, job):
        answer = send(world.top, DATA_23, LEAVE, **job)
        check(answer.failed(REFUSED), "it did not fail", answer)
        listed = web_file(nginx, ".parts.incomplete")
        # the third may still be on its way when the fourth is refused
        heads = [f"# lifeboat-parts-1 {size} {hashlib.sha256(DATA_23[:size]).hexdigest()}\n".encode()
                 for size in (2 * PART, 3 * PART)]
        check(listed and any(map(listed.startswith, heads)), "the list", listed)
    with world.store(Fault("status", match="partNumber=4", status=403)) as (store, _, job):
        check(send(world.top, DATA_23, LEAVE, **job).failed(REFUSED), "it did not fail")
        check(store.content(NAME) in (DATA_23[:2 * PART], DATA_23[:3 * PART]), "what had arrived")
        check(b"not whole" in (store.content(NAME + ".incomplete") or b""), "no label")


def server_dead(world: World) -> None:
    """Nobody listens, from the beginning or from the middle on: it ends in time and says so."""
    port = free_port()
    job = {"kind": "https", "host": WEB, "url": f"https://{WEB}:{port}/", "port": port,
           "name": NAME, "ca": world.authority.certificates, "retry_seconds": 3}
    answer = send(world.top, b"x", **job)
    check(answer.failed(SYSTEM, "127.0.0.1", "refused", "tried") and 2 <= answer.seconds < 9,
          "nobody listens", answer)
    for kind in ("stall", "deaf", "reset"):
        faults = Fault(kind, match="part-0000[3-9]")
        with world.web(faults) as (nginx, _, job):
            answer = send(world.top, DATA_23, **(job | {"retry_seconds": 3, "stall_seconds": 2}))
            check(answer.line.startswith("error ") and answer.seconds < 25, kind, answer)
            check(kind == "reset" or answer.status == TIMEOUT, kind, answer)


def silent_port(world: World) -> None:
    """A server that accepts and never says a word of TLS."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(8)
        port = s.getsockname()[1]
        job = {"kind": "https", "host": WEB, "url": f"https://{WEB}:{port}/", "port": port,
               "name": NAME, "ca": world.authority.certificates}
        answer = send(world.top, b"x", retry_seconds=2, connect_seconds=1, **job)
        check(answer.failed(TIMEOUT) and answer.seconds < 8, "silence", answer)


def hostile_answers(world: World) -> None:
    """Answers without an end, of nonsense, or of another kind."""
    for kind in ("huge", "header"):
        with world.web(Fault(kind, match="vmcore")) as (_, _p, job):
            answer = send(world.top, b"x", retry_seconds=2, **job)
            check(answer.status in (CORRUPT, SYSTEM) and answer.seconds < 15, kind, answer)
    begun = "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>"
    for body in ("", "<UploadId>", "<UploadId></UploadId>", begun.format("x" * 5000),
                 begun.format("&#1;"), "<?xml" * 3000):
        with world.store(Fault("status", status=200, match="uploads=", body=body)) as (_, _p, job):
            answer = send(world.top, DATA_23, retry_seconds=2, **job)
            check(answer.failed(CORRUPT, "id"), repr(body[:40]), answer)
    text = ERROR_BODY.format(code="Bad", message="&#27;[31m\u202e<evil/>" + "y" * 5000)
    with world.store(Fault("status", status=403, body=text)) as (_, _p, job):
        answer = send(world.top, b"x", **job)
        check(answer.failed(REFUSED) and "\x1b" not in answer.line, "foreign text", answer)


def wrong_etag(world: World) -> None:
    with world.store(Fault("etag", match="partNumber=2")) as (store, _, job):
        answer = send(world.top, DATA_23, **job)
        check(answer.failed(SYSTEM, "InvalidPart"), "a part that the server takes for another",
              answer)
        check(store.keys() == [] and store.uploads() == [], "something stayed")


def completion(world: World) -> None:
    """"200 OK" with an error in it; an answer that is lost; one that means nothing."""
    match = "flat.uploadId="
    later = ERROR_BODY.format(code="InternalError", message="try again")
    never = ERROR_BODY.format(code="InvalidPart", message="no such part")
    for name, fault, good in (
            ("an error for now", Fault("status", method="POST", match=match, status=200, body=later,
                                       times=2), True),
            ("an error for ever", Fault("status", method="POST", match=match, status=200,
                                        body=never), False),
            ("nothing", Fault("status", method="POST", match=match, status=200, body="", times=1),
             True),
            ("done, but 500", Fault("after", method="POST", match=match, times=1), True),
            ("done, but 200 and an error", Fault("after", method="POST", match=match, status=200,
                                                 body=later, times=1), True),
            ("slow", Fault("slow", method="POST", match=match, seconds=2), True)):
        with world.store(fault) as (store, _, job):
            answer = send(world.top, DATA_23, **job)
            check(answer.ok == good, name, answer)
            check(store.content(NAME) == (DATA_23 if good else None), f"{name}: what is there")
            check(store.uploads() == [], f"{name}: an upload stayed")


def check_cut(world: World, cut: Callable[[Sender], object]) -> None:
    """What its state says arrived is kept, labelled as incomplete."""
    for kind in ("web", "store"):
        make = world.web if kind == "web" else world.store
        with make() as (server, _, job):
            state = world.top / f"state-{kind}"
            sender = Sender(world.top, state=state, **job)
            sender.data(DATA_23)
            until = time.monotonic() + 20
            while not (state.exists() and state.read_text().count("part ") == 4):
                check(time.monotonic() < until, "its state does not come", kind)
                time.sleep(0.02)
            cut(sender)
            sender.process.wait(20)
            answer = ask(world.top, "keep", state=state, **job)
            check(answer.is_of(DATA_23[:20 * MIB]), kind, answer)
            check(not state.exists(), "the state stayed")
            if kind == "web":
                check(web_parts(server) == DATA_23[:20 * MIB], "what is there")
                check(web_file(server, ".parts.incomplete"), "no label")
            else:
                check(server.content(NAME) == DATA_23[:20 * MIB], "what is there")
                check(server.content(NAME + ".incomplete"), "no label")


def killed(world: World) -> None:
    check_cut(world, lambda sender: sender.process.kill())


def orphaned(world: World) -> None:
    """Its parent was killed, for want of memory: it took that for an order to remove everything, before it was killed itself."""
    check_cut(world, lambda sender: sender.process.stdin.close())


def bad_input(world: World) -> None:
    with world.web() as (nginx, _, job):
        for frame in (b"\x09\0\0\0\0\0\0\0", b"\x01\0\0\0\xff\xff\xff\xff", b"\x02\0\0\0\1\0\0\0"):
            sender = Sender(world.top, **job)
            sender.process.stdin.write(frame)
            check(sender.answer().failed(CORRUPT, "frame"), repr(frame))
        sender = Sender(world.top, **job)
        sender.process.stdin.write(b"\x01\0\0\0\x10\0\0\0half")
        answer = sender.answer()
        check(answer.is_of(b"") and web_file(nginx) is None, "cut off in a frame", answer)
    for key, value in (("url", "http://dumps.lab.test/"), ("url", f"https://u:p@{WEB}/"),
                       ("host", "another"), ("address", "name.lab.test"), ("kind", "ftp")):
        answer = send(world.top, b"x", **(job | {key: value}))
        check(answer.failed(USAGE), f"{key} = {value}", answer)


# ---- how much it takes


def peak_of(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise LabError("no VmHWM")


def memory(world: World) -> None:
    """Two buffers and the libraries: what a capture kernel can spare."""
    data = DATA_23 * 4
    for kind, make in (("https", world.web), ("s3", world.store)):
        with make() as (_, _p, job):
            sender = Sender(world.top, **job)
            sender.data(data)
            peak = peak_of(sender.process.pid)
            sender.frame(COMMIT)
            check(sender.answer().is_of(data), kind)
            print(f"  {kind}: {peak} KiB at the most for {len(data) >> 20} MiB", flush=True)
            check(peak < 36 * 1024, f"{kind}: {peak} KiB")


def empty_root(world: World) -> None:
    """It runs where there is nothing but it, the libraries it is linked with, and its files."""
    if os.geteuid():
        print("SKIP empty_root: not root", flush=True)
        return
    root = Path(tempfile.mkdtemp(dir=world.top))
    binary = program("lifeboat-send")
    linked = subprocess.run(["ldd", str(binary)], check=True, capture_output=True, text=True)
    for word in linked.stdout.split():
        if word.startswith("/"):
            (root / word[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(word, root / word[1:])
    shutil.copy(binary, root / "lifeboat-send")
    with world.store() as (store, _, job):
        for key in ("ca", "credentials"):
            shutil.copy(job[key], root / key)
            (root / key).chmod(0o600)
            job[key] = f"/{key}"
        from .client import write_job
        shutil.copy(write_job(world.top, what="put", **job), root / "job")
        process = subprocess.Popen(
            ["chroot", str(root), "/lifeboat-send", "/job"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        frames = b"".join(len(piece).to_bytes(4, "little").rjust(8, b"\0").replace(
            b"\0\0\0\0", b"\1\0\0\0", 1) + piece
            for piece in (DATA_23[at:at + MIB] for at in range(0, len(DATA_23), MIB)))
        out, errors = process.communicate(frames + b"\2\0\0\0\0\0\0\0", timeout=60)
        line = out.decode().splitlines()[-1]
        check(Answer(line, process.returncode, 0, 0).is_of(DATA_23), "chroot", line, errors)
        check(store.content(NAME) == DATA_23, "what is there")


TESTS: list[Callable[[World], None]] = [
    # those that wait the longest first
    web_part_three, store_part_three, server_dead, completion, hostile_answers, killed, orphaned,
    web_sizes, web_damaged_there, web_header_and_query, web_check, web_remove, web_leave, web_abort,
    web_redirects, store_sizes, store_virtual_host, store_odd_names, store_credentials,
    store_write_only, store_leave_and_abort, store_clock, tls_wrong, tls_old,
    no_is_no, error_in_a_small_part, error_then_leave, silent_port, wrong_etag, bad_input, memory, empty_root,
]


def run(test: Callable[[World], None], top: Path) -> str | None:
    """None, or what was wrong."""
    try:
        test(World(Path(tempfile.mkdtemp(dir=top))))
        return None
    except Unavailable as why:
        return f"{SKIPPED}{' '.join(str(why).split())}"
    except Exception as why:  # noqa: BLE001: whatever it is, the others are run
        place = traceback.extract_tb(why.__traceback__)
        line = next((f.lineno for f in reversed(place)
                     if f.filename == __file__ and f.name != "check"), 0)
        return f"line {line}: {type(why).__name__}: {' '.join(str(why).split())[:900]}"


def main() -> int:
    patterns = sys.argv[1:] or ["*"]
    wanted = [test for test in TESTS
              if any(fnmatch.fnmatch(test.__name__, pattern) for pattern in patterns)]
    failed = 0
    tools.fetch()
    with tempfile.TemporaryDirectory(prefix="lifeboat-web-") as name:
        top = Path(name)
        World.authority = Authority(top)
        World.pair = World.authority.issue(WEB, STORE, f"*.{STORE}")
        try:
            install_store()
        except Unavailable:  # whoever needs it is skipped
            pass
        # most of the time they wait for what does not come
        with ThreadPoolExecutor(JOBS) as pool:
            for test, why in zip(wanted, pool.map(lambda test: run(test, top), wanted)):
                skipped = why is not None and why.startswith(SKIPPED)
                failed += why is not None and not skipped
                if skipped:
                    print(f"SKIP {test.__name__}: {why.removeprefix(SKIPPED)}", flush=True)
                else:
                    print(f"FAIL {test.__name__}: {why}" if why else f"ok {test.__name__}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
