// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/sftp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/num.h"
#include "base/sha256.h"
#include "base/text.h"

#define VERSION 3

enum {
	INIT = 1,
	HELLO = 2, /* SSH_FXP_VERSION */
	OPEN = 3,
	CLOSE = 4,
	READ = 5,
	WRITE = 6,
	LSTAT = 7,
	FSTAT = 8,
	REMOVE = 13,
	MKDIR = 14,
	RMDIR = 15,
	STAT = 17,
	RENAME = 18,
	STATUS = 101,
	HANDLE = 102,
	DATA = 103,
	ATTRS = 105,
	EXTENDED = 200,
	EXTENDED_REPLY = 201,
};

enum { FX_OK, FX_EOF, FX_NO_SUCH_FILE, FX_PERMISSION_DENIED, FX_FAILURE, FX_OP_UNSUPPORTED = 8 };

enum { FXF_READ = 1, FXF_WRITE = 2, FXF_CREAT = 8, FXF_EXCL = 32 };

enum { ATTR_SIZE = 1, ATTR_UIDGID = 2, ATTR_PERMISSIONS = 4 };

struct sftp {
	struct sftp_wire wire;
	unsigned int extensions;
	uint32_t next; /* number of the next request */
	/* Writes without an answer: those numbers whose bit is set, from `first` on. */
	uint32_t first;
	unsigned int n;
	bool waiting[SFTP_WINDOW];
	struct err failed; /* code not 0: a write was refused, or the connection is of no use */
	uint8_t out[2 * SFTP_PATH + 256];
	size_t len;              /* of the packet that is made in it */
	uint8_t in[SFTP_PACKET]; /* the last packet, from its type on */
	struct bytes packet;
};

/* ---- making packets: the first four bytes are their length */

static void put_u32(struct sftp *s, uint32_t v)
{
	v = htobe32(v);
	memcpy(s->out + s->len, &v, sizeof(v));
	s->len += sizeof(v);
}

static void put_u64(struct sftp *s, uint64_t v)
{
	v = htobe64(v);
	memcpy(s->out + s->len, &v, sizeof(v));
	s->len += sizeof(v);
}

static void put_bytes(struct sftp *s, const void *p, size_t len)
{
	put_u32(s, (uint32_t)len);
	memcpy(s->out + s->len, p, len);
	s->len += len;
}

static void put_text(struct sftp *s, const char *text)
{
	put_bytes(s, text, strlen(text));
}

/* Paths come from the recipe, which bounds them; a packet has room for two. */
static int check_path(const char *path, struct err *err)
{
	return strlen(path) < SFTP_PATH ? 0 : err_set(err, ERR_USAGE, "%.200s…: too long", path);
}

/* The number of the request. */
static uint32_t begin(struct sftp *s, uint8_t type)
{
	s->len = 4;
	s->out[s->len++] = type;
	put_u32(s, s->next);
	return s->next++;
}

static void put_mode(struct sftp *s, uint32_t mode)
{
	put_u32(s, ATTR_PERMISSIONS);
	put_u32(s, mode);
}

/* What is broken stays so: nobody knows where the next packet begins. */
static int broken(struct sftp *s, const struct err *err)
{
	if (!s->failed.code)
		s->failed = *err;
	return err->code;
}

static int send_with(struct sftp *s, const void *data, size_t len, struct err *err)
{
	uint32_t size = htobe32((uint32_t)(s->len - 4 + len));

	memcpy(s->out, &size, sizeof(size));
	if (s->wire.send(s->wire.ctx, s->out, s->len, err) ||
	    (len && s->wire.send(s->wire.ctx, data, len, err)))
		return broken(s, err);
	return 0;
}

/* ---- taking packets */

struct cursor {
	struct bytes b;
	uint64_t at;
};

static bool get_u32(struct cursor *c, uint32_t *ret)
{
	uint32_t v;

	if (!bytes_le32(c->b, c->at, &v))
		return false;
	c->at += 4;
	*ret = be32toh(htole32(v));
	return true;
}

static bool get_u64(struct cursor *c, uint64_t *ret)
{
	if (!bytes_be64(c->b, c->at, ret))
		return false;
	c->at += 8;
	return true;
}

static bool get_bytes(struct cursor *c, struct bytes *ret)
{
	uint32_t len;

	if (!get_u32(c, &len) || !bytes_sub(c->b, c->at, len, ret))
		return false;
	c->at += len;
	return true;
}

/* For a message: printable, bounded. */
static const char *say(struct bytes b, char *to, size_t size)
{
	char text[160];
	size_t n = NUM_MIN(b.len, sizeof(text) - 1);

	for (size_t i = 0; i < n; i++)
		text[i] = b.data[i] ? (char)b.data[i] : ' ';
	text[n] = '\0';
	return text_one_line(text, to, size);
}

/* The next packet. A text where the length should be is what a login script said. */
static int receive(struct sftp *s, struct err *err)
{
	uint8_t head[4];
	uint32_t len;
	char said[64];

	if (s->wire.recv(s->wire.ctx, head, sizeof(head), err))
		return broken(s, err);
	memcpy(&len, head, sizeof(len));
	len = be32toh(len);
	if (len < 1 || len > sizeof(s->in)) {
		err_set(err, ERR_CORRUPT,
			"what answers is no SFTP server: a packet of %" PRIu32 " bytes (\"%s\")",
			len, say((struct bytes){head, sizeof(head)}, said, sizeof(said)));
		return broken(s, err);
	}
	if (s->wire.recv(s->wire.ctx, s->in, len, err))
		return broken(s, err);
	s->packet = (struct bytes){s->in, len};
	return 0;
}

static int odd(struct sftp *s, const char *what, struct err *err)
{
	err_set(err, ERR_CORRUPT, "the SFTP server's answer (type %u, %zu bytes) is no %s",
		s->packet.len ? s->packet.data[0] : 0, s->packet.len, what);
	return broken(s, err);
}

/* A reply's type and number; the cursor stands behind them. */
static int receive_reply(struct sftp *s, uint8_t *ret_type, uint32_t *ret_id, struct cursor *ret,
			 struct err *err)
{
	int r = receive(s, err);

	if (r)
		return r;
	*ret = (struct cursor){.b = s->packet, .at = 1};
	*ret_type = s->packet.data[0];
	return get_u32(ret, ret_id) ? 0 : odd(s, "reply", err);
}

/* What a status says; `what` was asked. */
static int judge(struct sftp *s, struct cursor *c, const char *what, struct err *err)
{
	struct bytes message = {0};
	char said[128] = "";
	uint32_t status;

	if (!get_u32(c, &status))
		return odd(s, "status", err);
	if (status == FX_OK)
		return 0;
	if (get_bytes(c, &message)) /* not all servers send one */
		say(message, said, sizeof(said));
	return err_set(
		err,
		status == FX_NO_SUCH_FILE        ? ERR_NOT_FOUND
		: status == FX_PERMISSION_DENIED ? ERR_REFUSED
		: status == FX_OP_UNSUPPORTED    ? ERR_UNSUPPORTED
						 : ERR_SYSTEM,
		"%s: the server says %s%s(status %" PRIu32 ")%s", what, said, *said ? " " : "",
		status,
		status == FX_PERMISSION_DENIED && *what == '/'
			? ": make the folder, and give it to the account, or name another one by "
			  "`path`, as the account sees it"
			: "");
}

/* ---- writes that are under way */

/* Take an answer; which of them it is for is the server's choice. */
static int take_answer(struct sftp *s, struct err *err)
{
	struct cursor c;
	uint8_t type;
	uint32_t id = 0, at;
	int r = receive_reply(s, &type, &id, &c, err);

	if (r)
		return r;
	at = id - s->first;
	if (type != STATUS || at >= SFTP_WINDOW || !s->waiting[id % SFTP_WINDOW])
		return odd(s, "answer to a write", err);
	s->waiting[id % SFTP_WINDOW] = false;
	s->n--;
	while (s->first != s->next && !s->waiting[s->first % SFTP_WINDOW])
		s->first++;
	r = judge(s, &c, "write", err);
	return r ? broken(s, err) : 0;
}

int sftp_drain(struct sftp *s, struct err *err)
{
	while (s->n && !s->failed.code)
		if (take_answer(s, err))
			break;
	*err = s->failed.code ? s->failed : *err;
	return s->failed.code;
}

static int write_chunk(struct sftp *s, const struct sftp_file *f, const void *buf, size_t len,
		       uint64_t off, struct err *err)
{
	uint32_t id;

	/* the oldest must be answered before its bit is used again */
	while (s->n && (s->n == SFTP_WINDOW || s->next - s->first >= SFTP_WINDOW))
		if (take_answer(s, err))
			return err->code;
	id = begin(s, WRITE);
	if (!s->n)
		s->first = id;
	put_bytes(s, f->handle, f->len);
	put_u64(s, off);
	put_u32(s, (uint32_t)len);
	s->waiting[id % SFTP_WINDOW] = true;
	s->n++;
	return send_with(s, buf, len, err);
}

int sftp_pwrite(struct sftp *s, const struct sftp_file *f, const void *buf, size_t len,
		uint64_t off, struct err *err)
{
	const uint8_t *p = buf;

	if (s->failed.code) {
		*err = s->failed;
		return err->code;
	}
	for (size_t done = 0, n; done < len; done += n) {
		n = NUM_MIN(len - done, (size_t)SFTP_CHUNK);
		if (write_chunk(s, f, p + done, n, off + done, err))
			return err->code;
	}
	return 0;
}

/* ---- requests, one at a time */

/* Send what was made, and take the reply to it, whose number is `id`. */
static int exchange(struct sftp *s, uint32_t id, uint8_t *ret_type, struct cursor *ret,
		    struct err *err)
{
	uint32_t got = 0;
	int r = send_with(s, NULL, 0, err);

	if (r || (r = receive_reply(s, ret_type, &got, ret, err)))
		return r;
	return got == id ? 0 : odd(s, "answer to this question", err);
}

/* The reply is a status. */
static int for_status(struct sftp *s, uint32_t id, const char *what, struct err *err)
{
	struct cursor c;
	uint8_t type;
	int r = exchange(s, id, &type, &c, err);

	if (r)
		return r;
	return type == STATUS ? judge(s, &c, what, err) : odd(s, "status", err);
}

/* The reply is of that type, or a status that says why not. */
static int for_type(struct sftp *s, uint32_t id, uint8_t want, const char *what, struct cursor *ret,
		    struct err *err)
{
	uint8_t type;
	int r = exchange(s, id, &type, ret, err);

	if (r || type == want)
		return r;
	if (type != STATUS || !(r = judge(s, ret, what, err)))
		return odd(s, what, err);
	return r;
}

static int with_path(struct sftp *s, uint8_t type, const char *path, uint32_t *ret_id,
		     struct err *err)
{
	int r = sftp_drain(s, err);

	if (r || (r = check_path(path, err)))
		return r;
	*ret_id = begin(s, type);
	put_text(s, path);
	return 0;
}

static int with_handle(struct sftp *s, uint8_t type, const struct sftp_file *f, uint32_t *ret_id,
		       struct err *err)
{
	int r = sftp_drain(s, err);

	if (r)
		return r;
	*ret_id = begin(s, type);
	put_bytes(s, f->handle, f->len);
	return 0;
}

int sftp_mkdir(struct sftp *s, const char *path, uint32_t mode, struct err *err)
{
	uint32_t id;

	if (with_path(s, MKDIR, path, &id, err))
		return err->code;
	put_mode(s, mode);
	return for_status(s, id, path, err);
}

int sftp_rmdir(struct sftp *s, const char *path, struct err *err)
{
	uint32_t id;

	return with_path(s, RMDIR, path, &id, err) ? err->code : for_status(s, id, path, err);
}

int sftp_remove(struct sftp *s, const char *path, struct err *err)
{
	uint32_t id;

	return with_path(s, REMOVE, path, &id, err) ? err->code : for_status(s, id, path, err);
}

static int for_attrs(struct sftp *s, uint32_t id, const char *what, struct sftp_attrs *ret,
		     struct err *err)
{
	struct sftp_attrs a = {0};
	uint32_t flags, ignored;
	struct cursor c;
	int r = for_type(s, id, ATTRS, what, &c, err);

	if (r)
		return r;
	if (!get_u32(&c, &flags))
		return odd(s, "set of attributes", err);
	a.has_size = flags & ATTR_SIZE;
	a.has_mode = flags & ATTR_PERMISSIONS;
	if ((a.has_size && !get_u64(&c, &a.size)) ||
	    (flags & ATTR_UIDGID && (!get_u32(&c, &ignored) || !get_u32(&c, &ignored))) ||
	    (a.has_mode && !get_u32(&c, &a.mode)))
		return odd(s, "set of attributes", err);
	*ret = a;
	return 0;
}

static int stat_by(struct sftp *s, uint8_t type, const char *path, struct sftp_attrs *ret,
		   struct err *err)
{
	uint32_t id;

	return with_path(s, type, path, &id, err) ? err->code : for_attrs(s, id, path, ret, err);
}

int sftp_lstat(struct sftp *s, const char *path, struct sftp_attrs *ret, struct err *err)
{
	return stat_by(s, LSTAT, path, ret, err);
}

int sftp_stat(struct sftp *s, const char *path, struct sftp_attrs *ret, struct err *err)
{
	return stat_by(s, STAT, path, ret, err);
}

int sftp_fstat(struct sftp *s, const struct sftp_file *f, struct sftp_attrs *ret, struct err *err)
{
	uint32_t id;

	return with_handle(s, FSTAT, f, &id, err) ? err->code : for_attrs(s, id, "file", ret, err);
}

/* Version 3's own rename fails where the new name is taken. */
int sftp_rename(struct sftp *s, const char *from, const char *to, struct err *err)
{
	struct sftp_attrs ignored;
	struct err none;
	uint32_t id;
	int r = check_path(from, err) || check_path(to, err) ? err->code : sftp_drain(s, err);

	if (r)
		return r;
	if (!sftp_has(s, SFTP_POSIX_RENAME) && !sftp_lstat(s, to, &ignored, &none) &&
	    (r = sftp_remove(s, to, err)))
		return r;
	if (sftp_has(s, SFTP_POSIX_RENAME)) {
		id = begin(s, EXTENDED);
		put_text(s, "posix-rename@openssh.com");
	} else {
		id = begin(s, RENAME);
	}
	put_text(s, from);
	put_text(s, to);
	return for_status(s, id, to, err);
}

/* Eleven numbers: bsize, frsize, blocks, bfree, bavail, files, ffree, favail, fsid, flag, namemax. */
int sftp_space(struct sftp *s, const char *path, uint64_t *ret_total, uint64_t *ret_available,
	       struct err *err)
{
	uint64_t v[11], total, available;
	struct cursor c;
	uint32_t id;
	int r = check_path(path, err) ? err->code : sftp_drain(s, err);

	if (r)
		return r;
	if (!sftp_has(s, SFTP_STATVFS))
		return err_set(err, ERR_UNSUPPORTED, "the SFTP server cannot tell free space");
	id = begin(s, EXTENDED);
	put_text(s, "statvfs@openssh.com");
	put_text(s, path);
	if (for_type(s, id, EXTENDED_REPLY, path, &c, err))
		return err->code;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		if (!get_u64(&c, &v[i]))
			return odd(s, "answer about free space", err);
	if (!num_mul(v[1], v[2], &total) || !num_mul(v[1], v[4], &available))
		return err_set(err, ERR_UNSUPPORTED,
			       "%s: free space of %" PRIu64 " × %" PRIu64 " bytes", path, v[4],
			       v[1]);
	*ret_total = total;
	*ret_available = available;
	return 0;
}

/* ---- files */

static int open_by(struct sftp *s, const char *path, uint32_t flags, struct sftp_file *ret,
		   struct err *err)
{
	struct bytes handle;
	struct cursor c;
	uint32_t id;

	if (with_path(s, OPEN, path, &id, err))
		return err->code;
	put_u32(s, flags);
	if (flags & FXF_CREAT)
		put_mode(s, 0600);
	else
		put_u32(s, 0);
	if (for_type(s, id, HANDLE, path, &c, err))
		return err->code;
	/* "MUST NOT" be longer (section 3) */
	if (!get_bytes(&c, &handle) || handle.len > SFTP_HANDLE)
		return odd(s, "handle", err);
	memcpy(ret->handle, handle.data, handle.len);
	ret->len = (uint32_t)handle.len;
	return 0;
}

int sftp_create_file(struct sftp *s, const char *path, struct sftp_file *ret, struct err *err)
{
	return open_by(s, path, FXF_WRITE | FXF_CREAT | FXF_EXCL, ret, err);
}

int sftp_open(struct sftp *s, const char *path, bool write, struct sftp_file *ret, struct err *err)
{
	return open_by(s, path, write ? FXF_WRITE : FXF_READ, ret, err);
}

int sftp_close(struct sftp *s, const struct sftp_file *f, struct err *err)
{
	uint32_t id;

	return with_handle(s, CLOSE, f, &id, err) ? err->code : for_status(s, id, "close", err);
}

int sftp_fsync(struct sftp *s, const struct sftp_file *f, struct err *err)
{
	uint32_t id;
	int r = sftp_drain(s, err);

	if (r || !sftp_has(s, SFTP_FSYNC))
		return r;
	id = begin(s, EXTENDED);
	put_text(s, "fsync@openssh.com");
	put_bytes(s, f->handle, f->len);
	return for_status(s, id, "fsync", err);
}

/* ---- reading back */

struct reading {
	struct sftp *s;
	const struct sftp_file *f;
	uint64_t len;  /* of all */
	uint64_t next; /* where the next request begins */
	struct slot {
		uint32_t id;
		bool waiting;
		uint64_t off;
		uint32_t want, got;
		uint8_t data[SFTP_CHUNK];
	} slots[SFTP_READS];
	unsigned int first, n; /* slots in use */
};

static int ask_slot(struct reading *r, struct slot *slot, struct err *err)
{
	slot->id = begin(r->s, READ);
	slot->waiting = true;
	put_bytes(r->s, r->f->handle, r->f->len);
	put_u64(r->s, slot->off + slot->got);
	put_u32(r->s, slot->want - slot->got);
	return send_with(r->s, NULL, 0, err);
}

static int ask_ahead(struct reading *r, struct err *err)
{
	while (r->n < SFTP_READS && r->next < r->len) {
		struct slot *slot = &r->slots[(r->first + r->n) % SFTP_READS];

		slot->off = r->next;
		slot->want = (uint32_t)NUM_MIN(r->len - r->next, (uint64_t)SFTP_CHUNK);
		slot->got = 0;
		if (ask_slot(r, slot, err))
			return err->code;
		r->next += slot->want;
		r->n++;
	}
	return 0;
}

static struct slot *slot_of(struct reading *r, uint32_t id)
{
	for (unsigned int i = 0; i < SFTP_READS; i++)
		if (r->slots[i].waiting && r->slots[i].id == id)
			return &r->slots[i];
	return NULL;
}

/* A reply for one of them; a short one is asked for the rest, and must have something. */
static int fill_slot(struct reading *r, struct err *err)
{
	struct sftp *s = r->s;
	struct bytes data;
	struct cursor c;
	struct slot *slot;
	uint8_t type;
	uint32_t id = 0;

	if (receive_reply(s, &type, &id, &c, err))
		return err->code;
	slot = slot_of(r, id);
	if (!slot)
		return odd(s, "answer to a read", err);
	slot->waiting = false;
	if (type == STATUS && judge(s, &c, "read back", err)) {
		err_wrap(err, "at %" PRIu64, slot->off + slot->got);
		err->code = ERR_CORRUPT; /* it is shorter than it was, or cannot be read */
		return broken(s, err);
	}
	if (type != DATA || !get_bytes(&c, &data) || !data.len || data.len > slot->want - slot->got)
		return odd(s, "piece of the file", err);
	memcpy(slot->data + slot->got, data.data, data.len);
	slot->got += (uint32_t)data.len;
	return slot->got < slot->want ? ask_slot(r, slot, err) : 0;
}

int sftp_digest(struct sftp *s, const struct sftp_file *f, uint64_t len, uint64_t *progress,
		uint8_t ret[32], struct err *err)
{
	_cleanup_free_ struct reading *r = calloc(1, sizeof(*r));
	struct sha256 sum;

	if (!r)
		return err_nomem(err, sizeof(*r), "reading back");
	if (sftp_drain(s, err))
		return err->code;
	r->s = s;
	r->f = f;
	r->len = len;
	sha256_init(&sum);
	while (r->n || r->next < len) {
		struct slot *slot = &r->slots[r->first];

		if (ask_ahead(r, err))
			return err->code;
		if (slot->waiting) {
			if (fill_slot(r, err))
				return err->code;
			continue;
		}
		sha256_update(&sum, slot->data, slot->want);
		if (progress)
			__atomic_fetch_add(progress, 1, __ATOMIC_RELAXED);
		r->first = (r->first + 1) % SFTP_READS;
		r->n--;
	}
	sha256_final(&sum, ret);
	return 0;
}

/* ---- the beginning */

static void learn(struct sftp *s, struct bytes name)
{
	static const struct {
		const char *name;
		enum sftp_extension bit;
	} known[] = {
		{"fsync@openssh.com", SFTP_FSYNC},
		{"posix-rename@openssh.com", SFTP_POSIX_RENAME},
		{"statvfs@openssh.com", SFTP_STATVFS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (name.len == strlen(known[i].name) &&
		    memcmp(name.data, known[i].name, name.len) == 0)
			s->extensions |= known[i].bit;
}

static int hello(struct sftp *s, struct err *err)
{
	struct bytes name, data;
	struct cursor c;
	uint32_t version;

	s->len = 4;
	s->out[s->len++] = INIT;
	put_u32(s, VERSION);
	if (send_with(s, NULL, 0, err) || receive(s, err))
		return err->code;
	c = (struct cursor){.b = s->packet, .at = 1};
	if (s->packet.data[0] != HELLO || !get_u32(&c, &version))
		return odd(s, "greeting", err);
	if (version != VERSION)
		return err_set(err, ERR_UNSUPPORTED,
			       "the SFTP server speaks version %" PRIu32 ", not %d", version,
			       VERSION);
	while (get_bytes(&c, &name) && get_bytes(&c, &data))
		learn(s, name);
	return 0;
}

int sftp_create(const struct sftp_wire *wire, struct sftp **ret, struct err *err)
{
	_cleanup_free_ struct sftp *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_nomem(err, sizeof(*s), "SFTP");
	s->wire = *wire;
	r = hello(s, err);
	if (!r)
		*ret = no_cleanup_ptr(s);
	return r;
}

void sftp_destroy(struct sftp *s)
{
	free(s);
}

bool sftp_has(const struct sftp *s, enum sftp_extension extension)
{
	return s->extensions & extension;
}
