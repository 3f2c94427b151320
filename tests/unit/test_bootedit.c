// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/bootedit.h"

#include "tests/unit/unit.h"

#define VAR   "GRUB_CMDLINE_LINUX_DEFAULT"
#define WORDS "crashkernel=128M"

typedef int (*edit_fn)(const char *text, const char *words, char **ret, struct err *err);

static int grub(const char *text, const char *words, char **ret, struct err *err)
{
	return bootedit_grub(text, VAR, words, ret, err);
}

/* Once gives `want`, and twice the same. */
static void check(edit_fn edit, const char *text, const char *words, const char *want)
{
	char *once = NULL, *twice = NULL;

	assert_ok(edit(text, words, &once, err));
	assert_string_equal(once, want);
	assert_ok(edit(once, words, &twice, err));
	assert_string_equal(twice, want);
	free(once);
	free(twice);
}

static void refused(edit_fn edit, const char *text, const char *part)
{
	char *none = NULL;

	assert_fails(edit(text, WORDS, &none, err), ERR_UNSUPPORTED, part);
	assert_null(none);
}

TEST(words_of_a_line)
{
	check(bootedit_cmdline, "root=/dev/sda1 quiet\n", WORDS,
	      "root=/dev/sda1 quiet crashkernel=128M\n");
	check(bootedit_cmdline, "a crashkernel=64M  b\n", WORDS, "a  b crashkernel=128M\n");
	check(bootedit_cmdline, "crashkernel=64M b crashkernel=1G,high crashkernel=5M,cma\n", WORDS,
	      "b crashkernel=128M\n");
	check(bootedit_cmdline, "crashkernel=64M\n", "", "\n");
	check(bootedit_cmdline, "a \"crashkernel=64M\" b\n", "", "a b\n");
	check(bootedit_cmdline, "a x=\"b  c\" ", WORDS, "a x=\"b  c\" crashkernel=128M ");
	check(bootedit_cmdline, "a crashkernel=1M -- b\n", WORDS, "a crashkernel=128M -- b\n");
	check(bootedit_cmdline, "-- b\n", WORDS, "crashkernel=128M -- b\n");
	check(bootedit_cmdline, "a -- crashkernel=1M\n", "", "a --\n");
	check(bootedit_cmdline, "a\tcrashkernel=1M\tb\n", "", "a\tb\n");
}

TEST(lines_of_cmdline)
{
	check(bootedit_cmdline, "", WORDS, WORDS "\n");
	check(bootedit_cmdline, "", "", "");
	check(bootedit_cmdline, "# crashkernel=1M\n", WORDS, "# crashkernel=1M\n" WORDS "\n");
	check(bootedit_cmdline, "a\ncrashkernel=1M b", WORDS, "a\nb crashkernel=128M");
	check(bootedit_cmdline, "a\r\n", WORDS, "a crashkernel=128M\r\n");
}

TEST(what_is_not_sure_is_refused)
{
	refused(bootedit_cmdline, "x\na \"b c\n", "line 2: a quote is never closed");
	refused(bootedit_cmdline, "nocrashkernel=1M\n", "line 1: crashkernel= is a part");
	refused(bootedit_cmdline, "x=\"a crashkernel=1M\"\n", "part of another word");
	refused(bootedit_cmdline, "\"crashkernel=1M b\"\n", "part of another word");
	/* found by fuzz_bootedit */
	refused(bootedit_cmdline, "crashkernel=1M #a\n", "would become a comment");
	refused(bootedit_cmdline, "\"crashkernel=1M\"b\n", "part of another word");
	refused(bootedit_cmdline, "crashkernel=crashkernel=1M\n", "part of another word");
}

TEST(entries)
{
	check(bootedit_entry, "title T\noptions a crashkernel=1M\nlinux /l\noptions b\n", WORDS,
	      "title T\noptions a\nlinux /l\noptions b crashkernel=128M\n");
	check(bootedit_entry, "linux /l\r\noptions\ta\r\ninitrd /i\r\n", WORDS,
	      "linux /l\r\noptions\ta crashkernel=128M\r\ninitrd /i\r\n");
	check(bootedit_entry, "linux /l\noptions", WORDS, "linux /l\noptions crashkernel=128M");
	check(bootedit_entry, "linux /l", WORDS, "linux /l\noptions crashkernel=128M\n");
	check(bootedit_entry, "linux /l\r\n", WORDS, "linux /l\r\noptions crashkernel=128M\r\n");
	check(bootedit_entry, "linux /l\n", "", "linux /l\n");
	check(bootedit_entry,
	      "# options crashkernel=1M\ntitle crashkernel=1M\noptions $kernelopts\n", WORDS,
	      "# options crashkernel=1M\ntitle crashkernel=1M\noptions $kernelopts "
	      "crashkernel=128M\n");
	check(bootedit_entry, "optionsx crashkernel=1M\noptions a\n", "",
	      "optionsx crashkernel=1M\noptions a\n");
	refused(bootedit_entry, "linux /l\noptions xcrashkernel=1\n", "line 2: ");
}

TEST(keys_of_entries)
{
	static const char text[] = "title T\n linux\t /vmlinuz \r\nefi /x.efi\n";
	size_t len;

	assert_memory_equal(bootedit_entry_value(text, "linux", &len), "/vmlinuz", 8);
	assert_int_equal(len, 8);
	assert_null(bootedit_entry_value(text, "uki", &len));
	assert_null(bootedit_entry_value(text, "lin", &len));
}

TEST(grub_values)
{
	check(grub, VAR "=\"quiet\"\n", WORDS, VAR "=\"quiet crashkernel=128M\"\n");
	check(grub, VAR "='quiet crashkernel=1M' # why\n", WORDS,
	      VAR "='quiet crashkernel=128M' # why\n");
	check(grub, VAR "=quiet", WORDS, VAR "=\"quiet crashkernel=128M\"");
	check(grub, VAR "=\n", WORDS, VAR "=\"crashkernel=128M\"\n");
	check(grub, VAR "=crashkernel=1M\n", "", VAR "=\n");
	check(grub, "export " VAR "=\"\"\n", WORDS, "export " VAR "=\"crashkernel=128M\"\n");
	check(grub, "  " VAR "=\"a \\\"b crash\\\" $X ${Y}\"\n", WORDS,
	      "  " VAR "=\"a \\\"b crash\\\" $X ${Y} crashkernel=128M\"\n");
	check(grub, VAR "=\"a \\\"crashkernel=1M\\\"\"\n", "", VAR "=\"a\"\n");
}

TEST(grub_files)
{
	check(grub,
	      "# crashkernel=1M\nGRUB_CMDLINE_LINUX=\"crashkernel=1M x\"\n" VAR "=a\n" VAR
	      "=\"$" VAR " b\"\n",
	      WORDS,
	      "# crashkernel=1M\nGRUB_CMDLINE_LINUX=\"x\"\n" VAR "=a\n" VAR "=\"$" VAR
	      " b crashkernel=128M\"\n");
	check(grub, "# x\r\n", WORDS, "# x\r\n" VAR "=\"crashkernel=128M\"\n");
	check(grub, "A=b", WORDS, "A=b\n" VAR "=\"crashkernel=128M\"\n");
	/* Xen's own is about another kernel */
	check(grub, "GRUB_CMDLINE_XEN_DEFAULT=\"crashkernel=1M\"\n", "",
	      "GRUB_CMDLINE_XEN_DEFAULT=\"crashkernel=1M\"\n");
	/* as Debian and Fedora have it */
	check(grub,
	      "GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n" VAR "=\"\"\n",
	      WORDS,
	      "GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n" VAR
	      "=\"crashkernel=128M\"\n");
	check(grub,
	      "GRUB_DISTRIBUTOR=\"$(sed 's, release .*$,,g' /etc/system-release)\"\n" VAR "=\"\"\n",
	      WORDS,
	      "GRUB_DISTRIBUTOR=\"$(sed 's, release .*$,,g' /etc/system-release)\"\n" VAR
	      "=\"crashkernel=128M\"\n");
	check(grub,
	      "GRUB_DISTRIBUTOR=$( (. /etc/os-release; echo ${NAME:-Debian} ) 2>/dev/null || "
	      "echo \"Debian\" )\n",
	      "",
	      "GRUB_DISTRIBUTOR=$( (. /etc/os-release; echo ${NAME:-Debian} ) 2>/dev/null || "
	      "echo \"Debian\" )\n");
}

TEST(grub_shell_is_not_guessed)
{
	refused(grub, "A=1\n. /etc/other\n", "line 2: it is more than an assignment");
	refused(grub, VAR "=\"a\nb\"\n", "line 1: it is more");
	refused(grub, VAR "=\"a\" B=c\n", "line 1: it is more");
	refused(grub, VAR "=\"a\"'b'\n", "line 1: it is more");
	refused(grub, VAR "=$(cat /x)\n", "line 1: it is more");
	refused(grub, VAR "=\"`cat /x`\"\n", "line 1: it is more");
	refused(grub, VAR "=\"${A:-\"}\"\n", "line 1: it is more");
	refused(grub, VAR "=\"a\\\nb\"\n", "line 1: it is more");
	refused(grub, VAR "+=\" a\"\n", "line 1: it is more");
	refused(grub, VAR "=a; B=c\n", "line 1: it is more");
	refused(grub, VAR "=a\\ b\n", "line 1: it is more");
	refused(grub, VAR "=\"a\"\r\n", "line 1: it is more");
	refused(grub, "if true; then\n", "line 1: it is more");
	refused(grub, "cat <<E\n", "line 1: it is more");
	refused(grub, "X=$(cat <<E)\n", "line 1: it is more");
	refused(grub, "X=`echo crashkernel=1M`\n", "line 1: it is more");
	refused(grub, "X=\"`echo a`\"; then \"b\" (\n", "line 1: it is more");
	refused(grub, "X=\"crashkernel=1M\"\n", "not known where it is used");
	refused(grub, VAR "=\"\\\"a\"\n", "a quote is never closed");
	refused(grub, VAR "=\"ab=crashkernel=1\"\n", "a part of another word");
}

TEST(later_files)
{
	assert_int_equal(bootedit_grub_discards("A=b\n" VAR "=\"x\"\n", VAR), 2);
	assert_int_equal(bootedit_grub_discards(VAR "=\"$" VAR " x\"\n", VAR), 0);
	assert_int_equal(bootedit_grub_discards(VAR "=\"x ${" VAR "}\"\n", VAR), 0);
	assert_int_equal(bootedit_grub_discards(VAR "='$" VAR "'\n", VAR), 1);
	assert_int_equal(bootedit_grub_discards(VAR "=\"$" VAR "_X\"\n", VAR), 1);
	assert_int_equal(bootedit_grub_discards("# " VAR "=x\n" VAR "_X=y\n", VAR), 0);
	assert_int_equal(bootedit_grub_discards("eval " VAR "=x\n", VAR), 1);
	assert_int_equal(bootedit_grub_discards("Y=\"$" VAR "\"\n", VAR), 0);
	assert_true(bootedit_mentions("a\nb crashkernel=1\n"));
	assert_false(bootedit_mentions("a\n # crashkernel=1\ncrashkernel\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_a_line),
		cmocka_unit_test(lines_of_cmdline),
		cmocka_unit_test(what_is_not_sure_is_refused),
		cmocka_unit_test(entries),
		cmocka_unit_test(keys_of_entries),
		cmocka_unit_test(grub_values),
		cmocka_unit_test(grub_files),
		cmocka_unit_test(grub_shell_is_not_guessed),
		cmocka_unit_test(later_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
