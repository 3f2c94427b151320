/* SPDX-License-Identifier: GPL-2.0-or-later */
/* While the system is healthy: what a block device is made of. Of the host's program only. */
#ifndef STORAGE_PROBE_H
#define STORAGE_PROBE_H

#include "base/root.h"
#include "base/sys.h"
#include "storage/layer.h"

/* What the walk needs of the world, and whom it tells; `ctx` is the callbacks'. */
struct probe_env {
	const struct root *root;
	/*
	 * Rows of a device-mapper device as DM_TABLE_STATUS gives them with DM_STATUS_TABLE_FLAG ("START LENGTH TYPE ARGS"
	 * lines); malloc'ed. probe_dm_table() asks the kernel; a recorded machine has /dm/NAME.
	 */
	int (*dm_table)(const struct probe_env *env, const char *name, char **ret, struct err *err);
	/* A disk of the machine that the stack stands on, by its folder in sysfs: its drivers are needed. */
	int (*disk)(void *ctx, const char *sysfs, struct err *err);
	/* A kernel module, a program of the image, a file of the image. */
	int (*module)(void *ctx, const char *name, struct err *err);
	int (*program)(void *ctx, const char *path, struct err *err);
	int (*file)(void *ctx, const char *path, struct err *err);
	/* A server that has to be reached: the link to it goes to `ret_network` (at least 16 bytes). */
	int (*server)(void *ctx, const char *address, char *ret_network, struct err *err);
	int (*note)(void *ctx, const char *text, struct err *err);
	void *ctx;
	const char *luks_key_file;     /* that the operator allows into the image; NULL: none */
	const char *iscsi_secret_file; /* with the password of CHAP in its first line; NULL: none */
};

int probe_dm_table(const struct probe_env *env, const char *name, char **ret,
		   struct err *err) _must_check_;

/*
 * Append the layers of the device in this folder of sysfs, each once; *ret_layer names the top one, "" if it is a disk or
 * partition without any. ERR_UNSUPPORTED for what cannot be made again (snapshots, caches, VDO, loop, zram, a LUKS device
 * without a key that would be there …): the message names all layers down to it and what can be done.
 */
int storage_probe(const struct probe_env *env, const char *sysfs, struct layers *layers,
		  char ret_layer[LAYER_NAME], struct err *err) _must_check_;

#endif
