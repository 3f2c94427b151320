/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which compressor a worker uses. With CODEC_AUTO the one that makes the whole dump finish soonest: now and
 * then some pages are tried with several, from the fastest on, and what a byte of output is worth in time
 * of the CPU decides. It is worth more whenever the worker has to wait for the output, and less when not; so
 * both come to be busy all the time, with a mixture of codecs if need be. (The codec of each page is in its
 * descriptor.)
 */
#ifndef FILTER_CHOOSER_H
#define FILTER_CHOOSER_H

#include "format/codec.h"

#define CHOOSER_METHODS 5

struct chooser {
	struct compressor *compressors[CHOOSER_METHODS]; /* from fast to small */
	enum codec codecs[CHOOSER_METHODS];
	size_t n;
	size_t chosen;
	double price;                  /* nanoseconds that a byte of output is worth */
	double costs[CHOOSER_METHODS]; /* nanoseconds, of the pages tried */
	unsigned int pages;            /* since some were tried last */
	uint8_t *scratch;
};

/* `len` is the size of a page. */
int chooser_init(struct chooser *c, enum codec codec, size_t len, struct err *err) _must_check_;
void chooser_deinit(struct chooser *c); /* of zeros is fine */

/* Room that chooser_run() needs in dst. */
size_t chooser_bound(const struct chooser *c, size_t len);

/* As compressor_run(); *ret_codec is what it was compressed with. */
size_t chooser_run(struct chooser *c, const void *src, size_t len, void *dst,
		   enum codec *ret_codec);

/* Of the time for a batch, so much was spent waiting for the output. */
void chooser_learn(struct chooser *c, uint64_t waited_ns, uint64_t batch_ns);

#endif
