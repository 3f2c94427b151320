// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/dumps_fixture.h"
#include "tests/unit/raw_fixture.h"

#include "service/dumps.h"
#include "service/places.h"

#define FULL                                                                                     \
	RECORD_HEAD                                                                              \
	",\"kernel\":{\"release\":\"6.1.0\",\"version\":\"#1\",\"machine\":\"x86_64\",\"node\":" \
	"\"h\"},\"crash\":{\"time\":\"2025-11-22T15:06:39Z\",\"panic\":\"Kernel panic - not "    \
	"syncing: \\u001b[31mred\",\"memory_bytes\":1000},\"log\":{\"file\":\"dmesg.txt\","      \
	"\"bytes\":9},\"dump\":{\"file\":\"vmcore\",\"format\":\"kdump-compressed\",\"codec\":"  \
	"\"lzo\",\"level\":31,\"level_wanted\":1,\"cut\":null,\"pages\":7,\"pages_lost\":2},"    \
	"\"capture\":{\"result\":\"partial\",\"kernel\":\"6.1.1\",\"memory_ram\":300,\"memory_"  \
	"total\":250,"                                                                           \
	"\"memory_lowest\":100,\"targets\":[{\"target\":\"ext4\",\"result\":\"partial\","        \
	"\"device\":null,\"name\":\"n\",\"error\":\"e\"}],\"phases\":[{\"name\":\"find\","       \
	"\"target\":1,\"start_ms\":5,\"took_ms\":6,\"result\":\"ok\"},{\"name\":\"post\","       \
	"\"start_ms\":7,\"took_ms\":8,\"result\":\"failed\",\"error\":\"x\"}],"                  \
	"\"phases_left_out\":3}}\n"

static int parse(const char *text, struct crashfile **ret, struct err *err)
{
	return crashfile_create((struct bytes){(const uint8_t *)text, strlen(text)}, ret, err);
}

TEST(record_as_documented)
{
	struct crashfile *c;

	assert_ok(parse(FULL, &c, err));
	assert_string_equal(c->release, "6.1.0");
	assert_string_equal(c->panic, "Kernel panic - not syncing: \x1b[31mred");
	assert_int_equal(c->time, 1763823999);
	assert_string_equal(c->capture_release, "6.1.1");
	assert_true(c->pages_known && c->pages == 7 && c->pages_lost == 2);
	assert_null(c->cut);
	assert_int_equal(c->level_wanted, 1);
	assert_int_equal(c->n_targets, 1);
	assert_string_equal(c->targets[0].error, "e");
	assert_null(c->targets[0].device);
	assert_int_equal(c->n_phases, 2);
	assert_int_equal(c->phases[0].target, 1);
	assert_int_equal(c->phases[1].target, 0);
	assert_int_equal(c->phases[1].took_ms, 8);
	assert_string_equal(c->phases[1].error, "x");
	assert_int_equal(c->phases_left_out, 3);
	crashfile_destroy(c);
	assert_ok(parse(RECORD_HEAD "}", &c, err));
	assert_true(!c->release && !c->n_phases && !c->pages_known && !c->time);
	crashfile_destroy(c);
	crashfile_destroy(NULL);
}

/* What the log told, since there are signatures. */
#define TOLD                                                                                     \
	RECORD_HEAD ",\"uuid\":\"u\",\"host\":{\"node\":\"h\"},\"crash\":{\"class\":\"gpf\","    \
		    "\"title\":\"t\"},\"signature\":{\"alg\":\"kcs1\",\"exact\":\"e\",\"func\":" \
		    "\"0123\",\"class\":\"c\",\"title\":\"gpf in f\"}}\n"

TEST(what_the_log_told)
{
	struct crashfile *c;

	assert_ok(parse(TOLD, &c, err));
	assert_string_equal(c->uuid, "u");
	assert_string_equal(c->cls, "gpf");
	assert_string_equal(c->title, "t");
	assert_string_equal(c->sig_alg, "kcs1");
	assert_string_equal(c->sig_func, "0123");
	assert_string_equal(c->sig_exact, "e");
	assert_string_equal(c->sig_class, "c");
	assert_string_equal(c->sig_title, "gpf in f");
	crashfile_destroy(c);
	/* records of before */
	assert_ok(parse(FULL, &c, err));
	assert_true(!c->uuid && !c->cls && !c->title && !c->sig_alg && !c->sig_func);
	crashfile_destroy(c);
	assert_fails(parse(RECORD_HEAD ",\"signature\":7}", &c, err), ERR_CORRUPT, "signature");
	assert_fails(parse(RECORD_HEAD ",\"signature\":{\"func\":7}}", &c, err), ERR_CORRUPT,
		     "func");
}

TEST(records_that_are_none)
{
	static const struct {
		const char *text, *why;
		int code;
	} cases[] = {
		{"", "no JSON", ERR_CORRUPT},
		{"{", "no JSON", ERR_CORRUPT},
		{"[]", "no JSON object", ERR_CORRUPT},
		{"{}", "no schema", ERR_CORRUPT},
		{"{\"schema\":1}", "no schema", ERR_CORRUPT},
		{"{\"schema\":\"lifeboat-crash-2\"}", "lifeboat-crash-2", ERR_UNSUPPORTED},
		{RECORD_HEAD "} x", "no JSON", ERR_CORRUPT},
		{RECORD_HEAD ",\"tool\":\"y\"}", "no JSON", ERR_CORRUPT}, /* twice */
		{RECORD_HEAD ",\"kernel\":[]}", "kernel is no object", ERR_CORRUPT},
		{RECORD_HEAD ",\"kernel\":{\"release\":6}}", "kernel: release is no text",
		 ERR_CORRUPT},
		{RECORD_HEAD ",\"kernel\":{\"release\":\"a\\u0000b\"}}", "no JSON", ERR_CORRUPT},
		{RECORD_HEAD ",\"kernel\":{\"release\":\"\xff\"}}", "no JSON", ERR_CORRUPT},
		{RECORD_HEAD ",\"crash\":{\"time\":\"yesterday\"}}", "time is no time",
		 ERR_CORRUPT},
		{RECORD_HEAD ",\"dump\":{\"bytes\":-1}}", "dump: bytes is no whole", ERR_CORRUPT},
		{RECORD_HEAD ",\"dump\":{\"bytes\":1.5}}", "dump: bytes is no whole", ERR_CORRUPT},
		{RECORD_HEAD ",\"dump\":{\"bytes\":\"1\"}}", "dump: bytes is no whole",
		 ERR_CORRUPT},
		{RECORD_HEAD ",\"dump\":{\"bytes\":99999999999999999999}}", "no JSON", ERR_CORRUPT},
		{RECORD_HEAD ",\"dump\":{\"bytes\":1e999}}", "no JSON", ERR_CORRUPT},
		{RECORD_HEAD ",\"capture\":{\"phases\":{}}}", "phases is no array", ERR_CORRUPT},
		{RECORD_HEAD ",\"capture\":{\"phases\":[1]}}", "phases: row 1", ERR_CORRUPT},
		{RECORD_HEAD ",\"capture\":{\"targets\":[{\"name\":1}]}}", "targets: row 1: name",
		 ERR_CORRUPT},
	};
	struct crashfile *c;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_fails(parse(cases[i].text, &c, err), cases[i].code, cases[i].why);
	assert_fails(crashfile_create((struct bytes){(const uint8_t *)"{}\0", 3}, &c, err),
		     ERR_CORRUPT, "no JSON");
}

TEST(records_that_are_deep_or_long)
{
	const size_t n = 100000;
	_cleanup_free_ char *text = calloc(1, 3 * n + 200);
	struct crashfile *c;
	char *at;

	strcpy(text, RECORD_HEAD ",\"x\":");
	memset(text + strlen(text), '[', n);
	assert_fails(parse(text, &c, err), ERR_CORRUPT, "depth");
	at = text + sprintf(text, RECORD_HEAD ",\"capture\":{\"phases\":[{}");
	for (size_t i = 0; i < CRASHFILE_MAX_ROWS; i++)
		at = stpcpy(at, ",{}");
	strcpy(at, "]}}");
	assert_fails(parse(text, &c, err), ERR_CORRUPT, "phases has 1025 rows");
	assert_fails(crashfile_create((struct bytes){(const uint8_t *)text, CRASHFILE_MAX_SIZE + 1},
				      &c, err),
		     ERR_CORRUPT, "more than");
}

/* ---- folders */

static struct dumps_entry *list; /* of read_all() */

static size_t read_all(const char *config, const char *folder)
{
	struct config *c = config_of(config);
	size_t n = 0;

	free(list);
	list = NULL;
	assert_ok(dumps_read(&service, c, folder, &list, &n, err));
	config_destroy(c);
	return n;
}

#define A "2025-11-22T15-06-39Z"
#define B "2025-11-23T15-06-39Z"
#define C "2025-11-24T15-06-39Z"

TEST(entries_newest_first)
{
	make_folders("sys/kernel");
	write_text("sys/kernel/kexec_crash_size", "300\n");
	make_crash("var/crash/" A, FULL, "vmcore");
	write_text("var/crash/" A "/pinned", "");
	make_crash("var/crash/" B, NULL, "vmcore.incomplete");
	make_crash("var/crash/" B "-2", RECORD_HEAD ",\"capture\":{\"result\":\"log-only\"}}",
		   NULL);
	make_crash("var/crash/by-hand", RECORD_HEAD "}", NULL);
	make_crash("var/crash/.removing-" A, FULL, "vmcore");
	make_folders("var/crash/201801010000"); /* of another program */
	assert_int_equal(read_all("", NULL), 4);
	assert_string_equal(list[0].name, B "-2");
	assert_string_equal(list[0].folder, "/var/crash/" B "-2");
	assert_string_equal(list[0].result, "log-only");
	assert_true(list[0].record_read && !*list[0].dump && list[0].time == 1763910399);
	assert_string_equal(list[1].name, B);
	assert_string_equal(list[1].result, "?");
	assert_string_equal(list[1].dump, "vmcore.incomplete");
	assert_non_null(strstr(list[1].record_error, "crash.json: open"));
	assert_false(list[1].record_read);
	assert_string_equal(list[2].name, A);
	assert_string_equal(list[2].result, "partial");
	assert_string_equal(list[2].release, "6.1.0");
	assert_string_equal(list[2].log, "dmesg.txt");
	assert_int_equal(list[2].dump_bytes, 5);
	assert_int_equal(list[2].bytes, strlen(FULL) + 59 + 5);
	assert_int_equal(list[2].reserved, 300);
	assert_int_equal(list[2].peak, 200);
	assert_true(list[2].pinned && !list[1].pinned && !list[2].foreign);
	assert_string_equal(list[3].name, "by-hand");
	assert_string_equal(told, "");
}

/* memory_ram, memory_total, memory_lowest of the record and the reservation of now → reservation then, and peak. */
TEST(memory_of_the_capture)
{
	static const struct {
		unsigned int ram, total, lowest, now, reserved, peak; /* MiB */
	} cases[] = {
		{0, 0, 0, 256, 256, 0},         {256, 220, 100, 256, 256, 156},
		{257, 220, 100, 256, 256, 157}, /* with the memory below 1 MiB */
		{256, 220, 100, 0, 0, 156},     {256, 220, 100, 128, 0, 156}, /* changed since */
		{0, 220, 100, 256, 256, 156},   {0, 220, 100, 128, 0, 0},
		{256, 220, 300, 256, 256, 0}, /* makes no sense */
		{256, 220, 0, 256, 256, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[300];

		snprintf(text, sizeof(text),
			 RECORD_HEAD ",\"capture\":{\"memory_ram\":%u,\"memory_total\":%u,"
				     "\"memory_lowest\":%u}}",
			 cases[i].ram << 20, cases[i].total << 20, cases[i].lowest << 20);
		make_crash("var/crash/" A, text, NULL);
		snprintf(text, sizeof(text), "%u\n", cases[i].now << 20);
		write_text("sys/kernel/kexec_crash_size", text);
		assert_int_equal(read_all("", NULL), 1);
		assert_int_equal(list->reserved, (uint64_t)cases[i].reserved << 20);
		assert_int_equal(list->peak, (uint64_t)cases[i].peak << 20);
	}
}

static void make_sparse(const char *path, off_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && ftruncate(fd, size) == 0);
	close(fd);
}

TEST(hostile_records_are_entries)
{
	make_crash("var/crash/" A, NULL, "vmcore");
	make_sparse("var/crash/" A "/crash.json", 8LL << 30);
	make_crash("var/crash/" B, NULL, "vmcore");
	assert_int_equal(mkfifo("var/crash/" B "/crash.json", 0600), 0);
	make_crash("var/crash/" C, NULL, "vmcore");
	write_text("secret", FULL);
	assert_int_equal(symlink("../../../secret", "var/crash/" C "/crash.json"), 0);
	make_crash("var/crash/2025-11-25T15-06-39Z", NULL, NULL);
	make_folders("var/crash/2025-11-25T15-06-39Z/crash.json");
	make_crash("elsewhere", FULL, "vmcore");
	assert_int_equal(symlink("../../elsewhere", "var/crash/2025-11-26T15-06-39Z"), 0);
	assert_int_equal(read_all("", NULL), 4);
	assert_non_null(strstr(list[0].record_error, "not a regular file"));
	assert_non_null(strstr(list[1].record_error, "open"));
	assert_non_null(strstr(list[2].record_error, "not a regular file"));
	assert_non_null(strstr(list[3].record_error, "larger than"));
	for (int i = 0; i < 4; i++)
		assert_true(!list[i].record_read && !*list[i].panic);
}

/* In a folder where everybody may write a user has made up the latest crash. */
TEST(what_others_made_up_is_marked)
{
	struct config *c = config_of("");
	struct dumps_entry e;

	if (geteuid()) {
		config_destroy(c);
		skip();
	}
	make_crash("var/crash/" A, FULL, "vmcore");
	make_crash("var/crash/" B, FULL, "vmcore");
	assert_int_equal(chown("var/crash/" B, 65534, 65534), 0);
	assert_int_equal(read_all("", NULL), 2);
	for (int i = 0; i < 2; i++)
		assert_true(list[i].foreign == (strcmp(list[i].name, B) == 0));
	assert_ok(dumps_find(&service, c, NULL, &e, err));
	assert_string_equal(e.name, A);
	/* a share on which all is of that user */
	assert_int_equal(chown("var/crash", 65534, 65534), 0);
	read_all("", NULL);
	assert_false(list[0].foreign || list[1].foreign);
	config_destroy(c);
}

/* A user made up so many that the real ones were left out: not told at boot, and not protected by retention. */
TEST(made_up_ones_do_not_hide_ours)
{
	size_t ours = 0, n;
	char path[64];

	if (geteuid())
		skip();
	for (int i = 0; i < DUMPS_MAX_FOREIGN + 100; i++) {
		snprintf(path, sizeof(path), "var/crash/unknown-time-%d", i + 2);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(chown(path, 65534, 65534), 0);
	}
	make_crash("var/crash/" A, FULL, "vmcore");
	make_crash("var/crash/" B, FULL, "vmcore");
	n = read_all("", NULL);
	assert_int_equal(n, DUMPS_MAX_FOREIGN + 2);
	for (size_t i = 0; i < n; i++)
		ours += !list[i].foreign;
	assert_int_equal(ours, 2);
	assert_non_null(strstr(told, "WARNING /var/crash: more than 16384 crashes, or 1024 of"));
}

/* Whatever a target has made of a dump and a log, they are found, and it is told what they are. */
TEST(forms_of_dump_and_log)
{
	static const struct {
		const char *files; /* beside dmesg.txt, which is there if no other log is */
		const char *dump, *log;
		bool whole, encrypted;
		unsigned int parts;
		uint64_t bytes;
	} cases[] = {
		{"vmcore", "vmcore", "dmesg.txt", true, false, 0, 5},
		{"vmcore.flat", "vmcore.flat", "dmesg.txt", true, false, 0, 5},
		{"vmcore.flat.age dmesg.txt.age", "vmcore.flat.age", "dmesg.txt.age", true, true, 0,
		 5},
		{"vmcore.flat.incomplete", "vmcore.flat.incomplete", "dmesg.txt", false, false, 0,
		 5},
		{"vmcore.flat.age.incomplete dmesg.txt.age.incomplete",
		 "vmcore.flat.age.incomplete", "dmesg.txt.age.incomplete", false, true, 0, 5},
		/* what is whole counts */
		{"vmcore.incomplete vmcore.flat", "vmcore.flat", "dmesg.txt", true, false, 0, 5},
		{"vmcore.flat.part-00001 vmcore.flat.part-00002 vmcore.flat.part-00004",
		 "vmcore.flat.part-00001", "dmesg.txt", false, false, 2, 10},
		{"vmcore.flat.age.part-00001", "vmcore.flat.age.part-00001", "dmesg.txt", false,
		 true, 1, 5},
		{"vmcore.flat.part-00002 vmcore.txt", "", "dmesg.txt", false, false, 0, 0},
		{"vmcore.age", "vmcore.age", "dmesg.txt", true, true, 0, 5},
	};
	struct config *c = config_of("");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char folder[64], copy[128], *rest = copy, *file, path[300], *tail = NULL;
		struct dumps_entry e;

		snprintf(folder, sizeof(folder), "var/crash/2025-11-22T15-06-%02zuZ", i);
		make_folders(folder);
		snprintf(path, sizeof(path), "%s/dmesg.txt", folder);
		if (!strstr(cases[i].files, "dmesg"))
			write_text(path, "one\n");
		snprintf(copy, sizeof(copy), "%s", cases[i].files);
		while ((file = strsep(&rest, " "))) {
			snprintf(path, sizeof(path), "%s/%s", folder, file);
			write_text(path, "KDUMP");
		}
		assert_ok(dumps_find(&service, c, "latest", &e, err));
		assert_string_equal(e.dump, cases[i].dump);
		assert_string_equal(e.log, cases[i].log);
		assert_int_equal(e.dump_whole, cases[i].whole);
		assert_int_equal(e.dump_encrypted, cases[i].encrypted);
		assert_int_equal(e.log_encrypted, strstr(cases[i].log, ".age") != NULL);
		assert_int_equal(e.dump_parts, cases[i].parts);
		assert_int_equal(e.dump_bytes, cases[i].bytes);
		if (e.log_encrypted)
			assert_fails(dumps_log_tail(&service, &e, 3, &tail, err), ERR_UNSUPPORTED,
				     "its log is encrypted");
	}
	config_destroy(c);
}

TEST(one_crash_by_name_and_path)
{
	struct config *c = config_of("");
	struct dumps_file *files;
	struct crashfile *record;
	struct dumps_entry e;
	char *tail;
	size_t n;

	assert_fails(dumps_find(&service, c, NULL, &e, err), ERR_NOT_FOUND, "no crash where");
	make_crash("var/crash/" A, FULL, "vmcore");
	make_crash("var/crash/" B, FULL, NULL);
	make_crash("srv/kept", FULL, "vmcore");
	make_folders("var/crash/" A "/logs");
	assert_ok(dumps_find(&service, c, A, &e, err));
	assert_string_equal(e.folder, "/var/crash/" A);
	assert_ok(dumps_find(&service, c, "latest", &e, err));
	assert_ok(dumps_find(&service, c, "/srv/kept//", &e, err));
	assert_string_equal(e.folder, "/srv/kept");
	assert_fails(dumps_find(&service, c, "x", &e, err), ERR_NOT_FOUND, "no crash is called x");
	assert_fails(dumps_find(&service, c, "/srv", &e, err), ERR_NOT_FOUND, "no crash's folder");
	assert_fails(dumps_find(&service, c, "/", &e, err), ERR_USAGE, "name the folder");
	assert_fails(dumps_find(&service, c, "/srv/..", &e, err), ERR_USAGE, "name the folder");
	assert_fails(dumps_find(&service, c, "/none/x", &e, err), ERR_NOT_FOUND, "/none");
	assert_ok(dumps_find(&service, c, "/var/crash/" A, &e, err));
	assert_ok(dumps_files(&service, &e, &files, &n, err));
	assert_int_equal(n, 4);
	assert_string_equal(files[0].name, "crash.json");
	assert_string_equal(files[2].name, "logs");
	assert_false(files[2].plain);
	assert_true(files[3].plain && files[3].bytes == 5);
	free(files);
	assert_ok(dumps_record(&service, &e, &record, err));
	assert_int_equal(record->n_phases, 2);
	crashfile_destroy(record);
	assert_ok(dumps_log_tail(&service, &e, 2, &tail, err));
	assert_string_equal(tail, "[    2.000000] two\n[    3.000000] three\n");
	free(tail);
	config_destroy(c);
}

TEST(the_end_of_odd_logs)
{
	struct config *c = config_of("");
	struct dumps_entry e;
	char *tail;
	int fd;

	make_crash("var/crash/" A, FULL, NULL);
	write_text("var/crash/" A "/dmesg.txt", "");
	assert_ok(dumps_find(&service, c, A, &e, err));
	assert_ok(dumps_log_tail(&service, &e, 3, &tail, err));
	assert_string_equal(tail, "");
	free(tail);
	/* one line of gigabytes, of NULs */
	make_sparse("var/crash/" A "/dmesg.txt", 4LL << 30);
	assert_ok(dumps_log_tail(&service, &e, 3, &tail, err));
	assert_int_equal(strlen(tail), 16384);
	free(tail);
	fd = open("var/crash/" A "/dmesg.txt", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "\nlast", 5), 5);
	close(fd);
	assert_ok(dumps_log_tail(&service, &e, 3, &tail, err));
	assert_string_equal(tail, "last");
	free(tail);
	assert_int_equal(unlink("var/crash/" A "/dmesg.txt"), 0);
	assert_int_equal(mkfifo("var/crash/" A "/dmesg.txt", 0600), 0);
	assert_fails(dumps_log_tail(&service, &e, 3, &tail, err), ERR_NOT_FOUND, "no log");
	config_destroy(c);
}

TEST(folders_that_are_given)
{
	size_t n;

	make_crash("mnt/x/" A, FULL, "vmcore");
	assert_int_equal(read_all("", "/mnt/x"), 1);
	assert_fails(dumps_read(&service, NULL, "/nowhere", &list, &n, err), ERR_NOT_FOUND,
		     "/nowhere");
	assert_fails(dumps_read(&service, NULL, "", &list, &n, err), ERR_USAGE, "empty");
}

/* ---- where they lie */

/* The targets' devices are files below the root; only shares need none. */
TEST(places_of_shares)
{
	static const char config[] = "virtiofs crashes\npath /dumps\n9p other\n";

	write_text("proc/self/mountinfo",
		   "30 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
		   "31 30 0:40 / /mnt/share rw - virtiofs crashes rw\n"
		   "32 30 0:41 / /mnt/hidden rw - virtiofs crashes rw\n"
		   "33 32 0:42 / /mnt/hidden/dumps rw - tmpfs tmpfs rw\n"
		   "34 30 0:40 /dumps /srv/dumps rw - virtiofs crashes rw\n");
	make_crash("mnt/share/dumps/" A, FULL, "vmcore");
	make_crash("mnt/hidden/dumps/" B, FULL, "vmcore");
	make_crash("var/crash/" C, FULL, "vmcore");
	assert_int_equal(read_all(config, NULL), 2);
	assert_string_equal(list[0].folder, "/var/crash/" C);
	assert_string_equal(list[1].folder, "/mnt/share/dumps/" A);
	assert_non_null(strstr(told, "9p other: its dumps cannot be looked at: it is not mounted"));
	assert_non_null(strstr(told, "mount -t 9p -o ro,trans=virtio other DIR"));
	assert_null(strstr(told, "virtiofs"));
	/* of those that left the machine one is told where to look */
	assert_int_equal(read_all("path /all\nssh u@far\npath /in\nsftp u@far\n"
				  "https https://far/x/\nvirtiofs crashes\npath /dumps\n",
				  NULL),
			 2);
	assert_non_null(strstr(told, "ssh u@far: its dumps are on another machine, below /in, in a "
				     "folder with this one's name"));
	assert_non_null(
		strstr(told, "sftp u@far: its dumps are on another machine, below /all, in"));
	assert_non_null(
		strstr(told, "https https://far/x/: its dumps are on another machine, in a"));
	/* the same folder by two names is one */
	assert_int_equal(rename("var/crash", "var/old"), 0);
	assert_int_equal(symlink("/mnt/share/dumps", "var/crash"), 0);
	assert_int_equal(read_all(config, NULL), 1);
}

TEST(places_of_the_root)
{
	static const char config[] = "virtiofs none\npath /dumps\nfailure_action dump_to_rootfs\n";

	make_crash("dumps/" A, FULL, "vmcore");
	assert_int_equal(read_all("path /dumps\n", NULL), 1);
	assert_int_equal(read_all(config, NULL), 1);
	write_text("proc/self/mountinfo", "30 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
					  "31 30 254:2 / /dumps rw - ext4 /dev/vda2 rw\n");
	*told = '\0';
	read_all(config, NULL);
	assert_non_null(strstr(told, "dump_to_rootfs: /dumps of the root's file system is hidden"));
}

TEST(places_without_devices)
{
	struct config *c = config_of("ext4 UUID=0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8\n"
				     "raw PARTUUID=aabbccdd-0011-4233-8455-66778899aabb\n");
	struct places p;

	assert_ok(places_find(&service, c, &p, err));
	assert_int_equal(p.n, 1);
	assert_int_equal(p.hidden, 2);
	assert_string_equal(p.v[0], "/var/crash");
	assert_non_null(
		strstr(told, "ext4 UUID=0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8: its dumps cannot"));
	assert_non_null(strstr(told, "raw PARTUUID=aabbccdd"));
	places_deinit(&p);
	config_destroy(c);
}

/* A crash on a raw partition is told until it is collected. */
TEST(raw_partitions_are_told)
{
	struct config *c = config_of("raw /dev/raw\npath /srv/dumps\n");
	struct places p;
	struct raw r;
	int fd;

	make_folders("dev");
	make_folders("sys/class/block");
	raw_make_device(RAW_SIZE);
	raw_init(&r);
	assert_ok(places_find(&service, c, &p, err));
	places_deinit(&p);
	assert_string_equal(told, "");
	raw_capture(&r, "log");
	assert_ok(places_find(&service, c, &p, err));
	places_deinit(&p);
	assert_string_equal(told, "raw /dev/raw: 1 crash is not collected yet: `lifeboat collect` "
				  "copies it to /srv/dumps\n");
	*told = '\0';
	fd = open("dev/raw", O_RDWR | O_CLOEXEC);
	assert_ok(crashpart_erase(fd, 0, "raw", err));
	close(fd);
	assert_ok(places_find(&service, c, &p, err));
	places_deinit(&p);
	assert_string_equal(told, "");
	raw_deinit(&r);
	config_destroy(c);
}

TEST(prune_keeps_what_must_stay)
{
	const struct recipe_retention rules = {.count = 1};
	struct retain_stats stats;

	make_crash("var/crash/" A, FULL, "vmcore");
	make_crash("var/crash/" B, FULL, "vmcore");
	make_crash("var/crash/" C, FULL, NULL);
	assert_ok(dumps_prune(&service, "/var/crash", &rules, true, NULL, NULL, &stats, err));
	assert_int_equal(stats.removed, 1);
	assert_true(exists("var/crash/" A));
	assert_ok(dumps_prune(&service, "/var/crash", &rules, false, NULL, NULL, &stats, err));
	assert_int_equal(stats.removed, 1);
	/* the newest, and the newest with a whole dump */
	assert_false(exists("var/crash/" A));
	assert_true(exists("var/crash/" B) && exists("var/crash/" C));
}

static int teardown(void **state)
{
	free(list);
	list = NULL;
	return machine_teardown(state);
}

#define T(name) cmocka_unit_test_setup_teardown(name, machine_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_as_documented),
		cmocka_unit_test(what_the_log_told),
		cmocka_unit_test(records_that_are_none),
		cmocka_unit_test(records_that_are_deep_or_long),
		T(entries_newest_first),
		T(memory_of_the_capture),
		T(hostile_records_are_entries),
		T(what_others_made_up_is_marked),
		T(made_up_ones_do_not_hide_ours),
		T(forms_of_dump_and_log),
		T(one_crash_by_name_and_path),
		T(the_end_of_odd_logs),
		T(folders_that_are_given),
		T(places_of_shares),
		T(places_of_the_root),
		T(places_without_devices),
		T(raw_partitions_are_told),
		T(prune_keeps_what_must_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
