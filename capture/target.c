// SPDX-License-Identifier: GPL-2.0-or-later
/* What all kinds of targets have in common. */
#include "capture/target.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/manifest.h"
#include "crypt/age.h"
#include "format/flat.h"
#include "net/up.h"
#include "storage/assemble.h"

#define MAX_TIME 253402300799ULL /* 9999-12-31T23:59:59Z */

/*
 * By how it was written: as it is, in order, in order and encrypted, and encrypted from a file that was whole. A text is in
 * order anyway.
 */
static const char *const names[CRASH_FILES][4] = {
	[CRASH_LOG] = {"dmesg.txt", "dmesg.txt", "dmesg.txt.age", "dmesg.txt.age"},
	[CRASH_RECORD] = {"crash.json", "crash.json", "crash.json", "crash.json"},
	[CRASH_DUMP] = {"vmcore", "vmcore.flat", "vmcore.flat.age", "vmcore.age"},
	[CRASH_MANIFEST] = {"SHA256SUMS", "SHA256SUMS", "SHA256SUMS", "SHA256SUMS"},
};

const char *crash_file_name(enum crash_file file)
{
	return names[file][0];
}

const char *crash_file_any_name(enum crash_file file, size_t i)
{
	return i < ARRAY_SIZE(names[file]) ? names[file][i] : NULL;
}

bool crash_file_of_name(const char *name, enum crash_file *ret)
{
	for (int file = 0; file < CRASH_FILES; file++)
		for (size_t i = 0; i < ARRAY_SIZE(names[file]); i++)
			if (strcmp(names[file][i], name) == 0) {
				*ret = (enum crash_file)file;
				return true;
			}
	return false;
}

/* The record tells of a crash without its memory: a fleet counts by it, and who has no key needs it to know what it is. */
static bool is_encrypted(const struct target *t, enum crash_file file)
{
	return t->all && *t->all->encrypt_to && (file == CRASH_LOG || file == CRASH_DUMP);
}

const char *target_file_name(const struct target *t, enum crash_file file)
{
	return names[file][is_encrypted(t, file) ? 2 : t->ops->sequential ? 1 : 0];
}

const struct target_ops *target_ops_of(enum target_kind kind)
{
	static const struct target_ops *const ops[TARGET_KINDS] = {
		[TARGET_FS] = &target_fs_ops,     [TARGET_SHARE] = &target_fs_ops,
		[TARGET_RAW] = &target_raw_ops,   [TARGET_NFS] = &target_nfs_ops,
		[TARGET_SSH] = &target_ssh_ops,   [TARGET_SFTP] = &target_sftp_ops,
		[TARGET_HTTPS] = &target_web_ops, [TARGET_S3] = &target_web_ops,
	};

	return ops[kind];
}

/* ---- the way there */

int target_network_of_layer(struct target *t, struct err *err)
{
	const struct layers *layers = t->all ? &t->all->layers : NULL;

	if (!*t->recipe->needs || t->healthy)
		return 0;
	/* which of the layers it stands on is not asked: they are few, and what is up stays */
	for (size_t i = 0; i < layers->n; i++)
		if (*layers->v[i].network &&
		    net_up(&t->all->net, layers->v[i].network, t->root, err))
			return err->code;
	return 0;
}

/*
 * A layer itself goes by its path or by what it holds. A partition of one (of an array, of a disk behind iSCSI) goes by its own id
 * and is looked for once the layer is there: the layer's node would be the whole of it, table and all.
 */
static bool is_part_of_layer(const struct recipe_target *r)
{
	return strncmp(r->device, "PARTUUID=", 9) == 0;
}

int target_find_layer(struct target *t, struct err *err)
{
	const struct layers *layers = &t->all->layers;
	const char *needs = t->recipe->needs;
	int r = t->healthy
			? storage_find(layers, needs, t->root, t->place->device, err)
			: storage_assemble(layers, needs, t->root, t->sys, t->place->device, err);

	if (r || !is_part_of_layer(t->recipe))
		return r;
	return device_wait(t->recipe->device, t->root, t->place->device, err);
}

int target_release_layer(struct target *t, struct err *err)
{
	if (!*t->recipe->needs || t->healthy)
		return 0;
	return storage_release(&t->all->layers, t->recipe->needs, t->root, t->sys, err);
}

int target_network_remote(struct target *t, struct err *err)
{
	const struct recipe_target *r = t->recipe;
	struct net_ip servers[RECIPE_MAX_SERVERS];
	size_t n = 0, answers;

	for (; r->servers[n] && n < RECIPE_MAX_SERVERS; n++)
		if (net_ip_parse(r->servers[n], &servers[n], err))
			return err->code;
	if (!t->healthy && net_up(&t->all->net, r->network, t->root, err))
		return err->code;
	/* on a healthy machine the link is nobody's to change: without a network there is no DHCP to fall back to */
	if (net_reach(t->healthy ? NULL : &t->all->net, r->network, servers, n, r->port, &answers,
		      err))
		return err->code;
	net_ip_format(&servers[answers], t->place->server);
	return 0;
}

/* ---- its files */

int target_encrypt(const struct target *t, struct out **out, struct err *err)
{
	struct age_recipient *to = calloc(AGE_MAX_RECIPIENTS, sizeof(*to));
	struct out *outer;
	size_t n = 0;
	int r = to ? 0 : err_nomem(err, AGE_MAX_RECIPIENTS * sizeof(*to), "recipients");

	for (; !r && t->all->encrypt_to[n]; n++)
		r = n == AGE_MAX_RECIPIENTS
			    ? err_set(err, ERR_USAGE, "more than %d recipients", AGE_MAX_RECIPIENTS)
			    : age_recipient_parse(t->all->encrypt_to[n], &to[n], err);
	if (!r)
		r = age_out_create(*out, to, n, &outer, err);
	free(to);
	if (!r)
		*out = outer;
	return r;
}

/* Put what lies between the writer and `out`, which is taken over. */
static int wrap(const struct target *t, enum crash_file file, struct out **out, struct err *err)
{
	struct out *outer;

	if (is_encrypted(t, file) && target_encrypt(t, out, err))
		return err->code;
	if (file != CRASH_DUMP || !(*out)->sequential)
		return 0;
	if (flat_out_create_over(*out, &outer, err))
		return err->code;
	*out = outer;
	return 0;
}

int target_create(struct target *t, enum crash_file file, struct out **ret, struct err *err)
{
	const char *name = target_file_name(t, file);
	struct out *out;
	int r = t->ops->create(t, file, name, &out, err);

	if (r)
		return r;
	t->place->was_sent[file] = t->place->proven[file] = false;
	r = wrap(t, file, &out, err);
	if (r) {
		out->ops->abort(out);
		return r;
	}
	snprintf(t->place->files[file], sizeof(t->place->files[file]), "%s", name);
	*ret = out;
	return 0;
}

int target_digest_open(struct target *t, enum crash_file file, uint8_t ret[32], struct err *err)
{
	uint64_t offset, len;
	int fd = -1, r = t->ops->open(t, file, &fd, &offset, &len, err);

	if (r)
		return r;
	r = manifest_digest(fd, offset, len, target_file_name(t, file), ret, err);
	close(fd);
	return r;
}

int target_put(struct target *t, enum crash_file file, const void *data, size_t len,
	       struct err *err)
{
	struct out *out;
	int r = target_create(t, file, &out, err);

	if (r)
		return r;
	r = out->ops->pwrite(out, data, len, 0, err);
	if (!r)
		return out->ops->commit(out, err);
	out->ops->abort(out);
	return r;
}

void target_describe(const struct recipe_target *t, char *buf, size_t size)
{
	const char *path = *t->path ? t->path : "/";

	switch (t->kind) {
	case TARGET_FS:
	case TARGET_SHARE:
		snprintf(buf, size, "%s %s %s", t->fstype, t->device, path);
		break;
	case TARGET_RAW:
		snprintf(buf, size, "raw %s", t->device);
		break;
	case TARGET_NFS:
		snprintf(buf, size, "nfs %s:%s %s", t->host, *t->export ? t->export : "/", path);
		break;
	case TARGET_SSH:
	case TARGET_SFTP:
		snprintf(buf, size, "%s %s@%s %s", target_kind_name(t->kind), t->user, t->host,
			 path);
		break;
	case TARGET_HTTPS: /* a query may be the password */
		snprintf(buf, size, "https %.*s %s", (int)strcspn(t->url, "?"), t->url, path);
		break;
	case TARGET_S3: /* what goes on where it was goes by this: two stores may have a bucket of one name */
		snprintf(buf, size, "s3 %s:%u %s %s", t->host, t->port, t->bucket, path);
		break;
	case TARGET_KINDS:
		break;
	}
}

void target_folder_name(uint64_t seconds, char ret[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds > MAX_TIME || !gmtime_r(&t, &tm) ||
	    !strftime(ret, 32, "%Y-%m-%dT%H-%M-%SZ", &tm))
		strcpy(ret, "unknown-time");
}
