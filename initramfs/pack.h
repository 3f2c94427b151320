/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compression of the finished archive, so that the kernel unpacks it with little memory: see
 * docs/decisions/0003-initramfs-compression.md.
 */
#ifndef INITRAMFS_PACK_H
#define INITRAMFS_PACK_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/root.h"
#include "initramfs/buf.h"

enum pack_kind {
	PACK_AUTO, /* what pack_choose decides */
	PACK_NONE,
	PACK_GZIP,
	PACK_ZSTD,
};

/* What a kernel can unpack, by its configuration file. */
struct pack_support {
	bool known; /* false: no configuration file was found, the rest says nothing */
	bool gzip, zstd;
	char source[256]; /* path of the configuration file below the root */
};

/* "auto", "none", "gzip" or "zstd"; else ERR_USAGE. */
int pack_kind_from_name(const char *name, enum pack_kind *ret, struct err *err) _must_check_;
const char *pack_kind_name(enum pack_kind kind);

/*
 * Look for /boot/config-KERNEL, then for `config` in the module folder. No file is no error. A file
 * that cannot be read is; a kernel without initramfs support (CONFIG_BLK_DEV_INITRD) is
 * ERR_UNSUPPORTED.
 */
int pack_support_read(const struct root *root, const char *kernel, struct pack_support *ret,
		      struct err *err) _must_check_;

/* Turn PACK_AUTO into a kind; a kind asked for that the kernel is known to lack is ERR_USAGE. */
int pack_choose(enum pack_kind asked, const struct pack_support *support, enum pack_kind *ret,
		struct err *err) _must_check_;

/* Append the compressed `in` to `out`. Equal input gives equal bytes with the same library. */
int pack_run(enum pack_kind kind, struct bytes in, struct buf *out, struct err *err) _must_check_;

#endif
