// SPDX-License-Identifier: GPL-2.0-or-later
#include "debuginfo/lines.h"

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

/* The units are gone over where the file has no table of addresses: clang makes none. */
static bool find_unit(Dwarf *dwarf, uint64_t addr, Dwarf_Die *ret)
{
	Dwarf_CU *unit = NULL;
	uint8_t type;

	if (dwarf_addrdie(dwarf, addr, ret))
		return true;
	while (dwarf_get_units(dwarf, unit, &unit, NULL, &type, ret, NULL) == 0)
		if (type == DW_UT_compile && dwarf_haspc(ret, addr) == 1)
			return true;
	return false;
}

static void put(struct source_line *line, const char *function, const char *file,
		unsigned int number, bool inlined)
{
	*line = (struct source_line){.line = number, .inlined = inlined};
	while (file && strncmp(file, "./", 2) == 0)
		file += 2;
	snprintf(line->function, sizeof(line->function), "%s", function ? function : "");
	snprintf(line->file, sizeof(line->file), "%s", file ? file : "");
}

/* A path that a file's own text gives may go on and on: what is shown begins where the source's tree does. */
static const char *file_of_line(Dwarf_Die *unit, uint64_t addr, unsigned int *ret_line)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, addr);
	int number = 0;

	*ret_line = 0;
	if (!line)
		return NULL;
	if (!dwarf_lineno(line, &number) && number > 0)
		*ret_line = (unsigned int)number;
	return dwarf_linesrc(line, NULL, NULL);
}

static uint64_t number_of(Dwarf_Die *die, unsigned int attribute)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, attribute, &attr) || dwarf_formudata(&attr, &value))
		return 0;
	return value;
}

/* Where an inlined function was called: that is the line of the next one outwards. */
static const char *file_of_call(Dwarf_Die *unit, Dwarf_Die *call, unsigned int *ret_line)
{
	Dwarf_Files *files;
	size_t n;

	*ret_line = (unsigned int)number_of(call, DW_AT_call_line);
	if (dwarf_getsrcfiles(unit, &files, &n))
		return NULL;
	return dwarf_filesrc(files, number_of(call, DW_AT_call_file), NULL, NULL);
}

size_t lines_at(Dwarf *dwarf, uint64_t addr, struct source_line *ret, size_t max)
{
	Dwarf_Die unit, *scopes = NULL, *chain = NULL;
	int n_scopes, n_chain = 0;
	unsigned int line;
	const char *file;
	size_t n = 0;

	if (!max || !find_unit(dwarf, addr, &unit))
		return 0;
	file = file_of_line(&unit, addr, &line);
	n_scopes = dwarf_getscopes(&unit, addr, &scopes);
	/* behind an inlined function that list goes on with where it was defined: ask for those that contain the innermost */
	if (n_scopes > 0)
		n_chain = dwarf_getscopes_die(&scopes[0], &chain);
	for (int i = 0; i < n_chain && n < max; i++) {
		int tag = dwarf_tag(&chain[i]);

		if (tag == DW_TAG_inlined_subroutine) {
			put(&ret[n++], dwarf_diename(&chain[i]), file, line, true);
			file = file_of_call(&unit, &chain[i], &line);
		} else if (tag == DW_TAG_subprogram) {
			put(&ret[n++], dwarf_diename(&chain[i]), file, line, false);
			break;
		}
	}
	/* assembly has lines, but no functions */
	if (!n && file)
		put(&ret[n++], NULL, file, line, false);
	free(scopes);
	free(chain);
	return n;
}
