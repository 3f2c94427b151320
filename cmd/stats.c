// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/stats.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/num.h"
#include "cmd/cmd.h"

enum field_kind {
	FIELD_ALWAYS,   /* a line of the text */
	FIELD_ODD,      /* the same if it is not 0 */
	FIELD_LEFT_OUT, /* the same, in the column of what is left out */
	FIELD_REST,     /* the text says it in its last line */
};

/* Everything that is counted, once: JSON has all fields, the text most of them as a line each. */
static const struct field {
	const char *key, *label, *note;
	size_t offset; /* of the uint64_t in struct filter_stats */
	enum field_kind kind;
} fields[] = {
	{"pages", "all", "", offsetof(struct filter_stats, pages), FIELD_ALWAYS},
	{"vmemmap", "struct pages", "", offsetof(struct filter_stats, vmemmap), FIELD_LEFT_OUT},
	{"written", "kept with data", "", offsetof(struct filter_stats, written), FIELD_ALWAYS},
	{"zero", "kept as zeros", "take no room", offsetof(struct filter_stats, zero),
	 FIELD_ALWAYS},
	{"shared", "kept, equal to others", "with their data",
	 offsetof(struct filter_stats, shared), FIELD_ODD},
	{"unknown", "kept unseen", "there is no readable struct page",
	 offsetof(struct filter_stats, unknown), FIELD_ODD},
	{"doubtful", "doubtful", "struct pages with an impossible order, kept singly",
	 offsetof(struct filter_stats, doubtful), FIELD_ODD},
	{"lost", "LOST", "could not be read; the dump is marked incomplete",
	 offsetof(struct filter_stats, lost), FIELD_ODD},
	{"cut_off", "CUT OFF", "not written; the dump is marked incomplete",
	 offsetof(struct filter_stats, cut_off), FIELD_ODD},
	{"file_bytes", NULL, NULL, offsetof(struct filter_stats, file_bytes), FIELD_REST},
	{"scan_ns", NULL, NULL, offsetof(struct filter_stats, scan_ns), FIELD_REST},
	{"write_ns", NULL, NULL, offsetof(struct filter_stats, write_ns), FIELD_REST},
};

const char *stats_class_key(enum page_class class)
{
	static const char *const keys[PAGE_CLASSES] = {
		[PAGE_OTHER] = "other",     [PAGE_FREE] = "free",
		[PAGE_CACHE] = "cache",     [PAGE_CACHE_PRIVATE] = "cache_private",
		[PAGE_USER] = "user",       [PAGE_HWPOISON] = "hwpoison",
		[PAGE_OFFLINE] = "offline", [PAGE_UNACCEPTED] = "unaccepted",
	};

	return keys[class];
}

static const char *cut_key(enum filter_cut cut)
{
	static const char *const keys[] = {
		[FILTER_WHOLE] = NULL,        [FILTER_CUT_SPACE] = "space",
		[FILTER_CUT_LIMIT] = "limit", [FILTER_CUT_TIME] = "time",
		[FILTER_CUT_STOP] = "signal",
	};

	return keys[cut];
}

static const char *format_name(int format)
{
	return format == FILTER_ELF ? "elf" : "kdump";
}

static uint64_t value_of(const struct filter_stats *f, const struct field *field)
{
	return *(const uint64_t *)(const void *)((const char *)f + field->offset);
}

static const char *name_of(const struct job *job)
{
	if (job->n_outs)
		return job->outs[0];
	return job->dry_run ? "the dump" : JOB_STDOUT;
}

static void print_field(FILE *to, const struct field *field, uint64_t value)
{
	if (field->kind == FIELD_REST || (field->kind != FIELD_ALWAYS && !value))
		return;
	fprintf(to, "  %-24s %*" PRIu64 "%s%s\n", field->label,
		field->kind == FIELD_LEFT_OUT ? 25 : 12, value, *field->note ? "  " : "",
		field->note);
}

void stats_print(const struct stats *s)
{
	const struct filter_stats *f = s->filter;
	const struct job *job = s->job;
	FILE *to = job->messages;
	char a[16], b[16];

	fprintf(to, "%-26s %12s %12s\n", "pages", "in memory", "left out");
	for (int c = 0; c < PAGE_CLASSES; c++)
		if (f->class_pages[c])
			fprintf(to, "  %-24s %12" PRIu64 " %12" PRIu64 "\n", page_class_name(c),
				f->class_pages[c], f->dropped[c]);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		print_field(to, &fields[i], value_of(f, &fields[i]));
	if (f->warning[0])
		fprintf(to, "WARNING: %s\n", f->warning);
	if (s->img->src->incomplete)
		fprintf(to, "  INCOMPLETE: as the input is, the dump is marked\n");
	if (job->dry_run)
		fprintf(to, "dry run: how the kept pages divide, size and time are estimates\n");
	fprintf(to, "%s%s: %s of %s memory in %.2f s (scan %.2f s, write %.2f s)\n", name_of(job),
		job->n_outs > 1 ? " and others" : "", num_human(f->file_bytes, a),
		num_human(f->pages * s->img->page_size, b),
		(double)(f->scan_ns + f->write_ns) / 1e9, (double)f->scan_ns / 1e9,
		(double)f->write_ns / 1e9);
}

static void put_job(struct json *j, const struct stats *s)
{
	const struct job *job = s->job;

	json_begin_array(j, "inputs");
	for (size_t i = 0; i < job->n_in; i++)
		json_put_string(j, NULL, job->in[i]);
	json_end_array(j);
	json_begin_array(j, "outputs");
	for (size_t i = 0; i < job->n_outs; i++)
		json_put_string(j, NULL, job->outs[i]);
	json_end_array(j);
	json_put_bool(j, "dry_run", job->dry_run);
	json_put_string(j, "format", format_name(job->format));
	json_put_bool(j, "flattened", job->flatten);
	json_put_string(j, "codec", codec_name((enum codec)job->codec));
	json_put_uint(j, "level", s->level);
	json_put_bool(j, "exclude_vmemmap", job->exclude_vmemmap);
	json_put_uint(j, "threads", job->threads);
}

void stats_print_json(const struct stats *s)
{
	const struct filter_stats *f = s->filter;
	struct json j;

	cmd_begin_json(&j, s->job->messages, "lifeboat-filter-1");
	put_job(&j, s);
	json_put_uint(&j, "page_size", s->img->page_size);
	json_put_bool(&j, "incomplete",
		      f->lost || f->cut != FILTER_WHOLE || s->img->src->incomplete);
	json_put_string(&j, "cut", cut_key(f->cut));
	json_put_string(&j, "warning", f->warning[0] ? f->warning : NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		json_put_uint(&j, fields[i].key, value_of(f, &fields[i]));
	json_begin_object(&j, "classes");
	for (int c = 0; c < PAGE_CLASSES; c++) {
		json_begin_object(&j, stats_class_key(c));
		json_put_uint(&j, "pages", f->class_pages[c]);
		json_put_uint(&j, "dropped", f->dropped[c]);
		json_end_object(&j);
	}
	json_end_object(&j);
	cmd_end_json(&j);
}
