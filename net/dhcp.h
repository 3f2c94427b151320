/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A DHCPv4 client that asks once (RFC 2131, RFC 2132; classless routes RFC 3442), by a packet socket on an interface without an
 * address. There is nobody to renew the lease: a capture takes minutes.
 */
#ifndef NET_DHCP_H
#define NET_DHCP_H

#include "base/bytes.h"
#include "net/net.h"

#define DHCP_MAX_ROUTES 16
#define DHCP_PACKET     1500 /* bytes of an IP packet that we look at */

/* What an OFFER or ACK says. */
struct dhcp_lease {
	struct net_address address;
	struct net_ip server;
	uint32_t seconds;
	/* Of option 121, or of 3 where there is none; such as the kernel takes. */
	struct net_route routes[DHCP_MAX_ROUTES];
	size_t n_routes;
};

enum dhcp_kind { DHCP_OFFER = 2, DHCP_ACK = 5, DHCP_NAK = 6 };

struct dhcp_client {
	uint8_t mac[NET_MAC];
	uint32_t xid;
};

/*
 * Get a lease within so many seconds for the interface with that index, which is up. `wanted` (family 0: none) is the address
 * that it had. ERR_TIMEOUT: nobody answered.
 */
int dhcp_ask(unsigned int index, const uint8_t mac[NET_MAC], const struct net_ip *wanted,
	     unsigned int seconds, struct dhcp_lease *ret, struct err *err) _must_check_;

/*
 * Read an IP packet, whatever is in it. False: it is no OFFER, ACK or NAK for this client, or not a good one. Of a NAK only
 * the server is set.
 */
bool dhcp_read(struct bytes packet, const struct dhcp_client *client, enum dhcp_kind *ret_kind,
	       struct dhcp_lease *ret);

/* Make the IP packet of a DISCOVER, or a REQUEST of what was offered; returns its length. */
size_t dhcp_write(const struct dhcp_client *client, const struct dhcp_lease *offer,
		  const struct net_ip *wanted, unsigned int elapsed, uint8_t ret[DHCP_PACKET]);

#endif
