// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/ssh_world.h"

#include "base/sha256.h"
#include "capture/remote.h"
#include "format/flat.h"

#define TEXT "[    0.000000] Linux version\n"

static int make(void **state)
{
	return world_make_as(state, TARGET_SSH);
}

/* ---- quoting */

TEST(a_word_arrives_as_it_is_in_every_shell)
{
	static const char *const words[] = {
		"",          "plain",        "two words", "it's",   "back\\slash\\",
		"!event",    "$HOME `id`",   "a;b|c&d>e", "\"",     "*?[a-z]~#",
		"\xc3\xa4",  "trailing\\\\", "'",         "''\\''", "--help",
		"tab\there",
	};
	static const char *const shells[] = {"/bin/sh",   "/bin/bash",     "/bin/dash", "/bin/csh",
					     "/bin/tcsh", "/usr/bin/fish", "/bin/zsh"};
	int tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (access(shells[i], X_OK) != 0)
			continue;
		tried++;
		for (size_t k = 0; k < ARRAY_SIZE(words); k++) {
			char text[512] = "exec printf %s ", argv[640], want[64];

			assert_true(remote_quote(words[k], text, sizeof(text)));
			write_text("command", text);
			snprintf(argv, sizeof(argv), "%s -c \"$(cat command)\" > got", shells[i]);
			assert_int_equal(command(argv), 0);
			snprintf(want, sizeof(want), "%s", words[k]);
			assert_string_equal(text_of("got"), want);
		}
	}
	assert_true(tried > 0);
}

TEST(a_word_that_does_not_fit_or_cannot_be_said_is_refused)
{
	char text[8] = "";

	assert_false(remote_quote("12345678", text, sizeof(text)));
	text[0] = '\0';
	assert_false(remote_quote("a\nb", text, sizeof(text)));
}

/* ---- a whole crash */

static void put(enum crash_file file, const char *text)
{
	assert_ok(target_put(&world.target, file, text, strlen(text), err));
}

TEST(small_files_get_there)
{
	uint8_t digest[32], want[32];
	struct sha256 sum;
	uint64_t space;

	world_serve("", 0);
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
	sha256_init(&sum);
	sha256_update(&sum, TEXT, strlen(TEXT));
	sha256_final(&sum, want);
	assert_memory_equal(digest, want, 32);
	assert_true(world.place.was_sent[CRASH_LOG]);
	assert_memory_equal(world.place.sent[CRASH_LOG], want, 32);
	assert_int_equal(world.place.sent_bytes[CRASH_LOG], strlen(TEXT));
	/* it was read back when it got its name; asked anew it would be seen to have changed */
	assert_true(world.place.proven[CRASH_LOG]);
	write_text(there("dmesg.txt"), "changed");
	assert_ok(world.target.ops->digest(&world.target, CRASH_LOG, digest, err));
	world.place.proven[CRASH_LOG] = false;
	assert_fails(world.target.ops->digest(&world.target, CRASH_LOG, digest, err), ERR_CORRUPT,
		     "does not hold what was sent");
	assert_fails(world.target.ops->digest(&world.target, CRASH_DUMP, digest, err),
		     ERR_NOT_FOUND, "there is no vmcore");
	assert_ok(world.target.ops->space(&world.target, &space, err));
	assert_true(space > 0 && space < UINT64_MAX);
}

TEST(a_name_that_is_taken_gets_a_number)
{
	world_serve("", 0);
	assert_ok(world_begin(err));
	assert_ok(world_begin(err));
	assert_string_equal(world.place.name, STAMP "-2");
	assert_int_equal(world.place.made, 0);
	assert_ok(world_begin(err));
	assert_string_equal(world.place.name, STAMP "-3");
}

TEST(a_probe_leaves_nothing)
{
	world_serve("", 0);
	assert_ok(world_begin(err));
	put(CRASH_LOG, TEXT);
	assert_ok(world.target.ops->remove(&world.target, err));
	assert_false(exists("far/var"));
	assert_true(exists("far"));
}

TEST(a_path_may_hold_anything)
{
	snprintf(world.path, sizeof(world.path), "%s/far/it's a \\ $HOME `id` !x \"q\"/-n",
		 scratch);
	world_serve("", 0);
	assert_ok(world_begin(err));
	put(CRASH_LOG, TEXT);
	assert_string_equal(text_of(there("dmesg.txt")), TEXT);
}

/* What a login shell says by itself is no answer of ours. */
TEST(a_talkative_far_end)
{
	char line[256];

	write_text(
		"talk",
		"#!/bin/sh\necho lifeboat: name /etc\necho lifeboat: x\nprintf 'lifeboat: done'\n"
		"echo; yes | head -c 300000\neval \"$SSH_ORIGINAL_COMMAND\"\n");
	chmod("talk", 0755);
	snprintf(line, sizeof(line), "ForceCommand %s/talk", scratch);
	world_serve(line, 0);
	assert_ok(world_begin(err));
	assert_string_equal(world.place.name, STAMP);
	put(CRASH_LOG, TEXT);
	assert_string_equal(text_of(there("dmesg.txt")), TEXT);
}

/* ---- a dump */

static void unflatten(const char *from, const char *to)
{
	_cleanup_close_ int fd = open(from, O_RDONLY);
	struct out *out;
	uint64_t bytes;

	assert_true(fd >= 0);
	assert_ok(out_file_create(to, true, &out, err));
	assert_ok(flat_rearrange(fd, from, out, &bytes, err));
	assert_ok(out->ops->commit(out, err));
}

/* A far end of few programs: those of POSIX and sha256sum. */
static void few_programs(void)
{
	assert_int_equal(command("mkdir bin && for p in sh sync cat wc dd rm mv mkdir df sleep "
				 "kill sha256sum head; "
				 "do ln -s $(command -v $p || echo /bin/$p) bin/; done"),
			 0);
}

static void serve_few(const char *more)
{
	char lines[512];

	snprintf(lines, sizeof(lines), "SetEnv PATH=%s/bin\n%s", scratch, more);
	world_serve(lines, 0);
}

TEST(a_dump_stays_flat_where_nobody_can_order_it)
{
	uint8_t digest[32];
	struct out *out;

	few_programs();
	serve_few("");
	assert_ok(world_begin(err));
	assert_ok(write_dump(&out, 40, err));
	assert_true(exists(there("vmcore.flat.incomplete")));
	assert_false(exists(there("vmcore.flat")));
	assert_ok(out->ops->commit(out, err));
	assert_false(exists(there("vmcore.flat.incomplete")));
	assert_string_equal(world.place.files[CRASH_DUMP], "vmcore.flat");
	assert_true(world.place.sent_bytes[CRASH_DUMP] == (uint64_t)size_of(there("vmcore.flat")));
	unflatten(there("vmcore.flat"), "ordered");
	check_dump("ordered", 40);
	assert_ok(world.target.ops->digest(&world.target, CRASH_DUMP, digest, err));
	assert_memory_equal(digest, world.place.sent[CRASH_DUMP], 32);
	assert_true(world.progress > 0);
}

static void order_by(const char *name, const char *text)
{
	char path[128];
	struct out *out;

	few_programs();
	snprintf(path, sizeof(path), "bin/%s", name);
	write_text(path, text);
	chmod(path, 0755);
	serve_few("");
	assert_ok(world_begin(err));
	assert_ok(write_dump(&out, 9, err));
	assert_ok(out->ops->commit(out, err));
}

TEST(a_dump_is_put_in_order_by_makedumpfile)
{
	uint8_t digest[32];

	if (access("/usr/bin/makedumpfile", X_OK) != 0)
		skip();
	order_by("makedumpfile", "#!/bin/sh\nexec /usr/bin/makedumpfile \"$@\"\n");
	assert_string_equal(world.place.files[CRASH_DUMP], "vmcore");
	assert_false(exists(there("vmcore.flat")));
	check_dump(there("vmcore"), 9);
	assert_int_equal(mode_of(there("vmcore")), 0600);
	assert_ok(world.target.ops->digest(&world.target, CRASH_DUMP, digest, err));
	assert_memory_not_equal(digest, world.place.sent[CRASH_DUMP], 32);
}

TEST(a_dump_that_cannot_be_ordered_stays_as_it_was_sent)
{
	order_by("lifeboat", "#!/bin/sh\necho x >\"$3\"\nexit 1\n");
	assert_string_equal(world.place.files[CRASH_DUMP], "vmcore.flat");
	assert_false(exists(there("vmcore")));
	assert_false(exists(there("vmcore.incomplete")));
	unflatten(there("vmcore.flat"), "ordered");
	check_dump("ordered", 9);
}

TEST(our_program_is_asked_first)
{
	write_text("note", "");
	order_by("lifeboat",
		 "#!/bin/sh\n[ \"$1 $2\" = 'makedumpfile -R' ] || exit 1\ncat >\"$3\"\n");
	assert_string_equal(world.place.files[CRASH_DUMP], "vmcore");
	/* that one does not order anything: what it made is the stream itself */
	assert_true(size_of(there("vmcore")) == (off_t)world.place.sent_bytes[CRASH_DUMP]);
}

/* Without a program for digests the size has to do, and whoever asks for one gets that of what was sent. */
TEST(a_far_end_without_sha256)
{
	uint8_t digest[32];
	struct out *out;

	few_programs();
	unlink("bin/sha256sum");
	serve_few("");
	assert_ok(world_begin(err));
	assert_ok(write_dump(&out, 9, err));
	assert_ok(out->ops->commit(out, err));
	assert_true(world.place.was_sent[CRASH_DUMP] && !world.place.proven[CRASH_DUMP]);
	assert_fails(world.target.ops->digest(&world.target, CRASH_DUMP, digest, err),
		     ERR_UNSUPPORTED, "nobody there can make a SHA-256");
}

TEST(what_is_left_keeps_its_incomplete_name)
{
	struct out *out;

	world_serve("", 0);
	assert_ok(world_begin(err));
	assert_ok(write_dump(&out, 9, err));
	out->ops->leave(out);
	assert_true(size_of(there("vmcore.flat.incomplete")) > 8 * PIECE);
	assert_false(exists(there("vmcore.flat")));
	assert_ok(world.target.ops->keep_rest(&world.target, CRASH_DUMP, err));
	assert_ok(write_dump(&out, 9, err));
	out->ops->abort(out);
	assert_false(exists(there("vmcore.flat.incomplete")));
	assert_fails(world.target.ops->keep_rest(&world.target, CRASH_DUMP, err), ERR_SYSTEM,
		     "there is nothing of");
}

/* ---- what goes wrong */

TEST(a_wrong_host_key_is_refused)
{
	world_serve("", 0);
	world_host_key("other.pub");
	assert_fails(world.target.ops->attach(&world.target, err), ERR_REFUSED,
		     "host key is none of those that are pinned");
}

TEST(a_revoked_key_is_refused)
{
	world_serve("", 0);
	assert_ok(world_begin(err));
	assert_int_equal(command("cp other.pub authorized"), 0);
	assert_fails(target_put(&world.target, CRASH_LOG, TEXT, strlen(TEXT), err), ERR_REFUSED,
		     "authorized_keys");
}

TEST(nobody_listens)
{
	world_serve("", 0);
	world_stop();
	assert_fails(world.target.ops->attach(&world.target, err), ERR_SYSTEM,
		     "no ssh server listens there");
}

TEST(an_account_without_a_shell_is_told_of_sftp)
{
	world_serve("ForceCommand internal-sftp", 0);
	assert_fails(world.target.ops->attach(&world.target, err), ERR_UNSUPPORTED, "sftp");
}

TEST(a_connection_that_is_cut_leaves_nothing_that_looks_whole)
{
	static uint8_t piece[PIECE];
	struct err why = {0};
	struct out *out;
	int r = 0;

	world_serve_mortal();
	assert_ok(world_begin(err));
	assert_ok(write_dump(&out, 9, err));
	assert_int_equal(kill(atoi(text_of("pid")), SIGKILL), 0);
	for (uint64_t at = 9 * PIECE; at < 400 * PIECE && !r; at += PIECE)
		r = out->ops->pwrite(out, piece, PIECE, at, &why);
	assert_int_equal(r, ERR_SYSTEM);
	assert_non_null(strstr(why.msg, "no connection, or it was cut"));
	/* it stays so, and says the same */
	assert_fails(out->ops->pwrite(out, piece, 1, 0, err), ERR_SYSTEM, "");
	assert_fails(out->ops->sync(out, err), ERR_SYSTEM, "");
	out->ops->leave(out);
	assert_false(exists(there("vmcore.flat")));
	assert_true(size_of(there("vmcore.flat.incomplete")) > 0);
}

TEST(a_connection_that_is_cut_before_the_commit)
{
	struct out *out;

	world_serve_mortal();
	assert_ok(world_begin(err));
	assert_ok(write_dump(&out, 9, err));
	assert_int_equal(kill(atoi(text_of("pid")), SIGKILL), 0);
	assert_fails(out->ops->commit(out, err), ERR_SYSTEM, "vmcore.flat");
	assert_false(exists(there("vmcore.flat")));
}

/* It can be asked again: the name may be there from a connection that was cut after the rename. */
TEST(the_commit_may_be_repeated)
{
	char line[256];

	write_text("session",
		   "#!/bin/sh\n(eval \"$SSH_ORIGINAL_COMMAND\") >${0%/*}/log\nr=$?\n"
		   "case $SSH_ORIGINAL_COMMAND in *' lifeboat settle '*) "
		   "if [ ! -e ${0%/*}/once ]; then touch ${0%/*}/once; kill -9 $PPID; fi;; esac\n"
		   "cat ${0%/*}/log; exit $r\n");
	chmod("session", 0755);
	snprintf(line, sizeof(line), "ForceCommand %s/session", scratch);
	world_serve(line, 0);
	assert_ok(world_begin(err));

	struct out *out;

	assert_ok(write_dump(&out, 9, err));
	assert_ok(out->ops->commit(out, err));
	assert_true(exists("once"));
	/* it was put in order already when it was asked again */
	assert_string_equal(world.place.files[CRASH_DUMP],
			    access("/usr/bin/makedumpfile", X_OK) ? "vmcore.flat" : "vmcore");
	assert_int_equal(world.place.proven[CRASH_DUMP],
			 access("/usr/bin/makedumpfile", X_OK) != 0);
}

TEST(a_far_end_without_room)
{
	struct err why = {0};
	struct out *out;
	int r;

	world_serve("", 2 << 20);
	assert_ok(world_begin(err));
	r = write_dump(&out, 40, &why);
	if (!r)
		r = out->ops->commit(out, &why);
	else
		out->ops->abort(out);
	assert_int_equal(r, ERR_NO_SPACE);
	assert_non_null(strstr(why.msg, "a limit there"));
	assert_false(exists(there("vmcore.flat")));
	assert_false(exists(there("vmcore.flat.incomplete")));
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
	world_serve("", 0);
	assert_ok(world_begin(err));
	assert_ok(world.target.ops->space(&world.target, &space, err));
	assert_in_range(space, 2 << 20, 3 << 20);
	step_run(fill_small_disk, NULL, &(struct step_limits){.ms = 30000}, &o);
	assert_int_equal(o.err.code, ERR_NO_SPACE);
	assert_non_null(strstr(o.err.msg, "make room there"));
	assert_false(exists(there("vmcore.flat")));
	assert_false(exists(there("vmcore.flat.incomplete")));
	assert_int_equal(umount("far/small"), 0);
}

/* It accepts and never answers: the step's deadline ends it, and says what was waited for. */
static int attach_step(void *ctx, struct err *err)
{
	(void)ctx;
	return world.target.ops->attach(&world.target, err);
}

TEST(a_server_that_never_answers)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);
	struct step_outcome o;

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	world.recipe.port = ntohs(a.sin_port);
	step_run(attach_step, NULL, &(struct step_limits){.ms = 1500}, &o);
	assert_true(o.timed_out && !o.abandoned);
	assert_non_null(strstr(o.err.msg, "waiting for"));
	assert_non_null(strstr(o.err.msg, "@nas.example.org (127.0.0.1 port"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, world_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_word_arrives_as_it_is_in_every_shell),
		T(a_word_that_does_not_fit_or_cannot_be_said_is_refused),
		T(small_files_get_there),
		T(a_name_that_is_taken_gets_a_number),
		T(a_probe_leaves_nothing),
		T(a_path_may_hold_anything),
		T(a_talkative_far_end),
		T(a_dump_stays_flat_where_nobody_can_order_it),
		T(a_dump_is_put_in_order_by_makedumpfile),
		T(a_dump_that_cannot_be_ordered_stays_as_it_was_sent),
		T(our_program_is_asked_first),
		T(a_far_end_without_sha256),
		T(what_is_left_keeps_its_incomplete_name),
		T(a_wrong_host_key_is_refused),
		T(a_revoked_key_is_refused),
		T(nobody_listens),
		T(an_account_without_a_shell_is_told_of_sftp),
		T(a_connection_that_is_cut_leaves_nothing_that_looks_whole),
		T(a_connection_that_is_cut_before_the_commit),
		T(the_commit_may_be_repeated),
		T(a_far_end_without_room),
		T(a_far_end_whose_disk_is_full),
		T(a_server_that_never_answers),
	};

	if (!world_can_be() || !world_run_folder()) {
		fprintf(stderr, "there is no OpenSSH server here, or it may not run\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
