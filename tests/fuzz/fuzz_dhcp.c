// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dhcp_read. Property: any packet is refused, or gives an address that an interface can have, with a prefix, and routes that the
 * kernel takes. The input is a packet as it is, or (behind a first byte of 1) what stands behind the headers of a good one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/dhcp.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

#define HEADERS 28 /* IP and UDP */
#define OPTIONS 240

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_route(const struct net_route *r)
{
	REQUIRE(r->to.ip.family == AF_INET && r->to.prefix <= 32);
	for (unsigned int i = r->to.prefix; i < 32; i++)
		REQUIRE(!(r->to.ip.bytes[i / 8] & (0x80 >> i % 8)));
	REQUIRE(!r->via.family || (r->via.family == AF_INET && net_ip_is_unicast(&r->via)));
}

static void check_packet(const uint8_t *packet, size_t len)
{
	static const struct dhcp_client client = {.mac = {0x52, 0x54, 0, 0, 0, 1},
						  .xid = 0x12345678};
	struct dhcp_lease l;
	enum dhcp_kind kind;

	if (!dhcp_read((struct bytes){packet, len}, &client, &kind, &l))
		return;
	REQUIRE(kind == DHCP_OFFER || kind == DHCP_ACK || kind == DHCP_NAK);
	REQUIRE(l.server.family == AF_INET);
	if (kind == DHCP_NAK)
		return;
	REQUIRE(l.address.ip.family == AF_INET && net_ip_is_unicast(&l.address.ip));
	REQUIRE(l.address.prefix >= 1 && l.address.prefix <= 32);
	REQUIRE(l.n_routes <= DHCP_MAX_ROUTES);
	for (size_t i = 0; i < l.n_routes; i++)
		check_route(&l.routes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t head[] = {
		0x45, 0,   0, 0,  0, 0,  0, 0, 64, 17, 0, 0, 192, 0, 2,    1,    255,  255,
		255,  255, 0, 67, 0, 68, 0, 0, 0,  0,  2, 1, 6,   0, 0x12, 0x34, 0x56, 0x78,
	};
	uint8_t packet[DHCP_PACKET] = {0};
	size_t n, len;

	check_packet(data, size);
	if (!size || data[0] != 1)
		return 0;
	n = size - 1 < DHCP_PACKET - HEADERS - OPTIONS ? size - 1 : DHCP_PACKET - HEADERS - OPTIONS;
	len = HEADERS + OPTIONS + n;
	memcpy(packet, head, sizeof(head));
	packet[2] = (uint8_t)(len >> 8);
	packet[3] = (uint8_t)len;
	packet[24] = (uint8_t)((len - 20) >> 8);
	packet[25] = (uint8_t)(len - 20);
	memcpy(packet + HEADERS + 16, "\xc0\x00\x02\x39", 4);
	memcpy(packet + HEADERS + 28, "\x52\x54\0\0\0\1", 6);
	memcpy(packet + HEADERS + 236, "\x63\x82\x53\x63", 4);
	memcpy(packet + HEADERS + OPTIONS, data + 1, n);
	check_packet(packet, len);
	return 0;
}
