// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "capture/record.h"
#include "tests/unit/json_check.h"

static char by_uuid[] = "UUID=1", by_partuuid[] = "PARTUUID=2", tag[] = "crashes", ext4[] = "ext4",
	    virtiofs[] = "virtiofs", var_crash[] = "/var/crash", none[] = "";

static struct recipe_target targets[RECIPE_MAX_TARGETS];
static struct recipe recipe;
static struct record rec;
static struct record_target *const first = &rec.targets[0];
static char *text;

static int begin(void **state __attribute__((unused)))
{
	targets[0] = (struct recipe_target){
		.device = by_uuid, .fstype = ext4, .mount_options = none, .path = var_crash};
	targets[1] = (struct recipe_target){.kind = TARGET_RAW,
					    .device = by_partuuid,
					    .fstype = none,
					    .mount_options = none,
					    .path = none};
	targets[2] = (struct recipe_target){.kind = TARGET_SHARE,
					    .device = tag,
					    .fstype = virtiofs,
					    .mount_options = none,
					    .path = none};
	recipe = (struct recipe){.targets = targets,
				 .n_targets = 1,
				 .levels = {31},
				 .n_levels = 1,
				 .codec = CODEC_ZLIB};
	rec = (struct record){0};
	for (size_t i = 0; i < RECIPE_MAX_TARGETS; i++) {
		strcpy(rec.targets[i].place.files[CRASH_LOG], "dmesg.txt");
		strcpy(rec.targets[i].place.files[CRASH_DUMP], "vmcore");
	}
	first->tried = true;
	first->level = 31;
	first->codec = CODEC_ZLIB;
	text = NULL;
	return 0;
}

static int end(void **state __attribute__((unused)))
{
	free(text);
	return 0;
}

static void format_of(size_t i)
{
	size_t len = 0;

	free(text);
	text = NULL;
	assert_ok(record_format(&rec, &recipe, i, &text, &len, err));
	assert_int_equal(strlen(text), len);
	assert_true(json_valid(text));
	/* a line, so that a folder of records is NDJSON */
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
}

static void format(void)
{
	format_of(0);
}

#define assert_at(path, want) assert_string_equal(json_at(text, path), want)

/* What the log told stands in the record of each target; without it nothing is made up. */
TEST(what_the_log_tells)
{
	format();
	assert_at("uuid", "null");
	assert_at("crash.class", "null");
	assert_at("signature.func", "null");
	assert_at("modules", "null");
	assert_at("analysis.level", "null");
	assert_at("analysis.gaps", "[]");
	strcpy(rec.log_gap, "kernel log: torn");
	format();
	assert_at("analysis.gaps", "[\"kernel log: torn\"]");
	rec.examined = rec.crash_known = rec.log_read = true;
	strcpy(rec.uuid, "u");
	strcpy(rec.build_id, "0123");
	strcpy(rec.modules, "ext4 lab(OE)");
	rec.crash = (struct crash){.cls = CRASH_GPF, .cpu = -1, .pid = 5, .n_frames = 1};
	rec.crash.frames[0] = (struct crash_frame){.function = "f", .reliable = true};
	signature_make(&rec.crash, &rec.signature);
	format();
	assert_at("uuid", "\"u\"");
	assert_at("kernel.build_id", "\"0123\"");
	assert_at("crash.class", "\"gpf\"");
	assert_at("crash.cpu", "null");
	assert_at("crash.pid", "5");
	assert_at("signature.title", "\"gpf in f\"");
	assert_at("frames.0.function", "\"f\"");
	assert_at("modules.1.name", "\"lab\"");
	assert_at("modules.1.taints", "\"OE\"");
	assert_at("analysis.level", "\"log\"");
	/* and what only the capture knows is behind it */
	assert_at("capture.result", "\"in-progress\"");
}

TEST(result_truth_table)
{
	static const struct {
		bool closing, log, dump;
		uint64_t lost;
		const char *want, *cut_want, *unreadable_want;
	} cases[] = {
		{false, false, false, 0, "in-progress", "in-progress", "in-progress"},
		{false, true, true, 0, "in-progress", "in-progress", "in-progress"},
		{true, false, false, 0, "failed", "partial", "failed"},
		{true, false, false, 5, "failed", "partial", "failed"},
		{true, true, false, 0, "log-only", "partial", "log-only"},
		{true, true, false, 5, "log-only", "partial", "log-only"},
		{true, false, true, 0, "partial", NULL, "partial"},
		{true, false, true, 5, "partial", NULL, "partial"},
		{true, true, true, 0, "complete", NULL, "partial"},
		{true, true, true, 5, "partial", NULL, "partial"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		*first = (struct record_target){.closing = cases[i].closing,
						.log_written = cases[i].log,
						.dump_written = cases[i].dump};
		first->stats.lost = cases[i].lost;
		assert_string_equal(record_result_name(record_result(first)), "not-tried");
		first->tried = true;
		assert_string_equal(record_result_name(record_result(first)), cases[i].want);
		first->dump_cut = true;
		if (cases[i].cut_want)
			assert_string_equal(record_result_name(record_result(first)),
					    cases[i].cut_want);
		first->dump_cut = false;
		first->unreadable = true;
		assert_string_equal(record_result_name(record_result(first)),
				    cases[i].unreadable_want);
	}
}

/* Programs that run after the dump hear of the best, wherever it is. */
TEST(the_best_of_all_targets)
{
	memset(rec.targets, 0, sizeof(rec.targets));
	assert_int_equal(record_best(&rec), RECORD_NOT_TRIED);
	rec.targets[3].tried = rec.targets[3].closing = true;
	assert_int_equal(record_best(&rec), RECORD_FAILED);
	rec.targets[1].tried = rec.targets[1].closing = rec.targets[1].log_written = true;
	assert_int_equal(record_best(&rec), RECORD_LOG_ONLY);
	rec.targets[7] = rec.targets[1];
	rec.targets[7].dump_cut = true;
	assert_int_equal(record_best(&rec), RECORD_PARTIAL);
	rec.targets[0] = rec.targets[1];
	rec.targets[0].dump_written = true;
	assert_int_equal(record_best(&rec), RECORD_COMPLETE);
}

TEST(names_of_folders)
{
	static const struct {
		uint64_t time;
		const char *want;
	} cases[] = {
		{0, "1970-01-01T00-00-00Z"},
		{1, "1970-01-01T00-00-01Z"},
		{951782400, "2000-02-29T00-00-00Z"},
		{1483228799, "2016-12-31T23-59-59Z"},
		{INT32_MAX, "2038-01-19T03-14-07Z"},
		{INT32_MAX + 1ULL, "2038-01-19T03-14-08Z"},
		{4102444800, "2100-01-01T00-00-00Z"},
		{253402300799, "9999-12-31T23-59-59Z"},
		/* a time that cannot be must not become a name that cannot be sorted or parsed */
		{253402300800, "unknown-time"},
		{1ULL << 62, "unknown-time"},
		{INT64_MAX, "unknown-time"},
		{1ULL << 63, "unknown-time"},
		{UINT64_MAX, "unknown-time"},
	};
	char name[32];

	assert_int_equal(setenv("TZ", "Asia/Kathmandu", 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		target_folder_name(cases[i].time, name);
		assert_string_equal(name, cases[i].want);
	}
}

/* What is not known is null or absent, never a made-up value. */
TEST(nothing_is_known)
{
	format();
	assert_at("schema", "\"lifeboat-crash-1\"");
	assert_at("tool", "\"lifeboat " LIFEBOAT_VERSION "\"");
	assert_at("kernel.release", "null");
	assert_at("kernel.version", "null");
	assert_at("kernel.machine", "null");
	assert_at("kernel.node", "null");
	assert_at("crash.time", "null");
	assert_at("crash.panic", "null");
	assert_at("crash.memory_bytes", "absent");
	assert_at("log.file", "null");
	assert_at("dump.file", "null");
	assert_at("dump.bytes", "absent");
	assert_at("dump.pages", "absent");
	assert_at("capture.result", "\"in-progress\"");
	assert_at("capture.device", "null");
	assert_at("capture.target", "1");
	assert_at("capture.targets.0",
		  "{\"target\":\"ext4 UUID=1 /var/crash\",\"result\":\"in-progress\","
		  "\"device\":null,\"name\":null,\"error\":null}");
	assert_at("capture.targets.1", "absent");
	assert_at("capture.watchdog", "null");
	assert_at("capture.pstore", "false");
	assert_at("capture.phases", "[]");
	assert_at("capture.phases_left_out", "0");
	assert_at("dump.cut", "null");
	assert_at("dump.level_wanted", "31");
}

static void fill_in(void)
{
	rec.examined = true;
	strcpy(rec.uts[UTS_RELEASE], "6.1.0");
	strcpy(rec.uts[UTS_VERSION], "#1");
	strcpy(rec.uts[UTS_MACHINE], "x86_64");
	strcpy(rec.uts[UTS_NODENAME], "node");
	rec.crash_time = 1760000000;
	rec.memory_bytes = 1ULL << 40;
	strcpy(rec.headline.panic, "Kernel panic - not syncing: \"quoted\"");
	strcpy(rec.headline.oops, "Oops: 0");
	strcpy(first->place.device, "/dev/vda");
	strcpy(first->place.name, "2025-10-09T08-53-20Z");
	first->log_written = first->dump_written = first->closing = true;
	first->log_bytes = 1234;
	first->stats = (struct filter_stats){.pages = 100,
					     .written = 10,
					     .zero = 20,
					     .lost = 3,
					     .file_bytes = 1ULL << 33,
					     .scan_ns = 1999999,
					     .write_ns = 5000000000};
	first->stats.dropped[PAGE_FREE] = 40;
	first->stats.dropped[PAGE_CACHE] = 20;
	first->stats.dropped[PAGE_HWPOISON] = 7;
}

TEST(everything_is_known)
{
	fill_in();
	format();
	assert_at("kernel.release", "\"6.1.0\"");
	assert_at("kernel.version", "\"#1\"");
	assert_at("kernel.machine", "\"x86_64\"");
	assert_at("kernel.node", "\"node\"");
	assert_at("crash.time", "\"2025-10-09T08:53:20Z\"");
	assert_at("crash.panic", "\"Kernel panic - not syncing: \\\"quoted\\\"\"");
	assert_at("crash.memory_bytes", "1099511627776");
	assert_at("log.file", "\"dmesg.txt\"");
	assert_at("log.bytes", "1234");
	assert_at("dump.file", "\"vmcore\"");
	assert_at("dump.format", "\"kdump-compressed\"");
	assert_at("dump.codec", "\"zlib\"");
	assert_at("dump.level", "31");
	assert_at("dump.bytes", "8589934592");
	assert_at("dump.pages", "100");
	assert_at("dump.pages_written", "10");
	assert_at("dump.pages_zero", "20");
	assert_at("dump.pages_left_out", "67");
	assert_at("dump.pages_lost", "3");
	assert_at("dump.scan_ms", "1");
	assert_at("dump.write_ms", "5000");
	assert_at("capture.result", "\"partial\"");
	assert_at("capture.device", "\"/dev/vda\"");
	assert_at("capture.targets.0.result", "\"partial\"");
	assert_at("capture.targets.0.device", "\"/dev/vda\"");
	assert_at("capture.targets.0.name", "\"2025-10-09T08-53-20Z\"");
}

/* A leaner dump than the recipe wants says so. */
TEST(a_leaner_dump)
{
	fill_in();
	recipe.levels[0] = 1;
	recipe.levels[1] = 31;
	recipe.n_levels = 2;
	first->codec = CODEC_ZSTD;
	rec.available = 12345678;
	rec.threads = 3;
	rec.meter = (struct meter){.ram = 67108864, .total = 48000000, .lowest = 1};
	rec.pstore = true;
	strcpy(rec.watchdog, "iTCO_wdt");
	strcpy(rec.kernel, "6.1.9");
	format();
	assert_at("dump.level", "31");
	assert_at("dump.level_wanted", "1");
	assert_at("dump.codec", "\"zstd\"");
	assert_at("capture.memory_available", "12345678");
	assert_at("capture.threads", "3");
	assert_at("capture.memory_ram", "67108864");
	assert_at("capture.memory_total", "48000000");
	assert_at("capture.memory_lowest", "1");
	assert_at("capture.pstore", "true");
	assert_at("capture.watchdog", "\"iTCO_wdt\"");
	assert_at("capture.kernel", "\"6.1.9\"");
	recipe.elf = true;
	first->codec = CODEC_RAW;
	format();
	assert_at("dump.format", "\"elf\"");
	assert_at("dump.codec", "\"raw\"");
}

/* One that was cut off has its own name and says why; what a killed process left has no counts. */
TEST(a_dump_that_was_cut_off)
{
	fill_in();
	first->dump_written = false;
	first->dump_cut = true;
	first->stats.cut = FILTER_CUT_LIMIT;
	first->stats.cut_off = 37;
	format();
	assert_at("capture.result", "\"partial\"");
	assert_at("dump.file", "\"vmcore.incomplete\"");
	assert_at("dump.cut", "\"the size limit\"");
	assert_at("dump.pages_cut_off", "37");
	assert_at("dump.bytes", "8589934592");
	first->dump_failed = true;
	format();
	assert_at("dump.file", "\"vmcore.incomplete\"");
	assert_at("dump.cut", "\"a failure\"");
	assert_at("dump.bytes", "absent");
	assert_at("dump.pages", "absent");
}

/* Each target's record is about itself, and tells how the others went. */
TEST(a_record_for_each_target)
{
	struct record_target *second = &rec.targets[1];

	recipe.n_targets = 3;
	fill_in();
	first->dump_written = false;
	strcpy(first->failure, "dump: no progress for 120000 ms");
	second->tried = second->closing = second->dump_written = true;
	second->log_written = true;
	second->log_bytes = 77;
	strcpy(second->place.device, "/dev/vdb1");
	strcpy(second->place.name, "entry 2");
	rec.phases[0] = (struct record_phase){.name = "modules", .target = -1};
	rec.phases[1] = (struct record_phase){.name = "find", .target = 1};
	rec.n_phases = 2;
	for (size_t i = 0; i < 2; i++) {
		format_of(i);
		assert_at("capture.targets.0.target", "\"ext4 UUID=1 /var/crash\"");
		assert_at("capture.targets.0.result", "\"log-only\"");
		assert_at("capture.targets.0.error", "\"dump: no progress for 120000 ms\"");
		assert_at("capture.targets.1.target", "\"raw PARTUUID=2\"");
		assert_at("capture.targets.1.result", "\"complete\"");
		assert_at("capture.targets.1.name", "\"entry 2\"");
		assert_at("capture.targets.2.target", "\"virtiofs crashes /\"");
		assert_at("capture.targets.2.result", "\"not-tried\"");
		assert_at("capture.phases.0.target", "absent");
		assert_at("capture.phases.1.target", "2");
		assert_at("capture.target", i ? "2" : "1");
		assert_at("capture.result", i ? "\"complete\"" : "\"log-only\"");
		assert_at("capture.device", i ? "\"/dev/vdb1\"" : "\"/dev/vda\"");
		assert_at("dump.file", i ? "\"vmcore\"" : "null");
		assert_at("log.bytes", i ? "77" : "1234");
	}
}

/* Counts of a dump that was not finished describe no file. */
TEST(counts_belong_to_a_dump)
{
	fill_in();
	first->dump_written = false;
	format();
	assert_at("dump.file", "null");
	assert_at("dump.bytes", "absent");
	assert_at("dump.pages_lost", "absent");
	assert_at("dump.level", "31");
}

TEST(without_a_panic_line_the_oops)
{
	fill_in();
	*rec.headline.panic = '\0';
	format();
	assert_at("crash.panic", "\"Oops: 0\"");
}

/* RFC 3339 has four digits for the year. */
TEST(a_time_that_cannot_be)
{
	fill_in();
	rec.crash_time = 1ULL << 63;
	format();
	assert_at("crash.time", "null");
}

TEST(outcomes_of_phases)
{
	static const struct step_outcome ok = {.start_ms = 5, .took_ms = 7};
	struct step_outcome failed = ok, late = ok;

	err_set(&failed.err, ERR_NO_SPACE, "vmcore: \x80 full");
	late.timed_out = true;
	err_set(&late.err, ERR_TIMEOUT, "not done");
	record_add_phase(&rec, "examine", -1, &ok);
	record_add_phase(&rec, "log", 0, &failed);
	record_add_phase(&rec, "dump", 0, &late);
	format();
	assert_at("capture.phases.0", "{\"name\":\"examine\",\"start_ms\":5,\"took_ms\":7,"
				      "\"result\":\"ok\"}");
	assert_at("capture.phases.1.result", "\"failed\"");
	assert_at("capture.phases.1.error", "\"vmcore: \\ufffd full\"");
	assert_at("capture.phases.2.result", "\"timeout\"");
	assert_at("capture.phases.2.error", "\"not done\"");
	assert_at("capture.phases.3", "absent");
}

/* Text that is as long as can be, and of which each byte becomes six. */
static void fill_text(char *to, size_t size)
{
	memset(to, 0x80, size - 1);
	to[size - 1] = '\0';
}

/* The worst that phases and targets can say still is a record, and fits the blocks kept for it. */
TEST(the_longest_record)
{
	static char path[1025];

	fill_in();
	fill_text(path, sizeof(path));
	recipe.n_targets = RECIPE_MAX_TARGETS;
	for (size_t i = 0; i < RECIPE_MAX_TARGETS; i++) {
		targets[i] = targets[0];
		targets[i].path = path;
		fill_text(rec.targets[i].place.device, sizeof(rec.targets[i].place.device));
		fill_text(rec.targets[i].place.name, sizeof(rec.targets[i].place.name));
		fill_text(rec.targets[i].failure, sizeof(rec.targets[i].failure));
		fill_text(rec.targets[i].unfiltered, sizeof(rec.targets[i].unfiltered));
	}
	for (size_t i = 0; i < 6; i++)
		fill_text(rec.uts[i], sizeof(rec.uts[i]));
	fill_text(rec.headline.panic, sizeof(rec.headline.panic));
	fill_text(rec.watchdog, sizeof(rec.watchdog));
	for (rec.n_phases = 0; rec.n_phases < RECORD_MAX_PHASES; rec.n_phases++) {
		struct record_phase *p = &rec.phases[rec.n_phases];

		p->name = "record again";
		p->outcome.start_ms = p->outcome.took_ms = UINT64_MAX;
		p->outcome.err.code = ERR_SYSTEM;
		fill_text(p->outcome.err.msg, sizeof(p->outcome.err.msg));
	}
	format();
	assert_true(strlen(text) <= RECORD_MAX_SIZE);
	assert_at("capture.phases.159.name", "\"record again\"");
}

/* Texts are cut only if they have to be, and then no more than that. */
TEST(a_record_keeps_what_fits)
{
	struct step_outcome failed = {0};

	fill_in();
	failed.err.code = ERR_SYSTEM;
	memset(failed.err.msg, 'x', sizeof(failed.err.msg) - 1);
	for (int i = 0; i < 40; i++)
		record_add_phase(&rec, "dump", 0, &failed);
	format();
	assert_int_equal(strlen(json_at(text, "capture.phases.39.error")),
			 sizeof(failed.err.msg) + 1);
	for (int i = 0; i < 60; i++)
		record_add_phase(&rec, "dump", 0, &failed);
	format();
	assert_true(strlen(text) <= RECORD_MAX_SIZE);
	assert_true(strlen(json_at(text, "capture.phases.99.error")) >= 256);
}

/* A hundred programs before the dump must not cost its record the dump. */
TEST(there_is_room_for_the_phases_of_each_target)
{
	static const struct step_outcome ok;

	fill_in();
	for (int i = 0; i < 100; i++)
		record_add_phase(&rec, "pre", -1, &ok);
	for (int i = 0; i < RECIPE_MAX_TARGETS * 14; i++)
		record_add_phase(&rec, "dump", i / 14, &ok);
	format();
	assert_at("capture.phases.47.name", "\"pre\"");
	assert_at("capture.phases.48.name", "\"dump\"");
	assert_at("capture.phases.159.name", "\"dump\"");
	assert_at("capture.phases.159.target", "8");
	assert_at("capture.phases_left_out", "52");
	record_add_phase(&rec, "dump", 0, &ok);
	assert_int_equal(rec.n_phases, RECORD_MAX_PHASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_the_log_tells, begin, end),
		cmocka_unit_test_setup_teardown(result_truth_table, begin, end),
		cmocka_unit_test_setup_teardown(the_best_of_all_targets, begin, end),
		cmocka_unit_test_setup_teardown(names_of_folders, begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_known, begin, end),
		cmocka_unit_test_setup_teardown(everything_is_known, begin, end),
		cmocka_unit_test_setup_teardown(a_leaner_dump, begin, end),
		cmocka_unit_test_setup_teardown(a_dump_that_was_cut_off, begin, end),
		cmocka_unit_test_setup_teardown(a_record_for_each_target, begin, end),
		cmocka_unit_test_setup_teardown(counts_belong_to_a_dump, begin, end),
		cmocka_unit_test_setup_teardown(without_a_panic_line_the_oops, begin, end),
		cmocka_unit_test_setup_teardown(a_time_that_cannot_be, begin, end),
		cmocka_unit_test_setup_teardown(outcomes_of_phases, begin, end),
		cmocka_unit_test_setup_teardown(the_longest_record, begin, end),
		cmocka_unit_test_setup_teardown(a_record_keeps_what_fits, begin, end),
		cmocka_unit_test_setup_teardown(there_is_room_for_the_phases_of_each_target, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
