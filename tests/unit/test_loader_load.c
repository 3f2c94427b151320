// SPDX-License-Identifier: GPL-2.0-or-later
/* Arming: what is loaded is not loaded again, what cannot be loaded is followed by what was there before. */
#include "tests/unit/fake_kernel.h"

/* A machine that is armed by us, and the record of it. */
FAKE_CALL struct load_request armed(const char *machine, enum load_method method)
{
	struct load_request request;
	struct load_outcome o;

	fake_up(machine);
	request = fake_request(method);
	assert_ok(fake_load(&request, false, &o, err));
	assert_false(o.unchanged);
	assert_int_equal(o.record.code, 0);
	assert_int_equal(fake.n_calls, 1);
	assert_int_equal(fake.in_place, 'A');
	return request;
}

/* Load once more: is the kernel asked? */
FAKE_CALL void assert_loads(const struct load_request *request, bool loads)
{
	int before = fake.n_calls;
	struct load_outcome o;

	assert_ok(fake_load(request, false, &o, err));
	assert_int_equal(o.record.code, 0);
	assert_int_equal(o.unchanged, !loads);
	assert_int_equal(fake.n_calls, before + loads);
}

/* ---- unchanged or not */

TEST(unchanged)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);
	struct load_outcome o;

	assert_loads(&request, false);
	assert_ok(fake_load(&request, true, &o, err)); /* -f */
	assert_false(o.unchanged);
	assert_int_equal(fake.n_calls, 2);
	assert_true(o.submitted.unarmed_ns);
	assert_loads(&request, false);
	fake_loaded(true, false); /* somebody unloaded it */
	assert_loads(&request, true);
	assert_loads(&request, false);
	fake_down();
}

TEST(changed_input)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);

	fake_make_initrd("070701 another one");
	assert_loads(&request, true);
	assert_loads(&request, false);
	request.cmdline = "quiet";
	assert_loads(&request, true);
	assert_loads(&request, false);
	fake_make_kernel('B');
	assert_loads(&request, true);
	assert_loads(&request, false);
	assert_int_equal(fake.in_place, 'B');
	request.n_initrds = 0;
	assert_loads(&request, true);
	assert_loads(&request, false);
	request.n_initrds = 1;
	request.method = LOAD_BY_SEGMENTS;
	fake.other_files = true;
	assert_loads(&request, true);
	assert_loads(&request, false);
	/* a name is not what is loaded */
	assert_int_equal(rename(fake.kernel, fake.initrd), 0);
	request.kernel = fake.initrd;
	request.n_initrds = 0;
	assert_loads(&request, true);
	fake_down();
}

/* A bug once: the record had the method that worked, and was compared with the one that is tried first. */
TEST(unchanged_after_fallback)
{
	struct load_request request;
	struct load_outcome o;

	fake_up("ready");
	fake.refuse_files = ENOEXEC;
	request = fake_request(LOAD_AUTO);
	assert_ok(fake_load(&request, false, &o, err));
	assert_true(o.submitted.fell_back);
	assert_int_equal(fake.n_calls, 2);
	assert_loads(&request, false);
	request.method = LOAD_BY_SEGMENTS;
	assert_loads(&request, false);
	request.method = LOAD_BY_FILES;
	assert_fails(fake_load(&request, false, &o, err), ERR_UNSUPPORTED, "ENOEXEC");
	fake_down();
}

/* An image's core header shows the memory and the CPUs of its load. */
TEST(changed_memory)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);

	fake_append("/proc/iomem", "10000000000-1003fffffff : System RAM\n");
	assert_loads(&request, true);
	assert_loads(&request, false);
	fake_append("/proc/iomem", "20000000000-2003fffffff : PCI Bus 0000:00\n");
	assert_loads(&request, false);
	fake_set("/sys/devices/system/cpu/cpu0/crash_notes", "3e000000\n");
	assert_loads(&request, true);
	assert_loads(&request, false);
	/* nobody knows: it may have changed */
	fake_remove("/proc/iomem");
	assert_loads(&request, true);
	assert_loads(&request, true);
	fake_down();
}

/* With crash_hotplug the kernel updates the header. */
TEST(hotplug_memory)
{
	struct load_request request = armed("hotplug-kernel", LOAD_BY_FILES);

	fake_append("/proc/iomem", "10000000000-1003fffffff : System RAM\n");
	assert_loads(&request, false);
	fake_down();
}

TEST(ordinary)
{
	struct load_request request;
	struct load_outcome o;

	fake_up("no-reservation");
	request = fake_request(LOAD_BY_FILES);
	request.panic = false;
	for (int i = 1; i < 3; i++) { /* each time: nothing is recorded of it */
		assert_ok(fake_load(&request, false, &o, err));
		assert_false(o.unchanged);
		assert_int_equal(o.record.code, 0);
		assert_int_equal(fake.n_calls, i);
	}
	assert_int_equal(access(fake.run, F_OK), -1);
	assert_int_equal(access(fake.lib, F_OK), -1);
	fake.refuse_files = ENOMEM;
	assert_fails(fake_load(&request, false, &o, err), ERR_NO_MEMORY,
		     "(the ordinary image loaded before is still in place)");
	fake_down();
}

/* ---- the record */

/* It is loaded; that is all that matters now. An old record would be a lie. */
TEST(not_recorded)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);
	struct load_outcome o;
	struct state s;
	char name[64];

	snprintf(name, sizeof(name), "%s/a\nb", fake.dir);
	assert_int_equal(link(fake.kernel, name), 0);
	request.kernel = name;
	assert_ok(fake_load(&request, true, &o, err));
	assert_int_equal(o.record.code, ERR_UNSUPPORTED);
	assert_says(&o.record, "the load is not recorded: a line break");
	assert_ok(state_read(&fake.dirs, &s, err));
	assert_false(s.known);
	request.kernel = fake.kernel; /* what the record said before */
	assert_loads(&request, true);
	fake_down();

	fake_up("ready");
	request = fake_request(LOAD_BY_FILES);
	fake.dirs.run = "/proc/no";
	assert_ok(fake_load(&request, false, &o, err));
	assert_int_equal(o.record.code, ERR_NOT_FOUND);
	assert_says(&o.record, "/proc/no");
	fake_down();
}

/* A record that is damaged anywhere, or cut: no crash, and at worst the same is loaded once more. */
TEST(damaged_record)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);
	_cleanup_free_ char *good = NULL;
	struct load_outcome o;
	char path[128];
	size_t len;

	snprintf(path, sizeof(path), "%s/panic-kernel", fake.run);
	assert_ok(io_read_file(path, 1 << 20, &good, &len, err));
	for (size_t i = 0; i < 2 * len; i += 7) {
		_cleanup_free_ char *bad = malloc(len);
		FILE *f = fopen(path, "w");

		assert_true(bad && f);
		memcpy(bad, good, len);
		bad[i % len] ^= 0x15;
		assert_int_equal(fwrite(bad, 1, i < len ? len : i - len, f),
				 i < len ? len : i - len);
		assert_int_equal(fclose(f), 0);
		fake.n_calls = 0;
		assert_ok(fake_load(&request, false, &o, err));
		assert_int_equal(o.record.code, 0);
		/* names and the time are not compared */
		assert_int_equal(fake.n_calls, !o.unchanged);
		assert_int_equal(fake.in_place, 'A');
	}
	fake_down();
}

TEST(unload)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);
	struct state s;
	bool was;

	fake_loaded(false, true);
	assert_ok(load_unload(false, &fake.dirs, &fake.root, &fake.sys, &was, err));
	assert_true(was && fake_is_loaded(true));
	assert_loads(&request, false); /* its record is still there */
	assert_ok(load_unload(true, &fake.dirs, &fake.root, &fake.sys, &was, err));
	assert_true(was && !fake_is_loaded(true));
	assert_ok(state_read(&fake.dirs, &s, err));
	assert_false(s.known);
	/* none is loaded, none on record */
	assert_ok(load_unload(true, &fake.dirs, &fake.root, &fake.sys, &was, err));
	assert_false(was);
	fake_down();

	request = armed("ready", LOAD_BY_FILES);
	fake.refuse_files = EBUSY;
	assert_fails(load_unload(true, &fake.dirs, &fake.root, &fake.sys, &was, err), ERR_SYSTEM,
		     "still in place");
	fake.refuse_files = 0;
	assert_loads(&request, false);
	fake_down();
}

/* ---- a failed load */

static void put_back_after(enum load_method method)
{
	struct load_request request = armed("ready", method);
	struct load_outcome o;
	struct err err = {0};

	fake_make_kernel('B');
	fake_make_initrd("070701 another one");
	request.cmdline = "quiet";
	request.method = LOAD_BY_FILES;
	fake.refuse_files = EKEYREJECTED;
	fake.refusals = 1;
	fake.other_files = true; /* the copies */
	assert_int_equal(fake_load(&request, false, &o, &err), ERR_REFUSED);
	assert_says(&err, "EKEYREJECTED");
	assert_says(&err, "(the panic kernel loaded before, ");
	assert_says(&err, ", was put back)");
	assert_null(strstr(err.msg, "no panic kernel is loaded now"));
	assert_says(&err, fake.kernel);
	assert_true(fake_is_loaded(true));
	assert_int_equal(fake.in_place, 'A');
	assert_int_equal(fake.n_calls, 3);
	assert_int_equal(fake.calls[2].segments, method == LOAD_BY_SEGMENTS);
	if (method == LOAD_BY_FILES)
		assert_string_equal(fake.calls[2].cmdline, FAKE_CMDLINE);
	/* the record still says so */
	fake_make_kernel('A');
	fake_make_initrd(FAKE_INITRD);
	request.cmdline = FAKE_CMDLINE;
	request.method = method;
	assert_loads(&request, false);
	fake_down();
}

static volatile sig_atomic_t calls_when_told;

static void on_signal(int number)
{
	(void)number;
	calls_when_told = (sig_atomic_t)fake.n_calls;
}

/* A signal between the refusal and the put-back left the machine unarmed. */
TEST(put_back_whatever_comes)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);
	struct load_outcome o;
	struct err err = {0};

	signal(SIGUSR1, on_signal);
	calls_when_told = 0;
	fake_make_kernel('B');
	fake.refuse_files = EKEYREJECTED;
	fake.refusals = 1;
	fake.other_files = true;
	fake.interrupt = true;
	assert_int_equal(fake_load(&request, false, &o, &err), ERR_REFUSED);
	signal(SIGUSR1, SIG_DFL);
	assert_true(fake_is_loaded(true));
	assert_int_equal(calls_when_told, fake.n_calls);
	assert_int_equal(fake.n_calls, 3); /* armed, refused, put back */
	fake_down();
}

TEST(put_back)
{
	put_back_after(LOAD_BY_FILES);
	put_back_after(LOAD_BY_SEGMENTS);
}

/* Fails, with this in the message, and nothing is loaded then. */
static void assert_lost(struct load_request *request, int calls, const char *says)
{
	struct load_outcome o;
	struct err err = {0};

	fake_make_kernel('B');
	fake.refuse_files = EIO;
	fake.refusals = 1;
	assert_int_equal(fake_load(request, false, &o, &err), ERR_SYSTEM);
	assert_says(&err, "EIO");
	assert_says(&err, "(no panic kernel is loaded now)");
	if (says)
		assert_says(&err, says);
	else
		assert_null(strstr(err.msg, "put back"));
	assert_false(fake_is_loaded(true));
	assert_int_equal(fake.n_calls, 1 + calls);
	fake_down();
}

/* The path of a copy. */
static void copy_of(const char *what, char ret[256])
{
	struct state_paths paths;
	struct state s;

	assert_ok(state_read(&fake.dirs, &s, err));
	assert_true(s.known);
	(void)state_request(&fake.dirs, &s, &paths);
	snprintf(ret, 256, "%s", strcmp(what, "kernel") ? paths.initrd : paths.kernel);
	state_deinit(&s);
}

TEST(put_back_damaged)
{
	struct load_request request;
	uint8_t image[FIXTURE_SIZE];
	char path[256];

	/* a kernel still, but another one */
	request = armed("ready", LOAD_BY_FILES);
	copy_of("kernel", path);
	fixture_bzimage(image);
	fake_write(path, image, sizeof(image));
	assert_lost(&request, 1, "could not be put back: ");

	request = armed("ready", LOAD_BY_FILES);
	copy_of("initrd", path);
	fake_write(path, "070701 an initramfS", 19);
	assert_lost(&request, 1, "initrd-"); /* it said that the kernel is the damaged one */

	request = armed("ready", LOAD_BY_FILES);
	copy_of("initrd", path);
	assert_int_equal(unlink(path), 0);
	assert_lost(&request, 1, "is missing");

	request = armed("ready", LOAD_BY_FILES);
	copy_of("kernel", path);
	assert_int_equal(unlink(path), 0);
	assert_lost(&request, 1, "No such file");
}

TEST(put_back_without_record)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);
	char path[128];

	assert_ok(state_forget(&fake.dirs, err));
	assert_lost(&request, 1, NULL);

	request = armed("ready", LOAD_BY_FILES);
	snprintf(path, sizeof(path), "%s/panic-kernel", fake.run);
	fake_write(path, "nonsense\n", 9);
	assert_lost(&request, 1, NULL);

	/* there was none before: nothing is lost, and nothing put back */
	request = armed("ready", LOAD_BY_FILES);
	fake_loaded(true, false);
	assert_lost(&request, 1, NULL);
}

/* The second attempt is refused, too. */
TEST(put_back_refused)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);
	struct load_outcome o;
	struct err err = {0};

	fake_make_kernel('B');
	fake.refuse_files = ENOMEM;
	fake.other_files = true;
	assert_int_equal(fake_load(&request, false, &o, &err), ERR_NO_MEMORY);
	assert_says(&err, "; the panic kernel loaded before could not be put back: "
			  "kexec_file_load: Cannot allocate memory (ENOMEM)");
	assert_int_equal(fake.n_calls, 3);
	fake_down();
}

/* Refused before anything was freed: nothing to put back. */
TEST(still_in_place)
{
	struct load_request request = armed("ready", LOAD_BY_FILES);
	struct load_outcome o;
	struct err err = {0};

	fake_make_kernel('B');
	fake.refuse_files = EBUSY;
	assert_int_equal(fake_load(&request, false, &o, &err), ERR_SYSTEM);
	assert_says(&err, "(the panic kernel loaded before is still in place)");
	assert_null(strstr(err.msg, "put back"));
	assert_int_equal(fake.n_calls, 2);
	assert_int_equal(fake.in_place, 'A');
	fake_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unchanged),
		cmocka_unit_test(changed_input),
		cmocka_unit_test(unchanged_after_fallback),
		cmocka_unit_test(changed_memory),
		cmocka_unit_test(hotplug_memory),
		cmocka_unit_test(ordinary),
		cmocka_unit_test(not_recorded),
		cmocka_unit_test(damaged_record),
		cmocka_unit_test(unload),
		cmocka_unit_test(put_back),
		cmocka_unit_test(put_back_whatever_comes),
		cmocka_unit_test(put_back_damaged),
		cmocka_unit_test(put_back_without_record),
		cmocka_unit_test(put_back_refused),
		cmocka_unit_test(still_in_place),
	};

	return cmocka_run_group_tests_name("loader_load", tests, NULL, NULL);
}
