/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two network namespaces of the real kernel for tests: "here", in which the test runs, and "there", which has the other ends of
 * its cables (veth). Where one may make none, the tests are skipped.
 */
#ifndef TESTS_UNIT_NETNS_FIXTURE_H
#define TESTS_UNIT_NETNS_FIXTURE_H

#include <fcntl.h>
#include <linux/if.h>
#include <linux/veth.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "net/netlink.h"
#include "tests/unit/unit.h"

struct netns {
	int here, there; /* descriptors */
	char *folder;    /* where sysfs is mounted: folder/sys */
	struct root root;
};

static inline int netns_fd(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* New ones for each test. False: it is not allowed. */
static inline bool netns_init(struct netns *n)
{
	char path[] = "/tmp/lifeboat-netns-XXXXXX", sys[64];

	*n = (struct netns){0};
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)) {
		print_message("no network namespace can be made here: skipped\n");
		return false;
	}
	n->there = netns_fd();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	n->here = netns_fd();
	assert_true(n->there >= 0 && n->here >= 0);
	assert_non_null(mkdtemp(path));
	n->folder = strdup(path);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	snprintf(sys, sizeof(sys), "%s/sys", path);
	assert_int_equal(mkdir(sys, 0700), 0);
	if (mount("sysfs", sys, "sysfs", 0, NULL))
		print_message("sysfs cannot be mounted here: options are not tested\n");
	assert_ok(root_init(&n->root, n->folder, err));
	return true;
}

static inline void netns_deinit(struct netns *n)
{
	char sys[64];

	root_deinit(&n->root);
	snprintf(sys, sizeof(sys), "%s/sys", n->folder);
	umount2(sys, MNT_DETACH);
	rmdir(sys);
	rmdir(n->folder);
	free(n->folder);
	close(n->here);
	close(n->there);
}

#define NETNS_SKIP_UNLESS(n)        \
	do {                        \
		if (!netns_init(n)) \
			skip();     \
	} while (0)

/* A child that does `fn` there (or here), until it is ended or we are. */
static inline pid_t netns_child(int ns, void (*fn)(void *ctx), void *ctx)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!setns(ns, CLONE_NEWNET))
		fn(ctx);
	_exit(1);
}

static inline void netns_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- what `ip` would do */

static inline void netns_begin(struct netlink_request *q, const char *name, unsigned int flags)
{
	struct ifinfomsg body = {.ifi_flags = flags, .ifi_change = flags ? IFF_UP : 0};

	netlink_begin(q, RTM_NEWLINK, 0, &body, sizeof(body));
	if (name)
		netlink_put_text(q, IFLA_IFNAME, name);
}

/* A cable from an interface here to one there. */
static inline void netns_cable(const struct netns *n, const char *name, const char *mac,
			       const char *other)
{
	struct ifinfomsg body = {0};
	struct netlink_request q;
	struct net_link l = {0};
	size_t info, data, peer;

	assert_ok(net_set(&l, "mac", mac, err));
	netns_begin(&q, name, 0);
	q.head.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	netlink_put(&q, IFLA_ADDRESS, l.mac, NET_MAC);
	info = netlink_nest(&q, IFLA_LINKINFO);
	netlink_put_text(&q, IFLA_INFO_KIND, "veth");
	data = netlink_nest(&q, IFLA_INFO_DATA);
	peer = netlink_nest(&q, VETH_INFO_PEER);
	memcpy(q.data + q.head.nlmsg_len, &body, sizeof(body));
	q.head.nlmsg_len += sizeof(body);
	netlink_put_text(&q, IFLA_IFNAME, other);
	netlink_put_u32(&q, IFLA_NET_NS_FD, (uint32_t)n->there);
	netlink_nest_end(&q, peer);
	netlink_nest_end(&q, data);
	netlink_nest_end(&q, info);
	assert_ok(netlink_do(&q, err));
}

static inline void netns_raise(const char *name)
{
	struct netlink_request q;

	netns_begin(&q, name, IFF_UP);
	assert_ok(netlink_do(&q, err));
}

static inline void netns_address(const char *name, const char *address)
{
	struct netlink_links links;
	struct netlink_request q;
	struct net_link l = {0};
	struct ifaddrmsg body = {0};
	unsigned int len;

	assert_ok(net_set(&l, "address", address, err));
	assert_ok(netlink_links(&net_source_kernel, &links, err));
	assert_non_null(netlink_by_name(&links, name));
	body.ifa_family = (uint8_t)l.addresses[0].ip.family;
	body.ifa_prefixlen = (uint8_t)l.addresses[0].prefix;
	body.ifa_index = netlink_by_name(&links, name)->index;
	body.ifa_flags = body.ifa_family == AF_INET6 ? IFA_F_NODAD : 0;
	len = body.ifa_family == AF_INET ? 4 : 16;
	netlink_begin(&q, RTM_NEWADDR, NLM_F_CREATE, &body, sizeof(body));
	netlink_put(&q, IFA_LOCAL, l.addresses[0].ip.bytes, len);
	netlink_put(&q, IFA_ADDRESS, l.addresses[0].ip.bytes, len);
	assert_ok(netlink_do(&q, err));
	free(links.v);
	free(l.addresses);
}

/* Be there for a moment. */
#define NETNS_THERE(n, ...)                                           \
	do {                                                          \
		assert_int_equal(setns((n)->there, CLONE_NEWNET), 0); \
		__VA_ARGS__;                                          \
		assert_int_equal(setns((n)->here, CLONE_NEWNET), 0);  \
	} while (0)

#endif
