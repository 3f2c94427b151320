// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "capture/record.h"
#include "tests/unit/json_check.h"

static const struct recipe recipe = {.level = 31, .codec = CODEC_ZLIB};
static struct record rec;
static char *text;

static int begin(void **state __attribute__((unused)))
{
	rec = (struct record){0};
	text = NULL;
	return 0;
}

static int end(void **state __attribute__((unused)))
{
	free(text);
	return 0;
}

static void format(void)
{
	size_t len = 0;

	free(text);
	text = NULL;
	assert_ok(record_format(&rec, &recipe, &text, &len, err));
	assert_int_equal(strlen(text), len);
	assert_true(json_valid(text));
	/* a line, so that a folder of records is NDJSON */
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
}

#define assert_at(path, want) assert_string_equal(json_at(text, path), want)

TEST(result_truth_table)
{
	static const struct {
		bool finished, log, dump;
		uint64_t lost;
		const char *want;
	} cases[] = {
		{false, false, false, 0, "in-progress"}, {false, true, true, 0, "in-progress"},
		{true, false, false, 0, "failed"},       {true, false, false, 5, "failed"},
		{true, true, false, 0, "log-only"},      {true, true, false, 5, "log-only"},
		{true, false, true, 0, "partial"},       {true, false, true, 5, "partial"},
		{true, true, true, 0, "complete"},       {true, true, true, 5, "partial"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rec.finished = cases[i].finished;
		rec.log_written = cases[i].log;
		rec.dump_written = cases[i].dump;
		rec.stats.lost = cases[i].lost;
		assert_string_equal(record_result(&rec), cases[i].want);
	}
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
		record_folder_name(cases[i].time, name);
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
	assert_at("capture.phases", "[]");
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
	strcpy(rec.device, "/dev/vda");
	rec.log_written = rec.dump_written = rec.finished = true;
	rec.log_bytes = 1234;
	rec.stats = (struct filter_stats){.pages = 100,
					  .written = 10,
					  .zero = 20,
					  .lost = 3,
					  .file_bytes = 1ULL << 33,
					  .scan_ns = 1999999,
					  .write_ns = 5000000000};
	rec.stats.dropped[PAGE_FREE] = 40;
	rec.stats.dropped[PAGE_CACHE] = 20;
	rec.stats.dropped[PAGE_HWPOISON] = 7;
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
}

/* Counts of a dump that was not finished describe no file. */
TEST(counts_belong_to_a_dump)
{
	fill_in();
	rec.dump_written = false;
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
	rec.phases[0] = (struct record_phase){"examine", ok};
	rec.phases[1] = (struct record_phase){"log", failed};
	rec.phases[2] = (struct record_phase){"dump", late};
	rec.n_phases = 3;
	format();
	assert_at("capture.phases.0", "{\"name\":\"examine\",\"start_ms\":5,\"took_ms\":7,"
				      "\"result\":\"ok\"}");
	assert_at("capture.phases.1.result", "\"failed\"");
	assert_at("capture.phases.1.error", "\"vmcore: \\ufffd full\"");
	assert_at("capture.phases.2.result", "\"timeout\"");
	assert_at("capture.phases.2.error", "\"not done\"");
	assert_at("capture.phases.3", "absent");
}

/* The worst that phases can say still is a record, and fits the blocks kept for it. */
TEST(the_longest_record)
{
	fill_in();
	for (rec.n_phases = 0; rec.n_phases < RECORD_MAX_PHASES; rec.n_phases++) {
		struct err *e = &rec.phases[rec.n_phases].outcome.err;

		rec.phases[rec.n_phases].name = "phase";
		e->code = ERR_SYSTEM;
		memset(e->msg, 'x', sizeof(e->msg) - 1);
	}
	format();
	assert_true(strlen(text) < 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(result_truth_table, begin, end),
		cmocka_unit_test_setup_teardown(names_of_folders, begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_known, begin, end),
		cmocka_unit_test_setup_teardown(everything_is_known, begin, end),
		cmocka_unit_test_setup_teardown(counts_belong_to_a_dump, begin, end),
		cmocka_unit_test_setup_teardown(without_a_panic_line_the_oops, begin, end),
		cmocka_unit_test_setup_teardown(a_time_that_cannot_be, begin, end),
		cmocka_unit_test_setup_teardown(outcomes_of_phases, begin, end),
		cmocka_unit_test_setup_teardown(the_longest_record, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
