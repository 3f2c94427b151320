// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "storage/assemble.h"

#define CONFIGFS     "/sys/kernel/config"
#define KEYS         CONFIGFS "/crash_dm_crypt_keys"
#define NAME_MAX_LEN 127

bool keys_supported(const struct root *root)
{
	return root_exists(root, KEYS);
}

/*
 * The kernel asks for the keys in the name of whoever loads: the keyring of user root, where they are, may not be linked to the
 * session of a service.
 */
static void reach_user_keyring(void)
{
	(void)!syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
}

bool keys_reachable(const struct root *root, const char *key)
{
	if (strlen(key) > NAME_MAX_LEN)
		return false;
	if (root->fd >= 0)
		return true;
	reach_user_keyring();
	return syscall(SYS_request_key, "logon", key, NULL, 0) >= 0;
}

static int write_text(const struct root *root, const char *path, const char *text, struct err *err)
{
	_cleanup_close_ int fd = root_open(root, path, O_WRONLY);

	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	return io_write_full(fd, text, strlen(text), path, err);
}

int keys_restore(const struct root *root, const struct sys *sys, struct err *err)
{
	char place[PATH_MAX];

	snprintf(place, sizeof(place), "%s" CONFIGFS, root->path);
	if (!keys_supported(root) && sys->mount("configfs", place, "configfs", 0, NULL) &&
	    errno != EBUSY)
		return err_sys(err, errno, "mount configfs on %s, for the keys of LUKS", place);
	if (!root_exists(root, KEYS "/restore"))
		return err_set(err, ERR_UNSUPPORTED,
			       "this kernel takes no keys over: it has no " KEYS
			       "/restore (CONFIG_CRASH_DM_CRYPT)");
	return write_text(root, KEYS "/restore", "1", err);
}

int keys_name(const struct root *root, const char *item, const char *key, struct err *err)
{
	_cleanup_close_ int fd = root_open(root, KEYS, O_RDONLY | O_DIRECTORY);
	char path[PATH_MAX];

	if (fd < 0)
		return err_sys(err, errno, KEYS);
	if (mkdirat(fd, item, 0700) && errno != EEXIST)
		return err_sys(err, errno, KEYS "/%.100s", item);
	snprintf(path, sizeof(path), KEYS "/%.100s/description", item);
	return write_text(root, path, key, err);
}

/* ---- for the loader */

int storage_hand_over(const struct layers *layers, const struct root *root, struct err *err)
{
	for (size_t i = 0; i < layers->n; i++) {
		const char *key = layer_key_kernel(&layers->v[i]);

		if (!key)
			continue;
		if (!keys_reachable(root, key))
			return err_set(err, ERR_NOT_FOUND,
				       "the key of %s is not handed over: the keyring of user root "
				       "(@u) has no logon key %.127s; put it there again "
				       "(link-volume-key= in /etc/crypttab) and run `lifeboat "
				       "start`",
				       layers->v[i].name, key);
		if (keys_name(root, layers->v[i].name, key, err))
			return err_wrap(err, "the key of %s is not handed over", layers->v[i].name);
	}
	return 0;
}
