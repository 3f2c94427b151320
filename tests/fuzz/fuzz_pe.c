// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: what is found in a hostile PE file lies wholly in it and behind its headers; a longer file has the
 * same section at the same place; failures say why.
 */
#include <stdlib.h>

#include "format/pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_for(const struct pe *pe, const char *name)
{
	size_t size = pe->file.len;
	struct bytes found = {NULL, 0}, shorter;
	struct err err = {0};
	bool exists = false;
	struct pe cut;

	if (pe_section(pe, name, &exists, &found, &err)) {
		if (err.code != ERR_CORRUPT || !strstr(err.msg, name))
			abort();
		return;
	}
	if (!found.len)
		return;
	if (!exists || found.data < pe->file.data + pe->table + pe->sections * 40ull ||
	    found.len > size - (size_t)(found.data - pe->file.data))
		abort();
	/* what stands behind it does not matter, but its last byte does */
	size = (size_t)(found.data - pe->file.data) + found.len;
	if (pe_init((struct bytes){pe->file.data, size}, &cut, &err) ||
	    pe_section(&cut, name, &exists, &shorter, &err) || shorter.data != found.data ||
	    shorter.len != found.len)
		abort();
	if (pe_init((struct bytes){pe->file.data, size - 1}, &cut, &err) == 0 &&
	    pe_section(&cut, name, &exists, &shorter, &err) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {".linux", ".initrd", ".cmdline", ".profile", ""};
	struct err err = {0};
	struct pe pe;

	if (pe_init((struct bytes){data, size}, &pe, &err)) {
		if ((err.code != ERR_CORRUPT && err.code != ERR_UNSUPPORTED) || !err.msg[0])
			abort();
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		look_for(&pe, names[i]);
	return 0;
}
