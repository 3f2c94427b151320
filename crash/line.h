/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of a kernel log, without what those who kept it have put in front.
 *
 * Facts: kernel/printk/printk.c print_prefix() and info_print_ext_header() (v6.12): "<6>", "[    1.234567]", "[   T12]" or
 * "[    C3]", "[    1.2][   T12]"; "6,339,5140900,-,caller=T1;text" of /dev/kmsg and, with the release in front of it, of extended
 * netconsole. fs/pstore/platform.c pstore_dump(): "Panic#1 Part1". dmesg(1): --ctime, --time-format iso, --decode. journalctl(1): "Nov 22
 * 15:06:54 host kernel: ", and the forms short-iso, short-precise, short-monotonic.
 */
#ifndef CRASH_LINE_H
#define CRASH_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_TEXT 1536 /* a record of printk has 1 KiB at most, with its prefix: LOG_LINE_MAX */

struct line {
	uint64_t ns;     /* time stamp since the boot; 0: none */
	uint32_t caller; /* as in printk_info.caller_id: bit 31 is for a CPU; 0: not known */
	size_t len;
	char text[LINE_TEXT]; /* printable ASCII, cut if longer; neither end has a blank */
};

/*
 * A foreign byte becomes '?', and so does "\xNN", which is what dmesg(1) makes of one: so a text and the ring it was made of give the same
 * line. Escape sequences of a terminal are left out.
 */
void line_parse(const char *raw, size_t len, struct line *ret);

/* Text that has no prefix. */
void line_clean(const char *raw, size_t len, struct line *ret);

/* A header of pstore's: "Panic#2 Part3". Numbers that are too large are none. */
bool line_is_pstore(const char *text, unsigned int *ret_count, unsigned int *ret_part);

/* ---- taking texts apart; each may be handed any text that ends with a NUL */

/* Behind `start`, if the text begins with it; else NULL. */
const char *line_after(const char *text, const char *start);

/* Hexadecimal digits at `text`, at most 16 of them, with or without "0x". NULL: there are none; else what follows. */
const char *line_hex(const char *text, uint64_t *ret);

/* Decimal digits; at most 18. */
const char *line_decimal(const char *text, uint64_t *ret);

#endif
