// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include "capture/modules.h"

#define LIMIT_MS 5000

static struct log quiet = {.tag = "t", .fd = -1, .max = LOG_LEVEL_DEBUG};

/* Files a, b and c, each with its name in it. */
static int make(void **state)
{
	int r = calls_make(state);

	write_text("a", "a");
	write_text("b", "b");
	write_text("c", "c");
	return r;
}

TEST(no_list_means_no_modules)
{
	assert_ok(modules_load("list", &calls_sys, LIMIT_MS, &quiet, err));
	assert_string_equal(calls->modules, "");
}

TEST(all_in_the_order_of_the_list)
{
	write_text("list", "b\n\na\nc");
	assert_ok(modules_load("list", &calls_sys, LIMIT_MS, &quiet, err));
	assert_string_equal(calls->modules, "bac");
	write_text("list", "");
	assert_ok(modules_load("list", &calls_sys, LIMIT_MS, &quiet, err));
	assert_string_equal(calls->modules, "bac");
}

TEST(one_that_is_there_already_is_fine)
{
	calls->bad_module = "a";
	calls->module_errno = EEXIST;
	write_text("list", "a\nb\n");
	assert_ok(modules_load("list", &calls_sys, LIMIT_MS, &quiet, err));
	assert_string_equal(calls->modules, "ab");
}

/* A driver that is not needed after all must not keep the one that is from being loaded. */
TEST(the_rest_is_tried_after_a_failure)
{
	calls->bad_module = "b";
	calls->module_errno = EINVAL;
	write_text("list", "a\nb\nnone\nc\n");
	assert_fails(modules_load("list", &calls_sys, LIMIT_MS, &quiet, err), ERR_SYSTEM,
		     "module b: load: Invalid argument");
	assert_string_equal(calls->modules, "abc");
	calls->bad_module = NULL;
	assert_fails(modules_load("list", &calls_sys, LIMIT_MS, &quiet, err), ERR_NOT_FOUND,
		     "module none: open: No such file");
}

/* A driver whose probing hangs is left behind, and the one of the disk is loaded all the same. */
TEST(the_rest_is_tried_after_one_that_hangs)
{
	uint64_t before = step_now_ms();

	calls->sick_module = "b";
	write_text("list", "a\nb\nc\n");
	assert_fails(modules_load("list", &calls_sys, 100, &quiet, err), ERR_TIMEOUT,
		     "module b: not done after 100 ms");
	assert_string_equal(calls->modules, "abc");
	assert_true(step_now_ms() - before < 2000);
}

TEST(parameters)
{
	write_text("list", "a one=1 two=\"2 3\"\nb \t four\nc \n");
	assert_ok(modules_load("list", &calls_sys, LIMIT_MS, &quiet, err));
	assert_string_equal(calls->modules, "a(one=1 two=\"2 3\")b(four)c");
}

TEST(every_failure_is_told)
{
	struct log log = {.tag = "t", .fd = open("log", O_RDWR | O_CREAT, 0600), .max = 7};
	const char *said;

	write_text("list", "none\na\nneither\n");
	assert_fails(modules_load("list", &calls_sys, LIMIT_MS, &log, err), ERR_NOT_FOUND, "none");
	close(log.fd);
	said = text_of("log");
	assert_non_null(strstr(said, "module none: open"));
	assert_non_null(strstr(said, "module neither: open"));
}

TEST(a_list_that_cannot_be_read)
{
	assert_int_equal(mkdir("list", 0700), 0);
	assert_fails(modules_load("list", &calls_sys, LIMIT_MS, &quiet, err), ERR_SYSTEM,
		     "list: read");
}

TEST(a_list_without_end)
{
	assert_fails(modules_load("/dev/zero", &calls_sys, LIMIT_MS, &quiet, err), ERR_CORRUPT,
		     "/dev/zero: is larger than 1048576 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_list_means_no_modules, make, calls_drop),
		cmocka_unit_test_setup_teardown(all_in_the_order_of_the_list, make, calls_drop),
		cmocka_unit_test_setup_teardown(one_that_is_there_already_is_fine, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(the_rest_is_tried_after_a_failure, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(the_rest_is_tried_after_one_that_hangs, make,
						calls_drop),
		cmocka_unit_test_setup_teardown(parameters, make, calls_drop),
		cmocka_unit_test_setup_teardown(every_failure_is_told, make, calls_drop),
		cmocka_unit_test_setup_teardown(a_list_that_cannot_be_read, make, calls_drop),
		cmocka_unit_test_setup_teardown(a_list_without_end, make, calls_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
