// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/shellvars.h"
#include "tests/unit/unit.h"

static int read_n(const char *text, size_t len, struct shellvars *ret, struct err *err)
{
	return shellvars_read((struct bytes){(const uint8_t *)text, len}, "F", ret, err);
}

static struct shellvars read_text(const char *text)
{
	struct shellvars vars = {0};

	assert_ok(read_n(text, strlen(text), &vars, err));
	return vars;
}

/* The text is one assignment to A with this value. */
static void assert_value(const char *text, const char *want)
{
	struct shellvars vars = read_text(text);
	const struct shellvar *v = shellvars_get(&vars, "A");

	if (!v || !v->value || strcmp(v->value, want) != 0)
		fail_msg("%s: A is '%s', expected '%s'", text, v && v->value ? v->value : "?",
			 want);
	assert_null(v->problem);
	assert_null(shellvars_get(&vars, "B"));
	shellvars_deinit(&vars);
}

TEST(values)
{
	assert_value("A=", "");
	assert_value("A=1", "1");
	assert_value("A=1\n", "1");
	assert_value("  A=1  # comment", "1");
	assert_value("A=1#no-comment", "1#no-comment");
	assert_value("A=\"b c\"", "b c");
	assert_value("A='b c'", "b c");
	assert_value("A=b\"c d\"'e f'g", "bc de fg");
	assert_value("A=b\\ c", "b c");
	assert_value("A='a\\b\"c$d`e'", "a\\b\"c$d`e");
	assert_value("A=\"a\\\"b\\\\c\\$d\\`e\\f\"", "a\"b\\c$d`e\\f");
	assert_value("A=\"a\\\nb\"", "ab");
	assert_value("A=a\\\nb", "ab");
	assert_value("A=\"a\nb\"", "a b");
	assert_value("A='a\nb'", "a b");
	assert_value("A=\"5$\"", "5$");
	assert_value("A=a$", "a$");
	assert_value("A=a$/b", "a$/b");
	assert_value("A=\\", "");
	assert_value("A=a~b", "a~b");
	assert_value("A='~b'", "~b");
	assert_value("export A=1", "1");
	assert_value("readonly A=1 C", "1");
	assert_value("A=1; A=2", "2");
	assert_value("A=1\nA+=2\nA+=' 3'", "12 3");
	assert_value("A+=1", "1");
	assert_value("A=1\r", "1\r"); /* as a shell takes it */
	assert_value("A=\xc3\xa4", "\xc3\xa4");
}

/* All that was found, as "3:NAME=value; ", or "3:NAME! " and "3:! " with a letter for what is wrong. */
static void assert_found(const char *text, const char *want)
{
	static const struct {
		const char *problem;
		char letter;
	} letters[] = {
		{"its value has to", 'v'},
		{"it depends on a condition", 'c'},
		{"it is set for one command", 'o'},
		{"a statement", 's'},
	};
	struct shellvars vars = read_text(text);
	char found[1000] = "";

	for (size_t i = 0; i < vars.n; i++) {
		const struct shellvar *v = &vars.v[i];
		size_t len = strlen(found);
		char letter = '?';

		assert_true(!v->value == !!v->problem && (v->name || v->problem));
		for (size_t j = 0; v->problem && j < ARRAY_SIZE(letters); j++)
			if (strncmp(v->problem, letters[j].problem, strlen(letters[j].problem)) ==
			    0)
				letter = letters[j].letter;
		if (v->value)
			snprintf(found + len, sizeof(found) - len, "%u:%s=%s; ", v->line, v->name,
				 v->value);
		else
			snprintf(found + len, sizeof(found) - len, "%u:%s!%c; ", v->line,
				 v->name ? v->name : "", letter);
	}
	if (strcmp(found, want) != 0)
		fail_msg("%s: found '%s', expected '%s'", text, found, want);
	shellvars_deinit(&vars);
}

TEST(lines)
{
	assert_found("", "");
	assert_found("\n \n# A=1\n\t# B\n;\n", "");
	assert_found("A=1\n\nB=2", "1:A=1; 3:B=2; ");
	assert_found("A=1 B=2;C=3", "1:A=1; 1:B=2; 1:C=3; ");
	assert_found("A='1\n2'\nB=3", "1:A=1 2; 3:B=3; ");
	assert_found("A=1\\\n2\nB=3", "1:A=12; 3:B=3; ");
	assert_found("A=1 \\\n B=3\nC=", "1:A=1; 2:B=3; 3:C=; ");
	assert_found("export A=1 B C=2\nexport D", "1:A=1; 1:C=2; ");
}

/* Nothing is run, and nothing is guessed. */
TEST(what_needs_a_shell)
{
	assert_found("A=$B", "1:A!v; ");
	assert_found("A=a${B}c\nC=1", "1:A!v; 2:C=1; ");
	assert_found("A=\"$B\"", "1:A!v; ");
	assert_found("A=\"${B:-\"x y\"}\" C=1", "1:A!v; 1:C=1; ");
	assert_found("A=$(echo ')' \"a)\" $(x))\nC=1", "1:A!v; 2:C=1; ");
	assert_found("A=`echo \\` A=2`\nC=1", "1:A!v; 2:C=1; ");
	assert_found("A=\"`a`\"", "1:A!v; ");
	assert_found("A=$'x'", "1:A!v; ");
	assert_found("A=$\"x\"", "1:A!v; ");
	assert_found("A=$1 B=$? C=$$", "1:A!v; 1:B!v; 1:C!v; ");
	assert_found("A=~/x B=~", "1:A!v; 1:B!v; ");
	assert_found("A=(1 2\nB=3)\nC=1", "1:A!v; 3:C=1; ");
	assert_found("A=$(\nB=1\n)\nC=1", "1:A!v; 4:C=1; ");
	assert_found("A=$B\nA+=1", "1:A!v; 2:A!v; ");
	assert_found("A=1 B=2 make\nC=1", "1:A!o; 1:B!o; 1:!s; 2:C=1; ");
	assert_found("A=1 >/tmp/x", "1:A!o; 1:!s; ");
	assert_found("A=1 && B=2\nC=1", "1:A!o; 1:!s; 2:C=1; ");
	assert_found("A=1 & B=2", "1:A!o; 1:!s; ");
	assert_found(". /etc/other\nA=1", "1:!s; 2:A=1; ");
	assert_found("unset A; A=1", "1:!s; 1:A=1; ");
	assert_found("rm -rf \"a\nB=1\"\nA=1", "1:!s; 3:A=1; ");
	assert_found("echo a # it's fine\nA=1", "1:!s; 2:A=1; ");
}

TEST(conditions)
{
	assert_found("if true; then\nA=1\nfi\nB=1", "1:!s; 1:!s; 2:A!c; 3:!s; 4:B=1; ");
	assert_found("[ -e /x ] && {\nA=1\n}\nB=1", "1:!s; 2:A!c; 3:!s; 4:B=1; ");
	assert_found("[ -e /x ] &&\nA=1\nB=1", "1:!s; 2:A!c; 3:B=1; ");
	assert_found("[ -e /x ] || # or\n\\\nA=1\nB=1", "1:!s; 3:A!c; 4:B=1; ");
	assert_found("f() {\nA=1\n}\nB=1", "1:!s; 2:A!c; 3:!s; 4:B=1; ");
	assert_found("case a in\nb)\nA=1\n;;\nesac\nB=1", "1:!s; 2:!s; 3:A!c; 5:!s; 6:B=1; ");
	assert_found("}\nfi\nA=1", "1:!s; 2:!s; 3:A=1; ");
}

static void refuse(const char *text, size_t len, int code, const char *message)
{
	struct shellvars vars = {.n = 77};

	assert_fails(read_n(text, len, &vars, err), code, message);
	assert_int_equal(vars.n, 77);
}

TEST(refused_files)
{
	char *large = malloc(SHELLVARS_MAX_SIZE + 1);

	refuse("B=1\nA=\"x\n", 9, ERR_USAGE, "F: line 2: a quote (\") is never closed");
	refuse("A='x", 4, ERR_USAGE, "F: line 1: a quote (') is never closed");
	refuse("A=$(x", 5, ERR_USAGE, "F: line 1: a substitution is never closed");
	refuse("A=`x", 4, ERR_USAGE, "F: line 1: a backquote is never closed");
	refuse("A=(x", 4, ERR_USAGE, "F: line 1: a substitution is never closed");
	refuse("A=1\ncat <<E\nA=2\nE\n", 18, ERR_UNSUPPORTED, "F: line 2: a here-document");
	refuse("A=\0001", 4, ERR_USAGE, "F: there is a zero byte in it");
	assert_non_null(large);
	memset(large, 'A', SHELLVARS_MAX_SIZE + 1);
	refuse(large, SHELLVARS_MAX_SIZE + 1, ERR_USAGE,
	       "F: 65537 bytes; a file of settings has at most 65536");
	for (size_t i = 0; i < SHELLVARS_MAX_SIZE; i += 4)
		memcpy(large + i, "A=1\n", 4);
	refuse(large, SHELLVARS_MAX_SIZE, ERR_USAGE, "F: line 1001: more than 1000 assignments");
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(lines),
		cmocka_unit_test(what_needs_a_shell),
		cmocka_unit_test(conditions),
		cmocka_unit_test(refused_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
