/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scope guards: a local variable that owns something says so where it is declared, and
 * return_ptr() hands the ownership over in the one place where the function succeeds.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn)       __attribute__((cleanup(fn)))
#define _must_check_        __attribute__((warn_unused_result))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_  _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)

/* Take the pointer out of its guard: the caller of this macro owns it from now on. */
#define no_cleanup_ptr(p)              \
	({                             \
		__auto_type __p = (p); \
		(p) = NULL;            \
		__p;                   \
	})
#define return_ptr(p) return no_cleanup_ptr(p)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
