// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/send_fixture.h"

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/num.h"
#include "service/dumps.h"
#include "service/fetch.h"
#include "service/journal.h"
#include "service/sendfiles.h"
#include "service/status.h"

static struct send_outcome last;
static struct sending last_sending;
static struct err last_err;
static unsigned int n_told;

static void hear(void *ctx, const struct send_outcome *o)
{
	(void)ctx;
	last = *o;
	last_sending = *o->sending;
	if (o->err)
		last_err = *o->err;
	n_told++;
}

static struct send send_at(uint64_t now)
{
	return (struct send){.s = &service,
			     .config = config,
			     .recipe = recipe,
			     .ops_of = far_ops_of,
			     .now = now,
			     .tell = hear};
}

static int run_at(uint64_t now, struct err *err)
{
	struct send send = send_at(now);
	size_t left;

	n_told = 0;
	return send_run(&send, &left, err);
}

static struct sending *on_record(const char *folder)
{
	static struct sending s;
	struct err err;

	return sending_read(&service, folder, &s, &err) ? NULL : &s;
}

#define assert_in(text, part)                                              \
	do {                                                               \
		if (!strstr(text, part))                                   \
			fail_msg("\"%s\" is not in \"%s\"", part, (text)); \
	} while (0)

/* ---- it arrives */

TEST(a_spooled_crash_is_sent_and_leaves_its_log)
{
	char digest[SHA256_TEXT];
	struct sha256 sum;
	uint8_t raw[32];

	spool_crash(HERE, SPOOLED);
	assert_ok(run_at(NOW, err));
	assert_int_equal(n_told, 1);
	assert_int_equal(last.state, SEND_SENT);
	assert_true(last_sending.verified);
	assert_string_equal(last_sending.places[last_sending.at].name, CRASH);
	assert_string_equal(text_of(FAR "/vmcore"), DUMP);
	assert_string_equal(text_of(FAR "/dmesg.txt"), LOG);
	assert_in(text_of(FAR "/crash.json"), "\"spool\":false");
	assert_int_equal(
		strncmp(text_of(FAR "/crash.json"), "{\"schema\":\"lifeboat-crash-1\"", 28), 0);
	sha256_init(&sum);
	sha256_update(&sum, DUMP, strlen(DUMP));
	sha256_final(&sum, raw);
	sha256_text(raw, digest);
	assert_in(text_of(FAR "/SHA256SUMS"), digest);
	assert_ok(manifest_check(FAR, NULL, NULL, err));
	/* here */
	assert_false(exists(HERE "/vmcore"));
	assert_true(exists(HERE "/dmesg.txt"));
	assert_in(text_of(HERE "/crash.json"), "\"spool\":false");
	assert_in(text_of(HERE "/crash.json"),
		  "\"sent\":{\"time\":\"2025-11-23T15:00:00Z\",\"target\":\"" TARGET
		  "\",\"name\":\"" CRASH "\",\"verified\":true,\"dump\":true}");
	assert_null(on_record(FOLDER));
	/* and nothing is left to do */
	assert_ok(run_at(NOW + 1, err));
	assert_int_equal(n_told, 0);
	assert_int_equal(far->begun, 1);
}

TEST(the_list_still_knows_it)
{
	struct dumps_entry *v;
	size_t n;

	spool_crash(HERE, SPOOLED);
	assert_ok(dumps_read(&service, config, NULL, &v, &n, err));
	assert_int_equal(n, 1);
	assert_true(v[0].waits);
	assert_string_equal(v[0].send_to, TARGET);
	free(v);
	assert_ok(run_at(NOW, err));
	assert_ok(dumps_read(&service, config, NULL, &v, &n, err));
	assert_int_equal(n, 1);
	assert_false(v[0].waits);
	assert_string_equal(v[0].sent_to, TARGET);
	assert_string_equal(v[0].sent_name, CRASH);
	assert_int_equal(v[0].sent_time, NOW);
	assert_true(dumps_has_whole(&v[0]));
	assert_string_equal(v[0].dump, "");
	free(v);
}

/* The manifest here stays one that `lifeboat verify` and sha256sum agree with. */
TEST(what_stays_agrees_with_its_manifest)
{
	char line[200], text[600] = "";
	static const char *const names[] = {"dmesg.txt", "crash.json", "vmcore"};

	spool_crash(HERE, SPOOLED);
	for (size_t i = 0; i < 3; i++) {
		char path[100];
		uint8_t digest[32];
		struct stat st;
		int fd;

		snprintf(path, sizeof(path), HERE "/%s", names[i]);
		fd = open(path, O_RDONLY);
		assert_int_equal(fstat(fd, &st), 0);
		assert_ok(manifest_digest(fd, 0, (uint64_t)st.st_size, path, digest, err));
		close(fd);
		manifest_line(digest, names[i], line, sizeof(line));
		strcat(text, line);
	}
	write_text(HERE "/SHA256SUMS", text);
	assert_ok(run_at(NOW, err));
	assert_ok(manifest_check(FAR, NULL, NULL, err));
	assert_ok(manifest_check(HERE, NULL, NULL, err));
	assert_null(strstr(text_of(HERE "/SHA256SUMS"), "vmcore"));
}

TEST(what_is_to_be_kept)
{
	struct send send = send_at(NOW);
	size_t left;

	send.keep = CONFIG_KEEP_ALL;
	spool_crash(HERE, SPOOLED);
	assert_ok(send_run(&send, &left, err));
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
	assert_in(text_of(HERE "/crash.json"), "\"sent\":{");
	spool_crash("var/crash/2025-11-22T15-06-40Z", SPOOLED);
	send.keep = CONFIG_KEEP_NOTHING;
	assert_ok(send_run(&send, &left, err));
	assert_false(exists("var/crash/2025-11-22T15-06-40Z"));
	assert_string_equal(text_of("far/" CRASH "-2/vmcore"), DUMP);
	assert_int_equal(left, 0);
}

/* Somebody wants it to stay. */
TEST(a_pinned_crash_stays_whole)
{
	spool_crash(HERE, SPOOLED);
	write_text(HERE "/pinned", "");
	assert_ok(run_at(NOW, err));
	assert_string_equal(text_of(FAR "/vmcore"), DUMP);
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
}

TEST(what_was_cut_off_arrives_as_such)
{
	spool_crash(HERE, SPOOLED);
	assert_int_equal(rename(HERE "/vmcore", HERE "/vmcore.incomplete"), 0);
	assert_ok(run_at(NOW, err));
	assert_string_equal(text_of(FAR "/vmcore.incomplete"), DUMP);
	assert_false(exists(FAR "/vmcore"));
	assert_in(text_of(FAR "/crash.json"), "\"file\":\"vmcore.incomplete\"");
	assert_in(text_of(HERE "/crash.json"), "\"dump\":false}");
	assert_false(exists(HERE "/vmcore.incomplete"));
}

/* A disk that has lost a bit since. */
TEST(what_is_not_as_its_manifest_says_is_not_called_whole)
{
	char text[600], line[100];
	uint8_t other[32] = {1};

	spool_crash(HERE, SPOOLED);
	manifest_line(other, "vmcore", text, sizeof(text));
	manifest_line(other, "dmesg.txt", line, sizeof(line));
	strcat(text, line);
	write_text(HERE "/SHA256SUMS", text);
	assert_ok(run_at(NOW, err));
	assert_false(exists(FAR "/vmcore"));
	assert_string_equal(text_of(FAR "/vmcore.incomplete"), DUMP);
	assert_string_equal(text_of(FAR "/dmesg.txt.incomplete"), LOG);
}

TEST(only_a_log)
{
	make_crash(HERE, SPOOLED, NULL);
	assert_ok(run_at(NOW, err));
	assert_string_equal(text_of(FAR "/dmesg.txt"), LOG);
	assert_true(exists(FAR "/SHA256SUMS"));
	assert_in(text_of(FAR "/crash.json"), "\"dump\":{\"file\":null");
	assert_in(text_of(HERE "/crash.json"), "\"dump\":false}");
}

/* An encrypted dump is what nobody can check but its digest. */
TEST(what_is_encrypted_goes_as_it_is)
{
	make_crash(HERE, SPOOLED, NULL);
	write_text(HERE "/vmcore.flat.age", "age-encryption.org/v1\n…");
	assert_ok(run_at(NOW, err));
	assert_string_equal(text_of(FAR "/vmcore.flat.age"), "age-encryption.org/v1\n…");
	assert_false(exists(HERE "/vmcore.flat.age"));
}

TEST(what_is_in_the_clear_is_encrypted_on_its_way)
{
	recipe_destroy(recipe);
	recipe = recipe_of("file = /etc/id\nencrypt-to = "
			   "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n");
	spool_crash(HERE, SPOOLED);
	assert_ok(run_at(NOW, err));
	assert_int_equal(strncmp(text_of(FAR "/vmcore.age"), "age-encryption.org/v1\n", 22), 0);
	assert_int_equal(strncmp(text_of(FAR "/dmesg.txt.age"), "age-encryption.org/v1\n", 22), 0);
	assert_false(exists(FAR "/vmcore"));
	assert_in(text_of(FAR "/crash.json"), "\"file\":\"vmcore.age\"");
	assert_in(text_of(FAR "/SHA256SUMS"), "  vmcore.age\n");
	assert_ok(manifest_check(FAR, NULL, NULL, err));
	assert_false(exists(HERE "/vmcore"));
}

/* ---- it does not */

TEST(a_dead_server_is_tried_again_later)
{
	struct send send = send_at(NOW);
	const struct sending *s;
	uint64_t pause;
	size_t left;

	far->dead = true;
	spool_crash(HERE, SPOOLED);
	assert_fails(run_at(NOW, err), ERR_TIMEOUT, TARGET ": network: no answer");
	s = on_record(FOLDER);
	assert_non_null(s);
	assert_int_equal(s->attempts, 1);
	assert_in(s->error, "no answer");
	pause = s->next - NOW;
	assert_in_range(pause, 45, 75);
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
	/* not before its time */
	assert_ok(run_at(NOW + 1, err));
	assert_int_equal(last.state, SEND_NOT_DUE);
	assert_int_equal(send_wait(&service, NOW + 1, 1000), pause - 1);
	/* but when somebody asks for it */
	send.at_once = true;
	send.now = NOW + 1;
	assert_fails(send_run(&send, &left, err), ERR_TIMEOUT, "no answer");
	assert_int_equal(left, 1);
	assert_in_range(on_record(FOLDER)->next - NOW - 1, 90, 150);
	/* it is back */
	far->dead = false;
	assert_ok(run_at(NOW + 1000, err));
	assert_string_equal(text_of(FAR "/vmcore"), DUMP);
}

TEST(pauses_double_and_have_an_end)
{
	for (uint64_t i = 1; i < 100; i++)
		for (uint32_t random = 0; random < 1000; random += 37) {
			uint64_t p = sending_pause(i, random * 7919);
			uint64_t mean = i >= 10 ? 21600 : NUM_MIN(60ULL << (i - 1), 21600ULL);

			assert_in_range(p, mean - mean / 4, mean + mean / 4);
		}
}

/* A clock at 1970 writes what a right one would wait for; a right one, what one at 1970 would. */
TEST(a_clock_that_was_put_back_keeps_nobody_waiting)
{
	struct sending s = {.next = NOW};

	assert_true(sending_is_due(&s, NOW));
	assert_true(sending_is_due(&s, NOW + 1));
	assert_false(sending_is_due(&s, NOW - 1));
	assert_false(sending_is_due(&s, NOW - SENDING_LAST));
	assert_true(sending_is_due(&s, 1000));
}

TEST(a_full_far_end_keeps_it_here_and_gets_no_second_folder)
{
	unsigned int whole;

	far->space = 3;
	spool_crash(HERE, SPOOLED);
	for (int i = 0; i < 3; i++)
		assert_fails(run_at(NOW + (uint64_t)i * 100000, err), ERR_NO_SPACE,
			     "room for 3 bytes");
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
	assert_int_equal(far_folders(&whole), 1);
	assert_int_equal(whole, 0);
	assert_false(exists(FAR "/SHA256SUMS"));
	far->space = 0;
	assert_ok(run_at(NOW + 900000, err));
	assert_int_equal(far_folders(&whole), 1);
	assert_string_equal(text_of(FAR "/vmcore"), DUMP);
}

/* Not even the log could be written: the folder is empty, and used again. */
TEST(an_empty_folder_is_used_again)
{
	unsigned int whole;

	far->create_errno = ENOSPC;
	spool_crash(HERE, SPOOLED);
	for (int i = 0; i < 3; i++)
		assert_fails(run_at(NOW + (uint64_t)i * 100000, err), ERR_NO_SPACE, "dmesg.txt");
	assert_int_equal(far_folders(&whole), 1);
	far->create_errno = 0;
	assert_ok(run_at(NOW + 900000, err));
	assert_int_equal(far_folders(&whole), 1);
	assert_int_equal(whole, 1);
}

TEST(a_digest_that_differs_keeps_the_copy_here)
{
	far->lies = true;
	spool_crash(HERE, SPOOLED);
	assert_fails(run_at(NOW, err), ERR_CORRUPT,
		     "its digest there is not that of what was sent");
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
	assert_in(text_of(HERE "/crash.json"), WAITING);
	assert_non_null(on_record(FOLDER));
	assert_fails(run_at(NOW + 100000, err), ERR_CORRUPT, "digest");
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
	far->lies = false;
	assert_ok(run_at(NOW + 900000, err));
	assert_false(exists(HERE "/vmcore"));
	assert_ok(manifest_check(FAR, NULL, NULL, err));
}

/* What could not be flushed may not be there, whatever was read back. */
TEST(a_failed_detach_is_no_success)
{
	far->detach_errno = EIO;
	spool_crash(HERE, SPOOLED);
	assert_fails(run_at(NOW, err), ERR_SYSTEM, "unmount");
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
	far->detach_errno = 0;
	far->sent = 0;
	assert_ok(run_at(NOW + 100000, err));
	assert_int_equal(far->sent, 0); /* all of it was there */
	assert_int_equal(far->begun, 1);
	assert_false(exists(HERE "/vmcore"));
}

TEST(a_far_end_that_cannot_be_asked_gets_it_once_and_the_copy_stays)
{
	far->secret = true;
	spool_crash(HERE, SPOOLED);
	assert_ok(run_at(NOW, err));
	assert_int_equal(last.state, SEND_SENT);
	assert_false(last_sending.verified);
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
	assert_in(text_of(HERE "/crash.json"), "\"verified\":false");
	assert_ok(run_at(NOW + 100000, err));
	assert_int_equal(n_told, 0);
	assert_int_equal(far->begun, 1);
}

/* ---- what others do meanwhile */

TEST(one_that_is_being_sent_is_left_alone)
{
	int fd;

	spool_crash(HERE, SPOOLED);
	fd = open(HERE, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_ok(run_at(NOW, err));
	assert_int_equal(last.state, SEND_BUSY);
	assert_int_equal(far->begun, 0);
	close(fd);
	assert_ok(run_at(NOW, err));
	assert_int_equal(last.state, SEND_SENT);
}

/* Somebody has cleared the far end between two attempts, and another machine's crash of that second is there now. */
TEST(a_folder_that_is_not_ours_any_more_is_left_alone)
{
	unsigned int whole;

	far->space = 3;
	spool_crash(HERE, SPOOLED);
	assert_fails(run_at(NOW, err), ERR_NO_SPACE, "room");
	far->space = 0;
	write_text(FAR "/dmesg.txt", "another machine's log\n");
	write_text(FAR "/vmcore", "and memory");
	assert_ok(run_at(NOW + 100000, err));
	assert_string_equal(text_of(FAR "/dmesg.txt"), "another machine's log\n");
	assert_string_equal(text_of(FAR "/vmcore"), "and memory");
	assert_string_equal(text_of(FAR "-2/vmcore"), DUMP);
	assert_int_equal(far_folders(&whole), 2);
}

TEST(a_folder_that_was_taken_away_is_made_anew)
{
	far->space = 3;
	spool_crash(HERE, SPOOLED);
	assert_fails(run_at(NOW, err), ERR_NO_SPACE, "room");
	far->space = 0;
	assert_int_equal(unlink(FAR "/dmesg.txt"), 0);
	assert_int_equal(rmdir(FAR), 0);
	assert_fails(run_at(NOW + 100000, err), ERR_NOT_FOUND, "dmesg.txt");
	assert_ok(run_at(NOW + 900000, err));
	assert_string_equal(text_of(FAR "/vmcore"), DUMP);
}

/* A disk that is not mounted at this boot takes its crashes along, not what is known of them. */
TEST(what_is_gone_is_remembered_for_a_while)
{
	far->dead = true;
	spool_crash(HERE, SPOOLED);
	assert_fails(run_at(NOW, err), ERR_TIMEOUT, "no answer");
	assert_int_equal(rename("var/crash", "var/away"), 0);
	make_folders("var/crash");
	assert_ok(run_at(NOW + 100, err));
	assert_int_equal(n_told, 0);
	assert_int_equal(send_wait(&service, NOW + 100, 77), 77);
	assert_int_equal(rmdir("var/crash"), 0);
	assert_int_equal(rename("var/away", "var/crash"), 0);
	far->dead = false;
	assert_ok(run_at(NOW + 100000, err));
	assert_int_equal(last_sending.attempts, 2);
	assert_int_equal(last.state, SEND_SENT);
}

TEST(what_others_made_up_is_not_sent)
{
	if (geteuid())
		skip();
	spool_crash(HERE, SPOOLED);
	assert_int_equal(chown(HERE, 12345, 12345), 0);
	assert_ok(run_at(NOW, err));
	assert_int_equal(n_told, 0);
}

/* Its name is on record, and somebody has put another folder there since: that was sent, and files in it removed. */
TEST(what_others_put_in_its_place_is_not_sent)
{
	far->dead = true;
	if (geteuid())
		skip();
	spool_crash(HERE, SPOOLED);
	assert_fails(run_at(NOW, err), ERR_TIMEOUT, "no answer");
	assert_non_null(on_record(FOLDER));
	assert_int_equal(rename(HERE, "aside"), 0);
	spool_crash(HERE, SPOOLED);
	assert_int_equal(chown(HERE, 12345, 12345), 0);
	far->dead = false;
	assert_ok(run_at(NOW + 100000, err));
	assert_int_equal(n_told, 0);
	assert_int_equal(far->begun, 0);
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
}

/* It may be put there a moment after that was looked at. */
TEST(nor_is_what_is_put_there_between_the_look_and_the_sending)
{
	_cleanup_free_ struct sendfiles *f = calloc(1, sizeof(*f));

	if (geteuid())
		skip();
	spool_crash(HERE, SPOOLED);
	assert_int_equal(chown(HERE, 12345, 12345), 0);
	assert_fails(sendfiles_init(f, &service, FOLDER, err), ERR_CORRUPT, "of user 12345");
	sendfiles_deinit(f);
}

TEST(what_does_not_wait_is_not_sent)
{
	struct send send = send_at(NOW);
	size_t left;

	make_crash(HERE, RECORD_HEAD "}\n", "vmcore");
	send.only = FOLDER;
	assert_fails(send_run(&send, &left, err), ERR_USAGE, "does not wait");
	assert_true(exists(HERE "/vmcore"));
}

TEST(a_dry_run_sends_nothing)
{
	struct send send = send_at(NOW);
	size_t left;

	spool_crash(HERE, SPOOLED);
	send.dry = true;
	assert_ok(send_run(&send, &left, err));
	assert_int_equal(last.state, SEND_WOULD);
	assert_int_equal(far->begun, 0);
	assert_int_equal(left, 1);
}

/* ---- what is on record */

TEST(a_damaged_record_of_the_sending_is_made_anew)
{
	char path[400];

	far->dead = true;
	spool_crash(HERE, SPOOLED);
	assert_fails(run_at(NOW, err), ERR_TIMEOUT, "no answer");
	far->dead = false;
	snprintf(path, sizeof(path), "cd %s/send && for f in *.json; do echo '{' >$f; done",
		 service.lib);
	assert_int_equal(system(path), 0);
	assert_ok(run_at(NOW, err));
	assert_in(told, "no JSON");
	assert_int_equal(last.state, SEND_SENT);
}

/* A copy is removed because of it: what it says must be of what is there. */
TEST(a_record_that_says_sent_without_a_place_does_not_count)
{
	struct sending *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	strcpy(s->folder, FOLDER);
	s->sent = s->verified = true;
	s->at = 3;
	spool_crash(HERE, SPOOLED);
	assert_ok(sending_write(&service, s, err));
	free(s);
	far->dead = true;
	assert_fails(run_at(NOW, err), ERR_TIMEOUT, "no answer");
	assert_string_equal(text_of(HERE "/vmcore"), DUMP);
}

TEST(what_people_are_told)
{
	struct sending s = {.attempts = 3, .next = NOW + 720, .error = "no answer\033[31m"};
	char text[512];

	assert_string_equal(sending_describe(&s, NOW, text, sizeof(text)),
			    "3 attempts, next in 12 min: no answer\\x1b[31m");
	s.attempts = 1;
	assert_string_equal(sending_describe(&s, NOW + 720, text, sizeof(text)),
			    "1 attempt, next now: no answer\\x1b[31m");
	s = (struct sending){.attempts = 0};
	assert_string_equal(sending_describe(&s, NOW, text, sizeof(text)), "0 attempts, first now");
}

TEST(status_names_what_waits_for_more_than_a_day)
{
	struct sending *s = calloc(1, sizeof(*s));
	struct status *st;

	assert_non_null(s);
	strcpy(s->folder, FOLDER);
	strcpy(s->error, "no answer");
	s->attempts = 3;
	s->since = (uint64_t)time(NULL) - 3600;
	assert_ok(sending_write(&service, s, err));
	assert_ok(status_create(&service, &st, err));
	assert_int_equal(st->n_waiting, 1);
	for (size_t i = 0; i < st->n_problems; i++)
		assert_null(strstr(st->problems[i], "to be sent"));
	status_destroy(st);
	s->since -= 86400;
	assert_ok(sending_write(&service, s, err));
	assert_ok(status_create(&service, &st, err));
	assert_in(st->problems[st->n_problems - 1],
		  "1 crash has waited to be sent for more than a day, " FOLDER
		  " first (3 attempts, next now: no answer): `lifeboat send --now` tries again");
	status_destroy(st);
	free(s);
}

static void hear_nothing(void *ctx, const struct fetched *f)
{
	(void)ctx;
	(void)f;
}

/* The file by which systemd knows that there is something to send is made at boot, and goes with it. */
TEST(at_boot_what_waits_is_put_on_record)
{
	const struct fetch f = {.s = &service, .config = config, .now = NOW, .found = hear_nothing};

	spool_crash(HERE, SPOOLED);
	assert_ok(fetch_at_boot(&f, err));
	assert_non_null(on_record(FOLDER));
	assert_int_equal(on_record(FOLDER)->since, NOW);
	assert_int_equal(on_record(FOLDER)->attempts, 0);
	assert_in(told, "waits to be sent to " TARGET);
	assert_ok(run_at(NOW, err));
	assert_null(on_record(FOLDER));
}

/* ---- the journal */

static const char *entry(int journal)
{
	static char text[16384];
	ssize_t n = recv(journal, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

TEST(the_journal_hears_of_the_first_failure_and_of_the_end)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "run/systemd/journal/socket"};
	int journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	make_folders("run/systemd/journal");
	assert_int_equal(bind(journal, (struct sockaddr *)&at, sizeof(at)), 0);
	far->dead = true;
	spool_crash(HERE, SPOOLED);
	assert_fails(run_at(NOW, err), ERR_TIMEOUT, "no answer");
	assert_in(entry(journal), "MESSAGE_ID=" JOURNAL_UNSENT_ID);
	assert_fails(run_at(NOW + 1000, err), ERR_TIMEOUT, "no answer");
	assert_string_equal(entry(journal), "");
	/* a day later it is news again */
	assert_fails(run_at(NOW + 86400, err), ERR_TIMEOUT, "no answer");
	assert_in(entry(journal), "LIFEBOAT_ERROR=" TARGET ": network: no answer");
	far->dead = false;
	assert_ok(run_at(NOW + 200000, err));
	assert_in(entry(journal), "MESSAGE_ID=" JOURNAL_SENT_ID);
	close(journal);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, send_setup, send_teardown)
	static const struct CMUnitTest tests[] = {
		T(a_spooled_crash_is_sent_and_leaves_its_log),
		T(the_list_still_knows_it),
		T(what_stays_agrees_with_its_manifest),
		T(what_is_to_be_kept),
		T(a_pinned_crash_stays_whole),
		T(what_was_cut_off_arrives_as_such),
		T(what_is_not_as_its_manifest_says_is_not_called_whole),
		T(only_a_log),
		T(what_is_encrypted_goes_as_it_is),
		T(what_is_in_the_clear_is_encrypted_on_its_way),
		T(a_dead_server_is_tried_again_later),
		cmocka_unit_test(pauses_double_and_have_an_end),
		cmocka_unit_test(a_clock_that_was_put_back_keeps_nobody_waiting),
		T(a_full_far_end_keeps_it_here_and_gets_no_second_folder),
		T(an_empty_folder_is_used_again),
		T(a_digest_that_differs_keeps_the_copy_here),
		T(a_failed_detach_is_no_success),
		T(a_far_end_that_cannot_be_asked_gets_it_once_and_the_copy_stays),
		T(one_that_is_being_sent_is_left_alone),
		T(a_folder_that_is_not_ours_any_more_is_left_alone),
		T(a_folder_that_was_taken_away_is_made_anew),
		T(what_is_gone_is_remembered_for_a_while),
		T(what_others_made_up_is_not_sent),
		T(what_others_put_in_its_place_is_not_sent),
		T(nor_is_what_is_put_there_between_the_look_and_the_sending),
		T(what_does_not_wait_is_not_sent),
		T(a_dry_run_sends_nothing),
		T(a_damaged_record_of_the_sending_is_made_anew),
		T(a_record_that_says_sent_without_a_place_does_not_count),
		cmocka_unit_test(what_people_are_told),
		T(status_names_what_waits_for_more_than_a_day),
		T(at_boot_what_waits_is_put_on_record),
		T(the_journal_hears_of_the_first_failure_and_of_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
