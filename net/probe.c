// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/probe.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"

#define MAX_DEPTH     8 /* links on each other */
#define MAX_RECORDING 16777216
#define NOTE_SIZE     512

/* ---- recorded machines */

static const char *recording_of(uint16_t type)
{
	switch (type) {
	case RTM_GETLINK:
		return "/netlink/links";
	case RTM_GETADDR:
		return "/netlink/addresses";
	default:
		return "/netlink/routes";
	}
}

/* As the kernel would choose: the longest prefix, then the lowest metric. */
static bool is_better(const struct netlink_route *than, const struct netlink_route *r,
		      const struct net_ip *to)
{
	if (!net_prefix_has(&r->to, to))
		return false;
	if (!than->to.ip.family || r->to.prefix != than->to.prefix)
		return !than->to.ip.family || r->to.prefix > than->to.prefix;
	return r->metric < than->metric;
}

static int answer_route(struct bytes all, struct bytes request,
			int (*fn)(void *ctx, const void *message, size_t len, struct err *err),
			void *ctx, struct err *err)
{
	struct netlink_route best = {0}, asked, r;
	struct bytes message, chosen = {0};
	_cleanup_free_ uint8_t *copy = malloc(request.len);
	struct nlmsghdr head;

	if (!copy)
		return err_nomem(err, request.len, "a request");
	memcpy(copy, request.data, request.len);
	memcpy(&head, copy, sizeof(head));
	head.nlmsg_type = RTM_NEWROUTE;
	memcpy(copy, &head, sizeof(head));
	if (netlink_read_route((struct bytes){copy, request.len}, &asked, err))
		return err->code;
	while (netlink_next(&all, &message)) {
		if (netlink_type(message) != RTM_NEWROUTE)
			continue;
		if (netlink_read_route(message, &r, err))
			return err_wrap(err, "/netlink/routes");
		if (!is_better(&best, &r, &asked.to.ip))
			continue;
		best = r;
		chosen = message;
	}
	if (!chosen.data)
		return err_sys(err, ENETUNREACH, "/netlink/routes");
	return fn(ctx, chosen.data, chosen.len, err);
}

static int ask_recording(const struct net_source *src, const void *request, size_t len,
			 int (*fn)(void *ctx, const void *message, size_t len, struct err *err),
			 void *ctx, struct err *err)
{
	const struct bytes asked = {request, len};
	const char *path = recording_of(netlink_type(asked));
	_cleanup_free_ char *text = NULL;
	struct bytes rest, message;

	if (root_read(src->root, path, MAX_RECORDING, &text, &rest.len, err))
		return err->code;
	rest.data = (const uint8_t *)text;
	if (netlink_type(asked) == RTM_GETROUTE)
		return answer_route(rest, asked, fn, ctx, err);
	while (netlink_next(&rest, &message))
		if (fn(ctx, message.data, message.len, err))
			return err_wrap(err, "%s", path);
	return rest.len ? err_set(err, ERR_CORRUPT, "%s: the last message is not whole", path) : 0;
}

void net_source_of_root(const struct root *root, struct net_source *ret)
{
	*ret = (struct net_source){root->fd < 0 ? net_source_kernel.ask : ask_recording, root};
}

/* ---- links */

struct probe {
	const struct net_source *src;
	struct net *net;
	net_note_fn note;
	void *note_ctx;
	struct netlink_links links;
	struct netlink_addresses addresses;
};

static int _printf_(3, 4) say(const struct probe *p, struct err *err, const char *format, ...)
{
	char text[NOTE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return p->note ? p->note(p->note_ctx, text, err) : 0;
}

static struct net_link *link_of(const struct probe *p, const char *name)
{
	return (struct net_link *)net_find(p->net, name);
}

static bool has_file(const struct probe *p, const struct netlink_link *l, const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", l->name, name);
	return root_exists(p->src->root, path);
}

/* The first word of a file there: "active-backup 1" and "802.3ad 4" are a name and its number. False: there is none. */
static bool first_word(const struct probe *p, const char *link, const char *name, char *ret,
		       size_t size)
{
	_cleanup_free_ char *text = NULL;
	struct err err;
	char path[80];
	size_t len;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", link, name);
	if (root_read(p->src->root, path, 4096, &text, &len, &err))
		return false;
	len = strcspn(text, " \t\n");
	if (!len || len >= size)
		return false;
	memcpy(ret, text, len);
	ret[len] = '\0';
	return true;
}

/*
 * What a bond or bridge does not work without, in the order in which it has to be set: the kernel refuses what does not
 * fit the mode (bond_opts[] in drivers/net/bonding/bond_options.c; net/bridge/br_sysfs_br.c). Not min_links, updelay and the like,
 * by which less than all parts would not do. VLAN filtering stays off.
 */
static const struct option {
	const char *name, *mode; /* of a bond, NULL: of each */
} bond_options[] =
	{
		{"mode", NULL},           {"fail_over_mac", "active-backup"},
		{"miimon", NULL},         {"arp_interval", NULL},
		{"arp_ip_target", NULL},  {"lacp_rate", "802.3ad"},
		{"ad_select", "802.3ad"}, {"xmit_hash_policy", NULL},
		{"primary", NULL},        {NULL, NULL},
},
  bridge_options[] = {
	  {"stp_state", NULL},
	  {"forward_delay", NULL},
	  {NULL, NULL},
};

static int add_options(const struct probe *p, const char *name, struct err *err)
{
	struct net_link *l = link_of(p, name);
	bool bond = l->kind == NET_BOND;
	char file[40], value[64], text[128], mode[64] = "";

	for (const struct option *o = bond ? bond_options : bridge_options; o->name; o++) {
		snprintf(file, sizeof(file), "%s/%s", bond ? "bonding" : "bridge", o->name);
		if ((o->mode && strcmp(o->mode, mode) != 0) ||
		    !first_word(p, name, file, value, sizeof(value)))
			continue;
		if (strcmp(o->name, "mode") == 0)
			strcpy(mode, value);
		if (strcmp(o->name, "arp_interval") == 0 && strcmp(value, "0") == 0)
			continue; /* setting it would end miimon */
		snprintf(text, sizeof(text), "%s=%s", o->name, value);
		if (net_add_option(l, text, err))
			return err_wrap(err, "%s", name);
	}
	if (!bond && first_word(p, name, "bridge/vlan_filtering", value, sizeof(value)) &&
	    strcmp(value, "0") != 0)
		return say(p, err, "%s keeps VLANs apart; after a crash it lets all of them pass",
			   name);
	return 0;
}

static int unsupported(const struct netlink_link *l, const char *what, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		       "%s is %s, which cannot be made again after a crash: let the server be "
		       "reached by an Ethernet interface, a VLAN, a bond or a bridge",
		       l->name, what);
}

/* Is it one that net_up() can find and make? */
static int check_kind(const struct probe *p, const struct netlink_link *l, enum net_kind *ret,
		      struct err *err)
{
	char what[64];

	if (l->flags & IFF_LOOPBACK)
		return err_set(err, ERR_USAGE,
			       "%s is this machine's own: what is kept there is "
			       "lost with it",
			       l->name);
	if (l->type != ARPHRD_ETHER)
		return unsupported(l, "no Ethernet interface", err);
	if (has_file(p, l, "phy80211") || has_file(p, l, "wireless"))
		return unsupported(l, "a wireless interface", err);
	if (!*l->kind)
		*ret = NET_PHYSICAL;
	else if (strcmp(l->kind, "vlan") == 0)
		*ret = NET_VLAN;
	else if (strcmp(l->kind, "bond") == 0)
		*ret = NET_BOND;
	else if (strcmp(l->kind, "bridge") == 0)
		*ret = NET_BRIDGE;
	else {
		snprintf(what, sizeof(what), "of the kind '%s'", l->kind);
		return unsupported(l, what, err);
	}
	return 0;
}

static int add_link(const struct probe *p, const struct netlink_link *l, unsigned int depth,
		    struct err *err);

/*
 * The parts of a bond or bridge. One that cannot be made again (a virtual machine's end of a bridge) is left out, as long as
 * there is another.
 */
static int add_parts(const struct probe *p, const struct netlink_link *l, unsigned int depth,
		     struct err *err)
{
	size_t n = 0, left_out = 0;
	struct err why = {0};

	for (size_t i = 0; i < p->links.n; i++) {
		const struct netlink_link *part = &p->links.v[i];
		struct net_link *added;
		size_t before = p->net->n;

		if (part->master != l->index || part == l)
			continue;
		if (add_link(p, part, depth + 1, &why)) {
			net_truncate(p->net, before);
			if (why.code != ERR_UNSUPPORTED) {
				*err = why;
				return err->code;
			}
			left_out++;
			continue;
		}
		added = link_of(p, part->name);
		strcpy(added->master, l->name);
		added->has_set_mac = false; /* its master gives it one */
		n++;
	}
	if (!n && left_out)
		return err_set(err, ERR_UNSUPPORTED, "%s has no part that can be made again: %s",
			       l->name, why.msg);
	if (!n)
		return err_set(err, ERR_NOT_FOUND, "%s has no part: nothing leads out of it",
			       l->name);
	return left_out && l->kind[1] == 'o'
		       ? say(p, err, "a part of %s is left out: %s", l->name, why.msg)
		       : 0;
}

static int add_below(const struct probe *p, const struct netlink_link *l, enum net_kind kind,
		     unsigned int depth, struct err *err)
{
	const struct netlink_link *parent = netlink_by_index(&p->links, l->parent);

	if (kind == NET_PHYSICAL)
		return 0;
	if (kind != NET_VLAN)
		return add_parts(p, l, depth, err);
	if (!parent || l->parent_elsewhere || parent == l)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s is a VLAN on an interface of another network namespace",
			       l->name);
	return add_link(p, parent, depth + 1, err);
}

/* Found by its permanent address, which no driver or bond changes; else by the one that it has. */
static int set_macs(const struct probe *p, const struct netlink_link *from, struct net_link *l,
		    struct err *err)
{
	const struct netlink_link *parent = netlink_by_index(&p->links, from->parent);
	const uint8_t *mac = from->mac;

	if (!from->has_mac)
		return l->kind == NET_PHYSICAL ? unsupported(from, "without a MAC address", err)
					       : 0;
	if (l->kind == NET_VLAN && parent && memcmp(parent->mac, from->mac, NET_MAC) == 0)
		return 0; /* inherited */
	if (l->kind == NET_PHYSICAL && from->has_permanent) {
		mac = from->permanent;
		l->has_set_mac = memcmp(from->mac, mac, NET_MAC) != 0;
		memcpy(l->set_mac, from->mac, NET_MAC);
	}
	memcpy(l->mac, mac, NET_MAC);
	l->has_mac = true;
	if (l->kind == NET_PHYSICAL && !from->has_permanent)
		return say(p, err,
			   "%s has no permanent MAC address: if its driver chooses another one at "
			   "each boot, it will not be found after a crash",
			   from->name);
	return 0;
}

static int fill_link(const struct probe *p, const struct netlink_link *from, struct net_link *l,
		     enum net_kind kind, struct err *err)
{
	l->kind = kind;
	if (from->mtu >= NET_MTU_MIN && from->mtu <= NET_MTU_MAX)
		l->mtu = from->mtu;
	if (kind == NET_VLAN) {
		if (from->vlan_id < 1 || from->vlan_id > 4094)
			return err_set(err, ERR_UNSUPPORTED, "%s is a VLAN with the number %u",
				       from->name, from->vlan_id);
		l->vlan_id = from->vlan_id;
		l->vlan_ad = from->vlan_ad;
		strcpy(l->parent, netlink_by_index(&p->links, from->parent)->name);
	}
	return set_macs(p, from, l, err);
}

/* What it stands on first; each once. */
static int add_link(const struct probe *p, const struct netlink_link *l, unsigned int depth,
		    struct err *err)
{
	struct net_link *added;
	enum net_kind kind = 0;

	if (net_find(p->net, l->name))
		return 0;
	if (depth > MAX_DEPTH)
		return err_set(err, ERR_UNSUPPORTED, "%s: more than %d interfaces on each other",
			       l->name, MAX_DEPTH);
	if (check_kind(p, l, &kind, err) || add_below(p, l, kind, depth, err))
		return err->code;
	if (net_add(p->net, l->name, &added, err))
		return err->code;
	if (fill_link(p, l, added, kind, err)) {
		net_truncate(p->net, p->net->n - 1);
		return err->code;
	}
	return kind == NET_BOND || kind == NET_BRIDGE ? add_options(p, l->name, err) : 0;
}

/* ---- the way to a server */

static int take_route(void *ctx, const void *message, size_t len, struct err *err)
{
	struct bytes m = {message, len};

	return netlink_type(m) == RTM_NEWROUTE ? netlink_read_route(m, ctx, err) : 0;
}

static int ask_route(const struct probe *p, const struct net_ip *to, struct netlink_route *ret,
		     struct err *err)
{
	unsigned int bits = to->family == AF_INET ? 32 : 128;
	struct rtmsg body = {.rtm_family = (uint8_t)to->family, .rtm_dst_len = (uint8_t)bits};
	struct netlink_route route = {0};
	struct netlink_request q;
	char text[NET_IP_TEXT];
	int r;

	net_ip_format(to, text);
	netlink_begin(&q, RTM_GETROUTE, 0, &body, sizeof(body));
	netlink_put(&q, RTA_DST, to->bytes, bits / 8);
	r = p->src->ask(p->src, q.data, q.head.nlmsg_len, take_route, &route, err);
	if (r && (err->sys == ENETUNREACH || err->sys == EHOSTUNREACH))
		return err_set(err, ERR_NOT_FOUND, "this machine has no route to %s", text);
	if (r)
		return err_wrap(err, "the route to %s", text);
	if (route.type == RTN_LOCAL)
		return err_set(err, ERR_USAGE,
			       "%s is this machine itself: what is kept there is lost with it",
			       text);
	if (route.type != RTN_UNICAST || !route.index)
		return err_set(err, ERR_NOT_FOUND, "this machine has no route to %s", text);
	if (route.to.ip.family != to->family ||
	    (route.via.family && (!net_ip_is_unicast(&route.via) ||
				  (to->family == AF_INET6 && route.via.family == AF_INET))))
		return err_set(err, ERR_CORRUPT, "the route to %s has no good gateway", text);
	*ret = route;
	return 0;
}

static const struct netlink_address *address_of(const struct probe *p, const struct net_ip *ip,
						unsigned int index)
{
	const struct netlink_address *found = NULL;

	for (size_t i = 0; i < p->addresses.n; i++)
		if (net_ip_equal(&p->addresses.v[i].address.ip, ip) &&
		    (!found || p->addresses.v[i].index == index))
			found = &p->addresses.v[i];
	return found;
}

/* A route of a table has no address to send from: the kernel takes one of the interface, of the gateway's network if it can. */
static void choose_source(const struct probe *p, const struct net_ip *server,
			  struct netlink_route *route)
{
	const struct net_ip *next = route->via.family == server->family ? &route->via : server;

	for (size_t i = 0; i < p->addresses.n && !route->from.family; i++)
		if (p->addresses.v[i].index == route->index &&
		    net_prefix_has(&p->addresses.v[i].address, next))
			route->from = p->addresses.v[i].address.ip;
	for (size_t i = 0; i < p->addresses.n && !route->from.family; i++)
		if (p->addresses.v[i].index == route->index && !p->addresses.v[i].link_local &&
		    p->addresses.v[i].address.ip.family == server->family)
			route->from = p->addresses.v[i].address.ip;
}

/*
 * The address that packets come from, and no other: one that wanders between machines (a cluster's) must not be taken along.
 * *ret_kept: it is recorded.
 */
static int add_source(const struct probe *p, const struct netlink_route *route, struct net_link *l,
		      bool *ret_kept, struct err *err)
{
	const struct netlink_address *a = address_of(p, &route->from, route->index);
	char text[NET_IP_TEXT];
	bool six = route->from.family == AF_INET6;

	*ret_kept = false;
	if (!route->from.family)
		return 0;
	net_ip_format(&route->from, text);
	if (!a || !a->address.prefix || !net_ip_is_unicast(&a->address.ip))
		return err_set(err, ERR_NOT_FOUND,
			       "%s, which packets would come from, is not an "
			       "address of this machine",
			       text);
	if (a->link_local && six)
		return 0; /* the kernel makes it */
	/* DHCPv6 gives single addresses; the others are of a router's announcements, and will be so again */
	if (six && a->lives && a->address.prefix != 128)
		return say(p, err,
			   "the address %s of %s is from a router's announcement; after a "
			   "crash the kernel waits for the next one",
			   text, l->name);
	if (net_add_address(l, &a->address, err))
		return err_wrap(err, "%s", l->name);
	*ret_kept = true;
	if (six || !a->lives)
		return 0;
	l->dhcp = NET_DHCP_FIRST;
	return say(p, err,
		   "the address %s of %s is from DHCP, which is asked again after a crash; "
		   "without an answer within %u s it is used as it is",
		   text, l->name, l->dhcp_seconds);
}

/* Does an address of the link lead there by itself? */
static bool is_near(const struct net_link *l, const struct net_ip *ip)
{
	/* fe80::/10 */
	if (ip->family == AF_INET6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80)
		return true;
	for (size_t i = 0; i < l->n_addresses; i++)
		if (net_prefix_has(&l->addresses[i], ip))
			return true;
	return false;
}

static int add_host(struct net_link *l, const struct net_ip *to, const struct net_ip *via,
		    const struct net_ip *from, struct err *err)
{
	struct net_route route = {
		.to = {.ip = *to, .prefix = to->family == AF_INET ? 32 : 128},
		.via = *via,
	};

	if (from->family == to->family)
		route.from = *from;
	if (net_add_route(l, &route, err))
		return err_wrap(err, "%s", l->name);
	return 0;
}

/* Routes to this one server: they are right whatever else the routing table and its rules say. */
static int add_way(const struct probe *p, const struct net_ip *server,
		   const struct netlink_route *route, struct net_link *l, struct err *err)
{
	static const struct net_ip none;
	const struct net_ip *from = &none;
	bool kept;

	if (add_source(p, route, l, &kept, err))
		return err->code;
	if (kept)
		from = &route->from;
	if (!route->via.family)
		return is_near(l, server) ? 0 : kept ? add_host(l, server, &none, from, err) : 0;
	/* announced along with the address */
	if (server->family == AF_INET6 && !kept && route->protocol == RTPROT_RA)
		return 0;
	/* whatever the prefixes say: a gateway is a neighbour */
	if (!is_near(l, &route->via) && add_host(l, &route->via, &none, from, err))
		return err->code;
	return add_host(l, server, &route->via, from, err);
}

static int check_server(const struct net_ip *ip, struct err *err)
{
	static const uint8_t loopback[16] = {[15] = 1};
	char text[NET_IP_TEXT];

	net_ip_format(ip, text);
	if (ip->family == AF_INET ? ip->bytes[0] == 127 : memcmp(ip->bytes, loopback, 16) == 0)
		return err_set(err, ERR_USAGE,
			       "%s is this machine itself: what is kept there is lost with it",
			       text);
	if (!net_ip_is_unicast(ip))
		return err_set(err, ERR_USAGE, "%s is not the address of one server", text);
	if (ip->family == AF_INET6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80)
		return err_set(err, ERR_USAGE,
			       "%s is different on each interface: give the server an address that "
			       "is not link-local",
			       text);
	return 0;
}

static int probe_server(const struct probe *p, const struct net_ip *server, char ret_link[NET_NAME],
			struct err *err)
{
	struct netlink_route route;
	const struct netlink_link *top;

	if (check_server(server, err) || ask_route(p, server, &route, err))
		return err->code;
	top = netlink_by_index(&p->links, route.index);
	if (!top)
		return err_set(err, ERR_NOT_FOUND, "interface %u, which leads there, is gone",
			       route.index);
	choose_source(p, server, &route);
	if (add_link(p, top, 0, err) || add_way(p, server, &route, link_of(p, top->name), err))
		return err->code;
	strcpy(ret_link, top->name);
	return 0;
}

int net_probe(const struct net_source *src, const struct net_ip *server, struct net *net,
	      char ret_link[NET_NAME], net_note_fn note, void *note_ctx, struct err *err)
{
	struct probe p = {.src = src, .net = net, .note = note, .note_ctx = note_ctx};
	size_t before = net->n;
	char text[NET_IP_TEXT];
	int r;

	r = netlink_links(src, &p.links, err);
	if (!r)
		r = netlink_addresses(src, &p.addresses, err);
	if (!r)
		r = probe_server(&p, server, ret_link, err);
	if (r)
		net_truncate(net, before);
	free(p.links.v);
	free(p.addresses.v);
	net_ip_format(server, text);
	return r ? err_wrap(err, "the network to %s", text) : 0;
}
