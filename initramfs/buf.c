// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/buf.h"

#include <string.h>

#include "base/num.h"

void buf_deinit(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

int buf_reserve(struct buf *b, size_t more, const char *what, struct err *err)
{
	size_t need, cap;
	uint8_t *grown;

	if (!num_add(b->len, more, &need) || need > b->max)
		return err_set(err, ERR_CORRUPT, "%s: is larger than %zu bytes", what, b->max);
	if (need <= b->cap)
		return 0;
	cap = NUM_MIN(NUM_MAX(need, b->cap + b->cap / 2), b->max);
	grown = realloc(b->data, cap);
	if (!grown)
		return err_nomem(err, cap, what);
	b->data = grown;
	b->cap = cap;
	return 0;
}

int buf_append(struct buf *b, const void *data, size_t len, const char *what, struct err *err)
{
	int r = buf_reserve(b, len, what, err);

	if (r)
		return r;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int buf_append_zeros(struct buf *b, size_t len, const char *what, struct err *err)
{
	int r = buf_reserve(b, len, what, err);

	if (r)
		return r;
	if (len)
		memset(b->data + b->len, 0, len);
	b->len += len;
	return 0;
}
