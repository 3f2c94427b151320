/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A struct out that takes bytes in order only and fails the test if it gets them otherwise, or from two threads at once. What it
 * got is in a memfile, how it ended in `end`: 'c'ommitted, 'a'borted, 'l'eft, 0 not yet; its maker destroys it.
 */
#ifndef TESTS_UNIT_ORDERED_OUT_H
#define TESTS_UNIT_ORDERED_OUT_H

#include <errno.h>

#include "base/out.h"
#include "tests/unit/unit.h"

struct ordered_out {
	struct out out;
	struct memfile file;
	uint64_t at;
	uint64_t room; /* after so many bytes it is full */
	size_t n_writes, n_syncs;
	size_t misaligned; /* writes that are not what out.block asks for */
	int busy;
	bool disorder;
	char end;
};

static inline struct ordered_out *ordered_of(struct out *out)
{
	return (struct ordered_out *)out;
}

static inline int ordered_out_pwrite(struct out *out, const void *buf, size_t len, uint64_t off,
				     struct err *err)
{
	struct ordered_out *o = ordered_of(out);
	int r = 0;

	if (__atomic_add_fetch(&o->busy, 1, __ATOMIC_SEQ_CST) != 1 || off != o->at || o->end)
		o->disorder = true;
	o->n_writes++;
	o->misaligned += out->block && ((uintptr_t)buf | len | off) % out->block != 0;
	if (len > o->room - o->at)
		r = err_sys(err, ENOSPC, "%s: write", out->name);
	else if (pwrite(o->file.fd, buf, len, (off_t)off) != (ssize_t)len)
		r = err_sys(err, errno, "%s", out->name);
	else
		o->at += len;
	__atomic_sub_fetch(&o->busy, 1, __ATOMIC_SEQ_CST);
	return r;
}

static inline int ordered_out_sync(struct out *out, struct err *err)
{
	(void)err;
	ordered_of(out)->n_syncs++;
	return 0;
}

static inline int ordered_out_commit(struct out *out, struct err *err)
{
	(void)err;
	ordered_of(out)->end = 'c';
	return 0;
}

static inline void ordered_out_abort(struct out *out)
{
	ordered_of(out)->end = 'a';
}

static inline void ordered_out_leave(struct out *out)
{
	ordered_of(out)->end = 'l';
}

static const struct out_ops ordered_out_ops = {
	.pwrite = ordered_out_pwrite,
	.sync = ordered_out_sync,
	.commit = ordered_out_commit,
	.abort = ordered_out_abort,
	.leave = ordered_out_leave,
};

static inline void ordered_out_init(struct ordered_out *o)
{
	*o = (struct ordered_out){
		.out = {.ops = &ordered_out_ops,
			.name = "ordered",
			.write_once = true,
			.sequential = true},
		.room = UINT64_MAX,
	};
	memfile_write(&o->file, "", 0);
}

static inline void ordered_out_deinit(struct ordered_out *o)
{
	assert_false(o->disorder);
	memfile_close(&o->file);
}

#endif
