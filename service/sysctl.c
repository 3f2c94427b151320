// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/sysctl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"

#define RECORD_MAX (SYSCTL_MAX * (SYSCTL_NAME + 2 * SYSCTL_VALUE + 4))
#define LINE_SIZE  (SYSCTL_NAME + 2 * SYSCTL_VALUE + 4)

/* ---- the record */

/* It will be written to below /proc/sys: two or three plain names. */
static bool is_path(const char *text)
{
	size_t parts = 1, len = strlen(text);

	if (len >= SYSCTL_NAME || *text == '/' || !*text || text[len - 1] == '/')
		return false;
	for (const char *p = text; *p; p++) {
		if (*p == '/' && p[1] == '/')
			return false;
		parts += *p == '/';
		if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_' &&
		    *p != '/')
			return false;
	}
	return parts >= 2 && parts <= 3;
}

static bool is_value(const char *text)
{
	size_t digits = strspn(text + (*text == '-'), "0123456789");

	return digits && strlen(text) < SYSCTL_VALUE && !text[(*text == '-') + digits];
}

static struct sysctl *find(struct sysctl_list *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].path, path) == 0)
			return &list->v[i];
	return NULL;
}

static bool parse_line(char *line, struct sysctl_list *list)
{
	char *was = strchr(line, '='), *now = was ? strchr(was, ' ') : NULL;

	if (!now || list->n == SYSCTL_MAX)
		return false;
	*was++ = '\0';
	*now++ = '\0';
	if (!is_path(line) || !is_value(was) || !is_value(now) || find(list, line))
		return false;
	strcpy(list->v[list->n].path, line);
	strcpy(list->v[list->n].was, was);
	strcpy(list->v[list->n].now, now);
	list->n++;
	return true;
}

int sysctl_parse(const char *text, size_t len, const char *name, struct sysctl_list *ret,
		 struct err *err)
{
	struct sysctl_list list = {.n = 0};
	unsigned int number = 1;

	for (const char *at = text, *end = text + len; at < end; number++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = stop ? (size_t)(stop - at) : LINE_SIZE; /* cut off: it has no newline */
		char line[LINE_SIZE];

		if (n < LINE_SIZE) {
			memcpy(line, at, n);
			line[n] = '\0';
		}
		if (n >= LINE_SIZE || strlen(line) != n || !parse_line(line, &list))
			return err_set(err, ERR_CORRUPT,
				       "%s: line %u makes no sense; remove that file", name,
				       number);
		at = stop + 1;
	}
	*ret = list;
	return 0;
}

static void record_path(const struct service *s, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/" SYSCTL_FILE, s->run);
}

/* None: an empty list. */
static int read_record(const struct service *s, struct sysctl_list *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	size_t len;

	record_path(s, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		ret->n = 0;
		return 0;
	}
	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	if (io_read_all(fd, RECORD_MAX, path, &text, &len, err))
		return err->code;
	return sysctl_parse(text, len, path, ret, err);
}

static int write_record(const struct service *s, const struct sysctl_list *list, struct err *err)
{
	char path[PATH_MAX], text[RECORD_MAX];
	size_t len = 0;

	record_path(s, path);
	for (size_t i = 0; i < list->n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s=%s %s\n",
					list->v[i].path, list->v[i].was, list->v[i].now);
	if (io_make_folder(s->run, err))
		return err->code;
	return io_write_file(path, text, len, err);
}

static int forget(const struct service *s, struct err *err)
{
	char path[PATH_MAX];

	record_path(s, path);
	if (unlink(path) && errno != ENOENT)
		return err_sys(err, errno, "%s: unlink", path);
	return 0;
}

/* ---- the sysctls themselves */

static int get(const struct service *s, const char *path, char ret[SYSCTL_VALUE], struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char full[SYSCTL_NAME + 16];
	size_t len;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	if (root_read(s->root, full, 4096, &text, &len, err))
		return err->code;
	text[strcspn(text, "\n")] = '\0';
	if (!is_value(text))
		return err_set(err, ERR_UNSUPPORTED, "%s: is no number", full);
	strcpy(ret, text);
	return 0;
}

static int set(const struct service *s, const char *path, const char *value, struct err *err)
{
	char full[SYSCTL_NAME + 16], line[SYSCTL_VALUE + 1];
	_cleanup_close_ int fd = -1;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fd = root_open(s->root, full, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return err_sys(err, errno, "%s: open", full);
	/* in one write: the kernel takes each as a value of its own */
	snprintf(line, sizeof(line), "%s\n", value);
	return io_write_full(fd, line, strlen(line), full, err);
}

/* One that is as we left it gets its old value. */
static void put_back(const struct service *s, const struct sysctl *c)
{
	char current[SYSCTL_VALUE];
	struct err err;

	if (get(s, c->path, current, &err)) {
		service_tell(s, SERVICE_WARNING, "a sysctl is not put back: %s", err.msg);
		return;
	}
	if (strcmp(current, c->now) != 0) {
		if (strcmp(current, c->was) != 0)
			service_tell(s, SERVICE_NOTE,
				     "%s is %s: somebody else has set it, so it stays (it was %s "
				     "before lifeboat set it to %s)",
				     c->path, current, c->was, c->now);
		return;
	}
	if (set(s, c->path, c->was, &err))
		service_tell(s, SERVICE_WARNING, "a sysctl is not put back: %s", err.msg);
}

/* ---- */

static bool is_wanted(const struct config *config, const char *path)
{
	for (size_t i = 0; i < config->n_sysctls; i++)
		if (strcmp(config->sysctls[i].path, path) == 0)
			return true;
	return false;
}

static void drop_unwanted(const struct service *s, const struct config *config,
			  struct sysctl_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (!is_wanted(config, list->v[i].path))
			put_back(s, &list->v[i]);
		else
			list->v[kept++] = list->v[i];
	}
	list->n = kept;
}

/* What they are now, for those that are not on record, goes on record. */
static void note_all(const struct service *s, const struct config *config, struct sysctl_list *list)
{
	for (size_t i = 0; i < config->n_sysctls; i++) {
		const struct config_sysctl *want = &config->sysctls[i];
		struct sysctl *c = find(list, want->path);
		char now[SYSCTL_VALUE];
		struct err err;

		snprintf(now, sizeof(now), "%" PRId64, want->value);
		/* killed before the record says otherwise, it must not look as if somebody else had set it */
		if (c && strcmp(c->now, now) != 0)
			put_back(s, c);
		if (!c && list->n < SYSCTL_MAX && is_path(want->path)) {
			if (get(s, want->path, list->v[list->n].was, &err)) {
				service_tell(s, SERVICE_WARNING, "a sysctl is not set: %s",
					     err.msg);
				continue;
			}
			c = &list->v[list->n++];
			snprintf(c->path, sizeof(c->path), "%s", want->path);
		}
		if (c)
			strcpy(c->now, now);
	}
}

static int apply(const struct service *s, const struct config *config, struct sysctl_list *list,
		 struct err *err)
{
	drop_unwanted(s, config, list);
	note_all(s, config, list);
	if (!list->n)
		return forget(s, err);
	if (write_record(s, list, err))
		return err_wrap(err, "no sysctl is set, as what they were cannot be recorded");
	for (size_t i = 0; i < list->n; i++) {
		struct err why;

		if (set(s, list->v[i].path, list->v[i].now, &why))
			service_tell(s, SERVICE_WARNING, "a sysctl is not set: %s", why.msg);
	}
	return 0;
}

int sysctl_apply(const struct service *s, const struct config *config, struct err *err)
{
	struct sysctl_list list;

	if (read_record(s, &list, err))
		return err_wrap(err, "no sysctl is set, as what they were is not known any more");
	return apply(s, config, &list, err);
}

int sysctl_restore(const struct service *s, struct err *err)
{
	struct sysctl_list list;

	if (read_record(s, &list, err))
		return err_wrap(err, "no sysctl is put back");
	for (size_t i = 0; i < list.n; i++)
		put_back(s, &list.v[i]);
	return forget(s, err);
}
