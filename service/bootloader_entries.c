// SPDX-License-Identifier: GPL-2.0-or-later
/* Entries of the Boot Loader Specification, and the command line that those to come are made with. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "config/realpath.h"
#include "service/bootedit.h"
#include "service/bootfile.h"
#include "service/bootplan.h"

/* RHEL 8: `options $kernelopts`, a variable in GRUB's environment block. */
static int check_variables(struct bootplan *f, const char *entry, const char *text, struct err *err)
{
	static const char *const blocks[] = {"/boot/grub2/grubenv", "/boot/grub/grubenv"};

	if (!strstr(text, "$kernelopts"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		_cleanup_free_ char *block = NULL;
		struct err ignored = {0};

		if (!bootfile_read(f->s->root, blocks[i], &block, &ignored) &&
		    bootedit_mentions(block))
			return err_set(err, ERR_UNSUPPORTED,
				       "%s has $kernelopts, whose crashkernel= stands in %s; take "
				       "it out there: grub2-editenv - set \"kernelopts=…\"",
				       entry, blocks[i]);
	}
	if (*f->plan->words && !f->warned)
		service_tell(f->s, SERVICE_WARNING,
			     "%s has $kernelopts, and so will those of kernels to come, which get "
			     "no crashkernel= of ours: put %s there (grub2-editenv - set "
			     "\"kernelopts=…\"), or run this again after each new kernel",
			     entry, f->plan->words);
	f->warned = true;
	return 0;
}

static int plan_entry(struct bootplan *f, const char *path, struct err *err)
{
	_cleanup_free_ char *was = NULL, *real = bootfile_real_path(f->s->root, path, err);
	char *will;
	size_t len;

	if (!real || bootfile_read(f->s->root, real, &was, err))
		return err->code;
	if (!bootedit_entry_value(was, "linux", &len)) {
		if (bootedit_entry_value(was, "uki", &len))
			snprintf(f->uki, sizeof(f->uki), "%s", path);
		return 0; /* a memory test, another system */
	}
	f->entries = true;
	for (size_t i = 0; i < f->plan->n; i++)
		if (strcmp(f->plan->v[i].path, real) == 0)
			return 0; /* the same folder by another name */
	if (check_variables(f, path, was, err))
		return err->code;
	if (bootedit_entry(was, f->plan->words, &will, err))
		return err_wrap(err, "%s", path);
	return bootplan_add_change(f->plan, real, no_cleanup_ptr(was), will, err);
}

int bootplan_entries(struct bootplan *f, const char *partition, struct err *err)
{
	char folder[64], path[64 + NAME_MAX + 1], loader[64];
	bool before = f->entries;
	char **names;
	int r = 0;

	snprintf(folder, sizeof(folder), "%s/loader/entries", partition);
	snprintf(loader, sizeof(loader), "%s/loader/loader.conf", partition);
	names = realpath_list(f->s->root, folder);
	if (!names)
		return err_nomem(err, PATH_MAX, folder);
	f->entries = false;
	for (char **n = names; !r && *n; n++)
		if (bootplan_ends(*n, ".conf") &&
		    snprintf(path, sizeof(path), "%s/%s", folder, *n) < (int)sizeof(path))
			r = plan_entry(f, path, err);
	if (f->entries)
		bootplan_name_loader(f->plan, root_exists(f->s->root, loader)
						      ? "systemd-boot"
						      : "boot loader entries");
	f->entries |= before;
	realpath_list_free(names);
	return r;
}

int bootplan_cmdline(const struct bootplan *f, struct err *err)
{
	_cleanup_free_ char *real = NULL;
	char *was, *will;

	if (!root_exists(f->s->root, BOOTPLAN_CMDLINE)) {
		if (root_exists(f->s->root, "/usr/lib/kernel/cmdline"))
			service_tell(f->s, SERVICE_NOTE,
				     "entries of new kernels get the command line of "
				     "/usr/lib/kernel/cmdline, which is not edited; to have "
				     "crashkernel= in them, make a " BOOTPLAN_CMDLINE);
		return 0;
	}
	real = bootfile_real_path(f->s->root, BOOTPLAN_CMDLINE, err);
	if (!real || bootfile_read(f->s->root, BOOTPLAN_CMDLINE, &was, err))
		return err->code;
	if (bootedit_cmdline(was, f->plan->words, &will, err)) {
		free(was);
		return err_wrap(err, BOOTPLAN_CMDLINE);
	}
	return bootplan_add_change(f->plan, real, was, will, err);
}
