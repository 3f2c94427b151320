/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the files of a crash go. A target is tried in steps, each of which may block and runs in a child of its own: what
 * one step leaves for the next is in its place, in shared memory, and in what the kernel holds (a mount).
 *
 *   network → find → attach → begin → create … commit (per file) → seal → detach
 *
 * A target takes files in one of two ways: to be written at any offset (a disk), or in order (a stream to somebody else). What is
 * encrypted is written in order, too, wherever it goes. A dump that is written in order is a flattened one (format/flat.h). Whoever writes a file uses
 * target_create(), which puts the layers in between.
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

/*
 * Behind a name when what bears it is one of several parts (send/job.h): `cat NAME.part-*` is the file.
 */
#define CRASH_FILE_PART ".part-"

/* What is known of a target so far; of zeros to begin with. */
struct target_place {
	char device[DEVICE_PATH_MAX]; /* its node, "" before it is found, or a share's tag */
	char folder
		[PATH_MAX]; /* of this crash as mounted here; "" before begin, and always for raw */
	char name
		[64]; /* of this crash on the target, for people: the folder's name, or "entry 2" */
	uint64_t entry;           /* raw: offset of the entry */
	uint64_t end;             /* raw: where it may grow to */
	char server[NET_IP_TEXT]; /* remote: the one that answered */
	unsigned int
		made; /* ssh, sftp: folders that begin made to have its parent: remove takes them away */
	/* What each file is called there, as target_file_name() chose it, or as the far end made of it; "" not written. */
	char files[CRASH_FILES][32];
	/* Of what was sent, for files that were written in order to a remote target and committed. */
	uint8_t sent[CRASH_FILES][32];
	uint64_t sent_bytes[CRASH_FILES];
	bool was_sent[CRASH_FILES];
	/* And the far end has read it back and found the same, or checked it against its digest as it came. */
	bool proven[CRASH_FILES];
};

struct target {
	const struct recipe_target *recipe;
	const struct recipe *all; /* that it is a part of: network, layers, recipients */
	const struct target_ops *ops;
	struct target_place *place;
	const struct sys *sys;
	const struct root *root; /* where /sys/class/block and /dev are */
	const char *mountpoint;  /* for file systems; made if it is missing */
	/*
	 * The machine is healthy (a probe, or sending after the next boot): its network and its layers are up and are left as
	 * they are.
	 */
	bool healthy;
	/*
	 * In shared memory, may be NULL: a far end that is busy with what it was given, while nothing is written to it, counts
	 * this up as it gets on.
	 */
	uint64_t *progress;
	/* Of its ops, in this process alone: a connection that is kept for the next of them; detach gives it up. */
	void *session;
};

struct target_ops {
	bool sequential; /* its outs take bytes in order only */
	/*
	 * Bring up the way to it and wait until the server answers; sets place->server. Waits for ever: the step's deadline ends it.
	 * NULL: there is no such way.
	 */
	int (*network)(struct target *t, struct err *err);
	/* Make its layers and wait for its device; sets place->device. Waits for ever. */
	int (*find)(struct target *t, struct err *err);
	/* Make it usable: mount it, look at the partition, log in. The error says what was expected there. */
	int (*attach)(struct target *t, struct err *err);
	/*
	 * Make room for one crash, durably: a folder YYYY-MM-DDTHH-MM-SSZ, mode 0700 (parents 0755; "-2", "-3" …
	 * behind it if the name is taken), or a new entry. Sets place->folder or ->entry, and ->name. What cannot be
	 * asked whether a name is taken (a plain web server) gets one that nobody else has.
	 */
	int (*begin)(struct target *t, uint64_t crash_time, struct err *err);
	/*
	 * An out for one of its files under that name; committed before means replaced. Mode 0600. Until it is committed
	 * it is NAME.incomplete there, or nothing.
	 */
	int (*create)(struct target *t, enum crash_file file, const char *name, struct out **ret,
		      struct err *err);
	/*
	 * SHA-256 of a committed file as it lies there, read back by whoever can; ERR_NOT_FOUND if it was not committed.
	 * Where only the server could read it and cannot be asked: ERR_UNSUPPORTED. What differs from place->sent is
	 * ERR_CORRUPT.
	 */
	int (*digest)(struct target *t, enum crash_file file, uint8_t ret[32], struct err *err);
	/*
	 * The same file to read: a descriptor (the caller closes it), where it begins and its length. NULL for remote ones.
	 */
	int (*open)(struct target *t, enum crash_file file, int *ret_fd, uint64_t *ret_offset,
		    uint64_t *ret_len, struct err *err);
	/* Bytes that this crash's files may still take; UINT64_MAX: nobody knows. */
	int (*space)(struct target *t, uint64_t *ret, struct err *err);
	/*
	 * A file whose writer was killed: keep what there is of it as NAME.incomplete, durably. ERR_UNSUPPORTED where nobody
	 * knows how far it came.
	 */
	int (*keep_rest)(struct target *t, enum crash_file file, struct err *err);
	/*
	 * Take away again all that there is of this crash, folders that begin made too: for a probe. NULL where the probe
	 * has a way of its own (a mounted file system, a raw partition).
	 */
	int (*remove)(struct target *t, struct err *err);
	/* Nothing more comes; `whole`: the dump is safe. For a raw partition this is when its entry counts. */
	int (*seal)(struct target *t, bool whole, struct err *err);
	/* Flush and give it up, its layers too; also after a failed step. */
	int (*detach)(struct target *t, struct err *err);
};

const struct target_ops *target_ops_of(enum target_kind kind);
extern const struct target_ops target_fs_ops;  /* TARGET_FS and TARGET_SHARE */
extern const struct target_ops target_nfs_ops; /* the same with another way there */
extern const struct target_ops target_raw_ops;
extern const struct target_ops target_ssh_ops;
extern const struct target_ops target_sftp_ops;
extern const struct target_ops target_web_ops; /* TARGET_HTTPS and TARGET_S3: send/job.h */

/* What a file is called on this target: "vmcore", "vmcore.flat", "vmcore.flat.age", "dmesg.txt.age", "crash.json" … */
const char *target_file_name(const struct target *t, enum crash_file file);

/*
 * An out for one of its files, with all that lies between: flattening and encryption. It takes a dump in any order; the others
 * in order.
 */
int target_create(struct target *t, enum crash_file file, struct out **ret,
		  struct err *err) _must_check_;

/* Put encryption to the recipe's recipients before an out, which is taken over unless it fails. */
int target_encrypt(const struct target *t, struct out **out, struct err *err) _must_check_;

/* Write a small file whole, through create. */
int target_put(struct target *t, enum crash_file file, const void *data, size_t len,
	       struct err *err) _must_check_;

/*
 * Blocks for the last record, taken before the dump fills the disk and given back after it. Taking
 * them may fail quietly: then the record fights for space like anything else. Of file systems only.
 */
void target_reserve(struct target *t);
void target_release_reserve(struct target *t);

/* The digest op of targets whose files can be opened. */
int target_digest_open(struct target *t, enum crash_file file, uint8_t ret[32],
		       struct err *err) _must_check_;

/*
 * For targets on a block device that is made of others (recipe_target.needs): the network op, what find does there, and what
 * detach does last. All do nothing for one without layers, and only look on a healthy machine.
 */
int target_network_of_layer(struct target *t, struct err *err);
int target_find_layer(struct target *t, struct err *err) _must_check_;
int target_release_layer(struct target *t, struct err *err) _must_check_;

/* The network op of remote targets: the link and then the server; sets place->server. */
int target_network_remote(struct target *t, struct err *err);

/* All names that it may have, the plain one first and some of them twice; NULL behind the last. */
const char *crash_file_any_name(enum crash_file file, size_t i);

/* Which file a name is of ("vmcore.flat.age" is CRASH_DUMP); false: of none. */
bool crash_file_of_name(const char *name, enum crash_file *ret);

/* "ext4 UUID=… /var/crash", "raw PARTUUID=…", "virtiofs crashes /": for people and the record. */
void target_describe(const struct recipe_target *t, char *buf, size_t size);

/*
 * "YYYY-MM-DDTHH-MM-SSZ", the name of a crash's folder; ':' is not allowed on every file system.
 * "unknown-time" beyond the year 9999.
 */
void target_folder_name(uint64_t seconds, char ret[32]);

#endif
