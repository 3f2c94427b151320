/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMCOREINFO: the text note "KEY=VALUE\n" by which a kernel describes itself
 * (kernel/vmcore_info.c; Documentation/admin-guide/kdump/vmcoreinfo.rst).
 * A key that is absent is not an error here: each look-up says whether it was there, the caller
 * decides. A key that is there with a value that does not parse is ERR_CORRUPT.
 */
#ifndef FORMAT_VMCOREINFO_H
#define FORMAT_VMCOREINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* A parsed note: an index over a private copy of the text. */
struct vmcoreinfo;

/*
 * The text may lack a final newline; lines without '=' and bytes behind the first NUL are ignored.
 * Of a repeated key the first counts. At most 1 MiB, else ERR_CORRUPT.
 */
int vmcoreinfo_create(struct bytes text, struct vmcoreinfo **ret, struct err *err) _must_check_;
void vmcoreinfo_destroy(struct vmcoreinfo *v); /* NULL is fine */

/* The whole text, NUL-terminated, as given. */
const char *vmcoreinfo_text(const struct vmcoreinfo *v);

/* The value of a key as text, or NULL. */
const char *vmcoreinfo_get(const struct vmcoreinfo *v, const char *key);

/*
 * Typed look-ups. They build the key from kind and name: SYMBOL(name) hexadecimal without 0x,
 * SIZE(name), OFFSET(name), LENGTH(name) decimal, NUMBER(name) decimal with sign (some kernels print
 * hexadecimal with 0x: both are taken).
 * Return 0 and *ret_found; *ret is untouched if the key is not there.
 */
int vmcoreinfo_symbol(const struct vmcoreinfo *v, const char *name, uint64_t *ret, bool *ret_found,
		      struct err *err) _must_check_;
int vmcoreinfo_size(const struct vmcoreinfo *v, const char *name, uint64_t *ret, bool *ret_found,
		    struct err *err) _must_check_;
int vmcoreinfo_offset(const struct vmcoreinfo *v, const char *name, uint64_t *ret, bool *ret_found,
		      struct err *err) _must_check_;
int vmcoreinfo_length(const struct vmcoreinfo *v, const char *name, uint64_t *ret, bool *ret_found,
		      struct err *err) _must_check_;
int vmcoreinfo_number(const struct vmcoreinfo *v, const char *name, int64_t *ret, bool *ret_found,
		      struct err *err) _must_check_;
/* A bare key with a decimal or hexadecimal value: PAGESIZE, CRASHTIME, KERNELOFFSET (hex). */
int vmcoreinfo_value(const struct vmcoreinfo *v, const char *key, unsigned int base, uint64_t *ret,
		     bool *ret_found, struct err *err) _must_check_;

#endif
