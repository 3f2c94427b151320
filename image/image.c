// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/image.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "format/note.h"

static int find_vmcoreinfo(struct image *img, struct err *err)
{
	struct note note;

	if (note_find(img->src->notes, "VMCOREINFO", NOTE_TYPE_VMCOREINFO, &note, err)) {
		if (err->code != ERR_NOT_FOUND)
			return err_wrap(err, "%s", img->src->path);
		return err_set(
			err, ERR_NOT_FOUND,
			"%s has no VMCOREINFO note, so its kernel's layout is unknown (a QEMU "
			"guest writes one only with -device vmcoreinfo and qemu_fw_cfg loaded)",
			img->src->path);
	}
	img->info_text = note.desc;
	img->info_off = note.desc_off;
	return vmcoreinfo_create(note.desc, &img->info, err);
}

static int find_arch(struct image *img, struct err *err)
{
	img->arch = arch_by_elf_machine(img->src->elf_machine);
	if (!img->arch || !img->arch->vtop)
		return err_set(err, ERR_UNSUPPORTED, "%s: architecture with ELF machine number %u",
			       img->src->path, img->src->elf_machine);
	return 0;
}

static int read_basics(struct image *img, struct err *err)
{
	uint64_t page_size = 0, time = 0;
	bool found = false, has_time;
	int r;

	if ((r = vmcoreinfo_value(img->info, "PAGESIZE", 10, &page_size, &found, err)) ||
	    (r = vmcoreinfo_value(img->info, "CRASHTIME", 10, &time, &has_time, err)))
		return r;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "VMCOREINFO has no PAGESIZE");
	if (!num_is_pow2(page_size) || page_size < 4096 || page_size > 65536)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO PAGESIZE=%" PRIu64 " is not 4096 to 65536", page_size);
	img->page_size = page_size;
	img->page_shift = (unsigned int)__builtin_ctzll(page_size);
	img->crash_time = time;
	return 0;
}

static void copy_printable(char dst[IMAGE_UTS_FIELD], const char *src, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < IMAGE_UTS_FIELD - 1 && src[i]; i++)
		dst[i] = isprint((unsigned char)src[i]) ? src[i] : '?';
	dst[i] = '\0';
}

/* Memory may be damaged where init_uts_ns lies: then the note and the architecture must do. */
/* True if memory has it, as VMCOREINFO and the dump's header have it. */
static bool read_uts(struct image *img)
{
	const char *release = vmcoreinfo_get(img->info, "OSRELEASE");
	char raw[6 * IMAGE_UTS_FIELD];
	uint64_t ns, off;
	struct err ignored;

	copy_printable(img->uts[UTS_SYSNAME], "Linux", 5);
	if (release)
		copy_printable(img->uts[UTS_RELEASE], release, strlen(release));
	copy_printable(img->uts[UTS_MACHINE], img->arch->name, strlen(img->arch->name));
	if (image_need_symbol(img, "init_uts_ns", &ns, &ignored) ||
	    image_need_offset(img, "uts_namespace.name", &off, &ignored) ||
	    image_read(img, ns + off, raw, sizeof(raw), &ignored))
		return false;
	if ((release &&
	     strncmp(raw + UTS_RELEASE * IMAGE_UTS_FIELD, release, IMAGE_UTS_FIELD) != 0) ||
	    strncmp(raw + UTS_MACHINE * IMAGE_UTS_FIELD, img->arch->name, IMAGE_UTS_FIELD) != 0)
		return false; /* not a utsname: it contradicts the note, or the ELF header */
	for (size_t i = 0; i < 6; i++)
		copy_printable(img->uts[i], raw + i * IMAGE_UTS_FIELD, IMAGE_UTS_FIELD);
	return release;
}

int image_create(const struct source *src, struct image **ret, struct err *err)
{
	struct image *img = calloc(1, sizeof(*img));
	int r;

	if (!img)
		return err_nomem(err, sizeof(*img), "an image");
	img->src = src;
	if ((r = find_vmcoreinfo(img, err)) || (r = find_arch(img, err)) ||
	    (r = read_basics(img, err)) ||
	    (r = img->arch->vtop->init(img->info, &img->vtop, err))) {
		image_destroy(img);
		return r;
	}
	read_uts(img);
	*ret = img;
	return 0;
}

/* ---- VMCOREINFO that no note has */

#define FOUND_PAGE  4096ULL           /* where a page begins, however large they are */
#define FOUND_TEXT  (16 * FOUND_PAGE) /* VMCOREINFO_BYTES is PAGE_SIZE */
#define FOUND_TRIES 64                /* pages that begin so and are something else */

/* The text that begins at `phys`, as far as its NUL; malloc'ed. */
static int copy_text(const struct source *src, uint64_t phys, char **ret, struct err *err)
{
	char *text = malloc(FOUND_TEXT + 1);
	size_t n = 0;

	if (!text)
		return err_nomem(err, FOUND_TEXT + 1, "VMCOREINFO");
	while (n < FOUND_TEXT && !source_read(src, phys + n, text + n, FOUND_PAGE, err)) {
		n += FOUND_PAGE;
		if (memchr(text + n - FOUND_PAGE, '\0', FOUND_PAGE))
			break;
	}
	text[n] = '\0';
	*ret = text;
	return 0;
}

/* An image by the page at `phys`, if that is VMCOREINFO and of the kernel that this dump is of. */
static int try_page(const struct source *src, uint64_t phys, struct image **ret, struct err *err)
{
	struct image *img = calloc(1, sizeof(*img));
	int r;

	if (!img)
		return err_nomem(err, sizeof(*img), "an image");
	img->src = src;
	r = copy_text(src, phys, &img->found, err);
	if (!r) {
		img->info_text = (struct bytes){(const uint8_t *)img->found, strlen(img->found)};
		r = vmcoreinfo_create(img->info_text, &img->info, err);
	}
	if (!r && !(r = find_arch(img, err)) && !(r = read_basics(img, err)))
		r = img->arch->vtop->init(img->info, &img->vtop, err);
	if (!r && !read_uts(img))
		r = err_set(err, ERR_NOT_FOUND, "it is of another kernel");
	if (r)
		image_destroy(img);
	else
		*ret = img;
	return r;
}

static bool begins_so(const struct source *src, struct view *view, uint64_t phys)
{
	static const char key[] = "OSRELEASE=";
	const uint8_t *data;
	struct err ignored;
	size_t len;

	return !source_map(src, view, phys, &data, &len, &ignored) && len >= sizeof(key) - 1 &&
	       memcmp(data, key, sizeof(key) - 1) == 0;
}

int image_create_found(const struct source *src, struct image **ret, uint64_t *ret_phys,
		       struct err *err)
{
	unsigned int tries = 0;
	int r = ERR_NOT_FOUND;
	struct view view;

	view_init(&view);
	for (size_t i = 0; i < src->present.n && r && tries < FOUND_TRIES; i++) {
		uint64_t end = src->present.v[i].end;
		uint64_t at = (src->present.v[i].start + FOUND_PAGE - 1) / FOUND_PAGE * FOUND_PAGE;

		for (; at < end && end - at >= FOUND_PAGE && tries < FOUND_TRIES;
		     at += FOUND_PAGE) {
			if (!begins_so(src, &view, at))
				continue;
			tries++;
			r = try_page(src, at, ret, err);
			if (!r) {
				*ret_phys = at;
				break;
			}
		}
	}
	view_deinit(src, &view);
	return r ? err_set(err, ERR_NOT_FOUND, "%s: no page of it is VMCOREINFO", src->path) : 0;
}

/* ---- an image of nothing but pages */

#define BARE_PAGE_SHIFT 12 /* the smallest page: larger ones are several of these */

/* What may be left of VMCOREINFO is at its beginning, release and page size among it. */
static void read_rest(struct image *img)
{
	struct vmcoreinfo *whole = img->info;
	const char *release = vmcoreinfo_get(whole, "OSRELEASE");
	struct err ignored;

	if (read_basics(img, &ignored)) {
		img->page_shift = BARE_PAGE_SHIFT;
		img->page_size = 1ULL << BARE_PAGE_SHIFT;
	}
	if (release)
		copy_printable(img->uts[UTS_RELEASE], release, strlen(release));
}

int image_create_bare(const struct source *src, struct image **ret, struct err *err)
{
	struct image *img = calloc(1, sizeof(*img));
	struct err ignored;
	int r;

	if (!img)
		return err_nomem(err, sizeof(*img), "an image");
	img->src = src;
	r = find_arch(img, err);
	if (!r && find_vmcoreinfo(img, &ignored))
		r = vmcoreinfo_create((struct bytes){0}, &img->info, err);
	if (!r) {
		read_rest(img);
		/* with half of the symbols somebody would go astray */
		vmcoreinfo_destroy(img->info);
		img->info = NULL;
		r = vmcoreinfo_create((struct bytes){0}, &img->info, err);
	}
	if (r) {
		image_destroy(img);
		return r;
	}
	copy_printable(img->uts[UTS_SYSNAME], "Linux", 5);
	copy_printable(img->uts[UTS_MACHINE], img->arch->name, strlen(img->arch->name));
	*ret = img;
	return 0;
}

void image_destroy(struct image *img)
{
	if (!img)
		return;
	vmcoreinfo_destroy(img->info);
	free(img->found);
	free(img);
}

int image_translate(const struct image *img, uint64_t vaddr, uint64_t *ret_phys, uint64_t *ret_len,
		    struct err *err)
{
	return img->arch->vtop->translate(&img->vtop, img->src, vaddr, ret_phys, ret_len, err);
}

int image_read(const struct image *img, uint64_t vaddr, void *buf, size_t len, struct err *err)
{
	uint8_t *to = buf;

	while (len) {
		uint64_t phys, run;
		size_t n;
		int r = image_translate(img, vaddr, &phys, &run, err);

		if (r)
			return r;
		n = (size_t)NUM_MIN(run, (uint64_t)len);
		r = source_read(img->src, phys, to, n, err);
		if (r)
			return err_wrap(err, "address 0x%" PRIx64, vaddr);
		to += n;
		vaddr += n;
		len -= n;
	}
	return 0;
}

int image_read_u64(const struct image *img, uint64_t vaddr, uint64_t *ret, struct err *err)
{
	uint64_t v;
	int r = image_read(img, vaddr, &v, sizeof(v), err);

	if (!r)
		*ret = le64toh(v);
	return r;
}

int image_read_u32(const struct image *img, uint64_t vaddr, uint32_t *ret, struct err *err)
{
	uint32_t v;
	int r = image_read(img, vaddr, &v, sizeof(v), err);

	if (!r)
		*ret = le32toh(v);
	return r;
}

int image_page_frames(const struct image *img, const struct ranges *bytes, struct ranges *ret,
		      struct err *err)
{
	struct ranges frames;

	ranges_init(&frames);
	for (size_t i = 0; i < bytes->n; i++) {
		int r = ranges_add(&frames, bytes->v[i].start >> img->page_shift,
				   num_div_up(bytes->v[i].end, img->page_size), err);

		if (r) {
			ranges_deinit(&frames);
			return r;
		}
	}
	*ret = frames;
	return 0;
}

#define IMAGE_NEED(kind, KIND)                                                                   \
	int image_need_##kind(const struct image *img, const char *name, uint64_t *ret,          \
			      struct err *err)                                                   \
	{                                                                                        \
		bool found = false;                                                              \
		int r = vmcoreinfo_##kind(img->info, name, ret, &found, err);                    \
                                                                                                 \
		if (!r && !found)                                                                \
			r = err_set(err, ERR_NOT_FOUND, "VMCOREINFO has no " KIND "(%s)", name); \
		return r;                                                                        \
	}

IMAGE_NEED(symbol, "SYMBOL")
IMAGE_NEED(size, "SIZE")
IMAGE_NEED(offset, "OFFSET")
