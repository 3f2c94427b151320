// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"
#include "tests/unit/machine_fixture.h"

#include "base/sha256.h"
#include "initramfs/cpio.h"
#include "initramfs/pack.h"
#include "proof/armed.h"
#include "proof/bus.h"

#define RECIPE                                               \
	"schema = lifeboat-recipe-3\ntarget = fs\ndevice = " \
	"UUID=0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8\n"        \
	"fstype = ext4\n"
#define MODULES \
	"/lib/modules/6.1/kernel/virtio-blk.ko.xz\n/lib/modules/6.1/nvme.ko a=/b/ext4.ko c\n"

static struct bytes text_bytes(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* As initramfs_build() does: an archive in front, and a packed one behind it. */
static void make_image(enum pack_kind pack, const char *recipe, const char *modules,
		       struct buf *out)
{
	struct cpio front, back;
	struct bytes archive;

	cpio_init(&front);
	assert_ok(cpio_add_file(&front, "/lifeboat/other", 0600, text_bytes("x"), err));
	assert_ok(cpio_finish(&front, &archive, err));
	assert_ok(buf_append(out, archive.data, archive.len, "image", err));
	assert_ok(buf_append_zeros(out, (512 - archive.len % 512) % 512, "image", err));
	cpio_init(&back);
	assert_ok(cpio_add_file(&back, "/init", 0700, text_bytes("program"), err));
	if (recipe)
		assert_ok(cpio_add_file(&back, RECIPE_IMAGE_PATH, 0600, text_bytes(recipe), err));
	if (modules)
		assert_ok(
			cpio_add_file(&back, RECIPE_MODULES_PATH, 0600, text_bytes(modules), err));
	assert_ok(cpio_finish(&back, &archive, err));
	assert_ok(pack_run(pack, archive, out, err));
	cpio_deinit(&front);
	cpio_deinit(&back);
}

TEST(image)
{
	static const enum pack_kind kinds[] = {PACK_NONE, PACK_GZIP, PACK_ZSTD};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
		struct armed_image image;

		make_image(kinds[i], RECIPE, MODULES, &b);
		assert_ok(armed_image_read(buf_bytes(&b), "image", &image, err));
		assert_int_equal(image.recipe->n_targets, 1);
		assert_string_equal(image.recipe->targets[0].fstype, "ext4");
		assert_string_equal(image.modules[1], "/lib/modules/6.1/nvme.ko");
		assert_null(image.modules[2]);
		assert_true(armed_image_has(&image, "virtio_blk"));
		assert_true(armed_image_has(&image, "nvme"));
		assert_false(armed_image_has(&image, "ext4"));
		assert_false(armed_image_has(&image, "virtio"));
		assert_false(armed_image_has(&image, "nvme_core"));
		armed_image_deinit(&image);
	}
}

TEST(image_of_others)
{
	_cleanup_buf_ struct buf none = BUF_INIT(1 << 20), bad = BUF_INIT(1 << 20);
	struct armed_image image;

	make_image(PACK_GZIP, NULL, MODULES, &none);
	assert_fails(armed_image_read(buf_bytes(&none), "image", &image, err), ERR_NOT_FOUND,
		     "no image of lifeboat's");
	assert_fails(armed_image_read((struct bytes){NULL, 0}, "image", &image, err), ERR_NOT_FOUND,
		     "no image of lifeboat's");
	assert_fails(armed_image_read(text_bytes("LZ4 or what"), "image", &image, err),
		     ERR_UNSUPPORTED, "packed in a way");
	make_image(PACK_NONE, "schema = other\n", NULL, &bad);
	assert_fails(armed_image_read(buf_bytes(&bad), "image", &image, err), ERR_USAGE, "schema");
}

/* Cut anywhere, it is an error and nothing worse. */
TEST(image_cut_off)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);

	make_image(PACK_GZIP, RECIPE, MODULES, &b);
	for (size_t len = 0; len < b.len; len++) {
		uint8_t *copy = malloc(len ? len : 1); /* so that a sanitizer sees what is behind */
		struct armed_image image;
		struct err err;

		memcpy(copy, b.data, len);
		assert_int_not_equal(
			armed_image_read((struct bytes){copy, len}, "image", &image, &err), 0);
		free(copy);
	}
}

/* ---- what is armed */

struct fixture {
	struct own_root own;
	struct root root;
	struct service service;
};

static void fixture_init(struct fixture *f)
{
	own_root_init(&f->own);
	assert_ok(root_init(&f->root, f->own.dir, err));
	assert_ok(service_init(&f->service, &f->root, &sys_kernel, err));
	own_root_text(&f->own, "/sys/kernel/kexec_crash_loaded", "1\n");
	own_root_text(&f->own, "/sys/kernel/kexec_crash_size", "268435456\n");
}

static void fixture_deinit(struct fixture *f)
{
	root_deinit(&f->root);
	own_root_deinit(&f->own);
}

static void put_copy(struct fixture *f, const char *what, struct bytes data, char hex[SHA256_TEXT])
{
	char path[128];
	uint8_t digest[32];
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, data.data, data.len);
	sha256_final(&s, digest);
	sha256_text(digest, hex);
	snprintf(path, sizeof(path), "/var/lib/lifeboat/%s-%.16s", what, hex);
	own_root_put(&f->own, path, data.data, data.len);
}

static void arm(struct fixture *f, struct bytes image)
{
	char kernel[SHA256_TEXT], initrd[SHA256_TEXT], text[1024];

	put_copy(f, "kernel", text_bytes("a kernel"), kernel);
	put_copy(f, "initrd", image, initrd);
	snprintf(text, sizeof(text),
		 "method=kexec_load\nkernel=/boot/vmlinuz\nrelease=6.1\ncmdline=a "
		 "b\ntime=1700000000\n"
		 "kernel-sha256=%s\ninitrd-sha256=%s\n",
		 kernel, initrd);
	own_root_text(&f->own, "/run/lifeboat/panic-kernel", text);
}

TEST(what_is_armed)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
	char path[128], hex[SHA256_TEXT];
	struct fixture f;
	struct armed a;

	fixture_init(&f);
	assert_fails(armed_read(&f.service, &a, err), ERR_NOT_LOADED, "no record");
	make_image(PACK_GZIP, RECIPE, MODULES, &b);
	arm(&f, buf_bytes(&b));
	assert_ok(armed_read(&f.service, &a, err));
	assert_int_equal(a.reserved, 268435456);
	assert_int_equal(a.len, b.len);
	assert_string_equal(a.state.cmdline, "a b");
	assert_int_equal(a.image.recipe->n_targets, 1);
	armed_deinit(&a);

	put_copy(&f, "initrd", buf_bytes(&b), hex);
	snprintf(path, sizeof(path), "/var/lib/lifeboat/initrd-%.16s", hex);
	own_root_put(&f.own, path, b.data, b.len - 1);
	assert_fails(armed_read(&f.service, &a, err), ERR_CORRUPT, "not what was loaded");
	own_root_text(&f.own, "/sys/kernel/kexec_crash_loaded", "0\n");
	assert_fails(armed_read(&f.service, &a, err), ERR_NOT_LOADED, "no panic kernel is loaded");
	fixture_deinit(&f);
}

/* ---- which device stands for a disk */

static const char *driver_of(const char *machine, const char *node, char real[128])
{
	_cleanup_(root_deinit) struct root root;
	const struct bus_model *model;
	char path[128];

	snprintf(path, sizeof(path), "tests/roots/%s", machine);
	assert_ok(root_init(&root, path, err));
	model = bus_of_disk(&root, node, real);
	return model ? model->driver : "";
}

TEST(buses)
{
	char real[128];

	assert_string_equal(driver_of("disk-virtio", "/dev/vda1", real), "virtio_blk");
	assert_string_equal(driver_of("disk-btrfs", "/dev/sda2", real), "virtio_scsi");
	assert_string_equal(driver_of("disk-nvme", "/dev/nvme0n1p3", real), "nvme");
	assert_string_equal(driver_of("disk-nvme", "/dev/nvme1n1", real), "nvme");
	assert_string_equal(driver_of("disk-nvme", "/dev/sda", real), "ahci");
	assert_string_equal(driver_of("disk-nvme", "/dev/sdb", real), "xhci_hcd");
	assert_string_equal(driver_of("disk-nvme", "/dev/sdc", real), ""); /* iSCSI */
	assert_string_equal(real, "sd");
	assert_string_equal(driver_of("disk-virtio", "/dev/none", real), "");
	assert_string_equal(real, "a disk that is not there");
}

TEST(what_an_image_can_do)
{
	char virtio[] = "/l/virtio_pci.ko", blk[] = "/l/virtio-blk.ko", nvme[] = "/l/nvme.ko.zst";
	char *all[] = {nvme, virtio, blk, NULL}, *half[] = {virtio, NULL}, *other[] = {nvme, NULL};
	struct armed_image image = {.modules = all};
	_cleanup_(root_deinit) struct root root;

	assert_ok(root_init(&root, "tests/roots/disk-virtio", err));
	assert_string_equal(bus_of_image(&root, "6.1.0-test", &image)->driver, "virtio_blk");
	image.modules = other;
	assert_string_equal(bus_of_image(&root, "6.1.0-test", &image)->driver, "nvme");
	image.modules = half;
	assert_null(bus_of_image(&root, "6.1.0-test", &image));
	assert_null(bus_of_image(&root, "", &image));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(image),         cmocka_unit_test(image_of_others),
		cmocka_unit_test(image_cut_off), cmocka_unit_test(what_is_armed),
		cmocka_unit_test(buses),         cmocka_unit_test(what_an_image_can_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
