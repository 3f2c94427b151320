// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "config/importing.h"

#define SHOWN_MAX 500 /* bytes of a setting in a comment */
#define CUT       "(cut)"
#define FAILED_AT "import: "

static const char *const families[IMPORT_FAMILIES] = {
	[IMPORT_KDUMP] = "kdump",
	[IMPORT_DEBIAN] = "debian",
	[IMPORT_SUSE] = "suse",
};

const char *import_family_name(enum import_family family)
{
	return families[family];
}

int import_family_from_name(const char *name, enum import_family *ret, struct err *err)
{
	for (size_t i = 0; i < IMPORT_FAMILIES; i++)
		if (strcmp(name, families[i]) == 0) {
			*ret = (enum import_family)i;
			return 0;
		}
	return keyvalue_bad(name, "kdump, debian or suse", err);
}

const char *import_outcome_name(enum import_outcome outcome)
{
	static const char *const names[] = {
		[IMPORT_CARRIED] = "carried",
		[IMPORT_CHANGED] = "changed",
		[IMPORT_NEEDLESS] = "needless",
		[IMPORT_LOST] = "lost",
	};

	return names[outcome];
}

/* ---- what may be shown */

bool importing_is_secret(const char *name)
{
	static const char *const parts[] = {"passw",  "passphrase", "secret",
					    "_token", "credential", "pwd"};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcasestr(name, parts[i]))
			return true;
	return strcasecmp(name, "pass") == 0;
}

/*
 * The password of "scheme://user:password@host", or where one may be: what a password may hold is not known, so it is
 * all from the first ':' to the last '@'. NULL: there is none.
 */
static const char *find_userinfo(const char *text, const char **ret_end)
{
	const char *at = strrchr(text, '@'), *scheme, *colon;

	if (!at)
		return NULL;
	scheme = strstr(text, "://");
	colon = strchr(scheme && scheme < at ? scheme + 3 : text, ':');
	if (!colon || colon > at)
		return NULL;
	*ret_end = at;
	return colon + 1;
}

/* Of "password=x" what is behind the '=', to the end of the text for the same reason; NULL: there is none. */
static const char *find_parameter(const char *text)
{
	for (const char *p = strchr(text, '='); p; p = strchr(p + 1, '=')) {
		char name[40];
		size_t len = 0;

		while (len < sizeof(name) - 1 && p - len > text &&
		       !strchr(" \t,;\"'", *(p - len - 1)))
			len++;
		memcpy(name, p - len, len);
		name[len] = '\0';
		if (importing_is_secret(name))
			return p + 1;
	}
	return NULL;
}

static bool holds_secret(const char *text)
{
	const char *end;

	return find_userinfo(text, &end) || find_parameter(text);
}

/* A text without its secrets; there is room for it. */
static void cut_secrets(char *to, const char *text)
{
	const char *end = NULL, *from = find_userinfo(text, &end);
	const char *parameter = find_parameter(text), *stop = text + strlen(text);

	if (parameter)
		stop = parameter;
	if (!from || from >= stop) {
		sprintf(to, "%.*s%s", (int)(stop - text), text, parameter ? CUT : "");
		return;
	}
	to += sprintf(to, "%.*s" CUT, (int)(from - text), text);
	if (end < stop)
		sprintf(to, "%.*s%s", (int)(stop - end), end, parameter ? CUT : "");
}

char *importing_shown(const char *text)
{
	size_t room = strlen(text) + 2 * sizeof(CUT), len = 4 * room + sizeof("…");
	_cleanup_free_ char *cut = malloc(room);
	char *shown = malloc(len);

	if (!cut || !shown) {
		free(shown);
		return NULL;
	}
	cut_secrets(cut, text);
	text_one_line(cut, shown, len);
	len = strlen(shown);
	if (len <= SHOWN_MAX)
		return shown;
	for (len = SHOWN_MAX; len && ((unsigned char)shown[len] & 0xc0) == 0x80; len--)
		;
	strcpy(shown + len, "…");
	return shown;
}

int importing_show(const struct shellvar *v, char **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	const char *quote = v->value && strpbrk(v->value, " \t") ? "\"" : "";
	bool secret = importing_is_secret(v->name);

	if (asprintf(&text, "%s%s%s%s%s", v->name, v->value ? "=" : "", quote,
		     !v->value ? "" : (secret ? CUT : v->value), quote) < 0) {
		text = NULL;
		return err_nomem(err, strlen(v->name), "the import");
	}
	*ret = importing_shown(text);
	return *ret ? 0 : err_nomem(err, strlen(text), "the import");
}

/* ---- entries and the text */

static int append(struct importing *in, const char *text, struct err *err)
{
	size_t len = strlen(text);
	char *grown;

	if (in->len + len > CONFIG_MAX_SIZE)
		return err_set(err, ERR_USAGE,
			       "there are so many settings that they would make more than %d bytes",
			       CONFIG_MAX_SIZE);
	grown = realloc(in->body, in->len + len + 1);
	if (!grown)
		return err_nomem(err, in->len + len + 1, "the import");
	in->body = grown;
	memcpy(grown + in->len, text, len + 1);
	in->len += len;
	return 0;
}

static _printf_(3, 4) int append_format(struct importing *in, struct err *err, const char *format,
					...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		return err_nomem(err, 1024, "the import");
	}
	return append(in, text, err);
}

static int add_entry(struct importing *in, const struct importing_from *from,
		     enum import_outcome outcome, const char *became, const char *why,
		     struct err *err)
{
	struct import *im = in->import;
	struct import_entry e = {.outcome = outcome, .file = from->file, .line = from->line};
	struct import_entry *grown = reallocarray(im->entries, im->n + 1, sizeof(*grown));

	if (!grown)
		return err_nomem(err, (im->n + 1) * sizeof(*grown), "the import");
	im->entries = grown;
	e.what = importing_shown(from->what);
	e.became = became ? importing_shown(became) : NULL;
	e.why = why ? importing_shown(why) : NULL;
	grown[im->n++] = e;
	im->n_lost += outcome == IMPORT_LOST;
	return e.what && (!became || e.became) && (!why || e.why)
		       ? 0
		       : err_nomem(err, 1024, "the import");
}

static const struct import_entry *last_entry(const struct importing *in)
{
	return &in->import->entries[in->import->n - 1];
}

int importing_leave(struct importing *in, const struct importing_from *from,
		    enum import_outcome outcome, const char *why, struct err *err)
{
	if (add_entry(in, from, outcome, NULL, why, err))
		return err->code;
	if (outcome != IMPORT_LOST)
		return 0;
	return append_format(in, err, "# lost: %s\n# %s\n\n", last_entry(in)->what,
			     last_entry(in)->why);
}

int importing_lose_target(struct importing *in, const struct importing_from *from, const char *line,
			  struct err *err)
{
	_cleanup_free_ char *shown = importing_shown(line);

	if (!shown)
		return err_nomem(err, strlen(line), "the import");
	if (importing_leave(in, from, IMPORT_LOST,
			    "there is no target of that kind: no dump will go there; there are "
			    "nfs, ssh, sftp, https and s3",
			    err))
		return err->code;
	in->len--; /* the empty line comes behind what follows */
	if (append_format(in, err, "#%s\n\n", shown))
		return err->code;
	if (!in->lost_target)
		in->lost_target = no_cleanup_ptr(shown);
	return 0;
}

/*
 * What config_create() says of a line, without the name and the number of it: a number of a line is one of a text that nobody
 * has.
 */
static void inner_message(const char *message, char ret[ERR_MSG_SIZE])
{
	char *line;

	if (strncmp(message, FAILED_AT, strlen(FAILED_AT)) == 0)
		message += strlen(FAILED_AT);
	if (strncmp(message, "line ", 5) == 0) {
		const char *behind = message + 5 + strspn(message + 5, "0123456789");

		if (strncmp(behind, ": ", 2) == 0)
			message = behind + 2;
	}
	snprintf(ret, ERR_MSG_SIZE, "%s", message);
	line = strstr(ret, ", in line ");
	if (line)
		*line = '\0';
}

static int parse(const char *text, struct config **ret, struct err *err)
{
	return config_create((struct bytes){(const uint8_t *)text, strlen(text)}, "import", ret,
			     err);
}

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

/* Is there a configuration with this line? *ret_note, malloc'ed: what it says of it; NULL: nothing. */
static int try_line(struct importing *in, const char *line, char **ret_note, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char note[ERR_MSG_SIZE];
	struct config *c;
	size_t n;

	if (asprintf(&text, "%s%s\n", in->body ? in->body : "", line) < 0) {
		text = NULL;
		return err_nomem(err, in->len + strlen(line), "the import");
	}
	if (parse(text, &c, err))
		return err->code;
	n = count(c->notes);
	if (n > in->n_notes) {
		inner_message(c->notes[n - 1], note);
		*ret_note = strdup(note);
	}
	config_destroy(c);
	if (n > in->n_notes && !*ret_note)
		return err_nomem(err, 256, "the import");
	in->n_notes = n;
	return 0;
}

/* What would not be read back as it is; NULL: nothing. */
static const char *unwritable(const char *value)
{
	size_t len = strlen(value);

	if (strchr(value, '#'))
		return "a '#' in it would begin a comment here";
	if (len && (keyvalue_is_blank(value[0]) || keyvalue_is_blank(value[len - 1])))
		return "it begins or ends with a blank";
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"')
		return "its quotes would be taken off here";
	if (holds_secret(value))
		return "there is a password in it, which this file is no place for";
	return NULL;
}

int importing_carry(struct importing *in, const struct importing_from *from, const char *why,
		    const char *key, const char *value, bool *ret_done, struct err *err)
{
	_cleanup_free_ char *line = NULL, *note = NULL, *shown = NULL;
	const char *problem = unwritable(value);
	char message[ERR_MSG_SIZE];
	struct err inner = {0};

	if (ret_done)
		*ret_done = false;
	if (asprintf(&line, "%s %s", key, value) < 0) {
		line = NULL;
		return err_nomem(err, strlen(value), "the import");
	}
	if (!problem && try_line(in, line, &note, &inner)) {
		if (inner.code == ERR_NO_MEMORY)
			return err_set(err, inner.code, "%s", inner.msg);
		inner_message(inner.msg, message);
		problem = message;
	}
	if (problem)
		return importing_leave(in, from, IMPORT_LOST, problem, err);
	if (add_entry(in, from, why ? IMPORT_CHANGED : IMPORT_CARRIED, line, why ? why : note, err))
		return err->code;
	if (append_format(in, err, "# from %s\n", last_entry(in)->what))
		return err->code;
	if (last_entry(in)->why && append_format(in, err, "# %s\n", last_entry(in)->why))
		return err->code;
	if (ret_done)
		*ret_done = true;
	return append_format(in, err, "%s\n\n", line);
}

/* ---- all of it */

static int header(const struct import_source *s, const char *warning, char **ret, struct err *err)
{
	const char *conf = s->conf ? s->conf->name : NULL;
	const char *vars = s->variables ? s->variables->name : NULL;
	_cleanup_free_ char *names = NULL, *shown = NULL;
	int r;

	if (asprintf(&names, "%s%s%s", conf ? conf : "", conf && vars ? " and " : "",
		     vars ? vars : "") < 0) {
		names = NULL;
		return err_nomem(err, 256, "the import");
	}
	shown = importing_shown(names);
	r = shown ? asprintf(ret,
			     "# Made by `lifeboat import` of %s.\n"
			     "# What was not carried over is marked as lost; lifeboat.conf(5) has "
			     "all keys.\n\n%s%s%s",
			     shown, warning ? "# ATTENTION: " : "", warning ? warning : "",
			     warning ? "\n\n" : "")
		  : -1;
	return r < 0 ? err_nomem(err, 1024, "the import") : 0;
}

static int finish(struct importing *in, struct err *err)
{
	struct import *im = in->import;
	_cleanup_free_ char *head = NULL;
	struct config *c;

	if (parse(in->body ? in->body : "", &c, err))
		return err->code;
	if (in->lost_target && !c->n_targets &&
	    asprintf(&im->warning,
		     "dumps went to \"%s\", which is not supported: they go to %s of this machine "
		     "now",
		     in->lost_target, c->path ? (*c->path ? c->path : "/") : "/var/crash") < 0)
		im->warning = NULL;
	config_destroy(c);
	if (header(in->source, im->warning, &head, err))
		return err->code;
	if (asprintf(&im->text, "%s%s", head, in->body ? in->body : "") < 0) {
		im->text = NULL;
		return err_nomem(err, in->len, "the import");
	}
	im->len = strlen(im->text);
	im->len -= im->len >= 2 && strcmp(im->text + im->len - 2, "\n\n") == 0;
	im->text[im->len] = '\0';
	if (parse(im->text, &c, err))
		return err->code;
	config_destroy(c);
	return 0;
}

static int read_variables(struct importing *in, struct err *err)
{
	const struct import_file *f = in->source->variables;

	return f ? shellvars_read(f->text, f->name, &in->vars, err) : 0;
}

static void cleanup_import(struct import **import)
{
	import_destroy(*import);
}

int import_create(const struct import_source *source, struct import **ret, struct err *err)
{
	static int (*const takes[IMPORT_FAMILIES])(struct importing *, struct err *) = {
		[IMPORT_KDUMP] = importing_kdump,
		[IMPORT_DEBIAN] = importing_debian,
		[IMPORT_SUSE] = importing_suse,
	};
	_cleanup_(cleanup_import) struct import *import = calloc(1, sizeof(*import));
	struct importing in = {.import = import, .source = source};
	int r;

	if (!import)
		return err_nomem(err, sizeof(*import), "the import");
	r = read_variables(&in, err);
	if (!r)
		r = takes[source->family](&in, err);
	if (!r)
		r = finish(&in, err);
	shellvars_deinit(&in.vars);
	free(in.body);
	free(in.lost_target);
	if (!r)
		*ret = no_cleanup_ptr(import);
	return r;
}

void import_destroy(struct import *import)
{
	if (!import)
		return;
	for (size_t i = 0; i < import->n; i++) {
		free(import->entries[i].what);
		free(import->entries[i].became);
		free(import->entries[i].why);
	}
	free(import->entries);
	free(import->text);
	free(import->warning);
	free(import);
}
