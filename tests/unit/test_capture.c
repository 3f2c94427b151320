// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole captures in a temporary folder: a real (small) vmcore, real steps in real children, a target
 * that is a folder. Only mount, umount, finit_module and reboot are stand-ins.
 */
#include "tests/unit/capture_fixture.h"

#include <dirent.h>
#include <linux/reboot.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "capture/capture.h"
#include "capture/target.h"
#include "tests/unit/json_check.h"
#include "tests/unit/vmcore_file.h"

#define CRASH_TIME 1760000000
#define FOLDER     "mnt/var/crash/2025-10-09T08-53-20Z"
#define UUID       "10111213-1415-1617-1819-1a1b1c1d1e1f"
#define SLACK_MS   5000 /* that a busy test machine may take for nothing */

static const char *const log_lines[] = {
	"Linux version " VMCORE_RELEASE,
	"BUG: unable to handle page fault",
	"Kernel panic - not syncing: sysrq triggered crash",
	"---[ end Kernel panic",
	NULL,
};

static const char log_text[] = "[    1.000000] Linux version " VMCORE_RELEASE "\n"
			       "[    2.000000] BUG: unable to handle page fault\n"
			       "[    3.000000] Kernel panic - not syncing: sysrq triggered crash\n"
			       "[    4.000000] ---[ end Kernel panic\n";

/* ---- the world of a capture */

static char device[64], fstype[] = "ext4", no_options[] = "", path[32];
static struct vmcore_file core;
static struct recipe recipe;
static struct capture_env env;
static struct log console;
static struct record *rec;
static struct err result;
static int code;
static uint64_t took_ms;
static char mountpoint[128];

static int make(void **state)
{
	int r = calls_make(state);

	core = (struct vmcore_file){.time = CRASH_TIME, .noise = 64 << 10, .lines = log_lines};
	strcpy(device, "UUID=" UUID);
	strcpy(path, "/var/crash");
	recipe = (struct recipe){
		.device = device,
		.fstype = fstype,
		.mount_options = no_options,
		.path = path,
		.level = 31,
		.codec = CODEC_LZO,
		.deadline_device = 20,
		.deadline_mount = 20,
		.deadline_log = 20,
		.deadline_dump = 60,
		.deadline_total = 120,
	};
	snprintf(mountpoint, sizeof(mountpoint), "%s/mnt", scratch);
	console = (struct log){.tag = "unit", .max = LOG_LEVEL_NOTICE};
	console.fd = open("console", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	env = (struct capture_env){
		.sys = &calls_sys,
		.log = &console,
		.vmcore = "core",
		.modules = "modules",
		.sys_block = "block",
		.dev = "dev",
		.mountpoint = mountpoint,
		.sysrq = "sysrq",
	};
	rec = step_shared_alloc(sizeof(*rec));
	if (r || console.fd < 0 || !rec || mkdir("block", 0700) || mkdir("dev", 0700))
		return -1;
	write_text("block/vda", "");
	write_disk("dev/vda", 0x10);
	return 0;
}

static int drop(void **state)
{
	step_shared_free(rec, sizeof(*rec));
	close(console.fd);
	return calls_drop(state);
}

static void capture_again(void)
{
	uint64_t begin = step_now_ms();

	memset(rec, 0, sizeof(*rec));
	memset(&result, 0, sizeof(result));
	code = capture_run(&env, &recipe, rec, &result);
	took_ms = step_now_ms() - begin;
	assert_int_equal(result.code, code);
}

static void capture(void)
{
	vmcore_write(&core, "core");
	capture_again();
}

/* ---- what came of it */

static void check_said(const char *what)
{
	if (!strstr(text_of("console"), what))
		fail_msg("\"%s\" is not on the console:\n%s", what, text_of("console"));
}

/* The names in a folder, sorted, in one string. */
static const char *list(const char *folder)
{
	static char names[1024];
	struct dirent **v = NULL;
	int n = scandir(folder, &v, NULL, alphasort);

	names[0] = '\0';
	for (int i = 0; i < n; i++) {
		if (strcmp(v[i]->d_name, ".") != 0 && strcmp(v[i]->d_name, "..") != 0)
			sprintf(names + strlen(names), "%s ", v[i]->d_name);
		free(v[i]);
	}
	free(v);
	return names;
}

static const char *record_at(const char *where)
{
	const char *text = text_of(FOLDER "/crash.json");

	if (!json_valid(text))
		fail_msg("crash.json is not JSON: %s", text);
	return json_at(text, where);
}

static const struct step_outcome *phase(const char *name)
{
	for (size_t i = 0; i < rec->n_phases; i++)
		if (strcmp(rec->phases[i].name, name) == 0)
			return &rec->phases[i].outcome;
	return NULL;
}

static void check_phase(const char *name, int want, const char *part)
{
	const struct step_outcome *o = phase(name);

	if (!o)
		fail_msg("there was no phase %s", name);
	else if (o->err.code != want || !strstr(o->err.msg, part))
		fail_msg("%s ended in %d: %s; expected %d: %s", name, o->err.code, o->err.msg, want,
			 part);
}

static bool is_kdump(const char *file)
{
	return memcmp(text_of(file), "KDUMP   ", 8) == 0;
}

/* ---- success */

TEST(a_capture_that_is_complete)
{
	static const char *const phases[] = {"examine", "modules", "device", "mount",  "folder",
					     "log",     "note",    "dump",   "record", "unmount"};

	capture();
	assert_int_equal(code, 0);
	assert_string_equal(list("mnt/var/crash"), "2025-10-09T08-53-20Z ");
	assert_string_equal(list(FOLDER), "crash.json dmesg.txt vmcore ");
	assert_int_equal(mode_of(FOLDER), 0700);
	assert_int_equal(mode_of(FOLDER "/crash.json"), 0600);
	assert_int_equal(mode_of(FOLDER "/dmesg.txt"), 0600);
	assert_int_equal(mode_of(FOLDER "/vmcore"), 0600);
	assert_string_equal(text_of(FOLDER "/dmesg.txt"), log_text);
	assert_true(is_kdump(FOLDER "/vmcore"));

	assert_int_equal(rec->n_phases, ARRAY_SIZE(phases));
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		assert_string_equal(rec->phases[i].name, phases[i]);
		assert_int_equal(rec->phases[i].outcome.err.code, 0);
	}
	assert_string_equal(calls->mount_source, "dev/vda");
	assert_int_equal(calls->mounts, 1);
	assert_int_equal(calls->umounts, 1);
	check_said("result: complete");
	assert_null(strstr(text_of("console"), "FAILED"));
	assert_null(strstr(text_of("console"), "| [")); /* the log is safe: no need to show it */
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
	assert_string_equal(record_at("capture.device"), "\"dev/vda\"");
	assert_string_equal(record_at("capture.phases.7.name"), "\"dump\"");
	assert_string_equal(record_at("capture.phases.7.result"), "\"ok\"");
	assert_string_equal(record_at("capture.phases.8"), "absent");
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
	assert_int_equal(rec->log_bytes, 10 * len);
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
	assert_string_equal(list("mnt/var/crash"), "2025-10-09T08-53-20Z 2025-10-09T08-53-20Z-2 ");
	assert_string_equal(list(FOLDER "-2"), "crash.json dmesg.txt vmcore ");
	assert_string_equal(list(FOLDER), "crash.json dmesg.txt vmcore ");
}

/* What is not needed for log and dump may fail without making the capture a failure. */
TEST(modules_that_fail_do_not_matter_if_the_target_is_there)
{
	write_text("modules", "no-such.ko\n");
	capture();
	assert_int_equal(code, 0);
	check_phase("modules", ERR_NOT_FOUND, "no-such.ko");
	assert_string_equal(record_at("capture.result"), "\"complete\"");
	assert_string_equal(record_at("capture.phases.1.result"), "\"failed\"");
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
	check_phase("unmount", ERR_SYSTEM, "busy");
	check_said("unmount FAILED");
	assert_string_equal(list(FOLDER), "crash.json dmesg.txt vmcore ");
}

/* ---- the target cannot be reached */

static void check_log_on_console(void)
{
	check_said("the last 4 lines of the crashed kernel's log:");
	check_said("| [    1.000000] Linux version");
	check_said("| [    4.000000] ---[ end Kernel panic");
	check_said("result: failed");
	assert_true(rec->finished);
	assert_string_equal(record_result(rec), "failed");
}

TEST(no_device)
{
	unlink("block/vda");
	recipe.deadline_device = 1;
	capture();
	assert_int_equal(code, ERR_TIMEOUT);
	assert_true(took_ms >= 1000 && took_ms < 1000 + SLACK_MS);
	check_said("UUID=" UUID);
	check_phase("device", ERR_TIMEOUT, "not done after 1000 ms");
	check_log_on_console();
	assert_false(exists("mnt"));
	assert_null(phase("mount"));
	assert_null(phase("unmount"));
}

/* The whole time is shorter than the step's, and still leaves some for the log on the console. */
TEST(no_device_and_little_time)
{
	unlink("block/vda");
	recipe.deadline_total = 1;
	capture();
	assert_true(took_ms >= 750 && took_ms < 1000 + SLACK_MS);
	check_phase("device", ERR_TIMEOUT, "deadline-total: not done after ");
	check_log_on_console();
}

TEST(no_mount)
{
	calls->mount_errno = ENODEV;
	capture();
	assert_int_equal(code, ERR_SYSTEM);
	assert_non_null(
		strstr(result.msg, "mount: mount dev/vda (UUID=" UUID ") as ext4: No such"));
	check_log_on_console();
	assert_null(phase("folder"));
	assert_int_equal(calls->umounts, 0);
}

TEST(a_mount_that_hangs)
{
	calls->mount_sleep_ms = 60000;
	recipe.deadline_mount = 1;
	capture();
	assert_true(took_ms >= 1000 && took_ms < 1000 + SLACK_MS);
	check_phase("mount", ERR_TIMEOUT, "mount dev/vda (UUID=" UUID ") as ext4");
	check_log_on_console();
	assert_int_equal(calls->umounts, 0);
}

/* It was mounted, so it is unmounted. */
TEST(a_folder_that_cannot_be_made)
{
	assert_int_equal(mkdir("mnt", 0755), 0);
	write_text("mnt/var", "a file");
	capture();
	assert_int_equal(code, ERR_SYSTEM);
	check_phase("folder", ERR_SYSTEM, "mnt/var/crash: create: Not a directory");
	check_log_on_console();
	check_said("in no folder");
	assert_int_equal(calls->umounts, 1);
	assert_string_equal(text_of("mnt/var"), "a file");
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
	assert_string_equal(record_result(rec), "failed");
	assert_int_equal(calls->umounts, 1);
	/* the crash's time is unknown: the folder has another name */
	assert_int_equal(chdir(rec->folder), 0);
	assert_string_equal(list("."), "crash.json ");
	assert_true(json_valid(text_of("crash.json")));
	assert_string_equal(json_at(text_of("crash.json"), "capture.result"), "\"failed\"");
	assert_string_equal(json_at(text_of("crash.json"), "kernel.release"), "null");
	assert_string_equal(json_at(text_of("crash.json"), "dump.file"), "null");
	assert_int_equal(chdir(scratch), 0);
}

TEST(no_vmcoreinfo)
{
	core.no_vmcoreinfo = true;
	vmcore_write(&core, "core");
	check_bad_core(ERR_NOT_FOUND, "core has no VMCOREINFO note");
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
	assert_int_equal(code, ERR_UNSUPPORTED);
	check_phase("log", ERR_UNSUPPORTED, "SYMBOL(prb)");
	check_phase("show log", ERR_UNSUPPORTED, "SYMBOL(prb)");
	check_phase("dump", 0, "");
	assert_string_equal(list(FOLDER), "crash.json vmcore ");
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
	assert_int_equal(code, ERR_CORRUPT);
	check_phase("log", ERR_CORRUPT, "no record is readable, 4 are damaged");
	assert_string_equal(list(FOLDER), "crash.json vmcore ");
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

/*
 * A limit on the size of files stands for everything that can happen in the middle of the dump: what
 * the process does when a write passes it is up to the handler of SIGXFSZ, which children inherit.
 */
static void capture_with_limit(rlim_t bytes, void (*handler)(int))
{
	struct rlimit limit, before;

	core.ram = 4 << 20;
	core.noise = 3 << 20;
	vmcore_write(&core, "core");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){bytes, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, handler);
	capture_again();
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void check_cut_off_dump(void)
{
	assert_string_equal(text_of(FOLDER "/dmesg.txt"), log_text);
	assert_string_equal(list(FOLDER), "crash.json dmesg.txt vmcore.incomplete ");
	assert_true(is_kdump(FOLDER "/vmcore.incomplete"));
	assert_string_equal(record_at("capture.result"), "\"log-only\"");
	assert_string_equal(record_at("dump.file"), "null");
	assert_string_equal(record_at("dump.bytes"), "absent");
	assert_string_equal(record_at("capture.phases.7.name"), "\"dump\"");
	assert_int_equal(calls->umounts, 1);
	check_said("result: log-only");
}

TEST(a_write_error_in_the_middle)
{
	capture_with_limit(1 << 20, SIG_IGN);
	assert_int_equal(code, ERR_SYSTEM);
	check_phase("dump", ERR_SYSTEM, "vmcore.incomplete: write of");
	check_phase("dump", ERR_SYSTEM, "File too large");
	check_cut_off_dump();
}

static void kill_self(int sig)
{
	(void)sig;
	kill(getpid(), SIGKILL);
}

TEST(a_kill_in_the_middle)
{
	capture_with_limit(1 << 20, kill_self);
	assert_int_equal(code, ERR_SYSTEM);
	check_phase("dump", ERR_SYSTEM, "killed by signal 9");
	check_cut_off_dump();
	assert_string_equal(record_at("capture.phases.7.result"), "\"failed\"");
}

static void hang(int sig)
{
	(void)sig;
	for (;;)
		pause();
}

TEST(a_target_that_hangs_in_the_middle)
{
	recipe.deadline_dump = 1;
	capture_with_limit(1 << 20, hang);
	assert_int_equal(code, ERR_TIMEOUT);
	assert_true(took_ms >= 1000 && took_ms < 1000 + SLACK_MS);
	check_phase("dump", ERR_TIMEOUT, "not done after 1000 ms");
	check_cut_off_dump();
	assert_string_equal(record_at("capture.phases.7.result"), "\"timeout\"");
}

/* The whole time is over in the middle of the dump: the record must not go on saying "in-progress". */
TEST(the_whole_time_is_over_in_the_middle)
{
	recipe.deadline_total = 2;
	capture_with_limit(1 << 20, hang);
	assert_int_equal(code, ERR_TIMEOUT);
	assert_true(took_ms >= 1500 && took_ms < 2000 + SLACK_MS);
	check_phase("dump", ERR_TIMEOUT, "deadline-total: not done after ");
	check_phase("record", 0, "");
	check_phase("unmount", 0, "");
	check_cut_off_dump();
}

/* A full first step leaves nothing for those behind it: they are not even begun. */
TEST(no_time_at_all)
{
	recipe.deadline_total = 0;
	capture();
	assert_int_equal(code, ERR_TIMEOUT);
	check_phase("examine", ERR_TIMEOUT, "not tried: deadline-total has passed");
	check_phase("device", ERR_TIMEOUT, "not tried");
	assert_true(took_ms < SLACK_MS);
	assert_int_equal(calls->mounts, 0);
}

/* Nothing at all can be written, not even the log: it goes to the console, before the dump is tried. */
TEST(a_target_where_every_write_fails)
{
	const char *said;

	capture_with_limit(0, SIG_IGN);
	assert_true(code != 0);
	check_phase("log", ERR_SYSTEM, "dmesg.txt.incomplete: write");
	check_phase("note", ERR_SYSTEM, "crash.json.tmp: write");
	check_phase("dump", ERR_SYSTEM, "write");
	check_phase("record", ERR_SYSTEM, "write");
	/* and as the console was a file here, it shows nothing; the phase says that it was written */
	check_phase("show log", 0, "");
	said = list(FOLDER);
	assert_null(strstr(said, "dmesg.txt "));
	assert_null(strstr(said, "crash.json"));
	assert_null(strstr(said, "vmcore "));
	assert_int_equal(calls->umounts, 1);
}

/* ---- a full disk: a tmpfs that is mounted where nobody else sees it, which takes root */

static bool mount_small_disk(const char *size)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%s", size);
	if (mkdir("mnt", 0755))
		return false;
	if (unshare(CLONE_NEWNS))
		return false;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return false;
	return mount("none", "mnt", "tmpfs", 0, options) == 0;
}

static int drop_disk(void **state)
{
	umount2(mountpoint, MNT_DETACH);
	return drop(state);
}

/* The dump goes, so that log and record fit and the machine does not come up with a full disk. */
TEST(a_disk_too_small_for_the_dump)
{
	if (!mount_small_disk("1m"))
		skip();
	core.ram = 4 << 20;
	core.noise = 3 << 20;
	capture();
	assert_int_equal(code, ERR_NO_SPACE);
	check_phase("dump", ERR_NO_SPACE, "No space left on device");
	assert_string_equal(text_of(FOLDER "/dmesg.txt"), log_text);
	assert_string_equal(list(FOLDER), "crash.json dmesg.txt ");
	assert_string_equal(record_at("capture.result"), "\"log-only\"");
	check_said("No space left");
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
	if (!mount_small_disk("1m"))
		skip();
	vmcore_write(&core, "core");
	for (size_t blocks = 0; blocks < 24; blocks++) {
		char folder[PATH_MAX];
		const char *text;

		fill_disk("mnt/filler", blocks * 4096);
		capture_again();
		assert_true(took_ms < SLACK_MS);
		strcpy(folder, *rec->folder ? rec->folder : ".");
		assert_int_equal(chdir(folder), 0);
		text = text_of("dmesg.txt");
		if (*text)
			assert_string_equal(text, log_text);
		assert_int_equal(*text != 0, rec->log_written);
		assert_int_equal(exists("vmcore"), rec->dump_written);
		assert_false(exists("vmcore.incomplete"));
		assert_false(exists(".reserve"));
		assert_false(exists("crash.json.tmp"));
		if (exists("crash.json"))
			assert_true(json_valid(text_of("crash.json")));
		else
			assert_true(!*rec->folder || phase("record")->err.code == ERR_NO_SPACE);
		/* a block for each is enough */
		if (blocks >= 2)
			assert_true(rec->log_written && exists("crash.json"));
		assert_int_equal(chdir(scratch), 0);
		unlink("mnt/filler");
		assert_int_equal(system("rm -rf mnt/var"), 0);
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
		capture_finish(&env, cases[i].action);
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
	capture_finish(&env, FINAL_REBOOT);
	check_said("sysrq: No such file");
}

TEST(the_log_without_a_recipe)
{
	vmcore_write(&core, "core");
	capture_show_log(&env);
	check_said("the last 4 lines of the crashed kernel's log:");
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
	check_said("the last 60 lines of the crashed kernel's log:");
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
		T(what_the_record_of_it_says),
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
		T(a_kill_in_the_middle),
		T(a_target_that_hangs_in_the_middle),
		T(the_whole_time_is_over_in_the_middle),
		T(no_time_at_all),
		T(a_target_where_every_write_fails),
		T(final_actions),
		T(not_even_the_hard_way),
		T(the_log_without_a_recipe),
		T(the_log_is_shown_from_its_end),
		/* last, because this process then has file systems of its own */
		cmocka_unit_test_setup_teardown(a_disk_too_small_for_the_dump, make, drop_disk),
		cmocka_unit_test_setup_teardown(a_disk_that_is_full_but_for_a_few_blocks, make,
						drop_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
