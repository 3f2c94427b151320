// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <errno.h>

TEST(set_returns_the_code_and_forgets_what_was)
{
	struct err err;

	memset(&err, 0xaa, sizeof(err));
	assert_int_equal(err_set(&err, ERR_CORRUPT, "value %d", 7), ERR_CORRUPT);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.msg, "value 7");
}

TEST(sys_appends_the_text_and_chooses_the_code)
{
	static const struct {
		int sys;
		int code;
	} cases[] = {
		{ENOSPC, ERR_NO_SPACE},  {EDQUOT, ERR_NO_SPACE},   {ENOMEM, ERR_NO_MEMORY},
		{ENOENT, ERR_NOT_FOUND}, {ETIMEDOUT, ERR_TIMEOUT}, {EIO, ERR_SYSTEM},
	};
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(err_sys(&err, cases[i].sys, "f"), cases[i].code);
		assert_int_equal(err.sys, cases[i].sys);
	}
	err_sys(&err, EIO, "%s: read", "/x");
	assert_string_equal(err.msg, "/x: read: Input/output error");
	err_sys(&err, 4711, "f");
	assert_string_equal(err.msg, "f: errno 4711");
}

TEST(wrap_prepends_and_keeps_the_code)
{
	struct err err;

	err_sys(&err, ENOSPC, "write");
	assert_int_equal(err_wrap(&err, "target %d", 2), ERR_NO_SPACE);
	assert_int_equal(err.sys, ENOSPC);
	assert_string_equal(err.msg, "target 2: write: No space left on device");
}

TEST(a_long_message_is_cut_and_stays_a_string)
{
	static char text[3 * ERR_MSG_SIZE];
	struct err err;

	memset(text, 'x', sizeof(text) - 1);
	err_set(&err, ERR_CORRUPT, "%s", text);
	assert_int_equal(strlen(err.msg), ERR_MSG_SIZE - 1);
	err_sys(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.msg), ERR_MSG_SIZE - 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(err_wrap(&err, "%d%s", i, text), ERR_SYSTEM);
		assert_true(strlen(err.msg) < ERR_MSG_SIZE);
		assert_int_equal(err.msg[0], '0' + i);
	}
	/* the context is cut to half of the room, so something of the cause always stays */
	err_set(&err, ERR_CORRUPT, "cause");
	err_wrap(&err, "%s", text);
	assert_non_null(strstr(err.msg, "xx: cause"));
}

TEST(nomem_names_what_and_how_much)
{
	struct err err;

	assert_int_equal(err_nomem(&err, 42, "a table"), ERR_NO_MEMORY);
	assert_string_equal(err.msg, "no memory for a table (42 bytes)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_returns_the_code_and_forgets_what_was),
		cmocka_unit_test(sys_appends_the_text_and_chooses_the_code),
		cmocka_unit_test(wrap_prepends_and_keeps_the_code),
		cmocka_unit_test(a_long_message_is_cut_and_stays_a_string),
		cmocka_unit_test(nomem_names_what_and_how_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
