// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/stack_areas.h"

#include <elf.h>
#include <inttypes.h>

#include "base/num.h"

#define TASK_SIZE_DEFAULT 16384 /* of x86 and arm64, but for KASAN and large pages */
#define TASK_SIZE_MAX     (1U << 20)
#define OVERFLOW_SIZE     4096
#define EXCEPTION_MAX     (1U << 16)
#define AREAS_PER_CPU     8

const char *stack_kind_name(enum stack_kind kind)
{
	static const char *const names[] = {
		[STACK_UNKNOWN] = "unknown",
		[STACK_TASK] = "task",
		[STACK_IRQ] = "irq",
		[STACK_NMI] = "nmi",
		[STACK_DOUBLE_FAULT] = "double fault",
		[STACK_DEBUG] = "debug",
		[STACK_MACHINE_CHECK] = "machine check",
		[STACK_VC] = "vc",
		[STACK_ENTRY] = "entry",
		[STACK_OVERFLOW] = "overflow",
	};

	return kind < ARRAY_SIZE(names) ? names[kind] : names[STACK_UNKNOWN];
}

static bool is_x86(const struct kernel *k)
{
	return k->img->arch && k->img->arch->elf_machine == EM_X86_64;
}

/* Without a gap where the kernel has no such type: there are several ways to know. */
static uint64_t size_of(struct kernel *k, const char *type)
{
	return k->btf && btf_find_type(k->btf, type) ? kernel_sizeof(k, type) : 0;
}

/* The first task's stack lies between two symbols (INIT_TASK_DATA; renamed in v6.10). */
static uint64_t task_size(struct kernel *k)
{
	static const char *const names[][2] = {{"__start_init_stack", "__end_init_stack"},
					       {"__start_init_task", "__end_init_task"}};
	uint64_t start, end, size = size_of(k, "thread_union");
	struct err ignored;

	for (size_t i = 0; !size && i < ARRAY_SIZE(names); i++)
		if (kernel_symbol(k, names[i][0], &start, &ignored) == 0 &&
		    kernel_symbol(k, names[i][1], &end, &ignored) == 0 && end > start)
			size = end - start;
	return num_is_pow2(size) && size >= 4096 && size <= TASK_SIZE_MAX ? size
									  : TASK_SIZE_DEFAULT;
}

static uint64_t pac_mask(const struct kernel *k)
{
	const char *text = vmcoreinfo_get(k->img->info, "NUMBER(KERNELPACMASK)");
	struct err ignored;
	uint64_t mask;

	/* bits above those of an address, of which there are at least 36 */
	if (!text || num_parse_u64(text, &mask, &ignored) || mask & 0xfffffffffULL)
		return 0;
	return mask;
}

static void init(struct kernel *k, struct stacks *s)
{
	struct field f;

	s->task_size = task_size(k);
	s->regs_offset = UINT64_MAX;
	kernel_field(k, "task_struct", "stack", &s->task_stack);
	if (is_x86(k)) {
		kernel_field(k, "task_struct", "thread.sp", &s->task_sp);
		s->switch_frame = size_of(k, "inactive_task_frame");
		return;
	}
	kernel_field(k, "task_struct", "thread.cpu_context.sp", &s->task_sp);
	kernel_field(k, "task_struct", "thread.cpu_context.fp", &s->task_fp);
	kernel_field(k, "task_struct", "thread.cpu_context.pc", &s->task_pc);
	s->pac_mask = pac_mask(k);
	if (kernel_field(k, "pt_regs", "stackframe", &f))
		s->regs_offset = f.offset;
}

static struct stacks *get(struct kernel *k)
{
	if (!k->stacks) {
		k->stacks = calloc(1, sizeof(*k->stacks));
		if (k->stacks)
			init(k, k->stacks);
	}
	return k->stacks;
}

const struct stacks *stack_areas_get(struct kernel *k)
{
	return get(k);
}

void stacks_destroy(struct stacks *stacks)
{
	if (!stacks)
		return;
	free(stacks->areas);
	free(stacks);
}

/* ---- the stacks of CPUs */

static void add(struct stacks *s, uint64_t start, uint64_t size, enum stack_kind kind)
{
	if (start && size && size <= TASK_SIZE_MAX && start <= UINT64_MAX - size)
		s->areas[s->n_areas++] = (struct stack_area){start, start + size, kind};
}

/* Value of a per-CPU pointer; 0: there is none. */
static uint64_t percpu_pointer(struct kernel *k, uint64_t symbol, unsigned int cpu)
{
	struct err ignored;
	uint64_t at, v;

	if (!symbol || kernel_percpu(k, symbol, cpu, &at, &ignored) ||
	    reader_u64(k->rd, at, &v, &ignored))
		return 0;
	return v;
}

struct x86_exception {
	const char *member;
	enum stack_kind kind;
	struct field field;
};

#define X86_EXCEPTIONS 6

struct x86_percpu {
	uint64_t irq, exceptions; /* symbols */
	uint64_t irq_size;
	struct x86_exception exception[X86_EXCEPTIONS];
	struct field entry, estacks; /* of cpu_entry_area */
};

static void x86_init(struct kernel *k, struct x86_percpu *x)
{
	static const struct x86_exception all[X86_EXCEPTIONS] = {
		{"DF_stack", STACK_DOUBLE_FAULT, {0}}, {"NMI_stack", STACK_NMI, {0}},
		{"DB_stack", STACK_DEBUG, {0}},        {"MCE_stack", STACK_MACHINE_CHECK, {0}},
		{"VC_stack", STACK_VC, {0}},           {"VC2_stack", STACK_VC, {0}},
	};
	struct err ignored;
	struct field f;
	uint64_t hot;

	*x = (struct x86_percpu){.irq_size = size_of(k, "irq_stack")};
	memcpy(x->exception, all, sizeof(all));
	if (kernel_symbol(k, "hardirq_stack_ptr", &x->irq, &ignored)) {
		x->irq = 0;
		if (kernel_symbol(k, "pcpu_hot", &hot, &ignored) == 0 &&
		    kernel_field_quiet(k, "pcpu_hot", "hardirq_stack_ptr", &f))
			x->irq = hot + f.offset;
	}
	if (kernel_symbol(k, "cea_exception_stacks", &x->exceptions, &ignored))
		x->exceptions = 0;
	for (size_t i = 0; i < X86_EXCEPTIONS; i++)
		kernel_field_quiet(k, "cea_exception_stacks", x->exception[i].member,
				   &x->exception[i].field);
	kernel_field_quiet(k, "cpu_entry_area", "entry_stack_page", &x->entry);
	kernel_field_quiet(k, "cpu_entry_area", "estacks", &x->estacks);
}

static void x86_add(struct kernel *k, struct stacks *s, const struct x86_percpu *x,
		    unsigned int cpu)
{
	uint64_t irq = percpu_pointer(k, x->irq, cpu), size = x->irq_size ? x->irq_size : 16384;
	uint64_t base = percpu_pointer(k, x->exceptions, cpu);

	/* the pointer is the first that is pushed; where it is the end itself, it is aligned */
	irq = irq < UINT64_MAX - 8 ? num_align_up(irq, 16) : 0;
	if (irq > size)
		add(s, irq - size, size, STACK_IRQ);
	if (!base)
		return;
	for (size_t i = 0; i < X86_EXCEPTIONS; i++)
		if (field_known(&x->exception[i].field))
			add(s, base + x->exception[i].field.offset, x->exception[i].field.size,
			    x->exception[i].kind);
	if (field_known(&x->entry) && field_known(&x->estacks))
		add(s, base - x->estacks.offset + x->entry.offset, x->entry.size, STACK_ENTRY);
}

static void arm64_add(struct kernel *k, struct stacks *s, uint64_t irq, uint64_t overflow,
		      unsigned int cpu)
{
	struct err ignored;
	uint64_t at;

	add(s, percpu_pointer(k, irq, cpu), s->task_size, STACK_IRQ);
	if (overflow && kernel_percpu(k, overflow, cpu, &at, &ignored) == 0)
		add(s, at, OVERFLOW_SIZE, STACK_OVERFLOW);
}

static int by_start(const void *a, const void *b)
{
	const struct stack_area *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void read_areas(struct kernel *k, struct stacks *s)
{
	uint64_t irq = 0, overflow = 0;
	struct x86_percpu x;
	struct err ignored;

	s->areas_tried = true;
	if (!k->n_cpus)
		return;
	s->areas = calloc(k->n_cpus, AREAS_PER_CPU * sizeof(*s->areas));
	if (!s->areas)
		return;
	if (is_x86(k)) {
		x86_init(k, &x);
	} else {
		if (kernel_symbol(k, "irq_stack_ptr", &irq, &ignored))
			irq = 0;
		if (kernel_symbol(k, "overflow_stack", &overflow, &ignored))
			overflow = 0;
	}
	for (unsigned int cpu = 0; cpu < k->n_cpus; cpu++) {
		if (is_x86(k))
			x86_add(k, s, &x, cpu);
		else
			arm64_add(k, s, irq, overflow, cpu);
	}
	qsort(s->areas, s->n_areas, sizeof(*s->areas), by_start);
}

void stack_areas_find(struct kernel *k, uint64_t addr, struct stack_area *ret)
{
	struct stacks *s = get(k);
	uint64_t size = s ? s->task_size : TASK_SIZE_DEFAULT;
	size_t low = 0, high;

	if (s && !s->areas_tried)
		read_areas(k, s);
	high = s ? s->n_areas : 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->areas[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (s && low < s->n_areas && s->areas[low].start <= addr) {
		*ret = s->areas[low];
		return;
	}
	addr = num_align_down(addr, size);
	*ret = (struct stack_area){addr, addr + size, STACK_TASK};
	if (ret->end < addr) /* the last piece there is */
		ret->end = UINT64_MAX;
}
