/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages for people. Libraries never print: a program owns a struct log and hands it to the few
 * places that have to speak while they work (the capture's steps, a progress line).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/cleanup.h"

enum log_level {
	LOG_LEVEL_ERROR = 3, /* the numbers of printk, so /dev/kmsg takes them as they are */
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_DEBUG = 7,
};

struct log {
	const char *tag; /* put before each line, "lifeboat" */
	int fd;
	bool kmsg; /* fd is /dev/kmsg: prefix "<level>", one write per line */
	int max;   /* lines above this level are dropped */
};

/* To standard error. */
void log_init_stderr(struct log *log, const char *tag);

/*
 * To /dev/kmsg, so that every console of the capture kernel shows it with a time stamp; to standard
 * error if it cannot be opened. The descriptor stays open for the life of the process.
 */
void log_init_kmsg(struct log *log, const char *tag);

/* One line, without a newline. Lines longer than 900 bytes are cut (LOG_LINE_MAX of printk). */
void log_line(const struct log *log, enum log_level level, const char *fmt, ...) _printf_(3, 4);

#define log_error(log, ...)  log_line(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(log, ...)   log_line(log, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_notice(log, ...) log_line(log, LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_debug(log, ...)  log_line(log, LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
