// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kdump.conf has our syntax: a line is tried as it is, and what kdump's own documentation says to write instead of a key is
 * written where there is something.
 */
#include <stdio.h>
#include <string.h>

#include "config/collector.h"
#include "config/importing.h"
#include "config/reading.h"

#define MAX_LINES 1000 /* with a setting */

struct setting {
	char *key, *value; /* into the text that was cut */
	struct importing_from from;
};

struct settings {
	char *text;
	struct setting v[MAX_LINES];
	size_t n;
};

/* ---- lines, as kdump cuts them (see config.c) */

static int add_setting(struct settings *s, const char *file, unsigned int number, char *line,
		       size_t len, struct err *err)
{
	char *comment = memchr(line, '#', len);
	struct setting *set = &s->v[s->n];
	size_t n = comment ? (size_t)(comment - line) : len;

	if (!comment && n && line[n - 1] == '\r')
		n--;
	if (keyvalue_check(line, n, 1, err))
		return err->code;
	line[n] = '\0';
	line = keyvalue_trim(line);
	if (!*line)
		return 0;
	if (s->n == MAX_LINES)
		return err_set(err, ERR_USAGE, "more than %d settings", MAX_LINES);
	set->from.what = strdup(line);
	if (!set->from.what)
		return err_nomem(err, strlen(line), "the import");
	set->from.file = file;
	set->from.line = number;
	set->key = line;
	line += strcspn(line, " \t");
	if (*line)
		*line++ = '\0';
	set->value = keyvalue_trim(line);
	s->n++;
	return 0;
}

static bool is_one_of(const char *key, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(key, *list) == 0)
			return true;
	return false;
}

static bool is_remote(const struct setting *set)
{
	static const char *const keys[] = {"nfs", "nfs4", "ssh", "net", NULL};

	return is_one_of(set->key, keys);
}

static int read_settings(struct settings *s, const struct import_file *f, struct err *err)
{
	struct keyvalue_lines lines;
	char *line;
	size_t len;

	if (keyvalue_copy(f->text, CONFIG_MAX_SIZE, f->name, "a configuration", &s->text, err))
		return err->code;
	lines = (struct keyvalue_lines){.next = s->text, .end = s->text + f->text.len};
	while (keyvalue_line(&lines, &line, &len))
		if (add_setting(s, f->name, lines.number, line, len, err))
			return err_wrap(err, "%s: line %u", f->name, lines.number);
	return 0;
}

static void settings_destroy(struct settings **s)
{
	if (!*s)
		return;
	for (size_t i = 0; i < (*s)->n; i++)
		free((char *)(*s)->v[i].from.what);
	free((*s)->text);
	free(*s);
}

/* ---- dracut_args */

struct dracut {
	char *modules, *programs, *lost;
	const char *mount;
};

static void dracut_deinit(struct dracut *d)
{
	free(d->modules);
	free(d->programs);
	free(d->lost);
}

static int join(char **list, const char *word, struct err *err)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", *list ? *list : "", *list ? " " : "", word) < 0)
		return err_nomem(err, strlen(word), "the import");
	free(*list);
	*list = joined;
	return 0;
}

/* "--name" or "--name=value": its value, and *used words are taken; NULL: it is another option. */
static const char *option_value(char **words, const char *name, size_t *used)
{
	size_t len = strlen(name);

	if (strncmp(words[0], name, len) != 0)
		return NULL;
	if (words[0][len] == '=') {
		*used = 1;
		return words[0] + len + 1;
	}
	if (words[0][len] || !words[1])
		return NULL;
	*used = 2;
	return words[1];
}

static int sort_dracut(struct dracut *d, char **words, struct err *err)
{
	while (*words) {
		const char *value;
		size_t used = 1;
		int r = 0;

		if ((value = option_value(words, "--add-drivers", &used)))
			r = join(&d->modules, value, err);
		else if ((value = option_value(words, "--install", &used)) ||
			 (value = option_value(words, "-I", &used)))
			r = join(&d->programs, value, err);
		else if (!d->mount && (value = option_value(words, "--mount", &used)))
			d->mount = value;
		else if (!option_value(words, "--omit-drivers", &used) &&
			 !option_value(words, "--omit", &used))
			r = join(&d->lost, words[0], err);
		if (r)
			return r;
		words += used;
	}
	return 0;
}

/* "DEVICE MOUNTPOINT FSTYPE OPTIONS" */
static int take_mount(struct importing *in, const struct importing_from *from, const char *mount,
		      struct err *err)
{
	_cleanup_free_ char **field = NULL, *line = NULL;
	const struct key *kind;
	struct err inner;
	size_t n = 0;
	bool done;

	if (collector_split(mount, &field, &inner))
		return importing_leave(in, from, IMPORT_LOST, inner.msg, err);
	while (field[n])
		n++;
	if (n < 3)
		return importing_leave(in, from, IMPORT_LOST,
				       "--mount is not \"DEVICE MOUNTPOINT FSTYPE OPTIONS\"", err);
	if (strcmp(field[2], "cifs") == 0) {
		if (asprintf(&line, "%s %s", field[2], field[0]) < 0) {
			line = NULL;
			return err_nomem(err, strlen(mount), "the import");
		}
		return importing_lose_target(in, from, line, err);
	}
	kind = reading_find_key(field[2]);
	if (!kind || (kind->set != reading_set_fs && kind->set != reading_set_nfs))
		return importing_leave(in, from, IMPORT_LOST,
				       "--mount has a kind of file system that is no target here",
				       err);
	if (importing_carry(in, from, NULL, field[2], field[0], &done, err))
		return err->code;
	if (!done || n == 3 || strcmp(field[3], "defaults") == 0)
		return 0;
	return importing_carry(in, from, NULL, "mount_options", field[3], NULL, err);
}

static int take_dracut_args(struct importing *in, const struct setting *set, struct err *err)
{
	_cleanup_(dracut_deinit) struct dracut d = {0};
	_cleanup_free_ char **words = NULL, *why = NULL;
	struct err inner;

	if (collector_split(set->value, &words, &inner))
		return importing_leave(in, &set->from, IMPORT_LOST, inner.msg, err);
	if (sort_dracut(&d, words, err))
		return err->code;
	if (d.mount && take_mount(in, &set->from, d.mount, err))
		return err->code;
	if (d.modules &&
	    importing_carry(in, &set->from, NULL, "extra_modules", d.modules, NULL, err))
		return err->code;
	if (d.programs &&
	    importing_carry(in, &set->from, NULL, "extra_bins", d.programs, NULL, err))
		return err->code;
	if (d.lost) {
		if (asprintf(&why, "there is no dracut to take %s", d.lost) < 0) {
			why = NULL;
			return err_nomem(err, strlen(d.lost), "the import");
		}
		return importing_leave(in, &set->from, IMPORT_LOST, why, err);
	}
	if (d.mount || d.modules || d.programs)
		return 0;
	return importing_leave(
		in, &set->from, IMPORT_NEEDLESS,
		"there is no dracut, and the image has only the modules that are needed", err);
}

/* ---- other keys that are written in another way, or not at all */

/* "MODULE OPTION=VALUE…" → MODULE.OPTION=VALUE… on the command line. */
static int take_options(struct importing *in, const struct setting *set, struct err *err)
{
	_cleanup_free_ char **words = NULL, *line = NULL;
	struct err inner;

	if (collector_split(set->value, &words, &inner))
		return importing_leave(in, &set->from, IMPORT_LOST, inner.msg, err);
	for (size_t i = 1; words[0] && words[i]; i++) {
		_cleanup_free_ char *word = NULL;

		if (asprintf(&word, "%s.%s", words[0], words[i]) < 0) {
			word = NULL;
			return err_nomem(err, strlen(set->value), "the import");
		}
		if (join(&line, word, err))
			return err->code;
	}
	if (!line)
		return importing_leave(in, &set->from, IMPORT_LOST, "it has no option", err);
	return importing_carry(in, &set->from, NULL, "cmdline_append", line, NULL, err);
}

static int take_blacklist(struct importing *in, const struct setting *set, struct err *err)
{
	_cleanup_free_ char *word = NULL;

	if (asprintf(&word, "module_blacklist=%s", set->value) < 0) {
		word = NULL;
		return err_nomem(err, strlen(set->value), "the import");
	}
	for (char *p = word; *p; p++)
		if (keyvalue_is_blank(*p))
			*p = ',';
	return importing_carry(in, &set->from, NULL, "cmdline_append", word, NULL, err);
}

struct leaving {
	const char *key;
	enum import_outcome outcome;
	const char *why;
};

static const struct leaving leavings[] = {
	{"link_delay", IMPORT_NEEDLESS, "a link is waited for, up to deadline_network"},
	{"debug_mem_level", IMPORT_NEEDLESS, "crash.json has the memory used"},
	{"override_resettable", IMPORT_NEEDLESS, "every device is tried"},
	{"fence_kdump_nodes", IMPORT_LOST, "the nodes of the cluster are not told of a crash"},
	{"fence_kdump_args", IMPORT_NEEDLESS, "it belongs to fence_kdump_nodes"},
	{"kdump_emergency", IMPORT_LOST,
	 "there is no such program; one of kdump_post is run after a failure, too, and its first "
	 "argument says which it was"},
};

static const char *change_of(const char *key)
{
	if (strcmp(key, "raw") == 0)
		return "the partition gets a format of its own: its first 4 KiB have to be zeros, "
		       "and `lifeboat collect` fetches the crashes";
	if (strcmp(key, "kdump_post") == 0)
		return "its second argument, where it looks at that, is a word here: complete, "
		       "partial, log-only or failed";
	return NULL;
}

/* "net" is what both were called before RHEL 7 (mkdumprd). */
static int take_remote(struct importing *in, const struct setting *set, struct err *err)
{
	bool ssh = strcmp(set->key, "ssh") == 0 ||
		   (strcmp(set->key, "net") == 0 && strchr(set->value, '@'));

	return importing_carry(
		in, &set->from,
		ssh ? IMPORTING_HOST_KEY
		    : "crashes are in a folder of this machine's name, and not of its "
		      "address",
		ssh                             ? "ssh"
		: strcmp(set->key, "nfs4") == 0 ? "nfs4"
						: "nfs",
		set->value, NULL, err);
}

static int take_setting(struct importing *in, const struct setting *set, struct err *err)
{
	if (is_remote(set))
		return take_remote(in, set, err);
	if (strcmp(set->key, "dracut_args") == 0)
		return take_dracut_args(in, set, err);
	if (strcmp(set->key, "options") == 0)
		return take_options(in, set, err);
	if (strcmp(set->key, "blacklist") == 0)
		return take_blacklist(in, set, err);
	if (strcmp(set->key, "disk_timeout") == 0)
		return importing_carry(in, &set->from, NULL, "deadline_device", set->value, NULL,
				       err);
	if (strcmp(set->key, "core_collector") == 0 && strncmp(set->value, "scp", 3) == 0)
		return importing_leave(in, &set->from, IMPORT_NEEDLESS,
				       "scp belongs to an ssh target", err);
	for (size_t i = 0; i < ARRAY_SIZE(leavings); i++)
		if (strcmp(set->key, leavings[i].key) == 0)
			return importing_leave(in, &set->from, leavings[i].outcome, leavings[i].why,
					       err);
	return importing_carry(in, &set->from, change_of(set->key), set->key, set->value, NULL,
			       err);
}

static int take_conf(struct importing *in, struct err *err)
{
	_cleanup_(settings_destroy) struct settings *s = NULL;

	if (!in->source->conf)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_nomem(err, sizeof(*s), "the import");
	if (read_settings(s, in->source->conf, err))
		return err->code;
	for (size_t i = 0; i < s->n; i++)
		if (take_setting(in, &s->v[i], err))
			return err->code;
	return 0;
}

/* ---- folders of programs, whose files kdump runs in their order */

static int take_programs(struct importing *in, struct err *err)
{
	for (char *const *p = in->source->post; p && *p; p++) {
		const struct importing_from from = {NULL, 0, *p};

		if (importing_carry(in, &from, change_of("kdump_post"), "kdump_post", *p, NULL,
				    err))
			return err->code;
	}
	for (char *const *p = in->source->pre; p && *p; p++) {
		const struct importing_from from = {NULL, 0, *p};

		if (importing_leave(in, &from, IMPORT_LOST,
				    "kdump goes on when one of these fails; there would be no dump "
				    "if one of kdump_pre failed here, so write that yourself",
				    err))
			return err->code;
	}
	return 0;
}

/* ---- /etc/sysconfig/kdump */

/* As shipped, of all architectures and of releases since RHEL 7 (gen-kdump-sysconfig.sh). */
#define REMOVED                                                                      \
	"hugepages hugepagesz slub_debug quiet log_buf_len swiotlb cma hugetlb_cma " \
	"ignition.firstboot vmcp_cma prot_virt zfcp.allow_lun_scan"
#define APPENDED                                                                              \
	"irqpoll nr_cpus=1 maxcpus=1 reset_devices cgroup_disable=memory mce=off numa=off "   \
	"udev.children-max=2 panic=10 acpi_no_memhotplug transparent_hugepage=never nokaslr " \
	"hest_disable novmcoredd cma=0 hugetlb_cma=0 pcie_ports=compat swiotlb=noforce "      \
	"noirqdistrib ehea.use_mcs=0 kvm_cma_resv_ratio=0 vmcp_cma=0 rootflags=nofail "       \
	"initramfs_options=size=90%"

static const struct importing_variable variables[] = {
	{"KDUMP_KERNELVER", importing_take_key, "capture_kernel", NULL},
	{"KDUMP_COMMANDLINE", importing_take_lost,
	 "the capture kernel's command line is made of the running kernel's by rules; write what "
	 "else it needs behind cmdline_append",
	 NULL},
	{"KDUMP_COMMANDLINE_REMOVE", importing_take_remove, NULL, REMOVED},
	{"KDUMP_COMMANDLINE_APPEND", importing_take_cmdline, NULL, APPENDED},
	{"FADUMP_COMMANDLINE_APPEND", importing_take_lost,
	 "dumps with the firmware's help (fadump) are not supported",
	 "nr_cpus=16 numa=off cgroup_disable=memory cma=0 kvm_cma_resv_ratio=0 hugetlb_cma=0 "
	 "transparent_hugepage=never novmcoredd udev.children-max=2"},
	{"KEXEC_ARGS", importing_take_kexec, NULL, NULL},
	{"KDUMP_BOOTDIR", importing_take_lost, "write the path of the kernel behind capture_kernel",
	 "/boot"},
	{"KDUMP_IMG", importing_take_lost, "write the path of the kernel behind capture_kernel",
	 "vmlinuz"},
	{"KDUMP_IMG_EXT", importing_take_lost, "write the path of the kernel behind capture_kernel",
	 NULL},
	{"VMCORE_CREATION_NOTIFICATION", importing_take_needless,
	 "crashes are told in the journal and by `lifeboat list`", NULL},
	{"KDUMP_STDLOGLVL", importing_take_needless, "messages go to the journal", NULL},
	{"KDUMP_SYSLOGLVL", importing_take_needless, "messages go to the journal", NULL},
	{"KDUMP_KMSGLOGLVL", importing_take_needless, "messages go to the journal", NULL},
	{"MKDUMPRD_ARGS", importing_take_lost, "there is no dracut to take them", NULL},
};

int importing_kdump(struct importing *in, struct err *err)
{
	if (take_conf(in, err) || take_programs(in, err))
		return err->code;
	return importing_variables(in, variables, ARRAY_SIZE(variables), err);
}
