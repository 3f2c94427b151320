// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/realpath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MAX_NAMES 65536 /* in a folder */

static bool path_of(int fd, char ret[PATH_MAX])
{
	char link[40];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_MAX - 1);
	if (n < 0)
		return false;
	ret[n] = '\0';
	return true;
}

bool realpath_below(const struct root *root, const char *path, char ret[PATH_MAX])
{
	_cleanup_close_ int fd = root_open(root, path, O_PATH);
	char found[PATH_MAX], base[PATH_MAX];
	size_t len = 0;

	if (fd < 0 || !path_of(fd, found))
		return false;
	if (root->fd >= 0) {
		if (!path_of(root->fd, base))
			return false;
		len = strlen(base);
		if (len == 1) /* "/" by another name */
			len = 0;
		if (strncmp(found, base, len) != 0) {
			errno = EXDEV; /* cannot be: nothing leads out of a root */
			return false;
		}
	}
	snprintf(ret, PATH_MAX, "%s", found[len] ? found + len : "/");
	return true;
}

bool realpath_as_far(const struct root *root, const char *path, char ret[PATH_MAX])
{
	char head[PATH_MAX], real[PATH_MAX];
	size_t len = strlen(path);

	if (*path != '/' || len >= sizeof(head)) {
		errno = *path == '/' ? ENAMETOOLONG : EINVAL;
		return false;
	}
	memcpy(head, path, len + 1);
	for (;;) {
		head[len] = '\0';
		if (realpath_below(root, len ? head : "/", real))
			break;
		if (errno != ENOENT || !len)
			return false;
		while (len && head[--len] != '/')
			;
	}
	if (strcmp(real, "/") == 0)
		*real = '\0';
	if (snprintf(ret, PATH_MAX, "%s%s", real, path + len) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (!*ret)
		strcpy(ret, "/");
	return true;
}

void realpath_list_free(char **names)
{
	for (char **n = names; n && *n; n++)
		free(*n);
	free(names);
}

static void cleanup_list(char ***names)
{
	realpath_list_free(*names);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **realpath_list(const struct root *root, const char *folder)
{
	int fd = root_open(root, folder, O_RDONLY | O_DIRECTORY);
	_cleanup_(cleanup_list) char **names = calloc(1, sizeof(*names));
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	size_t n = 0;
	bool whole = names;

	while (whole && dir && n < MAX_NAMES && (e = readdir(dir))) {
		char **grown;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		grown = reallocarray(names, n + 2, sizeof(*names));
		if (grown) {
			names = grown;
			names[n] = strdup(e->d_name);
			names[n + 1] = NULL;
		}
		whole = grown && names[n];
		n++;
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	if (!whole)
		return NULL;
	qsort(names, n, sizeof(*names), compare);
	return no_cleanup_ptr(names);
}
