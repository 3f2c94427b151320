// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/send.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/text.h"
#include "base/utc.h"
#include "service/build.h"
#include "service/dumps.h"
#include "service/journal.h"

#define DAY 86400

static void cleanup_recipe(struct recipe **r)
{
	recipe_destroy(*r);
}

/* ---- what waits */

static bool exists(const struct service *s, const char *folder)
{
	return root_exists(s->root, folder);
}

static const struct dumps_entry *find_crash(const struct dumps_entry *v, size_t n,
					    const char *folder)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].folder, folder) == 0)
			return &v[i];
	return NULL;
}

/* One that was put aside goes on where it was. */
static int put_on_record(const struct service *s, const struct dumps_entry *e, uint64_t now,
			 struct err *err)
{
	_cleanup_free_ struct sending *sending = calloc(1, sizeof(*sending));
	struct err none;
	int r;

	if (!sending)
		return err_nomem(err, sizeof(*sending), "what waits to be sent");
	r = sending_read(s, e->folder, sending, &none);
	if (!r && !sending->gone)
		return 0;
	if (r) {
		if (r != ERR_NOT_FOUND)
			service_tell(s, SERVICE_WARNING, "%s", none.msg);
		memset(sending, 0, sizeof(*sending));
		snprintf(sending->folder, sizeof(sending->folder), "%s", e->folder);
		sending->since = now;
	}
	sending->gone = false;
	return sending_write(s, sending, err);
}

/* What is on record and waits no more, or cannot be seen. What was sent is still to be tidied up. */
static void forget_others(const struct service *s, const struct dumps_entry *v, size_t n,
			  uint64_t now)
{
	_cleanup_free_ struct sending *known = NULL;
	struct err why;
	size_t n_known;

	if (sending_list(s, &known, &n_known, &why)) {
		service_tell(s, SERVICE_WARNING, "%s", why.msg);
		return;
	}
	for (size_t i = 0; i < n_known; i++) {
		const struct dumps_entry *e = find_crash(v, n, known[i].folder);

		if (known[i].sent ? exists(s, known[i].folder) : e && e->waits && !e->foreign)
			continue;
		if (!exists(s, known[i].folder))
			sending_put_aside(s, &known[i], now);
		else if (e && e->record_read && sending_remove(s, known[i].folder, &why))
			service_tell(s, SERVICE_WARNING, "%s", why.msg);
	}
}

int send_enqueue(const struct service *s, const struct config *config, uint64_t now, size_t *ret_n,
		 struct err *err)
{
	_cleanup_free_ struct dumps_entry *v = NULL;
	size_t n, waiting = 0;

	if (dumps_read(s, config, NULL, &v, &n, err))
		return err->code;
	for (size_t i = 0; i < n; i++) {
		if (!v[i].waits || v[i].foreign)
			continue;
		if (++waiting <= SENDING_MAX && put_on_record(s, &v[i], now, err))
			return err->code;
	}
	sending_drop_damaged(s);
	forget_others(s, v, n, now);
	if (ret_n)
		*ret_n = waiting;
	return 0;
}

uint64_t send_wait(const struct service *s, uint64_t now, uint64_t most)
{
	_cleanup_free_ struct sending *v = NULL;
	struct err ignored;
	size_t n;

	if (sending_list(s, &v, &n, &ignored))
		return most;
	for (size_t i = 0; i < n; i++)
		most = sending_is_due(&v[i], now) ? 0 : NUM_MIN(most, v[i].next - now);
	return most;
}

/* ---- telling */

struct run {
	const struct send *send;
	struct recipe *made; /* of the configuration, once it is needed */
	bool made_tried;
	struct err made_err;
	struct err first;
};

static void tell(const struct run *r, enum send_state state, const struct sending *sending,
		 const struct err *err)
{
	const struct send_outcome outcome = {state, sending, err};

	if (r->send->tell)
		r->send->tell(r->send->ctx, &outcome);
}

/* The first time, and then once in a day that it waits. */
static bool is_news(const struct sending *s, uint64_t last)
{
	return s->attempts == 1 || (s->last >= s->since && last >= s->since &&
				    (s->last - s->since) / DAY > (last - s->since) / DAY);
}

struct words {
	char message[PATH_MAX + 4096];
	char folder[PATH_MAX], to[1024], name[128], error[1024], attempts[24];
};

static void send_entry(const struct run *r, int priority, const char *id, const struct words *w)
{
	const struct journal_field fields[] = {
		{"LIFEBOAT_FOLDER", w->folder}, {"LIFEBOAT_TARGET", w->to},
		{"LIFEBOAT_NAME", w->name},     {"LIFEBOAT_ATTEMPTS", w->attempts},
		{"LIFEBOAT_ERROR", w->error},
	};
	struct err why;

	if (journal_send(r->send->s, priority, id, w->message, fields, ARRAY_SIZE(fields), &why))
		service_tell(r->send->s, SERVICE_WARNING, "%s (%s)", w->message, why.msg);
}

static struct words *words_of(const struct sending *s)
{
	struct words *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	text_plain(s->folder, w->folder, sizeof(w->folder));
	snprintf(w->attempts, sizeof(w->attempts), "%" PRIu64, s->attempts);
	strcpy(w->to, "unknown");
	strcpy(w->name, "unknown");
	strcpy(w->error, "none");
	return w;
}

static void journal_sent(const struct run *r, const struct sending *s)
{
	_cleanup_free_ struct words *w = words_of(s);
	const struct sending_place *p = &s->places[s->at];

	if (!w)
		return;
	text_plain(p->target, w->to, sizeof(w->to));
	text_plain(p->name, w->name, sizeof(w->name));
	snprintf(w->message, sizeof(w->message), "The crash in %s was sent: it is %s of %s%s",
		 w->folder, w->name, w->to,
		 s->verified ? "" : ", which could not be asked what it has: the copy here stays");
	send_entry(r, LOG_NOTICE, JOURNAL_SENT_ID, w);
}

static void journal_failed(const struct run *r, const struct sending *s, const struct err *err)
{
	_cleanup_free_ struct words *w = words_of(s);

	if (!w)
		return;
	text_plain(err->msg, w->error, sizeof(w->error));
	snprintf(w->message, sizeof(w->message), "The crash in %s still waits to be sent: %s",
		 w->folder, w->error);
	send_entry(r, LOG_WARNING, JOURNAL_UNSENT_ID, w);
}

/* ---- one crash */

static int make_recipe(const struct send *send, struct recipe **ret, struct err *err)
{
	const struct config *c = send->config;
	char version[BUILD_VERSION_SIZE];
	bool any = false;

	for (size_t i = 0; i < c->n_targets; i++)
		any |= recipe_is_remote(c->targets[i].kind) && !c->targets[i].log_only;
	if (!any)
		return err_set(err, ERR_USAGE,
			       "%s: there is no remote target to send crashes to any more",
			       c->name);
	if (build_version(send->s, c, version, err))
		return err->code;
	return service_recipe_to_send(send->s, c, version, ret, err);
}

/* Made when it is needed, and once: the names of servers are resolved for it. */
static const struct recipe *recipe_of(struct run *r, struct err *err)
{
	if (r->send->recipe)
		return r->send->recipe;
	if (!r->made_tried && make_recipe(r->send, &r->made, &r->made_err))
		r->made = NULL;
	r->made_tried = true;
	if (!r->made)
		*err = r->made_err;
	return r->made;
}

static bool has_whole_dump(const struct sending_place *p)
{
	const struct sending_file *dump = &p->files[CRASH_DUMP];

	return dump->done && !strstr(dump->name, ".incomplete");
}

/* All is there: what is left to do here can be done again and again. */
static int finish(const struct run *r, struct sendfiles *f, const struct sending *s,
		  struct err *err)
{
	const struct sending_place *p = &s->places[s->at];
	char target[2 * sizeof(p->target)], name[2 * sizeof(p->name)];
	const struct sendfiles_sent sent = {
		.target = text_plain(p->target, target, sizeof(target)),
		.name = text_plain(p->name, name, sizeof(name)),
		.time = s->last,
		.verified = s->verified,
		.dump = has_whole_dump(p),
	};

	if (sendfiles_finish(f, r->send->s, &sent, r->send->keep, err))
		return err_wrap(err, "it was sent to %s, but here", target);
	return sending_remove(r->send->s, s->folder, err);
}

/* The attempt is on record before it is made: one that takes the machine down with it is one, too. */
static int begin_attempt(const struct run *r, struct sending *s, struct err *err)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)r->send->now;
	s->attempts++;
	s->last = r->send->now;
	s->next = s->last + sending_pause(s->attempts, random);
	snprintf(s->error, sizeof(s->error), "it was not ended");
	return sending_write(r->send->s, s, err);
}

static int try_to_send(struct run *r, struct sendfiles *f, struct sending *s, struct err *err)
{
	struct sendout env = {.s = r->send->s, .ops_of = r->send->ops_of};

	env.recipe = recipe_of(r, err);
	if (!env.recipe)
		return err->code;
	return sendout_try(&env, f, s, err);
}

static void note_failure(struct run *r, struct sending *s, uint64_t last, const struct err *err)
{
	struct err why;

	snprintf(s->error, sizeof(s->error), "%.*s", (int)sizeof(s->error) - 1, err->msg);
	if (sending_write(r->send->s, s, &why))
		service_tell(r->send->s, SERVICE_WARNING, "%s", why.msg);
	if (is_news(s, last))
		journal_failed(r, s, err);
	tell(r, SEND_FAILED, s, err);
	if (!r->first.code)
		r->first = *err;
}

/* Of one that was to be removed whole, and was but for its folder. */
static bool is_tidied(const struct run *r, const struct sending *s, int code)
{
	const struct service *service = r->send->s;
	_cleanup_free_ char *path = NULL;
	struct err ignored;

	if (!s->sent || !s->verified || code != ERR_NOT_FOUND ||
	    r->send->keep != CONFIG_KEEP_NOTHING)
		return false;
	if (asprintf(&path, "%s%s", service->root->path, s->folder) < 0) {
		path = NULL;
		return false;
	}
	if (rmdir(path) && errno != ENOENT && errno != ENOTEMPTY)
		return false;
	return !sending_remove(service, s->folder, &ignored);
}

static void send_locked(struct run *r, struct sendfiles *f, struct sending *s)
{
	uint64_t last = s->last;
	struct err err = {0}, none;
	bool new = false;

	/* somebody else may have been at it until now */
	if (sending_read(r->send->s, s->folder, s, &none)) {
		if (none.code != ERR_NOT_FOUND)
			note_failure(r, s, last, &none);
		return;
	}
	new = !s->sent;
	if (begin_attempt(r, s, &err) || (new &&try_to_send(r, f, s, &err)) ||
	    finish(r, f, s, &err)) {
		note_failure(r, s, last, &err);
		return;
	}
	if (new)
		journal_sent(r, s);
	tell(r, SEND_SENT, s, NULL);
}

static void note_unreadable(struct run *r, struct sending *s, const struct err *err)
{
	uint64_t last = s->last;
	struct err why;

	if (begin_attempt(r, s, &why))
		service_tell(r->send->s, SERVICE_WARNING, "%s", why.msg);
	note_failure(r, s, last, err);
}

static void send_one(struct run *r, struct sending *s)
{
	_cleanup_free_ struct sendfiles *f = calloc(1, sizeof(*f));
	struct err err = {0};
	int code;

	if (!f) {
		err_nomem(&r->first, sizeof(*f), "a crash");
		return;
	}
	code = sendfiles_init(f, r->send->s, s->folder, &err);
	if (!code)
		send_locked(r, f, s);
	else if (code == ERR_REFUSED)
		tell(r, SEND_BUSY, s, NULL);
	else if (!is_tidied(r, s, code))
		note_unreadable(r, s, &err);
	sendfiles_deinit(f);
}

/* ---- all that is due */

static bool is_wanted(const struct send *send, const struct sending *s)
{
	return !send->only || strcmp(send->only, s->folder) == 0;
}

static void run_all(struct run *r, struct sending *v, size_t n)
{
	const struct send *send = r->send;

	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(send, &v[i]))
			continue;
		if (!send->at_once && !sending_is_due(&v[i], send->now))
			tell(r, SEND_NOT_DUE, &v[i], NULL);
		else if (send->dry)
			tell(r, SEND_WOULD, &v[i], NULL);
		else
			send_one(r, &v[i]);
	}
}

static int check_only(const struct send *send, const struct sending *v, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (is_wanted(send, &v[i]))
			return 0;
	return !send->only ? 0
			   : err_set(err, ERR_USAGE,
				     "%s: it does not wait to be sent; `lifeboat list` says which "
				     "ones do",
				     send->only);
}

int send_run(const struct send *send, size_t *ret_left, struct err *err)
{
	struct run r = {.send = send};
	_cleanup_(cleanup_recipe) struct recipe *made = NULL;
	_cleanup_free_ struct sending *v = NULL, *left = NULL;
	size_t n, n_left;

	if (send_enqueue(send->s, send->config, send->now, NULL, err) && !send->dry)
		return err->code;
	if (sending_list(send->s, &v, &n, err) || check_only(send, v, n, err))
		return err->code;
	run_all(&r, v, n);
	made = r.made;
	if (sending_list(send->s, &left, &n_left, err))
		return err->code;
	*ret_left = n_left;
	if (r.first.code)
		*err = r.first;
	return r.first.code;
}
