// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/raw_fixture.h"

#include <pthread.h>

#include "capture/salvage.h"

static const struct crashpart_part *part_of(const struct crashpart_entry *e, enum crash_file file)
{
	for (size_t i = 0; i < e->n_parts; i++)
		if (strcmp(e->parts[i].name, crash_file_name(file)) == 0)
			return &e->parts[i];
	fail_msg("there is no %s", crash_file_name(file));
	return NULL;
}

/* A committed file, as text. */
static const char *read_back(struct raw *r, enum crash_file file)
{
	static char text[1000];
	uint64_t offset, len;
	int fd;

	assert_ok(r->t.ops->open(&r->t, file, &fd, &offset, &len, err));
	assert_true(len < sizeof(text));
	assert_ok(io_pread_full(fd, text, len, offset, "raw", err));
	text[len] = '\0';
	close(fd);
	return text;
}

static void check_dump(struct raw *r)
{
	uint64_t offset, len;
	uint8_t *data;
	int fd;

	assert_ok(r->t.ops->open(&r->t, CRASH_DUMP, &fd, &offset, &len, err));
	assert_int_equal(len, RAW_DUMP);
	data = malloc(len);
	assert_ok(io_pread_full(fd, data, len, offset, "raw", err));
	for (size_t i = 0; i < len; i++)
		if (data[i] != raw_dump_byte(i))
			fail_msg("byte %zu is another one", i);
	free(data);
	close(fd);
}

TEST(a_whole_crash)
{
	struct raw_entries e;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	assert_int_equal(root_exists(&r.root, "/dev/raw"), true);
	assert_ok(r.t.ops->find(&r.t, err));
	assert_string_equal(r.place.device, "/dev/raw");
	raw_capture(&r, "the log\n");
	assert_string_equal(r.place.name, "entry 1");
	assert_string_equal(r.place.folder, "");
	assert_string_equal(read_back(&r, CRASH_LOG), "the log\n");
	check_dump(&r);
	assert_ok(r.t.ops->detach(&r.t, err));

	e = raw_walk("dev/raw");
	assert_int_equal(e.n, 1);
	assert_int_equal(e.list[0].state, CRASHPART_WHOLE);
	assert_true(e.list[0].crash_time == RAW_TIME && e.list[0].n_parts == CRASH_FILES);
	for (int file = 0; file < CRASH_FILES; file++)
		assert_true(part_of(&e.list[0], (enum crash_file)file)->digested);
	assert_int_equal(part_of(&e.list[0], CRASH_DUMP)->size, RAW_DUMP);
	/* it ends behind the dump, not at the end of the device */
	assert_true(e.end < 8 << 20);
	raw_deinit(&r);
}

/* The earlier one stays as it is, byte by byte. */
TEST(a_second_crash_goes_behind_the_first)
{
	static char before[RAW_SIZE], after[RAW_SIZE];
	struct raw_entries e;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "one\n");
	e = raw_walk("dev/raw");
	fd = open("dev/raw", O_RDONLY | O_CLOEXEC);
	assert_ok(io_pread_full(fd, before, e.end, 0, "raw", err));
	raw_capture(&r, "two\n");
	assert_string_equal(r.place.name, "entry 2");
	assert_ok(io_pread_full(fd, after, e.end, 0, "raw", err));
	close(fd);
	assert_memory_equal(before, after, e.end);
	assert_true(r.place.entry == e.end);
	e = raw_walk("dev/raw");
	assert_int_equal(e.n, 2);
	assert_int_equal(e.list[1].state, CRASHPART_WHOLE);
	assert_memory_not_equal(e.list[0].id, e.list[1].id, 16);
	raw_deinit(&r);
}

TEST(no_room_for_another_one)
{
	struct crashpart_entry entry;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "one\n");
	raw_capture(&r, "two\n");
	assert_int_equal(truncate("dev/raw", (off_t)raw_walk("dev/raw").end + (1 << 20) - 4096), 0);
	r.place.entry = 77;
	assert_fails(r.t.ops->begin(&r.t, RAW_TIME, err), ERR_NO_SPACE, "lifeboat collect");
	assert_int_equal(r.place.entry, 77);
	/* what was collected at the end of the store may be written over, nothing before */
	entry = raw_walk("dev/raw").list[0];
	fd = open("dev/raw", O_RDWR | O_CLOEXEC);
	assert_ok(salvage_mark(fd, &entry, "raw", err));
	assert_fails(r.t.ops->begin(&r.t, RAW_TIME, err), ERR_NO_SPACE, "2 crashes");
	entry = raw_walk("dev/raw").list[1];
	assert_ok(salvage_mark(fd, &entry, "raw", err));
	close(fd);
	raw_begin(&r);
	assert_int_equal(r.place.entry, 0);
	raw_deinit(&r);
}

/* It had all that was left, and a second crash before anything was collected had no room. */
TEST(an_entry_that_was_cut_off_does_not_keep_the_rest)
{
	struct raw_entries e;
	uint64_t offset, len;
	struct out *out;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "one\n");
	raw_begin(&r); /* and the power goes at once */
	offset = r.place.entry;
	raw_begin(&r);
	assert_int_equal(r.place.entry, offset);
	raw_put(&r, CRASH_LOG, "cut\n");
	out = raw_write_dump(&r, RAW_DUMP); /* and here in a dump */
	out->ops->abort(out);
	raw_capture(&r, "after\n");
	e = raw_walk("dev/raw");
	assert_int_equal(e.n, 3);
	assert_int_equal(e.list[0].state, CRASHPART_WHOLE);
	assert_int_equal(e.list[1].state, CRASHPART_PARTIAL);
	assert_int_equal(e.list[2].state, CRASHPART_WHOLE);
	assert_int_equal(e.list[1].end, e.list[1].offset + 2 * CRASHPART_BLOCK);
	assert_int_equal(e.list[1].parts[0].size, 4);
	assert_ok(r.t.ops->open(&r.t, CRASH_DUMP, &fd, &offset, &len, err));
	assert_int_equal(len, RAW_DUMP);
	close(fd);
	raw_deinit(&r);
}

TEST(small_devices)
{
	struct raw r;
	uint64_t space;

	raw_make_device(1 << 20);
	raw_init(&r);
	raw_begin(&r);
	assert_ok(r.t.ops->space(&r.t, &space, err));
	assert_true(space >= 400 << 10 && space < 1 << 20);
	raw_put(&r, CRASH_LOG, "log");
	raw_put(&r, CRASH_RECORD, "record");
	raw_put(&r, CRASH_DUMP, "dump");
	raw_put_manifest(&r);
	assert_ok(r.t.ops->seal(&r.t, true, err));
	assert_int_equal(raw_walk("dev/raw").list[0].state, CRASHPART_WHOLE);
	raw_make_device((1 << 20) - 4096);
	assert_ok(r.t.ops->attach(&r.t, err));
	assert_fails(r.t.ops->begin(&r.t, RAW_TIME, err), ERR_NO_SPACE, "0 crashes");
	raw_deinit(&r);
}

static void write_at(uint64_t at, const void *data, size_t len)
{
	int fd = open("dev/raw", O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, data, len, (off_t)at), len);
	close(fd);
}

TEST(what_belongs_to_somebody_is_refused)
{
	struct raw r;
	uint8_t ext4[2] = {0x53, 0xef};

	raw_init(&r);
	assert_fails(r.t.ops->attach(&r.t, err), ERR_NOT_FOUND, "/dev/raw");
	raw_make_device(RAW_SIZE);
	r.recipe.size = RAW_SIZE + 4096;
	assert_fails(r.t.ops->attach(&r.t, err), ERR_USAGE, "when the recipe was made");
	r.recipe.size = RAW_SIZE;
	assert_ok(r.t.ops->attach(&r.t, err));

	write_at(4095, "x", 1);
	assert_fails(r.t.ops->attach(&r.t, err), ERR_USAGE, "something unknown");
	raw_make_device(RAW_SIZE);
	write_at(4086, "SWAPSPACE2", 10);
	write_at(1024, "\1", 1);
	assert_fails(r.t.ops->attach(&r.t, err), ERR_USAGE, "");
	raw_make_device(RAW_SIZE);
	write_at(0, "LUKS\xba\xbe\0\1", 8);
	assert_fails(r.t.ops->attach(&r.t, err), ERR_USAGE, "holds ");

	/* a file system made over a store of ours: it leaves our header where it was */
	raw_make_device(RAW_SIZE);
	raw_capture(&r, "log");
	write_at(1024 + 56, ext4, 2);
	if (!r.t.ops->attach(&r.t, &(struct err){0}))
		fail_msg("an ext4 was taken for a store");
	raw_make_device(RAW_SIZE);
	raw_capture(&r, "log");
	write_at(100, "x", 1);
	assert_fails(r.t.ops->attach(&r.t, err), ERR_CORRUPT, "damaged");
	raw_deinit(&r);
}

/* Not one byte of what was on the device before is in a file. */
TEST(what_was_never_written_is_zeros)
{
	static uint8_t got[3 << 20];
	uint64_t offset, len, at[] = {5, 100000, 1 << 20, (2 << 20) + 4095};
	struct out *out;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	assert_ok(target_create(&r.t, CRASH_DUMP, &out, err));
	for (size_t i = 0; i < 4; i++)
		assert_ok(out->ops->pwrite(out, "abc", 3, at[i], err));
	assert_ok(out->ops->pwrite(out, "", 0, 99, err));
	assert_ok(out->ops->commit(out, err));
	assert_ok(r.t.ops->open(&r.t, CRASH_DUMP, &fd, &offset, &len, err));
	assert_int_equal(len, at[3] + 3);
	assert_ok(io_pread_full(fd, got, len, offset, "raw", err));
	close(fd);
	for (size_t i = 0; i < 4; i++) {
		assert_memory_equal(got + at[i], "abc", 3);
		memset(got + at[i], 0, 3);
	}
	for (size_t i = 0; i < len; i++)
		if (got[i])
			fail_msg("byte %zu is 0x%x", i, got[i]);
	raw_deinit(&r);
}

struct writer {
	struct out *out;
	size_t first;
};

/* Every fourth piece, of a size that is no block: neighbours share blocks. */
static void *write_pieces(void *arg)
{
	const struct writer *w = arg;
	uint8_t piece[1000];
	struct err err;

	for (size_t n = w->first; n < 2000; n += 4) {
		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = raw_dump_byte(n * sizeof(piece) + i);
		if (w->out->ops->pwrite(w->out, piece, sizeof(piece), n * sizeof(piece), &err))
			return (void *)1;
	}
	return NULL;
}

TEST(several_threads_write_beside_each_other)
{
	static uint8_t got[2000 * 1000];
	struct writer w[4];
	pthread_t threads[4];
	uint64_t offset, len;
	struct out *out;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	assert_ok(target_create(&r.t, CRASH_DUMP, &out, err));
	for (size_t i = 0; i < 4; i++) {
		w[i] = (struct writer){out, i};
		assert_int_equal(pthread_create(&threads[i], NULL, write_pieces, &w[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		void *bad;

		assert_int_equal(pthread_join(threads[i], &bad), 0);
		assert_null(bad);
	}
	assert_ok(out->ops->commit(out, err));
	assert_ok(r.t.ops->open(&r.t, CRASH_DUMP, &fd, &offset, &len, err));
	assert_int_equal(len, sizeof(got));
	assert_ok(io_pread_full(fd, got, len, offset, "raw", err));
	close(fd);
	for (size_t i = 0; i < len; i++)
		if (got[i] != raw_dump_byte(i))
			fail_msg("byte %zu is another one", i);
	raw_deinit(&r);
}

/* Large aligned pieces, as the filter writes them, and a block patched afterwards, as it does with its header. */
TEST(large_pieces_and_patches)
{
	uint8_t *data = NULL, got[8192];
	uint64_t offset, len;
	struct out *out;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	assert_int_equal(posix_memalign((void **)&data, 1 << 20, 1 << 20), 0);
	memset(data, 'd', 1 << 20);
	assert_ok(target_create(&r.t, CRASH_DUMP, &out, err));
	assert_ok(out->ops->pwrite(out, data, 1 << 20, 65536, err));
	assert_ok(out->ops->pwrite(out, "head", 4, 4090, err));
	assert_ok(out->ops->pwrite(out, "tail", 4, 65534, err));
	assert_ok(out->ops->sync(out, err));
	assert_ok(out->ops->pwrite(out, "HEAD", 4, 4090, err));
	assert_ok(out->ops->commit(out, err));
	free(data);
	assert_ok(r.t.ops->open(&r.t, CRASH_DUMP, &fd, &offset, &len, err));
	assert_int_equal(len, 65536 + (1 << 20));
	assert_ok(io_pread_full(fd, got, 8192, offset, "raw", err));
	assert_memory_equal(got + 4090, "HEAD", 4);
	assert_true(!got[0] && !got[4089] && !got[4094] && !got[8191]);
	assert_ok(io_pread_full(fd, got, 4, offset + 65534, "raw", err));
	assert_memory_equal(got, "tail", 4);
	assert_ok(io_pread_full(fd, got, 4, offset + len - 4, "raw", err));
	assert_memory_equal(got, "dddd", 4);
	close(fd);
	raw_deinit(&r);
}

TEST(no_file_is_larger_than_its_area)
{
	static char text[300 << 10];
	struct out *out;
	uint64_t space;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	assert_ok(r.t.ops->space(&r.t, &space, err));
	assert_true(space > RAW_SIZE / 2 && space < RAW_SIZE);
	assert_ok(target_create(&r.t, CRASH_DUMP, &out, err));
	assert_ok(out->ops->pwrite(out, "x", 1, space - 1, err));
	assert_fails(out->ops->pwrite(out, "xy", 2, space - 1, err), ERR_NO_SPACE, "/dev/raw");
	assert_fails(out->ops->pwrite(out, "x", 1, space, err), ERR_NO_SPACE, "vmcore");
	assert_fails(out->ops->pwrite(out, "x", 1, UINT64_MAX, err), ERR_NO_SPACE, "vmcore");
	out->ops->abort(out);
	memset(text, 'r', sizeof(text));
	assert_fails(target_put(&r.t, CRASH_RECORD, text, (128 << 10) + 1, err), ERR_NO_SPACE,
		     "crash.json");
	assert_ok(target_put(&r.t, CRASH_RECORD, text, 128 << 10, err));
	assert_ok(target_put(&r.t, CRASH_RECORD, text, 128 << 10, err));
	raw_deinit(&r);
}

TEST(aborted_and_left_files)
{
	const struct crashpart_part *part;
	struct raw_entries e;
	struct out *out;
	uint64_t offset, len;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	out = raw_write_dump(&r, RAW_DUMP);
	out->ops->abort(out);
	assert_fails(r.t.ops->open(&r.t, CRASH_DUMP, &fd, &offset, &len, err), ERR_NOT_FOUND,
		     "no vmcore");
	out = raw_write_dump(&r, 5000);
	out->ops->leave(out);
	assert_fails(r.t.ops->open(&r.t, CRASH_DUMP, &fd, &offset, &len, err), ERR_NOT_FOUND,
		     "no vmcore");
	raw_put(&r, CRASH_LOG, "log");
	raw_put_manifest(&r); /* does not name it */
	assert_ok(r.t.ops->seal(&r.t, true, err));
	e = raw_walk("dev/raw");
	part = part_of(&e.list[0], CRASH_DUMP);
	assert_true(part->size == 5000 && part->broken && !part->digested);
	assert_int_equal(e.list[0].state, CRASHPART_PARTIAL); /* whatever seal was told */
	raw_deinit(&r);
}

/* The next level, after one that was too large: what was kept of that one is gone. */
TEST(a_dump_is_written_again)
{
	struct raw_entries e;
	struct out *out;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	raw_put(&r, CRASH_LOG, "log");
	out = raw_write_dump(&r, 3000000);
	out->ops->leave(out);
	out = raw_write_dump(&r, RAW_DUMP);
	/* not yet committed, and no size in the header any more */
	e = raw_walk("dev/raw");
	assert_true(part_of(&e.list[0], CRASH_DUMP)->size == 0);
	assert_ok(out->ops->commit(out, err));
	check_dump(&r);
	raw_put_manifest(&r);
	assert_ok(r.t.ops->seal(&r.t, true, err));
	assert_int_equal(raw_walk("dev/raw").list[0].state, CRASHPART_WHOLE);
	raw_deinit(&r);
}

/* While a new record is written the old one counts. */
TEST(a_record_is_never_missing)
{
	struct out *out;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	raw_put(&r, CRASH_RECORD, "first");
	for (int i = 0; i < 3; i++) {
		assert_ok(target_create(&r.t, CRASH_RECORD, &out, err));
		assert_ok(out->ops->pwrite(out, "SECOND!", 7, 0, err));
		assert_ok(out->ops->sync(out, err));
		assert_string_equal(read_back(&r, CRASH_RECORD), "first");
		out->ops->abort(out);
	}
	raw_put(&r, CRASH_RECORD, "second");
	assert_string_equal(read_back(&r, CRASH_RECORD), "second");
	raw_put(&r, CRASH_RECORD, "3");
	assert_string_equal(read_back(&r, CRASH_RECORD), "3");
	raw_deinit(&r);
}

TEST(an_entry_with_nothing_in_it_goes)
{
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "one\n");
	raw_begin(&r);
	assert_ok(r.t.ops->seal(&r.t, false, err));
	assert_int_equal(raw_walk("dev/raw").n, 1);
	raw_begin(&r);
	assert_string_equal(r.place.name, "entry 2");
	raw_put(&r, CRASH_LOG, "just a log");
	assert_ok(r.t.ops->seal(&r.t, false, err));
	assert_int_equal(raw_walk("dev/raw").list[1].state, CRASHPART_PARTIAL);
	assert_true(raw_walk("dev/raw").end - r.place.entry == 8192);
	raw_deinit(&r);
}

/* A step that was given up on comes back late: what is sealed stays as it is. */
TEST(nothing_is_added_to_a_sealed_entry)
{
	struct crashpart_entry before;
	struct out *late, *out;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	raw_put(&r, CRASH_LOG, "log");
	late = raw_write_dump(&r, RAW_DUMP);
	assert_ok(r.t.ops->seal(&r.t, false, err));
	before = raw_walk("dev/raw").list[0];
	assert_fails(late->ops->commit(late, err), ERR_CORRUPT, "not one that is being written");
	assert_fails(target_create(&r.t, CRASH_LOG, &out, err), ERR_CORRUPT,
		     "not one that is being written");
	assert_int_equal(raw_walk("dev/raw").list[0].end, before.end);
	raw_deinit(&r);
}

/* Headers of an older store that nobody has written over: none of them becomes an entry again. */
TEST(old_headers_stay_dead)
{
	struct crashpart_entry old = {.state = CRASHPART_WHOLE};
	struct raw_entries e;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	for (uint64_t at = CRASHPART_BLOCK; at < RAW_SIZE; at += CRASHPART_BLOCK) {
		uint8_t block[CRASHPART_BLOCK];

		old.offset = at;
		old.end = at + CRASHPART_BLOCK;
		crashpart_encode(&old, block);
		write_at(at, block, sizeof(block));
	}
	raw_capture(&r, "one\n");
	assert_int_equal(raw_walk("dev/raw").n, 1);
	raw_begin(&r);
	raw_put(&r, CRASH_LOG, "two\n");
	assert_int_equal(raw_walk("dev/raw").n, 2);
	assert_ok(r.t.ops->seal(&r.t, false, err));
	e = raw_walk("dev/raw");
	assert_int_equal(e.n, 2);
	assert_string_equal(read_back(&r, CRASH_LOG), "two\n");
	raw_deinit(&r);
}

#define test(name) cmocka_unit_test_setup_teardown(name, raw_setup, scratch_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_whole_crash),
		test(a_second_crash_goes_behind_the_first),
		test(no_room_for_another_one),
		test(an_entry_that_was_cut_off_does_not_keep_the_rest),
		test(small_devices),
		test(what_belongs_to_somebody_is_refused),
		test(what_was_never_written_is_zeros),
		test(several_threads_write_beside_each_other),
		test(large_pieces_and_patches),
		test(no_file_is_larger_than_its_area),
		test(aborted_and_left_files),
		test(a_dump_is_written_again),
		test(a_record_is_never_missing),
		test(an_entry_with_nothing_in_it_goes),
		test(nothing_is_added_to_a_sealed_entry),
		test(old_headers_stay_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
