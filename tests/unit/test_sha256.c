// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "base/sha256.h"

static void digest_of(const void *data, size_t len, uint8_t ret[SHA256_SIZE])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, data, len);
	sha256_final(&s, ret);
}

static void check_hex(const uint8_t digest[SHA256_SIZE], const char *want)
{
	char hex[2 * SHA256_SIZE + 1];

	for (int i = 0; i < SHA256_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(hex, want);
}

/* FIPS 180-2, appendix B, and NIST's vectors for the lengths 0 and 896 bits. */
TEST(published_vectors)
{
	static const struct {
		const char *message, *digest;
	} vectors[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		 "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		 "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	};
	uint8_t digest[SHA256_SIZE];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		digest_of(vectors[i].message, strlen(vectors[i].message), digest);
		check_hex(digest, vectors[i].digest);
	}
}

TEST(a_million_times_a)
{
	uint8_t piece[1000], digest[SHA256_SIZE];
	struct sha256 s;

	memset(piece, 'a', sizeof(piece));
	sha256_init(&s);
	for (int i = 0; i < 1000; i++)
		sha256_update(&s, piece, sizeof(piece));
	sha256_final(&s, digest);
	check_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* However a message is cut, and wherever it lies, the digest is that of the whole. */
TEST(any_chunks_give_the_digest_of_the_whole)
{
	static const size_t chunks[] = {1, 3, 7, 55, 56, 63, 64, 65, 127, 128, 129, 200};
	uint8_t message[1000], whole[SHA256_SIZE], digest[SHA256_SIZE];
	struct sha256 s;

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7 + i / 256);
	digest_of(message + 1, sizeof(message) - 1, whole);
	for (size_t c = 0; c < sizeof(chunks) / sizeof(*chunks); c++) {
		sha256_init(&s);
		for (size_t at = 1; at < sizeof(message); at += chunks[c]) {
			size_t rest = sizeof(message) - at;

			sha256_update(&s, NULL, 0);
			sha256_update(&s, message + at, rest < chunks[c] ? rest : chunks[c]);
		}
		sha256_final(&s, digest);
		assert_memory_equal(digest, whole, SHA256_SIZE);
	}
}

/* The padding ends in the same block up to 55 bytes, in one more from 56 on; digests by coreutils' sha256sum. */
TEST(lengths_around_the_end_of_a_block)
{
	static const struct {
		size_t len;
		const char *digest;
	} cases[] = {
		{55, "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072"},
		{56, "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e"},
		{63, "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2"},
		{64, "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c"},
		{119, "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c"},
		{120, "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98"},
		{128, "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464"},
	};
	uint8_t message[128], digest[SHA256_SIZE];

	memset(message, 'x', sizeof(message));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		digest_of(message, cases[i].len, digest);
		check_hex(digest, cases[i].digest);
	}
}

/* The purgatory checks with plain code what the loader digested with the CPU's instructions. */
TEST(the_cpus_instructions_give_the_same)
{
	uint8_t message[4096 + 1], plain[SHA256_SIZE], fast[SHA256_SIZE];
	struct sha256 s;

	sha256_init(&s);
	if (!s.hardware)
		skip();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 131 + i / 251);
	for (size_t len = 0; len < sizeof(message); len += len < 300 ? 1 : 97) {
		digest_of(message + 1, len, fast);
		sha256_init(&s);
		s.hardware = false;
		sha256_update(&s, message + 1, len);
		sha256_final(&s, plain);
		assert_memory_equal(fast, plain, SHA256_SIZE);
	}
}

/* Without them nothing changes. */
TEST(plain_code_on_any_cpu)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 s;

	sha256_init(&s);
	s.hardware = false;
	sha256_update(&s, "abc", 3);
	sha256_final(&s, digest);
	check_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(a_million_times_a),
		cmocka_unit_test(any_chunks_give_the_digest_of_the_whole),
		cmocka_unit_test(lengths_around_the_end_of_a_block),
		cmocka_unit_test(the_cpus_instructions_give_the_same),
		cmocka_unit_test(plain_code_on_any_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
