/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volume keys of dm-crypt that a kernel hands over to its capture kernel: /sys/kernel/config/crash_dm_crypt_keys
 * (kernel/crash_dump_dm_crypt.c, since Linux 6.16). Before: keys are named there, which have to be logon keys that
 * the caller can reach, and kexec_file_load copies them. After: "restore" makes them user keys of root.
 */
#ifndef STORAGE_KEYS_H
#define STORAGE_KEYS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/root.h"
#include "base/sys.h"

/* Has this kernel the interface? Mounts nothing. */
bool keys_supported(const struct root *root);

/*
 * Would this kernel find the logon key of that name when the caller loads? Not if only another session's keyring has it, if it is
 * revoked or has expired, or if the name has more than 127 bytes, the rest of which it would cut off (KEY_DESC_MAX_LEN,
 * strscpy). Links user root's keyring into the caller's. Of a recorded machine only the name is judged.
 */
bool keys_reachable(const struct root *root, const char *key);

/* In the capture kernel. Once is enough, again does no harm. */
int keys_restore(const struct root *root, const struct sys *sys, struct err *err) _must_check_;

/* Before the capture kernel is loaded: that this key shall be handed over. `item` is its name in the folder. */
int keys_name(const struct root *root, const char *item, const char *key,
	      struct err *err) _must_check_;

#endif
