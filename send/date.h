/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times as HTTP and Amazon's signatures have them. */
#ifndef SEND_DATE_H
#define SEND_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7, IMF-fixdate), the whole of `text`, from 1970 on; false: it is not. */
bool date_parse(const char *text, uint64_t *ret);

/* "20130524T000000Z"; false beyond the year 9999. */
#define DATE_BASIC 17
bool date_basic(uint64_t seconds, char ret[DATE_BASIC]);

#endif
