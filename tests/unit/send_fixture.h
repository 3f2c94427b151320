/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of sending share: a machine with a spooled crash, and a far end that is a folder beside it, "far". It behaves like
 * a server with a shell: files are written in order, folders are named after the crash, what is committed can be read back.
 */
#ifndef TESTS_UNIT_SEND_FIXTURE_H
#define TESTS_UNIT_SEND_FIXTURE_H

#include <dirent.h>

#include "base/sha256.h"
#include "capture/manifest.h"
#include "service/send.h"
#include "tests/unit/dumps_fixture.h"

#define NOW     1763910000ULL /* 2025-11-23T15:00:00Z */
#define CRASH   "2025-11-22T15-06-39Z"
#define FOLDER  "/var/crash/" CRASH
#define HERE    "var/crash/" CRASH
#define FAR     "far/" CRASH
#define DUMP    "what was in its memory"
#define LOG     "[    1.000000] one\n[    2.000000] two\n[    3.000000] three\n"
#define TARGET  "ssh kdump@nas.example.org /dumps"
#define WAITING "\"spool\":true,\"send_to\":\"" TARGET "\""
#define SPOOLED                                                                              \
	RECORD_HEAD ",\"crash\":{\"time\":\"2025-11-22T15:06:39Z\",\"panic\":\"it broke\"}," \
		    "\"log\":{\"file\":\"dmesg.txt\",\"bytes\":57},"                         \
		    "\"dump\":{\"file\":\"vmcore\"},"                                        \
		    "\"capture\":{\"result\":\"complete\"," WAITING "}}\n"

/* ---- the far end */

struct far {
	bool dead;          /* no answer */
	bool secret;        /* cannot be asked what it has */
	bool lies;          /* about what it has */
	uint64_t space;     /* 0: nobody knows */
	int create_errno;   /* of files that are begun */
	int detach_errno;   /* what was written may not be there */
	unsigned int begun; /* folders */
	unsigned int sent;  /* files */
};

static struct far *far; /* shared, as steps are children */

static inline int far_network(struct target *t, struct err *err)
{
	strcpy(t->place->server, "192.0.2.7");
	return far->dead ? err_set(err, ERR_TIMEOUT, "no answer from 192.0.2.7") : 0;
}

static inline int far_attach(struct target *t, struct err *err)
{
	(void)t;
	(void)err;
	return 0;
}

static inline int far_begin(struct target *t, uint64_t time, struct err *err)
{
	char stamp[32], path[300], name[64];

	target_folder_name(time, stamp);
	for (int i = 1; i < 1000; i++) {
		if (i == 1)
			snprintf(name, sizeof(name), "%s", stamp);
		else
			snprintf(name, sizeof(name), "%s-%d", stamp, i);
		snprintf(path, sizeof(path), "%s/far/%s", scratch, name);
		if (mkdir(path, 0700)) {
			if (errno == EEXIST)
				continue;
			return err_sys(err, errno, "%s", path);
		}
		far->begun++;
		strcpy(t->place->name, name);
		return 0;
	}
	return err_set(err, ERR_NO_SPACE, "too many");
}

static inline void far_path(const struct target *t, const char *name, char ret[400])
{
	snprintf(ret, 400, "%s/far/%s/%s", scratch, t->place->name, name);
}

static inline int far_create(struct target *t, enum crash_file file, const char *name,
			     struct out **ret, struct err *err)
{
	char path[400];

	if (far->create_errno)
		return err_sys(err, far->create_errno, "%s", name);
	far->sent++;
	far_path(t, name, path);
	snprintf(t->place->files[file], sizeof(t->place->files[file]), "%s", name);
	return out_file_create(path, true, ret, err);
}

static inline int far_digest(struct target *t, enum crash_file file, uint8_t ret[32],
			     struct err *err)
{
	char path[400];
	struct stat st;
	int fd, r;

	far_path(t, t->place->files[file], path);
	if (far->secret)
		return err_set(err, ERR_UNSUPPORTED, "it does not say");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	assert_int_equal(fstat(fd, &st), 0);
	r = manifest_digest(fd, 0, (uint64_t)st.st_size, path, ret, err);
	close(fd);
	if (far->lies && file == CRASH_DUMP)
		ret[0] ^= 1;
	return r;
}

static inline int far_space(struct target *t, uint64_t *ret, struct err *err)
{
	(void)t;
	(void)err;
	*ret = far->space ? far->space : UINT64_MAX;
	return 0;
}

static inline int far_seal(struct target *t, bool whole, struct err *err)
{
	(void)t;
	(void)err;
	assert_true(whole);
	return 0;
}

static inline int far_detach(struct target *t, struct err *err)
{
	(void)t;
	return far->detach_errno ? err_sys(err, far->detach_errno, "unmount") : 0;
}

static const struct target_ops far_ops = {
	.sequential = true,
	.network = far_network,
	.attach = far_attach,
	.begin = far_begin,
	.create = far_create,
	.digest = far_digest,
	.space = far_space,
	.seal = far_seal,
	.detach = far_detach,
};

static inline const struct target_ops *far_ops_of(enum target_kind kind)
{
	assert_int_equal(kind, TARGET_SSH);
	return &far_ops;
}

/* ---- this end */

static inline int no_mount(const char *source, const char *target, const char *type,
			   unsigned long flags, const void *data)
{
	(void)source;
	(void)target;
	(void)type;
	(void)flags;
	(void)data;
	return 0;
}

static inline int no_unshare(int flags)
{
	(void)flags;
	return 0;
}

static const struct sys no_sys = {.mount = no_mount, .unshare = no_unshare};

static struct recipe *recipe;
static struct config *config;

static inline struct recipe *recipe_of(const char *more)
{
	char text[2048];
	struct recipe *r = NULL;

	snprintf(text, sizeof(text),
		 "schema = " RECIPE_SCHEMA "\n%slink = eth0\nkind = physical\n"
		 "mac = 52:54:00:12:34:56\ntarget = ssh\nuser = kdump\nidentity = /etc/id\n"
		 "host-key = ssh-ed25519 AAAA\npath = /dumps\nserver = 192.0.2.7\n"
		 "host = nas.example.org\nnetwork = eth0\n",
		 more);
	assert_ok(recipe_create((struct bytes){(const uint8_t *)text, strlen(text)}, "test", &r,
				err));
	return r;
}

static inline void spool_crash(const char *folder, const char *record)
{
	char path[300];

	make_crash(folder, record, NULL);
	snprintf(path, sizeof(path), "%s/vmcore", folder);
	write_text(path, DUMP);
}

static inline int send_setup(void **state)
{
	if (machine_setup(state))
		return -1;
	far = step_shared_alloc(sizeof(*far));
	mkdir("far", 0755);
	service.sys = &no_sys;
	recipe = recipe_of("file = /etc/id\n");
	config = config_of("");
	return far ? 0 : -1;
}

static inline int send_teardown(void **state)
{
	recipe_destroy(recipe);
	config_destroy(config);
	step_shared_free(far, sizeof(*far));
	return machine_teardown(state);
}

/* How many folders there are at the far end, and how many of them look whole: a dump under its name, or a manifest. */
static inline unsigned int far_folders(unsigned int *ret_whole)
{
	unsigned int n = 0;
	const struct dirent *e;
	DIR *d = opendir("far");

	*ret_whole = 0;
	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[400];

		if (e->d_name[0] == '.')
			continue;
		n++;
		snprintf(path, sizeof(path), "far/%s/vmcore", e->d_name);
		if (exists(path))
			++*ret_whole;
	}
	closedir(d);
	return n;
}

#endif
