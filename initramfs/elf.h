/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at the ELF files that go into the image, so that a wrong one is found now and not after a
 * crash. Only 64-bit little-endian files are known; others are ERR_UNSUPPORTED.
 */
#ifndef INITRAMFS_ELF_H
#define INITRAMFS_ELF_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/*
 * A program that runs with nothing else in its file system: executable, no interpreter, no shared
 * library. A dynamically linked one is ERR_USAGE saying what it wants. *ret_machine is e_machine.
 */
int elf_check_program(struct bytes file, const char *name, uint16_t *ret_machine,
		      struct err *err) _must_check_;

/* A kernel module: a relocatable object. The signature behind it does not matter here. */
int elf_check_module(struct bytes file, const char *name, uint16_t *ret_machine,
		     struct err *err) _must_check_;

/* "x86_64", "aarch64", …, or "machine 42" put into buf. */
const char *elf_machine_name(uint16_t machine, char buf[24]);

#endif
