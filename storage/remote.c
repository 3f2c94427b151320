// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/remote.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/program.h"

#define SESSIONS    "/sys/class/iscsi_session"
#define CONNECTIONS "/sys/class/iscsi_connection"
#define FABRICS     "/dev/nvme-fabrics"
#define LOGIN_MS    45000
#define MAX_SECRET  4096
#define SECRET_SIZE 256

/* The n-th name of a folder that `wanted` likes, to `ret`. */
static bool find_name(const struct root *root, const char *folder,
		      bool (*wanted)(const void *ctx, const char *name), const void *ctx,
		      char ret[NAME_MAX + 1])
{
	int fd = root_open(root, folder, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool found = false;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && !found && (e = readdir(dir))) {
		found = e->d_name[0] != '.' && wanted(ctx, e->d_name);
		if (found)
			snprintf(ret, NAME_MAX + 1, "%s", e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

struct session {
	const struct root *root;
	const struct layer *layer;
};

/* A session's first connection has its number: "session3", "connection3:0" (drivers/scsi/scsi_transport_iscsi.c). */
static bool is_session(const void *ctx, const char *name)
{
	const struct session *s = ctx;
	char path[PATH_MAX], port[16];

	if (strncmp(name, "session", 7) != 0)
		return false;
	snprintf(path, sizeof(path), SESSIONS "/%s/targetname", name);
	if (!root_has_line(s->root, path, s->layer->target))
		return false;
	snprintf(path, sizeof(path), CONNECTIONS "/connection%s:0/persistent_address", name + 7);
	if (!root_has_line(s->root, path, s->layer->server))
		return false;
	snprintf(path, sizeof(path), CONNECTIONS "/connection%s:0/persistent_port", name + 7);
	snprintf(port, sizeof(port), "%u", s->layer->port);
	return root_has_line(s->root, path, port);
}

static bool is_target(const void *ctx, const char *name)
{
	(void)ctx;
	return strncmp(name, "target", 6) == 0;
}

/* "2:0:0:LUN" */
static bool is_lun(const void *ctx, const char *name)
{
	const struct layer *layer = ctx;
	const char *colon = strrchr(name, ':');
	char lun[16];

	snprintf(lun, sizeof(lun), "%u", layer->lun);
	return colon && strcmp(colon + 1, lun) == 0;
}

static bool is_any(const void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return true;
}

bool remote_has_session(const struct layer *layer, const struct root *root)
{
	const struct session s = {root, layer};
	char name[NAME_MAX + 1];

	return find_name(root, SESSIONS, is_session, &s, name);
}

bool remote_find_iscsi(const struct layer *layer, const struct root *root,
		       char ret[DEVICE_PATH_MAX])
{
	const struct session s = {root, layer};
	char path[PATH_MAX], session[NAME_MAX + 1], target[NAME_MAX + 1], lun[NAME_MAX + 1],
		disk[NAME_MAX + 1];

	if (!find_name(root, SESSIONS, is_session, &s, session))
		return false;
	snprintf(path, sizeof(path), SESSIONS "/%s/device", session);
	if (!find_name(root, path, is_target, NULL, target))
		return false;
	snprintf(path, sizeof(path), SESSIONS "/%s/device/%s", session, target);
	if (!find_name(root, path, is_lun, layer, lun))
		return false;
	snprintf(path, sizeof(path), SESSIONS "/%s/device/%s/%s/block", session, target, lun);
	return find_name(root, path, is_any, NULL, disk) &&
	       snprintf(ret, DEVICE_PATH_MAX, "/dev/%.200s", disk) < DEVICE_PATH_MAX;
}

static int read_secret(const struct layer *layer, const struct root *root, char ret[SECRET_SIZE],
		       struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	*ret = '\0';
	if (!*layer->secret)
		return 0;
	if (root_read(root, layer->secret, MAX_SECRET, &text, &len, err))
		return err_wrap(err, "the secret of layer %s", layer->name);
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text || strlen(text) >= SECRET_SIZE)
		len = 0;
	else
		strcpy(ret, text);
	explicit_bzero(text, strlen(text));
	return len ? 0
		   : err_set(err, ERR_USAGE, "layer %s: %s does not begin with a secret",
			     layer->name, layer->secret);
}

/* iscsistart is the part of open-iscsi that needs neither a daemon nor a configuration: made for initramfs images. */
int remote_login_iscsi(const struct layer *layer, const struct root *root, struct err *err)
{
	char port[16], group[16], secret[SECRET_SIZE];
	const char *argv[16] = {"iscsistart", "-i", layer->initiator, "-t", layer->target, "-g",
				group,        "-a", layer->server,    "-p", port};
	struct program program = {.argv = argv,
				  .ms = LOGIN_MS,
				  .path = PROGRAM_PATH,
				  .package = "open-iscsi",
				  .dies_with_us = true};
	int r;

	if (read_secret(layer, root, secret, err))
		return err->code;
	snprintf(port, sizeof(port), "%u", layer->port);
	snprintf(group, sizeof(group), "%u", layer->group);
	if (*secret) {
		argv[11] = "-u";
		argv[12] = layer->user;
		argv[13] = "-w";
		argv[14] = secret;
	}
	r = program_run(&program, err);
	explicit_bzero(secret, sizeof(secret));
	return r ? err_wrap(err, "iSCSI target %.100s at %s", layer->target, layer->server) : 0;
}

/* drivers/nvme/host/fabrics.c: a write of "key=value,…" connects, and returns when it has. */
int remote_connect_nvme(const struct layer *layer, const struct root *root, struct err *err)
{
	_cleanup_close_ int fd = root_open(root, FABRICS, O_RDWR);
	char secret[SECRET_SIZE], text[2048];
	int len, r = 0;

	if (fd < 0)
		return err_sys(err, errno, FABRICS " (of the module nvme_fabrics)");
	if (read_secret(layer, root, secret, err))
		return err->code;
	len = snprintf(text, sizeof(text),
		       "transport=tcp,traddr=%s,trsvcid=%u,nqn=%s,hostnqn=%s%s%s%s%s",
		       layer->server, layer->port, layer->target, layer->initiator,
		       *layer->host_id ? ",hostid=" : "", layer->host_id,
		       *secret ? ",dhchap_secret=" : "", secret);
	if (strchr(layer->target, ',') || strchr(layer->initiator, ',') || strchr(secret, ',') ||
	    len >= (int)sizeof(text))
		r = err_set(err, ERR_USAGE, "layer %s: what the kernel cannot be told",
			    layer->name);
	else if (write(fd, text, (size_t)len) != len)
		r = err_sys(err, errno, "NVMe subsystem %.100s at %s", layer->target,
			    layer->server);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
	return r;
}
