// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/system.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "image/printk.h"
#include "image/runqueue.h"

#define NS_PER_SEC 1000000000ULL
#define COMMAND_LINE_MAX \
	65536 /* COMMAND_LINE_SIZE is 2048 or 4096; what a bootconfig adds has up to 32 KiB */
#define CLOCKS_APART \
	(24 * 3600 * NS_PER_SEC) /* further from the timekeeper a clock is not believed */
#define SHIFT_MAX 64

/* ---- numbers at symbols */

static bool symbol_uint(struct kernel *k, const char *name, size_t size, uint64_t *ret)
{
	struct err ignored;
	uint64_t at;

	return !kernel_symbol(k, name, &at, &ignored) &&
	       !reader_uint(k->rd, at, size, ret, &ignored);
}

/* ---- time */

struct clock_fields {
	struct field base, nsec, shift, offs_real, offs_boot;
};

/* The offset of the struct timekeeper in tk_core: its type is named (struct tk_data) since v6.13, before it has no name. */
static bool find_in_core(struct kernel *k, uint64_t *ret)
{
	struct btf_type type, keeper;
	struct field f;

	if (kernel_field_quiet(k, "tk_data", "timekeeper", &f)) {
		*ret = f.offset;
		return true;
	}
	for (uint32_t id = k->btf ? btf_start(k->btf) : 1; k->btf && id < btf_end(k->btf); id++) {
		struct btf_member m;

		if (!btf_get(k->btf, id, &type) || type.kind != BTF_STRUCT || *type.name)
			continue;
		for (uint32_t i = 0; i < type.vlen && i < 4; i++) {
			if (!btf_member(k->btf, &type, i, &m) ||
			    strcmp(m.name, "timekeeper") != 0 ||
			    !btf_strip(k->btf, m.type, &keeper) || keeper.kind != BTF_STRUCT ||
			    strcmp(keeper.name, "timekeeper") != 0)
				continue;
			*ret = m.bit_offset / 8;
			return true;
		}
	}
	return false;
}

/*
 * The struct timekeeper of the clocks that all have: in tk_core, since v6.17 the first of timekeeper_data. Until v6.12 there is a copy
 * beside it, shadow_timekeeper, for where the type of tk_core is not told.
 */
static bool find_timekeeper(struct kernel *k, uint64_t *ret)
{
	static const char *const symbols[] = {"tk_core", "timekeeper_data"};
	struct err ignored;
	uint64_t at, offset;

	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		if (kernel_symbol(k, symbols[i], &at, &ignored) || !find_in_core(k, &offset))
			continue;
		*ret = at + offset;
		return true;
	}
	return !kernel_symbol(k, "shadow_timekeeper", ret, &ignored);
}

struct clocks {
	uint64_t mono, real, boot; /* ns, of the last update */
	uint64_t suspended; /* of the boot-time clock, that the monotonic one does not count */
};

static int read_clocks(struct kernel *k, struct clocks *ret, struct err *err)
{
	struct clock_fields f;
	const struct field_wish wishes[] = {
		{"timekeeper", "tkr_mono.base", &f.base, false},
		{"timekeeper", "tkr_mono.xtime_nsec", &f.nsec, false},
		{"timekeeper", "tkr_mono.shift", &f.shift, false},
		{"timekeeper", "offs_real", &f.offs_real, false},
		{"timekeeper", "offs_boot", &f.offs_boot, false},
	};
	uint64_t at, base, nsec, shift, real, boot;
	int r;

	kernel_fields(k, wishes, ARRAY_SIZE(wishes));
	if (!find_timekeeper(k, &at))
		return err_set(err, ERR_NOT_FOUND,
			       "there is neither tk_core with a type nor shadow_timekeeper");
	if ((r = kernel_get(k, at, &f.base, &base, err)) ||
	    (r = kernel_get(k, at, &f.nsec, &nsec, err)) ||
	    (r = kernel_get(k, at, &f.shift, &shift, err)) ||
	    (r = kernel_get(k, at, &f.offs_real, &real, err)) ||
	    (r = kernel_get(k, at, &f.offs_boot, &boot, err)))
		return r;
	if (shift >= SHIFT_MAX)
		return err_set(err, ERR_CORRUPT, "tkr_mono.shift is %" PRIu64, shift);
	ret->mono = base + (nsec >> shift);
	ret->real = ret->mono + real;
	ret->boot = ret->mono + boot;
	ret->suspended = boot;
	if ((int64_t)ret->mono < 0 || (int64_t)ret->real < 0 || (int64_t)ret->boot < 0)
		return err_set(err, ERR_CORRUPT,
			       "clocks of 0x%" PRIx64 ", 0x%" PRIx64 " and 0x%" PRIx64 " ns",
			       ret->mono, ret->real, ret->boot);
	return 0;
}

/* The boot-time clock by another one, which stands still during suspend, as the scheduler's and the log's do. */
static void consider(struct system_info *info, const struct clocks *clocks, bool known, uint64_t ns)
{
	uint64_t boot = ns + (known ? clocks->suspended : 0);

	if (!ns || boot < ns || (known && boot > clocks->boot + CLOCKS_APART) || (int64_t)boot < 0)
		return;
	info->uptime_ns = NUM_MAX(info->uptime_ns, boot);
}

static int hear_record(void *ctx, const struct printk_record *rec, struct err *err)
{
	(void)err;
	*(uint64_t *)ctx = NUM_MAX(*(uint64_t *)ctx, rec->ts_nsec);
	return 0;
}

static void read_time(struct kernel *k, struct system_info *info)
{
	struct clocks clocks = {0};
	struct printk_stats stats;
	struct runqueue *queues;
	struct err err;
	bool known;
	uint64_t last = 0;
	size_t n;

	known = !read_clocks(k, &clocks, &err);
	if (known) {
		info->uptime_ns = clocks.boot;
		info->realtime_ns = clocks.real;
		info->boot_time = (clocks.real - clocks.boot) / NS_PER_SEC;
	} else {
		gaps_add_err(&k->gaps, "time", &err);
	}
	if (!runqueues_create(k, &queues, &n, &err)) {
		for (size_t i = 0; i < n; i++)
			consider(info, &clocks, known, queues[i].clock_ns);
		free(queues);
	}
	if (!printk_walk(k->img, hear_record, &last, &stats, &err))
		consider(info, &clocks, known, last);
}

/* ---- texts and numbers */

static void read_command_line(struct kernel *k, struct system_info *info, struct err *err)
{
	_cleanup_free_ char *text = malloc(COMMAND_LINE_MAX);
	uint64_t at, to;
	struct err why;

	if (!text) {
		err_nomem(err, COMMAND_LINE_MAX, "the command line");
		return;
	}
	if (kernel_symbol(k, "saved_command_line", &at, &why) || reader_u64(k->rd, at, &to, &why) ||
	    reader_string(k->rd, to, text, COMMAND_LINE_MAX, &why)) {
		gaps_add_err(&k->gaps, "command line", &why);
		return;
	}
	info->command_line = strdup(text);
	if (!info->command_line)
		err_nomem(err, strlen(text), "the command line");
}

/* "DMI_SYS_VENDOR" → "sys_vendor" */
static void lower_name(const char *name, size_t prefix, char *ret, size_t size)
{
	size_t n = 0;

	for (name += prefix; name[n] && n < size - 1; n++)
		ret[n] = (char)tolower((unsigned char)name[n]);
	ret[n] = '\0';
}

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* An enum by its name; false: there is none. */
static bool find_enum(const struct kernel *k, const char *name, struct btf_type *ret)
{
	uint32_t id = k->btf ? btf_find(k->btf, BTF_ENUM, name) : 0;

	return id && btf_get(k->btf, id, ret);
}

/* dmi_ident[DMI_STRING_MAX] of drivers/firmware/dmi_scan.c: pointers to text, NULL where the firmware says nothing. */
static void read_dmi(struct kernel *k, struct system_info *info)
{
	struct btf_type type;
	struct err why;
	int64_t end;
	uint64_t at;

	if (kernel_symbol(k, "dmi_ident", &at, &why))
		return; /* CONFIG_DMI is not everywhere */
	if (!find_enum(k, "dmi_field", &type) || !kernel_enumerator(k, "DMI_STRING_MAX", &end)) {
		gaps_add(&k->gaps, "hardware: no type enum dmi_field");
		return;
	}
	for (uint32_t i = 0; i < type.vlen && info->n_dmi < SYSTEM_MAX_DMI; i++) {
		struct system_dmi *d = &info->dmi[info->n_dmi];
		struct btf_value v;
		uint64_t text;

		if (!btf_value(k->btf, &type, i, &v) || v.value < 0 || v.value >= end ||
		    !has_prefix(v.name, "DMI_") || strcmp(v.name, "DMI_NONE") == 0)
			continue;
		lower_name(v.name, strlen("DMI_"), d->name, sizeof(d->name));
		if (reader_u64(k->rd, at + (uint64_t)v.value * 8, &text, &why) ||
		    (text && reader_string(k->rd, text, d->value, sizeof(d->value), &why))) {
			char what[64];

			snprintf(what, sizeof(what), "hardware: %s", d->name);
			gaps_add_err(&k->gaps, what, &why);
			continue;
		}
		info->n_dmi += text && *d->value;
	}
}

/* x86 has the model's name, arm64 an implementer and a part in a register (MIDR_EL1). */
static void read_cpu_model(struct kernel *k, struct system_info *info)
{
	struct field model = {0}, midr = {0};
	struct err ignored;
	uint64_t at, v;
	size_t len;

	if (kernel_field_quiet(k, "cpuinfo_x86", "x86_model_id", &model) &&
	    !kernel_symbol(k, "boot_cpu_data", &at, &ignored) &&
	    !kernel_get_text(k, at, &model, info->cpu_model, sizeof(info->cpu_model), &ignored)) {
		for (len = strlen(info->cpu_model); len && info->cpu_model[len - 1] == ' ';)
			info->cpu_model[--len] = '\0';
		return;
	}
	if (kernel_field_quiet(k, "cpuinfo_arm64", "reg_midr", &midr) &&
	    !kernel_symbol(k, "cpu_data", &at, &ignored) &&
	    !kernel_percpu(k, at, 0, &at, &ignored) && !kernel_get(k, at, &midr, &v, &ignored))
		snprintf(info->cpu_model, sizeof(info->cpu_model), "arm64, MIDR 0x%08" PRIx64, v);
	else
		gaps_add(&k->gaps, "hardware: the CPU's model is not known");
}

/* x86_hyper_type of arch/x86/kernel/cpu/hypervisor.c, v4.15 (03b2a320b19f). */
static void read_hypervisor(struct kernel *k, struct system_info *info)
{
	static const char prefix[] = "X86_HYPER_";
	struct btf_type type;
	struct btf_value v;
	uint64_t which;

	if (!find_enum(k, "x86_hypervisor_type", &type) ||
	    !symbol_uint(k, "x86_hyper_type", 4, &which) || !which) /* X86_HYPER_NATIVE */
		return;
	for (uint32_t i = 0; i < type.vlen; i++) {
		if (!btf_value(k->btf, &type, i, &v) || v.value != (int64_t)which ||
		    !has_prefix(v.name, prefix))
			continue;
		snprintf(info->hypervisor, sizeof(info->hypervisor), "%s", v.name + strlen(prefix));
		return;
	}
}

static void read_cpus(struct kernel *k, struct system_info *info)
{
	for (unsigned int cpu = 0; cpu < k->n_cpus; cpu++) {
		info->cpus_possible += kernel_cpu_in(k, "__cpu_possible_mask", cpu);
		info->cpus_online += kernel_cpu_in(k, "__cpu_online_mask", cpu);
	}
}

static void read_hwerr(struct kernel *k, struct system_info *info)
{
	static const char prefix[] = "HWERR_RECOV_";
	struct field count, time;
	struct btf_type type;
	struct err why;
	uint64_t at, size;
	int64_t end;

	if (kernel_symbol(k, "hwerr_data", &at, &why))
		return;
	if (!find_enum(k, "hwerr_error_type", &type) ||
	    !kernel_enumerator(k, "HWERR_RECOV_MAX", &end) ||
	    !(size = kernel_sizeof(k, "hwerr_info")) ||
	    !kernel_field(k, "hwerr_info", "count", &count) ||
	    !kernel_field(k, "hwerr_info", "timestamp", &time))
		return;
	for (uint32_t i = 0; i < type.vlen && info->n_hwerr < SYSTEM_MAX_HWERR; i++) {
		struct system_hwerr *h = &info->hwerr[info->n_hwerr];
		struct btf_value v;
		uint64_t one;

		if (!btf_value(k->btf, &type, i, &v) || v.value < 0 || v.value >= end ||
		    !has_prefix(v.name, prefix))
			continue;
		lower_name(v.name, strlen(prefix), h->name, sizeof(h->name));
		one = at + (uint64_t)v.value * size;
		if (kernel_get(k, one, &count, &h->count, &why) ||
		    kernel_get(k, one, &time, &h->time, &why))
			gaps_add_err(&k->gaps, "errors of the hardware", &why);
		else
			info->n_hwerr++;
	}
}

int system_info_create(struct kernel *k, struct system_info **ret, struct err *err)
{
	struct system_info *info = calloc(1, sizeof(*info));
	struct err failed = {0};

	if (!info)
		return err_nomem(err, sizeof(*info), "what is known of the system");
	read_time(k, info);
	read_command_line(k, info, &failed);
	info->taint_known = symbol_uint(k, "tainted_mask", 8, &info->taint_mask);
	if (!info->taint_known)
		gaps_add(&k->gaps, "taints are not known: no symbol tainted_mask");
	if (!symbol_uint(k, "panic_on_oops", 4, &info->panic_on_oops))
		info->panic_on_oops = UINT64_MAX;
	read_dmi(k, info);
	read_cpu_model(k, info);
	read_hypervisor(k, info);
	read_cpus(k, info);
	read_hwerr(k, info);
	if (failed.code) {
		system_info_destroy(info);
		*err = failed;
		return err->code;
	}
	*ret = info;
	return 0;
}

void system_info_destroy(struct system_info *info)
{
	if (!info)
		return;
	free(info->command_line);
	free(info);
}

/* ---- taints */

size_t system_taints(uint64_t mask, struct system_taint ret[SYSTEM_MAX_TAINTS])
{
	/* By bit: taint_flags[] of kernel/panic.c, whose numbers are part of the kernel's interface. */
	static const struct system_taint known[] = {
		{'P', "proprietary module"},
		{'F', "module loaded by force"},
		{'S', "CPU out of its specification"},
		{'R', "module unloaded by force"},
		{'M', "machine check"},
		{'B', "bad page"},
		{'U', "set by a program"},
		{'D', "died before: oops or BUG"},
		{'A', "ACPI table overridden"},
		{'W', "warning before"},
		{'C', "staging driver"},
		{'I', "firmware bug worked around"},
		{'O', "module from outside the kernel's tree"},
		{'E', "unsigned module"},
		{'L', "soft lockup before"},
		{'K', "live patch"},
		{'X', "auxiliary, the distribution's"},
		{'T', "randomized struct layout"},
		{'N', "in-kernel test"},
		{'J', "fwctl: firmware was changed by debugging"},
	};
	size_t n = 0;

	for (unsigned int bit = 0; bit < 64 && n < SYSTEM_MAX_TAINTS; bit++) {
		if (!(mask >> bit & 1))
			continue;
		if (bit < ARRAY_SIZE(known))
			ret[n++] = known[bit];
		else
			ret[n++] = (struct system_taint){'?', "not known to this version"};
	}
	return n;
}

const char *system_taint_letters(uint64_t mask, char buf[SYSTEM_MAX_TAINTS + 1])
{
	struct system_taint taints[SYSTEM_MAX_TAINTS];
	size_t n = system_taints(mask, taints), at = 0;

	for (size_t i = 0; i < n; i++)
		if (taints[i].letter > ' ')
			buf[at++] = taints[i].letter;
	buf[at] = '\0';
	return buf;
}

/* ---- physical address space */

struct resource_fields {
	struct field start, end, name, parent, sibling, child;
};

struct resource_walk {
	struct kernel *k;
	struct resource_fields f;
	struct iomem_list *list;
	size_t cap;
};

static int add_resource(struct resource_walk *w, const struct iomem *r, struct err *err)
{
	struct iomem_list *list = w->list;

	if (list->n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 64;
		void *v = reallocarray(list->v, cap, sizeof(*list->v));

		if (!v)
			return err_nomem(err, cap * sizeof(*list->v), "resources");
		list->v = v;
		w->cap = cap;
	}
	list->v[list->n++] = *r;
	return 0;
}

static int read_resource(struct resource_walk *w, uint64_t at, struct iomem *ret, struct err *err)
{
	const struct resource_fields *f = &w->f;
	struct kernel *k = w->k;
	uint64_t name;
	int r;

	if ((r = kernel_get(k, at, &f->start, &ret->start, err)) ||
	    (r = kernel_get(k, at, &f->end, &ret->end, err)) ||
	    (r = kernel_get(k, at, &f->name, &name, err)))
		return r;
	/* a module's name is gone with the module; the range is what counts */
	if (!name || reader_string(k->rd, name, ret->name, sizeof(ret->name), err))
		*ret->name = '\0';
	return 0;
}

/*
 * The children of a resource, and theirs. The kernel keeps them in order of their addresses, none beside another, and each points to its
 * parent: a list that goes on so cannot come back to where it was.
 */
static int walk_children(struct resource_walk *w, uint64_t parent, unsigned int depth,
			 struct err *err)
{
	const struct resource_fields *f = &w->f;
	struct kernel *k = w->k;
	uint64_t at, up, last = 0;
	bool first = true;
	int r = kernel_get(k, parent, &f->child, &at, err);

	for (; !r && at; first = false) {
		struct iomem one = {.depth = depth};

		if (depth >= IOMEM_MAX_DEPTH || w->list->n >= IOMEM_MAX)
			return err_set(err, ERR_CORRUPT, "more than %d resources, or %d levels",
				       IOMEM_MAX, IOMEM_MAX_DEPTH);
		if ((r = kernel_get(k, at, &f->parent, &up, err)) ||
		    (r = read_resource(w, at, &one, err)))
			return r;
		if (up != parent || one.end < one.start || (!first && one.start <= last))
			return err_set(err, ERR_CORRUPT,
				       "the resource at 0x%" PRIx64 " is not in its place", at);
		last = one.end;
		if ((r = add_resource(w, &one, err)))
			return r;
		r = walk_children(w, at, depth + 1, err);
		if (r == ERR_NO_MEMORY)
			return r;
		if (r) { /* what lies beside it may be all right */
			gaps_add_err(&k->gaps, "physical address space", err);
			w->list->cut = true;
		}
		r = kernel_get(k, at, &f->sibling, &at, err);
	}
	return r;
}

int iomem_list_create(struct kernel *k, struct iomem_list **ret, struct err *err)
{
	struct resource_walk w = {.k = k};
	struct resource_fields *f = &w.f;
	const struct field_wish wishes[] = {
		{"resource", "start", &f->start, false},
		{"resource", "end", &f->end, false},
		{"resource", "name", &f->name, false},
		{"resource", "parent", &f->parent, false},
		{"resource", "sibling", &f->sibling, false},
		{"resource", "child", &f->child, false},
	};
	uint64_t root;
	int r;

	if (kernel_symbol(k, "iomem_resource", &root, err))
		return err_wrap(err, "physical address space");
	kernel_fields(k, wishes, ARRAY_SIZE(wishes));
	if (!field_known(&f->child) || !field_known(&f->sibling) || !field_known(&f->parent))
		return err_set(err, ERR_NOT_FOUND,
			       "physical address space: the layout of struct resource");
	w.list = calloc(1, sizeof(*w.list));
	if (!w.list)
		return err_nomem(err, sizeof(*w.list), "resources");
	r = walk_children(&w, root, 0, err);
	if (r == ERR_NO_MEMORY) {
		iomem_list_destroy(w.list);
		return r;
	}
	if (r) {
		gaps_add_err(&k->gaps, "physical address space", err);
		w.list->cut = true;
	}
	*ret = w.list;
	return 0;
}

void iomem_list_destroy(struct iomem_list *list)
{
	if (!list)
		return;
	free(list->v);
	free(list);
}
