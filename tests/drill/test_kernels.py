# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels by a user's word: what is none of them, and files that are not what they say."""

import os
import struct
import subprocess
from pathlib import Path

from lab import debs, kernels
from lab.errors import LabError
from lab.scenario import load_scenario

RELEASE = "6.6.6-mine"


def image(path: Path, release: str = RELEASE) -> Path:
    """The header of a bootable kernel, and nothing that boots."""
    head = bytearray(0x400)
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x20E, 0x100)
    text = f"{release} (me@here) #1 SMP\0".encode()
    head[0x300 : 0x300 + len(text)] = text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head)
    return path


def modules(folder: Path, dep: str = "", builtin: str = "kernel/virtio_pci.ko\nkernel/virtio_blk.ko\nkernel/ext4.ko\n") -> Path:
    """A folder with depmod's files."""
    folder.mkdir(parents=True)
    (folder / "modules.dep").write_text(dep)
    (folder / "modules.builtin").write_text(builtin)
    return folder


def refused(word: str, folder: Path) -> str:
    """The message for a word that stands for no kernel."""
    was, os.environ["LIFEBOAT_CACHE"] = os.environ.get("LIFEBOAT_CACHE"), str(folder / "cache")
    try:
        found = kernels.find(word)
    except LabError as err:
        return str(err)
    finally:
        if was is None:
            del os.environ["LIFEBOAT_CACHE"]
        else:
            os.environ["LIFEBOAT_CACHE"] = was
    raise AssertionError(f"{word} was taken for {found}")


def found(word: str, folder: Path) -> debs.Kernel:
    """The same for one that does."""
    was, os.environ["LIFEBOAT_CACHE"] = os.environ.get("LIFEBOAT_CACHE"), str(folder / "cache")
    try:
        return kernels.find(word)
    finally:
        if was is None:
            del os.environ["LIFEBOAT_CACHE"]
        else:
            os.environ["LIFEBOAT_CACHE"] = was


def deb(folder: Path, fields: dict[str, str], files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    """A package file."""
    tree = folder / f"tree-{fields['Package']}"
    (tree / "DEBIAN").mkdir(parents=True)
    usual = {"Version": "1-1", "Architecture": "amd64", "Maintainer": "me <me@here>", "Description": "x"}
    (tree / "DEBIAN/control").write_text("".join(f"{name}: {text}\n" for name, text in {**usual, **fields}.items()))
    for name, data in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    for name, to in (links or {}).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).symlink_to(to)
    path = folder / f"{fields['Package']}_1-1_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, path], check=True, capture_output=True, timeout=60)
    return path


def test_words(folder: Path) -> None:
    """What a word is shows before anything is fetched."""
    for word in ("", "debian", "backports", "trixie-backports", "running", "6.1.0-9-amd64", "linux-image-amd64",
                 "linux-image-6.12.95+deb12-amd64/backports"):
        kernels.check_word(word)
    for word in ("-x", "a b", "../x", "LINUX", "linux-image-x/../../y", "$(x)", "/nope.deb", "/nope:/nope"):
        try:
            kernels.check_word(word)
        except LabError:
            continue
        raise AssertionError(f"{word!r} was taken")


def test_suites_stay_suites(folder: Path) -> None:
    """A suite keeps the flavour that the scenario wants; a restart goes into the same kernel as before."""
    scenario = load_scenario("exec-load")
    other = kernels.with_kernel(scenario, "backports")
    assert (other.guest.suite, other.guest.kernel, other.restart.suite) == ("backports", "", "backports")
    mine = kernels.with_kernel(scenario, "6.1.0-9-amd64")
    assert (mine.guest.suite, mine.guest.kernel) == (scenario.guest.suite, "6.1.0-9-amd64")


def test_not_installed(folder: Path) -> None:
    assert "kernel 5.55.5-none is not installed; there are: " in refused("5.55.5-none", folder)


def test_own_build(folder: Path) -> None:
    """The image tells its release; drivers may be built in; a link to where it was built goes along."""
    built = folder / "linux"
    boot = image(built / "arch/x86/boot/bzImage")
    (built / "Makefile").write_text("")
    options = {option for row, _ in kernels.BUILT_IN for option in row}
    (built / ".config").write_text("".join(f"CONFIG_{option}=y\n" for option in options))
    modules(folder / "out/lib/modules" / RELEASE)
    kernel = found(f"{boot}:{folder / 'out'}", folder)
    assert (kernel.version, kernel.source) == (RELEASE, str(boot))
    assert kernel.vmlinuz.read_bytes() == boot.read_bytes() and kernels.config_of(kernel)
    assert (kernel.root / "lib/modules" / RELEASE / "build").resolve() == built
    assert kernels.root_modules(kernel) == [] and kernels.has_module(kernel, "virtio-blk")
    assert "built in" in kernels.unfit(kernel, ["ext4"], "loadable virtio_blk")
    assert "no module xfs" in kernels.unfit(kernel, ["ext4", "xfs"], "")


def test_what_it_lacks(folder: Path) -> None:
    """The options are named."""
    boot = image(folder / "vmlinuz")
    (folder / f"config-{RELEASE}").write_text("CONFIG_X86_64=y\nCONFIG_KEXEC_FILE=y\n# CONFIG_CRASH_DUMP is not set\n")
    modules(folder / "m" / RELEASE, builtin="kernel/virtio_pci.ko\n")
    said = refused(f"{boot}:{folder / 'm'}", folder)
    for option in ("CONFIG_CRASH_DUMP=y", "CONFIG_PROC_VMCORE=y", "CONFIG_VIRTIO_BLK=y or =m", "CONFIG_EXT4_FS=y or =m"):
        assert option in said, (option, said)
    assert "CONFIG_KEXEC" not in said and "VIRTIO_PCI" not in said, said


def test_not_a_kernel(folder: Path) -> None:
    modules(folder / "m" / RELEASE)
    (folder / "text").write_text("hello\n" * 1000)
    assert "no bootable kernel" in refused(f"{folder / 'text'}:{folder / 'm'}", folder)
    cut = image(folder / "cut")
    cut.write_bytes(cut.read_bytes()[:0x206])
    assert "no bootable kernel" in refused(f"{cut}:{folder / 'm'}", folder)
    odd = image(folder / "odd", "\x01\x02")
    assert "does not tell which kernel it is" in refused(f"{odd}:{folder / 'm'}", folder)
    assert "no folder" in refused(f"{odd}:{folder / 'nowhere'}", folder)
    assert "name its modules too" in refused(str(odd), folder)


def test_other_modules(folder: Path) -> None:
    boot = image(folder / "vmlinuz")
    modules(folder / "a" / "6.6.6-other")
    assert f"no modules of {RELEASE}" in refused(f"{boot}:{folder / 'a'}", folder)
    assert "are for 6.6.6-other" in refused(f"{boot}:{folder / 'a/6.6.6-other'}", folder)


def test_links_out_of_modules(folder: Path) -> None:
    """What leads out of the folder stays there: it could be endless, or nobody's to read."""
    boot = image(folder / "vmlinuz")
    made = modules(folder / "m" / RELEASE)
    (made / "kernel").mkdir()
    (made / "kernel/a.ko").symlink_to("/dev/zero")
    (made / "kernel/b.ko").symlink_to("/etc/passwd")
    kernel = found(f"{boot}:{made}", folder)
    assert not list((kernel.root / "lib/modules" / RELEASE / "kernel").iterdir())


def test_deb_in_parts(folder: Path) -> None:
    files = {f"boot/vmlinuz-{RELEASE}": image(folder / "i").read_bytes()}
    main = deb(folder, {"Package": f"linux-image-{RELEASE}", "Depends": f"kmod, linux-modules-{RELEASE} (= 1-1)"}, files)
    assert f"linux-modules-{RELEASE} 1-1 has to be beside it" in refused(str(main), folder)
    names = ("virtio_pci", "virtio_blk", "ext4")
    builtin = "".join(f"kernel/{name}.ko\n" for name in names).encode()
    part = {f"usr/lib/modules/{RELEASE}/modules.builtin": builtin, f"usr/lib/modules/{RELEASE}/modules.order": b""}
    deb(folder, {"Package": f"linux-modules-{RELEASE}"}, part)
    kernel = found(str(main), folder)
    assert (kernel.version, kernel.package_version, kernel.source) == (RELEASE, "1-1", str(main))


def test_hostile_debs(folder: Path) -> None:
    (folder / "junk.deb").write_bytes(b"!<arch>\n" + b"x" * 5000)
    assert "no Debian package" in refused(str(folder / "junk.deb"), folder)
    empty = deb(folder, {"Package": "linux-image-empty"}, {"etc/x": b""})
    assert "holds no kernel" in refused(str(empty), folder)
    link = deb(folder, {"Package": "linux-image-link"}, {"lib/modules/6.6.6-mine/x": b""}, {f"boot/vmlinuz-{RELEASE}": "/etc/shadow"})
    assert "holds no kernel" in refused(str(link), folder)
    bare = deb(folder, {"Package": "linux-image-bare"}, {f"boot/vmlinuz-{RELEASE}": image(folder / "i").read_bytes()})
    assert "without modules" in refused(str(bare), folder)
    other = {"boot/vmlinuz-6.6.6-else": image(folder / "i").read_bytes(), "lib/modules/6.6.6-else/modules.order": b""}
    said = refused(str(deb(folder, {"Package": "linux-image-else"}, other)), folder)
    assert f"says that it is {RELEASE}" in said, said
    arm = deb(folder, {"Package": "linux-image-arm", "Architecture": "arm64"}, {})
    assert "guests are amd64" in refused(str(arm), folder)
