// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/submit.h"

#include <errno.h>
#include <linux/kexec.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "loader/check.h"
#include "loader/explain.h"

/* include/uapi/linux/kexec.h, since 6.5; x86 takes it for what 6.10 calls KEXEC_CRASH_HOTPLUG_SUPPORT, too. */
#ifndef KEXEC_UPDATE_ELFCOREHDR
#define KEXEC_UPDATE_ELFCOREHDR 0x00000004
#endif

static struct fact is_loaded(bool panic, const struct root *root)
{
	return panic ? facts_crash_loaded(root) : facts_ordinary_loaded(root);
}

/* After a refusal the operator must know whether the machine is still covered. */
static void append_state(bool panic, const struct root *root, struct err *err)
{
	struct fact loaded = is_loaded(panic, root);
	const char *what = panic ? "panic kernel" : "ordinary image";
	size_t len = strlen(err->msg);

	if (fact_is(loaded, 1))
		snprintf(err->msg + len, sizeof(err->msg) - len,
			 " (the %s loaded before is still in place)", what);
	else if (fact_is(loaded, 0))
		snprintf(err->msg + len, sizeof(err->msg) - len, " (no %s is loaded now)", what);
}

/* ---- the two calls; 0 or an errno */

static int call_files(const struct plan *p, const struct sys *sys, bool panic)
{
	unsigned long flags = panic ? KEXEC_FILE_ON_CRASH : 0;
	const char *cmdline = p->cmdline.line;

	if (p->files.initrd_fd < 0)
		flags |= KEXEC_FILE_NO_INITRAMFS;
	return sys->kexec_file_load(p->files.kernel_fd, p->files.initrd_fd, strlen(cmdline) + 1,
				    cmdline, flags)
		       ? errno
		       : 0;
}

static int call_segments(const struct plan *p, const struct sys *sys)
{
	const struct segments *s = &p->segments;
	unsigned long flags = p->load->kexec_arch;
	struct kexec_segment *v = calloc(s->n, sizeof(*v));
	int sys_err;

	if (!v)
		return ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		v[i] = (struct kexec_segment){
			.buf = s->v[i].data,
			.bufsz = s->v[i].size,
			.mem = (const void *)(uintptr_t)s->v[i].start,
			.memsz = s->v[i].len,
		};
	if (p->panic)
		flags |= KEXEC_ON_CRASH | (p->hotplug ? KEXEC_UPDATE_ELFCOREHDR : 0);
	sys_err = sys->kexec_load(s->entry, s->n, v, flags) ? errno : 0;
	free(v);
	return sys_err;
}

/* ---- load */

/* Does the refusal say that the kernel cannot take files, or not these, and not that it must not? */
static bool cannot_take_files(int sys_err)
{
	return sys_err == ENOSYS || sys_err == EINVAL || sys_err == ENOEXEC || sys_err == ENOTSUP;
}

static int load(struct plan *p, const struct root *root, const struct sys *sys,
		struct submitted *ret, struct err *err)
{
	struct explain_call call = {.phase = EXPLAIN_LOAD, .ordinary = !p->panic};
	int sys_err =
		p->method == LOAD_BY_FILES ? call_files(p, sys, p->panic) : call_segments(p, sys);

	ret->method = p->method;
	if (!sys_err)
		return 0;
	call.segments = p->method == LOAD_BY_SEGMENTS;
	explain_err(sys_err, call, &p->facts, err);
	if (p->method != LOAD_BY_FILES || !p->may_fall_back || !cannot_take_files(sys_err))
		return err->code;
	ret->refusal = *err;
	ret->fell_back = true;
	ret->method = LOAD_BY_SEGMENTS;
	if (plan_segments(p, root, err))
		return err_wrap(err, "kexec_load, tried because of %s", ret->refusal.msg);
	sys_err = call_segments(p, sys);
	if (!sys_err)
		return 0;
	call.segments = true;
	explain_err(sys_err, call, &p->facts, err);
	return err_wrap(err, "%s; then", ret->refusal.msg);
}

int submit_load(struct plan *p, const struct root *root, const struct sys *sys,
		struct submitted *ret, struct err *err)
{
	struct fact before = is_loaded(p->panic, root), after;
	struct submitted s = {0};
	uint64_t began = clock_ns();
	int r = load(p, root, sys, &s, err);

	if (r) {
		append_state(p->panic, root, err);
		return r;
	}
	if (p->panic && fact_is(before, 1))
		s.unarmed_ns = clock_ns() - began;
	after = is_loaded(p->panic, root);
	if (fact_is(after, 0))
		return err_set(err, ERR_SYSTEM,
			       "%s succeeded, but /sys/kernel says that %s is loaded; load again, "
			       "something may have unloaded it",
			       load_method_name(s.method),
			       p->panic ? "no panic kernel" : "nothing");
	s.verified = after.known;
	*ret = s;
	return 0;
}

/* ---- unload */

static int unload(bool panic, const struct root *root, const struct sys *sys,
		  const struct facts *facts, struct err *err)
{
	unsigned long on_crash = panic ? KEXEC_FILE_ON_CRASH : 0;
	struct explain_call call = {.phase = EXPLAIN_UNLOAD, .ordinary = !panic};
	int sys_err, r = check_permission(facts, call, err);

	if (r)
		return r;
	sys_err = sys->kexec_file_load(-1, -1, 0, NULL, KEXEC_FILE_UNLOAD | on_crash) ? errno : 0;
	if (sys_err == ENOSYS) {
		call.segments = true;
		sys_err = sys->kexec_load(0, 0, NULL, panic ? KEXEC_ON_CRASH : 0) ? errno : 0;
	}
	if (sys_err) {
		explain_err(sys_err, call, facts, err);
		append_state(panic, root, err);
		return err->code;
	}
	if (fact_is(is_loaded(panic, root), 1))
		return err_set(err, ERR_SYSTEM,
			       "the kernel accepted the unload, but /sys/kernel says that an image "
			       "is loaded; something may have loaded one");
	return 0;
}

int submit_unload(bool panic, const struct root *root, const struct sys *sys, bool *ret_was_loaded,
		  struct err *err)
{
	struct facts facts;
	bool was_loaded;
	int r = facts_probe(root, &facts, err);

	if (r)
		return r;
	/* Unknown counts as loaded: asking the kernel to unload nothing does no harm. */
	was_loaded = !fact_is(is_loaded(panic, root), 0);
	if (was_loaded)
		r = unload(panic, root, sys, &facts, err);
	facts_deinit(&facts);
	if (!r)
		*ret_was_loaded = was_loaded;
	return r;
}

/* ---- signals */

sigset_t submit_hold_signals(void)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	return before;
}

void submit_release_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* ---- rehearsal */

/* The image in between must not stay: it would be started by the next kexec -e. */
static int load_and_unload(const struct plan *p, const struct sys *sys, struct err *err)
{
	int sys_err = call_files(p, sys, false);

	if (sys_err) {
		explain_err(sys_err, (struct explain_call){EXPLAIN_LOAD, .ordinary = true},
			    &p->facts, err);
		return err_wrap(err, "rehearsal");
	}
	if (sys->kexec_file_load(-1, -1, 0, NULL, KEXEC_FILE_UNLOAD))
		return err_sys(err, errno,
			       "the rehearsal succeeded, but its image cannot be unloaded: "
			       "kexec_file_load");
	return 0;
}

int submit_rehearse(const struct plan *p, const struct root *root, const struct sys *sys,
		    struct err *err)
{
	sigset_t before;
	int r;

	if (p->method != LOAD_BY_FILES)
		return err_set(err, ERR_UNSUPPORTED,
			       "kexec_load cannot be rehearsed: a panic kernel's segments are for "
			       "the reserved memory only; --plan shows them");
	if (!fact_is(facts_ordinary_loaded(root), 0))
		return err_set(err, ERR_REFUSED,
			       "the rehearsal would take the place of the ordinary image that is "
			       "loaded for kexec -e; unload that first (lifeboat unload)");
	before = submit_hold_signals();
	r = load_and_unload(p, sys, err);
	submit_release_signals(&before);
	return r;
}
