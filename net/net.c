// SPDX-License-Identifier: GPL-2.0-or-later
/* The text form of links: one table row for each key, with the kinds of links that can have it. */
#include "net/net.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/keyvalue.h"
#include "base/num.h"

#define MAX_OPTION      256 /* bytes of one, "name=value" */
#define DEFAULT_SECONDS 20

#define OF_PHYSICAL (1u << NET_PHYSICAL)
#define OF_VLAN     (1u << NET_VLAN)
#define OF_BOND     (1u << NET_BOND)
#define OF_BRIDGE   (1u << NET_BRIDGE)
#define OF_ALL      (OF_PHYSICAL | OF_VLAN | OF_BOND | OF_BRIDGE)

struct key {
	const char *name;
	unsigned int of;
	int (*set)(const struct key *key, struct net_link *link, const char *value,
		   struct err *err);
	size_t at;             /* a member of the link, if `set` is for several */
	uint64_t min, max;     /* of a number */
	unsigned int required; /* of these kinds */
	bool repeatable;
};

static const char *const kind_names[] = {
	[NET_PHYSICAL] = "physical",
	[NET_VLAN] = "vlan",
	[NET_BOND] = "bond",
	[NET_BRIDGE] = "bridge",
};

static const char *const dhcp_names[] = {
	[NET_DHCP_NO] = "no",
	[NET_DHCP_FIRST] = "first",
	[NET_DHCP_FALLBACK] = "fallback",
};

const char *net_kind_name(enum net_kind kind)
{
	return kind >= NET_PHYSICAL && kind <= NET_BRIDGE ? kind_names[kind] : "unknown";
}

/* ---- addresses */

int net_ip_parse(const char *text, struct net_ip *ret, struct err *err)
{
	struct net_ip ip = {0};

	if (inet_pton(AF_INET, text, ip.bytes) == 1)
		ip.family = AF_INET;
	else if (inet_pton(AF_INET6, text, ip.bytes) == 1)
		ip.family = AF_INET6;
	else
		return keyvalue_bad(text, "an IPv4 or IPv6 address", err);
	*ret = ip;
	return 0;
}

void net_ip_format(const struct net_ip *ip, char ret[NET_IP_TEXT])
{
	if (!ip->family || !inet_ntop(ip->family, ip->bytes, ret, NET_IP_TEXT))
		strcpy(ret, "?");
}

static unsigned int ip_bits(const struct net_ip *ip)
{
	return ip->family == AF_INET ? 32 : 128;
}

bool net_ip_equal(const struct net_ip *a, const struct net_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, ip_bits(a) / 8) == 0;
}

bool net_prefix_has(const struct net_address *of, const struct net_ip *ip)
{
	unsigned int whole = of->prefix / 8, rest = of->prefix % 8;

	if (of->ip.family != ip->family || of->prefix > ip_bits(ip))
		return false;
	if (memcmp(of->ip.bytes, ip->bytes, whole) != 0)
		return false;
	return !rest || !((of->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest));
}

bool net_ip_is_unicast(const struct net_ip *ip)
{
	static const uint8_t none[16];

	if (memcmp(ip->bytes, none, ip_bits(ip) / 8) == 0)
		return false;
	return ip->family == AF_INET ? ip->bytes[0] != 0 && ip->bytes[0] < 224
				     : ip->bytes[0] != 0xff;
}

/* All bits behind the prefix are 0, without which the kernel takes no route. */
static bool is_network(const struct net_address *a)
{
	for (unsigned int i = a->prefix; i < ip_bits(&a->ip); i++)
		if (a->ip.bytes[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

static int parse_prefix(const char *text, struct net_address *ret, struct err *err)
{
	char copy[NET_IP_TEXT + 4], *slash;
	struct net_address a = {0};
	uint64_t bits;

	if (strlen(text) >= sizeof(copy))
		return keyvalue_bad(text, "an address and the length of its prefix", err);
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (!slash)
		return keyvalue_bad(text, "an address and the length of its prefix", err);
	*slash = '\0';
	if (net_ip_parse(copy, &a.ip, err))
		return err->code;
	/* one way of writing for each */
	if (strspn(slash + 1, "0123456789") != strlen(slash + 1) ||
	    num_parse_range(slash + 1, 0, ip_bits(&a.ip), &bits, err))
		return keyvalue_bad(text, "an address and the length of its prefix", err);
	a.prefix = (unsigned int)bits;
	*ret = a;
	return 0;
}

static int parse_mac(const char *text, uint8_t ret[NET_MAC], struct err *err)
{
	uint8_t mac[NET_MAC] = {0}, any = 0;

	if (strlen(text) != NET_MAC_TEXT - 1)
		return keyvalue_bad(text, "a MAC address", err);
	for (size_t i = 0; i < NET_MAC_TEXT - 1; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = strchr(digits, text[i] | 0x20);

		if (i % 3 == 2 ? text[i] != ':' : !digit)
			return keyvalue_bad(text, "a MAC address", err);
		if (i % 3 != 2)
			mac[i / 3] = (uint8_t)(mac[i / 3] << 4 | (digit - digits));
	}
	for (size_t i = 0; i < NET_MAC; i++)
		any |= mac[i];
	if (!any || mac[0] & 1)
		return keyvalue_bad(text, "the MAC address of an interface", err);
	memcpy(ret, mac, NET_MAC);
	return 0;
}

void net_mac_format(const uint8_t mac[NET_MAC], char ret[NET_MAC_TEXT])
{
	snprintf(ret, NET_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
}

/* ---- lists of a link */

static int grow(void **list, size_t n, size_t size, struct err *err)
{
	void *grown;

	if (n >= NET_MAX_EACH)
		return err_set(err, ERR_USAGE, "more than %d of them", NET_MAX_EACH);
	grown = reallocarray(*list, n + 1, size);
	if (!grown)
		return err_nomem(err, (n + 1) * size, "a link");
	*list = grown;
	return 0;
}

static bool has_address(const struct net_link *l, const struct net_address *a)
{
	for (size_t i = 0; i < l->n_addresses; i++)
		if (net_ip_equal(&l->addresses[i].ip, &a->ip))
			return true;
	return false;
}

int net_add_address(struct net_link *l, const struct net_address *a, struct err *err)
{
	if (has_address(l, a))
		return 0;
	if (grow((void **)&l->addresses, l->n_addresses, sizeof(*a), err))
		return err->code;
	l->addresses[l->n_addresses++] = *a;
	return 0;
}

/* Two ways to the same with the same metric are one for the kernel. */
static bool has_route(const struct net_link *l, const struct net_route *r)
{
	for (size_t i = 0; i < l->n_routes; i++)
		if (net_ip_equal(&l->routes[i].to.ip, &r->to.ip) &&
		    l->routes[i].to.prefix == r->to.prefix && l->routes[i].metric == r->metric)
			return true;
	return false;
}

int net_add_route(struct net_link *l, const struct net_route *r, struct err *err)
{
	if (has_route(l, r))
		return 0;
	if (grow((void **)&l->routes, l->n_routes, sizeof(*r), err))
		return err->code;
	l->routes[l->n_routes++] = *r;
	return 0;
}

static size_t count_options(const struct net_link *l)
{
	size_t n = 0;

	while (l->options && l->options[n])
		n++;
	return n;
}

/* By their names, up to the '='. */
static bool has_option(const struct net_link *l, const char *option)
{
	size_t len = strcspn(option, "=") + 1;

	for (size_t i = 0, n = count_options(l); i < n; i++)
		if (strncmp(l->options[i], option, len) == 0)
			return true;
	return false;
}

int net_add_option(struct net_link *l, const char *option, struct err *err)
{
	size_t n = count_options(l);
	char **grown;

	if (has_option(l, option))
		return 0;
	if (n == NET_MAX_EACH)
		return err_set(err, ERR_USAGE, "more than %d of them", NET_MAX_EACH);
	grown = reallocarray(l->options, n + 2, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (n + 2) * sizeof(*grown), "a link");
	l->options = grown;
	grown[n + 1] = NULL;
	grown[n] = strdup(option);
	return grown[n] ? 0 : err_nomem(err, strlen(option) + 1, "a link");
}

/* ---- values of keys */

/*
 * What the kernel takes for one (dev_valid_name() in net/core/dev.c; its isspace() has 0xa0, too), without '%', which it
 * would put a number for.
 */
bool net_is_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= NET_NAME || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++)
		if ((unsigned char)*name <= ' ' || strchr("/:%\x7f\xa0", *name))
			return false;
	return true;
}

static int set_kind(const struct key *key, struct net_link *l, const char *value, struct err *err)
{
	(void)key;
	for (int i = NET_PHYSICAL; i <= NET_BRIDGE; i++)
		if (strcmp(value, kind_names[i]) == 0) {
			l->kind = (enum net_kind)i;
			return 0;
		}
	return keyvalue_bad(value, "physical, vlan, bond or bridge", err);
}

static int set_mac(const struct key *key, struct net_link *l, const char *value, struct err *err)
{
	(void)key;
	if (parse_mac(value, l->mac, err))
		return err->code;
	l->has_mac = true;
	return 0;
}

static int set_set_mac(const struct key *key, struct net_link *l, const char *value,
		       struct err *err)
{
	(void)key;
	if (parse_mac(value, l->set_mac, err))
		return err->code;
	l->has_set_mac = true;
	return 0;
}

static int set_number(const struct key *key, struct net_link *l, const char *value, struct err *err)
{
	uint64_t v;

	if (strlen(value) > KEYVALUE_QUOTE)
		return keyvalue_bad(value, "a number", err);
	if (num_parse_range(value, key->min, key->max, &v, err))
		return err->code;
	*(unsigned int *)((char *)l + key->at) = (unsigned int)v;
	return 0;
}

static int set_name(const struct key *key, struct net_link *l, const char *value, struct err *err)
{
	if (!net_is_name(value))
		return keyvalue_bad(value, "the name of an interface", err);
	strcpy((char *)l + key->at, value);
	return 0;
}

static int set_protocol(const struct key *key, struct net_link *l, const char *value,
			struct err *err)
{
	(void)key;
	if (strcmp(value, "802.1q") != 0 && strcmp(value, "802.1ad") != 0)
		return keyvalue_bad(value, "802.1q or 802.1ad", err);
	l->vlan_ad = value[5] == 'a';
	return 0;
}

/* It becomes the name of a file and what is written to it: what it may hold is bounded here, once. */
static int add_option(const struct key *key, struct net_link *l, const char *value, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t name = strspn(value, letters);

	(void)key;
	if (!name || value[name] != '=' || !value[name + 1] || strlen(value) > MAX_OPTION)
		return keyvalue_bad(value, "name=value of an option", err);
	if (has_option(l, value))
		return err_set(err, ERR_USAGE, "%.*s is there twice", (int)name, value);
	return net_add_option(l, value, err);
}

static int add_address(const struct key *key, struct net_link *l, const char *value,
		       struct err *err)
{
	struct net_address a;

	(void)key;
	if (parse_prefix(value, &a, err))
		return err->code;
	if (!net_ip_is_unicast(&a.ip) || !a.prefix)
		return keyvalue_bad(value, "an address that an interface can have", err);
	if (has_address(l, &a))
		return err_set(err, ERR_USAGE, "%s is there twice", value);
	return net_add_address(l, &a, err);
}

/* The value behind a word of a route, or NULL if the next word is another one. */
static const char *word_of(const char *name, char **rest)
{
	char *at = *rest;
	size_t len = strlen(name);

	if (!at || strncmp(at, name, len) != 0 || at[len] != ' ')
		return NULL;
	at += len + 1;
	*rest = strchr(at, ' ');
	if (*rest)
		*(*rest)++ = '\0';
	return at;
}

static int parse_route(char *text, struct net_route *ret, struct err *err)
{
	char *rest = strchr(text, ' ');
	const char *word;
	uint64_t metric = 0;

	if (rest)
		*rest++ = '\0';
	if (parse_prefix(text, &ret->to, err))
		return err->code;
	if (!is_network(&ret->to))
		return keyvalue_bad(text, "a network: bits are set behind the prefix", err);
	word = word_of("via", &rest);
	if (word && net_ip_parse(word, &ret->via, err))
		return err->code;
	/* IPv4 through a neighbour of IPv6 (RFC 8950) is what routed fabrics do; the other way round is nothing */
	if (word && (!net_ip_is_unicast(&ret->via) ||
		     (ret->to.ip.family == AF_INET6 && ret->via.family == AF_INET)))
		return keyvalue_bad(word, "a gateway for this route", err);
	word = word_of("from", &rest);
	if (word && net_ip_parse(word, &ret->from, err))
		return err->code;
	if (word && (!net_ip_is_unicast(&ret->from) || ret->from.family != ret->to.ip.family))
		return keyvalue_bad(word, "an address to send from", err);
	word = word_of("metric", &rest);
	if (word && (strspn(word, "0123456789") != strlen(word) ||
		     num_parse_range(word, 1, UINT32_MAX, &metric, err)))
		return keyvalue_bad(word, "a metric", err);
	ret->metric = (uint32_t)metric;
	return rest ? keyvalue_bad(rest, "via, from or metric, in this order, with a value", err)
		    : 0;
}

static int add_route(const struct key *key, struct net_link *l, const char *value, struct err *err)
{
	char copy[3 * NET_IP_TEXT + 64];
	struct net_route route = {0};

	(void)key;
	if (strlen(value) >= sizeof(copy))
		return keyvalue_bad(value, "a route", err);
	strcpy(copy, value);
	if (parse_route(copy, &route, err))
		return err->code;
	if (has_route(l, &route))
		return err_set(err, ERR_USAGE, "a route to %s is there already", copy);
	return net_add_route(l, &route, err);
}

static int set_dhcp(const struct key *key, struct net_link *l, const char *value, struct err *err)
{
	(void)key;
	for (size_t i = 0; i < ARRAY_SIZE(dhcp_names); i++)
		if (strcmp(value, dhcp_names[i]) == 0) {
			l->dhcp = (enum net_dhcp)i;
			return 0;
		}
	return keyvalue_bad(value, "no, first or fallback", err);
}

#define AT(m) .at = offsetof(struct net_link, m)

static const struct key keys[] = {
	{.name = "kind", .of = OF_ALL, .set = set_kind, .required = OF_ALL},
	{.name = "mac", .of = OF_ALL, .set = set_mac, .required = OF_PHYSICAL},
	{.name = "set-mac", .of = OF_PHYSICAL, .set = set_set_mac},
	{.name = "mtu",
	 .of = OF_ALL,
	 .set = set_number,
	 AT(mtu),
	 .min = NET_MTU_MIN,
	 .max = NET_MTU_MAX},
	{.name = "master", .of = OF_PHYSICAL | OF_VLAN | OF_BOND, .set = set_name, AT(master)},
	{.name = "parent", .of = OF_VLAN, .set = set_name, AT(parent), .required = OF_VLAN},
	{.name = "vlan-id",
	 .of = OF_VLAN,
	 .set = set_number,
	 AT(vlan_id),
	 .min = 1,
	 .max = 4094,
	 .required = OF_VLAN},
	{.name = "vlan-protocol", .of = OF_VLAN, .set = set_protocol},
	{.name = "option", .of = OF_BOND | OF_BRIDGE, .set = add_option, .repeatable = true},
	{.name = "address", .of = OF_ALL, .set = add_address, .repeatable = true},
	{.name = "route", .of = OF_ALL, .set = add_route, .repeatable = true},
	{.name = "dhcp", .of = OF_ALL, .set = set_dhcp},
	{.name = "dhcp-seconds",
	 .of = OF_ALL,
	 .set = set_number,
	 AT(dhcp_seconds),
	 .min = 1,
	 .max = 3600},
};

_Static_assert(ARRAY_SIZE(keys) <= 32, "`said` has a bit for each");

int net_set(struct net_link *l, const char *name, const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(name, keys[i].name) != 0)
			continue;
		if (!keys[i].repeatable && l->said & 1u << i)
			return err_set(err, ERR_USAGE, "%s is there twice", name);
		if (keyvalue_check(value, strlen(value), 1, err) ||
		    keys[i].set(&keys[i], l, value, err))
			return err_wrap(err, "%s", name);
		l->said |= 1u << i;
		return 0;
	}
	return keyvalue_bad(name, "a key of a link", err);
}

/* ---- all of them */

static void deinit_link(struct net_link *l)
{
	for (size_t i = 0, n = count_options(l); i < n; i++)
		free(l->options[i]);
	free(l->options);
	free(l->addresses);
	free(l->routes);
}

void net_truncate(struct net *net, size_t n)
{
	while (net->n > n)
		deinit_link(&net->links[--net->n]);
}

void net_deinit(struct net *net)
{
	net_truncate(net, 0);
	free(net->links);
	*net = (struct net){0};
}

const struct net_link *net_find(const struct net *net, const char *name)
{
	for (size_t i = 0; i < net->n; i++)
		if (strcmp(net->links[i].name, name) == 0)
			return &net->links[i];
	return NULL;
}

int net_add(struct net *net, const char *name, struct net_link **ret, struct err *err)
{
	struct net_link *grown;

	if (!net_is_name(name))
		return keyvalue_bad(name, "the name of an interface", err);
	if (net_find(net, name))
		return err_set(err, ERR_USAGE, "link %s is there twice", name);
	if (net->n == NET_MAX_LINKS)
		return err_set(err, ERR_USAGE, "more than %d links", NET_MAX_LINKS);
	grown = reallocarray(net->links, net->n + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (net->n + 1) * sizeof(*grown), "a link");
	net->links = grown;
	grown[net->n] = (struct net_link){.dhcp_seconds = DEFAULT_SECONDS};
	strcpy(grown[net->n].name, name);
	*ret = &grown[net->n++];
	return 0;
}

/* Does the link have what this key says? */
static bool says(const struct net_link *l, const char *key)
{
	const struct {
		const char *name;
		bool has;
	} has[] = {
		{"kind", l->kind != 0},
		{"mac", l->has_mac},
		{"set-mac", l->has_set_mac},
		{"mtu", l->mtu != 0},
		{"master", *l->master},
		{"parent", *l->parent},
		{"vlan-id", l->vlan_id != 0},
		{"vlan-protocol", l->vlan_ad},
		{"option", count_options(l) != 0},
		{"address", l->n_addresses != 0},
		{"route", l->n_routes != 0},
		{"dhcp", l->dhcp != NET_DHCP_NO},
		{"dhcp-seconds", l->dhcp_seconds != DEFAULT_SECONDS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(has); i++)
		if (strcmp(has[i].name, key) == 0)
			return has[i].has;
	return false;
}

static int check_keys(const struct net_link *l, struct err *err)
{
	if (!l->kind)
		return err_set(err, ERR_USAGE, "kind is missing");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		bool has = says(l, keys[i].name) || l->said & 1u << i;

		if (keys[i].required & 1u << l->kind && !has)
			return err_set(err, ERR_USAGE, "%s is missing", keys[i].name);
		if (!(keys[i].of & 1u << l->kind) && has)
			return err_set(err, ERR_USAGE, "%s is no key of kind %s", keys[i].name,
				       kind_names[l->kind]);
	}
	if (*l->master && (l->dhcp != NET_DHCP_NO || l->n_addresses || l->n_routes))
		return err_set(err, ERR_USAGE, "a part of %s has no addresses of its own",
			       l->master);
	return 0;
}

static int check_place(const struct net *net, const struct net_link *l, struct err *err)
{
	const struct net_link *parent = net_find(net, l->parent);
	const struct net_link *master = net_find(net, l->master);
	bool has_part = false;

	if (*l->parent && (!parent || parent >= l))
		return err_set(err, ERR_USAGE, "its parent %s is no link before it", l->parent);
	if (*l->master && (!master || master <= l))
		return err_set(err, ERR_USAGE, "its master %s is no link behind it", l->master);
	if (master && master->kind != NET_BRIDGE && master->kind != NET_BOND)
		return err_set(err, ERR_USAGE, "its master %s is no bond or bridge", l->master);
	if (master && master->kind == l->kind)
		return err_set(err, ERR_USAGE, "a bond is no part of a bond");
	for (size_t i = 0; i < net->n; i++) {
		const struct net_link *other = &net->links[i];

		has_part |= strcmp(other->master, l->name) == 0;
		if (other != l && l->kind == NET_PHYSICAL && other->kind == NET_PHYSICAL &&
		    memcmp(other->mac, l->mac, NET_MAC) == 0)
			return err_set(err, ERR_USAGE, "%s has the same MAC address", other->name);
	}
	if ((l->kind == NET_BOND || l->kind == NET_BRIDGE) && !has_part)
		return err_set(err, ERR_USAGE, "no link has it as its master");
	return 0;
}

int net_check(const struct net *net, struct err *err)
{
	for (size_t i = 0; i < net->n; i++)
		if (check_keys(&net->links[i], err) || check_place(net, &net->links[i], err))
			return err_wrap(err, "link %s", net->links[i].name);
	return 0;
}

/* ---- writing */

static void put_ip(const char *before, const struct net_ip *ip, FILE *to)
{
	char text[NET_IP_TEXT];

	if (!ip->family)
		return;
	net_ip_format(ip, text);
	fprintf(to, "%s%s", before, text);
}

static void put_macs(const struct net_link *l, FILE *to)
{
	char text[NET_MAC_TEXT];

	if (l->has_mac) {
		net_mac_format(l->mac, text);
		fprintf(to, "mac = %s\n", text);
	}
	if (l->has_set_mac) {
		net_mac_format(l->set_mac, text);
		fprintf(to, "set-mac = %s\n", text);
	}
}

static void put_addresses(const struct net_link *l, FILE *to)
{
	for (size_t i = 0; i < l->n_addresses; i++) {
		put_ip("address = ", &l->addresses[i].ip, to);
		fprintf(to, "/%u\n", l->addresses[i].prefix);
	}
	for (size_t i = 0; i < l->n_routes; i++) {
		const struct net_route *r = &l->routes[i];

		put_ip("route = ", &r->to.ip, to);
		fprintf(to, "/%u", r->to.prefix);
		put_ip(" via ", &r->via, to);
		put_ip(" from ", &r->from, to);
		if (r->metric)
			fprintf(to, " metric %u", r->metric);
		fputc('\n', to);
	}
}

void net_put(const struct net_link *l, FILE *to)
{
	fprintf(to, "link = %s\nkind = %s\n", l->name, net_kind_name(l->kind));
	put_macs(l, to);
	if (l->mtu)
		fprintf(to, "mtu = %u\n", l->mtu);
	if (*l->master)
		fprintf(to, "master = %s\n", l->master);
	if (*l->parent)
		fprintf(to, "parent = %s\n", l->parent);
	if (l->vlan_id)
		fprintf(to, "vlan-id = %u\n", l->vlan_id);
	if (l->vlan_ad)
		fprintf(to, "vlan-protocol = 802.1ad\n");
	for (size_t i = 0, n = count_options(l); i < n; i++)
		fprintf(to, "option = %s\n", l->options[i]);
	put_addresses(l, to);
	if (l->dhcp != NET_DHCP_NO)
		fprintf(to, "dhcp = %s\n", dhcp_names[l->dhcp]);
	if (l->dhcp_seconds != DEFAULT_SECONDS)
		fprintf(to, "dhcp-seconds = %u\n", l->dhcp_seconds);
}
