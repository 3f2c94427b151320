/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A dump split into several kdump files, each with an equal share of the kept pages (format/kdump_set.h).
 * A border between two files is a multiple of 64 page frames, which crash(8) relies on. Where there are
 * more files than such stretches of memory the last ones have no page frames.
 */
#ifndef FILTER_SINK_SPLIT_H
#define FILTER_SINK_SPLIT_H

#include "filter/sink.h"

/* `outs` is borrowed for the sink's life; task->out and task->part are not looked at. */
int sink_split_create(const struct sink_task *task, struct out *const *outs, size_t n,
		      struct sink **ret, struct err *err) _must_check_;

#endif
