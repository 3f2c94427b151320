#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the machines of tests/roots that no guest was at hand for, and what recorded ones lack.

    tests/roots/make_machines.py [FOLDER]     default: beside this file

Layouts are made up after what such machines show. /proc/kcore is only its ELF header and program
headers, as fs/proc/kcore.c of Linux 6.1 orders them; boot_params has only what a loader carries over.
"""

import re
import struct
import sys
from pathlib import Path

import disks

NOTES_SIZE = 0x188  # bytes of a crash note on x86_64
LINE = re.compile(r"( *)([0-9a-f]+)-([0-9a-f]+) : (.*)")


def write(path: Path, data: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def entries(iomem: str) -> list[tuple[int, int, str]]:
    """Start, end (exclusive) and name of every line."""
    found = []
    for line in iomem.splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        found.append((int(match[2], 16), int(match[3], 16) + 1, match[4]))
    return found


# ---- /proc/kcore

def phdr(kind: int, vaddr: int, paddr: int, size: int) -> bytes:
    """p_offset is far behind everything that is in the file."""
    offset = (vaddr & 0x7fff_ffff_ffff) + 0x3000
    return struct.pack("<IIQQQQQQ", kind, 7, offset, vaddr, paddr & (1 << 64) - 1, size, size, 4096)


def kcore(iomem: str, text: int, direct: int) -> bytes:
    """`text`: address of _text; `direct`: of physical 0."""
    lines = entries(iomem)
    start = next(first for first, _, name in lines if name == "Kernel code")
    end = next(last for _, last, name in lines if name == "Kernel bss") + 0x2c000  # and .brk
    table = [phdr(4, 0, 0, 0)]
    table.append(phdr(1, text, start, (end + 0xfff & ~0xfff) - start))
    table.append(phdr(1, 0xffffc90000000000, -1, 0x1fff_ffff_f000))
    table.append(phdr(1, 0xffffffffc0000000, -1, 0x3f000000))
    ram: list[tuple[int, int]] = []
    for first, last, name in lines:
        first, last = first + 0xfff & ~0xfff, last & ~0xfff
        if name.startswith("System RAM") and first < last and (not ram or first >= ram[-1][1]):
            ram.append((first, last))
    for first, last in ram:
        table.append(phdr(1, direct + first, first, last - first))
    head = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 4, 62, 1, 0, 64, 0, 0,
                       64, 56, len(table), 0, 0, 0)
    return head + b"".join(table)


# ---- what any machine has

def boot_params(efi: tuple[int, int] | None, rsdp: int) -> bytes:
    """`efi`: system table and memory map. Offsets: Documentation/arch/x86/zero-page.rst."""
    page = bytearray(4096)
    if efi:
        page[0x00f:0x010] = b"\x70"  # VIDEO_TYPE_EFI
        struct.pack_into("<HHHI", page, 0x12, 1024, 768, 32, 0xc0000000)
        struct.pack_into("<4sIIIIII", page, 0x1c0, b"EL64", efi[0] & 0xffffffff, 48, 1,
                         efi[1] & 0xffffffff, 48 * 40, efi[0] >> 32)
    struct.pack_into("<Q", page, 0x070, rsdp)
    page[0x1f1] = 39  # setup_sects
    struct.pack_into("<HH4sH", page, 0x1fe, 0xaa55, 0x6aeb, b"HdrS", 0x20f)
    page[0x210] = 0x72  # GRUB
    return bytes(page)


def kernel_files(root: Path, iomem: str, cpus: list[int], text: int, direct: int,
                 notes: int) -> None:
    """What only a loader that uses kexec_load needs; crash notes from address `notes` on."""
    write(root / "proc/kcore", kcore(iomem, text, direct))
    for cpu in cpus:
        folder = root / f"sys/devices/system/cpu/cpu{cpu}"
        write(folder / "crash_notes", f"{notes + cpu * 0x40000:x}\n")
        write(folder / "crash_notes_size", f"{NOTES_SIZE}\n")
    write(root / "sys/kernel/vmcoreinfo", f"0x{notes - 0x1000:016x} 1024\n")


def system_files(root: Path, iomem: str, cmdline: str, release: str) -> None:
    """What loader/probe.h reads."""
    crash = {(first, last) for first, last, name in entries(iomem) if name == "Crash kernel"}
    ram = sum(last - first for first, last, name in entries(iomem) if name == "System RAM")
    write(root / "proc/iomem", iomem)
    write(root / "proc/cmdline", cmdline + "\n")
    write(root / "proc/self/status", "Name:\tlifeboat\nUid:\t0\t0\t0\t0\n"
          "CapEff:\t000001ffffffffff\n")
    write(root / "proc/self/uid_map", "         0          0 4294967295\n")
    write(root / "proc/meminfo", f"MemTotal:       {ram // 1024 * 63 // 64} kB\n")
    write(root / "proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu de pse tsc msr pae lm nx\n")
    write(root / "proc/sys/kernel/osrelease", release + "\n")
    write(root / "proc/sys/kernel/kexec_load_disabled", "0\n")
    write(root / "sys/kernel/kexec_crash_loaded", "0\n")
    write(root / "sys/kernel/kexec_crash_size", f"{sum(b - a for a, b in crash)}\n")
    write(root / "sys/kernel/security/lockdown", "[none] integrity confidentiality\n")


def efi_files(root: Path, rsdp: int, smbios: int, runtime: list[tuple[int, int, int, int]]) -> None:
    """`runtime`: type, physical address, pages, attribute of each descriptor."""
    efi = root / "sys/firmware/efi"
    write(efi / "fw_platform_size", "64\n")
    write(efi / "fw_vendor", "0x7fb4a018\n")
    write(efi / "runtime", "0x7fb5eb98\n")
    write(efi / "config_table", "0x7f9ee018\n")
    write(efi / "systab", f"ACPI20=0x{rsdp:x}\nACPI=0x{rsdp - 20:x}\nSMBIOS3=0x{smbios - 0x100:x}\n"
          f"SMBIOS=0x{smbios:x}\n")
    virt = 0xffffffff00000000
    for n, (kind, phys, pages, attribute) in enumerate(runtime):
        virt -= pages * 4096
        for name, value in (("type", kind), ("phys_addr", phys), ("virt_addr", virt),
                            ("num_pages", pages), ("attribute", attribute)):
            write(efi / f"runtime-map/{n}/{name}", f"0x{value:x}\n")


def image(at: int, indent: str = "  ") -> str:
    """The lines of a kernel at that address."""
    return "".join(f"{indent}{at + first:08x}-{at + last:08x} : Kernel {name}\n" for
                   first, last, name in ((0, 0x1101ef1, "code"), (0x1200000, 0x1a26fff, "rodata"),
                                         (0x1c00000, 0x1e45dff, "data"),
                                         (0x24b1000, 0x29fffff, "bss")))


# ---- the machines

LOW = """00000000-00000fff : Reserved
00001000-0009efff : System RAM
0009f000-000fffff : Reserved
  000a0000-000bffff : PCI Bus 0000:00
  000f0000-000fffff : System ROM
"""
FW_END = """fec00000-fec003ff : IOAPIC 0
fed00000-fed003ff : HPET 0
fee00000-feefffff : Reserved
  fee00000-fee00fff : Local APIC
ff000000-ffffffff : Reserved
"""


def laptop(root: Path) -> None:
    iomem = (LOW + "00100000-6bc3afff : System RAM\n"
             "  59000000-68ffffff : Crash kernel\n"
             "6bc3b000-6c43afff : ACPI Non-volatile Storage\n6c43b000-6d1fefff : Reserved\n"
             "6d1ff000-6d3fefff : ACPI Tables\n6d3ff000-6d3fffff : System RAM\n"
             "6d400000-6fffffff : Reserved\n  6d800000-6fffffff : Graphics Stolen Memory\n"
             "70000000-dfffffff : PCI Bus 0000:00\n  c0000000-cfffffff : 0000:00:02.0\n"
             "e0000000-efffffff : PCI MMCONFIG 0000 [bus 00-ff]\n  e0000000-efffffff : Reserved\n"
             "    e0000000-efffffff : pnp 00:05\n" + FW_END +
             "100000000-48dffffff : System RAM\n" + image(0x2c3e00000) +
             "48e000000-48fffffff : RAM buffer\n")
    system_files(root, iomem, "BOOT_IMAGE=/vmlinuz-6.1.0-56-amd64 root=/dev/mapper/vg-root ro "
                 "quiet splash crashkernel=256M", "6.1.0-56-amd64")
    write(root / "sys/devices/system/cpu/possible", "0-7\n")
    kernel_files(root, iomem, list(range(8)), 0xffffffffa2a00000, 0xffff8cd340000000, 0x480c1d000)
    write(root / "sys/kernel/boot_params/data",
          boot_params((0x6d3fe018, 0x47f3c2018), 0x6d3fe014))
    efi_files(root, 0x6d3fe014, 0x6cf51000,
              [(5, 0x6cc3b000, 0x100, 0x800000000002600f),
               (6, 0x6cd3b000, 0x4c0, 0x800000000000400f)])


def efi_server(root: Path) -> None:
    """Firmware of servers cuts memory below 2 GiB into pieces: all go to the next kernel."""
    iomem = LOW + "00100000-3fffffff : System RAM\n"
    at = 0x40000000
    for n in range(48):
        for size, name in ((0x31000 + n * 0x1000, "Reserved"), (0x80000, "System RAM"),
                           (0x9000, "ACPI Tables" if n % 2 else "ACPI Non-volatile Storage")):
            iomem += f"{at:08x}-{at + size - 1:08x} : {name}\n"
            at += size
        iomem += f"{at:08x}-{at + 0x1ff:08x} : System RAM\n"  # less than a page
        at += 0x1000
    iomem += (f"{at:08x}-7fffffff : Reserved\n"
              "80000000-8fffffff : PCI MMCONFIG 0000 [bus 00-ff]\n  80000000-8fffffff : Reserved\n"
              "90000000-fbffffff : PCI Bus 0000:00\n" + FW_END +
              "100000000-303fffffff : System RAM\n" + image(0x1e62000000) +
              "  2fef000000-302effffff : Crash kernel\n3040000000-603fffffff : System RAM\n")
    iomem = iomem.replace("00100000-3fffffff : System RAM\n", "00100000-3fffffff : System RAM\n"
                          "  2f000000-3effffff : Crash kernel\n")
    system_files(root, iomem, "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.1.0-56-amd64 root=UUID=0a1b2c3d ro "
                 "console=ttyS1,115200 crashkernel=1G,high", "6.1.0-56-amd64")
    write(root / "sys/devices/system/cpu/possible", "0-3\n")
    kernel_files(root, iomem, [0, 1, 2, 3], 0xffffffffb6600000, 0xff2ad46080000000, 0x2fe001d000)
    write(root / "sys/kernel/boot_params/data",
          boot_params((0x40b3d018, 0x2fdc0e2018), 0x40b3e014))
    efi_files(root, 0x40b3e014, 0x40031000,
              [(5 + n % 2, 0x7f000000 + n * 0x100000, 0x80, 0x800000000000400f) for n in range(5)])


def numa_4tb(root: Path) -> None:
    iomem = LOW + ("00100000-75ffffff : System RAM\n  65000000-74ffffff : Crash kernel\n"
                   "76000000-77ffffff : ACPI Non-volatile Storage\n78000000-7fffffff : Reserved\n"
                   "80000000-fbffffff : PCI Bus 0000:00\n" + FW_END +
                   "100000000-1007fffffff : System RAM\n" + image(0x4a63200000))
    for node in range(1, 4):
        base = node * 0x10000000000
        iomem += f"{base + 0x80000000:x}-{base + 0x1003fffffff:x} : System RAM\n"
        if node == 3:
            iomem += "  3fffe000000-4003dffffff : Crash kernel\n"
    system_files(root, iomem, "root=/dev/sda2 ro numa_balancing=disable crashkernel=1G,high",
                 "6.12.30-server")
    write(root / "sys/devices/system/cpu/possible", "0-7\n")
    kernel_files(root, iomem, list(range(8)), 0xffffffff89200000, 0xff11000000000000, 0x1004001d000)
    write(root / "sys/kernel/boot_params/data", boot_params(None, 0))


def cxl_pmem(root: Path) -> None:
    iomem = LOW + ("00100000-7dffffff : System RAM\n  60000000-6fffffff : Crash kernel\n"
                   "7e000000-7effffff : ACPI Tables\n7f000000-7fffffff : Reserved\n" + FW_END +
                   "100000000-207fffffff : System RAM\n" + image(0x12e600000) +
                   "2080000000-407fffffff : Persistent Memory\n"
                   "  2080000000-307fffffff : namespace0.0\n  3080000000-407fffffff : dax1.0\n"
                   "    3080000000-407fffffff : System RAM (kmem)\n"
                   "4080000000-487fffffff : CXL Window 0\n  4080000000-487fffffff : region0\n"
                   "    4080000000-487fffffff : dax0.0\n"
                   "      4080000000-487fffffff : System RAM (kmem)\n"
                   "4880000000-507fffffff : CXL Window 1\n"
                   "5080000000-50ffffffff : Soft Reserved\n  5080000000-50ffffffff : dax2.0\n"
                   "5100000000-513fffffff : Persistent Memory (legacy)\n")
    system_files(root, iomem, "root=/dev/pmem0p2 ro crashkernel=256M memmap=1G!324G", "6.12.30-cxl")
    write(root / "sys/devices/system/cpu/possible", "0-1\n")
    kernel_files(root, iomem, [0, 1], 0xffffffff81e00000, 0xffff888000000000, 0x200001d000)
    write(root / "sys/kernel/boot_params/data", boot_params((0x7e001018, 0x1f0000018), 0x7e000014))
    efi_files(root, 0x7e000014, 0x7f001000, [(5, 0x7f100000, 0x20, 0x800000000002600f)])


def sparse_cpus(root: Path) -> None:
    iomem = LOW + ("00100000-bffdffff : System RAM\n" + image(0x3d200000) +
                   "  a7000000-b6ffffff : Crash kernel\nbffe0000-bfffffff : Reserved\n" + FW_END +
                   "100000000-23fffffff : System RAM\n")
    system_files(root, iomem, "root=/dev/vda1 ro crashkernel=256M", "6.1.0-56-amd64")
    write(root / "sys/devices/system/cpu/possible", "0-3,8-11\n")
    write(root / "sys/devices/system/cpu/cpu10/online", "0\n")  # a folder without crash_notes
    kernel_files(root, iomem, [0, 1, 3, 8, 11], 0xffffffffa5000000, 0xffff9b7ac0000000, 0x23001d000)
    write(root / "sys/kernel/boot_params/data", boot_params(None, 0))


def hotplug_kernel(root: Path) -> None:
    iomem = LOW + ("00100000-7ffdffff : System RAM\n" + image(0x31800000) +
                   "  6f000000-7effffff : Crash kernel\n7ffe0000-7fffffff : Reserved\n" + FW_END +
                   "100000000-17fffffff : System RAM\n180000000-1bfffffff : System RAM\n"
                   "1c0000000-2bfffffff : virtio0\n"
                   "  1c0000000-1ffffffff : System RAM (virtio_mem)\n"
                   "  208000000-20fffffff : System RAM (virtio_mem)\n")
    system_files(root, iomem, "root=/dev/vda1 ro crashkernel=256M", "6.19.0-test")
    for name in ("crash_loaded", "crash_size"):  # their folder and names since 6.19
        (root / f"sys/kernel/kexec_{name}").unlink()
    write(root / "sys/kernel/kexec/crash_loaded", "0\n")
    write(root / "sys/kernel/kexec/crash_size", f"{256 << 20}\n")
    write(root / "sys/kernel/kexec/crash_elfcorehdr_size", f"{(2 + 8192 + 8192) * 56}\n")
    write(root / "sys/devices/system/cpu/possible", "0-3\n")
    write(root / "sys/devices/system/cpu/crash_hotplug", "1\n")
    write(root / "sys/devices/system/memory/crash_hotplug", "1\n")
    kernel_files(root, iomem, [0, 1, 2, 3], 0xffffffff9f800000, 0xffff96c4c0000000, 0x17001d000)
    write(root / "sys/kernel/boot_params/data", boot_params(None, 0))


def odd_iomem(root: Path) -> None:
    """RAM in Reserved, overlaps, and a map that changed while it was read."""
    iomem = ("00000000-000fffff : Reserved\n  00001000-0009fbff : System RAM\n"
             "00100000-3ffdffff : System RAM\n" + image(0x14a00000) +
             "  35000000-3cffffff : Crash kernel\n  37000000-3effffff : Crash kernel\n"
             "37000000-3ffdffff : System RAM\n  37000000-3effffff : Crash kernel\n"
             "3ffd0000-3fffffff : Reserved\n3ffe0000-3ffeffff : ACPI Tables\n"
             "40000000-febfffff : PCI Bus 0000:00\n  b0000000-bfffffff : PCI MMCONFIG 0000\n"
             "    b0000000-bfffffff : Reserved\n  feb00000-feb00fff : <BAD>\n"
             "fec00000-fec003ff : IOAPIC 0\nfffc0000-ffffffff : Reserved\n"
             "140000000-15fffffff : System RAM\n100000000-13fffffff : System RAM\n")
    system_files(root, iomem, "console=ttyS0 crashkernel=128M", "6.1.0-56-cloud-amd64")
    write(root / "sys/devices/system/cpu/possible", "0\n")
    kernel_files(root, iomem, [0], 0xffffffff94a00000, 0xffff888000000000, 0x15001d000)
    write(root / "sys/kernel/boot_params/data", boot_params(None, 0))


MACHINES = {"laptop": laptop, "efi-server": efi_server, "numa-4tb": numa_4tb, "cxl-pmem": cxl_pmem,
            "sparse-cpus": sparse_cpus, "hotplug-kernel": hotplug_kernel, "odd-iomem": odd_iomem}

# Recorded ones and what is added: CPUs, address of _text, of physical 0, of the notes.
ADDED = {"ready": (1, 0xffffffff81a00000, 0xff110000c0000000, 0x3f01d000),
         "high-low": (2, 0xffffffff9e200000, 0xffff9c4200000000, 0x19001d000)}


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    here = Path(__file__).resolve().parent
    for name, make in (MACHINES | disks.MACHINES).items():
        make(folder / name)
    for name, (cpus, text, direct, notes) in ADDED.items():
        iomem = (here / name / "proc/iomem").read_text(encoding="ascii")
        kernel_files(folder / name, iomem, list(range(cpus)), text, direct, notes)
        write(folder / name / "sys/devices/system/cpu/possible",
              f"0-{cpus - 1}\n" if cpus > 1 else "0\n")
        write(folder / name / "sys/kernel/boot_params/data", boot_params(None, 0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
