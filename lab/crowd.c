/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the lab guest's PID 1 becomes where a post-mortem is to be judged: more than 200 tasks in states that are known, then
 * what the kernel itself says of all that, then one of the ways to die.
 *
 * The kernel's words (/proc/kallsyms, the stacks of all tasks …) are kept in memory, in pages that begin with
 * CROWD_MAGIC: writing them to a disk would change what they tell about. The host finds them in the guest's RAM.
 *
 * On the kernel command line: lab.death=WAY, one of `deaths`. If there is a file /crowd.arm, its lines are the words of a
 * command that loads a panic kernel. After "lab: waiting" the host does something and answers with a line.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/crowd.h"

#define MIB         (1UL << 20)
#define PAGE        4096UL
#define CROWD_MAGIC "lab-crowd-truth\n"
#define TRUTH_PAGES (24 * MIB / PAGE)
#define STATE_MS    20000
#define NAP_MS      20
#define MAX_CROWD   1024
#define MAX_ARM     24

/* A page of the truth as it lies in memory: native byte order. */
struct truth_page {
	char magic[16];
	uint64_t number; /* from 0 on */
	uint64_t used;   /* bytes of data; the pages' data in their order is one text */
	char data[PAGE - 32];
};

static struct truth_page *truth;
static size_t truth_at; /* the page that is being filled */

void crowd_say(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	dprintf(STDOUT_FILENO, "lab: %s\n", line);
}

void crowd_die(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	crowd_say("FAILED: %s", line);
	reboot(RB_POWER_OFF); /* no sync: a file system is frozen */
	_exit(1);
}

static void nap(void)
{
	usleep(NAP_MS * 1000);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		crowd_die("write \"%s\" to %s: %m", text, path);
	close(fd);
}

/* As much of a small file as fits, terminated; -1 if it cannot be read. */
static ssize_t read_some(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

static void wait_for_host(const char *after)
{
	char answer[16];

	crowd_say("waiting after %s", after);
	if (read(STDIN_FILENO, answer, sizeof(answer)) <= 0)
		crowd_die("no answer from the host");
}

/* ---- the truth */

static void truth_begin(void)
{
	truth = mmap(NULL, TRUTH_PAGES * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (truth == MAP_FAILED)
		crowd_die("mmap of the truth: %m");
	if (mlock(truth, TRUTH_PAGES * PAGE))
		crowd_die("mlock of the truth: %m");
}

static char *truth_room(size_t *ret_room)
{
	struct truth_page *page = &truth[truth_at];

	if (page->used == sizeof(page->data)) {
		if (++truth_at == TRUTH_PAGES)
			crowd_die("the truth is longer than %lu MiB", TRUTH_PAGES * PAGE / MIB);
		page++;
	}
	memcpy(page->magic, CROWD_MAGIC, sizeof(page->magic));
	page->number = truth_at;
	*ret_room = sizeof(page->data) - page->used;
	return page->data + page->used;
}

static void truth_add(const char *text, size_t len)
{
	while (len) {
		size_t room;
		char *at = truth_room(&room);
		size_t piece = len < room ? len : room;

		memcpy(at, text, piece);
		truth[truth_at].used += piece;
		text += piece;
		len -= piece;
	}
}

static void truth_printf(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	truth_add(line, strlen(line));
}

/* A whole file under its name; one that does not exist in this kernel is told so. */
static void truth_file_as(const char *name, const char *path)
{
	static char piece[64 << 10];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0) {
		truth_printf("\n@none %s %d\n", name, errno);
		return;
	}
	truth_printf("\n@file %s\n", name);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		truth_add(piece, (size_t)n);
	close(fd);
}

static void truth_file(const char *path)
{
	truth_file_as(path, path);
}

/* One file of a task, after its name; a task may be gone meanwhile. */
static void truth_task_file(const char *folder, const char *name)
{
	char path[128];
	static char text[16 << 10];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	n = read_some(path, text, sizeof(text));
	if (n > 0) {
		truth_printf("#%s\n", name);
		truth_add(text, (size_t)n);
		if (text[n - 1] != '\n')
			truth_add("\n", 1);
	}
}

static void truth_threads(const char *pid)
{
	char path[600];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		truth_printf("\n@task %s %s\n", pid, entry->d_name);
		snprintf(path, sizeof(path), "/proc/%s/task/%s", pid, entry->d_name);
		truth_task_file(path, "comm");
		truth_task_file(path, "stat");
		truth_task_file(path, "stack");
		/* last: it counts how often the task got a CPU, so that what it did since then is known */
		truth_task_file(path, "schedstat");
	}
	closedir(dir);
}

static void truth_tasks(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	if (!dir)
		crowd_die("open /proc: %m");
	while ((entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			truth_threads(entry->d_name);
	closedir(dir);
}

/* What changes comes last. */
static void truth_keep(void)
{
	static const char *const files[] = {
		"/proc/version",
		"/proc/cmdline",
		"/proc/kallsyms",
		"/proc/modules",
		"/proc/iomem",
		"/proc/sys/kernel/tainted",
		"/sys/class/dmi/id/sys_vendor",
		"/sys/class/dmi/id/product_name",
		"/sys/class/dmi/id/bios_version",
	};
	static const char *const changing[] = {
		"/proc/zoneinfo", "/proc/slabinfo", "/proc/vmstat", "/proc/meminfo", "/proc/uptime",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		truth_file(files[i]);
	truth_file_as("tasks-begin", "/proc/uptime");
	truth_tasks();
	sleep(1); /* the files that were just read are freed when RCU comes to it, and with them slabs */
	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
		truth_file(changing[i]);
	truth_printf("\n@end\n");
	crowd_say("truth of %zu pages", truth_at + 1);
}

/* ---- the places that do not answer */

static void make_folder(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		crowd_die("mkdir %s: %m", path);
}

static void find_disk(const char *serial, char *path, size_t size)
{
	char name[64], text[64];

	for (char letter = 'a'; letter <= 'p'; letter++) {
		snprintf(name, sizeof(name), "/sys/block/vd%c/serial", letter);
		if (read_some(name, text, sizeof(text)) < 0 || strcmp(text, serial) != 0)
			continue;
		snprintf(path, size, "/dev/vd%c", letter);
		return;
	}
	crowd_die("no disk has the serial number %s", serial);
}

static void make_frozen(void)
{
	static const char options[] =
		"lowerdir=/etc,upperdir=" CROWD_FROZEN "/upper,workdir=" CROWD_FROZEN "/work";
	char path[64];
	int fd;

	make_folder(CROWD_FROZEN);
	find_disk("frozen", path, sizeof(path));
	if (mount(path, CROWD_FROZEN, "ext4", 0, NULL))
		crowd_die("mount %s: %m", path);
	for (int i = 0; i < CROWD_FILES; i++) {
		snprintf(path, sizeof(path), CROWD_FROZEN "/file-%d", i);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, path, strlen(path)) < 0)
			crowd_die("create %s: %m", path);
		close(fd);
	}
	make_folder(CROWD_FROZEN "/upper");
	make_folder(CROWD_FROZEN "/work");
	make_folder("/etc");
	make_folder(CROWD_OVERLAY);
	if (mount("overlay", CROWD_OVERLAY, "overlay", 0, options))
		crowd_die("mount the overlay: %m");
	fd = open(CROWD_FROZEN, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, FIFREEZE, 0))
		crowd_die("freeze " CROWD_FROZEN ": %m");
	close(fd);
}

static void make_fuse(void)
{
	int fd = open("/dev/fuse", O_RDWR); /* stays open: nobody answers */
	char options[128];

	if (fd < 0)
		crowd_die("open /dev/fuse: %m");
	make_folder(CROWD_FUSE);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("crowd", CROWD_FUSE, "fuse", 0, options))
		crowd_die("mount " CROWD_FUSE ": %m");
}

static void make_slow(void)
{
	char path[64];

	find_disk("slow", path, sizeof(path));
	if (symlink(path, CROWD_SLOW))
		crowd_die("symlink " CROWD_SLOW ": %m");
	wait_for_host("slow");
}

/* ---- the crowd */

struct member {
	const struct kind *kind;
	pid_t pid;
};
static struct member crowd[MAX_CROWD];
static size_t crowd_size;

static void start(const struct kind *kind)
{
	for (int i = 0; i < kind->count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			crowd_die("fork: %m");
		if (!pid) {
			prctl(PR_SET_NAME, kind->name);
			kind->run(i);
			crowd_say("crowd: %s came back: %m", kind->name);
			_exit(1);
		}
		if (crowd_size == MAX_CROWD)
			crowd_die("the crowd is too large");
		crowd[crowd_size++] = (struct member){kind, pid};
	}
}

/* The state in /proc/PID/stat; '\0' if there is none. */
static char state_of(pid_t pid)
{
	char path[64], text[512];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_some(path, text, sizeof(text)) < 0)
		return '\0';
	end = strrchr(text, ')');
	return end ? end[2] : '\0';
}

static void await(const struct member *one)
{
	for (int waited = 0; waited < STATE_MS; waited += NAP_MS) {
		char state = state_of(one->pid);

		if (state && strchr(one->kind->states, state))
			return;
		nap();
	}
	crowd_die("%s, PID %d: its state is %c, not one of %s", one->kind->name, one->pid,
		  state_of(one->pid), one->kind->states);
}

static void await_all(void)
{
	for (size_t i = 0; i < crowd_size; i++)
		await(&crowd[i]);
}

static void start_all(bool running)
{
	for (size_t i = 0; i < crowd_n_kinds; i++)
		if ((strchr(crowd_kinds[i].states, 'R') != NULL) == running)
			start(&crowd_kinds[i]);
}

/*
 * One is in its state as soon as it sleeps for any reason: give all of them time for the right one, and look again. Then come
 * those that run: the others need the CPUs to get where they sleep.
 */
static void gather(void)
{
	start_all(false);
	await_all();
	sleep(2);
	await_all();
	start_all(true);
	await_all();
	crowd_say("crowd of %zu processes", crowd_size);
}

/* ---- death */

static void to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		crowd_die("move to CPU %d: %m", cpu);
}

static void die_sysrq(void)
{
	write_text("/proc/sysrq-trigger", "c");
}

static void die_init(void)
{
	_exit(42);
}

static void die_oom(void)
{
	write_text("/proc/sys/vm/panic_on_oom", "1");
	if (fork() == 0) {
		prctl(PR_SET_NAME, "lk-hog");
		for (;;) {
			char *area = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			for (size_t at = 0; at < 16 * MIB; at += PAGE)
				area[at] = 1;
		}
	}
}

static void die_nmi(void)
{
	write_text("/proc/sys/kernel/unknown_nmi_panic", "1");
	wait_for_host("nmi");
}

static void die_hung(void)
{
	write_text("/proc/sys/kernel/hung_task_timeout_secs", "3");
	write_text("/proc/sys/kernel/hung_task_panic", "1");
}

/*
 * The host has put other instructions into a system call that nobody has called yet; each of these is made by a process of
 * its own, so that its death is an oops before it is a panic.
 */
static void die_poked(void)
{
	write_text("/proc/sys/kernel/panic_on_oops", "1");
	wait_for_host("poke");
	if (fork() == 0) {
		prctl(PR_SET_NAME, "lk-victim");
		to_cpu(1);
		syscall(SYS_swapon, "", 0);
		crowd_die("the poked system call came back: %m");
	}
}

static void die_softlockup(void)
{
	write_text("/proc/sys/kernel/watchdog_thresh", "2");
	write_text("/proc/sys/kernel/softlockup_panic", "1");
	die_poked();
}

static void die_rcu(void)
{
	write_text("/proc/sys/kernel/watchdog_thresh", "60");
	write_text("/proc/sys/kernel/panic_on_rcu_stall", "1");
	write_text("/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout", "3");
	die_poked();
}

/* Nobody dies: the host stops the machine. */
static void die_not(void)
{
	crowd_say("ready");
}

static const struct {
	const char *name;
	void (*die)(void);
} deaths[] = {
	{"sysrq", die_sysrq},     {"init", die_init}, {"oom", die_oom},
	{"nmi", die_nmi},         {"hung", die_hung}, {"poke", die_poked},
	{"soft", die_softlockup}, {"rcu", die_rcu},   {"not", die_not},
};

static void arm(void)
{
	static char text[8192];
	char *argv[MAX_ARM + 1] = {NULL};
	char *rest = text, *line;
	int n = 0, status;
	pid_t pid;

	if (read_some("/crowd.arm", text, sizeof(text)) <= 0)
		return;
	while ((line = strsep(&rest, "\n")))
		if (*line && n < MAX_ARM)
			argv[n++] = line;
	pid = fork();
	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		crowd_die("%s failed: %x", argv[0], status);
	crowd_say("armed");
}

static void death_wanted(char *name, size_t size)
{
	static char line[4096];
	const char *found;

	if (read_some("/proc/cmdline", line, sizeof(line)) < 0)
		crowd_die("read /proc/cmdline: %m");
	found = strstr(line, "lab.death=");
	snprintf(name, size, "%s", found ? found + strlen("lab.death=") : "");
	name[strcspn(name, " \n")] = '\0';
}

int main(void)
{
	char wanted[32];
	void (*die)(void) = NULL;

	death_wanted(wanted, sizeof(wanted));
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
		if (strcmp(wanted, deaths[i].name) == 0)
			die = deaths[i].die;
	if (!die)
		crowd_die("no death \"%s\"", wanted);
	arm();
	truth_begin();
	make_folder("/dev/pts");
	if (mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666"))
		crowd_die("mount /dev/pts: %m");
	make_frozen();
	make_fuse();
	make_slow();
	to_cpu(0);
	gather();
	truth_keep();
	crowd_say("dying: %s", wanted);
	die();
	for (;;)
		pause();
}
