// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/out.h"

static char dir[] = "/tmp/lifeboat-out-XXXXXX";

static int make_dir(void **state __attribute__((unused)))
{
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int drop_dir(void **state __attribute__((unused)))
{
	return chdir("/") || rmdir(dir);
}

static void assert_file(const char *path, const char *want)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 0;

	assert_ok(io_read_file(path, 999, &data, &len, err));
	assert_string_equal(data, want);
}

TEST(commit_gives_the_final_name)
{
	struct out *out = NULL;
	struct stat st;

	assert_ok(out_file_create("dump", false, &out, err));
	assert_string_equal(out->name, "dump");
	assert_ok(out->ops->pwrite(out, "world", 5, 5, err));
	assert_ok(out->ops->pwrite(out, "hello", 5, 0, err));
	assert_ok(out->ops->sync(out, err));
	assert_int_equal(access("dump", F_OK), -1);
	assert_int_equal(access("dump.incomplete", F_OK), 0);
	assert_ok(out->ops->commit(out, err));
	assert_file("dump", "helloworld");
	assert_int_equal(access("dump.incomplete", F_OK), -1);
	assert_int_equal(stat("dump", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink("dump");
}

TEST(abort_leaves_nothing_and_leave_keeps_the_part)
{
	struct out *out = NULL;

	assert_ok(out_file_create("dump", false, &out, err));
	assert_ok(out->ops->pwrite(out, "x", 1, 0, err));
	out->ops->abort(out);
	assert_int_equal(access("dump.incomplete", F_OK), -1);
	assert_ok(out_file_create("dump", false, &out, err));
	assert_ok(out->ops->pwrite(out, "part", 4, 0, err));
	out->ops->leave(out);
	assert_file("dump.incomplete", "part");
	unlink("dump.incomplete");
}

TEST(an_existing_file_needs_permission)
{
	struct out *out = NULL;

	assert_ok(io_write_file("dump", "old", 3, err));
	assert_fails(out_file_create("dump", false, &out, err), ERR_USAGE, "dump exists");
	assert_ok(out_file_create("dump", true, &out, err));
	assert_ok(out->ops->pwrite(out, "new", 3, 0, err));
	assert_file("dump", "old"); /* until commit */
	assert_ok(out->ops->commit(out, err));
	assert_file("dump", "new");
	unlink("dump");
}

/* The rename would replace the device node, or fail after the whole dump was written. */
TEST(only_a_regular_file_is_replaced)
{
	struct out *out = NULL;

	assert_fails(out_file_create("/dev/null", true, &out, err), ERR_USAGE,
		     "/dev/null is not a regular file");
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_fails(out_file_create("sub", true, &out, err), ERR_USAGE, "not a regular file");
	assert_int_equal(access("sub.incomplete", F_OK), -1);
	rmdir("sub");
}

/* A dump holds keys and passwords: whatever lay under its name, it is private and ours. */
TEST(a_stale_part_is_replaced_not_reused)
{
	struct out *out = NULL;
	struct stat st;

	assert_ok(io_write_file("victim", "precious", 8, err));
	assert_int_equal(symlink("victim", "dump.incomplete"), 0);
	assert_ok(out_file_create("dump", false, &out, err));
	out->ops->leave(out);
	assert_file("victim", "precious");
	assert_int_equal(chmod("dump.incomplete", 0666), 0);
	assert_ok(out_file_create("dump", false, &out, err));
	assert_int_equal(stat("dump.incomplete", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	out->ops->abort(out);
	unlink("victim");
}

TEST(failures)
{
	struct out *out = NULL;

	assert_fails(out_file_create("no/such/dump", false, &out, err), ERR_NOT_FOUND,
		     "no/such/dump.incomplete: create");
	assert_ok(out_file_create("dump", false, &out, err));
	unlink("dump.incomplete"); /* somebody cleaned up: there is nothing to rename */
	assert_fails(out->ops->commit(out, err), ERR_NOT_FOUND, "rename to dump");
	assert_int_equal(access("dump", F_OK), -1);
}

TEST(a_stream_takes_bytes_in_order)
{
	struct out *out = NULL;
	int fd = open("stream", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_ok(out_stream_create(fd, "a stream", &out, err));
	assert_true(out->sequential && out->write_once);
	assert_string_equal(out->name, "a stream");
	assert_ok(out->ops->pwrite(out, "abc", 3, 0, err));
	assert_fails(out->ops->pwrite(out, "d", 1, 4, err), ERR_SYSTEM,
		     "at 4 of a stream that is at 3");
	assert_ok(out->ops->pwrite(out, "de", 2, 3, err));
	assert_ok(out->ops->sync(out, err));
	assert_ok(out->ops->commit(out, err));
	assert_int_equal(close(fd), 0); /* it is still ours */
	assert_file("stream", "abcde");
	unlink("stream");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commit_gives_the_final_name),
		cmocka_unit_test(abort_leaves_nothing_and_leave_keeps_the_part),
		cmocka_unit_test(an_existing_file_needs_permission),
		cmocka_unit_test(only_a_regular_file_is_replaced),
		cmocka_unit_test(a_stale_part_is_replaced_not_reused),
		cmocka_unit_test(failures),
		cmocka_unit_test(a_stream_takes_bytes_in_order),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
