/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of captured crashes share: a machine in a scratch folder, with folders of crashes, and what was told. */
#ifndef TESTS_UNIT_DUMPS_FIXTURE_H
#define TESTS_UNIT_DUMPS_FIXTURE_H

#include "service/service.h"
#include "tests/unit/capture_fixture.h"

#define RECORD_HEAD "{\"schema\":\"lifeboat-crash-1\",\"tool\":\"x\""

static struct root machine;
static struct service service;
static char told[8192]; /* notes and warnings, a line each */

static inline void hear_all(void *ctx, enum service_tone tone, const char *text)
{
	size_t len = strlen(told);

	(void)ctx;
	if (tone != SERVICE_PROGRESS)
		snprintf(told + len, sizeof(told) - len, "%s%s\n",
			 tone == SERVICE_WARNING ? "WARNING " : "", text);
}

static inline void make_folders(const char *path)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
	mkdir(copy, 0755);
	assert_true(exists(path));
}

static inline int machine_setup(void **state)
{
	struct err err;

	*told = '\0';
	if (scratch_make(state) || root_init(&machine, scratch, &err) ||
	    service_init(&service, &machine, &sys_kernel, &err))
		return -1;
	service.tell = hear_all;
	make_folders("var/crash");
	make_folders("proc/self");
	make_folders("sys/kernel");
	write_text("proc/self/mountinfo", "30 1 254:1 / / rw - ext4 /dev/vda1 rw\n");
	return 0;
}

static inline int machine_teardown(void **state)
{
	root_deinit(&machine);
	return scratch_drop(state);
}

/* A crash below the scratch folder: what is NULL is not there. */
static inline void make_crash(const char *folder, const char *record, const char *dump)
{
	char path[300];

	make_folders(folder);
	snprintf(path, sizeof(path), "%s/crash.json", folder);
	if (record)
		write_text(path, record);
	snprintf(path, sizeof(path), "%s/dmesg.txt", folder);
	write_text(path, "[    1.000000] one\n[    2.000000] two\n[    3.000000] three\n");
	snprintf(path, sizeof(path), "%s/%s", folder, dump ? dump : "");
	if (dump)
		write_text(path, "KDUMP");
}

static inline struct config *config_of(const char *text)
{
	struct config *c = NULL;

	assert_ok(config_create((struct bytes){(const uint8_t *)text, strlen(text)}, "test", &c,
				err));
	return c;
}

#endif
