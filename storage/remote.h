/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks behind a network: logging in, and finding the disk that came of it. The network is up. */
#ifndef STORAGE_REMOTE_H
#define STORAGE_REMOTE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/root.h"
#include "storage/device.h"
#include "storage/layer.h"

/* The disk of this layer, if its session is there; false: not, or not yet. Does not wait. */
bool remote_find_iscsi(const struct layer *layer, const struct root *root,
		       char ret[DEVICE_PATH_MAX]);
bool remote_has_session(const struct layer *layer, const struct root *root);

/* One attempt. Both block until the server has answered, or does not: under a minute. */
int remote_login_iscsi(const struct layer *layer, const struct root *root,
		       struct err *err) _must_check_;
int remote_connect_nvme(const struct layer *layer, const struct root *root,
			struct err *err) _must_check_;

#endif
