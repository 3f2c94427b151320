// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A crash's folder is read by descriptors and without following a link: where it lies everybody may have write access.
 */
#include "service/sendfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/utc.h"
#include "capture/manifest.h"
#include "capture/retain.h"
#include "service/crashfile.h"
#include "service/dumps.h"

#define INCOMPLETE ".incomplete"
#define AGE        ".age"
#define SENT_TMP   "crash.json.tmp"
#define SUMS_TMP   MANIFEST_FILE ".tmp"

/* ---- which files there are */

int sendfiles_open(const struct sendfiles *f, const char *name, struct err *err)
{
	int fd = openat(f->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
		err_set(err, ERR_CORRUPT, "%s/%s: no regular file", f->folder, name);
	} else if (fd < 0) {
		err_sys(err, errno, "%s/%s: open", f->folder, name);
	}
	return fd;
}

static bool find_named(const struct sendfiles *f, const char *name, bool incomplete,
		       struct sendfile *ret)
{
	struct sendfile file = {.there = true, .incomplete = incomplete};
	struct stat st;

	snprintf(file.name, sizeof(file.name), "%s%s", name, incomplete ? INCOMPLETE : "");
	if (fstatat(f->dir, file.name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return false;
	file.encrypted = strstr(name, AGE) != NULL;
	file.bytes = (uint64_t)st.st_size;
	*ret = file;
	return true;
}

/* The whole one, by whatever name; else what there is of it. */
static void find_file(struct sendfiles *f, enum crash_file kind)
{
	const char *name;

	for (int incomplete = 0; incomplete < 2; incomplete++)
		for (size_t i = 0; (name = crash_file_any_name(kind, i)); i++)
			if (find_named(f, name, incomplete, &f->v[kind]))
				return;
}

static int read_record(const struct sendfiles *f, json_t **ret, struct err *err)
{
	_cleanup_close_ int fd = sendfiles_open(f, crash_file_name(CRASH_RECORD), err);
	_cleanup_free_ char *text = NULL;
	struct crashfile *checked;
	size_t len;

	if (fd < 0)
		return err->code;
	if (io_read_all(fd, CRASHFILE_MAX_SIZE, f->folder, &text, &len, err))
		return err->code;
	if (crashfile_create((struct bytes){(const uint8_t *)text, len}, &checked, err))
		return err_wrap(err, "%s/crash.json", f->folder);
	crashfile_destroy(checked);
	*ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	return *ret ? 0 : err_nomem(err, len, "a crash record");
}

/* Held until the last process that works on it has ended, and so by a child that hangs. */
static int lock(struct sendfiles *f, struct err *err)
{
	if (flock(f->dir, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, ERR_REFUSED, "%s: another process is sending it", f->folder);
	return err_sys(err, errno, "%s: lock", f->folder);
}

/* It was looked at when it was put on record: since then somebody may have put another one in its place. */
static int check_owner(const struct sendfiles *f, struct err *err)
{
	struct stat st, above;

	if (fstat(f->dir, &st) || fstatat(f->dir, "..", &above, AT_SYMLINK_NOFOLLOW))
		return err_sys(err, errno, "%s", f->folder);
	if (dumps_is_foreign(&st, &above))
		return err_set(
			err, ERR_CORRUPT,
			"%s: it is of user %u, and so no crash of this machine: it is not sent",
			f->folder, (unsigned int)st.st_uid);
	return 0;
}

int sendfiles_init(struct sendfiles *f, const struct service *s, const char *folder,
		   struct err *err)
{
	struct crashfile *record;

	*f = (struct sendfiles){.dir = -1};
	snprintf(f->folder, sizeof(f->folder), "%s", folder);
	f->dir = root_open(s->root, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (f->dir < 0)
		return err_sys(err, errno, "%s%s: open", s->root->path, folder);
	if (check_owner(f, err) || lock(f, err))
		return err->code;
	if (crashfile_read(f->dir, &record, err))
		return err_wrap(err, "%s", folder);
	f->time = record->time;
	crashfile_destroy(record);
	find_file(f, CRASH_LOG);
	find_file(f, CRASH_DUMP);
	return 0;
}

void sendfiles_deinit(struct sendfiles *f)
{
	for (int i = 0; i < CRASH_FILES; i++)
		free(f->v[i].text);
	if (f->dir >= 0)
		close(f->dir);
	*f = (struct sendfiles){.dir = -1};
}

/* ---- what they are called there */

static int digest_one(const struct sendfiles *f, struct sendfile *file, struct err *err)
{
	_cleanup_close_ int fd = sendfiles_open(f, file->name, err);
	struct stat st;

	if (fd < 0)
		return err->code;
	if (fstat(fd, &st))
		return err_sys(err, errno, "%s/%s", f->folder, file->name);
	file->bytes = (uint64_t)st.st_size;
	return manifest_digest(fd, 0, file->bytes, file->name, file->digest, err);
}

static int read_manifest(const struct sendfiles *f, struct manifest_file **ret, size_t *ret_n,
			 struct err *err)
{
	_cleanup_close_ int fd = sendfiles_open(f, MANIFEST_FILE, err);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fd < 0)
		return err->code;
	if (io_read_all(fd, MANIFEST_MAX_SIZE, MANIFEST_FILE, &text, &len, err))
		return err->code;
	return manifest_parse((struct bytes){(const uint8_t *)text, len}, MANIFEST_FILE, ret, ret_n,
			      err);
}

/* One that it does not name has no digest that says it is whole; without a manifest there was no time for one. */
static bool is_as_listed(const struct sendfile *file, const struct manifest_file *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, file->name) == 0)
			return memcmp(v[i].digest, file->digest, SHA256_SIZE) == 0;
	return false;
}

static void name_file(struct sendfile *file, bool encrypt)
{
	const char *end = strstr(file->name, INCOMPLETE);
	size_t len = end ? (size_t)(end - file->name) : strlen(file->name);
	char to[64 + 32];

	snprintf(to, sizeof(to), "%.*s%s%s", (int)len, file->name,
		 encrypt && !file->encrypted ? AGE : "", file->incomplete ? INCOMPLETE : "");
	snprintf(file->to, sizeof(file->to), "%.*s", (int)sizeof(file->to) - 1, to);
}

int sendfiles_look(struct sendfiles *f, bool encrypt, struct err *err)
{
	static const enum crash_file kinds[] = {CRASH_LOG, CRASH_DUMP};
	_cleanup_free_ struct manifest_file *listed = NULL;
	struct err none = {0};
	size_t n = 0;

	if (read_manifest(f, &listed, &n, &none) == ERR_NO_MEMORY) {
		*err = none;
		return err->code;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct sendfile *file = &f->v[kinds[i]];

		if (!file->there)
			continue;
		if (digest_one(f, file, err))
			return err->code;
		/* a manifest that is damaged vouches for nothing */
		if (none.code != ERR_NOT_FOUND)
			file->incomplete |= !is_as_listed(file, listed, n);
		name_file(file, encrypt);
	}
	return 0;
}

/* ---- the record */

static int json_failed(struct err *err)
{
	return err_nomem(err, CRASHFILE_MAX_SIZE, "a crash record");
}

/* It begins with the schema and has no blanks, as readers that take nothing apart want it (capture/retain.h, capture/spool.h). */
static int dump_record(const json_t *top, char **ret, struct err *err)
{
	_cleanup_free_ char *text = json_dumps(top, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (!text || asprintf(ret, "%s\n", text) < 0) {
		*ret = NULL;
		return json_failed(err);
	}
	return 0;
}

static bool set_string(json_t *top, const char *object, const char *key, const char *value)
{
	json_t *in = json_object_get(top, object);

	return !json_is_object(in) ||
	       json_object_set_new(in, key, value ? json_string(value) : json_null()) == 0;
}

static bool set_not_waiting(json_t *top)
{
	json_t *capture = json_object_get(top, "capture");

	return !json_is_object(capture) || json_object_set_new(capture, "spool", json_false()) == 0;
}

static const char *name_there(const struct sendfile *file)
{
	return file->there ? file->to : NULL;
}

/* A digest of the text that is sent. */
static void digest_text(struct sendfile *file)
{
	struct sha256 sum;

	file->bytes = strlen(file->text);
	sha256_init(&sum);
	sha256_update(&sum, file->text, (size_t)file->bytes);
	sha256_final(&sum, file->digest);
	file->there = true;
}

int sendfiles_make_record(struct sendfiles *f, struct err *err)
{
	struct sendfile *file = &f->v[CRASH_RECORD];
	json_t *top;
	int r = read_record(f, &top, err);

	if (r)
		return r;
	free(file->text);
	file->text = NULL;
	if (!set_not_waiting(top) ||
	    !set_string(top, "log", "file",
			f->v[CRASH_LOG].incomplete ? NULL : name_there(&f->v[CRASH_LOG])) ||
	    !set_string(top, "dump", "file", name_there(&f->v[CRASH_DUMP])))
		r = json_failed(err);
	if (!r)
		r = dump_record(top, &file->text, err);
	json_decref(top);
	if (r)
		return r;
	strcpy(file->name, crash_file_name(CRASH_RECORD));
	strcpy(file->to, file->name);
	digest_text(file);
	return 0;
}

/* ---- the manifest */

int sendfiles_make_manifest(struct sendfiles *f, const char *const names[CRASH_FILES],
			    uint8_t (*digests)[SHA256_SIZE], struct err *err)
{
	struct sendfile *file = &f->v[CRASH_MANIFEST];
	char text[CRASH_FILES * 128] = "", *at = text;

	for (int i = 0; i < CRASH_MANIFEST; i++) {
		if (!f->v[i].there || f->v[i].incomplete)
			continue;
		manifest_line(digests[i], names[i], at, (size_t)(text + sizeof(text) - at));
		at += strlen(at);
	}
	free(file->text);
	file->text = strdup(text);
	if (!file->text)
		return err_nomem(err, sizeof(text), "a manifest");
	strcpy(file->name, MANIFEST_FILE);
	strcpy(file->to, file->name);
	digest_text(file);
	return 0;
}

/* ---- afterwards */

/* As io_write_file(), in the folder that is open. */
static int write_in(const struct sendfiles *f, const char *name, const char *tmp, const char *text,
		    struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (unlinkat(f->dir, tmp, 0) && errno != ENOENT)
		return err_sys(err, errno, "%s/%s: remove", f->folder, tmp);
	fd = openat(f->dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "%s/%s: create", f->folder, tmp);
	if (io_write_full(fd, text, strlen(text), tmp, err))
		return err_wrap(err, "%s", f->folder);
	if (fsync(fd) || renameat(f->dir, tmp, f->dir, name) || fsync(f->dir))
		return err_sys(err, errno, "%s/%s: write", f->folder, name);
	return 0;
}

static int put_sent(json_t *top, const struct sendfiles_sent *sent, struct err *err)
{
	char time[UTC_TEXT];
	json_t *o;

	if (!utc_format(sent->time, time))
		strcpy(time, "1970-01-01T00:00:00Z");
	o = json_pack("{s:s, s:s, s:s, s:b, s:b}", "time", time, "target", sent->target, "name",
		      sent->name, "verified", sent->verified, "dump", sent->dump);
	if (!o || json_object_set_new(top, "sent", o) || !set_not_waiting(top))
		return json_failed(err);
	return 0;
}

static int rewrite_record(const struct sendfiles *f, const struct sendfiles_sent *sent,
			  struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_t *top;
	int r = read_record(f, &top, err);

	if (r)
		return r;
	r = put_sent(top, sent, err);
	if (!r)
		r = dump_record(top, &text, err);
	json_decref(top);
	return r ? r : write_in(f, crash_file_name(CRASH_RECORD), SENT_TMP, text, err);
}

static int remove_in(const struct sendfiles *f, const char *name, struct err *err)
{
	if (unlinkat(f->dir, name, 0) && errno != ENOENT)
		return err_sys(err, errno, "%s/%s: remove", f->folder, name);
	return 0;
}

/* Under whatever name, whole or not. */
static int remove_all_of(const struct sendfiles *f, enum crash_file kind, struct err *err)
{
	char rest[64];
	const char *name;

	for (size_t i = 0; (name = crash_file_any_name(kind, i)); i++) {
		snprintf(rest, sizeof(rest), "%s" INCOMPLETE, name);
		if (remove_in(f, name, err) || remove_in(f, rest, err))
			return err->code;
	}
	return 0;
}

/* What is still here, and the record as it is now. One that is damaged stays: it vouches for nothing. */
static int rewrite_manifest(const struct sendfiles *f, struct err *err)
{
	_cleanup_free_ struct manifest_file *listed = NULL;
	_cleanup_free_ char *text = NULL;
	struct err none = {0};
	size_t n = 0, len = 0;
	FILE *to;

	if (read_manifest(f, &listed, &n, &none))
		return 0;
	to = open_memstream(&text, &len);
	if (!to)
		return err_sys(err, errno, "a buffer for a manifest");
	for (size_t i = 0; i < n; i++) {
		struct sendfile file = {.there = true};
		char line[sizeof(listed[i].name) + 70];
		struct stat st;

		if (fstatat(f->dir, listed[i].name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		memcpy(file.digest, listed[i].digest, SHA256_SIZE);
		snprintf(file.name, sizeof(file.name), "%.63s", listed[i].name);
		if (strcmp(file.name, crash_file_name(CRASH_RECORD)) == 0 &&
		    digest_one(f, &file, err))
			break;
		manifest_line(file.digest, listed[i].name, line, sizeof(line));
		fputs(line, to);
	}
	if (fclose(to))
		return err_sys(err, errno, "a buffer for a manifest");
	return err->code ? err->code : write_in(f, MANIFEST_FILE, SUMS_TMP, text, err);
}

static bool is_pinned(const struct sendfiles *f)
{
	struct stat st;

	return fstatat(f->dir, RETAIN_PINNED, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* The record last: what is half removed is still known for what it is. */
static int remove_everything(const struct sendfiles *f, const struct service *s, struct err *err)
{
	_cleanup_free_ char *path = NULL;

	if (remove_all_of(f, CRASH_LOG, err) || remove_in(f, MANIFEST_FILE, err) ||
	    remove_in(f, ".reserve", err) || remove_in(f, crash_file_name(CRASH_RECORD), err))
		return err->code;
	if (asprintf(&path, "%s%s", s->root->path, f->folder) < 0) {
		path = NULL;
		return err_nomem(err, PATH_MAX, "a folder's name");
	}
	/* what somebody else has put there stays, and the folder with it */
	if (rmdir(path) && errno != ENOTEMPTY && errno != ENOENT && errno != EEXIST)
		return err_sys(err, errno, "%s: remove", path);
	return 0;
}

int sendfiles_finish(struct sendfiles *f, const struct service *s,
		     const struct sendfiles_sent *sent, enum config_keep keep, struct err *err)
{
	err->code = 0;
	if (rewrite_record(f, sent, err))
		return err->code;
	if (!sent->verified || keep == CONFIG_KEEP_ALL || is_pinned(f))
		return rewrite_manifest(f, err);
	if (remove_all_of(f, CRASH_DUMP, err))
		return err->code;
	if (keep == CONFIG_KEEP_NOTHING)
		return remove_everything(f, s, err);
	if (rewrite_manifest(f, err))
		return err->code;
	return fsync(f->dir) ? err_sys(err, errno, "%s: fsync", f->folder) : 0;
}
