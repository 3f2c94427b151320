// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/iomem.h"

#include <inttypes.h>
#include <string.h>

static bool eat(struct bytes *b, const char *text)
{
	size_t len = strlen(text);

	if (!bytes_has(*b, 0, len) || memcmp(b->data, text, len) != 0)
		return false;
	return bytes_sub(*b, len, b->len - len, b);
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* One to sixteen digits: more cannot be a 64-bit address. */
static bool eat_hex(struct bytes *b, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	while (n < b->len && hex_digit(b->data[n]) >= 0) {
		if (n == 16)
			return false;
		v = v << 4 | (uint64_t)hex_digit(b->data[n++]);
	}
	if (n == 0)
		return false;
	*ret = v;
	return bytes_sub(*b, n, b->len - n, b);
}

static bool parse_line(struct bytes line, struct iomem_entry *e, uint64_t *last)
{
	while (eat(&line, "  "))
		e->depth++;
	if (!eat_hex(&line, &e->range.start) || !eat(&line, "-") || !eat_hex(&line, last) ||
	    !eat(&line, " : "))
		return false;
	e->name = line;
	return true;
}

int iomem_next(struct iomem *it, struct iomem_entry *ret, bool *ret_found, struct err *err)
{
	struct bytes line = {it->text.data + it->pos, it->text.len - it->pos};
	struct iomem_entry e = {0};
	const uint8_t *newline;
	uint64_t last = 0;

	if (line.len == 0) {
		*ret_found = false;
		return 0;
	}
	newline = memchr(line.data, '\n', line.len);
	if (newline)
		line.len = (size_t)(newline - line.data);
	it->pos += line.len + (newline ? 1 : 0);
	it->line++;
	if (!parse_line(line, &e, &last))
		return err_set(err, ERR_CORRUPT, "line %u is not 'start-end : name': '%.*s'",
			       it->line, (int)(line.len < 80 ? line.len : 80), line.data);
	if (last < e.range.start || last == UINT64_MAX)
		return err_set(err, ERR_CORRUPT,
			       "line %u: 0x%" PRIx64 "-0x%" PRIx64 " is not a range", it->line,
			       e.range.start, last);
	e.hidden = e.range.start == 0 && last == 0;
	e.range.end = e.hidden ? 0 : last + 1;
	*ret = e;
	*ret_found = true;
	return 0;
}

bool iomem_is(const struct iomem_entry *entry, const char *name)
{
	return entry->name.len == strlen(name) &&
	       memcmp(entry->name.data, name, entry->name.len) == 0;
}
