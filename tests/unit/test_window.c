// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/window.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/num.h"
#include "filter/filter.h"
#include "tests/unit/fake_out.h"
#include "tests/unit/unit.h"
#include "tests/unit/vmcore_file.h"

enum { PAGE = 4096, SIZE = 6 << 20 };

/* What the system calls in front of libc's do for the code under test. */
static struct {
	bool procfs;           /* all files are on procfs */
	bool mmap_refuses;     /* of files */
	unsigned int mapped;   /* pieces of files */
	unsigned int reads;    /* calls of pread() */
	uint64_t bytes;        /* that these gave */
	unsigned int failed;   /* and calls that were an I/O error */
	uint64_t bad, bad_end; /* reading these bytes of a file is an I/O error */
	bool changing;         /* what is read of files changes now and then */
	uint64_t seed;
} calls;

static uint64_t random64(void)
{
	calls.seed ^= calls.seed << 13;
	calls.seed ^= calls.seed >> 7;
	calls.seed ^= calls.seed << 17;
	return calls.seed;
}

int fstatfs(int fd, struct statfs *buf)
{
	int r = (int)syscall(SYS_fstatfs, fd, buf);

	if (calls.procfs)
		buf->f_type = PROC_SUPER_MAGIC;
	return r;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	if (fd >= 0 && calls.mmap_refuses) {
		errno = ENODEV;
		return MAP_FAILED;
	}
	calls.mapped += fd >= 0;
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
}

ssize_t pread(int fd, void *buf, size_t len, off_t off)
{
	ssize_t n;

	calls.reads++;
	if ((uint64_t)off < calls.bad_end && (uint64_t)off + len > calls.bad) {
		if ((uint64_t)off >= calls.bad) {
			calls.failed++;
			errno = EIO;
			return -1;
		}
		len = calls.bad - (uint64_t)off; /* a short read: the error comes with the next */
	}
	n = syscall(SYS_pread64, fd, buf, len, off);
	calls.bytes += n > 0 ? (uint64_t)n : 0;
	for (ssize_t i = 0; calls.changing && i + 8 <= n; i += 8)
		if (random64() % 64 == 0)
			((uint8_t *)buf)[(uint64_t)i + random64() % 8] ^=
				(uint8_t)(1U << random64() % 8);
	return n;
}

static int reset(void **state)
{
	(void)state;
	memset(&calls, 0, sizeof(calls));
	return 0;
}

static uint8_t pattern(uint64_t at)
{
	return (uint8_t)(at ^ at >> 8 ^ at >> 16);
}

/* An open file of SIZE bytes. */
static struct input *make_input(struct memfile *file)
{
	uint8_t *data = malloc(SIZE);
	struct input *in = NULL;

	for (uint64_t i = 0; i < SIZE; i++)
		data[i] = pattern(i);
	memfile_write(file, data, SIZE);
	free(data);
	assert_ok(input_create(dup(file->fd), &in, err));
	return in;
}

/* The byte at `at` is in the piece, the piece in the limits, and all of it is as it should be. */
static void assert_piece(const struct window_piece *p, const struct range *limits, uint64_t at)
{
	assert_true(p->off <= at && at - p->off < p->len);
	assert_true(p->off >= limits->start && p->off + p->len <= limits->end);
	for (size_t i = 0; i < p->len; i++)
		if (p->data[i] != pattern(p->off + i))
			fail_msg("byte 0x%zx of the piece at 0x%" PRIx64, i, p->off);
}

/* Walk through the limits; the number of pieces that it takes. */
static unsigned int walk(const struct input *in, struct range limits)
{
	struct window w = {0};
	struct window_piece p;
	unsigned int n = 0;

	for (uint64_t at = limits.start; at < limits.end; at = p.off + p.len, n++) {
		assert_ok(window_move(&w, in, &limits, at, &p, err));
		assert_piece(&p, &limits, at);
	}
	window_deinit(&w);
	return n;
}

TEST(a_regular_file_is_read_in_growing_pieces)
{
	struct memfile file;
	struct input *in = make_input(&file);

	assert_int_equal(walk(in, (struct range){0, 3 * PAGE}), 2);
	assert_true(walk(in, (struct range){0, SIZE}) < SIZE / (256 << 10) + 6);
	walk(in, (struct range){0x1234, 0x1235});
	walk(in, (struct range){0x1fff, SIZE - 77});
	assert_int_equal(calls.mapped, 0);
	input_destroy(in);
	memfile_close(&file);
}

/* Where one page of many is wanted, not much more than that is read. */
TEST(scattered_pages_are_read_singly)
{
	struct range limits = {0, SIZE};
	struct window w = {0};
	struct memfile file;
	struct input *in = make_input(&file);

	for (uint64_t at = 0; at < SIZE; at += 16 * PAGE) {
		struct window_piece p;

		assert_ok(window_move(&w, in, &limits, at, &p, err));
		assert_piece(&p, &limits, at);
		assert_int_equal(p.len, PAGE);
	}
	window_deinit(&w);
	input_destroy(in);
	memfile_close(&file);
}

TEST(a_file_of_procfs_is_mapped)
{
	struct memfile file;
	struct input *in;

	calls.procfs = true;
	in = make_input(&file);
	calls.reads = 0;
	assert_int_equal(walk(in, (struct range){0, SIZE}), 2);
	assert_int_equal(walk(in, (struct range){0x1234, 0x1235}), 1);
	assert_int_equal(walk(in, (struct range){(4 << 20) - 1, (4 << 20) + 1}), 2);
	assert_int_equal(calls.mapped, 5);
	assert_int_equal(calls.reads, 0);
	input_destroy(in);
	memfile_close(&file);
}

/* /proc/vmcore of old kernels has no mmap, /proc/kcore never has. */
TEST(what_cannot_be_mapped_is_read)
{
	struct memfile file;
	struct input *in;

	calls.procfs = calls.mmap_refuses = true;
	in = make_input(&file);
	walk(in, (struct range){0x1fff, SIZE - 77});
	assert_int_equal(calls.mapped, 0);
	input_destroy(in);
	memfile_close(&file);
}

/* How many of the file's pages a walk cannot have; each that it has is as it should be. */
static uint64_t count_lost(const struct input *in)
{
	struct range limits = {0, SIZE};
	struct window w = {0};
	uint64_t lost = 0;

	for (uint64_t at = 0; at < SIZE;) {
		struct window_piece p;
		struct err ignored;

		if (window_move(&w, in, &limits, at, &p, &ignored)) {
			lost++;
			at += PAGE;
			continue;
		}
		assert_piece(&p, &limits, at);
		at = p.off + p.len;
	}
	window_deinit(&w);
	return lost;
}

TEST(an_io_error_costs_its_page)
{
	struct memfile file;
	struct input *in = make_input(&file);

	for (uint64_t bad = 0; bad < 700 * PAGE; bad += 33 * PAGE) {
		calls.bad = bad + 100;
		calls.bad_end = calls.bad + 1;
		calls.bytes = calls.failed = 0;
		assert_int_equal(count_lost(in), 1);
		/* nor is everything before it read again and again */
		assert_in_range(calls.bytes, SIZE - PAGE, SIZE + (1 << 20));
		assert_in_range(calls.failed, 1, 2);
		calls.bad_end = calls.bad + 2 * PAGE;
		assert_int_equal(count_lost(in), 3);
	}
	input_destroy(in);
	memfile_close(&file);
}

/* A mapping of it would be the end of the process: SIGBUS. */
TEST(a_file_that_was_cut_meanwhile_costs_what_was_cut)
{
	struct memfile file;
	struct input *in = make_input(&file);

	assert_int_equal(count_lost(in), 0);
	assert_int_equal(ftruncate(file.fd, 1000 * PAGE), 0);
	assert_int_equal(count_lost(in), SIZE / PAGE - 1000);
	assert_int_equal(ftruncate(file.fd, 999 * PAGE + 1), 0);
	assert_int_equal(count_lost(in), SIZE / PAGE - 999);
	input_destroy(in);
	memfile_close(&file);
}

/* ---- a whole vmcore */

struct vmcore {
	struct memfile file;
	struct source *src;
	struct image *img;
};

static void open_vmcore(struct vmcore *v, const struct source_options *options)
{
	static const struct vmcore_file machine = {.noise = 1 << 20};

	memfile_write(&v->file, "", 0);
	vmcore_write(&machine, v->file.path);
	assert_ok(source_open_with(v->file.path, options, &v->src, err));
	assert_ok(image_create(v->src, &v->img, err));
}

static void close_vmcore(struct vmcore *v)
{
	image_destroy(v->img);
	source_destroy(v->src);
	memfile_close(&v->file);
}

static void filter(const struct vmcore *v, unsigned int level, struct filter_stats *ret)
{
	const struct filter_options options = {.level = level, .threads = 1};
	struct fake_out *o = fake_out_create(0);

	assert_ok(filter_run(v->img, &options, &o->out, ret, err));
	fake_out_destroy(o);
}

TEST(no_mmap)
{
	struct filter_stats stats;
	struct vmcore v;

	calls.procfs = true;
	open_vmcore(&v, &(struct source_options){0});
	calls.mapped = 0;
	filter(&v, 0, &stats);
	assert_true(calls.mapped > 0);
	close_vmcore(&v);
	open_vmcore(&v, &(struct source_options){.no_mmap = true});
	calls.mapped = 0;
	filter(&v, 0, &stats);
	assert_int_equal(calls.mapped, 0);
	assert_int_equal(stats.written + stats.shared, 512);
	close_vmcore(&v);
}

TEST(the_filter_loses_what_cannot_be_read)
{
	struct filter_stats stats;
	struct vmcore v;

	open_vmcore(&v, &(struct source_options){0});
	calls.bad = VMCORE_DATA + (1 << 20);
	calls.bad_end = calls.bad + 2 * PAGE;
	filter(&v, 0, &stats);
	assert_int_equal(stats.lost, 2);
	assert_int_equal(stats.written + stats.shared, 510);
	calls.bad_end = 0;
	assert_int_equal(ftruncate(v.file.fd, VMCORE_DATA + 300 * PAGE), 0);
	filter(&v, 0, &stats);
	assert_int_equal(stats.lost, 212);
	assert_int_equal(stats.written + stats.shared, 300);
	close_vmcore(&v);
}

/* Struct pages that cannot be read keep their pages. */
TEST(the_filter_keeps_what_it_cannot_judge)
{
	struct filter_stats stats;
	struct vmcore v;

	open_vmcore(&v, &(struct source_options){0});
	calls.bad = VMCORE_DATA + VM_MEM_MAP;
	calls.bad_end = calls.bad + PAGE;
	filter(&v, 31, &stats);
	assert_int_equal(stats.unknown, PAGE / VM_PAGE_SIZE);
	assert_int_equal(stats.lost, 1); /* the page that they are in */
	close_vmcore(&v);
}

/* /proc/kcore: every look at page tables, mem_section and struct pages may show something else. */
TEST(memory_that_changes_while_it_is_counted)
{
	const struct filter_options options = {.level = 31, .threads = 1};
	unsigned int counted = 0;
	struct vmcore v;

	open_vmcore(&v, &(struct source_options){0});
	calls.seed = 42;
	calls.changing = true;
	for (int i = 0; i < 300; i++) {
		struct filter_stats stats;
		uint64_t sum = 0;
		struct err err;

		if (filter_count(v.img, &options, &stats, &err)) {
			assert_int_not_equal(err.code, 0);
			continue;
		}
		for (int c = 0; c < PAGE_CLASSES; c++)
			sum += stats.class_pages[c];
		assert_int_equal(stats.pages, 512);
		assert_int_equal(sum, 512);
		counted++;
	}
	assert_in_range(counted, 1, 300);
	calls.changing = false;
	close_vmcore(&v);
}

TEST(counting_agrees_with_filtering)
{
	struct filter_stats counted, filtered;
	const struct filter_options options = {.level = 31, .threads = 1};
	struct vmcore v;

	open_vmcore(&v, &(struct source_options){0});
	filter(&v, 31, &filtered);
	assert_ok(filter_count(v.img, &options, &counted, err));
	assert_int_equal(counted.pages, 512);
	assert_memory_equal(counted.class_pages, filtered.class_pages, sizeof(counted.class_pages));
	assert_memory_equal(counted.dropped, filtered.dropped, sizeof(counted.dropped));
	assert_int_equal(counted.written + counted.zero + counted.file_bytes, 0);
	assert_fails(filter_count(v.img, &(struct filter_options){.level = 32, .threads = 1},
				  &counted, err),
		     ERR_USAGE, "dump level 32");
	close_vmcore(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_regular_file_is_read_in_growing_pieces, reset),
		cmocka_unit_test_setup(scattered_pages_are_read_singly, reset),
		cmocka_unit_test_setup(a_file_of_procfs_is_mapped, reset),
		cmocka_unit_test_setup(what_cannot_be_mapped_is_read, reset),
		cmocka_unit_test_setup(an_io_error_costs_its_page, reset),
		cmocka_unit_test_setup(a_file_that_was_cut_meanwhile_costs_what_was_cut, reset),
		cmocka_unit_test_setup(no_mmap, reset),
		cmocka_unit_test_setup(the_filter_loses_what_cannot_be_read, reset),
		cmocka_unit_test_setup(the_filter_keeps_what_it_cannot_judge, reset),
		cmocka_unit_test_setup(memory_that_changes_while_it_is_counted, reset),
		cmocka_unit_test_setup(counting_agrees_with_filtering, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
