// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "format/elfcore.h"
#include "format/input.h"
#include "format/kdump.h"

#define HEAD_SIZE 4096

int source_init(struct source *src, const struct source_ops *ops, const struct input *in,
		const char *path, struct err *err)
{
	*src = (struct source){.ops = ops};
	ranges_init(&src->ram);
	ranges_init(&src->present);
	src->file_size = in->size;
	src->fd = in->flattened ? -1 : in->fd;
	src->path = strdup(path);
	return src->path ? 0 : err_nomem(err, strlen(path) + 1, path);
}

void source_deinit(struct source *src)
{
	free(src->path);
	ranges_deinit(&src->ram);
	ranges_deinit(&src->present);
	free((void *)src->notes.data); /* ours; const for everybody else */
	*src = (struct source){0};
}

static int unknown_format(struct bytes head, struct err *err)
{
	char hex[16 * 3 + 1] = "", text[16 + 1] = "";

	for (size_t i = 0; i < NUM_MIN(head.len, 16); i++) {
		snprintf(hex + i * 3, 4, "%02x ", head.data[i]);
		text[i] = isascii(head.data[i]) && isprint(head.data[i]) ? (char)head.data[i] : '.';
	}
	return err_set(err, ERR_UNSUPPORTED,
		       "neither an ELF vmcore nor a kdump-compressed file; it begins with %s|%s|",
		       hex, text);
}

/* The first block of a flattened file is its last record, since a stream takes no byte twice: see sink_settle(). */
static bool lacks_header(const struct input *in, struct bytes head)
{
	if (!in->flattened || !in->cut)
		return false;
	for (size_t i = 0; i < head.len; i++)
		if (head.data[i])
			return false;
	return true;
}

/* Takes the input over on success only. */
static int open_input(const struct source_ops *const *ops, size_t n, struct input *in,
		      const char *path, struct source **ret, struct err *err)
{
	uint8_t buf[HEAD_SIZE];
	struct bytes head;

	if (input_read_head(in, buf, sizeof(buf), &head, err))
		return err->code;
	if (!head.len)
		return err_set(err, ERR_CORRUPT, "the file is empty");
	for (size_t i = 0; i < n; i++)
		if (ops[i]->probe(head))
			return ops[i]->open(in, path, ret, err);
	if (lacks_header(in, head))
		return err_set(err, ERR_CORRUPT,
			       "a flattened dump that was cut off before its header, which comes "
			       "last: no page of it can be found; what there is of that crash is "
			       "its log");
	return unknown_format(head, err);
}

/* Open a file of one of these formats. Takes fd over on success only. */
static int open_fd(const struct source_ops *const *ops, size_t n, int fd, const char *path,
		   const struct source_options *options, struct source **ret, struct err *err)
{
	struct input *in;

	if (input_create(fd, &in, err))
		return err_wrap(err, "%s", path);
	if (options && options->no_mmap)
		in->may_map = false;
	in->may_be_cut = options && options->cut && in->size; /* what has no size has no end */
	if (open_input(ops, n, in, path, ret, err)) {
		in->fd = -1;
		input_destroy(in);
		return err_wrap(err, "%s", path);
	}
	return 0;
}

static int open_path(const struct source_ops *const *ops, size_t n, const char *path,
		     const struct source_options *options, struct source **ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	if (open_fd(ops, n, fd, path, options, ret, err)) {
		close(fd);
		return err->code;
	}
	return 0;
}

static const struct source_ops *const formats[] = {&elfcore_source, &kdump_source};

int source_open_with(const char *path, const struct source_options *options, struct source **ret,
		     struct err *err)
{
	return open_path(formats, ARRAY_SIZE(formats), path, options, ret, err);
}

int source_open(const char *path, struct source **ret, struct err *err)
{
	return source_open_with(path, NULL, ret, err);
}

int source_open_fd(int fd, const char *name, struct source **ret, struct err *err)
{
	return open_fd(formats, ARRAY_SIZE(formats), fd, name, NULL, ret, err);
}

int source_open_as(const struct source_ops *format, const char *path, struct source **ret,
		   struct err *err)
{
	return open_path(&format, 1, path, NULL, ret, err);
}

void source_destroy(struct source *src)
{
	if (src)
		src->ops->destroy(src);
}

int source_exclude(struct source *src, uint64_t start, uint64_t end, struct err *err)
{
	int r = ranges_sub(&src->ram, start, end, err);

	return r ? r : ranges_sub(&src->present, start, end, err);
}

int source_read(const struct source *src, uint64_t phys, void *buf, size_t len, struct err *err)
{
	uint64_t end;

	if (!num_add(phys, (uint64_t)len, &end))
		return err_set(err, ERR_NOT_FOUND,
			       "%s: %zu bytes at physical address 0x%" PRIx64
			       " reach past the end of the address space",
			       src->path, len, phys);
	if (src->ops->read(src, phys, buf, len, err))
		return err_wrap(err, "%s", src->path);
	return 0;
}

int source_map(const struct source *src, struct view *view, uint64_t phys, const uint8_t **ret,
	       size_t *ret_len, struct err *err)
{
	if (phys < view->start || phys - view->start >= view->len) {
		if (src->ops->map(src, view, phys, err))
			return err_wrap(err, "%s", src->path);
	}
	*ret = view->data + (phys - view->start);
	*ret_len = view->len - (size_t)(phys - view->start);
	return 0;
}

void view_init(struct view *view)
{
	*view = (struct view){0};
}

void view_deinit(const struct source *src, struct view *view)
{
	if (view->priv)
		src->ops->unmap(view);
	view_init(view);
}
