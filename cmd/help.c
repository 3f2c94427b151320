// SPDX-License-Identifier: GPL-2.0-or-later
/* What --help prints, and what is said to a command that is none. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/term.h"

#define SUMMARY_COLUMN 27 /* behind "  get-default-crashkernel" */
#define MAX_NAME       32 /* of a command that is compared */
#define NEAR           2  /* letters that may be wrong */

static const char *const headings[CMD_GROUPS] = {
	[CMD_SERVICE] = "To be ready for a crash",
	[CMD_DUMPS] = "What a crash has left, and dumps",
	[CMD_IMAGES] = "Step by step: what the service is made of",
	[CMD_OTHER] = "Other programs' command lines, and help",
};

void cmd_print_usage(FILE *to)
{
	struct term term;

	term_init(&term, to);
	fprintf(to, "usage: lifeboat COMMAND [OPTION...] [OPERAND...]\n");
	for (int group = 0; group < CMD_GROUPS; group++) {
		fprintf(to, "\n%s%s:%s\n", term_on(&term, TERM_HEADING), headings[group],
			term_off(&term, TERM_HEADING));
		for (size_t i = 0; cmd_all[i]; i++) {
			if (cmd_all[i]->group != (enum cmd_group)group)
				continue;
			fprintf(to, "  %-*s", SUMMARY_COLUMN - 2, cmd_all[i]->name);
			opt_print_wrapped(to, cmd_all[i]->summary, SUMMARY_COLUMN);
		}
	}
	fprintf(to, "\n`lifeboat help COMMAND` lists the options of one command.\n");
}

/* The forms of the operands, which " | " separates, a line each. */
static void print_forms(const struct cmd *cmd)
{
	static const char between[] = " | ";
	const char *form = cmd->operands;

	for (bool first = true;; first = false) {
		const char *end = strstr(form, between);
		int len = (int)(end ? (size_t)(end - form) : strlen(form));

		printf("%s lifeboat %s [OPTION...]%s%.*s\n", first ? "usage:" : "      ", cmd->name,
		       len ? " " : "", len, form);
		if (!end)
			break;
		form = end + strlen(between);
	}
}

void cmd_print_help(const struct cmd *cmd, const struct opt *opts, size_t n_opts)
{
	struct term term;

	term_init(&term, stdout);
	print_forms(cmd);
	putchar('\n');
	opt_print_wrapped(stdout, cmd->details ? cmd->details : cmd->summary, 0);
	if (n_opts)
		printf("\n%soptions:%s\n", term_on(&term, TERM_HEADING),
		       term_off(&term, TERM_HEADING));
	opt_print_help(stdout, opts, n_opts);
	printf("\n`man lifeboat-%s` tells more.\n", cmd->name);
}

/*
 * How many letters have to be added, removed or exchanged, or swapped with the next one, to make `b` of `a` ("optimal string
 * alignment"); more than NEAR if one of them is too long to be meant.
 */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][MAX_NAME + 1], n = strlen(a), m = strlen(b);

	if (n > MAX_NAME || m > MAX_NAME)
		return NEAR + 1;
	for (size_t k = 0; k <= m; k++)
		rows[0][k] = k;
	for (size_t i = 1; i <= n; i++) {
		size_t *now = rows[i % 3], *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t k = 1; k <= m; k++) {
			now[k] = last[k - 1] + (a[i - 1] != b[k - 1]);
			now[k] = NUM_MIN(now[k], NUM_MIN(last[k], now[k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				now[k] = NUM_MIN(now[k], before[k - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

/* A command whose beginning was typed is meant as well. */
static bool is_near(const char *name, const struct cmd *cmd)
{
	size_t len = strlen(name);

	if (len > 1 && strncmp(cmd->name, name, len) == 0)
		return true;
	return len > NEAR && distance(name, cmd->name) <= NEAR;
}

void cmd_print_unknown(const char *name)
{
	struct term term;
	size_t n = 0;

	term_init(&term, stderr);
	fputs("lifeboat: '", stderr);
	term_put(&term, TERM_PLAIN, 0, name);
	fputs("' is not a command", stderr);
	for (size_t i = 0; cmd_all[i]; i++)
		if (is_near(name, cmd_all[i]))
			fprintf(stderr, "%s%s", n++ ? ", " : "; did you mean: ", cmd_all[i]->name);
	fprintf(stderr, "%s\nlifeboat: `lifeboat --help` lists all commands\n", n ? "?" : "");
}

static int help_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	char help[] = "--help";
	char *of_command[] = {NULL, help, NULL};
	const struct cmd *about;
	int r = cmd_parse(cmd, NULL, 0, argc, argv, 0, 1, err);

	if (r)
		return r;
	if (!argv[1]) {
		cmd_print_usage(stdout);
		return 0;
	}
	about = cmd_find(argv[1]);
	if (!about) {
		cmd_print_unknown(argv[1]);
		return ERR_USAGE;
	}
	of_command[0] = argv[1];
	return about->run(about, 2, of_command, err);
}

const struct cmd cmd_help = {
	.name = "help",
	.operands = "[COMMAND]",
	.summary = "list the commands, or the options of one",
	.run = help_run,
	.group = CMD_OTHER,
};
