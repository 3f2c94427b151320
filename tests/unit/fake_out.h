/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A struct out over a file in memory that keeps a diary of the calls and can fail at any one of them. What
 * was written stays, so that source_open() can read it.
 */
#ifndef TESTS_UNIT_FAKE_OUT_H
#define TESTS_UNIT_FAKE_OUT_H

#include <errno.h>
#include <pthread.h>

#include "base/out.h"
#include "tests/unit/unit.h"

#define FAKE_OUT_STATUS 424 /* offset of the status word: filter.md, section 2 */

struct fake_call {
	char kind; /* 'w' write, 's' sync */
	uint64_t off;
	size_t len;
	bool incomplete; /* what the header in the file said before the call */
};

struct fake_out {
	struct out out;
	struct memfile file;
	pthread_mutex_t lock;
	size_t n_calls, fail_at; /* counted from 1; 0: never */
	bool fail_once;          /* later calls work again */
	int error;
	bool finished; /* committed, aborted or left: not the filter's business */
	struct fake_call calls[4096];
};

/* Does what lies in the file say that it is incomplete? As a kdump file or as ELF (EI_PAD). */
static inline bool fake_out_incomplete(const struct fake_out *o)
{
	uint8_t status = 0, ident[16] = {0};

	if (pread(o->file.fd, ident, 16, 0) == 16 && memcmp(ident, "\177ELF", 4) == 0)
		return memcmp(ident + 9, "PARTIAL", 7) == 0;
	return pread(o->file.fd, &status, 1, FAKE_OUT_STATUS) == 1 && status & 8;
}

static inline int fake_out_call(struct fake_out *o, char kind, uint64_t off, size_t len,
				struct err *err)
{
	size_t n = ++o->n_calls;

	if (n <= ARRAY_SIZE(o->calls))
		o->calls[n - 1] = (struct fake_call){kind, off, len, fake_out_incomplete(o)};
	if (o->fail_at && (o->fail_once ? n == o->fail_at : n >= o->fail_at))
		return err_sys(err, o->error, "%s: call %zu", o->out.name, n);
	return 0;
}

static inline int fake_out_pwrite(struct out *out, const void *buf, size_t len, uint64_t off,
				  struct err *err)
{
	struct fake_out *o = (struct fake_out *)out;
	int r;

	pthread_mutex_lock(&o->lock);
	r = fake_out_call(o, 'w', off, len, err);
	if (!r && pwrite(o->file.fd, buf, len, (off_t)off) != (ssize_t)len)
		r = err_sys(err, errno, "%s", out->name);
	pthread_mutex_unlock(&o->lock);
	return r;
}

static inline int fake_out_sync(struct out *out, struct err *err)
{
	struct fake_out *o = (struct fake_out *)out;
	int r;

	pthread_mutex_lock(&o->lock);
	r = fake_out_call(o, 's', 0, 0, err);
	pthread_mutex_unlock(&o->lock);
	return r;
}

static inline int fake_out_commit(struct out *out, struct err *err)
{
	((struct fake_out *)out)->finished = true;
	return err_set(err, ERR_USAGE, "the filter must not commit");
}

static inline void fake_out_end(struct out *out)
{
	((struct fake_out *)out)->finished = true;
}

static const struct out_ops fake_out_ops = {
	.pwrite = fake_out_pwrite,
	.sync = fake_out_sync,
	.commit = fake_out_commit,
	.abort = fake_out_end,
	.leave = fake_out_end,
};

static inline struct fake_out *fake_out_create(size_t fail_at)
{
	struct fake_out *o = calloc(1, sizeof(*o));

	assert_non_null(o);
	o->out = (struct out){.ops = &fake_out_ops, .name = "fake out"};
	pthread_mutex_init(&o->lock, NULL);
	memfile_write(&o->file, "", 0);
	o->fail_at = fail_at;
	o->error = ENOSPC;
	return o;
}

static inline void fake_out_destroy(struct fake_out *o)
{
	memfile_close(&o->file);
	free(o);
}

#endif
