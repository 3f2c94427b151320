# SPDX-License-Identifier: GPL-2.0-or-later
"""Another kernel is installed by its package, and booted: it has its image already, and captures. The old one's goes with it."""

import shutil
import tempfile
from pathlib import Path

from lab import debs
from lab.checks import Checks

from .machine import FOLDER, Say, afterwards, agree, armed, crash, installed, machine, sound, status

INSTALL_SECONDS = 900
# The distribution's own initramfs for the new kernel is none of ours, and takes most of the time under TCG: a small one will do.
SMALL = "printf 'MODULES=dep\\nCOMPRESS=gzip\\n' >/etc/initramfs-tools/conf.d/small"
IMAGES = "cd /var/lib/lifeboat && ls initramfs-*.img"
PARCEL = "mkdir -p /parcel && mount LABEL=parcel /parcel"


def fetch(folder: Path) -> tuple[str, list[Path]]:
    """The newer kernel's version and its packages."""
    name = debs.kernel_package(debs.BACKPORTS)
    apt = debs.apt_of(debs.BACKPORTS)
    files = []
    for one in [name, *debs.kernel_parts(name, debs.BACKPORTS)]:
        into = Path(tempfile.mkdtemp(dir=folder))
        files.append(Path(apt.download(one, apt.show(one, "Version"), into)))
    return name.removeprefix("linux-image-"), files


def judge(checks: Checks, say: Say) -> None:
    """Install, reboot, crash, remove."""
    base = installed(checks, say)
    folder = FOLDER / "upgrade-packages"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    version, files = fetch(folder)
    with machine("upgrade", base, files=files) as guest:
        shutil.rmtree(folder)
        armed(guest, checks)
        old = guest.must("uname -r").strip()
        guest.must(SMALL)
        done = guest.run(f"{PARCEL} && dpkg -i /parcel/linux-*.deb", INSTALL_SECONDS)
        checks.expect("kernel-installs", done.status == 0, done.output)
        images = guest.must(IMAGES).split()
        both = sorted(f"initramfs-{one}.img" for one in (old, version))
        checks.expect("image-made-by-the-hook", sorted(images) == both, str(images))
        agree(guest, checks, "agree-meanwhile")
        say(f"kernel {version} is installed ({guest.now():.0f} s)")
        stamp = guest.must(f"stat -c %Y /var/lib/lifeboat/initramfs-{version}.img")
        guest.reboot()
        armed(guest, checks, "agree-with-the-new-one")
        running = guest.must("uname -r").strip()
        told = status(guest)
        good = running == version and told["image"]["release"].startswith(version)
        checks.expect("new-kernel-armed", good, f"{running}: {told['image']}")
        again = guest.must(f"stat -c %Y /var/lib/lifeboat/initramfs-{version}.img")
        checks.expect("image-was-ready", stamp == again and told["capture_image"]["state"] == "fresh",
                      f"{told['capture_image']}")
        crash(guest, checks)
        crashed = afterwards(guest, checks)
        done = guest.run(f"DEBIAN_FRONTEND=noninteractive dpkg --purge --force-depends linux-image-{old}", 400)
        checks.expect("old-kernel-goes", done.status == 0, done.output)
        images = guest.must(IMAGES).split()
        checks.expect("its-image-goes", images == [f"initramfs-{version}.img"], str(images))
        guest.power_off()
    sound("upgrade", crashed, checks)
