// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An entry is a header of 110 ASCII bytes, the name with its NUL, padding to 4 bytes, the content,
 * padding to 4 bytes. All numbers in the header are 8 hexadecimal digits.
 */
#include "initramfs/cpio.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "initramfs/path.h"

#define NEWC_HEADER_SIZE 110
#define NEWC_ALIGN       4
#define TRAILER          "TRAILER!!!"
#define WHAT             "the initramfs" /* in messages about its size */

struct entry {
	const char *name;  /* without leading slash */
	unsigned int mode; /* with the type bits */
	unsigned int major, minor;
	struct bytes content;
};

struct cpio_entry {
	char *path;
	char *target; /* of a symbolic link, else NULL */
	unsigned int mode;
};

void cpio_init(struct cpio *c)
{
	*c = (struct cpio){.out = BUF_INIT(CPIO_MAX_SIZE)};
}

void cpio_deinit(struct cpio *c)
{
	buf_deinit(&c->out);
	for (size_t i = 0; i < c->n_entries; i++) {
		free(c->entries[i].path);
		free(c->entries[i].target);
	}
	free(c->entries);
	*c = (struct cpio){0};
}

static int pad(struct cpio *c, struct err *err)
{
	return buf_append_zeros(
		&c->out, (size_t)(num_align_up(c->out.len, NEWC_ALIGN) - c->out.len), WHAT, err);
}

static int append_entry(struct cpio *c, const struct entry *e, struct err *err)
{
	/* the kernel takes entries with equal inode numbers and nlink >= 2 for hard links */
	unsigned int nlink = S_ISDIR(e->mode) ? 2 : 1;
	size_t name_size = strlen(e->name) + 1;
	char header[NEWC_HEADER_SIZE + 1];
	int n;

	/* the fields are 32 bits wide, the archive's ceiling is lower: checked before it is cast */
	if (e->content.len > CPIO_MAX_SIZE)
		return err_set(err, ERR_CORRUPT, "%s: %zu bytes are too large for %s", e->name,
			       e->content.len, WHAT);
	n = snprintf(header, sizeof(header),
		     "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		     (unsigned int)++c->ino, e->mode, 0u, 0u, nlink, 0u,
		     (unsigned int)e->content.len, 0u, 0u, e->major, e->minor,
		     (unsigned int)name_size, 0u);
	if (n != NEWC_HEADER_SIZE)
		return err_set(err, ERR_CORRUPT, "%s: %d bytes of cpio header", e->name, n);
	if (buf_append(&c->out, header, NEWC_HEADER_SIZE, WHAT, err) ||
	    buf_append(&c->out, e->name, name_size, WHAT, err) || pad(c, err) ||
	    buf_append(&c->out, e->content.data, e->content.len, WHAT, err) || pad(c, err))
		return err->code;
	return 0;
}

static struct cpio_entry *find(const struct cpio *c, const char *path)
{
	for (size_t i = 0; i < c->n_entries; i++)
		if (strcmp(c->entries[i].path, path) == 0)
			return &c->entries[i];
	return NULL;
}

/* Write the entry and remember it, so that later ones can be checked against it. */
static int append_new(struct cpio *c, const char *path, const char *target, struct entry *e,
		      struct err *err)
{
	_cleanup_free_ char *path_copy = strdup(path);
	_cleanup_free_ char *target_copy = target ? strdup(target) : NULL;
	struct cpio_entry *grown = reallocarray(c->entries, c->n_entries + 1, sizeof(*c->entries));
	size_t was = c->out.len;

	if (grown)
		c->entries = grown;
	if (!grown || !path_copy || (target && !target_copy))
		return err_nomem(err, (c->n_entries + 1) * sizeof(*grown), "the initramfs");
	e->name = path + 1;
	if (append_entry(c, e, err)) {
		c->out.len = was;
		return err->code;
	}
	grown[c->n_entries++] = (struct cpio_entry){.path = no_cleanup_ptr(path_copy),
						    .target = no_cleanup_ptr(target_copy),
						    .mode = e->mode};
	return 0;
}

static int append_folder(struct cpio *c, const char *path, unsigned int mode, struct err *err)
{
	const struct cpio_entry *there = find(c, path);

	if (there && S_ISDIR(there->mode))
		return 0;
	if (there)
		return err_set(err, ERR_CORRUPT, "%s of %s is no folder", path, WHAT);
	return append_new(c, path, NULL, &(struct entry){.mode = S_IFDIR | mode}, err);
}

/* On the way to an entry: follow links, make folders. The entry itself is not looked at. */
static int look(void *ctx, const char *path, bool last, char target[PATH_MAX], struct err *err)
{
	struct cpio *c = ctx;
	const struct cpio_entry *there = find(c, path);

	if (last)
		return 0;
	if (!there || !there->target)
		return append_folder(c, path, 0755, err);
	if (snprintf(target, PATH_MAX, "%s", there->target) >= PATH_MAX)
		return err_set(err, ERR_CORRUPT, "%s: the link's target is too long", path);
	return 0;
}

/* Check the path, add the folders above it; `ret` is where it goes. */
static int enter(struct cpio *c, const char *path, char ret[PATH_MAX], struct err *err)
{
	bool ok = path[0] == '/' && strlen(path) < PATH_MAX;

	for (const char *part = path + 1; ok; part++) {
		size_t len = strcspn(part, "/");

		ok = len && !(len == 1 && part[0] == '.') && !(len == 2 && !memcmp(part, "..", 2));
		part += len;
		if (!*part)
			break;
	}
	if (!ok)
		return err_set(err, ERR_CORRUPT, "'%.200s' is no path for a file of %s", path,
			       WHAT);
	return path_walk(path, look, c, ret, err);
}

static int add(struct cpio *c, const char *path, const char *target, struct entry *e,
	       struct err *err)
{
	char where[PATH_MAX];

	if (enter(c, path, where, err))
		return err->code;
	if (find(c, where))
		return err_set(err, ERR_CORRUPT, "%s is twice in %s", where, WHAT);
	return append_new(c, where, target, e, err);
}

int cpio_add_folder(struct cpio *c, const char *path, unsigned int mode, struct err *err)
{
	char where[PATH_MAX];

	if (enter(c, path, where, err))
		return err->code;
	return append_folder(c, where, mode, err);
}

int cpio_add_file(struct cpio *c, const char *path, unsigned int mode, struct bytes content,
		  struct err *err)
{
	int r = add(c, path, NULL, &(struct entry){.mode = S_IFREG | mode, .content = content},
		    err);

	if (r)
		return r;
	c->content += content.len;
	c->pages += (content.len + CPIO_PAGE - 1) / CPIO_PAGE;
	return 0;
}

int cpio_add_char_device(struct cpio *c, const char *path, unsigned int mode, unsigned int major,
			 unsigned int minor, struct err *err)
{
	return add(c, path, NULL,
		   &(struct entry){.mode = S_IFCHR | mode, .major = major, .minor = minor}, err);
}

int cpio_add_link(struct cpio *c, const char *path, const char *target, struct err *err)
{
	struct bytes content = {(const uint8_t *)target, strlen(target)};

	if (!content.len || content.len >= PATH_MAX)
		return err_set(err, ERR_CORRUPT, "%s: a symbolic link to %zu bytes", path,
			       content.len);
	return add(c, path, target, &(struct entry){.mode = S_IFLNK | 0777, .content = content},
		   err);
}

int cpio_finish(struct cpio *c, struct bytes *ret, struct err *err)
{
	if (append_entry(c, &(struct entry){.name = TRAILER}, err))
		return err->code;
	*ret = buf_bytes(&c->out);
	return 0;
}
