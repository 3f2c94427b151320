/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the files of a crash go. A target is tried in steps, each of which may block and runs in a child of its own: what
 * one step leaves for the next is in its place, in shared memory, and in what the kernel holds (a mount).
 *
 *   find → attach → begin → create … commit (per file) → seal → detach
 *
 * A new kind of target is a struct target_ops, named in target_ops_of().
 */
#ifndef CAPTURE_TARGET_H
#define CAPTURE_TARGET_H

#include <limits.h>

#include "base/out.h"
#include "base/root.h"
#include "base/sys.h"
#include "storage/device.h"
#include "capture/recipe.h"

/* The files of a crash, in the order in which they are written. */
enum crash_file {
	CRASH_LOG,      /* dmesg.txt */
	CRASH_RECORD,   /* crash.json */
	CRASH_DUMP,     /* vmcore */
	CRASH_MANIFEST, /* SHA256SUMS */
	CRASH_FILES,
};

const char *crash_file_name(enum crash_file file);

/* What is known of a target so far; of zeros to begin with. */
struct target_place {
	char device[DEVICE_PATH_MAX]; /* its node, "" before it is found, or a share's tag */
	char folder
		[PATH_MAX]; /* of this crash as mounted here; "" before begin, and always for raw */
	char name
		[64]; /* of this crash on the target, for people: the folder's name, or "entry 2" */
	uint64_t entry; /* raw: offset of the entry */
	uint64_t end;   /* raw: where it may grow to */
};

struct target {
	const struct recipe_target *recipe;
	const struct target_ops *ops;
	struct target_place *place;
	const struct sys *sys;
	const struct root *root; /* where /sys/class/block and /dev are */
	const char *mountpoint;  /* for file systems; made if it is missing */
};

struct target_ops {
	/* Wait for its device; sets place->device. Waits for ever: the step's deadline ends it. */
	int (*find)(struct target *t, struct err *err);
	/* Make it usable: mount it, or look at the partition. The error says what was expected there. */
	int (*attach)(struct target *t, struct err *err);
	/*
	 * Make room for one crash, durably: a folder YYYY-MM-DDTHH-MM-SSZ, mode 0700 (parents 0755; "-2", "-3" …
	 * behind it if the name is taken), or a new entry. Sets place->folder or ->entry, and ->name.
	 */
	int (*begin)(struct target *t, uint64_t crash_time, struct err *err);
	/* An out for one of its files; committed before means replaced. Mode 0600. */
	int (*create)(struct target *t, enum crash_file file, struct out **ret, struct err *err);
	/*
	 * Read a committed file back: a descriptor (the caller closes it), where it begins and its length.
	 * ERR_NOT_FOUND if it was not committed.
	 */
	int (*open)(struct target *t, enum crash_file file, int *ret_fd, uint64_t *ret_offset,
		    uint64_t *ret_len, struct err *err);
	/* Bytes that this crash's files may still take, without what should stay free of a file system. */
	int (*space)(struct target *t, uint64_t *ret, struct err *err);
	/* Nothing more comes; `whole`: the dump is safe. For a raw partition this is when its entry counts. */
	int (*seal)(struct target *t, bool whole, struct err *err);
	/* Flush and give it up; also after a failed step. */
	int (*detach)(struct target *t, struct err *err);
};

const struct target_ops *target_ops_of(enum target_kind kind);
extern const struct target_ops target_fs_ops; /* TARGET_FS and TARGET_SHARE */
extern const struct target_ops target_raw_ops;

/* Write a small file whole, through create. */
int target_put(struct target *t, enum crash_file file, const void *data, size_t len,
	       struct err *err) _must_check_;

/*
 * Blocks for the last record, taken before the dump fills the disk and given back after it. Taking
 * them may fail quietly: then the record fights for space like anything else. Of file systems only.
 */
void target_reserve(struct target *t);
void target_release_reserve(struct target *t);

/*
 * Make durable what a process left of a file that was killed while it wrote it; it stays under its incomplete name. Of
 * file systems only: elsewhere nobody knows how far it came, which is ERR_UNSUPPORTED.
 */
int target_keep_rest(struct target *t, enum crash_file file, struct err *err) _must_check_;

/* "ext4 UUID=… /var/crash", "raw PARTUUID=…", "virtiofs crashes /": for people and the record. */
void target_describe(const struct recipe_target *t, char *buf, size_t size);

/*
 * "YYYY-MM-DDTHH-MM-SSZ", the name of a crash's folder; ':' is not allowed on every file system.
 * "unknown-time" beyond the year 9999.
 */
void target_folder_name(uint64_t seconds, char ret[32]);

#endif
