// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "report/classify.h"
#include "report/gather.h"

int gather_missing(char **ret, struct err *err)
{
	char *text;

	if (err->code == ERR_NO_MEMORY)
		return err->code;
	text = strdup(err->msg);
	if (!text)
		return err_nomem(err, strlen(err->msg), "an error's text");
	free(*ret);
	*ret = text;
	*err = (struct err){0};
	return 0;
}

/* ---- the verdict */

/* The task of the CPU that panicked; NULL: not known. */
static const struct report_task *panic_task(const struct report *r)
{
	for (size_t i = 0; i < r->n_cpus; i++)
		if (r->cpus[i].panicked && r->cpus[i].task_known)
			return &r->cpus[i].task;
	return NULL;
}

static void judge(struct report *r, const struct crash *log)
{
	const struct classify_sources sources = {
		.log = log,
		.stack = r->panic_stack.n ? &r->panic_stack : NULL,
		.cpu = r->panic_cpu_known ? (int)r->panic_cpu : -1,
		.task = panic_task(r),
		.release = r->uts[UTS_RELEASE],
		.live = r->live,
	};

	classify_verdict(&sources, &r->verdict);
}

static int gather_crash(struct report *r, struct kernel *k, struct err *err)
{
	struct crash *crash = calloc(1, sizeof(*crash));
	struct crash_log *log = NULL;
	bool found = false;
	int ret;

	if (!crash)
		return err_nomem(err, sizeof(*crash), "a crash");
	ret = crash_log_create(&log, err);
	if (!ret)
		ret = gather_log(r, k, log, err);
	if (!ret) {
		found = crash_log_finish(log, crash);
		r->log.block = r->log.block_end = r->log.n;
		if (found)
			gather_block(&r->log, crash);
		ret = gather_cpus(r, k, err);
	}
	if (!ret)
		judge(r, found ? crash : NULL);
	crash_log_destroy(log);
	free(crash);
	return ret;
}

/* ---- lines of the source */

static void put_lines(struct debuginfo *d, struct report_stack *s)
{
	struct source_line *lines = calloc(REPORT_MAX_LINES, sizeof(*lines));

	for (size_t i = 0; lines && i < s->n; i++) {
		/* a call's return address may belong to what comes next */
		bool call = i && !s->v[i].interrupted;
		size_t n = debuginfo_lines(d, s->v[i].pc - call, lines, REPORT_MAX_LINES);

		if (!n)
			continue;
		s->v[i].lines = malloc(n * sizeof(*lines));
		if (!s->v[i].lines)
			break;
		memcpy(s->v[i].lines, lines, n * sizeof(*lines));
		s->v[i].n_lines = n;
	}
	free(lines);
}

static int gather_lines(struct report *r, struct kernel *k, const struct debuginfo_options *options,
			struct err *err)
{
	struct debuginfo *d = NULL;

	if (!options) {
		err_set(err, ERR_NOT_FOUND, "nobody asked for lines of the source");
		return gather_missing(&r->vmlinux_missing, err);
	}
	if (debuginfo_find_vmlinux(k, options, r->vmlinux, err) ||
	    debuginfo_create(k, options, r->vmlinux, &d, err)) {
		*r->vmlinux = '\0';
		return gather_missing(&r->vmlinux_missing, err);
	}
	put_lines(d, &r->panic_stack);
	for (size_t i = 0; i < r->n_cpu_groups; i++)
		put_lines(d, &r->cpu_groups[i].stack);
	for (size_t i = 0; i < r->n_groups; i++)
		put_lines(d, &r->groups[i].stack);
	debuginfo_destroy(d);
	return 0;
}

/* ---- all of it */

static int gather_machine(struct report *r, struct kernel *k, struct err *err)
{
	if (memory_create(k, &r->memory, err) && gather_missing(&r->memory_missing, err))
		return err->code;
	if (system_info_create(k, &r->system, err) && gather_missing(&r->system_missing, err))
		return err->code;
	/* VMCOREINFO that was found in memory, and that of hypervisors, does not say when */
	if (!r->crash_time && !r->live && r->system && r->system->boot_time && r->system->uptime_ns)
		r->crash_time = r->system->boot_time + r->system->uptime_ns / 1000000000;
	if (iomem_list_create(k, &r->iomem, err) && gather_missing(&r->iomem_missing, err))
		return err->code;
	return 0;
}

static int gather(struct report *r, struct kernel *k, const struct report_options *options,
		  struct err *err)
{
	const struct image *img = k->img;
	int ret;

	snprintf(r->tool, sizeof(r->tool), "lifeboat %s", LIFEBOAT_VERSION);
	r->regs = arch_regs_of(img->arch);
	r->live = img->src->live;
	r->crash_time = img->crash_time;
	memcpy(r->uts, img->uts, sizeof(r->uts));
	r->capture = options ? options->capture : NULL;
	r->gaps = &k->gaps;
	debuginfo_build_id(k, r->build_id);
	ret = gather_crash(r, k, err);
	if (!ret)
		ret = gather_tasks(r, k, err);
	if (!ret)
		ret = gather_modules(r, k, err);
	if (!ret)
		ret = gather_machine(r, k, err);
	if (!ret)
		ret = gather_dump(r, img->src, err);
	if (!ret)
		ret = gather_lines(r, k, options ? options->debuginfo : NULL, err);
	kernel_level(k, r->level, sizeof(r->level));
	return ret;
}

int report_create(struct kernel *k, const struct report_options *options, struct report **ret,
		  struct err *err)
{
	uint64_t begin = clock_ns();
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return err_nomem(err, sizeof(*r), "a report");
	if (gather(r, k, options, err)) {
		report_destroy(r);
		return err->code;
	}
	r->took_ns = clock_ns() - begin;
	*ret = r;
	return 0;
}

static void groups_free(struct report_group *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		gather_stack_deinit(&v[i].stack);
		free(v[i].members);
	}
	free(v);
}

static void free_missing(struct report *r)
{
	free(r->log_missing);
	free(r->panic_stack_missing);
	free(r->cpus_missing);
	free(r->queues_missing);
	free(r->tasks_missing);
	free(r->memory_missing);
	free(r->modules_missing);
	free(r->system_missing);
	free(r->iomem_missing);
	free(r->vmlinux_missing);
}

void report_destroy(struct report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->verdict.n_notes; i++)
		free(r->verdict.notes[i]);
	for (size_t i = 0; i < r->log.n; i++)
		free(r->log.v[i].text);
	free(r->log.v);
	gather_stack_deinit(&r->panic_stack);
	for (size_t i = 0; i < r->n_cpus; i++)
		free(r->cpus[i].queue);
	free(r->cpus);
	groups_free(r->cpu_groups, r->n_cpu_groups);
	free(r->blocked);
	groups_free(r->groups, r->n_groups);
	memory_destroy(r->memory);
	free(r->modules);
	system_info_destroy(r->system);
	iomem_list_destroy(r->iomem);
	for (size_t i = 0; i < r->dump.n_absent; i++)
		free(r->dump.absent[i].text);
	free(r->dump.absent);
	free_missing(r);
	free(r);
}
