// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/step.h"
#include "capture/target.h"
#include "proof/armed.h"

#define SYSRQ        "/proc/sysrq-trigger"
#define SYNC_SECONDS 60

/* A disk that does not answer must not keep it from happening: who tests a crash wants to know of that, too. */
static int step_sync(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	sync();
	return 0;
}

/*
 * write_sysrq_trigger() (drivers/tty/sysrq.c) does not ask the sysctl kernel.sysrq, which is about the keyboard. In its first
 * handlers 'c' is sysrq_handle_crash(), a panic.
 */
static int trigger(const struct service *s, int fd, struct err *err)
{
	if (write(fd, "c", 1) != 1)
		return err_sys(err, errno, "%s%s", s->root->path, SYSRQ);
	return err_set(err, ERR_SYSTEM,
		       "%s%s was written to, and the kernel goes on: has it sysrq "
		       "(CONFIG_MAGIC_SYSRQ)?",
		       s->root->path, SYSRQ);
}

static int fill_entry(const struct armed *a, struct history_entry *ret, struct err *err)
{
	const struct recipe_target *first = a->image.recipe->targets;
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_sys(err, errno, "a name for the test");
	*ret = (struct history_entry){.kind = HISTORY_CRASH_TEST,
				      .time = (uint64_t)time(NULL),
				      .pending = true,
				      .image_known = true,
				      .reserved = a->reserved};
	snprintf(ret->id, sizeof(ret->id), "crash-test-%016" PRIx64, random);
	snprintf(ret->kernel, sizeof(ret->kernel), "%.127s",
		 *a->inputs.kernel ? a->inputs.kernel : a->state.release);
	target_describe(first, ret->where, sizeof(ret->where));
	memcpy(ret->image, a->state.initrd_digest, sizeof(ret->image));
	return 0;
}

static int crash(const struct service *s, const struct armed *a, struct err *err)
{
	const struct step_limits limits = {.ms = SYNC_SECONDS * 1000};
	_cleanup_close_ int fd = root_open(s->root, SYSRQ, O_WRONLY | O_CLOEXEC);
	struct history_entry e;
	struct step_outcome o;
	struct err ignored;

	if (fd < 0)
		return err_sys(err, errno, "%s%s", s->root->path, SYSRQ);
	if (fill_entry(a, &e, err) || history_add(s, &e, err))
		return err->code;
	service_tell(s, SERVICE_PROGRESS, "flushing file systems");
	step_run(step_sync, NULL, &limits, &o);
	if (o.err.code)
		service_tell(s, SERVICE_WARNING, "file systems were not flushed within %d s",
			     SYNC_SECONDS);
	trigger(s, fd, err);
	e.pending = false;
	snprintf(e.text, sizeof(e.text), "%.250s", err->msg);
	if (history_add(s, &e, &ignored))
		service_tell(s, SERVICE_WARNING, "%s", ignored.msg);
	return err->code;
}

int crash_now(const struct service *s, struct err *err)
{
	struct armed a;
	int r = armed_read(s, &a, err);

	if (r)
		return r;
	r = crash(s, &a, err);
	armed_deinit(&a);
	return r;
}
