// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "service/history.h"

struct fixture {
	char folder[64];
	struct root root;
	struct service service;
	char told[512];
};

static void hear(void *ctx, enum service_tone tone, const char *text)
{
	struct fixture *f = ctx;

	if (tone == SERVICE_WARNING)
		snprintf(f->told, sizeof(f->told), "%s", text);
}

static int setup(void **state)
{
	static struct fixture f;
	struct err err = {0};

	f = (struct fixture){.folder = "/tmp/lifeboat-history-XXXXXX"};
	assert_non_null(mkdtemp(f.folder));
	assert_int_equal(root_init(&f.root, f.folder, &err), 0);
	assert_int_equal(service_init(&f.service, &f.root, &sys_kernel, &err), 0);
	f.service.tell = hear;
	f.service.tell_ctx = &f;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	root_deinit(&f->root);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	return system(command);
}

static const struct history_entry sample = {
	.kind = HISTORY_PROOF,
	.time = 1763823999,
	.good = true,
	.id = "b8f1c3d2",
	.result = "complete",
	.text = "all \"good\"\n\x1b[31m",
	.kernel = "6.1.0-40-amd64",
	.where = "/var/crash/2025-11-22T15-06-39Z",
	.image_known = true,
	.image = {1, 2, 3, 255},
	.reserved = 128 << 20,
	.peak = 61234567,
};

static void write_text(const struct fixture *f, const char *text)
{
	struct err err = {0};
	char path[512];

	assert_int_equal(io_make_folder(f->service.lib, &err), 0);
	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, f->service.lib);
	assert_int_equal(io_write_file(path, text, strlen(text), &err), 0);
}

static void no_file_is_an_empty_history(void **state)
{
	struct fixture *f = *state;
	struct history_entry *v = NULL;
	struct err err = {0};
	size_t n = 9, damaged = 9;

	assert_int_equal(history_read(&f->service, &v, &n, &damaged, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(damaged, 0);
	assert_null(history_last_test(v, n));
	free(v);
}

static void comes_back_as_it_was_added(void **state)
{
	struct fixture *f = *state;
	struct history_entry *v = NULL, crash = sample;
	struct err err = {0};
	size_t n;

	crash.kind = HISTORY_CRASH;
	crash.image_known = false;
	memset(crash.image, 0, sizeof(crash.image));
	assert_int_equal(history_add(&f->service, &sample, &err), 0);
	assert_int_equal(history_add(&f->service, &crash, &err), 0);
	assert_int_equal(history_read(&f->service, &v, &n, NULL, &err), 0);
	assert_int_equal(n, 2);
	assert_memory_equal(&v[0].image, sample.image, 32);
	assert_string_equal(v[0].text, sample.text);
	assert_string_equal(v[0].where, sample.where);
	assert_string_equal(v[0].kernel, sample.kernel);
	assert_string_equal(v[0].result, sample.result);
	assert_string_equal(v[0].id, sample.id);
	assert_int_equal(v[0].time, sample.time);
	assert_int_equal(v[0].reserved, sample.reserved);
	assert_int_equal(v[0].peak, sample.peak);
	assert_true(v[0].good && v[0].image_known && !v[0].pending);
	assert_int_equal(v[1].kind, HISTORY_CRASH);
	assert_false(v[1].image_known);
	assert_ptr_equal(history_last_test(v, n), &v[0]); /* a crash is no test */
	free(v);
}

/* One that could not be was lost, and the crash it told of was told again at each boot. */
static void whatever_it_holds_comes_back(void **state)
{
	struct fixture *f = *state;
	struct history_entry e = {.kind = HISTORY_CRASH, .time = UINT64_MAX}, *v = NULL;
	size_t n, damaged;

	memset(e.id, 1, sizeof(e.id) - 1);
	memset(e.result, 0xff, sizeof(e.result) - 1);
	memset(e.text, 0x1b, sizeof(e.text) - 1);
	memset(e.kernel, '\n', sizeof(e.kernel) - 1);
	memset(e.where, 0x7f, sizeof(e.where) - 1);
	assert_ok(history_add(&f->service, &e, err));
	assert_ok(history_read(&f->service, &v, &n, &damaged, err));
	assert_int_equal(n, 1);
	assert_int_equal(damaged, 0);
	assert_string_equal(v[0].id, e.id);
	assert_string_equal(v[0].where, e.where);
	assert_int_equal(v[0].time, 0);
	free(v);
}

static void keeps_only_so_many(void **state)
{
	struct fixture *f = *state;
	struct history_entry *v = NULL, e = sample;
	struct err err = {0};
	size_t n;

	for (unsigned int i = 0; i < HISTORY_KEEP + 3; i++) {
		snprintf(e.id, sizeof(e.id), "%u", i);
		assert_int_equal(history_add(&f->service, &e, &err), 0);
	}
	assert_int_equal(history_read(&f->service, &v, &n, NULL, &err), 0);
	assert_int_equal(n, HISTORY_KEEP);
	assert_string_equal(v[0].id, "3");
	assert_string_equal(v[n - 1].id, "202");
	free(v);
}

static void damaged_lines_are_left_out(void **state)
{
	struct fixture *f = *state;
	struct history_entry *v = NULL;
	struct err err = {0};
	size_t n, damaged;

	write_text(f,
		   "{\"schema\":\"lifeboat-history-1\",\"kind\":\"proof\",\"time\":\"2025-11-22T15:"
		   "06:39Z\",\"peak_bytes\":-4}\n"
		   "{\"schema\":\"lifeboat-history-9\",\"kind\":\"proof\",\"time\":\"2025-11-22T15:"
		   "06:39Z\"}\n"
		   "{\"schema\":\"lifeboat-history-1\",\"kind\":\"party\",\"time\":\"2025-11-22T15:"
		   "06:39Z\"}\n"
		   "{\"schema\":\"lifeboat-history-1\",\"kind\":\"proof\",\"time\":7}\n"
		   "[1,2]\n\nnonsense\n{\"schema\":\"lifeb");
	assert_int_equal(history_read(&f->service, &v, &n, &damaged, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(v[0].peak, 0);
	assert_int_equal(damaged, 6);
	free(v);
	assert_int_equal(history_add(&f->service, &sample, &err), 0);
	assert_int_equal(history_read(&f->service, &v, &n, &damaged, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(damaged, 0);
	free(v);
}

static void a_file_that_is_too_large_is_put_aside(void **state)
{
	struct fixture *f = *state;
	struct history_entry *v = NULL;
	struct err err = {0};
	char path[512];
	size_t n;

	write_text(f, "");
	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, f->service.lib);
	assert_int_equal(truncate(path, 64 << 20), 0);
	assert_int_equal(history_read(&f->service, &v, &n, NULL, &err), ERR_CORRUPT);
	err = (struct err){0};
	assert_int_equal(history_add(&f->service, &sample, &err), 0);
	assert_non_null(strstr(f->told, HISTORY_FILE ".damaged"));
	assert_int_equal(history_read(&f->service, &v, &n, NULL, &err), 0);
	assert_int_equal(n, 1);
	free(v);
}

static void two_writers_lose_nothing(void **state)
{
	struct fixture *f = *state;
	struct history_entry *v = NULL;
	struct err err = {0};
	size_t n;
	int status;
	pid_t pid = fork();

	for (int i = 0; i < 20; i++)
		if (history_add(&f->service, &sample, &err))
			_exit(1);
	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(history_read(&f->service, &v, &n, NULL, &err), 0);
	assert_int_equal(n, 40);
	free(v);
}

static void a_link_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct history_entry *v = NULL;
	struct err err = {0};
	char path[512];
	size_t n;

	assert_int_equal(io_make_folder(f->service.lib, &err), 0);
	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, f->service.lib);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_not_equal(history_read(&f->service, &v, &n, NULL, &err), 0);
	assert_non_null(strstr(err.msg, HISTORY_FILE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_file_is_an_empty_history, setup, teardown),
		cmocka_unit_test_setup_teardown(comes_back_as_it_was_added, setup, teardown),
		cmocka_unit_test_setup_teardown(whatever_it_holds_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_only_so_many, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_lines_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_too_large_is_put_aside, setup,
						teardown),
		cmocka_unit_test_setup_teardown(two_writers_lose_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_is_not_followed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
