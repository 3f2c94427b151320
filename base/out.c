// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/direct.h"
#include "base/io.h"

struct out_file {
	struct out out;
	int fd;
	struct direct direct;
	char *path; /* final name */
	char *part; /* the name while it is not whole */
};

static struct out_file *file_of(struct out *out)
{
	return (struct out_file *)out;
}

static void file_free(struct out_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	direct_deinit(&f->direct);
	free(f->path);
	free(f->part);
	free(f);
}

static int file_pwrite(struct out *out, const void *buf, size_t len, uint64_t off, struct err *err)
{
	struct out_file *f = file_of(out);

	return direct_pwrite(&f->direct, f->fd, buf, len, off, f->part, err);
}

static int file_sync(struct out *out, struct err *err)
{
	if (fsync(file_of(out)->fd))
		return err_sys(err, errno, "%s: fsync", file_of(out)->part);
	return 0;
}

static void file_abort(struct out *out)
{
	unlink(file_of(out)->part);
	file_free(file_of(out));
}

static void file_leave(struct out *out)
{
	struct err ignored;

	if (fsync(file_of(out)->fd) || io_sync_parent(file_of(out)->part, &ignored)) {
		/* as far as possible: there is nobody to tell, and what is there is there */
	}
	file_free(file_of(out));
}

static int file_commit(struct out *out, struct err *err)
{
	struct out_file *f = file_of(out);
	int r = file_sync(out, err);

	if (!r && close(f->fd))
		r = err_sys(err, errno, "%s: close", f->part);
	f->fd = -1;
	if (!r && rename(f->part, f->path))
		r = err_sys(err, errno, "%s: rename to %s", f->part, f->path);
	if (!r)
		r = io_sync_parent(f->path, err);
	if (r)
		unlink(f->part);
	file_free(f);
	return r;
}

static const struct out_ops file_ops = {
	.pwrite = file_pwrite,
	.sync = file_sync,
	.commit = file_commit,
	.abort = file_abort,
	.leave = file_leave,
};

int out_file_create(const char *path, bool replace, struct out **ret, struct err *err)
{
	struct out_file *f;
	int r;

	/* found out now, not by the rename after an hour of writing */
	r = io_check_replaceable(path, err);
	if (r)
		return r;
	if (!replace && access(path, F_OK) == 0)
		return err_set(err, ERR_USAGE, "%s exists; give -f to replace it", path);
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_nomem(err, sizeof(*f), path);
	f->out.ops = &file_ops;
	f->fd = f->direct.fd = -1;
	f->path = strdup(path);
	if (asprintf(&f->part, "%s.incomplete", path) < 0)
		f->part = NULL;
	if (!f->path || !f->part) {
		r = err_nomem(err, strlen(path), path);
		goto fail;
	}
	f->out.name = f->path;
	f->fd = io_create_private(f->part, O_RDWR);
	if (f->fd < 0) {
		r = err_sys(err, errno, "%s: create", f->part);
		goto fail;
	}
	direct_init(&f->direct, f->fd, f->part);
	f->out.block = f->direct.block;
	*ret = &f->out;
	return 0;
fail:
	file_free(f);
	return r;
}
