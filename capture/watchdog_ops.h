/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of watchdog.c; a header of its own for the tests, which have no such device. */
#ifndef CAPTURE_WATCHDOG_OPS_H
#define CAPTURE_WATCHDOG_OPS_H

#include "capture/watchdog.h"

/* The system calls on the device. All of them are made by the child. */
struct watchdog_ops {
	int (*open)(const char *path);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	ssize_t (*write)(int fd, const void *data, size_t len);
	int (*close)(int fd);
};

struct watchdog *watchdog_start_with(const struct watchdog_ops *ops, const char *dev,
				     unsigned int seconds, uint64_t end_ms, const struct log *log);

#endif
