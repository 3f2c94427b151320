// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/disk_fixture.h"

#include "base/sha256.h"
#include "storage/luks.h"

#define UUID "661f0f7b-5818-436f-ab5a-1c7d77619425"

/* As cryptsetup 2.6.1 writes it, without salts and digests. */
static const char json_text[] =
	"{\"keyslots\":{\"0\":{\"type\":\"luks2\",\"key_size\":64,\"af\":{\"type\":\"luks1\","
	"\"stripes\":4000,"
	"\"hash\":\"sha256\"},\"area\":{\"type\":\"raw\",\"offset\":\"32768\",\"size\":\"258048\","
	"\"encryption\":\"aes-xts-plain64\",\"key_size\":64},\"kdf\":{\"type\":\"argon2id\","
	"\"time\":4,"
	"\"memory\":65536,\"cpus\":2,\"salt\":\"gjEkCkKcjE0=\"}},"
	"\"1\":{\"type\":\"luks2\",\"key_size\":64,\"kdf\":{\"type\":\"argon2i\",\"time\":4,"
	"\"memory\":1048576 ,"
	"\"cpus\":2}},\"2\":{\"type\":\"luks2\",\"kdf\":{\"type\":\"pbkdf2\",\"iterations\":1000}},"
	"\"3\":{\"type\":\"reencrypt\",\"mode\":\"reencrypt\"}},\"tokens\":{},\"segments\":{\"0\":{"
	"\"type\":"
	"\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\",\"encryption\":"
	"\"aes-xts-plain64\",\"sector_size\":4096}},\"digests\":{},\"config\":{\"json_size\":"
	"\"12288\"}}";

static int parse(const char *json, struct luks *ret, struct err *err)
{
	return luks_parse((struct bytes){(const uint8_t *)json, strlen(json)}, ret, err);
}

TEST(the_costliest_slot_counts)
{
	struct luks l = {.version = 2};

	assert_ok(parse(json_text, &l, err));
	assert_int_equal(l.slots, 4);
	assert_int_equal(l.memory, 1048576);
	assert_false(l.integrity);
	assert_ok(parse("{\"keyslots\":{},\"segments\":{\"0\":{\"integrity\":{\"type\":\"hmac("
			"sha256)\"}}}}",
			&l, err));
	assert_int_equal(l.slots, 0);
	assert_int_equal(l.memory, 0);
	assert_true(l.integrity);
	assert_ok(parse(
		" { \"a\\\"}\" : [ {} , [ \"]\" ] ] , \"segments\" : { } , \"keyslots\" : { } } ",
		&l, err));
}

TEST(json_that_is_none)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"keyslots\":{}}",
		"{\"keyslots\":1,\"segments\":{}}",
		"{\"keyslots\":{\"0\"},\"segments\":{}}",
		"{\"keyslots\":{\"0\":},\"segments\":{}}",
		"{\"keyslots\":{},\"segments\":{\"0\":{}",
		"{\"keyslots\":{\"0\":{\"kdf\":{\"type\":\"argon2id\"}}},\"segments\":{}}",
		"{\"keyslots\":{\"0\":{\"kdf\":{\"type\":\"argon2id\",\"memory\":-1}}},"
		"\"segments\":{}}",
		"{\"keyslots\":{\"0\":{\"kdf\":{\"type\":\"argon2id\",\"memory\":99999999999}}},"
		"\"segments\":{}}",
		"{\"keyslots\":{\"0\":{\"kdf\":{\"type\":\"argon2id\",\"memory\":"
		"123456789012345678901234}}},"
		"\"segments\":{}}",
	};
	char deep[200];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct luks l = {.version = 7};

		assert_fails(parse(texts[i], &l, err), ERR_CORRUPT, "its header");
		assert_int_equal(l.version, 7);
	}
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	deep[sizeof(deep) - 1] = '\0';
	assert_fails(parse(deep, &(struct luks){0}, err), ERR_CORRUPT, "its header");
}

/* ---- on a disk */

static int read_disk(struct luks *ret, struct err *err)
{
	int fd = open("disk", O_RDONLY), r;

	assert_true(fd >= 0);
	r = luks_read(fd, DISK_SIZE, "disk", ret, err);
	close(fd);
	return r;
}

static void put_luks2(uint64_t size, const char *sum)
{
	_cleanup_free_ uint8_t *b = calloc(1, 16384);
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	assert_non_null(b);
	memcpy(b, "LUKS\xba\xbe\0\2", 8);
	PUT_BE64(b + 8, size);
	strcpy((char *)b + 72, sum);
	strcpy((char *)b + 168, UUID);
	strcpy((char *)b + 4096, json_text);
	sha256_init(&sha);
	sha256_update(&sha, b, 16384);
	sha256_final(&sha, digest);
	memcpy(b + 448, digest, sizeof(digest));
	disk_make("disk", DISK_SIZE);
	disk_put("disk", 0, b, 16384);
}

TEST(headers_are_read)
{
	uint8_t b[592] = "LUKS\xba\xbe\0\1";
	struct luks l;

	put_luks2(16384, "sha256");
	assert_ok(read_disk(&l, err));
	assert_int_equal(l.version, 2);
	assert_string_equal(l.uuid, UUID);
	assert_int_equal(l.memory, 1048576);
	strcpy((char *)b + 168, UUID);
	PUT_BE32(b + 208, 0x00ac71f3);
	PUT_BE32(b + 208 + 48, 0x0000dead);
	PUT_BE32(b + 208 + 96, 0x00ac71f3);
	disk_make("disk", DISK_SIZE);
	disk_put("disk", 0, b, sizeof(b));
	assert_ok(read_disk(&l, err));
	assert_int_equal(l.version, 1);
	assert_int_equal(l.slots, 2);
	assert_int_equal(l.memory, 0);
	assert_string_equal(l.uuid, UUID);
}

TEST(headers_that_are_none)
{
	struct luks l;

	disk_make("disk", DISK_SIZE);
	assert_fails(read_disk(&l, err), ERR_NOT_FOUND, "no LUKS header");
	put_luks2(16384, "sha256");
	disk_flip("disk", 5000);
	assert_fails(read_disk(&l, err), ERR_CORRUPT, "checksum");
	put_luks2(4096, "sha256");
	assert_fails(read_disk(&l, err), ERR_CORRUPT, "impossible size");
	put_luks2(UINT64_MAX, "sha256");
	assert_fails(read_disk(&l, err), ERR_CORRUPT, "impossible size");
	put_luks2(16384, "sha512");
	assert_fails(read_disk(&l, err), ERR_UNSUPPORTED, "not SHA-256");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_costliest_slot_counts),
		cmocka_unit_test(json_that_is_none),
		cmocka_unit_test_setup_teardown(headers_are_read, scratch_make, scratch_drop),
		cmocka_unit_test_setup_teardown(headers_that_are_none, scratch_make, scratch_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
