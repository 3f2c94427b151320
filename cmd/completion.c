// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/completion.h"

#include <string.h>

const char *completion_kind_name(enum opt_takes takes)
{
	switch (takes) {
	case OPT_TAKES_FILE:
		return "file";
	case OPT_TAKES_FOLDER:
		return "folder";
	case OPT_TAKES_DEVICE:
		return "device";
	case OPT_TAKES_KERNEL:
		return "kernel";
	case OPT_TAKES_CRASH:
		return "crash";
	case OPT_TAKES_COMMAND:
		return "command";
	case OPT_TAKES_WORD:
		return "word";
	case OPT_TAKES_ANY:
		break;
	}
	return "any";
}

struct completion_kind completion_value(const struct opt *o)
{
	if (o->words)
		return (struct completion_kind){OPT_TAKES_WORD, o->words, strlen(o->words)};
	return (struct completion_kind){.takes = opt_takes(o->value, strlen(o->value))};
}

struct kinds {
	struct completion_kind *v;
	size_t n;
};

static void add_one(struct kinds *kinds, struct completion_kind kind)
{
	struct completion_kind *last = kinds->n ? &kinds->v[kinds->n - 1] : NULL;

	/* words of one choice: a list of them */
	if (kind.takes == OPT_TAKES_WORD && last && last->takes == OPT_TAKES_WORD &&
	    last->words + last->words_len + 1 == kind.words) {
		last->words_len += 1 + kind.words_len;
		return;
	}
	for (size_t i = 0; i < kinds->n; i++)
		if (kinds->v[i].takes == kind.takes && kind.takes != OPT_TAKES_WORD)
			return;
	if (kind.takes != OPT_TAKES_ANY && kinds->n < COMPLETION_MAX_KINDS)
		kinds->v[kinds->n++] = kind;
}

/* Of a choice, what is in capitals is a name, and the rest are words: "CRASH|latest". */
static void add_kind(void *ctx, const char *name, size_t len)
{
	bool choice = memchr(name, '|', len);

	for (size_t at = 0; at < len;) {
		const char *part = name + at;
		size_t n = strcspn(part, "|");

		if (n > len - at)
			n = len - at;
		if (choice && *part >= 'a' && *part <= 'z')
			add_one(ctx, (struct completion_kind){OPT_TAKES_WORD, part, n});
		else
			add_one(ctx, (struct completion_kind){.takes = opt_takes(part, n)});
		at += n + 1;
	}
}

size_t completion_operands(const struct cmd *cmd, struct completion_kind ret[COMPLETION_MAX_KINDS])
{
	struct kinds kinds = {.v = ret};
	bool files = false;
	size_t n = 0;

	cmd_operands(cmd, add_kind, &kinds);
	for (size_t i = 0; i < kinds.n; i++)
		files |= kinds.v[i].takes == OPT_TAKES_FILE;
	/* a shell that offers files offers folders among them */
	for (size_t i = 0; i < kinds.n; i++)
		if (!files || kinds.v[i].takes != OPT_TAKES_FOLDER)
			ret[n++] = kinds.v[i];
	return n;
}

void completion_put_words(FILE *to, const struct completion_kind *k)
{
	for (size_t i = 0; i < k->words_len; i++)
		fputc(k->words[i] == '|' ? ' ' : k->words[i], to);
}

void completion_put_quoted(FILE *to, const char *text)
{
	for (; *text; text++)
		fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, to);
}

/* ---- the tables as they are, for tools that want to know them */

static void put_words(struct json *j, const struct completion_kind *k)
{
	json_begin_array(j, "words");
	for (size_t at = 0; at < k->words_len;) {
		size_t len = strcspn(k->words + at, " |");
		char word[64];

		if (len > k->words_len - at)
			len = k->words_len - at;
		snprintf(word, sizeof(word), "%.*s", (int)len, k->words + at);
		json_put_string(j, NULL, word);
		at += len + 1;
	}
	json_end_array(j);
}

static void put_option(struct json *j, const struct opt *o)
{
	char letter[2] = {o->letter, '\0'};

	json_begin_object(j, NULL);
	json_put_string(j, "letter", o->letter ? letter : NULL);
	json_put_string(j, "name", o->name);
	json_put_string(j, "value", o->value);
	if (o->value) {
		struct completion_kind kind = completion_value(o);

		json_put_string(j, "takes", completion_kind_name(kind.takes));
		put_words(j, &kind);
	}
	json_put_bool(j, "repeats", o->kind == OPT_KIND_LIST);
	json_put_bool(j, "refused", o->kind == OPT_KIND_REFUSED);
	json_put_string(j, "help", o->help);
	json_end_object(j);
}

static void put_command(void *ctx, const struct cmd *cmd, const struct opt *opts, size_t n_opts)
{
	static const char *const groups[CMD_GROUPS] = {
		[CMD_SERVICE] = "service",
		[CMD_DUMPS] = "dumps",
		[CMD_IMAGES] = "images",
		[CMD_OTHER] = "other",
	};
	struct completion_kind kinds[COMPLETION_MAX_KINDS];
	size_t n = completion_operands(cmd, kinds);
	struct json *j = ctx;

	json_begin_object(j, NULL);
	json_put_string(j, "name", cmd->name);
	json_put_string(j, "group", groups[cmd->group]);
	json_put_string(j, "summary", cmd->summary);
	json_put_string(j, "operands", cmd->operands);
	json_begin_array(j, "operand_kinds");
	for (size_t i = 0; i < n; i++) {
		json_begin_object(j, NULL);
		json_put_string(j, "takes", completion_kind_name(kinds[i].takes));
		put_words(j, &kinds[i]);
		json_end_object(j);
	}
	json_end_array(j);
	json_begin_array(j, "options");
	for (size_t i = 0; i < n_opts; i++)
		put_option(j, &opts[i]);
	json_end_array(j);
	json_end_object(j);
}

static void print_json(void)
{
	struct json j;
	const struct cmd_describe describe = {put_command, &j};

	cmd_begin_json(&j, stdout, "lifeboat-commands-1");
	json_begin_array(&j, "commands");
	for (size_t i = 0; cmd_all[i]; i++)
		cmd_describe(cmd_all[i], &describe);
	json_end_array(&j);
	cmd_end_json(&j);
}

static const struct shell {
	const char *name;
	void (*print)(FILE *to);
} shells[] = {
	{"bash", completion_bash},
	{"zsh", completion_zsh},
	{"fish", completion_fish},
};

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	bool json = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "json", &json, "print all commands and options as a JSON object"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, err);

	if (r)
		return r;
	if (!argv[1] != json)
		return err_set(err, ERR_USAGE, "one of bash, zsh, fish and --json is needed");
	if (json) {
		print_json();
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shells[i].name, argv[1]) == 0) {
			shells[i].print(stdout);
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "'%s' is none of: bash, zsh, fish", argv[1]);
}

const struct cmd cmd_completion = {
	.name = "completion",
	.operands = "bash|zsh|fish",
	.summary = "print the completion script of a shell",
	.details =
		"The script knows all commands, options and words of choice; file names, versions "
		"of kernels and names of crashes are looked up when they are completed. With "
		"--json the tables themselves are printed.",
	.run = run,
	.group = CMD_OTHER,
};
