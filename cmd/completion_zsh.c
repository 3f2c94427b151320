// SPDX-License-Identifier: GPL-2.0-or-later
/* For zsh's completion system: a function that _arguments does the work of (zshcompsys(1)). */
#include "cmd/completion.h"

static const char head[] =
	"#compdef lifeboat\n"
	"# zsh completion for lifeboat(8), printed by `lifeboat completion zsh`\n"
	"\n"
	"_lifeboat_kernels() {\n"
	"    local -a names\n"
	"    names=(/lib/modules/*(N/:t))\n"
	"    _wanted kernels expl 'version of a kernel' compadd -a names\n"
	"}\n"
	"\n"
	"_lifeboat_crashes() {\n"
	"    local -a names\n"
	"    names=(${(f)\"$(_call_program crashes lifeboat list --names 2>/dev/null)\"})\n"
	"    _wanted crashes expl 'crash' compadd -a names\n"
	"}\n"
	"\n"
	"_lifeboat_devices() {\n"
	"    [[ -n $PREFIX ]] || PREFIX=/dev/\n"
	"    _files\n"
	"}\n"
	"\n"
	"_lifeboat_commands() {\n"
	"    local -a names\n"
	"    names=(\n";

static const char middle[] =
	"    )\n"
	"    _describe -t commands command names\n"
	"}\n"
	"\n"
	"_lifeboat() {\n"
	"    local curcontext=$curcontext context state state_descr line expl ret=1\n"
	"    typeset -A opt_args\n"
	"\n"
	"    _arguments -C \\\n"
	"        '(- *)--help[list the commands]' \\\n"
	"        '(- *)--version[print the version]' \\\n"
	"        '1:command:_lifeboat_commands' \\\n"
	"        '*::operand:->operand' && ret=0\n"
	"    [[ $state == operand ]] || return ret\n"
	"    case $words[1] in\n";

static const char tail[] = "    esac\n"
			   "    return ret\n"
			   "}\n"
			   "\n"
			   "_lifeboat \"$@\"\n";

static void put_action(FILE *to, const struct completion_kind *k)
{
	switch (k->takes) {
	case OPT_TAKES_FILE:
		fputs("_files", to);
		break;
	case OPT_TAKES_FOLDER:
		fputs("_files -/", to);
		break;
	case OPT_TAKES_DEVICE:
		fputs("_lifeboat_devices", to);
		break;
	case OPT_TAKES_KERNEL:
		fputs("_lifeboat_kernels", to);
		break;
	case OPT_TAKES_CRASH:
		fputs("_lifeboat_crashes", to);
		break;
	case OPT_TAKES_COMMAND:
		fputs("_lifeboat_commands", to);
		break;
	case OPT_TAKES_WORD:
		fputc('(', to);
		completion_put_words(to, k);
		fputc(')', to);
		break;
	case OPT_TAKES_ANY:
		fputc(' ', to); /* a message and nothing else */
		break;
	}
}

/* Text of an option's explanation, inside '…[…]'. */
static void put_help(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '[' || *text == ']' || *text == '\\')
			fputc('\\', to);
		completion_put_quoted(to, (char[]){*text, '\0'});
	}
}

static void put_message(FILE *to, const char *text)
{
	for (; *text; text++)
		fprintf(to, "%s%c", *text == ':' ? "\\" : "", *text);
}

static void put_option(FILE *to, const struct opt *o)
{
	bool both = o->letter && o->name, repeats = o->kind == OPT_KIND_LIST;

	fprintf(to, "            ");
	if (repeats)
		fprintf(to, "%s", both ? "\\*" : "'*");
	else if (both)
		fprintf(to, "'(-%c --%s)'", o->letter, o->name);
	else
		fputc('\'', to);
	if (both)
		fputc('{', to);
	if (o->letter)
		fprintf(to, "-%c%s%s", o->letter, o->value ? "+" : "", both ? "," : "");
	if (o->name)
		fprintf(to, "--%s%s", o->name, o->value ? "=" : "");
	fprintf(to, "%s[", both ? "}'" : "");
	put_help(to, o->help);
	fputc(']', to);
	if (o->value) {
		struct completion_kind kind = completion_value(o);

		fputc(':', to);
		put_message(to, o->value);
		fputc(':', to);
		put_action(to, &kind);
	}
	fprintf(to, "' \\\n");
}

static void put_operands(FILE *to, const struct cmd *cmd)
{
	struct completion_kind kinds[COMPLETION_MAX_KINDS];
	size_t n = completion_operands(cmd, kinds);

	if (!n)
		return;
	fprintf(to, "            '*:operand:");
	if (n == 1) {
		put_action(to, &kinds[0]);
	} else {
		fputs("_alternative", to);
		for (size_t i = 0; i < n; i++) {
			const char *name = completion_kind_name(kinds[i].takes);

			fprintf(to, " \"%s:%s:", name, name);
			put_action(to, &kinds[i]);
			fputc('"', to);
		}
	}
	fprintf(to, "' \\\n");
}

static void put_command(void *ctx, const struct cmd *cmd, const struct opt *opts, size_t n_opts)
{
	FILE *to = ctx;

	fprintf(to, "    %s)\n        _arguments -s -S \\\n", cmd->name);
	for (size_t i = 0; i < n_opts; i++)
		if (opts[i].kind != OPT_KIND_REFUSED)
			put_option(to, &opts[i]);
	put_operands(to, cmd);
	fprintf(to, "            '(- *)--help[list the options]' && ret=0 ;;\n");
}

void completion_zsh(FILE *to)
{
	const struct cmd_describe describe = {put_command, to};

	fputs(head, to);
	for (size_t i = 0; cmd_all[i]; i++) {
		fprintf(to, "        '%s:", cmd_all[i]->name);
		completion_put_quoted(to, cmd_all[i]->summary);
		fprintf(to, "'\n");
	}
	fputs(middle, to);
	for (size_t i = 0; cmd_all[i]; i++)
		cmd_describe(cmd_all[i], &describe);
	fputs(tail, to);
}
