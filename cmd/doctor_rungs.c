// SPDX-License-Identifier: GPL-2.0-or-later
/* Which rungs of the ladder (image/kernel.h) a dump of this machine would have. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/doctor.h"
#include "image/memory.h"
#include "image/module.h"
#include "image/orc.h"
#include "image/printk.h"
#include "image/stack.h"
#include "image/task.h"

#define KTHREADD 2 /* a task of every machine that hardly ever runs */

/* What one look at the log tells. */
struct log_seen {
	uint64_t records, with_level, with_caller;
};

static int see_record(void *ctx, const struct printk_record *rec, struct err *err)
{
	struct log_seen *seen = ctx;

	(void)err;
	seen->records++;
	seen->with_level += rec->has_level;
	seen->with_caller += rec->has_caller;
	return 0;
}

/* ---- tried on the running machine: each says yes or no, and why */

static bool try_vmcoreinfo(const struct doctor *d, char *why, size_t size)
{
	if (d->live.bare.code)
		snprintf(why, size, "%s", d->live.bare.msg);
	return !d->live.bare.code;
}

static bool try_log(const struct doctor *d, char *why, size_t size)
{
	struct log_seen seen = {0};
	struct printk_stats stats;
	struct err err = {0};

	if (printk_walk_kernel(d->live.k, see_record, &seen, &stats, &err))
		snprintf(why, size, "%s", err.msg);
	else
		snprintf(why, size, "%" PRIu64 " records", seen.records);
	return seen.records;
}

static bool try_callers(const struct doctor *d, char *why, size_t size)
{
	struct log_seen seen = {0};
	struct printk_stats stats;
	struct err err = {0};

	if (printk_walk_kernel(d->live.k, see_record, &seen, &stats, &err))
		snprintf(why, size, "%s", err.msg);
	return seen.with_caller;
}

static bool try_symbols(const struct doctor *d, char *why, size_t size)
{
	const struct kallsyms *syms = d->live.k->syms;

	if (syms)
		snprintf(why, size, "%zu symbols, %s", kallsyms_count(syms),
			 kallsyms_form_name(kallsyms_form(syms)));
	return syms;
}

static bool try_tables(const struct doctor *d, char *why, size_t size)
{
	const struct kallsyms *syms = d->live.k->syms;

	if (syms && kallsyms_searched(syms))
		snprintf(why, size, "VMCOREINFO does not name them; a search found them");
	return syms && !kallsyms_searched(syms);
}

static bool try_variables(const struct doctor *d, char *why, size_t size)
{
	struct symbol found;

	(void)why;
	(void)size;
	return d->live.k->syms && kallsyms_find(d->live.k->syms, "init_task", &found);
}

static bool try_types(const struct doctor *d, char *why, size_t size)
{
	const struct btf *btf = d->live.k->btf;

	if (btf)
		snprintf(why, size, "%" PRIu32 " types", btf_end(btf));
	return btf;
}

static bool try_modules(const struct doctor *d, char *why, size_t size)
{
	const struct module_list *list = d->live.k->modules;

	if (list)
		snprintf(why, size, "%zu modules%s", list->n, list->cut ? ", but not all" : "");
	return list && !list->cut;
}

static bool try_module_types(const struct doctor *d, char *why, size_t size)
{
	struct module_list *list = d->live.k->modules;
	size_t n = 0;

	for (size_t i = 0; list && i < list->n; i++)
		n += module_btf(d->live.k, &list->v[i]) != NULL;
	if (list)
		snprintf(why, size, "of %zu of %zu modules", n, list->n);
	return list && (n || !list->n);
}

static bool try_tasks(const struct doctor *d, char *why, size_t size)
{
	struct task_list *list = NULL;
	struct err err = {0};
	bool good;

	if (task_list_create(d->live.k, &list, &err)) {
		snprintf(why, size, "%s", err.msg);
		return false;
	}
	good = list->n && !list->cut;
	snprintf(why, size, "%zu tasks", list->n);
	task_list_destroy(list);
	return good;
}

/* The stack of one that sleeps, from its end to the thread's first function. */
static bool try_stacks(const struct doctor *d, char *why, size_t size)
{
	struct stack *stack = malloc(sizeof(*stack));
	struct task_list *list = NULL;
	const struct task *task;
	struct err err = {0};
	bool good = false;

	if (stack && arch_regs_of(d->live.img->arch) && !task_list_create(d->live.k, &list, &err)) {
		task = task_find(list, KTHREADD);
		if (task && !stack_of_task(d->live.k, task->addr, stack, &err)) {
			good = stack->whole;
			if (good)
				snprintf(why, size, "that of %s has %zu frames", task->comm,
					 stack->n);
			else
				snprintf(why, size, "%s", stack->end);
		}
	}
	if (err.code)
		snprintf(why, size, "%s", err.msg);
	task_list_destroy(list);
	free(stack);
	return good;
}

static bool try_registers(const struct doctor *d, char *why, size_t size)
{
	struct err err = {0};
	uint64_t at;

	if (!kernel_symbol(d->live.k, "crash_notes", &at, &err))
		return true;
	snprintf(why, size, "%s", err.msg);
	return false;
}

static bool try_memory(const struct doctor *d, char *why, size_t size)
{
	struct memory *mem;
	struct err err = {0};
	bool good;

	if (memory_create(d->live.k, &mem, &err)) {
		snprintf(why, size, "%s", err.msg);
		return false;
	}
	good = mem->n_counters;
	snprintf(why, size, "%zu counters, %zu slab caches", mem->n_counters, mem->n_slabs);
	memory_destroy(mem);
	return good;
}

static bool try_build_id(const struct doctor *d, char *why, size_t size)
{
	const char *info = vmcoreinfo_get(d->live.img->info, "BUILD-ID");
	char id[65];

	debuginfo_build_id(d->live.k, id);
	if (*id && info && strcmp(id, info) != 0)
		snprintf(why, size, "%s; VMCOREINFO has another one, which is wrong", id);
	else
		snprintf(why, size, "%s", id);
	return *id;
}

static bool try_vmlinux(const struct doctor *d, char *why, size_t size)
{
	char path[PATH_MAX];
	struct err err = {0};

	if (debuginfo_find_vmlinux(d->live.k, &(struct debuginfo_options){0}, path, &err))
		snprintf(why, size, "%s", err.msg);
	else
		snprintf(why, size, "%s", path);
	return !err.code;
}

/* ---- from outside, where the memory cannot be read */

static enum doctor_answer exists(const struct doctor *d, const char *path)
{
	return root_exists(d->service->root, path) ? DOCTOR_YES : DOCTOR_NO;
}

static enum doctor_answer see_vmcoreinfo(const struct doctor *d)
{
	return exists(d, "/sys/kernel/vmcoreinfo");
}

/* Without /sys/kernel/btf nothing is known: /sys may not be mounted. */
static enum doctor_answer see_types(const struct doctor *d)
{
	return exists(d, "/sys/kernel/btf/vmlinux") == DOCTOR_YES ? DOCTOR_YES : DOCTOR_UNKNOWN;
}

static enum doctor_answer see_module_types(const struct doctor *d)
{
	int fd = root_open(d->service->root, "/sys/kernel/btf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	bool any = false;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return DOCTOR_UNKNOWN;
	}
	while ((e = readdir(dir)))
		any |= e->d_name[0] != '.' && strcmp(e->d_name, "vmlinux") != 0;
	closedir(dir);
	return any ? DOCTOR_YES : DOCTOR_UNKNOWN;
}

static enum doctor_answer see_build_id(const struct doctor *d)
{
	return exists(d, "/sys/kernel/notes") == DOCTOR_YES ? DOCTOR_YES : DOCTOR_UNKNOWN;
}

static const struct {
	const char *name, *gives;
	bool matters;
	const char *remedy;
	bool (*try)(const struct doctor *d, char *why, size_t size);
	const char *option; /* of the configuration, that says the same; NULL: none does */
	enum doctor_answer (*see)(const struct doctor *d); /* NULL: nothing else to look at */
} ladder[] = {
	{"vmcoreinfo", "where the kernel's structures are; without it memory is searched for it",
	 true, "boot a kernel with CONFIG_VMCORE_INFO=y", try_vmcoreinfo, NULL, see_vmcoreinfo},
	{"log", "the kernel log", true, "boot a kernel with CONFIG_PRINTK=y", try_log,
	 "CONFIG_PRINTK", NULL},
	{"callers", "which thread or CPU wrote a line of the log", false, NULL, try_callers, NULL,
	 NULL},
	{"registers", "what each CPU did", true, NULL, try_registers, "CONFIG_CRASH_DUMP", NULL},
	{"symbols", "names of functions", true, "boot a kernel with CONFIG_KALLSYMS=y", try_symbols,
	 "CONFIG_KALLSYMS", NULL},
	{"symbol tables", "symbols without a search for them (Linux 6.0)", false, NULL, try_tables,
	 NULL, NULL},
	{"variables", "names of variables, from which tasks, modules and memory are found", true,
	 "boot a kernel with CONFIG_KALLSYMS_ALL=y, or keep its vmlinux", try_variables,
	 "CONFIG_KALLSYMS_ALL", NULL},
	{"types", "the kernel's structures, without debugging information", true,
	 "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, or keep its vmlinux", try_types,
	 "CONFIG_DEBUG_INFO_BTF", see_types},
	{"modules", "modules, and names of their functions", true, NULL, try_modules, NULL, NULL},
	{"module types", "structures of modules", false,
	 "boot a kernel with CONFIG_DEBUG_INFO_BTF_MODULES=y", try_module_types,
	 "CONFIG_DEBUG_INFO_BTF_MODULES", see_module_types},
	{"tasks", "processes and threads", true, NULL, try_tasks, NULL, NULL},
	{"stacks", "stacks that are followed, not guessed", true,
	 "boot a kernel with CONFIG_UNWINDER_ORC=y, or keep its vmlinux", try_stacks,
	 "CONFIG_UNWINDER_ORC", NULL},
	{"memory", "counters of memory and slab caches", false, NULL, try_memory, NULL, NULL},
	{"build id", "which vmlinux belongs to it", false, NULL, try_build_id, NULL, see_build_id},
	{"vmlinux", "files and lines of the source; crash and drgn need it", false,
	 "install the package with the kernel's debugging information, here or where dumps are "
	 "read",
	 try_vmlinux, NULL, NULL},
};

static enum doctor_answer configured(const struct doctor *d, const char *option)
{
	for (size_t i = 0; option && i < d->kconfig.n; i++) {
		const struct kconfig_finding *f = &d->kconfig.v[i];

		if (strcmp(f->option, option) == 0 && f->value != KCONFIG_UNKNOWN)
			return f->value == KCONFIG_NO ? DOCTOR_NO : DOCTOR_YES;
	}
	return DOCTOR_UNKNOWN;
}

void doctor_climb(struct doctor *d)
{
	d->n_rungs = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ladder) && i < DOCTOR_MAX_RUNGS; i++) {
		struct doctor_rung *rung = &d->rungs[d->n_rungs++];

		*rung = (struct doctor_rung){.name = ladder[i].name,
					     .gives = ladder[i].gives,
					     .matters = ladder[i].matters};
		if (d->live.k) {
			rung->from = "tried";
			rung->answer = ladder[i].try(d, rung->detail, sizeof(rung->detail))
					       ? DOCTOR_YES
					       : DOCTOR_NO;
		} else {
			rung->answer = ladder[i].see ? ladder[i].see(d) : DOCTOR_UNKNOWN;
			rung->from = "/sys";
			if (rung->answer == DOCTOR_UNKNOWN) {
				rung->answer = configured(d, ladder[i].option);
				rung->from =
					rung->answer == DOCTOR_UNKNOWN ? NULL : "configuration";
			}
		}
		if (rung->answer == DOCTOR_NO)
			rung->remedy = ladder[i].remedy;
	}
}
