# SPDX-License-Identifier: GPL-2.0-or-later
"""A user's own configuration: what a guest has in place of what it names, and what is told of that."""

from pathlib import Path

from lab import userconf
from lab.errors import LabError
from lab.scenario import Scenario


def scenario_of(folder: Path, text: str | bytes) -> Scenario:
    path = folder / "my.conf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return userconf.load(path)


def refused(folder: Path, text: str | bytes) -> str:
    try:
        scenario_of(folder, text)
    except LabError as err:
        return str(err)
    raise AssertionError(f"{text!r} was taken")


def test_nothing_said(folder: Path) -> None:
    scenario = scenario_of(folder, "# a comment only\n")
    assert not scenario.changed and not scenario.left_out and not scenario.disks
    assert scenario.expect.at == "root" and scenario.level == 31 and scenario.configured.root_path == "/var/crash"


def test_names_that_hold(folder: Path) -> None:
    """A UUID or a label is what the guest's disk gets: the file stays as it is."""
    text = ("ext4 UUID=0f2a1b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b\npath /crash\nxfs LABEL=crashes\n"
            "vfat UUID=12AB-34CD\nraw PARTUUID=1f2a1b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b\n")
    scenario = scenario_of(folder, text)
    assert scenario.configured.conf == text and not scenario.changed, scenario.changed
    ext4, xfs, vfat, raw = scenario.disks
    assert (ext4.fs, ext4.uuid) == ("ext4", "0f2a1b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b")
    assert (xfs.fs, xfs.label, vfat.uuid) == ("xfs", "crashes", "12AB-34CD")
    assert raw.partition and raw.fs == "none" and raw.uuid.startswith("1f2a")
    assert scenario.expect.at == ext4.name


def test_devices(folder: Path) -> None:
    """A device is another one here; one that two lines name is one disk."""
    scenario = scenario_of(folder, "xfs /dev/mapper/vg-crash\npath /a\nlog_only xfs /dev/mapper/vg-crash\npath /b\n")
    (disk,) = scenario.disks
    assert f"xfs UUID={disk.uuid}\npath /a\nlog_only xfs UUID={disk.uuid}\npath /b\n" == scenario.configured.conf
    assert len(scenario.changed) == 2 and "line 1, xfs /dev/mapper/vg-crash" in scenario.changed[0]


def test_lines_keep_their_numbers(folder: Path) -> None:
    """lifeboat tells of lines by them: those that the file has."""
    scenario = scenario_of(folder, "# one\n\next4 LABEL=a # three\nf2fs LABEL=b\npath /gone\nkeep_count 7\n")
    assert scenario.configured.conf.splitlines() == ["", "", "ext4 LABEL=a", "", "", "keep_count 7"]
    assert len(scenario.left_out) == 1 and "line 4, f2fs LABEL=b" in scenario.left_out[0]


def test_raw_is_collected(folder: Path) -> None:
    scenario = scenario_of(folder, "raw /dev/sdz3\n")
    assert "lifeboat collect" in scenario.configured.after and scenario.expect.at == "root"
    assert scenario.configured.conf == f"raw PARTUUID={scenario.disks[0].uuid}\n"


def test_shells(folder: Path) -> None:
    """Two servers with one key; a name is one that the guest can ask for, an address is the server's own."""
    scenario = scenario_of(folder, "sshkey /etc/key\nssh kdump@dumps.example.org\nssh_port 22\npath /data\nsftp drop@10.1.2.3\nssh_port 2222\n")
    shell, drop, names = scenario.servers
    assert (shell.options["user"], drop.options["user"]) == ("kdump", "drop")
    assert drop.addresses == ["10.1.2.3"] and drop.options["port"] == 2222 and drop.options["sftp-only"]
    assert drop.options["key-of"] == shell.name and scenario.files == {"/etc/key": f"@{shell.name}:identity@"}
    assert names.options["records"] == [f"dumps.example.org,{shell.addresses[0]}"]
    known = scenario.configured.files["/etc/lifeboat/ssh/known_hosts"].splitlines()
    assert known == [f"dumps.example.org @{shell.name}:host-key@", f"[10.1.2.3]:2222 @{drop.name}:host-key@"]
    assert f"path /srv/{shell.name}/data\n" in scenario.configured.conf
    assert f"path /srv/{drop.name}/var/crash\n" in scenario.configured.conf
    assert any(one.startswith("10.1.2.") for one in scenario.networks[0].addresses)


def test_nfs(folder: Path) -> None:
    scenario = scenario_of(folder, "nfs [2001:db8:9::5]:/export/crash\nnfs 10.20.30.1:/x\n")
    first, second = scenario.servers
    assert first.addresses == ["2001:db8:9::5"] and first.options["pseudo"] == "/export/crash"
    taken = {one.partition("/")[0] for one in scenario.networks[0].addresses}
    assert second.addresses == ["10.20.30.1"] and "10.20.30.1" not in taken, "the world has a server's address"
    assert "ip addr add 10.20.30.101/24 dev eth0" in scenario.configured.prepare


def test_left_out(folder: Path) -> None:
    """A target that there is no such thing of goes with its own lines, and with keys that are for its sort alone."""
    text = "https https://x.example.org/y\nhttps_header /etc/h\ntls_ca /etc/ca\npath /p\next4 LABEL=a\npath /q\n"
    scenario = scenario_of(folder, text)
    assert scenario.configured.conf.split() == ["ext4", "LABEL=a", "path", "/q"] and len(scenario.left_out) == 1
    assert "can have none of its targets" in refused(folder, "s3 s3://bucket\n")
    assert "root" in refused(folder, "ssh root@host\n")


def test_all_else_stays(folder: Path) -> None:
    text = ("core_collector makedumpfile -l -d 1,31\ncompress zstd\nkeep_count 3\nkeep_free 4G\ndeadline_total 10m\n"
            "encrypt_to age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg\n")
    scenario = scenario_of(folder, text)
    assert scenario.configured.conf == text + "encrypt_to @AGE@\n", "only the judges' own key is added"
    assert scenario.encrypted and scenario.level == 1
    assert scenario.guest.disk_mib >= 8192 and scenario.guest.seconds == 900


def test_what_has_to_end(folder: Path) -> None:
    scenario = scenario_of(folder, "final_action halt\nluks_key_file /etc/k\ncapture_kernel 6.1.0-9-amd64\n")
    assert scenario.configured.conf.split() == ["final_action", "poweroff"] and len(scenario.changed) == 3


def test_programs(folder: Path) -> None:
    """They are this machine's; one that is not there is told by its line."""
    scenario = scenario_of(folder, "extra_bins /bin/sh /bin/cat\nkdump_post /bin/true\n")
    assert scenario.configured.copies == ["/bin/sh", "/bin/cat", "/bin/true"]
    assert "line 2: kdump_pre /no/such" in refused(folder, "\nkdump_pre /no/such\n")


def test_hostile(folder: Path) -> None:
    assert "64 KiB" in refused(folder, b"x" * 70000)
    assert "a byte of it is 0" in refused(folder, b"ext4 \0\n")
    assert "ELF" in refused(folder, "core_collector makedumpfile -E -d 31\n")
    for text in ("ssh a b@c\n", "ssh @x\n", "nfs x\n", "nfs 127.0.0.1:/x\n", "9p ../../x\n", "virtiofs a,source=/\n", "ext4\n"):
        scenario = refused(folder, text) if not text.startswith("ext4") else ""
        assert not scenario or "left out" in scenario, scenario
    refused(folder, "ssh_port 99999999999x\nssh kdump@h\n")


def test_no_such_file(folder: Path) -> None:
    try:
        userconf.load(folder / "none")
    except LabError as err:
        assert "none: No such file" in str(err), err
        return
    raise AssertionError("a file that is not there was read")
