/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crashkernel= in the texts that command lines are kept in. All words of it are taken out, and `words` ("crashkernel=128M",
 * several separated by blanks, or "") put in their place; every other byte stays, but for the blanks in front of what goes.
 * Twice is the same as once. Words are separated as in kernel/params.c, and what the kernel would find is looked for: it
 * searches the line for the text "crashkernel=" and takes the last one (kernel/crash_reserve.c, get_last_crashkernel(),
 * since 6.9; kernel/crash_core.c before), be it in the middle of another word. What cannot be edited surely is
 * ERR_UNSUPPORTED naming the line. Texts end with a NUL; *ret is malloc'ed.
 */
#ifndef SERVICE_BOOTEDIT_H
#define SERVICE_BOOTEDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define BOOTEDIT_MAX_SIZE ((size_t)256 << 10) /* of a file */

/*
 * An entry of the Boot Loader Specification (uapi-group.org/specifications/specs/boot_loader_specification, type #1):
 * all its `options` lines; the words go to the end of the last one, or in front of "--".
 */
int bootedit_entry(const char *text, const char *words, char **ret, struct err *err) _must_check_;

/* The value of a key of such an entry, "linux" or "efi": where it begins and its length; NULL: it has none. */
const char *bootedit_entry_value(const char *text, const char *key, size_t *ret_len);

/* /etc/kernel/cmdline (kernel-install(8)): the words go to the last line that is no comment. */
int bootedit_cmdline(const char *text, const char *words, char **ret, struct err *err) _must_check_;

/*
 * /etc/default/grub, which is shell: only assignments whose end is certain are understood. Words go out of
 * GRUB_CMDLINE_LINUX and GRUB_CMDLINE_LINUX_DEFAULT, and into the last assignment of `var`, one of them, or into a new line.
 * Those of the other GRUB_CMDLINE_… (Xen's, which are about another kernel) stay.
 */
int bootedit_grub(const char *text, const char *var, const char *words, char **ret,
		  struct err *err) _must_check_;

/* Is "crashkernel=" in a line that is no comment? */
bool bootedit_mentions(const char *text);

/*
 * Does a file of GRUB's defaults set `var` without what it was before, so that what files before it have added is gone?
 * The number of the line, or 0. A line that is not understood but has the name in it counts.
 */
size_t bootedit_grub_discards(const char *text, const char *var);

#endif
