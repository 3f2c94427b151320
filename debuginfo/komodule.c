// SPDX-License-Identifier: GPL-2.0-or-later
#include "debuginfo/komodule.h"

#include <elfutils/libdwfl.h>
#include <string.h>

struct komodule {
	Dwfl *dwfl;
	Dwarf *dwarf; /* of dwfl */
	Dwarf_Addr bias;
	struct komodule_sections sections;
	char path[PATH_MAX];
	int fd; /* until libdwfl takes it; -1 then */
};

/* ---- where its sections are */

/*
 * grp.bin_attrs is an array of pointers, ended by NULL, to the attributes of the sections that were loaded. Such an attribute
 * is the first part of a struct module_sect_attr, which has the address, in v5.10 to v6.12; later kernels
 * (4b2c11e4aaf7).
 */
struct layout {
	struct field sect_attrs, bin_attrs, name, battr, address, private;
};

static bool find_layout(struct kernel *k, struct layout *l)
{
	bool attrs = kernel_field(k, "module", "sect_attrs", &l->sect_attrs) &&
		     kernel_field(k, "module_sect_attrs", "grp.bin_attrs", &l->bin_attrs) &&
		     kernel_field(k, "bin_attribute", "attr.name", &l->name);
	bool old = kernel_field_quiet(k, "module_sect_attr", "battr", &l->battr) &&
		   kernel_field_quiet(k, "module_sect_attr", "address", &l->address);

	return attrs && (old || kernel_field(k, "bin_attribute", "private", &l->private));
}

static int read_section(struct kernel *k, const struct layout *l, uint64_t attr,
			struct komodule_section *ret, struct err *err)
{
	uint64_t name;

	if (kernel_get(k, attr, &l->name, &name, err) ||
	    reader_string(k->rd, name, ret->name, sizeof(ret->name), err))
		return err->code;
	if (field_known(&l->private))
		return kernel_get(k, attr, &l->private, &ret->addr, err);
	return kernel_get(k, attr - l->battr.offset, &l->address, &ret->addr, err);
}

int komodule_read_sections(struct kernel *k, const struct module *mod,
			   struct komodule_sections *ret, struct err *err)
{
	struct layout l = {0};
	uint64_t attrs, list, attr;

	ret->n = 0;
	if (!find_layout(k, &l))
		return err_set(err, ERR_NOT_FOUND,
			       "the types do not tell where a module's sections are");
	if (kernel_get(k, mod->addr, &l.sect_attrs, &attrs, err) ||
	    kernel_get(k, attrs, &l.bin_attrs, &list, err))
		return err_wrap(err, "module %s: sect_attrs", mod->name);
	for (; ret->n < KOMODULE_MAX_SECTIONS; ret->n++) {
		if (reader_u64(k->rd, list + 8 * ret->n, &attr, err))
			return err_wrap(err, "module %s: sect_attrs", mod->name);
		if (!attr)
			break;
		if (read_section(k, &l, attr, &ret->v[ret->n], err))
			return err_wrap(err, "module %s: section %zu", mod->name, ret->n);
	}
	if (!ret->n)
		return err_set(err, ERR_NOT_FOUND, "module %s: has no sections", mod->name);
	return 0;
}

/* ---- what libdwfl asks */

static int give_file(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
		     char **ret_name, Elf **ret_elf)
{
	struct komodule *m = *userdata;
	int fd = m->fd;

	(void)mod;
	(void)name;
	(void)base;
	(void)ret_elf;
	m->fd = -1;
	*ret_name = strdup(m->path);
	return fd;
}

static int give_no_debug(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
			 const char *file, const char *link, GElf_Word crc, char **ret_name)
{
	(void)mod;
	(void)userdata;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)crc;
	(void)ret_name;
	return -1;
}

static int give_address(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
			const char *section, GElf_Word index, const GElf_Shdr *head,
			Dwarf_Addr *ret)
{
	const struct komodule *m = *userdata;

	(void)mod;
	(void)name;
	(void)base;
	(void)index;
	(void)head;
	*ret = (Dwarf_Addr)-1; /* it was not loaded, or is gone: .init.text */
	for (size_t i = 0; section && i < m->sections.n; i++)
		if (strcmp(m->sections.v[i].name, section) == 0)
			*ret = m->sections.v[i].addr;
	return 0;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = give_file,
	.find_debuginfo = give_no_debug,
	.section_address = give_address,
};

/* ---- the module */

static int report(struct komodule *m, const struct module *mod, struct err *err)
{
	uint64_t start = UINT64_MAX, end = 0;
	Dwfl_Module *dm = NULL;
	void **userdata;

	for (size_t i = 0; i < mod->n_ranges; i++) {
		const struct module_range *range = &mod->ranges[i];

		if (range->size && range->start < start)
			start = range->start;
		if (range->size && range->start + range->size > end)
			end = range->start + range->size;
	}
	m->dwfl = dwfl_begin(&callbacks);
	if (m->dwfl && start < end) {
		dwfl_report_begin(m->dwfl);
		dm = dwfl_report_module(m->dwfl, mod->name, start, end);
		if (dm && dwfl_module_info(dm, &userdata, NULL, NULL, NULL, NULL, NULL, NULL))
			*userdata = m;
		dwfl_report_end(m->dwfl, NULL, NULL);
	}
	if (dm)
		m->dwarf = dwfl_module_getdwarf(dm, &m->bias);
	if (!m->dwarf)
		return err_set(err, ERR_CORRUPT, "%s: its debugging information cannot be used: %s",
			       m->path, dwfl_errmsg(-1));
	return 0;
}

int komodule_create(struct elffile *file, const struct module *mod,
		    const struct komodule_sections *sections, struct komodule **ret,
		    struct err *err)
{
	struct komodule *m = calloc(1, sizeof(*m));

	if (!m) {
		elffile_close(file);
		return err_nomem(err, sizeof(*m), "a module's debugging information");
	}
	m->sections = *sections;
	m->fd = file->fd;
	strcpy(m->path, file->path);
	file->fd = -1;
	elffile_close(file);
	if (report(m, mod, err)) {
		komodule_destroy(m);
		return err->code;
	}
	*ret = m;
	return 0;
}

void komodule_destroy(struct komodule *m)
{
	if (!m)
		return;
	if (m->dwfl)
		dwfl_end(m->dwfl);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

Dwarf *komodule_dwarf(const struct komodule *m, uint64_t *ret_bias)
{
	*ret_bias = m->bias;
	return m->dwarf;
}
