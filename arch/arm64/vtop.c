// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/arm64/vtop.h"

#include <inttypes.h>

#include "base/num.h"

#define PHYS_BITS      48 /* of an address that are in their place in an entry */
#define PHYS_BITS_LPA2 50
#define PHYS_BITS_MAX  52
#define NO_LPA2_BITS   48 /* more bits of virtual address need LPA2 if pages are not 64 KiB */
#define VA_BITS_MIN    36 /* arch/arm64/Kconfig: 36, 39, 42, 47, 48, 52 */
#define VA_BITS_MAX    52
#define LAST_LEVEL     3

enum entry_type { ENTRY_BLOCK = 1, ENTRY_TABLE = 3, ENTRY_PAGE = 3, ENTRY_TYPE_MASK = 3 };

static uint64_t low_bits(unsigned int n)
{
	return (1ULL << n) - 1;
}

static int need_number(const struct vmcoreinfo *info, const char *name, int64_t *ret,
		       struct err *err)
{
	bool found = false;
	int r = vmcoreinfo_number(info, name, ret, &found, err);

	if (!r && !found)
		r = err_set(err, ERR_NOT_FOUND, "VMCOREINFO has no NUMBER(%s)", name);
	return r;
}

static int read_page_shift(const struct vmcoreinfo *info, unsigned int *ret, struct err *err)
{
	bool found = false;
	uint64_t size = 0;
	int r = vmcoreinfo_value(info, "PAGESIZE", 10, &size, &found, err);

	if (r)
		return r;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "VMCOREINFO has no PAGESIZE");
	if (size != 4096 && size != 16384 && size != 65536)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO PAGESIZE=%" PRIu64 " is none of 4096, 16384 and 65536",
			       size);
	*ret = (unsigned int)__builtin_ctzll(size);
	return 0;
}

/* The bits of an address that the kernel was built for, and that it runs with. */
static int read_va_bits(const struct vmcoreinfo *info, unsigned int page_shift,
			unsigned int *ret_built, unsigned int *ret_actual, struct err *err)
{
	int64_t built = 0, t1sz = 0;
	bool found = false;
	int r;

	if ((r = need_number(info, "VA_BITS", &built, err)) ||
	    (r = vmcoreinfo_number(info, "TCR_EL1_T1SZ", &t1sz, &found, err)))
		return r;
	if (built < VA_BITS_MIN || built > VA_BITS_MAX)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO NUMBER(VA_BITS)=%" PRId64 " is not %d to %d", built,
			       VA_BITS_MIN, VA_BITS_MAX);
	if (found && (t1sz < 64 - built || t1sz > 64 - VA_BITS_MIN))
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO NUMBER(TCR_EL1_T1SZ)=0x%" PRIx64
			       " is not %d to %d, as NUMBER(VA_BITS)=%d demands",
			       (uint64_t)t1sz, 64 - (int)built, 64 - VA_BITS_MIN, (int)built);
	/* With 64 KiB either size is read the same way; with the others, tables and entries differ. */
	if (!found && built > NO_LPA2_BITS && page_shift != 16)
		return err_set(
			err, ERR_NOT_FOUND,
			"VMCOREINFO has no NUMBER(TCR_EL1_T1SZ), so it is unknown whether the "
			"kernel runs with the %d bits of NUMBER(VA_BITS)",
			(int)built);
	*ret_built = (unsigned int)built;
	*ret_actual = (unsigned int)(found ? 64 - t1sz : built);
	return 0;
}

/* The kernel's half of the address space: what TTBR1 translates. */
static bool is_kernel_address(uint64_t vaddr, unsigned int va_bits)
{
	return vaddr >= -(1ULL << va_bits);
}

static int read_root(const struct vmcoreinfo *info, unsigned int page_shift, unsigned int va_bits,
		     uint64_t *ret, struct err *err)
{
	uint64_t top = 0, root;
	bool found = false;
	int64_t voffset = 0;
	int r;

	if ((r = vmcoreinfo_symbol(info, "swapper_pg_dir", &top, &found, err)))
		return r;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "VMCOREINFO has no SYMBOL(swapper_pg_dir)");
	if ((r = need_number(info, "kimage_voffset", &voffset, err)))
		return r;
	if (!is_kernel_address(top, va_bits))
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO SYMBOL(swapper_pg_dir)=%" PRIx64
			       " is not a kernel address of %u bits",
			       top, va_bits);
	root = top - (uint64_t)voffset;
	if (root >> PHYS_BITS_MAX || root & low_bits(page_shift))
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO SYMBOL(swapper_pg_dir)=%" PRIx64
			       " and NUMBER(kimage_voffset)=0x%" PRIx64
			       " put the page tables at 0x%" PRIx64,
			       top, (uint64_t)voffset, root);
	*ret = root;
	return 0;
}

/* From the page size and the two sizes of an address follows the whole geometry, see vtop.h. */
static struct vtop make_vtop(uint64_t root, unsigned int page_shift, unsigned int built,
			     unsigned int va_bits)
{
	unsigned int table_bits = page_shift - 3;
	unsigned int levels = (va_bits - 4) / table_bits;
	unsigned int top_shift = page_shift + table_bits * (levels - 1);
	struct vtop v = {
		.root = root,
		.levels = levels,
		.page_shift = page_shift,
		.va_bits = va_bits,
		.top_mask = low_bits(NUM_MIN(table_bits, built - top_shift)),
		.addr_mask = low_bits(PHYS_BITS) & ~low_bits(page_shift),
	};

	if (page_shift == 16) {
		v.high_mask = 0xf000;
		v.high_shift = PHYS_BITS - 12;
	} else if (va_bits > NO_LPA2_BITS) {
		v.addr_mask = low_bits(PHYS_BITS_LPA2) & ~low_bits(page_shift);
		v.high_mask = 0x300;
		v.high_shift = PHYS_BITS_LPA2 - 8;
	}
	return v;
}

static int vtop_init(const struct vmcoreinfo *info, struct vtop *ret, struct err *err)
{
	unsigned int page_shift = 0, built = 0, actual = 0;
	uint64_t root = 0;
	int r;

	if ((r = read_page_shift(info, &page_shift, err)) ||
	    (r = read_va_bits(info, page_shift, &built, &actual, err)) ||
	    (r = read_root(info, page_shift, actual, &root, err)))
		return r;
	*ret = make_vtop(root, page_shift, built, actual);
	return 0;
}

/* The highest level at which an entry may be a block. */
static int first_block_level(const struct vtop *vtop)
{
	return (vtop->page_shift == 12 ? 1 : 2) - (vtop->high_mask != 0);
}

static bool maps_memory(const struct vtop *vtop, int level, uint64_t entry)
{
	if (level == LAST_LEVEL)
		return (entry & ENTRY_TYPE_MASK) == ENTRY_PAGE;
	return (entry & ENTRY_TYPE_MASK) == ENTRY_BLOCK && level >= first_block_level(vtop);
}

static bool leads_to_table(int level, uint64_t entry)
{
	return level < LAST_LEVEL && (entry & ENTRY_TYPE_MASK) == ENTRY_TABLE;
}

static uint64_t entry_phys(const struct vtop *vtop, uint64_t entry)
{
	return (entry & vtop->addr_mask) | (entry & vtop->high_mask) << vtop->high_shift;
}

static int vtop_translate(const struct vtop *vtop, const struct source *src, uint64_t vaddr,
			  uint64_t *ret_phys, uint64_t *ret_len, struct err *err)
{
	uint64_t untagged = (uint64_t)((int64_t)(vaddr << 8) >> 8);
	uint64_t index_mask = vtop->top_mask, table = vtop->root;
	unsigned int table_bits = vtop->page_shift - 3;
	int level = LAST_LEVEL + 1 - (int)vtop->levels;

	if (!is_kernel_address(untagged, vtop->va_bits))
		return err_set(err, ERR_NOT_FOUND,
			       "0x%" PRIx64 " is not a kernel address of %u bits", vaddr,
			       vtop->va_bits);
	for (; level <= LAST_LEVEL; level++, index_mask = low_bits(table_bits)) {
		unsigned int shift =
			vtop->page_shift + table_bits * (unsigned int)(LAST_LEVEL - level);
		uint64_t at = table + (untagged >> shift & index_mask) * sizeof(uint64_t);
		uint64_t entry, in_page = untagged & low_bits(shift);

		if (source_read(src, at, &entry, sizeof(entry), err))
			return err_wrap(err, "address 0x%" PRIx64 ", level %d page table", vaddr,
					level);
		entry = le64toh(entry);
		table = entry_phys(vtop, entry);
		if (leads_to_table(level, entry))
			continue;
		if (!maps_memory(vtop, level, entry))
			return err_set(err, ERR_NOT_FOUND,
				       "address 0x%" PRIx64
				       " is not mapped: level %d entry at 0x%" PRIx64
				       " is 0x%" PRIx64,
				       vaddr, level, at, entry);
		*ret_phys = (table & ~low_bits(shift)) | in_page;
		*ret_len = low_bits(shift) + 1 - in_page;
		return 0;
	}
	return err_set(err, ERR_CORRUPT, "page tables with no levels");
}

const struct arch_vtop arm64_vtop = {
	.init = vtop_init,
	.translate = vtop_translate,
};
