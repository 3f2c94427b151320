# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parts of this stage share: the package, a disk with it installed, and what a guest says of itself."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import disk, whole
from lab.checks import Checks
from lab.errors import LabError
from lab.kdump import STATUS_INCOMPLETE, Kdump
from lab.live import Hardware, Live, accelerator
from lab.paths import build_dir
from lab.proc import tail

FOLDER = build_dir() / "system" / "service"
CRASH = "sync; echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger"  # as docs/guides/quick-start.md has it
CRASHED_SECONDS = 400  # from the command to the end of the boot behind it
CRASH_ID = "a6e0b1f5b2d04c6f9d0e3a4f7c815bd2"  # service/journal.h
LOST_ID = "c3a1d7e46f8b49d2a90c5e6b1f2d7308"
Say = Callable[[str], None]


@contextmanager
def machine(
    name: str,
    base: Path,
    hardware: Hardware = Hardware(),
    files: Sequence[Path] = (),
    disks: Sequence[Path] = (),
) -> Iterator[Live]:
    """A guest that writes to a copy of the disk, in a folder of this name; its parcel has the files. Further disks as they are."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    root = folder / "disk.img"
    whole.copy_disk(base, root)
    parcels = [whole.parcel(folder, files)] if files else []
    with Live(folder, [root, *disks, *parcels], hardware, accelerator()) as guest:
        yield guest


def discard(name: str) -> None:
    """The disks of a part that has gone well."""
    for path in (FOLDER / name).glob("*.img"):
        path.unlink()


def status(guest: Live) -> dict[str, Any]:
    """What `lifeboat status` says."""
    return parsed(guest.run("lifeboat status --json 2>/dev/null").output)


def parsed(text: str) -> dict[str, Any]:
    """The object that a command has printed."""
    try:
        value = json.loads(text)
    except ValueError as err:
        raise LabError(f"no JSON: {err}:\n{tail(text)}") from err
    if not isinstance(value, dict):
        raise LabError(f"no object: {text!r}")
    return value


def agree(guest: Live, checks: Checks, name: str, expected: bool = True) -> None:
    """The kernel, systemd and `lifeboat status`, by its text, its JSON and its exit status, say the same of the machine."""
    kernel = guest.must("cat /sys/kernel/kexec_crash_loaded").strip()
    unit = guest.run("systemctl is-active lifeboat.service").output.strip()
    said = guest.run("lifeboat status")
    loaded = status(guest)["loaded"]
    verdict = said.output.splitlines()[0] if said.output else ""
    begins = "armed" if expected else "NOT ARMED"
    seen = f"kernel {kernel}, unit {unit}, status {said.status} {verdict!r}, JSON {loaded}"
    good = kernel == str(int(expected)) and (unit == "active") == expected and loaded == expected
    good = good and begins in verdict and (said.status == 0) == expected
    checks.expect(name, good, seen, seen)


def install(guest: Live, checks: Checks) -> None:
    """The package on a machine that reserves nothing: it fails, and says what to do."""
    guest.wait_boot(1)
    done = guest.run(whole.INSTALL)
    checks.expect("package-installs", done.status == 0, done.output)
    unit = guest.run("systemctl status --no-pager lifeboat.service").output
    failed = guest.run("systemctl is-failed lifeboat.service").output.strip()
    told = "reset-crashkernel" in unit
    checks.expect("no-reservation-fails", failed == "failed" and told, f"{failed}\n{unit}")
    agree(guest, checks, "agree-unarmed", expected=False)


def reserve(guest: Live, checks: Checks) -> None:
    """`reset-crashkernel` has the boot loader reserve memory at the next boot."""
    done = guest.run("lifeboat reset-crashkernel", 240)
    configured = guest.must("cat /boot/grub/grub.cfg")
    lines = [line for line in configured.splitlines() if line.lstrip().startswith("linux\t")]
    # those for recovery are another variable's, GRUB_CMDLINE_LINUX
    lines = [line for line in lines if " single" not in line]
    good = done.status == 0 and lines and all(" crashkernel=" in line for line in lines)
    checks.expect("reset-crashkernel", bool(good), f"{done.output}\n{lines}")
    again = guest.run("lifeboat reset-crashkernel --dry-run", 60)
    checks.expect("reset-once", "+++" not in again.output, again.output)


def key() -> str:
    """What the disk with the package installed is made of."""
    digest = hashlib.sha256(whole.package().read_bytes())
    digest.update(str(whole.fetch_disk()).encode())
    return digest.hexdigest()


def installed(checks: Checks, say: Say, anew: bool = False) -> Path:
    """A disk with the package installed and memory reserved from the next boot on; made once for a package."""
    image, note = FOLDER / "installed.img", FOLDER / "installed.key"
    if not anew and image.exists() and note.exists() and note.read_text() == key():
        return image
    note.unlink(missing_ok=True)
    base = whole.fetch_disk()
    with machine("install", base, files=[whole.package()]) as guest:
        install(guest, checks)
        reserve(guest, checks)
        guest.power_off()
    say(f"the package is installed, and memory will be reserved ({guest.now():.0f} s)")
    (FOLDER / "install" / "disk.img").replace(image)
    discard("install")
    note.write_text(key())
    return image


def armed(guest: Live, checks: Checks, name: str = "agree-armed") -> None:
    """The machine has booted, and is armed."""
    guest.wait_boot(len(guest.boots) + (not guest.boots))
    agree(guest, checks, name)
    failed = guest.must("systemctl --failed --plain --no-legend --no-pager")
    checks.expect(f"{name}-no-unit-failed", not failed.strip(), failed)


def crash(guest: Live, checks: Checks) -> float:
    """It crashes, captures, and is up again; return when the panic was, on the console's clock."""
    began, number = guest.now(), len(guest.boots) + 1
    guest.begin(CRASH)
    panic = guest.wait_line("Kernel panic - not syncing", 30, began).seconds
    restart = guest.wait_line("lifeboat: final action", 180, panic).seconds
    guest.wait_boot(number, CRASHED_SECONDS)
    checks.expect("captured", True, measured=f"restarted {restart - panic:.1f} s after the panic")
    return panic


def crashes(guest: Live) -> list[dict[str, Any]]:
    """What `lifeboat list` has, the newest first."""
    return list(parsed(guest.must("lifeboat list --json"))["crashes"])


def journal(guest: Live, message: str) -> list[dict[str, Any]]:
    """This boot's entries of an id; collecting takes some moments."""
    command = f"journalctl -b -o json --no-pager MESSAGE_ID={message}"
    for _ in range(20):
        if lines := guest.must(command).splitlines():
            return [parsed(line) for line in lines]
        time.sleep(1)
    return []


def afterwards(guest: Live, checks: Checks) -> str:
    """After a crash: it is listed, told in the journal once with what the catalog knows, and sound; return its folder."""
    found = crashes(guest)
    if not found:
        raise LabError("lifeboat list has no crash")
    newest, folder = found[0], str(found[0]["folder"])
    good = newest["result"] == "complete" and "sysrq" in (newest["panic"] or "")
    checks.expect("listed", good, str(newest))
    entries = [one for one in journal(guest, CRASH_ID) if folder in str(one)]
    checks.expect("journal", len(entries) == 1, f"{len(entries)} entries about {folder}")
    text = guest.must(f"journalctl -b -x --no-pager MESSAGE_ID={CRASH_ID}")
    told = "its memory was saved" in text and folder in text and "@LIFEBOAT" not in text
    checks.expect("catalog", told, text)
    verified = guest.run(f"lifeboat verify {folder}")
    checks.expect("verified", verified.status == 0, verified.output)
    shown = guest.run("lifeboat show latest")
    checks.expect("shown", shown.status == 0 and "sysrq" in shown.output, shown.output)
    return folder


def take(name: str, folder: str) -> Path:
    """A crash folder from the disk of a guest that has ended."""
    into = FOLDER / name / "taken"
    shutil.rmtree(into, ignore_errors=True)
    disk.extract(Path(f"{FOLDER / name / 'disk.img'}{whole.FILE_SYSTEM}"), folder, into)
    return into / Path(folder).name


def sound(name: str, folder: str, checks: Checks) -> Kdump:
    """Looked at from outside: the file system is in order, and a reader of our own gets each page of the dump."""
    wrong = disk.wrong_with(Path(f"{FOLDER / name / 'disk.img'}{whole.FILE_SYSTEM}"), "ext4")
    checks.expect("file-system-sound", not wrong, wrong)
    dump = Kdump(take(name, folder) / "vmcore")
    pages = sum(1 for _ in dump.pages())
    checks.expect("dump-whole", not dump.status & STATUS_INCOMPLETE and pages > 0, measured=f"{pages} pages")
    return dump
