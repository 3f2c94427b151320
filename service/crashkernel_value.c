// SPDX-License-Identifier: GPL-2.0-or-later
/* crashkernel= as it is written. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "service/crashkernel.h"

#define NAME      "crashkernel="
#define MAX_WORDS 8
#define MAX_LEN   128 /* of a word */
#define RAM_STEP  (128ULL << 20)

enum kind {
	KIND_PLAIN, /* SIZE[@OFFSET], or ranges */
	KIND_HIGH,
	KIND_LOW,
	KIND_CMA,
	KINDS
};

struct word {
	char text[MAX_LEN];
	enum kind kind;
	uint64_t bytes;
};

static int refuse(const struct word *w, const char *why, struct err *err)
{
	return err_set(err, ERR_USAGE, "crashkernel=%s: %s", w->text, why);
}

/*
 * As memparse() of lib/cmdline.c, which takes octal numbers, too: nobody means them. False: no number, or one that is
 * too large.
 */
static bool parse_size(const char **pos, uint64_t *ret)
{
	static const char units[] = "KMGTPE";
	const char *p = *pos, *unit;
	unsigned int base = 10;
	uint64_t v = 0;
	size_t digits = 0;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	} else if (p[0] == '0' && p[1] >= '0' && p[1] <= '9') {
		return false;
	}
	for (; *p; p++, digits++) {
		const char *at = strchr("0123456789abcdef0123456789ABCDEF", *p);
		unsigned int digit =
			at ? (unsigned int)(at - "0123456789abcdef0123456789ABCDEF") : 99;

		digit = digit < 99 ? digit % 16 : digit;
		if (digit >= base)
			break;
		if (!num_mul(v, (uint64_t)base, &v) || !num_add(v, (uint64_t)digit, &v))
			return false;
	}
	unit = *p ? strchr(units, *p & ~0x20) : NULL;
	if (digits && unit) {
		unsigned int shift = 10 * (unsigned int)(unit - units + 1);

		if (v > UINT64_MAX >> shift)
			return false;
		v <<= shift;
		p++;
	}
	*ret = v;
	*pos = p;
	return digits > 0;
}

/* "@OFFSET" or nothing, and then the end. */
static int parse_end(const struct word *w, const char *p, struct err *err)
{
	uint64_t offset;

	if (*p == '@') {
		p++;
		if (!parse_size(&p, &offset))
			return refuse(w, "no address behind '@'", err);
	}
	return *p ? refuse(w,
			   "it is not SIZE, SIZE@OFFSET, SIZE,high, SIZE,low, SIZE,cma or "
			   "START-[END]:SIZE,…",
			   err)
		  : 0;
}

/* START-[END]:SIZE,…: the first range that the machine's memory is in gives the size. */
static int parse_ranges(struct word *w, uint64_t ram, struct err *err)
{
	uint64_t start, end = 0, size;
	const char *p = w->text;
	bool found = false;

	/* the kernel rounds up what it counts: firmware keeps some */
	ram = ram > UINT64_MAX - RAM_STEP ? ram : num_align_up(ram, RAM_STEP);
	do {
		if (p != w->text && end == UINT64_MAX)
			return refuse(w, "a range behind one without an end is never used", err);
		if (!parse_size(&p, &start) || *p++ != '-')
			return refuse(w, "a range is START-END:SIZE or START-:SIZE", err);
		if (p != w->text && start < end)
			return refuse(w, "ranges are not in order", err);
		end = UINT64_MAX;
		if (*p != ':' && !parse_size(&p, &end))
			return refuse(w, "a range is START-END:SIZE or START-:SIZE", err);
		if (end <= start)
			return refuse(w, "a range ends before it begins", err);
		if (*p++ != ':' || !parse_size(&p, &size))
			return refuse(w, "a range is START-END:SIZE or START-:SIZE", err);
		/* the kernel gives up at the first size beyond the memory, matching or not */
		if (!found && ram && size >= ram && ram >= start)
			return refuse(w, "it is more than this machine's memory", err);
		if (!found && ram >= start && ram < end) {
			w->bytes = size;
			found = true;
		}
	} while (*p == ',' && p++);
	return parse_end(w, p, err);
}

static int parse_suffix(struct word *w, const char *p, struct err *err)
{
	static const char *const names[] = {
		[KIND_HIGH] = ",high", [KIND_LOW] = ",low", [KIND_CMA] = ",cma"};

	for (enum kind k = KIND_HIGH; k < KINDS; k++)
		if (strcmp(p, names[k]) == 0) {
			w->kind = k;
			return 0;
		}
	return parse_end(w, p, err);
}

static int parse_word(struct word *w, uint64_t ram, struct err *err)
{
	const char *p = w->text;

	if (strcmp(p, "auto") == 0)
		return refuse(w,
			      "no kernel knows it but some of one distribution; see `lifeboat "
			      "get-default-crashkernel`",
			      err);
	if (strchr(p, ':'))
		return parse_ranges(w, ram, err);
	if (!parse_size(&p, &w->bytes))
		return refuse(w, "no size; a size is decimal (or 0x…) and may end in K, M, G, T",
			      err);
	if (parse_suffix(w, p, err))
		return err->code;
	if (!w->bytes && w->kind != KIND_LOW) /* 0,low: no low memory is wanted */
		return refuse(w, "nothing would be reserved; to take it out use --remove", err);
	if (ram && w->bytes >= ram)
		return refuse(w, "it is more than this machine's memory", err);
	return 0;
}

/* Which go together: kernel/crash_reserve.c, parse_crashkernel(). */
static int check_kinds(const struct word *const of[KINDS], struct err *err)
{
	if (of[KIND_PLAIN] && of[KIND_HIGH])
		return refuse(of[KIND_HIGH], "the kernel ignores it beside a plain size", err);
	if (of[KIND_LOW] && !of[KIND_HIGH])
		return refuse(of[KIND_LOW], "the kernel ignores it without SIZE,high", err);
	if (of[KIND_CMA] && !of[KIND_PLAIN] && !of[KIND_HIGH])
		return refuse(of[KIND_CMA],
			      "the kernel and its initramfs need a size of their own beside it",
			      err);
	return 0;
}

static int split(const char *text, uint64_t ram, struct word words[MAX_WORDS], size_t *ret_n,
		 struct err *err)
{
	size_t n = 0;

	for (;;) {
		struct word *w = &words[n];
		size_t len;

		text += strspn(text, " \t");
		if (!*text)
			break;
		if (strncmp(text, NAME, strlen(NAME)) == 0)
			text += strlen(NAME);
		len = strcspn(text, " \t");
		if (n == MAX_WORDS || len >= MAX_LEN)
			return err_set(err, ERR_USAGE, "crashkernel=: %s is too long",
				       n == MAX_WORDS ? "it" : "a word");
		*w = (struct word){.kind = KIND_PLAIN};
		memcpy(w->text, text, len);
		for (size_t i = 0; i < len; i++)
			if (w->text[i] < '!' || w->text[i] > '~')
				return err_set(err, ERR_USAGE,
					       "crashkernel=: byte 0x%02x is not of a value",
					       (unsigned char)w->text[i]);
		if (parse_word(w, ram, err))
			return err->code;
		text += len;
		n++;
	}
	*ret_n = n;
	return 0;
}

int crashkernel_parse(const char *text, uint64_t ram, struct crashkernel_value *ret,
		      struct err *err)
{
	static const enum kind order[] = {KIND_CMA, KIND_PLAIN, KIND_HIGH, KIND_LOW};
	const struct word *of[KINDS] = {NULL};
	struct crashkernel_value v = {.bytes = 0};
	struct word words[MAX_WORDS];
	size_t n = 0, len = 0;

	if (split(text, ram, words, &n, err))
		return err->code;
	for (size_t i = 0; i < n; i++) {
		if (of[words[i].kind])
			return refuse(&words[i], "the kernel takes one of a kind", err);
		of[words[i].kind] = &words[i];
	}
	if (check_kinds(of, err))
		return err->code;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const struct word *w = of[order[i]];

		if (!w)
			continue;
		len += (size_t)snprintf(v.words + len, sizeof(v.words) - len, "%s" NAME "%s",
					len ? " " : "", w->text);
		if (len >= sizeof(v.words))
			return err_set(err, ERR_USAGE, "crashkernel=: it is too long");
	}
	v.cma = of[KIND_CMA] ? of[KIND_CMA]->bytes : 0;
	v.bytes = of[KIND_PLAIN] ? of[KIND_PLAIN]->bytes : 0;
	if (of[KIND_HIGH])
		v.bytes = of[KIND_HIGH]->bytes + (of[KIND_LOW] ? of[KIND_LOW]->bytes : 0);
	*ret = v;
	return 0;
}
