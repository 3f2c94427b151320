// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 900

void log_init_stderr(struct log *log, const char *tag)
{
	*log = (struct log){.tag = tag, .fd = STDERR_FILENO, .max = LOG_LEVEL_NOTICE};
}

void log_init_kmsg(struct log *log, const char *tag)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	log_init_stderr(log, tag);
	if (fd >= 0) {
		log->fd = fd;
		log->kmsg = true;
	}
}

void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES + 2];
	va_list ap;
	size_t len;

	if ((int)level > log->max)
		return;
	if (log->kmsg)
		snprintf(line, LINE_MAX_BYTES, "<%d>%s: ", (int)level, log->tag);
	else
		snprintf(line, LINE_MAX_BYTES, "%s: ", log->tag);
	len = strlen(line);
	va_start(ap, fmt);
	vsnprintf(line + len, LINE_MAX_BYTES - len, fmt, ap);
	va_end(ap);
	strcat(line, "\n");
	/* nothing is left to do if the console itself fails */
	if (write(log->fd, line, strlen(line)) < 0)
		return;
}
