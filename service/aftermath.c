// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/aftermath.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/utc.h"
#include "capture/record.h"
#include "service/dumps.h"
#include "service/history.h"
#include "service/journal.h"
#include "service/leftovers.h"
#include "service/places.h"

#define CLOCK_SLACK 2                /* seconds: the crash's time is a whole second, cut off */
#define OLD_SECONDS (7 * 86400)      /* what pstore has of before is no news */
#define MESSAGE     (256 + PATH_MAX) /* and a sentence */

struct tale {
	const struct service *s;
	const struct config *config;
	bool guessed; /* that there is nothing in it */
	uint64_t now;
	struct history_entry *told;
	size_t n_told;
	struct dumps_entry *dumps;
	size_t n_dumps;
	struct aftermath result;
};

static void tale_deinit(struct tale *t)
{
	free(t->told);
	free(t->dumps);
}

/* ---- what was told before */

/* By which a crash is known: its folder's name, if that is a time; a name of an unknown time is used again. */
static void make_id(const struct dumps_entry *e, char ret[64])
{
	uint64_t time, number;

	if (!retain_parse_name(e->name, &time, &number) || time)
		snprintf(ret, 64, "%.63s", e->name);
	else
		snprintf(ret, 64, "%.40s@%" PRIu64, e->name, e->made);
}

static bool is_outcome(const struct history_entry *h)
{
	return !h->pending && (h->kind == HISTORY_CRASH || h->kind == HISTORY_CRASH_TEST);
}

static bool is_told(const struct tale *t, const struct dumps_entry *e)
{
	char id[64];

	/* so old that its entry may have gone to make room */
	if (t->n_told >= HISTORY_KEEP && NUM_MAX(e->time, e->made) <= t->told[0].time)
		return true;
	make_id(e, id);
	for (size_t i = 0; i < t->n_told; i++) {
		const struct history_entry *h = &t->told[i];
		const char *name = strrchr(h->where, '/');

		if (!is_outcome(h))
			continue;
		if (strcmp(h->id, id) == 0)
			return true;
		if (h->kind == HISTORY_CRASH_TEST && e->time && name &&
		    strcmp(name + 1, e->name) == 0)
			return true;
	}
	return false;
}

/* Put on record, there and here; what cannot be put there is told again at the next boot, which is better than never. */
static int remember(struct tale *t, const struct history_entry *h, struct err *err)
{
	struct history_entry *grown = reallocarray(t->told, t->n_told + 1, sizeof(*grown));
	struct err why;

	if (!grown)
		return err_nomem(err, (t->n_told + 1) * sizeof(*grown), "the history");
	t->told = grown;
	grown[t->n_told++] = *h;
	if (history_add(t->s, h, &why))
		service_tell(
			t->s, SERVICE_WARNING,
			"the history does not take what happened, which will be told again: %s",
			why.msg);
	return 0;
}

/* ---- crash tests */

static bool has_outcome(const struct tale *t, const char *id)
{
	for (size_t i = 0; i < t->n_told; i++)
		if (is_outcome(&t->told[i]) && strcmp(t->told[i].id, id) == 0)
			return true;
	return false;
}

static bool is_waiting(const struct tale *t, const struct history_entry *h)
{
	return h->kind == HISTORY_CRASH_TEST && h->pending && !has_outcome(t, h->id);
}

/* The test that this crash was; the last that was begun. NULL: it was none. */
static const struct history_entry *test_of(const struct tale *t, const struct dumps_entry *e)
{
	uint64_t when = e->time ? e->time : e->made;

	for (size_t i = t->n_told; i-- > 0;) {
		const struct history_entry *h = &t->told[i];

		if (is_waiting(t, h) && when + CLOCK_SLACK >= h->time && when >= CLOCK_SLACK &&
		    when <= UINT64_MAX - CLOCK_SLACK &&
		    (when < h->time || when - h->time <= AFTERMATH_TEST_SECONDS))
			return h;
	}
	return NULL;
}

/* ---- entries */

#define COPY(to, text) snprintf(to, sizeof(to), "%.*s", (int)sizeof(to) - 1, text)

struct story {
	char message[MESSAGE + 1200];
	char cls[64], signature[80], title[512];
	char time[UTC_TEXT], panic[512], kernel[160], folder[PATH_MAX], result[64], dump[80];
	char to[512], waits[600];
	const char *test; /* its id, or NULL */
};

static void send_story(const struct tale *t, const struct story *story, int priority,
		       const char *message_id)
{
	struct journal_field fields[10] = {
		{"LIFEBOAT_FOLDER", story->folder}, {"LIFEBOAT_RESULT", story->result},
		{"LIFEBOAT_KERNEL", story->kernel}, {"LIFEBOAT_CRASH_TIME", story->time},
		{"LIFEBOAT_PANIC", story->panic},   {"LIFEBOAT_DUMP", story->dump},
		{"LIFEBOAT_TEST", story->test},
	};
	size_t n = story->test ? 7 : 6;
	struct err err;

	if (*story->cls)
		fields[n++] = (struct journal_field){"LIFEBOAT_CLASS", story->cls};
	if (*story->signature)
		fields[n++] = (struct journal_field){"LIFEBOAT_SIGNATURE", story->signature};
	if (*story->title)
		fields[n++] = (struct journal_field){"LIFEBOAT_SIGNATURE_TITLE", story->title};
	service_tell(t->s, SERVICE_PROGRESS, "%s", story->message);
	if (journal_send(t->s, priority, message_id, story->message, fields, n, &err))
		service_tell(t->s, SERVICE_WARNING, "%s (%s)", story->message, err.msg);
}

/* A text that is never empty: the catalog puts it into sentences. */
static const char *plain(const char *text, char *buf, size_t size)
{
	return text_plain(*text ? text : "unknown", buf, size);
}

static void make_story(const struct dumps_entry *e, const char *test, struct story *to)
{
	bool whole = dumps_has_whole(e);

	*to = (struct story){.test = test};
	if (!e->time || !utc_format(e->time, to->time))
		strcpy(to->time, "an unknown time");
	text_plain(*e->panic ? e->panic : "no panic message is known", to->panic,
		   sizeof(to->panic));
	text_plain(e->cls, to->cls, sizeof(to->cls));
	text_plain(e->signature, to->signature, sizeof(to->signature));
	text_plain(e->signature_title, to->title, sizeof(to->title));
	plain(e->release, to->kernel, sizeof(to->kernel));
	plain(e->folder, to->folder, sizeof(to->folder));
	plain(strcmp(e->result, "?") == 0 ? "" : e->result, to->result, sizeof(to->result));
	text_plain(*e->dump ? e->dump : "none", to->dump, sizeof(to->dump));
	if (e->waits)
		snprintf(to->waits, sizeof(to->waits), ", and waits to be sent to %s",
			 plain(e->send_to, to->to, sizeof(to->to)));
	snprintf(to->message, sizeof(to->message), "%s at %s: %s; %s%s%s in %s%s",
		 test ? "The machine crashed for a test" : "The machine crashed", to->time,
		 to->panic, whole ? "the dump is" : "there is no whole dump (",
		 whole ? "" : to->result, whole ? "" : "), what there is lies", to->folder,
		 to->waits);
}

/* How it went, as the history has it; of a test with what was on record when it began. */
static void make_entry(const struct dumps_entry *e, const struct history_entry *test,
		       struct history_entry *to)
{
	*to = test ? *test : (struct history_entry){.kind = HISTORY_CRASH};
	to->pending = false;
	to->time = e->time ? e->time : e->made;
	if (!test)
		make_id(e, to->id);
	COPY(to->result, strcmp(e->result, "?") == 0 ? "" : e->result);
	to->good =
		strcmp(e->result, record_result_name(RECORD_COMPLETE)) == 0 && dumps_has_whole(e);
	text_plain(*e->panic || e->record_read ? e->panic : e->record_error, to->text,
		   sizeof(to->text));
	if (*e->capture_release)
		COPY(to->kernel, e->capture_release);
	COPY(to->where, strlen(e->folder) < sizeof(to->where) ? e->folder : e->name);
	to->reserved = e->reserved;
	to->peak = e->peak;
}

/* ---- crashes */

/* A crash may have left something on several targets: the best is what people want to know of. */
static const struct dumps_entry *best_of(const struct tale *t, const struct dumps_entry *e)
{
	const struct dumps_entry *best = e;

	for (size_t i = 0; i < t->n_dumps; i++) {
		const struct dumps_entry *other = &t->dumps[i];

		if (other->foreign || !e->time || strcmp(other->name, e->name) != 0)
			continue;
		if (dumps_has_whole(other) > dumps_has_whole(best) ||
		    (dumps_has_whole(other) == dumps_has_whole(best) && *other->dump > *best->dump))
			best = other;
	}
	return best;
}

static int tell_crash(struct tale *t, const struct dumps_entry *e, struct err *err)
{
	const struct history_entry *test = test_of(t, e);
	_cleanup_free_ struct story *story = malloc(sizeof(*story));
	struct history_entry entry;
	int priority;

	if (!story)
		return err_nomem(err, sizeof(*story), "a message");
	make_entry(e, test, &entry); /* `test` moves when this one is remembered */
	make_story(e, test ? entry.id : NULL, story);
	priority = test && entry.good ? LOG_NOTICE : dumps_has_whole(e) ? LOG_ERR : LOG_CRIT;
	send_story(t, story, priority, dumps_has_whole(e) ? JOURNAL_CRASH_ID : JOURNAL_LOST_ID);
	if (test)
		t->result.tests++;
	else
		t->result.crashes++;
	return remember(t, &entry, err);
}

/* The oldest first. */
static int tell_crashes(struct tale *t, struct err *err)
{
	for (size_t i = t->n_dumps; i-- > 0;) {
		const struct dumps_entry *e = &t->dumps[i];

		if (!e->foreign && !is_told(t, e) && tell_crash(t, best_of(t, e), err))
			return err->code;
	}
	return 0;
}

/* ---- tests that left nothing */

/*
 * A target that is not mounted, or a raw partition that was not collected, may have the dump that is missed. What cannot be
 * seen was told when the dumps were read.
 */
static bool may_be_elsewhere(const struct tale *t)
{
	struct service quiet = *t->s;
	struct places places = {0};
	struct err ignored;
	bool elsewhere;

	quiet.tell = NULL;
	if (t->guessed || places_find(&quiet, t->config, &places, &ignored))
		return true;
	elsewhere = places.hidden || places.waiting;
	places_deinit(&places);
	return elsewhere;
}

/* When this boot was; 0 if nobody knows. */
static uint64_t boot_time(const struct root *root)
{
	static const char key[] = "\nbtime ";
	_cleanup_free_ char *text = NULL;
	const char *at;
	struct err ignored;
	uint64_t seconds;
	size_t len;

	if (root_read(root, "/proc/stat", 16 << 20, &text, &len, &ignored))
		return 0;
	at = strstr(text, key);
	if (!at)
		return 0;
	at += strlen(key);
	text[(size_t)(at - text) + strspn(at, "0123456789")] = '\0';
	return num_parse_u64(at, &seconds, &ignored) ? 0 : seconds;
}

static int tell_failed_test(struct tale *t, const struct history_entry *pending, struct err *err)
{
	static const char why[] = "no dump was found after the restart";
	struct history_entry entry = *pending;
	_cleanup_free_ struct story *story = calloc(1, sizeof(*story));

	if (!story)
		return err_nomem(err, sizeof(*story), "a message");
	entry.pending = false;
	entry.good = false;
	entry.time = t->now;
	*entry.result = '\0';
	COPY(entry.text, why);
	story->test = entry.id;
	if (!utc_format(pending->time, story->time))
		strcpy(story->time, "an unknown time");
	strcpy(story->panic, "a crash on purpose, to test the capture");
	plain(entry.kernel, story->kernel, sizeof(story->kernel));
	plain(entry.where, story->folder, sizeof(story->folder));
	strcpy(story->result, "nothing");
	strcpy(story->dump, "none");
	snprintf(story->message, sizeof(story->message),
		 "The crash test of %s failed: %s (%s); see the console of the capture kernel, "
		 "and `lifeboat test`",
		 story->time, why, story->folder);
	send_story(t, story, LOG_CRIT, JOURNAL_LOST_ID);
	t->result.tests++;
	return remember(t, &entry, err);
}

/* Nobody knows: it stays pending. */
static void tell_open_test(const struct tale *t, const struct history_entry *pending)
{
	char time[UTC_TEXT];

	service_tell(t->s, SERVICE_WARNING,
		     "how the crash test of %s went is not known: its dump may be where it cannot "
		     "be looked at now, see `lifeboat list`; when it can be, `lifeboat collect "
		     "--boot` tells",
		     utc_format(pending->time, time) ? time : "an unknown time");
}

/* Of one that was begun since this boot the crash is still to come. */
static int tell_failed_tests(struct tale *t, struct err *err)
{
	uint64_t boot = boot_time(t->s->root);

	for (size_t i = 0, n = t->n_told; i < n; i++) {
		const struct history_entry pending = t->told[i];

		if (!is_waiting(t, &pending) || !boot || pending.time >= boot)
			continue;
		if (may_be_elsewhere(t))
			tell_open_test(t, &pending);
		else if (tell_failed_test(t, &pending, err))
			return err->code;
	}
	return 0;
}

/* ---- what only pstore knows */

static int tell_lost(struct tale *t, const struct leftovers *l, struct err *err)
{
	struct history_entry entry = {.kind = HISTORY_CRASH, .time = l->time ? l->time : t->now};
	_cleanup_free_ struct story *story = calloc(1, sizeof(*story));
	char digest[SHA256_TEXT];

	if (!story)
		return err_nomem(err, sizeof(*story), "a message");
	sha256_text(l->digest, digest);
	snprintf(entry.id, sizeof(entry.id), "pstore-%.16s", digest);
	text_plain(l->panic, entry.text, sizeof(entry.text));
	COPY(entry.where, strlen(l->where) < sizeof(entry.where) ? l->where : "pstore");
	if (!utc_format(entry.time, story->time))
		strcpy(story->time, "an unknown time");
	text_plain(*l->panic ? l->panic : "no panic message is known", story->panic,
		   sizeof(story->panic));
	strcpy(story->kernel, "unknown");
	strcpy(story->result, "nothing");
	strcpy(story->dump, "none");
	plain(l->where, story->folder, sizeof(story->folder));
	snprintf(
		story->message, sizeof(story->message),
		"The machine crashed and %s: %s; persistent storage kept the end of its log, in %s",
		may_be_elsewhere(t) ? "its dump, if there is one, cannot be looked at now"
				    : "left no dump",
		story->panic, story->folder);
	send_story(t, story, LOG_CRIT, JOURNAL_LOST_ID);
	t->result.lost = true;
	return remember(t, &entry, err);
}

/* A capture leaves the log's end there as well: then it was told already. */
static int look_at_pstore(struct tale *t, struct err *err)
{
	_cleanup_free_ struct leftovers *l = calloc(1, sizeof(*l));
	struct err why;

	if (!l)
		return err_nomem(err, sizeof(*l), "what pstore has");
	if (leftovers_find(t->s, t->now > OLD_SECONDS ? t->now - OLD_SECONDS : 0, l, &why))
		service_tell(t->s, SERVICE_WARNING, "%s", why.msg);
	if (!l->found || t->result.crashes || t->result.tests)
		return 0;
	return tell_lost(t, l, err);
}

static void cleanup_config(struct config **c)
{
	config_destroy(*c);
}

int aftermath_tell(const struct service *s, const struct config *config, uint64_t now,
		   struct aftermath *ret, struct err *err)
{
	_cleanup_(tale_deinit) struct tale t = {.s = s, .config = config, .now = now};
	_cleanup_(cleanup_config) struct config *empty = NULL;
	struct err why;

	if (!config) {
		if (config_create((struct bytes){(const uint8_t *)"", 0}, CONFIG_PATH, &empty, err))
			return err->code;
		t.config = empty;
		t.guessed = true;
	}
	if (history_read(s, &t.told, &t.n_told, NULL, &why))
		service_tell(s, SERVICE_WARNING, "what was told before is not known: %s", why.msg);
	if (dumps_read(s, t.config, NULL, &t.dumps, &t.n_dumps, err) || tell_crashes(&t, err) ||
	    tell_failed_tests(&t, err) || look_at_pstore(&t, err))
		return err->code;
	*ret = t.result;
	return 0;
}
