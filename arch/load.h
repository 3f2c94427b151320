/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loader facet of an architecture: what kexec_load(2) needs that differs between machines. An architecture
 * gets a snapshot of the machine and the files, and gives back segments: bytes, and where they go. All of it is
 * pure: no file is opened and no system call made here, so that recorded machines can be planned for.
 *
 * Physical addresses are uint64_t, lengths are bytes; what is "in whole pages" is so in pages of 4 KiB on x86 and
 * of the running kernel's page size elsewhere (load_input.page_size).
 */
#ifndef ARCH_LOAD_H
#define ARCH_LOAD_H

#include "base/bytes.h"
#include "base/range.h"

/* ---- what is known of a kernel image from its header */

struct kernel_image {
	const char *format;   /* "bzImage"; static */
	char release[65];     /* "" if the file does not say */
	uint64_t mem_size;    /* bytes of memory that it takes to start, whole pages */
	uint64_t align;       /* of its load address */
	uint64_t min_addr;    /* lowest load address */
	uint64_t cmdline_max; /* longest command line that it takes, without the NUL */
	uint64_t
		cmdline_prepend; /* of that, kept free for what the kernel adds for a crash image */
	bool five_level;         /* may be started under 5-level paging */
};

/* ---- the machine */

/* What /proc/iomem calls a range, at any depth, as far as a second kernel has to know. */
enum area_kind {
	AREA_RAM,           /* "System RAM" */
	AREA_RESERVED,      /* "Reserved" */
	AREA_ACPI,          /* "ACPI Tables" */
	AREA_NVS,           /* "ACPI Non-volatile Storage" */
	AREA_PMEM,          /* "Persistent Memory" */
	AREA_PRAM,          /* "Persistent Memory (legacy)" */
	AREA_SOFT_RESERVED, /* "Soft Reserved" */
	/*
	 * "System RAM (kmem)", "System RAM (virtio_mem)" and alike: RAM that a driver has added
	 * (IORESOURCE_SYSRAM_DRIVER_MANAGED), and that another kernel must not take for its own before its
	 * driver has. It is dumped, but neither handed over nor loaded into.
	 */
	AREA_DRIVER_RAM,
	AREA_KINDS
};

struct mem_area {
	struct range range; /* end exclusive, byte addresses */
	enum area_kind kind;
};

/* What the firmware told the running kernel. Absent things are empty or 0. Borrowed from the snapshot. */
struct firmware {
	struct bytes boot_params; /* x86: /sys/kernel/boot_params/data, 4096 bytes */
	bool efi;                 /* /sys/firmware/efi exists */
	bool efi_64;              /* fw_platform_size is 64 */
	/* /sys/firmware/efi/{fw_vendor,runtime,config_table}: addresses */
	uint64_t efi_fw_vendor, efi_runtime, efi_tables;
	uint64_t efi_smbios; /* "SMBIOS=" (else "SMBIOS3=") of /sys/firmware/efi/systab */
	struct bytes
		efi_map; /* /sys/firmware/efi/runtime-map/N as EFI memory descriptors, in order of N */
	uint32_t efi_desc_size; /* bytes of each, 40 */
	uint64_t acpi_rsdp;     /* "ACPI20=", else "ACPI=" of /sys/firmware/efi/systab, else 0 */
	struct bytes fdt;       /* arm64: /sys/firmware/fdt */
};

struct load_input {
	bool panic;                   /* a panic kernel, else an ordinary one */
	const struct mem_area *areas; /* sorted, disjoint; what the running kernel manages */
	size_t n_areas;
	const struct ranges
		*crash; /* all "Crash kernel" regions; a panic kernel's segments go to the last */
	const struct firmware *firmware;
	uint32_t page_size;

	struct bytes kernel; /* the whole file, unwrapped */
	const struct kernel_image *image;
	struct bytes initrd; /* {NULL, 0}: none */
	const char
		*cmdline; /* what the user and the policy say; place() adds what only it can know */
	/*
	 * panic: the ELF core header, and the length of its segment, which is larger where the kernel updates it
	 * itself on hotplug; it is then left out of the digest.
	 */
	struct bytes core_header;
	uint64_t core_header_len;
	bool hotplug;
	/* I/O port of an 8250 UART that the first kernel's console is on; 0: none */
	uint16_t serial_port;
	/* for the next kernel's generator; all 0: none, and none is handed over */
	uint8_t rng_seed[32];
};

/* ---- what kexec_load(2) is given */

struct segment {
	const char *name;    /* "kernel", "initramfs", "core header" …; static */
	const uint8_t *data; /* borrowed from load_input, or owned by the segments */
	size_t size;         /* bytes to be copied; the rest up to `len` is zeroed by the kernel */
	uint64_t start;      /* physical, on a page */
	uint64_t len;        /* whole pages, at least `size` */
	bool digested;       /* the purgatory checks it before it starts the kernel */
};

struct segments {
	struct segment *v; /* sorted by start */
	size_t n, cap;
	void **owned; /* of segments_alloc(), freed with the segments */
	size_t n_owned;
	uint64_t entry; /* where the machine goes on */
	char *cmdline;  /* as the next kernel will see it; one of `owned` */
	const struct mem_area
		*map; /* the memory map that it is given (x86: e820); one of `owned` */
	size_t n_map;
};

void segments_deinit(struct segments *s);

/*
 * Find room for `len` bytes (rounded up to pages of 4 KiB, 0 to one) in `room`, outside of all segments, at a
 * multiple of `align` (a power of two, at least a page is taken) and wholly in [min, max): the highest such place,
 * or the lowest. ERR_NO_SPACE names the segment, what it needs, the largest hole and where that is.
 */
int segments_find(const struct segments *s, const struct ranges *room, const char *name,
		  uint64_t len, uint64_t align, uint64_t min, uint64_t max, bool top_down,
		  uint64_t *ret, struct err *err) _must_check_;

/*
 * Add one whose place is known. Not on pages, larger than its memory, or overlapping another one: ERR_CORRUPT.
 * `seg` is copied, its data not.
 */
int segments_add(struct segments *s, const struct segment *seg, struct err *err) _must_check_;

/* Allocate zeroed memory that lives as long as the segments. NULL: no memory. */
void *segments_alloc(struct segments *s, size_t len);

/* ---- command lines */

enum cmdline_action {
	CMDLINE_DROP, /* this parameter of the running kernel's line is left out, with any value */
	CMDLINE_ADD,  /* this text is added, unless the user's line has the parameter */
	CMDLINE_ADD_ROOT, /* the same; nor where the user's line has root=: it would be said of theirs */
	CMDLINE_ADD_TOO, /* this text is added whatever else is there: the kernel adds up what the parameter says */
};

/* What becomes of one parameter in a panic kernel's command line. */
struct cmdline_rule {
	enum cmdline_action action;
	const char *text; /* "root", "rd.*" for all that begin so, or "panic=10" */
	const char *why;  /* a clause, for --plan */
};

struct arch_load {
	unsigned long kexec_arch; /* KEXEC_ARCH_* of linux/kexec.h */
	size_t head_size; /* parse() wants this much of the file's beginning, or all of a shorter one */
	/* Errors name field and value, not the file: ERR_UNSUPPORTED, ERR_CORRUPT. */
	int (*parse)(struct bytes head, uint64_t file_size, struct kernel_image *ret,
		     struct err *err);
	/*
	 * Place and fill all segments, the purgatory with its digest among them. Errors: ERR_NO_SPACE naming the
	 * segment and sizes, ERR_USAGE (command line too long, by how much), ERR_UNSUPPORTED, ERR_CORRUPT (the
	 * input contradicts itself), ERR_NO_MEMORY.
	 */
	int (*place)(const struct load_input *in, struct segments *ret, struct err *err);
	/*
	 * So many bytes of memory from 0 on the running kernel leaves to the capture kernel: they are not
	 * in the core header.
	 */
	uint64_t low_reserved;
	bool has_apic; /* CPUs are told apart by an APIC id, and one of them booted the machine */
	const struct cmdline_rule *rules; /* for panic kernels; ends with a NULL text */
};

#endif
