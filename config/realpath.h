/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a path leads to, below a root: with all symbolic links followed inside of it. */
#ifndef CONFIG_REALPATH_H
#define CONFIG_REALPATH_H

#include <limits.h>
#include <stdbool.h>

#include "base/root.h"

/* False with errno set if there is no such file; ret is absolute as seen from the root. Needs /proc. */
bool realpath_below(const struct root *root, const char *path, char ret[PATH_MAX]) _must_check_;

/*
 * The same for a path whose end need not be there: as far as it is there its links are followed, and the rest is
 * appended as it is. False if the path is not absolute, too long, or a part of it cannot be looked at.
 */
bool realpath_as_far(const struct root *root, const char *path, char ret[PATH_MAX]) _must_check_;

/* The names in a folder, sorted, NULL-terminated; an empty list if it is not there. NULL: no memory. */
char **realpath_list(const struct root *root, const char *folder);
void realpath_list_free(char **names);

#endif
