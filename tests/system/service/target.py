# SPDX-License-Identifier: GPL-2.0-or-later
"""Another target is configured: until the service is reloaded `status` says that what is armed is stale; then dumps go there."""

from pathlib import Path

from lab import disk
from lab.checks import Checks
from lab.kdump import STATUS_INCOMPLETE, Kdump

from .machine import FOLDER, Say, afterwards, agree, armed, crash, installed, machine, status

MIB = 512
UUID = "0b5c0de0-0000-4000-8000-000000000002"
CONF = """
mkdir -p /crashes
echo 'LABEL=crashes /crashes ext4 defaults,nofail 0 2' >>/etc/fstab
systemctl daemon-reload
mount /crashes
printf 'ext4 LABEL=crashes\\npath /here\\n' >/etc/lifeboat.conf
"""


def make_disk(path: Path) -> None:
    """The other disk."""
    tree = path.with_suffix(".tree")
    tree.mkdir(parents=True)
    disk.make_ext4(path, tree, UUID, MIB, "crashes")
    tree.rmdir()


def judge(checks: Checks, say: Say) -> None:
    """Change it, reload, crash."""
    other = FOLDER / "target-crashes.img"
    other.unlink(missing_ok=True)
    make_disk(other)
    with machine("target", installed(checks, say), disks=[other]) as guest:
        armed(guest, checks)
        guest.must(CONF)
        told = status(guest)
        stale = told["capture_image"]["state"] == "stale" and "stale" in guest.run("lifeboat status").output
        checks.expect("stale-is-told", stale, str(told["capture_image"]))
        guest.must("systemctl reload lifeboat.service")
        agree(guest, checks, "agree-reloaded")
        told = status(guest)
        mounted = [one["mounted_at"] for one in told["targets"]]
        good = told["capture_image"]["state"] == "fresh" and mounted == ["/crashes"]
        checks.expect("fresh-again", good, f"{told['capture_image']}, {told['targets']}")
        crash(guest, checks)
        agree(guest, checks, "agree-after-the-crash")
        folder = afterwards(guest, checks)
        checks.expect("folder", folder.startswith("/crashes/here/"), folder)
        elsewhere = guest.must("ls /var/crash")
        checks.expect("nowhere-else", not elsewhere.strip(), elsewhere)
        guest.power_off()
    wrong = disk.wrong_with(other, "ext4")
    checks.expect("file-system-sound", not wrong, wrong)
    into = FOLDER / "target" / "taken"
    disk.extract(other, folder.removeprefix("/crashes"), into)
    dump = Kdump(into / Path(folder).name / "vmcore")
    pages = sum(1 for _ in dump.pages())
    checks.expect("dump-whole", not dump.status & STATUS_INCOMPLETE and pages > 0)
    if not checks.failed:
        other.unlink()
