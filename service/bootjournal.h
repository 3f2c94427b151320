/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was changed, for --undo. Before the first file is written, what all of them were is in service.lib/bootloader/N/, with
 * journal.json, which names each and has the digests of what it was and will be. So whatever interrupts an apply, for each
 * file it can be told afterwards whether it was written. At last comes `done`: until then what is made of the files, GRUB's
 * menu, may not have been. A folder without a journal does not count: it broke off before anything was written.
 */
#ifndef SERVICE_BOOTJOURNAL_H
#define SERVICE_BOOTJOURNAL_H

#include <limits.h>

#include "base/sha256.h"
#include "service/bootloader.h"

#define BOOTJOURNAL_FILE   "journal.json"
#define BOOTJOURNAL_SCHEMA "lifeboat-bootloader-1"

/* Let nobody else be at it until *ret is closed: who is already, is an error. */
int bootjournal_lock(const struct service *s, int *ret, struct err *err) _must_check_;

/* The path of the file `name` of the journal with this number, from 1; of its folder: "". */
int bootjournal_path(const struct service *s, unsigned int number, const char *name,
		     char ret[PATH_MAX], struct err *err) _must_check_;

/* The highest number of a journal; 0: there is none. */
int bootjournal_last(const struct service *s, unsigned int *ret, struct err *err) _must_check_;

/* The digest of a file's text, as the journal has it. */
void bootjournal_digest(const char *text, char ret[SHA256_TEXT]);

/* A new journal of what is about to be changed. */
int bootjournal_keep(const struct service *s, const struct bootloader_plan *plan,
		     struct err *err) _must_check_;

/* The last one is done; of an undo that breaks off not any more: what has been taken back may still be in the menu. */
int bootjournal_mark_done(const struct service *s, struct err *err) _must_check_;
void bootjournal_unmark_done(const struct service *s, unsigned int number);

/* Remove the one that was undone; if files were left alone it goes aside. */
int bootjournal_forget(const struct service *s, const struct bootloader_plan *plan,
		       struct err *err) _must_check_;

#endif
