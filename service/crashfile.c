// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/crashfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/utc.h"
#include "capture/record.h"

/* ---- fields, by a table */

struct field {
	const char *object; /* NULL: at the top */
	const char *key;
	bool number;
	size_t at; /* in the struct that it goes to */
};

#define TEXT(obj, name, member)                                      \
	{                                                            \
		obj, name, false, offsetof(struct crashfile, member) \
	}
#define NUMBER(obj, name, member)                                   \
	{                                                           \
		obj, name, true, offsetof(struct crashfile, member) \
	}

static const struct field fields[] = {
	TEXT(NULL, "tool", tool),
	TEXT(NULL, "uuid", uuid),
	TEXT("kernel", "release", release),
	TEXT("kernel", "version", version),
	TEXT("kernel", "machine", machine),
	TEXT("kernel", "node", node),
	TEXT("crash", "panic", panic),
	TEXT("crash", "class", cls),
	TEXT("crash", "title", title),
	TEXT("signature", "alg", sig_alg),
	TEXT("signature", "exact", sig_exact),
	TEXT("signature", "func", sig_func),
	TEXT("signature", "class", sig_class),
	TEXT("signature", "title", sig_title),
	NUMBER("crash", "memory_bytes", memory_bytes),
	TEXT("log", "file", log_file),
	NUMBER("log", "bytes", log_bytes),
	TEXT("dump", "file", dump_file),
	TEXT("dump", "format", format),
	TEXT("dump", "codec", codec),
	NUMBER("dump", "level", level),
	NUMBER("dump", "level_wanted", level_wanted),
	TEXT("dump", "unfiltered", unfiltered),
	TEXT("dump", "cut", cut),
	TEXT("dump", "warning", warning),
	NUMBER("dump", "bytes", dump_bytes),
	NUMBER("dump", "pages", pages),
	NUMBER("dump", "pages_written", pages_written),
	NUMBER("dump", "pages_zero", pages_zero),
	NUMBER("dump", "pages_left_out", pages_left_out),
	NUMBER("dump", "pages_lost", pages_lost),
	NUMBER("dump", "pages_cut_off", pages_cut_off),
	TEXT("capture", "result", result),
	TEXT("capture", "device", device),
	TEXT("capture", "watchdog", watchdog),
	TEXT("capture", "kernel", capture_release),
	TEXT("capture", "send_to", send_to),
	TEXT("sent", "target", sent_target),
	TEXT("sent", "name", sent_name),
	NUMBER("capture", "memory_available", memory_available),
	NUMBER("capture", "memory_ram", memory_ram),
	NUMBER("capture", "memory_total", memory_total),
	NUMBER("capture", "memory_lowest", memory_lowest),
	NUMBER("capture", "threads", threads),
	NUMBER("capture", "phases_left_out", phases_left_out),
};

#undef TEXT
#undef NUMBER
#define TEXT(type, member)                                   \
	{                                                    \
		NULL, #member, false, offsetof(type, member) \
	}
#define NUMBER(type, member)                                \
	{                                                   \
		NULL, #member, true, offsetof(type, member) \
	}

static const struct field target_fields[] = {
	TEXT(struct crashfile_target, target), TEXT(struct crashfile_target, result),
	TEXT(struct crashfile_target, device), TEXT(struct crashfile_target, name),
	TEXT(struct crashfile_target, error),
};

static const struct field phase_fields[] = {
	TEXT(struct crashfile_phase, name),       TEXT(struct crashfile_phase, result),
	TEXT(struct crashfile_phase, error),      NUMBER(struct crashfile_phase, target),
	NUMBER(struct crashfile_phase, start_ms), NUMBER(struct crashfile_phase, took_ms),
};

static bool is_given(const json_t *value)
{
	return value && !json_is_null(value);
}

static int take_text(const json_t *value, const char *key, const char **ret, struct err *err)
{
	if (!is_given(value))
		return 0;
	if (!json_is_string(value))
		return err_set(err, ERR_CORRUPT, "%s is no text", key);
	*ret = json_string_value(value);
	return 0;
}

static int take_number(const json_t *value, const char *key, uint64_t *ret, struct err *err)
{
	if (!is_given(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return err_set(err, ERR_CORRUPT, "%s is no whole number from 0 on", key);
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

static int take_flag(const json_t *object, const char *key, bool *ret, struct err *err)
{
	const json_t *value = json_object_get(object, key);

	if (!is_given(value))
		return 0;
	if (!json_is_boolean(value))
		return err_set(err, ERR_CORRUPT, "%s is neither true nor false", key);
	*ret = json_is_true(value);
	return 0;
}

static int take_field(const json_t *object, const struct field *f, void *to, struct err *err)
{
	const json_t *value = json_object_get(object, f->key);

	if (f->number)
		return take_number(value, f->key, (uint64_t *)((char *)to + f->at), err);
	return take_text(value, f->key, (const char **)((char *)to + f->at), err);
}

/* An object of the record; NULL in *ret if it is not there. */
static int get_object(const json_t *top, const char *key, const json_t **ret, struct err *err)
{
	*ret = json_object_get(top, key);
	if (!is_given(*ret))
		*ret = NULL;
	else if (!json_is_object(*ret))
		return err_set(err, ERR_CORRUPT, "%s is no object", key);
	return 0;
}

static int take_fields(const json_t *top, struct crashfile *c, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		const json_t *object = top;

		if (f->object && get_object(top, f->object, &object, err))
			return err->code;
		if (object && take_field(object, f, c, err))
			return f->object ? err_wrap(err, "%s", f->object) : err->code;
	}
	return 0;
}

/* ---- rows */

/* An array of objects, each of which becomes a struct of `size` bytes; *ret is malloc'ed, NULL if there are none. */
static int take_rows(const json_t *object, const char *key, const struct field *row, size_t n_row,
		     size_t size, void **ret, size_t *ret_n, struct err *err)
{
	const json_t *array = json_object_get(object, key);
	_cleanup_free_ char *rows = NULL;
	size_t n;

	if (!is_given(array))
		return 0;
	if (!json_is_array(array))
		return err_set(err, ERR_CORRUPT, "%s is no array", key);
	n = json_array_size(array);
	if (n > CRASHFILE_MAX_ROWS)
		return err_set(err, ERR_CORRUPT, "%s has %zu rows", key, n);
	if (!n)
		return 0;
	rows = calloc(n, size);
	if (!rows)
		return err_nomem(err, n * size, key);
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_array_get(array, i);

		if (!json_is_object(one))
			return err_set(err, ERR_CORRUPT, "%s: row %zu is no object", key, i + 1);
		for (size_t k = 0; k < n_row; k++)
			if (take_field(one, &row[k], rows + i * size, err))
				return err_wrap(err, "%s: row %zu", key, i + 1);
	}
	*ret = no_cleanup_ptr(rows);
	*ret_n = n;
	return 0;
}

static int take_capture(const json_t *top, struct crashfile *c, struct err *err)
{
	const json_t *capture = NULL;
	void *targets = NULL, *phases = NULL;

	if (get_object(top, "capture", &capture, err))
		return err->code;
	if (!capture)
		return 0;
	if (take_flag(capture, "spool", &c->spool, err))
		return err_wrap(err, "capture");
	if (take_rows(capture, "targets", target_fields, ARRAY_SIZE(target_fields),
		      sizeof(*c->targets), &targets, &c->n_targets, err))
		return err->code;
	c->targets = targets;
	if (take_rows(capture, "phases", phase_fields, ARRAY_SIZE(phase_fields), sizeof(*c->phases),
		      &phases, &c->n_phases, err))
		return err->code;
	c->phases = phases;
	return 0;
}

/* ---- all of it */

static int take_time(const json_t *top, const char *name, uint64_t *ret, struct err *err)
{
	const json_t *object = NULL;
	const char *text = NULL;

	if (get_object(top, name, &object, err) ||
	    take_text(json_object_get(object, "time"), "time", &text, err))
		return err->code;
	if (text && !utc_parse(text, ret))
		return err_set(err, ERR_CORRUPT, "time is no time");
	return 0;
}

static int take_sent(const json_t *top, struct crashfile *c, struct err *err)
{
	const json_t *sent = NULL;

	if (get_object(top, "sent", &sent, err))
		return err->code;
	if (take_flag(sent, "verified", &c->sent_verified, err) ||
	    take_flag(sent, "dump", &c->sent_dump, err))
		return err_wrap(err, "sent");
	return take_time(top, "sent", &c->sent_time, err);
}

static int check_schema(const json_t *top, struct err *err)
{
	const char *schema = json_string_value(json_object_get(top, "schema"));

	if (!schema)
		return err_set(err, ERR_CORRUPT, "no schema: not a crash record");
	if (strcmp(schema, RECORD_SCHEMA) != 0)
		return err_set(err, ERR_UNSUPPORTED, "schema '%.64s' is not " RECORD_SCHEMA,
			       schema);
	return 0;
}

static void cleanup_crashfile(struct crashfile **c)
{
	crashfile_destroy(*c);
}

void crashfile_destroy(struct crashfile *c)
{
	if (!c)
		return;
	json_decref(c->json);
	free(c->targets);
	free(c->phases);
	free(c);
}

int crashfile_create(struct bytes text, struct crashfile **ret, struct err *err)
{
	_cleanup_(cleanup_crashfile) struct crashfile *c = calloc(1, sizeof(*c));
	json_error_t why;
	json_t *top;

	if (!c)
		return err_nomem(err, sizeof(*c), "a crash record");
	if (text.len > CRASHFILE_MAX_SIZE)
		return err_set(err, ERR_CORRUPT, "more than %zu bytes", CRASHFILE_MAX_SIZE);
	/* at most 2048 levels deep (jansson's JSON_PARSER_MAX_DEPTH); no \u0000; no number of more than 63 bits */
	c->json = top = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &why);
	if (!top)
		return err_set(err, ERR_CORRUPT, "no JSON: %s (byte %d)", why.text, why.position);
	if (!json_is_object(top))
		return err_set(err, ERR_CORRUPT, "no JSON object");
	if (check_schema(top, err) || take_fields(top, c, err) ||
	    take_time(top, "crash", &c->time, err) || take_sent(top, c, err) ||
	    take_capture(top, c, err))
		return err->code;
	c->pages_known = c->pages != 0;
	*ret = no_cleanup_ptr(c);
	return 0;
}

int crashfile_read(int dir, struct crashfile **ret, struct err *err)
{
	const char *name = crash_file_name(CRASH_RECORD);
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;

	if (fd < 0)
		return err_sys(err, errno, "%s: open", name);
	if (fstat(fd, &st))
		return err_sys(err, errno, "%s: stat", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "%s: not a regular file", name);
	if (io_read_all(fd, CRASHFILE_MAX_SIZE, name, &text, &len, err))
		return err->code;
	if (crashfile_create((struct bytes){(const uint8_t *)text, len}, ret, err))
		return err_wrap(err, "%s", name);
	return 0;
}
