// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plans for made-up machines. What the next kernel would find is read back from the segments by address, with the
 * numbers of zero-page.rst and boot.rst, not with the names that the loader has for them.
 */
#include "tests/unit/loader_fixture.h"

#include <stdalign.h>

#include "arch/arch.h"
#include "arch/x86_64/boot_params.h"
#include "arch/x86_64/load.h"
#include "tests/unit/fake_purgatory.h"

#if defined(__x86_64__) && __has_include(<asm/bootparam.h>)
#include <asm/bootparam.h>

#define SAME(offset, member) \
	_Static_assert((offset) == offsetof(struct boot_params, member), #member)
SAME(BP_SCREEN_INFO, screen_info);
SAME(BP_SCREEN_EXT_MEM_K, screen_info.ext_mem_k);
SAME(BP_ACPI_RSDP_ADDR, acpi_rsdp_addr);
SAME(BP_EXT_RAMDISK_IMAGE, ext_ramdisk_image);
SAME(BP_EXT_RAMDISK_SIZE, ext_ramdisk_size);
SAME(BP_EXT_CMD_LINE_PTR, ext_cmd_line_ptr);
SAME(BP_EFI_SIGNATURE, efi_info.efi_loader_signature);
SAME(BP_EFI_SYSTAB, efi_info.efi_systab);
SAME(BP_EFI_MEMDESC_SIZE, efi_info.efi_memdesc_size);
SAME(BP_EFI_MEMDESC_VERSION, efi_info.efi_memdesc_version);
SAME(BP_EFI_MEMMAP, efi_info.efi_memmap);
SAME(BP_EFI_MEMMAP_SIZE, efi_info.efi_memmap_size);
SAME(BP_EFI_SYSTAB_HI, efi_info.efi_systab_hi);
SAME(BP_EFI_MEMMAP_HI, efi_info.efi_memmap_hi);
SAME(BP_E820_ENTRIES, e820_entries);
SAME(BP_EDDBUF_ENTRIES, eddbuf_entries);
SAME(BP_EDD_MBR_ENTRIES, edd_mbr_sig_buf_entries);
SAME(BP_SECURE_BOOT, secure_boot);
SAME(BP_HDR, hdr);
SAME(BP_HDR_JUMP_OFFSET - 1, hdr.jump);
SAME(BP_HDR_VERSION, hdr.version);
SAME(BP_HDR_TYPE_OF_LOADER, hdr.type_of_loader);
SAME(BP_HDR_LOADFLAGS, hdr.loadflags);
SAME(BP_HDR_RAMDISK_IMAGE, hdr.ramdisk_image);
SAME(BP_HDR_RAMDISK_SIZE, hdr.ramdisk_size);
SAME(BP_HDR_EXT_LOADER_VER, hdr.ext_loader_ver);
SAME(BP_HDR_EXT_LOADER_TYPE, hdr.ext_loader_type);
SAME(BP_HDR_CMD_LINE_PTR, hdr.cmd_line_ptr);
SAME(BP_HDR_XLOADFLAGS, hdr.xloadflags);
SAME(BP_HDR_HARDWARE_SUBARCH, hdr.hardware_subarch);
SAME(BP_HDR_SETUP_DATA, hdr.setup_data);
SAME(BP_EDD_MBR, edd_mbr_sig_buffer);
SAME(BP_E820_TABLE, e820_table);
SAME(BP_EDDBUF, eddbuf);
#define SIZE(len, member) \
	_Static_assert((len) == sizeof(((struct boot_params *)0)->member), #member)
SIZE(BP_SCREEN_INFO_LEN, screen_info);
SIZE(BP_EDD_MBR_LEN, edd_mbr_sig_buffer);
SIZE(BP_EDDBUF_LEN, eddbuf);
_Static_assert(BOOT_PARAMS_SIZE == sizeof(struct boot_params), "boot_params");
_Static_assert(BOOT_PARAMS_E820_MAX == E820_MAX_ENTRIES_ZEROPAGE, "e820_table");
#endif

#define MIB       (1024ull * 1024)
#define GIB       (1024 * MIB)
#define HEADER    600 /* bytes of core header */
#define INITRD    (3 * 4096 + 5)
#define EFI_MAP   (3 * 40)
#define MAX_AREAS 400

struct machine {
	struct mem_area areas[MAX_AREAS];
	struct range crash_v[4];
	struct ranges crash;
	struct firmware fw;
	struct kernel_image image;
	struct load_input in;
	uint8_t kernel[FIXTURE_SIZE], initrd[INITRD], header[HEADER];
	uint8_t params[4096], efi_map[EFI_MAP];
};

static void area(struct machine *m, uint64_t start, uint64_t end, enum area_kind kind)
{
	assert_true(m->in.n_areas < MAX_AREAS);
	m->areas[m->in.n_areas++] = (struct mem_area){{start, end}, kind};
}

static void crash(struct machine *m, uint64_t start, uint64_t end)
{
	m->crash_v[m->crash.n++] = (struct range){start, end};
}

static void pattern(uint8_t *to, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + seed);
}

static void make_kernel(struct machine *m)
{
	fixture_bzimage(m->kernel);
	pattern(m->kernel + FIXTURE_SETUP, FIXTURE_SIZE - FIXTURE_SETUP, 3);
	m->kernel[0x1ef] = 0xff; /* the sentinel */
	m->kernel[0x200] = 0xeb; /* a jump to 0x26c, where the header ends */
	m->kernel[0x201] = 0x6a;
	bytes_put_le32(m->kernel + 0x218, 0x12345678);         /* ramdisk_image */
	bytes_put_le64(m->kernel + 0x250, 0x1122334455667788); /* setup_data */
	bytes_put_le32(m->kernel + 0x264, 0xcafe);             /* handover_offset */
	bytes_put_le64(m->kernel + 0x26c, 0xeeeeeeeeeeeeeeee); /* code */
	assert_ok(x86_64_load.parse((struct bytes){m->kernel, FIXTURE_SIZE}, FIXTURE_SIZE,
				    &m->image, err));
}

/* A BIOS machine of 8 GiB, with the kernel's image and so on; nothing reserved yet. */
static struct machine *machine_create(void)
{
	struct machine *m;

	if (!purgatory_size())
		skip(); /* built without a compiler for x86_64 */
	m = calloc(1, sizeof(*m));
	assert_non_null(m);
	area(m, 0, 0x1000, AREA_RESERVED);
	area(m, 0x1000, 0x9fc00, AREA_RAM);
	area(m, 0x9fc00, 0xa0000, AREA_RESERVED);
	area(m, 0xf0000, 0x100000, AREA_RESERVED);
	area(m, 0x100000, 0x7ff00000, AREA_RAM);
	area(m, 0x7ff00000, 0x7ff80000, AREA_ACPI);
	area(m, 0x7ff80000, 0x80000000, AREA_NVS);
	area(m, 0xfeffc000, 0xff000000, AREA_RESERVED);
	area(m, 4 * GIB, 8 * GIB, AREA_RAM);
	area(m, 8 * GIB, 9 * GIB, AREA_PMEM);
	area(m, 9 * GIB, 10 * GIB, AREA_PRAM);
	area(m, 10 * GIB, 11 * GIB, AREA_SOFT_RESERVED);
	make_kernel(m);
	pattern(m->initrd, INITRD, 5);
	pattern(m->header, HEADER, 6);
	pattern(m->params, sizeof(m->params), 7);
	bytes_put_le64(m->params + 0x70, 0);
	m->params[0x1e9] = 5;
	m->params[0x1ea] = 200;
	m->crash.v = m->crash_v;
	m->fw.boot_params = (struct bytes){m->params, sizeof(m->params)};
	m->in.panic = true;
	m->in.areas = m->areas;
	m->in.crash = &m->crash;
	m->in.firmware = &m->fw;
	m->in.page_size = 4096;
	m->in.kernel = (struct bytes){m->kernel, FIXTURE_SIZE};
	m->in.image = &m->image;
	m->in.initrd = (struct bytes){m->initrd, INITRD};
	m->in.cmdline = "console=ttyS0 irqpoll";
	m->in.core_header = (struct bytes){m->header, HEADER};
	m->in.core_header_len = HEADER;
	m->in.serial_port = 0x3f8;
	pattern(m->in.rng_seed, sizeof(m->in.rng_seed), 8);
	return m;
}

static struct machine *machine_with_region(void)
{
	struct machine *m = machine_create();

	crash(m, 0x60000000, 0x70000000);
	return m;
}

static void machine_make_efi(struct machine *m)
{
	pattern(m->efi_map, EFI_MAP, 9);
	memcpy(m->params + 0x1c0, "EL64", 4);
	m->fw.efi = m->fw.efi_64 = true;
	m->fw.efi_fw_vendor = 0x7f000018;
	m->fw.efi_runtime = 0xfffffffeff000b98;
	m->fw.efi_tables = 0x7f9ee018;
	m->fw.efi_smbios = 0x7f988000;
	m->fw.efi_map = (struct bytes){m->efi_map, EFI_MAP};
	m->fw.efi_desc_size = 40;
	m->fw.acpi_rsdp = 0x7fb7e014;
}

static struct segments place(const struct machine *m)
{
	struct segments s;

	assert_ok(x86_64_load.place(&m->in, &s, err));
	return s;
}

/* ---- what the next kernel sees */

static const struct segment *named(const struct segments *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, name) == 0)
			return &s->v[i];
	fail_msg("no segment %s", name);
	return NULL;
}

static bool has(const struct segments *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, name) == 0)
			return true;
	return false;
}

/* `len` bytes of memory at a physical address, which must be within what one segment copies. */
static const uint8_t *phys(const struct segments *s, uint64_t addr, uint64_t len)
{
	for (size_t i = 0; i < s->n; i++)
		if (addr >= s->v[i].start && addr - s->v[i].start <= s->v[i].size &&
		    len <= s->v[i].size - (addr - s->v[i].start))
			return s->v[i].data + (addr - s->v[i].start);
	fail_msg("0x%llx is in no segment", (unsigned long long)addr);
	return NULL;
}

static uint64_t number(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static const uint8_t *zero_page(const struct segments *s)
{
	return phys(s, named(s, "boot params")->start, 4096);
}

/* Data of the setup_data node of a type, with its length; NULL if the list has none. */
static const uint8_t *setup_data(const struct segments *s, uint32_t type, size_t *len)
{
	uint64_t at = number(zero_page(s) + 0x250, 8);

	for (int i = 0; at && i < 100; i++) {
		const uint8_t *node = phys(s, at, 16);

		*len = number(node + 12, 4);
		if (number(node + 8, 4) == type)
			return phys(s, at + 16, *len);
		at = number(node, 8);
	}
	assert_int_equal(at, 0);
	return NULL;
}

struct entry {
	uint64_t start, size;
	uint32_t type;
};

/* The whole e820 table, and that it is what segments.map says. */
static size_t read_e820(const struct segments *s, struct entry ret[MAX_AREAS])
{
	const uint8_t *zp = zero_page(s), *more;
	size_t n = zp[0x1e8], len = 0;

	assert_true(n <= 128);
	more = setup_data(s, 1, &len);
	assert_true(!more || (n == 128 && len % 20 == 0));
	len = more ? len / 20 : 0;
	assert_true(n + len <= MAX_AREAS);
	for (size_t i = 0; i < n + len; i++) {
		const uint8_t *p = i < n ? zp + 0x2d0 + i * 20 : more + (i - n) * 20;

		ret[i] =
			(struct entry){number(p, 8), number(p + 8, 8), (uint32_t)number(p + 16, 4)};
	}
	assert_int_equal(s->n_map, n + len);
	for (size_t i = 0; i < n + len; i++) {
		assert_int_equal(s->map[i].range.start, ret[i].start);
		assert_int_equal(s->map[i].range.end, ret[i].start + ret[i].size);
	}
	return n + len;
}

static void assert_e820(const struct segments *s, const struct entry *want, size_t n)
{
	struct entry got[MAX_AREAS];

	assert_int_equal(read_e820(s, got), n);
	for (size_t i = 0; i < n; i++)
		if (got[i].start != want[i].start || got[i].size != want[i].size ||
		    got[i].type != want[i].type)
			fail_msg("e820 entry %zu: 0x%llx + 0x%llx, type %u", i,
				 (unsigned long long)got[i].start, (unsigned long long)got[i].size,
				 got[i].type);
}

/* What kexec_load(2) demands: sorted, on pages, apart, data within memory; and inside of one of these ranges. */
static void assert_legal(const struct segments *s, const struct range *ranges, size_t n)
{
	assert_true(s->n <= 16);
	for (size_t i = 0; i < s->n; i++) {
		const struct segment *g = &s->v[i];
		bool inside = false;

		assert_int_equal(g->start % 4096, 0);
		assert_int_equal(g->len % 4096, 0);
		assert_true(g->size <= g->len && g->len);
		assert_true(!i || s->v[i - 1].start + s->v[i - 1].len <= g->start);
		for (size_t k = 0; k < n; k++)
			inside |= g->start >= ranges[k].start && g->start + g->len <= ranges[k].end;
		if (!inside)
			fail_msg("%s at 0x%llx is outside", g->name, (unsigned long long)g->start);
	}
}

/* ---- panic kernels */

TEST(panic_places)
{
	struct machine *m = machine_with_region();
	struct segments s = place(m);
	const struct segment *kernel = named(&s, "kernel"), *initrd = named(&s, "initramfs");
	const struct segment *params = named(&s, "boot params"), *purg = named(&s, "purgatory");

	assert_int_equal(s.n, 5);
	assert_legal(&s, m->crash_v, 1);
	assert_int_equal(named(&s, "core header")->start, 0x60000000);
	assert_int_equal(purg->start + purg->len, 0x70000000);
	assert_int_equal(purg->len, purgatory_memory());
	assert_int_equal(params->start + params->len, purg->start);
	assert_int_equal(kernel->len, FIXTURE_INIT);
	assert_int_equal(kernel->start % 0x200000, 0);
	assert_int_equal(kernel->start, (params->start - FIXTURE_INIT) & ~0x1fffffull);
	/* between kernel and boot params is a hole of less than 2 MiB: the highest place for it */
	assert_int_equal(initrd->start + initrd->len, params->start);
	assert_int_equal(kernel->size, FIXTURE_SIZE - FIXTURE_SETUP);
	assert_memory_equal(kernel->data, m->kernel + FIXTURE_SETUP, kernel->size);
	assert_int_equal(initrd->size, INITRD);
	assert_memory_equal(initrd->data, m->initrd, INITRD);
	assert_memory_equal(named(&s, "core header")->data, m->header, HEADER);
	assert_int_equal(s.entry, purg->start);
	segments_deinit(&s);
	free(m);
}

TEST(boot_params_fields)
{
	struct machine *m = machine_with_region();
	struct segments s = place(m);
	const uint8_t *zp = zero_page(&s);
	uint64_t initrd = named(&s, "initramfs")->start, cmdline;

	/* the header is the file's, but for what a loader writes */
	assert_memory_equal(zp + 0x1f1, m->kernel + 0x1f1, 0x210 - 0x1f1);
	assert_memory_equal(zp + 0x212, m->kernel + 0x212, 0x218 - 0x212);
	assert_memory_equal(zp + 0x22c, m->kernel + 0x22c, 0x23c - 0x22c);
	assert_memory_equal(zp + 0x240, m->kernel + 0x240, 0x250 - 0x240);
	assert_memory_equal(zp + 0x258, m->kernel + 0x258, 0x26c - 0x258);
	assert_int_equal(number(zp + 0x264, 4), 0xcafe);
	assert_int_equal(number(zp + 0x26c, 8), 0); /* behind its end */
	assert_int_equal(zp[0x1ef], 0);             /* sentinel */
	assert_int_equal(zp[0x210], 0xd0);
	assert_int_equal(zp[0x211], 0);
	assert_int_equal(number(zp + 0x218, 4) | number(zp + 0x0c0, 4) << 32, initrd);
	assert_int_equal(number(zp + 0x21c, 4) | number(zp + 0x0c4, 4) << 32, INITRD);
	cmdline = number(zp + 0x228, 4) | number(zp + 0x0c8, 4) << 32;
	assert_string_equal(phys(&s, cmdline, 1), "elfcorehdr=0x60000000 console=ttyS0 irqpoll");
	assert_string_equal(s.cmdline, "elfcorehdr=0x60000000 console=ttyS0 irqpoll");
	/* of the running kernel's, these and no others */
	assert_memory_equal(zp, m->params, 2);
	assert_int_equal(number(zp + 2, 2), 0);
	assert_memory_equal(zp + 4, m->params + 4, 0x40 - 4);
	for (size_t i = 0x40; i < 0xc0; i++)
		assert_int_equal(zp[i], 0);
	for (size_t i = 0xcc; i < 0x1e8; i++)
		assert_int_equal(zp[i], 0);
	assert_int_equal(zp[0x1e9], 5);
	assert_int_equal(zp[0x1ea], 16); /* as many as there is room for */
	assert_int_equal(zp[0x1ec], m->params[0x1ec]);
	assert_memory_equal(zp + 0x23c, m->params + 0x23c, 4);
	assert_memory_equal(zp + 0x290, m->params + 0x290, 64);
	assert_memory_equal(zp + 0xd00, m->params + 0xd00, 492);
	segments_deinit(&s);
	free(m);
}

TEST(panic_map)
{
	static const struct entry want[] =
		{
			{0, 0x1000, 2},
			{0x1000, 0x9ec00, 1},
			{0x9fc00, 0x400, 2},
			{0xf0000, 0x10000, 2},
			{0x60001000, 0x0ffff000, 1}, /* without the core header's page */
			{0x7ff00000, 0x80000, 3},
			{0x7ff80000, 0x80000, 4},
			{0xfeffc000, 0x4000, 2},
			{8 * GIB, GIB, 7},
			{9 * GIB, GIB, 12},
		};
	struct machine *m = machine_with_region();
	struct segments s = place(m);

	assert_e820(&s, want, ARRAY_SIZE(want));
	segments_deinit(&s);
	free(m);
}

/* Segments go to the high region; the low one is only memory. */
TEST(high_and_low_region)
{
	struct machine *m = machine_create();
	struct entry map[MAX_AREAS];
	struct segments s;
	size_t n, found = 0;

	crash(m, 0x50000000, 0x60000000);
	crash(m, 6 * GIB, 6 * GIB + 256 * MIB);
	s = place(m);
	assert_legal(&s, &m->crash_v[1], 1);
	assert_non_null(strstr(s.cmdline, "elfcorehdr=0x180000000 "));
	n = read_e820(&s, map);
	for (size_t i = 0; i < n; i++)
		found += map[i].type == 1 &&
			 ((map[i].start == 0x50000000 && map[i].size == 0x10000000) ||
			  (map[i].start == 6 * GIB + 4096 && map[i].size == 256 * MIB - 4096));
	assert_int_equal(found, 2);
	/* addresses above 4 GiB are split */
	assert_int_equal(number(zero_page(&s) + 0xc8, 4), 1);
	assert_int_equal(number(zero_page(&s) + 0xc0, 4), 1);
	segments_deinit(&s);
	free(m);
}

TEST(no_region_or_too_small)
{
	struct machine *m = machine_create();
	struct segments s = {.n = 4711};

	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_NO_SPACE, "no memory is reserved");
	crash(m, 0x60000000, 0x63000000);
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_NO_SPACE,
		     "no room for the kernel: it needs 52428800 bytes (50.0 MB) at a multiple of "
		     "2.0 MB, the largest hole has");
	m->crash_v[0].end = 0x63600000; /* the kernel fits */
	m->in.initrd.len = 4 * MIB;     /* never read before it has a place */
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_NO_SPACE, "room for the initramfs");
	m->crash_v[0].end = 0x60001000;
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_NO_SPACE, "room for the purgatory");
	m->in.core_header_len = UINT64_MAX;
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_NO_SPACE, "room for the core header");
	m->in.core_header.len = 0;
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_CORRUPT, "without a core header");
	assert_int_equal(s.n, 4711);
	free(m);
}

/* Below its preferred address a kernel would move itself out of the region that it was given. */
TEST(kernel_not_below_its_address)
{
	struct machine *m = machine_create();
	struct segments s;

	crash(m, 4 * MIB, 70 * MIB);
	bytes_put_le64(m->kernel + 0x258, 64 * MIB);
	m->image.min_addr = 64 * MIB;
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_NO_SPACE, "room for the kernel");
	m->image.min_addr = 4096; /* and never below 1 MiB */
	s = place(m);
	assert_true(named(&s, "kernel")->start >= MIB);
	segments_deinit(&s);
	free(m);
}

/* A small kernel and RAM that would do, if it were not too low. */
TEST(lowest_addresses)
{
	struct machine *m = machine_create();
	struct segments s;

	m->image.mem_size = MIB;
	m->image.align = 4096;
	m->image.min_addr = 0;
	crash(m, 2 * MIB, 16 * MIB + 0x3000);
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_NO_SPACE, "room for the initramfs");
	m->crash_v[0].end += 3 * MIB;
	s = place(m);
	assert_true(named(&s, "initramfs")->start >= 16 * MIB);
	segments_deinit(&s);
	/* 639 KiB of low memory are no room for an ordinary kernel's segments */
	m->crash.n = 0;
	m->in.panic = false;
	m->in.n_areas = 4;
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_NO_SPACE, "no room for the purgatory");
	free(m);
}

/* The segment holds its data, even if only the data's length is known. */
TEST(core_header_without_spare_room)
{
	struct machine *m = machine_with_region();
	struct segments s;

	m->in.core_header_len = 0;
	s = place(m);
	assert_int_equal(named(&s, "core header")->len, 4096);
	assert_int_equal(named(&s, "core header")->size, HEADER);
	segments_deinit(&s);
	free(m);
}

TEST(cmdline_length)
{
	struct machine *m = machine_with_region();
	char line[2048 + 64];
	struct segments s;

	memset(line, 'x', sizeof(line));
	line[2047 - 22] = '\0'; /* "elfcorehdr=0x60000000 " */
	m->in.cmdline = line;
	s = place(m);
	assert_int_equal(strlen(s.cmdline), 2047);
	segments_deinit(&s);
	line[2047 - 22] = 'x';
	line[2047 - 22 + 17] = '\0';
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_USAGE,
		     "the command line is 2064 bytes long, of which 22 are added by the loader: 17 "
		     "too many, this bzImage takes 2047");
	free(m);
}

TEST(digest)
{
	struct machine *m = machine_with_region();

	m->in.core_header_len = 5 * 4096;
	for (int hotplug = 0; hotplug < 2; hotplug++) {
		alignas(8) struct purgatory_params p;
		uint8_t want[SHA256_SIZE];
		struct segments s;
		struct sha256 sum;

		m->in.hotplug = hotplug;
		s = place(m);
		assert_int_equal(named(&s, "core header")->len, 5 * 4096);
		assert_int_equal(named(&s, "core header")->size, HEADER);
		memcpy(&p, named(&s, "purgatory")->data + 64, sizeof(p));
		assert_int_equal(p.magic, PURGATORY_MAGIC);
		assert_int_equal(p.entry, named(&s, "kernel")->start + 0x200);
		assert_int_equal(p.boot_params, named(&s, "boot params")->start);
		assert_int_equal(p.serial_port, 0x3f8);
		assert_int_equal(p.n_regions, hotplug ? 3 : 4);
		sha256_init(&sum);
		for (uint32_t i = 0; i < p.n_regions; i++) {
			sha256_update(&sum, phys(&s, p.regions[i].start, p.regions[i].size),
				      p.regions[i].size);
			assert_true(p.regions[i].start != named(&s, "purgatory")->start);
			if (hotplug)
				assert_true(p.regions[i].start != 0x60000000);
		}
		sha256_final(&sum, want);
		assert_memory_equal(p.digest, want, SHA256_SIZE);
		for (size_t i = 0; i < s.n; i++)
			assert_int_equal(s.v[i].digested, strcmp(s.v[i].name, "purgatory") != 0 &&
								  !(hotplug && i == 0));
		segments_deinit(&s);
	}
	free(m);
}

TEST(deterministic)
{
	struct machine *m = machine_with_region();
	struct segments a, b;

	machine_make_efi(m);
	a = place(m);
	b = place(m);
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++) {
		assert_int_equal(a.v[i].start, b.v[i].start);
		assert_int_equal(a.v[i].len, b.v[i].len);
		assert_int_equal(a.v[i].size, b.v[i].size);
		assert_memory_equal(a.v[i].data, b.v[i].data, a.v[i].size);
	}
	segments_deinit(&a);
	segments_deinit(&b);
	free(m);
}

/* ---- ordinary kernels */

TEST(ordinary)
{
	static const struct range room[] = {
		{MIB, 0x60000000}, {0x70000000, 0x7ff00000}, {4 * GIB, 7 * GIB}};
	static const uint32_t types[] = {2, 1, 2, 2, 1, 3, 4, 2, 1, 7, 12, 0xefffffff};
	struct machine *m = machine_with_region();
	struct entry map[MAX_AREAS];
	struct segments s;

	crash(m, 7 * GIB, 8 * GIB);
	area(m, 12 * GIB, 16 * GIB,
	     AREA_DRIVER_RAM); /* the highest: neither used nor handed over */
	m->in.panic = false;
	s = place(m);
	assert_int_equal(s.n, 4);
	assert_false(has(&s, "core header"));
	assert_legal(&s, room, ARRAY_SIZE(room));
	assert_int_equal(named(&s, "purgatory")->start + purgatory_memory(), 7 * GIB);
	assert_string_equal(s.cmdline, "console=ttyS0 irqpoll");
	assert_int_equal(read_e820(&s, map), ARRAY_SIZE(types));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		assert_int_equal(map[i].start, m->areas[i].range.start);
		assert_int_equal(map[i].size, m->areas[i].range.end - m->areas[i].range.start);
		assert_int_equal(map[i].type, types[i]);
	}
	segments_deinit(&s);
	/* without an initramfs */
	m->in.initrd = (struct bytes){0};
	s = place(m);
	assert_int_equal(s.n, 3);
	assert_int_equal(number(zero_page(&s) + 0x218, 4), 0);
	assert_int_equal(number(zero_page(&s) + 0x21c, 4), 0);
	segments_deinit(&s);
	free(m);
}

/* ---- large maps */

TEST(e820_of_300)
{
	for (int panic = 0; panic < 2; panic++) {
		struct machine *m = machine_with_region();
		struct entry map[MAX_AREAS];
		struct segments s;
		size_t k = 0, n;

		while (m->in.n_areas < 300) {
			uint64_t at = 20 * GIB + m->in.n_areas * MIB;

			area(m, at, at + 0x1000, m->in.n_areas % 2 ? AREA_RESERVED : AREA_ACPI);
		}
		m->in.panic = panic;
		s = place(m);
		n = read_e820(&s, map);
		assert_int_equal(n, panic ? 298 : 300);
		assert_int_equal(zero_page(&s)[0x1e8], 128);
		for (size_t i = 12; i < 300; i++) {
			while (k < n && map[k].start != m->areas[i].range.start)
				k++;
			assert_true(k < n);
			assert_int_equal(map[k].size, 0x1000);
			assert_int_equal(map[k].type, i % 2 ? 2 : 3);
		}
		segments_deinit(&s);
		free(m);
	}
}

/* The table of the zero page filled to its end, and one more. */
TEST(e820_of_128)
{
	for (size_t n = 127; n < 131; n++) {
		struct machine *m = machine_with_region();
		struct entry map[MAX_AREAS];
		struct segments s;
		size_t len = 0;

		while (m->in.n_areas < n) {
			uint64_t at = 20 * GIB + m->in.n_areas * MIB;

			area(m, at, at + 0x1000, AREA_NVS);
		}
		m->in.panic = false;
		s = place(m);
		assert_int_equal(read_e820(&s, map), n);
		assert_int_equal(setup_data(&s, 1, &len) != NULL, n > 128);
		segments_deinit(&s);
		free(m);
	}
}

/* ---- firmware */

TEST(efi)
{
	struct machine *m = machine_with_region();
	const uint8_t *zp, *data;
	struct segments s;
	uint64_t map;
	size_t len;

	machine_make_efi(m);
	s = place(m);
	zp = zero_page(&s);
	assert_memory_equal(zp + 0x1c0, "EL64", 4);
	assert_memory_equal(zp + 0x1c4, m->params + 0x1c4, 4);
	assert_int_equal(number(zp + 0x1c8, 4), 40);
	assert_memory_equal(zp + 0x1cc, m->params + 0x1cc, 4);
	assert_int_equal(number(zp + 0x1d4, 4), EFI_MAP);
	assert_memory_equal(zp + 0x1d8, m->params + 0x1d8, 4);
	map = number(zp + 0x1d0, 4) | number(zp + 0x1dc, 4) << 32;
	assert_memory_equal(phys(&s, map, EFI_MAP), m->efi_map, EFI_MAP);
	data = setup_data(&s, 4, &len);
	assert_non_null(data);
	assert_int_equal(len, 96);
	assert_int_equal(number(data, 8), m->fw.efi_fw_vendor);
	assert_int_equal(number(data + 8, 8), m->fw.efi_runtime);
	assert_int_equal(number(data + 16, 8), m->fw.efi_tables);
	assert_int_equal(number(data + 24, 8), m->fw.efi_smbios);
	for (size_t i = 32; i < 96; i++)
		assert_int_equal(data[i], 0);
	assert_int_equal(number(zp + 0x70, 8), 0x7fb7e014);
	data = setup_data(&s, 9, &len);
	assert_non_null(data);
	assert_int_equal(len, 32);
	assert_memory_equal(data, m->in.rng_seed, 32);
	segments_deinit(&s);
	/* what the running kernel was told comes first */
	bytes_put_le64(m->params + 0x70, 0xe0000);
	memset(m->in.rng_seed, 0, sizeof(m->in.rng_seed));
	s = place(m);
	assert_int_equal(number(zero_page(&s) + 0x70, 8), 0xe0000);
	assert_null(setup_data(&s, 9, &len));
	segments_deinit(&s);
	free(m);
}

/* Nothing is said of EFI if not all of it is known; ACPI is found all the same. */
TEST(efi_not_handed_over)
{
	for (int what = 0; what < 7; what++) {
		struct machine *m = machine_with_region();
		struct segments s;
		size_t len;

		machine_make_efi(m);
		switch (what) {
		case 0:
			m->fw.efi_map = (struct bytes){0};
			break;
		case 1:
			m->fw.efi_64 = false;
			break;
		case 2:
			m->fw.efi = false;
			break;
		case 3:
			m->kernel[0x236] = 0x2f; /* without XLF_EFI_KEXEC */
			break;
		case 4:
			memcpy(m->params + 0x1c0, "EL32", 4);
			break;
		case 5:
			m->fw.boot_params.len = 0x1df;
			break;
		default:
			m->fw.efi_tables = 0;
		}
		s = place(m);
		for (size_t i = 0x1c0; i < 0x1e0; i++)
			assert_int_equal(zero_page(&s)[i], 0);
		assert_null(setup_data(&s, 4, &len));
		assert_int_equal(number(zero_page(&s) + 0x70, 8), 0x7fb7e014);
		assert_null(strstr(s.cmdline, "acpi_rsdp"));
		segments_deinit(&s);
		/* a kernel from before boot_params had a field for that */
		m->kernel[0x206] = 0x0d;
		s = place(m);
		assert_string_equal(s.cmdline, "elfcorehdr=0x60000000 acpi_rsdp=0x7fb7e014 "
					       "console=ttyS0 irqpoll");
		segments_deinit(&s);
		free(m);
	}
}

TEST(efi_map_in_pieces)
{
	struct machine *m = machine_with_region();
	struct segments s;

	machine_make_efi(m);
	m->fw.efi_map.len--;
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_CORRUPT,
		     "119 bytes are not descriptors of 40 bytes");
	m->fw.efi_desc_size = 0;
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_CORRUPT, "descriptors of 0 bytes");
	free(m);
}

/* boot_params of any length: a field is taken whole or not at all. */
TEST(short_boot_params)
{
	struct machine *m = machine_with_region();
	uint8_t *copy;

	machine_make_efi(m);
	for (size_t len = 0; len < 4096; len += 31) {
		struct segments s;

		copy = malloc(len ? len : 1); /* so that a sanitizer sees the end */
		assert_non_null(copy);
		memcpy(copy, m->params, len);
		m->fw.boot_params = (struct bytes){copy, len};
		s = place(m);
		for (size_t i = len; i < 0x40; i++)
			assert_int_equal(zero_page(&s)[i], 0);
		assert_int_equal(zero_page(&s)[0x1c0] != 0, len >= 0x1e0);
		assert_int_equal(zero_page(&s)[0x23c] != 0, len >= 0x240);
		segments_deinit(&s);
		free(copy);
	}
	free(m);
}

/* A jump beyond what the header can be does not let the file write the memory map. */
TEST(header_with_a_wild_end)
{
	static const uint8_t jumps[] = {0xff, 0x8e, 0x8f, 0x00};
	struct machine *m = machine_with_region();

	for (size_t i = 0; i < ARRAY_SIZE(jumps); i++) {
		struct segments s;

		m->kernel[0x201] = jumps[i];
		memset(m->kernel + 0x26c, 0xee, 0x310 - 0x26c);
		s = place(m);
		assert_int_equal(number(zero_page(&s) + 0x2d0, 8), 0);
		assert_memory_equal(zero_page(&s) + 0x290, m->params + 0x290, 64);
		assert_int_equal(zero_page(&s)[0x28f], jumps[i] ? 0xee : 0);
		segments_deinit(&s);
		/* where the running kernel's values would lie over it */
		m->fw.boot_params.len = 0;
		s = place(m);
		for (size_t k = 0x290; k < 0x2d0; k++)
			assert_int_equal(zero_page(&s)[k], 0);
		m->fw.boot_params.len = sizeof(m->params);
		segments_deinit(&s);
	}
	free(m);
}

TEST(facet)
{
	struct machine *m = machine_create();
	struct kernel_image image;
	struct segments s;

	assert_ptr_equal(arch_load_of(&arch_x86_64), &x86_64_load);
	assert_int_equal(x86_64_load.kexec_arch, 62 << 16);
	assert_ok(x86_64_load.parse((struct bytes){m->kernel, FIXTURE_SIZE}, FIXTURE_SIZE, &image,
				    err));
	assert_string_equal(image.format, "bzImage");
	assert_string_equal(image.release, FIXTURE_RELEASE);
	assert_int_equal(image.mem_size, FIXTURE_INIT);
	assert_int_equal(image.align, 0x200000);
	assert_int_equal(image.min_addr, 0x1000000);
	assert_int_equal(image.cmdline_max, 2047);
	assert_true(image.five_level);
	assert_fails(x86_64_load.parse((struct bytes){m->kernel, 100}, 100, &image, err),
		     ERR_UNSUPPORTED, "not a bzImage");
	m->kernel[0x202] = 'h';
	assert_fails(x86_64_load.place(&m->in, &s, err), ERR_UNSUPPORTED, "not a bzImage");
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(panic_places),
		cmocka_unit_test(boot_params_fields),
		cmocka_unit_test(panic_map),
		cmocka_unit_test(high_and_low_region),
		cmocka_unit_test(no_region_or_too_small),
		cmocka_unit_test(kernel_not_below_its_address),
		cmocka_unit_test(lowest_addresses),
		cmocka_unit_test(core_header_without_spare_room),
		cmocka_unit_test(cmdline_length),
		cmocka_unit_test(digest),
		cmocka_unit_test(deterministic),
		cmocka_unit_test(ordinary),
		cmocka_unit_test(e820_of_300),
		cmocka_unit_test(e820_of_128),
		cmocka_unit_test(efi),
		cmocka_unit_test(efi_not_handed_over),
		cmocka_unit_test(efi_map_in_pieces),
		cmocka_unit_test(short_boot_params),
		cmocka_unit_test(header_with_a_wild_end),
		cmocka_unit_test(facet),
	};

	return cmocka_run_group_tests_name("x86_load", tests, NULL, NULL);
}
