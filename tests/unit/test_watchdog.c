// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include <limits.h>
#include <linux/watchdog.h>
#include <signal.h>
#include <sys/wait.h>

#include "capture/watchdog_ops.h"

static struct log quiet = {.tag = "t", .fd = -1, .max = LOG_LEVEL_DEBUG};

/* The device, whose calls are made by the child: in shared memory. */
struct device {
	/* what it is like */
	int open_errno[3]; /* of watchdog0 … */
	bool open_hangs;
	unsigned int options;
	const char *identity;
	int min, max, now; /* timeouts; max 0: has no call for it */
	bool nowayout;
	int ping_errno;

	/* what was done to it */
	unsigned int opens, pings, tries;
	char opened[64]; /* the last one */
	bool magic;      /* 'V' was the last byte */
	bool closed, disabled;
	int pid;
};

static struct device *device;

static int answer(int error)
{
	errno = error;
	return error ? -1 : 0;
}

static int fake_open(const char *path)
{
	const char *number = path + strlen("dev/watchdog");

	if (access(path, F_OK))
		return -1;
	device->pid = getpid();
	device->opens++;
	snprintf(device->opened, sizeof(device->opened), "%s", path);
	while (device->open_hangs)
		pause();
	if (*number && device->open_errno[*number - '0'])
		return answer(device->open_errno[*number - '0']);
	return 1000;
}

static int fake_settimeout(int *arg)
{
	device->tries++;
	if (!device->max)
		return answer(EOPNOTSUPP);
	if (*arg < device->min || *arg > device->max)
		return answer(EINVAL);
	device->now = *arg;
	return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	struct watchdog_info info = {.options = device->options};

	if (fd != 1000)
		return answer(EBADF);
	switch (request) {
	case WDIOC_GETSUPPORT:
		if (!device->identity)
			return answer(ENOTTY);
		memcpy(info.identity, device->identity, strlen(device->identity));
		memcpy(arg, &info, sizeof(info));
		return 0;
	case WDIOC_SETTIMEOUT:
		return fake_settimeout(arg);
	case WDIOC_GETTIMEOUT:
		memcpy(arg, &device->now, sizeof(int));
		return answer(device->now ? 0 : EOPNOTSUPP);
	case WDIOC_SETOPTIONS:
		device->disabled = !device->nowayout;
		return answer(device->nowayout ? EBUSY : 0);
	default:
		return answer(ENOTTY);
	}
}

static ssize_t fake_write(int fd, const void *data, size_t len)
{
	if (fd != 1000 || len != 1)
		return answer(EBADF);
	device->magic = *(const char *)data == 'V';
	device->pings += !device->magic;
	return device->ping_errno ? answer(device->ping_errno) : 1;
}

static int fake_close(int fd)
{
	device->closed = true;
	return fd == 1000 ? 0 : answer(EBADF);
}

static const struct watchdog_ops fake = {fake_open, fake_ioctl, fake_write, fake_close};

static int make(void **state)
{
	int r = scratch_make(state) || mkdir("dev", 0700);

	device = step_shared_alloc(sizeof(*device));
	write_text("dev/watchdog0", "");
	*device = (struct device){.identity = "Fake timer", .min = 1, .max = 600, .now = 30};
	return r;
}

static int drop(void **state)
{
	while (waitpid(-1, NULL, WNOHANG) >= 0) {
		if (device->pid)
			kill(device->pid, SIGKILL);
		usleep(1000);
	}
	step_shared_free(device, sizeof(*device));
	return scratch_drop(state);
}

static struct watchdog *start(unsigned int seconds, unsigned int life_ms)
{
	return watchdog_start_with(&fake, "dev", seconds, step_now_ms() + life_ms, &quiet);
}

/* Until it holds, for at most two seconds: a child has to be waited for. */
#define assert_soon(condition)                                            \
	do {                                                              \
		bool met_ = false;                                        \
                                                                          \
		for (int i_ = 0; !(met_ = (condition)) && i_ < 400; i_++) \
			usleep(5000);                                     \
		assert_true(met_);                                        \
	} while (0)

static char name[40];
static unsigned int seconds;

static bool runs(const struct watchdog *w)
{
	return watchdog_running(w, name, sizeof(name), &seconds);
}

static void check_runs(const struct watchdog *w, const char *want_name, unsigned int want_seconds)
{
	assert_soon(runs(w));
	assert_string_equal(name, want_name);
	assert_int_equal(seconds, want_seconds);
	assert_true(device->pings >= 1);
	assert_false(device->closed);
}

static bool child_ended(void)
{
	return waitpid(device->pid, NULL, WNOHANG) == device->pid;
}

TEST(none)
{
	unlink("dev/watchdog0");
	assert_null(start(60, 1000));
	assert_false(runs(NULL));
	watchdog_end(NULL, true);
	assert_int_equal(device->opens, 0);
}

TEST(petted_in_time)
{
	struct watchdog *w = start(1, 60000);

	check_runs(w, "Fake timer", 1);
	/* three times within its second, and no more than needed; this machine may be busy */
	device->pings = 0;
	usleep(900000);
	assert_in_range(device->pings, 1, 3);
	watchdog_end(w, true);
	assert_soon(child_ended());
	assert_true(device->disabled && device->magic && device->closed);
}

TEST(the_nearest_timeout)
{
	static const struct {
		int min, max, now;
		unsigned int want, get;
	} cases[] = {
		{1, 600, 30, 60, 60},   {1, 46, 30, 60, 46}, {90, 600, 100, 60, 90},
		{60, 60, 60, 3600, 60}, {60, 60, 60, 1, 60}, {1, 1000000, 1, INT_MAX, 1000000},
		{0, 0, 45, 60, 45},     {0, 0, 0, 60, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct watchdog *w;

		*device = (struct device){.identity = "x",
					  .min = cases[i].min,
					  .max = cases[i].max,
					  .now = cases[i].now};
		w = start(cases[i].want, 60000);
		check_runs(w, "x", cases[i].get);
		assert_true(device->tries < 40);
		watchdog_end(w, true);
		assert_soon(child_ended());
	}
}

/* Without 'V': a close would stop some of them, and then a restart that hangs hangs for ever. */
TEST(no_more_petting_at_the_end)
{
	struct watchdog *w = start(1, 60000);

	check_runs(w, "Fake timer", 1);
	watchdog_end(w, false);
	usleep(150000);
	device->pings = 0;
	usleep(600000);
	assert_int_equal(device->pings, 0);
	assert_false(device->closed || device->magic || device->disabled || child_ended());
}

TEST(no_more_petting_when_the_time_is_over)
{
	struct watchdog *w = start(1, 400);

	check_runs(w, "Fake timer", 1);
	usleep(500000);
	device->pings = 0;
	usleep(500000);
	assert_int_equal(device->pings, 0);
	assert_false(device->closed || child_ended());
	watchdog_end(w, true);
	assert_soon(child_ended());
	assert_true(device->closed && device->magic);
}

TEST(one_that_cannot_be_stopped_is_petted_on)
{
	struct watchdog *w;

	device->nowayout = true;
	w = start(1, 60000);
	check_runs(w, "Fake timer", 1);
	watchdog_end(w, true);
	usleep(50000);
	device->pings = 0;
	assert_soon(device->pings >= 2);
	assert_false(device->closed || child_ended());
}

/* Busy, gone, or only an alarm: the next one. That of the old interface last. */
TEST(the_first_that_can_be_used)
{
	struct watchdog *w;

	write_text("dev/watchdog1", "");
	write_text("dev/watchdog", "");
	device->open_errno[0] = EBUSY;
	w = start(60, 60000);
	check_runs(w, "Fake timer", 60);
	assert_string_equal(device->opened, "dev/watchdog1");
	watchdog_end(w, true);
	assert_soon(child_ended());

	device->open_errno[1] = ENODEV;
	device->closed = false;
	w = start(60, 60000);
	check_runs(w, "Fake timer", 60);
	assert_string_equal(device->opened, "dev/watchdog");
	watchdog_end(w, true);
	assert_soon(child_ended());

	device->options = WDIOF_ALARMONLY;
	device->opens = device->pings = 0;
	device->closed = device->magic = false;
	w = start(60, 60000);
	assert_non_null(w);
	assert_soon(child_ended());
	assert_false(runs(w));
	assert_int_equal(device->opens, 3);
	assert_int_equal(device->pings, 0);
	assert_true(device->closed && device->magic);
	/* nobody listens any more; this must neither wait nor be a signal */
	watchdog_end(w, true);
}

TEST(one_whose_open_hangs)
{
	uint64_t before = step_now_ms();
	struct watchdog *w;

	device->open_hangs = true;
	w = start(60, 60000);
	assert_non_null(w);
	assert_soon(device->opens == 1);
	assert_false(runs(w));
	watchdog_end(w, true);
	assert_true(step_now_ms() - before < 1500);
}

TEST(one_without_a_name_and_with_a_strange_one)
{
	struct watchdog *w;

	device->identity = NULL;
	w = start(60, 60000);
	check_runs(w, "watchdog0", 60);
	watchdog_end(w, true);
	assert_soon(child_ended());
	device->identity = "\33[2J3456789012345678901234567890";
	device->closed = false;
	w = start(60, 60000);
	check_runs(w, "?[2J3456789012345678901234567890", 60);
	watchdog_end(w, true);
}

/* A driver that fails once may work the next time. */
TEST(pings_that_fail)
{
	struct watchdog *w;

	device->ping_errno = EIO;
	w = start(1, 60000);
	check_runs(w, "Fake timer", 1);
	assert_soon(device->pings >= 3);
	watchdog_end(w, true);
	assert_soon(child_ended());
}

/* The real calls, on a file that is no watchdog at all. */
TEST(not_a_watchdog)
{
	struct watchdog *w = watchdog_start("dev", 1, step_now_ms() + 60000, &quiet);
	char said[40];
	unsigned int s;

	assert_non_null(w);
	assert_soon(watchdog_running(w, said, sizeof(said), &s));
	assert_string_equal(said, "watchdog0");
	assert_int_equal(s, 0);
	watchdog_end(w, true);
	assert_soon(waitpid(-1, NULL, WNOHANG) > 0);
	assert_true(strlen(text_of("dev/watchdog0")) == 0); /* begins with a NUL: a ping */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(none, make, drop),
		cmocka_unit_test_setup_teardown(petted_in_time, make, drop),
		cmocka_unit_test_setup_teardown(the_nearest_timeout, make, drop),
		cmocka_unit_test_setup_teardown(no_more_petting_at_the_end, make, drop),
		cmocka_unit_test_setup_teardown(no_more_petting_when_the_time_is_over, make, drop),
		cmocka_unit_test_setup_teardown(one_that_cannot_be_stopped_is_petted_on, make,
						drop),
		cmocka_unit_test_setup_teardown(the_first_that_can_be_used, make, drop),
		cmocka_unit_test_setup_teardown(one_whose_open_hangs, make, drop),
		cmocka_unit_test_setup_teardown(one_without_a_name_and_with_a_strange_one, make,
						drop),
		cmocka_unit_test_setup_teardown(pings_that_fail, make, drop),
		cmocka_unit_test_setup_teardown(not_a_watchdog, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
