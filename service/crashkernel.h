/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much memory the capture kernel needs on this machine, and from what that is known. */
#ifndef SERVICE_CRASHKERNEL_H
#define SERVICE_CRASHKERNEL_H

#include "service/history.h"

/* One term of the sum. */
struct crashkernel_part {
	const char *what; /* "kernel image", "initramfs, unpacked", "modules" …; static */
	uint64_t bytes;
	char from[128]; /* where the number is from */
};
#define CRASHKERNEL_MAX_PARTS 16

struct crashkernel_estimate {
	char version[128]; /* of the capture kernel */
	struct crashkernel_part parts[CRASHKERNEL_MAX_PARTS];
	size_t n_parts;
	uint64_t computed; /* their sum, with the reserve for what cannot be known */
	uint64_t measured; /* highest peak of captures and tests with this kernel; 0: none yet */
	size_t n_measured; /* of how many */
	uint64_t reserved; /* now; 0: none */
	uint64_t
		suggested; /* bytes, in whole MiB: by measure where there is one, with a margin, else computed */
	char parameter[64]; /* "crashkernel=128M" …, with ",cma" lines of their own below */
	uint64_t floor;     /* less than this is never suggested: what it takes to start */
	bool cma_supported; /* this kernel is known to know crashkernel=SIZE,cma */
	char cma[96];       /* what could be given instead then, both words; "" */
	bool enough;        /* reserved >= suggested */
};

/* `version` of the capture kernel; NULL: as build_find_kernel() has it. */
int crashkernel_estimate(const struct service *s, const struct config *config, const char *version,
			 struct crashkernel_estimate *ret, struct err *err) _must_check_;

/* What get-default-crashkernel prints: a value by memory ranges, good for any machine of this kind. */
int crashkernel_default(const struct service *s, char ret[128], struct err *err) _must_check_;

/*
 * The arithmetic: parts and `reserved` are filled in, `floor` is what the kernel, its image and the least work take. Of
 * `entries` those count that are of this kernel and have a peak. Pure.
 *
 * A crash, real or on purpose, shows what this machine's drivers take: the highest peak and a quarter of it is suggested,
 * though it be less than the sum, but not less than the floor. A proof in a virtual machine has other drivers: it can only
 * raise. A capture that was not good and had used up its reservation proves that more is needed than that.
 */
void crashkernel_judge(struct crashkernel_estimate *e, const struct history_entry *entries,
		       size_t n, const char *version);

/*
 * Values of crashkernel=, as Documentation/admin-guide/kernel-parameters.txt has them and kernel/crash_reserve.c reads them:
 * SIZE[@OFFSET], SIZE,high, SIZE,low, SIZE,cma, START-[END]:SIZE,…[@OFFSET]; several separated by blanks, each with
 * "crashkernel=" in front or without. Stricter than the kernel: what it would take for something else than is meant, or
 * ignore, is ERR_USAGE saying why.
 */
#define CRASHKERNEL_MAX_WORDS 256
struct crashkernel_value {
	/*
	 * As they are put on a command line, "" for none. What has ",cma" comes first: a kernel that does not know it takes
	 * the last word that has neither ",high" nor ",low" for the size, and would reserve nothing for that one.
	 */
	char words[CRASHKERNEL_MAX_WORDS];
	uint64_t bytes; /* reserved of a machine of `ram` bytes; 0: nothing */
	uint64_t cma;
};
int crashkernel_parse(const char *text, uint64_t ram, struct crashkernel_value *ret,
		      struct err *err) _must_check_;

/* Does the running kernel know crashkernel=SIZE,cma? By its symbols; false if it is not known. */
bool crashkernel_knows_cma(const struct root *root);

#endif
