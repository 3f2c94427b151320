// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "base/utc.h"
#include "cmd/cmd.h"
#include "cmd/dump.h"
#include "format/kdump.h"
#include "format/note.h"
#include "image/image.h"

#define NAME_SIZE 64 /* of a note, as it is shown */

/* NULL if it is not known. */
static const char *time_text(uint64_t seconds, char buf[UTC_TEXT])
{
	return seconds && utc_format(seconds, buf) ? buf : NULL;
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
	if (src->live)
		printf("%-16s the machine is running: memory changes while it is read\n", "live");
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

static const char *note_name(const struct note *n, char buf[NAME_SIZE])
{
	size_t len = NUM_MIN(n->name.len, NAME_SIZE - 1);

	for (size_t i = 0; i < len; i++)
		buf[i] = isprint(n->name.data[i]) ? (char)n->name.data[i] : '?';
	buf[len] = '\0';
	return buf;
}

static int print_notes(const struct source *src, struct err *err)
{
	char name[NAME_SIZE];
	size_t off = 0;

	printf("%-16s %zu bytes\n", "notes", src->notes.len);
	for (;;) {
		struct note n;
		bool more;
		int r = note_next(src->notes, &off, &n, &more, err);

		if (r || !more)
			return r;
		printf("  %s type %u, %zu bytes\n", note_name(&n, name), n.type, n.desc.len);
	}
}

/*
 * The text of VMCOREINFO as it is, so that it can be seen even where no image can be made of it; "" if there
 * is none. The caller frees it.
 */
static int note_text(const struct source *src, char **ret, struct err *err)
{
	struct note note;
	struct err ignored;
	size_t len = 0;
	char *text;

	if (note_find(src->notes, "VMCOREINFO", NOTE_TYPE_VMCOREINFO, &note, &ignored))
		note.desc.len = 0;
	text = malloc(note.desc.len + 1);
	if (!text)
		return err_nomem(err, note.desc.len + 1, "VMCOREINFO");
	for (; len < note.desc.len && note.desc.data[len]; len++)
		text[len] = note.desc.data[len] == '\n' || isprint(note.desc.data[len])
				    ? (char)note.desc.data[len]
				    : '?';
	text[len] = '\0';
	*ret = text;
	return 0;
}

static void print_image(const struct source *src)
{
	const char *time;
	struct err err = {0};
	struct image *img;
	char buf[32];

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
	time = time_text(img->crash_time, buf);
	printf("%-16s %s\n", "crash time", time ? time : "unknown");
	printf("%-16s %" PRIu64 " bytes\n", "page size", img->page_size);
	image_destroy(img);
}

/* `vmcoreinfo` NULL: nobody asked for it. */
static int print_text(const struct source *src, const char *vmcoreinfo, struct err *err)
{
	int r;

	print_header(src);
	print_ranges(src);
	r = print_notes(src, err);
	print_image(src);
	if (vmcoreinfo)
		printf("VMCOREINFO:\n%s", vmcoreinfo);
	return r;
}

/* ---- JSON: docs/json.md */

static void put_header(struct json *j, const struct source *src)
{
	const struct kdump_header *h = kdump_source_header(src);

	json_put_string(j, "file", src->path);
	json_put_string(j, "format", src->ops->name);
	json_put_uint(j, "file_bytes", src->file_size);
	json_put_bool(j, "incomplete", src->incomplete);
	json_put_bool(j, "live", src->live);
	if (!h) {
		json_put_null(j, "kdump");
		return;
	}
	json_begin_object(j, "kdump");
	json_put_string(j, "codec", codec_name(h->status & CODEC_MASK));
	json_put_uint(j, "level", h->dump_level);
	json_put_uint(j, "block_size", h->block_size);
	json_put_uint(j, "max_mapnr", h->max_mapnr);
	json_put_uint(j, "cpus", h->nr_cpus);
	json_end_object(j);
}

static void put_ranges(struct json *j, const struct source *src)
{
	json_put_uint(j, "memory_bytes", ranges_total(&src->ram));
	json_put_uint(j, "dump_bytes", ranges_total(&src->present));
	json_begin_array(j, "ranges");
	for (size_t i = 0; i < src->ram.n; i++) {
		json_begin_object(j, NULL);
		json_put_hex(j, "start", src->ram.v[i].start);
		json_put_hex(j, "end", src->ram.v[i].end - 1);
		json_end_object(j);
	}
	json_end_array(j);
}

static int put_notes(struct json *j, const struct source *src, struct err *err)
{
	char name[NAME_SIZE];
	struct note n;
	size_t off = 0;
	bool more;
	int r;

	json_begin_array(j, "notes");
	while (!(r = note_next(src->notes, &off, &n, &more, err)) && more) {
		json_begin_object(j, NULL);
		json_put_string(j, "name", note_name(&n, name));
		json_put_uint(j, "type", n.type);
		json_put_uint(j, "bytes", n.desc.len);
		json_end_object(j);
	}
	json_end_array(j);
	return r;
}

static void put_kernel(struct json *j, const struct source *src)
{
	struct err err = {0};
	struct image *img;
	char buf[32];

	if (image_create(src, &img, &err)) {
		json_put_null(j, "kernel");
		json_put_string(j, "kernel_unknown", err.msg);
		return;
	}
	json_begin_object(j, "kernel");
	json_put_string(j, "release", img->uts[UTS_RELEASE]);
	json_put_string(j, "version", *img->uts[UTS_VERSION] ? img->uts[UTS_VERSION] : NULL);
	json_put_string(j, "machine", img->uts[UTS_MACHINE]);
	json_put_string(j, "node", *img->uts[UTS_NODENAME] ? img->uts[UTS_NODENAME] : NULL);
	json_put_string(j, "crash_time", time_text(img->crash_time, buf));
	json_put_uint(j, "page_size", img->page_size);
	json_end_object(j);
	json_put_null(j, "kernel_unknown");
	image_destroy(img);
}

/* A broken note ends their list and is the command's error; the object is whole all the same. */
static int print_json(const struct source *src, const char *vmcoreinfo, struct err *err)
{
	struct json j;
	int r;

	cmd_begin_json(&j, stdout, "lifeboat-info-1");
	put_header(&j, src);
	put_ranges(&j, src);
	r = put_notes(&j, src, err);
	put_kernel(&j, src);
	if (vmcoreinfo)
		json_put_string(&j, "vmcoreinfo", vmcoreinfo);
	cmd_end_json(&j);
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct dump_options input = {.verb = cmd->name};
	bool all = false, json = false;
	const struct opt opts[] = {
		DUMP_OPT_PARTIAL(&input),
		OPT_FLAG(0, "json", &json, "print a JSON object"),
		OPT_FLAG(0, "vmcoreinfo", &all, "print the whole VMCOREINFO text too"),
	};
	_cleanup_free_ char *text = NULL;
	struct source *src;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, argc, err);

	if (r || (r = dump_open(argv + 1, cmd_count(argv + 1), &input, &src, err)))
		return r;
	if (all)
		r = note_text(src, &text, err);
	if (!r)
		r = json ? print_json(src, text, err) : print_text(src, text, err);
	source_destroy(src);
	return r;
}

const struct cmd cmd_info = {
	.name = "info",
	.operands = "VMCORE...",
	.summary = "print header, memory ranges, notes and VMCOREINFO of a dump",
	.run = run,
	.group = CMD_DUMPS,
};
