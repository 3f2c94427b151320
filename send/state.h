/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an upload has come to, in a file beside the job, for whoever has to finish it when the program was killed:
 *
 *   upload ID                              s3, once; as it stands in a query
 *   part BYTES SHA256 WHOLE ETAG           in order; WHOLE is the digest of the file up to its end
 */
#ifndef SEND_STATE_H
#define SEND_STATE_H

#include "base/bytes.h"
#include "base/err.h"
#include "send/parts.h"

#define STATE_MAX_SIZE (8u << 20)

/* Begin; *ret is a descriptor. */
int state_create(const char *path, int *ret, struct err *err) _must_check_;
int state_add_upload(int fd, const char *id, struct err *err) _must_check_;
/* The last one of them. */
int state_add_part(int fd, const struct parts *parts, struct err *err) _must_check_;

/* A last line that is cut off is none. *ret_upload is malloc'ed, NULL: none. Anything else that is wrong: ERR_CORRUPT. */
int state_parse(struct bytes text, char **ret_upload, struct parts *ret,
		struct err *err) _must_check_;

#endif
