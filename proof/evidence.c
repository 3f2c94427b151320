// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "capture/manifest.h"
#include "capture/record.h"
#include "capture/salvage.h"
#include "capture/target.h"
#include "base/step.h"
#include "crypt/age.h"
#include "format/source.h"

#define RECORD_FILE  "crash.json"
#define HEAD_LEN     32 /* bytes of a file that say what it is */
#define LOOK_SECONDS 120
#define SAMPLE_AT    FORGE_KERNEL /* no dump level leaves these out */
#define SAMPLE_LEN   64
#define MOUNT_FLAGS  (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

static void set_wrong(struct evidence *e, const char *what, const char *why)
{
	if (!*e->wrong)
		snprintf(e->wrong, sizeof(e->wrong), "%s%s%.400s", what, why ? ": " : "",
			 why ? why : "");
}

/* ---- crash.json */

static uint64_t number_of(const json_t *object, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(object, key));

	return v > 0 ? (uint64_t)v : 0;
}

void evidence_parse_record(struct bytes text, const char *id, struct evidence *ret)
{
	json_error_t why;
	json_t *record =
		json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &why);
	const json_t *capture = json_object_get(record, "capture");
	const char *result = json_string_value(json_object_get(capture, "result"));
	const char *panic =
		json_string_value(json_object_get(json_object_get(record, "crash"), "panic"));
	uint64_t ram = number_of(capture, "memory_ram"),
		 lowest = number_of(capture, "memory_lowest");

	if (!record)
		set_wrong(ret, RECORD_FILE, why.text);
	else if (!result)
		set_wrong(ret, RECORD_FILE " says no result", NULL);
	else if (strcmp(result, record_result_name(RECORD_COMPLETE)) != 0)
		set_wrong(ret, "the capture's result", result);
	else if (!panic || !strstr(panic, id))
		set_wrong(ret, RECORD_FILE " is not of this test", panic);
	snprintf(ret->result, sizeof(ret->result), "%.31s", result ? result : "");
	if (ram && lowest && lowest < ram)
		ret->peak = ram - lowest;
	json_decref(record);
}

/* ---- the files of a folder */

static int read_record(const char *folder, const char *id, struct evidence *ret, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len;
	int r;

	if (asprintf(&path, "%s/%s", folder, RECORD_FILE) < 0) {
		path = NULL;
		return err_nomem(err, strlen(folder), "a path");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "%s", RECORD_FILE);
	r = io_read_all(fd, RECORD_MAX_SIZE, RECORD_FILE, &text, &len, err);
	if (!r)
		evidence_parse_record((struct bytes){(uint8_t *)text, len}, id, ret);
	return r;
}

/* In whatever form it was written; the name of the first form if there is none. */
static int find_dump(const char *folder, char **ret, struct err *err)
{
	const char *name;

	for (size_t i = 0; (name = crash_file_any_name(CRASH_DUMP, i)); i++) {
		if (asprintf(ret, "%s/%s", folder, name) < 0) {
			*ret = NULL;
			return err_nomem(err, strlen(folder), "a path");
		}
		if (access(*ret, F_OK) == 0)
			return 0;
		free(*ret);
		*ret = NULL;
	}
	return err_set(err, ERR_NOT_FOUND, "%s: there is none", folder);
}

/* Of an encrypted dump nobody here has the key: that it has the right form and size is what can be seen. */
static int check_encrypted(const char *path, bool *ret_is, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t head[HEAD_LEN];
	struct age_info info;
	ssize_t len = -1;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		len = pread(fd, head, sizeof(head), 0);
	if (len < 0)
		return err_sys(err, errno, "%s", path);
	*ret_is = age_probe((struct bytes){head, (size_t)len});
	return *ret_is ? age_check(fd, (uint64_t)st.st_size, path, &info, err) : 0;
}

/* A page of the kernel's, which no dump level leaves out, by its address. */
static int check_dump(const char *folder, const struct forge_spec *forged, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	char there[SAMPLE_LEN], was[SAMPLE_LEN];
	bool encrypted = false;
	struct source *src;
	int r = find_dump(folder, &path, err);

	if (!r)
		r = check_encrypted(path, &encrypted, err);
	if (r || encrypted)
		return r;
	r = source_open(path, &src, err);
	if (r)
		return r;
	r = source_read(src, forged->at + SAMPLE_AT, there, sizeof(there), err);
	if (!r && src->incomplete)
		r = err_set(err, ERR_PARTIAL, "it says that it is incomplete");
	source_destroy(src);
	if (r)
		return r;
	forge_sample(forged, SAMPLE_AT, was, sizeof(was));
	return memcmp(there, was, sizeof(was)) == 0
		       ? 0
		       : err_set(err, ERR_CORRUPT, "it does not hold what was in memory");
}

static void look_at_folder(const char *folder, const struct evidence_wanted *w,
			   struct evidence *ret)
{
	struct err err = {0};

	ret->files = true;
	if (manifest_check(folder, NULL, NULL, &err))
		set_wrong(ret, "the files of the crash", err.msg);
	else if (read_record(folder, w->forged->id, ret, &err))
		set_wrong(ret, RECORD_FILE, err.msg);
	else if (check_dump(folder, w->forged, &err))
		set_wrong(ret, "the dump", err.msg);
}

/* The name comes from the guest's console: it must not lead anywhere else. */
static bool is_plain(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

static int look_below(const char *top, const struct scratch *s, const struct evidence_wanted *w,
		      struct evidence *ret, struct err *err)
{
	_cleanup_free_ char *folder = NULL;

	if (!is_plain(w->name)) {
		ret->files = true;
		set_wrong(ret, "the console names no folder of the crash", NULL);
		return 0;
	}
	if (asprintf(&folder, "%s%s/%s", top, s->target->path, w->name) < 0) {
		folder = NULL;
		return err_nomem(err, strlen(top), "a path");
	}
	look_at_folder(folder, w, ret);
	return 0;
}

/* ---- a raw partition */

static int keep_last(void *ctx, const struct crashpart_entry *entry, struct err *err)
{
	(void)err;
	*(struct crashpart_entry *)ctx = *entry;
	return 0;
}

static int salvage(int fd, const struct scratch *s, const struct evidence_wanted *w,
		   struct evidence *ret, struct err *err)
{
	struct crashpart_entry last = {.state = 0};
	_cleanup_free_ char *folder = NULL;
	uint64_t end;
	bool dump;
	int r = crashpart_walk(fd, s->size, "the scratch partition", keep_last, &last, &end, err);

	ret->files = true;
	if (r || last.state != CRASHPART_WHOLE) {
		set_wrong(ret, "the partition has no whole crash on it", r ? err->msg : NULL);
		return 0;
	}
	r = salvage_copy(fd, &last, "the scratch partition", w->into, &folder, &dump, err);
	if (r)
		return r;
	if (!dump)
		set_wrong(ret, "the dump on the partition does not match its digest", NULL);
	look_at_folder(folder, w, ret);
	return 0;
}

static int look_at_raw(const struct scratch *s, const struct evidence_wanted *w,
		       struct evidence *ret, struct err *err)
{
	_cleanup_free_ char *part = NULL;
	int fd, r;

	if (asprintf(&part, "%s.part", s->path) < 0) {
		part = NULL;
		return err_nomem(err, strlen(s->path), "a path");
	}
	r = scratch_cut_out(s, part, err);
	if (r)
		return r;
	fd = open(part, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_sys(err, errno, "%s: open", part);
		unlink(part);
		return err->code;
	}
	r = salvage(fd, s, w, ret, err);
	close(fd);
	unlink(part);
	return r;
}

/* ---- a file system */

struct mounting {
	const struct scratch *s;
	const struct evidence_wanted *w;
	struct evidence *shared;
	char mountpoint[64];
};

/*
 * A loop device with the file system's bytes. It has the UUID of the real one, and udev would make links to whichever it sees
 * last: it leaves alone what is locked (systemd, "Locking Block Device Access"), so the device is, before anything is on it.
 */
static int open_loop(const struct scratch *s, char ret_node[32], struct err *err)
{
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int file = open(s->path, O_RDONLY | O_CLOEXEC);
	struct loop_config config = {.fd = (uint32_t)file};
	int number, loop;

	if (file < 0)
		return err_sys(err, errno, "%s: open", s->path);
	if (control < 0)
		return err_sys(err, errno, "/dev/loop-control");
	number = ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		return err_sys(err, errno, "a free loop device");
	snprintf(ret_node, 32, "/dev/loop%d", number);
	loop = open(ret_node, O_RDONLY | O_CLOEXEC);
	if (loop < 0)
		return err_sys(err, errno, "%s", ret_node);
	config.info.lo_offset = s->offset;
	config.info.lo_sizelimit = s->size;
	config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
	if (flock(loop, LOCK_EX | LOCK_NB) || ioctl(loop, LOOP_CONFIGURE, &config)) {
		err_sys(err, errno, "%s: attach the scratch disk", ret_node);
		close(loop);
		return err->code;
	}
	return 0; /* the lock and the device last as long as this process, and the mount */
}

/* In a child: whatever comes, the namespace ends with it, and then the mount and the loop device. */
static int look_mounted(void *ctx, struct err *err)
{
	const struct mounting *m = ctx;
	const struct sys *sys = m->w->sys;
	bool xfs = strcmp(m->s->target->fstype, "xfs") == 0;
	char node[32];

	if (sys->unshare(CLONE_NEWNS) || sys->mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_sys(err, errno, "a mount namespace");
	if (open_loop(m->s, node, err))
		return err->code;
	/* the real one, of the same UUID, may be mounted */
	if (sys->mount(node, m->mountpoint, m->s->target->fstype, MOUNT_FLAGS, xfs ? "nouuid" : ""))
		return err_sys(err, errno, "mount the scratch disk from %s", node);
	return look_below(m->mountpoint, m->s, m->w, m->shared, err);
}

static const char *why_not_mount(const struct scratch *s, const struct evidence_wanted *w)
{
	if (w->may_not_mount)
		return w->may_not_mount;
	/* btrfs_scan_one_device() registers by that, for the whole machine */
	if (strcmp(s->target->fstype, "btrfs") == 0)
		return "a btrfs with the UUID of a real one is not shown to the kernel";
	return NULL;
}

static int look_at_fs(const struct scratch *s, const struct evidence_wanted *w,
		      struct evidence *ret, struct err *err)
{
	const struct step_limits limits = {.ms = LOOK_SECONDS * 1000};
	struct mounting m = {.s = s, .w = w};
	const char *why = why_not_mount(s, w);
	struct step_outcome o;

	if (why) {
		snprintf(ret->why_not, sizeof(ret->why_not), "%s", why);
		return 0;
	}
	if (snprintf(m.mountpoint, sizeof(m.mountpoint), "%s/lifeboat-test-XXXXXX", w->folder) >=
	    (int)sizeof(m.mountpoint))
		return err_sys(err, ENAMETOOLONG, "%s", w->folder);
	m.shared = step_shared_alloc(sizeof(*m.shared));
	if (!m.shared)
		return err_nomem(err, sizeof(*m.shared), "what is found");
	if (!mkdtemp(m.mountpoint)) {
		err_sys(err, errno, "%s: make a mount point", w->folder);
		step_shared_free(m.shared, sizeof(*m.shared));
		return err->code;
	}
	step_run(look_mounted, &m, &limits, &o);
	rmdir(m.mountpoint);
	*ret = *m.shared;
	step_shared_free(m.shared, sizeof(*m.shared));
	if (o.err.code) {
		ret->files = false;
		snprintf(ret->why_not, sizeof(ret->why_not), "%.500s", o.err.msg);
	}
	return 0;
}

int evidence_look(const struct scratch *s, const struct evidence_wanted *wanted,
		  struct evidence *ret, struct err *err)
{
	struct evidence e = {.files = false};
	int r;

	if (s->target->kind == TARGET_RAW)
		r = look_at_raw(s, wanted, &e, err);
	else if (s->target->kind == TARGET_SHARE)
		r = look_below(s->path, s, wanted, &e, err);
	else
		r = look_at_fs(s, wanted, &e, err);
	if (!r)
		*ret = e;
	return r;
}
