// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options and what they depend on: kernel/Kconfig.kexec (6.6 and, where CRASH_DUMP took over what CRASH_CORE
 * was, 00c010e130e5), arch/x86/Kconfig and arch/arm64/Kconfig before 6.6, fs/proc/Kconfig.
 *
 * The kernel's build writes every symbol that has a prompt and whose dependencies are met, and those without a
 * prompt that are on. So what such a file lacks is off, whatever the reason.
 */
#include "loader/kconfig.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define GZIP_MIN 18 /* header and trailer (RFC 1952) */

/* In the order of the report; behind REPORTED those that others depend on. */
enum option {
	KEXEC_FILE,
	KEXEC,
	CRASH_DUMP,
	VMCORE_INFO,
	SYSFS,
	PROC_VMCORE,
	RELOCATABLE,
	BLK_DEV_INITRD,
	DEVTMPFS,
	PRINTK,
	KEXEC_SIG,
	KEXEC_SIG_FORCE,
	BZIMAGE_VERIFY_SIG,
	IMAGE_VERIFY_SIG,
	LOCKDOWN_LSM,
	CRASH_HOTPLUG,
	RD_GZIP,
	PROC_KCORE,
	EFI_RUNTIME_MAP,
	KALLSYMS,
	KALLSYMS_ALL,
	DEBUG_INFO_BTF,
	DEBUG_INFO_BTF_MODULES,
	UNWINDER_ORC,
	PSTORE,
	MAGIC_SYSRQ,
	REPORTED,
	CRASH_CORE = REPORTED,
	KEXEC_VERIFY_SIG,
	X86,
	ARM64,
	EFI,
	HOTPLUG_CPU,
	MEMORY_HOTPLUG,
	RD_ZSTD,
	OPTIONS,
};

#define OTHER_KERNEL "stage another kernel, which has it, as the panic kernel"

static const struct {
	const char *name;
	enum kconfig_weight weight; /* of its absence, unless an adjust_ function says otherwise */
	const char *gives, *costs, *remedy;
} options[OPTIONS] = {
	[KEXEC_FILE] = {"CONFIG_KEXEC_FILE", KCONFIG_INFO,
			"kexec_file_load stages kernels, signed ones under lockdown, too",
			"there is no kexec_file_load", "kexec_load is used instead"},
	[KEXEC] = {"CONFIG_KEXEC", KCONFIG_INFO,
		   "kexec_load stages what kexec_file_load cannot take",
		   "there is no kexec_load: what kexec_file_load refuses cannot be staged",
		   "kexec_file_load is used"},
	[CRASH_DUMP] = {"CONFIG_CRASH_DUMP", KCONFIG_FATAL,
			"a panic kernel can be staged, and this one can be it",
			"memory for a panic kernel is not reserved, and none can be staged",
			"boot a kernel with CONFIG_CRASH_DUMP=y"},
	[VMCORE_INFO] = {"CONFIG_VMCORE_INFO", KCONFIG_WARNING,
			 "the dump says where the kernel's structures are (VMCOREINFO)",
			 "the dump does not say where the kernel's structures are: it cannot be "
			 "filtered, and its log not be found",
			 "boot a kernel that has it"},
	[SYSFS] = {"CONFIG_SYSFS", KCONFIG_FATAL, "/sys tells what is reserved and what is staged",
		   "nothing tells what is reserved and what is staged",
		   "boot a kernel with CONFIG_SYSFS=y"},
	[PROC_VMCORE] = {"CONFIG_PROC_VMCORE", KCONFIG_WARNING,
			 "as the panic kernel it has the crashed one's memory in /proc/vmcore",
			 "as the panic kernel it has no /proc/vmcore, so there is nothing to save",
			 OTHER_KERNEL},
	[RELOCATABLE] = {"CONFIG_RELOCATABLE", KCONFIG_WARNING,
			 "as the panic kernel it runs in the reserved memory",
			 "as the panic kernel it would run where the crashed one is, over what is "
			 "to be saved",
			 OTHER_KERNEL},
	[BLK_DEV_INITRD] = {"CONFIG_BLK_DEV_INITRD", KCONFIG_WARNING,
			    "as the panic kernel it takes our initramfs",
			    "as the panic kernel it takes no initramfs", OTHER_KERNEL},
	[DEVTMPFS] = {"CONFIG_DEVTMPFS", KCONFIG_WARNING,
		      "as the panic kernel it makes the device nodes",
		      "as the panic kernel it makes no device nodes, so the target is not found",
		      OTHER_KERNEL},
	[PRINTK] = {"CONFIG_PRINTK", KCONFIG_WARNING, "there is a kernel log to save",
		    "there is no kernel log to save", NULL},
	[KEXEC_SIG] = {"CONFIG_KEXEC_SIG", KCONFIG_INFO,
		       "kexec_file_load checks a kernel's signature if it has one, and insists on "
		       "it under lockdown",
		       "kexec_file_load does not check signatures", NULL},
	[KEXEC_SIG_FORCE] = {"CONFIG_KEXEC_SIG_FORCE", KCONFIG_INFO,
			     "kexec_file_load takes only kernels signed by a key that it trusts",
			     "kexec_file_load takes unsigned kernels, too, but for lockdown",
			     "stage the distribution's signed kernel, or enrol the key of yours"},
	[BZIMAGE_VERIFY_SIG] = {"CONFIG_KEXEC_BZIMAGE_VERIFY_SIG", KCONFIG_INFO,
				"kexec_file_load can check the signature of a bzImage",
				"kexec_file_load cannot check the signature of a bzImage", NULL},
	[IMAGE_VERIFY_SIG] = {"CONFIG_KEXEC_IMAGE_VERIFY_SIG", KCONFIG_INFO,
			      "kexec_file_load can check the signature of an Image",
			      "kexec_file_load cannot check the signature of an Image", NULL},
	[LOCKDOWN_LSM] = {"CONFIG_SECURITY_LOCKDOWN_LSM", KCONFIG_INFO,
			  "under lockdown (often with Secure Boot) kexec_load is refused",
			  "there is no lockdown", NULL},
	[CRASH_HOTPLUG] = {"CONFIG_CRASH_HOTPLUG", KCONFIG_WARNING,
			   "the kernel keeps the panic kernel's list of memory and CPUs up to date",
			   "a dump lacks memory, on older kernels CPUs, too, that came after the "
			   "panic kernel was staged",
			   "load the panic kernel again after each hotplug"},
	[RD_GZIP] = {"CONFIG_RD_GZIP", KCONFIG_INFO, "the initramfs can be packed by gzip",
		     "the initramfs cannot be packed by gzip", "zstd is used instead"},
	[PROC_KCORE] = {"CONFIG_PROC_KCORE", KCONFIG_INFO,
			"/proc/kcore tells kexec_load and mem-usage how memory is mapped",
			"lifeboat mem-usage and kexec_load miss /proc/kcore",
			"kexec_file_load does without it"},
	[EFI_RUNTIME_MAP] = {"CONFIG_EFI_RUNTIME_MAP", KCONFIG_INFO,
			     "a kernel staged by kexec_load has EFI's runtime services",
			     "a kernel staged by kexec_load has no EFI runtime services",
			     "it is told where ACPI's tables are, which is enough for a capture"},
	[KALLSYMS] = {"CONFIG_KALLSYMS", KCONFIG_INFO, "the log's call traces have names",
		      "the log's call traces are numbers without names",
		      "keep the kernel's System.map or vmlinux"},
	[KALLSYMS_ALL] = {"CONFIG_KALLSYMS_ALL", KCONFIG_INFO,
			  "variables have names in a dump, too, so that all of it can be read",
			  "a dump has names of functions only: what hangs on variables cannot be "
			  "looked up in it alone",
			  "keep the kernel's System.map or vmlinux"},
	[DEBUG_INFO_BTF] = {"CONFIG_DEBUG_INFO_BTF", KCONFIG_INFO,
			    "the kernel carries a description of its types",
			    "the kernel carries no description of its types",
			    "keep its vmlinux with debugging information"},
	[DEBUG_INFO_BTF_MODULES] = {"CONFIG_DEBUG_INFO_BTF_MODULES", KCONFIG_INFO,
				    "modules carry descriptions of their types",
				    "modules carry no descriptions of their types",
				    "keep the modules' files with debugging information"},
	[UNWINDER_ORC] = {"CONFIG_UNWINDER_ORC", KCONFIG_INFO,
			  "the kernel carries tables by which stacks are followed",
			  "the kernel carries no tables by which stacks are followed: they are "
			  "guessed from what lies on them",
			  "keep its vmlinux with debugging information"},
	[PSTORE] = {"CONFIG_PSTORE", KCONFIG_INFO,
		    "firmware may keep the end of the log, should the capture fail",
		    "should the capture fail, nothing keeps the end of the log",
		    "log to a serial console or by netconsole, too"},
	[MAGIC_SYSRQ] = {"CONFIG_MAGIC_SYSRQ", KCONFIG_INFO,
			 "/proc/sysrq-trigger can crash the machine, for a trial",
			 "there is no /proc/sysrq-trigger to crash the machine for a trial",
			 "an NMI with kernel.unknown_nmi_panic=1 does it, too"},
	[CRASH_CORE] = {.name = "CONFIG_CRASH_CORE"},
	[KEXEC_VERIFY_SIG] = {.name = "CONFIG_KEXEC_VERIFY_SIG"},
	[X86] = {.name = "CONFIG_X86"},
	[ARM64] = {.name = "CONFIG_ARM64"},
	[EFI] = {.name = "CONFIG_EFI"},
	[HOTPLUG_CPU] = {.name = "CONFIG_HOTPLUG_CPU"},
	[MEMORY_HOTPLUG] = {.name = "CONFIG_MEMORY_HOTPLUG"},
	[RD_ZSTD] = {.name = "CONFIG_RD_ZSTD"},
};

struct config {
	enum kconfig_value v[OPTIONS];
};

static bool on(const struct config *c, enum option o)
{
	return c->v[o] == KCONFIG_YES || c->v[o] == KCONFIG_MODULE;
}

static bool off(const struct config *c, enum option o)
{
	return c->v[o] == KCONFIG_NO;
}

/* ---- the text */

static void set_option(struct config *c, struct bytes name, enum kconfig_value value)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (name.len == strlen(options[i].name) &&
		    memcmp(name.data, options[i].name, name.len) == 0)
			c->v[i] = value;
}

/* Of the options above none is a number or a string: such a value is none of theirs. */
static enum kconfig_value value_of(struct bytes text)
{
	if (text.len != 1)
		return KCONFIG_UNKNOWN;
	switch (*text.data) {
	case 'y':
		return KCONFIG_YES;
	case 'm':
		return KCONFIG_MODULE;
	case 'n':
		return KCONFIG_NO;
	default:
		return KCONFIG_UNKNOWN;
	}
}

enum line_kind { LINE_OTHER, LINE_SET, LINE_UNSET };

static enum line_kind parse_line(struct config *c, struct bytes line)
{
	static const char before[] = "# CONFIG_", after[] = " is not set";
	const size_t hash = 2, tail = sizeof(after) - 1;
	const uint8_t *eq;

	while (line.len && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' '))
		line.len--;
	if (line.len > sizeof(before) - 1 + tail &&
	    memcmp(line.data, before, sizeof(before) - 1) == 0 &&
	    memcmp(line.data + line.len - tail, after, tail) == 0) {
		set_option(c, (struct bytes){line.data + hash, line.len - hash - tail}, KCONFIG_NO);
		return LINE_UNSET;
	}
	eq = line.len > 7 && memcmp(line.data, "CONFIG_", 7) == 0 ? memchr(line.data, '=', line.len)
								  : NULL;
	if (!eq)
		return LINE_OTHER;
	set_option(c, (struct bytes){line.data, (size_t)(eq - line.data)},
		   value_of((struct bytes){eq + 1, (size_t)(line.data + line.len - eq - 1)}));
	return LINE_SET;
}

static int parse_config(struct bytes text, const char *name, struct config *ret, struct err *err)
{
	bool is_set = false, is_unset = false, mentioned_all;
	const uint8_t *pos = text.data, *end = text.data + text.len;
	struct config c = {0};

	if (text.len && memchr(text.data, '\0', text.len))
		return err_set(err, ERR_CORRUPT, "%s: is damaged: it has bytes that are no text",
			       name);
	while (pos < end) {
		const uint8_t *nl = memchr(pos, '\n', (size_t)(end - pos));
		size_t len = nl ? (size_t)(nl - pos) : (size_t)(end - pos);
		enum line_kind kind = parse_line(&c, (struct bytes){pos, len});

		is_set |= kind == LINE_SET;
		is_unset |= kind == LINE_UNSET;
		pos += len + (nl != NULL);
	}
	if (!is_set && !is_unset)
		return err_set(err, ERR_CORRUPT,
			       "%s: is no kernel configuration: it has no CONFIG_ line", name);
	mentioned_all = is_set && is_unset && end[-1] == '\n';
	for (size_t i = 0; mentioned_all && i < OPTIONS; i++)
		if (c.v[i] == KCONFIG_UNKNOWN)
			c.v[i] = KCONFIG_NO;
	*ret = c;
	return 0;
}

/* ---- what follows from it */

static void set_missing(struct kconfig_finding *f, enum kconfig_weight weight, const char *effect,
			const char *remedy)
{
	f->good = false;
	f->weight = weight;
	f->effect = effect;
	f->remedy = remedy;
}

static void adjust_syscalls(struct kconfig_finding *file, struct kconfig_finding *old,
			    const struct config *c)
{
	static const char none[] = "there is neither kexec_file_load nor kexec_load: no panic "
				   "kernel can be staged";
	static const char remedy[] = "boot a kernel with CONFIG_KEXEC_FILE=y";

	if (off(c, KEXEC_FILE) && off(c, KEXEC)) {
		set_missing(file, KCONFIG_FATAL, none, remedy);
		set_missing(old, KCONFIG_FATAL, none, remedy);
	} else if (off(c, KEXEC_FILE) && on(c, LOCKDOWN_LSM)) {
		set_missing(file, KCONFIG_WARNING,
			    "there is no kexec_file_load, and under lockdown (often with Secure "
			    "Boot) kexec_load is refused",
			    "kexec_load is used instead, without lockdown");
	}
}

/*
 * Up to 6.8 CRASH_CORE, which comes with kexec, was enough to stage a panic kernel; CRASH_DUMP only made a
 * kernel fit to be one. Since 6.9 reservation and staging need it (02aff8480533).
 */
static void adjust_crash_dump(struct kconfig_finding *f, const struct config *c)
{
	if (f->value == KCONFIG_NO && !off(c, CRASH_CORE))
		set_missing(f, KCONFIG_WARNING,
			    "as the panic kernel it does not know the crashed one's memory",
			    OTHER_KERNEL);
}

/*
 * kernel/kexec_file.c, kimage_validate_signature(): an image type without a way to verify it fails like a bad
 * signature. That is final when signatures are forced, else under lockdown unless IMA vouches for the file.
 */
static void adjust_verify(struct kconfig_finding *f, const struct kconfig_finding *force,
			  const struct config *c)
{
	if (f->value != KCONFIG_NO || off(c, KEXEC_FILE))
		return;
	if (force->value == KCONFIG_YES)
		set_missing(f, off(c, KEXEC) ? KCONFIG_FATAL : KCONFIG_WARNING,
			    "kexec_file_load insists on a signature and cannot check any",
			    off(c, KEXEC) ? "boot a kernel that has it"
					  : "kexec_load is used instead, without lockdown");
	else if (on(c, KEXEC_SIG) && on(c, LOCKDOWN_LSM))
		set_missing(f, KCONFIG_WARNING,
			    "under lockdown (often with Secure Boot) kexec_file_load refuses every "
			    "kernel, because it cannot check its signature",
			    "do without lockdown, or sign the kernel for IMA");
}

static void adjust_signatures(struct kconfig_finding v[REPORTED], const struct config *c)
{
	struct kconfig_finding *sig = &v[KEXEC_SIG], *force = &v[KEXEC_SIG_FORCE];

	sig->good = sig->value != KCONFIG_UNKNOWN;
	sig->remedy = NULL;
	force->good = force->value == KCONFIG_NO;
	force->remedy = force->value == KCONFIG_YES ? options[KEXEC_SIG_FORCE].remedy : NULL;
	for (int i = BZIMAGE_VERIFY_SIG; i <= IMAGE_VERIFY_SIG; i++) {
		v[i].good = v[i].value != KCONFIG_UNKNOWN;
		adjust_verify(&v[i], force, c);
	}
}

static void adjust_rest(struct kconfig_finding v[REPORTED], const struct config *c)
{
	v[LOCKDOWN_LSM].good = v[LOCKDOWN_LSM].value != KCONFIG_UNKNOWN;
	if (off(c, RD_GZIP) && off(c, RD_ZSTD))
		set_missing(&v[RD_GZIP], KCONFIG_INFO,
			    "the initramfs cannot be packed and takes more of the reserved memory",
			    "reserve more, should it not fit");
	else if (off(c, RD_GZIP))
		v[RD_GZIP].good = true;
	if (off(c, PROC_KCORE) && off(c, KEXEC_FILE) && !off(c, KEXEC))
		set_missing(&v[PROC_KCORE], KCONFIG_WARNING,
			    "kexec_load cannot find out how memory is mapped, and a dump without "
			    "that is hard to read",
			    "boot a kernel with CONFIG_KEXEC_FILE=y");
}

/* Could the option do anything in this kernel? */
static bool applies(const struct config *c, enum option o)
{
	/* those without a case apply to every kernel */
	if (o == KEXEC_SIG) /* the one older option is reported as what it is, KEXEC_SIG_FORCE */
		return !on(c, KEXEC_VERIFY_SIG);
	if (o == RELOCATABLE || o == BZIMAGE_VERIFY_SIG || o == UNWINDER_ORC)
		return !off(c, X86);
	if (o == IMAGE_VERIFY_SIG)
		return !off(c, ARM64);
	if (o == EFI_RUNTIME_MAP)
		return !off(c, X86) && !off(c, EFI);
	if (o == CRASH_HOTPLUG)
		return !off(c, HOTPLUG_CPU) || !off(c, MEMORY_HOTPLUG);
	return true;
}

/*
 * Options that were renamed (CRASH_CORE was split in 6.9, 443cbaf9e2fd) or of which one became two (KEXEC_VERIFY_SIG
 * in 5.4, 99d5cadfde2b: with it a signature was a must). Which of them a kernel has decides the name.
 */
static void take_older_names(struct config *c, const char *names[REPORTED])
{
	static const struct {
		enum option now, before;
	} renamed[] = {
		{VMCORE_INFO, CRASH_CORE},
		{KEXEC_SIG, KEXEC_VERIFY_SIG},
		{KEXEC_SIG_FORCE, KEXEC_VERIFY_SIG},
	};

	for (size_t i = 0; i < REPORTED; i++)
		names[i] = options[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(renamed); i++) {
		if (on(c, renamed[i].now) || !on(c, renamed[i].before))
			continue;
		c->v[renamed[i].now] = c->v[renamed[i].before];
		names[renamed[i].now] = options[renamed[i].before].name;
	}
}

static int report_config(struct config *c, const char *source, struct kconfig_report *ret,
			 struct err *err)
{
	const char *names[REPORTED];
	struct kconfig_finding *v = calloc(REPORTED, sizeof(*v));
	size_t n = 0;

	if (!v)
		return err_nomem(err, REPORTED * sizeof(*v), "the configuration's findings");
	take_older_names(c, names);
	for (size_t i = 0; i < REPORTED; i++) {
		bool missing = off(c, (enum option)i);

		v[i] = (struct kconfig_finding){
			.option = names[i],
			.value = c->v[i],
			.weight = missing ? options[i].weight : KCONFIG_INFO,
			.good = on(c, (enum option)i),
			.effect = missing ? options[i].costs : options[i].gives,
			.remedy = missing ? options[i].remedy : NULL,
		};
	}
	adjust_syscalls(&v[KEXEC_FILE], &v[KEXEC], c);
	adjust_crash_dump(&v[CRASH_DUMP], c);
	adjust_signatures(v, c);
	adjust_rest(v, c);
	for (size_t i = 0; i < REPORTED; i++)
		if (applies(c, (enum option)i))
			v[n++] = v[i];
	*ret = (struct kconfig_report){.v = v, .n = n};
	snprintf(ret->source, sizeof(ret->source), "%s", source);
	return 0;
}

/* ---- the file */

/*
 * The kernel packs its configuration as one gzip member, whose last four bytes are the size of what is inside
 * (RFC 1952): so it is known before anything is unpacked, and libdeflate checks that it is true.
 */
static int unpack(struct bytes in, const char *name, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct libdeflate_decompressor *d;
	enum libdeflate_result r;
	uint32_t size = 0;

	if (in.len < GZIP_MIN || !bytes_le32(in, in.len - 4, &size))
		return err_set(err, ERR_CORRUPT, "%s: is damaged: %zu bytes are no gzip file", name,
			       in.len);
	if (size > KCONFIG_MAX)
		return err_set(err, ERR_CORRUPT,
			       "%s: is damaged: it unpacks to %u bytes, no configuration has more "
			       "than %zu",
			       name, size, KCONFIG_MAX);
	text = malloc(size ? size : 1);
	d = libdeflate_alloc_decompressor();
	if (!text || !d) {
		libdeflate_free_decompressor(d);
		return err_nomem(err, size, name);
	}
	r = libdeflate_gzip_decompress(d, in.data, in.len, text, size, NULL);
	libdeflate_free_decompressor(d);
	if (r != LIBDEFLATE_SUCCESS)
		return err_set(err, ERR_CORRUPT, "%s: is damaged: its gzip data is wrong", name);
	*ret = no_cleanup_ptr(text);
	*ret_len = size;
	return 0;
}

int kconfig_judge(struct bytes file, const char *name, struct kconfig_report *ret, struct err *err)
{
	_cleanup_free_ char *unpacked = NULL;
	struct config c;
	int r;

	if (file.len > KCONFIG_MAX)
		return err_set(err, ERR_CORRUPT, "%s: is larger than %zu bytes", name, KCONFIG_MAX);
	if (file.len >= 2 && file.data[0] == 0x1f && file.data[1] == 0x8b) {
		size_t len = 0;

		if (unpack(file, name, &unpacked, &len, err))
			return err->code;
		file = (struct bytes){(const uint8_t *)unpacked, len};
	}
	r = parse_config(file, name, &c, err);
	return r ? r : report_config(&c, name, ret, err);
}

/* `path` of a configuration by the release's name; false if there is none. */
static bool place_by_release(const struct root *root, const char *before, const char *after,
			     char *path, size_t size)
{
	_cleanup_free_ char *release = NULL;
	struct err ignored;
	size_t len;

	if (root_read(root, "/proc/sys/kernel/osrelease", 4096, &release, &len, &ignored))
		return false;
	release[strcspn(release, "\n")] = '\0';
	if (!*release || strchr(release, '/'))
		return false;
	return snprintf(path, size, "%s%s%s", before, release, after) < (int)size;
}

int kconfig_check(const struct root *root, struct kconfig_report *ret, struct err *err)
{
	static const struct {
		const char *before, *after; /* of the release; NULL: the path is `before` */
	} places[] = {
		{"/proc/config.gz", NULL},
		{"/boot/config-", ""},
		{"/lib/modules/", "/config"},
	};
	char path[sizeof(ret->source)];
	struct config unknown = {0};
	struct err refused = {0};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *data = NULL;
		size_t len;
		int r;

		snprintf(path, sizeof(path), "%s", places[i].before);
		if (places[i].after &&
		    !place_by_release(root, places[i].before, places[i].after, path, sizeof(path)))
			continue;
		r = root_read(root, path, KCONFIG_MAX, &data, &len, err);
		if (!r) {
			r = kconfig_judge((struct bytes){(const uint8_t *)data, len}, path, ret,
					  err);
			return r && *root->path ? err_wrap(err, "%s", root->path) : r;
		}
		if (r != ERR_SYSTEM && r != ERR_NOT_FOUND)
			return r;
		if (r == ERR_SYSTEM && err->sys != ENOTDIR && !refused.code)
			refused = *err;
	}
	if (!refused.code)
		return report_config(&unknown, "", ret, err);
	*err = refused;
	return err->code;
}

void kconfig_deinit(struct kconfig_report *r)
{
	free(r->v);
	*r = (struct kconfig_report){0};
}
