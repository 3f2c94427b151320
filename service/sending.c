// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/sending.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "base/utc.h"

#define SUFFIX    ".json"
#define GONE      ".gone"
#define DAMAGED   ".damaged"
#define ID_DIGITS 16
#define MAX_SIZE  ((size_t)1 << 18)
#define MAX_NAMES 100000
#define PATH_SIZE (256 + 400)

/* ---- where it is */

static void folder_path(const struct service *s, char ret[PATH_SIZE])
{
	snprintf(ret, PATH_SIZE, "%s/" SENDING_FOLDER, s->lib);
}

/* The name is for people; which crash it is says the digest. */
static void path_of(const struct service *s, const char *folder, const char *suffix,
		    char ret[PATH_SIZE])
{
	const char *slash = strrchr(folder, '/');
	struct sha256 sum;
	uint8_t digest[SHA256_SIZE];
	char id[SHA256_TEXT], name[64];

	sha256_init(&sum);
	sha256_update(&sum, folder, strlen(folder));
	sha256_final(&sum, digest);
	sha256_text(digest, id);
	snprintf(name, sizeof(name), "%.48s", slash ? slash + 1 : folder);
	snprintf(ret, PATH_SIZE, "%s/" SENDING_FOLDER "/%s-%.*s%s", s->lib, name, ID_DIGITS, id,
		 suffix);
}

/* ---- as text */

static void put_time(struct json *j, const char *key, uint64_t time)
{
	char text[UTC_TEXT];

	json_put_string(j, key, time && utc_format(time, text) ? text : NULL);
}

static void put_file(struct json *j, const struct sending_file *f, int file)
{
	char text[SHA256_TEXT];

	json_begin_object(j, NULL);
	json_put_uint(j, "file", (uint64_t)file);
	json_put_string(j, "name", f->name);
	json_put_uint(j, "bytes", f->bytes);
	sha256_text(f->digest, text);
	json_put_string(j, "sha256", text);
	json_end_object(j);
}

static void put_place(struct json *j, const struct sending_place *p)
{
	json_begin_object(j, NULL);
	json_put_string(j, "target", p->target);
	json_put_string(j, "name", p->name);
	json_put_string(j, "folder", p->folder);
	json_put_uint(j, "entry", p->entry);
	json_begin_array(j, "files");
	for (int i = 0; i < CRASH_FILES; i++)
		if (p->files[i].done)
			put_file(j, &p->files[i], i);
	json_end_array(j);
	json_end_object(j);
}

static void put_sending(struct json *j, const struct sending *s)
{
	json_begin_object(j, NULL);
	json_put_string(j, "schema", SENDING_SCHEMA);
	json_put_string(j, "folder", s->folder);
	put_time(j, "since", s->since);
	json_put_uint(j, "attempts", s->attempts);
	put_time(j, "last", s->last);
	put_time(j, "next", s->next);
	json_put_string(j, "error", s->error);
	json_put_bool(j, "sent", s->sent);
	json_put_bool(j, "verified", s->verified);
	json_put_uint(j, "at", s->at);
	json_begin_array(j, "places");
	for (size_t i = 0; i < s->n_places; i++)
		put_place(j, &s->places[i]);
	json_end_array(j);
	json_end_object(j);
	fputc('\n', j->to);
}

/* Cut to its room: nobody relies on what is longer, but for names, which are compared before they are used. */
static void take_text(const json_t *from, const char *key, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(from, key));

	snprintf(ret, size, "%s", text ? text : "");
}

static uint64_t take_number(const json_t *from, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(from, key));

	return value > 0 ? (uint64_t)value : 0;
}

static uint64_t take_time(const json_t *from, const char *key)
{
	const char *text = json_string_value(json_object_get(from, key));
	uint64_t time;

	return text && utc_parse(text, &time) ? time : 0;
}

static void take_file(const json_t *from, struct sending_place *p)
{
	const char *digest = json_string_value(json_object_get(from, "sha256"));
	const json_t *number = json_object_get(from, "file");
	uint64_t file = take_number(from, "file");
	struct sending_file f = {.done = true, .bytes = take_number(from, "bytes")};

	take_text(from, "name", f.name, sizeof(f.name));
	if (json_is_integer(number) && file < CRASH_FILES && digest &&
	    sha256_parse(digest, f.digest) && *f.name && !strchr(f.name, '/'))
		p->files[file] = f;
}

/* A name of the far end becomes part of a path here, if that is mounted. */
static void take_place(const json_t *from, struct sending_place *p)
{
	const json_t *files = json_object_get(from, "files");

	take_text(from, "target", p->target, sizeof(p->target));
	take_text(from, "name", p->name, sizeof(p->name));
	take_text(from, "folder", p->folder, sizeof(p->folder));
	p->entry = take_number(from, "entry");
	for (size_t i = 0; i < NUM_MIN(json_array_size(files), (size_t)CRASH_FILES); i++)
		take_file(json_array_get(files, i), p);
}

static int take_sending(const json_t *top, struct sending *ret, struct err *err)
{
	const char *schema = json_string_value(json_object_get(top, "schema"));
	const json_t *places = json_object_get(top, "places");
	size_t n = NUM_MIN(json_array_size(places), (size_t)SENDING_MAX_PLACES);

	memset(ret, 0, sizeof(*ret));
	if (!schema || strcmp(schema, SENDING_SCHEMA) != 0)
		return err_set(err, ERR_CORRUPT, "its schema is not " SENDING_SCHEMA);
	take_text(top, "folder", ret->folder, sizeof(ret->folder));
	if (*ret->folder != '/')
		return err_set(err, ERR_CORRUPT, "folder is no absolute path");
	ret->since = take_time(top, "since");
	ret->attempts = take_number(top, "attempts");
	ret->last = take_time(top, "last");
	ret->next = take_time(top, "next");
	take_text(top, "error", ret->error, sizeof(ret->error));
	ret->sent = json_is_true(json_object_get(top, "sent"));
	ret->verified = json_is_true(json_object_get(top, "verified"));
	ret->at = (size_t)take_number(top, "at");
	for (; ret->n_places < n; ret->n_places++)
		take_place(json_array_get(places, ret->n_places), &ret->places[ret->n_places]);
	/* a copy here goes because of this */
	if (ret->sent && ret->at >= ret->n_places)
		return err_set(err, ERR_CORRUPT, "it was sent to a place that is not there");
	return 0;
}

static int read_path(const char *path, struct sending *ret, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	_cleanup_free_ char *text = NULL;
	json_t *top;
	size_t len;
	int r;

	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	if (io_read_all(fd, MAX_SIZE, path, &text, &len, err))
		return err->code;
	top = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	r = top ? take_sending(top, ret, err) : err_set(err, ERR_CORRUPT, "no JSON");
	json_decref(top);
	return r ? err_wrap(err, "%s", path) : 0;
}

/* ---- one */

int sending_read(const struct service *s, const char *folder, struct sending *ret, struct err *err)
{
	char path[PATH_SIZE];
	bool gone = false;
	int r;

	path_of(s, folder, SUFFIX, path);
	r = read_path(path, ret, err);
	if (r == ERR_NOT_FOUND) {
		path_of(s, folder, GONE, path);
		gone = true;
		r = read_path(path, ret, err);
	}
	if (!r && strcmp(ret->folder, folder) != 0)
		r = err_set(err, ERR_CORRUPT, "%s: is of %s", path, ret->folder);
	if (!r)
		ret->gone = gone;
	return r;
}

int sending_write(const struct service *s, const struct sending *sending, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	struct json j;
	char path[PATH_SIZE];
	int r;

	folder_path(s, path);
	if (io_make_folder(path, err))
		return err->code;
	json_init(&j, open_memstream(&text, &len));
	if (!j.to)
		return err_sys(err, errno, "a buffer for what is known of the sending");
	put_sending(&j, sending);
	if (fclose(j.to))
		return err_sys(err, errno, "a buffer for what is known of the sending");
	path_of(s, sending->folder, SUFFIX, path);
	r = io_write_file(path, text, len, err);
	if (!r) {
		path_of(s, sending->folder, GONE, path);
		unlink(path);
	}
	return r;
}

int sending_remove(const struct service *s, const char *folder, struct err *err)
{
	static const char *const suffixes[] = {SUFFIX, GONE};
	char path[PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		path_of(s, folder, suffixes[i], path);
		if (unlink(path) == 0) {
			if (io_sync_parent(path, err))
				return err->code;
		} else if (errno != ENOENT) {
			return err_sys(err, errno, "%s: remove", path);
		}
	}
	return 0;
}

void sending_put_aside(const struct service *s, const struct sending *sending, uint64_t now)
{
	char path[PATH_SIZE], aside[PATH_SIZE];

	path_of(s, sending->folder, SUFFIX, path);
	path_of(s, sending->folder, GONE, aside);
	if (now > NUM_MAX(sending->last, sending->since) &&
	    now - NUM_MAX(sending->last, sending->since) > SENDING_FORGET)
		unlink(path);
	else if (rename(path, aside) && errno != ENOENT)
		service_tell(s, SERVICE_WARNING, "%s: rename: %s", path, strerror(errno));
}

/* ---- all */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && strcmp(name + len - n, suffix) == 0;
}

static int by_since(const void *a, const void *b)
{
	const struct sending *x = a, *y = b;

	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return strcmp(x->folder, y->folder);
}

int sending_list(const struct service *s, struct sending **ret, size_t *ret_n, struct err *err)
{
	_cleanup_free_ struct sending *v = NULL;
	char folder[PATH_SIZE], path[PATH_SIZE + 256 + 1];
	const struct dirent *e;
	size_t n = 0;
	DIR *d;

	*ret = NULL;
	*ret_n = 0;
	folder_path(s, folder);
	d = opendir(folder);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(err, errno, "%s: open", folder);
	for (size_t seen = 0; n < SENDING_MAX && seen < MAX_NAMES && (e = readdir(d)); seen++) {
		struct sending *grown;
		struct err why;

		if (!has_suffix(e->d_name, SUFFIX))
			continue;
		grown = reallocarray(v, n + 1, sizeof(*v));
		if (!grown) {
			closedir(d);
			return err_nomem(err, (n + 1) * sizeof(*v), "what waits to be sent");
		}
		v = grown;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (read_path(path, &v[n], &why))
			service_tell(s, SERVICE_WARNING, "%s", why.msg);
		else
			n++;
	}
	closedir(d);
	if (n)
		qsort(v, n, sizeof(*v), by_since);
	*ret = no_cleanup_ptr(v);
	*ret_n = n;
	return 0;
}

void sending_drop_damaged(const struct service *s)
{
	_cleanup_free_ struct sending *one = calloc(1, sizeof(*one));
	char folder[PATH_SIZE], path[PATH_SIZE + 256 + 1], aside[sizeof(path) + 16];
	const struct dirent *e;
	DIR *d;

	folder_path(s, folder);
	d = one ? opendir(folder) : NULL;
	for (size_t seen = 0; d && seen < MAX_NAMES && (e = readdir(d)); seen++) {
		struct err why = {0};

		if (!has_suffix(e->d_name, SUFFIX))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (read_path(path, one, &why) != ERR_CORRUPT)
			continue;
		snprintf(aside, sizeof(aside), "%.*s" DAMAGED, (int)(strlen(path) - strlen(SUFFIX)),
			 path);
		service_tell(s, SERVICE_WARNING, "%s; it is kept as %s", why.msg, aside);
		if (rename(path, aside))
			service_tell(s, SERVICE_WARNING, "%s: rename: %s", path, strerror(errno));
	}
	if (d)
		closedir(d);
}

/* ---- when */

uint64_t sending_pause(uint64_t attempts, uint32_t random)
{
	uint64_t pause = SENDING_FIRST;

	for (uint64_t i = 1; i < attempts && pause < SENDING_LAST; i++)
		pause *= 2;
	pause = NUM_MIN(pause, (uint64_t)SENDING_LAST);
	return pause - pause / 4 + random % (pause / 2 + 1);
}

bool sending_is_due(const struct sending *sending, uint64_t now)
{
	return sending->next <= now || sending->next - now > SENDING_LAST + SENDING_LAST / 4;
}

struct sending_place *sending_place_of(struct sending *sending, const char *target)
{
	struct sending_place *p;

	for (size_t i = 0; i < sending->n_places; i++)
		if (strcmp(sending->places[i].target, target) == 0)
			return &sending->places[i];
	if (sending->n_places == SENDING_MAX_PLACES || strlen(target) >= sizeof(p->target))
		return NULL;
	p = &sending->places[sending->n_places++];
	*p = (struct sending_place){.entry = 0};
	snprintf(p->target, sizeof(p->target), "%s", target);
	return p;
}

static const char *span(uint64_t seconds, char buf[32])
{
	if (seconds < 90)
		snprintf(buf, 32, "%" PRIu64 " s", seconds);
	else if (seconds < 5400)
		snprintf(buf, 32, "%" PRIu64 " min", (seconds + 30) / 60);
	else
		snprintf(buf, 32, "%" PRIu64 " h", (seconds + 1800) / 3600);
	return buf;
}

const char *sending_describe(const struct sending *sending, uint64_t now, char *buf, size_t size)
{
	char when[64] = "now", text[32], plain[2 * sizeof(sending->error)];

	if (sending->sent)
		snprintf(when, sizeof(when), "it is there");
	else if (!sending_is_due(sending, now))
		snprintf(when, sizeof(when), "next in %s", span(sending->next - now, text));
	else
		snprintf(when, sizeof(when), "%s now", sending->attempts ? "next" : "first");
	text_plain(sending->error, plain, sizeof(plain));
	snprintf(buf, size, "%" PRIu64 " attempt%s, %s%s%s", sending->attempts,
		 sending->attempts == 1 ? "" : "s", when, *plain ? ": " : "", plain);
	return buf;
}
