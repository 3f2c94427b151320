/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every verb of the service works on: the machine, its configuration, and where we keep our things. Libraries do not
 * print: what people should hear while it goes on is given to `tell`.
 *
 *   /etc/lifeboat.conf                    the configuration; none: dumps go to /var/crash
 *   /var/lib/lifeboat/initramfs-KVER.img  image of the capture kernel KVER (service/build.h)
 *   /var/lib/lifeboat/recipe-KVER         its recipe, of which names and routes are taken while they cannot be found
 *   /var/lib/lifeboat/history.ndjson      tests and crashes (service/history.h)
 *   /var/lib/lifeboat/kernel, initrd      copies of what is armed (loader/state.h)
 *   /run/lifeboat/                        the record of what is armed, and what does not outlive the boot
 *
 * All of them stand below `root` where that is a recorded machine.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <limits.h>
#include <stdarg.h>

#include "base/root.h"
#include "base/sys.h"
#include "config/config.h"
#include "loader/kmsg.h"
#include "loader/state.h"

#define SERVICE_INIT LIFEBOAT_LIBEXEC "/lifeboat-init" /* where it is installed */

enum service_tone {
	SERVICE_PROGRESS, /* what is being done: for a person who waits */
	SERVICE_NOTE,     /* what was found, and changes nothing */
	SERVICE_WARNING,  /* what may cost a dump */
};

typedef void (*service_tell_fn)(void *ctx, enum service_tone tone, const char *text);

struct service {
	const struct root *root;
	const struct sys *sys;
	const char *config_path; /* of this machine; NULL: CONFIG_PATH below the root */
	const char *init;        /* lifeboat-init, of this machine */
	service_tell_fn tell;    /* may be NULL */
	void *tell_ctx;
	char run[256],
		lib[256]; /* STATE_RUN_DIR and STATE_LIB_DIR below the root: service_init() */
};

/* Fill in run and lib. The rest is the caller's. A root whose path is too long is ERR_USAGE. */
int service_init(struct service *s, const struct root *root, const struct sys *sys,
		 struct err *err) _must_check_;

static inline struct state_dirs service_dirs(const struct service *s)
{
	return (struct state_dirs){s->run, s->lib};
}

void service_tell(const struct service *s, enum service_tone tone, const char *format, ...)
	_printf_(3, 4);

/* Tell as warnings what the kernel logged since kmsg_open(): an errno has many causes, and which it was is only there. */
void service_tell_kernel(const struct service *s, struct kmsg *k);

/*
 * The lock `name` in /run/lifeboat, held until the descriptor is closed. -1: it cannot be had, which is no reason not to arm a
 * machine.
 */
int service_lock(const struct service *s, const char *name) _must_check_;

/* The installed lifeboat-init, or the one beside this program: so that a build tree works as it is. */
int service_find_init(char ret[PATH_MAX], struct err *err) _must_check_;

/*
 * The configuration; without a file that of an empty one (and *ret_found is false), unless config_path names one. Its notes
 * are told.
 */
int service_config(const struct service *s, struct config **ret, bool *ret_found,
		   struct err *err) _must_check_;

/*
 * The recipe that it gives for the capture kernel `kernel` (a version). Notes are told, and as warnings what is left out because
 * its server cannot be found now. The recipe of the image that there is (service_recipe_path) helps where names and
 * routes are gone for the moment.
 */
int service_recipe(const struct service *s, const struct config *config, const char *kernel,
		   struct recipe **ret, struct err *err) _must_check_;

/* Where the recipe of kernel's image is kept: lib/recipe-KVER. */
#define SERVICE_RECIPE_SIZE 512
int service_recipe_path(const struct service *s, const char *kernel, char ret[SERVICE_RECIPE_SIZE],
			struct err *err) _must_check_;

/* Its remote targets only, as this machine reaches them now: struct resolve_env, sending. */
int service_recipe_to_send(const struct service *s, const struct config *config, const char *kernel,
			   struct recipe **ret, struct err *err) _must_check_;

/* The running kernel's version, from /proc/sys/kernel/osrelease. */
int service_release(const struct service *s, char ret[128], struct err *err) _must_check_;

#endif
