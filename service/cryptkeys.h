/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volume keys of LUKS that the kernel hands over to the capture kernel, where it can: they are named below
 * /sys/kernel/config/crash_dm_crypt_keys (storage/keys.h) before the image is loaded, and kexec_file_load() copies them. A key that
 * is named there and is gone makes each load fail, whoever's it is; so ours are on record, in /run/lifeboat/crypt-keys, a name a
 * line, and are taken away by stop.
 */
#ifndef SERVICE_CRYPTKEYS_H
#define SERVICE_CRYPTKEYS_H

#include "service/service.h"

#define CRYPTKEYS_FILE "crypt-keys"

/*
 * Name the keys that the recipe of kernel `version`'s image wants (service_recipe_path), and no others of ours. *ret_any: are
 * there any? *ret_new: others than since the last call, so that the image that is loaded does not have them. What cannot be named is an error that says which volume would stay shut, and so is a kernel `version` that takes
 * none over, by the configuration beside it.
 */
int cryptkeys_offer(const struct service *s, const char *version, bool *ret_any, bool *ret_new,
		    struct err *err) _must_check_;

/* Take all of ours away. One that somebody else has removed is no error. */
int cryptkeys_forget(const struct service *s, struct err *err) _must_check_;

#endif
