// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int digit_of(char c, unsigned int base)
{
	int d = -1;

	if (c >= '0' && c <= '9')
		d = c - '0';
	else if (c >= 'a' && c <= 'f')
		d = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		d = c - 'A' + 10;
	return d >= 0 && (unsigned int)d < base ? d : -1;
}

int num_parse_u64(const char *text, uint64_t *ret, struct err *err)
{
	const char *p = text;
	unsigned int base = 10;
	uint64_t v = 0;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	if (!*p)
		return err_set(err, ERR_USAGE, "'%s' is not a number", text);
	for (; *p; p++) {
		int d = digit_of(*p, base);

		if (d < 0)
			return err_set(err, ERR_USAGE, "'%s' is not a number", text);
		if (!num_mul(v, base, &v) || !num_add(v, (uint64_t)d, &v))
			return err_set(err, ERR_USAGE, "'%s' does not fit in 64 bits", text);
	}
	*ret = v;
	return 0;
}

int num_parse_range(const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct err *err)
{
	uint64_t v;
	int r = num_parse_u64(text, &v, err);

	if (r)
		return r;
	if (v < min || v > max)
		return err_set(err, ERR_USAGE, "%s is not between %" PRIu64 " and %" PRIu64, text,
			       min, max);
	*ret = v;
	return 0;
}

int num_parse_size(const char *text, uint64_t *ret, struct err *err)
{
	static const char units[] = "KMGT";
	size_t len = strlen(text);
	const char *unit = len ? strchr(units, text[len - 1]) : NULL;
	char digits[32];
	uint64_t v;

	if (unit)
		len--;
	if (len >= sizeof(digits))
		return err_set(err, ERR_USAGE, "'%s' is not a size", text);
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (num_parse_u64(digits, &v, err))
		return err_set(err, ERR_USAGE, "'%s' is not a size: digits, and K, M, G or T",
			       text);
	if (!v || (unit && !num_mul(v, 1024ULL << 10 * (unit - units), &v)))
		return err_set(err, ERR_USAGE, "'%s' is no possible size", text);
	*ret = v;
	return 0;
}

const char *num_hex(const uint8_t *bytes, size_t n, char *buf, size_t size)
{
	if (!size)
		return buf;
	buf[0] = '\0';
	for (size_t i = 0; i < n && n <= (size - 1) / 2; i++)
		snprintf(buf + 2 * i, 3, "%02x", bytes[i]);
	return buf;
}

const char *num_human(uint64_t bytes, char buf[16])
{
	static const char units[] = "BKMGTPE";
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1023.95 && u < sizeof(units) - 2) {
		v /= 1024;
		u++;
	}
	if (u == 0)
		snprintf(buf, 16, "%" PRIu64 " B", bytes);
	else
		snprintf(buf, 16, "%.1f %cB", v, units[u]);
	return buf;
}
