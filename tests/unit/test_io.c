// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/io.h"

static char dir[] = "/tmp/lifeboat-io-XXXXXX";

static int make_dir(void **state __attribute__((unused)))
{
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int drop_dir(void **state __attribute__((unused)))
{
	return chdir("/") || rmdir(dir);
}

TEST(pread_takes_all_or_says_where_the_file_ends)
{
	struct memfile f;
	char buf[8] = "";

	memfile_write(&f, "0123456789", 10);
	assert_ok(io_pread_full(f.fd, buf, 4, 6, "f", err));
	assert_memory_equal(buf, "6789", 4);
	assert_ok(io_pread_full(f.fd, buf, 0, 1000, "f", err));
	assert_fails(io_pread_full(f.fd, buf, 5, 6, "f", err), ERR_CORRUPT, "ends at 0xa");
	assert_fails(io_pread_full(f.fd, buf, 1, UINT64_MAX, "f", err), ERR_CORRUPT,
		     "0xffffffffffffffff is out of range");
	assert_fails(io_pread_full(f.fd, buf, 1, INT64_MAX, "f", err), ERR_CORRUPT, "out of range");
	assert_fails(io_pread_full(-1, buf, 1, 0, "f", err), ERR_SYSTEM, "Bad file descriptor");
	memfile_close(&f);
}

TEST(writes_say_when_the_disk_is_full)
{
	int full = open("/dev/full", O_RDWR | O_CLOEXEC);

	assert_true(full >= 0);
	assert_fails(io_write_full(full, "x", 1, "full", err), ERR_NO_SPACE, "full: write of 1");
	assert_fails(io_pwrite_full(full, "x", 1, 8, "full", err), ERR_NO_SPACE, "at 0x8");
	close(full);
}

TEST(pwrite_leaves_holes_of_zeroes)
{
	struct memfile f;
	char buf[6];

	memfile_write(&f, "", 0);
	assert_ok(io_pwrite_full(f.fd, "xy", 2, 4, "f", err));
	assert_ok(io_pread_full(f.fd, buf, 6, 0, "f", err));
	assert_memory_equal(buf, "\0\0\0\0xy", 6);
	memfile_close(&f);
}

/* A pipe gives short counts; the text is longer than the first buffer. */
TEST(read_all_of_a_pipe)
{
	static char text[20000];
	_cleanup_free_ char *data = NULL;
	size_t len = 0;
	int fds[2];

	memset(text, 'a', sizeof(text));
	assert_int_equal(pipe(fds), 0);
	assert_ok(io_write_full(fds[1], text, sizeof(text), "pipe", err));
	close(fds[1]);
	assert_ok(io_read_all(fds[0], sizeof(text), "pipe", &data, &len, err));
	assert_int_equal(len, sizeof(text));
	assert_memory_equal(data, text, len);
	assert_int_equal(data[len], 0);
	close(fds[0]);
}

TEST(read_all_has_a_limit)
{
	char *data = NULL;
	struct memfile f;
	size_t len = 0;

	memfile_write(&f, "0123456789", 10);
	assert_fails(io_read_file(f.path, 9, &data, &len, err), ERR_CORRUPT, "larger than 9 bytes");
	assert_null(data);
	assert_ok(io_read_file(f.path, 10, &data, &len, err));
	assert_int_equal(len, 10);
	free(data);
	memfile_close(&f);
	assert_fails(io_read_file("/nonexistent", 9, &data, &len, err), ERR_NOT_FOUND,
		     "/nonexistent: open");
	assert_fails(io_read_file("/", 9, &data, &len, err), ERR_SYSTEM, "Is a directory");
}

TEST(write_file_replaces_privately)
{
	_cleanup_free_ char *data = NULL;
	struct stat st;
	size_t len;

	/* what a run that was killed left behind, readable for everybody */
	close(open("a.tmp", O_WRONLY | O_CREAT, 0666));
	assert_int_equal(chmod("a.tmp", 0666), 0);
	assert_ok(io_write_file("a", "old", 3, err));
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(io_write_file("a", "newer", 5, err));
	assert_ok(io_read_file("a", 99, &data, &len, err));
	assert_string_equal(data, "newer");
	assert_int_equal(access("a.tmp", F_OK), -1);
	unlink("a");
}

/* Somebody who may write to the folder must not choose which file we overwrite. */
TEST(write_file_does_not_follow_a_planted_link)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	assert_ok(io_write_file("victim", "precious", 8, err));
	assert_int_equal(symlink("victim", "a.tmp"), 0);
	assert_ok(io_write_file("a", "new", 3, err));
	assert_ok(io_read_file("victim", 99, &data, &len, err));
	assert_string_equal(data, "precious");
	unlink("a");
	unlink("victim");
}

TEST(write_file_fails_without_a_trace)
{
	assert_fails(io_write_file("no/such/x", "", 0, err), ERR_NOT_FOUND,
		     "no/such/x.tmp: create");
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_fails(io_write_file("sub", "x", 1, err), ERR_USAGE, "sub is not a regular file");
	assert_int_equal(access("sub.tmp", F_OK), -1);
	rmdir("sub");
}

TEST(sync_parent_finds_the_folder)
{
	assert_ok(io_sync_parent("name", err));
	assert_ok(io_sync_parent("/name", err));
	assert_ok(io_sync_parent("./name", err));
	assert_fails(io_sync_parent("no/such/name", err), ERR_NOT_FOUND, "no/such: open");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pread_takes_all_or_says_where_the_file_ends),
		cmocka_unit_test(writes_say_when_the_disk_is_full),
		cmocka_unit_test(pwrite_leaves_holes_of_zeroes),
		cmocka_unit_test(read_all_of_a_pipe),
		cmocka_unit_test(read_all_has_a_limit),
		cmocka_unit_test(write_file_replaces_privately),
		cmocka_unit_test(write_file_does_not_follow_a_planted_link),
		cmocka_unit_test(write_file_fails_without_a_trace),
		cmocka_unit_test(sync_parent_finds_the_folder),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
