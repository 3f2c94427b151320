// SPDX-License-Identifier: GPL-2.0-or-later
/* Disks behind a network: iSCSI by its session, NVMe/TCP by its controller. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "storage/device.h"
#include "storage/walk.h"

#define SESSIONS    "/sys/class/iscsi_session"
#define CONNECTIONS "/sys/class/iscsi_connection"
#define NVME        "/sys/class/nvme"
#define NETWORK     16

/* The same disk by the same way is the same layer. */
static const struct layer *find_same(const struct layers *layers, enum layer_kind kind,
				     const char *server, const char *target, const char *member,
				     uint64_t lun)
{
	for (size_t i = 0; i < layers->n; i++) {
		const struct layer *l = &layers->v[i];

		if (l->kind == kind && strcmp(l->server, server) == 0 &&
		    strcmp(l->target, target) == 0 && l->lun == lun &&
		    (!*member || (l->members[0] && strcmp(l->members[0], member) == 0)))
			return l;
	}
	return NULL;
}

static int add_remote(struct walk *w, const char *prefix, struct layer **ret, struct err *err)
{
	char name[LAYER_NAME];
	size_t n = 0;

	do
		snprintf(name, sizeof(name), "%s%zu", prefix, n++);
	while (layers_find(w->layers, name));
	return layers_add(w->layers, name, ret, err);
}

/* ---- iSCSI */

struct session {
	char number[16];
	char target[WALK_LINE], initiator[WALK_LINE], group[WALK_LINE], user[WALK_LINE],
		server[WALK_LINE], port[WALK_LINE];
	char lun[16];
};

/* "…/session3/target2:0:0/2:0:0:1/block/sda" */
static int read_session(const struct walk *w, const char *link, struct session *s, struct err *err)
{
	const struct root *root = w->env->root;
	const char *at = link, *lun;
	size_t digits = 0;

	while ((at = strstr(at, "/session"))) {
		at += 8;
		digits = strspn(at, "0123456789");
		if (digits && digits < sizeof(s->number) && at[digits] == '/')
			break;
	}
	if (!at)
		return err_set(err, ERR_CORRUPT, "it has no session of iSCSI");
	snprintf(s->number, sizeof(s->number), "%.*s", (int)digits, at);
	lun = strstr(at, "/block/");
	while (lun && lun > at && lun[-1] != ':')
		lun--;
	snprintf(s->lun, sizeof(s->lun), "%.*s",
		 (int)NUM_MIN(lun ? strspn(lun, "0123456789") : 0, 15u), lun ? lun : "");
	walk_line(root, s->target, SESSIONS "/session%s/targetname", s->number);
	walk_line(root, s->initiator, SESSIONS "/session%s/initiatorname", s->number);
	walk_line(root, s->group, SESSIONS "/session%s/tpgt", s->number);
	walk_line(root, s->user, SESSIONS "/session%s/username", s->number);
	walk_line(root, s->server, CONNECTIONS "/connection%s:0/persistent_address", s->number);
	walk_line(root, s->port, CONNECTIONS "/connection%s:0/persistent_port", s->number);
	if (!*s->target || !*s->server || !*s->port || !*s->initiator || !*s->lun)
		return err_set(
			err, ERR_UNSUPPORTED,
			"it is an iSCSI disk whose session %s does not say where it leads to: a "
			"hardware initiator, which the capture does not set up",
			s->number);
	if (strcmp(s->user, "(null)") == 0 || strcmp(s->user, "<NULL>") == 0)
		*s->user = '\0';
	return 0;
}

int walk_iscsi(struct walk *w, const char *kernel, const char *link, char ret[LAYER_NAME],
	       struct err *err)
{
	const char *secret = w->env->iscsi_secret_file;
	const struct layer *same;
	struct session s;
	struct layer *l;
	char network[NETWORK] = "";
	uint64_t lun;

	if (read_session(w, link, &s, err) || num_parse_u64(s.lun, &lun, err))
		return err->code;
	same = find_same(w->layers, LAYER_ISCSI, s.server, s.target, "", lun);
	if (same) {
		strcpy(ret, same->name);
		return 0;
	}
	if (*s.user && !secret)
		return err_set(
			err, ERR_UNSUPPORTED,
			"it is an iSCSI disk whose target asks for a password (CHAP, user %.60s): "
			"give `iscsi_secret_file` a file with it",
			s.user);
	if (w->env->server(w->env->ctx, s.server, network, err) ||
	    walk_modules(w, (const char *const[]){"iscsi_tcp", "sd_mod", NULL}, err) ||
	    walk_program(w, "iscsistart", "open-iscsi", err) ||
	    (*s.user && w->env->file(w->env->ctx, secret, err)) || add_remote(w, "iscsi", &l, err))
		return err->code;
	strcpy(ret, l->name);
	(void)kernel;
	return walk_set(l, err, "kind", "iscsi", "server", s.server, "port", s.port, "target-name",
			s.target, "initiator", s.initiator, "user", s.user, "secret",
			*s.user ? secret : "", "group", s.group, "lun", s.lun, "network", network,
			NULL);
}

/* ---- NVMe/TCP */

/* A part of "traddr=192.0.2.7,trsvcid=4420,src_addr=…" (drivers/nvme/host/fabrics.c, nvmf_get_address()). */
static void read_address(const char *address, const char *key, char ret[WALK_LINE])
{
	*ret = '\0';
	while (*address) {
		size_t len = strcspn(address, ",");

		if (strncmp(address, key, strlen(key)) == 0 && address[strlen(key)] == '=') {
			address += strlen(key) + 1;
			snprintf(ret, WALK_LINE, "%.*s", (int)strcspn(address, ","), address);
			return;
		}
		address += len;
		address += *address == ',';
	}
}

int walk_nvme(struct walk *w, const char *kernel, const char *controller, char ret[LAYER_NAME],
	      struct err *err)
{
	const struct root *root = w->env->root;
	char address[WALK_LINE], server[WALK_LINE], port[WALK_LINE], target[WALK_LINE],
		host[WALK_LINE], host_id[WALK_LINE], secret[WALK_LINE], wwid[DEVICE_WWID_SIZE],
		member[DEVICE_WWID_SIZE + 8], network[NETWORK] = "";
	const struct layer *same;
	struct layer *l;

	walk_line(root, address, NVME "/%s/address", controller);
	walk_line(root, target, NVME "/%s/subsysnqn", controller);
	walk_line(root, host, NVME "/%s/hostnqn", controller);
	walk_line(root, host_id, NVME "/%s/hostid", controller);
	walk_line(root, secret, NVME "/%s/dhchap_secret", controller);
	read_address(address, "traddr", server);
	read_address(address, "trsvcid", port);
	if (!*server || !*port || !*target || !*host)
		return err_set(
			err, ERR_UNSUPPORTED,
			"it is an NVMe disk behind a network, and its controller %s does not say "
			"where it leads to",
			controller);
	if (*secret && strcmp(secret, "none") != 0)
		return err_set(
			err, ERR_UNSUPPORTED,
			"it is an NVMe disk behind a network that asks for a key (DH-HMAC-CHAP), "
			"which the capture does not have: name another target");
	if (device_wwid(kernel, root, wwid, err))
		return err->code;
	snprintf(member, sizeof(member), "WWID=%s", wwid);
	same = find_same(w->layers, LAYER_NVME_TCP, server, target, member, 0);
	if (same) {
		strcpy(ret, same->name);
		return 0;
	}
	if (w->env->server(w->env->ctx, server, network, err) ||
	    walk_modules(w, (const char *const[]){"nvme_tcp", NULL}, err) ||
	    add_remote(w, "nvme-tcp", &l, err))
		return err->code;
	strcpy(ret, l->name);
	return walk_set(l, err, "kind", "nvme-tcp", "member", member, "server", server, "port",
			port, "target-name", target, "initiator", host, "host-id", host_id,
			"network", network, NULL);
}
