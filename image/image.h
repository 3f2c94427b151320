/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Linux memory image: a source whose bytes have got a meaning, because VMCOREINFO and the
 * architecture say where things are.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "arch/arch.h"
#include "format/source.h"
#include "format/vmcoreinfo.h"

#define IMAGE_UTS_FIELD 65 /* include/uapi/linux/utsname.h: __NEW_UTS_LEN + 1 */

struct image {
	const struct source *src; /* borrowed: outlives the image */
	struct vmcoreinfo *info;
	struct bytes info_text; /* the VMCOREINFO descriptor inside src->notes, or `found` */
	size_t info_off;        /* of info_text within src->notes; 0 with `found` */
	char *found;            /* VMCOREINFO as it was found in memory; NULL: it is a note */
	const struct arch *arch;
	struct vtop vtop;
	unsigned int page_shift;
	uint64_t page_size;
	uint64_t crash_time; /* seconds since 1970; 0 if the kernel did not say */
	/* sysname nodename release version machine domainname; NUL-terminated, printable */
	char uts[6][IMAGE_UTS_FIELD];
};

enum image_uts { UTS_SYSNAME, UTS_NODENAME, UTS_RELEASE, UTS_VERSION, UTS_MACHINE, UTS_DOMAIN };

/*
 * Needs a VMCOREINFO note (ERR_NOT_FOUND without, saying how hypervisors get one) and a known
 * architecture (ERR_UNSUPPORTED). The utsname comes from memory where it can be read, else release
 * and machine are set from VMCOREINFO and the architecture.
 */
int image_create(const struct source *src, struct image **ret, struct err *err) _must_check_;

/*
 * For a dump without a VMCOREINFO note, or with one that was cut: the kernel keeps the text in a page of its own, from whose beginning it is
 * (vmcoreinfo_data, kernel/vmcore_info.c; kernel/crash_core.c before v6.9). All of the dump is searched, so this takes as long as
 * reading it. A page counts if the memory that its addresses lead to has the utsname of its release: one of a kernel that ran before does not.
 * *ret_phys is where it lies. There is no CRASHTIME in it: that is written into a copy that lies where the capture kernel is.
 * ERR_NOT_FOUND: there is none.
 */
int image_create_found(const struct source *src, struct image **ret, uint64_t *ret_phys,
		       struct err *err) _must_check_;

/*
 * For a dump whose VMCOREINFO is damaged or missing: an image that has nothing but pages. No symbol is known, no address is
 * translated; release and page size are those of VMCOREINFO as far as it goes, else "" and 4096.
 * ERR_UNSUPPORTED for an unknown architecture.
 */
int image_create_bare(const struct source *src, struct image **ret, struct err *err) _must_check_;
void image_destroy(struct image *img); /* NULL is fine */

/* Read kernel virtual memory, across pages; all or an error naming the address. */
int image_read(const struct image *img, uint64_t vaddr, void *buf, size_t len,
	       struct err *err) _must_check_;
int image_read_u64(const struct image *img, uint64_t vaddr, uint64_t *ret,
		   struct err *err) _must_check_;
int image_read_u32(const struct image *img, uint64_t vaddr, uint32_t *ret,
		   struct err *err) _must_check_;

/* Like arch_vtop.translate. */
int image_translate(const struct image *img, uint64_t vaddr, uint64_t *ret_phys, uint64_t *ret_len,
		    struct err *err) _must_check_;

/*
 * A set of bytes as a set of page frames; a page of which any byte is in the set is in. The caller
 * owns *ret (ranges_deinit).
 */
int image_page_frames(const struct image *img, const struct ranges *bytes, struct ranges *ret,
		      struct err *err) _must_check_;

/* VMCOREINFO look-ups for keys that the caller cannot do without: absent is ERR_NOT_FOUND. */
int image_need_symbol(const struct image *img, const char *name, uint64_t *ret,
		      struct err *err) _must_check_;
int image_need_size(const struct image *img, const char *name, uint64_t *ret,
		    struct err *err) _must_check_;
int image_need_offset(const struct image *img, const char *name, uint64_t *ret,
		      struct err *err) _must_check_;

#endif
