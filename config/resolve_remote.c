// SPDX-License-Identifier: GPL-2.0-or-later
/* Targets beyond this machine: server, way there, and what a client needs to be let in. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "config/knownhosts.h"
#include "config/mountopts.h"
#include "config/resolver.h"

#define KEY         "/etc/lifeboat/ssh/id_ed25519"
#define KDUMPS_KEY  "/root/.ssh/kdump_id_rsa"
#define KNOWN_HOSTS "/etc/lifeboat/ssh/known_hosts"

static int to_port(const char *text, unsigned int usual, unsigned int *ret, struct err *err)
{
	uint64_t n = usual;

	if (text && num_parse_range(text, 1, 65535, &n, err))
		return err->code;
	*ret = (unsigned int)n;
	return 0;
}

/* ---- what all have in common */

/* The server, what leads there, and the folder that is this machine's there. */
static int add_common(struct resolver *r, const struct wish *w, const char *lookup,
		      const char *known, struct recipe_target *t, struct err *err)
{
	struct net_ip servers[RECIPE_MAX_SERVERS];
	_cleanup_free_ char *path = NULL;
	char link[NET_NAME], text[NET_IP_TEXT], name[65];
	size_t n = 0;

	if (resolver_reach(r, w->said, lookup, known, servers, &n, link, err))
		return err->code;
	for (size_t i = 0; i < n; i++) {
		net_ip_format(&servers[i], text);
		if (recipe_add_string(&t->servers, text, err))
			return err->code;
	}
	/* what is mounted is mounted for this machine */
	if (!w->mount && resolver_machine_name(r, name, err))
		return err->code;
	if (asprintf(&path, "%s%s%s", w->path, w->mount ? "" : "/", w->mount ? "" : name) < 0) {
		path = NULL;
		return err_nomem(err, strlen(w->path), "a target");
	}
	if (resolver_set(&t->host, lookup, err) || resolver_set(&t->network, link, err) ||
	    resolver_set(&t->path, path, err))
		return err->code;
	return 0;
}

/* The place without the path: two of the same would be one target twice. */
static int new_target(struct resolver *r, const struct wish *w, struct recipe_target **ret,
		      struct err *err)
{
	const struct config_target *c = w->remote;
	_cleanup_free_ char *place = NULL;

	if (asprintf(&place, "%s %s@%s:%s %s%s%s %s", target_kind_name(w->kind),
		     c->user ? c->user : "", c->host, c->port ? c->port : "",
		     c->export ? c->export : "", c->bucket ? c->bucket : "", c->url ? c->url : "",
		     w->path) < 0) {
		place = NULL;
		return err_nomem(err, 1024, "a target");
	}
	return resolver_add_target(r, w, place, ret, err);
}

static int note_target(struct resolver *r, const struct wish *w, const struct recipe_target *t,
		       struct err *err)
{
	char servers[RECIPE_MAX_SERVERS * (NET_IP_TEXT + 1)] = "";

	for (char **s = t->servers; *s; s++)
		snprintf(servers + strlen(servers), sizeof(servers) - strlen(servers), "%s%s",
			 *servers ? " " : "", *s);
	return resolver_note(r, err, "%s: %s %s (%s, port %u, through %s), folder %s%s%s", w->said,
			     target_kind_name(t->kind), w->remote->device, servers, t->port,
			     t->network, *t->path ? t->path : "/",
			     *t->mount_options ? ", options " : "", t->mount_options);
}

/* ---- NFS */

static const struct mount *find_mount(const struct resolver *r, const char *source)
{
	for (size_t i = 0; i < r->mounts.n; i++)
		if (strncmp(r->mounts.v[i].type, "nfs", 3) == 0 &&
		    strcmp(r->mounts.v[i].source, source) == 0)
			return &r->mounts.v[i];
	return NULL;
}

/* Its value, NULL if none is said. */
static const char *version_of(const char *options, size_t *ret_len)
{
	const char *v = mounts_option(options, "vers=", ret_len);

	return v ? v : mounts_option(options, "nfsvers=", ret_len);
}

static bool has_option(const char *options, const char *word)
{
	size_t len;

	return mounts_option(options, word, &len);
}

/*
 * None may let a dead server hold a capture, and none may take a daemon, as Kerberos does: what else a mount needs is said when
 * it is made (capture/target_nfs.c). Without a version it is the newest, as mount(8) would have it.
 */
static int finish_options(char **options, struct err *err)
{
	const char *sec, *vers, *o = *options;
	size_t len = 0;
	char *all;

	sec = mounts_option(o, "sec=", &len);
	if (sec && !(len == 3 && strncmp(sec, "sys", 3) == 0))
		return err_set(err, ERR_UNSUPPORTED,
			       "sec=%.*s takes a daemon with keys, which does not run in the "
			       "capture kernel: export it with sec=sys for this machine",
			       (int)NUM_MIN(len, (size_t)16), sec);
	if (has_option(o, "hard"))
		return err_set(err, ERR_USAGE,
			       "mount_options: hard: a server that is gone would hold the capture "
			       "until its deadline; soft is what is used");
	vers = version_of(o, &len);
	if (vers && len && *vers != '3' && *vers != '4')
		return err_set(err, ERR_UNSUPPORTED,
			       "NFS version %.*s is not written to: 3 and 4 are",
			       (int)NUM_MIN(len, (size_t)16), vers);
	if (vers)
		return 0;
	if (asprintf(&all, "%s%svers=4.2", o, *o ? "," : "") < 0)
		return err_nomem(err, strlen(o), "a target");
	free(*options);
	*options = all;
	return 0;
}

static int nfs_options(struct resolver *r, const struct wish *w, const struct mount *m, char **ret,
		       struct err *err)
{
	_cleanup_free_ char *options = NULL, *dropped = NULL;

	if (w->options ? mountopts_of_config(w->options, &options, &dropped, err)
		       : mountopts_of_mounted("nfs", m ? m->options : "", &options, err))
		return err->code;
	if (dropped && *dropped &&
	    resolver_note(r, err,
			  "%s: mount_options: left out, as a matter of mount(8) or of how the "
			  "capture kernel mounts: %s",
			  w->said, dropped))
		return err->code;
	if (finish_options(&options, err))
		return err->code;
	*ret = no_cleanup_ptr(options);
	return 0;
}

static int add_nfs_modules(struct resolver *r, const char *options, struct err *err)
{
	size_t len = 0;
	const char *vers = version_of(options, &len);
	bool three = vers && len && *vers == '3';

	if (chain_add_fs(&r->chain, r->kernel, "nfs", options, err))
		return err->code;
	return chain_add_module(&r->chain, three ? "nfsv3" : "nfsv4", err);
}

static int add_nfs(struct resolver *r, const struct wish *w, struct err *err)
{
	const struct mount *m = w->mount ? w->mount : find_mount(r, w->remote->device);
	_cleanup_free_ char *options = NULL;
	char known[NET_IP_TEXT] = "", port[8] = "";
	struct recipe_target *t;
	const char *value;
	size_t len = 0;

	if (nfs_options(r, w, m, &options, err))
		return err->code;
	value = m ? mounts_option(m->options, "addr=", &len) : NULL;
	if (value && len < sizeof(known))
		snprintf(known, sizeof(known), "%.*s", (int)len, value);
	value = mounts_option(options, "port=", &len);
	if (value && len < sizeof(port))
		snprintf(port, sizeof(port), "%.*s", (int)len, value);
	if (new_target(r, w, &t, err) || !t)
		return err->code;
	if (to_port(*port && strcmp(port, "0") != 0 ? port : NULL, 2049, &t->port, err) ||
	    resolver_set(&t->export, w->remote->export, err) ||
	    resolver_set(&t->mount_options, options, err) ||
	    add_common(r, w, w->remote->host, *known ? known : NULL, t, err) ||
	    add_nfs_modules(r, options, err))
		return err->code;
	return note_target(r, w, t, err);
}

/* ---- ssh and sftp */

struct pinned {
	char **keys, **revoked;
	bool authority;
};

static void cleanup_pinned(struct pinned *p)
{
	recipe_free_strings(p->keys);
	recipe_free_strings(p->revoked);
}

static int read_known_hosts(struct resolver *r, const char *path, const char *host,
			    unsigned int port, struct pinned *p, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (root_read(r->root, path, KNOWNHOSTS_MAX_SIZE, &text, &len, err))
		return err->code;
	if (knownhosts_find((struct bytes){(const uint8_t *)text, len}, host, port, &p->keys,
			    &p->revoked, &p->authority, err))
		return err_wrap(err, "%s", path);
	return 0;
}

static int no_key(const struct resolver *r, const struct wish *w, unsigned int port,
		  const struct pinned *p, const char *where, struct err *err)
{
	const struct config_target *c = w->remote;

	(void)r;
	if (*p->revoked)
		return err_set(err, ERR_USAGE, "the key of %s is marked as revoked in %s", c->host,
			       where);
	return err_set(
		err, ERR_USAGE,
		"no key of %s, port %u, is pinned in %s%s, and nobody can be asked after a "
		"crash: `lifeboat propagate -p %u %s@%s` does it; or by hand: `ssh-keyscan -p "
		"%u %s >> %s`, and compare `ssh-keygen -lf %s` with what the server's "
		"administrator says",
		c->host, port, where,
		p->authority ? " (a certificate authority is, which is not enough)" : "", port,
		c->user, c->host, port, c->host, c->known_hosts ? c->known_hosts : KNOWN_HOSTS,
		c->known_hosts ? c->known_hosts : KNOWN_HOSTS);
}

static int add_host_keys(struct resolver *r, const struct wish *w, struct recipe_target *t,
			 struct err *err)
{
	static const char *const usual[] = {KNOWN_HOSTS, "/root/.ssh/known_hosts",
					    "/etc/ssh/ssh_known_hosts"};
	const char *const *files =
		w->remote->known_hosts ? (const char *const *)&w->remote->known_hosts : usual;
	size_t n = w->remote->known_hosts ? 1 : ARRAY_SIZE(usual);
	_cleanup_(cleanup_pinned) struct pinned p = {.keys = calloc(1, sizeof(*p.keys)),
						     .revoked = calloc(1, sizeof(*p.revoked))};
	const char *where = n == 1 ? files[0] : KNOWN_HOSTS " (or root's, or /etc/ssh's)";

	if (!p.keys || !p.revoked)
		return err_nomem(err, sizeof(*p.keys), "known hosts");
	for (size_t i = 0; i < n; i++) {
		if (n > 1 && !root_exists(r->root, files[i]))
			continue;
		if (read_known_hosts(r, files[i], w->remote->host, t->port, &p, err))
			return err_wrap(err, "ssh_known_hosts");
	}
	if (!*p.keys)
		return no_key(r, w, t->port, &p, where, err);
	for (char **k = p.keys; *k; k++)
		if (recipe_add_string(&t->host_keys, *k, err))
			return err->code;
	return 0;
}

static const char *key_of(const struct resolver *r, const struct config_target *c)
{
	if (c->key_file)
		return c->key_file;
	return !root_exists(r->root, KEY) && root_exists(r->root, KDUMPS_KEY) ? KDUMPS_KEY : KEY;
}

static int add_ssh(struct resolver *r, const struct wish *w, struct err *err)
{
	const struct config_target *c = w->remote;
	const char *key = key_of(r, c);
	struct recipe_target *t;

	if (!root_exists(r->root, key))
		return err_set(err, ERR_NOT_FOUND,
			       "there is no key %s: `lifeboat propagate %s@%s` makes one and takes "
			       "its public half there",
			       key, c->user, c->host);
	if (new_target(r, w, &t, err) || !t)
		return err->code;
	if (to_port(c->port, 22, &t->port, err) || resolver_set(&t->user, c->user, err) ||
	    resolver_set(&t->identity, key, err) || add_host_keys(r, w, t, err) ||
	    resolver_add_private_key(r, key, err) || resolver_add_program(r, RESOLVE_SSH, err) ||
	    add_common(r, w, c->host, NULL, t, err))
		return err->code;
	return note_target(r, w, t, err);
}

/* ---- web servers and object stores */

static int add_https(struct resolver *r, const struct wish *w, struct err *err)
{
	const struct config_target *c = w->remote;
	struct recipe_target *t;

	if (new_target(r, w, &t, err) || !t)
		return err->code;
	if (to_port(c->port, 443, &t->port, err) || resolver_set(&t->url, c->url, err) ||
	    (c->header && (resolver_add_credentials(r, c->header, false, err) ||
			   resolver_set(&t->credentials, c->header, err))) ||
	    resolver_add_ca(r, t, c->ca, err) || resolver_add_program(r, RESOLVE_SEND, err) ||
	    add_common(r, w, c->host, NULL, t, err))
		return err->code;
	return note_target(r, w, t, err);
}

static int add_s3(struct resolver *r, const struct wish *w, struct err *err)
{
	const struct config_target *c = w->remote;
	bool in_path = !c->path_style || strcmp(c->path_style, "yes") == 0;
	_cleanup_free_ char *in_name = NULL;
	struct recipe_target *t;

	if (!c->credentials)
		return err_set(err, ERR_USAGE,
			       "s3_credentials is missing: a file with aws_access_key_id and "
			       "aws_secret_access_key of a key that may do nothing but put objects "
			       "there");
	if (asprintf(&in_name, "%s.%s", c->bucket, c->host) < 0) {
		in_name = NULL;
		return err_nomem(err, 256, "a target");
	}
	if (new_target(r, w, &t, err) || !t)
		return err->code;
	t->path_style = in_path;
	if (to_port(c->port, 443, &t->port, err) || resolver_set(&t->url, c->url, err) ||
	    resolver_set(&t->bucket, c->bucket, err) || resolver_set(&t->region, c->region, err) ||
	    resolver_add_credentials(r, c->credentials, true, err) ||
	    resolver_set(&t->credentials, c->credentials, err) ||
	    resolver_add_ca(r, t, c->ca, err) || resolver_add_program(r, RESOLVE_SEND, err) ||
	    add_common(r, w, in_path ? c->host : in_name, NULL, t, err))
		return err->code;
	if (strstr(c->credentials, "/.aws/") &&
	    resolver_note(r, err,
			  "%s: %s is what people and programs of this machine work with: a copy of "
			  "it would be in the image; make a key that may only put objects there",
			  w->said, c->credentials))
		return err->code;
	return note_target(r, w, t, err);
}

int resolver_add_remote(struct resolver *r, const struct wish *w, struct err *err)
{
	size_t before = r->recipe->n_targets;
	int failed;

	if (w->kind == TARGET_NFS)
		failed = add_nfs(r, w, err);
	else if (w->kind == TARGET_HTTPS)
		failed = add_https(r, w, err);
	else if (w->kind == TARGET_S3)
		failed = add_s3(r, w, err);
	else
		failed = add_ssh(r, w, err);
	/* one that may be left out must not leave half of itself */
	if (failed && r->recipe->n_targets > before) {
		free(r->places[before]);
		r->places[before] = NULL;
		recipe_drop_target(r->recipe);
	}
	return failed;
}
