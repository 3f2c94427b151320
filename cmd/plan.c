// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/sha256.h"
#include "cmd/cmd.h"
#include "format/elfcore.h"

#define BAR_WIDTH 32

static const char *const area_names[AREA_KINDS] = {
	[AREA_RAM] = "RAM",
	[AREA_RESERVED] = "reserved",
	[AREA_ACPI] = "ACPI tables",
	[AREA_NVS] = "ACPI NVS",
	[AREA_PMEM] = "persistent",
	[AREA_PRAM] = "persistent (legacy)",
	[AREA_SOFT_RESERVED] = "soft reserved",
	[AREA_DRIVER_RAM] = "a driver's RAM",
};

static const char *release_of(const struct plan *p)
{
	return p->files.image.release[0] ? p->files.image.release : "unknown";
}

/* ---- text */

static void print_files(const struct plan *p)
{
	char size[16], text[65];

	sha256_text(p->files.kernel_digest, text);
	printf("kernel:     %s, %s, release %s, %s to start\n            sha256 %s\n", p->kernel,
	       files_wrap_name(p->files.wrap), release_of(p),
	       num_human(p->files.image.mem_size, size), text);
	if (!p->files.initrd.len)
		return;
	sha256_text(p->files.initrd_digest, text);
	printf("initramfs:  %s\n            sha256 %s\n", num_human(p->files.initrd.len, size),
	       text);
}

/* Is the reservation large enough to run in? */
static void print_living(const struct plan *p)
{
	const struct living *l = &p->living;
	char size[6][16];

	if (!p->panic)
		return;
	printf("\nmemory to live, about: kernel %s, initramfs %s, unpacked %s, struct pages %s, "
	       "work "
	       "%s: %s",
	       num_human(l->kernel, size[0]), num_human(l->initrd, size[1]),
	       num_human(l->unpacked, size[2]), num_human(l->memmap, size[3]),
	       num_human(l->work, size[4]), num_human(l->sum, size[5]));
	if (!l->region)
		printf("\n");
	else if (l->sum > l->region)
		printf(" of %s: short by %s, use crashkernel=%" PRIu64 "M\n",
		       num_human(l->region, size[0]), num_human(l->sum - l->region, size[1]),
		       l->suggest_mib);
	else
		printf(" of %s\n", num_human(l->region, size[0]));
}

static void put_living(struct json *j, const struct plan *p)
{
	const struct living *l = &p->living;

	if (!p->panic) {
		json_put_null(j, "living");
		return;
	}
	json_begin_object(j, "living");
	json_put_uint(j, "region_bytes", l->region);
	json_put_uint(j, "kernel_bytes", l->kernel);
	json_put_uint(j, "initramfs_bytes", l->initrd);
	json_put_uint(j, "unpacked_bytes", l->unpacked);
	json_put_uint(j, "memmap_bytes", l->memmap);
	json_put_uint(j, "work_bytes", l->work);
	json_put_uint(j, "sum_bytes", l->sum);
	json_put_bool(j, "enough", !l->region || l->sum <= l->region);
	json_put_uint(j, "suggest_mib", l->suggest_mib);
	json_end_object(j);
}

static void print_cmdline(const struct plan *p)
{
	static const char marks[] = {
		[CMDLINE_KEPT] = ' ', [CMDLINE_DROPPED] = '-', [CMDLINE_ADDED] = '+'};

	printf("\ncommand line (%zu bytes, %" PRIu64 " allowed)\n", strlen(p->cmdline.line),
	       p->files.image.cmdline_max);
	for (size_t i = 0; i < p->cmdline.n; i++) {
		const struct cmdline_token *t = &p->cmdline.v[i];

		printf("  %c %-36s %s%s\n", marks[t->verdict], t->text, t->doubtful ? "! " : "",
		       t->why);
	}
}

/* One line of the picture: an address, how much, and what; its bar has the share of the whole. */
static void print_piece(uint64_t start, uint64_t end, uint64_t whole, const char *what)
{
	int width = (int)((end - start) / (whole / BAR_WIDTH + 1)) + 1;
	char size[16], bar[BAR_WIDTH + 2];

	width = NUM_MIN(width, BAR_WIDTH);
	memset(bar, *what ? '#' : '.', (size_t)width);
	bar[width] = '\0';
	printf("  0x%011" PRIx64 "-0x%011" PRIx64 " %9s  %-32s %s\n", start, end - 1,
	       num_human(end - start, size), bar, *what ? what : "free");
}

/* The segments of one range of memory and the holes between them. */
static void print_range(const struct segments *s, const struct range *r)
{
	uint64_t at = r->start, whole = r->end - r->start;

	for (size_t i = 0; i < s->n; i++) {
		const struct segment *seg = &s->v[i];

		if (seg->start < r->start || seg->start >= r->end)
			continue;
		if (seg->start > at)
			print_piece(at, seg->start, whole, "");
		print_piece(seg->start, seg->start + seg->len, whole, seg->name);
		at = seg->start + seg->len;
	}
	if (at < r->end)
		print_piece(at, r->end, whole, "");
}

static void print_segments(const struct plan *p)
{
	const struct ranges *crash = &p->machine.crash;

	printf("\nsegments%s, entry at 0x%" PRIx64 "\n",
	       p->method == LOAD_BY_FILES
		       ? " (as kexec_load would place them; kexec_file_load places its own)"
		       : "",
	       p->segments.entry);
	if (!p->panic)
		for (size_t i = 0; i < p->segments.n; i++)
			print_piece(p->segments.v[i].start,
				    p->segments.v[i].start + p->segments.v[i].len,
				    p->files.image.mem_size, p->segments.v[i].name);
	for (size_t i = 0; p->panic && i < crash->n; i++) {
		printf(" %s\n", i + 1 < crash->n ? "low region (for DMA)" : "region");
		print_range(&p->segments, &crash->v[i]);
	}
}

static uint64_t le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint32_t le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/* The core header is our own: 64 bytes, then program headers of 56. */
static size_t header_count(const struct plan *p)
{
	return p->core_header ? (p->core_header_size - 64) / 56 : 0;
}

static const uint8_t *header(const struct plan *p, size_t i)
{
	return p->core_header + 64 + i * 56;
}

static void print_core_header(const struct plan *p)
{
	size_t n = header_count(p), notes = 0;

	for (size_t i = 0; i < n; i++)
		notes += le32(header(p, i)) == 4;
	if (!n)
		return;
	printf("\nELF core header: %zu notes, %zu ranges of memory%s\n", notes, n - notes,
	       p->hotplug ? ", which the kernel keeps up to date" : "");
	for (size_t i = 0; i < n; i++) {
		const uint8_t *h = header(p, i);
		char size[16];

		if (le32(h) == 1)
			printf("  PT_LOAD 0x%011" PRIx64 " at 0x%016" PRIx64 " %9s\n", le64(h + 24),
			       le64(h + 16), num_human(le64(h + 40), size));
	}
}

static void print_map(const struct plan *p)
{
	printf("\nmemory map handed over (%zu entries)\n", p->segments.n_map);
	for (size_t i = 0; i < p->segments.n_map; i++) {
		const struct mem_area *a = &p->segments.map[i];
		char size[16];

		printf("  0x%011" PRIx64 "-0x%011" PRIx64 " %9s  %s\n", a->range.start,
		       a->range.end - 1, num_human(a->range.end - a->range.start, size),
		       area_names[a->kind]);
	}
}

void plan_print_text(const struct plan *p, const struct err *placed_err)
{
	printf("%s, by %s: %s\n", p->panic ? "panic kernel" : "ordinary image",
	       load_method_name(p->method), p->why);
	print_files(p);
	print_living(p);
	print_cmdline(p);
	if (placed_err->code) {
		printf("\nno segments can be shown: %s\n", placed_err->msg);
		return;
	}
	print_segments(p);
	print_core_header(p);
	print_map(p);
}

/* ---- JSON */

static void put_files(struct json *j, const struct plan *p)
{
	char text[65];

	sha256_text(p->files.kernel_digest, text);
	json_begin_object(j, "kernel");
	json_put_string(j, "file", p->kernel);
	json_put_string(j, "wrap", files_wrap_name(p->files.wrap));
	json_put_string(j, "release", p->files.image.release[0] ? p->files.image.release : NULL);
	json_put_uint(j, "bytes", p->files.kernel.len);
	json_put_uint(j, "start_bytes", p->files.image.mem_size);
	json_put_string(j, "sha256", text);
	json_end_object(j);
	sha256_text(p->files.initrd_digest, text);
	json_begin_object(j, "initramfs");
	json_put_uint(j, "bytes", p->files.initrd.len);
	json_put_string(j, "sha256", p->files.initrd.len ? text : NULL);
	json_end_object(j);
}

static void put_cmdline(struct json *j, const struct plan *p)
{
	json_put_string(j, "command_line", p->placed ? p->segments.cmdline : p->cmdline.line);
	json_begin_array(j, "tokens");
	for (size_t i = 0; i < p->cmdline.n; i++) {
		const struct cmdline_token *t = &p->cmdline.v[i];

		json_begin_object(j, NULL);
		json_put_string(j, "text", t->text);
		json_put_string(j, "origin", cmdline_origin_name(t->origin));
		json_put_string(j, "verdict", cmdline_verdict_name(t->verdict));
		json_put_bool(j, "doubtful", t->doubtful);
		json_put_string(j, "why", t->why);
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_segments(struct json *j, const struct plan *p)
{
	json_begin_array(j, "regions");
	for (size_t i = 0; i < p->machine.crash.n; i++) {
		json_begin_object(j, NULL);
		json_put_hex(j, "start", p->machine.crash.v[i].start);
		json_put_hex(j, "end", p->machine.crash.v[i].end - 1);
		json_end_object(j);
	}
	json_end_array(j);
	json_begin_array(j, "segments");
	for (size_t i = 0; i < p->segments.n; i++) {
		const struct segment *s = &p->segments.v[i];

		json_begin_object(j, NULL);
		json_put_string(j, "name", s->name);
		json_put_hex(j, "start", s->start);
		json_put_uint(j, "memory_bytes", s->len);
		json_put_uint(j, "bytes", s->size);
		json_put_bool(j, "digested", s->digested);
		json_end_object(j);
	}
	json_end_array(j);
	if (p->placed)
		json_put_hex(j, "entry", p->segments.entry);
	else
		json_put_null(j, "entry");
}

static void put_core_header(struct json *j, const struct plan *p)
{
	json_begin_array(j, "core_header");
	for (size_t i = 0; i < header_count(p); i++) {
		const uint8_t *h = header(p, i);

		json_begin_object(j, NULL);
		json_put_string(j, "type", le32(h) == 1 ? "PT_LOAD" : "PT_NOTE");
		json_put_hex(j, "vaddr", le64(h + 16));
		json_put_hex(j, "paddr", le64(h + 24));
		json_put_hex(j, "size", le64(h + 40));
		json_end_object(j);
	}
	json_end_array(j);
	json_begin_array(j, "memory_map");
	for (size_t i = 0; i < p->segments.n_map; i++) {
		const struct mem_area *a = &p->segments.map[i];

		json_begin_object(j, NULL);
		json_put_hex(j, "start", a->range.start);
		json_put_hex(j, "end", a->range.end - 1);
		json_put_string(j, "kind", area_names[a->kind]);
		json_end_object(j);
	}
	json_end_array(j);
}

void plan_print_json(const struct plan *p, const struct err *placed_err)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-plan-1");
	json_put_bool(&j, "panic", p->panic);
	json_put_string(&j, "method", load_method_name(p->method));
	json_put_string(&j, "why", p->why);
	json_put_bool(&j, "may_fall_back", p->may_fall_back);
	put_files(&j, p);
	put_living(&j, p);
	put_cmdline(&j, p);
	put_segments(&j, p);
	put_core_header(&j, p);
	json_put_string(&j, "problem", placed_err->code ? placed_err->msg : NULL);
	cmd_end_json(&j);
}
