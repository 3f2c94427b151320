// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/keyvalue.h"
#include "base/num.h"
#include "base/sha256.h"

#define RECORD_MAX (1024 * 1024)

static void path_of(char ret[256], const char *dir, const char *name)
{
	snprintf(ret, 256, "%s/%s", dir, name);
}

/* ---- the record */

static bool set_text(char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
	return *to;
}

/* False: no such key, or no value for it. */
static bool set(struct state *s, const char *key, const char *value)
{
	struct err ignored;

	if (strcmp(key, "method") == 0) {
		s->method = strcmp(value, load_method_name(LOAD_BY_SEGMENTS)) == 0
				    ? LOAD_BY_SEGMENTS
				    : LOAD_BY_FILES;
		return strcmp(value, load_method_name(s->method)) == 0;
	}
	if (strcmp(key, "kernel") == 0)
		return set_text(&s->kernel, value);
	if (strcmp(key, "release") == 0)
		return set_text(&s->release, value);
	if (strcmp(key, "cmdline") == 0)
		return set_text(&s->cmdline, value);
	if (strcmp(key, "kernel-sha256") == 0)
		return sha256_parse(value, s->kernel_digest);
	if (strcmp(key, "initrd-sha256") == 0)
		return sha256_parse(value, s->initrd_digest);
	if (strcmp(key, "time") == 0)
		return num_parse_range(value, 1, INT64_MAX, &s->time, &ignored) == 0;
	if (strcmp(key, "memory") == 0)
		return s->memory_known = sha256_parse(value, s->memory);
	return false;
}

static int parse(char *text, size_t text_len, const char *path, struct state *s, struct err *err)
{
	struct keyvalue_lines lines = {.next = text, .end = text + text_len};
	static const uint8_t none[32];
	char *line;
	size_t len;

	while (keyvalue_line(&lines, &line, &len)) {
		bool whole = strlen(line) == len; /* no NUL in it */
		char *value = strchr(line, '=');

		if (!len)
			continue;
		if (value)
			*value++ = '\0';
		if (!whole || !value || !set(s, line, value))
			return err_set(err, ERR_CORRUPT, "%s: line %u, \"%.40s\", makes no sense",
				       path, lines.number, line);
	}
	if (!s->method || !s->kernel || !s->cmdline || !s->release || !s->time ||
	    memcmp(s->kernel_digest, none, 32) == 0 || memcmp(s->initrd_digest, none, 32) == 0)
		return err_set(err, ERR_CORRUPT, "%s: is not complete", path);
	s->known = true;
	return 0;
}

int state_read(const struct state_dirs *dirs, struct state *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	struct state s = {0};
	char path[PATH_MAX];
	size_t len;
	int r;

	/* of a recorded machine it can be anywhere, and anything: nobody may ever write into a FIFO */
	if (snprintf(path, sizeof(path), "%s/panic-kernel", dirs->run) >= (int)sizeof(path))
		return err_sys(err, ENAMETOOLONG, "%s", dirs->run);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		*ret = s;
		return 0;
	}
	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	r = io_read_all(fd, RECORD_MAX, path, &text, &len, err);
	if (r)
		return r;
	r = parse(text, len, path, &s, err);
	if (r)
		state_deinit(&s);
	else
		*ret = s;
	return r;
}

void state_deinit(struct state *s)
{
	free(s->kernel);
	free(s->release);
	free(s->cmdline);
	*s = (struct state){0};
}

/* ---- writing */

int state_lock(const struct state_dirs *dirs)
{
	struct err ignored;
	char path[256];

	if (io_make_folder(dirs->run, &ignored))
		return -1;
	path_of(path, dirs->run, "lock");
	return io_lock(path, &ignored);
}

/* Copies are under names of their content. */
static void copy_path(char ret[256], const struct state_dirs *dirs, const char *what,
		      const uint8_t digest[32])
{
	char name[96], hex[65];

	sha256_text(digest, hex);
	snprintf(name, sizeof(name), "%s-%.16s", what, hex);
	path_of(ret, dirs->lib, name);
}

/* One of the same size may still be damaged, and would stay so. */
static bool is_copy(const char *path, struct bytes data)
{
	_cleanup_free_ char *there = NULL;
	struct err ignored;
	struct stat st;
	size_t len;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == data.len &&
	       io_read_file(path, data.len, &there, &len, &ignored) == 0 && len == data.len &&
	       memcmp(there, data.data, len) == 0;
}

static int copy(const struct state_dirs *dirs, const char *what, const uint8_t digest[32],
		struct bytes data, struct err *err)
{
	char path[256];

	copy_path(path, dirs, what, digest);
	if (is_copy(path, data))
		return 0;
	return io_write_file(path, data.data, data.len, err);
}

/* A name of copy_path(), or of one that was not written to its end. */
static bool is_copy_name(const char *name)
{
	const char *end = name + 7;

	if (strncmp(name, "kernel-", 7) && strncmp(name, "initrd-", 7))
		return false;
	end += strspn(end, "0123456789abcdef");
	return end == name + 7 + 16 && (!*end || strcmp(end, ".tmp") == 0);
}

/*
 * Of copies only this plan's stay. The folder is searched for them, as the record that named the others is gone
 * after each boot. What cannot be removed is only space.
 */
static void remove_others(const struct state_dirs *dirs, const struct plan *plan)
{
	char kernel[256], initrd[256];
	DIR *dir = opendir(dirs->lib);
	struct dirent *e;

	if (!dir)
		return;
	copy_path(kernel, dirs, "kernel", plan->files.kernel_digest);
	copy_path(initrd, dirs, "initrd", plan->files.initrd_digest);
	while ((e = readdir(dir)))
		if (is_copy_name(e->d_name) && strcmp(e->d_name, basename(kernel)) &&
		    strcmp(e->d_name, basename(initrd)))
			unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
}

static int write_record(const struct state_dirs *dirs, const struct plan *p,
			enum load_method method, struct err *err)
{
	char kernel[65], initrd[65], memory[65], path[256];
	_cleanup_free_ char *text = NULL;
	uint8_t digest[32];
	int len;

	sha256_text(p->files.kernel_digest, kernel);
	sha256_text(p->files.initrd_digest, initrd);
	state_memory(&p->machine, digest);
	sha256_text(digest, memory);
	len = asprintf(&text,
		       "method=%s\nkernel=%s\nrelease=%s\ncmdline=%s\nkernel-sha256=%s\n"
		       "initrd-sha256=%s\ntime=%jd\n%s%s%s",
		       load_method_name(method), p->kernel, p->files.image.release, p->cmdline.line,
		       kernel, initrd, (intmax_t)time(NULL), p->machine.n_areas ? "memory=" : "",
		       p->machine.n_areas ? memory : "", p->machine.n_areas ? "\n" : "");
	if (len < 0) {
		text = NULL;
		return err_nomem(err, 4096, "the record of what is loaded");
	}
	path_of(path, dirs->run, "panic-kernel");
	return io_write_file(path, text, (size_t)len, err);
}

int state_write(const struct state_dirs *dirs, const struct plan *p, enum load_method method,
		struct err *err)
{
	/* What it names is not loaded any more, whatever becomes of the new one. */
	int r = state_forget(dirs, err);

	if (r)
		return r;
	if (strchr(p->kernel, '\n') || strchr(p->cmdline.line, '\n'))
		return err_set(err, ERR_UNSUPPORTED,
			       "a line break in the name of the kernel or in the command line: "
			       "what is loaded is not recorded");
	r = io_make_folder(dirs->run, err);
	if (!r)
		r = io_make_folder(dirs->lib, err);
	if (r)
		return r;
	remove_others(dirs, p);
	r = copy(dirs, "kernel", p->files.kernel_digest, p->files.kernel, err);
	if (!r && p->files.initrd.len)
		r = copy(dirs, "initrd", p->files.initrd_digest, p->files.initrd, err);
	return r ? r : write_record(dirs, p, method, err);
}

int state_forget(const struct state_dirs *dirs, struct err *err)
{
	char path[256];

	path_of(path, dirs->run, "panic-kernel");
	if (unlink(path) && errno != ENOENT)
		return err_sys(err, errno, "%s: unlink", path);
	return 0;
}

/* ---- comparing */

static void digest_u64(struct sha256 *s, uint64_t value)
{
	uint64_t le = htole64(value);

	sha256_update(s, &le, sizeof(le));
}

void state_memory(const struct machine *m, uint8_t ret[32])
{
	struct sha256 s;

	sha256_init(&s);
	for (size_t i = 0; i < m->n_areas; i++) {
		const struct mem_area *a = &m->areas[i];

		if (a->kind != AREA_RAM && a->kind != AREA_DRIVER_RAM)
			continue;
		digest_u64(&s, a->range.start);
		digest_u64(&s, a->range.end);
	}
	digest_u64(&s, m->crash.n);
	for (size_t i = 0; i < m->crash.n; i++) {
		digest_u64(&s, m->crash.v[i].start);
		digest_u64(&s, m->crash.v[i].end);
	}
	for (size_t i = 0; i < m->n_cpus; i++)
		digest_u64(&s, m->cpus[i].addr);
	sha256_final(&s, ret);
}

bool state_matches(const struct state *s, const struct plan *p, enum load_method method)
{
	uint8_t memory[32];

	if (!s->known || s->method != method || strcmp(s->cmdline, p->cmdline.line) ||
	    memcmp(s->kernel_digest, p->files.kernel_digest, 32) ||
	    memcmp(s->initrd_digest, p->files.initrd_digest, 32))
		return false;
	if (p->machine.elfcorehdr_size)
		return true; /* the kernel keeps the header up to date */
	state_memory(&p->machine, memory);
	return s->memory_known && p->machine.n_areas && memcmp(memory, s->memory, 32) == 0;
}

struct load_request state_request(const struct state_dirs *dirs, const struct state *s,
				  struct state_paths *paths)
{
	struct stat st;
	bool initrd;

	copy_path(paths->kernel, dirs, "kernel", s->kernel_digest);
	copy_path(paths->initrd, dirs, "initrd", s->initrd_digest);
	paths->initrds[0] = paths->initrd;
	initrd = stat(paths->initrd, &st) == 0;
	return (struct load_request){
		.panic = true,
		.kernel = paths->kernel,
		.initrds = paths->initrds,
		.n_initrds = initrd,
		.cmdline = s->cmdline,
		.no_rules = true,
		.method = s->method,
	};
}
