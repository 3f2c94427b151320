// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/assemble_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/program.h"
#include "storage/dm.h"
#include "storage/keys.h"
#include "storage/lvm.h"
#include "storage/md.h"

#define OPEN_MS    3600000 /* of cryptsetup; the step's deadline comes first */
#define MAX_ROWS   LAYER_MAX_EACH
#define NUMBER_LEN 24

/* ---- rows */

struct numbers {
	size_t n;
	char (*text)[NUMBER_LEN]; /* "8:16", of each member */
};

static const char *number_of(void *ctx, size_t member)
{
	const struct numbers *numbers = ctx;

	return member < numbers->n ? numbers->text[member] : NULL;
}

static int number_text(const struct root *root, const char *node, char ret[NUMBER_LEN],
		       struct err *err)
{
	unsigned int major, minor;

	if (device_number(node, root, &major, &minor, err))
		return err->code;
	snprintf(ret, NUMBER_LEN, "%u:%u", major, minor);
	return 0;
}

static int fill_rows(const struct work *w, const struct one *one, char **rows, struct err *err)
{
	struct numbers numbers = {.n = one->n_members};
	int r = 0;

	numbers.text = calloc(one->n_members + 1, sizeof(*numbers.text));
	if (!numbers.text)
		return err_nomem(err, one->n_members * sizeof(*numbers.text), "a table");
	for (size_t m = 0; m < one->n_members && !r; m++)
		r = number_text(w->root, one->members[m].node, numbers.text[m], err);
	for (size_t i = 0; one->layer->tables[i] && !r; i++)
		r = layer_fill(one->layer->tables[i], number_of, &numbers, &rows[i], err);
	free(numbers.text);
	return r;
}

static int make_mapped(const struct work *w, struct one *one, char *const *rows, struct err *err)
{
	unsigned int minor;

	if (dm_create(w->root, w->sys, one->layer->name, one->layer->uuid, rows, &minor, err))
		return err->code;
	snprintf(one->node, sizeof(one->node), "/dev/dm-%u", minor);
	return 0;
}

static int make_rows(const struct work *w, struct one *one, struct err *err)
{
	char **rows = calloc(MAX_ROWS + 1, sizeof(*rows));
	int r;

	if (!rows)
		return err_nomem(err, MAX_ROWS * sizeof(*rows), "a table");
	r = fill_rows(w, one, rows, err);
	if (!r)
		r = make_mapped(w, one, rows, err);
	for (char **row = rows; *row; row++)
		free(*row);
	free(rows);
	return r;
}

/* ---- LVM: is the volume still where it was? */

static int check_lvm(const struct work *w, const struct one *one, const char *text, struct err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *metadata = NULL;
	struct lvm_guard now;
	struct layer_lvm was;
	const char *node;
	uint64_t size;
	size_t len;

	if (layer_lvm_parse(text, &was, err))
		return err->code;
	node = one->members[was.member].node;
	fd = root_open(w->root, node, O_RDONLY);
	if (fd < 0)
		return err_sys(err, errno, "%s", node);
	if (device_size(fd, node, &size, err) || lvm_read(fd, size, node, &metadata, &len, err))
		goto unreadable;
	if (lvm_guard((struct bytes){(uint8_t *)metadata, len}, one->layer->uuid, &now, err))
		goto unreadable;
	if (strcmp(now.digest, was.digest) == 0)
		return 0;
	return err_set(
		err, ERR_CORRUPT,
		"%s was changed since the capture was prepared (volume group %s has the sequence "
		"number %" PRIu64 ", then %" PRIu64 "): it is not written to",
		one->layer->name, now.vg_name, now.seqno, was.seqno);
unreadable:
	err->code = ERR_CORRUPT; /* also what is not found: it will not come */
	return err_wrap(err, "whether %s is where it was is not known", one->layer->name);
}

static int make_dm(const struct work *w, struct one *one, struct err *err)
{
	for (char **lvm = one->layer->lvm; *lvm; lvm++)
		if (check_lvm(w, one, *lvm, err))
			return err->code;
	return make_rows(w, one, err);
}

/* ---- multipath: each path in a group of its own, tried in turn */

static int put_paths(const struct work *w, const struct one *one, FILE *to, struct err *err)
{
	char number[NUMBER_LEN];

	for (size_t i = 0; i < one->n_members + one->n_paths; i++) {
		const char *node =
			i < one->n_members ? one->members[i].node : one->paths[i - one->n_members];

		if (!*node)
			continue;
		if (number_text(w->root, node, number, err))
			return err->code;
		fprintf(to, " round-robin 0 1 1 %s 1", number);
	}
	return 0;
}

static int make_multipath(const struct work *w, struct one *one, struct err *err)
{
	char *row[2] = {NULL, NULL};
	size_t len = 0, groups = one->n_paths;
	FILE *to = open_memstream(&row[0], &len);
	int r;

	if (!to)
		return err_nomem(err, 0, "a table");
	for (size_t i = 0; i < one->n_members; i++)
		groups += *one->members[i].node != '\0';
	fprintf(to, "%s %zu 1", one->layer->tables[0], groups);
	r = put_paths(w, one, to, err);
	if (fclose(to) && !r)
		r = err_nomem(err, len, "a table");
	if (!r)
		r = make_mapped(w, one, row, err);
	free(row[0]);
	return r;
}

/* ---- MD */

/* The first member whose superblock is the array's says which version it has. */
static int read_first(const struct work *w, const struct one *one, struct mdraid *ret,
		      struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "array %s: none of its members has its superblock",
		one->layer->name);
	for (size_t i = 0; i < one->n_members; i++) {
		const char *node = one->members[i].node;
		struct err ignored;
		uint64_t size;

		if (!*node)
			continue;

		_cleanup_close_ int fd = root_open(w->root, node, O_RDONLY);

		if (fd >= 0 && !device_size(fd, node, &size, &ignored) &&
		    !mdraid_read(fd, size, node, ret, &ignored) &&
		    strcmp(ret->uuid, one->layer->uuid) == 0)
			return 0;
	}
	return err->code;
}

static int make_md(const struct work *w, struct one *one, struct err *err)
{
	const char *nodes[LAYER_MAX_EACH];
	struct mdraid first;
	size_t n = 0;

	if (read_first(w, one, &first, err))
		return err->code;
	for (size_t i = 0; i < one->n_members; i++)
		if (*one->members[i].node)
			nodes[n++] = one->members[i].node;
	if (md_start(w->root, w->sys, one->layer->name, &first, nodes, n, err))
		return err->code;
	snprintf(one->node, sizeof(one->node), "/dev/%s", one->layer->name);
	return 0;
}

/* ---- LUKS */

static int check_memory(const struct work *w, const struct layer *l, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	uint64_t available;
	const char *at;
	size_t len;

	if (!l->memory || root_read(w->root, "/proc/meminfo", 65536, &text, &len, &ignored))
		return 0;
	at = strstr(text, "MemAvailable:");
	if (!at || sscanf(at, "MemAvailable: %" SCNu64, &available) != 1 || available >= l->memory)
		return 0;
	return err_set(err, ERR_NO_MEMORY,
		       "layer %s: to open it takes %" PRIu64 " KiB of memory, and %" PRIu64
		       " are left: a larger crashkernel=, or a key that takes less (pbkdf2)",
		       l->name, l->memory, available);
}

/* By the tool that knows what a header may say; it makes the device under the name and uuid that it had. */
static int open_by_file(const struct work *w, struct one *one, const char *file, struct err *err)
{
	const struct layer *l = one->layer;
	const char *const argv[] = {"cryptsetup", "open", "--type",       "luks",
				    "--key-file", file,   "--batch-mode", one->members[0].node,
				    l->name,      NULL};
	const struct program program = {.argv = argv,
					.ms = OPEN_MS,
					.path = PROGRAM_PATH,
					.package = "cryptsetup",
					.dies_with_us = true};
	struct dm_device dm;

	if (check_memory(w, l, err))
		return err->code;
	if (program_run(&program, err) || dm_find(w->root, w->sys, l->name, &dm, err)) {
		err->code = ERR_SYSTEM; /* it would not be another time */
		return err_wrap(err, "layer %s", l->name);
	}
	snprintf(one->node, sizeof(one->node), "/dev/dm-%u", dm.minor);
	return 0;
}

static int make_crypt(const struct work *w, struct one *one, struct err *err)
{
	const char *file = layer_key_file(one->layer);

	if (file)
		return open_by_file(w, one, file, err);
	if (keys_restore(w->root, w->sys, err) || make_rows(w, one, err)) {
		if (err->sys == ENOKEY)
			err_set(err, ERR_SYSTEM,
				"the crashed kernel did not hand over the key %.100s: it was not "
				"in its "
				"keyring when the capture kernel was loaded",
				layer_key_kernel(one->layer));
		err->code = err->code == ERR_NOT_FOUND ? ERR_SYSTEM : err->code;
		return err_wrap(err, "layer %s", one->layer->name);
	}
	return 0;
}

int layer_make(const struct work *w, struct one *one, struct err *err)
{
	switch (one->layer->kind) {
	case LAYER_DM:
		return make_dm(w, one, err);
	case LAYER_CRYPT:
		return make_crypt(w, one, err);
	case LAYER_MULTIPATH:
		return make_multipath(w, one, err);
	case LAYER_MD:
		return make_md(w, one, err);
	case LAYER_ISCSI:
	case LAYER_NVME_TCP:
	default:
		return err_set(err, ERR_UNSUPPORTED, "layer %s: a kind of no members",
			       one->layer->name);
	}
}
