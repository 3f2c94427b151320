// SPDX-License-Identifier: GPL-2.0-or-later
/* Which way servers are: names to addresses, addresses to links, links to drivers. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/keyvalue.h"
#include "base/num.h"
#include "base/sha256.h"
#include "config/lookup.h"
#include "config/resolver.h"

/* ---- addresses */

static bool same_ip(const struct net_ip *a, const struct net_ip *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : 16) == 0;
}

struct addresses {
	struct net_ip v[RECIPE_MAX_SERVERS];
	size_t n;
};

/* What the older recipe has for the name; nothing if it has none. */
static void previous_of(const struct recipe *previous, const char *host, struct addresses *ret)
{
	struct err ignored;

	ret->n = 0;
	for (size_t i = 0; previous && i < previous->n_targets && !ret->n; i++) {
		const struct recipe_target *t = &previous->targets[i];

		if (!recipe_is_remote(t->kind) || strcasecmp(t->host, host) != 0)
			continue;
		for (char **s = t->servers; *s && ret->n < RECIPE_MAX_SERVERS; s++)
			ret->n += !net_ip_parse(*s, &ret->v[ret->n], &ignored);
	}
}

/* Any address in common? Then a name whose answers change all the time still means the same. */
static bool overlap(const struct addresses *a, const struct addresses *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (same_ip(&a->v[i], &b->v[k]))
				return true;
	return false;
}

static int find_addresses(struct resolver *r, const char *said, const char *host, const char *known,
			  struct addresses *ret, struct err *err)
{
	struct addresses before;
	struct err why = {0}, ignored;
	int code = r->env->lookup ? r->env->lookup(r->root, host, ret->v, &ret->n, &why)
				  : lookup_host(r->root, host, ret->v, &ret->n, &why);

	previous_of(r->env->previous, host, &before);
	if (!code) {
		if (before.n && overlap(&before, ret))
			*ret = before;
		return 0;
	}
	if (code == ERR_NO_MEMORY)
		return err_set(err, code, "%s", why.msg);
	if (known && !net_ip_parse(known, &ret->v[0], &ignored)) {
		ret->n = 1;
		return resolver_note(r, err, "%s: %s: its address is that of the mount, %s", said,
				     why.msg, known);
	}
	if (before.n) {
		*ret = before;
		return resolver_note(r, err,
				     "%s: %s: the addresses that it had when the image was built "
				     "are taken",
				     said, why.msg);
	}
	r->unreachable = true;
	return err_set(err, code, "%s", why.msg);
}

/* ---- links that the older recipe has */

static int add_copy(struct net *net, const struct net_link *from, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct keyvalue_lines lines;
	struct net_link *link;
	char *line;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return err_nomem(err, 0, "a link");
	net_put(from, to);
	if (fclose(to))
		return err_nomem(err, 0, "a link");
	if (net_add(net, from->name, &link, err))
		return err->code;
	lines = (struct keyvalue_lines){.next = text, .end = text + strlen(text)};
	while (keyvalue_line(&lines, &line, &len)) {
		char *value = strstr(line, " = ");

		if (!value || strncmp(line, "link = ", 7) == 0)
			continue;
		*value = '\0';
		if (net_set(link, line, value + 3, err))
			return err->code;
	}
	return 0;
}

/* The link that led to a server, and all that it stands on. False: there is none. */
static bool find_previous_link(const struct recipe *previous, const struct net_ip *server,
			       char ret[NET_NAME])
{
	struct err ignored;
	struct net_ip ip;

	for (size_t i = 0; previous && i < previous->n_targets; i++) {
		const struct recipe_target *t = &previous->targets[i];

		for (char **s = t->servers; recipe_is_remote(t->kind) && *s; s++)
			if (!net_ip_parse(*s, &ip, &ignored) && same_ip(&ip, server)) {
				snprintf(ret, NET_NAME, "%.15s", t->network);
				return true;
			}
	}
	return false;
}

static int take_previous_links(struct resolver *r, const char *name, struct err *err)
{
	const struct net *from = &r->env->previous->net;
	bool wanted[NET_MAX_LINKS] = {false};

	/* parts stand before what is made of them, so from the end each knows whether it is wanted */
	for (size_t i = NUM_MIN(from->n, (size_t)NET_MAX_LINKS); i--;) {
		const struct net_link *l = &from->links[i];

		wanted[i] |= strcmp(l->name, name) == 0;
		for (size_t k = i + 1; k < from->n && k < NET_MAX_LINKS; k++)
			wanted[i] |= wanted[k] && (strcmp(l->master, from->links[k].name) == 0 ||
						   strcmp(from->links[k].parent, l->name) == 0);
	}
	for (size_t i = 0; i < from->n && i < NET_MAX_LINKS; i++)
		if (wanted[i] && !net_find(&r->recipe->net, from->links[i].name) &&
		    add_copy(&r->recipe->net, &from->links[i], err))
			return err->code;
	return 0;
}

/* ---- the way */

struct noting {
	struct resolver *r;
	const char *said;
};

static int note_net(void *ctx, const char *text, struct err *err)
{
	const struct noting *n = ctx;

	for (char **have = n->r->notes; *have; have++) {
		const char *behind = strstr(*have, ": ");

		if (behind && strcmp(behind + 2, text) == 0)
			return 0;
	}
	return resolver_note(n->r, err, "%s: %s", n->said, text);
}

int resolver_reach_address(struct resolver *r, const char *said, const struct net_ip *ip,
			   char ret_link[NET_NAME], struct err *err)
{
	struct noting n = {r, said};
	char text[NET_IP_TEXT];

	if (r->env->sending) {
		*ret_link = '\0';
		return 0;
	}
	if (!net_probe(&r->net, ip, &r->recipe->net, ret_link, note_net, &n, err))
		return 0;
	if (err->code != ERR_NOT_FOUND)
		return err->code;
	if (!find_previous_link(r->env->previous, ip, ret_link)) {
		r->unreachable = true;
		return err->code;
	}
	net_ip_format(ip, text);
	if (resolver_note(r, err,
			  "%s: nothing leads to %s now: the network that it had when the image was "
			  "built is taken",
			  said, text))
		return err->code;
	*err = (struct err){0};
	return take_previous_links(r, ret_link, err);
}

int resolver_reach(struct resolver *r, const char *said, const char *host, const char *known,
		   struct net_ip ret[RECIPE_MAX_SERVERS], size_t *ret_n, char ret_link[NET_NAME],
		   struct err *err)
{
	struct addresses all = {.n = 0};
	struct err first = {0};
	bool later = false;
	size_t n = 0;

	if (find_addresses(r, said, host, known, &all, err))
		return err->code;
	for (size_t i = 0; i < all.n; i++) {
		char link[NET_NAME], text[NET_IP_TEXT];
		struct err why = {0};

		r->unreachable = false;
		if (resolver_reach_address(r, said, &all.v[i], link, &why)) {
			if (why.code == ERR_NO_MEMORY)
				return err_set(err, why.code, "%s", why.msg);
			if (!first.code)
				first = why;
			later |= r->unreachable;
			continue;
		}
		if (n && strcmp(link, ret_link) != 0) {
			net_ip_format(&all.v[i], text);
			if (resolver_note(
				    r, err,
				    "%s: %s is left out of the addresses of %s: it is reached "
				    "through %s, and not %s as the others",
				    said, text, host, link, ret_link))
				return err->code;
			continue;
		}
		memcpy(ret_link, link, NET_NAME);
		ret[n++] = all.v[i];
	}
	r->unreachable = !n && later;
	if (!n)
		return err_set(err, first.code, "%s: %s", host, first.msg);
	*ret_n = n;
	return 0;
}

/* ---- drivers */

static bool has_six(const struct net_link *l)
{
	for (size_t i = 0; i < l->n_addresses; i++)
		if (l->addresses[i].ip.family == AF_INET6)
			return true;
	for (size_t i = 0; i < l->n_routes; i++)
		if (l->routes[i].to.ip.family == AF_INET6)
			return true;
	return false;
}

/* The device that the interface belongs to and, where it has one of its own, the transceiver's (PHY). */
static int add_hardware(struct resolver *r, const struct net_link *l, struct err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/phydev", l->name);
	if (chain_add_device(&r->chain, path, err))
		return err->code;
	snprintf(path, sizeof(path), "/sys/class/net/%s", l->name);
	return chain_add_device(&r->chain, path, err);
}

static int add_link(struct resolver *r, const struct net_link *l, struct err *err)
{
	static const char *const modules[] = {
		[NET_VLAN] = "8021q", [NET_BOND] = "bonding", [NET_BRIDGE] = "bridge"};

	if (l->kind == NET_PHYSICAL ? add_hardware(r, l, err)
				    : chain_add_module(&r->chain, modules[l->kind], err))
		return err->code;
	if (has_six(l) && chain_add_module(&r->chain, "ipv6", err))
		return err->code;
	/* a question to everybody, before there is an address */
	return l->dhcp == NET_DHCP_NO ? 0 : chain_add_module(&r->chain, "af_packet", err);
}

int resolver_add_links(struct resolver *r, struct err *err)
{
	for (size_t i = 0; i < r->recipe->net.n; i++)
		if (add_link(r, &r->recipe->net.links[i], err))
			return err->code;
	return 0;
}

/* ---- this machine's name */

static bool read_name(const struct root *root, const char *path, char ret[65])
{
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	size_t len;

	if (root_read(root, path, 4096, &text, &len, &ignored))
		return false;
	text[strcspn(text, "\n")] = '\0';
	snprintf(ret, 65, "%.64s", text);
	for (char *p = ret; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_",
			    *p) ||
		    (p == ret && (*p == '.' || *p == '-')))
			*p = '_';
	return *ret && strcmp(ret, "(none)") != 0 && strcmp(ret, "_none_") != 0 &&
	       strncmp(ret, "localhost", 9) != 0;
}

/* machine-id(5) is not to leave the machine, so it is a digest that does. */
int resolver_machine_name(const struct resolver *r, char ret[65], struct err *err)
{
	static const char purpose[] = "lifeboat crashes of ";
	uint8_t digest[SHA256_SIZE];
	char id[65], text[SHA256_TEXT];
	struct sha256 s;

	if (read_name(r->root, "/proc/sys/kernel/hostname", ret) ||
	    read_name(r->root, "/etc/hostname", ret))
		return 0;
	if (!read_name(r->root, "/etc/machine-id", id))
		return err_set(err, ERR_NOT_FOUND,
			       "this machine has neither a name (/etc/hostname) nor an id "
			       "(/etc/machine-id), so its crashes could not be told from those of "
			       "others");
	sha256_init(&s);
	sha256_update(&s, purpose, sizeof(purpose) - 1);
	sha256_update(&s, id, strlen(id));
	sha256_final(&s, digest);
	sha256_text(digest, text);
	snprintf(ret, 65, "machine-%.12s", text);
	return 0;
}
