// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole captures to one target: what they write, in what order, and what they make of bad input. */
#include "tests/unit/capture_world.h"

#include <linux/reboot.h>
#include <sys/statvfs.h>

#include "format/kdump.h"

/* ---- success */

/* Where in the text the first one is, which must be there. */
static const char *place_of(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	if (!at)
		fail_msg("\"%s\" is not in:\n%s", what, text);
	return at;
}

TEST(a_capture_that_is_complete)
{
	static const char *const phases[] = {"examine", "console",  "modules", "pstore", "find",
					     "attach",  "begin",    "log",     "note",   "dump",
					     "record",  "manifest", "seal",    "retain", "detach"};
	char source[128];

	capture();
	assert_int_equal(code, 0);
	assert_string_equal(list(CRASHES), STAMP " ");
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt vmcore ");
	assert_int_equal(mode_of(FOLDER), 0700);
	assert_int_equal(mode_of(FOLDER "/crash.json"), 0600);
	assert_int_equal(mode_of(FOLDER "/dmesg.txt"), 0600);
	assert_int_equal(mode_of(FOLDER "/vmcore"), 0600);
	assert_int_equal(mode_of(FOLDER "/SHA256SUMS"), 0600);
	assert_string_equal(text_of(FOLDER "/dmesg.txt"), log_text);
	assert_true(is_kdump(FOLDER "/vmcore"));
	check_agreement(FOLDER);

	assert_int_equal(rec->n_phases, ARRAY_SIZE(phases));
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		assert_string_equal(rec->phases[i].name, phases[i]);
		assert_int_equal(rec->phases[i].outcome.err.code, 0);
		assert_int_equal(rec->phases[i].target, i < 4 ? -1 : 0);
	}
	snprintf(source, sizeof(source), "%s/dev/vda", scratch);
	assert_string_equal(calls->mount_source, source);
	assert_int_equal(calls->mounts, 1);
	assert_int_equal(calls->umounts, 1);
	check_said("result: complete");
	assert_null(strstr(text_of("console"), "FAILED"));
}

/* Before anything is touched that may hang: modules, storage, targets. */
TEST(the_log_is_on_the_console_first)
{
	const char *text;

	capture();
	text = text_of("console");
	assert_true(place_of(text, "| [    4.000000] ---[ end") < place_of(text, "modules done"));
	assert_null(strstr(place_of(text, "modules done"), "| ["));
	recipe.console_lines = 2;
	assert_int_equal(ftruncate(console.fd, 0), 0);
	capture_again();
	check_said("| [    3.000000] Kernel panic");
	assert_null(strstr(text_of("console"), "| [    2.000000]"));
	recipe.console_lines = 0;
	assert_int_equal(ftruncate(console.fd, 0), 0);
	capture_again();
	assert_null(strstr(text_of("console"), "| ["));
	assert_null(phase("console"));
}

TEST(what_the_record_of_it_says)
{
	struct stat st;
	char size[32];

	capture();
	assert_string_equal(record_at("capture.result"), "\"complete\"");
	assert_string_equal(record_at("kernel.release"), "\"" VMCORE_RELEASE "\"");
	assert_string_equal(record_at("kernel.node"), "\"node.example\"");
	assert_string_equal(record_at("crash.time"), "\"2025-10-09T08:53:20Z\"");
	assert_string_equal(record_at("crash.panic"),
			    "\"Kernel panic - not syncing: sysrq triggered crash\"");
	assert_string_equal(record_at("crash.memory_bytes"), "2097152");
	assert_string_equal(record_at("log.file"), "\"dmesg.txt\"");
	snprintf(size, sizeof(size), "%zu", strlen(log_text));
	assert_string_equal(record_at("log.bytes"), size);
	assert_string_equal(record_at("dump.file"), "\"vmcore\"");
	assert_int_equal(stat(FOLDER "/vmcore", &st), 0);
	snprintf(size, sizeof(size), "%lld", (long long)st.st_size);
	assert_string_equal(record_at("dump.bytes"), size);
	assert_string_equal(record_at("dump.pages"), "512");
	assert_string_equal(record_at("dump.pages_lost"), "0");
	assert_string_equal(record_at("capture.device"), "\"/dev/vda\"");
	assert_string_equal(record_at("capture.phases.9.name"), "\"dump\"");
	assert_string_equal(record_at("capture.phases.9.result"), "\"ok\"");
	assert_string_equal(record_at("capture.phases.9.target"), "1");
	assert_string_equal(record_at("capture.phases.10"), "absent");
	assert_string_equal(record_at("capture.target"), "1");
	assert_string_equal(record_at("capture.targets.0.name"), "\"" STAMP "\"");
	assert_string_equal(record_at("dump.level"), "31");
	assert_string_equal(record_at("dump.codec"), "\"lzo\"");
	assert_string_equal(record_at("dump.cut"), "null");
}

/* What memory a capture takes is known of that kernel only. */
TEST(which_kernel_captured)
{
	mkdir("proc", 0755);
	mkdir("proc/sys", 0755);
	mkdir("proc/sys/kernel", 0755);
	write_text("proc/sys/kernel/osrelease", "6.1.9-test\n");
	capture();
	assert_string_equal(record_at("capture.kernel"), "\"6.1.9-test\"");
}

/* Longer than what the formatter hands over at once. */
TEST(a_long_log)
{
	static const char *lines[11];
	static char line[300];
	const size_t len = 15 + 4 * (sizeof(line) - 1) + 1; /* each byte becomes \x01 */
	const char *text;

	memset(line, '\001', sizeof(line) - 1);
	for (size_t i = 0; i < 10; i++)
		lines[i] = line;
	core.lines = lines;
	capture();
	assert_int_equal(code, 0);
	text = text_of(FOLDER "/dmesg.txt");
	assert_int_equal(strlen(text), 10 * len);
	assert_int_equal(rec->targets[0].log_bytes, 10 * len);
	for (size_t i = 0; i < 10; i++)
		assert_memory_equal(text + i * len + 6, ".000000] \\x01\\x01", 17);
}

/* An independent reader of JSON agrees. */
TEST(python_reads_the_record)
{
	if (access("/usr/bin/python3", X_OK))
		skip();
	capture();
	assert_int_equal(system("/usr/bin/python3 -m json.tool " FOLDER "/crash.json > /dev/null"),
			 0);
}

TEST(crashes_in_one_second_have_a_folder_each)
{
	capture();
	capture_again();
	assert_int_equal(code, 0);
	assert_string_equal(list(CRASHES), STAMP " " STAMP "-2 ");
	assert_string_equal(list(FOLDER "-2"), "SHA256SUMS crash.json dmesg.txt vmcore ");
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt vmcore ");
	check_agreement(FOLDER);
	check_agreement(FOLDER "-2");
}

/* What is not needed for log and dump may fail without making the capture a failure. */
TEST(modules_that_fail_do_not_matter_if_the_target_is_there)
{
	write_text("modules", "no-such.ko\n");
	capture();
	assert_int_equal(code, 0);
	check_phase("modules", ERR_NOT_FOUND, "no-such.ko");
	assert_string_equal(record_at("capture.result"), "\"complete\"");
	assert_string_equal(record_at("capture.phases.2.name"), "\"modules\"");
	assert_string_equal(record_at("capture.phases.2.result"), "\"failed\"");
	check_said("modules FAILED");
}

TEST(modules_are_loaded_first)
{
	write_text("one.ko", "one");
	write_text("two.ko", "two");
	write_text("modules", "two.ko\none.ko\n");
	calls->bad_module = "two";
	calls->module_errno = EEXIST;
	capture();
	assert_int_equal(code, 0);
	check_phase("modules", 0, "");
	assert_string_equal(calls->modules, "twoone");
}

TEST(a_failed_unmount_loses_nothing)
{
	calls->umount_errno = EBUSY;
	capture();
	assert_int_equal(code, 0);
	check_phase("detach", ERR_SYSTEM, "busy");
	check_said("detach FAILED");
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt vmcore ");
}

/* ---- the target cannot be reached */

TEST(no_device)
{
	remove_device('a');
	recipe.deadline_device = 1;
	capture();
	assert_int_equal(code, ERR_TIMEOUT);
	assert_true(took_ms >= 1000 && took_ms < 1000 + SLACK_MS);
	check_said("UUID=" UUID);
	check_phase("find", ERR_TIMEOUT, "not done after 1000 ms");
	check_log_on_console();
	assert_false(exists("mnt1"));
	assert_null(phase("attach"));
	assert_null(phase("detach"));
}

/* The whole time is shorter than the step's, and still leaves some for the log on the console. */
TEST(no_device_and_little_time)
{
	remove_device('a');
	recipe.deadline_total = 8; /* a quarter of it for the end: enough for a busy test machine */
	capture();
	assert_true(took_ms >= 6000 && took_ms < 8000 + SLACK_MS);
	check_phase("find", ERR_TIMEOUT, "deadline-total: not done after ");
	check_log_on_console();
}

TEST(no_mount)
{
	calls->mount_errno = ENODEV;
	capture();
	assert_int_equal(code, ERR_SYSTEM);
	assert_non_null(strstr(result.msg, "/dev/vda (UUID=" UUID ") as ext4: No such device"));
	assert_ptr_equal(strstr(result.msg, "attach: mount /"), result.msg);
	check_log_on_console();
	assert_null(phase("begin"));
	assert_int_equal(calls->umounts, 0);
}

TEST(a_mount_that_hangs)
{
	calls->mount_sleep_ms = 60000;
	recipe.deadline_mount = 1;
	capture();
	assert_true(took_ms >= 1000 && took_ms < 1000 + SLACK_MS);
	check_phase("attach", ERR_TIMEOUT, "/dev/vda (UUID=" UUID ") as ext4");
	check_log_on_console();
	assert_int_equal(calls->umounts, 0);
}

/* It was mounted, so it is unmounted. */
TEST(a_folder_that_cannot_be_made)
{
	assert_int_equal(mkdir("mnt1", 0755), 0);
	write_text("mnt1/var", "a file");
	capture();
	assert_int_equal(code, ERR_SYSTEM);
	check_phase("begin", ERR_SYSTEM, "mnt1/var/crash: create: Not a directory");
	check_log_on_console();
	check_said("in nothing of target 1");
	assert_int_equal(calls->umounts, 1);
	assert_string_equal(text_of("mnt1/var"), "a file");
}

/* ---- the vmcore is bad: all that can be said of it lands in the record */

static void check_bad_core(int want, const char *part)
{
	capture_again();
	assert_int_equal(code, want);
	check_phase("examine", want, part);
	check_phase("log", want, part);
	check_phase("dump", want, part);
	check_said(part);
	check_said("result: failed");
	assert_string_equal(record_result_name(record_best(rec)), "failed");
	assert_int_equal(calls->umounts, 1);
	/* the crash's time is unknown: the folder has another name */
	assert_int_equal(chdir(rec->targets[0].place.folder), 0);
	assert_string_equal(list("."), "SHA256SUMS crash.json ");
	assert_true(json_valid(text_of("crash.json")));
	assert_string_equal(json_at(text_of("crash.json"), "capture.result"), "\"failed\"");
	assert_string_equal(json_at(text_of("crash.json"), "kernel.release"), "null");
	assert_string_equal(json_at(text_of("crash.json"), "dump.file"), "null");
	check_agreement(".");
	assert_int_equal(chdir(scratch), 0);
}

/* Nothing can be told apart then, and nobody knows where the log is; it was once a reason for no dump at all. */
TEST(no_vmcoreinfo)
{
	const char *part = "core has no VMCOREINFO note";

	core.no_vmcoreinfo = true;
	vmcore_write(&core, "core");
	capture_again();
	assert_int_equal(code, 0);
	check_phase("examine", ERR_NOT_FOUND, part);
	check_phase("log", ERR_NOT_FOUND, part);
	check_phase("dump", 0, "");
	assert_int_equal(chdir(rec->targets[0].place.folder), 0);
	assert_string_equal(list("."), "SHA256SUMS crash.json vmcore ");
	assert_true(is_kdump("vmcore"));
	assert_string_equal(json_at(text_of("crash.json"), "capture.result"), "\"partial\"");
	assert_string_equal(json_at(text_of("crash.json"), "kernel.release"), "null");
	assert_non_null(strstr(json_at(text_of("crash.json"), "dump.unfiltered"), part));
	assert_string_equal(json_at(text_of("crash.json"), "dump.pages"), "512");
	assert_string_equal(json_at(text_of("crash.json"), "dump.pages_left_out"), "0");
	check_agreement(".");
	assert_int_equal(chdir(scratch), 0);
}

TEST(an_empty_vmcore)
{
	write_text("core", "");
	check_bad_core(ERR_CORRUPT, "core: the file is empty");
}

TEST(no_vmcore)
{
	check_bad_core(ERR_NOT_FOUND, "core: open: No such file");
}

TEST(a_vmcore_cut_in_its_headers)
{
	vmcore_write(&core, "core");
	assert_int_equal(truncate("core", 100), 0);
	check_bad_core(ERR_CORRUPT, "program headers");
}

TEST(a_vmcore_cut_in_its_notes)
{
	vmcore_write(&core, "core");
	assert_int_equal(truncate("core", 0x240), 0);
	check_bad_core(ERR_CORRUPT, "core: ");
}

TEST(a_vmcore_cut_in_its_memory)
{
	vmcore_write(&core, "core");
	assert_int_equal(truncate("core", VMCORE_DATA + (1 << 20)), 0);
	check_bad_core(ERR_CORRUPT, "the file was cut");
}

/* ---- the log is bad */

TEST(no_log_ring)
{
	core.no_log_ring = true;
	capture();
	assert_int_equal(code, 0); /* the dump is safe */
	check_phase("log", ERR_UNSUPPORTED, "SYMBOL(prb)");
	check_phase("show log", ERR_UNSUPPORTED, "SYMBOL(prb)");
	check_phase("dump", 0, "");
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json vmcore ");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	assert_string_equal(record_at("kernel.release"), "\"" VMCORE_RELEASE "\"");
	assert_string_equal(record_at("log.file"), "null");
	check_said("result: partial");
}

/* An empty dmesg.txt was once a success, and the capture "complete". */
TEST(a_log_of_which_nothing_is_readable)
{
	core.unreadable_log = true;
	capture();
	assert_int_equal(code, 0);
	check_phase("log", ERR_CORRUPT, "no record is readable, 4 are damaged");
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json vmcore ");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	assert_string_equal(record_at("log.file"), "null");
}

/* ---- the dump is bad */

/* One damaged pointer used to cost the whole dump: now every page is kept. */
TEST(a_corrupt_section_table)
{
	core.bad_mem_section = true;
	capture();
	assert_int_equal(code, 0);
	assert_string_equal(text_of(FOLDER "/dmesg.txt"), log_text);
	assert_true(exists(FOLDER "/vmcore"));
	assert_string_equal(record_at("capture.result"), "\"complete\"");
	assert_non_null(
		strstr(record_at("dump.unfiltered"), "mem_section root 0 is 0xffffffffc0000000"));
	assert_string_equal(record_at("dump.pages_left_out"), "0");
}

TEST(memory_that_the_vmcore_does_not_have)
{
	core.lost_page = true;
	capture();
	assert_int_equal(code, 0);
	assert_string_equal(record_at("dump.pages"), "511");
	assert_string_equal(record_at("capture.result"), "\"complete\"");
}

/* ---- something happens in the middle of the dump */

/* An incomplete dump that is kept is one that a reader can begin with: here, it reads the log. */
static int ignore_record(void *ctx, const struct printk_record *record, struct err *err)
{
	(void)ctx;
	(void)record;
	(void)err;
	return 0;
}

static void check_useful(const char *file)
{
	struct printk_stats stats;
	struct source *src;
	struct image *img;

	assert_true(is_kdump(file));
	assert_ok(source_open_as(&kdump_source, file, &src, err));
	assert_true(src->incomplete);
	assert_ok(image_create(src, &img, err));
	assert_ok(printk_walk(img, ignore_record, NULL, &stats, err));
	assert_int_equal(stats.records, 4);
	image_destroy(img);
	source_destroy(src);
}

/* What a process left that was killed: of use, but nobody has counted it. */
static void check_rest(void)
{
	assert_string_equal(text_of(FOLDER "/dmesg.txt"), log_text);
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt vmcore.incomplete ");
	check_useful(FOLDER "/vmcore.incomplete");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	assert_string_equal(record_at("dump.file"), "\"vmcore.incomplete\"");
	assert_string_equal(record_at("dump.cut"), "\"a failure\"");
	assert_string_equal(record_at("dump.bytes"), "absent");
	assert_string_equal(record_at("capture.phases.9.name"), "\"dump\"");
	assert_int_equal(calls->umounts, 1);
	check_said("result: partial");
	check_agreement(FOLDER);
}

/* Nothing of it was of use: it is gone. */
static void check_no_rest(void)
{
	assert_string_equal(text_of(FOLDER "/dmesg.txt"), log_text);
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt ");
	assert_string_equal(record_at("capture.result"), "\"log-only\"");
	assert_string_equal(record_at("dump.file"), "null");
	assert_string_equal(record_at("dump.bytes"), "absent");
	assert_string_equal(record_at("capture.phases.9.name"), "\"dump\"");
	assert_int_equal(calls->umounts, 1);
	check_said("result: log-only");
	check_agreement(FOLDER);
}

/* Far enough that the log, page tables and static data are in the file, or not. */
#define LATE  (2 << 20)
#define EARLY (64 << 10)

static void fault_in_dump(uint64_t from, enum sickness what, unsigned int times)
{
	add_fault(&(struct fault){.op = 'w',
				  .file = "/vmcore.incomplete",
				  .from = from,
				  .what = what,
				  .error = EIO,
				  .times = times});
	capture_large();
}

TEST(a_write_error_in_the_middle)
{
	fault_in_dump(LATE, FAILS, 0);
	assert_int_equal(code, ERR_SYSTEM);
	check_phase("dump", ERR_SYSTEM, "vmcore.incomplete: write of");
	check_phase("dump", ERR_SYSTEM, "Input/output error");
	check_rest();
}

TEST(a_write_error_in_the_beginning)
{
	fault_in_dump(EARLY, FAILS, 0);
	assert_int_equal(code, ERR_SYSTEM);
	check_phase("dump", ERR_SYSTEM, "Input/output error");
	check_no_rest();
}

/*
 * An error of the target once looked like a damaged mem_map where its code was the same: then every page was
 * written to it, if it was able to.
 */
TEST(a_write_error_is_no_damaged_mem_map)
{
	faults[0] = (struct fault){.op = 'w',
				   .file = "/vmcore.incomplete",
				   .from = LATE,
				   .what = FAILS,
				   .error = ENOENT,
				   .times = 2};
	capture_large();
	check_phase("dump", ERR_NOT_FOUND, "vmcore.incomplete: write of");
	assert_string_equal(record_at("dump.unfiltered"), "null");
	check_rest();
}

TEST(a_kill_in_the_middle)
{
	fault_in_dump(LATE, KILLS, 0);
	assert_int_equal(code, ERR_SYSTEM);
	check_phase("dump", ERR_SYSTEM, "killed by signal 9");
	check_phase("dump again", ERR_SYSTEM, "killed by signal 9");
	check_phase("keep dump", 0, "");
	check_rest();
	assert_string_equal(record_at("capture.phases.9.result"), "\"failed\"");
}

TEST(a_kill_in_the_beginning)
{
	fault_in_dump(EARLY, KILLS, 0);
	check_phase("dump", ERR_SYSTEM, "killed by signal 9");
	check_phase("dump again", ERR_SYSTEM, "killed by signal 9");
	check_no_rest();
}

/* Memory has run out: once more, with less. */
TEST(a_second_chance)
{
	recipe.codec = CODEC_ZSTD;
	recipe.threads = 2;
	fault_in_dump(LATE, KILLS, 1);
	assert_int_equal(code, 0);
	check_phase("dump", ERR_SYSTEM, "killed by signal 9");
	check_phase("dump again", 0, "");
	assert_null(phase("keep dump"));
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt vmcore ");
	assert_string_equal(record_at("capture.result"), "\"complete\"");
	assert_string_equal(record_at("dump.codec"), "\"lzo\"");
	assert_string_equal(record_at("dump.cut"), "null");
	assert_string_equal(record_at("capture.threads"), "1");
	assert_string_equal(record_at("dump.unfiltered"), "null");
	check_agreement(FOLDER);
}

/* Whatever it was that the program fell over, most of what it reads are struct pages. */
TEST(a_second_chance_after_a_crash_of_ours)
{
	fault_in_dump(LATE, ABORTS, 1);
	assert_int_equal(code, 0);
	check_phase("dump", ERR_SYSTEM, "killed by signal 6");
	check_phase("dump again", 0, "");
	assert_string_equal(record_at("capture.result"), "\"complete\"");
	assert_string_equal(record_at("dump.unfiltered"), "\"telling the pages apart crashed\"");
	assert_string_equal(record_at("dump.pages_left_out"), "0");
	check_agreement(FOLDER);
}

TEST(a_target_that_hangs_in_the_middle)
{
	recipe.deadline_dump = 1;
	fault_in_dump(LATE, HANGS, 0);
	assert_int_equal(code, ERR_TIMEOUT);
	assert_true(took_ms >= 1000 && took_ms < 1000 + SLACK_MS);
	check_phase("dump", ERR_TIMEOUT, "not done after 1000 ms");
	assert_null(phase("dump again"));
	check_rest();
	assert_string_equal(record_at("capture.phases.9.result"), "\"timeout\"");
}

/* It may have an hour, but not for standing still. */
TEST(a_target_that_hangs_is_given_up_early)
{
	recipe.deadline_dump = 3600;
	recipe.deadline_total = 4000;
	recipe.deadline_stall = 1;
	fault_in_dump(LATE, HANGS, 0);
	assert_int_equal(code, ERR_TIMEOUT);
	assert_true(took_ms >= 1000 && took_ms < 1000 + SLACK_MS);
	check_phase("dump", ERR_TIMEOUT, "no progress for 1000 ms");
	assert_null(phase("dump again"));
	check_rest();
}

/* The whole time is over in the middle of the dump: the record must not go on saying "in-progress". */
TEST(the_whole_time_is_over_in_the_middle)
{
	recipe.deadline_total = 6;
	fault_in_dump(LATE, HANGS, 0);
	assert_int_equal(code, ERR_TIMEOUT);
	assert_true(took_ms >= 4500 && took_ms < 6000 + SLACK_MS);
	check_phase("dump", ERR_TIMEOUT, "deadline-total: not done after ");
	check_phase("keep dump", 0, "");
	check_phase("record", 0, "");
	check_phase("manifest", ERR_TIMEOUT, "not tried: deadline-total has passed");
	check_phase("detach", 0, "");
	assert_string_equal(list(FOLDER), "crash.json dmesg.txt vmcore.incomplete ");
	check_useful(FOLDER "/vmcore.incomplete");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	check_agreement(FOLDER);
}

/* The largest file that a file system takes (FAT: 4 GiB) is a limit like any other: a leaner dump, then a part of it. */
TEST(a_file_that_becomes_too_large)
{
	struct rlimit limit, before;

	make_large_core();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){LATE, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_IGN);
	capture_again();
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(code, ERR_PARTIAL);
	check_phase("dump", ERR_PARTIAL, "cut off (no more room)");
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt vmcore.incomplete ");
	check_useful(FOLDER "/vmcore.incomplete");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	assert_string_equal(record_at("dump.cut"), "\"no more room\"");
	assert_string_equal(record_at("dump.codec"), "\"zstd\"");
	check_agreement(FOLDER);
}

/* A log that cannot be made durable is no log, but stays as far as it came. */
TEST(a_log_that_cannot_be_synced)
{
	add_fault(&(struct fault){
		.op = 's', .file = "/dmesg.txt.incomplete", .what = FAILS, .error = ENOSPC});
	capture();
	check_phase("log", ERR_NO_SPACE, "dmesg.txt.incomplete: fsync: No space left");
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt.incomplete vmcore ");
	assert_string_equal(text_of(FOLDER "/dmesg.txt.incomplete"), log_text);
	assert_string_equal(record_at("log.file"), "null");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	check_phase("show log", 0, "");
	/* the dump is safe, nevertheless */
	assert_int_equal(code, 0);
	check_agreement(FOLDER);
}

/* What cannot be read back is not safe, and its record does not say that it is. */
TEST(a_dump_that_cannot_be_read_back)
{
	add_fault(&(struct fault){.op = 'r', .file = "/vmcore", .what = FAILS, .error = EIO});
	capture();
	assert_int_equal(code, ERR_SYSTEM);
	check_phase("manifest", ERR_SYSTEM, "vmcore: read of");
	check_phase("record again", 0, "");
	assert_string_equal(list(FOLDER), "crash.json dmesg.txt vmcore ");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	assert_non_null(strstr(record_at("capture.targets.0.error"), "manifest: vmcore: read"));
	assert_null(phase("retain"));
	check_agreement(FOLDER);
}

/* A clock that ran ahead when the kernel crashed does not make all older crashes too old. */
TEST(a_crash_in_the_far_future_costs_no_other)
{
	static const char old[] = CRASHES "/2025-10-01T00-00-00Z";

	assert_int_equal(mkdir("mnt1", 0755) | mkdir("mnt1/var", 0755) | mkdir(CRASHES, 0755) |
				 mkdir(old, 0700),
			 0);
	write_text(CRASHES "/2025-10-01T00-00-00Z/crash.json", "{\"schema\":\"lifeboat-crash-1\"}");
	core.time = 4000000000;
	recipe.keep.age = 10 * 365 * 86400;
	capture();
	assert_int_equal(code, 0);
	check_phase("retain", 0, "");
	assert_true(exists(old));
}

/* A full first step leaves nothing for those behind it: they are not even begun. */
TEST(no_time_at_all)
{
	recipe.deadline_total = 0;
	capture();
	assert_int_equal(code, ERR_TIMEOUT);
	check_phase("examine", ERR_TIMEOUT, "not tried: deadline-total has passed");
	check_phase("find", ERR_TIMEOUT, "not tried");
	assert_true(took_ms < SLACK_MS);
	assert_int_equal(calls->mounts, 0);
}

/* Nothing at all can be written, not even the log: it goes to the console, before the dump is tried. */
TEST(a_target_where_every_write_fails)
{
	const char *said;

	add_fault(&(struct fault){.op = 'w', .file = "/mnt1/", .what = FAILS, .error = EIO});
	capture_large();
	assert_true(code != 0);
	check_phase("log", ERR_SYSTEM, "dmesg.txt.incomplete: write");
	check_phase("note", ERR_SYSTEM, "crash.json.incomplete: write");
	check_phase("dump", ERR_SYSTEM, "write");
	check_phase("record", ERR_SYSTEM, "write");
	check_phase("manifest", 0, ""); /* of nothing: there is none */
	check_log_on_console();
	said = list(FOLDER);
	assert_string_equal(said, "");
	assert_int_equal(calls->umounts, 1);
}

/* ---- a full disk */

/* What fits is kept, and some of the disk stays free, so that the machine comes up. */
TEST(a_disk_too_small_for_the_dump)
{
	struct statvfs st;

	if (!have_disks())
		skip();
	disk_size[0] = "1m";
	capture_large();
	assert_int_equal(code, ERR_PARTIAL);
	check_phase("dump", ERR_PARTIAL, "cut off (the size limit)");
	assert_string_equal(text_of(FOLDER "/dmesg.txt"), log_text);
	assert_string_equal(list(FOLDER), "SHA256SUMS crash.json dmesg.txt vmcore.incomplete ");
	check_useful(FOLDER "/vmcore.incomplete");
	assert_string_equal(record_at("capture.result"), "\"partial\"");
	assert_string_equal(record_at("dump.cut"), "\"the size limit\"");
	assert_int_equal(statvfs("mnt1", &st), 0);
	assert_true(st.f_bavail >= 1);
	check_said("cut off");
	check_agreement(FOLDER);
}

/* The dump goes, so that log and record fit and the machine does not come up with a full disk. */
TEST(a_disk_much_too_small_for_the_dump)
{
	if (!have_disks())
		skip();
	disk_size[0] = "100k";
	capture_large();
	assert_int_equal(code, ERR_NO_SPACE);
	check_phase("dump", ERR_NO_SPACE, "has no room for any page");
	check_no_rest();
}

static void fill_disk(const char *file, size_t leave)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	static const char block[4096];
	off_t size = 0;

	while (write(fd, block, sizeof(block)) == sizeof(block))
		size += (off_t)sizeof(block);
	assert_int_equal(ftruncate(fd, size - (off_t)leave), 0);
	close(fd);
}

/* However little is left, nothing gets a final name that is not whole, and what was there stays. */
TEST(a_disk_that_is_full_but_for_a_few_blocks)
{
	if (!have_disks())
		skip();
	assert_int_equal(mkdir("mnt1", 0755), 0);
	disk_size[0] = "1m";
	assert_true(make_disk("mnt1"));
	disk_size[0] = NULL; /* it is mounted */
	vmcore_write(&core, "core");
	for (size_t blocks = 0; blocks < 24; blocks++) {
		const struct record_target *rt = &rec->targets[0];
		char folder[PATH_MAX];
		const char *text;

		fill_disk("mnt1/filler", blocks * 4096);
		capture_again();
		assert_true(took_ms < SLACK_MS);
		strcpy(folder, rt->begun ? rt->place.folder : ".");
		assert_int_equal(chdir(folder), 0);
		text = text_of("dmesg.txt");
		if (*text)
			assert_string_equal(text, log_text);
		assert_int_equal(*text != 0, rt->log_written);
		assert_int_equal(exists("vmcore"), rt->dump_written);
		assert_int_equal(exists("vmcore.incomplete"), rt->dump_cut);
		if (rt->dump_cut)
			check_useful("vmcore.incomplete");
		assert_false(exists(".reserve"));
		assert_false(exists("crash.json.incomplete"));
		assert_false(exists("SHA256SUMS.incomplete"));
		if (exists("crash.json"))
			assert_true(json_valid(text_of("crash.json")));
		else
			assert_true(!rt->begun || phase("record")->err.code == ERR_NO_SPACE);
		/* a block for each is enough */
		if (blocks >= 2) {
			assert_true(rt->log_written && exists("crash.json"));
			check_agreement(".");
		}
		assert_int_equal(chdir(scratch), 0);
		unlink("mnt1/filler");
		assert_int_equal(system("rm -rf mnt1/var"), 0);
	}
}

/* ---- the final action */

TEST(final_actions)
{
	static const struct {
		enum final_action action;
		unsigned int how;
		const char *said;
	} cases[] = {
		{FINAL_REBOOT, LINUX_REBOOT_CMD_RESTART, "final action: reboot"},
		{FINAL_POWEROFF, LINUX_REBOOT_CMD_POWER_OFF, "final action: power off"},
		{FINAL_HALT, LINUX_REBOOT_CMD_HALT, "final action: halt"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_text("sysrq", "");
		calls->reboots = 0;
		finish_machine(&env, cases[i].action);
		assert_int_equal(calls->reboots, 1);
		assert_int_equal(calls->reboot_how, cases[i].how);
		check_said(cases[i].said);
		check_said("final action failed: the kernel did not obey");
		/* the hard way is a restart; whoever wants it halted does not want that */
		assert_string_equal(text_of("sysrq"), cases[i].action == FINAL_HALT ? "" : "b");
	}
}

TEST(not_even_the_hard_way)
{
	finish_machine(&env, FINAL_REBOOT);
	check_said("sysrq: No such file");
}

TEST(the_log_without_a_recipe)
{
	vmcore_write(&core, "core");
	capture_show_log(&env);
	check_said("the end of the crashed kernel's log:");
	check_said("| [    3.000000] Kernel panic - not syncing: sysrq triggered crash");
	unlink("core");
	capture_show_log(&env);
	check_said("show log FAILED: core: open: No such file");
}

/* Only the last lines, however long the log and its lines. */
TEST(the_log_is_shown_from_its_end)
{
	static char line[600];
	static const char *lines[32];

	memset(line, 'x', sizeof(line) - 1);
	for (size_t i = 0; i < 30; i++)
		lines[i] = "short\nwith three\nlines";
	lines[5] = line;
	core.lines = lines;
	vmcore_write(&core, "core");
	capture_show_log(&env);
	check_said("the end of the crashed kernel's log:");
	check_said("| [   11.000000] short");
	check_said("| [   30.000000] short");
	assert_null(strstr(text_of("console"), "| [   10.000000]"));
	assert_null(strstr(text_of("console"), "xxx"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_capture_that_is_complete),
		T(the_log_is_on_the_console_first),
		T(what_the_record_of_it_says),
		T(which_kernel_captured),
		T(a_long_log),
		T(python_reads_the_record),
		T(crashes_in_one_second_have_a_folder_each),
		T(modules_that_fail_do_not_matter_if_the_target_is_there),
		T(modules_are_loaded_first),
		T(a_failed_unmount_loses_nothing),
		T(no_device),
		T(no_device_and_little_time),
		T(no_mount),
		T(a_mount_that_hangs),
		T(a_folder_that_cannot_be_made),
		T(no_vmcoreinfo),
		T(an_empty_vmcore),
		T(no_vmcore),
		T(a_vmcore_cut_in_its_headers),
		T(a_vmcore_cut_in_its_notes),
		T(a_vmcore_cut_in_its_memory),
		T(no_log_ring),
		T(a_log_of_which_nothing_is_readable),
		T(a_corrupt_section_table),
		T(memory_that_the_vmcore_does_not_have),
		T(a_write_error_in_the_middle),
		T(a_write_error_in_the_beginning),
		T(a_write_error_is_no_damaged_mem_map),
		T(a_kill_in_the_middle),
		T(a_kill_in_the_beginning),
		T(a_second_chance),
		T(a_second_chance_after_a_crash_of_ours),
		T(a_target_that_hangs_in_the_middle),
		T(a_target_that_hangs_is_given_up_early),
		T(the_whole_time_is_over_in_the_middle),
		T(a_file_that_becomes_too_large),
		T(a_log_that_cannot_be_synced),
		T(a_dump_that_cannot_be_read_back),
		T(a_crash_in_the_far_future_costs_no_other),
		T(no_time_at_all),
		T(a_target_where_every_write_fails),
		T(final_actions),
		T(not_even_the_hard_way),
		T(the_log_without_a_recipe),
		T(the_log_is_shown_from_its_end),
		/* last, because this process then has file systems of its own */
		cmocka_unit_test_setup_teardown(a_disk_too_small_for_the_dump, make, drop_disks),
		cmocka_unit_test_setup_teardown(a_disk_much_too_small_for_the_dump, make,
						drop_disks),
		cmocka_unit_test_setup_teardown(a_disk_that_is_full_but_for_a_few_blocks, make,
						drop_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
