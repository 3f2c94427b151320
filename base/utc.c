// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/utc.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define FORM     "0000-00-00T00:00:00Z"
#define MAX_TIME 253402300799 /* 9999-12-31T23:59:59Z */

bool utc_format(uint64_t seconds, char buf[UTC_TEXT])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds <= MAX_TIME && gmtime_r(&t, &tm) &&
	    strftime(buf, UTC_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return true;
	strcpy(buf, "?");
	return false;
}

static bool has_form(const char *text)
{
	const char *f = FORM;

	for (; *f && *text; f++, text++)
		if (*f == '0' ? !isdigit((unsigned char)*text) : *f != *text)
			return false;
	return !*f && !*text;
}

static int number(const char *digits, int n)
{
	int value = 0;

	while (n--)
		value = value * 10 + (*digits++ - '0');
	return value;
}

bool utc_parse(const char *text, uint64_t *ret)
{
	struct tm tm = {0};
	char again[UTC_TEXT];
	time_t t;

	if (!has_form(text))
		return false;
	tm.tm_year = number(text, 4) - 1900;
	tm.tm_mon = number(text + 5, 2) - 1;
	tm.tm_mday = number(text + 8, 2);
	tm.tm_hour = number(text + 11, 2);
	tm.tm_min = number(text + 14, 2);
	tm.tm_sec = number(text + 17, 2);
	t = timegm(&tm);
	if (t < 0) /* before 1970, which no record is */
		return false;
	*ret = (uint64_t)t;
	return utc_format(*ret, again) && strcmp(again, text) == 0; /* no 31st of June */
}
