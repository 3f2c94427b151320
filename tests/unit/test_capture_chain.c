// SPDX-License-Identifier: GPL-2.0-or-later
/* Captures with more than one target, with programs before and after, and what is done where nothing works. */
#include "tests/unit/capture_world.h"

#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "capture/salvage.h"

/* A chain of two; the first one is what the test makes of it. */
static int make_two(void **state)
{
	int r = make(state);

	if (!r)
		add_target();
	return r;
}

static void check_second_has_all(void)
{
	assert_int_equal(code, 0);
	assert_string_equal(list(FOLDER_2), "SHA256SUMS crash.json dmesg.txt vmcore ");
	assert_string_equal(text_of(FOLDER_2 "/dmesg.txt"), log_text);
	assert_true(is_kdump(FOLDER_2 "/vmcore"));
	assert_string_equal(record_in(FOLDER_2, "capture.result"), "\"complete\"");
	assert_string_equal(record_in(FOLDER_2, "capture.target"), "2");
	assert_string_equal(record_in(FOLDER_2, "capture.targets.1.result"), "\"complete\"");
	assert_string_equal(record_in(FOLDER_2, "capture.device"), "\"/dev/vdb\"");
	check_agreement(FOLDER_2);
	check_phase_of(2, "detach", 0, "");
	assert_null(phase("show log"));
	assert_null(phase("keep log"));
}

/* ---- the next one gets all */

TEST(the_first_that_works_is_the_last)
{
	capture();
	assert_int_equal(code, 0);
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt vmcore ");
	assert_string_equal(record_at("capture.targets.1.result"), "\"not-tried\"");
	assert_string_equal(record_at("capture.targets.1.name"), "null");
	assert_false(exists("mnt2"));
	assert_int_equal(calls->mounts, 1);
	assert_int_equal(calls->umounts, 1);
}

TEST(the_first_is_absent)
{
	remove_device('a');
	recipe.deadline_device = 2;
	capture();
	check_phase_of(1, "find", ERR_TIMEOUT, UUID);
	assert_string_equal(result_of(1), "failed");
	check_second_has_all();
	assert_string_equal(record_in(FOLDER_2, "capture.targets.0.result"), "\"failed\"");
	assert_non_null(strstr(record_in(FOLDER_2, "capture.targets.0.error"), "find: not done"));
	check_said("target 2 of 2: ext4 UUID=2021");
}

TEST(the_first_cannot_be_mounted)
{
	calls->mount_which = '1';
	calls->mount_errno = EUCLEAN;
	capture();
	check_phase_of(1, "attach", ERR_SYSTEM, "Structure needs cleaning");
	assert_null(phase_of(1, "detach"));
	check_second_has_all();
	assert_int_equal(calls->umounts, 1);
}

TEST(the_mount_of_the_first_hangs)
{
	calls->mount_which = '1';
	calls->mount_sleep_ms = 60000;
	recipe.deadline_mount = 2;
	capture();
	assert_true(took_ms >= 2000 && took_ms < 2000 + SLACK_MS);
	check_phase_of(1, "attach", ERR_TIMEOUT, "/dev/vda (UUID=" UUID ") as ext4");
	check_second_has_all();
}

TEST(the_first_is_read_only)
{
	if (!have_disks())
		skip();
	disk_size[0] = "1m";
	disk_read_only[0] = true;
	capture();
	check_phase_of(1, "begin", ERR_SYSTEM, "Read-only file system");
	check_phase_of(1, "detach", 0, "");
	check_second_has_all();
}

/* What there was room for is kept, in case nothing else works. */
TEST(the_first_is_too_small)
{
	if (!have_disks())
		skip();
	disk_size[0] = "1m";
	capture_large();
	check_phase_of(1, "dump", ERR_PARTIAL, "cut off (the size limit)");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	assert_string_equal(record_at("capture.targets.1.result"), "\"not-tried\"");
	check_agreement(FOLDER);
	assert_null(phase_of(1, "retain"));
	check_second_has_all();
	assert_string_equal(record_in(FOLDER_2, "capture.targets.0.result"), "\"partial\"");
}

TEST(the_first_is_full)
{
	if (!have_disks())
		skip();
	disk_size[0] = "4k"; /* a page: its own folders take none of it */
	capture();
	assert_string_equal(result_of(1), "log-only");
	assert_false(rec->targets[0].dump_written);
	check_second_has_all();
}

TEST(a_write_error_in_the_middle_of_the_first)
{
	add_fault(&(struct fault){
		.op = 'w', .file = "/mnt1/", .from = 1 << 20, .what = FAILS, .error = EIO});
	capture_large();
	check_phase_of(1, "dump", ERR_SYSTEM, "Input/output error");
	check_agreement(FOLDER);
	check_second_has_all();
}

TEST(what_the_first_has_cannot_be_read_back)
{
	add_fault(&(struct fault){.op = 'r',
				  .file = "/mnt1/var/crash/" STAMP "/vmcore",
				  .what = FAILS,
				  .error = EIO});
	capture();
	assert_string_equal(result_of(1), "partial");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	check_agreement(FOLDER);
	assert_int_equal(calls->umounts, 2);
	check_second_has_all();
}

TEST(the_dump_of_the_first_stands_still)
{
	recipe.deadline_stall = 2;
	add_fault(&(struct fault){.op = 'w', .file = "/mnt1/", .from = 1 << 20, .what = HANGS});
	capture_large();
	assert_true(took_ms >= 2000 && took_ms < 2000 + SLACK_MS);
	check_phase_of(1, "dump", ERR_TIMEOUT, "no progress for 2000 ms");
	check_agreement(FOLDER);
	check_second_has_all();
}

/* Each of its steps would cost its deadline: after two it is given up, and not even unmounted. */
TEST(everything_on_the_first_hangs)
{
	recipe.deadline_mount = 2;
	add_fault(&(struct fault){.op = 'w', .file = "/mnt1/", .what = HANGS});
	add_fault(&(struct fault){.op = 's', .file = "/mnt1/", .what = HANGS});
	capture();
	/* making its folder durable is the first that hangs */
	check_phase_of(1, "begin", ERR_TIMEOUT, "");
	check_phase_of(1, "detach", 0, "");
	assert_null(phase_of(1, "log"));
	check_second_has_all();
}

TEST(a_target_that_hangs_twice_is_given_up)
{
	recipe.deadline_log = 2;
	add_fault(&(struct fault){.op = 'w', .file = "/mnt1/", .what = HANGS});
	recipe.deadline_total =
		20; /* "note" has no deadline of its own: the whole time, in shares */
	capture();
	check_phase_of(1, "log", ERR_TIMEOUT, "not done after 2000 ms");
	check_phase_of(1, "note", ERR_TIMEOUT, "deadline-total");
	assert_null(phase_of(1, "dump"));
	assert_null(phase_of(1, "record"));
	assert_null(phase_of(1, "detach"));
	check_said("target 1 hangs and is given up");
	check_second_has_all();
}

/*
 * The server of a soft mount that died in the middle gave each step an error, but only after its retransmissions: the steps of
 * the first target took the time of all the others.
 */
TEST(errors_that_take_long_are_a_target_that_hangs)
{
	add_fault(&(struct fault){
		.op = 'w', .file = "/mnt1/", .what = FAILS, .error = EIO, .ms = 5100});
	capture();
	check_phase_of(1, "log", ERR_SYSTEM, "Input/output error");
	check_phase_of(1, "note", ERR_SYSTEM, "Input/output error");
	assert_null(phase_of(1, "dump"));
	assert_null(phase_of(1, "record"));
	check_said("target 1 hangs and is given up");
	check_second_has_all();
}

/* ---- a process that cannot be killed */

/*
 * What a third process traces stays invisible to its parent until that lets go, which looks from outside like
 * one that is stuck in the kernel.
 */
static pid_t *tracer;

static bool get_stuck(const char *target)
{
	pid_t me = getpid(), helper;

	if (target[strlen(target) - 1] != '1')
		return true;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	helper = fork();
	if (helper == 0) {
		setpgid(0, 0);
		*tracer = ptrace(PTRACE_SEIZE, me, NULL, NULL) ? -1 : getpid();
		for (int i = 0; i < 600; i++)
			usleep(100000);
		_exit(0);
	}
	for (;;)
		pause();
}

TEST(a_mount_that_cannot_be_killed_is_left_behind)
{
	tracer = step_shared_alloc(sizeof(*tracer));
	calls->at_mount = get_stuck;
	recipe.deadline_mount = 2;
	capture();
	if (*tracer <= 0)
		skip();
	assert_true(phase_of(1, "attach")->abandoned);
	check_phase_of(1, "attach", ERR_TIMEOUT, "stuck in the kernel, left behind");
	check_said("target 1 hangs and is given up");
	check_second_has_all();
	kill(*tracer, SIGKILL);
	step_shared_free(tracer, sizeof(*tracer));
}

/* ---- time */

/* However long the first one may take by its own deadlines: each has its share of the time until one has the log. */
TEST(the_first_would_take_all_the_time)
{
	remove_device('a');
	recipe.deadline_device = 3600;
	recipe.deadline_total = 6;
	capture();
	check_phase_of(1, "find", ERR_TIMEOUT, "deadline-total: not done after ");
	assert_in_range(took_ms, 2000, 4500 + SLACK_MS);
	assert_true(phase_of(1, "find")->took_ms < 3500);
	check_second_has_all();
}

/* With the log on one of them the dump may take all there is. */
TEST(the_dump_of_the_first_takes_all_the_time)
{
	recipe.deadline_total = 4;
	add_fault(&(struct fault){.op = 'w', .file = "/mnt1/", .from = 1 << 20, .what = HANGS});
	capture_large();
	assert_in_range(took_ms, 3000, 4000 + SLACK_MS);
	check_phase_of(1, "dump", ERR_TIMEOUT, "deadline-total");
	check_phase_of(2, "find", ERR_TIMEOUT, "not tried: deadline-total has passed");
	assert_int_equal(code, ERR_TIMEOUT);
	assert_true(rec->targets[0].log_written);
	check_agreement(FOLDER);
	assert_false(exists("mnt2"));
	assert_null(phase("show log"));
}

/* ---- the log, where there can be no dump */

static void make_log_only(size_t i)
{
	targets[i].log_only = true;
}

TEST(a_target_for_the_log_only)
{
	make_log_only(1);
	remove_device('a');
	recipe.deadline_device = 2;
	capture();
	assert_int_equal(code, ERR_TIMEOUT);
	assert_string_equal(list(FOLDER_2), "SHA256SUMS crash.json dmesg.txt ");
	assert_string_equal(text_of(FOLDER_2 "/dmesg.txt"), log_text);
	assert_string_equal(record_in(FOLDER_2, "capture.result"), "\"log-only\"");
	check_agreement(FOLDER_2);
	assert_null(phase("dump"));
	check_phase_of(2, "detach", 0, "");
	assert_null(phase("show log"));
	assert_null(phase("retain"));
}

/* It is not for the log if another one has it, whatever became of the dump. */
TEST(a_target_for_the_log_only_is_not_needed)
{
	make_log_only(1);
	add_fault(&(struct fault){
		.op = 'w', .file = "/vmcore.incomplete", .what = FAILS, .error = EIO});
	capture();
	assert_string_equal(result_of(1), "log-only");
	assert_string_equal(result_of(2), "not-tried");
	assert_false(exists("mnt2"));
	assert_int_equal(calls->umounts, 1);
}

/* The dump is safe, the log is not: it goes to the other one, and each is unmounted. */
TEST(a_target_for_the_log_that_the_dump_has_not)
{
	make_log_only(1);
	add_fault(&(struct fault){
		.op = 'w', .file = "/mnt1/var/crash/" STAMP "/dmesg", .what = FAILS, .error = EIO});
	capture();
	assert_int_equal(code, 0);
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json vmcore ");
	assert_string_equal(list(FOLDER_2), "SHA256SUMS crash.json dmesg.txt ");
	check_agreement(FOLDER);
	check_agreement(FOLDER_2);
	check_phase_of(1, "detach", 0, "");
	check_phase_of(2, "detach", 0, "");
	assert_string_equal(calls->umounted, "21");
}

/* A recipe that wants no dump is satisfied with the log. */
TEST(only_logs_are_wanted)
{
	make_log_only(0);
	make_log_only(1);
	capture();
	assert_int_equal(code, 0);
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt ");
	check_agreement(FOLDER);
	assert_false(exists("mnt2"));
	assert_int_equal(calls->umounts, 1);
}

static void make_pstore(void)
{
	assert_int_equal(system("mkdir -p sys/module/pstore/parameters "
				"sys/module/printk/parameters"),
			 0);
	write_text("sys/module/pstore/parameters/backend", "efi_pstore\n");
	write_text("sys/module/printk/parameters/always_kmsg_dump", "N");
}

TEST(nothing_works)
{
	make_pstore();
	calls->mount_errno = EIO;
	capture();
	assert_int_equal(code, ERR_SYSTEM);
	check_log_on_console();
	check_phase("keep log", 0, "");
	assert_string_equal(text_of("sys/module/printk/parameters/always_kmsg_dump"), "Y");
	assert_true(rec->pstore);
	check_said("result: failed, log 0 bytes, dump none, in nothing of target 1");
	check_said("result: failed, log 0 bytes, dump none, in nothing of target 2");
}

TEST(nothing_works_and_pstore_is_not_wanted)
{
	make_pstore();
	write_text("dev/pmsg0", "");
	recipe.pstore = false;
	calls->mount_errno = EIO;
	capture();
	check_log_on_console();
	assert_null(phase("keep log"));
	assert_string_equal(text_of("sys/module/printk/parameters/always_kmsg_dump"), "N");
	assert_string_equal(text_of("dev/pmsg0"), "");
}

TEST(the_log_goes_to_pstore_in_any_case)
{
	make_pstore();
	write_text("dev/pmsg0", "");
	capture();
	assert_int_equal(code, 0);
	assert_string_equal(text_of("dev/pmsg0"), log_text);
	assert_string_equal(record_at("capture.pstore"), "true");
	assert_string_equal(text_of("sys/module/printk/parameters/always_kmsg_dump"), "N");
}

/* ---- the budget */

TEST(threads_by_memory)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char want[16];

	write_text("proc/meminfo", "MemTotal: 60000 kB\nMemAvailable:   12288 kB\n");
	capture();
	snprintf(want, sizeof(want), "%d", cpus > 1 ? 2 : 1);
	assert_string_equal(record_at("capture.threads"), want);
	assert_string_equal(record_at("capture.memory_available"), "12582912");
}

/* The page frames of noise are free ones: level 16 leaves them out. */
static void make_free_core(void)
{
	uint8_t count[4];
	int fd;

	make_large_core();
	bytes_put_le32(count, (uint32_t)-129);
	fd = open("core", O_WRONLY | O_CLOEXEC);
	for (uint64_t pfn = 256; pfn < 1024; pfn++)
		assert_int_equal(
			pwrite(fd, count, 4,
			       (off_t)(VMCORE_DATA + VM_MEM_MAP + pfn * VM_PAGE_SIZE + 48)),
			4);
	close(fd);
}

TEST(a_leaner_level_where_there_is_no_room)
{
	if (!have_disks())
		skip();
	recipe.levels[0] = 1;
	disk_size[0] = "1m";
	make_free_core();
	capture_again();
	assert_int_equal(code, 0);
	assert_string_equal(record_at("capture.result"), "\"complete\"");
	assert_string_equal(record_at("dump.level"), "31");
	assert_string_equal(record_at("dump.level_wanted"), "1");
	assert_string_equal(record_at("dump.codec"), "\"lzo\"");
	assert_string_equal(record_at("dump.cut"), "null");
	check_agreement(FOLDER);
	/* where there is room, nothing is left out */
	disk_size[0] = "8m";
	assert_int_equal(umount2("mnt1", MNT_DETACH), 0);
	capture_again();
	assert_string_equal(record_at("dump.level"), "1");
}

/* Digits at random: what looks for repetitions finds none, but each takes half a byte. */
static void make_digits_core(void)
{
	uint8_t *ram = malloc(3 << 20);
	int fd;

	make_large_core();
	assert_non_null(ram);
	vm_noise(ram, 3 << 20);
	for (size_t i = 0; i < 3 << 20; i++)
		ram[i] = (uint8_t)("0123456789abcdef"[ram[i] & 15]);
	fd = open("core", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, ram, 3 << 20, VMCORE_DATA + (1 << 20)), 3 << 20);
	close(fd);
	free(ram);
}

TEST(a_better_codec_where_there_is_no_room)
{
	if (!have_disks())
		skip();
	disk_size[0] = "2400k";
	make_digits_core();
	capture_again();
	assert_int_equal(code, 0);
	assert_string_equal(record_at("dump.codec"), "\"zstd\"");
	assert_string_equal(record_at("capture.result"), "\"complete\"");
	check_agreement(FOLDER);
}

/* A dump that was killed leaves a file; the second one must not do with the room that is left beside it. */
TEST(the_second_chance_has_all_the_room)
{
	if (!have_disks())
		skip();
	disk_size[0] = "5m";
	add_fault(&(struct fault){
		.op = 'w', .file = "/mnt1/", .from = 5 << 19, .what = KILLS, .times = 1});
	capture_large();
	check_phase("dump", ERR_SYSTEM, "killed by signal 9");
	check_phase("dump again", 0, "");
	assert_int_equal(code, 0);
	assert_string_equal(record_at("capture.result"), "\"complete\"");
	check_agreement(FOLDER);
}

/* ---- retention */

static void make_old_crash(const char *name)
{
	char file[128];

	assert_int_equal(system("mkdir -p " CRASHES), 0);
	snprintf(file, sizeof(file), CRASHES "/%s", name);
	assert_int_equal(mkdir(file, 0700), 0);
	snprintf(file, sizeof(file), CRASHES "/%s/crash.json", name);
	write_text(file, "{\"schema\":\"lifeboat-crash-1\"}\n");
}

/* A clock that is ahead, here the crashed kernel's, must not make all others too old. */
TEST(a_wrong_clock_costs_no_crash_its_life)
{
	const char *aged = "2020-09-13T12-26-40Z";

	make_old_crash(aged);
	make_old_crash("2025-09-01T00-00-00Z");
	recipe.keep.age = 50ULL * 365 * 86400;
	core.time = 4102444800; /* 2100 */
	capture();
	assert_int_equal(code, 0);
	assert_string_equal(list(CRASHES),
			    "2020-09-13T12-26-40Z 2025-09-01T00-00-00Z 2100-01-01T00-00-00Z ");
	/* where both clocks agree, age counts */
	assert_int_equal(system("rm -r " CRASHES "/2100*"), 0);
	recipe.keep.age = 3 * 365 * 86400;
	core.time = CRASH_TIME;
	capture();
	assert_string_equal(list(CRASHES), "2025-09-01T00-00-00Z " STAMP " ");
}

#define OLD_1 "2024-01-01T00-00-00Z"
#define OLD_2 "2024-01-02T00-00-00Z"

TEST(old_crashes_go_when_the_new_one_is_safe)
{
	recipe.keep.count = 2;
	make_old_crash(OLD_1);
	make_old_crash(OLD_2);
	capture();
	assert_int_equal(code, 0);
	assert_string_equal(list(CRASHES), OLD_2 " " STAMP " ");
	check_said("of 3 crashes removed: 1 (");
	check_phase("retain", 0, "");
}

TEST(old_crashes_stay_as_long_as_the_new_one_is_not_safe)
{
	recipe.keep.count = 1;
	make_old_crash(OLD_1);
	add_fault(&(struct fault){
		.op = 'w', .file = "/mnt1/", .from = 1 << 20, .what = FAILS, .error = EIO});
	capture_large();
	assert_string_equal(list(CRASHES), OLD_1 " " STAMP " ");
	assert_null(phase_of(1, "retain"));
	/* nor are they touched on a target which does not have the dump */
	check_second_has_all();
	check_phase_of(2, "retain", 0, "");
}

TEST(old_crashes_stay_if_the_new_one_cannot_be_read)
{
	recipe.keep.count = 1;
	make_old_crash(OLD_1);
	add_fault(&(struct fault){.op = 'r',
				  .file = "/mnt1/var/crash/" STAMP "/vmcore",
				  .what = FAILS,
				  .error = EIO});
	capture();
	assert_string_equal(list(CRASHES), OLD_1 " " STAMP " ");
	assert_null(phase_of(1, "retain"));
}

/* ---- programs before and after */

static char program_1[128], program_2[128];
static char *programs_1[] = {program_1, NULL}, *programs_2[] = {program_2, NULL};

static char *write_program(const char *name, const char *script, char ret[128])
{
	char text[512];

	snprintf(ret, 128, "%s/%s", scratch, name);
	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	write_text(name, text);
	assert_int_equal(chmod(name, 0700), 0);
	return ret;
}

static void set_pre(const char *script)
{
	write_program("pre", script, program_1);
	recipe.pre = programs_1;
}

static void set_post(const char *script)
{
	write_program("post", script, program_2);
	recipe.post = programs_2;
}

TEST(programs_that_agree)
{
	set_pre("echo \"pre $# $(ls -d mnt1 2>/dev/null)\" >> said");
	set_post("echo \"post $1 $2 $(ls mnt1/var/crash)\" >> said");
	capture();
	assert_int_equal(code, 0);
	/* before anything is mounted, and as long as it is */
	assert_string_equal(text_of("said"), "pre 0 \npost 0 complete " STAMP "\n");
	check_phase("pre", 0, "");
	check_phase("post", 0, "");
	assert_string_equal(rec->phases[rec->n_phases - 1].name, "detach");
}

/* It did not agree: there is no dump, but the log, and on one target only. */
TEST(a_program_that_does_not_agree)
{
	set_pre("exit 3");
	set_post("echo \"$1 $2\" > said");
	capture();
	assert_int_equal(code, ERR_SYSTEM);
	check_phase("pre", ERR_SYSTEM, "ended with status 3");
	assert_null(phase("dump"));
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt ");
	assert_string_equal(record_at("capture.result"), "\"log-only\"");
	assert_string_equal(text_of("said"), "1 log-only\n");
	assert_false(exists("mnt2"));
	assert_int_equal(calls->umounts, 1);
	check_agreement(FOLDER);
}

TEST(a_program_that_is_not_there)
{
	strcpy(program_1, "/no/such/program");
	recipe.pre = programs_1;
	capture();
	check_phase("pre", ERR_NOT_FOUND, "/no/such/program: start");
	assert_null(phase("dump"));
	assert_true(rec->targets[0].log_written);
}

/* The dump is safe before it begins, and is not less safe behind it. */
TEST(a_program_that_fails_behind_the_dump)
{
	set_post("exit 1");
	capture();
	assert_int_equal(code, 0);
	check_phase("post", ERR_SYSTEM, "ended with status 1");
	check_phase("detach", 0, "");
}

/* Scripts made for kdump.conf(5) test $1 against 0: a word there once made each dump a failure to them. */
TEST(what_programs_are_told)
{
	set_post("echo \"$1 $2\" >> said");
	capture_large();
	add_fault(&(struct fault){.op = 'w',
				  .file = "/vmcore.incomplete",
				  .from = 2 << 20,
				  .what = FAILS,
				  .error = EIO});
	capture_again();
	calls->mount_errno = EIO;
	capture_again();
	assert_string_equal(text_of("said"), "0 complete\n1 partial\n1 failed\n");
}

/* Its children end with it, and do not keep the target from being unmounted. */
TEST(a_program_that_hangs_with_its_children)
{
	struct stat st;
	off_t size;

	recipe.deadline_hook = 1;
	set_pre("(for i in $(seq 300); do echo >> grows; sleep 0.02; done) >&- 2>&- & wait");
	capture();
	assert_true(took_ms >= 1000 && took_ms < 1000 + SLACK_MS);
	check_phase("pre", ERR_TIMEOUT, "not done after 1000 ms");
	assert_null(phase("dump"));
	assert_int_equal(stat("grows", &st), 0);
	size = st.st_size;
	usleep(200000);
	assert_int_equal(stat("grows", &st), 0);
	assert_int_equal(st.st_size, size);
}

TEST(a_program_that_leaves_children)
{
	struct stat st;
	off_t size;

	set_pre("(for i in $(seq 300); do echo >> grows; sleep 0.02; done) >&- 2>&- & sleep 0.2");
	capture();
	assert_int_equal(code, 0);
	check_phase("pre", 0, "");
	assert_int_equal(stat("grows", &st), 0);
	size = st.st_size;
	usleep(200000);
	assert_int_equal(stat("grows", &st), 0);
	assert_int_equal(st.st_size, size);
}

/* It may hang for as long as it likes: what unmounts the target has time of its own. */
TEST(a_program_behind_the_dump_takes_all_the_time)
{
	recipe.deadline_total = 8;
	recipe.deadline_hook = 3600;
	set_post("sleep 60");
	capture();
	assert_int_equal(code, 0);
	assert_in_range(took_ms, 6500, 8000 + SLACK_MS);
	check_phase("post", ERR_TIMEOUT, "deadline-total");
	check_phase("detach", 0, "");
}

/* ---- a watchdog */

TEST(a_watchdog_guards_the_capture)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	char last;

	recipe.watchdog = 30;
	write_text("dev/watchdog0", "");
	set_pre("sleep 0.3"); /* it is known when the record is written */
	capture();
	assert_string_equal(record_at("capture.watchdog"), "\"watchdog0\"");
	check_said("guarded by the watchdog watchdog0");
	usleep(100000);
	assert_int_equal(stat("dev/watchdog0", &st), 0);
	assert_true(st.st_size > 0);
	/* it runs on, so that a restart that hangs is forced */
	fd = open("dev/watchdog0", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, &last, 1, st.st_size - 1), 1);
	assert_int_not_equal(last, 'V');
}

TEST(a_machine_that_is_to_stand_still_has_no_watchdog)
{
	_cleanup_close_ int fd = -1;
	char last = 0;
	struct stat st;

	recipe.watchdog = 30;
	recipe.failure = FINAL_SHELL;
	calls->mount_errno = EIO;
	write_text("dev/watchdog0", "");
	fd = open("dev/watchdog0", O_RDONLY | O_CLOEXEC);
	set_pre("sleep 0.3");
	capture();
	for (int i = 0; i < 200 && last != 'V'; i++) {
		usleep(10000);
		assert_int_equal(fstat(fd, &st), 0);
		assert_true(!st.st_size || pread(fd, &last, 1, st.st_size - 1) == 1);
	}
	assert_int_equal(last, 'V');
}

/* ---- a raw partition */

#define RAW_BYTES (24 << 20)

static char raw_name[] = "/dev/raw";

static void make_raw(size_t i, off_t size)
{
	targets[i] = (struct recipe_target){.kind = TARGET_RAW,
					    .device = raw_name,
					    .fstype = nothing,
					    .mount_options = nothing,
					    .path = nothing,
					    .needs = nothing,
					    .size = (uint64_t)size};
	write_text("dev/raw", "");
	assert_int_equal(truncate("dev/raw", size), 0);
}

struct entries {
	struct crashpart_entry list[8];
	size_t n;
};

static int note_entry(void *ctx, const struct crashpart_entry *entry, struct err *err)
{
	struct entries *e = ctx;

	(void)err;
	assert_true(e->n < ARRAY_SIZE(e->list));
	e->list[e->n++] = *entry;
	return 0;
}

/* The entry becomes a folder like any other. */
static const char *salvage(size_t i, size_t n, enum crashpart_state state)
{
	static char ret[PATH_MAX];
	struct entries e = {.n = 0};
	struct stat st;
	char *folder;
	uint64_t end;
	bool dump;
	int fd = open("dev/raw", O_RDWR | O_CLOEXEC);

	assert_int_equal(fstat(fd, &st), 0);
	assert_ok(crashpart_walk(fd, (uint64_t)st.st_size, "raw", note_entry, &e, &end, err));
	assert_int_equal(e.n, n);
	assert_int_equal(e.list[i].state, state);
	assert_ok(salvage_copy(fd, &e.list[i], "raw", "collected", &folder, &dump, err));
	assert_int_equal(dump, is_in(folder, "vmcore"));
	close(fd);
	strcpy(ret, folder);
	free(folder);
	return ret;
}

TEST(a_raw_partition_from_end_to_end)
{
	const char *folder;
	struct stat st;

	make_raw(0, RAW_BYTES);
	capture_large();
	assert_int_equal(code, 0);
	assert_int_equal(calls->mounts, 0);
	assert_string_equal(result_of(1), "complete");
	capture_again();
	assert_int_equal(code, 0);
	for (size_t i = 0; i < 2; i++) {
		char dump[PATH_MAX], log[PATH_MAX];

		folder = salvage(i, 2, CRASHPART_WHOLE);
		assert_string_equal(list(folder), "SHA256SUMS crash.json dmesg.txt vmcore ");
		check_agreement(folder);
		assert_string_equal(record_in(folder, "capture.result"), "\"complete\"");
		assert_string_equal(record_in(folder, "capture.device"), "\"/dev/raw\"");
		assert_string_equal(record_in(folder, "capture.targets.0.name"),
				    i ? "\"entry 2\"" : "\"entry 1\"");
		snprintf(log, sizeof(log), "%.4000s/dmesg.txt", folder);
		assert_string_equal(text_of(log), log_text);
		snprintf(dump, sizeof(dump), "%.4000s/vmcore", folder);
		assert_true(is_kdump(dump));
		assert_int_equal(stat(dump, &st), 0);
		assert_true(st.st_size > 3 << 20);
	}
}

/* The log is there, and a part of the dump; the next one has it all. */
TEST(a_raw_partition_that_fails)
{
	const char *folder;

	make_raw(0, RAW_BYTES);
	add_fault(&(struct fault){.op = 'w',
				  .file = "/dev/raw",
				  .from = 8 << 20,
				  .what = FAILS,
				  .error = EIO,
				  .times = 2});
	capture_large();
	check_phase_of(1, "dump", ERR_SYSTEM, "Input/output error");
	check_second_has_all();
	folder = salvage(0, 1, CRASHPART_PARTIAL);
	assert_string_equal(list(folder), "SHA256SUMS crash.json dmesg.txt vmcore.incomplete ");
	assert_string_equal(record_in(folder, "capture.result"), "\"partial\"");
	check_agreement(folder);
}

/* Whichever write of the entry's header fails: it never says that there is what is not there. */
TEST(a_raw_partition_whose_headers_fail)
{
	bool unsealed = false;

	for (unsigned int i = 0; i < 12; i++) {
		make_raw(0, RAW_BYTES);
		memset(faults, 0, sizeof(*faults) * FAULTS);
		add_fault(&(struct fault){.op = 'w',
					  .file = "/dev/raw",
					  .to = 4096,
					  .skip = i,
					  .times = 1,
					  .what = FAILS,
					  .error = EIO});
		capture();
		assert_int_equal(code, 0);
		if (phase_of(1, "seal") && phase_of(1, "seal")->err.code) {
			unsealed = true;
			assert_string_equal(result_of(1), "log-only");
			check_second_has_all();
		}
		if (!rec->targets[0].dump_written)
			assert_true(rec->targets[1].dump_written);
		else if (phase_of(1, "record")->err.code)
			assert_string_equal(record_in(salvage(0, 1, CRASHPART_WHOLE), "dump.file"),
					    "null");        /* it is the one from before the dump */
		else if (phase_of(1, "manifest")->err.code) /* nobody vouches for it */
			assert_true(is_in(salvage(0, 1, CRASHPART_WHOLE), "vmcore.incomplete"));
		else if (strcmp(result_of(1), "complete") == 0)
			check_agreement(salvage(0, 1, CRASHPART_WHOLE));
		assert_int_equal(system("rm -rf collected mnt2 dev/raw"), 0);
	}
	assert_true(unsealed);
}

/* However full it is, what was there before stays. */
TEST(a_raw_partition_that_is_full)
{
	static char before[RAW_BYTES], after[RAW_BYTES];
	struct entries e = {.n = 0};
	size_t whole = 0;
	uint64_t end;
	int fd;

	make_raw(0, RAW_BYTES);
	fd = open("dev/raw", O_RDONLY | O_CLOEXEC);
	make_large_core();
	do {
		assert_int_equal(pread(fd, before, RAW_BYTES, 0), RAW_BYTES);
		capture_again();
		assert_int_equal(code, 0);
		whole += strcmp(result_of(1), "complete") == 0;
	} while (strcmp(result_of(1), "complete") == 0);
	assert_true(whole >= 2);
	check_second_has_all();
	assert_ok(crashpart_walk(fd, RAW_BYTES, "raw", note_entry, &e, &end, err));
	assert_true(e.n >= whole);
	for (size_t i = 0; i < e.n; i++)
		assert_int_equal(e.list[i].state == CRASHPART_WHOLE, i < whole);
	assert_int_equal(pread(fd, after, RAW_BYTES, 0), RAW_BYTES);
	assert_memory_equal(before, after, e.list[whole - 1].end);
	close(fd);
}

TEST(a_raw_partition_of_another_size)
{
	make_raw(0, RAW_BYTES);
	assert_int_equal(truncate("dev/raw", RAW_BYTES / 2), 0);
	capture();
	check_phase_of(1, "attach", ERR_USAGE, "when the recipe was made");
	check_second_has_all();
}

/* What is there belongs to somebody. */
TEST(a_raw_partition_with_a_file_system)
{
	make_raw(0, RAW_BYTES);
	write_disk("dev/raw", 0x77);
	assert_int_equal(truncate("dev/raw", RAW_BYTES), 0);
	capture();
	check_phase_of(1, "attach", ERR_USAGE, "holds ext4");
	check_second_has_all();
}

/* ---- the shell */

TEST(a_shell)
{
	char shell[128];

	env.shell = write_program("shell", "echo here >> said", shell);
	finish_shell(&env);
	assert_string_equal(text_of("said"), "here\n");
	check_said("a shell for at most 60 minutes");
	assert_int_equal(calls->reboots, 0); /* the final action is the caller's */
}

TEST(no_shell)
{
	finish_shell(&env);
	check_said("shell: no-shell: start: No such file");
}

#define T(test)     cmocka_unit_test_setup_teardown(test, make_two, drop)
#define DISKS(test) cmocka_unit_test_setup_teardown(test, make_two, drop_disks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_that_works_is_the_last),
		T(the_first_is_absent),
		T(the_first_cannot_be_mounted),
		T(the_mount_of_the_first_hangs),
		T(a_write_error_in_the_middle_of_the_first),
		T(what_the_first_has_cannot_be_read_back),
		T(the_dump_of_the_first_stands_still),
		T(everything_on_the_first_hangs),
		T(a_target_that_hangs_twice_is_given_up),
		T(errors_that_take_long_are_a_target_that_hangs),
		T(a_mount_that_cannot_be_killed_is_left_behind),
		T(the_first_would_take_all_the_time),
		T(the_dump_of_the_first_takes_all_the_time),
		T(a_target_for_the_log_only),
		T(a_target_for_the_log_only_is_not_needed),
		T(a_target_for_the_log_that_the_dump_has_not),
		T(only_logs_are_wanted),
		T(nothing_works),
		T(nothing_works_and_pstore_is_not_wanted),
		T(the_log_goes_to_pstore_in_any_case),
		T(threads_by_memory),
		T(old_crashes_go_when_the_new_one_is_safe),
		T(old_crashes_stay_as_long_as_the_new_one_is_not_safe),
		T(old_crashes_stay_if_the_new_one_cannot_be_read),
		T(a_wrong_clock_costs_no_crash_its_life),
		T(programs_that_agree),
		T(a_program_that_does_not_agree),
		T(a_program_that_is_not_there),
		T(a_program_that_fails_behind_the_dump),
		T(what_programs_are_told),
		T(a_program_that_hangs_with_its_children),
		T(a_program_that_leaves_children),
		T(a_program_behind_the_dump_takes_all_the_time),
		T(a_watchdog_guards_the_capture),
		T(a_machine_that_is_to_stand_still_has_no_watchdog),
		T(a_raw_partition_from_end_to_end),
		T(a_raw_partition_that_fails),
		T(a_raw_partition_whose_headers_fail),
		T(a_raw_partition_that_is_full),
		T(a_raw_partition_of_another_size),
		T(a_raw_partition_with_a_file_system),
		T(a_shell),
		T(no_shell),
		/* last, because this process then has file systems of its own */
		DISKS(the_first_is_read_only),
		DISKS(the_first_is_too_small),
		DISKS(the_first_is_full),
		DISKS(a_leaner_level_where_there_is_no_room),
		DISKS(a_better_codec_where_there_is_no_room),
		DISKS(the_second_chance_has_all_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
