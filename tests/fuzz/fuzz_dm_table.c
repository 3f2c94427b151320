// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dm_rows, and what storage_probe makes of such rows. Properties: rows of the kernel's answer are lines; of any table a layer that
 * can be read again comes, or a reason, and nothing is left of what was refused. The first byte: is it the answer, or a
 * table.
 */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/fuzz/disk_fuzz.h"

#include "storage/dm.h"
#include "storage/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(const char *root, const char *path, const char *text)
{
	char whole[PATH_MAX];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *p = whole + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(whole, 0700);
	}
	if (!*text)
		return;
	f = fopen(whole, "w");
	REQUIRE(f);
	fputs(text, f);
	fclose(f);
}

static char folder[] = "/tmp/fuzz-dm-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void remove_machine(void)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A machine with one disk and one device of device-mapper, made once. */
static const struct root *machine(void)
{
	static struct root root;
	char path[PATH_MAX];
	struct err err;

	if (root.path)
		return &root;
	REQUIRE(mkdtemp(folder) && !atexit(remove_machine));
	put(folder, "sys/class/block/", "");
	put(folder, "sys/devices/pci0/block/sda/dev", "8:0\n");
	put(folder, "sys/devices/pci0/block/sda/size", "2048\n");
	put(folder, "sys/devices/pci0/block/sda/serial", "one\n");
	put(folder, "sys/devices/virtual/block/dm-0/dm/name", "odd\n");
	put(folder, "sys/devices/virtual/block/dm-0/slaves/sda", "x\n");
	put(folder, "dev/sda", "not much\n");
	snprintf(path, sizeof(path), "%s/sys/class/block/sda", folder);
	REQUIRE(!symlink("../../devices/pci0/block/sda", path));
	snprintf(path, sizeof(path), "%s/sys/class/block/dm-0", folder);
	REQUIRE(!symlink("../../devices/virtual/block/dm-0", path));
	REQUIRE(!root_init(&root, folder, &err));
	return &root;
}

static int give_table(const struct probe_env *env, const char *name, char **ret, struct err *err)
{
	(void)name;
	(void)err;
	*ret = strdup(env->ctx);
	return *ret ? 0 : ERR_NO_MEMORY;
}

static int ignore(void *ctx, const char *text, struct err *err)
{
	(void)ctx;
	(void)text;
	(void)err;
	return 0;
}

static void probe_table(char *table)
{
	const struct probe_env env = {.root = machine(),
				      .dm_table = give_table,
				      .disk = ignore,
				      .module = ignore,
				      .program = ignore,
				      .file = ignore,
				      .note = ignore,
				      .ctx = table};
	struct layers layers = {0};
	char top[LAYER_NAME];
	struct err err = {0};

	if (storage_probe(&env, "/sys/class/block/dm-0", &layers, top, &err))
		REQUIRE(!layers.n && *err.msg);
	else
		REQUIRE(layers.n == 1 && strcmp(top, "odd") == 0 && !layers_check(&layers, &err));
	layers_deinit(&layers);
}

static void read_rows(struct bytes in)
{
	struct err err = {0};
	char *rows = NULL;
	uint8_t n;

	if (!bytes_u8(in, 0, &n))
		return;
	if (dm_rows(in.data, 1, in.len, n % 8, &rows, &err))
		REQUIRE(!rows && err.code == ERR_CORRUPT);
	else
		REQUIRE(rows);
	free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	if (*data & 1) {
		read_rows((struct bytes){data + 1, size - 1});
		return 0;
	}
	text = malloc(size);
	REQUIRE(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	probe_table(text);
	free(text);
	return 0;
}
