// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: whatever /etc/fstab holds (all of the input behind the first NUL) and whatever configuration passes (what is in front of it), the
 * drop-ins are lines of After=, Wants= and JobRunningTimeoutSec= with one name each, of letters that systemd takes and no
 * longer than a unit's name can be.
 */
#include <stdlib.h>
#include <string.h>

#include "service/generator.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_unit(const char *name, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:-_.\\";

	REQUIRE(len && len < GENERATOR_NAME_SIZE);
	REQUIRE(name[0] != '.');
	for (size_t i = 0; i < len; i++)
		REQUIRE(name[i] && strchr(letters, name[i]));
}

static void check_lines(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), key = strcspn(text, "=") + 1;

		REQUIRE(text[len] == '\n');
		REQUIRE(strncmp(text, "After=", key) == 0 || strncmp(text, "Wants=", key) == 0);
		check_unit(text + key, len - key);
		text += len + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, '\0', size);
	size_t first = nul ? (size_t)(nul - data) : size;
	struct bytes fstab = {data + first + (nul != NULL), size - first - (nul != NULL)};
	struct config *config = NULL;
	struct generator g = {0};
	struct err err = {0};

	if (config_create((struct bytes){data, first}, "fuzz", &config, &err))
		return 0;
	REQUIRE(!generator_create(config, fstab, &g, &err));
	check_lines(g.targets);
	for (char **unit = g.bounded; *unit; unit++)
		check_unit(*unit, strlen(*unit));
	REQUIRE(strncmp(g.bound, "JobRunningTimeoutSec=", 21) == 0);
	generator_deinit(&g);
	config_destroy(config);
	return 0;
}
