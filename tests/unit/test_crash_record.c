// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "crash/record.h"
#include "tests/unit/json_check.h"

static struct crash_record rec;
static struct crash crash;
static struct signature signature;
static char *text;

static int begin(void **state __attribute__((unused)))
{
	crash = (struct crash){.cls = CRASH_GPF, .cpu = 2, .pid = 77, .log_ns = 12345678000};
	strcpy(crash.title, "general protection fault: 0000");
	strcpy(crash.comm, "cat");
	crash.n_frames = 2;
	crash.frames[0] = (struct crash_frame){.function = "f.cold",
					       .module = "m",
					       .offset = 0x1f,
					       .size = UINT64_MAX,
					       .reliable = true,
					       .interrupted = true};
	crash.frames[1] = (struct crash_frame){.function = ""};
	signature_make(&crash, &signature);
	rec = (struct crash_record){.tool = "lifeboat 1", .crash = &crash, .signature = &signature};
	text = NULL;
	return 0;
}

static int end(void **state __attribute__((unused)))
{
	free(text);
	return 0;
}

static void put(void *ctx __attribute__((unused)), struct json *j,
		const struct crash_record_limits *limits)
{
	crash_record_put(j, &rec, limits);
}

static void format(void)
{
	size_t len = 0;

	free(text);
	text = NULL;
	assert_ok(crash_record_format(put, NULL, &text, &len, err));
	assert_int_equal(strlen(text), len);
	assert_true(json_valid(text) && len <= CRASH_RECORD_MAX_SIZE);
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
}

#define assert_at(path, want) assert_string_equal(json_at(text, path), want)

/* By `python3 -c`: sha256(b"lifeboat crash 1\nhost\0OSRELEASE=6.1\n"), the version's and the variant's bits set. */
TEST(uuid)
{
	static const char info[] = "OSRELEASE=6.1\n\0\0\0junk";
	char a[CRASH_RECORD_UUID], b[CRASH_RECORD_UUID];

	crash_record_uuid((struct bytes){(const uint8_t *)info, sizeof(info)}, "host", a);
	assert_string_equal(a, "4d81c931-f3f8-8184-916d-c15dc901a4db");
	/* a format that pads the note, or does not end it, gives the same */
	crash_record_uuid((struct bytes){(const uint8_t *)info, 14}, "host", b);
	assert_string_equal(a, b);
	assert_int_equal(a[14], '8');
	assert_non_null(strchr("89ab", a[19]));
	crash_record_uuid((struct bytes){(const uint8_t *)info, 14}, "other", b);
	assert_string_not_equal(a, b);
	crash_record_uuid((struct bytes){(const uint8_t *)info, 13}, "host", b);
	assert_string_not_equal(a, b);
	crash_record_uuid((struct bytes){(const uint8_t *)"", 0}, "host", b);
	assert_string_equal(b, "");
	crash_record_uuid((struct bytes){NULL, 0}, "host", b);
	assert_string_equal(b, "");
}

TEST(host)
{
	char a[CRASH_RECORD_HOST];

	crash_record_host("host", a);
	assert_string_equal(a, "b2cabd4b8455dc80");
	crash_record_host("", a);
	assert_string_equal(a, "");
}

/* Whatever a node is called and a file says: neither gets into the path. */
TEST(path)
{
	static const char uuid[] = "01234567-89ab-8def-8123-456789abcdef";
	static const char *const none[] = {"",
					   "../../../etc/passwd",
					   "01234567-89ab-8def-8123-456789abcde",
					   "01234567-89ab-8def-8123-456789abcdef0",
					   "01234567-89AB-8def-8123-456789abcdef",
					   "01234567-89ab-8def-8123-456789abc/ef"};
	char path[CRASH_RECORD_PATH];

	assert_true(crash_record_path(1795395071, "../x/\n'; drop", uuid, path));
	assert_memory_equal(path, "crash/v1/dt=2026-11-23/host=", 28);
	assert_string_equal(path + 28 + 16, "/01234567-89ab-8def-8123-456789abcdef.json");
	assert_int_equal(strspn(path + 28, "0123456789abcdef"), 16);
	assert_true(crash_record_path(0, "", uuid, path));
	assert_string_equal(path, "crash/v1/dt=__HIVE_DEFAULT_PARTITION__/"
				  "host=__HIVE_DEFAULT_PARTITION__/"
				  "01234567-89ab-8def-8123-456789abcdef.json");
	assert_true(crash_record_path(UINT64_MAX, "x", uuid, path));
	assert_non_null(strstr(path, "dt=__HIVE_DEFAULT_PARTITION__/host="));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		strcpy(path, "x");
		assert_false(crash_record_path(1, "x", none[i], path));
		assert_string_equal(path, "");
	}
}

TEST(what_is_known)
{
	struct crash_record_module modules[] = {{"m", "OE", NULL}, {"n", NULL, "abcd"}};
	const char *gaps[] = {"no BTF"};

	rec.uuid = "u";
	rec.node = "host";
	rec.release = "6.1";
	rec.time = 1795395071;
	rec.panic = "Kernel panic - not syncing: Fatal exception";
	rec.memory_known = true;
	rec.memory_bytes = 5;
	rec.modules = modules;
	rec.n_modules = 2;
	rec.level = "log";
	rec.gaps = gaps;
	rec.n_gaps = 1;
	rec.cpus = 4;
	strcpy(crash.taints, "G    B   W  O");
	strcpy(crash.hardware, "Acme \"X\"");
	crash.has_fault_address = true;
	crash.fault_address = UINT64_MAX;
	format();
	assert_at("schema", "\"lifeboat-crash-1\"");
	assert_at("uuid", "\"u\"");
	assert_at("host", "\"b2cabd4b8455dc80\"");
	assert_at("kernel.release", "\"6.1\"");
	assert_at("crash.time", "\"2026-11-23T00:51:11Z\"");
	assert_at("crash.class", "\"gpf\"");
	assert_at("crash.title", "\"general protection fault: 0000\"");
	assert_at("crash.cpu", "2");
	assert_at("crash.pid", "77");
	assert_at("crash.comm", "\"cat\"");
	assert_at("crash.fault_address", "\"0xffffffffffffffff\"");
	assert_at("crash.uptime_ms", "12345");
	assert_at("crash.earlier", "0");
	assert_at("crash.memory_bytes", "5");
	assert_at("signature.alg", "\"kcs1\"");
	assert_at("signature.title", "\"gpf in m:f\"");
	assert_memory_equal(json_at(text, "signature.func") + 1, signature.func, 64);
	assert_at("frames.0.function", "\"f.cold\"");
	assert_at("frames.0.module", "\"m\"");
	assert_at("frames.0.offset", "31");
	/* what a reader of JSON could not hold is not known: jansson would refuse the whole record */
	assert_at("frames.0.size", "null");
	assert_at("frames.0.reliable", "true");
	assert_at("frames.0.interrupted", "true");
	assert_at("frames.1.function", "null");
	assert_at("taints", "[\"B\",\"W\",\"O\"]");
	assert_at("modules.0.name", "\"m\"");
	assert_at("modules.0.taints", "\"OE\"");
	assert_at("modules.1.taints", "null");
	assert_at("modules.1.build_id", "\"abcd\"");
	assert_at("modules_left_out", "0");
	assert_at("hardware.name", "\"Acme \\\"X\\\"\"");
	assert_at("hardware.cpus", "4");
	assert_at("analysis.level", "\"log\"");
	assert_at("analysis.gaps", "[\"no BTF\"]");
	/* the clock of the dump knows better than the log's line */
	rec.uptime_ns = 20000000000;
	format();
	assert_at("crash.uptime_ms", "20000");
}

TEST(what_is_not_known)
{
	static const char *const null[] = {"uuid",
					   "host",
					   "kernel.release",
					   "crash.time",
					   "crash.panic",
					   "crash.class",
					   "crash.title",
					   "crash.cpu",
					   "crash.pid",
					   "crash.comm",
					   "crash.fault_address",
					   "crash.earlier",
					   "crash.uptime_ms",
					   "signature.func",
					   "taints",
					   "modules",
					   "hardware.name",
					   "hardware.cpus",
					   "analysis.level"};

	rec.crash = NULL;
	rec.signature = NULL;
	format();
	for (size_t i = 0; i < sizeof(null) / sizeof(null[0]); i++)
		assert_at(null[i], "null");
	assert_at("frames", "[]");
	assert_at("crash.memory_bytes", "absent");
	rec.crash = &crash;
	crash.taints_known = true;
	format();
	assert_at("taints", "[]");
}

/* Hostile texts of any length, each byte of which takes six: lists and texts give way, the hashes never. */
TEST(it_always_fits)
{
	static struct crash_record_module modules[4000];
	static const char *gaps[500];
	static char bad[8192];

	memset(bad, '\x01', sizeof(bad) - 1);
	for (size_t i = 0; i < 4000; i++)
		modules[i] = (struct crash_record_module){bad, "OE", bad};
	for (size_t i = 0; i < 500; i++)
		gaps[i] = bad;
	rec.node = rec.release = rec.version = rec.panic = rec.command_line = rec.hardware = bad;
	rec.modules = modules;
	rec.n_modules = 4000;
	rec.gaps = gaps;
	rec.n_gaps = 500;
	crash.n_frames = CRASH_MAX_FRAMES;
	for (size_t i = 0; i < CRASH_MAX_FRAMES; i++)
		memset(crash.frames[i].function, '\x01', CRASH_FUNCTION - 1);
	format();
	assert_memory_equal(json_at(text, "signature.func") + 1, signature.func, 64);
	assert_true(strtoul(json_at(text, "modules_left_out"), NULL, 10) > 3000);
	assert_true(strtoul(json_at(text, "analysis.gaps_left_out"), NULL, 10) > 400);
}

/* A character is not cut in two. */
TEST(texts_are_cut_between_characters)
{
	char name[1100];

	strcpy(name, "x");
	for (int i = 0; i < 520; i++)
		strcat(name, "\xc3\xa4");
	rec.release = name;
	format();
	assert_null(strstr(text, "\\ufffd"));
	assert_true(strlen(json_at(text, "kernel.release")) > 1000);
}

TEST(lists_of_modules)
{
	char list[] = "ext4  a_b(POE) c [last unloaded: d] e", none[] = "", odd[] = "(O) x( y)";
	struct crash_record_module m[8];

	assert_int_equal(crash_record_modules(list, m, 8), 3);
	assert_string_equal(m[0].name, "ext4");
	assert_string_equal(m[0].taints, "");
	assert_string_equal(m[1].name, "a_b");
	assert_string_equal(m[1].taints, "POE");
	assert_int_equal(crash_record_modules(none, m, 8), 0);
	assert_int_equal(crash_record_modules(odd, m, 8), 2);
	assert_string_equal(m[0].name, "x");
	assert_string_equal(m[1].name, "y)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuid),
		cmocka_unit_test(host),
		cmocka_unit_test(path),
		cmocka_unit_test_setup_teardown(what_is_known, begin, end),
		cmocka_unit_test_setup_teardown(what_is_not_known, begin, end),
		cmocka_unit_test_setup_teardown(it_always_fits, begin, end),
		cmocka_unit_test_setup_teardown(texts_are_cut_between_characters, begin, end),
		cmocka_unit_test(lists_of_modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
