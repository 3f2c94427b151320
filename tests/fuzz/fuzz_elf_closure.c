// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the initramfs builder reads to find a program's libraries and a module's firmware, and of an older image: the first
 * byte chooses what the rest is. Properties: it ends, reads nothing outside the file (the copy has exactly its size), and
 * each string that comes out is inside it and has an end.
 */
#include <stdlib.h>
#include <string.h>

#include "initramfs/elf.h"
#include "initramfs/inputs.h"
#include "initramfs/ldcache.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct bytes file, const char *text)
{
	const uint8_t *at = (const uint8_t *)text;

	if (!text)
		return;
	REQUIRE(at >= file.data && at < file.data + file.len);
	REQUIRE(memchr(at, 0, (size_t)(file.data + file.len - at)));
}

static void try_elf(struct bytes file)
{
	struct elf_links links;
	struct bytes section;
	struct err err = {0};

	if (elf_read_links(file, "fuzz", &links, &err) == 0) {
		check_text(file, links.interp);
		check_text(file, links.soname);
		check_text(file, links.rpath);
		check_text(file, links.runpath);
		for (size_t i = 0; i < links.n_needed; i++)
			check_text(file, links.needed[i]);
		elf_links_deinit(&links);
	} else {
		REQUIRE(err.code && *err.msg);
	}
	if (elf_find_section(file, "fuzz", ".modinfo", &section, &err) == 0 && section.len)
		REQUIRE(section.data >= file.data &&
			section.data + section.len <= file.data + file.len);
}

static void try_cache(struct bytes file)
{
	struct ldcache cache;
	struct err err = {0};
	uint32_t pos = 0, steps = 0;
	const char *path;
	bool some;

	if (ldcache_read(file, &cache, &err)) {
		REQUIRE(err.code == ERR_CORRUPT && *err.msg);
		return;
	}
	while ((path = ldcache_next(&cache, "a", &pos, &some))) {
		check_text(file, path);
		REQUIRE(++steps <= cache.n);
	}
}

static void try_inputs(struct bytes file)
{
	char text[INPUTS_MAX_SIZE];
	struct err err = {0};
	struct inputs in;

	if (inputs_read(file, &in, &err))
		REQUIRE(*err.msg && (err.code == ERR_CORRUPT || err.code == ERR_NOT_FOUND));
	else
		REQUIRE(inputs_format(&in, text) < sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;
	struct bytes file;

	if (size < 2)
		return 0;
	copy = malloc(size - 1);
	REQUIRE(copy);
	memcpy(copy, data + 1, size - 1);
	file = (struct bytes){copy, size - 1};
	if (data[0] == 'c')
		try_cache(file);
	else if (data[0] == 'i')
		try_inputs(file);
	else
		try_elf(file);
	free(copy);
	return 0;
}
