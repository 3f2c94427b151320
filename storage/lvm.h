/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metadata of an LVM volume group as a physical volume has it: label, metadata area (lib/format_text/layout.h of LVM2
 * 2.03), and the text in it. Only what guards a recorded table: whether what a logical volume is made of is
 * still the same. Input is hostile.
 */
#ifndef STORAGE_LVM_H
#define STORAGE_LVM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "storage/layer.h"

#define LVM_ID_RAW 32 /* without its dashes */

struct lvm_guard {
	char vg[LAYER_LVM_ID];
	char vg_name[LAYER_NAME];
	uint64_t seqno;
	/*
	 * SHA-256 over what the volume is made of: its own section and those of all volumes in it, the physical ones' ids and
	 * where their extents begin. What happens to other volumes of the group does not change it.
	 */
	char digest[65];
};

/* Does device-mapper's uuid ("LVM-" and two ids) name a logical volume, or a part of one ("…-tpool")? */
bool lvm_is_volume(const char *dm_uuid);

/* The committed text; *ret is malloc'ed, with a NUL behind it. ERR_NOT_FOUND: this physical volume holds none. */
int lvm_read(int fd, uint64_t size, const char *name, char **ret, size_t *ret_len,
	     struct err *err) _must_check_;

/* What guards the volume of this uuid of device-mapper. ERR_CORRUPT: not of this group, or not in it any more. */
int lvm_guard(struct bytes text, const char *dm_uuid, struct lvm_guard *ret,
	      struct err *err) _must_check_;

/* Dashes put into an id as LVM shows it, as far as there are 32 characters of its alphabet. */
bool lvm_id_format(const char *raw, char ret[LAYER_LVM_ID]);

#endif
