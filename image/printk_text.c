// SPDX-License-Identifier: GPL-2.0-or-later
/* The log as text, and its headline. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "image/printk.h"

struct formatter {
	printk_write_fn write;
	void *ctx;
	size_t len;
	char buf[4096];
};

#define FORMAT_WORST 32 /* bytes that one input byte or the time stamp may take */

static int drain(struct formatter *f, struct err *err)
{
	int r = f->len ? f->write(f->ctx, f->buf, f->len, err) : 0;

	f->len = 0;
	return r;
}

static void put(struct formatter *f, char c)
{
	f->buf[f->len++] = c;
}

static int format_record(void *ctx, const struct printk_record *rec, struct err *err)
{
	struct formatter *f = ctx;
	uint64_t usec = rec->ts_nsec / 1000;
	char stamp[FORMAT_WORST];
	int indent, r = 0;

	indent = snprintf(stamp, sizeof(stamp), "[%5" PRIu64 ".%06" PRIu64 "] ", usec / 1000000,
			  usec % 1000000);
	if (f->len + FORMAT_WORST > sizeof(f->buf))
		r = drain(f, err);
	memcpy(f->buf + f->len, stamp, (size_t)indent);
	f->len += (size_t)indent;
	for (size_t i = 0; i < rec->len && !r; i++) {
		unsigned char c = (unsigned char)rec->text[i];

		if (f->len + FORMAT_WORST > sizeof(f->buf))
			r = drain(f, err);
		if (c == '\n') {
			put(f, '\n');
			for (int k = 0; k < indent; k++)
				put(f, ' ');
		} else if (isprint(c) || isspace(c)) {
			put(f, (char)c);
		} else {
			f->len += (size_t)snprintf(f->buf + f->len, 5, "\\x%02x", c);
		}
	}
	if (!r && f->len + FORMAT_WORST > sizeof(f->buf))
		r = drain(f, err);
	put(f, '\n');
	return r;
}

int printk_format(const struct image *img, printk_write_fn write, void *ctx,
		  struct printk_stats *ret_stats, struct err *err)
{
	struct formatter f = {.write = write, .ctx = ctx};
	int r = printk_walk(img, format_record, &f, ret_stats, err);
	int drained;

	if (r) { /* what was read before the error is worth having */
		struct err ignored;

		(void)drain(&f, &ignored);
		return r;
	}
	drained = drain(&f, err);
	return drained;
}

/* ---- headline */

static bool mentions(const struct printk_record *rec, const char *what)
{
	return memmem(rec->text, rec->len, what, strlen(what));
}

/*
 * What die() calls an oops is counted: "divide error: 0000 [#1] PREEMPT SMP". The word "Oops: " is before each only since
 * Linux 6.12 (__die_header() of arch/x86/kernel/dumpstack.c).
 */
static bool is_counted(const struct printk_record *rec)
{
	const char *end = rec->text + rec->len, *at = rec->text;

	while ((at = memmem(at, (size_t)(end - at), " [#", 3))) {
		at += 3;
		const char *digits = at;

		while (at < end && *at >= '0' && *at <= '9')
			at++;
		if (at > digits && at < end && *at == ']')
			return true;
	}
	return false;
}

static void keep_line(char dst[256], const struct printk_record *rec)
{
	size_t n = 0;

	for (size_t i = 0; i < rec->len && n < 255 && rec->text[i] != '\n'; i++)
		dst[n++] = isprint((unsigned char)rec->text[i]) ? rec->text[i] : '?';
	dst[n] = '\0';
}

void printk_headline_feed(struct printk_headline *h, const struct printk_record *rec)
{
	if (mentions(rec, "Kernel panic - not syncing"))
		keep_line(h->panic, rec);
	else if (mentions(rec, "Oops: ") || mentions(rec, "BUG: ") || is_counted(rec))
		keep_line(h->oops, rec);
}

const char *printk_headline_get(const struct printk_headline *h)
{
	return *h->panic ? h->panic : h->oops;
}
