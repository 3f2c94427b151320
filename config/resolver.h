/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of resolve_recipe() share. */
#ifndef CONFIG_RESOLVER_H
#define CONFIG_RESOLVER_H

#include "storage/device.h"
#include "config/chain.h"
#include "config/config.h"
#include "config/kmods.h"
#include "config/mounts.h"
#include "config/resolve.h"

struct resolver {
	const struct config *config;
	const struct resolve_env *env;
	const struct root *root;
	const char *kernel; /* the capture kernel's version */
	struct net_source net;
	struct mounts mounts;
	struct kmods *kmods;
	struct chain chain;
	struct recipe *recipe;   /* being made */
	char **notes, **missing; /* NULL-terminated */
	struct err first_missing;
	bool unreachable; /* what failed last is a name or a way that may be there later */
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
	const struct config_target *remote; /* the rest of a remote one */
	bool spool;
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

int resolver_add_remote(struct resolver *r, const struct wish *w, struct err *err) _must_check_;

/* ---- resolve_net.c */

/*
 * How `host` is reached: those of its addresses that one and the same link leads to, which is appended to the recipe with what it
 * stands on. `known`: an address that it has now (NULL: none), for when its name cannot be resolved.
 */
int resolver_reach(struct resolver *r, const char *said, const char *host, const char *known,
		   struct net_ip ret[RECIPE_MAX_SERVERS], size_t *ret_n, char ret_link[NET_NAME],
		   struct err *err) _must_check_;

/* The link to one address. */
int resolver_reach_address(struct resolver *r, const char *said, const struct net_ip *ip,
			   char ret_link[NET_NAME], struct err *err) _must_check_;

/* The modules of all links, once all targets are there. */
int resolver_add_links(struct resolver *r, struct err *err) _must_check_;

/* What this machine is called by on a server that has others, too: its name, or of its id if it has none. */
int resolver_machine_name(const struct resolver *r, char ret[65], struct err *err) _must_check_;

/* ---- resolve_files.c: what goes into the image as it is, looked at */

/* Secrets must not be readable for others. */
int resolver_add_private_key(struct resolver *r, const char *path, struct err *err) _must_check_;
int resolver_add_secret(struct resolver *r, const char *path, const char *has,
			struct err *err) _must_check_;

/*
 * Credentials of an object store, or lines of a request's header, as lifeboat-send takes them (send/credentials.h): keys that
 * are more than dumps are worth are refused now, not after the crash.
 */
int resolver_add_credentials(struct resolver *r, const char *path, bool s3,
			     struct err *err) _must_check_;

/* `path` NULL: what the distribution has. Sets t->ca. */
int resolver_add_ca(struct resolver *r, struct recipe_target *t, const char *path,
		    struct err *err) _must_check_;

/* ---- resolve_layers.c */

/* What the disk stands on goes into the recipe; *ret_layer: the top of it, "" if it is a disk without any. */
int resolver_add_layers(struct resolver *r, const char *said, const struct chain_disk *disk,
			char ret_layer[LAYER_NAME], struct err *err) _must_check_;

/* A program or file of the image, once. */
int resolver_add_program(struct resolver *r, const char *path, struct err *err) _must_check_;
int resolver_add_file(struct resolver *r, const char *path, struct err *err) _must_check_;

/* A disk's node: what sysfs calls "cciss!c0d0" is /dev/cciss/c0d0. */
void resolver_node_of(const struct chain_disk *disk, char ret[DEVICE_PATH_MAX]);

/* Is the disk what is mounted there? */
bool resolver_is_of_disk(const struct resolver *r, const struct mount *m,
			 const struct chain_disk *disk);

#endif
