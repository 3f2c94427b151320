// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/boot_params.h"

#include <inttypes.h>

#include "arch/x86_64/e820.h"
#include "base/num.h"

/* struct setup_data: next, type, length, then the data */
#define NODE_HEAD 16

enum {
	SETUP_E820_EXT = 1,
	SETUP_EFI = 4,
	SETUP_RNG_SEED = 9,
};

#define E820_ENTRY    20 /* struct boot_e820_entry: address, size, type */
#define EFI_DATA      96 /* struct efi_setup_data: 4 values and 8 reserved */
#define RNG_SEED      32
#define EFI_SIGNATURE 0x34364c45 /* "EL64" */
#define XLF_EFI_KEXEC 0x10       /* 3.14: the kernel takes SETUP_EFI */
#define LOADER_KEXEC  0xd0       /* boot.rst, "Assigned boot loader IDs": kexec is 0xD */

/* Where the parts are in the buffer; an absent one has length 0. Nodes' offsets are of their heads. */
struct layout {
	size_t cmdline;
	size_t efi_map, efi_map_len;
	size_t efi, efi_len;
	size_t e820, e820_len;
	size_t rng, rng_len;
	size_t end;
};

/* ---- how much of it is there */

static bool has_efi_info(const struct firmware *f)
{
	uint32_t signature;

	return bytes_le32(f->boot_params, BP_EFI_SIGNATURE, &signature) &&
	       signature == EFI_SIGNATURE &&
	       bytes_has(f->boot_params, BP_EFI_SIGNATURE, BP_EFI_MEMMAP_HI + 4 - BP_EFI_SIGNATURE);
}

bool boot_params_has_efi(const struct boot_data *d)
{
	const struct firmware *f = d->firmware;
	uint16_t flags;

	return f->efi && f->efi_64 && f->efi_map.len && f->efi_tables && has_efi_info(f) &&
	       bytes_le16(d->kernel, BP_HDR_XLOADFLAGS, &flags) && flags & XLF_EFI_KEXEC;
}

uint64_t boot_params_acpi_rsdp(const struct firmware *f)
{
	uint64_t addr = 0;

	if (bytes_le64(f->boot_params, BP_ACPI_RSDP_ADDR, &addr) && addr)
		return addr;
	return f->acpi_rsdp;
}

static bool has_seed(const uint8_t *seed)
{
	for (size_t i = 0; i < RNG_SEED; i++)
		if (seed[i])
			return true;
	return false;
}

/* Put a part of `len` bytes behind `head` more ones at the end; false if it gets too long. */
static bool append(struct layout *l, size_t head, size_t len, size_t *ret_at, size_t *ret_len)
{
	size_t at = l->end, end;

	if (!len)
		return true;
	if (!num_add(at, head, &end) || !num_add(end, len, &end) || end > UINT32_MAX)
		return false;
	l->end = num_align_up(end, 16);
	*ret_at = at;
	*ret_len = len;
	return true;
}

static int make_layout(const struct boot_data *d, struct layout *ret, struct err *err)
{
	struct layout l = {.end = BOOT_PARAMS_SIZE};
	size_t more = d->n_map > BOOT_PARAMS_E820_MAX ? d->n_map - BOOT_PARAMS_E820_MAX : 0;
	const struct firmware *f = d->firmware;
	bool efi = boot_params_has_efi(d);
	size_t e820, cmdline;

	if (efi && (!f->efi_desc_size || f->efi_map.len % f->efi_desc_size))
		return err_set(err, ERR_CORRUPT,
			       "the EFI runtime map's %zu bytes are not descriptors of %" PRIu32
			       " bytes",
			       f->efi_map.len, f->efi_desc_size);
	if (!num_mul(more, (size_t)E820_ENTRY, &e820) ||
	    !append(&l, 0, strlen(d->cmdline) + 1, &l.cmdline, &cmdline) ||
	    !append(&l, 0, efi ? f->efi_map.len : 0, &l.efi_map, &l.efi_map_len) ||
	    !append(&l, NODE_HEAD, efi ? EFI_DATA : 0, &l.efi, &l.efi_len) ||
	    !append(&l, NODE_HEAD, e820, &l.e820, &l.e820_len) ||
	    !append(&l, NODE_HEAD, has_seed(d->rng_seed) ? RNG_SEED : 0, &l.rng, &l.rng_len))
		return err_set(err, ERR_UNSUPPORTED,
			       "boot parameters, with %zu entries of the memory map and an EFI map "
			       "of %zu bytes, are beyond 4 GiB",
			       d->n_map, f->efi_map.len);
	*ret = l;
	return 0;
}

int boot_params_size(const struct boot_data *d, size_t *ret, struct err *err)
{
	struct layout l;
	int r = make_layout(d, &l, err);

	if (r)
		return r;
	*ret = l.end;
	return 0;
}

/* ---- filling */

/* The buffer with a bounds check: whatever an offset is made of, nothing is written outside. */
struct page {
	uint8_t *data;
	size_t len;
	bool outside;
};

static void put(struct page *p, size_t at, const void *data, size_t len)
{
	if (at > p->len || len > p->len - at)
		p->outside = true;
	else
		memcpy(p->data + at, data, len);
}

static void put8(struct page *p, size_t at, uint8_t v)
{
	put(p, at, &v, 1);
}

static void put32(struct page *p, size_t at, uint32_t v)
{
	v = htole32(v);
	put(p, at, &v, sizeof(v));
}

static void put64(struct page *p, size_t at, uint64_t v)
{
	v = htole64(v);
	put(p, at, &v, sizeof(v));
}

static void put_split(struct page *p, size_t low, size_t high, uint64_t v)
{
	put32(p, low, (uint32_t)v);
	put32(p, high, (uint32_t)(v >> 32));
}

/* A field of the running kernel's boot_params that holds for the next one too. */
static void keep(struct page *p, const struct firmware *f, size_t at, size_t len)
{
	struct bytes field;

	if (bytes_sub(f->boot_params, at, len, &field))
		put(p, at, field.data, len);
}

/* A number of entries of a fixed table. */
static void keep_count(struct page *p, const struct firmware *f, size_t at, uint8_t max)
{
	uint8_t n;

	if (bytes_u8(f->boot_params, at, &n))
		put8(p, at, NUM_MIN(n, max));
}

/*
 * boot.rst, "64-bit Boot Protocol": all zero, and then the header as it is in the file, whose end the jump at its
 * beginning gives. What no boot_params has room for is none of the header.
 */
static void put_header(struct page *p, const struct boot_data *d, uint64_t cmdline)
{
	struct bytes header;
	uint8_t jump = 0;

	if (bytes_u8(d->kernel, BP_HDR_JUMP_OFFSET, &jump) &&
	    bytes_sub(d->kernel, BP_HDR, NUM_MIN(0x202u + jump, BP_EDD_MBR) - BP_HDR, &header))
		put(p, BP_HDR, header.data, header.len);
	put8(p, BP_HDR_TYPE_OF_LOADER, LOADER_KEXEC);
	put8(p, BP_HDR_EXT_LOADER_VER, 0);
	put8(p, BP_HDR_EXT_LOADER_TYPE, 0);
	put8(p, BP_HDR_LOADFLAGS, 0); /* of the 16-bit and 32-bit entries */
	put_split(p, BP_HDR_RAMDISK_IMAGE, BP_EXT_RAMDISK_IMAGE, d->initrd_start);
	put_split(p, BP_HDR_RAMDISK_SIZE, BP_EXT_RAMDISK_SIZE, d->initrd_len);
	put_split(p, BP_HDR_CMD_LINE_PTR, BP_EXT_CMD_LINE_PTR, cmdline);
	put64(p, BP_HDR_SETUP_DATA, 0); /* the list is ours from its beginning */
	keep(p, d->firmware, BP_HDR_HARDWARE_SUBARCH, 4);
}

static void put_firmware(struct page *p, const struct firmware *f)
{
	keep(p, f, BP_SCREEN_INFO, BP_SCREEN_INFO_LEN);
	/* the amount of memory of BIOS times, in the middle of screen_info: the e820 table says more */
	put(p, BP_SCREEN_EXT_MEM_K, "\0", 2);
	put64(p, BP_ACPI_RSDP_ADDR, boot_params_acpi_rsdp(f));
	keep(p, f, BP_SECURE_BOOT, 1);
	keep(p, f, BP_EDDBUF, BP_EDDBUF_LEN);
	keep_count(p, f, BP_EDDBUF_ENTRIES, 6);
	keep(p, f, BP_EDD_MBR, BP_EDD_MBR_LEN);
	keep_count(p, f, BP_EDD_MBR_ENTRIES, 16);
}

static void put_e820(struct page *p, size_t at, const struct mem_area *a)
{
	put64(p, at, a->range.start);
	put64(p, at + 8, a->range.end - a->range.start);
	put32(p, at + 16, e820_type(a->kind));
}

/* Head of a setup_data node, which becomes the first of the list. */
static void put_node(struct page *p, uint64_t addr, size_t at, uint32_t type, size_t len)
{
	uint64_t next = 0;

	if (!bytes_le64((struct bytes){p->data, p->len}, BP_HDR_SETUP_DATA, &next))
		p->outside = true;
	put64(p, at, next);
	put32(p, at + 8, type);
	put32(p, at + 12, (uint32_t)len);
	put64(p, BP_HDR_SETUP_DATA, addr + at);
}

static void put_map(struct page *p, uint64_t addr, const struct layout *l,
		    const struct boot_data *d)
{
	size_t in_page = NUM_MIN(d->n_map, (size_t)BOOT_PARAMS_E820_MAX);

	put8(p, BP_E820_ENTRIES, (uint8_t)in_page);
	for (size_t i = 0; i < in_page; i++)
		put_e820(p, BP_E820_TABLE + i * E820_ENTRY, &d->map[i]);
	if (!l->e820_len)
		return;
	put_node(p, addr, l->e820, SETUP_E820_EXT, l->e820_len);
	for (size_t i = in_page; i < d->n_map; i++)
		put_e820(p, l->e820 + NODE_HEAD + (i - in_page) * E820_ENTRY, &d->map[i]);
}

/*
 * As setup_efi_state(). The second value of SETUP_EFI, where the runtime services are, is what older kernels go
 * by; 5.7 ceased to look at it ("efi/x86: remove runtime table address from kexec EFI setup data").
 */
static void put_efi(struct page *p, uint64_t addr, const struct layout *l, const struct firmware *f)
{
	const uint64_t values[] = {f->efi_fw_vendor, f->efi_runtime, f->efi_tables, f->efi_smbios};

	keep(p, f, BP_EFI_SIGNATURE, 4);
	keep(p, f, BP_EFI_SYSTAB, 4);
	keep(p, f, BP_EFI_SYSTAB_HI, 4);
	keep(p, f, BP_EFI_MEMDESC_VERSION, 4);
	put32(p, BP_EFI_MEMDESC_SIZE, f->efi_desc_size);
	put32(p, BP_EFI_MEMMAP_SIZE, (uint32_t)l->efi_map_len);
	put_split(p, BP_EFI_MEMMAP, BP_EFI_MEMMAP_HI, addr + l->efi_map);
	put(p, l->efi_map, f->efi_map.data, f->efi_map.len);
	put_node(p, addr, l->efi, SETUP_EFI, l->efi_len);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		put64(p, l->efi + NODE_HEAD + i * 8, values[i]);
}

int boot_params_fill(const struct boot_data *d, uint64_t addr, uint8_t *to, struct err *err)
{
	struct page p = {.data = to};
	struct layout l;
	int r = make_layout(d, &l, err);

	if (r)
		return r;
	p.len = l.end;
	put_header(&p, d, addr + l.cmdline);
	put_firmware(&p, d->firmware);
	put(&p, l.cmdline, d->cmdline, strlen(d->cmdline) + 1);
	put_map(&p, addr, &l, d);
	if (l.efi_len)
		put_efi(&p, addr, &l, d->firmware);
	if (l.rng_len) {
		put_node(&p, addr, l.rng, SETUP_RNG_SEED, l.rng_len);
		put(&p, l.rng + NODE_HEAD, d->rng_seed, l.rng_len);
	}
	if (p.outside)
		return err_set(err, ERR_CORRUPT, "boot parameters do not fit into their %zu bytes",
			       p.len);
	return 0;
}
