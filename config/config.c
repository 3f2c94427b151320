// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines, and what can only be said once all of them are read. How lines are cut is kdump_read_conf() and
 * kdump_get_conf_val() of kdump-utils (kdump-lib-initramfs.sh, commit 002337c6715e): a '#' anywhere begins a comment,
 * blanks go, and so does a pair of double quotes around a value.
 */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "config/reading.h"

#define MAX_DEADLINE 86400U /* seconds (capture/recipe.h) */
#define TOTAL_MARGIN 400U   /* that all but a dump may take, as between the defaults */

int reading_note(struct reading *in, struct err *err, const char *format, ...)
{
	_cleanup_free_ char *what = NULL, *note = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&what, format, args);
	va_end(args);
	if (len < 0 || asprintf(&note, "%s: line %u: %s", in->c->name, in->line, what) < 0)
		return err_nomem(err, 256, "a note");
	return recipe_add_string(&in->c->notes, note, err);
}

int reading_copy(const char *value, char **ret, struct err *err)
{
	char *copy = strdup(value);

	if (!copy)
		return err_nomem(err, strlen(value) + 1, "the configuration");
	free(*ret);
	*ret = copy;
	return 0;
}

/* ---- lines */

/* A pair of double quotes around the whole value goes, unless there are others inside. */
static char *unquote(char *value, bool *ret_quoted)
{
	size_t len = strlen(value);

	*ret_quoted = len >= 2 && value[0] == '"' && strchr(value + 1, '"') == value + len - 1;
	if (!*ret_quoted)
		return value;
	value[len - 1] = '\0';
	return keyvalue_trim(value + 1);
}

static int set_key(struct reading *in, const char *name, char *value, struct err *err)
{
	bool old = strcmp(name, "default") == 0;
	const struct key *key = reading_find_key(old ? "failure_action" : name);
	unsigned int *said;
	bool quoted;

	if (*value == '=' || (!key && strchr(name, '=')))
		return err_set(err, ERR_USAGE,
			       "'%.*s': a blank parts a key and its value here, and no '='",
			       (int)NUM_MIN(strcspn(name, "="), (size_t)KEYVALUE_QUOTE), name);
	if (!key)
		return err_set(err, ERR_USAGE,
			       "there is no key '%.*s'; lifeboat.conf(5) lists what there is",
			       KEYVALUE_QUOTE, name);
	said = reading_said(in, key);
	if (*said && !key->repeats)
		return err_set(err, ERR_USAGE, "'%s' is there already, in line %u", key->name,
			       *said);
	if (old &&
	    reading_note(in, err, "default: the old name of failure_action, which it is taken for"))
		return err->code;
	*said = in->line;
	value = unquote(value, &quoted);
	if (!*value && !(quoted && key->may_be_empty) && key->set != reading_refuse)
		return err_set(err, ERR_USAGE, "'%s' has no value", name);
	return key->set(in, key, value, err) ? err_wrap(err, "%s", name) : 0;
}

/* One line without its newline; it is ours to write into, and line[len] may be overwritten. */
static int parse_line(struct reading *in, char *line, size_t len, struct err *err)
{
	char *comment = memchr(line, '#', len), *name, *value;
	size_t n = comment ? (size_t)(comment - line) : len;

	/* of a file with Windows' line ends */
	if (!comment && n && line[n - 1] == '\r')
		n--;
	if (keyvalue_check(line, n, 1, err))
		return err->code;
	line[n] = '\0';
	if (comment && n && !keyvalue_is_blank(line[n - 1]) &&
	    reading_note(in, err, "what begins with '#' in column %zu is taken for a comment",
			 n + 1))
		return err->code;
	name = keyvalue_trim(line);
	if (!*name)
		return 0;
	value = name + strcspn(name, " \t");
	if (*value)
		*value++ = '\0';
	return set_key(in, name, keyvalue_trim(value), err);
}

static int parse_text(struct reading *in, char *text, size_t len, struct err *err)
{
	struct keyvalue_lines lines = {.next = text, .end = text + len};
	char *line;
	size_t n;

	while (keyvalue_line(&lines, &line, &n)) {
		in->line = lines.number;
		if (parse_line(in, line, n, err))
			return err_wrap(err, "line %u", in->line);
	}
	return 0;
}

/* ---- once all lines have been read */

/* With one target, a path is for all of them wherever its line stands; a remote one's is no folder of this machine. */
static int finish_paths(struct reading *in, struct err *err)
{
	struct config *c = in->c;
	struct config_target *t = c->targets;

	if (c->n_targets == 1 && t->path && !recipe_is_remote(t->kind)) {
		if (c->path)
			return err_set(err, ERR_USAGE, "line %u: path: it is there a second time",
				       in->path_line[0]);
		c->path = no_cleanup_ptr(t->path);
		in->line = in->path_line[0];
	}
	if (c->n_targets == 1 && t->kind == TARGET_RAW && c->path && !c->rootfs_last) {
		in->line = reading_line_of(in, "path");
		return reading_note(
			in, err,
			"path: a raw target has no folders; it is where `lifeboat collect` "
			"puts its crashes");
	}
	for (size_t i = 0; i < c->n_targets; i++)
		if (t[i].kind == TARGET_RAW && t[i].path)
			return err_set(err, ERR_USAGE,
				       "line %u: path: the target above it is raw and has no "
				       "folders; write it behind its own target's line, or before "
				       "the first target for all of them",
				       in->path_line[i]);
	return 0;
}

static int finish_targets(struct reading *in, struct err *err)
{
	struct config *c = in->c;
	size_t dumps = c->rootfs_last, remote = 0;

	if (finish_paths(in, err))
		return err->code;
	for (size_t i = 0; i < c->n_targets; i++)
		remote += recipe_is_remote(c->targets[i].kind);
	if (c->spool && !remote)
		return err_set(err, ERR_USAGE,
			       "line %u: spool: no target is remote, so nothing would be sent from "
			       "there",
			       reading_line_of(in, "spool"));
	if (c->n_targets + c->rootfs_last + (c->spool != 0) > RECIPE_MAX_TARGETS && c->spool)
		return err_set(err, ERR_USAGE, "more than %d targets, with that of spool",
			       RECIPE_MAX_TARGETS);
	if (c->rootfs_last && c->n_targets == RECIPE_MAX_TARGETS)
		return err_set(err, ERR_USAGE, "more than %d targets, with that of dump_to_rootfs",
			       RECIPE_MAX_TARGETS);
	for (size_t i = 0; i < c->n_targets; i++)
		dumps += !c->targets[i].log_only;
	if (dumps || !c->n_targets)
		return 0;
	in->line = c->targets[0].line;
	return reading_note(in, err, "every target is log_only: no dump will be written");
}

/*
 * The whole time has to be longer than a dump's, or that one's deadline means nothing: the default one grows with it, and
 * what is said is done, but said back.
 */
static int finish_deadlines(struct reading *in, struct err *err)
{
	struct recipe *r = in->c->base;
	unsigned int wanted = r->deadline_dump + TOTAL_MARGIN;

	in->line = reading_line_of(in, "deadline_total");
	if (in->line)
		return r->deadline_total > r->deadline_dump
			       ? 0
			       : reading_note(
					 in, err,
					 "deadline_total: all is over after %u s, so a dump has "
					 "less than the %u s of its own deadline_dump",
					 r->deadline_total, r->deadline_dump);
	r->deadline_total = NUM_MAX(r->deadline_total, NUM_MIN(wanted, MAX_DEADLINE));
	return 0;
}

static int finish(struct reading *in, struct err *err)
{
	struct config *c = in->c;

	if (reading_finish_remote(in, err) || finish_targets(in, err) || finish_deadlines(in, err))
		return err->code;
	if (c->force_rebuild && c->force_no_rebuild)
		return err_set(err, ERR_USAGE,
			       "line %u: force_rebuild and force_no_rebuild (line %u)",
			       reading_line_of(in, "force_rebuild"),
			       reading_line_of(in, "force_no_rebuild"));
	if (c->base->elf && c->base->codec != CODEC_RAW && reading_line_of(in, "compress"))
		return err_set(err, ERR_USAGE,
			       "line %u: compress: core_collector (line %u) writes ELF, which is "
			       "never compressed: remove one of them",
			       reading_line_of(in, "compress"),
			       reading_line_of(in, "core_collector"));
	if (!c->failure_said)
		c->base->failure = c->base->final;
	return 0;
}

static void cleanup_config(struct config **c)
{
	config_destroy(*c);
}

static int create_empty(const char *name, struct config **ret, struct err *err)
{
	_cleanup_(cleanup_config) struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return err_nomem(err, sizeof(*c), "the configuration");
	c->name = strdup(name);
	c->cmdline_remove = calloc(1, sizeof(*c->cmdline_remove));
	c->notes = calloc(1, sizeof(*c->notes));
	if (!c->name || !c->cmdline_remove || !c->notes)
		return err_nomem(err, sizeof(*c), "the configuration");
	if (recipe_create_default(&c->base, err))
		return err->code;
	c->auto_reset_crashkernel = true;
	*ret = no_cleanup_ptr(c);
	return 0;
}

int config_create(struct bytes text, const char *name, struct config **ret, struct err *err)
{
	_cleanup_(cleanup_config) struct config *c = NULL;
	_cleanup_free_ char *copy = NULL;
	struct reading in = {0};

	if (keyvalue_copy(text, CONFIG_MAX_SIZE, name, "a configuration", &copy, err))
		return err->code;
	if (create_empty(name, &c, err))
		return err->code;
	in.c = c;
	if (parse_text(&in, copy, text.len, err) || finish(&in, err))
		return err_wrap(err, "%s", name);
	*ret = no_cleanup_ptr(c);
	return 0;
}

void config_destroy(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_targets; i++)
		reading_free_target(&c->targets[i]);
	free(c->targets);
	reading_free_target(&c->common);
	free(c->luks_key_file);
	free(c->iscsi_secret_file);
	free(c->name);
	free(c->path);
	recipe_destroy(c->base);
	free(c->capture_kernel);
	free(c->cmdline_append);
	recipe_free_strings(c->cmdline_remove);
	free(c->sysctls);
	recipe_free_strings(c->notes);
	free(c);
}
