// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A web server that takes PUT, or an object store. What is said to it is lifeboat-send's business, a program that is linked with
 * libcurl (send/job.h); here is its parent. Each step runs it anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"
#include "capture/peer.h"
#include "capture/remote.h"
#include "send/job.h"

#define STATE_FOLDER "/run/lifeboat"
#define NAME_MAX_WEB 2048 /* of a file, with all folders */

/* ---- the program */

/* What it says, one line after the other. */
struct hearing {
	char answer[PEER_LINE]; /* "" none yet */
	uint64_t *progress;
};

static void hear(void *ctx, const char *line)
{
	struct hearing *h = ctx;

	if (strncmp(line, SEND_PROGRESS, strlen(SEND_PROGRESS)) != 0) {
		if (!*h->answer)
			snprintf(h->answer, sizeof(h->answer), "%s", line);
	} else if (h->progress) {
		__atomic_fetch_add(h->progress, 1, __ATOMIC_RELAXED);
	}
}

static const char *program_of(const struct target *t)
{
	for (char **p = t->all ? t->all->programs : NULL; p && *p; p++) {
		const char *name = strrchr(*p, '/');

		if (name && strcmp(name, "/lifeboat-send") == 0)
			return *p;
	}
	return SEND_PROGRAM;
}

/* The server as people know it; a query may be the password, so it is not told. */
static void web_name(const struct target *t, char *buf, size_t size)
{
	const struct recipe_target *r = t->recipe;

	snprintf(buf, size, "%s (%s port %u)", r->host,
		 *t->place->server ? t->place->server : r->servers[0], r->port);
}

/* The job as a file that exists for as long as the program runs: it finds it by our number in /proc. */
static int write_job(const struct send_job *job, int *ret, struct err *err)
{
	int fd = memfd_create("job", MFD_CLOEXEC), r;
	FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
	int copy;

	if (!to) {
		r = err_sys(err, errno, "a file for a job");
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = send_job_put(job, to, err);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fclose(to) && !r)
		r = err_sys(err, errno, "a file for a job");
	if (copy < 0 && !r)
		r = err_sys(err, errno, "a file for a job");
	if (r && copy >= 0)
		close(copy);
	if (!r)
		*ret = copy;
	return r;
}

/* Within `whole` seconds: a few tries of requests of which each may stand still for some time. */
static void set_limits(struct send_job *job, unsigned int whole)
{
	job->connect_seconds = NUM_MIN(NUM_MAX(whole / 8, 3u), 20u);
	job->stall_seconds = NUM_MIN(NUM_MAX(whole / 6, 5u), 60u);
	job->retry_seconds = NUM_MIN(NUM_MAX(whole / 2, 5u), 300u);
}

static int start(struct target *t, struct send_job *job, struct hearing *h, struct peer **ret,
		 struct err *err)
{
	const struct recipe_target *r = t->recipe;
	char path[64], name[400];
	const char *const argv[] = {program_of(t), path, NULL};
	int fd = -1, failed;

	job->kind = r->kind == TARGET_S3 ? SEND_S3 : SEND_HTTPS;
	job->url = r->url;
	job->host = r->host;
	job->address = *t->place->server ? t->place->server : r->servers[0];
	job->port = r->port;
	job->bucket = r->bucket;
	job->region = r->region;
	job->path_style = r->path_style;
	job->credentials = r->credentials;
	job->ca = r->ca;
	failed = write_job(job, &fd, err);
	if (failed)
		return failed;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	*h = (struct hearing){.progress = t->progress};
	web_name(t, name, sizeof(name));
	err_set(err, ERR_TIMEOUT, "waiting for %s", name); /* should it take too long */
	failed = peer_create((char *const *)argv, hear, h, fd, ret, err);
	if (failed)
		close(fd);
	return failed;
}

/* It has said all that it will; `p` is given up. */
static int finish(struct target *t, struct peer *p, const struct hearing *h,
		  struct send_answer *ret, struct err *err)
{
	char name[400];
	int status, r = peer_finish(p, &status, err);

	web_name(t, name, sizeof(name));
	if (!r && *h->answer)
		r = send_answer_parse(h->answer, "lifeboat-send", ret, err);
	else if (!r)
		r = err_set(err, ERR_SYSTEM, "lifeboat-send ended with status %d and said %s",
			    status, *peer_said(p) ? peer_said(p) : "nothing");
	peer_destroy(p);
	return r ? err_wrap(err, "%s", name) : 0;
}

/* A job without data. */
static int ask(struct target *t, struct send_job *job, struct send_answer *ret, struct err *err)
{
	struct send_answer answer;
	struct hearing h;
	struct peer *p;
	int r = start(t, job, &h, &p, err);

	if (!r)
		r = finish(t, p, &h, &answer, err);
	if (!r && ret)
		*ret = answer;
	return r;
}

/* ---- names */

/* What the server calls a file of this crash: the path of the recipe, the crash's folder, the file. */
static int name_of(const struct target *t, const char *file, char ret[NAME_MAX_WEB],
		   struct err *err)
{
	const char *path = t->recipe->path;

	if (!*t->place->name)
		return err_set(err, ERR_USAGE, "no folder was chosen for this crash");
	if (snprintf(ret, NAME_MAX_WEB, "%s%s%s/%s", path + (*path == '/'), *path ? "/" : "",
		     t->place->name, file) >= NAME_MAX_WEB)
		return err_sys(err, ENAMETOOLONG, "%.200s…/%s", path, file);
	return 0;
}

static unsigned int random_number(void)
{
	uint32_t v = 0;

	/* soon after the start the kernel may not have any yet: then the moment has to do */
	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v)) {
		uint64_t now = clock_ns();

		v = (uint32_t)(now ^ now >> 32) * 2654435761u;
	}
	return v;
}

/* Nobody can be asked whether a name is taken: behind the second is a number that nobody else has. */
static int web_begin(struct target *t, uint64_t crash_time, struct err *err)
{
	char stamp[32];

	(void)err;
	target_folder_name(crash_time ? crash_time : (uint64_t)time(NULL), stamp);
	snprintf(t->place->name, sizeof(t->place->name), "%s-%08x", stamp, random_number());
	return 0;
}

/* ---- steps that ask */

static int web_attach(struct target *t, struct err *err)
{
	char name[NAME_MAX_WEB];
	const char *path = t->recipe->path;
	struct send_job job = {.what = SEND_CHECK, .name = name};

	snprintf(name, sizeof(name), "%s%s.lifeboat-check-%08x", path + (*path == '/'),
		 *path ? "/" : "", random_number());
	set_limits(&job, t->all->deadline_mount);
	return ask(t, &job, NULL, err);
}

static int web_space(struct target *t, uint64_t *ret, struct err *err)
{
	(void)t;
	(void)err;
	*ret = UINT64_MAX;
	return 0;
}

static int web_digest(struct target *t, enum crash_file file, uint8_t ret[SHA256_SIZE],
		      struct err *err)
{
	const struct target_place *place = t->place;
	char name[NAME_MAX_WEB];
	struct send_job job = {.what = SEND_GET_DIGEST, .name = name};
	struct send_answer answer;
	int r;

	if (!*place->files[file])
		return err_set(err, ERR_NOT_FOUND, "there is no %s", crash_file_name(file));
	r = name_of(t, place->files[file], name, err);
	if (r)
		return r;
	/* after the crash, time counts */
	if (place->proven[file] && !t->healthy) {
		memcpy(ret, place->sent[file], SHA256_SIZE);
		return 0;
	}
	if (place->was_sent[file])
		job.bytes = place->sent_bytes[file];
	set_limits(&job, t->all->deadline_stall);
	r = ask(t, &job, &answer, err);
	if (r == ERR_UNSUPPORTED && place->proven[file]) {
		memcpy(ret, place->sent[file], SHA256_SIZE);
		return 0;
	}
	if (r)
		return r;
	if (place->was_sent[file] && (answer.bytes != place->sent_bytes[file] ||
				      memcmp(answer.digest, place->sent[file], SHA256_SIZE) != 0))
		return err_set(err, ERR_CORRUPT, "%s does not hold what was sent", name);
	memcpy(ret, answer.digest, SHA256_SIZE);
	return 0;
}

/* What may not be removed stays: it is small, and says that it may go. */
static int web_remove(struct target *t, struct err *err)
{
	int r = 0;

	for (int file = 0; file < CRASH_FILES && !r; file++) {
		char name[NAME_MAX_WEB];
		struct send_job job = {.what = SEND_REMOVE, .name = name};

		if (!*t->place->files[file])
			continue;
		r = name_of(t, t->place->files[file], name, err);
		set_limits(&job, t->all->deadline_mount);
		if (!r)
			r = ask(t, &job, NULL, err);
		if (r == ERR_REFUSED || r == ERR_UNSUPPORTED || r == ERR_NOT_FOUND)
			r = 0;
	}
	return r;
}

/* ---- a file on its way */

struct web_out {
	struct out out;
	struct target *t;
	enum crash_file file;
	char name[NAME_MAX_WEB];
	struct sha256 sum;
	uint64_t bytes;
	struct peer *peer;
	struct hearing heard;
	struct err why; /* code not 0: it failed */
};

static struct web_out *web_of(struct out *out)
{
	return (struct web_out *)out;
}

static void web_free(struct web_out *o)
{
	peer_destroy(o->peer);
	free(o);
}

/* Where the program notes how far it came; "" if that cannot be: then nothing can be kept of one that is killed. */
static void state_of(const struct target *t, enum crash_file file, char *buf, size_t size)
{
	struct err ignored;

	if (io_make_folder(STATE_FOLDER, &ignored) ||
	    snprintf(buf, size, STATE_FOLDER "/send-%s-%d", t->place->name, file) >= (int)size)
		*buf = '\0';
}

/* It has failed already, or does not listen any more: what it says is why. */
static int failed(struct web_out *o, const struct err *write)
{
	struct send_answer answer;

	if (write && write->sys != EPIPE)
		o->why = *write;
	else if (!finish(o->t, o->peer, &o->heard, &answer, &o->why))
		err_set(&o->why, ERR_SYSTEM, "lifeboat-send ended too early");
	if (!write || write->sys == EPIPE)
		o->peer = NULL;
	return o->why.code;
}

/* Said while it goes on: it waits to be told what is to become of what is there. */
static int look_at_answer(struct web_out *o)
{
	struct send_answer answer;

	if (!*o->heard.answer)
		return 0;
	if (!send_answer_parse(o->heard.answer, "lifeboat-send", &answer, &o->why))
		err_set(&o->why, ERR_SYSTEM, "lifeboat-send ended too early");
	return o->why.code;
}

static int frame(struct web_out *o, enum send_frame_kind kind, const void *data, size_t len)
{
	struct send_frame head = {.kind = kind, .len = (uint32_t)len};
	struct err write;

	if (peer_write(o->peer, &head, sizeof(head), &write) ||
	    (len && peer_write(o->peer, data, len, &write)))
		return failed(o, &write);
	return 0;
}

static int web_pwrite(struct out *out, const void *buf, size_t len, uint64_t off, struct err *err)
{
	struct web_out *o = web_of(out);
	const uint8_t *at = buf;

	if (!o->why.code && off != o->bytes)
		err_set(&o->why, ERR_USAGE,
			"%s: written at %" PRIu64 " where %" PRIu64 " comes next", o->name, off,
			o->bytes);
	sha256_update(&o->sum, buf, len);
	while (len && !o->why.code) {
		size_t piece = NUM_MIN(len, (size_t)SEND_MAX_FRAME);

		if (frame(o, SEND_DATA, at, piece) || look_at_answer(o))
			break;
		at += piece;
		len -= piece;
		o->bytes += piece;
	}
	*err = o->why;
	return err->code;
}

static int web_sync(struct out *out, struct err *err)
{
	/* nothing counts before commit */
	*err = web_of(out)->why;
	return err->code;
}

static int compare(const struct web_out *o, const struct send_answer *answer,
		   const uint8_t sum[SHA256_SIZE], struct err *err)
{
	if (answer->bytes == o->bytes && memcmp(answer->digest, sum, SHA256_SIZE) == 0)
		return 0;
	return err_set(err, ERR_CORRUPT,
		       "%s: lifeboat-send got %" PRIu64 " bytes of %" PRIu64 ", or others", o->name,
		       answer->bytes, o->bytes);
}

static int web_commit(struct out *out, struct err *err)
{
	struct web_out *o = web_of(out);
	struct target_place *place = o->t->place;
	struct send_answer answer;
	uint8_t sum[SHA256_SIZE];
	int r = o->why.code;

	if (!r)
		r = frame(o, SEND_COMMIT, NULL, 0);
	*err = o->why;
	sha256_final(&o->sum, sum);
	if (!r) {
		r = finish(o->t, o->peer, &o->heard, &answer, err);
		o->peer = NULL;
	}
	if (!r)
		r = compare(o, &answer, sum, err);
	if (!r) {
		memcpy(place->sent[o->file], sum, sizeof(sum));
		place->sent_bytes[o->file] = o->bytes;
		place->was_sent[o->file] = true;
		/* an object store compares each part with the digest that was signed for it */
		place->proven[o->file] = o->t->recipe->kind == TARGET_S3;
	}
	web_free(o);
	return r;
}

/* Also of one that failed: it waits for that. */
static void end(struct out *out, enum send_frame_kind kind)
{
	struct web_out *o = web_of(out);
	int status;

	if (o->peer && !frame(o, kind, NULL, 0)) {
		struct err ignored;

		if (peer_finish(o->peer, &status, &ignored)) {
			/* there is nobody to tell */
		}
	}
	web_free(o);
}

static void web_abort(struct out *out)
{
	end(out, SEND_ABORT);
}

static void web_leave(struct out *out)
{
	end(out, SEND_LEAVE);
}

static const struct out_ops web_ops = {
	.pwrite = web_pwrite,
	.sync = web_sync,
	.commit = web_commit,
	.abort = web_abort,
	.leave = web_leave,
};

/* The dump has until it stands still for too long, the others less than their step. */
static unsigned int seconds_of(const struct target *t, enum crash_file file)
{
	return file == CRASH_DUMP ? t->all->deadline_stall : t->all->deadline_log;
}

static int web_create(struct target *t, enum crash_file file, const char *name, struct out **ret,
		      struct err *err)
{
	struct web_out *o = calloc(1, sizeof(*o));
	char state[sizeof(STATE_FOLDER) + sizeof(t->place->name) + 32];
	struct send_job job = {.what = SEND_PUT, .state = state};
	int r;

	if (!o)
		return err_nomem(err, sizeof(*o), name);
	r = name_of(t, name, o->name, err);
	job.name = o->name;
	set_limits(&job, seconds_of(t, file));
	state_of(t, file, state, sizeof(state));
	if (!r)
		r = start(t, &job, &o->heard, &o->peer, err);
	if (r) {
		web_free(o);
		return r;
	}
	o->out = (struct out){
		.ops = &web_ops, .name = o->name, .write_once = true, .sequential = true};
	o->t = t;
	o->file = file;
	sha256_init(&o->sum);
	*ret = &o->out;
	return 0;
}

static int web_keep_rest(struct target *t, enum crash_file file, struct err *err)
{
	char name[NAME_MAX_WEB], state[sizeof(STATE_FOLDER) + sizeof(t->place->name) + 32];
	struct send_job job = {.what = SEND_KEEP, .name = name, .state = state};
	int r = name_of(t, target_file_name(t, file), name, err);

	if (r)
		return r;
	state_of(t, file, state, sizeof(state));
	if (!*state || access(state, F_OK))
		return err_set(err, ERR_UNSUPPORTED, "nobody knows how much of %s has arrived",
			       name);
	set_limits(&job, t->all->deadline_log);
	return ask(t, &job, NULL, err);
}

const struct target_ops target_web_ops = {
	.sequential = true,
	.network = target_network_remote,
	.find = remote_find,
	.attach = web_attach,
	.begin = web_begin,
	.create = web_create,
	.digest = web_digest,
	.space = web_space,
	.keep_rest = web_keep_rest,
	.remove = web_remove,
	.seal = remote_seal,
	.detach = remote_detach,
};
