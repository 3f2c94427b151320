// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crash_from_text, and the same fed as records of a ring from several CPUs. Property: any bytes give a crash or none; its texts end,
 * and are printable ASCII; its lists are within their bounds; the same bytes give the same; and what a signature and a record are
 * made of it is whole: three hashes of 64 digits, a text of lines, valid frames, modules that are names.
 */
#include <stdlib.h>
#include <string.h>

#include "crash/names.h"
#include "crash/record.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	REQUIRE(len < size);
	for (size_t i = 0; i < len; i++)
		REQUIRE(text[i] >= ' ' && text[i] < 0x7f);
}

static void check_crash(const struct crash *c, bool found)
{
	REQUIRE(c->n_frames <= CRASH_MAX_FRAMES && (unsigned int)c->cls < CRASH_CLASSES);
	REQUIRE(found == (c->cls != CRASH_UNKNOWN));
	check_text(c->title, sizeof(c->title));
	check_text(c->panic, sizeof(c->panic));
	check_text(c->comm, sizeof(c->comm));
	check_text(c->release, sizeof(c->release));
	check_text(c->taints, sizeof(c->taints));
	check_text(c->hardware, sizeof(c->hardware));
	REQUIRE(c->cpu >= -1 && c->pid >= -1);
	REQUIRE(found || (!c->n_frames && c->pid == -1 && !*c->title));
	for (size_t i = 0; i < c->n_frames; i++) {
		check_text(c->frames[i].function, sizeof(c->frames[i].function));
		check_text(c->frames[i].module, sizeof(c->frames[i].module));
		REQUIRE(!strchr(c->frames[i].function, ' ') && !strchr(c->frames[i].module, ' '));
	}
}

static void check_signature(const struct crash *c)
{
	char text[SIGNATURE_TEXT];
	struct signature s;

	signature_make(c, &s);
	REQUIRE(strlen(s.func) == 64 && strlen(s.exact) == 64 && strlen(s.cls) == 64);
	REQUIRE(strspn(s.func, "0123456789abcdef") == 64);
	check_text(s.title, sizeof(s.title));
	for (int kind = SIGNATURE_EXACT; kind <= SIGNATURE_CLASS; kind++) {
		size_t len = signature_text(c, (enum signature_kind)kind, text);

		REQUIRE(len == strlen(text) && len && text[len - 1] == '\n');
	}
}

static void put(void *ctx, struct json *j, const struct crash_record_limits *limits)
{
	crash_record_put(j, ctx, limits);
}

static void check_record(struct crash_log *log, const struct crash *c)
{
	struct crash_record_module modules[CRASH_RECORD_MODULES];
	char list[4096], *text = NULL;
	struct crash_record rec = {.tool = "fuzz", .crash = c, .node = c->comm};
	struct err err = {0};
	size_t len;

	REQUIRE(strlen(crash_log_modules(log)) < sizeof(list));
	strcpy(list, crash_log_modules(log));
	rec.modules = modules;
	rec.n_modules = crash_record_modules(list, modules, CRASH_RECORD_MODULES);
	for (size_t i = 0; i < rec.n_modules; i++)
		check_text(modules[i].name, 4096);
	REQUIRE(!crash_record_format(put, &rec, &text, &len, &err));
	REQUIRE(len <= CRASH_RECORD_MAX_SIZE && memchr(text, '\n', len) == text + len - 1);
	free(text);
}

/* Lines as records, whose callers are told by their length. */
static void feed_records(struct crash_log *log, const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t len = end ? (size_t)(end - text) - at : size - at;

		crash_log_feed_record(log, at * 1000000, (uint32_t)(len % 5), text + at, len);
		at += len + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct crash a, b;
	struct crash_log *log;
	struct err err = {0};
	char normal[64];
	bool found;

	REQUIRE(!crash_log_create(&log, &err));
	REQUIRE(!crash_log_feed_text(log, (struct bytes){data, size}, &err));
	found = crash_log_finish(log, &a);
	check_crash(&a, found);
	check_signature(&a);
	check_record(log, &a);
	crash_log_destroy(log);
	REQUIRE(!crash_from_text((struct bytes){data, size}, &b, &found, &err));
	REQUIRE(memcmp(&a, &b, sizeof(a)) == 0);
	names_normalize(a.title, normal, sizeof(normal));
	REQUIRE(!strpbrk(normal, "0123456789"));

	REQUIRE(!crash_log_create(&log, &err));
	feed_records(log, (const char *)data, size);
	found = crash_log_finish(log, &a);
	check_crash(&a, found);
	check_signature(&a);
	crash_log_destroy(log);
	return 0;
}
