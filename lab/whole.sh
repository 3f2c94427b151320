#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What lab/whole.py has mmdebstrap do in the new system, whose folder is $2.
set -eu
tree=$2

write() {
	mkdir -p "$(dirname "$tree$1")"
	cat >"$tree$1"
}

prepare() {
	# there is no disk to install on yet
	echo "grub-pc grub-pc/install_devices_empty boolean true" | chroot "$tree" debconf-set-selections
	# no service of this system is to run here
	write /usr/sbin/policy-rc.d <<-'END'
		#!/bin/sh
		exit 101
	END
	chmod 755 "$tree/usr/sbin/policy-rc.d"
}

identity() {
	echo guest | write /etc/hostname
	echo "127.0.0.1 localhost guest" | write /etc/hosts
	echo 11111111111111111111111111111111 | write /etc/machine-id
	: | write /etc/resolv.conf
	echo "UUID=$1 / ext4 errors=remount-ro 0 1" | write /etc/fstab
}

# GRUB as on a machine with a serial console.
bootloader() {
	write /etc/default/grub.d/console.cfg <<-'END'
		GRUB_TIMEOUT=0
		GRUB_TERMINAL=serial
		GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
		GRUB_CMDLINE_LINUX_DEFAULT=""
		GRUB_CMDLINE_LINUX="console=ttyS0"
	END
	modules=$tree/boot/grub/i386-pc
	mkdir -p "$modules"
	cp "$tree"/usr/lib/grub/i386-pc/*.mod "$tree"/usr/lib/grub/i386-pc/*.lst "$modules"
	chroot "$tree" grub-mkimage -O i386-pc -o /tmp/core.img -p '(hd0,msdos1)/boot/grub' \
		biosdisk part_msdos ext2
	mv "$tree/tmp/core.img" "$2"
	cp "$tree/usr/lib/grub/i386-pc/boot.img" "$2"
	# The first boot, in which update-grub writes the real one: here it would ask for the disk.
	kernel=$(basename "$tree"/boot/vmlinuz-*)
	write /boot/grub/grub.cfg <<-END
		linux /boot/$kernel root=UUID=$1 console=ttyS0
		initrd /boot/initrd.img-${kernel#vmlinuz-}
		boot
	END
}

# A line "ID SECONDS COMMAND" is answered by "ID STATUS =OUTPUT"; both texts are in base64.
agent() {
	write /usr/local/sbin/lab-agent <<-'END'
		#!/bin/bash
		exec 3<>/dev/virtio-ports/lab
		echo "up $(cat /proc/sys/kernel/random/boot_id) 0" >&3
		while read -r id seconds command <&3; do
			base64 -d <<<"$command" >/run/lab-command
			status=0
			timeout -k 5 "$seconds" bash /run/lab-command >/run/lab-output 2>&1 </dev/null 3>&- || status=$?
			echo "$id $status =$(base64 -w 0 /run/lab-output)" >&3
		done
	END
	chmod 755 "$tree/usr/local/sbin/lab-agent"
	write /etc/systemd/system/lab-agent.service <<-'END'
		[Unit]
		Description=Runs what the lab asks for
		[Service]
		ExecStart=/usr/local/sbin/lab-agent
		Environment=HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
		Restart=always
		OOMScoreAdjust=-900
	END
	write /etc/udev/rules.d/99-lab.rules <<-'END'
		SUBSYSTEM=="virtio-ports", ATTR{name}=="lab", TAG+="systemd", ENV{SYSTEMD_WANTS}+="lab-agent.service"
	END
}

# Work that a machine does in the background would fall into what is measured.
quiet() {
	for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
		fstrim.timer man-db.timer systemd-timesyncd.service e2scrub_reap.service; do
		ln -sf /dev/null "$tree/etc/systemd/system/$unit"
	done
}

finish() {
	identity "$1"
	bootloader "$1" "$4"
	agent
	quiet
	rm -rf "$tree/usr/sbin/policy-rc.d" "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/var/log/*.log
	mkfs.ext4 -q -F -m 0 -U "$1" -L root -E "root_owner=0:0,offset=${2##*=}" -d "$tree" "${2%%\?*}" "$3"
}

case $1 in
prepare) prepare ;;
finish) finish "$3" "$4" "$5" "$6" ;;
esac
