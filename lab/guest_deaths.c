// SPDX-License-Identifier: GPL-2.0-or-later
/* The ways to die that the kernel itself has; those of lab/crasher are in guest_crasher.c. */
#include "lab/guest_deaths.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/guest.h"
#include "lab/guest_crasher.h"

#define MAX_WORDS     8
#define MIB           (1UL << 20)
#define PAGE          4096UL
#define DIE_SECONDS   60 /* the guest's deadline is shorter where it has to be */
#define WRITE_SECONDS 2
#define WRITER_BYTES  (192 * 1024)
#define CGROUP        "/tmp/lab-cgroup"

struct way {
	const char *name;
	void (*prepare)(char *const words[]); /* NULL: nothing to do */
	void (*die)(char *const words[]);     /* words[0] is the name, the last one NULL */
};

static void put_text(const char *path, const char *text)
{
	if (!guest_put_text(path, text))
		die("write \"%s\" to %s: %m", text, path);
}

void guest_sysctls(char *list)
{
	char path[128] = "/proc/sys/", *save = NULL;

	for (char *word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');

		if (!value)
			die("/lab.conf: sysctls: %s has no value", word);
		*value++ = '\0';
		snprintf(path + 10, sizeof(path) - 10, "%s", word);
		for (char *p = path + 10; *p; p++)
			if (*p == '.')
				*p = '/';
		put_text(path, value);
	}
}

/* A process of its own: 0 in it, as of fork(). Its name is in the report of what it does. */
static pid_t begin(const char *name)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %m");
	if (!pid)
		prctl(PR_SET_NAME, name);
	return pid;
}

/* Someone else dies meanwhile. */
static void wait_for_death(void)
{
	sleep(DIE_SECONDS);
}

static unsigned long number_of(const char *word, unsigned long usual)
{
	return word ? strtoul(word, NULL, 10) : usual;
}

/* ---- at once */

static void die_sysrq(char *const words[])
{
	(void)words;
	put_text("/proc/sysrq-trigger", "c");
}

/* Every CPU at the same time: one panics, the others find that one does. */
static void die_sysrq_all(char *const words[])
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int *ready = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)words;
	if (ready == MAP_FAILED || cpus < 2)
		die("a panic of all CPUs takes two of them: %ld", cpus);
	for (long cpu = 0; cpu < cpus; cpu++) {
		int fd;

		if (begin("lab-all"))
			continue;
		move_to_cpu((unsigned long)cpu);
		fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
		__atomic_add_fetch(ready, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(ready, __ATOMIC_SEQ_CST) < cpus)
			;
		if (write(fd, "c", 1) != 1)
			die("sysrq: %m");
	}
	wait_for_death();
}

/* The host sends what only a machine can: an NMI, a machine check. */
static void die_by_host(char *const words[])
{
	wait_for_host(words[0]);
	wait_for_death();
}

/* PID 1 ends, or (as with a broken libc) is killed. */
static void die_init(char *const words[])
{
	int *volatile nowhere = (int *)8;

	if (words[1] && strcmp(words[1], "killed") == 0)
		*nowhere = 1;
	_exit(42);
}

/* ---- nothing goes on */

/* A write to a frozen file system waits, not to be killed: sb_start_write() of include/linux/fs.h. */
static void die_hung(char *const words[])
{
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	(void)words;
	if (fd < 0 || ioctl(fd, FIFREEZE, 0))
		die("freeze /: %m");
	if (!begin("lab-hung")) {
		mkdir("/lab-hung", 0700);
		die("a frozen file system was written to");
	}
	wait_for_death();
}

/*
 * A real-time process that never sleeps, on the only CPU: the kernel's thread that ends grace periods does not run again
 * (rcu_check_gp_kthread_starvation() of kernel/rcu/tree_stall.h).
 */
static void die_rcu(char *const words[])
{
	struct sched_param most = {.sched_priority = sched_get_priority_max(SCHED_FIFO)};

	(void)words;
	put_text("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	put_text("/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout", "3");
	if (!begin("lab-greedy")) {
		sync(); /* it waits for a grace period's callbacks to be there */
		if (sched_setscheduler(0, SCHED_FIFO, &most))
			die("SCHED_FIFO: %m");
		for (;;)
			;
	}
	wait_for_death();
}

static void hog(void)
{
	for (;;) {
		char *area = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (area == MAP_FAILED)
			die("mmap: %m");
		for (size_t at = 0; at < 4 * MIB; at += PAGE)
			area[at] = 1;
	}
}

/* "oom": of the whole machine; "oom cgroup": of a group with a limit. */
static void die_oom(char *const words[])
{
	if (words[1]) {
		must_mount("cgroup2", CGROUP, "cgroup2", 0);
		put_text(CGROUP "/cgroup.subtree_control", "+memory");
		if (mkdir(CGROUP "/lab", 0755))
			die("mkdir " CGROUP "/lab: %m");
		put_text(CGROUP "/lab/memory.max", "33554432");
	}
	if (!begin("lab-hog")) {
		if (words[1])
			put_text(CGROUP "/lab/cgroup.procs", "0");
		hog();
	}
	wait_for_death();
}

/* ---- while something else is done */

/* Files that are written, synced, renamed over others and deleted, without end. */
static void write_for_ever(unsigned long number, unsigned long *synced)
{
	static char chunk[WRITER_BYTES];
	char folder[64], path[96], other[96];

	snprintf(folder, sizeof(folder), "/lab-writer-%lu", number);
	if (mkdir(folder, 0755))
		die("mkdir %s: %m", folder);
	for (unsigned long i = 0;; i++) {
		size_t bytes = 1 + i * 7919 % WRITER_BYTES;
		int fd;

		memset(chunk, (int)(i + number), bytes);
		snprintf(path, sizeof(path), "%s/new", folder);
		snprintf(other, sizeof(other), "%s/file-%lu", folder, i % 16);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, chunk, bytes) != (ssize_t)bytes)
			die("write %s: %m", path);
		if (i % 3 == 0) {
			if (fsync(fd))
				die("fsync %s: %m", path);
			__atomic_add_fetch(synced, 1, __ATOMIC_SEQ_CST);
		}
		close(fd);
		if (i % 5 == 0)
			unlink(other);
		if (rename(path, other))
			die("rename to %s: %m", other);
	}
}

/* "writes N": so many processes write to the disk that the dump will go to. */
static void die_writing(char *const words[])
{
	unsigned long writers = number_of(words[1], 4);
	unsigned long *synced =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char text[64];

	if (synced == MAP_FAILED)
		die("mmap: %m");
	for (unsigned long i = 0; i < writers; i++)
		if (!begin("lab-writer"))
			write_for_ever(i, synced);
	sleep(WRITE_SECONDS);
	snprintf(text, sizeof(text), "lab: %lu files were written and synced\n",
		 __atomic_load_n(synced, __ATOMIC_SEQ_CST));
	put_text("/dev/kmsg", text);
	put_text("/proc/sysrq-trigger", "c");
}

static char loaded_now(void)
{
	char text = '?';
	int fd = open("/sys/kernel/kexec_crash_loaded", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, &text, 1) != 1)
		die("read kexec_crash_loaded: %m");
	close(fd);
	return text;
}

/* "load": another panic kernel each time; "reload": the same, for memory that was plugged in. */
static void load_for_ever(bool again)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
		die("open /dev/null: %m");
	for (unsigned long i = 0;; i++) {
		if (again)
			guest_reload();
		else
			guest_load_another(i);
	}
}

/*
 * Is the program that a process runs just in a system call that loads? It does not run: we are first on its CPU. Before
 * such a call comes back the kernel may tell of an image that a panic does not start: crash_kexec() of kernel/kexec_core.c
 * gives up when the call has the lock.
 */
static bool is_loading(pid_t loader)
{
	char path[64], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", loader, loader);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		die("read %s: %m", path);
	close(fd);
	if (!*text)
		return false; /* it has ended */
	snprintf(path, sizeof(path), "/proc/%ld/syscall", strtol(text, NULL, 10));
	memset(text, 0, sizeof(text));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return true;
	close(fd);
	/* "running": it waits for us wherever it is */
	return *text == 'r' || strtol(text, NULL, 10) == SYS_kexec_file_load ||
	       strtol(text, NULL, 10) == SYS_kexec_load;
}

/*
 * "load armed", "load unarmed", "reload …": it dies as soon as a panic kernel has been loaded, or while the kernel says that
 * none is. One CPU has both processes and ours comes first, so that what is read still holds when it panics; it is told
 * by the kernel's own console, which waits for nobody.
 */
static void die_loading(char *const words[])
{
	const char wanted = words[1] && strcmp(words[1], "unarmed") == 0 ? '0' : '1';
	struct sched_param first = {.sched_priority = 1};
	bool seen_other = false;
	char text[64];
	pid_t loader;

	move_to_cpu(0);
	loader = begin("lab-loader");
	if (!loader)
		load_for_ever(strcmp(words[0], "reload") == 0);
	if (sched_setscheduler(0, SCHED_FIFO, &first))
		die("SCHED_FIFO: %m");
	for (unsigned int waited = 0; waited < DIE_SECONDS * 1000 * 4; waited++) {
		char now = loaded_now();

		if (now == wanted && seen_other && (now == '0' || !is_loading(loader))) {
			snprintf(text, sizeof(text), "<1>lab: it dies with kexec_crash_loaded %c\n",
				 now);
			put_text("/dev/kmsg", text);
			put_text("/proc/sysrq-trigger", "c");
		}
		seen_other |= now != wanted;
		usleep(250);
	}
	die("kexec_crash_loaded did not become %c", wanted);
}

static const struct way ways[] = {
	{"sysrq", NULL, die_sysrq},
	{"sysrq-all", NULL, die_sysrq_all},
	{"nmi", NULL, die_by_host},
	{"mce", NULL, die_by_host},
	{"break", NULL, die_by_host},
	{"init", NULL, die_init},
	{"hung", NULL, die_hung},
	{"rcu", NULL, die_rcu},
	{"oom", NULL, die_oom},
	{"writes", NULL, die_writing},
	{"load", NULL, die_loading},
	{"reload", NULL, die_loading},
	{"crasher", guest_crasher_prepare, guest_crasher_die},
};

/* Cut the text into words; the way that the first one names. */
static const struct way *find_way(char *text, char *words[MAX_WORDS + 1])
{
	char *save = NULL, *word = strtok_r(text, " ", &save);
	int n = 0;

	for (; word && n < MAX_WORDS; word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	words[n] = NULL;
	for (size_t i = 0; n && i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(ways[i].name, words[0]) == 0)
			return &ways[i];
	die("there is no way to die that is called \"%s\"", n ? words[0] : "");
}

void guest_death_prepare(const char *way)
{
	char text[256], *words[MAX_WORDS + 1];
	const struct way *found;

	snprintf(text, sizeof(text), "%s", way);
	found = find_way(text, words);
	if (found->prepare)
		found->prepare(words);
}

void guest_die(char *way)
{
	char *words[MAX_WORDS + 1];
	const struct way *found = find_way(way, words);

	found->die(words);
	die("%s did not panic", found->name);
}
