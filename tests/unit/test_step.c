// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "base/step.h"

/* Of what is killed at its limit, on a busy test machine. */
#define SLACK_MS 1500

/* What children and test share. */
struct shared {
	volatile uint64_t counter;
	volatile bool stop; /* never */
	volatile pid_t helper;
};

static struct shared *shared;

static int make_shared(void **state __attribute__((unused)))
{
	shared = step_shared_alloc(sizeof(*shared));
	return shared ? 0 : -1;
}

static int drop_shared(void **state __attribute__((unused)))
{
	step_shared_free(shared, sizeof(*shared));
	return 0;
}

/* No child may be left, dead or alive. */
static int no_child_is_left(void **state __attribute__((unused)))
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static void run(step_fn fn, void *ctx, uint64_t ms, struct step_outcome *ret)
{
	const struct step_limits limits = {.ms = ms};

	step_run(fn, ctx, &limits, ret);
}

static void assert_took(const struct step_outcome *o, uint64_t min, uint64_t max)
{
	if (o->took_ms < min || o->took_ms > max)
		fail_msg("took %llu ms, expected %llu to %llu", (unsigned long long)o->took_ms,
			 (unsigned long long)min, (unsigned long long)max);
}

static int succeed(void *ctx, struct err *err)
{
	(void)err;
	shared->counter = *(uint64_t *)ctx;
	return 0;
}

TEST(success)
{
	uint64_t before = step_now_ms(), value = 42;
	struct step_outcome o;

	shared->counter = 0;
	run(succeed, &value, 10000, &o);
	assert_int_equal(o.err.code, 0);
	assert_string_equal(o.err.msg, "");
	assert_false(o.timed_out);
	assert_false(o.abandoned);
	assert_true(o.start_ms >= before && o.start_ms <= step_now_ms());
	assert_took(&o, 0, 5000);
	assert_int_equal(shared->counter, 42);
}

static int fail_with_errno(void *ctx, struct err *err)
{
	return err_sys(err, ENOSPC, "%s: write", (const char *)ctx);
}

TEST(the_error_comes_back_whole)
{
	char name[] = "file";
	struct step_outcome o;

	run(fail_with_errno, name, 10000, &o);
	assert_int_equal(o.err.code, ERR_NO_SPACE);
	assert_int_equal(o.err.sys, ENOSPC);
	assert_string_equal(o.err.msg, "file: write: No space left on device");
	assert_false(o.timed_out);
}

static int leave_note_and_succeed(void *ctx, struct err *err)
{
	(void)ctx;
	err_set(err, ERR_NOT_FOUND, "not there yet");
	return 0;
}

TEST(what_was_said_on_the_way_to_success_is_no_error)
{
	struct step_outcome o;

	run(leave_note_and_succeed, NULL, 10000, &o);
	assert_int_equal(o.err.code, 0);
	assert_string_equal(o.err.msg, "");
}

static int fail_silently(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return ERR_CORRUPT;
}

static int leave(void *ctx, struct err *err)
{
	(void)err;
	_exit(*(int *)ctx);
}

/* A child that ended badly without a word once counted as a success. */
TEST(a_bad_end_without_a_word_is_a_failure)
{
	struct step_outcome o;
	int status = 23;

	run(fail_silently, NULL, 10000, &o);
	assert_int_equal(o.err.code, ERR_SYSTEM);
	run(leave, &status, 10000, &o);
	assert_int_equal(o.err.code, ERR_SYSTEM);
	assert_non_null(strstr(o.err.msg, "status 23"));
}

static int die_by_signal(void *ctx, struct err *err)
{
	int sig = *(int *)ctx;

	err_set(err, ERR_NOT_FOUND, "some earlier word");
	signal(sig, SIG_DFL);
	raise(sig);
	return 0;
}

TEST(a_crash_is_told)
{
	struct step_outcome o;
	int sig = SIGSEGV;

	run(die_by_signal, &sig, 10000, &o);
	assert_int_equal(o.err.code, ERR_SYSTEM);
	assert_non_null(strstr(o.err.msg, "killed by signal 11"));
	assert_null(strstr(o.err.msg, "memory"));
	assert_true(o.crashed);
	assert_false(o.killed);
	assert_false(o.timed_out);
}

TEST(a_kill_by_somebody_else_hints_at_memory)
{
	struct step_outcome o;
	int sig = SIGKILL;

	run(die_by_signal, &sig, 10000, &o);
	assert_int_equal(o.err.code, ERR_SYSTEM);
	assert_non_null(strstr(o.err.msg, "killed by signal 9"));
	assert_non_null(strstr(o.err.msg, "out of memory"));
	assert_true(o.killed);
	assert_false(o.crashed);
	assert_false(o.timed_out);
}

static int hang(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	while (!shared->stop)
		pause();
	return 0;
}

TEST(a_hang_ends_at_its_limit)
{
	struct step_outcome o;

	run(hang, NULL, 100, &o);
	assert_true(o.timed_out);
	assert_false(o.stalled);
	assert_false(o.abandoned);
	assert_false(o.killed); /* not by somebody else */
	assert_int_equal(o.err.code, ERR_TIMEOUT);
	assert_string_equal(o.err.msg, "not done after 100 ms");
	assert_took(&o, 100, 100 + SLACK_MS);
}

static int wait_for_godot(void *ctx, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "no sign of Godot");
	return hang(ctx, err);
}

TEST(a_timeout_says_what_was_waited_for)
{
	struct step_outcome o;

	run(wait_for_godot, NULL, 100, &o);
	assert_int_equal(o.err.code, ERR_TIMEOUT);
	assert_string_equal(o.err.msg, "not done after 100 ms: no sign of Godot");
}

static int spin_deaf(void *ctx, struct err *err)
{
	sigset_t all;

	(void)ctx;
	(void)err;
	signal(SIGTERM, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (!shared->stop)
		shared->counter++;
	return 0;
}

static void *thread_main(void *arg)
{
	spin_deaf(arg, NULL);
	return NULL;
}

static int spin_in_threads(void *ctx, struct err *err)
{
	pthread_t t;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&t, NULL, thread_main, ctx))
			return err_set(err, ERR_SYSTEM, "pthread_create");
	return hang(ctx, err);
}

static void check_killed(step_fn fn)
{
	struct step_outcome o;
	uint64_t seen;

	shared->counter = 0;
	run(fn, NULL, 150, &o);
	assert_true(o.timed_out);
	assert_false(o.abandoned);
	assert_took(&o, 150, 150 + SLACK_MS);
	seen = shared->counter;
	assert_true(seen > 0);
	usleep(30000);
	assert_int_equal(shared->counter, seen);
}

/* The filter runs in threads; a step that was given up must not go on writing. */
TEST(nothing_of_it_runs_on)
{
	check_killed(spin_deaf);
	check_killed(spin_in_threads);
}

TEST(no_time_at_all)
{
	struct step_outcome o;

	run(hang, NULL, 0, &o);
	assert_true(o.timed_out);
	assert_took(&o, 0, SLACK_MS);
}

static int sleep_a_little(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	usleep(50000);
	return 0;
}

/* now + limit once wrapped around: the longest limit was none at all */
TEST(limits_too_long_for_poll_and_for_64_bits)
{
	static const uint64_t limits[] = {INT32_MAX, (uint64_t)INT32_MAX + 1, 1ULL << 40,
					  UINT64_MAX};
	struct step_outcome o;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		run(sleep_a_little, NULL, limits[i], &o);
		assert_int_equal(o.err.code, 0);
		assert_false(o.timed_out);
		assert_took(&o, 50, 5000);
	}
}

/* EMFILE, or a kernel without them: the step is done all the same, within the same bounds. */
TEST(without_a_pidfd)
{
	struct rlimit none, before;
	struct step_outcome ok, late;
	int lowest_free = dup(STDERR_FILENO);

	assert_true(lowest_free > 0);
	close(lowest_free);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){(rlim_t)lowest_free, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	run(sleep_a_little, NULL, 10000, &ok);
	run(hang, NULL, 100, &late);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(ok.err.code, 0);
	assert_took(&ok, 0, 5000);
	assert_true(late.timed_out);
	assert_false(late.abandoned);
	assert_took(&late, 100, 100 + SLACK_MS);
}

/* How it ended is unknown, and unknown is not success. */
TEST(a_lost_status_is_a_failure)
{
	struct step_outcome o;
	uint64_t value = 1;

	signal(SIGCHLD, SIG_IGN);
	run(succeed, &value, 10000, &o);
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(o.err.code, ERR_SYSTEM);
	assert_non_null(strstr(o.err.msg, "waitpid"));
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(signals_to_the_parent_do_not_end_the_wait)
{
	const struct itimerval fast = {{0, 5000}, {0, 5000}}, off = {0};
	struct sigaction act = {.sa_handler = on_alarm}; /* without SA_RESTART */
	struct step_outcome o;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &fast, NULL);
	run(sleep_a_little, NULL, 10000, &o);
	setitimer(ITIMER_REAL, &off, NULL);
	signal(SIGALRM, SIG_DFL);
	assert_int_equal(o.err.code, 0);
	assert_took(&o, 50, 5000);
}

/*
 * A child that does not die of SIGKILL. One that a third process traces stays invisible to its parent
 * until the tracer lets go, which looks the same from outside as one that is stuck in the kernel.
 */
static int hang_traced(void *ctx, struct err *err)
{
	pid_t me = getpid(), helper;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	helper = fork();
	if (helper == 0) {
		setpgid(0, 0); /* it must outlive the step's process group */
		long r = ptrace(PTRACE_SEIZE, me, NULL, NULL);

		shared->helper = r ? -1 : getpid();
		for (int i = 0; i < 600 && !r; i++)
			usleep(100000);
		_exit(0);
	}
	return hang(ctx, err);
}

TEST(a_child_that_cannot_be_killed_is_left_behind)
{
	struct step_outcome o;
	uint64_t value = 7;

	shared->helper = 0;
	run(hang_traced, NULL, 300, &o);
	if (shared->helper <= 0)
		skip(); /* tracing is forbidden here */
	assert_true(o.timed_out);
	assert_true(o.abandoned);
	assert_int_equal(o.err.code, ERR_TIMEOUT);
	assert_non_null(strstr(o.err.msg, "stuck in the kernel"));
	assert_took(&o, 300, 300 + 3000 + SLACK_MS);

	/* the next step is not disturbed by it */
	run(succeed, &value, 10000, &o);
	assert_int_equal(o.err.code, 0);

	kill(shared->helper, SIGKILL);
	assert_true(waitpid(-1, NULL, 0) > 0);
}

/* ---- progress */

/* Gets on for a while, then no more. */
static int tire(void *ctx, struct err *err)
{
	for (int i = 0; i < *(int *)ctx; i++) {
		shared->counter++;
		usleep(40000);
	}
	err_set(err, ERR_NOT_FOUND, "tired");
	return hang(ctx, err);
}

static void run_watched(step_fn fn, void *ctx, uint64_t ms, uint64_t stall_ms,
			struct step_outcome *ret)
{
	const struct step_limits limits = {
		.ms = ms,
		.progress = (const uint64_t *)&shared->counter,
		.stall_ms = stall_ms,
	};

	step_run(fn, ctx, &limits, ret);
}

TEST(what_stands_still_is_given_up_early)
{
	struct step_outcome o;
	int turns = 0;

	run_watched(tire, &turns, 60000, 150, &o);
	assert_true(o.timed_out);
	assert_true(o.stalled);
	assert_int_equal(o.err.code, ERR_TIMEOUT);
	assert_string_equal(o.err.msg, "no progress for 150 ms: tired");
	assert_took(&o, 150, 150 + SLACK_MS);

	/* 20 steps of 40 ms are longer than the limit, but there is always progress */
	turns = 20;
	run_watched(tire, &turns, 60000, 600, &o);
	assert_true(o.stalled);
	assert_took(&o, 19 * 40 + 600, 20 * 40 + 600 + 2 * SLACK_MS);
}

/* The counter was looked at when the time was over; if it had moved before, all of it was granted again. */
TEST(a_stall_is_not_seen_late)
{
	struct step_outcome o;
	int turns = 5;

	run_watched(tire, &turns, 60000, 4000, &o);
	assert_true(o.stalled);
	assert_took(&o, 4000, 4000 + 100 + 4000 / 8 + SLACK_MS);
}

TEST(progress_does_not_help_beyond_the_limit)
{
	struct step_outcome o;
	int turns = 1000;

	run_watched(tire, &turns, 200, 150, &o);
	assert_true(o.timed_out);
	assert_false(o.stalled);
	assert_string_equal(o.err.msg, "not done after 200 ms");
	assert_took(&o, 200, 200 + SLACK_MS);
}

TEST(a_stall_limit_beyond_64_bits)
{
	struct step_outcome o;

	run_watched(sleep_a_little, NULL, UINT64_MAX, UINT64_MAX, &o);
	assert_int_equal(o.err.code, 0);
	assert_took(&o, 50, 5000);
}

/* ---- what a step has started */

/* A grandchild that goes on for long, in the same process group. */
static int start_another(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	if (fork() == 0)
		for (int i = 0;; i++) {
			shared->counter++;
			usleep(1000);
			if (i == 10000) /* not for ever, whatever is broken */
				_exit(0);
		}
	while (!shared->counter)
		usleep(1000);
	return 0;
}

static int start_another_and_fail(void *ctx, struct err *err)
{
	start_another(ctx, err);
	return err_set(err, ERR_CORRUPT, "failed");
}

static int start_another_and_hang(void *ctx, struct err *err)
{
	start_another(ctx, err);
	return hang(ctx, err);
}

/* What a program before or after the dump left running would be in the way of the unmounting. */
TEST(what_it_started_ends_with_it)
{
	static const step_fn fns[] = {start_another, start_another_and_fail,
				      start_another_and_hang};

	for (size_t i = 0; i < ARRAY_SIZE(fns); i++) {
		struct step_outcome o;
		uint64_t seen;

		shared->counter = 0;
		run(fns[i], NULL, i == 2 ? 1000 : 10000, &o);
		assert_int_equal(o.err.code, i == 2 ? ERR_TIMEOUT : i == 1 ? ERR_CORRUPT : 0);
		usleep(20000);
		seen = shared->counter;
		assert_true(seen > 0);
		usleep(50000);
		assert_int_equal(shared->counter, seen);
	}
}

static int become(void *ctx, struct err *err)
{
	return step_exec(ctx, err);
}

TEST(a_program_becomes_the_step)
{
	char sh[] = "/bin/sh", c[] = "-c", none[] = "/no/such/program";
	char script[] =
		"test \"$PATH\" = /usr/sbin:/usr/bin:/sbin:/bin && test -z \"$UNIT\" && exit 7";
	char *argv[] = {sh, c, script, NULL}, *missing[] = {none, NULL};
	struct step_outcome o;

	assert_int_equal(setenv("UNIT", "nothing of ours is handed on", 1), 0);
	run(become, argv, 10000, &o);
	assert_int_equal(o.err.code, ERR_SYSTEM);
	assert_non_null(strstr(o.err.msg, "ended with status 7"));
	run(become, missing, 10000, &o);
	assert_int_equal(o.err.code, ERR_NOT_FOUND);
	assert_string_equal(o.err.msg, "/no/such/program: start: No such file or directory");
}

static int count_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	int n = 0, c;

	assert_non_null(f);
	while ((c = fgetc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

TEST(nothing_leaks)
{
	struct step_outcome o;
	uint64_t value = 1;
	int before = count_fds(), maps = count_lines("/proc/self/maps");

	for (int i = 0; i < 20; i++)
		run(i % 10 ? succeed : hang, &value, i % 10 ? 10000 : 5, &o);
	assert_int_equal(count_fds(), before);
	assert_true(count_lines("/proc/self/maps") < maps + 15);
}

TEST(no_shared_memory)
{
	assert_null(step_shared_alloc(SIZE_MAX / 2));
	step_shared_free(NULL, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(success, no_child_is_left),
		cmocka_unit_test_teardown(the_error_comes_back_whole, no_child_is_left),
		cmocka_unit_test_teardown(what_was_said_on_the_way_to_success_is_no_error,
					  no_child_is_left),
		cmocka_unit_test_teardown(a_bad_end_without_a_word_is_a_failure, no_child_is_left),
		cmocka_unit_test_teardown(a_crash_is_told, no_child_is_left),
		cmocka_unit_test_teardown(a_kill_by_somebody_else_hints_at_memory,
					  no_child_is_left),
		cmocka_unit_test_teardown(a_hang_ends_at_its_limit, no_child_is_left),
		cmocka_unit_test_teardown(a_timeout_says_what_was_waited_for, no_child_is_left),
		cmocka_unit_test_teardown(nothing_of_it_runs_on, no_child_is_left),
		cmocka_unit_test_teardown(no_time_at_all, no_child_is_left),
		cmocka_unit_test_teardown(limits_too_long_for_poll_and_for_64_bits,
					  no_child_is_left),
		cmocka_unit_test_teardown(without_a_pidfd, no_child_is_left),
		cmocka_unit_test_teardown(a_lost_status_is_a_failure, no_child_is_left),
		cmocka_unit_test_teardown(signals_to_the_parent_do_not_end_the_wait,
					  no_child_is_left),
		cmocka_unit_test_teardown(a_child_that_cannot_be_killed_is_left_behind,
					  no_child_is_left),
		cmocka_unit_test_teardown(what_stands_still_is_given_up_early, no_child_is_left),
		cmocka_unit_test_teardown(a_stall_is_not_seen_late, no_child_is_left),
		cmocka_unit_test_teardown(progress_does_not_help_beyond_the_limit,
					  no_child_is_left),
		cmocka_unit_test_teardown(a_stall_limit_beyond_64_bits, no_child_is_left),
		cmocka_unit_test_teardown(what_it_started_ends_with_it, no_child_is_left),
		cmocka_unit_test_teardown(a_program_becomes_the_step, no_child_is_left),
		cmocka_unit_test_teardown(nothing_leaks, no_child_is_left),
		cmocka_unit_test(no_shared_memory),
	};

	return cmocka_run_group_tests(tests, make_shared, drop_shared);
}
