// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/job.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/io.h"
#include "base/keyvalue.h"
#include "base/num.h"
#include "base/sha256.h"
#include "base/text.h"

enum job_type { JOB_TEXT, JOB_NUMBER, JOB_SECONDS, JOB_PORT, JOB_KIND, JOB_WHAT, JOB_YES_NO };

struct job_key {
	const char *name;
	enum job_type type;
	size_t offset;
	bool required;
};

#define JOB_KEY(n, t, member, r)                                                       \
	{                                                                              \
		.name = (n), .type = (t), .offset = offsetof(struct send_job, member), \
		.required = (r)                                                        \
	}

static const struct job_key keys[] = {
	JOB_KEY("kind", JOB_KIND, kind, true),
	JOB_KEY("what", JOB_WHAT, what, true),
	JOB_KEY("url", JOB_TEXT, url, true),
	JOB_KEY("name", JOB_TEXT, name, true),
	JOB_KEY("host", JOB_TEXT, host, true),
	JOB_KEY("address", JOB_TEXT, address, true),
	JOB_KEY("port", JOB_PORT, port, true),
	JOB_KEY("bucket", JOB_TEXT, bucket, false),
	JOB_KEY("region", JOB_TEXT, region, false),
	JOB_KEY("path-style", JOB_YES_NO, path_style, false),
	JOB_KEY("credentials", JOB_TEXT, credentials, false),
	JOB_KEY("ca", JOB_TEXT, ca, false),
	JOB_KEY("part", JOB_NUMBER, part, false),
	JOB_KEY("memory", JOB_NUMBER, memory, false),
	JOB_KEY("bytes", JOB_NUMBER, bytes, false),
	JOB_KEY("state", JOB_TEXT, state, false),
	JOB_KEY("retry-seconds", JOB_SECONDS, retry_seconds, true),
	JOB_KEY("connect-seconds", JOB_SECONDS, connect_seconds, true),
	JOB_KEY("stall-seconds", JOB_SECONDS, stall_seconds, true),
};

_Static_assert(ARRAY_SIZE(keys) <= 32, "a bit for each key");

static const char *const kinds[] = {[SEND_HTTPS] = "https", [SEND_S3] = "s3"};
static const char *const whats[] = {[SEND_PUT] = "put",
				    [SEND_GET_DIGEST] = "get-digest",
				    [SEND_CHECK] = "check",
				    [SEND_REMOVE] = "remove",
				    [SEND_KEEP] = "keep"};

static void *member_of(const struct send_job *job, const struct job_key *key)
{
	return (char *)job + key->offset;
}

static int one_of(const char *value, const char *const *words, size_t n, const char *wanted,
		  unsigned int *ret, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(value, words[i]) == 0) {
			*ret = (unsigned int)i;
			return 0;
		}
	}
	return keyvalue_bad(value, wanted, err);
}

static int set_text(char **to, const char *value, struct err *err)
{
	char *copy = strdup(value);

	if (!copy)
		return err_nomem(err, strlen(value), "a job");
	free(*to);
	*to = copy;
	return 0;
}

static int set(struct send_job *job, const struct job_key *key, const char *value, struct err *err)
{
	void *to = member_of(job, key);
	unsigned int word = 0;
	uint64_t v;
	int r;

	switch (key->type) {
	case JOB_TEXT:
		return set_text(to, value, err);
	case JOB_NUMBER:
		return num_parse_u64(value, to, err);
	case JOB_SECONDS:
	case JOB_PORT:
		r = num_parse_range(value, 1, key->type == JOB_PORT ? 65535 : 86400, &v, err);
		if (!r)
			*(unsigned int *)to = (unsigned int)v;
		return r;
	case JOB_KIND:
		r = one_of(value, kinds, ARRAY_SIZE(kinds), "https or s3", &word, err);
		if (!r)
			job->kind = (enum send_kind)word;
		return r;
	case JOB_WHAT:
		r = one_of(value, whats, ARRAY_SIZE(whats),
			   "put, get-digest, check, remove or keep", &word, err);
		if (!r)
			job->what = (enum send_what)word;
		return r;
	case JOB_YES_NO:
		r = one_of(value, (const char *const[]){"no", "yes"}, 2, "yes or no", &word, err);
		if (!r)
			*(bool *)to = word;
		return r;
	}
	return err_set(err, ERR_USAGE, "key %s has no type", key->name);
}

static int take_line(struct send_job *job, char *line, size_t len, uint32_t *seen, struct err *err)
{
	char *equals, *name, *value;
	int r = keyvalue_check(line, len, 1, err);

	if (r)
		return r;
	line = keyvalue_trim(line);
	if (!*line || *line == '#')
		return 0;
	equals = strchr(line, '=');
	if (!equals)
		return keyvalue_bad(line, "\"key = value\"", err);
	*equals = '\0';
	name = keyvalue_trim(line);
	value = keyvalue_trim(equals + 1);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (*seen & 1u << i)
			return err_set(err, ERR_USAGE, "%s is there twice", name);
		*seen |= 1u << i;
		r = set(job, &keys[i], value, err);
		return r ? err_wrap(err, "%s", name) : 0;
	}
	return keyvalue_bad(name, "a key of a job", err);
}

/* What is said together must go together. */
static int check(const struct send_job *job, uint32_t seen, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!(keys[i].required || (job->kind == SEND_S3 &&
					   keys[i].offset == offsetof(struct send_job, bucket))))
			continue;
		if (!(seen & 1u << i) ||
		    (keys[i].type == JOB_TEXT && !**(char **)member_of(job, &keys[i])))
			return err_set(err, ERR_USAGE, "%s is missing", keys[i].name);
	}
	if (job->kind == SEND_S3 && (!*job->region || !*job->credentials))
		return err_set(err, ERR_USAGE, "%s is missing",
			       *job->region ? "credentials" : "region");
	if (job->what == SEND_KEEP && !*job->state)
		return err_set(err, ERR_USAGE, "state is missing");
	return 0;
}

static int init(struct send_job *job, struct err *err)
{
	int r = 0;

	*job = (struct send_job){.path_style = true};
	for (size_t i = 0; i < ARRAY_SIZE(keys) && !r; i++) {
		if (keys[i].type == JOB_TEXT)
			r = set_text(member_of(job, &keys[i]), "", err);
	}
	return r;
}

int send_job_parse(struct bytes text, const char *name, struct send_job *ret, struct err *err)
{
	_cleanup_(send_job_deinit) struct send_job job = {0};
	_cleanup_free_ char *copy = NULL;
	struct keyvalue_lines lines;
	uint32_t seen = 0;
	size_t len;
	char *line;
	int r = keyvalue_copy(text, SEND_MAX_JOB, name, "a job", &copy, err);

	if (!r)
		r = init(&job, err);
	if (r)
		return r;
	lines = (struct keyvalue_lines){.next = copy, .end = copy + text.len};
	while (keyvalue_line(&lines, &line, &len)) {
		r = take_line(&job, line, len, &seen, err);
		if (r)
			return err_wrap(err, "%s: line %u", name, lines.number);
	}
	r = check(&job, seen, err);
	if (r)
		return err_wrap(err, "%s", name);
	*ret = job;
	job = (struct send_job){0};
	return 0;
}

int send_job_read(const char *path, struct send_job *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = io_read_file(path, SEND_MAX_JOB, &text, &len, err);

	return r ? r : send_job_parse((struct bytes){(uint8_t *)text, len}, path, ret, err);
}

static int put_text(const struct job_key *key, const char *value, FILE *to, struct err *err)
{
	size_t len = value ? strlen(value) : 0;
	int r = len ? keyvalue_check(value, len, 1, err) : 0;

	if (!r && len && (keyvalue_is_blank(*value) || keyvalue_is_blank(value[len - 1])))
		r = keyvalue_bad(value, "a value: it begins or ends with a blank", err);
	if (r)
		return err_wrap(err, "%s", key->name);
	if (len)
		fprintf(to, "%s = %s\n", key->name, value);
	return 0;
}

int send_job_put(const struct send_job *job, FILE *to, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct job_key *key = &keys[i];
		const void *from = member_of(job, key);
		int r = 0;

		switch (key->type) {
		case JOB_TEXT:
			r = put_text(key, *(char *const *)from, to, err);
			break;
		case JOB_NUMBER:
			fprintf(to, "%s = %" PRIu64 "\n", key->name, *(const uint64_t *)from);
			break;
		case JOB_SECONDS:
		case JOB_PORT:
			fprintf(to, "%s = %u\n", key->name, *(const unsigned int *)from);
			break;
		case JOB_KIND:
			fprintf(to, "%s = %s\n", key->name, kinds[job->kind]);
			break;
		case JOB_WHAT:
			fprintf(to, "%s = %s\n", key->name, whats[job->what]);
			break;
		case JOB_YES_NO:
			fprintf(to, "%s = %s\n", key->name, *(const bool *)from ? "yes" : "no");
			break;
		}
		if (r)
			return r;
	}
	return 0;
}

void send_job_deinit(struct send_job *job)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].type == JOB_TEXT)
			free(*(char **)member_of(job, &keys[i]));
	}
	*job = (struct send_job){0};
}

/* ---- the answer */

static int answer_error(char *rest, const char *program, struct err *err)
{
	char plain[ERR_MSG_SIZE];
	char *space = strchr(rest, ' ');
	uint64_t code;

	if (space)
		*space = '\0';
	if (!space || !space[1] || num_parse_range(rest, ERR_SYSTEM, ERR_STALE, &code, err))
		return err_set(err, ERR_CORRUPT, "%s: an answer without a code", program);
	return err_set(err, (enum err_code)code, "%s", text_plain(space + 1, plain, sizeof(plain)));
}

static int answer_ok(char *rest, const char *program, struct send_answer *ret, struct err *err)
{
	struct send_answer answer;
	char *digest = strchr(rest, ' '), *parts = digest ? strchr(digest + 1, ' ') : NULL;

	if (!parts)
		return err_set(err, ERR_CORRUPT, "%s: its answer is cut off", program);
	*digest++ = *parts++ = '\0';
	if (strlen(digest) != SHA256_TEXT - 1 || !sha256_parse(digest, answer.digest) ||
	    num_parse_u64(rest, &answer.bytes, err) || num_parse_u64(parts, &answer.parts, err))
		return err_set(err, ERR_CORRUPT, "%s: its answer makes no sense", program);
	*ret = answer;
	return 0;
}

int send_answer_parse(const char *line, const char *program, struct send_answer *ret,
		      struct err *err)
{
	char copy[SEND_MAX_ANSWER];

	snprintf(copy, sizeof(copy), "%s", line);
	if (strncmp(copy, "ok ", 3) == 0)
		return answer_ok(copy + 3, program, ret, err);
	if (strncmp(copy, "error ", 6) == 0)
		return answer_error(copy + 6, program, err);
	return err_set(err, ERR_CORRUPT, "%s ended without an answer", program);
}
