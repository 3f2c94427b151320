/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modules of a kernel: `modules` → struct module (kernel/module/, v5.10 to v7.0). Memory ranges are in core_layout and
 * init_layout until v6.3, in mem[] since v6.4 (ac3b43283923); symbols in core_kallsyms (kallsyms before: `kallsyms`); the
 * build id in build_id (v5.14, with a configuration that few have) or among the notes of notes_attrs. Types: the list
 * btf_modules, whose `btf` holds a split BTF (module.btf_data is freed once the module runs).
 */
#ifndef IMAGE_MODULE_H
#define IMAGE_MODULE_H

#include "image/kernel.h"

#define MODULE_NAME_SIZE  64
#define MODULE_MAX        4096
#define MODULE_MAX_RANGES 7 /* enum mod_mem_type */
#define MODULE_BUILD_ID   20

struct module_range {
	uint64_t start, size;
	bool text;
};

struct module {
	uint64_t addr; /* of its struct module */
	char name[MODULE_NAME_SIZE];
	char version[64], srcversion[32]; /* "": none */
	unsigned int state; /* enum module_state: 0 live, 1 coming, 2 going, 3 unformed */
	uint64_t taints;    /* TAINT_* bits */
	uint64_t refcount;  /* users; 0 not known */
	struct module_range ranges[MODULE_MAX_RANGES];
	size_t n_ranges;
	uint64_t size; /* bytes of all ranges */
	uint8_t build_id[MODULE_BUILD_ID];
	size_t build_id_len;   /* 0: not known */
	struct kallsyms *syms; /* NULL: none; sorted like the kernel's own */
	struct btf *btf;       /* split; NULL: none, or not asked for yet */
	bool btf_tried;
	uint64_t orc_ip, orc_entries; /* module.arch.orc_unwind_ip, .orc_unwind; 0: none */
	uint32_t n_orcs;
};

/* One of the ranges of all modules, sorted: for module_at(). */
struct module_span {
	uint64_t start, end;
	size_t module;
};

struct module_list {
	struct module *
		v; /* in the order of the kernel's list: the one that was loaded last comes first */
	size_t n;
	bool cut; /* the list could not be followed to its end; the gaps say why */
	struct module_span *spans;
	size_t n_spans;
	size_t room, btf_room; /* bytes of symbols and of types that may still be read */
};

/* Fails for want of memory only. kernel_create() calls it. */
int module_list_create(struct kernel *k, struct module_list **ret, struct err *err) _must_check_;
void module_list_destroy(struct module_list *list); /* NULL is fine */

/* The one whose memory an address is in; NULL: none's. By bisection. */
const struct module *module_at(const struct module_list *list, uint64_t addr);
const struct module *module_find(const struct module_list *list, const char *name);

/* Its types; reads them at the first call. NULL: it has none (the gaps say why, if it should). */
const struct btf *module_btf(struct kernel *k, struct module *mod);

#endif
