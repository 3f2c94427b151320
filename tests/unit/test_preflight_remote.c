// SPDX-License-Identifier: GPL-2.0-or-later
/* The probe of targets on other machines, against a real OpenSSH server. */
#include "capture/preflight.h"

#include "tests/unit/ssh_world.h"

static int no_namespace(int flags)
{
	(void)flags;
	return 0;
}

static int no_mount(const char *source, const char *target, const char *type, unsigned long flags,
		    const void *data)
{
	(void)source;
	(void)target;
	(void)type;
	(void)flags;
	(void)data;
	return 0;
}

static const struct sys no_sys = {.unshare = no_namespace, .mount = no_mount};

static int make_ssh(void **state)
{
	return world_make_as(state, TARGET_SSH);
}

static int make_sftp(void **state)
{
	return world_make_as(state, TARGET_SFTP);
}

static struct preflight_result probe(void)
{
	const struct preflight_env env = {.root = &world.root, .sys = &no_sys, .folder = scratch};
	struct preflight_result result;

	world.recipe.mount_options = world.recipe.fstype = world.recipe.device = empty_text;
	world.recipe.network = empty_text;
	world.all.targets = &world.recipe;
	world.all.n_targets = 1;
	world.all.deadline_network = 5;
	world.all.deadline_device = 5;
	world.all.deadline_mount = 10;
	world.all.deadline_log = 10;
	assert_ok(preflight_run(&world.all, &env, &result, err));
	return result;
}

/* It goes there and leaves nothing, not even the folders that were missing. */
TEST(goes_well)
{
	struct preflight_result r;

	world_serve("", 0);
	r = probe();
	if (r.err.code)
		fail_msg("%s: %s", r.step, r.err.msg);
	assert_string_equal(r.step, "detach");
	assert_string_equal(r.device, "127.0.0.1");
	assert_false(r.unread);
	assert_true(!r.free_known || r.free > 0);
	assert_int_equal(access("far", F_OK), 0);
	assert_int_equal(access("far/var", F_OK), -1);
}

TEST(encrypted)
{
	static char recipient[] = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";
	char *list[] = {recipient, NULL};
	struct preflight_result r;

	world_serve("", 0);
	world.all.encrypt_to = list;
	r = probe();
	if (r.err.code)
		fail_msg("%s: %s", r.step, r.err.msg);
	assert_int_equal(access("far/var", F_OK), -1);
}

TEST(nobody_listens)
{
	struct preflight_result r;

	world.recipe.port = free_port();
	world.all.deadline_network = 1;
	r = probe();
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	assert_string_equal(r.step, "network");
}

TEST(key_that_the_server_does_not_take)
{
	struct preflight_result r;

	world_serve("", 0);
	snprintf(world.identity, sizeof(world.identity), "%s/other", scratch);
	r = probe();
	assert_int_not_equal(r.err.code, 0);
	assert_string_equal(r.step, "attach");
}

TEST(server_that_is_another_one)
{
	struct preflight_result r;

	world_serve("", 0);
	world_host_key("other.pub");
	r = probe();
	assert_int_not_equal(r.err.code, 0);
	assert_string_equal(r.step, "attach");
}

#define WITH(f, make) cmocka_unit_test_setup_teardown(f, make, world_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(goes_well, make_ssh),
		WITH(encrypted, make_ssh),
		WITH(nobody_listens, make_ssh),
		WITH(key_that_the_server_does_not_take, make_ssh),
		WITH(server_that_is_another_one, make_ssh),
		WITH(goes_well, make_sftp),
	};

	if (!world_can_be() || !world_run_folder()) {
		fprintf(stderr, "there is no OpenSSH server here, or it may not run\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
