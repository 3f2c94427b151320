// SPDX-License-Identifier: GPL-2.0-or-later
/* What test_filter.c cannot make the filter do: very many runs, many lost pages, addresses. */
#include <sys/stat.h>

#include "filter/sink.h"
#include "filter/sink_elf.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/fake_out.h"

#define STEXT (FAKE_KERNEL_MAP + 16 * MIB)

/* A sink over kept pages of our own: all of the input, of which nothing is left out. */
struct fixture {
	struct fake f;
	struct ranges pages;
	struct ranges kept;
	struct keep *keep;
	struct filter_options options;
	struct sink_task task;
	struct fake_out *o;
	struct sink *sink;
};

static void fixture_init(struct fixture *x, uint64_t pages)
{
	*x = (struct fixture){.options = {.format = FILTER_ELF, .threads = 1, .keep_all = true}};
	fake_init(&x->f, 64 * MIB, 4);
	fake_ram(&x->f, 0, x->f.size);
	assert_ok(ranges_add(&x->pages, 0, pages, err));
	x->o = fake_out_create(0);
}

static int fixture_create(struct fixture *x, struct err *err)
{
	struct filter_stats stats = {0};

	fake_open(&x->f);
	if (keep_create(x->f.img, &x->options, &x->kept, &x->keep, &stats, err))
		return err->code;
	x->task = (struct sink_task){.img = x->f.img,
				     .options = &x->options,
				     .ram = &x->pages,
				     .keep = x->keep,
				     .out = &x->o->out};
	return sink_create(&x->task, &x->sink, err);
}

static void fixture_deinit(struct fixture *x)
{
	sink_destroy(x->sink);
	fake_out_destroy(x->o);
	keep_destroy(x->keep);
	ranges_deinit(&x->kept);
	ranges_deinit(&x->pages);
	fake_deinit(&x->f);
}

/* One page with its rank in it, of this kind. */
static void write_page(struct fixture *x, uint64_t rank, enum sink_page_kind kind)
{
	static uint64_t data[FAKE_PAGE / 8];
	struct sink_page page = {
		.kind = kind, .size = kind == SINK_DATA ? FAKE_PAGE : 0, .rank = rank};
	struct sink_batch batch = {0, &page, 1, (const uint8_t *)data, page.size};

	data[0] = rank + 1;
	assert_ok(sink_write(x->sink, &batch, err));
}

static void write_zeros(struct fixture *x)
{
	for (uint64_t i = 0; i < x->keep->n_kept; i++)
		write_page(x, i, SINK_ZERO);
}

static Elf64_Ehdr header_of(const struct fixture *x)
{
	Elf64_Ehdr h;

	assert_int_equal(pread(x->o->file.fd, &h, sizeof(h), 0), sizeof(h));
	return h;
}

static Elf64_Phdr phdr_of(const struct fixture *x, uint64_t i)
{
	Elf64_Phdr p;

	assert_int_equal(pread(x->o->file.fd, &p, sizeof(p), (off_t)(64 + i * sizeof(p))),
			 sizeof(p));
	return p;
}

/* Every other page frame, `n` of them, each a PT_LOAD. */
static void keep_every_other(struct fixture *x, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		assert_ok(ranges_add(&x->kept, 2 * i, 2 * i + 1, err));
}

/* `n` runs: the count is where it belongs, and our reader finds pages at both ends and in the middle. */
static void check_runs(uint64_t n)
{
	const uint64_t ranks[] = {0, n / 2, n - 1};
	struct source *src = NULL;
	struct fixture x;
	uint64_t size, v;
	Elf64_Ehdr h;
	Elf64_Shdr s;

	fixture_init(&x, 2 * n);
	keep_every_other(&x, n);
	assert_ok(fixture_create(&x, err));
	for (uint64_t i = 0; i < n; i++)
		write_page(&x, i, i == 0 || i == n / 2 || i == n - 1 ? SINK_DATA : SINK_ZERO);
	assert_ok(sink_finish(x.sink, false, &size, err));
	h = header_of(&x);
	assert_int_equal(h.e_phnum, n + 1 < 0xffff ? n + 1 : 0xffff);
	assert_int_equal(h.e_shnum, n + 1 < 0xffff ? 0 : 1);
	if (h.e_shnum) {
		assert_int_equal(pread(x.o->file.fd, &s, sizeof(s), (off_t)h.e_shoff), sizeof(s));
		assert_int_equal(s.sh_info, n + 1);
		assert_true(h.e_shoff >= 64 + (n + 1) * sizeof(Elf64_Phdr));
	}
	assert_ok(source_open(x.o->file.path, &src, err));
	assert_int_equal(src->present.n, n);
	assert_int_equal(src->file_size, size);
	assert_int_equal(src->notes.len, x.f.src.notes.len);
	assert_memory_equal(src->notes.data, x.f.src.notes.data, src->notes.len);
	for (size_t i = 0; i < ARRAY_SIZE(ranks); i++) {
		assert_ok(source_read(src, ranks[i] * 2 * FAKE_PAGE, &v, 8, err));
		assert_int_equal(v, le64toh(ranks[i] + 1));
	}
	source_destroy(src);
	fixture_deinit(&x);
}

TEST(many_runs)
{
	check_runs(1);
	check_runs(127); /* with the notes' one: a piece of the table */
	check_runs(128);
	check_runs(0xfffd);
	check_runs(0xfffe); /* 65535 headers: the first number that e_phnum cannot say */
	check_runs(0xffff);
	check_runs(SINK_ELF_PHDRS_MAX - 1);
}

TEST(too_many_runs)
{
	struct fixture x;

	fixture_init(&x, 2 * SINK_ELF_PHDRS_MAX);
	keep_every_other(&x, SINK_ELF_PHDRS_MAX);
	assert_fails(fixture_create(&x, err), ERR_UNSUPPORTED, "needs 131073 program headers");
	assert_int_equal(x.o->n_calls, 0);
	fixture_deinit(&x);
}

/* `n` lost pages in the middle of one run, none beside another. */
static void check_lost(uint64_t n, bool fits, bool once)
{
	struct source *src = NULL;
	struct fixture x;
	uint64_t size, v;

	fixture_init(&x, 2 * n + 1);
	x.o->out.write_once = once;
	assert_ok(ranges_add(&x.kept, 0, 2 * n + 1, err));
	assert_ok(fixture_create(&x, err));
	for (uint64_t i = 0; i <= 2 * n; i++)
		write_page(&x, i, i % 2 ? SINK_LOST : SINK_DATA);
	assert_ok(sink_finish(x.sink, true, &size, err));
	assert_true(fake_out_incomplete(x.o));
	assert_ok(source_open(x.o->file.path, &src, err));
	assert_true(src->incomplete);
	assert_int_equal(src->present.n, fits ? n + 1 : 1);
	for (uint64_t i = 0; i <= 2 * n; i++) {
		if (i % 2 && fits) {
			assert_fails(source_read(src, i * FAKE_PAGE, &v, 8, err), ERR_NOT_FOUND,
				     "not in the dump");
			continue;
		}
		assert_ok(source_read(src, i * FAKE_PAGE, &v, 8, err));
		assert_int_equal(v, i % 2 ? 0 : i + 1);
	}
	source_destroy(src);
	fixture_deinit(&x);
}

TEST(lost_pages)
{
	check_lost(1, true, false);
	check_lost(100, true, false);
	check_lost(256, true, false);
	check_lost(257, false, false);
	check_lost(256, true, true);
	check_lost(257, false, true);
}

TEST(all_is_lost)
{
	struct source *src = NULL;
	struct fixture x;
	uint64_t size;

	fixture_init(&x, 3);
	assert_ok(ranges_add(&x.kept, 0, 3, err));
	assert_ok(fixture_create(&x, err));
	for (uint64_t i = 0; i < 3; i++)
		write_page(&x, i, SINK_LOST);
	assert_ok(sink_finish(x.sink, true, &size, err));
	assert_ok(source_open(x.o->file.path, &src, err));
	assert_int_equal(src->present.n, 0);
	source_destroy(src);
	fixture_deinit(&x);
}

/* Pages of zeros are holes: the file has its length all the same, and they read as zeros. */
TEST(zeros_are_holes)
{
	struct source *src = NULL;
	uint64_t size, v = 1;
	struct fixture x;
	struct stat st;

	fixture_init(&x, 1000);
	assert_ok(ranges_add(&x.kept, 0, 1000, err));
	assert_ok(fixture_create(&x, err));
	for (uint64_t i = 0; i < 1000; i++)
		write_page(&x, i, i == 500 ? SINK_DATA : SINK_ZERO);
	assert_ok(sink_finish(x.sink, false, &size, err));
	assert_int_equal(fstat(x.o->file.fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_true((uint64_t)st.st_blocks * 512 < 30 * FAKE_PAGE);
	assert_ok(source_open(x.o->file.path, &src, err));
	assert_ok(source_read(src, 999 * FAKE_PAGE + FAKE_PAGE - 8, &v, 8, err));
	assert_int_equal(v, 0);
	assert_ok(source_read(src, 500 * FAKE_PAGE, &v, 8, err));
	assert_int_equal(v, 501);
	source_destroy(src);
	fixture_deinit(&x);
}

/* Map the whole fake in one piece, and the kernel's image of 8 MiB at 16 MiB physical. */
static void map_kernel(struct fixture *x)
{
	for (uint64_t at = 0; at < x->f.size; at += 2 * MIB)
		fake_map(&x->f, FAKE_DIRECT_MAP + at, at, 2);
	for (uint64_t at = 0; at < 8 * MIB; at += 2 * MIB)
		fake_map(&x->f, STEXT + at, 16 * MIB + at, 2);
	fake_set(&x->f, "SYMBOL(mem_section)", "%llx", FAKE_DIRECT_MAP + 5 * MIB);
	fake_set(&x->f, "SYMBOL(_stext)", "%llx", STEXT + 0x123);
}

/* A run that begins before the image and one that ends behind it; one elsewhere. */
static void keep_three(struct fixture *x)
{
	assert_ok(ranges_add(&x->kept, 15 * MIB / FAKE_PAGE, 17 * MIB / FAKE_PAGE, err));
	assert_ok(ranges_add(&x->kept, 18 * MIB / FAKE_PAGE, 30 * MIB / FAKE_PAGE, err));
	assert_ok(ranges_add(&x->kept, 40 * MIB / FAKE_PAGE, 41 * MIB / FAKE_PAGE, err));
}

TEST(addresses)
{
	static const uint64_t want[][3] = {
		{STEXT, 16 * MIB, MIB},
		{STEXT + 2 * MIB, 18 * MIB, 6 * MIB},
		{FAKE_DIRECT_MAP + 15 * MIB, 15 * MIB, 2 * MIB},
		{FAKE_DIRECT_MAP + 18 * MIB, 18 * MIB, 12 * MIB},
		{FAKE_DIRECT_MAP + 40 * MIB, 40 * MIB, MIB},
	};
	struct source *src = NULL;
	struct fixture x;
	uint64_t size;

	fixture_init(&x, 64 * MIB / FAKE_PAGE);
	map_kernel(&x);
	keep_three(&x);
	assert_ok(fixture_create(&x, err));
	write_zeros(&x);
	assert_ok(sink_finish(x.sink, false, &size, err));
	assert_int_equal(header_of(&x).e_phnum, 1 + ARRAY_SIZE(want));
	assert_int_equal(phdr_of(&x, 0).p_type, PT_NOTE);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		Elf64_Phdr p = phdr_of(&x, i + 1);

		assert_int_equal(p.p_type, PT_LOAD);
		assert_int_equal(p.p_vaddr, want[i][0]);
		assert_int_equal(p.p_paddr, want[i][1]);
		assert_int_equal(p.p_filesz, want[i][2]);
		assert_int_equal(p.p_memsz, want[i][2]);
		assert_int_equal(p.p_offset % FAKE_PAGE, 0);
	}
	/* the image's bytes are not there twice */
	assert_int_equal(phdr_of(&x, 1).p_offset, phdr_of(&x, 3).p_offset + MIB);
	assert_int_equal(phdr_of(&x, 2).p_offset, phdr_of(&x, 4).p_offset);
	assert_int_equal(size, phdr_of(&x, 3).p_offset + 15 * MIB);
	assert_ok(source_open(x.o->file.path, &src, err));
	assert_int_equal(src->present.n, 3);
	source_destroy(src);
	fixture_deinit(&x);
}

/* A static mem_section lies in the image: that is no map of all memory. */
TEST(unknown_addresses)
{
	struct fixture x;
	uint64_t size;

	fixture_init(&x, 64 * MIB / FAKE_PAGE);
	map_kernel(&x);
	keep_three(&x);
	fake_set(&x.f, "SYMBOL(mem_section)", "%llx", STEXT + MIB);
	fake_unset(&x.f, "SYMBOL(_stext)");
	assert_ok(fixture_create(&x, err));
	write_zeros(&x);
	assert_ok(sink_finish(x.sink, false, &size, err));
	assert_int_equal(header_of(&x).e_phnum, 4);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(phdr_of(&x, i).p_vaddr, 0);
	fixture_deinit(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_runs),         cmocka_unit_test(too_many_runs),
		cmocka_unit_test(lost_pages),        cmocka_unit_test(all_is_lost),
		cmocka_unit_test(zeros_are_holes),   cmocka_unit_test(addresses),
		cmocka_unit_test(unknown_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
