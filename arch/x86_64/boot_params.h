/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct boot_params, the "zero page" that a kernel is entered with, and what hangs on it: the command line, the
 * EFI runtime map and the setup_data list. One buffer, one segment, as bzImage64_load() makes it.
 * Layout: Documentation/arch/x86/zero-page.rst and boot.rst, arch/x86/include/uapi/asm/bootparam.h.
 */
#ifndef ARCH_X86_64_BOOT_PARAMS_H
#define ARCH_X86_64_BOOT_PARAMS_H

#include "arch/load.h"

#define BOOT_PARAMS_SIZE     4096
#define BOOT_PARAMS_E820_MAX 128 /* E820_MAX_ENTRIES_ZEROPAGE */

/* Offsets and lengths. */
enum {
	BP_SCREEN_INFO = 0x000,
	BP_SCREEN_INFO_LEN = 0x40,
	BP_SCREEN_EXT_MEM_K = 0x002,
	BP_ACPI_RSDP_ADDR = 0x070,
	BP_EXT_RAMDISK_IMAGE = 0x0c0,
	BP_EXT_RAMDISK_SIZE = 0x0c4,
	BP_EXT_CMD_LINE_PTR = 0x0c8,
	BP_EFI_SIGNATURE = 0x1c0,
	BP_EFI_SYSTAB = 0x1c4,
	BP_EFI_MEMDESC_SIZE = 0x1c8,
	BP_EFI_MEMDESC_VERSION = 0x1cc,
	BP_EFI_MEMMAP = 0x1d0,
	BP_EFI_MEMMAP_SIZE = 0x1d4,
	BP_EFI_SYSTAB_HI = 0x1d8,
	BP_EFI_MEMMAP_HI = 0x1dc,
	BP_E820_ENTRIES = 0x1e8,
	BP_EDDBUF_ENTRIES = 0x1e9,
	BP_EDD_MBR_ENTRIES = 0x1ea,
	BP_SECURE_BOOT = 0x1ec,
	BP_HDR = 0x1f1,
	BP_HDR_JUMP_OFFSET = 0x201,
	BP_HDR_VERSION = 0x206,
	BP_HDR_TYPE_OF_LOADER = 0x210,
	BP_HDR_LOADFLAGS = 0x211,
	BP_HDR_RAMDISK_IMAGE = 0x218,
	BP_HDR_RAMDISK_SIZE = 0x21c,
	BP_HDR_EXT_LOADER_VER = 0x226,
	BP_HDR_EXT_LOADER_TYPE = 0x227,
	BP_HDR_CMD_LINE_PTR = 0x228,
	BP_HDR_XLOADFLAGS = 0x236,
	BP_HDR_HARDWARE_SUBARCH = 0x23c,
	BP_HDR_SETUP_DATA = 0x250,
	BP_EDD_MBR = 0x290, /* also the end of what the header can be */
	BP_EDD_MBR_LEN = 16 * 4,
	BP_E820_TABLE = 0x2d0,
	BP_EDDBUF = 0xd00,
	BP_EDDBUF_LEN = 6 * 82,
};

/* What is told to the next kernel. All borrowed. */
struct boot_data {
	struct bytes kernel; /* the file; its header lies in front */
	const struct firmware *firmware;
	const char *cmdline;
	const struct mem_area *map;
	size_t n_map;
	const uint8_t *rng_seed;           /* 32 bytes; all 0: none */
	uint64_t initrd_start, initrd_len; /* 0: none */
};

/*
 * True if EFI's runtime services can be handed over: the firmware is 64-bit, its tables and its runtime map are
 * known (where the running kernel mapped them, which can be done but once), and the next kernel takes such a map
 * (XLF_EFI_KEXEC). Otherwise it is not told of EFI at all.
 */
bool boot_params_has_efi(const struct boot_data *d);

/* Where ACPI's root pointer is: as the running kernel was told, else as EFI says; 0: unknown. */
uint64_t boot_params_acpi_rsdp(const struct firmware *f);

/*
 * Bytes that the buffer takes; where the initramfs lies is not needed for that. ERR_CORRUPT: the EFI map is not
 * whole descriptors. ERR_UNSUPPORTED: a part is beyond 4 GiB.
 */
int boot_params_size(const struct boot_data *d, size_t *ret, struct err *err) _must_check_;

/* Fill the zeroed `to`, that many bytes which will be at `addr`. */
int boot_params_fill(const struct boot_data *d, uint64_t addr, uint8_t *to,
		     struct err *err) _must_check_;

#endif
