// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/check.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "loader/cmdline.h"
#include "loader/explain.h"

#define PAGE 4096u
#define MIB  (1024u * 1024u)

/*
 * Segments besides kernel and initramfs: core header, purgatory, boot_params with the command line
 * (a page and the line), control page. The least they can be; real kernels take more.
 */
#define OTHER_SEGMENTS (5 * PAGE)

/* A packed initramfs is on top of this many times its size when it is unpacked. */
#define UNPACK_FACTOR  3
#define WORKING_MEMORY (64 * MIB)
#define SUGGEST_STEP   (32 * MIB)

int check_reservation(const struct facts *f, struct err *err)
{
	if (!f->crash_size.known && !f->crash_loaded.known) {
		if (!f->sysfs)
			return err_set(err, ERR_NOT_FOUND,
				       "cannot tell whether memory is reserved for a panic kernel: "
				       "/sys is not mounted; mount it: mount -t sysfs sysfs /sys");
		return err_set(err, ERR_UNSUPPORTED,
			       "the running kernel cannot stage a panic kernel: neither "
			       "/sys/kernel/kexec nor /sys/kernel/kexec_crash_loaded exists; boot "
			       "a kernel with CONFIG_KEXEC_FILE and CONFIG_CRASH_DUMP");
	}
	if (!fact_is(f->crash_size, 0))
		return 0;
	if (f->crashkernel)
		return err_set(err, ERR_NOT_FOUND,
			       "no memory is reserved for a panic kernel, although the kernel was "
			       "booted with %s: it could not be read, applies to another amount of "
			       "RAM, or found no free range of that size; see `dmesg | grep -i "
			       "crashkernel`, correct it (for example crashkernel=256M) and reboot",
			       f->crashkernel);
	return err_set(err, ERR_NOT_FOUND,
		       "no memory is reserved for a panic kernel: add crashkernel=256M to the "
		       "kernel command line in the boot loader's configuration and reboot");
}

int check_permission(const struct facts *f, struct err *err)
{
	struct explanation e;

	if (explain_foreseen(f, &e))
		return err_set(err, e.code, "%s; %s", e.cause, e.remedy);
	return 0;
}

int check_no_elfcorehdr(const char *cmdline, struct err *err)
{
	const char *pos = cmdline;
	struct bytes token;

	while (cmdline_next(&pos, &token) && !cmdline_is_dashes(token))
		if (cmdline_is(token, "elfcorehdr"))
			return err_set(err, ERR_USAGE,
				       "the command line has %.*s: the kernel puts the right "
				       "elfcorehdr= in front by itself, and this one would win; "
				       "leave it out",
				       (int)NUM_MIN(token.len, 100u), token.data);
	return 0;
}

int check_cmdline(const struct kernel_image *kernel, const char *cmdline, struct err *err)
{
	uint64_t len = strlen(cmdline), max = kernel->cmdline_max, used;

	if (check_no_elfcorehdr(cmdline, err))
		return err->code;
	/* bzImage64_load() compares the length with the NUL and the prefix. */
	used = len + 1 + kernel->cmdline_prepend;
	if (used > max)
		return err_set(err, ERR_USAGE,
			       "the command line is %" PRIu64 " bytes long, %" PRIu64
			       " too many: this %s takes %" PRIu64
			       ", of which the kernel needs %" PRIu64
			       " for elfcorehdr=; shorten it",
			       len, used - max, kernel->format, max, kernel->cmdline_prepend + 1);
	return 0;
}

uint64_t check_suggest_mib(const struct kernel_image *kernel, uint64_t initrd_size)
{
	uint64_t unpacked, sum;

	if (!num_mul(initrd_size, 1 + UNPACK_FACTOR, &unpacked) ||
	    !num_add(kernel->mem_size, unpacked, &sum) ||
	    !num_add(sum, WORKING_MEMORY + SUGGEST_STEP, &sum))
		return UINT64_MAX / MIB;
	return (sum - 1) / SUGGEST_STEP * (SUGGEST_STEP / MIB);
}

int check_sizes(const struct facts *f, const struct kernel_image *kernel, uint64_t initrd_size,
		struct err *err)
{
	uint64_t region = facts_load_region(f), need;
	char h_kernel[16], h_initrd[16], h_region[16], h_short[16];

	if (fact_is(f->la57, 1) && !kernel->five_level)
		return err_set(err, ERR_UNSUPPORTED,
			       "this %s cannot be started while 5-level paging is on; boot the "
			       "running kernel with no5lvl, or load a newer one",
			       kernel->format);
	if (!num_add(initrd_size, OTHER_SEGMENTS + PAGE - 1, &need) ||
	    !num_add(num_align_down(need, PAGE), kernel->mem_size, &need))
		need = UINT64_MAX;
	num_human(kernel->mem_size, h_kernel);
	num_human(initrd_size, h_initrd);
	if (region && need > region)
		return err_set(err, ERR_NO_SPACE,
			       "the panic kernel does not fit into the reserved memory: the kernel "
			       "takes %s to start and the initramfs %s, the reservation has %s: "
			       "short by %s; boot with crashkernel=%" PRIu64 "M or use a smaller "
			       "initramfs",
			       h_kernel, h_initrd, num_human(region, h_region),
			       num_human(need - region, h_short),
			       check_suggest_mib(kernel, initrd_size));
	/* sanity_check_segment_list() of kernel/kexec_core.c: EINVAL beyond half of the RAM. */
	if (f->mem_total.known && need > f->mem_total.value / 2)
		return err_set(err, ERR_NO_SPACE,
			       "the kernel refuses images of more than half of its RAM: this one "
			       "takes %s and its initramfs %s, %s is allowed; use smaller ones",
			       h_kernel, h_initrd, num_human(f->mem_total.value / 2, h_region));
	return 0;
}
