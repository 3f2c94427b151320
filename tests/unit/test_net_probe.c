// SPDX-License-Identifier: GPL-2.0-or-later
/* net_probe() on machines that are made here, and what the running kernel says of itself. */
#include "tests/unit/netlink_fixture.h"

#define MAC1 "52:54:00:00:00:01"
#define MAC2 "52:54:00:00:00:02"
#define MAC3 "52:54:00:00:00:03"

static int take_note(void *ctx, const char *text, struct err *err)
{
	char *notes = ctx;

	(void)err;
	assert_true(strlen(notes) + strlen(text) + 2 < 4096);
	strcat(strcat(notes, text), "\n");
	return 0;
}

struct found {
	struct net net;
	char link[NET_NAME];
	char notes[4096];
	char *text;
};

static int probe(const struct recorded *m, const char *server, struct found *f, struct err *ret_err)
{
	struct net_ip ip;
	size_t len;
	FILE *to;

	assert_ok(net_ip_parse(server, &ip, err));
	if (net_probe(&m->source, &ip, &f->net, f->link, take_note, f->notes, ret_err))
		return ret_err->code;
	assert_ok(net_check(&f->net, err));
	free(f->text);
	to = open_memstream(&f->text, &len);
	for (size_t i = 0; i < f->net.n; i++)
		net_put(&f->net.links[i], to);
	fclose(to);
	return 0;
}

static void forget(struct found *f)
{
	net_deinit(&f->net);
	free(f->text);
	*f = (struct found){0};
}

static void assert_refused(const struct recorded *m, const char *server, int code, const char *why)
{
	struct found f = {0};

	assert_fails(probe(m, server, &f, err), code, why);
	assert_int_equal(f.net.n, 0);
	forget(&f);
}

TEST(plain)
{
	struct recorded m;
	struct found f = {0};

	recorded_init(&m);
	recorded_link(&m,
		      (struct recorded_link){.index = 1, .name = "lo", .type = ARPHRD_LOOPBACK});
	recorded_link(&m, (struct recorded_link){.index = 2, .name = "ens3", .mac = MAC1});
	recorded_link(&m, (struct recorded_link){.index = 3, .name = "ens4", .mac = MAC2});
	recorded_address(&m, 2, "192.0.2.5/24", 0);
	recorded_address(&m, 2, "192.0.2.100/32", 0); /* a cluster's: not to be taken along */
	recorded_address(&m, 2, "2001:db8::5/64", 0);
	recorded_address(&m, 2, "fe80::5054:ff:fe00:1/64", 0);
	recorded_address(&m, 3, "10.0.0.5/8", 0);
	recorded_route(
		&m, (struct recorded_route){.route = "198.51.100.7/32 via 192.0.2.1 from 192.0.2.5",
					    .index = 2});
	recorded_route(
		&m, (struct recorded_route){
			    .route = "2001:db8:7::7/128 via fe80::1 from 2001:db8::5", .index = 2});
	recorded_route(&m,
		       (struct recorded_route){.route = "192.0.2.0/24 from 192.0.2.5", .index = 2});
	assert_ok(probe(&m, "198.51.100.7", &f, err));
	assert_string_equal(f.link, "ens3");
	assert_string_equal(f.notes, "");
	assert_string_equal(f.text, "link = ens3\nkind = physical\nmac = " MAC1 "\nmtu = 1500\n"
				    "address = 192.0.2.5/24\n"
				    "route = 198.51.100.7/32 via 192.0.2.1 from 192.0.2.5\n");
	/* the same link for further servers, one of them a neighbour */
	assert_ok(probe(&m, "2001:db8:7::7", &f, err));
	assert_ok(probe(&m, "192.0.2.9", &f, err));
	assert_ok(probe(&m, "198.51.100.7", &f, err));
	assert_string_equal(f.text, "link = ens3\nkind = physical\nmac = " MAC1 "\nmtu = 1500\n"
				    "address = 192.0.2.5/24\naddress = 2001:db8::5/64\n"
				    "route = 198.51.100.7/32 via 192.0.2.1 from 192.0.2.5\n"
				    "route = 2001:db8:7::7/128 via fe80::1 from 2001:db8::5\n");
	forget(&f);
	assert_refused(&m, "203.0.113.1", ERR_NOT_FOUND,
		       "the network to 203.0.113.1: this machine has no route to 203.0.113.1");
	recorded_deinit(&m);
}

TEST(bond_with_vlan)
{
	struct recorded m;
	struct found f = {0};

	recorded_init(&m);
	recorded_link(&m,
		      (struct recorded_link){
			      .index = 2, .name = "eno1", .mac = MAC1, .master = 4, .mtu = 9000});
	recorded_link(&m, (struct recorded_link){.index = 3,
						 .name = "eno2",
						 .mac = MAC1,
						 .permanent = MAC2,
						 .master = 4,
						 .mtu = 9000});
	recorded_link(
		&m, (struct recorded_link){
			    .index = 4, .name = "bond0", .mac = MAC1, .kind = "bond", .mtu = 9000});
	recorded_link(&m, (struct recorded_link){.index = 5,
						 .name = "bond0.20",
						 .mac = MAC1,
						 .kind = "vlan",
						 .parent = 4,
						 .vlan_id = 20});
	recorded_file(&m, "/sys/class/net/bond0/bonding/mode", "active-backup 1\n");
	recorded_file(&m, "/sys/class/net/bond0/bonding/miimon", "100\n");
	recorded_file(&m, "/sys/class/net/bond0/bonding/fail_over_mac", "none 0\n");
	recorded_file(&m, "/sys/class/net/bond0/bonding/arp_interval", "0\n");
	recorded_file(&m, "/sys/class/net/bond0/bonding/arp_ip_target", "\n");
	recorded_file(&m, "/sys/class/net/bond0/bonding/lacp_rate", "slow 0\n");
	recorded_file(&m, "/sys/class/net/bond0/bonding/xmit_hash_policy", "layer2 0\n");
	recorded_file(&m, "/sys/class/net/bond0/bonding/primary", "eno1\n");
	recorded_file(&m, "/sys/class/net/bond0/bonding/min_links", "2\n");
	recorded_address(&m, 5, "192.0.2.5/24", 0);
	recorded_route(
		&m, (struct recorded_route){.route = "198.51.100.7/32 via 192.0.2.1 from 192.0.2.5",
					    .index = 5});
	assert_ok(probe(&m, "198.51.100.7", &f, err));
	assert_string_equal(f.link, "bond0.20");
	assert_string_equal(
		f.text,
		"link = eno1\nkind = physical\nmac = " MAC1 "\nmtu = 9000\nmaster = bond0\n"
		"link = eno2\nkind = physical\nmac = " MAC2 "\nmtu = 9000\nmaster = bond0\n"
		"link = bond0\nkind = bond\nmac = " MAC1 "\nmtu = 9000\n"
		"option = mode=active-backup\noption = fail_over_mac=none\noption = miimon=100\n"
		"option = xmit_hash_policy=layer2\noption = primary=eno1\n"
		"link = bond0.20\nkind = vlan\nmtu = 1500\nparent = bond0\nvlan-id = 20\n"
		"address = 192.0.2.5/24\nroute = 198.51.100.7/32 via 192.0.2.1 from 192.0.2.5\n");
	assert_string_equal(f.notes, "");
	forget(&f);
	recorded_deinit(&m);
}

/* Its other part is a virtual machine's end of it. */
TEST(bridge_with_a_card)
{
	struct recorded m;
	struct found f = {0};

	recorded_init(&m);
	recorded_link(&m,
		      (struct recorded_link){.index = 2, .name = "eth0", .mac = MAC1, .master = 3});
	recorded_link(
		&m, (struct recorded_link){
			    .index = 4, .name = "vnet0", .mac = MAC2, .master = 3, .kind = "tun"});
	recorded_link(&m, (struct recorded_link){
				  .index = 3, .name = "br0", .mac = MAC3, .kind = "bridge"});
	recorded_file(&m, "/sys/class/net/br0/bridge/stp_state", "0\n");
	recorded_file(&m, "/sys/class/net/br0/bridge/forward_delay", "1500\n");
	recorded_file(&m, "/sys/class/net/br0/bridge/vlan_filtering", "1\n");
	recorded_address(&m, 3, "192.0.2.5/24", 0);
	recorded_route(&m, (struct recorded_route){.route = "0.0.0.0/0 via 192.0.2.1", .index = 3});
	assert_ok(probe(&m, "198.51.100.7", &f, err));
	assert_string_equal(f.link, "br0");
	assert_string_equal(f.text, "link = eth0\nkind = physical\nmac = " MAC1
				    "\nmtu = 1500\nmaster = br0\n"
				    "link = br0\nkind = bridge\nmac = " MAC3 "\nmtu = 1500\n"
				    "option = stp_state=0\noption = forward_delay=1500\n"
				    "address = 192.0.2.5/24\n"
				    "route = 198.51.100.7/32 via 192.0.2.1 from 192.0.2.5\n");
	assert_non_null(strstr(f.notes, "br0 keeps VLANs apart"));
	assert_null(strstr(f.notes, "vnet0")); /* of a bridge that is nothing to tell */
	forget(&f);
	recorded_deinit(&m);
}

TEST(lifetimes)
{
	struct recorded m;
	struct found f = {0};

	recorded_init(&m);
	recorded_link(&m, (struct recorded_link){.index = 2, .name = "eth0", .mac = MAC1});
	recorded_address(&m, 2, "192.0.2.5/24", 3600);
	recorded_address(&m, 2, "2001:db8::5054:ff:fe00:1/64", 3600);
	recorded_address(&m, 2, "2001:db8:9::99/128", 3600); /* DHCPv6's */
	recorded_route(
		&m, (struct recorded_route){.route = "198.51.100.7/32 via 192.0.2.1 from 192.0.2.5",
					    .index = 2});
	recorded_route(
		&m, (struct recorded_route){
			    .route = "2001:db8:7::7/128 via fe80::1 from 2001:db8::5054:ff:fe00:1",
			    .index = 2,
			    .protocol = RTPROT_RA});
	recorded_route(&m, (struct recorded_route){
				   .route = "2001:db8:8::8/128 via fe80::1 from 2001:db8:9::99",
				   .index = 2,
				   .protocol = RTPROT_RA});
	assert_ok(probe(&m, "198.51.100.7", &f, err));
	assert_string_equal(f.text, "link = eth0\nkind = physical\nmac = " MAC1 "\nmtu = 1500\n"
				    "address = 192.0.2.5/24\n"
				    "route = 198.51.100.7/32 via 192.0.2.1 from 192.0.2.5\n"
				    "dhcp = first\n");
	assert_non_null(strstr(f.notes, "the address 192.0.2.5 of eth0 is from DHCP"));
	forget(&f);
	/* the kernel will do it again */
	assert_ok(probe(&m, "2001:db8:7::7", &f, err));
	assert_string_equal(f.text, "link = eth0\nkind = physical\nmac = " MAC1 "\nmtu = 1500\n");
	assert_non_null(strstr(f.notes, "from a router's announcement"));
	forget(&f);
	assert_ok(probe(&m, "2001:db8:8::8", &f, err));
	assert_string_equal(f.text, "link = eth0\nkind = physical\nmac = " MAC1 "\nmtu = 1500\n"
				    "address = 2001:db8:9::99/128\n"
				    "route = 2001:db8:8::8/128 via fe80::1 from 2001:db8:9::99\n");
	forget(&f);
	recorded_deinit(&m);
}

TEST(ways)
{
	struct recorded m;
	struct found f = {0};

	recorded_init(&m);
	recorded_link(&m, (struct recorded_link){.index = 2, .name = "eth0", .mac = MAC1});
	recorded_link(&m, (struct recorded_link){.index = 3, .name = "eth1", .mac = MAC2});
	recorded_link(&m,
		      (struct recorded_link){.index = 1, .name = "lo", .type = ARPHRD_LOOPBACK});
	recorded_address(&m, 2, "192.0.2.5/32", 0);
	recorded_address(&m, 1, "203.0.113.5/32", 0);
	recorded_address(&m, 3, "10.0.0.5/24", 0);
	/* a gateway outside of all prefixes, as hosters have them */
	recorded_route(
		&m, (struct recorded_route){
			    .route = "198.51.100.0/24 via 172.31.1.1 from 192.0.2.5", .index = 2});
	/* IPv4 through a neighbour of IPv6, from an address of lo, as routed fabrics have it */
	recorded_route(
		&m, (struct recorded_route){.route = "198.18.0.0/16 via fe80::1 from 203.0.113.5",
					    .index = 2});
	/* two ways, the first of them dead; and a longer prefix counts more, a lower metric too */
	recorded_route(&m, (struct recorded_route){
				   .route = "198.19.0.0/16 via 10.0.0.1", .index = 3, .dead = 2});
	recorded_route(&m, (struct recorded_route){.route = "198.19.0.0/16 via 10.0.0.2 metric 9",
						   .index = 3});
	recorded_route(&m,
		       (struct recorded_route){.route = "198.16.0.0/12 via 10.0.0.3", .index = 3});
	/* a neighbour outside of all prefixes */
	recorded_route(
		&m, (struct recorded_route){.route = "172.31.1.9/32 from 192.0.2.5", .index = 2});
	recorded_route(
		&m, (struct recorded_route){.route = "10.0.0.5/32", .index = 1, .type = RTN_LOCAL});
	recorded_route(&m, (struct recorded_route){
				   .route = "10.9.0.0/16", .index = 3, .type = RTN_UNREACHABLE});
	recorded_route(&m, (struct recorded_route){.route = "10.8.0.0/16", .index = 77});
#define ETH0 "link = eth0\nkind = physical\nmac = " MAC1 "\nmtu = 1500\n"
	assert_ok(probe(&m, "198.51.100.7", &f, err));
	assert_string_equal(f.text,
			    ETH0 "address = 192.0.2.5/32\nroute = 172.31.1.1/32 from 192.0.2.5\n"
				 "route = 198.51.100.7/32 via 172.31.1.1 from 192.0.2.5\n");
	forget(&f);
	assert_ok(probe(&m, "198.18.3.4", &f, err));
	assert_string_equal(f.text, ETH0 "address = 203.0.113.5/32\n"
					 "route = 198.18.3.4/32 via fe80::1 from 203.0.113.5\n");
	forget(&f);
	assert_ok(probe(&m, "198.19.3.4", &f, err));
	assert_string_equal(f.link, "eth1");
	assert_non_null(strstr(f.text, "address = 10.0.0.5/24\n"
				       "route = 198.19.3.4/32 via 10.0.0.1 from 10.0.0.5\n"));
	forget(&f);
	assert_ok(probe(&m, "172.31.1.9", &f, err));
	assert_string_equal(f.text,
			    ETH0 "address = 192.0.2.5/32\nroute = 172.31.1.9/32 from 192.0.2.5\n");
	forget(&f);
	assert_refused(&m, "10.0.0.5", ERR_USAGE, "10.0.0.5 is this machine itself");
	assert_refused(&m, "10.9.0.5", ERR_NOT_FOUND, "no route to 10.9.0.5");
	assert_refused(&m, "10.8.0.5", ERR_NOT_FOUND, "interface 77, which leads there, is gone");
	assert_refused(&m, "127.0.0.2", ERR_USAGE, "is this machine itself");
	assert_refused(&m, "::1", ERR_USAGE, "is this machine itself");
	assert_refused(&m, "0.0.0.0", ERR_USAGE, "is not the address of one server");
	assert_refused(&m, "ff02::1", ERR_USAGE, "is not the address of one server");
	assert_refused(&m, "fe80::7", ERR_USAGE,
		       "give the server an address that is not link-local");
	recorded_deinit(&m);
}

/* A server behind each kind that cannot be made again. */
TEST(unsupported)
{
	static const struct {
		struct recorded_link link;
		const char *why;
	} kinds[] = {
		{{.index = 2, .name = "wg0", .type = 65534, .kind = "wireguard"},
		 "wg0 is no Ethernet interface"},
		{{.index = 2, .name = "ib0", .type = ARPHRD_INFINIBAND},
		 "ib0 is no Ethernet interface"},
		{{.index = 2, .name = "team0", .mac = MAC1, .kind = "team"},
		 "team0 is of the kind 'team', which cannot"},
		{{.index = 2, .name = "v0", .mac = MAC1, .kind = "veth"},
		 "v0 is of the kind 'veth'"},
		{{.index = 2, .name = "wlan0", .mac = MAC1}, "wlan0 is a wireless interface"},
		{{.index = 2, .name = "eth0"}, "eth0 is without a MAC address"},
		{{.index = 2, .name = "bond0", .mac = MAC1, .kind = "bond"},
		 "bond0 has no part: nothing leads out of it"},
		{{.index = 2, .name = "v5", .mac = MAC1, .kind = "vlan", .parent = 9, .vlan_id = 5},
		 "network namespace"},
		{{.index = 2, .name = "v5", .mac = MAC1, .kind = "vlan", .parent = 2, .vlan_id = 5},
		 "network namespace"},
		{{.index = 2,
		  .name = "v5",
		  .mac = MAC1,
		  .kind = "vlan",
		  .parent = 3,
		  .vlan_id = 5,
		  .elsewhere = true},
		 "network namespace"},
		{{.index = 2, .name = "v5", .mac = MAC1, .kind = "vlan", .parent = 3},
		 "v5 is a VLAN with the number 0"},
		{{.index = 2, .name = "br0", .mac = MAC1, .kind = "bridge"},
		 "br0 has no part that can be made again: t0 is"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool bridge = strcmp(kinds[i].link.name, "br0") == 0;
		struct recorded m;

		recorded_init(&m);
		recorded_link(&m, kinds[i].link);
		recorded_link(&m, (struct recorded_link){.index = 3, .name = "eth9", .mac = MAC2});
		if (bridge)
			recorded_link(&m, (struct recorded_link){.index = 4,
								 .name = "t0",
								 .mac = MAC3,
								 .master = 2,
								 .kind = "tun"});
		recorded_file(&m, "/sys/class/net/wlan0/wireless", "");
		recorded_address(&m, 2, "192.0.2.5/24", 0);
		recorded_route(&m, (struct recorded_route){.route = "0.0.0.0/0 via 192.0.2.1",
							   .index = 2});
		assert_refused(&m, "198.51.100.7",
			       strstr(kinds[i].why, "no part:") ? ERR_NOT_FOUND : ERR_UNSUPPORTED,
			       kinds[i].why);
		recorded_deinit(&m);
	}
}

/* Hostile: an interface that stands on itself by way of others. */
TEST(circles)
{
	struct recorded m;

	recorded_init(&m);
	recorded_link(&m, (struct recorded_link){.index = 2,
						 .name = "a",
						 .mac = MAC1,
						 .kind = "vlan",
						 .parent = 3,
						 .vlan_id = 1});
	recorded_link(&m, (struct recorded_link){.index = 3,
						 .name = "b",
						 .mac = MAC1,
						 .kind = "vlan",
						 .parent = 2,
						 .vlan_id = 1});
	recorded_link(&m,
		      (struct recorded_link){
			      .index = 4, .name = "c", .mac = MAC1, .kind = "bridge", .master = 5});
	recorded_link(&m,
		      (struct recorded_link){
			      .index = 5, .name = "d", .mac = MAC1, .kind = "bridge", .master = 4});
	recorded_address(&m, 2, "192.0.2.5/24", 0);
	recorded_address(&m, 4, "192.0.3.5/24", 0);
	recorded_route(&m, (struct recorded_route){.route = "192.0.2.0/24", .index = 2});
	recorded_route(&m, (struct recorded_route){.route = "192.0.3.0/24", .index = 4});
	assert_refused(&m, "192.0.2.9", ERR_UNSUPPORTED, "more than 8 interfaces on each other");
	assert_refused(&m, "192.0.3.9", ERR_UNSUPPORTED, "more than 8 interfaces on each other");
	recorded_deinit(&m);
}

TEST(addresses_of_hardware)
{
	struct recorded m;
	struct found f = {0};

	recorded_init(&m);
	recorded_link(&m, (struct recorded_link){
				  .index = 2, .name = "eth0", .mac = MAC3, .permanent = MAC1});
	recorded_link(&m, (struct recorded_link){
				  .index = 3, .name = "eth1", .mac = MAC2, .no_permanent = true});
	recorded_address(&m, 2, "192.0.2.5/24", 0);
	recorded_address(&m, 3, "192.0.3.5/24", 0);
	recorded_route(&m, (struct recorded_route){.route = "192.0.2.0/24", .index = 2});
	recorded_route(&m, (struct recorded_route){.route = "192.0.3.0/24", .index = 3});
	assert_ok(probe(&m, "192.0.2.9", &f, err));
	assert_string_equal(f.text, "link = eth0\nkind = physical\nmac = " MAC1 "\nset-mac = " MAC3
				    "\nmtu = 1500\naddress = 192.0.2.5/24\n");
	forget(&f);
	assert_ok(probe(&m, "192.0.3.9", &f, err));
	assert_string_equal(f.text, "link = eth1\nkind = physical\nmac = " MAC2
				    "\nmtu = 1500\naddress = 192.0.3.5/24\n");
	assert_non_null(strstr(f.notes, "eth1 has no permanent MAC address"));
	forget(&f);
	recorded_deinit(&m);
}

TEST(nothing_recorded)
{
	struct recorded m;

	recorded_init(&m);
	fputs("no message", m.links);
	fflush(m.links);
	assert_refused(&m, "192.0.2.9", ERR_CORRUPT,
		       "/netlink/links: the last message is not whole");
	recorded_deinit(&m);
}

/* It answers, whatever this machine has. */
TEST(running_kernel)
{
	const struct root root = {.fd = -1, .path = ""};
	struct net_source source;
	struct netlink_links links;
	struct recorded m = {0};

	net_source_of_root(&root, &source);
	m.source = source;
	assert_ok(netlink_links(&source, &links, err));
	assert_non_null(netlink_by_name(&links, "lo"));
	free(links.v);
	assert_refused(&m, "127.0.0.1", ERR_USAGE, "127.0.0.1 is this machine itself");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(bond_with_vlan),
		cmocka_unit_test(bridge_with_a_card),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(ways),
		cmocka_unit_test(unsupported),
		cmocka_unit_test(circles),
		cmocka_unit_test(addresses_of_hardware),
		cmocka_unit_test(nothing_recorded),
		cmocka_unit_test(running_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
