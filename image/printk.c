// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/printk.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "image/printk_walk.h"

static int window_fill(struct printk_window *w, uint64_t vaddr, size_t len, struct err *err)
{
	int r;

	w->len = 0; /* a read that fails in the middle leaves a mixture */
	r = image_read(w->img, vaddr, w->data, len, err);
	if (r)
		return r;
	w->vaddr = vaddr;
	w->len = len;
	return 0;
}

int printk_window_get(struct printk_window *w, uint64_t vaddr, size_t len, uint64_t limit,
		      const uint8_t **ret, struct err *err)
{
	uint64_t off = vaddr - w->vaddr;

	if (vaddr < w->vaddr || off > w->len || len > w->len - off) {
		size_t n = (size_t)NUM_MIN((uint64_t)PRINTK_WINDOW, limit - vaddr);
		int r = window_fill(w, vaddr, n, err);

		if (r && n > len)
			r = window_fill(w, vaddr, len, err);
		if (r)
			return r;
		off = 0;
	}
	*ret = w->data + off;
	return 0;
}

int printk_member(const struct image *img, const char *name, uint64_t size, uint64_t need,
		  uint64_t *ret, struct err *err)
{
	int r = image_need_offset(img, name, ret, err);

	if (!r && (size < need || *ret > size - need))
		r = err_set(err, ERR_CORRUPT,
			    "VMCOREINFO OFFSET(%s)=%" PRIu64 " is outside its struct (%" PRIu64
			    " bytes)",
			    name, *ret, size);
	return r;
}

/* ---- level, facility, caller */

static bool field_inside(const struct field *f, uint64_t size)
{
	return f->size >= 1 && f->size <= 4 && f->offset <= size && f->size <= size - f->offset &&
	       f->bit_offset + f->bit_size <= 8 * f->size;
}

static uint32_t field_of(const uint8_t *record, const struct field *f)
{
	uint32_t v = 0;

	memcpy(&v, record + f->offset, f->size);
	v = le32toh(v);
	return f->bit_size ? v >> f->bit_offset & (uint32_t)((1ULL << f->bit_size) - 1) : v;
}

/* The two bytes behind `at`, if just they are between it and `end`. */
static void origin_by_shape(struct printk_origin *o, uint64_t at, uint64_t end)
{
	if (field_known(&o->level) || end < at || end - at != 2)
		return;
	o->facility = (struct field){.offset = at, .size = 1};
	o->level = (struct field){.offset = at + 1, .size = 1, .bit_offset = 5, .bit_size = 3};
}

void printk_origin_find(const struct image *img, const struct printk_origin *known,
			const char *type, uint64_t last, uint64_t end, uint64_t size,
			struct printk_origin *o)
{
	uint64_t caller = 0;
	bool found = false;
	struct err ignored;
	char name[64];

	*o = known ? *known : (struct printk_origin){0};
	snprintf(name, sizeof(name), "%s.caller_id", type);
	if (!vmcoreinfo_offset(img->info, name, &caller, &found, &ignored) && found)
		o->caller = (struct field){.offset = caller, .size = 4};
	if (!field_inside(&o->caller, size))
		o->caller = (struct field){0};
	origin_by_shape(o, last, field_known(&o->caller) ? o->caller.offset : end);
	if (!field_inside(&o->level, size) || !field_inside(&o->facility, size))
		o->level = o->facility = (struct field){0};
}

void printk_origin_read(const struct printk_origin *o, const uint8_t *record,
			struct printk_record *ret)
{
	ret->has_level = field_known(&o->level);
	if (ret->has_level) {
		ret->level = field_of(record, &o->level) & 7;
		ret->facility = (uint8_t)field_of(record, &o->facility);
	}
	ret->has_caller = field_known(&o->caller);
	if (ret->has_caller)
		ret->caller = field_of(record, &o->caller);
}

/* ---- either */

static bool is_old(const struct image *img)
{
	return !vmcoreinfo_get(img->info, "SYMBOL(prb)") &&
	       vmcoreinfo_get(img->info, "SYMBOL(log_first_idx)");
}

static int check_form(const struct image *img, struct err *err)
{
	if (vmcoreinfo_get(img->info, "SYMBOL(prb)") || is_old(img))
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		       "VMCOREINFO has neither SYMBOL(prb) nor SYMBOL(log_first_idx): the log of "
		       "kernels before v3.5, or none");
}

static int walk(const struct image *img, const struct printk_origin *known, printk_fn fn, void *ctx,
		struct printk_stats *ret_stats, struct err *err)
{
	struct printk_stats stats = {0};
	int e = check_form(img, err);

	if (e)
		return err_wrap(err, "kernel log");
	e = is_old(img) ? printk_old_walk(img, known, fn, ctx, &stats, err)
			: printk_ring_walk(img, known, fn, ctx, &stats, err);
	if (!e)
		*ret_stats = stats;
	return e;
}

int printk_walk(const struct image *img, printk_fn fn, void *ctx, struct printk_stats *ret_stats,
		struct err *err)
{
	return walk(img, NULL, fn, ctx, ret_stats, err);
}

const char *printk_record_type(const struct image *img)
{
	if (vmcoreinfo_get(img->info, "SYMBOL(prb)"))
		return "printk_info";
	return vmcoreinfo_get(img->info, "SIZE(printk_log)") ? "printk_log" : "log";
}

int printk_walk_kernel(struct kernel *k, printk_fn fn, void *ctx, struct printk_stats *ret_stats,
		       struct err *err)
{
	const char *type = printk_record_type(k->img);
	struct printk_origin known = {0};

	(void)kernel_field_quiet(k, type, "facility", &known.facility);
	(void)kernel_field_quiet(k, type, "level", &known.level);
	(void)kernel_field_quiet(k, type, "caller_id", &known.caller);
	return walk(k->img, &known, fn, ctx, ret_stats, err);
}

int printk_buffers(const struct image *img, struct printk_buffer ret[PRINTK_BUFFERS],
		   struct err *err)
{
	if (check_form(img, err))
		return err->code;
	return is_old(img) ? printk_old_buffers(img, ret, err) : printk_ring_buffers(img, ret, err);
}
