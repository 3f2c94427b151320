// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * recipe_create. Properties: any text either is refused with ERR_USAGE, a message of bounded length and no output, or
 * gives a recipe that keeps every promise of capture/recipe.h, so that code after the crash may rely on them; and what
 * recipe_format writes of it is read again as one that is written the same way.
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

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static void check_target(const struct recipe_target *t)
{
	check_string(t->device);
	check_string(t->fstype);
	check_string(t->mount_options);
	check_string(t->path);
	check_path(t->path);
	REQUIRE(*t->device && strlen(t->device) <= 1024);
	if (t->kind != TARGET_SHARE) {
		REQUIRE(begins(t->device, "PARTUUID=") || begins(t->device, "/dev/") ||
			(t->kind == TARGET_FS && begins(t->device, "UUID=")));
		REQUIRE(!strstr(t->device, "/../"));
	}
	if (t->kind == TARGET_RAW)
		REQUIRE(!*t->fstype && !*t->mount_options && t->size <= INT64_MAX);
	else
		REQUIRE(*t->fstype && !strchr(t->fstype, '/') && strlen(t->fstype) <= 32 &&
			!t->size);
	REQUIRE(*target_kind_name(t->kind));
}

static void check_programs(char *const *list)
{
	for (; *list; list++) {
		check_string(*list);
		REQUIRE(**list == '/');
		check_path(*list);
	}
}

static void check_recipe(const struct recipe *r)
{
	REQUIRE(r->n_targets >= 1 && r->n_targets <= RECIPE_MAX_TARGETS);
	for (size_t i = 0; i < r->n_targets; i++)
		check_target(&r->targets[i]);
	REQUIRE(r->n_levels >= 1 && r->n_levels <= RECIPE_MAX_LEVELS);
	for (size_t i = 0; i < r->n_levels; i++)
		for (size_t k = 0; k <= i; k++)
			REQUIRE(r->levels[i] <= 31 && (k == i || r->levels[i] != r->levels[k]));
	REQUIRE((r->codec & ~CODEC_MASK) == 0 && strcmp(codec_name(r->codec), "unknown") != 0);
	REQUIRE(r->threads <= 256 && r->watchdog <= 3600 && r->console_lines <= 10000);
	REQUIRE(r->final == FINAL_REBOOT || r->final == FINAL_POWEROFF || r->final == FINAL_HALT);
	REQUIRE(r->failure <= FINAL_SHELL);
	for (char **m = r->modules; *m; m++) {
		check_string(*m);
		REQUIRE(**m && !strchr(*m, '/') && !strchr(*m, ' '));
	}
	check_programs(r->programs);
	check_programs(r->pre);
	check_programs(r->post);
	check_deadline(r->deadline_device);
	check_deadline(r->deadline_mount);
	check_deadline(r->deadline_log);
	check_deadline(r->deadline_dump);
	check_deadline(r->deadline_stall);
	check_deadline(r->deadline_hook);
	check_deadline(r->deadline_total);
}

static void check_round_trip(const struct recipe *r)
{
	char *text = NULL, *text_again = NULL;
	struct recipe *again = NULL;
	size_t len, len_again;
	struct err err = {0};

	if (recipe_format(r, &text, &len, &err)) {
		/* all defaults are written out, so a text just below the limit grows above it */
		REQUIRE(strstr(err.msg, " bytes; a recipe has at most"));
		return;
	}
	REQUIRE(!recipe_create((struct bytes){(const uint8_t *)text, len}, "fuzz", &again, &err));
	check_recipe(again);
	REQUIRE(!recipe_format(again, &text_again, &len_again, &err));
	REQUIRE(len == len_again && memcmp(text, text_again, len) == 0);
	recipe_destroy(again);
	free(text_again);
	free(text);
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
	check_round_trip(r);
	recipe_destroy(r);
	return 0;
}
