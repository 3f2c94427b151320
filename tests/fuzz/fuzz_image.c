// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All that is read from a memory image: VMCOREINFO, page tables, log, section table, struct pages, and
 * the filter over them. An input is either a dump file (ELF or kdump by its first bytes) or a made-up machine:
 *
 *   byte 0      dump level
 *   byte 1      bits 0-1 codec, 2-3 threads - 1, 4 five levels, 5 RAM that is not in the dump, 6 a hole
 *   text        VMCOREINFO, up to a NUL; SYMBOL(init_top_pgt) and NUMBER(phys_base) come first by default
 *   records     u24 address, u8 n, then n bytes that lie there in RAM
 *
 * The machine has 1 MiB of RAM, mapped at the kernel's direct map, its vmemmap and its text by tables in
 * the last 64 KiB, which records may overwrite.
 *
 * Property: no crash and no sanitizer report; an error says something; time and output are bounded by
 * what is there, not by what is claimed; the statistics add up.
 */
#include <elf.h>

#include "filter/filter.h"
#include "image/page_check.h"
#include "image/printk.h"
#include "tests/fuzz/source_fuzz.h"

#define RAM_SIZE  (1U << 20)
#define PAGE      4096U
#define ROOT      (RAM_SIZE - 16 * PAGE)
#define PRESENT   0x63
#define LARGE     0x80
#define WRITE_MAX (5ULL << 30) /* two bitmaps of the 128 TiB that filter.c allows, and some */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

struct machine {
	struct source src;
	uint8_t *ram;
	char *notes;
};

/* ---- the machine as a source */

static int machine_read(const struct source *src, uint64_t phys, void *buf, size_t len,
			struct err *err)
{
	const struct machine *m = (const struct machine *)src;
	const struct range *r = ranges_find(&src->present, phys);

	if (!r || phys + len > r->end)
		return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not there", phys);
	memcpy(buf, m->ram + phys, len);
	return 0;
}

static int machine_map(const struct source *src, struct view *view, uint64_t phys, struct err *err)
{
	const struct machine *m = (const struct machine *)src;
	const struct range *r = ranges_find(&src->present, phys);

	view->len = 0;
	if (!r)
		return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not there", phys);
	view->start = phys;
	view->data = m->ram + phys;
	view->len = r->end - phys;
	return 0;
}

static void machine_unmap(struct view *view)
{
	(void)view;
}

static const struct source_ops machine_ops = {
	.name = "fuzz", .read = machine_read, .map = machine_map, .unmap = machine_unmap};

/* Each of the kernel's three maps: RAM by one large page, behind tables of its own. */
static void map_kernel(struct machine *m, bool five)
{
	static const uint64_t starts[] = {0xffff888000000000, 0xffffea0000000000,
					  0xffffffff80000000};
	uint64_t top = ROOT, next = ROOT + PAGE;

	if (five) {
		bytes_put_le64(m->ram + top + 511 * 8, next | PRESENT);
		top = next;
		next += PAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		bytes_put_le64(m->ram + top + (starts[i] >> 39 & 511) * 8, next | PRESENT);
		bytes_put_le64(m->ram + next + (starts[i] >> 30 & 511) * 8,
			       (next + PAGE) | PRESENT);
		bytes_put_le64(m->ram + next + PAGE + (starts[i] >> 21 & 511) * 8, PRESENT | LARGE);
		next += 2 * PAGE;
	}
}

static void set_notes(struct machine *m, bool five, struct bytes text)
{
	char defaults[128];
	int n = snprintf(defaults, sizeof(defaults),
			 "SYMBOL(init_top_pgt)=%llx\nNUMBER(phys_base)=0\n"
			 "NUMBER(pgtable_l5_enabled)=%d\n",
			 0xffffffff80000000ULL + ROOT, five);
	size_t desc = (size_t)n + text.len;

	m->notes = calloc(1, 12 + 12 + desc + 4);
	REQUIRE(m->notes);
	bytes_put_le32(m->notes, 11);
	bytes_put_le32(m->notes + 4, (uint32_t)desc);
	memcpy(m->notes + 12, "VMCOREINFO", 10);
	memcpy(m->notes + 24, defaults, (size_t)n);
	memcpy(m->notes + 24 + n, text.data, text.len);
	m->src.notes = (struct bytes){(uint8_t *)m->notes, 24 + desc};
}

static void set_ranges(struct machine *m, uint8_t how)
{
	struct err err;

	REQUIRE(!ranges_add(&m->src.ram, 0, RAM_SIZE, &err));
	REQUIRE(!ranges_add(&m->src.present, 0, RAM_SIZE, &err));
	if (how & 0x20)
		REQUIRE(!ranges_add(&m->src.ram, 1ULL << 40, (1ULL << 40) + (4ULL << 30), &err));
	if (how & 0x40)
		REQUIRE(!ranges_sub(&m->src.present, 100 * PAGE + 77, 104 * PAGE + 1, &err));
}

static void machine_init(struct machine *m, const uint8_t *data, size_t size)
{
	uint8_t how = data[1];
	size_t at = 2, end;

	*m = (struct machine){.src = {.ops = &machine_ops, .path = "fuzz"}};
	m->src.elf_machine = EM_X86_64;
	m->ram = calloc(1, RAM_SIZE);
	REQUIRE(m->ram);
	map_kernel(m, how & 0x10);
	set_ranges(m, how);
	end = at + strnlen((const char *)data + at, size - at);
	set_notes(m, how & 0x10, (struct bytes){data + at, end - at});
	for (at = end + 1; at + 4 <= size; at = end) {
		size_t to = (data[at] | (size_t)data[at + 1] << 8 | (size_t)data[at + 2] << 16) %
			    RAM_SIZE;

		end = at + 4 + data[at + 3];
		end = NUM_MIN(end, size);
		memcpy(m->ram + to, data + at + 4, NUM_MIN(end - at - 4, RAM_SIZE - to));
	}
}

static void machine_deinit(struct machine *m)
{
	ranges_deinit(&m->src.ram);
	ranges_deinit(&m->src.present);
	free(m->ram);
	free(m->notes);
}

/* ---- where it all goes */

struct null_out {
	struct out out;
	_Atomic uint64_t written;
};

static int null_pwrite(struct out *out, const void *buf, size_t len, uint64_t off, struct err *err)
{
	struct null_out *o = (struct null_out *)out;
	const uint8_t *bytes = buf;

	(void)off;
	(void)err;
	if (len && (volatile uint8_t)(bytes[0] ^ bytes[len - 1]) == 1) /* both ends are readable */
		o->written += 0;
	o->written += len;
	REQUIRE(o->written < WRITE_MAX);
	return 0;
}

static int null_sync(struct out *out, struct err *err)
{
	(void)out;
	(void)err;
	return 0;
}

static const struct out_ops null_ops = {.pwrite = null_pwrite, .sync = null_sync};

static int null_text(void *ctx, const char *text, size_t len, struct err *err)
{
	uint64_t *sum = ctx;

	(void)err;
	for (size_t i = 0; i < len; i++)
		*sum += (uint8_t)text[i];
	return 0;
}

/* ---- what is done with it */

static void check_free_blocks(const struct image *img)
{
	struct page_check none = {0};
	struct free_blocks counted;
	struct page_verdict verdict;
	struct err err = {0};

	if (free_blocks_read(img, &counted, &err)) {
		REQUIRE(err.code && err.msg[0]);
		return;
	}
	REQUIRE(counted.orders && counted.orders <= PAGE_ORDERS);
	page_check_verdict(&none, &counted, true, &verdict);
	REQUIRE(!verdict.distrust_free && !verdict.distrust_compound);
	REQUIRE(memchr(verdict.text, 0, sizeof(verdict.text)));
}

static void check_stats(const struct filter_stats *s)
{
	uint64_t in_class = 0, dropped = 0;

	for (size_t i = 0; i < PAGE_CLASSES; i++) {
		in_class += s->class_pages[i];
		dropped += s->dropped[i];
	}
	REQUIRE(in_class == s->pages);
	REQUIRE(dropped + s->zero + s->shared + s->written + s->lost == s->pages);
}

static void use_image(const struct source *src, uint8_t level, uint8_t how)
{
	const struct filter_options options = {
		.level = level % (LEVEL_MAX + 1),
		.codec = (enum codec)((how & 3) % 3),
		.threads = 1 + (how >> 2 & 3),
	};
	struct null_out out = {.out = {.ops = &null_ops, .name = "nowhere"}};
	struct filter_stats stats = {0};
	struct printk_stats log;
	struct image *img = NULL;
	struct err err = {0};
	uint64_t sum = 0;

	if (image_create(src, &img, &err)) {
		REQUIRE(!img && err.code && err.msg[0]);
		return;
	}
	if (printk_format(img, null_text, &sum, &log, &err))
		REQUIRE(err.code && err.msg[0]);
	check_free_blocks(img);
	err = (struct err){0};
	if (filter_run(img, &options, &out.out, &stats, &err))
		REQUIRE(err.code && err.msg[0]);
	else
		check_stats(&stats);
	image_destroy(img);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m;

	if (size < 8)
		return 0;
	if (memcmp(data, ELFMAG, SELFMAG) == 0 || memcmp(data, "KDUMP   ", 8) == 0) {
		struct source *src = fuzz_open(data, size);

		if (src)
			use_image(src, data[size - 1], data[size - 2]);
		source_destroy(src);
		return 0;
	}
	machine_init(&m, data, size);
	use_image(&m.src, data[0], data[1]);
	machine_deinit(&m);
	return 0;
}
