/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a machine's memory is used for: `lifeboat mem-usage` and makedumpfile's --mem-usage. */
#ifndef CMD_MEM_USAGE_H
#define CMD_MEM_USAGE_H

#include "cmd/dump.h"
#include "loader/probe.h"

/*
 * Count the pages of the dump that dump_open() opens, which may be /proc/kcore, and print a table or JSON (docs/json.md). Of a running machine
 * the memory that is reserved for the capture kernel is left out, as it is from /proc/vmcore: `root` (NULL: the
 * machine itself) has its /proc/iomem.
 */
int mem_usage_print(char *const *paths, size_t n, const struct dump_options *options,
		    const char *root, bool json, struct err *err) _must_check_;

/*
 * Take the memory that is reserved for the capture kernel out of a running machine's: no dump has it. *ret_bytes of it were; or, if
 * it cannot be known where it is, *ret_why says so, else that is NULL.
 */
int mem_usage_exclude(struct source *src, const struct facts *facts, uint64_t *ret_bytes,
		      const char **ret_why, struct err *err) _must_check_;

#endif
