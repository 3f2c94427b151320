// SPDX-License-Identifier: GPL-2.0-or-later
/* net_up() and net_reach() on the real kernel. Bonds and VLANs need modules that few build machines have: those are for guests. */
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/keyvalue.h"
#include "base/program.h"
#include "net/up.h"
#include "tests/unit/netns_fixture.h"

#define MAC1 "52:54:00:00:00:01"
#define MAC2 "52:54:00:00:00:02"
#define MAC3 "52:54:00:00:00:03"

static void read_links(const char *text, struct net *net)
{
	_cleanup_free_ char *copy = strdup(text);
	struct keyvalue_lines in = {.next = copy, .end = copy + strlen(copy)};
	struct net_link *link = NULL;
	char *line;
	size_t len;

	while (keyvalue_line(&in, &line, &len)) {
		char *value = strchr(line, '=');

		*value++ = '\0';
		line = keyvalue_trim(line);
		value = keyvalue_trim(value);
		if (strcmp(line, "link") == 0)
			assert_ok(net_add(net, value, &link, err));
		else
			assert_ok(net_set(link, line, value, err));
	}
	assert_ok(net_check(net, err));
}

/* It waits for ever where something is missing: in a child, as in a step. */
struct attempt {
	const struct net *net;
	const char *link;
	const struct root *root;
	const struct net_ip *servers; /* net_reach() instead of net_up() */
	size_t n, which;
	struct err err;
	int result; /* -1: it is at it */
};

static pid_t start_attempt(const struct netns *n, const struct net *net, const char *link,
			   const struct net_ip *servers, size_t n_servers, struct attempt **ret)
{
	struct attempt *a =
		mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	assert_true(a != MAP_FAILED);
	*a = (struct attempt){net, link, &n->root, servers, n_servers, 99, {0}, -1};
	*ret = a;
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	a->result = servers ? net_reach(net, link, servers, n_servers, 4711, &a->which, &a->err)
			    : net_up(net, link, &n->root, &a->err);
	_exit(0);
}

/* For so long at most; then *ret_err is what it was waiting for. */
static int attempt(const struct netns *n, const char *text, const char *link, unsigned int ms,
		   struct err *ret_err)
{
	struct net net = {0};
	struct attempt *a;
	pid_t pid;
	int r;

	read_links(text, &net);
	pid = start_attempt(n, &net, link, NULL, 0, &a);
	for (unsigned int i = 0; i < ms / 20 && a->result == -1 && !waitpid(pid, NULL, WNOHANG);
	     i++)
		usleep(20000);
	netns_end(pid);
	*ret_err = a->err;
	r = a->result;
	munmap(a, sizeof(*a));
	net_deinit(&net);
	return r;
}

#define assert_up(n, text, link, ms)                                                        \
	do {                                                                                \
		struct err up_err;                                                          \
		int up_ret = attempt(n, text, link, ms, &up_err);                           \
                                                                                            \
		if (up_ret)                                                                 \
			fail_msg("net_up gave %d after %u ms: %s", up_ret, ms, up_err.msg); \
	} while (0)

#define assert_waits(n, text, link, ms, part)                                     \
	do {                                                                      \
		struct err up_err;                                                \
                                                                                  \
		assert_int_equal(attempt(n, text, link, ms, &up_err), -1);        \
		if (!strstr(up_err.msg, part))                                    \
			fail_msg("it says \"%s\", not \"%s\"", up_err.msg, part); \
	} while (0)

static struct netlink_link the_link(const char *name)
{
	struct netlink_links links;
	const struct netlink_link *l;
	struct netlink_link copy;

	assert_ok(netlink_links(&net_source_kernel, &links, err));
	l = netlink_by_name(&links, name);
	if (!l)
		fail_msg("there is no %s", name);
	copy = *l;
	free(links.v);
	return copy;
}

/* "192.0.2.5/24 2001:db8::5/64" without link-local ones; "(for a time)" behind those that are. */
static void addresses_of(const char *name, char *buf, size_t size)
{
	unsigned int index = the_link(name).index;
	struct netlink_addresses list;
	size_t len = 0;

	buf[0] = '\0';
	assert_ok(netlink_addresses(&net_source_kernel, &list, err));
	for (size_t i = 0; i < list.n; i++) {
		char text[NET_IP_TEXT];

		if (list.v[i].index != index || list.v[i].link_local)
			continue;
		net_ip_format(&list.v[i].address.ip, text);
		len += (size_t)snprintf(buf + len, size - len, "%s%s/%u%s", len ? " " : "", text,
					list.v[i].address.prefix,
					list.v[i].lives ? " (for a time)" : "");
	}
	free(list.v);
}

static void assert_addresses(const char *name, const char *want)
{
	char text[512];

	addresses_of(name, text, sizeof(text));
	assert_string_equal(text, want);
}

static int take_route(void *ctx, const void *message, size_t len, struct err *err)
{
	return netlink_read_route((struct bytes){message, len}, ctx, err);
}

/* As the kernel would send to it. */
static struct netlink_route route_to(const char *text)
{
	struct netlink_route route = {0};
	struct netlink_request q;
	struct rtmsg body = {0};
	struct net_ip ip;

	assert_ok(net_ip_parse(text, &ip, err));
	body.rtm_family = (uint8_t)ip.family;
	body.rtm_dst_len = ip.family == AF_INET ? 32 : 128;
	netlink_begin(&q, RTM_GETROUTE, 0, &body, sizeof(body));
	netlink_put(&q, RTA_DST, ip.bytes, body.rtm_dst_len / 8);
	assert_ok(net_source_kernel.ask(&net_source_kernel, q.data, q.head.nlmsg_len, take_route,
					&route, err));
	return route;
}

static void assert_route(const char *to, const char *via, const char *from)
{
	struct netlink_route r = route_to(to);
	char text[NET_IP_TEXT];

	net_ip_format(&r.via, text);
	assert_string_equal(text, via);
	if (!from)
		return;
	net_ip_format(&r.from, text);
	assert_string_equal(text, from);
}

static void serve(void *ctx)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(4711)};
	int fd = socket(AF_INET6, SOCK_STREAM, 0), yes = 1;

	(void)ctx;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 10))
		_exit(2);
	for (;;)
		close(accept(fd, NULL, NULL));
}

/* ---- links */

TEST(plain)
{
	struct netns n;
	struct netlink_link l;

	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "kernels", MAC1, "far");
	NETNS_THERE(&n, netns_raise("far"));
	const char *text = "link = lan0\nkind = physical\nmac = " MAC1 "\nset-mac = " MAC3
			   "\nmtu = 1400\naddress = 192.0.2.5/24\naddress = 2001:db8::5/64\n"
			   "route = 198.51.100.7/32 via 192.0.2.1 from 192.0.2.5\n"
			   "route = 198.51.100.8/32 via fe80::1 from 192.0.2.5\n"
			   "route = 2001:db8:7::7/128 via fe80::1 from 2001:db8::5\n"
			   "route = 203.0.113.0/24 via 10.0.0.1\n"
			   "route = 10.0.0.1/32";
	assert_up(&n, text, "lan0", 2000);
	/* again, with what is there */
	assert_up(&n, text, "lan0", 1000);
	l = the_link("lan0");
	assert_int_equal(l.mtu, 1400);
	assert_memory_equal(l.mac, "\x52\x54\0\0\0\x03", 6);
	assert_addresses("lan0", "192.0.2.5/24 2001:db8::5/64");
	assert_route("198.51.100.7", "192.0.2.1", "192.0.2.5");
	assert_route("198.51.100.8", "fe80::1", "192.0.2.5");
	assert_route("2001:db8:7::7", "fe80::1", "2001:db8::5");
	assert_route("203.0.113.9", "10.0.0.1", NULL);
	assert_route("10.0.0.1", "?", NULL);
	netns_deinit(&n);
}

/* The kernel called them the other way round this time. */
TEST(names_change_places)
{
	struct netns n;

	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC2, "far0");
	netns_cable(&n, "eth1", MAC1, "far1");
	NETNS_THERE(&n, netns_raise("far0"), netns_raise("far1"));
	netns_raise("eth0");
	assert_up(&n,
		  "link = eth0\nkind = physical\nmac = " MAC1 "\nmaster = br\n"
		  "link = eth1\nkind = physical\nmac = " MAC2 "\nmaster = br\n"
		  "link = br\nkind = bridge\naddress = 192.0.2.5/24",
		  "br", 2000);
	assert_memory_equal(the_link("eth0").mac, "\x52\x54\0\0\0\x01", 6);
	assert_memory_equal(the_link("eth1").mac, "\x52\x54\0\0\0\x02", 6);
	netns_deinit(&n);
}

#define BRIDGE                                                             \
	"link = eth0\nkind = physical\nmac = " MAC1 "\nmaster = br\n"      \
	"link = eth1\nkind = physical\nmac = " MAC2 "\nmaster = br\n"      \
	"link = br\nkind = bridge\nmac = " MAC3 "\noption = stp_state=0\n" \
	"option = nonsense=1\naddress = 192.0.2.5/24"

TEST(bridge)
{
	struct netns n;
	unsigned int br;

	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far0");
	netns_cable(&n, "eth1", MAC2, "far1");
	NETNS_THERE(&n, netns_raise("far0"), netns_raise("far1"));
	assert_up(&n, BRIDGE, "br", 2000);
	br = the_link("br").index;
	assert_memory_equal(the_link("br").mac, "\x52\x54\0\0\0\x03", 6);
	assert_int_equal(the_link("eth0").master, br);
	assert_int_equal(the_link("eth1").master, br);
	assert_addresses("br", "192.0.2.5/24");
	assert_up(&n, BRIDGE, "br", 1000);
	assert_int_equal(the_link("br").index, br);
	netns_deinit(&n);
}

/* One part is not there at all, or there is nothing at its other end. */
TEST(one_part_will_do)
{
	struct netns n;

	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far0");
	NETNS_THERE(&n, netns_raise("far0"));
	assert_up(&n, BRIDGE, "br", 5000);
	/* and then without waiting for the other one again */
	assert_up(&n, BRIDGE, "br", 1000);
	assert_addresses("br", "192.0.2.5/24");
	netns_deinit(&n);

	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far0");
	netns_cable(&n, "eth1", MAC2, "far1");
	NETNS_THERE(&n, netns_raise("far1"));
	assert_up(&n, BRIDGE, "br", 5000);
	assert_addresses("br", "192.0.2.5/24");
	netns_deinit(&n);
}

TEST(says_what_is_missing)
{
	static const char *const plain =
		"link = eth0\nkind = physical\nmac = " MAC1 "\naddress = 192.0.2.5/24";
	struct netns n;

	NETNS_SKIP_UNLESS(&n);
	assert_waits(&n, plain, "eth0", 400,
		     "eth0 is not there (no interface has the MAC address " MAC1);
	assert_waits(&n, BRIDGE, "br", 400, "; br cannot be made yet");
	netns_cable(&n, "eth0", MAC1, "far0");
	assert_waits(&n, plain, "eth0", 400, "eth0 has no carrier");
	assert_waits(&n, BRIDGE, "br", 400, "nonsense");
	NETNS_THERE(&n, netns_raise("far0"));
	netns_deinit(&n);
}

TEST(unknown_link)
{
	struct netns n;
	struct net net = {0};

	NETNS_SKIP_UNLESS(&n);
	assert_fails(net_up(&net, "eth0", &n.root, err), ERR_USAGE, "there is no link eth0");
	netns_deinit(&n);
}

/* A driver that takes its time. */
static void plug_in_later(void *ctx)
{
	struct netns *n = ctx;

	usleep(500000);
	netns_cable(n, "kernels", MAC1, "far");
	setns(n->there, CLONE_NEWNET);
	usleep(300000);
	netns_raise("far");
}

TEST(waits_for_hardware)
{
	struct netns n;
	pid_t pid;

	NETNS_SKIP_UNLESS(&n);
	pid = netns_child(n.here, plug_in_later, &n);
	assert_up(&n, "link = eth0\nkind = physical\nmac = " MAC1 "\naddress = 192.0.2.5/24",
		  "eth0", 3000);
	netns_end(pid);
	netns_deinit(&n);
}

/* Checking an address for being another's takes a second or two: it was ours a moment ago. */
TEST(recorded_address_at_once)
{
	struct netns n;
	uint64_t begin;

	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far");
	NETNS_THERE(&n, netns_raise("far"));
	begin = clock_ns();
	assert_up(&n, "link = eth0\nkind = physical\nmac = " MAC1 "\naddress = 2001:db8::5/64",
		  "eth0", 2000);
	assert_true(clock_ns() - begin < NS_PER_SECOND * 9 / 10);
	netns_deinit(&n);
}

/* ---- servers */

static void reach(const struct netns *n, const char *text, const struct net_ip *servers,
		  size_t count, unsigned int ms, struct attempt *ret)
{
	struct net net = {0};
	struct attempt *a;
	pid_t pid;

	read_links(text, &net);
	pid = start_attempt(n, &net, net.links[net.n - 1].name, servers, count, &a);
	for (unsigned int i = 0; i < ms / 20 && a->result == -1 && !waitpid(pid, NULL, WNOHANG);
	     i++)
		usleep(20000);
	netns_end(pid);
	*ret = *a;
	munmap(a, sizeof(*a));
	net_deinit(&net);
}

#define PLAIN                                                                    \
	"link = eth0\nkind = physical\nmac = " MAC1 "\naddress = 192.0.2.5/24\n" \
	"address = 2001:db8::5/64\n"

/* The first does not answer, the second refuses, the third takes it. */
TEST(reach_in_turn)
{
	struct netns n;
	struct net_ip servers[3];
	struct attempt a;
	pid_t pid;

	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far");
	NETNS_THERE(&n, netns_raise("far"), netns_address("far", "192.0.2.1/24"),
		    netns_address("far", "2001:db8::1/64"));
	assert_up(&n, PLAIN, "eth0", 2000);
	assert_ok(net_ip_parse("192.0.2.77", &servers[0], err));
	assert_ok(net_ip_parse("192.0.2.5", &servers[1], err));
	assert_ok(net_ip_parse("2001:db8::1", &servers[2], err));
	reach(&n, PLAIN, servers + 1, 2, 600, &a);
	assert_int_equal(a.result, -1);
	assert_non_null(strstr(a.err.msg, "2001:db8::1 at port 4711: Connection refused"));
	pid = netns_child(n.there, serve, NULL);
	reach(&n, PLAIN, servers, 3, 6000, &a);
	assert_int_equal(a.result, 0);
	assert_int_equal(a.which, 2);
	netns_end(pid);
	netns_deinit(&n);
}

/* ---- DHCP and announcements, by dnsmasq */

static void dnsmasq(void *ctx)
{
	char *const *more = ctx;
	char *argv[24] = {(char *)"dnsmasq",
			  (char *)"--keep-in-foreground",
			  (char *)"--port=0",
			  (char *)"--conf-file=/dev/null",
			  (char *)"--bind-dynamic",
			  (char *)"--interface=far",
			  (char *)"--dhcp-leasefile=/dev/null",
			  (char *)"--pid-file=",
			  (char *)"--user=root",
			  (char *)"--no-ping",
			  (char *)"--log-facility=/dev/null",
			  (char *)"--dhcp-authoritative"};
	char path[PATH_MAX];
	struct err err;
	size_t i = 0;

	while (argv[i])
		i++;
	while (*more)
		argv[i++] = *more++;
	if (!program_find("dnsmasq", NULL, path, &err))
		execv(path, argv);
	_exit(127);
}

static bool has_dnsmasq(void)
{
	char path[PATH_MAX];
	struct err err;

	if (!program_find("dnsmasq", "dnsmasq-base", path, &err))
		return true;
	print_message("%s: skipped\n", err.msg);
	return false;
}

static pid_t start_dnsmasq(const struct netns *n, char *const *more)
{
	pid_t pid = netns_child(n->there, dnsmasq, (void *)more);

	usleep(300000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	return pid;
}

#define DHCP(how) "link = eth0\nkind = physical\nmac = " MAC1 "\ndhcp = " how "\n"

TEST(dhcp_first)
{
	char *const more[] = {(char *)"--dhcp-range=192.0.2.50,192.0.2.60,255.255.255.0,10m",
			      (char *)"--dhcp-option=3,192.0.2.1", NULL};
	struct netns n;
	pid_t pid;

	if (!has_dnsmasq())
		skip();
	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far");
	NETNS_THERE(&n, netns_raise("far"), netns_address("far", "192.0.2.1/24"));
	pid = start_dnsmasq(&n, more);
	/* it gets what it had, if that is to be had; what was recorded beside it leads on if its gateway is still there */
	assert_up(&n,
		  DHCP("first") "address = 192.0.2.57/24\naddress = 2001:db8::5/64\n"
				"route = 198.51.100.7/32 via 192.0.2.254 from 192.0.2.57\n"
				"route = 198.51.100.8/32 via 10.0.0.1 from 192.0.2.57",
		  "eth0", 8000);
	assert_addresses("eth0", "192.0.2.57/24 (for a time) 2001:db8::5/64");
	assert_route("203.0.113.9", "192.0.2.1", "192.0.2.57");
	assert_route("198.51.100.7", "192.0.2.254", "192.0.2.57");
	assert_route("198.51.100.8", "192.0.2.1", "192.0.2.57");
	netns_end(pid);
	/* again: it is not asked, nobody would answer */
	assert_up(&n, DHCP("first") "dhcp-seconds = 30\naddress = 192.0.2.99/24", "eth0", 1000);
	assert_addresses("eth0", "192.0.2.57/24 (for a time) 2001:db8::5/64");
	netns_deinit(&n);
}

TEST(dhcp_classless_routes)
{
	char *const more[] = {
		(char *)"--dhcp-range=192.0.2.50,192.0.2.60,255.255.255.0,10m",
		(char *)"--dhcp-option=3,192.0.2.1",
		(char *)"--dhcp-option=121,198.51.100.0/24,192.0.2.2,0.0.0.0/0,192.0.2.3", NULL};
	struct netns n;
	pid_t pid;

	if (!has_dnsmasq())
		skip();
	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far");
	NETNS_THERE(&n, netns_raise("far"), netns_address("far", "192.0.2.1/24"));
	pid = start_dnsmasq(&n, more);
	assert_up(&n, DHCP("first"), "eth0", 8000);
	assert_route("198.51.100.7", "192.0.2.2", NULL);
	assert_route("203.0.113.9", "192.0.2.3", NULL);
	netns_end(pid);
	netns_deinit(&n);
}

/* Nobody answers: what is recorded is used, and net_reach() asks again. */
TEST(dhcp_without_an_answer)
{
	char *const more[] = {(char *)"--dhcp-range=198.51.100.50,198.51.100.60,255.255.255.0,10m",
			      NULL};
	static const char *const text = DHCP("first") "dhcp-seconds = 2\n"
						      "address = 192.0.2.5/24";
	struct netns n;
	struct net_ip server;
	struct attempt a;
	pid_t dhcp, pid;

	if (!has_dnsmasq())
		skip();
	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far");
	NETNS_THERE(&n, netns_raise("far"), netns_address("far", "198.51.100.1/24"));
	assert_waits(&n, DHCP("first") "dhcp-seconds = 1", "eth0", 1500, "eth0: no DHCP server ");
	assert_up(&n, text, "eth0", 6000);
	assert_addresses("eth0", "192.0.2.5/24");
	assert_ok(net_ip_parse("198.51.100.1", &server, err));
	pid = netns_child(n.there, serve, NULL);
	dhcp = start_dnsmasq(&n, more);
	reach(&n, text, &server, 1, 10000, &a);
	assert_int_equal(a.result, 0);
	netns_end(dhcp);
	netns_end(pid);
	netns_deinit(&n);
}

/* CAP_NET_RAW, as effective or not. */
static bool may_ask(bool may)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return false;
	if (may)
		data[0].effective |= 1u << CAP_NET_RAW;
	else
		data[0].effective &= ~(1u << CAP_NET_RAW);
	return !syscall(SYS_capset, &head, data);
}

static uint64_t cpu_ms_of_children(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* Without af_packet it asked again and again without a pause, on the one CPU that there is after a crash. */
TEST(dhcp_that_cannot_be_asked)
{
	struct netns n;
	uint64_t before;

	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far");
	NETNS_THERE(&n, netns_raise("far"));
	assert_true(may_ask(false));
	before = cpu_ms_of_children();
	assert_waits(&n, DHCP("first") "dhcp-seconds = 30", "eth0", 2000, "packet socket");
	assert_true(may_ask(true));
	assert_in_range(cpu_ms_of_children() - before, 0, 400);
	netns_deinit(&n);
}

TEST(announced_by_a_router)
{
	char *const more[] = {(char *)"--enable-ra",
			      (char *)"--dhcp-range=2001:db8::,ra-only,64,10m",
			      (char *)"--ra-param=far,4", NULL};
	static const char *const text = "link = eth0\nkind = physical\nmac = " MAC1;
	struct netns n;
	pid_t pid;

	if (!has_dnsmasq())
		skip();
	NETNS_SKIP_UNLESS(&n);
	netns_cable(&n, "eth0", MAC1, "far");
	NETNS_THERE(&n, netns_raise("far"), netns_address("far", "2001:db8::1/64"));
	assert_waits(&n, text, "eth0", 2000, "eth0 has no address: no router has announced one");
	pid = start_dnsmasq(&n, more);
	assert_up(&n, text, "eth0", 15000);
	assert_addresses("eth0", "2001:db8::5054:ff:fe00:1/64 (for a time)");
	netns_end(pid);
	netns_deinit(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(names_change_places),
		cmocka_unit_test(bridge),
		cmocka_unit_test(one_part_will_do),
		cmocka_unit_test(says_what_is_missing),
		cmocka_unit_test(unknown_link),
		cmocka_unit_test(waits_for_hardware),
		cmocka_unit_test(recorded_address_at_once),
		cmocka_unit_test(reach_in_turn),
		cmocka_unit_test(dhcp_first),
		cmocka_unit_test(dhcp_classless_routes),
		cmocka_unit_test(dhcp_without_an_answer),
		cmocka_unit_test(dhcp_that_cannot_be_asked),
		cmocka_unit_test(announced_by_a_router),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
