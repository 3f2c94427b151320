/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the configuration to the recipe: each target's device by a name that holds in the capture kernel, its file system
 * type and options, what it stands on and is reached through, and the modules of all that is between it and the CPU.
 * Everything is read below a root.
 *
 * What remote targets have if the configuration does not say:
 *   sshkey            /etc/lifeboat/ssh/id_ed25519, else kdump's /root/.ssh/kdump_id_rsa
 *   ssh_known_hosts   /etc/lifeboat/ssh/known_hosts, /root/.ssh/known_hosts and /etc/ssh/ssh_known_hosts, all of them
 *   tls_ca            what the distribution has for all programs
 * The folder of a remote target is that of the configuration and below it this machine's name: others send theirs there, too, and
 * retention must not take them for ours.
 */
#ifndef CONFIG_RESOLVE_H
#define CONFIG_RESOLVE_H

#include "base/root.h"
#include "config/config.h"
#include "net/probe.h"

#define RESOLVE_SSH  "/usr/bin/ssh"
#define RESOLVE_SEND LIFEBOAT_LIBEXEC "/lifeboat-send" /* SEND_PROGRAM of send/job.h */

struct resolve_env {
	const struct root *root;
	const char *kernel; /* the capture kernel's version */
	/*
	 * Of the image that there is; NULL: none. A name that cannot be resolved now keeps the addresses that it had
	 * there, and a route that is gone the links.
	 */
	const struct recipe *previous;
	/*
	 * For a machine that is healthy and sends: only its remote targets, without the links that lead there now (recipe_target.network
	 * is "") and without what only a capture kernel needs. It may have a network that none could make again.
	 */
	bool sending;
	/* As lookup_host() (config/lookup.h), which is taken for NULL. */
	int (*lookup)(const struct root *root, const char *host,
		      struct net_ip ret[RECIPE_MAX_SERVERS], size_t *ret_n, struct err *err);
	const struct net_source *net; /* NULL: net_source_of_root() */
};

/* Of zeros to begin with. */
struct resolved {
	struct recipe *recipe;
	char **notes; /* NULL-terminated: what was found and what is doubtful, for people */
	char **missing; /* likewise: what is not as it is configured, since it cannot be had now; a reason to warn */
};

/*
 * Make the recipe. What cannot be resolved (no such device, one that cannot be made again after a crash, a btrfs on several
 * devices, a file system that cannot be written, a server's key that is not pinned) is an error naming the target's line. A
 * server whose name or way cannot be found now is left out (`missing`), if another target takes dumps; else it is an error.
 */
int resolve_recipe(const struct config *config, const struct resolve_env *env, struct resolved *ret,
		   struct err *err) _must_check_;
void resolve_deinit(struct resolved *r);

#endif
