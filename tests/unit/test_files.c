// SPDX-License-Identifier: GPL-2.0-or-later
/* The files that are loaded: plain, wrapped in every way, unified kernel images, several initramfs files. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <limits.h>
#include <sys/stat.h>

#include "arch/x86_64/load.h"
#include "base/sha256.h"
#include "loader/files.h"
#include "tests/unit/loader_fixture.h"
#include "tests/unit/pack_fixture.h"
#include "tests/unit/pe_fixture.h"

static uint8_t bzimage[FIXTURE_SIZE];

static int fill_bzimage(void **state)
{
	(void)state;
	fixture_bzimage(bzimage);
	return 0;
}

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Open the bytes as a kernel, with the initrds of the list that ends with NULL. */
static int open_bytes(const void *kernel, size_t len, const char *const *initrds, struct files *ret,
		      struct err *err)
{
	struct memfile f;
	size_t n = 0;
	int r;

	while (initrds && initrds[n])
		n++;
	memfile_write(&f, kernel, len);
	r = files_open(&x86_64_load, f.path, initrds, n, ret, err);
	memfile_close(&f);
	return r;
}

static void assert_refused(const void *kernel, size_t len, int code, const char *part)
{
	unsigned int before = open_fds();
	struct files f;

	assert_fails(open_bytes(kernel, len, NULL, &f, err), code, part);
	assert_int_equal(open_fds(), before);
}

static void assert_hex(const uint8_t digest[32], const char *hex)
{
	char text[65];

	for (size_t i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, hex);
}

/* By Python's hashlib. */
static void assert_kernel(const struct files *f)
{
	assert_int_equal(f->kernel.len, FIXTURE_SIZE);
	assert_memory_equal(f->kernel.data, bzimage, FIXTURE_SIZE);
	assert_hex(f->kernel_digest,
		   "1c7d514e4eb6190c6b2903eb2a32aa14e2ea994e454da4f25820437faff9d789");
	assert_string_equal(f->image.release, FIXTURE_RELEASE);
}

/* Closed on exec, sealed for good, and the same bytes as the mapping. */
static void assert_sealed(int fd, struct bytes want)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	char *content = malloc(want.len + 1);

	assert_non_null(content);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(pread(fd, content, want.len + 1, 0), want.len);
	assert_memory_equal(content, want.data, want.len);
	free(content);
}

/* The descriptors are the user's own files; their bytes are safe from what happens to these. */
TEST(plain)
{
	struct memfile kernel, initrd;
	const char *initrds[] = {initrd.path};
	unsigned int before = open_fds();
	struct files f;

	memfile_write(&kernel, bzimage, FIXTURE_SIZE);
	memfile_write(&initrd, "first", 5);
	assert_ok(files_open(&x86_64_load, kernel.path, initrds, 1, &f, err));
	assert_int_equal(ftruncate(kernel.fd, 0), 0);
	assert_int_equal(ftruncate(initrd.fd, 0), 0);
	assert_kernel(&f);
	assert_int_equal(f.initrd.len, 5);
	assert_memory_equal(f.initrd.data, "first", 5);
	assert_hex(f.initrd_digest,
		   "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e");
	assert_int_equal(f.wrap, FILES_PLAIN);
	assert_false(f.kernel_is_memfd || f.initrd_is_memfd);
	assert_null(f.cmdline);
	assert_int_equal(lseek(f.kernel_fd, 0, SEEK_END), 0);
	assert_int_equal(lseek(f.initrd_fd, 0, SEEK_END), 0);
	assert_int_equal(fcntl(f.kernel_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(f.initrd_fd, F_GETFD), FD_CLOEXEC);
	files_close(&f);
	assert_true(f.kernel_fd == -1 && f.initrd_fd == -1 && !f.kernel.data);
	files_close(&f);
	memfile_close(&kernel);
	memfile_close(&initrd);
	assert_int_equal(open_fds(), before);
}

/* Who opened the file for writing while it was leased ended the program by SIGIO. */
TEST(broken_lease)
{
	char path[] = "/tmp/lifeboat-lease-XXXXXX";
	int fd = mkstemp(path);
	int opened = 0, refused = 0;
	pid_t child;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bzimage, FIXTURE_SIZE), FIXTURE_SIZE);
	close(fd);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		alarm(60); /* should nobody be left to kill it */
	while (!child)
		close(open(path, O_WRONLY | O_NONBLOCK));
	/* both outcomes often: then the two did meet */
	while (opened < 2000 || refused < 2000) {
		struct files f;
		struct err err;

		if (!files_open(&x86_64_load, path, NULL, 0, &f, &err)) {
			files_close(&f);
			opened++;
		} else {
			assert_says(&err, "open for writing");
			refused++;
		}
	}
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(unlink(path), 0);
}

TEST(no_initrd)
{
	struct files f;

	assert_ok(open_bytes(bzimage, FIXTURE_SIZE, NULL, &f, err));
	assert_int_equal(f.initrd_fd, -1);
	assert_true(!f.initrd.data && !f.initrd.len && !f.initrd_is_memfd);
	assert_hex(f.initrd_digest,
		   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	files_close(&f);
}

TEST(wrapped)
{
	unsigned int before = open_fds();

	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		size_t len;
		uint8_t *packed = pack(packers[i].wrap, bzimage, FIXTURE_SIZE, &len);
		struct files f;

		assert_ok(open_bytes(packed, len, NULL, &f, err));
		assert_kernel(&f);
		assert_int_equal(f.wrap, packers[i].wrap);
		assert_true(f.kernel_is_memfd);
		assert_sealed(f.kernel_fd, f.kernel);
		files_close(&f);
		assert_refused(packed, len - 4, ERR_CORRUPT, "cut off");
		free(packed);
	}
	assert_int_equal(open_fds(), before);
}

/* A kernel that is damaged inside of a good wrapping, and a wrapping around something else. */
TEST(wrapped_wrongly)
{
	uint8_t *packed;
	size_t len;

	packed = pack(FILES_ZSTD, bzimage, FIXTURE_SIZE - 1, &len);
	assert_refused(packed, len, ERR_CORRUPT, "inside of zstd: cut off: the header describes");
	free(packed);
	packed = pack(FILES_GZIP, "070701", 6, &len);
	assert_refused(packed, len, ERR_UNSUPPORTED, "inside of gzip: not a bzImage");
	free(packed);
	packed = pack(FILES_XZ, "", 0, &len);
	assert_refused(packed, len, ERR_UNSUPPORTED, "only 0 bytes");
	free(packed);
	/* only guessed to be lzma, so the message is careful */
	packed = pack(FILES_LZMA, bzimage, FIXTURE_SIZE, &len);
	assert_refused(packed, 40, ERR_CORRUPT, "no accident");
	free(packed);
}

static uint8_t *pack_again(enum files_wrap wrap, uint8_t *data, size_t *len)
{
	uint8_t *packed = pack(wrap, data, *len, len);

	free(data);
	return packed;
}

TEST(wrapped_twice)
{
	size_t len;
	uint8_t *packed = pack(FILES_XZ, bzimage, FIXTURE_SIZE, &len);
	struct files f;

	packed = pack_again(FILES_GZIP, packed, &len);
	assert_ok(open_bytes(packed, len, NULL, &f, err));
	assert_kernel(&f);
	assert_int_equal(f.wrap, FILES_GZIP);
	files_close(&f);
	packed = pack_again(FILES_ZSTD, packed, &len);
	assert_refused(packed, len, ERR_UNSUPPORTED,
		       "inside of zstd: inside of gzip: wrapped once more, in xz");
	free(packed);
}

static uint8_t *make_uki(const char *cmdline, size_t cmdline_len, size_t *ret_len)
{
	const struct pe_part parts[] = {
		{".text", "stub", 4},
		{".osrel", "ID=x", 4},
		{".cmdline", cmdline, cmdline_len},
		{".initrd", "uki", 3},
		{".linux", bzimage, FIXTURE_SIZE},
	};

	return pe_fixture(parts, ARRAY_SIZE(parts), ret_len);
}

static void assert_uki(const struct files *f, enum files_wrap wrap)
{
	assert_kernel(f);
	assert_int_equal(f->wrap, wrap);
	assert_true(f->kernel_is_memfd && f->initrd_is_memfd);
	assert_sealed(f->kernel_fd, f->kernel);
	assert_sealed(f->initrd_fd, f->initrd);
	assert_int_equal(f->initrd.len, 3);
	assert_memory_equal(f->initrd.data, "uki", 3);
	assert_string_equal(f->cmdline, "quiet");
}

TEST(uki)
{
	unsigned int before = open_fds();
	struct files f;
	size_t len;
	uint8_t *pe = make_uki("quiet", 5, &len);

	assert_ok(open_bytes(pe, len, NULL, &f, err));
	assert_uki(&f, FILES_UKI);
	files_close(&f);
	pe = pack_again(FILES_GZIP, pe, &len);
	assert_ok(open_bytes(pe, len, NULL, &f, err));
	assert_uki(&f, FILES_GZIP);
	files_close(&f);
	free(pe);
	assert_int_equal(open_fds(), before);
}

TEST(uki_cmdline)
{
	static const struct {
		const char *text;
		size_t len;
		const char *want;
	} cases[] = {
		{"", 0, ""},
		{"\n", 1, ""},
		{" \n\t\0", 4, ""},
		{"quiet\n", 6, "quiet"},
		{"quiet\0\0\0", 8, "quiet"},
		{"quiet\n\0", 7, "quiet"},
		{"  root=\"a b\" \n", 14, "root=\"a b\""},
		{"a\nb\tc", 5, "a b c"},
		{"quiet\0init=/bin/sh", 18, "quiet"},
		{"caf\xc3\xa9", 5, "caf\xc3\xa9"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct files f;
		size_t len;
		uint8_t *pe = make_uki(cases[i].text, cases[i].len, &len);

		assert_ok(open_bytes(pe, len, NULL, &f, err));
		assert_string_equal(f.cmdline, cases[i].want);
		files_close(&f);
		free(pe);
	}
}

TEST(uki_kernel_only)
{
	const struct pe_part parts[] = {{".initrd", "", 0}, {".linux", bzimage, FIXTURE_SIZE}};
	struct memfile initrd;
	const char *initrds[] = {initrd.path, NULL};
	struct files f;
	size_t len;
	uint8_t *pe = pe_fixture(parts, 2, &len);

	assert_ok(open_bytes(pe, len, NULL, &f, err));
	assert_kernel(&f);
	assert_null(f.cmdline);
	assert_int_equal(f.initrd_fd, -1);
	files_close(&f);
	/* the user's one is as good as with a plain kernel */
	memfile_write(&initrd, "first", 5);
	assert_ok(open_bytes(pe, len, initrds, &f, err));
	assert_false(f.initrd_is_memfd);
	assert_int_equal(f.initrd.len, 5);
	files_close(&f);
	memfile_close(&initrd);
	free(pe);
}

TEST(uki_wrongly)
{
	size_t len, inner_len;
	uint8_t *pe = make_uki("quiet", 5, &len), *inner;
	struct pe_part part = {".linux", bzimage, FIXTURE_SIZE - 1};

	bytes_put_le32(pe + PE_ENTRY(3) + PE_RAW_OFF, (uint32_t)len);
	assert_refused(pe, len, ERR_CORRUPT, "UKI: section .initrd (entry 3");
	bytes_put_le32(pe + PE_ENTRY(4) + PE_RAW_OFF, (uint32_t)len);
	assert_refused(pe, len, ERR_CORRUPT, "section .linux (entry 4");
	bytes_put_le32(pe + 0x3c, 0x7fffffff);
	assert_refused(pe, len, ERR_CORRUPT, "e_lfanew 0x7fffffff");
	free(pe);

	pe = pe_fixture(&part, 1, &len);
	assert_refused(pe, len, ERR_CORRUPT, "inside of UKI: cut off: the header describes");
	free(pe);
	/* an EFI program of another kind */
	part.name = ".text";
	pe = pe_fixture(&part, 1, &len);
	assert_refused(pe, len, ERR_UNSUPPORTED, "not a bzImage");
	free(pe);

	inner = make_uki("quiet", 5, &inner_len);
	part = (struct pe_part){".linux", inner, inner_len};
	pe = pe_fixture(&part, 1, &len);
	assert_refused(pe, len, ERR_UNSUPPORTED, "UKI once more");
	free(inner);
	free(pe);
}

/* Cut at every place: never taken for good, no crash, no descriptor left. */
TEST(uki_cut_anywhere)
{
	size_t len;
	uint8_t *pe = make_uki("quiet", 5, &len);
	unsigned int before = open_fds();

	for (size_t cut = 1; cut < len; cut += cut < 1024 ? 1 : 61) {
		struct err err = {0};
		struct files f;

		assert_true(open_bytes(pe, cut, NULL, &f, &err));
		assert_true(err.code == ERR_CORRUPT || err.code == ERR_UNSUPPORTED);
	}
	assert_int_equal(open_fds(), before);
	free(pe);
}

/* A bzImage is a PE file, too; what is in its sections is its own business. */
TEST(bzimage_comes_first)
{
	uint8_t image[FIXTURE_SIZE];
	struct files f;

	fixture_bzimage(image);
	memcpy(image, "MZ", 2);
	bytes_put_le32(image + 0x3c, UINT32_MAX);
	assert_ok(open_bytes(image, FIXTURE_SIZE, NULL, &f, err));
	assert_int_equal(f.wrap, FILES_PLAIN);
	files_close(&f);
}

TEST(several_initrds)
{
	struct memfile a, b, c;
	const char *three[] = {a.path, b.path, c.path, NULL}, *two[] = {a.path, b.path, NULL};
	unsigned int before = open_fds();
	struct files f;
	size_t len;
	uint8_t *pe = make_uki("", 0, &len);

	memfile_write(&a, "first", 5);
	memfile_write(&b, "070701 second", 13);
	memfile_write(&c, "3", 1);
	assert_ok(open_bytes(bzimage, FIXTURE_SIZE, three, &f, err));
	assert_true(f.initrd_is_memfd && !f.kernel_is_memfd);
	assert_sealed(f.initrd_fd, f.initrd);
	assert_int_equal(f.initrd.len, 25);
	assert_memory_equal(f.initrd.data,
			    "first\0\0\0"
			    "070701 second\0\0\0"
			    "3",
			    25);
	assert_hex(f.initrd_digest,
		   "9394c2dd76200fbd12465641c39e78e97097675f486cd08d6d8361bff50baef7");
	files_close(&f);
	/* the UKI's own comes first */
	assert_ok(open_bytes(pe, len, two, &f, err));
	assert_sealed(f.initrd_fd, f.initrd);
	assert_memory_equal(f.initrd.data,
			    "uki\0"
			    "first\0\0\0"
			    "070701 second",
			    25);
	assert_hex(f.initrd_digest,
		   "c5b1783bb6847f70cdbc5b80fe7603d3deaf1e9b1c1c1380ae1903cf6f67faac");
	files_close(&f);
	memfile_close(&a);
	memfile_close(&b);
	memfile_close(&c);
	free(pe);
	assert_int_equal(open_fds(), before);
}

/* Each is small enough, together they are not; nothing of them is read before that is said. */
TEST(initrds_too_large)
{
	struct memfile a;
	const char *initrds[] = {a.path, a.path, NULL};
	struct files f;

	memfile_write(&a, "", 0);
	assert_int_equal(ftruncate(a.fd, 1 << 30), 0);
	assert_fails(open_bytes(bzimage, FIXTURE_SIZE, initrds, &f, err), ERR_NO_SPACE,
		     "2147483648 bytes together");
	memfile_close(&a);
}

TEST(initrd_refused)
{
	struct memfile good, empty;
	const char *cases[][3] = {
		{good.path, "/nonexistent/initrd", NULL},
		{good.path, empty.path, NULL},
		{good.path, "/dev", NULL},
	};
	const char *const says[] = {"/nonexistent/initrd: open", "is empty", "/dev: is not"};
	const int codes[] = {ERR_NOT_FOUND, ERR_CORRUPT, ERR_USAGE};
	unsigned int before;
	struct files f;

	memfile_write(&good, "x", 1);
	memfile_write(&empty, "", 0);
	before = open_fds();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_fails(open_bytes(bzimage, FIXTURE_SIZE, cases[i], &f, err), codes[i],
			     says[i]);
	assert_int_equal(open_fds(), before);
	memfile_close(&good);
	memfile_close(&empty);
}

TEST(kernel_refused)
{
	char path[] = "/tmp/lifeboat-test.XXXXXX";
	int fd = mkstemp(path);
	struct files f;

	assert_true(fd >= 0);
	assert_fails(files_open(&x86_64_load, "/nonexistent/k", NULL, 0, &f, err), ERR_NOT_FOUND,
		     "/nonexistent/k: open");
	assert_fails(files_open(&x86_64_load, "/dev/null", NULL, 0, &f, err), ERR_USAGE, "regular");
	assert_fails(files_open(&x86_64_load, path, NULL, 0, &f, err), ERR_CORRUPT, "is empty");
	assert_int_equal(write(fd, bzimage, FIXTURE_SIZE), FIXTURE_SIZE);
	assert_fails(files_open(&x86_64_load, path, NULL, 0, &f, err), ERR_SYSTEM,
		     "open for writing");
	assert_int_equal(ftruncate(fd, (off_t)INT_MAX + 1), 0);
	close(fd);
	assert_fails(files_open(&x86_64_load, path, NULL, 0, &f, err), ERR_NO_SPACE, "2147483647");
	assert_int_equal(truncate(path, FIXTURE_SIZE), 0);
	assert_ok(files_open(&x86_64_load, path, NULL, 0, &f, err));
	assert_kernel(&f);
	files_close(&f);
	unlink(path);
	assert_refused("a kernel?", 9, ERR_UNSUPPORTED, "not a bzImage");
}

/* Its writer may never come. */
TEST(fifo_refused)
{
	char dir[] = "/tmp/lifeboat-test.XXXXXX", path[sizeof(dir) + 8];
	struct files f;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_fails(files_open(&x86_64_load, path, NULL, 0, &f, err), ERR_USAGE,
		     "not a regular file");
	unlink(path);
	rmdir(dir);
}

TEST(names)
{
	assert_string_equal(files_wrap_name(FILES_PLAIN), "plain");
	assert_string_equal(files_wrap_name(FILES_LZMA), "lzma");
	assert_string_equal(files_wrap_name(FILES_UKI), "UKI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(broken_lease),
		cmocka_unit_test(no_initrd),
		cmocka_unit_test(wrapped),
		cmocka_unit_test(wrapped_wrongly),
		cmocka_unit_test(wrapped_twice),
		cmocka_unit_test(uki),
		cmocka_unit_test(uki_cmdline),
		cmocka_unit_test(uki_kernel_only),
		cmocka_unit_test(uki_wrongly),
		cmocka_unit_test(uki_cut_anywhere),
		cmocka_unit_test(bzimage_comes_first),
		cmocka_unit_test(several_initrds),
		cmocka_unit_test(initrds_too_large),
		cmocka_unit_test(initrd_refused),
		cmocka_unit_test(kernel_refused),
		cmocka_unit_test(fifo_refused),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, fill_bzimage, NULL);
}
