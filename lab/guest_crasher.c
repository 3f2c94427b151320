// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/guest_crasher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/guest.h"

#define MODULE "/lab_crasher.ko"
#define DEVICE "/dev/lab-crasher"

void guest_crasher_prepare(char *const words[])
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);

	(void)words;
	if (fd < 0)
		die("open %s: %m", MODULE);
	if (syscall(SYS_finit_module, fd, "", 0))
		die("load %s: %m", MODULE);
	close(fd);
}

static void give_order(const char *order)
{
	int fd = open(DEVICE, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		die("open %s: %m", DEVICE);
	if (write(fd, order, strlen(order)) < 0)
		die("the crasher was told \"%s\": %m", order);
	die("the crasher was told \"%s\", and came back", order);
}

void guest_crasher_die(char *const words[])
{
	char order[64];
	pid_t pid;

	if (!words[1] || !words[2])
		die("the crasher wants a kind and a context");
	if (strcmp(words[2], "init") == 0) {
		snprintf(order, sizeof(order), "%s task%s%s", words[1], words[3] ? " " : "",
			 words[3] ? words[3] : "");
		give_order(order);
	}
	snprintf(order, sizeof(order), "%s %s%s%s", words[1], words[2], words[3] ? " " : "",
		 words[3] ? words[3] : "");
	pid = fork();
	if (pid < 0)
		die("fork: %m");
	if (!pid) {
		prctl(PR_SET_NAME, CRASHER_COMM);
		give_order(order);
	}
	waitpid(pid, NULL, 0);
}
