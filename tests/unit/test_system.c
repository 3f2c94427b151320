// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/system.h"
#include "tests/unit/task_fixture.h"

#define TYPES FAKE_TYPES_BASIC FAKE_TYPES_SCHED FAKE_TYPES_TASK FAKE_TYPES_SYSTEM

#define SECOND 1000000000ULL

enum { TK_SHIFT = 28, TK_NSEC = 32, TK_BASE = 40, TK_REAL = 72, TK_BOOT = 80 };
enum { R_START = 0, R_END = 8, R_NAME = 16, R_PARENT = 40, R_SIBLING = 48, R_CHILD = 56 };

static struct system_info *read_info(struct tasks *t, const char *types)
{
	struct system_info *info = NULL;

	world_open(&t->w, types);
	assert_ok(system_info_create(t->w.k, &info, err));
	return info;
}

/* A struct timekeeper: 100.5 s of the monotonic clock, 20 s of suspend, booted in 2023. */
static void put_clocks(struct tasks *t, uint64_t at)
{
	put64(&t->w, at + TK_BASE, 100 * SECOND);
	put32(&t->w, at + TK_SHIFT, 8);
	put64(&t->w, at + TK_NSEC, (SECOND / 2) << 8);
	put64(&t->w, at + TK_REAL, 1700000020 * SECOND + SECOND / 4);
	put64(&t->w, at + TK_BOOT, 20 * SECOND);
}

static void assert_times(struct tasks *t, const char *types, uint64_t up, uint64_t real)
{
	struct system_info *info = read_info(t, types);

	assert_int_equal(info->uptime_ns, up);
	assert_int_equal(info->realtime_ns, real);
	assert_int_equal(info->boot_time, real ? 1700000000 : 0);
	system_info_destroy(info);
}

#define REAL (1700000120 * SECOND + 3 * SECOND / 4)

TEST(time_of_the_timekeeper)
{
	struct system_info *info;
	struct tasks t;
	uint64_t core;

	tasks_init(&t);
	core = world_variable(&t.w, "tk_core", 300);
	put_clocks(&t, core + 8);
	assert_times(&t, TYPES FAKE_TYPES_TK_CORE, 120 * SECOND + SECOND / 2, REAL);
	/* v6.13 has given it a name */
	put_clocks(&t, core + 16);
	assert_times(&t, TYPES FAKE_TYPES_TK_DATA, 120 * SECOND + SECOND / 2, REAL);
	/* v6.17 has several */
	fake_unset(&t.w.f, "SYMBOL(tk_core)");
	world_symbol(&t.w, "timekeeper_data", core);
	assert_times(&t, TYPES FAKE_TYPES_TK_DATA, 120 * SECOND + SECOND / 2, REAL);
	/* no type tells where in tk_core it is */
	assert_times(&t, TYPES, 1002, 0);
	assert_gap(&t.w, "tk_core");
	put_clocks(&t, world_variable(&t.w, "shadow_timekeeper", 128));
	assert_times(&t, TYPES, 120 * SECOND + SECOND / 2, REAL);
	/* shifts and clocks that cannot be */
	core = world_variable(&t.w, "shadow_timekeeper", 128);
	put_clocks(&t, core);
	put32(&t.w, core + TK_SHIFT, 64);
	assert_times(&t, TYPES, 1002, 0);
	assert_gap(&t.w, "tkr_mono.shift is 64");
	put_clocks(&t, core);
	put64(&t.w, core + TK_REAL, UINT64_MAX / 2);
	assert_times(&t, TYPES, 1002, 0);
	assert_gap(&t.w, "clocks of");
	info = read_info(&t, NULL);
	assert_int_equal(info->uptime_ns, 0);
	system_info_destroy(info);
	system_info_destroy(NULL);
	world_deinit(&t.w);
}

/* A CPU that looked at its clock after the timekeeper did knows better; one that is far off does not count. */
TEST(uptime_is_the_latest_clock)
{
	struct tasks t;

	tasks_init(&t);
	put_clocks(&t, world_variable(&t.w, "shadow_timekeeper", 128));
	put64(&t.w, rq_of(&t, 1) + RQ_CLOCK, 101 * SECOND);
	assert_times(&t, TYPES, 121 * SECOND, REAL);
	put64(&t.w, rq_of(&t, 2) + RQ_CLOCK, 100000 * SECOND);
	assert_times(&t, TYPES, 121 * SECOND, REAL);
	put64(&t.w, rq_of(&t, 2) + RQ_CLOCK, UINT64_MAX - 5);
	assert_times(&t, TYPES, 121 * SECOND, REAL);
	world_deinit(&t.w);
}

TEST(texts_and_numbers)
{
	struct system_info *info;
	uint64_t dmi, cpu, errors;
	struct tasks t;

	tasks_init(&t);
	world_value(&t.w, "saved_command_line", new_text(&t.w, "root=/dev/vda quiet"));
	world_value(&t.w, "tainted_mask", 1 << 9 | 1 << 12);
	put32(&t.w, world_variable(&t.w, "panic_on_oops", 4), 1);
	dmi = world_variable(&t.w, "dmi_ident", 4 * 8);
	put64(&t.w, dmi + 8, new_text(&t.w, "SeaBIOS"));
	put64(&t.w, dmi + 16, new_text(&t.w, "")); /* firmware that says nothing */
	put64(&t.w, dmi + 24, new_text(&t.w, "A\nB<script>"));
	cpu = world_variable(&t.w, "boot_cpu_data", 128);
	put_text(&t.w, cpu + 32, "An x86 CPU   ");
	put32(&t.w, world_variable(&t.w, "x86_hyper_type", 4), 5);
	errors = world_variable(&t.w, "hwerr_data", 2 * 16);
	put32(&t.w, errors + 16, 3);
	put64(&t.w, errors + 24, 1700000000);
	info = read_info(&t, TYPES);
	assert_string_equal(info->command_line, "root=/dev/vda quiet");
	assert_true(info->taint_known);
	assert_int_equal(info->taint_mask, 1 << 9 | 1 << 12);
	assert_int_equal(info->panic_on_oops, 1);
	assert_int_equal(info->n_dmi, 2);
	assert_string_equal(info->dmi[0].name, "bios_vendor");
	assert_string_equal(info->dmi[0].value, "SeaBIOS");
	assert_string_equal(info->dmi[1].name, "product_name");
	assert_string_equal(info->dmi[1].value,
			    "A\nB<script>"); /* any bytes: whoever shows it escapes it */
	assert_string_equal(info->cpu_model, "An x86 CPU");
	assert_string_equal(info->hypervisor, "KVM");
	assert_int_equal(info->cpus_possible, 3);
	assert_int_equal(info->cpus_online, 2);
	assert_int_equal(info->n_hwerr, 2);
	assert_string_equal(info->hwerr[1].name, "memory");
	assert_int_equal(info->hwerr[1].count, 3);
	assert_int_equal(info->hwerr[1].time, 1700000000);
	assert_int_equal(info->hwerr[0].count, 0);
	system_info_destroy(info);
	world_deinit(&t.w);
}

/* Pointers to nowhere: what can be read comes, the rest is a gap. */
TEST(wild_texts)
{
	struct system_info *info;
	struct tasks t;
	uint64_t dmi;

	tasks_init(&t);
	world_value(&t.w, "saved_command_line", 0x1234);
	dmi = world_variable(&t.w, "dmi_ident", 4 * 8);
	put64(&t.w, dmi + 8, UINT64_MAX);
	put64(&t.w, dmi + 16, new_text(&t.w, "QEMU"));
	put64(&t.w, dmi + 24, 0xffff800000000000);
	put32(&t.w, world_variable(&t.w, "x86_hyper_type", 4), 77);
	info = read_info(&t, TYPES);
	assert_null(info->command_line);
	assert_gap(&t.w, "command line");
	assert_false(info->taint_known);
	assert_int_equal(info->panic_on_oops, UINT64_MAX);
	assert_int_equal(info->n_dmi, 1);
	assert_string_equal(info->dmi[0].name, "sys_vendor");
	assert_gap(&t.w, "hardware: bios_vendor");
	assert_gap(&t.w, "hardware: product_name");
	assert_string_equal(info->hypervisor, "");
	assert_string_equal(info->cpu_model, "");
	assert_int_equal(info->n_hwerr, 0);
	system_info_destroy(info);
	world_deinit(&t.w);
}

TEST(taints)
{
	struct system_taint v[SYSTEM_MAX_TAINTS];
	char letters[SYSTEM_MAX_TAINTS + 1];

	assert_int_equal(system_taints(0, v), 0);
	assert_int_equal(system_taints(1 << 0 | 1 << 9 | 1 << 18, v), 3);
	assert_int_equal(v[0].letter, 'P');
	assert_int_equal(v[1].letter, 'W');
	assert_int_equal(v[2].letter, 'N');
	assert_string_equal(system_taint_letters(1 << 0 | 1 << 9 | 1 << 18, letters), "PWN");
	assert_string_equal(system_taint_letters(0, letters), "");
	assert_int_equal(system_taints(1ULL << 63, v), 1);
	assert_int_equal(v[0].letter, '?');
	assert_int_equal(system_taints(UINT64_MAX, v), SYSTEM_MAX_TAINTS);
}

/* ---- physical address space */

static uint64_t add_resource(struct tasks *t, uint64_t parent, uint64_t start, uint64_t end,
			     const char *name)
{
	uint64_t at = world_new(&t->w, 64), link = parent + R_CHILD;

	put64(&t->w, at + R_START, start);
	put64(&t->w, at + R_END, end);
	put64(&t->w, at + R_NAME, new_text(&t->w, name));
	put64(&t->w, at + R_PARENT, parent);
	while (get64(&t->w, link))
		link = get64(&t->w, link) + R_SIBLING;
	put64(&t->w, link, at);
	return at;
}

/* As /proc/iomem has them. */
static void assert_iomem(struct tasks *t, const char *want, bool cut)
{
	struct iomem_list *list = NULL;
	char text[4096] = "";
	size_t len = 0;

	world_open(&t->w, TYPES);
	assert_ok(iomem_list_create(t->w.k, &list, err));
	for (size_t i = 0; i < list->n && i < 40; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%*s%" PRIx64 "-%" PRIx64 " %s\n", (int)list->v[i].depth,
					"", list->v[i].start, list->v[i].end, list->v[i].name);
	assert_string_equal(text, want);
	assert_int_equal(list->cut, cut);
	assert_int_equal(t->w.k->gaps.n != 0, cut);
	iomem_list_destroy(list);
}

TEST(resources)
{
	uint64_t root, ram, code, bus;
	struct iomem_list *list = NULL;
	struct tasks t;

	tasks_init(&t);
	root = world_variable(&t.w, "iomem_resource", 64);
	put64(&t.w, root + R_END, UINT64_MAX);
	assert_iomem(&t, "", false);
	ram = add_resource(&t, root, 0x1000, 0x8fff, "System RAM");
	code = add_resource(&t, ram, 0x2000, 0x2fff, "Kernel code");
	bus = add_resource(&t, root, 0x10000, UINT64_MAX, "PCI Bus");
	add_resource(&t, ram, 0x3000, 0x3fff, "Kernel data");
	add_resource(&t, code, 0x2000, 0x2000, "one byte");
	assert_iomem(&t,
		     "1000-8fff System RAM\n 2000-2fff Kernel code\n  2000-2000 one byte\n"
		     " 3000-3fff Kernel data\n10000-ffffffffffffffff PCI Bus\n",
		     false);
	/* a name that went with its module */
	put64(&t.w, code + R_NAME, 0xffffffffc0000000);
	assert_iomem(&t,
		     "1000-8fff System RAM\n 2000-2fff \n  2000-2000 one byte\n"
		     " 3000-3fff Kernel data\n10000-ffffffffffffffff PCI Bus\n",
		     false);
	/* a broken branch costs no other */
	put64(&t.w, code + R_PARENT, root);
	assert_iomem(&t, "1000-8fff System RAM\n10000-ffffffffffffffff PCI Bus\n", true);
	put64(&t.w, code + R_PARENT, ram);
	/* brothers in a circle */
	put64(&t.w, bus + R_SIBLING, ram);
	assert_iomem(&t,
		     "1000-8fff System RAM\n 2000-2fff \n  2000-2000 one byte\n"
		     " 3000-3fff Kernel data\n10000-ffffffffffffffff PCI Bus\n",
		     true);
	assert_gap(&t.w, "is not in its place");
	/* a child that is its own grandfather */
	put64(&t.w, bus + R_SIBLING, 0);
	put64(&t.w, code + R_CHILD, ram);
	assert_iomem(&t,
		     "1000-8fff System RAM\n 2000-2fff \n 3000-3fff Kernel data\n"
		     "10000-ffffffffffffffff PCI Bus\n",
		     true);
	world_open(&t.w, NULL);
	assert_fails(iomem_list_create(t.w.k, &list, err), ERR_NOT_FOUND, "struct resource");
	fake_unset(&t.w.f, "SYMBOL(iomem_resource)");
	world_open(&t.w, TYPES);
	assert_fails(iomem_list_create(t.w.k, &list, err), ERR_NOT_FOUND, "iomem_resource");
	iomem_list_destroy(NULL);
	world_deinit(&t.w);
}

/* Far deeper, and far more, than a machine has. */
TEST(endless_resources)
{
	struct iomem_list *list = NULL;
	uint64_t at, before, first;
	struct tasks t;

	tasks_init(&t);
	first = at = world_variable(&t.w, "iomem_resource", 64);
	for (int i = 0; i < 100; i++)
		at = add_resource(&t, at, 0, 100, "deep");
	world_open(&t.w, TYPES);
	assert_ok(iomem_list_create(t.w.k, &list, err));
	assert_true(list->cut);
	assert_int_equal(list->n, IOMEM_MAX_DEPTH);
	iomem_list_destroy(list);

	put64(&t.w, first + R_CHILD, 0);
	before = add_resource(&t, first, 0, 0, "wide");
	for (uint64_t i = 1; i < 5000; i++) {
		at = world_new(&t.w, 64);
		put64(&t.w, at + R_START, i);
		put64(&t.w, at + R_END, i);
		put64(&t.w, at + R_PARENT, first);
		put64(&t.w, before + R_SIBLING, at);
		before = at;
	}
	world_open(&t.w, TYPES);
	assert_ok(iomem_list_create(t.w.k, &list, err));
	assert_true(list->cut);
	assert_int_equal(list->n, IOMEM_MAX);
	iomem_list_destroy(list);
	world_deinit(&t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_of_the_timekeeper),
		cmocka_unit_test(uptime_is_the_latest_clock),
		cmocka_unit_test(texts_and_numbers),
		cmocka_unit_test(wild_texts),
		cmocka_unit_test(taints),
		cmocka_unit_test(resources),
		cmocka_unit_test(endless_resources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
