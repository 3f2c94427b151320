// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "format/flat.h"
#include "format/kdump_set.h"

#define STDIN_NAME "standard input"

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

static int open_stdin(struct source **ret, struct err *err)
{
	const char *folder = getenv("TMPDIR");
	struct spool spool = {.out = {.ops = &spool_ops, .name = "temporary file"}};
	uint64_t bytes;
	int r;

	if (isatty(STDIN_FILENO))
		return err_set(err, ERR_USAGE, "-: standard input is a terminal");
	if (!folder || !*folder)
		folder = "/var/tmp";
	spool.fd = create_nameless(folder);
	if (spool.fd < 0)
		return err_sys(err, errno, "temporary file in %s (TMPDIR names another place)",
			       folder);
	r = flat_rearrange(STDIN_FILENO, STDIN_NAME, &spool.out, &bytes, err);
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

	if (n > 1 || options->partial)
		return kdump_set_open((const char *const *)paths, n, options->partial, ret, err);
	return strcmp(*paths, "-") == 0 ? open_stdin(ret, err)
					: source_open_with(*paths, &how, ret, err);
}
