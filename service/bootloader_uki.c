// SPDX-License-Identifier: GPL-2.0-or-later
/* Unified kernel images, whose command line is a part of them, and signed with it. */
#include <stdio.h>

#include "config/realpath.h"
#include "service/bootplan.h"

int bootplan_find_uki(struct bootplan *f, const char *partition, struct err *err)
{
	char folder[64];
	char **names;

	snprintf(folder, sizeof(folder), "%s/EFI/Linux", partition);
	names = realpath_list(f->s->root, folder);
	if (!names)
		return err_nomem(err, PATH_MAX, folder);
	for (char **n = names; *n && !*f->uki; n++)
		if (bootplan_ends(*n, ".efi"))
			snprintf(f->uki, sizeof(f->uki), "%s/%s", folder, *n);
	realpath_list_free(names);
	return 0;
}

/* The stub of a unified kernel image leaves its name in a variable (systemd-stub(7)). */
#define STUB_INFO "/sys/firmware/efi/efivars/StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

int bootplan_judge_uki(const struct bootplan *f, struct err *err)
{
	bool only = !*f->plan->loaders || root_exists(f->s->root, STUB_INFO);

	if (!*f->uki)
		return 0;
	if (!only) {
		service_tell(f->s, SERVICE_WARNING,
			     "%s has its command line inside; it is left as it is", f->uki);
		return 0;
	}
	return err_set(err, ERR_UNSUPPORTED,
		       "%s is a unified kernel image: its command line is inside of it and signed "
		       "with it. Put %s into " BOOTPLAN_CMDLINE
		       " and build the image anew (kernel-install add, ukify, dracut --uefi), or "
		       "add it by an addon beside the image (%s.extra.d/*.addon.efi)",
		       f->uki, *f->plan->words ? f->plan->words : "no crashkernel=", f->uki);
}
