// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/collect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/out.h"
#include "base/sha256.h"
#include "capture/budget.h"
#include "capture/manifest.h"
#include "format/elfcore.h"

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

/* What is left if nothing is known of the kernel: its pages. */
static int core_open_bare(const char *path, struct core *ret, struct err *err)
{
	struct core c;
	int r = source_open_as(&elfcore_source, path, &c.src, err);

	if (r)
		return r;
	r = image_create_bare(c.src, &c.img, err);
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

struct examination {
	struct printk_headline *headline;
	struct crash_log *crash; /* NULL: there is no memory for it */
};

static int feed_record(void *ctx, const struct printk_record *rec, struct err *err)
{
	struct examination *x = ctx;

	(void)err;
	printk_headline_feed(x->headline, rec);
	if (x->crash)
		crash_log_feed_record(x->crash, rec->ts_nsec, rec->has_caller ? rec->caller : 0,
				      rec->text, rec->len);
	return 0;
}

static void examine_kernel(const struct core *c, struct record *rec)
{
	const char *build_id = vmcoreinfo_get(c->img->info, "BUILD-ID");

	memcpy(rec->uts, c->img->uts, sizeof(rec->uts));
	rec->crash_time = c->img->crash_time;
	rec->memory_bytes = ranges_total(&c->src->ram);
	crash_record_uuid(c->img->info_text, rec->uts[UTS_NODENAME], rec->uuid);
	snprintf(rec->build_id, sizeof(rec->build_id), "%.64s", build_id ? build_id : "");
	rec->examined = true;
}

/* Whatever there is of the log may tell of the crash, which stands at its end. */
static int examine_log(const struct core *c, struct record *rec, struct err *err)
{
	struct examination x = {.headline = &rec->headline};
	struct printk_stats stats;
	struct err no_memory;
	int r;

	if (crash_log_create(&x.crash, &no_memory))
		snprintf(rec->log_gap, sizeof(rec->log_gap), "%.255s", no_memory.msg);
	r = printk_walk(c->img, feed_record, &x, &stats, err);
	rec->log_read = !r;
	if (r)
		snprintf(rec->log_gap, sizeof(rec->log_gap), "%.255s", err->msg);
	if (x.crash && crash_log_finish(x.crash, &rec->crash)) {
		signature_make(&rec->crash, &rec->signature);
		snprintf(rec->modules, sizeof(rec->modules), "%s", crash_log_modules(x.crash));
		rec->crash_known = true;
	}
	crash_log_destroy(x.crash);
	return r;
}

int collect_examine(const char *vmcore, struct record *rec, struct err *err)
{
	struct core c;
	int r = core_open(vmcore, &c, err);

	if (r)
		return r;
	examine_kernel(&c, rec);
	r = examine_log(&c, rec, err);
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

int collect_log(const char *vmcore, struct target *t, struct record_target *rt, struct err *err)
{
	struct log_file f = {0};
	struct core c;
	int r = core_open(vmcore, &c, err);

	if (r)
		return r;
	r = target_create(t, CRASH_LOG, &f.out, err);
	if (r) {
		core_close(&c);
		return r;
	}
	r = format_log(c.img, &f, err);
	core_close(&c);
	/* commit would remove what it cannot make durable, and a part of a log is better than none */
	if (!r)
		r = f.out->ops->sync(f.out, err);
	if (!r)
		r = f.out->ops->commit(f.out, err);
	else if (f.bytes)
		f.out->ops->leave(f.out);
	else
		f.out->ops->abort(f.out);
	rt->log_bytes = f.bytes;
	rt->log_written = !r;
	return r;
}

int collect_record(const struct recipe *recipe, const struct record *rec, size_t i,
		   struct target *t, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = record_format(rec, recipe, i, &text, &len, err);

	return r ? r : target_put(t, CRASH_RECORD, text, len, err);
}

/* ---- an out that remembers whether it failed */

/* The filter's errors are the memory's or the target's; what to do about them is not the same. */
struct watched_out {
	struct out out;
	struct out *to;
	_Atomic int failed; /* code of the first error */
};

static int watch(struct watched_out *w, int r, struct err *err)
{
	int none = 0;

	/* the largest file that the file system takes is a limit like any other */
	if (r && err->sys == EFBIG)
		err->code = r = ERR_NO_SPACE;
	if (r)
		atomic_compare_exchange_strong(&w->failed, &none, r);
	return r;
}

static int watched_pwrite(struct out *out, const void *buf, size_t len, uint64_t off,
			  struct err *err)
{
	struct watched_out *w = (struct watched_out *)out;

	return watch(w, w->to->ops->pwrite(w->to, buf, len, off, err), err);
}

static int watched_sync(struct out *out, struct err *err)
{
	struct watched_out *w = (struct watched_out *)out;

	return watch(w, w->to->ops->sync(w->to, err), err);
}

static const struct out_ops watched_ops = {.pwrite = watched_pwrite, .sync = watched_sync};

/* ---- the dump */

/* One dump of one target: what it takes to write it in one way or another. */
struct dumping {
	struct core core;
	struct target *t;
	struct record_target *rt;
	struct filter_options options;
	uint64_t space;
	uint64_t *progress;
	bool target_failed; /* the last error was the target's */
};

static void tell_progress(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total)
{
	struct dumping *d = ctx;

	(void)phase;
	(void)done;
	(void)total;
	__atomic_fetch_add(d->progress, 1, __ATOMIC_RELAXED);
}

/* An end that is not the wanted one: keep what is there if it is of use. Gives up the out. */
static void leave_or_abort(struct dumping *d, struct out *out, bool useful)
{
	if (!useful) {
		out->ops->abort(out);
		return;
	}
	out->ops->leave(out);
	d->rt->dump_cut = true;
}

/* The filter made an end before all was written. */
static int end_cut(struct dumping *d, struct out *out, bool last, struct err *err)
{
	struct filter_stats *stats = &d->rt->stats;

	if (stats->cut == FILTER_CUT_SPACE)
		stats->file_bytes = 0; /* what was asked for, not what the disk took */
	if (stats->cut == FILTER_CUT_LIMIT && !last) {
		out->ops->abort(out);
		return err_set(err, ERR_NO_SPACE, "it is larger than the room of %" PRIu64 " bytes",
			       d->space);
	}
	err_set(err, ERR_PARTIAL, "cut off (%s): %" PRIu64 " of %" PRIu64 " pages are %s",
		filter_cut_name(stats->cut), stats->pages - stats->cut_off, stats->pages,
		stats->image_written ? "kept" : "too few to be kept");
	leave_or_abort(d, out, stats->image_written);
	return ERR_PARTIAL;
}

/*
 * Write it as d->options say. `last`: nothing leaner comes, so that a part of it is better than nothing. Returns
 * ERR_NO_SPACE if it was too large, ERR_PARTIAL if it was cut off for good.
 */
static int write_rung(struct dumping *d, bool last, struct err *err)
{
	struct filter_stats *stats = &d->rt->stats;
	struct watched_out w = {.out.ops = &watched_ops};
	int r = target_create(d->t, CRASH_DUMP, &w.to, err);

	d->target_failed = r != 0;
	if (r)
		return r;
	w.out.name = w.to->name;
	w.out.write_once = w.to->write_once;
	w.out.block = w.to->block;
	d->options.keep_cut = last;
	atomic_store(&d->rt->image_written, false);
	r = filter_run(d->core.img, &d->options, &w.out, stats, err);
	d->target_failed = r && atomic_load(&w.failed);
	if (!r && stats->cut != FILTER_WHOLE)
		return end_cut(d, w.to, last, err);
	if (!r) {
		d->target_failed = true; /* if anything is wrong from now on */
		return w.to->ops->commit(w.to, err);
	}
	d->rt->dump_failed = r != ERR_NO_SPACE;
	leave_or_abort(d, w.to, r != ERR_NO_SPACE && atomic_load(&d->rt->image_written));
	return r;
}

/* Did the filter fail over what the pages are, not over writing them? */
static bool is_unreadable_layout(const struct dumping *d, int code)
{
	return !d->target_failed &&
	       (code == ERR_CORRUPT || code == ERR_NOT_FOUND || code == ERR_UNSUPPORTED);
}

/* What is left of the level if the pages cannot be told apart. */
static unsigned int level_of(const struct dumping *d, const struct budget_rung *rung)
{
	return d->options.keep_all ? rung->level & LEVEL_ZERO : rung->level;
}

static void keep_all(struct dumping *d, const char *why)
{
	snprintf(d->rt->unfiltered, sizeof(d->rt->unfiltered), "%.*s",
		 (int)sizeof(d->rt->unfiltered) - 1, why);
	d->options.keep_all = true;
}

static int try_rung(struct dumping *d, const struct budget_rung *rung, bool last, struct err *err)
{
	int r;

	d->rt->level = rung->level;
	d->options.level = level_of(d, rung);
	d->rt->codec = d->options.codec = rung->codec;
	/* a leaner dump is a loss for good: only where something leaner comes is it asked whether this one fits */
	d->options.weigh = !last;
	d->rt->dump_cut = d->rt->dump_failed = false;
	r = write_rung(d, last, err);
	if (!is_unreadable_layout(d, r) || d->options.keep_all)
		return r;
	/* damaged page tables or a kernel newer than we: a dump that is too large beats none */
	keep_all(d, err->msg);
	return try_rung(d, rung, last, err);
}

static int try_rungs(struct dumping *d, const struct recipe *recipe, bool lean, struct err *err)
{
	struct budget_rung rungs[BUDGET_MAX_RUNGS];
	const struct budget_rung *tried = NULL;
	size_t n = budget_rungs(recipe, rungs);
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		bool last = i + 1 == n;

		/* of all codecs lzo takes the least memory */
		if (lean && !recipe->elf)
			rungs[i].codec = CODEC_LZO;
		/* without levels, or without a choice of codecs, some are the same */
		if (tried && !last && level_of(d, tried) == level_of(d, &rungs[i]) &&
		    tried->codec == rungs[i].codec)
			continue;
		tried = &rungs[i];
		r = try_rung(d, tried, last, err);
		if (r != ERR_NO_SPACE)
			break;
	}
	return r;
}

/* What an attempt before this one left takes room that this one needs. */
static int remove_rest(struct target *t, struct err *err)
{
	struct out *out;
	int r = t->ops->create(t, CRASH_DUMP, target_file_name(t, CRASH_DUMP), &out, err);

	if (!r)
		out->ops->abort(out);
	return r;
}

/* Whatever is wrong with what the kernel tells of itself, there are its pages. */
static int open_for_dump(struct dumping *d, const char *vmcore, struct err *err)
{
	struct err why = {0};
	int r = core_open(vmcore, &d->core, &why);

	if (!r)
		return 0;
	r = core_open_bare(vmcore, &d->core, err);
	if (!r)
		keep_all(d, why.msg);
	else
		*err = why;
	return r;
}

int collect_dump(const char *vmcore, const struct recipe *recipe,
		 const struct collect_limits *limits, struct target *t, struct record_target *rt,
		 uint64_t *progress, struct err *err)
{
	struct dumping d = {
		.t = t,
		.rt = rt,
		.options = {.format = recipe->elf ? FILTER_ELF : FILTER_KDUMP,
			    .threads = limits->threads,
			    .deadline_ns = limits->until_ns,
			    .image_written = &rt->image_written,
			    .progress = tell_progress,
			    .progress_ctx = &d},
		.progress = progress,
	};
	/* of an attempt before, if there was one: a connection to somebody else for nothing costs time */
	int r = *t->place->files[CRASH_DUMP] ? remove_rest(t, err) : 0;

	if (r || (r = t->ops->space(t, &d.space, err)))
		return r;
	d.options.limit = d.space == UINT64_MAX ? 0 : NUM_MAX(d.space, (uint64_t)1);
	r = open_for_dump(&d, vmcore, err);
	if (r)
		return r;
	if (limits->unfiltered)
		keep_all(&d, "telling the pages apart crashed");
	r = try_rungs(&d, recipe, limits->lean, err);
	core_close(&d.core);
	rt->dump_written = !r;
	return r;
}

int collect_rest(struct target *t, struct record_target *rt, struct err *err)
{
	int r;

	if (!atomic_load(&rt->image_written))
		return remove_rest(t, err);
	r = t->ops->keep_rest(t, CRASH_DUMP, err);
	rt->dump_cut = rt->dump_failed = !r;
	return r;
}

/* ---- the manifest */

/* Of what is there; where nobody can look, of what the far end has acknowledged. */
static int digest_of(struct target *t, enum crash_file file, uint8_t ret[SHA256_SIZE],
		     struct err *err)
{
	const struct target_place *place = t->place;
	int r = t->ops->digest(t, file, ret, err);

	if (r == ERR_UNSUPPORTED && place->was_sent[file]) {
		memcpy(ret, place->sent[file], SHA256_SIZE);
		return 0;
	}
	return r;
}

int collect_manifest(struct target *t, struct record_target *rt, struct err *err)
{
	char text[CRASH_FILES * 128], *at = text;

	for (int file = 0; file < CRASH_MANIFEST; file++) {
		const char *name = t->place->files[file];
		uint8_t digest[SHA256_SIZE];
		int r = *name ? digest_of(t, (enum crash_file)file, digest, err) : ERR_NOT_FOUND;

		if (r == ERR_NOT_FOUND)
			continue;
		rt->unreadable |= r && r != ERR_NO_MEMORY;
		if (r)
			return r;
		manifest_line(digest, name, at, (size_t)(text + sizeof(text) - at));
		at += strlen(at);
	}
	return at == text ? 0 : target_put(t, CRASH_MANIFEST, text, (size_t)(at - text), err);
}

/* ---- the last lines */

/* Those of a text that comes in pieces, in a ring. */
struct tail {
	char (*lines)[TAIL_BYTES];
	size_t n;     /* of the ring */
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
		t->at = (t->at + 1) % t->n;
		t->len = 0;
		t->all++;
	}
	return 0;
}

static int tail_text(const struct tail *t, char **ret, size_t *ret_len, struct err *err)
{
	size_t n = (size_t)NUM_MIN(t->all, (uint64_t)t->n), len = 0;
	char *text = malloc(n * (TAIL_BYTES + 1) + 1);

	if (!text)
		return err_nomem(err, n * (TAIL_BYTES + 1) + 1, "the last lines of the log");
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%s\n", t->lines[(t->at + t->n - n + i) % t->n]);
	text[len] = '\0';
	*ret = text;
	*ret_len = len;
	return 0;
}

int collect_tail(const char *vmcore, unsigned int lines, char **ret, size_t *ret_len,
		 struct err *err)
{
	_cleanup_free_ char(*ring)[TAIL_BYTES] = calloc(lines ? lines : 1, TAIL_BYTES);
	struct tail t = {.lines = ring, .n = lines ? lines : 1};
	struct printk_stats stats;
	struct err no_memory;
	struct core c;
	int r;

	if (!ring)
		return err_nomem(err, (size_t)lines * TAIL_BYTES, "the last lines of the log");
	r = core_open(vmcore, &c, err);
	if (r)
		return r;
	r = printk_format(c.img, feed_tail, &t, &stats, err);
	core_close(&c);
	if (tail_text(&t, ret, ret_len, r ? &no_memory : err))
		return ERR_NO_MEMORY;
	return r;
}
