// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Somebody may have write access inside a crash's folder, and beside it (/var/crash is mode 1777 with some distributions):
 * what is in there is walked by descriptors, without following a link or leaving the file system, and no further than so
 * deep and so many files; and a folder of another owner is no crash, whatever it says. Dated far ahead and with a
 * "vmcore" it would be the one that is protected, and the real ones would go in its place.
 */
#include "capture/retain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/num.h"
#include "base/text.h"
#include "capture/spool.h"
#include "capture/target.h"

#define DOOMED       ".removing-" /* before the name of a crash while it is removed */
#define NAME_SIZE    48
#define DOOMED_SIZE  (sizeof(DOOMED) + NAME_SIZE)
#define DOOMED_NAMES 10 /* that are tried */
#define STAMP_LEN    20 /* YYYY-MM-DDTHH-MM-SSZ */
#define UNKNOWN      "unknown-time"
#define MAX_DEPTH    16
#define MAX_FILES    1000000
#define SCHEMA_SIZE  512 /* of a record: its schema is the first that it says */

struct crash {
	char name[NAME_SIZE];
	uint64_t time;   /* 0: unknown */
	uint64_t number; /* 1, or what "-2" … says */
	dev_t dev;
	ino_t ino;
	uint64_t bytes;
	bool pinned, dump;
	bool waits; /* to be sent: this is all that there is of it */
};

struct crashes {
	struct crash *list;
	size_t n, cap;
};

/* ---- names */

static bool parse_digits(const char *s, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*ret = v;
	return true;
}

/* Of a real time only: writing it again gives the same. */
static bool parse_stamp(const char *s, uint64_t *ret)
{
	static const struct {
		int at, len;
	} fields[] = {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}};
	uint64_t v[ARRAY_SIZE(fields)];
	char again[32];
	struct tm tm;
	time_t t;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!parse_digits(s + fields[i].at, (size_t)fields[i].len, &v[i]))
			return false;
	tm = (struct tm){.tm_year = (int)v[0] - 1900,
			 .tm_mon = (int)v[1] - 1,
			 .tm_mday = (int)v[2],
			 .tm_hour = (int)v[3],
			 .tm_min = (int)v[4],
			 .tm_sec = (int)v[5]};
	t = timegm(&tm);
	if (t < 0)
		return false;
	target_folder_name((uint64_t)t, again);
	*ret = (uint64_t)t;
	return strncmp(again, s, STAMP_LEN) == 0;
}

/* "", or "-2", "-3" … without leading zeros. */
static bool parse_number(const char *s, uint64_t *ret)
{
	size_t len = strlen(s);

	*ret = 1;
	if (!len)
		return true;
	return s[0] == '-' && len >= 2 && len <= 10 && s[1] != '0' &&
	       parse_digits(s + 1, len - 1, ret) && *ret >= 2;
}

static bool parse_name(const char *name, struct crash *ret)
{
	size_t len = strlen(name), stamp = STAMP_LEN;

	if (len >= NAME_SIZE)
		return false;
	ret->time = 0;
	if (strncmp(name, UNKNOWN, strlen(UNKNOWN)) == 0)
		stamp = strlen(UNKNOWN);
	else if (len < STAMP_LEN || !parse_stamp(name, &ret->time))
		return false;
	if (!parse_number(name + stamp, &ret->number))
		return false;
	strcpy(ret->name, name);
	return true;
}

bool retain_parse_name(const char *name, uint64_t *ret_time, uint64_t *ret_number)
{
	struct crash c;

	if (!parse_name(name, &c))
		return false;
	*ret_time = c.time;
	*ret_number = c.number;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct crash *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/*
 * In which order they go: those that nobody waits for, the oldest first; then those that wait to be sent, the newest first,
 * since of crashes that follow one another the first one tells most.
 */
static int compare_removal(const void *a, const void *b)
{
	const struct crash *x = *(const struct crash *const *)a,
			   *y = *(const struct crash *const *)b;

	if (x->waits != y->waits)
		return x->waits ? 1 : -1;
	return x->waits ? compare(y, x) : compare(x, y);
}

/* ---- trees */

/* The same without openat2, which came with Linux 5.6: knows only mounts of another file system. */
static int open_folder_plainly(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat in, of;

	if (fd < 0 || (fstat(dir, &of) == 0 && fstat(fd, &in) == 0 && of.st_dev == in.st_dev))
		return fd;
	close(fd);
	errno = EXDEV;
	return -1;
}

/* A folder in `dir`, if it is on the same mount; nothing is followed. */
static int open_folder(int dir, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};
	int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 && errno == ENOSYS ? open_folder_plainly(dir, name) : fd;
}

/* What a walk has seen, and what it is for. */
struct walk {
	bool remove;
	bool fixed; /* something in it can be kept from removal only by not beginning with it */
	uint64_t files;
	uint64_t bytes;
	const char *name;
};

static int walk_folder(struct walk *w, int dir, int depth, struct err *err);

#define PLAIN_SIZE 100

/* A name that somebody else may have chosen, for a console. */
static const char *plain(const char *name, char ret[PLAIN_SIZE])
{
	return text_plain(name, ret, PLAIN_SIZE);
}

/* Immutable or append-only (chattr): somebody wants it to stay, and it would. */
static bool is_fixed(const struct statx *st)
{
	return st->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND);
}

static int walk_subfolder(struct walk *w, int dir, const char *name, int depth, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char text[PLAIN_SIZE];
	int r;

	if (depth == MAX_DEPTH)
		return err_set(err, ERR_UNSUPPORTED, "%s: folders are nested deeper than %d",
			       w->name, MAX_DEPTH);
	fd = open_folder(dir, name);
	if (fd < 0 && errno == EXDEV)
		return err_set(err, ERR_UNSUPPORTED, "%s: something is mounted on %s in it",
			       w->name, plain(name, text));
	if (fd < 0)
		return err_sys(err, errno, "%s: open %s in it", w->name, plain(name, text));
	r = walk_folder(w, fd, depth + 1, err);
	if (!r && w->remove && unlinkat(dir, name, AT_REMOVEDIR) && errno != ENOENT)
		return err_sys(err, errno, "%s: remove %s in it", w->name, plain(name, text));
	return r;
}

static int walk_one(struct walk *w, int dir, const char *name, int depth, struct err *err)
{
	char text[PLAIN_SIZE];
	struct statx st;

	if (++w->files > MAX_FILES)
		return err_set(err, ERR_UNSUPPORTED, "%s: has more than %d files", w->name,
			       MAX_FILES);
	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st))
		return errno == ENOENT
			       ? 0
			       : err_sys(err, errno, "%s: %s in it", w->name, plain(name, text));
	w->fixed |= is_fixed(&st);
	if (st.stx_blocks > UINT64_MAX / 512 || !num_add(w->bytes, st.stx_blocks * 512, &w->bytes))
		w->bytes = UINT64_MAX;
	if (S_ISDIR(st.stx_mode))
		return walk_subfolder(w, dir, name, depth, err);
	if (w->remove && unlinkat(dir, name, 0) && errno != ENOENT)
		return err_sys(err, errno, "%s: remove %s in it", w->name, plain(name, text));
	return 0;
}

static int walk_folder(struct walk *w, int dir, int depth, struct err *err)
{
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		r = err_sys(err, errno, "%s: read", w->name);
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (!r && (errno = 0, e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = walk_one(w, dir, e->d_name, depth, err);
	if (!r && errno)
		r = err_sys(err, errno, "%s: read", w->name);
	closedir(d);
	return r;
}

/* ---- which crashes there are */

static bool is_file(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* Its record is ours: it begins with a schema of ours, of whatever version. */
static bool has_record(int dir)
{
	static const char start[] = "{\"schema\":\"lifeboat-crash-";
	_cleanup_close_ int fd = openat(dir, crash_file_name(CRASH_RECORD),
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[SCHEMA_SIZE], packed[SCHEMA_SIZE];
	struct stat st;
	size_t n = 0;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	len = pread(fd, text, sizeof(text), 0);
	for (ssize_t i = 0; i < len; i++)
		if (!text[i] || !strchr(" \t\r\n", text[i]))
			packed[n++] = text[i];
	return n >= strlen(start) && memcmp(packed, start, strlen(start)) == 0;
}

/* A whole one, by whatever name. */
static bool has_dump(int dir)
{
	const char *name;

	for (size_t i = 0; (name = crash_file_any_name(CRASH_DUMP, i)); i++)
		if (is_file(dir, name))
			return true;
	return false;
}

/* What cannot be known counts as pinned. */
static bool is_pinned(int dir)
{
	struct stat st;

	return fstatat(dir, RETAIN_PINNED, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* The owner of our crashes: not always the one that we are, as on a share. */
static uid_t owner_of(int base, const char *newest)
{
	struct stat st;

	return newest && fstatat(base, newest, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_uid
									      : geteuid();
}

/* False if it is none. *broken says why it could not be removed; .code is 0 if it can. */
static bool examine(int base, const char *name, uid_t owner, struct crash *ret, struct err *broken)
{
	struct crash c = {.time = 0};
	struct walk walk = {.name = name};
	_cleanup_close_ int fd = -1;
	struct statx st;

	broken->code = 0;

	if (!parse_name(name, &c))
		return false;
	fd = open_folder(base, name);
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) || st.stx_uid != owner ||
	    !has_record(fd))
		return false;
	c.dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	c.ino = st.stx_ino;
	c.dump = has_dump(fd);
	c.waits = spool_is_waiting(fd);
	if (walk_folder(&walk, fd, 0, broken)) {
		/* what was counted is what there is at least */
	}
	c.pinned = is_pinned(fd) || walk.fixed || is_fixed(&st);
	c.bytes = walk.bytes;
	*ret = c;
	return true;
}

static struct crash *room_for_one(struct crashes *all)
{
	size_t cap = all->cap ? all->cap * 2 : 64;
	struct crash *grown;

	if (all->n < all->cap)
		return &all->list[all->n];
	grown = reallocarray(all->list, cap, sizeof(*grown));
	if (!grown)
		return NULL;
	all->list = grown;
	all->cap = cap;
	return &grown[all->n];
}

/* A crash that a removal before us did not finish. */
static bool is_doomed(int base, const char *name, uid_t owner)
{
	struct crash ignored;
	struct stat st;

	return strncmp(name, DOOMED, strlen(DOOMED)) == 0 &&
	       parse_name(name + strlen(DOOMED), &ignored) &&
	       fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == owner;
}

static void count_failure(struct retain_stats *stats, const struct err *err)
{
	if (!stats->failed++)
		snprintf(stats->first_failure, sizeof(stats->first_failure), "%.*s",
			 (int)sizeof(stats->first_failure) - 1, err->msg);
}

/* Remove a folder and all that is in it. */
static int remove_tree(int base, const char *name, struct err *err)
{
	_cleanup_close_ int fd = open_folder(base, name);
	struct walk walk = {.remove = true, .name = name};
	int r;

	if (fd < 0)
		return err_sys(err, errno, "%s: open", name);
	r = walk_folder(&walk, fd, 0, err);
	if (!r && unlinkat(base, name, AT_REMOVEDIR))
		r = err_sys(err, errno, "%s: remove", name);
	return r;
}

/* ---- which of them go */

struct retention {
	int base;
	const char *folder;
	uid_t owner; /* of the crashes */
	const struct recipe_retention *rules;
	const char *newest;
	const struct crash *dump; /* the latest one that has a dump; NULL: none */
	bool dry;
	bool may_age; /* the clock can be believed */
	uint64_t now;
	uint64_t count, bytes, free; /* as of now */
	bool mind_free;
	struct retain_stats *stats;
};

/* All names of the folder, to what they are; what is doomed is removed in passing. */
static int list(const struct retention *t, struct crashes *all, struct err *err)
{
	int fd = fcntl(t->base, F_DUPFD_CLOEXEC, 0), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		r = err_sys(err, errno, "%s: read", t->folder);
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (!r && (errno = 0, e = readdir(d))) {
		struct crash *c = room_for_one(all);
		struct err ignored;

		if (!c)
			r = err_nomem(err, all->cap * 2 * sizeof(*c), "a list of crashes");
		else if (!t->dry && is_doomed(t->base, e->d_name, t->owner) &&
			 remove_tree(t->base, e->d_name, &ignored))
			count_failure(t->stats, &ignored);
		else if (examine(t->base, e->d_name, t->owner, c, &ignored))
			all->n++;
	}
	if (!r && errno)
		r = err_sys(err, errno, "%s: read", t->folder);
	closedir(d);
	return r;
}

static bool read_free(int base, uint64_t *ret)
{
	struct statvfs st;

	return fstatvfs(base, &st) == 0 &&
	       num_mul((uint64_t)st.f_bavail, (uint64_t)st.f_frsize, ret);
}

static const char *reason(const struct retention *t, const struct crash *c)
{
	const struct recipe_retention *rules = t->rules;

	if (rules->count && t->count > rules->count)
		return "count";
	if (rules->age && t->may_age && c->time && t->now > c->time &&
	    t->now - c->time > rules->age)
		return "age";
	if (rules->bytes && t->bytes > rules->bytes)
		return "bytes";
	if (t->mind_free && t->free < rules->free)
		return "free";
	return NULL;
}

/* Something may stand in the way of the first name, and be made to; nobody knows the other ones before. */
static int rename_doomed(int base, const char *name, char ret[DOOMED_SIZE])
{
	int stamp = name[0] == UNKNOWN[0] ? (int)strlen(UNKNOWN) : STAMP_LEN;
	struct timespec now;
	int r;

	snprintf(ret, DOOMED_SIZE, DOOMED "%s", name);
	r = renameat(base, name, base, ret);
	for (int tries = 0; r && tries < DOOMED_NAMES; tries++) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		snprintf(ret, DOOMED_SIZE, DOOMED "%.*s-%ld", stamp, name,
			 now.tv_nsec % 999999990 + 2);
		r = renameat(base, name, base, ret);
	}
	return r;
}

/*
 * Gone as a crash with the rename; the rest may take a while, or be cut off. It is looked at once more before: it
 * may have been pinned, and what cannot be removed whole stays whole.
 */
static int remove_crash(const struct retention *t, const struct crash *c, struct err *err)
{
	char doomed[DOOMED_SIZE];
	struct crash now;

	if (!examine(t->base, c->name, t->owner, &now, err) || now.dev != c->dev ||
	    now.ino != c->ino)
		return err_set(err, ERR_NOT_FOUND, "%s: is another one than before", c->name);
	if (err->code)
		return err->code;
	if (now.pinned)
		return err_set(err, ERR_USAGE, "%s: has just been pinned", c->name);
	if (rename_doomed(t->base, c->name, doomed))
		return err_sys(err, errno, "%s: rename to %s", c->name, doomed);
	if (fsync(t->base) && errno != EINVAL)
		return err_sys(err, errno, "%s: fsync of the folder", t->folder);
	return remove_tree(t->base, doomed, err);
}

/* The file system may only know after a commit what has become free. */
static void look_at_free(struct retention *t)
{
	uint64_t before = t->free;

	if (!t->mind_free)
		return;
	if (syncfs(t->base) || !read_free(t->base, &t->free) || t->free <= before)
		t->mind_free = false;
}

static void apply_one(struct retention *t, const struct crash *c)
{
	struct err err = {0};

	if (!t->dry && remove_crash(t, c, &err)) {
		count_failure(t->stats, &err);
		return;
	}
	t->count--;
	t->bytes -= NUM_MIN(t->bytes, c->bytes);
	t->stats->removed++;
	t->stats->removed_bytes += c->bytes;
	if (!t->dry)
		look_at_free(t);
	else if (!num_add(t->free, c->bytes, &t->free))
		t->free = UINT64_MAX;
}

static bool is_protected(const struct retention *t, const struct crash *c)
{
	return c->pinned || c == t->dump || (t->newest && strcmp(c->name, t->newest) == 0);
}

static int apply(struct retention *t, const struct crashes *all, retain_fn tell, void *ctx,
		 struct err *err)
{
	_cleanup_free_ const struct crash **order =
		calloc(all->n + 1, sizeof(const struct crash *));

	if (!order)
		return err_nomem(err, (all->n + 1) * sizeof(*order), "a list of crashes");
	for (size_t i = 0; i < all->n; i++) {
		const struct crash *c = &all->list[i];

		t->count++;
		if (!num_add(t->bytes, c->bytes, &t->bytes))
			t->bytes = UINT64_MAX;
		if (c->dump)
			t->dump = c;
		order[i] = c;
	}
	qsort(order, all->n, sizeof(const struct crash *), compare_removal);
	t->may_age = !all->n || t->now >= all->list[all->n - 1].time;
	t->mind_free = t->rules->free && read_free(t->base, &t->free);
	for (size_t i = 0; i < all->n; i++) {
		const struct crash *c = order[i];
		const char *why = is_protected(t, c) ? NULL : reason(t, c);

		if (tell)
			tell(ctx, c->name, c->bytes, c->pinned, why);
		if (why)
			apply_one(t, c);
	}
	return 0;
}

int retain_apply(const char *folder, const char *newest, const struct recipe_retention *rules,
		 uint64_t now, bool dry, retain_fn tell, void *ctx, struct retain_stats *ret,
		 struct err *err)
{
	_cleanup_close_ int base = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct retain_stats stats = {0};
	struct crashes all = {0};
	struct retention t = {
		.base = base,
		.folder = folder,
		.rules = rules,
		.newest = newest,
		.dry = dry,
		.now = now,
		.stats = &stats,
	};
	int r;

	if (base < 0)
		return err_sys(err, errno, "%s: open", folder);
	t.owner = owner_of(base, newest);
	r = list(&t, &all, err);
	if (!r) {
		if (all.n)
			qsort(all.list, all.n, sizeof(*all.list), compare);
		stats.crashes = all.n;
		r = apply(&t, &all, tell, ctx, err);
		*ret = stats;
	}
	free(all.list);
	return r;
}
