// SPDX-License-Identifier: GPL-2.0-or-later
/* What has to change: found and planned, nothing is written here. */
#include "service/bootloader.h"

#include <stdio.h>

#include "service/bootplan.h"
#include "service/crashkernel.h"

#define PLACES                                                                  \
	"/etc/default/grub with update-grub, grub-mkconfig or grub2-mkconfig, " \
	"/boot/loader/entries, /efi/loader/entries, /boot/efi/loader/entries"

void bootloader_deinit(struct bootloader_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->v[i].path);
		free(plan->v[i].was);
		free(plan->v[i].will);
		free(plan->v[i].diff);
	}
	for (char **c = plan->commands; c && *c; c++)
		free(*c);
	free(plan->commands);
	free(plan->v);
	*plan = (struct bootloader_plan){0};
}

/* Its entries are written anew from what it keeps with each deployment, and nobody reads GRUB's defaults. */
static int refuse_ostree(const struct service *s, const char *words, struct err *err)
{
	if (!root_exists(s->root, "/run/ostree-booted"))
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		       "this system is deployed by ostree, which keeps the command line itself: "
		       "see `rpm-ostree kargs`, then %s%s%s, and --delete each other crashkernel= "
		       "that it shows",
		       *words ? "--append each word of '" : "nothing is to be appended", words,
		       *words ? "'" : "");
}

int bootloader_plan(const struct service *s, const char *crashkernel, struct bootloader_plan *ret,
		    struct err *err)
{
	static const char *const partitions[] = {"/boot", "/efi", "/boot/efi"};
	struct bootloader_plan plan = {0};
	struct bootplan f = {.s = s, .plan = &plan};
	struct crashkernel_value value;
	int r = crashkernel_parse(crashkernel, 0, &value, err);

	if (r)
		return r;
	snprintf(plan.words, sizeof(plan.words), "%s", value.words);
	if (refuse_ostree(s, plan.words, err))
		return err->code;
	for (size_t i = 0; !r && i < ARRAY_SIZE(partitions); i++)
		r = bootplan_entries(&f, partitions[i], err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(partitions); i++)
		r = bootplan_find_uki(&f, partitions[i], err);
	r = r ? r : bootplan_grub(&f, err);
	r = r ? r : bootplan_judge_uki(&f, err);
	if (!r && !*plan.loaders)
		r = err_set(err, ERR_NOT_FOUND,
			    "no boot loader was found that can be edited; looked for " PLACES
			    ". Put %s on the kernel's command line by hand",
			    *plan.words ? plan.words : "no crashkernel=");
	r = r ? r : bootplan_cmdline(&f, err);
	if (r)
		bootloader_deinit(&plan);
	else
		*ret = plan;
	return r;
}
