# SPDX-License-Identifier: GPL-2.0-or-later
"""A proxy in front of a web server or an object store, which makes it fail as told.

    faults = [Fault("status", method="PUT", match="partNumber=3", times=2, status=500)]
    with Faulty(("127.0.0.1", store.port), pair, faults) as proxy:      # proxy.port; proxy.seen, what came by

It ends TLS with `pair` and speaks plain HTTP to what stands behind it, with the request's own header, so that
signatures hold. By hand:

    python3 -m lab.servers.faulty BACKEND-PORT CERTIFICATE KEY PORT FAULT…      FAULT: kind[,key=value]…
"""

import http.client
import re
import socket
import ssl
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .web import Pair

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"}
ERROR_BODY = ('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
              "<Message>{message}</Message></Error>")


@dataclass
class Fault:
    """What becomes of the first `times` requests whose method and target match.

    status    answered with `status` and `body`, without asking the server
    after     the server has done it, but the answer is `status` and `body`
    reset     the connection is reset once half of the body has come
    stall     the request is read, and never answered
    deaf      not even the body is read
    slow      answered after `seconds`
    etag      answered with another ETag than the server's
    huge      answered with a body that does not end
    header    answered with a header that does not end
    garbage   answered with what is not HTTP
    """

    kind: str
    method: str = ""
    match: str = ""
    times: int = 1_000_000
    status: int = 500
    body: str = ERROR_BODY.format(code="InternalError", message="as told")
    seconds: float = 2
    header: dict[str, str] = field(default_factory=dict)

    def takes(self, method: str, target: str) -> bool:
        if not self.times or (self.method and self.method != method):
            return False
        if not re.search(self.match, target):
            return False
        self.times -= 1
        return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: "Faulty"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002: as the base class has it
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, header: dict[str, str], body: bytes, length: int | None) -> None:
        self.send_response_only(status)
        for name, value in header.items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Content-Length", str(len(body)))
        elif status != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes, int | None]:
        server = http.client.HTTPConnection(*self.proxy.backend, timeout=120)
        try:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    server.putheader(name, value)
            server.endheaders(body or None)
            got = server.getresponse()
            header = {name: value for name, value in got.getheaders()
                      if name.lower() not in HOP_BY_HOP | {"content-length"}}
            length = got.getheader("Content-Length")
            content = got.read()
            if self.command == "HEAD":
                return got.status, header, b"", int(length or 0)
            return got.status, header, content, None
        finally:
            server.close()

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        raw = self.connection.detach() if isinstance(self.connection, ssl.SSLSocket) else None
        if raw is not None:
            socket.close(raw)

    def endless(self, start: bytes, piece: bytes) -> None:
        self.wfile.write(start)
        while not self.proxy.ending.is_set():
            self.wfile.write(piece)

    def fail(self, fault: Fault) -> bool:
        """True: there is nothing more to answer."""
        if fault.kind == "reset":
            self.rfile.read(int(self.headers.get("Content-Length") or 0) // 2)
            self.reset()
        elif fault.kind == "deaf":
            self.proxy.ending.wait(3600)
        elif fault.kind == "stall":
            self.body()
            self.proxy.ending.wait(3600)
        elif fault.kind == "huge":
            self.body()
            self.endless(b"HTTP/1.1 200 OK\r\n\r\n", b"<A>" * 4096)
        elif fault.kind == "header":
            self.body()
            self.endless(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 4000 + b"\r\n")
        elif fault.kind == "garbage":
            self.body()
            self.wfile.write(b"\x16\x03\x01 what is this\r\n\r\n")
        elif fault.kind == "status":
            self.body()
            self.answer(fault.status, fault.header, fault.body.encode(), None)
            return True
        else:
            return False
        self.close_connection = True
        return True

    def handle_any(self) -> None:
        target = self.path
        with self.proxy.lock:
            fault = next((f for f in self.proxy.faults if f.takes(self.command, target)), None)
            self.proxy.seen.append((self.command, target, fault.kind if fault else ""))
        if fault and self.fail(fault):
            return
        status, header, body, length = self.forward(self.body())
        if fault and fault.kind == "slow":
            time.sleep(fault.seconds)
        elif fault and fault.kind == "after":
            status, body = fault.status, fault.body.encode()
        elif fault and fault.kind == "etag":
            header = {n: v for n, v in header.items() if n.lower() != "etag"}
            header["ETag"] = '"00000000000000000000000000000000"'
        self.answer(status, header, body, length)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_MKCOL = do_OPTIONS = handle_any


class Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # connections that a test breaks


class Faulty:
    def __init__(self, backend: tuple[str, int], pair: Pair | None, faults: list[Fault],
                 address: str = "127.0.0.1", port: int = 0) -> None:
        self.backend, self.faults = backend, faults
        self.seen: list[tuple[str, str, str]] = []
        self.lock, self.ending = threading.Lock(), threading.Event()
        handler = type("Handler", (Handler,), {"proxy": self})
        self.server = Quiet((address, port), handler)
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            # the handshake is the connection's own thread's business, not that of the one that accepts
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_address[1]

    def __enter__(self) -> "Faulty":
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()


def parse(text: str) -> Fault:
    kind, *rest = text.split(",")
    given = dict(pair.split("=", 1) for pair in rest)
    fault = Fault(kind, given.get("method", ""), given.get("match", ""))
    fault.times = int(given.get("times", fault.times))
    fault.status = int(given.get("status", fault.status))
    fault.seconds = float(given.get("seconds", fault.seconds))
    return fault


def main() -> None:
    backend, certificate, key, port, *faults = sys.argv[1:]
    with Faulty(("127.0.0.1", int(backend)), Pair(Path(certificate), Path(key)),
                [parse(text) for text in faults], "0.0.0.0", int(port)) as proxy:
        print(f"ready {proxy.port}", flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
