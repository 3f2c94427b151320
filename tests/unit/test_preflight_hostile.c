// SPDX-License-Identifier: GPL-2.0-or-later
/* What `lifeboat check` finds out by writing to targets; here without mounting anything. */
#include "tests/unit/raw_fixture.h"

#include <sys/statvfs.h>

#include "capture/preflight.h"

static uint64_t free_blocks = 1 << 20;

/* Of any folder here. */
int statvfs(const char *path, struct statvfs *ret)
{
	(void)path;
	*ret = (struct statvfs){.f_frsize = 4096, .f_blocks = 1 << 20, .f_bavail = free_blocks};
	return 0;
}

static int no_namespace(int flags)
{
	(void)flags;
	return 0;
}

/* A file system that is the folder itself. */
static int no_mount(const char *source, const char *target, const char *type, unsigned long flags,
		    const void *data)
{
	(void)source;
	(void)target;
	(void)type;
	(void)flags;
	(void)data;
	return 0;
}

static int no_umount(const char *target, int flags)
{
	(void)target;
	(void)flags;
	return 0;
}

static const struct sys no_sys = {.unshare = no_namespace, .mount = no_mount, .umount = no_umount};

static struct preflight_result probe(struct raw *r)
{
	char *nobody[] = {NULL};
	struct recipe recipe = {
		.encrypt_to = nobody,
		.targets = &r->recipe,
		.n_targets = 1,
		.deadline_device = 5,
		.deadline_mount = 5,
		.deadline_log = 5,
	};
	const struct preflight_env env = {.root = &r->root, .sys = &no_sys, .folder = scratch};
	struct preflight_result result;

	assert_ok(preflight_run(&recipe, &env, &result, err));
	return result;
}

static void collect_all(void)
{
	struct raw_entries e = raw_walk("dev/raw");
	int fd = open("dev/raw", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < e.n; i++) {
		e.list[i].state = CRASHPART_COLLECTED;
		assert_ok(crashpart_write(fd, &e.list[i], "raw", err));
	}
	close(fd);
}

TEST(a_raw_partition_with_room)
{
	struct preflight_result result;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "log");
	result = probe(&r);
	assert_int_equal(result.err.code, 0);
	assert_int_equal(result.free, RAW_SIZE - raw_walk("dev/raw").end);
	assert_string_equal(result.device, "/dev/raw");
	assert_int_equal(raw_walk("dev/raw").n, 1);
	raw_deinit(&r);
}

/* There was room for a block, and so it was good; a capture wants more, and would have had it of what was collected. */
TEST(a_raw_partition_that_is_full)
{
	struct raw_entries e;
	struct preflight_result result;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "log");
	e = raw_walk("dev/raw");
	assert_int_equal(truncate("dev/raw", (off_t)(e.end + (1 << 20) - 4096)), 0);
	result = probe(&r);
	assert_int_equal(result.err.code, ERR_NO_SPACE);
	assert_non_null(strstr(result.err.msg, "/dev/raw is full of crashes: collect them"));
	collect_all();
	result = probe(&r);
	assert_int_equal(result.err.code, 0);
	assert_int_equal(result.free, e.end + (1 << 20) - 4096);
	assert_int_equal(raw_walk("dev/raw").n, 1);
	raw_deinit(&r);
}

/* What a capture would close and go on behind. */
TEST(a_raw_partition_with_a_crash_that_was_cut_off)
{
	struct preflight_result result;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	raw_put(&r, CRASH_LOG, "log");
	result = probe(&r);
	assert_int_equal(result.err.code, 0);
	assert_int_equal(result.free, RAW_SIZE - 2 * CRASHPART_BLOCK);
	assert_int_equal(raw_walk("dev/raw").list[0].state, CRASHPART_WRITING);
	raw_deinit(&r);
}

/* The probe's few bytes fit into the last percent, which a dump leaves free. */
TEST(a_full_file_system)
{
	static char type[] = "ext4", options[] = "", path[] = "/var/crash";
	struct preflight_result result;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	r.recipe.kind = TARGET_FS;
	r.recipe.fstype = type;
	r.recipe.mount_options = options;
	r.recipe.path = path;
	result = probe(&r);
	assert_int_equal(result.err.code, 0);
	free_blocks = (1 << 20) / 100;
	result = probe(&r);
	assert_int_equal(result.err.code, ERR_NO_SPACE);
	assert_non_null(strstr(result.err.msg, "a dump may take only 0 bytes"));
	r.recipe.log_only = true;
	result = probe(&r);
	assert_int_equal(result.err.code, 0);
	raw_deinit(&r);
}

#define test(name) cmocka_unit_test_setup_teardown(name, raw_setup, scratch_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_raw_partition_with_room),
		test(a_raw_partition_that_is_full),
		test(a_raw_partition_with_a_crash_that_was_cut_off),
		test(a_full_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
