// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/root.h"

static char dir[] = "/tmp/lifeboat-root-XXXXXX";

static int make_tree(void **state __attribute__((unused)))
{
	struct err err;

	if (!mkdtemp(dir) || chdir(dir) || mkdir("sys", 0700) || mkdir("proc", 0700))
		return -1;
	if (io_write_file("sys/size", "268435456\n", 10, &err) ||
	    io_write_file("sys/bad", "many\n", 5, &err))
		return -1;
	if (symlink("/sys/size", "proc/absolute") || symlink("../../../etc/passwd", "proc/out"))
		return -1;
	return 0;
}

static int drop_tree(void **state __attribute__((unused)))
{
	return unlink("sys/size") || unlink("sys/bad") || unlink("proc/absolute") ||
	       unlink("proc/out") || rmdir("sys") || rmdir("proc") || chdir("/") || rmdir(dir);
}

/* Renames a file to and fro until it is killed. */
static pid_t start_renaming(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (;;)
		if (rename("sys/bad", "sys/worse") || rename("sys/worse", "sys/bad"))
			_exit(1);
}

/*
 * Regression: with ".." in a path the kernel gives up (EAGAIN) if anything anywhere is renamed meanwhile, and what is
 * there was said to be missing.
 */
TEST(finds_files_while_others_are_renamed)
{
	struct root root;
	pid_t pid;
	int missing = 0;

	assert_ok(root_init(&root, dir, err));
	pid = start_renaming();
	assert_true(pid > 0);
	for (int i = 0; i < 200000; i++)
		missing += !root_exists(&root, "/sys/../proc/../sys/../proc/../sys/size");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	if (rename("sys/worse", "sys/bad"))
		assert_int_equal(errno, ENOENT);
	assert_int_equal(missing, 0);
	root_deinit(&root);
}

TEST(reads_below_the_root)
{
	struct root root;
	char *text = NULL;
	uint64_t v = 0;
	size_t len = 0;

	assert_ok(root_init(&root, dir, err));
	assert_true(root_exists(&root, "/sys/size"));
	assert_false(root_exists(&root, "/sys/none"));
	assert_ok(root_read_u64(&root, "/sys/size", &v, err));
	assert_int_equal(v, 268435456);
	assert_ok(root_read(&root, "/sys/size", 100, &text, &len, err));
	assert_string_equal(text, "268435456\n");
	free(text);
	root_deinit(&root);
}

TEST(nothing_leads_out)
{
	struct root root;
	uint64_t v = 0;

	assert_ok(root_init(&root, dir, err));
	assert_ok(root_read_u64(&root, "/proc/absolute", &v, err));
	assert_int_equal(v, 268435456);
	assert_false(root_exists(&root, "/proc/out"));
	assert_false(root_exists(&root, "/../../../../etc/passwd"));
	root_deinit(&root);
}

TEST(messages_name_the_whole_path)
{
	struct root root;
	uint64_t v = 7;
	char *text;
	size_t len;

	assert_ok(root_init(&root, dir, err));
	assert_fails(root_read_u64(&root, "/sys/none", &v, err), ERR_NOT_FOUND, "/sys/none: open");
	assert_fails(root_read_u64(&root, "/sys/none", &v, err), ERR_NOT_FOUND, dir);
	assert_fails(root_read_u64(&root, "/sys/bad", &v, err), ERR_USAGE, "/sys/bad: 'many'");
	assert_fails(root_read(&root, "/sys/size", 3, &text, &len, err), ERR_CORRUPT, "/sys/size");
	assert_int_equal(v, 7);
	root_deinit(&root);
	assert_fails(root_init(&root, "/nonexistent", err), ERR_NOT_FOUND, "/nonexistent");
}

TEST(the_machine_itself)
{
	static const char *const same[] = {NULL, "", "/"};
	struct root root;

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		assert_ok(root_init(&root, same[i], err));
		assert_int_equal(root.fd, -1);
		assert_true(root_exists(&root, "/proc/self"));
		root_deinit(&root);
	}
}

/* A FIFO in a recorded machine kept the program waiting for ever. */
TEST(a_fifo_does_not_block)
{
	struct root root;
	char *text = NULL;
	size_t len = 1;

	assert_int_equal(mkfifo("sys/fifo", 0600), 0);
	assert_ok(root_init(&root, dir, err));
	alarm(10);
	assert_ok(root_read(&root, "/sys/fifo", 100, &text, &len, err));
	alarm(0);
	assert_int_equal(len, 0);
	free(text);
	root_deinit(&root);
	assert_int_equal(unlink("sys/fifo"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_below_the_root),
		cmocka_unit_test(nothing_leads_out),
		cmocka_unit_test(messages_name_the_whole_path),
		cmocka_unit_test(the_machine_itself),
		cmocka_unit_test(a_fifo_does_not_block),
		cmocka_unit_test(finds_files_while_others_are_renamed),
	};

	return cmocka_run_group_tests(tests, make_tree, drop_tree);
}
