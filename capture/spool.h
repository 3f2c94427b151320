/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spool: a local folder in which crashes wait that should have gone to another machine. Whether one still waits is
 * said by its crash.json alone ("spool": true), so that nothing can disagree with it: the capture writes it, and what sends it
 * after the next boot (service/send.h) writes it anew. docs/decisions/0031-spool.md.
 */
#ifndef CAPTURE_SPOOL_H
#define CAPTURE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Does the crash whose folder is open as `dir` wait to be sent? For whoever cannot take JSON apart: in a record as we write
 * it, without blanks, no text can look like the field, as a text's quotes are escaped. What cannot be read does not wait.
 */
bool spool_is_waiting(int dir);

/*
 * Bytes on the disk of all crashes in `folder` whose owner is that of `mine`, one of them: somebody else's do not fill the
 * spool. Nothing is followed; so many files are looked at, and what is beyond them counts as full.
 */
int spool_used(const char *folder, const char *mine, uint64_t *ret, struct err *err) _must_check_;

#endif
