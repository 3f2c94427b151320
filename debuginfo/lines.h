/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What DWARF says of an address. */
#ifndef DEBUGINFO_LINES_H
#define DEBUGINFO_LINES_H

#include <elfutils/libdw.h>

#include "debuginfo/debuginfo.h"

/* Like debuginfo_lines(), for one file and an address as it is there. */
size_t lines_at(Dwarf *dwarf, uint64_t addr, struct source_line *ret, size_t max);

#endif
