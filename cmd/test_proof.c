// SPDX-License-Identifier: GPL-2.0-or-later
/* A capture in a virtual machine: what came of it, and what that does not show. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/sha256.h"
#include "base/utc.h"
#include "cmd/interrupt.h"
#include "cmd/term.h"
#include "cmd/test.h"
#include "proof/proof.h"

static enum guest_accel accel_of(const char *word)
{
	if (strcmp(word, "kvm") == 0)
		return GUEST_KVM;
	return strcmp(word, "tcg") == 0 ? GUEST_TCG : GUEST_AUTO;
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

/* ---- JSON */

static void put_target_json(struct json *j, const struct proof_target *t)
{
	json_begin_object(j, NULL);
	json_put_string(j, "target", t->what);
	json_put_string(j, "stand_in", or_null(t->stand_in));
	json_put_string(j, "why_not", or_null(t->why_not));
	json_put_string(j, "not_proved", or_null(t->gap));
	json_put_string(j, "result", or_null(t->said.result));
	json_put_string(j, "name", or_null(t->said.name));
	json_put_string(j, "error", or_null(t->said.failure));
	json_put_string(j, "checked", !t->looked ? NULL : t->evidence.files ? "files" : "console");
	json_put_string(j, "not_checked", t->looked ? or_null(t->evidence.why_not) : NULL);
	json_put_string(j, "wrong", or_null(t->evidence.wrong));
	json_end_object(j);
}

static void put_json(const struct proof_result *r)
{
	char digest[SHA256_TEXT], time[UTC_TEXT];
	struct json j;

	sha256_text(r->image, digest);
	cmd_begin_json(&j, stdout, TEST_SCHEMA);
	json_put_string(&j, "level", history_kind_name(HISTORY_PROOF));
	json_put_bool(&j, "passed", r->verdict == PROOF_PASSED);
	json_put_string(&j, "verdict", proof_verdict_name(r->verdict));
	json_put_string(&j, "error", or_null(r->why));
	json_put_string(&j, "id", r->id);
	json_put_string(&j, "time", utc_format(r->time, time) ? time : NULL);
	json_put_string(&j, "capture_result", or_null(r->result));
	json_put_string(&j, "where", or_null(r->where));
	json_put_string(&j, "kernel", or_null(r->kernel));
	json_put_string(&j, "image_sha256", digest);
	json_put_string(&j, "console", or_null(r->console));
	json_put_string(&j, "accelerator", r->kvm ? "kvm" : "tcg");
	json_put_bool(&j, "kvm_failed", r->kvm_failed);
	json_put_uint(&j, "took_ms", r->took_ms);
	json_put_uint(&j, "reserved_bytes", r->reserved);
	json_put_uint(&j, "imitated_bytes", r->imitated);
	json_put_uint(&j, "peak_bytes", r->peak);
	json_begin_array(&j, "targets");
	for (size_t i = 0; i < r->n_targets; i++)
		put_target_json(&j, &r->targets[i]);
	json_end_array(&j);
	cmd_end_json(&j);
}

/* ---- text */

static void put_line(const struct term *t, const char *what, const char *text)
{
	printf("  %s: ", what);
	term_put((struct term *)t, TERM_PLAIN, 0, text);
	printf("\n");
}

static void put_target(struct term *term, const struct proof_target *t)
{
	term_put(term, TERM_HEADING, 0, t->what);
	printf(": %s\n", *t->why_not       ? "not imitated"
			 : !t->said.told   ? "not tried: what comes before it has the dump, or "
					     "nothing came so far"
			 : *t->said.result ? t->said.result
					   : "?");
	if (*t->why_not)
		put_line(term, "why", t->why_not);
	if (*t->stand_in)
		put_line(term, "as", t->stand_in);
	if (*t->said.failure)
		put_line(term, "failed", t->said.failure);
	if (t->looked && t->evidence.files && !*t->evidence.wrong)
		put_line(term, "checked",
			 "its files match their digests, the dump opens and holds what was in "
			 "memory");
	if (t->looked && !t->evidence.files)
		put_line(term, "checked by the console only", t->evidence.why_not);
	if (*t->evidence.wrong)
		put_line(term, "wrong", t->evidence.wrong);
	if (*t->gap)
		put_line(term, "not proved", t->gap);
}

static void put_memory(const struct proof_result *r)
{
	char peak[16], of[16], real[16];

	num_human(r->imitated, of);
	if (r->peak)
		printf("memory: %s of %s in use at most, without what the drivers of this "
		       "machine's other devices take\n",
		       num_human(r->peak, peak), of);
	if (r->reserved && r->reserved > r->imitated)
		printf("memory: %s are reserved, %s were imitated\n", num_human(r->reserved, real),
		       of);
	else if (!r->reserved)
		printf("memory: it is not known how much is reserved; %s were imitated\n", of);
}

static void put_text(const struct proof_result *r)
{
	struct term t;

	term_init(&t, stdout);
	for (size_t i = 0; i < r->n_targets; i++)
		put_target(&t, &r->targets[i]);
	if (r->took_ms) {
		printf("virtual machine: %" PRIu64 ".%" PRIu64 " s with %s%s\n", r->took_ms / 1000,
		       r->took_ms / 100 % 10, r->kvm ? "KVM" : "TCG",
		       r->kvm_failed ? ", since KVM got nowhere" : "");
		put_memory(r);
		printf("console: %s\n", r->console);
	}
	printf("proof: ");
	term_put(&t,
		 r->verdict == PROOF_PASSED   ? TERM_GOOD
		 : r->verdict == PROOF_FAILED ? TERM_BAD
					      : TERM_WARNING,
		 0, proof_verdict_name(r->verdict));
	printf("\n");
}

/* ---- all of it */

/* On a recorded machine nothing is mounted, as nobody asked for that. */
static const char *why_not_mount(const struct service_words *w)
{
	if (w->root.fd >= 0)
		return "nothing is mounted for a recorded machine";
	return geteuid() ? "mounting the scratch disk takes the privileges of root" : NULL;
}

int test_proof(struct service_words *w, const struct test_arguments *a, struct err *err)
{
	const struct proof_options options = {
		.seconds = a->timeout,
		.accel = accel_of(a->accel),
		.keep = a->keep,
		.may_not_mount = why_not_mount(w),
		.stop = interrupt_catch(),
	};
	_cleanup_free_ struct proof_result *result = calloc(1, sizeof(*result));
	struct err other = {0};

	if (!result)
		return err_nomem(err, sizeof(*result), "the proof");
	if (proof_run(&w->service, &options, result, err))
		return err->code;
	if (proof_record(&w->service, result, &other))
		service_tell(&w->service, SERVICE_WARNING, "the test is not put on record: %s",
			     other.msg);
	if (a->json)
		put_json(result);
	else
		put_text(result);
	switch (result->verdict) {
	case PROOF_PASSED:
		return 0;
	case PROOF_FAILED:
		return err_set(err, ERR_SYSTEM, "%s", result->why);
	case PROOF_INCONCLUSIVE:
		break;
	}
	return err_set(err, ERR_UNSUPPORTED, "%s", result->why);
}
