// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/config.h"

#define OSRELEASE "/proc/sys/kernel/osrelease"

/* The version of the running kernel. */
static int running_kernel(const struct root *root, char **ret, struct err *err)
{
	size_t len;

	if (root_read(root, OSRELEASE, 4096, ret, &len, err))
		return err_wrap(err, "which kernel runs is not known; give --kernel");
	(*ret)[strcspn(*ret, "\n")] = '\0';
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	_cleanup_(root_deinit) struct root root = {.fd = -1};
	_cleanup_free_ char *running = NULL, *text = NULL;
	const char *dir = NULL, *path = NULL, *kernel = NULL;
	const struct opt opts[] = {
		OPT_STRING(0, "config", "FILE", &path,
			   "configuration file (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &dir, "look at the machine recorded below DIR"),
		OPT_STRING(0, "kernel", "VERSION", &kernel,
			   "version of the capture kernel (default: the running one)"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);
	size_t len;

	if (r)
		return r;
	if (root_init(&root, dir, err) || (!kernel && running_kernel(&root, &running, err)))
		return err->code;
	if (config_recipe(cmd, &root, path, kernel ? kernel : running, &text, &len, err))
		return err->code;
	fwrite(text, 1, len, stdout);
	return 0;
}

const struct cmd cmd_recipe = {
	.name = "recipe",
	.operands = "",
	.summary = "print what the configuration makes of this machine",
	.details =
		"Prints the recipe: targets by names that hold in the capture kernel, the modules\n"
		"they need, and every setting, defaults too. `lifeboat initramfs --config` makes "
		"the\n"
		"same one; printed and edited, it can be given to `lifeboat initramfs --recipe`.",
	.run = run,
};
