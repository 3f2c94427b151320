// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/up.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "net/dhcp.h"
#include "net/link.h"

#define PAUSE_MS   100
#define MS         1000000ULL          /* nanoseconds */
#define PATIENCE   (3 * NS_PER_SECOND) /* for further parts of a bond or bridge */
#define CONNECT_MS 3000 /* for one server; the next one may be the one that answers */
#define ROUND_MS   1000 /* between rounds, where servers refuse at once */
/*
 * An address of a lease is told from others by having a lifetime. It is longer than the lease: nobody is here to renew it, and a
 * capture that lost its address in the middle would be lost.
 */
#define LEASE_SECONDS 0x7fffffff

static void sleep_ms(unsigned int ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

/* ---- addresses and routes */

static unsigned int ip_len(const struct net_ip *ip)
{
	return ip->family == AF_INET ? 4 : 16;
}

static int give_address(unsigned int index, const struct net_address *a, bool lease,
			struct err *err)
{
	struct ifaddrmsg body = {
		.ifa_family = (uint8_t)a->ip.family,
		.ifa_prefixlen = (uint8_t)a->prefix,
		/* a minute ago it was this machine's: nobody else has it */
		.ifa_flags = a->ip.family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_index = index,
	};
	struct ifa_cacheinfo times = {.ifa_valid = LEASE_SECONDS, .ifa_prefered = LEASE_SECONDS};
	struct netlink_request q;
	char text[NET_IP_TEXT];
	uint8_t all[4];

	netlink_begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	netlink_put(&q, IFA_LOCAL, a->ip.bytes, ip_len(&a->ip));
	netlink_put(&q, IFA_ADDRESS, a->ip.bytes, ip_len(&a->ip));
	if (a->ip.family == AF_INET && a->prefix <= 30) {
		for (unsigned int i = 0; i < 4; i++)
			all[i] = a->ip.bytes[i] |
				 (uint8_t)(0xffffffffULL >> a->prefix >> (24 - 8 * i));
		netlink_put(&q, IFA_BROADCAST, all, sizeof(all));
	}
	if (lease)
		netlink_put(&q, IFA_CACHEINFO, &times, sizeof(times));
	net_ip_format(&a->ip, text);
	if (netlink_do(&q, err))
		return err_wrap(err, "the address %s/%u", text, a->prefix);
	return 0;
}

/*
 * With a gateway "onlink": it is a neighbour whatever the prefixes say. `via` of another family is a struct rtvia (uapi
 * linux/rtnetlink.h; since 5.2 for IPv4 through IPv6).
 */
static int give_route(unsigned int index, const struct net_route *r, struct err *err)
{
	struct rtmsg body = {
		.rtm_family = (uint8_t)r->to.ip.family,
		.rtm_dst_len = (uint8_t)r->to.prefix,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = r->via.family || r->to.ip.family == AF_INET6 ? RT_SCOPE_UNIVERSE
									  : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
		.rtm_flags = r->via.family ? RTNH_F_ONLINK : 0,
	};
	struct netlink_request q;
	char text[NET_IP_TEXT];

	netlink_begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	netlink_put_u32(&q, RTA_OIF, index);
	if (r->to.prefix)
		netlink_put(&q, RTA_DST, r->to.ip.bytes, ip_len(&r->to.ip));
	if (r->via.family == r->to.ip.family) {
		netlink_put(&q, RTA_GATEWAY, r->via.bytes, ip_len(&r->via));
	} else if (r->via.family) {
		uint8_t via[18] = {0};
		uint16_t family = (uint16_t)r->via.family;

		memcpy(via, &family, sizeof(family));
		memcpy(via + 2, r->via.bytes, 16);
		netlink_put(&q, RTA_VIA, via, 2 + ip_len(&r->via));
	}
	if (r->from.family)
		netlink_put(&q, RTA_PREFSRC, r->from.bytes, ip_len(&r->from));
	if (r->metric)
		netlink_put_u32(&q, RTA_PRIORITY, r->metric);
	net_ip_format(&r->to.ip, text);
	if (netlink_do(&q, err))
		return err_wrap(err, "the route to %s/%u", text, r->to.prefix);
	return 0;
}

/* What a link has by now. */
struct holding {
	bool four;           /* an IPv4 address */
	bool lease;          /* one of a lease */
	bool six;            /* an IPv6 address that is more than link-local */
	bool tentative;      /* one of these is not yet usable */
	struct net_ip twice; /* one that another machine has, too; or family 0 */
};

static int look_at_addresses(unsigned int index, struct holding *ret, struct err *err)
{
	struct netlink_addresses list;
	struct holding h = {0};

	if (netlink_addresses(&net_source_kernel, &list, err))
		return err->code;
	for (size_t i = 0; i < list.n; i++) {
		const struct netlink_address *a = &list.v[i];

		if (a->index != index)
			continue;
		if (a->address.ip.family == AF_INET) {
			h.four = true;
			h.lease |= a->lives;
		} else if (!a->link_local && a->flags & IFA_F_DADFAILED) {
			h.twice = a->address.ip;
		} else if (!a->link_local) {
			h.six = true;
			h.tentative |= (a->flags & IFA_F_TENTATIVE) != 0;
		}
	}
	free(list.v);
	*ret = h;
	return 0;
}

/* ---- DHCP */

static const struct net_ip *recorded_four(const struct net_link *l)
{
	static const struct net_ip none;

	for (size_t i = 0; i < l->n_addresses; i++)
		if (l->addresses[i].ip.family == AF_INET)
			return &l->addresses[i].ip;
	return &none;
}

static int apply_lease(unsigned int index, const struct net_link *l, const struct dhcp_lease *lease,
		       struct err *err)
{
	struct err ignored;

	if (give_address(index, &lease->address, true, err))
		return err->code;
	/* one that the kernel does not take is of use to nobody else either */
	for (size_t i = 0; i < lease->n_routes; i++)
		(void)give_route(index, &lease->routes[i], &ignored);
	/* what was configured beyond DHCP, if the network is still that one */
	for (size_t i = 0; i < l->n_routes; i++) {
		struct net_route r = l->routes[i];

		r.from = (struct net_ip){0};
		if (r.via.family == AF_INET && net_prefix_has(&lease->address, &r.via))
			(void)give_route(index, &r, &ignored);
	}
	return 0;
}

static int ask_dhcp(const struct netlink_link *s, const struct net_link *l, struct err *err)
{
	struct dhcp_lease lease;

	(void)err_set(err, ERR_TIMEOUT, "%s: no DHCP server has answered yet", l->name);
	if (dhcp_ask(s->index, s->mac, recorded_four(l), l->dhcp_seconds, &lease, err) ||
	    apply_lease(s->index, l, &lease, err))
		return err_wrap(err, "%s", l->name);
	return 0;
}

/* ---- the top link */

/* All that is recorded of one family, or of both with 0. What the kernel does not take is trouble. */
static void give_recorded(struct link_work *w, const struct netlink_link *s, int but_family)
{
	const struct net_link *l = w->top;
	struct err why = {0};

	for (size_t i = 0; i < l->n_addresses; i++)
		if (l->addresses[i].ip.family != but_family &&
		    give_address(s->index, &l->addresses[i], false, &why))
			link_trouble(w, &why);
	for (size_t i = 0; i < l->n_routes; i++)
		if (l->routes[i].to.ip.family != but_family &&
		    give_route(s->index, &l->routes[i], &why))
			link_trouble(w, &why);
}

/* Has it what it shall have? If not, *err says what is missing. */
static int is_usable(const struct link_work *w, const struct netlink_link *s, bool *ret,
		     struct err *err)
{
	struct holding has;
	char text[NET_IP_TEXT];

	*ret = false;
	if (look_at_addresses(s->index, &has, err))
		return err->code;
	net_ip_format(&has.twice, text);
	if (!has.four && !has.six && has.twice.family)
		(void)err_set(err, ERR_NOT_FOUND, "%s: another machine has its address %s",
			      w->top->name, text);
	else if (!has.four && !has.six)
		(void)err_set(err, ERR_NOT_FOUND, "%s has no address: %s", w->top->name,
			      *w->trouble ? w->trouble : "no router has announced one");
	else if (has.tentative && !has.four)
		(void)err_set(err, ERR_NOT_FOUND,
			      "%s: its IPv6 address is still checked for being another's",
			      w->top->name);
	else
		*ret = true;
	return 0;
}

static int give_addresses(struct link_work *w, struct err *err)
{
	const struct netlink_link *s = link_seen(w, w->top);
	struct holding has;
	bool usable = false;

	if (look_at_addresses(s->index, &has, err))
		return err->code;
	if (w->top->dhcp == NET_DHCP_FIRST && !has.four && ask_dhcp(s, w->top, err))
		link_trouble(w, err);
	if (look_at_addresses(s->index, &has, err))
		return err->code;
	give_recorded(w, s, has.lease ? AF_INET : 0);
	for (;;) {
		if (is_usable(w, s, &usable, err))
			return err->code;
		if (usable)
			return 0;
		/* to ask may fail at once: without the module af_packet, or where the interface has just gone */
		if (w->top->dhcp != NET_DHCP_NO && !w->top->n_addresses && ask_dhcp(s, w->top, err))
			link_trouble(w, err);
		sleep_ms(PAUSE_MS);
	}
}

static int make_links(struct link_work *w, struct err *err)
{
	uint64_t until = 0;
	bool all;

	for (;;) {
		if (link_round(w, err))
			return err->code;
		if (link_is_up(w, &all, err)) {
			if (!until)
				until = clock_ns() + (w->was_up ? 0 : PATIENCE);
			if (all || clock_ns() >= until)
				return 0;
		} else {
			until = 0;
		}
		sleep_ms(PAUSE_MS);
	}
}

int net_up(const struct net *net, const char *link, const struct root *root, struct err *err)
{
	struct link_work w;
	int r = link_init(&w, net, link, root, err);

	if (!r)
		r = make_links(&w, err);
	if (!r)
		r = give_addresses(&w, err);
	link_deinit(&w);
	return r;
}

/* ---- servers */

static socklen_t socket_address(const struct net_ip *ip, unsigned int port,
				struct sockaddr_storage *ret)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

	if (ip->family == AF_INET) {
		memcpy(&four.sin_addr, ip->bytes, 4);
		memcpy(ret, &four, sizeof(four));
		return sizeof(four);
	}
	memcpy(&six.sin6_addr, ip->bytes, 16);
	memcpy(ret, &six, sizeof(six));
	return sizeof(six);
}

/* 0, or the errno for which it failed; ETIMEDOUT: no answer. */
static int try_connect(const struct net_ip *ip, unsigned int port)
{
	struct sockaddr_storage to = {0};
	socklen_t len = socket_address(ip, port, &to), size = sizeof(int);
	_cleanup_close_ int fd = socket(ip->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int why = 0;

	if (fd < 0)
		return errno;
	if (!connect(fd, (struct sockaddr *)&to, len))
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, CONNECT_MS) <= 0)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) ? errno : why;
}

static int try_server(const struct net_ip *ip, unsigned int port, struct err *err)
{
	char text[NET_IP_TEXT];
	int why = try_connect(ip, port);

	if (!why)
		return 0;
	net_ip_format(ip, text);
	if (why == ETIMEDOUT)
		return err_set(err, ERR_TIMEOUT, "the server %s does not answer at port %u", text,
			       port);
	return err_sys(err, why, "the server %s at port %u", text, port);
}

/* The lease that there was no use for before, or none to have. Its trouble goes in front of the servers'. */
static void try_dhcp(const struct net *net, const char *link, char *trouble, size_t size)
{
	const struct root root = {.fd = -1, .path = ""};
	struct link_work w = {0};
	struct holding has;
	struct err why = {0};
	const struct netlink_link *s;
	bool all;

	*trouble = '\0';
	if (!net || link_init(&w, net, link, &root, &why))
		return;
	if (w.top->dhcp != NET_DHCP_NO && !link_round(&w, &why) && link_is_up(&w, &all, &why) &&
	    (s = link_seen(&w, w.top)) && !look_at_addresses(s->index, &has, &why) && !has.lease &&
	    ask_dhcp(s, w.top, &why))
		snprintf(trouble, size, "%.400s; ", why.msg);
	link_deinit(&w);
}

int net_reach(const struct net *net, const char *link, const struct net_ip *servers, size_t n,
	      unsigned int port, size_t *ret, struct err *err)
{
	char trouble[448] = "";

	if (!n)
		return err_set(err, ERR_USAGE, "there is no server");
	(void)err_set(err, ERR_TIMEOUT, "no server has answered yet");
	for (;;) {
		uint64_t begin = clock_ns();

		for (size_t i = 0; i < n; i++) {
			struct err why = {0};

			if (!try_server(&servers[i], port, &why)) {
				*ret = i;
				return 0;
			}
			(void)err_set(err, (enum err_code)why.code, "%s%s", trouble, why.msg);
		}
		try_dhcp(net, link, trouble, sizeof(trouble));
		if (clock_ns() - begin < ROUND_MS * MS)
			sleep_ms(ROUND_MS);
	}
}
