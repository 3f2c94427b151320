/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network that a target is reached through: decided while the system is healthy (net/probe.h), carried in the recipe as
 * text, set up after the crash (net/up.h). Interfaces are known by their permanent MAC addresses: their names are
 * given by whoever comes first.
 *
 *   link = bond0.20               begins one; the name that it shall have; those that it stands on come before it: a VLAN's
 *                                 parent, the parts of a bond or bridge
 *   kind = vlan                   physical, vlan, bond or bridge; required
 *   mac = 52:54:00:12:34:56       physical: the permanent one, by which it is found, required; else: what it shall have
 *   set-mac = 52:54:00:aa:bb:cc   physical: what it shall have, where that is another
 *   mtu = 1500                    68…65536; without it what the driver chooses
 *   master = bond0                the bond or bridge that it is a part of
 *   parent = bond0                vlan: what it is on, required
 *   vlan-id = 20                  vlan: 1…4094, required
 *   vlan-protocol = 802.1q        vlan: or 802.1ad
 *   option = mode=active-backup   bond, bridge: repeated; names and values as below /sys/class/net/NAME/bonding (bridge)
 *   address = 192.0.2.5/24        repeated; with the length of the prefix, which is required
 *   route = 0.0.0.0/0 via 192.0.2.1 from 192.0.2.5 metric 100   repeated; all but the first word are optional
 *   dhcp = no                     no; first: and what is recorded if nobody answers; fallback: if the recorded does not
 *                                 lead to the server. DHCPv4
 *   dhcp-seconds = 20             so long at most, 1…3600
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define NET_MAX_LINKS 32
#define NET_NAME      16 /* IFNAMSIZ */
#define NET_MTU_MIN   68
#define NET_MTU_MAX   65536
#define NET_MAX_EACH  64 /* addresses, routes or options of a link */
#define NET_IP_TEXT   48
#define NET_MAC       6
#define NET_MAC_TEXT  18

struct net_ip {
	int family; /* AF_INET or AF_INET6; 0: none */
	uint8_t bytes[16];
};

struct net_address {
	struct net_ip ip;
	unsigned int prefix;
};

struct net_route {
	struct net_address to;
	struct net_ip via, from; /* family 0: not said */
	uint32_t metric;
};

enum net_kind { NET_PHYSICAL = 1, NET_VLAN, NET_BOND, NET_BRIDGE }; /* 0: not said */
enum net_dhcp { NET_DHCP_NO, NET_DHCP_FIRST, NET_DHCP_FALLBACK };

struct net_link {
	char name[NET_NAME];
	enum net_kind kind;
	bool has_mac;
	uint8_t mac[NET_MAC];
	bool has_set_mac;
	uint8_t set_mac[NET_MAC];
	unsigned int mtu; /* 0: not said */
	char master[NET_NAME], parent[NET_NAME];
	unsigned int vlan_id;
	bool vlan_ad;   /* 802.1ad */
	char **options; /* NULL-terminated, "name=value" */
	struct net_address *addresses;
	size_t n_addresses;
	struct net_route *routes;
	size_t n_routes;
	enum net_dhcp dhcp;
	unsigned int dhcp_seconds;
	unsigned int said; /* net_set()'s: which keys it has had, a bit each */
};

/* Of zeros to begin with. */
struct net {
	struct net_link *links;
	size_t n;
};

void net_deinit(struct net *net);

/*
 * Add a link of that name with defaults; borrowed, good until the next one is added. A name that is there or is none:
 * ERR_USAGE.
 */
int net_add(struct net *net, const char *name, struct net_link **ret, struct err *err) _must_check_;

/* Take all but the first n away again. */
void net_truncate(struct net *net, size_t n);

/* What a line of the text says of a link; ERR_USAGE for a key or value that it cannot have, or has already. */
int net_set(struct net_link *link, const char *key, const char *value,
	    struct err *err) _must_check_;

/* Are all links whole, and do they stand on such as come before them? ERR_USAGE. */
int net_check(const struct net *net, struct err *err) _must_check_;

/* The lines of a link, "link = NAME" and all keys that say something; net_set() takes them. */
void net_put(const struct net_link *link, FILE *to);

const struct net_link *net_find(const struct net *net, const char *name); /* NULL: none */

/* "192.0.2.5", "2001:db8::5" and back. No names, no zones. */
int net_ip_parse(const char *text, struct net_ip *ret, struct err *err) _must_check_;
void net_ip_format(const struct net_ip *ip, char ret[NET_IP_TEXT]);
/* Can an interface be called so? */
bool net_is_name(const char *name);

/* Not "any", no group: an address that one interface has. */
bool net_ip_is_unicast(const struct net_ip *ip);
bool net_ip_equal(const struct net_ip *a, const struct net_ip *b);

/* Is `ip` within the first bits of `of`? */
bool net_prefix_has(const struct net_address *of, const struct net_ip *ip);

/* "52:54:00:12:34:56" */
void net_mac_format(const uint8_t mac[NET_MAC], char ret[NET_MAC_TEXT]);

/* Append, for who makes links without a text; what is there already is left alone. ERR_USAGE: more than NET_MAX_EACH. */
int net_add_address(struct net_link *link, const struct net_address *address,
		    struct err *err) _must_check_;
int net_add_route(struct net_link *link, const struct net_route *route,
		  struct err *err) _must_check_;
int net_add_option(struct net_link *link, const char *option, struct err *err) _must_check_;

const char *net_kind_name(enum net_kind kind);

#endif
