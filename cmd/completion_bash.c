// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For bash 4 and later, without the bash-completion package. Bash breaks words at "=", so --name=value are three of them.
 * Names that others have chosen (of crashes, of folders) never go through `compgen -W`, which expands what it is given
 * (bash(1), Programmable Completion: "the wordlist is split … and each resultant word is expanded").
 */
#include "cmd/completion.h"

static const char head[] =
	"# bash completion for lifeboat(8), printed by `lifeboat completion bash`\n"
	"\n"
	"# Add the names on standard input that begin as the word does.\n"
	"_lifeboat_names()\n"
	"{\n"
	"    local name\n"
	"    while IFS= read -r name; do\n"
	"        [[ $name == \"$cur\"* ]] && COMPREPLY+=(\"$(printf %q \"$name\")\")\n"
	"    done\n"
	"}\n"
	"\n"
	"_lifeboat_reply()\n"
	"{\n"
	"    local name\n"
	"    case $1 in\n"
	"    file | folder | device)\n"
	"        local how=-f word=$cur\n"
	"        [[ $1 == folder ]] && how=-d\n"
	"        [[ $1 == device && ! $cur ]] && word=/dev/\n"
	"        compopt -o filenames 2>/dev/null\n"
	"        while IFS= read -r name; do\n"
	"            COMPREPLY+=(\"$name\")\n"
	"        done < <(compgen $how -- \"$word\") ;;\n"
	"    kernel)\n"
	"        _lifeboat_names < <(for name in /lib/modules/*/; do\n"
	"            name=${name%/}\n"
	"            [[ -d $name ]] && printf '%s\\n' \"${name##*/}\"\n"
	"        done) ;;\n"
	"    crash)\n"
	"        _lifeboat_names < <(lifeboat list --names 2>/dev/null) ;;\n"
	"    command)\n"
	"        COMPREPLY+=($(compgen -W \"$commands\" -- \"$cur\")) ;;\n"
	"    word)\n"
	"        COMPREPLY+=($(compgen -W \"${*:2}\" -- \"$cur\")) ;;\n"
	"    esac\n"
	"}\n"
	"\n"
	"_lifeboat()\n"
	"{\n"
	"    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"    local options='' value='' operand i ended=''\n"
	"    local -a operands=()\n";

static const char middle[] =
	"    COMPREPLY=()\n"
	"    if ((COMP_CWORD == 1)); then\n"
	"        COMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$cur\"))\n"
	"        [[ $cur ]] || COMPREPLY=($commands)\n"
	"        return\n"
	"    fi\n"
	"    # --name=value are three words, of which the last one may still be missing\n"
	"    if [[ $cur == = ]]; then\n"
	"        cur=\n"
	"    elif [[ $before == = ]]; then\n"
	"        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"    fi\n"
	"    for ((i = 2; i < COMP_CWORD; i++)); do\n"
	"        [[ ${COMP_WORDS[i]} == -- ]] && ended=yes\n"
	"    done\n"
	"    [[ $ended ]] && before=\n"
	"    case ${COMP_WORDS[1]} in\n";

static const char tail[] = "    *)\n"
			   "        return ;;\n"
			   "    esac\n"
			   "    if [[ $value ]]; then\n"
			   "        _lifeboat_reply $value\n"
			   "    elif [[ $cur == -* && ! $ended ]]; then\n"
			   "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
			   "        [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && "
			   "compopt -o nospace 2>/dev/null\n"
			   "    else\n"
			   "        for operand in \"${operands[@]}\"; do\n"
			   "            _lifeboat_reply $operand\n"
			   "        done\n"
			   "    fi\n"
			   "    return 0\n"
			   "}\n"
			   "\n"
			   "complete -F _lifeboat lifeboat\n";

static void put_kind(FILE *to, const struct completion_kind *k)
{
	fprintf(to, "'%s", completion_kind_name(k->takes));
	if (k->takes == OPT_TAKES_WORD) {
		fputc(' ', to);
		completion_put_words(to, k);
	}
	fputc('\'', to);
}

static void put_options(FILE *to, const struct opt *opts, size_t n_opts)
{
	fprintf(to, "        options='");
	for (size_t i = 0; i < n_opts; i++) {
		if (opts[i].kind == OPT_KIND_REFUSED)
			continue;
		if (opts[i].letter)
			fprintf(to, "-%c ", opts[i].letter);
		if (opts[i].name)
			fprintf(to, "--%s%s ", opts[i].name, opts[i].value ? "=" : "");
	}
	fprintf(to, "--help'\n");
}

static void put_values(FILE *to, const struct opt *opts, size_t n_opts)
{
	bool any = false;

	for (size_t i = 0; i < n_opts; i++) {
		const struct opt *o = &opts[i];
		struct completion_kind kind;

		if (!o->value || o->kind == OPT_KIND_REFUSED)
			continue;
		if (!any)
			fprintf(to, "        case $before in\n");
		any = true;
		kind = completion_value(o);
		fprintf(to, "        ");
		if (o->letter)
			fprintf(to, "-%c", o->letter);
		if (o->name)
			fprintf(to, "%s--%s", o->letter ? " | " : "", o->name);
		fprintf(to, ") value=");
		put_kind(to, &kind);
		fprintf(to, " ;;\n");
	}
	if (any)
		fprintf(to, "        esac\n");
}

static void put_command(void *ctx, const struct cmd *cmd, const struct opt *opts, size_t n_opts)
{
	struct completion_kind kinds[COMPLETION_MAX_KINDS];
	size_t n = completion_operands(cmd, kinds);
	FILE *to = ctx;

	fprintf(to, "    %s)\n", cmd->name);
	put_options(to, opts, n_opts);
	put_values(to, opts, n_opts);
	if (n) {
		fprintf(to, "        operands=(");
		for (size_t i = 0; i < n; i++) {
			fprintf(to, "%s", i ? " " : "");
			put_kind(to, &kinds[i]);
		}
		fprintf(to, ")\n");
	}
	fprintf(to, "        ;;\n");
}

void completion_bash(FILE *to)
{
	const struct cmd_describe describe = {put_command, to};

	fputs(head, to);
	fprintf(to, "    local commands='");
	for (size_t i = 0; cmd_all[i]; i++)
		fprintf(to, "%s%s", i ? " " : "", cmd_all[i]->name);
	fprintf(to, "'\n");
	fputs(middle, to);
	for (size_t i = 0; cmd_all[i]; i++)
		cmd_describe(cmd_all[i], &describe);
	fputs(tail, to);
}
