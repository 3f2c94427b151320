// SPDX-License-Identifier: GPL-2.0-or-later
/* What all kinds of targets have in common. */
#include "capture/target.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_TIME 253402300799ULL /* 9999-12-31T23:59:59Z */

const char *crash_file_name(enum crash_file file)
{
	static const char *const names[] = {
		[CRASH_LOG] = "dmesg.txt",
		[CRASH_RECORD] = "crash.json",
		[CRASH_DUMP] = "vmcore",
		[CRASH_MANIFEST] = "SHA256SUMS",
	};

	return names[file];
}

const struct target_ops *target_ops_of(enum target_kind kind)
{
	return kind == TARGET_RAW ? &target_raw_ops : &target_fs_ops;
}

int target_put(struct target *t, enum crash_file file, const void *data, size_t len,
	       struct err *err)
{
	struct out *out;
	int r = t->ops->create(t, file, &out, err);

	if (r)
		return r;
	r = out->ops->pwrite(out, data, len, 0, err);
	if (!r)
		return out->ops->commit(out, err);
	out->ops->abort(out);
	return r;
}

void target_describe(const struct recipe_target *t, char *buf, size_t size)
{
	if (t->kind == TARGET_RAW)
		snprintf(buf, size, "raw %s", t->device);
	else
		snprintf(buf, size, "%s %s %s", t->fstype, t->device, *t->path ? t->path : "/");
}

void target_folder_name(uint64_t seconds, char ret[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds > MAX_TIME || !gmtime_r(&t, &tm) ||
	    !strftime(ret, 32, "%Y-%m-%dT%H-%M-%SZ", &tm))
		strcpy(ret, "unknown-time");
}
