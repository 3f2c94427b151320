// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of the second kernel: tokens as the kernel takes them, the plan, the CPUs. */
#include "arch/cmdline_rules.h"
#include "loader/check.h"
#include "loader/cmdline.h"
#include "loader/cmdline_plan.h"
#include "tests/unit/unit.h"

/* A policy that is easy to survey; the real ones are checked by rules_tables and real_lines. */
static const struct cmdline_rule policy[] = {
	{CMDLINE_DROP, "root", "no root"},           {CMDLINE_DROP, "rd.*", "no dracut"},
	{CMDLINE_DROP, "panic_on_warn", "warnings"}, {CMDLINE_ADD, "panic=10", "restart"},
	{CMDLINE_ADD, "irqpoll", "interrupts"},      {0},
};

#define POLICY_ADDS "+nr_cpus=1|+panic=10|+irqpoll"

/* = kept, ? kept but doubtful, - dropped, + added, ! added but doubtful; separated by | */
static void render(const struct cmdline_plan *plan, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < plan->n; i++) {
		const struct cmdline_token *t = &plan->v[i];
		char sign = t->verdict == CMDLINE_DROPPED ? '-'
			    : t->verdict == CMDLINE_KEPT  ? (t->doubtful ? '?' : '=')
							  : (t->doubtful ? '!' : '+');

		assert_true(t->why && *t->why);
		len += (size_t)snprintf(out + len, size - len, "%s%c%s", i ? "|" : "", sign,
					t->text);
		assert_true(len < size);
	}
}

/* The line's tokens are the kept and added ones, as the kernel sees it. */
static void check_line(const struct cmdline_plan *plan)
{
	const char *pos = plan->line;
	struct bytes token;

	for (size_t i = 0; i < plan->n; i++) {
		if (plan->v[i].verdict == CMDLINE_DROPPED)
			continue;
		assert_true(cmdline_next(&pos, &token));
		assert_int_equal(token.len, strlen(plan->v[i].text));
		assert_memory_equal(token.data, plan->v[i].text, token.len);
	}
	assert_false(cmdline_next(&pos, &token));
}

static void expect(const char *name, const struct cmdline_input *in, const char *want)
{
	struct cmdline_plan plan;
	struct err err = {0};
	char got[4096];

	if (cmdline_plan_init(&plan, in, &err))
		fail_msg("%s: %s", name, err.msg);
	render(&plan, got, sizeof(got));
	if (strcmp(got, want) != 0)
		fail_msg("%s:\n got %s\nwant %s", name, got, want);
	check_line(&plan);
	cmdline_plan_deinit(&plan);
}

struct golden {
	const char *name;
	const char *running, *uki, *command_line, *append;
	const char *want;
};

static void run(const struct golden *cases, size_t n, bool panic, const struct cmdline_rule *rules)
{
	for (size_t i = 0; i < n; i++) {
		const struct golden *c = &cases[i];
		const struct cmdline_input in = {
			.panic = panic,
			.running = c->running,
			.uki = c->uki,
			.command_line = c->command_line,
			.append = c->append,
			.rules = rules,
		};

		expect(c->name, &in, c->want);
	}
}

/* For an ordinary kernel only what cannot be true goes; crashkernel= is what arms the next one. */
TEST(ordinary)
{
	static const struct golden cases[] = {
		{.name = "nothing", .want = ""},
		{.name = "empty texts", .running = " \t\n", .append = "", .want = ""},
		{.name = "reuse",
		 .running = "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro crashkernel=128M quiet\n",
		 .want = "-BOOT_IMAGE=/vmlinuz|=root=/dev/vda1|=ro|=crashkernel=128M|=quiet"},
		{.name = "reuse of a boot stub's",
		 .running = "initrd=\\EFI\\a.img initrd=\\b.img rw",
		 .want = "-initrd=\\EFI\\a.img|-initrd=\\b.img|=rw"},
		{.name = "out of a capture kernel",
		 .running = "elfcorehdr=0x7f000000 dmcryptkeys=0x1000 console=ttyS0",
		 .want = "-elfcorehdr=0x7f000000|-dmcryptkeys=0x1000|=console=ttyS0"},
		{.name = "command-line only", .command_line = "a  b\tc", .want = "=a|=b|=c"},
		{.name = "append only", .append = "single", .want = "=single"},
		{.name = "all in order",
		 .running = "a",
		 .command_line = "b",
		 .append = "c",
		 .want = "=a|=b|=c"},
		{.name = "the user's own BOOT_IMAGE stays",
		 .command_line = "BOOT_IMAGE=x",
		 .want = "?BOOT_IMAGE=x"},
		{.name = "the user's elfcorehdr is possible here",
		 .append = "elfcorehdr=0x1000",
		 .want = "?elfcorehdr=0x1000"},
		{.name = "UKI", .uki = "root=x quiet\n", .want = "=root=x|=quiet"},
		{.name = "UKI and append", .uki = "a", .append = "b", .want = "=a|=b"},
		{.name = "UKI and command-line",
		 .uki = "a b",
		 .command_line = "c",
		 .want = "-a|-b|=c"},
		{.name = "UKI and an empty command-line",
		 .uki = "a",
		 .command_line = "",
		 .want = "-a"},
		{.name = "UKI and reuse", .uki = "a", .running = "b", .want = "-a|=b"},
		{.name = "a quote of a UKI that is not used",
		 .uki = "a=\"b",
		 .command_line = "c",
		 .want = "-a=\"b|=c"},
		{.name = "same words twice stay twice",
		 .running = "a a",
		 .append = "a",
		 .want = "=a|=a|=a"},
	};

	/* rules are for panic kernels */
	run(cases, ARRAY_SIZE(cases), false, NULL);
	run(cases, ARRAY_SIZE(cases), false, policy);
}

/* A panic kernel, as `kexec` has it: no policy, but no crashkernel= either. */
TEST(panic_without_rules)
{
	static const struct golden cases[] = {
		{.name = "second crashkernel=, which kexec-tools kept before 39ba2bd",
		 .running = "crashkernel=1G,high a crashkernel=72M,low b",
		 .want = "-crashkernel=1G,high|=a|-crashkernel=72M,low|=b"},
		{.name = "first and last",
		 .running = "crashkernel=1M crashkernel=2M",
		 .want = "-crashkernel=1M|-crashkernel=2M"},
		{.name = "no match in the middle of a word",
		 .running = "xcrashkernel=1M my.crashkernel=2M crashkernels=3M crashkernel.x=1",
		 .want = "=xcrashkernel=1M|=my.crashkernel=2M|=crashkernels=3M|=crashkernel.x=1"},
		{.name = "no match within a value",
		 .running = "a=crashkernel=1M dyndbg=\"x crashkernel=1M y\" b,crashkernel=1",
		 .want = "=a=crashkernel=1M|=dyndbg=\"x crashkernel=1M y\"|=b,crashkernel=1"},
		{.name = "quoted as a whole",
		 .running = "\"crashkernel=1 2\" a",
		 .want = "-\"crashkernel=1 2\"|=a"},
		{.name = "quoted value",
		 .running = "crashkernel=\"1G-:64M 2\" a",
		 .want = "-crashkernel=\"1G-:64M 2\"|=a"},
		{.name = "quotes that are part of the name",
		 .running = "crash\"kernel\"=1 crashkernel\"=1 2\"",
		 .want = "=crash\"kernel\"=1|=crashkernel\"=1 2\""},
		{.name = "quotes in the middle of a value",
		 .running = "a=b\"c d\"e f",
		 .want = "=a=b\"c d\"e|=f"},
		{.name = "capitals are other letters",
		 .running = "CrashKernel=1",
		 .want = "=CrashKernel=1"},
		{.name = "an explicit one stays, with a warning",
		 .running = "crashkernel=1M",
		 .append = "crashkernel=2M",
		 .want = "-crashkernel=1M|?crashkernel=2M"},
		{.name = "a UKI's goes like the running kernel's",
		 .uki = "crashkernel=1M a",
		 .want = "-crashkernel=1M|=a"},
		{.name = "a UTF-8 letter that ends in 0xa0",
		 .running = "name=\xc3\xa0x \"n=\xc3\xa0x\"",
		 .want = "=name=\xc3|=x|=\"n=\xc3\xa0x\""},
	};

	run(cases, ARRAY_SIZE(cases), true, NULL);
}

TEST(panic_with_rules)
{
	static const struct golden cases[] = {
		{.name = "rules alone", .want = POLICY_ADDS},
		{.name = "drops by name",
		 .running = "root=/dev/vda1 panic_on_warn console=tty0",
		 .want = "-root=/dev/vda1|-panic_on_warn|=console=tty0|" POLICY_ADDS},
		{.name = "- and _ are equal",
		 .running = "panic-on_warn=1 nr-cpus=4",
		 .want = "-panic-on_warn=1|-nr-cpus=4|" POLICY_ADDS},
		{.name = "drops by prefix",
		 .running = "rd.lvm.lv=a rd.x rd rdloaddriver=y ard.z",
		 .want = "-rd.lvm.lv=a|-rd.x|=rd|=rdloaddriver=y|=ard.z|" POLICY_ADDS},
		{.name = "no prefix without a star",
		 .running = "rootfs=x roo panic_on_warning",
		 .want = "=rootfs=x|=roo|=panic_on_warning|" POLICY_ADDS},
		{.name = "a rule replaces the running kernel's value",
		 .running = "panic=30 a",
		 .want = "-panic=30|=a|" POLICY_ADDS},
		{.name = "the same value is not said twice",
		 .running = "panic=10 irqpoll",
		 .want = "=panic=10|=irqpoll|+nr_cpus=1"},
		{.name = "the user's value wins over a rule",
		 .append = "panic=1",
		 .want = "=panic=1|+nr_cpus=1|-panic=10|+irqpoll"},
		{.name = "... in quotes, with other dashes",
		 .command_line = "\"panic=1\" nr-cpus=3",
		 .want = "=\"panic=1\"|=nr-cpus=3|-nr_cpus=1|-panic=10|+irqpoll"},
		{.name = "... and without a value",
		 .command_line = "panic",
		 .want = "=panic|+nr_cpus=1|-panic=10|+irqpoll"},
		{.name = "... and over the running kernel's",
		 .running = "panic=30 nr_cpus=64",
		 .append = "panic=1",
		 .want = "-panic=30|-nr_cpus=64|=panic=1|+nr_cpus=1|-panic=10|+irqpoll"},
		{.name = "a longer name is another parameter",
		 .append = "panic_print=1 irqpolls",
		 .want = "=panic_print=1|=irqpolls|" POLICY_ADDS},
		{.name = "what the user wants against a rule",
		 .append = "root=/dev/sda rd.break",
		 .want = "?root=/dev/sda|?rd.break|" POLICY_ADDS},
		{.name = "a UKI's line is judged",
		 .uki = "root=x a",
		 .want = "-root=x|=a|" POLICY_ADDS},
		{.name = "a UKI that is not used does not count as the user",
		 .uki = "panic=1",
		 .command_line = "a",
		 .want = "-panic=1|=a|" POLICY_ADDS},
	};

	run(cases, ARRAY_SIZE(cases), true, policy);
}

/* What stands behind -- is init's: in its order, behind all parameters, never judged. */
TEST(init_words)
{
	static const struct golden cases[] = {
		{.name = "rules come in front",
		 .running = "a -- single root=x",
		 .want = "=a|" POLICY_ADDS "|=--|=single|=root=x"},
		{.name = "appended parameters too",
		 .running = "a -- b",
		 .append = "c",
		 .want = "=a|=c|" POLICY_ADDS "|=--|=b"},
		{.name = "init's words of two texts",
		 .running = "a -- b",
		 .append = "c -- d e",
		 .want = "=a|=c|" POLICY_ADDS "|=--|=b|---|=d|=e"},
		{.name = "a second -- of one text is a word",
		 .append = "-- a -- b",
		 .want = POLICY_ADDS "|=--|=a|=--|=b"},
		{.name = "a quoted -- is one",
		 .append = "\"--\" root=x",
		 .want = POLICY_ADDS "|=\"--\"|=root=x"},
		{.name = "others are not",
		 .append = "--x -- a",
		 .command_line = "--=y -",
		 .want = "=--=y|=-|=--x|" POLICY_ADDS "|=--|=a"},
		{.name = "not a parameter for the rules",
		 .append = "-- panic=1 nr_cpus=8",
		 .want = POLICY_ADDS "|=--|=panic=1|=nr_cpus=8"},
		{.name = "nothing behind it", .running = "a --", .want = "=a|" POLICY_ADDS "|=--"},
		{.name = "init's elfcorehdr=",
		 .append = "-- elfcorehdr=1",
		 .want = POLICY_ADDS "|=--|=elfcorehdr=1"},
	};

	run(cases, ARRAY_SIZE(cases), true, policy);
}

TEST(errors)
{
	static const struct {
		struct cmdline_input in;
		int code;
		const char *says;
	} cases[] = {
		{{.append = "a b=\"c d"}, ERR_USAGE, "--append: the quote in column 5"},
		{{.command_line = "\""}, ERR_USAGE, "--command-line: the quote in column 1"},
		{{.command_line = "a=\"b\" c\"d"}, ERR_USAGE, "column 8"},
		{{.running = "x \"y"}, ERR_CORRUPT, "the running kernel: the quote in column 3"},
		{{.uki = "x \"y", .append = "z"}, ERR_CORRUPT, "the UKI"},
		{{.append = "-- \"y"}, ERR_USAGE, "column 4"},
		{{.panic = true, .append = "a elfcorehdr=0x1000"}, ERR_USAGE, "elfcorehdr=0x1000"},
		{{.panic = true, .command_line = "\"elfcorehdr=1 2\" --"},
		 ERR_USAGE,
		 "leave it out"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cmdline_plan plan = {.n = 7};

		assert_fails(cmdline_plan_init(&plan, &cases[i].in, err), cases[i].code,
			     cases[i].says);
		assert_int_equal(plan.n, 7);
	}
}

/* --no-rule: neither added nor taken over; but the user's own words stay. */
TEST(removed)
{
	static const struct {
		const char *name, *remove[2];
		size_t n;
		const char *running, *append, *want;
	} cases[] = {
		{"a rule", {"panic"}, 1, NULL, NULL, "+nr_cpus=1|-panic=10|+irqpoll"},
		{"what the machine decides",
		 {"nr_cpus"},
		 1,
		 "a",
		 NULL,
		 "=a|-nr_cpus=1|+panic=10|+irqpoll"},
		{"a word", {"quiet"}, 1, "quiet a", NULL, "-quiet|=a|" POLICY_ADDS},
		{"both", {"panic"}, 1, "panic=5", NULL, "-panic=5|+nr_cpus=1|-panic=10|+irqpoll"},
		{"all that begin so",
		 {"foo*", "irqpoll"},
		 2,
		 "foo foobar=1 fo irqpoll",
		 NULL,
		 "-foo|-foobar=1|=fo|-irqpoll|+nr_cpus=1|+panic=10|-irqpoll"},
		{"one of two",
		 {"console=tty0"},
		 1,
		 "console=tty0 console=ttyS0",
		 NULL,
		 "-console=tty0|=console=ttyS0|" POLICY_ADDS},
		{"the rule's value alone",
		 {"panic=10"},
		 1,
		 "panic=5",
		 NULL,
		 "=panic=5|+nr_cpus=1|-panic=10|+irqpoll"},
		{"the user's",
		 {"quiet", "panic"},
		 2,
		 "quiet panic=1",
		 "quiet panic=2",
		 "-quiet|-panic=1|=quiet|=panic=2|+nr_cpus=1|-panic=10|+irqpoll"},
		{"what is not there", {"x", ""}, 2, "a", NULL, "=a|" POLICY_ADDS},
		{"init's", {"x"}, 1, "x -- x", NULL, "-x|" POLICY_ADDS "|=--|=x"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct cmdline_input in = {
			.panic = true,
			.running = cases[i].running,
			.append = cases[i].append,
			.rules = policy,
			.remove = cases[i].remove,
			.n_remove = cases[i].n,
		};

		expect(cases[i].name, &in, cases[i].want);
	}
	expect("an ordinary kernel",
	       &(struct cmdline_input){
		       .running = "a b", .remove = (const char *[]){"b"}, .n_remove = 1},
	       "=a|-b");
}

TEST(reasons_of_removal)
{
	static const char *const names[] = {"quiet", "panic"};
	const struct cmdline_input in = {
		.panic = true,
		.running = "quiet",
		.rules = policy,
		.remove = names,
		.n_remove = ARRAY_SIZE(names),
	};
	struct cmdline_plan plan;

	assert_ok(cmdline_plan_init(&plan, &in, err));
	assert_string_equal(plan.v[0].why, "left out at the user's wish (quiet)");
	assert_int_equal(plan.v[0].origin, CMDLINE_FROM_RUNNING);
	assert_string_equal(plan.v[2].why, "left out at the user's wish (panic)");
	assert_int_equal(plan.v[2].origin, CMDLINE_FROM_RULE);
	assert_string_equal(plan.line, "nr_cpus=1 irqpoll");
	cmdline_plan_deinit(&plan);
}

/* Reasons name what decided. */
TEST(reasons)
{
	static const struct {
		const char *text;
		enum cmdline_origin origin;
		const char *why;
	} want[] = {
		{"root=a", CMDLINE_FROM_RUNNING, "no root"},
		{"quiet", CMDLINE_FROM_RUNNING, "no rule"},
		{"irqpoll", CMDLINE_FROM_RUNNING, "a rule wants it: interrupts"},
		{"panic=5", CMDLINE_FROM_COMMAND_LINE, "given by --command-line"},
		{"root=b", CMDLINE_FROM_APPEND, "given by --append, so it stays"},
		{"nr_cpus=1", CMDLINE_FROM_RULE, "one CPU"},
		{"panic=10", CMDLINE_FROM_RULE, "--command-line has panic=5"},
	};
	const struct cmdline_input in = {
		.panic = true,
		.running = "root=a quiet irqpoll",
		.command_line = "panic=5",
		.append = "root=b",
		.rules = policy,
	};
	struct cmdline_plan plan;

	assert_ok(cmdline_plan_init(&plan, &in, err));
	assert_int_equal(plan.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < plan.n; i++) {
		assert_string_equal(plan.v[i].text, want[i].text);
		assert_int_equal(plan.v[i].origin, want[i].origin);
		if (!strstr(plan.v[i].why, want[i].why))
			fail_msg("%s: \"%s\" lacks \"%s\"", want[i].text, plan.v[i].why,
				 want[i].why);
	}
	assert_string_equal(plan.line, "quiet irqpoll panic=5 root=b nr_cpus=1");
	assert_non_null(strstr(plan.v[4].why, "no root"));
	assert_string_equal(cmdline_origin_name(plan.v[3].origin), "command-line");
	assert_string_equal(cmdline_verdict_name(plan.v[5].verdict), "added");
	cmdline_plan_deinit(&plan);
	assert_null(plan.v);
}

#define MIB ((uint64_t)1024 * 1024)

TEST(cpus_decided)
{
	static const struct {
		struct cmdline_cpus in;
		unsigned int want;
		const char *why;
	} cases[] = {
		{{0}, 1, "not known here"},
		{{.present = 64, .reserved = 1024 * MIB}, 1, "not known here"},
		{{.wanted = 6}, 6, "asked for"},
		{{.wanted = 1, .several = true, .present = 8, .reserved = 1024 * MIB},
		 1,
		 "asked for"},
		{{.several = true, .present = 64, .reserved = 1024 * MIB}, 8, "parallel"},
		{{.several = true, .present = 3, .reserved = 1024 * MIB}, 3, "parallel"},
		{{.several = true, .present = 1, .reserved = 1024 * MIB}, 1, "no others"},
		{{.several = true, .reserved = 1024 * MIB}, 1, "no others"},
		{{.several = true, .present = 64, .reserved = 320 * MIB}, 5, "parallel"},
		{{.several = true, .present = 64, .reserved = 272 * MIB}, 2, "parallel"},
		{{.several = true, .present = 64, .reserved = 272 * MIB - 1}, 1, "memory"},
		{{.several = true, .present = 64}, 1, "memory"},
		{{.several = true, .present = 64, .reserved = UINT64_MAX}, 8, "parallel"},
		{{.several = true, .apic = true, .present = 4, .reserved = 512 * MIB}, 1, "reset"},
		{{.several = true,
		  .apic = true,
		  .bsp_known = true,
		  .present = 4,
		  .reserved = 512 * MIB},
		 4,
		 "parallel"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = "";

		if (cmdline_cpus_decide(&cases[i].in, &why) != cases[i].want ||
		    !strstr(why, cases[i].why))
			fail_msg("case %zu: %u, %s", i, cmdline_cpus_decide(&cases[i].in, &why),
				 why);
	}
}

/* The CPU that booted the machine is left out as soon as there is more than one. */
TEST(cpus_planned)
{
	static const struct {
		struct cmdline_cpus cpus;
		const char *append;
		const char *want;
	} cases[] = {
		{{.wanted = 4, .apic = true, .bsp_known = true, .bsp_apicid = 16},
		 NULL,
		 "+nr_cpus=4|+disable_cpu_apicid=16|+panic=10|+irqpoll"},
		{{.wanted = 1, .apic = true, .bsp_known = true}, NULL, POLICY_ADDS},
		{{.apic = true, .bsp_known = true}, NULL, POLICY_ADDS},
		{{.wanted = 4}, NULL, "+nr_cpus=4|+panic=10|+irqpoll"},
		{{.wanted = 4, .apic = true}, NULL, "!nr_cpus=4|+panic=10|+irqpoll"},
		{{.apic = true, .bsp_known = true},
		 "nr_cpus=2",
		 "=nr_cpus=2|-nr_cpus=1|+disable_cpu_apicid=0|+panic=10|+irqpoll"},
		{{.wanted = 8, .apic = true, .bsp_known = true},
		 "nr_cpus=1",
		 "=nr_cpus=1|-nr_cpus=8|+panic=10|+irqpoll"},
		{{.wanted = 2, .apic = true, .bsp_known = true},
		 "disable_cpu_apicid=7",
		 "=disable_cpu_apicid=7|+nr_cpus=2|-disable_cpu_apicid=0|+panic=10|+irqpoll"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct cmdline_input in = {
			.panic = true,
			.append = cases[i].append,
			.rules = policy,
			.cpus = cases[i].cpus,
		};

		expect(cases[i].want, &in, cases[i].want);
	}
}

TEST(cpuinfo)
{
	static const struct {
		const char *text;
		bool known;
		uint32_t want;
	} cases[] = {
		{"processor\t: 0\nvendor_id\t: x\napicid\t\t: 3\ninitial apicid\t: 2\n", true, 2},
		{"processor\t: 1\ninitial apicid\t: 5\n\nprocessor\t: 0\ninitial apicid\t: 4", true,
		 4},
		{"processor\t: 0\nflags\t: x\n\nprocessor\t: 1\ninitial apicid\t: 5\n", false, 0},
		{"processor\t: 0\ninitial apicid\t: 4294967295\n", true, UINT32_MAX},
		{"processor\t: 0\ninitial apicid\t: 4294967296\n", false, 0},
		{"processor\t: 0\ninitial apicid\t: \n", false, 0},
		{"processor\t: 0\ninitial apicid\t: 12345678901234567890\n", false, 0},
		{"processor\t: 0\ninitial apicidx: 1\n", false, 0},
		{"processor\t: x\ninitial apicid\t: 1\n", false, 0},
		{"initial apicid\t: 1\n", false, 0},
		{"", false, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t id = 77;

		if (cmdline_cpus_bsp(cases[i].text, &id) != cases[i].known ||
		    id != (cases[i].known ? cases[i].want : 77))
			fail_msg("case %zu: %u", i, id);
	}
}

TEST(split)
{
	static const struct {
		const char *token, *name, *value;
	} cases[] = {
		{"a", "a", NULL},
		{"a=", "a", ""},
		{"a=b=c", "a", "b=c"},
		{"a=\"b c\"", "a", "b c"},
		{"\"a=b c\"", "a", "b c"},
		{"\"a b\"", "a b", NULL},
		{"\"a b=c d\"", "a b", "c d"},
		{"=a", "=a", NULL},
		{"=a=b", "=a", "b"},
		{"\"\"", "", NULL},
		{"\"", "", NULL},
		{"a=\"", "a", ""},
		{"\"a=\"", "a", ""},
		{"a\"=b\"", "a\"", "b\""},
		{"a=b\"c\"", "a", "b\"c\""},
		{"\"a=\"b", "a", "b"},
		{"\"a\"=\"b\"", "a\"", "b"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bytes token = {(const uint8_t *)cases[i].token, strlen(cases[i].token)};
		struct bytes name, value;

		cmdline_split(token, &name, &value);
		if (name.len != strlen(cases[i].name) ||
		    memcmp(name.data, cases[i].name, name.len) != 0 ||
		    !value.data != !cases[i].value ||
		    (value.data && (value.len != strlen(cases[i].value) ||
				    memcmp(value.data, cases[i].value, value.len) != 0)))
			fail_msg("%s: '%.*s' '%.*s'", cases[i].token, (int)name.len, name.data,
				 (int)value.len, value.data ? (const char *)value.data : "");
	}
}

static void check_table(const struct cmdline_rule *table)
{
	for (const struct cmdline_rule *r = table; r->text; r++) {
		const char *pos = r->text;
		struct bytes token, name, value;

		assert_true(r->why && strlen(r->why) > 10 && r->why[strlen(r->why) - 1] != '.');
		assert_true(cmdline_next(&pos, &token) && !*pos);
		assert_int_equal(token.len, strlen(r->text));
		assert_int_equal(cmdline_open_quote(r->text), 0);
		cmdline_split(token, &name, &value);
		/* a name to be dropped has no value, and only one rule speaks of a parameter */
		assert_false(r->action == CMDLINE_DROP && value.data);
		for (const struct cmdline_rule *other = table; other < r; other++) {
			struct bytes other_name;

			token = (struct bytes){(const uint8_t *)other->text, strlen(other->text)};
			cmdline_split(token, &other_name, &value);
			if (cmdline_same_name(name, other_name))
				fail_msg("two rules for %s", r->text);
		}
	}
}

TEST(rules_tables)
{
	check_table(x86_64_cmdline_rules);
	check_table(arm64_cmdline_rules);
}

/* Lines of real machines through the real tables. */
TEST(real_lines)
{
	static const struct {
		const struct cmdline_rule *rules;
		const char *running, *want;
	} cases[] = {
		{x86_64_cmdline_rules,
		 "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.9 root=UUID=1234 ro rootflags=subvol=root "
		 "rd.luks.uuid=luks-1 crashkernel=1G-4G:192M,4G-64G:256M rhgb quiet "
		 "intel_iommu=on hugepagesz=1G hugepages=64 console=tty0 console=ttyS0,115200n8 "
		 "oops=panic resume=/dev/sda2 mem=64G systemd.unit=rescue.target",
		 "rhgb intel_iommu=on console=tty0 console=ttyS0,115200n8 nr_cpus=1 panic=10 "
		 "reset_devices cgroup_disable=memory cgroup.memory=nokmem "
		 "initcall_blacklist=tracer_init_tracefs rootfstype=ramfs cma=0 "
		 "kfence.sample_interval=0 "
		 "init_on_alloc=0 loglevel=6 novmcoredd acpi_no_memhotplug hest_disable "
		 "cryptomgr.notests irqpoll numa=off"},
		{arm64_cmdline_rules,
		 "BOOT_IMAGE=/boot/vmlinuz root=LABEL=cloudimg-rootfs ro console=ttyAMA0 "
		 "crashkernel=1G cma=64M nvme_core.io_timeout=4294967295",
		 "console=ttyAMA0 nvme_core.io_timeout=4294967295 nr_cpus=1 panic=10 "
		 "reset_devices cgroup_disable=memory cgroup.memory=nokmem "
		 "initcall_blacklist=tracer_init_tracefs rootfstype=ramfs cma=0 "
		 "kfence.sample_interval=0 "
		 "init_on_alloc=0 loglevel=6 novmcoredd acpi_no_memhotplug hest_disable "
		 "cryptomgr.notests"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct cmdline_input in = {
			.panic = true,
			.running = cases[i].running,
			.rules = cases[i].rules,
		};
		struct cmdline_plan plan;

		assert_ok(cmdline_plan_init(&plan, &in, err));
		assert_string_equal(plan.line, cases[i].want);
		check_line(&plan);
		cmdline_plan_deinit(&plan);
	}
}

/* What the kernel adds up comes from everybody, once. */
TEST(added_up)
{
	static const struct cmdline_rule rules[] = {
		{CMDLINE_ADD_TOO, "initcall_blacklist=tracefs", "memory"},
		{0},
	};
	static const char *const remove[] = {"initcall_blacklist=tracefs"};
	struct cmdline_input in = {.panic = true, .rules = rules};

	expect("alone", &in, "+nr_cpus=1|+initcall_blacklist=tracefs");
	in.running = "initcall_blacklist=bad_driver";
	in.append = "initcall_blacklist=worse_driver";
	expect("three", &in,
	       "=initcall_blacklist=bad_driver|=initcall_blacklist=worse_driver|+nr_cpus=1|"
	       "+initcall_blacklist=tracefs");
	in.append = "initcall_blacklist=tracefs";
	expect("the user has it", &in,
	       "=initcall_blacklist=bad_driver|=initcall_blacklist=tracefs|+nr_cpus=1");
	in.append = NULL;
	in.remove = remove;
	in.n_remove = 1;
	expect("--no-rule", &in,
	       "=initcall_blacklist=bad_driver|+nr_cpus=1|-initcall_blacklist=tracefs");
}

/* What the initramfs is unpacked to is no business of ours where the user mounts a root of their own. */
TEST(users_root)
{
	static const struct cmdline_rule rules[] = {
		{CMDLINE_DROP, "root", "the initramfs is all there is"},
		{CMDLINE_ADD_ROOT, "rootfstype=ramfs", "all of the memory"},
		{0},
	};
	struct cmdline_input in = {.panic = true, .rules = rules};

	in.running = "root=/dev/sda1 rootfstype=ext4";
	expect("the system's root", &in,
	       "-root=/dev/sda1|-rootfstype=ext4|+nr_cpus=1|+rootfstype=ramfs");
	in.append = "rootfstype=tmpfs";
	expect("the user's type", &in,
	       "-root=/dev/sda1|-rootfstype=ext4|=rootfstype=tmpfs|+nr_cpus=1|-rootfstype=ramfs");
	in.running = NULL;
	in.append = "root=/dev/sda1";
	expect("the user's root", &in, "?root=/dev/sda1|+nr_cpus=1|-rootfstype=ramfs");
}

/* There is no table that can fill up. */
TEST(many_tokens)
{
	enum { N = 5000 };
	_cleanup_free_ char *text = malloc(N * 3 + 1);
	struct cmdline_plan plan;
	struct cmdline_input in = {.panic = true, .append = text, .rules = policy};

	assert_non_null(text);
	for (size_t i = 0; i < N; i++)
		memcpy(text + i * 3, "ab ", 4);
	assert_ok(cmdline_plan_init(&plan, &in, err));
	assert_int_equal(plan.n, N + 3);
	check_line(&plan);
	cmdline_plan_deinit(&plan);
}

TEST(no_elfcorehdr)
{
	assert_ok(check_no_elfcorehdr("a noelfcorehdr=1 x=elfcorehdr=2 -- elfcorehdr=3", err));
	assert_fails(check_no_elfcorehdr("a elfcorehdr=2 --", err), ERR_USAGE, "elfcorehdr=2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary),         cmocka_unit_test(panic_without_rules),
		cmocka_unit_test(panic_with_rules), cmocka_unit_test(init_words),
		cmocka_unit_test(removed),          cmocka_unit_test(reasons_of_removal),
		cmocka_unit_test(errors),           cmocka_unit_test(reasons),
		cmocka_unit_test(cpus_decided),     cmocka_unit_test(cpus_planned),
		cmocka_unit_test(cpuinfo),          cmocka_unit_test(split),
		cmocka_unit_test(rules_tables),     cmocka_unit_test(real_lines),
		cmocka_unit_test(many_tokens),      cmocka_unit_test(added_up),
		cmocka_unit_test(users_root),       cmocka_unit_test(no_elfcorehdr),
	};

	return cmocka_run_group_tests_name("cmdline_plan", tests, NULL, NULL);
}
