// SPDX-License-Identifier: GPL-2.0-or-later
/* What the words of kexec(8) come to, on recorded machines; nothing is loaded and nothing started. */
#include "cmd/kexec.c"

#include "tests/unit/loader_fixture.h"

static int loads, starts;
const struct state_dirs load_dirs = {"/nonexistent", "/nonexistent"};

int cmd_parse(const struct cmd *cmd, const struct opt *opts, size_t n_opts, int argc, char **argv,
	      int min_operands, int max_operands, struct err *err)
{
	int n = 0;

	(void)cmd;
	(void)min_operands;
	(void)max_operands;
	return opt_parse(opts, n_opts, argc, argv, &n, err);
}

int load_do(const struct root *root, const struct load_request *request, enum load_mode mode,
	    bool force, struct err *err)
{
	(void)root;
	(void)request;
	(void)mode;
	(void)force;
	(void)err;
	loads++;
	return 0;
}

int exec_now(const struct root *root, const struct sys *sys, struct err *err)
{
	(void)root;
	(void)sys;
	(void)err;
	starts++;
	return 0;
}

static int run_on(const char *machine, struct kexec_words w, struct err *err)
{
	struct root root;
	int r;

	loads = starts = 0;
	r = root_init(&root, machine, err);
	assert_int_equal(r, 0);
	r = run(&w, &root, "vmlinuz", err);
	root_deinit(&root);
	return r;
}

/* A script that asks `kexec -S` whether the machine is armed was told of the ordinary image. */
TEST(status_is_of_the_panic_kernel)
{
	struct kexec_words w = {.status = true};
	struct err err = {0};

	assert_int_equal(run_on("tests/roots/armed", w, &err), STATUS_LOADED);
	assert_int_equal(run_on("tests/roots/ready", w, &err), 0);
	w.request.panic = true;
	assert_int_equal(run_on("tests/roots/armed", w, &err), STATUS_LOADED);
	w = (struct kexec_words){.status = true, .load = true};
	assert_int_equal(run_on("tests/roots/armed", w, &err), STATUS_ERROR); /* not recorded */
	assert_int_equal(loads + starts, 0);
}

/* -p -e staged a panic kernel and then restarted the machine into an ordinary one. */
TEST(panic_kernels_are_not_started)
{
	struct kexec_words w = {.request.panic = true, .exec = true};
	struct err err = {0};

	assert_int_equal(run_on("tests/roots/ready", w, &err), ERR_USAGE);
	assert_says(&err, "-p and -e");
	assert_int_equal(loads + starts, 0);
	w.exec = false;
	w.force = true;
	assert_int_equal(run_on("tests/roots/ready", w, &err), 0);
	assert_int_equal(loads, 1);
	assert_int_equal(starts, 0);
	w.request.panic = false;
	assert_int_equal(run_on("tests/roots/ready", w, &err), 0);
	assert_int_equal(loads, 1);
	assert_int_equal(starts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_of_the_panic_kernel),
		cmocka_unit_test(panic_kernels_are_not_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
