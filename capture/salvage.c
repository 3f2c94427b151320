// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/salvage.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/io.h"
#include "base/num.h"
#include "base/out.h"
#include "base/sha256.h"
#include "capture/manifest.h"
#include "capture/target.h"

#define MAX_SAME_NAME  100
#define PIECE          (1UL << 20)
#define LEAVE_FRACTION 100
#define LEAVE_MAX      (256ULL << 20)
#define MAX_UNREADABLE 256 /* blocks of a part; each may take a dying disk a minute */

/* ---- the folder */

static int make_folder(const char *into, uint64_t crash_time, char ret[PATH_MAX], struct err *err)
{
	char stamp[32];

	if (mkdir(into, 0755) == 0) {
		int r = io_sync_parent(into, err);

		if (r)
			return r;
	} else if (errno != EEXIST) {
		return err_sys(err, errno, "%s: create", into);
	}
	target_folder_name(crash_time ? crash_time : (uint64_t)time(NULL), stamp);
	for (int i = 1; i <= MAX_SAME_NAME; i++) {
		char suffix[16] = "";

		if (i > 1)
			snprintf(suffix, sizeof(suffix), "-%d", i);
		if (snprintf(ret, PATH_MAX, "%s/%s%s", into, stamp, suffix) >= PATH_MAX)
			return err_sys(err, ENAMETOOLONG, "%.200s…/%s", into, stamp);
		if (mkdir(ret, 0700) == 0)
			return io_sync_parent(ret, err);
		if (errno != EEXIST)
			return err_sys(err, errno, "%s: create", ret);
	}
	return err_set(err, ERR_NO_SPACE, "%s/%s: %d crashes of this second are there already",
		       into, stamp, MAX_SAME_NAME);
}

static int path_of(const char *folder, const char *file, const char *suffix, char ret[PATH_MAX],
		   struct err *err)
{
	if (snprintf(ret, PATH_MAX, "%s/%s%s", folder, file, suffix) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%.200s…/%s%s", folder, file, suffix);
	return 0;
}

/* All that we may have made in it, and nothing else. */
static void drop_folder(const char *folder, const struct crashpart_entry *entry)
{
	static const char *const suffixes[] = {"", ".incomplete", ".tmp"};
	char path[PATH_MAX];
	struct err ignored;

	for (size_t s = 0; s < ARRAY_SIZE(suffixes); s++) {
		for (size_t i = 0; i < entry->n_parts; i++)
			if (!path_of(folder, entry->parts[i].name, suffixes[s], path, &ignored))
				unlink(path);
		if (!path_of(folder, MANIFEST_FILE, suffixes[s], path, &ignored))
			unlink(path);
	}
	rmdir(folder);
}

/*
 * Found out before the copy fills the machine's root: others write there, too. What a capture leaves free stays free
 * (target_fs.c).
 */
static int check_room(const struct crashpart_entry *entry, const char *folder, struct err *err)
{
	uint64_t need = 0, there;
	struct statvfs st;

	for (size_t i = 0; i < entry->n_parts; i++)
		need += entry->parts[i].size; /* all within the entry */
	if (statvfs(folder, &st) || !st.f_blocks ||
	    !num_mul((uint64_t)st.f_bavail, (uint64_t)st.f_frsize, &there))
		return 0; /* then it is tried */
	there -= NUM_MIN(there,
			 NUM_MIN((uint64_t)st.f_blocks / LEAVE_FRACTION * st.f_frsize, LEAVE_MAX));
	if (need <= there)
		return 0;
	return err_set(err, ERR_NO_SPACE,
		       "%s: there is room for %" PRIu64 " bytes, but the crash has %" PRIu64
		       "; make room, or give another folder (--into)",
		       folder, there, need);
}

/* ---- its files */

struct copy {
	int fd;
	const char *name;        /* of the device */
	uint8_t *buf;            /* PIECE */
	unsigned int unreadable; /* blocks of this part so far */
};

/* A piece of the device; what cannot be read is zeros. Returns false if that is too much. */
static bool read_piece(struct copy *c, size_t len, uint64_t at)
{
	struct err ignored;

	if (!io_pread_full(c->fd, c->buf, len, at, c->name, &ignored))
		return true;
	memset(c->buf, 0, len);
	for (size_t done = 0; done < len; done += CRASHPART_BLOCK) {
		size_t n = NUM_MIN((size_t)CRASHPART_BLOCK, len - done);

		if (!io_pread_full(c->fd, c->buf + done, n, at + done, c->name, &ignored))
			continue;
		memset(c->buf + done, 0, n);
		if (++c->unreadable > MAX_UNREADABLE)
			return false;
	}
	return true;
}

/* Errors are those of writing; what could be read decides *ret_whole. */
static int copy_bytes(struct copy *c, const struct crashpart_part *part, struct out *out,
		      bool *ret_whole, struct err *err)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	c->unreadable = 0;
	sha256_init(&sha);
	for (uint64_t done = 0; done < part->size;) {
		size_t n = (size_t)NUM_MIN(part->size - done, (uint64_t)PIECE);
		int r;

		if (!read_piece(c, n, part->offset + done)) {
			*ret_whole = false;
			return 0;
		}
		r = out->ops->pwrite(out, c->buf, n, done, err);
		if (r)
			return r;
		sha256_update(&sha, c->buf, n);
		done += n;
	}
	sha256_final(&sha, digest);
	*ret_whole = part->digested && !part->broken && !c->unreadable &&
		     memcmp(digest, part->sha256, SHA256_SIZE) == 0;
	return 0;
}

static int copy_part(struct copy *c, const struct crashpart_part *part, const char *folder,
		     bool *ret_whole, struct err *err)
{
	char path[PATH_MAX];
	enum crash_file file;
	struct out *out;
	bool whole;
	int r = path_of(folder, part->name, "", path, err);

	if (!r)
		r = out_file_create(path, false, &out, err);
	if (r)
		return r;
	r = copy_bytes(c, part, out, &whole, err);
	if (r) {
		out->ops->abort(out);
		return r;
	}
	/* others are kept, but count for nothing */
	whole = whole && crash_file_of_name(part->name, &file);
	if (whole)
		r = out->ops->commit(out, err);
	else if (!(r = out->ops->sync(out, err)))
		out->ops->leave(out);
	else
		out->ops->abort(out);
	*ret_whole = whole;
	return r;
}

/*
 * Its manifest is made anew: it names the files that are whole here, by digests that were right while they were
 * copied.
 */
static int copy_parts(struct copy *c, const struct crashpart_entry *entry, const char *folder,
		      bool *ret_dump, struct err *err)
{
	char text[CRASHPART_PARTS * 128] = "", path[PATH_MAX];

	for (size_t i = 0; i < entry->n_parts; i++) {
		const struct crashpart_part *part = &entry->parts[i];
		size_t len = strlen(text);
		enum crash_file file;
		bool whole;
		int r;

		if (!part->size || strcmp(part->name, MANIFEST_FILE) == 0)
			continue;
		r = copy_part(c, part, folder, &whole, err);
		if (r)
			return r;
		*ret_dump |= whole && crash_file_of_name(part->name, &file) && file == CRASH_DUMP;
		if (whole)
			manifest_line(part->sha256, part->name, text + len, sizeof(text) - len);
	}
	if (!*text)
		return 0;
	if (path_of(folder, MANIFEST_FILE, "", path, err))
		return err->code;
	return io_write_file(path, text, strlen(text), err);
}

int salvage_copy(int fd, const struct crashpart_entry *entry, const char *name, const char *into,
		 char **ret_folder, bool *ret_dump, struct err *err)
{
	_cleanup_free_ uint8_t *buf = NULL;
	_cleanup_free_ char *folder = malloc(PATH_MAX);
	struct copy c = {.fd = fd, .name = name};
	int r;

	if (!folder)
		return err_nomem(err, PATH_MAX, "a folder's name");
	/* aligned, so that large files do not go through the page cache */
	if (posix_memalign((void **)&buf, CRASHPART_BLOCK, PIECE))
		return err_nomem(err, PIECE, name);
	c.buf = buf;
	r = make_folder(into, entry->crash_time, folder, err);
	if (r)
		return r;
	*ret_dump = false;
	r = check_room(entry, folder, err);
	if (!r)
		r = copy_parts(&c, entry, folder, ret_dump, err);
	if (r) {
		drop_folder(folder, entry);
		return r;
	}
	*ret_folder = no_cleanup_ptr(folder);
	return 0;
}

/* ---- the store */

int salvage_mark(int fd, const struct crashpart_entry *entry, const char *name, struct err *err)
{
	struct crashpart_entry now;
	int r = crashpart_read(fd, entry->offset, UINT64_MAX, name, &now, err);

	if (r)
		return r;
	if (memcmp(now.id, entry->id, sizeof(now.id)) != 0)
		return err_set(err, ERR_CORRUPT, "%s: another entry is at 0x%" PRIx64 " by now",
			       name, entry->offset);
	now.state = CRASHPART_COLLECTED;
	return crashpart_write(fd, &now, name, err);
}

struct clearing {
	bool force;
	const char *name;
	uint64_t *at;
	size_t n;
};

static int note_entry(void *ctx, const struct crashpart_entry *entry, struct err *err)
{
	struct clearing *c = ctx;

	if (!c->force && entry->state != CRASHPART_COLLECTED)
		return err_set(err, ERR_USAGE, "%s: entry %zu is not collected; it would be lost",
			       c->name, c->n + 1);
	c->at[c->n++] = entry->offset;
	return 0;
}

/* A store whose first header is damaged has no entry that could be found. */
static int clear_damaged(int fd, bool force, const char *name, struct err *err)
{
	uint8_t block[CRASHPART_BLOCK];
	int r = io_pread_full(fd, block, sizeof(block), 0, name, err);

	if (r || !crashpart_has_magic((struct bytes){block, sizeof(block)}))
		return r;
	if (!force)
		return err_set(err, ERR_USAGE,
			       "%s: its first header is damaged; what is there "
			       "would be lost",
			       name);
	return crashpart_erase(fd, 0, name, err);
}

int salvage_clear(int fd, uint64_t size, bool force, const char *name, struct err *err)
{
	_cleanup_free_ uint64_t *at = calloc(CRASHPART_MAX_ENTRIES, sizeof(*at));
	struct clearing c = {.force = force, .name = name, .at = at};
	uint64_t end;
	int r;

	if (!at)
		return err_nomem(err, CRASHPART_MAX_ENTRIES * sizeof(*at), name);
	r = crashpart_walk(fd, size, name, note_entry, &c, &end, err);
	if (!r && !c.n && size >= CRASHPART_BLOCK)
		r = clear_damaged(fd, force, name, err);
	/* the last one first: whenever this is cut off, what is left is a store */
	while (!r && c.n)
		r = crashpart_erase(fd, c.at[--c.n], name, err);
	return r;
}
