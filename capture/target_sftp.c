// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A folder of another machine through the SFTP subsystem of its ssh server: for accounts that have no shell. Files are written at
 * any offset, so a dump needs no flattening; each has a connection of its own, which ends with it.
 *
 * There is no way to sync a folder by this protocol: that a name survives a power cut of the server is its own business.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/num.h"
#include "base/sha256.h"
#include "capture/remote.h"
#include "capture/sftp.h"

#define TRIES         3 /* for a connection that does not come about */
#define MAX_SAME_NAME 100
#define PARENT_MODE   0755
#define NEARLY_FULL   ((uint64_t)SFTP_CHUNK * SFTP_WINDOW) /* less room than this: the disk is full */

struct session {
	struct peer *peer;
	struct sftp *sftp;
};

/* ---- a connection */

static int wire_send(void *ctx, const void *buf, size_t len, struct err *err)
{
	return peer_write(ctx, buf, len, err);
}

static int wire_recv(void *ctx, void *buf, size_t len, struct err *err)
{
	return peer_read(ctx, buf, len, err);
}

static void hang_up(struct session *s)
{
	sftp_destroy(s->sftp);
	peer_destroy(s->peer);
	*s = (struct session){0};
}

/* If it was the connection that failed, the client says more of it than we know; then *err is replaced. */
static void explain(const struct target *t, struct session *s, bool *ret_again, struct err *err)
{
	struct err said;

	if (ret_again)
		*ret_again = false;
	if (s->peer && err->sys == EPIPE && remote_finish(t, s->peer, ret_again, &said))
		*err = said;
}

static int dial_once(const struct target *t, struct session *ret, bool *ret_again, struct err *err)
{
	struct session s = {0};
	struct sftp_wire wire = {wire_send, wire_recv, NULL};
	int r = remote_dial(t, NULL, NULL, NULL, &s.peer, err);

	*ret_again = false;
	if (r)
		return r;
	wire.ctx = s.peer;
	r = sftp_create(&wire, &s.sftp, err);
	if (r) {
		explain(t, &s, ret_again, err);
		r = err->code;
		hang_up(&s);
		return r;
	}
	if (t->progress)
		__atomic_fetch_add(t->progress, 1, __ATOMIC_RELAXED);
	*ret = s;
	return 0;
}

/*
 * A connection: the one that is kept, or a new one. A login takes seconds on a slow machine, so steps that ask for several
 * things ask them by one.
 */
static int dial(struct target *t, struct session *ret, struct err *err)
{
	bool again = true;
	int r = 0;

	if (t->session) {
		*ret = *(struct session *)t->session;
		free(t->session);
		t->session = NULL;
		return 0;
	}
	for (int i = 0; i < TRIES && again; i++) {
		if (i)
			remote_pause();
		r = dial_once(t, ret, &again, err);
		if (!r)
			break;
	}
	return r;
}

static void forget(struct target *t)
{
	struct session *kept = t->session;

	if (kept)
		hang_up(kept);
	free(kept);
	t->session = NULL;
}

/* It is of use for others, too. */
static void keep(struct target *t, struct session *s)
{
	struct session *kept = malloc(sizeof(*kept));

	forget(t);
	if (!kept) {
		hang_up(s);
		return;
	}
	*kept = *s;
	t->session = kept;
	*s = (struct session){0};
}

/* The end of what was asked with it: 0 or an error, explained. */
static int done(struct target *t, struct session *s, int r, struct err *err)
{
	char name[320];

	if (!r) {
		keep(t, s);
		return 0;
	}
	remote_name(t, name, sizeof(name));
	if (err->sys == EPIPE)
		explain(t, s, NULL, err);
	else
		err_wrap(err, "%s", name);
	hang_up(s);
	return err->code;
}

/* ---- the crash's folder */

static int sftp_attach(struct target *t, struct err *err)
{
	struct session s;
	int r = dial(t, &s, err);

	return r ? r : done(t, &s, 0, err);
}

/* A folder of that name, and those above it; *made counts those that were not there. */
static int make_folders(struct sftp *s, const char *path, unsigned int *made, struct err *err)
{
	_cleanup_free_ char *part = strdup(path);
	struct sftp_attrs a;
	int r = 0;

	if (!part)
		return err_nomem(err, strlen(path), path);
	if (!*path || !sftp_stat(s, path, &a, err))
		return 0;
	for (char *p = part + 1; !r; p++) {
		char was = *p;

		if (was && was != '/')
			continue;
		*p = '\0';
		r = sftp_stat(s, part, &a, err);
		if (r == ERR_NOT_FOUND) {
			r = sftp_mkdir(s, part, PARENT_MODE, err);
			*made += !r;
		}
		*p = was;
		if (!was)
			break;
	}
	return r;
}

/* This version of the protocol does not say that a name is taken, only that it failed. */
static int make_own(struct sftp *s, const char *base, const char *stamp, char ret[64],
		    struct err *err)
{
	_cleanup_free_ char *path = malloc(SFTP_PATH);
	struct sftp_attrs a;
	struct err why;
	char name[64];

	if (!path)
		return err_nomem(err, SFTP_PATH, base);
	for (unsigned int i = 1; i <= MAX_SAME_NAME; i++) {
		snprintf(name, sizeof(name), i == 1 ? "%s" : "%s-%u", stamp, i);
		if (snprintf(path, SFTP_PATH, "%s/%s", base, name) >= SFTP_PATH)
			return err_sys(err, ENAMETOOLONG, "%.200s…/%s", base, name);
		if (!sftp_mkdir(s, path, 0700, err)) {
			memcpy(ret, name, sizeof(name));
			return 0;
		}
		if (sftp_lstat(s, path, &a, &why))
			return err->code; /* it is not there, and could not be made */
	}
	return err_set(err, ERR_NO_SPACE,
		       "%s/%s: more than %d crashes of this second are there already", base, stamp,
		       MAX_SAME_NAME);
}

static int sftp_begin(struct target *t, uint64_t crash_time, struct err *err)
{
	char stamp[32], name[64];
	unsigned int made = 0;
	struct session s;
	int r = dial(t, &s, err);

	if (r)
		return r;
	target_folder_name(crash_time ? crash_time : (uint64_t)time(NULL), stamp);
	r = make_folders(s.sftp, t->recipe->path, &made, err);
	if (!r)
		r = make_own(s.sftp, t->recipe->path, stamp, name, err);
	if (!r) {
		strcpy(t->place->name, name);
		t->place->made = made;
	}
	return done(t, &s, r, err);
}

/* What of it is not there is no matter; what cannot be removed shows when its folder is. */
static void remove_file(struct target *t, struct sftp *s, const char *file, const char *suffix)
{
	char name[64], path[REMOTE_PATH_MAX];
	struct err ignored;

	snprintf(name, sizeof(name), "%s%s", file, suffix);
	if (remote_path(t, name, path, &ignored) || sftp_remove(s, path, &ignored))
		return;
}

static int remove_all(struct target *t, struct sftp *s, struct err *err)
{
	char path[REMOTE_PATH_MAX];
	int r;

	for (int file = 0; file < CRASH_FILES; file++) {
		const char *name = target_file_name(t, (enum crash_file)file);

		remove_file(t, s, name, "");
		remove_file(t, s, name, ".incomplete");
	}
	r = remote_path(t, "", path, err);
	if (r || (r = sftp_rmdir(s, path, err)))
		return r;
	for (unsigned int i = 0; i < t->place->made && !r; i++) {
		*strrchr(path, '/') = '\0';
		r = *path ? sftp_rmdir(s, path, err) : 0;
		if (!strchr(path, '/'))
			break;
	}
	return r;
}

static int sftp_remove_crash(struct target *t, struct err *err)
{
	struct session s;
	int r = dial(t, &s, err);

	return r ? r : done(t, &s, remove_all(t, s.sftp, err), err);
}

static int folder_space(struct target *t, struct sftp *s, uint64_t *ret_total,
			uint64_t *ret_available, struct err *err)
{
	char path[REMOTE_PATH_MAX];
	int r = remote_path(t, "", path, err);

	return r ? r : sftp_space(s, path, ret_total, ret_available, err);
}

static int sftp_space_left(struct target *t, uint64_t *ret, struct err *err)
{
	uint64_t total, available;
	struct session s;
	int r = dial(t, &s, err);

	if (r)
		return r;
	r = folder_space(t, s.sftp, &total, &available, err);
	if (!r)
		*ret = remote_room(total, available);
	if (r == ERR_UNSUPPORTED) {
		*ret = UINT64_MAX;
		r = 0;
	}
	return done(t, &s, r, err);
}

/* ---- a file on its way */

struct sftp_out {
	struct out out;
	struct target *t;
	enum crash_file file;
	char path[REMOTE_PATH_MAX], part[REMOTE_PATH_MAX];
	pthread_mutex_t lock; /* of all below */
	struct session session;
	struct sftp_file handle;
	uint64_t end;  /* of what was written */
	bool in_order; /* so far, from the beginning: then this is its digest */
	struct sha256 sum;
	struct err why; /* code not 0: it failed */
};

static struct sftp_out *sftp_of(struct out *out)
{
	return (struct sftp_out *)out;
}

static void sftp_free(struct sftp_out *o)
{
	hang_up(&o->session);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* A disk that is full is a "Failure" like any other: whether it is tells another connection. */
static bool is_full(struct target *t)
{
	uint64_t total, available;
	struct session s;
	struct err ignored;
	bool again;

	if (dial_once(t, &s, &again, &ignored))
		return false;

	int r = folder_space(t, s.sftp, &total, &available, &ignored);
	hang_up(&s);
	return !r && available < NEARLY_FULL;
}

/* The first error is the one that counts. */
static int failed(struct sftp_out *o, const struct err *err)
{
	char name[320];

	if (o->why.code)
		return o->why.code;
	o->why = *err;
	remote_name(o->t, name, sizeof(name));
	if (err->sys == EPIPE)
		explain(o->t, &o->session, NULL, &o->why);
	else if (err->code == ERR_SYSTEM && is_full(o->t))
		err_set(&o->why, ERR_NO_SPACE, "%s: the disk is full: make room there", name);
	else if (err->code == ERR_SYSTEM)
		err_wrap(&o->why, "%s: no room, a quota or a damaged disk", name);
	else
		err_wrap(&o->why, "%s", name);
	err_wrap(&o->why, "%s", o->path);
	return o->why.code;
}

static int sftp_out_pwrite(struct out *out, const void *buf, size_t len, uint64_t off,
			   struct err *err)
{
	struct sftp_out *o = sftp_of(out);
	struct err why;
	int r;

	pthread_mutex_lock(&o->lock);
	r = o->why.code;
	if (!r && sftp_pwrite(o->session.sftp, &o->handle, buf, len, off, &why))
		r = failed(o, &why);
	if (r)
		*err = o->why;
	o->in_order &= !r && off == o->end;
	if (o->in_order)
		sha256_update(&o->sum, buf, len);
	o->end = NUM_MAX(o->end, off + len);
	pthread_mutex_unlock(&o->lock);
	return r;
}

static int sftp_out_sync(struct out *out, struct err *err)
{
	struct sftp_out *o = sftp_of(out);
	struct err why;
	int r;

	pthread_mutex_lock(&o->lock);
	r = o->why.code;
	if (!r && sftp_fsync(o->session.sftp, &o->handle, &why))
		r = failed(o, &why);
	if (r)
		*err = o->why;
	pthread_mutex_unlock(&o->lock);
	return r;
}

/* Everything before the rename. */
static int finish(struct sftp_out *o, struct err *err)
{
	struct sftp *s = o->session.sftp;
	struct sftp_attrs a = {0};
	int r = sftp_fsync(s, &o->handle, err);

	if (r || (r = sftp_fstat(s, &o->handle, &a, err)))
		return r;
	if (!a.has_size || a.size != o->end)
		return err_set(err, ERR_CORRUPT,
			       "it has %" PRIu64 " bytes there, of %" PRIu64 " that were written",
			       a.size, o->end);
	return sftp_close(s, &o->handle, err);
}

static void note_sent(struct sftp_out *o)
{
	struct target_place *place = o->t->place;

	strcpy(place->files[o->file], strrchr(o->path, '/') + 1);
	place->was_sent[o->file] = o->in_order;
	if (!o->in_order)
		return;
	sha256_final(&o->sum, place->sent[o->file]);
	place->sent_bytes[o->file] = o->end;
}

/* Its own connection may be of no use any more. */
static void drop(struct sftp_out *o)
{
	struct session s;
	struct err ignored;
	bool again;

	hang_up(&o->session);
	if (dial_once(o->t, &s, &again, &ignored))
		return;
	if (sftp_remove(s.sftp, o->part, &ignored)) {
		/* it keeps its incomplete name, which says what it is */
	}
	hang_up(&s);
}

static int sftp_out_commit(struct out *out, struct err *err)
{
	struct sftp_out *o = sftp_of(out);
	struct err why;
	int r = o->why.code;

	if (!r && (finish(o, &why) || sftp_rename(o->session.sftp, o->part, o->path, &why)))
		r = failed(o, &why);
	if (!r) {
		note_sent(o);
		keep(o->t, &o->session);
	} else {
		*err = o->why;
	}
	/* what was cut off for want of room takes it from what is leaner; anything else of it may be of use */
	if (r == ERR_NO_SPACE)
		drop(o);
	sftp_free(o);
	return r;
}

static void sftp_out_abort(struct out *out)
{
	drop(sftp_of(out));
	sftp_free(sftp_of(out));
}

static void sftp_out_leave(struct out *out)
{
	struct sftp_out *o = sftp_of(out);
	struct err ignored;

	if (!o->why.code && (sftp_fsync(o->session.sftp, &o->handle, &ignored) ||
			     sftp_close(o->session.sftp, &o->handle, &ignored))) {
		/* as far as possible: there is nobody to tell */
	}
	sftp_free(o);
}

static const struct out_ops sftp_out_ops = {
	.pwrite = sftp_out_pwrite,
	.sync = sftp_out_sync,
	.commit = sftp_out_commit,
	.abort = sftp_out_abort,
	.leave = sftp_out_leave,
};

static int open_part(struct sftp_out *o, struct err *err)
{
	struct sftp_attrs a;
	struct err none;
	int r = dial(o->t, &o->session, err);

	if (r)
		return r;
	/* what an earlier try left */
	if (!sftp_lstat(o->session.sftp, o->part, &a, &none) &&
	    sftp_remove(o->session.sftp, o->part, err))
		return err->code;
	return sftp_create_file(o->session.sftp, o->part, &o->handle, err);
}

static int sftp_create_out(struct target *t, enum crash_file file, const char *name,
			   struct out **ret, struct err *err)
{
	struct sftp_out *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return err_nomem(err, sizeof(*o), name);
	pthread_mutex_init(&o->lock, NULL);
	o->t = t;
	o->file = file;
	o->in_order = true;
	sha256_init(&o->sum);
	r = remote_path(t, name, o->path, err);
	if (!r &&
	    snprintf(o->part, sizeof(o->part), "%s.incomplete", o->path) >= (int)sizeof(o->part))
		r = err_sys(err, ENAMETOOLONG, "%.200s…", o->path);
	if (!r && (r = open_part(o, err)) && o->session.peer)
		r = done(t, &o->session, r, err);
	if (r) {
		sftp_free(o);
		return r;
	}
	o->out = (struct out){.ops = &sftp_out_ops, .name = o->path};
	*ret = &o->out;
	return 0;
}

/* ---- looking at what is there */

static int digest_there(struct target *t, struct sftp *s, enum crash_file file, const char *path,
			uint8_t ret[32], struct err *err)
{
	const struct target_place *place = t->place;
	struct sftp_attrs a;
	struct sftp_file f;

	if (sftp_stat(s, path, &a, err))
		return err->code;
	if (!a.has_size)
		return err_set(err, ERR_UNSUPPORTED, "%s: the server does not tell its size", path);
	/* reading it would show no more, and there may be no end of it */
	if (place->was_sent[file] && a.size != place->sent_bytes[file])
		return err_set(err, ERR_CORRUPT,
			       "%s does not hold what was sent: it has %" PRIu64
			       " bytes, of %" PRIu64,
			       path, a.size, place->sent_bytes[file]);
	if (sftp_open(s, path, false, &f, err) || sftp_digest(s, &f, a.size, t->progress, ret, err))
		return err->code;
	return sftp_close(s, &f, err);
}

static int sftp_digest_file(struct target *t, enum crash_file file, uint8_t ret[32],
			    struct err *err)
{
	const struct target_place *place = t->place;
	char path[REMOTE_PATH_MAX];
	uint8_t digest[32];
	struct session s;
	int r;

	if (!*place->files[file])
		return err_set(err, ERR_NOT_FOUND, "there is no %s", crash_file_name(file));
	r = remote_path(t, place->files[file], path, err);
	if (r || (r = dial(t, &s, err)))
		return r;
	r = digest_there(t, s.sftp, file, path, digest, err);
	if (!r && place->was_sent[file] && memcmp(digest, place->sent[file], sizeof(digest)) != 0)
		r = err_set(err, ERR_CORRUPT, "%s does not hold what was sent", path);
	r = done(t, &s, r, err);
	if (!r)
		memcpy(ret, digest, sizeof(digest));
	return r;
}

static int sync_rest(struct sftp *s, const char *path, struct err *err)
{
	struct sftp_attrs a = {0};
	struct sftp_file f;

	if (sftp_open(s, path, true, &f, err) || sftp_fstat(s, &f, &a, err) ||
	    sftp_fsync(s, &f, err) || sftp_close(s, &f, err))
		return err->code;
	return a.has_size && !a.size ? err_set(err, ERR_NOT_FOUND, "%s is empty", path) : 0;
}

static int sftp_keep_rest(struct target *t, enum crash_file file, struct err *err)
{
	char name[64], path[REMOTE_PATH_MAX];
	struct session s;
	int r;

	snprintf(name, sizeof(name), "%s.incomplete", target_file_name(t, file));
	r = remote_path(t, name, path, err);
	if (r || (r = dial(t, &s, err)))
		return r;
	return done(t, &s, sync_rest(s.sftp, path, err), err);
}

static int sftp_detach(struct target *t, struct err *err)
{
	(void)err;
	forget(t);
	return 0;
}

const struct target_ops target_sftp_ops = {
	.network = target_network_remote,
	.find = remote_find,
	.attach = sftp_attach,
	.begin = sftp_begin,
	.create = sftp_create_out,
	.digest = sftp_digest_file,
	.space = sftp_space_left,
	.keep_rest = sftp_keep_rest,
	.remove = sftp_remove_crash,
	.seal = remote_seal,
	.detach = sftp_detach,
};
