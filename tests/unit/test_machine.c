// SPDX-License-Identifier: GPL-2.0-or-later
/* Snapshots of the recorded machines, and of a machine whose files are damaged one by one. */
#include "tests/unit/machine_fixture.h"

#include <elf.h>

#include "loader/machine_parse.h"

#define MIB (1024ull * 1024)
#define GIB (1024 * MIB)

static void assert_area(const struct machine *m, size_t i, uint64_t start, uint64_t end,
			enum area_kind kind)
{
	assert_true(i < m->n_areas);
	assert_int_equal(m->areas[i].range.start, start);
	assert_int_equal(m->areas[i].range.end, end);
	assert_int_equal(m->areas[i].kind, kind);
}

static uint64_t total(const struct machine *m, enum area_kind kind)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n_areas; i++)
		if (m->areas[i].kind == kind)
			sum += m->areas[i].range.end - m->areas[i].range.start;
	return sum;
}

static void assert_disjoint(const struct machine *m)
{
	for (size_t i = 0; i < m->n_areas; i++) {
		assert_true(m->areas[i].range.start < m->areas[i].range.end);
		assert_true(!i || m->areas[i - 1].range.end <= m->areas[i].range.start);
	}
}

static void assert_kernel(const struct machine *m, uint64_t vaddr, uint64_t phys,
			  uint64_t page_offset)
{
	assert_int_equal(m->text_vaddr, vaddr);
	assert_int_equal(m->text_phys, phys);
	assert_true(m->page_offset_known);
	assert_int_equal(m->page_offset, page_offset);
}

TEST(laptop)
{
	struct machine m = recorded_machine("laptop");
	const struct firmware *fw = &m.firmware;
	uint64_t v = 0;

	assert_disjoint(&m);
	assert_int_equal(m.n_areas, 13);
	assert_area(&m, 0, 0, 0x1000, AREA_RESERVED);
	assert_area(&m, 1, 0x1000, 0x9f000, AREA_RAM);
	assert_area(&m, 3, 0x100000, 0x6bc3b000, AREA_RAM);
	assert_area(&m, 4, 0x6bc3b000, 0x6c43b000, AREA_NVS);
	assert_area(&m, 6, 0x6d1ff000, 0x6d3ff000, AREA_ACPI);
	assert_area(&m, 9, 0xe0000000, 0xf0000000, AREA_RESERVED); /* inside of MMCONFIG */
	assert_area(&m, 12, 0x100000000, 0x48e000000, AREA_RAM);
	assert_int_equal(m.crash.n, 1);
	assert_int_equal(m.crash.v[0].start, 0x59000000);
	assert_int_equal(m.crash.v[0].end, 0x69000000);
	assert_int_equal(m.n_cpus, 8);
	assert_int_equal(m.cpus[7].cpu, 7);
	assert_int_equal(m.cpus[7].addr, 0x480c1d000 + 7 * 0x40000);
	assert_int_equal(m.cpus[7].size, 0x188);
	assert_int_equal(m.vmcoreinfo, 0x480c1c000);
	assert_int_equal(m.vmcoreinfo_size, 0x1024);
	assert_kernel(&m, 0xffffffffa2a00000, 0x2c3e00000, 0xffff8cd340000000);
	assert_int_equal(m.text_size, 0x2a2c000); /* kcore's: to _end, not to the end of bss */
	assert_int_equal(m.elfcorehdr_size, 0);
	assert_string_equal(m.cmdline,
			    "BOOT_IMAGE=/vmlinuz-6.1.0-56-amd64 root=/dev/mapper/vg-root ro quiet "
			    "splash crashkernel=256M");
	assert_int_equal(fw->boot_params.len, 4096);
	assert_memory_equal(fw->boot_params.data + 0x202, "HdrS", 4);
	assert_true(fw->efi && fw->efi_64);
	assert_int_equal(fw->efi_fw_vendor, 0x7fb4a018);
	assert_int_equal(fw->efi_runtime, 0x7fb5eb98);
	assert_int_equal(fw->efi_tables, 0x7f9ee018);
	assert_int_equal(fw->acpi_rsdp, 0x6d3fe014);
	assert_int_equal(fw->efi_smbios, 0x6cf51000);
	assert_int_equal(fw->efi_desc_size, 40);
	assert_int_equal(fw->efi_map.len, 2 * 40);
	assert_int_equal(fw->efi_map.data[40], 6);
	assert_true(bytes_le64(fw->efi_map, 40 + 8, &v));
	assert_int_equal(v, 0x6cd3b000);
	assert_true(bytes_le64(fw->efi_map, 40 + 16, &v));
	assert_int_equal(v, 0xffffffff00000000 - 0x5c0 * 4096ull);
	assert_true(bytes_le64(fw->efi_map, 40 + 24, &v));
	assert_int_equal(v, 0x4c0);
	assert_true(bytes_le64(fw->efi_map, 40 + 32, &v));
	assert_int_equal(v, 0x800000000000400f);
	assert_null(fw->fdt.data);
	machine_deinit(&m);
}

TEST(efi_server)
{
	struct machine m = recorded_machine("efi-server");

	assert_disjoint(&m);
	assert_int_equal(m.n_areas, 200);
	assert_int_equal(m.crash.n, 2);
	assert_int_equal(m.crash.v[1].start, 0x2fef000000);
	assert_int_equal(m.crash.v[1].end, 0x302f000000);
	/* two ranges that touch are one */
	assert_area(&m, m.n_areas - 1, 4 * GIB, 0x6040000000, AREA_RAM);
	assert_int_equal(total(&m, AREA_ACPI), 24 * 0x9000);
	assert_int_equal(total(&m, AREA_NVS), 24 * 0x9000);
	assert_int_equal(m.firmware.efi_map.len, 5 * 40);
	assert_kernel(&m, 0xffffffffb6600000, 0x1e62000000, 0xff2ad46080000000);
	machine_deinit(&m);
}

TEST(numa_4tb)
{
	struct machine m = recorded_machine("numa-4tb");

	assert_disjoint(&m);
	assert_area(&m, m.n_areas - 1, 0x30080000000, 0x40040000000, AREA_RAM);
	assert_true(total(&m, AREA_RAM) > 4090 * GIB);
	assert_area(&m, m.n_areas - 2, 0x20080000000, 0x30040000000, AREA_RAM);
	assert_int_equal(m.crash.n, 2);
	assert_int_equal(m.crash.v[0].start, 0x65000000);
	assert_kernel(&m, 0xffffffff89200000, 0x4a63200000, 0xff11000000000000);
	assert_false(m.firmware.efi);
	assert_int_equal(m.firmware.efi_map.len, 0);
	machine_deinit(&m);
}

TEST(high_low)
{
	struct machine m = recorded_machine("high-low");

	assert_int_equal(m.crash.n, 2);
	assert_int_equal(m.crash.v[0].start, 0xaf000000);
	assert_int_equal(m.crash.v[1].start, 0x19f000000);
	assert_int_equal(m.n_cpus, 2);
	assert_kernel(&m, 0xffffffff9e200000, 0x11e200000, 0xffff9c4200000000);
	machine_deinit(&m);
}

TEST(cxl_and_persistent_memory)
{
	struct machine m = recorded_machine("cxl-pmem");
	size_t i = m.n_areas - 5;

	assert_disjoint(&m);
	/* the dax devices that became RAM, in a namespace and below a CXL window, are one stretch */
	assert_area(&m, i, 4 * GIB, 0x2080000000, AREA_RAM);
	assert_area(&m, i + 1, 0x2080000000, 0x3080000000, AREA_PMEM);
	assert_area(&m, i + 2, 0x3080000000, 0x4880000000, AREA_DRIVER_RAM);
	assert_area(&m, i + 3, 0x5080000000, 0x5100000000, AREA_SOFT_RESERVED);
	assert_area(&m, i + 4, 0x5100000000, 0x5140000000, AREA_PRAM);
	machine_deinit(&m);
}

TEST(sparse_cpus)
{
	static const unsigned int want[] = {0, 1, 3, 8, 11};
	struct machine m = recorded_machine("sparse-cpus");

	assert_int_equal(m.n_cpus, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(m.cpus[i].cpu, want[i]);
		assert_int_equal(m.cpus[i].addr, 0x23001d000 + want[i] * 0x40000);
	}
	machine_deinit(&m);
}

TEST(hotplug_kernel)
{
	struct machine m = recorded_machine("hotplug-kernel");

	assert_int_equal(m.elfcorehdr_size, (2 + 8192 + 8192) * 56);
	assert_area(&m, m.n_areas - 3, 4 * GIB, 0x1c0000000, AREA_RAM); /* hot-added, too */
	assert_area(&m, m.n_areas - 2, 0x1c0000000, 0x200000000, AREA_DRIVER_RAM);
	assert_area(&m, m.n_areas - 1, 0x208000000, 0x210000000, AREA_DRIVER_RAM);
	machine_deinit(&m);
}

TEST(odd_iomem)
{
	struct machine m = recorded_machine("odd-iomem");

	assert_disjoint(&m);
	assert_area(&m, 0, 0, 0x1000, AREA_RESERVED);
	assert_area(&m, 1, 0x1000, 0x9fc00, AREA_RAM);
	assert_area(&m, 2, 0x9fc00, 0x100000, AREA_RESERVED);
	assert_area(&m, 3, 0x100000, 0x3ffe0000, AREA_RAM); /* also of what is Reserved, too */
	assert_area(&m, 4, 0x3ffe0000, 0x3fff0000, AREA_ACPI);
	assert_area(&m, 5, 0x3fff0000, 0x40000000, AREA_RESERVED);
	assert_area(&m, 6, 0xb0000000, 0xc0000000, AREA_RESERVED);
	assert_area(&m, 8, 0x100000000, 0x160000000, AREA_RAM);
	assert_int_equal(m.n_areas, 9);
	assert_int_equal(m.crash.n, 1);
	assert_int_equal(m.crash.v[0].start, 0x35000000);
	assert_int_equal(m.crash.v[0].end, 0x3f000000);
	machine_deinit(&m);
}

/* What a machine does not have is unknown, not an error; only without iomem nothing can be said. */
TEST(little_is_needed)
{
	struct machine m = {0};
	struct own_root root;

	assert_fails(machine_of_folder("tests/roots/not-root", &m, err), ERR_REFUSED,
		     "tests/roots/not-root/proc/iomem: line 2: all addresses are hidden");
	assert_fails(machine_of_folder("tests/roots/not-root", &m, err), ERR_REFUSED,
		     "CAP_SYS_ADMIN");
	assert_fails(machine_of_folder("tests/unit", &m, err), ERR_NOT_FOUND,
		     "tests/unit/proc/iomem: open");
	own_root_init(&root);
	assert_ok(machine_of_folder(root.dir, &m, err));
	assert_int_equal(m.n_areas, 1);
	assert_int_equal(m.n_cpus, 0);
	assert_int_equal(m.vmcoreinfo_size, 0);
	assert_int_equal(m.text_phys, 0x1000000);
	assert_int_equal(m.text_size, 0x2000000);
	assert_int_equal(m.text_vaddr, 0);
	assert_false(m.page_offset_known);
	assert_string_equal(m.cmdline, "");
	machine_deinit(&m);
	own_root_deinit(&root);
}

struct damage {
	const char *path, *text, *says;
	int code;
};

#define EFI "/sys/firmware/efi/"
#define CPU "/sys/devices/system/cpu/"

static const struct damage damages[] = {
	{"/proc/iomem", "00001000-0009fbff : Reserved\n", "/proc/iomem: no line is \"System RAM\"",
	 ERR_CORRUPT},
	{"/proc/iomem", "00001000-0009fbff : System RAM\nx\n", "/proc/iomem: line 2 is not",
	 ERR_CORRUPT},
	{"/proc/iomem", "2000-1000 : System RAM\n", "/proc/iomem: line 1: 0x2000-0x1000",
	 ERR_CORRUPT},
	{"/proc/iomem", "1000-1fff : Kernel code\n3000-3fff : Kernel code\n",
	 "line 2: \"Kernel code\" at 0x3000, although it was at 0x1000", ERR_CORRUPT},
	{"/proc/iomem", "3000-3fff : Kernel code\n1000-1fff : Kernel bss\n",
	 "line 2: \"Kernel bss\" at 0x1000 is below \"Kernel code\" at 0x3000", ERR_CORRUPT},
	{CPU "possible", "0-3,", CPU "possible: '0-3,' is not a list of CPUs", ERR_CORRUPT},
	{CPU "possible", "3-0\n", "possible: '3-0' is not", ERR_CORRUPT},
	{CPU "possible", "0x3\n", "possible: '0x3' is not", ERR_CORRUPT},
	{CPU "possible", "0-4294967295\n", "possible: CPU 4294967295 in '0-4294967295'",
	 ERR_UNSUPPORTED},
	{CPU "cpu0/crash_notes", "here\n", CPU "cpu0/crash_notes: 'here' is not one hexadecimal",
	 ERR_CORRUPT},
	{CPU "cpu0/crash_notes", "0\n", "cpu0/crash_notes: 392 bytes at 0x0", ERR_CORRUPT},
	{CPU "cpu0/crash_notes", "ffffffffffffffff\n", "392 bytes at 0xffffffffffffffff",
	 ERR_CORRUPT},
	{CPU "cpu0/crash_notes", "1ffffffffffffffff\n", "'1ffffffffffffffff' is not one",
	 ERR_CORRUPT},
	{CPU "cpu0/crash_notes_size", "188h\n", "crash_notes_size: '188h' is not one decimal",
	 ERR_CORRUPT},
	{CPU "cpu0/crash_notes_size", "0\n", "0 bytes at 0x1000", ERR_CORRUPT},
	{"/sys/kernel/vmcoreinfo", "0x1000\n", "/sys/kernel/vmcoreinfo: '0x1000' is not an address",
	 ERR_CORRUPT},
	{"/sys/kernel/vmcoreinfo", "0 1000\n", "0x1000 bytes at 0x0", ERR_CORRUPT},
	{"/sys/kernel/crash_elfcorehdr_size", "-1\n", "crash_elfcorehdr_size: '-1' is not one",
	 ERR_CORRUPT},
	{"/sys/kernel/crash_elfcorehdr_size", "4294967296\n", "4294967296 bytes are too many",
	 ERR_CORRUPT},
	{"/proc/kcore", "\177ELF", "/proc/kcore: ELF header: ends at 0x4", ERR_CORRUPT},
	{"/proc/kallsyms", "zzz\n", NULL, 0},
	{"/sys/kernel/boot_params/data", "HdrS", "boot_params/data: has 4 bytes, expected 4096",
	 ERR_CORRUPT},
	{EFI "fw_platform_size", "many\n", EFI "fw_platform_size: 'many'", ERR_CORRUPT},
	{EFI "runtime", "0x\n", EFI "runtime: '0x'", ERR_CORRUPT},
	{EFI "systab", "ACPI20=0x1\nSMBIOS=none\n", EFI "systab: line 2: SMBIOS: 'none'",
	 ERR_CORRUPT},
	{EFI "runtime-map/0/type", "0x5\n", EFI "runtime-map/0/phys_addr: is missing", ERR_CORRUPT},
};

TEST(damaged_files_are_named)
{
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		const struct damage *d = &damages[i];
		struct machine m = {0};
		struct own_root root;

		own_root_init(&root);
		own_root_text(&root, CPU "possible", "0\n");
		own_root_text(&root, CPU "cpu0/crash_notes", "1000\n");
		own_root_text(&root, CPU "cpu0/crash_notes_size", "392\n");
		own_root_text(&root, d->path, d->text);
		if (d->says) {
			assert_fails(machine_of_folder(root.dir, &m, err), d->code, d->says);
			assert_fails(machine_of_folder(root.dir, &m, err), d->code, root.dir);
			assert_null(m.areas);
		} else {
			assert_ok(machine_of_folder(root.dir, &m, err));
			machine_deinit(&m);
		}
		own_root_deinit(&root);
	}
}

TEST(efi_map_that_is_no_memory)
{
	static const char *const names[] = {"type", "phys_addr", "virt_addr", "num_pages",
					    "attribute"};
	struct own_root root;
	struct machine m;
	char path[80];

	own_root_init(&root);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), EFI "runtime-map/0/%s", names[i]);
		own_root_text(&root, path, i == 3 ? "0xfffffffffffff\n" : "0x1000\n");
	}
	assert_fails(machine_of_folder(root.dir, &m, err), ERR_CORRUPT,
		     "runtime-map/0: type 0x1000, 0xfffffffffffff pages at 0x1000");
	own_root_deinit(&root);
}

TEST(smaller_forms)
{
	struct own_root root;
	struct machine m;

	own_root_init(&root);
	own_root_text(&root, "/proc/cmdline", "a b\n");
	own_root_text(&root, "/proc/kallsyms",
		      "0000000000000000 A fixed_percpu_data\nffffffff81000000 T _text\n");
	own_root_text(&root, "/sys/kernel/vmcoreinfo", "3fc00000 1024\n");
	own_root_text(&root, "/sys/kernel/kexec/crash_elfcorehdr_size", "112\n");
	own_root_text(&root, "/sys/kernel/crash_elfcorehdr_size", "56\n");
	assert_ok(machine_of_folder(root.dir, &m, err));
	assert_string_equal(m.cmdline, "a b");
	assert_int_equal(m.text_vaddr, 0xffffffff81000000);
	assert_int_equal(m.vmcoreinfo, 0x3fc00000);
	assert_int_equal(m.elfcorehdr_size, 112);
	machine_deinit(&m);
	own_root_deinit(&root);
}

TEST(old_firmware)
{
	struct own_root root;
	struct machine m;

	own_root_init(&root);
	own_root_text(&root, EFI "fw_platform_size", "32\n");
	own_root_text(&root, EFI "systab", "MPS=x\nACPI=0xf0000\nSMBIOS3=0xf1000\n");
	own_root_text(&root, "/sys/firmware/fdt", "\xd0\x0d\xfe\xed");
	assert_ok(machine_of_folder(root.dir, &m, err));
	assert_true(m.firmware.efi && !m.firmware.efi_64);
	assert_int_equal(m.firmware.acpi_rsdp, 0xf0000);
	assert_int_equal(m.firmware.efi_smbios, 0xf1000);
	assert_int_equal(m.firmware.fdt.len, 4);
	machine_deinit(&m);
	own_root_deinit(&root);
}

TEST(cmdline_with_a_nul)
{
	struct own_root root;
	struct machine m;

	own_root_init(&root);
	own_root_put(&root, "/proc/cmdline", "a\0b\n", 4);
	assert_fails(machine_of_folder(root.dir, &m, err), ERR_CORRUPT,
		     "/proc/cmdline: a NUL at offset 1");
	own_root_deinit(&root);
}

TEST(kallsyms)
{
	static const struct {
		const char *text;
		uint64_t want;
	} cases[] = {
		{"", 0},
		{"0000000000000000 T _text\n", 0},
		{"ffffffff81000000 T _text", 0xffffffff81000000},
		{"ffffffff81000000 t _text\t[module]\n", 0},
		{"ffffffff81000000 T _text_of_something\nffff800080000000 T _text\n",
		 0xffff800080000000},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(machine_parse_kallsyms((struct bytes){
					 (const uint8_t *)cases[i].text, strlen(cases[i].text)}),
				 cases[i].want);
}

/* ---- /proc/kcore */

struct kcore_line {
	uint64_t vaddr, paddr, size;
};

/* A machine with its kernel at 16 to 48 MiB, and these PT_LOADs. */
static int parse_kcore(const struct kcore_line *lines, size_t n, struct machine *ret,
		       struct err *err)
{
	uint8_t table[8 * sizeof(Elf64_Phdr)] = {0};

	assert_true(n <= 8);
	for (size_t i = 0; i < n; i++) {
		uint8_t *p = table + i * sizeof(Elf64_Phdr);

		bytes_put_le32(p, PT_LOAD);
		bytes_put_le64(p + offsetof(Elf64_Phdr, p_vaddr), lines[i].vaddr);
		bytes_put_le64(p + offsetof(Elf64_Phdr, p_paddr), lines[i].paddr);
		bytes_put_le64(p + offsetof(Elf64_Phdr, p_memsz), lines[i].size);
	}
	*ret = (struct machine){.text_phys = 16 * MIB, .text_size = 32 * MIB};
	return machine_parse_kcore_table((struct bytes){table, n * sizeof(Elf64_Phdr)}, ret, err);
}

#define DIRECT 0xffff888000000000
#define TEXT   0xffffffff81000000

/* Linux 4.18 to 4.20: pages of the kernel's image at addresses of their own. */
TEST(kcore_with_trampolines)
{
	static const struct kcore_line lines[] = {
		{0xfffffe0000006000, 32 * MIB, 4096},  {TEXT, 16 * MIB, 33 * MIB},
		{DIRECT + MIB, MIB, 1023 * MIB},       {DIRECT + 4 * GIB, 4 * GIB, GIB},
		{0xffffc90000000000, UINT64_MAX, GIB},
	};
	struct machine m;

	assert_ok(parse_kcore(lines, ARRAY_SIZE(lines), &m, err));
	assert_kernel(&m, TEXT, 16 * MIB, DIRECT);
	assert_int_equal(m.text_size, 33 * MIB);
}

/* arm64: "Kernel code" begins at _stext, 64 KiB behind _text; __va(0) may be below 0. */
TEST(kcore_text_begins_before_kernel_code)
{
	static const struct kcore_line lines[] = {
		{0xffff800080000000, 16 * MIB - 65536, 33 * MIB},
		{0xffff000000000000, 8 * MIB, 1016 * MIB},
	};
	struct machine m;

	assert_ok(parse_kcore(lines, ARRAY_SIZE(lines), &m, err));
	assert_kernel(&m, 0xffff800080000000, 16 * MIB - 65536, 0xffff000000000000 - 8 * MIB);
}

/* Before Linux 4.11 p_paddr says nothing. */
TEST(kcore_without_physical_addresses)
{
	static const struct kcore_line lines[] = {
		{TEXT, 0, 33 * MIB},
		{DIRECT + MIB, 0, 1023 * MIB},
		{DIRECT + 4 * GIB, 0, GIB},
	};
	struct machine m;

	assert_ok(parse_kcore(lines, ARRAY_SIZE(lines), &m, err));
	assert_int_equal(m.text_vaddr, 0);
	assert_false(m.page_offset_known);
}

/* RAM that covers the image is not the text. */
TEST(kcore_without_text)
{
	static const struct kcore_line lines[] = {{DIRECT + MIB, MIB, 1023 * MIB}};
	struct machine m;

	assert_ok(parse_kcore(lines, ARRAY_SIZE(lines), &m, err));
	assert_int_equal(m.text_vaddr, 0);
	assert_int_equal(m.page_offset, DIRECT);
	assert_ok(machine_parse_kcore_table((struct bytes){NULL, 0}, &m, err));
}

TEST(kcore_that_contradicts_itself)
{
	static const struct kcore_line split[] = {
		{TEXT, 16 * MIB, 33 * MIB},
		{DIRECT + MIB, MIB, 1023 * MIB},
		{DIRECT + 5 * GIB, 4 * GIB, GIB},
	};
	static const struct kcore_line beyond[] = {{DIRECT, 2 * MIB, UINT64_MAX - MIB}};
	struct machine m;

	assert_fails(parse_kcore(split, 3, &m, err), ERR_CORRUPT,
		     "program header 1 maps 0x100000 at 0xffff888000100000, program header 2 "
		     "0x100000000 at 0xffff888140000000");
	assert_fails(parse_kcore(beyond, 1, &m, err), ERR_CORRUPT,
		     "program header 0: 0xffffffffffefffff bytes at p_vaddr 0xffff888000000000, "
		     "p_paddr 0x200000 overflow");
}

TEST(kcore_head)
{
	uint8_t head[MACHINE_KCORE_HEAD] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1};
	struct bytes bytes = {head, sizeof(head)};
	uint16_t n = 0;

	head[16] = ET_CORE;
	head[32] = 64;
	head[54] = 56;
	head[56] = 5;
	assert_ok(machine_parse_kcore_head(bytes, &n, err));
	assert_int_equal(n, 5);
	assert_fails(machine_parse_kcore_head((struct bytes){head, 63}, &n, err), ERR_CORRUPT,
		     "the ELF header is cut: 63 bytes");
	head[32] = 65;
	assert_fails(machine_parse_kcore_head(bytes, &n, err), ERR_CORRUPT, "e_phoff 0x41");
	head[32] = 64;
	head[EI_DATA] = ELFDATA2MSB;
	assert_fails(machine_parse_kcore_head(bytes, &n, err), ERR_CORRUPT, "encoding 2");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(laptop),
		cmocka_unit_test(efi_server),
		cmocka_unit_test(numa_4tb),
		cmocka_unit_test(high_low),
		cmocka_unit_test(cxl_and_persistent_memory),
		cmocka_unit_test(sparse_cpus),
		cmocka_unit_test(hotplug_kernel),
		cmocka_unit_test(odd_iomem),
		cmocka_unit_test(little_is_needed),
		cmocka_unit_test(damaged_files_are_named),
		cmocka_unit_test(efi_map_that_is_no_memory),
		cmocka_unit_test(smaller_forms),
		cmocka_unit_test(old_firmware),
		cmocka_unit_test(cmdline_with_a_nul),
		cmocka_unit_test(kallsyms),
		cmocka_unit_test(kcore_with_trampolines),
		cmocka_unit_test(kcore_text_begins_before_kernel_code),
		cmocka_unit_test(kcore_without_physical_addresses),
		cmocka_unit_test(kcore_without_text),
		cmocka_unit_test(kcore_that_contradicts_itself),
		cmocka_unit_test(kcore_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
