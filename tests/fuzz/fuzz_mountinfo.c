// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: mounts_parse() of any bytes either is ERR_CORRUPT naming a line, or gives mounts whose every string is there and
 * whose mount points are absolute; a walk along any of them ends at a mount that holds it.
 */
#include <stdlib.h>
#include <string.h>

#include "config/mounts.h"

#define MAX_WALKS 64

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_walk(const struct mounts *m, const char *path)
{
	const char *rest = NULL;
	const struct mount *found = mounts_of_path(m, path, &rest);

	if (!found)
		return;
	REQUIRE(rest >= path && rest <= path + strlen(path));
	REQUIRE(*rest == '\0' || *rest == '/');
	REQUIRE(strcmp(found->at, "/") == 0 ||
		(strncmp(found->at, path, (size_t)(rest - path)) == 0 &&
		 strlen(found->at) == (size_t)(rest - path)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mounts m = {0};
	struct err err = {0};
	int code = mounts_parse((struct bytes){data, size}, "fuzz", &m, &err);

	if (code) {
		REQUIRE(code == ERR_CORRUPT && err.code == code && !m.v);
		REQUIRE(strstr(err.msg, "fuzz: ") == err.msg);
		return 0;
	}
	for (size_t i = 0; i < m.n; i++) {
		const struct mount *v = &m.v[i];
		size_t len;

		REQUIRE(v->root && v->flags && v->type && v->source && v->options);
		REQUIRE(v->at && v->at[0] == '/');
		(void)mounts_option(v->options, "subvolid=", &len);
		if (i < MAX_WALKS)
			check_walk(&m, v->at);
	}
	check_walk(&m, "/var/crash");
	mounts_deinit(&m);
	return 0;
}
