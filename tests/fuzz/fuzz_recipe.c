// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * recipe_create. Property: any text either is refused with ERR_USAGE, a message of bounded length
 * and no output, or gives a recipe that keeps every promise of capture/recipe.h, so that code after
 * the crash may rely on them.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/recipe.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_string(const char *s)
{
	REQUIRE(s);
	for (; *s; s++)
		REQUIRE(((unsigned char)*s >= 0x20 || *s == '\t') && *s != 0x7f);
}

static void check_deadline(unsigned int seconds)
{
	REQUIRE(seconds >= 1 && seconds <= 86400);
}

static void check_path(const char *path)
{
	size_t len = strlen(path);

	REQUIRE(len == 0 || (path[0] == '/' && path[len - 1] != '/' && len <= 1024));
	REQUIRE(!strstr(path, "//") && !strstr(path, "/../") && !strstr(path, "/./"));
	REQUIRE(len < 3 || strcmp(path + len - 3, "/..") != 0);
	REQUIRE(len < 2 || strcmp(path + len - 2, "/.") != 0);
}

static void check_recipe(const struct recipe *r)
{
	check_string(r->device);
	check_string(r->fstype);
	check_string(r->mount_options);
	check_string(r->path);
	check_path(r->path);
	REQUIRE(strncmp(r->device, "UUID=", 5) == 0 || strncmp(r->device, "/dev/", 5) == 0);
	REQUIRE(!strstr(r->device, "/../"));
	REQUIRE(*r->fstype && !strchr(r->fstype, '/') && strlen(r->fstype) <= 32);
	REQUIRE(r->level <= 31);
	REQUIRE((r->codec & ~CODEC_MASK) == 0 && strcmp(codec_name(r->codec), "unknown") != 0);
	REQUIRE(r->final == FINAL_REBOOT || r->final == FINAL_POWEROFF || r->final == FINAL_HALT);
	for (char **m = r->modules; *m; m++) {
		check_string(*m);
		REQUIRE(**m && !strchr(*m, '/') && !strchr(*m, ' '));
	}
	check_deadline(r->deadline_device);
	check_deadline(r->deadline_mount);
	check_deadline(r->deadline_log);
	check_deadline(r->deadline_dump);
	check_deadline(r->deadline_total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recipe *r = NULL;
	struct err err = {0};
	int code = recipe_create((struct bytes){data, size}, "fuzz", &r, &err);

	if (code) {
		REQUIRE(code == ERR_USAGE && err.code == code && !r);
		REQUIRE(*err.msg && strlen(err.msg) < 400);
		return 0;
	}
	check_recipe(r);
	recipe_destroy(r);
	return 0;
}
