// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/machine_parse.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "loader/iomem.h"

/* ---- text */

/* For "%.*s": what a message shows of a text, up to the end of the line. */
static int shown(struct bytes text)
{
	const uint8_t *newline = text.len ? memchr(text.data, '\n', text.len) : NULL;
	size_t len = newline ? (size_t)(newline - text.data) : text.len;

	return (int)NUM_MIN(len, 80);
}

static void skip(struct bytes *b, size_t n)
{
	b->data += n;
	b->len -= n;
}

static bool eat(struct bytes *b, const char *text)
{
	size_t len = strlen(text);

	if (b->len < len || memcmp(b->data, text, len) != 0)
		return false;
	skip(b, len);
	return true;
}

static unsigned int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10u;
	return 16;
}

/* At least one digit, and no more than 64 bits can hold. */
static bool eat_number(struct bytes *b, unsigned int base, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	if (base == 16)
		(void)eat(b, "0x");
	for (; n < b->len && digit(b->data[n]) < base; n++)
		if (!num_mul(v, base, &v) || !num_add(v, digit(b->data[n]), &v))
			return false;
	if (!n)
		return false;
	skip(b, n);
	*ret = v;
	return true;
}

static bool eat_end(struct bytes *b)
{
	(void)eat(b, "\n");
	return b->len == 0;
}

/* The next line without its newline; false at the end. */
static bool eat_line(struct bytes *b, struct bytes *ret)
{
	const uint8_t *newline;

	if (!b->len)
		return false;
	newline = memchr(b->data, '\n', b->len);
	*ret = (struct bytes){b->data, newline ? (size_t)(newline - b->data) : b->len};
	skip(b, ret->len + (newline ? 1 : 0));
	return true;
}

int machine_parse_number(struct bytes text, unsigned int base, uint64_t *ret, struct err *err)
{
	struct bytes rest = text;
	uint64_t v = 0;

	if (!eat_number(&rest, base, &v) || !eat_end(&rest))
		return err_set(err, ERR_CORRUPT, "'%.*s' is not one %s number", shown(text),
			       text.data, base == 16 ? "hexadecimal" : "decimal");
	*ret = v;
	return 0;
}

int machine_parse_cpus(struct bytes text, struct ranges *ret, struct err *err)
{
	struct bytes rest = text;

	if (eat_end(&rest))
		return 0;
	do {
		uint64_t first = 0, last;
		bool good = eat_number(&rest, 10, &first);

		last = first;
		if (good && eat(&rest, "-"))
			good = eat_number(&rest, 10, &last);
		if (!good || last < first)
			return err_set(err, ERR_CORRUPT, "'%.*s' is not a list of CPUs",
				       shown(text), text.data);
		if (last > MACHINE_CPU_MAX)
			return err_set(err, ERR_UNSUPPORTED,
				       "CPU %" PRIu64
				       " in '%.*s': numbers above %d are not handled",
				       last, shown(text), text.data, MACHINE_CPU_MAX);
		if (ranges_add(ret, first, last + 1, err))
			return err->code;
	} while (eat(&rest, ","));
	if (!eat_end(&rest))
		return err_set(err, ERR_CORRUPT, "'%.*s' is not a list of CPUs", shown(text),
			       text.data);
	return 0;
}

int machine_parse_vmcoreinfo(struct bytes text, uint64_t *ret_addr, uint64_t *ret_size,
			     struct err *err)
{
	struct bytes rest = text;
	uint64_t addr = 0, size = 0, end;

	if (!eat_number(&rest, 16, &addr) || !eat(&rest, " ") || !eat_number(&rest, 16, &size) ||
	    !eat_end(&rest))
		return err_set(err, ERR_CORRUPT, "'%.*s' is not an address and a size", shown(text),
			       text.data);
	if (!addr || !size || !num_add(addr, size, &end))
		return err_set(err, ERR_CORRUPT,
			       "0x%" PRIx64 " bytes at 0x%" PRIx64 " is no place for a note", size,
			       addr);
	*ret_addr = addr;
	*ret_size = size;
	return 0;
}

uint64_t machine_parse_kallsyms(struct bytes text)
{
	struct bytes line;

	while (eat_line(&text, &line)) {
		uint64_t addr = 0;

		if (eat_number(&line, 16, &addr) && eat(&line, " ") && line.len == 7 &&
		    (eat(&line, "T _text") || eat(&line, "t _text")))
			return addr;
	}
	return 0;
}

int machine_parse_systab(struct bytes text, struct firmware *fw, struct err *err)
{
	uint64_t acpi20 = 0, acpi = 0, smbios = 0, smbios3 = 0;
	const struct {
		const char *key;
		uint64_t *value;
	} keys[] = {{"ACPI20=", &acpi20},
		    {"ACPI=", &acpi},
		    {"SMBIOS=", &smbios},
		    {"SMBIOS3=", &smbios3}};
	struct bytes line;

	for (unsigned int n = 1; eat_line(&text, &line); n++) {
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			struct bytes value = line;

			if (eat(&value, keys[i].key) &&
			    machine_parse_number(value, 16, keys[i].value, err))
				return err_wrap(err, "line %u: %.*s", n,
						(int)strlen(keys[i].key) - 1, keys[i].key);
		}
	}
	fw->acpi_rsdp = acpi20 ? acpi20 : acpi;
	fw->efi_smbios = smbios ? smbios : smbios3;
	return 0;
}

/* ---- /proc/iomem */

static const char *const area_names[AREA_KINDS] = {
	[AREA_RAM] = "System RAM",
	[AREA_RESERVED] = "Reserved",
	[AREA_ACPI] = "ACPI Tables",
	[AREA_NVS] = "ACPI Non-volatile Storage",
	[AREA_PMEM] = "Persistent Memory",
	[AREA_PRAM] = "Persistent Memory (legacy)",
	[AREA_SOFT_RESERVED] = "Soft Reserved",
	[AREA_DRIVER_RAM] = "System RAM (", /* and the driver's name */
};

/* Where areas overlap: the kernel uses what it calls RAM, and "Reserved" says least. */
static const enum area_kind precedence[AREA_KINDS] = {
	AREA_RAM,  AREA_DRIVER_RAM, AREA_NVS,           AREA_ACPI,
	AREA_PMEM, AREA_PRAM,       AREA_SOFT_RESERVED, AREA_RESERVED,
};

struct area_list {
	struct mem_area *v;
	size_t n, cap;
};

/* What iomem says of the kernel's image; end exclusive, 0-0: no such line. */
struct image_lines {
	struct range code;
	uint64_t end; /* of the last of them */
};

static bool area_kind_of(const struct iomem_entry *e, enum area_kind *ret)
{
	struct bytes name = e->name;

	for (size_t i = 0; i < AREA_KINDS; i++) {
		if (iomem_is(e, area_names[i])) {
			*ret = (enum area_kind)i;
			return true;
		}
	}
	*ret = AREA_DRIVER_RAM;
	return eat(&name, area_names[AREA_DRIVER_RAM]);
}

static int append_area(struct area_list *list, struct range range, enum area_kind kind,
		       struct err *err)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct mem_area *v = reallocarray(list->v, cap, sizeof(*v));

		if (!v)
			return err_nomem(err, cap * sizeof(*v), "the table of memory areas");
		list->v = v;
		list->cap = cap;
	}
	list->v[list->n++] = (struct mem_area){range, kind};
	return 0;
}

static int compare_areas(const void *a, const void *b)
{
	const struct mem_area *x = a, *y = b;

	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

/* The parts of `own` that nothing of higher precedence has taken. */
static int append_free(struct area_list *list, enum area_kind kind, const struct ranges *own,
		       const struct ranges *taken, struct err *err)
{
	for (size_t i = 0; i < own->n; i++) {
		struct range left = own->v[i];

		while (left.start < left.end) {
			const struct range *t = ranges_from(taken, left.start);
			struct range part = left;

			if (t && t->start <= left.start) {
				left.start = t->end;
				continue;
			}
			if (t && t->start < left.end)
				part.end = t->start;
			if (append_area(list, part, kind, err))
				return err->code;
			left.start = part.end;
		}
	}
	return 0;
}

/* From the lines as they came to disjoint areas. `lines` is sorted, so that adding is appending. */
static int make_disjoint(const struct area_list *lines, struct area_list *ret, struct err *err)
{
	struct ranges taken, own;
	int r = 0;

	ranges_init(&taken);
	ranges_init(&own);
	for (size_t k = 0; !r && k < AREA_KINDS; k++) {
		for (size_t i = 0; !r && i < lines->n; i++)
			if (lines->v[i].kind == precedence[k])
				r = ranges_add(&own, lines->v[i].range.start, lines->v[i].range.end,
					       err);
		if (!r)
			r = append_free(ret, precedence[k], &own, &taken, err);
		if (!r)
			r = ranges_add_all(&taken, &own, err);
		ranges_deinit(&own);
	}
	ranges_deinit(&taken);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_areas);
	return r;
}

static int note_image(struct image_lines *image, const struct iomem_entry *e, unsigned int line,
		      struct err *err)
{
	if (iomem_is(e, "Kernel code")) {
		if (image->code.end &&
		    (image->code.start != e->range.start || image->code.end != e->range.end))
			return err_set(err, ERR_CORRUPT,
				       "line %u: \"Kernel code\" at 0x%" PRIx64
				       ", although it was at 0x%" PRIx64 " before",
				       line, e->range.start, image->code.start);
		image->code = e->range;
	} else if (!iomem_is(e, "Kernel rodata") && !iomem_is(e, "Kernel data") &&
		   !iomem_is(e, "Kernel bss")) {
		return 0;
	}
	image->end = NUM_MAX(image->end, e->range.end);
	if (image->code.end && e->range.start < image->code.start)
		return err_set(
			err, ERR_CORRUPT,
			"line %u: \"%.*s\" at 0x%" PRIx64 " is below \"Kernel code\" at 0x%" PRIx64,
			line, shown(e->name), e->name.data, e->range.start, image->code.start);
	return 0;
}

static int note_entry(const struct iomem_entry *e, unsigned int line, struct area_list *lines,
		      struct image_lines *image, struct ranges *crash, struct err *err)
{
	enum area_kind kind;

	if (area_kind_of(e, &kind)) {
		if (e->hidden && kind == AREA_RAM)
			return err_set(err, ERR_REFUSED,
				       "line %u: all addresses are hidden (zero): reading them "
				       "needs CAP_SYS_ADMIN in the first user namespace; run this "
				       "as root",
				       line);
		return append_area(lines, e->range, kind, err);
	}
	if (iomem_is(e, "Crash kernel"))
		return ranges_add(crash, e->range.start, e->range.end, err);
	return e->hidden ? 0 : note_image(image, e, line, err);
}

int machine_parse_iomem(struct bytes text, struct machine *m, struct err *err)
{
	struct iomem it = {.text = text};
	struct area_list lines = {0}, areas = {0};
	struct image_lines image = {0};
	struct iomem_entry e;
	bool found = true;
	int r = 0;

	while (!r && found) {
		r = iomem_next(&it, &e, &found, err);
		if (!r && found)
			r = note_entry(&e, it.line, &lines, &image, &m->crash, err);
	}
	if (!r && lines.n) {
		qsort(lines.v, lines.n, sizeof(*lines.v), compare_areas);
		r = make_disjoint(&lines, &areas, err);
	}
	free(lines.v);
	m->areas = areas.v;
	m->n_areas = areas.n;
	if (image.code.end) {
		m->text_phys = image.code.start;
		m->text_size = image.end - image.code.start;
	}
	return r;
}

/* ---- /proc/kcore */

/* A PT_LOAD that has a physical address. */
struct load {
	size_t index; /* in the table of program headers */
	uint64_t vaddr, paddr, size;
};

int machine_parse_kcore_head(struct bytes head, uint16_t *ret_phnum, struct err *err)
{
	static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB};
	uint16_t type = 0, phentsize = 0, phnum = 0;
	uint64_t phoff = 0;

	if (!bytes_has(head, 0, MACHINE_KCORE_HEAD) ||
	    !bytes_le16(head, offsetof(Elf64_Ehdr, e_type), &type) ||
	    !bytes_le64(head, offsetof(Elf64_Ehdr, e_phoff), &phoff) ||
	    !bytes_le16(head, offsetof(Elf64_Ehdr, e_phentsize), &phentsize) ||
	    !bytes_le16(head, offsetof(Elf64_Ehdr, e_phnum), &phnum))
		return err_set(err, ERR_CORRUPT, "the ELF header is cut: %zu bytes", head.len);
	if (memcmp(head.data, ident, sizeof(ident)) != 0 || type != ET_CORE)
		return err_set(err, ERR_CORRUPT,
			       "is no 64-bit little-endian ELF core: it begins with "
			       "%02x%02x%02x%02x, class %u, encoding %u, type %u",
			       head.data[0], head.data[1], head.data[2], head.data[3],
			       head.data[EI_CLASS], head.data[EI_DATA], type);
	if (phoff != sizeof(Elf64_Ehdr) || phentsize != sizeof(Elf64_Phdr))
		return err_set(err, ERR_CORRUPT,
			       "e_phoff 0x%" PRIx64 " and e_phentsize %u should be 0x%zx and %zu",
			       phoff, phentsize, sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr));
	*ret_phnum = phnum;
	return 0;
}

/* The next one from *at on, which moves behind it; false at the end. */
static bool next_load(struct bytes table, size_t *at, struct load *ret)
{
	for (; *at < table.len / sizeof(Elf64_Phdr); (*at)++) {
		struct bytes phdr;
		struct load l = {.index = *at};
		uint32_t type = 0;

		if (!bytes_sub(table, *at * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr), &phdr) ||
		    !bytes_le32(phdr, offsetof(Elf64_Phdr, p_type), &type) ||
		    !bytes_le64(phdr, offsetof(Elf64_Phdr, p_vaddr), &l.vaddr) ||
		    !bytes_le64(phdr, offsetof(Elf64_Phdr, p_paddr), &l.paddr) ||
		    !bytes_le64(phdr, offsetof(Elf64_Phdr, p_memsz), &l.size))
			return false;
		if (type == PT_LOAD && l.paddr != UINT64_MAX && l.size) {
			(*at)++;
			*ret = l;
			return true;
		}
	}
	return false;
}

/* Before v4.11 p_paddr is 0 everywhere; one range of RAM may well begin there. */
static int check_loads(struct bytes table, bool *ret_physical, struct err *err)
{
	size_t n = 0, zero = 0;
	uint64_t end;
	struct load l;

	for (size_t at = 0; next_load(table, &at, &l);) {
		n++;
		zero += l.paddr == 0;
		if (!num_add(l.paddr, l.size, &end) || !num_add(l.vaddr, l.size - 1, &end))
			return err_set(err, ERR_CORRUPT,
				       "program header %zu: 0x%" PRIx64
				       " bytes at p_vaddr 0x%" PRIx64 ", p_paddr 0x%" PRIx64
				       " overflow",
				       l.index, l.size, l.vaddr, l.paddr);
	}
	*ret_physical = n && !(n > 1 && zero == n);
	return 0;
}

static bool covers(const struct load *l, uint64_t start, uint64_t end)
{
	return l->paddr <= start && end <= l->paddr + l->size;
}

/* Of several that cover the image it is the smallest; a single one could be RAM, if it does not begin there. */
static bool find_text(struct bytes table, const struct machine *m, struct load *ret)
{
	uint64_t end = m->text_phys + m->text_size;
	struct load l, best = {0};
	size_t n = 0;

	for (size_t at = 0; next_load(table, &at, &l);) {
		if (!covers(&l, m->text_phys, end))
			continue;
		if (!n++ || l.size < best.size)
			best = l;
	}
	if (!n || (n == 1 && best.paddr != m->text_phys))
		return false;
	*ret = best;
	return true;
}

int machine_parse_kcore_table(struct bytes table, struct machine *m, struct err *err)
{
	struct load l, first = {0}, text = {.index = SIZE_MAX};
	bool physical = false;

	if (!m->text_size)
		return 0;
	if (check_loads(table, &physical, err))
		return err->code;
	if (!physical)
		return 0;
	if (find_text(table, m, &text)) {
		m->text_vaddr = text.vaddr;
		m->text_phys = text.paddr;
		m->text_size = text.size;
	}
	for (size_t at = 0; next_load(table, &at, &l);) {
		if (l.index == text.index ||
		    (m->text_phys <= l.paddr && l.paddr + l.size <= m->text_phys + m->text_size))
			continue;
		if (m->page_offset_known && l.vaddr - l.paddr != m->page_offset)
			return err_set(err, ERR_CORRUPT,
				       "program header %zu maps 0x%" PRIx64 " at 0x%" PRIx64
				       ", program header %zu 0x%" PRIx64 " at 0x%" PRIx64
				       ": they disagree on where physical 0 is",
				       first.index, first.paddr, first.vaddr, l.index, l.paddr,
				       l.vaddr);
		if (!m->page_offset_known)
			first = l;
		m->page_offset_known = true;
		m->page_offset = l.vaddr - l.paddr;
	}
	return 0;
}
