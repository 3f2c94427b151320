// SPDX-License-Identifier: GPL-2.0-or-later
/* What status says of a machine in each state. */
#include "service/status.h"

#include "service/arm.h"
#include "tests/unit/service_fixture.h"

#define IMAGE "/var/lib/lifeboat/initramfs-" MACHINE_KERNEL ".img"
#define GIB   ((uint64_t)1 << 30)

static struct status *st;
static struct arm_outcome out;

FAKE_CALL void look(void)
{
	status_destroy(st);
	st = NULL;
	machine.told[0] = '\0';
	assert_ok(status_create(&machine.service, &st, err));
	assert_string_equal(machine.told, ""); /* all of it is in the answer */
}

static void assert_verdict(const char *want)
{
	char text[STATUS_VERDICT];

	look();
	status_verdict(st, text);
	if (!strstr(text, want))
		fail_msg("'%s' lacks '%s'", text, want);
}

FAKE_CALL void start(void)
{
	assert_ok(arm_start(&machine.service, true, &out, err));
}

/* ---- armed or not */

TEST(not_armed)
{
	assert_verdict("NOT ARMED: no panic kernel is loaded: `lifeboat start`");
	assert_int_equal(status_code(st), ERR_NOT_LOADED);
	assert_int_equal(st->image_state, STATUS_IMAGE_MISSING);
	assert_string_equal(st->version, MACHINE_KERNEL);
	assert_int_equal(st->test_state, STATUS_TEST_NONE);
	assert_false(st->crash_known);
	fake_set("/sys/kernel/kexec_crash_size", "0\n");
	assert_verdict("NOT ARMED: no memory is reserved");
	assert_non_null(strstr(st->problems[0], "`lifeboat reset-crashkernel`"));
	assert_int_equal(status_code(st), ERR_NOT_LOADED);
	machine_shell("rm -r $R/sys/kernel");
	assert_verdict("NOT ARMED: ");
	machine_shell("rm -r $R/sys");
	assert_verdict("NOT ARMED: cannot tell");
	assert_int_equal(status_code(st), ERR_NOT_FOUND);
	assert_false(root_exists(&fake.root, "/run/lifeboat")); /* nothing was written */
}

/* What the kernel would refuse is no remedy: `lifeboat start` was told where the sysctl forbids it. */
TEST(nothing_can_be_loaded)
{
	fake_set("/proc/sys/kernel/kexec_load_disabled", "1\n");
	assert_verdict("NOT ARMED: no panic kernel is loaded, and none can be: ");
	assert_non_null(strstr(st->problems[0], "kexec_load_disabled"));
	assert_null(strstr(st->problems[0], "`lifeboat start`"));
	fake_loaded(true, true);
	look();
	assert_int_equal(st->n_problems, 2);
	assert_non_null(strstr(st->problems[0], "not by lifeboat"));
	assert_non_null(strstr(st->problems[1], "nothing can be loaded in its place: "));
	/* one who sets it once the machine is armed has nothing to mend */
	fake_set("/proc/sys/kernel/kexec_load_disabled", "0\n");
	start();
	fake_set("/proc/sys/kernel/kexec_load_disabled", "1\n");
	assert_verdict("armed");
	assert_int_equal(st->n_problems, 0);
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "keep_count 3\n");
	look();
	assert_int_equal(st->n_problems, 2);
	assert_non_null(strstr(st->problems[1], "nothing can be loaded"));
}

TEST(armed)
{
	char text[STATUS_VERDICT];

	start();
	look();
	assert_string_equal(status_verdict(st, text), "armed");
	assert_int_equal(status_code(st), 0);
	assert_int_equal(st->n_problems, 0);
	assert_true(st->armed.known && st->all_seen && st->image_is_armed);
	assert_int_equal(st->image_state, STATUS_IMAGE_FRESH);
	assert_int_equal(st->header, STATUS_HEADER_FRESH);
	assert_non_null(strstr(st->image, IMAGE));
	assert_int_equal(st->armed.time, out.since);
}

/* It is about what is loaded: building alone changes nothing, and neither does the file's going away. */
TEST(stale)
{
	bool built;
	struct config *config = NULL;

	start();
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "keep_count 3\n");
	assert_verdict("armed, but the image is stale (recipe): `lifeboat restart`");
	assert_int_equal(status_code(st), 0);
	assert_ok(service_config(&machine.service, &config, NULL, err));
	assert_ok(build_image(&machine.service, config, MACHINE_KERNEL, false, &built, err));
	config_destroy(config);
	assert_true(built);
	assert_verdict("armed, but the image is stale (recipe)");
	start();
	assert_verdict("armed");
	assert_int_equal(st->n_problems, 0);
	fake_remove(IMAGE);
	assert_verdict("armed");
	assert_int_equal(st->image_state, STATUS_IMAGE_FRESH);
	assert_int_equal(st->n_problems, 0);
	/* without the copy the file is all that there is to judge */
	machine_shell("rm $R/var/lib/lifeboat/initrd-*");
	look();
	assert_false(st->image_is_armed);
	assert_int_equal(st->image_state, STATUS_IMAGE_MISSING);
}

/* A server whose name is not known when the machine is armed: the others arm it, and it is not called well. */
TEST(target_left_out)
{
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "nfs nas.example.com:/x\n");
	start();
	assert_true(machine_told("warning: left out, so that no dump will go there: "));
	assert_verdict("armed, but a target is left out, so that no dump will go there: ");
	assert_non_null(strstr(st->problems[0], "nas.example.com"));
	assert_int_equal(st->n_problems, 1);
	assert_int_equal(st->image_state, STATUS_IMAGE_FRESH);
}

TEST(memory_has_changed)
{
	start();
	fake_append("/proc/iomem", "10000000000-1003fffffff : System RAM\n");
	assert_verdict("armed, but memory or CPUs have changed since");
	assert_non_null(strstr(st->problems[0], "`lifeboat reload`"));
	fake_set("/sys/kernel/crash_elfcorehdr_size", "65536\n");
	assert_verdict("armed");
	assert_int_equal(st->header, STATUS_HEADER_KEPT);
	assert_int_equal(st->n_problems, 0);
	fake_remove("/proc/iomem");
	look();
	assert_int_equal(st->header, STATUS_HEADER_UNKNOWN);
}

TEST(by_somebody_else)
{
	fake_loaded(true, true);
	assert_verdict("armed, but not by lifeboat");
	assert_int_equal(status_code(st), 0);
	start();
	fake_set("/run/lifeboat/panic-kernel", "nonsense\n");
	assert_verdict("armed, but the record of what is loaded cannot be read");
	assert_false(st->armed.known);
	assert_int_equal(st->record_err.code, ERR_CORRUPT);
}

/* Several: the worst first. */
TEST(problems)
{
	start();
	fake_append("/proc/iomem", "10000000000-1003fffffff : System RAM\n");
	fake_set("/etc/lifeboat.conf", "lucky_number 7\n");
	look();
	assert_int_equal(st->n_problems, 2);
	assert_non_null(strstr(st->problems[0], "memory or CPUs"));
	assert_non_null(strstr(st->problems[1], "the configuration cannot be used: "));
	assert_int_equal(st->image_state, STATUS_IMAGE_UNKNOWN);
	assert_non_null(strstr(st->image_err.msg, "lucky_number"));
	fake_set("/etc/lifeboat.conf", "ext4 UUID=00000000-0000-4000-8000-000000000000\n");
	look();
	assert_non_null(strstr(st->problems[1], "where a dump would go cannot be told: "));
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "extra_modules no_such_module\n");
	look();
	assert_non_null(strstr(st->problems[1], "the image cannot be built anew: "));
	assert_int_equal(st->n_targets, 1); /* which is known all the same */
}

TEST(other_user)
{
	char text[STATUS_VERDICT];

	start();
	fake_set("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n");
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "keep_count 3\n");
	look();
	assert_string_equal(status_verdict(st, text), "armed, as far as this user may see");
	assert_int_equal(status_code(st), 0);
	assert_false(st->all_seen);
	assert_int_equal(st->image_state, STATUS_IMAGE_UNKNOWN);
	assert_non_null(strstr(st->image_err.msg, "only root"));
	assert_int_equal(st->n_targets, 0);
	fake_loaded(true, false);
	assert_verdict("NOT ARMED: ");
}

/* ---- tests and crashes */

FAKE_CALL void happened(enum history_kind kind, uint64_t time, bool good, bool pending,
			const uint8_t *image)
{
	struct history_entry e = {.kind = kind, .time = time, .good = good, .pending = pending};

	snprintf(e.id, sizeof(e.id), "%d-%d", (int)kind, (int)time);
	snprintf(e.text, sizeof(e.text), "as it went at %d", (int)time);
	e.image_known = image;
	if (image)
		memcpy(e.image, image, 32);
	assert_ok(history_add(&machine.service, &e, err));
}

TEST(tested)
{
	static const uint8_t other[32] = {1};
	uint8_t this[32];

	start();
	look();
	memcpy(this, st->armed.initrd_digest, 32);
	happened(HISTORY_PROOF, 1000, true, false, this);
	look();
	assert_int_equal(st->test_state, STATUS_TEST_PASSED);
	assert_true(st->test_of_this);
	assert_int_equal(st->test.kind, HISTORY_PROOF);
	assert_int_equal(st->n_problems, 0);
	happened(HISTORY_PROOF, 2000, false, false, this);
	assert_verdict("armed, but its last test (proof) failed: as it went at 2000");
	/* that the targets can be written to does not settle it; another proof does, or a crash */
	happened(HISTORY_PREFLIGHT, 2100, true, false, this);
	assert_verdict("armed, but its last test (proof) failed: as it went at 2000");
	assert_int_equal(st->test_state, STATUS_TEST_PASSED);
	happened(HISTORY_PROOF, 2200, true, false, this);
	look();
	assert_int_equal(st->n_problems, 0);
	happened(HISTORY_PREFLIGHT, 2300, false, false, this);
	happened(HISTORY_PROOF, 2400, true, false, this);
	assert_verdict("armed, but its last test (preflight) failed: as it went at 2300");
	happened(HISTORY_CRASH_TEST, 2500, true, false, this);
	look();
	assert_int_equal(st->n_problems, 0);
	/* another image's failure is none of this one */
	happened(HISTORY_PROOF, 3000, false, false, other);
	assert_verdict("armed");
	assert_int_equal(st->n_problems, 0);
	assert_int_equal(st->test_state, STATUS_TEST_FAILED);
	assert_false(st->test_of_this);
	happened(HISTORY_PREFLIGHT, 4000, true, false, NULL);
	look();
	assert_false(st->test_of_this);
	happened(HISTORY_CRASH_TEST, 5000, false, true, this);
	look();
	assert_int_equal(st->test_state, STATUS_TEST_PENDING);
	assert_int_equal(st->n_problems, 0);
	/* not one of what is loaded if nothing is */
	fake_loaded(true, false);
	look();
	assert_false(st->test_of_this);
}

TEST(crashed)
{
	happened(HISTORY_CRASH, 1000, true, false, NULL);
	happened(HISTORY_CRASH, 2000, false, false, NULL);
	happened(HISTORY_PREFLIGHT, 3000, true, false, NULL);
	look();
	assert_true(st->crash_known);
	assert_int_equal(st->crash.time, 2000);
	assert_false(st->crash.good);
	assert_int_equal(st->test_state, STATUS_TEST_PASSED);
	/* without a line that can be read it is not known that there was no test */
	fake_set("/var/lib/lifeboat/history.ndjson", "nonsense\n");
	look();
	assert_int_equal(st->test_state, STATUS_TEST_UNKNOWN);
	machine_shell(
		"rm $R/var/lib/lifeboat/history.ndjson; mkdir $R/var/lib/lifeboat/history.ndjson");
	look();
	assert_int_equal(st->test_state, STATUS_TEST_UNKNOWN);
	assert_false(st->crash_known);
}

/* ---- room */

#define MEMINFO                      \
	"MemTotal:        6400 kB\n" \
	"MemFree:         1000 kB\n" \
	"MemAvailable:    9999 kB\n" \
	"Buffers:          200 kB\n" \
	"Cached:          2000 kB\n" \
	"SwapCached:       999 kB\n" \
	"AnonPages:       1500 kB\n" \
	"Hugetlb:          300 kB\n"

TEST(targets)
{
	fake_set("/proc/meminfo", "MemTotal: 864296 kB\nMemFree: 826428 kB\nBuffers: 0 kB\n"
				  "Cached: 0 kB\nAnonPages: 0 kB\n");
	fake_set("/etc/lifeboat.conf",
		 "ext4 " MACHINE_ROOT "\npath /crash\nraw PARTUUID=aabbccdd-0011-4233-8455-"
		 "66778899aabb\nlog_only vfat UUID=1234-ABCD\npath /log\n"
		 "ext4 UUID=c0ffee00-1111-4222-8333-444455556666\nwatchdog off\npstore no\n"
		 "core_collector makedumpfile -d 1,31\n");
	look();
	assert_int_equal(st->config_err.code, 0);
	assert_int_equal(st->n_targets, 4);
	assert_string_equal(st->targets[0].text, "ext4 " MACHINE_ROOT " /crash");
	assert_string_equal(st->targets[0].at, "/");
	/* whose disk is it: the recorded machine's is not here */
	assert_false(st->targets[0].free_known);
	assert_int_equal(st->targets[0].fit, STATUS_FIT_UNKNOWN);
	assert_string_equal(st->targets[1].at, "");
	assert_true(st->targets[1].free_known);
	assert_int_equal(st->targets[1].free, 65536);
	assert_int_equal(st->targets[1].fit, STATUS_FIT_NO); /* of 50 MB */
	assert_string_equal(st->targets[2].at, "/boot/efi");
	assert_true(st->targets[2].log_only);
	assert_string_equal(st->targets[3].at, "");
	assert_non_null(strstr(st->targets[3].why, "not mounted"));
	assert_int_equal(st->level, 1);
	/* one may still have room: no verdict about it */
	for (size_t i = 0; i < st->n_problems; i++)
		assert_null(strstr(st->problems[i], "no target has room"));
	fake_set("/etc/lifeboat.conf",
		 "raw PARTUUID=aabbccdd-0011-4233-8455-66778899aabb\nwatchdog off\npstore no\n");
	start();
	assert_verdict("armed, but no target has room for a dump");
}

/* Something else is mounted over it: what is free there is not the target's. */
TEST(hidden_mount)
{
	fake_append("/proc/self/mountinfo", "90 30 0:50 / /boot/efi rw - tmpfs tmpfs rw\n");
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG "log_only vfat UUID=1234-ABCD\n");
	look();
	assert_int_equal(st->n_targets, 2);
	assert_string_equal(st->targets[1].at, "");
	assert_non_null(strstr(st->targets[1].why, "not mounted"));
}

TEST(need)
{
	static const struct {
		unsigned int level, kib;
	} cases[] = {
		{0, 6500},  {1, 6500}, {2, 6500},  {4, 4300},  {8, 4700},
		{16, 5500}, {6, 4300}, {31, 1500}, {30, 1500},
	};
	static const char *const bad[] = {
		"",
		"MemTotal: x kB\n",
		"MemTotal: 6400\n",
		"MemTotal: 99999999999999999999999 kB\n",
		"MemTotal: 18014398509481983 kB\nMemFree: 1 kB\n",
		"xMemTotal: 6400 kB\n",
		"MemTotal: 6400 kB\nMemFree: 1 kB\nBuffers: 1 kB\nAnonPages: 1 kB\n",
	};
	uint64_t need;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(status_need(MEMINFO, cases[i].level, &need));
		assert_int_equal(need, cases[i].kib * 1024);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(status_need(bad[i], 31, &need));
	/* more is left out than there is: the struct pages remain */
	assert_true(status_need("MemTotal: 6400 kB\nMemFree: 7000 kB\n", 16, &need));
	assert_int_equal(need, 100 * 1024);
}

TEST(fits)
{
	assert_int_equal(status_fits(10 * GIB, 10 * GIB, GIB), STATUS_FIT_YES);
	assert_int_equal(status_fits(10 * GIB - 1, 10 * GIB, GIB), STATUS_FIT_LEANER);
	assert_int_equal(status_fits(GIB, 10 * GIB, GIB), STATUS_FIT_LEANER);
	assert_int_equal(status_fits(GIB - 1, 10 * GIB, GIB), STATUS_FIT_PERHAPS);
	assert_int_equal(status_fits(GIB / 4, 10 * GIB, GIB), STATUS_FIT_PERHAPS);
	assert_int_equal(status_fits(GIB / 4 - 1, 10 * GIB, GIB), STATUS_FIT_NO);
	assert_int_equal(status_fits(0, GIB, GIB), STATUS_FIT_NO);
}

static int teardown(void **state)
{
	status_destroy(st);
	st = NULL;
	return machine_teardown(state);
}

#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, machine_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(not_armed),
		MACHINE_TEST(nothing_can_be_loaded),
		MACHINE_TEST(armed),
		MACHINE_TEST(stale),
		MACHINE_TEST(target_left_out),
		MACHINE_TEST(memory_has_changed),
		MACHINE_TEST(by_somebody_else),
		MACHINE_TEST(problems),
		MACHINE_TEST(other_user),
		MACHINE_TEST(tested),
		MACHINE_TEST(crashed),
		MACHINE_TEST(targets),
		MACHINE_TEST(hidden_mount),
		cmocka_unit_test(need),
		cmocka_unit_test(fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
