// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/initramfs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "capture/recipe.h"
#include "initramfs/buf.h"
#include "initramfs/closure.h"
#include "initramfs/cpio.h"
#include "initramfs/elf.h"
#include "initramfs/firmware.h"
#include "initramfs/modules.h"
#include "initramfs/unpack.h"

#define INIT_MAX_SIZE ((size_t)64 << 20)
#define SHELL         "/bin/sh" /* what FINAL_SHELL runs */

/* What it costs in the capture kernel; struct xa_node has 576 bytes and 64 slots on 64-bit machines. */
#define INODE_COST  1024
#define TREE_NODE   576
#define TREE_SLOTS  64
#define GZIP_MEMORY ((uint64_t)80 << 10)
#define ZSTD_MEMORY ((uint64_t)512 << 10)

/* The image while it is being built. */
struct build {
	const struct initramfs_spec *spec;
	struct recipe *recipe;
	struct module_list modules;
	struct firmware_list firmware;
	struct closure closure;
	struct cpio cpio;
	struct sha256 parts[INPUTS_N_PARTS];
	uint16_t machine; /* e_machine of init: every module and program must agree */
	struct initramfs_image image;
};

static void cleanup_build(struct build *b)
{
	recipe_destroy(b->recipe);
	modules_deinit(&b->modules);
	firmware_deinit(&b->firmware);
	closure_deinit(&b->closure);
	cpio_deinit(&b->cpio);
	initramfs_image_deinit(&b->image);
}

/* An input into its part's digest; framed, so that nothing can move from a name into a content. */
static void digest(struct build *b, enum inputs_part part, const char *kind, const char *name,
		   struct bytes content)
{
	char frame[PATH_MAX + 64];
	int n = snprintf(frame, sizeof(frame), "%s %zu %zu %s", kind, strlen(name), content.len,
			 name);

	sha256_update(&b->parts[part], frame, NUM_MIN((size_t)n, sizeof(frame) - 1));
	if (content.len)
		sha256_update(&b->parts[part], content.data, content.len);
}

static int add_file(struct build *b, enum inputs_part part, const char *path, unsigned int mode,
		    struct bytes content, struct err *err)
{
	digest(b, part, "file", path, content);
	return cpio_add_file(&b->cpio, path, mode, content, err);
}

/*
 * The kernel opens /dev/console for PID 1 before that could mount anything; /dev/null serves until
 * devtmpfs hides both.
 */
static int add_skeleton(struct build *b, struct err *err)
{
	static const char *const folders[] = {"/dev", "/proc", "/sys", "/run", "/target"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (cpio_add_folder(&b->cpio, folders[i], 0755, err))
			return err->code;
	if (cpio_add_char_device(&b->cpio, "/dev/console", 0600, 5, 1, err) ||
	    cpio_add_char_device(&b->cpio, "/dev/null", 0666, 1, 3, err))
		return err->code;
	return 0;
}

static int add_init(struct build *b, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	struct bytes file;
	size_t len;

	if (io_read_file(b->spec->init, INIT_MAX_SIZE, &data, &len, err))
		return err->code;
	file = (struct bytes){(const uint8_t *)data, len};
	if (elf_check_program(file, b->spec->init, &b->machine, err))
		return err->code;
	return add_file(b, INPUTS_INIT, "/init", 0755, file, err);
}

static int add_module(struct build *b, const struct module_file *m, struct err *err)
{
	char name_a[24], name_b[24];
	_cleanup_free_ char *data = NULL;
	_cleanup_buf_ struct buf plain = BUF_INIT(UNPACK_MAX_SIZE);
	uint16_t machine = 0;
	size_t len, stem;

	if (root_read(b->spec->root, m->path, UNPACK_MAX_SIZE, &data, &len, err))
		return err->code;
	if (unpack_run(unpack_kind_of(m->path, &stem), (struct bytes){(const uint8_t *)data, len},
		       m->path, &plain, err) ||
	    elf_check_module(buf_bytes(&plain), m->path, &machine, err))
		return *b->spec->root->path ? err_wrap(err, "%s", b->spec->root->path) : err->code;
	if (machine != b->machine)
		return err_set(err, ERR_USAGE, "%s is for %s, but the kernel's module %s%s for %s",
			       b->spec->init, elf_machine_name(b->machine, name_a),
			       b->spec->root->path, m->path, elf_machine_name(machine, name_b));
	if (firmware_add(&b->firmware, b->spec->root, b->spec->kernel, m->path, buf_bytes(&plain),
			 err))
		return err->code;
	return add_file(b, INPUTS_MODULES, m->image_path, 0644, buf_bytes(&plain), err);
}

/* Unpacked here and not by the kernel: not every kernel can, and the archive packs better whole. */
static int add_modules(struct build *b, struct err *err)
{
	_cleanup_buf_ struct buf order = BUF_INIT(CPIO_MAX_SIZE);

	for (size_t i = 0; i < b->modules.n; i++) {
		const char *path = b->modules.v[i].image_path;

		if (add_module(b, &b->modules.v[i], err) ||
		    buf_append(&order, path, strlen(path), RECIPE_MODULES_PATH, err) ||
		    buf_append(&order, "\n", 1, RECIPE_MODULES_PATH, err))
			return err->code;
	}
	return add_file(b, INPUTS_MODULES, RECIPE_MODULES_PATH, 0644, buf_bytes(&order), err);
}

static int add_firmware(struct build *b, struct err *err)
{
	for (size_t i = 0; i < b->firmware.n; i++) {
		const struct firmware_file *f = &b->firmware.v[i];
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "/lib/firmware/%s", f->name);
		if (add_file(b, INPUTS_FIRMWARE, path, 0644, (struct bytes){f->data, f->len}, err))
			return err->code;
	}
	return 0;
}

static int find_programs(struct build *b, struct err *err)
{
	char *const *const lists[] = {b->recipe->programs, b->recipe->pre, b->recipe->post};

	closure_init(&b->closure, b->spec->root, b->machine);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (char *const *p = lists[i]; *p; p++, b->image.n_programs++)
			if (closure_add(&b->closure, *p, err))
				return err_wrap(err, "%s", b->spec->recipe_name);
	if (b->recipe->failure != FINAL_SHELL)
		return 0;
	b->image.n_programs++;
	return closure_add(&b->closure, SHELL, err) ? err_wrap(err, "failure-action = shell") : 0;
}

/* Behind the programs: ssh asks who it is run by. */
static int find_files(struct build *b, struct err *err)
{
	bool ssh = false;

	for (size_t i = 0; i < b->recipe->n_targets; i++)
		ssh |= b->recipe->targets[i].kind == TARGET_SSH ||
		       b->recipe->targets[i].kind == TARGET_SFTP;
	if (ssh && closure_add_accounts(&b->closure, err))
		return err->code;
	for (char *const *f = b->recipe->files; *f; f++, b->image.n_files++)
		if (closure_add_file(&b->closure, *f, err))
			return err_wrap(err, "%s", b->spec->recipe_name);
	return 0;
}

static int add_closure(struct build *b, struct err *err)
{
	if (find_programs(b, err) || find_files(b, err))
		return err->code;
	for (size_t i = 0; i < b->closure.n; i++) {
		const struct closure_entry *e = &b->closure.v[i];
		int r = 0;

		switch (e->kind) {
		case CLOSURE_FOLDER:
			r = cpio_add_folder(&b->cpio, e->path, 0755, err);
			break;
		case CLOSURE_LINK:
			digest(b, INPUTS_PROGRAMS, "link", e->path,
			       (struct bytes){(const uint8_t *)e->target, strlen(e->target)});
			r = cpio_add_link(&b->cpio, e->path, e->target, err);
			break;
		case CLOSURE_FILE:
			b->image.n_program_files += !e->secret;
			r = add_file(b, e->secret ? INPUTS_FILES : INPUTS_PROGRAMS, e->path,
				     e->secret ? 0600 : 0755, (struct bytes){e->data, e->len}, err);
			break;
		}
		if (r)
			return err_wrap(err, "the programs and files of %s", b->spec->recipe_name);
	}
	return 0;
}

/* Links first: what the others add below /lib goes where that link leads. */
static int fill(struct build *b, struct err *err)
{
	const struct initramfs_spec *spec = b->spec;

	for (size_t i = 0; i < INPUTS_N_PARTS; i++)
		sha256_init(&b->parts[i]);
	cpio_init(&b->cpio);
	if (recipe_create(spec->recipe, spec->recipe_name, &b->recipe, err) ||
	    modules_resolve(spec->root, spec->kernel, b->recipe->modules, &b->modules, err) ||
	    pack_support_read(spec->root, spec->kernel, &b->image.support, err) ||
	    pack_choose(spec->pack, &b->image.support, &b->image.pack, err) ||
	    add_skeleton(b, err) || add_init(b, err) || add_closure(b, err) ||
	    add_modules(b, err) || add_firmware(b, err) ||
	    add_file(b, INPUTS_RECIPE, RECIPE_IMAGE_PATH, 0600, spec->recipe, err))
		return err->code;
	b->image.n_modules = b->modules.n;
	b->image.n_firmware = b->firmware.n;
	return 0;
}

static int seal(struct build *b, struct err *err)
{
	struct inputs *in = &b->image.inputs;

	if (snprintf(in->tool, sizeof(in->tool), "%s", b->spec->tool) >= (int)sizeof(in->tool) ||
	    snprintf(in->kernel, sizeof(in->kernel), "%s", b->spec->kernel) >=
		    (int)sizeof(in->kernel))
		return err_set(err, ERR_USAGE, "kernel version '%.80s' is too long",
			       b->spec->kernel);
	snprintf(in->pack, sizeof(in->pack), "%s", pack_kind_name(b->image.pack));
	for (size_t i = 0; i < INPUTS_N_PARTS; i++)
		sha256_final(&b->parts[i], in->part[i]);
	inputs_seal(in);
	return 0;
}

static uint64_t memory_of(const struct cpio *c)
{
	uint64_t nodes = c->pages / TREE_SLOTS + c->n_entries;

	return c->pages * CPIO_PAGE + nodes * TREE_NODE + c->n_entries * (uint64_t)INODE_COST;
}

/* The archive in front, which is not packed; `front` is filled. */
static int make_front(struct build *b, struct cpio *front, struct bytes *ret, struct err *err)
{
	char text[INPUTS_MAX_SIZE];
	size_t len = inputs_format(&b->image.inputs, text);
	struct bytes archive = {0};
	size_t odd;

	if (cpio_add_file(front, INPUTS_PATH, 0644, (struct bytes){(const uint8_t *)text, len},
			  err) ||
	    cpio_finish(front, &archive, err))
		return err->code;
	odd = (size_t)(num_align_up(archive.len, INPUTS_ALIGN) - archive.len);
	if (buf_append_zeros(&front->out, odd, "the initramfs", err))
		return err->code;
	*ret = buf_bytes(&front->out);
	return 0;
}

static int join(struct build *b, struct bytes packed, struct err *err)
{
	static const uint64_t decompressor[] = {
		[PACK_GZIP] = GZIP_MEMORY, [PACK_ZSTD] = ZSTD_MEMORY};
	_cleanup_buf_ struct buf whole = BUF_INIT(3 * CPIO_MAX_SIZE);
	_cleanup_cpio_ struct cpio front;
	struct initramfs_image *image = &b->image;
	struct bytes head = {0};

	cpio_init(&front);
	if (make_front(b, &front, &head, err) ||
	    buf_append(&whole, head.data, head.len, "the initramfs", err) ||
	    buf_append(&whole, packed.data, packed.len, "the initramfs", err))
		return err->code;
	image->memory = memory_of(&b->cpio) + memory_of(&front);
	image->memory_peak =
		image->memory + num_align_up(whole.len, CPIO_PAGE) + decompressor[image->pack];
	image->len = whole.len;
	image->data = no_cleanup_ptr(whole.data);
	return 0;
}

static int pack_image(struct build *b, struct err *err)
{
	/* what cannot be compressed grows a little */
	_cleanup_buf_ struct buf packed = BUF_INIT(2 * CPIO_MAX_SIZE);
	struct bytes archive = {0};

	if (cpio_finish(&b->cpio, &archive, err) || pack_run(b->image.pack, archive, &packed, err))
		return err->code;
	b->image.unpacked_len = archive.len;
	b->image.inputs.unpacked = archive.len;
	b->image.inputs.packed = packed.len;
	return join(b, buf_bytes(&packed), err);
}

int initramfs_build(const struct initramfs_spec *spec, struct initramfs_image *ret, struct err *err)
{
	_cleanup_(cleanup_build) struct build b = {.spec = spec};

	if (fill(&b, err) || seal(&b, err) || pack_image(&b, err))
		return err->code;
	b.image.missing = no_cleanup_ptr(b.firmware.missing);
	b.image.n_missing = b.firmware.n_missing;
	b.firmware.n_missing = 0;
	*ret = b.image;
	b.image = (struct initramfs_image){0};
	return 0;
}

int initramfs_inputs(const struct initramfs_spec *spec, struct inputs *ret, struct err *err)
{
	_cleanup_(cleanup_build) struct build b = {.spec = spec};

	if (fill(&b, err) || seal(&b, err))
		return err->code;
	*ret = b.image.inputs;
	return 0;
}

int initramfs_compare(const char *path, const struct initramfs_spec *spec,
		      char ret[INPUTS_DIFFERENCE], struct err *err)
{
	struct inputs was, now;
	struct err why;

	if (inputs_read_file(path, &was, &why, err) || initramfs_inputs(spec, &now, err))
		return err->code;
	if (why.code)
		snprintf(ret, INPUTS_DIFFERENCE, "%s", why.msg);
	else
		inputs_difference(&was, &now, ret);
	return 0;
}

void initramfs_image_deinit(struct initramfs_image *image)
{
	for (size_t i = 0; i < image->n_missing; i++)
		free(image->missing[i]);
	free(image->missing);
	free(image->data);
	*image = (struct initramfs_image){0};
}
