// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/utc.h"
#include "cmd/crashes.h"
#include "service/send.h"

#define SLICE \
	60 /* seconds: a clock that is set, and what was put on record meanwhile, are seen after so long */
#define LEAST 5 /* between two rounds, whatever is due */

struct arguments {
	const char *config, *root, *folder;
	bool all, now, dry, wait, json;
};

static const char *state_name(enum send_state state)
{
	static const char *const names[] = {
		[SEND_SENT] = "sent",       [SEND_FAILED] = "failed", [SEND_NOT_DUE] = "waits",
		[SEND_BUSY] = "being sent", [SEND_WOULD] = "due",
	};

	return names[state];
}

/* ---- what is told of one */

static void print(void *ctx, const struct send_outcome *o)
{
	const struct sending *s = o->sending;
	char text[1024];

	(void)ctx;
	crashes_print(stdout, s->folder);
	if (o->state == SEND_SENT) {
		const struct sending_place *p = &s->places[s->at];

		printf(": sent to ");
		crashes_print(stdout, p->target);
		printf(" as ");
		crashes_print(stdout, p->name);
		printf("%s\n",
		       s->verified ? "" : ", which could not be read back: the copy here stays");
		return;
	}
	printf(": %s", state_name(o->state));
	if (o->state != SEND_BUSY)
		printf(" (%s)", sending_describe(s, (uint64_t)time(NULL), text, sizeof(text)));
	putchar('\n');
	/* it goes on for hours */
	fflush(stdout);
}

static void put_time(struct json *j, const char *key, uint64_t time)
{
	char text[UTC_TEXT];

	json_put_string(j, key, time && utc_format(time, text) ? text : NULL);
}

/* Into the array of the object that `ctx` is. */
static void put(void *ctx, const struct send_outcome *o)
{
	const struct sending *s = o->sending;
	const struct sending_place *p = s->sent ? &s->places[s->at] : NULL;
	struct json *j = ctx;

	json_begin_object(j, NULL);
	json_put_string(j, "folder", s->folder);
	json_put_string(j, "state", state_name(o->state));
	json_put_string(j, "target", p ? p->target : NULL);
	json_put_string(j, "name", p ? p->name : NULL);
	json_put_bool(j, "verified", s->verified);
	put_time(j, "since", s->since);
	json_put_uint(j, "attempts", s->attempts);
	put_time(j, "last", s->last);
	put_time(j, "next", s->sent ? 0 : s->next);
	json_put_string(j, "error", o->err ? o->err->msg : *s->error ? s->error : NULL);
	json_end_object(j);
}

/* ---- a round */

static int round_of(struct crashes *c, const struct arguments *a, const char *only,
		    struct json *json, size_t *ret_left, struct err *err)
{
	const struct send send = {
		.s = &c->words.service,
		.config = c->config,
		.keep = c->config->spool_keep,
		.only = only,
		.at_once = a->now || only,
		.dry = a->dry,
		.now = (uint64_t)time(NULL),
		.tell = json ? put : print,
		.ctx = json,
	};

	return send_run(&send, ret_left, err);
}

static int round_json(struct crashes *c, const struct arguments *a, const char *only,
		      size_t *ret_left, struct err *err)
{
	struct json j;
	int r;

	cmd_begin_json(&j, stdout, "lifeboat-send-1");
	json_begin_array(&j, "crashes");
	r = round_of(c, a, only, &j, ret_left, err);
	json_end_array(&j);
	json_put_uint(&j, "left", *ret_left);
	cmd_end_json(&j);
	return r;
}

/* The crash that a person means, by its folder. */
static int find_only(struct crashes *c, const char *which, char ret[PATH_MAX], struct err *err)
{
	_cleanup_free_ struct dumps_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return err_nomem(err, sizeof(*e), "a crash");
	if (dumps_find(&c->words.service, c->config, which, e, err))
		return err->code;
	snprintf(ret, PATH_MAX, "%s", e->folder);
	return 0;
}

static int once(const struct cmd *cmd, const struct arguments *a, size_t *ret_left, struct err *err)
{
	char only[PATH_MAX] = "";
	struct crashes c;
	int r = crashes_init(&c, cmd, a->root, a->config, false, err);

	c.words.quiet = true; /* of places where nothing can be looked at `list` tells */
	if (!r && a->folder)
		r = find_only(&c, a->folder, only, err);
	if (!r && a->json)
		r = round_json(&c, a, *only ? only : NULL, ret_left, err);
	else if (!r)
		r = round_of(&c, a, *only ? only : NULL, NULL, ret_left, err);
	if (!r && !a->json && !*ret_left && !a->wait)
		printf("nothing waits to be sent\n");
	crashes_deinit(&c);
	return r;
}

/* ---- until nothing is left */

static void pause_for(uint64_t seconds)
{
	struct timespec left = {.tv_sec = (time_t)seconds};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static void wait_until_due(const struct cmd *cmd, const struct arguments *a)
{
	uint64_t wait = SLICE;
	struct service_words w;
	struct err ignored;

	pause_for(LEAST);
	if (service_words_init(&w, cmd, a->root, a->config, &ignored))
		return;
	w.quiet = true;
	/* a longer one is taken in slices, for the clock may be set meanwhile */
	while ((wait = send_wait(&w.service, (uint64_t)time(NULL), SLICE)))
		pause_for(wait);
	service_words_deinit(&w);
}

/* What fails is told, and tried again; the configuration is read anew each time, so that it can be mended meanwhile. */
static int until_all_are_sent(const struct cmd *cmd, const struct arguments *a, struct err *err)
{
	size_t left = 0;

	for (;;) {
		if (once(cmd, a, &left, err)) {
			fprintf(stderr, "lifeboat %s: ", cmd->name);
			cmd_print_plain(stderr, err->msg);
			fputc('\n', stderr);
		} else if (!left) {
			return 0;
		}
		*err = (struct err){0};
		wait_until_due(cmd, a);
	}
}

static int check_arguments(const struct arguments *a, struct err *err)
{
	if (a->folder && a->all)
		return err_set(err, ERR_USAGE, "either one crash or --all");
	if (a->wait && (a->folder || a->dry || a->json || a->now))
		return err_set(err, ERR_USAGE,
			       "--wait is for all that waits: no crash, --now, --dry-run or "
			       "--json");
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct arguments a = {0};
	const struct opt opts[] = {
		OPT_FLAG(0, "all", &a.all, "all that wait (the default)"),
		OPT_FLAG(0, "now", &a.now, "do not wait until the next attempt is due"),
		OPT_FLAG('n', "dry-run", &a.dry, "only say what would be sent"),
		OPT_FLAG(0, "wait", &a.wait, "go on until nothing waits any more"),
		OPT_STRING(0, "config", "FILE", &a.config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_FLAG(0, "json", &a.json, "print a JSON object"),
		OPT_STRING(0, "root", "DIR", &a.root, "work on the machine whose files are in DIR"),
	};
	size_t left = 0;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, err);

	if (r)
		return r;
	a.folder = argv[1];
	if (check_arguments(&a, err))
		return err->code;
	return a.wait ? until_all_are_sent(cmd, &a, err) : once(cmd, &a, &left, err);
}

const struct cmd cmd_send = {
	.name = "send",
	.operands = "[FOLDER]",
	.summary = "send crashes that could not leave the machine",
	.details =
		"Crashes that no remote target took lie in the local spool. Sends those whose "
		"next\n"
		"attempt is due (or all with --now, or the crash FOLDER: a name, a path, latest) "
		"to\n"
		"the first remote target of the configuration that takes them, reads them back\n"
		"there, and then removes the dump here. What fails is tried again, after a minute\n"
		"first and at most every six hours. The service does this by itself after each "
		"boot.",
	.run = run,
	.group = CMD_DUMPS,
};
