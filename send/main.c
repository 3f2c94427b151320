// SPDX-License-Identifier: GPL-2.0-or-later
/* lifeboat-send: send/job.h says what it does. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/sha256.h"
#include "base/text.h"
#include "send/job.h"
#include "send/put.h"
#include "send/store.h"

static void say(int r, const struct send_answer *answer, const struct err *err)
{
	char digest[SHA256_TEXT], plain[ERR_MSG_SIZE];

	if (r) {
		printf("error %d %s\n", r, text_one_line(err->msg, plain, sizeof(plain)));
	} else {
		sha256_text(answer->digest, digest);
		printf("ok %" PRIu64 " %s %" PRIu64 "\n", answer->bytes, digest, answer->parts);
	}
	fflush(stdout);
}

static void tell(void *ctx, uint64_t bytes)
{
	(void)ctx;
	printf(SEND_PROGRESS "%" PRIu64 "\n", bytes);
	fflush(stdout);
}

static int put(struct store *store, struct send_answer *answer, bool *ret_orphaned, struct err *err)
{
	struct put *put;
	int r = put_create(store, STDIN_FILENO, &put, err);

	if (r) {
		say(r, NULL, err);
		return r;
	}
	r = put_run(put, answer, err);
	say(r, answer, err);
	if (r)
		put_clean_up(put);
	*ret_orphaned = put_is_orphaned(put);
	put_destroy(put);
	return r;
}

static int ask(struct store *store, struct send_answer *answer, struct err *err)
{
	switch (store->job->what) {
	case SEND_CHECK:
		return store->ops->check(store, err);
	case SEND_REMOVE:
		return store_delete(store, "", false, err);
	case SEND_KEEP:
		return put_keep(store, answer, err);
	case SEND_GET_DIGEST:
		return store_get_digest(store, answer, err);
	case SEND_PUT:
		break;
	}
	return err_set(err, ERR_USAGE, "there is no such job");
}

static int work(const struct send_job *job)
{
	struct send_answer answer = {0};
	struct sha256 nothing;
	struct store store;
	struct err err = {0};
	bool orphaned = false;
	int r = store_init(&store, job, &err);

	if (r) {
		say(r, NULL, &err);
		return r;
	}
	http_tell(store.http, tell, NULL);
	if (job->what == SEND_PUT) {
		r = put(&store, &answer, &orphaned, &err);
	} else {
		sha256_init(&nothing);
		sha256_final(&nothing, answer.digest);
		r = ask(&store, &answer, &err);
		say(r, &answer, &err);
	}
	store_deinit(&store);
	/* what was killed is what leaves it, or what was fed by one that was */
	if (*job->state && !orphaned && (job->what == SEND_PUT || job->what == SEND_KEEP))
		unlink(job->state);
	return r;
}

int main(int argc, char **argv)
{
	struct send_job job;
	struct err err = {0};
	int r;

	if (argc != 2 || *argv[1] == '-') {
		fputs("usage: lifeboat-send JOB\nlifeboat runs this; it is of no use by itself.\n",
		      stderr);
		return ERR_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	umask(077);
#ifndef __SANITIZE_ADDRESS__       /* who looks for leaks has to look into it */
	prctl(PR_SET_DUMPABLE, 0); /* keys are in its memory */
#endif
	r = send_job_read(argv[1], &job, &err);
	if (!r && curl_global_init(CURL_GLOBAL_DEFAULT)) {
		r = err_set(&err, ERR_SYSTEM, "libcurl does not start");
		send_job_deinit(&job);
	}
	if (r) {
		say(r, NULL, &err);
		return r;
	}
	r = work(&job);
	send_job_deinit(&job);
	curl_global_cleanup();
	return r;
}
