/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machines whose network is recorded: messages as the kernel sends them, made here, in a folder of /tmp. */
#ifndef TESTS_UNIT_NETLINK_FIXTURE_H
#define TESTS_UNIT_NETLINK_FIXTURE_H

#include <linux/if.h>
#include <linux/if_arp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/io.h"
#include "net/probe.h"
#include "tests/unit/unit.h"

struct recorded {
	char path[48];
	struct root root;
	struct net_source source;
	FILE *links, *addresses, *routes;
};

/* Make a file below the root, and the folders above it. */
static inline void recorded_file(const struct recorded *m, const char *name, const char *content)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", m->path, name);
	for (char *slash = strchr(path + strlen(m->path) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	assert_ok(io_write_file(path, content, strlen(content), err));
}

static inline FILE *recorded_open(const struct recorded *m, const char *name)
{
	char path[256];
	FILE *f;

	recorded_file(m, name, "");
	snprintf(path, sizeof(path), "%s%s", m->path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	return f;
}

static inline void recorded_init(struct recorded *m)
{
	strcpy(m->path, "/tmp/lifeboat-recorded-XXXXXX");
	assert_non_null(mkdtemp(m->path));
	m->links = recorded_open(m, "/netlink/links");
	m->addresses = recorded_open(m, "/netlink/addresses");
	m->routes = recorded_open(m, "/netlink/routes");
	assert_ok(root_init(&m->root, m->path, err));
	net_source_of_root(&m->root, &m->source);
}

static inline void recorded_deinit(struct recorded *m)
{
	char command[80];

	fclose(m->links);
	fclose(m->addresses);
	fclose(m->routes);
	root_deinit(&m->root);
	snprintf(command, sizeof(command), "rm -rf %s", m->path);
	assert_int_equal(system(command), 0);
}

static inline void recorded_put(FILE *to, const struct netlink_request *q)
{
	assert_false(q->full);
	assert_int_equal(fwrite(q->data, q->head.nlmsg_len, 1, to), 1);
	assert_int_equal(fflush(to), 0);
}

struct recorded_link {
	int index;
	const char *name, *mac, *permanent, *kind; /* NULL: none; permanent: the same as mac */
	uint32_t mtu, master, parent;
	uint16_t vlan_id;
	uint16_t type; /* 0: ARPHRD_ETHER */
	bool no_permanent, elsewhere;
};

static inline void recorded_mac(struct netlink_request *q, uint16_t type, const char *text)
{
	struct net_link l = {0};

	assert_ok(net_set(&l, "mac", text, err));
	netlink_put(q, type, l.mac, NET_MAC);
}

static inline void recorded_link(const struct recorded *m, struct recorded_link l)
{
	struct ifinfomsg body = {.ifi_index = l.index,
				 .ifi_type = l.type ? l.type : ARPHRD_ETHER,
				 .ifi_flags = IFF_UP | IFF_RUNNING | IFF_LOWER_UP};
	struct netlink_request q;
	size_t info, data;

	if (l.type == ARPHRD_LOOPBACK)
		body.ifi_flags |= IFF_LOOPBACK;
	netlink_begin(&q, RTM_NEWLINK, 0, &body, sizeof(body));
	netlink_put_text(&q, IFLA_IFNAME, l.name);
	netlink_put_u32(&q, IFLA_MTU, l.mtu ? l.mtu : 1500);
	if (l.mac)
		recorded_mac(&q, IFLA_ADDRESS, l.mac);
	if (l.master)
		netlink_put_u32(&q, IFLA_MASTER, l.master);
	if (l.parent)
		netlink_put_u32(&q, IFLA_LINK, l.parent);
	if (l.elsewhere)
		netlink_put_u32(&q, IFLA_LINK_NETNSID, 0);
	if (l.mac && !l.kind && !l.no_permanent)
		recorded_mac(&q, IFLA_PERM_ADDRESS, l.permanent ? l.permanent : l.mac);
	if (l.kind) {
		info = netlink_nest(&q, IFLA_LINKINFO);
		netlink_put_text(&q, IFLA_INFO_KIND, l.kind);
		if (l.vlan_id) {
			data = netlink_nest(&q, IFLA_INFO_DATA);
			netlink_put(&q, IFLA_VLAN_ID, &l.vlan_id, 2);
			netlink_put(&q, IFLA_VLAN_PROTOCOL, "\x81\x00", 2);
			netlink_nest_end(&q, data);
		}
		netlink_nest_end(&q, info);
	}
	recorded_put(m->links, &q);
}

/* `seconds` 0: for ever. */
static inline void recorded_address(const struct recorded *m, uint32_t index, const char *text,
				    uint32_t seconds)
{
	struct ifa_cacheinfo times = {.ifa_valid = seconds ? seconds : UINT32_MAX,
				      .ifa_prefered = UINT32_MAX};
	struct ifaddrmsg body = {.ifa_index = index};
	struct netlink_request q;
	struct net_link l = {0};
	const struct net_address *a;

	assert_ok(net_set(&l, "address", text, err));
	a = &l.addresses[0];
	body.ifa_family = (uint8_t)a->ip.family;
	body.ifa_prefixlen = (uint8_t)a->prefix;
	body.ifa_flags = seconds ? 0 : IFA_F_PERMANENT;
	body.ifa_scope = a->ip.bytes[0] == 0xfe ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	netlink_begin(&q, RTM_NEWADDR, 0, &body, sizeof(body));
	netlink_put(&q, IFA_ADDRESS, a->ip.bytes, a->ip.family == AF_INET ? 4 : 16);
	netlink_put(&q, IFA_CACHEINFO, &times, sizeof(times));
	recorded_put(m->addresses, &q);
	free(l.addresses);
}

struct recorded_route {
	const char *route; /* as in a link's text */
	uint32_t index;
	uint8_t type, protocol; /* 0: RTN_UNICAST, RTPROT_STATIC */
	uint32_t
		dead; /* the same route by a way that is dead, in front of this one: RTA_MULTIPATH */
};

static inline void recorded_hop(struct netlink_request *q, uint32_t index, uint8_t flags,
				const struct net_ip *via)
{
	struct rtnexthop hop = {.rtnh_ifindex = (int)index, .rtnh_flags = flags};
	size_t at = q->head.nlmsg_len;

	q->head.nlmsg_len += sizeof(hop);
	if (via->family)
		netlink_put(q, RTA_GATEWAY, via->bytes, via->family == AF_INET ? 4 : 16);
	hop.rtnh_len = (uint16_t)(q->head.nlmsg_len - at);
	memcpy(q->data + at, &hop, sizeof(hop));
}

static inline void recorded_route(const struct recorded *m, struct recorded_route r)
{
	struct rtmsg body = {.rtm_type = r.type ? r.type : RTN_UNICAST,
			     .rtm_protocol = r.protocol ? r.protocol : RTPROT_STATIC};
	const struct net_route *route;
	struct netlink_request q;
	struct net_link l = {0};
	unsigned int len;

	assert_ok(net_set(&l, "route", r.route, err));
	route = &l.routes[0];
	len = route->to.ip.family == AF_INET ? 4 : 16;
	body.rtm_family = (uint8_t)route->to.ip.family;
	body.rtm_dst_len = (uint8_t)route->to.prefix;
	netlink_begin(&q, RTM_NEWROUTE, 0, &body, sizeof(body));
	if (route->to.prefix)
		netlink_put(&q, RTA_DST, route->to.ip.bytes, len);
	if (route->from.family)
		netlink_put(&q, RTA_PREFSRC, route->from.bytes, len);
	if (route->metric)
		netlink_put_u32(&q, RTA_PRIORITY, route->metric);
	if (r.dead) {
		size_t hops = netlink_nest(&q, RTA_MULTIPATH);

		recorded_hop(&q, r.dead, RTNH_F_DEAD | RTNH_F_LINKDOWN, &route->via);
		recorded_hop(&q, r.index, 0, &route->via);
		netlink_nest_end(&q, hops);
	} else {
		netlink_put_u32(&q, RTA_OIF, r.index);
		if (route->via.family && route->via.family != route->to.ip.family) {
			uint8_t via[18] = {AF_INET6};

			memcpy(via + 2, route->via.bytes, 16);
			netlink_put(&q, RTA_VIA, via, sizeof(via));
		} else if (route->via.family) {
			netlink_put(&q, RTA_GATEWAY, route->via.bytes, len);
		}
	}
	recorded_put(m->routes, &q);
	free(l.routes);
}

#endif
