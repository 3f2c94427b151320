// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "format/note.h"

/* Two notes: "CORE" type 1 with 5 bytes (3 of padding), "VMCOREINFO" type 0 with 4. */
static const uint8_t two[] = {
	5,   0,   0,   0,    5,   0,   0,   0,   1,   0,   0, 0, /* header at 0 */
	'C', 'O', 'R', 'E',  0,   0,   0,   0,                   /* name at 12 */
	1,   2,   3,   4,    5,   0,   0,   0,                   /* desc at 20 */
	11,  0,   0,   0,    4,   0,   0,   0,   0,   0,   0, 0, /* header at 28 */
	'V', 'M', 'C', 'O',  'R', 'E', 'I', 'N', 'F', 'O', 0, 0, /* name at 40 */
	'A', '=', '1', '\n',                                     /* desc at 52 */
};

TEST(walks_all_notes)
{
	struct bytes b = {two, sizeof(two)};
	bool more = false;
	struct note n;
	size_t off = 0;

	assert_ok(note_next(b, &off, &n, &more, err));
	assert_true(more);
	assert_int_equal(n.type, 1);
	assert_int_equal(n.name.len, 4);
	assert_memory_equal(n.name.data, "CORE", 4);
	assert_int_equal(n.desc.len, 5);
	assert_int_equal(n.desc_off, 20);
	assert_int_equal(off, 28);
	assert_ok(note_next(b, &off, &n, &more, err));
	assert_true(more);
	assert_int_equal(n.desc_off, 52);
	assert_memory_equal(n.desc.data, "A=1\n", 4);
	assert_ok(note_next(b, &off, &n, &more, err));
	assert_false(more);
	assert_int_equal(n.desc_off, 52); /* untouched at the end */
}

TEST(finds_by_name_and_type)
{
	struct bytes b = {two, sizeof(two)};
	struct note n = {0};

	assert_ok(note_find(b, "VMCOREINFO", NOTE_TYPE_VMCOREINFO, &n, err));
	assert_int_equal(n.desc_off, 52);
	assert_fails(note_find(b, "CORE", 2, &n, err), ERR_NOT_FOUND, "no note CORE of type 2");
	assert_fails(note_find(b, "COR", 1, &n, err), ERR_NOT_FOUND, "no note COR ");
	assert_fails(note_find((struct bytes){0}, "CORE", 1, &n, err), ERR_NOT_FOUND, "no note");
}

TEST(a_zero_header_ends_the_list)
{
	static const uint8_t zero[40];
	struct bytes b = {zero, sizeof(zero)};
	bool more = true;
	struct note n;
	size_t off = 0;

	assert_ok(note_next(b, &off, &n, &more, err));
	assert_false(more);
}

/* Cut anywhere: an error or fewer notes, never a read behind the end (the sanitizer sees those). */
TEST(cut_at_every_byte)
{
	for (size_t len = 0; len < sizeof(two); len++) {
		uint8_t *copy = malloc(len ? len : 1);
		struct bytes b = {copy, len};
		struct note n = {0};
		struct err err;
		int r;

		memcpy(copy, two, len);
		r = note_find(b, "VMCOREINFO", 0, &n, &err);
		/* not only the padding of the first descriptor may be missing */
		assert_int_equal(r, len == 0 || (len >= 25 && len <= 28) ? ERR_NOT_FOUND
									 : ERR_CORRUPT);
		free(copy);
	}
}

TEST(sizes_that_lie_are_named)
{
	uint8_t bad[sizeof(two)];
	struct bytes b = {bad, sizeof(bad)};
	struct note n;

	memcpy(bad, two, sizeof(bad));
	memset(bad + 32, 0xff, 4);
	assert_fails(note_find(b, "X", 0, &n, err), ERR_CORRUPT,
		     "note at offset 28: name of 11 and descriptor of 4294967295 bytes");
	memcpy(bad, two, sizeof(bad));
	memset(bad, 0xff, 8);
	assert_fails(note_find(b, "X", 0, &n, err), ERR_CORRUPT,
		     "note at offset 0: name of 4294967295 and descriptor of 4294967295 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_all_notes),
		cmocka_unit_test(finds_by_name_and_type),
		cmocka_unit_test(a_zero_header_ends_the_list),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(sizes_that_lie_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
