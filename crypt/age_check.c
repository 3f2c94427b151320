// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/age.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/num.h"
#include "crypt/age_form.h"

#define HEADER_LIMIT 65536 /* bytes: of more than a hundred recipients, and of no file of ours */
#define ARGS_MAX     8     /* of a stanza that are looked at; there may be more */

/* What is known of the types that age itself has. */
static const struct stanza_form {
	const char *type;
	size_t n_args;     /* without the type */
	size_t args[2];    /* characters of each in base64; 0: no base64 */
	size_t body_chars; /* 0: any */
} forms[] = {
	{AGE_NAME_X25519, 1, {AGE_KEY_TEXT}, AGE_KEY_TEXT},
	{AGE_NAME_SSH_ED25519, 2, {AGE_TAG_TEXT, AGE_KEY_TEXT}, AGE_KEY_TEXT},
	{"ssh-rsa", 1, {AGE_TAG_TEXT}, 0},
	{"scrypt", 2, {22, 0}, AGE_KEY_TEXT},
};

struct line {
	const char *text;
	size_t len; /* without its end */
	size_t number;
};

struct header {
	struct bytes all;
	size_t at;
	size_t number; /* of the line read last */
	struct age_info *info;
	size_t n_scrypt;
};

bool age_probe(struct bytes head)
{
	size_t len = strlen(AGE_INTRO);

	return head.len >= len && memcmp(head.data, AGE_INTRO, len) == 0;
}

static bool next_line(struct header *h, struct line *ret)
{
	const char *text = (const char *)h->all.data + h->at;
	const char *end = memchr(text, '\n', h->all.len - h->at);

	if (!end)
		return false;
	*ret = (struct line){text, (size_t)(end - text), ++h->number};
	h->at += ret->len + 1;
	return true;
}

static int value_of(char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Base64 without padding, the bits that belong to no byte 0. */
static bool is_base64(const char *text, size_t len)
{
	unsigned int rest = len % 4;

	for (size_t i = 0; i < len; i++)
		if (value_of(text[i]) < 0)
			return false;
	if (rest < 2)
		return rest == 0;
	return !(value_of(text[len - 1]) & (rest == 2 ? 15 : 3));
}

static bool starts_with(const struct line *line, const char *with)
{
	return line->len >= strlen(with) && memcmp(line->text, with, strlen(with)) == 0;
}

static int bad_line(const struct line *line, const char *what, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "line %zu of the header: %s", line->number, what);
}

struct args {
	struct {
		const char *text;
		size_t len;
	} v[ARGS_MAX];
	size_t n;
};

/* The words behind "-> ": one blank between them, and printable. */
static int split_args(const struct line *line, struct args *args, struct err *err)
{
	const char *at = line->text + strlen(AGE_STANZA), *end = line->text + line->len;

	args->n = 0;
	for (;;) {
		const char *from = at;

		while (at<end && * at> ' ' && *at < 127)
			at++;
		if (at == from)
			return bad_line(line, "a word of the recipient is empty or unprintable",
					err);
		if (args->n < ARGS_MAX) {
			args->v[args->n].text = from;
			args->v[args->n].len = (size_t)(at - from);
		}
		args->n++;
		if (at == end)
			return 0;
		if (*at++ != ' ')
			return bad_line(line, "a word of the recipient is empty or unprintable",
					err);
	}
}

static const struct stanza_form *find_form(const struct args *args)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (args->v[0].len == strlen(forms[i].type) &&
		    memcmp(args->v[0].text, forms[i].type, args->v[0].len) == 0)
			return &forms[i];
	return NULL;
}

/* The types one after the other, each once; what no longer fits is left out. */
static void note_type(struct age_info *info, const struct args *args)
{
	size_t used = strlen(info->types), len = NUM_MIN(args->v[0].len, 32);
	char word[40];

	snprintf(word, sizeof(word), "%.*s", (int)len, args->v[0].text);
	for (const char *at = info->types; (at = strstr(at, word)); at += len)
		if ((at == info->types || at[-1] == ' ') && (!at[len] || at[len] == ','))
			return;
	if (used + len + 3 <= sizeof(info->types))
		snprintf(info->types + used, sizeof(info->types) - used, "%s%s", used ? ", " : "",
			 word);
}

static int check_args(const struct line *line, const struct args *args,
		      const struct stanza_form *form, struct err *err)
{
	if (args->n != form->n_args + 1)
		return bad_line(line, "a recipient of its type has another number of words", err);
	for (size_t i = 0; i < form->n_args; i++)
		if (form->args[i] && (args->v[i + 1].len != form->args[i] ||
				      !is_base64(args->v[i + 1].text, args->v[i + 1].len)))
			return bad_line(line,
					"a word of the recipient is not of its length or no base64",
					err);
	return 0;
}

/* The lines of a recipient's body: full ones, and one that is shorter. */
static int check_body(struct header *h, const struct stanza_form *form, struct err *err)
{
	struct line line = {.len = AGE_COLUMNS};
	size_t chars = 0;

	while (line.len == AGE_COLUMNS) {
		if (!next_line(h, &line))
			return err_set(err, ERR_CORRUPT,
				       "the header ends in line %zu, or is too long",
				       h->number + 1);
		if (line.len > AGE_COLUMNS || !is_base64(line.text, line.len))
			return bad_line(&line, "it is no base64 of at most 64 characters", err);
		chars += line.len;
	}
	if (form && form->body_chars && chars != form->body_chars)
		return bad_line(&line, "the recipient's wrapped key is not of its length", err);
	return 0;
}

static int check_stanza(struct header *h, const struct line *line, struct err *err)
{
	const struct stanza_form *form;
	struct args args;

	if (split_args(line, &args, err))
		return err->code;
	form = find_form(&args);
	if (form && check_args(line, &args, form, err))
		return err->code;
	h->n_scrypt += form && strcmp(form->type, "scrypt") == 0;
	h->info->n_recipients++;
	note_type(h->info, &args);
	return check_body(h, form, err);
}

static int check_mac(const struct header *h, const struct line *line, struct err *err)
{
	size_t head = strlen(AGE_MAC);

	if (!starts_with(line, AGE_MAC) || line->len != head + AGE_KEY_TEXT ||
	    !is_base64(line->text + head, AGE_KEY_TEXT))
		return bad_line(line, "it is no recipient and not the header's end", err);
	if (!h->info->n_recipients)
		return bad_line(line, "the header ends before any recipient", err);
	if (h->n_scrypt && h->info->n_recipients > 1)
		return bad_line(line, "there are recipients beside a passphrase", err);
	return 0;
}

static int check_header(struct header *h, struct err *err)
{
	struct line line;

	if (!age_probe(h->all))
		return err_set(err, ERR_CORRUPT,
			       "it does not begin with \"age-encryption.org/v1\"");
	next_line(h, &line);
	for (;;) {
		if (!next_line(h, &line))
			return err_set(err, ERR_CORRUPT,
				       "the header ends in line %zu, or is too long",
				       h->number + 1);
		if (!starts_with(&line, AGE_STANZA))
			break;
		if (check_stanza(h, &line, err))
			return err->code;
	}
	h->info->header = h->at;
	return check_mac(h, &line, err);
}

/* The nonce, whole chunks, and a last one that is not empty unless it is the only one. */
static int check_size(struct age_info *info, uint64_t size, struct err *err)
{
	uint64_t body, last;

	if (size - info->header < AGE_NONCE + AGE_TAG)
		return err_set(err, ERR_CORRUPT,
			       "it ends at offset %" PRIu64 ", before its first chunk does", size);
	body = size - info->header - AGE_NONCE;
	info->chunks = num_div_up(body, AGE_CHUNK + AGE_TAG);
	last = body - (info->chunks - 1) * (AGE_CHUNK + AGE_TAG);
	if (last < AGE_TAG || (last == AGE_TAG && info->chunks > 1))
		return err_set(err, ERR_CORRUPT,
			       "it ends at offset %" PRIu64 ", %" PRIu64
			       " bytes into chunk %" PRIu64 ": it was cut",
			       size, last, info->chunks);
	info->plain = body - info->chunks * AGE_TAG;
	return 0;
}

int age_check(int fd, uint64_t size, const char *name, struct age_info *ret, struct err *err)
{
	struct age_info info = {0};
	size_t len = (size_t)NUM_MIN(size, HEADER_LIMIT);
	_cleanup_free_ uint8_t *head = malloc(len + 1);
	struct header h = {.all = {head, len}, .info = &info};
	int r;

	if (!head)
		return err_nomem(err, len, name);
	if (io_pread_full(fd, head, len, 0, name, err))
		return err->code;
	r = check_header(&h, err);
	if (!r)
		r = check_size(&info, size, err);
	if (r)
		return err_wrap(err, "%s", name);
	*ret = info;
	return 0;
}
