// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/text.h"

#define TICK_MS   50  /* how often it is looked whether it has ended, or is to */
#define SILENT_MS 5   /* the same once its outputs are closed: it is about to */
#define TAIL      600 /* of what it says, in a message */
#define PIECES    32  /* read between two looks: more than a pipe holds */
#define FAILED    127
#define NS_PER_MS 1000000

/* ---- where programs are */

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool find_in(const char *path, const char *name, char ret[PATH_MAX])
{
	while (path && *path) {
		size_t len = strcspn(path, ":");

		if (*path == '/' &&
		    snprintf(ret, PATH_MAX, "%.*s/%s", (int)len, path, name) < PATH_MAX &&
		    is_program(ret))
			return true;
		path += len + (path[len] == ':');
	}
	return false;
}

static int not_found(const char *name, const char *package, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "%s: there is no such program%s%s", name,
		       package ? "; it is in the package " : "", package ? package : "");
}

int program_find(const char *name, const char *package, char ret[PATH_MAX], struct err *err)
{
	char found[PATH_MAX];

	if (!find_in(getenv("PATH"), name, found) && !find_in(PROGRAM_PATH, name, found))
		return not_found(name, package, err);
	strcpy(ret, found);
	return 0;
}

/* ---- starting one */

struct start {
	const struct program *p;
	char file[PATH_MAX];
	char **environment; /* NULL: ours */
	char *path;         /* the word in it */
	bool group;         /* of its own */
	pid_t parent;
	int out, failed; /* pipes: what it says, and why it was not started */
};

static void start_deinit(struct start *s)
{
	free(s->environment);
	free(s->path);
}

/* Ours, but for PATH: made before the fork, as nothing may be allocated behind it. */
static int make_environment(struct start *s, struct err *err)
{
	size_t n = 0, to = 0;

	if (!s->p->path)
		return 0;
	while (environ && environ[n])
		n++;
	s->environment = calloc(n + 2, sizeof(*s->environment));
	if (!s->environment || asprintf(&s->path, "PATH=%s", s->p->path) < 0) {
		s->path = NULL;
		return err_nomem(err, (n + 2) * sizeof(*s->environment), "an environment");
	}
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "PATH=", 5) != 0)
			s->environment[to++] = environ[i];
	s->environment[to] = s->path;
	return 0;
}

static int prepare(const struct program *p, struct start *s, struct err *err)
{
	const char *name = p->argv[0];

	s->p = p;
	s->parent = getpid();
	/* a password is asked for on the terminal, which only the group in front has */
	s->group = !p->asks || !isatty(STDIN_FILENO);
	if (strchr(name, '/')) {
		if (snprintf(s->file, sizeof(s->file), "%s", name) >= PATH_MAX)
			return err_sys(err, ENAMETOOLONG, "%.80s…", name);
	} else if (!find_in(p->path ? p->path : getenv("PATH"), name, s->file)) {
		return not_found(name, p->package, err);
	}
	return make_environment(s, err);
}

/* What it says to people goes to standard error: our standard output may be for a program. */
static bool connect_files(const struct start *s)
{
	int null;

	if (s->p->asks)
		return dup2(STDERR_FILENO, STDOUT_FILENO) >= 0;
	null = open("/dev/null", O_RDONLY);
	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(s->out, STDOUT_FILENO) >= 0 &&
	       dup2(s->out, STDERR_FILENO) >= 0;
}

/* In the child: nothing but system calls. */
static void become(const struct start *s)
{
	static const int usual[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD};
	sigset_t none;
	int why;

	if (s->group)
		setpgid(0, 0);
	if (s->p->dies_with_us) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != s->parent)
			_exit(FAILED); /* it died before that */
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		signal(usual[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (connect_files(s))
		execve(s->file, (char *const *)s->p->argv,
		       s->environment ? s->environment : environ);
	why = errno;
	if (write(s->failed, &why, sizeof(why)) < 0)
		_exit(FAILED);
	_exit(FAILED);
}

/* ---- and what becomes of it */

struct watch {
	const struct program *p;
	program_fn said;
	void *ctx;
	pid_t pid;
	int from; /* what it says; -1: no more comes */
	uint64_t began;
};

static uint64_t now_ms(void)
{
	return clock_ns() / NS_PER_MS;
}

/* It is not reaped, so that its number stays that of its group. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* False: who listens has heard enough. */
static bool hear(struct watch *w)
{
	char data[8192];
	bool silent = true;

	for (int i = 0; w->from >= 0 && i < PIECES; i++) {
		ssize_t n = read(w->from, data, sizeof(data));

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			w->from = -1;
		if (n <= 0)
			break;
		silent = false;
		if (w->said && !w->said(w->ctx, data, (size_t)n))
			return false;
	}
	return !silent || !w->said || w->said(w->ctx, "", 0);
}

/* Until it has ended or has to: what it has started may keep its outputs open longer than that. */
static enum program_end wait_for(struct watch *w)
{
	for (;;) {
		struct pollfd fd = {.fd = w->from, .events = POLLIN};
		bool ended;

		poll(&fd, 1, w->from < 0 ? SILENT_MS : TICK_MS);
		ended = has_ended(w->pid); /* before the last is read */
		if (!hear(w))
			return PROGRAM_ENOUGH;
		if (ended)
			return PROGRAM_EXITED;
		if (w->p->stop && atomic_load(w->p->stop))
			return PROGRAM_STOPPED;
		if (now_ms() - w->began >= w->p->ms)
			return PROGRAM_LATE;
	}
}

static void watch(struct watch *w, struct program_result *ret)
{
	int status = 0;

	ret->end = wait_for(w);
	kill(-w->pid, SIGKILL);
	kill(w->pid, SIGKILL); /* if it has no group, or not yet */
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ret->end == PROGRAM_EXITED && WIFSIGNALED(status))
		ret->end = PROGRAM_KILLED;
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	ret->took_ms = now_ms() - w->began;
}

static int fork_it(struct start *s, struct watch *w, struct program_result *ret, struct err *err)
{
	const char *name = s->p->argv[0];
	int out[2], failed[2], why;

	if (pipe2(out, O_CLOEXEC))
		return err_sys(err, errno, "%s: pipe", name);
	if (pipe2(failed, O_CLOEXEC)) {
		err_sys(err, errno, "%s: pipe", name);
		close(out[0]);
		close(out[1]);
		return err->code;
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(failed[0], F_SETFL, O_NONBLOCK);
	s->out = out[1];
	s->failed = failed[1];
	w->from = out[0];
	w->pid = fork();
	if (!w->pid)
		become(s);
	why = w->pid < 0 ? errno : 0;
	close(out[1]);
	close(failed[1]);
	if (w->pid > 0)
		watch(w, ret);
	if (w->pid > 0 && read(failed[0], &why, sizeof(why)) != sizeof(why))
		why = 0;
	close(out[0]);
	close(failed[0]);
	if (why == ENOENT && w->pid > 0 && access(s->file, F_OK)) /* not the shell of a script */
		return not_found(name, s->p->package, err);
	return why ? err_sys(err, why, "%s: it cannot be started", name) : 0;
}

int program_watch(const struct program *p, program_fn said, void *ctx, struct program_result *ret,
		  struct err *err)
{
	_cleanup_(start_deinit) struct start s = {.p = p};
	struct watch w = {.p = p, .said = said, .ctx = ctx, .began = now_ms()};
	struct program_result result = {0};

	if (prepare(p, &s, err) || fork_it(&s, &w, &result, err))
		return err->code;
	*ret = result;
	return 0;
}

/* ---- those that have to succeed */

struct tail {
	char text[TAIL + 1];
	size_t len;
};

/* The last words count. */
static bool keep_tail(void *ctx, const char *text, size_t len)
{
	struct tail *t = ctx;
	size_t over;

	if (len > TAIL) {
		text += len - TAIL;
		len = TAIL;
	}
	over = t->len + len > TAIL ? t->len + len - TAIL : 0;
	memmove(t->text, t->text + over, t->len - over);
	memcpy(t->text + t->len - over, text, len);
	t->len += len - over;
	return true;
}

static bool is_continued(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* ": " and what it said at last; of one that asks people, they have read it. */
static const char *last_words(const struct program *p, struct tail *t, char ret[TAIL * 4 + 3])
{
	const char *from = t->text;

	t->text[t->len] = '\0';
	while (t->len == TAIL && is_continued(*from))
		from++;
	strcpy(ret, ": ");
	if (!*text_one_line(from, ret + 2, TAIL * 4 + 1))
		strcpy(ret, p->asks ? "" : ": it said nothing");
	return ret;
}

int program_run(const struct program *p, struct err *err)
{
	const char *name = p->argv[0];
	char words[TAIL * 4 + 3];
	struct tail tail = {.len = 0};
	struct program_result result = {0};

	if (program_watch(p, keep_tail, &tail, &result, err))
		return err->code;
	last_words(p, &tail, words);
	switch (result.end) {
	case PROGRAM_EXITED:
		if (!result.status)
			return 0;
		return err_set(err, ERR_SYSTEM, "%s ended with status %d%s", name, result.status,
			       words);
	case PROGRAM_KILLED:
		return err_set(err, ERR_SYSTEM, "%s was ended by signal %d%s", name, result.status,
			       words);
	case PROGRAM_STOPPED:
		return err_set(err, ERR_TIMEOUT, "%s: stopped, as we were told to", name);
	case PROGRAM_ENOUGH:
	case PROGRAM_LATE:
		break;
	}
	return err_set(err, ERR_TIMEOUT, "%s has not ended after %llu s%s", name,
		       (unsigned long long)(p->ms / 1000), words);
}
