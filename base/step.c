// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/step.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/num.h"

#define KILL_GRACE_MS 2000 /* a slow disk has to finish what it was told to write */
#define STALL_LOOKS   8    /* at the progress counter, in the time for which it may stand still */
#define LOOK_MS       10   /* between two looks at a child for which there is no pidfd */

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

/* When a step is over whatever it does, and how it stands with that. */
struct patience {
	const struct step_limits *limits;
	uint64_t until;       /* of the whole */
	uint64_t seen;        /* of the progress counter */
	uint64_t stall_until; /* unless it changes */
};

static uint64_t later(uint64_t now, uint64_t ms)
{
	uint64_t sum;

	return num_add(now, ms, &sum) ? sum : UINT64_MAX;
}

static void patience_init(struct patience *p, const struct step_limits *limits)
{
	uint64_t now = step_now_ms();

	*p = (struct patience){.limits = limits, .until = later(now, limits->ms)};
	p->stall_until = limits->progress ? later(now, limits->stall_ms) : UINT64_MAX;
	if (limits->progress)
		p->seen = __atomic_load_n(limits->progress, __ATOMIC_RELAXED);
}

/* Milliseconds for which one may wait before looking again; 0: it is over. */
static uint64_t patience_left(struct patience *p)
{
	const uint64_t *progress = p->limits->progress;
	uint64_t now = step_now_ms(), end;

	if (progress && __atomic_load_n(progress, __ATOMIC_RELAXED) != p->seen) {
		p->seen = __atomic_load_n(progress, __ATOMIC_RELAXED);
		p->stall_until = later(now, p->limits->stall_ms);
	}
	end = NUM_MIN(p->until, p->stall_until);
	return end > now ? end - now : 0;
}

/*
 * Wait until the child ended or patience did; true if it ended. Without a pidfd (-1, which poll
 * takes for nothing: kernels before 5.3, or no memory for one) it looks now and then.
 */
static bool wait_for(pid_t pid, int pidfd, struct patience *p)
{
	struct pollfd fd = {.fd = pidfd, .events = POLLIN};
	uint64_t slice = pidfd < 0 ? LOOK_MS : INT_MAX, left;

	/* the sooner progress is seen, the sooner it is seen to end */
	if (p->limits->progress)
		slice = NUM_MIN(slice,
				NUM_MAX(p->limits->stall_ms / STALL_LOOKS, (uint64_t)LOOK_MS));
	if (p->limits->look)
		slice = NUM_MIN(slice, NUM_MAX(p->limits->look_ms, 1));
	for (; !has_ended(pid);
	     (void)poll(&fd, 1, (int)NUM_MIN(left, slice))) { /* EINTR: look again */
		if (p->limits->look)
			p->limits->look(p->limits->look_ctx);
		left = patience_left(p);
		if (!left)
			return false;
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

/* The group is the child's own once it runs; before that the child itself is all there is. */
static void kill_all(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
}

/* What a child that has ended left running. As long as it is not reaped its number is nobody else's. */
static void kill_rest(pid_t pid)
{
	siginfo_t info = {0};

	if (!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == pid)
		kill(-pid, SIGKILL);
}

static void give_up(pid_t pid, int pidfd, const struct patience *p, const struct err *said,
		    struct step_outcome *ret)
{
	static const struct step_limits grace = {.ms = KILL_GRACE_MS};
	bool stalled = p->stall_until < p->until;
	struct patience last;

	ret->timed_out = true;
	ret->stalled = stalled;
	kill_all(pid);
	patience_init(&last, &grace);
	ret->abandoned = !wait_for(pid, pidfd, &last);
	if (!ret->abandoned)
		waitpid(pid, NULL, 0);
	err_set(&ret->err, ERR_TIMEOUT, "%s %" PRIu64 " ms%s%s%s",
		stalled ? "no progress for" : "not done after",
		stalled ? p->limits->stall_ms : p->limits->ms,
		ret->abandoned ? "; stuck in the kernel, left behind" : "", said->code ? ": " : "",
		said->msg);
}

static void wait_and_judge(pid_t pid, int pidfd, const struct step_limits *limits,
			   const struct err *said, struct step_outcome *ret)
{
	struct patience p;
	int status = 0;

	patience_init(&p, limits);
	if (!wait_for(pid, pidfd, &p)) {
		give_up(pid, pidfd, &p, said, ret);
		return;
	}
	kill_rest(pid);
	if (waitpid(pid, &status, 0) != pid) {
		err_sys(&ret->err, errno, "waitpid");
		return;
	}
	ret->killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	ret->crashed = WIFSIGNALED(status) && !ret->killed;
	judge(status, said, &ret->err);
}

static void fork_and_wait(step_fn fn, void *ctx, const struct step_limits *limits, struct err *said,
			  struct step_outcome *ret)
{
	pid_t pid = fork();
	int pidfd;

	if (pid < 0) {
		err_sys(&ret->err, errno, "fork");
		return;
	}
	if (pid == 0) {
		int r;

		setpgid(0, 0);
		/* steps within steps: theirs end with it */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		r = fn(ctx, said);
		_exit(r ? 1 : 0);
	}
	pidfd = pidfd_open(pid, 0);
	wait_and_judge(pid, pidfd, limits, said, ret);
	if (pidfd >= 0)
		close(pidfd);
}

void step_run(step_fn fn, void *ctx, const struct step_limits *limits, struct step_outcome *ret)
{
	struct err *said = step_shared_alloc(sizeof(*said));

	*ret = (struct step_outcome){.start_ms = step_now_ms()};
	if (said) {
		fork_and_wait(fn, ctx, limits, said, ret);
		step_shared_free(said, sizeof(*said));
	} else {
		err_nomem(&ret->err, sizeof(*said), "a step");
	}
	ret->took_ms = step_now_ms() - ret->start_ms;
}

int step_exec(char *const argv[], struct err *err)
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", home[] = "HOME=/",
	     term[] = "TERM=linux";
	char *const environment[] = {path, home, term, NULL};

	execve(argv[0], argv, environment);
	return err_sys(err, errno, "%s: start", argv[0]);
}
