/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we need of rtnetlink (rtnetlink(7), netlink(7)): requests are written into a buffer that cannot overflow, and answers,
 * from the kernel or recorded, are read as foreign bytes. Numbers and structs: uapi linux/netlink.h, rtnetlink.h, if_link.h,
 * if_addr.h.
 */
#ifndef NET_NETLINK_H
#define NET_NETLINK_H

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/bytes.h"
#include "base/root.h"
#include "net/net.h"

/* Who answers: the kernel, or a recording. */
struct net_source {
	/*
	 * Send one request (struct nlmsghdr and what follows) and hand each message of the answer to `fn`, until its end
	 * or `fn` fails. An error message of the kernel is err_sys()'s code with its errno in err->sys.
	 */
	int (*ask)(const struct net_source *src, const void *request, size_t len,
		   int (*fn)(void *ctx, const void *message, size_t len, struct err *err),
		   void *ctx, struct err *err);
	const struct root *root; /* sysfs, and the recording */
};

/* The kernel of this network namespace, and its /sys. */
extern const struct net_source net_source_kernel;

/* ---- requests */

#define NETLINK_REQUEST 1024

struct netlink_request {
	union {
		struct nlmsghdr head;
		uint8_t data[NETLINK_REQUEST];
	};
	bool full; /* something did not fit: it is not sent */
};

/* `body` is the struct that belongs to the type: ifinfomsg, ifaddrmsg or rtmsg. */
void netlink_begin(struct netlink_request *q, uint16_t type, uint16_t flags, const void *body,
		   size_t len);
void netlink_put(struct netlink_request *q, uint16_t type, const void *value, size_t len);
void netlink_put_u32(struct netlink_request *q, uint16_t type, uint32_t value);
void netlink_put_text(struct netlink_request *q, uint16_t type, const char *text);
/* What is put between these is inside of an attribute of that type. */
size_t netlink_nest(struct netlink_request *q, uint16_t type);
void netlink_nest_end(struct netlink_request *q, size_t nest);

/* Have the kernel do it. */
int netlink_do(const struct netlink_request *q, struct err *err) _must_check_;

/* ---- answers */

/* The next message of a piece; false: no more, or none that is whole. *ret is the whole message. */
bool netlink_next(struct bytes *rest, struct bytes *ret);
uint16_t netlink_type(struct bytes message); /* 0: it has no header */

/*
 * Attributes by their types, those not there with data == NULL; of two the last one counts. False: one is longer than what
 * there is.
 */
bool netlink_attributes(struct bytes b, struct bytes *ret, size_t n);

struct netlink_link {
	unsigned int index;
	char name[NET_NAME];
	unsigned int flags; /* IFF_… of linux/if.h */
	unsigned int type;  /* ARPHRD_… of linux/if_arp.h */
	unsigned int mtu;
	bool has_mac, has_permanent;
	uint8_t mac[NET_MAC], permanent[NET_MAC];
	char kind
		[24]; /* of drivers that are no hardware's: "vlan", "bond", "bridge", "veth" …; or "" */
	unsigned int master, parent; /* 0: none */
	bool parent_elsewhere;       /* in another network namespace */
	unsigned int vlan_id;
	bool vlan_ad;
};

struct netlink_address {
	unsigned int index;
	struct net_address address;
	unsigned int flags; /* IFA_F_… */
	bool lives;         /* for a time only */
	bool link_local;
};

struct netlink_route {
	struct net_address to;
	struct net_ip via, from; /* family 0: none */
	unsigned int index;      /* 0: none */
	unsigned int type;       /* RTN_… */
	unsigned int protocol;   /* RTPROT_… */
	uint32_t metric;
};

/* Of a message of that type (RTM_NEWLINK, …NEWADDR, …NEWROUTE); ERR_CORRUPT, ERR_UNSUPPORTED for families that we do not have. */
int netlink_read_link(struct bytes message, struct netlink_link *ret, struct err *err) _must_check_;
int netlink_read_address(struct bytes message, struct netlink_address *ret,
			 struct err *err) _must_check_;
int netlink_read_route(struct bytes message, struct netlink_route *ret,
		       struct err *err) _must_check_;

struct netlink_links {
	struct netlink_link *v;
	size_t n;
};

struct netlink_addresses {
	struct netlink_address *v;
	size_t n;
};

/* All that there are, at most NETLINK_MAX; the caller frees v. */
#define NETLINK_MAX 65536
int netlink_links(const struct net_source *src, struct netlink_links *ret,
		  struct err *err) _must_check_;
int netlink_addresses(const struct net_source *src, struct netlink_addresses *ret,
		      struct err *err) _must_check_;

const struct netlink_link *netlink_by_index(const struct netlink_links *links, unsigned int index);
const struct netlink_link *netlink_by_name(const struct netlink_links *links, const char *name);

#endif
