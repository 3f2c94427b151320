// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_TIME 253402300799ULL /* 9999-12-31T23:59:59Z */

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Two digits up to `max`. */
static bool two(const char *p, int max, int *ret)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*ret = (p[0] - '0') * 10 + p[1] - '0';
	return *ret <= max;
}

static bool word(const char *p, const char *words, int n, int *ret)
{
	for (int i = 0; i < n; i++) {
		if (memcmp(p, words + i * 3, 3) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

bool date_parse(const char *text, uint64_t *ret)
{
	static const char form[] = "..., .. ... .... ..:..:.. GMT";
	struct tm tm = {0}, back;
	int day, month, century, year;
	time_t t;

	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] != '.' && text[i] != form[i])
			return false;
	}
	if (!word(text, days, 7, &day) || !two(text + 5, 31, &tm.tm_mday) ||
	    !word(text + 8, months, 12, &month) || !two(text + 12, 99, &century) ||
	    !two(text + 14, 99, &year) || !two(text + 17, 23, &tm.tm_hour) ||
	    !two(text + 20, 59, &tm.tm_min) || !two(text + 23, 59, &tm.tm_sec))
		return false;
	tm.tm_mon = month;
	tm.tm_year = century * 100 + year - 1900;
	if (tm.tm_year < 70 || !tm.tm_mday)
		return false;
	t = timegm(&tm);
	/* the 31st of a shorter month has become another day; the day of the week is whoever wrote it's business */
	if (t < 0 || !gmtime_r(&t, &back) || back.tm_mon != month)
		return false;
	*ret = (uint64_t)t;
	return true;
}

bool date_basic(uint64_t seconds, char ret[DATE_BASIC])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	return seconds <= MAX_TIME && gmtime_r(&t, &tm) &&
	       strftime(ret, DATE_BASIC, "%Y%m%dT%H%M%SZ", &tm);
}
