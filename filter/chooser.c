// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/chooser.h"

#include <string.h>

#include "base/clock.h"
#include "base/num.h"

#define TRY_EVERY 256 /* pages */
#define TRY_PAGES 4   /* of these */

/*
 * Prices in nanoseconds for a byte: 0.02 is an output of 50 GB/s, where only time of the CPU counts;
 * 10000 one of 100 KB/s. The first one, of 1 GB/s, does not matter for long.
 */
#define PRICE_MIN   0.02
#define PRICE_MAX   10000.0
#define PRICE_FIRST 1.0

/* What auto tries, from fast to small. Raw is not among them: time would be saved, but room lost. */
static const struct method {
	enum codec codec;
	int level;
} methods[CHOOSER_METHODS] = {
	{CODEC_LZO, 0}, {CODEC_ZSTD, -1}, {CODEC_ZSTD, 1}, {CODEC_ZSTD, 4}, {CODEC_ZSTD, 9},
};

static int add_method(struct chooser *c, enum codec codec, int level, struct err *err)
{
	if (compressor_create(codec, level, &c->compressors[c->n], err))
		return err->code;
	c->codecs[c->n++] = codec;
	return 0;
}

int chooser_init(struct chooser *c, enum codec codec, size_t len, struct err *err)
{
	*c = (struct chooser){.price = PRICE_FIRST};
	if (codec != CODEC_AUTO)
		return add_method(c, codec, 0, err);
	for (size_t i = 0; i < CHOOSER_METHODS; i++)
		if (add_method(c, methods[i].codec, methods[i].level, err))
			return err->code;
	c->scratch = malloc(chooser_bound(c, len));
	return c->scratch ? 0 : err_nomem(err, chooser_bound(c, len), "trying compressors");
}

void chooser_deinit(struct chooser *c)
{
	for (size_t i = 0; i < c->n; i++)
		compressor_destroy(c->compressors[i]);
	free(c->scratch);
}

size_t chooser_bound(const struct chooser *c, size_t len)
{
	size_t max = len;

	for (size_t i = 0; i < c->n; i++)
		max = NUM_MAX(max, compressor_bound(c->compressors[i], len));
	return max;
}

/*
 * Compress a page in several ways, and keep the best. Further down the list all is slower: where time alone
 * costs more than the best so far, the rest need not be tried.
 */
static size_t try_all(struct chooser *c, const void *src, size_t len, void *dst,
		      enum codec *ret_codec)
{
	double best = 0, took = 0;
	size_t best_n = 0;

	for (size_t i = 0; i < c->n; i++) {
		uint64_t begin = clock_ns();
		double cost;
		size_t n;

		if (i && took > best) {
			c->costs[i] += took;
			continue;
		}
		n = compressor_run(c->compressors[i], src, len, c->scratch);
		took = (double)(clock_ns() - begin);
		cost = took + c->price * (double)(n ? n : len);
		c->costs[i] += cost;
		if (i && cost >= best)
			continue;
		best = cost;
		best_n = n;
		*ret_codec = c->codecs[i];
		memcpy(dst, c->scratch, n);
	}
	return best_n;
}

static void choose(struct chooser *c)
{
	c->chosen = 0;
	for (size_t i = 1; i < c->n; i++)
		if (c->costs[i] < c->costs[c->chosen])
			c->chosen = i;
	memset(c->costs, 0, sizeof(c->costs));
}

size_t chooser_run(struct chooser *c, const void *src, size_t len, void *dst, enum codec *ret_codec)
{
	unsigned int page = c->pages++ % TRY_EVERY;

	if (c->n > 1 && page < TRY_PAGES) {
		size_t n = try_all(c, src, len, dst, ret_codec);

		if (page + 1 == TRY_PAGES)
			choose(c);
		return n;
	}
	*ret_codec = c->codecs[c->chosen];
	return compressor_run(c->compressors[c->chosen], src, len, dst);
}

void chooser_learn(struct chooser *c, uint64_t waited_ns, uint64_t batch_ns)
{
	if (waited_ns > batch_ns / 2)
		c->price *= 1.5;
	else if (waited_ns > batch_ns / 20)
		c->price *= 1.15;
	else
		c->price *= 0.85;
	c->price = NUM_MIN(NUM_MAX(c->price, PRICE_MIN), PRICE_MAX);
}
