// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "report/gather.h"
#include "report/html.h"
#include "tests/unit/fake_image.h"
#include "tests/unit/json_check.h"
#include "tests/unit/report_check.h"
#include "tests/unit/report_fixture.h"
#include "tests/unit/task_fixture.h"

enum which { PLAIN, HOSTILE, EMPTY, WHICH };
static const char *const names[] = {"plain", "hostile", "empty"};

static struct report_fixture fixture;

static const struct report *fill(enum which which)
{
	if (which == EMPTY)
		report_fixture_empty(&fixture);
	else
		report_fixture_init(&fixture, which == HOSTILE ? fixture_hostile : NULL,
				    ARRAY_SIZE(fixture_hostile));
	return &fixture.r;
}

/* ---- renderers */

TEST(text_holds_80_columns_and_lets_nothing_through)
{
	for (enum which w = 0; w < WHICH; w++) {
		_cleanup_free_ char *plain = report_fixture_render(fill(w), 't');
		_cleanup_free_ char *coloured = report_fixture_render(fill(w), 'c');
		const char *why = report_check_text(plain, false);

		if (why)
			fail_msg("%s: %s", names[w], why);
		why = report_check_text(coloured, true);
		if (why)
			fail_msg("%s, in colours: %s", names[w], why);
	}
}

TEST(page_is_ours_whatever_the_dump_says)
{
	for (enum which w = 0; w < WHICH; w++) {
		_cleanup_free_ char *page = report_fixture_render(fill(w), 'h');
		const char *why = report_check_html(page, html_style);

		if (why)
			fail_msg("%s: %s", names[w], why);
		assert_null(strstr(page, "<script"));
		assert_null(strstr(page, "url("));
		assert_null(strstr(page, "@import"));
	}
}

static bool says(const struct report *r, char as, const char *what)
{
	_cleanup_free_ char *text = report_fixture_render(r, as);

	return strstr(text, what);
}

/* A mail's subject of one word, "sysrq", told nobody what it was about. */
TEST(title_names_a_place_or_a_task)
{
	struct report_verdict *v = &fixture.r.verdict;

	fill(PLAIN);
	assert_true(says(&fixture.r, 't', "null-deref in acme:acme_read\n"));
	assert_true(says(&fixture.r, 'h', "<h1>null-deref in acme:acme_read</h1>"));
	v->crash.cls = CRASH_SYSRQ;
	snprintf(v->signature.title, sizeof(v->signature.title), "sysrq");
	assert_true(says(&fixture.r, 't', "sysrq by task reader\n"));
	assert_true(says(&fixture.r, 'h', "<h1>sysrq by task reader</h1>"));
	*v->crash.comm = '\0';
	assert_true(says(&fixture.r, 't', "sysrq\n"));
}

/* Such CPUs were said to be busy, with nothing on their run queues. */
TEST(what_cpus_did_may_be_unknown)
{
	fill(PLAIN);
	for (size_t i = 0; i < fixture.r.n_cpus; i++) {
		fixture.r.cpus[i].task_known = false;
		fixture.r.cpus[i].queue_known = false;
		fixture.r.cpus[i].idle = false;
	}
	assert_false(says(&fixture.r, 't', " busy "));
	assert_true(says(&fixture.r, 't', " unknown "));
	assert_true(says(&fixture.r, 't', "what they did is not known"));
	assert_true(says(&fixture.r, 'h', "what they did is not known"));
}

/* "0 loaded; there are more" */
TEST(modules_may_be_unknown)
{
	fill(PLAIN);
	fixture.r.n_modules = 0;
	fixture.r.modules_cut = true;
	for (size_t i = 0; i < 2; i++) {
		assert_false(says(&fixture.r, "th"[i], "0 loaded"));
		assert_true(says(&fixture.r, "th"[i], "the list of modules cannot be followed"));
	}
}

TEST(page_has_every_part_even_if_nothing_is_known)
{
	static const char *const ids[] = {"verdict", "stack", "block",  "registers", "cpus",
					  "blocked", "tasks", "memory", "modules",   "log",
					  "machine", "map",   "dump",   "capture",   "analysis"};

	for (enum which w = 0; w < WHICH; w++) {
		_cleanup_free_ char *page = report_fixture_render(fill(w), 'h');

		for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
			char id[32];

			snprintf(id, sizeof(id), " id=\"%s\"", ids[i]);
			if (!strstr(page, id))
				fail_msg("%s: no part %s", names[w], ids[i]);
		}
		if (w == EMPTY)
			assert_non_null(strstr(
				page, "&lt;b&gt;the dump&lt;/b&gt; has no VMCOREINFO &amp; no"));
	}
}

TEST(json_is_valid_and_says_what_is_known)
{
	for (enum which w = 0; w < WHICH; w++) {
		_cleanup_free_ char *text = report_fixture_render(fill(w), 'j');

		if (!json_valid(text))
			fail_msg("%s: no JSON", names[w]);
		assert_string_equal(json_at(text, HOSTILE_MARK), "absent");
		if (w == PLAIN) {
			assert_string_equal(json_at(text, "verdict.class"), "\"null-deref\"");
			assert_string_equal(json_at(text, "verdict.agreement"), "\"agree\"");
			assert_string_equal(json_at(text, "verdict.fault_address"), "\"0x8\"");
			assert_string_equal(json_at(text, "panic_stack.frames.5.function"),
					    "\"acme_read\"");
			assert_string_equal(json_at(text, "panic_stack.frames.5.lines.1.line"),
					    "117");
			assert_string_equal(json_at(text, "panic_stack.frames.6.reliable"),
					    "false");
			assert_string_equal(json_at(text, "cpus.2.idle"), "true");
			assert_string_equal(json_at(text, "cpus.0.waiting"), "5");
			assert_string_equal(json_at(text, "blocked.0.count"), "2");
			assert_string_equal(json_at(text, "modules.0.taints"), "\"OE\"");
			assert_string_equal(json_at(text, "dump.absent.1.bytes"), "8192");
			assert_string_equal(json_at(text, "analysis.gaps.0"),
					    "\"struct rq has no member clock_task\"");
		} else if (w == EMPTY) {
			assert_string_equal(json_at(text, "verdict.class"), "null");
			assert_string_equal(json_at(text, "verdict.signature.func"), "null");
			assert_string_equal(json_at(text, "panic_stack"), "null");
			assert_string_equal(json_at(text, "tasks.threads"), "null");
		}
	}
}

TEST(durations_and_parts_of_memory)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} cases[] = {
		{0, "0 us"},
		{1999, "1 us"},
		{12000000, "12 ms"},
		{4210000000, "4.21 s"},
		{59999999999, "59.99 s"},
		{123000000000, "2 min 3 s"},
		{4567ULL * 1000000000, "1 h 16 min"},
		{277ULL * 3600 * 1000000000, "11 d 13 h"},
		{UINT64_MAX, "213503 d 23 h"},
	};
	struct words_part parts[WORDS_MAX_PARTS];
	char buf[WORDS_DURATION];
	uint64_t total = 0, sum = 0;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(words_duration(cases[i].ns, buf), cases[i].want);
	fill(PLAIN);
	n = words_memory(&fixture.memory, parts, &total);
	for (size_t i = 0; i < n; i++)
		sum += parts[i].bytes;
	assert_int_equal(total, 1000 << 20);
	assert_int_equal(sum, total);
	/* a counter that cannot be is left out, and the others stay */
	fixture.memory.counters[1].bytes = UINT64_MAX;
	fixture.memory.counters[5].bytes = 2000 << 20;
	n = words_memory(&fixture.memory, parts, &total);
	for (size_t i = sum = 0; i < n; i++)
		sum += parts[i].bytes;
	assert_int_equal(sum, total);
	fixture.memory.n_counters = 0;
	assert_int_equal(words_memory(&fixture.memory, parts, &total), 0);
	assert_int_equal(words_memory(NULL, parts, &total), 0);
}

/* ---- gathering */

static void put_function(struct stack *s, const char *name)
{
	s->v[s->n++] =
		(struct frame){.symbol = {.name = name, .addr = (uintptr_t)name}, .reliable = true};
}

TEST(equal_stacks_are_one_group)
{
	static struct stack a, b;
	struct report_group *groups = NULL;
	size_t n = 0, group;

	a = b = (struct stack){.whole = true};
	put_function(&a, "schedule");
	put_function(&a, "io_schedule");
	put_function(&b, "schedule");
	for (size_t i = 0; i < 9; i++) {
		assert_ok(gather_group(&groups, &n, i % 3 ? &a : &b, i, &group, err));
		assert_int_equal(group, i % 3 ? 1 : 0);
	}
	assert_int_equal(n, 2);
	assert_int_equal(groups[0].n, 3);
	assert_int_equal(groups[1].n, 6);
	assert_int_equal(groups[1].members[5], 8);
	assert_string_equal(groups[1].stack.v[1].function, "io_schedule");
	for (size_t i = 0; i < n; i++) {
		gather_stack_deinit(&groups[i].stack);
		free(groups[i].members);
	}
	free(groups);
}

TEST(too_many_stacks_are_told_so)
{
	static char names_of[REPORT_MAX_GROUPS + 1][16];
	static struct stack s;
	struct report_group *groups = NULL;
	size_t n = 0, group = 0;

	for (size_t i = 0; i <= REPORT_MAX_GROUPS; i++) {
		snprintf(names_of[i], sizeof(names_of[i]), "f%zu", i);
		s = (struct stack){.whole = true};
		put_function(&s, names_of[i]);
		assert_ok(gather_group(&groups, &n, &s, i, &group, err));
	}
	assert_true(group == SIZE_MAX);
	assert_int_equal(n, REPORT_MAX_GROUPS);
	for (size_t i = 0; i < n; i++) {
		gather_stack_deinit(&groups[i].stack);
		free(groups[i].members);
	}
	free(groups);
}

TEST(block_is_found_by_its_time)
{
	static char texts[][64] = {
		"before",
		"BUG: unable to handle page fault",
		"Call Trace:",
		"Kernel panic - not syncing: Fatal exception",
		"---[ end Kernel panic - not syncing: Fatal exception ]---",
		"after",
	};
	struct report_line lines[6];
	struct report_log log = {.v = lines, .n = 6};
	struct crash *crash = calloc(1, sizeof(*crash));

	assert_non_null(crash);
	for (size_t i = 0; i < 6; i++)
		lines[i] = (struct report_line){.ts_ns = i ? 19 + i : 10, .text = texts[i]};
	gather_block(&log, crash);
	assert_int_equal(log.block, log.block_end);
	crash->log_ns = 20;
	gather_block(&log, crash);
	assert_int_equal(log.block, 1);
	assert_int_equal(log.block_end, 5);
	crash->log_ns = 1000; /* of no line that is there */
	gather_block(&log, crash);
	assert_int_equal(log.block, log.block_end);
	free(crash);
}

/* The map: as much as there is, in each piece and in all. */
TEST(map_adds_up)
{
	static struct report r;
	static const struct source_ops ops = {.name = "test"};
	static char path[] = "dump";
	struct source src = {.ops = &ops, .path = path};
	uint64_t ram = 0, present = 0;

	r = (struct report){0};
	assert_ok(ranges_add(&src.ram, 0x1000, 0x9f000, err));
	assert_ok(ranges_add(&src.ram, 0x100000, 0x40000000, err));
	assert_ok(ranges_add(&src.ram, 0x100000000, 0x140000000, err));
	assert_ok(ranges_add(&src.present, 0x5000, 0x9000, err));
	assert_ok(ranges_add(&src.present, 0x200000, 0x20000000, err));
	assert_ok(ranges_add(&src.present, 0x13fff0000, 0x140000000, err));
	assert_ok(gather_dump(&r, &src, err));
	assert_false(r.dump.zero_known);
	for (size_t i = 0; i < r.dump.n_cells; i++) {
		const struct report_cell *c = &r.dump.cells[i];

		assert_true(c->present <= c->ram && c->start < c->end);
		assert_true(!i || c->start >= r.dump.cells[i - 1].end);
		ram += c->ram;
		present += c->present;
	}
	assert_int_equal(ram, ranges_total(&src.ram));
	assert_int_equal(present, ranges_total(&src.present));
	assert_int_equal(r.dump.n_absent, 1);
	assert_int_equal(r.dump.absent[0].bytes, ram - present);
	free(r.dump.absent[0].text);
	free(r.dump.absent);
	ranges_deinit(&src.ram);
	ranges_deinit(&src.present);
}

/* Of a dump that says nothing but what pages there are, all parts come, each with its reason. */
TEST(dump_without_anything_has_a_report)
{
	static struct fake f;
	struct image *img = NULL;
	struct kernel *k = NULL;
	struct report *r = NULL;
	char *page;

	fake_init(&f, 8 * MIB, 4);
	fake_ram(&f, 0, 8 * MIB);
	assert_ok(image_create_bare(&f.src, &img, err));
	assert_ok(kernel_create(img, &k, err));
	assert_ok(report_create(k, NULL, &r, err));
	assert_non_null(r->log_missing);
	assert_non_null(r->panic_stack_missing);
	assert_non_null(r->tasks_missing);
	assert_int_equal(r->verdict.agreement, REPORT_NEITHER);
	assert_int_equal(r->dump.ram, ranges_total(&f.src.ram));
	page = report_fixture_render(r, 'h');
	assert_null(report_check_html(page, html_style));
	free(page);
	page = report_fixture_render(r, 't');
	assert_null(report_check_text(page, false));
	free(page);
	report_destroy(r);
	kernel_destroy(k);
	image_destroy(img);
	fake_deinit(&f);
}

/* A CPU whose memory was not found seems to run what another one runs: that is not said of it. */
TEST(task_runs_only_where_it_says)
{
	struct err why = {0};
	struct report *r = calloc(1, sizeof(*r));
	struct tasks t;

	assert_non_null(r);
	tasks_init(&t);
	world_open(&t.w, TASKS_TYPES);
	t.w.k->percpu[1] = t.w.k->percpu[0];
	put64(&t.w, rq_of(&t, 2) + RQ_CURR, t.init);
	assert_int_equal(gather_cpus(r, t.w.k, &why), 0);
	assert_int_equal(r->n_cpus, WORLD_CPUS);
	assert_true(r->cpus[0].task_known);
	assert_false(r->cpus[2].task_known);
	assert_gap(&t.w, "what runs on CPU 2 is not known");
	report_destroy(r);
	world_deinit(&t.w);
}

/* For tests/html: the pages of these reports. */
static int write_pages(const char *folder)
{
	for (enum which w = 0; w < WHICH; w++) {
		char path[4096];
		FILE *to;

		snprintf(path, sizeof(path), "%s/%s.html", folder, names[w]);
		to = fopen(path, "w");
		if (!to)
			return 1;
		report_write_html(fill(w), to);
		if (fclose(to))
			return 1;
	}
	return 0;
}

int main(void)
{
	const char *folder = getenv("REPORT_PAGES");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_holds_80_columns_and_lets_nothing_through),
		cmocka_unit_test(page_is_ours_whatever_the_dump_says),
		cmocka_unit_test(title_names_a_place_or_a_task),
		cmocka_unit_test(what_cpus_did_may_be_unknown),
		cmocka_unit_test(modules_may_be_unknown),
		cmocka_unit_test(page_has_every_part_even_if_nothing_is_known),
		cmocka_unit_test(json_is_valid_and_says_what_is_known),
		cmocka_unit_test(durations_and_parts_of_memory),
		cmocka_unit_test(equal_stacks_are_one_group),
		cmocka_unit_test(too_many_stacks_are_told_so),
		cmocka_unit_test(block_is_found_by_its_time),
		cmocka_unit_test(map_adds_up),
		cmocka_unit_test(dump_without_anything_has_a_report),
		cmocka_unit_test(task_runs_only_where_it_says),
	};

	if (folder)
		return write_pages(folder);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
