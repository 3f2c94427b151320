// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->code = (int)code;
	err->sys = 0;
	return (int)code;
}

static enum err_code code_of_errno(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case ENOMEM:
		return ERR_NO_MEMORY;
	case ENOENT:
		return ERR_NOT_FOUND;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	default:
		return ERR_SYSTEM;
	}
}

int err_sys(struct err *err, int sys, const char *fmt, ...)
{
	const char *text;
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	text = strerrordesc_np(sys); /* strerror() may allocate */
	if (text)
		snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", text);
	else
		snprintf(err->msg + len, sizeof(err->msg) - len, ": errno %d", sys);
	err->code = (int)code_of_errno(sys);
	err->sys = sys;
	return err->code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char context[ERR_MSG_SIZE / 2];
	size_t len, keep;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context, sizeof(context) - 2, fmt, ap);
	va_end(ap);
	strcat(context, ": ");

	len = strlen(context);
	keep = strnlen(err->msg, sizeof(err->msg) - 1 - len);
	memmove(err->msg + len, err->msg, keep);
	memcpy(err->msg, context, len);
	err->msg[len + keep] = '\0';
	return err->code;
}

int err_nomem(struct err *err, size_t bytes, const char *what)
{
	return err_set(err, ERR_NO_MEMORY, "no memory for %s (%zu bytes)", what, bytes);
}
