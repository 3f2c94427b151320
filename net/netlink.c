// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"

#define ANSWER_SIZE \
	65536 /* the kernel's pieces of a list are at most 32 KiB (netlink_recvmsg() in net/netlink/af_netlink.c) */
#define TRIES 8 /* of a list that changed while it was made */

/* ---- requests */

void netlink_begin(struct netlink_request *q, uint16_t type, uint16_t flags, const void *body,
		   size_t len)
{
	*q = (struct netlink_request){0};
	q->head.nlmsg_type = type;
	q->head.nlmsg_flags = flags | NLM_F_REQUEST;
	q->head.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(len));
	memcpy(q->data + NLMSG_HDRLEN, body, len);
}

void netlink_put(struct netlink_request *q, uint16_t type, const void *value, size_t len)
{
	struct nlattr a = {.nla_type = type};
	size_t at = q->head.nlmsg_len, size;

	/* first without rounding, which could wrap */
	if (len > NETLINK_REQUEST || NLA_HDRLEN + NLA_ALIGN(len) > NETLINK_REQUEST - at) {
		q->full = true;
		return;
	}
	size = NLA_HDRLEN + len;
	a.nla_len = (uint16_t)size;
	memcpy(q->data + at, &a, sizeof(a));
	if (len)
		memcpy(q->data + at + NLA_HDRLEN, value, len);
	q->head.nlmsg_len = (uint32_t)(at + NLA_ALIGN(size));
}

void netlink_put_u32(struct netlink_request *q, uint16_t type, uint32_t value)
{
	netlink_put(q, type, &value, sizeof(value));
}

void netlink_put_text(struct netlink_request *q, uint16_t type, const char *text)
{
	netlink_put(q, type, text, strlen(text) + 1);
}

size_t netlink_nest(struct netlink_request *q, uint16_t type)
{
	size_t at = q->head.nlmsg_len;

	netlink_put(q, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void netlink_nest_end(struct netlink_request *q, size_t nest)
{
	uint16_t len = (uint16_t)(q->head.nlmsg_len - nest);

	if (!q->full)
		memcpy(q->data + nest + offsetof(struct nlattr, nla_len), &len, sizeof(len));
}

/* ---- the kernel */

/* The text that it may give along with an error since 4.12 (uapi linux/netlink.h, NLMSGERR_ATTR_MSG). */
static void read_reason(struct bytes message, char *ret, size_t size)
{
	struct bytes attributes, found[NLMSGERR_ATTR_MSG + 1];
	struct nlmsghdr head;

	*ret = '\0';
	memcpy(&head, message.data, sizeof(head));
	if (!(head.nlmsg_flags & NLM_F_ACK_TLVS) || !(head.nlmsg_flags & NLM_F_CAPPED))
		return;
	if (!bytes_has(message, NLMSG_HDRLEN + sizeof(struct nlmsgerr), 0))
		return;
	attributes = (struct bytes){message.data + NLMSG_HDRLEN + sizeof(struct nlmsgerr),
				    message.len - NLMSG_HDRLEN - sizeof(struct nlmsgerr)};
	if (netlink_attributes(attributes, found, ARRAY_SIZE(found)) &&
	    found[NLMSGERR_ATTR_MSG].data)
		snprintf(ret, size, " (%.*s)", (int)found[NLMSGERR_ATTR_MSG].len,
			 (const char *)found[NLMSGERR_ATTR_MSG].data);
}

static int end_of_answer(struct bytes message, struct err *err)
{
	char reason[160];
	uint32_t code = 0;

	if (message.len >= NLMSG_HDRLEN + sizeof(code))
		memcpy(&code, message.data + NLMSG_HDRLEN, sizeof(code));
	if (!code)
		return 0;
	read_reason(message, reason, sizeof(reason));
	return err_sys(err, (int)(0 - code), "the kernel's answer%s", reason);
}

struct answer {
	uint8_t *buf;
	int (*fn)(void *ctx, const void *message, size_t len, struct err *err);
	void *ctx;
	bool changed, ended;
};

static int read_piece(struct answer *a, struct bytes piece, struct err *err)
{
	struct bytes message;
	struct nlmsghdr head;

	while (!a->ended && netlink_next(&piece, &message)) {
		memcpy(&head, message.data, sizeof(head));
		a->changed |= (head.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		a->ended = head.nlmsg_type == NLMSG_ERROR || head.nlmsg_type == NLMSG_DONE;
		if (a->ended)
			return end_of_answer(message, err);
		if (head.nlmsg_type >= NLMSG_MIN_TYPE && a->fn &&
		    a->fn(a->ctx, message.data, message.len, err))
			return err->code;
	}
	return 0;
}

static int receive(int fd, struct answer *a, struct err *err)
{
	while (!a->ended) {
		struct sockaddr_nl from = {0};
		struct iovec v = {a->buf, ANSWER_SIZE};
		struct msghdr m = {.msg_name = &from,
				   .msg_namelen = sizeof(from),
				   .msg_iov = &v,
				   .msg_iovlen = 1};
		ssize_t n = recvmsg(fd, &m, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read from the kernel's netlink socket");
		if (from.nl_pid != 0)
			continue; /* some process */
		if (m.msg_flags & MSG_TRUNC)
			return err_set(err, ERR_CORRUPT,
				       "an answer of the kernel is longer than %d bytes",
				       ANSWER_SIZE);
		if (read_piece(a, (struct bytes){a->buf, (size_t)n}, err))
			return err->code;
	}
	if (a->changed)
		return err_sys(err, EAGAIN, "a list of the kernel that changed meanwhile");
	return 0;
}

static int ask_kernel(const struct net_source *src, const void *request, size_t len,
		      int (*fn)(void *ctx, const void *message, size_t len, struct err *err),
		      void *ctx, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	_cleanup_free_ uint8_t *buf = malloc(ANSWER_SIZE);
	struct answer a = {.buf = buf, .fn = fn, .ctx = ctx};
	struct nlmsghdr head;
	int on = 1;

	(void)src;
	if (fd < 0)
		return err_sys(err, errno, "a netlink socket");
	if (!buf)
		return err_nomem(err, ANSWER_SIZE, "an answer of the kernel");
	if (len < sizeof(head) || len > ANSWER_SIZE)
		return err_set(err, ERR_USAGE, "a request of %zu bytes", len);
	/* for the texts of errors: without them there are none */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	memcpy(buf, request, len);
	memcpy(&head, request, sizeof(head));
	/* a list ends with NLMSG_DONE, everything else with an acknowledgement */
	if ((head.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		head.nlmsg_flags |= NLM_F_ACK;
	memcpy(buf, &head, sizeof(head));
	if (send(fd, buf, len, 0) < 0)
		return err_sys(err, errno, "write to the kernel's netlink socket");
	return receive(fd, &a, err);
}

const struct net_source net_source_kernel = {
	.ask = ask_kernel,
	.root = &(const struct root){.fd = -1, .path = ""},
};

int netlink_do(const struct netlink_request *q, struct err *err)
{
	if (q->full)
		return err_set(err, ERR_USAGE, "a request is longer than %d bytes",
			       NETLINK_REQUEST);
	return ask_kernel(NULL, q->data, q->head.nlmsg_len, NULL, NULL, err);
}

/* ---- reading */

bool netlink_next(struct bytes *rest, struct bytes *ret)
{
	struct nlmsghdr head;
	size_t step;

	if (rest->len < sizeof(head))
		return false;
	memcpy(&head, rest->data, sizeof(head));
	if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > rest->len)
		return false;
	*ret = (struct bytes){rest->data, head.nlmsg_len};
	step = NUM_MIN(NLMSG_ALIGN((size_t)head.nlmsg_len), rest->len);
	*rest = (struct bytes){rest->data + step, rest->len - step};
	return true;
}

uint16_t netlink_type(struct bytes message)
{
	struct nlmsghdr head;

	if (message.len < sizeof(head))
		return 0;
	memcpy(&head, message.data, sizeof(head));
	return head.nlmsg_type;
}

bool netlink_attributes(struct bytes b, struct bytes *ret, size_t n)
{
	struct nlattr a;

	memset(ret, 0, n * sizeof(*ret));
	while (b.len >= sizeof(a)) {
		size_t type, step;

		memcpy(&a, b.data, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > b.len)
			return false;
		type = a.nla_type & NLA_TYPE_MASK;
		if (type < n)
			ret[type] = (struct bytes){b.data + sizeof(a), a.nla_len - sizeof(a)};
		step = NUM_MIN(NLA_ALIGN((size_t)a.nla_len), b.len);
		b = (struct bytes){b.data + step, b.len - step};
	}
	return true;
}

/* The struct behind the header, and the attributes behind it. */
static int open_message(struct bytes message, uint16_t type, void *body, size_t len,
			struct bytes *found, size_t n, struct err *err)
{
	struct bytes rest;

	if (netlink_type(message) != type)
		return err_set(err, ERR_CORRUPT, "a netlink message of type %u instead of %u",
			       netlink_type(message), type);
	if (!bytes_has(message, NLMSG_HDRLEN, NLMSG_ALIGN(len)))
		return err_set(err, ERR_CORRUPT, "a netlink message of type %u has %zu bytes only",
			       type, message.len);
	memcpy(body, message.data + NLMSG_HDRLEN, len);
	rest = (struct bytes){message.data + NLMSG_HDRLEN + NLMSG_ALIGN(len),
			      message.len - NLMSG_HDRLEN - NLMSG_ALIGN(len)};
	if (!netlink_attributes(rest, found, n))
		return err_set(err, ERR_CORRUPT,
			       "an attribute of a netlink message of type %u is not whole", type);
	return 0;
}

static uint32_t get_u32(struct bytes b)
{
	uint32_t v = 0;

	if (b.len >= sizeof(v))
		memcpy(&v, b.data, sizeof(v));
	return v;
}

static uint16_t get_u16(struct bytes b)
{
	uint16_t v = 0;

	if (b.len >= sizeof(v))
		memcpy(&v, b.data, sizeof(v));
	return v;
}

/* Of exactly this length, as longer ones are of other hardware; none is all zeros or a group's. */
static bool get_mac(struct bytes b, uint8_t ret[NET_MAC])
{
	static const uint8_t zeros[NET_MAC];

	if (b.len != NET_MAC || memcmp(b.data, zeros, NET_MAC) == 0 || b.data[0] & 1)
		return false;
	memcpy(ret, b.data, NET_MAC);
	return true;
}

/* "" if it is not there, does not fit or does not end. */
static void get_text(struct bytes b, char *ret, size_t size)
{
	size_t len = b.data ? strnlen((const char *)b.data, b.len) : 0;

	*ret = '\0';
	if (len < b.len && len < size) {
		memcpy(ret, b.data, len);
		ret[len] = '\0';
	}
}

static void read_vlan(struct bytes data, struct netlink_link *l)
{
	struct bytes found[IFLA_VLAN_MAX + 1];
	const uint8_t *protocol;

	if (!netlink_attributes(data, found, ARRAY_SIZE(found)))
		return;
	l->vlan_id = get_u16(found[IFLA_VLAN_ID]);
	protocol = found[IFLA_VLAN_PROTOCOL].data; /* as in the frame: ETH_P_8021AD is 0x88a8 */
	l->vlan_ad =
		found[IFLA_VLAN_PROTOCOL].len >= 2 && protocol[0] == 0x88 && protocol[1] == 0xa8;
}

static void read_info(struct bytes info, struct netlink_link *l)
{
	struct bytes found[IFLA_INFO_MAX + 1];

	if (!netlink_attributes(info, found, ARRAY_SIZE(found)))
		return;
	get_text(found[IFLA_INFO_KIND], l->kind, sizeof(l->kind));
	if (found[IFLA_INFO_KIND].data && !*l->kind)
		strcpy(l->kind, "unknown");
	if (strcmp(l->kind, "vlan") == 0)
		read_vlan(found[IFLA_INFO_DATA], l);
}

int netlink_read_link(struct bytes message, struct netlink_link *ret, struct err *err)
{
	struct bytes found[IFLA_PERM_ADDRESS + 1];
	struct ifinfomsg body;
	struct netlink_link l = {0};

	if (open_message(message, RTM_NEWLINK, &body, sizeof(body), found, ARRAY_SIZE(found), err))
		return err->code;
	l.index = (unsigned int)body.ifi_index;
	l.flags = body.ifi_flags;
	l.type = body.ifi_type;
	get_text(found[IFLA_IFNAME], l.name, sizeof(l.name));
	if (body.ifi_index <= 0 || !net_is_name(l.name))
		return err_set(err, ERR_CORRUPT, "the interface with index %d has no good name",
			       body.ifi_index);
	l.mtu = get_u32(found[IFLA_MTU]);
	l.has_mac = get_mac(found[IFLA_ADDRESS], l.mac);
	l.has_permanent = get_mac(found[IFLA_PERM_ADDRESS], l.permanent);
	l.master = get_u32(found[IFLA_MASTER]);
	l.parent = get_u32(found[IFLA_LINK]);
	l.parent_elsewhere = found[IFLA_LINK_NETNSID].data != NULL;
	read_info(found[IFLA_LINKINFO], &l);
	*ret = l;
	return 0;
}

static bool get_ip(int family, struct bytes b, struct net_ip *ret)
{
	size_t len = family == AF_INET ? 4 : 16;

	if (b.len < len)
		return false;
	*ret = (struct net_ip){.family = family};
	memcpy(ret->bytes, b.data, len);
	return true;
}

static int check_family(unsigned int family, unsigned int prefix, struct err *err)
{
	if (family != AF_INET && family != AF_INET6)
		return err_set(err, ERR_UNSUPPORTED, "address family %u", family);
	if (prefix > (family == AF_INET ? 32 : 128))
		return err_set(err, ERR_CORRUPT, "a prefix of %u bits", prefix);
	return 0;
}

int netlink_read_address(struct bytes message, struct netlink_address *ret, struct err *err)
{
	struct bytes found[IFA_FLAGS + 1];
	struct netlink_address a = {0};
	struct ifaddrmsg body;
	struct ifa_cacheinfo times;

	if (open_message(message, RTM_NEWADDR, &body, sizeof(body), found, ARRAY_SIZE(found), err))
		return err->code;
	if (check_family(body.ifa_family, body.ifa_prefixlen, err))
		return err->code;
	/* of a point-to-point link IFA_ADDRESS is the other end's; IPv6 has IFA_LOCAL only there */
	if (!get_ip(body.ifa_family, found[IFA_LOCAL], &a.address.ip) &&
	    !get_ip(body.ifa_family, found[IFA_ADDRESS], &a.address.ip))
		return err_set(err, ERR_CORRUPT, "an address of interface %u is not whole",
			       body.ifa_index);
	a.address.prefix = body.ifa_prefixlen;
	a.index = body.ifa_index;
	a.flags = found[IFA_FLAGS].len >= 4 ? get_u32(found[IFA_FLAGS]) : body.ifa_flags;
	a.link_local = body.ifa_scope == RT_SCOPE_LINK;
	a.lives = !(a.flags & IFA_F_PERMANENT);
	if (found[IFA_CACHEINFO].len >= sizeof(times)) {
		memcpy(&times, found[IFA_CACHEINFO].data, sizeof(times));
		a.lives |= times.ifa_valid != UINT32_MAX;
	}
	*ret = a;
	return 0;
}

/* A struct rtvia: a family and an address of it; for IPv4 through a neighbour of IPv6. */
static void read_via(struct bytes b, struct net_ip *ret)
{
	uint16_t family = get_u16(b);

	if (b.len > sizeof(family) && (family == AF_INET || family == AF_INET6))
		(void)get_ip(family,
			     (struct bytes){b.data + sizeof(family), b.len - sizeof(family)}, ret);
}

/* The first way that is not dead, of several. */
static void read_hops(struct bytes b, int family, struct netlink_route *r)
{
	struct bytes found[RTA_VIA + 1];
	struct rtnexthop hop;

	while (b.len >= sizeof(hop)) {
		size_t step;

		memcpy(&hop, b.data, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > b.len)
			return;
		if (!(hop.rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) && hop.rtnh_ifindex > 0 &&
		    netlink_attributes(
			    (struct bytes){b.data + sizeof(hop), hop.rtnh_len - sizeof(hop)}, found,
			    ARRAY_SIZE(found))) {
			r->index = (unsigned int)hop.rtnh_ifindex;
			(void)get_ip(family, found[RTA_GATEWAY], &r->via);
			read_via(found[RTA_VIA], &r->via);
			return;
		}
		step = NUM_MIN(NLMSG_ALIGN((size_t)hop.rtnh_len), b.len);
		b = (struct bytes){b.data + step, b.len - step};
	}
}

int netlink_read_route(struct bytes message, struct netlink_route *ret, struct err *err)
{
	struct bytes found[RTA_VIA + 1];
	struct netlink_route r = {0};
	struct rtmsg body;

	if (open_message(message, RTM_NEWROUTE, &body, sizeof(body), found, ARRAY_SIZE(found), err))
		return err->code;
	if (check_family(body.rtm_family, body.rtm_dst_len, err))
		return err->code;
	r.to = (struct net_address){.ip.family = body.rtm_family, .prefix = body.rtm_dst_len};
	if (body.rtm_dst_len && !get_ip(body.rtm_family, found[RTA_DST], &r.to.ip))
		return err_set(err, ERR_CORRUPT, "a route has no destination");
	r.type = body.rtm_type;
	r.protocol = body.rtm_protocol;
	r.index = get_u32(found[RTA_OIF]);
	r.metric = get_u32(found[RTA_PRIORITY]);
	(void)get_ip(body.rtm_family, found[RTA_GATEWAY], &r.via);
	read_via(found[RTA_VIA], &r.via);
	(void)get_ip(body.rtm_family, found[RTA_PREFSRC], &r.from);
	if (!r.index)
		read_hops(found[RTA_MULTIPATH], body.rtm_family, &r);
	*ret = r;
	return 0;
}

/* ---- lists */

/* One more place in a list whose room is doubled. */
static int make_room(void **list, size_t n, size_t size, struct err *err)
{
	void *grown;

	if (n == NETLINK_MAX)
		return err_set(err, ERR_UNSUPPORTED, "more than %d interfaces or addresses",
			       NETLINK_MAX);
	if (n && !num_is_pow2(n))
		return 0;
	grown = reallocarray(*list, n ? 2 * n : 1, size);
	if (!grown)
		return err_nomem(err, 2 * n * size, "a list of the kernel");
	*list = grown;
	return 0;
}

static int add_link(void *ctx, const void *message, size_t len, struct err *err)
{
	struct netlink_links *list = ctx;
	struct bytes m = {message, len};

	if (netlink_type(m) != RTM_NEWLINK)
		return 0;
	if (make_room((void **)&list->v, list->n, sizeof(*list->v), err) ||
	    netlink_read_link(m, &list->v[list->n], err))
		return err->code;
	list->n++;
	return 0;
}

static int add_address(void *ctx, const void *message, size_t len, struct err *err)
{
	struct netlink_addresses *list = ctx;
	struct bytes m = {message, len};

	if (netlink_type(m) != RTM_NEWADDR)
		return 0;
	if (make_room((void **)&list->v, list->n, sizeof(*list->v), err))
		return err->code;
	if (netlink_read_address(m, &list->v[list->n], err))
		return err->code == ERR_UNSUPPORTED ? 0 : err->code; /* DECnet, … */
	list->n++;
	return 0;
}

int netlink_links(const struct net_source *src, struct netlink_links *ret, struct err *err)
{
	struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
	struct netlink_request q;

	netlink_begin(&q, RTM_GETLINK, NLM_F_DUMP, &body, sizeof(body));
	for (int i = 0;; i++) {
		struct netlink_links list = {0};

		if (!src->ask(src, q.data, q.head.nlmsg_len, add_link, &list, err)) {
			*ret = list;
			return 0;
		}
		free(list.v);
		if (err->sys != EAGAIN || i == TRIES)
			return err_wrap(err, "list the network interfaces");
	}
}

int netlink_addresses(const struct net_source *src, struct netlink_addresses *ret, struct err *err)
{
	struct ifaddrmsg body = {.ifa_family = AF_UNSPEC};
	struct netlink_request q;

	netlink_begin(&q, RTM_GETADDR, NLM_F_DUMP, &body, sizeof(body));
	for (int i = 0;; i++) {
		struct netlink_addresses list = {0};

		if (!src->ask(src, q.data, q.head.nlmsg_len, add_address, &list, err)) {
			*ret = list;
			return 0;
		}
		free(list.v);
		if (err->sys != EAGAIN || i == TRIES)
			return err_wrap(err, "list the network addresses");
	}
}

const struct netlink_link *netlink_by_index(const struct netlink_links *links, unsigned int index)
{
	for (size_t i = 0; i < links->n; i++)
		if (links->v[i].index == index)
			return &links->v[i];
	return NULL;
}

const struct netlink_link *netlink_by_name(const struct netlink_links *links, const char *name)
{
	for (size_t i = 0; i < links->n; i++)
		if (strcmp(links->v[i].name, name) == 0)
			return &links->v[i];
	return NULL;
}
