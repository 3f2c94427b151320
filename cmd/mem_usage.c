// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/mem_usage.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "cmd/stats.h"
#include "format/kdump.h"

/* What is counted, in pages of `img`. */
struct usage {
	const struct source *src;
	const struct image *img;
	struct filter_stats stats;
	uint64_t reserved; /* bytes for the capture kernel, not among the pages */
	const char *why;   /* these are not known; NULL: they are */
};

/* The bits of the dump level that leave a class out, each by itself; 0: none does. */
static unsigned int bits_of(enum page_class class)
{
	switch (class) {
	case PAGE_FREE:
	case PAGE_UNACCEPTED:
		return LEVEL_FREE;
	case PAGE_CACHE:
		return LEVEL_CACHE | LEVEL_CACHE_PRIVATE;
	case PAGE_CACHE_PRIVATE:
		return LEVEL_CACHE_PRIVATE;
	case PAGE_USER:
		return LEVEL_USER;
	case PAGE_HWPOISON:
	case PAGE_OFFLINE:
	case PAGE_OTHER:
	case PAGE_CLASSES:
		break;
	}
	return 0;
}

/* Left out at every level. */
static bool never_kept(enum page_class class)
{
	return class == PAGE_HWPOISON || class == PAGE_OFFLINE;
}

static const char *left_out_at(enum page_class class)
{
	switch (bits_of(class)) {
	case LEVEL_FREE:
		return "16";
	case LEVEL_CACHE | LEVEL_CACHE_PRIVATE:
		return "2, 4";
	case LEVEL_CACHE_PRIVATE:
		return "4";
	case LEVEL_USER:
		return "8";
	default:
		return never_kept(class) ? "always" : "never";
	}
}

/* Pages that a dump of this level has, those of zeros among them. */
static uint64_t pages_at(const struct usage *u, unsigned int level)
{
	uint64_t pages = 0;

	for (int c = 0; c < PAGE_CLASSES; c++)
		if (!never_kept(c) && !(bits_of(c) & level))
			pages += u->stats.class_pages[c];
	return pages;
}

/* The size of a kdump file with so many pages: descriptors and data, and the two bitmaps. */
static uint64_t dump_bytes(const struct usage *u, uint64_t pages)
{
	const struct ranges *ram = &u->src->ram;
	uint64_t bits = ram->n ? ram->v[ram->n - 1].end >> u->img->page_shift : 0;

	return pages * (u->img->page_size + KDUMP_DESC_SIZE) + 2 * (bits / 8);
}

/* ---- text */

static void print_row(const char *label, uint64_t pages, uint64_t page_size, const char *note)
{
	char size[16];

	printf("  %-28s %12" PRIu64 " %12s%s%s\n", label, pages, num_human(pages * page_size, size),
	       *note ? "   " : "", note);
}

static void print_reserved(const struct usage *u)
{
	if (!u->src->live)
		return;
	if (u->why)
		printf("  reserved for the capture kernel: unknown (%s); it is counted above\n",
		       u->why);
	else if (u->reserved)
		print_row("for the capture kernel", u->reserved / u->img->page_size,
			  u->img->page_size, "in no dump");
}

static void print_levels(const struct usage *u)
{
	static const struct {
		unsigned int level;
		const char *text;
	} rows[] = {
		{0, "everything"},
		{17, "no free pages"},
		{23, "no free pages, no page cache"},
		{25, "no free pages, no user pages"},
		{31, "no free, page cache or user pages"},
	};
	char label[16], size[16];

	printf("\n%-30s %12s %12s\n", "dump level", "pages", "size");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t pages = pages_at(u, rows[i].level);

		snprintf(label, sizeof(label), "-d %u", rows[i].level);
		printf("  %-28s %12" PRIu64 " %12s   %s\n", label, pages,
		       num_human(dump_bytes(u, pages), size), rows[i].text);
	}
	printf("Sizes are before compression, and at most: equal pages are not told apart.\n");
}

static void print_text(const struct usage *u)
{
	const struct filter_stats *s = &u->stats;

	printf("%s, Linux %s on %s%s\n\n", u->src->path, u->img->uts[UTS_RELEASE],
	       u->img->uts[UTS_MACHINE],
	       u->src->live ? "; the machine is running, so all numbers are approximate" : "");
	printf("%-30s %12s %12s   %s\n", "use", "pages", "size", "left out by level");
	for (int c = 0; c < PAGE_CLASSES; c++)
		if (s->class_pages[c])
			print_row(page_class_name(c), s->class_pages[c], u->img->page_size,
				  left_out_at(c));
	print_row("all", s->pages, u->img->page_size, "");
	print_reserved(u);
	if (s->unknown)
		print_row("without a struct page", s->unknown, u->img->page_size,
			  "kept; counted as kernel and other");
	if (s->warning[0])
		printf("  WARNING: %s\n", s->warning);
	print_levels(u);
}

/* ---- JSON: docs/json.md */

static void put_classes(struct json *j, const struct usage *u)
{
	json_begin_object(j, "classes");
	for (int c = 0; c < PAGE_CLASSES; c++) {
		json_begin_object(j, stats_class_key(c));
		json_put_uint(j, "pages", u->stats.class_pages[c]);
		json_put_uint(j, "bytes", u->stats.class_pages[c] * u->img->page_size);
		if (never_kept(c))
			json_put_null(j, "level_bits");
		else
			json_put_uint(j, "level_bits", bits_of(c));
		json_end_object(j);
	}
	json_end_object(j);
}

static void put_levels(struct json *j, const struct usage *u)
{
	json_begin_array(j, "levels");
	for (unsigned int level = 0; level <= LEVEL_MAX; level++) {
		uint64_t pages = pages_at(u, level);

		json_begin_object(j, NULL);
		json_put_uint(j, "level", level);
		json_put_uint(j, "pages", pages);
		json_put_uint(j, "bytes", dump_bytes(u, pages));
		json_end_object(j);
	}
	json_end_array(j);
}

static void print_json(const struct usage *u)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-mem-usage-1");
	json_put_string(&j, "file", u->src->path);
	json_put_string(&j, "release", u->img->uts[UTS_RELEASE]);
	json_put_string(&j, "machine", u->img->uts[UTS_MACHINE]);
	json_put_bool(&j, "live", u->src->live);
	json_put_uint(&j, "page_size", u->img->page_size);
	json_put_uint(&j, "pages", u->stats.pages);
	json_put_uint(&j, "unknown", u->stats.unknown);
	json_put_uint(&j, "doubtful", u->stats.doubtful);
	json_put_uint(&j, "scan_ns", u->stats.scan_ns);
	json_put_string(&j, "warning", *u->stats.warning ? u->stats.warning : NULL);
	if (u->why)
		json_put_null(&j, "reserved_bytes");
	else
		json_put_uint(&j, "reserved_bytes", u->reserved);
	put_classes(&j, u);
	put_levels(&j, u);
	cmd_end_json(&j);
}

/* ---- counting */

int mem_usage_exclude(struct source *src, const struct facts *facts, uint64_t *ret_bytes,
		      const char **ret_why, struct err *err)
{
	uint64_t before = ranges_total(&src->ram);

	*ret_why = NULL;
	if (facts->regions_hidden || facts->iomem_err.code) {
		*ret_why = facts->regions_hidden ? "/proc/iomem shows addresses to root only"
						 : "/proc/iomem cannot be read";
		return 0;
	}
	for (size_t i = 0; i < facts->regions.n; i++)
		if (source_exclude(src, facts->regions.v[i].start, facts->regions.v[i].end, err))
			return err->code;
	*ret_bytes = before - ranges_total(&src->ram);
	return 0;
}

static int find_reserved(struct source *src, const char *root_path, struct usage *u,
			 struct err *err)
{
	struct facts facts;
	struct root root;
	int r = root_init(&root, root_path, err);

	if (r)
		return r;
	r = facts_probe(&root, &facts, err);
	root_deinit(&root);
	if (r)
		return r;
	r = mem_usage_exclude(src, &facts, &u->reserved, &u->why, err);
	facts_deinit(&facts);
	return r;
}

static int count(const struct image *img, struct usage *u, struct err *err)
{
	struct progress progress;
	/* at level 0 every page is of its own class, poison first */
	const struct filter_options options = {
		.threads = (unsigned int)job_threads(),
		.progress = progress_update,
		.progress_ctx = &progress,
	};
	int r;

	progress_init(&progress);
	r = filter_count(img, &options, &u->stats, err);
	progress_end(&progress);
	return r;
}

int mem_usage_print(char *const *paths, size_t n, const struct dump_options *options,
		    const char *root, bool json, struct err *err)
{
	struct usage u = {0};
	struct source *src;
	struct image *img;
	int r = dump_open(paths, n, options, &src, err);

	if (r)
		return r;
	if (src->live)
		r = find_reserved(src, root, &u, err);
	if (!r)
		r = image_create(src, &img, err);
	if (!r) {
		u.src = src;
		u.img = img;
		r = count(img, &u, err);
		if (!r)
			(json ? print_json : print_text)(&u);
		image_destroy(img);
	}
	source_destroy(src);
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct dump_options input = {0};
	const char *root = NULL;
	bool json = false;
	const struct opt opts[] = {
		DUMP_OPT_PARTIAL(&input),
		OPT_FLAG(0, "json", &json, "print a JSON object"),
		OPT_STRING(0, "root", "DIR", &root, "take /proc/iomem from below DIR"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, argc, err);

	return r ? r : mem_usage_print(argv + 1, cmd_count(argv + 1), &input, root, json, err);
}

const struct cmd cmd_mem_usage = {
	.name = "mem-usage",
	.operands = "FILE...",
	.summary = "what memory is used for, and how large dumps would be",
	.details =
		"Count the pages of FILE, /proc/kcore for the running machine or a dump, by what "
		"they are\nused for, and tell how large a dump of each useful level would be "
		"before compression.\nA running machine changes meanwhile: its numbers are "
		"approximate.",
	.run = run,
	.group = CMD_DUMPS,
};
