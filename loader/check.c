// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/check.h"

#include <inttypes.h>
#include <string.h>
#include <zstd.h>

#include "base/num.h"
#include "format/pe.h"
#include "loader/cmdline.h"

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
			       "crashkernel`, correct it (`lifeboat reset-crashkernel`, or by hand "
			       "crashkernel=256M in the boot loader's configuration) and reboot",
			       f->crashkernel);
	return err_set(err, ERR_NOT_FOUND,
		       "no memory is reserved for a panic kernel: run `lifeboat "
		       "reset-crashkernel` (or add crashkernel=256M to the kernel command line in "
		       "the boot loader's configuration) and reboot");
}

int check_permission(const struct facts *f, struct explain_call call, struct err *err)
{
	struct explanation e;

	if (explain_foreseen(call, f, &e))
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

int check_cmdline(const struct kernel_image *kernel, const char *cmdline, bool panic,
		  struct err *err)
{
	uint64_t len = strlen(cmdline), max = kernel->cmdline_max;
	uint64_t extra = 1 + (panic ? kernel->cmdline_prepend : 0); /* the NUL, and elfcorehdr= */

	/* bzImage64_load() compares the length with the NUL and the prefix. */
	if (len + extra > max)
		return err_set(err, ERR_USAGE,
			       "the command line is %" PRIu64 " bytes long, %" PRIu64
			       " too many: this %s takes %" PRIu64
			       ", of which the kernel needs %" PRIu64 "%s; shorten it",
			       len, len + extra - max, kernel->format, max, extra,
			       panic ? " for elfcorehdr=" : "");
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
		bool panic, struct err *err)
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
	if (panic && region && need > region)
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

int check_signature(const struct facts *f, bool checks, bool insists, struct bytes kernel, bool ima,
		    struct err *err)
{
	bool locked = facts_locked_down(f);
	struct err ignored;
	struct pe pe;

	if (!checks || !(locked || insists) || ima)
		return 0;
	if (pe_init(kernel, &pe, &ignored) == 0 && pe.cert_size)
		return 0;
	return err_set(err, ERR_REFUSED,
		       "the kernel has no signature, and the running kernel takes none without "
		       "(%s); load a kernel signed by your distribution, or sign it with an "
		       "enrolled key",
		       locked ? "it is locked down" : "CONFIG_KEXEC_SIG_FORCE");
}

/* ---- living */

/*
 * What boots and filters: Debian's 6.1 and 6.12 were captured with 80M, of which 52 MB are the kernel's init_size,
 * and the filter's peak is below 8 MiB with one thread.
 */
#define LIVING_WORK (16 * MIB)

/*
 * What is behind the archives that are not packed: in front of a packed one may stand microcode, or a record of what the
 * image was made of. The kernel skips zeros between archives (init/initramfs.c, unpack_to_rootfs).
 */
static struct bytes skip_plain(struct bytes in)
{
	static const char magic[] = "070701", trailer[] = "TRAILER!!!";

	while (in.len >= strlen(magic) && memcmp(in.data, magic, strlen(magic)) == 0) {
		const uint8_t *end = memmem(in.data, in.len, trailer, sizeof(trailer));
		const uint8_t *stop = in.data + in.len;

		end = end ? end + sizeof(trailer) : stop;
		while (end < stop && !*end)
			end++;
		in = (struct bytes){end, (size_t)(stop - end)};
	}
	return in;
}

/* What a packed archive says of its size when unpacked: gzip's last 4 bytes (RFC 1952), zstd's header (RFC 8878). */
static uint64_t packed_size(struct bytes in)
{
	static const uint8_t gzip[] = {0x1f, 0x8b};
	unsigned long long frame = ZSTD_getFrameContentSize(in.data, in.len);
	uint32_t size;

	if (frame != ZSTD_CONTENTSIZE_UNKNOWN && frame != ZSTD_CONTENTSIZE_ERROR && frame >= in.len)
		return NUM_MIN(frame, UINT64_MAX / 2);
	if (in.len > 18 && memcmp(in.data, gzip, sizeof(gzip)) == 0 &&
	    bytes_le32(in, in.len - 4, &size) && size >= in.len)
		return size;
	return in.len < UINT64_MAX / UNPACK_FACTOR ? in.len * UNPACK_FACTOR : UINT64_MAX / 2;
}

static uint64_t unpacked_size(struct bytes initrd)
{
	struct bytes rest = skip_plain(initrd);
	uint64_t plain = initrd.len - rest.len, packed = rest.len ? packed_size(rest) : 0;

	return NUM_MIN(packed, UINT64_MAX / 2 - plain) + plain;
}

struct living check_living(const struct facts *f, const struct kernel_image *kernel,
			   struct bytes initrd)
{
	struct living l = {
		.region = facts_load_region(f),
		.kernel = kernel->mem_size,
		.initrd = initrd.len,
		.unpacked = unpacked_size(initrd),
		.work = LIVING_WORK,
	};

	l.memmap = l.region / PAGE * 64;
	if (!num_add(l.kernel, l.initrd, &l.sum) || !num_add(l.sum, l.unpacked, &l.sum) ||
	    !num_add(l.sum, l.memmap + l.work, &l.sum))
		l.sum = UINT64_MAX / 2;
	/* the struct pages of a larger region, too */
	l.suggest_mib = num_align_up((l.sum - l.memmap) / 63 * 64, SUGGEST_STEP) / MIB;
	return l;
}
