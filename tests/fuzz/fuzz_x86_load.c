// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: whatever the kernel's header, the running kernel's boot_params, the EFI map and the machine's
 * memory, a plan that is made is one that kexec_load(2) can take (segments on pages, apart, inside of the memory
 * that they may use), and all that boot_params points to lies in them; one that is not made says why.
 *
 * Input: struct control, areas of 5 bytes (gap and length in pages, kind), crash regions of 4 bytes (the same
 * without kind), boot_params, EFI map, and the kernel file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/load.h"
#include "base/num.h"
#include "tests/unit/fake_purgatory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(what)            \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

struct control {
	uint8_t flags; /* panic, hotplug, EFI, 64-bit EFI, initramfs, huge core header, far areas */
	uint8_t n_areas, n_crash;
	uint8_t desc_size;
	uint16_t params_len, efi_len;
	uint16_t cmdline_len;
	uint16_t rsdp;
};

/* What is left of the input. */
static struct bytes take(struct bytes *rest, size_t len)
{
	struct bytes taken = {rest->data, NUM_MIN(len, rest->len)};

	rest->data += taken.len;
	rest->len -= taken.len;
	return taken;
}

static size_t read_areas(struct bytes in, unsigned int shift, struct mem_area *to)
{
	uint64_t at = 0;
	size_t n = 0;

	for (size_t off = 0; bytes_has(in, off, 5); off += 5) {
		uint16_t gap = 0, len = 0;

		if (!bytes_le16(in, off, &gap) || !bytes_le16(in, off + 2, &len))
			abort();
		at += (uint64_t)gap << shift;
		to[n++] = (struct mem_area){{at, at + ((uint64_t)len << shift)},
					    in.data[off + 4] % AREA_KINDS};
		at += (uint64_t)len << shift;
	}
	return n;
}

static void read_crash(struct bytes in, unsigned int shift, struct ranges *to)
{
	uint64_t at = 0;
	struct err err;

	for (size_t off = 0; bytes_has(in, off, 4); off += 4) {
		uint16_t gap = 0, len = 0;

		if (!bytes_le16(in, off, &gap) || !bytes_le16(in, off + 2, &len))
			abort();
		at += (uint64_t)gap << shift;
		REQUIRE(!ranges_add(to, at, at + ((uint64_t)len << shift), &err));
		at += (uint64_t)len << shift;
	}
}

static const struct segment *holding(const struct segments *s, uint64_t at, uint64_t len)
{
	for (size_t i = 0; i < s->n; i++)
		if (at >= s->v[i].start && at - s->v[i].start <= s->v[i].size &&
		    len <= s->v[i].size - (at - s->v[i].start))
			return &s->v[i];
	return NULL;
}

static uint64_t number(const struct segments *s, uint64_t at, size_t len)
{
	const struct segment *seg = holding(s, at, len);
	uint64_t v = 0;

	REQUIRE(seg);
	while (len--)
		v = v << 8 | seg->data[at - seg->start + len];
	return v;
}

/* The address space that a segment may be in: a crash region, or RAM outside of all of them. */
static bool legal(const struct load_input *in, const struct segment *seg)
{
	const struct range *r;

	if (in->panic)
		return seg->start >= in->crash->v[in->crash->n - 1].start &&
		       seg->start + seg->len <= in->crash->v[in->crash->n - 1].end;
	r = ranges_from(in->crash, seg->start);
	if (seg->start < 0x100000 || (r && r->start < seg->start + seg->len))
		return false;
	for (uint64_t at = seg->start, k = 0; k < in->n_areas; k++) {
		const struct mem_area *a = &in->areas[k];

		if (a->kind == AREA_RAM && a->range.start <= at && at < a->range.end)
			at = a->range.end;
		if (at >= seg->start + seg->len)
			return true;
	}
	return false;
}

static void check(const struct load_input *in, const struct segments *s)
{
	const struct segment *params = NULL;
	uint64_t node, line, bp;
	size_t nodes = 0;

	REQUIRE(s->n && s->n <= 16);
	for (size_t i = 0; i < s->n; i++) {
		const struct segment *g = &s->v[i];

		REQUIRE(g->start % 4096 == 0 && g->len % 4096 == 0 && g->len && g->size <= g->len);
		REQUIRE(!i || s->v[i - 1].start + s->v[i - 1].len <= g->start);
		REQUIRE(legal(in, g));
		if (strcmp(g->name, "kernel") == 0)
			REQUIRE(g->start % in->image->align == 0);
		if (strcmp(g->name, "boot params") == 0)
			params = g;
	}
	REQUIRE(params && params->size >= 4096);
	bp = params->start;
	line = number(s, bp + 0x228, 4) | number(s, bp + 0xc8, 4) << 32;
	REQUIRE(holding(s, line, strlen(s->cmdline) + 1) == params);
	REQUIRE(strcmp((const char *)params->data + (line - bp), s->cmdline) == 0);
	REQUIRE(strlen(s->cmdline) <= in->image->cmdline_max);
	REQUIRE(number(s, bp + 0x1e8, 1) <= 128);
	for (node = number(s, bp + 0x250, 8); node; node = number(s, node, 8)) {
		REQUIRE(++nodes < 10);
		REQUIRE(holding(s, node, 16 + number(s, node + 12, 4)) == params);
	}
	if (number(s, bp + 0x1c0, 4)) {
		node = number(s, bp + 0x1d0, 4) | number(s, bp + 0x1dc, 4) << 32;
		REQUIRE(holding(s, node, number(s, bp + 0x1d4, 4)) == params);
	}
}

static void run(struct load_input *in)
{
	struct segments s;
	struct kernel_image image = {.format = "bzImage"};
	struct err err = {0};
	bool parsed = !x86_64_load.parse(in->kernel, in->kernel.len, &image, &err);

	in->image = &image;
	err = (struct err){0};
	if (x86_64_load.place(in, &s, &err)) {
		REQUIRE(err.code && err.msg[0]);
		return;
	}
	REQUIRE(parsed);
	check(in, &s);
	segments_deinit(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t header[100];
	struct bytes rest = {data, size};
	struct mem_area areas[256];
	struct firmware fw = {.efi_tables = 0x1000, .efi_fw_vendor = 1};
	struct load_input in = {.areas = areas, .firmware = &fw, .page_size = 4096};
	struct ranges crash;
	struct control c;
	char cmdline[4096];
	unsigned int shift;

	if (size < sizeof(c))
		return 0;
	memcpy(&c, take(&rest, sizeof(c)).data, sizeof(c));
	ranges_init(&crash);
	memset(cmdline, 'x', sizeof(cmdline));
	cmdline[c.cmdline_len % sizeof(cmdline)] = '\0';
	shift = c.flags & 64 ? 39 : c.rsdp & 1 ? 12 : 16; /* up to the end of 64 bits */
	in.n_areas = read_areas(take(&rest, c.n_areas * 5u), shift, areas);
	read_crash(take(&rest, c.n_crash * 4u), shift, &crash);
	fw.boot_params = take(&rest, c.params_len);
	fw.efi_map = take(&rest, c.efi_len);
	fw.efi_desc_size = c.desc_size;
	fw.efi = c.flags & 4;
	fw.efi_64 = c.flags & 8;
	fw.acpi_rsdp = c.rsdp;
	in.panic = c.flags & 1;
	in.hotplug = c.flags & 2;
	in.crash = &crash;
	in.kernel = rest;
	if (c.flags & 16)
		in.initrd = (struct bytes){data, size};
	in.cmdline = cmdline;
	in.core_header = (struct bytes){header, sizeof(header)};
	in.core_header_len = c.flags & 32 ? UINT64_MAX - c.rsdp : c.rsdp;
	memcpy(in.rng_seed, data, NUM_MIN(size, sizeof(in.rng_seed)));
	run(&in);
	ranges_deinit(&crash);
	return 0;
}
