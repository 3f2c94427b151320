// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sending is killed before each system call that changes something, here or at the far end: all of it at once, as a power
 * cut does, and the one process that makes the call, as the kernel does when memory has run out. Whenever that is, either the
 * copy here is whole or the one at the far end is; and the next run ends with one that looks whole there, and none here.
 *
 * The calls are taken over from libc by functions of the same names.
 */
#include "tests/unit/send_fixture.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct killer {
	bool on;
	bool all; /* die, not only the one */
	bool dead;
	unsigned int at, count;
	char what[32];
};

static struct killer *killer;

static void point(const char *what)
{
	if (!killer || !killer->on)
		return;
	if (__atomic_load_n(&killer->dead, __ATOMIC_SEQ_CST))
		kill(getpid(), SIGKILL);
	if (__atomic_add_fetch(&killer->count, 1, __ATOMIC_SEQ_CST) != killer->at)
		return;
	snprintf(killer->what, sizeof(killer->what), "%s", what);
	__atomic_store_n(&killer->dead, killer->all, __ATOMIC_SEQ_CST);
	kill(getpid(), SIGKILL);
}

/* It is only counted: the kernel goes on, and a thousand of them take minutes on a busy disk. */
int fsync(int fd)
{
	point("fsync");
	return fd < 0 ? -1 : 0;
}

int rename(const char *from, const char *to)
{
	point("rename");
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	point("renameat");
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int unlink(const char *path)
{
	point("unlink");
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
	point("unlinkat");
	return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
	point("mkdir");
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int rmdir(const char *path)
{
	point("rmdir");
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

ssize_t write(int fd, const void *buf, size_t len)
{
	if (fd > 2)
		point("write");
	return syscall(SYS_write, fd, buf, len);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t off)
{
	point("pwrite");
	return syscall(SYS_pwrite64, fd, buf, len, off);
}

/* In a process of its own; true: it was not killed. */
static bool run_one(uint64_t now, enum config_keep keep)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		const struct send send = {.s = &service,
					  .config = config,
					  .recipe = recipe,
					  .ops_of = far_ops_of,
					  .keep = keep,
					  .at_once = true,
					  .now = now};
		struct err err = {0};
		size_t left;

		service.tell = NULL;
		_exit(send_run(&send, &left, &err) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A child of a step that was killed may take a moment to follow. */
static void wait_for_all(void)
{
	int fd = open(HERE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < 1000 && syscall(SYS_flock, fd, 2 | 4); i++) /* LOCK_EX | LOCK_NB */
		usleep(5000);
	close(fd);
}

static bool is_whole_here(void)
{
	return strcmp(text_of(HERE "/vmcore"), DUMP) == 0 &&
	       strcmp(text_of(HERE "/dmesg.txt"), LOG) == 0 && exists(HERE "/crash.json");
}

static bool is_whole_there(const char *name)
{
	char path[300];
	struct err ignored;

	snprintf(path, sizeof(path), "far/%s", name);
	if (manifest_check(path, NULL, NULL, &ignored))
		return false;
	snprintf(path, sizeof(path), "far/%s/vmcore", name);
	if (strcmp(text_of(path), DUMP) != 0)
		return false;
	snprintf(path, sizeof(path), "far/%s/dmesg.txt", name);
	return strcmp(text_of(path), LOG) == 0;
}

static unsigned int whole_there(void)
{
	const struct dirent *e;
	DIR *d = opendir("far");
	unsigned int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.' && is_whole_there(e->d_name);
	closedir(d);
	return n;
}

/* Files in folders there that are not whole. */
static unsigned int left_there(void)
{
	const struct dirent *e, *file;
	DIR *d = opendir("far");
	unsigned int n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[300];
		DIR *in;

		snprintf(path, sizeof(path), "far/%s", e->d_name);
		if (e->d_name[0] == '.' || is_whole_there(e->d_name) || !(in = opendir(path)))
			continue;
		while ((file = readdir(in)))
			n += file->d_name[0] != '.';
		closedir(in);
	}
	closedir(d);
	return n;
}

static void clear(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf %s/far %s/var/crash %s/var/lib", scratch,
		 scratch, scratch);
	assert_int_equal(system(command), 0);
	make_folders("var/crash");
	make_folders("far");
}

/* Kill the n-th call of sending; false: there are not so many. */
static bool kill_at(unsigned int n, bool all, enum config_keep keep)
{
	unsigned int folders, dumps;
	struct sending *left;
	size_t n_left;
	bool done;

	clear();
	spool_crash(HERE, SPOOLED);
	*killer = (struct killer){.on = true, .all = all, .at = n};
	done = run_one(NOW, keep);
	killer->on = false;
	wait_for_all();
	if (killer->count < n) {
		assert_true(done);
		return false;
	}
	if (!is_whole_here() && whole_there() != 1)
		fail_msg("killed at call %u (%s): neither copy is whole", n, killer->what);
	if (!run_one(NOW + 100000, keep))
		fail_msg("killed at call %u (%s): the next run failed", n, killer->what);
	folders = far_folders(&dumps);
	if (whole_there() != 1 || dumps != 1)
		fail_msg("killed at call %u (%s): %u whole of %u folders, %u with a dump", n,
			 killer->what, whole_there(), folders, dumps);
	/* one begun and never known of may be left, empty */
	if (folders > 2 || left_there())
		fail_msg("killed at call %u (%s): %u folders, %u files in those that are not whole",
			 n, killer->what, folders, left_there());
	if (exists(HERE "/vmcore") || (keep == CONFIG_KEEP_NOTHING && exists(HERE)))
		fail_msg("killed at call %u (%s): something is still here", n, killer->what);
	assert_ok(sending_list(&service, &left, &n_left, err));
	free(left);
	if (n_left)
		fail_msg("killed at call %u (%s): it is still on record", n, killer->what);
	return true;
}

/* `at_end`: only so many of the last calls; 0: all. */
static void kill_everywhere(bool all, enum config_keep keep, unsigned int at_end)
{
	unsigned int n = 1;

	killer = step_shared_alloc(sizeof(*killer));
	assert_non_null(killer);
	if (at_end) {
		assert_false(kill_at(UINT_MAX, all, keep));
		n = killer->count - at_end;
	}
	while (kill_at(n, all, keep))
		n++;
	/* of a sending there are so many that none would be a test that looks elsewhere */
	assert_in_range(n, 40, 1000);
	step_shared_free(killer, sizeof(*killer));
	killer = NULL;
}

TEST(a_power_cut_at_each_call)
{
	kill_everywhere(true, CONFIG_KEEP_LOG, 0);
}

/* It found that a cut between the last file and the folder left that behind for ever. */
TEST(a_power_cut_while_everything_is_removed)
{
	kill_everywhere(true, CONFIG_KEEP_NOTHING, 30);
}

TEST(one_process_killed_at_each_call)
{
	kill_everywhere(false, CONFIG_KEEP_LOG, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, send_setup, send_teardown)
	static const struct CMUnitTest tests[] = {
		T(a_power_cut_at_each_call),
		T(a_power_cut_while_everything_is_removed),
		T(one_process_killed_at_each_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
