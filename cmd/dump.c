// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "cmd/encrypted.h"
#include "crypt/age.h"
#include "format/flat.h"
#include "format/kdump_set.h"

#define STDIN_NAME "standard input"
#define HEAD_SIZE  32          /* bytes that say what it is */
#define COPY_SIZE  (1UL << 20) /* bytes of a stream read at once */

/* A struct out for flat_rearrange(), which writes and does nothing else with it. */
struct spool {
	struct out out;
	int fd;
};

static int spool_pwrite(struct out *out, const void *buf, size_t len, uint64_t off, struct err *err)
{
	return io_pwrite_full(((struct spool *)out)->fd, buf, len, off, out->name, err);
}

static const struct out_ops spool_ops = {.pwrite = spool_pwrite};

static int create_nameless(const char *folder)
{
	_cleanup_free_ char *name = NULL;
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* not every file system has it, and older kernels take it for O_DIRECTORY */
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	if (asprintf(&name, "%s/lifeboat.XXXXXX", folder) < 0) {
		name = NULL;
		errno = ENOMEM;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

/* Up to `len` bytes, fewer at the end; -1 with errno set. */
static ssize_t read_some(int fd, uint8_t *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Copy what is no flattened stream, whatever it is, to the spool; `begun` was read already. */
static int copy_rest(struct bytes begun, struct spool *spool, struct err *err)
{
	_cleanup_free_ uint8_t *buf = malloc(COPY_SIZE);
	uint64_t at = begun.len;
	ssize_t n;

	if (!buf)
		return err_nomem(err, COPY_SIZE, STDIN_NAME);
	if (spool_pwrite(&spool->out, begun.data, begun.len, 0, err))
		return err->code;
	while ((n = read_some(STDIN_FILENO, buf, COPY_SIZE)) > 0) {
		if (spool_pwrite(&spool->out, buf, (size_t)n, at, err))
			return err->code;
		at += (uint64_t)n;
	}
	return n < 0 ? err_sys(err, errno, STDIN_NAME) : 0;
}

static int fill_spool(struct spool *spool, struct err *err)
{
	uint8_t head[HEAD_SIZE];
	ssize_t n = read_some(STDIN_FILENO, head, sizeof(head));
	struct bytes begun = {head, n > 0 ? (size_t)n : 0};
	uint64_t bytes;

	if (n < 0)
		return err_sys(err, errno, STDIN_NAME);
	if (age_probe(begun))
		return err_set(err, ERR_UNSUPPORTED,
			       STDIN_NAME ": it is encrypted: `age -d -i KEY` in front of the pipe "
					  "opens it");
	if (flat_probe(begun))
		return flat_rearrange_rest(begun, STDIN_FILENO, STDIN_NAME, &spool->out, &bytes,
					   err);
	return copy_rest(begun, spool, err);
}

static int open_stdin(struct source **ret, struct err *err)
{
	const char *folder = getenv("TMPDIR");
	struct spool spool = {.out = {.ops = &spool_ops, .name = "temporary file"}};
	int r;

	if (isatty(STDIN_FILENO))
		return err_set(err, ERR_USAGE, "-: standard input is a terminal");
	if (!folder || !*folder)
		folder = "/var/tmp";
	spool.fd = create_nameless(folder);
	if (spool.fd < 0)
		return err_sys(err, errno, "temporary file in %s (TMPDIR names another place)",
			       folder);
	r = fill_spool(&spool, err);
	if (r == ERR_NO_SPACE)
		err_wrap(err, "%s (TMPDIR names another place)", folder);
	if (!r)
		r = source_open_fd(spool.fd, STDIN_NAME, ret, err);
	if (r)
		close(spool.fd);
	return r;
}

int dump_open(char *const *paths, size_t n, const struct dump_options *options, struct source **ret,
	      struct err *err)
{
	const struct source_options how = {.no_mmap = options->no_mmap, .cut = options->cut};
	int r;

	if (n > 1 || options->partial)
		r = kdump_set_open((const char *const *)paths, n, options->partial, ret, err);
	else if (strcmp(*paths, "-") == 0)
		return open_stdin(ret, err);
	else
		r = source_open_with(*paths, &how, ret, err);
	for (size_t i = 0; r && i < n; i++)
		if (encrypted_is(paths[i]))
			return encrypted_refuse(paths[i], options->verb ? options->verb : "report",
						err);
	return r;
}
