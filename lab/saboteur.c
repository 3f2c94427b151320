/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Something that goes wrong in the capture kernel: run as a `pre` program of the recipe, told what to do by
 * `lab.saboteur=WHAT[:PATH]` on the kernel command line. With a path it waits in a process of its own until some other
 * process has a file open whose name has PATH in it, and lets the capture go on meanwhile.
 *
 *   kill   that process is killed
 *   eat    all memory is taken, by a process that the kernel never chooses to end
 *   panic  the capture kernel panics
 *   hang   the program itself never ends
 *   spin   a process of real-time priority takes the CPU, 100 % of it
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORD     " lab.saboteur="
#define LOOK_US  2000
#define EAT_STEP (256UL * 1024)

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("lab: saboteur: write %s: %m\n", path);
	if (fd >= 0)
		close(fd);
}

static bool has_open(const char *pid, const char *wanted)
{
	char folder[300], link[600], target[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(folder, sizeof(folder), "/proc/%s/fd", pid);
	dir = opendir(folder);
	while (dir && !found && (entry = readdir(dir))) {
		ssize_t n;

		snprintf(link, sizeof(link), "%s/%s", folder, entry->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		found = strstr(target, wanted) != NULL;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The process that has such a file open; waits for it. */
static pid_t wait_for(const char *wanted)
{
	for (;;) {
		DIR *dir = opendir("/proc");
		struct dirent *entry;

		while (dir && (entry = readdir(dir))) {
			pid_t pid = (pid_t)atoi(entry->d_name);

			if (!isdigit(entry->d_name[0]) || pid == 1 || pid == getpid() ||
			    !has_open(entry->d_name, wanted))
				continue;
			closedir(dir);
			return pid;
		}
		if (dir)
			closedir(dir);
		usleep(LOOK_US);
	}
}

static void eat(void)
{
	put("/proc/self/oom_score_adj", "-1000");
	for (;;) {
		char *area = mmap(NULL, EAT_STEP, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (area == MAP_FAILED)
			usleep(LOOK_US);
		else
			memset(area, 1, EAT_STEP);
	}
}

static void spin(void)
{
	const struct sched_param highest = {.sched_priority = 99};

	put("/proc/sys/kernel/sched_rt_runtime_us", "-1"); /* else others get 5 % */
	if (sched_setscheduler(0, SCHED_FIFO, &highest))
		printf("lab: saboteur: sched_setscheduler: %m\n");
	for (volatile unsigned long n = 0;; n++)
		;
}

static void do_it(const char *what, pid_t pid)
{
	printf("lab: saboteur: %s\n", what);
	if (strcmp(what, "kill") == 0)
		kill(pid, SIGKILL);
	else if (strcmp(what, "eat") == 0)
		eat();
	else if (strcmp(what, "panic") == 0)
		put("/proc/sysrq-trigger", "c");
	else if (strcmp(what, "hang") == 0)
		for (;;)
			pause();
	else if (strcmp(what, "spin") == 0)
		spin();
	else
		printf("lab: saboteur: what is %s?\n", what);
}

/* In a session of its own: whoever ran the program ends what is in its process group. */
static void start(const char *what, const char *path)
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		return;
	if (fork() == 0) {
		close(ready[0]);
		setsid();
		close(ready[1]);
		do_it(what, wait_for(path));
		pause(); /* it stays, so that nobody waits for its end */
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) < 0)
		printf("lab: saboteur: read: %m\n");
}

int main(void)
{
	static char line[4096];
	char *what, *path;
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	setvbuf(stdout, NULL, _IONBF, 0);
	if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0 || !(what = strstr(line, WORD))) {
		printf("lab: saboteur: no%s on the kernel command line\n", WORD);
		return 1;
	}
	close(fd);
	what += strlen(WORD);
	what[strcspn(what, " \n")] = '\0';
	path = strchr(what, ':');
	if (!path) {
		do_it(what, 0);
		return 0;
	}
	*path++ = '\0';
	start(what, path);
	return 0;
}
