// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Debugging information: this program is built with it, so it is looked up in itself, and a module is the object file that it was
 * linked from: relocatable, with a section for each function.
 */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/io.h"
#include "debuginfo/debuginfo.h"
#include "debuginfo/elffile.h"
#include "debuginfo/find.h"
#include "debuginfo/komodule.h"
#include "debuginfo/lines.h"
#include "tests/unit/fake_image.h"
#include "tests/unit/unit.h"

extern const char __ehdr_start[]; /* the linker's: where this program's file begins in memory */

static const char *const this_file = "tests/unit/test_debuginfo.c";

/* ---- something to be found */

void __attribute__((noinline))
_stext(void); /* where a kernel's text begins: all is counted from there */
void _stext(void)
{
	__asm__ volatile("");
}

const char linux_banner[] = "Linux version 6.1.0-made-up (us@here) (gcc) #1 SMP made up\n";

enum { INNER_FROM = __LINE__ };
/* tells where it is, in the function that it was put into */
static inline __attribute__((always_inline)) void *inner(volatile int *n)
{
	void *here;

#if defined(__x86_64__)
	__asm__ volatile("lea 0(%%rip), %0" : "=r"(here));
#elif defined(__aarch64__)
	__asm__ volatile("adr %0, ." : "=r"(here));
#else
#error "how does this machine tell its program counter?"
#endif
	*n += 1;
	return here;
}
enum { INNER_TO = __LINE__ };

static __attribute__((noinline)) void *outer(volatile int *n)
{
	return inner(n);
}
enum { OUTER_TO = __LINE__ };

/* ---- ELF files */

TEST(an_elf_file_says_what_it_is)
{
	struct elffile *f;
	uint64_t addr;
	char text[256];

	assert_ok(elffile_open("/proc/self/exe", &f, err));
	assert_true(elffile_has_dwarf(f));
	assert_int_equal(f->machine, (*(const Elf64_Ehdr *)__ehdr_start).e_machine);
	assert_true(elffile_symbol(f, "linux_banner", &addr));
	assert_int_equal(addr, (uintptr_t)linux_banner -
				       (f->type == ET_DYN ? (uintptr_t)__ehdr_start : 0));
	assert_true(elffile_text(f, "linux_banner", text, sizeof(text)));
	assert_string_equal(text, linux_banner);
	assert_true(elffile_text(f, "linux_banner", text, 6));
	assert_string_equal(text, "Linux");
	assert_false(elffile_symbol(f, "linux_banner_of_another", &addr));
	elffile_close(f);
	elffile_close(NULL);
}

/* As little as has a build id: a header, a program header, a note. */
struct tiny {
	Elf64_Ehdr e;
	Elf64_Phdr p;
	Elf64_Nhdr n;
	char name[4];
	uint8_t id[20];
};

static struct tiny tiny_make(uint8_t first)
{
	struct tiny t = {
		.e = {.e_type = ET_EXEC,
		      .e_machine = EM_X86_64,
		      .e_version = EV_CURRENT,
		      .e_ehsize = sizeof(Elf64_Ehdr),
		      .e_phoff = offsetof(struct tiny, p),
		      .e_phentsize = sizeof(Elf64_Phdr),
		      .e_phnum = 1},
		.p = {.p_type = PT_NOTE,
		      .p_offset = offsetof(struct tiny, n),
		      .p_filesz = sizeof(struct tiny) - offsetof(struct tiny, n),
		      .p_align = 4},
		.n = {.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID},
		.name = "GNU",
	};

	memcpy(t.e.e_ident, ELFMAG, SELFMAG);
	t.e.e_ident[EI_CLASS] = ELFCLASS64;
	t.e.e_ident[EI_DATA] = ELFDATA2LSB;
	t.e.e_ident[EI_VERSION] = EV_CURRENT;
	for (int i = 0; i < 20; i++)
		t.id[i] = (uint8_t)(first + i);
	return t;
}

#define TINY_ID "ab0102030405060708090a0b0c0d0e0f10111213"

static struct tiny tiny_with_id(void)
{
	struct tiny t = tiny_make(0);

	t.id[0] = 0xab;
	return t;
}

TEST(a_build_id_is_read)
{
	struct tiny t = tiny_with_id();
	struct memfile file;
	struct elffile *f;

	memfile_write(&file, &t, sizeof(t));
	assert_ok(elffile_open(file.path, &f, err));
	assert_string_equal(f->build_id, TINY_ID);
	assert_false(elffile_has_dwarf(f));
	elffile_close(f);
	memfile_close(&file);

	t.n.n_descsz = 4000; /* ends behind the file */
	memfile_write(&file, &t, sizeof(t));
	assert_ok(elffile_open(file.path, &f, err));
	assert_string_equal(f->build_id, "");
	elffile_close(f);
	memfile_close(&file);
}

TEST(what_is_no_elf_file_is_refused)
{
	struct tiny t = tiny_with_id();
	struct memfile file;
	struct elffile *f;

	assert_fails(elffile_open("/nonexistent/vmlinux", &f, err), ERR_NOT_FOUND, "/nonexistent");
	assert_fails(elffile_open("/proc/self", &f, err), ERR_USAGE, "no regular file");
	memfile_write(&file, "KDUMP   ", 8);
	assert_fails(elffile_open(file.path, &f, err), ERR_CORRUPT, "is no ELF file");
	memfile_close(&file);
	memfile_write(&file, &t, 30);
	assert_fails(elffile_open(file.path, &f, err), ERR_CORRUPT, file.path);
	memfile_close(&file);
	t.e.e_ident[EI_CLASS] = ELFCLASS32;
	memfile_write(&file, &t, sizeof(t));
	assert_fails(elffile_open(file.path, &f, err), ERR_UNSUPPORTED, "64 bits");
	memfile_close(&file);
}

/* ---- lines */

static void assert_frames(const struct source_line *lines, size_t n)
{
	assert_true(n >= 2);
	assert_string_equal(lines[0].function, "inner");
	assert_string_equal(lines[0].file, this_file);
	assert_in_range(lines[0].line, INNER_FROM, INNER_TO);
	assert_true(lines[0].inlined);
	assert_string_equal(lines[1].function, "outer");
	assert_string_equal(lines[1].file, this_file);
	assert_in_range(lines[1].line, INNER_TO, OUTER_TO);
	assert_false(lines[1].inlined);
	assert_int_equal(n, 2);
}

TEST(inlined_functions_come_innermost_first)
{
	volatile int count = 0;
	struct source_line lines[8];
	struct elffile *f;
	Dwarf *dwarf;
	uint64_t addr;

	assert_ok(elffile_open("/proc/self/exe", &f, err));
	dwarf = dwarf_begin_elf(f->elf, DWARF_C_READ, NULL);
	assert_non_null(dwarf);
	addr = (uintptr_t)outer(&count) - (f->type == ET_DYN ? (uintptr_t)__ehdr_start : 0);
	assert_frames(lines, lines_at(dwarf, addr, lines, 8));
	assert_int_equal(lines_at(dwarf, addr, lines, 1), 1);
	assert_int_equal(lines_at(dwarf, addr, lines, 0), 0);
	assert_int_equal(lines_at(dwarf, UINT64_MAX, lines, 8), 0);
	dwarf_end(dwarf);
	elffile_close(f);
}

/* ---- a module */

/* build/unit/test_debuginfo was linked from build/obj/tests/unit/test_debuginfo.o */
static void find_object(char path[PATH_MAX])
{
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	assert_true(len > 0);
	exe[len] = '\0';
	for (int i = 0; i < 2; i++) {
		assert_non_null(strrchr(exe, '/'));
		*strrchr(exe, '/') = '\0';
	}
	assert_true(snprintf(path, PATH_MAX, "%s/obj/tests/unit/test_debuginfo.o", exe) < PATH_MAX);
}

#define MODULE_AT 0xffffffffc0123000ULL

TEST(a_module_s_sections_lie_where_the_dump_says)
{
	volatile int count = 0;
	uint64_t inside = (uintptr_t)outer(&count) - (uintptr_t)outer;
	struct komodule_sections *sections = calloc(1, sizeof(*sections));
	struct module mod = {.name = "made_up",
			     .ranges = {{.start = MODULE_AT, .size = 0x8000, .text = true}},
			     .n_ranges = 1};
	struct source_line lines[8];
	struct komodule *m;
	struct elffile *f;
	char path[PATH_MAX];
	uint64_t bias;
	Dwarf *dwarf;

	assert_non_null(sections);
	find_object(path);
	assert_ok(elffile_open(path, &f, err));
	sections->n = 2;
	strcpy(sections->v[0].name, ".rodata");
	sections->v[0].addr = MODULE_AT;
	strcpy(sections->v[1].name, ".text.outer");
	sections->v[1].addr = MODULE_AT + 0x1000;
	assert_ok(komodule_create(f, &mod, sections, &m, err));
	dwarf = komodule_dwarf(m, &bias);
	assert_frames(lines, lines_at(dwarf, MODULE_AT + 0x1000 + inside - bias, lines, 8));
	assert_int_equal(lines_at(dwarf, MODULE_AT + 0x7000 - bias, lines, 8), 0);
	komodule_destroy(m);
	komodule_destroy(NULL);
	free(sections);
}

TEST(a_module_without_dwarf_is_refused)
{
	struct komodule_sections *sections = calloc(1, sizeof(*sections));
	struct tiny t = tiny_with_id();
	struct module mod = {
		.name = "made_up", .ranges = {{.start = MODULE_AT, .size = 0x8000}}, .n_ranges = 1};
	struct memfile file;
	struct komodule *m;
	struct elffile *f;

	assert_non_null(sections);
	t.e.e_type = ET_REL;
	memfile_write(&file, &t, sizeof(t));
	assert_ok(elffile_open(file.path, &f, err));
	assert_fails(komodule_create(f, &mod, sections, &m, err), ERR_CORRUPT, "cannot be used");
	memfile_close(&file);
	mod.n_ranges = 0; /* nothing is known of where it lies */
	memfile_write(&file, &t, sizeof(t));
	assert_ok(elffile_open(file.path, &f, err));
	assert_fails(komodule_create(f, &mod, sections, &m, err), ERR_CORRUPT, "cannot be used");
	memfile_close(&file);
	free(sections);
}

/* ---- where files are */

static void write_file(const char *folder, const char *name, const void *data, size_t len)
{
	char path[PATH_MAX];
	int fd;

	assert_true(snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX);
	*strrchr(path, '/') = '\0';
	assert_ok(io_make_folder(path, err));
	path[strlen(path)] = '/';
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static void remove_tree(const char *folder)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	assert_int_equal(system(command), 0);
}

TEST(a_file_is_found_by_its_build_id)
{
	char folder[] = "/tmp/lifeboat-debuginfo.XXXXXX", path[PATH_MAX];
	const char *folders[] = {"/nonexistent", folder};
	struct debuginfo_options options = {.folders = folders, .n_folders = 2};
	struct tiny t = tiny_with_id(), other = tiny_make(1);
	const char *name = ".build-id/ab/0102030405060708090a0b0c0d0e0f10111213.debug";

	assert_non_null(mkdtemp(folder));
	assert_false(find_by_id(&options, TINY_ID, path));
	write_file(folder, name, &t, sizeof(t));
	assert_true(find_by_id(&options, TINY_ID, path));
	assert_memory_equal(path, folder, strlen(folder));
	/* what lies under that name need not be it */
	write_file(folder, name, &other, sizeof(other));
	assert_false(find_by_id(&options, TINY_ID, path));
	assert_false(find_by_id(&options, "", path));
	remove_tree(folder);
}

TEST(debuginfod_s_cache_is_looked_in)
{
	char folder[] = "/tmp/lifeboat-debuginfo.XXXXXX", path[PATH_MAX];
	struct debuginfo_options options = {0};
	struct tiny t = tiny_with_id();

	assert_non_null(mkdtemp(folder));
	write_file(folder, TINY_ID "/debuginfo", &t, sizeof(t));
	assert_int_equal(setenv("DEBUGINFOD_CACHE_PATH", folder, 1), 0);
	assert_true(find_by_id(&options, TINY_ID, path));
	assert_int_equal(unsetenv("DEBUGINFOD_CACHE_PATH"), 0);
	assert_false(find_by_id(&options, TINY_ID, path));
	remove_tree(folder);
}

TEST(debuginfod_is_asked_only_if_wanted)
{
	char folder[] = "/tmp/lifeboat-debuginfo.XXXXXX", path[PATH_MAX], script[PATH_MAX];
	struct debuginfo_options options = {0};
	struct tiny t = tiny_with_id();
	char *old = strdup(getenv("PATH"));
	int len;

	assert_non_null(mkdtemp(folder));
	write_file(folder, "got", &t, sizeof(t));
	len = snprintf(script, sizeof(script),
		       "#!/bin/sh\n[ \"$1 $2\" = \"debuginfo " TINY_ID "\" ] || exit 1\n"
		       "echo progress >&2\necho %s/got\n",
		       folder);
	write_file(folder, "debuginfod-find", script, (size_t)len);
	snprintf(path, sizeof(path), "%s/debuginfod-find", folder);
	assert_int_equal(chmod(path, 0700), 0);
	snprintf(path, sizeof(path), "%s:%s", folder, old);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_int_equal(setenv("DEBUGINFOD_URLS", "http://localhost:1", 1), 0);
	assert_false(find_by_id(&options, TINY_ID, path));
	options.fetch = true;
	assert_true(find_by_id(&options, TINY_ID, path));
	assert_non_null(strstr(path, "/got"));
	assert_false(find_by_id(&options, "ff0102030405060708090a0b0c0d0e0f10111213", path));
	assert_int_equal(unsetenv("DEBUGINFOD_URLS"), 0);
	assert_false(find_by_id(&options, TINY_ID, path));
	assert_int_equal(setenv("PATH", old, 1), 0);
	free(old);
	remove_tree(folder);
}

TEST(files_of_modules_are_listed)
{
	char folder[] = "/tmp/lifeboat-debuginfo.XXXXXX";
	struct find_list list = {0};

	assert_non_null(mkdtemp(folder));
	write_file(folder, "kernel/fs/ext4/ext4.ko", "", 0);
	write_file(folder, "kernel/net/a-b_c.ko.debug", "", 0);
	write_file(folder, "kernel/net/modules.dep", "", 0);
	assert_ok(find_add_modules(&list, folder, err));
	assert_int_equal(list.n, 2);
	assert_ok(find_add_modules(&list, "/nonexistent", err));
	assert_int_equal(list.n, 2);
	find_list_deinit(&list);
	assert_int_equal(list.n, 0);
	remove_tree(folder);

	assert_true(find_is_module("/x/a-b_c.ko.debug", "a_b_c"));
	assert_true(find_is_module("ext4.ko", "ext4"));
	assert_false(find_is_module("/x/ext4.ko", "ext"));
	assert_false(find_is_module("/x/ext4.ko.xz", "ext4"));
	assert_false(find_is_module("/x/e", "ext4"));
}

/* ---- the vmlinux of a kernel: this program */

struct machine {
	struct fake f;
	struct kernel *k;
	struct elffile *exe;
	uint64_t notes;  /* physical addresses: of the kernel's own notes, */
	uint64_t banner; /* of linux_banner */
	uint64_t moved;  /* by KASLR */
};

#define NOTES_AT  0xffffffff81000000ULL
#define BANNER_AT 0xffffffff81001000ULL

static void machine_init(struct machine *m)
{
	struct fake *f = &m->f;
	uint64_t stext;

	fake_init(f, 64 * MIB, 4);
	fake_ram(f, 0, f->size);
	assert_ok(elffile_open("/proc/self/exe", &m->exe, err));
	m->notes = fake_alloc(f, FAKE_PAGE);
	m->banner = fake_alloc(f, FAKE_PAGE);
	fake_map(f, NOTES_AT, m->notes, 1);
	fake_map(f, BANNER_AT, m->banner, 1);
	memcpy(f->ram + m->banner, linux_banner, sizeof(linux_banner));
	fake_set(f, "SYMBOL(__start_notes)", "%llx", NOTES_AT);
	fake_set(f, "SYMBOL(linux_banner)", "%llx", BANNER_AT);
	_stext(); /* so that the linker keeps it */
	assert_true(elffile_symbol(m->exe, "_stext", &stext));
	m->moved = 0xffffffff81200000 - stext;
	fake_set(f, "SYMBOL(_stext)", "%llx", 0xffffffff81200000ULL);
}

/* The kernel's own notes have this build id; NULL: they have none. */
static void machine_open(struct machine *m, const char *notes_id)
{
	struct fake *f = &m->f;
	size_t len = 0, n = notes_id ? strlen(notes_id) / 2 : 0;
	uint8_t id[32];

	memset(f->ram + m->notes, 0, FAKE_PAGE);
	for (size_t i = 0; i < n; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(notes_id + 2 * i, "%2x", &byte), 1);
		id[i] = (uint8_t)byte;
	}
	/* Linux's own note comes first in some kernels */
	len = fake_note(f->ram + m->notes, "Linux", 0x100, "\0\0\0", 4);
	if (n)
		len += fake_note(f->ram + m->notes + len, "GNU", NT_GNU_BUILD_ID, id, n);
	fake_set(f, "SYMBOL(__stop_notes)", "%llx", NOTES_AT + len);
	kernel_destroy(m->k);
	m->k = NULL;
	fake_open(f);
	assert_ok(kernel_create(f->img, &m->k, err));
}

static void machine_deinit(struct machine *m)
{
	kernel_destroy(m->k);
	elffile_close(m->exe);
	fake_deinit(&m->f);
}

#define OTHER_ID "00112233445566778899aabbccddeeff00112233"

TEST(the_kernel_s_own_notes_decide)
{
	static const struct debuginfo_options exe = {.vmlinux = "/proc/self/exe"};
	char path[PATH_MAX], id[65];
	struct machine m = {0};

	machine_init(&m);
	assert_string_not_equal(m.exe->build_id, "");
	fake_set(&m.f, "BUILD-ID", "%s", OTHER_ID); /* garbage */
	machine_open(&m, m.exe->build_id);
	debuginfo_build_id(m.k, id);
	assert_string_equal(id, m.exe->build_id);
	assert_ok(debuginfo_find_vmlinux(m.k, &exe, path, err));
	assert_string_equal(path, exe.vmlinux);

	fake_set(&m.f, "BUILD-ID", "%s", m.exe->build_id);
	machine_open(&m, OTHER_ID);
	assert_fails(debuginfo_find_vmlinux(m.k, &exe, path, err), ERR_NOT_FOUND, OTHER_ID);
	machine_deinit(&m);
}

TEST(vmcoreinfo_s_build_id_confirms_and_the_banner_decides)
{
	static const struct debuginfo_options exe = {.vmlinux = "/proc/self/exe"};
	char path[PATH_MAX], id[65];
	struct machine m = {0};

	machine_init(&m);
	m.f.ram[m.banner + 20] ^= 1;
	fake_set(&m.f, "BUILD-ID", "%s", m.exe->build_id);
	machine_open(&m, NULL);
	debuginfo_build_id(m.k, id);
	assert_string_equal(id, m.exe->build_id);
	assert_ok(debuginfo_find_vmlinux(m.k, &exe, path, err));

	fake_set(&m.f, "BUILD-ID", "%s", OTHER_ID);
	machine_open(&m, NULL);
	assert_fails(debuginfo_find_vmlinux(m.k, &exe, path, err), ERR_NOT_FOUND,
		     "another kernel's");
	m.f.ram[m.banner + 20] ^= 1;
	machine_open(&m, NULL);
	assert_ok(debuginfo_find_vmlinux(m.k, &exe, path, err));

	/* what is no build id is none */
	fake_set(&m.f, "BUILD-ID", "../../../../etc");
	machine_open(&m, NULL);
	debuginfo_build_id(m.k, id);
	assert_string_equal(id, "");
	machine_deinit(&m);
}

TEST(a_vmlinux_is_looked_for)
{
	char folder[] = "/tmp/lifeboat-debuginfo.XXXXXX", path[PATH_MAX], want[PATH_MAX];
	const char *folders[] = {folder};
	struct debuginfo_options options = {.folders = folders, .n_folders = 1};
	struct tiny t = tiny_with_id();
	struct machine m = {0};

	machine_init(&m);
	assert_non_null(mkdtemp(folder));
	/* the right one, but stripped, is told of, and the search goes on */
	machine_open(&m, TINY_ID);
	assert_fails(debuginfo_find_vmlinux(m.k, &options, path, err), ERR_NOT_FOUND, TINY_ID);
	write_file(folder, "vmlinux-6.1.0-fake", &t, sizeof(t));
	assert_fails(debuginfo_find_vmlinux(m.k, &options, path, err), ERR_NOT_FOUND,
		     "no debugging information");
	machine_open(&m, m.exe->build_id);
	assert_fails(debuginfo_find_vmlinux(m.k, &options, path, err), ERR_NOT_FOUND,
		     "has the build id " TINY_ID);
	snprintf(want, sizeof(want), "%s/vmlinux", folder);
	assert_int_equal(symlink("/proc/self/exe", want), 0);
	assert_ok(debuginfo_find_vmlinux(m.k, &options, path, err));
	assert_string_equal(path, want);
	remove_tree(folder);
	machine_deinit(&m);
}

TEST(lines_are_found_where_the_kernel_was_moved_to)
{
	volatile int count = 0;
	const struct debuginfo_options options = {0};
	struct source_line lines[8];
	struct machine m = {0};
	struct debuginfo *d;
	uint64_t addr;

	machine_init(&m);
	machine_open(&m, NULL);
	assert_ok(debuginfo_create(m.k, &options, "/proc/self/exe", &d, err));
	addr = (uintptr_t)outer(&count) - (m.exe->type == ET_DYN ? (uintptr_t)__ehdr_start : 0);
	assert_frames(lines, debuginfo_lines(d, addr + m.moved, lines, 8));
	assert_int_equal(debuginfo_lines(d, UINT64_MAX, lines, 8), 0);
	debuginfo_destroy(d);
	debuginfo_destroy(NULL);

	fake_unset(&m.f, "SYMBOL(_stext)");
	machine_open(&m, NULL);
	assert_fails(debuginfo_create(m.k, &options, "/proc/self/exe", &d, err), ERR_NOT_FOUND,
		     "where the kernel lay");
	fake_set(&m.f, "KERNELOFFSET", "%llx", (unsigned long long)m.moved);
	machine_open(&m, NULL);
	assert_ok(debuginfo_create(m.k, &options, "/proc/self/exe", &d, err));
	assert_frames(lines, debuginfo_lines(d, addr + m.moved, lines, 8));
	debuginfo_destroy(d);
	assert_fails(debuginfo_create(m.k, &options, "/nonexistent", &d, err), ERR_NOT_FOUND,
		     "/nonexistent");
	machine_deinit(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_elf_file_says_what_it_is),
		cmocka_unit_test(a_build_id_is_read),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(inlined_functions_come_innermost_first),
		cmocka_unit_test(a_module_s_sections_lie_where_the_dump_says),
		cmocka_unit_test(a_module_without_dwarf_is_refused),
		cmocka_unit_test(a_file_is_found_by_its_build_id),
		cmocka_unit_test(debuginfod_s_cache_is_looked_in),
		cmocka_unit_test(debuginfod_is_asked_only_if_wanted),
		cmocka_unit_test(files_of_modules_are_listed),
		cmocka_unit_test(the_kernel_s_own_notes_decide),
		cmocka_unit_test(vmcoreinfo_s_build_id_confirms_and_the_banner_decides),
		cmocka_unit_test(a_vmlinux_is_looked_for),
		cmocka_unit_test(lines_are_found_where_the_kernel_was_moved_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
