#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `lifeboat load --plan` says of each recorded machine of tests/roots.

    tests/plans/run.py LIFEBOAT [--write]

The whole output is compared with tests/plans/NAME.plan; --write makes those anew, to be read before they
are committed. Besides, judge.py works out from /proc/iomem by itself what must be in the plan's JSON.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import judge
import words

HERE = Path(__file__).resolve().parent
ROOTS = HERE.parent / "roots"
INITRD = b"070701" + bytes(5_000_000)
INIT_SIZE = 50 << 20
LINE = ["--command-line", "console=ttyS1,115200 quiet"]
CONFIG = """9p crashes
capture_cpus 2
cmdline_append console=ttyS1
cmdline_remove cma panic quiet
"""


@dataclass(frozen=True)
class Case:
    """A plan: of a machine, by these options."""

    machine: str
    options: tuple[str, ...] = ("-p", "-c", "--no-rules", *LINE)
    suffix: str = ""

    @property
    def name(self) -> str:
        return self.machine + self.suffix


RULES = ("-p", *LINE)
CASES = (
    Case("ready"),
    Case("ready", ("-p", "-c", "--reuse-cmdline", "--append", "panic=30"), "-reuse"),
    Case("ready", ("-p", "-c", "--reuse-cmdline", "--config", "lifeboat.conf"), "-config"),
    Case("ready", ("-l", "-c", "--reuse-cmdline"), "-ordinary"),
    Case("high-low"),
    Case("laptop"),
    Case("efi-server"),
    Case("numa-4tb"),
    Case("numa-4tb", ("-p", "-c", *LINE), "-rules"),
    Case("cxl-pmem"),
    Case("cxl-pmem", ("-l", "-c", "--no-rules", *LINE), "-ordinary"),
    Case("sparse-cpus"),
    Case("hotplug-kernel"),
    Case("hotplug-kernel", ("-l", "-c", "--no-rules", *LINE), "-ordinary"),
    Case("odd-iomem"),
    Case("armed", RULES),     # recorded without what segments need
    Case("lockdown", RULES),  # the kernel makes its own segments
    Case("lockdown", ("-p", "-c", *LINE), "-segments"),
    Case("no-reservation"),
    Case("failed-reservation"),
    Case("not-root"),
    Case("load-disabled"),
    Case("limit-used-up"),
    Case("container"),
    Case("no-kexec"),
    Case("new-names", RULES),
)


def bzimage() -> bytes:
    """As arch/x86/boot/header.S lays it out: protocol 2.15, five sectors of setup, a little payload."""
    image = bytearray(5 * 512 + 256 * 16)
    for offset, data in {
        0x1f1: b"\4",                             # setup_sects
        0x1f4: (256).to_bytes(4, "little"),       # syssize
        0x1fe: b"\x55\xaa", 0x202: b"HdrS", 0x206: b"\x0f\x02",
        0x20e: b"\0\2",                           # the release is at 0x200 behind the first sector
        0x211: b"\1",                             # LOADED_HIGH
        0x230: (0x200000).to_bytes(4, "little"),  # alignment
        0x236: b"\x7f",                           # xloadflags
        0x238: (2047).to_bytes(4, "little"),      # cmdline_size
        0x258: (0x1000000).to_bytes(8, "little"),
        0x260: INIT_SIZE.to_bytes(4, "little"),
        0x400: b"6.9.0-test (someone@host) #1",
    }.items():
        image[offset:offset + len(data)] = data
    image[5 * 512:] = bytes(i * 7 % 256 for i in range(256 * 16))
    return bytes(image)


def run(lifeboat: str, case: Case, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The paths in the output are relative: to the files, and to the machine."""
    argv = [lifeboat, "load", "--plan", *more, "--root", case.machine, "--initrd", "initrd.img",
            *case.options, "vmlinuz"]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def as_text(case: Case, done: subprocess.CompletedProcess[str]) -> str:
    options = " ".join(f"'{o}'" if " " in o else o for o in case.options)
    text = f"# lifeboat load --plan --root {case.machine} {options}\n{done.stdout}"
    return text + (f"{done.stderr}exit status {done.returncode}\n" if done.returncode else "")


def first_difference(got: str, want: str) -> str:
    pairs = list(zip(got.splitlines() + ["(end)"], want.splitlines() + ["(end)"]))
    number, (ours, theirs) = next((n, p) for n, p in enumerate(pairs, 1) if p[0] != p[1])
    return f"line {number} is '{ours.strip()}', not '{theirs.strip()}'"


def check(lifeboat: str, case: Case, folder: Path, write: bool) -> list[str]:
    """What is wrong with one plan."""
    golden = HERE / f"{case.name}.plan"
    done = run(lifeboat, case, folder)
    text = as_text(case, done)
    if write:
        golden.write_text(text, encoding="utf-8")
    wrong = []
    if not golden.exists():
        wrong.append(f"{golden.name} is not there: --write makes it")
    elif text != (want := golden.read_text(encoding="utf-8")):
        wrong.append(f"{golden.name}: {first_difference(text, want)}")
    if done.returncode:
        return wrong
    told = run(lifeboat, case, folder, "--json")
    if told.returncode or told.stderr:
        return [*wrong, f"--json: exit status {told.returncode}: {told.stderr.strip()}"]
    plan = json.loads(told.stdout)
    if plan["problem"]:
        return wrong if not plan["segments"] else [*wrong, "has segments and a problem"]
    iomem = (ROOTS / case.machine / "proc/iomem").read_text(encoding="utf-8")
    return wrong + judge.judge(plan, iomem, INIT_SIZE, len(INITRD))


def write_configs(folder: Path) -> None:
    """Two files, and a machine with little more than one."""
    (folder / "lifeboat.conf").write_text(CONFIG, encoding="ascii")
    (folder / "bad.conf").write_text("\npaht /crash\n", encoding="ascii")
    for path, text in {"etc/lifeboat.conf": CONFIG, "proc/self/mountinfo": "",
                       "proc/sys/kernel/osrelease": "6.9.0-test\n",
                       "sys/bus/virtio/devices/virtio0/device": "0x0009\n",
                       "sys/bus/virtio/devices/virtio0/mount_tag": "crashes"}.items():
        file = folder / "configured" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")


def main() -> int:
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--write"]):
        raise SystemExit(__doc__)
    lifeboat = str(Path(sys.argv[1]).resolve())
    failed = False
    with tempfile.TemporaryDirectory(prefix="lifeboat-plans-") as name:
        folder = Path(name)
        (folder / "vmlinuz").write_bytes(bzimage())
        (folder / "initrd.img").write_bytes(INITRD)
        write_configs(folder)
        for machine in {case.machine for case in CASES}:
            (folder / machine).symlink_to(ROOTS / machine)
        for case in CASES:
            wrong = check(lifeboat, case, folder, bool(sys.argv[2:]))
            failed |= bool(wrong)
            print(f"FAIL plan {case.name}: {'; '.join(wrong)}" if wrong else f"ok plan {case.name}")
        wrong = list(words.check(lifeboat, folder))
        failed |= bool(wrong)
        print(f"FAIL words: {'; '.join(wrong)}" if wrong else "ok words")
    stray = {p.stem for p in HERE.glob("*.plan")} - {case.name for case in CASES}
    if stray:
        failed = True
        print(f"FAIL plans: of no machine: {', '.join(sorted(stray))}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
