// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "image/printk.h"
#include "report/gather.h"

#define MAX_LINE 4096 /* bytes that are kept of one */

struct keep {
	struct report_log *log;
	struct crash_log *crash;
	struct printk_headline headline;
	size_t next; /* the oldest, once all places are taken */
};

/* A NUL would end the text: as printk_format() has it. */
static char *copy(const char *text, size_t len)
{
	size_t n = NUM_MIN(len, (size_t)MAX_LINE), nuls = 0;
	char *to;

	for (size_t i = 0; i < n; i++)
		nuls += !text[i];
	to = malloc(n + 3 * nuls + 1);
	if (!to)
		return NULL;
	for (size_t i = 0, at = 0; i <= n; i++) {
		if (i == n)
			to[at] = '\0';
		else if (text[i])
			to[at++] = text[i];
		else
			at += (size_t)snprintf(to + at, 5, "\\x00");
	}
	return to;
}

static int put_line(struct keep *keep, const struct printk_record *rec, const char *text,
		    size_t len, struct err *err)
{
	struct report_log *log = keep->log;
	struct report_line line = {
		.ts_ns = rec->ts_nsec,
		.level = rec->has_level ? rec->level : REPORT_NO_LEVEL,
		.caller = rec->has_caller ? rec->caller : 0,
		.text = copy(text, len),
	};

	if (!line.text)
		return err_nomem(err, len, "a line of the log");
	log->lines++;
	if (log->n < REPORT_LOG_LINES) {
		log->v[log->n++] = line;
		return 0;
	}
	free(log->v[keep->next].text);
	log->v[keep->next] = line;
	keep->next = (keep->next + 1) % REPORT_LOG_LINES;
	return 0;
}

static int put_record(void *ctx, const struct printk_record *rec, struct err *err)
{
	struct keep *keep = ctx;
	const char *at = rec->text, *end = rec->text + rec->len;

	crash_log_feed_record(keep->crash, rec->ts_nsec, rec->has_caller ? rec->caller : 0,
			      rec->text, rec->len);
	printk_headline_feed(&keep->headline, rec);
	do {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);

		if (put_line(keep, rec, at, len, err))
			return err->code;
		at += len + (stop != NULL);
	} while (at < end);
	return 0;
}

/* The oldest first. */
static int unroll(struct keep *keep, struct err *err)
{
	struct report_log *log = keep->log;
	struct report_line *v;

	if (!keep->next)
		return 0;
	v = malloc(log->n * sizeof(*v));
	if (!v)
		return err_nomem(err, log->n * sizeof(*v), "the log");
	for (size_t i = 0; i < log->n; i++)
		v[i] = log->v[(keep->next + i) % log->n];
	free(log->v);
	log->v = v;
	return 0;
}

int gather_log(struct report *r, struct kernel *k, struct crash_log *crash, struct err *err)
{
	struct keep keep = {.log = &r->log, .crash = crash};
	struct printk_stats stats = {0};
	int ret;

	r->log.v = calloc(REPORT_LOG_LINES, sizeof(*r->log.v));
	if (!r->log.v)
		return err_nomem(err, REPORT_LOG_LINES * sizeof(*r->log.v), "the log");
	ret = printk_walk_kernel(k, put_record, &keep, &stats, err);
	r->log.damaged = stats.damaged;
	snprintf(r->headline, sizeof(r->headline), "%s", printk_headline_get(&keep.headline));
	if (ret && gather_missing(&r->log_missing, err))
		return err->code;
	return unroll(&keep, err);
}

void gather_block(struct report_log *log, const struct crash *crash)
{
	size_t first = 0;

	log->block = log->block_end = log->n;
	if (!crash->log_ns)
		return;
	while (first < log->n && log->v[first].ts_ns < crash->log_ns)
		first++;
	/* its line may have been overwritten: what is left of the block may begin behind it */
	log->block = first;
	for (log->block_end = first;
	     log->block_end < log->n && log->block_end - first < REPORT_BLOCK_LINES;) {
		const char *text = log->v[log->block_end++].text;

		if (strstr(text, "---[ end Kernel panic"))
			break;
	}
}
