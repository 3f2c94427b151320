// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/shellvars.h"

#include <ctype.h>
#include <string.h>

#include "base/keyvalue.h"

#define NEEDS_SHELL "its value has to be worked out by a shell"
#define CONDITIONAL "it depends on a condition that only a shell can look at"
#define FOR_COMMAND "it is set for one command only"
#define STATEMENT   "a statement that only a shell can run"

struct scanner {
	const char *p, *end; /* *end is NUL */
	unsigned int line;
	struct shellvars *vars;
	unsigned int depth; /* of if, for, functions and the like around this */
	bool conditional;   /* what comes next stands behind && or || */
	char *value;        /* being read: room for the whole text */
	size_t len;
};

static bool is_name(char c, bool first)
{
	return c == '_' || (first ? isalpha((unsigned char)c) : isalnum((unsigned char)c));
}

/* Length of a name at `p`, 0 if there is none. */
static size_t name_length(const char *p)
{
	size_t n = 0;

	while (is_name(p[n], n == 0))
		n++;
	return n;
}

/* To the next byte, with its line. */
static char step(struct scanner *s)
{
	if (*s->p == '\n')
		s->line++;
	return *s->p++;
}

static bool at_end(const struct scanner *s)
{
	return s->p >= s->end;
}

static int never_closed(unsigned int line, const char *what, struct err *err)
{
	return err_set(err, ERR_USAGE, "line %u: %s is never closed", line, what);
}

/* Over what begins with `open` in front of s->p and ends with `close`, whatever is in it. */
static int skip_nested(struct scanner *s, char open, char close, struct err *err)
{
	unsigned int depth = 1, line = s->line;
	char quote = '\0';

	while (!at_end(s)) {
		char c = step(s);

		if (c == '\\' && quote != '\'' && !at_end(s))
			step(s);
		else if (quote)
			quote = c == quote ? '\0' : quote;
		else if (close != '`' && (c == '\'' || c == '"'))
			quote = c;
		else if (c == close && !--depth)
			return 0;
		else if (c == open && open != close)
			depth++;
	}
	return never_closed(line, open == '`' ? "a backquote" : "a substitution", err);
}

/* Behind a '$' or '`': does it need a shell? Then over it. */
static int scan_substitution(struct scanner *s, char first, bool quoted, const char **problem,
			     struct err *err)
{
	char next = *s->p;

	if (first == '`') {
		*problem = NEEDS_SHELL;
		return skip_nested(s, '`', '`', err);
	}
	if (next == '(' || next == '{') {
		*problem = NEEDS_SHELL;
		step(s);
		return skip_nested(s, next, next == '(' ? ')' : '}', err);
	}
	if (is_name(next, false) || (next && strchr("@*#?-$!", next)) ||
	    (!quoted && (next == '\'' || next == '"')))
		*problem = NEEDS_SHELL;
	else
		s->value[s->len++] = '$';
	return 0;
}

static void put(struct scanner *s, char c)
{
	s->value[s->len++] = c == '\n' ? ' ' : c;
}

static int scan_double_quotes(struct scanner *s, const char **problem, struct err *err)
{
	unsigned int line = s->line;

	while (!at_end(s)) {
		char c = step(s);

		if (c == '"')
			return 0;
		if (c == '$' || c == '`') {
			if (scan_substitution(s, c, true, problem, err))
				return err->code;
		} else if (c == '\\' && *s->p && strchr("$`\"\\\n", *s->p)) {
			c = step(s);
			if (c != '\n')
				put(s, c);
		} else {
			put(s, c);
		}
	}
	return never_closed(line, "a quote (\")", err);
}

static int scan_single_quotes(struct scanner *s, struct err *err)
{
	unsigned int line = s->line;

	while (!at_end(s)) {
		char c = step(s);

		if (c == '\'')
			return 0;
		put(s, c);
	}
	return never_closed(line, "a quote (')", err);
}

/* A word to its end, without quotes, to s->value; *problem is left alone if there is none. */
static int scan_word(struct scanner *s, const char **problem, struct err *err)
{
	s->len = 0;
	if (*s->p == '~')
		*problem = NEEDS_SHELL;
	while (!at_end(s) && !strchr(" \t\n;&|<>()", *s->p)) {
		char c = step(s);
		int r = 0;

		if (c == '\'')
			r = scan_single_quotes(s, err);
		else if (c == '"')
			r = scan_double_quotes(s, problem, err);
		else if (c == '$' || c == '`')
			r = scan_substitution(s, c, false, problem, err);
		else if (c != '\\')
			put(s, c);
		else if (!at_end(s) && (c = step(s)) != '\n')
			put(s, c);
		if (r)
			return r;
	}
	s->value[s->len] = '\0';
	return 0;
}

/* ---- what was found */

static int add(struct scanner *s, const char *name, size_t name_len, unsigned int line,
	       const char *problem, struct err *err)
{
	struct shellvar *grown, v = {.line = line, .problem = problem};

	if (s->vars->n == SHELLVARS_MAX)
		return err_set(err, ERR_USAGE, "line %u: more than %d assignments", line,
			       SHELLVARS_MAX);
	grown = reallocarray(s->vars->v, s->vars->n + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (s->vars->n + 1) * sizeof(*grown), "assignments");
	s->vars->v = grown;
	if (name)
		v.name = strndup(name, name_len);
	if (!problem)
		v.value = strdup(s->value);
	if ((name && !v.name) || (!problem && !v.value)) {
		free(v.name);
		free(v.value);
		return err_nomem(err, s->len, "assignments");
	}
	grown[s->vars->n++] = v;
	return 0;
}

/* What is behind += is put behind what there is: s->value has room for both, as they stand in one text. */
static void prepend(struct scanner *s, const char *name, size_t name_len, const char **problem)
{
	const struct shellvar *before = NULL;
	size_t len;

	for (size_t i = s->vars->n; i-- && !before;)
		if (s->vars->v[i].name && strlen(s->vars->v[i].name) == name_len &&
		    memcmp(s->vars->v[i].name, name, name_len) == 0)
			before = &s->vars->v[i];
	if (!before)
		return;
	if (!before->value) {
		*problem = before->problem;
		return;
	}
	len = strlen(before->value);
	memmove(s->value + len, s->value, s->len + 1);
	memcpy(s->value, before->value, len);
	s->len += len;
}

/* Assignments that turned out not to hold, from number `first` on. */
static void refuse_from(struct scanner *s, size_t first, const char *problem)
{
	for (; first < s->vars->n; first++) {
		struct shellvar *v = &s->vars->v[first];

		free(v->value);
		v->value = NULL;
		v->problem = v->problem ? v->problem : problem;
	}
}

/* ---- statements */

static bool is_word(const char *word, const char *list)
{
	size_t len = strlen(word);

	for (const char *p = list; len && (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

/* Blanks, and lines that go on in the next one. */
static void skip_blanks(struct scanner *s)
{
	while (keyvalue_is_blank(*s->p) || (s->p[0] == '\\' && s->p[1] == '\n')) {
		if (step(s) == '\\')
			step(s);
	}
}

static void skip_comment(struct scanner *s)
{
	while (!at_end(s) && *s->p != '\n')
		s->p++;
}

/* To the end of a statement of which some words were read; notes what it begins and ends. */
static int skip_statement(struct scanner *s, struct err *err)
{
	char last = '\0', before = '\0';
	const char *ignored;

	s->conditional = false;
	for (;;) {
		skip_blanks(s);
		if (at_end(s) || *s->p == '\n' || *s->p == ';')
			break;
		if (*s->p == '#') {
			skip_comment(s);
			break;
		}
		if (s->p[0] == '<' && s->p[1] == '<')
			return err_set(err, ERR_UNSUPPORTED,
				       "line %u: a here-document: only a shell can tell where it "
				       "ends",
				       s->line);
		before = last;
		last = *s->p;
		if (strchr("&|<>()", *s->p)) {
			s->p++;
			continue;
		}
		if (scan_word(s, &ignored, err))
			return err->code;
		before = '\0';
		last = strcmp(s->value, "{") == 0 ? '{' : 'w';
	}
	s->depth += last == '{';
	s->conditional = last == '|' || (last == '&' && before == '&');
	return 0;
}

/* A word that is no assignment: `first` is the number of the first assignment of its statement. */
static int scan_other(struct scanner *s, size_t first, unsigned int line, struct err *err)
{
	const char *ignored;

	if (scan_word(s, &ignored, err))
		return err->code;
	if (is_word(s->value, "if case for while until select {"))
		s->depth++;
	else if (is_word(s->value, "fi esac done }") && s->depth)
		s->depth--;
	refuse_from(s, first, FOR_COMMAND);
	if (add(s, NULL, 0, line, STATEMENT, err))
		return err->code;
	return skip_statement(s, err);
}

static int scan_assignment(struct scanner *s, size_t name_len, struct err *err)
{
	const char *name = s->p, *problem = NULL;
	unsigned int line = s->line;
	bool more = name[name_len] == '+';

	s->p += name_len + more + 1;
	if (scan_word(s, &problem, err))
		return err->code;
	if (*s->p == '(') {
		problem = NEEDS_SHELL;
		step(s);
		if (skip_nested(s, '(', ')', err))
			return err->code;
	}
	if (s->depth || s->conditional)
		problem = CONDITIONAL;
	if (more && !problem)
		prepend(s, name, name_len, &problem);
	return add(s, name, name_len, line, problem, err);
}

static bool takes_assignments(const char *word, size_t len)
{
	return (len == 6 && memcmp(word, "export", 6) == 0) ||
	       (len == 8 && memcmp(word, "readonly", 8) == 0);
}

static int scan_statement(struct scanner *s, struct err *err)
{
	size_t first = s->vars->n;
	unsigned int line = s->line;
	bool exported = false;

	for (;;) {
		size_t len;
		char behind;

		skip_blanks(s);
		if (at_end(s) || *s->p == '\n' || *s->p == ';')
			break;
		if (*s->p == '#') {
			skip_comment(s);
			break;
		}
		len = name_length(s->p);
		behind = s->p[len];
		if (len && (behind == '=' || (behind == '+' && s->p[len + 1] == '='))) {
			if (scan_assignment(s, len, err))
				return err->code;
			continue;
		}
		if (len && (!behind || strchr(" \t\n;", behind)) &&
		    (exported || (first == s->vars->n && takes_assignments(s->p, len)))) {
			exported = true;
			s->p += len;
			continue;
		}
		return scan_other(s, first, line, err);
	}
	s->conditional = false;
	return 0;
}

static int scan(struct scanner *s, struct err *err)
{
	while (!at_end(s)) {
		if (*s->p == '\n' || *s->p == ';')
			step(s);
		else if (scan_statement(s, err))
			return err->code;
	}
	return 0;
}

int shellvars_read(struct bytes text, const char *name, struct shellvars *ret, struct err *err)
{
	_cleanup_(shellvars_deinit) struct shellvars vars = {0};
	_cleanup_free_ char *copy = NULL, *value = NULL;
	struct scanner s = {.line = 1, .vars = &vars};

	if (keyvalue_copy(text, SHELLVARS_MAX_SIZE, name, "a file of settings", &copy, err))
		return err->code;
	if (strlen(copy) != text.len)
		return err_set(err, ERR_USAGE, "%s: there is a zero byte in it", name);
	value = malloc(text.len + 1);
	if (!value)
		return err_nomem(err, text.len + 1, name);
	s.p = copy;
	s.end = copy + text.len;
	s.value = value;
	if (scan(&s, err))
		return err_wrap(err, "%s", name);
	*ret = vars;
	vars = (struct shellvars){0};
	return 0;
}

void shellvars_deinit(struct shellvars *vars)
{
	for (size_t i = 0; i < vars->n; i++) {
		free(vars->v[i].name);
		free(vars->v[i].value);
	}
	free(vars->v);
	*vars = (struct shellvars){0};
}

const struct shellvar *shellvars_get(const struct shellvars *vars, const char *name)
{
	for (size_t i = vars->n; i--;)
		if (vars->v[i].name && strcmp(vars->v[i].name, name) == 0)
			return &vars->v[i];
	return NULL;
}
