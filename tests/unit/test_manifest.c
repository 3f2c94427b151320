// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include "base/sha256.h"
#include "capture/manifest.h"

/* Digests by coreutils' sha256sum. */
#define OF_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define OF_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static uint8_t *pattern(size_t len)
{
	uint8_t *p = malloc(len);

	assert_non_null(p);
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + i / 4096);
	return p;
}

static void check_digests(int fd, const uint8_t *data, uint64_t size)
{
	static const struct {
		uint64_t offset, len;
	} pieces[] = {
		{0, 0},     {0, 1},       {0, 4096},          {0, 3145729},         {1, 4095},
		{511, 513}, {4096, 8192}, {4095, 1 << 20},    {100, (2 << 20) + 1}, {3145728, 1},
		{65536, 7}, {1048575, 2}, {1048576, 1 << 20},
	};
	int flags = fcntl(fd, F_GETFL);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		uint8_t want[SHA256_SIZE], got[SHA256_SIZE];
		struct sha256 s;

		assert_true(pieces[i].offset + pieces[i].len <= size);
		sha256_init(&s);
		sha256_update(&s, data + pieces[i].offset, pieces[i].len);
		sha256_final(&s, want);
		assert_ok(manifest_digest(fd, pieces[i].offset, pieces[i].len, "f", got, err));
		assert_memory_equal(want, got, SHA256_SIZE);
	}
	assert_int_equal(fcntl(fd, F_GETFL), flags);
}

/* On a file system with O_DIRECT, perhaps, and on one that has none; at all kinds of ends. */
TEST(digest_of_any_piece)
{
	const size_t size = (3 << 20) + 1;
	uint8_t *data = pattern(size);
	uint8_t digest[32];
	struct memfile f;

	assert_ok(io_write_file("file", data, size, err));
	int fd = open("file", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	check_digests(fd, data, size);
	assert_fails(manifest_digest(fd, 0, size + 1, "file", digest, err), ERR_CORRUPT,
		     "file: ends at");
	assert_fails(manifest_digest(fd, size + 9000, 1, "file", digest, err), ERR_CORRUPT,
		     "file: ends at");
	assert_fails(manifest_digest(fd, UINT64_MAX, 2, "file", digest, err), ERR_CORRUPT,
		     "out of range");
	assert_fails(manifest_digest(fd, INT64_MAX, 2, "file", digest, err), ERR_CORRUPT,
		     "out of range");
	close(fd);
	memfile_write(&f, data, size);
	check_digests(f.fd, data, size);
	memfile_close(&f);
	free(data);
	unlink("file");
}

static struct bytes text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

TEST(lines_are_written_and_read)
{
	uint8_t digest[32] = {0x2c, 0xf2, [31] = 0x24};
	struct manifest_file *files;
	char line[100];
	size_t n;

	manifest_line(digest, "vmcore", line, sizeof(line));
	assert_string_equal(
		line, "2cf2000000000000000000000000000000000000000000000000000000000024  vmcore\n");
	assert_ok(manifest_parse(text(line), "m", &files, &n, err));
	assert_true(n == 1 && strcmp(files[0].name, "vmcore") == 0);
	assert_memory_equal(files[0].digest, digest, 32);
	free(files);
	assert_ok(manifest_parse(text(OF_HELLO "  a b\n" OF_EMPTY " *B\n"), "m", &files, &n, err));
	assert_int_equal(n, 2);
	assert_string_equal(files[0].name, "a b");
	assert_string_equal(files[1].name, "B");
	free(files);
}

TEST(malformed_manifests)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "names no file"},
		{OF_HELLO "  a", "last line does not end"},
		{"\n", "line 1 is no digest"},
		{OF_HELLO "  a\n\n", "line 2 is no digest"},
		{OF_HELLO "  \n", "line 1"},
		{OF_HELLO " a\n", "line 1"},
		{OF_HELLO "\n", "line 1"},
		{"0" OF_HELLO "  a\n", "line 1"},
		{"g" OF_HELLO "  a\n", "line 1"},
		{OF_HELLO "  ..\n", "line 1"},
		{OF_HELLO "  .\n", "line 1"},
		{OF_HELLO "  /etc/shadow\n", "line 1"},
		{OF_HELLO "  a\x1b[2J\n", "line 1"},
		{OF_HELLO "  a\r\n", "line 1"},
		{"\\" OF_HELLO "  a\\n\n", "line 1"},
		{OF_HELLO "  a\n" OF_EMPTY "  b\n" OF_EMPTY "  a\n", "line 3 names a again"},
	};
	struct manifest_file *files = NULL;
	char longest[400], *large;
	size_t n = 77;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_fails(manifest_parse(text(cases[i].text), "m", &files, &n, err), ERR_CORRUPT,
			     cases[i].says);
	snprintf(longest, sizeof(longest), "%s  %0256d\n", OF_HELLO, 0);
	assert_fails(manifest_parse(text(longest), "m", &files, &n, err), ERR_CORRUPT, "line 1");
	assert_true(n == 77 && !files);
	snprintf(longest, sizeof(longest), "%s  %0255d\n", OF_HELLO, 0);
	assert_ok(manifest_parse(text(longest), "m", &files, &n, err));
	free(files);
	large = malloc(MANIFEST_MAX_SIZE + 2);
	memset(large, '\n', MANIFEST_MAX_SIZE + 1);
	large[MANIFEST_MAX_SIZE + 1] = '\0';
	assert_fails(manifest_parse(text(large), "m", &files, &n, err), ERR_CORRUPT, "more than");
	free(large);
}

struct heard {
	char text[512];
};

static void hear(void *ctx, const char *file, enum manifest_verdict verdict, const struct err *why)
{
	static const char *const names[] = {"same", "differs", "missing", "unreadable"};
	struct heard *h = ctx;
	size_t len = strlen(h->text);

	assert_int_equal(verdict == MANIFEST_SAME, why == NULL);
	snprintf(h->text + len, sizeof(h->text) - len, "%s:%s ", file, names[verdict]);
}

TEST(a_folder_is_checked)
{
	struct heard heard = {""};

	assert_int_equal(mkdir("crash", 0700), 0);
	assert_fails(manifest_check("crash", hear, &heard, err), ERR_NOT_FOUND,
		     "crash: there is no SHA256SUMS");
	assert_fails(manifest_check("nowhere", hear, &heard, err), ERR_NOT_FOUND, "nowhere");
	write_text("crash/a", "hello");
	write_text("crash/b", "");
	write_text("crash/SHA256SUMS", OF_HELLO "  a\n" OF_EMPTY "  b\n");
	assert_ok(manifest_check("crash", hear, &heard, err));
	assert_string_equal(heard.text, "a:same b:same ");

	heard.text[0] = '\0';
	write_text("crash/a", "hellO");
	unlink("crash/b");
	assert_fails(manifest_check("crash", hear, &heard, err), ERR_CORRUPT, "2 of 2 files");
	assert_string_equal(heard.text, "a:differs b:missing ");

	heard.text[0] = '\0';
	unlink("crash/a");
	write_text("elsewhere", "hello");
	assert_int_equal(symlink("../elsewhere", "crash/a"), 0);
	assert_int_equal(mkfifo("crash/b", 0600), 0);
	assert_fails(manifest_check("crash", hear, &heard, err), ERR_CORRUPT, "2 of 2 files");
	assert_string_equal(heard.text, "a:unreadable b:unreadable ");
	assert_fails(manifest_check("crash", NULL, NULL, err), ERR_CORRUPT, "2 of 2 files");
	unlink("crash/SHA256SUMS");
	assert_int_equal(mkfifo("crash/SHA256SUMS", 0600), 0);
	assert_fails(manifest_check("crash", hear, &heard, err), ERR_CORRUPT, "not a regular file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest_of_any_piece),
		cmocka_unit_test(lines_are_written_and_read),
		cmocka_unit_test(malformed_manifests),
		cmocka_unit_test(a_folder_is_checked),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
