// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A target that is a partition with nothing else on it: format/crashpart.h. Each file has an area of its own, so that it
 * can be written while its size is not known:
 *
 *   header  log  record, twice  manifest  dump …………… to the end of the device
 *
 * What the header says is there is there: it is written, and flushed, after the bytes that it vouches for, and before
 * they are overwritten it is taken back. Whenever the power goes, the header is that of before or that of after.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "base/direct.h"
#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"
#include "capture/manifest.h"
#include "capture/target.h"
#include "format/crashpart.h"

/* The areas, where there is room for them; of a small device they are these fractions. */
#define LOG_BYTES    (8ULL << 20)
#define LOG_FRACTION 4
#define RECORD_BYTES \
	(256ULL << 10) /* in two halves: the old record counts until the new one is written */
#define RECORD_FRACTION   8
#define MANIFEST_BYTES    MANIFEST_MAX_SIZE
#define MANIFEST_FRACTION 16
#define MIN_ENTRY         (1ULL << 20)
#define DUMP_ALIGN        65536ULL /* the largest page size: no page of the cache is of two areas */

#define ZEROS (256UL << 10) /* written at once */

/* ---- areas */

struct area {
	uint64_t start, len;
};

/* Place of the file among the parts of an entry: in the order of their areas. */
static size_t part_number(enum crash_file file)
{
	static const uint8_t numbers[] = {
		[CRASH_LOG] = 0,
		[CRASH_RECORD] = 1,
		[CRASH_MANIFEST] = 2,
		[CRASH_DUMP] = 3,
	};

	return numbers[file];
}

/* Of an entry that has at least MIN_ENTRY. */
static struct area area_of(uint64_t entry, uint64_t end, enum crash_file file)
{
	const uint64_t room = end - entry, from = entry + CRASHPART_BLOCK;
	const uint64_t log = NUM_MIN(LOG_BYTES, room / LOG_FRACTION);
	const uint64_t record = NUM_MIN(RECORD_BYTES, room / RECORD_FRACTION);
	const uint64_t manifest = NUM_MIN((uint64_t)MANIFEST_BYTES, room / MANIFEST_FRACTION);
	struct area a[CRASH_FILES];

	a[CRASH_LOG] = (struct area){from, num_align_down(log, CRASHPART_BLOCK)};
	a[CRASH_RECORD] = (struct area){a[CRASH_LOG].start + a[CRASH_LOG].len,
					num_align_down(record, 2 * CRASHPART_BLOCK)};
	a[CRASH_MANIFEST] = (struct area){a[CRASH_RECORD].start + a[CRASH_RECORD].len,
					  num_align_down(manifest, CRASHPART_BLOCK)};
	a[CRASH_DUMP].start =
		num_align_up(a[CRASH_MANIFEST].start + a[CRASH_MANIFEST].len, DUMP_ALIGN);
	a[CRASH_DUMP].len = end - a[CRASH_DUMP].start;
	return a[file];
}

/* ---- the device */

static int device_path(const struct target *t, char ret[PATH_MAX], struct err *err)
{
	if (snprintf(ret, PATH_MAX, "%s%s", t->root->path, t->place->device) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%.200s…%s", t->root->path, t->place->device);
	return 0;
}

static int open_device(const struct target *t, int flags, int *ret, struct err *err)
{
	char path[PATH_MAX];
	int fd, r = device_path(t, path, err);

	if (r)
		return r;
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	*ret = fd;
	return 0;
}

/* The header of an entry that is being written. */
static int read_entry(int fd, const struct target_place *place, struct crashpart_entry *ret,
		      struct err *err)
{
	int r = crashpart_read(fd, place->entry, place->end, place->device, ret, err);

	if (!r && (ret->state != CRASHPART_WRITING || ret->n_parts != CRASHPART_PARTS))
		return err_set(err, ERR_CORRUPT,
			       "%s: the entry at 0x%" PRIx64 " is not one that is being written",
			       place->device, place->entry);
	return r;
}

/* Open it for writing and read the header of our entry. */
static int open_entry(const struct target *t, int *ret_fd, struct crashpart_entry *ret,
		      struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r = open_device(t, O_RDWR, &fd, err);

	if (!r)
		r = read_entry(fd, t->place, ret, err);
	if (r)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int raw_find(struct target *t, struct err *err)
{
	char found[DEVICE_PATH_MAX];
	int r;

	if (*t->recipe->needs)
		return target_find_layer(t, err);
	r = device_wait(t->recipe->device, t->root, found, err);
	if (!r)
		strcpy(t->place->device, found);
	return r;
}

/* A store of ours, or nothing at all: whatever else is there belongs to somebody. */
static int check_content(int fd, uint64_t size, const char *name, struct err *err)
{
	uint8_t block[CRASHPART_BLOCK], zeros[CRASHPART_BLOCK] = {0};
	const struct bytes bytes = {block, sizeof(block)};
	struct crashpart_entry entry;
	struct fsid id;
	int r = io_pread_full(fd, block, sizeof(block), 0, name, err);

	if (r || crashpart_decode(bytes, 0, size, &entry))
		return r;
	r = fsid_read(fd, size, name, &id, err);
	if (r)
		return r;
	if (*id.type)
		return err_set(err, ERR_USAGE, "%s holds %s%s%s: not a partition for crashes", name,
			       id.type, *id.uuid ? " " : "", id.uuid);
	if (crashpart_has_magic(bytes))
		return err_set(err, ERR_CORRUPT,
			       "%s: the first header of its crashes is damaged; what they hold "
			       "is left alone",
			       name);
	if (memcmp(block, zeros, sizeof(block)) != 0)
		return err_set(err, ERR_USAGE,
			       "%s holds something unknown: a partition for crashes begins with "
			       "them or with zeros",
			       name);
	return 0;
}

/* O_EXCL of a block device: not while something else uses it, as a file system or a RAID. */
static int raw_attach(struct target *t, struct err *err)
{
	const char *name = t->place->device;
	_cleanup_close_ int fd = -1;
	uint64_t size;
	int r;

	err_set(err, ERR_TIMEOUT, "open %s (%s)", name, t->recipe->device);
	if ((r = open_device(t, O_RDWR | O_EXCL, &fd, err)) ||
	    (r = device_size(fd, name, &size, err)))
		return r;
	if (t->recipe->size && size != t->recipe->size)
		return err_set(err, ERR_USAGE,
			       "%s has %" PRIu64 " bytes, but %s had %" PRIu64
			       " when the recipe was made",
			       name, size, t->recipe->device, t->recipe->size);
	return check_content(fd, size, name, err);
}

/* ---- closing an entry */

static bool has_part(const struct crashpart_entry *e, enum crash_file file)
{
	const struct crashpart_part *part = &e->parts[part_number(file)];

	return part->size && !part->broken;
}

/* It ends behind the last part that is there; the next entry begins at that block. */
static void close_entry(struct crashpart_entry *e, bool whole)
{
	uint64_t end = e->offset + CRASHPART_BLOCK;

	for (size_t i = 0; i < e->n_parts; i++) {
		struct crashpart_part *part = &e->parts[i];

		if (part->size)
			end = num_align_up(part->offset + part->size, CRASHPART_BLOCK);
		else
			part->offset = end;
	}
	e->end = end;
	e->state = whole && has_part(e, CRASH_LOG) && has_part(e, CRASH_DUMP) ? CRASHPART_WHOLE
									      : CRASHPART_PARTIAL;
}

/* There is nothing in it (once it is closed). */
static bool is_empty(const struct crashpart_entry *e)
{
	return e->end == e->offset + CRASHPART_BLOCK;
}

/*
 * What was a header once may stand at the entry's end by chance, of a store that this partition held before: it must not
 * become the next entry. So that block is erased while it is still ours.
 */
static int write_closed(int fd, const struct crashpart_entry *e, uint64_t device_end,
			const char *name, struct err *err)
{
	int r = 0;

	if (device_end - e->end >= CRASHPART_BLOCK)
		r = crashpart_erase(fd, e->end, name, err);
	return r ? r : crashpart_write(fd, e, name, err);
}

/* ---- a new entry */

struct last {
	uint64_t end;   /* of the last entry that is still wanted */
	unsigned int n; /* entries up to it */
	unsigned int all;
	struct crashpart_entry cut; /* the last one, if it was never sealed */
	bool is_cut;
};

/* Collected ones at the end of the store have had their time. */
static int note_last(void *ctx, const struct crashpart_entry *entry, struct err *err)
{
	struct last *last = ctx;

	(void)err;
	last->all++;
	last->is_cut = entry->state == CRASHPART_WRITING;
	last->cut = *entry;
	if (entry->state == CRASHPART_COLLECTED)
		return 0;
	last->end = entry->end;
	last->n = last->all;
	return 0;
}

/* Where the kernel has no randomness yet, what differs between two crashes has to do. */
static void make_id(uint8_t ret[16])
{
	struct {
		struct timespec real, boot, cpu;
		pid_t pid;
		uint8_t some[16];
	} seen = {.pid = getpid()};
	uint8_t digest[SHA256_SIZE];
	struct sha256 s;

	if (getrandom(ret, 16, GRND_NONBLOCK) == 16)
		return;
	clock_gettime(CLOCK_REALTIME, &seen.real);
	clock_gettime(CLOCK_BOOTTIME, &seen.boot);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &seen.cpu);
	if (getrandom(seen.some, sizeof(seen.some), GRND_INSECURE) < 0) {
		/* then without */
	}
	sha256_init(&s);
	sha256_update(&s, &seen, sizeof(seen));
	sha256_final(&s, digest);
	memcpy(ret, digest, 16);
}

static void init_entry(const struct target *t, struct crashpart_entry *e, uint64_t start,
		       uint64_t end, uint64_t crash_time)
{
	*e = (struct crashpart_entry){
		.state = CRASHPART_WRITING,
		.crash_time = crash_time,
		.offset = start,
		.end = end,
		.n_parts = CRASHPART_PARTS,
	};
	make_id(e->id);
	for (int file = 0; file < CRASH_FILES; file++) {
		struct crashpart_part *part = &e->parts[part_number((enum crash_file)file)];

		snprintf(part->name, sizeof(part->name), "%s",
			 target_file_name(t, (enum crash_file)file));
		part->offset = area_of(start, end, (enum crash_file)file).start;
	}
}

/*
 * The last capture was cut off, and its entry goes to the device's end: what it vouches for is kept, and the rest is for
 * this one. It might be the machine's way to crash again before anything is collected.
 */
static int cut_short(int fd, uint64_t size, struct last *last, const char *name, struct err *err)
{
	if (!last->is_cut)
		return 0;
	close_entry(&last->cut, false);
	if (is_empty(&last->cut)) {
		last->end = last->cut.offset;
		last->n--;
		return 0;
	}
	last->end = last->cut.end;
	return write_closed(fd, &last->cut, size, name, err);
}

static int raw_begin(struct target *t, uint64_t crash_time, struct err *err)
{
	struct target_place *place = t->place;
	const char *name = place->device;
	_cleanup_close_ int fd = -1;
	struct crashpart_entry entry;
	struct last last = {0};
	uint64_t size, end;
	int r;

	if ((r = open_device(t, O_RDWR, &fd, err)) || (r = device_size(fd, name, &size, err)) ||
	    (r = crashpart_walk(fd, size, name, note_last, &last, &end, err)))
		return r;
	size = num_align_down(size, CRASHPART_BLOCK);
	r = cut_short(fd, size, &last, name, err);
	if (r)
		return r;
	if (last.end > size || size - last.end < MIN_ENTRY || last.n == CRASHPART_MAX_ENTRIES)
		return err_set(err, ERR_NO_SPACE,
			       "%s: %u crashes leave no room for another one in its %" PRIu64
			       " bytes; `lifeboat collect` empties it",
			       name, last.n, size);
	init_entry(t, &entry, last.end, size, crash_time ? crash_time : (uint64_t)time(NULL));
	r = crashpart_write(fd, &entry, name, err);
	if (r)
		return r;
	place->entry = entry.offset;
	place->end = entry.end;
	snprintf(place->name, sizeof(place->name), "entry %u", last.n + 1);
	return 0;
}

/* ---- its files */

struct raw_out {
	struct out out;
	enum crash_file file;
	struct target_place place; /* as it was */
	int fd;
	struct direct direct;
	struct area area;

	/* what was there before shows through where nothing is written: which blocks were, by a bit each */
	pthread_mutex_t lock;
	uint64_t size; /* of the file as far as it was written */
	uint8_t *written;
	size_t written_bytes;
	uint64_t unit; /* of a bit */
};

static struct raw_out *raw_of(struct out *out)
{
	return (struct raw_out *)out;
}

static void raw_free(struct raw_out *o)
{
	if (o->fd >= 0)
		close(o->fd);
	direct_deinit(&o->direct);
	if (o->written)
		munmap(o->written, o->written_bytes);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

static bool is_written(const struct raw_out *o, uint64_t block)
{
	return o->written[block / 8] >> block % 8 & 1;
}

static int write_zeros(struct raw_out *o, uint64_t off, uint64_t len, struct err *err)
{
	const size_t piece = (size_t)NUM_MIN(len, (uint64_t)ZEROS);
	_cleanup_free_ uint8_t *zeros = NULL;

	/* a device that can do it by itself does it at once */
	if (len > ZEROS && fallocate(o->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
				     (off_t)(o->area.start + off), (off_t)len) == 0)
		return 0;
	zeros = calloc(1, piece);
	if (!zeros)
		return err_nomem(err, piece, o->place.device);
	while (len) {
		size_t n = (size_t)NUM_MIN(len, (uint64_t)piece);
		int r = io_pwrite_full(o->fd, zeros, n, o->area.start + off, o->place.device, err);

		if (r)
			return r;
		off += n;
		len -= n;
	}
	return 0;
}

/* The block of `unit` bytes, or what the area has of it. */
static int clear_block(struct raw_out *o, uint64_t block, struct err *err)
{
	uint64_t off = block * o->unit;

	return write_zeros(o, off, NUM_MIN(o->unit, o->area.len - off), err);
}

/* Before [off, off + len) is written: a block that it only has a part of must be zeros else. */
static int touch(struct raw_out *o, uint64_t off, uint64_t len, struct err *err)
{
	const uint64_t first = off / o->unit, last = (off + len - 1) / o->unit;
	int r = 0;

	pthread_mutex_lock(&o->lock);
	if (off % o->unit && !is_written(o, first))
		r = clear_block(o, first, err);
	if (!r && (off + len) % o->unit && !is_written(o, last) &&
	    !(last == first && off % o->unit))
		r = clear_block(o, last, err);
	for (uint64_t b = first; b <= last && !r; b++)
		o->written[b / 8] |= (uint8_t)(1 << b % 8);
	if (!r)
		o->size = NUM_MAX(o->size, off + len);
	pthread_mutex_unlock(&o->lock);
	return r;
}

static int raw_pwrite(struct out *out, const void *buf, size_t len, uint64_t off, struct err *err)
{
	struct raw_out *o = raw_of(out);
	int r;

	if (!len)
		return 0;
	if (off > o->area.len || len > o->area.len - off)
		return err_set(err, ERR_NO_SPACE,
			       "%s: %s is larger than the %" PRIu64 " bytes that are left for it",
			       o->place.device, out->name, o->area.len);
	r = touch(o, off, len, err);
	if (r)
		return r;
	return direct_pwrite(&o->direct, o->fd, buf, len, o->area.start + off, o->place.device,
			     err);
}

static int raw_sync(struct out *out, struct err *err)
{
	if (fdatasync(raw_of(out)->fd))
		return err_sys(err, errno, "%s: fdatasync", raw_of(out)->place.device);
	return 0;
}

static int fill_holes(struct raw_out *o, struct err *err)
{
	const uint64_t blocks = num_div_up(o->size, o->unit);

	for (uint64_t b = 0; b < blocks;) {
		uint64_t from = b, off, len;
		int r;

		while (b < blocks && !is_written(o, b))
			b++;
		if (b == from) {
			b++;
			continue;
		}
		off = from * o->unit;
		len = NUM_MIN((b - from) * o->unit, o->area.len - off);
		r = write_zeros(o, off, len, err);
		if (r)
			return r;
	}
	return 0;
}

/* The manifest vouches for what the entry has no digest of: the dump, which is not read twice. */
static int take_digests(struct raw_out *o, struct crashpart_entry *entry, struct err *err)
{
	_cleanup_free_ struct manifest_file *files = NULL;
	_cleanup_free_ uint8_t *text = malloc(o->size);
	size_t n;
	int r;

	if (!text)
		return err_nomem(err, o->size, MANIFEST_FILE);
	if ((r = io_pread_full(o->fd, text, o->size, o->area.start, o->place.device, err)) ||
	    (r = manifest_parse((struct bytes){text, o->size}, MANIFEST_FILE, &files, &n, err)))
		return r;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < entry->n_parts; k++) {
			struct crashpart_part *part = &entry->parts[k];

			if (!part->size || part->broken || part->digested ||
			    strcmp(part->name, files[i].name) != 0)
				continue;
			memcpy(part->sha256, files[i].digest, SHA256_SIZE);
			part->digested = true;
		}
	return 0;
}

/* All is on the disk: now the header says so. */
static int publish(struct raw_out *o, bool broken, struct err *err)
{
	struct crashpart_part *part;
	struct crashpart_entry e;
	int r = read_entry(o->fd, &o->place, &e, err);

	if (r)
		return r;
	part = &e.parts[part_number(o->file)];
	part->offset = o->area.start;
	part->size = o->size;
	part->broken = broken && o->size;
	part->digested = false;
	if (!broken && o->size && o->file != CRASH_DUMP) {
		r = manifest_digest(o->fd, part->offset, part->size, o->out.name, part->sha256,
				    err);
		part->digested = !r;
	}
	if (!r && !broken && o->size && o->file == CRASH_MANIFEST)
		r = take_digests(o, &e, err);
	return r ? r : crashpart_write(o->fd, &e, o->place.device, err);
}

static int raw_commit(struct out *out, struct err *err)
{
	struct raw_out *o = raw_of(out);
	int r;

	if (!(r = fill_holes(o, err)) && !(r = raw_sync(out, err)))
		r = publish(o, false, err);
	raw_free(o);
	return r;
}

static void raw_abort(struct out *out)
{
	raw_free(raw_of(out));
}

static void raw_leave(struct out *out)
{
	struct raw_out *o = raw_of(out);
	struct err ignored;

	if (fill_holes(o, &ignored) || raw_sync(out, &ignored) || publish(o, true, &ignored)) {
		/* as far as possible: there is nobody to tell */
	}
	raw_free(o);
}

static const struct out_ops raw_out_ops = {
	.pwrite = raw_pwrite,
	.sync = raw_sync,
	.commit = raw_commit,
	.abort = raw_abort,
	.leave = raw_leave,
};

/* Only what is written takes memory of the map. */
static int make_map(struct raw_out *o, struct err *err)
{
	void *map;

	o->unit = NUM_MAX((uint64_t)sysconf(_SC_PAGESIZE), (uint64_t)CRASHPART_BLOCK);
	o->written_bytes = (size_t)(num_div_up(o->area.len, o->unit) / 8 + 1);
	map = mmap(NULL, o->written_bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return err_nomem(err, o->written_bytes, o->place.device);
	o->written = map;
	return 0;
}

/*
 * Where the file goes, and that what was there counts no more. A record has two places: the one that counts stays until
 * the other one is written.
 */
static int take_area(struct raw_out *o, struct crashpart_entry *e, struct err *err)
{
	struct crashpart_part *part = &e->parts[part_number(o->file)];

	o->area = area_of(o->place.entry, o->place.end, o->file);
	if (o->file == CRASH_RECORD) {
		o->area.len /= 2;
		if (part->size && part->offset == o->area.start)
			o->area.start += o->area.len;
		return 0;
	}
	if (!part->size)
		return 0;
	part->size = 0;
	part->broken = part->digested = false;
	return crashpart_write(o->fd, e, o->place.device, err);
}

/* The entry has had its parts' names since it was begun. */
static int raw_create(struct target *t, enum crash_file file, const char *name, struct out **ret,
		      struct err *err)
{
	struct raw_out *o = calloc(1, sizeof(*o));
	struct crashpart_entry entry;
	char path[PATH_MAX];
	int r;

	if (!o)
		return err_nomem(err, sizeof(*o), name);
	*o = (struct raw_out){
		.out = {.ops = &raw_out_ops, .name = crash_file_name(file)},
		.file = file,
		.fd = -1,
		.direct = {.fd = -1},
		.place = *t->place,
	};
	pthread_mutex_init(&o->lock, NULL);
	if ((r = device_path(t, path, err)) || (r = open_entry(t, &o->fd, &entry, err)) ||
	    (r = take_area(o, &entry, err)) || (r = make_map(o, err))) {
		raw_free(o);
		return r;
	}
	direct_init(&o->direct, o->fd, path);
	o->out.block = o->direct.block;
	*ret = &o->out;
	return 0;
}

static int raw_open(struct target *t, enum crash_file file, int *ret_fd, uint64_t *ret_offset,
		    uint64_t *ret_len, struct err *err)
{
	const struct target_place *place = t->place;
	const size_t number = part_number(file);
	struct crashpart_part *part;
	struct crashpart_entry entry;
	_cleanup_close_ int fd = -1;
	int r = open_device(t, O_RDONLY, &fd, err);

	if (!r)
		r = crashpart_read(fd, place->entry, place->end, place->device, &entry, err);
	if (r)
		return r;
	part = &entry.parts[number];
	if (number >= entry.n_parts || !part->size || part->broken)
		return err_set(err, ERR_NOT_FOUND, "%s: there is no %s in the entry at 0x%" PRIx64,
			       place->device, crash_file_name(file), place->entry);
	*ret_offset = part->offset;
	*ret_len = part->size;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* Of the dump's area: each of the others has its own. */
static int raw_space(struct target *t, uint64_t *ret, struct err *err)
{
	(void)err;
	*ret = area_of(t->place->entry, t->place->end, CRASH_DUMP).len;
	return 0;
}

/* What is on the disk of it is known by its writer only. */
static int raw_keep_rest(struct target *t, enum crash_file file, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "%s: %s: its length is not known", t->place->device,
		       crash_file_name(file));
}

/* ---- the end */

static int raw_seal(struct target *t, bool whole, struct err *err)
{
	const char *name = t->place->device;
	_cleanup_close_ int fd = -1;
	struct crashpart_entry entry;
	int r = open_entry(t, &fd, &entry, err);

	if (r)
		return r;
	close_entry(&entry, whole);
	if (is_empty(&entry))
		return crashpart_erase(fd, entry.offset, name, err);
	return write_closed(fd, &entry, t->place->end, name, err);
}

static int raw_detach(struct target *t, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!*t->place->device)
		return 0;
	r = open_device(t, O_RDWR, &fd, err);
	if (!r && fdatasync(fd))
		r = err_sys(err, errno, "%s: fdatasync", t->place->device);
	if (fd >= 0)
		close(fd);
	fd = -1;
	return r ? r : target_release_layer(t, err);
}

const struct target_ops target_raw_ops = {
	.network = target_network_of_layer,
	.find = raw_find,
	.attach = raw_attach,
	.begin = raw_begin,
	.create = raw_create,
	.digest = target_digest_open,
	.open = raw_open,
	.space = raw_space,
	.keep_rest = raw_keep_rest,
	.seal = raw_seal,
	.detach = raw_detach,
};
