// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Probing targets with system calls that mount nothing: a "mounted" file system is the mount point's folder itself, so
 * what a probe leaves behind stays there to be seen.
 */
#include "capture/preflight.h"

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/sha256.h"
#include "tests/unit/raw_fixture.h"

/* What the calls shall do and what they saw; in shared memory. */
static struct seen {
	int unshare_errno;
	const char *failing; /* mounts of this source fail … */
	int mount_errno;     /* … so; 0: they never return */
	const char *file;    /* below the mount point, made by a mount */
	int umount_errno;

	int unshared;
	unsigned int mounts, umounts;
	bool made_private;
	unsigned long flags; /* of the last mount */
	char source[64], options[64];
} * seen;

static int fake_unshare(int flags)
{
	seen->unshared = flags;
	errno = seen->unshare_errno;
	return errno ? -1 : 0;
}

static void make_file(const char *mountpoint)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", mountpoint, seen->file);
	for (char *p = path + strlen(mountpoint) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			_exit(1);
		*p = '/';
	}
	close(open(path, O_WRONLY | O_CREAT, 0600));
}

static int fake_mount(const char *source, const char *target, const char *type, unsigned long flags,
		      const void *data)
{
	(void)type;
	if (flags == (MS_REC | MS_PRIVATE)) {
		seen->made_private = strcmp(target, "/") == 0;
		return 0;
	}
	if (seen->failing && strcmp(source, seen->failing) == 0) {
		if (!seen->mount_errno)
			pause();
		errno = seen->mount_errno;
		return -1;
	}
	seen->mounts++;
	seen->flags = flags;
	snprintf(seen->source, sizeof(seen->source), "%s", source);
	snprintf(seen->options, sizeof(seen->options), "%s", data ? (const char *)data : "none");
	if (seen->file)
		make_file(target);
	return 0;
}

static int fake_umount(const char *target, int flags)
{
	(void)target;
	(void)flags;
	seen->umounts++;
	errno = seen->umount_errno;
	return errno ? -1 : 0;
}

static const struct sys fake_sys = {
	.unshare = fake_unshare, .mount = fake_mount, .umount = fake_umount};

/* ---- a recipe */

static struct recipe *recipe;
static struct preflight_result results[RECIPE_MAX_TARGETS];
static const char *mounted_at[RECIPE_MAX_TARGETS];

static int make(void **state)
{
	struct err err;

	seen = step_shared_alloc(sizeof(*seen));
	memset(results, 0, sizeof(results));
	memset(mounted_at, 0, sizeof(mounted_at));
	if (!seen || scratch_make(state) || mkdir("run", 0700) || mkdir("dev", 0700))
		return -1;
	return recipe_create_default(&recipe, &err);
}

static int drop(void **state)
{
	recipe_destroy(recipe);
	step_shared_free(seen, sizeof(*seen));
	return scratch_drop(state);
}

static void set(char **at, const char *text)
{
	free(*at);
	*at = strdup(text);
	assert_non_null(*at);
}

static struct recipe_target *add(enum target_kind kind, const char *device, const char *fstype,
				 const char *path)
{
	struct recipe_target *t;

	assert_ok(recipe_add_target(recipe, kind, &t, err));
	set(&t->device, device);
	set(&t->fstype, fstype);
	set(&t->path, path);
	return t;
}

static int probe(struct err *err)
{
	struct preflight_env env = {.sys = &fake_sys, .folder = "run", .mounted_at = mounted_at};
	struct root root;
	int r = root_init(&root, scratch, err);

	env.root = &root;
	if (!r)
		r = preflight_run(recipe, &env, results, err);
	root_deinit(&root);
	return r;
}

/* What is left of the mount point: "" if it is gone, else its path. */
static const char *left(void)
{
	static char path[PATH_MAX];
	struct dirent *e;
	DIR *dir = opendir("run");

	assert_non_null(dir);
	*path = '\0';
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			snprintf(path, sizeof(path), "run/%s", e->d_name);
	closedir(dir);
	return path;
}

static void assert_good(size_t i)
{
	if (results[i].err.code)
		fail_msg("target %zu: %s: %s", i, results[i].step, results[i].err.msg);
}

static void assert_bad(size_t i, const char *step, enum err_code code, const char *says)
{
	assert_int_equal(results[i].err.code, code);
	assert_string_equal(results[i].step, step);
	if (!strstr(results[i].err.msg, says))
		fail_msg("'%s' lacks '%s'", results[i].err.msg, says);
}

/* ---- file systems */

TEST(nothing_is_left)
{
	add(TARGET_SHARE, "tag", "virtiofs", "/var/crash");
	assert_ok(probe(err));
	assert_good(0);
	assert_true(results[0].free_known && results[0].free > 0);
	assert_string_equal(results[0].device, "tag");
	assert_int_equal(seen->unshared, CLONE_NEWNS);
	assert_true(seen->made_private);
	assert_int_equal(seen->mounts, 1);
	assert_int_equal(seen->umounts, 1);
	/* an empty folder was removed: neither the file nor /var/crash is there */
	assert_string_equal(left(), "");
}

TEST(what_was_there_stays)
{
	char path[PATH_MAX];

	add(TARGET_SHARE, "tag", "virtiofs", "/var/crash");
	seen->file = "var/crash/kept";
	assert_ok(probe(err));
	assert_good(0);
	snprintf(path, sizeof(path), "%s/var/crash/kept", left());
	assert_true(exists(path));
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0); /* and nothing besides */
}

TEST(only_new_folders_are_removed)
{
	char path[PATH_MAX];

	add(TARGET_SHARE, "tag", "virtiofs", "/var/lib/crash");
	seen->file = "var/x";
	assert_ok(probe(err));
	assert_good(0);
	snprintf(path, sizeof(path), "%s/var/lib", left());
	assert_false(exists(path));
	snprintf(path, sizeof(path), "%s/var/x", left());
	assert_true(exists(path));
}

/* A file where the folder should be. */
TEST(cannot_be_written)
{
	char path[PATH_MAX];

	add(TARGET_SHARE, "tag", "virtiofs", "/var/lib/crash");
	seen->file = "var/lib";
	assert_ok(probe(err));
	assert_bad(0, "write", ERR_SYSTEM, "Not a directory");
	assert_false(results[0].free_known);
	assert_int_equal(seen->umounts, 1);
	snprintf(path, sizeof(path), "%s/var/lib", left());
	assert_true(exists(path));
}

TEST(one_fails_and_the_next_is_tried)
{
	add(TARGET_SHARE, "bad", "virtiofs", "/a");
	add(TARGET_SHARE, "good", "virtiofs", "");
	seen->failing = "bad";
	seen->mount_errno = EIO;
	assert_ok(probe(err));
	assert_bad(0, "attach", ERR_SYSTEM, "mount bad (bad) as virtiofs: Input/output error");
	assert_good(1);
	assert_int_equal(seen->umounts, 1); /* what is not mounted is not unmounted */
	assert_string_equal(left(), "");
}

TEST(one_hangs_and_the_next_is_tried)
{
	add(TARGET_SHARE, "bad", "virtiofs", "/a");
	add(TARGET_SHARE, "good", "virtiofs", "/a");
	recipe->deadline_mount = 1;
	seen->failing = "bad";
	assert_ok(probe(err));
	assert_bad(0, "attach", ERR_TIMEOUT, "not done after 1000 ms");
	assert_true(results[0].took_ms >= 1000);
	assert_good(1);
}

TEST(cannot_be_unmounted)
{
	add(TARGET_SHARE, "tag", "virtiofs", "/a");
	seen->umount_errno = EPERM;
	assert_ok(probe(err));
	assert_bad(0, "detach", ERR_SYSTEM, "unmount");
}

/* The kernel has one channel for a share of 9p: a second mount is "busy". */
TEST(a_9p_share_that_is_mounted)
{
	add(TARGET_SHARE, "tag", "9p", "/a");
	mounted_at[0] = "/mnt/share";
	seen->failing = "tag";
	seen->mount_errno = EBUSY;
	assert_ok(probe(err));
	assert_good(0);
	assert_string_equal(seen->source, "/mnt/share");
	assert_int_equal(seen->flags, MS_BIND);
}

TEST(no_privileges)
{
	add(TARGET_SHARE, "tag", "virtiofs", "/a");
	seen->unshare_errno = EPERM;
	assert_fails(probe(err), ERR_SYSTEM,
		     "a mount namespace for the probe: Operation not permitted");
	assert_int_equal(seen->mounts, 0);
	assert_string_equal(left(), "");
}

/* ---- raw partitions */

static void digest_of(const char *path, uint8_t ret[32])
{
	_cleanup_free_ char *data = NULL;
	struct sha256 sha;
	size_t len;

	assert_ok(io_read_file(path, 64 << 20, &data, &len, err));
	sha256_init(&sha);
	sha256_update(&sha, data, len);
	sha256_final(&sha, ret);
}

static __attribute__((noinline)) void capture_before(void)
{
	static struct raw raw;

	raw_make_device(RAW_SIZE);
	raw_init(&raw);
	raw_capture(&raw, "an earlier crash\n");
	raw_deinit(&raw);
}

TEST(raw_is_as_it_was)
{
	uint8_t before[32], after[32];
	struct recipe_target *t;

	capture_before();
	digest_of("dev/raw", before);
	t = add(TARGET_RAW, "/dev/raw", "", "");
	t->size = RAW_SIZE;
	assert_ok(probe(err));
	assert_good(0);
	assert_string_equal(results[0].device, "/dev/raw");
	assert_int_equal(results[0].free, RAW_SIZE - raw_walk("dev/raw").end);
	digest_of("dev/raw", after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(seen->mounts, 0);
}

TEST(raw_of_another_size)
{
	raw_make_device(RAW_SIZE);
	add(TARGET_RAW, "/dev/raw", "", "")->size = RAW_SIZE + 4096;
	assert_ok(probe(err));
	assert_bad(0, "attach", ERR_USAGE, "when the recipe was made");
}

TEST(raw_that_is_full)
{
	struct crashpart_entry e = {.state = CRASHPART_WHOLE, .end = 1 << 20};
	int fd;

	raw_make_device(1 << 20);
	fd = open("dev/raw", O_RDWR);
	assert_ok(crashpart_write(fd, &e, "raw", err));
	close(fd);
	add(TARGET_RAW, "/dev/raw", "", "");
	assert_ok(probe(err));
	assert_bad(0, "rewrite", ERR_NO_SPACE, "/dev/raw is full of crashes");
	assert_true(results[0].free_known && results[0].free == 0);
}

#define tested(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tested(nothing_is_left),
		tested(what_was_there_stays),
		tested(only_new_folders_are_removed),
		tested(cannot_be_written),
		tested(one_fails_and_the_next_is_tried),
		tested(one_hangs_and_the_next_is_tried),
		tested(cannot_be_unmounted),
		tested(a_9p_share_that_is_mounted),
		tested(no_privileges),
		tested(raw_is_as_it_was),
		tested(raw_of_another_size),
		tested(raw_that_is_full),
	};

	return cmocka_run_group_tests_name("preflight", tests, NULL, NULL);
}
