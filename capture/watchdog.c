// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/watchdog.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/watchdog.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/num.h"
#include "base/step.h"
#include "capture/watchdog_ops.h"

#define DEVICES         32 /* as many as the kernel numbers (drivers/watchdog/watchdog_dev.c) */
#define NAME_SIZE       33 /* of struct watchdog_info, and a NUL */
#define UNKNOWN_SECONDS 15 /* of a device that does not tell its timeout: few have less */

#define COMMAND_END    'E'
#define COMMAND_DISARM 'D'

/* What the child tells. */
struct shared {
	atomic_bool running; /* the rest is valid */
	char name[NAME_SIZE];
	unsigned int seconds;
};

struct watchdog {
	struct shared *shared;
	int commands
		[2]; /* a pipe, never full; held at both ends, so that no write can be a SIGPIPE */
};

/* The child's own. */
struct dog {
	const struct watchdog_ops *ops;
	const struct log *log;
	const char *dev;
	struct shared *shared;
	unsigned int want; /* seconds */
	uint64_t end_ms;
	int commands;
	int fd;
	unsigned int seconds; /* 0: not known */
};

static int real_open(const char *path)
{
	return open(path, O_WRONLY | O_CLOEXEC);
}

static int real_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

static const struct watchdog_ops real_ops = {real_open, real_ioctl, write, close};

/* The node of number i; that of the old interface, for drivers which have only that, is the last one. */
static void node_path(const char *dev, unsigned int i, char ret[PATH_MAX])
{
	if (i < DEVICES)
		snprintf(ret, PATH_MAX, "%.4000s/watchdog%u", dev, i);
	else
		snprintf(ret, PATH_MAX, "%.4000s/watchdog", dev);
}

static bool is_there(const char *dev)
{
	char path[PATH_MAX];

	for (unsigned int i = 0; i <= DEVICES; i++) {
		node_path(dev, i, path);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* ---- the child */

/*
 * When memory is short, nothing should happen to the one process that keeps the machine from being restarted; if the
 * kernel does not allow it, it has to do without.
 */
static void protect(void)
{
	static const char never[] = "-1000";
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, never, strlen(never)) < 0)
		errno = 0;
	(void)mlockall(MCL_CURRENT);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Any byte but 'V' is a ping, and also takes an earlier 'V' back. */
static bool pet(const struct dog *d)
{
	return d->ops->write(d->fd, "", 1) == 1;
}

/* 'V' and close: what was begun by mistake shall not restart the machine. */
static void let_go(const struct dog *d)
{
	(void)!d->ops->write(d->fd, "V", 1);
	d->ops->close(d->fd);
}

static bool try_timeout(const struct dog *d, int seconds)
{
	return d->ops->ioctl(d->fd, WDIOC_SETTIMEOUT, &seconds) == 0;
}

/*
 * A device has a range of timeouts, which only its driver knows, and one at the moment: between that and the wanted
 * one is the nearest. A refused one changes nothing, so what was allowed last is in force.
 */
static void approach(const struct dog *d, int allowed, int refused)
{
	while (allowed - refused > 1 || refused - allowed > 1) {
		int middle = allowed + (refused - allowed) / 2;

		if (try_timeout(d, middle))
			allowed = middle;
		else
			refused = middle;
	}
}

static void set_timeout(struct dog *d)
{
	int now = 0;

	if (!try_timeout(d, (int)d->want) && errno == EINVAL &&
	    d->ops->ioctl(d->fd, WDIOC_GETTIMEOUT, &now) == 0 && now > 0)
		approach(d, now, (int)d->want);
	now = 0;
	if (d->ops->ioctl(d->fd, WDIOC_GETTIMEOUT, &now) == 0 && now > 0)
		d->seconds = (unsigned int)now;
}

/* Open one and see whether it is of use. False: try the next. */
static bool take(struct dog *d, unsigned int i)
{
	struct watchdog_info info = {0};
	char path[PATH_MAX];
	const char *name;

	node_path(d->dev, i, path);
	name = strrchr(path, '/') + 1;
	d->fd = d->ops->open(path);
	if (d->fd < 0) {
		if (errno != ENOENT)
			log_warn(d->log, "watchdog %s: open: %s", path, strerror(errno));
		return false;
	}
	if (d->ops->ioctl(d->fd, WDIOC_GETSUPPORT, &info) == 0) {
		if (info.options & WDIOF_ALARMONLY) {
			log_notice(d->log, "watchdog %s only alarms; it does not restart", path);
			let_go(d);
			return false;
		}
		if (info.identity[0])
			name = (const char *)info.identity;
	}
	snprintf(d->shared->name, NAME_SIZE, "%.*s", NAME_SIZE - 1, name);
	for (char *p = d->shared->name; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return true;
}

static bool take_first(struct dog *d)
{
	for (unsigned int i = 0; i <= DEVICES; i++)
		if (take(d, i))
			return true;
	return false;
}

static int period_ms(const struct dog *d)
{
	unsigned int seconds = d->seconds ? d->seconds : NUM_MIN(d->want, UNKNOWN_SECONDS);

	return (int)NUM_MIN((uint64_t)seconds * 1000 / 3, INT_MAX);
}

/* Pet it until a command comes, which is returned. */
static char pet_until_told(const struct dog *d)
{
	struct pollfd p = {.fd = d->commands, .events = POLLIN};
	bool failed = false, over = false;
	char command = COMMAND_END;

	for (;;) {
		uint64_t now = step_now_ms(), left = d->end_ms > now ? d->end_ms - now : 0;
		int wait = left ? (int)NUM_MIN((uint64_t)period_ms(d), left) : -1;

		if (left && !pet(d) && !failed) {
			failed = true;
			log_warn(d->log, "watchdog %s: ping: %s", d->shared->name, strerror(errno));
		}
		if (!left && !over) {
			over = true;
			log_warn(d->log, "watchdog %s: the time is over, it is not petted any more",
				 d->shared->name);
		}
		if (poll(&p, 1, wait) > 0)
			break;
	}
	/* without a command the parent's end is gone, and nobody is there to be saved */
	(void)!read(d->commands, &command, 1);
	return command;
}

static void disarm(struct dog *d)
{
	int off = WDIOS_DISABLECARD;

	/* EBUSY: "nowayout"; others do not have the call, and 'V' is enough */
	if (d->ops->ioctl(d->fd, WDIOC_SETOPTIONS, &off) == 0 || errno != EBUSY) {
		let_go(d);
		return;
	}
	log_warn(d->log, "watchdog %s cannot be stopped (nowayout); it is petted on",
		 d->shared->name);
	for (;;) {
		pet(d);
		poll(NULL, 0, period_ms(d));
	}
}

static void live(struct dog *d)
{
	protect();
	if (!take_first(d)) {
		log_warn(d->log, "watchdog: none can be used");
		return;
	}
	pet(d); /* what follows may take its time, and one that was running may be near its end */
	set_timeout(d);
	d->shared->seconds = d->seconds;
	atomic_store(&d->shared->running, true);
	log_notice(d->log, "watchdog: %s, %u s", d->shared->name, d->seconds);
	if (pet_until_told(d) == COMMAND_DISARM) {
		disarm(d);
		return;
	}
	/* closing it would stop it, with some drivers */
	for (;;)
		pause();
}

/* ---- the parent */

static void close_both(const int ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

struct watchdog *watchdog_start_with(const struct watchdog_ops *ops, const char *dev,
				     unsigned int seconds, uint64_t end_ms, const struct log *log)
{
	struct shared *shared = step_shared_alloc(sizeof(*shared));
	struct watchdog *w = malloc(sizeof(*w));
	int ends[2] = {-1, -1};
	pid_t pid = -1;

	if (!is_there(dev))
		log_notice(log, "watchdog: there is none");
	else if (!shared || !w || pipe2(ends, O_CLOEXEC | O_NONBLOCK) || (pid = fork()) < 0)
		log_warn(log, "watchdog: no process for it: %s", strerror(errno));
	if (pid == 0) {
		struct dog d = {
			.ops = ops,
			.log = log,
			.dev = dev,
			.shared = shared,
			.want = NUM_MAX(NUM_MIN(seconds, (unsigned int)INT_MAX), 1),
			.end_ms = end_ms,
			.commands = ends[0],
		};

		close(ends[1]);
		live(&d);
		_exit(0);
	}
	if (pid > 0) {
		*w = (struct watchdog){.shared = shared, .commands = {ends[0], ends[1]}};
		return w;
	}
	close_both(ends);
	step_shared_free(shared, sizeof(*shared));
	free(w);
	return NULL;
}

struct watchdog *watchdog_start(const char *dev, unsigned int seconds, uint64_t end_ms,
				const struct log *log)
{
	return watchdog_start_with(&real_ops, dev, seconds, end_ms, log);
}

bool watchdog_running(const struct watchdog *w, char *ret_name, size_t size,
		      unsigned int *ret_seconds)
{
	if (!w || !atomic_load(&w->shared->running))
		return false;
	snprintf(ret_name, size, "%s", w->shared->name);
	*ret_seconds = w->shared->seconds;
	return true;
}

void watchdog_end(struct watchdog *w, bool disarm)
{
	char command = disarm ? COMMAND_DISARM : COMMAND_END;

	if (!w)
		return;
	(void)!write(w->commands[1], &command, 1);
	close_both(w->commands);
	step_shared_free(w->shared, sizeof(*w->shared));
	free(w);
}
