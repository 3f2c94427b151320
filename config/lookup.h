/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of a server's name, while there is somebody to ask: nothing is resolved after a crash. */
#ifndef CONFIG_LOOKUP_H
#define CONFIG_LOOKUP_H

#include "base/root.h"
#include "capture/recipe.h"

#define LOOKUP_SECONDS 10 /* that the resolver may take */

/*
 * All addresses of `host`, in the order in which they should be tried, RECIPE_MAX_SERVERS at most; an address is its own. On this
 * machine the system's resolver is asked (getaddrinfo(3)), in a child; below a root the file /etc/hosts. The order within a
 * family is that of the bytes: a server that deals its addresses out in turn must not make every image a stale one. Nobody
 * knows it, or there is no answer in time: ERR_NOT_FOUND.
 */
int lookup_host(const struct root *root, const char *host, struct net_ip ret[RECIPE_MAX_SERVERS],
		size_t *ret_n, struct err *err) _must_check_;

#endif
