// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "base/program.h"
#include "storage/device.h"
#include "capture/target.h"
#include "config/chain.h"
#include "proof/table.h"

#define MIB          (1ULL << 20)
#define USUAL_SIZE   (1024 * MIB) /* where the real one's is not known */
#define MOST_SIZE    (2048 * MIB) /* of a file system: it is empty, and the dump small */
#define MKFS_SECONDS 60
#define PIECE        MIB

/* How a file system is made; %s is the UUID. */
static const struct maker {
	const char *fstype, *program, *package;
	const char *options[3];  /* NULL: no more */
	const char *uuid_option; /* NULL: it cannot be chosen */
	const char *uuid_prefix; /* of its value */
	uint64_t least;          /* MiB */
} makers[] = {
	{"ext2", "mkfs.ext2", "e2fsprogs", {"-q", "-F"}, "-U", "", 16},
	{"ext3", "mkfs.ext3", "e2fsprogs", {"-q", "-F"}, "-U", "", 16},
	{"ext4", "mkfs.ext4", "e2fsprogs", {"-q", "-F"}, "-U", "", 16},
	{"xfs", "mkfs.xfs", "xfsprogs", {"-q", "-f"}, "-m", "uuid=", 320},
	{"btrfs", "mkfs.btrfs", "btrfs-progs", {"-q", "-f"}, "-U", "", 128},
	{"vfat", "mkfs.vfat", "dosfstools", {NULL}, "-i", "", 64},
	{"f2fs", "mkfs.f2fs", "f2fs-tools", {"-q", "-f"}, "-U", "", 128},
	{"exfat", "mkfs.exfat", "exfatprogs", {NULL}, NULL, "", 64},
	{"jfs", "mkfs.jfs", "jfsutils", {"-q"}, NULL, "", 32},
	{"minix", "mkfs.minix", "util-linux", {"-3"}, NULL, "", 16},
};

/* ---- the real one */

static uint64_t size_of_real(const struct root *root, const char *node)
{
	_cleanup_free_ struct chain_disk *disk = malloc(sizeof(*disk));
	_cleanup_free_ char *path = NULL;
	struct err ignored;
	uint64_t sectors;

	if (!disk || chain_disk_by_node(root, node, disk, &ignored))
		return 0;
	if (asprintf(&path, "%s/size", disk->sysfs) < 0) {
		path = NULL;
		return 0;
	}
	if (root_read_u64(root, path, &sectors, &ignored) || sectors > INT64_MAX / 512)
		return 0;
	return sectors * 512;
}

static void add_gap(struct scratch *s, const char *text)
{
	size_t len = strlen(s->gap);

	snprintf(s->gap + len, sizeof(s->gap) - len, "%s%s", len ? "; " : "", text);
}

/* The device that stands for the real one, or the nearest that the image can do. */
static void choose_model(const struct scratch_env *env, const char *node, struct scratch *s)
{
	char real[128] = "a disk that was not found", text[384];

	if (*node)
		s->model = bus_of_disk(env->root, node, real);
	if (s->model)
		return;
	s->model = bus_of_image(env->root, env->armed->inputs.kernel, &env->armed->image);
	if (!s->model) {
		snprintf(s->why_not, sizeof(s->why_not),
			 "it is on %s, for which QEMU has no device, and the image has no driver "
			 "of one that QEMU has",
			 real);
		return;
	}
	snprintf(text, sizeof(text), "the driver of the real disk (%s): %s stood for it", real,
		 s->model->driver);
	add_gap(s, text);
}

static uint64_t wanted_size(const struct scratch_env *env, const char *node,
			    const struct maker *maker, struct scratch *s)
{
	uint64_t real = *node ? size_of_real(env->root, node) : 0;

	if (s->target->kind == TARGET_RAW)
		return s->target->size ? s->target->size : real ? real : USUAL_SIZE;
	/* whole MiB: every file system takes such a size */
	return NUM_MAX(NUM_MIN(num_align_down(real ? real : USUAL_SIZE, MIB), MOST_SIZE),
		       maker->least * MIB);
}

/* ---- files */

static int make_file(const char *path, uint64_t size, int *ret_fd, struct err *err)
{
	int fd = io_create_private(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "%s: create", path);
	if (ftruncate(fd, (off_t)size)) {
		err_sys(err, errno, "%s: make it %" PRIu64 " bytes", path, size);
		close(fd);
		return err->code;
	}
	*ret_fd = fd;
	return 0;
}

static int copy_piece(int from, uint64_t from_off, int to, uint64_t to_off, uint64_t len,
		      uint8_t *buf, const char *name, struct err *err)
{
	while (len) {
		size_t n = (size_t)NUM_MIN(len, PIECE);

		if (io_pread_full(from, buf, n, from_off, name, err) ||
		    io_pwrite_full(to, buf, n, to_off, name, err))
			return err->code;
		from_off += n;
		to_off += n;
		len -= n;
	}
	return 0;
}

/* What there is of data; holes stay holes. */
static int copy_sparse(int from, uint64_t from_off, int to, uint64_t to_off, uint64_t len,
		       const char *name, struct err *err)
{
	_cleanup_free_ uint8_t *buf = malloc(PIECE);
	uint64_t at = from_off, end = from_off + len;

	if (!buf)
		return err_nomem(err, PIECE, name);
	while (at < end) {
		off_t data = lseek(from, (off_t)at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			return 0; /* only a hole is left */
		if (data < 0)
			return err_sys(err, errno, "%s: seek", name);
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return err_sys(err, errno, "%s: seek", name);
		if ((uint64_t)data >= end)
			return 0;
		hole = NUM_MIN(hole, (off_t)end);
		if (copy_piece(from, (uint64_t)data, to, to_off + ((uint64_t)data - from_off),
			       (uint64_t)(hole - data), buf, name, err))
			return err->code;
		at = (uint64_t)hole;
	}
	return 0;
}

int scratch_cut_out(const struct scratch *s, const char *to, struct err *err)
{
	_cleanup_close_ int from = open(s->path, O_RDONLY | O_CLOEXEC);
	int fd, r;

	if (from < 0)
		return err_sys(err, errno, "%s: open", s->path);
	r = make_file(to, s->size, &fd, err);
	if (r)
		return r;
	r = copy_sparse(from, s->offset, fd, 0, s->size, to, err);
	close(fd);
	return r;
}

/* ---- file systems */

static const struct maker *maker_of(const struct recipe_target *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (strcmp(makers[i].fstype, t->fstype) == 0)
			return &makers[i];
	return NULL;
}

/* vfat's "12AB-34CD" is 12AB34CD to its maker. */
static void uuid_text(const struct maker *m, const char *uuid, char ret[128])
{
	size_t n = (size_t)snprintf(ret, 128, "%s", m->uuid_prefix);

	for (; *uuid && n < 127; uuid++)
		if (*uuid != '-' || strcmp(m->fstype, "vfat") != 0)
			ret[n++] = *uuid;
	ret[n] = '\0';
}

/* `uuid` NULL: any. */
static int make_fs(const struct scratch_env *env, const struct maker *m, const char *uuid,
		   const char *path, struct err *err)
{
	char program[PATH_MAX], id[128];
	const char *argv[ARRAY_SIZE(m->options) + 5] = {program};
	const struct program p = {
		.argv = argv,
		.ms = MKFS_SECONDS * 1000,
		.stop = env->stop,
		.dies_with_us = true,
	};
	size_t n = 1;
	int r = program_find(m->program, m->package, program, err);

	if (r)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(m->options) && m->options[i]; i++)
		argv[n++] = m->options[i];
	if (uuid) {
		uuid_text(m, uuid, id);
		argv[n++] = m->uuid_option;
		argv[n++] = id;
	}
	argv[n++] = path;
	argv[n] = NULL;
	return program_run(&p, err);
}

/* On a partition: made beside it, since not every maker can leave room in front. */
static int make_fs_within(const struct scratch_env *env, const struct maker *m,
			  const struct scratch *s, int disk, struct err *err)
{
	char path[PATH_MAX];
	int fd, r;

	if (snprintf(path, sizeof(path), "%s.part", s->path) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%s", s->path);
	r = make_file(path, s->size, &fd, err);
	if (r)
		return r;
	r = make_fs(env, m, NULL, path, err);
	if (!r)
		r = copy_sparse(fd, 0, disk, s->offset, s->size, path, err);
	close(fd);
	unlink(path);
	return r;
}

/* ---- one target */

static const char *value_of(const char *device, const char *kind)
{
	size_t len = strlen(kind);

	return strncmp(device, kind, len) == 0 ? device + len : NULL;
}

static int make_disk(const struct scratch_env *env, const struct maker *m, struct scratch *s,
		     struct err *err)
{
	const char *uuid = value_of(s->target->device, "UUID=");
	const char *partuuid = value_of(s->target->device, "PARTUUID=");
	int fd, r;

	s->offset = partuuid ? TABLE_START : 0;
	r = make_file(s->path, s->size + 2 * s->offset, &fd, err);
	if (r)
		return r;
	if (partuuid)
		r = table_write(fd, s->size, partuuid, s->path, err);
	if (!r && m && partuuid)
		r = make_fs_within(env, m, s, fd, err);
	close(fd);
	if (!r && m && uuid)
		r = make_fs(env, m, uuid, s->path, err);
	if (r)
		unlink(s->path);
	return r;
}

static int refuse_device(const struct scratch *s, const struct maker *m, struct err *err)
{
	const struct recipe_target *t = s->target;

	if (t->kind == TARGET_FS && !m)
		return err_set(err, ERR_UNSUPPORTED, "no scratch %s can be made", t->fstype);
	if (value_of(t->device, "PARTUUID="))
		return 0;
	if (!value_of(t->device, "UUID=") || t->kind == TARGET_RAW)
		return err_set(err, ERR_UNSUPPORTED,
			       "it is named by its path, %s, which means another disk in another "
			       "machine; UUID= or PARTUUID= would say which one is meant",
			       t->device);
	if (!m->uuid_option)
		return err_set(err, ERR_UNSUPPORTED, "%s cannot make a file system of a given UUID",
			       m->program);
	return 0;
}

static int make_share(struct scratch *s, struct err *err)
{
	if (strcmp(s->target->fstype, "9p") != 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s needs a server of its own beside the virtual machine",
			       s->target->fstype);
	if (mkdir(s->path, 0700))
		return err_sys(err, errno, "%s: mkdir", s->path);
	add_gap(s, "the real share's server");
	return 0;
}

static int make(const struct scratch_env *env, struct scratch *s, struct err *err)
{
	const struct maker *m = s->target->kind == TARGET_FS ? maker_of(s->target) : NULL;
	char node[DEVICE_PATH_MAX] = "";
	struct err ignored;

	if (s->target->kind == TARGET_SHARE)
		return make_share(s, err);
	if (recipe_is_remote(s->target->kind))
		return err_set(err, ERR_UNSUPPORTED,
			       "it is behind a network, which the virtual machine does not have; "
			       "`lifeboat check` writes to the real one");
	if (*s->target->needs)
		return err_set(err, ERR_UNSUPPORTED,
			       "it stands on others (%s), which are not made a second time",
			       s->target->needs);
	if (refuse_device(s, m, err))
		return err->code;
	if (device_find(s->target->device, env->root, node, &ignored))
		*node = '\0';
	choose_model(env, node, s);
	if (!s->model)
		return err_set(err, ERR_UNSUPPORTED, "%s", s->why_not);
	s->size = wanted_size(env, node, m, s);
	return make_disk(env, m, s, err);
}

void scratch_make(const struct scratch_env *env, size_t number, struct scratch *ret)
{
	struct err err = {0};

	*ret = (struct scratch){.target = &env->armed->image.recipe->targets[number]};
	if (snprintf(ret->path, sizeof(ret->path), "%s/target%zu", env->folder, number + 1) >=
	    PATH_MAX)
		err_sys(&err, ENAMETOOLONG, "%s", env->folder);
	else
		make(env, ret, &err);
	ret->made = !err.code;
	if (err.code)
		snprintf(ret->why_not, sizeof(ret->why_not), "%.*s", (int)sizeof(ret->why_not) - 1,
			 err.msg);
}
