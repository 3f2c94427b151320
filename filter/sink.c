// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter/sink.h"

#include "filter/sink_elf.h"
#include "filter/sink_kdump.h"

int sink_create(const struct sink_task *task, struct sink **ret, struct err *err)
{
	switch (task->options->format) {
	case FILTER_KDUMP:
		return sink_kdump_create(task, ret, err);
	case FILTER_ELF:
		return sink_elf_create(task, ret, err);
	}
	return err_set(err, ERR_USAGE, "output format %d is none", (int)task->options->format);
}

void sink_destroy(struct sink *sink)
{
	if (sink)
		sink->ops->destroy(sink);
}

int sink_write(struct sink *sink, const struct sink_batch *batch, struct err *err)
{
	return sink->ops->write(sink, batch, err);
}

int sink_place(struct sink *sink, const void *data, size_t len, uint64_t *ret_at, struct err *err)
{
	return sink->ops->place(sink, data, len, ret_at, err);
}

int sink_finish(struct sink *sink, bool keep_incomplete, uint64_t *ret_size, struct err *err)
{
	return sink->ops->finish(sink, keep_incomplete, ret_size, err);
}

int sink_settle(struct sink *sink, bool keep_incomplete,
		int (*mark)(struct sink *sink, bool incomplete, struct err *err), struct err *err)
{
	struct out *out = sink->task.out;
	struct err ignored;
	int r = out->write_once ? mark(sink, keep_incomplete, err) : 0;

	if (!r)
		r = out->ops->sync(out, err);
	if (r || keep_incomplete || out->write_once)
		return r;
	r = mark(sink, false, err);
	if (!r)
		r = out->ops->sync(out, err);
	/* nobody vouches for the file: say so again, as far as that still works */
	if (r && !mark(sink, true, &ignored))
		(void)out->ops->sync(out, &ignored);
	return r;
}
