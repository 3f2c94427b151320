// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The texts of tests/crashes/: what is read out of each, and that it is the same in whatever form somebody kept it. A file has
 * "== NAME", then what is wanted, "KEY: VALUE", then "--" and the log. Keys: the members of struct crash; `frames` with '!' for a
 * function that was interrupted, '?' for one that is not reliable, '-' for one that is not known; `signature`: the frames that count,
 * `text`: what counts where none do, `same`: another one that has the same signature, with "FILE/" in front if it is not in this one.
 */
#include "tests/unit/unit.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "crash/crash.h"
#include "crash/record.h"
#include "crash/signature.h"

#define MAX_CASES 128

struct sample {
	const char *file, *name;
	const char *wants; /* lines up to "--" */
	const char *log;   /* up to its NUL */
};

static struct sample samples[MAX_CASES];
static size_t n_samples;

/* Its text stays: the samples point into it. */
static void read_corpus(const char *name)
{
	char path[64];
	char *text = malloc(1 << 20), *at, *end;
	FILE *f;

	snprintf(path, sizeof(path), "tests/crashes/%s.txt", name);
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, (1 << 20) - 1, f)] = '\0';
	fclose(f);
	for (at = strstr(text, "\n== "); at; at = end) {
		struct sample *c = &samples[n_samples++];

		assert_true(n_samples < MAX_CASES);
		end = strstr(at + 1, "\n== ");
		if (end)
			*end = '\0'; /* the log's last newline goes with it */
		c->file = name;
		c->name = at + 4;
		c->wants = strchr(c->name, '\n') + 1;
		c->log = strstr(c->wants, "\n--\n") + 4;
		*strchr(at + 4, '\n') = '\0';
	}
}

static int read_all(void **state __attribute__((unused)))
{
	if (!n_samples) {
		read_corpus("x86_64");
		read_corpus("arm64");
		read_corpus("old");
		read_corpus("lab");
	}
	return 0;
}

/* The value of a key that is wanted; NULL: it is not said. Of a static buffer. */
static const char *want(const struct sample *c, const char *key)
{
	static char value[4096];

	for (const char *at = c->wants; at < c->log - 3; at = strchr(at, '\n') + 1) {
		size_t len = strlen(key);

		if (strncmp(at, key, len) != 0 || at[len] != ':')
			continue;
		at += len + 1;
		at += *at == ' ';
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
		return value;
	}
	return NULL;
}

static const struct sample *find(const struct sample *from, const char *name)
{
	char file[32] = "";
	const char *slash = strchr(name, '/');

	snprintf(file, sizeof(file), "%.*s", slash ? (int)(slash - name) : 31,
		 slash ? name : from->file);
	for (size_t i = 0; i < n_samples; i++)
		if (strcmp(samples[i].file, file) == 0 &&
		    strcmp(samples[i].name, slash ? slash + 1 : name) == 0)
			return &samples[i];
	fail_msg("there is no %s", name);
	return NULL;
}

static bool crash_of(const char *text, size_t len, struct crash *ret)
{
	bool found = false;

	assert_ok(crash_from_text((struct bytes){(const uint8_t *)text, len}, ret, &found, err));
	return found;
}

static void check(const struct sample *c, const char *key, const char *got)
{
	const char *wanted = want(c, key);

	if (wanted && strcmp(wanted, got) != 0)
		fail_msg("%s/%s: %s: \"%s\", not \"%s\"", c->file, c->name, key, got, wanted);
}

static void check_number(const struct sample *c, const char *key, int64_t got)
{
	char text[32] = "none";

	if (got >= 0)
		snprintf(text, sizeof(text), "%" PRId64, got);
	check(c, key, text);
}

static void check_frames(const struct sample *c, const struct crash *crash)
{
	char text[8192] = "", *at = text;

	for (size_t i = 0; i < crash->n_frames; i++) {
		const struct crash_frame *f = &crash->frames[i];

		at += sprintf(at, "%s%s%s%s%s%s", i ? " " : "", f->reliable ? "" : "?",
			      f->interrupted ? "!" : "", f->module, *f->module ? ":" : "",
			      *f->function ? f->function : "-");
	}
	check(c, "frames", text);
}

static void check_signature(const struct sample *c, const struct crash *crash)
{
	char text[SIGNATURE_TEXT], frames[SIGNATURE_TEXT] = "", words[SIGNATURE_TEXT] = "";
	char *rest = text, *line;

	signature_text(crash, SIGNATURE_FUNC, text);
	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, "frame ", 6) == 0) {
			strcat(frames, *frames ? " " : "");
			strcat(frames, line + 6);
		} else if (strncmp(line, "text ", 5) == 0) {
			strcat(words, line + 5);
		}
	}
	if (!want(c, "signature") && !want(c, "text"))
		return;
	check(c, "signature", frames);
	check(c, "text", words);
	/* one or the other */
	assert_true(!*frames || !*words);
	if (!want(c, "signature"))
		assert_string_equal(frames, "");
}

static void check_crash(const struct sample *c, const struct crash *crash)
{
	char address[32] = "none";

	check(c, "class", crash_class_name(crash->cls));
	check(c, "title", crash->title);
	check(c, "panic", crash->panic);
	check_number(c, "cpu", crash->cpu);
	check_number(c, "pid", crash->pid);
	check(c, "comm", crash->comm);
	check(c, "release", crash->release);
	check(c, "taints", crash->taints_known && !*crash->taints ? "none" : crash->taints);
	check(c, "hardware", crash->hardware);
	check_number(c, "earlier", (int64_t)crash->earlier);
	if (crash->has_fault_address)
		snprintf(address, sizeof(address), "0x%" PRIx64, crash->fault_address);
	check(c, "address", address);
	check_frames(c, crash);
	check_signature(c, crash);
}

static void check_modules(const struct sample *c)
{
	static struct crash crash;
	struct crash_log *log;
	char list[4096];

	assert_ok(crash_log_create(&log, err));
	assert_ok(crash_log_feed_text(log, (struct bytes){(const uint8_t *)c->log, strlen(c->log)},
				      err));
	crash_log_finish(log, &crash);
	snprintf(list, sizeof(list), "%.*s", (int)strcspn(crash_log_modules(log), "["),
		 crash_log_modules(log));
	while (*list && list[strlen(list) - 1] == ' ')
		list[strlen(list) - 1] = '\0';
	check(c, "modules", list);
	crash_log_destroy(log);
}

TEST(each_sample)
{
	static struct crash crash;

	assert_true(n_samples > 45);
	for (size_t i = 0; i < n_samples; i++) {
		const struct sample *c = &samples[i];
		bool found = crash_of(c->log, strlen(c->log), &crash);

		check_crash(c, &crash);
		check_modules(c);
		if (found != (crash.cls != CRASH_UNKNOWN))
			fail_msg("%s/%s: found: %d", c->file, c->name, found);
	}
}

TEST(the_same_fault)
{
	static struct crash a, b;
	struct signature x, y;
	int n = 0;

	for (size_t i = 0; i < n_samples; i++) {
		const struct sample *other;

		if (!want(&samples[i], "same"))
			continue;
		other = find(&samples[i], want(&samples[i], "same"));
		crash_of(samples[i].log, strlen(samples[i].log), &a);
		crash_of(other->log, strlen(other->log), &b);
		signature_make(&a, &x);
		signature_make(&b, &y);
		assert_string_equal(x.func, y.func);
		assert_string_equal(x.cls, y.cls);
		assert_string_equal(x.title, y.title);
		n++;
	}
	assert_true(n >= 4);
}

/* ---- forms */

struct form {
	const char *before, *after;
};

/* A log in another form; the caller frees it. */
static char *in_form(const char *log, const struct form *form)
{
	char *text = malloc(strlen(log) * 2 + 4096 + strlen(log) * 60), *to = text;

	for (const char *at = log; *at;) {
		size_t len = strcspn(at, "\n");

		to += sprintf(to, "%s%.*s%s\n", form->before, (int)len, at, form->after);
		at += len + (at[len] == '\n');
	}
	return text;
}

static bool is_same(const struct crash *a, const struct crash *b)
{
	struct crash x = *a, y = *b;

	x.log_ns = y.log_ns = 0;
	return memcmp(&x, &y, sizeof(x)) == 0;
}

TEST(any_form)
{
	static const struct form forms[] = {
		{"[   12.345678] ", ""},
		{"<4>[   12.345678] ", ""},
		{"[   12.345678][  T123] ", ""},
		{"[   12.345678] [   C3] ", "\r"},
		{"<6>[12345.678901] ", ""},
		{"Nov 22 15:06:54 my.host-1 kernel: ", ""},
		{"Nov  2 15:06:54 myhost kernel[1]: [   12.345678] ", ""},
		{"2026-11-22T15:06:54+0000 my-host kernel: ", ""},
		{"2026-11-22T15:06:54.123456+01:00 my-host kernel: [   12.345678] ", ""},
		{"2026-11-22T15:06:54,123456+00:00 ", ""},
		{"[   12.345678] myhost kernel: ", ""},
		{"[Sun Nov 22 15:06:54 2026] ", ""},
		{"kern  :emerg : [   12.345678] ", ""},
		{"4,339,12345678,-,caller=T123;", ""},
		{"4,339,12345678,-;", ""},
		{"6.1.0-56-amd64,4,339,12345678,-,caller=C3;", ""},
		{"   31.636 [   12.345678] ", "\r"},
		{"\x1b[32m[   12.345678] \x1b[0m\x1b[33m", "\x1b[0m"},
		{"<11>[    4.946665] lifeboat: | [   12.345678] ", ""},
		{"kernel: ", ""},
	};
	static struct crash plain, other;

	for (size_t i = 0; i < n_samples; i++) {
		const struct sample *c = &samples[i];

		if (strcmp(c->name, "the-boot-after") == 0)
			continue;
		crash_of(c->log, strlen(c->log), &plain);
		for (size_t k = 0; k < ARRAY_SIZE(forms); k++) {
			_cleanup_free_ char *text = in_form(c->log, &forms[k]);

			crash_of(text, strlen(text), &other);
			if (!is_same(&plain, &other))
				fail_msg("%s/%s is another one behind \"%s\": %s, %zu frames",
					 c->file, c->name, forms[k].before, other.title,
					 other.n_frames);
			if (plain.cls && strstr(forms[k].before, "12.345678"))
				assert_int_equal(other.log_ns, 12345678000);
		}
	}
}

/* pstore has the log's end first. */
TEST(parts_of_pstore)
{
	static struct crash plain, other;

	for (size_t i = 0; i < n_samples; i++) {
		const char *log = samples[i].log;
		const char *middle = strchr(log + strlen(log) / 2, '\n');
		_cleanup_free_ char *text = malloc(strlen(log) + 256);

		if (!middle)
			continue;
		crash_of(log, strlen(log), &plain);
		sprintf(text,
			"Panic#2 Part1\n%sPanic#2 Part2\n%.*sOops#1 Part1\nkernel BUG at x:1!\n",
			middle + 1, (int)(middle + 1 - log), log);
		crash_of(text, strlen(text), &other);
		if (plain.cls)
			assert_true(is_same(&plain, &other));
	}
}

/* What a ring has: records of several lines, without prefixes, and bytes that dmesg would not print. */
TEST(records_of_a_ring)
{
	static const char record[] = "kernel BUG at a\xff\x01.c:1!\ninvalid opcode: 0000 [#1] SMP";
	static const char text[] = "[    1.000000] kernel BUG at a\\xff\\x01.c:1!\n"
				   "               invalid opcode: 0000 [#1] SMP\n"
				   "[    1.000001] RIP: 0010:f+0x1/0x2\n";
	static const char place[] = "RIP: 0010:f+0x1/0x2";
	static struct crash a, b;
	struct crash_log *log;

	assert_ok(crash_log_create(&log, err));
	crash_log_feed_record(log, 1000000000, 0, record, sizeof(record) - 1);
	crash_log_feed_record(log, 1000001000, 77, place, sizeof(place) - 1);
	assert_true(crash_log_finish(log, &a));
	crash_log_destroy(log);
	assert_true(crash_of(text, sizeof(text) - 1, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_string_equal(a.title, "kernel BUG at a??.c:1!");
	assert_int_equal(a.log_ns, 1000000000);
	assert_string_equal(a.frames[0].function, "f");
}

/* Lines of two CPUs among each other, told apart by who printed them. */
TEST(two_cpus_at_once)
{
	static const char text[] =
		"[    1.000001][   T11] BUG: kernel NULL pointer dereference, address: "
		"0000000000000001\n"
		"[    1.000002][   T22] general protection fault: 0000 [#1] SMP\n"
		"[    1.000003][   T11] Oops: 0000 [#2] SMP\n"
		"[    1.000004][   T22] CPU: 2 PID: 22 Comm: b Not tainted 6.1.0 #1\n"
		"[    1.000005][   T11] CPU: 1 PID: 11 Comm: a Not tainted 6.1.0 #1\n"
		"[    1.000006][   T11] RIP: 0010:first+0x1/0x2\n"
		"[    1.000007][   T22] RIP: 0010:second+0x1/0x2\n"
		"[    1.000008][   T22] Call Trace:\n"
		"[    1.000009][   T11] Call Trace:\n"
		"[    1.000010][   T22]  second_caller+0x1/0x2\n"
		"[    1.000011][   T11]  first_caller+0x1/0x2\n"
		"[    1.000012][   T33] lab: all is well here\n"
		"[    1.000013][   T11]  first_outer+0x1/0x2\n"
		"[    1.000014][   T22] ---[ end trace 0000000000000000 ]---\n"
		"[    1.000015][   T11] Kernel panic - not syncing: Fatal exception\n";
	static struct crash c;

	assert_true(crash_of(text, sizeof(text) - 1, &c));
	assert_int_equal(c.cls, CRASH_NULL_DEREF);
	assert_int_equal(c.pid, 11);
	assert_int_equal(c.cpu, 1);
	assert_int_equal(c.n_frames, 3);
	assert_string_equal(c.frames[0].function, "first");
	assert_string_equal(c.frames[1].function, "first_caller");
	assert_string_equal(c.frames[2].function, "first_outer");
}

/* Another CPU prints its stack when it is asked for it. */
TEST(the_stack_of_another_cpu)
{
	static const char text[] =
		"[    1.000001][    C0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n"
		"[    1.000002][    C0] Sending NMI from CPU 0 to CPUs 2:\n"
		"[    1.000003][    C2] NMI backtrace for cpu 2\n"
		"[    1.000004][    C2] CPU: 2 PID: 642 Comm: spin Not tainted 6.1.0 #1\n"
		"[    1.000005][    C2] RIP: 0010:spin+0x1/0x2\n"
		"[    1.000006][    C0] Kernel panic - not syncing: RCU Stall\n"
		"[    1.000007][    C0] CPU: 0 PID: 0 Comm: swapper/0 Not tainted 6.1.0 #1\n";
	static struct crash c;

	assert_true(crash_of(text, sizeof(text) - 1, &c));
	assert_int_equal(c.cls, CRASH_RCU_STALL);
	assert_int_equal(c.pid, 642);
	assert_int_equal(c.cpu, 2);
	assert_int_equal(c.n_frames, 1);
}

/* More oopses than are kept do not push out the one that ends it. */
TEST(many_before_it)
{
	size_t size = 1 << 20;
	_cleanup_free_ char *text = malloc(size);
	static struct crash c;
	char *at = text;

	for (int i = 0; i < 500; i++)
		at += sprintf(at,
			      "[%5d.000000] kernel BUG at x.c:%d!\n"
			      "[%5d.000000] invalid opcode: 0000 [#%d] SMP\n"
			      "[%5d.000000] RIP: 0010:f%d+0x1/0x2\n"
			      "[%5d.000000] ---[ end trace 0000000000000000 ]---\n",
			      100 * i, i, 100 * i, i + 1, 100 * i, i, 100 * i);
	sprintf(at, "[60000.000000] Kernel panic - not syncing: Fatal exception\n");
	assert_true(crash_of(text, strlen(text), &c));
	assert_string_equal(c.frames[0].function, "f499");
	assert_int_equal(c.earlier, 499);
}

/* A list of modules goes on in further records; a name that is cut is none. */
TEST(modules)
{
	struct crash_record_module list[CRASH_RECORD_MODULES];
	struct crash_log *log;
	char text[8192];
	static struct crash c;

	assert_ok(crash_log_create(&log, err));
	assert_ok(crash_log_feed_text(
		log, (struct bytes){(const uint8_t *)samples[0].log, strlen(samples[0].log)}, err));
	assert_true(crash_log_finish(log, &c));
	strcpy(text, crash_log_modules(log));
	assert_int_equal(crash_record_modules(text, list, ARRAY_SIZE(list)), 7);
	assert_string_equal(list[0].name, "lab_fault");
	assert_string_equal(list[0].taints, "OE");
	assert_string_equal(list[6].name, "net_failover");
	assert_string_equal(list[6].taints, "");
	crash_log_destroy(log);

	assert_ok(crash_log_create(&log, err));
	crash_log_feed(log, "kernel BUG at x.c:1!", 20);
	crash_log_feed(log, "Modules linked in: a(O) b", 25);
	crash_log_feed(log, " c-d(E) e", 9);
	crash_log_feed(log, "CPU: 1 PID: 2 Comm: x Not tainted 6.1 #1", 40);
	crash_log_feed(log, " f g", 4);
	assert_true(crash_log_finish(log, &c));
	assert_string_equal(crash_log_modules(log), "a(O) b c-d(E) e");
	crash_log_destroy(log);

	assert_ok(crash_log_create(&log, err));
	crash_log_feed(log, "Modules linked in: m0", 21);
	for (int i = 0; i < 2000; i++)
		crash_log_feed(log, text, (size_t)sprintf(text, " module_%04d", i));
	crash_log_feed(log, "kernel BUG at x.c:1!", 20);
	assert_true(crash_log_finish(log, &c));
	strcpy(text, crash_log_modules(log));
	assert_int_equal(crash_record_modules(text, list, ARRAY_SIZE(list)), ARRAY_SIZE(list));
	assert_string_equal(list[255].name, "module_0254");
	crash_log_destroy(log);
}

TEST(names_of_classes)
{
	for (int i = 0; i < CRASH_CLASSES; i++)
		assert_int_equal(crash_class_find(crash_class_name((enum crash_class)i)), i);
	assert_int_equal(crash_class_find("no such class"), CRASH_UNKNOWN);
	assert_string_equal(crash_class_name((enum crash_class)999), "unknown");
}

TEST(no_log)
{
	static struct crash c;

	assert_false(crash_of("", 0, &c));
	assert_int_equal(c.cls, CRASH_UNKNOWN);
	assert_int_equal(c.cpu, -1);
	assert_int_equal(c.pid, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sample),
		cmocka_unit_test(the_same_fault),
		cmocka_unit_test(any_form),
		cmocka_unit_test(parts_of_pstore),
		cmocka_unit_test(records_of_a_ring),
		cmocka_unit_test(two_cpus_at_once),
		cmocka_unit_test(the_stack_of_another_cpu),
		cmocka_unit_test(many_before_it),
		cmocka_unit_test(modules),
		cmocka_unit_test(names_of_classes),
		cmocka_unit_test(no_log),
	};

	return cmocka_run_group_tests(tests, read_all, NULL);
}
