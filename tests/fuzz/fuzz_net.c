// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_add, net_set, net_check. Property: lines are refused with ERR_USAGE and a short message, or give links that net_put
 * writes such that they are read again as the same, and that keep what net/net.h promises to whoever sets them up.
 */
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>

#include "base/keyvalue.h"
#include "net/net.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_links(struct bytes text, struct net *net, struct err *err)
{
	_cleanup_free_ char *copy = NULL;
	struct keyvalue_lines in;
	struct net_link *link = NULL;
	char *line;
	size_t len;

	if (keyvalue_copy(text, 65536, "fuzz", "a text", &copy, err))
		return err->code;
	in = (struct keyvalue_lines){.next = copy, .end = copy + text.len};
	while (keyvalue_line(&in, &line, &len)) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		line = keyvalue_trim(line);
		value = keyvalue_trim(value);
		if (strcmp(line, "link") == 0) {
			if (net_add(net, value, &link, err))
				return err->code;
		} else if (link && net_set(link, line, value, err)) {
			return err->code;
		}
	}
	return net_check(net, err);
}

static void check_ip(const struct net_ip *ip)
{
	REQUIRE(ip->family == AF_INET || ip->family == AF_INET6);
}

static void check_link(const struct net *net, const struct net_link *l)
{
	size_t len = strlen(l->name);

	REQUIRE(len && len < NET_NAME && !strchr(l->name, '/') && strcmp(l->name, "..") != 0);
	REQUIRE(l->kind >= NET_PHYSICAL && l->kind <= NET_BRIDGE);
	REQUIRE(l->has_mac || l->kind != NET_PHYSICAL);
	REQUIRE(!l->mtu || (l->mtu >= 68 && l->mtu <= 65536));
	REQUIRE((l->kind == NET_VLAN) == (*l->parent != '\0'));
	REQUIRE((l->kind == NET_VLAN) == (l->vlan_id >= 1 && l->vlan_id <= 4094));
	REQUIRE(!*l->parent || (net_find(net, l->parent) && net_find(net, l->parent) < l));
	REQUIRE(!*l->master || (net_find(net, l->master) && net_find(net, l->master) > l));
	REQUIRE(l->dhcp_seconds >= 1 && l->dhcp_seconds <= 3600);
	REQUIRE(l->n_addresses <= NET_MAX_EACH && l->n_routes <= NET_MAX_EACH);
	for (size_t i = 0; i < l->n_addresses; i++) {
		check_ip(&l->addresses[i].ip);
		REQUIRE(l->addresses[i].prefix <=
			(l->addresses[i].ip.family == AF_INET ? 32 : 128));
	}
	for (size_t i = 0; i < l->n_routes; i++) {
		check_ip(&l->routes[i].to.ip);
		REQUIRE(l->routes[i].to.prefix <=
			(l->routes[i].to.ip.family == AF_INET ? 32 : 128));
	}
	for (char **o = l->options; o && *o; o++)
		REQUIRE(strchr(*o, '=') && strcspn(*o, "/.") >= strcspn(*o, "="));
}

static void put_all(const struct net *net, char **ret, size_t *ret_len)
{
	FILE *to = open_memstream(ret, ret_len);

	for (size_t i = 0; i < net->n; i++)
		net_put(&net->links[i], to);
	fclose(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net net = {0}, again = {0};
	char *text, *text_again;
	size_t len, len_again;
	struct err err = {0};
	int code = read_links((struct bytes){data, size}, &net, &err);

	if (code) {
		REQUIRE(code == ERR_USAGE && err.code == code && *err.msg);
		REQUIRE(strlen(err.msg) < 400);
		net_deinit(&net);
		return 0;
	}
	for (size_t i = 0; i < net.n; i++)
		check_link(&net, &net.links[i]);
	put_all(&net, &text, &len);
	REQUIRE(len > 65536 || !read_links((struct bytes){(uint8_t *)text, len}, &again, &err));
	if (len <= 65536) {
		put_all(&again, &text_again, &len_again);
		REQUIRE(len == len_again && memcmp(text, text_again, len) == 0);
		free(text_again);
	}
	free(text);
	net_deinit(&again);
	net_deinit(&net);
	return 0;
}
