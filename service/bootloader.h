/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crashkernel= on the command line of the next boot: in GRUB's defaults (/etc/default/grub.d/lifeboat.cfg, then update-grub or
 * grub-mkconfig), in the entries of the Boot Loader Specification (/boot/loader/entries, /efi, /boot/efi), in
 * /etc/kernel/cmdline for the entries to come. Each change is shown as a diff before it is made, made by rename, and can be
 * undone: what there was is kept in /var/lib/lifeboat/bootloader/N/, one folder for each apply, with journal.json.
 *
 * GRUB's file of ours, read after most others, takes crashkernel= out of what those have said and adds ours: files of the
 * distribution and of other packages stay as they are, and may be replaced by an upgrade. Only where GRUB does not read
 * such files, or for those that are read after it, theirs are edited.
 */
#ifndef SERVICE_BOOTLOADER_H
#define SERVICE_BOOTLOADER_H

#include "service/service.h"

struct bootloader_change {
	char *path;       /* below the root */
	char *was, *will; /* contents; NULL: no such file */
	char *diff;       /* unified */
	bool written;     /* by bootloader_apply() */
};

struct bootloader_plan {
	struct bootloader_change *v;
	size_t n;
	/* NULL-terminated, each to be run afterwards: "update-grub"; also without a change, where the last apply did not get to it */
	char **commands;
	size_t n_run;      /* of them, by bootloader_apply() */
	char loaders[128]; /* what was found: "GRUB", "systemd-boot" … */
	char words[256];   /* as they will be on the command line; "" for none */
	/* of bootloader_undo(): which apply it takes back, from 1, and how many of its files were left alone */
	unsigned int undo;
	size_t left;
};

/*
 * What has to change so that the next boot has `crashkernel` (a value, "128M"; several, "256M,high" and "128M,low", by
 * blanks; "" takes it out). Everything else on the lines stays. Nothing found: ERR_NOT_FOUND saying where was looked, and
 * what to do by hand. No change needed: an empty plan. A system of ostree is ERR_UNSUPPORTED.
 */
int bootloader_plan(const struct service *s, const char *crashkernel, struct bootloader_plan *ret,
		    struct err *err) _must_check_;

/*
 * Make the changes and run the commands; keeps what was. A file that is not any more what was planned for is ERR_STALE, and
 * nothing is written. What fails in the middle can be taken back by bootloader_undo(); the plan says how far it got. Below a recorded root no command is
 * run; which ones should be is told.
 */
int bootloader_apply(const struct service *s, struct bootloader_plan *plan,
		     struct err *err) _must_check_;

/*
 * The plan that takes the last apply back; a file that was changed since is named and left alone. Nothing to take back is
 * ERR_NOT_FOUND. Once applied, the apply before that is the last one.
 */
int bootloader_undo(const struct service *s, struct bootloader_plan *ret,
		    struct err *err) _must_check_;

/* Did the last apply break off before all of its commands had been run? Then a plan has them again. */
bool bootloader_unfinished(const struct service *s);

void bootloader_deinit(struct bootloader_plan *plan);

#endif
