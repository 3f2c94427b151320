// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A share of an NFS server, mounted by the system call alone: what mount.nfs(8) would find out and ask for is said here. Once it
 * is mounted it is a file system like any other, but for a server that may go away.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/num.h"
#include "base/step.h"
#include "capture/target_mounted.h"

#define UNMOUNT_MS 15000 /* at most: a server that is gone lets nobody unmount */
#define UNIQUE_ID  "/sys/module/nfs/parameters/nfs4_unique_id"

static bool is_v6(const char *address)
{
	return strchr(address, ':') != NULL;
}

static const char *server_of(const struct target *t)
{
	return *t->place->server ? t->place->server : t->recipe->servers[0];
}

/* As the kernel takes it apart: nfs_parse_source() in fs/nfs/fs_context.c (Linux 5.10 to 6.12). */
static int nfs_find(struct target *t, struct err *err)
{
	const char *server = server_of(t), *export = t->recipe->export;
	bool v6 = is_v6(server);

	if (snprintf(t->place->device, sizeof(t->place->device), "%s%s%s:%s", v6 ? "[" : "", server,
		     v6 ? "]" : "", *export ? export : "/") >= (int)sizeof(t->place->device))
		return err_sys(err, ENAMETOOLONG, "%s:%.200s…", server, export);
	return 0;
}

/* ---- options */

/* 3 or 4, as the last option that speaks of it says; 0: none does. */
static int version_of(const char *options)
{
	static const char *const names[] = {"vers=", "nfsvers=", "v"};
	int version = 0;

	for (const char *at = options; *at;) {
		size_t len = strcspn(at, ",");

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			const char *v = at + strlen(names[i]);

			if (strncmp(at, names[i], strlen(names[i])) == 0 &&
			    (*v == '3' || *v == '4'))
				version = *v - '0';
		}
		at += len + (at[len] == ',');
	}
	return version;
}

/*
 * What the kernel wants beyond the recipe's options. Without "vers=" it would take version 3; mount.nfs tries the newest first.
 * Soft: a request that nobody answers fails after 10 + 20 + 30 s, for which deadline-stall has to wait. Version 3 locks by
 * way of a daemon that we do not have, and asks for its root by another protocol. The address counts, whatever the
 * recipe's says: it is of the server that answered. nfs_fs_context_parse_param() of fs/nfs/fs_context.c: the last one counts.
 */
static int make_options(const struct target *t, char *ret, size_t size, struct err *err)
{
	const char *own = t->recipe->mount_options, *server = server_of(t);
	const char *proto = is_v6(server) ? "tcp6" : "tcp";
	int version = version_of(own);
	char v3[64] = "";

	if (version == 3)
		snprintf(v3, sizeof(v3), ",nolock,mountproto=%s", proto);
	if (snprintf(ret, size, "%ssoft,timeo=100,retrans=2,port=%u%s%s,proto=%s%s,addr=%s",
		     version ? "" : "vers=4.2,", t->recipe->port, *own ? "," : "", own, proto, v3,
		     server) >= (int)size)
		return err_set(err, ERR_USAGE, "mount options of %zu bytes", strlen(own));
	return 0;
}

/*
 * With version 4 a client is known by its machine's name, and capture kernels have none: two that crash at once would take
 * each other's files away, since the server sees one client that restarted (RFC 8881, section 2.4). nfs4_unique_id makes them
 * differ (Documentation/admin-guide/kernel-parameters.txt, "nfs.nfs4_unique_id"). Without one nothing else is lost.
 */
static void name_client(const struct target *t)
{
	const struct net *net = &t->all->net;
	const struct net_link *link = NULL;
	char text[64];

	for (size_t i = 0; i < net->n && !link; i++)
		if (net->links[i].kind == NET_PHYSICAL && net->links[i].has_mac)
			link = &net->links[i];
	if (t->healthy || !link)
		return;
	snprintf(text, sizeof(text), "lifeboat-%02x%02x%02x%02x%02x%02x", link->mac[0],
		 link->mac[1], link->mac[2], link->mac[3], link->mac[4], link->mac[5]);

	_cleanup_close_ int fd = root_open(t->root, UNIQUE_ID, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return;
}

/* ---- mounting */

static const char *remedy_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "the server does not export this to us: look at its exports for this "
		       "machine's "
		       "address";
	case ENOENT:
		return "the server has no such export";
	case ENODEV:
		return "this kernel has no client of NFS: the module nfs is missing";
	case EPROTONOSUPPORT:
		return "the server, or the image's modules (nfsv3, nfsv4), have no such version";
	case ECONNREFUSED:
		return "no NFS server listens there";
	case ETIMEDOUT:
		return "the server does not answer";
	default:
		return NULL;
	}
}

static int nfs_attach(struct target *t, struct err *err)
{
	char options[PATH_MAX], what[192];
	const char *remedy;
	int r = make_options(t, options, sizeof(options), err);

	if (r)
		return r;
	name_client(t);
	snprintf(what, sizeof(what), "%.128s", t->recipe->host);
	r = target_mount(t, t->place->device, what, "nfs", options, err);
	remedy = r ? remedy_of(err->sys) : NULL;
	return remedy ? err_wrap(err, "%s", remedy) : r;
}

/* root_squash makes us nobody there, which is all right as long as nobody may write. */
static int nfs_begin(struct target *t, uint64_t crash_time, struct err *err)
{
	int r = target_mounted_begin(t, crash_time, err);

	if (r && (err->sys == EACCES || err->sys == EPERM))
		err_wrap(err,
			 "the server lets us make no folder (to it root may be nobody): give %s "
			 "there to that user",
			 *t->recipe->path ? t->recipe->path : "the export");
	return r;
}

static int unmount_step(void *ctx, struct err *err)
{
	return target_unmount(ctx, err);
}

/* In a child of its own: what does not come back is forced, which ends the requests that it waits for. */
static int nfs_detach(struct target *t, struct err *err)
{
	/* half of the time that this step has itself */
	const struct step_limits limits = {
		.ms = NUM_MIN((uint64_t)t->all->deadline_mount * 500, (uint64_t)UNMOUNT_MS)};
	struct step_outcome o;

	step_run(unmount_step, t, &limits, &o);
	if (!o.timed_out) {
		*err = o.err;
		return err->code;
	}
	if (t->sys->umount(t->mountpoint, MNT_FORCE | MNT_DETACH))
		return err_sys(err, errno, "unmount %s, by force", t->mountpoint);
	return err_set(err, ERR_TIMEOUT,
		       "unmount %s: the server does not answer; what it was not given is lost",
		       t->mountpoint);
}

const struct target_ops target_nfs_ops = {
	.network = target_network_remote,
	.find = nfs_find,
	.attach = nfs_attach,
	.begin = nfs_begin,
	.create = target_mounted_create,
	.digest = target_digest_open,
	.open = target_mounted_open,
	.space = target_mounted_space,
	.keep_rest = target_mounted_keep_rest,
	.seal = target_mounted_seal,
	.detach = nfs_detach,
};
