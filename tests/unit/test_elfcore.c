// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <elf.h>
#include <stdlib.h>

#include "format/elfcore.h"
#include "format/note.h"

enum { MAX = 1 << 16 };

/* An ELF file while a test builds and breaks it. */
static struct {
	uint8_t data[MAX];
	size_t len;
} elf;

static Elf64_Ehdr *ehdr(void)
{
	return (Elf64_Ehdr *)(void *)elf.data;
}

static Elf64_Phdr *phdr(size_t i)
{
	return (Elf64_Phdr *)(void *)(elf.data + sizeof(Elf64_Ehdr)) + i;
}

/* Room for `phnum` program headers; segments follow from offset 0x1000 on. */
static void begin(uint16_t phnum)
{
	memset(&elf, 0, sizeof(elf));
	elf.len = 0x1000;
	memcpy(ehdr()->e_ident, ELFMAG, SELFMAG);
	ehdr()->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr()->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr()->e_ident[EI_VERSION] = EV_CURRENT;
	ehdr()->e_type = ET_CORE;
	ehdr()->e_machine = EM_X86_64;
	ehdr()->e_phoff = sizeof(Elf64_Ehdr);
	ehdr()->e_phentsize = sizeof(Elf64_Phdr);
	ehdr()->e_phnum = phnum;
}

/* What the byte at a physical address is in these dumps. */
static uint8_t pattern(uint64_t phys)
{
	return (uint8_t)(phys ^ phys >> 8 ^ phys >> 16);
}

static void load(size_t i, uint64_t paddr, uint64_t filesz, uint64_t memsz)
{
	*phdr(i) = (Elf64_Phdr){.p_type = PT_LOAD,
				.p_offset = elf.len,
				.p_paddr = paddr,
				.p_filesz = filesz,
				.p_memsz = memsz};
	for (uint64_t k = 0; k < filesz; k++)
		elf.data[elf.len++] = pattern(paddr + k);
}

/* A PT_NOTE of `room` bytes with one note in it whose descriptor is `text`; "" for none. */
static void note(size_t i, const char *name, const char *text, size_t room)
{
	uint32_t hdr[3] = {(uint32_t)strlen(name) + 1, (uint32_t)strlen(text), 0};
	uint8_t *at = elf.data + elf.len;

	*phdr(i) = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = elf.len, .p_filesz = room, .p_memsz = room};
	if (*name) {
		memcpy(at, hdr, sizeof(hdr));
		memcpy(at + 12, name, hdr[0]);
		memcpy(at + 12 + (hdr[0] + 3) / 4 * 4, text, hdr[1]);
	}
	elf.len += room;
}

static struct memfile file;

static int open_elf(struct source **ret, struct err *err)
{
	int r;

	memfile_write(&file, elf.data, elf.len);
	r = source_open(file.path, ret, err);
	memfile_close(&file); /* the source has its own descriptor */
	return r;
}

#define assert_elf_fails(code, part)                              \
	do {                                                      \
		struct source *none = NULL;                       \
                                                                  \
		assert_fails(open_elf(&none, err), (code), part); \
		assert_null(none);                                \
	} while (0)

static void assert_bytes(const struct source *src, uint64_t phys, size_t len)
{
	_cleanup_free_ uint8_t *buf = malloc(len);

	assert_ok(source_read(src, phys, buf, len, err));
	for (size_t i = 0; i < len; i++)
		assert_int_equal(buf[i], pattern(phys + i));
}

/* Walk [phys, phys + len) through a view; at most `most` bytes are lent at once. */
static void assert_view(const struct source *src, uint64_t phys, size_t len)
{
	struct view view;

	view_init(&view);
	for (size_t done = 0; done < len;) {
		const uint8_t *p = NULL;
		size_t n = 0;

		assert_ok(source_map(src, &view, phys + done, &p, &n, err));
		assert_true(n > 0);
		for (size_t i = 0; i < n && done < len; i++, done++)
			assert_int_equal(p[i], pattern(phys + done));
	}
	view_deinit(src, &view);
}

TEST(reads_ranges_and_bytes)
{
	struct source *src = NULL;

	begin(3);
	load(2, 0x8000, 0x1000, 0x3000); /* the file need not be in order */
	load(0, 0x1000, 0x2000, 0x2000);
	load(1, 0x3000, 0x1000, 0x1000); /* touches the one before */
	assert_ok(open_elf(&src, err));
	assert_ptr_equal(src->ops, &elfcore_source);
	assert_int_equal(src->elf_machine, EM_X86_64);
	assert_int_equal(src->file_size, elf.len);
	assert_int_equal(src->ram.n, 2);
	assert_int_equal(src->ram.v[1].end, 0xb000);
	assert_int_equal(src->present.n, 2);
	assert_int_equal(src->present.v[0].end, 0x4000);
	assert_int_equal(src->present.v[1].end, 0x9000);
	assert_int_equal(src->notes.len, 0);
	assert_bytes(src, 0x1000, 0x3000); /* across two PT_LOADs */
	assert_bytes(src, 0x2fff, 2);
	assert_view(src, 0x1001, 0x2fff);
	assert_view(src, 0x8ff0, 0x10);
	source_destroy(src);
}

TEST(says_what_is_not_there)
{
	struct source *src = NULL;
	const uint8_t *p = NULL;
	struct view view;
	uint8_t buf[16];
	size_t n = 0;

	begin(1);
	load(0, 0x8000, 0x1000, 0x3000);
	assert_ok(open_elf(&src, err));
	assert_fails(source_read(src, 0x8ff8, buf, 16, err), ERR_NOT_FOUND,
		     "physical address 0x9000 is not in the dump (but was RAM)");
	assert_fails(source_read(src, 0x7fff, buf, 1, err), ERR_NOT_FOUND, "0x7fff is not");
	assert_fails(source_read(src, UINT64_MAX - 3, buf, 16, err), ERR_NOT_FOUND,
		     "0xfffffffffffffffc");
	assert_ok(source_read(src, 0, buf, 0, err));
	view_init(&view);
	assert_ok(source_map(src, &view, 0x8000, &p, &n, err));
	assert_int_equal(n, 0x1000);
	assert_fails(source_map(src, &view, 0x9000, &p, &n, err), ERR_NOT_FOUND, "0x9000");
	assert_ok(source_map(src, &view, 0x8000, &p, &n, err));
	/* the file has bytes before the segment, but they are not what lies before it in memory */
	assert_fails(source_map(src, &view, 0x7fff, &p, &n, err), ERR_NOT_FOUND, "0x7fff");
	assert_ok(source_map(src, &view, 0x8000, &p, &n, err)); /* the view is still of use */
	view_deinit(src, &view);
	source_destroy(src);
}

/* /proc/vmcore: the kernel's text is in the file twice, the second time inside a RAM segment. */
TEST(a_contained_segment_is_no_overlap)
{
	struct source *src = NULL;

	begin(3);
	load(0, 0x3000, 0x1000, 0x1000);
	load(1, 0x1000, 0x4000, 0x4000);
	load(2, 0x1000, 0x4000, 0x4000);
	assert_ok(open_elf(&src, err));
	assert_int_equal(src->ram.n, 1);
	assert_int_equal(src->present.n, 1);
	assert_int_equal(src->present.v[0].end, 0x5000);
	assert_bytes(src, 0x1000, 0x4000);
	assert_view(src, 0x1000, 0x4000);
	source_destroy(src);
}

/* Were it in the table of extents, the search would miss what lies behind it. */
TEST(a_contained_segment_hides_nothing)
{
	struct source *src = NULL;

	begin(2);
	load(0, 0x3000, 0x1000, 0x1000);
	load(1, 0x1000, 0x4000, 0x4000);
	assert_ok(open_elf(&src, err));
	assert_bytes(src, 0x4800, 0x100);
	assert_view(src, 0x1000, 0x4000);
	source_destroy(src);
}

TEST(a_contained_segment_adds_the_bytes_that_lack)
{
	struct source *src = NULL;

	begin(3);
	load(0, 0x1000, 0x1000, 0x8000);
	load(1, 0x1800, 0x1000, 0x1000); /* half of it is in the first */
	load(2, 0x4000, 0x1000, 0x1000);
	assert_ok(open_elf(&src, err));
	assert_int_equal(src->ram.n, 1);
	assert_int_equal(src->present.n, 2);
	assert_int_equal(src->present.v[0].end, 0x2800);
	assert_bytes(src, 0x1000, 0x1800);
	assert_view(src, 0x1000, 0x1800);
	assert_bytes(src, 0x4000, 0x1000);
	source_destroy(src);
}

/*
 * RAM may come in adjacent resources (hot-added memory), with the kernel's text across the border: such
 * a vmcore was refused as a partial overlap, which would have cost the dump.
 */
TEST(a_segment_covered_by_two_others_is_no_overlap)
{
	struct source *src = NULL;

	begin(3);
	load(0, 0x2000, 0x2000, 0x2000); /* text */
	load(1, 0x1000, 0x2000, 0x2000);
	load(2, 0x3000, 0x2000, 0x2000);
	assert_ok(open_elf(&src, err));
	assert_int_equal(src->ram.n, 1);
	assert_int_equal(src->present.n, 1);
	assert_bytes(src, 0x1000, 0x4000);
	source_destroy(src);
}

TEST(partial_overlaps_and_overflows_are_corrupt)
{
	begin(2);
	load(0, 0x1000, 0x2000, 0x2000);
	load(1, 0x2000, 0x2000, 0x2000);
	assert_elf_fails(ERR_CORRUPT, "PT_LOADs overlap: program header 0 [0x1000, 0x3000) and 1 "
				      "[0x2000, 0x4000)");
	begin(1);
	load(0, 0x1000, 0x1000, 0x1000);
	phdr(0)->p_paddr = 0xfffffffffffff800;
	assert_elf_fails(ERR_CORRUPT, "p_paddr 0xfffffffffffff800 + p_memsz 0x1000 overflows");
	begin(1);
	load(0, 0x1000, 0x1000, 0x1000);
	phdr(0)->p_offset = 0xfffffffffffff800;
	assert_elf_fails(ERR_CORRUPT, "p_offset 0xfffffffffffff800 + p_filesz 0x1000 overflows");
	begin(1);
	load(0, 0x1000, 0x1000, 0x800);
	assert_elf_fails(ERR_CORRUPT, "p_filesz 0x1000 is larger than p_memsz 0x800");
}

/* Foreign files: nothing is aligned, and the page around a segment holds other data. */
TEST(unaligned_segments)
{
	struct source *src = NULL;

	begin(2);
	elf.len += 0x123;
	load(0, 0x10045, 0x2345, 0x2345);
	load(1, 0x40001, 0x11, 0x11);
	assert_ok(open_elf(&src, err));
	assert_bytes(src, 0x10045, 0x2345);
	assert_view(src, 0x10045, 0x2345);
	assert_view(src, 0x40001, 0x11);
	source_destroy(src);
}

TEST(empty_segments_are_skipped)
{
	struct source *src = NULL;

	begin(3);
	load(0, 0x1000, 0, 0);
	phdr(0)->p_offset = UINT64_MAX; /* nobody looks */
	load(1, 0x1000, 0, 0x2000);
	load(2, 0x1000, 0, 0);
	assert_ok(open_elf(&src, err));
	assert_int_equal(src->ram.n, 1);
	assert_int_equal(src->present.n, 0);
	source_destroy(src);
}

TEST(notes_are_joined_without_the_gaps)
{
	struct source *src = NULL;
	struct note n = {0};

	begin(4);
	note(0, "CORE", "cpu0", 400);
	note(1, "", "", 64); /* a CPU that never wrote its note */
	note(2, "VMCOREINFO", "A=1\nB=2", 4096);
	load(3, 0x1000, 0x10, 0x10);
	assert_ok(open_elf(&src, err));
	assert_ok(note_find(src->notes, "CORE", 0, &n, err));
	assert_ok(note_find(src->notes, "VMCOREINFO", 0, &n, err));
	assert_memory_equal(n.desc.data, "A=1\nB=2", 7);
	assert_int_equal(src->notes.len, 12 + 8 + 4 + 12 + 12 + 8);
	assert_int_equal(src->notes.len, n.desc_off + 8);
	source_destroy(src);
}

TEST(a_broken_note_hides_no_other)
{
	struct source *src = NULL;
	struct note n = {0};

	begin(2);
	note(0, "CORE", "cpu0", 64);
	memset(elf.data + phdr(0)->p_offset + 4, 0xff, 4);
	note(1, "VMCOREINFO", "A=1\n", 64);
	assert_ok(open_elf(&src, err));
	assert_ok(note_find(src->notes, "VMCOREINFO", 0, &n, err));
	assert_fails(note_find(src->notes, "CORE", 0, &n, err), ERR_CORRUPT,
		     "descriptor of 4294967295 bytes");
	source_destroy(src);
}

TEST(bad_headers)
{
	begin(1);
	load(0, 0x1000, 0x1000, 0x1000);
	ehdr()->e_ident[EI_CLASS] = ELFCLASS32;
	assert_elf_fails(ERR_UNSUPPORTED, "ELF class 1");
	ehdr()->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr()->e_ident[EI_DATA] = ELFDATA2MSB;
	assert_elf_fails(ERR_UNSUPPORTED, "data encoding 2");
	ehdr()->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr()->e_type = ET_EXEC;
	assert_elf_fails(ERR_UNSUPPORTED, "ELF type 2 is not a core");
	ehdr()->e_type = ET_CORE;
	ehdr()->e_phentsize = 32;
	assert_elf_fails(ERR_CORRUPT, "e_phentsize is 32");
	ehdr()->e_phentsize = sizeof(Elf64_Phdr);
	ehdr()->e_phnum = 0;
	assert_elf_fails(ERR_CORRUPT, "no program headers");
	ehdr()->e_phnum = 1000;
	assert_elf_fails(ERR_CORRUPT, "1000 program headers at offset 0x40 reach past the end");
	ehdr()->e_phnum = 1;
	ehdr()->e_phoff = UINT64_MAX - 8;
	assert_elf_fails(ERR_CORRUPT, "at offset 0xfffffffffffffff7 reach past the end");
	ehdr()->e_phoff = sizeof(Elf64_Ehdr);
	phdr(0)->p_type = PT_NOTE;
	phdr(0)->p_filesz = 0x100000;
	assert_elf_fails(ERR_CORRUPT,
			 "PT_NOTE (program header 0): 0x100000 bytes at offset 0x1000");
}

TEST(extended_numbering)
{
	struct source *src = NULL;
	Elf64_Shdr sh = {.sh_info = 1};

	begin(1);
	load(0, 0x1000, 0x1000, 0x1000);
	ehdr()->e_phnum = PN_XNUM;
	assert_elf_fails(ERR_CORRUPT, "there is no section 0");
	ehdr()->e_shoff = elf.len;
	assert_elf_fails(ERR_CORRUPT, "section header 0: ends at 0x2000");
	memcpy(elf.data + elf.len, &sh, sizeof(sh));
	elf.len += sizeof(sh);
	assert_ok(open_elf(&src, err));
	assert_bytes(src, 0x1000, 0x1000);
	source_destroy(src);
	((Elf64_Shdr *)(void *)(elf.data + ehdr()->e_shoff))->sh_info = UINT32_MAX;
	assert_elf_fails(ERR_UNSUPPORTED, "4294967295 program headers");
}

TEST(cut_at_every_byte)
{
	size_t whole;

	begin(2);
	note(0, "VMCOREINFO", "A=1\n", 64);
	load(1, 0x1000, 0x100, 0x100);
	whole = elf.len;
	for (elf.len = 0; elf.len < whole; elf.len++) {
		struct source *src = NULL;
		struct err err;
		int r = open_elf(&src, &err);

		assert_int_equal(r, elf.len && elf.len < 4 ? ERR_UNSUPPORTED : ERR_CORRUPT);
		assert_non_null(strstr(err.msg, file.path));
	}
	elf.len = whole - 1;
	assert_elf_fails(ERR_CORRUPT, "0x100 bytes at offset 0x1040 reach past the end of the file "
				      "(0x113f bytes): the file was cut");
}

/* Who asks for it gets what is left of a file that was cut; one that was not stays whole. */
TEST(cut_file_is_taken_as_far_as_it_goes)
{
	static const struct source_options cut = {.cut = true};
	size_t whole;

	begin(3);
	note(0, "VMCOREINFO", "A=1\n", 64);
	load(1, 0x1000, 0x100, 0x100);
	load(2, 0x9000, 0x100, 0x100);
	whole = elf.len;
	for (size_t missing = 0; missing <= 0x180; missing += 0x80) {
		struct source *src = NULL;
		uint8_t buf[0x100];

		memfile_write(&file, elf.data, whole - missing);
		assert_ok(source_open_with(file.path, &cut, &src, err));
		memfile_close(&file);
		assert_int_equal(src->incomplete, missing != 0);
		assert_int_equal(ranges_total(&src->ram), 0x200);
		assert_int_equal(ranges_total(&src->present), 0x200 - missing);
		if (missing <= 0x100)
			assert_ok(source_read(src, 0x1000, buf, 0x100, err));
		if (missing)
			assert_fails(source_read(src, 0x9000, buf, 0x100, err), ERR_NOT_FOUND,
				     "not in the dump");
		source_destroy(src);
	}
}

/* /proc/kcore: virtual memory has PT_LOADs without a physical address, wherever they say they are. */
TEST(virtual_segments_are_left_out)
{
	struct source *src = NULL;

	begin(4);
	load(0, 0x1000, 0x2000, 0x2000);
	load(1, 0x8000, 0x1000, 0x1000);
	for (size_t i = 2; i < 4; i++)
		*phdr(i) = (Elf64_Phdr){.p_type = PT_LOAD,
					.p_offset = i == 2 ? 1ULL << 46 : UINT64_MAX,
					.p_vaddr = 0xffffc90000000000,
					.p_paddr = UINT64_MAX,
					.p_filesz = 1ULL << 45,
					.p_memsz = 1ULL << 45};
	assert_ok(open_elf(&src, err));
	assert_true(src->live);
	assert_int_equal(src->ram.n, 2);
	assert_int_equal(ranges_total(&src->present), 0x3000);
	assert_bytes(src, 0x1000, 0x2000);
	assert_ok(source_exclude(src, 0x2000, 0x9000, err));
	assert_int_equal(ranges_total(&src->ram), 0x1000);
	assert_int_equal(ranges_total(&src->present), 0x1000);
	source_destroy(src);

	begin(1);
	load(0, 0x1000, 0x2000, 0x2000);
	assert_ok(open_elf(&src, err));
	assert_false(src->live);
	source_destroy(src);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_ranges_and_bytes),
		cmocka_unit_test(says_what_is_not_there),
		cmocka_unit_test(a_contained_segment_is_no_overlap),
		cmocka_unit_test(a_contained_segment_hides_nothing),
		cmocka_unit_test(a_contained_segment_adds_the_bytes_that_lack),
		cmocka_unit_test(a_segment_covered_by_two_others_is_no_overlap),
		cmocka_unit_test(partial_overlaps_and_overflows_are_corrupt),
		cmocka_unit_test(unaligned_segments),
		cmocka_unit_test(empty_segments_are_skipped),
		cmocka_unit_test(notes_are_joined_without_the_gaps),
		cmocka_unit_test(a_broken_note_hides_no_other),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(extended_numbering),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(cut_file_is_taken_as_far_as_it_goes),
		cmocka_unit_test(virtual_segments_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
