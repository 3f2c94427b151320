// SPDX-License-Identifier: GPL-2.0-or-later
#include "crash/class.h"

#include <string.h>

#include "crash/line.h"

static const char *const names[CRASH_CLASSES] = {
	[CRASH_UNKNOWN] = "unknown",
	[CRASH_NULL_DEREF] = "null-deref",
	[CRASH_BAD_PAGE_FAULT] = "bad-page-fault",
	[CRASH_GPF] = "gpf",
	[CRASH_BUG] = "bug",
	[CRASH_DIVIDE] = "divide",
	[CRASH_DOUBLE_FAULT] = "double-fault",
	[CRASH_STACK_OVERFLOW] = "stack-overflow",
	[CRASH_KASAN] = "kasan",
	[CRASH_UBSAN] = "ubsan",
	[CRASH_SOFT_LOCKUP] = "soft-lockup",
	[CRASH_HARD_LOCKUP] = "hard-lockup",
	[CRASH_RCU_STALL] = "rcu-stall",
	[CRASH_HUNG_TASK] = "hung-task",
	[CRASH_OOM] = "oom",
	[CRASH_MCE] = "mce",
	[CRASH_NMI] = "nmi",
	[CRASH_SYSRQ] = "sysrq",
	[CRASH_PANIC] = "panic",
	[CRASH_INIT] = "init",
	[CRASH_NO_ROOT] = "no-root",
	[CRASH_WARN] = "warn",
	[CRASH_LIST] = "corruption",
};

const char *crash_class_name(enum crash_class cls)
{
	return (unsigned int)cls < CRASH_CLASSES ? names[cls] : names[CRASH_UNKNOWN];
}

enum crash_class crash_class_find(const char *name)
{
	for (int i = 0; i < CRASH_CLASSES; i++)
		if (strcmp(names[i], name) == 0)
			return (enum crash_class)i;
	return CRASH_UNKNOWN;
}

bool class_is_placeless(enum crash_class cls)
{
	return cls == CRASH_SYSRQ || cls == CRASH_OOM || cls == CRASH_MCE || cls == CRASH_NMI ||
	       cls == CRASH_INIT || cls == CRASH_NO_ROOT;
}

bool class_is_by_panic(enum crash_class cls)
{
	return cls == CRASH_PANIC || cls == CRASH_OOM || cls == CRASH_MCE || cls == CRASH_NMI ||
	       cls == CRASH_INIT || cls == CRASH_NO_ROOT;
}

/* ---- lines */

struct rule {
	const char *text;
	enum class_kind kind;
	enum crash_class cls;
};

/* Texts that a line begins with, behind its subsystem's name; the first that fits counts. */
static const struct rule starts[] = {
	{"BUG: kernel NULL pointer dereference", CLASS_DIE, CRASH_NULL_DEREF},
	{"BUG: unable to handle kernel NULL pointer dereference", CLASS_DIE, CRASH_NULL_DEREF},
	{"BUG: unable to handle ", CLASS_DIE, CRASH_BAD_PAGE_FAULT},
	{"Unable to handle kernel NULL pointer dereference", CLASS_DIE, CRASH_NULL_DEREF},
	{"Unable to handle kernel ", CLASS_DIE, CRASH_BAD_PAGE_FAULT},
	{"BUG: KASAN:", CLASS_REPORT, CRASH_KASAN},
	{"BUG: KFENCE:", CLASS_REPORT, CRASH_KASAN},
	{"BUG: KMSAN:", CLASS_REPORT, CRASH_KASAN},
	{"BUG: KCSAN:", CLASS_REPORT, CRASH_KASAN},
	{"UBSAN: ", CLASS_REPORT, CRASH_UBSAN},
	{"BUG: soft lockup", CLASS_REPORT, CRASH_SOFT_LOCKUP},
	{"BUG: workqueue lockup", CLASS_REPORT, CRASH_SOFT_LOCKUP},
	{"BUG: Bad page ", CLASS_REPORT, CRASH_LIST},
	{"BUG: Bad rss-counter", CLASS_REPORT, CRASH_LIST},
	{"BUG: ", CLASS_REPORT, CRASH_BUG},
	{"kernel BUG at ", CLASS_DIE, CRASH_BUG},
	{"PANIC: double fault", CLASS_DIE, CRASH_DOUBLE_FAULT},
	{"Insufficient stack space to handle exception", CLASS_REPORT, CRASH_STACK_OVERFLOW},
	{"list_add corruption", CLASS_BEFORE, CRASH_LIST},
	{"list_del corruption", CLASS_BEFORE, CRASH_LIST},
	{"list_add double add", CLASS_BEFORE, CRASH_LIST},
	{"refcount_t: ", CLASS_BEFORE, CRASH_LIST},
	{"usercopy: Kernel memory ", CLASS_BEFORE, CRASH_LIST},
	{"detected buffer overflow in ", CLASS_BEFORE, CRASH_LIST},
	{"CFI failure at ", CLASS_BEFORE, CRASH_LIST},
	{"CFI failure (target", CLASS_BEFORE, CRASH_LIST},
	{"Missing ENDBR", CLASS_BEFORE, CRASH_LIST},
	{"WARNING: ", CLASS_WARN, CRASH_WARN},
	{"Watchdog detected hard LOCKUP", CLASS_REPORT, CRASH_HARD_LOCKUP},
	{"SError Interrupt on CPU", CLASS_REPORT, CRASH_MCE},
	{"Uhhuh. NMI received", CLASS_REPORT, CRASH_NMI},
};

/* Texts that stand behind something that varies. */
static const struct rule middles[] = {
	{" stack guard page was hit at ", CLASS_DIE, CRASH_STACK_OVERFLOW},
	{" blocked for more than ", CLASS_REPORT, CRASH_HUNG_TASK},
	{" blocked in I/O wait for more than ", CLASS_REPORT, CRASH_HUNG_TASK},
	{" self-detected stall on CPU", CLASS_REPORT, CRASH_RCU_STALL},
	{" detected stalls on CPUs/tasks", CLASS_REPORT, CRASH_RCU_STALL},
	{" detected expedited stalls on CPUs/tasks", CLASS_REPORT, CRASH_RCU_STALL},
	{" invoked oom-killer: ", CLASS_ASIDE, CRASH_OOM},
	{": detected buffer overflow: ", CLASS_BEFORE, CRASH_LIST},
	{"Watchdog detected hard LOCKUP", CLASS_REPORT, CRASH_HARD_LOCKUP},
};

/* The texts of die() and of "Internal error: ": whatever ends in the "[#1]" of an oops. */
static const struct rule oopses[] = {
	{"general protection", CLASS_DIE, CRASH_GPF},
	{"invalid opcode", CLASS_DIE, CRASH_BUG},
	{"divide error", CLASS_DIE, CRASH_DIVIDE},
	{"double fault", CLASS_DIE, CRASH_DOUBLE_FAULT},
	{"kernel stack overflow", CLASS_DIE, CRASH_STACK_OVERFLOW},
	{"stack guard page", CLASS_DIE, CRASH_STACK_OVERFLOW},
	{"stack segment", CLASS_DIE, CRASH_GPF},
	{"segment not present", CLASS_DIE, CRASH_GPF},
	{"invalid TSS", CLASS_DIE, CRASH_GPF},
	{"alignment check", CLASS_DIE, CRASH_GPF},
	{"control protection", CLASS_DIE, CRASH_LIST},
	{"int3", CLASS_DIE, CRASH_BUG},
	{"bounds", CLASS_DIE, CRASH_BUG},
	{"overflow", CLASS_DIE, CRASH_BUG},
	{"coprocessor segment overrun", CLASS_DIE, CRASH_BUG},
	{"SIMD exception", CLASS_DIE, CRASH_BUG},
	{"math error", CLASS_DIE, CRASH_BUG},
	{"device not available", CLASS_DIE, CRASH_BUG},
	{"Oops - BUG", CLASS_DIE, CRASH_BUG},
	{"Oops - Undefined instruction", CLASS_DIE, CRASH_BUG},
	{"Oops - undefined instruction", CLASS_DIE, CRASH_BUG},
	{"Oops - CFI", CLASS_DIE, CRASH_LIST},
	{"Oops - BTI", CLASS_DIE, CRASH_LIST},
	{"Oops - FPAC", CLASS_DIE, CRASH_LIST},
	{"Oops - GCS", CLASS_DIE, CRASH_LIST},
	{"Oops - bad mode", CLASS_DIE, CRASH_BUG},
	{"Oops - ", CLASS_DIE, CRASH_BUG},
	{"synchronous external abort", CLASS_DIE, CRASH_MCE},
	{"synchronous parity", CLASS_DIE, CRASH_MCE},
	{"synchronous tag check fault", CLASS_DIE, CRASH_KASAN},
	{"SP/PC alignment", CLASS_DIE, CRASH_BAD_PAGE_FAULT},
	{"Oops", CLASS_DIE, CRASH_BAD_PAGE_FAULT},
	{"", CLASS_DIE, CRASH_BAD_PAGE_FAULT}, /* "Oops: 0000 [#1]"; "Internal error: …" */
};

/* pr_fmt() of those who say these things; some kernels have it and some do not. */
static const char *behind_subsystem(const char *text)
{
	static const char *const subsystems[] = {
		"NMI watchdog: ", "watchdog: ", "rcu: ", "traps: ", "hung_task: ", "kernel: "};

	for (size_t i = 0; i < ARRAY_SIZE(subsystems); i++) {
		const char *at = line_after(text, subsystems[i]);

		if (at)
			return at;
	}
	return text;
}

static bool is_counted(const char *text)
{
	const char *at = strstr(text, " [#");
	uint64_t n;

	return at && (at = line_decimal(at + 3, &n)) && *at == ']';
}

/* "Oops: general protection fault, …" since v6.12, "general protection fault: …" before, "Internal error: Oops: …" on arm64 */
static struct class_line of_oops(const char *text)
{
	struct class_line none = {0}, ret = {.kind = CLASS_DIE, .counted = true};
	const char *internal = line_after(text, "Internal error: ");
	const char *oops = line_after(text, "Oops: ");
	const char *at = internal ? internal : oops ? oops : text;

	for (size_t i = 0; i < ARRAY_SIZE(oopses); i++) {
		if (!line_after(at, oopses[i].text))
			continue;
		ret.cls = oopses[i].cls;
		/* somebody may print "…[#1]" for another reason */
		return *oopses[i].text || internal || oops ? ret : none;
	}
	return none;
}

static struct class_line of_rule(const struct rule *rule, const char *text)
{
	return (struct class_line){
		.kind = rule->kind, .cls = rule->cls, .counted = is_counted(text)};
}

struct class_line class_of_line(const char *text)
{
	static const char panic[] = "Kernel panic - not syncing";
	const char *at = behind_subsystem(text), *rest = line_after(at, panic);

	if (rest)
		return (struct class_line){
			.kind = CLASS_PANIC,
			.cls = CRASH_PANIC,
			.panic = rest + strspn(rest, ": "),
		};
	if (line_after(at, "BUG: ") && strstr(at, middles[0].text))
		return of_rule(&middles[0], at);
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (line_after(at, starts[i].text))
			return of_rule(&starts[i], at);
	if (is_counted(at))
		return of_oops(at);
	for (size_t i = 1; i < ARRAY_SIZE(middles); i++) {
		const char *found = strstr(at, middles[i].text);
		bool info = line_after(at, "INFO: ") || middles[i].cls != CRASH_HUNG_TASK;

		/* a program may write to /dev/kmsg what it likes, but behind its own name */
		if (found && info && !memchr(at, ']', (size_t)(found - at)))
			return of_rule(&middles[i], at);
	}
	return (struct class_line){0};
}

/* ---- panics */

#define OF(cls) (1U << (cls))

static const struct {
	const char *text; /* anywhere in it */
	struct class_panic means;
} panics[] = {
	{"sysrq triggered crash", {.cls = CRASH_SYSRQ}},
	{"panic_on_warn", {.cls = CRASH_WARN, .report = true}},
	{"warned too often", {.cls = CRASH_WARN, .report = true}},
	{"kasan.fault", {.cls = CRASH_KASAN, .cause = OF(CRASH_KASAN)}},
	{"kfence.fault", {.cls = CRASH_KASAN, .cause = OF(CRASH_KASAN)}},
	{"softlockup: ", {.cls = CRASH_SOFT_LOCKUP, .cause = OF(CRASH_SOFT_LOCKUP)}},
	{"ard LOCKUP", {.cls = CRASH_HARD_LOCKUP, .cause = OF(CRASH_HARD_LOCKUP)}},
	{"hung_task: ", {.cls = CRASH_HUNG_TASK, .cause = OF(CRASH_HUNG_TASK)}},
	{"RCU Stall", {.cls = CRASH_RCU_STALL, .cause = OF(CRASH_RCU_STALL)}},
	{"RCU stall", {.cls = CRASH_RCU_STALL, .cause = OF(CRASH_RCU_STALL)}},
	{"Attempted to kill init", {.cls = CRASH_INIT, .maybe_die = true}},
	{"Attempted to kill the idle task", {.cls = CRASH_PANIC, .die = true}},
	{"Aiee, killing interrupt handler", {.cls = CRASH_PANIC, .die = true}},
	{"Fatal exception", {.cls = CRASH_PANIC, .die = true}},
	{"ops_limit", {.cls = CRASH_PANIC, .die = true}},
	{"Machine halted", {.cls = CRASH_DOUBLE_FAULT, .die = true}},
	{"stack guard hit", {.cls = CRASH_STACK_OVERFLOW, .die = true}},
	{"kernel stack overflow", {.cls = CRASH_STACK_OVERFLOW, .cause = OF(CRASH_STACK_OVERFLOW)}},
	{"corrupted stack end", {.cls = CRASH_STACK_OVERFLOW}},
	{"stack-protector: ", {.cls = CRASH_LIST}},
	{"ut of memory", {.cls = CRASH_OOM}},
	{"deadlocked on memory", {.cls = CRASH_OOM}},
	{"Unable to mount root fs", {.cls = CRASH_NO_ROOT}},
	{"No working init found", {.cls = CRASH_NO_ROOT}},
	{"No init found", {.cls = CRASH_NO_ROOT}},
	{"Requested init ", {.cls = CRASH_NO_ROOT}},
	{"achine check", {.cls = CRASH_MCE}},
	{"Not all CPUs entered broadcast exception handler", {.cls = CRASH_MCE}},
	{"atal hardware error", {.cls = CRASH_MCE}},
	{"SError Interrupt", {.cls = CRASH_MCE, .cause = OF(CRASH_MCE)}},
	{"NMI", {.cls = CRASH_NMI}},
};

struct class_panic class_of_panic(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(panics); i++)
		if (strstr(text, panics[i].text))
			return panics[i].means;
	return (struct class_panic){.cls = CRASH_PANIC};
}
