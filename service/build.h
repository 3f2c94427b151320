/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The capture kernel, and the image that it runs from: found, judged by the digest of all that goes in, and built. */
#ifndef SERVICE_BUILD_H
#define SERVICE_BUILD_H

#include <limits.h>

#include "initramfs/initramfs.h"
#include "service/service.h"

#define BUILD_VERSION_SIZE 128 /* of a kernel's version, with the NUL */
#define BUILD_IMAGE_SIZE   512 /* of an image's path, likewise */
#define BUILD_PATH_SIZE    1024

/* The version of the capture kernel: as the configuration says, else the running one. */
int build_version(const struct service *s, const struct config *config,
		  char ret[BUILD_VERSION_SIZE], struct err *err) _must_check_;

/*
 * The bootable image of kernel `version`; NULL: the configuration's capture_kernel, else the running one. Looked for as
 * /boot/vmlinuz-V, /usr/lib/modules/V/vmlinuz, and in /boot, /efi and /boot/efi: TOKEN/V/linux, TOKEN being
 * /etc/kernel/entry-token or /etc/machine-id (Boot Loader Specification, type 1), and EFI/Linux/…-V.efi (type 2, with the tries of
 * boot counting behind V, "+3-1"). At last what BOOT_IMAGE= of the running kernel names, if that file says that it is V, for a
 * boot loader may name a link that leads elsewhere by now. Several: the first in this order. None: ERR_NOT_FOUND naming all
 * places.
 */
struct build_kernel {
	char version[BUILD_VERSION_SIZE];
	char path[BUILD_PATH_SIZE]; /* below the root, beginning with "/" */
};
int build_find_kernel(const struct service *s, const struct config *config, const char *version,
		      struct build_kernel *ret, struct err *err) _must_check_;

/* Its path on this machine: the links of a recorded one lead into that one. */
int build_kernel_file(const struct service *s, const struct build_kernel *kernel,
		      char ret[PATH_MAX], struct err *err) _must_check_;

/* Where its image is: lib/initramfs-KVER.img, a path of this machine. ERR_USAGE: that is no version. */
int build_image_path(const struct service *s, const char *version, char ret[BUILD_IMAGE_SIZE],
		     struct err *err) _must_check_;

enum build_state {
	BUILD_FRESH,
	BUILD_STALE, /* `difference` says in what */
	BUILD_MISSING,
};

/* Is the image what would be built now? `difference` is "" if it is, or is not there. What cannot be built is an error, whatever is there. */
int build_judge(const struct service *s, const struct config *config, const char *version,
		enum build_state *ret, char difference[INPUTS_DIFFERENCE],
		struct err *err) _must_check_;

/*
 * The same of an image at another place, as a copy of what is loaded, with the recipe that was made for it already: to make one
 * may take a while where names are asked for.
 */
int build_judge_file(const struct service *s, const struct recipe *recipe, const char *version,
		     const char *path, enum build_state *ret, char difference[INPUTS_DIFFERENCE],
		     struct err *err) _must_check_;

/*
 * Is there an image that can be loaded, whatever is stale about it: one of ours, for this kernel? If not, *err says why:
 * ERR_NOT_FOUND, or ERR_CORRUPT.
 */
int build_check_image(const struct service *s, const char *version, struct err *err) _must_check_;

/*
 * Build it, unless it is fresh and not `force`; durable, in place by rename. *ret_built says whether. Its sizes are told. Takes
 * a lock, so that a kernel's hook and the service do not build at once.
 */
int build_image(const struct service *s, const struct config *config, const char *version,
		bool force, bool *ret_built, struct err *err) _must_check_;

/* Of a kernel that is no more. It is no error if there is none. */
int build_remove(const struct service *s, const char *version, bool *ret_was_there,
		 struct err *err) _must_check_;

#endif
