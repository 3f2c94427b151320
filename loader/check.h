/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that is known to make kexec_file_load() fail, asked before the call: the kernel frees
 * the panic kernel that is in place before it looks at the new one (kernel/kexec_file.c), so each
 * refusal that could have been foreseen leaves a machine unarmed for nothing.
 *
 * Pure functions over a snapshot. A check whose fact is unknown passes: nothing is refused here
 * that the kernel might accept. Messages say what is wrong and what to do.
 */
#ifndef LOADER_CHECK_H
#define LOADER_CHECK_H

#include "loader/kernel.h"
#include "loader/probe.h"

/*
 * Is memory reserved for a panic kernel? ERR_UNSUPPORTED: this kernel has no kexec.
 * ERR_NOT_FOUND: nothing is reserved, or there is no /sys to tell.
 */
int check_reservation(const struct facts *facts, struct err *err) _must_check_;

/* May the caller load or unload one at all? ERR_REFUSED: privilege, sysctls, user namespace. */
int check_permission(const struct facts *facts, struct err *err) _must_check_;

/*
 * No elfcorehdr= in a panic kernel's command line, in front of "--", by somebody else than the kernel or the
 * loader: ERR_USAGE.
 */
int check_no_elfcorehdr(const char *cmdline, struct err *err) _must_check_;

/*
 * The command line against the image's limit (ERR_USAGE), and no parameter of the kernel's own.
 */
int check_cmdline(const struct kernel_image *kernel, const char *cmdline,
		  struct err *err) _must_check_;

/*
 * Kernel and initramfs against the reservation and RAM: ERR_NO_SPACE says by how much they are too
 * large and which crashkernel= to use. The image against the CPU's paging mode: ERR_UNSUPPORTED.
 */
int check_sizes(const struct facts *facts, const struct kernel_image *kernel, uint64_t initrd_size,
		struct err *err) _must_check_;

/*
 * A crashkernel= size in MiB in which this kernel and initramfs will live: what they occupy, the
 * unpacked initramfs and 64 MiB to work in, rounded up to 32 MiB. A rule of thumb.
 */
uint64_t check_suggest_mib(const struct kernel_image *kernel, uint64_t initrd_size);

#endif
