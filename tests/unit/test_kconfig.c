// SPDX-License-Identifier: GPL-2.0-or-later
/* What configurations of kernels mean for capturing a crash: recorded ones, bent ones, damaged ones. */
#include <libdeflate.h>

#include "base/bytes.h"
#include "loader/kconfig.h"
#include "tests/unit/unit.h"

/* Of the options that tests bend: all on, as an x86 kernel since 6.9 writes them. */
#define FULL                                                                                      \
	"#\n# Linux/x86 6.12.0 Kernel Configuration\n#\nCONFIG_LOCALVERSION=\"CONFIG_KEXEC=n\"\n" \
	"CONFIG_VMCORE_INFO=y\nCONFIG_KEXEC=y\nCONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG=y\n"         \
	"# CONFIG_KEXEC_SIG_FORCE is not set\nCONFIG_KEXEC_BZIMAGE_VERIFY_SIG=y\n"                \
	"CONFIG_CRASH_DUMP=y\nCONFIG_CRASH_HOTPLUG=y\nCONFIG_X86=y\nCONFIG_RELOCATABLE=y\n"       \
	"CONFIG_HOTPLUG_CPU=y\nCONFIG_EFI=y\nCONFIG_EFI_RUNTIME_MAP=y\nCONFIG_SYSFS=y\n"          \
	"CONFIG_PROC_VMCORE=y\nCONFIG_PROC_KCORE=y\nCONFIG_BLK_DEV_INITRD=y\n"                    \
	"CONFIG_RD_GZIP=y\nCONFIG_RD_ZSTD=y\nCONFIG_DEVTMPFS=y\nCONFIG_PRINTK=y\n"                \
	"CONFIG_KALLSYMS=y\nCONFIG_DEBUG_INFO_BTF=y\nCONFIG_PSTORE=m\nCONFIG_MAGIC_SYSRQ=y\n"     \
	"CONFIG_SECURITY_LOCKDOWN_LSM=y\nCONFIG_KALLSYMS_ALL=y\n"                                 \
	"CONFIG_DEBUG_INFO_BTF_MODULES=y\nCONFIG_UNWINDER_ORC=y\n"

#define OFF(option) "# CONFIG_" option " is not set\n"

static struct bytes text_bytes(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static struct kconfig_report judge(const char *text)
{
	struct kconfig_report r;

	assert_ok(kconfig_judge(text_bytes(text), "config", &r, err));
	assert_string_equal(r.source, "config");
	return r;
}

static const struct kconfig_finding *find(const struct kconfig_report *r, const char *option)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].option, option) == 0)
			return &r->v[i];
	return NULL;
}

static void assert_finding(const struct kconfig_report *r, const char *option,
			   enum kconfig_value value, enum kconfig_weight weight, bool good)
{
	const struct kconfig_finding *f = find(r, option);

	if (!f)
		fail_msg("there is no %s", option);
	if (f->value != value || f->weight != weight || f->good != good)
		fail_msg("%s: value %d, weight %d, good %d", option, f->value, f->weight, f->good);
}

static void assert_remedy(const struct kconfig_report *r, const char *option, const char *part)
{
	const struct kconfig_finding *f = find(r, option);

	assert_non_null(f);
	assert_non_null(f->remedy);
	if (!strstr(f->remedy, part))
		fail_msg("%s: '%s' lacks '%s'", option, f->remedy, part);
}

/* How many are not good, and of what weight. */
static size_t count(const struct kconfig_report *r, enum kconfig_weight weight)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		assert_non_null(r->v[i].effect);
		n += !r->v[i].good && r->v[i].weight == weight;
	}
	return n;
}

static int check_root(const char *path, struct kconfig_report *ret, struct err *err)
{
	struct root root;
	int r = root_init(&root, path, err);

	if (r)
		return r;
	r = kconfig_check(&root, ret, err);
	root_deinit(&root);
	return r;
}

TEST(debian_6_1)
{
	struct kconfig_report r;

	assert_ok(check_root("tests/roots/ready", &r, err));
	assert_string_equal(r.source, "/boot/config-6.1.0-56-cloud-amd64");
	assert_finding(&r, "CONFIG_KEXEC_FILE", KCONFIG_YES, KCONFIG_INFO, true);
	/* the successor's name, VMCORE_INFO, is not one of this kernel */
	assert_finding(&r, "CONFIG_CRASH_CORE", KCONFIG_YES, KCONFIG_INFO, true);
	assert_null(find(&r, "CONFIG_VMCORE_INFO"));
	assert_null(find(&r, "CONFIG_KEXEC_IMAGE_VERIFY_SIG")); /* of arm64 */
	/* the option came with 6.6 */
	assert_finding(&r, "CONFIG_CRASH_HOTPLUG", KCONFIG_NO, KCONFIG_WARNING, false);
	assert_int_equal(count(&r, KCONFIG_FATAL), 0);
	assert_int_equal(count(&r, KCONFIG_WARNING), 1);
	assert_int_equal(count(&r, KCONFIG_INFO), 0);
	kconfig_deinit(&r);
}

TEST(debian_6_12)
{
	struct kconfig_report r;

	assert_ok(check_root("tests/roots/kernel-6.12", &r, err));
	assert_string_equal(r.source, "/lib/modules/6.12.95+deb12-cloud-amd64/config");
	assert_finding(&r, "CONFIG_VMCORE_INFO", KCONFIG_YES, KCONFIG_INFO, true);
	assert_finding(&r, "CONFIG_CRASH_HOTPLUG", KCONFIG_YES, KCONFIG_INFO, true);
	assert_int_equal(count(&r, KCONFIG_FATAL) + count(&r, KCONFIG_WARNING), 0);
	kconfig_deinit(&r);
}

TEST(kernel_without_kexec)
{
	struct kconfig_report r;

	assert_ok(check_root("tests/roots/no-kexec", &r, err));
	assert_string_equal(r.source, "/proc/config.gz");
	assert_finding(&r, "CONFIG_KEXEC_FILE", KCONFIG_NO, KCONFIG_FATAL, false);
	assert_finding(&r, "CONFIG_KEXEC", KCONFIG_NO, KCONFIG_FATAL, false);
	assert_finding(&r, "CONFIG_CRASH_DUMP", KCONFIG_NO, KCONFIG_FATAL, false);
	assert_finding(&r, "CONFIG_PROC_VMCORE", KCONFIG_NO, KCONFIG_WARNING, false);
	kconfig_deinit(&r);
}

TEST(no_configuration)
{
	struct kconfig_report r;

	assert_ok(check_root("tests/roots/armed", &r, err));
	assert_string_equal(r.source, "");
	assert_true(r.n > 20);
	for (size_t i = 0; i < r.n; i++) {
		assert_int_equal(r.v[i].value, KCONFIG_UNKNOWN);
		assert_int_equal(r.v[i].weight, KCONFIG_INFO);
		assert_false(r.v[i].good);
	}
	kconfig_deinit(&r);
}

TEST(all_is_well)
{
	struct kconfig_report r = judge(FULL);

	for (size_t i = 0; i < r.n; i++)
		if (!r.v[i].good)
			fail_msg("%s is not good", r.v[i].option);
	assert_finding(&r, "CONFIG_PSTORE", KCONFIG_MODULE, KCONFIG_INFO, true);
	kconfig_deinit(&r);
}

/* Each of them is switched off in FULL by the last line that mentions it, which wins. */
TEST(what_an_absence_costs)
{
	static const struct {
		const char *lines, *option;
		enum kconfig_weight weight;
		bool good;
		const char *remedy;
	} cases[] = {
		{OFF("KEXEC_FILE"), "CONFIG_KEXEC_FILE", KCONFIG_WARNING, false, "kexec_load is"},
		{OFF("KEXEC_FILE") OFF("SECURITY_LOCKDOWN_LSM"), "CONFIG_KEXEC_FILE", KCONFIG_INFO,
		 false, "kexec_load is used"},
		{OFF("KEXEC"), "CONFIG_KEXEC", KCONFIG_INFO, false, "kexec_file_load is used"},
		{OFF("KEXEC") OFF("KEXEC_FILE"), "CONFIG_KEXEC", KCONFIG_FATAL, false, "boot"},
		{OFF("CRASH_DUMP"), "CONFIG_CRASH_DUMP", KCONFIG_FATAL, false, "CRASH_DUMP=y"},
		/* up to 6.8 another kernel could be staged without it */
		{OFF("CRASH_DUMP") "CONFIG_CRASH_CORE=y\n", "CONFIG_CRASH_DUMP", KCONFIG_WARNING,
		 false, "another kernel"},
		{OFF("VMCORE_INFO"), "CONFIG_VMCORE_INFO", KCONFIG_WARNING, false, "boot"},
		{OFF("SYSFS"), "CONFIG_SYSFS", KCONFIG_FATAL, false, "boot"},
		{OFF("RELOCATABLE"), "CONFIG_RELOCATABLE", KCONFIG_WARNING, false, "another"},
		{OFF("RD_GZIP"), "CONFIG_RD_GZIP", KCONFIG_INFO, true, "zstd"},
		{OFF("RD_GZIP") OFF("RD_ZSTD"), "CONFIG_RD_GZIP", KCONFIG_INFO, false, "reserve"},
		{OFF("PROC_KCORE"), "CONFIG_PROC_KCORE", KCONFIG_INFO, false, "kexec_file_load"},
		{OFF("PROC_KCORE") OFF("KEXEC_FILE"), "CONFIG_PROC_KCORE", KCONFIG_WARNING, false,
		 "KEXEC_FILE=y"},
		{OFF("CRASH_HOTPLUG"), "CONFIG_CRASH_HOTPLUG", KCONFIG_WARNING, false, "hotplug"},
		{OFF("KEXEC_BZIMAGE_VERIFY_SIG"), "CONFIG_KEXEC_BZIMAGE_VERIFY_SIG",
		 KCONFIG_WARNING, false, "without lockdown"},
		{OFF("KEXEC_BZIMAGE_VERIFY_SIG") OFF("SECURITY_LOCKDOWN_LSM"),
		 "CONFIG_KEXEC_BZIMAGE_VERIFY_SIG", KCONFIG_INFO, true, NULL},
		{OFF("KEXEC_BZIMAGE_VERIFY_SIG") "CONFIG_KEXEC_SIG_FORCE=y\n",
		 "CONFIG_KEXEC_BZIMAGE_VERIFY_SIG", KCONFIG_WARNING, false, "kexec_load"},
		{OFF("KEXEC_BZIMAGE_VERIFY_SIG") OFF("KEXEC") "CONFIG_KEXEC_SIG_FORCE=y\n",
		 "CONFIG_KEXEC_BZIMAGE_VERIFY_SIG", KCONFIG_FATAL, false, "boot"},
		{OFF("KEXEC_SIG"), "CONFIG_KEXEC_SIG", KCONFIG_INFO, true, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kconfig_report r;
		char text[4096];

		snprintf(text, sizeof(text), "%s%s", FULL, cases[i].lines);
		r = judge(text);
		assert_finding(&r, cases[i].option, KCONFIG_NO, cases[i].weight, cases[i].good);
		if (cases[i].remedy)
			assert_remedy(&r, cases[i].option, cases[i].remedy);
		else
			assert_null(find(&r, cases[i].option)->remedy);
		kconfig_deinit(&r);
	}
}

TEST(forced_signatures)
{
	struct kconfig_report r = judge(FULL "CONFIG_KEXEC_SIG_FORCE=y\n");

	assert_finding(&r, "CONFIG_KEXEC_SIG_FORCE", KCONFIG_YES, KCONFIG_INFO, false);
	assert_remedy(&r, "CONFIG_KEXEC_SIG_FORCE", "signed kernel");
	kconfig_deinit(&r);
}

/* Up to 5.3 there was one option for both, and it forced. */
TEST(older_name_of_signatures)
{
	struct kconfig_report r =
		judge("CONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_VERIFY_SIG=y\n" OFF("PSTORE"));

	assert_null(find(&r, "CONFIG_KEXEC_SIG"));
	assert_null(find(&r, "CONFIG_KEXEC_SIG_FORCE"));
	assert_finding(&r, "CONFIG_KEXEC_VERIFY_SIG", KCONFIG_YES, KCONFIG_INFO, false);
	assert_remedy(&r, "CONFIG_KEXEC_VERIFY_SIG", "signed kernel");
	assert_int_equal(r.v[r.n - 2].value, KCONFIG_NO); /* PSTORE */
	kconfig_deinit(&r);
}

TEST(what_does_not_apply)
{
	struct kconfig_report r =
		judge(FULL OFF("X86") OFF("HOTPLUG_CPU") OFF("EFI") "CONFIG_ARM64=y\n");

	assert_null(find(&r, "CONFIG_RELOCATABLE"));
	assert_null(find(&r, "CONFIG_KEXEC_BZIMAGE_VERIFY_SIG"));
	assert_null(find(&r, "CONFIG_EFI_RUNTIME_MAP"));
	assert_null(find(&r, "CONFIG_CRASH_HOTPLUG")); /* nothing can be plugged */
	assert_finding(&r, "CONFIG_KEXEC_IMAGE_VERIFY_SIG", KCONFIG_NO, KCONFIG_WARNING, false);
	kconfig_deinit(&r);
}

/* A file that does not say of anything "is not set", or that was cut, tells nothing of the rest. */
TEST(what_is_not_mentioned)
{
	struct kconfig_report r = judge("CONFIG_KEXEC=y\nCONFIG_X86=y\n");

	assert_finding(&r, "CONFIG_KEXEC", KCONFIG_YES, KCONFIG_INFO, true);
	assert_finding(&r, "CONFIG_KEXEC_FILE", KCONFIG_UNKNOWN, KCONFIG_INFO, false);
	assert_int_equal(count(&r, KCONFIG_FATAL) + count(&r, KCONFIG_WARNING), 0);
	kconfig_deinit(&r);

	r = judge("CONFIG_KEXEC=y\n" OFF("KEXEC_SIG") "CONFIG_SYS");
	assert_finding(&r, "CONFIG_SYSFS", KCONFIG_UNKNOWN, KCONFIG_INFO, false);
	kconfig_deinit(&r);

	r = judge("CONFIG_KEXEC=y\n" OFF("KEXEC_SIG"));
	assert_finding(&r, "CONFIG_SYSFS", KCONFIG_NO, KCONFIG_FATAL, false);
	kconfig_deinit(&r);
}

TEST(lines)
{
	static const struct {
		const char *text;
		enum kconfig_value value;
	} cases[] = {
		{"CONFIG_KEXEC=y\r\n", KCONFIG_YES},
		{OFF("KEXEC") "CONFIG_KEXEC=y\n", KCONFIG_YES},
		{"CONFIG_KEXEC=y\n# CONFIG_KEXEC is not set\r\n", KCONFIG_NO},
		{"CONFIG_KEXEC=n\n", KCONFIG_NO},
		{"CONFIG_KEXEC=m\n", KCONFIG_MODULE},
		{"CONFIG_KEXEC=y", KCONFIG_YES}, /* no newline */
		{"CONFIG_X=y\n\n\nCONFIG_KEXEC=y \n", KCONFIG_YES},
		{"CONFIG_X=y\nCONFIG_KEXEC=\n", KCONFIG_UNKNOWN},
		{"CONFIG_X=y\nCONFIG_KEXEC=yes\n", KCONFIG_UNKNOWN},
		{"CONFIG_X=y\nCONFIG_KEXEC\n", KCONFIG_UNKNOWN},
		{"CONFIG_X=y\n#CONFIG_KEXEC is not set\n", KCONFIG_UNKNOWN},
		{"CONFIG_X=y\n CONFIG_KEXEC=y\n", KCONFIG_UNKNOWN},
		{"CONFIG_X=\"CONFIG_KEXEC=y\"\n", KCONFIG_UNKNOWN},
		{"CONFIG_KEXEC_=y\n", KCONFIG_UNKNOWN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kconfig_report r = judge(cases[i].text);

		if (find(&r, "CONFIG_KEXEC")->value != cases[i].value)
			fail_msg("'%s' gives %d", cases[i].text, find(&r, "CONFIG_KEXEC")->value);
		kconfig_deinit(&r);
	}
}

static struct bytes gzip(const void *data, size_t len)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(1);
	size_t room = libdeflate_gzip_compress_bound(c, len);
	uint8_t *out = malloc(room);

	assert_non_null(out);
	room = libdeflate_gzip_compress(c, data, len, out, room);
	libdeflate_free_compressor(c);
	assert_true(room > 18);
	return (struct bytes){out, room};
}

TEST(packed)
{
	struct bytes file = gzip(FULL, strlen(FULL));
	struct kconfig_report r;
	uint8_t *raw = (uint8_t *)(uintptr_t)file.data;

	assert_ok(kconfig_judge(file, "config.gz", &r, err));
	assert_int_equal(count(&r, KCONFIG_WARNING), 0);
	kconfig_deinit(&r);

	/* cut anywhere, or with a bit turned: never taken for a configuration */
	for (size_t len = 2; len < file.len; len++)
		assert_fails(kconfig_judge((struct bytes){file.data, len}, "config.gz", &r, err),
			     ERR_CORRUPT, "config.gz: is damaged");
	for (size_t i = file.len - 8; i < file.len; i++) {
		raw[i] ^= 1;
		assert_fails(kconfig_judge(file, "config.gz", &r, err), ERR_CORRUPT, "is damaged");
		raw[i] ^= 1;
	}
	bytes_put_le32(raw + file.len - 4, 0xffffffff);
	assert_fails(kconfig_judge(file, "config.gz", &r, err), ERR_CORRUPT, "4294967295 bytes");
	free(raw);
}

TEST(huge)
{
	size_t len = KCONFIG_MAX + 1;
	char *text = malloc(len);
	struct kconfig_report r;
	struct bytes file;

	assert_non_null(text);
	memset(text, '\n', len);
	memcpy(text, "CONFIG_KEXEC=y", 14);
	assert_fails(kconfig_judge((struct bytes){(uint8_t *)text, len}, "config", &r, err),
		     ERR_CORRUPT, "larger than 16777216");
	file = gzip(text, len);
	assert_fails(kconfig_judge(file, "config", &r, err), ERR_CORRUPT, "unpacks to 16777217");
	free((void *)(uintptr_t)file.data);
	file = gzip(text, len - 1);
	assert_ok(kconfig_judge(file, "config", &r, err));
	assert_finding(&r, "CONFIG_KEXEC", KCONFIG_YES, KCONFIG_INFO, true);
	kconfig_deinit(&r);
	free((void *)(uintptr_t)file.data);
	free(text);
}

TEST(no_configuration_at_all)
{
	static const char zeros[] = "CONFIG_KEXEC=y\n\0\0\0\0";
	struct kconfig_report r;
	struct bytes empty = gzip("", 0);

	assert_fails(kconfig_judge(text_bytes(""), "config", &r, err), ERR_CORRUPT, "no CONFIG_");
	assert_fails(kconfig_judge(text_bytes("hello\nworld\n"), "config", &r, err), ERR_CORRUPT,
		     "config: is no kernel configuration");
	assert_fails(kconfig_judge((struct bytes){(const uint8_t *)zeros, sizeof(zeros)}, "config",
				   &r, err),
		     ERR_CORRUPT, "no text");
	assert_fails(kconfig_judge(empty, "config", &r, err), ERR_CORRUPT, "no CONFIG_");
	free((void *)(uintptr_t)empty.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debian_6_1),
		cmocka_unit_test(debian_6_12),
		cmocka_unit_test(kernel_without_kexec),
		cmocka_unit_test(no_configuration),
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(what_an_absence_costs),
		cmocka_unit_test(forced_signatures),
		cmocka_unit_test(older_name_of_signatures),
		cmocka_unit_test(what_does_not_apply),
		cmocka_unit_test(what_is_not_mentioned),
		cmocka_unit_test(lines),
		cmocka_unit_test(packed),
		cmocka_unit_test(huge),
		cmocka_unit_test(no_configuration_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
