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
#include "tests/fuzz/machine_fuzz.h"
#include "tests/fuzz/source_fuzz.h"

#define WRITE_MAX (5ULL << 30) /* two bitmaps of the 128 TiB that filter.c allows, and some */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
