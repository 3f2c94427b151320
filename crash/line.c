// SPDX-License-Identifier: GPL-2.0-or-later
#include "crash/line.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_PREFIXES 8   /* a log that quotes another one has several */
#define MAX_BEFORE   120 /* bytes in front of a kernel's time stamp */
#define CALLER_CPU   0x80000000U

const char *line_after(const char *text, const char *start)
{
	size_t len = strlen(start);

	return strncmp(text, start, len) == 0 ? text + len : NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *line_hex(const char *text, uint64_t *ret)
{
	const char *at = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
	uint64_t v = 0;
	int n = 0;

	for (; n < 16 && hex_digit(*at) >= 0; at++, n++)
		v = v << 4 | (uint64_t)hex_digit(*at);
	if (!n)
		return NULL;
	*ret = v;
	return at;
}

const char *line_decimal(const char *text, uint64_t *ret)
{
	uint64_t v = 0;
	int n = 0;

	for (; n < 18 && isdigit((unsigned char)*text); text++, n++)
		v = v * 10 + (uint64_t)(*text - '0');
	if (!n)
		return NULL;
	*ret = v;
	return text;
}

bool line_is_pstore(const char *text, unsigned int *ret_count, unsigned int *ret_part)
{
	/* kmsg_dump_reason_str(): kernel/printk/printk.c */
	static const char *const reasons[] = {"Panic",   "Oops", "Emerg",    "Shutdown",
					      "Restart", "Halt", "Poweroff", "Unknown"};
	uint64_t count = 0, part = 0;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		const char *at = line_after(text, reasons[i]);

		if (!at || *at++ != '#' || !(at = line_decimal(at, &count)) ||
		    !(at = line_after(at, " Part")) || !(at = line_decimal(at, &part)) || *at)
			continue;
		if (count > 1000000 || part > 1000000)
			return false;
		*ret_count = (unsigned int)count;
		*ret_part = (unsigned int)part;
		return true;
	}
	return false;
}

/* ---- bytes */

/* Length of an escape sequence at `at`, of which `len` bytes are left; 0: none. ECMA-48, 5.4. */
static size_t escape_len(const char *at, size_t len)
{
	size_t n = 2;

	if (len < 2 || at[0] != '\x1b')
		return 0;
	if (at[1] != '[')
		return 2;
	while (n < len && (at[n] < 0x40 || at[n] > 0x7e))
		n++;
	return n < len ? n + 1 : n;
}

/* "\x1b" as dmesg(1) writes a byte that it would not print. */
static bool is_escaped(const char *at, size_t len)
{
	int high, low;

	if (len < 4 || at[0] != '\\' || at[1] != 'x')
		return false;
	high = hex_digit(at[2]);
	low = hex_digit(at[3]);
	return high >= 0 && low >= 0 && !isprint(high << 4 | low);
}

void line_clean(const char *raw, size_t len, struct line *ret)
{
	size_t n = 0;

	*ret = (struct line){0};
	for (size_t i = 0; i < len && n < LINE_TEXT - 1;) {
		size_t skip = escape_len(raw + i, len - i);
		unsigned char c = (unsigned char)raw[i];

		if (skip) {
			i += skip;
			continue;
		}
		skip = is_escaped(raw + i, len - i) ? 4 : 1;
		if (skip == 4)
			ret->text[n++] = '?';
		else if ((c == '\t' || c == ' ') && n)
			ret->text[n++] = ' ';
		else if (!strchr(" \t\r\n", c) || !c)
			ret->text[n++] = c > ' ' && c < 0x7f ? (char)c : '?';
		i += skip;
	}
	while (n && ret->text[n - 1] == ' ')
		n--;
	ret->text[n] = '\0';
	ret->len = n;
}

/* ---- prefixes: each returns what follows, or NULL if it is not there */

/* "<6>" */
static const char *skip_level(const char *s)
{
	uint64_t level;

	if (*s != '<' || !(s = line_decimal(s + 1, &level)) || level > 1023 || *s != '>')
		return NULL;
	return s + 1;
}

/* "[    1.234567]": six digits, as printk has them, or nine */
static const char *skip_stamp(const char *s, uint64_t *ret_ns)
{
	uint64_t seconds, part;
	const char *at, *end;

	if (*s++ != '[')
		return NULL;
	s += strspn(s, " ");
	at = line_decimal(s, &seconds);
	if (!at || *at != '.')
		return NULL;
	end = line_decimal(at + 1, &part);
	if (!end || (end - at != 7 && end - at != 10) || *end != ']' || seconds > 10000000000)
		return NULL;
	*ret_ns = seconds * 1000000000 + (end - at == 7 ? part * 1000 : part);
	return end + 1;
}

/* "[   T12]", "[    C3]" */
static const char *skip_caller(const char *s, uint32_t *ret)
{
	uint64_t id;
	char kind;

	if (*s++ != '[')
		return NULL;
	s += strspn(s, " ");
	kind = *s++;
	if ((kind != 'T' && kind != 'C') || !(s = line_decimal(s, &id)) || id >= CALLER_CPU ||
	    *s != ']')
		return NULL;
	*ret = (uint32_t)id | (kind == 'C' ? CALLER_CPU : 0);
	return s + 1;
}

/* "6,339,5140900,-,caller=T1;", perhaps "6.12.0," in front */
static const char *skip_kmsg(const char *s, struct line *line)
{
	uint64_t level, seq, usec, id;
	const char *at = line_decimal(s, &level), *end, *caller;

	if (!at || *at != ',') {
		s += strcspn(s, ",; ");
		if (*s++ != ',')
			return NULL;
		at = line_decimal(s, &level);
	}
	if (!at || *at != ',' || !(at = line_decimal(at + 1, &seq)) || *at != ',' ||
	    !(at = line_decimal(at + 1, &usec)) || *at != ',' || !strchr("-c+", at[1]) || !at[1])
		return NULL;
	end = strchr(at, ';');
	if (!end)
		return NULL;
	if (usec <= UINT64_MAX / 1000)
		line->ns = usec * 1000;
	caller = strstr(at, ",caller=");
	if (caller && caller < end && (caller[8] == 'T' || caller[8] == 'C') &&
	    line_decimal(caller + 9, &id) && id < CALLER_CPU)
		line->caller = (uint32_t)id | (caller[8] == 'C' ? CALLER_CPU : 0);
	return end + 1;
}

/* One of a list of three letters each. */
static const char *skip_name(const char *s, const char *names)
{
	for (; *names; names += 3)
		if (strncmp(s, names, 3) == 0)
			return s + 3;
	return NULL;
}

static const char *skip_clock(const char *s)
{
	uint64_t v;

	for (int i = 0; i < 3; i++) {
		s = line_decimal(s, &v);
		if (!s || v > 60 || (i < 2 && *s++ != ':'))
			return NULL;
	}
	if ((*s == '.' || *s == ',') && isdigit((unsigned char)s[1]))
		s += 1 + strspn(s + 1, "0123456789");
	return s;
}

/* "Nov 22 15:06:54" or "Sun Nov 22 15:06:54 2026", or "2026-11-22T15:06:54,123456+00:00" */
static const char *skip_date(const char *s)
{
	const char *weekday = skip_name(s, "MonTueWedThuFriSatSun");
	const char *at;
	uint64_t v;

	if (weekday && *weekday == ' ')
		s = weekday + 1;
	at = skip_name(s, "JanFebMarAprMayJunJulAugSepOctNovDec");
	if (at) {
		at = line_decimal(at + strspn(at, " "), &v);
		if (!at || *at != ' ' || !(at = skip_clock(at + 1)))
			return NULL;
		/* a year, with --ctime */
		if (*at == ' ' && isdigit((unsigned char)at[1]) && strcspn(at + 1, "]") == 4)
			at += 5;
		return at;
	}
	for (int i = 0; i < 3; i++) {
		s = line_decimal(s, &v);
		if (!s || (i < 2 && *s++ != '-'))
			return NULL;
	}
	if ((*s != 'T' && *s != ' ') || !(s = skip_clock(s + 1)))
		return NULL;
	return s + strspn(s, "Z+-0123456789:");
}

/* What syslog puts between time and text: " host kernel: ". Without a time, in `bare`, "kernel: " alone. */
static const char *skip_syslog(const char *s, bool bare)
{
	const char *at;

	s += strspn(s, " ");
	if (!bare || !line_after(s, "kernel:")) {
		size_t host = strcspn(s, " :[");

		if (!host || s[host] != ' ')
			return NULL;
		s += host + 1;
	}
	at = line_after(s, "kernel");
	if (!at)
		return NULL;
	if (*at == '[')
		at += strcspn(at, "]") + (at[strcspn(at, "]")] != '\0');
	return *at == ':' ? at + 1 : NULL;
}

/* "2026-11-22T15:06:54+0000 host kernel: "; "[Sun Nov 22 15:06:54 2026] "; "kern  :emerg : " */
static const char *skip_dated(const char *s)
{
	const char *at = skip_date(*s == '[' ? s + 1 : s), *rest;

	if (at && *s == '[')
		return *at == ']' ? at + 1 : NULL;
	if (at) {
		rest = skip_syslog(at, false);
		return rest ? rest : *at == ' ' ? at + 1 : NULL;
	}
	at = line_after(s, "kern ");
	if (at) {
		at += strspn(at, " ");
		if (*at++ != ':')
			return NULL;
		at += strspn(at, "abcdefghijklmnopqrstuvwxyz");
		at += strspn(at, " ");
		return *at == ':' ? at + 1 : NULL;
	}
	return skip_syslog(s, true);
}

/* Consoles, terminals and other programs put anything there: a stamp of the kernel's form is what counts. */
static const char *find_stamp(const char *s, uint64_t *ret_ns)
{
	const char *end = s + strnlen(s, MAX_BEFORE);

	for (const char *at = s; at < end; at++) {
		const char *rest = *at == '[' ? skip_stamp(at, ret_ns) : NULL;

		if (rest && (*rest == ' ' || *rest == '[' || !*rest))
			return rest;
	}
	return NULL;
}

static const char *skip_one(const char *s, struct line *line)
{
	const char *at = find_stamp(s, &line->ns);

	if (!at)
		at = skip_level(s);
	if (!at)
		at = skip_caller(s, &line->caller);
	if (!at)
		at = skip_kmsg(s, line);
	return at ? at : skip_dated(s);
}

void line_parse(const char *raw, size_t len, struct line *ret)
{
	const char *at, *next;

	line_clean(raw, len, ret);
	at = ret->text;
	for (int i = 0; i < MAX_PREFIXES && (next = skip_one(at, ret)); i++)
		at = next + strspn(next, " ");
	ret->len -= (size_t)(at - ret->text);
	memmove(ret->text, at, ret->len + 1);
}
