// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/diff.h"

#include "tests/unit/unit.h"

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}

static void check(const char *was, const char *will, const char *want)
{
	char *got = NULL;

	assert_ok(diff_unified("f", bytes_of(was), bytes_of(will), &got, err));
	assert_string_equal(got, want);
	free(got);
}

TEST(as_diff_u)
{
	check("a\nb\n", "a\nb\n", "");
	check("", "", "");
	check("a\nb\nc\n", "a\nX\nc\n", "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+X\n c\n");
	check("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\n6\n7\n",
	      "--- f\n+++ f\n@@ -4,3 +4,4 @@\n 4\n 5\n 6\n+7\n");
	check("a\nb\n", "b\n", "--- f\n+++ f\n@@ -1,2 +1,1 @@\n-a\n b\n");
}

TEST(files_that_are_not_there)
{
	check(NULL, "a\n", "--- /dev/null\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
	check("a\n", NULL, "--- f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n");
	check(NULL, "", "--- /dev/null\n+++ f\n");
	check(NULL, NULL, "");
}

TEST(no_newline_at_the_end)
{
	check("a", "a\n", "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
	check("x\na", "y\na",
	      "--- f\n+++ f\n@@ -1,2 +1,2 @@\n-x\n+y\n a\n\\ No newline at end of file\n");
}

TEST(hunks_apart)
{
	check("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
	      "--- f\n+++ f\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n"
	      "@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
	/* six lines between are the contexts of both: one hunk */
	check("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n",
	      "--- f\n+++ f\n@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
}

/* What comes out when the diff is applied to `was`, by its own line numbers. */
static char *applied(const char *was, const char *diff)
{
	char *out = calloc(1, strlen(was) + strlen(diff) + 1);
	size_t line = 1, start = 0;

	if (*diff)
		diff = strchr(strchr(diff, '\n') + 1, '\n') + 1;
	while (*diff) {
		size_t len = strcspn(diff, "\n") + 1, n;

		if (*diff == '@') {
			assert_int_equal(sscanf(diff, "@@ -%zu,%zu", &start, &n), 2);
			start += n == 0;
			for (; line < start; line++) {
				strncat(out, was, strcspn(was, "\n") + 1);
				was += strcspn(was, "\n") + 1;
			}
		} else if (*diff == '+') {
			strncat(out, diff + 1, len - 1);
		} else {
			assert_int_equal(strncmp(was, diff + 1, len - 1), 0);
			if (*diff == ' ')
				strncat(out, was, len - 1);
			was += len - 1;
			line++;
		}
		diff += len;
	}
	strcat(out, was);
	return out;
}

TEST(any_diff_can_be_applied)
{
	unsigned int x = 1;

	for (int round = 0; round < 300; round++) {
		char text[2][256] = {"", ""}, *diff, *out;

		for (int side = 0; side < 2; side++) {
			for (unsigned int i = 0; i < 40; i++) {
				x = x * 1103515245 + 12345;
				/* lines that occur again, some on one side only */
				if ((x >> 16) % 4)
					sprintf(text[side] + strlen(text[side]), "%c%s\n",
						'a' + (char)((x >> 20) % 3), i % 8 ? "" : "x");
			}
		}
		assert_ok(diff_unified("f", bytes_of(text[0]), bytes_of(text[1]), &diff, err));
		out = applied(text[0], diff);
		assert_string_equal(out, text[1]);
		free(out);
		free(diff);
	}
}

TEST(large_texts_are_replaced)
{
	const int lines = 1500;
	char *a = calloc(1, 8 * (size_t)lines), *b = calloc(1, 8 * (size_t)lines), *diff, *out;

	for (int i = 0; i < lines; i++) {
		sprintf(a + strlen(a), "a%d\n", i);
		sprintf(b + strlen(b), "b%d\n", i);
	}
	assert_ok(diff_unified("f", bytes_of(a), bytes_of(b), &diff, err));
	out = applied(a, diff);
	assert_string_equal(out, b);
	free(out);
	free(diff);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_diff_u),
		cmocka_unit_test(files_that_are_not_there),
		cmocka_unit_test(no_newline_at_the_end),
		cmocka_unit_test(hunks_apart),
		cmocka_unit_test(any_diff_can_be_applied),
		cmocka_unit_test(large_texts_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
