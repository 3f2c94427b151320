/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header of a LUKS device: LUKS1 and LUKS2 On-Disk Format Specification (cryptsetup). Only what has to be known without
 * a key: which one it is, and what opening it by a passphrase takes. Input is hostile.
 */
#ifndef STORAGE_LUKS_H
#define STORAGE_LUKS_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define LUKS_UUID 41

struct luks {
	unsigned int version; /* 1 or 2 */
	char uuid[LUKS_UUID];
	unsigned int slots; /* keyslots in use */
	/* KiB that the costliest of them takes: Argon2's, else 0. Which slot a key belongs to is only known by trying. */
	uint64_t memory;
	bool integrity; /* some segment has dm-integrity below it */
};

/* ERR_NOT_FOUND: there is no such header; ERR_CORRUPT: a damaged one. */
int luks_read(int fd, uint64_t size, const char *name, struct luks *ret,
	      struct err *err) _must_check_;

/* The JSON of a LUKS2 header: fills in slots, memory and integrity. */
int luks_parse(struct bytes json, struct luks *ret, struct err *err) _must_check_;

#endif
