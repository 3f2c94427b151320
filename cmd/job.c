// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/job.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/progress.h"
#include "cmd/stats.h"
#include "format/flat.h"
#include "format/kdump_set.h"
#include "image/printk.h"

uint64_t job_threads(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > 0 ? NUM_MIN((uint64_t)cpus, FILTER_MAX_THREADS) : 1;
}

void job_init(struct job *job)
{
	*job = (struct job){
		.kind = JOB_FILTER,
		.levels = "0",
		.format = FILTER_KDUMP,
		.codec = CODEC_RAW,
		.threads = job_threads(),
		.progress = true,
		.stats = true,
	};
}

/* "31" or "1,31" */
static int parse_levels(struct job *job, const char *text, struct err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *word;
	size_t n = 0;

	if (!copy)
		return err_nomem(err, strlen(text), "the dump levels");
	while ((word = strsep(&rest, ","))) {
		uint64_t level;

		if (n == JOB_MAX_LEVELS)
			return err_set(err, ERR_USAGE, "dump level '%s': more than %d levels", text,
				       JOB_MAX_LEVELS);
		if (num_parse_range(word, 0, LEVEL_MAX, &level, err))
			return err_wrap(err, "dump level '%s'", text);
		job->level[n++] = (unsigned int)level;
	}
	job->n_levels = n;
	return 0;
}

/* A dump that exists is moved only: there is nothing left to choose. */
static int check_move(const struct job *job, struct err *err)
{
	if (job->kind != JOB_REARRANGE && job->kind != JOB_REASSEMBLE)
		return 0;
	if (job->flatten || job->format != FILTER_KDUMP || job->codec != CODEC_RAW ||
	    job->exclude_vmemmap || job->limit || job->time_budget || strcmp(job->levels, "0") != 0)
		return err_set(err, ERR_USAGE,
			       "%s writes the dump as it comes: no -F, no choice of pages, of "
			       "format or compression",
			       job->kind == JOB_REARRANGE ? "-R" : "--reassemble");
	if (job->json || job->dry_run)
		return err_set(err, ERR_USAGE, "%s tells of pages; %s counts none",
			       job->json ? "--json" : "--dry-run",
			       job->kind == JOB_REARRANGE ? "-R" : "--reassemble");
	return 0;
}

static int check_split(const struct job *job, struct err *err)
{
	if (job->kind == JOB_SPLIT && (job->flatten || job->format != FILTER_KDUMP))
		return err_set(err, ERR_USAGE,
			       "--split writes kdump-compressed files: no -F, no -E");
	return 0;
}

static int check_encrypted(const struct job *job, struct err *err)
{
	if (job->n_recipients && (job->kind != JOB_FILTER || job->dry_run))
		return err_set(err, ERR_USAGE,
			       "--encrypt-to is for one dump that is filtered and written: no -R, "
			       "--reassemble, --split or --dry-run");
	return 0;
}

static int check_dry_run(const struct job *job, struct err *err)
{
	if (job->dry_run && (job->limit || job->time_budget))
		return err_set(err, ERR_USAGE,
			       "--dry-run estimates a whole dump: no -L, no --time-budget");
	return 0;
}

static int check_flatten(const struct job *job, struct err *err)
{
	if (job->flatten && job->n_levels > 1)
		return err_set(err, ERR_USAGE,
			       "-F with dump levels %s: a stream cannot begin anew with another",
			       job->levels);
	return 0;
}

static int take_operands(struct job *job, char **operands, struct err *err)
{
	bool split = job->kind == JOB_SPLIT, rearrange = job->kind == JOB_REARRANGE;
	size_t n = cmd_count(operands), in = rearrange ? 0 : 1, out = job->flatten ? 0 : 1;
	size_t least = in + (split ? 2 : out);

	if (job->dry_run && n == 1 && !split)
		out = least = 0;
	if (n < least || (n > least && rearrange))
		return err_set(err, ERR_USAGE, "too %s operands; they are: %s",
			       n < least ? "few" : "many", JOB_OPERANDS);
	job->n_outs = split ? n - 1 : out;
	job->n_in = n - job->n_outs;
	job->in = operands;
	job->outs = operands + job->n_in;
	for (size_t i = 1; i < job->n_outs; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(job->outs[i], job->outs[k]) == 0)
				return err_set(err, ERR_USAGE, "%s is given twice", job->outs[i]);
	return 0;
}

static int take_codec(struct job *job, struct err *err)
{
	enum codec codec;

	if (!job->compress)
		return 0;
	if (codec_from_name(job->compress, &codec, err))
		return err_wrap(err, "--compress");
	job->codec = (int)codec;
	return 0;
}

int job_encrypt_to(struct job *job, const struct opt_list *texts, struct err *err)
{
	if (texts->n > AGE_MAX_RECIPIENTS)
		return err_set(err, ERR_USAGE, "--encrypt-to: more than %d recipients",
			       AGE_MAX_RECIPIENTS);
	for (size_t i = 0; i < texts->n; i++)
		if (age_recipient_parse(texts->v[i], &job->recipients[i], err))
			return err_wrap(err, "--encrypt-to");
	job->n_recipients = texts->n;
	return 0;
}

int job_prepare(struct job *job, char **operands, struct err *err)
{
	int r = parse_levels(job, job->levels, err);

	if (!r)
		r = take_codec(job, err);
	if (!r)
		r = check_move(job, err);
	if (!r)
		r = check_split(job, err);
	if (!r)
		r = check_flatten(job, err);
	if (!r)
		r = check_dry_run(job, err);
	if (!r)
		r = check_encrypted(job, err);
	if (!r && job->format == FILTER_ELF && job->codec != CODEC_RAW)
		r = err_set(err, ERR_USAGE, "-E writes pages as they are, not with %s",
			    codec_name((enum codec)job->codec));
	if (!r && job->limit && num_parse_size(job->limit, &job->limit_bytes, err))
		r = err_wrap(err, "-L");
	if (!r)
		r = take_operands(job, operands, err);
	job->messages = job->flatten && !job->dry_run ? stderr : stdout;
	return r;
}

static int create_stream(struct out **ret, struct err *err)
{
	if (isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE, "-F: standard output is a terminal");
	return out_stream_create(STDOUT_FILENO, JOB_STDOUT, ret, err);
}

/* What the filter writes to, for `name` or for standard output: as it is, flattened, or that and encrypted. */
static int create_out(const struct job *job, const char *name, struct out **ret, struct err *err)
{
	struct out *out, *outer;
	int r = name ? out_file_create(name, job->force, &out, err) : create_stream(&out, err);

	if (r)
		return r;
	if (job->n_recipients) {
		r = age_out_create(out, job->recipients, job->n_recipients, &outer, err);
		out = r ? out : outer;
	}
	if (!r && out->sequential) {
		r = flat_out_create_over(out, &outer, err);
		out = r ? out : outer;
	}
	if (r)
		out->ops->abort(out);
	else
		*ret = out;
	return r;
}

/* What is left of the time, as a point of it; 0: there is no end. */
static uint64_t deadline(uint64_t seconds)
{
	return seconds ? clock_ns() + seconds * NS_PER_SECOND : 0;
}

/* What a job writes to: *ret_n outs of a list that free() frees. */
static int create_outs(const struct job *job, struct out ***ret, size_t *ret_n, struct err *err)
{
	size_t n = job->n_outs ? job->n_outs : 1, made = 0;
	struct out **outs = calloc(n, sizeof(struct out *));
	int r = outs ? 0 : err_nomem(err, n * sizeof(struct out *), "the outputs");

	for (; made < n && !r; made += !r)
		r = create_out(job, job->n_outs ? job->outs[made] : NULL, &outs[made], err);
	if (!r) {
		*ret = outs;
		*ret_n = n;
		return 0;
	}
	while (made-- > 0)
		outs[made]->ops->abort(outs[made]);
	free(outs);
	return r;
}

/*
 * All or none, but for those that were committed before one failed. A dump that was cut off keeps the name
 * of an incomplete one; a stream has no other name, and gets its end mark, because makedumpfile -R never
 * returns from one without.
 */
static int end_outs(const struct job *job, struct out **outs, size_t n, enum filter_cut cut, int r,
		    struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (r)
			outs[i]->ops->abort(outs[i]);
		else if (cut != FILTER_WHOLE && job->n_outs)
			outs[i]->ops->leave(outs[i]);
		else
			r = outs[i]->ops->commit(outs[i], err);
	}
	return r;
}

static int write_dump(const struct image *img, const struct job *job,
		      const struct filter_options *options, struct filter_stats *stats,
		      struct err *err)
{
	struct out **outs;
	size_t n;
	int r = create_outs(job, &outs, &n, err);

	if (r)
		return r;
	r = filter_run_split(img, options, outs, n, stats, err);
	if (!r && stats->cut == FILTER_CUT_LIMIT && !options->keep_cut)
		r = err_set(err, ERR_NO_SPACE, "the dump is larger than -L %s", job->limit);
	r = end_outs(job, outs, n, r ? FILTER_WHOLE : stats->cut, r, err);
	free(outs);
	return r;
}

static int run_level(const struct image *img, const struct job *job, size_t i,
		     struct filter_stats *stats, struct err *err)
{
	struct progress progress;
	struct filter_options options = {
		.format = (enum filter_format)job->format,
		.level = job->level[i],
		.codec = (enum codec)job->codec,
		.threads = (unsigned int)job->threads,
		.exclude_vmemmap = job->exclude_vmemmap,
		.limit = job->limit_bytes,
		.deadline_ns = job->deadline_ns,
		.stop = job->dry_run ? NULL : interrupt_catch(),
		.keep_cut = i + 1 == job->n_levels, /* else a leaner level is tried */
		.progress = job->progress ? progress_update : NULL,
		.progress_ctx = &progress,
	};
	int r;

	progress_init(&progress);
	if (job->dry_run)
		r = filter_estimate(img, &options, NUM_MAX(job->n_outs, 1), stats, err);
	else
		r = write_dump(img, job, &options, stats, err);
	progress_end(&progress);
	return r;
}

static int report_cut(const struct job *job, const struct filter_stats *stats, struct err *err)
{
	return err_set(err, ERR_PARTIAL,
		       "%s%s%s: cut off by %s: %" PRIu64 " of %" PRIu64
		       " kept pages are not in it; it is marked incomplete and opens",
		       job->n_outs ? job->outs[0] : JOB_STDOUT, job->n_outs ? ".incomplete" : "",
		       job->n_outs > 1 ? " and others" : "", filter_cut_name(stats->cut),
		       stats->cut_off,
		       stats->cut_off + stats->written + stats->shared + stats->zero + stats->lost);
}

/* EFBIG: the file system (FAT: 4 GiB) or a limit of the process takes no larger file. */
static bool is_too_large(int r, const struct err *err)
{
	return r == ERR_NO_SPACE || (r && err->sys == EFBIG);
}

static int run_levels(const struct image *img, const struct job *job, struct err *err)
{
	struct filter_stats stats;
	size_t i = 0;
	int r;

	while (is_too_large(r = run_level(img, job, i, &stats, err), err) &&
	       i + 1 < job->n_levels) {
		fprintf(stderr, "lifeboat: level %u: %s; trying level %u\n", job->level[i],
			err->msg, job->level[i + 1]);
		i++;
	}
	if (!r && job->stats)
		(job->json ? stats_print_json
			   : stats_print)(&(struct stats){job, job->level[i], img, &stats});
	return !r && stats.cut != FILTER_WHOLE ? report_cut(job, &stats, err) : r;
}

static int commit(const struct job *job, struct out *out, uint64_t bytes, struct err *err)
{
	char human[16];
	int r = out->ops->commit(out, err);

	if (!r && job->stats)
		fprintf(job->messages, "%s: %s\n", job->outs[0], num_human(bytes, human));
	return r;
}

/* What came of a stream that was cut is all that there is of the dump: it is kept. */
static int rearrange(const struct job *job, struct err *err)
{
	struct out *out;
	uint64_t bytes;
	int r;

	if (isatty(STDIN_FILENO))
		return err_set(err, ERR_USAGE, "-R: standard input is a terminal");
	r = out_file_create(job->outs[0], job->force, &out, err);
	if (r)
		return r;
	r = flat_rearrange(STDIN_FILENO, "standard input", out, &bytes, err);
	if (r == ERR_CORRUPT) {
		out->ops->leave(out);
		return err_wrap(err, "what came is in %s.incomplete", job->outs[0]);
	}
	if (r) {
		out->ops->abort(out);
		return r;
	}
	return commit(job, out, bytes, err);
}

static int join(const struct source *set, const struct job *job, struct err *err)
{
	struct out *out;
	uint64_t bytes;
	int r = out_file_create(job->outs[0], job->force, &out, err);

	if (r)
		return r;
	r = kdump_set_join(set, out, &bytes, err);
	if (r) {
		out->ops->abort(out);
		return r;
	}
	return commit(job, out, bytes, err);
}

static int reassemble(const struct job *job, struct err *err)
{
	struct source *set;
	int r = dump_open(job->in, job->n_in, &job->input, &set, err);

	if (r)
		return r;
	r = join(set, job, err);
	source_destroy(set);
	return r;
}

static int filter(const struct job *job, struct err *err)
{
	struct source *src;
	struct image *img;
	int r = dump_open(job->in, job->n_in, &job->input, &src, err);

	if (r)
		return r;
	if (src->live)
		r = err_set(err, ERR_UNSUPPORTED,
			    "%s is the memory of the running machine, which changes while it is "
			    "read: no dump can be made of it (lifeboat mem-usage counts its pages)",
			    src->path);
	if (!r)
		r = image_create(src, &img, err);
	if (!r) {
		r = run_levels(img, job, err);
		image_destroy(img);
	}
	source_destroy(src);
	return r;
}

int job_run(struct job *job, struct err *err)
{
	job->deadline_ns = deadline(job->time_budget);
	switch ((enum job_kind)job->kind) {
	case JOB_FILTER:
	case JOB_SPLIT:
		return filter(job, err);
	case JOB_REARRANGE:
		return rearrange(job, err);
	case JOB_REASSEMBLE:
		return reassemble(job, err);
	}
	return err_set(err, ERR_USAGE, "job %d is none", job->kind);
}

struct text_out {
	FILE *to;
	const char *name;
};

static int write_text(void *ctx, const char *text, size_t len, struct err *err)
{
	const struct text_out *out = ctx;

	if (fwrite(text, 1, len, out->to) != len)
		return err_sys(err, errno, "%s", out->name);
	return 0;
}

int job_dmesg(char *const *in, size_t n_in, const struct dump_options *options, FILE *to,
	      const char *name, struct err *err)
{
	struct text_out out = {to, name};
	struct printk_stats stats;
	struct source *src;
	struct image *img;
	int r = dump_open(in, n_in, options, &src, err);

	if (r)
		return r;
	r = image_create(src, &img, err);
	if (!r) {
		r = printk_format(img, write_text, &out, &stats, err);
		if (!r && stats.damaged)
			fprintf(stderr, "lifeboat: %s: %" PRIu64 " damaged log records skipped\n",
				src->path, stats.damaged);
		image_destroy(img);
	}
	source_destroy(src);
	return r;
}
