// SPDX-License-Identifier: GPL-2.0-or-later
/* Variables of files of shell assignments, and what several families do with them in the same way. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/collector.h"
#include "config/importing.h"

#define LEFT                                                                                     \
	"left out, as the loader's rules see to it (`lifeboat load --plan`) or nobody reads it " \
	"here: "

const char *importing_value(const struct importing *in, const char *name)
{
	const struct shellvar *v = shellvars_get(&in->vars, name);

	return v && v->value && *v->value ? v->value : NULL;
}

static int take_row(struct importing *in, const struct importing_variable *row, struct err *err)
{
	const struct shellvar *v = shellvars_get(&in->vars, row->name);
	_cleanup_free_ char *what = NULL;
	struct importing_from from = {.file = in->source->variables->name};

	if (!v || !v->value || !*v->value)
		return 0;
	if (importing_show(v, &what, err))
		return err->code;
	from.line = v->line;
	from.what = what;
	return row->take(in, &from, row, v->value, err);
}

static bool is_known(const struct importing_variable *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return true;
	return false;
}

/* What the table's rows have not dealt with. */
static int take_rest(struct importing *in, const struct shellvar *v, bool known, struct err *err)
{
	struct importing_from from = {in->source->variables->name, v->line, v->name};
	const struct shellvar *last = v->name ? shellvars_get(&in->vars, v->name) : v;
	char why[64];

	if (!v->name) {
		from.what = "a statement";
		return importing_leave(in, &from, IMPORT_LOST, v->problem, err);
	}
	if (last != v) {
		snprintf(why, sizeof(why), "it is set again in line %u", last->line);
		return importing_leave(in, &from, IMPORT_NEEDLESS, why, err);
	}
	if (!v->value)
		return importing_leave(in, &from, IMPORT_LOST, v->problem, err);
	if (known || !*v->value)
		return 0;
	return importing_leave(in, &from, IMPORT_LOST, "what it is for is not known here", err);
}

int importing_variables(struct importing *in, const struct importing_variable *table, size_t n,
			struct err *err)
{
	if (!in->source->variables)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (take_row(in, &table[i], err))
			return err->code;
	for (size_t i = 0; i < in->vars.n; i++) {
		const struct shellvar *v = &in->vars.v[i];

		if (i && !v->name && !v[-1].name && v->line == v[-1].line)
			continue; /* "if …; then" */
		if (take_rest(in, v, v->name && is_known(table, n, v->name), err))
			return err->code;
	}
	return 0;
}

IMPORTING_TAKE(importing_take_key)
{
	return importing_carry(in, from, NULL, row->as, value, NULL, err);
}

IMPORTING_TAKE(importing_take_needless)
{
	(void)value;
	return importing_leave(in, from, IMPORT_NEEDLESS, row->as, err);
}

IMPORTING_TAKE(importing_take_lost)
{
	bool shipped = row->shipped && strcmp(value, row->shipped) == 0;

	return importing_leave(in, from, shipped ? IMPORT_NEEDLESS : IMPORT_LOST,
			       shipped ? "that is how it is here" : row->as, err);
}

IMPORTING_TAKE(importing_take_nothing)
{
	(void)in;
	(void)from;
	(void)row;
	(void)value;
	(void)err;
	return 0;
}

/* ---- command lines */

/* The next word, with its quotes, NUL-terminated; *rest moves behind it. NULL: there is none. */
static char *next_word(char **rest)
{
	bool quoted = false;
	char *word, *p;

	*rest += strspn(*rest, " \t");
	if (!**rest)
		return NULL;
	word = *rest;
	for (p = word; *p && (quoted || !keyvalue_is_blank(*p)); p++)
		quoted ^= *p == '"';
	if (*p)
		*p++ = '\0';
	*rest = p;
	return word;
}

static bool is_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p && (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

/* For programs that are not in the image. */
static bool is_not_run(const char *word)
{
	static const char *const starts[] = {
		"rd.", "systemd.", "udev.",    "root=",      "rootflags=",         "rootfstype=",
		"ip=", "ifname=",  "bootdev=", "net_delay=", "initramfs_options=", "netroot=",
		"rd_",
	};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (strncmp(word, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

struct words {
	char *keep, *left, *cpus; /* blank-separated; values of nr_cpus= */
};

static void words_deinit(struct words *w)
{
	free(w->keep);
	free(w->left);
	free(w->cpus);
}

static int add_word(char **list, const char *word, struct err *err)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", *list ? *list : "", *list ? " " : "", word) < 0)
		return err_nomem(err, strlen(word), "the import");
	free(*list);
	*list = joined;
	return 0;
}

static int sort_word(struct words *w, const char *word, const char *shipped, struct err *err)
{
	const char *cpus = strncmp(word, "nr_cpus=", 8) == 0   ? word + 8
			   : strncmp(word, "maxcpus=", 8) == 0 ? word + 8
							       : NULL;

	if ((shipped && is_in(shipped, word)) || is_not_run(word))
		return add_word(&w->left, word, err);
	if (!cpus)
		return add_word(&w->keep, word, err);
	free(w->cpus);
	w->cpus = strdup(cpus);
	return w->cpus ? 0 : err_nomem(err, strlen(cpus), "the import");
}

static int sort_words(struct words *w, const char *value, const char *shipped, struct err *err)
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *word;

	if (!copy)
		return err_nomem(err, strlen(value), "the import");
	while ((word = next_word(&rest)))
		if (sort_word(w, word, shipped, err))
			return err->code;
	return 0;
}

static int take_words(struct importing *in, const struct importing_from *from, const char *key,
		      const struct words *w, struct err *err)
{
	_cleanup_free_ char *why = NULL;

	if (w->left && asprintf(&why, LEFT "%s", w->left) < 0) {
		why = NULL;
		return err_nomem(err, strlen(w->left), "the import");
	}
	if (w->cpus && importing_carry(in, from, NULL, "capture_cpus", w->cpus, NULL, err))
		return err->code;
	if (w->keep)
		return importing_carry(in, from, why, key, w->keep, NULL, err);
	return w->left && !w->cpus ? importing_leave(in, from, IMPORT_NEEDLESS, why, err) : 0;
}

IMPORTING_TAKE(importing_take_cmdline)
{
	_cleanup_(words_deinit) struct words w = {0};

	if (sort_words(&w, value, row->shipped, err))
		return err->code;
	return take_words(in, from, "cmdline_append", &w, err);
}

IMPORTING_TAKE(importing_take_remove)
{
	_cleanup_(words_deinit) struct words w = {0};

	if (sort_words(&w, value, row->shipped, err))
		return err->code;
	return take_words(in, from, "cmdline_remove", &w, err);
}

IMPORTING_TAKE(importing_take_kexec)
{
	static const char harmless[] = "-s -c -a -l -p -d --kexec-file-syscall --kexec-syscall "
				       "--kexec-syscall-auto --debug";
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *word;
	bool lost = false;

	(void)row;
	if (!copy)
		return err_nomem(err, strlen(value), "the import");
	while ((word = next_word(&rest)))
		lost |= !is_in(harmless, word);
	return importing_leave(in, from, lost ? IMPORT_LOST : IMPORT_NEEDLESS,
			       lost ? "options of kexec(8) are not passed on"
				    : "the loader chooses the system call",
			       err);
}
