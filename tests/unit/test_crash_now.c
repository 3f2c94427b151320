// SPDX-License-Identifier: GPL-2.0-or-later
/* A recorded machine has a plain file for sysrq-trigger, and so survives what this does to it. */
#include "tests/unit/unit.h"
#include "tests/unit/machine_fixture.h"

#include "base/sha256.h"
#include "initramfs/cpio.h"
#include "proof/crash.h"

#define RECIPE                                                \
	"schema = lifeboat-recipe-3\ntarget = raw\ndevice = " \
	"PARTUUID=0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8\n"
#define TRIGGER "/proc/sysrq-trigger"

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
	own_root_text(&f->own, "/sys/kernel/kexec_crash_size", "1048576\n");
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

static void arm(struct fixture *f)
{
	static const uint8_t recipe[] = RECIPE;
	char kernel[SHA256_TEXT], initrd[SHA256_TEXT], text[1024];
	struct bytes archive;
	struct cpio c;

	cpio_init(&c);
	assert_ok(cpio_add_file(&c, RECIPE_IMAGE_PATH, 0600,
				(struct bytes){recipe, sizeof(recipe) - 1}, err));
	assert_ok(cpio_finish(&c, &archive, err));
	put_copy(f, "kernel", archive, kernel); /* anything */
	put_copy(f, "initrd", archive, initrd);
	cpio_deinit(&c);
	snprintf(
		text, sizeof(text),
		"method=kexec_load\nkernel=/boot/vmlinuz\nrelease=6.1\ncmdline=a\ntime=1700000000\n"
		"kernel-sha256=%s\ninitrd-sha256=%s\n",
		kernel, initrd);
	own_root_text(&f->own, "/run/lifeboat/panic-kernel", text);
}

static size_t entries(struct fixture *f, struct history_entry **ret)
{
	size_t n = 99;

	assert_ok(history_read(&f->service, ret, &n, NULL, err));
	return n;
}

TEST(not_without_being_armed)
{
	struct history_entry *v = NULL;
	struct fixture f;
	char *text = NULL;
	size_t len;

	fixture_init(&f);
	own_root_text(&f.own, TRIGGER, "");
	assert_fails(crash_now(&f.service, err), ERR_NOT_LOADED, "lifeboat start");
	assert_ok(root_read(&f.root, TRIGGER, 16, &text, &len, err));
	assert_int_equal(len, 0);
	assert_int_equal(entries(&f, &v), 0);
	free(text);
	free(v);
	fixture_deinit(&f);
}

TEST(not_if_it_cannot_be_triggered)
{
	struct history_entry *v = NULL;
	struct fixture f;

	fixture_init(&f);
	arm(&f);
	assert_fails(crash_now(&f.service, err), ERR_NOT_FOUND, TRIGGER);
	assert_int_equal(entries(&f, &v), 0);
	free(v);
	fixture_deinit(&f);
}

/* The entry that a crash would leave, and the one that says that there was none. */
TEST(it_is_on_record_before)
{
	struct history_entry *v = NULL;
	struct fixture f;
	char *text = NULL;
	size_t len;

	fixture_init(&f);
	arm(&f);
	own_root_text(&f.own, TRIGGER, "");
	assert_fails(crash_now(&f.service, err), ERR_SYSTEM, "the kernel goes on");
	assert_ok(root_read(&f.root, TRIGGER, 16, &text, &len, err));
	assert_string_equal(text, "c");
	assert_int_equal(entries(&f, &v), 2);
	assert_true(v[0].pending && v[0].kind == HISTORY_CRASH_TEST && v[0].image_known);
	assert_int_equal(v[0].reserved, 1048576);
	assert_non_null(strstr(v[0].where, "0f2a1b3c"));
	assert_string_equal(v[0].kernel, "6.1");
	assert_true(!v[1].pending && !v[1].good);
	assert_string_equal(v[0].id, v[1].id);
	assert_non_null(strstr(v[1].text, "the kernel goes on"));
	assert_ptr_equal(history_last_test(v, 2), &v[1]);
	free(text);
	free(v);
	fixture_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_without_being_armed),
		cmocka_unit_test(not_if_it_cannot_be_triggered),
		cmocka_unit_test(it_is_on_record_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
