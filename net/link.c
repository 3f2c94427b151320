// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"

#define MONITOR "100" /* ms; a bond without a monitor never sees that a part is dead */

/* ---- what the kernel has */

void link_trouble(struct link_work *w, const struct err *why)
{
	snprintf(w->trouble, sizeof(w->trouble), "%.255s", why->msg);
}

static bool is_made(const struct netlink_link *s)
{
	return strcmp(s->kind, "vlan") == 0 || strcmp(s->kind, "bond") == 0 ||
	       strcmp(s->kind, "bridge") == 0;
}

/*
 * A virtual function that a paravirtual interface uses by itself (net_failover, hv_netvsc) has the same address, and that
 * interface as its master.
 */
static bool is_hidden(const struct link_work *w, const struct netlink_link *s)
{
	const struct netlink_link *master = netlink_by_index(&w->seen, s->master);

	return master && !is_made(master);
}

/* IFLA_PERM_ADDRESS is there since 5.6, for hardware that has one; what a bond has taken in has lost its own as IFLA_ADDRESS. */
static bool is_hardware(const struct netlink_link *s, const struct net_link *l)
{
	if (s->has_permanent)
		return memcmp(s->permanent, l->mac, NET_MAC) == 0;
	if (!s->has_mac)
		return false;
	return memcmp(s->mac, l->mac, NET_MAC) == 0 ||
	       (l->has_set_mac && memcmp(s->mac, l->set_mac, NET_MAC) == 0) ||
	       (s->master && strcmp(s->name, l->name) == 0);
}

const struct netlink_link *link_seen(const struct link_work *w, const struct net_link *l)
{
	const struct netlink_link *s;

	if (l->kind != NET_PHYSICAL) {
		s = netlink_by_name(&w->seen, l->name);
		return s && strcmp(s->kind, net_kind_name(l->kind)) == 0 ? s : NULL;
	}
	for (size_t i = 0; i < w->seen.n; i++) {
		s = &w->seen.v[i];
		if (!is_made(s) && !(s->flags & IFF_LOOPBACK) && is_hardware(s, l) &&
		    !is_hidden(w, s))
			return s;
	}
	return NULL;
}

static int look(struct link_work *w, struct err *err)
{
	struct netlink_links seen;

	if (netlink_links(&net_source_kernel, &seen, err))
		return err->code;
	free(w->seen.v);
	w->seen = seen;
	return 0;
}

/* Running alone does not say it: until the kernel has looked, it takes what it does not know for running (dev_get_flags()). */
static bool has_carrier(const struct netlink_link *s)
{
	const unsigned int want = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;

	return s && (s->flags & want) == want;
}

/* ---- changes */

static void begin(struct netlink_request *q, unsigned int index, unsigned int flags,
		  unsigned int change)
{
	struct ifinfomsg body = {.ifi_index = (int)index, .ifi_flags = flags, .ifi_change = change};

	netlink_begin(q, RTM_NEWLINK, 0, &body, sizeof(body));
}

static int set_flags(const struct netlink_link *s, unsigned int flags, struct err *err)
{
	struct netlink_request q;

	if ((s->flags & IFF_UP) == flags)
		return 0;
	begin(&q, s->index, flags, IFF_UP);
	if (netlink_do(&q, err))
		return err_wrap(err, "%s: %s", s->name, flags ? "bring it up" : "bring it down");
	return 0;
}

/* Only what is down can be renamed (by kernels before 6.2), taken in by a bond, or be given another address by most drivers. */
static int change(const struct netlink_link *s, uint16_t type, const void *value, size_t len,
		  const char *what, struct err *err)
{
	struct netlink_request q;

	if (set_flags(s, 0, err))
		return err->code;
	begin(&q, s->index, 0, 0);
	netlink_put(&q, type, value, len);
	if (netlink_do(&q, err))
		return err_wrap(err, "%s: %s", s->name, what);
	return 0;
}

static int rename_link(const struct netlink_link *s, const char *name, struct err *err)
{
	return change(s, IFLA_IFNAME, name, strlen(name) + 1, "give it another name", err);
}

/* Whoever has the name gets one that nobody has; the kernel puts a number there. */
static int take_name(struct link_work *w, const struct net_link *l, struct err *err)
{
	const struct netlink_link *other = netlink_by_name(&w->seen, l->name);

	if (!other || other == link_seen(w, l))
		return 0;
	if (rename_link(other, "other%d", err))
		return err->code;
	return look(w, err);
}

static int set_mac(const struct netlink_link *s, const struct net_link *l, struct err *err)
{
	const uint8_t *mac = l->kind == NET_PHYSICAL ? l->set_mac : l->mac;

	/* what is up has it, or does not take it (a bond whose parts keep theirs): no reason to interrupt it */
	if (!(l->kind == NET_PHYSICAL ? l->has_set_mac : l->has_mac) || s->master ||
	    s->flags & IFF_UP || (s->has_mac && memcmp(s->mac, mac, NET_MAC) == 0))
		return 0;
	return change(s, IFLA_ADDRESS, mac, NET_MAC, "set its MAC address", err);
}

/* While it is up, which drivers can: it may have connections. */
static int set_mtu(const struct netlink_link *s, const struct net_link *l, struct err *err)
{
	struct netlink_request q;

	if (!l->mtu || s->mtu == l->mtu)
		return 0;
	begin(&q, s->index, 0, 0);
	netlink_put_u32(&q, IFLA_MTU, l->mtu);
	if (netlink_do(&q, err))
		return err_wrap(err, "%s: set an MTU of %u", s->name, l->mtu);
	return 0;
}

static void put_kind(struct netlink_request *q, const struct net_link *l)
{
	size_t info = netlink_nest(q, IFLA_LINKINFO), data;

	netlink_put_text(q, IFLA_INFO_KIND, net_kind_name(l->kind));
	if (l->kind == NET_VLAN) {
		uint16_t id = (uint16_t)l->vlan_id;
		uint16_t protocol = htons(l->vlan_ad ? ETH_P_8021AD : ETH_P_8021Q);

		data = netlink_nest(q, IFLA_INFO_DATA);
		netlink_put(q, IFLA_VLAN_ID, &id, sizeof(id));
		netlink_put(q, IFLA_VLAN_PROTOCOL, &protocol, sizeof(protocol));
		netlink_nest_end(q, data);
	}
	netlink_nest_end(q, info);
}

static int create(struct link_work *w, const struct net_link *l, unsigned int parent,
		  struct err *err)
{
	struct netlink_request q;

	if (take_name(w, l, err))
		return err->code;
	begin(&q, 0, 0, 0);
	q.head.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	netlink_put_text(&q, IFLA_IFNAME, l->name);
	if (l->has_mac)
		netlink_put(&q, IFLA_ADDRESS, l->mac, NET_MAC);
	if (parent)
		netlink_put_u32(&q, IFLA_LINK, parent);
	put_kind(&q, l);
	if (!netlink_do(&q, err))
		return look(w, err);
	if (err->sys == EOPNOTSUPP)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s: this kernel cannot make a %s: its module (%s) is not loaded",
			       l->name, net_kind_name(l->kind),
			       l->kind == NET_VLAN   ? "8021q"
			       : l->kind == NET_BOND ? "bonding"
						     : "bridge");
	return err_wrap(err, "%s: make a %s", l->name, net_kind_name(l->kind));
}

/* ---- bonds and bridges */

static int write_option(const struct link_work *w, const struct net_link *l, const char *name,
			size_t len, const char *value, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char path[400];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s/%.*s", l->name,
		 l->kind == NET_BOND ? "bonding" : "bridge", (int)len, name);
	fd = root_open(w->root, path, O_WRONLY);
	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	return io_write_full(fd, value, strlen(value), path, err);
}

/* A wrong one may still work, no bond at all does not: they are trouble only. */
static void set_options(struct link_work *w, const struct net_link *l)
{
	bool monitored = false;
	struct err why = {0};

	for (char **o = l->options; o && *o; o++) {
		size_t name = strcspn(*o, "=");
		const char *value = *o + name + 1;
		char target[300];

		monitored |=
			(strncmp(*o, "miimon=", 7) == 0 || strncmp(*o, "arp_interval=", 13) == 0) &&
			strcmp(value, "0") != 0;
		if (strncmp(*o, "arp_ip_target=", 14) == 0) {
			/* a list that one adds to */
			snprintf(target, sizeof(target), "+%s", value);
			value = target;
		}
		if (write_option(w, l, *o, name, value, &why))
			link_trouble(w, &why);
	}
	if (l->kind == NET_BOND && !monitored &&
	    write_option(w, l, "miimon", strlen("miimon"), MONITOR, &why))
		link_trouble(w, &why);
}

/* All parts that are there and are not yet parts of it; one that does not want to is trouble only. */
static int take_parts(struct link_work *w, const struct net_link *l, struct err *err)
{
	for (size_t i = 0; i < w->net->n; i++) {
		const struct net_link *part = &w->net->links[i];
		const struct netlink_link *s = link_seen(w, part);
		const struct netlink_link *master = link_seen(w, l);
		struct err why = {0};

		if (strcmp(part->master, l->name) != 0 || !s || !master ||
		    s->master == master->index)
			continue;
		if (change(s, IFLA_MASTER, &master->index, sizeof(uint32_t), "make it a part",
			   &why))
			link_trouble(w, &why);
		if (look(w, err))
			return err->code;
	}
	return 0;
}

static bool has_part(const struct link_work *w, const struct net_link *l)
{
	for (size_t i = 0; i < w->net->n; i++)
		if (strcmp(w->net->links[i].master, l->name) == 0 &&
		    link_seen(w, &w->net->links[i]))
			return true;
	return false;
}

/* ---- one link */

/* Find and name it, or make it, if what it stands on is there. */
static int make_one(struct link_work *w, const struct net_link *l, struct err *err)
{
	const struct net_link *parent = net_find(w->net, l->parent);
	const struct netlink_link *below = parent ? link_seen(w, parent) : NULL;
	const struct netlink_link *s = link_seen(w, l);

	if (l->kind == NET_PHYSICAL && s && strcmp(s->name, l->name) != 0) {
		if (take_name(w, l, err) || rename_link(link_seen(w, l), l->name, err))
			return err->code;
		return look(w, err);
	}
	if (s || l->kind == NET_PHYSICAL)
		return 0;
	if (l->kind == NET_VLAN ? !below : !has_part(w, l))
		return 0;
	return create(w, l, below ? below->index : 0, err);
}

static int finish_one(struct link_work *w, const struct net_link *l, struct err *err)
{
	const struct netlink_link *s = link_seen(w, l);
	struct err why = {0};

	if (!s)
		return 0;
	if (set_mac(s, l, &why))
		link_trouble(w, &why);
	if (l->kind == NET_BOND || l->kind == NET_BRIDGE) {
		/* a bond's mode is set while it is down and has no part */
		if (!(s->flags & IFF_UP))
			set_options(w, l);
		if (take_parts(w, l, err))
			return err->code;
	}
	if (look(w, err))
		return err->code;
	s = link_seen(w, l);
	if (s && set_mtu(s, l, &why))
		link_trouble(w, &why);
	/* what has a master to be made first comes up behind it: a bond takes in only what is down */
	if (s && (!*l->master || s->master) && set_flags(s, IFF_UP, &why))
		link_trouble(w, &why);
	return look(w, err);
}

/* Parts are brought up when their master has taken them in. */
static int raise_parts(struct link_work *w, struct err *err)
{
	struct err why = {0};

	for (size_t i = 0; i < w->net->n; i++) {
		const struct netlink_link *s = link_seen(w, &w->net->links[i]);

		if (w->needed[i] && s && s->master && set_flags(s, IFF_UP, &why))
			link_trouble(w, &why);
	}
	return look(w, err);
}

int link_round(struct link_work *w, struct err *err)
{
	const struct netlink_link *lo;

	if (look(w, err))
		return err->code;
	lo = netlink_by_name(&w->seen, "lo");
	if (lo)
		(void)set_flags(lo, IFF_UP, &(struct err){0});
	for (size_t i = 0; i < w->net->n; i++) {
		const struct net_link *l = &w->net->links[i];
		struct err why = {0};

		if (!w->needed[i])
			continue;
		if (make_one(w, l, &why)) {
			if (why.code == ERR_UNSUPPORTED) {
				*err = why;
				return err->code;
			}
			link_trouble(w, &why);
			if (look(w, err))
				return err->code;
		} else if (finish_one(w, l, err)) {
			return err->code;
		}
	}
	return raise_parts(w, err);
}

/* ---- what is missing */

static void describe(const struct link_work *w, const struct net_link *l, char *buf, size_t size)
{
	const struct netlink_link *s = link_seen(w, l);
	char mac[NET_MAC_TEXT];

	net_mac_format(l->mac, mac);
	if (!s && l->kind == NET_PHYSICAL)
		snprintf(buf, size,
			 "%s is not there (no interface has the MAC address %s: its driver or "
			 "firmware may be missing)",
			 l->name, mac);
	else if (!s)
		snprintf(buf, size, "%s cannot be made yet", l->name);
	else if (!(s->flags & IFF_UP))
		snprintf(buf, size, "%s does not come up", l->name);
	else
		snprintf(buf, size, "%s has no carrier", l->name);
}

/* A bridge has one until it has looked at its parts. */
static bool is_connected(const struct link_work *w, const struct net_link *l)
{
	bool any = l->kind != NET_BOND && l->kind != NET_BRIDGE;

	for (size_t i = 0; i < w->net->n; i++)
		any |= strcmp(w->net->links[i].master, l->name) == 0 &&
		       has_carrier(link_seen(w, &w->net->links[i]));
	return any && has_carrier(link_seen(w, l));
}

bool link_is_up(const struct link_work *w, bool *ret_all, struct err *err)
{
	char text[640] = "";
	size_t len = 0;

	for (size_t i = 0; i < w->net->n; i++) {
		if (!w->needed[i] || is_connected(w, &w->net->links[i]))
			continue;
		if (len)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "; ");
		describe(w, &w->net->links[i], text + len, sizeof(text) - len);
		len += strlen(text + len);
		if (len > sizeof(text) - 8)
			break;
	}
	*ret_all = !len;
	if (is_connected(w, w->top))
		return true;
	(void)err_set(err, ERR_NOT_FOUND, "%s%s%s", text, *w->trouble ? "; " : "", w->trouble);
	return false;
}

/* ---- which links */

int link_init(struct link_work *w, const struct net *net, const char *top, const struct root *root,
	      struct err *err)
{
	*w = (struct link_work){.net = net, .top = net_find(net, top), .root = root};
	if (!w->top)
		return err_set(err, ERR_USAGE, "there is no link %s", top);
	if (net->n > NET_MAX_LINKS)
		return err_set(err, ERR_USAGE, "more than %d links", NET_MAX_LINKS);
	w->needed[w->top - net->links] = true;
	if (look(w, err))
		return err->code;
	w->was_up = is_connected(w, w->top);
	/* what a link stands on is before it, so that one walk back finds all of it */
	for (size_t i = net->n; i-- > 0;) {
		const struct net_link *l = &net->links[i];
		const struct net_link *master = net_find(net, l->master), *parent;

		if (master && w->needed[master - net->links])
			w->needed[i] = true;
		parent = net_find(net, l->parent);
		if (w->needed[i] && parent)
			w->needed[parent - net->links] = true;
	}
	return 0;
}

void link_deinit(struct link_work *w)
{
	free(w->seen.v);
	w->seen = (struct netlink_links){0};
}
