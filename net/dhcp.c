// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/dhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/num.h"

#define CLIENT_PORT 68
#define SERVER_PORT 67
#define MS          1000000ULL /* nanoseconds */

/* Offsets of a message (RFC 2131, figure 1), and of its parts. */
#define AT_XID     4
#define AT_SECONDS 8
#define AT_FLAGS   10
#define AT_YIADDR  16
#define AT_CHADDR  28
#define AT_SNAME   44
#define LEN_SNAME  64
#define AT_FILE    108
#define LEN_FILE   128
#define AT_MAGIC   236
#define AT_OPTIONS 240
#define MIN_SIZE   300 /* of a BOOTP message (RFC 1542, 2.1): some relays drop shorter ones */

static const uint8_t magic[4] = {99, 130, 83, 99};

enum option {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_WANTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_KIND = 53,
	OPT_SERVER = 54,
	OPT_LIST = 55,
	OPT_ROUTES = 121,
	OPT_END = 255,
};

enum { DISCOVER = 1, REQUEST = 3 };

/* ---- reading */

struct options {
	struct bytes mask, router, lease, kind, server, overload;
	/* One that is long may be in several pieces (RFC 3396), of which this is what they are together. */
	uint8_t routes[512];
	size_t routes_len;
	bool has_routes;
};

static void take_option(struct options *o, uint8_t code, struct bytes value)
{
	switch (code) {
	case OPT_MASK:
		o->mask = value;
		break;
	case OPT_ROUTER:
		o->router = value;
		break;
	case OPT_LEASE:
		o->lease = value;
		break;
	case OPT_OVERLOAD:
		o->overload = value;
		break;
	case OPT_KIND:
		o->kind = value;
		break;
	case OPT_SERVER:
		o->server = value;
		break;
	case OPT_ROUTES:
		o->has_routes = true;
		if (value.len <= sizeof(o->routes) - o->routes_len) {
			memcpy(o->routes + o->routes_len, value.data, value.len);
			o->routes_len += value.len;
		}
		break;
	default:
		break;
	}
}

static void read_options(struct bytes b, struct options *o)
{
	size_t at = 0;

	while (at < b.len && b.data[at] != OPT_END) {
		uint8_t code = b.data[at++], len;

		if (code == OPT_PAD)
			continue;
		if (at == b.len)
			return;
		len = b.data[at++];
		if (len > b.len - at)
			return;
		take_option(o, code, (struct bytes){b.data + at, len});
		at += len;
	}
}

static bool get_ip(struct bytes b, size_t at, struct net_ip *ret)
{
	struct net_ip ip = {.family = AF_INET};

	if (!bytes_has(b, at, 4))
		return false;
	memcpy(ip.bytes, b.data + at, 4);
	*ret = ip;
	return true;
}

/* Ones, then zeros; without a mask the classes that there were once (RFC 1122, 3.2.1.3). */
static bool read_mask(struct bytes b, const struct net_ip *ip, unsigned int *ret)
{
	uint32_t mask;
	unsigned int bits;

	if (!b.data) {
		*ret = ip->bytes[0] < 128 ? 8 : ip->bytes[0] < 192 ? 16 : 24;
		return true;
	}
	if (b.len != 4)
		return false;
	memcpy(&mask, b.data, 4);
	mask = ntohl(mask);
	bits = (unsigned int)__builtin_popcount(mask);
	if (!bits || mask != ~(uint32_t)0 << (32 - bits))
		return false;
	*ret = bits;
	return true;
}

static void add_route(struct dhcp_lease *l, const struct net_route *r)
{
	if (l->n_routes < DHCP_MAX_ROUTES)
		l->routes[l->n_routes++] = *r;
}

/* "width, significant bytes of the destination, router", repeated; a router of zeros is none (RFC 3442). */
static void read_routes(struct bytes b, struct dhcp_lease *l)
{
	size_t at = 0;

	while (at < b.len) {
		struct net_route r = {.to.ip.family = AF_INET, .to.prefix = b.data[at++]};
		size_t significant = (r.to.prefix + 7) / 8;

		if (r.to.prefix > 32 || !bytes_has(b, at, significant + 4))
			return;
		memcpy(r.to.ip.bytes, b.data + at, significant);
		if (r.to.prefix % 8)
			r.to.ip.bytes[significant - 1] &= (uint8_t)(0xff00 >> r.to.prefix % 8);
		(void)get_ip(b, at + significant, &r.via);
		at += significant + 4;
		if (memcmp(r.via.bytes, (uint8_t[4]){0}, 4) == 0)
			r.via.family = 0;
		else if (!net_ip_is_unicast(&r.via))
			continue;
		add_route(l, &r);
	}
}

static bool read_lease(struct bytes message, const struct options *o, struct dhcp_lease *l)
{
	struct net_route everything = {.to.ip.family = AF_INET};
	uint32_t seconds = 0;

	if (!get_ip(message, AT_YIADDR, &l->address.ip) || !net_ip_is_unicast(&l->address.ip) ||
	    l->address.ip.bytes[0] == 127 ||
	    !read_mask(o->mask, &l->address.ip, &l->address.prefix))
		return false;
	if (o->lease.len == 4)
		memcpy(&seconds, o->lease.data, 4);
	l->seconds = ntohl(seconds);
	/* where there are classless ones the router is not to be used (RFC 3442) */
	if (o->has_routes)
		read_routes((struct bytes){o->routes, o->routes_len}, l);
	else if (get_ip(o->router, 0, &everything.via) && net_ip_is_unicast(&everything.via))
		add_route(l, &everything);
	return true;
}

/* The UDP payload of an IP packet from a server's port to a client's. Nobody's sums: they may be the network card's work. */
static bool open_packet(struct bytes packet, struct bytes *ret)
{
	struct iphdr ip;
	struct udphdr udp;
	size_t len, total;

	if (!bytes_has(packet, 0, sizeof(ip)))
		return false;
	memcpy(&ip, packet.data, sizeof(ip));
	len = (size_t)ip.ihl * 4;
	total = ntohs(ip.tot_len);
	if (ip.version != 4 || len < sizeof(ip) || ip.protocol != IPPROTO_UDP ||
	    ntohs(ip.frag_off) & (IP_MF | IP_OFFMASK) || total > packet.len)
		return false;
	packet.len = total;
	if (!bytes_has(packet, len, sizeof(udp)))
		return false;
	memcpy(&udp, packet.data + len, sizeof(udp));
	if (ntohs(udp.dest) != CLIENT_PORT || ntohs(udp.source) != SERVER_PORT ||
	    ntohs(udp.len) < sizeof(udp))
		return false;
	return bytes_sub(packet, len + sizeof(udp), ntohs(udp.len) - sizeof(udp), ret);
}

/* A reply to us: op, htype, hlen, xid, chaddr and the magic number of DHCP. */
static bool is_ours(struct bytes m, const struct dhcp_client *client)
{
	uint32_t xid = htonl(client->xid);

	return m.len >= AT_OPTIONS && m.data[0] == 2 && m.data[1] == 1 && m.data[2] == NET_MAC &&
	       memcmp(m.data + AT_XID, &xid, 4) == 0 &&
	       memcmp(m.data + AT_CHADDR, client->mac, NET_MAC) == 0 &&
	       memcmp(m.data + AT_MAGIC, magic, sizeof(magic)) == 0;
}

bool dhcp_read(struct bytes packet, const struct dhcp_client *client, enum dhcp_kind *ret_kind,
	       struct dhcp_lease *ret)
{
	struct dhcp_lease lease = {0};
	struct options o = {0};
	struct bytes m;
	uint8_t kind, overload;

	if (!open_packet(packet, &m) || !is_ours(m, client))
		return false;
	read_options((struct bytes){m.data + AT_OPTIONS, m.len - AT_OPTIONS}, &o);
	/* these fields may hold more of them: first the file's, then the server's (RFC 2131, 4.1) */
	overload = o.overload.len == 1 ? o.overload.data[0] : 0;
	if (overload & 1)
		read_options((struct bytes){m.data + AT_FILE, LEN_FILE}, &o);
	if (overload & 2)
		read_options((struct bytes){m.data + AT_SNAME, LEN_SNAME}, &o);
	kind = o.kind.len == 1 ? o.kind.data[0] : 0;
	if ((kind != DHCP_OFFER && kind != DHCP_ACK && kind != DHCP_NAK) ||
	    !get_ip(o.server, 0, &lease.server))
		return false;
	if (kind != DHCP_NAK && !read_lease(m, &o, &lease))
		return false;
	*ret_kind = (enum dhcp_kind)kind;
	*ret = lease;
	return true;
}

/* ---- writing */

static uint16_t ip_sum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static uint8_t *put_option(uint8_t *at, uint8_t code, const void *value, uint8_t len)
{
	*at++ = code;
	*at++ = len;
	memcpy(at, value, len);
	return at + len;
}

static size_t write_message(const struct dhcp_client *client, const struct dhcp_lease *offer,
			    const struct net_ip *wanted, unsigned int elapsed, uint8_t *m)
{
	static const uint8_t list[] = {OPT_MASK, OPT_ROUTES, OPT_ROUTER, OPT_LEASE, OPT_SERVER};
	const uint8_t kind = offer ? REQUEST : DISCOVER;
	uint32_t xid = htonl(client->xid);
	uint16_t seconds = htons((uint16_t)NUM_MIN(elapsed, 65535u));
	uint8_t *at = m + AT_OPTIONS;

	m[0] = 1;
	m[1] = 1; /* Ethernet */
	m[2] = NET_MAC;
	memcpy(m + AT_XID, &xid, 4);
	memcpy(m + AT_SECONDS, &seconds, 2);
	/* the answer is broadcast: what has no address yet need not be able to take a packet for one */
	m[AT_FLAGS] = 0x80;
	memcpy(m + AT_CHADDR, client->mac, NET_MAC);
	memcpy(m + AT_MAGIC, magic, sizeof(magic));
	at = put_option(at, OPT_KIND, &kind, 1);
	if (offer) {
		at = put_option(at, OPT_WANTED, offer->address.ip.bytes, 4);
		at = put_option(at, OPT_SERVER, offer->server.bytes, 4);
	} else if (wanted->family == AF_INET) {
		at = put_option(at, OPT_WANTED, wanted->bytes, 4);
	}
	at = put_option(at, OPT_LIST, list, sizeof(list));
	*at++ = OPT_END;
	return NUM_MAX((size_t)(at - m), (size_t)MIN_SIZE);
}

size_t dhcp_write(const struct dhcp_client *client, const struct dhcp_lease *offer,
		  const struct net_ip *wanted, unsigned int elapsed, uint8_t ret[DHCP_PACKET])
{
	const size_t before = sizeof(struct iphdr) + sizeof(struct udphdr);
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP};
	struct udphdr udp = {.source = htons(CLIENT_PORT), .dest = htons(SERVER_PORT)};
	size_t len;

	memset(ret, 0, DHCP_PACKET);
	len = write_message(client, offer, wanted, elapsed, ret + before);
	ip.daddr = INADDR_BROADCAST;
	ip.tot_len = htons((uint16_t)(before + len));
	ip.check = 0;
	memcpy(ret, &ip, sizeof(ip));
	ip.check = ip_sum(ret, sizeof(ip));
	memcpy(ret, &ip, sizeof(ip));
	udp.len = htons((uint16_t)(sizeof(udp) + len)); /* its sum is optional */
	memcpy(ret + sizeof(ip), &udp, sizeof(udp));
	return before + len;
}

/* ---- asking */

struct asking {
	int fd;
	unsigned int index;
	struct dhcp_client client;
	const struct net_ip *wanted;
	uint64_t begin, end; /* clock_ns() */
	uint8_t packet[DHCP_PACKET];
};

/* Not waiting for the kernel's random numbers: early after a boot there may be none yet. */
static uint32_t some_number(const uint8_t mac[NET_MAC])
{
	uint32_t v;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v)) {
		v = (uint32_t)clock_ns();
		for (size_t i = 0; i < NET_MAC; i++)
			v = v * 31 + mac[i];
	}
	return v;
}

static int send_packet(struct asking *a, const struct dhcp_lease *offer, struct err *err)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)a->index,
		.sll_halen = NET_MAC,
		.sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	};
	unsigned int elapsed = (unsigned int)((clock_ns() - a->begin) / NS_PER_SECOND);
	size_t len = dhcp_write(&a->client, offer, a->wanted, elapsed, a->packet);

	/* a carrier that comes and goes is no reason to give up: it is sent again */
	if (sendto(a->fd, a->packet, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != ENETDOWN && errno != ENOBUFS && errno != EAGAIN)
		return err_sys(err, errno, "send a DHCP request");
	return 0;
}

/* The first answer before `until` that `wanted` is true for; false: there is none. */
static bool wait_answer(struct asking *a, uint64_t until, bool (*fits)(enum dhcp_kind, bool),
			const struct dhcp_lease *offer, enum dhcp_kind *ret_kind,
			struct dhcp_lease *ret)
{
	for (;;) {
		uint64_t now = clock_ns();
		struct pollfd p = {.fd = a->fd, .events = POLLIN};
		struct dhcp_lease lease;
		enum dhcp_kind kind;
		ssize_t n;

		if (now >= until)
			return false;
		if (poll(&p, 1, (int)((until - now) / MS) + 1) <= 0)
			continue;
		n = recv(a->fd, a->packet, sizeof(a->packet), MSG_DONTWAIT);
		if (n <= 0 ||
		    !dhcp_read((struct bytes){a->packet, (size_t)n}, &a->client, &kind, &lease))
			continue;
		if (!fits(kind, offer && net_ip_equal(&offer->server, &lease.server)))
			continue;
		*ret_kind = kind;
		*ret = lease;
		return true;
	}
}

static bool fits_discover(enum dhcp_kind kind, bool same)
{
	(void)same;
	return kind == DHCP_OFFER;
}

static bool fits_request(enum dhcp_kind kind, bool same)
{
	return same && (kind == DHCP_ACK || kind == DHCP_NAK);
}

/* Ask for what was offered, up to three times. False: it was refused, or the server is silent. */
static int request(struct asking *a, const struct dhcp_lease *offer, struct dhcp_lease *ret,
		   bool *ret_done, struct err *err)
{
	*ret_done = false;
	for (int i = 0; i < 3 && clock_ns() < a->end; i++) {
		uint64_t until = NUM_MIN(clock_ns() + ((uint64_t)2000 << i) * MS, a->end);
		enum dhcp_kind kind;
		struct dhcp_lease lease;

		if (send_packet(a, offer, err))
			return err->code;
		if (!wait_answer(a, until, fits_request, offer, &kind, &lease))
			continue;
		if (kind != DHCP_ACK)
			return 0;
		*ret = lease;
		*ret_done = true;
		return 0;
	}
	return 0;
}

/*
 * RFC 2131, 4.1: again after twice the time, give or take a part of a second so that machines that crashed together do not ask
 * together. It begins with two seconds rather than four, as time is short.
 */
static int ask(struct asking *a, struct dhcp_lease *ret, struct err *err)
{
	uint64_t wait = 2000;
	struct dhcp_lease offer;
	enum dhcp_kind kind;
	bool done, offered = false;

	while (clock_ns() < a->end) {
		uint64_t until = clock_ns() + (wait - 500 + some_number(a->client.mac) % 1000) * MS;

		if (send_packet(a, NULL, err))
			return err->code;
		if (wait_answer(a, NUM_MIN(until, a->end), fits_discover, NULL, &kind, &offer)) {
			offered = true;
			if (request(a, &offer, ret, &done, err))
				return err->code;
			if (done)
				return 0;
		}
		wait = NUM_MIN(2 * wait, (uint64_t)16000);
	}
	return err_set(err, ERR_TIMEOUT, "%s within %u s",
		       offered ? "a DHCP server offered an address but did not give it"
			       : "no DHCP server answered",
		       (unsigned int)((a->end - a->begin) / NS_PER_SECOND));
}

int dhcp_ask(unsigned int index, const uint8_t mac[NET_MAC], const struct net_ip *wanted,
	     unsigned int seconds, struct dhcp_lease *ret, struct err *err)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)index,
	};
	struct asking a = {.index = index, .wanted = wanted, .begin = clock_ns()};
	int r;

	memcpy(a.client.mac, mac, NET_MAC);
	a.client.xid = some_number(mac);
	a.end = a.begin + seconds * NS_PER_SECOND;
	a.fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (a.fd < 0)
		return err_sys(err, errno, "a packet socket (kernel module af_packet)");
	if (bind(a.fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		r = err_sys(err, errno, "bind a packet socket to interface %u", index);
	else
		r = ask(&a, ret, err);
	close(a.fd);
	return r;
}
