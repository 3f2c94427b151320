// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/module.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "format/note.h"

#define SYM_SIZE    24 /* Elf64_Sym */
#define MAX_SYMBOLS (1U << 20)
#define MAX_STRINGS (16U << 20)
#define MAX_TABLES \
	(64U       \
	 << 20) /* bytes of symbols and strings of all modules, which may all claim the same ones */
#define MAX_BTF     (32U << 20) /* of all modules, the same way */
#define NAME_ROOM   512         /* KSYM_NAME_LEN: the last string may be as long */
#define MAX_RANGE   (1U << 30)  /* of a module; the area for all has 1 to 2 GiB */
#define MAX_NOTES   64
#define MAX_NOTE    4096 /* bytes of a section of notes */
#define NT_BUILD_ID 3    /* NT_GNU_BUILD_ID */
#define REF_BASE    1    /* MODULE_REF_BASE, kernel/module/main.c */

/* All that is read of a struct module. */
struct layout {
	struct field list, name, state, taints, version, srcversion, refcnt, build_id;
	struct field core_base, core_size, core_text, init_base, init_size, init_text;
	struct field mem, mem_base, mem_size;
	struct field kallsyms, core_kallsyms, symtab, num_symtab, strtab, typetab;
	struct field notes_attrs, n_notes, note_attrs, grp_attrs, attr_size, attr_data;
	struct field num_orcs, orc_ip, orc;
	uint64_t mem_stride, attr_stride;
	bool text[MODULE_MAX_RANGES]; /* of mem[] */
};

struct walk {
	struct kernel *k;
	struct layout l;
	struct module_list *list;
	size_t cap;
};

static void find_fields(struct kernel *k, struct layout *l)
{
	const struct field_wish wishes[] = {
		{"module", "list", &l->list, false},
		{"module", "name", &l->name, false},
		{"module", "state", &l->state, false},
		{"module", "taints", &l->taints, false},
		{"module", "version", &l->version, true},
		{"module", "srcversion", &l->srcversion, true},
		{"module", "refcnt.counter", &l->refcnt, true}, /* CONFIG_MODULE_UNLOAD */
		{"module", "build_id", &l->build_id, true},
		{"module", "core_layout.base", &l->core_base, true},
		{"module", "core_layout.size", &l->core_size, true},
		{"module", "core_layout.text_size", &l->core_text, true},
		{"module", "init_layout.base", &l->init_base, true},
		{"module", "init_layout.size", &l->init_size, true},
		{"module", "init_layout.text_size", &l->init_text, true},
		{"module", "mem", &l->mem, true},
		{"module_memory", "base", &l->mem_base, true},
		{"module_memory", "size", &l->mem_size, true},
		{"module", "kallsyms", &l->kallsyms, true},
		{"module", "core_kallsyms", &l->core_kallsyms, true},
		{"mod_kallsyms", "symtab", &l->symtab, true},
		{"mod_kallsyms", "num_symtab", &l->num_symtab, true},
		{"mod_kallsyms", "strtab", &l->strtab, true},
		{"mod_kallsyms", "typetab", &l->typetab, true},
		{"module", "notes_attrs", &l->notes_attrs, true},
		{"module_notes_attrs", "notes", &l->n_notes, true},
		{"module_notes_attrs", "attrs", &l->note_attrs, true},
		{"module_notes_attrs", "grp.bin_attrs", &l->grp_attrs, true},
		{"bin_attribute", "size", &l->attr_size, true},
		{"bin_attribute", "private", &l->attr_data, true},
		{"module", "arch.num_orcs", &l->num_orcs, true},
		{"module", "arch.orc_unwind_ip", &l->orc_ip, true},
		{"module", "arch.orc_unwind", &l->orc, true},
	};

	kernel_fields(k, wishes, ARRAY_SIZE(wishes));
}

static void find_layout(struct kernel *k, struct layout *l)
{
	static const char *const texts[] = {"MOD_TEXT", "MOD_INIT_TEXT"};

	find_fields(k, l);
	if (field_known(&l->mem)) {
		l->mem_stride = kernel_sizeof(k, "module_memory");
		for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
			int64_t kind;

			if (kernel_enumerator(k, texts[i], &kind) && kind >= 0 &&
			    kind < MODULE_MAX_RANGES)
				l->text[kind] = true;
		}
	} else if (!field_known(&l->core_base)) {
		gaps_add(&k->gaps, "types: neither module.mem nor module.core_layout");
	}
	if (field_known(&l->n_notes))
		l->attr_stride = kernel_sizeof(k, "bin_attribute");
}

/* A member that may be missing or unreadable: 0 then. */
static uint64_t get(struct kernel *k, uint64_t object, const struct field *f)
{
	struct err ignored;
	uint64_t v;

	return kernel_get(k, object, f, &v, &ignored) ? 0 : v;
}

/* The text that a pointer leads to; "" if it does not. */
static void get_pointed(struct kernel *k, uint64_t object, const struct field *f, char *buf,
			size_t size)
{
	uint64_t at = get(k, object, f);
	struct err ignored;

	if (!at || reader_string(k->rd, at, buf, size, &ignored))
		buf[0] = '\0';
}

/* ---- memory */

static void add_range(struct module *mod, uint64_t start, uint64_t size, bool text)
{
	uint64_t end;

	if (!start || !size || size > MAX_RANGE || !num_add(start, size, &end) ||
	    mod->n_ranges == MODULE_MAX_RANGES)
		return;
	mod->ranges[mod->n_ranges++] = (struct module_range){start, size, text};
	mod->size += size;
}

/* Text first, then data. */
static void add_layout(struct kernel *k, struct module *mod, const struct field *base,
		       const struct field *size, const struct field *text_size)
{
	uint64_t at = get(k, mod->addr, base), len = get(k, mod->addr, size);
	uint64_t text = NUM_MIN(get(k, mod->addr, text_size), len);

	add_range(mod, at, text, true);
	add_range(mod, at + text, len - text, false);
}

static void get_ranges(const struct walk *w, struct module *mod)
{
	const struct layout *l = &w->l;

	if (!field_known(&l->mem)) {
		add_layout(w->k, mod, &l->core_base, &l->core_size, &l->core_text);
		add_layout(w->k, mod, &l->init_base, &l->init_size, &l->init_text);
		return;
	}
	for (size_t i = 0; l->mem_stride && i < MODULE_MAX_RANGES; i++) {
		uint64_t at = mod->addr + l->mem.offset + i * l->mem_stride;

		if (l->mem_stride > l->mem.size / (i + 1))
			break;
		add_range(mod, get(w->k, at, &l->mem_base), get(w->k, at, &l->mem_size),
			  l->text[i]);
	}
}

static const struct module_range *range_of(const struct module *mod, uint64_t addr)
{
	for (size_t i = 0; i < mod->n_ranges; i++)
		if (addr - mod->ranges[i].start < mod->ranges[i].size)
			return &mod->ranges[i];
	return NULL;
}

/* ---- symbols */

/* How far the strings go: to the end of the longest way into them, or of the memory that they lie in. */
static uint64_t strings_size(const struct module *mod, uint64_t strtab, struct bytes symtab)
{
	const struct module_range *range = range_of(mod, strtab);
	uint64_t need = 0;

	for (size_t i = 0; i < symtab.len / SYM_SIZE; i++) {
		uint32_t name;

		if (bytes_le32(symtab, i * SYM_SIZE, &name))
			need = NUM_MAX(need, (uint64_t)name + NAME_ROOM);
	}
	if (range)
		need = NUM_MIN(need, range->start + range->size - strtab);
	return need;
}

/* Take `len` of what all modules may have; false: it is used up. */
static bool take_room(size_t *room, uint64_t len)
{
	if (len > *room)
		return false;
	*room -= (size_t)len;
	return true;
}

static int no_room(const char *what, unsigned int max, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "all modules together have more than %u MiB of %s",
		       max >> 20, what);
}

static int read_symbols(const struct walk *w, struct module *mod, uint64_t symtab, uint64_t n,
			uint64_t strtab, uint64_t typetab, struct err *err)
{
	struct kernel *k = w->k;
	_cleanup_free_ uint8_t *symbols = NULL;
	_cleanup_free_ uint8_t *strings = NULL;
	_cleanup_free_ uint8_t *types = NULL;
	struct kallsyms_elf elf = {.module = mod->name};
	struct err ignored;
	int r;

	if (n > MAX_SYMBOLS)
		return err_set(err, ERR_CORRUPT, "num_symtab is %" PRIu64, n);
	if (!take_room(&w->list->room, n * SYM_SIZE))
		return no_room("symbols", MAX_TABLES, err);
	r = reader_bulk(k->rd, symtab, n * SYM_SIZE, (uint64_t)MAX_SYMBOLS * SYM_SIZE, "symtab",
			&symbols, err);
	if (r)
		return r;
	elf.symtab = (struct bytes){symbols, n * SYM_SIZE};
	elf.strings.len = strings_size(mod, strtab, elf.symtab);
	if (!take_room(&w->list->room, elf.strings.len))
		return no_room("symbols", MAX_TABLES, err);
	r = reader_bulk(k->rd, strtab, elf.strings.len, MAX_STRINGS, "strtab", &strings, err);
	if (r)
		return r;
	elf.strings.data = strings;
	if (typetab && !reader_bulk(k->rd, typetab, n, MAX_SYMBOLS, "typetab", &types, &ignored))
		elf.types = (struct bytes){types, n};
	for (size_t i = 0; i < mod->n_ranges; i++)
		elf.end = NUM_MAX(elf.end, mod->ranges[i].start + mod->ranges[i].size);
	return kallsyms_decode_elf(&elf, &mod->syms, err);
}

/* While it is loaded `kallsyms` points to all symbols in its init memory, then to core_kallsyms. */
static int get_symbols(const struct walk *w, struct module *mod, struct err *err)
{
	uint64_t at = get(w->k, mod->addr, &w->l.kallsyms), symtab, n, strtab;
	int r;

	if (!at && field_known(&w->l.core_kallsyms))
		at = mod->addr + w->l.core_kallsyms.offset;
	if (!at)
		return 0; /* no CONFIG_KALLSYMS */
	if ((r = kernel_get(w->k, at, &w->l.symtab, &symtab, err)) ||
	    (r = kernel_get(w->k, at, &w->l.num_symtab, &n, err)) ||
	    (r = kernel_get(w->k, at, &w->l.strtab, &strtab, err)))
		return r;
	if (!n)
		return 0;
	return read_symbols(w, mod, symtab, n, strtab, get(w->k, at, &w->l.typetab), err);
}

/* ---- build id */

/* One section of notes: is GNU's build id among them? */
static bool id_of_notes(struct kernel *k, struct module *mod, uint64_t addr, uint64_t size)
{
	_cleanup_free_ uint8_t *data = NULL;
	struct note note;
	struct err ignored;

	if (!addr || !size || reader_bulk(k->rd, addr, size, MAX_NOTE, "notes", &data, &ignored) ||
	    note_find((struct bytes){data, size}, "GNU", NT_BUILD_ID, &note, &ignored) ||
	    !note.desc.len || note.desc.len > MODULE_BUILD_ID)
		return false;
	memcpy(mod->build_id, note.desc.data, note.desc.len);
	mod->build_id_len = note.desc.len;
	return true;
}

/* The sections are in sysfs (/sys/module/NAME/notes): an array of `notes` attributes, pointers that end in NULL since v6.15. */
static void id_of_attrs(const struct walk *w, struct module *mod)
{
	uint64_t attrs = get(w->k, mod->addr, &w->l.notes_attrs), pointers, n = MAX_NOTES, at;

	if (!attrs)
		return;
	if (field_known(&w->l.n_notes))
		n = NUM_MIN(get(w->k, attrs, &w->l.n_notes), n);
	pointers = get(w->k, attrs, &w->l.grp_attrs);
	for (uint64_t i = 0; i < n; i++) {
		struct err ignored;

		if (field_known(&w->l.n_notes))
			at = attrs + w->l.note_attrs.offset + i * w->l.attr_stride;
		else if (!pointers || reader_u64(w->k->rd, pointers + i * 8, &at, &ignored) || !at)
			break;
		if (id_of_notes(w->k, mod, get(w->k, at, &w->l.attr_data),
				get(w->k, at, &w->l.attr_size)))
			break;
	}
}

static void get_build_id(const struct walk *w, struct module *mod)
{
	static const uint8_t none[MODULE_BUILD_ID];
	const struct field *f = &w->l.build_id;
	struct err ignored;

	if (field_known(f) && f->size <= MODULE_BUILD_ID &&
	    !reader_read(w->k->rd, mod->addr + f->offset, mod->build_id, f->size, &ignored) &&
	    memcmp(mod->build_id, none, f->size) != 0)
		mod->build_id_len = f->size;
	else
		id_of_attrs(w, mod);
}

/* ---- the list */

static void get_orc(const struct walk *w, struct module *mod)
{
	mod->n_orcs = (uint32_t)get(w->k, mod->addr, &w->l.num_orcs);
	if (mod->n_orcs) {
		mod->orc_ip = get(w->k, mod->addr, &w->l.orc_ip);
		mod->orc_entries = get(w->k, mod->addr, &w->l.orc);
	}
}

static int read_module(struct walk *w, struct module *mod, struct err *err)
{
	uint64_t refs;
	int r = kernel_get_text(w->k, mod->addr, &w->l.name, mod->name, sizeof(mod->name), err);

	if (r)
		return err_wrap(err, "module at 0x%" PRIx64, mod->addr);
	mod->state = (unsigned int)get(w->k, mod->addr, &w->l.state);
	mod->taints = get(w->k, mod->addr, &w->l.taints);
	refs = get(w->k, mod->addr, &w->l.refcnt);
	mod->refcount = refs > REF_BASE && refs <= INT32_MAX ? refs - REF_BASE : 0;
	get_pointed(w->k, mod->addr, &w->l.version, mod->version, sizeof(mod->version));
	get_pointed(w->k, mod->addr, &w->l.srcversion, mod->srcversion, sizeof(mod->srcversion));
	get_ranges(w, mod);
	get_build_id(w, mod);
	get_orc(w, mod);
	r = get_symbols(w, mod, err);
	if (r && r != ERR_NO_MEMORY)
		gaps_add(&w->k->gaps, "symbols of module %s: %s", mod->name, err->msg);
	return r == ERR_NO_MEMORY ? r : 0;
}

static int add_module(void *ctx, uint64_t object, struct err *err)
{
	struct walk *w = ctx;
	struct module_list *list = w->list;
	int r;

	if (list->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 64;
		struct module *v = realloc(list->v, cap * sizeof(*v));

		if (!v)
			return err_nomem(err, cap * sizeof(*v), "modules");
		list->v = v;
		w->cap = cap;
	}
	list->v[list->n] = (struct module){.addr = object};
	r = read_module(w, &list->v[list->n], err);
	if (!r)
		list->n++;
	return r;
}

static int by_start(const void *a, const void *b)
{
	const struct module_span *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* For module_at(). */
static int sort_spans(struct module_list *list, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->v[i].n_ranges;
	list->spans = calloc(n ? n : 1, sizeof(list->spans[0]));
	if (!list->spans)
		return err_nomem(err, n * sizeof(list->spans[0]), "ranges of modules");
	for (size_t i = 0; i < list->n; i++)
		for (size_t j = 0; j < list->v[i].n_ranges; j++) {
			const struct module_range *r = &list->v[i].ranges[j];

			list->spans[list->n_spans++] =
				(struct module_span){r->start, r->start + r->size, i};
		}
	qsort(list->spans, list->n_spans, sizeof(list->spans[0]), by_start);
	return 0;
}

static int walk_modules(struct walk *w, struct err *err)
{
	uint64_t head;
	int r = kernel_symbol(w->k, "modules", &head, err);

	if (r)
		return r;
	if (!w->k->btf)
		return err_set(err, ERR_NOT_FOUND, "their types are not known");
	find_layout(w->k, &w->l);
	if (!field_known(&w->l.list) || !field_known(&w->l.name))
		return err_set(err, ERR_NOT_FOUND, "struct module is not known");
	return kernel_list(w->k, head, w->l.list.offset, MODULE_MAX, add_module, w, err);
}

int module_list_create(struct kernel *k, struct module_list **ret, struct err *err)
{
	struct walk w = {.k = k, .list = calloc(1, sizeof(*w.list))};
	int r;

	if (!w.list)
		return err_nomem(err, sizeof(*w.list), "modules");
	w.list->room = MAX_TABLES;
	w.list->btf_room = MAX_BTF;
	r = walk_modules(&w, err);
	if (r && r != ERR_NO_MEMORY) {
		gaps_add_err(&k->gaps, "modules", err);
		w.list->cut = true;
		r = 0;
	}
	if (!r)
		r = sort_spans(w.list, err);
	if (r) {
		module_list_destroy(w.list);
		return r;
	}
	*ret = w.list;
	return 0;
}

void module_list_destroy(struct module_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n; i++) {
		kallsyms_destroy(list->v[i].syms);
		btf_destroy(list->v[i].btf);
	}
	free(list->v);
	free(list->spans);
	free(list);
}

const struct module *module_at(const struct module_list *list, uint64_t addr)
{
	size_t low = 0, high = list->n_spans;

	while (low < high) { /* the first that begins behind `addr` */
		size_t mid = low + (high - low) / 2;

		if (list->spans[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low && addr < list->spans[low - 1].end ? &list->v[list->spans[low - 1].module]
						      : NULL;
}

const struct module *module_find(const struct module_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return &list->v[i];
	return NULL;
}

/* ---- types */

/* The entry of btf_modules that is a module's. */
struct btf_entry {
	struct kernel *k;
	uint64_t wanted; /* address of its struct module */
	struct field module, btf;
	uint64_t found; /* its struct btf; 0: not found */
};

static int look_at_entry(void *ctx, uint64_t object, struct err *err)
{
	struct btf_entry *e = ctx;
	uint64_t module;
	int r = kernel_get(e->k, object, &e->module, &module, err);

	if (!r && module == e->wanted)
		r = kernel_get(e->k, object, &e->btf, &e->found, err);
	return r;
}

static int read_btf(struct kernel *k, struct module *mod, struct err *err)
{
	struct btf_entry e = {.k = k, .wanted = mod->addr};
	struct field list, data, size;
	uint64_t head, at, len;
	uint8_t *bytes;
	int r = kernel_symbol(k, "btf_modules", &head, err);

	if (r)
		return 0; /* CONFIG_DEBUG_INFO_BTF_MODULES is not set */
	if (!kernel_field(k, "btf_module", "list", &list) ||
	    !kernel_field(k, "btf_module", "module", &e.module) ||
	    !kernel_field(k, "btf_module", "btf", &e.btf) ||
	    !kernel_field(k, "btf", "data", &data) || !kernel_field(k, "btf", "data_size", &size))
		return 0;
	r = kernel_list(k, head, list.offset, MODULE_MAX, look_at_entry, &e, err);
	if (!e.found) /* what was found before a break is good */
		return r;
	if ((r = kernel_get(k, e.found, &data, &at, err)) ||
	    (r = kernel_get(k, e.found, &size, &len, err)))
		return r;
	if (len <= BTF_MAX_SIZE && !take_room(&k->modules->btf_room, len))
		return no_room("types", MAX_BTF, err);
	if ((r = reader_bulk(k->rd, at, len, BTF_MAX_SIZE, "BTF", &bytes, err)))
		return r;
	r = btf_create(bytes, len, k->btf, &mod->btf, err);
	if (r)
		free(bytes);
	return r;
}

const struct btf *module_btf(struct kernel *k, struct module *mod)
{
	struct err err;

	if (mod->btf_tried || !k->btf)
		return mod->btf;
	mod->btf_tried = true;
	if (read_btf(k, mod, &err))
		gaps_add(&k->gaps, "types of module %s: %s", mod->name, err.msg);
	return mod->btf;
}
