/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of others that tests run: installed, or unpacked somewhere on PATH (lab/tools.py). */
#ifndef TESTS_UNIT_PROGRAMS_H
#define TESTS_UNIT_PROGRAMS_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where it is: on PATH, or where Debian keeps what only root runs. False: nowhere. */
static inline bool program_find(const char *name, char ret[PATH_MAX])
{
	const char *path = getenv("PATH");
	char folders[8192], *rest = folders, *one;

	snprintf(folders, sizeof(folders), "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
	while ((one = strsep(&rest, ":"))) {
		snprintf(ret, PATH_MAX, "%s/%s", one, name);
		if (*one && access(ret, X_OK) == 0)
			return true;
	}
	return false;
}

static inline bool program_is_there(const char *name)
{
	char path[PATH_MAX];

	return program_find(name, path);
}

#endif
