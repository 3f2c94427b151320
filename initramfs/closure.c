// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two halves. The first takes paths into the closure: each link and folder on the way is an entry. The second follows
 * what a program needs: breadth first, as the dynamic linker does, since the first library of a name is the one that
 * all others get.
 */
#include "initramfs/closure.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "initramfs/elf.h"
#include "initramfs/ldcache.h"
#include "initramfs/path.h"

#define CACHE_PATH     "/etc/ld.so.cache"
#define CACHE_MAX_SIZE ((size_t)16 << 20)
#define MAX_SCRIPTS    4   /* scripts that are interpreters of scripts; the kernel allows as many */
#define SCRIPT_LINE    256 /* BINPRM_BUF_SIZE of the kernel: what it reads of a script */
#define MAX_LIBRARIES  2048

void closure_init(struct closure *c, const struct root *root, uint16_t machine)
{
	*c = (struct closure){.root = root, .machine = machine};
}

/* Take back what was added behind the first n entries. */
static void truncate_to(struct closure *c, size_t n)
{
	while (c->n > n) {
		struct closure_entry *e = &c->v[--c->n];

		c->size -= e->len;
		free(e->path);
		free(e->target);
		free(e->data);
	}
}

void closure_deinit(struct closure *c)
{
	truncate_to(c, 0);
	free(c->v);
	free(c->cache);
	*c = (struct closure){0};
}

static struct closure_entry *find(const struct closure *c, const char *path)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].path, path) == 0)
			return &c->v[i];
	return NULL;
}

/* An entry of its own, or the one that has this path. */
static int enter(struct closure *c, enum closure_kind kind, const char *path, const char *target,
		 struct closure_entry **ret, struct err *err)
{
	_cleanup_free_ char *path_copy = NULL;
	_cleanup_free_ char *target_copy = NULL;
	struct closure_entry *grown;

	*ret = find(c, path);
	if (*ret)
		return 0;
	if (c->n == CLOSURE_MAX_ENTRIES)
		return err_set(err, ERR_UNSUPPORTED, "%s: the programs need more than %d files",
			       path, CLOSURE_MAX_ENTRIES);
	path_copy = strdup(path);
	target_copy = target ? strdup(target) : NULL;
	grown = reallocarray(c->v, c->n + 1, sizeof(*grown));
	if (grown)
		c->v = grown;
	if (!grown || !path_copy || (target && !target_copy))
		return err_nomem(err, (c->n + 1) * sizeof(*grown), "the programs");
	*ret = &grown[c->n++];
	**ret = (struct closure_entry){.kind = kind,
				       .path = no_cleanup_ptr(path_copy),
				       .target = no_cleanup_ptr(target_copy)};
	return 0;
}

static bool is_hidden(const char *path)
{
	static const char *const mounts[] = {"/dev", "/proc", "/sys", "/run", "/target"};

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		size_t len = strlen(mounts[i]);

		if (strncmp(path, mounts[i], len) == 0 && (!path[len] || path[len] == '/'))
			return true;
	}
	return false;
}

/* path_look_fn: takes links and folders of the root into the closure. */
static int look(void *ctx, const char *path, bool last, char target[PATH_MAX], struct err *err)
{
	struct closure *c = ctx;
	_cleanup_close_ int fd = -1;
	struct closure_entry *e;
	struct stat st;
	ssize_t n;

	if (is_hidden(path))
		return err_set(err, ERR_USAGE,
			       "%s%s: something is mounted over that folder in the capture kernel; "
			       "use another place",
			       c->root->path, path);
	fd = root_open(c->root, path, O_PATH | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st))
		return err_sys(err, errno, "%s%s", c->root->path, path);
	if (S_ISDIR(st.st_mode) && !last)
		return enter(c, CLOSURE_FOLDER, path, NULL, &e, err);
	if (!S_ISLNK(st.st_mode)) /* a file; as a folder it will be found out */
		return last ? 0 : err_sys(err, ENOTDIR, "%s%s", c->root->path, path);
	n = readlinkat(fd, "", target, PATH_MAX);
	if (n <= 0 || n >= PATH_MAX)
		return err_sys(err, n < 0 ? errno : ENAMETOOLONG, "%s%s: read the link",
			       c->root->path, path);
	target[n] = '\0';
	return enter(c, CLOSURE_LINK, path, target, &e, err);
}

/* Take the file and all links on the way to it in; *ret is borrowed until the next one is added. */
static int take(struct closure *c, const char *path, bool executable, struct closure_entry **ret,
		struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct closure_entry *e;
	char real[PATH_MAX];
	struct stat st;

	if (path_walk(path, look, c, real, err))
		return err->code;
	fd = root_open(c->root, *real ? real : "/", O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		return err_sys(err, errno, "%s%s", c->root->path, path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE, "%s%s: is no regular file", c->root->path, path);
	if (executable && !(st.st_mode & 0111))
		return err_set(err, ERR_USAGE, "%s%s: is not executable; `chmod +x` makes it so",
			       c->root->path, path);
	if (enter(c, CLOSURE_FILE, real, NULL, &e, err))
		return err->code;
	if (!e->data) {
		char *data;
		size_t len;

		if ((uint64_t)st.st_size > CLOSURE_MAX_SIZE - c->size)
			return err_set(err, ERR_UNSUPPORTED,
				       "%s%s: with it the programs need more than %zu MB",
				       c->root->path, path, CLOSURE_MAX_SIZE >> 20);
		if (io_read_all(fd, CLOSURE_MAX_SIZE - c->size, path, &data, &len, err))
			return err->code;
		e->data = (uint8_t *)data;
		e->len = len;
		c->size += len;
	}
	*ret = e;
	return 0;
}

/* ---- what a program needs */

struct library {
	const char *name; /* as it was asked for; borrowed */
	char *path;       /* where it was found */
	struct elf_links
		links; /* its strings point into the closure's copy of the file, which does not move */
	size_t loader; /* index; the program's own is 0 */
};

struct load {
	struct closure *c;
	struct library *v;
	size_t n;
	char wrong[ERR_MSG_SIZE]; /* a file that was passed over, and why */
};

static void cleanup_load(struct load *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].path);
		elf_links_deinit(&l->v[i].links);
	}
	free(l->v);
}

/*
 * Take the library at `path` if it is one that can be loaded; else *ret_taken is false, and the closure is as it
 * was. The dynamic linker, too, goes on searching behind a file for another machine.
 */
static int try_path(struct load *l, const char *path, const char *name, size_t loader,
		    bool *ret_taken, struct err *err)
{
	_cleanup_(elf_links_deinit) struct elf_links links = {0};
	_cleanup_free_ char *copy = NULL;
	size_t had = l->c->n;
	struct closure_entry *e;
	struct library *grown;
	struct err why = {0};
	char machine[24];

	*ret_taken = false;
	if (take(l->c, path, false, &e, &why)) {
		truncate_to(l->c, had);
		if (why.sys == ENOENT || why.sys == ENOTDIR)
			return 0;
		*err = why;
		return err->code;
	}
	if (elf_read_links((struct bytes){e->data, e->len}, path, &links, &why) == 0 &&
	    links.machine != l->c->machine)
		err_set(&why, ERR_USAGE, "%s is for %s", path,
			elf_machine_name(links.machine, machine));
	if (why.code) {
		snprintf(l->wrong, sizeof(l->wrong), "%s", why.msg);
		truncate_to(l->c, had);
		return 0;
	}
	if (l->n == MAX_LIBRARIES)
		return err_set(err, ERR_UNSUPPORTED, "needs more than %d libraries", MAX_LIBRARIES);
	copy = strdup(path);
	grown = reallocarray(l->v, l->n + 1, sizeof(*grown));
	if (grown)
		l->v = grown;
	if (!grown || !copy)
		return err_nomem(err, (l->n + 1) * sizeof(*grown), "the libraries");
	grown[l->n++] = (struct library){
		.name = name, .path = no_cleanup_ptr(copy), .links = links, .loader = loader};
	links = (struct elf_links){0};
	*ret_taken = true;
	return 0;
}

/* Which kinds of processor have a folder of their own below glibc-hwcaps (glibc 2.36, sysdeps dl-hwcaps-subdirs.c). */
static const char *const *hwcaps_of(uint16_t machine)
{
	static const char *const x86[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2", NULL};
	static const char *const power[] = {"power10", "power9", NULL};
	static const char *const none[] = {NULL};

	return machine == EM_X86_64 ? x86 : machine == EM_PPC64 ? power : none;
}

/*
 * What is there for some processors only: all of it, since on which one the image will run is for the dynamic linker
 * to find out.
 */
static int try_hwcaps(struct load *l, const char *folder, const char *name, size_t loader,
		      bool *ret_taken, struct err *err)
{
	*ret_taken = false;
	for (const char *const *v = hwcaps_of(l->c->machine); *v; v++) {
		char path[PATH_MAX];
		bool taken = false;

		if (snprintf(path, sizeof(path), "%s/glibc-hwcaps/%s/%s", folder, *v, name) <
			    (int)sizeof(path) &&
		    try_path(l, path, name, loader, &taken, err))
			return err->code;
		*ret_taken |= taken;
	}
	return 0;
}

static int try_folder(struct load *l, const char *folder, const char *name, size_t loader,
		      bool *ret_taken, struct err *err)
{
	char path[PATH_MAX];

	*ret_taken = false;
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path) &&
	    try_path(l, path, name, loader, ret_taken, err))
		return err->code;
	return *ret_taken ? 0 : try_hwcaps(l, folder, name, loader, ret_taken, err);
}

/* One folder of a search path with $ORIGIN, the folder of the absolute path `origin`, filled in; false if it is none that can be in the image. */
static bool expand(const char *text, size_t len, const char *origin, char ret[PATH_MAX])
{
	size_t origin_len = (size_t)(strrchr(origin, '/') - origin), n = 0;

	for (size_t i = 0; i < len;) {
		size_t var = 0;

		if (len - i >= 7 && memcmp(text + i, "$ORIGIN", 7) == 0)
			var = 7;
		else if (len - i >= 9 && memcmp(text + i, "${ORIGIN}", 9) == 0)
			var = 9;
		else if (text[i] == '$')
			return false; /* $LIB and $PLATFORM: known to the dynamic linker only */
		if (n + (var ? origin_len : 1) >= PATH_MAX)
			return false;
		if (var)
			memcpy(ret + n, origin, origin_len);
		else
			ret[n] = text[i];
		n += var ? origin_len : 1;
		i += var ? var : 1;
	}
	ret[n] = '\0';
	return ret[0] == '/';
}

static int try_search_path(struct load *l, const char *folders, const char *origin,
			   const char *name, size_t loader, bool *ret_taken, struct err *err)
{
	*ret_taken = false;
	for (const char *p = folders; p && *p && !*ret_taken;) {
		size_t len = strcspn(p, ":");
		char folder[PATH_MAX];

		if (expand(p, len, origin, folder) &&
		    try_folder(l, folder, name, loader, ret_taken, err))
			return err->code;
		p += len + (p[len] == ':');
	}
	return 0;
}

static const char *const *default_folders(uint16_t machine)
{
	static const char *const x86[] = {"/lib/x86_64-linux-gnu",
					  "/usr/lib/x86_64-linux-gnu",
					  "/lib64",
					  "/usr/lib64",
					  "/lib",
					  "/usr/lib",
					  NULL};
	static const char *const arm64[] = {"/lib/aarch64-linux-gnu",
					    "/usr/lib/aarch64-linux-gnu",
					    "/lib64",
					    "/usr/lib64",
					    "/lib",
					    "/usr/lib",
					    NULL};
	static const char *const others[] = {"/lib64", "/usr/lib64", "/lib", "/usr/lib", NULL};

	return machine == EM_X86_64 ? x86 : machine == EM_AARCH64 ? arm64 : others;
}

static bool is_default(uint16_t machine, const char *path)
{
	size_t len = (size_t)(strrchr(path, '/') - path);

	for (const char *const *d = default_folders(machine); *d; d++)
		if (strlen(*d) == len && memcmp(*d, path, len) == 0)
			return true;
	return false;
}

static int read_cache(struct closure *c, struct ldcache *ret, struct err *err)
{
	if (!c->cache_read) {
		char *data;

		if (root_read(c->root, CACHE_PATH, CACHE_MAX_SIZE, &data, &c->cache_len, err)) {
			if (err->sys != ENOENT && err->sys != ENOTDIR)
				return err->code;
			c->cache_len = 0;
		} else {
			c->cache = (uint8_t *)data;
		}
		c->cache_read = true;
	}
	*ret = (struct ldcache){0};
	if (c->cache && ldcache_read((struct bytes){c->cache, c->cache_len}, ret, err))
		return err_wrap(err, "%s" CACHE_PATH, c->root->path);
	return 0;
}

/* By the cache: what is for every processor, else all the others. */
static int try_cache(struct load *l, const char *name, size_t loader, bool *ret_taken,
		     struct err *err)
{
	struct closure_entry *e;
	struct ldcache cache;
	bool want = false;

	*ret_taken = false;
	if (read_cache(l->c, &cache, err))
		return err->code;
	for (int some = 0; some < 2 && !*ret_taken; some++) {
		bool is_some, taken;
		const char *path;
		uint32_t pos = 0;

		while ((path = ldcache_next(&cache, name, &pos, &is_some))) {
			if (is_some != some || path[0] != '/')
				continue;
			if (try_path(l, path, name, loader, &taken, err))
				return err->code;
			*ret_taken |= taken;
			want |= taken && (some || !is_default(l->c->machine, path));
			if (taken && !some)
				break;
		}
	}
	return want ? take(l->c, CACHE_PATH, false, &e, err) : 0;
}

static int try_default(struct load *l, const char *name, size_t loader, bool *ret_taken,
		       struct err *err)
{
	*ret_taken = false;
	for (const char *const *d = default_folders(l->c->machine); *d && !*ret_taken; d++)
		if (try_folder(l, *d, name, loader, ret_taken, err))
			return err->code;
	return 0;
}

/* DT_RPATH of the one that asks and of those that loaded it, the program at last. */
static int try_rpaths(struct load *l, const char *name, size_t asks, bool *ret_taken,
		      struct err *err)
{
	*ret_taken = false;
	if (l->v[asks].links.runpath)
		return 0;
	for (size_t i = asks;; i = l->v[i].loader) {
		if (try_search_path(l, l->v[i].links.rpath, l->v[i].path, name, asks, ret_taken,
				    err))
			return err->code;
		if (*ret_taken || i == 0)
			return 0;
	}
}

static bool is_loaded(const struct load *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *soname = l->v[i].links.soname;

		if (strcmp(l->v[i].name, name) == 0 || strcmp(l->v[i].path, name) == 0 ||
		    (soname && strcmp(soname, name) == 0))
			return true;
	}
	return false;
}

static int find_library(struct load *l, const char *name, size_t asks, struct err *err)
{
	const struct elf_links *links = &l->v[asks].links;
	bool no_default = links->no_default, taken = false;
	char path[PATH_MAX];
	int r = 0;

	if (is_loaded(l, name))
		return 0;
	l->wrong[0] = '\0';
	if (strchr(name, '/')) {
		if (expand(name, strlen(name), l->v[asks].path, path))
			r = try_path(l, path, name, asks, &taken, err);
	} else {
		r = try_rpaths(l, name, asks, &taken, err);
		if (!r && !taken)
			r = try_search_path(l, l->v[asks].links.runpath, l->v[asks].path, name,
					    asks, &taken, err);
		if (!r && !taken && !no_default)
			r = try_cache(l, name, asks, &taken, err);
		if (!r && !taken && !no_default)
			r = try_default(l, name, asks, &taken, err);
	}
	if (r)
		return err_wrap(err, "%s needs %.100s", l->v[asks].path, name);
	if (!taken)
		return err_set(err, ERR_NOT_FOUND,
			       "%s%s needs the library %.100s, which is nowhere%s%s",
			       l->c->root->path, l->v[asks].path, name,
			       *l->wrong ? " but: " : "; `ldd` shows what is missing", l->wrong);
	return 0;
}

/* The dynamic linker itself is a library that others may ask for. */
static int add_interp(struct load *l, const char *interp, struct err *err)
{
	bool taken;

	if (interp[0] != '/')
		return err_set(err, ERR_CORRUPT, "the dynamic linker '%.100s' is no absolute path",
			       interp);
	l->wrong[0] = '\0';
	if (try_path(l, interp, interp, 0, &taken, err))
		return err->code;
	if (!taken)
		return err_set(err, ERR_NOT_FOUND, "its dynamic linker %.100s is not there%s%s",
			       interp, *l->wrong ? ": " : "", l->wrong);
	return 0;
}

/* `path` is the program as it will be called, `real` the same without links: what $ORIGIN is of. */
static int add_elf(struct closure *c, const char *path, const char *real, struct err *err)
{
	_cleanup_(cleanup_load) struct load l = {.c = c};
	bool taken;
	int r;

	r = try_path(&l, real, path, 0, &taken, err);
	if (r)
		return r;
	if (!taken)
		return err_set(err, ERR_USAGE, "%s%s cannot be run: %s", c->root->path, path,
			       l.wrong);
	if (l.v[0].links.interp && add_interp(&l, l.v[0].links.interp, err))
		return err_wrap(err, "%s%s", c->root->path, path);
	for (size_t i = 0; i < l.n; i++)
		for (size_t k = 0; k < l.v[i].links.n_needed; k++)
			if (find_library(&l, l.v[i].links.needed[k], i, err))
				return err->code;
	return 0;
}

/* ---- scripts */

static int add_program(struct closure *c, const char *path, unsigned int depth, struct err *err);

/* `#!/usr/bin/env NAME`: env searches NAME in PATH, which is this in the capture kernel. */
static int add_by_path(struct closure *c, const char *name, unsigned int depth, struct err *err)
{
	static const char *const folders[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[SCRIPT_LINE + 16];

		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (root_exists(c->root, path))
			return add_program(c, path, depth, err);
	}
	return err_set(err, ERR_NOT_FOUND, "no '%s' in /usr/sbin, /usr/bin, /sbin, /bin%s%s", name,
		       *c->root->path ? " below " : "", c->root->path);
}

/* The line behind `#!`: interpreter, then perhaps an argument. */
static int add_interpreter(struct closure *c, const char *script, unsigned int depth,
			   struct err *err)
{
	char line[SCRIPT_LINE], *rest = line + 2;
	struct closure_entry *e;
	const char *interpreter, *base, *word;

	if (take(c, script, true, &e, err))
		return err->code;
	snprintf(line, sizeof(line), "%.*s", (int)NUM_MIN(e->len, sizeof(line) - 1),
		 (const char *)e->data);
	line[strcspn(line, "\n")] = '\0';
	interpreter = strtok_r(rest, " \t\r", &rest);
	if (!interpreter)
		return err_set(err, ERR_USAGE, "%s%s: names no interpreter behind #!",
			       c->root->path, script);
	if (depth == MAX_SCRIPTS)
		return err_set(err, ERR_CORRUPT,
			       "%s%s: more than %d scripts that interpret each other",
			       c->root->path, script, MAX_SCRIPTS);
	base = strrchr(interpreter, '/');
	if (add_program(c, interpreter, depth + 1, err))
		return err_wrap(err, "%s%s: its interpreter", c->root->path, script);
	if (!base || strcmp(base, "/env") != 0)
		return 0;
	do {
		word = strtok_r(NULL, " \t\r", &rest);
	} while (word && (word[0] == '-' || strchr(word, '=')));
	if (word && (word[0] == '/' ? add_program(c, word, depth + 1, err)
				    : add_by_path(c, word, depth + 1, err)))
		return err_wrap(err, "%s%s: its interpreter", c->root->path, script);
	return 0;
}

static int add_program(struct closure *c, const char *path, unsigned int depth, struct err *err)
{
	struct closure_entry *e;
	_cleanup_free_ char *real = NULL;

	if (take(c, path, true, &e, err))
		return err->code;
	if (e->len >= 2 && memcmp(e->data, "#!", 2) == 0)
		return add_interpreter(c, path, depth, err);
	real = strdup(e->path);
	if (!real)
		return err_nomem(err, strlen(e->path) + 1, "a program");
	return add_elf(c, path, real, err);
}

/* The links of a merged /usr: a script calls /sbin/x or /usr/sbin/x as it likes. */
static int add_merged(struct closure *c, struct err *err)
{
	static const char *const folders[] = {"/bin", "/sbin", "/lib", "/lib64"};
	char real[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (path_walk(folders[i], look, c, real, err) && err->sys != ENOENT)
			return err->code;
	return 0;
}

int closure_add(struct closure *c, const char *program, struct err *err)
{
	if ((!c->n && add_merged(c, err)) || add_program(c, program, 0, err))
		return err_wrap(err, "program '%.200s'", program);
	return 0;
}

int closure_add_file(struct closure *c, const char *path, struct err *err)
{
	_cleanup_close_ int fd = root_open(c->root, path, O_PATH);
	struct closure_entry *e;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size > CLOSURE_MAX_FILE)
		return err_set(err, ERR_USAGE, "file '%.200s': %llu bytes; there can be %zu MB",
			       path, (unsigned long long)st.st_size, CLOSURE_MAX_FILE >> 20);
	if (take(c, path, false, &e, err))
		return err_wrap(err, "file '%.200s'", path);
	e->secret = true;
	return 0;
}

int closure_add_accounts(struct closure *c, struct err *err)
{
	static const char libc[] = "/libc.so.6", wanted[] = "/libnss_files.so.2";

	/* what is added comes behind and is none itself */
	for (size_t i = 0, n = c->n; i < n; i++) {
		size_t len = strlen(c->v[i].path);
		struct closure_entry *e;
		char path[PATH_MAX];

		if (c->v[i].kind != CLOSURE_FILE || len < strlen(libc) ||
		    strcmp(c->v[i].path + len - strlen(libc), libc) != 0 ||
		    snprintf(path, sizeof(path), "%.*s%s", (int)(len - strlen(libc)), c->v[i].path,
			     wanted) >= PATH_MAX ||
		    !root_exists(c->root, path))
			continue;
		if (take(c, path, false, &e, err))
			return err_wrap(err, "library '%.200s'", path);
	}
	return 0;
}
