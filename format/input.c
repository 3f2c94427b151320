// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/input.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/io.h"
#include "base/num.h"

#define COPY_MAX (1ULL << 30) /* bytes of a flattened file copied to memory */
#define SPAN_MAX (1ULL << 35) /* the same with the gaps, which take address space only */

/* Of a file as fstat says (/proc/vmcore too); of a block device where it ends. */
static int file_size(int fd, uint64_t *ret, struct err *err)
{
	struct stat st;
	off_t size;

	if (fstat(fd, &st))
		return err_sys(err, errno, "fstat");
	size = S_ISBLK(st.st_mode) ? lseek(fd, 0, SEEK_END) : st.st_size;
	if (size < 0)
		return err_sys(err, errno, "size of the block device");
	*ret = (uint64_t)size;
	return 0;
}

static bool on_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static int unflatten(struct input *in, struct err *err)
{
	if (flat_index_init(&in->index, in->fd, in->size, err))
		return err->code;
	in->flattened = true;
	in->may_map = false;
	in->cut = in->index.cut;
	in->size = in->index.size;
	return 0;
}

int input_create(int fd, struct input **ret, struct err *err)
{
	struct input *in = calloc(1, sizeof(*in));
	struct bytes head = {0};
	uint8_t buf[32];
	int r;

	if (!in)
		return err_nomem(err, sizeof(*in), "an input file");
	in->fd = fd;
	in->may_map = on_procfs(fd);
	r = file_size(fd, &in->size, err);
	if (!r)
		r = input_read_head(in, buf, sizeof(buf), &head, err);
	if (!r && flat_probe(head))
		r = unflatten(in, err);
	if (r) {
		in->fd = -1; /* stays the caller's */
		input_destroy(in);
		return r;
	}
	*ret = in;
	return 0;
}

void input_destroy(struct input *in)
{
	if (!in)
		return;
	if (in->fd >= 0)
		close(in->fd);
	flat_index_deinit(&in->index);
	free(in);
}

int input_read_head(const struct input *in, uint8_t *buf, size_t cap, struct bytes *ret,
		    struct err *err)
{
	size_t len = in->flattened ? (size_t)NUM_MIN(cap, in->size) : 0;

	if (in->flattened && input_read(in, buf, len, 0, "first bytes", err))
		return err->code;
	/* a plain file may not say how long it is */
	while (!in->flattened && len < cap) {
		ssize_t n = pread(in->fd, buf + len, cap - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret = (struct bytes){buf, len};
	return 0;
}

static int read_flattened(const struct input *in, uint8_t *buf, size_t len, uint64_t off,
			  const char *what, struct err *err)
{
	const struct flat_extent *e = flat_index_from(&in->index, off);
	uint64_t end;

	if (!num_add(off, (uint64_t)len, &end) || end > in->size)
		return err_set(err, ERR_CORRUPT,
			       "%s: ends at 0x%" PRIx64 ", inside %zu bytes at 0x%" PRIx64, what,
			       in->size, len, off);
	/* the last extent ends where the file does: there is one as long as bytes are wanted */
	for (uint64_t at = off, part; at < end; at += part, buf += part) {
		e += at == e->end;
		if (at < e->start) {
			part = NUM_MIN(end, e->start) - at;
			memset(buf, 0, part);
			continue;
		}
		part = NUM_MIN(end, e->end) - at;
		if (io_pread_full(in->fd, buf, part, e->off + (at - e->start), what, err))
			return err->code;
	}
	return 0;
}

int input_read(const struct input *in, void *buf, size_t len, uint64_t off, const char *what,
	       struct err *err)
{
	return in->flattened ? read_flattened(in, buf, len, off, what, err)
			     : io_pread_full(in->fd, buf, len, off, what, err);
}

bool input_next_data(const struct input *in, uint64_t at, uint64_t end, struct range *ret)
{
	const struct flat_extent *e, *last;
	struct range r = {at, end};

	if (in->flattened) {
		e = flat_index_from(&in->index, at);
		if (!e)
			return false;
		r.start = NUM_MAX(at, e->start);
		last = &in->index.v[in->index.n - 1];
		while (e < last && e[1].start == e->end && e->end < end)
			e++;
		r.end = NUM_MIN(end, e->end);
	}
	if (r.start >= r.end)
		return false;
	*ret = r;
	return true;
}

bool input_next_known(const struct input *in, uint64_t at, uint64_t end, struct range *ret)
{
	if (in->cut)
		return input_next_data(in, at, end, ret);
	*ret = (struct range){at, end};
	return at < end;
}

/* ---- pieces in memory */

static int map_plain(const struct input *in, uint64_t off, uint64_t len, const char *what,
		     struct input_map *ret, struct err *err)
{
	uint64_t from = num_align_down(off, (uint64_t)sysconf(_SC_PAGESIZE));
	size_t lead = (size_t)(off - from);
	void *base = mmap(NULL, len + lead, PROT_READ, MAP_SHARED, in->fd, (off_t)from);

	if (base == MAP_FAILED)
		return err_sys(err, errno, "mmap of 0x%" PRIx64 " bytes of %s at 0x%" PRIx64, len,
			       what, off);
	*ret = (struct input_map){base, len + lead, {(const uint8_t *)base + lead, len}};
	return 0;
}

static int too_large(const char *what, uint64_t bytes, uint64_t limit, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		       "%s of a flattened file: more than 0x%" PRIx64 " bytes (0x%" PRIx64
		       "); rearrange it (-R) first",
		       what, limit, bytes);
}

/* The memory that a copy of a piece of the file takes, or a little more. */
static uint64_t copy_size(const struct input *in, uint64_t off, uint64_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size = 0;
	struct range data;

	for (uint64_t at = off; input_next_data(in, at, off + len, &data); at = data.end)
		size += num_align_up(data.end - off, page) - num_align_down(data.start - off, page);
	return size;
}

/* Copy the data to where they belong in `m`, whose other pages are zero and take no memory. */
static int copy_data(const struct input *in, uint64_t off, const char *what,
		     const struct input_map *m, struct err *err)
{
	struct range data;

	for (uint64_t at = off; input_next_data(in, at, off + m->len, &data); at = data.end)
		if (input_read(in, (uint8_t *)m->base + (data.start - off),
			       (size_t)(data.end - data.start), data.start, what, err))
			return err->code;
	return 0;
}

static int map_flattened(const struct input *in, uint64_t off, uint64_t len, const char *what,
			 struct input_map *ret, struct err *err)
{
	struct input_map m = {.len = len};
	uint64_t size;

	if (len > SPAN_MAX)
		return too_large(what, len, SPAN_MAX, err);
	size = copy_size(in, off, len);
	if (size > COPY_MAX)
		return too_large(what, size, COPY_MAX, err);
	m.base = mmap(NULL, len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m.base == MAP_FAILED)
		return err_sys(err, errno, "0x%" PRIx64 " bytes of memory for %s", len, what);
	m.bytes = (struct bytes){m.base, len};
	if (copy_data(in, off, what, &m, err)) {
		input_unmap(&m);
		return err->code;
	}
	*ret = m;
	return 0;
}

int input_map(const struct input *in, uint64_t off, uint64_t len, const char *what,
	      struct input_map *ret, struct err *err)
{
	if (!len) {
		*ret = (struct input_map){0};
		return 0;
	}
	return in->flattened ? map_flattened(in, off, len, what, ret, err)
			     : map_plain(in, off, len, what, ret, err);
}

void input_unmap(struct input_map *m)
{
	if (m->base)
		munmap(m->base, m->len);
	*m = (struct input_map){0};
}
