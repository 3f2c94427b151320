// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All that makes a kernel of an image: symbols that VMCOREINFO leads to or that are searched for, types, exports, per-CPU
 * areas, modules with their symbols, build ids and types. An input is a machine of machine_fuzz.h.
 *
 * Property: no crash and no sanitizer report; it comes to be, whatever is damaged, and every look-up ends; a symbol is found
 * where it says that it is; gaps are one line each.
 */
#include "image/kernel.h"
#include "image/module.h"
#include "tests/fuzz/machine_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_entry(void *ctx, uint64_t object, struct err *err)
{
	uint64_t *sum = ctx;

	(void)err;
	*sum += object;
	return 0;
}

static void use_module(struct kernel *k, struct module *mod)
{
	char text[KERNEL_ADDR_SIZE];

	REQUIRE(memchr(mod->name, '\0', sizeof(mod->name)));
	REQUIRE(mod->n_ranges <= MODULE_MAX_RANGES && mod->build_id_len <= MODULE_BUILD_ID);
	(void)module_btf(k, mod);
	for (size_t i = 0; i < mod->n_ranges; i++) {
		const struct module_range *r = &mod->ranges[i];

		REQUIRE(r->size && r->start + r->size > r->start);
		(void)kernel_format_addr(k, r->start + r->size / 2, text, sizeof(text));
		(void)kernel_is_text(k, r->start);
	}
	for (size_t i = 0; mod->syms && i < kallsyms_count(mod->syms); i++) {
		struct symbol s;

		kallsyms_get(mod->syms, i, &s);
		REQUIRE(s.module || !*mod->name);
		(void)kernel_symbol_at(k, s.addr, &s);
	}
}

static void use_symbols(struct kernel *k)
{
	for (size_t i = 0; k->syms && i < kallsyms_count(k->syms); i++) {
		struct symbol s, found;
		struct err err;
		uint64_t at;

		kallsyms_get(k->syms, i, &s);
		REQUIRE(!kernel_symbol(k, s.name, &at, &err));
		REQUIRE(!(s.addr >> 63) ||
			(kallsyms_at(k->syms, s.addr, &found) && found.addr == s.addr));
	}
}

static void use_kernel(struct kernel *k)
{
	struct field f, list = {0};
	uint64_t v, sum = 0;
	struct err err;
	char text[64];

	use_symbols(k);
	for (size_t i = 0; i < k->modules->n; i++)
		use_module(k, &k->modules->v[i]);
	for (size_t i = 0; i < k->gaps.n; i++)
		REQUIRE(*k->gaps.v[i] && !strchr(k->gaps.v[i], '\n'));
	if (kernel_field(k, "module", "list", &list) && !kernel_symbol(k, "modules", &v, &err))
		if (kernel_list(k, v, list.offset, 100, take_entry, &sum, &err))
			REQUIRE(err.code && *err.msg);
	if (kernel_field(k, "module", "name", &f) &&
	    !kernel_get_text(k, v, &f, text, sizeof(text), &err))
		REQUIRE(memchr(text, '\0', sizeof(text)));
	REQUIRE(k->n_cpus <= KERNEL_MAX_CPUS);
	REQUIRE(kernel_percpu(k, 0, k->n_cpus, &v, &err) == ERR_NOT_FOUND);
	REQUIRE(strlen(kernel_level(k, text, sizeof(text))) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel *k = NULL;
	struct image *img = NULL;
	struct err err = {0};
	struct machine m;

	if (size < 8)
		return 0;
	machine_init(&m, data, size);
	if (!image_create(&m.src, &img, &err)) {
		REQUIRE(!kernel_create(img, &k, &err));
		use_kernel(k);
	}
	kernel_destroy(k);
	image_destroy(img);
	machine_deinit(&m);
	return 0;
}
