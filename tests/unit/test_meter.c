// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "capture/meter.h"
#include "base/step.h"

TEST(fields_of_meminfo)
{
	static const struct {
		const char *text;
		bool there;
		uint64_t want;
	} cases[] = {
		{"MemTotal:   60000 kB\nMemFree:  1 kB\nMemAvailable:   20480 kB\nBuffers: 9 kB\n",
		 true, 20480 << 10},
		{"MemAvailable: 0 kB\n", true, 0},
		{"", false, 0},
		{"MemAvailable:", false, 0},
		{"MemAvailable: some kB", false, 0},
		{"MemAvailable: 18014398509481983 kB", true, UINT64_MAX - 1023},
		{"MemAvailable: 18014398509481984 kB", false, 0}, /* beyond 64 bits */
	};
	uint64_t value = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(meter_field(cases[i].text, "MemAvailable:", &value),
				 cases[i].there);
		if (cases[i].there)
			assert_int_equal(value, cases[i].want);
	}
}

TEST(ram_of_iomem)
{
	static const struct {
		const char *text;
		uint64_t want;
	} cases[] = {
		{"00001000-0009fbff : System RAM\n"
		 "0009fc00-0009ffff : Reserved\n"
		 "2b000000-2effffff : System RAM\n"
		 "  2c000000-2cffffff : System RAM\n"
		 "  2b400000-2bffffff : Kernel code\n"
		 "fd000000-fdffffff : PCI Bus 0000:00\n",
		 0x9ec00 + 0x4000000},
		{"00000000-00000000 : System RAM\n", 0}, /* as others than root see it */
		{"", 0},
		{"\n\n", 0},
		{"1000-1fff : System RAM (kexec)\n", 0},
		{"1000-1fff : System RA", 0},
		{"2000-1fff : System RAM\n", 0},
		{"1-ffffffffffffffff : System RAM\n1-ffffffffffffffff : System RAM", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(meter_ram(cases[i].text), cases[i].want);
}

static void write_meminfo(const char *folder, unsigned int available)
{
	char path[128], text[128];
	int fd;

	snprintf(path, sizeof(path), "%s/proc/meminfo", folder);
	snprintf(text, sizeof(text), "MemTotal: 60000 kB\nMemFree: 7 kB\nMemAvailable: %05u kB\n",
		 available);
	fd = open(path, O_WRONLY | O_CREAT, 0600); /* in place: the meter keeps it open */
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

struct stage {
	char folder[64], path[128];
	struct root root;
};

static int setup(void **state)
{
	static struct stage s;
	struct err err = {0};

	s = (struct stage){.folder = "/tmp/lifeboat-meter-XXXXXX"};
	assert_non_null(mkdtemp(s.folder));
	snprintf(s.path, sizeof(s.path), "%s/proc", s.folder);
	assert_int_equal(mkdir(s.path, 0700), 0);
	assert_int_equal(root_init(&s.root, s.folder, &err), 0);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;
	char command[128];

	root_deinit(&s->root);
	snprintf(command, sizeof(command), "rm -rf %s", s->folder);
	return system(command);
}

static void remembers_the_worst_moment(void **state)
{
	static const struct {
		unsigned int now, lowest;
	} moments[] = {{900, 900}, {500, 500}, {800, 500}, {450, 450}};
	struct stage *s = *state;
	struct meter m;

	write_meminfo(s->folder, 1000);
	meter_init(&m, &s->root);
	assert_int_equal(m.total, 60000 << 10);
	assert_int_equal(m.lowest, 1000 << 10);
	assert_int_equal(m.ram, 0); /* there is no /proc/iomem */
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		write_meminfo(s->folder, moments[i].now);
		meter_look(&m);
		assert_int_equal(m.lowest, moments[i].lowest << 10);
	}
	write_meminfo(s->folder, 0); /* nothing left is not unknown */
	meter_look(&m);
	assert_int_equal(m.lowest, 1);
	close(m.meminfo);
}

static void without_meminfo_nothing_is_known(void **state)
{
	struct stage *s = *state;
	struct meter m;

	meter_init(&m, &s->root);
	meter_look(&m);
	assert_int_equal(m.total, 0);
	assert_int_equal(m.lowest, 0);
}

static int step_low(void *ctx, struct err *err)
{
	const struct stage *s = ctx;

	(void)err;
	write_meminfo(s->folder, 123);
	usleep(300000);
	write_meminfo(s->folder, 999);
	return 0;
}

/* What a step takes and gives back again before it ends is seen. */
static void looks_while_a_step_works(void **state)
{
	struct stage *s = *state;
	struct meter m;
	struct step_outcome o;
	struct step_limits limits = {
		.ms = 10000, .look = meter_look, .look_ctx = &m, .look_ms = METER_LOOK_MS};

	write_meminfo(s->folder, 1000);
	meter_init(&m, &s->root);
	step_run(step_low, s, &limits, &o);
	assert_int_equal(o.err.code, 0);
	assert_int_equal(m.lowest, 123 << 10);
	close(m.meminfo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_meminfo),
		cmocka_unit_test(ram_of_iomem),
		cmocka_unit_test_setup_teardown(remembers_the_worst_moment, setup, teardown),
		cmocka_unit_test_setup_teardown(without_meminfo_nothing_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(looks_while_a_step_works, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
