/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test needs: cmocka with its includes, checks of `struct err`, files in memory. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

#define TEST(name) static void name(void **state __attribute__((unused)))

/* UNIT_ONLY=PATTERN runs some of the tests: for machinery that is slow, like ThreadSanitizer. */
static __attribute__((constructor)) void unit_only(void)
{
	const char *pattern = getenv("UNIT_ONLY");

	if (pattern)
		cmocka_set_test_filter(pattern);
}

/* `call` takes `struct err *err`, which these declare: assert_ok(num_parse_u64("1", &v, err)). */
#define assert_ok(call)                                                             \
	do {                                                                        \
		struct err err_ = {0}, *err = &err_;                                \
                                                                                    \
		if (call)                                                           \
			fail_msg("%s failed (%d): %s", #call, err->code, err->msg); \
	} while (0)

/* It fails with this code, and the message has `part` in it. */
#define assert_fails(call, want, part)                                                            \
	do {                                                                                      \
		struct err err_ = {0}, *err = &err_;                                              \
		int ret_ = (call);                                                                \
                                                                                                  \
		if (ret_ != (want) || err->code != (want))                                        \
			fail_msg("%s gave %d (err.code %d: %s), expected %d", #call, ret_,        \
				 err->code, err->msg, (int)(want));                               \
		if (!strstr(err->msg, part))                                                      \
			fail_msg("%s said \"%s\", expected \"%s\" in it", #call, err->msg, part); \
	} while (0)

/* A file that exists only here; it lives until memfile_close(). */
struct memfile {
	int fd;
	char path[32];
};

static inline void memfile_write(struct memfile *f, const void *data, size_t len)
{
	f->fd = memfd_create("unit", MFD_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(write(f->fd, data, len), len);
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
}

static inline void memfile_close(struct memfile *f)
{
	close(f->fd);
}

#endif
