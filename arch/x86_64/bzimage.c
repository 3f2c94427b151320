// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/bzimage.h"

#include <inttypes.h>

#include "base/num.h"

/* Offsets in the file: boot.rst, the table of "The Real-Mode Kernel Header". */
enum {
	OFF_SETUP_SECTS = 0x1f1,
	OFF_SYSSIZE = 0x1f4,
	OFF_BOOT_FLAG = 0x1fe,
	OFF_MAGIC = 0x202,
	OFF_VERSION = 0x206,
	OFF_KERNEL_VERSION = 0x20e,
	OFF_LOADFLAGS = 0x211,
	OFF_ALIGNMENT = 0x230,
	OFF_XLOADFLAGS = 0x236,
	OFF_CMDLINE_SIZE = 0x238,
	OFF_PREF_ADDRESS = 0x258,
	OFF_INIT_SIZE = 0x260,
};

#define SECTOR          512
#define MAGIC_HDRS      0x53726448 /* "HdrS" */
#define BOOT_FLAG       0xaa55
#define LOADED_HIGH     0x01 /* loadflags */
#define XLF_KERNEL_64   0x01 /* xloadflags */
#define XLF_ABOVE_4G    0x02
#define XLF_5LEVEL      0x20
#define PROTOCOL_NEEDED 0x020c /* 2.12: the first with xloadflags */
#define PAGE            4096

/* Everything of the header that is looked at, read at once so that one check covers the bounds. */
struct raw {
	uint8_t setup_sects, loadflags;
	uint16_t boot_flag, version, kernel_version, xloadflags;
	uint32_t syssize, magic, alignment, cmdline_size, init_size;
	uint64_t pref_address;
};

static bool read_raw(struct bytes b, struct raw *raw)
{
	return bytes_u8(b, OFF_SETUP_SECTS, &raw->setup_sects) &&
	       bytes_le32(b, OFF_SYSSIZE, &raw->syssize) &&
	       bytes_le16(b, OFF_BOOT_FLAG, &raw->boot_flag) &&
	       bytes_le32(b, OFF_MAGIC, &raw->magic) && bytes_le16(b, OFF_VERSION, &raw->version) &&
	       bytes_le16(b, OFF_KERNEL_VERSION, &raw->kernel_version) &&
	       bytes_u8(b, OFF_LOADFLAGS, &raw->loadflags) &&
	       bytes_le32(b, OFF_ALIGNMENT, &raw->alignment) &&
	       bytes_le16(b, OFF_XLOADFLAGS, &raw->xloadflags) &&
	       bytes_le32(b, OFF_CMDLINE_SIZE, &raw->cmdline_size) &&
	       bytes_le64(b, OFF_PREF_ADDRESS, &raw->pref_address) &&
	       bytes_le32(b, OFF_INIT_SIZE, &raw->init_size);
}

/* What people pass by mistake, told by its first bytes. */
static const char *looks_like(struct bytes b)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *what;
	} known[] = {
		{"\177ELF", 4, "an ELF file (a vmlinux?); give the vmlinuz, which is a bzImage"},
		{"\x1f\x8b", 2, "gzip data; unpack it first"},
		{"\x28\xb5\x2f\xfd", 4, "zstd data (an initramfs?)"},
		{"\3757zXZ", 5, "xz data; unpack it first"},
		{"070701", 6, "a cpio archive (an initramfs?)"},
		{"MZ", 2,
		 "an EFI program (a unified kernel image, or another architecture's Image)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (bytes_has(b, 0, known[i].len) &&
		    memcmp(b.data, known[i].magic, known[i].len) == 0)
			return known[i].what;
	return "something else";
}

/* The order of bzImage64_probe(). */
static int check_kind(struct bytes head, const struct raw *raw, struct err *err)
{
	if (raw->magic != MAGIC_HDRS || raw->boot_flag != BOOT_FLAG)
		return err_set(err, ERR_UNSUPPORTED,
			       "not a bzImage (boot flag 0x%04x, magic 0x%08" PRIx32 " at 0x202): "
			       "this is %s",
			       raw->boot_flag, raw->magic, looks_like(head));
	if (raw->version < PROTOCOL_NEEDED)
		return err_set(err, ERR_UNSUPPORTED,
			       "boot protocol %d.%02d is too old, kexec_file_load needs 2.12 "
			       "(Linux 3.8)",
			       raw->version >> 8, raw->version & 0xff);
	if (!(raw->loadflags & LOADED_HIGH))
		return err_set(err, ERR_UNSUPPORTED, "a zImage, not a bzImage (loadflags 0x%02x)",
			       raw->loadflags);
	if (!(raw->xloadflags & XLF_KERNEL_64))
		return err_set(err, ERR_UNSUPPORTED,
			       "a 32-bit kernel (xloadflags 0x%04x lack XLF_KERNEL_64)",
			       raw->xloadflags);
	if (!(raw->xloadflags & XLF_ABOVE_4G))
		return err_set(err, ERR_UNSUPPORTED,
			       "cannot be loaded above 4 GiB (xloadflags 0x%04x lack "
			       "XLF_CAN_BE_LOADED_ABOVE_4G)",
			       raw->xloadflags);
	return 0;
}

static int check_sizes(const struct raw *raw, uint32_t setup_size, uint64_t file_size,
		       struct err *err)
{
	uint64_t want = setup_size + (uint64_t)raw->syssize * 16;
	uint64_t code;

	if (raw->syssize == 0)
		return err_set(err, ERR_CORRUPT, "syssize at 0x%x is 0: no kernel in the file",
			       OFF_SYSSIZE);
	if (file_size < want)
		return err_set(err, ERR_CORRUPT,
			       "cut off: the header describes %" PRIu64
			       " bytes, the file has %" PRIu64,
			       want, file_size);
	/* sanity_check_segment_list(): a segment's data must not exceed its memory. */
	code = file_size - setup_size;
	if (code > num_align_up(raw->init_size, PAGE))
		return err_set(err, ERR_CORRUPT,
			       "init_size 0x%" PRIx32 " at 0x%x is smaller than the kernel in the "
			       "file (0x%" PRIx64 ")",
			       raw->init_size, OFF_INIT_SIZE, code);
	if (!num_is_pow2(raw->alignment))
		return err_set(err, ERR_CORRUPT,
			       "kernel_alignment 0x%" PRIx32 " at 0x%x is not a power of two",
			       raw->alignment, OFF_ALIGNMENT);
	return 0;
}

/* The first word of the text that kernel_version points to; "" if it points outside. */
static void read_release(struct bytes head, uint16_t pointer, char ret[65])
{
	size_t n = 0;
	uint8_t c;

	while (pointer && n < 64 && bytes_u8(head, 0x200 + (uint64_t)pointer + n, &c) && c > ' ' &&
	       c < 0x7f)
		ret[n++] = (char)c;
	ret[n] = '\0';
}

int bzimage_parse(struct bytes head, uint64_t file_size, struct bzimage *ret, struct err *err)
{
	struct bzimage img;
	struct raw raw;
	int r;

	/* bzImage64_probe() wants two sectors; all the header lies within them. */
	if (head.len < 2 * SECTOR || !read_raw(head, &raw))
		return err_set(err, ERR_UNSUPPORTED,
			       "not a bzImage: only %zu bytes long, its header takes 1024",
			       head.len);
	r = check_kind(head, &raw, err);
	if (r)
		return r;
	img = (struct bzimage){
		.protocol = raw.version,
		/* "if the setup_sects field contains 0, the real value is 4" */
		.setup_size = ((raw.setup_sects ? raw.setup_sects : 4u) + 1) * SECTOR,
		.init_size = raw.init_size,
		.alignment = raw.alignment,
		.pref_address = raw.pref_address,
		.cmdline_size = raw.cmdline_size,
		.five_level = raw.xloadflags & XLF_5LEVEL,
	};
	r = check_sizes(&raw, img.setup_size, file_size, err);
	if (r)
		return r;
	read_release(head, raw.kernel_version, img.release);
	*ret = img;
	return 0;
}
