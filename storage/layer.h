/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a target's block device is made of: decided while the system is healthy (storage/probe.h), carried in the recipe as
 * text, made again after the crash (storage/assemble.h) without the tools that made it first. A layer's device is named by its
 * layer; what it stands on comes before it.
 *
 *   layer = vg0-dumps             begins one; its name: of a device-mapper device, of an MD array ("md127")
 *   kind = dm                     dm, crypt, multipath, md, iscsi or nvme-tcp; required
 *   uuid = LVM-…                  dm, crypt, multipath: of device-mapper; md: of the array, required there
 *   member = PARTUUID=…           repeated, in the order that the table counts them, from 0 on: PARTUUID=, WWID= (sysfs), LVMPV=
 *                                 (of an LVM physical volume), LUKS= (of the header), MD= (of an array's superblock), /dev/…,
 *                                 layer:NAME, or "layer:NAME PARTUUID=…" for a partition of it. One that no row names is there
 *                                 for `lvm`. multipath: the WWID of all its paths, and layers that are paths
 *   table = 0 204800 linear {0} 2048    dm, crypt: repeated; device-mapper's rows, a member's number in braces for its
 *                                 device. multipath: parameters without paths
 *   lvm = {0} VGUUID SEQNO DIGEST repeated; what the volume group's metadata on that member must still be: a table that was
 *                                 recorded before lvextend or pvmove would write to what is somebody else's
 *   key = kernel NAME             crypt: that the crashed kernel handed over (crash_dm_crypt_keys); the table has it as ":SIZE:user:NAME"
 *   key = file /etc/keys/dump     crypt: the header's own way, by cryptsetup in the image
 *   memory = 1048576              crypt: KiB that its key derivation takes, 0 if none
 *   server, port, target-name, initiator, user, secret, group, lun, host-id, network    iscsi, nvme-tcp: how to log in; `secret` is
 *                                 a file of the image, with the password or DH-HMAC-CHAP's key in its first line; group is
 *                                 that of the portal, default 1. nvme-tcp has the WWID of its namespace as member
 *
 * docs/decisions/0026-storage-stacks.md says why tables are recorded.
 */
#ifndef STORAGE_LAYER_H
#define STORAGE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define LAYER_MAX      64
#define LAYER_MAX_EACH 512 /* members, rows of a table */
#define LAYER_NAME     128 /* DM_NAME_LEN */
#define LAYER_LVM_ID   39  /* "xxxxxx-xxxx-xxxx-xxxx-xxxx-xxxx-xxxxxx" with the NUL */

enum layer_kind {
	LAYER_DM,
	LAYER_CRYPT,
	LAYER_MULTIPATH,
	LAYER_MD,
	LAYER_ISCSI,
	LAYER_NVME_TCP,
};

struct layer {
	char name[LAYER_NAME];
	enum layer_kind kind;
	/* Strings are malloc'ed, "" if not said; lists NULL-terminated. */
	char *uuid;
	char **members, **tables, **lvm;
	char *key;
	uint64_t memory; /* KiB */
	char *server, *target, *initiator, *user, *secret, *host_id, *network;
	unsigned int port, group, lun;
	uint32_t said; /* which keys it has: layer.c's own */
};

/* Of zeros to begin with. */
struct layers {
	struct layer *v;
	size_t n;
};

void layers_deinit(struct layers *layers);
void layers_cut(struct layers *layers, size_t n); /* all but the first n are gone */
int layers_add(struct layers *layers, const char *name, struct layer **ret,
	       struct err *err) _must_check_;
/* As net_set(), net_check(), net_put() and net_find() (net/net.h). */
int layer_set(struct layer *layer, const char *key, const char *value,
	      struct err *err) _must_check_;
int layers_check(const struct layers *layers, struct err *err) _must_check_;
void layer_put(const struct layer *layer, FILE *to);
const struct layer *layers_find(const struct layers *layers, const char *name);

const char *layer_kind_name(enum layer_kind kind);

/* A member that is a layer (or a partition of one): its name to `ret`; false if it is none. */
bool layer_of_member(const char *member, char ret[LAYER_NAME]);

/* The part of a member that names a device among others: "PARTUUID=…" of "layer:md127 PARTUUID=…"; "" if there is none. */
const char *layer_member_device(const char *member);

/* Which key opens it: the name of one that the kernel hands over, or a file of the image; NULL: the other kind. */
const char *layer_key_kernel(const struct layer *layer);
const char *layer_key_file(const struct layer *layer);

struct layer_lvm {
	size_t member;
	char vg[LAYER_LVM_ID];
	uint64_t seqno;
	char digest[65];
};

/* A value of `lvm` taken apart. */
int layer_lvm_parse(const char *value, struct layer_lvm *ret, struct err *err) _must_check_;

/*
 * A row or parameters with "{N}" replaced by what `name` gives for member N, NULL for none. *ret is malloc'ed. ERR_USAGE for
 * braces that are no member's.
 */
int layer_fill(const char *row, const char *(*name)(void *ctx, size_t member), void *ctx,
	       char **ret, struct err *err) _must_check_;

#endif
