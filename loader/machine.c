// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/machine.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "loader/machine_parse.h"

#define MAX_TEXT     (1024 * 1024)
#define MAX_IOMEM    (64 * 1024 * 1024)
#define MAX_KALLSYMS (64 * 1024 * 1024) /* 15 MB on a distribution's kernel */
#define MAX_FDT      (2 * 1024 * 1024)  /* MAX_FDT_SIZE of arch/arm64/include/asm/boot.h */
#define BOOT_PARAMS  4096
#define EFI_PAGE     4096
#define EFI_DESC     40

/* ---- files that may be missing */

/* *ret is NULL if there is no such file; else as root_read() gives it. */
static int read_file(const struct root *root, const char *path, size_t max, char **ret,
		     struct bytes *ret_bytes, struct err *err)
{
	char *text;
	size_t len;

	*ret = NULL;
	*ret_bytes = (struct bytes){NULL, 0};
	if (root_read(root, path, max, &text, &len, err))
		return err->code == ERR_NOT_FOUND ? 0 : err->code;
	*ret = text;
	*ret_bytes = (struct bytes){(const uint8_t *)text, len};
	return 0;
}

static int wrap(struct err *err, const struct root *root, const char *path)
{
	return err_wrap(err, "%s%s", root->path, path);
}

/* *ret and *ret_there are untouched if there is no such file. */
static int read_number(const struct root *root, const char *path, unsigned int base, uint64_t *ret,
		       bool *ret_there, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct bytes bytes;

	if (read_file(root, path, MAX_TEXT, &text, &bytes, err))
		return err->code;
	if (!text)
		return 0;
	if (machine_parse_number(bytes, base, ret, err))
		return wrap(err, root, path);
	*ret_there = true;
	return 0;
}

/* ---- memory and CPUs */

static int probe_iomem(const struct root *root, struct machine *m, struct err *err)
{
	static const char path[] = "/proc/iomem";
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (root_read(root, path, MAX_IOMEM, &text, &len, err))
		return err->code;
	if (machine_parse_iomem((struct bytes){(const uint8_t *)text, len}, m, err))
		return wrap(err, root, path);
	for (size_t i = 0; i < m->n_areas; i++)
		if (m->areas[i].kind == AREA_RAM)
			return 0;
	return err_set(err, ERR_CORRUPT, "%s%s: no line is \"System RAM\"", root->path, path);
}

/* drivers/base/cpu.c: crash_notes is "%llx", crash_notes_size "%zu". */
static int probe_cpu(const struct root *root, unsigned int cpu, struct machine *m, struct err *err)
{
	struct cpu_note *note = &m->cpus[m->n_cpus];
	bool has_addr = false, has_size = false;
	uint64_t addr = 0, size = 0, end;
	char path[80];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/crash_notes_size", cpu);
	if (read_number(root, path, 10, &size, &has_size, err))
		return err->code;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/crash_notes", cpu);
	if (read_number(root, path, 16, &addr, &has_addr, err))
		return err->code;
	if (!has_addr || !has_size)
		return 0;
	if (!addr || !size || !num_add(addr, size, &end))
		return err_set(err, ERR_CORRUPT,
			       "%s%s: %" PRIu64 " bytes at 0x%" PRIx64 " is no place for a note",
			       root->path, path, size, addr);
	*note = (struct cpu_note){.cpu = cpu, .addr = addr, .size = size};
	m->n_cpus++;
	return 0;
}

static int probe_cpu_ranges(const struct root *root, const struct ranges *possible,
			    struct machine *m, struct err *err)
{
	uint64_t n = ranges_total(possible);

	if (!n)
		return 0;
	m->cpus = calloc(n, sizeof(*m->cpus));
	if (!m->cpus)
		return err_nomem(err, n * sizeof(*m->cpus), "the table of CPUs");
	for (size_t i = 0; i < possible->n; i++)
		for (uint64_t cpu = possible->v[i].start; cpu < possible->v[i].end; cpu++)
			if (probe_cpu(root, (unsigned int)cpu, m, err))
				return err->code;
	return 0;
}

static int probe_cpus(const struct root *root, struct machine *m, struct err *err)
{
	static const char path[] = "/sys/devices/system/cpu/possible";
	_cleanup_free_ char *text = NULL;
	struct ranges possible;
	struct bytes bytes;
	int r = read_file(root, path, MAX_TEXT, &text, &bytes, err);

	if (r || !text)
		return r;
	ranges_init(&possible);
	r = machine_parse_cpus(bytes, &possible, err);
	r = r ? wrap(err, root, path) : probe_cpu_ranges(root, &possible, m, err);
	ranges_deinit(&possible);
	return r;
}

/* ---- the kernel */

static int probe_vmcoreinfo(const struct root *root, struct machine *m, struct err *err)
{
	static const char path[] = "/sys/kernel/vmcoreinfo";
	_cleanup_free_ char *text = NULL;
	struct bytes bytes;
	int r = read_file(root, path, MAX_TEXT, &text, &bytes, err);

	if (r || !text)
		return r;
	if (machine_parse_vmcoreinfo(bytes, &m->vmcoreinfo, &m->vmcoreinfo_size, err))
		return wrap(err, root, path);
	return 0;
}

static int probe_elfcorehdr_size(const struct root *root, struct machine *m, struct err *err)
{
	/* the first since 6.19; the other is to go after 2028 */
	static const char *const paths[] = {"/sys/kernel/kexec/crash_elfcorehdr_size",
					    "/sys/kernel/crash_elfcorehdr_size"};
	bool there = false;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && !there; i++) {
		if (read_number(root, paths[i], 10, &m->elfcorehdr_size, &there, err))
			return err->code;
		if (m->elfcorehdr_size > UINT32_MAX)
			return err_set(err, ERR_CORRUPT,
				       "%s%s: %" PRIu64 " bytes are too many for program headers",
				       root->path, paths[i], m->elfcorehdr_size);
	}
	return 0;
}

static int read_kcore(int fd, struct machine *m, struct err *err)
{
	_cleanup_free_ uint8_t *table = NULL;
	uint8_t head[MACHINE_KCORE_HEAD];
	uint16_t phnum = 0;
	size_t len;

	if (io_pread_full(fd, head, sizeof(head), 0, "ELF header", err) ||
	    machine_parse_kcore_head((struct bytes){head, sizeof(head)}, &phnum, err))
		return err->code;
	len = phnum * sizeof(Elf64_Phdr);
	if (!len)
		return 0;
	table = malloc(len);
	if (!table)
		return err_nomem(err, len, "program headers");
	if (io_pread_full(fd, table, len, sizeof(head), "program headers", err))
		return err->code;
	return machine_parse_kcore_table((struct bytes){table, len}, m, err);
}

/*
 * The only file that tells where the kernel's mappings are. Lockdown (confidentiality) and a missing
 * CAP_SYS_RAWIO keep it from us: then they are unknown.
 */
static int probe_kcore(const struct root *root, struct machine *m, struct err *err)
{
	static const char path[] = "/proc/kcore";
	_cleanup_close_ int fd = root_open(root, path, O_RDONLY);

	if (fd < 0 && (errno == ENOENT || errno == EPERM || errno == EACCES))
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "%s%s: open", root->path, path);
	return read_kcore(fd, m, err) ? wrap(err, root, path) : 0;
}

/* "Kernel code" begins at _text on x86; where it does not, kcore has a text of its own. */
static int probe_kallsyms(const struct root *root, struct machine *m, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct bytes bytes;

	if (m->text_vaddr || !m->text_size)
		return 0;
	if (read_file(root, "/proc/kallsyms", MAX_KALLSYMS, &text, &bytes, err))
		return err->code;
	m->text_vaddr = machine_parse_kallsyms(bytes);
	return 0;
}

static int probe_cmdline(const struct root *root, struct machine *m, struct err *err)
{
	static const char path[] = "/proc/cmdline";
	_cleanup_free_ char *text = NULL;
	struct bytes bytes;

	if (read_file(root, path, MAX_TEXT, &text, &bytes, err))
		return err->code;
	if (!text)
		text = strdup("");
	if (!text)
		return err_nomem(err, 1, "the command line");
	if (strlen(text) != bytes.len)
		return err_set(err, ERR_CORRUPT, "%s%s: a NUL at offset %zu", root->path, path,
			       strlen(text));
	if (bytes.len && text[bytes.len - 1] == '\n')
		text[bytes.len - 1] = '\0';
	m->cmdline = no_cleanup_ptr(text);
	return 0;
}

/* ---- firmware */

/* A descriptor as the firmware lays it out: UEFI specification 2.10, 7.2.3, EFI_MEMORY_DESCRIPTOR. */
static int read_efi_desc(const struct root *root, unsigned int n, uint8_t desc[EFI_DESC],
			 struct err *err)
{
	static const char *const names[] = {"type", "phys_addr", "virt_addr", "num_pages",
					    "attribute"};
	uint64_t v[ARRAY_SIZE(names)] = {0}, len, end;
	char path[80];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool there = false;

		snprintf(path, sizeof(path), "/sys/firmware/efi/runtime-map/%u/%s", n, names[i]);
		if (read_number(root, path, 16, &v[i], &there, err))
			return err->code;
		if (!there)
			return err_set(err, ERR_CORRUPT, "%s%s: is missing", root->path, path);
	}
	if (v[0] > UINT32_MAX || !num_mul(v[3], (uint64_t)EFI_PAGE, &len) ||
	    !num_add(v[1], len, &end) || !len)
		return err_set(err, ERR_CORRUPT,
			       "%s/sys/firmware/efi/runtime-map/%u: type 0x%" PRIx64 ", 0x%" PRIx64
			       " pages at 0x%" PRIx64 " is no memory",
			       root->path, n, v[0], v[3], v[1]);
	memset(desc, 0, EFI_DESC);
	bytes_put_le32(desc, (uint32_t)v[0]);
	for (size_t i = 1; i < ARRAY_SIZE(names); i++)
		bytes_put_le64(desc + 8 * i, v[i]);
	return 0;
}

/* drivers/firmware/efi/runtime-map.c numbers the folders from 0 without gaps. */
static int probe_efi_map(const struct root *root, struct firmware *fw, struct err *err)
{
	_cleanup_free_ uint8_t *map = NULL;
	size_t n = 0, cap = 0;

	for (;; n++) {
		char path[80];

		snprintf(path, sizeof(path), "/sys/firmware/efi/runtime-map/%zu", n);
		if (!root_exists(root, path))
			break;
		if (n == cap) {
			uint8_t *grown;

			cap = cap ? cap * 2 : 16;
			grown = reallocarray(map, cap, EFI_DESC);
			if (!grown)
				return err_nomem(err, cap * EFI_DESC, "the EFI runtime map");
			map = grown;
		}
		if (read_efi_desc(root, (unsigned int)n, map + n * EFI_DESC, err))
			return err->code;
	}
	if (n)
		fw->efi_map = (struct bytes){no_cleanup_ptr(map), n * EFI_DESC};
	fw->efi_desc_size = n ? EFI_DESC : 0;
	return 0;
}

static int probe_efi(const struct root *root, struct firmware *fw, struct err *err)
{
	const struct {
		const char *path;
		uint64_t *value;
	} addrs[] = {{"/sys/firmware/efi/fw_vendor", &fw->efi_fw_vendor},
		     {"/sys/firmware/efi/runtime", &fw->efi_runtime},
		     {"/sys/firmware/efi/config_table", &fw->efi_tables}};
	static const char systab[] = "/sys/firmware/efi/systab";
	_cleanup_free_ char *text = NULL;
	uint64_t bits = 0;
	struct bytes bytes;
	bool there = false;

	fw->efi = root_exists(root, "/sys/firmware/efi");
	if (!fw->efi)
		return 0;
	if (read_number(root, "/sys/firmware/efi/fw_platform_size", 10, &bits, &there, err))
		return err->code;
	fw->efi_64 = bits == 64;
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++)
		if (read_number(root, addrs[i].path, 16, addrs[i].value, &there, err))
			return err->code;
	if (read_file(root, systab, MAX_TEXT, &text, &bytes, err))
		return err->code;
	if (text && machine_parse_systab(bytes, fw, err))
		return wrap(err, root, systab);
	return probe_efi_map(root, fw, err);
}

static int probe_firmware(const struct root *root, struct firmware *fw, struct err *err)
{
	static const char boot_params[] = "/sys/kernel/boot_params/data";
	char *text;

	if (read_file(root, boot_params, MAX_TEXT, &text, &fw->boot_params, err))
		return err->code;
	if (text && fw->boot_params.len != BOOT_PARAMS)
		return err_set(err, ERR_CORRUPT, "%s%s: has %zu bytes, expected %d", root->path,
			       boot_params, fw->boot_params.len, BOOT_PARAMS);
	if (read_file(root, "/sys/firmware/fdt", MAX_FDT, &text, &fw->fdt, err))
		return err->code;
	return probe_efi(root, fw, err);
}

/* ---- all of it */

int machine_probe(const struct root *root, struct machine *ret, struct err *err)
{
	struct machine m = {0};

	if (probe_iomem(root, &m, err) || probe_cpus(root, &m, err) ||
	    probe_vmcoreinfo(root, &m, err) || probe_elfcorehdr_size(root, &m, err) ||
	    probe_kcore(root, &m, err) || probe_kallsyms(root, &m, err) ||
	    probe_cmdline(root, &m, err) || probe_firmware(root, &m.firmware, err)) {
		machine_deinit(&m);
		return err->code;
	}
	*ret = m;
	return 0;
}

static void free_bytes(struct bytes b)
{
	void *p;

	memcpy(&p, &b.data, sizeof(p)); /* bytes are borrowed everywhere else: const */
	free(p);
}

void machine_deinit(struct machine *m)
{
	free(m->areas);
	ranges_deinit(&m->crash);
	free(m->cpus);
	free(m->cmdline);
	free_bytes(m->firmware.boot_params);
	free_bytes(m->firmware.efi_map);
	free_bytes(m->firmware.fdt);
	*m = (struct machine){0};
}
