/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One entry in the system's journal, by its native protocol (systemd, "Native Journal Protocol": a datagram to
 * /run/systemd/journal/socket, fields as KEY=value lines, or KEY, newline, 64-bit little-endian length, value). Without that
 * socket it goes to /dev/log (syslog), and without that nowhere, which is ERR_NOT_FOUND.
 */
#ifndef SERVICE_JOURNAL_H
#define SERVICE_JOURNAL_H

#include <stddef.h>

#include "service/service.h"

/* Of the message catalog, service/units/lifeboat.catalog. */
#define JOURNAL_CRASH_ID \
	"a6e0b1f5b2d04c6f9d0e3a4f7c815bd2" /* the machine had crashed, and this is what is left */
#define JOURNAL_LOST_ID \
	"c3a1d7e46f8b49d2a90c5e6b1f2d7308" /* it had crashed, and no whole dump is there */
#define JOURNAL_SENT_ID   "5d1f0c9e83b74a6f8e2b7c40d9a1f36b" /* a spooled crash is at its target */
#define JOURNAL_UNSENT_ID "e27b94d0a1c84f3d9b6650fd8c3e1a72" /* it could not be sent, and waits */

struct journal_field {
	const char *key; /* A-Z, 0-9 and _, not beginning with _ */
	const char *value;
};

/* `priority` as syslog's, 0…7. */
int journal_send(const struct service *s, int priority, const char *message_id, const char *message,
		 const struct journal_field *fields, size_t n, struct err *err) _must_check_;

#endif
