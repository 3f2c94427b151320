/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan of what the boot loader's files will be: what is found goes into it, one subject after the other. */
#ifndef SERVICE_BOOTPLAN_H
#define SERVICE_BOOTPLAN_H

#include "service/bootloader.h"

#define BOOTPLAN_MAX     4096 /* changes: a folder may be of hostile size */
#define BOOTPLAN_CMDLINE "/etc/kernel/cmdline"

struct bootplan {
	const struct service *s;
	struct bootloader_plan *plan; /* with the words */
	bool entries;                 /* entries with a `linux` were found */
	bool warned;                  /* of $kernelopts */
	char uki[512];                /* a unified kernel image; "" */
};

/* ---- what goes into a plan */

/* A boot loader that was found, once. */
void bootplan_name_loader(struct bootloader_plan *plan, const char *name);

/* A command to be run afterwards, once. */
int bootplan_add_command(struct bootloader_plan *plan, const char *command,
			 struct err *err) _must_check_;

/* Takes both texts, which are malloc'ed or NULL, also if it fails. What is equal is no change. */
int bootplan_add_change(struct bootloader_plan *plan, const char *path, char *was, char *will,
			struct err *err) _must_check_;

/* Is there something in front of this end of a name? No matter whether in capitals: it may be on a FAT. */
bool bootplan_ends(const char *name, const char *with);

/* ---- subjects, in the order in which they have to be looked at; each finds out whether there is any of it */

/* The entries and the unified images of a partition: "/boot", "/efi" … */
int bootplan_entries(struct bootplan *f, const char *partition, struct err *err) _must_check_;
int bootplan_find_uki(struct bootplan *f, const char *partition, struct err *err) _must_check_;

int bootplan_grub(const struct bootplan *f, struct err *err) _must_check_;

/*
 * Where other kernels are installed as well, an image is only told of; the one that is running is not passed over:
 * ERR_UNSUPPORTED, with what to do.
 */
int bootplan_judge_uki(const struct bootplan *f, struct err *err) _must_check_;

/* BOOTPLAN_CMDLINE, for entries to come. */
int bootplan_cmdline(const struct bootplan *f, struct err *err) _must_check_;

#endif
