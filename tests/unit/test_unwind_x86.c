// SPDX-License-Identifier: GPL-2.0-or-later
#include <elf.h>

#include "arch/arch.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/unwind.h"
#include "tests/unit/unwind_fixture.h"

#define BIT(r) (1ULL << (r))
#define SP     (STACK + 0x1000)
#define BP     (STACK + 0x1100)
#define PC     (TEXT + 0x500)
#define CALLER (TEXT + 0x900)
#define ALL    (BIT(X86_64_REGS) - 1)

static const struct arch_regs *x86(void)
{
	return arch_regs_of(arch_by_elf_machine(EM_X86_64));
}

/* Known are all, and each has a value of its own. */
static void start(struct maze *m, struct regs *regs)
{
	maze_init(m);
	for (unsigned int i = 0; i < X86_64_REGS; i++)
		regs->v[i] = 0x1000 + i;
	regs->known = ALL;
	regs->v[X86_64_RIP] = PC;
	regs->v[X86_64_RSP] = SP;
	regs->v[X86_64_RBP] = BP;
	regs->v[X86_64_CS] = 0x10;
}

static enum unwind_step step(struct maze *m, struct regs *regs, bool *exact)
{
	enum unwind_step ret = UNWIND_END;

	assert_ok(x86()->step(&m->space, regs, exact, &ret, err));
	return ret;
}

static void no_step(struct maze *m, struct regs *regs, bool exact, int code, const char *part)
{
	const struct regs before = *regs;
	bool was = exact;
	enum unwind_step ret = UNWIND_GUESS;

	assert_fails(x86()->step(&m->space, regs, &exact, &ret, err), code, part);
	assert_memory_equal(regs, &before, sizeof(before));
	assert_int_equal(ret, UNWIND_GUESS);
	assert_int_equal(exact, was);
}

/* A call by each base register: where the return address is taken from. */
TEST(every_base_register)
{
	static const struct {
		uint8_t reg;
		int reads; /* index of the register, whose value leads to the CFA; -1: none may */
		bool offset_before, offset_after, indirect;
	} cases[] = {
		{ORC_REG_SP, X86_64_RSP, true, false, false},
		{ORC_REG_BP, X86_64_RBP, true, false, false},
		{ORC_REG_SP_INDIRECT, X86_64_RSP, false, true, true},
		{ORC_REG_BP_INDIRECT, X86_64_RBP, true, false, true},
		{ORC_REG_DX, X86_64_RDX, false, false, false},
		{ORC_REG_DI, X86_64_RDI, false, false, false},
		{ORC_REG_R10, X86_64_R10, false, false, false},
		{ORC_REG_R13, X86_64_R13, false, false, false},
		{ORC_REG_AX, X86_64_RAX, false, false, false},
		{ORC_REG_UNDEFINED, -1, false, false, false},
		{ORC_REG_PREV_SP, -1, false, false, false},
		{11, -1, false, false, false},
		{15, -1, false, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint64_t base = STACK + 0x1200, cfa = STACK + 0x1800;
		uint64_t at = base;
		static struct maze m;
		struct regs regs;
		bool exact = true;

		start(&m, &regs);
		maze_row(&m, PC,
			 (struct orc_entry){
				 .sp_reg = cases[i].reg, .sp_offset = 24, .type = ORC_TYPE_CALL});
		if (cases[i].reads < 0) {
			no_step(&m, &regs, true, ERR_CORRUPT, "begins at register");
			continue;
		}
		regs.v[cases[i].reads] = base;
		at += cases[i].offset_before ? 24 : 0;
		if (cases[i].indirect) {
			maze_put(&m, at, cfa);
			at = cfa;
		}
		at += cases[i].offset_after ? 24 : 0;
		maze_put(&m, at - 8, CALLER);
		assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
		assert_int_equal(regs.v[X86_64_RIP], CALLER);
		assert_int_equal(regs.v[X86_64_RSP], at);
		assert_false(exact);
		/* the tables do not say where the others are */
		assert_int_equal(regs.known, BIT(X86_64_RIP) | BIT(X86_64_RSP) | BIT(X86_64_RBP));
		/* one that is not known is not used */
		start(&m, &regs);
		maze_row(&m, PC, (struct orc_entry){.sp_reg = cases[i].reg, .type = ORC_TYPE_CALL});
		regs.known &= ~BIT(cases[i].reads);
		no_step(&m, &regs, true, ERR_NOT_FOUND, "");
	}
}

TEST(frame_pointers)
{
	static struct maze m;
	struct regs regs;
	bool exact = true;
	struct orc_entry row = {.sp_reg = ORC_REG_SP, .sp_offset = 32, .type = ORC_TYPE_CALL};

	/* saved below the return address */
	start(&m, &regs);
	row.bp_reg = ORC_REG_PREV_SP;
	row.bp_offset = -16;
	maze_row(&m, PC, row);
	maze_put(&m, SP + 24, CALLER);
	maze_put(&m, SP + 16, 0x1234);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
	assert_int_equal(regs.v[X86_64_RBP], 0x1234);
	/* saved where the present one says */
	start(&m, &regs);
	row.bp_reg = ORC_REG_BP;
	row.bp_offset = 8;
	maze_row(&m, PC, row);
	maze_put(&m, SP + 24, CALLER);
	maze_put(&m, BP + 8, 0x5678);
	exact = true;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
	assert_int_equal(regs.v[X86_64_RBP], 0x5678);
	/* unchanged */
	start(&m, &regs);
	row.bp_reg = ORC_REG_UNDEFINED;
	maze_row(&m, PC, row);
	maze_put(&m, SP + 24, CALLER);
	exact = true;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
	assert_int_equal(regs.v[X86_64_RBP], BP);
	/* in a register that it cannot be in */
	start(&m, &regs);
	row.bp_reg = ORC_REG_R10;
	maze_row(&m, PC, row);
	maze_put(&m, SP + 24, CALLER);
	no_step(&m, &regs, true, ERR_CORRUPT, "frame pointer in register 6");
	/* from one that is not known */
	start(&m, &regs);
	row.bp_reg = ORC_REG_BP;
	maze_row(&m, PC, row);
	maze_put(&m, SP + 24, CALLER);
	regs.known &= ~BIT(X86_64_RBP);
	no_step(&m, &regs, true, ERR_NOT_FOUND, "frame pointer");
}

/* A call may be the last instruction of its function: the row is the one before the return address. */
TEST(row_of_a_call_is_the_one_before)
{
	static struct maze m;
	struct regs regs;
	bool exact = false;

	start(&m, &regs);
	maze_row(&m, PC - 1,
		 (struct orc_entry){.sp_reg = ORC_REG_SP, .sp_offset = 8, .type = ORC_TYPE_CALL});
	maze_row(&m, PC, (struct orc_entry){.type = ORC_TYPE_END_OF_STACK});
	maze_put(&m, SP, CALLER);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
	start(&m, &regs);
	maze_row(&m, PC, (struct orc_entry){.type = ORC_TYPE_END_OF_STACK});
	exact = true;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_END);
	assert_int_equal(regs.v[X86_64_RIP], PC);
}

static void put_pt_regs(struct maze *m, uint64_t at, uint64_t cs)
{
	for (unsigned int i = 0; i < X86_64_PT_REGS; i++)
		maze_put(m, at + i * 8, 0x2000 + i);
	maze_put(m, at + X86_64_RIP * 8, CALLER);
	maze_put(m, at + X86_64_CS * 8, cs);
	maze_put(m, at + X86_64_RSP * 8, STACK + 0x2000);
}

TEST(exception_with_all_registers)
{
	static struct maze m;
	struct regs regs;
	bool exact = false;

	start(&m, &regs);
	maze_row(&m, PC - 1,
		 (struct orc_entry){.sp_reg = ORC_REG_SP,
				    .sp_offset = 16,
				    .type = ORC_TYPE_REGS,
				    .signal = true});
	put_pt_regs(&m, SP + 16, 0x10);
	regs.known = BIT(X86_64_RIP) | BIT(X86_64_RSP);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_REGS);
	assert_true(exact);
	assert_int_equal(regs.known, BIT(X86_64_PT_REGS) - 1);
	assert_int_equal(regs.v[X86_64_RIP], CALLER);
	assert_int_equal(regs.v[X86_64_RSP], STACK + 0x2000);
	assert_int_equal(regs.v[X86_64_R13], 0x2000 + X86_64_R13);
	assert_int_equal(regs.v[X86_64_RBP], 0x2000 + X86_64_RBP);
	/* a breakpoint's address is the one behind it: not exact */
	start(&m, &regs);
	maze_row(&m, PC,
		 (struct orc_entry){.sp_reg = ORC_REG_SP, .sp_offset = 16, .type = ORC_TYPE_REGS});
	put_pt_regs(&m, SP + 16, 0x10);
	exact = true;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_REGS);
	assert_false(exact);
	/* user space */
	start(&m, &regs);
	maze_row(&m, PC,
		 (struct orc_entry){.sp_reg = ORC_REG_SP, .sp_offset = 16, .type = ORC_TYPE_REGS});
	put_pt_regs(&m, SP + 16, 0x33);
	exact = true;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_USER);
	/* registers that reach over the end of what is there */
	start(&m, &regs);
	maze_row(&m, PC,
		 (struct orc_entry){.sp_reg = ORC_REG_SP, .sp_offset = 16, .type = ORC_TYPE_REGS});
	regs.v[X86_64_RSP] = STACK + STACK_LEN - 100;
	no_step(&m, &regs, true, ERR_NOT_FOUND, "saved registers at");
}

/* Entry code that has the CPU's five words only: what the code before it had in the others is still there. */
TEST(exception_with_the_cpus_words_only)
{
	static struct maze m;
	struct regs regs;
	bool exact = true;

	start(&m, &regs);
	maze_row(&m, PC,
		 (struct orc_entry){.sp_reg = ORC_REG_SP,
				    .sp_offset = 8,
				    .type = ORC_TYPE_REGS_PARTIAL,
				    .signal = true});
	for (unsigned int i = 0; i < 5; i++)
		maze_put(&m, SP + 8 + i * 8, 0x3000 + i);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_REGS);
	assert_true(exact);
	assert_int_equal(regs.v[X86_64_RIP], 0x3000);
	assert_int_equal(regs.v[X86_64_CS], 0x3001);
	assert_int_equal(regs.v[X86_64_RFLAGS], 0x3002);
	assert_int_equal(regs.v[X86_64_RSP], 0x3003);
	assert_int_equal(regs.v[X86_64_SS], 0x3004);
	assert_int_equal(regs.v[X86_64_R10], 0x1000 + X86_64_R10);
	assert_int_equal(regs.v[X86_64_RBP], BP);
	assert_int_equal(regs.known, ALL);
}

TEST(no_way_on)
{
	static struct maze m;
	struct regs regs;

	start(&m, &regs);
	maze_row(&m, PC, (struct orc_entry){.type = ORC_TYPE_UNDEFINED});
	no_step(&m, &regs, true, ERR_NOT_FOUND, "no way on from 0xffffffff81000500");
	start(&m, &regs);
	maze_row(&m, PC, (struct orc_entry){.type = 7});
	no_step(&m, &regs, true, ERR_CORRUPT, "is of type 7");
	start(&m, &regs);
	no_step(&m, &regs, true, ERR_NOT_FOUND, "no unwind table covers 0xffffffff81000500");
	start(&m, &regs);
	regs.known = BIT(X86_64_RIP);
	no_step(&m, &regs, true, ERR_NOT_FOUND, "no stack pointer");
	/* what lies where the return address ought to be is no address of the kernel's */
	start(&m, &regs);
	maze_row(&m, PC,
		 (struct orc_entry){.sp_reg = ORC_REG_SP, .sp_offset = 8, .type = ORC_TYPE_CALL});
	maze_put(&m, SP, 0x400000);
	no_step(&m, &regs, true, ERR_CORRUPT, "is not a return address");
	/* and at the end of the address space */
	start(&m, &regs);
	maze_row(&m, PC,
		 (struct orc_entry){
			 .sp_reg = ORC_REG_SP, .sp_offset = 32767, .type = ORC_TYPE_CALL});
	regs.v[X86_64_RSP] = UINT64_MAX - 3;
	no_step(&m, &regs, true, ERR_NOT_FOUND, "a return address at");
}

TEST(code_without_a_table)
{
	static struct maze m;
	struct regs regs;
	bool exact = true;

	/* a call of NULL: the kernel itself knows that case */
	start(&m, &regs);
	regs.v[X86_64_RIP] = 0;
	maze_put(&m, SP, CALLER);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
	assert_int_equal(regs.v[X86_64_RIP], CALLER);
	assert_int_equal(regs.v[X86_64_RSP], SP + 8);
	assert_false(exact);
	/* of a wild pointer */
	start(&m, &regs);
	regs.v[X86_64_RIP] = 0xdead000000000100;
	maze_put(&m, SP, CALLER);
	exact = true;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_GUESS);
	assert_int_equal(regs.v[X86_64_RIP], CALLER);
	/* a program of BPF's: it keeps a frame pointer */
	start(&m, &regs);
	regs.v[X86_64_RIP] = 0xffffffffc0001234;
	maze_put(&m, BP, STACK + 0x1300);
	maze_put(&m, BP + 8, CALLER);
	exact = false;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_GUESS);
	assert_int_equal(regs.v[X86_64_RIP], CALLER);
	assert_int_equal(regs.v[X86_64_RSP], BP + 16);
	assert_int_equal(regs.v[X86_64_RBP], STACK + 0x1300);
	/* which leads down, or to no code */
	start(&m, &regs);
	maze_put(&m, BP + 8, CALLER);
	regs.v[X86_64_RSP] = BP + 8;
	no_step(&m, &regs, false, ERR_NOT_FOUND, "no unwind table");
	start(&m, &regs);
	maze_put(&m, BP + 8, 0x1234);
	no_step(&m, &regs, false, ERR_NOT_FOUND, "no unwind table");
	start(&m, &regs);
	regs.v[X86_64_RBP] = UINT64_MAX - 7;
	no_step(&m, &regs, false, ERR_NOT_FOUND, "no unwind table");
}

/* `call function` before `addr`. */
static void put_call(struct maze *m, uint64_t addr, uint64_t function)
{
	m->text[addr - TEXT - 5] = 0xe8;
	bytes_put_le32(m->text + (addr - TEXT - 4), (uint32_t)(function - addr));
}

/*
 * A function that the table has nothing of: each panic begins in one. Once the stack of the CPU that panicked was a list
 * of guesses.
 */
TEST(function_that_has_no_row)
{
	const struct orc_entry none = {.type = ORC_TYPE_UNDEFINED};
	static struct maze m;
	struct regs regs;
	bool exact = true;

	start(&m, &regs);
	maze_row(&m, PC, none);
	m.function = PC - 0x40;
	put_call(&m, CALLER, m.function);
	put_call(&m, CALLER + 0x100, m.function + 0x10);
	regs.v[X86_64_RBP] = 0x77;
	maze_put(&m, SP + 8, CALLER + 0x100);  /* of another function */
	maze_put(&m, SP + 16, CALLER + 0x200); /* of no call */
	maze_put(&m, SP + 64, CALLER);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_GUESS);
	assert_int_equal(regs.v[X86_64_RIP], CALLER);
	assert_int_equal(regs.v[X86_64_RSP], SP + 72);
	assert_int_equal(regs.v[X86_64_RBP], 0x77);
	assert_int_equal(regs.known, BIT(X86_64_RIP) | BIT(X86_64_RSP) | BIT(X86_64_RBP));
	assert_false(exact);
	/* it keeps a frame pointer */
	start(&m, &regs);
	maze_row(&m, PC, none);
	m.function = PC - 0x40;
	put_call(&m, CALLER, m.function);
	maze_put(&m, SP + 64, CALLER);
	maze_put(&m, SP + 56, BP);
	regs.v[X86_64_RBP] = SP + 56;
	exact = true;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_GUESS);
	assert_int_equal(regs.v[X86_64_RBP], BP);
	/* or has something else in its own frame in that register */
	start(&m, &regs);
	maze_row(&m, PC, none);
	m.function = PC - 0x40;
	put_call(&m, CALLER, m.function);
	maze_put(&m, SP + 64, CALLER);
	regs.v[X86_64_RBP] = SP + 8;
	exact = true;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_GUESS);
	assert_int_equal(regs.known, BIT(X86_64_RIP) | BIT(X86_64_RSP));
	/* nobody called it, or too far away */
	start(&m, &regs);
	maze_row(&m, PC, none);
	no_step(&m, &regs, true, ERR_NOT_FOUND, "no way on");
	m.function = PC - 0x40;
	put_call(&m, CALLER, m.function);
	maze_put(&m, SP + 128 * 8, CALLER);
	no_step(&m, &regs, true, ERR_NOT_FOUND, "no way on");
	regs.v[X86_64_RSP] += 1;
	no_step(&m, &regs, true, ERR_NOT_FOUND, "no way on");
}

/* ---- where it begins */

static void check_switched_out(uint64_t frame, size_t words)
{
	static struct maze m;
	struct regs regs;

	maze_init(&m);
	m.space.switch_frame = frame;
	for (size_t i = 0; i < 8; i++)
		maze_put(&m, SP + i * 8, 0x4000 + i);
	maze_put(&m, SP + (words - 1) * 8, PC);
	maze_put(&m, SP + (words - 2) * 8, BP);
	assert_ok(x86()->from_switched_out(&m.space, SP, 0, 0, &regs, err));
	assert_int_equal(regs.v[X86_64_RIP], PC);
	assert_int_equal(regs.v[X86_64_RBP], BP);
	assert_int_equal(regs.v[X86_64_RBX], 0x4000 + words - 3);
	assert_int_equal(regs.v[X86_64_R12], 0x4000 + words - 4);
	assert_int_equal(regs.v[X86_64_R15], 0x4000 + words - 7);
	assert_int_equal(regs.v[X86_64_RSP], SP + words * 8);
	assert_int_equal(regs.known, BIT(X86_64_RIP) | BIT(X86_64_RSP) | BIT(X86_64_RBP) |
					     BIT(X86_64_RBX) | 0xf);
}

TEST(switched_out)
{
	static struct maze m;
	struct regs regs;

	check_switched_out(56, 7);
	check_switched_out(64, 8);
	check_switched_out(0, 7);
	check_switched_out(0, 8);
	maze_init(&m);
	assert_fails(x86()->from_switched_out(&m.space, SP, 0, 0, &regs, err), ERR_NOT_FOUND,
		     "is not in the text");
	assert_fails(x86()->from_switched_out(&m.space, STACK + STACK_LEN - 48, 0, 0, &regs, err),
		     ERR_NOT_FOUND, "saved registers");
	m.space.switch_frame = 72;
	assert_fails(x86()->from_switched_out(&m.space, SP, 0, 0, &regs, err), ERR_UNSUPPORTED,
		     "72 bytes");
	m.space.switch_frame = 57;
	assert_fails(x86()->from_switched_out(&m.space, SP, 0, 0, &regs, err), ERR_UNSUPPORTED,
		     "57 bytes");
}

TEST(notes_and_pt_regs)
{
	uint8_t buf[336] = {0};
	struct bytes whole = {buf, sizeof(buf)}, cut = {buf, 327};
	struct regs regs;
	uint32_t pid = 0;

	bytes_put_le32(buf + 32, 4711);
	for (unsigned int i = 0; i < X86_64_REGS; i++)
		bytes_put_le64(buf + 112 + i * 8, 0x5000 + i);
	assert_ok(x86()->from_prstatus(whole, &regs, &pid, err));
	assert_int_equal(pid, 4711);
	assert_int_equal(regs.known, ALL);
	assert_int_equal(regs.v[X86_64_GS], 0x5000 + 26);
	assert_string_equal(x86()->names[X86_64_GS], "GS");
	assert_string_equal(x86()->names[x86()->pc], "RIP");
	assert_string_equal(x86()->names[x86()->sp], "RSP");
	assert_string_equal(x86()->names[x86()->fp], "RBP");
	assert_string_equal(x86()->names[x86()->flags], "EFLAGS");
	assert_fails(x86()->from_prstatus(cut, &regs, &pid, err), ERR_CORRUPT,
		     "NT_PRSTATUS has 327");
	assert_int_equal(x86()->pt_regs_size, 168);
	assert_ok(x86()->from_pt_regs((struct bytes){buf + 112, 168}, &regs, err));
	assert_int_equal(regs.known, BIT(21) - 1);
	assert_int_equal(regs.v[X86_64_SS], 0x5000 + 20);
	assert_fails(x86()->from_pt_regs((struct bytes){buf, 167}, &regs, err), ERR_CORRUPT, "167");
	assert_false(x86()->in_user_mode(&regs)); /* 0x5011 */
	regs.v[X86_64_CS] = 0x33;
	assert_true(x86()->in_user_mode(&regs));
	regs.known &= ~BIT(X86_64_CS);
	assert_false(x86()->in_user_mode(&regs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_base_register),
		cmocka_unit_test(frame_pointers),
		cmocka_unit_test(row_of_a_call_is_the_one_before),
		cmocka_unit_test(exception_with_all_registers),
		cmocka_unit_test(exception_with_the_cpus_words_only),
		cmocka_unit_test(no_way_on),
		cmocka_unit_test(code_without_a_table),
		cmocka_unit_test(function_that_has_no_row),
		cmocka_unit_test(switched_out),
		cmocka_unit_test(notes_and_pt_regs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
