// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/load.h"

#include <inttypes.h>
#include <linux/kexec.h>
#include <stdio.h>

#include "arch/x86_64/boot_params.h"
#include "arch/x86_64/bzimage.h"
#include "arch/x86_64/e820.h"
#include "arch/x86_64/purgatory_blob.h"
#include "base/num.h"

#define PAGE 4096u
#define MIB  (1024u * 1024)

/* The lowest addresses of bzImage64_load(). */
#define MIN_PURGATORY   0x3000
#define MIN_BOOT_PARAMS 0x3000
#define MIN_KERNEL      (1 * MIB)
#define MIN_INITRD      (16 * MIB)

#define ENTRY_64 0x200 /* of the protected-mode kernel: boot.rst, "64-bit Boot Protocol" */

/* Boot protocol 2.15 came after boot_params.acpi_rsdp_addr (5.0); whoever has the one has the other. */
#define PROTOCOL_RSDP 0x020f

static int parse(struct bytes head, uint64_t file_size, struct kernel_image *ret, struct err *err)
{
	struct bzimage bz;
	int r = bzimage_parse(head, file_size, &bz, err);

	if (r)
		return r;
	*ret = (struct kernel_image){
		.format = "bzImage",
		.mem_size = num_align_up((uint64_t)bz.init_size, PAGE),
		.align = bz.alignment,
		.min_addr = bz.pref_address,
		.cmdline_max = bz.cmdline_size,
		.cmdline_prepend = BZIMAGE_CRASH_CMDLINE,
		.five_level = bz.five_level,
	};
	memcpy(ret->release, bz.release, sizeof(ret->release));
	return 0;
}

/* What place() works with. */
struct plan {
	const struct load_input *in;
	struct bzimage bz;
	struct ranges room;
	struct segments segs;
	struct boot_data boot;
	struct range core_header; /* empty: none */
	uint64_t kernel, boot_params, purgatory;
	uint8_t *boot_data, *purgatory_data;
	size_t boot_size;
};

static void plan_deinit(struct plan *p)
{
	ranges_deinit(&p->room);
	segments_deinit(&p->segs);
}

/* ---- room, memory map, command line */

static int find_room(struct plan *p, struct err *err)
{
	const struct load_input *in = p->in;
	const struct ranges *crash = in->crash;
	int r = 0;

	/* Only crashk_res is legal, the highest of them: the low one is for devices that cannot reach it. */
	if (in->panic) {
		if (!crash->n)
			return err_set(err, ERR_NO_SPACE,
				       "no memory is reserved for a panic kernel: there is no "
				       "\"Crash kernel\" region");
		return ranges_add(&p->room, crash->v[crash->n - 1].start,
				  crash->v[crash->n - 1].end, err);
	}
	/* not into a driver's, as locate_mem_hole_callback() of kernel/kexec_file.c (v6.1) */
	for (size_t i = 0; i < in->n_areas && !r; i++)
		if (in->areas[i].kind == AREA_RAM)
			r = ranges_add(&p->room, NUM_MAX(in->areas[i].range.start, MIB),
				       in->areas[i].range.end, err);
	/* an armed panic kernel stays intact until the ordinary one has taken over */
	for (size_t i = 0; i < crash->n && !r; i++)
		r = ranges_sub(&p->room, crash->v[i].start, crash->v[i].end, err);
	return r;
}

static int find(const struct plan *p, const char *name, uint64_t len, uint64_t align, uint64_t min,
		uint64_t *ret, struct err *err)
{
	return segments_find(&p->segs, &p->room, name, len, align, min, UINT64_MAX, true, ret, err);
}

static int add(struct plan *p, const char *name, struct bytes data, uint64_t start, uint64_t len,
	       bool digested, struct err *err)
{
	const struct segment seg = {.name = name,
				    .data = data.data,
				    .size = data.len,
				    .start = start,
				    .len = num_align_up(len, PAGE),
				    .digested = digested};

	return segments_add(&p->segs, &seg, err);
}

/* At the bottom, away from what the panic kernel's own memory grows around. */
static int place_core_header(struct plan *p, struct err *err)
{
	const struct load_input *in = p->in;
	uint64_t len = NUM_MAX(in->core_header_len, (uint64_t)in->core_header.len), at;
	int r;

	if (!in->panic)
		return 0;
	if (!in->core_header.len)
		return err_set(err, ERR_CORRUPT, "a panic kernel without a core header");
	r = segments_find(&p->segs, &p->room, "core header", len, PAGE, 0, UINT64_MAX, false, &at,
			  err);
	if (r)
		return r;
	p->core_header = (struct range){at, at + num_align_up(len, PAGE)};
	return add(p, "core header", in->core_header, at, len, !in->hotplug, err);
}

static int check_cmdline(const struct plan *p, size_t added, struct err *err)
{
	uint64_t len = strlen(p->segs.cmdline), max = p->in->image->cmdline_max;

	if (len > max)
		return err_set(err, ERR_USAGE,
			       "the command line is %" PRIu64 " bytes long, of which %zu are added "
			       "by the loader: %" PRIu64 " too many, this %s takes %" PRIu64,
			       len, added, len - max, p->in->image->format, max);
	return 0;
}

/*
 * What only place() knows. A kernel that is told of no EFI finds ACPI by boot_params.acpi_rsdp_addr; one that
 * may be too old to know that field is told the old way. "noefi" is not needed: without efi_info there is no EFI.
 */
static int make_cmdline(struct plan *p, struct err *err)
{
	uint64_t rsdp = boot_params_acpi_rsdp(p->in->firmware);
	char front[40] = "", back[40] = "";
	size_t added, user = strlen(p->in->cmdline), size;

	if (p->in->panic)
		snprintf(front, sizeof(front), "elfcorehdr=0x%" PRIx64 " ", p->core_header.start);
	if (rsdp && p->bz.protocol < PROTOCOL_RSDP && !boot_params_has_efi(&p->boot))
		snprintf(back, sizeof(back), "acpi_rsdp=0x%" PRIx64 " ", rsdp);
	added = strlen(front) + strlen(back);
	if (!num_add(user, added + 1, &size))
		return err_nomem(err, user, "the command line");
	p->segs.cmdline = segments_alloc(&p->segs, size);
	if (!p->segs.cmdline)
		return err_nomem(err, size, "the command line");
	/* in front: what is behind a "--" is for init */
	snprintf(p->segs.cmdline, size, "%s%s%s", front, back, p->in->cmdline);
	return check_cmdline(p, added, err);
}

/* ---- the segments */

static int place_purgatory(struct plan *p, struct err *err)
{
	size_t size;
	int r;

	size = purgatory_size();
	if (!size)
		return err_set(err, ERR_UNSUPPORTED,
			       "kexec_load: this program was built without a purgatory (it takes a "
			       "compiler for x86_64); load by kexec_file_load (-s)");
	p->purgatory_data = segments_alloc(&p->segs, size);
	if (!p->purgatory_data)
		return err_nomem(err, size, "the purgatory");
	r = find(p, "purgatory", purgatory_memory(), PAGE, MIN_PURGATORY, &p->purgatory, err);
	if (r)
		return r;
	return add(p, "purgatory", (struct bytes){p->purgatory_data, size}, p->purgatory,
		   purgatory_memory(), false, err);
}

static int place_boot_params(struct plan *p, struct err *err)
{
	int r;

	p->boot.cmdline = p->segs.cmdline;
	p->boot.map = p->segs.map;
	p->boot.n_map = p->segs.n_map;
	r = boot_params_size(&p->boot, &p->boot_size, err);
	if (r)
		return r;
	p->boot_data = segments_alloc(&p->segs, p->boot_size);
	if (!p->boot_data)
		return err_nomem(err, p->boot_size, "the boot parameters");
	r = find(p, "boot params", p->boot_size, PAGE, MIN_BOOT_PARAMS, &p->boot_params, err);
	if (r)
		return r;
	return add(p, "boot params", (struct bytes){p->boot_data, p->boot_size}, p->boot_params,
		   p->boot_size, true, err);
}

/*
 * Not below pref_address even if only there is room: the kernel would move itself up to it, over memory that nobody
 * gave to it (startup_64 of arch/x86/boot/compressed/head_64.S, LOAD_PHYSICAL_ADDR).
 */
static int place_kernel(struct plan *p, struct err *err)
{
	const struct load_input *in = p->in;
	struct bytes code;
	int r;

	if (!bytes_sub(in->kernel, p->bz.setup_size, in->kernel.len - p->bz.setup_size, &code))
		return err_set(err, ERR_CORRUPT, "the kernel ends within its setup code");
	r = find(p, "kernel", in->image->mem_size, in->image->align,
		 NUM_MAX(in->image->min_addr, (uint64_t)MIN_KERNEL), &p->kernel, err);
	if (r)
		return r;
	return add(p, "kernel", code, p->kernel, in->image->mem_size, true, err);
}

static int place_initrd(struct plan *p, struct err *err)
{
	struct bytes initrd = p->in->initrd;
	uint64_t at;
	int r;

	if (!initrd.len)
		return 0;
	r = find(p, "initramfs", initrd.len, PAGE, MIN_INITRD, &at, err);
	if (r)
		return r;
	p->boot.initrd_start = at;
	p->boot.initrd_len = initrd.len;
	return add(p, "initramfs", initrd, at, initrd.len, true, err);
}

/* Last of all: its digest is over what the others hold. */
static int fill_purgatory(struct plan *p, struct err *err)
{
	struct purgatory_params params = {
		.entry = p->kernel + ENTRY_64,
		.boot_params = p->boot_params,
		.serial_port = p->in->serial_port,
	};
	struct sha256 sum;

	if (p->segs.n > PURGATORY_SEGMENTS)
		return err_set(err, ERR_UNSUPPORTED, "%zu segments, kexec_load takes %d", p->segs.n,
			       PURGATORY_SEGMENTS);
	sha256_init(&sum);
	for (size_t i = 0; i < p->segs.n; i++) {
		const struct segment *seg = &p->segs.v[i];

		if (!seg->digested)
			continue;
		params.regions[params.n_regions++] =
			(struct purgatory_region){seg->start, seg->size};
		sha256_update(&sum, seg->data, seg->size);
	}
	sha256_final(&sum, params.digest);
	purgatory_make(&params, p->purgatory_data);
	p->segs.entry = p->purgatory;
	return 0;
}

static int place_all(struct plan *p, struct err *err)
{
	int r = find_room(p, err);

	if (!r)
		r = place_core_header(p, err);
	if (!r)
		r = e820_make(p->in, p->core_header, &p->segs, err);
	if (!r)
		r = make_cmdline(p, err);
	if (!r)
		r = place_purgatory(p, err);
	if (!r)
		r = place_boot_params(p, err);
	if (!r)
		r = place_kernel(p, err);
	if (!r)
		r = place_initrd(p, err);
	if (!r)
		r = boot_params_fill(&p->boot, p->boot_params, p->boot_data, err);
	if (!r)
		r = fill_purgatory(p, err);
	return r;
}

static int place(const struct load_input *in, struct segments *ret, struct err *err)
{
	_cleanup_(plan_deinit) struct plan p = {.in = in};
	int r = bzimage_parse(in->kernel, in->kernel.len, &p.bz, err);

	if (r)
		return r;
	p.boot = (struct boot_data){
		.kernel = in->kernel,
		.firmware = in->firmware,
		.rng_seed = in->rng_seed,
	};
	r = place_all(&p, err);
	if (r)
		return r;
	*ret = p.segs;
	p.segs = (struct segments){0};
	return 0;
}

const struct arch_load x86_64_load = {
	.kexec_arch = KEXEC_ARCH_X86_64,
	.head_size = BZIMAGE_HEAD_SIZE,
	.parse = parse,
	.place = place,
	.low_reserved = 1 * MIB, /* arch/x86/kernel/crash.c, elf_header_exclude_ranges() */
	.has_apic = true,
	.rules = x86_64_cmdline_rules,
};
