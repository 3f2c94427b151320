// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/dump.h"
#include "format/kdump.h"
#include "format/note.h"
#include "image/image.h"

static void print_time(const char *label, uint64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (!seconds || !gmtime_r(&t, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		printf("%-16s unknown\n", label);
	else
		printf("%-16s %s\n", label, text);
}

static void print_bytes(const char *label, uint64_t bytes)
{
	char human[16];

	printf("%-16s %" PRIu64 " bytes (%s)\n", label, bytes, num_human(bytes, human));
}

static void print_header(const struct source *src)
{
	const struct kdump_header *h = kdump_source_header(src);

	printf("%-16s %s\n", "format", src->ops->name);
	if (src->file_size)
		print_bytes("file", src->file_size);
	if (src->incomplete)
		printf("%-16s the dump says that it is incomplete\n", "WARNING");
	if (!h)
		return;
	printf("%-16s %s\n", "compression", codec_name(h->status & CODEC_MASK));
	printf("%-16s %u\n", "dump level", h->dump_level);
	printf("%-16s %u bytes\n", "block size", h->block_size);
	printf("%-16s 0x%" PRIx64 "\n", "max_mapnr", h->max_mapnr);
	printf("%-16s %u\n", "cpus", h->nr_cpus);
}

static void print_ranges(const struct source *src)
{
	print_bytes("memory", ranges_total(&src->ram));
	print_bytes("in the dump", ranges_total(&src->present));
	printf("%-16s %zu\n", "ranges", src->ram.n);
	for (size_t i = 0; i < src->ram.n; i++)
		printf("  0x%012" PRIx64 "-0x%012" PRIx64 "\n", src->ram.v[i].start,
		       src->ram.v[i].end - 1);
}

static int print_notes(const struct source *src, struct err *err)
{
	size_t off = 0;

	printf("%-16s %zu bytes\n", "notes", src->notes.len);
	for (;;) {
		struct note n;
		bool more;
		int r = note_next(src->notes, &off, &n, &more, err);

		if (r || !more)
			return r;
		fputs("  ", stdout);
		for (size_t i = 0; i < n.name.len; i++)
			putchar(isprint(n.name.data[i]) ? n.name.data[i] : '?');
		printf(" type %u, %zu bytes\n", n.type, n.desc.len);
	}
}

/* The text of the note as it is, so that it can be seen even where no image can be made of it. */
static void print_vmcoreinfo(const struct source *src)
{
	struct note note;
	struct err ignored;

	printf("VMCOREINFO:\n");
	if (note_find(src->notes, "VMCOREINFO", NOTE_TYPE_VMCOREINFO, &note, &ignored))
		return;
	for (size_t i = 0; i < note.desc.len && note.desc.data[i]; i++)
		putchar(note.desc.data[i] == '\n' || isprint(note.desc.data[i]) ? note.desc.data[i]
										: '?');
}

static void print_image(const struct source *src)
{
	struct err err = {0};
	struct image *img;

	if (image_create(src, &img, &err)) {
		printf("%-16s unknown: %s\n", "kernel", err.msg);
		return;
	}
	printf("%-16s %s\n", "kernel", img->uts[UTS_RELEASE]);
	if (*img->uts[UTS_VERSION])
		printf("%-16s %s\n", "version", img->uts[UTS_VERSION]);
	if (*img->uts[UTS_NODENAME])
		printf("%-16s %s\n", "node", img->uts[UTS_NODENAME]);
	printf("%-16s %s\n", "machine", img->uts[UTS_MACHINE]);
	print_time("crash time", img->crash_time);
	printf("%-16s %" PRIu64 " bytes\n", "page size", img->page_size);
	image_destroy(img);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct dump_options input = {0};
	bool all = false;
	const struct opt opts[] = {
		DUMP_OPT_PARTIAL(&input),
		OPT_FLAG(0, "vmcoreinfo", &all, "print the whole VMCOREINFO text too"),
	};
	struct source *src;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, argc, err);

	if (r || (r = dump_open(argv + 1, cmd_count(argv + 1), &input, &src, err)))
		return r;
	print_header(src);
	print_ranges(src);
	r = print_notes(src, err);
	print_image(src);
	if (all)
		print_vmcoreinfo(src);
	source_destroy(src);
	return r;
}

const struct cmd cmd_info = {
	.name = "info",
	.operands = "VMCORE...",
	.summary = "print header, memory ranges, notes and VMCOREINFO of a dump",
	.run = run,
};
