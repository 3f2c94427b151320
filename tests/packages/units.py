# SPDX-License-Identifier: GPL-2.0-or-later
"""Units, the generator and udev's rules, as far as they can be judged without a system that boots."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from .report import ROOT, Report, make, run

SERVICES = ("lifeboat.service", "lifeboat-reload.service", "lifeboat-collect.service",
            "lifeboat-send.service")
UNITS = (*SERVICES, "lifeboat-reload.path", "lifeboat-send.path")
RULES = ROOT / "service/units/98-lifeboat.rules"

# The most that `systemd-analyze security` may say, of 10; what is open, and why, stands in the units.
EXPOSURE = {"lifeboat.service": 2.7, "lifeboat-reload.service": 2.6, "lifeboat-collect.service": 1.4,
            "lifeboat-send.service": 3.0}

CONFIG = 'raw PARTLABEL="kernel dumps"\next4 UUID=0F2A1B3C-4D5E-4F60-8A7B-9C0D1E2F3A4B\ndeadline_device 12\n'
FSTAB = "UUID=0f2a1b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b /srv/crash-es ext4 nofail 0 2\n"


def systemd_version() -> int:
    match = re.match(r"systemd (\d+)", run("systemd-analyze", "--version").stdout)
    return int(match.group(1)) if match else 0


def verify(folder: Path, *units: str) -> str:
    """What systemd-analyze complains of; drop-ins of the folder count."""
    return run("systemd-analyze", "verify", "--man=no", *(folder / u for u in units),
               SYSTEMD_UNIT_PATH=f"{folder}:").stdout


def check_judge(folder: Path) -> str | None:
    """A misspelt key has to be found, or the silence of the others says nothing."""
    bad = folder / "misspelt.service"
    text = (folder / "lifeboat.service").read_text(encoding="utf-8")
    bad.write_text(text.replace("NoNewPrivileges=", "NoNewPrivilege="))
    said = verify(folder, bad.name)
    bad.unlink()
    return None if "NoNewPrivilege" in said else f"a misspelt key is not complained of: {said}"


def check_exposure(folder: Path, unit: str) -> str | None:
    said = run("systemd-analyze", "security", "--offline=yes", "--no-pager", folder / unit).stdout
    match = re.search(r"exposure level for \S+: ([\d.]+)", said)
    if not match:
        return said[-400:]
    level = float(match.group(1))
    return f"{level} of at most {EXPOSURE[unit]}" if level > EXPOSURE[unit] else None


def generated(place: Path, config: str, fstab: str) -> tuple[int, str, Path]:
    """Exit status, words and folder of the generator on a made machine."""
    program = place / "lifeboat-generator"
    if not program.exists():
        program.symlink_to(ROOT / "build/lifeboat")
    root, folder = place / "root", place / "generated"
    for path in (root, folder):
        shutil.rmtree(path, ignore_errors=True)
    (root / "etc").mkdir(parents=True)
    folder.mkdir()
    (root / "etc/lifeboat.conf").write_text(config)
    (root / "etc/fstab").write_text(fstab)
    done = run(program, "--root", root, folder, folder, folder)
    return done.returncode, done.stdout, folder


def escape(path: str, suffix: str) -> str:
    return run("systemd-escape", "--path", f"--suffix={suffix}", path).stdout.strip()


def check_generator(place: Path, units: Path) -> list[str]:
    """Its names are systemd's own, and systemd takes what it writes."""
    status, said, folder = generated(place, CONFIG, FSTAB)
    if status or said:
        return [f"status {status}: {said}"]
    raw = escape("/dev/disk/by-partlabel/kernel\\x20dumps", "device")
    disk = escape("/dev/disk/by-uuid/0f2a1b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b", "device")
    want = {f"Wants={raw}", f"After={raw}", f"Wants={disk}", f"After={disk}",
            f"After={escape('/srv/crash-es', 'mount')}"}
    problems = []
    for unit in ("lifeboat.service", "lifeboat-collect.service"):
        text = (folder / f"{unit}.d/targets.conf").read_text(encoding="utf-8")
        got = set(text.split("[Unit]\n")[1].splitlines())
        problems += [f"{unit}: {line}" for line in sorted(got ^ want)]
    bound = folder / f"{raw}.d/40-lifeboat.conf"
    if not bound.exists() or "JobRunningTimeoutSec=12\n" not in bound.read_text(encoding="utf-8"):
        problems.append("the wait for the device is not bounded")
    if (folder / f"{disk}.d").exists():
        problems.append("the wait for a device of fstab is changed")
    for unit in UNITS:
        shutil.copy(units / unit, folder)
    return [*problems, *verify(folder, "lifeboat.service", "lifeboat-collect.service").splitlines()]


# A share that fstab mounts, and what it waits for: a service, which like nearly all is behind basic.target.
NETWORK = {
    "srv-share.mount": "[Unit]\nAfter=network-online.target\n[Mount]\nWhat=server:/x\nWhere=/srv/share\nType=nfs\n",
    "network-up.service": "[Unit]\nBefore=network-online.target\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "whole.target": "[Unit]\nWants=lifeboat.service lifeboat-collect.service srv-share.mount network-up.service "
                    "network-online.target basic.target\n",
}


def check_boot(place: Path, units: Path) -> list[str]:
    """
    A target on the network is no cycle: lifeboat-reload.path was behind lifeboat.service and in front of basic.target, so that
    systemd dropped the mount to boot at all, and without such a target held up all of the boot until the machine was armed.
    """
    _, _, folder = generated(place, "path /srv/share/crash\n", "server:/x /srv/share nfs defaults 0 0\n")
    if "After=srv-share.mount" not in (folder / "lifeboat.service.d/targets.conf").read_text(encoding="utf-8"):
        return ["the service is not behind the share"]
    for unit in UNITS:
        shutil.copy(units / unit, folder)
    for name, text in NETWORK.items():
        (folder / name).write_text(text)
    return verify(folder, "whole.target").splitlines()


def check_generator_fails(place: Path) -> list[str]:
    """systemd is told of no failure: it could do nothing about one. As nobody, who cannot write to the kernel's log."""
    status, said, folder = generated(place, "nonsense\n", "")
    problems = [] if status and "nonsense" in said and not any(folder.iterdir()) else [f"bad key: {said}"]
    with tempfile.TemporaryDirectory() as readable:
        os.chmod(readable, 0o755)
        program = shutil.copy(ROOT / "build/lifeboat", f"{readable}/lifeboat-generator")
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        done = run(*as_nobody, program, "/proc/nowhere")
    if done.returncode or "/proc/nowhere" not in done.stdout:
        problems.append(f"a folder that is not there: status {done.returncode}, {done.stdout}")
    return problems


def commands_of(text: str) -> set[tuple[str, ...]]:
    """Each call of ours in a unit or hook: the verb and its options."""
    calls = set()
    for match in re.finditer(r"@sbindir@/lifeboat ([a-z-]+)((?: +[^\s|&;]+)*)", text):
        options = re.findall(r"(?<!\S)(--[a-z-]+)", match.group(2))
        calls.add((match.group(1), *options))
    return calls


def check_verbs() -> list[str]:
    """Units and hooks call nothing that the program does not know."""
    program = ROOT / "build/lifeboat"
    verbs = set(re.findall(r"^  ([a-z-]+) ", run(program, "--help").stdout, re.M))
    problems = []
    count = 0
    for path in [*(ROOT / "service/units").glob("*.in"), *(ROOT / "service/kernel").glob("*.in")]:
        for verb, *options in commands_of(path.read_text(encoding="utf-8")):
            count += 1
            if verb not in verbs:
                problems.append(f"{path.name}: there is no lifeboat {verb}")
                continue
            said = run(program, verb, "--help").stdout
            problems += [f"{path.name}: lifeboat {verb} has no {o}" for o in options
                         if not re.search(rf"{o}\b", said)]
    return problems if count >= 7 else [f"only {count} calls were found"]


def check_paths_agree() -> list[str]:
    """The file that udev's rule makes is the one that the path unit waits for and the service removes."""
    units = ROOT / "service/units"
    name = re.search(r"^PathExists=(.+)$", (units / "lifeboat-reload.path.in").read_text(), re.M)
    if not name:
        return ["the path unit waits for nothing"]
    problems = []
    if f'RUN+="/bin/touch {name.group(1)}"' not in RULES.read_text():
        problems.append(f"the rule does not make {name.group(1)}")
    if f"ExecStartPre=rm -f {name.group(1)}\n" not in (units / "lifeboat-reload.service.in").read_text():
        problems.append(f"the service does not remove {name.group(1)}")
    record = re.search(r'TEST!="/run/lifeboat/([^"]+)"', RULES.read_text())
    if not record or f'"%s/{record.group(1)}"' not in (ROOT / "loader/state.c").read_text():
        problems.append("the rule looks for another record than the loader writes")
    return problems


def check_enable(place: Path, units: Path) -> str | None:
    """`systemctl enable lifeboat lifeboat-collect`, as the guides have it, below another root: both start with the machine."""
    root = place / "enabled"
    (root / "usr/lib/systemd/system").mkdir(parents=True)
    (root / "etc/systemd/system").mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(units / unit, root / "usr/lib/systemd/system")
    done = run("systemctl", f"--root={root}", "enable", "lifeboat", "lifeboat-collect")
    links = {p.name for p in (root / "etc/systemd/system").glob("*.wants/*")}
    return None if done.returncode == 0 and links == {"lifeboat.service", "lifeboat-collect.service"} else f"{links}: {done.stdout}"


def check_rules(report: Report, version: int) -> None:
    if version < 254:
        report.skip("udev rules", f"systemd {version} has no udevadm verify")
        return
    done = run("udevadm", "verify", "--no-style", RULES)
    report.check("udev rules", done.stdout if done.returncode else None)


def check_all(report: Report, place: Path) -> None:
    version = systemd_version()
    make(f"BUILD={place}", f"sbindir={ROOT}/build", *(f"{place}/units/{u}" for u in UNITS))
    units = place / "units"
    report.check("units: verify", verify(units, *UNITS).splitlines())
    report.check("units: verify can fail", check_judge(units))
    for unit in SERVICES:
        report.check(f"units: exposure of {unit}", check_exposure(units, unit))
    report.check("units: generator", check_generator(place, units))
    report.check("units: no cycle with a share", check_boot(place, units))
    report.check("units: enabled as the guides say", check_enable(place, units))
    report.check("units: generator fails", check_generator_fails(place))
    report.check("units and hooks: commands", check_verbs())
    report.check("units and rules: one file", check_paths_agree())
    check_rules(report, version)
