// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The editors of command lines, diff_unified, crashkernel_parse. Properties: a text is refused, without output, or all its
 * bytes but blanks and crashkernel= words are there in their order, with our word once and no other; twice is the same as
 * once; without a word to put in, a text without one stays as it is; applied to the text, the diff gives the result. A
 * value that is taken gives words that are taken again, and are the same then.
 */
#include <stdlib.h>
#include <string.h>

#include "base/diff.h"
#include "service/bootedit.h"
#include "service/crashkernel.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

#define VAR  "GRUB_CMDLINE_LINUX_DEFAULT"
#define WORD "crashkernel=77M"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int (*edit_fn)(const char *text, const char *words, char **ret, struct err *err);

static int edit_grub(const char *text, const char *words, char **ret, struct err *err)
{
	return bootedit_grub(text, VAR, words, ret, err);
}

static char *edited(edit_fn edit, const char *text, const char *words)
{
	struct err err = {0};
	char *out = NULL;

	if (!edit(text, words, &out, &err)) {
		REQUIRE(out);
		return out;
	}
	REQUIRE(!out && err.code == ERR_UNSUPPORTED && strncmp(err.msg, "line ", 5) == 0);
	return NULL;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* Everything but white space, quotes and crashkernel= words: what no editor may touch. */
static char *essence(const char *text)
{
	static const char needle[] = "crashkernel=";
	char *out = calloc(1, strlen(text) + 1);
	size_t n = 0;

	REQUIRE(out);
	while (*text) {
		if (strncmp(text, needle, strlen(needle)) == 0)
			text += strcspn(text, " \t\v\f\n\r\"'");
		else if (strchr(" \t\v\f\n\r\"'\\", *text))
			text++;
		else
			out[n++] = *text++;
	}
	return out;
}

static bool same_essence(const char *a, const char *b, const char *added)
{
	char *x = essence(a), *y = essence(b);
	size_t len = strlen(x);
	bool same = strncmp(x, y, len) == 0 && (!y[len] || (*added && strcmp(y + len, added) == 0));

	free(x);
	free(y);
	return same;
}

static void check_diff(const char *was, const char *will)
{
	struct err err = {0};
	char *diff = NULL;

	REQUIRE(!diff_unified("f", (struct bytes){(const uint8_t *)was, strlen(was)},
			      (struct bytes){(const uint8_t *)will, strlen(will)}, &diff, &err));
	REQUIRE((strcmp(was, will) == 0) == !*diff);
	free(diff);
}

static void check(edit_fn edit, const char *text, const char *added)
{
	char *without = edited(edit, text, ""), *with = edited(edit, text, WORD), *again;

	if (without) {
		REQUIRE(same_essence(text, without, ""));
		REQUIRE(bootedit_mentions(text) || strcmp(text, without) == 0);
		again = edited(edit, without, "");
		REQUIRE(again && strcmp(again, without) == 0);
		free(again);
		check_diff(text, without);
	}
	if (with) {
		REQUIRE(without && same_essence(text, with, added));
		REQUIRE(count(with, WORD) >= 1);
		again = edited(edit, with, WORD);
		REQUIRE(again && strcmp(again, with) == 0);
		free(again);
		/* with another word it differs in that alone */
		again = edited(edit, with, "crashkernel=88M");
		REQUIRE(again && strlen(again) == strlen(with) && strcmp(again, with) != 0);
		free(again);
	}
	free(without);
	free(with);
}

static void check_value(const char *text)
{
	struct crashkernel_value v = {.bytes = 1}, w = {.bytes = 2};
	struct err err = {0};

	if (crashkernel_parse(text, 4ULL << 30, &v, &err)) {
		REQUIRE(err.code == ERR_USAGE && v.bytes == 1);
		return;
	}
	REQUIRE(!v.words[strspn(v.words,
				"crashkernelighowmx=0123456789abcdefABCDEFKMGTPEkgtpeX,:@- ")]);
	REQUIRE(!crashkernel_parse(v.words, 4ULL << 30, &w, &err));
	REQUIRE(strcmp(v.words, w.words) == 0 && v.bytes == w.bytes && v.cma == w.cma);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	size_t len;

	REQUIRE(text);
	for (size_t i = 0; i < size; i++)
		text[i] = data[i] ? (char)data[i] : '\n';
	check(bootedit_entry, text, "options");
	check(bootedit_cmdline, text, "");
	check(edit_grub, text, VAR "=");
	bootedit_entry_value(text, "linux", &len);
	bootedit_grub_discards(text, VAR);
	check_value(text);
	free(text);
	return 0;
}
