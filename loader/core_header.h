/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ELF core header that the capture kernel finds by elfcorehdr= and serves as the head of /proc/vmcore:
 * a PT_NOTE for each possible CPU, one for VMCOREINFO, a PT_LOAD for the kernel's image and one for each range of
 * RAM that is not the panic kernel's own. As crash_prepare_elf64_headers() of kernel/crash_core.c builds it, so
 * that the kernel may replace it on hotplug.
 */
#ifndef LOADER_CORE_HEADER_H
#define LOADER_CORE_HEADER_H

#include "loader/machine.h"

/*
 * *ret is malloc'ed, *ret_size its bytes. x86 leaves the first MiB out (low_excluded), which its kernel reserves
 * and the capture kernel uses (arch/x86/kernel/crash.c, elf_header_exclude_ranges()). 65535 program headers (PN_XNUM)
 * or more: ERR_UNSUPPORTED. Without crash notes, VMCOREINFO, kernel image, linear map or RAM: ERR_NOT_FOUND
 * naming the file that should have told, since a dump without them could not be read.
 */
int core_header_make(const struct machine *m, uint16_t elf_machine, uint64_t low_excluded,
		     uint8_t **ret, size_t *ret_size, struct err *err) _must_check_;

#endif
