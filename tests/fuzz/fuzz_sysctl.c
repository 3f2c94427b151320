// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: sysctl_parse() of any bytes either is ERR_CORRUPT with a message, or gives entries that can be written to below
 * /proc/sys and nowhere else, each once, and that are the text again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/sysctl.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const char *value)
{
	size_t len = strnlen(value, SYSCTL_VALUE);

	REQUIRE(len && len < SYSCTL_VALUE);
	REQUIRE(strspn(value + (*value == '-'), "0123456789") == len - (*value == '-'));
}

static void check_path(const char *path)
{
	size_t len = strnlen(path, SYSCTL_NAME);

	REQUIRE(len && len < SYSCTL_NAME && *path != '/' && path[len - 1] != '/');
	REQUIRE(strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789_/") == len);
	REQUIRE(strchr(path, '/') && !strstr(path, "//"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sysctl_list list = {.n = 0};
	struct err err = {0};
	size_t at = 0;
	int code = sysctl_parse((const char *)data, size, "fuzz", &list, &err);

	if (code) {
		REQUIRE(code == ERR_CORRUPT && err.code == code && *err.msg && !list.n);
		return 0;
	}
	REQUIRE(list.n <= SYSCTL_MAX);
	for (size_t i = 0; i < list.n; i++) {
		const struct sysctl *c = &list.v[i];
		char line[SYSCTL_NAME + 2 * SYSCTL_VALUE + 4];
		int len = snprintf(line, sizeof(line), "%s=%s %s\n", c->path, c->was, c->now);

		check_path(c->path);
		check_value(c->was);
		check_value(c->now);
		for (size_t k = 0; k < i; k++)
			REQUIRE(strcmp(c->path, list.v[k].path) != 0);
		REQUIRE(at + (size_t)len <= size && memcmp(data + at, line, (size_t)len) == 0);
		at += (size_t)len;
	}
	REQUIRE(at == size);
	return 0;
}
