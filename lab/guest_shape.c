// SPDX-License-Identifier: GPL-2.0-or-later
/* The shape of the lab's guest: see guest.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/guest.h"

#define MAX_TEXT   (64 * 1024)
#define CHANGE_MS  60000
#define NAP_MS     50
#define KIB_OF_MIB 1024L
#define ALLOWED_KIB \
	(4 * KIB_OF_MIB) /* the kernel's own use of what is added, and what changes meanwhile */

/* The beginning of a file of /proc or /sys, terminated; "" if there is none. */
static const char *text_of(const char *path)
{
	static char text[MAX_TEXT];
	size_t used = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && used < sizeof(text) - 1 &&
	       (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	if (fd >= 0)
		close(fd);
	text[used] = '\0';
	return text;
}

/* A line of /proc/meminfo, mostly in KiB; -1: there is none. */
static long meminfo(const char *name)
{
	const char *found = strstr(text_of("/proc/meminfo"), name);

	return found && found[strlen(name)] == ':' ? strtol(found + strlen(name) + 1, NULL, 10)
						   : -1;
}

void guest_memory_changes(const char *what, long mib)
{
	long before = meminfo("MemTotal"), wanted = before + mib * KIB_OF_MIB, now = before;

	/* as distributions have it; what is added stays offline else, and is no memory */
	if (mib > 0 && !guest_put_text("/sys/devices/system/memory/auto_online_blocks", "online"))
		die("write auto_online_blocks: %m");
	wait_for_host(what);
	for (int waited = 0; waited < CHANGE_MS; waited += NAP_MS) {
		now = meminfo("MemTotal");
		if (mib > 0 ? now >= wanted - ALLOWED_KIB : now <= wanted + ALLOWED_KIB) {
			say("%s: memory of %ld KiB became %ld", what, before, now);
			return;
		}
		usleep(NAP_MS * 1000);
	}
	die("%s: memory of %ld KiB did not become %ld, but %ld", what, before, wanted, now);
}

/* "0-3\n", without the newline. */
static void put_list(char *to, size_t size, const char *path)
{
	snprintf(to, size, "%s", text_of(path));
	to[strcspn(to, "\n")] = '\0';
}

void guest_tell_shape(void)
{
	char cpus[64], nodes[64], line[512];
	bool deep = strstr(text_of("/proc/cpuinfo"), " la57") != NULL;
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	put_list(cpus, sizeof(cpus), "/sys/devices/system/cpu/online");
	put_list(nodes, sizeof(nodes), "/sys/devices/system/node/has_memory");
	snprintf(line, sizeof(line),
		 "lab: shape: CPUs %s, nodes %s, %d levels of page tables, %ld MiB, %ld huge pages "
		 "of %ld, %ld MiB in transparent ones",
		 cpus, nodes, deep ? 5 : 4, meminfo("MemTotal") / KIB_OF_MIB,
		 meminfo("HugePages_Total") - meminfo("HugePages_Free"), meminfo("HugePages_Total"),
		 meminfo("AnonHugePages") / KIB_OF_MIB);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		die("write /dev/kmsg: %m");
	close(fd);
}
