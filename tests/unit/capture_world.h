/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world of whole captures: a temporary folder with a real (small) vmcore, real steps in real children, targets
 * that are folders. Only mount, umount, finit_module and reboot are stand-ins, and reads, writes and fsyncs of chosen
 * files that fail, hang or kill.
 */
#ifndef TESTS_UNIT_CAPTURE_WORLD_H
#define TESTS_UNIT_CAPTURE_WORLD_H

#undef _FORTIFY_SOURCE /* its pread() is another function than the one below */

#include "tests/unit/capture_fixture.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "capture/finish.h"
#include "capture/target.h"
#include "tests/unit/json_check.h"
#include "tests/unit/vmcore_file.h"

#define CRASH_TIME 1760000000
#define STAMP      "2025-10-09T08-53-20Z"
#define CRASHES    "mnt1/var/crash"
#define FOLDER     CRASHES "/" STAMP
#define FOLDER_2   "mnt2/var/crash/" STAMP
#define FOLDER_3   "mnt3/var/crash/" STAMP
#define UUID       "10111213-1415-1617-1819-1a1b1c1d1e1f"
#define SLACK_MS   15000 /* that a busy test machine may take for nothing */

/* ---- files that are sick */

enum sickness { HEALTHY, FAILS, HANGS, KILLS, ABORTS };

struct fault {
	char op;           /* 'r', 'w' or 's' (fsync) */
	const char *file;  /* a part of its path */
	uint64_t from;     /* reads and writes that go beyond this offset */
	uint64_t to;       /* and not beyond this one; 0: the end */
	unsigned int skip; /* so many are well */
	enum sickness what;
	int error;          /* of FAILS */
	unsigned int ms;    /* after so long */
	unsigned int times; /* 0: always */
};

#define FAULTS 4

static struct fault *faults; /* in shared memory: steps count them down */

static inline void add_fault(const struct fault *f)
{
	for (size_t i = 0; i < FAULTS; i++)
		if (faults[i].what == HEALTHY) {
			faults[i] = *f;
			return;
		}
	fail_msg("too many faults");
}

static inline int suffer(struct fault *f)
{
	if (f->skip) {
		f->skip--;
		return 0;
	}
	if (f->times && !--f->times)
		f->file = "no file any more";
	while (f->what == HANGS)
		pause();
	usleep(f->ms * 1000);
	if (f->what == KILLS)
		kill(getpid(), SIGKILL);
	if (f->what == ABORTS)
		abort();
	return f->error;
}

/* 0, or the error that the call has. */
static inline int look_for_fault(char op, int fd, uint64_t end)
{
	char link[64], path[256];
	ssize_t n;

	if (!faults)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < FAULTS; i++)
		if (faults[i].what != HEALTHY && faults[i].op == op && end > faults[i].from &&
		    (!faults[i].to || end <= faults[i].to) && strstr(path, faults[i].file))
			return suffer(&faults[i]);
	return 0;
}

static inline ssize_t sick_answer(int error)
{
	errno = error;
	return -1;
}

ssize_t pread(int fd, void *buf, size_t len, off_t off)
{
	int error = look_for_fault('r', fd, (uint64_t)off + len);

	return error ? sick_answer(error) : syscall(SYS_pread64, fd, buf, len, off);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t off)
{
	int error = look_for_fault('w', fd, (uint64_t)off + len);

	return error ? sick_answer(error) : syscall(SYS_pwrite64, fd, buf, len, off);
}

int fsync(int fd)
{
	int error = look_for_fault('s', fd, 1);

	return error ? (int)sick_answer(error) : (int)syscall(SYS_fsync, fd);
}

/* ---- the crash */

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

#define TARGETS 4

static char devices[TARGETS][64], fstype[] = "ext4", nothing[] = "", path[32];
static char *no_programs[] = {NULL};
static struct vmcore_file core;
static struct recipe_target targets[TARGETS];
static struct recipe recipe;
static struct capture_env env;
static struct root world;
static struct log console;
static struct record *rec;
static struct err result;
static int code;
static uint64_t took_ms;
static char mountpoint[128];

/* An ext4 file system on vda, vdb … with a UUID of its own. */
static inline struct recipe_target *add_target(void)
{
	size_t i = recipe.n_targets++;
	uint8_t first = (uint8_t)(0x10 * (i + 1));
	char node[32];

	assert_true(i < TARGETS);
	snprintf(node, sizeof(node), "dev/vd%c", (char)('a' + i));
	write_disk(node, first);
	snprintf(node, sizeof(node), "sys/class/block/vd%c", (char)('a' + i));
	assert_int_equal(mkdir(node, 0700), 0);
	strcpy(devices[i], "UUID=");
	for (size_t k = 0; k < 16; k++)
		sprintf(devices[i] + strlen(devices[i]), "%s%02zx",
			k == 4 || k == 6 || k == 8 || k == 10 ? "-" : "", first + k);
	targets[i] = (struct recipe_target){.device = devices[i],
					    .fstype = fstype,
					    .mount_options = nothing,
					    .path = path,
					    .needs = nothing};
	return &targets[i];
}

static inline void remove_device(char letter)
{
	char node[32];

	snprintf(node, sizeof(node), "sys/class/block/vd%c", letter);
	assert_int_equal(rmdir(node), 0);
}

static inline void make_recipe(void)
{
	recipe = (struct recipe){
		.targets = targets,
		.levels = {31},
		.n_levels = 1,
		.codec = CODEC_LZO,
		.modules = no_programs,
		.programs = no_programs,
		.pre = no_programs,
		.post = no_programs,
		.files = no_programs,
		.encrypt_to = no_programs,
		.console_lines = 60,
		.pstore = true,
		.deadline_device = 20,
		.deadline_network = 20,
		.deadline_mount = 20,
		.deadline_log = 20,
		.deadline_dump = 60,
		.deadline_stall = 60,
		.deadline_hook = 20,
		.deadline_total = 120,
	};
}

static inline bool make_folders(void)
{
	static const char *const folders[] = {"dev", "proc", "sys", "sys/class", "sys/class/block"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdir(folders[i], 0700))
			return false;
	return true;
}

static inline int make(void **state)
{
	int r = calls_make(state);
	struct err err;

	core = (struct vmcore_file){.time = CRASH_TIME, .noise = 64 << 10, .lines = log_lines};
	strcpy(path, "/var/crash");
	make_recipe();
	snprintf(mountpoint, sizeof(mountpoint), "%s/mnt", scratch);
	console = (struct log){.tag = "unit", .max = LOG_LEVEL_NOTICE};
	console.fd = open("console", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	env = (struct capture_env){
		.sys = &calls_sys,
		.log = &console,
		.vmcore = "core",
		.modules = "modules",
		.root = &world,
		.dev = "dev",
		.sysfs = "sys",
		.mountpoint = mountpoint,
		.sysrq = "sysrq",
		.shell = "no-shell",
	};
	rec = step_shared_alloc(sizeof(*rec));
	faults = step_shared_alloc(sizeof(*faults) * FAULTS);
	if (r || console.fd < 0 || !rec || !faults || !make_folders() ||
	    root_init(&world, scratch, &err))
		return -1;
	add_target();
	return 0;
}

static inline int drop(void **state)
{
	step_shared_free(rec, sizeof(*rec));
	step_shared_free(faults, sizeof(*faults) * FAULTS);
	faults = NULL;
	root_deinit(&world);
	close(console.fd);
	return calls_drop(state);
}

static inline void capture_again(void)
{
	uint64_t begin = step_now_ms();

	memset(rec, 0, sizeof(*rec));
	memset(&result, 0, sizeof(result));
	code = capture_run(&env, &recipe, rec, &result);
	took_ms = step_now_ms() - begin;
	assert_int_equal(result.code, code);
}

static inline void capture(void)
{
	vmcore_write(&core, "core");
	capture_again();
}

/* Memory of which a large part does not compress: its dump takes some more than 3 MiB. */
static inline void make_large_core(void)
{
	core.ram = 4 << 20;
	core.noise = 3 << 20;
	vmcore_write(&core, "core");
}

static inline void capture_large(void)
{
	make_large_core();
	capture_again();
}

/* ---- what came of it */

static inline void check_said(const char *what)
{
	if (!strstr(text_of("console"), what))
		fail_msg("\"%s\" is not on the console:\n%s", what, text_of("console"));
}

/* The names in a folder, sorted, in one string. */
static inline const char *list(const char *folder)
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

static inline const char *record_in(const char *folder, const char *where)
{
	char file[512];
	const char *text;

	snprintf(file, sizeof(file), "%s/crash.json", folder);
	text = text_of(file);
	if (!json_valid(text))
		fail_msg("%s is not JSON: %s", file, text);
	return json_at(text, where);
}

static inline const char *record_at(const char *where)
{
	return record_in(FOLDER, where);
}

/* Of the target with that number, from 1 on; 0: of none. NULL if there is no such phase. */
static inline const struct step_outcome *phase_of(int target, const char *name)
{
	for (size_t i = 0; i < rec->n_phases; i++)
		if (strcmp(rec->phases[i].name, name) == 0 && rec->phases[i].target == target - 1)
			return &rec->phases[i].outcome;
	return NULL;
}

/* The first of that name. */
static inline const struct step_outcome *phase(const char *name)
{
	for (size_t i = 0; i < rec->n_phases; i++)
		if (strcmp(rec->phases[i].name, name) == 0)
			return &rec->phases[i].outcome;
	return NULL;
}

static inline void check_outcome(const char *name, const struct step_outcome *o, int want,
				 const char *part)
{
	if (!o)
		fail_msg("there was no phase %s", name);
	else if (o->err.code != want || !strstr(o->err.msg, part))
		fail_msg("%s ended in %d: %s; expected %d: %s", name, o->err.code, o->err.msg, want,
			 part);
}

static inline void check_phase(const char *name, int want, const char *part)
{
	check_outcome(name, phase(name), want, part);
}

static inline void check_phase_of(int target, const char *name, int want, const char *part)
{
	check_outcome(name, phase_of(target, name), want, part);
}

static inline const char *result_of(int target)
{
	return record_result_name(record_result(&rec->targets[target - 1]));
}

static inline bool is_kdump(const char *file)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	char magic[8];

	return read(fd, magic, 8) == 8 && memcmp(magic, "KDUMP   ", 8) == 0;
}

/* A field that says how long a file is, and the file. */
static inline void check_size(const char *folder, const char *field, const char *name)
{
	char file[512], want[32];
	struct stat st;

	snprintf(file, sizeof(file), "%s/%s", folder, name);
	assert_int_equal(stat(file, &st), 0);
	snprintf(want, sizeof(want), "%lld", (long long)st.st_size);
	assert_string_equal(record_in(folder, field), want);
}

static inline bool is_in(const char *folder, const char *name)
{
	char file[512];

	snprintf(file, sizeof(file), "%s/%s", folder, name);
	return exists(file);
}

/* What the record says is there is there, and nothing else; an independent program agrees with the digests. */
static inline void check_agreement(const char *folder)
{
	static const char *const dumps[] = {"vmcore", "vmcore.incomplete"};
	char file[32], command[512];

	strcpy(file, record_in(folder, "log.file"));
	assert_string_equal(file, is_in(folder, "dmesg.txt") ? "\"dmesg.txt\"" : "null");
	if (is_in(folder, "dmesg.txt"))
		check_size(folder, "log.bytes", "dmesg.txt");
	strcpy(file, record_in(folder, "dump.file"));
	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
		char quoted[32];

		snprintf(quoted, sizeof(quoted), "\"%s\"", dumps[i]);
		if (is_in(folder, dumps[i]) != (strcmp(file, quoted) == 0))
			fail_msg("%s: dump.file is %s, but there is: %s", folder, file,
				 list(folder));
		if (is_in(folder, dumps[i]) &&
		    strcmp(record_in(folder, "dump.bytes"), "absent") != 0)
			check_size(folder, "dump.bytes", dumps[i]);
	}
	if (strcmp(record_in(folder, "capture.result"), "\"complete\"") == 0) {
		assert_true(is_in(folder, "vmcore") && is_in(folder, "dmesg.txt"));
		assert_true(is_in(folder, "SHA256SUMS"));
	}
	assert_false(is_in(folder, ".reserve"));
	if (!is_in(folder, "SHA256SUMS"))
		return;
	snprintf(command, sizeof(command), "cd %s && sha256sum --strict -c SHA256SUMS >/dev/null",
		 folder);
	assert_int_equal(system(command), 0);
}

static inline void check_log_on_console(void)
{
	check_said("the end of the crashed kernel's log:");
	check_said("| [    1.000000] Linux version");
	check_said("| [    4.000000] ---[ end Kernel panic");
	check_phase("show log", 0, "");
	check_said("result: failed");
	assert_string_equal(record_result_name(record_best(rec)), "failed");
}

/* ---- a disk of a given size: a tmpfs that is mounted where nobody else sees it, which takes root */

static const char *disk_size[TARGETS]; /* of the first target, …; NULL: it is a plain folder */
static bool disk_read_only[TARGETS];

static inline bool make_disk(const char *target)
{
	size_t i = (size_t)(target[strlen(target) - 1] - '1');
	char options[32];

	if (i >= TARGETS || !disk_size[i])
		return true;
	snprintf(options, sizeof(options), "size=%s", disk_size[i]);
	return mount("none", target, "tmpfs", disk_read_only[i] ? MS_RDONLY : 0, options) == 0;
}

/* False: it is not allowed here. */
static inline bool have_disks(void)
{
	calls->at_mount = make_disk;
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static inline int drop_disks(void **state)
{
	for (size_t i = 0; i < TARGETS; i++) {
		char where[160];

		snprintf(where, sizeof(where), "%s%zu", mountpoint, i + 1);
		umount2(where, MNT_DETACH);
		disk_size[i] = NULL;
		disk_read_only[i] = false;
	}
	return drop(state);
}

#endif
