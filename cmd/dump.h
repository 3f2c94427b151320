/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dump that a command's operands name. */
#ifndef CMD_DUMP_H
#define CMD_DUMP_H

#include "format/source.h"

/*
 * Open it. "-" is a flattened stream on standard input, which goes to a file without a name first: in
 * $TMPDIR, or /var/tmp, which unlike /tmp is never memory. `options` are not for it.
 */
int dump_open(const char *path, const struct source_options *options, struct source **ret,
	      struct err *err) _must_check_;

#endif
