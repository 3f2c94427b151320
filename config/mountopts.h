/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options for mount(2) in the capture kernel: what a file system needs to be mounted again as it is now, and nothing else.
 * What /proc shows is more: defaults that a file system would not take back, and what is this system's business.
 */
#ifndef CONFIG_MOUNTOPTS_H
#define CONFIG_MOUNTOPTS_H

#include "base/err.h"

/*
 * Of a mounted file system's options, as mountinfo's last field has them. *ret is malloc'ed; "" where the defaults will do,
 * or where the type is not known here. A file system whose log or data is on a second device is ERR_UNSUPPORTED.
 */
int mountopts_of_mounted(const char *type, const char *options, char **ret,
			 struct err *err) _must_check_;

/* The same for one that is not mounted: what every mount of the type should have. */
int mountopts_default(const char *type, char **ret, struct err *err) _must_check_;

/*
 * Of what an administrator wrote, as for mount(8): without the words that mount(8) or systemd would have kept to themselves
 * (noatime, nofail, x-…), which are appended to *ret_dropped, blanks between. "ro" is ERR_USAGE.
 */
int mountopts_of_config(const char *options, char **ret, char **ret_dropped,
			struct err *err) _must_check_;

#endif
