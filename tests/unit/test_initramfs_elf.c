// SPDX-License-Identifier: GPL-2.0-or-later
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "initramfs/elf.h"

#define INTERP "/lib64/ld-linux-x86-64.so.2"

/* A static program with a dynamic segment (static-pie); tests change what they need. */
struct sample {
	Elf64_Ehdr e;
	Elf64_Phdr load, dynamic;
	Elf64_Dyn dyn[3];
	char interp[sizeof(INTERP)];
};

static struct sample make_sample(void)
{
	struct sample s = {
		.e = {.e_type = ET_DYN,
		      .e_machine = EM_X86_64,
		      .e_phoff = offsetof(struct sample, load),
		      .e_phentsize = sizeof(Elf64_Phdr),
		      .e_phnum = 2},
		.load = {.p_type = PT_LOAD, .p_filesz = sizeof(s)},
		.dynamic = {.p_type = PT_DYNAMIC,
			    .p_offset = offsetof(struct sample, dyn),
			    .p_filesz = sizeof(s.dyn)},
		.dyn = {{.d_tag = DT_DEBUG}, {.d_tag = DT_NULL}, {.d_tag = DT_NEEDED}},
		.interp = INTERP,
	};

	memcpy(s.e.e_ident, ELFMAG, SELFMAG);
	s.e.e_ident[EI_CLASS] = ELFCLASS64;
	s.e.e_ident[EI_DATA] = ELFDATA2LSB;
	return s;
}

static int check(const struct sample *s, size_t len, struct err *err)
{
	/* a copy of exactly this size: the sanitizer sees every byte too many */
	uint8_t *copy = malloc(len ? len : 1);
	uint16_t machine = 0;
	int r;

	memcpy(copy, s, len);
	r = elf_check_program((struct bytes){copy, len}, "init", &machine, err);
	if (!r)
		assert_int_equal(machine, s->e.e_machine);
	free(copy);
	return r;
}

static void refuse(const struct sample *s, int code, const char *part)
{
	struct err err = {0};

	assert_int_equal(check(s, sizeof(*s), &err), code);
	if (!strstr(err.msg, part))
		fail_msg("'%s' does not say '%s'", err.msg, part);
}

static void test_static_program(void **state)
{
	struct sample s = make_sample();
	struct err err;

	(void)state;
	assert_int_equal(check(&s, sizeof(s), &err), 0);
	s.e.e_type = ET_EXEC;
	s.e.e_machine = EM_AARCH64;
	assert_int_equal(check(&s, sizeof(s), &err), 0);
}

static void test_dynamic_program(void **state)
{
	struct sample s = make_sample();

	(void)state;
	s.dynamic.p_type = PT_INTERP;
	s.dynamic.p_offset = offsetof(struct sample, interp);
	s.dynamic.p_filesz = sizeof(s.interp);
	refuse(&s, ERR_USAGE, "init: is dynamically linked (wants " INTERP ")");
	s = make_sample();
	s.dyn[1].d_tag = DT_NEEDED; /* a shared library has no interpreter */
	refuse(&s, ERR_USAGE, "init: needs shared libraries");
}

static void test_no_program(void **state)
{
	struct sample s = make_sample();

	(void)state;
	s.e.e_type = ET_REL;
	refuse(&s, ERR_USAGE, "is no program (ELF type 1)");
	s = make_sample();
	s.e.e_ident[0] = '#';
	refuse(&s, ERR_CORRUPT, "is not an ELF file");
	s = make_sample();
	s.e.e_ident[EI_CLASS] = ELFCLASS32;
	refuse(&s, ERR_UNSUPPORTED, "ELF class 1");
	s = make_sample();
	s.e.e_ident[EI_DATA] = ELFDATA2MSB;
	refuse(&s, ERR_UNSUPPORTED, "byte order 2");
	s = make_sample();
	s.load.p_type = PT_NOTE;
	refuse(&s, ERR_CORRUPT, "has no PT_LOAD");
	s = make_sample();
	s.e.e_phnum = 0;
	refuse(&s, ERR_CORRUPT, "has no PT_LOAD");
}

static void test_bad_program_headers(void **state)
{
	struct sample s = make_sample();
	struct err err;

	(void)state;
	s.e.e_phnum = 0xffff;
	refuse(&s, ERR_CORRUPT, "not inside the file");
	s = make_sample();
	s.e.e_phentsize = 8;
	refuse(&s, ERR_CORRUPT, "program headers of 8 bytes");
	s = make_sample();
	s.e.e_phoff = UINT64_MAX - 8;
	refuse(&s, ERR_CORRUPT, "program header 0 is not inside the file");
	s = make_sample();
	s.dynamic.p_offset = UINT64_MAX - 4;
	refuse(&s, ERR_CORRUPT, "program header 1: 0x30 bytes at 0xfffffffffffffffb");
	s = make_sample();
	for (size_t len = 0; len < sizeof(s); len++) /* load spans the file */
		assert_int_equal(check(&s, len, &err), ERR_CORRUPT);
}

static void test_module(void **state)
{
	struct sample s = make_sample();
	uint16_t machine = 0;
	struct err err;

	(void)state;
	assert_int_equal(elf_check_module((struct bytes){(const uint8_t *)&s, sizeof(s)}, "m",
					  &machine, &err),
			 ERR_CORRUPT);
	s.e.e_type = ET_REL;
	assert_int_equal(elf_check_module((struct bytes){(const uint8_t *)&s, sizeof(s)}, "m",
					  &machine, &err),
			 0);
	assert_int_equal(machine, EM_X86_64);
}

static void test_machine_names(void **state)
{
	char buf[24];

	(void)state;
	assert_string_equal(elf_machine_name(EM_X86_64, buf), "x86_64");
	assert_string_equal(elf_machine_name(EM_AARCH64, buf), "aarch64");
	assert_string_equal(elf_machine_name(65535, buf), "machine 65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_program), cmocka_unit_test(test_dynamic_program),
		cmocka_unit_test(test_no_program),     cmocka_unit_test(test_bad_program_headers),
		cmocka_unit_test(test_module),         cmocka_unit_test(test_machine_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
