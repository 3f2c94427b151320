// SPDX-License-Identifier: GPL-2.0-or-later
/* Sending what was spooled to a real OpenSSH server that is dead, full, cut off or wrong about what it has. */
#include "tests/unit/ssh_world.h"
#include "tests/unit/send_fixture.h"

#define PIECES 8 /* more than goes in one connection with its digest */

static struct recipe live;

static int make(void **state)
{
	struct err err;

	if (world_make_as(state, TARGET_SSH) || root_init(&machine, scratch, &err) ||
	    service_init(&service, &machine, &no_sys, &err))
		return -1;
	*told = '\0';
	service.tell = hear_all;
	make_folders("var/crash");
	make_folders("proc/self");
	write_text("proc/self/mountinfo", "30 1 254:1 / / rw - ext4 /dev/vda1 rw\n");
	config = config_of("");
	recipe = recipe_of("deadline-network = 3\ndeadline-mount = 20\nfile = /etc/id\n");
	live = *recipe;
	live.encrypt_to = world.none;
	live.targets = &world.recipe;
	live.n_targets = 1;
	return 0;
}

static int drop(void **state)
{
	recipe_destroy(recipe);
	config_destroy(config);
	root_deinit(&machine);
	return world_drop(state);
}

static void spool_large(void)
{
	static uint8_t piece[PIECE];
	_cleanup_close_ int fd = -1;

	make_crash(HERE, SPOOLED, NULL);
	fd = open(HERE "/vmcore", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (int i = 0; i < PIECES; i++) {
		pattern(piece, PIECE, (uint64_t)i * PIECE);
		assert_int_equal(write(fd, piece, PIECE), PIECE);
	}
}

static int run_at(uint64_t now, struct err *err)
{
	const struct send send = {.s = &service, .config = config, .recipe = &live, .now = now};
	size_t left;

	return send_run(&send, &left, err);
}

static const char *at_far(const char *name)
{
	static char path[700];

	snprintf(path, sizeof(path), "%s/" CRASH "/%s", world.path, name);
	return path;
}

static void assert_still_here(void)
{
	check_dump(HERE "/vmcore", PIECES);
	assert_non_null(strstr(text_of(HERE "/crash.json"), WAITING));
}

static void assert_arrived(void)
{
	struct stat st;
	char second[700];

	check_dump(at_far("vmcore"), PIECES);
	assert_string_equal(text_of(at_far("dmesg.txt")), LOG);
	assert_ok(manifest_check(at_far(""), NULL, NULL, err));
	snprintf(second, sizeof(second), "%s/" CRASH "-2", world.path);
	assert_int_equal(stat(second, &st), -1);
	assert_false(exists(at_far("vmcore.incomplete")));
	assert_false(exists(HERE "/vmcore"));
	assert_true(exists(HERE "/dmesg.txt"));
	assert_non_null(strstr(text_of(HERE "/crash.json"), "\"verified\":true"));
}

TEST(a_server_that_is_dead_and_comes_back)
{
	world.recipe.port = free_port();
	spool_large();
	assert_fails(run_at(NOW, err), ERR_TIMEOUT, "network");
	assert_still_here();
	world_serve("", 0);
	assert_ok(run_at(NOW + 100000, err));
	assert_arrived();
}

/* Its files cannot grow as large as the dump. */
TEST(a_server_that_is_full_goes_on_in_the_same_folder)
{
	struct err why = {0};

	spool_large();
	world_serve("", 1 << 20);
	assert_int_not_equal(run_at(NOW, &why), 0);
	assert_still_here();
	assert_string_equal(text_of(at_far("dmesg.txt")), LOG);
	assert_false(exists(at_far("vmcore")));
	world_serve("", 0);
	assert_ok(run_at(NOW + 100000, err));
	assert_arrived();
}

/* It says that it has it, and then something else lies there. */
TEST(a_digest_that_differs_keeps_the_copy_here)
{
	char line[300];

	spool_large();
	write_text("session", "#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in *' lifeboat sum '*vmcore*) "
			      "echo x >>${0%/*}/far/var/crash/" CRASH "/vmcore;; esac\n"
			      "eval \"$SSH_ORIGINAL_COMMAND\"\n");
	chmod("session", 0755);
	snprintf(line, sizeof(line), "ForceCommand %s/session", scratch);
	world_serve(line, 0);
	assert_fails(run_at(NOW, err), ERR_CORRUPT, "vmcore");
	assert_still_here();
	world_serve("", 0);
	assert_ok(run_at(NOW + 100000, err));
	assert_arrived();
}

/* Killed with its dump half there. */
TEST(a_run_that_was_killed_leaves_nothing_that_looks_whole)
{
	char line[300];
	struct stat st;
	int status;
	pid_t pid;

	spool_large();
	/* a slow line: as much as fits into a pipe, and then nothing for a while */
	write_text("session",
		   "#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in *' lifeboat take '*) "
		   "cd ${0%/*}/far/var/crash/" CRASH "; head -c 700000 >vmcore.incomplete; "
		   "sleep 30;; esac\neval \"$SSH_ORIGINAL_COMMAND\"\n");
	chmod("session", 0755);
	snprintf(line, sizeof(line), "ForceCommand %s/session", scratch);
	world_serve(line, 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct err err = {0};

		_exit(run_at(NOW, &err) ? 1 : 0);
	}
	for (int i = 0; i < 2000 && (stat(at_far("vmcore.incomplete"), &st) || st.st_size < 100000);
	     i++)
		usleep(5000);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(exists(at_far("vmcore.incomplete")));
	assert_false(exists(at_far("vmcore")));
	assert_false(exists(at_far("SHA256SUMS")));
	assert_still_here();
	world_serve("", 0);
	/* what it has started lets go of the crash when it is gone */
	usleep(300000);
	assert_ok(run_at(NOW + 100000, err));
	assert_arrived();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make, drop)
	static const struct CMUnitTest tests[] = {
		T(a_server_that_is_dead_and_comes_back),
		T(a_server_that_is_full_goes_on_in_the_same_folder),
		T(a_digest_that_differs_keeps_the_copy_here),
		T(a_run_that_was_killed_leaves_nothing_that_looks_whole),
	};

	if (!world_can_be() || !world_run_folder()) {
		fprintf(stderr, "there is no OpenSSH server here, or it may not run\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
