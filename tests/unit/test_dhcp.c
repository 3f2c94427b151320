// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>

#include "net/dhcp.h"
#include "tests/unit/unit.h"

#define HEADERS 28 /* IP and UDP */
#define OPTIONS 240

static const struct dhcp_client client = {.mac = {0x52, 0x54, 0, 0, 0, 1}, .xid = 0x12345678};

struct reply {
	uint8_t packet[DHCP_PACKET];
	size_t len;
};

static void finish(struct reply *r)
{
	uint16_t ip = htons((uint16_t)r->len), udp = htons((uint16_t)(r->len - 20));

	memcpy(r->packet + 2, &ip, 2);
	memcpy(r->packet + 24, &udp, 2);
}

static void add(struct reply *r, uint8_t code, const void *value, uint8_t len)
{
	r->packet[r->len++] = code;
	r->packet[r->len++] = len;
	memcpy(r->packet + r->len, value, len);
	r->len += len;
	finish(r);
}

static void begin(struct reply *r, uint8_t kind)
{
	static const uint8_t head[] = {0x45, 0, 0, 0, 0,   0,   0,   0,   64,   17,   0,    0,
				       192,  0, 2, 1, 255, 255, 255, 255, 0,    67,   0,    68,
				       0,    0, 0, 0, 2,   1,   6,   0,   0x12, 0x34, 0x56, 0x78};

	*r = (struct reply){.len = HEADERS + OPTIONS};
	memcpy(r->packet, head, sizeof(head));
	memcpy(r->packet + HEADERS + 16, "\xc0\x00\x02\x39", 4);
	memcpy(r->packet + HEADERS + 28, client.mac, 6);
	memcpy(r->packet + HEADERS + 236, "\x63\x82\x53\x63", 4);
	add(r, 53, &kind, 1);
	add(r, 54, "\xc0\x00\x02\x01", 4);
}

static bool reads(const struct reply *r, struct dhcp_lease *lease)
{
	/* of exactly its length, so that sanitizers see what is read behind it */
	_cleanup_free_ uint8_t *copy = malloc(r->len);
	enum dhcp_kind kind;

	memcpy(copy, r->packet, r->len);
	return dhcp_read((struct bytes){copy, r->len}, &client, &kind, lease);
}

TEST(a_lease)
{
	struct dhcp_lease lease;
	enum dhcp_kind kind;
	struct reply r;

	begin(&r, DHCP_ACK);
	add(&r, 1, "\xff\xff\xff\x80", 4);
	add(&r, 3, "\xc0\x00\x02\x02\xc0\x00\x02\x03", 8);
	add(&r, 51, "\x00\x00\x0e\x10", 4);
	r.packet[r.len++] = 255;
	finish(&r);
	assert_true(dhcp_read((struct bytes){r.packet, r.len}, &client, &kind, &lease));
	assert_int_equal(kind, DHCP_ACK);
	assert_memory_equal(lease.address.ip.bytes, "\xc0\x00\x02\x39", 4);
	assert_int_equal(lease.address.prefix, 25);
	assert_memory_equal(lease.server.bytes, "\xc0\x00\x02\x01", 4);
	assert_int_equal(lease.seconds, 3600);
	assert_int_equal(lease.n_routes, 1);
	assert_int_equal(lease.routes[0].to.prefix, 0);
	assert_memory_equal(lease.routes[0].via.bytes, "\xc0\x00\x02\x02", 4);
	/* whatever cut: no crash, and what is whole of the message is still refused or a lease */
	for (size_t len = 0; len < r.len; len++)
		assert_false(dhcp_read((struct bytes){r.packet, len}, &client, &kind, &lease));
}

TEST(masks)
{
	struct dhcp_lease lease;
	struct reply r;

	begin(&r, DHCP_OFFER);
	assert_true(reads(&r, &lease));
	assert_int_equal(lease.address.prefix, 24); /* of class C */
	assert_int_equal(lease.n_routes, 0);
	add(&r, 1, "\xff\x00\xff\x00", 4);
	assert_false(reads(&r, &lease));
	begin(&r, DHCP_OFFER);
	add(&r, 1, "\x00\x00\x00\x00", 4);
	assert_false(reads(&r, &lease));
	begin(&r, DHCP_OFFER);
	add(&r, 1, "\xff\xff\xff\xff", 4);
	assert_true(reads(&r, &lease));
	assert_int_equal(lease.address.prefix, 32);
}

/* Option 121: the router's option does not count then; one in two pieces is one. */
TEST(classless_routes)
{
	struct dhcp_lease lease;
	struct reply r;

	begin(&r, DHCP_ACK);
	add(&r, 3, "\xc0\x00\x02\x02", 4);
	add(&r, 121, "\x18\xc6\x33\x64\xc0\x00", 6);
	add(&r, 121, "\x02\x05\x00\xc0\x00\x02\x06\x09\x0a\xff\x00\x00\x00\x00", 14);
	assert_true(reads(&r, &lease));
	assert_int_equal(lease.n_routes, 3);
	assert_int_equal(lease.routes[0].to.prefix, 24);
	assert_memory_equal(lease.routes[0].to.ip.bytes, "\xc6\x33\x64\x00", 4);
	assert_memory_equal(lease.routes[0].via.bytes, "\xc0\x00\x02\x05", 4);
	assert_int_equal(lease.routes[1].to.prefix, 0);
	assert_memory_equal(lease.routes[1].via.bytes, "\xc0\x00\x02\x06", 4);
	/* what is set behind the prefix would be refused by the kernel */
	assert_int_equal(lease.routes[2].to.prefix, 9);
	assert_memory_equal(lease.routes[2].to.ip.bytes, "\x0a\x80\x00\x00", 4);
	assert_int_equal(lease.routes[2].via.family, 0);
}

TEST(bad_classless_routes)
{
	struct dhcp_lease lease;
	struct reply r;

	begin(&r, DHCP_ACK);
	add(&r, 121, "\x21\xc6\x33\x64\x01\x02\xc0\x00\x02\x05", 10);
	assert_true(reads(&r, &lease));
	assert_int_equal(lease.n_routes, 0);
	begin(&r, DHCP_ACK);
	add(&r, 121, "\x18\xc6\x33\x64\xc0\x00\x02", 7);
	assert_true(reads(&r, &lease));
	assert_int_equal(lease.n_routes, 0);
	begin(&r, DHCP_ACK);
	add(&r, 121, "\x00\xe0\x00\x00\x01\x00\xc0\x00\x02\x05", 10);
	assert_true(reads(&r, &lease));
	assert_int_equal(lease.n_routes, 1); /* a group is no gateway */
	begin(&r, DHCP_ACK);
	for (int i = 0; i < 3; i++) {
		uint8_t many[250];

		for (size_t at = 0; at < sizeof(many); at += 5)
			memcpy(many + at, "\x00\xc0\x00\x02\x05", 5);
		add(&r, 121, many, sizeof(many));
	}
	assert_true(reads(&r, &lease));
	assert_int_equal(lease.n_routes, DHCP_MAX_ROUTES);
}

/* Further options in the fields for a file's and the server's name. */
TEST(overload)
{
	struct dhcp_lease lease;
	struct reply r;

	begin(&r, DHCP_ACK);
	add(&r, 52, "\x03", 1);
	memcpy(r.packet + HEADERS + 108, "\x01\x04\xff\xff\x00\x00\xff", 7);
	memcpy(r.packet + HEADERS + 44, "\x03\x04\xc0\x00\x02\x09\xff", 7);
	assert_true(reads(&r, &lease));
	assert_int_equal(lease.address.prefix, 16);
	assert_int_equal(lease.n_routes, 1);
	/* an option that leads out of its field */
	memcpy(r.packet + HEADERS + 44, "\x03\xff", 2);
	assert_true(reads(&r, &lease));
	assert_int_equal(lease.n_routes, 0);
}

static void assert_refused(size_t at, uint8_t value)
{
	struct dhcp_lease lease;
	struct reply r;

	begin(&r, DHCP_ACK);
	assert_true(reads(&r, &lease));
	r.packet[at] = value;
	if (reads(&r, &lease))
		fail_msg("taken with %u at %zu", value, at);
}

TEST(not_for_us)
{
	assert_refused(0, 0x65); /* not IPv4 */
	assert_refused(0, 0x44); /* a header that is too short */
	assert_refused(0, 0x4f);
	assert_refused(2, 0xff); /* longer than what there is */
	assert_refused(6, 0x20); /* a fragment */
	assert_refused(9, 6);    /* TCP */
	assert_refused(21, 53);  /* another port */
	assert_refused(23, 67);
	assert_refused(25, 7);          /* UDP's length */
	assert_refused(HEADERS, 1);     /* a request */
	assert_refused(HEADERS + 7, 0); /* another's */
	assert_refused(HEADERS + 33, 9);
	assert_refused(HEADERS + 236, 0);             /* BOOTP */
	assert_refused(HEADERS + OPTIONS + 2, 2 + 7); /* a kind that is no answer */
	assert_refused(HEADERS + 16, 0);              /* addresses that one cannot have */
	assert_refused(HEADERS + 16, 127);
	assert_refused(HEADERS + 16, 224);
	assert_refused(HEADERS + OPTIONS + 3, 51); /* no server */
}

TEST(refusal)
{
	struct dhcp_lease lease;
	enum dhcp_kind kind;
	struct reply r;

	begin(&r, DHCP_NAK);
	memset(r.packet + HEADERS + 16, 0, 4);
	assert_true(dhcp_read((struct bytes){r.packet, r.len}, &client, &kind, &lease));
	assert_int_equal(kind, DHCP_NAK);
	assert_memory_equal(lease.server.bytes, "\xc0\x00\x02\x01", 4);
}

TEST(requests)
{
	const struct dhcp_lease offer = {
		.address = {.ip = {AF_INET, {192, 0, 2, 57}}, .prefix = 24},
		.server = {AF_INET, {192, 0, 2, 1}},
	};
	const struct net_ip none = {0}, wanted = {AF_INET, {192, 0, 2, 9}};
	uint8_t packet[DHCP_PACKET];
	uint32_t sum = 0;
	size_t len = dhcp_write(&client, NULL, &none, 70000, packet);

	assert_int_equal(len, HEADERS + 300);
	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)(packet[i] << 8 | packet[i + 1]);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	assert_int_equal(packet[2] << 8 | packet[3], len);
	assert_int_equal(packet[24] << 8 | packet[25], len - 20);
	assert_memory_equal(packet + 16, "\xff\xff\xff\xff", 4);
	assert_memory_equal(packet + 20, "\x00\x44\x00\x43", 4);
	assert_memory_equal(packet + HEADERS, "\x01\x01\x06\x00\x12\x34\x56\x78\xff\xff\x80\x00",
			    12);
	assert_memory_equal(packet + HEADERS + 28, client.mac, 6);
	assert_memory_equal(packet + HEADERS + OPTIONS, "\x35\x01\x01\x37\x05", 5);
	(void)dhcp_write(&client, NULL, &wanted, 0, packet);
	assert_memory_equal(packet + HEADERS + OPTIONS, "\x35\x01\x01\x32\x04\xc0\x00\x02\x09", 9);
	(void)dhcp_write(&client, &offer, &wanted, 0, packet);
	assert_memory_equal(packet + HEADERS + OPTIONS,
			    "\x35\x01\x03\x32\x04\xc0\x00\x02\x39\x36\x04\xc0\x00\x02\x01", 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lease),          cmocka_unit_test(masks),
		cmocka_unit_test(classless_routes), cmocka_unit_test(bad_classless_routes),
		cmocka_unit_test(overload),         cmocka_unit_test(not_for_us),
		cmocka_unit_test(refusal),          cmocka_unit_test(requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
