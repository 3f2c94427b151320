// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/dumps_fixture.h"
#include "tests/unit/raw_fixture.h"

#include "service/fetch.h"
#include "service/history.h"
#include "service/places.h"

#define OLD "2023-10-14T22-13-20Z"

static char found[4096];

static void find(void *ctx, const struct fetched *f)
{
	size_t len = strlen(found);

	(void)ctx;
	snprintf(found + len, sizeof(found) - len, "%s %s %s%s\n", f->node,
		 f->folder ? f->folder + strlen(scratch) : "-",
		 f->folder && f->state == CRASHPART_WHOLE ? "whole" : "",
		 f->dump ? ", and its dump" : "");
}

static int setup(void **state)
{
	*found = '\0';
	if (machine_setup(state))
		return -1;
	make_folders("dev");
	make_folders("sys/class/block");
	make_folders("srv/dumps");
	return 0;
}

static struct fetch fetch_of(const struct config *c)
{
	return (struct fetch){.s = &service, .config = c, .now = RAW_TIME + 60, .found = find};
}

/* One whole crash on the partition. */
static void crash(void)
{
	struct raw r;

	raw_make_device(RAW_SIZE);
	raw_init(&r);
	raw_capture(&r, "log");
	raw_deinit(&r);
}

TEST(a_partition)
{
	struct config *c = config_of("raw /dev/raw\npath /srv/dumps\n");
	struct fetch f = fetch_of(c);
	char into[sizeof(scratch) + 8];
	size_t n = 9;

	crash();
	f.keep = true;
	assert_ok(fetch_configured(&f, &n, err));
	assert_int_equal(n, 1);
	assert_string_equal(found, "/dev/raw /srv/dumps/" RAW_NAME " whole, and its dump\n");
	assert_true(exists("srv/dumps/" RAW_NAME "/vmcore"));
	assert_int_equal(raw_walk("dev/raw").n, 1);
	/* where it is told to; then the partition is empty */
	f.keep = false;
	snprintf(into, sizeof(into), "%s/into", scratch);
	f.into = into;
	*found = '\0';
	assert_ok(fetch_device(&f, "/dev/raw", err));
	assert_string_equal(found, "/dev/raw /into/" RAW_NAME " whole, and its dump\n");
	assert_true(exists("into/" RAW_NAME "/vmcore"));
	assert_int_equal(raw_walk("dev/raw").n, 0);
	*found = '\0';
	assert_ok(fetch_device(&f, "/dev/raw", err));
	assert_string_equal(found, "/dev/raw - \n");
	assert_string_equal(told, "");
	config_destroy(c);
}

/* Without a configuration it goes to the usual place, and nothing old goes away. */
TEST(no_configuration)
{
	struct fetch f = fetch_of(NULL);

	make_crash("var/crash/" OLD, RECORD_HEAD "}\n", "vmcore");
	crash();
	assert_ok(fetch_device(&f, "/dev/raw", err));
	assert_string_equal(found,
			    "/dev/raw " PLACES_DEFAULT "/" RAW_NAME " whole, and its dump\n");
	assert_true(exists("var/crash/" OLD));
}

TEST(what_fails_on_one_does_not_keep_the_others)
{
	struct config *c = config_of("raw /dev/gone\nraw /dev/lost\nraw /dev/raw\n");
	struct fetch f = fetch_of(c);
	size_t n = 0;

	crash();
	assert_fails(fetch_configured(&f, &n, err), ERR_NOT_FOUND, "/dev/gone");
	assert_int_equal(n, 3);
	assert_non_null(strstr(told, "/dev/lost"));
	assert_null(strstr(told, "/dev/gone"));
	assert_non_null(strstr(found, "/" RAW_NAME " whole, and its dump\n"));
	config_destroy(c);
}

TEST(a_damaged_one_is_cleared_only)
{
	struct config *c = config_of("raw /dev/raw\n");
	struct fetch f = fetch_of(c);
	char node[PATH_MAX] = "";
	int fd;

	crash();
	fd = open("dev/raw", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "damage", 6, 100), 6);
	close(fd);
	assert_fails(fetch_device(&f, "/dev/raw", err), ERR_CORRUPT, "--clear /dev/raw");
	assert_ok(fetch_clear(&service, "/dev/raw", node, err));
	assert_string_equal(node, "/dev/raw");
	assert_ok(fetch_device(&f, "/dev/raw", err));
	assert_string_equal(found, "/dev/raw - \n");
	config_destroy(c);
}

/* A partition that is not there keeps nobody from telling what happened, nor from retention. */
TEST(at_boot)
{
	struct config *c = config_of("raw /dev/raw\nraw /dev/gone\nkeep_count 1\n");
	struct fetch f = fetch_of(c);
	struct history_entry *past = NULL;
	size_t n = 0;

	make_crash("var/crash/" OLD,
		   RECORD_HEAD ",\"crash\":{\"time\":\"2023-10-14T22:13:20Z\"}}\n", "vmcore");
	crash();
	assert_fails(fetch_at_boot(&f, err), ERR_NOT_FOUND, "/dev/gone");
	assert_true(exists("var/crash/" RAW_NAME));
	assert_false(exists("var/crash/" OLD));
	assert_ok(history_read(&service, &past, &n, NULL, err));
	assert_true(n >= 1);
	assert_string_equal(past[n - 1].id, RAW_NAME);
	free(past);
	config_destroy(c);
}

/* Retention came before the telling: what was not told yet could be removed untold. */
TEST(what_goes_was_told_before)
{
	struct config *c = config_of("raw /dev/raw\nkeep_count 1\n");
	struct fetch f = fetch_of(c);
	struct history_entry *past = NULL;
	size_t n = 0;

	make_crash("var/crash/" OLD,
		   RECORD_HEAD ",\"crash\":{\"time\":\"2023-10-14T22:13:20Z\"}}\n", "vmcore");
	crash();
	assert_ok(fetch_at_boot(&f, err));
	assert_false(exists("var/crash/" OLD));
	assert_ok(history_read(&service, &past, &n, NULL, err));
	assert_int_equal(n, 2);
	assert_string_equal(past[0].id, OLD);
	assert_string_equal(past[1].id, RAW_NAME);
	free(past);
	config_destroy(c);
}

/* A configuration that cannot be read kept a crash from being told. */
TEST(at_boot_without_a_configuration)
{
	struct fetch f = fetch_of(NULL);
	struct history_entry test = {.kind = HISTORY_CRASH_TEST, .pending = true, .id = "t"};
	struct history_entry *past = NULL;
	size_t n = 0;

	test.time = 1000;
	assert_ok(history_add(&service, &test, err));
	write_text("proc/stat", "cpu 0\nbtime 1800000000\n");
	make_crash("var/crash/" OLD,
		   RECORD_HEAD ",\"crash\":{\"time\":\"2023-10-14T22:13:20Z\"}}\n", "vmcore");
	assert_ok(fetch_at_boot(&f, err));
	assert_ok(history_read(&service, &past, &n, NULL, err));
	assert_int_equal(n, 2); /* the crash; nothing of the test, whose dump may be elsewhere */
	assert_string_equal(past[1].id, OLD);
	free(past);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_partition),
		T(no_configuration),
		T(what_fails_on_one_does_not_keep_the_others),
		T(a_damaged_one_is_cleared_only),
		T(at_boot),
		T(what_goes_was_told_before),
		T(at_boot_without_a_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
