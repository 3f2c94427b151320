// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/keyvalue.h"

#define MAX_VALUE 8192

static void forget(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void credentials_deinit(struct credentials *c)
{
	forget(c->id);
	forget(c->secret);
	forget(c->token);
	for (size_t i = 0; i < CREDENTIALS_LINES; i++)
		forget(c->lines[i]);
	*c = (struct credentials){0};
}

/* ---- Amazon's */

struct s3_text {
	struct credentials found;
	bool skip; /* a section of somebody else */
	bool dumps_only;
};

static int take_value(char **to, const char *value, size_t max, struct err *err)
{
	size_t len = strlen(value);

	if (*to)
		return err_set(err, ERR_USAGE, "it is there twice");
	/* all of it goes into a header */
	if (!len || len > max || strspn(value, " \t") || strpbrk(value, " \t"))
		return err_set(err, ERR_USAGE, "a value of %zu bytes, or with blanks", len);
	*to = strdup(value);
	return *to ? 0 : err_nomem(err, len, "credentials");
}

static int take_s3(struct s3_text *t, char *line, struct err *err)
{
	struct credentials *c = &t->found;
	char *equals, *name, *value;

	if (*line == '[') {
		t->skip = strcmp(line, "[default]") != 0;
		return 0;
	}
	if (t->skip)
		return 0;
	equals = strchr(line, '=');
	if (!equals)
		return err_set(err, ERR_USAGE, "no \"key = value\"");
	*equals = '\0';
	name = keyvalue_trim(line);
	value = keyvalue_trim(equals + 1);
	if (strcmp(name, "aws_access_key_id") == 0)
		return take_value(&c->id, value, CREDENTIALS_MAX_ID, err);
	if (strcmp(name, "aws_secret_access_key") == 0)
		return take_value(&c->secret, value, CREDENTIALS_MAX_KEY, err);
	if (strcmp(name, "aws_session_token") == 0)
		return take_value(&c->token, value, MAX_VALUE, err);
	if (strcmp(name, "dumps_only") == 0)
		t->dumps_only = strcmp(value, "yes") == 0;
	return 0; /* others are for others: region, output … */
}

static int check_s3(const struct s3_text *t, struct err *err)
{
	if (!t->found.id || !t->found.secret)
		return err_set(err, ERR_USAGE, "there is no %s in the section [default]",
			       t->found.id ? "aws_secret_access_key" : "aws_access_key_id");
	/* it stands between slashes */
	if (strpbrk(t->found.id, "/,;="))
		return err_set(err, ERR_USAGE, "aws_access_key_id is none");
	if (!t->found.token && !t->dumps_only)
		return err_set(
			err, ERR_REFUSED,
			"a key without aws_session_token lasts, and lies in the image: use a "
			"session's, or a key that can do nothing but put dumps there, and say "
			"so by a line \"dumps_only = yes\"");
	return 0;
}

/* ---- a header's lines */

static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return len > 0;
}

static int take_https(struct credentials *c, char *line, struct err *err)
{
	static const char *const ours[] = {"Host",   "Content-Length", "Transfer-Encoding",
					   "Expect", "Connection",     "Content-Range"};
	size_t name = strcspn(line, ":"), n = 0;

	if (!line[name] || !is_name(line, name) || strlen(line) > MAX_VALUE)
		return err_set(err, ERR_USAGE, "no \"Name: value\" of a header");
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		if (strlen(ours[i]) == name && strncasecmp(line, ours[i], name) == 0)
			return err_set(err, ERR_USAGE, "the header %s is not to be set", ours[i]);
	}
	/* libcurl takes "Name:" for an order to leave it out */
	if (!*keyvalue_trim(line + name + 1))
		return err_set(err, ERR_USAGE, "a header without a value");
	while (n < CREDENTIALS_LINES && c->lines[n])
		n++;
	if (n == CREDENTIALS_LINES)
		return err_set(err, ERR_USAGE, "more than %d lines", CREDENTIALS_LINES);
	c->lines[n] = strdup(line);
	return c->lines[n] ? 0 : err_nomem(err, strlen(line), "credentials");
}

/* ---- both */

static int parse(struct bytes text, const char *name, struct s3_text *t, bool s3, struct err *err)
{
	struct keyvalue_lines lines;
	char *copy, *line;
	size_t len;
	int r = keyvalue_copy(text, CREDENTIALS_MAX_SIZE, name, "a file of credentials", &copy,
			      err);

	if (r)
		return r;
	lines = (struct keyvalue_lines){.next = copy, .end = copy + text.len};
	while (!r && keyvalue_line(&lines, &line, &len)) {
		if (len && line[len - 1] == '\r')
			line[--len] = '\0';
		r = keyvalue_check(line, len, 1, err);
		line = keyvalue_trim(line);
		if (!r && *line && *line != '#' && *line != ';')
			r = s3 ? take_s3(t, line, err) : take_https(&t->found, line, err);
		if (r)
			err_wrap(err, "%s: line %u", name, lines.number);
	}
	explicit_bzero(copy, text.len);
	free(copy);
	return r;
}

static int parse_any(struct bytes text, const char *name, bool s3, struct credentials *ret,
		     struct err *err)
{
	struct s3_text t = {0};
	int r = parse(text, name, &t, s3, err);

	if (!r && s3) {
		r = check_s3(&t, err);
		if (r)
			err_wrap(err, "%s", name);
	}
	if (!r && !s3 && !t.found.lines[0])
		r = err_set(err, ERR_USAGE, "%s: there is no line in it", name);
	if (r)
		credentials_deinit(&t.found);
	else
		*ret = t.found;
	return r;
}

int credentials_parse_s3(struct bytes text, const char *name, struct credentials *ret,
			 struct err *err)
{
	return parse_any(text, name, true, ret, err);
}

int credentials_parse_https(struct bytes text, const char *name, struct credentials *ret,
			    struct err *err)
{
	return parse_any(text, name, false, ret, err);
}

int credentials_read(const char *path, bool s3, struct credentials *ret, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	size_t len;
	char *text;
	int r;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(err, errno, "%s", path);
	if (st.st_mode & 077)
		return err_set(err, ERR_REFUSED, "%s: others can read it: chmod 600 %s", path,
			       path);
	r = io_read_all(fd, CREDENTIALS_MAX_SIZE, path, &text, &len, err);
	if (r)
		return r;
	r = parse_any((struct bytes){(uint8_t *)text, len}, path, s3, ret, err);
	explicit_bzero(text, len);
	free(text);
	return r;
}
