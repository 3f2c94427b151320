// SPDX-License-Identifier: GPL-2.0-or-later
/* The capture kernel where distributions put it, and its image: built, judged, removed. */
#include "service/build.h"
#include "tests/unit/pe_fixture.h"
#include "tests/unit/service_fixture.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

static struct config config; /* with nothing in it */
static struct build_kernel kernel;

FAKE_CALL int find(const char *version, struct err *err)
{
	return build_find_kernel(&machine.service, &config, version, &kernel, err);
}

static void assert_found(const char *version, const char *path)
{
	assert_ok(find(version, err));
	assert_string_equal(kernel.path, path);
	assert_string_equal(kernel.version, version ? version : MACHINE_KERNEL);
}

/* A kernel that says of itself that it is `release`. */
FAKE_CALL void put_kernel(const char *name, const char *release)
{
	uint8_t image[FIXTURE_SIZE];
	char folder[256], path[256];

	fixture_bzimage(image);
	memset(image + 0x400, 0, 128);
	strcpy((char *)image + 0x400, release);
	fake_path(path, name);
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	assert_ok(io_make_folder(folder, err));
	fake_write(path, image, sizeof(image));
}

static void drop(const char *name)
{
	fake_remove(name);
}

/* ---- where kernels are */

/* Each place, from the last to the first: what stands further up in the list is taken. */
TEST(places)
{
	static const char *const places[] = {
		"/boot/efi/EFI/Linux/" TOKEN "-9.9.efi",
		"/efi/EFI/Linux/" TOKEN "-9.9+3-1.efi",
		"/boot/EFI/Linux/any-9.9+3.efi",
		"/boot/efi/" TOKEN "/9.9/linux",
		"/efi/" TOKEN "/9.9/linux",
		"/boot/" TOKEN "/9.9/linux",
		"/boot/fedora/9.9/linux",
		"/usr/lib/modules/9.9/vmlinuz",
		"/boot/vmlinuz-9.9",
	};

	machine_shell("mkdir -p $R/etc/kernel");
	fake_set("/etc/machine-id", TOKEN "\n");
	fake_set("/etc/kernel/entry-token", "fedora\n");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		put_kernel(places[i], "");
		assert_found("9.9", places[i]);
	}
	assert_fails(find("9.8", err), ERR_NOT_FOUND,
		     "/usr/lib/modules/9.8/vmlinuz, /boot/fedora/");
	assert_fails(find("9.8", err), ERR_NOT_FOUND, "/efi/EFI/Linux/*-V.efi");
}

/* Names that only look alike; a version may itself have a "+" or be the end of another one. */
TEST(names_of_ukis)
{
	put_kernel("/efi/EFI/Linux/a-9.9+x.efi", "");
	put_kernel("/efi/EFI/Linux/a-9.9.1.efi", "");
	put_kernel("/efi/EFI/Linux/a9.9.efi", "");
	put_kernel("/efi/EFI/Linux/a-9.9.efi.bak", "");
	put_kernel("/efi/EFI/Linux/a-9.9+3-.efi", "");
	put_kernel("/efi/EFI/Linux/.efi", "");
	assert_fails(find("9.9", err), ERR_NOT_FOUND, "kernel 9.9");
	put_kernel("/efi/EFI/Linux/9.9+.efi", "");
	assert_found("9.9+", "/efi/EFI/Linux/9.9+.efi");
	put_kernel("/efi/EFI/Linux/b-9.9-9.9+2.efi", "");
	assert_found("9.9", "/efi/EFI/Linux/b-9.9-9.9+2.efi");
}

/* What is no file is no kernel. */
TEST(odd_files)
{
	machine_shell("rm $R/boot/vmlinuz-*; mkdir $R/boot/vmlinuz-" MACHINE_KERNEL
		      "; mkdir -p $R/usr/lib/modules/" MACHINE_KERNEL
		      "; ln -s /dev/null $R/usr/lib/modules/" MACHINE_KERNEL "/vmlinuz");
	fake_set("/etc/machine-id", "../../../etc\n");
	assert_fails(find(NULL, err), ERR_NOT_FOUND, "no bootable image of kernel " MACHINE_KERNEL);
	assert_null(strstr(kernel.path, ".."));
}

static void boot_image(const char *said)
{
	char line[128];

	snprintf(line, sizeof(line), "quiet xBOOT_IMAGE=/no %s root=/dev/vda1\n", said);
	fake_set("/proc/cmdline", line);
}

/* The running kernel only, and only if the file says that it is that one. */
TEST(boot_image_of_running)
{
	drop("/boot/vmlinuz-" MACHINE_KERNEL);
	boot_image("BOOT_IMAGE=(hd0,gpt2)/here/linux");
	assert_fails(find(NULL, err), ERR_NOT_FOUND, "/here/linux");
	put_kernel("/here/linux", "9.9");
	assert_fails(find(NULL, err), ERR_NOT_FOUND, "/boot/here/linux");
	put_kernel("/here/linux", MACHINE_KERNEL);
	assert_found(NULL, "/here/linux");
	assert_fails(find("9.9", err), ERR_NOT_FOUND, "kernel 9.9");
	/* from the top of a partition of its own, or of a btrfs */
	boot_image("BOOT_IMAGE=/linux");
	put_kernel("/boot/linux", MACHINE_KERNEL);
	assert_found(NULL, "/boot/linux");
	boot_image("BOOT_IMAGE=/@/boot/linux");
	assert_found(NULL, "/boot/linux");
	boot_image("BOOT_IMAGE=linux");
	assert_fails(find(NULL, err), ERR_NOT_FOUND, "kernel");
	boot_image("BOOT_IMAGE=(hd0");
	assert_fails(find(NULL, err), ERR_NOT_FOUND, "kernel");
	boot_image("");
	assert_fails(find(NULL, err), ERR_NOT_FOUND, "kernel");
}

TEST(configured)
{
	char version[BUILD_VERSION_SIZE];

	put_kernel("/boot/vmlinuz-9.9", "");
	config.capture_kernel = (char[]){"9.9"};
	assert_ok(find(NULL, err));
	assert_string_equal(kernel.version, "9.9");
	assert_found(MACHINE_KERNEL, "/boot/vmlinuz-" MACHINE_KERNEL);
	assert_ok(build_version(&machine.service, &config, version, err));
	assert_string_equal(version, "9.9");
	put_kernel("/opt/capture", "9.9-small");
	config.capture_kernel = (char[]){"/opt/capture"};
	assert_ok(find(NULL, err));
	assert_string_equal(kernel.version, "9.9-small");
	assert_string_equal(kernel.path, "/opt/capture");
	put_kernel("/opt/capture", "");
	assert_fails(find(NULL, err), ERR_UNSUPPORTED, "does not say which version");
	put_kernel("/opt/capture", "a/b");
	assert_fails(find(NULL, err), ERR_USAGE, "'a/b' is no version");
	config.capture_kernel = (char[]){"/opt/nothing"};
	assert_fails(find(NULL, err), ERR_NOT_FOUND, "capture_kernel: ");
	config.capture_kernel = NULL;
}

/* Of a unified kernel image the kernel alone: its initramfs starts the system, in memory that a capture does not have. */
TEST(uki_without_its_initramfs)
{
	uint8_t bzimage[FIXTURE_SIZE];
	const struct pe_part parts[] = {{".cmdline", "rw", 2},
					{".initrd", "070701 of the system", 20},
					{".linux", bzimage, FIXTURE_SIZE}};
	char path[256];
	struct files f;
	uint8_t *pe;
	size_t len;

	fixture_bzimage(bzimage);
	pe = pe_fixture(parts, ARRAY_SIZE(parts), &len);
	snprintf(path, sizeof(path), "%s/uki", fake.dir);
	fake_write(path, pe, len);
	free(pe);
	assert_ok(files_open(arch_load_of(arch_host()), path, NULL, 0, &f, err));
	assert_int_equal(f.initrd.len, 20);
	files_close(&f);
	assert_ok(files_open_bare(arch_load_of(arch_host()), path, NULL, 0, &f, err));
	assert_int_equal(f.initrd.len, 0);
	assert_int_equal(f.initrd_fd, -1);
	assert_null(f.cmdline);
	assert_string_equal(f.image.release, FIXTURE_RELEASE);
	files_close(&f);
}

TEST(bad_versions)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "a b", "a\nb", "\x80"};
	char path[BUILD_IMAGE_SIZE], longest[BUILD_VERSION_SIZE + 1];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_fails(find(bad[i], err), ERR_USAGE, "is no version of a kernel");
		assert_fails(build_image_path(&machine.service, bad[i], path, err), ERR_USAGE,
			     "is no version of a kernel");
	}
	memset(longest, 'a', sizeof(longest));
	longest[BUILD_VERSION_SIZE] = '\0';
	assert_fails(find(longest, err), ERR_USAGE, "is no version");
	longest[BUILD_VERSION_SIZE - 1] = '\0';
	assert_fails(find(longest, err), ERR_NOT_FOUND, "no bootable image");
	assert_ok(build_image_path(&machine.service, longest, path, err));
	assert_string_equal(path + strlen(path) - 4, ".img");
}

/* ---- the image */

static struct config *conf;

FAKE_CALL void configure(const char *text)
{
	fake_set("/etc/lifeboat.conf", text);
	config_destroy(conf);
	conf = NULL;
	assert_ok(service_config(&machine.service, &conf, NULL, err));
}

FAKE_CALL void assert_judged(enum build_state want, const char *difference)
{
	char text[INPUTS_DIFFERENCE] = "?";
	enum build_state state;

	assert_ok(build_judge(&machine.service, conf, MACHINE_KERNEL, &state, text, err));
	assert_int_equal(state, want);
	assert_string_equal(text, difference);
}

FAKE_CALL void assert_builds(bool force, bool builds)
{
	bool built;

	assert_ok(build_image(&machine.service, conf, MACHINE_KERNEL, force, &built, err));
	assert_int_equal(built, builds);
	assert_judged(BUILD_FRESH, "");
}

#define IMAGE "/var/lib/lifeboat/initramfs-" MACHINE_KERNEL ".img"

TEST(build_and_judge)
{
	configure(MACHINE_CONFIG);
	assert_judged(BUILD_MISSING, "");
	assert_fails(build_check_image(&machine.service, MACHINE_KERNEL, err), ERR_NOT_FOUND,
		     IMAGE);
	assert_builds(false, true);
	assert_true(machine_told("progress: building "));
	assert_true(machine_told(IMAGE ": "));
	assert_builds(false, false);
	assert_builds(true, true);
	assert_ok(build_check_image(&machine.service, MACHINE_KERNEL, err));
	configure(MACHINE_CONFIG "keep_count 3\n");
	assert_judged(BUILD_STALE, "recipe");
	assert_builds(false, true);
	machine_make_init(2);
	assert_judged(BUILD_STALE, "init");
	assert_builds(false, true);
}

/* A file of that name that is none of ours, or of another kernel. */
TEST(foreign_image)
{
	configure(MACHINE_CONFIG);
	assert_builds(false, true);
	machine_shell("cp $R/" IMAGE " $R/var/lib/lifeboat/initramfs-9.9.img");
	assert_fails(build_check_image(&machine.service, "9.9", err), ERR_CORRUPT,
		     "is for kernel " MACHINE_KERNEL);
	fake_set(IMAGE, "070701 something else");
	assert_fails(build_check_image(&machine.service, MACHINE_KERNEL, err), ERR_CORRUPT, IMAGE);
	assert_builds(false, true);
	fake_set(IMAGE, "");
	assert_builds(false, true);
}

/* What cannot be built leaves what there was. */
TEST(failures)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	size_t len, len_after;
	bool built;

	configure(MACHINE_CONFIG);
	assert_builds(false, true);
	assert_ok(root_read(&fake.root, IMAGE, 1 << 24, &before, &len, err));
	configure(MACHINE_CONFIG "extra_modules no_such_module\n");
	assert_fails(build_image(&machine.service, conf, MACHINE_KERNEL, false, &built, err),
		     ERR_NOT_FOUND, "the image for kernel " MACHINE_KERNEL " cannot be built: ");
	configure("ext4 UUID=00000000-0000-4000-8000-000000000000\n");
	assert_fails(build_image(&machine.service, conf, MACHINE_KERNEL, false, &built, err),
		     ERR_NOT_FOUND, "UUID=00000000");
	machine.service.init = "/no/init";
	configure(MACHINE_CONFIG);
	assert_fails(build_image(&machine.service, conf, MACHINE_KERNEL, false, &built, err),
		     ERR_NOT_FOUND, "/no/init");
	assert_ok(root_read(&fake.root, IMAGE, 1 << 24, &after, &len_after, err));
	assert_int_equal(len, len_after);
	assert_memory_equal(before, after, len);
}

/* `check` said that all was there as long as no image had been built. */
TEST(missing_image_that_cannot_be_built)
{
	char difference[INPUTS_DIFFERENCE];
	enum build_state found;

	configure(MACHINE_CONFIG "extra_bins /usr/bin/no-such\n");
	assert_fails(build_judge(&machine.service, conf, MACHINE_KERNEL, &found, difference, err),
		     ERR_NOT_FOUND, "/usr/bin/no-such");
}

TEST(remove_image)
{
	bool was;

	configure(MACHINE_CONFIG);
	assert_builds(false, true);
	assert_true(root_exists(&fake.root, "/var/lib/lifeboat/recipe-" MACHINE_KERNEL));
	assert_ok(build_remove(&machine.service, MACHINE_KERNEL, &was, err));
	assert_true(was);
	assert_false(root_exists(&fake.root, "/var/lib/lifeboat/recipe-" MACHINE_KERNEL));
	assert_judged(BUILD_MISSING, "");
	assert_ok(build_remove(&machine.service, MACHINE_KERNEL, &was, err));
	assert_false(was);
	assert_fails(build_remove(&machine.service, "../../x", &was, err), ERR_USAGE, "no version");
}

static int forget(void **state)
{
	config_destroy(conf);
	conf = NULL;
	config.capture_kernel = NULL;
	return machine_teardown(state);
}

#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, machine_setup, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(places),
		MACHINE_TEST(names_of_ukis),
		MACHINE_TEST(odd_files),
		MACHINE_TEST(boot_image_of_running),
		MACHINE_TEST(configured),
		MACHINE_TEST(uki_without_its_initramfs),
		MACHINE_TEST(bad_versions),
		MACHINE_TEST(build_and_judge),
		MACHINE_TEST(foreign_image),
		MACHINE_TEST(failures),
		MACHINE_TEST(missing_image_that_cannot_be_built),
		MACHINE_TEST(remove_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
