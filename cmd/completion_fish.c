// SPDX-License-Identifier: GPL-2.0-or-later
/* For fish 3: a line for each thing that can be completed, with the condition under which it is (complete(1)). */
#include "cmd/completion.h"

static const char head[] =
	"# fish completion for lifeboat(8), printed by `lifeboat completion fish`\n"
	"\n"
	"function __lifeboat_no_command\n"
	"    test (count (commandline -opc)) -eq 1\n"
	"end\n"
	"\n"
	"function __lifeboat_command\n"
	"    set -l typed (commandline -opc)\n"
	"    test (count $typed) -ge 2; and test $typed[2] = $argv[1]\n"
	"end\n"
	"\n"
	"function __lifeboat_kernels\n"
	"    for folder in /lib/modules/*/\n"
	"        string replace -r '.*/([^/]+)/$' '$1' -- $folder\n"
	"    end\n"
	"end\n"
	"\n"
	"function __lifeboat_crashes\n"
	"    lifeboat list --names 2>/dev/null\n"
	"end\n"
	"\n"
	"complete -c lifeboat -e\n"
	"complete -c lifeboat -f\n"
	"complete -c lifeboat -n __lifeboat_no_command -l help -d 'list the commands'\n"
	"complete -c lifeboat -n __lifeboat_no_command -l version -d 'print the version'\n";

/* In fish a \ is one inside '…', too (The fish language, Quotes). */
static void put_quoted(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text; text++)
		fprintf(to, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
	fputc('\'', to);
}

/* What may stand for an operand or a value. */
static void put_kind(FILE *to, const struct completion_kind *k)
{
	switch (k->takes) {
	case OPT_TAKES_FILE:
	case OPT_TAKES_DEVICE:
		fputs(" -F", to);
		break;
	case OPT_TAKES_FOLDER:
		fputs(" -f -a '(__fish_complete_directories (commandline -ct | string replace -r "
		      "-- "
		      "\"^-[^=]*=\" \"\"))'",
		      to);
		break;
	case OPT_TAKES_KERNEL:
		fputs(" -f -a '(__lifeboat_kernels)'", to);
		break;
	case OPT_TAKES_CRASH:
		fputs(" -f -a '(__lifeboat_crashes)'", to);
		break;
	case OPT_TAKES_COMMAND:
		fputs(" -f -a '", to);
		for (size_t i = 0; cmd_all[i]; i++)
			fprintf(to, "%s%s", i ? " " : "", cmd_all[i]->name);
		fputs("'", to);
		break;
	case OPT_TAKES_WORD:
		fputs(" -f -a '", to);
		completion_put_words(to, k);
		fputs("'", to);
		break;
	case OPT_TAKES_ANY:
		fputs(" -f", to);
		break;
	}
}

static void put_condition(FILE *to, const struct cmd *cmd)
{
	fprintf(to, "complete -c lifeboat -n '__lifeboat_command %s'", cmd->name);
}

static void put_option(FILE *to, const struct cmd *cmd, const struct opt *o)
{
	put_condition(to, cmd);
	if (o->letter)
		fprintf(to, " -s %c", o->letter);
	if (o->name)
		fprintf(to, " -l %s", o->name);
	if (o->value) {
		struct completion_kind kind = completion_value(o);

		fputs(" -r", to);
		put_kind(to, &kind);
	}
	fputs(" -d ", to);
	put_quoted(to, o->help);
	fputc('\n', to);
}

static void put_command(void *ctx, const struct cmd *cmd, const struct opt *opts, size_t n_opts)
{
	struct completion_kind kinds[COMPLETION_MAX_KINDS];
	size_t n = completion_operands(cmd, kinds);
	FILE *to = ctx;

	fprintf(to, "\ncomplete -c lifeboat -n __lifeboat_no_command -a %s -d ", cmd->name);
	put_quoted(to, cmd->summary);
	fputc('\n', to);
	for (size_t i = 0; i < n_opts; i++)
		if (opts[i].kind != OPT_KIND_REFUSED)
			put_option(to, cmd, &opts[i]);
	put_condition(to, cmd);
	fputs(" -l help -d 'list the options'\n", to);
	for (size_t i = 0; i < n; i++) {
		put_condition(to, cmd);
		put_kind(to, &kinds[i]);
		fputc('\n', to);
	}
}

void completion_fish(FILE *to)
{
	const struct cmd_describe describe = {put_command, to};

	fputs(head, to);
	for (size_t i = 0; cmd_all[i]; i++)
		cmd_describe(cmd_all[i], &describe);
}
