// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/bootfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "config/realpath.h"
#include "service/bootedit.h"

/* All of an opened file. */
static int read_whole(int fd, const char *path, char **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;

	if (fstat(fd, &st))
		return err_sys(err, errno, "%s: stat", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_UNSUPPORTED, "%s is not a regular file", path);
	if (io_read_all(fd, BOOTEDIT_MAX_SIZE, path, &text, &len, err))
		return err->code;
	if (strlen(text) != len)
		return err_set(err, ERR_CORRUPT, "%s has a zero byte in it: it is no text", path);
	*ret = no_cleanup_ptr(text);
	return 0;
}

int bootfile_read(const struct root *root, const char *path, char **ret, struct err *err)
{
	_cleanup_close_ int fd = root_open(root, path, O_RDONLY | O_NONBLOCK);

	return fd < 0 ? err_sys(err, errno, "%s: open", path) : read_whole(fd, path, ret, err);
}

int bootfile_read_now(const struct root *root, const char *path, char **ret, struct err *err)
{
	_cleanup_close_ int fd = root_open(root, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);

	if (fd < 0 && errno != ENOENT)
		return err_sys(err, errno, "%s: open", path);
	if (fd < 0) {
		*ret = NULL;
		return 0;
	}
	if (!read_whole(fd, path, ret, err))
		return 0;
	if (err->code == ERR_SYSTEM)
		return err->code;
	err_wrap(err, "it has become something else");
	return err->code = ERR_STALE;
}

char *bootfile_real_path(const struct root *root, const char *path, struct err *err)
{
	char *real = malloc(PATH_MAX);

	if (!real) {
		err_nomem(err, PATH_MAX, "a path");
	} else if (!realpath_as_far(root, path, real)) {
		err_sys(err, errno, "%s", path);
		free(real);
		real = NULL;
	}
	return real;
}

/* The folder of `path`, which is absolute, and the name in it. With `make` the last folder is made. */
static int open_folder(const struct root *root, const char *path, bool make, int *ret,
		       const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd;

	if (!slash || !slash[1] || slash - path >= PATH_MAX)
		return err_set(err, ERR_CORRUPT, "%s: it is no path of a file", path);
	snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = root_open(root, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && make) {
		const char *name;
		int parent, r = open_folder(root, folder, false, &parent, &name, err);

		if (r)
			return r;
		r = mkdirat(parent, name, 0755);
		close(parent);
		if (r && errno != EEXIST)
			return err_sys(err, errno, "%s: mkdir", folder);
		fd = root_open(root, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	}
	if (fd < 0)
		return err_sys(err, errno, "%s: open", folder);
	*ret = fd;
	*ret_name = slash + 1;
	return 0;
}

/* Owner and mode as they were; a file system without owners (an EFI system partition) has the same for all. */
static int copy_owner(int fd, const struct stat *was, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(err, errno, "%s: stat", path);
	if ((st.st_uid != was->st_uid || st.st_gid != was->st_gid) &&
	    fchown(fd, was->st_uid, was->st_gid))
		return err_sys(err, errno, "%s: chown", path);
	if ((st.st_mode & 07777) != (was->st_mode & 07777) && fchmod(fd, was->st_mode & 07777))
		return err_sys(err, errno, "%s: chmod", path);
	return 0;
}

/* Beside it, durable; then it takes the name. */
static int replace(int folder, const char *name, const char *text, const char *path,
		   struct err *err)
{
	struct stat was = {.st_mode = 0644, .st_uid = geteuid(), .st_gid = getegid()};
	char tmp[NAME_MAX + 1];
	int fd, r;

	/* neither "*.cfg" nor "*.conf" */
	if (snprintf(tmp, sizeof(tmp), ".%s.lifeboat", name) >= (int)sizeof(tmp))
		return err_sys(err, ENAMETOOLONG, "%s", path);
	if (fstatat(folder, name, &was, AT_SYMLINK_NOFOLLOW) && errno != ENOENT)
		return err_sys(err, errno, "%s: stat", path);
	if ((was.st_mode & S_IFMT) && !S_ISREG(was.st_mode))
		return err_set(err, ERR_STALE, "%s is not a regular file any more", path);
	unlinkat(folder, tmp, 0);
	fd = openat(folder, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "%s: create %s beside it", path, tmp);
	r = io_write_full(fd, text, strlen(text), path, err);
	r = r ? r : copy_owner(fd, &was, path, err);
	if (!r && fsync(fd))
		r = err_sys(err, errno, "%s: fsync", path);
	if (close(fd) && !r)
		r = err_sys(err, errno, "%s: close", path);
	if (!r && renameat(folder, tmp, folder, name))
		r = err_sys(err, errno, "%s: rename", path);
	if (r)
		unlinkat(folder, tmp, 0);
	return r;
}

int bootfile_write(const struct root *root, const struct bootloader_change *c, struct err *err)
{
	_cleanup_close_ int folder = -1;
	const char *name;

	if (open_folder(root, c->path, c->will, &folder, &name, err))
		return err->code;
	if (c->will) {
		if (replace(folder, name, c->will, c->path, err))
			return err->code;
	} else if (unlinkat(folder, name, 0) && errno != ENOENT) {
		return err_sys(err, errno, "%s: unlink", c->path);
	}
	if (fsync(folder) && errno != EINVAL) /* EINVAL: this file system has no such thing */
		return err_sys(err, errno, "%s: fsync of its folder", c->path);
	return 0;
}
