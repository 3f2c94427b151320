/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sections of a PE file (Portable Executable, Microsoft's PE/COFF specification), as far as a unified kernel
 * image needs them: MZ header, COFF header, section table. PE32 too, because a 32-bit EFI stub may carry a 64-bit
 * kernel. The file is hostile.
 *
 * Several sections may have one name. A file with sections named ".profile" has profiles: what stands
 * before the first of them is the base, what follows it profile 0, and so on. A section of the profile that is
 * started replaces one of the base, and profile 0 is started where none is named (UAPI.5 Unified Kernel Image,
 * "Multi-Profile UKIs"). Within the base or a profile the first of a name counts, as in systemd-stub
 * (src/boot/pe.c, pe_locate_sections_internal(), commit 32275253272f).
 */
#ifndef FORMAT_PE_H
#define FORMAT_PE_H

#include "base/bytes.h"
#include "base/err.h"

struct pe {
	struct bytes file; /* borrowed */
	uint64_t table;    /* offset of the section table, which lies inside the file */
	uint32_t sections;
	uint64_t cert_size; /* bytes of the certificate table: 0 without a signature */
};

/* Not a PE file: ERR_UNSUPPORTED; one whose headers leave the file: ERR_CORRUPT naming field and value. */
int pe_init(struct bytes file, struct pe *ret, struct err *err) _must_check_;

/*
 * The data of the section `name` (at most 8 characters) in profile 0, else in the base; *ret_found says whether
 * there is one, if not *ret is empty. Its length is VirtualSize, or SizeOfRawData if that is smaller: the latter is
 * rounded up to the file's alignment, the former may count zeros that are not in the file. Data that leaves the file
 * or begins in its headers: ERR_CORRUPT naming section, value and where it stands.
 */
int pe_section(const struct pe *pe, const char *name, bool *ret_found, struct bytes *ret,
	       struct err *err) _must_check_;

#endif
