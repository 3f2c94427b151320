// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/raw_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "capture/salvage.h"

/* ---- a disk that loses its power: these stand in for the C library's */

struct undo {
	uint64_t at;
	size_t len;
	uint8_t *old;
};

#define CUT       42 /* exit status of a process whose power was cut */
#define TOO_EARLY 43 /* of one that has written a header before what it vouches for was flushed */

/* Of the writes that were not flushed when the power went, any may be lost, and of the last one any sectors. */
static struct {
	ino_t device; /* 0: nothing is watched */
	unsigned int writes, cut_at;
	unsigned int seed;
	struct undo pending[4096];
	size_t n;
} disk;

static bool is_watched(int fd)
{
	struct stat st;

	return disk.device && fstat(fd, &st) == 0 && st.st_ino == disk.device;
}

static ssize_t plain_pwrite(int fd, const void *buf, size_t len, off_t off)
{
	return syscall(SYS_pwrite64, fd, buf, len, off);
}

static void forget_pending(void)
{
	while (disk.n)
		free(disk.pending[--disk.n].old);
}

static void remember(int fd, size_t len, off_t off)
{
	struct undo *u = &disk.pending[disk.n++];

	assert_true(disk.n < 4096);
	*u = (struct undo){(uint64_t)off, len, malloc(len)};
	assert_int_equal(pread(fd, u->old, len, off), len);
}

static void lose_power(int fd)
{
	for (size_t i = disk.n; i-- > 0;) {
		const struct undo *u = &disk.pending[i];
		bool last = i == disk.n - 1;

		if (!last && rand_r(&disk.seed) % 2)
			continue;
		/* by sectors, if it is the last one; else all of it */
		for (size_t at = 0; at < u->len;) {
			size_t n = last ? 512 - (u->at + at) % 512 : u->len;

			n = n < u->len - at ? n : u->len - at;
			if (!last || rand_r(&disk.seed) % 2)
				plain_pwrite(fd, u->old + at, n, (off_t)(u->at + at));
			at += n;
		}
	}
	_exit(CUT);
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t off);
ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t off)
{
	ssize_t n;

	if (!is_watched(fd))
		return plain_pwrite(fd, buf, len, off);
	if (disk.n && len == CRASHPART_BLOCK && memcmp(buf, "LIFEBOAT", 8) == 0)
		_exit(TOO_EARLY);
	remember(fd, len, off);
	n = plain_pwrite(fd, buf, len, off);
	if (++disk.writes == disk.cut_at)
		lose_power(fd);
	return n;
}

int fdatasync(int fd)
{
	if (!is_watched(fd))
		return (int)syscall(SYS_fdatasync, fd);
	forget_pending();
	return 0;
}

static void watch(unsigned int cut_at)
{
	struct stat st;

	assert_int_equal(stat("dev/raw", &st), 0);
	disk.device = st.st_ino;
	disk.cut_at = cut_at;
	disk.seed = cut_at;
}

/* ---- */

static int open_raw(void)
{
	int fd = open("dev/raw", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool has_dump; /* what salvage() copied last */

static char *salvage(const struct crashpart_entry *entry)
{
	char *folder = NULL;
	int fd = open_raw();

	assert_ok(salvage_copy(fd, entry, "raw", "into", &folder, &has_dump, err));
	close(fd);
	return folder;
}

static const char *file_of(const char *folder, const char *name)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool is_dump(const char *path, size_t want)
{
	_cleanup_free_ char *data = NULL;
	struct err err;
	size_t len;

	if (io_read_file(path, 32 << 20, &data, &len, &err) || len != want)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)data[i] != raw_dump_byte(i))
			return false;
	return true;
}

static int count_files(const char *folder)
{
	DIR *d = opendir(folder);
	int n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

TEST(a_whole_crash_becomes_a_folder)
{
	_cleanup_free_ char *folder = NULL, *second = NULL;
	struct crashpart_entry e;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "the log\n");
	e = raw_walk("dev/raw").list[0];
	folder = salvage(&e);
	assert_string_equal(folder, "into/" RAW_NAME);
	assert_int_equal(mode_of("into"), 0755);
	assert_int_equal(mode_of(folder), 0700);
	assert_int_equal(count_files(folder), 4);
	assert_string_equal(text_of(file_of(folder, "dmesg.txt")), "the log\n");
	assert_int_equal(mode_of(file_of(folder, "dmesg.txt")), 0600);
	assert_non_null(strstr(text_of(file_of(folder, "crash.json")), "\"a\":1"));
	assert_true(has_dump && is_dump(file_of(folder, "vmcore"), RAW_DUMP));
	assert_ok(manifest_check(folder, NULL, NULL, err));
	assert_non_null(strstr(text_of(file_of(folder, "SHA256SUMS")), "  vmcore\n"));
	second = salvage(&e);
	assert_string_equal(second, "into/" RAW_NAME "-2");
	raw_deinit(&r);
}

/* The power went, or time was over: what is there is kept, under a name that says so. */
TEST(what_was_broken_off_is_incomplete)
{
	_cleanup_free_ char *folder = NULL;
	struct raw_entries e;
	struct out *out;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_begin(&r);
	raw_put(&r, CRASH_LOG, "the log\n");
	out = raw_write_dump(&r, 5000);
	out->ops->leave(out);
	e = raw_walk("dev/raw");
	folder = salvage(&e.list[0]);
	assert_int_equal(count_files(folder), 3);
	assert_string_equal(text_of(file_of(folder, "dmesg.txt")), "the log\n");
	assert_true(!has_dump && is_dump(file_of(folder, "vmcore.incomplete"), 5000));
	assert_ok(manifest_check(folder, NULL, NULL, err));
	assert_null(strstr(text_of(file_of(folder, "SHA256SUMS")), "vmcore"));
	raw_deinit(&r);
}

TEST(a_changed_byte_is_found)
{
	_cleanup_free_ char *folder = NULL;
	struct crashpart_entry e;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "the log\n");
	e = raw_walk("dev/raw").list[0];
	assert_string_equal(e.parts[3].name, "vmcore");
	fd = open_raw();
	assert_int_equal(pwrite(fd, "!", 1, (off_t)(e.parts[3].offset + 777777)), 1);
	close(fd);
	e.parts[0].broken = true;
	folder = salvage(&e);
	assert_true(exists(file_of(folder, "vmcore.incomplete")));
	assert_false(has_dump || exists(file_of(folder, "vmcore")));
	assert_true(exists(file_of(folder, "dmesg.txt.incomplete")));
	assert_non_null(strstr(text_of(file_of(folder, "crash.json")), "\"a\":1"));
	assert_ok(manifest_check(folder, NULL, NULL, err));
	raw_deinit(&r);
}

/* A device that ends early stands for one that cannot be read. */
TEST(what_cannot_be_read_is_incomplete)
{
	_cleanup_free_ char *folder = NULL;
	struct crashpart_entry e;
	struct stat st;
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "the log\n");
	e = raw_walk("dev/raw").list[0];
	assert_int_equal(truncate("dev/raw", (off_t)(e.parts[3].offset + RAW_DUMP - 5000)), 0);
	folder = salvage(&e);
	assert_false(has_dump || exists(file_of(folder, "vmcore")));
	assert_int_equal(stat(file_of(folder, "vmcore.incomplete"), &st), 0);
	assert_int_equal(st.st_size, RAW_DUMP);
	raw_deinit(&r);
}

/* Names that no capture of ours gives. */
TEST(other_names_count_for_nothing)
{
	_cleanup_free_ char *folder = NULL;
	struct crashpart_entry e = {
		.state = CRASHPART_WHOLE,
		.end = 16384,
		.crash_time = RAW_TIME,
		.parts = {{.name = "pinned", .offset = 4096, .size = 3, .digested = true},
			  {.name = "SHA256SUMS", .offset = 8192, .size = 100}},
		.n_parts = 2,
	};
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	fd = open_raw();
	assert_ok(manifest_digest(fd, 4096, 3, "raw", e.parts[0].sha256, err));
	close(fd);
	folder = salvage(&e);
	assert_int_equal(count_files(folder), 1);
	assert_true(exists(file_of(folder, "pinned.incomplete")));
	raw_deinit(&r);
}

/* The folder's disk is full half-way. */
TEST(a_failure_leaves_no_folder)
{
	const struct rlimit little = {100000, RLIM_INFINITY};
	struct rlimit before;
	struct crashpart_entry e;
	char *folder = NULL;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "the log\n");
	e = raw_walk("dev/raw").list[0];
	fd = open_raw();
	assert_fails(salvage_copy(fd, &e, "raw", "no/where", &folder, &has_dump, err),
		     ERR_NOT_FOUND, "no/where");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_fails(salvage_copy(fd, &e, "raw", "into", &folder, &has_dump, err), ERR_SYSTEM,
		     "vmcore");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_null(folder);
	assert_int_equal(count_files("into"), 0);
	close(fd);
	raw_deinit(&r);
}

/* It filled the root file system to the last byte before it found out. */
TEST(no_room_for_a_crash)
{
	const struct rlimit little = {100000, RLIM_INFINITY};
	struct crashpart_entry e;
	struct rlimit before;
	char *folder = NULL;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "the log\n");
	e = raw_walk("dev/raw").list[0];
	e.parts[3].size = 1ULL << 50;
	e.end = 1ULL << 51;
	fd = open_raw();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_fails(salvage_copy(fd, &e, "raw", "into", &folder, &has_dump, err), ERR_NO_SPACE,
		     "into/" RAW_NAME ": there is room for");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_null(folder);
	assert_int_equal(count_files("into"), 0);
	close(fd);
	raw_deinit(&r);
}

TEST(marking_and_clearing)
{
	struct crashpart_entry e;
	struct raw r;
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	fd = open_raw();
	assert_ok(salvage_clear(fd, RAW_SIZE, false, "raw", err)); /* nothing is there */
	raw_capture(&r, "one\n");
	raw_capture(&r, "two\n");
	e = raw_walk("dev/raw").list[0];
	assert_fails(salvage_clear(fd, RAW_SIZE, false, "raw", err), ERR_USAGE, "entry 1");
	assert_ok(salvage_mark(fd, &e, "raw", err));
	assert_int_equal(raw_walk("dev/raw").list[0].state, CRASHPART_COLLECTED);
	assert_fails(salvage_clear(fd, RAW_SIZE, false, "raw", err), ERR_USAGE, "entry 2");
	assert_int_equal(raw_walk("dev/raw").n, 2);
	e = raw_walk("dev/raw").list[1];
	e.id[3] ^= 1;
	assert_fails(salvage_mark(fd, &e, "raw", err), ERR_CORRUPT, "another entry");
	e.id[3] ^= 1;
	assert_ok(salvage_mark(fd, &e, "raw", err));
	assert_ok(salvage_clear(fd, RAW_SIZE, false, "raw", err));
	assert_int_equal(raw_walk("dev/raw").n, 0);
	/* none of its headers is left, wherever the next store's entries end */
	assert_fails(crashpart_read(fd, e.offset, RAW_SIZE, "raw", &e, err), ERR_CORRUPT,
		     "no entry");
	assert_ok(r.t.ops->attach(&r.t, err));

	raw_capture(&r, "three\n");
	assert_ok(salvage_clear(fd, RAW_SIZE, true, "raw", err));
	assert_int_equal(raw_walk("dev/raw").n, 0);
	close(fd);
	raw_deinit(&r);
}

TEST(a_damaged_store_is_cleared_by_force_only)
{
	struct raw r;
	char text[9] = "";
	int fd;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "one\n");
	fd = open_raw();
	assert_int_equal(pwrite(fd, "x", 1, 20), 1);
	assert_fails(salvage_clear(fd, RAW_SIZE, false, "raw", err), ERR_USAGE, "damaged");
	assert_ok(salvage_clear(fd, RAW_SIZE, true, "raw", err));
	assert_ok(r.t.ops->attach(&r.t, err));
	/* of somebody else: not even by force */
	assert_int_equal(pwrite(fd, "precious", 8, 0), 8);
	assert_ok(salvage_clear(fd, RAW_SIZE, true, "raw", err));
	assert_int_equal(pread(fd, text, 8, 0), 8);
	assert_string_equal(text, "precious");
	close(fd);
	raw_deinit(&r);
}

/* ---- power cuts */

#define CUT_SIZE (6ULL << 20)
#define CUT_DUMP 700001

static const char record[] = "{\"schema\":\"lifeboat-crash-1\"}\n";

/* A crash from begin to seal. */
static void fill(struct raw *r, const char *log)
{
	struct out *out;

	raw_begin(r);
	raw_put(r, CRASH_LOG, log);
	raw_put(r, CRASH_RECORD, record);
	out = raw_write_dump(r, 300000);
	out->ops->leave(out);
	out = raw_write_dump(r, CUT_DUMP);
	assert_ok(out->ops->commit(out, err));
	raw_put(r, CRASH_RECORD, record);
	raw_put_manifest(r);
	assert_ok(r->t.ops->seal(&r->t, true, err));
}

static void fill_and_collect(struct raw *r)
{
	struct raw_entries e;
	int fd = open_raw();

	fill(r, "two\n");
	e = raw_walk("dev/raw");
	for (size_t i = 0; i < e.n; i++)
		assert_ok(salvage_mark(fd, &e.list[i], "raw", err));
	assert_ok(salvage_clear(fd, CUT_SIZE, false, "raw", err));
	close(fd);
}

/* Returns whether the power was cut; it is not once there are no more writes. */
static bool run_until(struct raw *r, unsigned int cut)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		watch(cut);
		fill_and_collect(r);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == CUT || WEXITSTATUS(status) == 0));
	return WEXITSTATUS(status) == CUT;
}

/* What stands under a final name is what was written; returns whether there is a dump. */
static bool check_salvaged(const struct crashpart_entry *e, const char *log)
{
	_cleanup_free_ char *folder = salvage(e);
	bool dump = exists(file_of(folder, "vmcore"));

	if (exists(file_of(folder, "dmesg.txt")))
		assert_string_equal(text_of(file_of(folder, "dmesg.txt")), log);
	if (exists(file_of(folder, "crash.json")))
		assert_non_null(strstr(text_of(file_of(folder, "crash.json")), "lifeboat-crash-1"));
	if (dump)
		assert_true(is_dump(file_of(folder, "vmcore"), CUT_DUMP));
	if (e->state == CRASHPART_WHOLE)
		assert_true(dump && exists(file_of(folder, "dmesg.txt")));
	if (exists(file_of(folder, "SHA256SUMS")))
		assert_ok(manifest_check(folder, NULL, NULL, err));
	return dump;
}

/*
 * The power goes at each write of a second capture, and of marking and clearing both. What the next boot sees is an
 * earlier entry that is intact until the store is cleared, and nothing that claims to be more than it is.
 */
TEST(a_power_cut_at_any_write)
{
	unsigned int cut, second = 0, dumps = 0, none = 0;
	struct raw_entries e;
	struct raw r;

	for (cut = 1;; cut++) {
		bool was_cut;

		assert_true(cut < 500);
		raw_init(&r);
		raw_make_device(CUT_SIZE);
		fill(&r, "one\n");
		was_cut = run_until(&r, cut);
		raw_deinit(&r);
		e = raw_walk("dev/raw");
		if (!was_cut)
			break;
		assert_true(e.n <= 2);
		if (e.n)
			assert_true(check_salvaged(&e.list[0], "one\n"));
		none += e.n == 0;
		second += e.n == 2;
		dumps += e.n == 2 && check_salvaged(&e.list[1], "two\n");
		assert_int_equal(scratch_drop(NULL) || raw_setup(NULL), 0);
	}
	assert_int_equal(e.n, 0);
	/* only with the very last write the first one goes */
	assert_true(none <= 1 && cut > 20 && second > 10 && dumps > 2);
}

#define test(name) cmocka_unit_test_setup_teardown(name, raw_setup, scratch_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_whole_crash_becomes_a_folder),
		test(what_was_broken_off_is_incomplete),
		test(a_changed_byte_is_found),
		test(what_cannot_be_read_is_incomplete),
		test(other_names_count_for_nothing),
		test(a_failure_leaves_no_folder),
		test(no_room_for_a_crash),
		test(marking_and_clearing),
		test(a_damaged_store_is_cleared_by_force_only),
		test(a_power_cut_at_any_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
