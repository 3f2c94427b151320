# SPDX-License-Identifier: GPL-2.0-or-later
"""The disk is full: `status` says so before, the log is on the disk after, and the machine comes up and tells what is missing."""

from pathlib import Path

from lab import disk, whole
from lab.checks import Checks

from .machine import CRASH_ID, FOLDER, LOST_ID, Say, armed, crash, crashes, installed, journal, machine, status, take

LEFT_MIB = 3
FILL = f"""
sync
free=$(($(stat -f -c '%a * %S' /) / 1048576 - {LEFT_MIB}))
fallocate -l ${{free}}M /var/filler
sync
"""


def judge(checks: Checks, say: Say) -> None:
    """Fill it, crash, look."""
    with machine("full", installed(checks, say)) as guest:
        armed(guest, checks)
        guest.must(FILL)
        told = status(guest)
        said = guest.run("lifeboat status")
        fits = [one["fits"] for one in told["targets"]]
        checks.expect("told-before", fits == ["no"] and bool(told["problem"]), str(told))
        verdict = said.output.splitlines()[0]
        checks.expect("verdict", "armed, but" in verdict, verdict, verdict)
        crash(guest, checks)
        found = crashes(guest)
        results = [one["result"] for one in found]
        good = len(found) == 1 and results[0] in ("log-only", "partial")
        checks.expect("result", good, str(found), str(results))
        lost = journal(guest, LOST_ID)
        saved = guest.must(f"journalctl -b -o json --no-pager MESSAGE_ID={CRASH_ID}")
        checks.expect("journal", len(lost) == 1 and not saved.strip(), f"{lost} {saved}")
        text = guest.must(f"journalctl -b -x --no-pager MESSAGE_ID={LOST_ID}")
        checks.expect("catalog", "there is no whole dump" in text, text)
        verified = guest.run(f"lifeboat verify {found[0]['folder']}")
        checks.expect("verify-tells", "dmesg.txt is as it was written" in verified.output, verified.output)
        guest.must("rm /var/filler")
        guest.power_off()
    image = Path(f"{FOLDER / 'full' / 'disk.img'}{whole.FILE_SYSTEM}")
    wrong = disk.wrong_with(image, "ext4")
    checks.expect("file-system-sound", not wrong, wrong)
    log = (take("full", found[0]["folder"]) / "dmesg.txt").read_text(encoding="utf-8", errors="replace")
    checks.expect("log", "Kernel panic - not syncing: sysrq" in log, log[-400:])
