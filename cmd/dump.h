/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dump that a command's operands name. */
#ifndef CMD_DUMP_H
#define CMD_DUMP_H

#include "format/source.h"

struct dump_options {
	bool partial;      /* of a split dump, read what there is */
	bool no_mmap, cut; /* struct source_options */
	const char
		*verb; /* of `lifeboat`, for what is to be said of an encrypted one; NULL: report */
};

/*
 * Open it: `paths` are one file, or all files of a split dump in any order. "-" is one on
 * standard input, flattened or not, which goes to a file without a name first: in $TMPDIR, or /var/tmp, which unlike /tmp is never memory. An encrypted one is ERR_UNSUPPORTED with the command that opens it.
 */
int dump_open(char *const *paths, size_t n, const struct dump_options *options, struct source **ret,
	      struct err *err) _must_check_;

#define DUMP_OPT_PARTIAL(options)                         \
	OPT_FLAG(0, "allow-missing", &(options)->partial, \
		 "read what there is of a split dump, though files are missing")

#endif
