// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/lvm_fixture.h"

#include "storage/lvm.h"

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static struct lvm_guard guard_of(const char *text, const char *uuid)
{
	struct lvm_guard guard;

	assert_ok(lvm_guard(bytes_of(text), uuid, &guard, err));
	return guard;
}

/* Does this change of the text change what guards the volume? */
static bool matters(const char *uuid, const char *from, const char *to)
{
	char *text = lvm_changed(from, to);
	struct lvm_guard a = guard_of(lvm_text, uuid), b = guard_of(text, uuid);

	free(text);
	return strcmp(a.digest, b.digest) != 0;
}

TEST(a_volume_is_guarded)
{
	struct lvm_guard guard = guard_of(lvm_text, LVM_LINEAR);

	assert_string_equal(guard.vg, LVM_VG);
	assert_string_equal(guard.vg_name, "vg0");
	assert_int_equal(guard.seqno, 8);
	assert_int_equal(strlen(guard.digest), 64);
	assert_string_not_equal(guard.digest, guard_of(lvm_text, LVM_STRIPED).digest);
	/* the parts of a pool are volumes, and the pool is what its parts are, too */
	assert_string_not_equal(guard_of(lvm_text, LVM_POOL).digest,
				guard_of(lvm_text, LVM_TDATA).digest);
}

TEST(what_moves_it_matters)
{
	assert_true(matters(LVM_LINEAR, LVM_TEXT_LINEAR, "stripes = [\n\"pv1\", 9\n]\n"));
	assert_true(matters(LVM_LINEAR, LVM_TEXT_LINEAR, "stripes = [\n\"pv0\", 0\n]\n"));
	assert_true(matters(LVM_LINEAR, "extent_count = 2", "extent_count = 3"));
	assert_true(matters(LVM_LINEAR, "extent_size = 8192", "extent_size = 4096"));
	assert_true(matters(LVM_LINEAR, LVM_PV1, "zzzzzz-rCjs-PfvB-DBy2-sYUL-qQRJ-zH8Oyq"));
	/* of a thin volume that is what its pool is made of */
	assert_true(matters(LVM_THIN, "\"pv0\", 2", "\"pv0\", 3"));
	assert_true(matters(LVM_THIN, "\"pv1\", 2", "\"pv1\", 3"));
	assert_true(matters(LVM_THIN, "device_id = 1", "device_id = 2"));
	assert_true(matters(LVM_POOL, "chunk_size = 128", "chunk_size = 256"));
}

TEST(what_happens_to_others_does_not)
{
	assert_false(matters(LVM_LINEAR, LVM_TEXT_STRIPED, ""));
	assert_false(matters(LVM_LINEAR, "seqno = 8", "seqno = 9"));
	assert_false(matters(LVM_LINEAR, "device_id = 1", "device_id = 2"));
	assert_false(matters(LVM_LINEAR, "status = [\"ALLOCATABLE\"]", "status = []"));
	assert_false(matters(LVM_LINEAR, "device = \"/dev/vdb\"", "device = \"/dev/sdx\""));
	/* another thin volume of the same pool */
	assert_false(matters(LVM_THIN, "transaction_id = 1", "transaction_id = 2"));
	assert_false(matters(LVM_LINEAR, "creation_time = 1795432452\n",
			     "creation_time = 1795432452\ntags = [\"x\"]\n") &&
		     matters(LVM_LINEAR, "flags = []\ncreation", "tags = [\"x\"]\ncreation"));
}

/* Names of physical volumes are only those of one version of the text. */
TEST(other_names_of_the_same_disks)
{
	char *text = lvm_changed("pv1 {", "pv7 {");
	char *at = strstr(text, "\"pv1\", 0\n]");
	struct lvm_guard was = guard_of(lvm_text, LVM_LINEAR), now;

	at[3] = '7';
	now = guard_of(text, LVM_LINEAR);
	assert_string_equal(was.digest, now.digest);
	free(text);
}

static void check_refused(const char *text, const char *uuid, int code, const char *why)
{
	struct lvm_guard guard;

	assert_fails(lvm_guard(bytes_of(text), uuid, &guard, err), code, why);
}

TEST(groups_that_are_none)
{
	static const char *const texts[] = {
		"",      "vg0", "vg0 {",      "vg0 }", "vg0 { id = \"x\"",
		"= = =", "\"",  "vg0 { id }", "{{{{",  "vg0 { id = [ \"x\" ] }",
		"#"};
	char *text = lvm_changed("TKCTp5", "XXXXXX");

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_refused(texts[i], LVM_LINEAR, ERR_CORRUPT, "");
	check_refused(text, LVM_LINEAR, ERR_CORRUPT, "vg0: it has no such logical volume");
	free(text);
	text = lvm_changed("3VhO1i", "XXXXXX");
	check_refused(text, LVM_LINEAR, ERR_CORRUPT, "another volume group");
	free(text);
	text = lvm_changed("seqno = 8", "seqno = x");
	check_refused(text, LVM_LINEAR, ERR_USAGE, "x");
	free(text);
	check_refused(lvm_text, "CRYPT-LUKS2-1", ERR_USAGE, "no uuid of a logical volume");
	assert_true(lvm_is_volume(LVM_POOL));
	assert_false(lvm_is_volume("LVM-short"));
	/* deeper than any real one, and without end */
	text = malloc(100001);
	memset(text, '{', 100000);
	text[100000] = '\0';
	check_refused(text, LVM_LINEAR, ERR_CORRUPT, "");
	free(text);
}

/* ---- on a disk */

static int read_disk(char **text, size_t *len, struct err *err)
{
	int fd = open("disk", O_RDONLY), r;

	assert_true(fd >= 0);
	r = lvm_read(fd, DISK_SIZE, "disk", text, len, err);
	close(fd);
	return r;
}

static void make_disk(uint64_t offset)
{
	disk_make("disk", DISK_SIZE);
	lvm_put("disk", "OQ1nWsToc015TpU0QOFlvodiL9czuH0Z", lvm_text, offset);
}

TEST(metadata_is_read)
{
	/* at the start of its ring, and around its end */
	static const uint64_t offsets[] = {512, 4096, LVM_AREA_SIZE - 512, LVM_AREA_SIZE - 1};

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		char *text = NULL;
		size_t len = 0;

		make_disk(offsets[i]);
		assert_ok(read_disk(&text, &len, err));
		assert_int_equal(len, sizeof(lvm_text));
		assert_string_equal(text, lvm_text);
		free(text);
	}
}

static void put_area(uint64_t at, uint64_t value)
{
	uint8_t area[512];
	int fd = open("disk", O_RDONLY);

	assert_int_equal(pread(fd, area, sizeof(area), LVM_AREA), sizeof(area));
	close(fd);
	PUT(area + at, value);
	PUT(area, lvm_crc(area + 4, sizeof(area) - 4));
	disk_put("disk", LVM_AREA, area, sizeof(area));
}

TEST(metadata_that_is_damaged)
{
	char *text = NULL;
	size_t len;

	disk_make("disk", DISK_SIZE);
	assert_fails(read_disk(&text, &len, err), ERR_NOT_FOUND, "no physical volume");
	make_disk(512);
	disk_flip("disk", 600);
	assert_fails(read_disk(&text, &len, err), ERR_CORRUPT, "checksum of its label");
	make_disk(512);
	disk_flip("disk", LVM_AREA + 30);
	assert_fails(read_disk(&text, &len, err), ERR_CORRUPT, "header of a metadata area");
	make_disk(512);
	disk_flip("disk", LVM_AREA + 512 + 100);
	assert_fails(read_disk(&text, &len, err), ERR_CORRUPT, "checksum of its metadata");
	make_disk(512);
	put_area(40, 0);
	assert_fails(read_disk(&text, &len, err), ERR_NOT_FOUND, "holds no metadata");
	make_disk(512);
	put_area(40, 100);
	assert_fails(read_disk(&text, &len, err), ERR_CORRUPT, "outside of its area");
	make_disk(512);
	put_area(48, UINT64_MAX);
	assert_fails(read_disk(&text, &len, err), ERR_CORRUPT, "outside of its area");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_volume_is_guarded),
		cmocka_unit_test(what_moves_it_matters),
		cmocka_unit_test(what_happens_to_others_does_not),
		cmocka_unit_test(other_names_of_the_same_disks),
		cmocka_unit_test(groups_that_are_none),
		cmocka_unit_test_setup_teardown(metadata_is_read, scratch_make, scratch_drop),
		cmocka_unit_test_setup_teardown(metadata_that_is_damaged, scratch_make,
						scratch_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
