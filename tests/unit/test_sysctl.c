// SPDX-License-Identifier: GPL-2.0-or-later
/* Sysctls of the configuration: set while the machine is armed, put back as they were. */
#include "service/sysctl.h"
#include "tests/unit/service_fixture.h"

#define OOPS  "kernel/panic_on_oops"
#define PANIC "kernel/panic"

static struct config_sysctl wanted[SYSCTL_MAX + 4];
static struct config config = {.sysctls = wanted};

static void want(size_t n, ...)
{
	va_list args;

	va_start(args, n);
	for (size_t i = 0; i < n; i++) {
		wanted[i].path = va_arg(args, const char *);
		wanted[i].value = va_arg(args, int);
	}
	va_end(args);
	config.n_sysctls = n;
}

static const char *value(const char *path)
{
	static char text[32];
	char name[96];

	snprintf(name, sizeof(name), "/proc/sys/%s", path);
	snprintf(text, sizeof(text), "%s", machine_text(name));
	text[strcspn(text, "\n")] = '\0';
	return text;
}

FAKE_CALL void apply(void)
{
	machine.told[0] = '\0';
	assert_ok(sysctl_apply(&machine.service, &config, err));
}

FAKE_CALL void restore(void)
{
	machine.told[0] = '\0';
	assert_ok(sysctl_restore(&machine.service, err));
}

static bool recorded(void)
{
	return root_exists(&fake.root, "/run/lifeboat/sysctls");
}

TEST(set_and_put_back)
{
	want(2, OOPS, 1, PANIC, 10);
	apply();
	assert_string_equal(value(OOPS), "1");
	assert_string_equal(value(PANIC), "10");
	assert_string_equal(machine_text("/run/lifeboat/sysctls"), OOPS "=0 1\n" PANIC "=-1 10\n");
	restore();
	assert_string_equal(value(OOPS), "0");
	assert_string_equal(value(PANIC), "-1");
	assert_false(recorded());
	assert_string_equal(machine.told, "");
	restore();          /* nothing to do */
	want(1, PANIC, -1); /* values are signed */
	apply();
	assert_string_equal(value(PANIC), "-1");
}

/* Our own values must not become the old ones. */
TEST(twice)
{
	want(1, OOPS, 1);
	apply();
	apply();
	restore();
	assert_string_equal(value(OOPS), "0");
}

TEST(changed_configuration)
{
	want(2, OOPS, 1, PANIC, 10);
	apply();
	want(1, OOPS, 2); /* another value, and one less */
	apply();
	assert_string_equal(value(OOPS), "2");
	assert_string_equal(value(PANIC), "-1");
	assert_string_equal(machine_text("/run/lifeboat/sysctls"), OOPS "=0 2\n");
	want(0);
	apply();
	assert_string_equal(value(OOPS), "0");
	assert_false(recorded());
}

/* Whoever has changed one since wants it so. */
TEST(changed_by_somebody)
{
	want(2, OOPS, 1, PANIC, 10);
	apply();
	fake_set("/proc/sys/" PANIC, "30\n");
	restore();
	assert_string_equal(value(PANIC), "30");
	assert_string_equal(value(OOPS), "0");
	assert_true(machine_told("note: kernel/panic is 30: somebody else"));
	assert_false(recorded());
}

TEST(not_there)
{
	want(2, "kernel/no_such_thing", 1, OOPS, 1);
	apply();
	assert_true(machine_told("warning: a sysctl is not set: "));
	assert_true(machine_told("/proc/sys/kernel/no_such_thing: open: No such file"));
	assert_string_equal(value(OOPS), "1");
	/* and what is there later no more */
	fake_remove("/proc/sys/" OOPS);
	restore();
	assert_true(machine_told("warning: a sysctl is not put back: "));
	assert_false(recorded());
	fake_set("/proc/sys/" OOPS, "a word\n");
	apply();
	assert_true(machine_told("is no number"));
	assert_false(recorded());
}

/* Killed behind the record, before anything was set: what it was is what it is. */
TEST(killed_between)
{
	assert_ok(io_make_folder(machine.service.run, err));
	fake_set("/run/lifeboat/sysctls", OOPS "=0 1\n" PANIC "=-1 10\n");
	fake_set("/proc/sys/" OOPS, "1\n");
	restore();
	assert_string_equal(value(OOPS), "0");
	assert_string_equal(value(PANIC), "-1");
	assert_string_equal(machine.told, "");
	/* an interrupted start is finished by the next one */
	assert_ok(io_make_folder(machine.service.run, err));
	fake_set("/run/lifeboat/sysctls", OOPS "=0 1\n");
	want(1, OOPS, 1);
	apply();
	restore();
	assert_string_equal(value(OOPS), "0");
}

TEST(no_record_no_write)
{
	want(1, OOPS, 1);
	strcpy(machine.service.run, "/proc/no");
	assert_fails(sysctl_apply(&machine.service, &config, err), ERR_NOT_FOUND,
		     "cannot be recorded");
	assert_string_equal(value(OOPS), "0");
}

/* A record that is damaged is not used, nor written over: what it said is needed by people. */
TEST(damaged)
{
	static const char *const bad[] = {
		"nonsense\n",
		OOPS "=0 1", /* cut off */
		OOPS "=0\n",
		OOPS "= 1\n",
		OOPS "=0 1 \n",
		OOPS "=0 1\n\n",
		OOPS "=0 1\n" OOPS "=0 1\n",
		OOPS "=0 x\n",
		OOPS "=0 -\n",
		OOPS "=0 111111111111111111111111\n",
		"/kernel/panic=0 1\n",
		"kernel/=0 1\n",
		"panic=0 1\n",
		"kernel/../../etc/x=0 1\n",
		"kernel//panic=0 1\n",
		"a/b/c/d=0 1\n",
		"=0 1\n",
		"kernel/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=0 1\n",
	};

	want(1, OOPS, 1);
	assert_ok(io_make_folder(machine.service.run, err));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fake_set("/run/lifeboat/sysctls", bad[i]);
		assert_fails(sysctl_restore(&machine.service, err), ERR_CORRUPT, "makes no sense");
		assert_fails(sysctl_apply(&machine.service, &config, err), ERR_CORRUPT,
			     "no sysctl is set");
		assert_string_equal(machine_text("/run/lifeboat/sysctls"), bad[i]);
		assert_string_equal(value(OOPS), "0");
	}
	/* a zero within */
	{
		struct sysctl_list list;

		assert_fails(sysctl_parse(OOPS "=0\0 1\n", strlen(OOPS) + 7, "x", &list, err),
			     ERR_CORRUPT, "line 1");
	}
}

TEST(too_many)
{
	static char names[SYSCTL_MAX + 4][32];
	char text[SYSCTL_MAX * 40] = "", name[64];
	struct sysctl_list list;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(names[i], sizeof(names[i]), "kernel/test_%zu", i);
		snprintf(name, sizeof(name), "/proc/sys/%s", names[i]);
		fake_set(name, "0\n");
		wanted[i] = (struct config_sysctl){names[i], 1};
		if (i < SYSCTL_MAX)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s=0 1\n",
				 names[i]);
	}
	assert_ok(sysctl_parse(text, strlen(text), "x", &list, err));
	assert_int_equal(list.n, SYSCTL_MAX);
	strcpy(text + strlen(text), "kernel/last=0 1\n");
	assert_fails(sysctl_parse(text, strlen(text), "x", &list, err), ERR_CORRUPT, "line 33");
	config.n_sysctls = ARRAY_SIZE(names);
	apply();
	assert_string_equal(value("kernel/test_31"), "1");
	assert_string_equal(value("kernel/test_32"), "0");
}

#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, machine_setup, machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(set_and_put_back),
		MACHINE_TEST(twice),
		MACHINE_TEST(changed_configuration),
		MACHINE_TEST(changed_by_somebody),
		MACHINE_TEST(not_there),
		MACHINE_TEST(killed_between),
		MACHINE_TEST(no_record_no_write),
		MACHINE_TEST(damaged),
		MACHINE_TEST(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
