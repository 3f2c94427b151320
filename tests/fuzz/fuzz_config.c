// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config_create, collector_parse. Properties: any text either is refused, with a bounded message that begins with the
 * name of the file and without output, or gives a configuration whose base, with a target added, is a recipe that
 * recipe_format takes, and whose strings are what config/config.h says; and so are the collector's.
 */
#include <stdlib.h>
#include <string.h>

#include "config/collector.h"
#include "config/config.h"

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
		REQUIRE(((unsigned char)*s >= 0x20 || *s == '\t') && *s != 0x7f && *s != '#');
}

static void check_path(const char *path)
{
	size_t len = strlen(path);

	check_string(path);
	REQUIRE(len == 0 || (path[0] == '/' && path[len - 1] != '/' && len <= 1024));
	REQUIRE(!strstr(path, "//") && !strstr(path, "/../") && !strstr(path, "/./"));
}

/* All that config.h says is there is there, and nothing in it could be taken for an option of a program. */
static void check_remote(const struct config_target *t)
{
	const char *const files[] = {t->key_file, t->known_hosts, t->header, t->credentials, t->ca};
	bool shell = t->kind == TARGET_SSH || t->kind == TARGET_SFTP;
	bool web = t->kind == TARGET_HTTPS || t->kind == TARGET_S3;

	REQUIRE(!t->host == !recipe_is_remote(t->kind));
	REQUIRE(!t->user == !shell && !t->url == !web && !t->export == (t->kind != TARGET_NFS));
	REQUIRE(!t->bucket == (t->kind != TARGET_S3) && !t->region == (t->kind != TARGET_S3));
	if (t->host)
		REQUIRE(*t->host && *t->host != '-' && strlen(t->host) <= 253 &&
			!strpbrk(t->host, " \t/@[]\"'"));
	if (t->user)
		REQUIRE(*t->user && *t->user != '-' && !strpbrk(t->user, " \t/@:\"'"));
	if (t->port)
		REQUIRE(atoi(t->port) > 0 && atoi(t->port) <= 65535 && strlen(t->port) <= 5);
	if (t->url)
		REQUIRE(strncmp(t->url, "https://", 8) == 0 && !strpbrk(t->url, " \t\"<>") &&
			strlen(t->url) <= 1100);
	if (t->export && strcmp(t->export, "/") != 0)
		check_path(t->export);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i]) {
			check_path(files[i]);
			REQUIRE(*files[i]);
		}
}

static void check_targets(const struct config *c)
{
	REQUIRE(c->n_targets + c->rootfs_last <= RECIPE_MAX_TARGETS);
	for (size_t i = 0; i < c->n_targets; i++) {
		const struct config_target *t = &c->targets[i];

		check_string(t->device);
		check_string(t->fstype);
		REQUIRE(*t->device && (t->kind == TARGET_RAW) == !*t->fstype);
		REQUIRE(t->line && (i == 0 || t->line > c->targets[i - 1].line));
		if (t->path) {
			check_path(t->path);
			REQUIRE(t->kind != TARGET_RAW);
			REQUIRE(c->n_targets > 1 || recipe_is_remote(t->kind));
		}
		if (t->mount_options) {
			check_string(t->mount_options);
			REQUIRE(t->kind <= TARGET_SHARE || t->kind == TARGET_NFS);
		}
		check_remote(t);
	}
}

/* A path, or what can be the name of one folder. */
static void check_kernel(const char *kernel)
{
	check_string(kernel);
	REQUIRE(*kernel && *kernel != '.' && *kernel != '-');
	if (*kernel == '/')
		check_path(kernel);
	else
		REQUIRE(!strchr(kernel, '/') && strlen(kernel) <= 64);
}

static void check_sysctls(const struct config *c)
{
	for (size_t i = 0; i < c->n_sysctls; i++) {
		REQUIRE(c->sysctls[i].value >= -1 && c->sysctls[i].value <= INT32_MAX);
		for (size_t j = 0; j < i; j++)
			REQUIRE(strcmp(c->sysctls[i].path, c->sysctls[j].path) != 0);
	}
}

static void check_base(struct recipe *r)
{
	struct recipe_target *t = NULL;
	struct err err = {0};
	char *text = NULL;
	size_t len;

	REQUIRE(!r->n_targets && !recipe_add_target(r, TARGET_RAW, &t, &err));
	free(t->device);
	t->device = strdup("/dev/a");
	if (recipe_format(r, &text, &len, &err))
		REQUIRE(strstr(err.msg, " bytes; a recipe has at most"));
	free(text);
}

static void check_collector(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	struct collector c = {.levels = "?"};
	struct err err = {0};

	REQUIRE(text && (!size || memcpy(text, data, size)));
	if (collector_parse(text, &c, &err)) {
		REQUIRE(err.code == ERR_USAGE || err.code == ERR_UNSUPPORTED);
		REQUIRE(strlen(err.msg) < 500 && strcmp(c.levels, "?") == 0);
	} else {
		REQUIRE(strlen(c.levels) < sizeof(c.levels) && c.threads <= 256);
		REQUIRE(!c.elf || c.codec == CODEC_RAW);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	struct err err = {0};
	int code = config_create((struct bytes){data, size}, "fuzz", &c, &err);

	check_collector(data, size);
	if (code) {
		REQUIRE(code == ERR_USAGE || code == ERR_UNSUPPORTED);
		REQUIRE(err.code == code && !c);
		REQUIRE(strncmp(err.msg, "fuzz: ", 6) == 0 && strlen(err.msg) < 600);
		return 0;
	}
	check_targets(c);
	if (c->path)
		check_path(c->path);
	if (c->cmdline_append)
		check_string(c->cmdline_append);
	for (char **s = c->cmdline_remove; *s; s++)
		check_string(*s);
	if (c->capture_kernel)
		check_kernel(c->capture_kernel);
	check_sysctls(c);
	for (char **s = c->notes; *s; s++)
		REQUIRE(strncmp(*s, "fuzz: line ", 11) == 0);
	REQUIRE(!(c->force_rebuild && c->force_no_rebuild) && c->capture_cpus <= 4096);
	check_base(c->base);
	config_destroy(c);
	return 0;
}
