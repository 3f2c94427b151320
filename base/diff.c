// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/diff.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define CONTEXT   3
#define MAX_EXACT 1000 /* lines on either side: the table has the product of both */

struct lines {
	struct bytes *v; /* with their newlines */
	size_t n;
};

/* A line of the diff: ' ', '-' or '+'. */
struct edit {
	char op;
	struct bytes line;
};

struct edits {
	struct edit *v;
	size_t n;
};

static int split(struct bytes text, struct lines *ret, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n' || i + 1 == text.len;
	ret->v = calloc(n + 1, sizeof(*ret->v));
	if (!ret->v)
		return err_nomem(err, (n + 1) * sizeof(*ret->v), "lines of a diff");
	for (size_t start = 0, i = 0; i < text.len; i++) {
		if (text.data[i] != '\n' && i + 1 != text.len)
			continue;
		ret->v[ret->n++] = (struct bytes){text.data + start, i + 1 - start};
		start = i + 1;
	}
	return 0;
}

static bool same(struct bytes a, struct bytes b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static void push(struct edits *e, char op, struct bytes line)
{
	e->v[e->n++] = (struct edit){op, line};
}

/* By the longest common subsequence; length[i][j] is that of what begins at a[i] and b[j]. */
static int compare(struct lines a, struct lines b, struct edits *e, struct err *err)
{
	size_t width = b.n + 1, i = 0, j = 0;
	bool exact = a.n <= MAX_EXACT && b.n <= MAX_EXACT;
	_cleanup_free_ uint16_t *length = exact ? calloc((a.n + 1) * width, sizeof(*length)) : NULL;

	if (exact && !length)
		return err_nomem(err, (a.n + 1) * width * sizeof(*length), "a diff");
	for (i = exact ? a.n : 0; i-- > 0;)
		for (j = b.n; j-- > 0;)
			length[i * width + j] =
				same(a.v[i], b.v[j])
					? (uint16_t)(length[(i + 1) * width + j + 1] + 1)
					: NUM_MAX(length[(i + 1) * width + j],
						  length[i * width + j + 1]);
	for (i = j = 0; i < a.n || j < b.n;) {
		if (exact && i < a.n && j < b.n && same(a.v[i], b.v[j])) {
			push(e, ' ', a.v[i++]);
			j++;
		} else if (j == b.n || (i < a.n && (!exact || length[(i + 1) * width + j] >=
								      length[i * width + j + 1]))) {
			push(e, '-', a.v[i++]);
		} else {
			push(e, '+', b.v[j++]);
		}
	}
	return 0;
}

/* What is the same in front and at the end needs no table. */
static int make_edits(struct lines a, struct lines b, struct edits *ret, struct err *err)
{
	size_t front = 0, back = 0;

	ret->v = calloc(a.n + b.n + 1, sizeof(*ret->v));
	if (!ret->v)
		return err_nomem(err, (a.n + b.n + 1) * sizeof(*ret->v), "a diff");
	while (front < a.n && front < b.n && same(a.v[front], b.v[front]))
		push(ret, ' ', a.v[front++]);
	while (back < a.n - front && back < b.n - front &&
	       same(a.v[a.n - 1 - back], b.v[b.n - 1 - back]))
		back++;
	if (compare((struct lines){a.v + front, a.n - front - back},
		    (struct lines){b.v + front, b.n - front - back}, ret, err))
		return err->code;
	for (size_t i = a.n - back; i < a.n; i++)
		push(ret, ' ', a.v[i]);
	return 0;
}

static void put_line(FILE *to, struct edit e)
{
	fputc(e.op, to);
	fwrite(e.line.data, 1, e.line.len, to);
	if (e.line.data[e.line.len - 1] != '\n')
		fputs("\n\\ No newline at end of file\n", to);
}

/* Of `n` lines behind `before` others; what has none is named by the line in front of it. */
static void put_range(FILE *to, char sign, size_t before, size_t n)
{
	fprintf(to, " %c%zu,%zu", sign, before + (n > 0), n);
}

/* Edits [start, end), with `a` and `b` lines before them. */
static void put_hunk(FILE *to, const struct edits *e, size_t start, size_t end, size_t a, size_t b)
{
	size_t n_a = 0, n_b = 0;

	for (size_t i = start; i < end; i++) {
		n_a += e->v[i].op != '+';
		n_b += e->v[i].op != '-';
	}
	fputs("@@", to);
	put_range(to, '-', a, n_a);
	put_range(to, '+', b, n_b);
	fputs(" @@\n", to);
	for (size_t i = start; i < end; i++)
		put_line(to, e->v[i]);
}

/* From `i`, a change, to where more than two contexts of equal lines follow. */
static size_t hunk_end(const struct edits *e, size_t i)
{
	size_t last = i;

	for (; i < e->n && i - last <= 2 * CONTEXT + 1; i++)
		if (e->v[i].op != ' ')
			last = i;
	return NUM_MIN(last + 1 + CONTEXT, e->n);
}

static void put_hunks(FILE *to, const struct edits *e)
{
	size_t a = 0, b = 0; /* lines before edit `i` */

	for (size_t i = 0; i < e->n;) {
		size_t end = i + 1;

		if (e->v[i].op != ' ') {
			size_t back = NUM_MIN(i, (size_t)CONTEXT);

			/* lines of context are in both files, and those of the hunk before are over */
			end = hunk_end(e, i);
			put_hunk(to, e, i - back, end, a - back, b - back);
		}
		for (; i < end; i++) {
			a += e->v[i].op != '+';
			b += e->v[i].op != '-';
		}
	}
}

int diff_unified(const char *name, struct bytes was, struct bytes will, char **ret, struct err *err)
{
	struct lines a = {0}, b = {0};
	struct edits edits = {0};
	char *text = NULL;
	size_t len = 0;
	FILE *to;
	int r;

	r = split(was, &a, err);
	r = r ? r : split(will, &b, err);
	r = r ? r : make_edits(a, b, &edits, err);
	to = r ? NULL : open_memstream(&text, &len);
	if (to) {
		if (!was.data != !will.data || was.len != will.len ||
		    (was.len && memcmp(was.data, will.data, was.len) != 0))
			fprintf(to, "--- %s\n+++ %s\n", was.data ? name : "/dev/null",
				will.data ? name : "/dev/null");
		put_hunks(to, &edits);
	}
	if (!r && (!to || fclose(to)))
		r = err_nomem(err, len, "a diff");
	free(edits.v);
	free(a.v);
	free(b.v);
	if (r)
		free(text);
	else
		*ret = text;
	return r;
}
