// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/history.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/utc.h"

#define MAX_SIZE ((size_t)HISTORY_MAX_LEN * HISTORY_KEEP * 2)
#define MIN_LEN  64 /* of a line that has all that is needed */

/* Each byte of a text may become "\u001b"; the rest is keys, numbers and a digest. */
_Static_assert(6 * (sizeof(((struct history_entry *)0)->id) +
		    sizeof(((struct history_entry *)0)->result) +
		    sizeof(((struct history_entry *)0)->text) +
		    sizeof(((struct history_entry *)0)->kernel) +
		    sizeof(((struct history_entry *)0)->where)) +
			       1024 <
		       HISTORY_MAX_LEN,
	       "what is written can be read back");

static const char *const kinds[] = {
	[HISTORY_PREFLIGHT] = "preflight",
	[HISTORY_PROOF] = "proof",
	[HISTORY_CRASH_TEST] = "crash-test",
	[HISTORY_CRASH] = "crash",
};

const char *history_kind_name(enum history_kind kind)
{
	return kinds[kind];
}

/* ---- one line */

static void put_line(struct json *j, const struct history_entry *e)
{
	char text[SHA256_TEXT];

	json_init(j, j->to);
	json_begin_object(j, NULL);
	json_put_string(j, "schema", HISTORY_SCHEMA);
	json_put_string(j, "kind", kinds[e->kind]);
	/* a line without a time would not be read back, and a crash be told at each boot */
	json_put_string(j, "time", utc_format(e->time, text) || utc_format(0, text) ? text : NULL);
	json_put_string(j, "id", e->id);
	json_put_bool(j, "pending", e->pending);
	json_put_bool(j, "good", e->good);
	json_put_string(j, "result", e->result);
	json_put_string(j, "text", e->text);
	json_put_string(j, "kernel", e->kernel);
	json_put_string(j, "where", e->where);
	sha256_text(e->image, text);
	json_put_string(j, "image_sha256", e->image_known ? text : NULL);
	json_put_uint(j, "reserved_bytes", e->reserved);
	json_put_uint(j, "peak_bytes", e->peak);
	json_end_object(j);
	fputc('\n', j->to);
}

/* Texts that are longer than ours were not written by us: they are cut, which loses nothing that anybody relies on. */
static void take_text(const json_t *line, const char *key, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(line, key));

	snprintf(ret, size, "%s", text ? text : "");
}

static uint64_t take_number(const json_t *line, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(line, key));

	return value > 0 ? (uint64_t)value : 0;
}

static bool take_kind(const json_t *line, enum history_kind *ret)
{
	const char *name = json_string_value(json_object_get(line, "kind"));

	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(name, kinds[i]) == 0) {
			*ret = (enum history_kind)i;
			return true;
		}
	}
	return false;
}

static bool take_line(const json_t *line, struct history_entry *ret)
{
	const char *schema = json_string_value(json_object_get(line, "schema"));
	const char *time = json_string_value(json_object_get(line, "time"));
	const char *image = json_string_value(json_object_get(line, "image_sha256"));
	struct history_entry e = {0};

	if (!schema || strcmp(schema, HISTORY_SCHEMA) != 0 || !time || !utc_parse(time, &e.time) ||
	    !take_kind(line, &e.kind))
		return false;
	e.pending = json_is_true(json_object_get(line, "pending"));
	e.good = json_is_true(json_object_get(line, "good"));
	take_text(line, "id", e.id, sizeof(e.id));
	take_text(line, "result", e.result, sizeof(e.result));
	take_text(line, "text", e.text, sizeof(e.text));
	take_text(line, "kernel", e.kernel, sizeof(e.kernel));
	take_text(line, "where", e.where, sizeof(e.where));
	e.image_known = image && sha256_parse(image, e.image);
	e.reserved = take_number(line, "reserved_bytes");
	e.peak = take_number(line, "peak_bytes");
	*ret = e;
	return true;
}

static bool parse_line(const char *text, size_t len, struct history_entry *ret)
{
	json_t *line = len <= HISTORY_MAX_LEN ? json_loadb(text, len, 0, NULL) : NULL;
	bool good = line && take_line(line, ret);

	json_decref(line);
	return good;
}

/* ---- the file */

struct history {
	struct history_entry *v;
	size_t n;
	size_t damaged;
};

static int parse(const char *text, size_t len, struct history *ret, struct err *err)
{
	size_t lines = len / MIN_LEN + 1;

	*ret = (struct history){.v = calloc(lines, sizeof(*ret->v))};
	if (!ret->v)
		return err_nomem(err, lines * sizeof(*ret->v), "the history");
	for (const char *at = text, *end = text + len; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop ? stop : end) - at);

		if (ret->n < lines && n >= MIN_LEN && parse_line(at, n, &ret->v[ret->n]))
			ret->n++;
		else
			ret->damaged += n != 0;
		at += n + 1;
	}
	return 0;
}

/* Nobody else's file: it is below a folder that only root may write, but what it is is looked at all the same. */
static int read_all(const struct service *s, struct history *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	size_t len;

	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, s->lib);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		*ret = (struct history){0};
		return 0;
	}
	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	if (io_read_all(fd, MAX_SIZE, path, &text, &len, err))
		return err->code;
	return parse(text, len, ret, err);
}

static int write_all(const struct service *s, const struct history *h,
		     const struct history_entry *more, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0, skip = h->n >= HISTORY_KEEP ? h->n - HISTORY_KEEP + 1 : 0;
	struct json j = {.to = open_memstream(&text, &len)};
	char path[PATH_MAX];

	if (!j.to)
		return err_sys(err, errno, "a buffer for the history");
	for (size_t i = skip; i < h->n; i++)
		put_line(&j, &h->v[i]);
	put_line(&j, more);
	if (fclose(j.to))
		return err_sys(err, errno, "a buffer for the history");
	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, s->lib);
	return io_write_file(path, text, len, err);
}

/* Of two writers each must see what the other wrote. */
static int lock(const struct service *s, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" HISTORY_FILE ".lock", s->lib);
	return io_lock(path, err);
}

/* A file that cannot be read any more is put aside: what happens from now on is worth more than a refusal. */
static int put_aside(const struct service *s, struct err *err)
{
	char path[PATH_MAX], aside[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, s->lib);
	snprintf(aside, sizeof(aside), "%s/" HISTORY_FILE ".damaged", s->lib);
	service_tell(s, SERVICE_WARNING, "%s; it is kept as %s", err->msg, aside);
	if (rename(path, aside))
		return err_sys(err, errno, "%s: rename to %s", path, aside);
	*err = (struct err){0};
	return 0;
}

int history_add(const struct service *s, const struct history_entry *entry, struct err *err)
{
	struct history h = {0};
	int r = io_make_folder(s->lib, err);

	if (r)
		return r;
	_cleanup_close_ int held = lock(s, err);
	if (held < 0)
		return err->code;
	r = read_all(s, &h, err);
	if (r == ERR_CORRUPT)
		r = put_aside(s, err);
	if (!r)
		r = write_all(s, &h, entry, err);
	free(h.v);
	return r;
}

int history_read(const struct service *s, struct history_entry **ret, size_t *ret_n,
		 size_t *ret_damaged, struct err *err)
{
	struct history h;
	int r = read_all(s, &h, err);

	if (r)
		return r;
	*ret = h.v;
	*ret_n = h.n;
	if (ret_damaged)
		*ret_damaged = h.damaged;
	return 0;
}

const struct history_entry *history_last_test(const struct history_entry *v, size_t n)
{
	while (n--)
		if (v[n].kind != HISTORY_CRASH)
			return &v[n];
	return NULL;
}
