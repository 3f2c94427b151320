// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading and unloading with a kernel of our own behind struct sys: it returns every errno of the
 * table, and it notes each call, because a refusal that could be foreseen must not reach it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <sys/stat.h>

#include "loader/explain.h"
#include "loader/load.h"
#include "tests/unit/loader_fixture.h"
#include "tests/unit/unit.h"

/* A machine in a temporary folder, with the files to load, and its kernel. */
static struct {
	char dir[32];
	char crash_loaded[128]; /* path of the file in the machine */
	char kernel[64], initrd[64], root_path[64];
	struct root root;
	int refuse_with; /* errno, or 0 to accept */
	bool lie;        /* accept, but do nothing */
	int calls;
	unsigned long flags;
	char cmdline[64];
} fake;

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* As kernel/kexec_file.c: all but the first refusals come when the old image is freed already. */
static int fake_kexec_file_load(int kernel_fd, int initrd_fd, size_t cmdline_len,
				const char *cmdline, unsigned long flags)
{
	bool unload = flags & KEXEC_FILE_UNLOAD;

	fake.calls++;
	fake.flags = flags;
	if (cmdline) {
		assert_int_equal(cmdline_len, strlen(cmdline) + 1);
		snprintf(fake.cmdline, sizeof(fake.cmdline), "%s", cmdline);
		assert_true(fcntl(kernel_fd, F_GETFD) >= 0 && fcntl(initrd_fd, F_GETFD) >= 0);
	}
	if (fake.lie)
		return 0;
	if (fake.refuse_with == 0 || (!unload && fake.refuse_with != EBUSY))
		write_file(fake.crash_loaded, unload || fake.refuse_with ? "0\n" : "1\n", 2);
	errno = fake.refuse_with;
	return fake.refuse_with ? -1 : 0;
}

static const struct sys fake_sys = {.kexec_file_load = fake_kexec_file_load};

static void machine_up(const char *machine)
{
	uint8_t image[FIXTURE_SIZE];
	char command[128];
	struct err err;

	memset(&fake, 0, sizeof(fake));
	strcpy(fake.dir, "/tmp/lifeboat-test.XXXXXX");
	assert_non_null(mkdtemp(fake.dir));
	snprintf(command, sizeof(command), "cp -r tests/roots/%s %s/root", machine, fake.dir);
	assert_int_equal(system(command), 0);
	snprintf(fake.crash_loaded, sizeof(fake.crash_loaded),
		 "%s/root/sys/kernel/kexec_crash_loaded", fake.dir);
	snprintf(fake.kernel, sizeof(fake.kernel), "%s/vmlinuz", fake.dir);
	snprintf(fake.initrd, sizeof(fake.initrd), "%s/initrd", fake.dir);
	fixture_bzimage(image);
	write_file(fake.kernel, image, sizeof(image));
	write_file(fake.initrd, "070701", 6);
	snprintf(fake.root_path, sizeof(fake.root_path), "%s/root", fake.dir);
	assert_int_equal(root_init(&fake.root, fake.root_path, &err), 0);
}

static void machine_down(void)
{
	char command[64];

	root_deinit(&fake.root);
	snprintf(command, sizeof(command), "rm -rf %s", fake.dir);
	assert_int_equal(system(command), 0);
}

static int load(const char *cmdline, bool *verified, struct err *err)
{
	struct load_request request = {fake.kernel, fake.initrd, cmdline};
	struct load l;
	int r = load_prepare(&fake.root, &request, &l, err);

	if (r)
		return r;
	r = load_submit(&l, &fake.root, &fake_sys, verified, err);
	load_deinit(&l);
	return r;
}

TEST(load_good)
{
	struct load_request request;
	struct err err = {0};
	bool verified;
	struct load l;

	machine_up("ready");
	request = (struct load_request){fake.kernel, fake.initrd, "nr_cpus=1"};
	assert_int_equal(load_prepare(&fake.root, &request, &l, &err), 0);
	assert_int_equal(fake.calls, 0);
	assert_string_equal(l.kernel.release, FIXTURE_RELEASE);
	assert_int_equal(l.kernel_size, FIXTURE_SIZE);
	assert_int_equal(l.initrd_size, 6);
	assert_int_equal(load_submit(&l, &fake.root, &fake_sys, &verified, &err), 0);
	load_deinit(&l);
	assert_true(verified);
	assert_int_equal(fake.calls, 1);
	assert_int_equal(fake.flags, KEXEC_FILE_ON_CRASH);
	assert_string_equal(fake.cmdline, "nr_cpus=1");
	machine_down();
}

TEST(load_contradicted)
{
	struct err err = {0};
	bool verified = true;

	machine_up("ready");
	fake.lie = true;
	assert_int_equal(load("x", &verified, &err), ERR_SYSTEM);
	assert_says(&err, "crash_loaded");
	/* the size is still known, so the load goes ahead, but nobody can tell the outcome */
	assert_int_equal(unlink(fake.crash_loaded), 0);
	assert_int_equal(load("x", &verified, &err), 0);
	assert_false(verified);
	machine_down();
}

/* A bad machine, or a bad input on a good one: the kernel must never be asked. */
TEST(load_foreseen_machine)
{
	static const struct {
		const char *machine;
		int code;
		const char *says;
	} cases[] = {
		{"no-reservation", ERR_NOT_FOUND, "add crashkernel=256M"},
		{"failed-reservation", ERR_NOT_FOUND, "crashkernel=4G"},
		{"not-root", ERR_REFUSED, "run this as root"},
		{"load-disabled", ERR_REFUSED, "kexec_load_disabled"},
		{"limit-used-up", ERR_REFUSED, "kexec_load_limit_panic"},
		{"container", ERR_REFUSED, "on the host"},
		{"no-kexec", ERR_UNSUPPORTED, "CONFIG_KEXEC_FILE"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {0};
		bool verified;

		machine_up(cases[i].machine);
		assert_int_equal(load("x", &verified, &err), cases[i].code);
		assert_says(&err, cases[i].says);
		assert_int_equal(fake.calls, 0);
		machine_down();
	}
}

static void assert_refused(int code, const char *says)
{
	struct err err = {0};
	bool verified;

	assert_int_equal(load("x", &verified, &err), code);
	assert_says(&err, says);
	assert_int_equal(fake.calls, 0);
	machine_down();
}

TEST(load_foreseen_files)
{
	char line[2018];
	struct err err = {0};
	bool verified;
	int fd;

	machine_up("ready");
	write_file(fake.initrd, "", 0);
	assert_refused(ERR_CORRUPT, "/initrd: is empty");

	machine_up("ready");
	assert_int_equal(unlink(fake.initrd), 0);
	assert_refused(ERR_NOT_FOUND, "/initrd: open: No such file");

	machine_up("ready");
	assert_int_equal(unlink(fake.initrd), 0);
	assert_int_equal(mkfifo(fake.initrd, 0600), 0);
	assert_refused(ERR_USAGE, "/initrd: is not a regular file");

	machine_up("ready");
	assert_int_equal(truncate(fake.initrd, 3ll << 30), 0);
	assert_refused(ERR_NO_SPACE, "/initrd: has 3221225472 bytes");

	machine_up("ready");
	assert_int_equal(truncate(fake.initrd, 200 << 20), 0);
	assert_refused(ERR_NO_SPACE, "short by 122.0 MB");

	machine_up("ready");
	assert_int_equal(truncate(fake.kernel, 3000), 0);
	assert_refused(ERR_CORRUPT, "/vmlinuz: cut off");

	machine_up("ready");
	write_file(fake.kernel, "\x1f\x8b", 2);
	assert_refused(ERR_UNSUPPORTED, "/vmlinuz: not a bzImage");

	machine_up("ready");
	memset(line, 'a', sizeof(line));
	line[2017] = '\0';
	assert_int_equal(load(line, &verified, &err), ERR_USAGE);
	assert_int_equal(fake.calls, 0);
	machine_down();

	machine_up("ready");
	fd = open(fake.initrd, O_WRONLY);
	/* where the file system of /tmp has leases, this is seen */
	if (load("x", &verified, &err) != 0) {
		assert_says(&err, "/initrd: is open for writing");
		assert_int_equal(fake.calls, 0);
	}
	close(fd);
	machine_down();
}

/* errno, machine → code, cause, remedy. */
static const struct {
	int sys;
	const char *machine;
	int code;
	const char *cause, *remedy;
} refusals[] = {
	{EPERM, "lockdown", ERR_REFUSED, "locked down", "mokutil"},
	{EPERM, "ready", ERR_REFUSED, "security module", "audit log"},
	{EACCES, "ready", ERR_REFUSED, "IMA", "evmctl"},
	{ENOKEY, "ready", ERR_REFUSED, "keyrings", "mokutil"},
	{EKEYREJECTED, "ready", ERR_REFUSED, "missing, revoked", "reinstall"},
	{ENODATA, "ready", ERR_REFUSED, "the kernel has none", "signed by your distribution"},
	{EBADMSG, "ready", ERR_REFUSED, "damaged", "reinstall"},
	{ELIBBAD, "ready", ERR_REFUSED, "EFI program", "CONFIG_EFI_STUB"},
	{ENOPKG, "ready", ERR_REFUSED, "algorithm", "SHA-256"},
	{EBUSY, "ready", ERR_SYSTEM, "in progress", "try again"},
	{ETXTBSY, "ready", ERR_SYSTEM, "open for writing", "fuser"},
	{EFBIG, "ready", ERR_NO_SPACE, "2 GiB", "smaller"},
	{EIO, "ready", ERR_SYSTEM, "read to its end", "disk"},
	{ENOEXEC, "ready", ERR_UNSUPPORTED, "format", "bzImage"},
	{EINVAL, "ready", ERR_UNSUPPORTED, "command line", "dmesg"},
	{EADDRNOTAVAIL, "ready", ERR_NO_SPACE, "no room", "larger crashkernel="},
	{ENOMEM, "ready", ERR_NO_MEMORY, "no memory", "control_code_buffer"},
	{ENOENT, "ready", ERR_UNSUPPORTED, "SHA-256", "sha256_generic"},
	{ENOSYS, "ready", ERR_UNSUPPORTED, "CONFIG_KEXEC_FILE", "boot a kernel"},
	{EXDEV, "ready", ERR_SYSTEM, "no known cause", "dmesg"},
};

TEST(load_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct err err = {0};
		bool verified;

		machine_up(refusals[i].machine);
		write_file(fake.crash_loaded, "1\n", 2);
		fake.refuse_with = refusals[i].sys;
		assert_int_equal(load("x", &verified, &err), refusals[i].code);
		assert_int_equal(err.sys, refusals[i].sys);
		assert_says(&err, strerror(refusals[i].sys));
		assert_says(&err, strerrorname_np(refusals[i].sys));
		assert_says(&err, refusals[i].cause);
		assert_says(&err, refusals[i].remedy);
		assert_says(&err, refusals[i].sys == EBUSY
					  ? "the panic kernel loaded before is still in place"
					  : "no panic kernel is loaded now");
		assert_int_equal(fake.calls, 1);
		machine_down();
	}
}

/* What the table says of a cause that is usually foreseen, if it arises between check and call. */
TEST(explain_by_facts)
{
	struct facts f = {0};

	f.cap_sys_boot = f.load_limit = (struct fact){true, 0};
	f.load_disabled = (struct fact){true, 1};
	assert_non_null(strstr(explain(EPERM, EXPLAIN_LOAD, &f).cause, "CAP_SYS_BOOT"));
	f.cap_sys_boot.value = 1;
	assert_non_null(strstr(explain(EPERM, EXPLAIN_LOAD, &f).cause, "load_disabled"));
	f.load_disabled.value = 0;
	assert_non_null(strstr(explain(EPERM, EXPLAIN_UNLOAD, &f).cause, "limit_panic"));
	f.load_limit.value = 1;
	f.lockdown = LOCKDOWN_CONFIDENTIALITY;
	assert_non_null(strstr(explain(EPERM, EXPLAIN_LOAD, &f).cause, "locked down"));
	/* lockdown does not forbid an unload */
	assert_non_null(strstr(explain(EPERM, EXPLAIN_UNLOAD, &f).cause, "security module"));
	f.crash_size = (struct fact){true, 0};
	assert_int_equal(explain(EADDRNOTAVAIL, EXPLAIN_LOAD, &f).code, ERR_NOT_FOUND);
	/* what only a load can meet is unexpected of an unload */
	assert_int_equal(explain(ENOKEY, EXPLAIN_UNLOAD, &f).code, ERR_SYSTEM);
}

TEST(unload_good)
{
	struct err err = {0};
	bool was_loaded;

	machine_up("armed");
	assert_int_equal(load_unload(&fake.root, &fake_sys, &was_loaded, &err), 0);
	assert_true(was_loaded);
	assert_int_equal(fake.calls, 1);
	assert_int_equal(fake.flags, KEXEC_FILE_UNLOAD | KEXEC_FILE_ON_CRASH);
	/* again: nothing to do, and nothing done */
	assert_int_equal(load_unload(&fake.root, &fake_sys, &was_loaded, &err), 0);
	assert_false(was_loaded);
	assert_int_equal(fake.calls, 1);
	machine_down();
}

TEST(unload_refused)
{
	static const struct {
		const char *machine;
		int sys;
		int calls;
		int code;
		const char *says;
	} cases[] = {
		{"not-root", 0, 0, ERR_REFUSED, "run this as root"},
		{"load-disabled", 0, 0, ERR_REFUSED, "kexec_load_disabled"},
		{"armed", EBUSY, 1, ERR_SYSTEM, "still in place"},
		{"armed", EPERM, 1, ERR_REFUSED, "seccomp"},
		{"armed", ENOSYS, 1, ERR_UNSUPPORTED, "CONFIG_KEXEC_FILE"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {0};
		bool was_loaded;

		machine_up(cases[i].machine);
		fake.refuse_with = cases[i].sys;
		assert_int_equal(load_unload(&fake.root, &fake_sys, &was_loaded, &err),
				 cases[i].code);
		assert_says(&err, cases[i].says);
		assert_int_equal(fake.calls, cases[i].calls);
		machine_down();
	}
	machine_up("armed");
	{
		struct err err = {0};
		bool was_loaded;

		fake.lie = true;
		assert_int_equal(load_unload(&fake.root, &fake_sys, &was_loaded, &err), ERR_SYSTEM);
		assert_says(&err, "accepted the unload");
	}
	machine_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_good),
		cmocka_unit_test(load_contradicted),
		cmocka_unit_test(load_foreseen_machine),
		cmocka_unit_test(load_foreseen_files),
		cmocka_unit_test(load_refused),
		cmocka_unit_test(explain_by_facts),
		cmocka_unit_test(unload_good),
		cmocka_unit_test(unload_refused),
	};

	return cmocka_run_group_tests_name("loader_load", tests, NULL, NULL);
}
