// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/ssh_world.h"

#include <pthread.h>

#include "base/sha256.h"

#define TEXT          "[    0.000000] Linux version\n"
#define SFTP_ODD_SIZE 100001
#define ONLY          "ForceCommand internal-sftp" /* there is no shell */

static int make(void **state)
{
	return world_make_as(state, TARGET_SFTP);
}

static void put(enum crash_file file, const char *text)
{
	assert_ok(target_put(&world.target, file, text, strlen(text), err));
}

static void digest_of(const char *path, uint8_t ret[32])
{
	uint8_t piece[4096];
	_cleanup_close_ int fd = open(path, O_RDONLY);
	struct sha256 sum;
	ssize_t n;

	assert_true(fd >= 0);
	sha256_init(&sum);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		sha256_update(&sum, piece, (size_t)n);
	sha256_final(&sum, ret);
}

TEST(small_files_get_there)
{
	uint8_t digest[32], want[32];
	uint64_t space;

	world_serve(ONLY, 0);
	assert_ok(world_begin(err));
	assert_string_equal(world.place.name, STAMP);
	assert_int_equal(world.place.made, 2);
	assert_int_equal(mode_of(there("")), 0700);
	assert_int_equal(mode_of(world.path), 0755);
	put(CRASH_LOG, TEXT);
	assert_string_equal(text_of(there("dmesg.txt")), TEXT);
	assert_int_equal(mode_of(there("dmesg.txt")), 0600);
	assert_false(exists(there("dmesg.txt.incomplete")));
	put(CRASH_LOG, "");
	assert_string_equal(text_of(there("dmesg.txt")), "");
	put(CRASH_LOG, TEXT); /* committed before means replaced */
	assert_ok(world.target.ops->digest(&world.target, CRASH_LOG, digest, err));
	digest_of(there("dmesg.txt"), want);
	assert_memory_equal(digest, want, 32);
	assert_true(world.place.was_sent[CRASH_LOG]);
	assert_memory_equal(world.place.sent[CRASH_LOG], want, 32);
	assert_fails(world.target.ops->digest(&world.target, CRASH_DUMP, digest, err),
		     ERR_NOT_FOUND, "there is no vmcore");
	assert_ok(world.target.ops->space(&world.target, &space, err));
	assert_true(space > 0 && space < UINT64_MAX);
	/* somebody changed it */
	write_text(there("dmesg.txt"), "changed");
	assert_fails(world.target.ops->digest(&world.target, CRASH_LOG, digest, err), ERR_CORRUPT,
		     "does not hold what was sent");
	write_text(there("dmesg.txt"), "chan");
	/* a server may say that there is more than anybody could read */
	assert_int_equal(truncate(there("dmesg.txt"), 1LL << 40), 0);
	alarm(30);
	assert_fails(world.target.ops->digest(&world.target, CRASH_LOG, digest, err), ERR_CORRUPT,
		     "it has 1099511627776 bytes");
	alarm(0);
}

TEST(a_name_that_is_taken_gets_a_number)
{
	world_serve(ONLY, 0);
	assert_ok(world_begin(err));
	assert_ok(world_begin(err));
	assert_string_equal(world.place.name, STAMP "-2");
	assert_int_equal(world.place.made, 0);
}

TEST(a_folder_that_cannot_be_made)
{
	write_text("far/var", "a file");
	world_serve(ONLY, 0);
	assert_fails(world_begin(err), ERR_NOT_FOUND,
		     "far/var/crash: the server says No such file");
}

TEST(a_probe_leaves_nothing)
{
	world_serve(ONLY, 0);
	assert_ok(world_begin(err));
	put(CRASH_LOG, TEXT);
	assert_ok(world.target.ops->remove(&world.target, err));
	assert_false(exists("far/var"));
	assert_true(exists("far"));
}

TEST(a_dump_is_written_in_any_order)
{
	uint8_t digest[32], want[32];
	struct out *out;

	world_serve(ONLY, 0);
	assert_ok(world_begin(err));
	assert_ok(write_dump(&out, 40, err));
	assert_false(out->sequential);
	assert_true(exists(there("vmcore.incomplete")));
	assert_ok(out->ops->sync(out, err));
	assert_ok(out->ops->commit(out, err));
	assert_false(exists(there("vmcore.incomplete")));
	assert_string_equal(world.place.files[CRASH_DUMP], "vmcore");
	assert_false(world.place.was_sent[CRASH_DUMP]);
	check_dump(there("vmcore"), 40);
	assert_ok(world.target.ops->digest(&world.target, CRASH_DUMP, digest, err));
	digest_of(there("vmcore"), want);
	assert_memory_equal(digest, want, 32);
	assert_true(world.progress > 300);
}

/* Holes, ends that fit no chunk, and one byte. */
TEST(what_was_not_written_reads_as_zero)
{
	static uint8_t odd[SFTP_ODD_SIZE];
	uint8_t digest[32], want[32];
	struct out *out;

	pattern(odd, sizeof(odd), 7);
	world_serve(ONLY, 0);
	assert_ok(world_begin(err));
	assert_ok(target_create(&world.target, CRASH_DUMP, &out, err));
	assert_ok(out->ops->pwrite(out, odd, sizeof(odd), 1 << 20, err));
	assert_ok(out->ops->pwrite(out, odd, 1, 12345, err));
	assert_ok(out->ops->commit(out, err));
	assert_true(size_of(there("vmcore")) == (1 << 20) + SFTP_ODD_SIZE);
	assert_ok(world.target.ops->digest(&world.target, CRASH_DUMP, digest, err));
	digest_of(there("vmcore"), want);
	assert_memory_equal(digest, want, 32);
}

static struct out *shared_out;

static void *write_every_fourth(void *number)
{
	static _Thread_local uint8_t piece[PIECE];

	for (uint64_t i = (uint64_t)(uintptr_t)number; i < 40; i += 4) {
		struct err err;

		pattern(piece, PIECE, i * PIECE);
		if (shared_out->ops->pwrite(shared_out, piece, PIECE, i * PIECE, &err))
			return number;
	}
	return NULL;
}

TEST(several_threads_write)
{
	pthread_t threads[4];

	world_serve(ONLY, 0);
	assert_ok(world_begin(err));
	assert_ok(target_create(&world.target, CRASH_DUMP, &shared_out, err));
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_every_fourth, (void *)i),
				 0);
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_ok(shared_out->ops->commit(shared_out, err));
	check_dump(there("vmcore"), 40);
}

TEST(what_is_left_keeps_its_incomplete_name)
{
	struct out *out;

	world_serve(ONLY, 0);
	assert_ok(world_begin(err));
	assert_ok(write_dump(&out, 9, err));
	out->ops->leave(out);
	assert_true(size_of(there("vmcore.incomplete")) == 9 * PIECE);
	assert_false(exists(there("vmcore")));
	assert_ok(world.target.ops->keep_rest(&world.target, CRASH_DUMP, err));
	assert_ok(write_dump(&out, 9, err));
	out->ops->abort(out);
	assert_false(exists(there("vmcore.incomplete")));
	assert_fails(world.target.ops->keep_rest(&world.target, CRASH_DUMP, err), ERR_NOT_FOUND,
		     "vmcore.incomplete");
}

/* ---- what goes wrong */

TEST(wrong_and_revoked_keys_are_refused)
{
	char right[sizeof(world.host_key)];

	world_serve(ONLY, 0);
	strcpy(right, world.host_key);
	world_host_key("other.pub");
	assert_fails(world.target.ops->attach(&world.target, err), ERR_REFUSED,
		     "host key is none of those that are pinned");
	strcpy(world.host_key, right);
	assert_int_equal(command("cp other.pub authorized"), 0);
	assert_fails(world.target.ops->attach(&world.target, err), ERR_REFUSED, "authorized_keys");
}

TEST(a_server_without_the_subsystem)
{
	char line[128];

	snprintf(line, sizeof(line), "ForceCommand echo hello; cat >/dev/null");
	world_serve(line, 0);
	assert_fails(world.target.ops->attach(&world.target, err), ERR_CORRUPT,
		     "what answers is no SFTP server: a packet of 1751477356 bytes (\"hell\")");
}

TEST(a_connection_that_is_cut_leaves_nothing_that_looks_whole)
{
	static uint8_t piece[PIECE];
	struct err why = {0};
	struct out *out;
	int r = 0;

	if (access("/usr/lib/openssh/sftp-server", X_OK) != 0)
		skip();
	world_serve_mortal();
	assert_ok(world_begin(err));
	assert_ok(write_dump(&out, 9, err));
	assert_int_equal(kill(atoi(text_of("pid")), SIGKILL), 0);
	for (uint64_t at = 9 * PIECE; at < 400 * PIECE && !r; at += PIECE)
		r = out->ops->pwrite(out, piece, PIECE, at, &why);
	assert_int_equal(r, ERR_SYSTEM);
	assert_non_null(strstr(why.msg, "no connection, or it was cut"));
	assert_fails(out->ops->pwrite(out, piece, 1, 0, err), ERR_SYSTEM, "it was cut");
	assert_fails(out->ops->sync(out, err), ERR_SYSTEM, "it was cut");
	assert_fails(out->ops->commit(out, err), ERR_SYSTEM, "it was cut");
	assert_false(exists(there("vmcore")));
	assert_true(size_of(there("vmcore.incomplete")) > 0);
}

static int fill_small_disk(void *ctx, struct err *err)
{
	struct out *out;
	int r = write_dump(&out, 40, err);

	(void)ctx;
	if (!r)
		return out->ops->commit(out, err);
	out->ops->abort(out);
	return r;
}

TEST(a_far_end_whose_disk_is_full)
{
	struct step_outcome o;
	uint64_t space;

	if (geteuid() != 0 || mkdir("far/small", 0755) ||
	    mount("tmpfs", "far/small", "tmpfs", 0, "size=3m"))
		skip();
	snprintf(world.path, sizeof(world.path), "%s/far/small", scratch);
	world_serve(ONLY, 0);
	assert_ok(world_begin(err));
	assert_ok(world.target.ops->space(&world.target, &space, err));
	assert_in_range(space, 2 << 20, 3 << 20);
	step_run(fill_small_disk, NULL, &(struct step_limits){.ms = 30000}, &o);
	assert_int_equal(o.err.code, ERR_NO_SPACE);
	assert_non_null(strstr(o.err.msg, "make room there"));
	assert_false(exists(there("vmcore")));
	assert_false(exists(there("vmcore.incomplete")));
	assert_int_equal(umount("far/small"), 0);
}

static int write_for_ever(void *ctx, struct err *err)
{
	static uint8_t piece[PIECE];
	struct out *out;
	int r = target_create(&world.target, CRASH_DUMP, &out, err);

	(void)ctx;
	for (uint64_t at = 0; !r; at += PIECE) {
		usleep(50000);
		r = out->ops->pwrite(out, piece, PIECE, at, err);
		__atomic_fetch_add(world.target.progress, 1, __ATOMIC_RELAXED);
	}
	return r;
}

/* A server that is stopped in the middle takes nothing more: the stall deadline ends it. */
TEST(a_server_that_stands_still)
{
	uint64_t *progress = step_shared_alloc(sizeof(*progress));
	struct step_outcome o;
	char line[256];

	if (access("/usr/lib/openssh/sftp-server", X_OK) != 0)
		skip();
	write_text("session",
		   "#!/bin/sh\nexec 4<&0; /usr/lib/openssh/sftp-server <&4 & "
		   "sleep 2; kill -STOP $!; touch ${0%/*}/stopped; sleep 60; kill -KILL $!\n");
	chmod("session", 0755);
	snprintf(line, sizeof(line), "ForceCommand %s/session", scratch);
	world_serve("", 0);
	assert_ok(world_begin(err));
	world_serve(line, 0);
	world.target.progress = progress;
	step_run(write_for_ever, NULL,
		 &(struct step_limits){.ms = 20000, .progress = progress, .stall_ms = 3000}, &o);
	assert_true(o.timed_out && o.stalled && !o.abandoned);
	assert_true(o.took_ms < 15000);
	assert_true(exists("stopped"));
	/* what lies in buffers on the way: at most 2 MiB without an answer */
	assert_true(*progress * PIECE <= (uint64_t)size_of(there("vmcore.incomplete")) + (3 << 20));
	step_shared_free(progress, sizeof(*progress));
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, world_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(small_files_get_there),
		T(a_name_that_is_taken_gets_a_number),
		T(a_folder_that_cannot_be_made),
		T(a_probe_leaves_nothing),
		T(a_dump_is_written_in_any_order),
		T(what_was_not_written_reads_as_zero),
		T(several_threads_write),
		T(what_is_left_keeps_its_incomplete_name),
		T(wrong_and_revoked_keys_are_refused),
		T(a_server_without_the_subsystem),
		T(a_connection_that_is_cut_leaves_nothing_that_looks_whole),
		T(a_far_end_whose_disk_is_full),
		T(a_server_that_stands_still),
	};

	if (!world_can_be() || !world_run_folder()) {
		fprintf(stderr, "there is no OpenSSH server here, or it may not run\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
