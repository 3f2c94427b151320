// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "base/sha256.h"
#include "format/crashpart.h"

#define DEVICE (16ULL << 20)

static struct crashpart_entry entry_at(uint64_t offset, uint64_t end, enum crashpart_state state)
{
	struct crashpart_entry e = {
		.state = state,
		.id = {1, 2, 3, [15] = 16},
		.crash_time = 1700000000,
		.offset = offset,
		.end = end,
		.parts =
			{{.name = "dmesg.txt",
			  .offset = offset + 4096,
			  .size = 100,
			  .sha256 = {[5] = 7},
			  .digested = true},
			 {.name = "vmcore", .offset = offset + 8192, .size = 4097, .broken = true}},
		.n_parts = 2,
	};
	return e;
}

static bool decode(const uint8_t *block, uint64_t at, struct crashpart_entry *ret)
{
	return crashpart_decode((struct bytes){block, CRASHPART_BLOCK}, at, DEVICE, ret);
}

/* Make the digest right again, so that what is behind it is looked at. */
static void redigest(uint8_t *block)
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, block, 480);
	sha256_final(&s, block + 480);
}

TEST(what_is_written_is_read)
{
	struct crashpart_entry e = entry_at(8192, 65536, CRASHPART_PARTIAL), got;
	uint8_t block[CRASHPART_BLOCK], again[CRASHPART_BLOCK];

	crashpart_encode(&e, block);
	assert_memory_equal(block, "LIFEBOAT\1\0\0\0\3\0\0\0\1\2\3", 19);
	assert_true(decode(block, 8192, &got));
	assert_int_equal(got.state, CRASHPART_PARTIAL);
	assert_memory_equal(got.id, e.id, 16);
	assert_true(got.crash_time == e.crash_time && got.offset == 8192 && got.end == 65536);
	assert_int_equal(got.n_parts, 2);
	assert_string_equal(got.parts[0].name, "dmesg.txt");
	assert_true(got.parts[0].digested && !got.parts[0].broken && got.parts[0].sha256[5] == 7);
	assert_true(!got.parts[1].digested && got.parts[1].broken && got.parts[1].size == 4097);
	crashpart_encode(&got, again);
	assert_memory_equal(block, again, sizeof(block));
}

/* A header at another place, a shorter device, any flipped bit: no entry. */
TEST(no_entry_unless_all_of_it_is_right)
{
	struct crashpart_entry e = entry_at(8192, 65536, CRASHPART_WHOLE), got;
	uint8_t block[CRASHPART_BLOCK];

	crashpart_encode(&e, block);
	assert_false(decode(block, 4096, &got));
	assert_false(crashpart_decode((struct bytes){block, CRASHPART_BLOCK}, 8192, 65535, &got));
	assert_false(
		crashpart_decode((struct bytes){block, CRASHPART_BLOCK - 1}, 8192, DEVICE, &got));
	for (size_t i = 0; i < sizeof(block); i++) {
		block[i] ^= 0x10;
		assert_false(decode(block, 8192, &got));
		block[i] ^= 0x10;
	}
	assert_true(decode(block, 8192, &got));
}

/* Of a right digest, but contradicting itself: what a hostile writer would make. */
TEST(contradictions_are_no_entry)
{
	static const struct {
		const char *what;
		size_t at, len;
		uint64_t value;
	} cases[] = {
		{"another version", 8, 4, 2},
		{"state 0", 12, 4, 0},
		{"an unknown state", 12, 4, 5},
		{"an end inside the header", 48, 8, 8192 + 4095},
		{"an end before the header", 48, 8, 4096},
		{"an end behind the device", 48, 8, DEVICE + 4096},
		{"an end that is no block", 48, 8, 65537},
		{"too many parts", 56, 4, 5},
		{"a broken part that is not there", 60, 4, 4},
		{"a hidden name", 64, 1, '.'},
		{"a name with a slash", 65, 1, '/'},
		{"no name", 64, 8, 0},
		{"a part in the header", 64 + 16, 8, 8192},
		{"a part at no block", 64 + 16, 8, 8192 + 4097},
		{"a part in the next one", 64 + 24, 8, 4097},
		{"a part as large as can be", 64 + 24, 8, UINT64_MAX},
		{"a part behind the end", 128 + 16, 8, 65536 + 4096},
		{"a part over the end", 128 + 24, 8, 65536},
		{"a part before the one before", 128 + 16, 8, 4096 + 8192 - 4096},
	};
	struct crashpart_entry e = entry_at(8192, 65536, CRASHPART_WHOLE), got;
	uint8_t block[CRASHPART_BLOCK];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = htole64(cases[i].value);

		crashpart_encode(&e, block);
		memcpy(block + cases[i].at, &value, cases[i].len);
		redigest(block);
		if (decode(block, 8192, &got))
			fail_msg("%s is taken for an entry", cases[i].what);
	}
	/* twice the same name, and one that is not terminated */
	crashpart_encode(&e, block);
	memcpy(block + 128, block + 64, 16);
	redigest(block);
	assert_false(decode(block, 8192, &got));
	crashpart_encode(&e, block);
	memset(block + 64, 'a', 16);
	redigest(block);
	assert_false(decode(block, 8192, &got));
}

struct seen {
	uint64_t at[8];
	int n, stop;
};

static int see(void *ctx, const struct crashpart_entry *entry, struct err *err)
{
	struct seen *seen = ctx;

	seen->at[seen->n++] = entry->offset;
	return seen->n == seen->stop ? err_set(err, ERR_USAGE, "enough") : 0;
}

TEST(a_store_is_walked_to_its_end)
{
	struct crashpart_entry e;
	struct seen seen = {0};
	struct memfile f;
	uint64_t end;

	memfile_write(&f, "", 0);
	assert_int_equal(ftruncate(f.fd, DEVICE), 0);
	assert_ok(crashpart_walk(f.fd, DEVICE, "raw", see, &seen, &end, err));
	assert_true(seen.n == 0 && end == 0);

	e = entry_at(0, 16384, CRASHPART_COLLECTED);
	assert_ok(crashpart_write(f.fd, &e, "raw", err));
	e = entry_at(16384, 65536, CRASHPART_WHOLE);
	assert_ok(crashpart_write(f.fd, &e, "raw", err));
	e = entry_at(65536 + 4096, 1 << 20, CRASHPART_WHOLE); /* not where the other one ends */
	assert_ok(crashpart_write(f.fd, &e, "raw", err));
	assert_ok(crashpart_walk(f.fd, DEVICE, "raw", see, &seen, &end, err));
	assert_true(seen.n == 2 && seen.at[1] == 16384 && end == 65536);
	assert_ok(crashpart_walk(f.fd, DEVICE, "raw", NULL, NULL, &end, err));

	seen = (struct seen){.stop = 1};
	end = 1;
	assert_fails(crashpart_walk(f.fd, DEVICE, "raw", see, &seen, &end, err), ERR_USAGE,
		     "enough");
	assert_int_equal(end, 1);

	assert_ok(crashpart_read(f.fd, 16384, DEVICE, "raw", &e, err));
	assert_int_equal(e.end, 65536);
	assert_ok(crashpart_erase(f.fd, 16384, "raw", err));
	assert_fails(crashpart_read(f.fd, 16384, DEVICE, "raw", &e, err), ERR_CORRUPT,
		     "no entry at 0x4000");
	assert_ok(crashpart_walk(f.fd, DEVICE, "raw", NULL, NULL, &end, err));
	assert_int_equal(end, 16384);
	memfile_close(&f);
}

/* A store that goes to the device's very end, and a device that is smaller than it says. */
TEST(the_end_of_the_device)
{
	struct crashpart_entry e = entry_at(0, DEVICE, CRASHPART_WRITING);
	struct memfile f;
	uint64_t end;

	memfile_write(&f, "", 0);
	assert_int_equal(ftruncate(f.fd, DEVICE), 0);
	assert_ok(crashpart_write(f.fd, &e, "raw", err));
	assert_ok(crashpart_walk(f.fd, DEVICE, "raw", NULL, NULL, &end, err));
	assert_int_equal(end, DEVICE);
	e.end = DEVICE - 4096;
	assert_ok(crashpart_write(f.fd, &e, "raw", err));
	assert_int_equal(ftruncate(f.fd, DEVICE / 2), 0);
	assert_fails(crashpart_walk(f.fd, DEVICE, "raw", NULL, NULL, &end, err), ERR_CORRUPT,
		     "raw: ends at");
	memfile_close(&f);
}

/* Thousands of smallest entries: the walk is bounded. */
TEST(no_more_than_so_many_entries)
{
	struct memfile f;
	uint64_t end;

	memfile_write(&f, "", 0);
	for (uint64_t i = 0; i < CRASHPART_MAX_ENTRIES + 10; i++) {
		struct crashpart_entry e = {
			.state = CRASHPART_PARTIAL, .offset = i * 4096, .end = i * 4096 + 4096};
		uint8_t block[CRASHPART_BLOCK];

		crashpart_encode(&e, block);
		assert_int_equal(pwrite(f.fd, block, sizeof(block), (off_t)e.offset), 4096);
	}
	assert_ok(crashpart_walk(f.fd, 1ULL << 30, "raw", NULL, NULL, &end, err));
	assert_int_equal(end, CRASHPART_MAX_ENTRIES * 4096ULL);
	memfile_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(no_entry_unless_all_of_it_is_right),
		cmocka_unit_test(contradictions_are_no_entry),
		cmocka_unit_test(a_store_is_walked_to_its_end),
		cmocka_unit_test(the_end_of_the_device),
		cmocka_unit_test(no_more_than_so_many_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
