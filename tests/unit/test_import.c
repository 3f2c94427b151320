// SPDX-License-Identifier: GPL-2.0-or-later
/* Single decisions of the import; tests/imports has whole machines. */
#include "config/config.h"
#include "config/import.h"
#include "config/importing.h"
#include "tests/unit/unit.h"

static int make_n(enum import_family family, const char *text, size_t len, struct import **ret,
		  struct err *err)
{
	struct import_file file = {"F", {(const uint8_t *)text, len}};
	struct import_source source = {.family = family};

	if (family == IMPORT_KDUMP)
		source.conf = &file;
	else
		source.variables = &file;
	return import_create(&source, ret, err);
}

static struct import *make(enum import_family family, const char *text)
{
	struct import *im = NULL;

	assert_ok(make_n(family, text, strlen(text), &im, err));
	return im;
}

/* A text of one setting, its outcome, and what it became (or, with NULL, why not: a part of it). */
static void assert_becomes(enum import_family family, const char *text, enum import_outcome outcome,
			   const char *want)
{
	struct import *im = make(family, text);
	const struct import_entry *e = &im->entries[0];
	bool there = outcome == IMPORT_CARRIED || outcome == IMPORT_CHANGED;
	char line[600];

	assert_true(im->n >= 1);
	if (e->outcome != outcome || !strstr(there ? e->became : e->why, want))
		fail_msg("%s: %s: %s: %s", text, import_outcome_name(e->outcome),
			 e->became ? e->became : "-", e->why ? e->why : "-");
	snprintf(line, sizeof(line), "\n%s\n", want);
	if (there)
		assert_non_null(strstr(im->text, line));
	import_destroy(im);
}

TEST(what_is_shown)
{
	static const char *const cases[][2] = {
		{"a", "a"},
		{"", ""},
		{"a\nb\tc\x7f", "a b c\\x7f"},
		{"a\xe2\x80\xae"
		 "b",
		 "a\\xe2\\x80\\xae"
		 "b"}, /* the other way round from here on */
		{"ftp://user:pw@host/x", "ftp://user:(cut)@host/x"},
		{"ftp://user@host:21/x", "ftp://user@host:21/x"},
		{"ftp://host:21/x", "ftp://host:21/x"},
		{"ftp://u:p@q@host/x", "ftp://u:(cut)@host/x"},
		{"ftp://u:p q@host/x", "ftp://u:(cut)@host/x"},
		{"ftp://u:p/q@host/x", "ftp://u:(cut)@host/x"},
		{"ftp://a/b ftp://u:p@host/x", "ftp://a/b ftp:(cut)@host/x"},
		{"SSH=u:p@host", "SSH=u:(cut)@host"},
		{"ssh user@2001:db8::1", "ssh user@2001:db8::1"},
		{"nfs [2001:db8::1]:/x", "nfs [2001:db8::1]:/x"},
		{"a password=b c", "a password=(cut)"},
		{"a,pass=b,c", "a,pass=(cut)"},
		{"rd.iscsi.in.Password=\"a b\"", "rd.iscsi.in.Password=(cut)"},
		{"iommu.passthrough=1", "iommu.passthrough=1"},
		{"u:p@h password=x", "u:(cut)@h password=(cut)"},
		{"u:password=x@h", "u:(cut)"},
		{"ftp://u:a,password=x@h/", "ftp://u:(cut)"},
		{"password=x ftp://u:p@h/", "password=(cut)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *shown = importing_shown(cases[i][0]);

		assert_string_equal(shown, cases[i][1]);
		free(shown);
	}
}

/* However long, and not through the middle of a character. */
TEST(long_texts_are_cut)
{
	char text[2001], *shown;

	for (size_t i = 0; i < 2000; i += 2)
		memcpy(text + i, "ä", 2);
	for (size_t skip = 0; skip < 2; skip++) {
		text[2000] = '\0';
		if (skip)
			text[1] = 'x';
		shown = importing_shown(text + skip);
		assert_true(strlen(shown) <= 503 && strlen(shown) >= 500);
		assert_memory_equal(shown + strlen(shown) - 5, "ä…", 5);
		free(shown);
	}
}

TEST(debian)
{
	static const struct {
		const char *text;
		enum import_outcome outcome;
		const char *want;
	} cases[] = {
		{"KDUMP_FAIL_CMD='reboot -f'", IMPORT_CARRIED, "failure_action reboot"},
		{"KDUMP_FAIL_CMD=/sbin/poweroff", IMPORT_CARRIED, "failure_action poweroff"},
		{"KDUMP_FAIL_CMD='halt -f'", IMPORT_CARRIED, "failure_action halt"},
		{"KDUMP_FAIL_CMD=bash", IMPORT_CHANGED, "failure_action shell"},
		{"KDUMP_FAIL_CMD='/bin/sh -i'", IMPORT_CHANGED, "failure_action shell"},
		{"KDUMP_FAIL_CMD='reboot -f; x'", IMPORT_LOST, "there is reboot"},
		{"KDUMP_FAIL_CMD=/opt/flash", IMPORT_LOST, "there is reboot"},
		{"KDUMP_FAIL_CMD=noreboot", IMPORT_LOST, "there is reboot"},
		{"KDUMP_COMPRESSION=gzip", IMPORT_CHANGED, "compress zlib"},
		{"KDUMP_COMPRESSION=bzip2", IMPORT_CHANGED, "compress zstd"},
		{"KDUMP_COMPRESSION=lz4", IMPORT_CHANGED, "compress lzo"},
		{"KDUMP_COMPRESSION=rar", IMPORT_NEEDLESS, "no such compression"},
		{"KDUMP_NUM_DUMPS=0", IMPORT_NEEDLESS, "none is removed"},
		{"KDUMP_NUM_DUMPS=7", IMPORT_CARRIED, "keep_count 7"},
		{"KDUMP_NUM_DUMPS=many", IMPORT_LOST, "keep_count: "},
		{"KDUMP_DUMP_DMESG=0", IMPORT_NEEDLESS, "in any case"},
		{"MAKEDUMP_ARGS='-c -d 1'", IMPORT_CARRIED, "core_collector makedumpfile -c -d 1"},
		{"MAKEDUMP_ARGS='--split'", IMPORT_LOST, "core_collector: "},
		{"KDUMP_COREDIR=/a#b", IMPORT_LOST, "a '#' in it would begin a comment here"},
		{"KDUMP_COREDIR='/a b '", IMPORT_LOST, "a blank"},
		{"KDUMP_COREDIR=/a/../b", IMPORT_LOST, "'.' and '..'"},
		{"KDUMP_KERNEL=/boot/x", IMPORT_CARRIED, "capture_kernel /boot/x"},
		{"KDUMP_CMDLINE='root=/dev/sda1'", IMPORT_LOST, "cmdline_append"},
		{"KDUMP_CMDLINE_APPEND='\"a b\"'", IMPORT_LOST, "its quotes"},
		{"KDUMP_CMDLINE_APPEND='a=\"b c\" d'", IMPORT_CARRIED,
		 "cmdline_append a=\"b c\" d"},
		{"KDUMP_CMDLINE_APPEND=maxcpus=2", IMPORT_CARRIED, "capture_cpus 2"},
		{"KDUMP_CMDLINE_APPEND=nr_cpus=x", IMPORT_LOST, "capture_cpus: "},
		{"KDUMP_CMDLINE_APPEND=foo.secret=1", IMPORT_LOST, "there is a password in it"},
		{"KDUMP_SYSCTL=kernel.panic=-1", IMPORT_CARRIED, "panic -1"},
		{"KDUMP_SYSCTL=vm.panic_on_oops=1", IMPORT_LOST, "no key here"},
		{"KDUMP_SYSCTL=kernel.panic_on_oom=1", IMPORT_LOST, "no key here"},
		{"KDUMP_SYSCTL=kernel.panic_print=1", IMPORT_LOST, "there is no key"},
		{"KDUMP_SYSCTL=kernel.panic", IMPORT_LOST, "NAME=VALUE"},
		{"KDUMP_KEXEC_ARGS=-s", IMPORT_NEEDLESS, "the loader chooses"},
		{"X=1", IMPORT_LOST, "not known here"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_becomes(IMPORT_DEBIAN, cases[i].text, cases[i].outcome, cases[i].want);
}

TEST(suse)
{
	static const struct {
		const char *text;
		enum import_outcome outcome;
		const char *want;
	} cases[] = {
		{"KDUMP_SAVEDIR=/a", IMPORT_CARRIED, "path /a"},
		{"KDUMP_SAVEDIR=FILE:///a", IMPORT_CARRIED, "path /a"},
		{"KDUMP_SAVEDIR=a", IMPORT_LOST, "neither a folder"},
		{"KDUMP_SAVEDIR=cifs://u:p@h/s/d", IMPORT_LOST, "no target of that kind"},
		{"KDUMP_SAVEDIR=nfs://h/s/d", IMPORT_CHANGED, "nfs h:/s/d"},
		{"KDUMP_SAVEDIR=nfs://[2001:db8::1]/s", IMPORT_CHANGED, "nfs [2001:db8::1]:/s"},
		{"KDUMP_SAVEDIR=ssh://u@h/d", IMPORT_CHANGED, "ssh u@h"},
		{"KDUMP_SAVEDIR=ssh://h:2222/d", IMPORT_CHANGED, "ssh root@h"},
		{"KDUMP_SAVEDIR=sftp://u@[2001:db8::1]:23/d", IMPORT_CHANGED,
		 "sftp u@[2001:db8::1]"},
		{"KDUMP_SAVEDIR=sftp://u:p@h/d", IMPORT_LOST, "no target of that kind"},
		{"KDUMP_SAVEDIR=nfs://", IMPORT_LOST, "no host"},
		{"KDUMP_SAVEDIR=ssh://", IMPORT_LOST, "no host"},
		{"KDUMP_KEEP_OLD_DUMPS=-1", IMPORT_CHANGED, "keep_count 1"},
		{"KDUMP_KEEP_OLD_DUMPS=-2", IMPORT_LOST, "not a number"},
		{"KDUMP_KEEP_OLD_DUMPS=18446744073709551615", IMPORT_LOST, "not a number"},
		{"KDUMP_FREE_DISK_SIZE=64", IMPORT_NEEDLESS, "leaner"},
		{"KDUMP_DUMPFORMAT=ELF\nKDUMP_DUMPLEVEL=1", IMPORT_CARRIED,
		 "core_collector makedumpfile -E -d 1"},
		{"KDUMP_DUMPFORMAT=raw", IMPORT_CARRIED, "core_collector cat"},
		{"KDUMP_DUMPFORMAT=zstd", IMPORT_CARRIED, "core_collector makedumpfile -z -d 31"},
		{"KDUMP_DUMPFORMAT=snappy", IMPORT_CARRIED, "core_collector makedumpfile -p -d 31"},
		{"KDUMP_DUMPFORMAT=new", IMPORT_LOST, "no such format"},
		{"KDUMP_DUMPLEVEL=16", IMPORT_CARRIED, "core_collector makedumpfile -c -d 16"},
		{"KDUMP_DUMPLEVEL=32", IMPORT_LOST, "core_collector: "},
		{"MAKEDUMPFILE_OPTIONS=-x", IMPORT_LOST, "core_collector: "},
		{"KDUMP_KERNELVER=kdump", IMPORT_LOST, "no search"},
		{"KDUMP_TRANSFER=x", IMPORT_LOST, "no other program"},
		{"KDUMP_AUTO_RESIZE=yes", IMPORT_LOST, "smaller"},
		{"KDUMP_FADUMP=false", IMPORT_NEEDLESS, "how it is"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_becomes(IMPORT_SUSE, cases[i].text, cases[i].outcome, cases[i].want);
}

TEST(kdump)
{
	static const struct {
		const char *text;
		enum import_outcome outcome;
		const char *want;
	} cases[] = {
		{"virtiofs tag\r\n", IMPORT_CARRIED, "virtiofs tag"},
		{"path /a # where\n", IMPORT_CARRIED, "path /a"},
		{"ssh a@b", IMPORT_CHANGED, "ssh a@b"},
		{"net h:/x", IMPORT_CHANGED, "nfs h:/x"},
		{"net a@b", IMPORT_CHANGED, "ssh a@b"},
		{"sshkey /k", IMPORT_CARRIED, "sshkey /k"},
		{"nfs h", IMPORT_LOST, "is not SERVER:/EXPORT"},
		{"dracut_args --mount \"h:/x /y nfs4 soft\"", IMPORT_CARRIED, "nfs4 h:/x"},
		{"dracut_args --mount \"//h/x /y cifs soft\"", IMPORT_LOST,
		 "no target of that kind"},
		{"dracut_args --mount \"5 /y keep_count\"", IMPORT_LOST, "no target here"},
		{"dracut_args --mount \"/dev/x /y\"", IMPORT_LOST, "--mount is not"},
		{"dracut_args --mount=\"/dev/x /y ext4\"", IMPORT_CARRIED, "ext4 /dev/x"},
		{"dracut_args --add-drivers=e1000", IMPORT_CARRIED, "extra_modules e1000"},
		{"dracut_args --omit x", IMPORT_NEEDLESS, "no dracut"},
		{"dracut_args \"a", IMPORT_LOST, "never closed"},
		{"options e1000 debug=1", IMPORT_CARRIED, "cmdline_append e1000.debug=1"},
		{"options e1000", IMPORT_LOST, "no option"},
		{"core_collector scp", IMPORT_NEEDLESS, "ssh"},
		{"core_collector gzip", IMPORT_LOST, "core_collector: "},
		{"path", IMPORT_LOST, "'path' has no value"},
		{"raw PARTUUID=1", IMPORT_CHANGED, "raw PARTUUID=1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_becomes(IMPORT_KDUMP, cases[i].text, cases[i].outcome, cases[i].want);
}

/* With no target left it is said where dumps go; with another one they go there. */
TEST(where_dumps_go)
{
	static const char cifs[] = "dracut_args --mount \"//h/x /y cifs soft\"\n";
	struct import *im = make(IMPORT_KDUMP, cifs);

	assert_string_equal(im->warning, "dumps went to \"cifs //h/x\", which is not supported: "
					 "they go to /var/crash of this machine now");
	assert_non_null(strstr(im->text, "# ATTENTION: dumps went to "));
	import_destroy(im);
	im = make(IMPORT_DEBIAN, "FTP=h:/x\nKDUMP_COREDIR=/srv\n");
	assert_non_null(strstr(im->warning, "they go to /srv of this machine"));
	import_destroy(im);
	im = make(IMPORT_DEBIAN, "FTP=h:/x\nSSH=a@b\n");
	assert_null(im->warning);
	assert_int_equal(im->n_lost, 1);
	import_destroy(im);
	/* the share's own folders, and the other machine's that KDUMP_COREDIR says */
	im = make(IMPORT_DEBIAN, "SSH=a@b\nNFS=h:/x\nKDUMP_COREDIR=/srv\nSSH_KEY=/k\n");
	assert_null(im->warning);
	assert_int_equal(im->n_lost, 0);
	assert_true(strstr(im->text, "\npath /srv\n") < strstr(im->text, "\nnfs h:/x\n"));
	assert_true(strstr(im->text, "\nnfs h:/x\n") < strstr(im->text, "\npath /\n"));
	assert_true(strstr(im->text, "\npath /\n") < strstr(im->text, "\nssh a@b\n"));
	assert_non_null(strstr(im->text, "\nsshkey /k\n"));
	import_destroy(im);
	/* what belongs to a URL comes behind its target */
	im = make(IMPORT_SUSE, "KDUMP_SAVEDIR=ssh://u@h:2222/d\n");
	assert_non_null(strstr(im->text, "\nssh_port 2222\n"));
	assert_non_null(strstr(im->text, "\npath /d\n"));
	import_destroy(im);
}

/* kdump-config and kdump's load.sh set panic_on_oops by themselves. */
TEST(by_itself)
{
	struct import *im = make(IMPORT_DEBIAN, "");

	assert_int_equal(im->n, 1);
	assert_null(im->entries[0].file);
	assert_non_null(strstr(im->text, "\npanic_on_oops yes\n"));
	import_destroy(im);
	im = make(IMPORT_DEBIAN, "KDUMP_SYSCTL=kernel.panic_on_oops=0");
	assert_null(strstr(im->text, "panic_on_oops yes"));
	assert_non_null(strstr(im->text, "\npanic_on_oops 0\n"));
	import_destroy(im);
	im = make(IMPORT_KDUMP, "");
	assert_int_equal(im->n, 0);
	import_destroy(im);
}

static void refuse(enum import_family family, const char *text, size_t len, int code,
		   const char *message)
{
	struct import *untouched = (struct import *)&untouched, *im = untouched;

	assert_fails(make_n(family, text, len, &im, err), code, message);
	assert_ptr_equal(im, untouched);
}

TEST(refused)
{
	char *text = malloc(CONFIG_MAX_SIZE + 1);

	assert_non_null(text);
	refuse(IMPORT_DEBIAN, "A='", 3, ERR_USAGE, "F: line 1: a quote (') is never closed");
	refuse(IMPORT_KDUMP, "a\n\1", 3, ERR_USAGE, "F: line 2: control character 0x01");
	memset(text, 'a', CONFIG_MAX_SIZE + 1);
	refuse(IMPORT_KDUMP, text, CONFIG_MAX_SIZE + 1, ERR_USAGE, "F: 65537 bytes");
	for (size_t i = 0; i < CONFIG_MAX_SIZE; i += 4)
		memcpy(text + i, "a b\n", 4);
	refuse(IMPORT_KDUMP, text, CONFIG_MAX_SIZE, ERR_USAGE, "F: line 1001: more than 1000");
	/* comments take more room than what they say */
	refuse(IMPORT_KDUMP, text, 4000, ERR_USAGE, "there are so many settings");
	free(text);
}

TEST(families)
{
	enum import_family f;

	for (int i = 0; i < IMPORT_FAMILIES; i++) {
		assert_ok(import_family_from_name(import_family_name((enum import_family)i), &f,
						  err));
		assert_int_equal(f, i);
	}
	assert_fails(import_family_from_name("x", &f, err), ERR_USAGE,
		     "'x' is not kdump, debian or suse");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_shown), cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(debian),        cmocka_unit_test(suse),
		cmocka_unit_test(kdump),         cmocka_unit_test(where_dumps_go),
		cmocka_unit_test(by_itself),     cmocka_unit_test(refused),
		cmocka_unit_test(families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
