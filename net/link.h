/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The links of net_up(): made in rounds, each of which does what can be done now and waits for nothing. */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "net/netlink.h"

#define LINK_TROUBLE 256

struct link_work {
	const struct net *net;
	const struct net_link *top;
	const struct root *root;    /* for /sys/class/net */
	struct netlink_links seen;  /* how it was when the round began, or after the last change */
	bool needed[NET_MAX_LINKS]; /* the top one, and what it stands on */
	bool was_up;                /* the top one, before we did anything */
	/* What did not work last, without being the end of everything; or "". */
	char trouble[LINK_TROUBLE];
};

/* ERR_USAGE: there is no such link. */
int link_init(struct link_work *w, const struct net *net, const char *top, const struct root *root,
	      struct err *err) _must_check_;
void link_deinit(struct link_work *w);

/*
 * Look what is there, and make of it what can be made. Fails only if waiting would not help: the kernel cannot make that kind,
 * or does not talk to us.
 */
int link_round(struct link_work *w, struct err *err) _must_check_;

/* Has the top one a carrier? *ret_all: all parts, too. If not, *err says what is missing. */
bool link_is_up(const struct link_work *w, bool *ret_all, struct err *err);

/* As the kernel has it; NULL: not yet. */
const struct netlink_link *link_seen(const struct link_work *w, const struct net_link *l);

/* Remember what did not work. */
void link_trouble(struct link_work *w, const struct err *why);

#endif
