// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * manifest_parse. Property: any text is either ERR_CORRUPT or gives names that are plain and there once, and whose lines,
 * written again, are parsed to the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/manifest.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct manifest_file *f)
{
	REQUIRE(memchr(f->name, '\0', sizeof(f->name)) && *f->name);
	REQUIRE(strcmp(f->name, ".") != 0 && strcmp(f->name, "..") != 0);
	for (const char *p = f->name; *p; p++)
		REQUIRE(*p != '/' && *p != 0x7f && (unsigned char)*p >= 0x20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest_file *files = NULL;
	struct err err = {0};
	size_t n = 0;
	int r = manifest_parse((struct bytes){data, size}, "fuzz", &files, &n, &err);

	if (r) {
		REQUIRE(r == ERR_CORRUPT && !files && !n && *err.msg);
		return 0;
	}
	REQUIRE(n);
	for (size_t i = 0; i < n; i++) {
		char line[sizeof(files[i].name) + 70];
		struct manifest_file *again;
		size_t one;

		check_name(&files[i]);
		for (size_t k = 0; k < i; k++)
			REQUIRE(strcmp(files[k].name, files[i].name) != 0);
		manifest_line(files[i].digest, files[i].name, line, sizeof(line));
		REQUIRE(!manifest_parse((struct bytes){(const uint8_t *)line, strlen(line)}, "fuzz",
					&again, &one, &err));
		REQUIRE(one == 1 && strcmp(again->name, files[i].name) == 0 &&
			memcmp(again->digest, files[i].digest, 32) == 0);
		free(again);
	}
	free(files);
	return 0;
}
