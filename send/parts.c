// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/keyvalue.h"
#include "base/num.h"
#include "base/sha256.h"

#define MAGIC   "# lifeboat-parts-1 "
#define LARGEST (2ULL << 30) /* S3 takes up to 5 GiB */
#define CHUNK   64           /* entries that are allocated at a time */

int parts_add(struct parts *parts, uint64_t bytes, const uint8_t digest[32], const char *etag,
	      struct err *err)
{
	struct part *part;

	if (parts->n == PARTS_MAX)
		return err_set(err, ERR_NO_SPACE, "more than %d parts", PARTS_MAX);
	if (parts->n % CHUNK == 0) {
		size_t size = (parts->n + CHUNK) * sizeof(*part);

		part = realloc(parts->v, size);
		if (!part)
			return err_nomem(err, size, "a list of parts");
		parts->v = part;
	}
	part = &parts->v[parts->n];
	*part = (struct part){.bytes = bytes};
	memcpy(part->digest, digest, sizeof(part->digest));
	if (*etag && !(part->etag = strdup(etag)))
		return err_nomem(err, strlen(etag), "a list of parts");
	parts->n++;
	return 0;
}

void parts_deinit(struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++)
		free(parts->v[i].etag);
	free(parts->v);
	*parts = (struct parts){0};
}

size_t parts_size(uint64_t first, size_t number, uint64_t most, size_t least)
{
	uint64_t size = first;

	for (size_t i = PARTS_OF_SIZE; i < number && size < LARGEST; i += PARTS_OF_SIZE)
		size *= 2;
	size = NUM_MIN(size, NUM_MAX(most, first));
	return (size_t)NUM_MAX(size, least);
}

void parts_suffix(size_t number, char ret[PARTS_SUFFIX])
{
	snprintf(ret, PARTS_SUFFIX, ".part-%05u", (unsigned int)(number % 100000));
}

void parts_put(const struct parts *parts, const char *name, FILE *to)
{
	char digest[SHA256_TEXT], suffix[PARTS_SUFFIX];

	sha256_text(parts->digest, digest);
	fprintf(to, MAGIC "%" PRIu64 " %s\n", parts->bytes, digest);
	for (size_t i = 0; i < parts->n; i++) {
		sha256_text(parts->v[i].digest, digest);
		parts_suffix(i + 1, suffix);
		fprintf(to, "# %" PRIu64 "\n%s  %s%s\n", parts->v[i].bytes, digest, name, suffix);
	}
}

/* 64 digits, whatever follows them. */
static bool take_digest(const char *text, uint8_t ret[32])
{
	char digits[SHA256_TEXT];

	return snprintf(digits, sizeof(digits), "%s", text) >= SHA256_TEXT - 1 &&
	       sha256_parse(digits, ret);
}

static int parse_head(char *line, struct parts *ret, struct err *err)
{
	char *digest;

	if (strncmp(line, MAGIC, strlen(MAGIC)) != 0)
		return err_set(err, ERR_CORRUPT, "it is no list of parts");
	line += strlen(MAGIC);
	digest = strchr(line, ' ');
	if (!digest || strlen(digest + 1) != SHA256_TEXT - 1 ||
	    !sha256_parse(digest + 1, ret->digest))
		return err_set(err, ERR_CORRUPT, "no digest in it");
	*digest = '\0';
	if (num_parse_u64(line, &ret->bytes, err))
		return err_set(err, ERR_CORRUPT, "no length in it");
	return 0;
}

/* Two lines. */
static int parse_part(const char *bytes, const char *line, const char *name, struct parts *parts,
		      struct err *err)
{
	char suffix[PARTS_SUFFIX];
	const char *rest;
	uint8_t digest[32];
	uint64_t v;

	if (strncmp(bytes, "# ", 2) != 0 || num_parse_u64(bytes + 2, &v, err))
		return err_set(err, ERR_CORRUPT, "part %zu has no length", parts->n + 1);
	parts_suffix(parts->n + 1, suffix);
	if (!take_digest(line, digest))
		return err_set(err, ERR_CORRUPT, "part %zu has no digest", parts->n + 1);
	rest = line + SHA256_TEXT - 1;
	if (strncmp(rest, "  ", 2) != 0 || strncmp(rest + 2, name, strlen(name)) != 0 ||
	    strcmp(rest + 2 + strlen(name), suffix) != 0)
		return err_set(err, ERR_CORRUPT, "part %zu has another name", parts->n + 1);
	return parts_add(parts, v, digest, "", err);
}

static int parse_lines(struct keyvalue_lines *lines, const char *name, struct parts *parts,
		       struct err *err)
{
	char *bytes, *line;
	uint64_t sum = 0;
	size_t len;
	int r;

	if (!keyvalue_line(lines, &line, &len))
		return err_set(err, ERR_CORRUPT, "it is empty");
	r = parse_head(line, parts, err);
	while (!r && keyvalue_line(lines, &bytes, &len)) {
		if (!keyvalue_line(lines, &line, &len))
			return err_set(err, ERR_CORRUPT, "it is cut off");
		r = parse_part(bytes, line, name, parts, err);
		if (!r && !num_add(sum, parts->v[parts->n - 1].bytes, &sum))
			return err_set(err, ERR_CORRUPT, "its lengths cannot be");
	}
	if (r)
		return r;
	if (!parts->n || sum != parts->bytes)
		return err_set(err, ERR_CORRUPT,
			       "its %zu parts have %" PRIu64 " bytes, the whole %" PRIu64, parts->n,
			       sum, parts->bytes);
	return 0;
}

int parts_parse(struct bytes text, const char *name, struct parts *ret, struct err *err)
{
	_cleanup_(parts_deinit) struct parts parts = {0};
	_cleanup_free_ char *copy = NULL;
	struct keyvalue_lines lines;
	int r = keyvalue_copy(text, PARTS_MAX_TEXT, name, "a list of parts", &copy, err);

	if (r)
		return r;
	lines = (struct keyvalue_lines){.next = copy, .end = copy + text.len};
	r = parse_lines(&lines, name, &parts, err);
	if (r)
		return err_wrap(err, "%s.parts: line %u", name, lines.number);
	*ret = parts;
	parts = (struct parts){0};
	return 0;
}
