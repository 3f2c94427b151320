// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/age_fixture.h"

#include "base/num.h"
#include "crypt/bech32.h"
#include "format/flat.h"
#include "tests/unit/ordered_out.h"

/* ---- recipients */

/* The recipient that the format's description has, whose secret key is 32 bytes of 0x42. */
#define KNOWN "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

TEST(a_recipient_of_age)
{
	static const uint8_t want[4] = {0x13, 0x2c, 0x44, 0x2b};
	struct age_recipient r = {0};

	assert_ok(age_recipient_parse(KNOWN, &r, err));
	assert_int_equal(r.kind, AGE_X25519);
	assert_memory_equal(r.point, want, 4);
}

TEST(a_recipient_of_ssh)
{
	struct age_recipient r = age_recipient_of("ssh");

	assert_int_equal(r.kind, AGE_SSH_ED25519);
	assert_memory_equal(r.ssh_key, "\0\0\0\13ssh-ed25519\0\0\0 ", 19);
}

TEST(what_is_no_recipient)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "its kind is not known"},
		{"age1", "it has 4 characters, and should have 62"},
		{"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwk",
		 "its checksum is"},
		{"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujw", "it has 61"},
		{"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwjj", "it has 63"},
		{"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrbe869xeexvn73equnujwj", "character 42"},
		{"AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ", "its kind is"},
		{KNOWN " ", "it has 63"},
		{"age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt",
		 "its kind is not known"},
		{"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7", "its kind is not known here: an age"},
		{"ssh-ed25519", "no such key in base64"},
		{"ssh-ed25519 ", "no such key in base64"},
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", "no such key in base64"},
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE4AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		 "no such key in base64"},
		/* y = 2 is on no point of the curve; y = 1 is on one of small order */
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		 "no point of the curve"},
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		 "no point of the curve"},
	};
	struct age_recipient r = {.kind = 77};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_fails(age_recipient_parse(cases[i].text, &r, err), ERR_USAGE, cases[i].why);
	assert_int_equal(r.kind, 77);
}

/* The point 0, spelt rightly: whoever knows nothing has its shared secret, too. */
TEST(a_key_that_gives_no_secret)
{
	struct age_recipient r;

	assert_fails(
		age_recipient_parse(
			"age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z", &r, err),
		ERR_USAGE, "give no secret");
}

/* It must not get into a message, which is logged. */
TEST(a_secret_key_is_not_repeated)
{
	struct age_recipient r;
	struct err err;

	assert_int_equal(age_recipient_parse("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYY"
					     "SJZGFPYYSJZGFPQ4EGAEX",
					     &r, &err),
			 ERR_USAGE);
	assert_non_null(strstr(err.msg, "it is a secret key"));
	assert_null(strstr(err.msg, "GFPYY"));
}

TEST(a_text_without_an_end_is_bounded)
{
	_cleanup_free_ char *text = malloc(100000);
	struct age_recipient r;

	memset(text, 'a', 99999);
	text[99999] = 0;
	assert_fails(age_recipient_parse(text, &r, err), ERR_USAGE, "too long");
}

/* BIP 173: bits that belong to no byte are 0. The texts are of another implementation. */
TEST(bech32)
{
	uint8_t byte = 7, long_one[32];

	assert_fails(bech32_decode("age1lae6aamz", "age", &byte, 1, err), ERR_USAGE,
		     "its last bits");
	assert_fails(bech32_decode("age1luyvfgxs", "ege", &byte, 1, err), ERR_USAGE, "ege1");
	assert_fails(bech32_decode("age1luyvfgxs", "age", &byte, 2, err), ERR_USAGE, "have 14");
	assert_int_equal(byte, 7);
	assert_ok(bech32_decode("age1luyvfgxs", "age", &byte, 1, err));
	assert_int_equal(byte, 0xff);
	assert_fails(bech32_decode("age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqpfwgqrs",
				   "age", long_one, 32, err),
		     ERR_USAGE, "its last bits");
}

/* ---- what stock age says */

/* Encrypt so many bytes, in pieces of `piece`, to the file "out" for these keys. */
static void encrypt(const char *keys, size_t len, size_t piece)
{
	struct age_recipient recipients[AGE_MAX_RECIPIENTS];
	struct out *to, *out = NULL;
	uint8_t *data = age_plain(len);
	char copy[64], *rest = copy, *key;
	struct stat st;
	size_t n = 0;
	int fd;

	snprintf(copy, sizeof(copy), "%s", keys);
	while ((key = strsep(&rest, " ")))
		recipients[n++] = age_recipient_of(key);
	to = age_stream("out", &fd);
	assert_ok(age_out_create(to, recipients, n, &out, err));
	assert_true(out->sequential && out->write_once);
	assert_string_equal(out->name, "out");
	for (size_t at = 0; at < len; at += NUM_MIN(piece, len - at))
		assert_ok(out->ops->pwrite(out, data + at, NUM_MIN(piece, len - at), at, err));
	assert_ok(out->ops->sync(out, err));
	assert_ok(out->ops->commit(out, err));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, age_size(recipients, n, len));
	close(fd);
	free(data);
}

/* Stock age opens "out" with this key, and it is what went in. */
static void assert_opens(const char *key, size_t len)
{
	uint8_t *want = age_plain(len);
	char command[128], *got;
	size_t got_len;

	snprintf(command, sizeof(command), "age -d -i %s out >plain", key);
	if (age_shell(command))
		fail_msg("%s: %s", command, age_text("said", NULL));
	got = age_text("plain", &got_len);
	assert_int_equal(got_len, len);
	assert_memory_equal(got, want, len);
	free(got);
	free(want);
}

/* What age_check says of "out". */
static int check(struct age_info *ret, struct err *err)
{
	char path[256];
	struct stat st;
	int fd, r;

	snprintf(path, sizeof(path), "%s/out", age_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	r = age_check(fd, (uint64_t)st.st_size, "out", ret, err);
	close(fd);
	return r;
}

TEST(stock_age_opens_files_of_all_sizes)
{
	static const size_t sizes[] = {0,      1,      65535,  65536,  65537,
				       131071, 131072, 131073, 196608, 5000000};
	struct age_info info;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		encrypt("a", sizes[i], SIZE_MAX);
		assert_opens("a", sizes[i]);
		assert_ok(check(&info, err));
		assert_int_equal(info.n_recipients, 1);
		assert_string_equal(info.types, "X25519");
		assert_int_equal(info.plain, sizes[i]);
		assert_int_equal(info.chunks, sizes[i] ? num_div_up(sizes[i], 65536) : 1);
	}
}

/* However the bytes come in, in pieces smaller or larger than a chunk, they are the same. */
TEST(pieces_of_any_size)
{
	static const size_t pieces[] = {1, 13, 65535, 65536, 65537, 131072, 150000};

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t len = pieces[i] == 1 ? 70000 : 393216 + (i & 1);

		encrypt("a", len, pieces[i]);
		assert_opens("a", len);
	}
}

/* A disk gets whole blocks from aligned memory, but for the end, and the same bytes. */
TEST(a_disk_gets_large_pieces)
{
	struct age_recipient r = age_recipient_of("a");
	uint8_t *data = age_plain(5000000), *got;
	struct ordered_out o;
	struct out *out = NULL;
	char path[256];

	ordered_out_init(&o);
	o.out.block = 4096;
	assert_ok(age_out_create(&o.out, &r, 1, &out, err));
	assert_int_equal(o.n_writes, 0);
	for (size_t at = 0; at < 5000000; at += 100000) {
		assert_ok(out->ops->pwrite(out, data + at, 100000, at, err));
		assert_int_equal(o.at % 4096, 0);
	}
	assert_int_equal(o.n_writes, 4);
	assert_int_equal(o.misaligned, 0);
	assert_ok(out->ops->sync(out, err)); /* all whole chunks */
	assert_int_equal(o.at, 184 + 5000000 / 65536 * 65552);
	assert_ok(out->ops->commit(out, err));
	assert_int_equal(o.at, age_size(&r, 1, 5000000));
	got = malloc(o.at);
	assert_int_equal(pread(o.file.fd, got, o.at, 0), o.at);
	snprintf(path, sizeof(path), "%s/out", age_dir);
	assert_ok(io_write_file(path, got, o.at, err));
	assert_opens("a", 5000000);
	free(got);
	free(data);
	ordered_out_deinit(&o);
}

/* What waits to be written is not lost when a dump is cut off. */
TEST(what_was_left_has_all_whole_chunks)
{
	struct age_recipient r = age_recipient_of("a");
	uint8_t *data = age_plain(200000);

	for (size_t i = 0; i < 2; i++) {
		struct ordered_out o;
		struct out *out = NULL;

		ordered_out_init(&o);
		o.out.block = i ? 4096 : 0;
		assert_ok(age_out_create(&o.out, &r, 1, &out, err));
		assert_ok(out->ops->pwrite(out, data, 200000, 0, err));
		out->ops->leave(out);
		assert_int_equal(o.end, 'l');
		assert_int_equal(o.at, 184 + 3 * 65552);
		ordered_out_deinit(&o);
	}
	free(data);
}

TEST(several_recipients_and_kinds)
{
	struct age_info info;

	encrypt("a ssh b", 100000, 4096);
	assert_opens("a", 100000);
	assert_opens("b", 100000);
	assert_opens("ssh", 100000);
	assert_ok(check(&info, err));
	assert_int_equal(info.n_recipients, 3);
	assert_string_equal(info.types, "X25519, ssh-ed25519");
	encrypt("ssh", 0, 1);
	assert_opens("ssh", 0);
	assert_ok(check(&info, err));
	assert_string_equal(info.types, "ssh-ed25519");
	encrypt("a", 100, 100);
	assert_int_not_equal(age_shell("age -d -i b -o plain out"), 0);
	assert_int_not_equal(age_shell("age -d -i ssh -o plain out"), 0);
}

TEST(as_many_recipients_as_there_may_be)
{
	struct age_info info;

	encrypt("b b b b b b b b ssh ssh ssh ssh ssh ssh ssh a", 10, 10);
	assert_opens("a", 10);
	assert_opens("ssh", 10);
	assert_ok(check(&info, err));
	assert_int_equal(info.n_recipients, 16);
}

/* No key and no share is used twice. */
TEST(no_two_files_are_alike)
{
	char *first, *second;
	size_t len, same = 0;

	encrypt("a", 1000, 1000);
	first = age_text("out", &len);
	encrypt("a", 1000, 1000);
	second = age_text("out", NULL);
	for (size_t i = len - 1016; i < len; i++)
		same += first[i] == second[i];
	assert_in_range(same, 0, 40);
	assert_memory_not_equal(first + 33, second + 33, 43);
	free(first);
	free(second);
}

/* Cut anywhere stock age refuses it; where the size alone tells it, so does age_check. */
TEST(a_cut_file)
{
	static const struct {
		size_t len;
		const char *why; /* NULL: only the key can tell */
	} cases[] = {
		{0, "does not begin with"},
		{21, "does not begin with"},
		{22, "the header ends in line 2"},
		{100, "the header ends in line 3"},
		{167, "the header ends in line 4"},
		{168, "before its first chunk does"},
		{199, "before its first chunk does"},
		{200, NULL},
		{184 + 65552, NULL},
		{184 + 65552 + 1, "1 bytes into chunk 2: it was cut"},
		{184 + 65552 + 16, "16 bytes into chunk 2: it was cut"},
		{184 + 65552 + 17, NULL},
		{184 + 65552 * 2, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct age_info info = {.chunks = 99};
		char command[128];

		encrypt("a", 200000, SIZE_MAX);
		snprintf(command, sizeof(command), "truncate -s %zu out", cases[i].len);
		assert_int_equal(age_shell(command), 0);
		assert_int_not_equal(age_shell("age -d -i a -o plain out"), 0);
		if (cases[i].why) {
			assert_fails(check(&info, err), ERR_CORRUPT, cases[i].why);
			assert_int_equal(info.chunks, 99);
		} else {
			assert_ok(check(&info, err));
		}
	}
}

/* A bit anywhere, in what vouches or in what is vouched for. */
TEST(a_damaged_file)
{
	static const size_t places[] = {30, 60, 100, 140, 170, 190, 3000, 70000, 131280};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char path[256];
		uint8_t byte;
		int fd;

		encrypt("a", 131072, SIZE_MAX);
		snprintf(path, sizeof(path), "%s/out", age_dir);
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, (off_t)places[i]), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)places[i]), 1);
		close(fd);
		if (!age_shell("age -d -i a -o plain out"))
			fail_msg("age took a file with a changed byte %zu", places[i]);
	}
}

/* ---- the out */

TEST(what_was_left_lacks_its_last_chunk)
{
	struct age_recipient r = age_recipient_of("a");
	uint8_t *data = age_plain(200000);
	struct out *to, *out = NULL;
	int fd;

	to = age_stream("out", &fd);
	assert_ok(age_out_create(to, &r, 1, &out, err));
	assert_ok(out->ops->pwrite(out, data, 200000, 0, err));
	out->ops->leave(out);
	close(fd);
	assert_int_not_equal(age_shell("age -d -i a out >plain"), 0);
	/* what stock age could open before it came to the end is good */
	assert_int_equal(age_shell("test -s plain && age-keygen -y a >/dev/null"), 0);
	free(data);
}

TEST(it_ends_as_it_is_told)
{
	static const char how[] = "alfc";

	for (size_t i = 0; how[i]; i++) {
		struct age_recipient r = age_recipient_of("a");
		struct ordered_out o;
		struct out *out = NULL;

		ordered_out_init(&o);
		assert_ok(age_out_create(&o.out, &r, 1, &out, err));
		assert_ok(out->ops->pwrite(out, "abc", 3, 0, err));
		assert_int_equal(o.at, 184); /* what is no chunk yet waits */
		assert_ok(out->ops->sync(out, err));
		assert_int_equal(o.n_syncs, 1);
		if (how[i] == 'f')
			o.room = 190;
		if (how[i] == 'a')
			out->ops->abort(out);
		else if (how[i] == 'l')
			out->ops->leave(out);
		else if (how[i] == 'f')
			assert_fails(out->ops->commit(out, err), ERR_NO_SPACE, "ordered: write");
		else
			assert_ok(out->ops->commit(out, err));
		assert_int_equal(o.end, how[i] == 'f' ? 'a' : how[i]);
		assert_int_equal(o.at, how[i] == 'c' ? 184 + 3 + 16 : 184);
		ordered_out_deinit(&o);
	}
}

TEST(a_failed_write_is_the_last)
{
	struct age_recipient r = age_recipient_of("a");
	uint8_t *data = age_plain(300000);
	struct ordered_out o;
	struct out *out = NULL;

	ordered_out_init(&o);
	o.room = 100;
	assert_fails(age_out_create(&o.out, &r, 1, &out, err), ERR_NO_SPACE, "ordered: write");
	assert_null(out);
	assert_int_equal(o.end, 0);
	o.room = 100000;
	assert_ok(age_out_create(&o.out, &r, 1, &out, err));
	assert_fails(out->ops->pwrite(out, data, 300000, 0, err), ERR_NO_SPACE, "ordered: write");
	o.room = UINT64_MAX;
	assert_fails(out->ops->pwrite(out, data, 1, 300000, err), ERR_NO_SPACE, "ordered: write");
	assert_fails(out->ops->commit(out, err), ERR_NO_SPACE, "ordered: write");
	assert_int_equal(o.end, 'a');
	assert_int_equal(o.at, 184 + 65552);
	ordered_out_deinit(&o);
	free(data);
}

TEST(wrong_uses)
{
	struct age_recipient r[AGE_MAX_RECIPIENTS + 1];
	struct ordered_out o;
	struct out *out = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = age_recipient_of("a");
	ordered_out_init(&o);
	assert_fails(age_out_create(&o.out, r, 0, &out, err), ERR_USAGE, "0 recipients");
	assert_fails(age_out_create(&o.out, r, 17, &out, err), ERR_USAGE, "17 recipients");
	assert_int_equal(o.at, 0);
	assert_ok(age_out_create(&o.out, r, 1, &out, err));
	assert_fails(out->ops->pwrite(out, "abc", 3, 1, err), ERR_SYSTEM, "at 1 of a stream");
	assert_ok(out->ops->pwrite(out, "abc", 3, 0, err)); /* it did no harm */
	assert_fails(out->ops->pwrite(out, "abc", 3, 0, err), ERR_SYSTEM, "at 0 of a stream");
	assert_ok(out->ops->commit(out, err));
	ordered_out_deinit(&o);
}

TEST(a_flattened_dump_goes_through)
{
	struct age_recipient r = age_recipient_of("ssh");
	struct out *to, *crypt = NULL, *flat = NULL;
	uint8_t *data = age_plain(300000);
	size_t len;
	char *got;
	int fd;

	to = age_stream("out", &fd);
	assert_ok(age_out_create(to, &r, 1, &crypt, err));
	assert_ok(flat_out_create_over(crypt, &flat, err));
	assert_ok(flat->ops->pwrite(flat, data, 300000, 777, err));
	assert_ok(flat->ops->pwrite(flat, "begin", 5, 0, err));
	assert_ok(flat->ops->commit(flat, err));
	close(fd);
	assert_int_equal(age_shell("age -d -i ssh -o plain out"), 0);
	got = age_text("plain", &len);
	assert_int_equal(len, 4096 + 16 + 300000 + 16 + 5 + 16);
	assert_memory_equal(got + 4112, data, 300000);
	free(got);
	free(data);
}

TEST(sizes_are_foretold)
{
	struct age_recipient r[2] = {{.kind = AGE_X25519}, {.kind = AGE_SSH_ED25519}};

	assert_int_equal(age_size(r, 1, 0), 184 + 16);
	assert_int_equal(age_size(r, 2, 1), 184 + 110 + 1 + 16);
	assert_true(age_size(r, 1, UINT64_MAX) == UINT64_MAX);
	assert_true(age_size(r, 1, UINT64_MAX - 1000) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recipient_of_age),
		cmocka_unit_test(a_recipient_of_ssh),
		cmocka_unit_test(what_is_no_recipient),
		cmocka_unit_test(a_key_that_gives_no_secret),
		cmocka_unit_test(a_secret_key_is_not_repeated),
		cmocka_unit_test(a_text_without_an_end_is_bounded),
		cmocka_unit_test(bech32),
		cmocka_unit_test(stock_age_opens_files_of_all_sizes),
		cmocka_unit_test(pieces_of_any_size),
		cmocka_unit_test(a_disk_gets_large_pieces),
		cmocka_unit_test(what_was_left_has_all_whole_chunks),
		cmocka_unit_test(several_recipients_and_kinds),
		cmocka_unit_test(as_many_recipients_as_there_may_be),
		cmocka_unit_test(no_two_files_are_alike),
		cmocka_unit_test(a_cut_file),
		cmocka_unit_test(a_damaged_file),
		cmocka_unit_test(what_was_left_lacks_its_last_chunk),
		cmocka_unit_test(it_ends_as_it_is_told),
		cmocka_unit_test(a_failed_write_is_the_last),
		cmocka_unit_test(wrong_uses),
		cmocka_unit_test(a_flattened_dump_goes_through),
		cmocka_unit_test(sizes_are_foretold),
	};

	return cmocka_run_group_tests(tests, age_make_keys, age_drop_keys);
}
