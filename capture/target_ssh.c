// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A folder of another machine, through a shell there. Every step is a connection of its own, and what runs at the far end is
 * one fixed POSIX script, told what to do and with what by its arguments.
 *
 * A file goes there as NAME.incomplete. It gets its name in another connection, which is told size and digest: so one that is
 * cut, wherever, can never look whole. A small file is kept here until it is complete, and does with one connection, for the
 * same reason: its size and digest are said before its bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/sha256.h"
#include "capture/remote.h"

#define TRIES     3          /* for a connection that does not come about */
#define HOLD_MAX  (1u << 20) /* a file up to this size is kept here until it is complete */
#define HOLD_STEP 65536
#define COMMAND   16384 /* of the command line that is sent */
#define ARGS_MAX  4

/*
 * No newline, no quote, no backslash and no exclamation mark is in it, so any login shell passes it on as it is
 * (remote_quote). Answers are lines on descriptor 3, standard output, that begin with "lifeboat:": a login shell may have its
 * own things to say there. While something is read, "at" tells that it gets on.
 */
static const char script[] =
	"LC_ALL=C; export LC_ALL; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH; umask "
	"077; exec 3>&1; "
	"say() { echo \"lifeboat: $*\" >&3; }; "
	"die() { echo \"$*\" >&2; exit 3; }; "
	/* a file or folder, where sync(1) can; it syncs everything where not */
	"flush() { sync \"$@\" 2>/dev/null || sync; }; "
	"size() { n=$(wc -c <\"$1\") && echo $((n)); }; "
	/* $1 in pieces of 64 MiB; $2: its size */
	"feed() { i=0; while [ $i -le $(($2 / 67108864)) ]; do dd bs=1048576 count=64 2>/dev/null; "
	"i=$((i + 1)); say at $i; done <\"$1\"; }; "
	"have() { command -v $1 >/dev/null 2>&1; }; "
	"hash() { if have sha256sum; then sha256sum; elif have shasum; then shasum -a 256; elif "
	"have openssl; then "
	"openssl dgst -sha256 -r; elif have sha256; then sha256 -q; else cat >/dev/null; fi; }; "
	"digest() { d=$(feed \"$1\" $2 | hash); echo ${d%% *}; }; "
	/* $1, of size $2 and digest $3, gets its name; it may have it from a connection that was cut */
	"finish() { f=$1.incomplete; if [ -f \"$f\" ]; then :; elif [ -f \"$1\" ]; then f=$1; fi; "
	"n=$(size \"$f\") || exit 3; [ $n -eq $2 ] || die \"$f has $n bytes, not $2\"; "
	"d=$(digest \"$f\" $n); [ -z \"$d\" ] || [ \"$d\" = $3 ] || die \"$f does not hold what "
	"was sent\"; "
	"flush \"$f\"; [ \"$f\" = \"$1\" ] || mv -f \"$f\" \"$1\" || exit 3; flush \"${1%/*}\"; "
	"say sha256 $d; say done; }; "
	/* $1: parent, $2: name of the crash */
	"begin() { k=0; p=$1; while [ -n \"$p\" ]; do if [ -d \"$p\" ]; then break; fi; k=$((k + "
	"1)); p=${p%/*}; done; "
	"(umask 022; mkdir -p \"$1/\") || exit 3; i=1; n=$2; "
	"until mkdir \"$1/$n\" 2>/dev/null; do if [ -e \"$1/$n\" ] || [ -h \"$1/$n\" ]; then "
	"i=$((i + 1)); "
	"n=$2-$i; [ $i -le 100 ] || n=$2-$$; [ $i -le 101 ] || die \"$1: too many crashes of this "
	"second\"; "
	"else mkdir \"$1/$n\" || exit 3; break; fi; done; flush \"$1/$n\" \"$1/\"; say made $k; "
	"say name $n; }; "
	/* what comes in goes to the disk as it comes: there is no end that waits for all of it */
	"take() { f=$1.incomplete; rm -f \"$f\"; "
	"(while sleep 10; do sync \"$f\"; done) </dev/null >/dev/null 2>&1 3>&- & s=$!; "
	"cat >\"$f\"; r=$?; kill $s 2>/dev/null; [ $r -eq 0 ] || exit $r; flush \"$f\"; say done; "
	"}; "
	"put() { f=$1.incomplete; rm -f \"$f\"; cat >\"$f\" || exit $?; finish \"$@\"; }; "
	/* $1: a flattened file, $2: what it becomes, by whoever can */
	"order() { if [ -f \"$1\" ]; then :; elif [ -f \"$2\" ]; then say file; return; fi; "
	"g=$2.incomplete; rm -f \"$g\"; n=$(size \"$1\") || exit 3; "
	"if have lifeboat; then feed \"$1\" $n | lifeboat makedumpfile -R \"$g\" >/dev/null 2>&1; "
	"elif have makedumpfile; then feed \"$1\" $n | makedumpfile -R \"$g\" >/dev/null 2>&1; "
	"else return; fi; "
	"r=$?; if [ $r -eq 0 ] && [ -s \"$g\" ]; then flush \"$g\"; mv -f \"$g\" \"$2\" || exit 3; "
	"flush \"${2%/*}\"; "
	"rm -f \"$1\"; flush \"${2%/*}\"; say file; else rm -f \"$g\"; fi; }; "
	/* finish and order; it may have come as far as that in a connection that was cut */
	"settle() { if [ -f \"$1\" ] || [ -f \"$1.incomplete\" ]; then finish \"$1\" $2 $3; "
	"elif [ -f \"$4\" ]; then say done; fi; order \"$1\" \"$4\"; }; "
	"sum() { if [ -f \"$1\" ]; then n=$(size \"$1\") || exit 3; d=$(digest \"$1\" $n); say "
	"sha256 $d; else say none; fi; }; "
	"room() { r=$(df -Pk \"$1/\") || exit 3; echo \"$r\" | while read -r l; do say df $l; "
	"done; }; "
	"keep() { f=$1.incomplete; [ -s \"$f\" ] || die \"there is nothing of $f\"; flush \"$f\"; "
	"flush \"${f%/*}\"; say done; }; "
	"drop() { rm -f \"$1.incomplete\"; say done; }; "
	/* $1: the folder of a probe, $2: its parent, $3: folders that begin made */
	"clear() { rm -rf \"$1\" || exit 3; p=$2; k=$3; while [ $k -gt 0 ]; do rmdir \"$p\" || "
	"exit 3; p=${p%/*}; k=$((k - 1)); "
	"done; say done; }; "
	"hello() { say done; }; "
	"say here; \"$@\"";

/* ---- asking it */

/* `verb` is a function of the script; `args` are words for it, up to a NULL. */
static int make_command(const char *verb, const char *const args[], char **ret, struct err *err)
{
	_cleanup_free_ char *text = malloc(COMMAND);
	bool fits;

	if (!text)
		return err_nomem(err, COMMAND, "a command");
	strcpy(text, "exec sh -c ");
	fits = remote_quote(script, text, COMMAND);
	strncat(text, " lifeboat ", COMMAND - strlen(text) - 1);
	strncat(text, verb, COMMAND - strlen(text) - 1);
	for (; fits && *args; args++) {
		strncat(text, " ", COMMAND - strlen(text) - 1);
		fits = remote_quote(*args, text, COMMAND);
	}
	if (!fits)
		return err_set(err, ERR_USAGE, "%s: a path that no shell can be told", verb);
	*ret = no_cleanup_ptr(text);
	return 0;
}

static int start(struct target *t, const char *verb, const char *const args[],
		 struct remote_answer *a, struct peer **ret, struct err *err)
{
	_cleanup_free_ char *command = NULL;
	int r = make_command(verb, args, &command, err);

	*a = (struct remote_answer){.progress = t->progress};
	return r ? r : remote_dial(t, command, remote_hear, a, ret, err);
}

/* One connection; `data` is what it gets on its standard input. */
static int ask_once(struct target *t, const char *verb, const char *const args[], const void *data,
		    size_t len, struct remote_answer *a, bool *ret_again, struct err *err)
{
	struct err why;
	struct peer *p;
	int r = start(t, verb, args, a, &p, err);

	*ret_again = false;
	if (r)
		return r;
	/* why it does not listen is what it says when it ends */
	if (peer_write(p, data, len, &why) && why.sys != EPIPE)
		*err = why, r = why.code;
	else
		r = remote_finish(t, p, ret_again, err);
	peer_destroy(p);
	return r;
}

/* All that is asked may be asked again, whatever became of it before. */
static int ask_with(struct target *t, const char *verb, const char *const args[], const void *data,
		    size_t len, struct remote_answer *a, struct err *err)
{
	bool again = true;
	int r = 0;

	for (int i = 0; i < TRIES && again; i++) {
		if (i)
			remote_pause();
		r = ask_once(t, verb, args, data, len, a, &again, err);
		if (!r)
			break;
	}
	return r;
}

static int ask(struct target *t, const char *verb, const char *const args[],
	       struct remote_answer *a, struct err *err)
{
	return ask_with(t, verb, args, "", 0, a, err);
}

static int no_answer(const struct target *t, struct err *err)
{
	char name[320];

	remote_name(t, name, sizeof(name));
	return err_set(
		err, ERR_UNSUPPORTED,
		"%s: no POSIX shell answered there; an account without one is a target of kind "
		"sftp",
		name);
}

/* ---- the crash's folder */

static int ssh_attach(struct target *t, struct err *err)
{
	const char *const args[] = {NULL};
	struct remote_answer a;
	int r = ask(t, "hello", args, &a, err);

	return (!r && !a.done) || a.sftp_only ? no_answer(t, err) : r;
}

static int ssh_begin(struct target *t, uint64_t crash_time, struct err *err)
{
	char stamp[32];
	const char *const args[] = {t->recipe->path, stamp, NULL};
	struct remote_answer a;
	int r;

	target_folder_name(crash_time ? crash_time : (uint64_t)time(NULL), stamp);
	r = ask(t, "begin", args, &a, err);
	if (r)
		return r;
	if (!remote_is_name_of(a.name, stamp))
		return no_answer(t, err);
	strcpy(t->place->name, a.name);
	t->place->made = (unsigned int)a.made;
	return 0;
}

static int ssh_remove(struct target *t, struct err *err)
{
	char path[REMOTE_PATH_MAX], made[16];
	const char *const args[] = {path, t->recipe->path, made, NULL};
	struct remote_answer a;
	int r = remote_path(t, "", path, err);

	snprintf(made, sizeof(made), "%u", t->place->made);
	return r ? r : ask(t, "clear", args, &a, err);
}

static int ssh_space(struct target *t, uint64_t *ret, struct err *err)
{
	char path[REMOTE_PATH_MAX];
	const char *const args[] = {path, NULL};
	struct remote_answer a;
	int r = remote_path(t, "", path, err);

	if (r || (r = ask(t, "room", args, &a, err)))
		return r;
	*ret = a.room_known ? remote_room(a.total, a.available) : UINT64_MAX;
	return 0;
}

/* ---- a file on its way */

struct ssh_out {
	struct out out;
	struct target *t;
	enum crash_file file;
	char path[REMOTE_PATH_MAX];
	struct sha256 sum;
	uint64_t bytes;
	char *held; /* as long as there is no connection */
	size_t room;
	struct peer *peer;
	struct remote_answer answer; /* of it */
	struct err why;              /* code not 0: it failed */
};

static struct ssh_out *ssh_of(struct out *out)
{
	return (struct ssh_out *)out;
}

static void ssh_free(struct ssh_out *o)
{
	peer_destroy(o->peer);
	free(o->held);
	free(o);
}

/* It does not listen any more: what it says now is why. */
static int stream_failed(struct ssh_out *o, const struct err *write)
{
	int r = write->sys == EPIPE ? remote_finish(o->t, o->peer, NULL, &o->why) : 0;

	if (write->sys != EPIPE)
		o->why = *write;
	else if (!r)
		err_set(&o->why, ERR_SYSTEM, "the far end stopped reading");
	err_wrap(&o->why, "%s", o->path);
	peer_destroy(o->peer);
	o->peer = NULL;
	return o->why.code;
}

static int stream(struct ssh_out *o, const void *buf, size_t len)
{
	struct err write;

	return peer_write(o->peer, buf, len, &write) ? stream_failed(o, &write) : 0;
}

/* It is a large one. */
static int begin_stream(struct ssh_out *o)
{
	const char *const args[] = {o->path, NULL};
	int r = start(o->t, "take", args, &o->answer, &o->peer, &o->why);

	if (r)
		return r;
	o->why = (struct err){0};
	r = stream(o, o->held, (size_t)o->bytes);
	free(o->held);
	o->held = NULL;
	return r;
}

static int hold(struct ssh_out *o, const void *buf, size_t len)
{
	size_t need = (size_t)o->bytes + len;

	if (need > o->room) {
		size_t room = NUM_MIN(NUM_MAX(2 * o->room, num_align_up(need, HOLD_STEP)),
				      (size_t)HOLD_MAX);
		char *held = realloc(o->held, room);

		if (!held)
			return err_nomem(&o->why, room, o->path);
		o->held = held;
		o->room = room;
	}
	if (len)
		memcpy(o->held + o->bytes, buf, len);
	return 0;
}

static int ssh_pwrite(struct out *out, const void *buf, size_t len, uint64_t off, struct err *err)
{
	struct ssh_out *o = ssh_of(out);
	int r = 0;

	if (o->why.code) {
		*err = o->why;
		return err->code;
	}
	if (off != o->bytes)
		return err_set(err, ERR_USAGE,
			       "%s: written at %" PRIu64 " where %" PRIu64 " comes next", o->path,
			       off, o->bytes);
	if (!o->peer && o->bytes + len > HOLD_MAX)
		r = begin_stream(o);
	if (!r)
		r = o->peer ? stream(o, buf, len) : hold(o, buf, len);
	if (r) {
		*err = o->why;
		return r;
	}
	sha256_update(&o->sum, buf, len);
	o->bytes += len;
	return 0;
}

/* Nothing counts before commit, which does not return before the far end has it on its disk. */
static int ssh_sync(struct out *out, struct err *err)
{
	*err = ssh_of(out)->why;
	return err->code;
}

/* A flattened dump, not an encrypted one: in order it is what every tool takes. */
static bool is_flat(const struct ssh_out *o)
{
	return o->file == CRASH_DUMP &&
	       strcmp(o->path + strlen(o->path) - strlen(".flat"), ".flat") == 0;
}

/* All of it is said to be there: the connection that carried it has ended well. */
static int finish_stream(struct ssh_out *o, struct err *err)
{
	int r = remote_finish(o->t, o->peer, NULL, err);

	peer_destroy(o->peer);
	o->peer = NULL;
	return !r && !o->answer.done ? no_answer(o->t, err) : r;
}

static void drop(struct ssh_out *o)
{
	const char *const args[] = {o->path, NULL};
	struct remote_answer a;
	struct err ignored;
	bool again;

	if (ask_once(o->t, "drop", args, "", 0, &a, &again, &ignored)) {
		/* it stays under its incomplete name, which says what it is */
	}
}

/*
 * It gets its name; a flattened dump is then put in order, by whoever can there. Once it has its name it is safe, whatever
 * becomes of that.
 */
static int settle(struct ssh_out *o, const char *size, const char *digest, struct remote_answer *a,
		  struct err *err)
{
	char ordered[REMOTE_PATH_MAX];
	const char *const args[] = {o->path, size, digest, ordered, NULL};
	const char *const again[] = {o->path, ordered, NULL};
	struct remote_answer second;
	int r;

	if (!is_flat(o))
		return ask(o->t, "finish", args, a, err);
	snprintf(ordered, sizeof(ordered), "%.*s", (int)(strlen(o->path) - strlen(".flat")),
		 o->path);
	r = ask(o->t, "settle", args, a, err);
	if (!r || !a->done)
		return r;
	/* the connection was cut: perhaps it is on its way to another name */
	if (!ask(o->t, "order", again, &second, err))
		a->file = second.file;
	return 0;
}

static void note_sent(struct ssh_out *o, const struct remote_answer *a,
		      const uint8_t sum[SHA256_SIZE], const char *digest)
{
	struct target_place *place = o->t->place;
	char *name = place->files[o->file];

	memcpy(place->sent[o->file], sum, SHA256_SIZE);
	place->sent_bytes[o->file] = o->bytes;
	place->was_sent[o->file] = true;
	place->proven[o->file] = strcmp(a->sha256, digest) == 0;
	strcpy(name, strrchr(o->path, '/') + 1);
	if (a->file && is_flat(o))
		name[strlen(name) - strlen(".flat")] = '\0';
}

static int ssh_commit(struct out *out, struct err *err)
{
	struct ssh_out *o = ssh_of(out);
	char size[24], digest[SHA256_TEXT];
	const char *const args[] = {o->path, size, digest, NULL};
	uint8_t sum[SHA256_SIZE];
	struct remote_answer a = {0};
	int r = o->why.code;

	*err = o->why;
	sha256_final(&o->sum, sum);
	sha256_text(sum, digest);
	snprintf(size, sizeof(size), "%" PRIu64, o->bytes);
	if (!r && !o->peer && is_flat(o) && (r = begin_stream(o)))
		*err = o->why;
	if (!r && o->peer)
		r = (r = finish_stream(o, err)) ? r : settle(o, size, digest, &a, err);
	else if (!r)
		r = ask_with(o->t, "put", args, o->held ? o->held : "", (size_t)o->bytes, &a, err);
	if (!r && !a.done)
		r = no_answer(o->t, err);
	if (!r)
		note_sent(o, &a, sum, digest);
	/* what was cut off for want of room takes it from what is leaner; anything else of it may be of use */
	if (r == ERR_NO_SPACE)
		drop(o);
	if (r && !o->why.code)
		err_wrap(err, "%s", o->path);
	ssh_free(o);
	return r;
}

static void ssh_abort(struct out *out)
{
	struct ssh_out *o = ssh_of(out);

	peer_destroy(o->peer);
	o->peer = NULL;
	drop(o);
	ssh_free(o);
}

static void ssh_leave(struct out *out)
{
	struct ssh_out *o = ssh_of(out);
	struct err ignored;

	if (!o->peer && o->bytes && !o->why.code && begin_stream(o)) {
		/* as far as possible: there is nobody to tell */
	}
	if (o->peer && finish_stream(o, &ignored)) {
		/* likewise */
	}
	ssh_free(o);
}

static const struct out_ops ssh_ops = {
	.pwrite = ssh_pwrite,
	.sync = ssh_sync,
	.commit = ssh_commit,
	.abort = ssh_abort,
	.leave = ssh_leave,
};

static int ssh_create(struct target *t, enum crash_file file, const char *name, struct out **ret,
		      struct err *err)
{
	struct ssh_out *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return err_nomem(err, sizeof(*o), name);
	r = remote_path(t, name, o->path, err);
	if (r) {
		ssh_free(o);
		return r;
	}
	o->out = (struct out){
		.ops = &ssh_ops, .name = o->path, .write_once = true, .sequential = true};
	o->t = t;
	o->file = file;
	sha256_init(&o->sum);
	*ret = &o->out;
	return 0;
}

/* ---- looking at what is there */

static int ssh_digest(struct target *t, enum crash_file file, uint8_t ret[SHA256_SIZE],
		      struct err *err)
{
	const struct target_place *place = t->place;
	char path[REMOTE_PATH_MAX];
	const char *const args[] = {path, NULL};
	uint8_t digest[SHA256_SIZE];
	struct remote_answer a;
	bool as_sent;
	int r;

	if (!*place->files[file])
		return err_set(err, ERR_NOT_FOUND, "there is no %s", crash_file_name(file));
	/* what was put in order there is another file than the one that was sent */
	as_sent =
		place->was_sent[file] && strcmp(place->files[file], target_file_name(t, file)) == 0;
	if (as_sent && place->proven[file]) {
		memcpy(ret, place->sent[file], sizeof(digest));
		return 0;
	}
	r = remote_path(t, place->files[file], path, err);
	if (r || (r = ask(t, "sum", args, &a, err)))
		return r;
	if (a.none)
		return err_set(err, ERR_NOT_FOUND, "there is no %s", path);
	if (!sha256_parse(a.sha256, digest))
		return err_set(err, ERR_UNSUPPORTED, "%s: nobody there can make a SHA-256", path);
	if (as_sent && memcmp(digest, place->sent[file], sizeof(digest)) != 0)
		return err_set(err, ERR_CORRUPT, "%s does not hold what was sent", path);
	memcpy(ret, digest, sizeof(digest));
	return 0;
}

static int ssh_keep_rest(struct target *t, enum crash_file file, struct err *err)
{
	char path[REMOTE_PATH_MAX];
	const char *const args[] = {path, NULL};
	struct remote_answer a;
	int r = remote_path(t, target_file_name(t, file), path, err);

	return r ? r : ask(t, "keep", args, &a, err);
}

const struct target_ops target_ssh_ops = {
	.sequential = true,
	.network = target_network_remote,
	.find = remote_find,
	.attach = ssh_attach,
	.begin = ssh_begin,
	.create = ssh_create,
	.digest = ssh_digest,
	.space = ssh_space,
	.keep_rest = ssh_keep_rest,
	.remove = ssh_remove,
	.seal = remote_seal,
	.detach = remote_detach,
};
