// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/bootloader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/program.h"
#include "tests/unit/unit.h"

#define MAX_HEARD 4096
#define OURS      "/etc/default/grub.d/lifeboat.cfg"
#define DEFAULT   "GRUB_CMDLINE_LINUX_DEFAULT"

/* A machine in a temporary folder. */
struct place {
	char path[64];
	struct root root;
	struct service service;
	char told[4096];
};

static void tell(void *ctx, enum service_tone tone, const char *text)
{
	struct place *m = ctx;
	size_t len = strlen(m->told);

	snprintf(m->told + len, sizeof(m->told) - len, "%d %s\n", (int)tone, text);
}

static void begin(struct place *m)
{
	*m = (struct place){.path = "/tmp/test-bootloader-XXXXXX"};
	assert_non_null(mkdtemp(m->path));
	assert_ok(root_init(&m->root, m->path, err));
	assert_ok(service_init(&m->service, &m->root, &sys_kernel, err));
	m->service.tell = tell;
	m->service.tell_ctx = m;
}

static void end(struct place *m)
{
	const char *argv[] = {"rm", "-rf", m->path, NULL};
	const struct program p = {.argv = argv, .ms = 10000};

	root_deinit(&m->root);
	assert_ok(program_run(&p, err));
}

static void full(const struct place *m, const char *path, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s%s", m->path, path);
}

static void put(const struct place *m, const char *path, const char *text)
{
	char name[PATH_MAX];
	FILE *f;

	full(m, path, name);
	for (char *p = name + strlen(m->path) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(mkdir(name, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	f = fopen(name, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* NULL: it is not there. */
static char *get(const struct place *m, const char *path)
{
	struct err none = {0};
	char *text = NULL;
	size_t len;

	return root_read(&m->root, path, 1 << 20, &text, &len, &none) ? NULL : text;
}

static void is(const struct place *m, const char *path, const char *want)
{
	char *text = get(m, path);

	if (!want) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static size_t set(struct place *m, const char *value)
{
	struct bootloader_plan p = {0};
	size_t n;

	assert_ok(bootloader_plan(&m->service, value, &p, err));
	n = p.n;
	for (size_t i = 0; i < n; i++)
		assert_true(p.v[i].diff && *p.v[i].diff);
	assert_ok(bootloader_apply(&m->service, &p, err));
	bootloader_deinit(&p);
	return n;
}

static size_t undo(struct place *m)
{
	struct bootloader_plan p = {0};
	size_t n;

	assert_ok(bootloader_undo(&m->service, &p, err));
	n = p.n;
	assert_ok(bootloader_apply(&m->service, &p, err));
	bootloader_deinit(&p);
	return n;
}

static void no_plan(struct place *m, int code, const char *part)
{
	struct bootloader_plan p = {0};

	assert_fails(bootloader_plan(&m->service, "128M", &p, err), code, part);
	assert_int_equal(p.n, 0);
}

/* ---- GRUB as Debian has it */

#define GRUB_TEXT                                                        \
	"GRUB_DEFAULT=0\nGRUB_DISTRIBUTOR=`( . /etc/os-release && echo " \
	"${NAME} )`\n" DEFAULT "=\"quiet crashkernel=1G,high\"\n"        \
	"GRUB_CMDLINE_LINUX=\"console=ttyS0\"\n"
#define KDUMP_TOOLS DEFAULT "=\"$" DEFAULT " crashkernel=384M-:128M\"\n"

static void put_debian(const struct place *m)
{
	put(m, "/etc/default/grub", GRUB_TEXT);
	put(m, "/etc/default/grub.d/kdump-tools.cfg", KDUMP_TOOLS);
	put(m, "/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do\n");
	put(m, "/usr/sbin/update-grub", "");
}

static bool hear(void *ctx, const char *text, size_t len)
{
	char *to = ctx;
	size_t at = strlen(to);

	assert_true(at + len < MAX_HEARD);
	memcpy(to + at, text, len);
	to[at + len] = '\0';
	return true;
}

/* What a shell makes of all files, in the order of grub-mkconfig. */
static void shell_says(const struct place *m, const char *want)
{
	char script[PATH_MAX * 2], output[MAX_HEARD] = "";
	const char *argv[] = {"sh", "-ec", script, NULL};
	const struct program p = {.argv = argv, .ms = 10000};
	struct program_result r;

	snprintf(script, sizeof(script),
		 ". %s/etc/default/grub; for x in %s/etc/default/grub.d/*.cfg; do . $x; done; "
		 "printf '%%s %%s' \"$GRUB_CMDLINE_LINUX\" \"$" DEFAULT "\"",
		 m->path, m->path);
	assert_ok(program_watch(&p, hear, output, &r, err));
	assert_true(r.end == PROGRAM_EXITED && r.status == 0);
	assert_string_equal(output, want);
}

TEST(debian)
{
	struct place m;
	struct bootloader_plan p = {0};

	begin(&m);
	put_debian(&m);
	shell_says(&m, "console=ttyS0 quiet crashkernel=1G,high crashkernel=384M-:128M");
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_int_equal(p.n, 1);
	assert_string_equal(p.v[0].path, OURS);
	assert_null(p.v[0].was);
	assert_string_equal(p.commands[0], "update-grub");
	assert_null(p.commands[1]);
	assert_string_equal(p.loaders, "GRUB");
	assert_string_equal(p.words, "crashkernel=96M");
	is(&m, OURS, NULL); /* a plan changes nothing */
	assert_ok(bootloader_apply(&m.service, &p, err));
	bootloader_deinit(&p);
	shell_says(&m, "console=ttyS0 quiet crashkernel=96M");
	assert_non_null(strstr(m.told, "update-grub is to be run there"));
	assert_int_equal(set(&m, "96M"), 0); /* twice is once */
	assert_int_equal(set(&m, "256M,high 64M,cma 96M,low"), 1);
	shell_says(&m, "console=ttyS0 quiet crashkernel=64M,cma crashkernel=256M,high "
		       "crashkernel=96M,low");
	assert_int_equal(set(&m, ""), 1);
	shell_says(&m, "console=ttyS0 quiet");
	/* three applies, three undos */
	assert_int_equal(undo(&m), 1);
	assert_int_equal(undo(&m), 1);
	shell_says(&m, "console=ttyS0 quiet crashkernel=96M");
	assert_int_equal(undo(&m), 1);
	is(&m, OURS, NULL);
	is(&m, "/etc/default/grub", GRUB_TEXT);
	is(&m, "/etc/default/grub.d/kdump-tools.cfg", KDUMP_TOOLS);
	assert_fails(bootloader_undo(&m.service, &p, err), ERR_NOT_FOUND, "nothing to take back");
	end(&m);
}

TEST(debian_with_nothing_else)
{
	struct place m;

	begin(&m);
	put(&m, "/etc/default/grub", DEFAULT "=\"a \\\"b  c\\\" *\"\n");
	put(&m, "/usr/sbin/grub-mkconfig", "default/grub.d");
	assert_int_equal(set(&m, ""), 0);    /* nobody says anything: no file of ours */
	assert_int_equal(set(&m, "96M"), 1); /* the folder is made */
	shell_says(&m, " a \"b  c\" * crashkernel=96M");
	assert_int_equal(set(&m, ""), 1);
	is(&m, OURS, NULL);
	end(&m);
}

TEST(files_that_are_read_after_ours)
{
	struct place m;

	begin(&m);
	put_debian(&m);
	put(&m, "/etc/default/grub.d/zz.cfg", DEFAULT "=\"$" DEFAULT " crashkernel=5M x\"\n");
	put(&m, "/etc/default/grub.d/zz.cfg.bak", "crashkernel=7M(");
	assert_int_equal(set(&m, "96M"), 2);
	shell_says(&m, "console=ttyS0 quiet crashkernel=96M x");
	assert_int_equal(undo(&m), 2);
	is(&m, "/etc/default/grub.d/zz.cfg", DEFAULT "=\"$" DEFAULT " crashkernel=5M x\"\n");
	put(&m, "/etc/default/grub.d/zz.cfg", "A=b\n" DEFAULT "=\"x\"\n");
	no_plan(&m, ERR_UNSUPPORTED, "zz.cfg: line 2 sets " DEFAULT " anew");
	put(&m, "/etc/default/grub.d/zz.cfg", "eval crashkernel=5\n");
	no_plan(&m, ERR_UNSUPPORTED, "zz.cfg: line 1: it is more than an assignment");
	end(&m);
}

/* ---- others */

#define ENTRY "title Linux\nlinux /vmlinuz-1\noptions root=/dev/vda1 crashkernel=1G quiet\n"

TEST(fedora)
{
	static const char defaults[] = "GRUB_CMDLINE_LINUX=\"rhgb crashkernel=1G\"\n"
				       "GRUB_ENABLE_BLSCFG=true\n";
	struct bootloader_plan p = {0};
	struct place m;

	begin(&m);
	put(&m, "/etc/default/grub", defaults);
	put(&m, "/usr/sbin/grub2-mkconfig", "reads default/grub\n");
	put(&m, "/boot/grub2/grub.cfg", "blscfg\n");
	put(&m, "/boot/loader/entries/a.conf", ENTRY);
	put(&m, "/boot/loader/entries/memtest.conf",
	    "title M\nefi /m.efi\noptions crashkernel=1\n");
	put(&m, "/etc/kernel/cmdline", "root=/dev/vda1 crashkernel=1G");
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_int_equal(p.n, 3);
	assert_null(p.commands); /* the menu is made of entries when it starts */
	assert_string_equal(p.loaders, "boot loader entries, GRUB");
	bootloader_deinit(&p);
	assert_int_equal(set(&m, "96M"), 3);
	is(&m, "/boot/loader/entries/a.conf",
	   "title Linux\nlinux /vmlinuz-1\noptions root=/dev/vda1 quiet crashkernel=96M\n");
	is(&m, "/etc/default/grub",
	   "GRUB_CMDLINE_LINUX=\"rhgb crashkernel=96M\"\nGRUB_ENABLE_BLSCFG=true\n");
	is(&m, "/etc/kernel/cmdline", "root=/dev/vda1 crashkernel=96M");
	assert_int_equal(undo(&m), 3);
	is(&m, "/etc/default/grub", defaults);
	is(&m, "/boot/loader/entries/a.conf", ENTRY);
	is(&m, "/etc/kernel/cmdline", "root=/dev/vda1 crashkernel=1G");
	/* RHEL 8 */
	put(&m, "/boot/loader/entries/a.conf", "linux /l\noptions $kernelopts\n");
	put(&m, "/boot/grub2/grubenv", "# GRUB Environment Block\nkernelopts=a crashkernel=1\n###");
	no_plan(&m, ERR_UNSUPPORTED, "/boot/loader/entries/a.conf has $kernelopts");
	/* kernels to come get only what is there */
	put(&m, "/boot/grub2/grubenv", "# GRUB Environment Block\nkernelopts=a\n###");
	*m.told = '\0';
	assert_int_equal(set(&m, "96M"), 3);
	assert_non_null(strstr(m.told, "2 /boot/loader/entries/a.conf has $kernelopts, and so "));
	/* Silverblue: nothing read what was written */
	put(&m, "/run/ostree-booted", "");
	no_plan(&m, ERR_UNSUPPORTED, "--append each word of 'crashkernel=128M'");
	end(&m);
}

/* With EFI the menu was made where no GRUB reads it. */
TEST(the_menu_is_where_the_link_of_fedora_leads)
{
	struct bootloader_plan p = {0};
	struct place m;
	char path[PATH_MAX];

	begin(&m);
	put(&m, "/etc/default/grub", DEFAULT "=\"quiet\"\n");
	put(&m, "/usr/sbin/grub2-mkconfig", "");
	put(&m, "/boot/grub2/grub.cfg", "");
	put(&m, "/boot/efi/EFI/redhat/grub.cfg", "");
	full(&m, "/etc/grub2.cfg", path);
	assert_int_equal(symlink("../boot/grub2/grub.cfg", path), 0);
	full(&m, "/etc/grub2-efi.cfg", path);
	assert_int_equal(symlink("../boot/efi/EFI/redhat/grub.cfg", path), 0);
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_string_equal(p.commands[0], "grub2-mkconfig -o /boot/grub2/grub.cfg");
	bootloader_deinit(&p);
	put(&m, "/sys/firmware/efi/fw_platform_size", "64\n");
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_string_equal(p.commands[0], "grub2-mkconfig -o /boot/efi/EFI/redhat/grub.cfg");
	bootloader_deinit(&p);
	end(&m);
}

/* After update-grub had failed, or a power cut in front of it, all was said to be well: no file had to be changed. */
TEST(what_broke_off_before_its_command_is_not_done)
{
	struct bootloader_plan p = {0};
	struct place m;
	char path[PATH_MAX];

	begin(&m);
	put_debian(&m);
	put(&m, "/usr/sbin/update-grub", "");
	assert_int_equal(set(&m, "96M"), 1);
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_int_equal(p.n, 0);
	assert_null(p.commands);
	full(&m, "/var/lib/lifeboat/bootloader/1/done", path);
	assert_int_equal(unlink(path), 0);
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_int_equal(p.n, 0);
	assert_string_equal(p.commands[0], "update-grub");
	*m.told = '\0';
	assert_ok(bootloader_apply(&m.service, &p, err));
	assert_non_null(strstr(m.told, "update-grub is to be run there"));
	bootloader_deinit(&p);
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_null(p.commands);
	bootloader_deinit(&p);
	assert_int_equal(undo(&m), 1);
	end(&m);
}

TEST(grub_without_a_folder)
{
	struct bootloader_plan p = {0};
	struct place m;

	begin(&m);
	put(&m, "/etc/default/grub", DEFAULT "=\"quiet\"\n");
	put(&m, "/usr/bin/grub-mkconfig", "");
	put(&m, "/etc/default/grub.d/zz.cfg", "nobody reads this");
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_string_equal(p.commands[0], "grub-mkconfig -o /boot/grub/grub.cfg");
	bootloader_deinit(&p);
	set(&m, "96M");
	is(&m, "/etc/default/grub", DEFAULT "=\"quiet crashkernel=96M\"\n");
	put(&m, "/etc/default/grub", ". /etc/x\n");
	no_plan(&m, ERR_UNSUPPORTED, "/etc/default/grub: line 1: ");
	end(&m);
}

TEST(systemd_boot)
{
	struct bootloader_plan p = {0};
	struct place m;
	char name[PATH_MAX];

	begin(&m);
	put(&m, "/efi/loader/loader.conf", "timeout 3\n");
	put(&m, "/efi/loader/entries/a.conf", ENTRY);
	put(&m, "/efi/loader/entries/b.conf", "linux /l");
	/* the same partition by another name */
	full(&m, "/boot", name);
	assert_int_equal(symlink("efi", name), 0);
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_string_equal(p.loaders, "systemd-boot");
	bootloader_deinit(&p);
	full(&m, "/efi/loader/entries/a.conf", name);
	assert_int_equal(chmod(name, 0640), 0);
	assert_int_equal(set(&m, "96M"), 2);
	is(&m, "/efi/loader/entries/b.conf", "linux /l\noptions crashkernel=96M\n");
	{
		struct stat st;

		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	assert_int_equal(undo(&m), 2);
	is(&m, "/efi/loader/entries/b.conf", "linux /l");
	end(&m);
}

TEST(both)
{
	struct place m;

	begin(&m);
	put_debian(&m);
	put(&m, "/boot/efi/loader/entries/a.conf", ENTRY);
	assert_int_equal(set(&m, "96M"), 2);
	assert_int_equal(undo(&m), 2);
	end(&m);
}

TEST(none)
{
	struct place m;

	begin(&m);
	no_plan(&m, ERR_NOT_FOUND, "looked for /etc/default/grub");
	/* files of a package whose program is not there */
	put(&m, "/etc/default/grub", GRUB_TEXT);
	put(&m, "/etc/kernel/cmdline", "a\n");
	no_plan(&m, ERR_NOT_FOUND, "Put crashkernel=128M on the kernel's command line by hand");
	end(&m);
}

TEST(unified_kernel_images)
{
	struct place m;

	begin(&m);
	put(&m, "/boot/efi/EFI/Linux/debian-6.1.EFI", "MZ");
	no_plan(&m, ERR_UNSUPPORTED,
		"/boot/efi/EFI/Linux/debian-6.1.EFI is a unified kernel image");
	put_debian(&m);
	assert_int_equal(set(&m, "96M"), 1);
	assert_non_null(strstr(m.told, "debian-6.1.EFI has its command line inside"));
	put(&m, "/sys/firmware/efi/efivars/StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "x");
	no_plan(&m, ERR_UNSUPPORTED, "is a unified kernel image");
	end(&m);
}

/* ---- what may go wrong */

TEST(hostile_files)
{
	static char large[300 << 10];
	struct place m;
	char name[PATH_MAX];

	begin(&m);
	put(&m, "/efi/loader/entries/a.conf", ENTRY);
	memset(large, 'a', sizeof(large) - 1);
	put(&m, "/efi/loader/entries/b.conf", large);
	no_plan(&m, ERR_CORRUPT, "/efi/loader/entries/b.conf: is larger than");
	full(&m, "/efi/loader/entries/b.conf", name);
	assert_int_equal(truncate(name, 100), 0);
	put(&m, "/efi/loader/entries/b.conf", "linux /l\noptions a\n");
	assert_int_equal(truncate(name, 100), 0); /* zeros behind */
	no_plan(&m, ERR_CORRUPT, "has a zero byte");
	assert_int_equal(unlink(name), 0);
	assert_int_equal(mkfifo(name, 0600), 0);
	no_plan(&m, ERR_UNSUPPORTED, "b.conf is not a regular file");
	assert_int_equal(unlink(name), 0);
	/* a link leads to what is so called below the root, and is kept */
	put(&m, "/etc/real.conf", ENTRY);
	assert_int_equal(symlink("/../../etc/real.conf", name), 0);
	assert_int_equal(set(&m, "96M"), 2);
	is(&m, "/etc/real.conf",
	   "title Linux\nlinux /vmlinuz-1\noptions root=/dev/vda1 quiet crashkernel=96M\n");
	{
		struct stat st;

		assert_int_equal(lstat(name, &st), 0);
		assert_true(S_ISLNK(st.st_mode));
	}
	end(&m);
}

TEST(changed_between_plan_and_apply)
{
	struct bootloader_plan p = {0};
	struct place m;

	begin(&m);
	put(&m, "/efi/loader/entries/a.conf", ENTRY);
	put(&m, "/efi/loader/entries/b.conf", ENTRY);
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	put(&m, "/efi/loader/entries/b.conf", "linux /other\n");
	assert_fails(bootloader_apply(&m.service, &p, err), ERR_STALE, "b.conf has been changed");
	assert_false(p.v[0].written);
	is(&m, "/efi/loader/entries/a.conf", ENTRY);
	bootloader_deinit(&p);
	assert_fails(bootloader_undo(&m.service, &p, err), ERR_NOT_FOUND, "nothing");
	end(&m);
}

TEST(undo_leaves_alone_what_others_changed)
{
	struct place m;

	begin(&m);
	put(&m, "/efi/loader/entries/a.conf", ENTRY);
	put(&m, "/efi/loader/entries/b.conf", ENTRY);
	assert_int_equal(set(&m, "96M"), 2);
	put(&m, "/efi/loader/entries/b.conf", "linux /other\n");
	assert_int_equal(undo(&m), 1);
	is(&m, "/efi/loader/entries/a.conf", ENTRY);
	is(&m, "/efi/loader/entries/b.conf", "linux /other\n");
	assert_non_null(strstr(m.told, "b.conf was changed since; it is left alone"));
	is(&m, "/var/lib/lifeboat/bootloader/1-left/1.was", ENTRY);
	/* and the next one gets another name */
	assert_int_equal(set(&m, "96M"), 2);
	put(&m, "/efi/loader/entries/b.conf", "linux /third\n");
	assert_int_equal(undo(&m), 1);
	is(&m, "/var/lib/lifeboat/bootloader/2-left/1.was", "linux /other\n");
	end(&m);
}

/* A folder stands where the second file should be: the first is written, and can be taken back. */
TEST(interrupted_apply)
{
	struct bootloader_plan p = {0};
	struct place m;
	char name[PATH_MAX];

	begin(&m);
	put(&m, "/efi/loader/entries/a.conf", ENTRY);
	put(&m, "/efi/loader/entries/b.conf", ENTRY);
	/* the name that is written to before it is renamed */
	put(&m, "/efi/loader/entries/.b.conf.lifeboat/x", "");
	assert_ok(bootloader_plan(&m.service, "96M", &p, err));
	assert_fails(bootloader_apply(&m.service, &p, err), ERR_SYSTEM,
		     "1 of 2 files were written");
	assert_true(p.v[0].written);
	assert_false(p.v[1].written);
	bootloader_deinit(&p);
	is(&m, "/efi/loader/entries/a.conf",
	   "title Linux\nlinux /vmlinuz-1\noptions root=/dev/vda1 quiet crashkernel=96M\n");
	is(&m, "/efi/loader/entries/b.conf", ENTRY);
	assert_int_equal(undo(&m), 1);
	is(&m, "/efi/loader/entries/a.conf", ENTRY);
	/* before the journal is there, nothing has been written */
	full(&m, "/var/lib/lifeboat/bootloader/7", name);
	assert_int_equal(mkdir(name, 0700), 0);
	assert_fails(bootloader_undo(&m.service, &p, err), ERR_NOT_FOUND, "nothing");
	end(&m);
}

TEST(damaged_journals)
{
	static const char *const bad[][2] = {
		{"{", "no JSON"},
		{"{}", "no lifeboat-bootloader-1"},
		{"{\"schema\": \"lifeboat-bootloader-1\", \"files\": [{\"path\": \"a\"}]}",
		 "without a path"},
		{"{\"schema\": \"lifeboat-bootloader-1\", \"files\": [{\"path\": \"/x/../a\"}]}",
		 "without a path"},
		{"{\"schema\": \"lifeboat-bootloader-1\", \"files\": [{\"path\": \"/a\", \"kept\": "
		 "\"../x\"}]}",
		 "no name of a file"},
		{"{\"schema\": \"lifeboat-bootloader-1\", \"files\": [{\"path\": \"/a\", \"kept\": "
		 "\"0.was\", \"was_sha256\": \"00\"}]}",
		 "0.was is not what was kept"},
		{"{\"schema\": \"lifeboat-bootloader-1\", \"files\": [7]}", "without a path"},
	};
	struct bootloader_plan p = {0};
	struct place m;

	begin(&m);
	put(&m, "/var/lib/lifeboat/bootloader/3/0.was", "x");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put(&m, "/var/lib/lifeboat/bootloader/3/journal.json", bad[i][0]);
		assert_fails(bootloader_undo(&m.service, &p, err), ERR_CORRUPT, bad[i][1]);
	}
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debian),
		cmocka_unit_test(debian_with_nothing_else),
		cmocka_unit_test(files_that_are_read_after_ours),
		cmocka_unit_test(fedora),
		cmocka_unit_test(the_menu_is_where_the_link_of_fedora_leads),
		cmocka_unit_test(what_broke_off_before_its_command_is_not_done),
		cmocka_unit_test(grub_without_a_folder),
		cmocka_unit_test(systemd_boot),
		cmocka_unit_test(both),
		cmocka_unit_test(none),
		cmocka_unit_test(unified_kernel_images),
		cmocka_unit_test(hostile_files),
		cmocka_unit_test(changed_between_plan_and_apply),
		cmocka_unit_test(undo_leaves_alone_what_others_changed),
		cmocka_unit_test(interrupted_apply),
		cmocka_unit_test(damaged_journals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
