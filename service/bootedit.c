// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/bootedit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define NEEDLE "crashkernel="

/* How a quote of the kernel's command line is written there. */
enum quoting {
	QUOTING_NONE,    /* as it is */
	QUOTING_ESCAPED, /* \", in double quotes of a shell */
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool has(struct bytes where, const char *what)
{
	return where.len && memmem(where.data, where.len, what, strlen(what));
}

static void put(FILE *to, struct bytes b)
{
	if (b.len)
		fwrite(b.data, 1, b.len, to);
}

static struct bytes between(const uint8_t *start, const uint8_t *end)
{
	return (struct bytes){start, (size_t)(end - start)};
}

/* ---- one command line */

/* Behind the word that begins at `p`; *open: it ends in a quote that is never closed. */
static const uint8_t *word_end(const uint8_t *p, const uint8_t *end, enum quoting q, bool *open)
{
	bool quoted = false;

	while (p < end && (quoted || !is_blank(*p))) {
		if (q == QUOTING_ESCAPED && *p == '\\' && p + 1 < end) {
			quoted ^= p[1] == '"';
			p += 2;
			continue;
		}
		quoted ^= q == QUOTING_NONE && *p == '"';
		p++;
	}
	*open = quoted;
	return p;
}

static bool begins(struct bytes b, const char *with)
{
	return b.len >= strlen(with) && memcmp(b.data, with, strlen(with)) == 0;
}

/* Is this word nothing but a crashkernel=, in quotes or not? */
static bool is_crashkernel(struct bytes word)
{
	const char *const quotes[] = {"\\\"", "\"", ""};
	size_t n = 0;

	while (!begins(word, quotes[n]))
		n++;
	n = strlen(quotes[n]);
	if (word.len < 2 * n || memcmp(word.data, word.data + word.len - n, n) != 0)
		return false;
	word = (struct bytes){word.data + n, word.len - 2 * n};
	if (!begins(word, NEEDLE))
		return false;
	word = (struct bytes){word.data + strlen(NEEDLE), word.len - strlen(NEEDLE)};
	for (size_t i = 0; i < word.len; i++)
		if (word.data[i] < '!' || word.data[i] > '~' || strchr("\"'\\", word.data[i]))
			return false;
	return !has(word, NEEDLE);
}

struct line_edit {
	struct bytes line; /* the command line */
	enum quoting quoting;
	const char *words; /* to be put in; "": none */
	unsigned int number;
	FILE *to;
};

static int refuse(unsigned int number, const char *why, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "line %u: %s; edit it by hand", number, why);
}

/* Put the words behind what there is already, or in front of all. */
static void put_words(const struct line_edit *e, bool first)
{
	fprintf(e->to, "%s%s", first ? "" : " ", e->words);
}

/* The blanks in front of a word that goes, go as well. */
static int edit_line(const struct line_edit *e, struct err *err)
{
	const uint8_t *p = e->line.data, *end = p + e->line.len, *start;
	bool first = true, wanted = *e->words, dropped = false, open;

	for (start = p; p < end && is_blank(*p); p++)
		;
	put(e->to, between(start, p));
	for (start = p; p < end;) {
		const uint8_t *stop = word_end(p, end, e->quoting, &open);
		struct bytes gap = between(start, p), word = between(p, stop);

		if (open)
			return refuse(e->number, "a quote is never closed", err);
		if (has(word, NEEDLE) && !is_crashkernel(word))
			return refuse(e->number, NEEDLE " is a part of another word", err);
		if (first && dropped && begins(word, "#"))
			return refuse(e->number, "what follows would become a comment", err);
		dropped |= has(word, NEEDLE);
		if (!has(word, NEEDLE)) {
			if (wanted && word.len == 2 && begins(word, "--")) {
				put_words(e, first);
				put(e->to, first ? (struct bytes){(const uint8_t *)" ", 1} : gap);
				wanted = false;
			} else if (!first) {
				put(e->to, gap);
			}
			put(e->to, word);
			first = false;
		}
		for (start = p = stop; p < end && is_blank(*p); p++)
			;
	}
	if (wanted)
		put_words(e, first);
	put(e->to, between(start, p));
	return 0;
}

/* ---- lines of a file */

struct cursor {
	const char *pos;
	unsigned int number; /* of the line returned last */
};

/* False at the end. The line is without its end, which is "\n", "\r\n" or, of the last one, "". */
static bool next_line(struct cursor *c, bool crlf, struct bytes *ret, struct bytes *ret_eol)
{
	const uint8_t *p = (const uint8_t *)c->pos, *end = p + strcspn(c->pos, "\n");
	const uint8_t *next = *end ? end + 1 : end;

	if (!*p)
		return false;
	if (crlf && end > p && end[-1] == '\r')
		end--;
	*ret = between(p, end);
	*ret_eol = between(end, next);
	c->pos = (const char *)next;
	c->number++;
	return true;
}

static struct bytes skip_blanks(struct bytes line)
{
	while (line.len && is_blank(*line.data))
		line = (struct bytes){line.data + 1, line.len - 1};
	return line;
}

static bool is_comment(struct bytes line)
{
	line = skip_blanks(line);
	return line.len && *line.data == '#';
}

/* A line of its own at the end of the file, with the end that its first line has; for a shell only "\n" is one. */
static void put_last(FILE *to, const char *text, bool crlf, const char *key, const char *words,
		     const char *close)
{
	size_t len = strlen(text);
	const char *first = crlf ? strchr(text, '\n') : NULL;
	const char *eol = first && first > text && first[-1] == '\r' ? "\r\n" : "\n";

	if (len && text[len - 1] != '\n')
		fputs(eol, to);
	fprintf(to, "%s%s%s%s", key, words, close, eol);
}

/* The end of what was written to a memory stream. */
static int finish(FILE *to, char **text, int r, char **ret, struct err *err)
{
	if (!to)
		return err_nomem(err, BOOTEDIT_MAX_SIZE, "an edited file");
	if (fclose(to) && !r)
		r = err_nomem(err, BOOTEDIT_MAX_SIZE, "an edited file");
	if (r)
		free(*text);
	else
		*ret = *text;
	return r;
}

bool bootedit_mentions(const char *text)
{
	struct cursor c = {.pos = text};
	struct bytes line, eol;

	while (next_line(&c, false, &line, &eol))
		if (has(line, NEEDLE) && !is_comment(line))
			return true;
	return false;
}

/* ---- entries of the Boot Loader Specification */

/* Is this the line of `key`? Then its value, without the blanks in front. */
static bool entry_line(struct bytes line, const char *key, struct bytes *ret_value)
{
	line = skip_blanks(line);
	if (!begins(line, key))
		return false;
	line = (struct bytes){line.data + strlen(key), line.len - strlen(key)};
	if (line.len && !is_blank(*line.data))
		return false;
	*ret_value = skip_blanks(line);
	return true;
}

const char *bootedit_entry_value(const char *text, const char *key, size_t *ret_len)
{
	struct cursor c = {.pos = text};
	struct bytes line, eol, value;

	while (next_line(&c, true, &line, &eol))
		if (entry_line(line, key, &value)) {
			while (value.len && is_blank(value.data[value.len - 1]))
				value.len--;
			*ret_len = value.len;
			return (const char *)value.data;
		}
	return NULL;
}

static int edit_entry(const char *text, const char *words, FILE *to, struct err *err)
{
	struct bytes line, eol, value;
	unsigned int last = 0;

	for (struct cursor c = {.pos = text}; next_line(&c, true, &line, &eol);)
		if (entry_line(line, "options", &value))
			last = c.number;
	for (struct cursor c = {.pos = text}; next_line(&c, true, &line, &eol);) {
		struct line_edit e = {.number = c.number, .to = to};

		if (entry_line(line, "options", &value)) {
			struct bytes head = between(line.data, value.data);

			e.line = value;
			e.words = c.number == last ? words : "";
			put(to, head);
			if (*e.words && !is_blank(head.data[head.len - 1]))
				fputc(' ', to);
			if (edit_line(&e, err))
				return err->code;
		} else {
			put(to, line);
		}
		put(to, eol);
	}
	if (!last && *words)
		put_last(to, text, true, "options ", words, "");
	return 0;
}

int bootedit_entry(const char *text, const char *words, char **ret, struct err *err)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	return finish(to, &out, to ? edit_entry(text, words, to, err) : 0, ret, err);
}

/* ---- /etc/kernel/cmdline */

static int edit_cmdline(const char *text, const char *words, FILE *to, struct err *err)
{
	struct bytes line, eol;
	unsigned int last = 0;

	for (struct cursor c = {.pos = text}; next_line(&c, true, &line, &eol);)
		if (!is_comment(line) && skip_blanks(line).len)
			last = c.number;
	for (struct cursor c = {.pos = text}; next_line(&c, true, &line, &eol);) {
		struct line_edit e = {line, QUOTING_NONE, c.number == last ? words : "", c.number,
				      to};

		if (is_comment(line))
			put(to, line);
		else if (edit_line(&e, err))
			return err->code;
		put(to, eol);
	}
	if (!last && *words)
		put_last(to, text, true, "", words, "");
	return 0;
}

int bootedit_cmdline(const char *text, const char *words, char **ret, struct err *err)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	return finish(to, &out, to ? edit_cmdline(text, words, to, err) : 0, ret, err);
}

/* ---- /etc/default/grub */

#define LINUX         "GRUB_CMDLINE_LINUX"
#define LINUX_DEFAULT "GRUB_CMDLINE_LINUX_DEFAULT"

struct assignment {
	struct bytes name;
	struct bytes value; /* between its quotes, if it has any */
	uint8_t quote;      /* 0, '\'' or '"' */
	struct bytes rest;  /* behind the value and its quote */
};

static bool is_name(uint8_t c)
{
	return isalnum(c) || c == '_';
}

static bool is_plain(uint8_t c)
{
	return isalnum(c) || (c && strchr("_=.,:@/+%-", c));
}

static bool equals(struct bytes b, const char *text)
{
	return b.len == strlen(text) && memcmp(b.data, text, b.len) == 0;
}

/* "NAME=", after "export" or not; *rest is what follows. */
static bool parse_name(struct bytes line, struct bytes *ret_name, struct bytes *ret_rest)
{
	size_t n = 0;

	line = skip_blanks(line);
	if (begins(line, "export ") || begins(line, "export\t"))
		line = skip_blanks((struct bytes){line.data + 6, line.len - 6});
	while (n < line.len && is_name(line.data[n]))
		n++;
	if (!n || isdigit(line.data[0]) || n == line.len || line.data[n] != '=')
		return false;
	*ret_name = (struct bytes){line.data, n};
	*ret_rest = (struct bytes){line.data + n + 1, line.len - n - 1};
	return true;
}

/* In double quotes: does a substitution begin here whose end is not certain? */
static bool is_doubtful(struct bytes at)
{
	size_t n = 2;

	if (at.data[0] == '`' || begins(at, "$(") || begins(at, "$["))
		return true;
	if (!begins(at, "${"))
		return false;
	while (n < at.len && is_name(at.data[n]))
		n++;
	return n == at.len || at.data[n] != '}';
}

/* The length of the value behind its opening quote; false if its end is not certain. */
static bool value_length(struct bytes v, uint8_t quote, size_t *ret)
{
	size_t n = 0;

	for (; n < v.len && v.data[n] != quote; n++) {
		if (quote == '"' && is_doubtful((struct bytes){v.data + n, v.len - n}))
			return false;
		if (quote == '"' && v.data[n] == '\\' && ++n == v.len)
			return false;
		if (!quote && !is_plain(v.data[n]))
			break;
	}
	*ret = n;
	return n < v.len || !quote;
}

/* An assignment of one word, alone on its line but for a comment. */
static bool parse_assignment(struct bytes line, struct assignment *ret)
{
	struct bytes rest;
	size_t n;

	if (!parse_name(line, &ret->name, &rest))
		return false;
	ret->quote = rest.len && (*rest.data == '"' || *rest.data == '\'') ? *rest.data : 0;
	if (ret->quote)
		rest = (struct bytes){rest.data + 1, rest.len - 1};
	if (!value_length(rest, ret->quote, &n))
		return false;
	ret->value = (struct bytes){rest.data, n};
	n += ret->quote != 0;
	ret->rest = rest = (struct bytes){rest.data + n, rest.len - n};
	if (rest.len && !is_blank(*rest.data))
		return false;
	rest = skip_blanks(rest);
	return !rest.len || *rest.data == '#';
}

static size_t count(struct bytes b, uint8_t c)
{
	size_t n = 0;

	for (size_t i = 0; i < b.len; i++)
		n += b.data[i] == c;
	return n;
}

/*
 * An assignment to something else, with a command in it, as distributions have for GRUB_DISTRIBUTOR: what opens on
 * the line is closed on it, and nothing is behind.
 */
static bool is_harmless(struct bytes line)
{
	struct bytes name, rest;

	if (!parse_name(line, &name, &rest) || has(line, "crashkernel") || has(line, LINUX) ||
	    has(line, "<<") || has(line, "\\"))
		return false;
	while (rest.len && is_blank(rest.data[rest.len - 1]))
		rest.len--;
	return rest.len && strchr("\"'`)", rest.data[rest.len - 1]) && count(rest, '"') % 2 == 0 &&
	       count(rest, '\'') % 2 == 0 && count(rest, '`') % 2 == 0 &&
	       count(rest, '(') == count(rest, ')') && count(rest, '{') == count(rest, '}');
}

static bool is_ours(const struct assignment *a)
{
	return equals(a->name, LINUX) || equals(a->name, LINUX_DEFAULT);
}

/* Is every line understood? *ret_last: the last assignment of `var`, or 0. */
static int look_through(const char *text, const char *var, unsigned int *ret_last, struct err *err)
{
	struct assignment a;
	struct bytes line, eol;

	*ret_last = 0;
	for (struct cursor c = {.pos = text}; next_line(&c, false, &line, &eol);) {
		if (!skip_blanks(line).len || is_comment(line))
			continue;
		if (!parse_assignment(line, &a)) {
			if (!is_harmless(line))
				return refuse(c.number,
					      "it is more than an assignment, so what it does to "
					      "the command line is not certain",
					      err);
			continue;
		}
		if (equals(a.name, var))
			*ret_last = c.number;
		if (!is_ours(&a) && has(a.value, NEEDLE) && !begins(a.name, "GRUB_CMDLINE_"))
			return refuse(c.number,
				      NEEDLE " is in a variable of which it is not known where "
					     "it is used",
				      err);
	}
	return 0;
}

static int edit_assignment(const struct assignment *a, struct bytes line, struct line_edit *e,
			   struct err *err)
{
	const char *quotes = !a->quote && *e->words ? "\"" : "";

	e->line = a->value;
	e->quoting = a->quote == '"' ? QUOTING_ESCAPED : QUOTING_NONE;
	put(e->to, between(line.data, a->value.data));
	fputs(quotes, e->to);
	if (edit_line(e, err))
		return err->code;
	fputs(quotes, e->to);
	put(e->to, between(a->value.data + a->value.len, line.data + line.len));
	return 0;
}

static int edit_grub(const char *text, const char *var, const char *words, FILE *to,
		     struct err *err)
{
	struct assignment a;
	struct bytes line, eol;
	char key[64];
	unsigned int last;

	if (look_through(text, var, &last, err))
		return err->code;
	for (struct cursor c = {.pos = text}; next_line(&c, false, &line, &eol);) {
		struct line_edit e = {
			.words = c.number == last ? words : "", .number = c.number, .to = to};

		if (is_comment(line) || !parse_assignment(line, &a) || !is_ours(&a))
			put(to, line);
		else if (edit_assignment(&a, line, &e, err))
			return err->code;
		put(to, eol);
	}
	snprintf(key, sizeof(key), "%s=\"", var);
	if (!last && *words)
		put_last(to, text, false, key, words, "\"");
	return 0;
}

int bootedit_grub(const char *text, const char *var, const char *words, char **ret, struct err *err)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	return finish(to, &out, to ? edit_grub(text, var, words, to, err) : 0, ret, err);
}

/* Is `name` in the line, after `before`, and not as a part of a longer one? */
static bool has_name(struct bytes line, const char *before, const char *name)
{
	size_t len = strlen(name), skip = strlen(before);

	for (size_t i = 0; i + skip + len <= line.len; i++)
		if (memcmp(line.data + i, before, skip) == 0 &&
		    memcmp(line.data + i + skip, name, len) == 0 &&
		    (i + skip + len == line.len || !is_name(line.data[i + skip + len])))
			return true;
	return false;
}

size_t bootedit_grub_discards(const char *text, const char *var)
{
	struct bytes line, eol, name, rest;
	struct assignment a;

	for (struct cursor c = {.pos = text}; next_line(&c, false, &line, &eol);) {
		bool sets = parse_name(line, &name, &rest) && equals(name, var);

		if (is_comment(line) ||
		    (!sets && (parse_assignment(line, &a) || !has_name(line, "", var))))
			continue;
		if (parse_assignment(line, &a) && a.quote == '\'')
			return c.number;
		if (!has_name(line, "$", var) && !has_name(line, "${", var))
			return c.number;
	}
	return 0;
}
