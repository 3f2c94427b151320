// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/program.h"

#define SH(script) ((const char *const[]){"/bin/sh", "-c", (script), NULL})

struct heard {
	char text[4096];
	size_t len;
	const char *enough; /* NULL: never */
};

static bool hear(void *ctx, const char *text, size_t len)
{
	struct heard *h = ctx;

	assert_true(h->len + len < sizeof(h->text));
	memcpy(h->text + h->len, text, len);
	h->len += len;
	h->text[h->len] = '\0';
	return !h->enough || !strstr(h->text, h->enough);
}

static struct program_result run(const char *const *argv, uint64_t ms, struct heard *h)
{
	const struct program p = {.argv = argv, .ms = ms};
	struct program_result r = {0};

	assert_ok(program_watch(&p, hear, h, &r, err));
	return r;
}

TEST(says_and_ends)
{
	const char *const *argv = SH("echo out; echo err >&2; read x; exit 7");
	struct heard h = {.len = 0};
	struct program_result r = run(argv, 10000, &h);

	assert_int_equal(r.end, PROGRAM_EXITED);
	assert_int_equal(r.status, 7);
	assert_string_equal(h.text, "out\nerr\n");
}

TEST(is_killed)
{
	const char *const *argv = SH("kill -9 $$");
	struct heard h = {.len = 0};
	struct program_result r = run(argv, 10000, &h);

	assert_int_equal(r.end, PROGRAM_KILLED);
	assert_int_equal(r.status, 9);
}

/* What it has started goes, too. */
static void check_gone(const char *pid)
{
	assert_true(atoi(pid) > 1);
	for (int i = 0; i < 1000 && !kill(atoi(pid), 0); i++)
		usleep(10000); /* somebody else reaps it */
	assert_int_equal(kill(atoi(pid), 0), -1);
	assert_int_equal(errno, ESRCH);
}

TEST(is_late)
{
	const char *const *argv = SH("sleep 60 & echo $!; trap '' TERM; wait");
	struct heard h = {.len = 0};
	struct program_result r = run(argv, 2000, &h);

	assert_int_equal(r.end, PROGRAM_LATE);
	assert_in_range(r.took_ms, 2000, 20000);
	check_gone(h.text);
}

TEST(has_said_enough)
{
	const char *const *argv = SH("echo one; sleep 60; echo two");
	struct heard h = {.enough = "one\n"};

	assert_int_equal(run(argv, 30000, &h).end, PROGRAM_ENOUGH);
}

static bool tick(void *ctx, const char *text, size_t len)
{
	(void)text;
	(void)len;
	return ++*(int *)ctx < 3;
}

/* Who listens is asked although nothing is said. */
TEST(says_nothing)
{
	const struct program p = {.argv = SH("sleep 60"), .ms = 30000};
	struct program_result r;
	int ticks = 0;

	assert_ok(program_watch(&p, tick, &ticks, &r, err));
	assert_int_equal(r.end, PROGRAM_ENOUGH);
	assert_true(r.took_ms < 10000);
}

TEST(is_stopped)
{
	atomic_bool stop = true;
	const struct program p = {.argv = SH("sleep 60"), .ms = 30000, .stop = &stop};
	struct program_result r;

	assert_ok(program_watch(&p, NULL, NULL, &r, err));
	assert_int_equal(r.end, PROGRAM_STOPPED);
	assert_fails(program_run(&p, err), ERR_TIMEOUT, "told to");
}

/* What is left keeps its outputs open, and is not waited for. */
TEST(leaves_something)
{
	struct heard h = {.len = 0};
	struct program_result r = run(SH("sleep 60 & echo $!"), 30000, &h);

	assert_int_equal(r.end, PROGRAM_EXITED);
	assert_true(r.took_ms < 10000);
	check_gone(h.text);
}

/* One that says no more is not about to end, either. */
TEST(closes_its_outputs)
{
	struct heard h = {.len = 0};
	struct program_result r = run(SH("exec >&- 2>&-; sleep 0.3; exit 4"), 30000, &h);

	assert_int_equal(r.end, PROGRAM_EXITED);
	assert_int_equal(r.status, 4);
	assert_in_range(r.took_ms, 300, 20000);
}

static int succeed(const char *const *argv, uint64_t ms, struct err *err)
{
	const struct program p = {.argv = argv, .ms = ms};

	return program_run(&p, err);
}

TEST(has_to_succeed)
{
	assert_ok(succeed(SH("echo fine"), 10000, err));
	assert_fails(succeed(SH("seq 1 1000; printf 'no\\nroom\\n' >&2; exit 1"), 10000, err),
		     ERR_SYSTEM, "status 1: ");
	assert_fails(succeed(SH("seq 1 1000; printf 'no\\nroom\\n' >&2; exit 1"), 10000, err),
		     ERR_SYSTEM, " 1000 no room");
	assert_fails(succeed(SH("printf '\\033[2Jred'; exit 1"), 10000, err), ERR_SYSTEM,
		     "status 1: \\x1b[2Jred");
	assert_fails(succeed(SH("exit 3"), 10000, err), ERR_SYSTEM, "status 3: it said nothing");
	assert_fails(succeed(SH("kill -9 $$"), 10000, err), ERR_SYSTEM,
		     "signal 9: it said nothing");
	assert_fails(succeed(SH("echo begun; sleep 60"), 2000, err), ERR_TIMEOUT,
		     "/bin/sh has not ended after 2 s: begun");
	/* more than a pipe holds, for ever */
	assert_fails(succeed(SH("yes"), 1000, err), ERR_TIMEOUT, "y y y");
	assert_ok(succeed(SH("yes | head -c 300000"), 20000, err));
}

/* The end of a long text may begin within a character. */
TEST(last_words_are_whole_characters)
{
	struct err e = {0};

	assert_int_equal(succeed(SH("for i in $(seq 600); do printf 'ä'; done; printf x; exit 1"),
				 10000, &e),
			 ERR_SYSTEM);
	assert_non_null(strstr(e.msg, "status 1: ää"));
	assert_null(strstr(e.msg, "\\x"));
}

/* A status of 127 may be a program's own. */
TEST(cannot_be_started)
{
	static const char *const none[] = {"/nonexistent/tool", NULL};
	static const char *const nowhere[] = {"no-such-program", NULL};
	static const char *const folder[] = {"/tmp", NULL};
	const struct program p = {.argv = nowhere, .ms = 10000, .package = "some-package"};

	assert_fails(succeed(none, 10000, err), ERR_NOT_FOUND, "/nonexistent/tool: there is no");
	assert_fails(
		program_run(&p, err), ERR_NOT_FOUND,
		"no-such-program: there is no such program; it is in the package some-package");
	assert_fails(succeed(folder, 10000, err), ERR_SYSTEM,
		     "/tmp: it cannot be started: Permission denied");
	assert_fails(succeed(SH("exit 127"), 10000, err), ERR_SYSTEM,
		     "status 127: it said nothing");
}

TEST(has_the_path_that_it_is_given)
{
	static const char *const argv[] = {"sh", "-c", "echo $PATH", NULL};
	const struct program p = {.argv = argv, .ms = 10000, .path = PROGRAM_PATH};
	const struct program nowhere = {.argv = argv, .ms = 10000, .path = "/nonexistent:"};
	struct heard h = {.len = 0};
	struct program_result r;

	assert_ok(program_watch(&p, hear, &h, &r, err));
	assert_string_equal(h.text, PROGRAM_PATH "\n");
	assert_fails(program_run(&nowhere, err), ERR_NOT_FOUND, "sh: there is no such program");
}

/* Our input is its own; what it says is not heard, and its output goes where our errors go. */
TEST(asks)
{
	const struct program p = {
		.argv = SH("read x; echo \"got $x\"; exit 2"), .ms = 10000, .asks = true};
	int in[2], out[2], saved[2] = {dup(0), dup(2)}, r;
	struct err e = {0};
	char text[64] = "";

	assert_int_equal(pipe(in) | pipe(out), 0);
	assert_int_equal(write(in[1], "word\n", 5), 5);
	assert_true(dup2(in[0], 0) == 0 && dup2(out[1], 2) == 2);
	r = program_run(&p, &e);
	assert_true(dup2(saved[0], 0) == 0 && dup2(saved[1], 2) == 2);
	assert_int_equal(r, ERR_SYSTEM);
	assert_string_equal(e.msg, "/bin/sh ended with status 2");
	assert_int_equal(read(out[0], text, sizeof(text) - 1), 9);
	assert_string_equal(text, "got word\n");
	for (size_t i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
		close(saved[i]);
	}
}

static bool tell(void *ctx, const char *text, size_t len)
{
	return write(*(int *)ctx, text, len) == (ssize_t)len;
}

/* Who was killed cannot end it: the kernel does. */
TEST(dies_with_us)
{
	struct program p = {
		.argv = SH("echo $$; exec sleep 60"), .ms = 30000, .dies_with_us = true};
	struct program_result r;
	struct err ignored;
	char text[32] = "";
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		if (program_watch(&p, tell, &ends[1], &r, &ignored))
			_exit(1);
		_exit(0);
	}
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	assert_int_equal(kill(atoi(text), 0), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	check_gone(text);
	close(ends[0]);
	close(ends[1]);
}

TEST(where_programs_are)
{
	char path[PATH_MAX] = "", *was = strdup(getenv("PATH"));

	assert_ok(program_find("sh", "dash", path, err));
	assert_int_equal(path[0], '/');
	assert_fails(program_find("no-such-program", "some-package", path, err), ERR_NOT_FOUND,
		     "some-package");
	setenv("PATH", ".::/nonexistent", 1);
	assert_ok(program_find("sh", "dash", path, err));
	assert_int_equal(path[0], '/');
	setenv("PATH", was, 1);
	free(was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_and_ends),
		cmocka_unit_test(is_killed),
		cmocka_unit_test(is_late),
		cmocka_unit_test(has_said_enough),
		cmocka_unit_test(says_nothing),
		cmocka_unit_test(is_stopped),
		cmocka_unit_test(leaves_something),
		cmocka_unit_test(closes_its_outputs),
		cmocka_unit_test(has_to_succeed),
		cmocka_unit_test(last_words_are_whole_characters),
		cmocka_unit_test(cannot_be_started),
		cmocka_unit_test(has_the_path_that_it_is_given),
		cmocka_unit_test(asks),
		cmocka_unit_test(dies_with_us),
		cmocka_unit_test(where_programs_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
