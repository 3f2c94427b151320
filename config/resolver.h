/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of resolve_recipe() share. */
#ifndef CONFIG_RESOLVER_H
#define CONFIG_RESOLVER_H

#include "storage/device.h"
#include "config/chain.h"
#include "config/config.h"
#include "config/kmods.h"
#include "config/mounts.h"

struct resolver {
	const struct config *config;
	const struct root *root;
	const char *kernel; /* the capture kernel's version */
	struct mounts mounts;
	struct kmods *kmods;
	struct chain chain;
	struct recipe *recipe; /* being made */
	char **notes;          /* NULL-terminated */
	char *places
		[RECIPE_MAX_TARGETS]; /* what and where each target is, to find two that are the same */
	uint64_t memory;              /* of the machine; 0: not known */
};

/* A target to be: what is known of it before its device has been looked at. */
struct wish {
	enum target_kind kind;
	bool log_only;
	bool implied;              /* dump_to_rootfs: if it is there already, that is no error */
	const char *said;          /* where it comes from, for notes: "line 3", "path" */
	const char *device;        /* fs, raw: what device_find() takes; share: the tag */
	const char *fstype;        /* "" for raw */
	const char *path;          /* on the file system, "" for its root */
	const char *options;       /* of the configuration; NULL: as it is mounted now */
	const struct mount *mount; /* where it is mounted now; NULL: to be found out */
};

int resolver_note(struct resolver *r, struct err *err, const char *fmt, ...) _printf_(3, 4);

/*
 * Append a target, with its modules and notes. `place` tells whether it is another one's. *ret is NULL if it was implied and
 * is there already.
 */
int resolver_add_target(struct resolver *r, const struct wish *w, const char *place,
			struct recipe_target **ret, struct err *err) _must_check_;

/* Replace one of a target's strings by a copy. */
int resolver_set(char **at, const char *text, struct err *err) _must_check_;

int resolver_add_fs(struct resolver *r, const struct wish *w, struct err *err) _must_check_;
int resolver_add_raw(struct resolver *r, const struct wish *w, struct err *err) _must_check_;

/* A disk's node: what sysfs calls "cciss!c0d0" is /dev/cciss/c0d0. */
void resolver_node_of(const struct chain_disk *disk, char ret[DEVICE_PATH_MAX]);

/* Is the disk what is mounted there? */
bool resolver_is_of_disk(const struct resolver *r, const struct mount *m,
			 const struct chain_disk *disk);

#endif
