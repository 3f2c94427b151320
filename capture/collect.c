// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/collect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "format/elfcore.h"
#include "base/out.h"

#define TAIL_LINES 60
#define TAIL_BYTES 200 /* of one line */

/* An open vmcore; both parts or none. */
struct core {
	struct source *src;
	struct image *img;
};

static int core_open(const char *path, struct core *ret, struct err *err)
{
	struct core c;
	int r = source_open_as(&elfcore_source, path, &c.src, err);

	if (r)
		return r;
	r = image_create(c.src, &c.img, err);
	if (r) {
		source_destroy(c.src);
		return r;
	}
	*ret = c;
	return 0;
}

static void core_close(struct core *c)
{
	image_destroy(c->img);
	source_destroy(c->src);
}

static int feed_headline(void *ctx, const struct printk_record *rec, struct err *err)
{
	(void)err;
	printk_headline_feed(ctx, rec);
	return 0;
}

int collect_examine(const char *vmcore, struct record *rec, struct err *err)
{
	struct printk_stats stats;
	struct core c;
	int r = core_open(vmcore, &c, err);

	if (r)
		return r;
	memcpy(rec->uts, c.img->uts, sizeof(rec->uts));
	rec->crash_time = c.img->crash_time;
	rec->memory_bytes = ranges_total(&c.src->ram);
	rec->examined = true;
	r = printk_walk(c.img, feed_headline, &rec->headline, &stats, err);
	core_close(&c);
	return r;
}

struct log_file {
	struct out *out;
	uint64_t bytes;
};

static int write_log(void *ctx, const char *text, size_t len, struct err *err)
{
	struct log_file *f = ctx;
	int r = f->out->ops->pwrite(f->out, text, len, f->bytes, err);

	if (!r)
		f->bytes += len;
	return r;
}

/* A kernel that crashed has said something: a log without a record is one that could not be read. */
static int format_log(const struct image *img, struct log_file *f, struct err *err)
{
	struct printk_stats stats;
	int r = printk_format(img, write_log, f, &stats, err);

	if (!r && !stats.records)
		r = err_set(err, ERR_CORRUPT,
			    "kernel log: no record is readable, %" PRIu64 " are damaged",
			    stats.damaged);
	return r;
}

static int save_log(const struct image *img, const char *path, uint64_t *ret_bytes, struct err *err)
{
	struct log_file f = {0};
	int r = out_file_create(path, false, &f.out, err);

	if (r)
		return r;
	r = format_log(img, &f, err);
	if (!r)
		r = f.out->ops->commit(f.out, err);
	else if (f.bytes)
		f.out->ops->leave(f.out);
	else
		f.out->ops->abort(f.out);
	if (!r)
		*ret_bytes = f.bytes;
	return r;
}

int collect_log(const char *vmcore, struct record *rec, struct err *err)
{
	char path[PATH_MAX];
	struct core c;
	int r;

	if (snprintf(path, sizeof(path), "%s/dmesg.txt", rec->folder) >= (int)sizeof(path))
		return err_sys(err, ENAMETOOLONG, "%s/dmesg.txt", rec->folder);
	r = core_open(vmcore, &c, err);
	if (r)
		return r;
	r = save_log(c.img, path, &rec->log_bytes, err);
	core_close(&c);
	rec->log_written = !r;
	return r;
}

static int write_dump(const struct core *c, const struct filter_options *options, const char *path,
		      struct filter_stats *ret, struct err *err)
{
	struct out *out;
	int r = out_file_create(path, false, &out, err);

	if (r)
		return r;
	r = filter_run(c->img, options, out, ret, err);
	if (!r)
		return out->ops->commit(out, err);
	if (r == ERR_NO_SPACE)
		out->ops->abort(out);
	else
		out->ops->leave(out);
	return r;
}

/* Did the filter fail over what the pages are, not over writing them? */
static bool is_unreadable_layout(int code)
{
	return code == ERR_CORRUPT || code == ERR_NOT_FOUND || code == ERR_UNSUPPORTED;
}

static int dump_to(const struct core *c, const struct recipe *recipe, struct record *rec,
		   const char *path, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct filter_options options = {
		.level = recipe->level,
		.codec = recipe->codec,
		.threads = cpus > 0 ? (unsigned int)NUM_MIN(cpus, FILTER_MAX_THREADS) : 1,
	};
	int r = write_dump(c, &options, path, &rec->stats, err);

	if (!is_unreadable_layout(r))
		return r;
	/* damaged page tables or a kernel newer than we: a dump that is too large beats none */
	snprintf(rec->unfiltered, sizeof(rec->unfiltered), "%.*s", (int)sizeof(rec->unfiltered) - 1,
		 err->msg);
	options.keep_all = true;
	options.level &= LEVEL_ZERO;
	return write_dump(c, &options, path, &rec->stats, err);
}

int collect_dump(const char *vmcore, const struct recipe *recipe, struct record *rec,
		 struct err *err)
{
	char path[PATH_MAX];
	struct core c;
	int r;

	if (snprintf(path, sizeof(path), "%s/vmcore", rec->folder) >= (int)sizeof(path))
		return err_sys(err, ENAMETOOLONG, "%s/vmcore", rec->folder);
	r = core_open(vmcore, &c, err);
	if (r)
		return r;
	r = dump_to(&c, recipe, rec, path, err);
	core_close(&c);
	rec->dump_written = !r;
	return r;
}

/* The last lines of a text that comes in pieces. */
struct tail {
	char lines[TAIL_LINES][TAIL_BYTES];
	size_t at;    /* line being filled */
	size_t len;   /* of it */
	uint64_t all; /* lines seen */
};

static int feed_tail(void *ctx, const char *text, size_t len, struct err *err)
{
	struct tail *t = ctx;

	(void)err;
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n') {
			if (t->len < TAIL_BYTES - 1)
				t->lines[t->at][t->len++] = text[i];
			continue;
		}
		t->lines[t->at][t->len] = '\0';
		t->at = (t->at + 1) % TAIL_LINES;
		t->len = 0;
		t->all++;
	}
	return 0;
}

int collect_show_log(const char *vmcore, const struct log *log, struct err *err)
{
	_cleanup_free_ struct tail *t = calloc(1, sizeof(*t));
	struct printk_stats stats;
	struct core c;
	size_t n;
	int r;

	if (!t)
		return err_nomem(err, sizeof(*t), "the last lines of the log");
	r = core_open(vmcore, &c, err);
	if (r)
		return r;
	r = printk_format(c.img, feed_tail, t, &stats, err);
	core_close(&c);
	n = (size_t)NUM_MIN(t->all, (uint64_t)TAIL_LINES);
	log_error(log, "the last %zu lines of the crashed kernel's log:", n);
	for (size_t i = 0; i < n; i++)
		log_error(log, "| %s", t->lines[(t->at + TAIL_LINES - n + i) % TAIL_LINES]);
	return r;
}
