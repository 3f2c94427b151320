// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * knownhosts_find() and knownhosts_check_private_key(). Properties: any bytes give a bounded list of different keys, each of
 * which a recipe takes as a host-key; none is among the revoked ones; a host that the text does not name at all gets keys only
 * where it has a pattern or a hash.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/recipe.h"
#include "config/knownhosts.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_in(char *const *list, const char *text)
{
	for (; *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

static size_t check_list(char *const *list)
{
	size_t n = 0;

	for (; list[n]; n++) {
		size_t len = strlen(list[n]), type = strcspn(list[n], " ");

		REQUIRE(len <= KNOWNHOSTS_MAX_KEY && type && type < len);
		REQUIRE(!strpbrk(list[n] + type + 1, " \t\r\n"));
		REQUIRE(!is_in(list + n + 1, list[n]));
	}
	REQUIRE(n <= KNOWNHOSTS_MAX_KEYS);
	return n;
}

static void look_for(struct bytes text, const char *host, unsigned int port)
{
	char **keys = calloc(1, sizeof(*keys)), **revoked = calloc(1, sizeof(*revoked));
	bool authority = false;
	struct err err = {0};

	REQUIRE(keys && revoked);
	REQUIRE(!knownhosts_find(text, host, port, &keys, &revoked, &authority, &err));
	check_list(keys);
	check_list(revoked);
	for (char **k = keys; *k; k++)
		REQUIRE(!is_in(revoked, *k));
	if (*keys && port == 22 && !memchr(text.data, '|', text.len) &&
	    !memchr(text.data, '*', text.len) && !memchr(text.data, '?', text.len))
		REQUIRE(memchr(text.data, host[0], text.len) ||
			memchr(text.data, host[0] - 'a' + 'A', text.len));
	recipe_free_strings(keys);
	recipe_free_strings(revoked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = {data, size};
	struct err err = {0};
	int code;

	if (size > KNOWNHOSTS_MAX_SIZE)
		return 0;
	look_for(text, "dumps.example.com", 22);
	look_for(text, "dumps.example.com", 2222);
	code = knownhosts_check_private_key(text, &err);
	REQUIRE(!code || (code == ERR_USAGE && *err.msg && strlen(err.msg) < 400));
	return 0;
}
