// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/pe.h"

#include <inttypes.h>

#include "base/num.h"

/* Offsets from the file's beginning, the COFF header and a section's entry. */
enum {
	DOS_LFANEW = 0x3c,
	DOS_SIZE = 64,
	COFF_SECTIONS = 2,
	COFF_OPTIONAL_SIZE = 16,
	COFF_SIZE = 20,
	SEC_VIRTUAL_SIZE = 8,
	SEC_RAW_SIZE = 16,
	SEC_RAW_OFFSET = 20,
	SEC_SIZE = 40,
	NAME_SIZE = 8,
	/* in the optional header of PE32+: the data directory, 8 bytes an entry, of which this one is a file offset */
	OPT_DIRECTORIES = 108,
	OPT_CERTIFICATES = 112 + 4 * 8,
};

#define PE_SIGNATURE  0x00004550 /* "PE\0\0" */
#define MAGIC_PE32    0x10b
#define MAGIC_PE32_64 0x20b

/* Where the COFF header is. */
static int find_coff(struct bytes file, uint64_t *ret, struct err *err)
{
	uint32_t lfanew, signature;

	if (!bytes_has(file, 0, DOS_SIZE) || file.data[0] != 'M' || file.data[1] != 'Z')
		return err_set(err, ERR_UNSUPPORTED, "not a PE file: no MZ header");
	if (!bytes_le32(file, DOS_LFANEW, &lfanew) ||
	    !bytes_has(file, lfanew, sizeof(signature) + COFF_SIZE))
		return err_set(err, ERR_CORRUPT,
			       "e_lfanew 0x%" PRIx32 " at 0x%x: no PE header fits there, the file "
			       "has %zu bytes",
			       lfanew, DOS_LFANEW, file.len);
	if (!bytes_le32(file, lfanew, &signature) || signature != PE_SIGNATURE)
		return err_set(err, ERR_UNSUPPORTED,
			       "not a PE file: 0x%08" PRIx32 " at 0x%" PRIx32
			       " is not its signature",
			       signature, lfanew);
	*ret = (uint64_t)lfanew + sizeof(signature);
	return 0;
}

/* The attribute certificate table that a signature is in; 0 also for one that leaves the file. */
static uint64_t cert_size(struct bytes file, uint64_t optional, uint16_t optional_size,
			  uint16_t magic)
{
	uint32_t n, offset, size;

	if (magic != MAGIC_PE32_64 || optional_size < OPT_CERTIFICATES + 8 ||
	    !bytes_le32(file, optional + OPT_DIRECTORIES, &n) || n < 5 ||
	    !bytes_le32(file, optional + OPT_CERTIFICATES, &offset) ||
	    !bytes_le32(file, optional + OPT_CERTIFICATES + 4, &size))
		return 0;
	return bytes_has(file, offset, size) ? size : 0;
}

int pe_init(struct bytes file, struct pe *ret, struct err *err)
{
	uint16_t sections = 0, optional_size = 0, magic = 0;
	uint64_t coff = 0, optional, table;
	int r = find_coff(file, &coff, err);

	if (r)
		return r;
	optional = coff + COFF_SIZE;
	if (!bytes_le16(file, coff + COFF_SECTIONS, &sections) ||
	    !bytes_le16(file, coff + COFF_OPTIONAL_SIZE, &optional_size) ||
	    optional_size < sizeof(magic) || !bytes_le16(file, optional, &magic))
		return err_set(err, ERR_CORRUPT,
			       "PE header at 0x%" PRIx64 ": optional header of %u bytes, the file "
			       "has %zu",
			       coff, optional_size, file.len);
	if (magic != MAGIC_PE32 && magic != MAGIC_PE32_64)
		return err_set(err, ERR_UNSUPPORTED,
			       "PE header: optional header of kind 0x%04x at 0x%" PRIx64, magic,
			       optional);
	table = optional + optional_size;
	if (!bytes_has(file, table, (uint64_t)sections * SEC_SIZE))
		return err_set(err, ERR_CORRUPT,
			       "PE section table: %u sections from 0x%" PRIx64
			       " on do not fit into the file of %zu bytes",
			       sections, table, file.len);
	*ret = (struct pe){file, table, sections, cert_size(file, optional, optional_size, magic)};
	return 0;
}

/* Names of 8 characters have no NUL. */
static bool is_named(const struct pe *pe, uint32_t i, const char *name)
{
	const char *entry = (const char *)pe->file.data + pe->table + (uint64_t)i * SEC_SIZE;

	return strnlen(entry, NAME_SIZE) == strlen(name) && memcmp(entry, name, strlen(name)) == 0;
}

/* The section's entry: its number, or pe->sections if there is none. */
static uint32_t find(const struct pe *pe, const char *name)
{
	uint32_t found = pe->sections, profiles = 0;

	for (uint32_t i = 0; i < pe->sections; i++) {
		/* a profile begins with the section that says so */
		profiles += is_named(pe, i, ".profile");
		if (profiles == 2)
			break;
		if (!is_named(pe, i, name))
			continue;
		if (profiles == 1)
			return i;
		if (found == pe->sections)
			found = i;
	}
	return found;
}

int pe_section(const struct pe *pe, const char *name, bool *ret_found, struct bytes *ret,
	       struct err *err)
{
	uint32_t i = find(pe, name), virtual_size = 0, raw_size = 0, offset = 0, len;
	uint64_t entry = pe->table + (uint64_t)i * SEC_SIZE;
	struct bytes data = {NULL, 0};

	if (i == pe->sections) {
		*ret_found = false;
		*ret = data;
		return 0;
	}
	if (!bytes_le32(pe->file, entry + SEC_VIRTUAL_SIZE, &virtual_size) ||
	    !bytes_le32(pe->file, entry + SEC_RAW_SIZE, &raw_size) ||
	    !bytes_le32(pe->file, entry + SEC_RAW_OFFSET, &offset))
		return err_set(err, ERR_CORRUPT, "section %s: its entry is cut off", name);
	len = NUM_MIN(virtual_size, raw_size);
	/* an empty section has no data to be anywhere */
	if (len && offset < pe->table + (uint64_t)pe->sections * SEC_SIZE)
		return err_set(err, ERR_CORRUPT,
			       "section %s (entry %" PRIu32 " at 0x%" PRIx64
			       "): its data begins at 0x%" PRIx32 ", in the headers",
			       name, i, entry, offset);
	if (len && !bytes_sub(pe->file, offset, len, &data))
		return err_set(err, ERR_CORRUPT,
			       "section %s (entry %" PRIu32 " at 0x%" PRIx64 "): %" PRIu32
			       " bytes at 0x%" PRIx32 " end behind the file's %zu; it is cut off",
			       name, i, entry, len, offset, pe->file.len);
	*ret_found = true;
	*ret = data;
	return 0;
}
