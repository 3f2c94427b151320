// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/keyvalue.h"
#include "base/num.h"
#include "base/sha256.h"

#define UPLOAD "upload "
#define PART   "part "

int state_create(const char *path, int *ret, struct err *err)
{
	int fd = io_create_private(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "%s: create", path);
	*ret = fd;
	return 0;
}

int state_add_upload(int fd, const char *id, struct err *err)
{
	return dprintf(fd, UPLOAD "%s\n", id) < 0 ? err_sys(err, errno, "state of the upload") : 0;
}

int state_add_part(int fd, const struct parts *parts, struct err *err)
{
	const struct part *part = &parts->v[parts->n - 1];
	char digest[SHA256_TEXT], whole[SHA256_TEXT];

	sha256_text(part->digest, digest);
	sha256_text(parts->digest, whole);
	/* one write: a line is there or it is not */
	if (dprintf(fd, PART "%" PRIu64 " %s %s %s\n", part->bytes, digest, whole,
		    part->etag ? part->etag : "") < 0)
		return err_sys(err, errno, "state of the upload");
	return 0;
}

/* The next word; NULL: there is none. */
static char *word(char **at)
{
	char *start = *at, *end = strchr(start, ' ');

	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return start;
}

static int parse_part(char *line, struct parts *parts, struct err *err)
{
	char *bytes = word(&line), *digest = bytes ? word(&line) : NULL;
	char *whole = digest ? word(&line) : NULL;
	uint8_t one[32], all[32];
	uint64_t v;
	int r;

	if (!whole || strlen(digest) != SHA256_TEXT - 1 || strlen(whole) != SHA256_TEXT - 1 ||
	    !sha256_parse(digest, one) || !sha256_parse(whole, all) ||
	    num_parse_u64(bytes, &v, err) || !num_add(parts->bytes, v, &v))
		return err_set(err, ERR_CORRUPT, "a part that makes no sense");
	r = parts_add(parts, v - parts->bytes, one, line, err);
	if (r)
		return r;
	parts->bytes = v;
	memcpy(parts->digest, all, sizeof(all));
	return 0;
}

static int parse_upload(char *line, char **upload, struct err *err)
{
	/* it goes into a query as it is */
	if (*upload || !*line ||
	    strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789-._~%") != strlen(line))
		return err_set(err, ERR_CORRUPT, "an upload that makes no sense");
	*upload = strdup(line);
	return *upload ? 0 : err_nomem(err, strlen(line), "an upload");
}

int state_parse(struct bytes text, char **ret_upload, struct parts *ret, struct err *err)
{
	_cleanup_(parts_deinit) struct parts parts = {0};
	_cleanup_free_ char *copy = NULL, *upload = NULL;
	struct keyvalue_lines lines;
	char *line;
	size_t len;
	int r;

	while (text.len && text.data[text.len - 1] != '\n')
		text.len--;
	r = keyvalue_copy(text, STATE_MAX_SIZE, "state", "an upload's state", &copy, err);
	if (r)
		return r;
	lines = (struct keyvalue_lines){.next = copy, .end = copy + text.len};
	while (!r && keyvalue_line(&lines, &line, &len)) {
		r = keyvalue_check(line, len, 1, err);
		if (r)
			r = err_set(err, ERR_CORRUPT, "a control character");
		else if (strncmp(line, PART, strlen(PART)) == 0)
			r = parse_part(line + strlen(PART), &parts, err);
		else if (strncmp(line, UPLOAD, strlen(UPLOAD)) == 0)
			r = parse_upload(line + strlen(UPLOAD), &upload, err);
		else
			r = err_set(err, ERR_CORRUPT, "a line of no kind");
	}
	if (r)
		return err_wrap(err, "the state of the upload: line %u", lines.number);
	*ret = parts;
	parts = (struct parts){0};
	*ret_upload = no_cleanup_ptr(upload);
	return 0;
}
