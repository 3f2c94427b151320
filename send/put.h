/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that is sent while it is being made: frames come in (send/job.h), parts go out. One buffer is filled while another
 * one is sent; when both are full, nothing is read until one of them is there.
 */
#ifndef SEND_PUT_H
#define SEND_PUT_H

#include "send/store.h"

struct put;

/* `in` is read until a frame that ends it; `store` is borrowed. */
int put_create(struct store *store, int in, struct put **ret, struct err *err) _must_check_;
void put_destroy(struct put *put); /* NULL is fine */

/* All of it. */
int put_run(struct put *put, struct send_answer *ret, struct err *err) _must_check_;

/* When that failed, and it was said: wait for what is to become of what is there, and try that for a moment. */
void put_clean_up(struct put *put);

/* Its input ended without a word, and a state says what arrived: nothing was removed, and the state has to stay. */
bool put_is_orphaned(const struct put *put);

/* Of an upload that was killed: keep what its state says arrived. */
int put_keep(struct store *store, struct send_answer *ret, struct err *err) _must_check_;

#endif
