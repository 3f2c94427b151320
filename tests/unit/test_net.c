// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/socket.h>

#include "base/keyvalue.h"
#include "net/net.h"
#include "tests/unit/unit.h"

/* As a recipe has them, without its other keys. */
static int read_links(const char *text, struct net *net, struct err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct keyvalue_lines in = {.next = copy, .end = copy + strlen(copy)};
	struct net_link *link = NULL;
	char *line;
	size_t len;

	while (keyvalue_line(&in, &line, &len)) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		line = keyvalue_trim(line);
		value = keyvalue_trim(value);
		if (strcmp(line, "link") == 0 ? net_add(net, value, &link, err)
					      : net_set(link, line, value, err))
			return err->code;
	}
	return net_check(net, err);
}

static void assert_refused(const char *text, const char *why)
{
	struct net net = {0};

	assert_fails(read_links(text, &net, err), ERR_USAGE, why);
	net_deinit(&net);
}

static void put_all(const struct net *net, char **ret)
{
	size_t len;
	FILE *to = open_memstream(ret, &len);

	for (size_t i = 0; i < net->n; i++)
		net_put(&net->links[i], to);
	fclose(to);
}

static const char whole[] =
	"link = eth0\nkind = physical\nmac = 52:54:00:12:34:56\n"
	"set-mac = 52:54:00:aa:bb:cc\nmaster = bond0\n"
	"link = eth1\nkind = physical\nmac = 52:54:00:12:34:57\nmaster = bond0\n"
	"link = bond0\nkind = bond\nmac = 52:54:00:12:34:56\nmtu = 9000\n"
	"option = mode=active-backup\noption = miimon=100\n"
	"link = bond0.20\nkind = vlan\nmaster = br0\nparent = bond0\nvlan-id = 20\n"
	"vlan-protocol = 802.1ad\n"
	"link = br0\nkind = bridge\n"
	"option = stp_state=0\naddress = 192.0.2.5/24\naddress = 2001:db8::5/64\n"
	"route = 0.0.0.0/0 via 192.0.2.1 from 192.0.2.5 metric 100\n"
	"route = 2001:db8:1::/48 via fe80::1\n"
	"route = 198.51.100.7/32 via fe80::1 from 192.0.2.5\n"
	"route = 198.51.100.9/32\n"
	"dhcp = fallback\ndhcp-seconds = 7\n";

TEST(round_trip)
{
	_cleanup_free_ char *text = NULL;
	struct net net = {0};
	const struct net_link *br;

	assert_ok(read_links(whole, &net, err));
	assert_int_equal(net.n, 5);
	put_all(&net, &text);
	assert_string_equal(text, whole);
	br = net_find(&net, "br0");
	assert_non_null(br);
	assert_int_equal(br->kind, NET_BRIDGE);
	assert_int_equal(br->n_addresses, 2);
	assert_int_equal(br->addresses[1].ip.family, AF_INET6);
	assert_int_equal(br->addresses[1].prefix, 64);
	assert_int_equal(br->n_routes, 4);
	assert_int_equal(br->routes[0].metric, 100);
	assert_int_equal(br->routes[2].via.family, AF_INET6);
	assert_int_equal(br->routes[3].via.family, 0);
	assert_int_equal(br->dhcp, NET_DHCP_FALLBACK);
	assert_string_equal(net.links[2].options[1], "miimon=100");
	assert_null(net.links[2].options[2]);
	assert_true(net.links[3].vlan_ad);
	assert_memory_equal(net.links[0].mac, "\x52\x54\x00\x12\x34\x56", 6);
	assert_null(net_find(&net, "eth2"));
	net_deinit(&net);
}

TEST(defaults)
{
	struct net net = {0};

	assert_ok(read_links("link = a\nkind = physical\nmac = 00:00:00:00:00:01", &net, err));
	assert_int_equal(net.links[0].dhcp, NET_DHCP_NO);
	assert_int_equal(net.links[0].dhcp_seconds, 20);
	assert_int_equal(net.links[0].mtu, 0);
	assert_null(net.links[0].options);
	net_deinit(&net);
	assert_ok(net_check(&net, err));
}

TEST(names)
{
	assert_refused("link = \nkind = physical", "'' is not the name of an interface");
	assert_refused("link = ..", "'..' is not");
	assert_refused("link = a/b", "'a/b' is not");
	assert_refused("link = eth%d", "'eth%d' is not");
	assert_refused("link = a b", "'a b' is not");
	assert_refused("link = sixteen-letters.", "is not the name");
	assert_refused("link = a\xa0", "is not the name");
	assert_refused("link = a\nkind = physical\nmac = 00:00:00:00:00:01\nlink = a",
		       "link a is there twice");
}

#define A "link = a\nkind = physical\nmac = 00:00:00:00:00:01\n"
#define B "link = b\nkind = physical\nmac = 00:00:00:00:00:02\n"

TEST(keys)
{
	assert_refused(A "kind = physical", "kind is there twice");
	assert_refused(A "speed = 10", "'speed' is not a key of a link");
	assert_refused("link = a\nkind = tunnel", "kind: 'tunnel' is not physical, vlan");
	assert_refused("link = a\nmac = 00:00:00:00:00:01", "link a: kind is missing");
	assert_refused("link = a\nkind = physical", "link a: mac is missing");
	assert_refused("link = a\nkind = vlan\nvlan-id = 1", "parent is missing");
	assert_refused(A "link = v\nkind = vlan\nparent = a", "vlan-id is missing");
	assert_refused(A "vlan-id = 4", "vlan-id is no key of kind physical");
	assert_refused(A "option = mode=1", "option is no key of kind physical");
	assert_refused(A "vlan-protocol = 802.1q", "vlan-protocol is no key of kind physical");
	assert_refused(A "mtu = 67", "mtu: ");
	assert_refused(A "mtu = 65537", "mtu: ");
	assert_refused(A "dhcp = yes", "dhcp: 'yes' is not no, first or fallback");
	assert_refused(A "dhcp-seconds = 0", "dhcp-seconds: ");
	assert_refused(A "dhcp-seconds = 3601", "dhcp-seconds: ");
	assert_refused(A "master = b\x01", "control character 0x01");
}

TEST(macs)
{
	assert_refused("link = a\nmac = 00:00:00:00:00:00", "is not the MAC address of an");
	assert_refused("link = a\nmac = 01:00:5e:00:00:01", "is not the MAC address of an");
	assert_refused("link = a\nmac = 52:54:00:12:34:5", "is not a MAC address");
	assert_refused("link = a\nmac = 52:54:00:12:34:5g", "is not a MAC address");
	assert_refused("link = a\nmac = 52-54-00-12-34-56", "is not a MAC address");
	assert_refused(A "link = b\nkind = physical\nmac = 00:00:00:00:00:01",
		       "has the same MAC address");
}

TEST(addresses)
{
	assert_refused(A "address = 192.0.2.5", "'192.0.2.5' is not an address and the length");
	assert_refused(A "address = 192.0.2.5/33", "is not an address and the length");
	assert_refused(A "address = 192.0.2.5/0x8", "is not an address and the length");
	assert_refused(A "address = 192.0.2.5/0", "is not an address that an interface");
	assert_refused(A "address = 192.0.2.05/24", "is not an IPv4 or IPv6 address");
	assert_refused(A "address = fe80::1%eth0/64", "is not an IPv4 or IPv6 address");
	assert_refused(A "address = 224.0.0.1/24", "is not an address that an interface");
	assert_refused(A "address = ff02::1/64", "is not an address that an interface");
	assert_refused(A "address = ::/64", "is not an address that an interface");
	assert_refused(A "address = nas/24", "is not an IPv4 or IPv6 address");
	assert_refused(A "address = 192.0.2.5/24\naddress = 192.0.2.5/25", "is there twice");
	assert_refused(A "address = "
			 "1111111111111111111111111111111111111111111111111111111111111111111111/8",
		       "is not an address and the length");
}

TEST(routes)
{
	assert_refused(A "route = default via 192.0.2.1", "'default' is not an address");
	assert_refused(A "route = 192.0.2.1/24 via 192.0.2.1", "bits are set behind the prefix");
	assert_refused(A "route = 2001:db8::/28", "bits are set behind the prefix");
	assert_refused(A "route = 0.0.0.0/0 via nas", "'nas' is not an IPv4");
	assert_refused(A "route = ::/0 via 192.0.2.1", "is not a gateway for this route");
	assert_refused(A "route = 0.0.0.0/0 via 0.0.0.0", "is not a gateway for this route");
	assert_refused(A "route = 0.0.0.0/0 from 2001:db8::5", "is not an address to send from");
	assert_refused(A "route = 0.0.0.0/0 from 192.0.2.5 via 192.0.2.1", "via, from or metric");
	assert_refused(A "route = 0.0.0.0/0 via", "via, from or metric");
	assert_refused(A "route = 0.0.0.0/0 metric 0", "is not a metric");
	assert_refused(A "route = 0.0.0.0/0 metric 4294967296", "is not a metric");
	assert_refused(A "route = 0.0.0.0/0 metric 1 2", "via, from or metric");
	assert_refused(A "route = 0.0.0.0/0 \nroute = 0.0.0.0/0 via 192.0.2.1",
		       "a route to 0.0.0.0/0 is there already");
}

TEST(places)
{
	assert_refused(A "master = b\n" B, "its master b is no bond or bridge");
	assert_refused(A "master = b\n", "its master b is no link behind it");
	assert_refused("link = b\nkind = bond\n" A "master = b", "its master b is no link behind");
	assert_refused("link = b\nkind = bond\n", "no link has it as its master");
	assert_refused("link = v\nkind = vlan\nvlan-id = 1\nparent = a\n" A,
		       "its parent a is no link before it");
	assert_refused("link = v\nkind = vlan\nvlan-id = 1\nparent = v\n", "no link before it");
	assert_refused(A "master = b\naddress = 192.0.2.5/24\nlink = b\nkind = bond",
		       "a part of b has no addresses of its own");
	assert_refused(A "master = b\nlink = b\nkind = bond\nmaster = c\nlink = c\nkind = bond",
		       "a bond is no part of a bond");
}

TEST(options)
{
#define BOND A "master = b\nlink = b\nkind = bond\n"
	assert_refused(BOND "option = mode", "is not name=value of an option");
	assert_refused(BOND "option = mode=", "is not name=value of an option");
	assert_refused(BOND "option = ../x=1", "is not name=value of an option");
	assert_refused(BOND "option = mode=1\noption = mode=2", "mode is there twice");
}

TEST(limits)
{
	struct net net = {0};
	struct net_link *l = NULL;
	char text[64];

	for (int i = 0; i < NET_MAX_LINKS; i++) {
		snprintf(text, sizeof(text), "eth%d", i);
		assert_ok(net_add(&net, text, &l, err));
	}
	assert_fails(net_add(&net, "more", &l, err), ERR_USAGE, "more than 32 links");
	for (int i = 0; i < NET_MAX_EACH; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d/24", i + 1);
		assert_ok(net_set(l, "address", text, err));
		snprintf(text, sizeof(text), "192.0.2.%d/32", i + 1);
		assert_ok(net_set(l, "route", text, err));
		snprintf(text, sizeof(text), "o%d=1", i);
		assert_ok(net_set(l, "option", text, err));
	}
	assert_fails(net_set(l, "address", "192.0.3.1/24", err), ERR_USAGE, "more than 64");
	assert_fails(net_set(l, "route", "192.0.3.1/32", err), ERR_USAGE, "more than 64");
	assert_fails(net_set(l, "option", "mode=1", err), ERR_USAGE, "more than 64");
	net_deinit(&net);
}

/* However long a value is, what is said of it is not. */
TEST(long_values)
{
	static const char *const keys[] = {"kind",   "mac",     "set-mac",     "mtu",
					   "master", "parent",  "vlan-id",     "vlan-protocol",
					   "option", "address", "route",       "dhcp",
					   "nokey",  "",        "dhcp-seconds"};
	char value[4000];

	memset(value, '1', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct net_link l = {0};
		struct err err = {0};

		assert_int_equal(net_set(&l, keys[i], value, &err), ERR_USAGE);
		assert_true(strlen(err.msg) < 200);
	}
}

static bool in(const char *network, unsigned int prefix, const char *ip)
{
	struct net_address a = {.prefix = prefix};
	struct net_ip b;

	assert_ok(net_ip_parse(network, &a.ip, err));
	assert_ok(net_ip_parse(ip, &b, err));
	return net_prefix_has(&a, &b);
}

TEST(prefixes)
{
	assert_true(in("192.0.2.0", 24, "192.0.2.255"));
	assert_false(in("192.0.2.0", 24, "192.0.3.0"));
	assert_true(in("192.0.2.128", 25, "192.0.2.129"));
	assert_false(in("192.0.2.128", 25, "192.0.2.127"));
	assert_true(in("192.0.2.1", 32, "192.0.2.1"));
	assert_false(in("192.0.2.1", 32, "192.0.2.0"));
	assert_true(in("192.0.2.1", 0, "1.1.1.1"));
	assert_false(in("192.0.2.1", 0, "::1"));
	assert_true(in("2001:db8::", 33, "2001:db8:7fff::"));
	assert_false(in("2001:db8::", 33, "2001:db8:8000::"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),  cmocka_unit_test(defaults),
		cmocka_unit_test(names),       cmocka_unit_test(keys),
		cmocka_unit_test(macs),        cmocka_unit_test(addresses),
		cmocka_unit_test(routes),      cmocka_unit_test(places),
		cmocka_unit_test(options),     cmocka_unit_test(limits),
		cmocka_unit_test(long_values), cmocka_unit_test(prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
