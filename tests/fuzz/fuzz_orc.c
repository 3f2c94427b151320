// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unwinding: tables, registers and stacks that may be anything.
 *
 *   byte 0      bit 0 arm64 (frame records, no tables), 1-2 which header (none, v2, v3, v4), 3 a task that was switched out,
 *               4 addresses of rows are raw (else they increase), 5 signed return addresses, 6 an interrupt stack, 7 a kernel that
 *               says what its struct pt_regs has
 *   byte 1      number of rows
 *   3 x u32     pc, stack pointer, frame pointer, from where text and stacks begin (negative: before)
 *   rows        u16 (or, raw, u32) address, 6 bytes of row
 *   text        256 bytes, then stacks
 *
 * Property: no crash and no sanitizer report; a walk ends (libFuzzer's timeout) with at most STACK_MAX_FRAMES frames, goes up on
 * each stack, and says why it ended unless it is whole; looking up agrees with a plain search; the form that is found
 * is one that there is.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>

#include "arch/arm64/regs.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/vtop.h"
#include "base/num.h"
#include "image/kernel.h"
#include "image/orc.h"
#include "image/stack.h"
#include "image/stack_areas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

#define RAM_SIZE   0x40000U
#define MAP        0xffffffff80000000ULL /* all of the RAM, by one large page */
#define ROOT       0x1000ULL
#define TEXT       0x10000ULL
#define TEXT_LEN   0x1000ULL
#define HEADER     0x20000ULL
#define IPS        0x21000ULL
#define ROWS       0x22000ULL
#define TASK       0x24000ULL
#define PERCPU     0x25000ULL
#define STACKS     0x30000ULL
#define STACK      4096ULL /* bytes of one */
#define STACKS_LEN 0x8000ULL

struct machine {
	struct source src;
	uint8_t *ram;
	char notes[1024];
};

static int machine_read(const struct source *src, uint64_t phys, void *buf, size_t len,
			struct err *err)
{
	const struct machine *m = (const struct machine *)src;

	if (phys > RAM_SIZE || len > RAM_SIZE - phys)
		return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not there", phys);
	memcpy(buf, m->ram + phys, len);
	return 0;
}

static int machine_map(const struct source *src, struct view *view, uint64_t phys, struct err *err)
{
	const struct machine *m = (const struct machine *)src;

	view->len = 0;
	if (phys >= RAM_SIZE)
		return err_set(err, ERR_NOT_FOUND, "0x%" PRIx64 " is not there", phys);
	view->start = phys;
	view->data = m->ram + phys;
	view->len = RAM_SIZE - phys;
	return 0;
}

static void machine_unmap(struct view *view)
{
	(void)view;
}

static const struct source_ops machine_ops = {
	.name = "fuzz", .read = machine_read, .map = machine_map, .unmap = machine_unmap};

/* The same page tables, and registers of the other architecture. */
static const struct arch other = {
	.name = "aarch64", .elf_machine = EM_AARCH64, .vtop = &x86_64_vtop};

static void machine_init(struct machine *m, size_t n_rows)
{
	struct err err;
	int n;

	*m = (struct machine){
		.src = {.ops = &machine_ops, .path = "fuzz", .elf_machine = EM_X86_64}};
	m->ram = calloc(1, RAM_SIZE);
	REQUIRE(m->ram);
	REQUIRE(!ranges_add(&m->src.ram, 0, RAM_SIZE, &err));
	REQUIRE(!ranges_add(&m->src.present, 0, RAM_SIZE, &err));
	bytes_put_le64(m->ram + ROOT + 511 * 8, (ROOT + 0x1000) | 0x63);
	bytes_put_le64(m->ram + ROOT + 0x1000 + 510 * 8, (ROOT + 0x2000) | 0x63);
	bytes_put_le64(m->ram + ROOT + 0x2000, 0xe3);
	n = snprintf(m->notes + 24, sizeof(m->notes) - 24,
		     "OSRELEASE=1\nPAGESIZE=4096\nSYMBOL(init_top_pgt)=%llx\nNUMBER(phys_base)=0\n"
		     "SYMBOL(_stext)=%llx\nSYMBOL(_etext)=%llx\nSYMBOL(orc_header)=%llx\n"
		     "SYMBOL(__start_orc_unwind_ip)=%llx\nSYMBOL(__stop_orc_unwind_ip)=%llx\n"
		     "SYMBOL(__start_orc_unwind)=%llx\nSYMBOL(__stop_orc_unwind)=%llx\n"
		     "SYMBOL(hardirq_stack_ptr)=%llx\nSYMBOL(irq_stack_ptr)=%llx\n",
		     MAP + ROOT, MAP + TEXT, MAP + TEXT + TEXT_LEN, MAP + HEADER, MAP + IPS,
		     MAP + IPS + n_rows * 4, MAP + ROWS, MAP + ROWS + n_rows * 6, MAP + PERCPU,
		     MAP + PERCPU + 8);
	REQUIRE(n > 0 && (size_t)n < sizeof(m->notes) - 24);
	bytes_put_le32(m->notes, 11);
	bytes_put_le32(m->notes + 4, (uint32_t)n);
	memcpy(m->notes + 12, "VMCOREINFO", 10);
	m->src.notes = (struct bytes){(uint8_t *)m->notes, 24 + (size_t)n};
}

/* ---- the input */

struct input {
	const uint8_t *at, *end;
};

static uint32_t take(struct input *in, size_t n)
{
	uint32_t v = 0;

	for (size_t i = 0; i < n && in->at < in->end; i++)
		v |= (uint32_t)*in->at++ << (8 * i);
	return v;
}

static void take_bytes(struct input *in, uint8_t *to, size_t n)
{
	n = NUM_MIN(n, (size_t)(in->end - in->at));
	memcpy(to, in->at, n);
	in->at += n;
}

static void put_header(uint8_t *to, unsigned int which)
{
	static const uint8_t known[3][ORC_HEADER_SIZE] = {
		{0xdb, 0x84, 0xae, 0xd4, 0x10, 0x3b, 0x31, 0xdd, 0x51, 0xe0,
		 0x17, 0xf8, 0xf7, 0x97, 0x83, 0xca, 0x98, 0x5c, 0x2c, 0x51},
		{0xfe, 0x5d, 0x32, 0xbf, 0x58, 0x1b, 0xd6, 0x3b, 0x2c, 0xa9,
		 0xa5, 0xc6, 0x5b, 0xa5, 0xa6, 0x25, 0xea, 0xb3, 0xfe, 0x24},
		{0x13, 0x7c, 0x36, 0xad, 0x76, 0x27, 0xc4, 0xdd, 0x55, 0x93,
		 0x21, 0x76, 0xbb, 0x0e, 0xcd, 0xbd, 0x50, 0x41, 0xfc, 0x82},
	};

	if (which)
		memcpy(to, known[which - 1], ORC_HEADER_SIZE);
}

static void put_tables(struct machine *m, struct input *in, size_t n, bool raw)
{
	uint64_t pc = MAP + TEXT;

	for (size_t i = 0; i < n; i++) {
		uint64_t ip = MAP + IPS + i * 4;

		pc += raw ? 0 : take(in, 2) % 256;
		bytes_put_le32(m->ram + IPS + i * 4, raw ? take(in, 4) : (uint32_t)(pc - ip));
		take_bytes(in, m->ram + ROWS + i * 6, 6);
	}
}

/* ---- what is looked at */

static void check_table(const struct machine *m, size_t n, unsigned int version)
{
	struct orc_table t = {.at = MAP + IPS,
			      .ips = {m->ram + IPS, n * 4},
			      .rows = {m->ram + ROWS, n * 6},
			      .n = n};
	struct orc_entry found, want;
	struct err err;

	if (orc_table_check(&t, &err))
		return;
	for (uint64_t pc = MAP + TEXT; pc < MAP + TEXT + TEXT_LEN; pc += 61) {
		size_t last = n;

		for (size_t i = 0; i < n; i++) {
			uint32_t v;

			memcpy(&v, m->ram + IPS + i * 4, 4);
			if (MAP + IPS + i * 4 + (uint64_t)(int64_t)(int32_t)le32toh(v) <= pc)
				last = i;
		}
		REQUIRE(orc_table_find(&t, version, pc, &found) == (last < n));
		if (last == n)
			continue;
		orc_decode(version, m->ram + ROWS + last * 6, &want);
		REQUIRE(found.sp_offset == want.sp_offset && found.bp_offset == want.bp_offset &&
			found.sp_reg == want.sp_reg && found.bp_reg == want.bp_reg &&
			found.type == want.type && found.signal == want.signal);
	}
}

static void check_stack(const struct stack *s)
{
	size_t ends = 0;

	REQUIRE(s->n <= STACK_MAX_FRAMES && s->n_regs <= STACK_MAX_REGS);
	REQUIRE(memchr(s->end, 0, sizeof(s->end)));
	REQUIRE(s->whole == !s->end[0]);
	REQUIRE(!s->user || s->whole);
	for (size_t i = 0; i < s->n; i++) {
		REQUIRE(s->v[i].regs >= -1 && s->v[i].regs < (int)s->n_regs);
		ends += !s->v[i].reliable;
		for (size_t j = 0; j < i && s->v[i].reliable; j++)
			REQUIRE(!s->v[j].reliable || s->v[j].sp != s->v[i].sp ||
				s->v[j].pc != s->v[i].pc);
	}
	REQUIRE(!s->whole || !ends);
	(void)stack_hash(s);
}

static void walk(struct kernel *k, uint8_t how, const uint64_t start[3], struct stack *stack)
{
	const struct arch_regs *arch = arch_regs_of(k->img->arch);
	struct regs regs = {.known = (1ULL << arch->n) - 1};
	struct err err = {0};

	if (how & 8) {
		if (stack_of_task(k, MAP + TASK, stack, &err))
			REQUIRE(err.code && err.msg[0] && stack->end[0]);
	} else {
		for (unsigned int i = 0; i < arch->n; i++)
			regs.v[i] = start[i % 3];
		regs.v[arch->pc] = start[0];
		regs.v[arch->sp] = start[1];
		regs.v[arch->fp] = start[2];
		regs.v[how & 1 ? (unsigned int)ARM64_PSTATE : (unsigned int)X86_64_CS] =
			how & 1 ? 5 : 0x10;
		stack_from_regs(k, &regs, stack);
		REQUIRE(stack->n >= 1 && stack->v[0].pc == start[0]);
	}
	check_stack(stack);
}

static void put_stacks(struct kernel *k, uint8_t how)
{
	k->stacks = calloc(1, sizeof(*k->stacks));
	k->percpu = calloc(1, sizeof(*k->percpu));
	REQUIRE(k->stacks && k->percpu);
	k->n_cpus = how & 0x40 ? 1 : 0;
	*k->stacks = (struct stacks){
		.task_size = STACK,
		.task_stack = {.offset = 0, .size = 8},
		.task_sp = {.offset = 8, .size = 8},
		.pac_mask = how & 0x20 ? 0xffff000000000000 : 0,
		.regs_offset = how & 0x80 ? 304 : UINT64_MAX,
		.switch_frame = how & 0x80 ? 56 : 0,
	};
	if (how & 1) {
		k->stacks->task_fp = (struct field){.offset = 16, .size = 8};
		k->stacks->task_pc = (struct field){.offset = 24, .size = 8};
	}
}

static void use(struct machine *m, uint8_t how, const uint64_t start[3])
{
	struct kernel *k = calloc(1, sizeof(*k));
	struct stack *stack = malloc(sizeof(*stack));
	struct image *img = NULL;
	struct err err;

	REQUIRE(k && stack);
	REQUIRE(!image_create(&m->src, &img, &err));
	if (how & 1)
		img->arch = &other;
	k->img = img;
	REQUIRE(!reader_create(img, 0, &k->rd, &err));
	put_stacks(k, how);
	walk(k, how, start, stack);
	if (k->orc)
		REQUIRE(orc_version(k->orc) >= 1 && orc_version(k->orc) <= 4);
	kernel_destroy(k);
	image_destroy(img);
	free(stack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	uint64_t start[3] = {MAP + TEXT, MAP + STACKS, MAP + STACKS};
	uint8_t how = (uint8_t)take(&in, 1);
	size_t n = take(&in, 1);
	struct machine m;
	unsigned int version;

	version = orc_version_of_rows((struct bytes){data, size});
	REQUIRE(version <= 4);
	machine_init(&m, n);
	for (size_t i = 0; i < 3; i++)
		start[i] += (uint64_t)(int64_t)(int32_t)take(&in, 4);
	put_header(m.ram + HEADER, how >> 1 & 3);
	put_tables(&m, &in, n, how & 0x10);
	take_bytes(&in, m.ram + TEXT, 256);
	take_bytes(&in, m.ram + STACKS, STACKS_LEN);
	bytes_put_le64(m.ram + TASK, MAP + STACKS);
	bytes_put_le64(m.ram + TASK + 8, start[1]);
	bytes_put_le64(m.ram + TASK + 16, start[2]);
	bytes_put_le64(m.ram + TASK + 24, start[0]);
	bytes_put_le64(m.ram + PERCPU, MAP + STACKS + 2 * STACK - 8);
	bytes_put_le64(m.ram + PERCPU + 8, MAP + STACKS + STACK);
	for (version = 1; version <= 4; version++)
		check_table(&m, n, version);
	use(&m, how, start);
	ranges_deinit(&m.src.ram);
	ranges_deinit(&m.src.present);
	free(m.ram);
	return 0;
}
