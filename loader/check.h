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

#include "arch/load.h"
#include "loader/explain.h"
#include "loader/probe.h"

/*
 * Is memory reserved for a panic kernel? ERR_UNSUPPORTED: this kernel has no kexec.
 * ERR_NOT_FOUND: nothing is reserved, or there is no /sys to tell.
 */
int check_reservation(const struct facts *facts, struct err *err) _must_check_;

/* May the caller make this call at all? ERR_REFUSED: privilege, sysctls, user namespace, lockdown. */
int check_permission(const struct facts *facts, struct explain_call call,
		     struct err *err) _must_check_;

/*
 * No elfcorehdr= in a panic kernel's command line, in front of "--", by somebody else than the kernel or the
 * loader: ERR_USAGE.
 */
int check_no_elfcorehdr(const char *cmdline, struct err *err) _must_check_;

/* The command line, and what will be put in front of a panic kernel's, against the image's limit: ERR_USAGE. */
int check_cmdline(const struct kernel_image *kernel, const char *cmdline, bool panic,
		  struct err *err) _must_check_;

/*
 * Kernel and initramfs against the reservation (a panic kernel's) and RAM: ERR_NO_SPACE says by how much they are too
 * large and which crashkernel= to use. The image against the CPU's paging mode: ERR_UNSUPPORTED.
 */
int check_sizes(const struct facts *facts, const struct kernel_image *kernel, uint64_t initrd_size,
		bool panic, struct err *err) _must_check_;

/*
 * Where the running kernel checks signatures (the configuration says KEXEC_SIG, and it is locked down or insists
 * on them): has the kernel one, of PE or of IMA (`ima`: security.ima is on the file)? ERR_REFUSED if not. Whether it is
 * one that the kernel trusts is not known here.
 */
int check_signature(const struct facts *facts, bool checks, bool insists, struct bytes kernel,
		    bool ima, struct err *err) _must_check_;

/*
 * Does a capture kernel have the memory to live? What is loaded is in the way of what it unpacks, so a region
 * may be large enough to load and too small to run. An estimate: the parts are what they are taken for.
 */
struct living {
	uint64_t region;   /* reserved; 0: unknown */
	uint64_t kernel;   /* image and what it needs to start */
	uint64_t initrd;   /* as it is loaded */
	uint64_t unpacked; /* the same, unpacked: as its packing says, else three times as large */
	uint64_t memmap;   /* struct pages of the region, 64 bytes for each 4 KiB */
	uint64_t work;     /* to boot, and for the filter */
	uint64_t sum;
	uint64_t suggest_mib; /* crashkernel= in MiB that would do */
};

struct living check_living(const struct facts *facts, const struct kernel_image *kernel,
			   struct bytes initrd);

/*
 * A crashkernel= size in MiB in which this kernel and initramfs will live: what they occupy, the
 * unpacked initramfs and 64 MiB to work in, rounded up to 32 MiB. A rule of thumb.
 */
uint64_t check_suggest_mib(const struct kernel_image *kernel, uint64_t initrd_size);

#endif
