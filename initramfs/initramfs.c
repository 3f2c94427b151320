// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/initramfs.h"

#include <string.h>

#include "base/io.h"
#include "capture/recipe.h"
#include "initramfs/buf.h"
#include "initramfs/cpio.h"
#include "initramfs/elf.h"
#include "initramfs/modules.h"
#include "initramfs/unpack.h"

#define INIT_MAX_SIZE ((size_t)64 << 20)

/* The image while it is being built. */
struct build {
	const struct initramfs_spec *spec;
	struct cpio cpio;
	uint16_t machine; /* e_machine of init: every module must agree */
};

static void cleanup_build(struct build *b)
{
	cpio_deinit(&b->cpio);
}

static void cleanup_recipe(struct recipe **r)
{
	recipe_destroy(*r);
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
	return cpio_add_file(&b->cpio, "/init", 0755, file, err);
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
	return cpio_add_file(&b->cpio, m->image_path, 0644, buf_bytes(&plain), err);
}

/* Unpacked here and not by the kernel: not every kernel can, and the archive packs better whole. */
static int add_modules(struct build *b, const struct module_list *list, struct err *err)
{
	_cleanup_buf_ struct buf order = BUF_INIT(CPIO_MAX_SIZE);

	for (size_t i = 0; i < list->n; i++) {
		const char *path = list->v[i].image_path;

		if (add_module(b, &list->v[i], err) ||
		    buf_append(&order, path, strlen(path), RECIPE_MODULES_PATH, err) ||
		    buf_append(&order, "\n", 1, RECIPE_MODULES_PATH, err))
			return err->code;
	}
	return cpio_add_file(&b->cpio, RECIPE_MODULES_PATH, 0644, buf_bytes(&order), err);
}

static int pack_image(struct bytes archive, struct initramfs_image *image, struct err *err)
{
	_cleanup_buf_ struct buf packed =
		BUF_INIT(2 * CPIO_MAX_SIZE); /* what cannot be compressed grows a little */

	if (pack_run(image->pack, archive, &packed, err))
		return err->code;
	image->unpacked_len = archive.len;
	image->len = packed.len;
	image->data = no_cleanup_ptr(packed.data);
	return 0;
}

int initramfs_build(const struct initramfs_spec *spec, struct initramfs_image *ret, struct err *err)
{
	_cleanup_(cleanup_recipe) struct recipe *recipe = NULL;
	_cleanup_(modules_deinit) struct module_list list = {0};
	_cleanup_(cleanup_build) struct build b = {.spec = spec};
	struct initramfs_image image = {0};
	struct bytes archive;

	cpio_init(&b.cpio);
	if (recipe_create(spec->recipe, spec->recipe_name, &recipe, err) ||
	    modules_resolve(spec->root, spec->kernel, recipe->modules, &list, err) ||
	    pack_support_read(spec->root, spec->kernel, &image.support, err) ||
	    pack_choose(spec->pack, &image.support, &image.pack, err) || add_skeleton(&b, err) ||
	    add_init(&b, err) || add_modules(&b, &list, err) ||
	    cpio_add_file(&b.cpio, RECIPE_IMAGE_PATH, 0600, spec->recipe, err) ||
	    cpio_finish(&b.cpio, &archive, err) || pack_image(archive, &image, err))
		return err->code;
	image.n_modules = list.n;
	*ret = image;
	return 0;
}

void initramfs_image_deinit(struct initramfs_image *image)
{
	free(image->data);
	*image = (struct initramfs_image){0};
}
