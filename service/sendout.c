// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One child has the mount namespace and keeps the record; each step is a child of its own, since a server that does not answer
 * may keep it for ever.
 */
#include "service/sendout.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/num.h"
#include "base/out.h"
#include "base/step.h"

#define BLOCK         (1U << 20)
#define QUICK_SECONDS 30
#define STALL_SECONDS \
	300 /* at least: a far end may take its time for a flush, and nobody waits for a restart */
#define DAY_MS     86400000ULL
#define SLOW       (1ULL << 20) /* bytes a second that a digest has at least */
#define MOUNTPOINT "sending"    /* the same each time: what is on record lies below it */

enum verdict {
	VERDICT_ANEW,  /* what lies there may be somebody else's */
	VERDICT_GO_ON, /* ours, as far as it is */
};

/* What steps leave for each other. */
struct shared {
	struct target_place place;
	struct sending sending;
	uint64_t progress;
	uint8_t digest[SHA256_SIZE]; /* of the file at hand, as it was sent */
	uint64_t bytes;
	enum verdict verdict;
	bool same[CRASH_FILES]; /* that file is there */
	bool asked;             /* all of them could be */
};

struct attempt {
	const struct sendout *env;
	struct sendfiles *files;
	struct shared *shared;
	bool looked;
	char mountpoint[300];

	/* of the target at hand */
	struct target target;
	struct sending_place *at;
	enum crash_file file;
	uint8_t *block;
};

/* ---- a file's way: the digest is of what leaves this machine, behind the encryption */

struct counted_out {
	struct out out;
	struct out *to;
	struct sha256 sum;
	uint64_t bytes;
	struct shared *shared;
};

static struct counted_out *of_out(struct out *out)
{
	return (struct counted_out *)((char *)out - offsetof(struct counted_out, out));
}

static int counted_pwrite(struct out *out, const void *buf, size_t len, uint64_t off,
			  struct err *err)
{
	struct counted_out *c = of_out(out);

	if (off != c->bytes)
		return err_set(err, ERR_SYSTEM, "%s: written out of order", out->name);
	if (c->to->ops->pwrite(c->to, buf, len, off, err))
		return err->code;
	sha256_update(&c->sum, buf, len);
	c->bytes += len;
	__atomic_add_fetch(&c->shared->progress, 1, __ATOMIC_RELAXED);
	return 0;
}

static int counted_sync(struct out *out, struct err *err)
{
	struct counted_out *c = of_out(out);

	return c->to->ops->sync(c->to, err);
}

static int counted_commit(struct out *out, struct err *err)
{
	struct counted_out *c = of_out(out);
	int r = c->to->ops->commit(c->to, err);

	if (!r) {
		sha256_final(&c->sum, c->shared->digest);
		c->shared->bytes = c->bytes;
	}
	free(c);
	return r;
}

static void counted_abort(struct out *out)
{
	struct counted_out *c = of_out(out);

	c->to->ops->abort(c->to);
	free(c);
}

static void counted_leave(struct out *out)
{
	struct counted_out *c = of_out(out);

	c->to->ops->leave(c->to);
	free(c);
}

static const struct out_ops counted_ops = {
	.pwrite = counted_pwrite,
	.sync = counted_sync,
	.commit = counted_commit,
	.abort = counted_abort,
	.leave = counted_leave,
};

/* Takes `*out` over; it is aborted if this fails. */
static int put_count(struct shared *shared, struct out **out, struct err *err)
{
	struct counted_out *c = calloc(1, sizeof(*c));

	if (!c) {
		(*out)->ops->abort(*out);
		return err_nomem(err, sizeof(*c), "a file to be sent");
	}
	c->out = (struct out){
		.ops = &counted_ops, .name = (*out)->name, .write_once = true, .sequential = true};
	c->to = *out;
	c->shared = shared;
	sha256_init(&c->sum);
	*out = &c->out;
	return 0;
}

static int open_out(struct attempt *a, struct out **ret, struct err *err)
{
	const struct sendfile *file = &a->files->v[a->file];
	struct target *t = &a->target;
	struct out *out;
	int r;

	snprintf(t->place->files[a->file], sizeof(t->place->files[0]), "%s", file->to);
	t->place->was_sent[a->file] = false;
	r = t->ops->create(t, a->file, file->to, &out, err);
	if (!r)
		r = put_count(a->shared, &out, err);
	if (r)
		return r;
	/* those that were written now are readable for everybody who may look there */
	if (*a->env->recipe->encrypt_to && !file->encrypted && !file->text)
		r = target_encrypt(t, &out, err);
	if (r)
		out->ops->abort(out);
	else
		*ret = out;
	return r;
}

/* All of it, which must still be what was looked at. */
static int copy_file(struct attempt *a, struct out *out, struct err *err)
{
	const struct sendfile *file = &a->files->v[a->file];
	_cleanup_close_ int fd = sendfiles_open(a->files, file->name, err);
	uint8_t digest[SHA256_SIZE];
	struct sha256 sum;
	uint64_t at = 0;
	ssize_t n;

	if (fd < 0)
		return err->code;
	sha256_init(&sum);
	/* one that grows has changed: its end is not waited for */
	while (at <= file->bytes && (n = read(fd, a->block, BLOCK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "%s/%s: read", a->files->folder, file->name);
		sha256_update(&sum, a->block, (size_t)n);
		if (out->ops->pwrite(out, a->block, (size_t)n, at, err))
			return err->code;
		at += (uint64_t)n;
	}
	sha256_final(&sum, digest);
	if (memcmp(digest, file->digest, sizeof(digest)) != 0)
		return err_set(err, ERR_CORRUPT, "%s/%s: changed while it was sent",
			       a->files->folder, file->name);
	return 0;
}

/* ---- steps */

static int step_network(void *ctx, struct err *err)
{
	struct attempt *a = ctx;

	return a->target.ops->network(&a->target, err);
}

static int step_find(void *ctx, struct err *err)
{
	struct attempt *a = ctx;

	return a->target.ops->find(&a->target, err);
}

static int step_attach(void *ctx, struct err *err)
{
	struct attempt *a = ctx;

	return a->target.ops->attach(&a->target, err);
}

static int step_begin(void *ctx, struct err *err)
{
	struct attempt *a = ctx;

	return a->target.ops->begin(&a->target, a->files->time, err);
}

/* What an attempt that was killed has left of it. */
static int remove_rest(struct attempt *a, struct err *err)
{
	struct target *t = &a->target;
	struct out *out;
	int r = t->ops->create(t, a->file, a->files->v[a->file].to, &out, err);

	if (!r)
		out->ops->abort(out);
	return r;
}

/* What would fail at its end anyway need not be begun. */
static int check_room(struct attempt *a, struct err *err)
{
	uint64_t there = UINT64_MAX, wanted = a->files->v[a->file].bytes;

	if (a->target.ops->space && a->target.ops->space(&a->target, &there, err))
		return err->code;
	if (there >= wanted)
		return 0;
	if (remove_rest(a, err) || a->target.ops->space(&a->target, &there, err))
		return err->code;
	return there >= wanted
		       ? 0
		       : err_set(err, ERR_NO_SPACE,
				 "there is room for %" PRIu64 " bytes, and the file has %" PRIu64,
				 there, wanted);
}

static int step_send(void *ctx, struct err *err)
{
	struct attempt *a = ctx;
	const struct sendfile *file = &a->files->v[a->file];
	struct out *out;
	int r = a->file == CRASH_DUMP ? check_room(a, err) : 0;

	if (!r)
		r = open_out(a, &out, err);
	if (r)
		return r;
	r = file->text ? out->ops->pwrite(out, file->text, strlen(file->text), 0, err)
		       : copy_file(a, out, err);
	if (!r)
		return out->ops->commit(out, err);
	out->ops->abort(out);
	return r;
}

static int step_seal(void *ctx, struct err *err)
{
	struct attempt *a = ctx;

	return a->target.ops->seal(&a->target, true, err);
}

static int step_detach(void *ctx, struct err *err)
{
	struct attempt *a = ctx;

	return a->target.ops->detach(&a->target, err);
}

/* Each file that is said to be there, asked of the far end. */
static int step_verify(void *ctx, struct err *err)
{
	struct attempt *a = ctx;
	struct shared *sh = a->shared;

	sh->asked = true;
	for (int i = 0; i < CRASH_FILES; i++) {
		uint8_t digest[SHA256_SIZE];
		int r;

		sh->same[i] = false;
		if (!a->at->files[i].done)
			continue;
		r = a->target.ops->digest(&a->target, (enum crash_file)i, digest, err);
		if (r == ERR_UNSUPPORTED) {
			sh->asked = false;
			continue;
		}
		if (r)
			return err_wrap(err, "%s", a->at->files[i].name);
		if (memcmp(digest, a->at->files[i].digest, sizeof(digest)) != 0)
			return err_set(err, ERR_CORRUPT,
				       "%s: its digest there is not that of what was sent",
				       a->at->files[i].name);
		sh->same[i] = true;
	}
	return 0;
}

/* As it is on record; else, where it was committed and the record never written, as it is here. */
static const uint8_t *wanted_digest(const struct attempt *a, int i)
{
	return a->at->files[i].done ? a->at->files[i].digest : a->files->v[i].digest;
}

static void take_as_done(struct attempt *a, int i, const uint8_t digest[SHA256_SIZE])
{
	struct sending_file *f = &a->at->files[i];

	if (f->done)
		return;
	*f = (struct sending_file){.done = true, .bytes = a->files->v[i].bytes};
	snprintf(f->name, sizeof(f->name), "%s", a->target.place->files[i]);
	memcpy(f->digest, digest, SHA256_SIZE);
}

/*
 * Is the folder that an earlier attempt has begun still ours? Yes, if a file that it has committed lies there as it was, or if
 * there is none at all yet. Where nobody can be asked, names are nobody else's (target_ops.begin). What cannot be reached now is an
 * error: nothing is begun beside it for that.
 */
static int step_look(void *ctx, struct err *err)
{
	struct attempt *a = ctx;
	struct shared *sh = a->shared;
	bool strange = false, known = false;

	for (int i = 0; i < CRASH_FILES; i++) {
		uint8_t digest[SHA256_SIZE];
		int r = a->target.ops->digest(&a->target, (enum crash_file)i, digest, err);

		sh->same[i] = false;
		if (r == ERR_NOT_FOUND)
			continue;
		if (r == ERR_UNSUPPORTED) {
			sh->same[i] = a->at->files[i].done;
		} else if (r && r != ERR_CORRUPT) {
			return r;
		} else if (!r && memcmp(digest, wanted_digest(a, i), sizeof(digest)) == 0) {
			sh->same[i] = known = true;
			take_as_done(a, i, digest);
		} else {
			strange = true;
		}
	}
	sh->verdict = strange && !known ? VERDICT_ANEW : VERDICT_GO_ON;
	err->code = 0;
	return 0;
}

/* ---- running them */

struct task {
	const char *name;
	step_fn fn;
	uint64_t ms;
	bool watched;
};

static int run(struct attempt *a, const struct task *task, struct err *err)
{
	uint64_t stall = (uint64_t)a->env->recipe->deadline_stall;
	const struct step_limits limits = {
		.ms = task->ms,
		.progress = task->watched ? &a->shared->progress : NULL,
		.stall_ms = NUM_MAX(stall, (uint64_t)STALL_SECONDS) * 1000,
	};
	struct step_outcome o;

	step_run(task->fn, a, &limits, &o);
	if (!o.err.code)
		return 0;
	*err = o.err;
	return err_wrap(err, "%s", task->name);
}

static int run_for(struct attempt *a, const char *name, step_fn fn, unsigned int seconds,
		   struct err *err)
{
	return run(a, &(struct task){.name = name, .fn = fn, .ms = (uint64_t)seconds * 1000}, err);
}

/* Reading back takes as long as there is to be read. */
static int run_digests(struct attempt *a, const char *name, step_fn fn, struct err *err)
{
	uint64_t bytes = a->files->v[CRASH_LOG].bytes + a->files->v[CRASH_DUMP].bytes;
	const struct task task = {
		.name = name, .fn = fn, .ms = ((uint64_t)STALL_SECONDS + bytes / SLOW) * 1000};

	return run(a, &task, err);
}

static int keep_record(struct attempt *a, struct err *err)
{
	return sending_write(a->env->s, &a->shared->sending, err);
}

/* ---- the folder there */

static void restore_place(struct attempt *a)
{
	struct target_place *p = a->target.place;

	snprintf(p->folder, sizeof(p->folder), "%s", a->at->folder);
	snprintf(p->name, sizeof(p->name), "%s", a->at->name);
	p->entry = a->at->entry;
	for (int i = 0; i < CRASH_FILES; i++) {
		const struct sending_file *f = &a->at->files[i];

		snprintf(p->files[i], sizeof(p->files[i]), "%s",
			 f->done              ? f->name
			 : *a->files->v[i].to ? a->files->v[i].to
					      : crash_file_name((enum crash_file)i));
		p->was_sent[i] = f->done;
		p->sent_bytes[i] = f->bytes;
		memcpy(p->sent[i], f->digest, SHA256_SIZE);
	}
}

/* A file that is not there as it should be is sent again, over what is. */
static void forget_missing(struct attempt *a)
{
	for (int i = 0; i < CRASH_FILES; i++) {
		if (a->at->files[i].done && a->shared->same[i])
			continue;
		a->at->files[i] = (struct sending_file){.done = false};
		*a->target.place->files[i] = '\0';
		a->target.place->was_sent[i] = false;
	}
}

static void forget_place(struct attempt *a)
{
	struct target_place *p = a->target.place;

	*a->at->name = *a->at->folder = '\0';
	memset(a->at->files, 0, sizeof(a->at->files));
	*p->name = *p->folder = '\0';
	memset(p->files, 0, sizeof(p->files));
	memset(p->was_sent, 0, sizeof(p->was_sent));
}

static int begin_anew(struct attempt *a, struct err *err)
{
	const struct target_place *p = a->target.place;

	forget_place(a);
	if (run_for(a, "begin", step_begin, a->env->recipe->deadline_mount, err))
		return err->code;
	if (strlen(p->folder) >= sizeof(a->at->folder))
		return err_sys(err, ENAMETOOLONG, "%.200s…", p->folder);
	strcpy(a->at->folder, p->folder);
	snprintf(a->at->name, sizeof(a->at->name), "%s", p->name);
	a->at->entry = p->entry;
	return keep_record(a, err);
}

static int begin(struct attempt *a, struct err *err)
{
	if (!*a->at->name)
		return begin_anew(a, err);
	restore_place(a);
	if (run_digests(a, "look at what is there", step_look, err))
		return err->code;
	if (a->shared->verdict == VERDICT_ANEW)
		return begin_anew(a, err);
	forget_missing(a);
	return 0;
}

/* ---- its files */

static int send_file(struct attempt *a, enum crash_file kind, struct err *err)
{
	const struct task task = {
		.name = a->files->v[kind].to, .fn = step_send, .ms = 7 * DAY_MS, .watched = true};
	struct sending_file *f = &a->at->files[kind];

	if (!a->files->v[kind].there || f->done)
		return 0;
	a->file = kind;
	if (run(a, &task, err)) {
		/* the folder was taken away in between: the next attempt makes another one */
		if (err->code == ERR_NOT_FOUND) {
			struct err ignored;

			forget_place(a);
			(void)!keep_record(a, &ignored);
		}
		return err->code;
	}
	*f = (struct sending_file){.done = true, .bytes = a->shared->bytes};
	snprintf(f->name, sizeof(f->name), "%s", a->target.place->files[kind]);
	memcpy(f->digest, a->shared->digest, SHA256_SIZE);
	return keep_record(a, err);
}

static int make_manifest(struct attempt *a, struct err *err)
{
	const char *names[CRASH_FILES];
	uint8_t digests[CRASH_FILES][SHA256_SIZE];

	for (int i = 0; i < CRASH_FILES; i++) {
		names[i] = a->at->files[i].name;
		memcpy(digests[i], a->at->files[i].digest, SHA256_SIZE);
	}
	return sendfiles_make_manifest(a->files, names, digests, err);
}

/* A file whose digest differs is sent again the next time. */
static int verify(struct attempt *a, struct err *err)
{
	int r = run_digests(a, "verify", step_verify, err);
	struct err ignored;

	if (r != ERR_CORRUPT && r != ERR_NOT_FOUND)
		return r;
	for (int i = 0; i < CRASH_FILES; i++)
		if (!a->shared->same[i])
			a->at->files[i].done = false;
	(void)!keep_record(a, &ignored);
	return r;
}

static int send_files(struct attempt *a, struct err *err)
{
	if (send_file(a, CRASH_LOG, err) || send_file(a, CRASH_DUMP, err) ||
	    send_file(a, CRASH_RECORD, err) || make_manifest(a, err) ||
	    send_file(a, CRASH_MANIFEST, err) || verify(a, err))
		return err->code;
	return run_for(a, "seal", step_seal, a->env->recipe->deadline_mount, err);
}

/* ---- a target */

/* The files here are read once, and only if there is somebody to send them to. */
static int look_at_files(struct attempt *a, struct err *err)
{
	if (a->looked)
		return 0;
	if (sendfiles_look(a->files, *a->env->recipe->encrypt_to != NULL, err) ||
	    sendfiles_make_record(a->files, err))
		return err->code;
	a->looked = true;
	return 0;
}

static int reach(struct attempt *a, struct err *err)
{
	const struct recipe *r = a->env->recipe;
	const struct target_ops *ops = a->target.ops;

	if (ops->network && run_for(a, "network", step_network, r->deadline_network, err))
		return err->code;
	if (look_at_files(a, err))
		return err->code;
	if (ops->find && run_for(a, "find", step_find, r->deadline_device, err))
		return err->code;
	return ops->attach ? run_for(a, "attach", step_attach, r->deadline_mount, err) : 0;
}

static int try_reached(struct attempt *a, struct err *err)
{
	struct err late = {0};
	int r = begin(a, err);

	if (!r)
		r = send_files(a, err);
	/* what could not be flushed may not be there */
	if (a->target.ops->detach &&
	    run_for(a, "detach", step_detach, QUICK_SECONDS, r ? &late : err))
		r = r ? r : err->code;
	return r;
}

static int try_target(struct attempt *a, const struct recipe_target *t, struct err *err)
{
	const struct sendout *env = a->env;
	struct sending *s = &a->shared->sending;
	char what[512];

	memset(&a->shared->place, 0, sizeof(a->shared->place));
	a->target = (struct target){
		.recipe = t,
		.all = env->recipe,
		.ops = env->ops_of ? env->ops_of(t->kind) : target_ops_of(t->kind),
		.place = &a->shared->place,
		.sys = env->s->sys,
		.root = env->s->root,
		.mountpoint = a->mountpoint,
		.healthy = true,
		.progress = &a->shared->progress,
	};
	target_describe(t, what, sizeof(what));
	a->at = sending_place_of(s, what);
	if (!a->at)
		return err_set(err, ERR_USAGE, "%s: more targets than can be remembered", what);
	if (reach(a, err) || try_reached(a, err))
		return err_wrap(err, "%s", what);
	s->sent = true;
	s->verified = a->shared->asked;
	s->at = (size_t)(a->at - s->places);
	return keep_record(a, err);
}

/* ---- all of them */

static int own_namespace(struct attempt *a, struct err *err)
{
	const struct sys *sys = a->env->s->sys;

	if (sys->unshare(CLONE_NEWNS))
		return err_sys(err, errno, "a mount namespace for the sending");
	if (sys->mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_sys(err, errno, "a mount namespace for the sending: make it private");
	return 0;
}

static bool is_wanted(const struct recipe_target *t)
{
	return recipe_is_remote(t->kind) && !t->log_only;
}

static int try_all(void *ctx, struct err *err)
{
	struct attempt *a = ctx;
	const struct recipe *r = a->env->recipe;
	struct err first = {0}, next = {0};

	if (own_namespace(a, err))
		return err->code;
	a->block = malloc(BLOCK);
	if (!a->block)
		return err_nomem(err, BLOCK, "a file to be sent");
	for (size_t i = 0; i < r->n_targets; i++) {
		if (!is_wanted(&r->targets[i]))
			continue;
		if (!try_target(a, &r->targets[i], first.code ? &next : &first))
			return 0;
	}
	*err = first;
	return err->code;
}

static int check_targets(const struct recipe *r, uint64_t *ret_ms, struct err *err)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n_targets; i++)
		n += is_wanted(&r->targets[i]);
	if (!n)
		return err_set(err, ERR_USAGE,
			       "the configuration has no remote target to send it to: it is kept "
			       "here");
	*ret_ms = n * 10 * DAY_MS;
	return 0;
}

int sendout_try(const struct sendout *env, struct sendfiles *files, struct sending *sending,
		struct err *err)
{
	struct attempt a = {.env = env, .files = files};
	struct step_limits limits = {0};
	struct step_outcome o;
	struct err damaged;

	if (check_targets(env->recipe, &limits.ms, err))
		return err->code;
	snprintf(a.mountpoint, sizeof(a.mountpoint), "%s/" MOUNTPOINT, env->s->run);
	a.shared = step_shared_alloc(sizeof(*a.shared));
	if (!a.shared)
		return err_nomem(err, sizeof(*a.shared), "the sending");
	a.shared->sending = *sending;
	step_run(try_all, &a, &limits, &o);
	step_shared_free(a.shared, sizeof(*a.shared));
	/* what that process has put on record counts, however it ended */
	if (sending_read(env->s, sending->folder, sending, &damaged))
		service_tell(env->s, SERVICE_WARNING, "%s", damaged.msg);
	if (o.err.code)
		*err = o.err;
	return o.err.code;
}
