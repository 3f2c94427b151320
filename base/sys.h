/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The privileged system calls that we make, as a table: code that arms or restarts a machine takes
 * a `const struct sys *`, tests pass their own. Each entry returns what the call does: 0 or -1 with
 * errno set.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <stddef.h>
#include <time.h>

struct kexec_segment;

struct sys {
	/* kexec_file_load(2); cmdline_len counts the NUL, initrd_fd is ignored with NO_INITRAMFS. */
	int (*kexec_file_load)(int kernel_fd, int initrd_fd, size_t cmdline_len,
			       const char *cmdline, unsigned long flags);
	/* kexec_load(2); `segments` are struct kexec_segment of linux/kexec.h. */
	int (*kexec_load)(unsigned long entry, unsigned long n,
			  const struct kexec_segment *segments, unsigned long flags);
	/* finit_module(2) */
	int (*finit_module)(int fd, const char *params, int flags);
	/* mount(2) */
	int (*mount)(const char *source, const char *target, const char *type, unsigned long flags,
		     const void *data);
	int (*umount)(const char *target, int flags);
	/* unshare(2) */
	int (*unshare)(int flags);
	/* clock_settime(2) of CLOCK_REALTIME */
	int (*set_clock)(const struct timespec *time);
	/* reboot(2) with the magic numbers filled in; `how` is LINUX_REBOOT_CMD_*. */
	int (*reboot)(unsigned int how);
	/* ioctl(2) of what makes and removes block devices; `arg` is a pointer for all of them. */
	int (*ioctl)(int fd, unsigned long request, void *arg);
};

extern const struct sys sys_kernel; /* the real ones */

#endif
