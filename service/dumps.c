// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A folder of crashes may be one in which everybody can write (/var/crash has mode 1777 with some distributions): nothing in it
 * is followed, and only plain files are opened.
 */
#include "service/dumps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/num.h"
#include "capture/retain.h"
#include "capture/target.h"
#include "loader/probe.h"
#include "service/places.h"

#define INCOMPLETE ".incomplete"
#define TAIL_SIZE  16384
#define LOW_MEMORY (1 << 20) /* that a capture kernel has beside its reservation on x86 */
#define MAX_NAMES  1000000   /* in one folder, crashes or not */
#define MAX_PARTS  99999     /* of a dump */

struct list {
	struct dumps_entry *v;
	size_t n, room;
	size_t first, foreign; /* of the folder at hand: where it begins; how many are foreign */
	bool left_out;         /* likewise: there were more */
	uint64_t reserved;
};

#define COPY(to, text) copy(to, sizeof(to), text)

/* What is too long is cut: it is for people. */
static void copy(char *to, size_t size, const char *text)
{
	size_t len = text ? strnlen(text, size - 1) : 0;

	if (len)
		memcpy(to, text, len);
	to[len] = '\0';
}

/* ---- one crash */

/* Bytes of a plain file in `dir`; false: there is none of that name. */
static bool size_of(int dir, const char *name, uint64_t *ret)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return false;
	*ret = (uint64_t)st.st_size;
	return true;
}

/* The file in any of its forms, with `end` behind its name. */
static bool find_form(int dir, enum crash_file file, const char *end, char ret[64],
		      uint64_t *ret_size)
{
	const char *form;

	for (size_t i = 0; (form = crash_file_any_name(file, i)); i++) {
		snprintf(ret, 64, "%s%s", form, end);
		if (size_of(dir, ret, ret_size))
			return true;
	}
	return false;
}

/* How many parts follow the first without a gap, and what all of them have. */
static unsigned int count_parts(int dir, const char *first, uint64_t *sum)
{
	size_t stem = strlen(first) - strlen("00001");
	uint64_t size = *sum;
	unsigned int n = 1;
	char name[64];

	for (; n < MAX_PARTS; n++) {
		snprintf(name, sizeof(name), "%.*s%05u", (int)stem, first, n + 1);
		if (!size_of(dir, name, &size))
			break;
		if (!num_add(*sum, size, sum))
			*sum = UINT64_MAX;
	}
	return n;
}

static bool is_encrypted(const char *name)
{
	return strstr(name, ".age") != NULL;
}

/* Whole, else in parts, else what there is of it. */
static void find_dump(int dir, struct dumps_entry *e)
{
	e->dump_whole = find_form(dir, CRASH_DUMP, "", e->dump, &e->dump_bytes);
	if (!e->dump_whole) {
		if (find_form(dir, CRASH_DUMP, CRASH_FILE_PART "00001", e->dump, &e->dump_bytes))
			e->dump_parts = count_parts(dir, e->dump, &e->dump_bytes);
		else if (!find_form(dir, CRASH_DUMP, INCOMPLETE, e->dump, &e->dump_bytes))
			*e->dump = '\0';
	}
	e->dump_encrypted = is_encrypted(e->dump);
}

static void find_log(int dir, struct dumps_entry *e)
{
	uint64_t size;

	if (!find_form(dir, CRASH_LOG, "", e->log, &size) &&
	    !find_form(dir, CRASH_LOG, INCOMPLETE, e->log, &size))
		*e->log = '\0';
	e->log_encrypted = is_encrypted(e->log);
}

bool dumps_has_whole(const struct dumps_entry *entry)
{
	return entry->dump_whole || (*entry->sent_to && entry->sent_dump);
}

static DIR *open_again(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

static uint64_t sum_of_files(int dir)
{
	uint64_t sum = 0, size;
	DIR *d = open_again(dir);
	const struct dirent *e;

	for (size_t n = 0; d && n < DUMPS_MAX_FILES && (e = readdir(d)); n++)
		if (size_of(dir, e->d_name, &size) && !num_add(sum, size, &sum))
			sum = UINT64_MAX;
	if (d)
		closedir(d);
	return sum;
}

/*
 * What it had in use at the worst moment: of what it was given, which its record says, or of the reservation of now. If that
 * was smaller than what the capture kernel had, it has been changed since, and says nothing.
 */
static void take_memory(const struct crashfile *c, struct dumps_entry *e)
{
	uint64_t given = c->memory_ram;

	if (NUM_MAX(given, c->memory_total) > e->reserved + LOW_MEMORY)
		e->reserved = 0;
	if (!given)
		given = e->reserved;
	if (c->memory_lowest && c->memory_lowest < given)
		e->peak = given - c->memory_lowest;
}

static void take_record(const struct crashfile *c, struct dumps_entry *e)
{
	e->record_read = true;
	if (c->time)
		e->time = c->time;
	COPY(e->result, c->result ? c->result : "?");
	COPY(e->panic, c->panic);
	COPY(e->cls, c->cls);
	COPY(e->signature, c->sig_func);
	COPY(e->signature_title, c->sig_title);
	COPY(e->release, c->release);
	COPY(e->capture_release, c->capture_release);
	e->waits = c->spool;
	COPY(e->send_to, c->send_to);
	COPY(e->sent_to, c->sent_target);
	COPY(e->sent_name, c->sent_name);
	e->sent_time = c->sent_time;
	e->sent_verified = c->sent_verified;
	e->sent_dump = c->sent_dump;
	take_memory(c, e);
}

static void take_folder(int dir, struct dumps_entry *e)
{
	struct crashfile *c;
	struct err err = {0};
	struct stat st;

	find_dump(dir, e);
	find_log(dir, e);
	e->bytes = sum_of_files(dir);
	e->pinned = fstatat(dir, RETAIN_PINNED, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (crashfile_read(dir, &c, &err)) {
		COPY(e->record_error, err.msg);
		return;
	}
	take_record(c, e);
	crashfile_destroy(c);
}

bool dumps_is_foreign(const struct stat *crash, const struct stat *folder)
{
	return crash->st_uid && crash->st_uid != geteuid() && crash->st_uid != folder->st_uid;
}

/* False: it is no crash, or a foreign one and those are not wanted; e->foreign tells. */
static bool examine(int base, const char *name, bool foreign_too, struct dumps_entry *e)
{
	bool named = retain_parse_name(name, &e->time, &e->number);
	_cleanup_close_ int dir =
		openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, above;
	struct err err = {0};
	uint64_t size;

	strcpy(e->result, "?");
	if (dir < 0) {
		if (!named || errno != EACCES)
			return false;
		err_sys(&err, errno, "open");
		COPY(e->record_error, err.msg);
		return true;
	}
	e->opened = true;
	if (!named && !size_of(dir, crash_file_name(CRASH_RECORD), &size))
		return false;
	if (fstat(dir, &st) || fstat(base, &above))
		return false;
	e->foreign = dumps_is_foreign(&st, &above);
	if (e->foreign && !foreign_too)
		return false;
	if (fstatat(dir, crash_file_name(CRASH_RECORD), &above, AT_SYMLINK_NOFOLLOW) == 0)
		st = above; /* the folder changes when somebody pins it */
	e->made = st.st_mtime > 0 ? (uint64_t)st.st_mtime : 0;
	take_folder(dir, e);
	return true;
}

/* ---- folders of them */

static struct dumps_entry *room_for_one(struct list *l)
{
	size_t room = l->room ? l->room * 2 : 16;
	struct dumps_entry *grown;

	if (l->n < l->room)
		return &l->v[l->n];
	grown = reallocarray(l->v, room, sizeof(*grown));
	if (!grown)
		return NULL;
	l->v = grown;
	l->room = room;
	return &grown[l->n];
}

static int add_one(struct list *l, int base, const char *folder, const char *name, struct err *err)
{
	struct dumps_entry *e = room_for_one(l);

	if (!e)
		return err_nomem(err, l->room * 2 * sizeof(*e), "the list of crashes");
	*e = (struct dumps_entry){.reserved = l->reserved, .number = 1};
	if (snprintf(e->folder, sizeof(e->folder), "%s%s%s", folder,
		     folder[strlen(folder) - 1] == '/' ? "" : "/", name) >= PATH_MAX)
		return 0;
	if (!examine(base, name, l->foreign < DUMPS_MAX_FOREIGN, e)) {
		l->left_out |= e->foreign;
		return 0;
	}
	COPY(e->name, name);
	l->foreign += e->foreign;
	l->n++;
	return 0;
}

static int add_names(struct list *l, DIR *d, const char *folder, struct err *err)
{
	const struct dirent *e;
	int r = 0;

	for (size_t n = 0; !r && n < MAX_NAMES && (e = readdir(d)); n++) {
		if (e->d_name[0] == '.')
			continue; /* also what retention is just removing */
		r = add_one(l, dirfd(d), folder, e->d_name, err);
		if (l->n - l->first - l->foreign < DUMPS_MAX)
			continue;
		l->left_out = true;
		break;
	}
	return r;
}

static int add_folder(const struct service *s, struct list *l, const char *folder, struct err *err)
{
	_cleanup_close_ int fd = root_open(s->root, folder, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : open_again(fd);
	int r;

	if (!d)
		return err_sys(err, errno, "%s%s: open", s->root->path, folder);
	l->first = l->n;
	l->foreign = 0;
	l->left_out = false;
	r = add_names(l, d, folder, err);
	if (l->left_out)
		service_tell(s, SERVICE_WARNING,
			     "%s: more than %d crashes, or %d of other users: the others are left "
			     "out",
			     folder, DUMPS_MAX, DUMPS_MAX_FOREIGN);
	closedir(d);
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const struct dumps_entry *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? 1 : -1;
	if (x->number != y->number)
		return x->number < y->number ? 1 : -1;
	return strcmp(y->name, x->name);
}

static int add_places(const struct service *s, const struct config *config, struct list *l,
		      struct err *err)
{
	struct places places = {0};
	int r = places_find(s, config, &places, err);

	for (size_t i = 0; !r && i < places.n; i++) {
		struct err why;

		/* a share that has just gone must not hide the others */
		if (add_folder(s, l, places.v[i], &why))
			service_tell(s, SERVICE_WARNING, "%s", why.msg);
	}
	places_deinit(&places);
	return r;
}

/* The capture kernel's memory, if it was then what it is now. */
static uint64_t reservation(const struct service *s)
{
	struct facts facts;
	struct err ignored;
	uint64_t bytes;

	if (facts_probe(s->root, &facts, &ignored))
		return 0;
	bytes = facts.crash_size.known ? facts.crash_size.value : 0;
	facts_deinit(&facts);
	return bytes;
}

int dumps_read(const struct service *s, const struct config *config, const char *folder,
	       struct dumps_entry **ret, size_t *ret_n, struct err *err)
{
	struct list l = {.reserved = reservation(s)};
	int r;

	if (folder && !*folder)
		return err_set(err, ERR_USAGE, "an empty name is no folder");
	r = folder ? add_folder(s, &l, folder, err) : add_places(s, config, &l, err);
	if (r) {
		free(l.v);
		return r;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), newest_first);
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

/* ---- one of them */

static int find_path(const struct service *s, const char *path, struct dumps_entry *ret,
		     struct err *err)
{
	_cleanup_free_ struct dumps_entry *e = calloc(1, sizeof(*e));
	_cleanup_free_ char *above = strdup(path);
	_cleanup_close_ int base = -1;
	size_t len = strlen(path);
	char *name;

	if (!e || !above)
		return err_nomem(err, sizeof(*e), "a crash");
	while (len > 1 && above[len - 1] == '/')
		above[--len] = '\0';
	name = strrchr(above, '/');
	*name++ = '\0';
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, ERR_USAGE, "%s: name the folder of one crash", path);
	base = root_open(s->root, *above ? above : "/", O_RDONLY | O_DIRECTORY);
	if (base < 0)
		return err_sys(err, errno, "%s%s: open", s->root->path, *above ? above : "/");
	*e = (struct dumps_entry){.reserved = reservation(s), .number = 1};
	COPY(e->name, name);
	if (snprintf(e->folder, sizeof(e->folder), "%s/%s", above, name) >= PATH_MAX ||
	    !examine(base, name, true, e))
		return err_set(
			err, ERR_NOT_FOUND,
			"%s%s: no crash's folder: it has no crash.json, and not the name of one",
			s->root->path, path);
	*ret = *e;
	return 0;
}

/* The newest that cannot have been made up; NULL: there is none. */
static const struct dumps_entry *choose(const struct dumps_entry *v, size_t n, const char *which)
{
	const struct dumps_entry *foreign = NULL;

	for (size_t i = 0; i < n; i++) {
		if (which && strcmp(v[i].name, which) != 0)
			continue;
		if (!v[i].foreign)
			return &v[i];
		if (!foreign)
			foreign = &v[i];
	}
	return foreign;
}

int dumps_find(const struct service *s, const struct config *config, const char *which,
	       struct dumps_entry *ret, struct err *err)
{
	_cleanup_free_ struct dumps_entry *v = NULL;
	const struct dumps_entry *found;
	size_t n;

	if (which && strcmp(which, "latest") == 0)
		which = NULL;
	if (which && strchr(which, '/'))
		return find_path(s, which, ret, err);
	if (dumps_read(s, config, NULL, &v, &n, err))
		return err->code;
	found = choose(v, n, which);
	if (!found && which)
		return err_set(err, ERR_NOT_FOUND,
			       "no crash is called %s: `lifeboat list` has those that there are; "
			       "of another folder give the whole path",
			       which);
	if (!found)
		return err_set(err, ERR_NOT_FOUND,
			       "there is no crash where dumps are looked for (%s, and the "
			       "configured targets)",
			       places_collected(config));
	*ret = *found;
	return 0;
}

static int open_crash(const struct service *s, const struct dumps_entry *entry, struct err *err)
{
	int fd = root_open(s->root, entry->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (fd < 0)
		err_sys(err, errno, "%s%s: open", s->root->path, entry->folder);
	return fd;
}

int dumps_record(const struct service *s, const struct dumps_entry *entry, struct crashfile **ret,
		 struct err *err)
{
	_cleanup_close_ int dir = open_crash(s, entry, err);

	return dir < 0 ? err->code : crashfile_read(dir, ret, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct dumps_file *)a)->name, ((const struct dumps_file *)b)->name);
}

int dumps_files(const struct service *s, const struct dumps_entry *entry, struct dumps_file **ret,
		size_t *ret_n, struct err *err)
{
	_cleanup_close_ int dir = open_crash(s, entry, err);
	_cleanup_free_ struct dumps_file *v = NULL;
	size_t n = 0;
	const struct dirent *e;
	DIR *d;

	if (dir < 0)
		return err->code;
	v = calloc(DUMPS_MAX_FILES, sizeof(*v));
	if (!v)
		return err_nomem(err, DUMPS_MAX_FILES * sizeof(*v), "the list of files");
	d = open_again(dir);
	if (!d)
		return err_sys(err, errno, "%s: read", entry->folder);
	while (n < DUMPS_MAX_FILES && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		COPY(v[n].name, e->d_name);
		v[n].plain = size_of(dir, e->d_name, &v[n].bytes);
		n++;
	}
	closedir(d);
	qsort(v, n, sizeof(*v), by_name);
	*ret = no_cleanup_ptr(v);
	*ret_n = n;
	return 0;
}

/* ---- retention */

int dumps_prune(const struct service *s, const char *folder, const struct recipe_retention *rules,
		bool dry, retain_fn tell, void *ctx, struct retain_stats *ret, struct err *err)
{
	_cleanup_free_ struct dumps_entry *v = NULL;
	_cleanup_free_ char *path = NULL;
	const struct dumps_entry *newest;
	size_t n;

	if (dumps_read(s, NULL, folder, &v, &n, err))
		return err->code;
	newest = choose(v, n, NULL);
	if (asprintf(&path, "%s%s", s->root->path, folder) < 0) {
		path = NULL;
		return err_nomem(err, PATH_MAX, "a folder's name");
	}
	return retain_apply(path, newest && !newest->foreign ? newest->name : NULL, rules,
			    (uint64_t)time(NULL), dry, tell, ctx, ret, err);
}

/* ---- the end of its log */

/* Where the last `lines` lines begin; a line that was cut at the beginning is none, if there are others. */
static size_t start_of_lines(const char *text, size_t len, bool cut, unsigned int lines)
{
	const char *first = cut ? memchr(text, '\n', len) : NULL;
	size_t from = first && first + 1 < text + len ? (size_t)(first + 1 - text) : 0;
	size_t at = len && text[len - 1] == '\n' ? len - 1 : len;

	for (; at > from; at--)
		if (text[at - 1] == '\n' && !--lines)
			break;
	return at;
}

int dumps_log_tail(const struct service *s, const struct dumps_entry *entry, unsigned int lines,
		   char **ret, struct err *err)
{
	_cleanup_close_ int dir = open_crash(s, entry, err), fd = -1;
	_cleanup_free_ char *text = NULL;
	uint64_t size, from;
	size_t len, start;

	if (dir < 0)
		return err->code;
	if (!*entry->log || !size_of(dir, entry->log, &size))
		return err_set(err, ERR_NOT_FOUND, "%s: there is no log", entry->folder);
	if (entry->log_encrypted)
		return err_set(err, ERR_UNSUPPORTED, "%s: its log is encrypted", entry->folder);
	fd = openat(dir, entry->log, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "%s/%s: open", entry->folder, entry->log);
	len = (size_t)NUM_MIN(size, (uint64_t)TAIL_SIZE);
	from = size - len;
	text = malloc(len + 1);
	if (!text)
		return err_nomem(err, len + 1, "the log's end");
	if (io_pread_full(fd, text, len, from, entry->log, err))
		return err_wrap(err, "%s", entry->folder);
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = ' ';
	text[len] = '\0';
	start = start_of_lines(text, len, from != 0, lines ? lines : 1);
	memmove(text, text + start, len - start + 1);
	*ret = no_cleanup_ptr(text);
	return 0;
}
