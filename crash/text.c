// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "crash/crash.h"
#include "crash/line.h"

#define MAX_PARTS 1024

/* A piece of a log that pstore kept: its last part is the log's end, and has the number 1. */
struct part {
	size_t at, len;
	unsigned int count, number;
};

static size_t line_len(struct bytes text, size_t at)
{
	const uint8_t *end = memchr(text.data + at, '\n', text.len - at);

	return end ? (size_t)(end - text.data) - at + 1 : text.len - at;
}

static bool is_header(struct bytes text, size_t at, size_t len, struct part *ret)
{
	struct line line;

	if (len > 40)
		return false;
	line_clean((const char *)text.data + at, len, &line);
	if (!line_is_pstore(line.text, &ret->count, &ret->number))
		return false;
	ret->at = at;
	return true;
}

/* Pieces as they lie there; before the first header is one of its own. Returns how many. */
static size_t find_parts(struct bytes text, struct part *parts)
{
	size_t n = 1;

	parts[0] = (struct part){0};
	for (size_t at = 0, len; at < text.len && n < MAX_PARTS; at += len) {
		struct part p = {0};

		len = line_len(text, at);
		if (is_header(text, at, len, &p))
			parts[n++] = p;
	}
	for (size_t i = 0; i < n; i++)
		parts[i].len = (i + 1 < n ? parts[i + 1].at : text.len) - parts[i].at;
	return n;
}

static int compare(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	/* the first piece has no number, and comes first */
	if (x->number != y->number)
		return x->number > y->number || !x->number ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void feed(struct crash_log *log, struct bytes text, const struct part *p)
{
	for (size_t at = p->at, len; at < p->at + p->len; at += len) {
		len = line_len(text, at);
		crash_log_feed(log, (const char *)text.data + at, len);
	}
}

int crash_log_feed_text(struct crash_log *log, struct bytes text, struct err *err)
{
	struct part *parts = calloc(MAX_PARTS, sizeof(*parts));
	size_t n;

	if (!parts)
		return err_nomem(err, MAX_PARTS * sizeof(*parts), "the parts of a log");
	n = find_parts(text, parts);
	qsort(parts, n, sizeof(*parts), compare);
	for (size_t i = 0; i < n; i++)
		feed(log, text, &parts[i]);
	free(parts);
	return 0;
}

int crash_from_text(struct bytes text, struct crash *ret, bool *ret_found, struct err *err)
{
	struct crash_log *log;
	int r = crash_log_create(&log, err);

	if (r)
		return r;
	r = crash_log_feed_text(log, text, err);
	if (!r)
		*ret_found = crash_log_finish(log, ret);
	crash_log_destroy(log);
	return r;
}
