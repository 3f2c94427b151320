/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files that are loaded: the kernel, as it is or unwrapped, and the initramfs, of one file or several.
 *
 * kexec_file_load(2) takes descriptors: the files as they are where they can be passed as they are (only then do
 * IMA's xattrs and signatures count), else a sealed memfd with what was inside. kexec_load(2) takes the bytes.
 * Nothing is written to a file system.
 */
#ifndef LOADER_FILES_H
#define LOADER_FILES_H

#include "arch/load.h"
#include "base/err.h"

enum files_wrap {
	FILES_PLAIN,
	FILES_GZIP,
	FILES_ZSTD,
	FILES_XZ,
	FILES_LZMA,
	FILES_UKI, /* unified kernel image: .linux, .initrd, .cmdline of a PE file */
};

struct files {
	int kernel_fd;               /* for the kernel; what the user named, or a memfd */
	int initrd_fd;               /* -1: none */
	struct bytes kernel, initrd; /* the same, mapped; initrd {NULL, 0}: none */
	enum files_wrap wrap;        /* of the kernel as it was named */
	bool kernel_is_memfd, initrd_is_memfd;
	struct kernel_image image;
	char *cmdline;                                /* of the UKI, or NULL; owned */
	uint8_t kernel_digest[32], initrd_digest[32]; /* SHA-256 of the bytes above */
};

/*
 * Open and check. Several initramfs files become one, each at a multiple of 4 bytes (as the kernel's
 * unpack_to_rootfs() wants it); a UKI's own comes first. Unwrapped kernels of more than 1 GiB are ERR_NO_SPACE (what is
 * packed says nothing of its size). Errors name the file, and the section or the codec.
 */
int files_open(const struct arch_load *arch, const char *kernel, const char *const *initrds,
	       size_t n_initrds, struct files *ret, struct err *err) _must_check_;

/* The same, but of a UKI the kernel alone: neither its initramfs, which starts the system, nor its command line. */
int files_open_bare(const struct arch_load *arch, const char *kernel, const char *const *initrds,
		    size_t n_initrds, struct files *ret, struct err *err) _must_check_;
void files_close(struct files *f);

const char *files_wrap_name(enum files_wrap wrap); /* "plain", "gzip" … */

#endif
