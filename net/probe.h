/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * While the system is healthy: how would a packet to this server leave? All interfaces that it goes through, down to the
 * hardware, with what they need to be made again. Of the host's program only.
 *
 * Asked of the kernel by rtnetlink (rtnetlink(7); uapi linux/rtnetlink.h, linux/if_link.h); names of drivers are no matter of
 * it. A recorded machine has the kernel's answers as files; see net_source_of_root().
 */
#ifndef NET_PROBE_H
#define NET_PROBE_H

#include "base/root.h"
#include "net/net.h"
#include "net/netlink.h"

/*
 * The kernel's for the real root; else what below it is recorded as /netlink/links, /netlink/addresses and /netlink/routes:
 * messages as the kernel sends them, one behind the other. Routes are answers for single servers or a whole table, of which the
 * one with the longest prefix counts.
 */
void net_source_of_root(const struct root *root, struct net_source *ret);

/* What was found that people want to know: "the address of eth0 is from DHCP …". */
typedef int (*net_note_fn)(void *ctx, const char *text, struct err *err);

/*
 * Append the links that lead to `server`, each once; *ret_link names the top one: what is the target's `network`. Recorded are
 * the address that packets come from, and routes to this server and its gateway only: they are right whatever
 * the routing table and its rules say. An address with a lifetime makes NET_DHCP_FIRST, or for IPv6 leaves it to
 * the kernel. No route: ERR_NOT_FOUND. An interface of a kind that cannot be made again (a tunnel, team, wireless, a virtual
 * one of another kind): ERR_UNSUPPORTED, naming it and what can be done; as a part of a bond or bridge it is left out. On
 * failure the links are as they were.
 * A server of this machine itself (loopback): ERR_USAGE.
 */
int net_probe(const struct net_source *src, const struct net_ip *server, struct net *net,
	      char ret_link[NET_NAME], net_note_fn note, void *note_ctx,
	      struct err *err) _must_check_;

#endif
