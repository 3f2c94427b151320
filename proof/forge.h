/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of a kernel that never ran, as a crashed one would have left it: an x86_64 kernel's image and linear map behind
 * page tables, utsname, the log's ring (kernel/printk/printk_ringbuffer.h, v5.10), a sparse mem_map with a struct page for each
 * page frame (as v6.1 lays it out), registers of one CPU, and VMCOREINFO that describes all of it; and, in the same memory, the
 * core header that elfcorehdr= points to, made by the code that makes the real one (loader/core_header.h). The log says in words that this
 * is a test.
 *
 * A quarter of its pages each: the kernel's (of text that names the test), a program's, cache, and zeros. So a capture that
 * filters by level has something to leave out.
 */
#ifndef PROOF_FORGE_H
#define PROOF_FORGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FORGE_SIZE  (32ULL << 20)  /* of the memory */
#define FORGE_ALIGN (128ULL << 20) /* of its address: a section of the mem_map */
#define FORGE_KERNEL \
	(4ULL << 20) /* from here on, and up to a quarter, there are pages of the kernel */
#define FORGE_LIMIT (64ULL << 30) /* it must end below: as far as the page tables reach */

struct forge_spec {
	uint64_t at;    /* physical address of the memory in the machine that it is put into */
	uint64_t time;  /* of the "crash", seconds since 1970 */
	const char *id; /* of the test: stands in the log and in the kernel's pages; a plain word */
};

/* What the log's headline says, as `lifeboat info` and crash.json have it. */
#define FORGE_HEADLINE_SIZE 256
void forge_headline(const struct forge_spec *spec, char ret[FORGE_HEADLINE_SIZE]);

/*
 * FORGE_SIZE bytes, malloc'ed, the caller's; *ret_header is the physical address of the core header within them. An address
 * that does not fit is ERR_USAGE.
 */
int forge_memory(const struct forge_spec *spec, uint8_t **ret, uint64_t *ret_header,
		 struct err *err) _must_check_;

/* The first `len` bytes, at most a page, of the kernel's page `off` bytes into the memory, from FORGE_KERNEL to a quarter of it. */
void forge_sample(const struct forge_spec *spec, uint64_t off, char *ret, size_t len);

#endif
