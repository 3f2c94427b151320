// SPDX-License-Identifier: GPL-2.0-or-later
/* Arming a machine from its configuration, and back, with a kernel that only takes notes. */
#include "service/arm.h"

#include <sys/wait.h>
#include <time.h>

#include "service/sysctl.h"
#include "tests/unit/service_fixture.h"

#define IMAGE "/var/lib/lifeboat/initramfs-" MACHINE_KERNEL ".img"
#define OOPS  "/proc/sys/kernel/panic_on_oops"

static struct arm_outcome out;

FAKE_CALL void start(bool force)
{
	machine.told[0] = '\0';
	assert_ok(arm_start(&machine.service, force, &out, err));
	assert_true(fake_is_loaded(true));
}

/* It fails, with this in the message. */
FAKE_CALL void start_fails(int code, const char *part)
{
	machine.told[0] = '\0';
	assert_fails(arm_start(&machine.service, false, &out, err), code, part);
}

FAKE_CALL void reload(void)
{
	machine.told[0] = '\0';
	assert_ok(arm_reload(&machine.service, &out, err));
}

static void assert_oops(const char *want)
{
	assert_string_equal(machine_text(OOPS), want);
}

static void more_memory(void)
{
	static unsigned int n = 1;
	char line[80];

	n++;
	snprintf(line, sizeof(line), "%x0000000000-%x003fffffff : System RAM\n", n, n);
	fake_append("/proc/iomem", line);
}

/* ---- start */

TEST(from_nothing)
{
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "panic_on_oops yes\ncmdline_append lab=1\n"
						      "cmdline_remove irqpoll\n");
	start(false);
	assert_true(out.built);
	assert_false(out.load.unchanged);
	assert_int_equal(fake.n_calls, 1);
	assert_string_equal(out.kernel.path, "/boot/vmlinuz-" MACHINE_KERNEL);
	assert_string_equal(out.kernel.version, MACHINE_KERNEL);
	assert_non_null(strstr(out.image, IMAGE));
	assert_true(out.since && out.region && out.living.sum);
	assert_int_equal(out.method, LOAD_BY_FILES);
	/* the running kernel's line, the rules', the configuration's */
	assert_non_null(strstr(fake.calls[0].cmdline, "console=ttyS0"));
	assert_non_null(strstr(fake.calls[0].cmdline, "nr_cpus=1"));
	assert_non_null(strstr(fake.calls[0].cmdline, "lab=1"));
	assert_null(strstr(fake.calls[0].cmdline, "irqpoll"));
	assert_null(strstr(fake.calls[0].cmdline, "crashkernel="));
	assert_oops("1\n");
	/* a kernel of another version than its name says */
	assert_true(machine_told("says that it is " FIXTURE_RELEASE));
}

TEST(twice)
{
	uint64_t since;

	start(false);
	since = out.since;
	start(false);
	assert_true(out.load.unchanged && !out.built);
	assert_int_equal(out.since, since);
	assert_int_equal(out.method, LOAD_BY_FILES);
	assert_int_equal(fake.n_calls, 1);
	start(true);
	assert_true(!out.load.unchanged && !out.built && out.unarmed_ns);
	assert_int_equal(fake.n_calls, 2);
}

TEST(stale_image)
{
	start(false);
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "keep_count 3\n");
	start(false);
	assert_true(out.built && !out.load.unchanged);
	assert_int_equal(fake.n_calls, 2);
	/* what is on record was loaded by its file, not from a copy */
	fake_make_kernel('B');
	machine_copy_kernel("/boot/vmlinuz-" MACHINE_KERNEL);
	start(false);
	assert_true(!out.built && !out.load.unchanged);
	assert_int_equal(fake.in_place, 'B');
}

TEST(old_image_if_none_can_be_built)
{
	static const char *const bad[] = {
		MACHINE_CONFIG "extra_modules no_such_module\n",
		"ext4 UUID=00000000-0000-4000-8000-000000000000\n",
	};

	start(false);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fake_set("/etc/lifeboat.conf", bad[i]);
		start(false);
		assert_true(machine_told("warning: the image for kernel " MACHINE_KERNEL
					 " cannot be built: "));
		assert_true(machine_told("the older image is loaded"));
		assert_true(!out.built && out.load.unchanged);
	}
	/* one that is damaged is not loaded */
	fake_set(IMAGE, "nonsense");
	start_fails(ERR_NOT_FOUND, "UUID=00000000");
	assert_true(fake_is_loaded(true));
	/* nor is a mistake in the configuration taken for a reason */
	fake_set("/etc/lifeboat.conf", "lucky_number 7\n");
	start_fails(ERR_USAGE, "line 1");
}

TEST(nothing_can_be_built)
{
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "panic_on_oops 1\n"
						      "extra_modules no_such_module\n");
	start_fails(ERR_NOT_FOUND, "no_such_module");
	assert_int_equal(fake.n_calls, 0);
	assert_oops("0\n");
	machine_shell("rm $R/boot/vmlinuz-*");
	start_fails(ERR_NOT_FOUND, "no bootable image of kernel " MACHINE_KERNEL);
}

/* The remedy, and nothing is built for nobody. */
TEST(no_reservation)
{
	fake_set("/sys/kernel/kexec_crash_size", "0\n");
	start_fails(ERR_NOT_FOUND, "`lifeboat reset-crashkernel`");
	assert_false(root_exists(&fake.root, "/var/lib/lifeboat"));
	fake_set("/proc/cmdline", "quiet\n");
	start_fails(ERR_NOT_FOUND, "run `lifeboat reset-crashkernel`");
	fake_set("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n");
	start_fails(ERR_REFUSED, "root");
	assert_int_equal(fake.n_calls, 0);
	assert_false(root_exists(&fake.root, "/var/lib/lifeboat"));
}

TEST(rebuild_always_or_never)
{
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "force_no_rebuild 1\n");
	start_fails(ERR_NOT_FOUND, "force_no_rebuild is set, so `lifeboat rebuild`");
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "force_rebuild 1\n");
	start(false);
	assert_true(out.built);
	start(false);
	assert_true(out.built && out.load.unchanged); /* equal inputs, equal bytes */
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "force_no_rebuild 1\nkeep_count 3\n");
	start(true);
	assert_false(out.built);
}

/* Refused while armed: what was there is there again, and panics are still captured. */
TEST(load_refused)
{
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "panic_on_oops 1\n");
	start(false);
	fake_make_kernel('B');
	machine_copy_kernel("/boot/vmlinuz-" MACHINE_KERNEL);
	fake.refuse_files = EKEYREJECTED;
	fake.refusals = 1;
	start_fails(ERR_REFUSED, "was put back");
	assert_true(fake_is_loaded(true));
	assert_int_equal(fake.in_place, 'A');
	assert_oops("1\n");
	/* nothing can be put back: then no panic for nothing */
	fake.refusals = -1;
	start_fails(ERR_REFUSED, "could not be put back");
	assert_false(fake_is_loaded(true));
	assert_oops("0\n");
}

TEST(record_cannot_be_kept)
{
	machine_shell("mkdir -p $R/run/lifeboat/panic-kernel.tmp/x");
	start(false);
	assert_true(machine_told("warning: the load is not recorded"));
	assert_int_equal(out.since, 0);
	assert_int_equal(out.method, LOAD_BY_FILES);
}

TEST(another_kernel)
{
	machine_shell("cp -r $M $R/lib/modules/9.9; cp $R/boot/config-" MACHINE_KERNEL
		      " $R/boot/config-9.9; depmod -b $R 9.9");
	fake_make_kernel('C');
	machine_copy_kernel("/boot/vmlinuz-9.9");
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "capture_kernel 9.9\n");
	start(false);
	assert_string_equal(out.kernel.version, "9.9");
	assert_non_null(strstr(out.image, "initramfs-9.9.img"));
	assert_int_equal(fake.in_place, 'C');
}

TEST(preview)
{
	struct arm_preview p;

	assert_ok(arm_preview(&machine.service, &p, err));
	assert_true(p.builds && p.state == BUILD_MISSING);
	assert_false(root_exists(&fake.root, "/var/lib/lifeboat"));
	assert_false(root_exists(&fake.root, "/run/lifeboat"));
	start(false);
	assert_ok(arm_preview(&machine.service, &p, err));
	assert_true(!p.builds && p.state == BUILD_FRESH);
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "keep_count 3\n");
	assert_ok(arm_preview(&machine.service, &p, err));
	assert_true(p.builds && p.state == BUILD_STALE);
	assert_string_equal(p.difference, "recipe");
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "keep_count 3\nforce_no_rebuild 1\n");
	assert_ok(arm_preview(&machine.service, &p, err));
	assert_false(p.builds);
	fake_set("/sys/kernel/kexec_crash_size", "0\n");
	assert_fails(arm_preview(&machine.service, &p, err), ERR_NOT_FOUND, "reset-crashkernel");
}

/* ---- stop */

static const char *oops_at_unload;

static int note_oops(int kernel_fd, int initrd_fd, size_t cmdline_len, const char *cmdline,
		     unsigned long flags)
{
	if (flags & KEXEC_FILE_UNLOAD)
		oops_at_unload = *machine_text(OOPS) == '1' ? "1" : "0";
	return fake_kexec_file_load(kernel_fd, initrd_fd, cmdline_len, cmdline, flags);
}

TEST(stop)
{
	bool was;

	fake.sys.kexec_file_load = note_oops;
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "panic_on_oops 1\n");
	start(false);
	assert_oops("1\n");
	assert_ok(arm_stop(&machine.service, &was, err));
	assert_true(was && !fake_is_loaded(true));
	assert_oops("0\n");
	assert_string_equal(oops_at_unload, "0"); /* put back before */
	assert_ok(arm_stop(&machine.service, &was, err));
	assert_false(was);
	start(false);
	assert_true(!out.load.unchanged && !out.built);
	assert_oops("1\n");
	/* a record of sysctls that cannot be read keeps nobody from disarming */
	fake_set("/run/lifeboat/sysctls", "nonsense\n");
	machine.told[0] = '\0';
	assert_ok(arm_stop(&machine.service, &was, err));
	assert_true(was && !fake_is_loaded(true));
	assert_true(machine_told("warning: no sysctl is put back"));
}

TEST(stop_refused)
{
	bool was;

	start(false);
	fake.refuse_files = EBUSY;
	assert_fails(arm_stop(&machine.service, &was, err), ERR_SYSTEM, "still in place");
	assert_true(fake_is_loaded(true));
}

/* ---- reload */

/* As it is loaded, whatever has become of the files and the configuration since. */
TEST(reload_what_there_is)
{
	char name[PATH_MAX];

	start(false);
	snprintf(name, sizeof(name), "%s/boot/vmlinuz-" MACHINE_KERNEL, fake.root_path);
	reload();
	assert_true(out.load.unchanged);
	assert_int_equal(fake.n_calls, 1);
	more_memory();
	machine_shell(
		"rm $R/" IMAGE
		"; echo nonsense >$R/etc/lifeboat.conf; echo x >$R/boot/vmlinuz-" MACHINE_KERNEL);
	reload();
	assert_false(out.load.unchanged);
	assert_int_equal(fake.n_calls, 2);
	assert_string_equal(fake.calls[0].cmdline, fake.calls[1].cmdline);
	assert_string_equal(out.kernel.path, name); /* and it is still called so */
	assert_string_equal(out.kernel.version, FIXTURE_RELEASE);
	assert_true(out.unarmed_ns && out.since);
	reload();
	assert_true(out.load.unchanged);
	assert_int_equal(fake.n_calls, 2);
}

TEST(reload_kernel_keeps_up)
{
	start(false);
	fake_set("/sys/kernel/crash_elfcorehdr_size", "65536\n");
	more_memory();
	reload();
	assert_true(out.load.unchanged);
	assert_int_equal(fake.n_calls, 1);
}

/* Hotplug arms nothing that was not armed by us. */
TEST(reload_not_armed)
{
	bool was;

	assert_fails(arm_reload(&machine.service, &out, err), ERR_NOT_LOADED, "`lifeboat start`");
	fake_loaded(true, true);
	assert_fails(arm_reload(&machine.service, &out, err), ERR_NOT_LOADED, "not on record");
	start(true);
	assert_ok(arm_stop(&machine.service, &was, err));
	assert_fails(arm_reload(&machine.service, &out, err), ERR_NOT_LOADED, "not armed");
	assert_int_equal(fake.n_calls, 2);
}

TEST(reload_refused)
{
	start(false);
	more_memory();
	fake.refuse_files = ENOMEM;
	fake.refusals = 1;
	assert_fails(arm_reload(&machine.service, &out, err), ERR_NO_MEMORY, "was put back");
	assert_true(fake_is_loaded(true));
	assert_int_equal(fake.in_place, 'A');
	machine_shell("rm $R/var/lib/lifeboat/kernel-*");
	assert_fails(arm_reload(&machine.service, &out, err), ERR_NOT_FOUND, "kernel-");
	assert_true(fake_is_loaded(true));
}

static int changes;

/* Memory comes while it is loaded. */
static int load_and_change(int kernel_fd, int initrd_fd, size_t cmdline_len, const char *cmdline,
			   unsigned long flags)
{
	int r = fake_kexec_file_load(kernel_fd, initrd_fd, cmdline_len, cmdline, flags);

	if (changes-- > 0)
		more_memory();
	return r;
}

TEST(reload_while_it_changes)
{
	start(false);
	fake.sys.kexec_file_load = load_and_change;
	changes = 1;
	more_memory();
	reload();
	assert_int_equal(fake.n_calls, 3);
	assert_false(out.load.unchanged);
	assert_false(machine_told("warning"));
	reload();
	assert_true(out.load.unchanged);
	changes = 100;
	more_memory();
	reload();
	assert_int_equal(fake.n_calls, 3 + ARM_ROUNDS);
	assert_true(machine_told("warning: memory or CPUs still change"));
}

/* Nobody knows whether something has changed: once is enough. */
TEST(reload_without_a_map)
{
	start(false);
	fake_remove("/proc/iomem");
	reload();
	assert_int_equal(fake.n_calls, 2);
}

/* ---- two at once, and killed */

#define BUILT     1
#define UNCHANGED 2

static pid_t start_in_child(void)
{
	pid_t pid = fork();
	struct err err;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (arm_start(&machine.service, false, &out, &err))
		_exit(100);
	_exit((out.built ? BUILT : 0) | (out.load.unchanged ? UNCHANGED : 0));
}

/* One builds and loads, the others find that there is nothing to do. */
TEST(many_at_once)
{
	int built = 0, unchanged = 0, status;
	pid_t pids[6];

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = start_in_child();
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 100);
		built += !!(WEXITSTATUS(status) & BUILT);
		unchanged += !!(WEXITSTATUS(status) & UNCHANGED);
	}
	assert_int_equal(built, 1);
	assert_int_equal(unchanged, ARRAY_SIZE(pids) - 1);
}

/* Whenever it is killed, the next one goes through, and what is left of the image is none or a whole one. */
TEST(killed_anywhere)
{
	int killed = 0, status;
	bool was;

	for (long delay = 0; delay < 30; delay++) {
		struct timespec wait = {.tv_nsec = delay * 400000};
		pid_t pid;

		machine_shell("rm -rf $R/var/lib/lifeboat");
		fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "panic_on_oops 1\n");
		pid = start_in_child();
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		killed += WIFSIGNALED(status);
		if (root_exists(&fake.root, IMAGE))
			assert_ok(build_check_image(&machine.service, MACHINE_KERNEL, err));
		if (!fake_is_loaded(true)) /* no panic for nothing */
			assert_oops("0\n");
		start(false);
		assert_oops("1\n");
		assert_ok(arm_stop(&machine.service, &was, err));
		assert_oops("0\n");
		fake.n_calls = 0;
	}
	assert_true(killed > 0);
}

#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, machine_setup, machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(from_nothing),
		MACHINE_TEST(twice),
		MACHINE_TEST(stale_image),
		MACHINE_TEST(old_image_if_none_can_be_built),
		MACHINE_TEST(nothing_can_be_built),
		MACHINE_TEST(no_reservation),
		MACHINE_TEST(rebuild_always_or_never),
		MACHINE_TEST(load_refused),
		MACHINE_TEST(record_cannot_be_kept),
		MACHINE_TEST(another_kernel),
		MACHINE_TEST(preview),
		MACHINE_TEST(stop),
		MACHINE_TEST(stop_refused),
		MACHINE_TEST(reload_what_there_is),
		MACHINE_TEST(reload_kernel_keeps_up),
		MACHINE_TEST(reload_not_armed),
		MACHINE_TEST(reload_refused),
		MACHINE_TEST(reload_while_it_changes),
		MACHINE_TEST(reload_without_a_map),
		MACHINE_TEST(many_at_once),
		MACHINE_TEST(killed_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
