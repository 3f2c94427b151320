// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/cpio.h"
#include "initramfs/inputs.h"
#include "tests/unit/unit.h"

static struct inputs sample(void)
{
	struct inputs in = {
		.tool = "test 1", .kernel = "9.9", .pack = "gzip", .packed = 12, .unpacked = 345};

	for (size_t i = 0; i < INPUTS_N_PARTS; i++)
		memset(in.part[i], (int)(0x10 + i), SHA256_SIZE);
	inputs_seal(&in);
	return in;
}

static void make_image(struct cpio *c, const char *text, struct bytes *ret)
{
	cpio_init(c);
	assert_ok(cpio_add_file(c, INPUTS_PATH, 0644,
				(struct bytes){(const uint8_t *)text, strlen(text)}, err));
	assert_ok(cpio_finish(c, ret, err));
}

TEST(test_round_trip)
{
	struct inputs in = sample(), out = {0};
	char text[INPUTS_MAX_SIZE], difference[INPUTS_DIFFERENCE];
	_cleanup_cpio_ struct cpio c;
	struct bytes image;

	size_t len = inputs_format(&in, text);

	assert_int_equal(len, strlen(text));
	make_image(&c, text, &image);
	assert_ok(inputs_read(image, &out, err));
	assert_memory_equal(&in, &out, sizeof(in));
	assert_string_equal(inputs_difference(&in, &out, difference), "");
}

TEST(test_difference)
{
	struct inputs was = sample(), now = sample();
	char difference[INPUTS_DIFFERENCE];

	now.packed = 99; /* not an input */
	inputs_seal(&now);
	assert_memory_equal(was.digest, now.digest, SHA256_SIZE);
	now.part[INPUTS_FIRMWARE][31] ^= 1;
	now.part[INPUTS_RECIPE][0] ^= 1;
	strcpy(now.kernel, "9.10");
	inputs_seal(&now);
	assert_memory_not_equal(was.digest, now.digest, SHA256_SIZE);
	assert_string_equal(inputs_difference(&was, &now, difference),
			    "recipe, firmware, kernel (9.9, now 9.10)");
}

static void refuse(const char *text, int code, const char *part)
{
	_cleanup_cpio_ struct cpio c;
	struct bytes image;
	struct inputs out;

	make_image(&c, text, &image);
	assert_fails(inputs_read(image, &out, err), code, part);
}

TEST(test_damaged)
{
	struct inputs in = sample(), out;
	char text[INPUTS_MAX_SIZE], bad[INPUTS_MAX_SIZE + 8];
	_cleanup_cpio_ struct cpio c;
	struct bytes image;
	size_t len = inputs_format(&in, text);

	for (size_t cut = 1; cut <= len; cut++) {
		strcpy(bad, text);
		bad[len - cut] = 0;
		refuse(bad, ERR_CORRUPT, INPUTS_PATH);
	}
	snprintf(bad, sizeof(bad), "%sx", text);
	refuse(bad, ERR_CORRUPT, "is damaged");
	strcpy(bad, text);
	*strstr(bad, "9.9") = '8';
	refuse(bad, ERR_CORRUPT, "does not have its own digest");
	refuse("schema = lifeboat-inputs-9\n", ERR_CORRUPT, "has schema 'lifeboat-inputs-9'");

	make_image(&c, text, &image);
	for (size_t cut = 0; cut < image.len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		struct err err = {0};

		memcpy(copy, image.data, cut);
		if (inputs_read((struct bytes){copy, cut}, &out, &err))
			assert_int_equal(err.code, ERR_NOT_FOUND);
		else
			assert_true(cut > len);
		free(copy);
	}
	assert_fails(inputs_read((struct bytes){(const uint8_t *)"\x1f\x8b", 2}, &out, err),
		     ERR_NOT_FOUND, "has no " INPUTS_PATH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_difference),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
