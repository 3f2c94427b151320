// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/mounts.h"

#include <stdint.h>
#include <string.h>

#include "base/num.h"

#define QUOTE_MAX 60   /* bytes of a bad field that a message repeats */
#define MAX_DEPTH 1024 /* of mounts upon mounts: ids might form a circle */

static void deinit_mount(struct mount *m)
{
	free(m->root);
	free(m->at);
	free(m->flags);
	free(m->type);
	free(m->source);
	free(m->options);
}

void mounts_deinit(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		deinit_mount(&m->v[i]);
	free(m->v);
	*m = (struct mounts){0};
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Undo "\040" and its like, in place. Whatever else follows a backslash stays as it is. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		unsigned int v = 0;

		if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) && is_octal(s[3]))
			v = (unsigned int)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
		if (v && v <= UINT8_MAX) {
			*to++ = (char)(unsigned char)v;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* Cut the next field off; NULL if there is none. Fields are parted by single blanks. */
static char *next_field(char **rest)
{
	char *field = *rest;

	if (!field)
		return NULL;
	*rest = strchr(field, ' ');
	if (*rest)
		*(*rest)++ = '\0';
	return field;
}

static int parse_id(const char *field, const char *what, unsigned int *ret, struct err *err)
{
	uint64_t v;

	if (!field || strlen(field) > QUOTE_MAX)
		return err_set(err, ERR_CORRUPT, "no %s", what);
	if (num_parse_range(field, 0, UINT32_MAX, &v, err))
		return err_set(err, ERR_CORRUPT, "%s '%s' is no number", what, field);
	*ret = (unsigned int)v;
	return 0;
}

static int parse_device(char *field, struct mount *m, struct err *err)
{
	char *colon = field ? strchr(field, ':') : NULL;

	if (!colon)
		return err_set(err, ERR_CORRUPT, "no device number");
	*colon = '\0';
	if (parse_id(field, "device number", &m->major, err))
		return err->code;
	return parse_id(colon + 1, "device number", &m->minor, err);
}

static int copy_field(const char *field, bool escaped, const char *what, char **ret,
		      struct err *err)
{
	if (!field)
		return err_set(err, ERR_CORRUPT, "no %s", what);
	*ret = strdup(field);
	if (!*ret)
		return err_nomem(err, strlen(field) + 1, what);
	if (escaped)
		unescape(*ret);
	return 0;
}

/* The optional fields end with a lone "-". */
static int skip_optional(char **rest, struct err *err)
{
	const char *field;

	do {
		field = next_field(rest);
	} while (field && strcmp(field, "-") != 0);
	return field ? 0 : err_set(err, ERR_CORRUPT, "no '-' before the type");
}

/* "36 35 98:0 /root /at rw,noatime master:1 - ext3 /dev/root rw,errors=continue" */
static int parse_line(char *line, struct mount *m, struct err *err)
{
	char *rest = line;

	if (parse_id(next_field(&rest), "mount id", &m->id, err) ||
	    parse_id(next_field(&rest), "parent's id", &m->parent, err) ||
	    parse_device(next_field(&rest), m, err) ||
	    copy_field(next_field(&rest), true, "root", &m->root, err) ||
	    copy_field(next_field(&rest), true, "mount point", &m->at, err) ||
	    copy_field(next_field(&rest), false, "mount options", &m->flags, err) ||
	    skip_optional(&rest, err) ||
	    copy_field(next_field(&rest), true, "type", &m->type, err) ||
	    copy_field(next_field(&rest), true, "source", &m->source, err) ||
	    copy_field(next_field(&rest), false, "options", &m->options, err))
		return err->code;
	/* a root of another kind is what a pseudo file system has: "net:[4026531840]" */
	if (m->at[0] != '/')
		return err_set(err, ERR_CORRUPT, "the mount point '%.*s' is no absolute path",
			       QUOTE_MAX, m->at);
	return 0;
}

static int append(struct mounts *m, size_t *room, const struct mount *one, struct err *err)
{
	if (m->n == *room) {
		size_t wanted = *room ? *room * 2 : 64;
		struct mount *grown = reallocarray(m->v, wanted, sizeof(*grown));

		if (!grown)
			return err_nomem(err, wanted * sizeof(*grown), "the mounts");
		m->v = grown;
		*room = wanted;
	}
	m->v[m->n++] = *one;
	return 0;
}

static int parse_lines(char *text, size_t len, const char *name, struct mounts *m, struct err *err)
{
	size_t room = 0;

	for (size_t at = 0, number = 1; at < len; number++) {
		char *line = text + at, *end = memchr(line, '\n', len - at);
		size_t n = end ? (size_t)(end - line) : len - at;
		struct mount one = {0};

		line[n] = '\0'; /* the text has a byte more */
		at += n + 1;
		if (!n)
			continue;
		if (m->n == MOUNTS_MAX)
			return err_set(err, ERR_CORRUPT, "%s: more than %d mounts", name,
				       MOUNTS_MAX);
		if (strlen(line) != n)
			err_set(err, ERR_CORRUPT, "a NUL byte");
		else if (!parse_line(line, &one, err) && !append(m, &room, &one, err))
			continue;
		deinit_mount(&one);
		return err_wrap(err, "%s: line %zu", name, number);
	}
	return 0;
}

int mounts_parse(struct bytes text, const char *name, struct mounts *ret, struct err *err)
{
	_cleanup_(mounts_deinit) struct mounts m = {0};
	_cleanup_free_ char *copy = NULL;

	if (text.len > MOUNTS_MAX_SIZE)
		return err_set(err, ERR_CORRUPT, "%s: more than %zu bytes", name, MOUNTS_MAX_SIZE);
	copy = malloc(text.len + 1);
	if (!copy)
		return err_nomem(err, text.len + 1, name);
	if (text.len)
		memcpy(copy, text.data, text.len);
	if (parse_lines(copy, text.len, name, &m, err))
		return err->code;
	*ret = m;
	m = (struct mounts){0};
	return 0;
}

int mounts_read(const struct root *root, struct mounts *ret, struct err *err)
{
	static const char path[] = "/proc/self/mountinfo";
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (root_read(root, path, MOUNTS_MAX_SIZE, &text, &len, err))
		return err->code;
	return mounts_parse((struct bytes){(const uint8_t *)text, len}, path, ret, err);
}

/* Does `path` lie at or below `folder`? Then the length of the folder's part. */
static bool is_below(const char *path, const char *folder, size_t *ret_len)
{
	size_t len = strlen(folder);

	if (len == 1) /* "/" */
		len = 0;
	if (strncmp(path, folder, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return false;
	*ret_len = len;
	return true;
}

static bool has_parent(const struct mounts *m, const struct mount *child)
{
	for (size_t i = 0; i < m->n; i++)
		if (&m->v[i] != child && m->v[i].id == child->parent)
			return true;
	return false;
}

/* Where a walk begins: what is mounted on "/" and on no mount that we see. */
static const struct mount *root_mount(const struct mounts *m)
{
	const struct mount *found = NULL;

	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].at, "/") == 0 && (!found || !has_parent(m, &m->v[i])))
			found = &m->v[i];
	return found;
}

/* The first mount on `on` that a walk along `path` comes by: the one nearest to the root. */
static const struct mount *next_mount(const struct mounts *m, const struct mount *on,
				      const char *path)
{
	const struct mount *found = NULL;
	size_t best = 0, len;

	for (size_t i = 0; i < m->n; i++) {
		const struct mount *c = &m->v[i];

		/* what is mounted over "/" is not seen: a walk is there already */
		if (c == on || c->parent != on->id || !is_below(path, c->at, &len) || !len)
			continue;
		/* of two at the same place the later one hides the other */
		if (!found || len <= best) {
			found = c;
			best = len;
		}
	}
	return found;
}

const struct mount *mounts_of_path(const struct mounts *m, const char *path, const char **ret_rest)
{
	const struct mount *at = root_mount(m), *next;
	size_t len;

	for (unsigned int steps = 0; at && steps < MAX_DEPTH; steps++, at = next) {
		next = next_mount(m, at, path);
		if (!next)
			break;
	}
	if (!at || !is_below(path, at->at, &len))
		return NULL;
	*ret_rest = path + len;
	return at;
}

const char *mounts_option(const char *options, const char *word, size_t *ret_len)
{
	size_t len = strlen(word);
	bool valued = len && word[len - 1] == '=';

	while (*options) {
		size_t n = strcspn(options, ",");

		if (n >= len && strncmp(options, word, len) == 0 && (valued || n == len)) {
			*ret_len = n - len;
			return options + len;
		}
		options += n + (options[n] == ',');
	}
	return NULL;
}
