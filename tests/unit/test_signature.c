// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/signature.md and the code say the same: its tables, its examples and its vectors are read from the page itself. */
#include "tests/unit/unit.h"

#include <ctype.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "crash/class.h"
#include "crash/line.h"
#include "crash/names.h"
#include "crash/signature.h"
#include "crash/trace.h"

static char page[1 << 16];

static int read_page(void **state __attribute__((unused)))
{
	FILE *f = fopen("docs/signature.md", "r");

	assert_non_null(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	assert_int_equal(fclose(f), 0);
	return 0;
}

static const char *heading(const char *name)
{
	const char *at = strstr(page, name);

	if (!at)
		fail_msg("the page has no \"%s\"", name);
	return at;
}

/* The next block of text at or behind `at`; *ret_end is behind it. The caller frees it. */
static char *block(const char *at, const char **ret_end)
{
	static const char begin[] = "```text\n";
	const char *from = strstr(at, begin), *end;

	assert_non_null(from);
	from += strlen(begin);
	end = strstr(from, "```");
	assert_non_null(end);
	*ret_end = end + 3;
	return strndup(from, (size_t)(end - from));
}

static void check_names(const char *name, const char *(*get)(size_t i))
{
	const char *end;
	_cleanup_free_ char *text = block(heading(name), &end);
	char *rest = text, *word;
	size_t n = 0;

	while ((word = strsep(&rest, " \n"))) {
		if (!*word)
			continue;
		assert_non_null(get(n));
		assert_string_equal(word, get(n));
		n++;
	}
	assert_null(get(n));
	assert_true(n > 40);
}

TEST(tables_of_functions)
{
	check_names("### Functions that only report", names_reporting);
	check_names("### Entries", names_entry);
}

/* The cells of a table's row, "| `a` | b | `c` |", without the signs around them. False: no row. */
static bool row(const char *at, char cells[4][256])
{
	for (size_t i = 0; i < 4; i++)
		*cells[i] = '\0';
	if (*at != '|')
		return false;
	for (size_t i = 0; i < 4 && at[1] && at[1] != '\n'; i++) {
		size_t len = strcspn(at + 2, "|");
		const char *from = at + 2;

		at += 2 + len;
		if (!*at)
			return false;
		len -= len && from[len - 1] == ' ';
		if (*from == '`') {
			from++;
			len -= 2;
		}
		snprintf(cells[i], 256, "%.*s", (int)len, from);
	}
	return true;
}

/* Calls `take` for each row of the next table behind `at`. */
static const char *each_row(const char *at, void (*take)(char cells[4][256]))
{
	char cells[4][256];
	size_t n = 0;

	at = strstr(at, "\n|") + 1;
	while (*at == '|') {
		assert_true(row(at, cells));
		if (n++ >= 2) /* its head */
			take(cells);
		at = strchr(at, '\n') + 1;
	}
	assert_true(n > 5);
	return at;
}

static const char *const kinds[] = {"none",   "before", "oops", "warning",
				    "report", "aside",  "panic"};

static void check_line(const char *text, char cells[4][256])
{
	struct class_line l = class_of_line(text);

	if (strcmp(kinds[l.kind], cells[1]) != 0 || strcmp(crash_class_name(l.cls), cells[2]) != 0)
		fail_msg("\"%s\" is %s, %s; the page says %s, %s", text, kinds[l.kind],
			 crash_class_name(l.cls), cells[1], cells[2]);
}

static void check_start(char cells[4][256])
{
	char text[512];

	check_line(cells[0], cells);
	snprintf(text, sizeof(text), "watchdog: %s…", cells[0]);
	check_line(text, cells);
	snprintf(text, sizeof(text), "x%s", cells[0]);
	/* "hard LOCKUP" stands in the third table as well */
	if (!strstr(cells[0], "LOCKUP"))
		assert_int_equal(class_of_line(text).kind, CLASS_NONE);
}

static void check_oops(char cells[4][256])
{
	char text[512];

	snprintf(text, sizeof(text), "%s: 0000 [#1] SMP", cells[0]);
	check_line(text, cells);
	snprintf(text, sizeof(text), "Oops: %s: 0000 [#12] SMP", cells[0]);
	check_line(text, cells);
	snprintf(text, sizeof(text), "Internal error: %s: 96000004 [#2] SMP", cells[0]);
	check_line(text, cells);
	snprintf(text, sizeof(text), "lab: %s: 0000 [#1] SMP", cells[0]);
	assert_int_equal(class_of_line(text).kind, CLASS_NONE);
}

static void check_middle(char cells[4][256])
{
	char text[512];

	snprintf(text, sizeof(text), "%s x%sx",
		 strstr(cells[0], "guard page") ? "BUG: TASK"
		 : strstr(cells[0], "blocked")  ? "INFO: task"
						: "rcu_preempt",
		 cells[0]);
	check_line(text, cells);
	snprintf(text, sizeof(text), "lab[1]: x%sx", cells[0]);
	assert_int_equal(class_of_line(text).kind, CLASS_NONE);
}

TEST(tables_of_lines)
{
	const char *at = heading("### What tells of a failure");

	at = each_row(at, check_start);
	at = each_row(at, check_oops);
	each_row(at, check_middle);
	assert_int_equal(class_of_line("Internal error: new: 1 [#1]").cls, CRASH_BAD_PAGE_FAULT);
	assert_int_equal(class_of_line("new: 1 [#1]").kind, CLASS_NONE);
}

static void check_panic(char cells[4][256])
{
	char text[512], want[64] = "";
	struct class_panic p;

	snprintf(text, sizeof(text), "lab: %s: lab", cells[0]);
	p = class_of_panic(text);
	assert_string_equal(crash_class_name(p.cls), cells[1]);
	for (int i = 0; i < CRASH_CLASSES; i++)
		if (p.cause & 1U << i)
			strcat(want, crash_class_name((enum crash_class)i));
	strcat(want, p.die         ? "an oops"
		     : p.maybe_die ? "an oops of the same task"
		     : p.report    ? "the last report or warning"
				   : "");
	assert_string_equal(want, cells[2]);
}

TEST(table_of_panics)
{
	struct class_line l = class_of_line("Kernel panic - not syncing: lab (1)");

	assert_int_equal(l.kind, CLASS_PANIC);
	assert_string_equal(l.panic, "lab (1)");
	assert_int_equal(class_of_panic(l.panic).cls, CRASH_PANIC);
	each_row(heading("### The cause"), check_panic);
}

static void check_normal(char cells[4][256])
{
	char text[256];

	names_normalize(cells[0], text, sizeof(text));
	assert_string_equal(text, cells[1]);
}

TEST(normalised_texts)
{
	char small[8];

	each_row(heading("## The text"), check_normal);
	names_normalize("much too long a text", small, sizeof(small));
	assert_string_equal(small, "much to");
}

/* ---- vectors */

static void take_frame(const char *at, struct crash *c)
{
	struct crash_frame *f = &c->frames[c->n_frames++];
	bool interrupted = *at == '!', unreliable = *at == '?';
	const char *colon = strchr(at, ':');
	char module[CRASH_MODULE] = "";

	at += interrupted || unreliable;
	if (colon) {
		snprintf(module, sizeof(module), "%.*s", (int)(colon - at), at);
		at = colon + 1;
	}
	assert_non_null(trace_symbol(at, f));
	strcpy(f->module, module);
	f->reliable = !unreliable;
	f->interrupted = interrupted;
}

static void take_input(char *text, struct crash *c)
{
	char *rest = text, *line;

	*c = (struct crash){.cpu = -1, .pid = -1};
	while ((line = strsep(&rest, "\n"))) {
		const char *at;

		if ((at = line_after(line, "class ")))
			c->cls = crash_class_find(at);
		else if ((at = line_after(line, "title ")))
			snprintf(c->title, sizeof(c->title), "%s", at);
		else if ((at = line_after(line, "panic ")))
			snprintf(c->panic, sizeof(c->panic), "%s", at);
		else if ((at = line_after(line, "release ")))
			snprintf(c->release, sizeof(c->release), "%s", at);
		else if ((at = line_after(line, "frame ")))
			take_frame(at, c);
		else
			assert_string_equal(line, "");
	}
	assert_int_not_equal(c->cls, CRASH_UNKNOWN);
}

/* "func: SHA-256 `…` of" and the text */
static const char *check_kind(const char *at, enum signature_kind kind, const char *name,
			      const struct crash *c)
{
	char head[64], text[SIGNATURE_TEXT];
	struct signature s;
	const char *found, *got;

	snprintf(head, sizeof(head), "\n%s: SHA-256 `", name);
	found = strstr(at, head);
	assert_non_null(found);
	found += strlen(head);
	{
		_cleanup_free_ char *wanted = block(found, &at);

		signature_text(c, kind, text);
		assert_string_equal(text, wanted);
	}
	signature_make(c, &s);
	got = kind == SIGNATURE_FUNC ? s.func : kind == SIGNATURE_EXACT ? s.exact : s.cls;
	assert_int_equal(strlen(got), 64);
	assert_memory_equal(got, found, 64);
	assert_int_equal(found[64], '`');
	return at;
}

TEST(vectors)
{
	static struct crash c;
	const char *at = heading("## Vectors");
	int n = 0;

	while ((at = strstr(at, "\n#### "))) {
		_cleanup_free_ char *input = block(at, &at);

		take_input(input, &c);
		at = check_kind(at, SIGNATURE_FUNC, "func", &c);
		at = check_kind(at, SIGNATURE_CLASS, "class", &c);
		at = check_kind(at, SIGNATURE_EXACT, "exact", &c);
		n++;
	}
	assert_true(n >= 8);
}

/* ---- what the page says of the whole */

static void set_frames(struct crash *c, const char *const *names, size_t n)
{
	c->n_frames = n;
	for (size_t i = 0; i < n; i++) {
		c->frames[i] = (struct crash_frame){.reliable = true, .offset = i};
		snprintf(c->frames[i].function, CRASH_FUNCTION, "%s", names[i]);
	}
}

/* Two machines, two compilers, two times: one fault. */
TEST(what_does_not_matter)
{
	static const char *const one[] = {"f.isra.0", "g", "vfs_read"};
	static const char *const two[] = {"f", "g.cold", "vfs_read.part.3"};
	static struct crash a, b;
	struct signature x, y;

	a = (struct crash){.cls = CRASH_GPF, .cpu = 1, .pid = 7, .release = "6.1", .comm = "cat"};
	b = (struct crash){.cls = CRASH_GPF, .cpu = 3, .pid = 8, .release = "6.12", .earlier = 3};
	strcpy(a.title, "general protection fault: 0000");
	set_frames(&a, one, 3);
	set_frames(&b, two, 3);
	signature_make(&a, &x);
	signature_make(&b, &y);
	assert_string_equal(x.func, y.func);
	assert_string_equal(x.cls, y.cls);
	assert_string_equal(x.title, y.title);
	assert_string_equal(x.title, "gpf in f");
	assert_int_equal(x.n_frames, 3);
	assert_string_not_equal(x.exact, y.exact);
	/* another class of failure, another place, another module */
	b.cls = CRASH_BUG;
	signature_make(&b, &y);
	assert_string_not_equal(x.func, y.func);
	b.cls = CRASH_GPF;
	strcpy(b.frames[0].module, "m");
	signature_make(&b, &y);
	assert_string_not_equal(x.func, y.func);
	assert_string_equal(y.title, "gpf in m:f");
}

/* Names as long as can be are cut, and nothing is written beyond. */
TEST(the_longest)
{
	static struct crash c;
	struct signature s;
	char text[SIGNATURE_TEXT];

	c = (struct crash){.cls = CRASH_PANIC, .n_frames = CRASH_MAX_FRAMES};
	for (size_t i = 0; i < CRASH_MAX_FRAMES; i++) {
		memset(c.frames[i].function, 'f', CRASH_FUNCTION - 1);
		memset(c.frames[i].module, 'm', CRASH_MODULE - 1);
		c.frames[i].reliable = true;
		c.frames[i].offset = UINT64_MAX;
	}
	memset(c.release, 'r', sizeof(c.release) - 1);
	assert_true(signature_text(&c, SIGNATURE_EXACT, text) < sizeof(text));
	assert_non_null(strstr(text, "\nrelease r"));
	signature_make(&c, &s);
	assert_int_equal(s.n_frames, SIGNATURE_FRAMES);
	assert_int_equal(strlen(s.title), strlen("panic in ") + CRASH_FUNCTION + CRASH_MODULE - 1);
	c.n_frames = 0;
	memset(c.title, 't', sizeof(c.title) - 1);
	signature_make(&c, &s);
	assert_int_equal(strlen(s.title), strlen("panic: ") + 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_of_functions),
		cmocka_unit_test(tables_of_lines),
		cmocka_unit_test(table_of_panics),
		cmocka_unit_test(normalised_texts),
		cmocka_unit_test(vectors),
		cmocka_unit_test(what_does_not_matter),
		cmocka_unit_test(the_longest),
	};

	return cmocka_run_group_tests(tests, read_page, NULL);
}
