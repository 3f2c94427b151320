// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"
#include "cmd/crashes.h"
#include "cmd/term.h"

#define NO_WIDTH     SIZE_MAX
#define MIN_WIDTH    60
#define MAX_KERNEL   16 /* columns, where there are few */
#define PLAIN        1024
#define RESULT_WIDTH 11

/* Columns of the terminal that standard output is; elsewhere lines may be of any length. */
static size_t width_of_output(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return NO_WIDTH;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return NUM_MAX(size.ws_col, MIN_WIDTH);
}

/* A cell of `columns`, and a blank behind it; what is longer is cut if `cut`. */
static void print_cell(const char *text, size_t columns, bool cut)
{
	char plain[PLAIN];
	size_t n;

	text_plain(text, plain, sizeof(plain));
	if (cut)
		text_cut(plain, columns);
	n = text_columns(plain);
	printf("%s%*s", plain, (int)(1 + (n < columns ? columns - n : 0)), "");
}

struct table {
	struct term term;
	size_t width, name, kernel;
};

/* What went wrong in which function, if that is known; else what it said, without what they nearly all begin with. */
static const char *headline(const struct table *t, const struct dumps_entry *e)
{
	static const char start[] = "Kernel panic - not syncing: ";

	if (strstr(e->signature_title, " in "))
		return e->signature_title;
	if (!*e->panic)
		return e->record_read ? "" : e->record_error;
	return t->width != NO_WIDTH && strncmp(e->panic, start, strlen(start)) == 0
		       ? e->panic + strlen(start)
		       : e->panic;
}

static void print_result(const struct table *t, const char *result)
{
	enum term_style style = strcmp(result, "complete") == 0 ? TERM_GOOD
				: strcmp(result, "partial") == 0 || strcmp(result, "log-only") == 0
					? TERM_WARNING
					: TERM_BAD;
	char plain[PLAIN];

	text_plain(result, plain, sizeof(plain));
	text_cut(plain, RESULT_WIDTH);
	term_put(&t->term, style, RESULT_WIDTH + 1, plain);
}

static char mark_of(const struct dumps_entry *e)
{
	return e->foreign ? '?' : e->waits ? '>' : *e->sent_to ? '=' : e->pinned ? '*' : ' ';
}

static void print_entry(const struct table *t, const struct dumps_entry *e)
{
	bool cut = t->width != NO_WIDTH;
	size_t used = 1 + t->name + 1 + RESULT_WIDTH + 1 + 9 + 1 + t->kernel + 1;
	char size[16], plain[PLAIN];

	putchar(mark_of(e));
	print_cell(e->name, t->name, cut);
	print_result(t, e->result);
	printf("%9s ", e->opened ? num_human(e->bytes, size) : "?");
	print_cell(*e->release ? e->release : "?", t->kernel, cut);
	text_plain(headline(t, e), plain, sizeof(plain));
	if (cut)
		text_cut(plain, t->width > used ? t->width - used : 0);
	printf("%s\n", plain);
}

static void print_table(const struct dumps_entry *v, size_t n)
{
	struct table t = {.width = width_of_output(), .name = 20, .kernel = 6};
	bool pinned = false, foreign = false, waits = false, sent = false;

	term_init(&t.term, stdout);
	for (size_t i = 0; i < n; i++) {
		t.name = NUM_MAX(t.name, strlen(v[i].name));
		t.kernel = NUM_MAX(t.kernel, strlen(v[i].release));
		pinned |= mark_of(&v[i]) == '*';
		foreign |= v[i].foreign;
		waits |= mark_of(&v[i]) == '>';
		sent |= mark_of(&v[i]) == '=';
	}
	t.name = NUM_MIN(t.name, (size_t)24); /* a longer one is no time */
	t.kernel = NUM_MIN(t.kernel, t.width == NO_WIDTH ? 32 : (size_t)MAX_KERNEL);
	printf(" ");
	print_cell("NAME (UTC)", t.name, false);
	printf("%-*s %9s ", RESULT_WIDTH, "RESULT", "SIZE");
	print_cell("KERNEL", t.kernel, false);
	printf("WHAT\n");
	for (size_t i = 0; i < n; i++)
		print_entry(&t, &v[i]);
	if (waits)
		printf("> waits to be sent to another machine: `lifeboat show NAME` says why\n");
	if (sent)
		printf("= sent to another machine: `lifeboat show NAME` says where it is\n");
	if (pinned)
		printf("* pinned: it is never pruned\n");
	if (foreign)
		printf("? of another user: it may have been made up\n");
}

static void print_json(const struct dumps_entry *v, size_t n, bool all_seen)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-list-1");
	json_put_bool(&j, "all_seen", all_seen);
	json_begin_array(&j, "crashes");
	for (size_t i = 0; i < n; i++) {
		json_begin_object(&j, NULL);
		crashes_put(&j, &v[i]);
		json_end_object(&j);
	}
	json_end_array(&j);
	cmd_end_json(&j);
}

/* What a name is given to, as `lifeboat show`, takes it as it is printed: those that cannot be are left out. */
static void print_names(const struct dumps_entry *v, size_t n)
{
	char plain[PLAIN];

	for (size_t i = 0; i < n; i++)
		if (strcmp(text_plain(v[i].name, plain, sizeof(plain)), v[i].name) == 0)
			printf("%s\n", plain);
}

static int list(struct crashes *c, const char *folder, bool names, bool json, struct err *err)
{
	_cleanup_free_ struct dumps_entry *v = NULL;
	size_t n;
	int r = dumps_read(&c->words.service, c->config, folder, &v, &n, err);

	if (r)
		return r;
	if (json)
		print_json(v, n, !c->words.told);
	else if (names)
		print_names(v, n);
	else if (n)
		print_table(v, n);
	else
		printf("no crashes%s\n", c->words.told ? " where one could look" : "");
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *root = NULL, *config = NULL;
	bool names = false, json = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "names", &names, "print only the names, a line each"),
		OPT_FLAG(0, "json", &json, "print a JSON object"),
		OPT_STRING(0, "config", "FILE", &config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &root, "look at the machine recorded in DIR"),
	};
	struct crashes c;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, err);

	if (r)
		return r;
	r = crashes_init(&c, cmd, root, config, true, err);
	if (!r)
		r = list(&c, argv[1], names, json, err);
	crashes_deinit(&c);
	return r;
}

const struct cmd cmd_list = {
	.name = "list",
	.operands = "[FOLDER]",
	.summary = "list captured crashes, the newest first",
	.details =
		"Lists the crashes in the folders that the configuration names, as far as they "
		"are\n"
		"mounted now, or in FOLDER: name, which is the time in UTC; result; size of all\n"
		"files; kernel that crashed; and what happened, or what it said. `lifeboat show "
		"NAME`\n"
		"has the rest.\n"
		"What cannot be looked at is told on standard error.",
	.run = run,
	.group = CMD_DUMPS,
};
