// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "capture/manifest.h"

bool manifest_is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static const char *verdict_name(enum manifest_verdict verdict)
{
	switch (verdict) {
	case MANIFEST_SAME:
		return "same";
	case MANIFEST_DIFFERS:
		return "differs";
	case MANIFEST_MISSING:
		return "missing";
	case MANIFEST_UNREADABLE:
		break;
	}
	return "unreadable";
}

static void tell(void *ctx, const char *file, enum manifest_verdict verdict, const struct err *why)
{
	struct json *j = ctx;

	if (j) {
		json_begin_object(j, NULL);
		json_put_string(j, "file", file);
		json_put_string(j, "digest", verdict_name(verdict));
		json_put_string(j, "error", why ? why->msg : NULL);
		json_end_object(j);
	} else if (verdict == MANIFEST_SAME) {
		printf("%-16s %s is as it was written\n", "digest", file);
	} else {
		printf("PROBLEM %s: %s\n", file, why ? why->msg : verdict_name(verdict));
	}
}

int manifest_report(const char *folder, struct json *json, struct err *err)
{
	int r;

	if (json)
		json_begin_array(json, "manifest");
	r = manifest_check(folder, tell, json, err);
	if (json)
		json_end_array(json);
	return r;
}

/* Somebody else may have put it there: a FIFO would be waited for. */
static int open_regular(const char *path, int *ret, uint64_t *ret_size, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_CORRUPT, "%s is not a regular file", path);
	}
	*ret = fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static int digest_of(const char *path, const char *name, uint8_t ret[32], struct err *err)
{
	_cleanup_close_ int fd = -1;
	uint64_t size;
	int r = open_regular(path, &fd, &size, err);

	return r ? r : manifest_digest(fd, 0, size, name, ret, err);
}

static int read_manifest(const char *path, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = -1;
	uint64_t size;
	int r = open_regular(path, &fd, &size, err);

	return r ? r : io_read_all(fd, MANIFEST_MAX_SIZE, path, ret, ret_len, err);
}

static int check_one(const char *path, const struct manifest_file *file, struct json *json,
		     struct err *err)
{
	uint8_t digest[32];
	int r = digest_of(path, file->name, digest, err);
	bool same = !r && memcmp(digest, file->digest, sizeof(digest)) == 0;

	if (!r && !same)
		r = err_set(err, ERR_CORRUPT, "%s is not what " MANIFEST_FILE " says", path);
	tell(json, file->name,
	     same               ? MANIFEST_SAME
	     : r == ERR_CORRUPT ? MANIFEST_DIFFERS
				: MANIFEST_UNREADABLE,
	     r ? err : NULL);
	return r;
}

int manifest_report_file(const char *path, struct json *json, struct err *err)
{
	char folder[PATH_MAX], name[PATH_MAX], manifest[PATH_MAX];
	_cleanup_free_ struct manifest_file *files = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len, n;
	int r = 0;

	if (json)
		json_begin_array(json, "manifest");
	snprintf(folder, sizeof(folder), "%s", path);
	snprintf(name, sizeof(name), "%s", path);
	if (snprintf(manifest, sizeof(manifest), "%s/" MANIFEST_FILE, dirname(folder)) <
		    (int)sizeof(manifest) &&
	    access(manifest, F_OK) == 0 && !(r = read_manifest(manifest, &text, &len, err)) &&
	    !(r = manifest_parse((struct bytes){(const uint8_t *)text, len}, manifest, &files, &n,
				 err)))
		for (size_t i = 0; i < n && !r; i++)
			if (strcmp(files[i].name, basename(name)) == 0)
				r = check_one(path, &files[i], json, err);
	if (json)
		json_end_array(json);
	return r;
}
