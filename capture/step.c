// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/step.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

#include "base/num.h"

#define KILL_GRACE_MS 300

void *step_shared_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void step_shared_free(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

uint64_t step_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Wait until the child ended or `limit_ms` passed; true if it ended. */
static bool wait_for(int pidfd, uint64_t limit_ms)
{
	uint64_t until = step_now_ms() + limit_ms;
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		uint64_t now = step_now_ms();
		uint64_t left = now < until ? until - now : 0;
		int r = poll(&p, 1, (int)NUM_MIN(left, (uint64_t)INT_MAX));

		if (r > 0)
			return true;
		if (r == 0 && left <= (uint64_t)INT_MAX)
			return false;
		if (r < 0 && errno != EINTR && errno != EAGAIN)
			return false;
	}
}

static void judge(int status, const struct err *said, struct err *ret)
{
	if (WIFSIGNALED(status))
		err_set(ret, ERR_SYSTEM, "the process was killed by signal %d (%s)%s",
			WTERMSIG(status), strsignal(WTERMSIG(status)),
			WTERMSIG(status) == SIGKILL ? ": the capture kernel may be out of memory"
						    : "");
	else if (WEXITSTATUS(status) != 0)
		*ret = *said;
}

static void wait_and_judge(pid_t pid, int pidfd, uint64_t limit_ms, const struct err *said,
			   struct step_outcome *ret)
{
	int status = 0;

	if (!wait_for(pidfd, limit_ms)) {
		ret->timed_out = true;
		kill(pid, SIGKILL);
		ret->abandoned = !wait_for(pidfd, KILL_GRACE_MS);
		if (!ret->abandoned)
			waitpid(pid, &status, 0);
		err_set(&ret->err, ERR_TIMEOUT, "not done after %" PRIu64 " ms%s", limit_ms,
			ret->abandoned ? "; stuck in the kernel, left behind" : "");
		return;
	}
	if (waitpid(pid, &status, 0) == pid)
		judge(status, said, &ret->err);
}

static void fork_and_wait(step_fn fn, void *ctx, uint64_t limit_ms, struct err *said,
			  struct step_outcome *ret)
{
	pid_t pid = fork();
	int pidfd;

	if (pid < 0) {
		err_sys(&ret->err, errno, "fork");
		return;
	}
	if (pid == 0) {
		int r = fn(ctx, said);

		_exit(r ? 1 : 0);
	}
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) { /* kernels before 5.3; without it there is no wait with a limit */
		err_sys(&ret->err, errno, "pidfd_open");
		kill(pid, SIGKILL);
		return;
	}
	wait_and_judge(pid, pidfd, limit_ms, said, ret);
	close(pidfd);
}

void step_run(step_fn fn, void *ctx, uint64_t limit_ms, struct step_outcome *ret)
{
	struct err *said = step_shared_alloc(sizeof(*said));

	*ret = (struct step_outcome){.start_ms = step_now_ms()};
	if (said) {
		fork_and_wait(fn, ctx, limit_ms, said, ret);
		step_shared_free(said, sizeof(*said));
	} else {
		err_nomem(&ret->err, sizeof(*said), "a step");
	}
	ret->took_ms = step_now_ms() - ret->start_ms;
}
