// SPDX-License-Identifier: GPL-2.0-or-later
/* What a disk stands on, by the walk of storage/probe.h: layers into the recipe, and what these need into the image. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "config/resolver.h"
#include "storage/probe.h"

struct walk {
	struct resolver *r;
	const char *said;
};

static int on_disk(void *ctx, const char *sysfs, struct err *err)
{
	const struct walk *w = ctx;

	return chain_add_disk_at(&w->r->chain, sysfs, err);
}

static int on_module(void *ctx, const char *name, struct err *err)
{
	const struct walk *w = ctx;

	return chain_add_module(&w->r->chain, name, err);
}

static int on_program(void *ctx, const char *path, struct err *err)
{
	const struct walk *w = ctx;

	return resolver_add_program(w->r, path, err);
}

/* Of a volume's key or a login's password: for nobody else's eyes. */
static int on_file(void *ctx, const char *path, struct err *err)
{
	const struct walk *w = ctx;

	return resolver_add_secret(w->r, path, NULL, err);
}

static int on_server(void *ctx, const char *address, char *ret_network, struct err *err)
{
	const struct walk *w = ctx;
	struct net_ip ip;

	if (net_ip_parse(address, &ip, err))
		return err->code;
	return resolver_reach_address(w->r, w->said, &ip, ret_network, err);
}

static int on_note(void *ctx, const char *text, struct err *err)
{
	const struct walk *w = ctx;

	return resolver_note(w->r, err, "%s: %s", w->said, text);
}

/* What must be free besides all else when the volume is opened: people have to know it before. */
static int note_memory(struct resolver *r, const char *said, size_t from, struct err *err)
{
	const struct layers *layers = &r->recipe->layers;
	char human[16];

	for (size_t i = from; i < layers->n; i++) {
		const struct layer *l = &layers->v[i];

		if (!l->memory)
			continue;
		if (resolver_note(
			    r, err,
			    "%s: to open %s takes %s of memory in the capture kernel (Argon2): "
			    "reserve that much more, or give it a key slot with PBKDF2 "
			    "(cryptsetup luksConvertKey --pbkdf pbkdf2), or a kernel that "
			    "hands keys over (crash_dm_crypt_keys)",
			    said, l->name,
			    num_human(NUM_MIN(l->memory, UINT64_MAX / 1024) * 1024, human)))
			return err->code;
	}
	return 0;
}

int resolver_add_layers(struct resolver *r, const char *said, const struct chain_disk *disk,
			char ret_layer[LAYER_NAME], struct err *err)
{
	struct walk w = {r, said};
	const struct probe_env env = {
		.root = r->root,
		.dm_table = probe_dm_table,
		.disk = on_disk,
		.module = on_module,
		.program = on_program,
		.file = on_file,
		.server = on_server,
		.note = on_note,
		.ctx = &w,
		.luks_key_file = r->config->luks_key_file,
		.iscsi_secret_file = r->config->iscsi_secret_file,
	};
	size_t before = r->recipe->layers.n;
	char layer[LAYER_NAME] = "";

	if (storage_probe(&env, disk->sysfs, &r->recipe->layers, layer, err) ||
	    (!*layer && chain_check_layers(r->root, disk, err)) ||
	    note_memory(r, said, before, err))
		return err->code;
	memcpy(ret_layer, layer, LAYER_NAME);
	return 0;
}
