// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/direct.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"

#define DIRECT_BLOCK 4096         /* what every disk and file system takes for O_DIRECT */
#define DIRECT_MIN   (64UL << 10) /* smaller writes are better off in the page cache */

void direct_init(struct direct *d, int fd, const char *path)
{
	long page = sysconf(_SC_PAGESIZE);
	struct stat a, b;

	*d = (struct direct){.fd = open(path, O_WRONLY | O_DIRECT | O_NOFOLLOW | O_CLOEXEC)};
	if (d->fd < 0)
		return;
	if (fstat(fd, &a) || fstat(d->fd, &b) || a.st_dev != b.st_dev || a.st_ino != b.st_ino) {
		direct_deinit(d);
		return;
	}
	d->block = NUM_MAX((size_t)page, (size_t)DIRECT_BLOCK);
}

void direct_deinit(struct direct *d)
{
	if (d->fd >= 0)
		close(d->fd);
	*d = (struct direct){.fd = -1};
}

int direct_pwrite(const struct direct *d, int fd, const void *buf, size_t len, uint64_t off,
		  const char *name, struct err *err)
{
	struct err ignored;

	if (d->fd >= 0 && len >= DIRECT_MIN && !(((uintptr_t)buf | len | off) & (d->block - 1)) &&
	    !io_pwrite_full(d->fd, buf, len, off, name, &ignored))
		return 0;
	return io_pwrite_full(fd, buf, len, off, name, err);
}
