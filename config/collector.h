/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line behind core_collector. kdump starts that program; here it only says what the dump shall be like.
 *
 * makedumpfile: -d LEVEL[,LEVEL…], -c, -l, -p, -z, --compress CODEC, -E and --num-threads N, as makedumpfile(8) has them
 * (without -d level 0, without a codec uncompressed). What changes how the program works, not what it writes, is taken
 * and noted: -F (kdump, too, decides that by the target), --message-level, -D, -f, --show-stats, --non-mmap. The rest of
 * makedumpfile's options is refused by name.
 *
 * cp, dd and cat copy everything: ELF, level 0. Of their options --sparse=… (cp) and bs= (dd) are known, without effect.
 *
 * Words are separated by blanks; in '…' and "…" a blank is a character like others.
 */
#ifndef CONFIG_COLLECTOR_H
#define CONFIG_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/recipe.h"

struct collector {
	char levels[96]; /* as in a recipe's text: "1,31" */
	enum codec codec;
	bool elf;
	uint64_t threads;  /* 0: not said */
	char ignored[192]; /* "-F, --message-level": what is without effect; "" */
};

/*
 * ERR_USAGE: no such program or option, a bad value; ERR_UNSUPPORTED: one that is known and refused. Both name what
 * there is, or what to write.
 */
int collector_parse(const char *command, struct collector *ret, struct err *err) _must_check_;

/*
 * The words of a text, quotes taken off, NULL-terminated; one allocation, to be freed. An open quote is ERR_USAGE.
 */
int collector_split(const char *text, char ***ret, struct err *err) _must_check_;

#endif
