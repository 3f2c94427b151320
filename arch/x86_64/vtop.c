// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/vtop.h"

#include <inttypes.h>

#include "base/num.h"

#define START_KERNEL_MAP 0xffffffff80000000ULL
#define ENTRY_PRESENT    0x1ULL
#define ENTRY_PSE        0x80ULL /* in a PUD or PMD: this entry maps a page */
#define ENTRY_ADDR       0x000ffffffffff000ULL
#define TABLE_BITS       9
#define PAGE_SHIFT       12
#define TABLE_BYTES      (sizeof(uint64_t) << TABLE_BITS)

static int required_symbol(const struct vmcoreinfo *info, const char *name, uint64_t *ret,
			   struct err *err)
{
	bool found = false;
	int r = vmcoreinfo_symbol(info, name, ret, &found, err);

	if (!r && !found)
		r = err_set(err, ERR_NOT_FOUND, "VMCOREINFO has no SYMBOL(%s)", name);
	return r;
}

static int vtop_init(const struct vmcoreinfo *info, struct vtop *ret, struct err *err)
{
	int64_t phys_base = 0, l5 = 0, sme_mask = 0;
	bool has_base = false, found;
	uint64_t top, root;
	int r;

	if ((r = required_symbol(info, "init_top_pgt", &top, err)) ||
	    (r = vmcoreinfo_number(info, "phys_base", &phys_base, &has_base, err)) ||
	    (r = vmcoreinfo_number(info, "pgtable_l5_enabled", &l5, &found, err)) ||
	    (r = vmcoreinfo_number(info, "sme_mask", &sme_mask, &found, err)))
		return r;
	if (!has_base)
		return err_set(err, ERR_NOT_FOUND, "VMCOREINFO has no NUMBER(phys_base)");
	if (top < START_KERNEL_MAP)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO SYMBOL(init_top_pgt)=%" PRIx64
			       " is not an address of the kernel image",
			       top);
	if (sme_mask && !num_is_pow2((uint64_t)sme_mask))
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO NUMBER(sme_mask)=0x%" PRIx64 " is not a single bit",
			       (uint64_t)sme_mask);
	root = top - START_KERNEL_MAP + (uint64_t)phys_base;
	if (root & ~ENTRY_ADDR)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO NUMBER(phys_base)=%" PRId64
			       " puts the page tables at 0x%" PRIx64,
			       phys_base, root);
	*ret = (struct vtop){
		.root = root,
		.levels = l5 ? 5 : 4,
		.addr_mask = ENTRY_ADDR & ~(uint64_t)sme_mask,
	};
	return 0;
}

/*
 * How far the leaf `entry` at `at` goes on: neighbours in the same table that map the memory behind it. The image of
 * a kernel is thousands of pages in one piece, and each walk costs a read per level.
 */
static uint64_t leaf_length(const struct vtop *vtop, const struct source *src, uint64_t at,
			    uint64_t entry, unsigned int shift)
{
	uint64_t left = (TABLE_BYTES - at % TABLE_BYTES) / sizeof(uint64_t), n = 1;
	uint64_t entries[1 << TABLE_BITS], flags = ENTRY_PRESENT;
	struct err ignored;

	if (shift > PAGE_SHIFT)
		flags |= ENTRY_PSE;
	if (left > 1 && !source_read(src, at, entries, left * sizeof(*entries), &ignored))
		while (n < left && (le64toh(entries[n]) & flags) == flags &&
		       ((le64toh(entries[n]) ^ (entry + (n << shift))) & vtop->addr_mask) == 0)
			n++;
	return n << shift;
}

static int vtop_translate(const struct vtop *vtop, const struct source *src, uint64_t vaddr,
			  uint64_t *ret_phys, uint64_t *ret_len, struct err *err)
{
	unsigned int va_bits = PAGE_SHIFT + TABLE_BITS * vtop->levels;
	uint64_t table = vtop->root;

	if ((uint64_t)((int64_t)(vaddr << (64 - va_bits)) >> (64 - va_bits)) != vaddr)
		return err_set(err, ERR_NOT_FOUND,
			       "0x%" PRIx64 " is not a canonical %u-bit address", vaddr, va_bits);
	for (unsigned int level = vtop->levels; level > 0; level--) {
		unsigned int shift = PAGE_SHIFT + TABLE_BITS * (level - 1);
		uint64_t index = (vaddr >> shift) & ((1 << TABLE_BITS) - 1);
		uint64_t at = table + index * sizeof(uint64_t);
		uint64_t entry, page_mask;

		if (source_read(src, at, &entry, sizeof(entry), err))
			return err_wrap(err, "address 0x%" PRIx64 ", level %u page table", vaddr,
					level);
		entry = le64toh(entry);
		if (!(entry & ENTRY_PRESENT))
			return err_set(err, ERR_NOT_FOUND,
				       "address 0x%" PRIx64
				       " is not mapped: level %u entry at 0x%" PRIx64
				       " is 0x%" PRIx64,
				       vaddr, level, at, entry);
		table = entry & vtop->addr_mask;
		if (level > 1 && !(level <= 3 && (entry & ENTRY_PSE)))
			continue;
		page_mask = (1ULL << shift) - 1;
		*ret_phys = (table & ~page_mask) | (vaddr & page_mask);
		*ret_len = leaf_length(vtop, src, at, entry, shift) - (vaddr & page_mask);
		return 0;
	}
	return err_set(err, ERR_CORRUPT, "page tables with no levels");
}

const struct arch_vtop x86_64_vtop = {
	.init = vtop_init,
	.translate = vtop_translate,
};
