// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An entry is a header of 110 ASCII bytes, the name with its NUL, padding to 4 bytes, the content,
 * padding to 4 bytes. All numbers in the header are 8 hexadecimal digits.
 */
#include "initramfs/cpio.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"

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

void cpio_init(struct cpio *c)
{
	*c = (struct cpio){.out = BUF_INIT(CPIO_MAX_SIZE)};
}

void cpio_deinit(struct cpio *c)
{
	buf_deinit(&c->out);
	for (size_t i = 0; i < c->n_folders; i++)
		free(c->folders[i]);
	free(c->folders);
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

static bool has_folder(const struct cpio *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->n_folders; i++)
		if (strlen(c->folders[i]) == len && memcmp(c->folders[i], name, len) == 0)
			return true;
	return false;
}

static int append_folder(struct cpio *c, const char *name, size_t len, unsigned int mode,
			 struct err *err)
{
	_cleanup_free_ char *copy = NULL;
	char **grown;

	if (has_folder(c, name, len))
		return 0;
	copy = strndup(name, len);
	grown = reallocarray(c->folders, c->n_folders + 1, sizeof(*grown));
	if (grown)
		c->folders = grown;
	if (!copy || !grown)
		return err_nomem(err, len + 1, "a folder's name");
	if (append_entry(c, &(struct entry){.name = copy, .mode = S_IFDIR | mode}, err))
		return err->code;
	c->folders[c->n_folders++] = no_cleanup_ptr(copy);
	return 0;
}

/* Check the path, add the folders above it; *ret_name is what to store. */
static int enter(struct cpio *c, const char *path, const char **ret_name, struct err *err)
{
	const char *name = path + 1;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return err_set(err, ERR_CORRUPT, "'%.200s' is no path for a file of %s", path,
			       WHAT);
	for (const char *part = name;; part++) {
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return err_set(err, ERR_CORRUPT, "'%.200s' is no path for a file of %s",
				       path, WHAT);
		part += len;
		if (!*part)
			break;
	}
	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/'))
		if (append_folder(c, name, (size_t)(slash - name), 0755, err))
			return err->code;
	*ret_name = name;
	return 0;
}

int cpio_add_folder(struct cpio *c, const char *path, unsigned int mode, struct err *err)
{
	const char *name;

	if (enter(c, path, &name, err))
		return err->code;
	return append_folder(c, name, strlen(name), mode, err);
}

int cpio_add_file(struct cpio *c, const char *path, unsigned int mode, struct bytes content,
		  struct err *err)
{
	struct entry e = {.mode = S_IFREG | mode, .content = content};

	if (enter(c, path, &e.name, err))
		return err->code;
	return append_entry(c, &e, err);
}

int cpio_add_char_device(struct cpio *c, const char *path, unsigned int mode, unsigned int major,
			 unsigned int minor, struct err *err)
{
	struct entry e = {.mode = S_IFCHR | mode, .major = major, .minor = minor};

	if (enter(c, path, &e.name, err))
		return err->code;
	return append_entry(c, &e, err);
}

int cpio_finish(struct cpio *c, struct bytes *ret, struct err *err)
{
	if (append_entry(c, &(struct entry){.name = TRAILER}, err))
		return err->code;
	*ret = buf_bytes(&c->out);
	return 0;
}
