// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "base/opt.h"

static struct {
	bool panic, verbose;
	int codec;
	const char *out, *codec_name;
	uint64_t level;
	struct opt_list append;
} got;

static const struct opt opts[] = {
	OPT_FLAG('p', "panic", &got.panic, "a panic kernel"),
	OPT_FLAG('v', NULL, &got.verbose, "say more"),
	OPT_CHOICE('c', "zlib", &got.codec, 1, "zlib"),
	OPT_CHOICE('l', "lzo", &got.codec, 2, "lzo"),
	OPT_STRING('o', "output", "FILE", &got.out, "where to"),
	OPT_WORD(0, "compress", "CODEC", &got.codec_name, "raw zlib",
		 "how pages are compressed, in a text that is too long for what is left of the "
		 "line"),
	OPT_NUMBER('d', "level", "N", &got.level, 0, 31, "dump level"),
	OPT_LIST(0, "append", "TEXT", &got.append, "more text"),
};

static int reset(void **state __attribute__((unused)))
{
	opt_list_deinit(&got.append);
	memset(&got, 0, sizeof(got));
	got.level = 99;
	return 0;
}

static char *args[16];

/* Parse a NULL-terminated list of arguments; *ret_operands of them remain, from args[1] on. */
static int parse(struct err *err, int *ret_operands, ...)
{
	static char name[] = "prog";
	va_list ap;
	int argc = 1;

	args[0] = name;
	va_start(ap, ret_operands);
	while ((args[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	return opt_parse(opts, ARRAY_SIZE(opts), argc, args, ret_operands, err);
}

TEST(short_forms)
{
	int n;

	assert_ok(parse(err, &n, "-pv", "-d31", "-o", "x", "-cl", NULL));
	assert_int_equal(n, 0);
	assert_true(got.panic && got.verbose);
	assert_int_equal(got.level, 31);
	assert_string_equal(got.out, "x");
	assert_int_equal(got.codec, 2); /* the last choice wins */
	assert_ok(parse(err, &n, "-vd", "5", "-oname", NULL));
	assert_int_equal(got.level, 5);
	assert_string_equal(got.out, "name");
}

TEST(long_forms)
{
	int n;

	assert_ok(parse(err, &n, "--panic", "--level=7", "--output", "a=b", "--append=", "--append",
			"--x", NULL));
	assert_true(got.panic);
	assert_int_equal(got.level, 7);
	assert_string_equal(got.out, "a=b");
	assert_int_equal(got.append.n, 2);
	assert_string_equal(got.append.v[0], "");
	assert_string_equal(got.append.v[1], "--x"); /* a value is never an option */
}

TEST(operands_may_be_mixed_and_end_with_two_dashes)
{
	int n;

	assert_ok(parse(err, &n, "a", "-p", "-", "-d", "3", "b", "--", "-v", "--", NULL));
	assert_int_equal(n, 5);
	assert_string_equal(args[1], "a");
	assert_string_equal(args[2], "-");
	assert_string_equal(args[3], "b");
	assert_string_equal(args[4], "-v");
	assert_string_equal(args[5], "--");
	assert_true(got.panic);
	assert_false(got.verbose);
}

TEST(mistakes_name_the_option)
{
	int n = 99;

	assert_fails(parse(err, &n, "-x", NULL), ERR_USAGE, "unknown option -x");
	assert_fails(parse(err, &n, "-px", NULL), ERR_USAGE, "unknown option -x");
	assert_fails(parse(err, &n, "--pan", NULL), ERR_USAGE, "unknown option --pan");
	assert_fails(parse(err, &n, "--nope=3", NULL), ERR_USAGE, "unknown option --nope");
	assert_fails(parse(err, &n, "--panic=1", NULL), ERR_USAGE, "--panic takes no value");
	assert_fails(parse(err, &n, "-d", NULL), ERR_USAGE, "-d needs a value (N)");
	assert_fails(parse(err, &n, "--level", NULL), ERR_USAGE, "--level needs a value (N)");
	assert_fails(parse(err, &n, "-d32", NULL), ERR_USAGE, "option -d: 32 is not between 0");
	assert_fails(parse(err, &n, "--level=1x", NULL), ERR_USAGE, "option --level: '1x'");
	assert_fails(parse(err, &n, "--level=", NULL), ERR_USAGE, "option --level: ''");
	assert_int_equal(n, 99);
	assert_int_equal(got.level, 99);
}

TEST(words_are_the_only_values)
{
	int n = 99;

	assert_ok(parse(err, &n, "--compress=zlib", NULL));
	assert_string_equal(got.codec_name, "zlib");
	assert_fails(parse(err, &n, "--compress", "lz", NULL), ERR_USAGE,
		     "option --compress: 'lz' is none of: raw zlib");
	assert_fails(parse(err, &n, "--compress=zli", NULL), ERR_USAGE, "'zli' is none");
	assert_fails(parse(err, &n, "--compress=raw zlib", NULL), ERR_USAGE, "is none");
	assert_fails(parse(err, &n, "--compress=", NULL), ERR_USAGE, "'' is none");
	assert_string_equal(got.codec_name, "zlib");
}

TEST(values_are_known_by_their_names)
{
	assert_int_equal(opt_takes("DIR", 3), OPT_TAKES_FOLDER);
	assert_int_equal(opt_takes("VMCORE...", 6), OPT_TAKES_FILE);
	assert_int_equal(opt_takes("VERSION", 7), OPT_TAKES_KERNEL);
	assert_int_equal(opt_takes("VERS", 4), OPT_TAKES_ANY);
	assert_int_equal(opt_takes("DIRECTORY", 9), OPT_TAKES_ANY);
	assert_int_equal(opt_takes("", 0), OPT_TAKES_ANY);
}

static char *wrapped(const char *text, int at)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	opt_print_wrapped(to, text, at);
	fclose(to);
	return out;
}

TEST(text_is_broken_before_column_80)
{
	char *out = wrapped("one two\nthree\n\nfour", 4);

	assert_string_equal(out, "one two three\n\n    four\n");
	free(out);
	out = wrapped("123456789 12345 1234567", 60);
	assert_string_equal(out, "123456789 12345\n" /* "1234567" would end in column 84 */
				 "                                                            "
				 "1234567\n");
	free(out);
	out = wrapped("\u2026\u2026\u2026\u2026\u2026\u2026\u2026\u2026\u2026 23456789a", 60);
	assert_null(strstr(out, "\n ")); /* characters count, not bytes: 20 fit */
	free(out);
	out = wrapped("", 4);
	assert_string_equal(out, "\n");
	free(out);
}

TEST(help_shows_every_option)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	opt_print_help(to, opts, ARRAY_SIZE(opts));
	fclose(to);
	assert_non_null(strstr(text, "  -p, --panic "));
	assert_non_null(strstr(text, "  -v "));
	assert_non_null(strstr(text, "  -d, --level=N "));
	assert_non_null(strstr(text, "      --append=TEXT "));
	assert_non_null(strstr(
		text, " too\n                               long for what is left of the line\n"));
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 1, 80);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(short_forms, reset, reset),
		cmocka_unit_test_setup_teardown(long_forms, reset, reset),
		cmocka_unit_test_setup_teardown(operands_may_be_mixed_and_end_with_two_dashes,
						reset, reset),
		cmocka_unit_test_setup_teardown(mistakes_name_the_option, reset, reset),
		cmocka_unit_test_setup_teardown(words_are_the_only_values, reset, reset),
		cmocka_unit_test(values_are_known_by_their_names),
		cmocka_unit_test(text_is_broken_before_column_80),
		cmocka_unit_test(help_shows_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
