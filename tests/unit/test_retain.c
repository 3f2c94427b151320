// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "capture/retain.h"

#define RECORD "{\"schema\":\"lifeboat-crash-1\",\"tool\":\"x\"}\n"
#define NOW    1700000000ULL /* 2023-11-14T22:13:20Z */
#define DAY    86400

#define A "2023-11-01T00-00-00Z"
#define B "2023-11-02T00-00-00Z"
#define C "2023-11-03T00-00-00Z"
#define D "2023-11-03T00-00-00Z-2"
#define E "2023-11-14T22-13-20Z"

static void put(const char *folder, const char *name, const char *text)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void make_crash(const char *name, bool dump)
{
	char path[100];

	snprintf(path, sizeof(path), "crash/%s", name);
	assert_int_equal(mkdir(path, 0700), 0);
	put(path, "crash.json", RECORD);
	put(path, "dmesg.txt", "panic\n");
	if (dump)
		put(path, "vmcore", "KDUMP");
}

static bool there(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "crash/%s", name);
	return access(path, F_OK) == 0;
}

static int setup(void **state)
{
	return scratch_make(state) || mkdir("crash", 0755);
}

/* Five crashes, all with a dump. */
static void make_five(void)
{
	make_crash(A, true);
	make_crash(B, true);
	make_crash(C, true);
	make_crash(D, true);
	make_crash(E, true);
}

struct told {
	char text[1024];
	uint64_t bytes;
};

/* "name", of those that stay, "name=why" of the others. */
static void hear(void *ctx, const char *name, uint64_t bytes, bool pinned, const char *why)
{
	struct told *t = ctx;
	size_t len = strlen(t->text);

	t->bytes += bytes;
	snprintf(t->text + len, sizeof(t->text) - len, "%s%s%s%s ", name, pinned ? "!" : "",
		 why ? "=" : "", why ? why : "");
}

static void expect(const struct recipe_retention *rules, const char *newest, uint64_t now, bool dry,
		   const char *want)
{
	struct told told = {.bytes = 0};
	struct retain_stats stats;

	assert_ok(retain_apply("crash", newest, rules, now, dry, hear, &told, &stats, err));
	assert_string_equal(told.text, want);
	assert_int_equal(stats.failed, 0);
}

TEST(by_count_the_oldest_go)
{
	make_five();
	expect(&(struct recipe_retention){0}, E, NOW, false, A " " B " " C " " D " " E " ");
	expect(&(struct recipe_retention){.count = 2}, E, NOW, true,
	       A "=count " B "=count " C "=count " D " " E " ");
	assert_true(there(A) && there(B) && there(C));
	expect(&(struct recipe_retention){.count = 2}, E, NOW, false,
	       A "=count " B "=count " C "=count " D " " E " ");
	assert_false(there(A) || there(B) || there(C));
	assert_true(there(D "/vmcore") && there(E "/vmcore"));
	expect(&(struct recipe_retention){.count = 2}, E, NOW, false, D " " E " ");
}

TEST(what_is_never_removed)
{
	make_five();
	make_crash("2023-11-20T00-00-00Z", false); /* the latest, without a dump */
	put("crash/" B, "pinned", "");
	unlink("crash/" E "/vmcore");
	put("crash/" E, "vmcore.incomplete", "KDUMP");
	/* the newest one is A: its clock was wrong. The latest with a dump is D */
	expect(&(struct recipe_retention){.count = 1}, A, NOW, false,
	       A " " B "! " C "=count " D " " E "=count 2023-11-20T00-00-00Z=count ");
	assert_true(there(A) && there(B) && there(D));
	assert_false(there(C) || there(E));
}

TEST(by_age_unless_the_clock_is_wrong)
{
	const struct recipe_retention rules = {.age = 12 * DAY + 1};

	make_five();
	expect(&rules, E, 100, true, A " " B " " C " " D " " E " "); /* 1970 */
	expect(&rules, E, NOW - 1, true,
	       A " " B " " C " " D " " E " "); /* before the newest name */
	expect(&rules, E, NOW, false, A "=age " B "=age " C " " D " " E " ");
	assert_true(!there(A) && !there(B) && there(C));
	/* however old: the latest dump stays */
	expect(&rules, NULL, NOW + 1000ULL * DAY, false, C "=age " D "=age " E " ");
}

TEST(an_unknown_time_has_no_age_and_comes_first)
{
	make_crash("unknown-time", true);
	make_crash("unknown-time-2", true);
	make_crash(E, true);
	expect(&(struct recipe_retention){.age = 1}, E, NOW + DAY, false,
	       "unknown-time unknown-time-2 " E " ");
	expect(&(struct recipe_retention){.count = 2}, E, NOW, false,
	       "unknown-time=count unknown-time-2 " E " ");
}

TEST(by_bytes)
{
	struct told told = {.bytes = 0};
	struct retain_stats stats;
	uint64_t all;

	make_five();
	assert_ok(retain_apply("crash", E, &(struct recipe_retention){0}, NOW, true, hear, &told,
			       &stats, err));
	all = told.bytes;
	assert_true(all > 0 && all % 5 == 0 && stats.crashes == 5 && stats.removed == 0);
	assert_ok(retain_apply("crash", E, &(struct recipe_retention){.bytes = all}, NOW, false,
			       NULL, NULL, &stats, err));
	assert_int_equal(stats.removed, 0);
	assert_ok(retain_apply("crash", E, &(struct recipe_retention){.bytes = all - 1}, NOW, false,
			       NULL, NULL, &stats, err));
	assert_true(stats.removed == 1 && stats.removed_bytes == all / 5);
	assert_false(there(A));
	/* of a limit that cannot be met, the protected stay */
	assert_ok(retain_apply("crash", E, &(struct recipe_retention){.bytes = 1}, NOW, false, NULL,
			       NULL, &stats, err));
	assert_int_equal(stats.removed, 3);
	assert_true(there(E "/vmcore"));
}

/* More shall be free than the file system has: it is given up once that is seen to lead nowhere. */
TEST(by_free_space)
{
	struct retain_stats stats;

	make_five();
	for (int i = 0; i < 5; i++) {
		static const char *const names[] = {A, B, C, D, E};
		char path[100];

		snprintf(path, sizeof(path), "crash/%s/dmesg.txt", names[i]);
		unlink(path);
		assert_int_equal(symlink("nowhere", path), 0);
		snprintf(path, sizeof(path), "crash/%s/vmcore", names[i]);
		assert_int_equal(truncate(path, 0), 0);
	}
	expect(&(struct recipe_retention){.free = 1}, E, NOW, false, A " " B " " C " " D " " E " ");
	expect(&(struct recipe_retention){.free = UINT64_MAX}, E, NOW, true,
	       A "=free " B "=free " C "=free " D "=free " E " ");
	assert_ok(retain_apply("crash", E, &(struct recipe_retention){.free = UINT64_MAX}, NOW,
			       false, NULL, NULL, &stats, err));
	assert_true(stats.removed >= 1 && stats.removed <= 4 && there(E));
}

TEST(nothing_else_is_touched)
{
	static const char *const names[] = {
		"2023-11-01T00-00-00Z-1",  "2023-11-01T00-00-00Z-02", "2023-11-01T00-00-00Z-",
		"2023-11-01T00-00-00Z-2x", "2023-11-01T00-00-00z",    "2023-02-30T00-00-00Z",
		"2023-11-01T00:00:00Z",    "2023-11-01T24-00-00Z",    "127.0.0.1-2023-11-01",
		"unknown-time-x",          ".removing-mine",          ".removing-",
		"2023-11-01T00-00-00Z.bak"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		make_crash(names[i], true);
	/* of a right name, but no record of ours */
	assert_int_equal(mkdir("crash/" A, 0700), 0);
	put("crash/" A, "vmcore", "x");
	make_crash(B, true);
	put("crash/" B, "crash.json", "{\"schema\":\"other-crash-1\"}");
	make_crash(C, true);
	unlink("crash/" C "/crash.json");
	assert_int_equal(symlink("../../record", "crash/" C "/crash.json"), 0);
	put(".", "record", RECORD);
	put("crash", D, RECORD); /* a file */
	make_crash("elsewhere", true);
	assert_int_equal(symlink("elsewhere", "crash/" E), 0);
	expect(&(struct recipe_retention){.count = 1, .age = 1, .bytes = 1}, NULL, NOW + DAY, false,
	       "");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_true(there(names[i]));
	assert_true(there(A) && there(B) && there(C) && there(D) && there(E));
}

/* A record as a person would indent it counts as well. */
TEST(a_record_with_blanks)
{
	make_crash(A, true);
	put("crash/" A, "crash.json", "{\n  \"schema\": \"lifeboat-crash-2\"\n}\n");
	make_crash(E, true);
	expect(&(struct recipe_retention){.count = 1}, E, NOW, false, A "=count " E " ");
}

/* Whoever can write inside of a crash's folder gains nothing outside of it. */
TEST(hostile_contents)
{
	char path[300] = "crash/" B;
	struct retain_stats stats;

	put(".", "precious", "x");
	assert_int_equal(mkdir("treasure", 0755), 0);
	put("treasure", "gold", "x");
	make_crash(A, true);
	assert_int_equal(symlink("../../precious", "crash/" A "/link"), 0);
	assert_int_equal(symlink("../../treasure", "crash/" A "/folder"), 0);
	assert_int_equal(mkfifo("crash/" A "/fifo", 0600), 0);
	assert_int_equal(mkdir("crash/" A "/sub", 0700), 0);
	assert_int_equal(symlink("../../../treasure", "crash/" A "/sub/folder"), 0);
	put("crash/" A "/sub", "\n\x1b[2J", "x");
	make_crash(B, true);
	for (int i = 0; i < 20; i++) {
		strcat(path, "/deep");
		assert_int_equal(mkdir(path, 0700), 0);
	}
	make_crash(E, true);
	assert_ok(retain_apply("crash", E, &(struct recipe_retention){.count = 1}, NOW, false, NULL,
			       NULL, &stats, err));
	assert_int_equal(stats.removed, 1);
	assert_int_equal(stats.failed, 1);
	assert_non_null(strstr(stats.first_failure, B ": folders are nested deeper"));
	assert_true(!there(A) && there(B "/vmcore") && there(B "/crash.json"));
	assert_true(exists("precious") && exists("treasure/gold"));
}

/*
 * /var/crash may be mode 1777: crashes that somebody else made up are neither the latest dump, which stays in place of a
 * real one, nor do they count, nor stop the age limit with a time to come.
 */
TEST(folders_of_another_owner_are_no_crashes)
{
	static const char *const made_up[] = {"9998-01-01T00-00-00Z", "9999-01-01T00-00-00Z",
					      ".removing-" A};

	if (geteuid())
		skip();
	make_five();
	for (size_t i = 0; i < 3; i++) {
		char path[100];

		make_crash(made_up[i], true);
		snprintf(path, sizeof(path), "crash/%s", made_up[i]);
		assert_int_equal(chown(path, 1000, 1000), 0);
	}
	expect(&(struct recipe_retention){.count = 2}, NULL, NOW, false,
	       A "=count " B "=count " C "=count " D " " E " ");
	expect(&(struct recipe_retention){.age = 1}, E, NOW, false, D "=age " E " ");
	for (size_t i = 0; i < 3; i++)
		assert_true(there(made_up[i]));
}

/* A share may have all that we make belong to somebody else. */
TEST(the_owner_is_that_of_the_newest)
{
	static const char *const names[] = {A, B, E};

	if (geteuid())
		skip();
	for (size_t i = 0; i < 3; i++) {
		char path[100];

		make_crash(names[i], true);
		snprintf(path, sizeof(path), "crash/%s", names[i]);
		assert_int_equal(chown(path, 1000, 1000), 0);
	}
	expect(&(struct recipe_retention){.count = 1}, E, NOW, false,
	       A "=count " B "=count " E " ");
}

static bool set_flags(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool done = fd >= 0 && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;

	if (fd >= 0)
		close(fd);
	return done;
}

/* chattr +i: what was beside it went, and the rest had no name of a crash any more. */
TEST(what_is_immutable_is_pinned)
{
	bool can;

	make_five();
	can = set_flags("crash/" A "/vmcore", FS_IMMUTABLE_FL) &&
	      set_flags("crash/" B, FS_APPEND_FL);
	if (can)
		expect(&(struct recipe_retention){.count = 1}, E, NOW, false,
		       A "! " B "! " C "=count " D "=count " E " ");
	assert_true(there(A "/crash.json") && there(B "/crash.json"));
	set_flags("crash/" A "/vmcore", 0);
	set_flags("crash/" B, 0);
	if (!can)
		skip();
}

/* Names in a folder may be anyone's, and failures go to a console. */
TEST(a_failure_shows_no_control_characters)
{
	static const char bad[] = "crash/.removing-" A "/\x1b[2J";
	struct retain_stats stats;
	bool can;

	make_crash(".removing-" A, true);
	make_crash(E, true);
	assert_int_equal(mkdir(bad, 0700), 0);
	can = set_flags(bad, FS_IMMUTABLE_FL);
	assert_ok(retain_apply("crash", E, &(struct recipe_retention){0}, NOW, false, NULL, NULL,
			       &stats, err));
	set_flags(bad, 0);
	if (!can)
		skip();
	assert_int_equal(stats.failed, 1);
	assert_non_null(strstr(stats.first_failure, "remove \\x1b[2J in it"));
}

/* Cut off while it was removed: no crash any more, and the next run finishes it. */
TEST(leftovers_of_a_removal)
{
	make_crash(".removing-" A, true);
	make_crash(E, true);
	expect(&(struct recipe_retention){0}, E, NOW, true, E " ");
	assert_true(there(".removing-" A));
	expect(&(struct recipe_retention){0}, E, NOW, false, E " ");
	assert_false(there(".removing-" A));
}

/* A leftover that cannot be removed, since it is a file; it is in the way of the rename, too, which finds another one. */
TEST(a_failed_removal_is_counted)
{
	struct retain_stats stats;

	put("crash", ".removing-" A, "x");
	make_crash(A, true);
	make_crash(E, true);
	assert_ok(retain_apply("crash", E, &(struct recipe_retention){.count = 1}, NOW, false, NULL,
			       NULL, &stats, err));
	assert_int_equal(stats.removed, 1);
	assert_int_equal(stats.failed, 1);
	assert_true(!there(A) && there(".removing-" A));
	assert_fails(retain_apply("nowhere", E, &(struct recipe_retention){0}, NOW, false, NULL,
				  NULL, &stats, err),
		     ERR_NOT_FOUND, "nowhere");
}

TEST(ten_thousand_crashes)
{
	struct retain_stats stats;

	for (int i = 0; i < 10000; i++) {
		char name[60], path[100];

		snprintf(name, sizeof(name), A "-%d", i + 2);
		snprintf(path, sizeof(path), "crash/%s", name);
		assert_int_equal(mkdir(path, 0700), 0);
		put(path, "crash.json", RECORD);
	}
	assert_ok(retain_apply("crash", A "-10001", &(struct recipe_retention){.count = 9990}, NOW,
			       false, NULL, NULL, &stats, err));
	assert_true(stats.crashes == 10000 && stats.removed == 10);
	assert_true(!there(A "-2") && !there(A "-11") && there(A "-12") && there(A "-10001"));
}

/* A kernel before 5.6 has no openat2. */
static int without_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(*code), code};
	struct retain_stats stats = {0};
	struct err err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 77;
	if (retain_apply("crash", E, &(struct recipe_retention){.count = 2}, NOW, false, NULL, NULL,
			 &stats, &err))
		return 1;
	return stats.crashes == 5 && stats.removed == 3 ? 0 : 2;
}

TEST(on_older_kernels)
{
	int status;
	pid_t pid;

	make_five();
	put(".", "precious", "x");
	assert_int_equal(symlink("../..", "crash/" A "/up"), 0);
	pid = fork();
	if (pid == 0)
		_exit(without_openat2());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(!there(A) && there(D) && there(E) && exists("precious"));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, scratch_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(by_count_the_oldest_go),
		test(what_is_never_removed),
		test(by_age_unless_the_clock_is_wrong),
		test(an_unknown_time_has_no_age_and_comes_first),
		test(by_bytes),
		test(by_free_space),
		test(nothing_else_is_touched),
		test(a_record_with_blanks),
		test(hostile_contents),
		test(folders_of_another_owner_are_no_crashes),
		test(the_owner_is_that_of_the_newest),
		test(what_is_immutable_is_pinned),
		test(a_failure_shows_no_control_characters),
		test(leftovers_of_a_removal),
		test(a_failed_removal_is_counted),
		test(ten_thousand_crashes),
		test(on_older_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
