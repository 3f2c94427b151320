// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/kernel.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "image/exports.h"
#include "image/module.h"
#include "image/orc.h"
#include "image/search.h"
#include "image/stack.h"

#define BTF_HEADER   24
#define MAX_BTF_HITS 64 /* places that begin like BTF */

/* ---- types */

/* include/uapi/linux/btf.h: struct btf_header of version 1, whose types come first and the strings right behind. */
static const uint8_t btf_begin[] = {0x9f, 0xeb, 1, 0, BTF_HEADER, 0, 0, 0, 0, 0, 0, 0};

struct btf_search {
	struct reader *rd;
	struct btf *btf;
	int hits;
	struct err err;
};

static int take_btf(struct reader *rd, uint64_t start, uint64_t len, struct btf **ret,
		    struct err *err)
{
	uint8_t *data;
	int r = reader_bulk(rd, start, len, BTF_MAX_SIZE, "BTF", &data, err);

	if (r)
		return r;
	r = btf_create(data, len, NULL, ret, err);
	if (r)
		free(data);
	return r;
}

static bool look_at_btf(void *ctx, uint64_t vaddr, struct bytes there)
{
	uint32_t type_len, str_off, str_len;
	struct btf_search *s = ctx;

	(void)there;
	if (reader_u32(s->rd, vaddr + 12, &type_len, &s->err) ||
	    reader_u32(s->rd, vaddr + 16, &str_off, &s->err) ||
	    reader_u32(s->rd, vaddr + 20, &str_len, &s->err) || str_off != type_len ||
	    type_len == 0 || type_len > BTF_MAX_SIZE || str_len > BTF_MAX_SIZE)
		return false;
	if (!take_btf(s->rd, vaddr, BTF_HEADER + (uint64_t)type_len + str_len, &s->btf, &s->err))
		return true;
	return ++s->hits == MAX_BTF_HITS || s->err.code == ERR_NO_MEMORY;
}

/* First rung: the symbols around it. Second: kernels that have them not among theirs, as arm64 without KALLSYMS_ALL. */
static int find_btf(struct kernel *k, struct err *err)
{
	struct btf_search search = {.rd = k->rd};
	struct range span;
	struct symbol start, stop;
	bool told = k->syms && kallsyms_find(k->syms, "__start_BTF", &start) &&
		    kallsyms_find(k->syms, "__stop_BTF", &stop);
	struct err second;
	int r = ERR_NOT_FOUND;

	if (told && stop.addr > start.addr)
		r = take_btf(k->rd, start.addr, stop.addr - start.addr, &k->btf, err);
	else
		err_set(err, ERR_NOT_FOUND, "no symbol __start_BTF");
	if (!r || r == ERR_NO_MEMORY)
		return r;
	if (search_span(k->img, &span, &second))
		return r;
	if (search_bytes(k->img, span, (struct bytes){btf_begin, sizeof(btf_begin)}, look_at_btf,
			 &search, &second))
		k->btf = search.btf;
	if (k->btf)
		return 0;
	if (second.code == ERR_NO_MEMORY || search.err.code == ERR_NO_MEMORY) {
		*err = second.code ? second : search.err;
		return err->code;
	}
	if (!told)
		err_set(err, ERR_NOT_FOUND,
			"the kernel's image has no BTF (CONFIG_DEBUG_INFO_BTF)%s%s",
			search.hits ? ": " : "", search.hits ? search.err.msg : "");
	return err->code;
}

/* ---- data where the kernel's table has text alone, or there is none: what it exports */

static int find_exports(struct kernel *k, struct err *err)
{
	struct symbol symbol;

	if (k->syms && kallsyms_find(k->syms, "init_task", &symbol))
		return 0;
	return exports_create(k->rd, &k->exports, err);
}

/* ---- CPUs */

static int read_percpu(struct kernel *k, struct err *err)
{
	_cleanup_free_ uint8_t *data = NULL;
	uint64_t at;
	uint32_t n;
	int r;

	if ((r = kernel_symbol(k, "nr_cpu_ids", &at, err)) ||
	    (r = reader_u32(k->rd, at, &n, err)) ||
	    (r = kernel_symbol(k, "__per_cpu_offset", &at, err)))
		return r;
	if (n == 0 || n > KERNEL_MAX_CPUS)
		return err_set(err, ERR_CORRUPT, "nr_cpu_ids is %u", n);
	r = reader_bulk(k->rd, at, n * 8ULL, KERNEL_MAX_CPUS * 8ULL, "__per_cpu_offset", &data,
			err);
	if (r)
		return r;
	k->percpu = calloc(n, sizeof(k->percpu[0]));
	if (!k->percpu)
		return err_nomem(err, n * sizeof(k->percpu[0]), "per-CPU offsets");
	for (uint32_t i = 0; i < n; i++)
		(void)!bytes_le64((struct bytes){data, n * 8UL}, i * 8UL, &k->percpu[i]);
	k->n_cpus = n;
	return 0;
}

int kernel_percpu(const struct kernel *k, uint64_t symbol, unsigned int cpu, uint64_t *ret,
		  struct err *err)
{
	if (!k->n_cpus)
		return err_set(err, ERR_NOT_FOUND, "per-CPU areas are not known");
	if (cpu >= k->n_cpus)
		return err_set(err, ERR_NOT_FOUND, "there is no CPU %u: %u are possible", cpu,
			       k->n_cpus);
	*ret = symbol + k->percpu[cpu]; /* wraps by design: offsets may be negative */
	return 0;
}

bool kernel_cpu_in(struct kernel *k, const char *mask, unsigned int cpu)
{
	struct err ignored;
	uint64_t at;
	uint8_t bits;

	return (!k->n_cpus || cpu < k->n_cpus) && !kernel_symbol(k, mask, &at, &ignored) &&
	       !reader_u8(k->rd, at + cpu / 8, &bits, &ignored) && (bits >> cpu % 8 & 1);
}

/* ---- text */

static void find_text(struct kernel *k)
{
	static const char *const ends[][2] = {{"_stext", "_etext"}, {"_sinittext", "_einittext"}};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct err ignored;
		struct range r;

		if (!kernel_symbol(k, ends[i][0], &r.start, &ignored) &&
		    !kernel_symbol(k, ends[i][1], &r.end, &ignored) && r.start < r.end)
			k->text[i] = r;
	}
}

/* ---- life */

/* A rung that is missing is a gap; only want of memory is an error. */
static int rung(struct kernel *k, const char *what, int r, const struct err *err)
{
	if (r && r != ERR_NO_MEMORY)
		gaps_add_err(&k->gaps, what, err);
	return r == ERR_NO_MEMORY ? r : 0;
}

int kernel_create(const struct image *img, struct kernel **ret, struct err *err)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_nomem(err, sizeof(*k), "a kernel");
	k->img = img;
	if ((r = reader_create(img, 0, &k->rd, err)) ||
	    (r = rung(k, "symbols", kallsyms_create(k->rd, &k->syms, err), err)) ||
	    (r = rung(k, "symbols of data", find_exports(k, err), err)) ||
	    (r = rung(k, "types", find_btf(k, err), err)) ||
	    (r = rung(k, "per-CPU areas", read_percpu(k, err), err)) ||
	    (r = module_list_create(k, &k->modules, err))) {
		kernel_destroy(k);
		return r;
	}
	find_text(k);
	*ret = k;
	return 0;
}

void kernel_destroy(struct kernel *k)
{
	if (!k)
		return;
	orc_destroy(k->orc);
	stacks_destroy(k->stacks);
	module_list_destroy(k->modules);
	btf_destroy(k->btf);
	kallsyms_destroy(k->syms);
	kallsyms_destroy(k->exports);
	reader_destroy(k->rd);
	free(k->percpu);
	gaps_deinit(&k->gaps);
	free(k);
}

const char *kernel_level(const struct kernel *k, char *buf, size_t size)
{
	const bool has[] = {k->syms, k->btf, k->modules && k->modules->n, k->n_cpus};
	static const char *const names[] = {"symbols", "types", "modules", "CPUs"};
	size_t at = 0;

	snprintf(buf, size, "log and registers only");
	for (size_t i = 0; i < ARRAY_SIZE(has); i++)
		if (has[i] && at < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? ", " : "",
					       names[i]);
	return buf;
}

/* ---- symbols */

int kernel_symbol(const struct kernel *k, const char *name, uint64_t *ret, struct err *err)
{
	struct symbol symbol;
	bool found = false;
	struct err ignored;

	if (!vmcoreinfo_symbol(k->img->info, name, ret, &found, &ignored) && found)
		return 0;
	if (k->syms && kallsyms_find(k->syms, name, &symbol)) {
		*ret = symbol.addr;
		return 0;
	}
	if (k->exports && kallsyms_find(k->exports, name, &symbol)) {
		*ret = symbol.addr;
		return 0;
	}
	for (size_t i = 0; k->modules && i < k->modules->n; i++) {
		const struct kallsyms *syms = k->modules->v[i].syms;

		if (syms && kallsyms_find(syms, name, &symbol)) {
			*ret = symbol.addr;
			return 0;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "no symbol %s%s", name,
		       k->syms ? "" : ", for there are no symbols");
}

/* What a symbol of a module covers ends where its part of the memory ends. */
static bool module_symbol_at(const struct module *mod, uint64_t addr, struct symbol *ret)
{
	const struct module_range *range = mod->ranges, *last = range + mod->n_ranges;

	while (range < last && addr - range->start >= range->size)
		range++;
	if (range == last || !mod->syms || !kallsyms_at(mod->syms, addr, ret) ||
	    ret->addr < range->start)
		return false;
	if (ret->size > range->start + range->size - ret->addr)
		ret->size = range->start + range->size - ret->addr;
	return true;
}

bool kernel_symbol_at(const struct kernel *k, uint64_t addr, struct symbol *ret)
{
	const struct module *mod = k->modules ? module_at(k->modules, addr) : NULL;

	if (mod)
		return module_symbol_at(mod, addr, ret);
	return k->syms && kallsyms_at(k->syms, addr, ret);
}

const char *kernel_format_addr(const struct kernel *k, uint64_t addr, char *buf, size_t size)
{
	struct symbol s;

	if (!kernel_symbol_at(k, addr, &s))
		snprintf(buf, size, "0x%" PRIx64, addr);
	else
		snprintf(buf, size, "%.255s+0x%" PRIx64 "/0x%" PRIx64 "%s%s%s", s.name,
			 addr - s.addr, s.size, s.module ? " [" : "", s.module ? s.module : "",
			 s.module ? "]" : "");
	return buf;
}

bool kernel_is_text(const struct kernel *k, uint64_t addr)
{
	const struct module *mod = k->modules ? module_at(k->modules, addr) : NULL;
	struct symbol s;

	for (size_t i = 0; mod && i < mod->n_ranges; i++)
		if (addr - mod->ranges[i].start < mod->ranges[i].size)
			return mod->ranges[i].text;
	for (size_t i = 0; i < ARRAY_SIZE(k->text); i++)
		if (addr >= k->text[i].start && addr < k->text[i].end)
			return true;
	return !k->text[0].end && k->syms && kallsyms_at(k->syms, addr, &s) &&
	       strchr("tTwW", s.type);
}
