// SPDX-License-Identifier: GPL-2.0-or-later
/* Names and texts, less what is not the same in two crashes of the same fault: docs/signature.md. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "crash/names.h"

/* ---- functions */

void names_plain(const char *function, char *ret, size_t size)
{
	static const char *const wrappers[] = {"__x64_sys_", "__ia32_sys_", "__arm64_sys_",
					       "__se_sys_",  "__do_sys_",   "SyS_"};
	const char *at = function;
	size_t len;

	at += strncmp(at, "__pfx_", 6) == 0 ? 6 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++) {
		len = strlen(wrappers[i]);
		if (strncmp(at, wrappers[i], len) == 0) {
			snprintf(ret, size, "sys_%.*s", (int)strcspn(at + len, "."), at + len);
			return;
		}
	}
	/* a program's digest and name are its own: kernel/bpf/core.c bpf_prog_ksym_set_name() */
	if (strncmp(at, "bpf_prog_", 9) == 0) {
		snprintf(ret, size, "bpf_prog");
		return;
	}
	len = *at ? 1 + strcspn(at + 1, ".") : 0;
	snprintf(ret, size, "%.*s", (int)NUM_MIN(len, size - 1), at);
}

/* ---- texts */

struct writer {
	char *to;
	size_t n, size;
};

static void put(struct writer *w, const char *s, size_t len)
{
	for (size_t i = 0; i < len && w->n + 1 < w->size; i++) {
		/* one blank for several, none in front */
		if (s[i] == ' ' && (!w->n || w->to[w->n - 1] == ' '))
			continue;
		w->to[w->n++] = s[i];
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Of `form`: 'x' is a hexadecimal digit, anything else itself. Length, or 0; no word may go on behind it. */
static size_t of_form(const char *s, const char *form)
{
	size_t n = 0;

	for (; form[n]; n++)
		if (form[n] == 'x' ? !isxdigit((unsigned char)s[n]) : s[n] != form[n])
			return 0;
	return is_word(s[n]) ? 0 : n;
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

static size_t hex_digits(const char *s)
{
	return strspn(s, "0123456789abcdefABCDEF");
}

/* A number or name that is another one on another machine; its length, 0: none. `s` is where a word begins. */
static size_t varying(const char *s)
{
	static const char *const forms[] = {"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
					    "xx:xx:xx:xx:xx:xx", "xxxx:xx:xx.x"};
	static const char *const disks[] = {"sd", "vd", "hd", "xvd"};
	static const char *const links[] = {"eth",  "eno", "ens",  "enp",  "enx", "wlan",
					    "wlp",  "wls", "wlo",  "wwan", "wwp", "ib",
					    "bond", "br",  "veth", "tun",  "tap", "vlan"};
	size_t word = 0, len;

	while (is_word(s[word]))
		word++;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if ((len = of_form(s, forms[i])))
			return len;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && hex_digits(s + 2))
		return 2 + hex_digits(s + 2);
	len = hex_digits(s);
	if (len == word && len && (len >= 8 || strcspn(s, "0123456789") < len))
		return len;
	for (size_t i = 0; i < ARRAY_SIZE(disks); i++) {
		size_t n = strlen(disks[i]), unit;

		if (strncmp(s, disks[i], n) != 0)
			continue;
		unit = strspn(s + n, "abcdefghijklmnopqrstuvwxyz");
		if (unit && unit <= 3 && n + unit + digits(s + n + unit) == word)
			return word;
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		size_t n = strlen(links[i]);

		if (strncmp(s, links[i], n) == 0 && digits(s + n))
			return word;
	}
	return 0;
}

/* What is in brackets or quotes: the length with both; 0 if it does not end, or if none begins here. */
static size_t enclosed(const char *s, char before)
{
	static const char open[] = "([<\"'`", close[] = ")]>\"''";
	const char *kind = *s ? strchr(open, *s) : NULL, *end;

	/* an apostrophe is no quote */
	if (!kind || ((*s == '\'' || *s == '<') && is_word(before)))
		return 0;
	end = strchr(s + 1, close[kind - open]);
	return end ? (size_t)(end - s) + 1 : 0;
}

void names_normalize(const char *text, char *ret, size_t size)
{
	struct writer w = {.to = ret, .size = size};
	char before = ' ';

	for (const char *s = text; *s;) {
		size_t len = enclosed(s, before);

		if (len) {
			put(&w, s, 1);
			put(&w, s + len - 1, 1);
		} else if (!is_word(before) && *s == '/' && is_word(s[1])) {
			len = strcspn(s, " ,;");
			put(&w, "/", 1);
		} else if (!is_word(before) && (len = varying(s))) {
			put(&w, "#", 1);
		} else if ((len = digits(s))) {
			put(&w, "#", 1);
		} else {
			len = 1;
			put(&w, s, 1);
		}
		s += len;
		before = s[-1];
	}
	while (w.n && w.to[w.n - 1] == ' ')
		w.n--;
	w.to[w.n] = '\0';
}
