/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writer of a cpio archive in the "newc" format, the one the kernel unpacks as its initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * The same calls give the same bytes: owner root, time 0, inode numbers in order of appearance.
 * Paths are absolute as seen in the running initramfs ("/dev/null"); the leading slash is not
 * stored. Folders on the way to an entry are added with mode 0755 where they are not there yet:
 * the kernel does not make them. Where a symbolic link that was added before stands on the way, the
 * entry goes where that leads: "/lib/x" is stored as "usr/lib/x" behind a link /lib -> usr/lib.
 */
#ifndef INITRAMFS_CPIO_H
#define INITRAMFS_CPIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "initramfs/buf.h"

/* No capture kernel could hold more; far below the 4 GiB that the format's fields can say. */
#define CPIO_MAX_SIZE ((size_t)1 << 30)

struct cpio_entry;

struct cpio {
	struct buf out;
	uint32_t ino; /* of the last entry */
	struct cpio_entry *entries;
	size_t n_entries;
	uint64_t content; /* of all files, in bytes */
	uint64_t pages;   /* that they take when each is stored in pages of its own, of CPIO_PAGE */
};

#define CPIO_PAGE 4096

void cpio_init(struct cpio *c);
void cpio_deinit(struct cpio *c);

/*
 * Each adds one entry. A path that is not absolute, or has an empty, "." or ".." component, one that
 * is there already (but a folder may be added again), one below a file, and an archive that becomes too
 * large are ERR_CORRUPT: such paths come from foreign module lists. `mode` is the permission bits.
 */
int cpio_add_folder(struct cpio *c, const char *path, unsigned int mode,
		    struct err *err) _must_check_;
int cpio_add_file(struct cpio *c, const char *path, unsigned int mode, struct bytes content,
		  struct err *err) _must_check_;
int cpio_add_char_device(struct cpio *c, const char *path, unsigned int mode, unsigned int major,
			 unsigned int minor, struct err *err) _must_check_;

/* A symbolic link; its target need not be there. */
int cpio_add_link(struct cpio *c, const char *path, const char *target,
		  struct err *err) _must_check_;

/* Write the trailer. *ret is the whole archive, borrowed from c. Nothing may be added after it. */
int cpio_finish(struct cpio *c, struct bytes *ret, struct err *err) _must_check_;

#define _cleanup_cpio_ _cleanup_(cpio_deinit)

#endif
