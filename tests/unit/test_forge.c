// SPDX-License-Identifier: GPL-2.0-or-later
/* What the capture would read of the forged memory: opened as a vmcore and read by the code that reads real ones. */
#include "tests/unit/unit.h"

#include "format/elfcore.h"
#include "image/printk.h"
#include "proof/forge.h"

#define AT (2 * FORGE_ALIGN)

static const struct forge_spec spec = {.at = AT, .time = 1700000000, .id = "a1b2"};

/* The core header's offsets are physical addresses, so a sparse file with the header in front is the vmcore. */
struct opened {
	char path[32];
	struct source *src;
	struct image *img;
	uint8_t *memory;
};

static void open_forged(struct opened *o)
{
	uint64_t header = 0;
	int fd;

	strcpy(o->path, "/tmp/test-forge-XXXXXX");
	fd = mkstemp(o->path);
	assert_true(fd >= 0);
	assert_ok(forge_memory(&spec, &o->memory, &header, err));
	assert_in_range(header, AT, AT + FORGE_SIZE - 4096);
	assert_int_equal(pwrite(fd, o->memory, FORGE_SIZE, AT), FORGE_SIZE);
	assert_int_equal(pwrite(fd, o->memory + (header - AT), 4096, 0), 4096);
	close(fd);
	assert_ok(source_open_as(&elfcore_source, o->path, &o->src, err));
	assert_ok(image_create(o->src, &o->img, err));
}

static void close_forged(struct opened *o)
{
	image_destroy(o->img);
	source_destroy(o->src);
	unlink(o->path);
	free(o->memory);
}

TEST(tells_what_it_is)
{
	struct opened o;

	open_forged(&o);
	assert_int_equal(ranges_total(&o.src->ram), FORGE_SIZE);
	assert_string_equal(o.img->uts[UTS_RELEASE], "0.0.0-lifeboat-test");
	assert_string_equal(o.img->uts[UTS_NODENAME], "lifeboat-test");
	assert_int_equal(o.img->crash_time, 1700000000);
	close_forged(&o);
}

struct heard {
	struct printk_headline headline;
	size_t lines;
	bool says_no_crash;
};

static int hear(void *ctx, const struct printk_record *rec, struct err *err)
{
	struct heard *h = ctx;

	(void)err;
	h->lines++;
	h->says_no_crash |= memmem(rec->text, rec->len, "No kernel has crashed", 21) != NULL;
	printk_headline_feed(&h->headline, rec);
	return 0;
}

TEST(log_says_that_it_is_a_test)
{
	struct heard h = {0};
	struct printk_stats stats;
	char headline[FORGE_HEADLINE_SIZE];
	struct opened o;

	open_forged(&o);
	assert_ok(printk_walk(o.img, hear, &h, &stats, err));
	assert_int_equal(h.lines, 5);
	assert_int_equal(stats.damaged, 0);
	assert_true(h.says_no_crash);
	forge_headline(&spec, headline);
	assert_non_null(strstr(headline, "test a1b2 of 2023-11-14T22:13:20Z"));
	assert_string_equal(printk_headline_get(&h.headline), headline);
	close_forged(&o);
}

/* The same bytes by the kernel's mapping, by the linear map, and by their physical address. */
TEST(is_mapped)
{
	char by_kernel[64], by_linear[64];
	struct opened o;

	open_forged(&o);
	assert_ok(image_read(o.img, 0xffffffff80000000 + 0x400000, by_kernel, 64, err));
	assert_ok(image_read(o.img, 0xffff888000000000 + AT + 0x400000, by_linear, 64, err));
	assert_memory_equal(by_kernel, by_linear, 64);
	assert_memory_equal(by_kernel, o.memory + 0x400000, 64);
	assert_memory_equal(by_kernel, "kernel page 00400 of test a1b2, no crash.\n", 42);
	assert_fails(image_read(o.img, 0xffffffff80000000 + FORGE_SIZE, by_kernel, 1, err),
		     ERR_NOT_FOUND, "not mapped");
	close_forged(&o);
}

TEST(addresses_that_do_not_fit)
{
	struct forge_spec wrong = spec;
	uint8_t *memory = NULL;
	uint64_t header;

	wrong.at = AT + 4096;
	assert_fails(forge_memory(&wrong, &memory, &header, err), ERR_USAGE, "multiple");
	wrong.at = FORGE_LIMIT;
	assert_fails(forge_memory(&wrong, &memory, &header, err), ERR_USAGE, "below");
	assert_null(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_it_is),
		cmocka_unit_test(log_says_that_it_is_a_test),
		cmocka_unit_test(is_mapped),
		cmocka_unit_test(addresses_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
