// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/out.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct out_stream {
	struct out out;
	int fd;
	char *name;
	bool durable; /* fd is a file or a device: fsync means something */
	int broken;   /* errno of the write that failed */
	uint64_t at;  /* bytes written so far */
};

static struct out_stream *stream_of(struct out *out)
{
	return (struct out_stream *)out;
}

/* ssh makes the pipes of its children non-blocking, and they share them with us. */
static bool wait_for_room(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

/* 0 or an errno value. */
static int write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t done = write(fd, buf, len);

		if (done < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_room(fd))))
			continue;
		if (done < 0)
			return errno;
		buf += done;
		len -= (size_t)done;
	}
	return 0;
}

static int stream_pwrite(struct out *out, const void *buf, size_t len, uint64_t off,
			 struct err *err)
{
	struct out_stream *s = stream_of(out);

	if (!s->broken && off != s->at)
		return err_sys(err, ESPIPE,
			       "%s: write at %" PRIu64 " of a stream that is at %" PRIu64, s->name,
			       off, s->at);
	if (!s->broken)
		s->broken = write_all(s->fd, buf, len);
	if (s->broken)
		return err_sys(err, s->broken, "%s: write", s->name);
	s->at += len;
	return 0;
}

static int stream_sync(struct out *out, struct err *err)
{
	const struct out_stream *s = stream_of(out);

	if (s->durable && fsync(s->fd) && errno != EINVAL)
		return err_sys(err, errno, "%s: fsync", s->name);
	return 0;
}

static void stream_abort(struct out *out)
{
	free(stream_of(out)->name);
	free(out);
}

static void stream_leave(struct out *out)
{
	struct err ignored;

	(void)stream_sync(out, &ignored);
	stream_abort(out);
}

static int stream_commit(struct out *out, struct err *err)
{
	int r = stream_sync(out, err);

	stream_abort(out);
	return r;
}

static const struct out_ops stream_ops = {
	.pwrite = stream_pwrite,
	.sync = stream_sync,
	.commit = stream_commit,
	.abort = stream_abort,
	.leave = stream_leave,
};

int out_stream_create(int fd, const char *name, struct out **ret, struct err *err)
{
	struct out_stream *s = calloc(1, sizeof(*s));
	char *copy = strdup(name);
	struct stat st;

	if (!s || !copy) {
		free(s);
		free(copy);
		return err_nomem(err, sizeof(*s) + strlen(name), name);
	}
	s->out = (struct out){
		.ops = &stream_ops, .name = copy, .write_once = true, .sequential = true};
	s->fd = fd;
	s->name = copy;
	s->durable = fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
	*ret = &s->out;
	return 0;
}
