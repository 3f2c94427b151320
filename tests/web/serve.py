# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server and an object store for tests in C: python3 -m tests.web.serve FOLDER

Prints "ready WEB-PORT STORE-PORT" and ends with its standard input. In FOLDER: authority/ca.pem, web/nginx/files (what
was put), credentials. The object store's things are in s3/data/dumps/NAME._S3rver_object.
"""

import sys
from pathlib import Path

from lab.errors import Unavailable
from lab.servers.web import Authority, Nginx, ObjectStore

from .__main__ import STORE, WEB, free_port


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    authority = Authority(folder)
    pair = authority.issue(WEB, STORE)
    try:
        with Nginx(folder, pair, port=free_port()) as nginx, ObjectStore(folder, pair) as store:
            store.credentials(folder / "credentials")
            print(f"ready {nginx.port} {store.port}", flush=True)
            sys.stdin.read()
    except Unavailable as why:
        print(f"unavailable: {' '.join(str(why).split())}", flush=True)


if __name__ == "__main__":
    main()
