// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/crashkernel.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/program.h"
#include "tests/unit/loader_fixture.h"
#include "tests/unit/unit.h"

#define MIB     (1024ULL * 1024)
#define GIB     (1024 * MIB)
#define VERSION "6.9.0-test"

/* ---- values */

static void value(const char *text, uint64_t ram, const char *words, uint64_t mib)
{
	struct crashkernel_value v = {.bytes = 1};

	assert_ok(crashkernel_parse(text, ram, &v, err));
	assert_string_equal(v.words, words);
	assert_int_equal(v.bytes, mib * MIB);
}

static void bad(const char *text, const char *part)
{
	struct crashkernel_value v = {.bytes = 7};

	assert_fails(crashkernel_parse(text, 4 * GIB, &v, err), ERR_USAGE, part);
	assert_int_equal(v.bytes, 7);
}

TEST(values)
{
	value("", 0, "", 0);
	value("128M", 0, "crashkernel=128M", 128);
	value(" crashkernel=128m ", GIB, "crashkernel=128m", 128);
	value("0x8000000@16M", GIB, "crashkernel=0x8000000@16M", 128);
	value("131072k", GIB, "crashkernel=131072k", 128);
	value("1G,high 64M,low", 4 * GIB, "crashkernel=1G,high crashkernel=64M,low", 1088);
	value("1G,high 0,low", 4 * GIB, "crashkernel=1G,high crashkernel=0,low", 1024);
	/* a kernel that does not know cma takes the last one that is neither high nor low */
	value("96M 200M,cma", GIB, "crashkernel=200M,cma crashkernel=96M", 96);
}

TEST(values_by_ranges)
{
	static const char text[] = "1G-4G:128M,4G-:256M@16M";

	value(text, 512 * MIB, "crashkernel=1G-4G:128M,4G-:256M@16M", 0);
	value(text, GIB, "crashkernel=1G-4G:128M,4G-:256M@16M", 128);
	value(text, GIB - 100 * MIB, "crashkernel=1G-4G:128M,4G-:256M@16M", 128); /* rounded up */
	value(text, 4 * GIB, "crashkernel=1G-4G:128M,4G-:256M@16M", 256);
	value("512M-2G:64M,4G-:1G", 3 * GIB, "crashkernel=512M-2G:64M,4G-:1G", 0);
}

TEST(values_that_mean_something_else)
{
	bad("auto", "no kernel knows it");
	bad("0128M", "no size");
	bad("M", "no size");
	bad("-1M", "no size");
	bad("0", "nothing would be reserved");
	bad("8G", "more than this machine's memory");
	bad("1G-:5G", "more than this machine's memory");
	bad("128MB", "it is not SIZE");
	bad("128M,hihg", "it is not SIZE");
	bad("128M@", "no address");
	bad("128M@1Gx", "it is not SIZE");
	bad("128M,low", "without SIZE,high");
	bad("128M,cma", "a size of their own");
	bad("128M 1G,high", "ignores it beside a plain size");
	bad("128M 64M", "one of a kind");
	bad("1G:128M", "START-END:SIZE");
	bad("4G-1G:128M", "ends before it begins");
	bad("1G-2G:64M,1G-4G:128M", "not in order");
	bad("1G-:64M,2G-:128M", "never used");
	bad("1G-2G:", "START-END:SIZE");
	bad("1G-2G:64M,", "START-END:SIZE");
	bad("1G-2G:64M,high", "START-END:SIZE");
	bad("99999999999999999999", "no size");
	bad("16E", "no size");
	bad("0x10000000000000000", "no size");
	bad("128M\"", "it is not SIZE");
	bad("128M\x01", "byte 0x01");
	bad("1 2 3 4 5 6 7 8 9", "too long");
}

/* ---- the verdict */

static struct crashkernel_estimate parts(uint64_t mib)
{
	return (struct crashkernel_estimate){
		.parts = {{"a", mib * MIB - 1000, ""}, {"b", 1000, ""}},
		.n_parts = 2,
		.floor = 60 * MIB,
	};
}

static struct history_entry entry(enum history_kind kind, bool good, uint64_t peak)
{
	struct history_entry h = {.kind = kind, .good = good, .peak = peak * MIB};

	strcpy(h.kernel, VERSION);
	return h;
}

static struct crashkernel_estimate judged(uint64_t computed, const struct history_entry *h,
					  size_t n)
{
	struct crashkernel_estimate e = parts(computed);

	crashkernel_judge(&e, h, n, VERSION);
	return e;
}

TEST(computed)
{
	struct crashkernel_estimate e = judged(81, NULL, 0);

	assert_int_equal(e.computed, 81 * MIB);
	assert_int_equal(e.n_measured, 0);
	assert_int_equal(e.suggested, 88 * MIB);
	assert_string_equal(e.parameter, "crashkernel=88M");
	assert_false(e.enough);
	e = parts(80);
	e.reserved = 80 * MIB;
	crashkernel_judge(&e, NULL, 0, VERSION);
	assert_int_equal(e.suggested, 80 * MIB);
	assert_true(e.enough);
}

TEST(measured)
{
	struct history_entry h[] = {
		entry(HISTORY_CRASH, true, 64),        entry(HISTORY_CRASH_TEST, true, 70),
		entry(HISTORY_CRASH, true, 0),       /* not known */
		entry(HISTORY_CRASH, true, 900),     /* of another kernel */
		entry(HISTORY_PREFLIGHT, true, 900), /* of no capture kernel */
		entry(HISTORY_CRASH_TEST, false, 900),
	};
	struct crashkernel_estimate e;

	strcpy(h[3].kernel, "other");
	h[5].pending = true;
	e = judged(200, h, ARRAY_SIZE(h));
	assert_int_equal(e.n_measured, 2);
	assert_int_equal(e.measured, 70 * MIB);
	assert_int_equal(e.suggested, 88 * MIB); /* 87.5 */
}

TEST(never_less_than_what_it_takes_to_start)
{
	struct history_entry h = entry(HISTORY_CRASH, true, 20);

	assert_int_equal(judged(100, &h, 1).suggested, 64 * MIB);
}

/* The drivers of a virtual machine are others; a capture that broke off has not seen the worst. */
TEST(what_only_raises)
{
	struct history_entry h = entry(HISTORY_PROOF, true, 40);

	assert_int_equal(judged(96, &h, 1).suggested, 96 * MIB);
	h.peak = 100 * MIB;
	assert_int_equal(judged(96, &h, 1).suggested, 128 * MIB);
	h = entry(HISTORY_CRASH, false, 40);
	assert_int_equal(judged(96, &h, 1).suggested, 96 * MIB);
}

TEST(what_was_proven_too_small)
{
	struct history_entry h[] = {entry(HISTORY_CRASH, true, 64),
				    entry(HISTORY_CRASH, false, 127)};

	h[1].reserved = 160 * MIB; /* it had memory left: something else was wrong */
	assert_int_equal(judged(96, h, 2).suggested, 160 * MIB);
	h[1].reserved = 128 * MIB;
	assert_int_equal(judged(96, h, 2).suggested, 160 * MIB);
	h[1].peak = 121 * MIB;
	assert_int_equal(judged(96, h, 2).suggested, 160 * MIB);
	h[0].peak = h[1].peak = h[1].reserved = UINT64_MAX; /* a history is a file */
	assert_true(judged(96, h, 2).suggested > 0);
}

TEST(cma)
{
	struct crashkernel_estimate e = parts(100);

	e.cma_supported = true;
	crashkernel_judge(&e, NULL, 0, VERSION);
	assert_string_equal(e.cma, "crashkernel=40M,cma crashkernel=64M");
	assert_int_equal(e.suggested, 104 * MIB);
	e = parts(80); /* 16M saved */
	e.cma_supported = true;
	crashkernel_judge(&e, NULL, 0, VERSION);
	assert_string_equal(e.cma, "");
	e = parts(100);
	crashkernel_judge(&e, NULL, 0, VERSION);
	assert_string_equal(e.cma, "");
}

/* ---- a machine */

struct place {
	char path[64];
	struct root root;
	struct service service;
};

static void begin(struct place *m)
{
	*m = (struct place){.path = "/tmp/test-crashkernel-XXXXXX"};
	assert_non_null(mkdtemp(m->path));
	assert_ok(root_init(&m->root, m->path, err));
	assert_ok(service_init(&m->service, &m->root, &sys_kernel, err));
}

static void end(struct place *m)
{
	const char *argv[] = {"rm", "-rf", m->path, NULL};
	const struct program p = {.argv = argv, .ms = 10000};

	root_deinit(&m->root);
	assert_ok(program_run(&p, err));
}

static void put(const struct place *m, const char *path, const void *data, size_t len)
{
	char name[PATH_MAX];
	FILE *f;

	snprintf(name, sizeof(name), "%s%s", m->path, path);
	for (char *p = name + strlen(m->path) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(mkdir(name, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	f = fopen(name, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void put_text(const struct place *m, const char *path, const char *text)
{
	put(m, path, text, strlen(text));
}

static void put_kernel(const struct place *m, uint64_t init_size)
{
	uint8_t image[FIXTURE_SIZE];

	fixture_bzimage(image);
	bytes_put_le32(image + HDR_INIT_SIZE, (uint32_t)init_size);
	put(m, "/boot/vmlinuz-" VERSION, image, sizeof(image));
	put_text(m, "/proc/sys/kernel/osrelease", VERSION "\n");
	put_text(m, "/proc/meminfo", "MemTotal:        1000000 kB\n");
}

/* Of 779 kB packed and 1,946 kB unpacked, as docs/performance.md has it: gzip, which tells its size at the end. */
static void put_image(const struct place *m)
{
	static uint8_t image[779000];

	memcpy(image, "\x1f\x8b\x08", 3);
	bytes_put_le32(image + sizeof(image) - 4, 1946000);
	put(m, "/var/lib/lifeboat/initramfs-" VERSION ".img", image, sizeof(image));
}

static struct crashkernel_estimate estimated(const struct place *m)
{
	struct crashkernel_estimate e = {0};
	struct config *config = NULL;

	assert_ok(config_create((struct bytes){(const uint8_t *)"", 0}, "x", &config, err));
	assert_ok(crashkernel_estimate(&m->service, config, VERSION, &e, err));
	config_destroy(config);
	return e;
}

static const struct crashkernel_part *part(const struct crashkernel_estimate *e, const char *what)
{
	for (size_t i = 0; i < e->n_parts; i++)
		if (strcmp(e->parts[i].what, what) == 0)
			return &e->parts[i];
	fail_msg("no part '%s'", what);
	return NULL;
}

/*
 * The kernels of docs/performance.md, "The smallest reservation", by what their headers say: not below what they were
 * seen to need, and not above it by more than 40 %, for the sum as well as for what it takes to start.
 */
TEST(as_measured)
{
	static const struct {
		uint64_t init_size, needed_mib;
	} kernels[] = {
		{0x3378000, 60}, /* 6.1.0-56-cloud-amd64 */
		{0x3f98000, 78}, /* 6.1.0-56-amd64 */
		{0x37dc000, 68}, /* 6.12.95+deb12-cloud-amd64 */
	};
	struct place m;

	begin(&m);
	put_image(&m);
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		struct crashkernel_estimate e;

		put_kernel(&m, kernels[i].init_size);
		e = estimated(&m);
		assert_int_equal(part(&e, "kernel, to start")->bytes, kernels[i].init_size);
		assert_int_equal(part(&e, "initramfs, packed")->bytes, 779000);
		assert_int_equal(part(&e, "initramfs, unpacked")->bytes, 1946000);
		assert_true(e.computed <= e.suggested);
		assert_in_range(e.suggested, kernels[i].needed_mib * MIB,
				kernels[i].needed_mib * MIB * 140 / 100);
		assert_in_range(e.floor, kernels[i].needed_mib * MIB,
				kernels[i].needed_mib * MIB * 125 / 100);
		assert_int_equal(e.reserved, 0);
		assert_false(e.enough || e.cma_supported);
	}
	end(&m);
}

static unsigned int warnings, others;

static void hear(void *ctx, enum service_tone tone, const char *text)
{
	(void)ctx;
	(void)text;
	*(tone == SERVICE_WARNING ? &warnings : &others) += 1;
}

/* Why usual sizes are taken stood in each row, cut off in the middle of its remedy. */
TEST(why_usual_once)
{
	struct crashkernel_estimate e;
	struct place m;

	begin(&m);
	put_kernel(&m, 50 * MIB);
	m.service.tell = hear;
	warnings = others = 0;
	e = estimated(&m);
	assert_int_equal(warnings, 1);
	assert_int_equal(others, 0);
	assert_string_equal(part(&e, "initramfs, packed")->from, "usual: there is no image yet");
	assert_string_equal(part(&e, "modules, loaded")->from,
			    "usual: which are needed is not known");
	end(&m);
}

TEST(of_a_machine)
{
	struct history_entry h = entry(HISTORY_CRASH, true, 80);
	struct crashkernel_estimate e;
	struct place m;

	begin(&m);
	put_kernel(&m, 50 * MIB);
	put_text(&m, "/sys/kernel/kexec_crash_size", "134217728\n");
	put_text(&m, "/sys/kernel/kexec_crash_loaded", "0\n");
	e = estimated(&m);
	/* no image, nothing to build one with */
	assert_non_null(strstr(part(&e, "initramfs, packed")->from, "usual: "));
	assert_int_equal(e.reserved, 128 * MIB);
	assert_true(e.enough);
	assert_int_equal(e.measured, 0);
	h.time = 1;
	assert_ok(history_add(&m.service, &h, err));
	e = estimated(&m);
	assert_int_equal(e.measured, 80 * MIB);
	assert_int_equal(e.suggested, 104 * MIB);
	put_text(&m, "/proc/cmdline", "quiet mem_encrypt=on\n");
	e = estimated(&m);
	assert_int_equal(part(&e, "bounce buffers")->bytes, 64 * MIB);
	end(&m);
}

TEST(no_kernel)
{
	struct crashkernel_estimate e = {0};
	struct config *config = NULL;
	struct place m;

	begin(&m);
	assert_ok(config_create((struct bytes){(const uint8_t *)"", 0}, "x", &config, err));
	assert_fails(crashkernel_estimate(&m.service, config, VERSION, &e, err), ERR_NOT_FOUND,
		     VERSION);
	config_destroy(config);
	end(&m);
}

static void default_is(const struct place *m, const char *want)
{
	struct crashkernel_value v;
	char text[128];

	assert_ok(crashkernel_default(&m->service, text, err));
	assert_string_equal(text, want);
	assert_ok(crashkernel_parse(text, 8 * GIB, &v, err));
	assert_true(v.bytes > 0);
}

TEST(for_any_machine)
{
	struct place m;

	begin(&m);
	default_is(&m, "1G-4G:128M,4G-64G:192M,64G-1T:256M,1T-:512M");
	put_kernel(&m, 60 * MIB);
	default_is(&m, "1G-4G:128M,4G-64G:192M,64G-1T:256M,1T-:512M");
	put_kernel(&m, 120 * MIB);
	default_is(&m, "2G-4G:160M,4G-64G:224M,64G-1T:288M,1T-:544M");
	end(&m);
}

/* The symbol may lie across the pieces that the file is read in. */
TEST(cma_by_symbols)
{
	static const char symbol[] = "ffffffff83c0b2a0 T reserve_crashkernel_cma\n";
	static char text[200000];
	struct place m;

	begin(&m);
	assert_false(crashkernel_knows_cma(&m.root));
	put_text(&m, "/proc/kallsyms",
		 "0 T reserve_crashkernel_cma_x\n0 T x_reserve_crashkernel_cma\n");
	assert_false(crashkernel_knows_cma(&m.root));
	for (size_t at = 65536 - sizeof(symbol); at <= 65536; at++) {
		memset(text, '\n', sizeof(text));
		memcpy(text + at, symbol, sizeof(symbol) - 1);
		put(&m, "/proc/kallsyms", text, sizeof(text));
#ifdef __x86_64__
		assert_true(crashkernel_knows_cma(&m.root));
#else
		assert_false(crashkernel_knows_cma(&m.root));
#endif
	}
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(values_by_ranges),
		cmocka_unit_test(values_that_mean_something_else),
		cmocka_unit_test(computed),
		cmocka_unit_test(measured),
		cmocka_unit_test(never_less_than_what_it_takes_to_start),
		cmocka_unit_test(what_only_raises),
		cmocka_unit_test(what_was_proven_too_small),
		cmocka_unit_test(cma),
		cmocka_unit_test(as_measured),
		cmocka_unit_test(why_usual_once),
		cmocka_unit_test(of_a_machine),
		cmocka_unit_test(no_kernel),
		cmocka_unit_test(for_any_machine),
		cmocka_unit_test(cma_by_symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
