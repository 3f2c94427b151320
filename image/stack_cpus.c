// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>

#include "base/num.h"
#include "format/note.h"
#include "image/stack.h"

#define NOTE_MAX      1024 /* of a CPU: a header, a name, an elf_prstatus of 336 or 392 bytes */
#define NOTE_HEADER   12
#define PRSTATUS_NAME "CORE"

/* ---- registers */

static int from_note(const struct kernel *k, struct bytes desc, struct cpu_state *cpu,
		     struct err *err)
{
	uint32_t pid;

	return arch_regs_of(k->img->arch)->from_prstatus(desc, &cpu->regs, &pid, err);
}

/* What crash_save_cpu() wrote: a note in the kernel's memory. ERR_NOT_FOUND: nothing was written. */
static int from_crash_notes(struct kernel *k, uint64_t notes, struct cpu_state *cpu,
			    struct err *err)
{
	uint8_t buf[NOTE_MAX];
	struct note note;
	uint64_t at;
	int e = kernel_percpu(k, notes, cpu->cpu, &at, err);

	if (e == 0)
		e = reader_read(k->rd, at, buf, NOTE_HEADER, err);
	if (e == 0) {
		struct bytes header = {buf, NOTE_HEADER};
		uint32_t name = 0, desc = 0;
		uint64_t size;

		if (!bytes_le32(header, 0, &name) || !bytes_le32(header, 4, &desc) || !desc)
			return err_set(err, ERR_NOT_FOUND, "it saved no registers");
		size = NOTE_HEADER + num_align_up(name, 4) + num_align_up(desc, 4);
		if (size > sizeof(buf))
			return err_set(err, ERR_CORRUPT, "its note has %" PRIu64 " bytes", size);
		e = reader_read(k->rd, at, buf, size, err);
		if (e == 0)
			e = note_find((struct bytes){buf, size}, PRSTATUS_NAME, NOTE_TYPE_PRSTATUS,
				      &note, err);
	}
	return e ? e : from_note(k, note.desc, cpu, err);
}

static bool is_prstatus(const struct note *note)
{
	return note->type == NOTE_TYPE_PRSTATUS && note->name.len == strlen(PRSTATUS_NAME) &&
	       memcmp(note->name.data, PRSTATUS_NAME, note->name.len) == 0;
}

/* The dump's own notes: how many; the registers of the i-th one go to *cpus, if that is not NULL. */
static size_t walk_notes(struct kernel *k, struct cpu_state **cpus, size_t room)
{
	struct bytes notes = k->img->src->notes;
	struct err ignored;
	struct note note;
	size_t off = 0, n = 0;
	bool more;

	while (n < KERNEL_MAX_CPUS && note_next(notes, &off, &note, &more, &ignored) == 0 && more) {
		if (!is_prstatus(&note))
			continue;
		if (cpus && n < room)
			cpus[n]->has_regs = from_note(k, note.desc, cpus[n], &ignored) == 0;
		n++;
	}
	return n;
}

/* The CPUs of a mask, in ret[n]; how many they are. */
static size_t cpus_in(struct kernel *k, const char *mask, struct cpu_state *cpus, size_t n,
		      struct cpu_state **ret)
{
	size_t n_found = 0;

	for (size_t i = 0; i < n; i++)
		if (!k->n_cpus || kernel_cpu_in(k, mask, cpus[i].cpu))
			ret[n_found++] = &cpus[i];
	return n_found;
}

/*
 * The notes in their order, if there is one for each CPU that was online; or one for each that is there at all: a panic without
 * a panic kernel takes those that it stops out of the mask (stop_this_cpu() of arch/x86/kernel/process.c, v6.1), and then it
 * is a hypervisor that makes the dump.
 */
static int from_notes(struct kernel *k, struct cpu_state *cpus, size_t n, struct err *err)
{
	static const char *const masks[] = {"__cpu_online_mask", "__cpu_present_mask"};
	struct cpu_state **of = calloc(n, sizeof(struct cpu_state *));
	size_t n_notes = walk_notes(k, NULL, 0);

	if (!of)
		return err_nomem(err, n * sizeof(*of), "CPUs");
	for (size_t i = 0; i < ARRAY_SIZE(masks) && n_notes; i++) {
		if (cpus_in(k, masks[i], cpus, n, of) != n_notes)
			continue;
		walk_notes(k, of, n_notes);
		free(of);
		return 0;
	}
	if (n_notes)
		gaps_add(&k->gaps, "registers: %zu notes for %zu CPUs: whose they are is not known",
			 n_notes, cpus_in(k, masks[0], cpus, n, of));
	free(of);
	return 0;
}

static bool read_crash_notes(struct kernel *k, struct cpu_state *cpus, size_t n)
{
	uint64_t at, notes;
	bool any = false;
	struct err err;

	if (kernel_symbol(k, "crash_notes", &at, &err) || reader_u64(k->rd, at, &notes, &err) ||
	    !notes)
		return false;
	for (size_t i = 0; i < n; i++) {
		int e = from_crash_notes(k, notes, &cpus[i], &err);

		cpus[i].has_regs = e == 0;
		any |= cpus[i].has_regs;
		if (e && (cpus[i].online || e != ERR_NOT_FOUND))
			gaps_add(&k->gaps, "registers of CPU %u: %s", cpus[i].cpu, err.msg);
	}
	return any;
}

/* ---- what ran there */

static void read_tasks(struct kernel *k, struct cpu_state *cpus, size_t n)
{
	uint64_t runqueues, rq, task;
	struct field curr;
	struct err err;

	if (!kernel_field(k, "rq", "curr", &curr))
		return;
	if (kernel_symbol(k, "runqueues", &runqueues, &err)) {
		gaps_add_err(&k->gaps, "the CPUs' tasks", &err);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (kernel_percpu(k, runqueues, cpus[i].cpu, &rq, &err) == 0 &&
		    kernel_get(k, rq, &curr, &task, &err) == 0)
			cpus[i].task = task;
}

int cpu_states_create(struct kernel *k, struct cpu_state **ret, size_t *ret_n, struct err *err)
{
	size_t n = k->n_cpus ? k->n_cpus : walk_notes(k, NULL, 0);
	struct cpu_state *cpus;
	int e = 0;

	if (!arch_regs_of(k->img->arch))
		return err_set(err, ERR_UNSUPPORTED,
			       "registers of this architecture are not known");
	cpus = calloc(n ? n : 1, sizeof(*cpus));
	if (!cpus)
		return err_nomem(err, n * sizeof(*cpus), "CPUs");
	for (size_t i = 0; i < n; i++) {
		cpus[i].cpu = (unsigned int)i;
		/* without the kernel's own symbols there are but the notes */
		cpus[i].online =
			!k->n_cpus || kernel_cpu_in(k, "__cpu_online_mask", (unsigned int)i);
	}
	if (n && !read_crash_notes(k, cpus, n))
		e = from_notes(k, cpus, n, err);
	if (e) {
		free(cpus);
		return e;
	}
	if (k->n_cpus)
		read_tasks(k, cpus, n);
	*ret = cpus;
	*ret_n = n;
	return 0;
}

int cpu_panicked(struct kernel *k, unsigned int *ret, struct err *err)
{
	/* panic_cpu since v4.5, all architectures; crashing_cpu of x86 */
	static const char *const names[] = {"panic_cpu", "crashing_cpu"};
	struct err ignored;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint64_t at;
		uint32_t cpu;

		if (kernel_symbol(k, names[i], &at, &ignored) == 0 &&
		    reader_u32(k->rd, at, &cpu, &ignored) == 0 && cpu < k->n_cpus) {
			*ret = cpu;
			return 0;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "no CPU panicked, or which one is not known");
}
