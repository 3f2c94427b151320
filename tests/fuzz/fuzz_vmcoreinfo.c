// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: any text can be parsed; the copy equals the text up to its first NUL; each line "KEY=VALUE"
 * is found under its key with its value or that of an earlier line; typed look-ups end with a value,
 * "absent" or ERR_CORRUPT.
 */
#include <string.h>

#include "format/vmcoreinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const struct vmcoreinfo *v, const char *text, const char *line, size_t len)
{
	const char *equals = memchr(line, '=', len), *value, *first;
	char *key;

	if (!equals)
		return;
	key = strndup(line, (size_t)(equals - line));
	value = vmcoreinfo_get(v, key);
	if (!value)
		abort();
	if (strlen(value) != len - (size_t)(equals + 1 - line) ||
	    memcmp(value, equals + 1, strlen(value)) != 0) {
		/* then the key stands in an earlier line */
		first = strstr(text, key);
		if (!first || first >= line)
			abort();
	}
	free(key);
}

static void typed(const struct vmcoreinfo *v)
{
	struct err err = {0};
	bool found = false;
	uint64_t u = 0;
	int64_t i = 0;
	int r[] = {
		vmcoreinfo_symbol(v, "a", &u, &found, &err),
		vmcoreinfo_size(v, "a", &u, &found, &err),
		vmcoreinfo_offset(v, "a", &u, &found, &err),
		vmcoreinfo_length(v, "a", &u, &found, &err),
		vmcoreinfo_number(v, "a", &i, &found, &err),
		vmcoreinfo_value(v, "K", 16, &u, &found, &err),
	};

	for (size_t k = 0; k < ARRAY_SIZE(r); k++)
		if (r[k] != 0 && r[k] != ERR_CORRUPT)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size ? strnlen((const char *)data, size) : 0;
	struct vmcoreinfo *v = NULL;
	struct err err;
	const char *text;

	if (vmcoreinfo_create((struct bytes){data, size}, &v, &err))
		return 0;
	text = vmcoreinfo_text(v);
	if (strlen(text) != len || (len && memcmp(text, data, len) != 0))
		abort();
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");

		check_line(v, text, line, n);
		line += n + (line[n] == '\n');
	}
	typed(v);
	vmcoreinfo_destroy(v);
	return 0;
}
