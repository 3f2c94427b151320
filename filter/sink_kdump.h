/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kdump-compressed file as it is being written. Page data may come in any order: each batch reserves
 * room with one atomic add, and its slice of the descriptor table follows from its rank.
 */
#ifndef FILTER_SINK_KDUMP_H
#define FILTER_SINK_KDUMP_H

#include "filter/sink.h"

/*
 * Write headers (status INCOMPLETE), notes and both bitmaps: task->ram is the 1st, task->keep the 2nd.
 * Pages of zeros share one copy, lost ones have a descriptor without a place.
 */
int sink_kdump_create(const struct sink_task *task, struct sink **ret,
		      struct err *err) _must_check_;

#endif
