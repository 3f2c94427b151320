// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include "capture/pstore.h"

static void folders(void)
{
	static const char *const all[] = {"dev",
					  "sys",
					  "sys/module",
					  "sys/module/pstore",
					  "sys/module/pstore/parameters",
					  "sys/module/printk",
					  "sys/module/printk/parameters"};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_int_equal(mkdir(all[i], 0700), 0);
}

static int make(void **state)
{
	int r = scratch_make(state);

	folders();
	return r;
}

TEST(text_to_pmsg)
{
	assert_fails(pstore_write("dev", "text", 4, err), ERR_NOT_FOUND,
		     "dev/pmsg0: no persistent storage");
	write_text("dev/pmsg0", "");
	assert_ok(pstore_write("dev", "text\nof two lines\n", 18, err));
	assert_string_equal(text_of("dev/pmsg0"), "text\nof two lines\n");
	assert_ok(pstore_write("dev", "", 0, err));
}

TEST(a_backend_that_refuses)
{
	assert_int_equal(symlink("/dev/full", "dev/pmsg0"), 0);
	assert_fails(pstore_write("dev", "text", 4, err), ERR_NO_SPACE, "dev/pmsg0: write");
	unlink("dev/pmsg0");
	assert_int_equal(mkdir("dev/pmsg0", 0700), 0);
	assert_fails(pstore_write("dev", "text", 4, err), ERR_SYSTEM, "dev/pmsg0: open");
}

#define BACKEND "sys/module/pstore/parameters/backend"
#define SWITCH  "sys/module/printk/parameters/always_kmsg_dump"

TEST(the_kernels_own_log)
{
	write_text(SWITCH, "N");
	assert_fails(pstore_keep_kernel_log("sys", err), ERR_NOT_FOUND, "has no pstore");
	write_text(BACKEND, "(null)\n");
	assert_fails(pstore_keep_kernel_log("sys", err), ERR_NOT_FOUND, "no backend");
	write_text(BACKEND, "\n");
	assert_fails(pstore_keep_kernel_log("sys", err), ERR_NOT_FOUND, "no backend");
	assert_string_equal(text_of(SWITCH), "N");
	write_text(BACKEND, "efi_pstore\n");
	assert_ok(pstore_keep_kernel_log("sys", err));
	assert_string_equal(text_of(SWITCH), "Y");
	unlink(SWITCH);
	assert_fails(pstore_keep_kernel_log("sys", err), ERR_NOT_FOUND, "no such switch");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(text_to_pmsg, make, scratch_drop),
		cmocka_unit_test_setup_teardown(a_backend_that_refuses, make, scratch_drop),
		cmocka_unit_test_setup_teardown(the_kernels_own_log, make, scratch_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
