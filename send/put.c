// SPDX-License-Identifier: GPL-2.0-or-later
#include "send/put.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"
#include "send/state.h"

#define FIRST_PART     (5u << 20) /* the least that S3 takes for any but the last */
#define BUFFERS        2
#define WAIT_MS        1000
#define CLEAN_UP_RETRY 5 /* seconds */
#define MAX_MEMINFO    16384

enum buffer_state { BUFFER_FREE, BUFFER_FILLING, BUFFER_SENT, BUFFER_THERE };

struct buffer {
	enum buffer_state state;
	struct store_call call;
	uint8_t *data;
	size_t size, len;
	size_t number; /* of the part */
	struct sha256 sum;
	uint8_t whole[32]; /* of the file up to its end */
};

struct put {
	struct store *store;
	int in;
	struct send_frame frame;  /* that is being read */
	size_t frame_got;         /* bytes of its head */
	uint32_t left;            /* of its data */
	enum send_frame_kind end; /* how it ends; 0: it does not yet */
	bool orphaned;            /* whoever fed it is gone, and did not say */
	struct buffer buffers[BUFFERS];
	struct buffer *filling; /* NULL: none */
	size_t begun;           /* parts of which sending has begun */
	uint64_t bytes;
	struct sha256 whole;
	int state_fd;
};

/* ---- memory */

/* Bytes that may be taken without anybody noticing; 0: not known. */
static uint64_t available(void)
{
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	uint64_t kib = 0;
	size_t len;
	char *p;

	if (io_read_file("/proc/meminfo", MAX_MEMINFO, &text, &len, &ignored))
		return 0;
	p = strstr(text, "MemAvailable:");
	if (p)
		kib = strtoull(p + strlen("MemAvailable:"), NULL, 10);
	return kib * 1024;
}

/* Room for the next part. A part that is larger than the last ones is a wish, not a need. */
static int make_room(struct put *put, struct buffer *b, struct err *err)
{
	const struct send_job *job = put->store->job;
	uint64_t first = job->part ? job->part : FIRST_PART, memory = job->memory;
	size_t size;
	void *p;

	if (!memory && b->size && (put->begun % PARTS_OF_SIZE) < BUFFERS)
		memory = available() / 4;
	size = job->part ? (size_t)first
			 : parts_size(first, put->begun + 1, memory / BUFFERS, b->size);
	if (size <= b->size)
		return 0;
	/* what is in it was sent */
	p = malloc(size);
	if (!p && !b->size)
		return err_nomem(err, size, "a part");
	if (p) {
		free(b->data);
		b->data = p;
		b->size = size;
	}
	return 0;
}

static int take_buffer(struct put *put, struct err *err)
{
	for (int i = 0; i < BUFFERS; i++) {
		struct buffer *b = &put->buffers[i];
		int r;

		if (b->state != BUFFER_FREE)
			continue;
		r = make_room(put, b, err);
		if (r)
			return r;
		b->state = BUFFER_FILLING;
		b->len = 0;
		sha256_init(&b->sum);
		put->filling = b;
		return 0;
	}
	return 0;
}

/* ---- what goes out */

static int begin(struct put *put, struct err *err)
{
	int r = put->store->ops->begin(put->store, err);

	if (!r && put->state_fd >= 0 && put->store->upload)
		r = state_add_upload(put->state_fd, put->store->upload, err);
	return r;
}

/* Send the part that is full, or the last one. */
static int submit(struct put *put, struct err *err)
{
	struct buffer *b = put->filling;
	struct sha256 whole = put->whole;
	int r;

	if (put->begun == PARTS_MAX)
		return err_set(err, ERR_NO_SPACE,
			       "after %d parts and %" PRIu64 " bytes there can be no more: larger "
			       "parts want more memory",
			       PARTS_MAX, put->bytes);
	r = put->begun ? 0 : begin(put, err);
	if (r)
		return r;
	put->filling = NULL;
	b->number = ++put->begun;
	b->state = BUFFER_SENT;
	sha256_final(&whole, b->whole);
	sha256_final(&b->sum, b->call.digest);
	b->call.http.data = b->data;
	b->call.http.len = b->len;
	r = put->store->ops->part(put->store, &b->call, b->number, err);
	return r ? r : http_start(put->store->http, &b->call.http, err);
}

/* The parts that are there are counted in their order. */
static int count(struct put *put, struct err *err)
{
	struct parts *parts = &put->store->parts;

	for (int i = 0; i < BUFFERS; i++) {
		struct buffer *b = &put->buffers[i];
		int r;

		if (b->state != BUFFER_THERE || b->number != parts->n + 1)
			continue;
		r = parts_add(parts, b->len, b->call.digest, b->call.http.answer->etag, err);
		if (r)
			return r;
		parts->bytes += b->len;
		memcpy(parts->digest, b->whole, sizeof(parts->digest));
		b->state = BUFFER_FREE;
		if (put->state_fd >= 0 && (r = state_add_part(put->state_fd, parts, err)))
			return r;
		i = -1; /* the next one may have been there before */
	}
	return 0;
}

static int harvest(struct put *put, struct err *err)
{
	for (int i = 0; i < BUFFERS; i++) {
		struct buffer *b = &put->buffers[i];

		if (b->state != BUFFER_SENT || !b->call.http.finished)
			continue;
		if (b->call.http.err.code) {
			*err = b->call.http.err;
			return err_wrap(err, "part %zu", b->number);
		}
		b->state = BUFFER_THERE;
	}
	return count(put, err);
}

static bool all_there(const struct put *put)
{
	return put->store->parts.n == put->begun;
}

/* ---- what comes in */

static int check_frame(struct put *put, struct err *err)
{
	const struct send_frame *f = &put->frame;

	put->frame_got = 0;
	if (f->kind < SEND_DATA || f->kind > SEND_LEAVE || f->len > SEND_MAX_FRAME ||
	    (f->len && f->kind != SEND_DATA))
		return err_set(err, ERR_CORRUPT, "a frame of kind %u with %u bytes", f->kind,
			       f->len);
	if (f->kind == SEND_DATA)
		put->left = f->len;
	else
		put->end = (enum send_frame_kind)f->kind;
	return 0;
}

static int read_frame(struct put *put, struct err *err)
{
	struct buffer *b = put->filling;
	bool head = !put->left;
	void *to = head ? (uint8_t *)&put->frame + put->frame_got : b->data + b->len;
	size_t want =
		head ? sizeof(put->frame) - put->frame_got : NUM_MIN(put->left, b->size - b->len);
	ssize_t n = read(put->in, to, want);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : err_sys(err, errno, "input");
	if (!n) {
		put->end = SEND_ABORT;
		put->orphaned = *put->store->job->state;
		return 0;
	}
	if (head) {
		put->frame_got += (size_t)n;
		return put->frame_got == sizeof(put->frame) ? check_frame(put, err) : 0;
	}
	sha256_update(&b->sum, to, (size_t)n);
	sha256_update(&put->whole, to, (size_t)n);
	b->len += (size_t)n;
	put->bytes += (uint64_t)n;
	put->left -= (uint32_t)n;
	return 0;
}

/* Until the frame that says how it ends. */
static int transfer(struct put *put, struct err *err)
{
	int r = 0;

	while (!r && !put->end) {
		bool readable, want;

		r = harvest(put, err);
		if (!r && put->left && put->filling && put->filling->len == put->filling->size)
			r = submit(put, err);
		if (!r && put->left && !put->filling)
			r = take_buffer(put, err);
		if (r)
			break;
		want = !put->left || put->filling;
		r = http_wait(put->store->http, want ? put->in : -1, WAIT_MS, &readable, err);
		if (!r && readable)
			r = read_frame(put, err);
	}
	return r;
}

/* ---- the end */

static void forget_calls(struct put *put)
{
	for (int i = 0; i < BUFFERS; i++)
		store_call_deinit(&put->buffers[i].call);
}

static int wait_for_all(struct put *put, struct err *err)
{
	bool ignored;
	int r = harvest(put, err);

	while (!r && !all_there(put)) {
		r = http_wait(put->store->http, -1, WAIT_MS, &ignored, err);
		if (!r)
			r = harvest(put, err);
	}
	return r;
}

static int finish(struct put *put, bool whole, struct err *err)
{
	struct buffer *b = put->filling;
	int r;

	if (!put->begun)
		return store_put(put->store, whole ? "" : ".incomplete",
				 b ? (const void *)b->data : "", b ? b->len : 0, err);
	r = b && b->len ? submit(put, err) : 0;
	if (!r)
		r = wait_for_all(put, err);
	return r ? r : put->store->ops->finish(put->store, whole, err);
}

int put_run(struct put *put, struct send_answer *ret, struct err *err)
{
	struct sha256 whole;
	int r = transfer(put, err);

	if (!r && put->orphaned)
		return err_set(err, ERR_SYSTEM,
			       "whoever fed it is gone; SEND_KEEP keeps what arrived");
	if (!r && put->end == SEND_ABORT) {
		put_clean_up(put);
		sha256_init(&whole);
		*ret = (struct send_answer){0};
		sha256_final(&whole, ret->digest);
		return 0;
	}
	if (!r)
		r = finish(put, put->end == SEND_COMMIT, err);
	if (r)
		return r;
	*ret = (struct send_answer){.bytes = put->bytes, .parts = put->begun};
	/* one object is what it becomes there */
	if (put->store->job->kind == SEND_S3)
		ret->parts = 0;
	whole = put->whole;
	sha256_final(&whole, ret->digest);
	return 0;
}

/* What still comes is not wanted. */
static void discard(struct put *put)
{
	uint8_t waste[8192]; /* a part's buffer may be smaller than a frame */
	struct err ignored;

	while (!put->end) {
		ssize_t n;

		if (!put->left) {
			if (read_frame(put, &ignored))
				put->end = SEND_ABORT;
			continue;
		}
		n = read(put->in, waste, NUM_MIN(put->left, sizeof(waste)));
		if (n > 0)
			put->left -= (uint32_t)n;
		else if (n == 0 || errno != EINTR) {
			put->end = SEND_ABORT;
			put->orphaned = !n && *put->store->job->state;
		}
	}
}

bool put_is_orphaned(const struct put *put)
{
	return put->orphaned;
}

void put_clean_up(struct put *put)
{
	struct store *store = put->store;
	struct err ignored;
	bool kept = false;

	forget_calls(put);
	discard(put);
	if (put->orphaned || (!put->begun && !store->upload))
		return;
	http_hurry(store->http, CLEAN_UP_RETRY);
	if (put->end == SEND_LEAVE && store->parts.n)
		kept = !store->ops->finish(store, false, &ignored);
	if (!kept && store->ops->abort(store, put->begun, &ignored)) {
		/* the server has lost it, or keeps what nobody will ever ask for */
	}
}

int put_create(struct store *store, int in, struct put **ret, struct err *err)
{
	struct put *put = calloc(1, sizeof(*put));
	int r = 0;

	if (!put)
		return err_nomem(err, sizeof(*put), "an upload");
	*put = (struct put){.store = store, .in = in, .state_fd = -1};
	sha256_init(&put->whole);
	if (*store->job->state)
		r = state_create(store->job->state, &put->state_fd, err);
	if (r)
		put_destroy(put);
	else
		*ret = put;
	return r;
}

void put_destroy(struct put *put)
{
	if (!put)
		return;
	forget_calls(put);
	for (int i = 0; i < BUFFERS; i++)
		free(put->buffers[i].data);
	if (put->state_fd >= 0)
		close(put->state_fd);
	free(put);
}

int put_keep(struct store *store, struct send_answer *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	size_t len;
	int r = io_read_file(store->job->state, STATE_MAX_SIZE, &text, &len, err);

	if (!r)
		r = state_parse((struct bytes){(uint8_t *)text, len}, &store->upload, &store->parts,
				err);
	if (r)
		return r;
	if (!store->parts.n) {
		if (store->ops->abort(store, 0, &ignored)) {
			/* there is nothing in it */
		}
		return err_set(err, ERR_NOT_FOUND, "nothing of it has arrived");
	}
	r = store->ops->finish(store, false, err);
	if (r)
		return r;
	*ret = (struct send_answer){.bytes = store->parts.bytes};
	ret->parts = store->job->kind == SEND_S3 ? 0 : store->parts.n;
	memcpy(ret->digest, store->parts.digest, sizeof(ret->digest));
	return 0;
}
