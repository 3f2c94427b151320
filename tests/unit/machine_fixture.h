/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recorded machines by name, and a root folder of a test's own to damage. */
#ifndef TESTS_UNIT_MACHINE_FIXTURE_H
#define TESTS_UNIT_MACHINE_FIXTURE_H

#include <ftw.h>
#include <sys/stat.h>

#include "base/io.h"
#include "loader/machine.h"
#include "tests/unit/unit.h"

static inline int machine_of_folder(const char *folder, struct machine *ret, struct err *err)
{
	struct root root;
	int r = root_init(&root, folder, err);

	if (r)
		return r;
	r = machine_probe(&root, ret, err);
	root_deinit(&root);
	return r;
}

static inline struct machine recorded_machine(const char *name)
{
	struct machine m = {0};
	char path[128];

	snprintf(path, sizeof(path), "tests/roots/%s", name);
	assert_ok(machine_of_folder(path, &m, err));
	return m;
}

struct own_root {
	char dir[64];
};

static inline void own_root_put(const struct own_root *root, const char *path, const void *data,
				size_t len)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", root->dir, path);
	for (char *p = full + strlen(root->dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(full, 0700);
		*p = '/';
	}
	assert_ok(io_write_file(full, data, len, err));
}

static inline void own_root_text(const struct own_root *root, const char *path, const char *text)
{
	own_root_put(root, path, text, strlen(text));
}

static inline void own_root_init(struct own_root *root)
{
	strcpy(root->dir, "/tmp/lifeboat-machine-XXXXXX");
	assert_non_null(mkdtemp(root->dir));
	own_root_text(root, "/proc/iomem",
		      "00100000-3fffffff : System RAM\n"
		      "  01000000-01ffffff : Kernel code\n"
		      "  02000000-02ffffff : Kernel bss\n");
}

static inline int own_root_unlink(const char *path, const struct stat *st, int type,
				  struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void own_root_deinit(struct own_root *root)
{
	assert_int_equal(nftw(root->dir, own_root_unlink, 8, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
