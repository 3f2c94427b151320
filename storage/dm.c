// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/dm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "base/bytes.h"
#include "base/num.h"

#define CONTROL    "/dev/mapper/control"
#define MIN_BUFFER 16384
#define MAX_BUFFER (1U << 20)
#define ALIGN      8

/* A request's buffer: a header, and what belongs to it. */
static struct dm_ioctl *make_request(size_t size, const char *name, struct err *err)
{
	struct dm_ioctl *io;

	if (strlen(name) >= sizeof(io->name)) {
		err_set(err, ERR_USAGE, "the name of a device-mapper device is too long");
		return NULL;
	}
	io = calloc(1, size);
	if (!io) {
		err_nomem(err, size, "device-mapper");
		return NULL;
	}
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = (uint32_t)size;
	io->data_start = sizeof(*io);
	strcpy(io->name, name);
	return io;
}

static int open_control(const struct root *root, struct err *err)
{
	int fd = root_open(root, CONTROL, O_RDWR);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		err_set(err, ERR_NOT_FOUND,
			"this kernel has no device-mapper, or its module dm_mod is not loaded");
	else if (fd < 0)
		err_sys(err, errno, CONTROL);
	return fd;
}

/* One request that has no more than a header. */
static int ask(const struct root *root, const struct sys *sys, unsigned long request,
	       struct dm_ioctl *io, const char *what, struct err *err)
{
	_cleanup_close_ int fd = open_control(root, err);
	char name[DM_NAME_LEN];

	if (fd < 0)
		return err->code;
	memcpy(name, io->name, sizeof(name));
	if (!sys->ioctl(fd, request, io))
		return 0;
	if (errno == ENXIO)
		return err_set(err, ERR_NOT_FOUND, "there is no device-mapper device %s", name);
	return err_sys(err, errno, "device-mapper %s: %s", name, what);
}

int dm_find(const struct root *root, const struct sys *sys, const char *name, struct dm_device *ret,
	    struct err *err)
{
	_cleanup_free_ struct dm_ioctl *io = make_request(sizeof(*io), name, err);

	if (!io || ask(root, sys, DM_DEV_STATUS, io, "status", err))
		return err->code;
	*ret = (struct dm_device){.active = io->flags & DM_ACTIVE_PRESENT_FLAG,
				  .minor = minor(io->dev)};
	snprintf(ret->uuid, sizeof(ret->uuid), "%.*s", (int)sizeof(io->uuid) - 1, io->uuid);
	return 0;
}

int dm_remove(const struct root *root, const struct sys *sys, const char *name, bool *ret_busy,
	      struct err *err)
{
	_cleanup_free_ struct dm_ioctl *io = make_request(sizeof(*io), name, err);
	int r = io ? ask(root, sys, DM_DEV_REMOVE, io, "remove", err) : err->code;

	if (r && err->sys != EBUSY)
		return r;
	*ret_busy = r != 0;
	return 0;
}

/* ---- making one */

/* "START LENGTH TYPE ARGS" into a struct dm_target_spec at `to`; *ret is how far it reaches. */
static int put_row(const char *row, uint8_t *to, size_t room, size_t *ret, struct err *err)
{
	struct dm_target_spec *spec = (struct dm_target_spec *)to;
	int args = -1;
	size_t len;

	if (room < sizeof(*spec) ||
	    sscanf(row, "%" SCNu64 " %" SCNu64 " %15s %n", (uint64_t *)&spec->sector_start,
		   (uint64_t *)&spec->length, spec->target_type, &args) != 3)
		return err_set(err, ERR_USAGE, "'%.80s' is no row of a table", row);
	row = args < 0 ? "" : row + args;
	len = strlen(row) + 1;
	if (len > room - sizeof(*spec))
		return err_set(err, ERR_USAGE, "a table that is too long");
	memcpy(to + sizeof(*spec), row, len);
	spec->next = (uint32_t)num_align_up(sizeof(*spec) + len, ALIGN);
	*ret = spec->next;
	return 0;
}

static size_t table_size(char *const *rows)
{
	size_t size = sizeof(struct dm_ioctl);

	for (; *rows; rows++)
		size += sizeof(struct dm_target_spec) + strlen(*rows) + 1 + ALIGN;
	return size;
}

static int load_table(const struct root *root, const struct sys *sys, const char *name,
		      char *const *rows, struct err *err)
{
	size_t size = table_size(rows), at = sizeof(struct dm_ioctl), step = 0;
	_cleanup_free_ struct dm_ioctl *io = make_request(size, name, err);

	if (!io)
		return err->code;
	for (; *rows; rows++, io->target_count++) {
		if (put_row(*rows, (uint8_t *)io + at, size - at, &step, err))
			return err->code;
		at += step;
	}
	if (ask(root, sys, DM_TABLE_LOAD, io, "the kernel does not take its table", err))
		return err->code;
	return 0;
}

static int resume(const struct root *root, const struct sys *sys, const char *name,
		  unsigned int *ret_minor, struct err *err)
{
	_cleanup_free_ struct dm_ioctl *io = make_request(sizeof(*io), name, err);

	/* without DM_SUSPEND_FLAG it resumes */
	if (!io || ask(root, sys, DM_DEV_SUSPEND, io, "resume", err))
		return err->code;
	*ret_minor = minor(io->dev);
	return 0;
}

int dm_create(const struct root *root, const struct sys *sys, const char *name, const char *uuid,
	      char *const *rows, unsigned int *ret_minor, struct err *err)
{
	_cleanup_free_ struct dm_ioctl *io = make_request(sizeof(*io), name, err);
	struct err ignored;
	bool busy;

	if (!io)
		return err->code;
	if (strlen(uuid) >= sizeof(io->uuid))
		return err_set(err, ERR_USAGE, "the uuid of %s is too long", name);
	strcpy(io->uuid, uuid);
	if (ask(root, sys, DM_DEV_CREATE, io, "create", err))
		return err->code;
	if (!load_table(root, sys, name, rows, err) && !resume(root, sys, name, ret_minor, err))
		return 0;
	(void)!dm_remove(root, sys, name, &busy, &ignored);
	return err->code;
}

/* ---- the table of one */

int dm_rows(const void *data, size_t used, size_t end, unsigned int n, char **ret, struct err *err)
{
	const uint8_t *at = data;
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	int r = 0;

	if (!to)
		return err_nomem(err, end, "a table");
	for (size_t start = used; n && !r; n--) {
		struct dm_target_spec spec;
		size_t room, args;

		if (used > end || end - used <= sizeof(spec)) {
			r = err_set(err, ERR_CORRUPT, "a table that ends too early");
			break;
		}
		memcpy(&spec, at + used, sizeof(spec));
		room = end - used - sizeof(spec);
		args = strnlen((const char *)at + used + sizeof(spec), room);
		if (args == room) {
			r = err_set(err, ERR_CORRUPT, "a row without end");
			break;
		}
		fprintf(to, "%" PRIu64 " %" PRIu64 " %.*s%s%s\n", (uint64_t)spec.sector_start,
			(uint64_t)spec.length, (int)sizeof(spec.target_type), spec.target_type,
			args ? " " : "", (const char *)at + used + sizeof(spec));
		/* in an answer it counts from the first one, and not from this one as in a request */
		if (n > 1 && (spec.next <= used - start || spec.next > end - start))
			r = err_set(err, ERR_CORRUPT, "rows that lead nowhere");
		used = start + spec.next;
	}
	if (fclose(to) && !r)
		r = err_nomem(err, end, "a table");
	if (r)
		free(text);
	else
		*ret = text;
	return r;
}

int dm_table(const struct root *root, const struct sys *sys, const char *name, char **ret,
	     struct err *err)
{
	for (size_t size = MIN_BUFFER; size <= MAX_BUFFER; size *= 4) {
		struct dm_ioctl *io = make_request(size, name, err);
		bool full;
		int r;

		if (!io)
			return err->code;
		io->flags = DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG;
		r = ask(root, sys, DM_TABLE_STATUS, io, "table", err);
		full = io->flags & DM_BUFFER_FULL_FLAG;
		if (!r && !full)
			r = dm_rows(io, io->data_start, NUM_MIN(io->data_size, size),
				    io->target_count, ret, err);
		explicit_bzero(io, size);
		free(io);
		if (r || !full)
			return r;
	}
	return err_set(err, ERR_UNSUPPORTED, "device-mapper %s: a table of more than %u bytes",
		       name, MAX_BUFFER);
}
