/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual machine that an armed kernel is proved in. Its memory is, from below: as much as is reserved, which is all that
 * its kernel is told of (mem=); the forged memory of the "crashed" kernel, to which elfcorehdr= points; and room for what QEMU
 * and its firmware put at the end of memory, the initramfs among it, which the kernel moves down when it starts
 * (reserve_initrd() in arch/x86/kernel/setup.c). Old memory must be none that the kernel manages: ioremap() refuses that
 * (arch/x86/mm/ioremap.c).
 */
#ifndef PROOF_GUEST_H
#define PROOF_GUEST_H

#include "base/program.h"
#include "proof/console.h"
#include "proof/scratch.h"

#define GUEST_PROGRAM "qemu-system-x86_64"
#define GUEST_MOST \
	(2048ULL   \
	 << 20) /* of a reservation that is imitated whole: more would not lie in one piece */
#define GUEST_USUAL (256ULL << 20) /* where the reservation is not known */

enum guest_accel {
	GUEST_AUTO, /* KVM if a guest is seen to start with it, else TCG: /dev/kvm alone says nothing */
	GUEST_KVM,
	GUEST_TCG,
};

/* Where everything is. */
struct guest_memory {
	uint64_t reserved; /* imitated */
	uint64_t usable;   /* the kernel's: up to here */
	uint64_t old;      /* the forged memory begins here */
	uint64_t total;    /* whole MiB */
};

struct guest_memory guest_memory(uint64_t reserved, uint64_t initrd);

/*
 * The armed command line without what only holds for the real machine (elfcorehdr=, mem=, memmap=, acpi_rsdp=), and with what
 * holds for this one. *ret is malloc'ed. Too long for x86 (2047 bytes): ERR_UNSUPPORTED.
 */
int guest_cmdline(const char *armed, const struct guest_memory *memory, uint64_t core_header,
		  char **ret, struct err *err) _must_check_;

struct guest {
	const char *qemu; /* its path */
	const struct armed *armed;
	const char *cmdline;
	struct guest_memory memory;
	const char *old; /* file of the forged memory */
	const struct scratch *scratches;
	size_t n_scratches;
	const char *console; /* file for what it says */
	uint64_t ms;
	enum guest_accel accel;
	const atomic_bool *stop;
};

/* The arguments of QEMU, NULL-terminated, the caller's (recipe_free_strings). */
int guest_arguments(const struct guest *g, bool kvm, char ***ret, struct err *err) _must_check_;

struct guest_result {
	struct console console;
	struct program_result run; /* how the virtual machine ended */
	bool kvm;
	bool kvm_failed; /* it was tried, and did not get anywhere */
};

/* Run it until it restarts, or its time is up. KVM that does not get as far as our first process within seconds is given up. */
int guest_run(const struct guest *g, struct guest_result *ret, struct err *err) _must_check_;

#endif
