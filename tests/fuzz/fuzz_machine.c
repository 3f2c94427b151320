// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Input: texts of /proc/iomem, the list of CPUs, systab, vmcoreinfo and kallsyms, then /proc/kcore, each but the last ended
 * by a NUL.
 * Property: areas are disjoint, sorted and not empty, CPUs are few, and a core header made of it all has the size
 * that its count of program headers says.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "loader/core_header.h"
#include "loader/machine_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes take(struct bytes *rest)
{
	const uint8_t *nul = rest->len ? memchr(rest->data, 0, rest->len) : NULL;
	struct bytes piece = {rest->data, nul ? (size_t)(nul - rest->data) : rest->len};
	size_t used = piece.len + (nul ? 1 : 0);

	*rest = (struct bytes){rest->data ? rest->data + used : NULL, rest->len - used};
	return piece;
}

static void check_areas(const struct machine *m)
{
	for (size_t i = 0; i < m->n_areas; i++) {
		const struct range *r = &m->areas[i].range;

		if (r->start >= r->end || m->areas[i].kind >= AREA_KINDS ||
		    (i && m->areas[i - 1].range.end > r->start))
			abort();
	}
}

static void parse_kcore(struct bytes kcore, struct machine *m)
{
	struct bytes table;
	struct err err;
	uint16_t phnum;

	if (machine_parse_kcore_head(kcore, &phnum, &err) ||
	    !bytes_sub(kcore, MACHINE_KCORE_HEAD, phnum * sizeof(Elf64_Phdr), &table))
		return;
	if (!machine_parse_kcore_table(table, m, &err) && !m->text_size &&
	    (m->page_offset_known || m->text_vaddr))
		abort();
}

/* Notes stand where the CPUs' numbers say, so that there is something to build from. */
static void parse_cpus(struct bytes text, struct machine *m)
{
	struct ranges cpus;
	struct err err;

	ranges_init(&cpus);
	if (!machine_parse_cpus(text, &cpus, &err) && cpus.n) {
		uint64_t n = ranges_total(&cpus);

		if (n > MACHINE_CPU_MAX + 1 || cpus.v[cpus.n - 1].end > MACHINE_CPU_MAX + 1)
			abort();
		m->cpus = calloc(n, sizeof(*m->cpus));
		m->n_cpus = m->cpus ? n : 0;
	}
	ranges_deinit(&cpus);
}

static void make_header(const struct machine *m)
{
	uint8_t *header;
	uint16_t phnum = 0;
	struct err err;
	size_t len;

	if (core_header_make(m, EM_X86_64, 1 << 20, &header, &len, &err))
		return;
	if (!bytes_le16((struct bytes){header, len}, offsetof(Elf64_Ehdr, e_phnum), &phnum) ||
	    len != sizeof(Elf64_Ehdr) + phnum * sizeof(Elf64_Phdr) || phnum < m->n_cpus + 3)
		abort();
	free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = {data, size}, kallsyms;
	struct machine m = {0};
	struct err err;
	int r;

	r = machine_parse_iomem(take(&rest), &m, &err);
	if (!r)
		check_areas(&m);
	parse_cpus(take(&rest), &m);
	if (machine_parse_systab(take(&rest), &m.firmware, &err) &&
	    (m.firmware.acpi_rsdp || m.firmware.efi_smbios))
		abort();
	if (!machine_parse_vmcoreinfo(take(&rest), &m.vmcoreinfo, &m.vmcoreinfo_size, &err) &&
	    !m.vmcoreinfo_size)
		abort();
	kallsyms = take(&rest);
	if (!r) {
		parse_kcore(rest, &m);
		if (!m.text_vaddr)
			m.text_vaddr = machine_parse_kallsyms(kallsyms);
		make_header(&m);
	}
	machine_deinit(&m);
	return 0;
}
