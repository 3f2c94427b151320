// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/knownhosts.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/keyvalue.h"
#include "base/sha1.h"
#include "capture/recipe.h"

#define MAX_NAME  512
#define HASH_MARK "|1|"

/* ---- names */

static bool decode(const char *text, size_t len, void *ret, size_t size, size_t *ret_len)
{
	const char *end;

	return !sodium_base642bin(ret, size, text, len, NULL, ret_len, &end,
				  sodium_base64_VARIANT_ORIGINAL) &&
	       end == text + len;
}

/* "|1|SALT|HASH", each of 20 bytes in base64: HMAC-SHA1 of the name (hostfile.c of OpenSSH, host_hash()). */
static bool matches_hash(const char *text, size_t len, const char *name)
{
	uint8_t salt[SHA1_SIZE], hash[SHA1_SIZE], of_name[SHA1_SIZE];
	const char *salt_text = text + strlen(HASH_MARK), *bar;
	size_t n;

	bar = memchr(salt_text, '|', len - strlen(HASH_MARK));
	if (!bar || !decode(salt_text, (size_t)(bar - salt_text), salt, sizeof(salt), &n) ||
	    n != sizeof(salt) ||
	    !decode(bar + 1, (size_t)(text + len - bar - 1), hash, sizeof(hash), &n) ||
	    n != sizeof(hash))
		return false;
	sha1_hmac(salt, sizeof(salt), name, strlen(name), of_name);
	return memcmp(hash, of_name, sizeof(hash)) == 0;
}

/* '*' and '?' and nothing else are special; what is between them is compared in turn, so that no pattern takes long. */
static bool matches_pattern(const char *pattern, size_t len, const char *name)
{
	const char *end = pattern + len, *star = NULL, *retry = NULL;

	while (*name) {
		if (pattern < end &&
		    (*pattern == '?' || tolower((unsigned char)*pattern) == (unsigned char)*name) &&
		    *pattern != '*') {
			pattern++;
			name++;
		} else if (pattern < end && *pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (star) {
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

/* A list with commas; an exception counts wherever it stands. */
static bool matches_list(const char *list, const char *name)
{
	size_t len = strlen(list);
	bool found = false;

	if (strncmp(list, HASH_MARK, strlen(HASH_MARK)) == 0)
		return matches_hash(list, len, name);
	while (*list) {
		size_t n = strcspn(list, ",");
		bool not = *list == '!';

		if (n > not &&matches_pattern(list + not, n - not, name)) {
			if (not )
				return false;
			found = true;
		}
		list += n + (list[n] == ',');
	}
	return found;
}

/* ---- lines */

struct search {
	char name[MAX_NAME];
	char ***keys, ***revoked;
	bool authority;
};

static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t");

	*at = word + strcspn(word, " \t");
	if (**at)
		*(*at)++ = '\0';
	return word;
}

static bool is_in(char *const *list, const char *text)
{
	for (; *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

/* The name of its type stands at its beginning once more, with its length in front: else it is none (RFC 4253, 6.6). */
static bool is_key(const char *type, const char *base64)
{
	uint8_t raw[KNOWNHOSTS_MAX_KEY];
	size_t len, n = strlen(type);

	return n && n + strlen(base64) + 1 <= KNOWNHOSTS_MAX_KEY &&
	       decode(base64, strlen(base64), raw, sizeof(raw), &len) && len > 4 + n &&
	       raw[0] == 0 && raw[1] == 0 && (size_t)raw[2] * 256 + raw[3] == n &&
	       memcmp(raw + 4, type, n) == 0;
}

static int take_line(struct search *s, char *line, struct err *err)
{
	char key[KNOWNHOSTS_MAX_KEY + 1], *names = next_word(&line), *type, *base64;
	const char *mark = "";
	char ***list;

	if (*names == '@') {
		mark = names;
		names = next_word(&line);
	}
	type = next_word(&line);
	base64 = next_word(&line);
	if (!*names || *names == '#' || !matches_list(names, s->name) || !is_key(type, base64))
		return 0;
	if (strcmp(mark, "@cert-authority") == 0)
		s->authority = true;
	if (*mark && strcmp(mark, "@revoked") != 0)
		return 0;
	list = *mark ? s->revoked : s->keys;
	snprintf(key, sizeof(key), "%s %s", type, base64);
	if (is_in(*list, key) || count(*list) == KNOWNHOSTS_MAX_KEYS)
		return 0;
	return recipe_add_string(list, key, err);
}

/* Those that were taken before a line revoked them. */
static void drop_revoked(char **keys, char *const *revoked)
{
	char **to = keys;

	for (char **k = keys; *k; k++)
		if (is_in(revoked, *k))
			free(*k);
		else
			*to++ = *k;
	*to = NULL;
}

int knownhosts_find(struct bytes text, const char *host, unsigned int port, char ***keys,
		    char ***revoked, bool *ret_authority, struct err *err)
{
	_cleanup_free_ char *copy = NULL;
	struct keyvalue_lines lines;
	struct search s = {.keys = keys, .revoked = revoked};
	char *line;
	size_t len;
	int n;

	n = port == 22 ? snprintf(s.name, sizeof(s.name), "%s", host)
		       : snprintf(s.name, sizeof(s.name), "[%s]:%u", host, port);
	if (n >= (int)sizeof(s.name))
		return err_set(err, ERR_USAGE, "a host's name of %d bytes", n);
	for (char *p = s.name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (keyvalue_copy(text, KNOWNHOSTS_MAX_SIZE, "known hosts", "a list of hosts", &copy, err))
		return err->code;
	lines = (struct keyvalue_lines){.next = copy, .end = copy + text.len};
	while (keyvalue_line(&lines, &line, &len)) {
		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (strlen(line) >= len - (len && !line[len - 1]) && take_line(&s, line, err))
			return err->code;
	}
	drop_revoked(*keys, *revoked);
	*ret_authority |= s.authority;
	return 0;
}

/* ---- private keys */

static const char *find_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') ? at + strlen(line) : NULL;
}

/* PROTOCOL.key of OpenSSH: magic, then the cipher's name with its length in front. */
static int check_openssh(const char *base64, struct err *err)
{
	static const uint8_t plain[] = "openssh-key-v1\0\0\0\0\4none";
	char start[64];
	uint8_t raw[48];
	size_t n = 0, len;

	for (; *base64 && n < sizeof(start) - 1; base64++)
		if (!isspace((unsigned char)*base64))
			start[n++] = *base64;
	n -= n % 4;
	if (n < 36 || !decode(start, n, raw, sizeof(raw), &len) || len < sizeof(plain) - 1 ||
	    memcmp(raw, plain, 15) != 0)
		return err_set(err, ERR_USAGE, "it is no private key of OpenSSH: damaged");
	if (memcmp(raw, plain, sizeof(plain) - 1) != 0)
		return err_set(err, ERR_USAGE,
			       "it has a passphrase, which nobody can type after a crash: make a "
			       "key of its own for dumps (`lifeboat propagate`)");
	return 0;
}

int knownhosts_check_private_key(struct bytes text, struct err *err)
{
	_cleanup_free_ char *copy = NULL;
	const char *at;

	if (keyvalue_copy(text, 65536, "the key", "a private key", &copy, err))
		return err->code;
	if (strlen(copy) != text.len)
		return err_set(err, ERR_USAGE, "it is no private key: there is a NUL in it");
	at = find_line(copy, "-----BEGIN OPENSSH PRIVATE KEY-----");
	if (at)
		return check_openssh(at, err);
	at = strstr(copy, "PRIVATE KEY-----");
	if (!at || strncmp(copy, "-----BEGIN ", 11) != 0)
		return err_set(err, ERR_USAGE, "it is no private key%s",
			       strncmp(copy, "ssh-", 4) == 0 ? ", but a public one" : "");
	if (strstr(copy, "BEGIN ENCRYPTED PRIVATE KEY") || strstr(copy, "Proc-Type: 4,ENCRYPTED"))
		return err_set(err, ERR_USAGE,
			       "it has a passphrase, which nobody can type after a crash: make a "
			       "key of its own for dumps (`lifeboat propagate`)");
	return 0;
}
