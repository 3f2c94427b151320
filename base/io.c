// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/num.h"

int io_pread_full(int fd, void *buf, size_t len, uint64_t off, const char *name, struct err *err)
{
	uint64_t end;

	if (!num_add(off, (uint64_t)len, &end) || end > INT64_MAX)
		return err_set(err, ERR_CORRUPT, "%s: offset 0x%" PRIx64 " is out of range", name,
			       off);
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "%s: read of %zu bytes at 0x%" PRIx64, name, len,
				       off);
		if (n == 0)
			return err_set(err, ERR_CORRUPT,
				       "%s: ends at 0x%" PRIx64 ", inside %zu bytes at 0x%" PRIx64,
				       name, off + done, len, off);
		done += (size_t)n;
	}
	return 0;
}

int io_pwrite_full(int fd, const void *buf, size_t len, uint64_t off, const char *name,
		   struct err *err)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, (const char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO,
				       "%s: write of %zu bytes at 0x%" PRIx64, name, len, off);
		done += (size_t)n;
	}
	return 0;
}

int io_write_full(int fd, const void *buf, size_t len, const char *name, struct err *err)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO, "%s: write of %zu bytes", name,
				       len);
		done += (size_t)n;
	}
	return 0;
}

int io_read_all(int fd, size_t max, const char *name, char **ret_data, size_t *ret_len,
		struct err *err)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 0, cap = 0;

	for (;;) {
		ssize_t n;

		if (cap - len < 2) { /* room for a byte and the NUL */
			size_t want = cap ? cap * 2 : 4096;
			char *grown = realloc(data, want);

			if (!grown)
				return err_nomem(err, want, name);
			data = grown;
			cap = want;
		}
		n = read(fd, data + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "%s: read", name);
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return err_set(err, ERR_CORRUPT, "%s: is larger than %zu bytes", name, max);
	}
	data[len] = '\0';
	*ret_data = no_cleanup_ptr(data);
	*ret_len = len;
	return 0;
}

int io_read_file(const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	return io_read_all(fd, max, path, ret_data, ret_len, err);
}

int io_make_folder(const char *path, struct err *err)
{
	char part[PATH_MAX];

	for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
		if (end - path >= PATH_MAX)
			return err_sys(err, ENAMETOOLONG, "%s", path);
		snprintf(part, sizeof(part), "%.*s", (int)(end - path), path);
		if (mkdir(part, 0755) && errno != EEXIST)
			return err_sys(err, errno, "%s: mkdir", part);
	}
	if (mkdir(path, 0700) && errno != EEXIST)
		return err_sys(err, errno, "%s: mkdir", path);
	return 0;
}

int io_lock(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int r;

	if (fd < 0) {
		err_sys(err, errno, "%s: open", path);
		return -1;
	}
	do
		r = flock(fd, LOCK_EX);
	while (r && errno == EINTR);
	if (!r)
		return fd;
	err_sys(err, errno, "%s: flock", path);
	close(fd);
	return -1;
}

int io_sync_parent(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (!slash)
		strcpy(dir, ".");
	else if (slash - path >= (ptrdiff_t)sizeof(dir))
		return err_sys(err, ENAMETOOLONG, "%s", path);
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);

	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "%s: open", dir);
	if (fsync(fd) && errno != EINVAL) /* EINVAL: this file system has no such thing */
		return err_sys(err, errno, "%s: fsync of the folder", dir);
	return 0;
}

int io_create_private(const char *path, int flags)
{
	if (unlink(path) && errno != ENOENT)
		return -1;
	return open(path, flags | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

int io_check_replaceable(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE, "%s is not a regular file", path);
	return 0;
}

static int write_and_sync(const char *path, const void *data, size_t len, struct err *err)
{
	int fd = io_create_private(path, O_WRONLY);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "%s: create", path);
	r = io_write_full(fd, data, len, path, err);
	if (!r && fsync(fd))
		r = err_sys(err, errno, "%s: fsync", path);
	if (close(fd) && !r)
		r = err_sys(err, errno, "%s: close", path);
	return r;
}

int io_write_file(const char *path, const void *data, size_t len, struct err *err)
{
	char tmp[PATH_MAX];
	int r;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp))
		return err_sys(err, ENAMETOOLONG, "%s", path);
	r = io_check_replaceable(path, err);
	if (r)
		return r;
	r = write_and_sync(tmp, data, len, err);
	if (!r && rename(tmp, path))
		r = err_sys(err, errno, "%s: rename to %s", tmp, path);
	if (r) {
		unlink(tmp);
		return r;
	}
	return io_sync_parent(path, err);
}
