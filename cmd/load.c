// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "loader/load.h"

static void print_loaded(const struct load *l, bool verified)
{
	uint64_t region = facts_load_region(&l->facts);
	char kernel[16], initrd[16], reserved[16];

	printf("panic kernel %s is loaded: takes %s to start, initramfs %s",
	       l->kernel.release[0] ? l->kernel.release : l->request.kernel,
	       num_human(l->kernel.mem_size, kernel), num_human(l->initrd_size, initrd));
	if (region)
		printf(", of %s reserved", num_human(region, reserved));
	printf("%s\n", verified ? "" : " (not verified: crash_loaded in /sys cannot be read)");
}

/* With the facts of another machine there is nothing to load: say that it would be. */
static int load(const struct root *root, const struct load_request *request, struct err *err)
{
	bool verified, recorded = *root->path;
	struct load l;
	int r = load_prepare(root, request, &l, err);

	if (r)
		return r;
	if (recorded) {
		printf("all checks pass on the machine recorded in %s; nothing was loaded\n",
		       root->path);
	} else {
		r = load_submit(&l, root, &sys_kernel, &verified, err);
		if (!r)
			print_loaded(&l, verified);
	}
	load_deinit(&l);
	return r;
}

static int load_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct load_request request = {0};
	const char *root_path = NULL;
	bool panic = false;
	const struct opt opts[] = {
		OPT_FLAG('p', "panic", &panic, "stage the kernel that runs when this one crashes"),
		OPT_STRING(0, "initrd", "IMG", &request.initrd, "its initramfs"),
		OPT_STRING(0, "command-line", "STR", &request.cmdline, "its command line"),
		OPT_STRING(0, "root", "DIR", &root_path,
			   "check against the machine recorded in DIR and load nothing"),
	};
	struct root root;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, err);

	if (r)
		return r;
	if (!panic)
		return err_set(err, ERR_USAGE,
			       "-p is missing: this version stages panic kernels only; an "
			       "ordinary kexec takes kexec -l");
	if (!request.initrd || !request.cmdline)
		return err_set(err, ERR_USAGE, "--%s is missing: a panic kernel needs it",
			       request.initrd ? "command-line" : "initrd");
	request.kernel = argv[1];
	r = root_init(&root, root_path, err);
	if (r)
		return r;
	r = load(&root, &request, err);
	root_deinit(&root);
	return r;
}

const struct cmd cmd_load = {
	.name = "load",
	.operands = "KERNEL",
	.summary = "stage a panic kernel in the crashkernel memory",
	.details =
		"Stages KERNEL (a bzImage) and its initramfs in the memory reserved by "
		"crashkernel=, by\n"
		"kexec_file_load(2). Everything that can be checked is checked before the panic\n"
		"kernel in place, if there is one, is given up.",
	.run = load_run,
};
