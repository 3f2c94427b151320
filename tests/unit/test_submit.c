// SPDX-License-Identifier: GPL-2.0-or-later
/* Plans that are given to a kernel of our own, and what it is asked; what is foreseen must never reach it. */
#include <sys/stat.h>

#include "arch/x86_64/purgatory/purgatory.h"
#include "tests/unit/fake_kernel.h"

FAKE_CALL int submit(const struct load_request *request, struct submitted *ret, struct err *err)
{
	struct plan p;
	int r = plan_make(&fake.root, request, &p, err);

	if (r)
		return r;
	r = submit_load(&p, &fake.root, &fake.sys, ret, err);
	plan_deinit(&p);
	return r;
}

/* ---- good loads */

TEST(by_files)
{
	struct load_request request;
	struct submitted s;

	fake_up("ready");
	request = fake_request(LOAD_BY_FILES);
	assert_ok(submit(&request, &s, err));
	assert_true(s.verified && !s.fell_back && s.method == LOAD_BY_FILES && !s.unarmed_ns);
	assert_int_equal(fake.n_calls, 1);
	assert_false(fake.calls[0].segments);
	assert_int_equal(fake.calls[0].flags, KEXEC_FILE_ON_CRASH);
	assert_string_equal(fake.calls[0].cmdline, FAKE_CMDLINE);
	assert_int_equal(fake.in_place, 'A');
	fake_down();
}

TEST(by_segments)
{
	struct load_request request;
	struct submitted s;

	fake_up("ready");
	request = fake_request(LOAD_BY_SEGMENTS);
	assert_ok(submit(&request, &s, err));
	assert_true(s.verified && !s.fell_back && s.method == LOAD_BY_SEGMENTS && !s.unarmed_ns);
	assert_int_equal(fake.n_calls, 1);
	assert_true(fake.calls[0].segments);
	assert_int_equal(fake.calls[0].flags, KEXEC_ARCH_X86_64 | KEXEC_ON_CRASH);
	assert_int_equal(fake.in_place, 'A');
	fake_down();

	fake_up("hotplug-kernel");
	request = fake_request(LOAD_BY_SEGMENTS);
	assert_ok(submit(&request, &s, err));
	assert_true(s.verified);
	assert_int_equal(fake.calls[0].flags, KEXEC_ARCH_X86_64 | KEXEC_ON_CRASH | FAKE_HOTPLUG);
	fake_down();
}

/* ttyS10 was taken for ttyS1: a purgatory with something to say would have written to that port. */
TEST(serial_port)
{
	static const struct {
		const char *cmdline;
		uint16_t port;
	} cases[] = {
		{"console=ttyS0 quiet", 0x3f8},     {"console=ttyS1,115200n8", 0x2f8},
		{"console=ttyS10,115200 quiet", 0}, {"console=ttyS1 console=ttyS10", 0x2f8},
		{"console=ttyS4 console=ttyS", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct purgatory_params params = {0};
		struct load_request request;
		struct plan p;

		fake_up("ready");
		request = fake_request(LOAD_BY_SEGMENTS);
		request.cmdline = cases[i].cmdline;
		assert_ok(plan_make(&fake.root, &request, &p, err));
		for (size_t k = 0; k < p.segments.n; k++)
			if (strcmp(p.segments.v[k].name, "purgatory") == 0)
				memcpy(&params, p.segments.v[k].data + PURGATORY_PARAMS,
				       sizeof(params));
		assert_int_equal(params.serial_port, cases[i].port);
		plan_deinit(&p);
		fake_down();
	}
}

TEST(without_initrd)
{
	struct load_request request;
	struct submitted s;

	fake_up("ready");
	request = fake_request(LOAD_BY_FILES);
	request.n_initrds = 0;
	request.cmdline = "";
	assert_ok(submit(&request, &s, err));
	assert_int_equal(fake.calls[0].flags, KEXEC_FILE_ON_CRASH | KEXEC_FILE_NO_INITRAMFS);
	assert_string_equal(fake.calls[0].cmdline, "");
	fake_down();
}

/* It needs no reservation, has no flag, and another sysctl counts. */
TEST(ordinary)
{
	struct load_request request;
	struct submitted s;

	fake_up("no-reservation");
	request = fake_request(LOAD_BY_FILES);
	request.panic = false;
	assert_ok(submit(&request, &s, err));
	assert_true(s.verified && fake_is_loaded(false) && !fake_is_loaded(true));
	assert_int_equal(fake.calls[0].flags, 0);
	/* one more: there was no panic kernel to be without */
	assert_ok(submit(&request, &s, err));
	assert_int_equal(s.unarmed_ns, 0);
	fake_down();

	fake_up("ready");
	request = fake_request(LOAD_BY_SEGMENTS);
	request.panic = false;
	assert_ok(submit(&request, &s, err));
	assert_true(s.verified && fake_is_loaded(false) && !fake_is_loaded(true));
	assert_int_equal(fake.calls[0].flags, KEXEC_ARCH_X86_64);
	fake_down();

	fake_up("limit-used-up"); /* of panic kernels */
	request = fake_request(LOAD_AUTO);
	request.panic = false;
	assert_ok(submit(&request, &s, err));
	fake_set("/proc/sys/kernel/kexec_load_limit_reboot", "0\n");
	assert_fails(submit(&request, &s, err), ERR_REFUSED, "kexec_load_limit_reboot is 0");
	assert_int_equal(fake.n_calls, 1);
	fake_down();
}

/* ---- which call */

FAKE_CALL struct plan plan_of(enum load_method method)
{
	struct load_request request = fake_request(method);
	struct plan p;

	assert_ok(plan_make(&fake.root, &request, &p, err));
	return p;
}

TEST(method)
{
	struct plan p;

	fake_up("ready");
	p = plan_of(LOAD_BY_FILES);
	assert_true(p.method == LOAD_BY_FILES && !p.may_fall_back && !p.placed);
	plan_deinit(&p);
	p = plan_of(LOAD_BY_SEGMENTS);
	assert_true(p.method == LOAD_BY_SEGMENTS && !p.may_fall_back && p.placed);
	plan_deinit(&p);
	p = plan_of(LOAD_AUTO);
	assert_true(p.method == LOAD_BY_FILES && p.may_fall_back && !p.placed);
	plan_deinit(&p);

	fake_set("/boot/config-6.1.0-56-cloud-amd64", "CONFIG_KEXEC=y\n"
						      "# CONFIG_KEXEC_FILE is not set\n");
	p = plan_of(LOAD_AUTO);
	assert_true(p.method == LOAD_BY_SEGMENTS && !p.may_fall_back && p.placed);
	assert_non_null(strstr(p.why, "CONFIG_KEXEC_FILE"));
	plan_deinit(&p);

	fake_set("/boot/config-6.1.0-56-cloud-amd64", "# CONFIG_KEXEC is not set\n"
						      "CONFIG_KEXEC_FILE=y\n");
	p = plan_of(LOAD_AUTO);
	assert_true(p.method == LOAD_BY_FILES && !p.may_fall_back);
	plan_deinit(&p);
	fake_down();

	fake_up("lockdown");
	p = plan_of(LOAD_AUTO);
	assert_true(p.method == LOAD_BY_FILES && !p.may_fall_back);
	assert_non_null(strstr(p.why, "locked down"));
	plan_deinit(&p);
	fake_down();
}

static const int all_errnos[] = {
	EPERM,         EACCES, ENOKEY,  EKEYREJECTED, ENODATA, EBADMSG, ELIBBAD,
	ENOPKG,        EBUSY,  ETXTBSY, EFBIG,        EIO,     ENOEXEC, EINVAL,
	EADDRNOTAVAIL, ENOMEM, ENOENT,  ENOSYS,       EXDEV,   ENOTSUP,
};

static bool falls_back(int sys)
{
	return sys == ENOSYS || sys == EINVAL || sys == ENOEXEC || sys == ENOTSUP;
}

TEST(fallback)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_errnos); i++) {
		int sys = all_errnos[i], r;
		struct load_request request;
		struct submitted s = {0};
		struct err err = {0};

		fake_up("ready");
		fake.refuse_files = sys;
		request = fake_request(LOAD_AUTO);
		r = submit(&request, &s, &err);
		assert_int_equal(r == 0, falls_back(sys));
		assert_int_equal(fake.n_calls, falls_back(sys) ? 2 : 1);
		if (!r) {
			assert_true(s.fell_back && s.method == LOAD_BY_SEGMENTS && s.verified);
			assert_says(&s.refusal, strerrorname_np(sys));
			assert_int_equal(s.refusal.sys, sys);
			assert_int_equal(fake.in_place, 'A');
		}
		fake_down();
	}
}

TEST(no_fallback)
{
	struct load_request request;
	struct submitted s;

	fake_up("ready");
	fake.refuse_files = ENOSYS;
	request = fake_request(LOAD_BY_FILES); /* asked for */
	assert_fails(submit(&request, &s, err), ERR_UNSUPPORTED, "CONFIG_KEXEC_FILE");
	assert_int_equal(fake.n_calls, 1);
	fake_down();

	fake_up("lockdown");
	fake.refuse_files = EINVAL;
	request = fake_request(LOAD_AUTO);
	assert_fails(submit(&request, &s, err), ERR_UNSUPPORTED, "kexec_file_load: Invalid");
	assert_int_equal(fake.n_calls, 1);
	fake_down();
}

/* Both reasons are told. */
TEST(fallback_fails)
{
	struct load_request request;
	struct submitted s;
	struct err err = {0};

	fake_up("ready");
	fake.refuse_files = ENOEXEC;
	fake.refuse_segments = EADDRNOTAVAIL;
	request = fake_request(LOAD_AUTO);
	assert_int_equal(submit(&request, &s, &err), ERR_SYSTEM);
	assert_int_equal(fake.n_calls, 2);
	assert_says(&err, "kexec_file_load: Exec format error (ENOEXEC)");
	assert_says(&err, "; then: kexec_load: Cannot assign requested address (EADDRNOTAVAIL)");
	assert_says(&err, "(no panic kernel is loaded now)");
	fake_down();

	fake_up("ready");
	fake.refuse_files = EINVAL;
	fake_remove("/proc/iomem"); /* no segments can be made */
	request = fake_request(LOAD_AUTO);
	assert_int_equal(submit(&request, &s, &err), ERR_NOT_FOUND);
	assert_int_equal(fake.n_calls, 1);
	assert_says(&err, "kexec_load, tried because of kexec_file_load: Invalid argument");
	assert_says(&err, "/proc/iomem");
	fake_down();
}

/* ---- refusals */

static void refused(int sys, enum load_method method)
{
	bool kept = sys == EBUSY || sys == ENOSYS;
	struct load_request request;
	struct submitted s = {.unarmed_ns = 77};
	struct err err = {0};
	int r;

	fake_up("ready");
	fake_loaded(true, true);
	fake.refuse_files = fake.refuse_segments = sys;
	request = fake_request(method);
	r = submit(&request, &s, &err);
	assert_true(r && r == err.code);
	assert_int_equal(err.sys, sys);
	assert_int_equal(strncmp(err.msg, load_method_name(method), 10), 0);
	assert_says(&err, strerror(sys));
	assert_says(&err, strerrorname_np(sys));
	assert_says(&err, kept ? "(the panic kernel loaded before is still in place)"
			       : "(no panic kernel is loaded now)");
	assert_int_equal(fake.n_calls, 1);
	assert_int_equal(s.unarmed_ns, 77); /* of a failed function */
	fake_down();
}

TEST(refusals)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_errnos); i++) {
		refused(all_errnos[i], LOAD_BY_FILES);
		refused(all_errnos[i], LOAD_BY_SEGMENTS);
	}
}

/* Only when there was something to be without. */
TEST(unarmed_time)
{
	struct load_request request;
	struct submitted s;

	fake_up("ready");
	request = fake_request(LOAD_BY_FILES);
	assert_ok(submit(&request, &s, err));
	assert_int_equal(s.unarmed_ns, 0);
	assert_ok(submit(&request, &s, err));
	assert_in_range(s.unarmed_ns, 1, 60000000000);
	fake_down();
}

TEST(contradicted)
{
	struct load_request request;
	struct submitted s;

	fake_up("ready");
	fake.lie = true;
	request = fake_request(LOAD_BY_FILES);
	assert_fails(submit(&request, &s, err), ERR_SYSTEM,
		     "kexec_file_load succeeded, but /sys/kernel says that no panic kernel");
	request.panic = false;
	assert_fails(submit(&request, &s, err), ERR_SYSTEM, "says that nothing is loaded");
	/* the size is still known, so the load goes ahead, but nobody can tell the outcome */
	fake_remove("/sys/kernel/kexec_crash_loaded");
	request.panic = true;
	assert_ok(submit(&request, &s, err));
	assert_false(s.verified);
	fake_down();
}

/* A bad machine, or a bad input on a good one: the kernel is never asked. */
TEST(foreseen_machine)
{
	static const struct {
		const char *machine;
		int code;
		const char *says;
		bool ordinary_too;
	} cases[] = {
		{"no-reservation", ERR_NOT_FOUND, "add crashkernel=256M", false},
		{"failed-reservation", ERR_NOT_FOUND, "crashkernel=4G", false},
		{"not-root", ERR_REFUSED, "run this as root", true},
		{"load-disabled", ERR_REFUSED, "kexec_load_disabled", true},
		{"limit-used-up", ERR_REFUSED, "kexec_load_limit_panic", false},
		{"container", ERR_REFUSED, "on the host", true},
		{"no-kexec", ERR_UNSUPPORTED, "CONFIG_KEXEC_FILE", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct load_request request;
		struct submitted s;

		fake_up(cases[i].machine);
		request = fake_request(LOAD_AUTO);
		assert_fails(submit(&request, &s, err), cases[i].code, cases[i].says);
		request.panic = false;
		if (cases[i].ordinary_too) {
			struct err err = {0};

			assert_int_equal(submit(&request, &s, &err), cases[i].code);
			assert_says(&err, cases[i].says);
			assert_null(strstr(err.msg, "panic kernel")); /* it is about none */
		}
		assert_int_equal(fake.n_calls, 0);
		fake_down();
	}
}

TEST(foreseen_lockdown)
{
	struct load_request request;
	struct submitted s;

	fake_up("lockdown");
	request = fake_request(LOAD_BY_SEGMENTS);
	assert_fails(submit(&request, &s, err), ERR_REFUSED, "takes no segments from user space");
	assert_int_equal(fake.n_calls, 0);
	request = fake_request(LOAD_BY_FILES);
	fake.refuse_files = EPERM;
	assert_fails(submit(&request, &s, err), ERR_REFUSED, "no signature that it trusts");
	assert_int_equal(fake.n_calls, 1);
	fake_down();
}

static void assert_foreseen(const char *cmdline, int code, const char *says)
{
	struct load_request request = fake_request(LOAD_AUTO);
	struct submitted s;

	request.cmdline = cmdline;
	assert_fails(submit(&request, &s, err), code, says);
	assert_int_equal(fake.n_calls, 0);
	fake_down();
}

TEST(foreseen_files)
{
	char line[2018];

	fake_up("ready");
	assert_int_equal(truncate(fake.initrd, 0), 0);
	assert_foreseen("x", ERR_CORRUPT, "/initrd: is empty");

	fake_up("ready");
	assert_int_equal(unlink(fake.initrd), 0);
	assert_foreseen("x", ERR_NOT_FOUND, "/initrd: open: No such file");

	fake_up("ready");
	assert_int_equal(unlink(fake.initrd), 0);
	assert_int_equal(mkfifo(fake.initrd, 0600), 0);
	assert_foreseen("x", ERR_USAGE, "/initrd: is not a regular file");

	fake_up("ready");
	assert_int_equal(truncate(fake.initrd, 3ll << 30), 0);
	assert_foreseen("x", ERR_NO_SPACE, "/initrd: has 3221225472 bytes");

	fake_up("ready");
	assert_int_equal(truncate(fake.initrd, 90 << 20), 0);
	assert_foreseen("x", ERR_NO_SPACE, "short by 12.0 MB");

	fake_up("ready");
	assert_int_equal(truncate(fake.kernel, 3000), 0);
	assert_foreseen("x", ERR_CORRUPT, "/vmlinuz: cut off");

	fake_up("ready");
	assert_int_equal(truncate(fake.kernel, 0x1f0), 0);
	assert_foreseen("x", ERR_UNSUPPORTED, "/vmlinuz: not a bzImage");

	fake_up("ready");
	memset(line, 'a', sizeof(line));
	line[2017] = '\0';
	assert_foreseen(line, ERR_USAGE, "1 too many");

	fake_up("ready");
	assert_foreseen(NULL, ERR_USAGE, "--reuse-cmdline");

	fake_up("ready");
	assert_foreseen("a elfcorehdr=1", ERR_USAGE, "elfcorehdr");
}

/* ---- unload */

TEST(unload_good)
{
	for (int panic = 0; panic < 2; panic++) {
		unsigned long on_crash = panic ? KEXEC_FILE_ON_CRASH : 0;
		bool was;

		fake_up("ready");
		fake_loaded(false, true);
		fake_loaded(true, true);
		assert_ok(submit_unload(panic, &fake.root, &fake.sys, &was, err));
		assert_true(was && fake_is_loaded(!panic) && !fake_is_loaded(panic));
		assert_int_equal(fake.n_calls, 1);
		assert_int_equal(fake.calls[0].flags, KEXEC_FILE_UNLOAD | on_crash);
		/* again: nothing to do, and nothing done */
		assert_ok(submit_unload(panic, &fake.root, &fake.sys, &was, err));
		assert_false(was);
		assert_int_equal(fake.n_calls, 1);
		fake_down();
	}
}

/* Without kexec_file_load(2) the other call can. */
TEST(unload_by_segments)
{
	for (int panic = 0; panic < 2; panic++) {
		bool was;

		fake_up("ready");
		fake_loaded(panic, true);
		fake.refuse_files = ENOSYS;
		assert_ok(submit_unload(panic, &fake.root, &fake.sys, &was, err));
		assert_true(was && !fake_is_loaded(panic));
		assert_int_equal(fake.n_calls, 2);
		assert_true(fake.calls[1].segments && fake.calls[1].unload);
		assert_int_equal(fake.calls[1].flags, panic ? KEXEC_ON_CRASH : 0);
		fake_down();
	}
}

TEST(unload_refused)
{
	static const struct {
		const char *machine;
		int sys, calls, code;
		const char *says;
	} cases[] = {
		{"not-root", 0, 0, ERR_REFUSED, "run this as root"},
		{"load-disabled", 0, 0, ERR_REFUSED, "kexec_load_disabled"},
		{"armed", EBUSY, 1, ERR_SYSTEM, "still in place"},
		{"armed", EPERM, 1, ERR_REFUSED, "seccomp"},
		{"armed", ENOSYS, 2, ERR_UNSUPPORTED, "CONFIG_KEXEC"},
	};
	bool was = true;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_up(cases[i].machine);
		fake.refuse_files = fake.refuse_segments = cases[i].sys;
		assert_fails(submit_unload(true, &fake.root, &fake.sys, &was, err), cases[i].code,
			     cases[i].says);
		assert_int_equal(fake.n_calls, cases[i].calls);
		assert_true(fake_is_loaded(true));
		fake_down();
	}
	fake_up("armed");
	fake.lie = true;
	assert_fails(submit_unload(true, &fake.root, &fake.sys, &was, err), ERR_SYSTEM,
		     "accepted the unload");
	fake_down();
}

/* Nobody can tell whether something is loaded: the kernel is asked to unload it all the same. */
TEST(unload_unknown)
{
	bool was = false;

	fake_up("ready");
	fake_remove("/sys/kernel/kexec_crash_loaded");
	assert_ok(submit_unload(true, &fake.root, &fake.sys, &was, err));
	assert_true(was);
	assert_int_equal(fake.n_calls, 1);
	fake_down();
}

/* ---- rehearsal */

FAKE_CALL int rehearse(enum load_method method, struct err *err)
{
	struct plan p = plan_of(method);
	int r = submit_rehearse(&p, &fake.root, &fake.sys, err);

	plan_deinit(&p);
	return r;
}

TEST(rehearse_good)
{
	fake_up("ready");
	fake_loaded(true, true);
	assert_ok(rehearse(LOAD_AUTO, err));
	assert_int_equal(fake.n_calls, 2);
	assert_int_equal(fake.calls[0].flags, 0);
	assert_string_equal(fake.calls[0].cmdline, FAKE_CMDLINE);
	assert_int_equal(fake.calls[1].flags, KEXEC_FILE_UNLOAD);
	assert_true(fake_is_loaded(true) && !fake_is_loaded(false));
	fake_down();
}

TEST(rehearse_refused)
{
	fake_up("ready");
	fake_loaded(true, true);
	fake.refuse_files = EKEYREJECTED;
	assert_fails(rehearse(LOAD_BY_FILES, err), ERR_REFUSED, "rehearsal: kexec_file_load");
	assert_int_equal(fake.n_calls, 1);
	assert_true(fake_is_loaded(true));
	fake.refuse_files = 0;
	assert_fails(rehearse(LOAD_BY_SEGMENTS, err), ERR_UNSUPPORTED, "cannot be rehearsed");
	/* what is loaded for kexec -e would be lost; so it may if that is unknown */
	fake_loaded(false, true);
	assert_fails(rehearse(LOAD_AUTO, err), ERR_REFUSED, "unload that first");
	fake_remove("/sys/kernel/kexec_loaded");
	assert_fails(rehearse(LOAD_AUTO, err), ERR_REFUSED, "unload that first");
	assert_int_equal(fake.n_calls, 1);
	fake_down();

	/* loaded, and now it stays: that must be told */
	fake_up("ready");
	fake.refuse_files = EBUSY;
	fake.accept = 1;
	assert_fails(rehearse(LOAD_AUTO, err), ERR_SYSTEM, "its image cannot be unloaded");
	assert_int_equal(fake.n_calls, 2);
	fake_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_files),           cmocka_unit_test(by_segments),
		cmocka_unit_test(serial_port),        cmocka_unit_test(without_initrd),
		cmocka_unit_test(ordinary),           cmocka_unit_test(method),
		cmocka_unit_test(fallback),           cmocka_unit_test(no_fallback),
		cmocka_unit_test(fallback_fails),     cmocka_unit_test(refusals),
		cmocka_unit_test(unarmed_time),       cmocka_unit_test(contradicted),
		cmocka_unit_test(foreseen_machine),   cmocka_unit_test(foreseen_lockdown),
		cmocka_unit_test(foreseen_files),     cmocka_unit_test(unload_good),
		cmocka_unit_test(unload_by_segments), cmocka_unit_test(unload_refused),
		cmocka_unit_test(unload_unknown),     cmocka_unit_test(rehearse_good),
		cmocka_unit_test(rehearse_refused),
	};

	return cmocka_run_group_tests_name("submit", tests, NULL, NULL);
}
