// SPDX-License-Identifier: GPL-2.0-or-later
#include "crash/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/utc.h"

#define TEXT_MAX 1024

/* What is hashed begins with what it is for, so that no two of our digests are of the same text. */
static const char uuid_of[] = "lifeboat crash 1\n", host_of[] = "lifeboat host 1\n";

/* The partition of rows whose key is null, in Hive's layout of folders. */
static const char no_partition[] = "__HIVE_DEFAULT_PARTITION__";

void crash_record_uuid(struct bytes vmcoreinfo, const char *node, char ret[CRASH_RECORD_UUID])
{
	size_t len = vmcoreinfo.len ? strnlen((const char *)vmcoreinfo.data, vmcoreinfo.len) : 0;
	uint8_t d[SHA256_SIZE];
	char hex[SHA256_TEXT];
	struct sha256 s;

	*ret = '\0';
	if (!len)
		return;
	sha256_init(&s);
	sha256_update(&s, uuid_of, sizeof(uuid_of) - 1);
	sha256_update(&s, node, strlen(node) + 1); /* its NUL parts it from what follows */
	sha256_update(&s, vmcoreinfo.data, len);
	sha256_final(&s, d);
	d[6] = (uint8_t)((d[6] & 0x0f) | 0x80);
	d[8] = (uint8_t)((d[8] & 0x3f) | 0x80);
	sha256_text(d, hex);
	snprintf(ret, CRASH_RECORD_UUID, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		 hex + 16, hex + 20);
}

void crash_record_host(const char *node, char ret[CRASH_RECORD_HOST])
{
	uint8_t d[SHA256_SIZE];
	char hex[SHA256_TEXT];
	struct sha256 s;

	*ret = '\0';
	if (!*node)
		return;
	sha256_init(&s);
	sha256_update(&s, host_of, sizeof(host_of) - 1);
	sha256_update(&s, node, strlen(node));
	sha256_final(&s, d);
	sha256_text(d, hex);
	snprintf(ret, CRASH_RECORD_HOST, "%.16s", hex);
}

/* It becomes a file's name, and may have been read from a file. */
static bool is_uuid(const char *uuid)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == '-' ? uuid[i] != '-'
				   : !uuid[i] || !strchr("0123456789abcdef", uuid[i]))
			return false;
	return !uuid[i];
}

bool crash_record_path(uint64_t time, const char *node, const char *uuid,
		       char ret[CRASH_RECORD_PATH])
{
	char when[UTC_TEXT], host[CRASH_RECORD_HOST];

	*ret = '\0';
	if (!is_uuid(uuid))
		return false;
	if (time && utc_format(time, when))
		*strchr(when, 'T') = '\0';
	else
		*when = '\0';
	crash_record_host(node, host);
	snprintf(ret, CRASH_RECORD_PATH, "crash/v1/dt=%s/host=%s/%s.json",
		 *when ? when : no_partition, *host ? host : no_partition, uuid);
	return true;
}

/* ---- the shared members */

void crash_record_put_text(struct json *j, const char *key, const char *text,
			   const struct crash_record_limits *limits)
{
	size_t max = (size_t)NUM_MIN(NUM_MAX(limits->text, 0), TEXT_MAX - 1), n = 0;
	char cut[TEXT_MAX];

	if (!text || !*text) {
		json_put_null(j, key);
		return;
	}
	while (text[n]) {
		size_t len = text_utf8_len(text + n);

		len = len ? len : 1;
		if (n + len > max)
			break;
		n += len;
	}
	memcpy(cut, text, n);
	cut[n] = '\0';
	json_put_string(j, key, cut);
}

static void put_known(struct json *j, const char *key, int64_t value)
{
	if (value >= 0)
		json_put_uint(j, key, (uint64_t)value);
	else
		json_put_null(j, key);
}

/* By the name of the path's partition, so that engines which make a column of it find the same in both. */
static void put_host(struct json *j, const struct crash_record *rec)
{
	char host[CRASH_RECORD_HOST];

	crash_record_host(rec->node ? rec->node : "", host);
	json_put_string(j, "host", *host ? host : NULL);
}

static void put_kernel(struct json *j, const struct crash_record *rec,
		       const struct crash_record_limits *limits)
{
	json_begin_object(j, "kernel");
	crash_record_put_text(j, "release", rec->release, limits);
	crash_record_put_text(j, "version", rec->version, limits);
	crash_record_put_text(j, "machine", rec->machine, limits);
	crash_record_put_text(j, "node", rec->node, limits);
	crash_record_put_text(j, "build_id", rec->build_id, limits);
	crash_record_put_text(j, "command_line", rec->command_line, limits);
	json_end_object(j);
}

static void put_crash(struct json *j, const struct crash_record *rec,
		      const struct crash_record_limits *limits)
{
	const struct crash *c = rec->crash;
	uint64_t uptime = rec->uptime_ns ? rec->uptime_ns : c ? c->log_ns : 0;
	char time[UTC_TEXT];

	json_begin_object(j, "crash");
	json_put_string(j, "time", rec->time && utc_format(rec->time, time) ? time : NULL);
	crash_record_put_text(j, "panic", rec->panic, limits);
	json_put_string(j, "class", c ? crash_class_name(c->cls) : NULL);
	crash_record_put_text(j, "title", c ? c->title : NULL, limits);
	put_known(j, "cpu", c ? c->cpu : -1);
	put_known(j, "pid", c ? c->pid : -1);
	crash_record_put_text(j, "comm", c ? c->comm : NULL, limits);
	if (c && c->has_fault_address)
		json_put_hex(j, "fault_address", c->fault_address);
	else
		json_put_null(j, "fault_address");
	put_known(j, "uptime_ms", uptime ? (int64_t)(uptime / 1000000) : -1);
	put_known(j, "earlier", c ? (int64_t)NUM_MIN(c->earlier, (size_t)INT32_MAX) : -1);
	if (rec->memory_known)
		json_put_uint(j, "memory_bytes", rec->memory_bytes);
	json_end_object(j);
}

static void put_signature(struct json *j, const struct crash_record *rec,
			  const struct crash_record_limits *limits)
{
	const struct signature *s = rec->signature;

	json_begin_object(j, "signature");
	json_put_string(j, "alg", SIGNATURE_ALG);
	json_put_string(j, "exact", s ? s->exact : NULL);
	json_put_string(j, "func", s ? s->func : NULL);
	json_put_string(j, "class", s ? s->cls : NULL);
	crash_record_put_text(j, "title", s ? s->title : NULL, limits);
	json_end_object(j);
}

static void put_frames(struct json *j, const struct crash_record *rec,
		       const struct crash_record_limits *limits)
{
	const struct crash *c = rec->crash;

	json_begin_array(j, "frames");
	for (size_t i = 0; c && i < NUM_MIN(c->n_frames, limits->rows); i++) {
		const struct crash_frame *f = &c->frames[i];

		json_begin_object(j, NULL);
		crash_record_put_text(j, "function", f->function, limits);
		crash_record_put_text(j, "module", f->module, limits);
		/* no function is so large, but a log can say so; a reader of JSON has 63 bits */
		put_known(j, "offset", (int64_t)f->offset);
		put_known(j, "size", (int64_t)f->size);
		json_put_bool(j, "reliable", f->reliable);
		json_put_bool(j, "interrupted", f->interrupted);
		json_end_object(j);
	}
	json_end_array(j);
}

/* 'G' is the absence of 'P' (Documentation/admin-guide/tainted-kernels.rst). */
static void put_taints(struct json *j, const struct crash *c)
{
	if (!c || (!c->taints_known && !*c->taints)) {
		json_put_null(j, "taints");
		return;
	}
	json_begin_array(j, "taints");
	for (const char *t = c->taints; *t; t++) {
		char letter[2] = {*t};

		if (*t != ' ' && *t != 'G')
			json_put_string(j, NULL, letter);
	}
	json_end_array(j);
}

static void put_modules(struct json *j, const struct crash_record *rec,
			const struct crash_record_limits *limits)
{
	size_t n = NUM_MIN(NUM_MIN(rec->n_modules, (size_t)CRASH_RECORD_MODULES), limits->rows);

	if (!rec->modules) {
		json_put_null(j, "modules");
		return;
	}
	json_begin_array(j, "modules");
	for (size_t i = 0; i < n; i++) {
		const struct crash_record_module *m = &rec->modules[i];

		json_begin_object(j, NULL);
		crash_record_put_text(j, "name", m->name, limits);
		json_put_string(j, "taints", m->taints);
		crash_record_put_text(j, "build_id", m->build_id, limits);
		json_end_object(j);
	}
	json_end_array(j);
	json_put_uint(j, "modules_left_out", rec->n_modules - n);
}

static void put_hardware(struct json *j, const struct crash_record *rec,
			 const struct crash_record_limits *limits)
{
	const struct crash *c = rec->crash;

	json_begin_object(j, "hardware");
	crash_record_put_text(j, "name",
			      rec->hardware ? rec->hardware
			      : c           ? c->hardware
					    : NULL,
			      limits);
	crash_record_put_text(j, "vendor", rec->vendor, limits);
	crash_record_put_text(j, "product", rec->product, limits);
	crash_record_put_text(j, "bios", rec->bios, limits);
	crash_record_put_text(j, "cpu_model", rec->cpu_model, limits);
	put_known(j, "cpus", rec->cpus ? (int64_t)rec->cpus : -1);
	json_end_object(j);
}

static void put_analysis(struct json *j, const struct crash_record *rec,
			 const struct crash_record_limits *limits)
{
	size_t n = NUM_MIN(NUM_MIN(rec->n_gaps, (size_t)CRASH_RECORD_GAPS), limits->rows);

	json_begin_object(j, "analysis");
	crash_record_put_text(j, "level", rec->level, limits);
	json_begin_array(j, "gaps");
	for (size_t i = 0; i < n; i++)
		crash_record_put_text(j, NULL, rec->gaps[i], limits);
	json_end_array(j);
	json_put_uint(j, "gaps_left_out", rec->n_gaps - n);
	json_end_object(j);
}

void crash_record_put(struct json *j, const struct crash_record *rec,
		      const struct crash_record_limits *limits)
{
	json_put_string(j, "schema", CRASH_RECORD_SCHEMA);
	json_put_string(j, "tool", rec->tool);
	json_put_string(j, "uuid", rec->uuid && *rec->uuid ? rec->uuid : NULL);
	put_host(j, rec);
	put_kernel(j, rec, limits);
	put_crash(j, rec, limits);
	put_signature(j, rec, limits);
	put_frames(j, rec, limits);
	put_taints(j, rec->crash);
	put_modules(j, rec, limits);
	put_hardware(j, rec, limits);
	put_analysis(j, rec, limits);
}

/* ---- the line */

static int format_once(crash_record_put_fn put, void *ctx, const struct crash_record_limits *limits,
		       char **ret, size_t *ret_len, struct err *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	struct json j;

	if (!to)
		return err_sys(err, errno, "a buffer for a crash record");
	json_init(&j, to);
	json_begin_object(&j, NULL);
	put(ctx, &j, limits);
	json_end_object(&j);
	fputc('\n', to);
	if (fclose(to)) { /* a full buffer shows at the latest here */
		free(text);
		return err_sys(err, errno, "a buffer for a crash record");
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

int crash_record_format(crash_record_put_fn put, void *ctx, char **ret, size_t *ret_len,
			struct err *err)
{
	struct crash_record_limits limits = {.text = TEXT_MAX - 1, .rows = CRASH_RECORD_MODULES};
	char *text = NULL;
	size_t len = 0;
	int r = format_once(put, ctx, &limits, &text, &len, err);

	while (!r && len > CRASH_RECORD_MAX_SIZE && (limits.text || limits.rows)) {
		free(text);
		limits.text /= 2;
		limits.rows /= 2;
		r = format_once(put, ctx, &limits, &text, &len, err);
	}
	if (r)
		return r;
	*ret = text;
	*ret_len = len;
	return 0;
}

/* ---- modules as the log lists them */

size_t crash_record_modules(char *text, struct crash_record_module *ret, size_t max)
{
	char *rest = text, *word;
	size_t n = 0;

	while (n < max && (word = strsep(&rest, " "))) {
		size_t len = strcspn(word, "(");
		char *taints = word[len] ? word + len + 1 : word + len;

		if (*word == '[') /* "[last unloaded: …]" */
			break;
		if (!len)
			continue;
		word[len] = '\0';
		taints[strcspn(taints, ")")] = '\0';
		ret[n++] = (struct crash_record_module){.name = word, .taints = taints};
	}
	return n;
}
