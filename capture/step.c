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
#define LOOK_MS       10 /* between two looks at a child for which there is no pidfd */

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

/* With all its threads. The child is not reaped. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == pid;
}

/*
 * Wait until the child ended or `limit_ms` passed; true if it ended. Without a pidfd (-1, which poll
 * takes for nothing: kernels before 5.3, or no memory for one) it looks now and then.
 */
static bool wait_for(pid_t pid, int pidfd, uint64_t limit_ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	uint64_t slice = pidfd < 0 ? LOOK_MS : INT_MAX;
	uint64_t now = step_now_ms(), until;

	if (!num_add(now, limit_ms, &until))
		until = UINT64_MAX;
	for (; !has_ended(pid); now = step_now_ms()) {
		if (now >= until)
			return false;
		(void)poll(&p, 1, (int)NUM_MIN(until - now, slice)); /* EINTR: look again */
	}
	return true;
}

static void judge(int status, const struct err *said, struct err *ret)
{
	if (WIFSIGNALED(status))
		err_set(ret, ERR_SYSTEM, "the process was killed by signal %d (%s)%s",
			WTERMSIG(status), strsignal(WTERMSIG(status)),
			WTERMSIG(status) == SIGKILL ? ": the capture kernel may be out of memory"
						    : "");
	else if (WEXITSTATUS(status) != 0 && said->code)
		*ret = *said;
	else if (WEXITSTATUS(status) != 0)
		err_set(ret, ERR_SYSTEM, "the process ended with status %d and said nothing",
			WEXITSTATUS(status));
}

static void wait_and_judge(pid_t pid, int pidfd, uint64_t limit_ms, const struct err *said,
			   struct step_outcome *ret)
{
	int status = 0;

	if (!wait_for(pid, pidfd, limit_ms)) {
		ret->timed_out = true;
		kill(pid, SIGKILL);
		ret->abandoned = !wait_for(pid, pidfd, KILL_GRACE_MS);
		if (!ret->abandoned)
			waitpid(pid, &status, 0);
		err_set(&ret->err, ERR_TIMEOUT, "not done after %" PRIu64 " ms%s%s%s", limit_ms,
			ret->abandoned ? "; stuck in the kernel, left behind" : "",
			said->code ? ": " : "", said->msg);
		return;
	}
	if (waitpid(pid, &status, 0) == pid)
		judge(status, said, &ret->err);
	else
		err_sys(&ret->err, errno, "waitpid");
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
	wait_and_judge(pid, pidfd, limit_ms, said, ret);
	if (pidfd >= 0)
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
