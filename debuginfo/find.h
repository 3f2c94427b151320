/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where files with debugging information are. */
#ifndef DEBUGINFO_FIND_H
#define DEBUGINFO_FIND_H

#include "debuginfo/debuginfo.h"
#include "debuginfo/elffile.h"

/*
 * Debugging information by its build id (hexadecimal): below .build-id of the folders and of /usr/lib/debug, in debuginfod's
 * cache, and, if the options say so, from its servers: `debuginfod-find` is given two minutes. False: it is in none of them.
 */
bool find_by_id(const struct debuginfo_options *options, const char *id, char ret[PATH_MAX]);

/* All files NAME.ko and NAME.ko.debug below `folder`, added to a list; what cannot be read has none. */
struct find_list {
	char **v;
	size_t n, room;
};
int find_add_modules(struct find_list *list, const char *folder, struct err *err) _must_check_;
void find_list_deinit(struct find_list *list);

/* Is this path's file of module `name`, in which '-' and '_' are the same? */
bool find_is_module(const char *path, const char *name);

#endif
