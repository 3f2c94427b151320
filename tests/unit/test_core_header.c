// SPDX-License-Identifier: GPL-2.0-or-later
/* The core header of the recorded machines: field by field, and read back by our own reader of vmcores. */
#include "tests/unit/machine_fixture.h"

#include <elf.h>

#include "format/elfcore.h"
#include "format/note.h"
#include "loader/core_header.h"

#define MIB (1024ull * 1024)

struct header {
	uint8_t *data;
	size_t size;
	uint16_t phnum;
};

static struct header make(const struct machine *m)
{
	struct header h = {0};
	struct bytes b;

	assert_ok(core_header_make(m, EM_X86_64, MIB, &h.data, &h.size, err));
	b = (struct bytes){h.data, h.size};
	assert_true(bytes_le16(b, 56, &h.phnum));
	assert_int_equal(h.size, 64 + h.phnum * 56u);
	return h;
}

static void assert_phdr(const struct header *h, size_t i, uint32_t type, uint64_t vaddr,
			uint64_t paddr, uint64_t size)
{
	uint64_t want[] = {paddr, vaddr, paddr, size, size, 0}, got = 0;
	uint32_t word = 0;
	struct bytes p = {NULL, 0};

	assert_true(bytes_sub((struct bytes){h->data, h->size}, 64 + i * 56, 56, &p));
	assert_true(bytes_le32(p, 0, &word));
	assert_int_equal(word, type);
	assert_true(bytes_le32(p, 4, &word));
	assert_int_equal(word, type == PT_LOAD ? 7 : 0);
	for (size_t k = 0; k < ARRAY_SIZE(want); k++) {
		assert_true(bytes_le64(p, 8 + 8 * k, &got));
		assert_int_equal(got, want[k]);
	}
}

TEST(ehdr)
{
	static const uint8_t want[64] = {
		0x7f,     'E',       'L',       'F',       2,
		1,        1,         0,         [16] = 4,  [18] = 62,
		[20] = 1, [32] = 64, [52] = 64, [54] = 56, [56] = 8 + 2 + 4,
	};
	struct machine m = recorded_machine("laptop");
	struct header h = make(&m);

	assert_memory_equal(h.data, want, sizeof(want));
	free(h.data);
	machine_deinit(&m);
}

TEST(laptop)
{
	const uint64_t direct = 0xffff8cd340000000;
	struct machine m = recorded_machine("laptop");
	struct header h = make(&m);

	for (size_t i = 0; i < 8; i++)
		assert_phdr(&h, i, PT_NOTE, 0, 0x480c1d000 + i * 0x40000, 0x188);
	assert_phdr(&h, 8, PT_NOTE, 0, 0x480c1c000, 0x1024);
	assert_phdr(&h, 9, PT_LOAD, 0xffffffffa2a00000, 0x2c3e00000, 0x2a2c000);
	/* without the first MiB and the crash region; a page of RAM between tables of the firmware */
	assert_phdr(&h, 10, PT_LOAD, direct + 0x100000, 0x100000, 0x58f00000);
	assert_phdr(&h, 11, PT_LOAD, direct + 0x69000000, 0x69000000, 0x2c3b000);
	assert_phdr(&h, 12, PT_LOAD, direct + 0x6d3ff000, 0x6d3ff000, 0x1000);
	assert_phdr(&h, 13, PT_LOAD, direct + 0x100000000, 0x100000000, 0x38e000000);
	free(h.data);
	machine_deinit(&m);
}

TEST(high_low)
{
	const uint64_t direct = 0xffff9c4200000000;
	struct machine m = recorded_machine("high-low");
	struct header h = make(&m);

	assert_int_equal(h.phnum, 2 + 2 + 4);
	assert_phdr(&h, 4, PT_LOAD, direct + 0x100000, 0x100000, 0xaef00000);
	assert_phdr(&h, 5, PT_LOAD, direct + 0xbf000000, 0xbf000000, 0xfe0000);
	assert_phdr(&h, 6, PT_LOAD, direct + 0x100000000, 0x100000000, 0x9f000000);
	assert_phdr(&h, 7, PT_LOAD, direct + 0x1bf000000, 0x1bf000000, 0x1000000);
	free(h.data);
	machine_deinit(&m);
}

/* Possible CPUs keep their notes by number, whatever numbers are missing. */
TEST(sparse_cpus)
{
	static const unsigned int cpus[] = {0, 1, 3, 8, 11};
	struct machine m = recorded_machine("sparse-cpus");
	struct header h = make(&m);

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		assert_phdr(&h, i, PT_NOTE, 0, 0x23001d000 + cpus[i] * 0x40000, 0x188);
	assert_phdr(&h, 5, PT_NOTE, 0, 0x23001c000, 0x1024);
	free(h.data);
	machine_deinit(&m);
}

/* Not only the first MiB: as much as the caller says, also of none of it. */
TEST(low_memory)
{
	struct machine m = recorded_machine("ready");
	uint8_t *data = NULL;
	size_t size = 0;

	assert_ok(core_header_make(&m, EM_AARCH64, 0, &data, &size, err));
	assert_int_equal(data[18], EM_AARCH64);
	assert_phdr(&(struct header){data, size, 0}, 3, PT_LOAD, m.page_offset + 0x1000, 0x1000,
		    0x9ec00);
	free(data);
	assert_ok(core_header_make(&m, EM_AARCH64, 32 * MIB, &data, &size, err));
	assert_phdr(&(struct header){data, size, 0}, 3, PT_LOAD, m.page_offset + 32 * MIB, 32 * MIB,
		    0x37000000 - 32 * MIB);
	free(data);
	machine_deinit(&m);
}

static struct ranges dumped(const struct machine *m)
{
	struct ranges ram;

	ranges_init(&ram);
	for (size_t i = 0; i < m->n_areas; i++)
		if (m->areas[i].kind == AREA_RAM || m->areas[i].kind == AREA_DRIVER_RAM)
			assert_ok(ranges_add(&ram, m->areas[i].range.start, m->areas[i].range.end,
					     err));
	for (size_t i = 0; i < m->crash.n; i++)
		assert_ok(ranges_sub(&ram, m->crash.v[i].start, m->crash.v[i].end, err));
	assert_ok(ranges_sub(&ram, 0, MIB, err));
	return ram;
}

static size_t count_notes(const struct source *src)
{
	size_t off = 0, n = 0;
	bool more = true;
	struct note note;

	while (more) {
		assert_ok(note_next(src->notes, &off, &note, &more, err));
		n += more;
	}
	return n;
}

/* As the capture kernel's /proc/vmcore would have it: the bytes of address N are at offset N of the file. */
static void read_back(const char *name)
{
	static const uint8_t note[] = {5,   0,   0,   0,   4, 0, 0, 0, 1,   0,   0,   0,
				       'C', 'O', 'R', 'E', 0, 0, 0, 0, 'c', 'p', 'u', '!'};
	struct machine m = recorded_machine(name);
	struct ranges ram = dumped(&m);
	struct header h = make(&m);
	const uint64_t end = ram.v[ram.n - 1].end;
	struct source *src = NULL;
	struct memfile f;
	char got[4];

	memfile_write(&f, h.data, h.size);
	assert_int_equal(ftruncate(f.fd, (off_t)end), 0);
	assert_int_equal(pwrite(f.fd, "here", 4, (off_t)end - 4), 4);
	for (size_t i = 0; i < m.n_cpus; i++)
		assert_int_equal(pwrite(f.fd, note, sizeof(note), (off_t)m.cpus[i].addr),
				 sizeof(note));
	assert_ok(source_open_as(&elfcore_source, f.path, &src, err));
	assert_int_equal(src->elf_machine, EM_X86_64);
	assert_false(src->incomplete || src->live);
	assert_int_equal(src->ram.n, ram.n);
	assert_memory_equal(src->ram.v, ram.v, ram.n * sizeof(*ram.v));
	assert_int_equal(src->present.n, ram.n);
	assert_ok(source_read(src, end - 4, got, 4, err));
	assert_memory_equal(got, "here", 4);
	assert_fails(source_read(src, m.crash.v[0].start, got, 4, err), ERR_NOT_FOUND, "");
	assert_int_equal(count_notes(src), m.n_cpus);
	source_destroy(src);
	memfile_close(&f);
	ranges_deinit(&ram);
	free(h.data);
	machine_deinit(&m);
}

TEST(our_reader_agrees)
{
	static const char *const names[] = {"laptop",    "efi-server",  "numa-4tb",
					    "high-low",  "sparse-cpus", "hotplug-kernel",
					    "odd-iomem", "cxl-pmem"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		read_back(names[i]);
}

TEST(what_is_missing_is_named)
{
	struct machine full = recorded_machine("ready"), m = full;
	struct ranges all = {&(struct range){0, UINT64_MAX}, 1, 1};
	uint8_t *data = NULL;
	size_t size = 0;

	m.n_cpus = 0;
	assert_fails(core_header_make(&m, EM_X86_64, MIB, &data, &size, err), ERR_NOT_FOUND,
		     "/sys/devices/system/cpu/cpuN/crash_notes");
	m = full;
	m.vmcoreinfo_size = 0;
	assert_fails(core_header_make(&m, EM_X86_64, MIB, &data, &size, err), ERR_NOT_FOUND,
		     "/sys/kernel/vmcoreinfo");
	m = full;
	m.text_size = 0;
	assert_fails(core_header_make(&m, EM_X86_64, MIB, &data, &size, err), ERR_NOT_FOUND,
		     "/proc/iomem does not say where \"Kernel code\" is");
	m = full;
	m.text_vaddr = 0;
	assert_fails(core_header_make(&m, EM_X86_64, MIB, &data, &size, err), ERR_NOT_FOUND,
		     "neither /proc/kcore nor /proc/kallsyms");
	m = full;
	m.page_offset_known = false;
	assert_fails(core_header_make(&m, EM_X86_64, MIB, &data, &size, err), ERR_NOT_FOUND,
		     "/proc/kcore does not say where the linear map is");
	m = full;
	m.crash = all;
	assert_fails(core_header_make(&m, EM_X86_64, MIB, &data, &size, err), ERR_NOT_FOUND,
		     "lists no \"System RAM\" above 0x100000");
	assert_null(data);
	machine_deinit(&full);
}

/* e_phnum 0xffff would say that the count is elsewhere. */
TEST(as_many_as_an_elf_header_counts)
{
	struct machine full = recorded_machine("ready"), m = full;
	const size_t others = 2 + 2; /* VMCOREINFO, kernel, RAM around the crash region */
	uint8_t *data = NULL;
	size_t size = 0;

	m.cpus = calloc(65535, sizeof(*m.cpus));
	assert_non_null(m.cpus);
	m.n_cpus = 65535 - others;
	assert_fails(core_header_make(&m, EM_X86_64, MIB, &data, &size, err), ERR_UNSUPPORTED,
		     "needs 65535 program headers (65531 CPUs, 2 ranges of RAM)");
	m.n_cpus--;
	assert_ok(core_header_make(&m, EM_X86_64, MIB, &data, &size, err));
	assert_int_equal(size, 64 + 65534 * 56);
	assert_int_equal(data[56] | data[57] << 8, 65534);
	free(data);
	free(m.cpus);
	machine_deinit(&full);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ehdr),
		cmocka_unit_test(laptop),
		cmocka_unit_test(high_low),
		cmocka_unit_test(sparse_cpus),
		cmocka_unit_test(low_memory),
		cmocka_unit_test(our_reader_agrees),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(as_many_as_an_elf_header_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
