// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/opt.h"

#include <string.h>

#include "base/num.h"

static const struct opt *find_letter(const struct opt *opts, size_t n, char letter)
{
	for (size_t i = 0; i < n; i++)
		if (opts[i].letter == letter)
			return &opts[i];
	return NULL;
}

static const struct opt *find_name(const struct opt *opts, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (opts[i].name && strlen(opts[i].name) == len &&
		    memcmp(opts[i].name, name, len) == 0)
			return &opts[i];
	return NULL;
}

static int list_append(struct opt_list *list, const char *value, struct err *err)
{
	const char **v = reallocarray(list->v, list->n + 1, sizeof(*v));

	if (!v)
		return err_nomem(err, (list->n + 1) * sizeof(*v), "an option list");
	v[list->n++] = value;
	list->v = v;
	return 0;
}

static bool is_word(const char *words, const char *value)
{
	size_t len = strlen(value);

	for (const char *w = words; *w; w += strspn(w, " ")) {
		size_t n = strcspn(w, " ");

		if (n == len && memcmp(w, value, len) == 0)
			return true;
		w += n;
	}
	return false;
}

static int store(const struct opt *o, const char *value, struct err *err)
{
	if (o->words && !is_word(o->words, value))
		return err_set(err, ERR_USAGE, "'%s' is none of: %s", value, o->words);
	switch (o->kind) {
	case OPT_KIND_FLAG:
		*(bool *)o->dest = true;
		return 0;
	case OPT_KIND_CHOICE:
		*(int *)o->dest = o->choice;
		return 0;
	case OPT_KIND_STRING:
		*(const char **)o->dest = value;
		return 0;
	case OPT_KIND_NUMBER:
		return num_parse_range(value, o->min, o->max, o->dest, err);
	case OPT_KIND_LIST:
		return list_append(o->dest, value, err);
	case OPT_KIND_REFUSED:
		return err_set(err, ERR_UNSUPPORTED, "not supported%s%s", *o->help ? ": " : "",
			       o->help);
	}
	return 0;
}

/* argv[*i] is "--name" or "--name=value". */
static int parse_long(const struct opt *opts, size_t n, int argc, char **argv, int *i,
		      struct err *err)
{
	const char *name = argv[*i] + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : NULL;
	const struct opt *o = find_name(opts, n, name, len);

	if (!o)
		return err_set(err, ERR_USAGE, "unknown option --%.*s", (int)len, name);
	if (!o->value && value && o->kind != OPT_KIND_REFUSED)
		return err_set(err, ERR_USAGE, "option --%s takes no value", o->name);
	if (o->value && !value) {
		if (*i + 1 >= argc)
			return err_set(err, ERR_USAGE, "option --%s needs a value (%s)", o->name,
				       o->value);
		value = argv[++*i];
	}
	if (store(o, value, err))
		return err_wrap(err, "option --%s", o->name);
	return 0;
}

/* argv[*i] is "-abc", "-d31" or "-d" with its value behind. */
static int parse_short(const struct opt *opts, size_t n, int argc, char **argv, int *i,
		       struct err *err)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const struct opt *o = find_letter(opts, n, *p);
		const char *value = NULL;

		if (!o)
			return err_set(err, ERR_USAGE, "unknown option -%c", *p);
		if (o->value && p[1])
			value = p + 1;
		else if (o->value && *i + 1 < argc)
			value = argv[++*i];
		else if (o->value)
			return err_set(err, ERR_USAGE, "option -%c needs a value (%s)", *p,
				       o->value);
		if (store(o, value, err))
			return err_wrap(err, "option -%c", *p);
		if (o->value)
			break;
	}
	return 0;
}

int opt_parse(const struct opt *opts, size_t n_opts, int argc, char **argv, int *ret_operands,
	      struct err *err)
{
	int operands = 0, r = 0;
	bool ended = false;

	for (int i = 1; i < argc && !r; i++) {
		char *arg = argv[i];

		if (ended || arg[0] != '-' || !arg[1])
			argv[1 + operands++] = arg;
		else if (strcmp(arg, "--") == 0)
			ended = true;
		else if (arg[1] == '-')
			r = parse_long(opts, n_opts, argc, argv, &i, err);
		else
			r = parse_short(opts, n_opts, argc, argv, &i, err);
	}
	if (!r)
		*ret_operands = operands;
	return r;
}

enum opt_takes opt_takes(const char *name, size_t len)
{
	static const struct {
		const char *name;
		enum opt_takes takes;
	} known[] = {
		{"FILE", OPT_TAKES_FILE},     {"IMG", OPT_TAKES_FILE},
		{"IMAGE", OPT_TAKES_FILE},    {"KERNEL", OPT_TAKES_FILE},
		{"VMCORE", OPT_TAKES_FILE},   {"DUMP", OPT_TAKES_FILE},
		{"OUT", OPT_TAKES_FILE},      {"DUMPFILE", OPT_TAKES_FILE},
		{"DIR", OPT_TAKES_FOLDER},    {"FOLDER", OPT_TAKES_FOLDER},
		{"DEVICE", OPT_TAKES_DEVICE}, {"VERSION", OPT_TAKES_KERNEL},
		{"CRASH", OPT_TAKES_CRASH},   {"COMMAND", OPT_TAKES_COMMAND},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == len && memcmp(known[i].name, name, len) == 0)
			return known[i].takes;
	return OPT_TAKES_ANY;
}

/* Columns of text in UTF-8, each character taking one. */
static int columns(const char *text, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

void opt_print_wrapped(FILE *to, const char *text, int at)
{
	int column = at;

	for (;;) {
		size_t gap = strspn(text, " \n"), len = strcspn(text + gap, " \n");
		bool paragraph = gap > 1 && memcmp(text, "\n\n", 2) == 0;
		int wide = columns(text + gap, len);

		if (!len)
			break;
		if (column > at && (paragraph || column + 1 + wide > OPT_HELP_WIDTH)) {
			fprintf(to, "%s\n%*s", paragraph ? "\n" : "", at, "");
			column = at;
		}
		fprintf(to, "%s%.*s", column > at ? " " : "", (int)len, text + gap);
		column += wide + (column > at);
		text += gap + len;
	}
	fputc('\n', to);
}

#define HELP_COLUMN 31 /* of the text, behind "  -x, --name=VALUE" and a blank */

void opt_print_help(FILE *to, const struct opt *opts, size_t n_opts)
{
	for (size_t i = 0; i < n_opts; i++) {
		const struct opt *o = &opts[i];
		char form[64];
		int n;

		if (o->kind == OPT_KIND_REFUSED)
			continue;
		snprintf(form, sizeof(form), "%c%c%s%s%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter && o->name ? ", " : "",
			 o->name ? (o->letter ? "--" : "  --") : "", o->name ? o->name : "",
			 o->value ? (o->name ? "=" : " ") : "", o->value ? o->value : "");
		n = fprintf(to, "  %-28s", form);
		fprintf(to, "%s%*s", n < HELP_COLUMN ? "" : "\n",
			n < HELP_COLUMN ? HELP_COLUMN - n : HELP_COLUMN, "");
		opt_print_wrapped(to, o->help, HELP_COLUMN);
	}
}

void opt_list_deinit(struct opt_list *list)
{
	free(list->v);
	*list = (struct opt_list){0};
}
