// SPDX-License-Identifier: GPL-2.0-or-later
/* Headers of age files, right and wrong in the ways that the format's description has. Stock age says the same of each of them. */
#include "tests/unit/age_fixture.h"

#define INTRO  "age-encryption.org/v1\n"
#define SHARE  "TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc"
#define BODY   "EmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U"
#define STANZA "-> X25519 " SHARE "\n" BODY "\n"
#define MAC    "--- Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI0\n"
#define FULL   "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqr" /* 64 */

/* What the format forbids and stock age does not see without the right key. */
#define NO_RECIPIENT "line 2 of the header: the header ends before any recipient"
#define BESIDE       "there are recipients beside a passphrase"

static int check(const char *header, size_t payload, struct age_info *ret, struct err *err)
{
	struct memfile f;
	size_t len = strlen(header);
	char *data = calloc(1, len + payload + 1);
	int r;

	memcpy(data, header, len);
	memfile_write(&f, data, len + payload);
	r = age_check(f.fd, len + payload, "x.age", ret, err);
	memfile_close(&f);
	free(data);
	return r;
}

TEST(right_headers)
{
	static const struct {
		const char *header;
		size_t n;
		const char *types;
	} cases[] = {
		{INTRO STANZA MAC, 1, "X25519"},
		{INTRO STANZA STANZA MAC, 2, "X25519"},
		/* of a type that is not known: any words, any body, whose last line may be empty */
		{INTRO "-> x! ~ 1\nAAAA\n" STANZA MAC, 2, "x!, X25519"},
		{INTRO "-> empty\n\n" STANZA MAC, 2, "empty, X25519"},
		{INTRO "-> full\n" FULL "\n\n" STANZA MAC, 2, "full, X25519"},
		{INTRO "-> full\n" FULL "\n" FULL "\nAAA\n" STANZA MAC, 2, "full, X25519"},
		{INTRO "-> a.b/c a b c d e f g h i j k l m n o p\nAA\n" MAC, 1, "a.b/c"},
		{INTRO "-> scrypt rF0/NwblUHHTpgQgRpe5CQ 10\n" BODY "\n" MAC, 1, "scrypt"},
		{INTRO "-> ssh-ed25519 Xyg06A " SHARE "\n" BODY "\n" MAC, 1, "ssh-ed25519"},
		{INTRO "-> ssh-rsa Xyg06A\n" FULL "\nAAAA\n" MAC, 1, "ssh-rsa"},
		{INTRO "-> x25519\n\n" MAC, 1, "x25519"}, /* which is another type */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct age_info info;

		assert_ok(check(cases[i].header, 16 + 16, &info, err));
		assert_int_equal(info.n_recipients, cases[i].n);
		assert_string_equal(info.types, cases[i].types);
		assert_int_equal(info.header, strlen(cases[i].header));
		assert_int_equal(info.plain, 0);
	}
}

TEST(wrong_headers)
{
	static const struct {
		const char *header, *why;
	} cases[] = {
		{"", "does not begin"},
		{"age-encryption.org/v2\n" STANZA MAC, "does not begin"},
		{"age-encryption.org/v1\r\n" STANZA MAC, "does not begin"},
		{"\n" INTRO STANZA MAC, "does not begin"},
		{"-----BEGIN AGE ENCRYPTED FILE-----\n", "does not begin"},
		{INTRO, "ends in line 2"},
		{INTRO MAC, NO_RECIPIENT},
		{INTRO STANZA, "ends in line 4"},
		{INTRO "\n" STANZA MAC, "line 2 of the header: it is no recipient"},
		{INTRO STANZA "\n" MAC, "line 4 of the header: it is no recipient"},
		{INTRO "->X25519 " SHARE "\n" BODY "\n" MAC, "line 2 of the header: it is no"},
		{INTRO "->  X25519 " SHARE "\n" BODY "\n" MAC, "line 2 of the header: a word"},
		{INTRO "-> X25519  " SHARE "\n" BODY "\n" MAC, "line 2 of the header: a word"},
		{INTRO "-> X25519 " SHARE " \n" BODY "\n" MAC, "line 2 of the header: a word"},
		{INTRO "-> \n\n" STANZA MAC, "line 2 of the header: a word"},
		{INTRO "-> a\x7f\n\n" STANZA MAC, "line 2 of the header: a word"},
		{INTRO "-> a\t\n\n" STANZA MAC, "line 2 of the header: a word"},
		{INTRO "-> a\xc3\xa4\n\n" STANZA MAC, "line 2 of the header: a word"},
		{INTRO "-> a\r\n\n" STANZA MAC, "line 2 of the header: a word"},
		{INTRO "-> X25519\n" BODY "\n" MAC, "another number of words"},
		{INTRO "-> X25519 " SHARE " 1\n" BODY "\n" MAC, "another number of words"},
		{INTRO "-> X25519 AAAA\n" BODY "\n" MAC, "not of its length"},
		/* the last bits of 43 characters belong to no byte */
		{INTRO "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCd\n" BODY "\n" MAC,
		 "line 2 of the header: a word of the recipient is not of its length or no base64"},
		{INTRO "-> X25519 " SHARE "\nAAAA\n" MAC,
		 "line 3 of the header: the recipient's wrapped"},
		{INTRO "-> X25519 " SHARE "\n" BODY "=\n" MAC,
		 "line 3 of the header: it is no base64"},
		{INTRO "-> X25519 " SHARE "\n" BODY "\r\n" MAC,
		 "line 3 of the header: it is no base64"},
		{INTRO "-> X25519 " SHARE "\n" MAC, "line 3 of the header: it is no base64"},
		{INTRO "-> full\n" FULL "\n" STANZA MAC, "line 4 of the header: it is no base64"},
		{INTRO "-> full\n" FULL "A\n\n" MAC, "line 3 of the header: it is no base64"},
		{INTRO "-> short\nAAA\nAAA\n" MAC, "line 4 of the header: it is no recipient"},
		{INTRO "-> canonical\nAAB\n" MAC, "line 3 of the header: it is no base64"},
		{INTRO "-> alone\nA\n" MAC, "line 3 of the header: it is no base64"},
		{INTRO STANZA "-> scrypt rF0/NwblUHHTpgQgRpe5CQ 10\n" BODY "\n" MAC, BESIDE},
		{INTRO STANZA "---\n", "line 4 of the header: it is no recipient"},
		{INTRO STANZA "--- \n", "line 4 of the header: it is no recipient"},
		{INTRO STANZA "---Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI0\n", "line 4 of the"},
		{INTRO STANZA "--- Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI1\n", "line 4 of the"},
		{INTRO STANZA "--- Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI0 \n", "line 4 of"},
		{INTRO STANZA "--- Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI0=\n", "line 4 of"},
		{INTRO STANZA "--- Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI0", "ends in line 4"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct age_info info = {.chunks = 5};
		char command[128], path[256];
		size_t len = strlen(cases[i].header);
		char *file = calloc(1, len + 33);

		assert_fails(check(cases[i].header, 32, &info, err), ERR_CORRUPT, cases[i].why);
		assert_int_equal(info.chunks, 5);
		/* stock age, too, refuses it before it looks for a key */
		memcpy(file, cases[i].header, len);
		snprintf(path, sizeof(path), "%s/out", age_dir);
		assert_ok(io_write_file(path, file, len + 32, err));
		snprintf(command, sizeof(command),
			 "! age -d -i a -o plain out; ! grep -q 'no identity matched' said");
		if (age_shell(command) && strcmp(cases[i].why, NO_RECIPIENT) != 0 &&
		    strcmp(cases[i].why, BESIDE) != 0)
			fail_msg("stock age takes header %zu: %s", i, cases[i].header);
		free(file);
	}
}

/* 64 KiB of recipients are more than anybody has. */
TEST(a_header_that_does_not_end)
{
	char *text = malloc(300000);
	struct age_info info;
	size_t len = strlen(INTRO);

	strcpy(text, INTRO);
	for (; len < 200000; len += strlen(STANZA))
		strcpy(text + len, STANZA);
	strcpy(text + len, MAC);
	assert_fails(check(text, 32, &info, err), ERR_CORRUPT, "or is too long");
	free(text);
}

TEST(sizes)
{
	static const struct {
		size_t payload;
		uint64_t chunks, plain;
		const char *why;
	} cases[] = {
		{0, 0, 0, "before its first chunk"},
		{15, 0, 0, "before its first chunk"},
		{31, 0, 0, "before its first chunk"},
		{32, 1, 0, NULL},
		{33, 1, 1, NULL},
		{16 + 65552, 1, 65536, NULL},
		{16 + 65552 + 1, 0, 0, "1 bytes into chunk 2"},
		{16 + 65552 + 16, 0, 0, "16 bytes into chunk 2"},
		{16 + 65552 + 17, 2, 65537, NULL},
		{16 + 65552 * 3, 3, 196608, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct age_info info = {0};

		if (cases[i].why) {
			assert_fails(check(INTRO STANZA MAC, cases[i].payload, &info, err),
				     ERR_CORRUPT, cases[i].why);
			continue;
		}
		assert_ok(check(INTRO STANZA MAC, cases[i].payload, &info, err));
		assert_int_equal(info.chunks, cases[i].chunks);
		assert_int_equal(info.plain, cases[i].plain);
	}
}

TEST(many_types_are_cut)
{
	char text[4096] = INTRO;
	struct age_info info;

	for (int i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "-> kind-number-%d\n\n",
			 i);
	strcat(text, MAC);
	assert_ok(check(text, 32, &info, err));
	assert_int_equal(info.n_recipients, 40);
	assert_in_range(strlen(info.types), 100, sizeof(info.types) - 1);
	assert_memory_equal(info.types, "kind-number-0, kind-number-1, ", 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_headers),
		cmocka_unit_test(wrong_headers),
		cmocka_unit_test(a_header_that_does_not_end),
		cmocka_unit_test(sizes),
		cmocka_unit_test(many_types_are_cut),
	};

	return cmocka_run_group_tests(tests, age_make_keys, age_drop_keys);
}
