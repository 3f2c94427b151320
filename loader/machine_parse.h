/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parsers behind machine_probe(): bytes in, facts out, no file opened. Their errors name line or field and
 * value; the caller adds the file. On failure what they fill in is half done and still to be ended by its owner.
 */
#ifndef LOADER_MACHINE_PARSE_H
#define LOADER_MACHINE_PARSE_H

#include "loader/machine.h"

#define MACHINE_KCORE_HEAD 64    /* bytes of an ELF header */
#define MACHINE_CPU_MAX    65535 /* no kernel has more: CONFIG_NR_CPUS is at most 8192 */

/* A file that holds one number and perhaps a newline; base 10, or 16 with or without "0x". ERR_CORRUPT. */
int machine_parse_number(struct bytes text, unsigned int base, uint64_t *ret,
			 struct err *err) _must_check_;

/*
 * /proc/iomem: areas, crash regions and the kernel's image (text_phys, text_size), which begins at "Kernel code" and
 * ends with the last of "Kernel data" and "Kernel bss" (arm64 has no bss there).
 *
 * RAM is "System RAM" and "System RAM (driver)", the form that add_memory_driver_managed() of mm/memory_hotplug.c
 * demands; both have the flag that walk_system_ram_res() looks for (IORESOURCE_SYSTEM_RAM and _BUSY) at any depth.
 * The other kinds count at any depth, too, as walk_iomem_res_desc() sees them: PCI bridges may enclose "Reserved".
 */
int machine_parse_iomem(struct bytes text, struct machine *m, struct err *err) _must_check_;

/* "0-3,8-11": numbers of CPUs, end exclusive. ERR_UNSUPPORTED above MACHINE_CPU_MAX. */
int machine_parse_cpus(struct bytes text, struct ranges *ret, struct err *err) _must_check_;

/*
 * /sys/kernel/vmcoreinfo: address and size in hexadecimal. vmcoreinfo_show() of kernel/ksysfs.c writes the address with
 * "0x" (%pa), in old kernels without (%lx), and the size always without.
 */
int machine_parse_vmcoreinfo(struct bytes text, uint64_t *ret_addr, uint64_t *ret_size,
			     struct err *err) _must_check_;

/*
 * /proc/kcore. Its first MACHINE_KCORE_HEAD bytes say how many program headers follow directly behind them. What
 * is no ELF64 little-endian core is ERR_CORRUPT.
 */
int machine_parse_kcore_head(struct bytes head, uint16_t *ret_phnum, struct err *err) _must_check_;

/*
 * The table of program headers: text_vaddr and page_offset of `m`, whose kernel image iomem has told; without one
 * nothing is learnt. elf_kcore_store_hdr()/read_kcore_iter() of fs/proc/kcore.c put _text to _end into a PT_LOAD of its own
 * (KCORE_TEXT) and give it and RAM their physical address since v4.11 (commit 464920104bf7); -1 says that there is
 * none. So the smallest PT_LOAD that covers the image is the text: then text_phys and text_size become
 * its exact ones. The others are RAM, but for those inside of the image (v4.18 to v4.20 list the entry trampolines
 * of page-table isolation), and must agree on the address of physical 0: else ERR_CORRUPT.
 */
int machine_parse_kcore_table(struct bytes table, struct machine *m, struct err *err) _must_check_;

/* /proc/kallsyms: the address of _text, 0 if it is not there or hidden (kptr_restrict). */
uint64_t machine_parse_kallsyms(struct bytes text);

/* /sys/firmware/efi/systab, "KEY=0xVALUE" per line: acpi_rsdp and efi_smbios. */
int machine_parse_systab(struct bytes text, struct firmware *fw, struct err *err) _must_check_;

#endif
