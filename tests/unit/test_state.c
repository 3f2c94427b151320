// SPDX-License-Identifier: GPL-2.0-or-later
/* The record of what is loaded, and the copies of its files. */
#include <poll.h>
#include <sys/wait.h>

#include <dirent.h>
#include <time.h>

#include "tests/unit/fake_kernel.h"

#define DIGEST_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DIGEST_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define RECORD                                                               \
	"method=kexec_load\nkernel=/boot/vmlinuz\nrelease=6.1\ncmdline=a=b " \
	"c\nkernel-sha256=" DIGEST_A "\ninitrd-sha256=" DIGEST_B "\ntime=1700000000\n"

static void put_record(const char *text, size_t len)
{
	char path[128];

	if (access(fake.run, F_OK))
		assert_int_equal(mkdir(fake.run, 0700), 0);
	snprintf(path, sizeof(path), "%s/panic-kernel", fake.run);
	fake_write(path, text, len);
}

static int read_record(const char *text, struct state *ret, struct err *err)
{
	put_record(text, strlen(text));
	return state_read(&fake.dirs, ret, err);
}

static struct plan make_plan(void)
{
	struct load_request request = fake_request(LOAD_BY_FILES);
	struct plan p;

	assert_ok(plan_make(&fake.root, &request, &p, err));
	return p;
}

static int n_copies(void)
{
	DIR *dir = opendir(fake.lib);
	struct dirent *e;
	int n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* ---- reading */

TEST(no_record)
{
	struct state s = {.method = LOAD_BY_SEGMENTS};

	fake_up("ready");
	assert_ok(state_read(&fake.dirs, &s, err)); /* no folder */
	assert_false(s.known);
	state_deinit(&s);
	assert_ok(state_forget(&fake.dirs, err));
	fake_down();
}

TEST(good_record)
{
	struct state s;

	fake_up("ready");
	assert_ok(read_record(RECORD, &s, err));
	assert_true(s.known && s.method == LOAD_BY_SEGMENTS && !s.memory_known);
	assert_string_equal(s.kernel, "/boot/vmlinuz");
	assert_string_equal(s.release, "6.1");
	assert_string_equal(s.cmdline, "a=b c");
	assert_int_equal(s.time, 1700000000);
	assert_int_equal(s.kernel_digest[1], 0x11);
	assert_int_equal(s.initrd_digest[31], 0x00);
	state_deinit(&s);
	/* the last of two counts, and the first is not lost */
	assert_ok(read_record(RECORD "memory=" DIGEST_B "\nrelease=\ncmdline=\n", &s, err));
	assert_true(s.memory_known && s.memory[0] == 0xff);
	assert_string_equal(s.release, "");
	assert_string_equal(s.cmdline, "");
	state_deinit(&s);
	fake_down();
}

TEST(bad_records)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "is not complete"},
		{"\n\n", "is not complete"},
		{"time=1\n", "is not complete"},
		{"method=kexec_load\nkernel=a\ncmdline=b\ntime=1\n", "is not complete"},
		{"method=kexec_load\nkernel=a\ncmdline=b\ntime=1\nrelease=c\n", "is not complete"},
		{RECORD "x\n", "line 8, \"x\", makes no sense"},
		{RECORD "x=1\n", "line 8, \"x\", makes no sense"},
		{RECORD "=1\n", "line 8"},
		{RECORD "method=auto\n", "\"method\""},
		{RECORD "method=\n", "\"method\""},
		{RECORD "time=0\n", "\"time\""},
		{RECORD "time=-1\n", "\"time\""},
		{RECORD "time=99999999999999999999\n", "\"time\""},
		{RECORD "memory=" DIGEST_A "0\n", "\"memory\""},
		{RECORD "memory=0011\n", "\"memory\""},
		{RECORD "kernel-sha256=G" DIGEST_A "\n", "\"kernel-sha256\""},
		{RECORD "kernel-sha256=-" DIGEST_A "\n", "\"kernel-sha256\""},
		{RECORD "initrd-sha256=\n", "\"initrd-sha256\""},
	};
	struct state s;
	char *large;

	fake_up("ready");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_fails(read_record(cases[i].text, &s, err), ERR_CORRUPT, cases[i].says);
	put_record(RECORD "\0",
		   sizeof(RECORD)); /* a power cut may leave zeros at the end of a file */
	assert_fails(state_read(&fake.dirs, &s, err), ERR_CORRUPT, "line 8, \"\", makes no sense");
	large = calloc(1, 2 << 20);
	assert_non_null(large);
	memset(large, '\n', 2 << 20);
	put_record(large, 2 << 20);
	free(large);
	assert_fails(state_read(&fake.dirs, &s, err), ERR_CORRUPT, "panic-kernel");
	fake_down();
}

/* ---- writing */

TEST(write_read)
{
	enum load_method methods[] = {LOAD_BY_FILES, LOAD_BY_SEGMENTS};
	struct state_paths paths;
	struct load_request r;
	struct state s;
	struct stat st;
	struct plan p;

	fake_up("ready");
	p = make_plan();
	for (int i = 0; i < 2; i++) {
		assert_ok(state_write(&fake.dirs, &p, methods[i], err));
		assert_ok(state_read(&fake.dirs, &s, err));
		assert_true(s.known && s.method == methods[i] && s.memory_known);
		assert_string_equal(s.kernel, fake.kernel);
		assert_string_equal(s.release, FIXTURE_RELEASE);
		assert_string_equal(s.cmdline, FAKE_CMDLINE);
		assert_in_range(s.time, time(NULL) - 100, time(NULL));
		assert_true(state_matches(&s, &p, methods[i]));
		assert_false(state_matches(&s, &p, methods[!i]));
		r = state_request(&fake.dirs, &s, &paths);
		assert_true(r.panic && r.no_rules && r.method == methods[i] && r.n_initrds == 1);
		assert_string_equal(r.cmdline, FAKE_CMDLINE);
		assert_int_equal(stat(r.kernel, &st), 0);
		assert_int_equal(st.st_size, FIXTURE_SIZE);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(stat(r.initrds[0], &st), 0);
		assert_int_equal(st.st_size, strlen(FAKE_INITRD));
		state_deinit(&s);
	}
	assert_int_equal(stat(fake.lib, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(n_copies(), 2);
	assert_ok(state_forget(&fake.dirs, err));
	assert_ok(state_read(&fake.dirs, &s, err));
	assert_false(s.known);
	plan_deinit(&p);
	fake_down();
}

/* Each thing that a load depends on. */
TEST(matches)
{
	struct state s;
	struct plan p;

	fake_up("ready");
	p = make_plan();
	assert_ok(state_write(&fake.dirs, &p, p.method, err));
	assert_ok(state_read(&fake.dirs, &s, err));
	assert_true(state_matches(&s, &p, p.method));
	s.kernel_digest[31] ^= 1;
	assert_false(state_matches(&s, &p, p.method));
	s.kernel_digest[31] ^= 1;
	s.initrd_digest[0] ^= 1;
	assert_false(state_matches(&s, &p, p.method));
	s.initrd_digest[0] ^= 1;
	s.cmdline[0] ^= 1;
	assert_false(state_matches(&s, &p, p.method));
	s.cmdline[0] ^= 1;
	s.memory[16] ^= 1;
	assert_false(state_matches(&s, &p, p.method));
	p.machine.elfcorehdr_size = 0x1000; /* the kernel keeps it up to date */
	assert_true(state_matches(&s, &p, p.method));
	p.machine.elfcorehdr_size = 0;
	s.memory[16] ^= 1;
	s.memory_known = false;
	assert_false(state_matches(&s, &p, p.method));
	s.memory_known = true;
	s.known = false;
	assert_false(state_matches(&s, &p, p.method));
	state_deinit(&s);
	plan_deinit(&p);
	fake_down();
}

/* RAM, reservation and CPUs, not the rest of the map. */
TEST(memory)
{
	uint8_t before[32], after[32];
	struct plan p;

	fake_up("ready");
	p = make_plan();
	assert_true(p.machine.n_areas > 1 && p.machine.crash.n == 1 && p.machine.n_cpus);
	state_memory(&p.machine, before);
	for (size_t i = 0; i < p.machine.n_areas; i++) {
		p.machine.areas[i].range.end ^= 0x1000;
		state_memory(&p.machine, after);
		assert_int_equal(memcmp(before, after, 32) != 0,
				 p.machine.areas[i].kind == AREA_RAM);
		p.machine.areas[i].range.end ^= 0x1000;
	}
	p.machine.crash.v[0].start ^= 0x1000;
	state_memory(&p.machine, after);
	assert_memory_not_equal(before, after, 32);
	p.machine.crash.v[0].start ^= 0x1000;
	p.machine.n_cpus--;
	state_memory(&p.machine, after);
	assert_memory_not_equal(before, after, 32);
	plan_deinit(&p);
	fake_down();
}

/* ---- copies */

/* A bug once: copies that the record of an earlier boot had named stayed for ever. */
TEST(old_copies)
{
	static const char *const names[] = {"kernel-0123456789abcdef", "initrd-fedcba9876543210",
					    "kernel-0123456789abcdef.tmp"};
	static const char *const others[] = {"kernel-6.1", "initrd-0123456789abcdef0", "notes"};
	char path[128];
	struct plan p;

	fake_up("ready");
	p = make_plan();
	assert_int_equal(mkdir(fake.lib, 0700), 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", fake.lib, names[i]);
		fake_write(path, "old", 3);
		snprintf(path, sizeof(path), "%s/%s", fake.lib, others[i]);
		fake_write(path, "another's", 9);
	}
	assert_ok(state_write(&fake.dirs, &p, p.method, err));
	assert_int_equal(n_copies(), 3 + 2);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", fake.lib, others[i]);
		assert_int_equal(access(path, F_OK), 0);
	}
	plan_deinit(&p);
	fake_down();
}

/* A bug once: a copy of the right size was taken for good, and stayed damaged whatever was loaded. */
TEST(damaged_copy)
{
	_cleanup_free_ char *data = NULL;
	struct state_paths paths;
	struct load_request r;
	struct state s;
	struct plan p;
	size_t len;

	fake_up("ready");
	p = make_plan();
	assert_ok(state_write(&fake.dirs, &p, p.method, err));
	assert_ok(state_read(&fake.dirs, &s, err));
	r = state_request(&fake.dirs, &s, &paths);
	fake_write(r.initrds[0], "070701 an Initramfs", strlen(FAKE_INITRD));
	assert_ok(state_write(&fake.dirs, &p, p.method, err));
	assert_ok(io_read_file(r.initrds[0], 100, &data, &len, err));
	assert_string_equal(data, FAKE_INITRD);
	state_deinit(&s);
	plan_deinit(&p);
	fake_down();
}

/* A bug once: the record of what had been loaded before stayed, although it was not loaded any more. */
TEST(failed_write)
{
	struct state s;
	struct plan p;

	fake_up("ready");
	p = make_plan();
	assert_ok(state_write(&fake.dirs, &p, p.method, err));
	fake.dirs.lib = "/proc/no";
	assert_fails(state_write(&fake.dirs, &p, p.method, err), ERR_NOT_FOUND, "/proc/no");
	assert_ok(state_read(&fake.dirs, &s, err));
	assert_false(s.known);
	plan_deinit(&p);
	fake_down();
}

/* Below a long --root the path was cut, so there was "no record"; a FIFO there was waited for. */
TEST(record_of_a_recorded_machine)
{
	char run[600], path[700];
	struct state s;

	fake_up("ready");
	put_record(RECORD, strlen(RECORD));
	snprintf(run, sizeof(run), "%s/", fake.run);
	while (strlen(run) < 500)
		strcat(run, "./");
	fake.dirs.run = run;
	assert_ok(state_read(&fake.dirs, &s, err));
	assert_true(s.known);
	state_deinit(&s);
	snprintf(path, sizeof(path), "%s/panic-kernel", fake.run);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(10);
	assert_fails(state_read(&fake.dirs, &s, err), ERR_CORRUPT, "is not complete");
	alarm(0);
	fake_down();
}

/* Two loads at once: each wrote its record when it was done, and the last one need not be what is loaded. */
TEST(one_at_a_time)
{
	int fd, ends[2];
	struct pollfd p;
	pid_t child;

	fake_up("ready");
	fd = state_lock(&fake.dirs);
	assert_true(fd >= 0);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(fd);
		_exit(state_lock(&fake.dirs) < 0 || write(ends[1], "x", 1) != 1);
	}
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 200), 0);
	close(fd);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
	close(ends[1]);
	/* no folder, no lock, and no waiting */
	fake.dirs.run = "/proc/no";
	assert_int_equal(state_lock(&fake.dirs), -1);
	fake_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_record),
		cmocka_unit_test(good_record),
		cmocka_unit_test(bad_records),
		cmocka_unit_test(write_read),
		cmocka_unit_test(matches),
		cmocka_unit_test(memory),
		cmocka_unit_test(old_copies),
		cmocka_unit_test(damaged_copy),
		cmocka_unit_test(failed_write),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(record_of_a_recorded_machine),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
