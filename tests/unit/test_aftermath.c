// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/dumps_fixture.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "service/aftermath.h"
#include "service/history.h"
#include "service/journal.h"

#define NOW  1763910000ULL /* 2025-11-23T15:00:00Z */
#define BOOT 1763909000ULL
#define A    "2025-11-22T15-06-39Z"
#define A_S  1763823999ULL
#define B    "2025-11-23T14-00-00Z"
#define B_S  1763906400ULL
#define HEAD "Kernel panic - not syncing: \\u001b[31msysrq"

#define RECORD(time, result)                                                          \
	RECORD_HEAD ",\"kernel\":{\"release\":\"6.1.0\"},\"crash\":{\"time\":\"" time \
		    "\",\"panic\":\"" HEAD "\"},\"capture\":{\"result\":\"" result    \
		    "\",\"kernel\":\"6.1.9\",\"memory_total\":250,\"memory_lowest\":100}}\n"
#define RECORD_A(result) RECORD("2025-11-22T15:06:39Z", result)
#define RECORD_B(result) RECORD("2025-11-23T14:00:00Z", result)

static int journal; /* a socket that stands for it */

static int setup(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "run/systemd/journal/socket"};

	if (machine_setup(state))
		return -1;
	make_folders("run/systemd/journal");
	write_text("proc/stat", "cpu 1 2\nbtime 1763909000\nprocesses 1\n");
	write_text("sys/kernel/kexec_crash_size", "300\n");
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return bind(journal, (struct sockaddr *)&at, sizeof(at));
}

static int teardown(void **state)
{
	close(journal);
	return machine_teardown(state);
}

/* The next entry in the journal; "" if there is none. */
static const char *entry(void)
{
	static char text[16384];
	ssize_t n = recv(journal, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

#define assert_in(text, part)                                              \
	do {                                                               \
		if (!strstr(text, part))                                   \
			fail_msg("\"%s\" is not in \"%s\"", part, (text)); \
	} while (0)

static struct aftermath tell(void)
{
	struct config *c = config_of("");
	struct aftermath a;

	assert_ok(aftermath_tell(&service, c, NOW, &a, err));
	config_destroy(c);
	return a;
}

static struct history_entry *past;
static size_t n_past;

static const struct history_entry *last_of_history(void)
{
	free(past);
	past = NULL;
	assert_ok(history_read(&service, &past, &n_past, NULL, err));
	assert_true(n_past);
	return &past[n_past - 1];
}

static int cleanup(void **state)
{
	free(past);
	past = NULL;
	return teardown(state);
}

/* Those who look for crashes of one fault find them by fields; what is hostile in them is escaped. */
TEST(class_and_signature)
{
	const char *e;

	make_crash("var/crash/" A,
		   RECORD_HEAD
		   ",\"crash\":{\"time\":\"2025-11-22T15:06:39Z\",\"class\":\"gpf\"},"
		   "\"signature\":{\"func\":\"0123\",\"title\":\"gpf in \\u001b[31mf\"},"
		   "\"capture\":{\"result\":\"complete\"}}\n",
		   "vmcore");
	assert_int_equal(tell().crashes, 1);
	e = entry();
	assert_in(e, "LIFEBOAT_CLASS=gpf\n");
	assert_in(e, "LIFEBOAT_SIGNATURE=0123\n");
	assert_in(e, "LIFEBOAT_SIGNATURE_TITLE=gpf in \\x1b[31mf\n");
	assert_in(e, "LIFEBOAT_DUMP=vmcore\n");
}

TEST(a_crash_is_told_once)
{
	const struct history_entry *h;
	const char *e;

	make_crash("var/crash/" A, RECORD_A("complete"), "vmcore");
	assert_int_equal(tell().crashes, 1);
	e = entry();
	assert_in(e, "MESSAGE=The machine crashed at 2025-11-22T15:06:39Z: Kernel panic - not "
		     "syncing: \\x1b[31msysrq; the dump is in /var/crash/" A "\n");
	assert_in(e, "MESSAGE_ID=" JOURNAL_CRASH_ID "\n");
	assert_in(e, "PRIORITY=3\n");
	assert_in(e, "LIFEBOAT_FOLDER=/var/crash/" A "\n");
	assert_in(e, "LIFEBOAT_RESULT=complete\n");
	assert_in(e, "LIFEBOAT_KERNEL=6.1.0\n");
	assert_in(e, "LIFEBOAT_CRASH_TIME=2025-11-22T15:06:39Z\n");
	assert_null(strstr(e, "LIFEBOAT_TEST"));
	assert_null(strstr(e, "LIFEBOAT_CLASS"));
	assert_null(strstr(e, "LIFEBOAT_SIGNATURE"));
	assert_string_equal(entry(), "");
	h = last_of_history();
	assert_true(h->kind == HISTORY_CRASH && h->good && !h->pending);
	assert_string_equal(h->id, A);
	assert_string_equal(h->where, "/var/crash/" A);
	assert_string_equal(h->text, "Kernel panic - not syncing: \\x1b[31msysrq");
	assert_string_equal(h->kernel, "6.1.9");
	assert_int_equal(h->time, A_S);
	assert_int_equal(h->reserved, 300);
	assert_int_equal(h->peak, 200);
	/* the next boot */
	write_text("var/crash/" A "/pinned", "");
	assert_int_equal(tell().crashes, 0);
	assert_string_equal(entry(), "");
	/* and one with another crash */
	make_crash("var/crash/" B, RECORD_B("log-only"), NULL);
	assert_int_equal(tell().crashes, 1);
	e = entry();
	assert_in(e, "MESSAGE_ID=" JOURNAL_LOST_ID "\n");
	assert_in(e, "PRIORITY=2\n");
	assert_in(e, "there is no whole dump (log-only), what there is lies in /var/crash/" B);
	assert_false(last_of_history()->good);
	assert_int_equal(n_past, 2);
	assert_string_equal(told, "");
}

TEST(the_best_of_several_targets)
{
	struct config *c = config_of("virtiofs crashes\n");
	struct aftermath a;

	write_text("proc/self/mountinfo", "30 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
					  "31 30 0:40 / /mnt/share rw - virtiofs crashes rw\n");
	make_crash("var/crash/" A, RECORD_A("log-only"), NULL);
	make_crash("mnt/share/var/crash/" A, RECORD_A("complete"), "vmcore");
	assert_ok(aftermath_tell(&service, c, NOW, &a, err));
	assert_int_equal(a.crashes, 1);
	assert_in(entry(), "LIFEBOAT_FOLDER=/mnt/share/var/crash/" A "\n");
	assert_ok(aftermath_tell(&service, c, NOW, &a, err));
	assert_int_equal(a.crashes, 0);
	config_destroy(c);
}

TEST(several_crashes_the_oldest_first)
{
	make_crash("var/crash/" B, RECORD_B("complete"), "vmcore");
	make_crash("var/crash/" A, RECORD_A("complete"), "vmcore");
	make_crash("var/crash/unknown-time", "nonsense", NULL);
	assert_int_equal(tell().crashes, 3);
	assert_in(entry(), "LIFEBOAT_FOLDER=/var/crash/unknown-time\n");
	assert_in(entry(), "LIFEBOAT_FOLDER=/var/crash/" A "\n");
	assert_in(entry(), "LIFEBOAT_FOLDER=/var/crash/" B "\n");
	assert_int_equal(tell().crashes, 0);
}

TEST(what_others_made_up_is_not_told)
{
	if (geteuid())
		skip();
	make_crash("var/crash/" A, RECORD_A("complete"), "vmcore");
	assert_int_equal(chown("var/crash/" A, 65534, 65534), 0);
	assert_int_equal(tell().crashes, 0);
	assert_string_equal(entry(), "");
}

/* Of pstore. */
static void put_record(const char *path, const char *text)
{
	struct timespec times[2] = {{.tv_sec = (time_t)NOW - 100}, {.tv_sec = (time_t)NOW - 100}};

	write_text(path, text);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void begin_test(const char *id, uint64_t time)
{
	struct history_entry h = {
		.kind = HISTORY_CRASH_TEST,
		.time = time,
		.pending = true,
		.kernel = "6.1.7",
		.where = "ext4 UUID=1 /var/crash",
		.image_known = true,
		.image = {1, 2, 3},
		.reserved = 7,
	};

	strcpy(h.id, id);
	assert_ok(history_add(&service, &h, err));
}

TEST(a_crash_that_was_a_test)
{
	const struct history_entry *h;
	struct aftermath a;
	const char *e;

	begin_test("t1", B_S - AFTERMATH_TEST_SECONDS);
	make_crash("var/crash/" A, RECORD_A("complete"), "vmcore"); /* before it */
	make_crash("var/crash/" B, RECORD_B("complete"), "vmcore");
	a = tell();
	assert_int_equal(a.crashes, 1);
	assert_int_equal(a.tests, 1);
	assert_null(strstr(entry(), "LIFEBOAT_TEST"));
	e = entry();
	assert_in(e, "MESSAGE=The machine crashed for a test at 2025-11-23T14:00:00Z");
	assert_in(e, "LIFEBOAT_TEST=t1\n");
	assert_in(e, "PRIORITY=5\n");
	h = last_of_history();
	assert_true(h->kind == HISTORY_CRASH_TEST && h->good && !h->pending);
	assert_string_equal(h->id, "t1");
	assert_string_equal(h->where, "/var/crash/" B);
	assert_true(h->image_known && h->image[2] == 3);
	assert_string_equal(h->kernel, "6.1.9");
	assert_int_equal(h->peak, 200);
	assert_ptr_equal(history_last_test(past, n_past), h);
	a = tell();
	assert_int_equal(a.crashes + a.tests, 0);
	assert_string_equal(entry(), "");
}

TEST(a_crash_long_after_a_test_is_none)
{
	struct aftermath a;

	begin_test("t1", B_S - AFTERMATH_TEST_SECONDS - 1);
	make_crash("var/crash/" B, RECORD_B("complete"), "vmcore");
	a = tell();
	assert_int_equal(a.crashes, 1);
	assert_int_equal(a.tests, 1); /* it was before this boot, and has failed */
	assert_in(entry(), "MESSAGE=The machine crashed at ");
	assert_in(entry(), "MESSAGE=The crash test of 2025-11-23T13:49:59Z failed: no dump");
	assert_string_equal(entry(), "");
	assert_false(last_of_history()->good);
	assert_string_equal(past[n_past - 1].text, "no dump was found after the restart");
	assert_string_equal(past[n_past - 1].id, "t1");
	a = tell();
	assert_int_equal(a.crashes + a.tests, 0);
}

TEST(a_test_that_is_still_to_crash)
{
	begin_test("t1", BOOT + 10);
	assert_int_equal(tell().tests, 0);
	assert_string_equal(entry(), "");
	/* nobody knows when this boot was */
	begin_test("t2", BOOT - 10);
	write_text("proc/stat", "cpu 1\n");
	assert_int_equal(tell().tests, 0);
	write_text("proc/stat", "cpu 1\nbtime 1763909000\n");
	assert_int_equal(tell().tests, 1);
	assert_in(entry(), "LIFEBOAT_TEST=t2\n");
}

/* A dump on a file system that is not mounted, which is usual for one of its own, was called a failed test and a lost crash. */
TEST(what_cannot_be_looked_at_is_not_lost)
{
	struct config *c = config_of("virtiofs crashes\n");
	struct aftermath a;

	begin_test("t1", B_S);
	write_text("proc/self/mountinfo", "30 1 254:1 / / rw - ext4 /dev/vda1 rw\n");
	assert_ok(aftermath_tell(&service, c, NOW, &a, err));
	assert_int_equal(a.tests, 0);
	assert_string_equal(entry(), "");
	assert_in(told, "WARNING how the crash test of 2025-11-23T14:00:00Z went is not known");
	make_folders("sys/fs/pstore");
	put_record("sys/fs/pstore/dmesg-ramoops-0", "Panic#1 Part1\n");
	assert_ok(aftermath_tell(&service, c, NOW, &a, err));
	assert_true(a.lost);
	assert_in(entry(), "MESSAGE=The machine crashed and its dump, if there is one, cannot be "
			   "looked at now: ");
	/* then it is mounted */
	write_text("proc/self/mountinfo", "30 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
					  "31 30 0:40 / /mnt/share rw - virtiofs crashes rw\n");
	make_crash("mnt/share/var/crash/" B, RECORD_B("complete"), "vmcore");
	assert_ok(aftermath_tell(&service, c, NOW, &a, err));
	assert_int_equal(a.tests, 1);
	assert_in(entry(), "LIFEBOAT_TEST=t1\n");
	assert_true(last_of_history()->good);
	config_destroy(c);
}

TEST(a_test_with_a_bad_outcome)
{
	begin_test("t1", B_S);
	make_crash("var/crash/" B, RECORD_B("partial"), "vmcore.incomplete");
	assert_int_equal(tell().tests, 1);
	assert_in(entry(), "PRIORITY=2\n");
	assert_false(last_of_history()->good);
	assert_string_equal(past[n_past - 1].result, "partial");
}

/* ---- pstore */

TEST(a_crash_that_only_pstore_knows)
{
	const char *e;

	make_folders("sys/fs/pstore");
	put_record("sys/fs/pstore/dmesg-ramoops-0", "Panic#1 Part1\n<0>[1.0] Kernel panic - not "
						    "syncing: \x1b[31mlost\n<0>more\n");
	put_record("sys/fs/pstore/dmesg-ramoops-1", "Oops#1 Part1\nBUG: survived\n");
	put_record("sys/fs/pstore/console-ramoops-0", "Kernel panic - not syncing: old\n");
	assert_true(tell().lost);
	e = entry();
	assert_in(e, "MESSAGE=The machine crashed and left no dump: Kernel panic - not syncing: "
		     "\\x1b[31mlost; persistent storage kept the end of its log, in "
		     "/sys/fs/pstore/dmesg-ramoops-0\n");
	assert_in(e, "MESSAGE_ID=" JOURNAL_LOST_ID "\n");
	assert_string_equal(entry(), "");
	assert_int_equal(last_of_history()->kind, HISTORY_CRASH);
	assert_int_equal(past[n_past - 1].time, NOW - 100);
	/* the next boot; systemd-pstore has moved it */
	assert_false(tell().lost);
	make_folders("var/lib/systemd/pstore/170000/001");
	assert_int_equal(rename("sys/fs/pstore/dmesg-ramoops-0",
				"var/lib/systemd/pstore/170000/001/dmesg-ramoops-0"),
			 0);
	assert_false(tell().lost);
	/* another one of the same kind */
	put_record("sys/fs/pstore/dmesg-ramoops-0", "Panic#2 Part1\n<0>[2.0] x\n");
	assert_true(tell().lost);
	assert_in(entry(), "no panic message is known");
	assert_false(tell().lost);
	assert_string_equal(told, "");
}

TEST(pstore_beside_a_dump_is_no_news)
{
	make_folders("sys/fs/pstore");
	put_record("sys/fs/pstore/pmsg-ramoops-0", "Kernel panic - not syncing: x\n");
	make_crash("var/crash/" B, RECORD_B("complete"), "vmcore");
	assert_false(tell().lost);
	assert_in(entry(), "LIFEBOAT_FOLDER=/var/crash/" B);
	/* it is still there at the next boot, when there is no new dump */
	assert_false(tell().lost);
	assert_string_equal(entry(), "");
}

TEST(hostile_pstore)
{
	make_folders("sys/fs/pstore/a/b/c/d/e");
	put_record("sys/fs/pstore/a/b/c/d/dmesg-deep", "Panic#1 Part1\n");
	assert_int_equal(mkfifo("sys/fs/pstore/dmesg-fifo", 0600), 0);
	write_text("secret", "Panic#1 Part1\n");
	assert_int_equal(symlink("../../../secret", "sys/fs/pstore/dmesg-link"), 0);
	assert_int_equal(symlink(".", "sys/fs/pstore/loop"), 0);
	make_folders("sys/fs/pstore/dmesg-folder");
	put_record("sys/fs/pstore/dmesg-empty", "");
	write_text("sys/fs/pstore/dmesg-old", "Panic#9 Part1\n");
	assert_int_equal(utimensat(AT_FDCWD, "sys/fs/pstore/dmesg-old",
				   (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}, 0),
			 0);
	assert_false(tell().lost);
	assert_string_equal(entry(), "");
}

/* ---- what fails */

TEST(without_any_log_it_is_a_warning)
{
	unlink("run/systemd/journal/socket");
	make_crash("var/crash/" A, RECORD_A("complete"), "vmcore");
	assert_int_equal(tell().crashes, 1);
	assert_in(told, "WARNING The machine crashed at 2025-11-22T15:06:39Z");
	assert_int_equal(tell().crashes, 0);
}

TEST(a_damaged_history_is_no_end)
{
	make_folders("var/lib/lifeboat");
	write_text("var/lib/lifeboat/history.ndjson", "nonsense\n{}\n");
	make_crash("var/crash/" A, RECORD_A("complete"), "vmcore");
	assert_int_equal(tell().crashes, 1);
	assert_int_equal(tell().crashes, 0);
	/* and one that no line can be read of */
	unlink("var/lib/lifeboat/history.ndjson");
	make_folders("var/lib/lifeboat/history.ndjson");
	*told = '\0';
	assert_int_equal(tell().crashes, 1);
	assert_in(told, "WARNING what was told before is not known");
	assert_in(told, "which will be told again");
}

/* Of a history that is full the oldest entries have gone: what is older than all of them was told. */
TEST(a_full_history_forgets_nothing)
{
	struct history_entry h = {.kind = HISTORY_PREFLIGHT, .good = true};
	struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	make_crash("var/crash/" A, RECORD_A("complete"), "vmcore");
	assert_int_equal(utimensat(AT_FDCWD, "var/crash/" A "/crash.json", times, 0), 0);
	for (size_t i = 0; i < HISTORY_KEEP; i++) {
		h.time = A_S + i;
		assert_ok(history_add(&service, &h, err));
	}
	assert_int_equal(tell().crashes, 0);
	make_crash("var/crash/" B, RECORD_B("complete"), "vmcore");
	assert_int_equal(tell().crashes, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(class_and_signature),
		T(a_crash_is_told_once),
		T(the_best_of_several_targets),
		T(several_crashes_the_oldest_first),
		T(what_others_made_up_is_not_told),
		T(a_crash_that_was_a_test),
		T(a_crash_long_after_a_test_is_none),
		T(a_test_that_is_still_to_crash),
		T(what_cannot_be_looked_at_is_not_lost),
		T(a_test_with_a_bad_outcome),
		T(a_crash_that_only_pstore_knows),
		T(pstore_beside_a_dump_is_no_news),
		T(hostile_pstore),
		T(without_any_log_it_is_a_warning),
		T(a_damaged_history_is_no_end),
		T(a_full_history_forgets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
