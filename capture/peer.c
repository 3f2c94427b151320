// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/text.h"

#define TAIL  4096 /* kept of standard error */
#define PIECE 4096 /* read at a time */

struct peer {
	pid_t pid;       /* 0: it was waited for */
	int status;      /* then */
	int in;          /* -1: closed */
	int out, errors; /* -1: it came to its end */
	int held;
	peer_line_fn line;
	void *ctx;
	char at_hand[PEER_LINE]; /* the line that is coming in */
	size_t n_at_hand;
	char tail[TAIL]; /* of standard error */
	size_t n_tail;
	char said[PEER_SAID];
};

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- starting */

struct ends {
	int in[2], out[2], errors[2]; /* ours, its */
};

/*
 * Standard input is a socket: what is sent to one that is closed can be told not to end us by SIGPIPE, without changing
 * what signals do in the whole process.
 */
static int ends_open(struct ends *e, struct err *err)
{
	*e = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e->in) || pipe2(e->out, O_CLOEXEC) ||
	    pipe2(e->errors, O_CLOEXEC))
		return err_sys(err, errno, "pipes");
	return 0;
}

static void ends_close(struct ends *e)
{
	for (int i = 0; i < 2; i++) {
		close_one(&e->in[i]);
		close_one(&e->out[i]);
		close_one(&e->errors[i]);
	}
}

static int spawn(char *const argv[], const struct ends *e, pid_t *ret)
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", home[] = "HOME=/", lang[] = "LC_ALL=C";
	char *const environment[] = {path, home, lang, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return r;
	r = posix_spawnattr_init(&attr);
	if (r) {
		posix_spawn_file_actions_destroy(&actions);
		return r;
	}
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	if (!(r = posix_spawn_file_actions_adddup2(&actions, e->in[1], 0)) &&
	    !(r = posix_spawn_file_actions_adddup2(&actions, e->out[1], 1)) &&
	    !(r = posix_spawn_file_actions_adddup2(&actions, e->errors[1], 2)))
		r = posix_spawn(ret, argv[0], &actions, &attr, argv, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

int peer_create(char *const argv[], peer_line_fn line, void *ctx, int held, struct peer **ret,
		struct err *err)
{
	_cleanup_free_ struct peer *p = calloc(1, sizeof(*p));
	struct ends e;
	int r;

	if (!p)
		return err_nomem(err, sizeof(*p), argv[0]);
	r = ends_open(&e, err);
	if (!r && (errno = spawn(argv, &e, &p->pid)) != 0)
		r = err_sys(err, errno, "%s: start", argv[0]);
	if (r) {
		ends_close(&e);
		return r;
	}
	close_one(&e.in[1]);
	close_one(&e.out[1]);
	close_one(&e.errors[1]);
	p->in = e.in[0];
	p->out = e.out[0];
	p->errors = e.errors[0];
	p->held = held;
	p->line = line;
	p->ctx = ctx;
	*ret = no_cleanup_ptr(p);
	return 0;
}

/* ---- listening */

/* Keep the end of it. */
static void hear_error(struct peer *p, const char *text, size_t len)
{
	size_t keep = TAIL / 2;

	if (p->n_tail + len > TAIL) {
		if (p->n_tail > keep) {
			memmove(p->tail, p->tail + p->n_tail - keep, keep);
			p->n_tail = keep;
		}
		if (p->n_tail + len > TAIL) {
			text += p->n_tail + len - TAIL;
			len = TAIL - p->n_tail;
		}
	}
	memcpy(p->tail + p->n_tail, text, len);
	p->n_tail += len;
}

static void hear_lines(struct peer *p, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n') {
			p->at_hand[p->n_at_hand] = '\0';
			p->n_at_hand = 0;
			p->line(p->ctx, p->at_hand);
		} else if (p->n_at_hand < sizeof(p->at_hand) - 1) {
			p->at_hand[p->n_at_hand++] = text[i] ? text[i] : ' ';
		}
	}
}

/* A piece of what there is to be read; closes what came to its end. */
static void listen_once(struct peer *p, int *fd)
{
	char piece[PIECE];
	ssize_t n = read(*fd, piece, sizeof(piece));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close_one(fd);
		return;
	}
	if (fd == &p->errors)
		hear_error(p, piece, (size_t)n);
	else
		hear_lines(p, piece, (size_t)n);
}

/*
 * Wait until it says something (and hear it) or *fd is ready for `events`; false: that is so. Its standard output is heard
 * only if it is told in lines.
 */
static bool heard(struct peer *p, int fd, short events)
{
	struct pollfd fds[3] = {
		{.fd = fd, .events = events},
		{.fd = p->line ? p->out : -1, .events = POLLIN},
		{.fd = p->errors, .events = POLLIN},
	};

	if (poll(fds, 3, -1) < 0)
		return true; /* EINTR: look again */
	if (fds[2].revents)
		listen_once(p, &p->errors);
	if (fds[1].revents)
		listen_once(p, &p->out);
	return fds[0].revents == 0;
}

int peer_write(struct peer *p, const void *buf, size_t len, struct err *err)
{
	const char *at = buf;

	while (len) {
		ssize_t n;

		while (heard(p, p->in, POLLOUT))
			;
		n = send(p->in, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0 && (errno == ECONNRESET || errno == ENOTCONN))
			errno = EPIPE; /* it ended with something of it unread */
		if (n < 0)
			return err_sys(err, errno, "it does not listen any more");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int peer_read(struct peer *p, void *buf, size_t len, struct err *err)
{
	char *at = buf;

	while (len) {
		ssize_t n;

		while (p->out >= 0 && heard(p, p->out, POLLIN))
			;
		n = p->out < 0 ? 0 : read(p->out, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, n ? errno : EPIPE, "it says no more");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* What nobody wants any more must not keep it from ending. */
static void ignore_line(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static int reap(struct peer *p, struct err *err)
{
	int status;

	while (p->pid && waitpid(p->pid, &status, 0) != p->pid)
		if (errno != EINTR)
			return err_sys(err, errno, "waitpid");
	if (p->pid)
		p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	p->pid = 0;
	return 0;
}

int peer_finish(struct peer *p, int *ret, struct err *err)
{
	int r;

	close_one(&p->in);
	if (!p->line)
		p->line = ignore_line;
	while (p->out >= 0 || p->errors >= 0)
		heard(p, -1, 0);
	r = reap(p, err);
	if (!r)
		*ret = p->status;
	return r;
}

const char *peer_said(struct peer *p)
{
	char text[TAIL + 1], plain[2 * TAIL];
	size_t len, from;

	for (size_t i = 0; i < p->n_tail; i++)
		text[i] = p->tail[i] ? p->tail[i] : ' ';
	text[p->n_tail] = '\0';
	text_one_line(text, plain, sizeof(plain));
	len = strlen(plain);
	from = len < sizeof(p->said) ? 0 : len - (sizeof(p->said) - 1);
	while (from && ((unsigned char)plain[from] & 0xc0) == 0x80)
		from++; /* not from the middle of a character */
	memcpy(p->said, plain + from, len - from + 1);
	return p->said;
}

void peer_destroy(struct peer *p)
{
	struct err ignored;

	if (!p)
		return;
	close_one(&p->in);
	if (p->pid)
		kill(p->pid, SIGKILL);
	if (reap(p, &ignored)) {
		/* it was not our child: nothing else is to be done */
	}
	close_one(&p->out);
	close_one(&p->errors);
	close_one(&p->held);
	free(p);
}
