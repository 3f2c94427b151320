// SPDX-License-Identifier: GPL-2.0-or-later
#include <elf.h>

#include "arch/arch.h"
#include "arch/arm64/regs.h"
#include "tests/unit/unwind_fixture.h"

#define BIT(r)      (1ULL << (r))
#define FP          (STACK + 0x1000)
#define NEXT        (STACK + 0x1080)
#define PC          (TEXT + 0x500)
#define CALLER      (TEXT + 0x900)
#define REGS_OFFSET 304
#define EL1H        0x5
#define EL0T        0x0
#define CALL_KNOWS  (BIT(ARM64_FP) | BIT(ARM64_SP) | BIT(ARM64_PC))

static const struct arch_regs *arm64(void)
{
	return arch_regs_of(arch_by_elf_machine(EM_AARCH64));
}

static void start(struct maze *m, struct regs *regs)
{
	maze_init(m);
	m->space.regs_offset = REGS_OFFSET;
	*regs = (struct regs){.known = BIT(ARM64_REGS) - 1};
	regs->v[ARM64_PC] = PC;
	regs->v[ARM64_SP] = FP - 32;
	regs->v[ARM64_FP] = FP;
	regs->v[ARM64_PSTATE] = EL1H;
}

static void put_record(struct maze *m, uint64_t at, uint64_t fp, uint64_t lr)
{
	maze_put(m, at, fp);
	maze_put(m, at + 8, lr);
}

/* A struct pt_regs around the record at `at`. */
static void put_pt_regs(struct maze *m, uint64_t at, uint64_t fp, uint64_t pc, uint64_t pstate)
{
	for (unsigned int i = 0; i < ARM64_REGS; i++)
		maze_put(m, at - REGS_OFFSET + i * 8, 0x6000 + i);
	maze_put(m, at - REGS_OFFSET + ARM64_FP * 8, fp);
	maze_put(m, at - REGS_OFFSET + ARM64_PC * 8, pc);
	maze_put(m, at - REGS_OFFSET + ARM64_PSTATE * 8, pstate);
}

static enum unwind_step step(struct maze *m, struct regs *regs, bool *exact)
{
	enum unwind_step ret = UNWIND_GUESS;

	assert_ok(arm64()->step(&m->space, regs, exact, &ret, err));
	return ret;
}

static void no_step(struct maze *m, struct regs *regs, int code, const char *part)
{
	const struct regs before = *regs;
	enum unwind_step ret = UNWIND_GUESS;
	bool exact = true;

	assert_fails(arm64()->step(&m->space, regs, &exact, &ret, err), code, part);
	assert_memory_equal(regs, &before, sizeof(before));
	assert_int_equal(ret, UNWIND_GUESS);
	assert_true(exact);
}

TEST(records)
{
	static struct maze m;
	struct regs regs;
	bool exact = true;

	start(&m, &regs);
	put_record(&m, FP, NEXT, CALLER);
	put_record(&m, NEXT, 0, CALLER + 4);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
	assert_false(exact);
	assert_int_equal(regs.known, CALL_KNOWS);
	assert_int_equal(regs.v[ARM64_PC], CALLER);
	assert_int_equal(regs.v[ARM64_FP], NEXT);
	assert_int_equal(regs.v[ARM64_SP], FP + 16);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
	assert_int_equal(regs.v[ARM64_PC], CALLER + 4);
	/* before v5.14 the first frame pointer is 0 */
	assert_int_equal(step(&m, &regs, &exact), UNWIND_END);
}

TEST(signed_return_addresses)
{
	static struct maze m;
	struct regs regs;
	bool exact = true;

	start(&m, &regs);
	m.space.pac_mask = 0xffff000000000000;
	put_record(&m, FP, NEXT, CALLER & 0x0012ffffffffffff);
	no_step(&m, &regs, ERR_CORRUPT, "is not a return address"); /* bit 55 is no signature */
	put_record(&m, FP, NEXT, CALLER & 0x0092ffffffffffff);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
	assert_int_equal(regs.v[ARM64_PC], CALLER);
	assert_ok(arm64()->from_switched_out(&m.space, FP - 16, FP, PC & 0x0080ffffffffffff, &regs,
					     err));
	assert_int_equal(regs.v[ARM64_PC], PC);
}

/* Before v6.13: the record of an exception is that of a call, but lies in a struct pt_regs that says the same. */
TEST(exception_without_a_mark)
{
	static struct maze m;
	struct regs regs;
	bool exact = false;

	start(&m, &regs);
	put_pt_regs(&m, FP, NEXT, CALLER, EL1H);
	put_record(&m, FP, NEXT, CALLER);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_REGS);
	assert_true(exact);
	assert_int_equal(regs.known, BIT(ARM64_REGS) - 1);
	assert_int_equal(regs.v[ARM64_PC], CALLER);
	assert_int_equal(regs.v[ARM64_FP], NEXT);
	assert_int_equal(regs.v[ARM64_LR], 0x6000 + ARM64_LR);
	/* only one of the two is the same */
	start(&m, &regs);
	put_pt_regs(&m, FP, NEXT, CALLER + 4, EL1H);
	put_record(&m, FP, NEXT, CALLER);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
	/* where struct pt_regs has its record is not known: it looks like a call */
	start(&m, &regs);
	m.space.regs_offset = UINT64_MAX;
	put_pt_regs(&m, FP, NEXT, CALLER, EL1H);
	put_record(&m, FP, NEXT, CALLER);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_CALL);
}

/* Since v6.13: an empty record, and what it is behind it. */
TEST(exception_with_a_mark)
{
	static struct maze m;
	struct regs regs;
	bool exact = false;

	start(&m, &regs);
	put_pt_regs(&m, FP, NEXT, CALLER, EL1H);
	maze_put(&m, FP + 16, 2);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_REGS);
	assert_true(exact);
	assert_int_equal(regs.v[ARM64_PC], CALLER);
	assert_int_equal(regs.v[ARM64_SP], 0x6000 + ARM64_SP);
	/* registers of a user */
	start(&m, &regs);
	put_pt_regs(&m, FP, 0x7fff0000, 0x400000, EL0T);
	maze_put(&m, FP + 16, 2);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_USER);
	/* they lie before the stack, or nobody knows where */
	start(&m, &regs);
	regs.v[ARM64_FP] = STACK + 16;
	maze_put(&m, STACK + 32, 2);
	no_step(&m, &regs, ERR_NOT_FOUND, "struct pt_regs around");
	m.space.regs_offset = UINT64_MAX;
	no_step(&m, &regs, ERR_NOT_FOUND, "is not known");
}

TEST(ends)
{
	static struct maze m;
	struct regs regs;
	bool exact = false;

	/* marked, of a kernel thread: its registers are zeros, but for the mode */
	start(&m, &regs);
	maze_put(&m, FP + 16, 1);
	maze_put(&m, FP - REGS_OFFSET + ARM64_PSTATE * 8, EL1H);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_END);
	/* of the first task: all zeros */
	start(&m, &regs);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_END);
	/* of a process */
	start(&m, &regs);
	maze_put(&m, FP + 16, 1);
	put_pt_regs(&m, FP, 0x7fff0000, 0x400000, EL0T);
	assert_int_equal(step(&m, &regs, &exact), UNWIND_USER);
	assert_int_equal(regs.v[ARM64_PC], 0x400000);
	/* at the very end of what is there */
	start(&m, &regs);
	m.space.regs_offset = UINT64_MAX;
	regs.v[ARM64_FP] = STACK + STACK_LEN - 16;
	assert_int_equal(step(&m, &regs, &exact), UNWIND_END);
}

TEST(no_way_on)
{
	static struct maze m;
	struct regs regs;

	start(&m, &regs);
	regs.v[ARM64_FP] = FP + 4;
	no_step(&m, &regs, ERR_CORRUPT, "is not aligned");
	regs.v[ARM64_FP] = UINT64_MAX - 7;
	no_step(&m, &regs, ERR_CORRUPT, "is not aligned");
	regs.v[ARM64_FP] = STACK - 8;
	no_step(&m, &regs, ERR_NOT_FOUND, "frame record at");
	regs.v[ARM64_FP] = FP;
	regs.known &= ~BIT(ARM64_FP);
	no_step(&m, &regs, ERR_NOT_FOUND, "no frame pointer");
	start(&m, &regs);
	put_record(&m, FP, NEXT, 0);
	no_step(&m, &regs, ERR_CORRUPT, "is not a return address");
}

TEST(where_it_begins)
{
	uint8_t buf[392] = {0};
	static struct maze m;
	struct regs regs;
	uint32_t pid = 0;

	maze_init(&m);
	assert_ok(arm64()->from_switched_out(&m.space, FP - 16, FP, PC, &regs, err));
	assert_int_equal(regs.known, CALL_KNOWS);
	assert_int_equal(regs.v[ARM64_FP], FP);
	assert_int_equal(regs.v[ARM64_SP], FP - 16);
	assert_int_equal(regs.v[ARM64_PC], PC);
	assert_fails(arm64()->from_switched_out(&m.space, FP, FP, 0, &regs, err), ERR_NOT_FOUND,
		     "not in the text");
	bytes_put_le32(buf + 32, 815);
	for (unsigned int i = 0; i < ARM64_REGS; i++)
		bytes_put_le64(buf + 112 + i * 8, 0x7000 + i);
	assert_ok(arm64()->from_prstatus((struct bytes){buf, sizeof(buf)}, &regs, &pid, err));
	assert_int_equal(pid, 815);
	assert_int_equal(regs.v[ARM64_PSTATE], 0x7021);
	assert_string_equal(arm64()->names[arm64()->pc], "pc");
	assert_string_equal(arm64()->names[arm64()->sp], "sp");
	assert_string_equal(arm64()->names[arm64()->fp], "x29");
	assert_string_equal(arm64()->names[arm64()->flags], "pstate");
	assert_string_equal(arm64()->names[30], "lr");
	assert_fails(arm64()->from_prstatus((struct bytes){buf, 383}, &regs, &pid, err),
		     ERR_CORRUPT, "NT_PRSTATUS has 383");
	assert_fails(arm64()->from_pt_regs((struct bytes){buf, 271}, &regs, err), ERR_CORRUPT,
		     "271");
	regs.v[ARM64_PSTATE] = 0x80000000;
	assert_true(arm64()->in_user_mode(&regs));
	regs.v[ARM64_PSTATE] = 0x80000004;
	assert_false(arm64()->in_user_mode(&regs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(signed_return_addresses),
		cmocka_unit_test(exception_without_a_mark),
		cmocka_unit_test(exception_with_a_mark),
		cmocka_unit_test(ends),
		cmocka_unit_test(no_way_on),
		cmocka_unit_test(where_it_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
