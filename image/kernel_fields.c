// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of kernel.h about objects: where members are, their values, lists of them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "image/kernel.h"

/*
 * VMCOREINFO has offsets, but no sizes of members. These are of what kernels say of themselves there and was never of
 * another size on 64-bit machines.
 */
static const struct {
	const char *member;
	uint32_t size;
} info_sizes[] = {
	{"list_head.next", 8},
	{"list_head.prev", 8},
	{"uts_namespace.name", 390},
	{"page.flags", 8},
	{"page._refcount", 4},
	{"page.mapping", 8},
	{"page._mapcount", 4},
	{"page.private", 8},
	{"pglist_data.nr_zones", 4},
	{"pglist_data.node_start_pfn", 8},
	{"pglist_data.node_spanned_pages", 8},
	{"pglist_data.node_id", 4},
	{"zone.spanned_pages", 8},
	{"vmap_area.va_start", 8},
	{"printk_info.seq", 8},
	{"printk_info.ts_nsec", 8},
	{"printk_info.text_len", 2},
	{"printk_info.caller_id", 4},
};

static bool field_from_info(const struct kernel *k, const char *type, const char *path,
			    struct field *ret)
{
	struct err ignored;
	char name[128];

	if ((size_t)snprintf(name, sizeof(name), "%s.%s", type, path) >= sizeof(name))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(info_sizes); i++)
		if (strcmp(name, info_sizes[i].member) == 0 &&
		    !image_need_offset(k->img, name, &ret->offset, &ignored)) {
			ret->size = info_sizes[i].size;
			return true;
		}
	return false;
}

/* The smallest integer that a bit field lies in as a whole: reading it stays inside the object. */
static bool set_bits(const struct btf_member *m, struct field *f)
{
	unsigned int shift = (unsigned int)(m->bit_offset % 8), size = 1;

	while (size * 8 < shift + m->bit_size)
		size *= 2;
	if (size > 8)
		return false;
	f->offset = m->bit_offset / 8;
	f->size = size;
	f->bit_offset = (uint8_t)shift;
	f->bit_size = (uint8_t)m->bit_size;
	return true;
}

/* Bytes of a member. One of an array without a length (at the end of a struct) is one of its elements. */
static uint64_t member_size(const struct btf *btf, uint32_t id)
{
	struct btf_type type;
	uint64_t size;

	if (btf_sizeof(btf, id, &size) && size)
		return size;
	if (btf_strip(btf, id, &type) && type.kind == BTF_ARRAY && !type.elements &&
	    btf_sizeof(btf, type.target, &size))
		return size;
	return 0;
}

static bool field_from_btf(const struct kernel *k, const char *type, const char *path,
			   struct field *ret)
{
	uint32_t id = k->btf ? btf_find_type(k->btf, type) : 0;
	struct btf_member m;
	uint64_t size;

	if (!id || !btf_path(k->btf, id, path, &m))
		return false;
	ret->type = m.type;
	if (m.bit_size)
		return set_bits(&m, ret);
	size = member_size(k->btf, m.type);
	if (!size || size > UINT32_MAX)
		return false;
	ret->offset = m.bit_offset / 8;
	ret->size = (uint32_t)size;
	return true;
}

bool kernel_field_quiet(struct kernel *k, const char *type, const char *path, struct field *ret)
{
	struct field f = {0};

	if (!field_from_btf(k, type, path, &f)) {
		f = (struct field){0};
		if (!field_from_info(k, type, path, &f))
			f = (struct field){0};
	}
	*ret = f;
	return field_known(&f);
}

bool kernel_field(struct kernel *k, const char *type, const char *path, struct field *ret)
{
	if (kernel_field_quiet(k, type, path, ret))
		return true;
	if (k->btf) /* else the one line that there are no types says it all */
		gaps_add(&k->gaps, "types: no %s.%s", type, path);
	return false;
}

void kernel_fields(struct kernel *k, const struct field_wish *wishes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (wishes[i].optional)
			(void)kernel_field_quiet(k, wishes[i].type, wishes[i].path, wishes[i].ret);
		else
			(void)kernel_field(k, wishes[i].type, wishes[i].path, wishes[i].ret);
}

uint64_t kernel_sizeof(struct kernel *k, const char *type)
{
	uint32_t id = k->btf ? btf_find_type(k->btf, type) : 0;
	uint64_t size = 0;
	struct err ignored;

	if (id && btf_sizeof(k->btf, id, &size) && size)
		return size;
	if (!image_need_size(k->img, type, &size, &ignored) && size)
		return size;
	if (k->btf)
		gaps_add(&k->gaps, "types: no size of %s", type);
	return 0;
}

bool kernel_enumerator(struct kernel *k, const char *name, int64_t *ret)
{
	bool found = false;
	struct err ignored;

	if (k->btf && btf_enumerator(k->btf, name, ret))
		return true;
	if (!vmcoreinfo_number(k->img->info, name, ret, &found, &ignored) && found)
		return true;
	if (k->btf)
		gaps_add(&k->gaps, "types: no enumerator %s", name);
	return false;
}

int kernel_get(struct kernel *k, uint64_t object, const struct field *f, uint64_t *ret,
	       struct err *err)
{
	uint64_t v;
	int r;

	if (!field_known(f))
		return err_set(err, ERR_NOT_FOUND, "the member is not known");
	r = reader_uint(k->rd, object + f->offset, f->size, &v, err);
	if (r)
		return r;
	if (f->bit_size) {
		v >>= f->bit_offset & 63;
		if (f->bit_size < 64)
			v &= (1ULL << f->bit_size) - 1;
	}
	*ret = v;
	return 0;
}

int kernel_get_text(struct kernel *k, uint64_t object, const struct field *f, char *buf,
		    size_t size, struct err *err)
{
	if (!field_known(f))
		return err_set(err, ERR_NOT_FOUND, "the member is not known");
	/* the array may have no NUL: what is behind it is none of it */
	return reader_string(k->rd, object + f->offset, buf,
			     (size_t)NUM_MIN((uint64_t)size, f->size + 1ULL), err);
}

/*
 * Each entry's prev is the one it was reached from, so a circle that does not go through the head is found where it
 * closes: that entry would have to have two of them.
 */
int kernel_list(struct kernel *k, uint64_t head, uint64_t offset, size_t limit, kernel_list_fn fn,
		void *ctx, struct err *err)
{
	uint64_t last = head, links[2];
	int r = reader_u64(k->rd, head, &links[0], err);

	if (r)
		return err_wrap(err, "list at 0x%" PRIx64, head);
	for (size_t n = 0; links[0] != head; n++) {
		uint64_t at = links[0];

		if (n == limit)
			return err_set(err, ERR_CORRUPT,
				       "list at 0x%" PRIx64
				       " does not come back within %zu entries",
				       head, limit);
		r = reader_read(k->rd, at, links, sizeof(links), err);
		if (r)
			return err_wrap(err, "list at 0x%" PRIx64 ", entry %zu", head, n);
		links[0] = le64toh(links[0]);
		links[1] = le64toh(links[1]);
		if (links[1] != last)
			return err_set(err, ERR_CORRUPT,
				       "list at 0x%" PRIx64 ": entry %zu at 0x%" PRIx64
				       " was reached from 0x%" PRIx64
				       ", but its prev is 0x%" PRIx64,
				       head, n, at, last, links[1]);
		r = fn(ctx, at - offset, err);
		if (r)
			return r;
		last = at;
	}
	return 0;
}
