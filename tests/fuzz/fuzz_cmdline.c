// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: cmdline_next() always advances, and its tokens in order, white space between them left
 * out, are the whole text.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "loader/cmdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	const char *pos, *end;
	struct bytes token;

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	pos = end = text;
	while (cmdline_next(&pos, &token)) {
		end += strspn(end, " \t\n\v\f\r\xa0");
		if ((const char *)token.data != end || token.len == 0)
			abort();
		cmdline_is(token, "crashkernel");
		end += token.len;
		if (pos != end)
			abort();
	}
	if (end[strspn(end, " \t\n\v\f\r\xa0")])
		abort();
	return 0;
}
