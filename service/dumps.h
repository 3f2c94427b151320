/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The crashes that lie in the configuration's local folders, read from their crash.json, newest first. All texts may hold
 * anything: text_plain() is for what a person sees.
 */
#ifndef SERVICE_DUMPS_H
#define SERVICE_DUMPS_H

#include <limits.h>

#include "capture/retain.h"
#include "service/crashfile.h"
#include "service/service.h"

#define DUMPS_MAX         16384 /* of one folder; what is more is told as a warning */
#define DUMPS_MAX_FOREIGN 1024  /* of them, others': nobody can hide ours by making up many */

struct dumps_entry {
	char name[256];        /* folder's name */
	char folder[PATH_MAX]; /* absolute, below the root */
	bool opened; /* else this user may not look into the folder, and only its name is known */
	bool record_read; /* else the following is what the folder itself shows */
	char record_error[256];
	/*
	 * Its owner is neither this process, nor root, nor that of the folder it lies in: in a folder where everybody may write
	 * somebody may have made it up.
	 */
	bool foreign;
	uint64_t
		time; /* of the crash, seconds since 1970; by the name if the record does not say; 0 not known */
	uint64_t number; /* of several that have a name of the same second, from 1 */
	uint64_t made; /* when its record was written, or the folder changed, seconds since 1970 */
	char result[32];           /* capture.result; "in-progress" if it was cut off; "?" */
	char panic[256];           /* headline */
	char cls[32];              /* crash.class; "" not known, as the next two */
	char signature[65];        /* signature.func */
	char signature_title[256]; /* "null-deref in ext4:ext4_iget" */
	char release[128];         /* of the crashed kernel */
	char capture_release[128]; /* of the capture kernel */
	/*
	 * Their files, in whatever form they were written: "vmcore", "vmcore.flat", "vmcore.flat.age" (encrypted), a part of one of them,
	 * or what there is of it, "vmcore.incomplete"; "" if there is none.
	 */
	char dump[64];
	char log[64];
	bool dump_whole; /* it is there under a final name */
	bool dump_encrypted, log_encrypted;
	unsigned int dump_parts; /* that `dump` is the first of; 0: it is no part */
	uint64_t bytes;          /* of all its files */
	uint64_t dump_bytes;
	bool pinned;
	bool waits;              /* to be sent: this is all that there is of it */
	char send_to[512];       /* the target that it was spooled for; "" it never was */
	char sent_to[512];       /* the one that has it now; "" not sent */
	char sent_name[64];      /* how it is called there */
	uint64_t sent_time;      /* seconds since 1970 */
	bool sent_verified;      /* it was read back there, and the dump here may be gone */
	bool sent_dump;          /* with a whole dump */
	uint64_t reserved, peak; /* of the capture kernel's memory, bytes; 0 not known */
};

/* Is there a whole dump of it, here or where it was sent to? */
bool dumps_has_whole(const struct dumps_entry *entry);

/* By its folder and the one that lies in: see dumps_entry.foreign. */
struct stat;
bool dumps_is_foreign(const struct stat *crash, const struct stat *folder);

/*
 * All crashes of `folder`; NULL: of every folder that the configuration names and that can be reached in the running system
 * (service/places.h tells of the others). Hostile files make entries with record_error, never a failure. A folder that is
 * not there, or is none, is an error only if it was given. *ret is malloc'ed.
 */
int dumps_read(const struct service *s, const struct config *config, const char *folder,
	       struct dumps_entry **ret, size_t *ret_n, struct err *err) _must_check_;

/*
 * The one that a person means: a folder's path, "latest" (NULL, too), or a name; of several folders with that name in
 * different places the first. ERR_NOT_FOUND names the folders that were looked at.
 */
int dumps_find(const struct service *s, const struct config *config, const char *which,
	       struct dumps_entry *ret, struct err *err) _must_check_;

/* One of its files. */
struct dumps_file {
	char name[256];
	uint64_t bytes;
	bool plain; /* a regular file; else a folder, a link … */
};

#define DUMPS_MAX_FILES 4096

/* Its files by name; *ret is malloc'ed. */
int dumps_files(const struct service *s, const struct dumps_entry *entry, struct dumps_file **ret,
		size_t *ret_n, struct err *err) _must_check_;

/* Its record, for all that an entry does not have; its error is entry->record_error. */
int dumps_record(const struct service *s, const struct dumps_entry *entry, struct crashfile **ret,
		 struct err *err) _must_check_;

/*
 * The last lines of its log, at most 16 KiB; malloc'ed, may hold anything but NUL. ERR_NOT_FOUND: there is none; ERR_UNSUPPORTED:
 * it is encrypted.
 */
int dumps_log_tail(const struct service *s, const struct dumps_entry *entry, unsigned int lines,
		   char **ret, struct err *err) _must_check_;

/*
 * Apply retention (capture/retain.h) in a folder: its newest crash, whole or not, stays, and so does what that header says. Crashes
 * of another owner than the newest one's are not touched.
 */
int dumps_prune(const struct service *s, const char *folder, const struct recipe_retention *rules,
		bool dry, retain_fn tell, void *ctx, struct retain_stats *ret,
		struct err *err) _must_check_;

#endif
