// SPDX-License-Identifier: GPL-2.0-or-later
/* Targets on a disk: what is there, by which name it is found again, and what it is mounted with. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/num.h"
#include "storage/fsid.h"
#include "config/mountopts.h"
#include "config/realpath.h"
#include "config/resolver.h"

/* A target's device once it was looked at. */
struct found {
	char node[DEVICE_PATH_MAX]; /* "/dev/vda1" */
	struct chain_disk disk;
	uint64_t size;
	struct fsid id;
	char name[DEVICE_PATH_MAX]; /* for the recipe */
	const struct mount *mount;  /* where it is mounted now, or NULL */
	char layer[LAYER_NAME];     /* that it is, "" if it is a disk */
};

/* ---- the device */

void resolver_node_of(const struct chain_disk *disk, char ret[DEVICE_PATH_MAX])
{
	snprintf(ret, DEVICE_PATH_MAX, "/dev/%s", disk->name);
	for (char *p = ret; *p; p++)
		if (*p == '!')
			*p = '/';
}

bool resolver_is_of_disk(const struct resolver *r, const struct mount *m,
			 const struct chain_disk *disk)
{
	struct chain_disk other;
	struct err ignored;
	int failed;

	if (m->major)
		failed = chain_disk_by_number(r->root, m->major, m->minor, &other, &ignored);
	else if (strcmp(m->type, "btrfs") == 0) /* numbers of its own for each subvolume */
		failed = chain_disk_by_node(r->root, m->source, &other, &ignored);
	else
		return false;
	return !failed && strcmp(other.sysfs, disk->sysfs) == 0;
}

/* Of several mounts the one that shows most: of the whole file system, where there is one. */
static const struct mount *mount_of_disk(const struct resolver *r, const struct chain_disk *disk)
{
	const struct mount *best = NULL;

	for (size_t i = 0; i < r->mounts.n; i++) {
		const struct mount *m = &r->mounts.v[i];

		if (best && strlen(m->root) >= strlen(best->root))
			continue;
		if (resolver_is_of_disk(r, m, disk))
			best = m;
	}
	return best;
}

/* Which disk a device's name leads to; the same as `disk`? */
static bool leads_to(const struct resolver *r, const char *name, const struct chain_disk *disk,
		     struct err *err)
{
	char node[DEVICE_PATH_MAX];
	struct chain_disk other;

	return !device_find(name, r->root, node, err) &&
	       !chain_disk_by_node(r->root, node, &other, err) &&
	       strcmp(other.sysfs, disk->sysfs) == 0;
}

/* By what it holds, which is compared then, else by its path; by no partition's id: that would be one of its own (capture/target.c). */
static void name_layer(const struct wish *w, struct found *f)
{
	if (w->kind == TARGET_FS && *f->id.uuid)
		snprintf(f->name, sizeof(f->name), "UUID=%s", f->id.uuid);
	else if (strncmp(f->disk.name, "dm-", 3) == 0)
		snprintf(f->name, sizeof(f->name), "/dev/mapper/%.128s", f->layer);
	else
		resolver_node_of(&f->disk, f->name);
}

static int name_by_path(struct resolver *r, const struct wish *w, struct found *f, struct err *err)
{
	if (*f->layer)
		return err_set(err, ERR_UNSUPPORTED,
			       "nothing on %s tells it from other partitions of %s", f->disk.name,
			       f->layer);
	resolver_node_of(&f->disk, f->name);
	return resolver_note(
		r, err,
		"%s: nothing on %s tells it from other disks: it is looked for by that "
		"name, which may be another disk's after a crash",
		w->said, f->name);
}

/* A name that holds after the crash, where disks may be found in another order: of the file system, else the partition. */
static int name_device(struct resolver *r, const struct wish *w, struct found *f, struct err *err)
{
	char id[FSID_UUID_SIZE];
	struct err why = {0};

	if (*f->layer && !f->disk.partition) {
		name_layer(w, f);
		return 0;
	}
	if (w->kind == TARGET_FS && *f->id.uuid && !*f->layer) {
		snprintf(f->name, sizeof(f->name), "UUID=%s", f->id.uuid);
		if (leads_to(r, f->name, &f->disk, &why))
			return 0;
		if (why.code == ERR_USAGE && resolver_note(r, err, "%s: %s", w->said, why.msg))
			return err->code;
	}
	if (!device_partuuid(f->node, r->root, id, &why)) {
		snprintf(f->name, sizeof(f->name), "PARTUUID=%s", id);
		if (leads_to(r, f->name, &f->disk, &why))
			return 0;
	}
	return name_by_path(r, w, f, err);
}

static int look_at_device(struct resolver *r, const struct wish *w, struct found *f,
			  struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (device_find(w->device, r->root, f->node, err) ||
	    chain_disk_by_node(r->root, f->node, &f->disk, err) ||
	    resolver_add_layers(r, w->said, &f->disk, f->layer, err))
		return err->code;
	if (f->disk.read_only)
		return err_set(err, ERR_UNSUPPORTED, "%s cannot be written to: it is read-only",
			       f->disk.name);
	fd = root_open(r->root, f->node, O_RDONLY);
	if (fd < 0)
		return err_sys(err, errno, "%s%s: open", r->root->path, f->node);
	if (device_size(fd, f->node, &f->size, err) || fsid_read(fd, f->size, f->node, &f->id, err))
		return err->code;
	f->mount = w->mount ? w->mount : mount_of_disk(r, &f->disk);
	return 0;
}

static int note_disk(struct resolver *r, const struct wish *w, const struct found *f,
		     struct err *err)
{
	if (f->disk.usb)
		return resolver_note(r, err,
				     "%s: %s is behind USB, which may take long to come up after a "
				     "crash: deadline_device is %u s",
				     w->said, f->disk.name, r->recipe->deadline_device);
	if (f->disk.removable)
		return resolver_note(r, err, "%s: %s can be removed: it must be there at the crash",
				     w->said, f->disk.name);
	return 0;
}

static int note_room(struct resolver *r, const struct wish *w, uint64_t room, struct err *err)
{
	char there[16], memory[16];

	if (w->log_only || !r->memory || room >= r->memory)
		return 0;
	return resolver_note(
		r, err,
		"%s: room for %s, and %s of memory: a dump that leaves little out may not fit",
		w->said, num_human(room, there), num_human(r->memory, memory));
}

/* ---- file systems */

/* What blkid and we call things that are no file system. */
static const struct {
	const char *type, *what;
} not_mountable[] = {
	{"linux_raid_member", "is a member of an MD array (software RAID)"},
	{"crypto_LUKS", "is encrypted (LUKS)"},
	{"LVM2_member", "is a physical volume of LVM"},
	{"swap", "is swap space"},
};

static int check_type(struct resolver *r, const struct wish *w, const struct found *f, char ret[32],
		      struct err *err)
{
	const char *is = f->id.type, *said = w->fstype;
	bool both_ext = strncmp(is, "ext", 3) == 0 && strncmp(said, "ext", 3) == 0;

	for (size_t i = 0; i < ARRAY_SIZE(not_mountable); i++)
		if (strcmp(not_mountable[i].type, is) == 0)
			return err_set(err, ERR_UNSUPPORTED,
				       "%s %s: no file system to write to; name a file system on a "
				       "plain partition",
				       f->disk.name, not_mountable[i].what);
	snprintf(ret, 32, "%.31s", *is && !(both_ext && strcmp(said, "ext4") == 0) ? is : said);
	if (!*is)
		return resolver_note(r, err,
				     "%s: %s holds nothing that is known here; taken for %s",
				     w->said, f->disk.name, said);
	if (strcmp(is, said) == 0 || (both_ext && strcmp(said, "ext4") == 0))
		return 0; /* ext4 mounts the older ones, too */
	if (both_ext)
		return resolver_note(r, err, "%s: %s is %s, not %s, and is mounted as that",
				     w->said, f->disk.name, is, said);
	return err_set(err, ERR_USAGE, "%s is %s, not %s: write `%s %s`", f->disk.name, is, said,
		       is, w->device);
}

static bool is_writable(const struct mount *m)
{
	size_t len;

	return mounts_option(m->options, "rw", &len);
}

static int check_state(struct resolver *r, const struct wish *w, const struct found *f,
		       struct err *err)
{
	size_t len;

	if (f->id.n_devices > 1)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s is one of %" PRIu64 " devices of a %s: only file systems on one "
			       "device are written to yet",
			       f->disk.name, f->id.n_devices, f->id.type);
	if (f->id.read_only && !(f->mount && is_writable(f->mount)))
		return err_set(err, ERR_UNSUPPORTED,
			       "%s has features with which kernels only read it", f->disk.name);
	if (f->id.dirty && !f->mount &&
	    resolver_note(r, err,
			  "%s: %s was not unmounted: its journal has to be replayed, or it "
			  "has to be checked (fsck)",
			  w->said, f->disk.name))
		return err->code;
	/* of the file system: a mount alone is read-only wherever a service is kept from writing */
	if (f->mount && mounts_option(f->mount->options, "ro", &len))
		return resolver_note(r, err, "%s: %s is mounted read-only now, at %s", w->said,
				     f->disk.name, f->mount->at);
	return 0;
}

/* Mounts of one btrfs with different subvolumes: none of them is "as it is mounted now". */
static bool is_ambiguous(const struct resolver *r, const struct wish *w, const struct found *f)
{
	size_t len, other_len;
	const char *id = f->mount ? mounts_option(f->mount->options, "subvolid=", &len) : NULL;

	if (!id || w->mount)
		return false;
	for (size_t i = 0; i < r->mounts.n; i++) {
		const struct mount *m = &r->mounts.v[i];
		const char *other = mounts_option(m->options, "subvolid=", &other_len);

		if (other && (other_len != len || memcmp(other, id, len) != 0) &&
		    resolver_is_of_disk(r, m, &f->disk))
			return true;
	}
	return false;
}

static int choose_options(struct resolver *r, const struct wish *w, const struct found *f,
			  const char *type, char **ret, struct err *err)
{
	_cleanup_free_ char *dropped = NULL;

	if (w->options) {
		_cleanup_free_ char *options = NULL;

		if (mountopts_of_config(w->options, &options, &dropped, err))
			return err->code;
		if (*dropped &&
		    resolver_note(r, err,
				  "%s: mount_options: left out, as a matter of mount(8) or of how "
				  "the capture kernel mounts: %s",
				  w->said, dropped))
			return err->code;
		*ret = no_cleanup_ptr(options);
		return 0;
	}
	if (is_ambiguous(r, w, f)) {
		if (resolver_note(r, err,
				  "%s: several subvolumes of %s are mounted: its default one is "
				  "taken; mount_options subvol=… chooses another",
				  w->said, f->disk.name))
			return err->code;
		return mountopts_default(type, ret, err);
	}
	if (f->mount)
		return mountopts_of_mounted(type, f->mount->options, ret, err);
	return mountopts_default(type, ret, err);
}

/* Free bytes where it is mounted, of this machine only: a recorded one's file systems are not here. */
static bool free_space(const struct resolver *r, const struct mount *m, uint64_t *ret)
{
	_cleanup_close_ int fd = r->root->fd < 0 ? root_open(r->root, m->at, O_PATH) : -1;
	struct statvfs st;

	return fd >= 0 && !fstatvfs(fd, &st) && st.f_blocks &&
	       num_mul((uint64_t)st.f_bavail, (uint64_t)st.f_frsize, ret);
}

static int note_fs(struct resolver *r, const struct wish *w, const struct found *f,
		   const struct recipe_target *t, struct err *err)
{
	bool seen = f->mount && (w->mount || strcmp(f->mount->root, "/") == 0);
	bool at_root = seen && strcmp(f->mount->at, "/") == 0;
	char room[64] = "", human[16];
	uint64_t bytes = 0;

	if (f->mount && free_space(r, f->mount, &bytes))
		snprintf(room, sizeof(room), "; %s free", num_human(bytes, human));
	if (resolver_note(r, err, "%s: %s %s (%s), folder %s%s%s%s%s%s", w->said, t->fstype,
			  t->device, f->disk.name, *t->path ? t->path : "/",
			  seen ? ", mounted now at " : "", seen ? f->mount->at : "",
			  *t->mount_options ? ", options " : "", t->mount_options, room))
		return err->code;
	/* kdump.conf(5): the path is below the target, which is easily taken for the path of now */
	if (!w->mount && seen && !at_root &&
	    strncmp(t->path, f->mount->at, strlen(f->mount->at)) == 0 &&
	    resolver_note(r, err,
			  "%s: the path counts from the file system's root: dumps will be in %s%s",
			  w->said, f->mount->at, t->path))
		return err->code;
	return *room ? note_room(r, w, bytes, err) : 0;
}

int resolver_add_fs(struct resolver *r, const struct wish *w, struct err *err)
{
	_cleanup_free_ char *options = NULL, *place = NULL;
	struct recipe_target *t;
	struct found f = {0};
	char type[32];

	if (look_at_device(r, w, &f, err) || check_type(r, w, &f, type, err) ||
	    check_state(r, w, &f, err) || name_device(r, w, &f, err) ||
	    choose_options(r, w, &f, type, &options, err))
		return err->code;
	if (asprintf(&place, "%s %s %s", f.disk.sysfs, strcmp(type, "btrfs") == 0 ? options : "",
		     w->path) < 0) {
		place = NULL;
		return err_nomem(err, PATH_MAX, "a target");
	}
	if (resolver_add_target(r, w, place, &t, err))
		return err->code;
	if (!t)
		return 0;
	t->spool = w->spool;
	t->limit = w->spool ? r->config->spool : 0;
	if (resolver_set(&t->needs, f.layer, err) || resolver_set(&t->device, f.name, err) ||
	    resolver_set(&t->fstype, type, err) || resolver_set(&t->mount_options, options, err) ||
	    resolver_set(&t->path, w->path, err))
		return err->code;
	if (note_fs(r, w, &f, t, err) || note_disk(r, w, &f, err) ||
	    chain_add_disk(&r->chain, &f.disk, err))
		return err->code;
	return chain_add_fs(&r->chain, r->kernel, type, options, err);
}

/* ---- raw partitions */

static bool has_partitions(const struct root *root, const char *sysfs)
{
	char **names = realpath_list(root, sysfs);
	bool found = false;

	for (char **n = names; n && *n && !found; n++) {
		char path[PATH_MAX];

		found = snprintf(path, sizeof(path), "%s/%s/partition", sysfs, *n) < PATH_MAX &&
			root_exists(root, path);
	}
	realpath_list_free(names);
	return found;
}

#define USER_SIZE 256

/* Who else uses the device, or "". */
static void find_user(const struct resolver *r, const struct found *f, char ret[USER_SIZE])
{
	char folder[sizeof(f->disk.name) + 40];
	char **names;

	*ret = '\0';
	if (f->mount)
		snprintf(ret, USER_SIZE, "mounted at %.200s", f->mount->at);
	snprintf(folder, sizeof(folder), "/sys/class/block/%s/holders", f->disk.name);
	names = realpath_list(r->root, folder);
	if (names && *names)
		snprintf(ret, USER_SIZE, "a part of %.200s", *names);
	realpath_list_free(names);
}

static int check_raw(const struct resolver *r, const struct found *f, struct err *err)
{
	char user[USER_SIZE];

	find_user(r, f, user);
	if (*user)
		return err_set(err, ERR_USAGE, "%s is %s: a raw target is overwritten",
			       f->disk.name, user);
	if (*f->id.type)
		return err_set(
			err, ERR_USAGE,
			"%s holds %s, which a raw target would overwrite: name another partition, "
			"or empty this one (wipefs -a %s)",
			f->disk.name, f->id.type, f->node);
	if (!f->disk.partition && has_partitions(r->root, f->disk.sysfs))
		return err_set(err, ERR_USAGE,
			       "%s has partitions, which a raw target would overwrite: name one of "
			       "them",
			       f->disk.name);
	return 0;
}

int resolver_add_raw(struct resolver *r, const struct wish *w, struct err *err)
{
	struct recipe_target *t;
	struct found f = {0};
	char human[16];

	if (look_at_device(r, w, &f, err) || check_raw(r, &f, err) || name_device(r, w, &f, err) ||
	    resolver_add_target(r, w, f.disk.sysfs, &t, err))
		return err->code;
	if (!t)
		return 0;
	t->size = f.size;
	if (resolver_set(&t->needs, f.layer, err) || resolver_set(&t->device, f.name, err) ||
	    resolver_note(r, err, "%s: raw %s (%s) of %s", w->said, f.name, f.disk.name,
			  num_human(f.size, human)) ||
	    note_room(r, w, f.size, err) || note_disk(r, w, &f, err))
		return err->code;
	return chain_add_disk(&r->chain, &f.disk, err);
}
