// SPDX-License-Identifier: GPL-2.0-or-later
/* Targets of kind https and s3 with the real lifeboat-send and real servers; how these fail is in tests/web. */
#include "tests/unit/capture_fixture.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/sha256.h"
#include "capture/target.h"

#define CRASH_TIME 1760000000 /* 2025-10-09T08:53:20Z */
#define STAMP      "2025-10-09T08-53-20Z"
#define LOG        "[    0.000000] Linux version\n"
#define LARGE      (12u << 20)

static char top[512], sender[600]; /* of the tree; lifeboat-send */

static struct {
	pid_t servers;
	int stop; /* they end when this is closed */
	unsigned int web_port, store_port;
	char url[64], ca[128], credentials[128];
	char *addresses[2], *none[1], *programs[2];
	struct recipe all;
	struct recipe_target recipe;
	struct target_place place;
	struct target target;
	struct root root;
	uint64_t progress;
} world;

static char empty[] = "", localhost[] = "127.0.0.1", web_host[] = "dumps.lab.test",
	    store_host[] = "s3.lab.test", bucket[] = "dumps", region[] = "us-east-1",
	    path[] = "/in/dumps";

/* ---- servers */

static void serve(void)
{
	int in[2], out[2];
	char line[128] = "";
	FILE *said;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	world.servers = fork();
	assert_true(world.servers >= 0);
	if (!world.servers) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		/* the sanitizers' business is ours, not theirs */
		unsetenv("LD_PRELOAD");
		if (dup2(in[0], 0) != 0 || dup2(out[1], 1) != 1 || chdir(top))
			_exit(126);
		execl("/usr/bin/python3", "python3", "-m", "tests.web.serve", scratch, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	world.stop = in[1];
	said = fdopen(out[0], "r");
	assert_non_null(said);
	if (fgets(line, sizeof(line), said) && strncmp(line, "unavailable", 11) == 0) {
		fprintf(stderr, "%s", line);
		fclose(said);
		skip();
	}
	if (!*line || sscanf(line, "ready %u %u", &world.web_port, &world.store_port) != 2)
		fail_msg("the servers do not start: %s", line);
	fclose(said);
}

static int drop(void **state)
{
	if (world.servers) {
		close(world.stop);
		waitpid(world.servers, NULL, 0);
	}
	world.servers = 0;
	return scratch_drop(state);
}

static void use(enum target_kind kind)
{
	bool s3 = kind == TARGET_S3;
	unsigned int port = s3 ? world.store_port : world.web_port;

	snprintf(world.url, sizeof(world.url), "https://%s:%u/", s3 ? store_host : web_host, port);
	snprintf(world.ca, sizeof(world.ca), "%s/authority/ca.pem", scratch);
	snprintf(world.credentials, sizeof(world.credentials), "%s/credentials", scratch);
	world.addresses[0] = localhost;
	world.programs[0] = sender;
	world.recipe = (struct recipe_target){.kind = kind,
					      .path = path,
					      .servers = world.addresses,
					      .host = s3 ? store_host : web_host,
					      .port = port,
					      .network = empty,
					      .needs = empty,
					      .url = world.url,
					      .bucket = bucket,
					      .region = region,
					      .path_style = true,
					      .credentials = s3 ? world.credentials : empty,
					      .ca = world.ca};
	world.all = (struct recipe){.programs = world.programs,
				    .encrypt_to = world.none,
				    .deadline_mount = 30,
				    .deadline_log = 30,
				    .deadline_stall = 60};
	world.place = (struct target_place){0};
	assert_ok(root_init(&world.root, "/", err));
	world.target = (struct target){.recipe = &world.recipe,
				       .all = &world.all,
				       .ops = target_ops_of(kind),
				       .place = &world.place,
				       .sys = &sys_kernel,
				       .root = &world.root,
				       .progress = &world.progress};
}

static int begin(struct err *err)
{
	int r = world.target.ops->attach(&world.target, err);

	return r ? r : world.target.ops->begin(&world.target, CRASH_TIME, err);
}

/* Where a file of this crash lies. */
static const char *there(const char *name)
{
	static char text[512];
	bool s3 = world.recipe.kind == TARGET_S3;

	snprintf(text, sizeof(text), "%s/%s%s/%s/%s%s", scratch,
		 s3 ? "s3/data/dumps" : "nginx/files", path, world.place.name, name,
		 s3 ? "._S3rver_object" : "");
	return text;
}

static void put_large(struct out *out, size_t len)
{
	uint8_t *data = malloc(LARGE);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	/* pieces of all sizes, some larger than a frame */
	for (size_t at = 0, piece = 1; at < len; piece = piece * 7 % 3000017) {
		size_t n = piece < len - at ? piece : len - at;

		assert_ok(out->ops->pwrite(out, data + at, n, at, err));
		at += n;
	}
	free(data);
}

/* ---- */

static void check_crash(enum target_kind kind)
{
	uint8_t digest[32], want[32];
	uint64_t space;
	struct sha256 sum;
	struct out *out;
	char first[64];

	use(kind);
	assert_ok(begin(err));
	assert_memory_equal(world.place.name, STAMP "-", 21);
	strcpy(first, world.place.name);
	assert_ok(world.target.ops->begin(&world.target, CRASH_TIME, err));
	assert_string_not_equal(world.place.name, first);
	assert_ok(world.target.ops->space(&world.target, &space, err));
	assert_true(space == UINT64_MAX);
	assert_fails(world.target.ops->digest(&world.target, CRASH_LOG, digest, err), ERR_NOT_FOUND,
		     "dmesg.txt");
	assert_ok(target_put(&world.target, CRASH_LOG, "", 0, err));
	assert_string_equal(text_of(there("dmesg.txt")), "");
	assert_ok(target_put(&world.target, CRASH_LOG, LOG, strlen(LOG), err));
	assert_string_equal(text_of(there("dmesg.txt")), LOG);
	sha256_init(&sum);
	sha256_update(&sum, LOG, strlen(LOG));
	sha256_final(&sum, want);
	assert_true(world.place.was_sent[CRASH_LOG]);
	assert_memory_equal(world.place.sent[CRASH_LOG], want, 32);
	world.target.healthy = true;
	assert_ok(world.target.ops->digest(&world.target, CRASH_LOG, digest, err));
	assert_memory_equal(digest, want, 32);
	write_text(there("dmesg.txt"), "[    0.000000] Linux versioN\n");
	assert_fails(world.target.ops->digest(&world.target, CRASH_LOG, digest, err), ERR_CORRUPT,
		     "does not hold what was sent");
	assert_ok(target_create(&world.target, CRASH_DUMP, &out, err));
	assert_ok(out->ops->pwrite(out, LOG, strlen(LOG), 4096, err));
	assert_ok(out->ops->commit(out, err));
	assert_string_equal(world.place.files[CRASH_DUMP], "vmcore.flat");
	assert_ok(world.target.ops->remove(&world.target, err));
	assert_false(exists(there("dmesg.txt")) || exists(there("vmcore.flat")));
	root_deinit(&world.root);
}

TEST(a_crash_goes_to_a_web_server)
{
	serve();
	check_crash(TARGET_HTTPS);
}

TEST(a_crash_goes_to_an_object_store)
{
	serve();
	check_crash(TARGET_S3);
}

static void create_raw(struct out **ret)
{
	assert_ok(world.target.ops->create(&world.target, CRASH_DUMP, "vmcore.flat", ret, err));
	strcpy(world.place.files[CRASH_DUMP], "vmcore.flat");
}

static void check_large(enum target_kind kind)
{
	uint8_t digest[32];
	struct stat st;
	struct out *out;

	use(kind);
	assert_ok(begin(err));
	create_raw(&out);
	assert_true(out->sequential && out->write_once);
	put_large(out, LARGE);
	assert_fails(out->ops->pwrite(out, "x", 1, 5, err), ERR_USAGE, "comes next");
	out->ops->abort(out);
	assert_false(exists(there("vmcore.flat.part-00001")) || exists(there("vmcore.flat")));
	create_raw(&out);
	put_large(out, LARGE);
	assert_ok(out->ops->commit(out, err));
	assert_true(world.place.sent_bytes[CRASH_DUMP] == LARGE);
	world.target.healthy = true;
	assert_ok(world.target.ops->digest(&world.target, CRASH_DUMP, digest, err));
	assert_int_equal(
		stat(there(kind == TARGET_S3 ? "vmcore.flat" : "vmcore.flat.part-00003"), &st), 0);
	assert_true((uint64_t)st.st_size == (kind == TARGET_S3 ? LARGE : LARGE % (5u << 20)));
	create_raw(&out);
	put_large(out, LARGE);
	out->ops->leave(out);
	assert_true(exists(there(kind == TARGET_S3 ? "vmcore.flat.incomplete"
						   : "vmcore.flat.parts.incomplete")));
	root_deinit(&world.root);
}

TEST(a_large_file_goes_there_in_parts)
{
	serve();
	check_large(TARGET_HTTPS);
	check_large(TARGET_S3);
}

/* A step that is killed takes lifeboat-send along; what it had noted is enough to label what arrived. */
static void check_killed(enum target_kind kind)
{
	struct out *out;
	pid_t child;

	use(kind);
	assert_ok(begin(err));
	assert_fails(world.target.ops->keep_rest(&world.target, CRASH_DUMP, err), ERR_UNSUPPORTED,
		     "nobody knows");
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		setpgid(0, 0);
		create_raw(&out);
		put_large(out, LARGE);
		for (;;)
			pause();
	}
	setpgid(child, child);
	sleep(2);
	kill(-child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_ok(world.target.ops->keep_rest(&world.target, CRASH_DUMP, err));
	assert_true(exists(there(kind == TARGET_S3 ? "vmcore.flat.incomplete"
						   : "vmcore.flat.parts.incomplete")));
	assert_fails(world.target.ops->keep_rest(&world.target, CRASH_DUMP, err), ERR_UNSUPPORTED,
		     "nobody knows");
	root_deinit(&world.root);
}

TEST(what_a_killed_one_sent_is_kept)
{
	if (geteuid() != 0)
		skip(); /* /run is root's */
	serve();
	check_killed(TARGET_HTTPS);
	check_killed(TARGET_S3);
}

TEST(what_goes_wrong_is_told)
{
	char nowhere[] = "/nonexistent/lifeboat-send", other[] = "another.test";
	char liar[128];
	struct out *out;

	serve();
	use(TARGET_HTTPS);
	world.programs[0] = nowhere;
	assert_fails(begin(err), ERR_NOT_FOUND, "/nonexistent/lifeboat-send: start");
	snprintf(liar, sizeof(liar), "%s/lifeboat-send", scratch);
	assert_int_equal(symlink("/bin/echo", liar), 0);
	world.programs[0] = liar;
	assert_fails(begin(err), ERR_CORRUPT, "dumps.lab.test (127.0.0.1 port");
	/* as the dynamic loader would, without a library */
	unlink(liar);
	assert_int_equal(symlink("/bin/false", liar), 0);
	assert_fails(begin(err), ERR_SYSTEM, "ended with status 1 and said nothing");
	world.programs[0] = sender;
	world.recipe.host = other;
	assert_fails(begin(err), ERR_USAGE, "another.test");
	use(TARGET_S3);
	chmod(world.credentials, 0644);
	assert_fails(begin(err), ERR_REFUSED, "chmod 600");
	chmod(world.credentials, 0600);
	assert_ok(begin(err));
	/* it fails while it is written to, and says why */
	create_raw(&out);
	close(world.stop);
	waitpid(world.servers, NULL, 0);
	world.servers = 0;
	world.all.deadline_stall = 6;
	out->ops->abort(out);
	create_raw(&out);
	put_large(out, 4096);
	assert_fails(out->ops->commit(out, err), ERR_SYSTEM, "tried");
	root_deinit(&world.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_crash_goes_to_a_web_server, scratch_make, drop),
		cmocka_unit_test_setup_teardown(a_crash_goes_to_an_object_store, scratch_make,
						drop),
		cmocka_unit_test_setup_teardown(a_large_file_goes_there_in_parts, scratch_make,
						drop),
		cmocka_unit_test_setup_teardown(what_a_killed_one_sent_is_kept, scratch_make, drop),
		cmocka_unit_test_setup_teardown(what_goes_wrong_is_told, scratch_make, drop),
	};
	ssize_t n = readlink("/proc/self/exe", sender, sizeof(sender) - 16);
	char *end;

	/* the program of the same build: …/build/unit/test_target_web, …/build/lifeboat-send */
	if (n < 0 || !getcwd(top, sizeof(top)) || !(end = strstr(sender, "/unit/")))
		return 1;
	strcpy(end, "/lifeboat-send");
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
