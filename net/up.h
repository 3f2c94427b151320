/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After the crash: make the recorded network by rtnetlink. Nothing is asked of any configuration, no name is resolved.
 */
#ifndef NET_UP_H
#define NET_UP_H

#include "base/root.h"
#include "net/net.h"

/*
 * Bring up `link` and all that it stands on: wait for the hardware, name it, make bonds, bridges and VLANs, set MTU, addresses
 * and routes, wait for a carrier and for IPv6 addresses to be usable (no longer tentative). Of a bond or bridge one part is
 * enough: the others are taken in as far as they are there after three seconds. What is up already stays; so it can be called
 * again. Without any recorded address and DHCP it waits for a router's announcement. Has no limit of its own but the
 * recipe's for DHCP: it runs inside a step, and *err says all the time what is missing. Fails where waiting does not
 * help: a module is not loaded (ERR_UNSUPPORTED), there is no such link.
 */
int net_up(const struct net *net, const char *link, const struct root *root,
	   struct err *err) _must_check_;

/*
 * Wait until a TCP connection to one of the servers comes about; *ret is its number. They are tried in turn, each for a
 * few seconds, for ever. `net` is NULL in the healthy system. Else, if `link` has DHCP and no lease, it is asked after each
 * round: NET_DHCP_FALLBACK for the first time, NET_DHCP_FIRST because nobody answered before.
 */
int net_reach(const struct net *net, const char *link, const struct net_ip *servers, size_t n,
	      unsigned int port, size_t *ret, struct err *err) _must_check_;

#endif
