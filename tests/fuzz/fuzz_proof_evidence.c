// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What comes out of a virtual machine: the text of its console, in pieces of any length, and its crash.json. Properties:
 * texts are terminated and numbers of targets in range, whatever the pieces; a record that has nothing wrong is complete.
 */
#include <stdlib.h>
#include <string.h>

#include "proof/console.h"
#include "proof/evidence.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_console(const uint8_t *data, size_t size)
{
	struct console *c = calloc(2, sizeof(*c));

	REQUIRE(c);
	console_feed(&c[0], (const char *)data, size);
	for (size_t i = 0; i < size; i++)
		console_feed(&c[1], (const char *)data + i, 1);
	REQUIRE(memcmp(c[0].targets, c[1].targets, sizeof(c->targets)) == 0);
	REQUIRE(c[0].target <= RECIPE_MAX_TARGETS && c[0].len < CONSOLE_LINE);
	REQUIRE(c[0].over == c[1].over && c[0].init == c[1].init && c[0].ram == c[1].ram);
	REQUIRE(memchr(c[0].failure, '\0', sizeof(c->failure)));
	for (size_t i = 0; i < RECIPE_MAX_TARGETS; i++) {
		const struct console_target *t = &c[0].targets[i];

		REQUIRE(memchr(t->result, '\0', sizeof(t->result)) &&
			memchr(t->name, '\0', sizeof(t->name)) &&
			memchr(t->failure, '\0', sizeof(t->failure)));
		REQUIRE(!*t->result || t->told);
	}
	free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evidence e = {.files = true};

	check_console(data, size);
	evidence_parse_record((struct bytes){data, size}, "proof-1", &e);
	REQUIRE(memchr(e.result, '\0', sizeof(e.result)) && memchr(e.wrong, '\0', sizeof(e.wrong)));
	REQUIRE(*e.wrong || strcmp(e.result, "complete") == 0);
	return 0;
}
