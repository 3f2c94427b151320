// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/sys.h"

#include <linux/reboot.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static int real_kexec_file_load(int kernel_fd, int initrd_fd, size_t cmdline_len,
				const char *cmdline, unsigned long flags)
{
	return (int)syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, cmdline_len, cmdline, flags);
}

static int real_kexec_load(unsigned long entry, unsigned long n,
			   const struct kexec_segment *segments, unsigned long flags)
{
	return (int)syscall(SYS_kexec_load, entry, n, segments, flags);
}

static int real_finit_module(int fd, const char *params, int flags)
{
	return (int)syscall(SYS_finit_module, fd, params, flags);
}

static int real_reboot(unsigned int how)
{
	return (int)syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, how, NULL);
}

static int real_set_clock(const struct timespec *time)
{
	return clock_settime(CLOCK_REALTIME, time);
}

static int real_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

const struct sys sys_kernel = {
	.kexec_file_load = real_kexec_file_load,
	.kexec_load = real_kexec_load,
	.finit_module = real_finit_module,
	.mount = mount,
	.umount = umount2,
	.unshare = unshare,
	.set_clock = real_set_clock,
	.reboot = real_reboot,
	.ioctl = real_ioctl,
};
