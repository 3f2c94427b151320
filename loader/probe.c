// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/probe.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "loader/cmdline.h"
#include "loader/cmdline_cpus.h"
#include "loader/iomem.h"

#define MAX_TEXT     (1024 * 1024)
#define MAX_CPUINFO  (64 * 1024 * 1024) /* 1.5 KB per CPU, 8192 CPUs and more */
#define CAP_SYS_BOOT 22                 /* include/uapi/linux/capability.h */

/* kernel/ksysfs.c: since 6.19 in a folder of their own; the old names are to go after 2028. */
static const char *const crash_loaded_paths[] = {"/sys/kernel/kexec/crash_loaded",
						 "/sys/kernel/kexec_crash_loaded"};
static const char *const crash_size_paths[] = {"/sys/kernel/kexec/crash_size",
					       "/sys/kernel/kexec_crash_size"};
static const char *const ordinary_loaded_paths[] = {"/sys/kernel/kexec/loaded",
						    "/sys/kernel/kexec_loaded"};
static const char *const elfcorehdr_size_paths[] = {"/sys/kernel/kexec/crash_elfcorehdr_size",
						    "/sys/kernel/crash_elfcorehdr_size"};

/* The GUID is EFI_GLOBAL_VARIABLE; the file is 4 bytes of attributes and the value. */
#define SECURE_BOOT_PATH "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static char *read_text(const struct root *root, const char *path, size_t max, size_t *ret_len)
{
	struct err ignored;
	char *text;

	return root_read(root, path, max, &text, ret_len, &ignored) ? NULL : text;
}

static struct fact read_number(const struct root *root, const char *path)
{
	struct err ignored;
	struct fact f = {0};

	f.known = root_read_u64(root, path, &f.value, &ignored) == 0;
	return f;
}

static struct fact read_either(const struct root *root, const char *const paths[2])
{
	struct fact f = read_number(root, paths[0]);

	return f.known ? f : read_number(root, paths[1]);
}

/* The text behind "key" at the beginning of a line, without leading blanks; NULL if none. */
static const char *line_value(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0)
			return line + len + strspn(line + len, " \t");
	}
	return NULL;
}

/* The number in `base` that begins the value of `key`. */
static struct fact line_number(const char *text, const char *key, int base)
{
	const char *value = line_value(text, key);
	struct fact f = {0};
	char *end;

	if (!value)
		return f;
	f.value = strtoull(value, &end, base);
	f.known = end != value;
	return f;
}

static void probe_images(const struct root *root, struct facts *f)
{
	f->sysfs = root_exists(root, "/sys/kernel");
	f->crash_loaded = facts_crash_loaded(root);
	f->crash_size = read_either(root, crash_size_paths);
	f->ordinary_loaded = facts_ordinary_loaded(root);
	f->hotplug_cpu = read_number(root, "/sys/devices/system/cpu/crash_hotplug");
	f->hotplug_memory = read_number(root, "/sys/devices/system/memory/crash_hotplug");
	f->elfcorehdr_size = read_either(root, elfcorehdr_size_paths);
}

static void probe_caller(const struct root *root, struct facts *f)
{
	_cleanup_free_ char *status = NULL, *map = NULL;
	unsigned long long inside, outside, count;
	struct fact caps;
	size_t len;

	status = read_text(root, "/proc/self/status", MAX_TEXT, &len);
	if (status) {
		const char *uid = line_value(status, "Uid:"); /* real, then effective */

		f->euid.known = uid && sscanf(uid, "%*u %llu", &inside) == 1;
		if (f->euid.known)
			f->euid.value = inside;
		caps = line_number(status, "CapEff:", 16);
		f->cap_sys_boot = (struct fact){caps.known, caps.value >> CAP_SYS_BOOT & 1};
	}
	map = read_text(root, "/proc/self/uid_map", MAX_TEXT, &len);
	if (map && sscanf(map, "%llu %llu %llu", &inside, &outside, &count) == 3)
		f->init_userns =
			(struct fact){true, inside == 0 && outside == 0 && count == UINT32_MAX};
}

/* Duplicates that a map changing under our hands may show are merged by ranges_add(). */
static int probe_regions(const struct root *root, struct facts *f, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct iomem_entry e;
	struct iomem it = {0};
	bool found;
	size_t len;

	if (root_read(root, "/proc/iomem", MAX_CPUINFO, &text, &len, &f->iomem_err))
		return 0;
	it.text = (struct bytes){(const uint8_t *)text, len};
	for (;;) {
		if (iomem_next(&it, &e, &found, &f->iomem_err)) {
			err_wrap(&f->iomem_err, "%s/proc/iomem", root->path);
			ranges_deinit(&f->regions);
			return 0;
		}
		if (!found)
			return 0;
		if (!iomem_is(&e, "Crash kernel"))
			continue;
		f->regions_hidden |= e.hidden;
		if (ranges_add(&f->regions, e.range.start, e.range.end, err))
			return err->code;
	}
}

/* Join the crashkernel= tokens: with X,high there may be two that count. */
static int probe_cmdline(const struct root *root, struct facts *f, struct err *err)
{
	_cleanup_free_ char *text = NULL, *found = NULL;
	struct bytes token;
	size_t len, n = 0;
	const char *pos;

	text = read_text(root, "/proc/cmdline", MAX_TEXT, &len);
	if (!text)
		return 0;
	pos = text;
	while (cmdline_next(&pos, &token)) {
		char *grown;

		if (!cmdline_is(token, "crashkernel"))
			continue;
		grown = realloc(found, n + token.len + 2);
		if (!grown)
			return err_nomem(err, n + token.len + 2, "the crashkernel= parameters");
		found = grown;
		if (n)
			found[n++] = ' ';
		memcpy(found + n, token.data, token.len);
		n += token.len;
		found[n] = '\0';
	}
	f->crashkernel = no_cleanup_ptr(found);
	return 0;
}

/* "none [integrity] confidentiality": security/lockdown/lockdown.c, lockdown_read(). */
static enum lockdown probe_lockdown(const struct root *root)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	text = read_text(root, "/sys/kernel/security/lockdown", MAX_TEXT, &len);
	if (!text)
		return LOCKDOWN_UNKNOWN;
	if (strstr(text, "[confidentiality]"))
		return LOCKDOWN_CONFIDENTIALITY;
	if (strstr(text, "[integrity]"))
		return LOCKDOWN_INTEGRITY;
	return strstr(text, "[none]") ? LOCKDOWN_NONE : LOCKDOWN_UNKNOWN;
}

static struct fact read_limit(const struct root *root, const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	text = read_text(root, path, MAX_TEXT, &len);
	if (text && strcmp(text, "-1\n") == 0)
		return (struct fact){true, LOAD_UNLIMITED};
	return read_number(root, path);
}

static void probe_policy(const struct root *root, struct facts *f)
{
	_cleanup_free_ char *efi = NULL;
	size_t len;

	f->load_disabled = read_number(root, "/proc/sys/kernel/kexec_load_disabled");
	f->load_limit = read_limit(root, "/proc/sys/kernel/kexec_load_limit_panic");
	f->load_limit_reboot = read_limit(root, "/proc/sys/kernel/kexec_load_limit_reboot");
	f->lockdown = probe_lockdown(root);
	f->dm_keys = read_number(root, "/sys/kernel/config/crash_dm_crypt_keys/count");
	efi = read_text(root, SECURE_BOOT_PATH, MAX_TEXT, &len);
	if (efi && len == 5)
		f->secure_boot = (struct fact){true, efi[4] == 1};
}

static struct fact count_cpus(const char *cpuinfo)
{
	struct fact f = {.known = true};

	for (const char *line = cpuinfo; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		f.value += strncmp(line, "processor\t", 10) == 0;
	}
	return f;
}

static void probe_machine(const struct root *root, struct facts *f)
{
	_cleanup_free_ char *meminfo = NULL, *cpuinfo = NULL;
	struct fact kib = {0};
	size_t len;

	meminfo = read_text(root, "/proc/meminfo", MAX_TEXT, &len);
	if (meminfo)
		kib = line_number(meminfo, "MemTotal:", 10);
	f->mem_total.known = kib.known && num_mul(kib.value, 1024u, &f->mem_total.value);

	cpuinfo = read_text(root, "/proc/cpuinfo", MAX_CPUINFO, &len);
	if (cpuinfo) {
		const char *flags = line_value(cpuinfo, "flags\t\t:");
		const char *hit = flags ? strstr(flags, " la57") : NULL;
		uint32_t apicid;

		f->cpus = count_cpus(cpuinfo);
		if (cmdline_cpus_bsp(cpuinfo, &apicid))
			f->bsp_apicid = (struct fact){true, apicid};
		f->la57.known = flags;
		f->la57.value = hit && hit < flags + strcspn(flags, "\n");
	}
	f->release = read_text(root, "/proc/sys/kernel/osrelease", MAX_TEXT, &len);
	if (f->release)
		f->release[strcspn(f->release, "\n")] = '\0';
}

int facts_probe(const struct root *root, struct facts *ret, struct err *err)
{
	struct facts f = {0};
	int r;

	probe_images(root, &f);
	probe_caller(root, &f);
	probe_policy(root, &f);
	r = probe_regions(root, &f, err);
	if (!r)
		r = probe_cmdline(root, &f, err);
	if (r) {
		facts_deinit(&f);
		return r;
	}
	probe_machine(root, &f);
	*ret = f;
	return 0;
}

void facts_deinit(struct facts *facts)
{
	ranges_deinit(&facts->regions);
	free(facts->crashkernel);
	free(facts->release);
	*facts = (struct facts){0};
}

struct fact facts_crash_loaded(const struct root *root)
{
	return read_either(root, crash_loaded_paths);
}

struct fact facts_ordinary_loaded(const struct root *root)
{
	return read_either(root, ordinary_loaded_paths);
}

uint64_t facts_load_region(const struct facts *facts)
{
	const struct ranges *r = &facts->regions;

	if (r->n)
		return r->v[r->n - 1].end - r->v[r->n - 1].start;
	return facts->crash_size.known ? facts->crash_size.value : 0;
}
