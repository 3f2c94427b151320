// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/verify.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"
#include "format/kdump.h"
#include "format/note.h"
#include "image/memmap.h"
#include "image/printk.h"
#include "image/verifier.h"

#define PAGE_SIZE_MIN  4096 /* of a dump that does not say */
#define PROGRESS_PAGES 1024

void verifier_problem(struct verifier *v, const char *fmt, ...)
{
	char text[ERR_MSG_SIZE + 128];
	va_list ap;

	v->stats.problems++;
	if (!v->options->problem)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* strings of the dump are in it */
	for (char *p = text; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	v->options->problem(v->options->ctx, text);
}

static void verify_notes(struct verifier *v)
{
	struct note note;
	struct err err;
	size_t off = 0;
	bool more;

	for (;;) {
		if (note_next(v->src->notes, &off, &note, &more, &err)) {
			verifier_problem(v, "notes: %s", err.msg);
			return;
		}
		if (!more)
			return;
		v->stats.notes++;
		v->stats.cpus += note.type == NOTE_TYPE_PRSTATUS && note.name.len == 4 &&
				 memcmp(note.name.data, "CORE", 4) == 0;
	}
}

/* Symbols that VMCOREINFO may name, in different parts of the kernel. */
static void verify_symbols(struct verifier *v)
{
	static const char *const names[] = {"_stext", "init_uts_ns", "mem_section", "prb",
					    "swapper_pg_dir"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint64_t vaddr, value;
		bool found = false;
		struct err err;

		if (vmcoreinfo_symbol(v->img->info, names[i], &vaddr, &found, &err))
			verifier_problem(v, "VMCOREINFO: %s", err.msg);
		else if (found && image_read_u64(v->img, vaddr, &value, &err))
			verifier_problem(v, "%s at 0x%" PRIx64 " cannot be read: %s", names[i],
					 vaddr, err.msg);
	}
}

static int count_record(void *ctx, const struct printk_record *rec, struct err *err)
{
	(void)ctx;
	(void)rec;
	(void)err;
	return 0;
}

static void verify_log(struct verifier *v)
{
	struct printk_stats stats = {0};
	struct err err;
	int r = printk_walk(v->img, count_record, NULL, &stats, &err);

	if (r && r != ERR_UNSUPPORTED)
		verifier_problem(v, "log: %s", err.msg);
	else if (!r && !stats.records && stats.damaged)
		verifier_problem(v, "log: none of %" PRIu64 " records can be read", stats.damaged);
	v->stats.records = stats.records;
	v->stats.damaged = stats.damaged;
}

/* Without it the dump cannot be filtered again, and crash(8) lacks half of its commands. */
static void verify_mem_map(struct verifier *v)
{
	struct memmap *map = NULL;
	struct ranges frames;
	struct err err;
	int r = image_page_frames(v->img, &v->src->present, &frames, &err);

	if (!r) {
		r = memmap_create(v->img, &frames, &map, &err);
		memmap_destroy(map);
		ranges_deinit(&frames);
	}
	if (r && r != ERR_UNSUPPORTED)
		verifier_problem(v, "mem_map: %s", err.msg);
}

static void verify_image(struct verifier *v)
{
	struct err err;
	int r = image_create(v->src, &v->img, &err);

	if (r && r != ERR_UNSUPPORTED)
		verifier_problem(v, "%s", err.msg);
	if (r)
		return;
	snprintf(v->stats.release, sizeof(v->stats.release), "%s", v->img->uts[UTS_RELEASE]);
	/* image_create() leaves it empty if utsname cannot be read, or contradicts VMCOREINFO */
	if (!*v->img->uts[UTS_VERSION])
		verifier_problem(v, "utsname cannot be read, or is another kernel's");
	verify_symbols(v);
	verify_mem_map(v);
	verify_log(v);
}

static uint64_t page_size(const struct verifier *v)
{
	const struct kdump_header *h = kdump_source_header(v->src);

	if (h)
		return h->block_size;
	return v->img ? v->img->page_size : PAGE_SIZE_MIN;
}

/* The part of a page frame that is in the dump, which may begin or end inside the page. */
static void verify_page(struct verifier *v, uint64_t start, uint64_t end, void *buf)
{
	struct err err;

	v->stats.pages++;
	if (!source_read(v->src, start, buf, (size_t)(end - start), &err))
		v->stats.good++;
	else if (err.code == ERR_NOT_FOUND && v->src->incomplete)
		v->stats.lost++;
	else
		verifier_problem(v, "physical address 0x%" PRIx64 ": %s", start, err.msg);
}

static int verify_pages(struct verifier *v, struct err *err)
{
	const struct ranges *present = &v->src->present;
	uint64_t size = page_size(v), total = ranges_total(present) / size;
	_cleanup_free_ void *buf = malloc(size);

	if (!buf)
		return err_nomem(err, size, "a page");
	for (size_t i = 0; i < present->n; i++) {
		uint64_t at = present->v[i].start, end = present->v[i].end;

		while (at < end) {
			uint64_t stop = NUM_MIN(end - at, size - at % size) + at;

			verify_page(v, at, stop, buf);
			if (v->options->progress && v->stats.pages % PROGRESS_PAGES == 0)
				v->options->progress(v->options->ctx, v->stats.pages, total);
			at = stop;
		}
	}
	return 0;
}

int verify_run(const struct source *src, const struct verify_options *options,
	       struct verify_stats *ret, struct err *err)
{
	struct verifier v = {.src = src, .options = options};
	int r;

	if (src->incomplete)
		verifier_problem(&v, "the dump says that it is incomplete");
	verify_notes(&v);
	verify_image(&v);
	verify_kdump_header(&v);
	r = verify_pages(&v, err);
	if (!r)
		r = verify_kdump_data(&v, err);
	image_destroy(v.img);
	if (!r)
		*ret = v.stats;
	return r;
}
