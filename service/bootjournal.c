// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/bootjournal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/io.h"
#include "base/json.h"
#include "base/num.h"

#define FOLDER "bootloader"
#define DONE   "done"

void bootjournal_digest(const char *text, char ret[SHA256_TEXT])
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, text, strlen(text));
	sha256_final(&sha, digest);
	sha256_text(digest, ret);
}

int bootjournal_path(const struct service *s, unsigned int number, const char *name,
		     char ret[PATH_MAX], struct err *err)
{
	char sub[32] = "";

	if (number)
		snprintf(sub, sizeof(sub), "/%u", number);
	if (snprintf(ret, PATH_MAX, "%s/" FOLDER "%s%s%s", s->lib, sub, *name ? "/" : "", name) >=
	    PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%s", s->lib);
	return 0;
}

/* `any`: also of a folder without a journal, or one that went aside. */
static int last_number(const struct service *s, bool any, unsigned int *ret, struct err *err)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	*ret = 0;
	if (bootjournal_path(s, 0, "", path, err))
		return err->code;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : err_sys(err, errno, "%s: open", path);
	while ((e = readdir(dir))) {
		char *rest = strstr(e->d_name, "-left"); /* bootjournal_forget() */
		struct err ignored = {0};
		uint64_t n;

		if (any && rest)
			*rest = '\0';
		if (e->d_name[0] == '0' || num_parse_range(e->d_name, 1, 999999, &n, &ignored) ||
		    n <= *ret)
			continue;
		if (!any &&
		    (bootjournal_path(s, (unsigned int)n, BOOTJOURNAL_FILE, path, &ignored) ||
		     access(path, F_OK)))
			continue; /* it broke off before anything was written */
		*ret = (unsigned int)n;
	}
	closedir(dir);
	return 0;
}

int bootjournal_last(const struct service *s, unsigned int *ret, struct err *err)
{
	return last_number(s, false, ret, err);
}

static void put_file(struct json *j, const struct bootloader_change *c, size_t number)
{
	char digest[SHA256_TEXT], name[32];

	json_begin_object(j, NULL);
	json_put_string(j, "path", c->path);
	snprintf(name, sizeof(name), "%zu.was", number);
	json_put_string(j, "kept", c->was ? name : NULL);
	if (c->was)
		bootjournal_digest(c->was, digest);
	json_put_string(j, "was_sha256", c->was ? digest : NULL);
	if (c->will)
		bootjournal_digest(c->will, digest);
	json_put_string(j, "will_sha256", c->will ? digest : NULL);
	json_end_object(j);
}

static int write_journal(const struct bootloader_plan *plan, const char *path, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	struct json j;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return err_nomem(err, 4096, "a journal");
	json_init(&j, to);
	json_begin_object(&j, NULL);
	json_put_string(&j, "schema", BOOTJOURNAL_SCHEMA);
	json_put_string(&j, "words", plan->words);
	json_begin_array(&j, "files");
	for (size_t i = 0; i < plan->n; i++)
		put_file(&j, &plan->v[i], i);
	json_end_array(&j);
	json_begin_array(&j, "commands");
	for (char **c = plan->commands; c && *c; c++)
		json_put_string(&j, NULL, *c);
	json_end_array(&j);
	json_end_object(&j);
	fputc('\n', to);
	if (fclose(to))
		return err_nomem(err, len, "a journal");
	return io_write_file(path, text, len, err);
}

int bootjournal_keep(const struct service *s, const struct bootloader_plan *plan, struct err *err)
{
	char path[PATH_MAX], name[32];
	unsigned int number;

	if (last_number(s, true, &number, err) || bootjournal_path(s, ++number, "", path, err) ||
	    io_make_folder(path, err))
		return err->code;
	for (size_t i = 0; i < plan->n; i++) {
		const char *was = plan->v[i].was;

		snprintf(name, sizeof(name), "%zu.was", i);
		if (was && (bootjournal_path(s, number, name, path, err) ||
			    io_write_file(path, was, strlen(was), err)))
			return err->code;
	}
	/* the journal makes it count */
	if (bootjournal_path(s, number, BOOTJOURNAL_FILE, path, err) ||
	    write_journal(plan, path, err) || bootjournal_path(s, number, "", path, err))
		return err->code;
	return io_sync_parent(path, err);
}

int bootjournal_forget(const struct service *s, const struct bootloader_plan *plan, struct err *err)
{
	char path[PATH_MAX], left[PATH_MAX + 8];
	struct dirent *e;
	DIR *dir;

	if (bootjournal_path(s, plan->undo, "", path, err))
		return err->code;
	if (plan->left) { /* what those files were may still be wanted */
		snprintf(left, sizeof(left), "%s-left", path);
		if (rename(path, left))
			return err_sys(err, errno, "%s: rename", path);
		service_tell(s, SERVICE_NOTE, "what the files that are left alone were is in %s",
			     left);
		return 0;
	}
	dir = opendir(path);
	if (!dir)
		return err_sys(err, errno, "%s: open", path);
	unlinkat(dirfd(dir), BOOTJOURNAL_FILE, 0); /* without it the folder counts no more */
	while ((e = readdir(dir)))
		unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	if (rmdir(path))
		return err_sys(err, errno, "%s: rmdir", path);
	return io_sync_parent(path, err);
}

bool bootloader_unfinished(const struct service *s)
{
	char path[PATH_MAX];
	struct err ignored;
	unsigned int number;

	return !last_number(s, false, &number, &ignored) && number &&
	       !bootjournal_path(s, number, DONE, path, &ignored) && access(path, F_OK);
}

void bootjournal_unmark_done(const struct service *s, unsigned int number)
{
	char path[PATH_MAX];
	struct err ignored;

	if (!bootjournal_path(s, number, DONE, path, &ignored))
		unlink(path);
}

int bootjournal_mark_done(const struct service *s, struct err *err)
{
	char path[PATH_MAX];
	unsigned int number;

	if (last_number(s, false, &number, err) ||
	    (number &&
	     (bootjournal_path(s, number, DONE, path, err) || io_write_file(path, "", 0, err))))
		return err->code;
	return 0;
}

int bootjournal_lock(const struct service *s, int *ret, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	if (bootjournal_path(s, 0, "", path, err) || io_make_folder(path, err))
		return err->code;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err_sys(err, errno, "%s: another process is at it", path);
		close(fd);
		return err->code;
	}
	*ret = fd;
	return 0;
}
